//! The front door: every use case, with the permission it needs on its first line.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use runbook::{CommandId, Procedure, ProcedureId, Runbook, RunbookId, StepId};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::running::{Prepared, Running};
use crate::{
    Actor, Adapter, AuditEntry, AuditEvent, AuditFilter, AuditPage, AuditTrail, Caller, Chunk, Environment,
    EnvironmentName, Error, EventId, EventKind, Execution, ExecutionId, ExecutionState, Executor, Hit, Library, Limits,
    LiveStatus, Mark, NewRun, Outcome, OutcomeResult, OutputStore, Permission, Place, Run, RunFilter, RunId, RunState,
    RunStore, RunView, Shelf, Snapshot, StepMark, WorkloadRef, live, search, views,
};

/// The most that a pasted result or an edited command may hold, in bytes.
const TEXT_LIMIT: usize = 64 * 1024;
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
}

/// The rooms that [`Operations`] works with.
pub struct OperationsBuilder {
    /// The folder of runbooks.
    pub library: Arc<dyn Library>,
    /// Keeps runs.
    pub runs: Arc<dyn RunStore>,
    /// Keeps the audit trail.
    pub trail: Arc<dyn AuditTrail>,
    /// Keeps output.
    pub outputs: Arc<dyn OutputStore>,
    /// Runs bash.
    pub executor: Arc<dyn Executor>,
    /// Perform calls, one for each tool.
    pub adapters: Vec<Arc<dyn Adapter>>,
    /// Live status of Kubernetes.
    pub live: Arc<dyn LiveStatus>,
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
                trail: self.trail,
                outputs: self.outputs,
                executor: self.executor,
                adapters: self.adapters.into_iter().map(|adapter| (adapter.tool(), adapter)).collect(),
                live: self.live,
                environments: self.environments.into_iter().map(Arc::new).collect(),
                limits: self.limits,
                clock: self.clock,
                in_flight: Mutex::default(),
                changes: Mutex::default(),
                versions: Mutex::default(),
                tasks: TaskTracker::new(),
                shutdown: CancellationToken::new(),
            }),
        }
    }
}

pub(crate) struct Rooms {
    library: Arc<dyn Library>,
    pub(crate) runs: Arc<dyn RunStore>,
    pub(crate) trail: Arc<dyn AuditTrail>,
    pub(crate) outputs: Arc<dyn OutputStore>,
    pub(crate) executor: Arc<dyn Executor>,
    pub(crate) adapters: BTreeMap<&'static str, Arc<dyn Adapter>>,
    live: Arc<dyn LiveStatus>,
    environments: Vec<Arc<Environment>>,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    in_flight: Mutex<HashMap<ExecutionId, CancellationToken>>,
    changes: Mutex<HashMap<RunId, watch::Sender<u64>>>,
    versions: Mutex<HashMap<(RunbookId, String), Arc<Runbook>>>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Rooms {
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Tells everybody who watches the run that there is something new.
    pub(crate) fn changed(&self, run: RunId) {
        let mut changes = locked(&self.changes);
        if let Some(sender) = changes.get(&run) {
            sender.send_modify(|version| *version += 1);
            if sender.receiver_count() == 0 {
                changes.remove(&run);
            }
        }
    }

    pub(crate) fn finished(&self, execution: ExecutionId) {
        locked(&self.in_flight).remove(&execution);
    }
}

/// The portal's use cases. Cheap to clone.
#[derive(Clone)]
pub struct Operations {
    rooms: Arc<Rooms>,
}

impl Operations {
    // ---- reading -------------------------------------------------------------------------------------------------

    /// The runbooks and the files that are not readable.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn shelf(&self, caller: &Caller) -> Result<Arc<Shelf>, Error> {
        permit(caller, Permission::View)?;
        Ok(self.rooms.library.shelf())
    }

    /// One runbook, as the folder holds it now.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`].
    pub fn runbook(&self, caller: &Caller, id: &RunbookId) -> Result<Arc<Runbook>, Error> {
        self.shelf(caller)?.runbook(id).cloned().ok_or(Error::NotFound("This runbook"))
    }

    /// One procedure and its runbook, as the folder holds them now.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`].
    pub fn procedure(
        &self,
        caller: &Caller,
        runbook: &RunbookId,
        procedure: &ProcedureId,
    ) -> Result<(Arc<Runbook>, Arc<Procedure>), Error> {
        let runbook = self.runbook(caller, runbook)?;
        let procedure = runbook.procedure(procedure).cloned().ok_or(Error::NotFound("This procedure"))?;
        Ok((runbook, procedure))
    }

