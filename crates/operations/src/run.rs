//! Runs, their steps and executions, and the port that keeps them.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use command::expectation::Finding;
use jiff::Timestamp;
use runbook::{CommandId, Procedure, ProcedureId, RunbookId, StepId, Version};
use serde::{Deserialize, Serialize};

use crate::statistics::PastRun;
use crate::undo::{Following, Undo};
use crate::{Asked, AttachmentId, Environment, EnvironmentName, Incident, IncidentId};
use crate::{LinkView, TerminalView};

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub ::uuid::Uuid);

        impl $name {
            /// A new one, ordered by time.
            #[must_use]
            #[expect(clippy::new_without_default, reason = "an id is made on purpose, never by default")]
            pub fn new() -> Self {
                Self(::uuid::Uuid::now_v7())
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = ::uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

pub(crate) use uuid_id;

uuid_id!(
    /// Names a run.
    RunId
);
uuid_id!(
    /// Names an execution.
    ExecutionId
);

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// People work on it.
    Open,
    /// Closed: what it was for is done.
    Completed,
    /// Closed without that.
    Abandoned,
}

impl RunState {
    /// The word in the database and on pages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Completed => "completed",
            Self::Abandoned => "abandoned",
        }
    }

    /// The inverse of [`RunState::word`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Open, Self::Completed, Self::Abandoned].into_iter().find(|state| state.word() == word)
    }
}

/// One guided passage through a procedure in one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Names it.
    pub id: RunId,
    /// A short number for people: `run 1182`.
    pub number: i64,
    /// The runbook.
    pub runbook: RunbookId,
    /// Its title at that time.
    pub runbook_title: String,
    /// The text it runs.
    pub version: Version,
    /// The procedure.
    pub procedure: ProcedureId,
    /// Its title at that time.
    pub procedure_title: String,
    /// Where it acts.
    pub environment: EnvironmentName,
    /// Who started it (subject and name).
    pub started_by: (String, String),
    /// When.
    pub started_at: Timestamp,
    /// Where it stands.
    pub state: RunState,
    /// When it was closed.
    pub ended_at: Option<Timestamp>,
    /// Variables that its executions exported, for the next ones.
    pub variables: BTreeMap<String, String>,
    /// What people gave for its parameters, by name: each is asked for once. Secret ones are never here.
    pub given: BTreeMap<String, String>,
    /// The incident that it belongs to.
    pub incident: Option<IncidentId>,
}

/// What a new run is made of. The store gives the number.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// Names it.
    pub id: RunId,
    /// The runbook.
    pub runbook: RunbookId,
    /// Its title.
    pub runbook_title: String,
    /// The text it runs.
    pub version: Version,
    /// The text itself, kept once for each hash, so that the run outlives the next edit of the file.
    pub text: Arc<[u8]>,
    /// The procedure.
    pub procedure: ProcedureId,
    /// Its title.
    pub procedure_title: String,
    /// Where it acts.
    pub environment: EnvironmentName,
    /// Who starts it (subject and name).
    pub started_by: (String, String),
    /// When.
    pub started_at: Timestamp,
    /// What is known of its parameters from the start: from a link, or an alert.
    pub given: BTreeMap<String, String>,
    /// The incident that it belongs to.
    pub incident: Option<IncidentId>,
}

/// Where an execution stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExecutionState {
    /// Bash runs.
    Running,
    /// Exit code 0.
    Passed,
    /// Another exit code, a signal, or it never started.
    Failed,
    /// Stopped by somebody.
    Stopped,
    /// Its time was over.
    Expired,
    /// The portal ended before it knew.
    Unknown,
}

impl ExecutionState {
    const ALL: [Self; 6] = [Self::Running, Self::Passed, Self::Failed, Self::Stopped, Self::Expired, Self::Unknown];

    /// The word in the database.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Expired => "expired",
            Self::Unknown => "unknown",
        }
    }

    /// The inverse of [`ExecutionState::word`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// One press of Run on a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// Names it.
    pub id: ExecutionId,
    /// The run.
    pub run: RunId,
    /// The command.
    pub command: CommandId,
    /// The bash text that ran.
    pub source: String,
    /// Whether the text was edited first.
    pub edited: bool,
    /// Who pressed (subject and name).
    pub started_by: (String, String),
    /// When.
    pub started_at: Timestamp,
    /// Where it stands.
    pub state: ExecutionState,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Its exit code.
    pub exit_code: Option<i32>,
    /// Why it never started or was cut, in words for the page.
    pub note: Option<String>,
    /// Whether its output went over the limit and was cut.
    pub truncated: bool,
    /// What the runbook expects of it, and whether that is so.
    pub findings: Vec<Finding>,
    /// The execution that it takes back; its text is then the portal's own.
    pub undoes: Option<ExecutionId>,
}

impl Execution {
    /// The note of an execution of which a call was refused because it reached further than was shown.
    pub(crate) const TOO_FAR: &str = "A call of it reaches further than was shown, and was refused. If that is meant, say so \
                                      at the command and press again.";

