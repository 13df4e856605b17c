//! What happened in an incident, as the audit trail has it: nothing is kept twice.

use std::collections::HashMap;

use command::Effect;
use jiff::{SignedDuration, Timestamp};

use super::runs::SKIPPED;
use super::{Operations, permit};
use crate::{
    AuditEntry, AuditFilter, Caller, Chunk, Error, EventId, EventKind, ExecutionId, Incident, IncidentId,
    OutcomeResult, Permission, RunId, Stream,
};

/// How many rows of the trail a timeline is made of at most: the newest.
const MOST: usize = 5_000;
/// Of how many rows what happened lately is made.
const LATELY: usize = 120;
/// How many bytes of the rows' words it is made of at most.
const BYTES: usize = 4 << 20;
/// Rows that are read at once: each may hold a text as long as any that is taken.
const PAGE: u32 = 200;
/// How many actions of one execution are told one by one.
const ACTIONS: usize = 20;
/// Of how many executions the output's ends are read.
const OUTPUTS: usize = 300;
/// How many pieces at either end of an output are looked through for a line.
const ENDS: u32 = 4;
/// How much of a line of output is told, in characters.
const LINE: usize = 200;
/// How long nothing must happen to be worth a word.
const SILENCE: SignedDuration = SignedDuration::from_mins(10);

/// Whose doing an entry is: one lane of the picture.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// The monitoring system's, or the portal's own.
    System,
    /// A person's (subject and name).
    Person(String, String),
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its row in the trail.
    pub event: EventId,
    /// When it began, as the trail has it.
    pub at: Timestamp,
    /// When it ended, for what takes time and has ended.
    pub until: Option<Timestamp>,
    /// Whose doing.
    pub lane: Lane,
    /// What kind of event.
    pub kind: EventKind,
    /// One line for people.
    pub words: String,
    /// More of it: a reason, a note, what was run, the calls below it.
    pub details: Vec<String>,
    /// How it ended.
    pub result: Option<OutcomeResult>,
    /// How far it reached.
    pub effect: Option<command::Effect>,
    /// In which run, and its number.
    pub run: Option<(RunId, i64)>,
    /// The step or command.
    pub part: Option<String>,
    /// The first and the last line that was printed.
    pub printed: Option<(String, String)>,
    /// How long nothing had happened before it, where that was long.
    pub silence: Option<SignedDuration>,
}

/// What happened in an incident, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// Entries in the order of the trail.
    pub entries: Vec<Entry>,
    /// Everybody with an entry; the system first.
    pub lanes: Vec<Lane>,
    /// From the start until somebody took it on.
    pub to_acknowledge: Option<SignedDuration>,
    /// From the start until nobody suffered.
    pub to_mitigate: Option<SignedDuration>,
    /// From the start to the end.
    pub to_resolve: Option<SignedDuration>,
    /// Whether older entries are left out: there are more, or longer ones, than a page can hold.
    pub cut: bool,
}

impl Operations {
    /// What happened in an incident. What programs printed is there for those who may see it.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Audit`], [`Error::Store`].
    pub async fn timeline(&self, caller: &Caller, id: IncidentId) -> Result<Timeline, Error> {
        let (mut timeline, rows) = self.timeline_of(caller, id, MOST).await?;
        if caller.person.role.permits(Permission::SeeOutput) {
            self.printed(&rows, &mut timeline.entries).await?;
        }
        Ok(timeline)
    }

    /// What happened lately: entries of the newest rows of the trail, without what was printed.
    ///
    /// # Errors
    /// As [`Operations::timeline`].
    pub async fn lately(&self, caller: &Caller, id: IncidentId) -> Result<Timeline, Error> {
        Ok(self.timeline_of(caller, id, LATELY).await?.0)
    }

    /// A timeline of at most so many rows, the newest, and those rows.
    async fn timeline_of(
        &self,
        caller: &Caller,
        id: IncidentId,
        most: usize,
    ) -> Result<(Timeline, Vec<AuditEntry>), Error> {
        permit(caller, Permission::View)?;
        let incident = self.existing_incident(id).await?;
        let runs: Vec<(RunId, i64)> = self.runs_of(id).await?.into_iter().map(|run| (run.id, run.number)).collect();
        let mut rows: Vec<AuditEntry> = Vec::new();
        let limit = PAGE.min(u32::try_from(most).unwrap_or(PAGE));
        let mut filter = AuditFilter { incident: Some(id), limit, ..AuditFilter::default() };
        let (mut cut, mut bytes) = (false, 0);
        loop {
            let (entries, next) = self.rooms.trail.entries(&filter).await?;
            let there = entries.len();
            let fitting = entries.into_iter().take_while(|row| {
                bytes += length(row);
                bytes <= BYTES
            });
            let before = rows.len();
            rows.extend(fitting);
            if rows.len() - before < there {
                cut = true;
                break;
            }
            match next {
                Some(_) if rows.len() >= most => {
                    cut = true;
                    break;
                }
                Some(next) => filter.before = Some(next),
                None => break,
            }
        }
        rows.reverse();
        let mut entries = entries_of(&rows, &runs);
        if !caller.person.role.permits(Permission::SeeOutput) {
            // What a person typed can hold what only those who see output should see, as on the page of a run.
            let typed = |entry: &&mut Entry| match entry.kind {
                EventKind::ExecutionIntent => true,
                // A reason is for everybody; results, and what `kubectl edit` was told to write, are not.
                EventKind::StepMarked => !entry.words.starts_with(SKIPPED),
                _ => false,
            };
            entries.iter_mut().filter(typed).for_each(|entry| entry.details.clear());
        }
        Ok((finished(entries, &incident, cut), rows))
    }

