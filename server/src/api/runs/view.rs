//! A run as programs see it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use operations::{CommandView, Needed, RunView, StepView, Why};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::said::{MarkSaid, Note};
use crate::api::Pages;
use crate::api::executions::{Execution, Undo};
use crate::api::steps::{Command, Step};
use crate::api::words::{Version, Who};

/// A passage through a procedure.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Run {
    /// Names it.
    #[schema(format = "uuid")]
    pub(crate) id: String,
    /// A short number for people.
    pub(crate) number: i64,
    /// Its page in the portal.
    pub(crate) page: String,
    /// The runbook.
    pub(crate) runbook: String,
    /// The runbook's title.
    pub(crate) runbook_title: String,
    /// The text that it runs.
    pub(crate) version: Version,
    /// The procedure.
    pub(crate) procedure: String,
    /// The procedure's title.
    pub(crate) procedure_title: String,
    /// Where it acts.
    pub(crate) environment: String,
    /// The incident that it is carried out for.
    pub(crate) incident: Option<String>,
    /// `open`, `completed` or `abandoned`.
    pub(crate) state: RunState,
    /// Who started it.
    pub(crate) started_by: Who,
    /// When.
    pub(crate) started_at: Timestamp,
    /// When it was closed.
    pub(crate) ended_at: Option<Timestamp>,
    /// What is known of its parameters, by name. Secret ones are never here.
    pub(crate) values: BTreeMap<String, String>,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RunState {
    /// People work on it.
    Open,
    /// What it was for is done.
    Completed,
    /// It was given up.
    Abandoned,
}

/// A run with its steps and what became of them.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct RunDetail {
    /// The run.
    #[serde(flatten)]
    pub(crate) run: Run,
    /// Whether the runbook's file has changed since.
    pub(crate) outdated: bool,
    /// Whether its commands run one after the other, or why that came to an end.
    pub(crate) onward: Option<Onward>,
    /// What comes next.
    pub(crate) next: Next,
    /// In the order of the text.
    pub(crate) steps: Vec<RunStep>,
    /// What people wrote down of the whole, oldest first.
    #[serde(default)]
    pub(crate) notes: Vec<Note>,
    /// What verifies it, and what takes it back.
    #[serde(default)]
    pub(crate) following: Vec<Following>,
}

/// A section of the runbook that verifies what a run did, or takes it back.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Following {
    /// What it is for.
    pub(crate) why: FollowingWhy,
    /// The procedure.
    pub(crate) procedure: String,
    /// Where in it, if only a part of it is meant.
    pub(crate) step: Option<String>,
    /// The title of the procedure or part.
    pub(crate) title: String,
    /// What is known of its parameters, by name: what the run changed, and what was there before.
    pub(crate) values: BTreeMap<String, String>,
}

/// What a section is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FollowingWhy {
    /// It says whether what was done helped.
    Verify,
    /// It takes back what was done.
    Rollback,
}

/// A run whose commands run one after the other.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Onward {
    /// Who asked for it.
    pub(crate) by: String,
    /// Since when it goes on, or has stopped.
    pub(crate) at: Timestamp,
    /// Why it has stopped; null while it goes on.
    pub(crate) stopped: Option<String>,
}

/// What comes next in a run.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Next {
    /// What has to be done.
    pub(crate) what: What,
    /// The step that it is about.
    pub(crate) step: Option<String>,
    /// The command to press, where pressing one is what comes next.
    pub(crate) command: Option<String>,
    /// Why somebody is needed, in a sentence; null where nobody is.
    pub(crate) reason: Option<String>,
}

/// What has to be done next in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    /// Press the command: it needs nobody.
    Press,
    /// Press the command, if what it removes or interrupts may go.
    ConfirmDestroy,
    /// Press the command, if the values are right: they say what it changes.
    ConfirmValues,
    /// Press the command, and stop it when enough was seen.
    Follow,
    /// Wait: a command is running.
    Wait,
    /// Look at what came of a command.
    Look,
    /// Say whether a result is as expected.
    Judge,
    /// Do something by hand.
    Manual,
    /// Choose one of several commands.
    Choose,
    /// Nothing: every step is done.
    Nothing,
    /// Nothing: the run is closed.
    Closed,
}

