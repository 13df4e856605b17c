//! Why something was not done: `application/problem+json` (RFC 9457).

use std::collections::BTreeMap;

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use operations::Error;
use serde::{Deserialize, Serialize};
use utoipa::openapi::{self, RefOr};
use utoipa::{IntoResponses, ToSchema};

/// How soon to try again where the portal itself is at fault, in seconds.
const SOON: u32 = 5;

/// Why something was not done, and what to do about it (RFC 9457).
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ProblemDocument {
    /// Always `about:blank`: the status says what kind of problem it is.
    #[schema(example = "about:blank")]
    pub(crate) r#type: String,
    /// The status in words.
    #[schema(example = "Conflict")]
    pub(crate) title: String,
    /// The HTTP status.
    #[schema(example = 409)]
    pub(crate) status: u16,
    /// What is wrong and what the next step is.
    #[schema(example = "This run is completed. Start a new one to go on.")]
    pub(crate) detail: String,
}

/// A problem on its way to a program.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: String,
    retry_after: Option<u32>,
    challenge: Option<&'static str>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: &str) -> Self {
        Self { status, detail: detail.to_owned(), retry_after: None, challenge: None }
    }

    /// 401, with what to show (RFC 6750, 3). A token that was shown and is not good is called so.
    pub(crate) fn unauthorized(detail: &str, was_shown: bool) -> Self {
        let challenge = if was_shown { CHALLENGE_WRONG } else { CHALLENGE };
        Self { challenge: Some(challenge), ..Self::new(StatusCode::UNAUTHORIZED, detail) }
    }

    /// Says when to try again, in seconds.
    pub(crate) fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }
}

const CHALLENGE: &str = "Bearer realm=\"Runbook Portal\"";
const CHALLENGE_WRONG: &str = "Bearer realm=\"Runbook Portal\", error=\"invalid_token\"";

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        let status = match &error {
            Error::Forbidden(_) => StatusCode::FORBIDDEN,
            Error::NotFound(_) => StatusCode::NOT_FOUND,
            Error::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Error::Conflict(_) => StatusCode::CONFLICT,
            Error::CannotRun(_) => StatusCode::SERVICE_UNAVAILABLE,
            Error::Audit(_) | Error::Store(_) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a request of a program could not be answered"
                );
                return Self::new(StatusCode::SERVICE_UNAVAILABLE, &detail).retry_after(SOON);
            }
        };
        Self::new(status, &detail)
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), &described(&rejection.body_text()))
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, &described(&rejection.body_text()))
    }
}

/// What cannot be read, and where it stands how it is read.
fn described(why: &str) -> String {
    format!("{why}. See /api/v1/openapi.json.")
}

impl From<PathRejection> for Problem {
    fn from(_: PathRejection) -> Self {
        Self::from(Error::NotFound("This address"))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Problem").to_owned();
        let document = ProblemDocument {
            r#type: "about:blank".to_owned(),
            title,
            status: self.status.as_u16(),
            detail: self.detail,
        };
        let text = serde_json::to_string(&document).expect("a struct of texts is JSON");
        let mut response = (self.status, [(header::CONTENT_TYPE, "application/problem+json")], text).into_response();
        let headers = response.headers_mut();
        if let Some(challenge) = self.challenge {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// What can go wrong where something is looked at.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it describes answers that are made from other types")]
pub(crate) enum Looking {
    /// No token, or one that does not work. `WWW-Authenticate` names the scheme.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(ProblemDocument),
    /// The token lacks the scope, or its role may not.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemDocument),
    /// There is no such thing, or not any more.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemDocument),
    /// What was asked cannot be done as asked: a value is missing or has the wrong shape.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(ProblemDocument),
    /// Too many requests of this token are under way. `Retry-After` says when to try again.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(ProblemDocument),
    /// The portal cannot do it now: its database does not answer, or there is no sandbox.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(ProblemDocument),
}

/// What can go wrong where something is done: all of [`Looking`], and what is in the body.
pub(crate) enum Doing {}

/// What can go wrong beyond [`Looking`] where something is done.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it describes answers that are made from other types")]
enum More {
    /// The body is no JSON.
    #[response(status = 400, content_type = "application/problem+json")]
    NotJson(ProblemDocument),
    /// Somebody was faster, or the state does not permit it now.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(ProblemDocument),
    /// The body is too long.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLong(ProblemDocument),
    /// The body is of another type than `application/json`.
    #[response(status = 415, content_type = "application/problem+json")]
    OtherType(ProblemDocument),
}

impl IntoResponses for Doing {
    fn responses() -> BTreeMap<String, RefOr<openapi::Response>> {
        let mut responses = Looking::responses();
        responses.extend(More::responses());
        responses
    }
}
