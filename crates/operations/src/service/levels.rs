//! How bad an incident is, and what follows from that: times, ladder, contacts, as its runbook says.

use incident::{Contact, Level, Terms};
use runbook::{ProcedureId, RunbookId};

use super::{Operations, permit};
use crate::{Caller, Error, EventKind, Incident, Permission};

/// The levels that there are where no runbook names others.
pub(super) const USUAL: [&str; 4] = ["P1", "P2", "P3", "P4"];

impl Operations {
    /// A runbook that is there.
    pub(super) fn on_shelf(&self, id: String) -> Result<RunbookId, Error> {
        let id = RunbookId::new(id);
        let shelf = self.rooms.library.shelf();
        let known = shelf.runbook(&id).is_some();
        if known { Ok(id) } else { Err(Error::NotFound("This runbook")) }
    }

    /// Gives an incident another runbook or level, and with them other times and another ladder. What people were promised
    /// stays promised.
    pub(super) fn set_level(&self, incident: &mut Incident, runbook: Option<RunbookId>, severity: Option<String>) {
        let mut terms = runbook.as_ref().and_then(|id| self.terms(id, None, severity.as_deref())).unwrap_or_default();
        // The times of the procedure itself count again when its level does.
        terms.own = incident.terms.own.take().filter(|_| runbook == incident.runbook);
        if let Some(own) = terms.own.as_ref().filter(|own| Some(&own.name) == severity.as_ref()) {
            terms.level = Some(own.clone());
        }
        let update_every = incident.terms.update_every.or(terms.update_every);
        incident.terms = Terms { update_every, since: Some(self.rooms.now()), ..terms };
        (incident.runbook, incident.severity) = (runbook, severity);
    }

    /// Gives an incident that has no level the terms of the runbook that is run for it. Its times count from now: nobody
    /// knew of them before.
    pub(super) async fn take_on(
        &self,
        caller: &Caller,
        incident: &mut Incident,
        runbook: RunbookId,
        terms: Terms,
    ) -> Result<(), Error> {
        let now = self.rooms.now();
        let name = terms.level.as_ref().map(|level| level.name.clone());
        if let Some(name) = name.filter(|_| incident.severity.is_none()) {
            let said = format!("runbook: {runbook}; {}", severity_said(None, Some(&name)));
            self.say(caller, incident, EventKind::IncidentChanged, &said, now).await?;
            incident.severity = Some(name);
        }
        let update_every = incident.terms.update_every.or(terms.update_every);
        incident.terms = Terms { update_every, since: Some(now), ..terms };
        incident.runbook = Some(runbook);
        Ok(())
    }

    /// What a runbook promises: for a procedure, and for what an alert's label or a person calls the level.
    pub(super) fn terms(
        &self,
        runbook: &RunbookId,
        procedure: Option<&ProcedureId>,
        level: Option<&str>,
    ) -> Option<Terms> {
        let shelf = self.rooms.library.shelf();
        Some(Terms::of(shelf.runbook(runbook)?, procedure, level))
    }

    /// The names of the levels that an incident can have: those of its runbook, else the usual ones.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn severities(&self, caller: &Caller, runbook: Option<&RunbookId>) -> Result<Vec<String>, Error> {
        permit(caller, Permission::View)?;
        let names: Vec<String> = self.levels(runbook).into_iter().map(|level| level.name).collect();
        Ok(if names.is_empty() { USUAL.map(str::to_owned).to_vec() } else { names })
    }

    /// Who can be reached, as a runbook says.
    pub(super) fn contacts(&self, runbook: Option<&RunbookId>) -> Vec<Contact> {
        let shelf = self.rooms.library.shelf();
        let runbook = runbook.and_then(|id| shelf.runbook(id));
        runbook.map(|runbook| incident::escalation::contacts(runbook)).unwrap_or_default()
    }

    /// The levels that a runbook names, worst first.
    pub(super) fn levels(&self, runbook: Option<&RunbookId>) -> Vec<Level> {
        let shelf = self.rooms.library.shelf();
        let runbook = runbook.and_then(|id| shelf.runbook(id));
        runbook.map(|runbook| incident::severity::levels(runbook)).unwrap_or_default()
    }
}

/// How a change of the level is told: `severity: P3 → P1`.
pub(super) fn severity_said(before: Option<&str>, after: Option<&str>) -> String {
    format!("severity: {} → {}", before.unwrap_or("none"), after.unwrap_or("none"))
}
