//! Who looks at a terminal, who types at it, and who sees its recording.

use super::{Operations, permit};
use crate::terminal::May;
use crate::{Attached, Caller, Error, Execution, ExecutionId, IncidentId, Permission, Run, RunId};

/// What a terminal printed, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// The command, and what it was for.
    pub title: String,
    /// The execution that had the terminal.
    pub execution: Execution,
}

impl Operations {
    /// Attaches somebody's browser to a terminal from where it has seen `seen` bytes of it. Whoever pressed Run types; others
    /// who see the output look on.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`] where the terminal has ended.
    pub async fn attach_terminal(&self, caller: &Caller, id: &str, seen: u64) -> Result<Attached, Error> {
        self.permit(caller, Permission::SeeOutput, "look at a terminal").await?;
        let may = if caller.person.role.permits(Permission::Terminal) { May::Write } else { May::Look };
        self.rooms.terminals.attach(id, &caller.person, may, seen).ok_or(Error::NotFound("This terminal"))
    }

    /// What a recording is called: the command, and what it was for. Only an execution that had a terminal has one.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Store`].
    pub async fn recording(&self, caller: &Caller, execution: ExecutionId) -> Result<String, Error> {
        permit(caller, Permission::SeeOutput)?;
        let known = self.rooms.runs.execution(execution).await?.ok_or(Error::NotFound("This execution"))?;
        if !self.rooms.outputs.recorded(known.run).await?.contains(&execution) {
            return Err(Error::NotFound("This recording"));
        }
        let run = self.existing_run(known.run).await?;
        Ok(title(&run, &known))
    }

    /// The recordings of a run, oldest first.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Store`].
    pub async fn recordings(&self, caller: &Caller, run: RunId) -> Result<Vec<Recording>, Error> {
        permit(caller, Permission::SeeOutput)?;
        let run = self.existing_run(run).await?;
        self.recordings_of(&run).await
    }

    /// The recordings of an incident's runs, run by run, oldest first.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Store`].
    pub async fn incident_recordings(&self, caller: &Caller, id: IncidentId) -> Result<Vec<Recording>, Error> {
        permit(caller, Permission::SeeOutput)?;
        let incident = self.existing_incident(id).await?;
        let mut found = Vec::new();
        for run in self.runs_of(incident.id).await? {
            found.extend(self.recordings_of(&run).await?);
        }
        Ok(found)
    }

    async fn recordings_of(&self, run: &Run) -> Result<Vec<Recording>, Error> {
        let recorded = self.rooms.outputs.recorded(run.id).await?;
        if recorded.is_empty() {
            return Ok(Vec::new());
        }
        let executions = self.rooms.runs.executions(run.id).await?;
        let own = executions.into_iter().filter(|execution| recorded.contains(&execution.id));
        Ok(own.map(|execution| Recording { title: title(run, &execution), execution }).collect())
    }
}

/// What a recording is called.
fn title(run: &Run, execution: &Execution) -> String {
    let line = command::mask::mask_script(execution.source.lines().next().unwrap_or_default());
    format!("{} {}: {line}", run.procedure_title, execution.command)
}
