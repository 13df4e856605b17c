//! Incidents: opened, looked at, changed, and what is said of them.

use std::collections::BTreeMap;

use incident::{Alert, Candidate, Contact, Deadline, Template};
use jiff::Timestamp;
use runbook::{ProcedureId, RunbookId};
use tokio::sync::watch;

use super::levels::{USUAL, severity_said};
use super::together::check_note;
use super::{Operations, Rooms, check_length, permit, signature};
use crate::{
    Actor, AuditEvent, Caller, EnvironmentName, Error, EventKind, FiredAlert, Incident, IncidentFilter, IncidentId,
    IncidentPage, Message, NewIncident, Permission, Run, RunFilter, RunId, RunState, Stage,
};

/// The longest title, in bytes.
const TITLE: usize = 256;
/// How many closed runs a list with steps shows.
const CLOSED_DRAWN: usize = 6;
/// How many incidents a page of a list has where nothing is said.
const LISTED: u32 = 50;

/// What a person says of a new incident.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// One line.
    pub title: Option<String>,
    /// The level's name; an empty one takes it away.
    pub severity: Option<String>,
    /// Where it happens; an empty one takes it away.
    pub environment: Option<String>,
    /// Who or what suffers.
    pub affected: Option<String>,
    /// Whose levels, times and ladder count; an empty one takes them away. For a new incident an empty one lets the title
    /// decide.
    pub runbook: Option<String>,
}

/// A procedure that fits, with what is known of it.
#[derive(Clone, Debug)]
pub struct Fitting {
    /// Which, how well, and why.
    pub candidate: Candidate,
    /// The runbook's title.
    pub runbook_title: String,
    /// The procedure's title.
    pub procedure_title: String,
    /// What the alerts' labels give for its parameters.
    pub given: BTreeMap<String, String>,
}

/// An incident with everything its page shows.
#[derive(Clone, Debug)]
pub struct IncidentView {
    /// The incident.
    pub incident: Incident,
    /// What was told of it, oldest first.
    pub alerts: Vec<FiredAlert>,
    /// The procedures that fit, best first, at most three.
    pub suggested: Vec<Fitting>,
    /// Its runs, oldest first.
    pub runs: Vec<Run>,
    /// What was told to people, oldest first.
    pub messages: Vec<Message>,
    /// Everybody who did something (subject and name).
    pub participants: Vec<(String, String)>,
    /// Who can be reached, as its runbook says now.
    pub contacts: Vec<Contact>,
    /// What is due when.
    pub deadlines: Vec<Deadline>,
    /// When this was read.
    pub now: Timestamp,
}

impl Rooms {
    /// Tells everybody who watches an incident that there is something new.
    pub(super) fn news(&self) {
        self.news.send_modify(|version| *version += 1);
    }
}

impl Operations {
    /// Opens an incident. `runbook` is where its severities and times are read; left out, where the title fits best.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Invalid`], [`Error::NotFound`], [`Error::Audit`], [`Error::Store`].
    pub async fn open_incident(&self, caller: &Caller, changes: Changes) -> Result<IncidentId, Error> {
        let (this, caller) = (self.clone(), caller.clone());
        self.whole(async move { this.open_whole(&caller, changes).await }).await
    }

    async fn open_whole(&self, caller: &Caller, changes: Changes) -> Result<IncidentId, Error> {
        self.permit(caller, Permission::Run, "open an incident").await?;
        let title = line(changes.title.as_deref().unwrap_or_default(), "Say in one line what is wrong.")?;
        let environment = changes.environment.filter(|name| !name.is_empty()).map(EnvironmentName);
        let environment = environment.map(|name| self.environment(&name)).transpose()?;
        let read = Alert { name: title.clone(), ..Alert::default() };
        let best = self.candidates([&read]).into_iter().next();
        let chosen = changes.runbook.filter(|id| !id.is_empty()).map(|id| self.on_shelf(id)).transpose()?;
        let (runbook, procedure) = match (chosen, best) {
            (Some(runbook), _) => (Some(runbook), None),
            (None, Some(best)) => (Some(best.runbook), Some(best.procedure)),
            (None, None) => (None, None),
        };
        let asked = changes.severity.as_deref().filter(|level| !level.is_empty());
        // A level that was asked for counts before the procedure's own.
        let procedure = procedure.filter(|_| asked.is_none());
        if let Some(asked) = asked {
            let known = self.severities(caller, runbook.as_ref())?;
            let means = incident::severity::for_label(&self.levels(runbook.as_ref()), asked).is_some();
            if !means && !USUAL.contains(&asked) && !known.iter().any(|level| level == asked) {
                return Err(Error::Invalid(format!("Choose a severity of {}.", known.join(", "))));
            }
        }
        let terms = runbook.as_ref().and_then(|id| self.terms(id, procedure.as_ref(), asked)).unwrap_or_default();
        let now = self.rooms.now();
        let new = NewIncident {
            id: IncidentId::new(),
            title,
            severity: asked
                .map(|level| line(level, ""))
                .transpose()?
                .or_else(|| terms.level.as_ref().map(|level| level.name.clone())),
            environment: environment.map(|environment| environment.name.clone()),
            affected: text(changes.affected.as_deref().unwrap_or_default())?,
            terms,
            runbook,
            opened_by: signature(caller),
            started_at: now,
            worst_said: None,
        };
        let mut event = AuditEvent::new(now, EventKind::IncidentOpened, Actor::from(caller), new.title.clone());
        event.incident = Some(new.id);
        event.environment.clone_from(&new.environment);
        self.rooms.trail.append(&event).await?;
        let id = self.rooms.incidents.create_incident(new, &[]).await?.id;
        self.rooms.news();
        Ok(id)
    }

