//! Incidents: open, look, say how far they are and how they stand, start runs for them, tell people, read what happened.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use incident::{State as DeadlineState, What};
use jiff::Timestamp;
use operations::{
    Change, Changes, EnvironmentName, IncidentFilter, IncidentId, IncidentView, Lane, Operations, Outgoing,
    PagerAction, Stage,
};
use runbook::{ProcedureId, RunbookId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::{Allowed, Incidents, Reads};
use super::input::{Body, Path, Query, id, limit};
use super::problem::{Doing, Looking, Problem};
use super::words::Who;
use super::{Api, BASE, Pages};

pub(super) fn endpoints() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_incidents, open_incident))
        .routes(routes!(get_incident))
        .routes(routes!(change_stage))
        .routes(routes!(update_status))
        .routes(routes!(write_note))
        .routes(routes!(start_incident_run))
        .routes(routes!(send_message))
        .routes(routes!(get_timeline))
        .routes(routes!(get_post_mortem))
}

/// Which incidents.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct IncidentsQuery {
    /// Only those that are not resolved.
    #[serde(default)]
    open: bool,
    /// How many at most; open ones come first.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

/// Incidents.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct IncidentList {
    /// Open ones first, then the newest.
    incidents: Vec<IncidentSummary>,
}

/// Something that went wrong.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct IncidentSummary {
    /// Names it.
    #[schema(format = "uuid")]
    id: String,
    /// A short number for people: `INC-31` is 31.
    number: i64,
    /// One line.
    title: String,
    /// The level's name in its runbook.
    #[schema(example = "P1")]
    severity: Option<String>,
    /// Where it happens.
    environment: Option<String>,
    /// Who or what suffers; may be empty.
    affected: String,
    /// How far it is.
    stage: IncidentStage,
    /// The latest word on how it stands; may be empty.
    latest_update: String,
    /// Who leads.
    commander: Option<Who>,
    /// Since when.
    started_at: Timestamp,
    /// When somebody took it on.
    acknowledged_at: Option<Timestamp>,
    /// When nobody suffered any more.
    mitigated_at: Option<Timestamp>,
    /// When it was over.
    resolved_at: Option<Timestamp>,
    /// Its page for people.
    url: String,
}

/// How far an incident is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum IncidentStage {
    /// Nobody has taken it on.
    Open,
    /// Somebody works on it.
    Acknowledged,
    /// Nobody suffers any more.
    Mitigated,
    /// It is over.
    Resolved,
}

/// An incident with everything around it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct IncidentDetail {
    /// What it is, and how far.
    summary: IncidentSummary,
    /// What monitoring told, oldest first.
    alerts: Vec<IncidentAlert>,
    /// What is due when.
    deadlines: Vec<IncidentDeadline>,
    /// The procedures that fit, best first.
    suggested: Vec<IncidentSuggestion>,
    /// The ids of its runs, oldest first.
    runs: Vec<String>,
    /// What was told to people, oldest first.
    messages: Vec<IncidentMessage>,
    /// Everybody who did something.
    participants: Vec<Who>,
}

/// An alert of an incident.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct IncidentAlert {
    /// Its name.
    #[schema(example = "HighErrorRate")]
    name: String,
    /// Who told.
    #[schema(example = "alertmanager")]
    source: String,
    /// Its labels.
    labels: BTreeMap<String, String>,
    /// Since when it fires.
    started_at: Timestamp,
    /// Since when no more.
    cleared_at: Option<Timestamp>,
}

/// Something that is to happen by a certain time.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct IncidentDeadline {
    /// What.
    what: DeadlineKind,
    /// By when.
    due: Timestamp,
    /// When it happened; null while it has not.
    at: Option<Timestamp>,
    /// Whether the time was over before it happened.
    missed: bool,
}

/// What is to happen by a certain time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum DeadlineKind {
    /// Somebody answers.
    Respond,
    /// It is mitigated, or goes to whoever is next.
    Escalate,
    /// People are told how it stands.
    Update,
}

