//! Which procedure an alert means, and which values it brings.

use std::collections::BTreeMap;

use runbook::{Procedure, ProcedureId, Runbook, RunbookId};
use serde::{Deserialize, Serialize};

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

/// The procedures that an alert may mean, best first, at most [`MOST`].
#[must_use]
pub fn procedures<'r>(runbooks: impl IntoIterator<Item = &'r Runbook>, alert: &Alert) -> Vec<Candidate> {
    let _ = (runbooks.into_iter().count(), alert);
    Vec::new()
}

/// The values that an alert's labels give to what a procedure leaves open, by parameter name. Never a secret, and only what
/// has the right form for its place.
#[must_use]
pub fn prefill(procedure: &Procedure, labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let _ = (procedure, labels);
    BTreeMap::new()
}
