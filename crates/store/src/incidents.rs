//! Incidents, their alerts, messages and attachments.

use async_trait::async_trait;
use operations::token::owner_name;
use operations::{
    Attachment, AttachmentId, DeliveryState, EnvironmentName, FiredAlert, Incident, IncidentFilter, IncidentId,
    IncidentPlace, IncidentStore, Message, MessageId, NewIncident, PagerAction, RunId, StoreError,
};
use runbook::RunbookId;

use crate::query::{Failure, Query, Row};
use crate::{PAGE_ROWS, Store, failed};

const INCIDENT: &str = "number, id, title, severity, environment, affected, terms, runbook, opened_by_subject, \
                        opened_by_name, started_at, acknowledged_at, mitigated_at, resolved_at, commander_subject, \
                        commander_name, latest_update, updated_at, told_at, worst_said, post_mortem, share_key";
const ALERT: &str = "incident, source, fingerprint, group_key, name, labels, annotations, started_at, cleared_at";
const MESSAGE: &str = "id, incident, channel, title, subject, text, action, by_subject, by_name, at, state, attempts, \
                       remark, ended_at, again_after";

/// How many incidents a list has where the filter does not say.
const INCIDENTS: u32 = 50;
/// How many alerts or messages of an incident are read at most.
const PARTS: i64 = 500;
/// How many people of an incident are read at most.
const PEOPLE: i64 = 100;

impl Store {
    async fn insert_incident(&self, new: NewIncident, alerts: &[FiredAlert]) -> Result<Incident, Failure> {
        let terms = serde_json::to_string(&new.terms)?;
        let query = Query::insert(
            "incident",
            [
                ("id", new.id.0.into()),
                ("title", new.title.as_str().into()),
                ("severity", new.severity.as_deref().into()),
                ("environment", new.environment.as_ref().map(|name| name.0.as_str()).into()),
                ("affected", new.affected.as_str().into()),
                ("terms", terms.as_str().into()),
                ("runbook", new.runbook.as_ref().map(RunbookId::as_str).into()),
                ("opened_by_subject", new.opened_by.0.as_str().into()),
                ("opened_by_name", new.opened_by.1.as_str().into()),
                ("started_at", new.started_at.into()),
                ("rank", stored_rank(new.rank()).into()),
                ("worst_said", new.worst_said.map(i64::from).into()),
                ("latest_update", "".into()),
            ],
        )
        .sql(" RETURNING ")
        .sql(INCIDENT);
        let mut transaction = self.database.begin().await?;
        let incident = incident_of(&transaction.returning(query).await?)?;
        for alert in alerts {
            transaction.write(upsert_alert(alert)?).await?;
        }
        transaction.commit().await?;
        Ok(incident)
    }

    async fn update_incident(&self, incident: &Incident) -> Result<(), Failure> {
        let terms = serde_json::to_string(&incident.terms)?;
        let query = Query::new("UPDATE incident SET title = ")
            .bind(incident.title.as_str())
            .sql(", severity = ")
            .bind(incident.severity.as_deref())
            .sql(", environment = ")
            .bind(incident.environment.as_ref().map(|name| name.0.as_str()))
            .sql(", affected = ")
            .bind(incident.affected.as_str())
            .sql(", terms = ")
            .bind(terms.as_str())
            .sql(", runbook = ")
            .bind(incident.runbook.as_ref().map(RunbookId::as_str))
            .sql(", acknowledged_at = ")
            .bind(incident.acknowledged_at)
            .sql(", mitigated_at = ")
            .bind(incident.mitigated_at)
            .sql(", resolved_at = ")
            .bind(incident.resolved_at)
            .sql(", commander_subject = ")
            .bind(incident.commander.as_ref().map(|one| one.0.as_str()))
            .sql(", commander_name = ")
            .bind(incident.commander.as_ref().map(|one| one.1.as_str()))
            .sql(", latest_update = ")
            .bind(incident.latest_update.as_str())
            .sql(", updated_at = ")
            .bind(incident.updated_at)
            .sql(", told_at = ")
            .bind(incident.told_at)
            .sql(", rank = ")
            .bind(stored_rank(incident.rank()))
            .sql(", worst_said = ")
            .bind(incident.worst_said.map(i64::from))
            .sql(", post_mortem = ")
            .bind(incident.post_mortem.as_deref())
            .sql(", share_key = ")
            .bind(incident.share_key.as_deref())
            .sql(" WHERE id = ")
            .bind(incident.id.0);
        match self.database.write(query).await? {
            0 => Err("there is no such incident".into()),
            _ => Ok(()),
        }
    }

