//! Server functions: what forms post to. Each has a stable path below `/api`, so that an open tab survives a deploy.
//!
//! They are plain form posts first: success answers 303 to the page that shows it, failure a page that says why, with
//! the fitting status (403, 404, 409, 422, 503). A request whose `Accept` does not name `text/html` (the island's) gets
//! the same as `200` with the address to go to, or the plain sentence.
//!
//! The browser sends ids and values, never shell text; the one exception, an edited command, has a permission of its own.

pub mod incident;
#[expect(clippy::too_many_arguments, reason = "a form has a field for each")]
pub mod message;
pub mod post_mortem;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use leptos::prelude::*;
use leptos::server_fn::codec::{Post, PostUrl};
use leptos::server_fn::{ContentType, Decodes, Encodes, Format, FormatType};
use leptos_axum::ResponseOptions;
use operations::{
    Answer, Caller, EnvironmentName, Error, Mark, Operations, Role, RunId, RunState, Scope, TokenKind, TokenWish,
};
use runbook::{CommandId, ProcedureId, RunbookId};

use crate::document::{content_security_policy, draft_page, message_page};
use crate::pages;

pub mod undo;

/// An answer that is a document.
pub struct Document;

impl ContentType for Document {
    const CONTENT_TYPE: &'static str = "text/html; charset=utf-8";
}

impl FormatType for Document {
    const FORMAT_TYPE: Format = Format::Text;
}

impl Encodes<String> for Document {
    type Error = Infallible;

    fn encode(output: &String) -> Result<Bytes, Self::Error> {
        Ok(Bytes::copy_from_slice(output.as_bytes()))
    }
}

impl Decodes<String> for Document {
    type Error = std::string::FromUtf8Error;

    fn decode(bytes: Bytes) -> Result<String, Self::Error> {
        String::from_utf8(bytes.into())
    }
}

/// Starts a run of a procedure in an environment. `values` are its parameters by name, as far as they are known;
/// `incident` is the one that it is for, or nothing.
#[server(endpoint = "start_run", input = PostUrl, output = Post<Document>)]
pub async fn start_run(
    #[server(default)] runbook: String,
    #[server(default)] procedure: String,
    #[server(default)] environment: String,
    #[server(default)] values: BTreeMap<String, String>,
    #[server(default)] incident: String,
) -> Result<String, ServerFnError> {
    let back = format!("/runbooks/{}/{}", path_part(&runbook), path_part(&procedure));
    answer(&back, async |operations, caller| {
        let (runbook, procedure) = (RunbookId::new(runbook), ProcedureId::new(procedure));
        let environment = EnvironmentName(environment);
        let run = if incident.is_empty() {
            operations.start_run(&caller, &runbook, &procedure, &environment, values).await?
        } else {
            let incident = incident.parse().map_err(|_| Error::NotFound("This incident"))?;
            operations.start_incident_run(&caller, incident, &runbook, &procedure, &environment, values).await?
        };
        Ok(format!("/runs/{run}"))
    })
    .await
}

/// Keeps a procedure at hand on the home page, or no more where it is.
#[server(endpoint = "pin", input = PostUrl, output = Post<Document>)]
pub async fn pin(
    #[server(default)] runbook: String,
    #[server(default)] procedure: String,
) -> Result<String, ServerFnError> {
    let back = format!("/runbooks/{}/{}", path_part(&runbook), path_part(&procedure));
    answer(&back, async |operations, caller| {
        operations.toggle_pin(&caller, &RunbookId::new(runbook), &ProcedureId::new(procedure)).await?;
        Ok(back.clone())
    })
    .await
}

