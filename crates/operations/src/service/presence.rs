//! Whether somebody may look at something that is there, without reading what its page shows.

use super::{Operations, permit};
use crate::{Caller, Error, IncidentId, Permission, RunId};

impl Operations {
    /// Whether there is such a run for the caller to look at.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Store`].
    pub async fn may_see_run(&self, caller: &Caller, id: RunId) -> Result<(), Error> {
        permit(caller, Permission::View)?;
        self.existing_run(id).await.map(drop)
    }

    /// Whether there is such an incident for the caller to look at.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Store`].
    pub async fn may_see_incident(&self, caller: &Caller, id: IncidentId) -> Result<(), Error> {
        permit(caller, Permission::View)?;
        self.existing_incident(id).await.map(drop)
    }
}