    async fn upsert_message(&self, message: &Message) -> Result<(), Failure> {
        let query = Query::insert(
            "message",
            [
                ("id", message.id.0.into()),
                ("incident", message.incident.0.into()),
                ("channel", message.channel.as_str().into()),
                ("title", message.title.as_str().into()),
                ("subject", message.subject.as_str().into()),
                ("text", message.text.as_str().into()),
                ("action", action_word(message.action).into()),
                ("by_subject", message.by.0.as_str().into()),
                ("by_name", message.by.1.as_str().into()),
                ("at", message.at.into()),
                ("state", message.state.word().into()),
                ("attempts", message.attempts.into()),
                ("remark", message.remark.as_deref().into()),
                ("ended_at", message.ended_at.into()),
                ("again_after", message.again_after.into()),
            ],
        )
        .sql(" ON CONFLICT (id) DO UPDATE SET by_subject = excluded.by_subject, by_name = excluded.by_name,")
        .sql(" state = excluded.state, attempts = excluded.attempts, remark = excluded.remark,")
        .sql(" ended_at = excluded.ended_at");
        self.database.write(query).await?;
        Ok(())
    }

    async fn insert_attachment(&self, attachment: &Attachment) -> Result<(), Failure> {
        let query = Query::insert(
            "attachment",
            [
                ("id", attachment.id.0.into()),
                ("run", attachment.run.0.into()),
                ("name", attachment.name.as_str().into()),
                ("media_type", attachment.media_type.as_str().into()),
                ("bytes", attachment.bytes.as_slice().into()),
                ("by_subject", attachment.by.0.as_str().into()),
                ("by_name", attachment.by.1.as_str().into()),
                ("at", attachment.at.into()),
            ],
        );
        self.database.write(query).await?;
        Ok(())
    }
}

#[async_trait]
impl IncidentStore for Store {
    async fn create_incident(&self, new: NewIncident, alerts: &[FiredAlert]) -> Result<Incident, StoreError> {
        self.insert_incident(new, alerts).await.map_err(failed("keep a new incident"))
    }

    async fn incident(&self, id: IncidentId) -> Result<Option<Incident>, StoreError> {
        let query = Query::new("SELECT ").sql(INCIDENT).sql(" FROM incident WHERE id = ").bind(id.0);
        self.database.one(query, incident_of).await.map_err(failed("read an incident"))
    }

    async fn shared_incident(&self, key: &str) -> Result<Option<Incident>, StoreError> {
        let query = Query::new("SELECT ").sql(INCIDENT).sql(" FROM incident WHERE share_key = ").bind(key);
        self.database.one(query, incident_of).await.map_err(failed("read a shared incident"))
    }