    /// Titles, headings and commands that hold every word of the query; the best first, at most 50.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn search(&self, caller: &Caller, query: &str) -> Result<Vec<Hit>, Error> {
        Ok(search::search(&*self.shelf(caller)?, query))
    }

    /// Where runs may act.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn environments(&self, caller: &Caller) -> Result<&[Arc<Environment>], Error> {
        permit(caller, Permission::View)?;
        Ok(&self.rooms.environments)
    }

    /// Whether anything can be run on this machine.
    ///
    /// # Errors
    /// [`Error::CannotRun`] with the reason.
    pub fn can_run(&self) -> Result<(), Error> {
        self.rooms.executor.available().map_err(Error::CannotRun)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn is_ready(&self) -> Result<(), Error> {
        self.rooms.runs.running().await?;
        Ok(())
    }

    // ---- live status ---------------------------------------------------------------------------------------------

    /// The workloads that a procedure's commands name, each once.
    #[must_use]
    pub fn workloads(&self, procedure: &Procedure, environment: &Environment) -> Vec<WorkloadRef> {
        live::workloads(procedure, environment)
    }

    /// Follows the status of a namespace in an environment.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`].
    pub async fn follow(
        &self,
        caller: &Caller,
        environment: &EnvironmentName,
        namespace: &str,
    ) -> Result<watch::Receiver<Snapshot>, Error> {
        permit(caller, Permission::View)?;
        let environment = self.environment(environment)?;
        let permitted = environment.kubernetes.as_ref().is_some_and(|scope| scope.namespaces.permit(namespace));
        if !permitted {
            return Err(Error::NotFound("This namespace"));
        }
        Ok(self.rooms.live.follow(&environment, namespace).await)
    }

    // ---- runs ----------------------------------------------------------------------------------------------------

    /// Starts a run of a procedure.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::CannotRun`], [`Error::Audit`], [`Error::Store`].
    pub async fn start_run(
        &self,
        caller: &Caller,
        runbook: &RunbookId,
        procedure: &ProcedureId,
        environment: &EnvironmentName,
    ) -> Result<RunId, Error> {
        self.permit(caller, Permission::Run, "start a run").await?;
        self.can_run()?;
        let (runbook, procedure) = self.procedure(caller, runbook, procedure)?;
        let environment = self.environment(environment)?;
        let id = RunId::new();
        let at = self.rooms.now();
        let mut event = AuditEvent::new(at, EventKind::RunStarted, Actor::from(caller), procedure.title.clone());
        event.run = Some(id);
        event.environment = Some(environment.name.clone());
        event.place = Some(Place {
            runbook: runbook.id.clone(),
            hash: runbook.version.hash.clone(),
            commit: runbook.version.commit.clone(),
            procedure: procedure.id.clone(),
            part: None,
        });
        self.rooms.trail.append(&event).await?;
        let run = self
            .rooms
            .runs
            .create(NewRun {
                id,
                runbook: runbook.id.clone(),
                runbook_title: runbook.title.clone(),
                version: runbook.version.clone(),
                text: runbook.text.clone(),
                procedure: procedure.id.clone(),
                procedure_title: procedure.title.clone(),
                environment: environment.name.clone(),
                started_by: signature(caller),
                started_at: at,
            })
            .await?;
        Ok(run.id)
    }

    /// A run with everything its page shows.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Store`].
    pub async fn view_run(&self, caller: &Caller, id: RunId) -> Result<RunView, Error> {
        permit(caller, Permission::View)?;
        let run = self.existing_run(id).await?;
        let procedure = self.procedure_of(&run).await?;
        let executions = self.rooms.runs.executions(id).await?;
        let marks = self.rooms.runs.marks(id).await?;
        let steps = views::steps(&procedure, &executions, &marks);
        let outdated =
            self.rooms.library.shelf().runbook(&run.runbook).is_none_or(|now| now.version.hash != run.version.hash);
        Ok(RunView { environment: self.environment(&run.environment).ok(), run, procedure, steps, outdated })
    }

    /// Runs, newest first.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Store`].
    pub async fn runs(&self, caller: &Caller, filter: &RunFilter) -> Result<Vec<Run>, Error> {
        permit(caller, Permission::View)?;
        Ok(self.rooms.runs.runs(filter).await?)
    }

    /// Tells when there is something new in a run: each change grows the number.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Store`].
    pub async fn watch_run(&self, caller: &Caller, id: RunId) -> Result<watch::Receiver<u64>, Error> {
        permit(caller, Permission::View)?;
        self.existing_run(id).await?;
        Ok(locked(&self.rooms.changes).entry(id).or_insert_with(|| watch::channel(0).0).subscribe())
    }

    /// Presses Run on a command. Returns when the intent is committed; bash runs on in the background.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Invalid`] for missing or bad values, [`Error::Conflict`]
    /// when it runs already, [`Error::CannotRun`], [`Error::Audit`], [`Error::Store`].
    pub async fn press(
        &self,
        caller: &Caller,
        run: RunId,
        command: &CommandId,
        press: Press,
    ) -> Result<ExecutionId, Error> {
        self.permit(caller, Permission::Run, "press Run").await?;
        self.can_run()?;
        let run = self.open_run(run).await?;
        let environment = self.environment(&run.environment)?;
        let procedure = self.procedure_of(&run).await?;
        let (step, command) = procedure.command(command).ok_or(Error::NotFound("This command"))?;
        let edited = press.edited.filter(|text| text.trim() != command.source.trim());
        if let Some(text) = &edited {
            self.permit(caller, Permission::RunEdited, "run an edited command").await?;
            check_length(text)?;
        }
        self.check_alternatives(&run, step, &command.id).await?;
        let prepared = Prepared::new(&run, command, edited, &press.values, &environment)?;
        let execution = Execution {
            id: ExecutionId::new(),
            run: run.id,
            command: command.id.clone(),
            source: prepared.shown.clone(),
            edited: prepared.original.is_some(),
            started_by: signature(caller),
            started_at: self.rooms.now(),
            state: ExecutionState::Running,
            ended_at: None,
            exit_code: None,
            note: None,
            truncated: false,
        };
        let stop = self.rooms.shutdown.child_token();
        locked(&self.rooms.in_flight).insert(execution.id, stop.clone());
        let id = execution.id;
        let running = Running { rooms: self.rooms.clone(), caller: caller.clone(), run, environment, execution, stop };
        match running.begin(command, prepared).await {
            Ok(begun) => {
                self.rooms.tasks.spawn(begun.finish());
                Ok(id)
            }
            Err(error) => {
                self.rooms.finished(id);
                Err(error)
            }
        }
    }

    /// Stops an execution: its whole process tree, and the remote call.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Conflict`] when it has ended, [`Error::Audit`].
    pub async fn stop(&self, caller: &Caller, id: ExecutionId) -> Result<RunId, Error> {
        self.permit(caller, Permission::Stop, "press Stop").await?;
        let execution = self.rooms.runs.execution(id).await?.ok_or(Error::NotFound("This execution"))?;
        let Some(stop) = locked(&self.rooms.in_flight).get(&id).cloned() else {
            return Err(Error::Conflict("This command has ended already.".to_owned()));
        };
        let run = self.existing_run(execution.run).await?;
        let mut event = self.event(caller, EventKind::StopRequested, &run, Some(execution.command.clone()), "Stop");
        event.execution = Some(id);
        self.rooms.trail.append(&event).await?;
        stop.cancel();
        Ok(execution.run)
    }

    /// Says something of a step or command without running it.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Invalid`], [`Error::Conflict`], [`Error::Audit`],
    /// [`Error::Store`].
    pub async fn mark(&self, caller: &Caller, run: RunId, part: &str, mark: Mark) -> Result<(), Error> {
        self.permit(caller, Permission::Run, "mark a step").await?;
        let run = self.open_run(run).await?;
        let procedure = self.procedure_of(&run).await?;
        let known = procedure.step(&StepId::new(part)).is_some() || procedure.command(&CommandId::new(part)).is_some();
        if !known {
            return Err(Error::NotFound("This step"));
        }
        let (summary, text) = match &mark {
            Mark::Done => ("Done", None),
            Mark::ByHand { result } => ("Done by hand", Some(result)),
            Mark::Skipped { reason } if reason.trim().is_empty() => {
                return Err(Error::Invalid("Say why the step is skipped: the next person will ask.".to_owned()));
            }
            Mark::Skipped { reason } => ("Skipped", Some(reason)),
            Mark::Settled { finding, .. } if finding.trim().is_empty() => {
                return Err(Error::Invalid("Say what you found before you settle the outcome.".to_owned()));
            }
            Mark::Settled { passed: true, finding } => ("Settled: it had worked", Some(finding)),
            Mark::Settled { passed: false, finding } => ("Settled: it had not worked", Some(finding)),
        };
        let mut event = self.event(caller, EventKind::StepMarked, &run, Some(CommandId::new(part)), summary);
        if let Some(text) = text {
            check_length(text)?;
            event.argv = vec![command::mask::mask_text(text)];
        }
        self.rooms.trail.append(&event).await?;
        let at = self.rooms.now();
        let mark = StepMark { run: run.id, part: part.to_owned(), mark, by: signature(caller), at };
        self.rooms.runs.mark(&mark).await?;
        self.rooms.changed(run.id);
        Ok(())
    }

    /// Closes a run.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Conflict`] while a command runs, [`Error::Audit`],
    /// [`Error::Store`].
    pub async fn close_run(&self, caller: &Caller, id: RunId, completed: RunState) -> Result<(), Error> {
        self.permit(caller, Permission::Run, "close a run").await?;
        let run = self.open_run(id).await?;
        let executions = self.rooms.runs.executions(id).await?;
        if executions.iter().any(|execution| execution.state == ExecutionState::Running) {
            return Err(Error::Conflict(
                "A command is still running. Stop it or wait for it, then close the run.".to_owned(),
            ));
        }
        if completed == RunState::Open {
            return Err(Error::Invalid("A run is closed as completed or as abandoned.".to_owned()));
        }
        let event = self.event(caller, EventKind::RunEnded, &run, None, completed.word());
        self.rooms.trail.append(&event).await?;
        self.rooms.runs.close(id, completed, self.rooms.now()).await?;
        if let Err(error) = self.rooms.executor.remove_workspace(id).await {
            tracing::warn!(run = %id, %error, "a closed run's workspace stays behind");
        }
        self.rooms.changed(id);
        Ok(())
    }

    // ---- output --------------------------------------------------------------------------------------------------

    /// The output of a run after a cursor, oldest first.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Store`].
    pub async fn output_after(
        &self,
        caller: &Caller,
        run: RunId,
        cursor: i64,
        limit: u32,
    ) -> Result<Vec<Chunk>, Error> {
        permit(caller, Permission::SeeOutput)?;
        Ok(self.rooms.outputs.after(run, cursor, limit).await?)
    }

    /// The greatest cursor of a run's output.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Store`].
    pub async fn output_end(&self, caller: &Caller, run: RunId) -> Result<i64, Error> {
        permit(caller, Permission::SeeOutput)?;
        Ok(self.rooms.outputs.last(run).await?)
    }

    /// The last pieces of an execution's output, oldest first.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Store`].
    pub async fn output_tail(&self, caller: &Caller, execution: ExecutionId, limit: u32) -> Result<Vec<Chunk>, Error> {
        permit(caller, Permission::SeeOutput)?;
        Ok(self.rooms.outputs.tail(execution, limit).await?)
    }

    /// The next pieces of an execution's output after a cursor: for the download.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Store`].
    pub async fn output_of(
        &self,
        caller: &Caller,
        execution: ExecutionId,
        cursor: i64,
        limit: u32,
    ) -> Result<Vec<Chunk>, Error> {
        permit(caller, Permission::SeeOutput)?;
        self.rooms.runs.execution(execution).await?.ok_or(Error::NotFound("This execution"))?;
        Ok(self.rooms.outputs.of_execution(execution, cursor, limit).await?)
    }

    // ---- the trail -----------------------------------------------------------------------------------------------

    /// A page of the audit trail.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Audit`].
    pub async fn audit_page(&self, caller: &Caller, filter: &AuditFilter) -> Result<AuditPage, Error> {
        permit(caller, Permission::ReadAudit)?;
        Ok(self.rooms.trail.page(filter).await?)
    }

    /// One entry of the trail, and the actions below it where it is an execution.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Audit`].
    pub async fn audit_entry(&self, caller: &Caller, id: EventId) -> Result<(AuditEntry, Vec<AuditEntry>), Error> {
        permit(caller, Permission::ReadAudit)?;
        let entry = self.rooms.trail.entry(id).await?.ok_or(Error::NotFound("This event"))?;
        let actions = match (entry.event.kind, entry.event.execution) {
            (EventKind::ExecutionIntent, Some(execution)) => self.rooms.trail.actions_of(execution).await?,
            _ => Vec::new(),
        };
        Ok((entry, actions))
    }

    /// Writes what happened at the door: sign-ins, sign-outs, refusals.
    ///
    /// # Errors
    /// [`Error::Audit`].
    pub async fn record(&self, kind: EventKind, actor: Actor, summary: &str) -> Result<(), Error> {
        Ok(self.rooms.trail.append(&AuditEvent::new(self.rooms.now(), kind, actor, summary)).await?)
    }

    // ---- beginning and end of the process ------------------------------------------------------------------------

    /// Called once at start: whatever was in flight when the portal ended last is *outcome unknown* from now on. It is
    /// never executed again by itself.
    ///
    /// # Errors
    /// [`Error::Audit`], [`Error::Store`].
    pub async fn recover(&self) -> Result<usize, Error> {
        let now = self.rooms.now();
        let mut settled = 0;
        loop {
            let unfinished = self.rooms.trail.unfinished().await?;
            if unfinished.is_empty() {
                break;
            }
            settled += unfinished.len();
            self.call_unknown(&unfinished, now).await?;
        }
        for mut execution in self.rooms.runs.running().await? {
            execution.state = ExecutionState::Unknown;
            execution.ended_at = Some(now);
            execution.note =
                Some("The portal ended while this ran. Look at the target before you run it again.".to_owned());
            self.rooms.runs.end(&execution).await?;
        }
        Ok(settled)
    }

    async fn call_unknown(&self, unfinished: &[AuditEvent], now: Timestamp) -> Result<(), Error> {
        for intent in unfinished {
            let kind = if intent.kind == EventKind::ActionIntent {
                EventKind::ActionOutcome
            } else {
                EventKind::ExecutionOutcome
            };
            let mut event = AuditEvent::new(now, kind, Actor::portal(), "The portal ended before it knew");
            event.completes = Some(intent.id);
            event.parent = intent.parent;
            event.run = intent.run;
            event.execution = intent.execution;
            event.place.clone_from(&intent.place);
            event.environment.clone_from(&intent.environment);
            event.effect = intent.effect;
            event.outcome = Some(Outcome {
                result: OutcomeResult::Unknown,
                exit_code: None,
                duration_ms: now.duration_since(intent.at).as_millis().try_into().unwrap_or(i64::MAX),
                output_digest: None,
                output_bytes: 0,
            });
            self.rooms.trail.append(&event).await?;
        }
        Ok(())
    }

    /// Stops what runs and waits for its outcomes to be written.
    pub async fn shutdown(&self) {
        self.rooms.shutdown.cancel();
        self.rooms.tasks.close();
        self.rooms.tasks.wait().await;
    }

    // ---- parts ---------------------------------------------------------------------------------------------------

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

    async fn existing_run(&self, id: RunId) -> Result<Run, Error> {
        self.rooms.runs.run(id).await?.ok_or(Error::NotFound("This run"))
    }

    async fn open_run(&self, id: RunId) -> Result<Run, Error> {
        let run = self.existing_run(id).await?;
        match run.state {
            RunState::Open => Ok(run),
            closed => Err(Error::Conflict(format!("This run is {}. Start a new one to go on.", closed.word()))),
        }
    }

    /// The procedure of the text that the run was started from, also after the file has changed.
    async fn procedure_of(&self, run: &Run) -> Result<Arc<Procedure>, Error> {
        let key = (run.runbook.clone(), run.version.hash.clone());
        let shelved = self.rooms.library.shelf().runbook(&run.runbook).filter(|now| now.version.hash == key.1).cloned();
        let known = shelved.or_else(|| locked(&self.rooms.versions).get(&key).cloned());
        let runbook = match known {
            Some(runbook) => runbook,
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
                parsed
            }
        };
        runbook.procedure(&run.procedure).cloned().ok_or(Error::NotFound("This procedure"))
    }

    /// Alternatives are never run together.
    async fn check_alternatives(&self, run: &Run, step: &runbook::Step, command: &CommandId) -> Result<(), Error> {
        let runbook::Body::Commands { alternatives: runbook::Alternatives::One, commands } = &step.body else {
            return Ok(());
        };
        let executions = self.rooms.runs.executions(run.id).await?;
        let other = executions.iter().find(|execution| {
            execution.state == ExecutionState::Running
                && &execution.command != command
                && commands.iter().any(|alternative| alternative.id == execution.command)
        });
        match other {
            None => Ok(()),
            Some(other) => Err(Error::Conflict(format!(
                "Another alternative of this step ({}) is running. Stop it or wait for it: alternatives are never run together.",
                other.command
            ))),
        }
    }

    fn event(
        &self,
        caller: &Caller,
        kind: EventKind,
        run: &Run,
        part: Option<CommandId>,
        summary: impl Into<String>,
    ) -> AuditEvent {
        let mut event = AuditEvent::new(self.rooms.now(), kind, Actor::from(caller), summary);
        event.run = Some(run.id);
        event.environment = Some(run.environment.clone());
        event.place = Some(place(run, part));
        event
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

fn check_length(text: &str) -> Result<(), Error> {
    if text.len() > TEXT_LIMIT {
        return Err(Error::Invalid(format!("The text is too long: {} of at most {TEXT_LIMIT} bytes.", text.len())));
    }
    Ok(())
}
