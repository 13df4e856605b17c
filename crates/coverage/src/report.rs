//! The table for people, and the rows for programs.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::verdict::Verdict;

/// One command, and what became of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    /// The runbook's file.
    pub(crate) file: String,
    /// The line it starts at.
    pub(crate) line: usize,
    /// The procedure.
    pub(crate) procedure: String,
    /// Its id within the procedure, and what it is called.
    pub(crate) command: String,
    /// The programs that reach something; `bash` where there are none.
    pub(crate) adapter: String,
    /// The greatest effect of the calls that were made.
    pub(crate) effect: String,
    /// The verdict's word.
    pub(crate) verdict: &'static str,
    /// What was seen, or why.
    pub(crate) reason: String,
    /// From the press to the end.
    pub(crate) milliseconds: u128,
}

impl Row {
    pub(crate) fn set(&mut self, verdict: &Verdict) {
        let (word, reason) = verdict.words();
        self.verdict = word;
        self.reason = reason.to_owned();
    }
}

/// Writes the rows as JSON.
pub(crate) fn write(path: &Path, rows: &[Row]) -> Result<()> {
    let text = serde_json::to_string_pretty(rows)?;
    std::fs::write(path, text + "\n").with_context(|| format!("cannot write {}", path.display()))
}

/// The verdicts, in the order of the table.
const VERDICTS: [&str; 6] = ["effect seen", "read", "refused", "not in the bench", "wrong in itself", "failed"];

/// How many of a hundred commands may be wrong in themselves, or not to be tried in the bench.
const MOST_EXCUSED: usize = 6;

/// Prints counts by file and by program, whatever did not run, and whether the goal is met.
pub(crate) fn print(rows: &[Row], goal: usize) -> bool {
    for row in rows.iter().filter(|row| !["effect seen", "read"].contains(&row.verdict)) {
        say(format_args!("{}:{}: {}: {} ({})", row.file, row.line, row.verdict, row.reason, row.command));
    }
    say(format_args!(""));
    table("runbook", rows, |row| vec![row.file.clone()]);
    table("program", rows, |row| row.adapter.split(' ').map(str::to_owned).collect());
    let count = |verdicts: &[&str]| rows.iter().filter(|row| verdicts.contains(&row.verdict)).count();
    let right = rows.len() - count(&["wrong in itself"]);
    let run = count(&["effect seen", "read"]);
    // What cannot be tried here, or is called wrong, must not be where a broken portal hides.
    let excused = count(&["wrong in itself", "not in the bench"]);
    let met = run * 100 >= right * goal && excused * 100 <= rows.len() * MOST_EXCUSED;
    say(format_args!(
        "{run} of {right} commands that are right in themselves ran: {:.1} %, the goal is {goal} %; {excused} of {} are wrong or \
         cannot be tried here, at most {MOST_EXCUSED} % may be",
        run as f64 * 100.0 / right.max(1) as f64,
        rows.len()
    ));
    met
}

fn table(what: &str, rows: &[Row], by: impl Fn(&Row) -> Vec<String>) {
    let mut counts: BTreeMap<String, [usize; VERDICTS.len()]> = BTreeMap::new();
    for row in rows {
        let Some(at) = VERDICTS.iter().position(|verdict| *verdict == row.verdict) else { continue };
        for key in by(row) {
            counts.entry(key).or_default()[at] += 1;
        }
    }
    let heads: String = VERDICTS.iter().map(|verdict| format!(" {verdict:>16}")).collect();
    say(format_args!("{what:<28}{heads}"));
    for (key, counts) in counts {
        let counts: String = counts.iter().map(|count| format!(" {count:>16}")).collect();
        say(format_args!("{key:<28}{counts}"));
    }
    say(format_args!(""));
}

/// Prints a line: the report is what this program is for.
pub(crate) fn say(line: fmt::Arguments<'_>) {
    drop(writeln!(std::io::stdout().lock(), "{line}"));
}