    async fn incidents(&self, filter: &IncidentFilter) -> Result<Vec<Incident>, StoreError> {
        let mut query = Query::new("SELECT ").sql(INCIDENT).sql(" FROM incident WHERE 1 = 1");
        if filter.open {
            query = query.sql(" AND resolved_at IS NULL");
        }
        if let Some(subject) = &filter.with {
            let subject = subject.as_str();
            query = query
                .sql(" AND (commander_subject = ")
                .bind(subject)
                .sql(" OR EXISTS (SELECT 1 FROM audit_event WHERE audit_event.incident = incident.id")
                .sql(" AND actor_subject = ")
                .bind(subject)
                .sql(") OR EXISTS (SELECT 1 FROM run JOIN audit_event ON audit_event.run = run.id")
                .sql(" WHERE run.incident = incident.id AND actor_subject = ")
                .bind(subject)
                .sql("))");
        }
        query = match filter.before {
            None => query,
            Some(IncidentPlace::Open { rank, number }) => query
                .sql(" AND (resolved_at IS NOT NULL OR rank > ")
                .bind(i64::from(rank))
                .sql(" OR (rank = ")
                .bind(i64::from(rank))
                .sql(" AND number < ")
                .bind(number.0)
                .sql("))"),
            Some(IncidentPlace::Over { number }) => {
                query.sql(" AND resolved_at IS NOT NULL AND number < ").bind(number.0)
            }
        };
        let limit = if filter.limit == 0 { INCIDENTS } else { filter.limit.min(PAGE_ROWS) };
        let query = query
            .sql(" ORDER BY CASE WHEN resolved_at IS NULL THEN 0 ELSE 1 END,")
            .sql(" CASE WHEN resolved_at IS NULL THEN rank ELSE 0 END, number DESC LIMIT ")
            .bind(i64::from(limit));
        self.database.all(query, incident_of).await.map_err(failed("list incidents"))
    }

    async fn change_incident(&self, incident: &Incident) -> Result<(), StoreError> {
        self.update_incident(incident).await.map_err(failed("change an incident"))
    }

    async fn incident_of_alert(
        &self,
        source: &str,
        fingerprint: &str,
        group_key: &str,
    ) -> Result<Option<IncidentId>, StoreError> {
        let query = Query::new("SELECT alert.incident AS incident FROM alert")
            .sql(" JOIN incident ON incident.id = alert.incident")
            .sql(" WHERE incident.resolved_at IS NULL AND alert.source = ")
            .bind(source)
            .sql(" AND (alert.fingerprint = ")
            .bind(fingerprint)
            .sql(" OR alert.group_key = ")
            .bind(group_key)
            .sql(") ORDER BY CASE WHEN alert.fingerprint = ")
            .bind(fingerprint)
            .sql(" THEN 0 ELSE 1 END, alert.sequence DESC LIMIT 1");
        let read = |row: &Row| row.read("incident", |id| id.parse().ok());
        self.database.one(query, read).await.map_err(failed("find an alert's incident"))
    }

    async fn firing(&self, source: &str, fingerprint: &str) -> Result<Option<IncidentId>, StoreError> {
        let query = Query::new("SELECT incident FROM alert WHERE cleared_at IS NULL AND source = ")
            .bind(source)
            .sql(" AND fingerprint = ")
            .bind(fingerprint)
            .sql(" ORDER BY sequence DESC LIMIT 1");
        let read = |row: &Row| row.read("incident", |id| id.parse().ok());
        self.database.one(query, read).await.map_err(failed("find where an alert fires"))
    }

    async fn keep_alert(&self, alert: &FiredAlert) -> Result<(), StoreError> {
        let query = upsert_alert(alert).map_err(failed("write an alert down"))?;
        self.database.write(query).await.map_err(failed("keep an alert"))?;
        Ok(())
    }

    async fn alerts(&self, incident: IncidentId) -> Result<Vec<FiredAlert>, StoreError> {
        let query = Query::new("SELECT ")
            .sql(ALERT)
            .sql(" FROM alert WHERE incident = ")
            .bind(incident.0)
            .sql(" ORDER BY sequence DESC LIMIT ")
            .bind(PARTS);
        let mut found = self.database.all(query, alert_of).await.map_err(failed("list alerts"))?;
        found.reverse();
        Ok(found)
    }

