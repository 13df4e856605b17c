//! What a request brings, refused as a problem where it cannot be read.

use axum::extract::{FromRequest, FromRequestParts};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use operations::Error;

use super::problem::Problem;

/// How many a list has where nothing is said.
const USUAL: u32 = 50;
/// How many a list has at most.
const MOST: u32 = 200;

/// By this header a program says that a request is one that it has sent before.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Its longest value, in bytes.
const LONGEST_KEY: usize = 200;

/// A body of JSON.
#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(Problem))]
pub(crate) struct Body<T>(pub(crate) T);

/// The query.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub(crate) struct Query<T>(pub(crate) T);

/// Parts of the path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub(crate) struct Path<T>(pub(crate) T);

/// Reads an id; what is none names nothing.
pub(crate) fn id<T: std::str::FromStr>(text: &str, what: &'static str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::from(Error::NotFound(what)))
}

/// Where a list goes on.
pub(crate) fn cursor<T: std::str::FromStr>(text: Option<&str>) -> Result<Option<T>, Problem> {
    let read = |text: &str| {
        let detail = "This cursor is none of a list's `next`: give that back as it was.";
        text.parse().map_err(|_| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail))
    };
    text.map(read).transpose()
}

/// How many to list.
pub(crate) fn limit(asked: Option<u32>) -> Result<u32, Problem> {
    match asked {
        None => Ok(USUAL),
        Some(limit @ 1..=MOST) => Ok(limit),
        Some(_) => Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, &format!("A limit is 1 to {MOST}."))),
    }
}

/// The key by which a program knows a request of its own again.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=LONGEST_KEY).contains(&key.len()) => Ok(Some(key)),
        _ => Err(Error::Invalid(format!("An Idempotency-Key has 1 to {LONGEST_KEY} visible ASCII characters.")).into()),
    }
}
