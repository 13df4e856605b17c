//! Texts that a runbook has people send.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use runbook::{ProcedureId, Runbook, StepId};
use serde::{Deserialize, Serialize};

/// A text to send, with what it leaves open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// The procedure that it stands in.
    pub procedure: ProcedureId,
    /// The step that sends it.
    pub step: StepId,
    /// How it is sent, where the runbook says so.
    pub channel: Option<Hint>,
    /// To whom: `#platform-alerts`, `@incident-commander`, a mail address. Never with a line break.
    pub to: Option<String>,
    /// What to call it: the step's title.
    pub title: String,
    /// Its subject, with placeholders. Never with a line break.
    pub subject: Option<String>,
    /// The text, with placeholders. Empty where the runbook only says whom to tell.
    pub text: String,
    /// What subject and text leave open, in order, each once.
    pub fields: Vec<Field>,
    /// How often it is to be sent again: `We will provide updates every 30 minutes.`
    pub every: Option<SignedDuration>,
}

/// How a text is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hint {
    /// A channel or a person on Slack.
    Slack,
    /// A mail.
    Email,
    /// An incident in PagerDuty.
    PagerDuty,
    /// A channel of Microsoft Teams.
    Teams,
}

/// What a template leaves open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// How a form names it, and how [`Template::fill`] is given its value: `describe impact`.
    pub name: String,
    /// How it stands in the text: `[describe impact]`.
    pub source: String,
    /// The values to choose from; empty where anything may be given.
    pub choices: Vec<String>,
    /// What of an incident it asks for.
    pub meaning: Option<Meaning>,
}

/// What of an incident a field asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Meaning {
    /// How bad.
    Severity,
    /// When it began.
    Started,
    /// Which services or features.
    Affected,
    /// What there is to say now.
    LatestUpdate,
    /// Investigating, identified, resolved.
    Status,
    /// What it does to people.
    Impact,
    /// When it will be over.
    Estimate,
    /// What caused it.
    RootCause,
    /// How long it took.
    Duration,
    /// Now.
    Time,
    /// What it is called.
    Title,
    /// How many customers, or which.
    Customers,
}

/// What is known of an incident, as text that can stand in a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// One value for each meaning that is known. Times are ISO 8601.
    pub values: BTreeMap<Meaning, String>,
}

/// A template with its values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filled {
    /// Without any line break or control character.
    pub subject: Option<String>,
    /// What is still missing stands in it as the runbook wrote it.
    pub text: String,
    /// The names of the fields without a value.
    pub missing: Vec<String>,
}

impl Template {
    /// Puts values in their places, by the names of the fields. Values are data: what looks like a placeholder in one is not
    /// filled again.
    #[must_use]
    pub fn fill(&self, values: &BTreeMap<String, String>) -> Filled {
        let _ = values;
        Filled { subject: self.subject.clone(), text: self.text.clone(), missing: Vec::new() }
    }

    /// The values that are known without asking anybody, by the names of the fields. A field with choices takes what is one
    /// of them.
    #[must_use]
    pub fn values(&self, known: &Known) -> BTreeMap<String, String> {
        let _ = known;
        BTreeMap::new()
    }
}

/// The texts to send of a runbook, in order.
#[must_use]
pub fn templates(runbook: &Runbook) -> Vec<Template> {
    let _ = runbook;
    Vec::new()
}

/// How often a runbook says that people are told, if it says so: the shortest of what it says.
#[must_use]
pub fn update_every(runbook: &Runbook) -> Option<SignedDuration> {
    let _ = runbook;
    None
}
