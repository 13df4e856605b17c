//! Finds what is wrong in runbooks before somebody needs them at night: calls that cannot work, dangerous ones, values that
//! nobody can give, links that lead nowhere.
//!
//! A finding says where, what, why, and what to write instead. A runbook without fault gives none, so each rule is silent
//! where it is not sure.

mod place;
mod rules;
mod sarif;

use runbook::{CommandId, Procedure, ProcedureId, Runbook};

pub use rules::RULES;
pub use sarif::sarif;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know.
    Note,
    /// It may go wrong, or has already.
    Warning,
    /// It cannot work as it is written, or does harm.
    Error,
}

impl Severity {
    /// The word in reports; the same as SARIF's levels.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What is looked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Names it in reports: `removed-column`.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Why it matters, in one sentence.
    pub why: &'static str,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked for.
    pub rule: &'static Rule,
    /// The line of the file, counted from 1.
    pub line: usize,
    /// The character of the line, counted from 1.
    pub column: usize,
    /// What is wrong here.
    pub message: String,
    /// What to write instead, where there is one thing.
    pub suggestion: Option<String>,
    /// The procedure and the command it stands in.
    pub place: Option<(ProcedureId, CommandId)>,
}

/// Everything that is wrong in a runbook, in the order of its text.
#[must_use]
pub fn check(runbook: &Runbook) -> Vec<Finding> {
    let mut found = rules::all(runbook);
    found.sort_by(|a, b| (a.line, a.column, a.rule.id).cmp(&(b.line, b.column, b.rule.id)));
    found.dedup();
    found
}

/// What is wrong in the commands of one procedure, for a page that shows it: without the places in the file, and without what
/// only the file tells.
#[must_use]
pub fn in_procedure(procedure: &Procedure) -> Vec<Finding> {
    let mut found = rules::of_procedure(procedure, &[]);
    found.dedup();
    found
}
