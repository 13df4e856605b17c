//! Small types that several rooms of the API share.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far something reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Effect {
    /// It looks.
    Read,
    /// It changes what can be changed back.
    Change,
    /// It removes something or interrupts service.
    Destroy,
}

impl From<command::Effect> for Effect {
    fn from(effect: command::Effect) -> Self {
        match effect {
            command::Effect::Read => Self::Read,
            command::Effect::Change => Self::Change,
            command::Effect::Destroy => Self::Destroy,
        }
    }
}

impl From<Effect> for command::Effect {
    fn from(effect: Effect) -> Self {
        match effect {
            Effect::Read => Self::Read,
            Effect::Change => Self::Change,
            Effect::Destroy => Self::Destroy,
        }
    }
}

/// Which text of a runbook.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Version {
    /// SHA-256 of the file, in hex.
    pub(crate) hash: String,
    /// The commit that holds it, where one does.
    pub(crate) commit: Option<String>,
}

impl From<&runbook::Version> for Version {
    fn from(version: &runbook::Version) -> Self {
        Self { hash: version.hash.clone(), commit: version.commit.clone() }
    }
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Who {
    /// The identity provider's identifier; `token:NAME:ID` for a service token.
    pub(crate) subject: String,
    /// The name at that time: `Ada`, `Ada (token ci)`.
    pub(crate) name: String,
}

impl From<&(String, String)> for Who {
    fn from((subject, name): &(String, String)) -> Self {
        Self { subject: subject.clone(), name: name.clone() }
    }
}

/// A text of somebody's own.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Words {
    /// The text; not empty.
    pub(crate) text: String,
}
