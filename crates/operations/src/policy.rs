//! Whether this person may do this action in this environment.

use command::{Action, Effect};
use runbook::Command;
use serde::{Deserialize, Serialize};

use crate::{Decision, Person, Role, Verdict};

/// The least role for each effect, set for each environment. What is not said is the default: operators read, change
/// and destroy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "lowercase")]
pub struct Policy {
    /// For calls that only look.
    pub read: Role,
    /// For calls that change something.
    pub change: Role,
    /// For calls that remove something or interrupt service.
    pub destroy: Role,
    /// How far calls reach here where that is further than their grammar says: of the rules that fit the greatest counts.
    pub effects: Vec<EffectRule>,
}

/// How far calls of a verb reach in an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EffectRule {
    /// The program: `aws`.
    pub tool: String,
    /// The verb as the history shows it: `sqs purge-queue`, `POST`; with `*` at its end all that begin so.
    pub verb: String,
    /// How far it reaches.
    pub effect: Effect,
}

impl EffectRule {
    fn fits(&self, action: &Action) -> bool {
        self.tool == action.tool
            && match self.verb.strip_suffix('*') {
                Some(beginning) => action.verb.starts_with(beginning),
                None => self.verb == action.verb,
            }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self { read: Role::Operator, change: Role::Operator, destroy: Role::Operator, effects: Vec::new() }
    }
}

impl Policy {
    /// How far an action reaches here. A rule only raises: a verb may stand for more than its first word tells.
    #[must_use]
    pub fn effect(&self, action: &Action) -> Effect {
        let rules = self.effects.iter().filter(|rule| rule.fits(action)).map(|rule| rule.effect);
        rules.max().unwrap_or(action.effect).max(action.effect)
    }

    /// How far a command reaches here, as far as its text tells: never less than its text says by itself.
    #[must_use]
    pub fn effect_of(&self, command: &Command) -> Effect {
        command.actions.iter().map(|action| self.effect(action)).max().unwrap_or(command.effect).max(command.effect)
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_raises_how_far_a_call_reaches_and_never_lowers_it() {
        let rule = |tool: &str, verb: &str, effect| EffectRule { tool: tool.to_owned(), verb: verb.to_owned(), effect };
        let effects = vec![
            rule("aws", "sqs purge-queue", Effect::Read),
            rule("aws", "sqs list-*", Effect::Destroy),
            rule("psql", "VACUUM", Effect::Read),
        ];
        let policy = Policy { effects, ..Policy::default() };
        let effect = |words: &[&str]| {
            let argv: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            policy.effect(&command::classify(&argv).unwrap())
        };
        assert_eq!(effect(&["aws", "sqs", "purge-queue", "--queue-url", "x"]), Effect::Destroy);
        assert_eq!(effect(&["aws", "sqs", "list-queues"]), Effect::Destroy);
        assert_eq!(effect(&["aws", "sqs", "get-queue-url", "--queue-name", "x"]), Effect::Read);
        assert_eq!(effect(&["psql", "-c", "VACUUM", "-c", "DROP TABLE users"]), Effect::Destroy);
        assert_eq!(effect(&["kubectl", "get", "pods"]), Effect::Read);
    }
}
