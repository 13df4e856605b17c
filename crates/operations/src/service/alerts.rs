//! What monitoring systems tell: alerts that open incidents, and say when they are over.

mod bounds;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use incident::{Alert, Candidate};
use jiff::Timestamp;

use bounds::{NAME, bounded, cut, key};

use super::Operations;
use super::levels::severity_said;
use super::messages::INCIDENT_KEY;
use crate::{
    Actor, AuditEvent, ChannelKind, Environment, EnvironmentName, Error, EventKind, FiredAlert, Incident, IncidentId,
    Message, NewIncident, Stage,
};

/// How many alerts are taken at once: of more, those that fire come first.
const MOST: usize = 1_000;
/// How many incidents one delivery opens: what would open more joins the last of them.
const MOST_OPENED: usize = 20;
/// How many alerts of one incident are kept.
const MOST_OF_INCIDENT: usize = 500;
/// How much of a severity is kept, in bytes.
const SEVERITY: usize = 32;
/// How much is said by itself of what suffers, in bytes.
const AFFECTED: usize = 300;

/// What stands before a group's key that looks like one of PagerDuty's and is none.
const NOT_PAGER: &str = "group:";

/// An alert as a monitoring system tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingAlert {
    /// What the source tells it from others by.
    pub fingerprint: String,
    /// What the source calls the group that it belongs to.
    pub group_key: String,
    /// Its name: `HighErrorRate`.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Since when it fires, by the source's clock.
    pub started_at: Timestamp,
    /// How it stands.
    pub state: AlertState,
}

/// How an alert stands, as its source tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlertState {
    /// It fires.
    Fires,
    /// It fires, and a person has taken it on there.
    TakenOn {
        /// What the source calls the person; may be empty.
        by: String,
    },
    /// It fires no more.
    Over {
        /// Since when, by the source's clock.
        at: Timestamp,
    },
}

impl IncomingAlert {
    /// How the group's key of an incident of PagerDuty begins; what follows is the key that PagerDuty knows it by. No
    /// other source has keys that begin so: [`IncomingAlert::manager_key`].
    pub const PAGER: &str = "pagerduty:";

    /// The key of a group of a monitoring system other than PagerDuty, which may say what it likes: none that PagerDuty
    /// would know. As short as it is kept.
    #[must_use]
    pub fn manager_key(said: &str) -> String {
        match said.starts_with(Self::PAGER) {
            true => key(&format!("{NOT_PAGER}{said}")),
            false => key(said),
        }
    }

    fn cleared_at(&self) -> Option<Timestamp> {
        match self.state {
            AlertState::Over { at } => Some(at),
            AlertState::Fires | AlertState::TakenOn { .. } => None,
        }
    }
}

/// One delivery of a source, while it is taken.
struct Delivery<'d> {
    source: &'d str,
    /// Where its alerts happen, where their labels do not say.
    environment: Option<&'d EnvironmentName>,
    /// The alerts of the incidents that it touches, each read once.
    known: BTreeMap<IncidentId, Vec<FiredAlert>>,
    /// The incidents that it has opened.
    opened: Vec<IncidentId>,
    /// How many of its alerts would have opened more.
    joined: usize,
}

/// What became of one alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The incident that it belongs to; `None` for one that is over and that nobody here knew of.
    pub incident: Option<IncidentId>,
    /// Whether it opened that incident.
    pub opened: bool,
}

