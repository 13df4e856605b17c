//! Runs: start, press, stop, mark, close, and what they printed.
//!
//! What changes something runs to its end even where the request is dropped meanwhile (a reload, a closed tab): each of
//! these use cases is a task of its own. Those of one run take turns, so that what one has checked still holds when it
//! acts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use runbook::{CommandId, Language, Procedure, ProcedureId, RunbookId, StepId};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use command::Effect;

use super::together::{is_alone, is_the_way, not_somebody_elses};
use super::{Again, Operations, Press, check_length, locked, permit, place, signature, values};
use crate::prepared::Prepared;
use crate::running::Running;
use crate::running::edited_effect;
use crate::{
    Actor, AuditEvent, Caller, Chunk, Environment, EnvironmentName, Error, EventKind, Execution, ExecutionId,
    ExecutionState, IncidentId, Mark, NewRun, Permission, Run, RunFilter, RunId, RunState, RunView, StepMark,
    StepState, undo, views,
};

/// What the page says of an execution that nobody runs any more.
pub(super) const LOST: &str = "The portal ended while this ran. Look at the target before you run it again.";

/// What is about to run, every check passed.
pub(super) struct Ready {
    pub(super) run: Run,
    pub(super) environment: Arc<Environment>,
    pub(super) procedure: Arc<Procedure>,
    pub(super) prepared: Prepared,
    /// The execution that it takes back.
    pub(super) undoes: Option<ExecutionId>,
    /// How far whoever pressed has said that it may reach, beyond what it shows.
    pub(super) confirmed: Option<Effect>,
}

/// How the trail calls what somebody carried out elsewhere: what they pasted is output.
const BY_HAND: &str = "Done by hand";
/// What the trail calls a step that was left out.
pub(super) const SKIPPED: &str = "Skipped";

impl Operations {
    /// Starts a run of a procedure. `given` is what is known of its parameters already, by name.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Invalid`] for a value of the wrong shape, [`Error::CannotRun`], [`Error::Audit`], [`Error::Store`].
    pub async fn start_run(
        &self,
        caller: &Caller,
        runbook: &RunbookId,
        procedure: &ProcedureId,
        environment: &EnvironmentName,
        given: BTreeMap<String, String>,
    ) -> Result<RunId, Error> {
        let (this, caller) = (self.clone(), caller.clone());
        let (runbook, procedure, environment) = (runbook.clone(), procedure.clone(), environment.clone());
        self.whole(
            async move { this.start(&caller, RunId::new(), (&runbook, &procedure), &environment, given, None).await },
        )
        .await
    }

    pub(super) async fn start(
        &self,
        caller: &Caller,
        id: RunId,
        (runbook, procedure): (&RunbookId, &ProcedureId),
        environment: &EnvironmentName,
        given: BTreeMap<String, String>,
        incident: Option<IncidentId>,
    ) -> Result<RunId, Error> {
        self.permit(caller, Permission::Run, "start a run").await?;
        self.can_run()?;
        let (runbook, procedure) = self.procedure(caller, runbook, procedure)?;
        let given = values::wanted(&procedure, given)?;
        let environment = self.environment(environment)?;
        let new = NewRun {
            id,
            runbook: runbook.id.clone(),
            runbook_title: runbook.title.clone(),
            version: runbook.version.clone(),
            text: runbook.text.clone(),
            procedure: procedure.id.clone(),
            procedure_title: procedure.title.clone(),
            environment: environment.name.clone(),
            started_by: signature(caller),
            started_at: self.rooms.now(),
            given,
            incident,
        };
        let mut event =
            AuditEvent::new(new.started_at, EventKind::RunStarted, Actor::from(caller), procedure.title.clone());
        event.run = Some(new.id);
        event.incident = incident;
        event.environment = Some(environment.name.clone());
        event.place = Some(crate::Place {
            runbook: runbook.id.clone(),
            hash: runbook.version.hash.clone(),
            commit: runbook.version.commit.clone(),
            procedure: procedure.id.clone(),
            part: None,
        });
        self.rooms.trail.append(&event).await?;
        Ok(self.rooms.runs.create(new).await?.id)
    }

    /// A run with where its steps stand, for lists and for what is about to be done to it. What its page alone shows is not
    /// read for that: notes, ways back, recordings, what follows.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Store`].
    pub async fn view_run(&self, caller: &Caller, id: RunId) -> Result<RunView, Error> {
        permit(caller, Permission::View)?;
        let run = self.existing_run(id).await?;
        let executions = self.rooms.runs.executions(id).await?;
        let mut view = self.standing(run, &executions, Vec::new()).await?;
        if !caller.person.role.permits(Permission::SeeOutput) {
            views::without_output(&mut view.steps);
        }
        Ok(view)
    }

