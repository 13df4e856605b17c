//! Incidents, the alerts that opened them, what was told to people, and the port that keeps them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use incident::{Terms, Times};
use jiff::Timestamp;
use runbook::RunbookId;
use serde::{Deserialize, Serialize};

use crate::run::uuid_id;
use crate::{EnvironmentName, IncidentFilter, PagerAction, RunId, StoreError};

uuid_id!(
    /// Names an incident.
    IncidentId
);
uuid_id!(
    /// Names a message that was sent.
    MessageId
);
uuid_id!(
    /// Names an attachment of a note.
    AttachmentId
);

/// Something that went wrong, from the first alert to the last word about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Names it.
    pub id: IncidentId,
    /// A short number for people: `INC-31`.
    pub number: i64,
    /// One line.
    pub title: String,
    /// The level's name in the runbook that [`Incident::runbook`] names: `P1`. `None` until somebody or an alert says.
    pub severity: Option<String>,
    /// Where it happens.
    pub environment: Option<EnvironmentName>,
    /// Who or what suffers, in people's words; may be empty.
    pub affected: String,
    /// What the runbook promises for it, as it was when it was chosen.
    pub terms: Terms,
    /// Where the terms come from.
    pub runbook: Option<RunbookId>,
    /// Who opened it (subject and name): a person, or a monitoring system.
    pub opened_by: (String, String),
    /// Since when: the first alert's own time, or when it was opened.
    pub started_at: Timestamp,
    /// When a person took it on.
    pub acknowledged_at: Option<Timestamp>,
    /// When nobody suffered any more.
    pub mitigated_at: Option<Timestamp>,
    /// When it was over.
    pub resolved_at: Option<Timestamp>,
    /// Who leads (subject and name).
    pub commander: Option<(String, String)>,
    /// The latest word on how it stands, for messages; may be empty.
    pub latest_update: String,
    /// When that was said.
    pub updated_at: Option<Timestamp>,
    /// When a message last reached people: from then on they wait for the next one.
    pub told_at: Option<Timestamp>,
    /// How bad the worst alert said that it is, by rank, whether or not that alert is kept: one that is no worse changes
    /// nothing.
    pub worst_said: Option<u8>,
    /// The post-mortem as somebody has kept it, in Markdown; until then it is written anew each time.
    pub post_mortem: Option<String>,
    /// SHA-256 of the key in the address under which others may read the post-mortem, lower-case hex.
    pub share_key: Option<String>,
}

impl Incident {
    /// What people call it: `INC-31`.
    #[must_use]
    pub fn label(&self) -> String {
        format!("INC-{}", self.number)
    }

    /// Where it stands, for the clocks.
    #[must_use]
    pub fn times(&self) -> Times {
        Times {
            started: self.started_at,
            acknowledged: self.acknowledged_at,
            mitigated: self.mitigated_at,
            resolved: self.resolved_at,
            updated: self.told_at,
        }
    }

    /// How far it has come.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match self {
            Self { resolved_at: Some(_), .. } => Stage::Resolved,
            Self { mitigated_at: Some(_), .. } => Stage::Mitigated,
            Self { acknowledged_at: Some(_), .. } => Stage::Acknowledged,
            _ => Stage::Open,
        }
    }
}

/// How far an incident has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Nobody has taken it on.
    Open,
    /// Somebody works on it.
    Acknowledged,
    /// Nobody suffers any more.
    Mitigated,
    /// It is over.
    Resolved,
}

impl Stage {
    /// The word on pages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "not acknowledged",
            Self::Acknowledged => "acknowledged",
            Self::Mitigated => "mitigated",
            Self::Resolved => "resolved",
        }
    }
}

/// What a new incident is made of. The store gives the number.
#[derive(Clone, Debug)]
pub struct NewIncident {
    /// Names it.
    pub id: IncidentId,
    /// One line.
    pub title: String,
    /// The level's name.
    pub severity: Option<String>,
    /// Where it happens.
    pub environment: Option<EnvironmentName>,
    /// Who or what suffers.
    pub affected: String,
    /// What the runbook promises.
    pub terms: Terms,
    /// Where the terms come from.
    pub runbook: Option<RunbookId>,
    /// Who opens it (subject and name).
    pub opened_by: (String, String),
    /// Since when.
    pub started_at: Timestamp,
    /// How bad its first alert says that it is, by rank.
    pub worst_said: Option<u8>,
}

/// One alert of a monitoring system, as an incident keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiredAlert {
    /// The incident.
    pub incident: IncidentId,
    /// Who told: `alertmanager`, `pagerduty`.
    pub source: String,
    /// What the source tells it from others by.
    pub fingerprint: String,
    /// What the source calls the group that it belongs to; the fingerprint where it has none.
    pub group_key: String,
    /// Its name: `HighErrorRate`.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Since when it fires, by the source's clock.
    pub started_at: Timestamp,
    /// Since when it fires no more.
    pub cleared_at: Option<Timestamp>,
}

