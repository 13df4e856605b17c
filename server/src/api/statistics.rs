//! How procedures went, and which parts of a runbook need rewriting.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, header};
use jiff::Timestamp;
use operations::statistics::{EditedCommand, Proposal, Spread, StepStatistics, Tally, Trouble};
use operations::{Operations, ProcedureStatistics};
use runbook::{ProcedureId, RunbookId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::access::{Allowed, Reads};
use super::input::Path;
use super::problem::{Looking, Problem};
use crate::edits::PATCH_TYPE;

pub(super) fn endpoints() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(get_runbook_statistics))
        .routes(routes!(get_procedure_statistics))
        .routes(routes!(get_edits_patch))
}

/// A runbook.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct RunbookPath {
    /// The runbook's id.
    runbook: String,
}

/// A procedure of a runbook.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct ProcedurePath {
    /// The runbook's id.
    runbook: String,
    /// The procedure's id.
    procedure: String,
}

/// How the newest runs of a runbook's procedures went.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct RunbookStatistics {
    /// The runbook.
    runbook: String,
    /// In the order of the text.
    procedures: Vec<Statistics>,
    /// Runs of procedures that it no longer has.
    runs_of_gone: usize,
}

/// How the newest runs of a procedure went, by the text of today.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Statistics {
    /// The procedure.
    procedure: String,
    /// Its title.
    title: String,
    /// When the oldest of the runs began that are counted.
    since: Option<Timestamp>,
    /// Runs that people work on.
    open: usize,
    /// Runs that are closed, and what they were for is done.
    completed: usize,
    /// Runs that are closed without that.
    abandoned: usize,
    /// The completed ones in a hundred closed ones; null where none is closed.
    success_percent: Option<usize>,
    /// How long the completed ones took.
    duration: Option<Duration>,
    /// Its steps, in the order of the text.
    steps: Vec<StepNumbers>,
    /// The commands that people edited before they ran them, most often first.
    edits: Vec<Edited>,
    /// Edited executions of commands that today's text no longer has like that.
    older_edits: usize,
    /// How many edits the patch holds.
    proposed: usize,
}

/// How long something takes.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Duration {
    /// Half of them took no longer.
    median_ms: i64,
    /// Nine of ten took no longer.
    p90_ms: i64,
    /// How many there are.
    of: usize,
}

/// How a step went, by runs.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct StepNumbers {
    /// The step.
    step: String,
    /// Its title.
    title: String,
    /// Runs that were completed, or in which somebody did something with it.
    seen: usize,
    /// Runs in which a command of it ran.
    ran: usize,
    /// Of these, runs in which one failed.
    failed: usize,
    /// Runs that left it out.
    skipped: usize,
    /// Runs in which somebody said that they had done it.
    by_hand: usize,
    /// How long it took.
    duration: Option<Duration>,
    /// What is wrong with it.
    trouble: Option<TroubleKind>,
}

/// What is wrong with a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum TroubleKind {
    /// In three runs or more, and in every third at least, a command of it failed.
    OftenFailed,
    /// Three runs or more came to it, and every one of them left it out.
    AlwaysSkipped,
}

/// A command whose text people changed before they ran it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Edited {
    /// The command.
    command: String,
    /// Runs in which it ran.
    ran: usize,
    /// Of these, runs in which it was edited first.
    edited: usize,
    /// What it was changed to most often; null where no edited text went well.
    frequent: Option<FrequentEdit>,
}

/// What a command was changed to most often.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct FrequentEdit {
    /// The text, with values as the runbook leaves them open and without secrets.
    text: String,
    /// Runs that ran it like this, and it did not fail.
    runs: usize,
    /// Whether the patch holds it.
    proposal: ProposalKind,
}

/// Whether an edit is suggested for the runbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ProposalKind {
    /// The patch holds it.
    InPatch,
    /// Not yet: one run had it.
    Once,
    /// No: it holds a secret, or may.
    Secret,
    /// No: the file does not have the command line by line.
    Unplaced,
}

