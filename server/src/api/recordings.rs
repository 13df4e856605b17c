//! Recordings of terminals: which there are, and the files.

use axum::Json;
use axum::body::Body;
use axum::http::{HeaderName, header};
use jiff::Timestamp;
use operations::{ExecutionId, IncidentId, RunId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::access::Reads;
use super::at::{At, ExecutionPath, IncidentPath, RunPath};
use super::problem::{Looking, Problem};
use super::words::Who;
use crate::terminals;

pub(super) fn endpoints() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_run_recordings))
        .routes(routes!(list_incident_recordings))
        .routes(routes!(get_recording))
}

/// Recordings.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Recordings {
    /// Run by run, oldest first.
    recordings: Vec<Recording>,
}

/// What a terminal printed, kept.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Recording {
    /// The execution: see `/executions/{execution}/recording`.
    #[schema(format = "uuid")]
    execution: String,
    /// The run.
    #[schema(format = "uuid")]
    run: String,
    /// The command, and what it was for.
    title: String,
    /// Who pressed Run.
    by: Who,
    /// When it began.
    started_at: Timestamp,
    /// When it ended; null while it runs.
    ended_at: Option<Timestamp>,
}

impl From<Vec<operations::Recording>> for Recordings {
    fn from(found: Vec<operations::Recording>) -> Self {
        let told = |operations::Recording { title, execution }: operations::Recording| Recording {
            execution: execution.id.to_string(),
            run: execution.run.to_string(),
            title,
            by: (&execution.started_by).into(),
            started_at: execution.started_at,
            ended_at: execution.ended_at,
        };
        Self { recordings: found.into_iter().map(told).collect() }
    }
}

/// List the recordings of a run's terminals
#[utoipa::path(
    get, path = "/runs/{run}/recordings", tag = "recordings", security(("token" = ["read"])), params(RunPath),
    responses((status = 200, body = Recordings), Looking)
)]
async fn list_run_recordings(at: At<RunId, Reads>) -> Result<Json<Recordings>, Problem> {
    Ok(Json(at.operations.recordings(at.caller(), at.id).await?.into()))
}

/// List the recordings of the terminals of an incident's runs
#[utoipa::path(
    get, path = "/incidents/{incident}/recordings", tag = "recordings", security(("token" = ["read"])),
    params(IncidentPath), responses((status = 200, body = Recordings), Looking)
)]
async fn list_incident_recordings(at: At<IncidentId, Reads>) -> Result<Json<Recordings>, Problem> {
    Ok(Json(at.operations.incident_recordings(at.caller(), at.id).await?.into()))
}

/// Get the recording of an execution's terminal
///
/// An asciicast, version 2: `asciinema play` shows it.
#[utoipa::path(
    get, path = "/executions/{execution}/recording", tag = "recordings", security(("token" = ["read"])),
    params(ExecutionPath),
    responses((status = 200, description = "The recording", content((String = "application/x-asciicast"))), Looking)
)]
async fn get_recording(at: At<ExecutionId, Reads>) -> Result<([(HeaderName, &'static str); 1], Body), Problem> {
    let At { operations, token, id, .. } = at;
    let lines = terminals::recorded(operations, token.access.caller, id).await?;
    Ok(([(header::CONTENT_TYPE, terminals::CAST_TYPE)], Body::from_stream(lines)))
}
