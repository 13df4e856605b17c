//! What people do with an incident: how far it is, how it stands, who leads, what is run for it.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use operations::{Change, EnvironmentName, IncidentId};
use runbook::{ProcedureId, RunbookId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::view::IncidentDetail;
use crate::api::access::{IncidentRuns, Incidents};
use crate::api::at::{At, IncidentPath};
use crate::api::input::Body;
use crate::api::problem::{Doing, Problem};
use crate::api::words::Words;
use crate::api::{Api, BASE};

pub(super) fn endpoints() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(change_stage))
        .routes(routes!(update_status))
        .routes(routes!(write_note))
        .routes(routes!(take_command))
        .routes(routes!(hand_over_command))
        .routes(routes!(start_incident_run))
}

/// One step in the life of an incident.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StageChange {
    /// Which.
    change: StageWord,
}

/// One step in the life of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum StageWord {
    /// Take it on; whoever is first leads.
    Acknowledge,
    /// Nobody suffers any more.
    Mitigate,
    /// It is over.
    Resolve,
    /// It was not over.
    Reopen,
}

/// Whom the lead of an incident is handed to.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CommandHandOver {
    /// The subject of one of `/people`.
    to: String,
    /// How it stands: whoever takes over was not there. Not empty.
    summary: String,
}

/// A run to start for an incident.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewIncidentRun {
    /// The runbook's id.
    runbook: String,
    /// The procedure's id.
    procedure: String,
    /// The environment's name.
    environment: String,
    /// What is known of its parameters already, by name.
    #[serde(default)]
    values: BTreeMap<String, String>,
}

/// A run that was started.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct StartedRun {
    /// Names it: see `/runs/{run}`.
    #[schema(format = "uuid")]
    run: String,
}

/// Acknowledge, mitigate, resolve or reopen an incident
#[utoipa::path(
    post, path = "/incidents/{incident}/stage", tag = "incidents", security(("token" = ["incidents"])), params(IncidentPath),
    request_body = StageChange, responses((status = 200, body = IncidentDetail), Doing)
)]
async fn change_stage(
    at: At<IncidentId, Incidents>,
    Body(new): Body<StageChange>,
) -> Result<Json<IncidentDetail>, Problem> {
    let change = match new.change {
        StageWord::Acknowledge => Change::Acknowledge,
        StageWord::Mitigate => Change::Mitigate,
        StageWord::Resolve => Change::Resolve,
        StageWord::Reopen => Change::Reopen,
    };
    at.operations.change_stage(at.caller(), at.id, change).await?;
    at.detail().await
}

/// Say how an incident stands
#[utoipa::path(
    post, path = "/incidents/{incident}/status", tag = "incidents", security(("token" = ["incidents"])),
    params(IncidentPath), request_body = Words, responses((status = 200, body = IncidentDetail), Doing)
)]
async fn update_status(at: At<IncidentId, Incidents>, Body(new): Body<Words>) -> Result<Json<IncidentDetail>, Problem> {
    at.operations.update_status(at.caller(), at.id, &new.text).await?;
    at.detail().await
}

/// Write a note on an incident
///
/// A note has at most 4096 bytes.
#[utoipa::path(
    post, path = "/incidents/{incident}/notes", tag = "incidents", security(("token" = ["incidents"])),
    params(IncidentPath), request_body = Words, responses((status = 200, body = IncidentDetail), Doing)
)]
async fn write_note(at: At<IncidentId, Incidents>, Body(new): Body<Words>) -> Result<Json<IncidentDetail>, Problem> {
    at.operations.note_incident(at.caller(), at.id, &new.text).await?;
    at.detail().await
}

/// Lead an incident from now on
#[utoipa::path(
    post, path = "/incidents/{incident}/command/take", tag = "incidents", security(("token" = ["incidents"])),
    params(IncidentPath), responses((status = 200, body = IncidentDetail), Doing)
)]
async fn take_command(at: At<IncidentId, Incidents>) -> Result<Json<IncidentDetail>, Problem> {
    at.operations.take_command(at.caller(), at.id).await?;
    at.detail().await
}

/// Hand the lead of an incident to somebody
#[utoipa::path(
    post, path = "/incidents/{incident}/command/hand-over", tag = "incidents", security(("token" = ["incidents"])),
    params(IncidentPath), request_body = CommandHandOver, responses((status = 200, body = IncidentDetail), Doing)
)]
async fn hand_over_command(
    at: At<IncidentId, Incidents>,
    Body(new): Body<CommandHandOver>,
) -> Result<Json<IncidentDetail>, Problem> {
    at.operations.hand_over(at.caller(), at.id, &new.to, &new.summary).await?;
    at.detail().await
}

/// Start a run for an incident
///
/// It takes both scopes: what is run for an incident is run. Whoever starts the first one takes the incident on.
#[utoipa::path(
    post, path = "/incidents/{incident}/runs", tag = "incidents", security(("token" = ["incidents", "run"])),
    params(IncidentPath), request_body = NewIncidentRun,
    responses(
        (status = 201, body = StartedRun, headers(("Location" = String, description = "The run's address"))),
        Doing
    )
)]
async fn start_incident_run(
    at: At<IncidentId, IncidentRuns>,
    Body(new): Body<NewIncidentRun>,
) -> Result<impl IntoResponse, Problem> {
    let (runbook, procedure) = (RunbookId::new(new.runbook), ProcedureId::new(new.procedure));
    let environment = EnvironmentName(new.environment);
    let started = at.operations.start_incident_run(at.caller(), at.id, &runbook, &procedure, &environment, new.values);
    let run = started.await?;
    let location = [(header::LOCATION, format!("{BASE}/runs/{run}"))];
    Ok((StatusCode::CREATED, location, Json(StartedRun { run: run.to_string() })))
}
