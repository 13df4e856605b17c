//! Which procedure an alert means, and which values it brings.

mod address;
mod evidence;
mod prefill;

use std::collections::BTreeMap;

use runbook::{ProcedureId, Runbook, RunbookId};
use serde::{Deserialize, Serialize};

pub use prefill::{may_fill, prefill};

use evidence::Asked;

/// The most candidates for one alert.
pub const MOST: usize = 3;

/// What a monitoring system says is wrong (Alertmanager's webhook, `alerts[]`). All of it is hostile text; how many labels
/// there are and how long they get is the caller's to bound.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The label `alertname`.
    pub name: String,
    /// All its labels: `namespace`, `pod`, `severity`.
    pub labels: BTreeMap<String, String>,
    /// All its annotations: `summary`, `description`, `runbook_url`.
    pub annotations: BTreeMap<String, String>,
}

/// A procedure that an alert may mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The runbook.
    pub runbook: RunbookId,
    /// The procedure in it.
    pub procedure: ProcedureId,
    /// How much speaks for it; only to compare.
    pub score: u32,
    /// Why, in short sentences for people: `the heading says “High Error Rate”`.
    pub reasons: Vec<String>,
}

/// The procedures that an alert may mean, best first, at most [`MOST`]. What speaks for one, in this order: its `runbook_url`
/// names the section; the text names the alert; the heading has the words of the alert's name; the symptoms have words of the
/// alert. That the commands act on what the labels name only adds to it. What has far less for it than the best is left out.
#[must_use]
pub fn procedures<'r>(runbooks: impl IntoIterator<Item = &'r Runbook>, alert: &Alert) -> Vec<Candidate> {
    let asked = Asked::of(alert);
    let mut found: Vec<Candidate> = runbooks.into_iter().flat_map(|runbook| asked.candidates(runbook)).collect();
    // Equal ones stay in the order in which they were given.
    found.sort_by_key(|candidate| std::cmp::Reverse(candidate.score));
    let best = found.first().map_or(0, |candidate| candidate.score);
    found.retain(|candidate| candidate.score * FAR >= best);
    found.truncate(MOST);
    found
}

/// How many times less is far less.
const FAR: u32 = 6;

#[cfg(test)]
mod tests;