/// Presses Run on a command. `seen` is the latest execution that the page shows of it, or nothing: what somebody has run
/// since is to be looked at first. `values` are the parameters by name; `edited` is the text area of those who may edit;
/// `adjusted` are other values for what the text names itself, by their number; `confirmed` says `destroy`, of the
/// text as it is shown or as it is edited, where it may remove something that does not stand there.
#[server(endpoint = "press", input = PostUrl, output = Post<Document>)]
pub async fn press(
    #[server(default)] run: String,
    #[server(default)] command: String,
    #[server(default)] seen: String,
    #[server(default)] values: BTreeMap<String, String>,
    #[server(default)] edited: Option<String>,
    #[server(default)] adjusted: BTreeMap<String, String>,
    #[server(default)] confirmed: BTreeMap<String, String>,
) -> Result<String, ServerFnError> {
    let back = place(&run, &command);
    answer(&back, async |operations, caller| {
        // A form sends every line end as CR LF (HTML Standard, 4.10.21.4); bash would read the CR as text.
        let edited = edited.map(|text| text.replace("\r\n", "\n"));
        let numbered = adjusted.into_iter().filter_map(|(number, value)| Some((number.parse().ok()?, value)));
        let press = operations::Press {
            values,
            edited,
            adjusted: numbered.collect(),
            again: operations::Again::Seen(seen.parse().ok()),
            confirmed: confirmed.values().any(|effect| effect == "destroy").then_some(::command::Effect::Destroy),
        };
        operations.press(&caller, run_id(&run)?, &CommandId::new(command), press).await?;
        Ok(back.clone())
    })
    .await
}

/// Lets the next commands of a run run one after the other, until somebody is needed.
#[server(endpoint = "run_on", input = PostUrl, output = Post<Document>)]
pub async fn run_on(#[server(default)] run: String) -> Result<String, ServerFnError> {
    let back = place(&run, "");
    answer(&back, async |operations, caller| {
        operations.run_on(&caller, run_id(&run)?).await?;
        Ok(back.clone())
    })
    .await
}

/// Gives values for a run's parameters; an empty one takes the value away.
#[server(endpoint = "give_values", input = PostUrl, output = Post<Document>)]
pub async fn give_values(
    #[server(default)] run: String,
    #[server(default)] values: BTreeMap<String, String>,
) -> Result<String, ServerFnError> {
    let back = format!("/runs/{}", path_part(&run));
    answer(&back, async |operations, caller| {
        operations.give(&caller, run_id(&run)?, values).await?;
        Ok(back.clone())
    })
    .await
}

/// Stops an execution.
#[server(endpoint = "stop", input = PostUrl, output = Post<Document>)]
pub async fn stop(#[server(default)] execution: String) -> Result<String, ServerFnError> {
    answer("/runs", async |operations, caller| {
        let id = execution.parse().map_err(|_| Error::NotFound("This execution"))?;
        let run = operations.stop(&caller, id).await?;
        // It is stopped either way: where its step is not known, the page's beginning has to do.
        let view = operations.view_run(&caller, run).await.ok();
        let executions = view.iter().flat_map(|view| &view.steps).flat_map(|step| &step.commands);
        let command = executions
            .filter_map(|command| command.execution.as_ref())
            .find(|execution| execution.id == id)
            .map(|execution| execution.command.to_string());
        Ok(command.map_or_else(|| format!("/runs/{run}"), |command| place(&run.to_string(), &command)))
    })
    .await
}

/// Answers what a running command asks: `answer` is `yes`, `back` or `no`; `text` is what was left in the editor.
#[server(endpoint = "answer", input = PostUrl, output = Post<Document>)]
pub async fn answer_question(
    #[server(default)] run: String,
    #[server(default)] question: u64,
    #[server(default)] answer: String,
    #[server(default)] text: String,
) -> Result<String, ServerFnError> {
    let back = format!("/runs/{}", path_part(&run));
    self::answer(&back, async |operations, caller| {
        let said = match answer.as_str() {
            "yes" => Answer::Yes(text.replace("\r\n", "\n")),
            "back" => Answer::Back,
            "no" => Answer::No,
            _ => return Err(Error::Invalid("A question is answered with yes, back or no.".to_owned())),
        };
        operations.answer(&caller, run_id(&run)?, question, said).await?;
        Ok(back.clone())
    })
    .await
}

