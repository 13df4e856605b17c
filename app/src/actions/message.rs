//! What the forms of messages post to.

use leptos::prelude::*;
use leptos::server_fn::codec::{Post, PostUrl};
use operations::{Error, IncidentId, Outgoing, PagerAction};

use super::{Document, Reply, path_part, reply};
use crate::components::messages::ID;

/// The longest pause between two updates that can be promised, in minutes.
const LONGEST_PROMISE: u16 = 1_440;

/// Sends a message of an incident. `channel` is one of the configured; `title` what the runbook calls the text; `action`
/// (`trigger`, `acknowledge`, `resolve`) is for a pager; `again` is after how many minutes people are promised to hear
/// again, or empty.
#[server(endpoint = "send_message", input = PostUrl, output = Post<Document>)]
pub async fn send_message(
    #[server(default)] incident: String,
    #[server(default)] channel: String,
    #[server(default)] title: String,
    #[server(default)] subject: String,
    #[server(default)] text: String,
    #[server(default)] action: String,
    #[server(default)] again: String,
    #[server(default)] key: String,
) -> Result<String, ServerFnError> {
    let back = format!("/incidents/{}/message", path_part(&incident));
    let draft = [subject.as_str(), text.as_str()].join("\n\n");
    reply(&back, draft.trim(), async |operations, caller| {
        let id: IncidentId = incident.parse().map_err(|_| Error::NotFound("This incident"))?;
        let action = match action.as_str() {
            "" | "trigger" => PagerAction::Trigger,
            "acknowledge" => PagerAction::Acknowledge,
            "resolve" => PagerAction::Resolve,
            _ => return Err(Error::Invalid("A pager triggers, acknowledges or resolves.".to_owned())),
        };
        let again_after = promised(&again)?;
        operations
            .send(&caller, id, Outgoing { key: key.parse().ok(), channel, title, subject, text, action, again_after })
            .await?;
        Ok(Reply::Address(format!("/incidents/{id}#{ID}")))
    })
    .await
}

/// Sends a message again that did not arrive, or may not have.
#[server(endpoint = "send_message_again", input = PostUrl, output = Post<Document>)]
pub async fn send_message_again(#[server(default)] message: String) -> Result<String, ServerFnError> {
    super::answer("/incidents", async |operations, caller| {
        let id = message.parse().map_err(|_| Error::NotFound("This message"))?;
        let incident = operations.send_again(&caller, id).await?;
        Ok(format!("/incidents/{incident}#{ID}"))
    })
    .await
}

/// After how many minutes people hear again; `None` where nothing is promised.
fn promised(text: &str) -> Result<Option<u16>, Error> {
    match text.trim() {
        "" => Ok(None),
        minutes => match minutes.parse() {
            Ok(minutes @ 1..=LONGEST_PROMISE) => Ok(Some(minutes)),
            _ => Err(Error::Invalid(format!(
                "Promise the next update in 1 to {LONGEST_PROMISE} minutes, or not at all."
            ))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_minutes_of_a_day_at_most() {
        assert_eq!(promised(" 30 ").ok(), Some(Some(30)));
        assert_eq!(promised("").ok(), Some(None));
        for wrong in ["0", "1441", "-1", "soon", "99999999999"] {
            assert!(promised(wrong).is_err(), "{wrong}");
        }
    }
}
