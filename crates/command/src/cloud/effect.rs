//! How far an operation reaches and what it acts on, by its name and parameters.

use super::{Invocation, is_option};
use crate::action::{Effect, Target};
use crate::classify::target;

/// Operations by how their name begins. What stands in neither table changes something.
const READS: &[&str] = &[
    "describe",
    "list",
    "get",
    "lookup",
    "filter",
    "head",
    "batch-get",
    "search",
    "scan",
    "query",
    "wait",
    "view",
    "check",
    "validate",
    "simulate",
    "select",
    "tail",
    "estimate",
    "preview",
    "help",
    "ls",
    "download",
];
const DESTROYS: &[&str] = &[
    "delete",
    "batch-delete",
    "purge",
    "terminate",
    "reboot",
    "failover",
    "stop",
    "remove",
    "destroy",
    "cancel",
    "release",
    "deregister",
    "rb",
    "rm",
    "schedule-key-deletion",
];

/// Operations whose effect their name does not tell, by service; `*` is any.
const EXCEPTIONS: &[(&str, &str, Effect)] = &[
    ("logs", "start-query", Effect::Read),
    ("logs", "stop-query", Effect::Read),
    ("logs", "start-live-tail", Effect::Read),
    ("cloudtrail", "start-query", Effect::Read),
    ("cloudtrail", "cancel-query", Effect::Read),
    ("rds", "remove-tags-from-resource", Effect::Change),
    ("acm", "remove-tags-from-certificate", Effect::Change),
    ("sqs", "receive-message", Effect::Change),
];

pub(super) fn effect(invocation: &Invocation<'_>) -> Effect {
    let Invocation { service, operation, ref rest, .. } = *invocation;
    if let Some((.., effect)) = EXCEPTIONS.iter().find(|(of, name, _)| *of == service && *name == operation) {
        return *effect;
    }
    let begins = |table: &[&str]| {
        table
            .iter()
            .any(|verb| operation.strip_prefix(verb).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
    };
    if service == "s3" && matches!(operation, "cp" | "mv" | "sync") {
        let last = rest.iter().rfind(|word| word.starts_with("s3://") || !word.starts_with('-'));
        let uploads = last.is_some_and(|last| last.starts_with("s3://"));
        return match (operation, uploads) {
            ("sync", true) if rest.contains(&"--delete") => Effect::Destroy,
            ("mv", _) => Effect::Destroy,
            (_, true) => Effect::Change,
            _ => Effect::Read,
        };
    }
    if service == "help" {
        Effect::Read
    } else if begins(DESTROYS) {
        Effect::Destroy
    } else if begins(READS) {
        Effect::Read
    } else {
        Effect::Change
    }
}

/// What an operation acts on: the identifying parameters whose stem the operation names (`--db-snapshot-identifier` of
/// `create-db-snapshot`), else the first identifying one.
pub(super) fn targets(rest: &[&str], operation: &str) -> Vec<Target> {
    let mut named = Vec::new();
    let mut first = None;
    for (at, word) in rest.iter().enumerate() {
        let Some(option) = word.strip_prefix("--") else { continue };
        let (name, inline) = option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value)));
        let stem = ["-identifier", "-name", "-id", "-arn", "-url"]
            .iter()
            .find_map(|ending| name.strip_suffix(ending).or_else(|| name.strip_suffix('s')?.strip_suffix(ending)));
        let Some(stem) = stem else { continue };
        let following = rest[at + 1..].iter().copied().take_while(|word| !is_option(word));
        // `--target-db-instance-identifier` is a db-instance, `--target-group-arn` a target group.
        let bare = ["source-", "target-"].iter().find_map(|prefix| stem.strip_prefix(prefix));
        let kind = bare.filter(|bare| !operation.contains(stem) && operation.contains(bare)).unwrap_or(stem);
        for value in inline.into_iter().chain(following.take(if inline.is_some() { 0 } else { usize::MAX })) {
            let found = target(kind, Some(value));
            if operation.contains(kind) {
                named.push(found);
            } else {
                first.get_or_insert(found);
            }
        }
    }
    if named.is_empty() { first.into_iter().collect() } else { named }
}
