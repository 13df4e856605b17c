//! The fake of the port that keeps incidents. The tests of `app` use this file, too: whoever includes it says what
//! `ports` and `FakeStore` are.

use async_trait::async_trait;

use super::FakeStore;
use super::ports::*;

#[async_trait]
impl IncidentStore for FakeStore {
    async fn create_incident(&self, new: NewIncident, alerts: &[FiredAlert]) -> Result<Incident, StoreError> {
        self.alerts.lock().unwrap().extend_from_slice(alerts);
        let mut incidents = self.incidents.lock().unwrap();
        let incident = Incident {
            id: new.id,
            number: incidents.len() as i64 + 1,
            title: new.title,
            severity: new.severity,
            environment: new.environment,
            affected: new.affected,
            terms: new.terms,
            runbook: new.runbook,
            opened_by: new.opened_by,
            started_at: new.started_at,
            acknowledged_at: None,
            mitigated_at: None,
            resolved_at: None,
            commander: None,
            latest_update: String::new(),
            updated_at: None,
            told_at: None,
            worst_said: new.worst_said,
            post_mortem: None,
            share_key: None,
        };
        incidents.push(incident.clone());
        Ok(incident)
    }

    async fn incident(&self, id: IncidentId) -> Result<Option<Incident>, StoreError> {
        Ok(self.incidents.lock().unwrap().iter().find(|incident| incident.id == id).cloned())
    }

    async fn shared_incident(&self, key: &str) -> Result<Option<Incident>, StoreError> {
        let incidents = self.incidents.lock().unwrap();
        Ok(incidents.iter().find(|incident| incident.share_key.as_deref() == Some(key)).cloned())
    }

    async fn incidents(&self, filter: &IncidentFilter) -> Result<Vec<Incident>, StoreError> {
        let (events, incidents) = (self.events.lock().unwrap(), self.incidents.lock().unwrap());
        let with = |one: &Incident, subject: &String| {
            let leads = one.commander.as_ref().is_some_and(|(leader, _)| leader == subject);
            leads || events.iter().any(|event| event.incident == Some(one.id) && event.actor.subject == *subject)
        };
        let wanted = |one: &&Incident| {
            (!filter.open || one.resolved_at.is_none())
                && filter.with.as_ref().is_none_or(|subject| with(one, subject))
                && filter.before.is_none_or(|before| one.place() > before)
        };
        let mut found: Vec<_> = incidents.iter().filter(wanted).cloned().collect();
        found.sort_by_key(Incident::place);
        found.truncate(if filter.limit == 0 { 50 } else { filter.limit as usize });
        Ok(found)
    }

    async fn change_incident(&self, incident: &Incident) -> Result<(), StoreError> {
        let mut incidents = self.incidents.lock().unwrap();
        *incidents.iter_mut().find(|known| known.id == incident.id).unwrap() = incident.clone();
        Ok(())
    }

    async fn incident_of_alert(
        &self,
        source: &str,
        fingerprint: &str,
        group_key: &str,
    ) -> Result<Option<IncidentId>, StoreError> {
        let (alerts, incidents) = (self.alerts.lock().unwrap(), self.incidents.lock().unwrap());
        let open = |alert: &&FiredAlert| {
            incidents.iter().any(|incident| incident.id == alert.incident && incident.resolved_at.is_none())
        };
        let mut known = alerts.iter().filter(|alert| alert.source == source).filter(open);
        let by_print = known.clone().find(|alert| alert.fingerprint == fingerprint);
        Ok(by_print.or_else(|| known.find(|alert| alert.group_key == group_key)).map(|alert| alert.incident))
    }

    async fn firing(&self, source: &str, fingerprint: &str) -> Result<Option<IncidentId>, StoreError> {
        let alerts = self.alerts.lock().unwrap();
        let fires = |alert: &&FiredAlert| {
            alert.cleared_at.is_none() && alert.source == source && alert.fingerprint == fingerprint
        };
        Ok(alerts.iter().rfind(fires).map(|alert| alert.incident))
    }

    async fn keep_alert(&self, alert: &FiredAlert) -> Result<(), StoreError> {
        let mut alerts = self.alerts.lock().unwrap();
        alerts.retain(|known| (&known.source, &known.fingerprint) != (&alert.source, &alert.fingerprint));
        alerts.push(alert.clone());
        Ok(())
    }

    async fn alerts(&self, incident: IncidentId) -> Result<Vec<FiredAlert>, StoreError> {
        Ok(self.alerts.lock().unwrap().iter().filter(|alert| alert.incident == incident).cloned().collect())
    }

    async fn participants(&self, _: IncidentId) -> Result<Vec<(String, String)>, StoreError> {
        Ok(Vec::new())
    }

    async fn keep_message(&self, message: &Message) -> Result<(), StoreError> {
        let mut messages = self.messages.lock().unwrap();
        messages.retain(|known| known.id != message.id);
        messages.push(message.clone());
        Ok(())
    }

    async fn message(&self, id: MessageId) -> Result<Option<Message>, StoreError> {
        Ok(self.messages.lock().unwrap().iter().find(|message| message.id == id).cloned())
    }

    async fn messages(&self, incident: IncidentId) -> Result<Vec<Message>, StoreError> {
        Ok(self.messages.lock().unwrap().iter().filter(|message| message.incident == incident).cloned().collect())
    }

    async fn sending(&self) -> Result<Vec<Message>, StoreError> {
        let messages = self.messages.lock().unwrap();
        Ok(messages.iter().filter(|message| message.state == DeliveryState::Sending).cloned().collect())
    }

    async fn attached(&self, run: RunId) -> Result<u64, StoreError> {
        let attachments = self.attachments.lock().unwrap();
        Ok(attachments.iter().filter(|one| one.run == run).map(|one| one.bytes.len() as u64).sum())
    }

    async fn attach(&self, attachment: &Attachment) -> Result<(), StoreError> {
        self.attachments.lock().unwrap().push(attachment.clone());
        Ok(())
    }

    async fn attachment(&self, id: AttachmentId) -> Result<Option<Attachment>, StoreError> {
        Ok(self.attachments.lock().unwrap().iter().find(|attachment| attachment.id == id).cloned())
    }
}
