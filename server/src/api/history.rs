//! The audit trail.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use operations::{AuditEntry, AuditFilter, EnvironmentName, Operations, OutcomeResult, Verdict};
use runbook::RunbookId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::access::{Allowed, Reads};
use super::input::{Query, cursor, id, limit};
use super::problem::{Looking, Problem};
use super::words::Effect;

pub(super) fn endpoints() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_history))
}

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct HistoryQuery {
    /// Part of a person's name, or their whole subject.
    person: Option<String>,
    /// Of this runbook.
    runbook: Option<String>,
    /// In this environment.
    environment: Option<String>,
    /// Of at least this effect.
    effect: Option<Effect>,
    /// Of this run.
    run: Option<String>,
    /// Of this incident.
    incident: Option<String>,
    /// From this time on.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Before this time.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// A text within summary, arguments or targets; case does not count.
    text: Option<String>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

/// A page of the audit trail.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct History {
    /// Newest first.
    pub(crate) events: Vec<Event>,
    /// How many the filter selects in all.
    pub(crate) total: i64,
    /// The `cursor` of the next page; null where this is the last.
    pub(crate) next: Option<String>,
}

/// Something that happened, and what became of it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Event {
    /// Names it.
    #[schema(format = "uuid")]
    pub(crate) id: String,
    /// When.
    pub(crate) at: Timestamp,
    /// What: `run-started`, `execution-intent`, `action-intent`, …
    #[schema(example = "action-intent")]
    pub(crate) kind: String,
    /// Who.
    pub(crate) actor: Actor,
    /// The press of Run that an action belongs to.
    pub(crate) parent: Option<String>,
    /// The incident, where it is of the incident itself; that of a run is known by its run.
    pub(crate) incident: Option<String>,
    /// The run.
    pub(crate) run: Option<String>,
    /// The execution.
    pub(crate) execution: Option<String>,
    /// The runbook.
    pub(crate) runbook: Option<String>,
    /// The procedure.
    pub(crate) procedure: Option<String>,
    /// The step or command.
    pub(crate) part: Option<String>,
    /// The environment.
    pub(crate) environment: Option<String>,
    /// One line for people.
    pub(crate) summary: String,
    /// The arguments of a call, secrets masked; the script of an execution as its only element.
    pub(crate) arguments: Vec<String>,
    /// Of an edited or adjusted command: the text as the runbook has it.
    pub(crate) original: Option<String>,
    /// What it acts on.
    pub(crate) targets: Vec<Target>,
    /// How far it reaches.
    pub(crate) effect: Option<Effect>,
    /// What the policy said.
    pub(crate) decision: Option<Decision>,
    /// How it ended; null while that is not known.
    pub(crate) outcome: Option<Outcome>,
}

/// Who did it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Actor {
    /// The identity provider's identifier, `token:NAME:ID`, `alerts:NAME`, or `portal`.
    pub(crate) subject: String,
    /// The name at that time.
    pub(crate) name: String,
    /// The address that the request came from.
    pub(crate) address: Option<String>,
}

/// What something acts on.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Target {
    /// The kind in the tool's own words.
    #[schema(example = "deployment")]
    pub(crate) kind: String,
    /// The name; null where it is all of a kind, or a selection.
    pub(crate) name: Option<String>,
    /// The label selector.
    pub(crate) selector: Option<String>,
    /// The namespace that the call names.
    pub(crate) namespace: Option<String>,
}

/// What the policy said.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Decision {
    /// Whether it may happen.
    pub(crate) verdict: Said,
    /// By which rule.
    pub(crate) rule: String,
}

/// Whether something may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Said {
    /// It may.
    Allowed,
    /// It may not, by policy.
    Denied,
    /// It may not: nobody's arguments, or program, of that kind are accepted.
    Refused,
}

/// How it ended.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Outcome {
    /// In a word.
    pub(crate) result: Ending,
    /// When.
    pub(crate) at: Timestamp,
    /// The exit code.
    pub(crate) exit_code: Option<i32>,
    /// How long it took.
    pub(crate) duration_ms: i64,
    /// SHA-256 of what was printed, in hex.
    pub(crate) output_digest: Option<String>,
    /// How many bytes were printed.
    pub(crate) output_bytes: i64,
}

