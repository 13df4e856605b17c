//! What is open, and whom it concerns: the first look of everybody who comes in.

use jiff::Timestamp;

use super::{Operations, permit};
use crate::{Caller, Error, Incident, IncidentFilter, Permission, RunFilter, RunView};

/// How many open incidents there are at most of a person's own, and of the others.
const INCIDENTS: u32 = 200;

/// What is open, as one person sees it.
#[derive(Clone, Debug)]
pub struct WhatIsOpen {
    /// Incidents that the person leads or took part in, the worst first; at most 200, however many others are open.
    pub mine: Vec<Incident>,
    /// Other open incidents, the worst first; at most 200.
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
        let own = IncidentFilter {
            open: true,
            with: Some(caller.person.subject.clone()),
            limit: INCIDENTS,
            ..IncidentFilter::default()
        };
        // Read by themselves: in a flood they would not be among the first.
        let mine = self.listed(&own).await?;
        let all =
            IncidentFilter { with: None, limit: INCIDENTS + u32::try_from(mine.len()).unwrap_or(INCIDENTS), ..own };
        let mut others = self.listed(&all).await?;
        others.retain(|one| mine.iter().all(|own| own.id != one.id));
        others.truncate(INCIDENTS as usize);
        let runs = self.runs(caller, &RunFilter { open: true, limit: runs, ..RunFilter::default() }).await?;
        // A run whose text is gone is still listed among all runs; it must not take the others with it.
        let runs = self.views_of(caller, &runs).await?;
        Ok(WhatIsOpen { mine, others, runs, now: self.rooms.now() })
    }
}
