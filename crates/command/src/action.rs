//! What one call of a program would do to infrastructure.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How far a call reaches. Ordered: the effect of a block is the greatest effect of its commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Looks and leaves everything as it was.
    Read,
    /// Changes something that can be changed back.
    Change,
    /// Removes something, or interrupts service in a way that cannot be taken back.
    Destroy,
}

impl Effect {
    /// The lower-case word used in the database, the pages and the documentation.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Change => "change",
            Self::Destroy => "destroy",
        }
    }

    /// The inverse of [`Effect::word`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Read, Self::Change, Self::Destroy].into_iter().find(|effect| effect.word() == word)
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How a [`Target`] says that a call acts in every namespace.
pub const ALL_NAMESPACES: &str = "*";

/// What a call acts on, as far as its arguments say so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Target {
    /// The kind in the tool's own singular words: `deployment`, `pod`, `db-instance`, `url`.
    pub kind: String,
    /// The name, or `None` where the call acts on all of a kind or on a selection.
    pub name: Option<String>,
    /// The label selector, where the call names one.
    pub selector: Option<String>,
    /// The namespace the call names itself, or [`ALL_NAMESPACES`]; `None` leaves it to the environment's default.
    pub namespace: Option<String>,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if let Some(name) = &self.name {
            write!(f, "/{name}")?;
        }
        if let Some(selector) = &self.selector {
            write!(f, " ({selector})")?;
        }
        match self.namespace.as_deref() {
            Some(ALL_NAMESPACES) => f.write_str(" in all namespaces"),
            Some(namespace) => write!(f, " in {namespace}"),
            None => Ok(()),
        }
    }
}

/// One call that reaches infrastructure, as the policy, the preview and the audit trail see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// The program: `kubectl`, `aws`, `curl`.
    pub tool: String,
    /// The tool's own verb: `rollout restart`, `rds describe-db-instances`, `GET`.
    pub verb: String,
    /// What it acts on. Several for `kubectl delete pod a b`; empty where the arguments name nothing.
    pub targets: Vec<Target>,
    /// How far it reaches.
    pub effect: Effect,
    /// Whether it goes on until it is stopped: `-w`, `-f`, `MONITOR`.
    pub follows: bool,
}

/// Why a call may not happen, found in its arguments alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// One plain sentence that names the argument and the next step. Goes to the caller's stderr and the audit trail.
    pub reason: String,
    /// The exit code that the caller's script sees. 126 means "found, but not permitted" (POSIX shell, 2.8.2),
    /// 127 "not found"; a tool's own usage errors keep the tool's own code.
    pub exit_code: u8,
}

impl Refusal {
    /// A call that the grammar does not permit.
    #[must_use]
    pub fn not_permitted(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), exit_code: 126 }
    }

    /// A program that this portal does not have.
    #[must_use]
    pub fn not_available(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), exit_code: 127 }
    }
}
