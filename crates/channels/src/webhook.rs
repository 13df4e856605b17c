//! Chat: the incoming webhooks of Slack, of Mattermost, and of Microsoft Teams (Workflows).

mod card;
mod markup;

use async_trait::async_trait;
use operations::{Channel, ChannelKind, DeliveryError, Letter, Secret};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::http::{Answer, NoAnswer, Post};
use crate::{Patience, SettingError};

/// Which of them, for each takes something else for markup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Slack.
    Slack,
    /// Mattermost.
    Mattermost,
    /// Microsoft Teams: a workflow that begins with "when a Teams webhook request is received".
    Teams,
}

impl Dialect {
    fn word(self) -> &'static str {
        match self {
            Self::Slack => "Slack",
            Self::Mattermost => "Mattermost",
            Self::Teams => "Teams",
        }
    }

    fn body(self, letter: &Letter) -> Value {
        match self {
            // A preview would make Slack fetch whatever address somebody put into an alert.
            Self::Slack => json!({ "text": markup::slack(letter), "unfurl_links": false, "unfurl_media": false }),
            Self::Mattermost => json!({ "text": markup::mattermost(letter) }),
            Self::Teams => card::message(letter),
        }
    }
}

/// One webhook, which posts to one place.
#[derive(Debug)]
pub struct Webhook {
    name: String,
    about: String,
    dialect: Dialect,
    post: Post,
}

impl Webhook {
    /// With the address that the chat made for it.
    ///
    /// # Errors
    /// Where that is no address, or one that is not encrypted and not of this machine.
    pub fn new(
        name: impl Into<String>,
        about: impl Into<String>,
        dialect: Dialect,
        url: &Secret,
        patience: Patience,
    ) -> Result<Self, SettingError> {
        let post = Post::new("url", url, &[], patience)?;
        Ok(Self { name: name.into(), about: about.into(), dialect, post })
    }

    fn judge(&self, answer: &Answer) -> Result<(), DeliveryError> {
        let chat = self.dialect.word();
        let Answer { status, quote, .. } = answer;
        let said = if quote.is_empty() { status.to_string() } else { format!("{status}: {quote}") };
        let refused = |next: &str| Err(DeliveryError::Refused(format!("{chat} answered {said}. {next}")));
        let failed = |next: &str| Err(DeliveryError::Failed(format!("{chat} answered {said}. {next}")));
        match *status {
            _ if status.is_success() && answer.text.trim_start().starts_with('<') => {
                Err(DeliveryError::Refused(format!(
                    "A web page answered in {chat}'s place. Ask an administrator whether the address is the webhook's, and no sign-in stands before it."
                )))
            }
            _ if status.is_success() => Ok(()),
            _ if status.is_redirection() => refused(
                "A redirection is not followed: an administrator has to put the final address into the configuration.",
            ),
            StatusCode::TOO_MANY_REQUESTS => match answer.wait {
                Some(seconds) => failed(&format!("Send it again after {seconds} s.")),
                None => failed("Send it again in some minutes."),
            },
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => failed("Send it again."),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                refused("An administrator has to look whether this webhook may still post there.")
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => refused(
                "The webhook or its place is gone: an administrator has to make a new one and put it into the configuration.",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => refused("Shorten the text."),
            // Who stands between could not tell whether the letter went on.
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => Err(DeliveryError::Unknown(format!(
                "Something before {chat} answered {said}. Look there before you send it again."
            ))),
            _ if status.is_server_error() => failed("Send it again in a minute."),
            _ => refused("Post the text by hand, and tell an administrator what the answer was."),
        }
    }
}

#[async_trait]
impl Channel for Webhook {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> ChannelKind {
        match self.dialect {
            Dialect::Slack | Dialect::Mattermost => ChannelKind::Slack,
            Dialect::Teams => ChannelKind::Teams,
        }
    }

    fn about(&self) -> &str {
        &self.about
    }

    fn knows_letters_again(&self) -> bool {
        false
    }

    async fn deliver(&self, letter: &Letter) -> Result<Option<String>, DeliveryError> {
        let chat = self.dialect.word();
        match self.post.send(&self.dialect.body(letter)).await {
            Ok(answer) => self.judge(&answer).map(|()| None),
            Err(NoAnswer::NotSent(reason)) => Err(DeliveryError::Failed(format!(
                "{chat} cannot be reached ({reason}). Send it again; if that fails too, post the text by hand."
            ))),
            Err(NoAnswer::Lost(reason)) => Err(DeliveryError::Unknown(format!(
                "It was sent, but {chat} did not confirm it ({reason}). Look there before you send it again."
            ))),
        }
    }
}
