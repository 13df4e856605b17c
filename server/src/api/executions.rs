//! Executions: what became of a press of Run, what it printed, stopping it, and taking it back.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use command::expectation::Judgement;
use jiff::Timestamp;
use operations::{Caller, ExecutionId, Operations};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::{Reads, Runs};
use super::at::{At, ExecutionPath};
use super::problem::{Doing, Looking, Problem};
use super::words::{Effect, Who};
use super::{Api, BASE, output};
use crate::stream::Streams;

pub(super) fn endpoints() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(get_execution))
        .routes(routes!(stop_execution))
        .routes(routes!(get_output))
        .routes(routes!(get_undo, undo_execution))
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
    /// The execution that it takes back.
    pub(crate) undoes: Option<String>,
}

/// What takes an execution back.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Undo {
    /// The execution: see `/executions/{execution}/undo`.
    #[schema(format = "uuid")]
    pub(crate) execution: String,
    /// The bash text that will run, exactly.
    pub(crate) text: String,
    /// How far it reaches, as far as the text tells.
    pub(crate) effect: Effect,
    /// What was done since to the same things, by whomever: taking it back undoes that, too. The newest five, oldest first.
    pub(crate) since: Vec<DoneSince>,
    /// How many there are before those.
    pub(crate) more_since: usize,
    /// Whether so much was done since that not all of it was looked through.
    pub(crate) much_since: bool,
}

/// Something that was done to the same things after an execution.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct DoneSince {
    /// Who did it.
    pub(crate) by: String,
    /// When.
    pub(crate) at: Timestamp,
    /// What it was: `rollout restart`.
    pub(crate) verb: String,
    /// The call, its secrets masked; empty for those who do not see output.
    pub(crate) call: String,
}

/// Whether an execution can be taken back.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct UndoOffer {
    /// What takes it back; null while it runs, where nothing is known that could be brought back, where that was done
    /// already, and in a run that is closed.
    undo: Option<Undo>,
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
            undoes: execution.undoes.map(|id| id.to_string()),
        }
    }
}

impl From<&operations::Undo> for Undo {
    fn from(undo: &operations::Undo) -> Self {
        let since = undo.since.iter();
        let since = since.map(|done| DoneSince {
            by: done.by.clone(),
            at: done.at,
            verb: done.verb.clone(),
            call: done.call.clone(),
        });
        Self {
            execution: undo.of.to_string(),
            text: undo.text.clone(),
            effect: undo.effect.into(),
            since: since.collect(),
            more_since: undo.more_since,
            much_since: undo.much_since,
        }
    }
}

/// The answer to what has begun: it goes on, and this is where to look.
pub(crate) type Begun = (StatusCode, [(HeaderName, String); 1], Json<Execution>);

impl Execution {
    /// What follows on a press that has begun.
    pub(crate) async fn begun(operations: &Operations, caller: &Caller, id: ExecutionId) -> Result<Begun, Problem> {
        let (_, execution) = operations.execution(caller, id).await?;
        let location = [(header::LOCATION, format!("{BASE}/executions/{id}"))];
        Ok((StatusCode::ACCEPTED, location, Json((&execution).into())))
    }
}

/// Get an execution
#[utoipa::path(
    get, path = "/executions/{execution}", tag = "executions", security(("token" = ["read"])),
    params(ExecutionPath), responses((status = 200, body = Execution), Looking)
)]
async fn get_execution(at: At<ExecutionId, Reads>) -> Result<Json<Execution>, Problem> {
    let (_, execution) = at.operations.execution(at.caller(), at.id).await?;
    Ok(Json((&execution).into()))
}

/// Stop an execution: its whole process tree, and the call that it has under way
#[utoipa::path(
    post, path = "/executions/{execution}/stop", tag = "executions", security(("token" = ["run"])),
    params(ExecutionPath), responses((status = 202, body = Execution), Doing)
)]
async fn stop_execution(at: At<ExecutionId, Runs>) -> Result<(StatusCode, Json<Execution>), Problem> {
    at.operations.stop(at.caller(), at.id).await?;
    let (_, execution) = at.operations.execution(at.caller(), at.id).await?;
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
        ExecutionPath,
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was seen, where output is followed")
    ),
    responses(
        (status = 200, description = "What it printed", content((String = "text/plain"), (output::OutputPiece = "text/event-stream"))),
        Looking
    )
)]
async fn get_output(
    State(streams): State<Streams>,
    At { operations, token, id, .. }: At<ExecutionId, Reads>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
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

/// Get what takes an execution back
#[utoipa::path(
    get, path = "/executions/{execution}/undo", tag = "executions", security(("token" = ["read"])),
    params(ExecutionPath), responses((status = 200, body = UndoOffer), Looking)
)]
async fn get_undo(at: At<ExecutionId, Reads>) -> Result<Json<UndoOffer>, Problem> {
    let undo = at.operations.undo_of(at.caller(), at.id).await?;
    Ok(Json(UndoOffer { undo: undo.as_ref().map(Undo::from) }))
}

/// Take back what an execution changed
///
/// It is a press of its own, with every check of one: the answer comes when the intent is in the audit trail.
#[utoipa::path(
    post, path = "/executions/{execution}/undo", tag = "executions", security(("token" = ["run"])),
    params(ExecutionPath),
    responses(
        (status = 202, body = Execution, headers(("Location" = String, description = "The new execution's address"))),
        Doing
    )
)]
async fn undo_execution(at: At<ExecutionId, Runs>) -> Result<Begun, Problem> {
    let (run, _) = at.operations.execution(at.caller(), at.id).await?;
    let id = at.operations.undo(at.caller(), run.id, at.id).await?;
    Execution::begun(&at.operations, at.caller(), id).await
}
