//! The audit trail: rows that never change.
//!
//! An intent is written and committed before its effect, its outcome after it, as a row of its own that names the
//! intent. An intent without an outcome is in flight, or the portal ended before it knew: the sweeper then writes an
//! outcome that says *unknown*.

use std::fmt;
use std::net::IpAddr;

use async_trait::async_trait;
use command::{Effect, Target};
use jiff::Timestamp;
use runbook::{CommandId, ProcedureId, RunbookId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Caller, EnvironmentName, ExecutionId, IncidentId, RunId};

/// Names an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub Uuid);

impl EventId {
    /// A new one, ordered by time.
    #[must_use]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }
}

impl Default for EventId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// Somebody signed in.
    SignedIn,
    /// Somebody signed out.
    SignedOut,
    /// A sign-in was refused.
    SignInRefused,
    /// Somebody asked for what their role does not permit.
    AccessRefused,
    /// A run began.
    RunStarted,
    /// A run was closed.
    RunEnded,
    /// A step was ticked, skipped, or recorded as done by hand.
    StepMarked,
    /// Somebody pressed Run; written before bash starts.
    ExecutionIntent,
    /// Bash ended; names its intent.
    ExecutionOutcome,
    /// Somebody pressed Stop.
    StopRequested,
    /// A brokered call is about to be performed, or was refused.
    ActionIntent,
    /// A brokered call ended; names its intent.
    ActionOutcome,
    /// A monitoring system told of an alert.
    AlertFired,
    /// It told that an alert is over.
    AlertCleared,
    /// An incident began.
    IncidentOpened,
    /// Somebody took an incident on.
    IncidentAcknowledged,
    /// Nobody suffers from it any more.
    IncidentMitigated,
    /// It is over.
    IncidentResolved,
    /// It was not over.
    IncidentReopened,
    /// Its title, severity, environment or what is affected was changed.
    IncidentChanged,
    /// Somebody leads it from now on.
    CommandTaken,
    /// Somebody else leads it from now on, and was told how it stands.
    CommandHandedOver,
    /// Somebody said how it stands.
    StatusUpdated,
    /// Somebody means to do a step.
    StepClaimed,
    /// A step is somebody else's from now on, or nobody's.
    StepHandedOver,
    /// Of several ways one was chosen.
    ChoiceMade,
    /// Something to remember.
    NoteWritten,
    /// A message is about to be sent to people.
    MessageIntent,
    /// It arrived, or did not; names its intent.
    MessageOutcome,
    /// A post-mortem was kept, shared, or shared no more.
    PostMortemWritten,
    /// Somebody made an access token.
    TokenMade,
    /// Somebody ended an access token.
    TokenRevoked,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 32] = [
        Self::SignedIn,
        Self::SignedOut,
        Self::SignInRefused,
        Self::AccessRefused,
        Self::RunStarted,
        Self::RunEnded,
        Self::StepMarked,
        Self::ExecutionIntent,
        Self::ExecutionOutcome,
        Self::StopRequested,
        Self::ActionIntent,
        Self::ActionOutcome,
        Self::AlertFired,
        Self::AlertCleared,
        Self::IncidentOpened,
        Self::IncidentAcknowledged,
        Self::IncidentMitigated,
        Self::IncidentResolved,
        Self::IncidentReopened,
        Self::IncidentChanged,
        Self::CommandTaken,
        Self::CommandHandedOver,
        Self::StatusUpdated,
        Self::StepClaimed,
        Self::StepHandedOver,
        Self::ChoiceMade,
        Self::NoteWritten,
        Self::MessageIntent,
        Self::MessageOutcome,
        Self::PostMortemWritten,
        Self::TokenMade,
        Self::TokenRevoked,
    ];

    /// The word in the database and in addresses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::SignedIn => "signed-in",
            Self::SignedOut => "signed-out",
            Self::SignInRefused => "sign-in-refused",
            Self::AccessRefused => "access-refused",
            Self::RunStarted => "run-started",
            Self::RunEnded => "run-ended",
            Self::StepMarked => "step-marked",
            Self::ExecutionIntent => "execution-intent",
            Self::ExecutionOutcome => "execution-outcome",
            Self::StopRequested => "stop-requested",
            Self::ActionIntent => "action-intent",
            Self::ActionOutcome => "action-outcome",
            Self::AlertFired => "alert-fired",
            Self::AlertCleared => "alert-cleared",
            Self::IncidentOpened => "incident-opened",
            Self::IncidentAcknowledged => "incident-acknowledged",
            Self::IncidentMitigated => "incident-mitigated",
            Self::IncidentResolved => "incident-resolved",
            Self::IncidentReopened => "incident-reopened",
            Self::IncidentChanged => "incident-changed",
            Self::CommandTaken => "command-taken",
            Self::CommandHandedOver => "command-handed-over",
            Self::StatusUpdated => "status-updated",
            Self::StepClaimed => "step-claimed",
            Self::StepHandedOver => "step-handed-over",
            Self::ChoiceMade => "choice-made",
            Self::NoteWritten => "note-written",
            Self::MessageIntent => "message-intent",
            Self::MessageOutcome => "message-outcome",
            Self::PostMortemWritten => "post-mortem-written",
            Self::TokenMade => "token-made",
            Self::TokenRevoked => "token-revoked",
        }
    }

    /// The inverse of [`EventKind::word`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Whether a row of this kind only completes another one.
    #[must_use]
    pub fn is_outcome(self) -> bool {
        matches!(self, Self::ExecutionOutcome | Self::ActionOutcome | Self::MessageOutcome)
    }
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The provider's identifier; `token:NAME:ID` of a service token, `alerts:NAME` of a monitoring system, `portal` for what
    /// the portal itself wrote. Nobody signs in under such a name ([`crate::is_reserved`]).
    pub subject: String,
    /// The name at that time.
    pub name: String,
    /// The address the request came from.
    pub address: Option<IpAddr>,
}