/// Get how the newest runs of a runbook's procedures went
#[utoipa::path(
    get, path = "/runbooks/{runbook}/statistics", tag = "statistics", security(("token" = ["read"])),
    params(RunbookPath), responses((status = 200, body = RunbookStatistics), Looking)
)]
async fn get_runbook_statistics(
    State(operations): State<Operations>,
    token: Allowed<Reads>,
    Path(RunbookPath { runbook }): Path<RunbookPath>,
) -> Result<Json<RunbookStatistics>, Problem> {
    let found = operations.statistics(token.caller(), &RunbookId::new(runbook)).await?;
    Ok(Json(RunbookStatistics {
        runbook: found.runbook.id.to_string(),
        procedures: found.procedures.iter().map(Statistics::from).collect(),
        runs_of_gone: found.gone,
    }))
}

/// Get how the newest runs of a procedure went
#[utoipa::path(
    get, path = "/runbooks/{runbook}/procedures/{procedure}/statistics", tag = "statistics",
    security(("token" = ["read"])), params(ProcedurePath), responses((status = 200, body = Statistics), Looking)
)]
async fn get_procedure_statistics(
    State(operations): State<Operations>,
    token: Allowed<Reads>,
    Path(ProcedurePath { runbook, procedure }): Path<ProcedurePath>,
) -> Result<Json<Statistics>, Problem> {
    let (runbook, procedure) = (RunbookId::new(runbook), ProcedureId::new(procedure));
    Ok(Json((&operations.statistics_of(token.caller(), &runbook, &procedure).await?).into()))
}

/// Get what people edit again and again, as a patch of the runbook's file
///
/// For `git apply`; the portal changes no file. Not found where nothing is suggested.
#[utoipa::path(
    get, path = "/runbooks/{runbook}/procedures/{procedure}/edits.patch", tag = "statistics",
    security(("token" = ["read"])), params(ProcedurePath),
    responses((status = 200, description = "The patch", content((String = "text/x-diff"))), Looking)
)]
async fn get_edits_patch(
    State(operations): State<Operations>,
    token: Allowed<Reads>,
    Path(ProcedurePath { runbook, procedure }): Path<ProcedurePath>,
) -> Result<([(HeaderName, &'static str); 1], String), Problem> {
    let (runbook, procedure) = (RunbookId::new(runbook), ProcedureId::new(procedure));
    let patch = operations.edits_patch(token.caller(), &runbook, &procedure).await?;
    Ok(([(header::CONTENT_TYPE, PATCH_TYPE)], patch))
}

impl From<&ProcedureStatistics> for Statistics {
    fn from(found: &ProcedureStatistics) -> Self {
        let Tally { open, completed, abandoned } = found.runs;
        let step = |step: &StepStatistics| StepNumbers {
            title: found.procedure.step(&step.id).map(|step| step.title.clone()).unwrap_or_default(),
            step: step.id.to_string(),
            seen: step.seen,
            ran: step.ran,
            failed: step.failed,
            skipped: step.skipped,
            by_hand: step.by_hand,
            duration: step.duration.map(Duration::from),
            trouble: step.trouble().map(|trouble| match trouble {
                Trouble::OftenFailed => TroubleKind::OftenFailed,
                Trouble::AlwaysSkipped => TroubleKind::AlwaysSkipped,
            }),
        };
        Self {
            procedure: found.procedure.id.to_string(),
            title: found.procedure.title.clone(),
            since: found.since,
            open,
            completed,
            abandoned,
            success_percent: found.runs.success(),
            duration: found.duration.map(Duration::from),
            steps: found.steps.iter().map(step).collect(),
            edits: found.edits.iter().map(Edited::from).collect(),
            older_edits: found.older_edits,
            proposed: found.proposed(),
        }
    }
}

impl From<Spread> for Duration {
    fn from(Spread { median, p90, of }: Spread) -> Self {
        Self { median_ms: median, p90_ms: p90, of }
    }
}

impl From<&EditedCommand> for Edited {
    fn from(edit: &EditedCommand) -> Self {
        let frequent = edit.frequent.as_ref().map(|frequent| FrequentEdit {
            text: frequent.text.clone(),
            runs: frequent.runs,
            proposal: match frequent.proposal {
                Proposal::InPatch => ProposalKind::InPatch,
                Proposal::Once => ProposalKind::Once,
                Proposal::Secret => ProposalKind::Secret,
                Proposal::Unplaced => ProposalKind::Unplaced,
            },
        });
        Self { command: edit.id.to_string(), ran: edit.ran, edited: edit.edited, frequent }
    }
}
