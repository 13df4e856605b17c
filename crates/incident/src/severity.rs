//! How bad it is: levels, and how soon somebody answers.

use jiff::SignedDuration;
use runbook::{ProcedureId, Runbook};
use serde::{Deserialize, Serialize};

/// A severity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// As the runbook calls it, in one form: `P1`, `SEV2`, `Critical`.
    pub name: String,
    /// How bad: 0 is the worst there can be. `P0` is 0, `P1` and `SEV1` are 1.
    pub rank: u8,
    /// What the runbook says it means: `Critical - Service down`. Empty where it says nothing.
    pub description: String,
    /// How soon somebody answers.
    pub respond_within: Option<SignedDuration>,
    /// When it goes to whoever is next; zero is at once.
    pub escalate_after: Option<SignedDuration>,
}

/// The levels that a runbook names, worst first, each name once.
#[must_use]
pub fn levels(runbook: &Runbook) -> Vec<Level> {
    let _ = runbook;
    Vec::new()
}

/// The level that a procedure is written for.
#[must_use]
pub fn level_of(runbook: &Runbook, procedure: &ProcedureId) -> Option<Level> {
    let _ = (runbook, procedure);
    None
}

/// What an alert's `severity` label means among these levels.
#[must_use]
pub fn for_label<'l>(levels: &'l [Level], label: &str) -> Option<&'l Level> {
    let _ = label;
    levels.first()
}
