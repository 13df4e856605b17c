//! The port to what tells people: a chat, a pager, a mail server.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// What a channel speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChannelKind {
    /// Slack's incoming webhooks, and Mattermost's, which take the same.
    Slack,
    /// Microsoft Teams' incoming webhooks (Workflows).
    Teams,
    /// PagerDuty Events API v2.
    PagerDuty,
    /// Mail.
    Email,
}

impl ChannelKind {
    /// The word on pages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Slack => "Slack",
            Self::Teams => "Teams",
            Self::PagerDuty => "PagerDuty",
            Self::Email => "Email",
        }
    }
}

/// What a pager is told of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PagerAction {
    /// It began, or is still there.
    Trigger,
    /// Somebody works on it.
    Acknowledge,
    /// It is over.
    Resolve,
}

/// One text on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Names the message, the same at every attempt: where a channel can tell that it has it already, by this.
    pub key: String,
    /// Names the incident at a pager: all of its letters share it.
    pub incident_key: String,
    /// One line; where a message has none, the incident's title.
    pub subject: String,
    /// The text as people wrote and saw it: plain, no markup of any channel.
    pub text: String,
    /// For a pager.
    pub action: PagerAction,
    /// How bad it is, in PagerDuty's words: `critical`, `error`, `warning`, `info`.
    pub severity: &'static str,
    /// The page of the incident.
    pub address: Option<String>,
}

/// Why a letter did not arrive. The text is for people, and names no address that holds a secret, no key, no password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// It was not taken, and will not be: a wrong address, key or text. Trying again changes nothing.
    #[error("not taken: {0}")]
    Refused(String),
    /// It was not taken this time: nobody answered, or asked to wait. It certainly did not arrive, or else the channel
    /// knows letters again: send it once more, the same.
    #[error("not delivered: {0}")]
    Failed(String),
    /// It was sent whole, and no answer came: it may have arrived.
    #[error("perhaps delivered: {0}")]
    Unknown(String),
}

/// What everybody may know of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelView {
    /// What it is called: `incidents`.
    pub name: String,
    /// What it speaks.
    pub kind: ChannelKind,
    /// Whom it reaches.
    pub about: String,
}

/// Somewhere that texts can be sent to. Addresses and secrets are the channel's own: nothing here shows them.
#[async_trait]
pub trait Channel: Send + Sync {
    /// What configuration, pages and the trail call it: `incidents`, `stakeholders`.
    fn name(&self) -> &str;

    /// What it speaks.
    fn kind(&self) -> ChannelKind;

    /// Whom it reaches, for people: `#incidents`, `platform-team@example.com`. Never a secret.
    fn about(&self) -> &str;

    /// Whether a letter that may have arrived can be sent again without arriving twice.
    fn knows_letters_again(&self) -> bool;

    /// One attempt; at most half a minute. Returns what the other side called it, where it said so.
    ///
    /// # Errors
    /// [`DeliveryError`].
    async fn deliver(&self, letter: &Letter) -> Result<Option<String>, DeliveryError>;
}
