//! Reading: runbooks, search, environments.

use std::sync::Arc;

use runbook::{Procedure, ProcedureId, Runbook, RunbookId};

use super::{Operations, permit};
use crate::{Caller, Channel, ChannelView, Environment, Error, Hit, Permission, Shelf, search};

impl Operations {
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

    /// The procedures that the caller keeps at hand, latest first; those that are gone from the folder are left out.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Store`].
    pub async fn pins(&self, caller: &Caller) -> Result<Vec<(Arc<Runbook>, Arc<Procedure>)>, Error> {
        let shelf = self.shelf(caller)?;
        let pins = self.rooms.runs.pins(&caller.person.subject).await?;
        let known = |(runbook, procedure): (RunbookId, ProcedureId)| {
            let runbook = shelf.runbook(&runbook)?.clone();
            let procedure = runbook.procedure(&procedure)?.clone();
            Some((runbook, procedure))
        };
        Ok(pins.into_iter().filter_map(known).collect())
    }

    /// Keeps a procedure at hand for the caller, or no more where it is.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Store`].
    pub async fn toggle_pin(&self, caller: &Caller, runbook: &RunbookId, procedure: &ProcedureId) -> Result<(), Error> {
        self.procedure(caller, runbook, procedure)?;
        let subject = &caller.person.subject;
        let pinned = self.rooms.runs.pins(subject).await?;
        let store = &self.rooms.runs;
        match pinned.iter().any(|pin| pin.0 == *runbook && pin.1 == *procedure) {
            true => store.unpin(subject, runbook, procedure).await?,
            false => store.pin(subject, runbook, procedure, self.rooms.now()).await?,
        }
        Ok(())
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

    /// Where people can be told of an incident.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn channels(&self, caller: &Caller) -> Result<Vec<ChannelView>, Error> {
        permit(caller, Permission::View)?;
        let view = |channel: &Arc<dyn Channel>| ChannelView {
            name: channel.name().to_owned(),
            kind: channel.kind(),
            about: channel.about().to_owned(),
        };
        Ok(self.rooms.channels.iter().map(view).collect())
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
}