impl Operations {
    /// Takes what a monitoring system tells. A fingerprint that an open incident knows is that incident's; else the group
    /// decides; else it opens one. The same word twice changes nothing. However many they are, an outage is not refused: at
    /// most 1000 are taken, those that fire first, and the answer has as many entries as were taken.
    ///
    /// # Errors
    /// [`Error::Audit`], [`Error::Store`].
    pub async fn receive_alerts(
        &self,
        source: &str,
        environment: Option<&EnvironmentName>,
        mut alerts: Vec<IncomingAlert>,
    ) -> Result<Vec<Received>, Error> {
        alerts.sort_by_key(|alert| alert.cleared_at().is_some());
        let left_out = alerts.len().saturating_sub(MOST);
        alerts.truncate(MOST);
        // Before they wait for their turn: what waits is as small as what is kept.
        let alerts: Vec<_> = alerts.into_iter().map(bounded).collect();
        let (this, source, environment) = (self.clone(), source.to_owned(), environment.cloned());
        self.whole(async move {
            let mut received = Vec::with_capacity(alerts.len());
            // Two alerts of one group that arrive at the same instant must find one incident.
            let _turn = this.rooms.alerts.lock().await;
            let mut delivery = Delivery {
                source: &source,
                environment: environment.as_ref(),
                known: BTreeMap::new(),
                opened: Vec::new(),
                joined: 0,
            };
            for alert in alerts {
                received.push(this.receive(&mut delivery, alert).await?);
            }
            let (first, last) = (delivery.opened.first(), delivery.opened.last());
            if let Some(id) = first.filter(|_| left_out > 0) {
                let words = format!("{left_out} more alerts came with these and are not listed");
                this.remark(*id, &source, words).await?;
            }
            if let Some(id) = last.filter(|_| delivery.joined > 0) {
                let words = format!(
                    "{} more alerts came with these and belong to none of them: at once, alerts open {MOST_OPENED} \
                     incidents at most, and what is more stands in the last one",
                    delivery.joined
                );
                this.remark(*id, &source, words).await?;
            }
            Ok(received)
        })
        .await
    }

    async fn receive(&self, delivery: &mut Delivery<'_>, alert: IncomingAlert) -> Result<Received, Error> {
        let (store, source) = (&self.rooms.incidents, delivery.source);
        let over = alert.cleared_at().is_some();
        let nothing = Received { incident: None, opened: false };
        let its = match self.told_by_us(&alert.group_key).await? {
            // The pager's late word on what is over here opens nothing.
            Some(ours) if ours.stage() == Stage::Resolved && !over => return Ok(nothing),
            Some(ours) => Some(ours.id),
            None => store.incident_of_alert(source, &alert.fingerprint, &alert.group_key).await?,
        };
        // A person is often faster than the monitoring: what fired in an incident that is over is over there.
        let its = match its {
            None if over => store.firing(source, &alert.fingerprint).await?,
            its => its,
        };
        let id = match (its, delivery.opened.last().filter(|_| delivery.opened.len() >= MOST_OPENED)) {
            (Some(id), _) => id,
            (None, _) if over => return Ok(nothing),
            (None, Some(last)) => {
                delivery.joined += 1;
                *last
            }
            (None, None) => return self.open_by_alert(delivery, &alert).await,
        };
        let incident = self.existing_incident(id).await?;
        let alerts = match delivery.known.entry(id) {
            Entry::Occupied(alerts) => alerts.into_mut(),
            Entry::Vacant(alerts) => alerts.insert(store.alerts(id).await?),
        };
        let at = alerts.iter().position(|known| known.source == source && known.fingerprint == alert.fingerprint);
        let before = at.and_then(|at| alerts.get(at));
        let news = match before {
            None if over => None,
            None if alerts.len() >= MOST_OF_INCIDENT => {
                self.raise(id, &fired(id, source, &alert), alerts).await?;
                None
            }
            None => Some(EventKind::AlertFired),
            Some(before) => match (before.cleared_at, over) {
                (None, true) => Some(EventKind::AlertCleared),
                (Some(_), false) => Some(EventKind::AlertFired),
                _ => None,
            },
        };
        if let Some(kind) = news {
            let fired = match before {
                // Whoever says that it is over need not repeat what it was: `amtool` sends no annotations then.
                Some(before) if over => FiredAlert { cleared_at: alert.cleared_at(), ..before.clone() },
                _ => fired(id, source, &alert),
            };
            self.write_down(kind, incident.environment.as_ref(), &fired).await?;
            store.keep_alert(&fired).await?;
            if kind == EventKind::AlertFired {
                self.raise(id, &fired, alerts).await?;
                self.spread(id, &fired).await?;
            }
            if let Some(known) = at.and_then(|at| alerts.get_mut(at)) {
                *known = fired;
            } else {
                alerts.push(fired);
                if alerts.len() == MOST_OF_INCIDENT {
                    let words =
                        format!("{MOST_OF_INCIDENT} alerts are kept of one incident: further ones are not listed");
                    self.remark(id, source, words).await?;
                }
            }
        }
        if let AlertState::TakenOn { by } = &alert.state {
            self.taken_on_elsewhere(id, source, by).await?;
        }
        if news.is_some() || alert.state != AlertState::Fires {
            self.rooms.news();
        }
        Ok(Received { incident: Some(id), opened: false })
    }

