//! Who asks: an access token, its scopes, and how much may be under way for it.

use std::marker::PhantomData;

use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use identity::Identity;
use operations::{Access, Caller, Operations, Scope, TokenRefused};

use super::problem::Problem;
use crate::seats::Seats;

/// Requests and streams under way in one process.
const MOST: usize = 512;
/// The same of one token: more than a careful program needs.
const MOST_OF_ONE: usize = 16;

/// What decides who comes in.
#[derive(Clone)]
pub(crate) struct Door {
    operations: Operations,
    identity: Identity,
    seats: Seats,
}

impl Door {
    pub(crate) fn new(operations: Operations, identity: Identity) -> Self {
        Self { operations, identity, seats: Seats::new(MOST, MOST_OF_ONE) }
    }
}

/// Middleware: lets a request pass that shows a token which works, and puts its [`Access`] into the extensions. The token's
/// place is taken until the last byte of the answer has been sent.
pub(crate) async fn admit(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let address = door.identity.address(&request);
    let access = match shown(request.headers()) {
        Err(problem) => return problem.into_response(),
        Ok(token) => match door.operations.open_with_token(token, address).await {
            Ok(access) => access,
            Err(TokenRefused::Store(error)) => return Problem::from(operations::Error::Store(error)).into_response(),
            Err(refused) => return Problem::unauthorized(&refused.to_string(), true).into_response(),
        },
    };
    let Some(seat) = door.seats.take(&access.id.to_string()) else {
        let text = "Too many requests of this token are under way. Wait for one of them, then try again.";
        return Problem::new(StatusCode::TOO_MANY_REQUESTS, text).retry_after(1).into_response();
    };
    request.extensions_mut().insert(access);
    next.run(request).await.map(|body| {
        Body::new(body.map_frame(move |frame| {
            let _until_the_end = &seat;
            frame
        }))
    })
}

/// The token in `Authorization: Bearer` (RFC 6750, 2.1; the scheme's case does not count, RFC 9110, 11.1).
fn shown(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (first, second) = (given.next(), given.next());
    let token = match (first, second) {
        (Some(value), None) => value.to_str().ok().and_then(|value| value.split_once(' ')),
        _ => None,
    };
    match token {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => {
            let text = "Send an access token as `Authorization: Bearer rbp_…`. Make one on the portal's page /tokens; \
                        signing in with a browser does not count here.";
            Err(Problem::unauthorized(text, false))
        }
    }
}

/// Scopes as a type: a handler that takes [`Allowed`] of it cannot be reached without them.
pub(crate) trait Needed: Send + Sync + 'static {
    /// All of them are needed.
    const SCOPES: &'static [Scope];
}

/// The scope `read`.
pub(crate) struct Reads;
/// The scope `run`.
pub(crate) struct Runs;
/// The scope `incidents`.
pub(crate) struct Incidents;
/// The scopes `incidents` and `run`: what is run for an incident is run.
pub(crate) struct IncidentRuns;

impl Needed for Reads {
    const SCOPES: &'static [Scope] = &[Scope::Read];
}

impl Needed for Runs {
    const SCOPES: &'static [Scope] = &[Scope::Run];
}

impl Needed for Incidents {
    const SCOPES: &'static [Scope] = &[Scope::Incidents];
}

impl Needed for IncidentRuns {
    const SCOPES: &'static [Scope] = &[Scope::Incidents, Scope::Run];
}

/// A token that has these scopes.
pub(crate) struct Allowed<N> {
    pub(crate) access: Access,
    scope: PhantomData<N>,
}

impl<N> Allowed<N> {
    /// Who every use case is called by.
    pub(crate) fn caller(&self) -> &Caller {
        &self.access.caller
    }
}

impl<N: Needed> FromRequestParts<super::Api> for Allowed<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &super::Api) -> Result<Self, Problem> {
        // `admit` has put it there.
        let access = parts.extensions.get::<Access>().cloned();
        let access = access.ok_or_else(|| Problem::unauthorized("Send an access token.", false))?;
        let Some(missing) = N::SCOPES.iter().copied().find(|scope| !access.scopes.hold(*scope)) else {
            return Ok(Self { access, scope: PhantomData });
        };
        if !parts.method.is_safe() {
            api.operations.refuse_scope(&access, missing).await?;
        }
        let text = format!(
            "This token has the scopes `{}` and this needs `{}`. Make a token with that scope on the portal's page /tokens.",
            access.scopes,
            missing.word()
        );
        Err(Problem::new(StatusCode::FORBIDDEN, &text))
    }
}
