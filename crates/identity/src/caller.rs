//! Who asks, in every request.

use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts, Request, State},
    http::{HeaderMap, Method, StatusCode, Uri, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use operations::Caller;
use tower_sessions::Session;
use url::form_urlencoded;

use crate::{Identity, sign_in::no_session};

/// Middleware: puts an `Option<Caller>` into the extensions of every request. It turns nobody away.
///
/// Use with `axum::middleware::from_fn_with_state(identity, authenticate)`, inside the session layer. The server must be
/// made with `into_make_service_with_connect_info::<SocketAddr>()`, or callers have no address.
pub async fn authenticate(
    State(identity): State<Identity>,
    session: Session,
    mut request: Request,
    next: Next,
) -> Response {
    // A page that stays open opens its stream again by itself: nobody need sit in front of it.
    let is_activity = request.headers().get(header::ACCEPT).is_none_or(|accept| accept != "text/event-stream");
    let person = match identity.person(&session, is_activity).await {
        Ok(person) => person,
        Err(error) => return identity.notice(&no_session(error)),
    };
    let address = identity.address(&request);
    request.extensions_mut().insert(person.map(|person| Caller { person, address }));
    next.run(request).await
}

/// Middleware: lets a request pass only if somebody signed in. A page that a browser opens leads to sign-in and back;
/// everything else (forms, server functions, streams, downloads by script) is answered with 401.
pub async fn require_person(request: Request, next: Next) -> Response {
    match request.extensions().get::<Option<Caller>>() {
        Some(Some(_)) => next.run(request).await,
        _ if opens_a_page(request.method(), request.headers()) => sign_in_and_back(request.uri()),
        _ => NotSignedIn.into_response(),
    }
}

fn opens_a_page(method: &Method, headers: &HeaderMap) -> bool {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    let wants_html = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| {
        accept.split(',').filter_map(|range| range.split(';').next()).any(|kind| kind.trim() == "text/html")
    });
    let by_script = headers.get("sec-fetch-mode").is_some_and(|mode| mode != "navigate");
    reads && wants_html && !by_script
}

fn sign_in_and_back(uri: &Uri) -> Response {
    let here = uri.path_and_query().map_or("/", |path| path.as_str());
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", here).finish();
    ([(header::CACHE_CONTROL, "no-store")], Redirect::to(&format!("/auth/sign-in?{query}"))).into_response()
}

/// The answer to a request that needs a person and has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotSignedIn;

impl IntoResponse for NotSignedIn {
    fn into_response(self) -> Response {
        let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
        (StatusCode::UNAUTHORIZED, headers, "You are not signed in, or your session has ended. Sign in and try again.")
            .into_response()
    }
}

/// The person who asks, and from where. Without one, the request is answered with 401; take `Option<CurrentCaller>` where
/// that is not wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentCaller(pub Caller);

fn current(parts: &Parts) -> Option<CurrentCaller> {
    parts.extensions.get::<Option<Caller>>().cloned().flatten().map(CurrentCaller)
}

impl<S: Send + Sync> FromRequestParts<S> for CurrentCaller {
    type Rejection = NotSignedIn;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        current(parts).ok_or(NotSignedIn)
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for CurrentCaller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Self::Rejection> {
        Ok(current(parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_that_a_browser_opens_leads_to_sign_in() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for (method, accept, mode, expected) in [
            (Method::GET, Some(browser), None, true),
            (Method::GET, Some(browser), Some("navigate"), true),
            (Method::HEAD, Some("text/html;q=0.9"), None, true),
            (Method::GET, Some(browser), Some("cors"), false),
            (Method::GET, Some("text/event-stream"), None, false),
            (Method::GET, Some("*/*"), None, false),
            (Method::GET, Some("text/htmlx"), None, false),
            (Method::GET, None, None, false),
            (Method::POST, Some(browser), Some("navigate"), false),
            (Method::DELETE, Some(browser), None, false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(accept) = accept {
                headers.insert(header::ACCEPT, accept.parse().unwrap());
            }
            if let Some(mode) = mode {
                headers.insert("sec-fetch-mode", mode.parse().unwrap());
            }
            assert_eq!(opens_a_page(&method, &headers), expected, "{method} {accept:?} {mode:?}");
        }
    }

    #[test]
    fn the_way_back_is_kept_whole() {
        let response = sign_in_and_back(&"/runs/7?step=2&x=a%26b".parse().unwrap());
        assert_eq!(response.headers()["location"], "/auth/sign-in?next=%2Fruns%2F7%3Fstep%3D2%26x%3Da%2526b");
    }
}
