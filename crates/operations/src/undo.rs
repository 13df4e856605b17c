//! Taking back what an execution changed: what is asked before a change, what is offered after it, and what the runbook
//! itself has for it.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use command::undo::{Brought, Change, script, together};
use command::{Effect, Script, Target};
pub use incident::Why;
use incident::follow;
use jiff::Timestamp;
use runbook::{Procedure, ProcedureId, Runbook, Step, StepId};
use tokio_util::sync::CancellationToken;

use crate::gauge::only_looks;
use crate::look::look;
use crate::service::Rooms;
use crate::{
    AuditEntry, Call, Environment, Execution, ExecutionId, ExecutionState, LaterChange, OutcomeResult, Person, Policy,
    Run, StepState, StepView,
};

/// How long a change waits for what is asked before it.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many later changes are named.
const MOST_SINCE: usize = 5;
/// How long the text may be that takes an execution back, in bytes: what is longer nobody reads before pressing.
const LONGEST: usize = 16 * 1024;

/// What takes an execution back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undo {
    /// The execution.
    pub of: ExecutionId,
    /// The bash text that will run, exactly.
    pub text: String,
    /// How far it reaches, as far as the text tells.
    pub effect: Effect,
    /// What was done since to the same things, by whomever: rolling back undoes that, too. The newest five, in the order
    /// they were done.
    pub since: Vec<Since>,
    /// How many there are before those.
    pub more_since: usize,
    /// Whether so much was done since that not all of it was looked through.
    pub much_since: bool,
}

impl Undo {
    /// The same for those who do not see output: what others ran may have been typed.
    pub(crate) fn without_calls(&mut self) {
        self.since.iter_mut().for_each(|since| since.call.clear());
    }
}

/// Something that was done to the same thing after an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Since {
    /// Its place in the trail.
    pub place: i64,
    /// Who did it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What it was: `rollout restart`.
    pub verb: String,
    /// The call, its secrets masked; empty for those who do not see output.
    pub call: String,
}

/// The last place in the trail of what an execution changed.
pub(crate) fn last_change(of: ExecutionId, changes: &[AuditEntry]) -> Option<i64> {
    changes.iter().filter(|change| change.event.execution == Some(of)).map(|change| change.sequence).max()
}

/// What was done to the same things after an execution changed them, by others than itself and what takes it back: the
/// newest [`MOST_SINCE`], and how many there are before those. `changes` are those of the run, `later` those of the whole
/// environment.
pub(crate) fn since(
    of: ExecutionId,
    executions: &[Execution],
    changes: &[AuditEntry],
    later: &[LaterChange],
) -> (Vec<Since>, usize) {
    let own = changes.iter().filter(|change| change.event.execution == Some(of));
    let Some(last) = last_change(of, changes) else { return (Vec::new(), 0) };
    let targets: HashSet<&Target> = own.flat_map(|change| &change.event.targets).collect();
    let takes_back: HashSet<ExecutionId> =
        executions.iter().filter(|one| one.undoes == Some(of)).map(|one| one.id).collect();
    let same: Vec<&LaterChange> = later
        .iter()
        .filter(|change| change.sequence > last && !change.refused)
        .filter(|change| change.execution.is_none_or(|by| !takes_back.contains(&by)))
        .filter(|change| change.targets.iter().any(|target| targets.contains(target)))
        .collect();
    let more = same.len().saturating_sub(MOST_SINCE);
    let told = same[more..].iter().map(|change| Since {
        place: change.sequence,
        by: change.by.clone(),
        at: change.at,
        verb: change.verb.clone(),
        call: change.call.join(" "),
    });
    (told.collect(), more)
}

/// A section of the runbook that verifies what a run did, or takes it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Following {
    /// The procedure.
    pub procedure: ProcedureId,
    /// Where in it, if only a part of it is meant.
    pub step: Option<StepId>,
    /// The title of the procedure or part.
    pub title: String,
    /// What it is for.
    pub why: Why,
    /// What is known of its parameters, by name: what the run changed, and what was there before.
    pub values: BTreeMap<String, String>,
}

/// Asks what is there before a call changes it; the calls that bring it back. Empty where the call cannot be changed back,
/// where the person may not look here, and where nobody answers in time: nothing of this hinders the call.
pub(crate) async fn before(
    rooms: &Rooms,
    environment: &Environment,
    person: &Person,
    call: &Call,
    stop: &CancellationToken,
) -> Vec<Vec<String>> {
    let Some(mut change) = Change::of(&call.argv) else { return Vec::new() };
    if environment.policy.decide(person, Effect::Read).verdict != crate::Verdict::Allowed {
        return Vec::new();
    }
    let asking = async {
        while let Some(argv) = change.ask() {
            let question = Call { argv, directory: "/".to_owned() };
            only_looks(rooms, environment, &question).ok()?;
            let adapter = &rooms.adapters[question.tool()];
            let answer = look(&**adapter, environment, question.argv, PATIENCE, stop).await.ok()?;
            if answer.code != 0 {
                return None;
            }
            change.hear(&answer.stdout);
        }
        Some(change.back())
    };
    tokio::time::timeout(PATIENCE, asking).await.ok().flatten().unwrap_or_default()
}