/// Says something of a step or command: `mark` is `done`, `by-hand`, `skipped`, `as-expected`, `not-as-expected`,
/// `settled-passed` or `settled-failed`; `text` is the result, the reason, or the finding.
#[server(endpoint = "mark_step", input = PostUrl, output = Post<Document>)]
pub async fn mark_step(
    #[server(default)] run: String,
    #[server(default)] part: String,
    #[server(default)] mark: String,
    #[server(default)] text: String,
) -> Result<String, ServerFnError> {
    let back = place(&run, &part);
    answer(&back, async |operations, caller| {
        let text = text.replace("\r\n", "\n");
        let mark = match mark.as_str() {
            "done" => Mark::Done,
            "by-hand" => Mark::ByHand { result: text },
            "skipped" => Mark::Skipped { reason: text },
            "as-expected" => Mark::Judged { met: true },
            "not-as-expected" => Mark::Judged { met: false },
            "settled-passed" => Mark::Settled { passed: true, finding: text },
            "settled-failed" => Mark::Settled { passed: false, finding: text },
            _ => return Err(Error::Invalid("A step is done, done by hand, skipped, judged or settled.".to_owned())),
        };
        operations.mark(&caller, run_id(&run)?, &part, mark).await?;
        Ok(back.clone())
    })
    .await
}

/// Closes a run: `outcome` is `completed` or `abandoned`.
#[server(endpoint = "close_run", input = PostUrl, output = Post<Document>)]
pub async fn close_run(
    #[server(default)] run: String,
    #[server(default)] outcome: String,
) -> Result<String, ServerFnError> {
    let back = format!("/runs/{}", path_part(&run));
    answer(&back, async |operations, caller| {
        let state = RunState::from_word(&outcome)
            .ok_or_else(|| Error::Invalid("A run is closed as completed or as abandoned.".to_owned()))?;
        operations.close_run(&caller, run_id(&run)?, state).await?;
        Ok(back.clone())
    })
    .await
}

/// Makes an access token; the page that follows shows it once. `kind` is `personal` or `service`, `scopes` are the boxes that
/// are ticked, by scope.
#[server(endpoint = "make_token", input = PostUrl, output = Post<Document>)]
pub async fn make_token(
    #[server(default)] name: String,
    #[server(default)] kind: String,
    #[server(default)] scopes: BTreeMap<String, String>,
    #[server(default)] role: String,
    #[server(default)] days: String,
) -> Result<String, ServerFnError> {
    answer("/tokens", async |operations, caller| {
        let invalid = |text: &str| Error::Invalid(text.to_owned());
        let kind = match kind.as_str() {
            "personal" | "" => TokenKind::Personal,
            "service" => TokenKind::Service,
            _ => return Err(invalid("A token is personal or a service's.")),
        };
        let scopes: Option<Vec<_>> = scopes.keys().map(|word| Scope::from_word(word)).collect();
        let scopes = scopes.ok_or_else(|| invalid("A scope is read, run, incidents or alerts."))?;
        let role = Some(role).filter(|role| !role.is_empty()).map(|role| Role::from_word(&role));
        let role = match role {
            Some(None) => return Err(invalid("A role is viewer, operator, approver or admin.")),
            Some(role) => role,
            None => None,
        };
        let days = days.parse().map_err(|_| invalid("Say for how many days the token is good."))?;
        let wish = TokenWish { name: name.trim().to_owned(), kind, scopes, role, days };
        let id = operations.make_token_to_show(&caller, wish).await?;
        Ok(format!("/tokens?made={id}"))
    })
    .await
}

/// Ends an access token.
#[server(endpoint = "revoke_token", input = PostUrl, output = Post<Document>)]
pub async fn revoke_token(#[server(default)] token: String) -> Result<String, ServerFnError> {
    answer("/tokens", async |operations, caller| {
        let id = token.parse().map_err(|_| Error::NotFound("This token"))?;
        operations.revoke_token(&caller, id).await?;
        Ok("/tokens".to_owned())
    })
    .await
}

fn run_id(text: &str) -> Result<RunId, Error> {
    text.parse().map_err(|_| Error::NotFound("This run"))
}