    /// Adds the first and last lines that the executions printed.
    async fn printed(&self, rows: &[AuditEntry], entries: &mut [Entry]) -> Result<(), Error> {
        let executions = rows.iter().filter(|row| row.event.kind == EventKind::ExecutionIntent);
        for row in executions.rev().take(OUTPUTS) {
            let (Some(execution), Some(entry)) =
                (row.event.execution, entries.iter_mut().find(|entry| entry.event == row.event.id))
            else {
                continue;
            };
            entry.printed = self.ends_of(execution).await?;
        }
        Ok(())
    }

    async fn ends_of(&self, execution: ExecutionId) -> Result<Option<(String, String)>, Error> {
        let said = |chunk: &&Chunk| chunk.content.stream != Stream::Resize;
        let first = self.rooms.outputs.of_execution(execution, 0, ENDS).await?;
        let last = self.rooms.outputs.tail(execution, ENDS).await?;
        let first = first.iter().filter(said).find_map(|chunk| lines(chunk).next());
        let last = last.iter().rev().filter(said).find_map(|chunk| lines(chunk).last());
        Ok(first.map(|first| (first.clone(), last.unwrap_or(first))))
    }
}

/// The lines of a chunk that say something, as plain text.
fn lines(chunk: &Chunk) -> impl Iterator<Item = String> + use<> {
    let plain = strip_ansi_escapes::strip_str(String::from_utf8_lossy(&chunk.content.bytes));
    let lines: Vec<String> = plain
        .lines()
        .map(|line| line.trim().chars().filter(|c| !c.is_control()).take(LINE).collect::<String>())
        .filter(|line| !line.is_empty())
        .collect();
    lines.into_iter()
}

/// Rows of the trail as entries: actions become details of the execution that they belong to.
fn entries_of(rows: &[AuditEntry], runs: &[(RunId, i64)]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut actions: HashMap<EventId, Vec<String>> = HashMap::new();
    let mut reached: HashMap<EventId, Effect> = HashMap::new();
    for row in rows {
        let event = &row.event;
        let outcome = row.completion.as_ref().and_then(|completion| completion.outcome.as_ref());
        if event.kind == EventKind::ActionIntent {
            if let Some(parent) = event.parent {
                let result = outcome.map_or("not ended", |outcome| outcome.result.word());
                actions.entry(parent).or_default().push(format!("{} — {result}", event.argv.join(" ")));
                let refused = outcome.is_some_and(|outcome| outcome.result == OutcomeResult::Refused);
                if let Some(effect) = event.effect.filter(|_| !refused) {
                    let most = reached.entry(parent).or_insert(effect);
                    *most = effect.max(*most);
                }
            }
            continue;
        }
        let part = event.place.as_ref().and_then(|place| place.part.as_ref()).map(|part| part.as_str().to_owned());
        let actor = &event.actor;
        let lane = match actor.is_system() {
            true => Lane::System,
            false => Lane::Person(actor.subject.clone(), actor.name.clone()),
        };
        entries.push(Entry {
            event: event.id,
            at: event.at,
            until: row.completion.as_ref().map(|completion| completion.at),
            lane,
            kind: event.kind,
            words: told(row),
            details: details(row),
            result: outcome.map(|outcome| outcome.result),
            effect: event.effect,
            run: event.run.and_then(|run| runs.iter().find(|known| known.0 == run).copied()),
            part,
            printed: None,
            silence: None,
        });
    }
    for entry in &mut entries {
        // What its calls were says more than what its text had shown.
        entry.effect = entry.effect.max(reached.remove(&entry.event));
        let Some(mut below) = actions.remove(&entry.event) else { continue };
        let more = below.len().saturating_sub(ACTIONS);
        below.truncate(ACTIONS);
        entry.details.extend(below);
        if more > 0 {
            entry.details.push(format!("… and {more} more calls"));
        }
    }
    entries
}

