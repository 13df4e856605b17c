//! Audit events as rows.

use std::net::IpAddr;
use std::sync::LazyLock;

use command::Effect;
use operations::{
    Actor, AuditEntry, AuditEvent, Decision, EnvironmentName, EventId, EventKind, ExecutionId, IncidentId, LaterChange,
    Outcome, OutcomeResult, Place, RunId, Verdict,
};
use runbook::{CommandId, ProcedureId, RunbookId};
use uuid::Uuid;

use crate::audit::{folded, searched};
use crate::query::{Failure, Query, Row};

/// Where an indexed name is cut, in bytes: PostgreSQL refuses index entries over 2704 bytes, and no event may fail to be
/// written because somebody chose a long name.
const NAME_BYTES: usize = 800;

const COLUMNS: [&str; 30] = [
    "id",
    "at",
    "kind",
    "actor_subject",
    "actor_name",
    "actor_address",
    "completes",
    "parent",
    "incident",
    "run",
    "execution",
    "runbook",
    "runbook_hash",
    "runbook_commit",
    "procedure",
    "part",
    "environment",
    "summary",
    "argv",
    "original",
    "undo",
    "targets",
    "effect",
    "verdict",
    "rule",
    "result",
    "exit_code",
    "duration_ms",
    "output_digest",
    "output_bytes",
];

/// What the completing row's columns are called in the result.
const COMPLETION: &str = "completion_";

/// `SELECT` of events and what completes them.
pub(crate) static ENTRY: LazyLock<String> = LazyLock::new(|| {
    let columns: Vec<String> = COLUMNS
        .iter()
        .map(|column| format!("event.{column} AS {column}, completion.{column} AS {COMPLETION}{column}"))
        .collect();
    format!(
        "SELECT event.sequence AS sequence, {} FROM audit_event event \
         LEFT JOIN audit_event completion ON completion.completes = event.id WHERE ",
        columns.join(", ")
    )
});

pub(crate) fn insert(event: &AuditEvent) -> Result<Query, Failure> {
    let place = event.place.as_ref();
    let outcome = event.outcome.as_ref();
    let decision = event.decision.as_ref();
    let address = event.actor.address.map(|address| address.to_string());
    let undo = (!event.undo.is_empty()).then(|| serde_json::to_string(&event.undo)).transpose()?;
    let environment = event.environment.as_ref().map(|environment| cut(&environment.0));
    Ok(Query::insert(
        "audit_event",
        [
            ("id", event.id.0.into()),
            ("at", event.at.into()),
            ("kind", event.kind.word().into()),
            ("actor_subject", cut(&event.actor.subject).into()),
            ("actor_name", event.actor.name.as_str().into()),
            ("actor_address", address.as_deref().into()),
            ("completes", event.completes.map(|id| id.0).into()),
            ("parent", event.parent.map(|id| id.0).into()),
            ("incident", event.incident.map(|id| id.0).into()),
            ("run", event.run.map(|id| id.0).into()),
            ("execution", event.execution.map(|id| id.0).into()),
            ("runbook", place.map(|place| cut(place.runbook.as_str())).into()),
            ("runbook_hash", place.map(|place| place.hash.as_str()).into()),
            ("runbook_commit", place.and_then(|place| place.commit.as_deref()).into()),
            ("procedure", place.map(|place| place.procedure.as_str()).into()),
            ("part", place.and_then(|place| place.part.as_ref()).map(CommandId::as_str).into()),
            ("environment", environment.into()),
            ("summary", event.summary.as_str().into()),
            ("argv", serde_json::to_string(&event.argv)?.as_str().into()),
            ("original", event.original.as_deref().into()),
            ("undo", undo.as_deref().into()),
            ("targets", serde_json::to_string(&event.targets)?.as_str().into()),
            ("effect", event.effect.map(Effect::word).into()),
            ("verdict", decision.map(|decision| verdict_word(decision.verdict)).into()),
            ("rule", decision.map(|decision| decision.rule.as_str()).into()),
            ("result", outcome.map(|outcome| result_word(outcome.result)).into()),
            ("exit_code", outcome.and_then(|outcome| outcome.exit_code).map(i64::from).into()),
            ("duration_ms", outcome.map(|outcome| outcome.duration_ms).into()),
            ("output_digest", outcome.and_then(|outcome| outcome.output_digest.as_deref()).into()),
            ("output_bytes", outcome.map(|outcome| outcome.output_bytes).into()),
            ("searched_person", folded(&event.actor.name).as_str().into()),
            ("searched_text", searched(event).as_str().into()),
        ],
    ))
}

pub(crate) fn entry_of(row: &Row) -> Result<AuditEntry, Failure> {
    let completed: Option<String> = row.get(&format!("{COMPLETION}id"))?;
    let completion = completed.map(|_| event_of(row, COMPLETION)).transpose()?;
    Ok(AuditEntry { sequence: row.get("sequence")?, event: event_of(row, "")?, completion })
}