    /// Whether a call of it was refused because it reached further than was shown.
    #[must_use]
    pub fn reached_too_far(&self) -> bool {
        self.note.as_deref() == Some(Self::TOO_FAR)
    }
}

/// What a person says of a step without running it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mark", rename_all = "kebab-case")]
pub enum Mark {
    /// A manual step is done.
    Done,
    /// It was carried out elsewhere, with what came of it.
    ByHand {
        /// The pasted result; at most 64 KiB.
        result: String,
    },
    /// It is left out.
    Skipped {
        /// Why.
        reason: String,
    },
    /// An outcome that nobody knew has been looked at and is taken as this.
    Settled {
        /// Whether it had worked.
        passed: bool,
        /// What was found.
        finding: String,
    },
    /// What the runbook expects of a command, and nobody but a person can tell.
    Judged {
        /// Whether it is as expected.
        met: bool,
    },
    /// Of several ways the person chose this one; it is not carried out yet.
    Chosen,
    /// Somebody means to do it: the others leave it alone.
    Claimed {
        /// Whose it is now (subject and name).
        by: (String, String),
    },
    /// Nobody means to do it any more.
    Released,
    /// Something to remember, said of a step or, for the part `run`, of the whole.
    Noted {
        /// What; at most [`StepMark::NOTE`] bytes.
        text: String,
        /// A picture or text beside it: its id, name and media type.
        attachment: Option<(AttachmentId, String, String)>,
    },
}

/// A mark, by whom and when. `part` is a step's or a command's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepMark {
    /// The run.
    pub run: RunId,
    /// The step (`3`) or command (`4b`).
    pub part: String,
    /// What was said.
    pub mark: Mark,
    /// Who (subject and name).
    pub by: (String, String),
    /// When.
    pub at: Timestamp,
}

impl StepMark {
    /// How long a note may be, in bytes: what is longer is a file beside it.
    pub const NOTE: usize = 4 * 1024;
    /// How many notes a run keeps.
    pub const NOTES: usize = 500;
    /// How long they may be together, in bytes: every look at the run's page reads them.
    pub const ALL_NOTES: usize = 512 * 1024;
}

/// What a step shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepState {
    /// Not begun, or rolled back.
    Waiting,
    /// A command runs.
    Running,
    /// Done and well.
    Passed,
    /// A command failed.
    Failed,
    /// Every command worked, and what came of one is not what the runbook expects.
    Unmet,
    /// A command was stopped or its time was over.
    Stopped,
    /// Left out.
    Skipped,
    /// The portal ended before it knew.
    Unknown,
}

impl StepState {
    /// The word on pages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Unmet => "not as expected",
            Self::Stopped => "stopped",
            Self::Skipped => "skipped",
            Self::Unknown => "outcome unknown",
        }
    }
}

/// A command of a run, with what became of it.
#[derive(Clone, Debug)]
pub struct CommandView {
    /// The command's id.
    pub id: CommandId,
    /// What to show.
    pub state: StepState,
    /// The latest execution.
    pub execution: Option<Execution>,
    /// How many there were.
    pub executions: usize,
    /// The latest mark, where it is newer than the latest execution.
    pub mark: Option<StepMark>,
    /// What its running execution asks of people.
    pub question: Option<Arc<Asked>>,
    /// The links that its running execution has open.
    pub links: Vec<LinkView>,
    /// The terminal that its running execution has open.
    pub terminal: Option<TerminalView>,
    /// Whether its latest execution had a terminal, so that there is a recording: for the page alone.
    pub recorded: bool,
    /// What takes its latest execution back: for the page alone.
    pub undo: Option<Undo>,
}

/// A step of a run, with what became of it.
#[derive(Clone, Debug)]
pub struct StepView {
    /// The step's id.
    pub id: StepId,
    /// What to show.
    pub state: StepState,
    /// The latest mark of the step itself.
    pub mark: Option<StepMark>,
    /// Who means to do it.
    pub claim: Option<Claim>,
    /// Of several ways, the one that somebody chose last.
    pub chosen: Option<CommandId>,
    /// What people said of it, oldest first: for the page alone.
    pub notes: Vec<StepMark>,
    /// Its commands.
    pub commands: Vec<CommandView>,
}

/// A step that somebody means to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Whose it is (subject and name).
    pub by: (String, String),
    /// Since when.
    pub at: Timestamp,
}

/// A run as lists and its page show it. Only [`crate::Operations::run_page`] fills in what the page alone shows.
#[derive(Clone, Debug)]
pub struct RunView {
    /// The run.
    pub run: Run,
    /// The procedure, of the version that the run was started from.
    pub procedure: Arc<Procedure>,
    /// Where it acts; `None` when the configuration no longer has it: then it can only be read.
    pub environment: Option<Arc<Environment>>,
    /// The steps, in the procedure's order.
    pub steps: Vec<StepView>,
    /// Whether the file has changed since the run began.
    pub outdated: bool,
    /// Whether somebody lets its commands run one after the other, or why that came to an end.
    pub onward: Option<Onward>,
    /// What people said of the whole, oldest first: for the page alone.
    pub notes: Vec<StepMark>,
    /// The incident that it belongs to.
    pub incident: Option<Incident>,
    /// What verifies it and what takes it back: a step of its own, and what the runbook has as it is now. For the page
    /// alone.
    pub following: Vec<Following>,
}

