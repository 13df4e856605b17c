//! Telling people: drafts from the runbook's own texts, sent through the configured channels.
//!
//! A message is an effect like any other: its intent is in the trail before it leaves, and what became of it after. What
//! certainly did not arrive is tried again by itself; what may have arrived only where the channel knows letters again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use incident::{Known, Meaning, Template};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::incidents::text;
use super::{Operations, signature};
use crate::{
    Actor, AuditEvent, Caller, Channel, ChannelKind, DeliveryError, DeliveryState, Error, EventKind, Incident,
    IncidentId, IncomingAlert, Letter, Message, MessageId, Outcome, OutcomeResult, PagerAction, Permission, Stage,
    StoreError,
};

/// How an incident begins to be called at a pager: its id follows.
pub(super) const INCIDENT_KEY: &str = "runbook-portal-";
/// How often something is tried again.
const RETRIES: usize = 5;
/// How long the first pause is; each one after it is three times as long.
const PAUSE: Duration = Duration::from_secs(2);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);
/// The longest time until people hear again, in minutes.
const LONGEST_PROMISE: u16 = 1_440;
/// How much of what a message is called is kept, in characters.
const TITLE: usize = 120;
/// The longest subject, in bytes.
const SUBJECT: usize = 256;
/// The longest text, in bytes.
const TEXT: usize = 16 * 1024;

/// What a person wants to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// What the sender calls it: the same again is the same message, and leaves once.
    pub key: Option<MessageId>,
    /// The channel's name.
    pub channel: String,
    /// What the runbook calls it.
    pub title: String,
    /// One line; may be empty.
    pub subject: String,
    /// What people read.
    pub text: String,
    /// For a pager.
    pub action: PagerAction,
    /// After how many minutes people are promised to hear again.
    pub again_after: Option<u16>,
}

impl Operations {
    /// What is known of an incident for the fields of a template, by their names.
    #[must_use]
    pub fn known(&self, incident: &Incident, template: &Template) -> BTreeMap<String, String> {
        template.values(&known(incident, self.rooms.now()))
    }

    /// Sends a message. Returns when the intent is committed; it is delivered in the background.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Invalid`] for a channel that is not there or an empty text,
    /// [`Error::Audit`], [`Error::Store`].
    pub async fn send(&self, caller: &Caller, incident: IncidentId, outgoing: Outgoing) -> Result<MessageId, Error> {
        let (this, caller) = (self.clone(), caller.clone());
        self.whole(async move {
            this.permit(&caller, Permission::Run, "send a message").await?;
            let channel = this.channel(&outgoing.channel)?;
            let subject = outgoing.subject.split(['\r', '\n']).next().unwrap_or_default().trim().to_owned();
            if subject.len() > SUBJECT || outgoing.text.len() > TEXT {
                return Err(Error::Invalid(format!(
                    "The message is too long: at most {SUBJECT} bytes of subject and {TEXT} of text."
                )));
            }
            if outgoing.again_after.is_some_and(|minutes| !(1..=LONGEST_PROMISE).contains(&minutes)) {
                return Err(Error::Invalid(format!("Promise the next update within 1 to {LONGEST_PROMISE} minutes.")));
            }
            let written = text(&outgoing.text.replace("\r\n", "\n"))?;
            if written.trim().is_empty() && channel.kind() != ChannelKind::PagerDuty {
                return Err(Error::Invalid("Write the message first.".to_owned()));
            }
            let _turn = this.rooms.turn_of(incident.0).await;
            let incident = this.existing_incident(incident).await?;
            if let Some(key) = outgoing.key
                && let Some(sent) = this.rooms.incidents.message(key).await?
            {
                // A second press of the same form, or a program that heard no answer.
                let same = sent.incident == incident.id
                    && (sent.channel.as_str(), sent.action) == (outgoing.channel.as_str(), outgoing.action)
                    && (&sent.subject, &sent.text) == (&text(&subject)?, &written);
                return if same {
                    Ok(key)
                } else {
                    Err(Error::Invalid(
                        "Another message was sent by this form already. Load the page again to write a new one."
                            .to_owned(),
                    ))
                };
            }
            let (title, subject) = (text(outgoing.title.trim())?, text(&subject)?);
            let beginning = written.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
            let title = [title.as_str(), &subject, beginning].into_iter().find(|title| !title.is_empty());
            let message = Message {
                id: outgoing.key.unwrap_or_else(MessageId::new),
                incident: incident.id,
                channel: outgoing.channel,
                title: title.unwrap_or_default().chars().take(TITLE).collect(),
                subject,
                text: written,
                action: outgoing.action,
                by: signature(&caller),
                at: this.rooms.now(),
                state: DeliveryState::Sending,
                attempts: 0,
                remark: None,
                ended_at: None,
                again_after: outgoing.again_after.map(|minutes| i64::from(minutes) * 60),
            };
            let id = message.id;
            this.leave(&caller, &incident, message, channel).await?;
            this.rooms.news();
            Ok(id)
        })
        .await
    }