    /// Writes to the trail what became of an alert.
    async fn write_down(
        &self,
        kind: EventKind,
        environment: Option<&EnvironmentName>,
        fired: &FiredAlert,
    ) -> Result<(), Error> {
        let mut event = AuditEvent::new(self.rooms.now(), kind, Actor::monitoring(&fired.source), fired.name.clone());
        event.incident = Some(fired.incident);
        event.environment = environment.cloned();
        event.argv = fired.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Ok(self.rooms.trail.append(&event).await?)
    }

    /// A note on an incident that the portal itself writes of what a source told.
    async fn remark(&self, id: IncidentId, source: &str, words: String) -> Result<(), Error> {
        let incident = self.existing_incident(id).await?;
        self.note_of(&incident, Actor::monitoring(source), EventKind::NoteWritten, self.rooms.now(), words).await
    }

    /// An alert that is worse than all before it makes its incident as bad. Whoever has set the level since has seen the
    /// others, so those change nothing.
    async fn raise(&self, id: IncidentId, fired: &FiredAlert, before: &[FiredAlert]) -> Result<(), Error> {
        let Some(label) = fired.labels.get("severity") else { return Ok(()) };
        let _turn = self.rooms.turn_of(id.0).await;
        let mut incident = self.existing_incident(id).await?;
        let levels = self.levels(incident.runbook.as_ref());
        let rank = |label: &str| incident::severity::rank_of_label(&levels, label);
        let Some(new) = rank(label) else { return Ok(()) };
        let said = before.iter().filter_map(|alert| rank(alert.labels.get("severity")?));
        if said.chain(incident.worst_said).any(|known| known <= new) {
            return Ok(());
        }
        incident.worst_said = Some(new);
        if incident.severity.as_deref().and_then(rank).is_some_and(|known| known <= new) {
            return Ok(self.rooms.incidents.change_incident(&incident).await?);
        }
        let severity = match incident::severity::for_label(&levels, label) {
            Some(level) => level.name.clone(),
            None => cut(label, SEVERITY).to_owned(),
        };
        let said = severity_said(incident.severity.as_deref(), Some(&severity));
        let words = format!("{said}: {} is worse than what was told before", fired.name);
        let (system, now) = (Actor::monitoring(&fired.source), self.rooms.now());
        self.note_of(&incident, system, EventKind::IncidentChanged, now, words).await?;
        let runbook = incident.runbook.clone();
        self.set_level(&mut incident, runbook, Some(severity));
        Ok(self.rooms.incidents.change_incident(&incident).await?)
    }

    /// What else suffers, as one more alert says.
    async fn spread(&self, id: IncidentId, fired: &FiredAlert) -> Result<(), Error> {
        let more = affected(&fired.labels);
        let _turn = self.rooms.turn_of(id.0).await;
        let mut incident = self.existing_incident(id).await?;
        let known = incident.affected.split("; ").any(|one| one == more);
        if more.is_empty() || known || incident.affected.len() + more.len() > AFFECTED {
            return Ok(());
        }
        incident.affected = match incident.affected.as_str() {
            "" => more.clone(),
            known => format!("{known}; {more}"),
        };
        let (system, now) = (Actor::monitoring(&fired.source), self.rooms.now());
        self.note_of(&incident, system, EventKind::IncidentChanged, now, format!("affected: {more}, too")).await?;
        Ok(self.rooms.incidents.change_incident(&incident).await?)
    }

