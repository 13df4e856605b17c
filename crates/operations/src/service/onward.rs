//! Running on: one command of a run after the other, until somebody is needed.
//!
//! Every command is pressed for whoever asked for it, with all checks of a press. It stops before whatever a person has to
//! do, decide or confirm, and after whatever did not come out as the runbook expects.

use std::sync::Arc;

use command::Effect;
use command::expectation::Judgement;
use jiff::SignedDuration;
use runbook::{Alternatives, Body, Command, CommandId, Language, Step, StepId};

use super::{Again, Operations, Press, Rooms, locked};
use crate::{Caller, CommandView, Error, Onward, Permission, RunId, RunState, RunView, StepState, StepView};

/// How long is told why a run has stopped.
const NEWS: SignedDuration = SignedDuration::from_hours(1);
/// How long somebody's word lasts: roles change, and people leave.
const LONGEST: SignedDuration = SignedDuration::from_mins(30);

/// A run that goes on; when this is dropped, however that came, it has stopped.
struct Going {
    rooms: Arc<Rooms>,
    run: RunId,
    reason: String,
}

impl Drop for Going {
    fn drop(&mut self) {
        if let Some(known) = locked(&self.rooms.onward).get_mut(&self.run) {
            known.at = self.rooms.now();
            known.stopped = Some(std::mem::take(&mut self.reason));
        }
        self.rooms.changed(self.run);
    }
}

/// What comes next in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Press this one: nothing about it needs a person.
    Command {
        /// The step.
        step: StepId,
        /// The command.
        command: CommandId,
    },
    /// Somebody is needed, or nothing is left.
    Person(Needed),
}

/// For what somebody is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed {
    /// Why.
    pub why: Why,
    /// The step, where it is about one.
    pub step: Option<StepId>,
    /// The command to press, where pressing it is what is needed.
    pub command: Option<CommandId>,
    /// The same in a sentence.
    pub reason: String,
}

/// Why somebody is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// Nothing is left to do.
    Done,
    /// The run is closed.
    Closed,
    /// A command is running.
    Running,
    /// What came of a command has to be looked at: it failed, or its outcome is unknown.
    Look,
    /// Only a person can tell whether a result is as the runbook expects.
    Judge,
    /// It is something that a person does.
    Manual,
    /// One of several commands has to be chosen.
    Choice,
    /// It removes something or interrupts service, or may: its text does not show what it calls.
    Destroys,
    /// It changes something, and a value says what.
    Value,
    /// It goes on until it is stopped.
    Follows,
    /// It may open a terminal.
    Terminal,
}

impl Operations {
    /// Runs the next commands of a run, one after the other, until somebody is needed; [`RunView::onward`] says why.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Conflict`] where it runs on already or the run is closed.
    pub async fn run_on(&self, caller: &Caller, run: RunId) -> Result<(), Error> {
        self.permit(caller, Permission::Run, "run on").await?;
        self.can_run()?;
        self.open_run(run).await?;
        {
            let mut onward = locked(&self.rooms.onward);
            if onward.get(&run).is_some_and(|known| known.stopped.is_none()) {
                return Err(Error::Conflict("This run is running on already.".to_owned()));
            }
            let now = self.rooms.now();
            // What stopped long ago is nobody's news.
            onward.retain(|_, known| known.stopped.is_none() || now.duration_since(known.at) < NEWS);
            onward.insert(run, Onward { by: caller.person.name.clone(), at: now, stopped: None });
        }
        self.rooms.changed(run);
        let (this, caller) = (self.clone(), caller.clone());
        self.rooms.tasks.spawn(async move {
            let mut going = Going { rooms: this.rooms.clone(), run, reason: "It ended without a word.".to_owned() };
            let shutdown = this.rooms.shutdown.clone();
            going.reason = match shutdown.run_until_cancelled(this.onward(&caller, run)).await {
                Some(Ok(reason)) => reason,
                Some(Err(error)) => error.to_string(),
                None => "The portal is stopping.".to_owned(),
            };
        });
        Ok(())
    }

    /// What stopped a run is no news any more once somebody goes on with it.
    pub(super) fn forget_onward(&self, run: RunId) {
        let mut onward = locked(&self.rooms.onward);
        if onward.get(&run).is_some_and(|known| known.stopped.is_some()) {
            onward.remove(&run);
        }
    }

