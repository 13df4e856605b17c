//! What is open, and whom it concerns: the first look of everybody who comes in.

use jiff::Timestamp;

use super::{Operations, permit};
use crate::{Caller, Error, Incident, IncidentFilter, Permission, RunFilter, RunView};

/// How many open incidents are looked through for those that concern the person most.
const LOOKED_THROUGH: u32 = 200;

/// What is open, as one person sees it.
#[derive(Clone, Debug)]
pub struct WhatIsOpen {
    /// Incidents that the person leads or took part in, the worst first; at most 200 with the others.
    pub mine: Vec<Incident>,
    /// Other open incidents, the worst first.
    pub others: Vec<Incident>,
    /// Open runs with their steps, the newest first.
    pub runs: Vec<RunView>,
    /// When this was so.
    pub now: Timestamp,
}

impl Operations {
    /// What is open, with at most so many runs.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Store`].
    pub async fn what_is_open(&self, caller: &Caller, runs: u32) -> Result<WhatIsOpen, Error> {
        permit(caller, Permission::View)?;
        let filter = IncidentFilter { open: true, limit: LOOKED_THROUGH };
        let mut open = self.rooms.incidents.incidents(&filter).await?;
        open.sort_by_key(|one| one.terms.level.as_ref().map_or(u8::MAX, |level| level.rank));
        let with = self.rooms.incidents.open_with(&caller.person.subject).await?;
        let leads = |one: &Incident| one.commander.as_ref().is_some_and(|(leader, _)| *leader == caller.person.subject);
        let (mine, others) = open.into_iter().partition(|one| leads(one) || with.contains(&one.id));
        let runs = self.runs(caller, &RunFilter { open: true, limit: runs, ..RunFilter::default() }).await?;
        // A run whose text is gone is still listed among all runs; it must not take the others with it.
        let runs = self.views_of(caller, &runs).await?;
        Ok(WhatIsOpen { mine, others, runs, now: self.rooms.now() })
    }
}
