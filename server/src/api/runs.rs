//! Runs: start, look, press, mark, run on, close.

mod said;
mod together;
mod view;

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use operations::{Again, EnvironmentName, Mark, OnceKey, Operations, Press, RunFilter, RunId, RunState, Started};
use runbook::{CommandId, ProcedureId, RunbookId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::{Allowed, Needed, Reads, Runs};
use super::at::{At, CommandPath, RunPath};
use super::executions::{Begun, Execution};
use super::input::{Body, Path, Query, cursor, id, idempotency_key, limit};
use super::problem::{Doing, Looking, Problem};
use super::{Api, BASE, Pages};

pub(crate) use said::MarkKind;
pub(crate) use view::{Next, Run, RunCommand, RunDetail, What};

pub(super) fn endpoints() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_runs, start_run))
        .routes(routes!(get_run))
        .routes(routes!(press))
        .routes(routes!(mark))
        .routes(routes!(run_on))
        .routes(routes!(close_run))
        .merge(together::endpoints())
}

/// Which runs.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct RunsQuery {
    /// Only open or only closed ones are asked for by `open`; closed ones come with all.
    #[param(inline)]
    state: Option<WhichRuns>,
    /// Of this runbook.
    runbook: Option<String>,
    /// Of this procedure.
    procedure: Option<String>,
    /// Started by this subject.
    started_by: Option<String>,
    /// Of this incident.
    incident: Option<String>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

/// Which runs by their state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum WhichRuns {
    /// Those that people work on.
    Open,
    /// All of them.
    All,
}

/// A page of runs.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct RunsPage {
    /// Newest first.
    pub(crate) runs: Vec<Run>,
    /// The `cursor` of the next page; null where this is the last.
    pub(crate) next: Option<String>,
}

/// What to start.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRun {
    /// The runbook's id.
    #[schema(example = "checkout-service")]
    pub(crate) runbook: String,
    /// The procedure's id.
    #[schema(example = "1-1-rolling-restart")]
    pub(crate) procedure: String,
    /// The environment's name.
    #[schema(example = "practice")]
    pub(crate) environment: String,
    /// What is known of its parameters already, by name. Secret ones are not kept: give them with each command.
    #[serde(default)]
    pub(crate) values: BTreeMap<String, String>,
}

/// What is given with a press of Run.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPress {
    /// Values for the command's parameters, by name; what the run knows need not be said again.
    #[serde(default)]
    pub(crate) values: BTreeMap<String, String>,
    /// Other values for what the command names itself, by their number in its `adjustable`, from 0.
    #[serde(default)]
    pub(crate) adjusted: BTreeMap<String, String>,
    /// Whether a command that was run before may run again.
    #[serde(default)]
    pub(crate) again: MayRunAgain,
    /// Whether it may remove something or interrupt service where its text does not show so. Without this word such a
    /// call of an `opaque` command is refused, and nothing is removed.
    #[serde(default)]
    pub(crate) may_remove: bool,
}

/// Whether a command that was run before may run again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MayRunAgain {
    /// Yes: a person has looked at what came of it.
    Allowed,
    /// No: then it is a conflict. A request that is sent again because no answer came runs nothing twice.
    #[default]
    Refused,
}

/// A step or command of a run, beside the run's id.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct PartPath {
    /// The id of a step or command within the procedure.
    part: String,
}

/// What somebody says of a step or command without running it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewMark {
    /// What.
    pub(crate) mark: MarkKind,
    /// The result, the reason or the finding, where the mark has one.
    #[serde(default)]
    pub(crate) text: String,
}

/// How a run is closed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Closing {
    /// As what.
    pub(crate) outcome: ClosedAs,
}

/// As what a run is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ClosedAs {
    /// What it was for is done.
    Completed,
    /// It is not.
    Abandoned,
}

/// List runs, newest first
#[utoipa::path(
    get, path = "/runs", tag = "runs", security(("token" = ["read"])), params(RunsQuery),
    responses((status = 200, body = RunsPage), Looking)
)]
async fn list_runs(
    State(operations): State<Operations>,
    State(pages): State<Pages>,
    token: Allowed<Reads>,
    Query(query): Query<RunsQuery>,
) -> Result<Json<RunsPage>, Problem> {
    let limit = limit(query.limit)?;
    let filter = RunFilter {
        open: query.state == Some(WhichRuns::Open),
        runbook: query.runbook.map(RunbookId::new),
        procedure: query.procedure.map(ProcedureId::new),
        started_by: query.started_by,
        incident: query.incident.map(|incident| id(&incident, "This incident")).transpose()?,
        before: cursor(query.cursor.as_deref())?,
        // One more tells whether there is a next page.
        limit: limit + 1,
    };
    let mut runs = operations.runs(token.caller(), &filter).await?;
    let more = runs.len() > limit as usize;
    runs.truncate(limit as usize);
    let next = runs.last().filter(|_| more).map(|run| run.number.to_string());
    Ok(Json(RunsPage { runs: runs.iter().map(|run| Run::told(run, &pages)).collect(), next }))
}

