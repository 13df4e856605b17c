//! How a procedure went: what its newest runs say of it, and which parts of the runbook need rewriting.
//!
//! Everything is derived from runs, executions and marks; nothing of it is stored. A run is judged by the text that it was
//! started from ([`steps`]), and what is said of that text counts for the text of today only where both are the same.

mod edits;
mod patch;
mod steps;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use runbook::{CommandId, Procedure, Runbook, StepId};

use crate::{Execution, Run, RunState, StepMark};

pub(crate) use patch::patch;

/// The fewest runs that a pattern shows in.
const PATTERN: usize = 3;

/// A run with what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastRun {
    /// The run.
    pub run: Run,
    /// Its executions, oldest first.
    pub executions: Vec<Execution>,
    /// Its marks, oldest first.
    pub marks: Vec<StepMark>,
}

/// How many runs stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// People work on them.
    pub open: usize,
    /// Closed, and what they were for is done.
    pub completed: usize,
    /// Closed without that.
    pub abandoned: usize,
}

impl Tally {
    fn of<'a>(runs: impl Iterator<Item = &'a PastRun>) -> Self {
        runs.fold(Self::default(), |mut tally, past| {
            *match past.run.state {
                RunState::Open => &mut tally.open,
                RunState::Completed => &mut tally.completed,
                RunState::Abandoned => &mut tally.abandoned,
            } += 1;
            tally
        })
    }

    /// All of them.
    #[must_use]
    pub fn all(self) -> usize {
        self.open + self.completed + self.abandoned
    }

    /// The completed ones in a hundred closed ones, rounded; `None` where none is closed.
    #[must_use]
    pub fn success(self) -> Option<usize> {
        let closed = self.completed + self.abandoned;
        (closed > 0).then(|| (self.completed * 100 + closed / 2) / closed)
    }
}

/// How long something takes, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// Half of them took no longer: the middle one, or the mean of the two in the middle.
    pub median: i64,
    /// Nine of ten took no longer: the least value that 90 % do not exceed (nearest rank).
    pub p90: i64,
    /// How many there are.
    pub of: usize,
}

impl Spread {
    /// Of these; `None` where there are none.
    #[must_use]
    pub fn of(mut values: Vec<i64>) -> Option<Self> {
        values.sort_unstable();
        let of = values.len();
        let upper = *values.get(of / 2)?;
        let lower = if of.is_multiple_of(2) { values[of / 2 - 1] } else { upper };
        // ⌈0.9 n⌉ is at least 1 and at most n.
        let rank = (of * 9).div_ceil(10);
        Some(Self { median: lower.midpoint(upper), p90: values[rank - 1], of })
    }
}

/// What is wrong with a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// In three runs or more, and in every third at least, a command of it failed.
    OftenFailed,
    /// Three runs or more came to it, and every one of them left it out.
    AlwaysSkipped,
}

/// How a step went, by runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepStatistics {
    /// The step of today's text.
    pub id: StepId,
    /// Runs of this very step that were completed, or in which somebody did something with it.
    pub seen: usize,
    /// Runs in which a command of it ran.
    pub ran: usize,
    /// Of these, runs in which one failed, took too long, or gave what the runbook does not expect.
    pub failed: usize,
    /// Runs in which somebody skipped it, or that were completed without anything done to it.
    pub skipped: usize,
    /// Runs in which somebody said that they had done it.
    pub by_hand: usize,
    /// How long it took: from the end of what came before it in the run to its own end, reading and waiting included.
    pub duration: Option<Spread>,
}

impl StepStatistics {
    /// What is wrong with it, if anything.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        if self.ran >= PATTERN && self.failed * 3 >= self.ran {
            Some(Trouble::OftenFailed)
        } else if self.seen >= PATTERN && self.skipped == self.seen {
            Some(Trouble::AlwaysSkipped)
        } else {
            None
        }
    }
}