    /// Sends a message again that did not arrive, or may not have.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Conflict`] where it is on its way or has arrived,
    /// [`Error::Audit`], [`Error::Store`].
    pub async fn send_again(&self, caller: &Caller, id: MessageId) -> Result<IncidentId, Error> {
        let (this, caller) = (self.clone(), caller.clone());
        self.whole(async move {
            this.permit(&caller, Permission::Run, "send a message").await?;
            let found = this.rooms.incidents.message(id).await?.ok_or(Error::NotFound("This message"))?;
            let _turn = this.rooms.turn_of(found.incident.0).await;
            let mut message = this.rooms.incidents.message(id).await?.ok_or(Error::NotFound("This message"))?;
            if matches!(message.state, DeliveryState::Sending | DeliveryState::Delivered) {
                return Err(Error::Conflict(format!(
                    "The message is {}: there is nothing to repeat.",
                    message.state.word()
                )));
            }
            let incident = this.existing_incident(message.incident).await?;
            let channel = this.channel(&message.channel)?;
            (message.state, message.ended_at) = (DeliveryState::Sending, None);
            message.by = signature(&caller);
            this.leave(&caller, &incident, message, channel).await?;
            this.rooms.news();
            Ok(incident.id)
        })
        .await
    }

    fn channel(&self, name: &str) -> Result<Arc<dyn Channel>, Error> {
        let found = self.rooms.channels.iter().find(|channel| channel.name() == name).cloned();
        found.ok_or_else(|| {
            Error::Invalid(
                "This channel is not configured here. Copy the text, or ask for the channel to be set up.".to_owned(),
            )
        })
    }

    /// Commits the intent, keeps the message and lets it go.
    async fn leave(
        &self,
        caller: &Caller,
        incident: &Incident,
        message: Message,
        channel: Arc<dyn Channel>,
    ) -> Result<(), Error> {
        // What came from the pager is the pager's own: it is answered under its name.
        let alerts = self.rooms.incidents.alerts(incident.id).await?;
        let mut own = alerts.iter().filter_map(|alert| alert.group_key.strip_prefix(IncomingAlert::PAGER));
        // A key of the portal's own that came from outside is another incident's.
        let own = own.find(|key| !key.starts_with(INCIDENT_KEY));
        let letter = Letter {
            key: message.id.to_string(),
            incident_key: own.map_or_else(|| format!("{INCIDENT_KEY}{}", incident.id), str::to_owned),
            subject: if message.subject.is_empty() { incident.title.clone() } else { message.subject.clone() },
            text: message.text.clone(),
            action: message.action,
            severity: severity(incident),
            address: self.rooms.links.portal().map(|origin| format!("{origin}/incidents/{}", incident.id)),
        };
        let said = format!("{} {}: {}", channel.kind().word(), message.channel, message.title);
        let mut intent = AuditEvent::new(self.rooms.now(), EventKind::MessageIntent, Actor::from(caller), said);
        intent.incident = Some(incident.id);
        intent.environment.clone_from(&incident.environment);
        intent.argv = vec![message.subject.clone(), message.text.clone()];
        self.rooms.trail.append(&intent).await?;
        if let Err(error) = self.rooms.incidents.keep_message(&message).await {
            let remark = "The message could not be kept: it was not sent.".to_owned();
            self.told_of(&intent, OutcomeResult::Failed, Some(remark), self.rooms.now()).await;
            return Err(error.into());
        }
        let this = self.clone();
        self.rooms.tasks.spawn(async move { this.deliver(intent, message, letter, channel).await });
        Ok(())
    }