/// A procedure that fits.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct IncidentSuggestion {
    /// The runbook.
    runbook: String,
    /// The procedure.
    procedure: String,
    /// Its title.
    title: String,
    /// Why, in short sentences.
    reasons: Vec<String>,
    /// What the alerts' labels give for its parameters.
    values: BTreeMap<String, String>,
}

/// Something that was told to people.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct IncidentMessage {
    /// Names it.
    #[schema(format = "uuid")]
    id: String,
    /// The channel's name.
    channel: String,
    /// What the runbook calls it.
    title: String,
    /// How far it came: `sending`, `delivered`, `failed`, `unknown`.
    #[schema(example = "delivered")]
    state: String,
    /// What the other side said, or why it did not arrive.
    remark: Option<String>,
    /// When it was sent.
    at: Timestamp,
    /// Who sent it.
    by: Who,
}

/// An incident to open.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewIncident {
    /// One line that says what is wrong.
    #[schema(example = "The API is down")]
    title: String,
    /// The level's name; left out, as the runbook says.
    #[serde(default)]
    severity: Option<String>,
    /// Where it happens.
    #[serde(default)]
    environment: Option<String>,
    /// Who or what suffers.
    #[serde(default)]
    affected: Option<String>,
    /// Where severities and times are read; left out, where the title fits best.
    #[serde(default)]
    runbook: Option<String>,
}

/// One step in the life of an incident.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StageChange {
    /// Which.
    change: StageWord,
}

/// One step in the life of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum StageWord {
    /// Take it on; whoever is first leads.
    Acknowledge,
    /// Nobody suffers any more.
    Mitigate,
    /// It is over.
    Resolve,
    /// It was not over.
    Reopen,
}

/// A text of somebody's own.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Words {
    /// The text; not empty.
    text: String,
}

/// A run to start for an incident.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewIncidentRun {
    /// The runbook's id.
    runbook: String,
    /// The procedure's id.
    procedure: String,
    /// The environment's name.
    environment: String,
    /// What is known of its parameters already, by name.
    #[serde(default)]
    values: BTreeMap<String, String>,
}

/// A run that was started.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct StartedRun {
    /// Names it: see `/runs/{run}`.
    #[schema(format = "uuid")]
    run: String,
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
}

/// What happened, as the audit trail has it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct IncidentTimeline {
    /// Oldest first.
    entries: Vec<TimelineEntry>,
    /// Seconds from the start until somebody took it on.
    seconds_to_acknowledge: Option<i64>,
    /// Seconds from the start until nobody suffered.
    seconds_to_mitigate: Option<i64>,
    /// Seconds from the start to the end.
    seconds_to_resolve: Option<i64>,
    /// Whether older entries are left out.
    cut: bool,
}

/// One thing that happened.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct TimelineEntry {
    /// Its row in the trail: see `/history`.
    #[schema(format = "uuid")]
    event: String,
    /// When it began.
    at: Timestamp,
    /// When it ended.
    until: Option<Timestamp>,
    /// Whose doing; null for monitoring and the portal itself.
    who: Option<Who>,
    /// The kind of event.
    #[schema(example = "step-marked")]
    kind: String,
    /// One line for people.
    words: String,
    /// More of it.
    details: Vec<String>,
}

/// A post-mortem.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct PostMortemText {
    /// Markdown.
    text: String,
    /// Whether somebody has kept it; else it is written from the trail, anew each time.
    kept: bool,
}

/// List incidents, open ones first
#[utoipa::path(
    get, path = "/incidents", tag = "incidents", security(("token" = ["read"])), params(IncidentsQuery),
    responses((status = 200, body = IncidentList), Looking)
)]
async fn list_incidents(
    State(operations): State<Operations>,
    State(pages): State<Pages>,
    token: Allowed<Reads>,
    Query(query): Query<IncidentsQuery>,
) -> Result<Json<IncidentList>, Problem> {
    let filter = IncidentFilter { open: query.open, limit: limit(query.limit)? };
    let incidents = operations.incidents(token.caller(), &filter).await?;
    Ok(Json(IncidentList { incidents: incidents.iter().map(|one| summary(one, &pages)).collect() }))
}

