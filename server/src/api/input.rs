//! What a request brings, refused as a problem where it cannot be read.

use axum::extract::{FromRequest, FromRequestParts};
use axum::http::StatusCode;
use operations::Error;

use super::problem::Problem;

/// How many a list has where nothing is said.
const USUAL: u32 = 50;
/// How many a list has at most.
const MOST: u32 = 200;

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
pub(crate) fn cursor(text: Option<&str>) -> Result<Option<i64>, Problem> {
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
