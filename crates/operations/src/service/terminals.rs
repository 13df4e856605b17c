//! Who looks at a terminal, who types at it, and who sees its recording.

use super::{Operations, permit};
use crate::terminal::May;
use crate::{Attached, Caller, Error, ExecutionId, Permission};

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
        let line = command::mask::mask_script(known.source.lines().next().unwrap_or_default());
        Ok(format!("{} {}: {line}", run.procedure_title, known.command))
    }
}
