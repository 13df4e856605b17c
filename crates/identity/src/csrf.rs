//! The one check that stands before everything a request may change.
//!
//! Neither server functions nor plain forms carry a token; browsers say themselves where a request was born. The rule is
//! that of Go's `net/http.CrossOriginProtection` and the OWASP CSRF cheat sheet ("Fetch Metadata headers"), with one
//! difference: a request that says nothing about its origin is refused, where Go takes it for a program. Programs can say
//! `Origin` too.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use url::Url;

/// The origin under which browsers know this portal: `https://host[:port]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicOrigin(String);

impl PublicOrigin {
    /// The origin of the portal's public address.
    #[must_use]
    pub fn of(public_url: &Url) -> Self {
        Self(public_url.origin().ascii_serialization())
    }

    /// The text that browsers send in `Origin`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a request was refused. The text is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrossSite {
    /// The browser says that another site or another origin of the same site sent it.
    #[error("This request was sent by another site, so it was refused. Open the portal itself and try again.")]
    OtherSite,
    /// `Origin` names another origin than the portal's public address.
    #[error(
        "This request came from an address that is not this portal's public address, so it was refused. Open the portal \
         at its public address; whoever runs it finds that under public_url in its configuration."
    )]
    OtherOrigin,
    /// Neither header, or one of them more than once or unreadable.
    #[error(
        "This request does not say where it came from, so it was refused. Browsers of the last years always say it; a \
         program sends the portal's public address in the Origin header."
    )]
    Unsaid,
}

/// Decides whether a request may go on.
///
/// # Errors
/// The reason for refusing it.
pub fn verdict(method: &Method, headers: &HeaderMap, portal: &PublicOrigin) -> Result<(), CrossSite> {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    match single(headers, "sec-fetch-site")? {
        Some("same-origin" | "none") => Ok(()),
        Some(_) => Err(CrossSite::OtherSite),
        None => match single(headers, header::ORIGIN.as_str())? {
            Some(origin) if origin == portal.as_str() => Ok(()),
            Some(_) => Err(CrossSite::OtherOrigin),
            None => Err(CrossSite::Unsaid),
        },
    }
}

/// The header's only value.
fn single<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, CrossSite> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| CrossSite::Unsaid),
        (Some(_), Some(_)) => Err(CrossSite::Unsaid),
    }
}

/// Middleware: answers 403 and the reason in plain text, or passes the request on.
///
/// Use with `axum::middleware::from_fn_with_state(identity.public_origin(), csrf::check)`, around every route.
pub async fn check(State(portal): State<PublicOrigin>, request: Request, next: Next) -> Response {
    match verdict(request.method(), request.headers(), &portal) {
        Ok(()) => next.run(request).await,
        Err(reason) => {
            tracing::warn!(method = %request.method(), path = request.uri().path(), ?reason, "cross-site request refused");
            (StatusCode::FORBIDDEN, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], reason.to_string())
                .into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const PORTAL: &str = "https://portal.example";

    type Verdict = Result<(), CrossSite>;

    fn decide(method: &Method, sites: &[&str], origins: &[&str]) -> Verdict {
        let mut headers = HeaderMap::new();
        for site in sites {
            headers.append("sec-fetch-site", site.parse().unwrap());
        }
        for origin in origins {
            headers.append("origin", HeaderValue::from_bytes(origin.as_bytes()).unwrap());
        }
        verdict(method, &headers, &PublicOrigin::of(&Url::parse("https://portal.example/").unwrap()))
    }

    #[test]
    fn every_combination() {
        use CrossSite::{OtherOrigin, OtherSite, Unsaid};
        let changing = [
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::CONNECT,
            Method::TRACE,
            Method::from_bytes(b"PROPFIND").unwrap(),
            Method::from_bytes(b"get").unwrap(),
        ];
        let origins: [(&[&str], Verdict); 13] = [
            (&[], Err(Unsaid)),
            (&[PORTAL], Ok(())),
            (&["null"], Err(OtherOrigin)),
            (&[""], Err(OtherOrigin)),
            (&["http://portal.example"], Err(OtherOrigin)),
            (&["https://portal.example:8443"], Err(OtherOrigin)),
            (&["https://portal.example:443"], Err(OtherOrigin)),
            (&["https://portal.example.evil.example"], Err(OtherOrigin)),
            (&["https://evil.example"], Err(OtherOrigin)),
            (&["https://portal.example@evil.example"], Err(OtherOrigin)),
            (&["https://PORTAL.example"], Err(OtherOrigin)),
            (&["https://portal.exämple"], Err(Unsaid)),
            (&[PORTAL, PORTAL], Err(Unsaid)),
        ];
        let sites: [(&[&str], Option<Verdict>); 10] = [
            (&[], None),
            (&["same-origin"], Some(Ok(()))),
            (&["none"], Some(Ok(()))),
            (&["same-site"], Some(Err(OtherSite))),
            (&["cross-site"], Some(Err(OtherSite))),
            (&[""], Some(Err(OtherSite))),
            (&["Same-Origin"], Some(Err(OtherSite))),
            (&["same-origin, cross-site"], Some(Err(OtherSite))),
            (&["same-origin", "cross-site"], Some(Err(Unsaid))),
            (&["same-origin", "same-origin"], Some(Err(Unsaid))),
        ];
        for (site, by_site) in &sites {
            for (origin, by_origin) in &origins {
                for method in &changing {
                    assert_eq!(
                        decide(method, site, origin),
                        by_site.unwrap_or(*by_origin),
                        "{method} {site:?} {origin:?}"
                    );
                }
                for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
                    assert_eq!(decide(&method, site, origin), Ok(()), "{method} {site:?} {origin:?}");
                }
            }
        }
    }

    #[test]
    fn the_origin_carries_a_port_only_where_browsers_send_it() {
        for (url, origin) in [
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
            ("http://portal.example:80/", "http://portal.example"),
            ("https://portal.example:443/", "https://portal.example"),
            ("https://Portal.Example:8443/", "https://portal.example:8443"),
        ] {
            assert_eq!(PublicOrigin::of(&Url::parse(url).unwrap()).as_str(), origin);
        }
    }
}
