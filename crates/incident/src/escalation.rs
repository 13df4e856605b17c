//! Who is called after whom, and how they are reached.

use jiff::SignedDuration;
use runbook::Runbook;
use serde::{Deserialize, Serialize};

/// One step of an escalation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// As the runbook calls it: `Level 3`, `Secondary`.
    pub name: String,
    /// When it is reached, counted from the start of the incident; `None` where the runbook gives no time.
    pub after: Option<SignedDuration>,
    /// The condition in the runbook's own words: `Still unresolved after 15 min`.
    pub when: String,
    /// Who: `Director + VP Engineering`.
    pub who: String,
    /// What is to be done, in the runbook's own words: `Page Director + VP Engineering`.
    pub action: String,
    /// The severities that it is for; empty for all.
    pub levels: Vec<String>,
    /// The severities for which it also stands once somebody has answered (`No response or P1/P2`).
    pub regardless: Vec<String>,
    /// What makes it needless.
    pub until: Until,
}

/// What makes a rung needless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Until {
    /// Somebody answered.
    Acknowledged,
    /// The incident is over, or customers no longer notice it.
    Resolved,
    /// No clock reaches it: people decide whether it is needed (`Security Team`, `AWS Support`).
    Decided,
}

/// Somebody who can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Who, or what for: `Engineering Lead`, `Incident Channel`.
    pub role: String,
    /// How: `@eng-lead`, `#incidents`, an address, a link, or the words as written.
    pub reach: Vec<String>,
    /// What else the runbook says of it. May be empty.
    pub note: String,
}

/// The escalation of a runbook, in order; empty where it has none.
#[must_use]
pub fn ladder(runbook: &Runbook) -> Vec<Rung> {
    let _ = runbook;
    Vec::new()
}

/// Whom a runbook names as contacts, in order, each role once.
#[must_use]
pub fn contacts(runbook: &Runbook) -> Vec<Contact> {
    let _ = runbook;
    Vec::new()
}
