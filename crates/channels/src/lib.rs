//! Tells people: chat webhooks, PagerDuty and mail, each behind the port [`operations::Channel`].
//!
//! What is sent is hostile (names of pods, labels of alerts, what somebody typed), so each channel writes it in the way
//! that its receiver takes for text: nobody is mentioned by it, and it hides no link. Where it goes is secret (the
//! address of a webhook is its key), so no error and no `Debug` shows it.
//!
//! One attempt is one connection: none is kept open, so no letter is written to one that was lost meanwhile.

mod email;
mod http;
mod pagerduty;
mod text;
mod webhook;

use std::time::Duration;

pub use email::{Account, Email, EmailSettings, Encryption};
pub use pagerduty::PagerDuty;
pub use webhook::{Dialect, Webhook};

/// How long one attempt may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Until there is a connection.
    pub connect: Duration,
    /// Until there is an answer, connecting included.
    pub whole: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), whole: Duration::from_secs(20) }
    }
}

/// Why a channel cannot be made of its settings. Names no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {reason}")]
pub struct SettingError {
    /// What is wrong: `url`, `from`.
    pub field: &'static str,
    /// Why, and what to write instead.
    pub reason: String,
}

impl SettingError {
    fn new(field: &'static str, reason: impl Into<String>) -> Self {
        Self { field, reason: reason.into() }
    }
}