    /// A person has taken it on where the alert comes from: that is an answer, and here nobody leads by it.
    async fn taken_on_elsewhere(&self, id: IncidentId, source: &str, by: &str) -> Result<(), Error> {
        let _turn = self.rooms.turn_of(id.0).await;
        let mut incident = self.existing_incident(id).await?;
        if incident.stage() > Stage::Open {
            return Ok(());
        }
        let words = match by {
            "" => incident.title.clone(),
            by => format!("by {by}"),
        };
        let now = self.rooms.now();
        incident.acknowledged_at = Some(now);
        self.note_of(&incident, Actor::monitoring(source), EventKind::IncidentAcknowledged, now, words).await?;
        Ok(self.rooms.incidents.change_incident(&incident).await?)
    }

    async fn note_of(
        &self,
        incident: &Incident,
        actor: Actor,
        kind: EventKind,
        at: Timestamp,
        words: String,
    ) -> Result<(), Error> {
        let mut event = AuditEvent::new(at, kind, actor, words);
        event.incident = Some(incident.id);
        event.environment.clone_from(&incident.environment);
        Ok(self.rooms.trail.append(&event).await?)
    }

    /// The incident that the portal itself has told a pager of: its own word comes back by the pager's webhook. Whoever
    /// names one that no pager was ever told of only knows its id.
    async fn told_by_us(&self, group_key: &str) -> Result<Option<Incident>, Error> {
        let ours = group_key.strip_prefix(IncomingAlert::PAGER).and_then(|key| key.strip_prefix(INCIDENT_KEY));
        let Some(id) = ours.and_then(|id| id.parse().ok()) else { return Ok(None) };
        let pager = |message: &Message| {
            let channel = self.rooms.channels.iter().find(|one| one.name() == message.channel);
            // A channel that is called otherwise by now may have been one.
            channel.is_none_or(|one| one.kind() == ChannelKind::PagerDuty)
        };
        match self.rooms.incidents.messages(id).await?.iter().any(pager) {
            true => Ok(self.rooms.incidents.incident(id).await?),
            false => Ok(None),
        }
    }

    /// Opens an incident. It is kept together with its alert, by which it is found: told again, it is no second one.
    async fn open_by_alert(&self, delivery: &mut Delivery<'_>, alert: &IncomingAlert) -> Result<Received, Error> {
        let source = delivery.source;
        let read =
            Alert { name: alert.name.clone(), labels: alert.labels.clone(), annotations: alert.annotations.clone() };
        let best = self.candidates([&read]).into_iter().next();
        let terms = best.as_ref().and_then(|best| {
            self.terms(&best.runbook, Some(&best.procedure), alert.labels.get("severity").map(String::as_str))
        });
        let now = self.rooms.now();
        let environment =
            self.environment_of(&alert.labels).or_else(|| delivery.environment.cloned()).or_else(|| self.only());
        let title = ["summary", "title", "description"].iter().find_map(|name| alert.annotations.get(*name));
        let title = title.map_or(alert.name.as_str(), String::as_str).lines().next().unwrap_or_default();
        let title = if title.trim().is_empty() { &alert.name } else { title };
        let system = Actor::monitoring(source);
        let levels = self.levels(best.as_ref().map(|best| &best.runbook));
        let severity = alert.labels.get("severity");
        let new = NewIncident {
            id: IncidentId::new(),
            title: cut(title, NAME).to_owned(),
            // Where no runbook says what it means, the alert's own word is better than none.
            severity: terms
                .as_ref()
                .and_then(|terms| terms.level.as_ref())
                .map(|level| level.name.clone())
                .or_else(|| severity.map(|word| cut(word, SEVERITY).to_owned())),
            environment: environment.clone(),
            affected: affected(&alert.labels),
            terms: terms.unwrap_or_default(),
            runbook: best.map(|best| best.runbook),
            opened_by: (system.subject.clone(), system.name.clone()),
            // A clock that runs ahead would start the deadlines in the future.
            started_at: alert.started_at.min(now),
            worst_said: severity.and_then(|word| incident::severity::rank_of_label(&levels, word)),
        };
        let mut event = AuditEvent::new(now, EventKind::IncidentOpened, system, new.title.clone());
        event.incident = Some(new.id);
        event.environment.clone_from(&environment);
        self.rooms.trail.append(&event).await?;
        let (id, fired) = (new.id, fired(new.id, source, alert));
        self.write_down(EventKind::AlertFired, environment.as_ref(), &fired).await?;
        self.rooms.incidents.create_incident(new, std::slice::from_ref(&fired)).await?;
        delivery.known.insert(id, vec![fired]);
        delivery.opened.push(id);
        if let AlertState::TakenOn { by } = &alert.state {
            self.taken_on_elsewhere(id, source, by).await?;
        }
        self.rooms.news();
        Ok(Received { incident: Some(id), opened: true })
    }