    /// Incidents: open ones first, the worst before the newest.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Store`].
    pub async fn incidents(&self, caller: &Caller, filter: &IncidentFilter) -> Result<Vec<Incident>, Error> {
        permit(caller, Permission::View)?;
        self.listed(filter).await
    }

    /// The same, with where the next page begins.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Store`].
    pub async fn incidents_page(&self, caller: &Caller, filter: &IncidentFilter) -> Result<IncidentPage, Error> {
        permit(caller, Permission::View)?;
        let limit = if filter.limit == 0 { LISTED } else { filter.limit };
        // One more tells whether there is a next page.
        let mut incidents = self.listed(&IncidentFilter { limit: limit + 1, ..filter.clone() }).await?;
        let more = incidents.len() > limit as usize;
        incidents.truncate(limit as usize);
        let next = incidents.last().filter(|_| more).map(Incident::place);
        Ok(IncidentPage { incidents, next })
    }

    /// Every list of incidents comes from here, in one order.
    pub(super) async fn listed(&self, filter: &IncidentFilter) -> Result<Vec<Incident>, Error> {
        let mut incidents = self.rooms.incidents.incidents(filter).await?;
        incidents.sort_by_key(Incident::place);
        Ok(incidents)
    }

    /// An incident with everything its page shows.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Store`].
    pub async fn view_incident(&self, caller: &Caller, id: IncidentId) -> Result<IncidentView, Error> {
        permit(caller, Permission::View)?;
        let incident = self.existing_incident(id).await?;
        let store = &self.rooms.incidents;
        let alerts = store.alerts(id).await?;
        let runs = self.runs_of(id).await?;
        let now = self.rooms.now();
        let suggested = match incident.stage() {
            Stage::Resolved => Vec::new(),
            _ => self.suggested(&incident, &alerts),
        };
        Ok(IncidentView {
            deadlines: incident::clock::deadlines(&incident.terms, &incident.times(), now),
            messages: store.messages(id).await?,
            participants: store.participants(id).await?,
            contacts: self.contacts(incident.runbook.as_ref()),
            incident,
            alerts,
            suggested,
            runs,
            now,
        })
    }