/// The step of a run that a command or step id belongs to.
fn place(run: &str, part: &str) -> String {
    let step: String = part.chars().take_while(char::is_ascii_digit).collect();
    if step.is_empty() {
        return format!("/runs/{}", path_part(run));
    }
    format!("/runs/{}?at={step}#step-{step}", path_part(run))
}

/// What a person sent, as one segment of a path that cannot lead anywhere else.
fn path_part(text: &str) -> String {
    text.chars().filter(|character| character.is_ascii_alphanumeric() || "-._".contains(*character)).take(200).collect()
}

/// What a use case that went well is answered with.
enum Reply {
    /// Where it shows.
    Address(String),
    /// A document that is shown now and never again, and the same for a program.
    Once { document: String, plain: String },
}

/// Carries out a use case and answers for it. `back` is where a failure leads back to.
async fn answer<Doing>(back: &str, action: impl FnOnce(Operations, Caller) -> Doing) -> Result<String, ServerFnError>
where
    Doing: Future<Output = Result<String, Error>>,
{
    reply(back, "", async |operations, caller| Ok(Reply::Address(action(operations, caller).await?))).await
}

/// The same for what may be long in writing: a refusal gives `draft` back, so that nobody loses what they wrote.
async fn reply<Doing>(
    back: &str,
    draft: &str,
    action: impl FnOnce(Operations, Caller) -> Doing,
) -> Result<String, ServerFnError>
where
    Doing: Future<Output = Result<Reply, Error>>,
{
    let response = use_context::<ResponseOptions>().unwrap_or_default();
    let html = use_context::<Parts>().is_some_and(|parts| {
        parts
            .headers
            .get(ACCEPT)
            .and_then(|accept| accept.to_str().ok())
            .is_some_and(|accept| accept.contains("text/html"))
    });
    let refuse = |status, title: &str, text: &str| Ok(refusal(&response, html, status, (title, text), draft, back));
    let (Some(operations), Some(caller)) = (use_context::<Operations>(), use_context::<Caller>()) else {
        let text = "The portal lost track of who asks. Nothing was run. Load the page again.";
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "Not now", text);
    };
    match action(operations, caller).await {
        Ok(Reply::Address(address)) => {
            if html && let Ok(address) = HeaderValue::from_str(&address) {
                response.insert_header(LOCATION, address);
                response.set_status(StatusCode::SEE_OTHER);
                return Ok(String::new());
            }
            response.insert_header(CONTENT_TYPE, PLAIN);
            Ok(address)
        }
        Ok(Reply::Once { document, .. }) if html => {
            // Without a status of its own, a form's answer becomes a way back to where the form was.
            response.set_status(StatusCode::OK);
            forbid_scripts(&response);
            Ok(document)
        }
        Ok(Reply::Once { plain, .. }) => {
            response.insert_header(CONTENT_TYPE, PLAIN);
            Ok(plain)
        }
        Err(error) => refuse(pages::status(&error), pages::title(&error), &error.to_string()),
    }
}

const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

fn refusal(
    response: &ResponseOptions,
    html: bool,
    status: StatusCode,
    (title, text): (&str, &str),
    draft: &str,
    back: &str,
) -> String {
    response.set_status(status);
    if !html {
        response.insert_header(CONTENT_TYPE, PLAIN);
        return text.to_owned();
    }
    forbid_scripts(response);
    match draft.trim() {
        "" => message_page(title, text, Some((back, "Back"))),
        _ => draft_page(title, text, draft, (back, "Back")),
    }
}

fn forbid_scripts(response: &ResponseOptions) {
    if let Ok(policy) = HeaderValue::from_str(&content_security_policy(None, None)) {
        response.insert_header(CONTENT_SECURITY_POLICY, policy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_sends_stays_one_segment() {
        assert_eq!(place("0199-ab", "4b"), "/runs/0199-ab?at=4#step-4");
        assert_eq!(place("//evil.example/\r\nSet-Cookie: x", "<4>"), "/runs/evil.exampleSet-Cookiex");
        assert_eq!(path_part("../../x?y#z"), "....xyz");
    }
}
