//! What a message leaves open, and how it is filled.

use std::collections::BTreeMap;
use std::ops::Range;

use command::{Parameter, placeholder};

use super::{Field, LARGEST, Meaning};
use crate::words::has_word;

/// How far before a placeholder its line is looked at, in bytes.
const LINE: usize = 200;

/// The longest key of a line, in characters: `ETA Resolution`.
const LONGEST_KEY: usize = 40;

/// The most places that are filled in one text.
const MOST: usize = 500;

/// Points in time as templates leave them open; a longer form before the one it begins with.
const CLOCKS: &[&str] = &[
    "YYYY-MM-DD HH:MM UTC",
    "YYYY-MM-DD HH:MM",
    "YYYY-MM-DDTHH:MM",
    "YYYY-MM-DD",
    "HH:MM:SS UTC",
    "HH:MM UTC",
    "HH:MM",
];

/// What words in a field's key or name ask for; the first rule that fits decides.
const MEANINGS: &[(&[&str], Meaning)] = &[
    (&["customer", "user", "who"], Meaning::Customers),
    (&["cause"], Meaning::RootCause),
    (&["duration", "period"], Meaning::Duration),
    (&["eta", "estimat", "expected"], Meaning::Estimate),
    (&["start", "began", "begin", "since", "detected"], Meaning::Started),
    (&["update", "latest"], Meaning::LatestUpdate),
    (&["severity", "priority", "sev"], Meaning::Severity),
    (&["affected", "service", "endpoint", "component", "feature", "system"], Meaning::Affected),
    (&["status"], Meaning::Status),
    (&["impact"], Meaning::Impact),
    (&["title", "summary"], Meaning::Title),
    (&["time", "timestamp", "date", "hh", "yyyy", "now"], Meaning::Time),
];

/// Lines whose value may be a choice even where its words are not in capitals.
const CHOICES: &[&str] = &["status", "severity", "priority", "impact", "state"];

/// One place of a text that is open.
struct Place {
    range: Range<usize>,
    name: String,
    choices: Vec<String>,
    meaning: Option<Meaning>,
}

/// What a text leaves open, each name once, in order.
pub(super) fn fields(texts: &[&str]) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    for text in texts {
        for place in places(text) {
            if fields.iter().all(|field| field.name != place.name) {
                let source = text[place.range].to_owned();
                fields.push(Field { name: place.name, source, choices: place.choices, meaning: place.meaning });
            }
        }
    }
    fields
}

/// The text with values in its places; those without one stay as they are.
pub(super) fn fill(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for place in places(text) {
        out.push_str(&text[at..place.range.start]);
        match value(&place.name) {
            Some(value) => out.push_str(&value),
            None => out.push_str(&text[place.range.clone()]),
        }
        at = place.range.end;
        if out.len() > LARGEST {
            break;
        }
    }
    out.push_str(&text[at..]);
    if out.len() > LARGEST {
        out.truncate(out.floor_char_boundary(LARGEST - '…'.len_utf8()));
        out.push('…');
    }
    out
}

/// A value as it may stand in a text: control characters other than line breaks and tabs are left out.
pub(super) fn plain(value: &str) -> String {
    let value = value.replace("\r\n", "\n").replace('\r', "\n");
    value.chars().filter(|c| matches!(c, '\n' | '\t') || !c.is_control()).collect()
}

/// A value as it may stand in a subject or an address.
pub(super) fn one_line(value: &str) -> String {
    let blank = |c: char| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c };
    let value: String = value.chars().map(blank).collect();
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn places(text: &str) -> Vec<Place> {
    let mut found: Vec<(Range<usize>, String, Vec<String>)> = Vec::new();
    for open in placeholder::find_in_message(text) {
        let source = &text[open.range.clone()];
        let choices = Parameter::named(&open.name, source).choices();
        // `P[1-4]` is one of `P1` to `P4`.
        let prefix = if choices.is_empty() || source.contains('/') { "" } else { word_before(text, open.range.start) };
        if prefix.is_empty() {
            found.push((open.range, open.name, choices));
        } else {
            let start = open.range.start - prefix.len();
            let choices = choices.iter().map(|choice| format!("{prefix}{choice}")).collect();
            found.push((start..open.range.end, text[start..open.range.end].to_owned(), choices));
        }
    }
    for (range, name, choices) in clocks(text).into_iter().chain(alternatives(text)) {
        found.push((range, name, choices));
    }
    found.sort_by_key(|(range, ..)| range.start);
    named(text, found)
}

