//! People: whom something can be handed to, and who looks just now.

use app::fragments::Looker;
use axum::Json;
use axum::extract::State;
use operations::{IncidentId, Operations, RunId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::access::{Allowed, Reads};
use super::at::{At, IncidentPath, RunPath};
use super::problem::{Looking, Problem};
use super::words::Who;
use crate::stream::Streams;

pub(super) fn endpoints() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_people))
        .routes(routes!(list_incident_presence))
        .routes(routes!(list_run_presence))
}

/// People.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct People {
    /// Who signed in last comes first.
    people: Vec<Who>,
}

/// Who looks just now.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Presence {
    /// By name, each once at each place.
    here: Vec<Present>,
}

/// Somebody who has the page open.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Present {
    /// What they are called.
    name: String,
    /// Where they are on the page; empty where that is not known.
    #[schema(example = "step 4")]
    place: String,
}

impl From<Vec<Looker>> for Presence {
    fn from(mut lookers: Vec<Looker>) -> Self {
        lookers.sort();
        lookers.dedup();
        Self { here: lookers.into_iter().map(|looker| Present { name: looker.name, place: looker.place }).collect() }
    }
}

/// List people who signed in lately and may run procedures
///
/// To them a step or the lead of an incident can be handed.
#[utoipa::path(
    get, path = "/people", tag = "people", security(("token" = ["read"])),
    responses((status = 200, body = People), Looking)
)]
async fn list_people(State(operations): State<Operations>, token: Allowed<Reads>) -> Result<Json<People>, Problem> {
    let people = operations.people(token.caller()).await?;
    Ok(Json(People { people: people.iter().map(Who::from).collect() }))
}

/// List who looks at an incident just now
#[utoipa::path(
    get, path = "/incidents/{incident}/presence", tag = "people", security(("token" = ["read"])), params(IncidentPath),
    responses((status = 200, body = Presence), Looking)
)]
async fn list_incident_presence(
    State(streams): State<Streams>,
    at: At<IncidentId, Reads>,
) -> Result<Json<Presence>, Problem> {
    at.operations.may_see_incident(at.caller(), at.id).await?;
    Ok(Json(streams.lookers(at.id.0).into()))
}

/// List who looks at a run just now
#[utoipa::path(
    get, path = "/runs/{run}/presence", tag = "people", security(("token" = ["read"])), params(RunPath),
    responses((status = 200, body = Presence), Looking)
)]
async fn list_run_presence(State(streams): State<Streams>, at: At<RunId, Reads>) -> Result<Json<Presence>, Problem> {
    at.operations.may_see_run(at.caller(), at.id).await?;
    Ok(Json(streams.lookers(at.id.0).into()))
}