/// A step of a run.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct RunStep {
    /// What there is to do.
    #[serde(flatten)]
    pub(crate) step: Step,
    /// What became of it.
    pub(crate) state: StepState,
    /// What somebody said of the step itself.
    pub(crate) mark: Option<MarkSaid>,
    /// Who means to do it.
    pub(crate) claimed_by: Option<Who>,
    /// Of several ways, the command that somebody chose last.
    pub(crate) chosen: Option<String>,
    /// What people wrote down of it, oldest first.
    #[serde(default)]
    pub(crate) notes: Vec<Note>,
    /// Its commands; empty where there are none.
    pub(crate) commands: Vec<RunCommand>,
}

/// What became of a step or command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StepState {
    /// Not begun.
    Waiting,
    /// It runs.
    Running,
    /// Done and well.
    Passed,
    /// It failed.
    Failed,
    /// It worked, and what came of it is not what the runbook expects.
    NotAsExpected,
    /// It was stopped, or its time was over.
    Stopped,
    /// Left out.
    Skipped,
    /// The portal ended before it knew.
    OutcomeUnknown,
}

/// A command of a run, and what became of it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct RunCommand {
    /// The command; how far it reaches is said for the run's environment.
    #[serde(flatten)]
    pub(crate) command: Command,
    /// What became of it.
    pub(crate) state: StepState,
    /// Its latest execution.
    pub(crate) execution: Option<Execution>,
    /// How many there were.
    pub(crate) executions: usize,
    /// What somebody said of it since.
    pub(crate) mark: Option<MarkSaid>,
    /// What its running execution asks of people: answered on the run's page.
    pub(crate) question: Option<Question>,
    /// The links that its running execution has open, for people who are signed in.
    pub(crate) links: Vec<Link>,
    /// Whether its latest execution had a terminal: see `/executions/{execution}/recording`.
    #[serde(default)]
    pub(crate) recorded: bool,
    /// What takes its latest execution back, where that is known.
    pub(crate) undo: Option<Undo>,
}

/// What a running command asks of people.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Question {
    /// What is asked.
    pub(crate) title: String,
    /// What to know before answering.
    pub(crate) note: Option<String>,
}

/// A way to a port that a command has reached.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Link {
    /// What it leads to.
    pub(crate) title: String,
    /// Where people open it.
    pub(crate) page: String,
    /// When it ends at the latest.
    pub(crate) until: Timestamp,
}

impl Run {
    pub(crate) fn told(run: &operations::Run, pages: &Pages) -> Self {
        Self {
            id: run.id.to_string(),
            number: run.number,
            page: pages.run(run.id),
            runbook: run.runbook.to_string(),
            runbook_title: run.runbook_title.clone(),
            version: (&run.version).into(),
            procedure: run.procedure.to_string(),
            procedure_title: run.procedure_title.clone(),
            environment: run.environment.0.clone(),
            incident: run.incident.map(|id| id.to_string()),
            state: match run.state {
                operations::RunState::Open => RunState::Open,
                operations::RunState::Completed => RunState::Completed,
                operations::RunState::Abandoned => RunState::Abandoned,
            },
            started_by: (&run.started_by).into(),
            started_at: run.started_at,
            ended_at: run.ended_at,
            values: run.given.clone(),
        }
    }
}