/// What an event is in one line, for people: `Ran step 4b: Roll back`.
#[must_use]
pub fn told(row: &AuditEntry) -> String {
    let event = &row.event;
    let part = event.place.as_ref().and_then(|place| place.part.as_ref());
    let summary = event.summary.as_str();
    let step = part.map(|part| format!("step {part}")).unwrap_or_default();
    match event.kind {
        EventKind::AlertFired => format!("Alert {summary} fires"),
        EventKind::AlertCleared => format!("Alert {summary} is over"),
        EventKind::IncidentOpened => format!("Opened: {summary}"),
        // Where somebody took it on elsewhere, the trail has the name.
        EventKind::IncidentAcknowledged if event.actor.is_monitoring() && summary.starts_with("by ") => {
            format!("Acknowledged in {} {summary}", event.actor.name)
        }
        EventKind::IncidentAcknowledged => "Acknowledged".to_owned(),
        EventKind::IncidentMitigated => "Mitigated".to_owned(),
        EventKind::IncidentResolved => "Resolved".to_owned(),
        EventKind::IncidentReopened => "Reopened".to_owned(),
        EventKind::IncidentChanged => format!("Changed {summary}"),
        EventKind::StatusUpdated => format!("Status: {summary}"),
        EventKind::NoteWritten if !event.argv.is_empty() => {
            let note = event.argv.first().map(String::as_str).unwrap_or_default();
            if step.is_empty() { format!("Note: {note}") } else { format!("Note on {step}: {note}") }
        }
        EventKind::NoteWritten => format!("Note: {summary}"),
        EventKind::RunStarted => format!("Began “{summary}”"),
        EventKind::RunEnded => format!("Closed the run as {summary}"),
        EventKind::ExecutionIntent => format!("Ran {step}: {summary}"),
        EventKind::StopRequested => format!("Stopped {step}"),
        EventKind::StepMarked | EventKind::StepClaimed | EventKind::StepHandedOver | EventKind::ChoiceMade => {
            if step.is_empty() { summary.to_owned() } else { format!("{summary} ({step})") }
        }
        EventKind::MessageIntent => format!("Sent {summary}"),
        _ => summary.to_owned(),
    }
}

/// How many bytes the words of a row hold.
fn length(row: &AuditEntry) -> usize {
    let of = |event: &crate::AuditEvent| {
        let words = event.argv.iter().chain(event.undo.iter().flatten()).map(String::len).sum::<usize>();
        words + event.summary.len() + event.original.as_ref().map_or(0, String::len)
    };
    of(&row.event) + row.completion.as_ref().map_or(0, of)
}

/// What there is to say beyond the line.
fn details(row: &AuditEntry) -> Vec<String> {
    let event = &row.event;
    let said = event.argv.iter().filter(|line| !line.trim().is_empty());
    match event.kind {
        EventKind::NoteWritten => said.skip(1).cloned().collect(),
        EventKind::AlertFired | EventKind::AlertCleared => Vec::new(),
        EventKind::MessageIntent => {
            let remark = row.completion.as_ref().and_then(|completion| completion.argv.first());
            said.chain(remark).cloned().collect()
        }
        _ => said.cloned().collect(),
    }
}

/// Adds silences, lanes and durations.
fn finished(mut entries: Vec<Entry>, incident: &Incident, cut: bool) -> Timeline {
    let mut last: Option<Timestamp> = None;
    for entry in &mut entries {
        let silence = last.map(|last| entry.at.duration_since(last)).filter(|silence| *silence >= SILENCE);
        let over = incident.resolved_at.is_some_and(|resolved| last.is_some_and(|last| last >= resolved));
        entry.silence = silence.filter(|_| !over);
        let ended = entry.until.unwrap_or(entry.at).max(entry.at);
        last = Some(last.map_or(ended, |last| last.max(ended)));
    }
    let mut lanes: Vec<Lane> = Vec::new();
    for entry in &entries {
        if !lanes.contains(&entry.lane) {
            lanes.push(entry.lane.clone());
        }
    }
    lanes.sort_by_key(|lane| *lane != Lane::System);
    let since = |at: Option<Timestamp>| at.map(|at| at.duration_since(incident.started_at));
    Timeline {
        entries,
        lanes,
        to_acknowledge: since(incident.acknowledged_at),
        to_mitigate: since(incident.mitigated_at),
        to_resolve: since(incident.resolved_at),
        cut,
    }
}

/// A span for people: `94 ms`, `45 s`, `3 min 12 s`, `2 h 5 min`.
#[must_use]
pub fn span(span: SignedDuration) -> String {
    let seconds = span.as_secs().max(0);
    if let 1..1_000 = span.as_millis() {
        return format!("{} ms", span.as_millis());
    }
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes, rest) {
        (0, 0, rest) => format!("{rest} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, rest) => format!("{minutes} min {rest} s"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_words() {
        for (seconds, words) in [(5, "5 s"), (60, "1 min"), (192, "3 min 12 s"), (7_500, "2 h 5 min"), (-3, "0 s")] {
            assert_eq!(span(SignedDuration::from_secs(seconds)), words);
        }
        assert_eq!(span(SignedDuration::from_millis(94)), "94 ms");
    }
}
