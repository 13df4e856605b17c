//! What is due when, and whom to call now. All of it follows from times that are given: nothing here knows the time.

use jiff::{SignedDuration, Timestamp};
use runbook::{ProcedureId, Runbook};
use serde::{Deserialize, Serialize};

use crate::escalation::{self, Rung, Until};
use crate::message;
use crate::severity::{self, Level};

/// When what happened in an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// When it began.
    pub started: Timestamp,
    /// When somebody answered.
    #[serde(default)]
    pub acknowledged: Option<Timestamp>,
    /// When customers no longer noticed it.
    #[serde(default)]
    pub mitigated: Option<Timestamp>,
    /// When it was over.
    #[serde(default)]
    pub resolved: Option<Timestamp>,
    /// When people were last told how it stands.
    #[serde(default)]
    pub updated: Option<Timestamp>,
}

impl Times {
    /// An incident that has just begun.
    #[must_use]
    pub fn started(started: Timestamp) -> Self {
        Self { started, acknowledged: None, mitigated: None, resolved: None, updated: None }
    }

    /// When the first sign came that somebody takes care of it.
    fn answered(&self) -> Option<Timestamp> {
        [self.acknowledged, self.mitigated, self.resolved].into_iter().flatten().min()
    }

    /// When the worst was over.
    fn over(&self) -> Option<Timestamp> {
        [self.mitigated, self.resolved].into_iter().flatten().min()
    }
}

/// What a runbook asked for when an incident began. It is kept with the incident, so that later edits of the file change
/// nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// How bad it is.
    pub level: Option<Level>,
    /// Who is called after whom.
    pub ladder: Vec<Rung>,
    /// How often people are told.
    pub update_every: Option<SignedDuration>,
    /// The level of the procedure that was chosen, with the times that its own text names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<Level>,
    /// When the level was set, where that was after the beginning: from then on its times count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

impl Terms {
    /// What a runbook asks for: the level of the procedure, else what an alert's `severity` label means.
    #[must_use]
    pub fn of(runbook: &Runbook, procedure: Option<&ProcedureId>, severity_label: Option<&str>) -> Self {
        let own = procedure.and_then(|procedure| severity::level_of(runbook, procedure));
        let level = own.clone().or_else(|| {
            let levels = severity::levels(runbook);
            severity_label.and_then(|label| severity::for_label(&levels, label)).cloned()
        });
        Self {
            level,
            ladder: escalation::ladder(runbook),
            update_every: message::update_every(runbook),
            own,
            since: None,
        }
    }

    /// When the times of the level begin.
    fn begins(&self, times: &Times) -> Timestamp {
        self.since.map_or(times.started, |since| since.max(times.started))
    }

    /// When a rung is reached. Without a time of its own the first one is called at the start, another one when nobody has
    /// answered in the level's time, and one that stands until the end at the level's time to escalate.
    fn reached(&self, at: usize, started: Timestamp) -> Option<Timestamp> {
        let rung = self.ladder.get(at)?;
        let level = self.level.as_ref();
        let first = || self.ladder.iter().position(|rung| rung.until == Until::Acknowledged) == Some(at);
        let after = match (rung.after, rung.until) {
            (Some(after), _) => after,
            (None, Until::Acknowledged) if first() => SignedDuration::ZERO,
            (None, Until::Acknowledged) => level?.respond_within?,
            (None, Until::Resolved) => level?.escalate_after?,
            (None, Until::Decided) => return None,
        };
        Some(later(started, after))
    }

    /// Whether a rung is for the level of this incident. One whose level nobody knows might be any.
    fn concerns(&self, rung: &Rung) -> bool {
        rung.levels.is_empty() || self.level.as_ref().is_none_or(|level| rung.levels.contains(&level.name))
    }

    fn stands_regardless(&self, rung: &Rung) -> bool {
        self.level.as_ref().is_some_and(|level| rung.regardless.contains(&level.name))
    }
}

/// Something that is to happen by a certain time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadline {
    /// What.
    pub what: What,
    /// Within which time, from when it begins to count.
    pub within: SignedDuration,
    /// By when.
    pub due: Timestamp,
    /// How it stands.
    pub state: State,
}