impl RunDetail {
    pub(crate) fn told(view: &RunView, pages: &Pages) -> Self {
        let effect = |command: &runbook::Command| {
            view.environment.as_ref().map_or(command.effect, |environment| environment.policy.effect_of(command))
        };
        let steps = view.procedure.steps.iter().zip(&view.steps);
        Self {
            run: Run::told(&view.run, pages),
            outdated: view.outdated,
            onward: view.onward.as_ref().map(|onward| Onward {
                by: onward.by.clone(),
                at: onward.at,
                stopped: onward.stopped.clone(),
            }),
            next: view.next().into(),
            steps: steps.map(|(step, state)| RunStep::told(step, state, &effect, pages)).collect(),
            notes: view.notes.iter().filter_map(Note::told).collect(),
            following: view.following.iter().map(Following::from).collect(),
        }
    }
}

impl RunStep {
    fn told(
        step: &runbook::Step,
        state: &StepView,
        effect: &dyn Fn(&runbook::Command) -> command::Effect,
        pages: &Pages,
    ) -> Self {
        let commands = step.commands().iter().zip(&state.commands);
        Self {
            step: step.into(),
            state: state.state.into(),
            mark: state.mark.as_ref().and_then(MarkSaid::told),
            claimed_by: state.claim.as_ref().map(|claim| (&claim.by).into()),
            chosen: state.chosen.as_ref().map(ToString::to_string),
            notes: state.notes.iter().filter_map(Note::told).collect(),
            commands: commands
                .map(|(command, state)| RunCommand::told(Command::told(command, effect(command)), state, pages))
                .collect(),
        }
    }
}

impl RunCommand {
    fn told(command: Command, state: &CommandView, pages: &Pages) -> Self {
        Self {
            command,
            state: state.state.into(),
            execution: state.execution.as_ref().map(Execution::from),
            executions: state.executions,
            mark: state.mark.as_ref().and_then(MarkSaid::told),
            question: state
                .question
                .as_ref()
                .map(|asked| Question { title: asked.question.title.clone(), note: asked.question.note.clone() }),
            links: state
                .links
                .iter()
                .map(|link| Link { title: link.title.clone(), page: pages.link(&link.token), until: link.until })
                .collect(),
            recorded: state.recorded,
            undo: state.undo.as_ref().map(Undo::from),
        }
    }
}

impl From<operations::StepState> for StepState {
    fn from(state: operations::StepState) -> Self {
        match state {
            operations::StepState::Waiting => Self::Waiting,
            operations::StepState::Running => Self::Running,
            operations::StepState::Passed => Self::Passed,
            operations::StepState::Failed => Self::Failed,
            operations::StepState::Unmet => Self::NotAsExpected,
            operations::StepState::Stopped => Self::Stopped,
            operations::StepState::Skipped => Self::Skipped,
            operations::StepState::Unknown => Self::OutcomeUnknown,
        }
    }
}

impl From<&operations::Following> for Following {
    fn from(following: &operations::Following) -> Self {
        Self {
            why: match following.why {
                operations::undo::Why::Verify => FollowingWhy::Verify,
                operations::undo::Why::Rollback => FollowingWhy::Rollback,
            },
            procedure: following.procedure.to_string(),
            step: following.step.as_ref().map(ToString::to_string),
            title: following.title.clone(),
            values: following.values.clone(),
        }
    }
}

impl From<operations::Next> for Next {
    fn from(next: operations::Next) -> Self {
        match next {
            operations::Next::Command { step, command } => Self {
                what: What::Press,
                step: Some(step.to_string()),
                command: Some(command.to_string()),
                reason: None,
            },
            operations::Next::Person(Needed { why, step, command, reason }) => Self {
                what: match why {
                    Why::Done => What::Nothing,
                    Why::Closed => What::Closed,
                    Why::Running => What::Wait,
                    Why::Look => What::Look,
                    Why::Judge => What::Judge,
                    Why::Manual => What::Manual,
                    Why::Choice => What::Choose,
                    Why::Destroys => What::ConfirmDestroy,
                    Why::Value => What::ConfirmValues,
                    // Both go on until a person ends them.
                    Why::Follows | Why::Terminal => What::Follow,
                },
                step: step.map(|step| step.to_string()),
                command: command.map(|command| command.to_string()),
                reason: Some(reason),
            },
        }
    }
}
