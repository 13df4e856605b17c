//! What people change before they run it, as a patch to download.

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use identity::CurrentCaller;
use operations::Operations;
use runbook::{ProcedureId, RunbookId};

use crate::routes::Problem;

/// What a patch is.
pub(crate) const PATCH_TYPE: &str = "text/x-diff; charset=utf-8";

/// The suggested edits of a procedure, for `git apply`.
pub(crate) async fn patch(
    State(operations): State<Operations>,
    CurrentCaller(caller): CurrentCaller,
    Path((runbook, procedure)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (runbook, procedure) = (RunbookId::new(runbook), ProcedureId::new(procedure));
    let patch = operations.edits_patch(&caller, &runbook, &procedure).await?;
    let headers =
        [(header::CONTENT_TYPE, PATCH_TYPE), (header::CONTENT_DISPOSITION, "attachment; filename=\"edits.patch\"")];
    Ok((headers, patch).into_response())
}