/// How the subject of a monitoring system begins.
const MONITORING: &str = "alerts:";

impl Actor {
    /// The portal itself: its sweeper.
    #[must_use]
    pub fn portal() -> Self {
        Self { subject: "portal".to_owned(), name: "Runbook Portal".to_owned(), address: None }
    }

    /// A monitoring system that the configuration names: `alertmanager`.
    #[must_use]
    pub fn monitoring(source: &str) -> Self {
        let name = match source {
            "alertmanager" => "Alertmanager",
            "pagerduty" => "PagerDuty",
            other => other,
        };
        Self { subject: format!("{MONITORING}{source}"), name: name.to_owned(), address: None }
    }

    /// Whether it is a monitoring system.
    #[must_use]
    pub fn is_monitoring(&self) -> bool {
        self.subject.starts_with(MONITORING)
    }

    /// Whether it is no person: a monitoring system, or the portal itself.
    #[must_use]
    pub fn is_system(&self) -> bool {
        self.is_monitoring() || self.subject == "portal"
    }
}

impl From<&Caller> for Actor {
    fn from(caller: &Caller) -> Self {
        Self { subject: caller.person.subject.clone(), name: caller.person.name.clone(), address: caller.address }
    }
}

/// Where in which runbook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The runbook.
    pub runbook: RunbookId,
    /// The text's hash.
    pub hash: String,
    /// The text's commit.
    pub commit: Option<String>,
    /// The procedure.
    pub procedure: ProcedureId,
    /// The command or step within it.
    pub part: Option<CommandId>,
}

/// What the policy said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It may happen.
    Allowed,
    /// It may not: by policy.
    Denied,
    /// It may not: its arguments, or the program, are not accepted by anybody here.
    Refused,
}

/// A verdict and the rule that gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What was decided.
    pub verdict: Verdict,
    /// By which rule, in words.
    pub rule: String,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeResult {
    /// Exit code 0.
    Passed,
    /// Another exit code, or a signal.
    Failed,
    /// Stopped by somebody.
    Stopped,
    /// Its time was over.
    Expired,
    /// Never performed: refused.
    Refused,
    /// The portal ended before it knew.
    Unknown,
}

impl OutcomeResult {
    /// The lower-case word on pages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Expired => "timed out",
            Self::Refused => "not run",
            Self::Unknown => "outcome unknown",
        }
    }
}

/// What an outcome row adds to its intent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// How it ended.
    pub result: OutcomeResult,
    /// The exit code, where there is one.
    pub exit_code: Option<i32>,
    /// From intent to end, in milliseconds.
    pub duration_ms: i64,
    /// SHA-256 over what was printed (stdout and stderr as they came), lower-case hex.
    pub output_digest: Option<String>,
    /// How many bytes were printed.
    pub output_bytes: i64,
}

/// One row of the trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// Names it.
    pub id: EventId,
    /// When, by the portal's clock; microseconds are kept.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
    /// Who.
    pub actor: Actor,
    /// The intent that an outcome completes.
    pub completes: Option<EventId>,
    /// The execution intent that an action belongs to, or nothing.
    pub parent: Option<EventId>,
    /// The incident, where it is of the incident itself; that of a run is known by its run.
    pub incident: Option<IncidentId>,
    /// The run.
    pub run: Option<RunId>,
    /// The execution.
    pub execution: Option<ExecutionId>,
    /// Where in which runbook.
    pub place: Option<Place>,
    /// In which environment.
    pub environment: Option<EnvironmentName>,
    /// One line for people: the command's title, `rollout restart`, a reason.
    pub summary: String,
    /// The arguments of a brokered call, secrets masked; the script of an execution as its only element.
    pub argv: Vec<String>,
    /// For an edited command: the text as the runbook has it.
    pub original: Option<String>,
    /// On the intent of an action that can be changed back: the calls that bring back what was there before it.
    pub undo: Vec<Vec<String>>,
    /// What the call acts on.
    pub targets: Vec<Target>,
    /// How far it reaches.
    pub effect: Option<Effect>,
    /// What the policy said.
    pub decision: Option<Decision>,
    /// How it ended; on outcome rows only.
    pub outcome: Option<Outcome>,
}