pub(crate) fn event_of(row: &Row, prefix: &str) -> Result<AuditEvent, Failure> {
    let column = |name: &str| format!("{prefix}{name}");
    let text = |name: &str| row.get::<String>(&column(name));
    let optional = |name: &str| row.get::<Option<String>>(&column(name));
    let id = |name: &str| row.read_optional(&column(name), |id| id.parse::<Uuid>().ok());

    let place = match optional("runbook")? {
        None => None,
        Some(runbook) => Some(Place {
            runbook: RunbookId::new(runbook),
            hash: text("runbook_hash")?,
            commit: optional("runbook_commit")?,
            procedure: ProcedureId::new(text("procedure")?),
            part: optional("part")?.map(CommandId::new),
        }),
    };
    let decision = match row.read_optional(&column("verdict"), verdict_from_word)? {
        None => None,
        Some(verdict) => Some(Decision { verdict, rule: text("rule")? }),
    };
    let outcome = match row.read_optional(&column("result"), result_from_word)? {
        None => None,
        Some(result) => Some(Outcome {
            result,
            exit_code: row.exit_code(&column("exit_code"))?,
            duration_ms: row.get(&column("duration_ms"))?,
            output_digest: optional("output_digest")?,
            output_bytes: row.get(&column("output_bytes"))?,
        }),
    };
    Ok(AuditEvent {
        id: EventId(row.read(&column("id"), |id| id.parse().ok())?),
        at: row.timestamp(&column("at"))?,
        kind: row.read(&column("kind"), EventKind::from_word)?,
        actor: Actor {
            subject: text("actor_subject")?,
            name: text("actor_name")?,
            address: row.read_optional(&column("actor_address"), |address| address.parse::<IpAddr>().ok())?,
        },
        completes: id("completes")?.map(EventId),
        parent: id("parent")?.map(EventId),
        incident: id("incident")?.map(IncidentId),
        run: id("run")?.map(RunId),
        execution: id("execution")?.map(ExecutionId),
        place,
        environment: optional("environment")?.map(EnvironmentName),
        summary: text("summary")?,
        argv: row.read(&column("argv"), |json| serde_json::from_str(json).ok())?,
        original: optional("original")?,
        undo: row.read_optional(&column("undo"), |json| serde_json::from_str(json).ok())?.unwrap_or_default(),
        targets: row.read(&column("targets"), |json| serde_json::from_str(json).ok())?,
        effect: row.read_optional(&column("effect"), Effect::from_word)?,
        decision,
        outcome,
    })
}

/// `SELECT` of what is told of later changes.
pub(crate) const LATER: &str = "SELECT event.sequence AS sequence, event.execution AS execution, \
    event.actor_name AS actor_name, event.at AS at, event.summary AS summary, event.argv AS argv, \
    event.targets AS targets, completion.result AS result FROM audit_event event \
    LEFT JOIN audit_event completion ON completion.completes = event.id WHERE ";

pub(crate) fn later_of(row: &Row) -> Result<LaterChange, Failure> {
    let result = row.read_optional("result", result_from_word)?;
    Ok(LaterChange {
        sequence: row.get("sequence")?,
        execution: row.read_optional("execution", |id| id.parse().ok())?,
        by: row.get("actor_name")?,
        at: row.timestamp("at")?,
        verb: row.get("summary")?,
        call: row.read("argv", |json| serde_json::from_str(json).ok())?,
        targets: row.read("targets", |json| serde_json::from_str(json).ok())?,
        refused: result == Some(OutcomeResult::Refused),
    })
}

/// The part of a name that is kept and compared.
pub(crate) fn cut(name: &str) -> &str {
    &name[..name.floor_char_boundary(NAME_BYTES)]
}

fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allowed => "allowed",
        Verdict::Denied => "denied",
        Verdict::Refused => "refused",
    }
}

fn verdict_from_word(word: &str) -> Option<Verdict> {
    [Verdict::Allowed, Verdict::Denied, Verdict::Refused].into_iter().find(|verdict| verdict_word(*verdict) == word)
}

fn result_word(result: OutcomeResult) -> &'static str {
    match result {
        OutcomeResult::Passed => "passed",
        OutcomeResult::Failed => "failed",
        OutcomeResult::Stopped => "stopped",
        OutcomeResult::Expired => "expired",
        OutcomeResult::Refused => "refused",
        OutcomeResult::Unknown => "unknown",
    }
}

fn result_from_word(word: &str) -> Option<OutcomeResult> {
    [
        OutcomeResult::Passed,
        OutcomeResult::Failed,
        OutcomeResult::Stopped,
        OutcomeResult::Expired,
        OutcomeResult::Refused,
        OutcomeResult::Unknown,
    ]
    .into_iter()
    .find(|result| result_word(*result) == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_between_characters() {
        assert_eq!(cut("ops"), "ops");
        let name = "ä".repeat(NAME_BYTES);
        assert_eq!(cut(&name).len(), NAME_BYTES);
        let odd = format!("x{name}");
        assert_eq!(cut(&odd).len(), NAME_BYTES - 1);
    }
}