    /// A run with everything its page shows.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Store`].
    pub async fn run_page(&self, caller: &Caller, id: RunId) -> Result<RunView, Error> {
        permit(caller, Permission::View)?;
        let run = self.existing_run(id).await?;
        let executions = self.rooms.runs.executions(id).await?;
        let notes = self.rooms.runs.notes(id).await?;
        let mut view = self.standing(run, &executions, notes).await?;
        let recorded = self.rooms.outputs.recorded(id).await?;
        for command in view.steps.iter_mut().flat_map(|step| &mut step.commands) {
            command.recorded = command.execution.as_ref().is_some_and(|one| recorded.contains(&one.id));
        }
        let changes = self.changes_of(id).await;
        if let Some(environment) = view.environment.clone().filter(|_| view.run.state == RunState::Open) {
            self.offer_undos(caller, &environment, &mut view, &executions, &changes).await;
        }
        if !caller.person.role.permits(Permission::SeeOutput) {
            views::without_output(&mut view.steps);
        }
        let now = self.rooms.library.shelf().runbook(&view.run.runbook).cloned();
        view.following = undo::verifying(&view.procedure, &view.steps).into_iter().collect();
        view.following.extend(now.iter().flat_map(|now| undo::following(now, &view.run, &executions, &changes)));
        Ok(view)
    }

    /// Where a run's steps stand. With output: whoever gives it to somebody looks at what they may see.
    async fn standing(&self, run: Run, executions: &[Execution], notes: Vec<StepMark>) -> Result<RunView, Error> {
        let procedure = self.procedure_of(&run).await?;
        let marks = self.rooms.runs.marks(run.id).await?;
        let incident = match run.incident {
            Some(incident) => self.rooms.incidents.incident(incident).await?,
            None => None,
        };
        let mut steps = views::steps(&procedure, executions, &marks, &notes);
        {
            let questions = locked(&self.rooms.questions);
            for command in steps.iter_mut().flat_map(|step| &mut step.commands) {
                command.question = command.execution.as_ref().and_then(|execution| questions.of(execution.id));
                command.links = command.execution.as_ref().map(|one| self.rooms.links.of(one.id)).unwrap_or_default();
                command.terminal = command.execution.as_ref().and_then(|one| self.rooms.terminals.of(one.id));
            }
        }
        let outdated =
            self.rooms.library.shelf().runbook(&run.runbook).is_none_or(|now| now.version.hash != run.version.hash);
        let onward = locked(&self.rooms.onward).get(&run.id).cloned();
        let notes = notes.into_iter().filter(|note| note.part == super::together::WHOLE).collect();
        let environment = self.environment(&run.environment).ok();
        Ok(RunView { environment, run, procedure, steps, outdated, onward, notes, incident, following: Vec::new() })
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
        let mut changes = locked(&self.rooms.changes);
        changes.retain(|_, sender| sender.receiver_count() > 0);
        Ok(changes.entry(id).or_insert_with(|| watch::channel(0).0).subscribe())
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
        let (this, caller, command) = (self.clone(), caller.clone(), command.clone());
        self.whole(async move { this.press_whole(&caller, run, &command, press).await }).await
    }