    /// Presses until somebody is needed, and says why.
    async fn onward(&self, caller: &Caller, run: RunId) -> Result<String, Error> {
        let mut changes = self.watch_run(caller, run).await?;
        let began = self.rooms.now();
        loop {
            if self.rooms.now().duration_since(began) > LONGEST {
                return Ok(format!("It went on for {} minutes: press Run on again.", LONGEST.as_mins()));
            }
            let view = self.view_run(caller, run).await?;
            let command = match next(&view) {
                Next::Command { command, .. } => command,
                Next::Person(needed) => return Ok(needed.reason),
            };
            if !self.may_still(&caller.person).await? {
                return Ok(format!("{} has another role by now: press Run on again.", caller.person.name));
            }
            let press = Press { again: Again::Refused, ..Press::default() };
            self.press(caller, run, &command, press).await?;
            loop {
                changes.mark_unchanged();
                let view = self.view_run(caller, run).await?;
                let mut commands = view.steps.iter().flat_map(|step| &step.commands);
                if commands.find(|one| one.id == command).is_none_or(|one| one.state != StepState::Running) {
                    break;
                }
                if changes.changed().await.is_err() {
                    return Ok("The portal is stopping.".to_owned());
                }
            }
        }
    }
}

impl RunView {
    /// What comes next, as far as the text and what became of it tell.
    #[must_use]
    pub fn next(&self) -> Next {
        next(self)
    }
}

fn next(view: &RunView) -> Next {
    let whole = |why, reason: &str| Next::Person(Needed { why, step: None, command: None, reason: reason.to_owned() });
    if view.run.state != RunState::Open {
        return whole(Why::Closed, "The run is closed.");
    }
    let effect = |command: &Command| {
        view.environment.as_ref().map_or(command.effect, |environment| environment.policy.effect_of(command))
    };
    let open = view.procedure.steps.iter().zip(&view.steps).filter_map(|(step, state)| in_step(step, state, &effect));
    open.into_iter().next().unwrap_or_else(|| whole(Why::Done, "Every step is done or skipped."))
}

/// What comes next in a step; `None` where nothing does.
fn in_step(step: &Step, state: &StepView, effect: &dyn Fn(&Command) -> Effect) -> Option<Next> {
    let name = format!("Step {}, “{}”,", step.id, step.title);
    let needed = |why, command: Option<&Command>, words: &str| {
        let (step, command) = (Some(step.id.clone()), command.map(|command| command.id.clone()));
        Some(Next::Person(Needed { why, step, command, reason: format!("{name} {words}") }))
    };
    let person = |why, words: &str| needed(why, None, words);
    if let Some(command) = state.commands.iter().find(|command| is_open(command)) {
        let about = if state.commands.len() > 1 { format!(" of {}", command.id) } else { String::new() };
        return person(Why::Judge, &format!("asks whether the result{about} is as the runbook expects."));
    }
    match state.state {
        StepState::Passed | StepState::Skipped => return None,
        StepState::Running => return person(Why::Running, "is running."),
        StepState::Failed | StepState::Unmet | StepState::Stopped | StepState::Unknown => {
            return person(Why::Look, &format!("is {}: look at it first.", state.state.word()));
        }
        StepState::Waiting => {}
    }
    let Body::Commands { alternatives, commands } = &step.body else { return person(Why::Manual, "is for a person.") };
    if *alternatives == Alternatives::One && state.chosen.is_none() {
        return person(Why::Choice, "is a choice: pick one.");
    }
    let is_meant = |one: &CommandView| state.chosen.as_ref().is_none_or(|chosen| *chosen == one.id);
    let waiting =
        commands.iter().zip(&state.commands).find(|(_, one)| one.state == StepState::Waiting && is_meant(one));
    let Some((command, one)) = waiting else { return person(Why::Look, "needs somebody to look at it.") };
    let press = |why, words: &str| needed(why, Some(command), words);
    if one.execution.is_some() {
        return press(Why::Look, "was rolled back: look at it first.");
    }
    if command.language == Language::Bash && talks(&command.source) {
        return press(Why::Terminal, "may open a terminal: press Run there yourself.");
    }
    if effect(command) == Effect::Destroy {
        return press(Why::Destroys, "removes something or interrupts service: press Run there yourself.");
    }
    if command.opaque {
        return press(Why::Destroys, "calls what its text does not show: press Run there yourself.");
    }
    if effect(command) == Effect::Change && !command.parameters.is_empty() {
        return press(Why::Value, "changes something, and a value says what: press Run there yourself.");
    }
    if command.follows {
        return press(Why::Follows, "goes on until it is stopped: press Follow there yourself.");
    }
    Some(Next::Command { step: step.id.clone(), command: command.id.clone() })
}

/// Whether a text has a call that somebody may be asked to talk to.
fn talks(source: &str) -> bool {
    command::Script::parse(source).calls.iter().any(|call| command::wants_terminal(&call.argv()))
}

/// Whether nobody has said yet if what came of a command is as expected.
fn is_open(command: &CommandView) -> bool {
    let open = |judgement| judgement == Judgement::Open;
    command.mark.is_none()
        && command.state == StepState::Passed
        && command.execution.iter().flat_map(|one| &one.findings).any(|finding| open(finding.judgement))
}