/// What is to happen by a certain time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Somebody answers.
    Respond,
    /// It is mitigated, or goes to whoever is next.
    Escalate,
    /// People are told how it stands.
    Update,
}

/// How a deadline stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// There is time left.
    Running {
        /// How little.
        tone: Tone,
    },
    /// It happened in time.
    Met {
        /// When.
        at: Timestamp,
    },
    /// It did not.
    Missed {
        /// When it happened after all.
        at: Option<Timestamp>,
    },
}

/// How little time is left. Ordered: a later one is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// A third of the time or more is left.
    Calm,
    /// Less than a third.
    Amber,
    /// Less than a tenth, or nothing.
    Red,
}

/// What is due, in the order of the times at which it is.
#[must_use]
pub fn deadlines(terms: &Terms, times: &Times, now: Timestamp) -> Vec<Deadline> {
    let (level, begins) = (terms.level.as_ref(), terms.begins(times));
    let respond = level
        .and_then(|level| level.respond_within)
        .map(|within| deadline(What::Respond, begins, within, times.answered(), now));
    let escalate = level
        .and_then(|level| level.escalate_after)
        .map(|after| deadline(What::Escalate, begins, after, times.over(), now));
    // Who has told once is to tell again, until it is over.
    let last = times.updated.unwrap_or(times.started).max(times.started);
    let update = terms
        .update_every
        .filter(|_| times.resolved.is_none())
        .map(|every| deadline(What::Update, last, every, None, now));
    let mut found: Vec<Deadline> = [respond, escalate, update].into_iter().flatten().collect();
    found.sort_by_key(|deadline| deadline.due);
    found
}

fn deadline(what: What, from: Timestamp, within: SignedDuration, done: Option<Timestamp>, now: Timestamp) -> Deadline {
    let due = later(from, within);
    let state = match done {
        Some(at) if at <= due => State::Met { at },
        Some(at) => State::Missed { at: Some(at) },
        None if now > due => State::Missed { at: None },
        None => State::Running { tone: tone(due.duration_since(now), within) },
    };
    Deadline { what, within, due, state }
}

/// Amber below a third of the whole, red below a tenth.
fn tone(left: SignedDuration, whole: SignedDuration) -> Tone {
    let (left, whole) = (left.as_nanos(), whole.as_nanos());
    if left <= 0 || left * 10 < whole {
        Tone::Red
    } else if left * 3 < whole {
        Tone::Amber
    } else {
        Tone::Calm
    }
}

fn later(time: Timestamp, span: SignedDuration) -> Timestamp {
    time.checked_add(span).unwrap_or(Timestamp::MAX)
}

/// Whom to call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Call<'t> {
    /// The furthest rung that is reached and not yet needless.
    pub now: Option<&'t Rung>,
    /// All that are reached and not yet needless, in the order of the ladder; the last one is `now`.
    pub reached: Vec<&'t Rung>,
    /// The one that is reached next if nothing happens, and when.
    pub next: Option<(&'t Rung, Timestamp)>,
}

/// Whom to call now, and who is next. Nobody any more once it is resolved; who is only called because nobody answered is
/// not called once somebody has.
#[must_use]
pub fn call<'t>(terms: &'t Terms, times: &Times, now: Timestamp) -> Call<'t> {
    let mut call = Call::default();
    if times.resolved.is_some() {
        return call;
    }
    for (at, rung) in terms.ladder.iter().enumerate() {
        let answered = times.answered().is_some() && !terms.stands_regardless(rung);
        let needless = match rung.until {
            Until::Acknowledged => answered || times.over().is_some(),
            Until::Resolved => times.over().is_some(),
            Until::Decided => true,
        };
        if needless || !terms.concerns(rung) {
            continue;
        }
        let Some(due) = terms.reached(at, terms.begins(times)) else { continue };
        if due <= now {
            call.reached.push(rung);
        } else if call.next.is_none_or(|(_, earliest)| due < earliest) {
            call.next = Some((rung, due));
        }
    }
    call.now = call.reached.last().copied();
    call
}

#[cfg(test)]
mod tests;
