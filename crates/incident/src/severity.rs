//! How bad it is: levels, and how soon somebody answers.

pub(crate) mod name;
mod source;

use jiff::SignedDuration;
use runbook::{ProcedureId, Runbook, Section};
use serde::{Deserialize, Serialize};

use source::Found;

/// A severity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// As the runbook calls it, in one form: `P1`, `SEV2`, `Critical`.
    pub name: String,
    /// How bad: 0 is the worst there can be. `P0` is 0, `P1` and `SEV1` are 1.
    pub rank: u8,
    /// What the runbook says it means: `Critical - Service down`. Empty where it says nothing.
    pub description: String,
    /// How soon somebody answers.
    pub respond_within: Option<SignedDuration>,
    /// When it goes to whoever is next; zero is at once.
    pub escalate_after: Option<SignedDuration>,
}

/// The levels that a runbook names, worst first, each name once. A table says more than a list, a list more than the
/// heading of one procedure; what the first source of a name leaves open a later one may fill.
#[must_use]
pub fn levels(runbook: &Runbook) -> Vec<Level> {
    // There are some forty names in all, so this never grows long.
    let mut levels: Vec<Level> = Vec::new();
    let tables = runbook.tables.iter().flat_map(source::of_table);
    let lines = runbook.sections.iter().flat_map(source::of_lines);
    let headings = runbook.sections.iter().enumerate().filter_map(|(at, section)| {
        let found = source::of_heading(&section.title)?;
        let (respond, escalate) = times_of(&runbook.sections, at);
        Some(Found { respond_within: respond, escalate_after: escalate, ..found })
    });
    for found in tables.chain(lines).chain(headings) {
        match levels.iter_mut().find(|level| level.name == found.name.text) {
            Some(level) => {
                level.respond_within = level.respond_within.or(found.respond_within);
                level.escalate_after = level.escalate_after.or(found.escalate_after);
                if level.description.is_empty() {
                    level.description = found.description;
                }
            }
            None => levels.push(Level {
                name: found.name.text,
                rank: found.name.rank,
                description: found.description,
                respond_within: found.respond_within,
                escalate_after: found.escalate_after,
            }),
        }
    }
    levels.sort_by_key(|level| level.rank);
    levels
}

/// The level that a procedure is written for: its heading names one, or one above it, or the one bold line with a level in
/// its text. The times that stand in its own text count before those of the runbook. A procedure without a level's name that
/// says how soon somebody answers has the one level with the same time.
#[must_use]
pub fn level_of(runbook: &Runbook, procedure: &ProcedureId) -> Option<Level> {
    let at = runbook.sections.iter().position(|section| section.procedure.as_ref() == Some(procedure))?;
    let section = &runbook.sections[at];
    let levels = levels(runbook);
    let (respond, escalate) = times_of(&runbook.sections, at);
    let Some(found) = named(runbook, section) else {
        let mut same = levels.into_iter().filter(|level| respond.is_some() && level.respond_within == respond);
        return same.next().filter(|_| same.next().is_none());
    };
    let general = levels.into_iter().find(|level| level.name == found.name.text);
    let mut level = general.unwrap_or(Level {
        name: found.name.text,
        rank: found.name.rank,
        description: found.description,
        respond_within: None,
        escalate_after: None,
    });
    level.respond_within = respond.or(level.respond_within);
    level.escalate_after = escalate.or(level.escalate_after);
    Some(level)
}

fn named(runbook: &Runbook, section: &Section) -> Option<Found> {
    let mut above = Some(section);
    while let Some(section) = above {
        if let Some(found) = source::of_heading(&section.title) {
            return Some(found);
        }
        above = section.above.and_then(|at| runbook.sections.get(at));
    }
    source::of_leading_label(section)
}

/// The times that a section and those below it name beside `Response SLA` and the like.
fn times_of(sections: &[Section], at: usize) -> (Option<SignedDuration>, Option<SignedDuration>) {
    let Some((section, below)) = sections.get(at..).and_then(<[Section]>::split_first) else { return (None, None) };
    let below = below.iter().take_while(|below| below.level > section.level);
    let mut times = (None, None);
    for line in std::iter::once(section).chain(below).flat_map(|section| &section.passages).filter_map(|one| one.line())
    {
        let (respond, escalate) = source::labelled_times(line);
        times = (times.0.or(respond), times.1.or(escalate));
    }
    times
}

/// What an alert's `severity` label means among these levels, worst first:
///
/// 1. a level of that name (`P2`; `sev2` is `SEV2`, and where there is none the level of the same rank);
/// 2. the first level whose name or description has the word (`critical`: `P1`, `Critical - Service down`);
/// 3. else by rank: `critical` and `page` are rank 1, `error` and `high` 2, `warning` and `medium` 3, `info` and `low` 4.
///    Without that rank it is the next milder one, else the mildest; for rank 1 the worst of all.
///
/// Other words (`none`) mean no level.
#[must_use]
pub fn for_label<'l>(levels: &'l [Level], label: &str) -> Option<&'l Level> {
    let label = label.trim();
    let by_rank = |rank: u8| match rank {
        1 => levels.iter().find(|level| level.rank == 1).or(levels.first()),
        rank => levels.iter().find(|level| level.rank >= rank).or(levels.last()),
    };
    let own = levels.iter().find(|level| level.name.eq_ignore_ascii_case(label));
    if own.is_some() {
        return own;
    }
    if let Some(name) = name::whole(label).filter(|name| name.numbered) {
        return levels
            .iter()
            .find(|level| level.name == name.text)
            .or_else(|| levels.iter().find(|level| level.rank == name.rank));
    }
    let label = label.to_lowercase();
    let has_word = |level: &&Level| {
        let words = level.description.split(|c: char| !c.is_alphanumeric());
        words.chain([level.name.as_str()]).any(|word| word.to_lowercase() == label)
    };
    let rank = name::rank_of_word(&label)?;
    levels.iter().find(has_word).or_else(|| by_rank(rank))
}

/// How bad an alert's `severity` label says it is, by rank; 0 is the worst. Among no levels at all its own word counts.
#[must_use]
pub fn rank_of_label(levels: &[Level], label: &str) -> Option<u8> {
    let own = || {
        let word = label.trim().to_lowercase();
        name::whole(&word).map(|name| name.rank).or_else(|| name::rank_of_word(&word))
    };
    for_label(levels, label).map(|level| level.rank).or_else(own)
}

#[cfg(test)]
mod tests;
