//! Texts that a runbook has people send.

mod open;
mod source;

use std::collections::BTreeMap;

use jiff::SignedDuration;
use runbook::{ProcedureId, RunbookId, StepId};
use serde::{Deserialize, Serialize};

pub use source::{templates, update_every};

use crate::words::shortened;

/// A text to send, with what it leaves open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// The runbook that it is a text of.
    pub runbook: RunbookId,
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
    /// filled again, and no value brings a line break into the subject. An empty value is none. At most [`LARGEST`] bytes of
    /// text come out.
    #[must_use]
    pub fn fill(&self, values: &BTreeMap<String, String>) -> Filled {
        let known = |name: &str| values.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
        let subject = self.subject.as_deref().map(|subject| {
            let filled = open::fill(subject, |name| known(name).map(open::one_line));
            shortened(&filled, LONGEST_SUBJECT)
        });
        let text = open::fill(&self.text, |name| known(name).map(open::plain));
        let missing =
            self.fields.iter().map(|field| &field.name).filter(|name| known(name).is_none()).cloned().collect();
        Filled { subject, text, missing }
    }

    /// The values that are known without asking anybody, by the names of the fields. A field with choices takes what is one
    /// of them.
    #[must_use]
    pub fn values(&self, known: &Known) -> BTreeMap<String, String> {
        let value = |field: &Field| {
            let value = known.values.get(&field.meaning?)?;
            if field.choices.is_empty() {
                return Some(value.clone());
            }
            field.choices.iter().find(|choice| choice.to_lowercase() == value.trim().to_lowercase()).cloned()
        };
        self.fields.iter().filter_map(|field| Some((field.name.clone(), value(field)?))).collect()
    }
}

/// The most text that a template makes, in bytes; chat and mail take less.
pub const LARGEST: usize = 64 * 1024;

/// The longest subject, in characters (RFC 5322 allows 998 in a line).
const LONGEST_SUBJECT: usize = 300;

#[cfg(test)]
mod tests;
