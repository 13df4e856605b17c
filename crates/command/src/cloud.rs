//! The AWS command line: `aws [options] <service> <operation> [parameters]` (AWS CLI reference, "aws").

use crate::action::{Action, Effect, Refusal, Target};
use crate::classify::{Arguments, target};

/// Global options that take a value.
const GLOBAL_VALUES: &[&str] = &[
    "--region",
    "--output",
    "--query",
    "--color",
    "--cli-read-timeout",
    "--cli-connect-timeout",
    "--cli-binary-format",
    "--profile",
    "--endpoint-url",
    "--ca-bundle",
];

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
    "test",
    "validate",
    "simulate",
    "select",
    "tail",
    "estimate",
    "preview",
    "help",
    "ls",
    "presign",
    "start-query",
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
    "rb",
    "rm",
    "schedule-key-deletion",
];

/// Reads that begin like a change of something else, or the other way round.
const EXCEPTIONS: &[(&str, Effect)] = &[("get-session-token", Effect::Change), ("stop-query", Effect::Read)];

pub(crate) fn aws(arguments: &Arguments<'_>) -> Result<Action, Refusal> {
    arguments.refuse(
        &["--profile", "--endpoint-url", "--ca-bundle"],
        "account, credentials and endpoint belong to the environment",
    )?;
    arguments.refuse(&["--no-verify-ssl", "--no-sign-request"], "it would weaken the connection")?;
    let plain = arguments.plain(GLOBAL_VALUES);
    let (Some(service), operation) = (plain.first().copied(), plain.get(1).copied().unwrap_or("help")) else {
        return Err(Refusal::not_permitted("`aws` needs a service and an operation."));
    };
    if matches!(service, "configure" | "sso" | "login") {
        return Err(Refusal::not_permitted(format!(
            "`aws {service}` is not permitted: credentials belong to the environment."
        )));
    }
    let effect = effect(arguments, service, operation, &plain);
    let targets = if service == "s3" {
        plain.iter().filter(|word| word.starts_with("s3://")).map(|word| target("object", Some(word))).collect()
    } else {
        resource(arguments, operation).into_iter().collect()
    };
    let mut action = arguments.action(format!("{service} {operation}"), effect, targets);
    action.follows = operation == "tail" && arguments.has(&["--follow"]);
    Ok(action)
}

fn effect(arguments: &Arguments<'_>, service: &str, operation: &str, plain: &[&str]) -> Effect {
    if let Some((_, effect)) = EXCEPTIONS.iter().find(|(name, _)| *name == operation) {
        return *effect;
    }
    let begins = |table: &[&str]| {
        table
            .iter()
            .any(|verb| operation.strip_prefix(verb).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
    };
    if service == "s3" && matches!(operation, "cp" | "mv" | "sync") {
        let uploads = plain.last().is_some_and(|last| last.starts_with("s3://"));
        return match (operation, uploads) {
            ("sync", true) if arguments.has(&["--delete"]) => Effect::Destroy,
            ("mv", false) => Effect::Destroy,
            (_, true) => Effect::Change,
            _ => Effect::Read,
        };
    }
    if begins(DESTROYS) {
        Effect::Destroy
    } else if begins(READS) {
        Effect::Read
    } else {
        Effect::Change
    }
}

/// What an operation acts on: the identifying parameter whose stem the operation names (`--db-snapshot-identifier` of
/// `create-db-snapshot`), else the first identifying one.
fn resource(arguments: &Arguments<'_>, operation: &str) -> Option<Target> {
    let mut first = None;
    for (at, word) in arguments.words.iter().enumerate() {
        let Some(option) = word.strip_prefix("--") else { continue };
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (option, arguments.words.get(at + 1).map(String::as_str)),
        };
        let stem = ["-identifier", "-name", "-id", "-arn", "-url"].iter().find_map(|ending| name.strip_suffix(ending));
        let (Some(stem), Some(value)) = (stem, value.filter(|value| !value.starts_with("--"))) else { continue };
        if operation.contains(stem) {
            return Some(target(stem, Some(value)));
        }
        first.get_or_insert_with(|| target(stem, Some(value)));
    }
    first
}
