//! Taking back what an execution changed, with every check of a press.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use runbook::Language;

use super::runs::Ready;
use super::together::is_alone;
use super::{Operations, locked, permit};
use crate::prepared::Prepared;
use crate::undo::{Undo, is_taken_back, last_change, of, of_latest, since};
use crate::{
    AuditEntry, AuditError, Caller, Environment, EnvironmentName, Error, Execution, ExecutionId, ExecutionState,
    LaterChange, Permission, Run, RunId, RunState, RunView,
};

/// For how many places in the trail it is kept what was changed after them.
const KEPT: usize = 16;

/// What was changed in an environment behind a place of its trail, and the last place of the trail when that was read.
pub(super) type Later = HashMap<(EnvironmentName, i64), (i64, Arc<[LaterChange]>)>;

impl Operations {
    /// Takes back what an execution changed: presses, for the same command, the text of [`Operations::undo_of`]. The portal
    /// words it itself, so it needs no more than a press does.
    ///
    /// # Errors
    /// As [`Operations::press`]; [`Error::Conflict`] too while the execution runs and where it has been taken back already,
    /// [`Error::Invalid`] where nothing is known that could be brought back.
    pub async fn undo(&self, caller: &Caller, run: RunId, execution: ExecutionId) -> Result<ExecutionId, Error> {
        let (this, caller) = (self.clone(), caller.clone());
        self.whole(async move { this.undo_whole(&caller, run, execution).await }).await
    }

    async fn undo_whole(&self, caller: &Caller, run: RunId, execution: ExecutionId) -> Result<ExecutionId, Error> {
        self.permit(caller, Permission::Run, "roll back").await?;
        self.can_run()?;
        let _turn = self.rooms.turn(run).await;
        let run = self.open_run(run).await?;
        let environment = self.environment(&run.environment)?;
        let procedure = self.procedure_of(&run).await?;
        self.settle_lost(run.id).await?;
        let executions = self.rooms.runs.executions(run.id).await?;
        let execution = executions.iter().find(|one| one.id == execution).ok_or(Error::NotFound("This execution"))?;
        if execution.state == ExecutionState::Running {
            return Err(Error::Conflict("It is still running. Stop it or wait for it, then roll it back.".to_owned()));
        }
        if is_taken_back(execution.id, &executions) {
            return Err(Error::Conflict("This was rolled back already: look at what came of it.".to_owned()));
        }
        let undo =
            of(execution, &executions, &self.changes_of(run.id).await, &environment.policy).ok_or_else(|| {
                Error::Invalid(
                "The portal does not know what was there before, so it has nothing to roll back with. Look for what \
                 the runbook has for this."
                    .to_owned(),
            )
            })?;
        let (step, command) = procedure.command(&execution.command).ok_or(Error::NotFound("This command"))?;
        if command.language != Language::Bash {
            return Err(Error::Invalid("SQL is not rolled back by the portal.".to_owned()));
        }
        self.forget_onward(run.id);
        is_alone(step, &self.step_to_do(caller, &run, &step.id).await?, &command.id)?;
        let mut prepared = Prepared::new(&run, command, Some(undo.text), &BTreeMap::new(), &environment)?;
        // What the runbook expects, it expects of its own text.
        prepared.expected.clear();
        let ready =
            Ready { run, environment, procedure: procedure.clone(), prepared, undoes: Some(undo.of), confirmed: None };
        self.set_off(caller, command, ready).await
    }

    /// What takes an execution back: the exact text that will run. `None` while it runs, where it changed nothing that the
    /// portal knows how to bring back, where it has been taken back, and in a run that is closed.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Store`].
    pub async fn undo_of(&self, caller: &Caller, execution: ExecutionId) -> Result<Option<Undo>, Error> {
        permit(caller, Permission::View)?;
        let execution = self.rooms.runs.execution(execution).await?.ok_or(Error::NotFound("This execution"))?;
        let run = self.existing_run(execution.run).await?;
        let Ok(environment) = self.environment(&run.environment) else { return Ok(None) };
        if run.state != RunState::Open {
            return Ok(None);
        }
        let executions = self.rooms.runs.executions(run.id).await?;
        let changes = self.changes_of(run.id).await;
        // What is so long ago that it is not among them is not rolled back any more: see [`Self::undo`].
        let found = executions.iter().find(|one| one.id == execution.id);
        let undo = found.and_then(|execution| of(execution, &executions, &changes, &environment.policy));
        let Some(mut undo) = undo else { return Ok(None) };
        self.tell_since(&run, &executions, &changes, vec![&mut undo]).await;
        if !caller.person.role.permits(Permission::SeeOutput) {
            undo.without_calls();
        }
        Ok(Some(undo))
    }

    /// Says of every command what takes its latest execution back; to those who may do so, what was done since.
    pub(super) async fn offer_undos(
        &self,
        caller: &Caller,
        environment: &Environment,
        view: &mut RunView,
        executions: &[Execution],
        changes: &[AuditEntry],
    ) {
        let mut undos = Vec::new();
        for command in view.steps.iter_mut().flat_map(|step| &mut step.commands) {
            let latest = command.execution.as_ref();
            command.undo = latest.and_then(|one| of_latest(one, executions, changes, &environment.policy));
            undos.extend(command.undo.as_mut());
        }
        if caller.person.role.permits(Permission::Run) {
            self.tell_since(&view.run, executions, changes, undos).await;
        }
    }

    /// Says of each what was done to the same things since, in any run. Where the trail cannot be read, much may have been.
    async fn tell_since(&self, run: &Run, executions: &[Execution], changes: &[AuditEntry], undos: Vec<&mut Undo>) {
        let Some(first) = undos.iter().filter_map(|undo| last_change(undo.of, changes)).min() else { return };
        let (later, much) = match self.later(&run.environment, first).await {
            Ok(later) => {
                let much = later.len() >= LaterChange::MOST;
                (later, much)
            }
            Err(error) => {
                tracing::warn!(run = %run.id, error = &error as &dyn std::error::Error, "what changed since could not be read");
                (Arc::default(), true)
            }
        };
        for undo in undos {
            (undo.since, undo.more_since) = since(undo.of, executions, changes, &later);
            undo.much_since = much;
        }
    }

    /// What was changed in an environment behind a place in its trail. Everybody who looks asks for it in every round, so it
    /// is read again only where the trail has grown.
    async fn later(&self, environment: &EnvironmentName, first: i64) -> Result<Arc<[LaterChange]>, AuditError> {
        let last = self.rooms.trail.last_place(environment).await?;
        if last <= first {
            return Ok(Arc::default());
        }
        let key = (environment.clone(), first);
        if let Some((until, known)) = locked(&self.rooms.later).get(&key)
            && *until == last
        {
            return Ok(known.clone());
        }
        let later: Arc<[LaterChange]> = self.rooms.trail.changes_after(environment, first).await?.into();
        let mut known = locked(&self.rooms.later);
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(key, (last, later.clone()));
        Ok(later)
    }

    /// What of a run's changes can be changed back. A trail that cannot be read offers nothing.
    pub(super) async fn changes_of(&self, run: RunId) -> Vec<AuditEntry> {
        self.rooms.trail.changes_of(run).await.unwrap_or_else(|error| {
            tracing::warn!(%run, error = &error as &dyn std::error::Error, "what a run changed could not be read");
            Vec::new()
        })
    }
}
