//! A ladder that is a list: a rotation, numbered people, or levels that say whom they escalate to.

use runbook::{Line, Marker, PassageKind, Runbook};

use super::{ESCALATION, Rung, Until, rung, whom};
use crate::duration;
use crate::severity::name;
use crate::words::has_word;

/// Beginnings of words in headings above a rotation.
const ROTATION: &[&str] = &["escalat", "rotation", "call", "oncall"];

/// Who has turns, in order.
const TURNS: &[&str] =
    &["primary", "secondary", "tertiary", "backup", "first", "second", "third", "escalation", "level", "tier"];

pub(super) fn rungs(runbook: &Runbook) -> Vec<Rung> {
    let mut numbered: Vec<Rung> = Vec::new();
    let mut turns: Vec<Rung> = Vec::new();
    let mut levels: Vec<Rung> = Vec::new();
    for section in runbook.sections.iter().filter(|section| has_word(&section.title, ROTATION)) {
        let escalates = has_word(&section.title, ESCALATION);
        for passage in section.passages.iter().filter(|passage| passage.depth <= 1) {
            let PassageKind::Item(marker, line) = &passage.kind else { continue };
            if let Some(rung) = of_level(line) {
                levels.push(rung);
            } else if let Some(rung) = of_turn(line, turns.last()) {
                turns.push(rung);
            } else if escalates && *marker == Marker::Number {
                let rung = rung(&super::without_time(key(line).0), &line.text, &line.text, numbered.last());
                numbered.push(rung);
            }
        }
    }
    // Numbered people without any time are a list of things to do.
    let timed = numbered.len() > 1 && numbered[1..].iter().any(|rung| rung.after.is_some());
    [turns, if timed { numbered } else { Vec::new() }, levels]
        .into_iter()
        .find(|rungs| !rungs.is_empty())
        .unwrap_or_default()
}

/// What stands before a colon, and what after it.
fn key(line: &Line) -> (&str, &str) {
    match &line.lead {
        Some(lead) => (lead, line.rest()),
        None => line.text.split_once(':').map_or((line.text.as_str(), ""), |(key, rest)| (key.trim(), rest.trim())),
    }
}

/// `**Secondary**: Senior Engineer`, `Escalation: Manager (after 30 minutes)`.
fn of_turn(line: &Line, before: Option<&Rung>) -> Option<Rung> {
    let (name, who) = key(line);
    let first = name.split_whitespace().next()?.to_lowercase();
    if who.is_empty() || !TURNS.contains(&first.as_str()) || name.split_whitespace().count() > 3 {
        return None;
    }
    let after = duration::span(who);
    let until = match first.as_str() {
        "escalation" => Until::Resolved,
        _ if after.is_some() && before.is_some() && !super::says_no_answer(who) => Until::Resolved,
        _ => Until::Acknowledged,
    };
    Some(Rung {
        name: name.to_owned(),
        after,
        when: String::new(),
        who: whom(who),
        action: who.to_owned(),
        levels: Vec::new(),
        regardless: Vec::new(),
        until,
    })
}

/// `**P0 (Critical)**: Immediate response, escalate to the lead`.
fn of_level(line: &Line) -> Option<Rung> {
    let (name, _) = name::beginning(&line.text)?;
    let (when, said) = key(line);
    let clause = said
        .split([',', ';'])
        .map(str::trim)
        .find(|clause| clause.get(..12).is_some_and(|head| head.eq_ignore_ascii_case("escalate to ")))?;
    // Its own time, else the one that the line gives for answering.
    let after = duration::span(clause).or_else(|| duration::span(said));
    Some(Rung {
        name: name.text.clone(),
        after,
        when: when.to_owned(),
        who: whom(clause),
        action: clause.to_owned(),
        levels: vec![name.text],
        regardless: Vec::new(),
        until: Until::Resolved,
    })
}
