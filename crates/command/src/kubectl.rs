//! kubectl's own argument grammar: what a call asks for, and how far it would reach, without asking a cluster.
//!
//! The grammar is closed: an argument that kubectl does not know, that redirects credentials, or that leaves the
//! environment is refused here, before any policy is asked.

mod arguments;
mod commands;
mod create;
mod duration;
mod effect;
mod forbidden;
mod inside;
mod kinds;
mod look;
mod manifests;
mod pflag;
mod read;
mod selection;
mod set;

use std::time::Duration;

pub use commands::{
    Cascade, Command, Cordon, Delete, DeleteOf, DryRun, Edit, Get, Logs, LogsOf, Output, Patch, PatchKind, PatchText,
    Rollout, RolloutVerb, Scale, Schedule, SortBy, Top, TopOf, Watch,
};
pub use create::{Create, Created, Sources};
pub(crate) use inside::only_prints;
pub use inside::{Exec, Forward, Run};
pub use look::{CanI, Describe, Drain, Version, Wait, WaitFor};
pub use manifests::{Apply, Manifests, Merge, Replace, Validation};
pub use selection::Selection;
pub use set::{Mark, MarkPlace, Set, Setting, Variables};

use crate::{Action, Refusal};

/// One call of kubectl, understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    /// What the policy, the preview and the audit trail see of it.
    pub action: Action,
    /// The namespace it names itself.
    pub namespace: Option<String>,
    /// Whether it asks for every namespace (`-A`).
    pub all_namespaces: bool,
    /// The context it names itself: the adapter refuses any but the environment's.
    pub context: Option<String>,
    /// How long one request to the server may take; `None` for no limit.
    pub request_timeout: Option<Duration>,
    /// What it asks for.
    pub command: Command,
}

/// Understands a call; `argv[0]` is the program's name.
///
/// # Errors
/// kubectl's own usage error with exit code 1 where kubectl would refuse the arguments; a plain reason with exit code
/// 126 where kubectl would take them and this portal does not.
pub fn parse(argv: &[String]) -> Result<Invocation, Refusal> {
    let (verb, rest) =
        pflag::find_verb(argv.get(1..).unwrap_or_default()).map_err(|word| forbidden::verb(word.as_deref()))?;
    let arguments = pflag::parse(verb, &rest)?;
    forbidden::arguments(verb, &arguments)?;
    let request_timeout = request_timeout(&arguments)?;
    let command = read::command(verb, &arguments)?;
    Ok(Invocation {
        action: effect::action(verb, &arguments, &command)?,
        namespace: arguments.text("namespace"),
        all_namespaces: arguments.on("all-namespaces"),
        context: arguments.text("context"),
        request_timeout,
        command,
    })
}

/// What a call would do; `argv[0]` is the program's name.
///
/// # Errors
/// As [`parse`].
pub fn action(argv: &[String]) -> Result<Action, Refusal> {
    parse(argv).map(|invocation| invocation.action)
}

/// A refusal in kubectl's own words, with kubectl's exit code.
fn usage(text: impl Into<String>) -> Refusal {
    Refusal { reason: text.into(), exit_code: 1 }
}

/// `--request-timeout`: a duration, or whole seconds.
fn request_timeout(arguments: &pflag::Arguments) -> Result<Option<Duration>, Refusal> {
    let Some(text) = arguments.text("request-timeout") else { return Ok(None) };
    let nanoseconds = match text.parse::<u32>() {
        Ok(seconds) => i64::from(seconds) * 1_000_000_000,
        Err(_) => duration::parse(&text).map_err(|_| {
            usage(
                "error: Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a \
                 corresponding time unit (e.g. 1s | 2m | 3h)",
            )
        })?,
    };
    Ok(u64::try_from(nanoseconds).ok().filter(|length| *length > 0).map(Duration::from_nanos))
}

#[cfg(test)]
mod tests;
