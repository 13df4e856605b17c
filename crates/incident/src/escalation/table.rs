//! A ladder that is a table: people, and when they are called.

use runbook::{Runbook, Table};

use super::{ESCALATION, Rung, Until};
use crate::duration;
use crate::words::has_word;

/// Beginnings of words over a column of people.
const PEOPLE: &[&str] = &["role", "who", "person", "people", "team", "name", "engineer", "notify", "owner"];

/// Beginnings of words over a column of times.
const TIMES: &[&str] = &["after", "time", "within", "when", "wait"];

/// Words for whoever is called first.
const FIRST: &[&str] = &["primary", "oncall", "on-call", "on call", "first"];

pub(super) fn rungs(runbook: &Runbook) -> Vec<Rung> {
    let sections = runbook.sections.iter().flat_map(|section| section.passages.iter().map(move |one| (section, one)));
    let tables = sections.filter_map(|(section, passage)| match &passage.kind {
        runbook::PassageKind::Table(table) => Some((has_word(&section.title, ESCALATION), table)),
        _ => None,
    });
    tables.map(|(named, table)| of_table(table, named)).find(|rungs| !rungs.is_empty()).unwrap_or_default()
}

fn of_table(table: &Table, is_named: bool) -> Vec<Rung> {
    let column = |words: &[&str]| table.header.iter().position(|cell| has_word(cell, words));
    let Some(who) = column(PEOPLE).or_else(|| column(&["contact"])) else { return Vec::new() };
    let escalation = column(ESCALATION).filter(|at| *at != who);
    let time = column(TIMES).filter(|at| *at != who && is_named).or(escalation);
    let Some(time) = time else { return Vec::new() };
    let cell = |row: &'_ [String], at: Option<usize>| at.and_then(|at| row.get(at)).cloned().unwrap_or_default();
    let name = (0..table.header.len()).find(|at| is_named && ![who, time].contains(at)).unwrap_or(who);
    let mut rungs: Vec<Rung> = Vec::new();
    for row in &table.rows {
        let (name, who, said) = (cell(row, Some(name)), cell(row, Some(who)), cell(row, Some(time)));
        if who.is_empty() {
            continue;
        }
        let after = duration::only(&said);
        let is_first =
            rungs.is_empty() && (after.is_some() || FIRST.iter().any(|first| who.to_lowercase().contains(first)));
        let until = match after {
            _ if is_first || super::says_no_answer(&said) => Until::Acknowledged,
            Some(_) => Until::Resolved,
            None => Until::Decided,
        };
        let action = cell(row, escalation.or(Some(time)));
        rungs.push(Rung { name, after, when: said, who, action, levels: Vec::new(), regardless: Vec::new(), until });
    }
    rungs
}
