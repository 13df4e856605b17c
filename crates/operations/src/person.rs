//! Who may do what: one grid, deny by default.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// What a person is to the portal. Each role may do what the ones before it may, and more; see [`Role::permits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads runbooks, runs and live status.
    Viewer,
    /// Runs procedures.
    Operator,
    /// Approves what others may not do alone, and reads the audit trail.
    Approver,
    /// All of it, and edited commands.
    Admin,
}

/// One thing that a person may be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permission {
    /// Read runbooks, runs and live status.
    View,
    /// Start a run and press Run on its steps.
    Run,
    /// Run a command whose text was edited first.
    RunEdited,
    /// See what a command printed.
    SeeOutput,
    /// Stop an execution, also somebody else's.
    Stop,
    /// Approve an action of somebody else.
    Approve,
    /// Read the audit trail.
    ReadAudit,
    /// Make tokens of services, and revoke anybody's.
    ManageTokens,
    /// Type at a terminal that one's own press of Run has opened.
    Terminal,
}

impl Permission {
    /// Every permission, for the grid.
    pub const ALL: [Self; 9] = [
        Self::View,
        Self::Run,
        Self::RunEdited,
        Self::SeeOutput,
        Self::Stop,
        Self::Approve,
        Self::ReadAudit,
        Self::ManageTokens,
        Self::Terminal,
    ];

    /// What a person without it is told they may not do.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            Self::View => "read runbooks",
            Self::Run => "run procedures",
            Self::RunEdited => "run an edited command",
            Self::SeeOutput => "see the output of commands",
            Self::Stop => "stop a command",
            Self::Approve => "approve actions",
            Self::ReadAudit => "read the audit trail",
            Self::ManageTokens => "manage service tokens and other people's tokens",
            Self::Terminal => "type at a terminal",
        }
    }
}

impl Role {
    /// Every role, least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Approver, Self::Admin];

    /// The grid. It is printed to `docs/permissions.md` and reviewed there.
    #[must_use]
    pub fn permits(self, permission: Permission) -> bool {
        self >= match permission {
            Permission::View => Self::Viewer,
            Permission::Run | Permission::SeeOutput | Permission::Stop | Permission::ReadAudit => Self::Operator,
            Permission::Approve | Permission::RunEdited | Permission::Terminal => Self::Approver,
            Permission::ManageTokens => Self::Admin,
        }
    }

    /// The lower-case word used in configuration, database and pages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Approver => "approver",
            Self::Admin => "admin",
        }
    }

    /// The inverse of [`Role::word`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }
}

/// The actors that are no person: the portal itself, and whoever it could not tell.
const OWN: [&str; 2] = ["portal", "unknown"];
/// How the actors begin that are programs: monitoring systems, and service tokens.
const PROGRAMS: [&str; 2] = ["alerts:", "token:"];

/// Whether the portal itself uses this subject, or one like it, for an actor that is no person. No provider's person may be
/// called so. Case does not count: databases compare as they like.
#[must_use]
pub fn is_reserved(subject: &str) -> bool {
    let begins = |with: &str| subject.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    OWN.iter().any(|own| subject.trim().eq_ignore_ascii_case(own)) || PROGRAMS.iter().any(|program| begins(program))
}

/// A signed-in person, as the identity provider described them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The provider's stable identifier (`sub`), prefixed by nothing: one portal has one provider.
    pub subject: String,
    /// What to call them on pages and in the trail.
    pub name: String,
    /// Their address, where the provider tells it.
    pub email: Option<String>,
    /// The greatest role that one of their groups is mapped to.
    pub role: Role,
}

impl Person {
    /// Two letters for the round badge.
    #[must_use]
    pub fn initials(&self) -> String {
        let mut words = self.name.split_whitespace().filter_map(|word| word.chars().next());
        let first = words.next().unwrap_or('?');
        first.to_uppercase().chain(words.next().into_iter().flat_map(char::to_uppercase)).collect()
    }
}

/// A person and where the request came from: what every use case is called with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who asks.
    pub person: Person,
    /// From where, as the trusted proxy or the socket says.
    pub address: Option<IpAddr>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_portal_calls_its_own_actors_is_nobodys_subject() {
        for own in
            ["portal", "Portal", " portal ", "unknown", "alerts:", "alerts:alertmanager", "token:ci", "TOKEN:ci:1a"]
        {
            assert!(is_reserved(own), "{own}");
        }
        for free in ["", "u-17", "portal-team", "tokens", "alert:x", "x token:ci", "é:"] {
            assert!(!is_reserved(free), "{free}");
        }
        assert!(is_reserved(&crate::Actor::portal().subject));
    }
}
