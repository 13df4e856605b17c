//! What became of many runs, in three statements however many there are.

use std::collections::HashMap;

use jiff::Timestamp;
use operations::{Execution, Mark, PastRun, RunFilter, RunId, StepMark};

use crate::Store;
use crate::query::{Failure, Query, Row};
use crate::runs::{execution_of, newest};

/// How many executions, and how many marks, are read at most.
const MOST: i64 = 10_000;

/// An execution as statistics look at it. A text is of use where it was edited, and one of more than 4096 characters is no
/// suggestion for anything: ten thousand of the greatest would not fit in memory.
const BRIEF: &str = "SELECT id, run, command, \
                     CASE WHEN edited = 1 AND length(source) <= 4096 THEN source ELSE '' END AS source, edited, \
                     started_by_subject, started_by_name, started_at, state, ended_at, exit_code, \
                     CAST(NULL AS TEXT) AS note, truncated, findings, undoes FROM execution WHERE run IN (";

/// A mark without what people wrote with it: the beginning of its JSON says which one it is.
const BRIEF_MARK: &str = "SELECT run, part, substr(mark, 1, 64) AS mark, by_subject, by_name, at FROM step_mark \
                          WHERE run IN (";

impl Store {
    /// The newest runs that fit, with what became of them.
    pub(crate) async fn past_runs(&self, filter: &RunFilter) -> Result<Vec<PastRun>, Failure> {
        let mut runs = self.find_runs(filter).await?;
        let (executions, first) = self.newest_of(BRIEF, filter, execution_of, |one| one.started_at).await?;
        let (marks, first_mark) = self.newest_of(BRIEF_MARK, filter, brief_mark, |one| one.at).await?;
        // Of the oldest runs some rows were not read: a part of a run would be taken for the whole.
        if let Some(first) = first.max(first_mark) {
            runs.retain(|run| run.started_at > first);
        }
        let mut executions = grouped(executions, |one: &Execution| one.run);
        let mut marks = grouped(marks, |one: &StepMark| one.run);
        let past = runs.into_iter().map(|run| PastRun {
            executions: executions.remove(&run.id).unwrap_or_default(),
            marks: marks.remove(&run.id).unwrap_or_default(),
            run,
        });
        Ok(past.collect())
    }

    /// The newest rows of these runs, oldest first; and the moment of the first of them where there are more.
    async fn newest_of<T>(
        &self,
        select: &'static str,
        filter: &RunFilter,
        read: fn(&Row) -> Result<T, Failure>,
        at: fn(&T) -> Timestamp,
    ) -> Result<(Vec<T>, Option<Timestamp>), Failure> {
        let query = newest(Query::new(select).sql("SELECT id"), filter);
        let query = query.sql(") ORDER BY sequence DESC LIMIT ").bind(MOST);
        let mut found = self.database.all(query, read).await?;
        found.reverse();
        let more = i64::try_from(found.len()).is_ok_and(|count| count == MOST);
        let first = found.first().map(at).filter(|_| more);
        Ok((found, first))
    }
}

fn grouped<T>(all: Vec<T>, run: fn(&T) -> RunId) -> HashMap<RunId, Vec<T>> {
    let mut groups: HashMap<RunId, Vec<T>> = HashMap::new();
    for one in all {
        groups.entry(run(&one)).or_default().push(one);
    }
    groups
}

fn brief_mark(row: &Row) -> Result<StepMark, Failure> {
    Ok(StepMark {
        run: row.read("run", |id| id.parse().ok())?,
        part: row.get("part")?,
        mark: row.read("mark", brief)?,
        by: (row.get("by_subject")?, row.get("by_name")?),
        at: row.timestamp("at")?,
    })
}

/// The mark whose JSON begins like this, without words.
fn brief(json: &str) -> Option<Mark> {
    let marks = [
        Mark::Done,
        Mark::ByHand { result: String::new() },
        Mark::Skipped { reason: String::new() },
        Mark::Settled { passed: true, finding: String::new() },
        Mark::Settled { passed: false, finding: String::new() },
        Mark::Judged { met: true },
        Mark::Judged { met: false },
        Mark::Chosen,
        Mark::Released,
    ];
    // These say who, or with what beside it, and how far a step is they do not say.
    let is = |word: &str| json.starts_with(&format!("{{\"mark\":\"{word}\""));
    if is("claimed") {
        return Some(Mark::Claimed { by: (String::new(), String::new()) });
    }
    if is("noted") {
        return Some(Mark::Noted { text: String::new(), attachment: None });
    }
    marks.into_iter().find(|mark| {
        let whole = serde_json::to_string(mark).unwrap_or_default();
        // Up to where the words begin.
        whole == json || whole.strip_suffix("\"}").is_some_and(|beginning| json.starts_with(beginning))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_known_by_its_beginning() {
        let words = || "}\"{ \u{1f980} with some words".repeat(9);
        for mark in [
            Mark::Done,
            Mark::ByHand { result: words() },
            Mark::Skipped { reason: words() },
            Mark::Settled { passed: true, finding: words() },
            Mark::Settled { passed: false, finding: String::new() },
            Mark::Judged { met: true },
            Mark::Judged { met: false },
            Mark::Chosen,
            Mark::Released,
            Mark::Claimed { by: (words(), words()) },
            Mark::Noted { text: words(), attachment: None },
        ] {
            let beginning: String = serde_json::to_string(&mark).unwrap().chars().take(64).collect();
            let found = brief(&beginning).unwrap();
            assert_eq!(std::mem::discriminant(&found), std::mem::discriminant(&mark), "{beginning}");
            match (found, mark) {
                (Mark::Settled { passed: found, .. }, Mark::Settled { passed, .. }) => assert_eq!(found, passed),
                (Mark::Judged { met: found }, Mark::Judged { met }) => assert_eq!(found, met),
                _ => {}
            }
        }
        assert_eq!(brief("{\"mark\":\"gone\"}"), None);
    }
}
