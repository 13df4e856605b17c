//! `/api/v1`: the portal for programs.
//!
//! A room of endpoints is a file: its handlers, the types that they answer with, and a function `endpoints` that
//! [`document`] and the router are made of. Nothing of `operations` is serialised: what programs see is said here, so that
//! it stays the same when the use cases change.
//!
//! Who asks is told by an access token in `Authorization: Bearer` and by nothing else ([`access`]): cookies mean nothing
//! here, so there is nothing that another site could make a browser do.

pub(crate) mod access;
mod at;
mod environments;
pub(crate) mod executions;
mod history;
mod incidents;
mod input;
pub(crate) mod output;
mod people;
pub(crate) mod problem;
mod recordings;
pub(crate) mod runbooks;
pub(crate) mod runs;
mod statistics;
mod steps;
pub(crate) mod words;

use std::sync::LazyLock;

use axum::extract::{DefaultBodyLimit, FromRef};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{any, get};
use axum::{Router, middleware};
use identity::Identity;
use operations::Operations;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;

use self::access::Door;
use self::problem::Problem;
use crate::stream::Streams;

/// Where the API is.
pub const BASE: &str = "/api/v1";
/// Where its description is, for everybody: it tells nothing of what this portal holds.
pub const DOCUMENT: &str = "/api/v1/openapi.json";
/// The longest body of a request.
const BODY_LIMIT: usize = 256 * 1024;

/// What the handlers need.
#[derive(Clone, FromRef)]
pub(crate) struct Api {
    operations: Operations,
    streams: Streams,
    pages: Pages,
}

/// The portal's own address, for links to its pages.
#[derive(Clone)]
pub(crate) struct Pages(std::sync::Arc<str>);

impl Pages {
    fn run(&self, id: operations::RunId) -> String {
        format!("{}/runs/{id}", self.0)
    }

    fn incident(&self, id: operations::IncidentId) -> String {
        format!("{}/incidents/{id}", self.0)
    }

    /// Where a shared post-mortem is read by whoever has its key.
    fn shared(&self, key: &str) -> String {
        format!("{}{}{key}", self.0, crate::post_mortem::SHARED)
    }

    fn link(&self, token: &str) -> String {
        format!("{}/links/{token}", self.0)
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Runbook Portal",
        description = "Read, run and follow runbooks from programs. Every request carries an access token, made on the \
                       portal's page /tokens: `Authorization: Bearer rbp_…`. Errors are RFC 9457 problems whose `detail` \
                       names the next step. Times are RFC 3339 in UTC. A list has a `next` where there is more: give it \
                       back as `cursor`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    modifiers(&Tokens),
    components(schemas(problem::ProblemDocument)),
    tags(
        (name = "runbooks", description = "What there is to carry out"),
        (name = "environments", description = "Where it may be carried out"),
        (name = "runs", description = "Passages through a procedure"),
        (name = "executions", description = "Presses of Run, and what they printed"),
        (name = "incidents", description = "What went wrong, from the alert to the post-mortem"),
        (name = "recordings", description = "What terminals printed"),
        (name = "people", description = "Whom something can be handed to, and who is there"),
        (name = "statistics", description = "How procedures went, and what needs rewriting"),
        (name = "history", description = "The audit trail"),
    )
)]
struct Description;

/// What every request carries.
struct Tokens;

impl Modify for Tokens {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("rbp_")
            .description(Some("An access token of the portal's page /tokens, with the scope that the operation names."))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// All endpoints; a new room is a line here.
fn endpoints() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(Description::openapi()).nest(
        BASE,
        OpenApiRouter::new()
            .merge(runbooks::endpoints())
            .merge(environments::endpoints())
            .merge(runs::endpoints())
            .merge(executions::endpoints())
            .merge(recordings::endpoints())
            .merge(incidents::endpoints())
            .merge(people::endpoints())
            .merge(statistics::endpoints())
            .merge(history::endpoints()),
    )
}

/// The description of the API, OpenAPI 3.1, made from the code; pretty JSON with an end of line.
#[must_use]
pub fn document() -> String {
    let text = endpoints().into_openapi().to_pretty_json().expect("a description of constants is JSON");
    text + "\n"
}

static DOCUMENT_TEXT: LazyLock<String> = LazyLock::new(document);

async fn described() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT_TEXT.as_str())
}

/// The API's addresses, and nothing around them but who may come in.
pub(crate) fn router(operations: Operations, streams: Streams, identity: &Identity) -> Router {
    let pages = Pages(identity.public_origin().as_str().into());
    let (addresses, _) = endpoints().split_for_parts();
    let unknown = || any(async || Problem::new(StatusCode::NOT_FOUND, UNKNOWN));
    addresses
        .route(BASE, unknown())
        .route(&format!("{BASE}/"), unknown())
        .route(&format!("{BASE}/{{*rest}}"), unknown())
        .method_not_allowed_fallback(async || Problem::new(StatusCode::METHOD_NOT_ALLOWED, OTHER_METHOD))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn_with_state(Door::new(operations.clone(), identity.clone()), access::admit))
        .route(DOCUMENT, get(described))
        .with_state(Api { operations, streams, pages })
}

const UNKNOWN: &str = "There is no such address. All of them are described at /api/v1/openapi.json.";
const OTHER_METHOD: &str = "This address takes another method: see the header Allow, or /api/v1/openapi.json.";

#[cfg(test)]
mod tests {
    use super::*;

    /// What `docs/openapi.json` holds is what the code says: a change of the API is reviewed like code.
    #[test]
    fn the_documented_description_is_the_one_of_the_code() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
        let text = document();
        if std::env::var_os("UPDATE_OPENAPI").is_some() {
            std::fs::write(file, &text).expect("the folder of documents can be written");
        }
        let written = std::fs::read_to_string(file).unwrap_or_default();
        assert!(
            written == text,
            "docs/openapi.json is stale: run the tests of `server` once with UPDATE_OPENAPI=1 and look at what changed"
        );
    }

    /// Types of one name would silently be one in the description.
    #[test]
    fn everything_that_is_referred_to_is_described() {
        let document: serde_json::Value = serde_json::from_str(&document()).expect("JSON");
        let schemas = document["components"]["schemas"].as_object().expect("schemas");
        let text = document.to_string();
        for (at, _) in text.match_indices("#/components/schemas/") {
            let name = text[at + 21..].split('"').next().expect("a reference ends");
            assert!(schemas.contains_key(name), "{name}");
        }
    }
}
