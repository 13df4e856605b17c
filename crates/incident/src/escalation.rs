//! Who is called after whom, and how they are reached.

mod contact;
mod drawing;
mod list;
mod table;

use jiff::SignedDuration;
use runbook::Runbook;
use serde::{Deserialize, Serialize};

pub use contact::contacts;

use crate::duration;
use crate::severity::name;
use crate::words::shortened;

/// One step of an escalation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// As the runbook calls it: `Level 3`, `Secondary`.
    pub name: String,
    /// When it is reached, counted from the start of the incident; `None` where the runbook gives no time.
    pub after: Option<SignedDuration>,
    /// The condition in the runbook's own words: `Still unresolved after 15 min`.
    pub when: String,
    /// Who: `Director + VP Engineering`.
    pub who: String,
    /// What is to be done, in the runbook's own words: `Page Director + VP Engineering`.
    pub action: String,
    /// The severities that it is for; empty for all.
    pub levels: Vec<String>,
    /// The severities for which it also stands once somebody has answered (`No response or P1/P2`).
    pub regardless: Vec<String>,
    /// What makes it needless.
    pub until: Until,
}

/// What makes a rung needless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Until {
    /// Somebody answered.
    Acknowledged,
    /// The incident is over, or customers no longer notice it.
    Resolved,
    /// No clock reaches it: people decide whether it is needed (`Security Team`, `AWS Support`).
    Decided,
}

/// Somebody who can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Who, or what for: `Engineering Lead`, `Incident Channel`.
    pub role: String,
    /// How: `@eng-lead`, `#incidents`, an address, a link, or the words as written.
    pub reach: Vec<String>,
    /// What else the runbook says of it. May be empty.
    pub note: String,
}

/// The most rungs of a ladder: it is kept with every incident.
pub const MOST_RUNGS: usize = 20;

/// The escalation of a runbook, in order; empty where it has none. Of a drawing with levels, a list and a table the first
/// counts, in this order. At most [`MOST_RUNGS`].
#[must_use]
pub fn ladder(runbook: &Runbook) -> Vec<Rung> {
    let sources = [drawing::rungs, list::rungs, table::rungs];
    let mut rungs = sources.iter().map(|source| source(runbook)).find(|rungs| !rungs.is_empty()).unwrap_or_default();
    rungs.truncate(MOST_RUNGS);
    for rung in &mut rungs {
        for text in [&mut rung.name, &mut rung.when, &mut rung.who, &mut rung.action] {
            *text = shortened(text, LONGEST);
        }
    }
    rungs
}

/// Beginnings of words in headings above an escalation.
const ESCALATION: &[&str] = &["escalat"];

/// Words that say that nobody answered.
const NO_ANSWER: &[&str] = &[
    "no response",
    "no answer",
    "not respond",
    "not answer",
    "unanswered",
    "unacknowledged",
    "not acknowledged",
    "no ack",
];

/// What somebody does who calls somebody.
const CALLING: &[&str] = &[
    "page ",
    "call ",
    "notify ",
    "contact ",
    "escalate to ",
    "alert ",
    "inform ",
    "engage ",
    "involve ",
    "ping ",
    "wake ",
];

/// What somebody does who is called.
const ANSWERING: &[&str] =
    &[" responds", " respond", " acknowledges", " acknowledge", " is paged", " answers", " is called", " is notified"];

/// Whom an action speaks of: `Page Manager + Lead Engineer` of the two, `On-call responds within 5 minutes` of the on-call.
/// Where it says it in no such words, it is all of the action.
fn whom(action: &str) -> String {
    for clause in action.split([',', ';']).map(str::trim) {
        let lower = clause.to_ascii_lowercase();
        if let Some(verb) = CALLING.iter().find(|verb| lower.starts_with(*verb)) {
            return without_time(&clause[verb.len()..]);
        }
        if let Some(at) = ANSWERING.iter().find_map(|verb| lower.find(verb)) {
            return clause[..at].trim().to_owned();
        }
    }
    without_time(action)
}

/// `Team lead (after 15 minutes)` without what a parenthesis says of the time.
fn without_time(text: &str) -> String {
    let text = text.trim();
    let parted =
        text.split_once(['(', '–', '—']).or_else(|| text.split_once(" after ")).or_else(|| text.split_once(" within "));
    match parted {
        Some((before, after)) if duration::span(after).is_some() && !before.trim().is_empty() => {
            before.trim().to_owned()
        }
        _ => text.to_owned(),
    }
}

/// Whether a text says that nobody answered.
fn says_no_answer(text: &str) -> bool {
    let lower = text.to_lowercase();
    NO_ANSWER.iter().any(|words| lower.contains(words))
}

/// A rung as its condition and its action tell it. `before` is the one below it.
fn rung(name: &str, when: &str, action: &str, before: Option<&Rung>) -> Rung {
    let no_answer = says_no_answer(when);
    let names = name::mentioned(when).into_iter().map(|name| name.text).collect();
    let (levels, regardless) = if no_answer { (Vec::new(), names) } else { (names, Vec::new()) };
    let own = duration::span(when).or_else(|| action.split_once("after ").and_then(|(_, after)| duration::span(after)));
    let after = match before {
        None => Some(own.unwrap_or_default()),
        // Nobody answered in the time that the rung below gives.
        Some(before) if no_answer => own.or_else(|| before.after?.checked_add(duration::span(&before.action)?)),
        Some(_) => own,
    };
    let until = if before.is_none() || no_answer { Until::Acknowledged } else { Until::Resolved };
    Rung {
        name: name.to_owned(),
        after,
        when: when.to_owned(),
        who: whom(action),
        action: action.to_owned(),
        levels,
        regardless,
        until,
    }
}

/// The longest text of a rung or a contact, in characters.
const LONGEST: usize = 300;

#[cfg(test)]
mod tests;
