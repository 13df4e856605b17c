//! Where levels stand in a text: tables, lists, headings and bold lines.

use jiff::SignedDuration;
use runbook::{Line, PassageKind, Section, Table};

use super::name::{self, Name};
use crate::duration;
use crate::words::{has_word, shortened};

/// A level as one place of the text has it.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) name: Name,
    pub(super) description: String,
    pub(super) respond_within: Option<SignedDuration>,
    pub(super) escalate_after: Option<SignedDuration>,
}

/// Beginnings of words about answering.
const RESPOND: &[&str] = &["respon", "answer", "acknowledg", "ack", "sla", "react", "reply"];

/// Beginnings of words about handing on.
const ESCALATE: &[&str] = &["escalat"];

/// Beginnings of words over a column of levels.
const LEVEL: &[&str] = &["level", "severit", "sev", "priorit", "prio"];

/// The levels of a table that has a column for them, and one for times or names that are levels anywhere.
pub(super) fn of_table(table: &Table) -> Vec<Found> {
    let column = |words: &[&str]| table.header.iter().position(|cell| has_word(cell, words));
    let Some(level) = column(LEVEL) else { return Vec::new() };
    let other = |at: &usize| *at != level;
    let respond = column(RESPOND).filter(other);
    let escalate = column(ESCALATE).filter(other);
    let described = (0..table.header.len()).find(|at| ![Some(level), respond, escalate].contains(&Some(*at)));
    let cell = |row: &[String], at: Option<usize>| at.and_then(|at| row.get(at)).cloned().unwrap_or_default();
    let mut found = Vec::new();
    for row in &table.rows {
        let Some((name, aside)) = name::of_cell(&cell(row, Some(level))) else { continue };
        if respond.is_none() && escalate.is_none() && !name::is_unmistakable(&name) {
            continue;
        }
        found.push(Found {
            name,
            description: joined(&aside, &cell(row, described)),
            respond_within: duration::span(&cell(row, respond)),
            escalate_after: duration::span(&cell(row, escalate)),
        });
    }
    found
}

/// How far below a level's line its times may stand, in passages.
const NEAR: usize = 50;

/// The levels that items and bold lines of a section begin with: `**P1 (High)**: Response within 30 minutes`.
pub(super) fn of_lines(section: &Section) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for (at, passage) in section.passages.iter().enumerate() {
        let Some(line) = passage.line() else { continue };
        let Some((name, rest)) = name::beginning(&line.text).filter(|(name, _)| name::is_unmistakable(name)) else {
            continue;
        };
        let is_bold = line.lead.as_deref().is_some_and(|lead| name::beginning(lead).is_some());
        let is_item = matches!(passage.kind, PassageKind::Item(..));
        let separated = rest.trim_start().starts_with(['(', ':', '-', '–', '—']) || rest.trim().is_empty();
        if !separated || !(is_bold || is_item) {
            continue;
        }
        let (aside, said) = split_aside(rest);
        let (mut respond_within, mut escalate_after) = times(&said);
        let description = if respond_within.is_none() && escalate_after.is_none() {
            joined(&aside, &said)
        } else {
            joined(&aside, "")
        };
        // Below a bold line of its own, the times are its level's.
        let below = section.passages[at + 1..].iter().take(NEAR);
        let below = below.take_while(|below| is_bold && below.label.as_deref() == line.lead.as_deref());
        for line in below.filter_map(|below| below.line()) {
            let (respond, escalate) = labelled_times(line);
            respond_within = respond_within.or(respond);
            escalate_after = escalate_after.or(escalate);
        }
        found.push(Found { name, description, respond_within, escalate_after });
    }
    found
}

/// The level that a heading names: `P1: API down`, `Queue stands still (SEV-2)`.
pub(super) fn of_heading(title: &str) -> Option<Found> {
    let names = name::mentioned(title);
    // `P1 and P2 incidents` is about both.
    let [name] = names.as_slice() else { return None };
    let unnumbered = title.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == ' ');
    // What a colon or a dash parts from the name tells what it means; `P1 incidents` does not.
    let told =
        |rest: &str| rest.trim_start().starts_with([':', '-', '–', '—', '(']).then(|| joined(&name::aside(rest), ""));
    let description = name::beginning(unnumbered).and_then(|(_, rest)| told(rest)).unwrap_or_default();
    Some(Found { name: name.clone(), description, respond_within: None, escalate_after: None })
}

/// The one level that the bold lines of a section name.
pub(super) fn of_leading_label(section: &Section) -> Option<Found> {
    let leads = section.passages.iter().filter_map(|passage| match &passage.kind {
        PassageKind::Line(line) if passage.depth == 0 => line.lead.as_deref(),
        _ => None,
    });
    let mut found = leads.filter_map(|lead| {
        let (name, rest) = name::beginning(lead).filter(|(name, _)| name::is_unmistakable(name))?;
        Some(Found { name, description: joined(&name::aside(rest), ""), respond_within: None, escalate_after: None })
    });
    let first = found.next()?;
    found.all(|other| other.name == first.name).then_some(first)
}

/// The times of a line that says what they are: `**Response SLA**: 5 minutes`, `Answer within: 1 hour`.
pub(super) fn labelled_times(line: &Line) -> (Option<SignedDuration>, Option<SignedDuration>) {
    let (key, value) = match &line.lead {
        Some(lead) => (lead.as_str(), line.rest()),
        None => line.text.split_once(':').unwrap_or_default(),
    };
    if key.chars().count() > LONGEST_KEY {
        return (None, None);
    }
    if has_word(key, ESCALATE) {
        (None, duration::span(value))
    } else if has_word(key, RESPOND) {
        (duration::span(value), None)
    } else {
        (None, None)
    }
}

/// Longer than this, what stands before a colon is a sentence.
const LONGEST_KEY: usize = 40;

/// When to answer and when to escalate, of a sentence: each clause counts for what it speaks of; a time alone is for
/// answering.
fn times(said: &str) -> (Option<SignedDuration>, Option<SignedDuration>) {
    let mut respond = None;
    let mut escalate = None;
    for clause in clauses(said) {
        let Some(span) = duration::span(clause) else { continue };
        if has_word(clause, ESCALATE) {
            escalate = escalate.or(Some(span));
        } else if has_word(clause, RESPOND) || duration::span(said) == Some(span) && clause.split(' ').count() <= 4 {
            respond = respond.or(Some(span));
        }
    }
    (respond, escalate)
}

/// The parts of a sentence between `,`, `;`, a full stop, and an `and` before a word of its own.
fn clauses(said: &str) -> Vec<&str> {
    let mut clauses = Vec::new();
    for part in said.split([',', ';']).flat_map(|part| part.split(". ")) {
        let mut rest = part;
        while let Some((before, after)) = rest.split_once(" and ") {
            if after.starts_with(|c: char| c.is_ascii_digit()) {
                break;
            }
            clauses.push(before.trim());
            rest = after;
        }
        clauses.push(rest.trim());
    }
    clauses
}

/// `(High): Response …` as `High` and `Response …`; ` - Service down` as nothing and `Service down`.
fn split_aside(rest: &str) -> (String, String) {
    let rest = rest.trim();
    match rest.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
        Some((inner, after)) => (name::aside(inner), name::aside(after)),
        None => (String::new(), name::aside(rest)),
    }
}

/// The longest description, in characters: it is kept with every incident.
const LONGEST: usize = 300;

fn joined(one: &str, other: &str) -> String {
    let text = match (one.trim(), other.trim()) {
        ("", text) | (text, "") => text.to_owned(),
        (one, other) => format!("{one} - {other}"),
    };
    shortened(&text, LONGEST)
}
