//! SQL that PostgreSQL no longer takes.

use crate::place::Place;
use crate::{Finding, Rule, Severity};

pub(crate) static REMOVED_COLUMN: Rule = Rule {
    id: "removed-column",
    severity: Severity::Error,
    why: "PostgreSQL has renamed this column, or never had it in this view.",
};

/// Views, a column that they do not have, and what it is called. Sources: PostgreSQL 13 release notes, E.1.3.9 (the
/// columns of `pg_stat_statements`); PostgreSQL documentation, 28.2 "The Cumulative Statistics System".
const COLUMNS: &[(&[&str], &str, &str)] = &[
    (&["pg_stat_statements"], "mean_time", "mean_exec_time"),
    (&["pg_stat_statements"], "total_time", "total_exec_time"),
    (&["pg_stat_statements"], "min_time", "min_exec_time"),
    (&["pg_stat_statements"], "max_time", "max_exec_time"),
    (&["pg_stat_statements"], "stddev_time", "stddev_exec_time"),
    (&["pg_stat_user_tables", "pg_stat_all_tables", "pg_statio_user_tables"], "tablename", "relname"),
    (&["pg_stat_user_indexes", "pg_stat_all_indexes", "pg_statio_user_indexes"], "tablename", "relname"),
    (&["pg_stat_user_indexes", "pg_stat_all_indexes", "pg_statio_user_indexes"], "indexname", "indexrelname"),
];

/// Views that have `tablename` and `indexname`: joined with one of them, nobody can tell whose a column is.
const OTHERS: &[&str] = &["pg_indexes", "pg_tables", "pg_stats"];

pub(crate) fn check(place: &Place<'_>, found: &mut Vec<Finding>) {
    let source = &place.command.source;
    let mut from = 0;
    for statement in source.split_inclusive(';') {
        let words = words(statement);
        let names = |view: &str| words.iter().any(|(_, word)| *word == view);
        for (views, column, called) in COLUMNS {
            if !views.iter().any(|view| names(view)) || OTHERS.iter().any(|other| names(other)) {
                continue;
            }
            // `relname AS tablename` names it so itself.
            let named = |at: usize| at > 0 && words[at - 1].1.eq_ignore_ascii_case("as");
            let own = words.iter().enumerate().any(|(at, (_, word))| word == column && named(at));
            if let Some((at, _)) = words.iter().find(|(_, word)| word == column && !own) {
                let view = views.iter().find(|view| names(view)).unwrap_or(&views[0]);
                let message = format!("{view} has no column `{column}`: it is `{called}`");
                found.push(place.finding(&REMOVED_COLUMN, from + at, message, Some((*called).to_owned())));
            }
        }
        from += statement.len();
    }
}

/// The names in a text, each with where it stands.
fn words(text: &str) -> Vec<(usize, &str)> {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut words = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (start, part(c)) {
            (None, true) => start = Some(at),
            (Some(from), false) => {
                words.push((from, &text[from..at]));
                start = None;
            }
            _ => {}
        }
    }
    words
}
