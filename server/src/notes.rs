//! Notes with a picture or text beside them: the one form that sends a file.

use axum::extract::{FromRequest as _, Multipart, Path, Request, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use identity::CurrentCaller;
use operations::{Attachment, AttachmentId, Error, Operations, Permission, RunId};
use runbook::StepId;

use crate::routes::Problem;

/// The longest body: a file at its limit, a note, and what a form puts around them.
pub(crate) const BODY_LIMIT: usize = operations::Attachment::LIMIT + 256 * 1024;

/// Takes a note on a run or one of its steps; with `done`, the step is ticked with it.
pub(crate) async fn write(
    State(operations): State<Operations>,
    CurrentCaller(caller): CurrentCaller,
    Path(run): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let id: RunId = run.parse().map_err(|_| Error::NotFound("This run"))?;
    if !caller.person.role.permits(Permission::Run) {
        // Nothing of the body is read; the refusal is in the trail.
        operations.note(&caller, id, None, "", None).await?;
    }
    let html = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let html = html.is_some_and(|accept| accept.contains("text/html"));
    let mut form = match Multipart::from_request(request, &()).await {
        Ok(form) => form,
        Err(rejection) => return Ok(rejection.into_response()),
    };
    let unreadable = |error: axum::extract::multipart::MultipartError| {
        Error::Invalid(format!("The form could not be read: {}. Send it again.", error.body_text()))
    };
    let (mut step, mut text, mut file, mut done) = (None, String::new(), None, false);
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        match field.name() {
            Some("step") => step = Some(StepId::new(field.text().await.map_err(unreadable)?)),
            Some("done") => done = true,
            Some("text") => text = field.text().await.map_err(unreadable)?.replace("\r\n", "\n"),
            Some("file") => {
                let name = field.file_name().unwrap_or_default().to_owned();
                let bytes = field.bytes().await.map_err(unreadable)?;
                // A browser sends the field also where no file was chosen.
                if !name.is_empty() || !bytes.is_empty() {
                    file = Some((name, bytes.to_vec()));
                }
            }
            _ => {}
        }
    }
    match step.as_ref().filter(|_| done) {
        Some(step) => operations.note_and_tick(&caller, id, step, &text, file).await?,
        None => operations.note(&caller, id, step.as_ref(), &text, file).await?,
    }
    let place = step.map(|step| format!("?at={step}#step-{step}")).unwrap_or_default();
    let address = format!("/runs/{id}{place}");
    Ok(match html {
        true => Redirect::to(&address).into_response(),
        false => (StatusCode::OK, address).into_response(),
    })
}

/// What somebody put beside a note. Only what browsers draw without running anything is shown in place, and nothing in
/// it may reach the portal.
pub(crate) async fn attachment(
    State(operations): State<Operations>,
    CurrentCaller(caller): CurrentCaller,
    Path(attachment): Path<String>,
) -> Result<Response, Problem> {
    let id: AttachmentId = attachment.parse().map_err(|_| Error::NotFound("This attachment"))?;
    let found = operations.attachment(&caller, id).await?;
    let cached = [(header::CACHE_CONTROL, "private, max-age=86400, immutable")];
    Ok((headers_of(&found), cached, found.bytes).into_response())
}

/// What is said of an attachment: what it is, what it is called, and that nothing in it may do anything.
pub(crate) fn headers_of(found: &Attachment) -> [(HeaderName, String); 4] {
    // The name holds letters, digits, dots, dashes, underscores and blanks only.
    let ascii: String = found.name.chars().map(|c| if c.is_ascii() { c } else { '_' }).collect();
    [
        (header::CONTENT_TYPE, found.media_type.clone()),
        (header::CONTENT_DISPOSITION, format!("inline; filename=\"{ascii}\"")),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ]
}