/// Open an incident
#[utoipa::path(
    post, path = "/incidents", tag = "incidents", security(("token" = ["incidents"])), request_body = NewIncident,
    responses(
        (status = 201, body = IncidentDetail, headers(("Location" = String, description = "The incident's address"))),
        Doing
    )
)]
async fn open_incident(
    State(operations): State<Operations>,
    State(pages): State<Pages>,
    token: Allowed<Incidents>,
    Body(new): Body<NewIncident>,
) -> Result<impl IntoResponse, Problem> {
    let changes = Changes {
        title: Some(new.title),
        severity: new.severity,
        environment: new.environment,
        affected: new.affected,
        runbook: new.runbook,
    };
    let id = operations.open_incident(token.caller(), changes).await?;
    let view = operations.view_incident(token.caller(), id).await?;
    let location = [(header::LOCATION, format!("{BASE}/incidents/{id}"))];
    Ok((StatusCode::CREATED, location, Json(detail(&view, &pages))))
}

/// Get an incident with its clocks, alerts, runs and messages
#[utoipa::path(
    get, path = "/incidents/{incident}", tag = "incidents", security(("token" = ["read"])),
    params(("incident" = String, Path, description = "The incident's id")),
    responses((status = 200, body = IncidentDetail), Looking)
)]
async fn get_incident(
    State(operations): State<Operations>,
    State(pages): State<Pages>,
    token: Allowed<Reads>,
    Path(incident): Path<String>,
) -> Result<Json<IncidentDetail>, Problem> {
    let view = operations.view_incident(token.caller(), incident_id(&incident)?).await?;
    Ok(Json(detail(&view, &pages)))
}

/// Acknowledge, mitigate, resolve or reopen an incident
#[utoipa::path(
    post, path = "/incidents/{incident}/stage", tag = "incidents", security(("token" = ["incidents"])),
    params(("incident" = String, Path, description = "The incident's id")), request_body = StageChange,
    responses((status = 200, body = IncidentDetail), Doing)
)]
async fn change_stage(
    State(operations): State<Operations>,
    State(pages): State<Pages>,
    token: Allowed<Incidents>,
    Path(incident): Path<String>,
    Body(new): Body<StageChange>,
) -> Result<Json<IncidentDetail>, Problem> {
    let id = incident_id(&incident)?;
    let change = match new.change {
        StageWord::Acknowledge => Change::Acknowledge,
        StageWord::Mitigate => Change::Mitigate,
        StageWord::Resolve => Change::Resolve,
        StageWord::Reopen => Change::Reopen,
    };
    operations.change_stage(token.caller(), id, change).await?;
    Ok(Json(detail(&operations.view_incident(token.caller(), id).await?, &pages)))
}

/// Say how an incident stands
#[utoipa::path(
    post, path = "/incidents/{incident}/status", tag = "incidents", security(("token" = ["incidents"])),
    params(("incident" = String, Path, description = "The incident's id")), request_body = Words,
    responses((status = 200, body = IncidentDetail), Doing)
)]
async fn update_status(
    State(operations): State<Operations>,
    State(pages): State<Pages>,
    token: Allowed<Incidents>,
    Path(incident): Path<String>,
    Body(new): Body<Words>,
) -> Result<Json<IncidentDetail>, Problem> {
    let id = incident_id(&incident)?;
    operations.update_status(token.caller(), id, &new.text).await?;
    Ok(Json(detail(&operations.view_incident(token.caller(), id).await?, &pages)))
}

