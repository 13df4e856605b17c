//! The front door: every use case, with the permission it needs on its first line.

mod alerts;
mod answers;
mod cards;
mod drafts;
mod incidents;
mod lead;
mod levels;
mod links;
mod messages;
mod once;
mod onward;
mod open;
mod people;
mod post_mortem;
mod presence;
mod reading;
mod runs;
mod statistics;
mod terminals;
mod timeline;
mod together;
mod tokens;
mod trail;
mod undo;
mod values;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use command::{Effect, ParameterKind};
use jiff::Timestamp;
use runbook::{CommandId, Procedure, Runbook, RunbookId};
use tokio::sync::{OwnedMutexGuard, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use alerts::{AlertState, IncomingAlert, Received};
pub use cards::{Card, Cards, Content};
pub use drafts::Draft;
pub use incidents::{Changes, Fitting, IncidentView};
pub use lead::Change;
pub use messages::Outgoing;
pub use once::{OnceKey, Started};
pub use onward::{Needed, Next, Why};
pub use open::WhatIsOpen;
pub use post_mortem::{PostMortem, version};
pub use terminals::Recording;
pub use timeline::{Entry, Lane, Timeline, span, told};
pub use tokens::Tokens;

use uuid::Uuid;

use crate::gauge::Gauges;
use crate::link::Links;
use crate::question::Questions;
use crate::terminal::Terminals;
use crate::{
    Actor, Adapter, AuditTrail, Caller, Channel, Environment, EnvironmentName, Error, EventKind, ExecutionId, Executor,
    IncidentStore, Library, Limits, LiveStatus, Onward, OutputStore, Permission, Place, Run, RunId, RunStore,
    StoreError, Suggester, Suggestion,
};

/// The most that a pasted result or an edited command may hold, in bytes.
const TEXT_LIMIT: usize = 64 * 1024;
/// How many look for a text in the whole trail at once.
const SEARCHES: usize = 2;
/// How many old runbook versions are kept parsed.
const PARSED_VERSIONS: usize = 64;

/// Tells the time; tests give their own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What a person gives with a press of Run. There is no shell text here unless they edited the command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Press {
    /// Values by parameter name.
    pub values: BTreeMap<String, String>,
    /// The edited text, where the person edited it.
    pub edited: Option<String>,
    /// Other values for what the text names itself, by their place in [`command::adjust::adjustable`].
    pub adjusted: BTreeMap<usize, String>,
    /// Whether a command that was run before may run again.
    pub again: Again,
    /// How far it may reach, as the person has said. Without a word an edited text removes nothing that the runbook's own
    /// would not, and no call reaches further than the text shows.
    pub confirmed: Option<Effect>,
}

/// Whether a command that was run before may run again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Again {
    /// Yes: a person has looked at what came of it.
    #[default]
    Allowed,
    /// No: nobody has.
    Refused,
    /// Only where this is the latest execution of the command, or there is none: it is what the person has before them.
    Seen(Option<ExecutionId>),
}

/// The rooms that [`Operations`] works with.
pub struct OperationsBuilder {
    /// The folder of runbooks.
    pub library: Arc<dyn Library>,
    /// Keeps runs.
    pub runs: Arc<dyn RunStore>,
    /// Keeps incidents.
    pub incidents: Arc<dyn IncidentStore>,
    /// Keeps the audit trail.
    pub trail: Arc<dyn AuditTrail>,
    /// Keeps output.
    pub outputs: Arc<dyn OutputStore>,
    /// Keeps who people are.
    pub people: Arc<dyn crate::PersonStore>,
    /// Keeps access tokens.
    pub tokens: Arc<dyn crate::TokenStore>,
    /// Runs bash.
    pub executor: Arc<dyn Executor>,
    /// Perform calls, one for each tool.
    pub adapters: Vec<Arc<dyn Adapter>>,
    /// Live status of Kubernetes.
    pub live: Arc<dyn LiveStatus>,
    /// The portal's own address, where it opens links to what calls reach: `https://runbooks.example.com`.
    pub links: Option<String>,
    /// Know what there is for parameters.
    pub suggesters: Vec<Arc<dyn Suggester>>,
    /// Tell people, in the order of the configuration; no two have the same name.
    pub channels: Vec<Arc<dyn Channel>>,
    /// Where runs may act, in the order of the configuration.
    pub environments: Vec<Environment>,
    /// What an execution may use.
    pub limits: Limits,
    /// The time.
    pub clock: Clock,
}

