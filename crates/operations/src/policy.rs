//! Whether this person may do this action in this environment.

use command::Effect;
use serde::{Deserialize, Serialize};

use crate::{Decision, Person, Role, Verdict};

/// The least role for each effect, set for each environment. What is not said is the default: operators read, change
/// and destroy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "lowercase")]
pub struct Policy {
    /// For calls that only look.
    pub read: Role,
    /// For calls that change something.
    pub change: Role,
    /// For calls that remove something or interrupt service.
    pub destroy: Role,
}

impl Default for Policy {
    fn default() -> Self {
        Self { read: Role::Operator, change: Role::Operator, destroy: Role::Operator }
    }
}

impl Policy {
    /// Decides on one action by how far it reaches. Says which rule decided, in words for the trail.
    #[must_use]
    pub fn decide(&self, person: &Person, effect: Effect) -> Decision {
        let least = match effect {
            Effect::Read => self.read,
            Effect::Change => self.change,
            Effect::Destroy => self.destroy,
        };
        let rule = format!("{effect} needs {}", least.word());
        if person.role >= least {
            Decision { verdict: Verdict::Allowed, rule }
        } else {
            Decision { verdict: Verdict::Denied, rule }
        }
    }
}
