//! How each step went, run by run, and which step of today's text an older step is.

use std::collections::HashMap;

use runbook::{Body, Command, CommandId, Procedure, Step};

use super::{PastRun, Spread, StepStatistics, milliseconds};
use crate::{Execution, ExecutionState, Mark, RunState, StepState, views};

/// Which step and command of today's text those of another text are. The numbers of steps change with every line that is
/// put before them, so they decide only between equals.
pub(super) struct Map {
    text: std::sync::Arc<Procedure>,
    /// By the place of the older step: the place of today's.
    steps: Vec<Option<usize>>,
    /// The older step's place by what marks and executions name: its id and its commands' ids.
    parts: HashMap<String, usize>,
    /// Commands whose text is the same.
    commands: HashMap<CommandId, CommandId>,
}

impl Map {
    pub(super) fn new(text: &std::sync::Arc<Procedure>, now: &Procedure) -> Self {
        let steps = same_steps(&text.steps, &now.steps);
        let mut parts = HashMap::new();
        let mut commands = HashMap::new();
        for (at, step) in text.steps.iter().enumerate() {
            parts.insert(step.id.to_string(), at);
            parts.extend(step.commands().iter().map(|command| (command.id.to_string(), at)));
            let here = steps[at].map(|at| now.steps[at].commands()).unwrap_or_default();
            for command in step.commands() {
                let same = |other: &&Command| other.source == command.source && other.language == command.language;
                let named = here.iter().find(|other| same(other) && other.id == command.id);
                let found = named.or_else(|| here.iter().find(same)).or_else(|| now.commands().find(same));
                commands.extend(found.map(|found| (command.id.clone(), found.id.clone())));
            }
        }
        Self { text: text.clone(), steps, parts, commands }
    }

    /// Today's command with the same text.
    pub(super) fn command(&self, id: &CommandId) -> Option<&CommandId> {
        self.commands.get(id)
    }

    /// The procedure as the run had it.
    pub(super) fn text(&self) -> &Procedure {
        &self.text
    }

    /// Today's step that an execution or a mark belongs to.
    fn step(&self, part: &str) -> Option<usize> {
        self.steps[*self.parts.get(part)?]
    }
}

/// Whether two steps are the same.
type Rule = fn(&Step, &Step) -> bool;

/// For each older step today's: the same with the same number, the same elsewhere, one of the same title, one with the same
/// commands. None is taken twice.
fn same_steps(before: &[Step], now: &[Step]) -> Vec<Option<usize>> {
    let rules: [Rule; 4] = [
        |a, b| a.id == b.id && a.title == b.title && content(a) == content(b),
        |a, b| a.title == b.title && content(a) == content(b),
        |a, b| a.title == b.title,
        |a, b| !content(a).is_empty() && content(a) == content(b),
    ];
    let mut found = vec![None; before.len()];
    let mut taken = vec![false; now.len()];
    for rule in rules {
        for (step, place) in before.iter().zip(&mut found).filter(|(_, place)| place.is_none()) {
            let free = now.iter().enumerate().find(|(at, other)| !taken[*at] && rule(step, other));
            if let Some((at, _)) = free {
                taken[at] = true;
                *place = Some(at);
            }
        }
    }
    found
}

/// What there is to do in a step, as texts.
fn content(step: &Step) -> Vec<&str> {
    match &step.body {
        Body::Commands { commands, .. } => commands.iter().map(|command| command.source.as_str()).collect(),
        Body::Yaml(code) | Body::Message(code) => vec![&code.source],
        Body::Manual => Vec::new(),
    }
}

/// How the steps of today's text went.
pub(super) fn steps(procedure: &Procedure, past: &[(&PastRun, &Map)]) -> Vec<StepStatistics> {
    let mut steps: Vec<StepStatistics> = procedure.steps.iter().map(nothing_yet).collect();
    let mut durations: Vec<Vec<i64>> = vec![Vec::new(); steps.len()];
    for (past, map) in past {
        count(past, map, &mut steps);
        for (at, duration) in times(past, map) {
            durations[at].push(duration);
        }
    }
    for (step, durations) in steps.iter_mut().zip(durations) {
        step.duration = Spread::of(durations);
    }
    steps
}

fn nothing_yet(step: &Step) -> StepStatistics {
    StepStatistics { id: step.id.clone(), seen: 0, ran: 0, failed: 0, skipped: 0, by_hand: 0, duration: None }
}

/// Adds what one run says of each step.
fn count(past: &PastRun, map: &Map, steps: &mut [StepStatistics]) {
    let views = views::steps(&map.text, &past.executions, &past.marks, &[]);
    let completed = past.run.state == RunState::Completed;
    for (place, view) in views.iter().enumerate() {
        let Some(step) = map.steps[place].map(|at| &mut steps[at]) else { continue };
        let belongs = |part: &str| map.parts.get(part) == Some(&place);
        let ran = past.executions.iter().any(|execution| belongs(execution.command.as_str()));
        let failed = |execution: &Execution| belongs(execution.command.as_str()) && went_wrong(execution);
        let marks = || past.marks.iter().filter(|mark| belongs(&mark.part) && tells_how_far(&mark.mark));
        let touched = ran || marks().next().is_some();
        let done = marks().any(|mark| matches!(mark.mark, Mark::Done | Mark::ByHand { .. }));
        let skipped = view.state == StepState::Skipped || (completed && !touched);
        step.seen += usize::from(completed || touched);
        step.ran += usize::from(ran);
        step.failed += usize::from(past.executions.iter().any(failed));
        step.skipped += usize::from(skipped);
        step.by_hand += usize::from(done && !skipped);
    }
}

/// Whether a mark says what became of a step: claims, choices and notes do not.
fn tells_how_far(mark: &Mark) -> bool {
    !matches!(mark, Mark::Chosen | Mark::Claimed { .. } | Mark::Released | Mark::Noted { .. })
}

/// It failed, took too long, or gave what the runbook does not expect.
pub(super) fn went_wrong(execution: &Execution) -> bool {
    matches!(execution.state, ExecutionState::Failed | ExecutionState::Expired) || views::is_unmet(execution)
}

/// How long each of today's steps took in one run, in milliseconds. The run's time is cut at the end of every execution and
/// at every mark, and each piece belongs to the step whose end it leads to: nothing is counted twice, however much ran at
/// once. What nobody watched (the portal was gone) belongs to no step.
fn times(past: &PastRun, map: &Map) -> HashMap<usize, i64> {
    let executions = past.executions.iter().filter_map(|execution| {
        let known = execution.state != ExecutionState::Unknown;
        Some((execution.ended_at?, known.then_some(execution.command.as_str())))
    });
    let marks = past.marks.iter().filter(|mark| tells_how_far(&mark.mark)).map(|mark| {
        let known = !matches!(mark.mark, Mark::Settled { .. });
        (mark.at, known.then_some(mark.part.as_str()))
    });
    let mut ends: Vec<_> = executions.chain(marks).collect();
    ends.sort_by_key(|(at, _)| *at);
    let mut times = HashMap::new();
    let mut before = past.run.started_at;
    for (at, part) in ends {
        if let Some(step) = part.and_then(|part| map.step(part)) {
            *times.entry(step).or_default() += milliseconds(before, at);
        }
        before = before.max(at);
    }
    times
}