impl OperationsBuilder {
    /// Puts the rooms together.
    #[must_use]
    pub fn build(self) -> Operations {
        Operations {
            rooms: Arc::new(Rooms {
                library: self.library,
                runs: self.runs,
                incidents: self.incidents,
                channels: self.channels,
                news: watch::channel(0).0,
                trail: self.trail,
                outputs: self.outputs,
                people: self.people,
                tokens: self.tokens,
                making_tokens: tokio::sync::Mutex::default(),
                searching: tokio::sync::Semaphore::new(SEARCHES),
                fresh_tokens: Mutex::default(),
                executor: self.executor,
                adapters: self.adapters.into_iter().map(|adapter| (adapter.tool(), adapter)).collect(),
                live: self.live,
                gauges: Gauges::new(),
                links: Arc::new(Links::new(self.links)),
                terminals: Arc::default(),
                suggesters: self.suggesters,
                suggested: Mutex::default(),
                questions: Mutex::default(),
                onward: Mutex::default(),
                later: Mutex::default(),
                environments: self.environments.into_iter().map(Arc::new).collect(),
                limits: self.limits,
                clock: self.clock,
                in_flight: Mutex::default(),
                turns: Mutex::default(),
                changes: Mutex::default(),
                alerts: tokio::sync::Mutex::default(),
                versions: Mutex::default(),
                tasks: TaskTracker::new(),
                shutdown: CancellationToken::new(),
            }),
        }
    }
}

/// The latest answers of the suggesters, each for some seconds; `None` while they are asked.
type Suggested =
    HashMap<(EnvironmentName, ParameterKind, Option<String>), (Timestamp, watch::Receiver<Option<Vec<Suggestion>>>)>;

pub(crate) struct Rooms {
    pub(crate) library: Arc<dyn Library>,
    pub(crate) runs: Arc<dyn RunStore>,
    pub(crate) incidents: Arc<dyn IncidentStore>,
    pub(crate) channels: Vec<Arc<dyn Channel>>,
    /// Grows with everything that may change what the page of an incident shows.
    pub(crate) news: watch::Sender<u64>,
    pub(crate) trail: Arc<dyn AuditTrail>,
    pub(crate) outputs: Arc<dyn OutputStore>,
    people: Arc<dyn crate::PersonStore>,
    tokens: Arc<dyn crate::TokenStore>,
    /// Held while one is made, and while what is known of its owner changes.
    making_tokens: tokio::sync::Mutex<()>,
    fresh_tokens: Mutex<tokens::Fresh>,
    pub(crate) executor: Arc<dyn Executor>,
    pub(crate) adapters: BTreeMap<&'static str, Arc<dyn Adapter>>,
    live: Arc<dyn LiveStatus>,
    pub(crate) gauges: Gauges,
    pub(crate) links: Arc<Links>,
    pub(crate) terminals: Arc<Terminals>,
    suggesters: Vec<Arc<dyn Suggester>>,
    suggested: Mutex<Suggested>,
    pub(crate) questions: Mutex<Questions>,
    onward: Mutex<HashMap<RunId, Onward>>,
    later: Mutex<undo::Later>,
    environments: Vec<Arc<Environment>>,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    in_flight: Mutex<HashMap<ExecutionId, runs::InFlight>>,
    turns: Mutex<HashMap<Uuid, Arc<tokio::sync::Mutex<()>>>>,
    changes: Mutex<HashMap<RunId, watch::Sender<u64>>>,
    /// How many may look for a text in the whole trail at once: it is read row by row, and others read there, too.
    searching: tokio::sync::Semaphore,
    /// Held while alerts are taken.
    alerts: tokio::sync::Mutex<()>,
    versions: Mutex<HashMap<(RunbookId, String), Arc<Runbook>>>,
    pub(crate) tasks: TaskTracker,
    pub(crate) shutdown: CancellationToken,
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Rooms {
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Tells everybody who watches the run that there is something new.
    pub(crate) fn changed(&self, run: RunId) {
        self.news.send_modify(|version| *version += 1);
        let mut changes = locked(&self.changes);
        if let Some(sender) = changes.get(&run) {
            sender.send_modify(|version| *version += 1);
            if sender.receiver_count() == 0 {
                changes.remove(&run);
            }
        }
    }

    /// Waits until nobody else changes this run.
    pub(crate) async fn turn(&self, run: RunId) -> OwnedMutexGuard<()> {
        self.turn_of(run.0).await
    }

    /// Waits until nobody else changes this run or incident.
    pub(crate) async fn turn_of(&self, run: Uuid) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = locked(&self.turns);
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            turns.entry(run).or_default().clone()
        };
        turn.lock_owned().await
    }
}

