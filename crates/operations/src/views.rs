//! What each step of a run shows, derived from its executions and marks. Nothing of it is stored.

use std::collections::HashMap;
use std::sync::Arc;

use command::expectation::Judgement;
use runbook::{Alternatives, Body, Command, CommandId, Procedure, Step};

use crate::{Asked, Claim, CommandView, Execution, ExecutionState, Mark, Question, StepMark, StepState, StepView};

/// The steps of a procedure with what became of them. `executions`, `marks` and the notes that were `said` are oldest first.
pub(crate) fn steps(
    procedure: &Procedure,
    executions: &[Execution],
    marks: &[StepMark],
    said: &[StepMark],
) -> Vec<StepView> {
    let mut by_command: HashMap<&str, Vec<&Execution>> = HashMap::new();
    for execution in executions {
        by_command.entry(execution.command.as_str()).or_default().push(execution);
    }
    let mut by_part: HashMap<&str, &StepMark> = HashMap::new();
    let mut claims: HashMap<&str, Option<Claim>> = HashMap::new();
    let mut chosen: HashMap<&str, &StepMark> = HashMap::new();
    let mut notes: HashMap<&str, Vec<StepMark>> = HashMap::new();
    for note in said {
        notes.entry(note.part.as_str()).or_default().push(note.clone());
    }
    for mark in marks {
        let part = mark.part.as_str();
        match &mark.mark {
            Mark::Claimed { by } => drop(claims.insert(part, Some(Claim { by: by.clone(), at: mark.at }))),
            Mark::Released => drop(claims.insert(part, None)),
            Mark::Chosen => drop(chosen.insert(part, mark)),
            Mark::Noted { .. } => {}
            _ => drop(by_part.insert(part, mark)),
        }
    }
    procedure
        .steps
        .iter()
        .map(|step| {
            let commands: Vec<_> =
                step.commands().iter().map(|command| command_view(command, &by_command, &by_part)).collect();
            // A step with one command has that command's id: the mark is then the command's own.
            let shares_id = commands.iter().any(|command| command.id.as_str() == step.id.as_str());
            let mark = by_part.get(step.id.as_str()).copied().filter(|_| !shares_id).cloned();
            let chosen = step.commands().iter().filter_map(|command| chosen.get(command.id.as_str()));
            StepView {
                id: step.id.clone(),
                state: step_state(step, &commands, mark.as_ref()),
                mark,
                claim: claims.remove(step.id.as_str()).flatten(),
                chosen: chosen.max_by_key(|mark| mark.at).map(|mark| CommandId::new(mark.part.as_str())),
                notes: notes.remove(step.id.as_str()).unwrap_or_default(),
                commands,
            }
        })
        .collect()
}

/// Takes out of a run what only those see who see output: what was observed, pasted, typed, and asked.
pub(crate) fn without_output(steps: &mut [StepView]) {
    for step in steps {
        if let Some(mark) = &mut step.mark {
            without_result(mark);
        }
        for command in &mut step.commands {
            if let Some(mark) = &mut command.mark {
                without_result(mark);
            }
            if let Some(execution) = &mut command.execution {
                execution_without_output(execution);
            }
            command.question = command.question.take().map(|asked| {
                let question = Question { note: None, text: None, change: None, ..asked.question.clone() };
                Arc::new(Asked { question, ..Asked::clone(&asked) })
            });
            command.links.clear();
            if let Some(undo) = &mut command.undo {
                undo.without_calls();
            }
        }
    }
}

/// The same of one execution: a text that somebody typed may hold what programs printed.
pub(crate) fn execution_without_output(execution: &mut Execution) {
    if execution.edited {
        execution.source.clear();
    }
    for finding in &mut execution.findings {
        finding.observed.clear();
    }
}

fn without_result(mark: &mut StepMark) {
    if let Mark::ByHand { result } = &mut mark.mark {
        result.clear();
    }
}

