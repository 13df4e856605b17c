//! Telling people: where, in whose words, and how far it came.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use incident::Hint;
use jiff::Timestamp;
use operations::{ChannelKind, Draft, IncidentId, Message, MessageId, OnceKey, Operations, Outgoing, PagerAction};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::Api;
use crate::api::access::{Allowed, Incidents, Reads};
use crate::api::at::{At, IncidentPath, MessagePath};
use crate::api::input::{Body, idempotency_key};
use crate::api::problem::{Doing, Looking, Problem};
use crate::api::words::Who;

pub(super) fn endpoints() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_channels))
        .routes(routes!(list_templates))
        .routes(routes!(preview_message))
        .routes(routes!(send_message))
        .routes(routes!(send_message_again))
}

/// All channels.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Channels {
    /// In the order of the configuration.
    channels: Vec<Channel>,
}

/// Where people can be told.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Channel {
    /// Names it.
    #[schema(example = "incidents")]
    name: String,
    /// What it speaks.
    kind: ChannelWord,
    /// Whom it reaches; may be empty.
    about: String,
}

/// What a channel speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ChannelWord {
    /// Slack, or Mattermost.
    Slack,
    /// Microsoft Teams.
    Teams,
    /// PagerDuty.
    Pagerduty,
    /// Mail.
    Email,
}

/// The texts that an incident's runbooks have.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Templates {
    /// Those of its runs, the newest first; else of the runbook whose levels it has.
    templates: Vec<MessageTemplate>,
}

/// A text to send, with what it leaves open.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct MessageTemplate {
    /// Names it by what it says: where the runbook's text changes, it is another one.
    #[schema(example = "3f1a09bc55d2e876")]
    id: String,
    /// What to call it.
    title: String,
    /// How the runbook sends it, where it says so.
    channel: Option<ChannelWord>,
    /// To whom, where it says so.
    #[schema(example = "#incidents")]
    to: Option<String>,
    /// Its subject, with placeholders.
    subject: Option<String>,
    /// The text, with placeholders; empty where the runbook only says whom to tell.
    text: String,
    /// What both leave open, in order.
    fields: Vec<MessageField>,
    /// After how many minutes it is to be sent again.
    again_minutes: Option<i64>,
}

/// What a text leaves open.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct MessageField {
    /// By this name its value is given.
    #[schema(example = "describe impact")]
    name: String,
    /// How it stands in the text.
    #[schema(example = "[describe impact]")]
    placeholder: String,
    /// The values to choose from; empty where anything may be given.
    choices: Vec<String>,
    /// What the incident knows for it.
    known: Option<String>,
}

/// A text to look at before it is sent.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PreviewWish {
    /// The template's id.
    template: String,
    /// Values for its fields, by their names; the others are filled as far as the incident knows.
    #[serde(default)]
    values: BTreeMap<String, String>,
}

/// A text as it would leave.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Preview {
    /// One line.
    subject: Option<String>,
    /// What people read. What is missing stands in it as the runbook wrote it; what looks like a secret is masked.
    text: String,
    /// The names of the fields without a value.
    missing: Vec<String>,
}

/// Something that was told to people.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct IncidentMessage {
    /// Names it.
    #[schema(format = "uuid")]
    id: String,
    /// The channel's name.
    channel: String,
    /// What the runbook calls it.
    title: String,
    /// One line; may be empty.
    subject: String,
    /// What people read.
    text: String,
    /// What a pager was told.
    action: PagerWord,
    /// How far it came: `sending`, `delivered`, `failed`, `unknown`.
    #[schema(example = "delivered")]
    state: String,
    /// How often it was tried.
    attempts: i64,
    /// What the other side said, or why it did not arrive.
    remark: Option<String>,
    /// When it was sent.
    at: Timestamp,
    /// When it was known how far it came.
    ended_at: Option<Timestamp>,
    /// Who sent it.
    by: Who,
}

/// A message to send.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewMessage {
    /// The channel's name.
    channel: String,
    /// What to call it.
    #[serde(default)]
    title: String,
    /// One line; may be empty.
    #[serde(default)]
    subject: String,
    /// What people read.
    text: String,
    /// For a pager.
    #[serde(default)]
    action: PagerWord,
    /// After how many minutes people are promised to hear again.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1440)]
    again_minutes: Option<u16>,
}

/// What a pager is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum PagerWord {
    /// It began, or is still there.
    #[default]
    Trigger,
    /// Somebody works on it.
    Acknowledge,
    /// It is over.
    Resolve,
}

/// A message that leaves.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct SentMessage {
    /// Names it among the incident's messages.
    #[schema(format = "uuid")]
    message: String,
    /// The incident.
    #[schema(format = "uuid")]
    incident: String,
}

impl SentMessage {
    /// What follows on a message that leaves: whether it arrives is known later.
    fn told(message: MessageId, incident: IncidentId) -> (StatusCode, Json<Self>) {
        (StatusCode::ACCEPTED, Json(Self { message: message.to_string(), incident: incident.to_string() }))
    }
}

/// List the channels by which people can be told
#[utoipa::path(
    get, path = "/channels", tag = "incidents", security(("token" = ["read"])),
    responses((status = 200, body = Channels), Looking)
)]
async fn list_channels(State(operations): State<Operations>, token: Allowed<Reads>) -> Result<Json<Channels>, Problem> {
    let channels = operations.channels(token.caller())?.into_iter().map(|channel| Channel {
        name: channel.name,
        kind: channel.kind.into(),
        about: channel.about,
    });
    Ok(Json(Channels { channels: channels.collect() }))
}