impl FiredAlert {
    /// As the rules of matching read it.
    #[must_use]
    pub fn alert(&self) -> incident::Alert {
        incident::Alert { name: self.name.clone(), labels: self.labels.clone(), annotations: self.annotations.clone() }
    }
}

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// It is being tried.
    Sending,
    /// The other side has taken it.
    Delivered,
    /// It was not taken.
    Failed,
    /// It may have arrived.
    Unknown,
}

impl DeliveryState {
    const ALL: [Self; 4] = [Self::Sending, Self::Delivered, Self::Failed, Self::Unknown];

    /// The word in the database and on pages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Sending => "sending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// The inverse of [`DeliveryState::word`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// Something that was told to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Names it.
    pub id: MessageId,
    /// The incident.
    pub incident: IncidentId,
    /// The channel's name.
    pub channel: String,
    /// What the runbook calls it: `Initial Notification`.
    pub title: String,
    /// One line; may be empty.
    pub subject: String,
    /// What people read.
    pub text: String,
    /// For a pager.
    pub action: PagerAction,
    /// Who sent it (subject and name).
    pub by: (String, String),
    /// When.
    pub at: Timestamp,
    /// How far it came.
    pub state: DeliveryState,
    /// How many attempts there were.
    pub attempts: i64,
    /// What the other side said, or why it did not arrive.
    pub remark: Option<String>,
    /// When that was known.
    pub ended_at: Option<Timestamp>,
    /// After how many seconds people were promised to hear again.
    pub again_after: Option<i64>,
}

/// A picture or text beside a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Names it.
    pub id: AttachmentId,
    /// The run.
    pub run: RunId,
    /// What the person's file was called.
    pub name: String,
    /// What it was found to be: `image/png`, `text/plain; charset=utf-8`.
    pub media_type: String,
    /// The file; at most [`Attachment::LIMIT`].
    pub bytes: Vec<u8>,
    /// Who added it (subject and name).
    pub by: (String, String),
    /// When.
    pub at: Timestamp,
}

impl Attachment {
    /// The longest file, in bytes.
    pub const LIMIT: usize = 2 << 20;
    /// The most that one run keeps, in bytes.
    pub const LIMIT_OF_RUN: u64 = 64 << 20;
}

/// Keeps incidents and what belongs to them.
#[async_trait]
pub trait IncidentStore: Send + Sync {
    /// Keeps a new incident together with the alerts that open it: all of it or nothing. Returns it with its number.
    async fn create_incident(&self, new: NewIncident, alerts: &[FiredAlert]) -> Result<Incident, StoreError>;

    /// One incident.
    async fn incident(&self, id: IncidentId) -> Result<Option<Incident>, StoreError>;

    /// The incident whose post-mortem others may read by the key of this hash.
    async fn shared_incident(&self, key: &str) -> Result<Option<Incident>, StoreError>;

    /// Several, in the order of [`IncidentPlace`](crate::IncidentPlace).
    async fn incidents(&self, filter: &IncidentFilter) -> Result<Vec<Incident>, StoreError>;

    /// Writes everything of an incident that can change: all but id, number, who opened it and when it started.
    async fn change_incident(&self, incident: &Incident) -> Result<(), StoreError>;

    /// The open incident that has an alert of this fingerprint; else of this group.
    async fn incident_of_alert(
        &self,
        source: &str,
        fingerprint: &str,
        group_key: &str,
    ) -> Result<Option<IncidentId>, StoreError>;

    /// The incident, open or over, in which an alert still fires as far as anybody knows here; of several the newest.
    async fn firing(&self, source: &str, fingerprint: &str) -> Result<Option<IncidentId>, StoreError>;

    /// Keeps an alert, or writes anew what is known of it.
    async fn keep_alert(&self, alert: &FiredAlert) -> Result<(), StoreError>;

    /// The alerts of an incident, oldest first; of more than 500 the newest.
    async fn alerts(&self, incident: IncidentId) -> Result<Vec<FiredAlert>, StoreError>;

    /// Everybody who did something in an incident or its runs (subject and name), first comers first, at most 100. People
    /// are called as their last sign-in told, or else as the trail calls them, without the name of a token.
    async fn participants(&self, incident: IncidentId) -> Result<Vec<(String, String)>, StoreError>;

    /// Keeps a message, or writes anew how far it came.
    async fn keep_message(&self, message: &Message) -> Result<(), StoreError>;

    /// One message.
    async fn message(&self, id: MessageId) -> Result<Option<Message>, StoreError>;

    /// The messages of an incident, oldest first; of more than 500 the newest.
    async fn messages(&self, incident: IncidentId) -> Result<Vec<Message>, StoreError>;

    /// Messages that were on their way, of all incidents.
    async fn sending(&self) -> Result<Vec<Message>, StoreError>;

    /// How much is attached to a run, in bytes.
    async fn attached(&self, run: RunId) -> Result<u64, StoreError>;

    /// Keeps an attachment.
    async fn attach(&self, attachment: &Attachment) -> Result<(), StoreError>;

    /// One attachment.
    async fn attachment(&self, id: AttachmentId) -> Result<Option<Attachment>, StoreError>;
}