    async fn press_whole(
        &self,
        caller: &Caller,
        run: RunId,
        command: &CommandId,
        press: Press,
    ) -> Result<ExecutionId, Error> {
        self.permit(caller, Permission::Run, "press Run").await?;
        self.can_run()?;
        let _turn = self.rooms.turn(run).await;
        let run = self.open_run(run).await?;
        let environment = self.environment(&run.environment)?;
        let procedure = self.procedure_of(&run).await?;
        let (step, command) = procedure.command(command).ok_or(Error::NotFound("This command"))?;
        self.may_run_again(caller, &run, &command.id, press.again).await?;
        self.forget_onward(run.id);
        let edited = press.edited.filter(|text| text.trim() != command.source.trim());
        if let Some(text) = &edited {
            self.permit(caller, Permission::RunEdited, "run an edited command").await?;
            check_length(text)?;
            let asked = environment.policy.effect_of(command);
            if edited_effect(command, text, &environment.policy) == Effect::Destroy
                && asked.max(press.confirmed.unwrap_or(asked)) < Effect::Destroy
            {
                return Err(Error::Invalid(
                    "What you typed removes something, or interrupts service. If that is meant, tick “It may remove something” \
                     below the text and press again. Nothing has run."
                        .to_owned(),
                ));
            }
        }
        let edited = match adjusted(command, &press.adjusted, &environment.policy)? {
            Some(_) if edited.is_some() => {
                return Err(Error::Invalid(
                    "The text is edited and values are adjusted: do one of the two, and leave the other as it was."
                        .to_owned(),
                ));
            }
            Some(text) => Some(text),
            None => edited,
        };
        self.settle_lost(run.id).await?;
        let view = self.step_to_do(caller, &run, &step.id).await?;
        is_alone(step, &view, &command.id)?;
        is_the_way(&view, &command.id)?;
        let prepared = Prepared::new(&run, command, edited, &press.values, &environment)?;
        self.settle_choice(caller, &run, step, &view, command).await?;
        // Another text in the place of what was confirmed may reach as far.
        let shown = environment.policy.effect_of(command);
        let confirmed = press.confirmed.max(prepared.original.is_some().then_some(shown));
        let ready = Ready { run, environment, procedure: procedure.clone(), prepared, undoes: None, confirmed };
        self.set_off(caller, command, ready).await
    }

    /// Refuses what somebody else has run while whoever presses looked at something older. Whoever calls has the run's turn.
    async fn may_run_again(&self, caller: &Caller, run: &Run, command: &CommandId, again: Again) -> Result<(), Error> {
        if again == Again::Allowed {
            return Ok(());
        }
        let executions = self.rooms.runs.executions(run.id).await?;
        let latest = executions.iter().rev().find(|execution| execution.command == *command);
        match (again, latest) {
            (Again::Refused, Some(_)) => {
                Err(Error::Conflict(format!("Somebody has run {command} meanwhile: look at it first.")))
            }
            // What runs just now is refused as such.
            (Again::Seen(seen), Some(latest)) if seen != Some(latest.id) && !self.rooms.is_in_flight(latest.id) => {
                let own = latest.started_by.0 == caller.person.subject;
                let who = if own { "You" } else { latest.started_by.1.as_str() };
                let did = if latest.undoes.is_some() { "rolled this back" } else { "ran this" };
                let ago = super::span(self.rooms.now().duration_since(latest.started_at));
                Err(Error::Conflict(format!(
                    "{who} {did} {ago} ago: look at what it did, then press again. Nothing has run now."
                )))
            }
            _ => Ok(()),
        }
    }

    /// Begins what has passed every check. Whoever calls has the run's turn.
    pub(super) async fn set_off(
        &self,
        caller: &Caller,
        command: &runbook::Command,
        ready: Ready,
    ) -> Result<ExecutionId, Error> {
        let Ready { run, environment, procedure, prepared, undoes, confirmed } = ready;
        let execution = Execution {
            id: ExecutionId::new(),
            run: run.id,
            command: command.id.clone(),
            // The runbook's own text is known to everybody; what a person types may hold what only they should know.
            source: match prepared.original {
                Some(_) => command::mask::mask_text(&prepared.shown),
                None => prepared.shown.clone(),
            },
            edited: prepared.original.is_some(),
            started_by: signature(caller),
            started_at: self.rooms.now(),
            state: ExecutionState::Running,
            ended_at: None,
            exit_code: None,
            note: None,
            truncated: false,
            findings: Vec::new(),
            undoes,
        };
        let (id, run_id) = (execution.id, run.id);
        if self.rooms.are_in_flight() >= self.rooms.limits.executions {
            return Err(Error::Conflict(format!(
                "{} commands are running, as many as this portal runs at once. Wait for one of them, or stop one.",
                self.rooms.limits.executions
            )));
        }
        let stop = self.rooms.shutdown.child_token();
        let place = self.rooms.enter(id, stop.clone());
        let kept = prepared.kept.clone();
        let (rooms, caller) = (self.rooms.clone(), caller.clone());
        let running = Running { rooms, caller, run, procedure, environment, execution, stop, confirmed };
        let given = running.run.given.clone();
        let begun = running.begin(command, prepared).await?;
        self.remember(run_id, given, kept).await;
        self.rooms.tasks.spawn(async move {
            let _place = place;
            begun.finish().await;
        });
        Ok(id)
    }