/// Write a note on an incident
#[utoipa::path(
    post, path = "/incidents/{incident}/notes", tag = "incidents", security(("token" = ["incidents"])),
    params(("incident" = String, Path, description = "The incident's id")), request_body = Words,
    responses((status = 200, body = IncidentDetail), Doing)
)]
async fn write_note(
    State(operations): State<Operations>,
    State(pages): State<Pages>,
    token: Allowed<Incidents>,
    Path(incident): Path<String>,
    Body(new): Body<Words>,
) -> Result<Json<IncidentDetail>, Problem> {
    let id = incident_id(&incident)?;
    operations.note_incident(token.caller(), id, &new.text).await?;
    Ok(Json(detail(&operations.view_incident(token.caller(), id).await?, &pages)))
}

/// Start a run for an incident
#[utoipa::path(
    post, path = "/incidents/{incident}/runs", tag = "incidents", security(("token" = ["incidents"])),
    params(("incident" = String, Path, description = "The incident's id")), request_body = NewIncidentRun,
    responses(
        (status = 201, body = StartedRun, headers(("Location" = String, description = "The run's address"))),
        Doing
    )
)]
async fn start_incident_run(
    State(operations): State<Operations>,
    token: Allowed<Incidents>,
    Path(incident): Path<String>,
    Body(new): Body<NewIncidentRun>,
) -> Result<impl IntoResponse, Problem> {
    let (runbook, procedure) = (RunbookId::new(new.runbook), ProcedureId::new(new.procedure));
    let (id, environment) = (incident_id(&incident)?, EnvironmentName(new.environment));
    let caller = token.caller();
    let run = operations.start_incident_run(caller, id, &runbook, &procedure, &environment, new.values).await?;
    let location = [(header::LOCATION, format!("{BASE}/runs/{run}"))];
    Ok((StatusCode::CREATED, location, Json(StartedRun { run: run.to_string() })))
}

/// Send a message to people
///
/// The answer comes when the intent is in the audit trail; what became of it stands with the incident's messages.
#[utoipa::path(
    post, path = "/incidents/{incident}/messages", tag = "incidents", security(("token" = ["incidents"])),
    params(("incident" = String, Path, description = "The incident's id")), request_body = NewMessage,
    responses((status = 202, body = SentMessage), Doing)
)]
async fn send_message(
    State(operations): State<Operations>,
    token: Allowed<Incidents>,
    Path(incident): Path<String>,
    Body(new): Body<NewMessage>,
) -> Result<(StatusCode, Json<SentMessage>), Problem> {
    let outgoing = Outgoing {
        key: None,
        channel: new.channel,
        title: new.title,
        subject: new.subject,
        text: new.text,
        action: match new.action {
            PagerWord::Trigger => PagerAction::Trigger,
            PagerWord::Acknowledge => PagerAction::Acknowledge,
            PagerWord::Resolve => PagerAction::Resolve,
        },
        again_after: new.again_minutes,
    };
    let message = operations.send(token.caller(), incident_id(&incident)?, outgoing).await?;
    Ok((StatusCode::ACCEPTED, Json(SentMessage { message: message.to_string() })))
}

/// Get what happened in an incident, oldest first
#[utoipa::path(
    get, path = "/incidents/{incident}/timeline", tag = "incidents", security(("token" = ["read"])),
    params(("incident" = String, Path, description = "The incident's id")),
    responses((status = 200, body = IncidentTimeline), Looking)
)]
async fn get_timeline(
    State(operations): State<Operations>,
    token: Allowed<Reads>,
    Path(incident): Path<String>,
) -> Result<Json<IncidentTimeline>, Problem> {
    let timeline = operations.timeline(token.caller(), incident_id(&incident)?).await?;
    let seconds = |span: Option<jiff::SignedDuration>| span.map(|span| span.as_secs());
    let entries = timeline.entries.into_iter().map(|entry| TimelineEntry {
        event: entry.event.to_string(),
        at: entry.at,
        until: entry.until,
        who: match entry.lane {
            Lane::System => None,
            Lane::Person(subject, name) => Some(Who { subject, name }),
        },
        kind: entry.kind.word().to_owned(),
        words: entry.words,
        details: entry.details,
    });
    Ok(Json(IncidentTimeline {
        entries: entries.collect(),
        seconds_to_acknowledge: seconds(timeline.to_acknowledge),
        seconds_to_mitigate: seconds(timeline.to_mitigate),
        seconds_to_resolve: seconds(timeline.to_resolve),
        cut: timeline.cut,
    }))
}