    async fn participants(&self, incident: IncidentId) -> Result<Vec<(String, String)>, StoreError> {
        let query = Query::new(
            "SELECT took_part.subject AS subject, person.name AS name, newest.actor_name AS actor_name",
        )
        .sql(" FROM (SELECT actor_subject AS subject, min(sequence) AS came, max(sequence) AS went FROM audit_event")
        .sql(" WHERE (incident = ")
        .bind(incident.0)
        .sql(" OR run IN (SELECT id FROM run WHERE incident = ")
        .bind(incident.0)
        .sql(")) AND actor_subject <> 'portal' AND actor_subject NOT LIKE 'alerts:%' GROUP BY actor_subject) took_part")
        .sql(" JOIN audit_event newest ON newest.sequence = took_part.went")
        .sql(" LEFT JOIN person ON person.subject = took_part.subject ORDER BY took_part.came LIMIT ")
        .bind(PEOPLE);
        let read = |row: &Row| {
            let (known, actor): (Option<String>, String) = (row.get("name")?, row.get("actor_name")?);
            Ok((row.get("subject")?, known.unwrap_or_else(|| owner_name(&actor).to_owned())))
        };
        self.database.all(query, read).await.map_err(failed("list the people of an incident"))
    }

    async fn keep_message(&self, message: &Message) -> Result<(), StoreError> {
        self.upsert_message(message).await.map_err(failed("keep a message"))
    }

    async fn message(&self, id: MessageId) -> Result<Option<Message>, StoreError> {
        let query = Query::new("SELECT ").sql(MESSAGE).sql(" FROM message WHERE id = ").bind(id.0);
        self.database.one(query, message_of).await.map_err(failed("read a message"))
    }

    async fn messages(&self, incident: IncidentId) -> Result<Vec<Message>, StoreError> {
        let query = Query::new("SELECT ")
            .sql(MESSAGE)
            .sql(" FROM message WHERE incident = ")
            .bind(incident.0)
            .sql(" ORDER BY sequence DESC LIMIT ")
            .bind(PARTS);
        let mut found = self.database.all(query, message_of).await.map_err(failed("list messages"))?;
        found.reverse();
        Ok(found)
    }

    async fn sending(&self) -> Result<Vec<Message>, StoreError> {
        let query = Query::new("SELECT ").sql(MESSAGE).sql(" FROM message WHERE state = 'sending' ORDER BY sequence");
        self.database.all(query, message_of).await.map_err(failed("list messages on their way"))
    }

    async fn attached(&self, run: RunId) -> Result<u64, StoreError> {
        let query =
            Query::new("SELECT cast(coalesce(sum(length(bytes)), 0) AS BIGINT) AS total FROM attachment WHERE run = ")
                .bind(run.0);
        let total = self.database.one(query, |row: &Row| Ok(row.get::<i64>("total")?)).await;
        Ok(total
            .map_err(failed("weigh the attachments of a run"))?
            .and_then(|total| total.try_into().ok())
            .unwrap_or(0))
    }

    async fn attach(&self, attachment: &Attachment) -> Result<(), StoreError> {
        self.insert_attachment(attachment).await.map_err(failed("keep an attachment"))
    }

    async fn attachment(&self, id: AttachmentId) -> Result<Option<Attachment>, StoreError> {
        let query =
            Query::new("SELECT id, run, name, media_type, bytes, by_subject, by_name, at FROM attachment WHERE id = ")
                .bind(id.0);
        self.database.one(query, attachment_of).await.map_err(failed("read an attachment"))
    }
}

/// How bad an incident is, for the order of lists.
fn stored_rank(rank: Option<u8>) -> i64 {
    rank.unwrap_or(u8::MAX).into()
}

fn upsert_alert(alert: &FiredAlert) -> Result<Query, Failure> {
    Ok(Query::insert(
        "alert",
        [
            ("incident", alert.incident.0.into()),
            ("source", alert.source.as_str().into()),
            ("fingerprint", alert.fingerprint.as_str().into()),
            ("group_key", alert.group_key.as_str().into()),
            ("name", alert.name.as_str().into()),
            ("labels", serde_json::to_string(&alert.labels)?.as_str().into()),
            ("annotations", serde_json::to_string(&alert.annotations)?.as_str().into()),
            ("started_at", alert.started_at.into()),
            ("cleared_at", alert.cleared_at.into()),
        ],
    )
    .sql(" ON CONFLICT (incident, source, fingerprint) DO UPDATE SET group_key = excluded.group_key,")
    .sql(" name = excluded.name, labels = excluded.labels, annotations = excluded.annotations,")
    .sql(" started_at = excluded.started_at, cleared_at = excluded.cleared_at"))
}

