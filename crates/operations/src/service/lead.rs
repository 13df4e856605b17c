//! How far an incident is, and who leads.

use jiff::Timestamp;

use super::incidents::text;
use super::{Operations, oneself};
use crate::{Actor, AuditEvent, Caller, Error, EventKind, Incident, IncidentId, Permission, Stage};

/// One step in the life of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Somebody takes it on; whoever is first leads.
    Acknowledge,
    /// Nobody suffers any more.
    Mitigate,
    /// It is over.
    Resolve,
    /// It was not over.
    Reopen,
}

impl Operations {
    /// One step in the life of an incident.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Conflict`] where it is there already, [`Error::Audit`],
    /// [`Error::Store`].
    pub async fn change_stage(&self, caller: &Caller, id: IncidentId, change: Change) -> Result<(), Error> {
        let (this, caller) = (self.clone(), caller.clone());
        self.whole(async move {
            this.permit(&caller, Permission::Run, "say how far an incident is").await?;
            let _turn = this.rooms.turn_of(id.0).await;
            let mut incident = this.existing_incident(id).await?;
            let stage = incident.stage();
            let now = this.rooms.now();
            let kind = match change {
                Change::Acknowledge if stage >= Stage::Acknowledged => return Err(there(stage)),
                Change::Acknowledge => {
                    this.acknowledged(&caller, &mut incident).await?;
                    None
                }
                Change::Mitigate if stage >= Stage::Mitigated => return Err(there(stage)),
                Change::Mitigate => {
                    this.answered(&caller, &mut incident, now).await?;
                    incident.mitigated_at = Some(now);
                    Some(EventKind::IncidentMitigated)
                }
                Change::Resolve if stage == Stage::Resolved => return Err(there(stage)),
                Change::Resolve => {
                    this.answered(&caller, &mut incident, now).await?;
                    incident.mitigated_at.get_or_insert(now);
                    incident.resolved_at = Some(now);
                    Some(EventKind::IncidentResolved)
                }
                Change::Reopen if stage < Stage::Mitigated => {
                    return Err(Error::Conflict("It is not over: there is nothing to reopen.".to_owned()));
                }
                Change::Reopen => {
                    (incident.mitigated_at, incident.resolved_at) = (None, None);
                    Some(EventKind::IncidentReopened)
                }
            };
            if let Some(kind) = kind {
                this.say(&caller, &incident, kind, &incident.title, now).await?;
            }
            this.rooms.incidents.change_incident(&incident).await?;
            this.rooms.news();
            Ok(())
        })
        .await
    }

    /// Whoever ends what nobody has taken on has answered by that. The caller keeps the incident.
    async fn answered(&self, caller: &Caller, incident: &mut Incident, now: Timestamp) -> Result<(), Error> {
        if incident.acknowledged_at.is_none() {
            self.say(caller, incident, EventKind::IncidentAcknowledged, &incident.title, now).await?;
            incident.acknowledged_at = Some(now);
        }
        Ok(())
    }

    /// Writes that a person takes an incident on; whoever is first leads. The caller keeps the incident.
    pub(super) async fn acknowledged(&self, caller: &Caller, incident: &mut Incident) -> Result<(), Error> {
        let now = self.rooms.now();
        self.answered(caller, incident, now).await?;
        if incident.commander.is_none() {
            self.say(caller, incident, EventKind::CommandTaken, "Took command", now).await?;
            incident.commander = Some(oneself(caller));
        }
        Ok(())
    }

    /// Leads an incident from now on, where nobody does or somebody else did.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Conflict`], [`Error::Audit`], [`Error::Store`].
    pub async fn take_command(&self, caller: &Caller, id: IncidentId) -> Result<(), Error> {
        let (this, caller) = (self.clone(), caller.clone());
        self.whole(async move {
            this.permit(&caller, Permission::Run, "lead an incident").await?;
            let _turn = this.rooms.turn_of(id.0).await;
            let mut incident = this.open_one(id).await?;
            let said = match &incident.commander {
                Some((subject, _)) if *subject == caller.person.subject => {
                    return Err(Error::Conflict("You lead it already.".to_owned()));
                }
                Some((_, name)) => format!("Took command from {name}"),
                None => "Took command".to_owned(),
            };
            this.say(&caller, &incident, EventKind::CommandTaken, &said, this.rooms.now()).await?;
            incident.commander = Some(oneself(&caller));
            // Whoever leads it has taken it on.
            if incident.stage() == Stage::Open {
                this.acknowledged(&caller, &mut incident).await?;
            }
            this.rooms.incidents.change_incident(&incident).await?;
            this.rooms.news();
            Ok(())
        })
        .await
    }

    /// Hands the lead to somebody, and tells them how it stands.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Invalid`] without a summary or for somebody nobody knows,
    /// [`Error::Audit`], [`Error::Store`].
    pub async fn hand_over(&self, caller: &Caller, id: IncidentId, to: &str, summary: &str) -> Result<(), Error> {
        let (this, caller, to, summary) = (self.clone(), caller.clone(), to.to_owned(), text(summary)?);
        self.whole(async move {
            this.permit(&caller, Permission::Run, "hand an incident over").await?;
            if summary.trim().is_empty() {
                return Err(Error::Invalid("Say how it stands: whoever takes over was not there.".to_owned()));
            }
            let to = this.known_person(&to).await?;
            let _turn = this.rooms.turn_of(id.0).await;
            let mut incident = this.open_one(id).await?;
            match &incident.commander {
                Some((subject, _)) if *subject == caller.person.subject => {}
                Some((_, name)) => {
                    return Err(Error::Conflict(format!("{name} leads. Take command first, then hand it over.")));
                }
                None => {
                    return Err(Error::Conflict("Nobody leads yet. Take command first, then hand it over.".to_owned()));
                }
            }
            let now = this.rooms.now();
            let mut event = AuditEvent::new(
                now,
                EventKind::CommandHandedOver,
                Actor::from(&caller),
                format!("Handed command to {}", to.1),
            );
            event.incident = Some(id);
            event.environment.clone_from(&incident.environment);
            event.argv = vec![summary.trim().to_owned()];
            this.rooms.trail.append(&event).await?;
            incident.commander = Some(to);
            this.rooms.incidents.change_incident(&incident).await?;
            this.rooms.news();
            Ok(())
        })
        .await
    }
}

fn there(stage: Stage) -> Error {
    Error::Conflict(format!("Somebody was faster: it is {} already.", stage.word()))
}