/// A command whose text people changed before they ran it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditedCommand {
    /// The command of today's text.
    pub id: CommandId,
    /// Runs in which it ran.
    pub ran: usize,
    /// Of these, runs in which it was edited first.
    pub edited: usize,
    /// The text that it was changed to most often; `None` where no edited text went well.
    pub frequent: Option<FrequentEdit>,
}

/// What a command was changed to most often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrequentEdit {
    /// The text. Values that the run was given stand in it as the runbook leaves them open, and secrets are masked.
    pub text: String,
    /// Runs that ran it like this, and it did not fail.
    pub runs: usize,
    /// Whether the patch holds it.
    pub proposal: Proposal,
    /// The text as the file would have it, where the patch holds it: a line of the runbook's own is never masked there.
    text_for_file: Option<String>,
}

/// Whether an edit is suggested for the runbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proposal {
    /// The patch holds it.
    InPatch,
    /// Not yet: one run had it.
    Once,
    /// No: it holds a secret, or may.
    Secret,
    /// No: it does not stand in the file as it stands on the page, or holds what would end its fence.
    Unplaced,
}

/// How a procedure went.
#[derive(Clone, Debug)]
pub struct ProcedureStatistics {
    /// The runbook of today.
    pub runbook: Arc<Runbook>,
    /// The procedure of today.
    pub procedure: Arc<Procedure>,
    /// Its runs.
    pub runs: Tally,
    /// When the oldest of them began.
    pub since: Option<Timestamp>,
    /// How long the completed ones took, from start to close.
    pub duration: Option<Spread>,
    /// Its steps, in the order of the text.
    pub steps: Vec<StepStatistics>,
    /// The commands that were edited, most often first.
    pub edits: Vec<EditedCommand>,
    /// Edited executions of commands that today's text no longer has like that.
    pub older_edits: usize,
}

impl ProcedureStatistics {
    /// The step that needs a look most: one that often fails before one that did once, the greater share before the
    /// smaller; where none failed, one that is always left out.
    #[must_use]
    pub fn worst(&self) -> Option<&StepStatistics> {
        let failing = self.steps.iter().filter(|step| step.failed > 0);
        let often = |step: &StepStatistics| step.trouble() == Some(Trouble::OftenFailed);
        // Of equals the first: `max_by` takes the last.
        let worst = failing
            .rev()
            .max_by(|a, b| often(a).cmp(&often(b)).then_with(|| (a.failed * b.ran).cmp(&(b.failed * a.ran))));
        worst.or_else(|| self.steps.iter().find(|step| step.trouble().is_some()))
    }

    /// How many edits the patch holds.
    #[must_use]
    pub fn proposed(&self) -> usize {
        self.proposals().count()
    }

    /// The commands that the patch changes, and into what.
    fn proposals(&self) -> impl Iterator<Item = (&CommandId, &str)> {
        self.edits.iter().filter_map(|edit| Some((&edit.id, edit.frequent.as_ref()?.text_for_file.as_deref()?)))
    }
}

/// How the procedures of a runbook went.
#[derive(Clone, Debug)]
pub struct RunbookStatistics {
    /// The runbook of today.
    pub runbook: Arc<Runbook>,
    /// Its procedures, in the order of the text.
    pub procedures: Vec<ProcedureStatistics>,
    /// Runs of procedures that it no longer has.
    pub gone: usize,
}

/// The procedures of the texts that runs were started from, by the text's hash. A text that cannot be read any more is not
/// in it.
pub(crate) type Texts = HashMap<String, Arc<Procedure>>;