/// Names each place and tells what it asks for. The same words on lines with different keys are different places
/// (`Started: [time]`, `Ended: [time]`).
fn named(text: &str, found: Vec<(Range<usize>, String, Vec<String>)>) -> Vec<Place> {
    let mut keys: BTreeMap<String, String> = BTreeMap::new();
    let mut places: Vec<Place> = Vec::new();
    for (range, name, choices) in found {
        if places.len() == MOST {
            break;
        }
        if places.last().is_some_and(|last| last.range.end > range.start) {
            continue;
        }
        let key = key_before(text, range.start);
        let meaning = meaning(key, &name, before(text, range.start));
        let first = keys.entry(name.clone()).or_insert_with(|| key.to_owned());
        let name = if first == key || key.is_empty() { name } else { format!("{name} ({key})") };
        places.push(Place { range, name, choices, meaning });
    }
    places
}

fn meaning(key: &str, name: &str, before: &str) -> Option<Meaning> {
    let rule = |text: &str| MEANINGS.iter().find(|(words, _)| has_word(text, words)).map(|(_, meaning)| *meaning);
    if has_word(name, &["next"]) || has_word(key, &["next"]) {
        return None;
    }
    match (rule(key), rule(name)) {
        (Some(Meaning::LatestUpdate), Some(Meaning::Time)) => Some(Meaning::Time),
        (None, Some(Meaning::Time)) if has_word(last_word(before), &["since", "from"]) => Some(Meaning::Started),
        (Some(meaning), _) | (None, Some(meaning)) => Some(meaning),
        (None, None) => None,
    }
}

/// What stands on the line before a place.
fn before(text: &str, at: usize) -> &str {
    let start = text.floor_char_boundary(at.saturating_sub(LINE));
    let before = &text[start..at];
    before.rsplit('\n').next().unwrap_or_default()
}

/// `Severity` of `Severity: P[1-4]`; empty where none stands there.
fn key_before(text: &str, at: usize) -> &str {
    let key = before(text, at).split_once(':').map_or("", |(key, _)| key).trim_matches([' ', '*', '-', '_', '\t']);
    if key.chars().count() <= LONGEST_KEY { key } else { "" }
}

fn last_word(text: &str) -> &str {
    text.trim_end().rsplit(' ').next().unwrap_or_default()
}

/// The letters that stand right before a place.
fn word_before(text: &str, at: usize) -> &str {
    let before = before(text, at);
    let start = before.rfind(|c: char| !(c.is_ascii_alphabetic() || c == '-')).map_or(0, |at| at + 1);
    let word = before.get(start..).unwrap_or_default();
    if word.len() <= 8 && word.starts_with(|c: char| c.is_ascii_uppercase()) { word } else { "" }
}

fn clocks(text: &str) -> Vec<(Range<usize>, String, Vec<String>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find(['Y', 'H']).map(|offset| at + offset) {
        let joined = text[..start].ends_with(|c: char| c.is_alphanumeric());
        let clock = CLOCKS.iter().find(|clock| {
            let after = text[start..].strip_prefix(**clock);
            !joined && after.is_some_and(|after| !after.starts_with(|c: char| c.is_alphanumeric()))
        });
        at = start + clock.map_or(1, |clock| clock.len());
        if let Some(clock) = clock {
            found.push((start..at, (*clock).to_owned(), Vec::new()));
        }
    }
    found
}

/// `Status: INVESTIGATING / IDENTIFIED / RESOLVED`: the value of a line that is a choice by its form.
fn alternatives(text: &str) -> Vec<(Range<usize>, String, Vec<String>)> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = start + line.len();
        if let Some((key, value)) = line.split_once(':').filter(|(key, _)| !key.is_empty() && key.len() <= LONGEST_KEY)
        {
            let trimmed = value.trim();
            let choices: Vec<&str> = trimmed.split('/').map(str::trim).collect();
            let plain = |choice: &&str| {
                !choice.is_empty()
                    && choice.len() <= LONGEST_KEY
                    && choice.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            };
            let capitals = choices.iter().all(|choice| !choice.chars().any(char::is_lowercase));
            let is_choice = (2..=10).contains(&choices.len())
                && trimmed.contains(" / ")
                && choices.iter().all(plain)
                && (capitals || has_word(key, CHOICES));
            if is_choice {
                let at = start + key.len() + 1 + (value.len() - value.trim_start().len());
                let name = key.trim_matches([' ', '*', '-', '_', '\t']).to_owned();
                found.push((at..at + trimmed.len(), name, choices.into_iter().map(str::to_owned).collect()));
            }
        }
        start = end;
    }
    found
}
