//! What is to be said of one command, after it ran.

use operations::ExecutionState;

use crate::effect::{self, Performed};
use crate::world::{Change, State};

/// What became of a command.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// It did what it says, and that was seen from outside: what was seen.
    EffectSeen(String),
    /// It only reads, it ran, and nothing changed.
    Read,
    /// The portal did not do it: its words.
    Refused(String),
    /// What it needs is nowhere in the bench: what.
    NotInBench(String),
    /// It cannot work anywhere: the tool's own words.
    Wrong(String),
    /// It should have worked.
    Failed(String),
}

impl Verdict {
    /// The verdict's word, and why.
    pub(crate) fn words(&self) -> (&'static str, &str) {
        match self {
            Self::EffectSeen(what) => ("effect seen", what),
            Self::Read => ("read", ""),
            Self::Refused(why) => ("refused", why),
            Self::NotInBench(why) => ("not in the bench", why),
            Self::Wrong(why) => ("wrong in itself", why),
            Self::Failed(why) => ("failed", why),
        }
    }
}

/// How a command ended, and what was seen.
pub(crate) struct Ended<'a> {
    pub(crate) state: ExecutionState,
    pub(crate) exit_code: Option<i32>,
    pub(crate) printed: &'a str,
    pub(crate) calls: &'a [Performed],
    pub(crate) changes: &'a [Change],
    /// The text of the command.
    pub(crate) source: &'a str,
}

/// Judges a command that bash ran. `seen` tells what is there now, by part.
pub(crate) fn judge<'a>(ended: &Ended<'_>, seen: impl Fn(&Performed) -> &'a State) -> Verdict {
    if ended.calls.iter().any(|call| call.refused) {
        return match failed(ended, ended.state) {
            Verdict::Failed(_) => Verdict::Refused(last_words(ended.printed, 1)),
            wrong => wrong,
        };
    }
    match ended.state {
        ExecutionState::Passed | ExecutionState::Stopped => {}
        ExecutionState::Failed if is_empty_search(ended) => {}
        state => return failed(ended, state),
    }
    let mut proofs = Vec::new();
    for (at, call) in ended.calls.iter().enumerate().filter(|(_, call)| call.changes()) {
        if call.exit_code != Some(0) && ended.state != ExecutionState::Stopped {
            return failed(ended, ended.state);
        }
        if ended.calls[at + 1..].iter().any(|later| later.undoes(call)) {
            continue;
        }
        match effect::proof(call, ended.changes, seen(call), ended.printed) {
            Ok(proof) => proofs.push(proof),
            Err(missing) => return Verdict::Failed(missing),
        }
    }
    if !proofs.is_empty() {
        return Verdict::EffectSeen(proofs.join("; "));
    }
    match ended.changes.iter().find(|change| !effect::is_by_itself(change)) {
        Some(change) => Verdict::Failed(format!("it only reads, but {}", effect::describe(change))),
        None => Verdict::Read,
    }
}

/// `grep` that found nothing ends with 1.
fn is_empty_search(ended: &Ended<'_>) -> bool {
    ended.exit_code == Some(1)
        && ended.printed.trim().is_empty()
        && ended.source.contains("grep")
        && ended.calls.iter().all(|call| call.exit_code == Some(0))
}

/// What tools print about a call that is wrong wherever it is made.
const WRONG: &[&str] = &[
    // kubectl
    "error: unknown flag",
    "error: unknown shorthand flag",
    "error: unknown command",
    "the server doesn't have a resource type",
    "error: required flag",
    // PostgreSQL
    "ERROR:  column \"",
    "ERROR:  syntax error",
    "ERROR:  function ",
    // aws
    "aws: error:",
    "Unknown options:",
    "Parameter validation failed",
    // programs in containers
    "TypeError:",
    "EADDRINUSE",
    "Empty reply from server",
    // aws: an update without the version that it wants to replace
    "InvalidIfMatchVersion",
    // bash
    "ambiguous redirect",
    // a path that was never meant
    "path/to/",
];

/// What parts of the bench print about what nobody built into them.
const NOT_BUILT: &[&str] = &[
    "has not been implemented",
    "NotImplemented",
    "not yet implemented",
    "(500)",
    "Internal Server Error",
    "<title>404 Not Found",
];

fn failed(ended: &Ended<'_>, state: ExecutionState) -> Verdict {
    let line = |words: &[&str]| {
        ended
            .printed
            .lines()
            .find(|line| words.iter().any(|word| line.contains(word)))
            .map(|line| line.trim().to_owned())
    };
    if let Some(line) = line(WRONG) {
        return Verdict::Wrong(line);
    }
    if let Some(line) = line(NOT_BUILT) {
        return Verdict::NotInBench(line);
    }
    // `manual-backup-$(date +%H%M%S)`, once to make it and once to look at it.
    if ended.source.contains("$(date") && ended.printed.contains("NotFound") {
        return Verdict::Wrong(
            "it names something by the time of day, which an earlier command named at another".to_owned(),
        );
    }
    let code = ended.exit_code.map(|code| format!(" {code}")).unwrap_or_default();
    Verdict::Failed(format!("{}{code}: {}", state.word(), last_words(ended.printed, 3)))
}

fn last_words(printed: &str, lines: usize) -> String {
    let last: Vec<&str> = printed.lines().rev().filter(|line| !line.trim().is_empty()).take(lines).collect();
    last.into_iter().rev().collect::<Vec<_>>().join(" | ")
}