    /// Stops an execution: its whole process tree, and the remote call.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Conflict`] when it has ended, [`Error::Audit`].
    pub async fn stop(&self, caller: &Caller, id: ExecutionId) -> Result<RunId, Error> {
        let (this, caller) = (self.clone(), caller.clone());
        self.whole(async move { this.stop_whole(&caller, id).await }).await
    }

    async fn stop_whole(&self, caller: &Caller, id: ExecutionId) -> Result<RunId, Error> {
        self.permit(caller, Permission::Stop, "press Stop").await?;
        let execution = self.rooms.runs.execution(id).await?.ok_or(Error::NotFound("This execution"))?;
        if !self.rooms.is_in_flight(id) {
            self.settle_lost(execution.run).await?;
            return Err(Error::Conflict("This command has ended already.".to_owned()));
        }
        let run = self.existing_run(execution.run).await?;
        let mut event = self.event(caller, EventKind::StopRequested, &run, Some(execution.command.clone()), "Stop");
        event.execution = Some(id);
        self.rooms.trail.append(&event).await?;
        self.rooms.stop(id, &caller.person.name);
        Ok(execution.run)
    }

    /// Says something of a step or command without running it. What is pasted is kept with its secrets masked.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Invalid`], [`Error::Conflict`] while the command runs,
    /// [`Error::Audit`], [`Error::Store`].
    pub async fn mark(&self, caller: &Caller, run: RunId, part: &str, mark: Mark) -> Result<(), Error> {
        let (this, caller, part) = (self.clone(), caller.clone(), part.to_owned());
        self.whole(async move { this.mark_whole(&caller, run, &part, mark).await }).await
    }

    async fn mark_whole(&self, caller: &Caller, run: RunId, part: &str, mark: Mark) -> Result<(), Error> {
        self.permit(caller, Permission::Run, "mark a step").await?;
        let mark = checked(mark)?;
        let _turn = self.rooms.turn(run).await;
        let run = self.open_run(run).await?;
        self.may_mark(caller, &run, part, &mark).await?;
        self.put_mark(caller, &run, part, mark).await
    }