fn command_view(
    command: &Command,
    executions: &HashMap<&str, Vec<&Execution>>,
    marks: &HashMap<&str, &StepMark>,
) -> CommandView {
    let executions = executions.get(command.id.as_str()).map_or(&[][..], Vec::as_slice);
    let latest = executions.last().copied();
    let mark = marks
        .get(command.id.as_str())
        .copied()
        // A mark says something of what has ended before it.
        .filter(|mark| latest.is_none_or(|execution| execution.ended_at.is_some_and(|end| end <= mark.at)));
    let state = match (mark, latest) {
        (Some(mark), _) => marked(&mark.mark),
        (_, Some(execution)) if is_unmet(execution) => StepState::Unmet,
        (_, Some(execution)) => shown(execution, executions),
        (_, None) => StepState::Waiting,
    };
    CommandView {
        id: command.id.clone(),
        state,
        execution: latest.cloned(),
        executions: executions.len(),
        mark: mark.cloned(),
        question: None,
        links: Vec::new(),
        terminal: None,
        recorded: false,
        undo: None,
    }
}

/// It worked, and what came of it is not what the runbook expects.
pub(crate) fn is_unmet(execution: &Execution) -> bool {
    execution.state == ExecutionState::Passed
        && execution.findings.iter().any(|finding| finding.judgement == Judgement::Unmet)
}

fn marked(mark: &Mark) -> StepState {
    match mark {
        Mark::Done | Mark::ByHand { .. } | Mark::Settled { passed: true, .. } | Mark::Judged { met: true } => {
            StepState::Passed
        }
        Mark::Judged { met: false } => StepState::Unmet,
        Mark::Settled { passed: false, .. } => StepState::Failed,
        Mark::Skipped { .. } => StepState::Skipped,
        // They say nothing of how far it is.
        Mark::Chosen | Mark::Claimed { .. } | Mark::Released | Mark::Noted { .. } => StepState::Waiting,
    }
}

/// What the latest execution of a command says of it. One that took another one back leaves it to be done; one that took
/// that back again, done.
fn shown(latest: &Execution, executions: &[&Execution]) -> StepState {
    let before = |one: &Execution| one.undoes.and_then(|id| executions.iter().find(|other| other.id == id).copied());
    let back = std::iter::successors(Some(latest), |one| before(one)).count() - 1;
    match executed(latest.state) {
        StepState::Passed if back % 2 == 1 => StepState::Waiting,
        state => state,
    }
}

fn executed(state: ExecutionState) -> StepState {
    match state {
        ExecutionState::Running => StepState::Running,
        ExecutionState::Passed => StepState::Passed,
        ExecutionState::Failed => StepState::Failed,
        ExecutionState::Stopped | ExecutionState::Expired => StepState::Stopped,
        ExecutionState::Unknown => StepState::Unknown,
    }
}

fn step_state(step: &Step, commands: &[CommandView], mark: Option<&StepMark>) -> StepState {
    let running = commands.iter().any(|command| command.state == StepState::Running);
    if running {
        return StepState::Running;
    }
    if let Some(mark) = mark {
        return marked(&mark.mark);
    }
    let Body::Commands { alternatives, commands: texts } = &step.body else { return StepState::Waiting };
    let has = |state| commands.iter().any(|command| command.state == state);
    if has(StepState::Unknown) {
        return StepState::Unknown;
    }
    match alternatives {
        // One that worked is enough, whatever was tried before it.
        Alternatives::One if has(StepState::Passed) => return StepState::Passed,
        Alternatives::One if has(StepState::Failed) => return StepState::Failed,
        Alternatives::One if has(StepState::Unmet) => return StepState::Unmet,
        Alternatives::One if has(StepState::Stopped) => return StepState::Stopped,
        Alternatives::One if commands.iter().all(|command| command.state == StepState::Skipped) => {
            return StepState::Skipped;
        }
        Alternatives::One => return StepState::Waiting,
        Alternatives::All if has(StepState::Failed) => return StepState::Failed,
        Alternatives::All if has(StepState::Unmet) => return StepState::Unmet,
        Alternatives::All => {}
    }
    // One that follows is done when somebody has seen enough of it.
    let unfinished = commands.iter().zip(texts).any(|(view, text)| match view.state {
        StepState::Waiting => true,
        StepState::Stopped => !text.follows,
        _ => false,
    });
    match (unfinished, has(StepState::Stopped)) {
        (true, true) => StepState::Stopped,
        (true, false) => StepState::Waiting,
        (false, true) if commands.len() == 1 => StepState::Stopped,
        (false, _) if commands.iter().all(|command| command.state == StepState::Skipped) => StepState::Skipped,
        (false, _) => StepState::Passed,
    }
}