    /// The procedures that fit, over all alerts, the best three.
    pub(super) fn candidates<'a>(&self, alerts: impl IntoIterator<Item = &'a Alert>) -> Vec<Candidate> {
        let shelf = self.rooms.library.shelf();
        let mut best: Vec<Candidate> = Vec::new();
        for alert in alerts {
            for candidate in incident::alert::procedures(shelf.runbooks.iter().map(AsRef::as_ref), alert) {
                match best
                    .iter_mut()
                    .find(|known| known.runbook == candidate.runbook && known.procedure == candidate.procedure)
                {
                    Some(known) if known.score < candidate.score => *known = candidate,
                    Some(_) => {}
                    None => best.push(candidate),
                }
            }
        }
        best.sort_by_key(|candidate| std::cmp::Reverse(candidate.score));
        best.truncate(3);
        best
    }

    /// The environment that an alert's labels name.
    fn environment_of(&self, labels: &BTreeMap<String, String>) -> Option<EnvironmentName> {
        let named = ["environment", "env", "cluster", "stage"].iter().filter_map(|name| labels.get(*name));
        let mut named = named.filter_map(|name| {
            let is = |environment: &&std::sync::Arc<Environment>| environment.name.0.eq_ignore_ascii_case(name);
            self.rooms.environments.iter().find(is)
        });
        named.next().map(|environment| environment.name.clone())
    }

    /// The only environment there is.
    fn only(&self) -> Option<EnvironmentName> {
        match self.rooms.environments.as_slice() {
            [one] => Some(one.name.clone()),
            _ => None,
        }
    }
}

/// What the labels say suffers.
fn affected(labels: &BTreeMap<String, String>) -> String {
    let named = ["service", "app", "deployment", "job", "queue", "instance"];
    let what = named.iter().find_map(|name| labels.get(*name)).map(String::as_str);
    match (what, labels.get("namespace")) {
        (Some(what), Some(namespace)) => format!("{what} in {namespace}"),
        (Some(what), None) => what.to_owned(),
        (None, Some(namespace)) => namespace.clone(),
        (None, None) => String::new(),
    }
}

fn fired(incident: IncidentId, source: &str, alert: &IncomingAlert) -> FiredAlert {
    FiredAlert {
        incident,
        source: source.to_owned(),
        fingerprint: alert.fingerprint.clone(),
        group_key: alert.group_key.clone(),
        name: alert.name.clone(),
        labels: alert.labels.clone(),
        annotations: alert.annotations.clone(),
        started_at: alert.started_at,
        cleared_at: alert.cleared_at(),
    }
}