/// The portal's use cases. Cheap to clone.
#[derive(Clone)]
pub struct Operations {
    rooms: Arc<Rooms>,
}

impl Operations {
    /// Runs a use case to its end even where whoever asked for it has left.
    async fn whole<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let done = self.rooms.tasks.spawn(work).await;
        done.unwrap_or_else(|error| Err(Error::Store(StoreError { operation: "a use case", source: error.into() })))
    }

    /// The permission check of what changes something: a refusal goes to the trail.
    async fn permit(&self, caller: &Caller, permission: Permission, what: &str) -> Result<(), Error> {
        let refused = permit(caller, permission);
        if refused.is_err() {
            let summary = format!("Refused to {what}: {} may not {}", caller.person.role.word(), permission.phrase());
            self.record(EventKind::AccessRefused, Actor::from(caller), &summary).await?;
        }
        refused
    }

    fn environment(&self, name: &EnvironmentName) -> Result<Arc<Environment>, Error> {
        self.rooms
            .environments
            .iter()
            .find(|environment| &environment.name == name)
            .cloned()
            .ok_or(Error::NotFound("This environment"))
    }

    /// The procedure of the text that the run was started from, also after the file has changed.
    async fn procedure_of(&self, run: &Run) -> Result<Arc<Procedure>, Error> {
        let runbook = self.runbook_of(run).await?;
        runbook.procedure(&run.procedure).cloned().ok_or(Error::NotFound("This procedure"))
    }

    /// The text that the run was started from, also after the file has changed.
    async fn runbook_of(&self, run: &Run) -> Result<Arc<Runbook>, Error> {
        let key = (run.runbook.clone(), run.version.hash.clone());
        let shelved = self.rooms.library.shelf().runbook(&run.runbook).filter(|now| now.version.hash == key.1).cloned();
        let known = shelved.or_else(|| locked(&self.rooms.versions).get(&key).cloned());
        match known {
            Some(runbook) => Ok(runbook),
            None => {
                let text = self.rooms.runs.text(&key.1).await?.ok_or(Error::NotFound("The text of this run"))?;
                let parsed = runbook::parse(run.runbook.clone(), &text, run.version.commit.clone())
                    .map_err(|error| Error::Invalid(error.to_string()))?;
                let parsed = Arc::new(parsed);
                let mut versions = locked(&self.rooms.versions);
                if versions.len() >= PARSED_VERSIONS {
                    versions.clear();
                }
                versions.insert(key, parsed.clone());
                Ok(parsed)
            }
        }
    }
}

pub(crate) fn place(run: &Run, part: Option<CommandId>) -> Place {
    Place {
        runbook: run.runbook.clone(),
        hash: run.version.hash.clone(),
        commit: run.version.commit.clone(),
        procedure: run.procedure.clone(),
        part,
    }
}

fn permit(caller: &Caller, permission: Permission) -> Result<(), Error> {
    if caller.person.role.permits(permission) { Ok(()) } else { Err(Error::Forbidden(permission)) }
}

fn signature(caller: &Caller) -> (String, String) {
    (caller.person.subject.clone(), caller.person.name.clone())
}

/// Who a caller is as a person, also where they act through a token of theirs: who leads, whose a step is.
fn oneself(caller: &Caller) -> (String, String) {
    (caller.person.subject.clone(), crate::token::owner_name(&caller.person.name).to_owned())
}

fn check_length(text: &str) -> Result<(), Error> {
    if text.len() > TEXT_LIMIT {
        return Err(Error::Invalid(format!("The text is too long: {} of at most {TEXT_LIMIT} bytes.", text.len())));
    }
    Ok(())
}