/// Get the post-mortem of an incident
#[utoipa::path(
    get, path = "/incidents/{incident}/post-mortem", tag = "incidents", security(("token" = ["read"])),
    params(("incident" = String, Path, description = "The incident's id")),
    responses((status = 200, body = PostMortemText), Looking)
)]
async fn get_post_mortem(
    State(operations): State<Operations>,
    token: Allowed<Reads>,
    Path(incident): Path<String>,
) -> Result<Json<PostMortemText>, Problem> {
    let found = operations.post_mortem(token.caller(), incident_id(&incident)?).await?;
    Ok(Json(PostMortemText { text: found.text, kept: found.kept }))
}

fn incident_id(text: &str) -> Result<IncidentId, Problem> {
    id(text, "This incident")
}

fn summary(incident: &operations::Incident, pages: &Pages) -> IncidentSummary {
    IncidentSummary {
        id: incident.id.to_string(),
        number: incident.number,
        title: incident.title.clone(),
        severity: incident.severity.clone(),
        environment: incident.environment.as_ref().map(|name| name.0.clone()),
        affected: incident.affected.clone(),
        stage: match incident.stage() {
            Stage::Open => IncidentStage::Open,
            Stage::Acknowledged => IncidentStage::Acknowledged,
            Stage::Mitigated => IncidentStage::Mitigated,
            Stage::Resolved => IncidentStage::Resolved,
        },
        latest_update: incident.latest_update.clone(),
        commander: incident.commander.as_ref().map(Who::from),
        started_at: incident.started_at,
        acknowledged_at: incident.acknowledged_at,
        mitigated_at: incident.mitigated_at,
        resolved_at: incident.resolved_at,
        url: pages.incident(incident.id),
    }
}

fn detail(view: &IncidentView, pages: &Pages) -> IncidentDetail {
    let alerts = view.alerts.iter().map(|alert| IncidentAlert {
        name: alert.name.clone(),
        source: alert.source.clone(),
        labels: alert.labels.clone(),
        started_at: alert.started_at,
        cleared_at: alert.cleared_at,
    });
    let deadlines = view.deadlines.iter().map(|deadline| {
        let (at, missed) = match deadline.state {
            DeadlineState::Running { .. } => (None, false),
            DeadlineState::Met { at } => (Some(at), false),
            DeadlineState::Missed { at } => (at, true),
        };
        let what = match deadline.what {
            What::Respond => DeadlineKind::Respond,
            What::Escalate => DeadlineKind::Escalate,
            What::Update => DeadlineKind::Update,
        };
        IncidentDeadline { what, due: deadline.due, at, missed }
    });
    let suggested = view.suggested.iter().map(|fitting| IncidentSuggestion {
        runbook: fitting.candidate.runbook.to_string(),
        procedure: fitting.candidate.procedure.to_string(),
        title: fitting.procedure_title.clone(),
        reasons: fitting.candidate.reasons.clone(),
        values: fitting.given.clone(),
    });
    let messages = view.messages.iter().map(|message| IncidentMessage {
        id: message.id.to_string(),
        channel: message.channel.clone(),
        title: message.title.clone(),
        state: message.state.word().to_owned(),
        remark: message.remark.clone(),
        at: message.at,
        by: Who::from(&message.by),
    });
    IncidentDetail {
        summary: summary(&view.incident, pages),
        alerts: alerts.collect(),
        deadlines: deadlines.collect(),
        suggested: suggested.collect(),
        runs: view.runs.iter().map(|run| run.id.to_string()).collect(),
        messages: messages.collect(),
        participants: view.participants.iter().map(Who::from).collect(),
    }
}