/// Start a run of a procedure
///
/// With an `Idempotency-Key` the same request, sent again, finds the run that it has started: then the status is 200.
#[utoipa::path(
    post, path = "/runs", tag = "runs", security(("token" = ["run"])),
    params(("Idempotency-Key" = Option<String>, Header, max_length = 200, description = "A key of the program's own for this request")),
    request_body = NewRun,
    responses(
        (status = 201, body = RunDetail, headers(("Location" = String, description = "The run's address"))),
        (status = 200, body = RunDetail, description = "The run that this request has started before"),
        Doing
    )
)]
async fn start_run(
    State(operations): State<Operations>,
    State(pages): State<Pages>,
    token: Allowed<Runs>,
    headers: HeaderMap,
    Body(new): Body<NewRun>,
) -> Result<impl IntoResponse, Problem> {
    let (runbook, procedure) = (RunbookId::new(new.runbook), ProcedureId::new(new.procedure));
    let environment = EnvironmentName(new.environment);
    let caller = token.caller();
    let started = match idempotency_key(&headers)? {
        None => Started::Now(operations.start_run(caller, &runbook, &procedure, &environment, new.values).await?),
        Some(key) => {
            let key = OnceKey::new(token.access.id, key);
            operations.start_run_once(caller, key, (&runbook, &procedure), &environment, new.values).await?
        }
    };
    let (status, run) = match started {
        Started::Now(run) => (StatusCode::CREATED, run),
        Started::Before(run) => (StatusCode::OK, run),
    };
    let started = At { operations, pages, token, id: run };
    Ok((status, [(header::LOCATION, format!("{BASE}/runs/{run}"))], started.detail().await?))
}

/// Get a run with its steps and what became of them
#[utoipa::path(
    get, path = "/runs/{run}", tag = "runs", security(("token" = ["read"])),
    params(RunPath), responses((status = 200, body = RunDetail), Looking)
)]
async fn get_run(at: At<RunId, Reads>) -> Result<Json<RunDetail>, Problem> {
    at.detail().await
}

/// Press Run on a command
///
/// The answer comes when the intent is in the audit trail; the command runs on. Follow it at the execution's output.
#[utoipa::path(
    post, path = "/runs/{run}/commands/{command}/press", tag = "runs", security(("token" = ["run"])),
    params(RunPath, CommandPath), request_body = NewPress,
    responses(
        (status = 202, body = Execution, headers(("Location" = String, description = "The execution's address"))),
        Doing
    )
)]
async fn press(
    at: At<RunId, Runs>,
    Path(CommandPath { command }): Path<CommandPath>,
    Body(new): Body<NewPress>,
) -> Result<Begun, Problem> {
    let adjusted: Result<BTreeMap<usize, String>, _> =
        new.adjusted.into_iter().map(|(number, value)| Ok((number.parse()?, value))).collect();
    let adjusted = adjusted.map_err(|_: std::num::ParseIntError| {
        let text = "A value is adjusted by its number in the command's `adjustable`, from 0.";
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, text)
    })?;
    let again = match new.again {
        MayRunAgain::Allowed => Again::Allowed,
        MayRunAgain::Refused => Again::Refused,
    };
    let confirmed = new.may_remove.then_some(command::Effect::Destroy);
    let press = Press { values: new.values, edited: None, adjusted, again, confirmed };
    let id = at.operations.press(at.caller(), at.id, &CommandId::new(command), press).await?;
    Execution::begun(&at.operations, at.caller(), id).await
}

/// Say something of a step or command without running it
#[utoipa::path(
    post, path = "/runs/{run}/parts/{part}/mark", tag = "runs", security(("token" = ["run"])),
    params(RunPath, PartPath),
    request_body = NewMark,
    responses((status = 200, body = RunDetail), Doing)
)]
async fn mark(
    at: At<RunId, Runs>,
    Path(PartPath { part }): Path<PartPath>,
    Body(new): Body<NewMark>,
) -> Result<Json<RunDetail>, Problem> {
    let mark = match new.mark {
        MarkKind::Done => Mark::Done,
        MarkKind::ByHand => Mark::ByHand { result: new.text },
        MarkKind::Skipped => Mark::Skipped { reason: new.text },
        MarkKind::AsExpected => Mark::Judged { met: true },
        MarkKind::NotAsExpected => Mark::Judged { met: false },
        MarkKind::SettledPassed => Mark::Settled { passed: true, finding: new.text },
        MarkKind::SettledFailed => Mark::Settled { passed: false, finding: new.text },
    };
    at.operations.mark(at.caller(), at.id, &part, mark).await?;
    at.detail().await
}

/// Run the next commands one after the other, until somebody is needed
///
/// The run's `onward` says whether it goes on, or why it has stopped.
#[utoipa::path(
    post, path = "/runs/{run}/onward", tag = "runs", security(("token" = ["run"])),
    params(RunPath), responses((status = 202, body = RunDetail), Doing)
)]
async fn run_on(at: At<RunId, Runs>) -> Result<(StatusCode, Json<RunDetail>), Problem> {
    at.operations.run_on(at.caller(), at.id).await?;
    Ok((StatusCode::ACCEPTED, at.detail().await?))
}

/// Close a run
#[utoipa::path(
    post, path = "/runs/{run}/close", tag = "runs", security(("token" = ["run"])),
    params(RunPath), request_body = Closing, responses((status = 200, body = RunDetail), Doing)
)]
async fn close_run(at: At<RunId, Runs>, Body(closing): Body<Closing>) -> Result<Json<RunDetail>, Problem> {
    let state = match closing.outcome {
        ClosedAs::Completed => RunState::Completed,
        ClosedAs::Abandoned => RunState::Abandoned,
    };
    at.operations.close_run(at.caller(), at.id, state).await?;
    at.detail().await
}

impl<N: Needed> At<RunId, N> {
    /// How the run stands now.
    async fn detail(&self) -> Result<Json<RunDetail>, Problem> {
        let view = self.operations.run_page(self.caller(), self.id).await?;
        Ok(Json(RunDetail::told(&view, &self.pages)))
    }
}
