//! Post-mortems outside the pages: as a file, and for whoever has the address of a shared one.

use app::{not_shared, shared_post_mortem};
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use identity::CurrentCaller;
use operations::{Error, IncidentId, Operations};

use crate::routes::Problem;

/// What the address of a shared one begins with; its key follows.
pub(crate) const SHARED: &str = "/shared/post-mortems/";
/// The longest key that is looked for: longer than any that was ever made.
const LONGEST_KEY: usize = 64;
/// A document that loads its style and nothing else, and sends nothing (Content Security Policy Level 3).
const POLICY: &str = "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; form-action 'none'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// The post-mortem as Markdown, to be saved.
pub(crate) async fn download(
    State(operations): State<Operations>,
    CurrentCaller(caller): CurrentCaller,
    Path(incident): Path<String>,
) -> Result<Response, Problem> {
    let id: IncidentId = incident.parse().map_err(|_| Error::NotFound("This incident"))?;
    let found = operations.post_mortem(&caller, id).await?;
    let name = format!("attachment; filename=\"{}-post-mortem.md\"", found.incident.label());
    let headers =
        [(header::CONTENT_TYPE, "text/markdown; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, found.text).into_response())
}

/// A shared post-mortem, for whoever has its key. Every other key is answered alike.
pub(crate) async fn shared(State(operations): State<Operations>, Path(key): Path<String>) -> Response {
    let found = match key.len() {
        ..=LONGEST_KEY => operations.shared_post_mortem(&key).await,
        _ => Err(Error::NotFound("This post-mortem")),
    };
    let (status, document) = match found {
        Ok(found) => (StatusCode::OK, shared_post_mortem(&found)),
        Err(Error::NotFound(_)) => (StatusCode::NOT_FOUND, not_shared()),
        Err(error) => return Problem::from(error).into_response(),
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex, nofollow, noarchive")),
    ];
    (status, headers, document).into_response()
}