/// What takes an execution back, where it has ended, has changed something, and nothing has taken it back yet. What failed
/// half-way may be tried again: what it did is not done a second time.
pub(crate) fn of(
    execution: &Execution,
    executions: &[Execution],
    changes: &[AuditEntry],
    policy: &Policy,
) -> Option<Undo> {
    if execution.state == ExecutionState::Running || is_taken_back(execution.id, executions) {
        return None;
    }
    let tried: HashSet<ExecutionId> =
        executions.iter().filter(|one| one.undoes == Some(execution.id)).map(|one| one.id).collect();
    let done: HashSet<&[String]> = changes
        .iter()
        .filter(|change| worked(change) && change.event.execution.is_some_and(|by| tried.contains(&by)))
        .map(|change| change.event.argv.as_slice())
        .collect();
    let own = changes.iter().filter(|change| worked(change) && change.event.execution == Some(execution.id));
    let calls: Vec<Vec<String>> = own.flat_map(|change| change.event.undo.iter().cloned()).collect();
    let mut calls = together(&calls);
    calls.retain(|call| !done.contains(call.as_slice()));
    let text = script(&calls).filter(|text| text.len() <= LONGEST)?;
    Some(Undo {
        of: execution.id,
        effect: effect(&text, policy),
        text,
        since: Vec::new(),
        more_since: 0,
        much_since: false,
    })
}

/// What takes the latest execution of a command back. Where that one is a rollback that did not come to its end, what is
/// left of it comes first.
pub(crate) fn of_latest(
    latest: &Execution,
    executions: &[Execution],
    changes: &[AuditEntry],
    policy: &Policy,
) -> Option<Undo> {
    let rest = || {
        let first = executions.iter().find(|one| Some(one.id) == latest.undoes)?;
        of(first, executions, changes, policy)
    };
    rest().or_else(|| of(latest, executions, changes, policy))
}

/// Whether something takes an execution back, has done so, or may have.
pub(crate) fn is_taken_back(execution: ExecutionId, executions: &[Execution]) -> bool {
    let mut tries = executions.iter().filter(|one| one.undoes == Some(execution));
    tries.any(|one| matches!(one.state, ExecutionState::Running | ExecutionState::Passed | ExecutionState::Unknown))
}

fn worked(change: &AuditEntry) -> bool {
    let outcome = change.completion.as_ref().and_then(|completion| completion.outcome.as_ref());
    outcome.is_some_and(|outcome| outcome.result == OutcomeResult::Passed)
}

/// How far a text reaches here.
pub(crate) fn effect(text: &str, policy: &Policy) -> Effect {
    let reading = Script::parse(text).reading();
    let actions = reading.actions.iter().map(|action| policy.effect(action));
    actions.max().unwrap_or(reading.effect).max(reading.effect)
}

/// The step of a run that verifies its latest change, while nobody has done it.
pub(crate) fn verifying(procedure: &Procedure, steps: &[StepView]) -> Option<Following> {
    let changes = |step: &Step| step.commands().iter().any(|command| command.effect > Effect::Read);
    let mut done = procedure.steps.iter().zip(steps).rev().filter(|(_, view)| view.state == StepState::Passed);
    let (changed, _) = done.find(|(step, _)| changes(step))?;
    let step = follow::verifies(procedure, &changed.id)?;
    let view = steps.iter().find(|view| view.id == step.id)?;
    (view.state == StepState::Waiting).then(|| Following {
        procedure: procedure.id.clone(),
        step: Some(step.id.clone()),
        title: format!("Step {}, {}", step.id, step.title),
        why: Why::Verify,
        values: BTreeMap::new(),
    })
}

/// What the runbook has for what a run did.
pub(crate) fn following(
    runbook: &Runbook,
    run: &Run,
    executions: &[Execution],
    changes: &[AuditEntry],
) -> Vec<Following> {
    let stands = |change: &&AuditEntry| {
        let by = executions.iter().find(|one| Some(one.id) == change.event.execution);
        worked(change) && by.is_some_and(|by| by.undoes.is_none() && !is_taken_back(by.id, executions))
    };
    let calls: Vec<Vec<String>> =
        changes.iter().filter(stands).flat_map(|change| change.event.undo.iter().cloned()).collect();
    let brought: Vec<Brought> = together(&calls).iter().filter_map(|call| Brought::by(call)).collect();
    let values = |procedure: &ProcedureId| {
        runbook.procedure(procedure).map(|procedure| follow::prefill(procedure, &brought, &run.given))
    };
    follow::after(runbook, &run.procedure)
        .into_iter()
        .map(|one| Following {
            values: values(&one.procedure).unwrap_or_default(),
            procedure: one.procedure,
            step: one.step,
            title: one.title,
            why: one.why,
        })
        .collect()
}