    async fn deliver(&self, intent: AuditEvent, mut message: Message, letter: Letter, channel: Arc<dyn Channel>) {
        let shutdown = self.rooms.shutdown.clone();
        let mut tries = Tries { attempts: message.attempts, may_have_arrived: false };
        let ended = shutdown.run_until_cancelled(self.tried(&message, intent.at, &*channel, &letter, &mut tries)).await;
        message.attempts = tries.attempts;
        let result = match ended {
            Some(Ok(remark)) => {
                (message.state, message.remark) = (DeliveryState::Delivered, remark);
                OutcomeResult::Passed
            }
            Some(Err(error @ DeliveryError::Unknown(_))) => {
                (message.state, message.remark) = (DeliveryState::Unknown, Some(error.to_string()));
                OutcomeResult::Unknown
            }
            Some(Err(error)) => {
                (message.state, message.remark) = (DeliveryState::Failed, Some(error.to_string()));
                OutcomeResult::Failed
            }
            None if !tries.may_have_arrived => {
                let remark = "The portal stopped before it was taken.".to_owned();
                (message.state, message.remark) = (DeliveryState::Failed, Some(remark));
                OutcomeResult::Failed
            }
            None => {
                let remark = "The portal stopped while it was on its way.".to_owned();
                (message.state, message.remark) = (DeliveryState::Unknown, Some(remark));
                OutcomeResult::Unknown
            }
        };
        let now = self.rooms.now();
        message.ended_at = Some(now);
        self.told_of(&intent, result, message.remark.clone(), now).await;
        if let Err(error) = self.rooms.incidents.keep_message(&message).await {
            tracing::error!(message = %message.id, %error, "what became of a message could not be kept");
        }
        if message.state == DeliveryState::Delivered
            && channel.kind() != ChannelKind::PagerDuty
            && let Err(error) = self.heard(&message).await
        {
            tracing::error!(message = %message.id, %error, "that people have heard could not be kept");
        }
        self.rooms.news();
    }

    /// Writes what became of a message. There is nobody left to tell that this failed.
    async fn told_of(&self, intent: &AuditEvent, result: OutcomeResult, remark: Option<String>, at: Timestamp) {
        let mut outcome = AuditEvent::new(at, EventKind::MessageOutcome, intent.actor.clone(), intent.summary.clone());
        outcome.completes = Some(intent.id);
        outcome.incident = intent.incident;
        outcome.environment.clone_from(&intent.environment);
        outcome.argv = remark.into_iter().collect();
        outcome.outcome = Some(Outcome {
            result,
            exit_code: None,
            duration_ms: at.duration_since(intent.at).as_millis().try_into().unwrap_or(i64::MAX),
            output_digest: None,
            output_bytes: 0,
        });
        if let Err(error) = self.rooms.trail.append(&outcome).await {
            tracing::error!(intent = %intent.id, %error, "what became of a message could not be written to the trail");
        }
    }

