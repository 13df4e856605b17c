//! Several people at one run: claims, choices, notes, and what was put beside them.

use axum::Json;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use operations::{AttachmentId, RunId};
use runbook::{CommandId, StepId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::RunDetail;
use crate::api::Api;
use crate::api::access::{Reads, Runs};
use crate::api::at::{At, AttachmentPath, CommandPath, RunPath, StepPath};
use crate::api::input::{Body, Path};
use crate::api::problem::{Doing, Looking, Problem};
use crate::notes;

/// The longest body of a note: a file at its limit in base64 (RFC 4648, 4: four characters for three bytes), and the note.
const NOTE_LIMIT: usize = operations::Attachment::LIMIT / 3 * 4 + 256 * 1024;

pub(super) fn endpoints() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(claim_step))
        .routes(routes!(hand_over_step))
        .routes(routes!(choose_command))
        .routes(routes!(get_attachment))
        .merge(OpenApiRouter::new().routes(routes!(write_run_note)).layer(DefaultBodyLimit::max(NOTE_LIMIT)))
}

/// Whom a step is handed to.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StepHandOver {
    /// The subject of one of `/people`; left out or null it is nobody's again.
    #[serde(default)]
    to: Option<String>,
}

/// A note on a run or one of its steps.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewNote {
    /// What, at most 4 KiB; may be empty where there is an attachment.
    #[serde(default)]
    text: String,
    /// The step that it is about; left out, the whole run.
    #[serde(default)]
    step: Option<String>,
    /// A picture (PNG, JPEG, GIF, WebP) or text (UTF-8) beside it, at most 2 MiB.
    #[serde(default)]
    attachment: Option<NewAttachment>,
}

/// A file beside a note.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAttachment {
    /// What it is called.
    #[schema(example = "graph.png")]
    name: String,
    /// The file in base64 (RFC 4648, section 4, with padding).
    #[schema(content_encoding = "base64")]
    base64: String,
}

/// Claim a step, or take it over
#[utoipa::path(
    post, path = "/runs/{run}/steps/{step}/claim", tag = "runs", security(("token" = ["run"])),
    params(RunPath, StepPath), responses((status = 200, body = RunDetail), Doing)
)]
async fn claim_step(at: At<RunId, Runs>, Path(StepPath { step }): Path<StepPath>) -> Result<Json<RunDetail>, Problem> {
    at.operations.claim(at.caller(), at.id, &StepId::new(step)).await?;
    at.detail().await
}

/// Hand a step to somebody else, or give it back
#[utoipa::path(
    post, path = "/runs/{run}/steps/{step}/hand-over", tag = "runs", security(("token" = ["run"])),
    params(RunPath, StepPath), request_body = StepHandOver, responses((status = 200, body = RunDetail), Doing)
)]
async fn hand_over_step(
    at: At<RunId, Runs>,
    Path(StepPath { step }): Path<StepPath>,
    Body(new): Body<StepHandOver>,
) -> Result<Json<RunDetail>, Problem> {
    at.operations.hand_over_step(at.caller(), at.id, &StepId::new(step), new.to.as_deref()).await?;
    at.detail().await
}

/// Of several ways choose one
#[utoipa::path(
    post, path = "/runs/{run}/commands/{command}/choose", tag = "runs", security(("token" = ["run"])),
    params(RunPath, CommandPath), responses((status = 200, body = RunDetail), Doing)
)]
async fn choose_command(
    at: At<RunId, Runs>,
    Path(CommandPath { command }): Path<CommandPath>,
) -> Result<Json<RunDetail>, Problem> {
    at.operations.choose(at.caller(), at.id, &CommandId::new(command)).await?;
    at.detail().await
}

/// Write a note on a run or one of its steps
///
/// A note has at most 4096 bytes. A run keeps at most 500 of them, together at most 512 KiB.
#[utoipa::path(
    post, path = "/runs/{run}/notes", tag = "runs", security(("token" = ["run"])),
    params(RunPath), request_body = NewNote, responses((status = 200, body = RunDetail), Doing)
)]
async fn write_run_note(at: At<RunId, Runs>, Body(new): Body<NewNote>) -> Result<Json<RunDetail>, Problem> {
    let file = match new.attachment {
        None => None,
        Some(NewAttachment { name, base64 }) => match STANDARD.decode(base64) {
            Ok(bytes) => Some((name, bytes)),
            Err(_) => return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, NO_BASE64)),
        },
    };
    let step = new.step.map(StepId::new);
    at.operations.note(at.caller(), at.id, step.as_ref(), &new.text.replace("\r\n", "\n"), file).await?;
    at.detail().await
}

const NO_BASE64: &str = "The attachment is no base64 (RFC 4648, section 4, with padding): encode the file again.";

/// A file as it is.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "it describes what is sent as it is")]
struct FileBytes(Vec<u8>);

/// Get what somebody put beside a note
#[utoipa::path(
    get, path = "/attachments/{attachment}", tag = "runs", security(("token" = ["read"])), params(AttachmentPath),
    responses(
        (status = 200, description = "The file", content(
            (FileBytes = "image/png"), (FileBytes = "image/jpeg"), (FileBytes = "image/gif"), (FileBytes = "image/webp"),
            (String = "text/plain")
        )),
        Looking
    )
)]
async fn get_attachment(at: At<AttachmentId, Reads>) -> Result<([(HeaderName, String); 4], Vec<u8>), Problem> {
    let found = at.operations.attachment(at.caller(), at.id).await?;
    Ok((notes::headers_of(&found), found.bytes))
}