fn incident_of(row: &Row) -> Result<Incident, Failure> {
    let commander: Option<String> = row.get("commander_subject")?;
    Ok(Incident {
        id: row.read("id", |id| id.parse().ok())?,
        number: row.get("number")?,
        title: row.get("title")?,
        severity: row.get("severity")?,
        environment: row.get::<Option<String>>("environment")?.map(EnvironmentName),
        affected: row.get("affected")?,
        terms: row.read("terms", |json| serde_json::from_str(json).ok())?,
        runbook: row.get::<Option<String>>("runbook")?.map(RunbookId::new),
        opened_by: (row.get("opened_by_subject")?, row.get("opened_by_name")?),
        started_at: row.timestamp("started_at")?,
        acknowledged_at: row.optional_timestamp("acknowledged_at")?,
        mitigated_at: row.optional_timestamp("mitigated_at")?,
        resolved_at: row.optional_timestamp("resolved_at")?,
        commander: match commander {
            Some(subject) => Some((subject, row.get("commander_name")?)),
            None => None,
        },
        latest_update: row.get("latest_update")?,
        updated_at: row.optional_timestamp("updated_at")?,
        told_at: row.optional_timestamp("told_at")?,
        worst_said: row.get::<Option<i64>>("worst_said")?.and_then(|rank| rank.try_into().ok()),
        post_mortem: row.get("post_mortem")?,
        share_key: row.get("share_key")?,
    })
}

fn alert_of(row: &Row) -> Result<FiredAlert, Failure> {
    Ok(FiredAlert {
        incident: row.read("incident", |id| id.parse().ok())?,
        source: row.get("source")?,
        fingerprint: row.get("fingerprint")?,
        group_key: row.get("group_key")?,
        name: row.get("name")?,
        labels: row.read("labels", |json| serde_json::from_str(json).ok())?,
        annotations: row.read("annotations", |json| serde_json::from_str(json).ok())?,
        started_at: row.timestamp("started_at")?,
        cleared_at: row.optional_timestamp("cleared_at")?,
    })
}

fn message_of(row: &Row) -> Result<Message, Failure> {
    Ok(Message {
        id: row.read("id", |id| id.parse().ok())?,
        incident: row.read("incident", |id| id.parse().ok())?,
        channel: row.get("channel")?,
        title: row.get("title")?,
        subject: row.get("subject")?,
        text: row.get("text")?,
        action: row.read("action", action_from_word)?,
        by: (row.get("by_subject")?, row.get("by_name")?),
        at: row.timestamp("at")?,
        state: row.read("state", DeliveryState::from_word)?,
        attempts: row.get("attempts")?,
        remark: row.get("remark")?,
        ended_at: row.optional_timestamp("ended_at")?,
        again_after: row.get("again_after")?,
    })
}

fn attachment_of(row: &Row) -> Result<Attachment, Failure> {
    Ok(Attachment {
        id: row.read("id", |id| id.parse().ok())?,
        run: row.read("run", |id| id.parse::<RunId>().ok())?,
        name: row.get("name")?,
        media_type: row.get("media_type")?,
        bytes: row.get("bytes")?,
        by: (row.get("by_subject")?, row.get("by_name")?),
        at: row.timestamp("at")?,
    })
}

fn action_word(action: PagerAction) -> &'static str {
    match action {
        PagerAction::Trigger => "trigger",
        PagerAction::Acknowledge => "acknowledge",
        PagerAction::Resolve => "resolve",
    }
}

fn action_from_word(word: &str) -> Option<PagerAction> {
    [PagerAction::Trigger, PagerAction::Acknowledge, PagerAction::Resolve]
        .into_iter()
        .find(|action| action_word(*action) == word)
}
