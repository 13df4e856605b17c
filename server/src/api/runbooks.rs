//! Runbooks and procedures, as the folder holds them now.

use axum::Json;
use axum::extract::State;
use operations::Operations;
use runbook::{ProcedureId, RunbookId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::access::{Allowed, Reads};
use super::input::Path;
use super::problem::{Looking, Problem};
use super::steps::{Command, Step};
use super::words::{Effect, Version};

pub(super) fn endpoints() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_runbooks)).routes(routes!(get_runbook)).routes(routes!(get_procedure))
}

/// All runbooks.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Runbooks {
    /// By title.
    pub(crate) runbooks: Vec<RunbookSummary>,
    /// Files that cannot be read as one.
    pub(crate) unreadable: Vec<Unreadable>,
}

/// A runbook in a list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct RunbookSummary {
    /// Names it.
    #[schema(example = "checkout-service")]
    pub(crate) id: String,
    /// Its title.
    pub(crate) title: String,
    /// Which text it is.
    pub(crate) version: Version,
    /// How many procedures it has.
    pub(crate) procedures: usize,
}

/// A file that cannot be read as a runbook.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Unreadable {
    /// Its path below the folder of runbooks.
    pub(crate) path: String,
    /// Why.
    pub(crate) reason: String,
}

/// A runbook.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Runbook {
    /// Names it.
    pub(crate) id: String,
    /// Its title.
    pub(crate) title: String,
    /// Which text it is.
    pub(crate) version: Version,
    /// In the order of the text.
    pub(crate) procedures: Vec<ProcedureSummary>,
}

/// A procedure in a list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ProcedureSummary {
    /// Names it within its runbook.
    #[schema(example = "1-1-rolling-restart")]
    pub(crate) id: String,
    /// Its title.
    pub(crate) title: String,
    /// The headings above it.
    pub(crate) path: Vec<String>,
    /// How many steps it has.
    pub(crate) steps: usize,
    /// How far its commands reach; null where it has none.
    pub(crate) effect: Option<Effect>,
}

/// A procedure.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Procedure {
    /// The runbook.
    pub(crate) runbook: String,
    /// The runbook's title.
    pub(crate) runbook_title: String,
    /// Which text it is.
    pub(crate) version: Version,
    /// Names it within its runbook.
    pub(crate) id: String,
    /// Its title.
    pub(crate) title: String,
    /// The headings above it.
    pub(crate) path: Vec<String>,
    /// How far its commands reach; null where it has none.
    pub(crate) effect: Option<Effect>,
    /// In the order of the text.
    pub(crate) steps: Vec<ProcedureStep>,
}

/// One thing to do, and its commands.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ProcedureStep {
    /// What there is to do.
    #[serde(flatten)]
    pub(crate) step: Step,
    /// Its commands; empty where there are none.
    pub(crate) commands: Vec<Command>,
}

/// List runbooks
#[utoipa::path(
    get, path = "/runbooks", tag = "runbooks", security(("token" = ["read"])),
    responses((status = 200, body = Runbooks), Looking)
)]
async fn list_runbooks(State(operations): State<Operations>, token: Allowed<Reads>) -> Result<Json<Runbooks>, Problem> {
    let shelf = operations.shelf(token.caller())?;
    let runbooks = shelf.runbooks.iter().map(|one| RunbookSummary {
        id: one.id.to_string(),
        title: one.title.clone(),
        version: (&one.version).into(),
        procedures: one.procedures.len(),
    });
    let unreadable =
        shelf.unreadable.iter().map(|one| Unreadable { path: one.path.clone(), reason: one.reason.clone() });
    Ok(Json(Runbooks { runbooks: runbooks.collect(), unreadable: unreadable.collect() }))
}

/// Get a runbook
#[utoipa::path(
    get, path = "/runbooks/{runbook}", tag = "runbooks", security(("token" = ["read"])),
    params(("runbook" = String, Path, description = "The runbook's id")),
    responses((status = 200, body = Runbook), Looking)
)]
async fn get_runbook(
    State(operations): State<Operations>,
    token: Allowed<Reads>,
    Path(runbook): Path<String>,
) -> Result<Json<Runbook>, Problem> {
    let runbook = operations.runbook(token.caller(), &RunbookId::new(runbook))?;
    let procedures = runbook.procedures.iter().map(|one| ProcedureSummary {
        id: one.id.to_string(),
        title: one.title.clone(),
        path: one.path.clone(),
        steps: one.steps.len(),
        effect: one.effect().map(Effect::from),
    });
    Ok(Json(Runbook {
        id: runbook.id.to_string(),
        title: runbook.title.clone(),
        version: (&runbook.version).into(),
        procedures: procedures.collect(),
    }))
}

/// Get a procedure with its steps and commands
#[utoipa::path(
    get, path = "/runbooks/{runbook}/procedures/{procedure}", tag = "runbooks", security(("token" = ["read"])),
    params(
        ("runbook" = String, Path, description = "The runbook's id"),
        ("procedure" = String, Path, description = "The procedure's id")
    ),
    responses((status = 200, body = Procedure), Looking)
)]
async fn get_procedure(
    State(operations): State<Operations>,
    token: Allowed<Reads>,
    Path((runbook, procedure)): Path<(String, String)>,
) -> Result<Json<Procedure>, Problem> {
    let (runbook, procedure) =
        operations.procedure(token.caller(), &RunbookId::new(runbook), &ProcedureId::new(procedure))?;
    let steps = procedure.steps.iter().map(|step| ProcedureStep {
        step: step.into(),
        commands: step.commands().iter().map(|one| Command::told(one, one.effect)).collect(),
    });
    Ok(Json(Procedure {
        runbook: runbook.id.to_string(),
        runbook_title: runbook.title.clone(),
        version: (&runbook.version).into(),
        id: procedure.id.to_string(),
        title: procedure.title.clone(),
        path: procedure.path.clone(),
        effect: procedure.effect().map(Effect::from),
        steps: steps.collect(),
    }))
}