    /// Delivers a letter that was let go at a time, again and again where that is safe; counts the attempts.
    async fn tried(
        &self,
        message: &Message,
        let_go: Timestamp,
        channel: &dyn Channel,
        letter: &Letter,
        tries: &mut Tries,
    ) -> Result<Option<String>, DeliveryError> {
        // What a pager is told of one incident arrives in the order in which it was said.
        let is_pager = channel.kind() == ChannelKind::PagerDuty;
        let _lane = match is_pager {
            true => Some(self.rooms.turn_of(lane(message)).await),
            false => None,
        };
        let mut pauses = ExponentialBuilder::default()
            .with_min_delay(PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .with_factor(3.0)
            .with_max_times(RETRIES)
            .with_jitter()
            .build();
        loop {
            // A pager that is told late that it began would call people for what is over.
            let overtaken = match is_pager {
                true => self.is_overtaken(message, let_go).await,
                false => Ok(false),
            };
            let error = match overtaken {
                Ok(true) => {
                    return Err(DeliveryError::Refused("this pager was told meanwhile that it is over".to_owned()));
                }
                Ok(false) => {
                    tries.attempts += 1;
                    tries.may_have_arrived = true;
                    match channel.deliver(letter).await {
                        Ok(remark) => return Ok(remark),
                        Err(error) => error,
                    }
                }
                Err(error) => {
                    tracing::error!(message = %message.id, %error, "what a pager was told since could not be read");
                    DeliveryError::Failed("what this pager was told since could not be read".to_owned())
                }
            };
            tries.may_have_arrived = matches!(error, DeliveryError::Unknown(_));
            let again = match error {
                DeliveryError::Refused(_) => false,
                DeliveryError::Failed(_) => true,
                DeliveryError::Unknown(_) => channel.knows_letters_again(),
            };
            let Some(pause) = pauses.next().filter(|_| again) else { return Err(error) };
            tracing::warn!(channel = channel.name(), %error, ?pause, "a message is tried again");
            tokio::time::sleep(pause).await;
        }
    }

    /// Whether somebody has said on the same channel, since it was let go, that it is over.
    async fn is_overtaken(&self, message: &Message, let_go: Timestamp) -> Result<bool, StoreError> {
        if message.action == PagerAction::Resolve {
            return Ok(false);
        }
        let sent = self.rooms.incidents.messages(message.incident).await?;
        Ok(sent.iter().any(|other| {
            other.channel == message.channel
                && (other.action, other.state != DeliveryState::Failed) == (PagerAction::Resolve, true)
                && other.at > let_go
        }))
    }

    /// People have heard: from now on they wait for the next word, as long as they were promised.
    async fn heard(&self, message: &Message) -> Result<(), Error> {
        let _turn = self.rooms.turn_of(message.incident.0).await;
        let mut incident = self.existing_incident(message.incident).await?;
        incident.told_at = message.ended_at;
        if let Some(seconds) = message.again_after {
            incident.terms.update_every = Some(jiff::SignedDuration::from_secs(seconds));
        }
        Ok(self.rooms.incidents.change_incident(&incident).await?)
    }

    /// Called once at start: what was on its way when the portal ended may have arrived.
    pub(super) async fn recover_messages(&self) -> Result<(), Error> {
        for mut message in self.rooms.incidents.sending().await? {
            message.state = DeliveryState::Unknown;
            message.ended_at = Some(self.rooms.now());
            message.remark =
                Some("The portal ended while it was on its way. Look before you send it again.".to_owned());
            self.rooms.incidents.keep_message(&message).await?;
        }
        Ok(())
    }
}

/// How far the tries of a message have come.
struct Tries {
    attempts: i64,
    /// Whether one of them may have arrived without a word.
    may_have_arrived: bool,
}

/// What those messages have in common that go one after the other: the incident and the channel.
fn lane(message: &Message) -> Uuid {
    let digest = Sha256::digest(format!("{} {}", message.incident, message.channel).as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Uuid::from_bytes(bytes)
}

/// How bad it is, in PagerDuty's words.
fn severity(incident: &Incident) -> &'static str {
    match incident.rank() {
        // Whoever calls a pager without saying how bad it is means it.
        Some(0 | 1) | None => "critical",
        Some(2) => "error",
        Some(3) => "warning",
        Some(_) => "info",
    }
}

/// What an incident says by itself, for messages.
pub(super) fn known(incident: &Incident, now: Timestamp) -> Known {
    let mut values = BTreeMap::new();
    let mut know = |meaning, value: String| {
        if !value.is_empty() {
            values.insert(meaning, value);
        }
    };
    let stage = incident.stage();
    know(Meaning::Title, incident.title.clone());
    know(Meaning::Severity, incident.severity.clone().unwrap_or_default());
    know(Meaning::Affected, incident.affected.clone());
    know(Meaning::Started, incident.started_at.round(jiff::Unit::Second).map_or(String::new(), |at| at.to_string()));
    know(Meaning::LatestUpdate, incident.latest_update.clone());
    know(Meaning::Time, now.to_zoned(TimeZone::UTC).strftime("%H:%M UTC").to_string());
    let status = match stage {
        Stage::Open | Stage::Acknowledged => "INVESTIGATING",
        Stage::Mitigated => "MONITORING",
        Stage::Resolved => "RESOLVED",
    };
    know(Meaning::Status, status.to_owned());
    if let Some(over) = incident.mitigated_at.or(incident.resolved_at) {
        know(Meaning::Duration, super::timeline::span(over.duration_since(incident.started_at)));
    }
    Known { values }
}