/// A run whose commands run one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Onward {
    /// Who asked for it.
    pub by: String,
    /// Since when it goes on, or has stopped.
    pub at: Timestamp,
    /// Why it has stopped; `None` while it goes on.
    pub stopped: Option<String>,
}

impl RunView {
    /// The first step that is neither passed nor skipped.
    #[must_use]
    pub fn next_step(&self) -> Option<&StepView> {
        self.steps.iter().find(|step| !matches!(step.state, StepState::Passed | StepState::Skipped))
    }
}

/// Which runs to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    /// Only open ones.
    pub open: bool,
    /// Of this runbook.
    pub runbook: Option<RunbookId>,
    /// Of this procedure.
    pub procedure: Option<ProcedureId>,
    /// Started by this subject.
    pub started_by: Option<String>,
    /// Of this incident.
    pub incident: Option<IncidentId>,
    /// Only runs of a smaller number: the next page.
    pub before: Option<i64>,
    /// How many at most; 0 means 50.
    pub limit: u32,
}

/// The database failed.
#[derive(Debug, thiserror::Error)]
#[error("store: {operation}")]
pub struct StoreError {
    /// What was tried.
    pub operation: &'static str,
    /// Why it failed; for the log only.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Keeps runs.
#[async_trait]
pub trait RunStore: Send + Sync {
    /// Keeps a new run and the text it runs; returns it with its number.
    async fn create(&self, run: NewRun) -> Result<Run, StoreError>;

    /// One run.
    async fn run(&self, id: RunId) -> Result<Option<Run>, StoreError>;

    /// Several, newest first.
    async fn runs(&self, filter: &RunFilter) -> Result<Vec<Run>, StoreError>;

    /// The text of a version that a run was started from.
    async fn text(&self, hash: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Closes an open run; `false` where it was closed already.
    async fn close(&self, id: RunId, state: RunState, at: Timestamp) -> Result<bool, StoreError>;

    /// Replaces the carried variables.
    async fn carry(&self, id: RunId, variables: &BTreeMap<String, String>) -> Result<(), StoreError>;

    /// Replaces the values that people gave.
    async fn give(&self, id: RunId, given: &BTreeMap<String, String>) -> Result<(), StoreError>;

    /// Keeps a new execution, unless one of the same run and command is running: then `false`, and nothing is kept.
    /// A unique index decides, so that two presses at the same instant start it once.
    async fn begin(&self, execution: &Execution) -> Result<bool, StoreError>;

    /// Writes how an execution ended: state, end, exit code, note, truncated, findings. Only a running one changes.
    async fn end(&self, execution: &Execution) -> Result<(), StoreError>;

    /// One execution.
    async fn execution(&self, id: ExecutionId) -> Result<Option<Execution>, StoreError>;

    /// The latest 1000 executions of a run, oldest first. Of more the latest of every command is there too, with what it
    /// takes back and what else has tried to: where a step stands does not depend on how much was run since.
    async fn executions(&self, run: RunId) -> Result<Vec<Execution>, StoreError>;

    /// Executions that are marked as running, of all runs.
    async fn running(&self) -> Result<Vec<Execution>, StoreError>;

    /// Keeps a mark.
    async fn mark(&self, mark: &StepMark) -> Result<(), StoreError>;

    /// Keeps a procedure at hand for a person (their subject), or changes nothing where it is.
    async fn pin(
        &self,
        subject: &str,
        runbook: &RunbookId,
        procedure: &ProcedureId,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Keeps it at hand no more.
    async fn unpin(&self, subject: &str, runbook: &RunbookId, procedure: &ProcedureId) -> Result<(), StoreError>;

    /// What a person keeps at hand, latest first, at most 50.
    async fn pins(&self, subject: &str) -> Result<Vec<(RunbookId, ProcedureId)>, StoreError>;

    /// What decides where the steps of a run stand: the latest mark of every kind of every part, oldest first, however
    /// many there are. Notes decide nothing and are not among them.
    async fn marks(&self, run: RunId) -> Result<Vec<StepMark>, StoreError>;

    /// The notes of a run, oldest first: of more than [`StepMark::NOTES`], or of more than twice
    /// [`StepMark::ALL_NOTES`], the newest.
    async fn notes(&self, run: RunId) -> Result<Vec<StepMark>, StoreError>;

    /// The newest runs that fit, newest first, each with what became of it: for statistics. What those do not look at may
    /// be left out: notes, what people wrote with a mark, texts that nobody edited, and edited ones of more than 4096
    /// characters (empty then). Of more than the store reads at once the oldest runs are left out, never a part of one.
    async fn past(&self, filter: &RunFilter) -> Result<Vec<PastRun>, StoreError> {
        let mut past = Vec::new();
        for run in self.runs(filter).await? {
            let (executions, marks) = (self.executions(run.id).await?, self.marks(run.id).await?);
            past.push(PastRun { run, executions, marks });
        }
        Ok(past)
    }
}
