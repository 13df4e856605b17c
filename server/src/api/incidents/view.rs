//! An incident as programs see it.

use std::collections::BTreeMap;

use incident::{Rung, State as DeadlineState, What};
use jiff::Timestamp;
use operations::{IncidentView, Stage};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::messages::IncidentMessage;
use crate::api::Pages;
use crate::api::words::Who;

/// Something that went wrong.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct IncidentSummary {
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
    /// The runbook whose levels, times and ladder count.
    runbook: Option<String>,
    /// Where it happens.
    environment: Option<String>,
    /// Who or what suffers; may be empty.
    affected: String,
    /// How far it is.
    stage: IncidentStage,
    /// The latest word on how it stands; may be empty.
    latest_update: String,
    /// Who or what opened it.
    opened_by: Who,
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
    /// When people were told last.
    told_at: Option<Timestamp>,
    /// Its page for people.
    url: String,
}

/// How far an incident is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IncidentStage {
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
pub(crate) struct IncidentDetail {
    /// What it is, and how far.
    summary: IncidentSummary,
    /// What monitoring told, oldest first.
    alerts: Vec<IncidentAlert>,
    /// What is due when.
    deadlines: Vec<IncidentDeadline>,
    /// Whom the ladder says to call now; null where it is nobody's turn.
    call_now: Option<LadderRung>,
    /// Who is called next, if nothing happens.
    call_next: Option<NextRung>,
    /// The levels that it can have.
    levels: Vec<String>,
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
pub(crate) struct IncidentAlert {
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
pub(crate) struct IncidentDeadline {
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
pub(crate) enum DeadlineKind {
    /// Somebody answers.
    Respond,
    /// It is mitigated, or goes to whoever is next.
    Escalate,
    /// People are told how it stands.
    Update,
}

/// Somebody to call.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct LadderRung {
    /// As the runbook calls it.
    #[schema(example = "Level 2")]
    name: String,
    /// Who.
    who: String,
    /// What is to be done, in the runbook's own words; may be empty.
    action: String,
}

/// Who is called next.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct NextRung {
    /// When.
    at: Timestamp,
    /// Whom.
    call: LadderRung,
}

/// A procedure that fits.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct IncidentSuggestion {
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

pub(crate) fn summary(incident: &operations::Incident, pages: &Pages) -> IncidentSummary {
    IncidentSummary {
        id: incident.id.to_string(),
        number: incident.number,
        title: incident.title.clone(),
        severity: incident.severity.clone(),
        runbook: incident.runbook.as_ref().map(ToString::to_string),
        environment: incident.environment.as_ref().map(|name| name.0.clone()),
        affected: incident.affected.clone(),
        stage: match incident.stage() {
            Stage::Open => IncidentStage::Open,
            Stage::Acknowledged => IncidentStage::Acknowledged,
            Stage::Mitigated => IncidentStage::Mitigated,
            Stage::Resolved => IncidentStage::Resolved,
        },
        latest_update: incident.latest_update.clone(),
        opened_by: Who::from(&incident.opened_by),
        commander: incident.commander.as_ref().map(Who::from),
        started_at: incident.started_at,
        acknowledged_at: incident.acknowledged_at,
        mitigated_at: incident.mitigated_at,
        resolved_at: incident.resolved_at,
        told_at: incident.told_at,
        url: pages.incident(incident.id),
    }
}

/// An incident with everything around it; `levels` are those that it can have.
pub(crate) fn detail(view: &IncidentView, levels: Vec<String>, pages: &Pages) -> IncidentDetail {
    let call = incident::clock::call(&view.incident.terms, &view.incident.times(), view.now);
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
    IncidentDetail {
        summary: summary(&view.incident, pages),
        alerts: alerts.collect(),
        deadlines: deadlines.collect(),
        call_now: call.now.map(LadderRung::from),
        call_next: call.next.map(|(rung, at)| NextRung { at, call: rung.into() }),
        levels,
        suggested: suggested.collect(),
        runs: view.runs.iter().map(|run| run.id.to_string()).collect(),
        messages: view.messages.iter().map(IncidentMessage::from).collect(),
        participants: view.participants.iter().map(Who::from).collect(),
    }
}

impl From<&Rung> for LadderRung {
    fn from(rung: &Rung) -> Self {
        Self { name: rung.name.clone(), who: rung.who.clone(), action: rung.action.clone() }
    }
}