    /// Runs with their steps, for a page that lists them, in the same order: those that are open, and the last closed ones.
    /// One whose text is gone is left out.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Store`].
    pub async fn views_of(&self, caller: &Caller, runs: &[Run]) -> Result<Vec<crate::RunView>, Error> {
        let closed: Vec<RunId> = runs.iter().filter(|run| run.state != RunState::Open).map(|run| run.id).collect();
        let old = &closed[..closed.len().saturating_sub(CLOSED_DRAWN)];
        let mut views = Vec::new();
        for run in runs.iter().filter(|run| !old.contains(&run.id)) {
            match self.view_run(caller, run.id).await {
                Ok(view) => views.push(view),
                Err(Error::NotFound(_) | Error::Invalid(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(views)
    }

    /// The runs of an incident, oldest first.
    pub(super) async fn runs_of(&self, id: IncidentId) -> Result<Vec<Run>, Error> {
        let mut runs =
            self.rooms.runs.runs(&RunFilter { incident: Some(id), limit: 100, ..RunFilter::default() }).await?;
        runs.reverse();
        Ok(runs)
    }

    fn suggested(&self, incident: &Incident, alerts: &[FiredAlert]) -> Vec<Fitting> {
        let mut read: Vec<Alert> = alerts.iter().rev().take(20).map(FiredAlert::alert).collect();
        if read.is_empty() {
            read.push(Alert { name: incident.title.clone(), ..Alert::default() });
        }
        let shelf = self.rooms.library.shelf();
        let known = |candidate: Candidate| {
            let runbook = shelf.runbook(&candidate.runbook)?;
            let procedure = runbook.procedure(&candidate.procedure)?;
            let given =
                read.iter().rev().flat_map(|alert| incident::alert::prefill(procedure, &alert.labels)).collect();
            Some(Fitting {
                runbook_title: runbook.title.clone(),
                procedure_title: procedure.title.clone(),
                given,
                candidate,
            })
        };
        self.candidates(&read).into_iter().filter_map(known).collect()
    }

    /// The texts that an incident's runbooks have for telling people: those of its runs, else of the runbook that its
    /// terms come from.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Store`].
    pub async fn templates(&self, caller: &Caller, id: IncidentId) -> Result<Vec<Template>, Error> {
        permit(caller, Permission::View)?;
        let incident = self.existing_incident(id).await?;
        let runs = self.runs_of(id).await?;
        let mut runbooks: Vec<RunbookId> = runs.into_iter().rev().map(|run| run.runbook).collect();
        runbooks.extend(incident.runbook);
        let mut seen = std::collections::BTreeSet::new();
        let shelf = self.rooms.library.shelf();
        let found = runbooks.into_iter().filter(|id| seen.insert(id.clone()));
        let found = found.filter_map(|id| shelf.runbook(&id).cloned());
        Ok(found.flat_map(|runbook| incident::message::templates(&runbook)).collect())
    }

    /// Starts a run for an incident. Whoever starts the first one takes the incident on.
    ///
    /// # Errors
    /// As [`Operations::start_run`], and [`Error::Conflict`] where the incident is over.
    pub async fn start_incident_run(
        &self,
        caller: &Caller,
        id: IncidentId,
        runbook: &RunbookId,
        procedure: &ProcedureId,
        environment: &EnvironmentName,
        given: BTreeMap<String, String>,
    ) -> Result<RunId, Error> {
        let (this, caller) = (self.clone(), caller.clone());
        let (runbook, procedure, environment) = (runbook.clone(), procedure.clone(), environment.clone());
        self.whole(async move {
            let _turn = this.rooms.turn_of(id.0).await;
            let mut incident = this.open_one(id).await?;
            let run = this.start(&caller, RunId::new(), (&runbook, &procedure), &environment, given, Some(id)).await?;
            if incident.terms.level.is_none() {
                let asked = incident.severity.as_deref();
                let own = Some(&procedure).filter(|_| asked.is_none());
                if let Some(terms) = this.terms(&runbook, own, asked) {
                    this.take_on(&caller, &mut incident, runbook.clone(), terms).await?;
                }
            }
            incident.environment.get_or_insert(environment);
            if incident.stage() == Stage::Open {
                this.acknowledged(&caller, &mut incident).await?;
            }
            this.rooms.incidents.change_incident(&incident).await?;
            this.rooms.news();
            Ok(run)
        })
        .await
    }

    /// Changes what is said of an incident.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Invalid`], [`Error::Audit`], [`Error::Store`].
    pub async fn change_incident(&self, caller: &Caller, id: IncidentId, changes: Changes) -> Result<(), Error> {
        let (this, caller) = (self.clone(), caller.clone());
        self.whole(async move {
            this.permit(&caller, Permission::Run, "change an incident").await?;
            let _turn = this.rooms.turn_of(id.0).await;
            let mut incident = this.existing_incident(id).await?;
            let mut said = Vec::new();
            if let Some(title) = changes.title {
                let title = line(&title, "Say in one line what is wrong.")?;
                if title != incident.title {
                    said.push(format!("title: {} → {title}", incident.title));
                    incident.title = title;
                }
            }
            let runbook = match changes.runbook {
                Some(id) => Some(id).filter(|id| !id.is_empty()).map(|id| this.on_shelf(id)).transpose()?,
                None => incident.runbook.clone(),
            };
            let severity = match changes.severity {
                Some(name) => Some(name).filter(|name| !name.is_empty()),
                None => incident.severity.clone(),
            };
            let other_runbook = runbook != incident.runbook;
            if other_runbook {
                let title = runbook.as_ref().map_or_else(|| "none".to_owned(), |runbook| runbook.to_string());
                said.push(format!("runbook: {title}"));
            }
            if severity != incident.severity {
                let known = this.severities(&caller, runbook.as_ref())?;
                if severity.as_ref().is_some_and(|name| !known.contains(name)) {
                    return Err(Error::Invalid(format!("Choose one of {}.", known.join(", "))));
                }
                said.push(severity_said(incident.severity.as_deref(), severity.as_deref()));
            }
            if other_runbook || severity != incident.severity {
                this.set_level(&mut incident, runbook, severity);
            }
            if let Some(name) = changes.environment {
                let environment = Some(name).filter(|name| !name.is_empty()).map(EnvironmentName);
                let environment = environment.map(|name| this.environment(&name)).transpose()?;
                let environment = environment.map(|environment| environment.name.clone());
                if environment != incident.environment {
                    said.push(format!("environment: {}", environment.as_ref().map_or("none", |name| &name.0)));
                    incident.environment = environment;
                }
            }
            if let Some(affected) = changes.affected {
                let affected = text(&affected)?;
                if affected != incident.affected {
                    said.push(format!("affected: {affected}"));
                    incident.affected = affected;
                }
            }
            if said.is_empty() {
                return Ok(());
            }
            let now = this.rooms.now();
            this.say(&caller, &incident, EventKind::IncidentChanged, &said.join("; "), now).await?;
            this.rooms.incidents.change_incident(&incident).await?;
            this.rooms.news();
            Ok(())
        })
        .await
    }

    /// Says how it stands: the latest word of every message from now on.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Invalid`], [`Error::Audit`], [`Error::Store`].
    pub async fn update_status(&self, caller: &Caller, id: IncidentId, word: &str) -> Result<(), Error> {
        let (this, caller, word) = (self.clone(), caller.clone(), text(word)?);
        self.whole(async move {
            this.permit(&caller, Permission::Run, "say how an incident stands").await?;
            check_note(&word)?;
            if word.trim().is_empty() {
                return Err(Error::Invalid("Say how it stands, in a sentence.".to_owned()));
            }
            let _turn = this.rooms.turn_of(id.0).await;
            let mut incident = this.existing_incident(id).await?;
            let now = this.rooms.now();
            this.say(&caller, &incident, EventKind::StatusUpdated, word.trim(), now).await?;
            incident.latest_update = word.trim().to_owned();
            incident.updated_at = Some(now);
            this.rooms.incidents.change_incident(&incident).await?;
            this.rooms.news();
            Ok(())
        })
        .await
    }

    /// Writes something to remember.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Invalid`], [`Error::Audit`], [`Error::Store`].
    pub async fn note_incident(&self, caller: &Caller, id: IncidentId, word: &str) -> Result<(), Error> {
        self.permit(caller, Permission::Run, "write a note").await?;
        check_note(word)?;
        let word = text(word)?;
        if word.trim().is_empty() {
            return Err(Error::Invalid("Write the note first.".to_owned()));
        }
        let incident = self.existing_incident(id).await?;
        self.say(caller, &incident, EventKind::NoteWritten, word.trim(), self.rooms.now()).await?;
        self.rooms.news();
        Ok(())
    }

    /// The time, as everything here has it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.rooms.now()
    }

    /// Tells when there may be something new in an incident.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn watch_incidents(&self, caller: &Caller) -> Result<watch::Receiver<u64>, Error> {
        permit(caller, Permission::View)?;
        Ok(self.rooms.news.subscribe())
    }

    pub(super) async fn existing_incident(&self, id: IncidentId) -> Result<Incident, Error> {
        self.rooms.incidents.incident(id).await?.ok_or(Error::NotFound("This incident"))
    }

    pub(super) async fn open_one(&self, id: IncidentId) -> Result<Incident, Error> {
        let incident = self.existing_incident(id).await?;
        match incident.stage() {
            Stage::Resolved => Err(Error::Conflict("This incident is over. Reopen it first.".to_owned())),
            _ => Ok(incident),
        }
    }

    /// Writes what a person did with an incident to the trail.
    pub(super) async fn say(
        &self,
        caller: &Caller,
        incident: &Incident,
        kind: EventKind,
        summary: &str,
        at: Timestamp,
    ) -> Result<(), Error> {
        let mut event = AuditEvent::new(at, kind, Actor::from(caller), summary);
        event.incident = Some(incident.id);
        event.environment.clone_from(&incident.environment);
        Ok(self.rooms.trail.append(&event).await?)
    }
}

/// One line, masked; `ask` is what to say where it is empty.
fn line(text: &str, ask: &str) -> Result<String, Error> {
    let text = text.split(['\r', '\n']).next().unwrap_or_default().trim();
    if text.is_empty() {
        return Err(Error::Invalid(ask.to_owned()));
    }
    if text.len() > TITLE {
        return Err(Error::Invalid(format!("The line is too long: {} of at most {TITLE} bytes.", text.len())));
    }
    Ok(command::mask::mask_text(text))
}

/// A text, masked.
pub(super) fn text(text: &str) -> Result<String, Error> {
    check_length(text)?;
    Ok(command::mask::mask_text(text))
}