/// List the texts that an incident's runbooks have for telling people
#[utoipa::path(
    get, path = "/incidents/{incident}/templates", tag = "incidents", security(("token" = ["read"])),
    params(IncidentPath), responses((status = 200, body = Templates), Looking)
)]
async fn list_templates(at: At<IncidentId, Reads>) -> Result<Json<Templates>, Problem> {
    let drafts = at.operations.drafts(at.caller(), at.id).await?;
    Ok(Json(Templates { templates: drafts.into_iter().map(MessageTemplate::from).collect() }))
}

/// Look at a message before it is sent
///
/// Nothing is kept and nothing leaves. Send what it answers with, or other words.
#[utoipa::path(
    post, path = "/incidents/{incident}/messages/preview", tag = "incidents", security(("token" = ["read"])),
    params(IncidentPath), request_body = PreviewWish, responses((status = 200, body = Preview), Doing)
)]
async fn preview_message(at: At<IncidentId, Reads>, Body(wish): Body<PreviewWish>) -> Result<Json<Preview>, Problem> {
    let filled = at.operations.preview(at.caller(), at.id, &wish.template, wish.values).await?;
    Ok(Json(Preview { subject: filled.subject, text: filled.text, missing: filled.missing }))
}

/// Send a message to people
///
/// The answer comes when the intent is in the audit trail; what became of it stands with the incident's messages. With an
/// `Idempotency-Key` the same request, sent again, is the same message, and leaves once.
#[utoipa::path(
    post, path = "/incidents/{incident}/messages", tag = "incidents", security(("token" = ["incidents"])),
    params(
        IncidentPath,
        ("Idempotency-Key" = Option<String>, Header, max_length = 200, description = "A key of the program's own for this request")
    ),
    request_body = NewMessage,
    responses((status = 202, body = SentMessage), Doing)
)]
async fn send_message(
    at: At<IncidentId, Incidents>,
    headers: HeaderMap,
    Body(new): Body<NewMessage>,
) -> Result<(StatusCode, Json<SentMessage>), Problem> {
    let key = idempotency_key(&headers)?.map(|key| OnceKey::new(at.token.access.id, &format!("{} {key}", at.id)));
    let outgoing = Outgoing {
        key: key.map(OnceKey::message),
        channel: new.channel,
        title: new.title,
        subject: new.subject,
        text: new.text,
        action: new.action.into(),
        again_after: new.again_minutes,
    };
    Ok(SentMessage::told(at.operations.send(at.caller(), at.id, outgoing).await?, at.id))
}

/// Send a message again that did not arrive, or may not have
#[utoipa::path(
    post, path = "/messages/{message}/send-again", tag = "incidents", security(("token" = ["incidents"])),
    params(MessagePath), responses((status = 202, body = SentMessage), Doing)
)]
async fn send_message_again(at: At<MessageId, Incidents>) -> Result<(StatusCode, Json<SentMessage>), Problem> {
    Ok(SentMessage::told(at.id, at.operations.send_again(at.caller(), at.id).await?))
}

impl From<Draft> for MessageTemplate {
    fn from(Draft { id, template, mut known }: Draft) -> Self {
        let fields = template.fields.into_iter().map(|field| MessageField {
            known: known.remove(&field.name),
            name: field.name,
            placeholder: field.source,
            choices: field.choices,
        });
        Self {
            id,
            title: template.title,
            channel: template.channel.map(ChannelWord::from),
            to: template.to,
            subject: template.subject,
            text: template.text,
            fields: fields.collect(),
            again_minutes: template.every.map(|every| every.as_mins()),
        }
    }
}

impl From<&Message> for IncidentMessage {
    fn from(message: &Message) -> Self {
        Self {
            id: message.id.to_string(),
            channel: message.channel.clone(),
            title: message.title.clone(),
            subject: message.subject.clone(),
            text: message.text.clone(),
            action: message.action.into(),
            state: message.state.word().to_owned(),
            attempts: message.attempts,
            remark: message.remark.clone(),
            at: message.at,
            ended_at: message.ended_at,
            by: Who::from(&message.by),
        }
    }
}

impl From<ChannelKind> for ChannelWord {
    fn from(kind: ChannelKind) -> Self {
        match kind {
            ChannelKind::Slack => Self::Slack,
            ChannelKind::Teams => Self::Teams,
            ChannelKind::PagerDuty => Self::Pagerduty,
            ChannelKind::Email => Self::Email,
        }
    }
}

impl From<Hint> for ChannelWord {
    fn from(hint: Hint) -> Self {
        match hint {
            Hint::Slack => Self::Slack,
            Hint::Teams => Self::Teams,
            Hint::PagerDuty => Self::Pagerduty,
            Hint::Email => Self::Email,
        }
    }
}

impl From<PagerWord> for PagerAction {
    fn from(word: PagerWord) -> Self {
        match word {
            PagerWord::Trigger => Self::Trigger,
            PagerWord::Acknowledge => Self::Acknowledge,
            PagerWord::Resolve => Self::Resolve,
        }
    }
}

impl From<PagerAction> for PagerWord {
    fn from(action: PagerAction) -> Self {
        match action {
            PagerAction::Trigger => Self::Trigger,
            PagerAction::Acknowledge => Self::Acknowledge,
            PagerAction::Resolve => Self::Resolve,
        }
    }
}