/// What the newest runs of a procedure, newest first, say of it.
pub(crate) fn statistics(
    runbook: &Arc<Runbook>,
    procedure: &Arc<Procedure>,
    past: &[PastRun],
    texts: &Texts,
) -> ProcedureStatistics {
    let maps: HashMap<&str, steps::Map> =
        texts.iter().map(|(hash, text)| (hash.as_str(), steps::Map::new(text, procedure))).collect();
    let known: Vec<(&PastRun, &steps::Map)> =
        past.iter().filter_map(|past| Some((past, maps.get(past.run.version.hash.as_str())?))).collect();
    let completed = past.iter().filter(|past| past.run.state == RunState::Completed);
    let durations = completed.filter_map(|past| Some(milliseconds(past.run.started_at, past.run.ended_at?)));
    let (edits, older_edits) = edits::edits(runbook, procedure, &known);
    let unread = past.iter().filter(|past| !maps.contains_key(past.run.version.hash.as_str()));
    let older_unread = unread.flat_map(|past| &past.executions).filter(|execution| execution.edited).count();
    ProcedureStatistics {
        runbook: runbook.clone(),
        procedure: procedure.clone(),
        runs: Tally::of(past.iter()),
        since: past.iter().map(|past| past.run.started_at).min(),
        duration: Spread::of(durations.collect()),
        steps: steps::steps(procedure, &known),
        edits,
        older_edits: older_edits + older_unread,
    }
}

/// From one moment to another, in milliseconds; 0 where the clock was set back meanwhile.
fn milliseconds(from: Timestamp, until: Timestamp) -> i64 {
    i64::try_from(until.duration_since(from).as_millis()).unwrap_or(i64::MAX).max(0)
}

#[cfg(test)]
mod arithmetic {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_spread_of_few_values_is_one_of_them() {
        assert_eq!(Spread::of(Vec::new()), None);
        assert_eq!(Spread::of(vec![7]), Some(Spread { median: 7, p90: 7, of: 1 }));
        assert_eq!(Spread::of(vec![9, 1]), Some(Spread { median: 5, p90: 9, of: 2 }));
        assert_eq!(Spread::of(vec![3, 1, 2]), Some(Spread { median: 2, p90: 3, of: 3 }));
        assert_eq!(Spread::of((1..=10).collect()), Some(Spread { median: 5, p90: 9, of: 10 }));
        assert_eq!(Spread::of((1..=11).collect()), Some(Spread { median: 6, p90: 10, of: 11 }));
        assert_eq!(Spread::of(vec![i64::MAX, i64::MAX]).unwrap().median, i64::MAX, "their sum is too great");
    }

    #[test]
    fn success_is_of_closed_runs() {
        assert_eq!(Tally { open: 3, ..Tally::default() }.success(), None);
        assert_eq!(Tally { open: 3, completed: 2, abandoned: 1 }.success(), Some(67));
        assert_eq!(Tally { open: 0, completed: 0, abandoned: 2 }.success(), Some(0));
        assert_eq!(Tally { open: 1, completed: 2, abandoned: 1 }.all(), 4);
    }

    #[test]
    fn a_pattern_needs_three_runs() {
        let step = |seen, ran, failed, skipped| StepStatistics {
            id: StepId::new("1"),
            seen,
            ran,
            failed,
            skipped,
            by_hand: 0,
            duration: None,
        };
        assert_eq!(step(0, 0, 0, 0).trouble(), None);
        assert_eq!(step(2, 0, 0, 2).trouble(), None);
        assert_eq!(step(3, 0, 0, 3).trouble(), Some(Trouble::AlwaysSkipped));
        assert_eq!(step(4, 1, 0, 3).trouble(), None);
        assert_eq!(step(2, 2, 2, 0).trouble(), None);
        assert_eq!(step(3, 3, 1, 0).trouble(), Some(Trouble::OftenFailed));
        assert_eq!(step(4, 4, 1, 0).trouble(), None);
    }

    proptest! {
        #[test]
        fn a_spread_is_within_its_values(values in prop::collection::vec(0_i64..1_000_000, 1..60)) {
            let spread = Spread::of(values.clone()).unwrap();
            let (least, greatest) = (*values.iter().min().unwrap(), *values.iter().max().unwrap());
            prop_assert!(least <= spread.median && spread.median <= spread.p90 && spread.p90 <= greatest);
            let within = values.iter().filter(|value| **value <= spread.p90).count();
            prop_assert!(within * 10 >= values.len() * 9);
        }
    }
}
