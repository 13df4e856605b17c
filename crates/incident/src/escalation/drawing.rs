//! A ladder that is drawn with arrows in a fence.

use runbook::{Passage, PassageKind, Runbook, Section};

use super::{ESCALATION, Rung, rung};
use crate::words::has_word;

/// Arrows between the rungs of one line.
const ARROWS: &[&str] = &["→", "->", "=>", "➜", "⇒", ">>"];

/// The longest drawing that is read, in lines.
const LONGEST: usize = 400;

pub(super) fn rungs(runbook: &Runbook) -> Vec<Rung> {
    let drawings = runbook.sections.iter().flat_map(|section| section.passages.iter().map(move |one| (section, one)));
    drawings
        .filter_map(|(section, passage)| drawing(section, passage))
        .map(read)
        .find(|rungs| rungs.len() > 1)
        .unwrap_or_default()
}

/// The text of a fence that draws an escalation.
fn drawing<'r>(section: &Section, passage: &'r Passage) -> Option<&'r str> {
    let PassageKind::Fence { language, source } = &passage.kind else { return None };
    let is_plain = matches!(language.as_str(), "" | "text" | "txt" | "plain" | "plaintext");
    let is_named = has_word(&section.title, ESCALATION)
        || passage.label.as_deref().is_some_and(|label| has_word(label, ESCALATION));
    (is_plain && is_named).then_some(source)
}

fn read(source: &str) -> Vec<Rung> {
    let mut lines: Vec<String> = source.lines().take(LONGEST).map(str::to_owned).collect();
    for arrow in ARROWS {
        lines = lines.iter().flat_map(|line| line.split(arrow)).map(str::to_owned).collect();
    }
    let lines: Vec<&str> = lines.iter().map(|line| bare(line)).filter(|line| says_something(line)).collect();
    let mut found: Vec<(String, String, Vec<&str>)> = Vec::new();
    let is_counted = lines.iter().any(|line| counted(line).is_some());
    for line in lines {
        match (counted(line), found.last_mut()) {
            (Some((name, when)), _) => found.push((name, when, Vec::new())),
            (None, Some((_, _, actions))) if is_counted => actions.push(line),
            (None, _) if is_counted => {}
            // Nothing counts: each line is a rung that says itself when.
            (None, _) => found.push((super::without_time(line), aside(line), vec![line])),
        }
    }
    let mut rungs: Vec<Rung> = Vec::new();
    for (name, when, actions) in found {
        let rung = rung(&name, &when, &actions.join(", "), rungs.last());
        rungs.push(rung);
    }
    rungs
}

/// A line without what draws its frame.
fn bare(line: &str) -> &str {
    line.trim_matches(|c: char| {
        c.is_whitespace() || matches!(c, '|' | '+' | '*' | '-' | '│' | '├' | '└' | '─' | '┌' | '┐' | '┘')
    })
}

/// Whether a line has words. An arrow, a `v`, and an arrow whose bytes were once read in the wrong encoding (a letter among
/// signs) have none.
fn says_something(line: &str) -> bool {
    line.chars().filter(|c| c.is_alphanumeric()).nth(1).is_some()
}

/// `Level 2 (No response)` as its name and its condition.
fn counted(line: &str) -> Option<(String, String)> {
    let lower = line.to_ascii_lowercase();
    let word = ["level", "tier", "stage", "step", "line", "l"].into_iter().find(|word| lower.starts_with(word))?;
    let rest = &line[word.len()..];
    let number = rest.strip_prefix([' ', '-']).unwrap_or(rest);
    let digits = number.bytes().take_while(u8::is_ascii_digit).count();
    let after = &number[digits..];
    let ends = (1..=2).contains(&digits) && !after.starts_with(|c: char| c.is_alphanumeric() || c == '%');
    let name = &line[..line.len() - after.len()];
    ends.then(|| (name.to_owned(), trimmed(after)))
}

/// What stands in parentheses.
fn aside(line: &str) -> String {
    line.split_once('(').map(|(_, inner)| trimmed(inner)).unwrap_or_default()
}

fn trimmed(text: &str) -> String {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ':' | '-' | '–' | '—')).to_owned()
}