/// How something ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ending {
    /// Exit code 0.
    Passed,
    /// Another exit code, or a signal.
    Failed,
    /// Somebody stopped it.
    Stopped,
    /// Its time was over.
    Expired,
    /// It was never performed.
    Refused,
    /// The portal ended before it knew.
    Unknown,
}

/// List events of the audit trail, newest first
#[utoipa::path(
    get, path = "/history", tag = "history", security(("token" = ["read"])), params(HistoryQuery),
    responses((status = 200, body = History), Looking)
)]
async fn list_history(
    State(operations): State<Operations>,
    token: Allowed<Reads>,
    Query(query): Query<HistoryQuery>,
) -> Result<Json<History>, Problem> {
    let filter = AuditFilter {
        person: query.person,
        runbook: query.runbook.map(RunbookId::new),
        environment: query.environment.map(EnvironmentName),
        effect: query.effect.map(command::Effect::from),
        run: query.run.map(|run| id(&run, "This run")).transpose()?,
        incident: query.incident.map(|incident| id(&incident, "This incident")).transpose()?,
        from: query.from,
        until: query.until,
        text: query.text,
        before: cursor(query.cursor.as_deref())?,
        limit: limit(query.limit)?,
    };
    let page = operations.audit_page(token.caller(), &filter).await?;
    Ok(Json(History {
        events: page.entries.iter().map(Event::from).collect(),
        total: page.total,
        next: page.next.map(|next| next.to_string()),
    }))
}

impl From<&AuditEntry> for Event {
    fn from(entry: &AuditEntry) -> Self {
        let event = &entry.event;
        let place = event.place.as_ref();
        let ended = entry.completion.as_ref().and_then(|end| Some((end.at, end.outcome.as_ref()?)));
        Self {
            id: event.id.to_string(),
            at: event.at,
            kind: event.kind.word().to_owned(),
            actor: Actor {
                subject: event.actor.subject.clone(),
                name: event.actor.name.clone(),
                address: event.actor.address.map(|address| address.to_string()),
            },
            parent: event.parent.map(|id| id.to_string()),
            incident: event.incident.map(|id| id.to_string()),
            run: event.run.map(|id| id.to_string()),
            execution: event.execution.map(|id| id.to_string()),
            runbook: place.map(|place| place.runbook.to_string()),
            procedure: place.map(|place| place.procedure.to_string()),
            part: place.and_then(|place| place.part.as_ref()).map(ToString::to_string),
            environment: event.environment.as_ref().map(|environment| environment.0.clone()),
            summary: event.summary.clone(),
            arguments: event.argv.clone(),
            original: event.original.clone(),
            targets: event
                .targets
                .iter()
                .map(|target| Target {
                    kind: target.kind.clone(),
                    name: target.name.clone(),
                    selector: target.selector.clone(),
                    namespace: target.namespace.clone(),
                })
                .collect(),
            effect: event.effect.map(Effect::from),
            decision: event.decision.as_ref().map(|decision| Decision {
                verdict: match decision.verdict {
                    Verdict::Allowed => Said::Allowed,
                    Verdict::Denied => Said::Denied,
                    Verdict::Refused => Said::Refused,
                },
                rule: decision.rule.clone(),
            }),
            outcome: ended.map(|(at, outcome)| Outcome {
                result: match outcome.result {
                    OutcomeResult::Passed => Ending::Passed,
                    OutcomeResult::Failed => Ending::Failed,
                    OutcomeResult::Stopped => Ending::Stopped,
                    OutcomeResult::Expired => Ending::Expired,
                    OutcomeResult::Refused => Ending::Refused,
                    OutcomeResult::Unknown => Ending::Unknown,
                },
                at,
                exit_code: outcome.exit_code,
                duration_ms: outcome.duration_ms,
                output_digest: outcome.output_digest.clone(),
                output_bytes: outcome.output_bytes,
            }),
        }
    }
}