impl AuditEvent {
    /// An event with its mandatory parts; the rest is filled by the caller.
    #[must_use]
    pub fn new(at: Timestamp, kind: EventKind, actor: Actor, summary: impl Into<String>) -> Self {
        Self {
            id: EventId::new(),
            at,
            kind,
            actor,
            completes: None,
            parent: None,
            incident: None,
            run: None,
            execution: None,
            place: None,
            environment: None,
            summary: summary.into(),
            argv: Vec::new(),
            original: None,
            undo: Vec::new(),
            targets: Vec::new(),
            effect: None,
            decision: None,
            outcome: None,
        }
    }
}

/// An event, with what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its place in the trail, growing.
    pub sequence: i64,
    /// The event.
    pub event: AuditEvent,
    /// The row that completes it, for intents that have ended.
    pub completion: Option<AuditEvent>,
}

/// What somebody changed in an environment, as far as it is told to whoever is about to roll something back there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaterChange {
    /// Its place in the trail.
    pub sequence: i64,
    /// The execution that did it.
    pub execution: Option<ExecutionId>,
    /// Who pressed.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What it was: `rollout restart`.
    pub verb: String,
    /// The call, its secrets masked.
    pub call: Vec<String>,
    /// What it was done to.
    pub targets: Vec<Target>,
    /// Whether it was refused, so that nothing was done.
    pub refused: bool,
}

impl LaterChange {
    /// How many are looked through.
    pub const MOST: usize = 500;
}

/// What to show of the trail. Empty fields select everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Part of the person's name, or their whole subject.
    pub person: Option<String>,
    /// A runbook.
    pub runbook: Option<RunbookId>,
    /// An environment.
    pub environment: Option<EnvironmentName>,
    /// At least this effect.
    pub effect: Option<Effect>,
    /// A run.
    pub run: Option<RunId>,
    /// An incident, and every run of it.
    pub incident: Option<IncidentId>,
    /// From this time on.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
    /// Text within summary, arguments or targets; case does not count.
    pub text: Option<String>,
    /// Only events before this place in the trail: the next page.
    pub before: Option<i64>,
    /// How many at most; 0 means 100.
    pub limit: u32,
}

/// One page of the trail, newest first. Outcome rows are not listed by themselves: they complete their intents.
#[derive(Clone, Debug, Default)]
pub struct AuditPage {
    /// The entries.
    pub entries: Vec<AuditEntry>,
    /// How many the filter selects in all, `before` aside.
    pub total: i64,
    /// `before` of the next page, where there is one.
    pub next: Option<i64>,
}

/// The trail could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("audit trail: {operation}")]
pub struct AuditError {
    /// What was tried.
    pub operation: &'static str,
    /// Why it failed; for the log only.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Writes and reads the trail.
#[async_trait]
pub trait AuditTrail: Send + Sync {
    /// Appends an event and returns when it is committed.
    async fn append(&self, event: &AuditEvent) -> Result<(), AuditError>;

    /// A page of the trail.
    async fn page(&self, filter: &AuditFilter) -> Result<AuditPage, AuditError>;

    /// One entry.
    async fn entry(&self, id: EventId) -> Result<Option<AuditEntry>, AuditError>;

    /// Intents without outcome, oldest first, at most 1000: what the sweeper looks at when the portal starts.
    async fn unfinished(&self) -> Result<Vec<AuditEvent>, AuditError>;

    /// The intents of actions of one execution, in the order they were written.
    async fn actions_of(&self, execution: ExecutionId) -> Result<Vec<AuditEntry>, AuditError>;

    /// The intents of a run's actions that can be changed back, in the order they were written; the latest 1000.
    async fn changes_of(&self, run: RunId) -> Result<Vec<AuditEntry>, AuditError>;

    /// What was changed in an environment behind this place in the trail, in all runs, in the order it was written; the
    /// newest [`LaterChange::MOST`].
    async fn changes_after(&self, environment: &EnvironmentName, place: i64) -> Result<Vec<LaterChange>, AuditError>;

    /// The last place in the trail of anything in an environment, intents and outcomes; 0 where there is nothing.
    async fn last_place(&self, environment: &EnvironmentName) -> Result<i64, AuditError>;

    /// The entries of a page of the trail, newest first, and `before` of the next page, without counting them all.
    async fn entries(&self, filter: &AuditFilter) -> Result<(Vec<AuditEntry>, Option<i64>), AuditError> {
        let page = self.page(filter).await?;
        Ok((page.entries, page.next))
    }
}