    /// Whether a mark may be put on a part just now. Whoever calls has the run's turn.
    pub(super) async fn may_mark(&self, caller: &Caller, run: &Run, part: &str, mark: &Mark) -> Result<(), Error> {
        self.settle_lost(run.id).await?;
        self.forget_onward(run.id);
        let view = self.view_run(caller, run.id).await?;
        let state = state_of(&view, part).ok_or(Error::NotFound("This step"))?;
        let step = view
            .steps
            .iter()
            .find(|step| step.id.as_str() == part || step.commands.iter().any(|command| command.id.as_str() == part));
        step.map_or(Ok(()), |step| not_somebody_elses(caller, step))?;
        match (mark, state) {
            (_, StepState::Running) => {
                Err(Error::Conflict("It is running. Stop it or wait for it, then say what became of it.".to_owned()))
            }
            (Mark::Settled { .. }, state) if state != StepState::Unknown => {
                Err(Error::Conflict("Its outcome is known: there is nothing to settle.".to_owned()))
            }
            (Mark::Judged { .. }, state) if !matches!(state, StepState::Passed | StepState::Unmet) => {
                Err(Error::Conflict("There is no result to judge: run the command first.".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Writes a mark, first to the trail. Whoever calls has the run's turn and has asked [`Self::may_mark`].
    pub(super) async fn put_mark(&self, caller: &Caller, run: &Run, part: &str, mark: Mark) -> Result<(), Error> {
        let (summary, text) = words(&mark);
        let procedure = self.procedure_of(run).await?;
        let title = match procedure.step(&StepId::new(part)) {
            Some(step) => Some(step.title.clone()),
            None => procedure.command(&CommandId::new(part)).map(|(_, command)| crate::running::title(command)),
        };
        let title = title.map(|title| command::mask::mask_script(&title)).filter(|title| !title.is_empty());
        let summary = title.map_or_else(|| summary.to_owned(), |title| format!("{summary}: {title}"));
        let mut event = self.event(caller, EventKind::StepMarked, run, Some(CommandId::new(part)), summary);
        event.argv = text.into_iter().cloned().collect();
        self.rooms.trail.append(&event).await?;
        let (by, at) = (signature(caller), self.rooms.now());
        self.rooms.runs.mark(&StepMark { run: run.id, part: part.to_owned(), mark, by, at }).await?;
        self.rooms.changed(run.id);
        Ok(())
    }

    /// Closes a run.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Conflict`] while a command runs, [`Error::Audit`],
    /// [`Error::Store`].
    pub async fn close_run(&self, caller: &Caller, id: RunId, state: RunState) -> Result<(), Error> {
        let (this, caller) = (self.clone(), caller.clone());
        self.whole(async move { this.close(&caller, id, state).await }).await
    }

    async fn close(&self, caller: &Caller, id: RunId, state: RunState) -> Result<(), Error> {
        self.permit(caller, Permission::Run, "close a run").await?;
        if state == RunState::Open {
            return Err(Error::Invalid("A run is closed as completed or as abandoned.".to_owned()));
        }
        let _turn = self.rooms.turn(id).await;
        let run = self.open_run(id).await?;
        self.settle_lost(id).await?;
        let executions = self.rooms.runs.executions(id).await?;
        if executions.iter().any(|execution| execution.state == ExecutionState::Running) {
            return Err(Error::Conflict(
                "A command is still running. Stop it or wait for it, then close the run.".to_owned(),
            ));
        }
        let event = self.event(caller, EventKind::RunEnded, &run, None, state.word());
        self.rooms.trail.append(&event).await?;
        self.rooms.runs.close(id, state, self.rooms.now()).await?;
        // What programs printed and a script exported may be secret, and nobody needs it any more.
        if let Err(error) = self.rooms.runs.carry(id, &BTreeMap::new()).await {
            tracing::warn!(run = %id, error = &error as &dyn std::error::Error, "a closed run's variables stay behind");
        }
        if let Err(error) = self.rooms.executor.remove_workspace(id).await {
            tracing::warn!(run = %id, %error, "a closed run's workspace stays behind");
        }
        self.rooms.changed(id);
        Ok(())
    }

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

    pub(super) async fn existing_run(&self, id: RunId) -> Result<Run, Error> {
        self.rooms.runs.run(id).await?.ok_or(Error::NotFound("This run"))
    }

    pub(super) async fn open_run(&self, id: RunId) -> Result<Run, Error> {
        let run = self.existing_run(id).await?;
        match run.state {
            RunState::Open => Ok(run),
            closed => Err(Error::Conflict(format!("This run is {}. Start a new one to go on.", closed.word()))),
        }
    }

    /// Executions that are kept as running and that no task of this process runs: their outcome is unknown.
    pub(super) async fn settle_lost(&self, run: RunId) -> Result<(), Error> {
        let executions = self.rooms.runs.executions(run).await?;
        let lost = |execution: &Execution| {
            execution.state == ExecutionState::Running && !self.rooms.is_in_flight(execution.id)
        };
        for mut execution in executions.into_iter().filter(lost) {
            execution.state = ExecutionState::Unknown;
            execution.ended_at = Some(self.rooms.now());
            execution.note = Some(LOST.to_owned());
            self.rooms.runs.end(&execution).await?;
            self.rooms.changed(run);
        }
        Ok(())
    }

    pub(super) fn event(
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

/// The mark with its words checked, and secrets in them masked.
fn checked(mark: Mark) -> Result<Mark, Error> {
    let text = |text: String, ask: &str| {
        check_length(&text)?;
        if text.trim().is_empty() && !ask.is_empty() {
            Err(Error::Invalid(ask.to_owned()))
        } else {
            Ok(command::mask::mask_text(&text))
        }
    };
    Ok(match mark {
        Mark::Done => Mark::Done,
        Mark::Judged { met } => Mark::Judged { met },
        Mark::ByHand { result } => Mark::ByHand { result: text(result, "")? },
        Mark::Skipped { reason } => {
            Mark::Skipped { reason: text(reason, "Say why the step is skipped: the next person will ask.")? }
        }
        Mark::Settled { passed, finding } => {
            Mark::Settled { passed, finding: text(finding, "Say what you found before you settle the outcome.")? }
        }
        Mark::Chosen | Mark::Claimed { .. } | Mark::Released | Mark::Noted { .. } => {
            return Err(Error::Invalid("Claims, choices and notes are no marks of how far a step is.".to_owned()));
        }
    })
}

fn words(mark: &Mark) -> (&'static str, Option<&String>) {
    match mark {
        Mark::Done => ("Done", None),
        Mark::ByHand { result } => (BY_HAND, Some(result)),
        Mark::Skipped { reason } => (SKIPPED, Some(reason)),
        Mark::Settled { passed: true, finding } => ("Settled: it had worked", Some(finding)),
        Mark::Settled { passed: false, finding } => ("Settled: it had not worked", Some(finding)),
        Mark::Judged { met: true } => ("As expected", None),
        Mark::Judged { met: false } => ("Not as expected", None),
        Mark::Chosen => ("Chosen", None),
        Mark::Claimed { .. } => ("Claimed", None),
        Mark::Released => ("Given back", None),
        Mark::Noted { text, .. } => ("Note", Some(text)),
    }
}

/// The state of a step or command.
fn state_of(view: &RunView, part: &str) -> Option<StepState> {
    let command = view.steps.iter().flat_map(|step| &step.commands).find(|command| command.id.as_str() == part);
    let step = view.steps.iter().find(|step| step.id == StepId::new(part));
    command.map(|command| command.state).or_else(|| step.map(|step| step.state))
}

/// An execution that a task of this process runs.
pub(super) struct InFlight {
    stop: CancellationToken,
    stopped_by: Option<String>,
}

/// An execution's place among those in flight; it is left when the task ends, however it ends.
pub(crate) struct Seat {
    rooms: std::sync::Arc<super::Rooms>,
    id: ExecutionId,
}

impl Drop for Seat {
    fn drop(&mut self) {
        locked(&self.rooms.in_flight).remove(&self.id);
    }
}

impl super::Rooms {
    fn enter(self: &std::sync::Arc<Self>, id: ExecutionId, stop: CancellationToken) -> Seat {
        locked(&self.in_flight).insert(id, InFlight { stop, stopped_by: None });
        Seat { rooms: self.clone(), id }
    }

    fn are_in_flight(&self) -> usize {
        locked(&self.in_flight).len()
    }

    fn is_in_flight(&self, id: ExecutionId) -> bool {
        locked(&self.in_flight).contains_key(&id)
    }

    /// Ends an execution for a person. Where several press Stop, the first one ended it.
    fn stop(&self, id: ExecutionId, name: &str) {
        if let Some(execution) = locked(&self.in_flight).get_mut(&id) {
            execution.stopped_by.get_or_insert_with(|| name.to_owned());
            execution.stop.cancel();
        }
    }

    /// Who pressed Stop on an execution in flight, by name.
    pub(crate) fn stopped_by(&self, id: ExecutionId) -> Option<String> {
        locked(&self.in_flight).get(&id).and_then(|execution| execution.stopped_by.clone())
    }

    /// Keeps how an execution ended. A database that is busy or full for a moment is asked again; what it never takes
    /// is *outcome unknown* for the next person who looks.
    pub(crate) async fn keep_end(&self, execution: &Execution) {
        for pause in [0, 200, 1_000, 5_000] {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            match self.runs.end(execution).await {
                Ok(()) => return,
                Err(error) => {
                    tracing::error!(execution = %execution.id, error = &error as &dyn std::error::Error, "an execution's end could not be kept");
                }
            }
        }
    }
}

/// A command's text with adjusted values; `None` where none differs. None of its calls may reach further than the one
/// that whoever pressed Run has read, and what removes something removes the same.
fn adjusted(
    command: &runbook::Command,
    changes: &BTreeMap<usize, String>,
    policy: &crate::Policy,
) -> Result<Option<String>, Error> {
    if changes.is_empty() || command.language != Language::Bash {
        return Ok(None);
    }
    let text = command::adjust::adjusted(&command.source, changes).map_err(Error::Invalid)?;
    if text == command.source {
        return Ok(None);
    }
    let reading = |text: &str| command::Script::parse(text).reading();
    let (before, after) = (reading(&command.source), reading(&text));
    let pairs = before.actions.iter().zip(&after.actions);
    let further =
        pairs.clone().find(|(before, after)| policy.effect(after) > policy.effect(before)).map(|(_, after)| after);
    if let Some(action) = further {
        return Err(Error::Invalid(format!(
            "With these values `{} {}` is a command to {}, and the runbook's is not. Edit the text instead, or ask \
             somebody who may.",
            action.tool, action.verb, action.effect
        )));
    }
    let removes = |action: &command::Action| policy.effect(action) == command::Effect::Destroy;
    let elsewhere = pairs.clone().any(|(before, after)| removes(after) && before.targets != after.targets);
    if elsewhere || before.actions.len() != after.actions.len() || after.effect > before.effect {
        return Err(Error::Invalid(
            "With these values the command removes or interrupts something else than the runbook says. Edit the text \
             instead, or ask somebody who may."
                .to_owned(),
        ));
    }
    Ok(Some(text))
}
