//! Executions: what became of a press of Run, what it printed, and stopping it.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use command::expectation::Judgement;
use jiff::Timestamp;
use operations::{ExecutionId, Operations};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::{Allowed, Reads, Runs};
use super::input::{Path, id};
use super::problem::{Doing, Looking, Problem};
use super::words::Who;
use super::{Api, output};
use crate::stream::Streams;

pub(super) fn endpoints() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(get_execution)).routes(routes!(stop_execution)).routes(routes!(get_output))
}

/// One press of Run.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Execution {
    /// Names it.
    #[schema(format = "uuid")]
    pub(crate) id: String,
    /// The run.
    #[schema(format = "uuid")]
    pub(crate) run: String,
    /// The command.
    pub(crate) command: String,
    /// The text that ran, with its secrets masked.
    pub(crate) source: String,
    /// Whether the text is another one than the runbook's.
    pub(crate) edited: bool,
    /// Who pressed.
    pub(crate) started_by: Who,
    /// When.
    pub(crate) started_at: Timestamp,
    /// Where it stands.
    pub(crate) state: ExecutionState,
    /// When it ended.
    pub(crate) ended_at: Option<Timestamp>,
    /// Its exit code.
    pub(crate) exit_code: Option<i32>,
    /// Why it never started, or was cut.
    pub(crate) note: Option<String>,
    /// Whether it printed more than is kept.
    pub(crate) truncated: bool,
    /// What the runbook expects of it, and whether that is so.
    pub(crate) findings: Vec<Finding>,
}

/// Where an execution stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ExecutionState {
    /// It runs.
    Running,
    /// Exit code 0.
    Passed,
    /// Another exit code, or it never started.
    Failed,
    /// Somebody stopped it.
    Stopped,
    /// Its time was over.
    Expired,
    /// The portal ended before it knew.
    Unknown,
}

/// What the runbook expects.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Finding {
    /// As it stands there.
    pub(crate) expected: String,
    /// Whether that is so.
    pub(crate) judgement: Judged,
    /// What was seen.
    pub(crate) observed: String,
}

/// Whether something is as expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Judged {
    /// It is.
    Met,
    /// It is not.
    NotMet,
    /// Only a person can tell.
    Open,
}

impl From<&operations::Execution> for Execution {
    fn from(execution: &operations::Execution) -> Self {
        let findings = execution.findings.iter().map(|finding| Finding {
            expected: finding.expected.clone(),
            judgement: match finding.judgement {
                Judgement::Met => Judged::Met,
                Judgement::Unmet => Judged::NotMet,
                Judgement::Open => Judged::Open,
            },
            observed: finding.observed.clone(),
        });
        Self {
            id: execution.id.to_string(),
            run: execution.run.to_string(),
            command: execution.command.to_string(),
            source: execution.source.clone(),
            edited: execution.edited,
            started_by: (&execution.started_by).into(),
            started_at: execution.started_at,
            state: match execution.state {
                operations::ExecutionState::Running => ExecutionState::Running,
                operations::ExecutionState::Passed => ExecutionState::Passed,
                operations::ExecutionState::Failed => ExecutionState::Failed,
                operations::ExecutionState::Stopped => ExecutionState::Stopped,
                operations::ExecutionState::Expired => ExecutionState::Expired,
                operations::ExecutionState::Unknown => ExecutionState::Unknown,
            },
            ended_at: execution.ended_at,
            exit_code: execution.exit_code,
            note: execution.note.clone(),
            truncated: execution.truncated,
            findings: findings.collect(),
        }
    }
}

/// Get an execution
#[utoipa::path(
    get, path = "/executions/{execution}", tag = "executions", security(("token" = ["read"])),
    params(("execution" = String, Path, description = "The execution's id")),
    responses((status = 200, body = Execution), Looking)
)]
async fn get_execution(
    State(operations): State<Operations>,
    token: Allowed<Reads>,
    Path(execution): Path<String>,
) -> Result<Json<Execution>, Problem> {
    let (_, execution) = operations.execution(token.caller(), execution_id(&execution)?).await?;
    Ok(Json((&execution).into()))
}

/// Stop an execution: its whole process tree, and the call that it has under way
#[utoipa::path(
    post, path = "/executions/{execution}/stop", tag = "executions", security(("token" = ["run"])),
    params(("execution" = String, Path, description = "The execution's id")),
    responses((status = 202, body = Execution), Doing)
)]
async fn stop_execution(
    State(operations): State<Operations>,
    token: Allowed<Runs>,
    Path(execution): Path<String>,
) -> Result<(StatusCode, Json<Execution>), Problem> {
    let id = execution_id(&execution)?;
    operations.stop(token.caller(), id).await?;
    let (_, execution) = operations.execution(token.caller(), id).await?;
    Ok((StatusCode::ACCEPTED, Json((&execution).into())))
}

/// Get what an execution printed
///
/// As text it is what was printed until now, standard output and standard error as they came. With
/// `Accept: text/event-stream` it is followed: events `output` whose data is an `OutputPiece` and whose id is a cursor, and
/// at last one event `end` whose data is the `Execution`. A stream that ends without that event is opened again with
/// `Last-Event-ID`: after five minutes each one ends.
#[utoipa::path(
    get, path = "/executions/{execution}/output", tag = "executions", security(("token" = ["read"])),
    params(
        ("execution" = String, Path, description = "The execution's id"),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was seen, where output is followed")
    ),
    responses(
        (status = 200, description = "What it printed", content((String = "text/plain"), (output::OutputPiece = "text/event-stream"))),
        Looking
    )
)]
async fn get_output(
    State(operations): State<Operations>,
    State(streams): State<Streams>,
    token: Allowed<Reads>,
    Path(execution): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = execution_id(&execution)?;
    let caller = token.access.caller;
    if follows(&headers) {
        let cursor = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
        let events = output::follow(operations, streams, caller, id, cursor.unwrap_or(0)).await?;
        return Ok(events.into_response());
    }
    let body = output::whole(operations, caller, id).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response())
}

fn follows(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    accept.split(',').any(|kind| kind.split(';').next().is_some_and(|kind| kind.trim() == "text/event-stream"))
}

fn execution_id(text: &str) -> Result<ExecutionId, Problem> {
    id(text, "This execution")
}
