//! The audit trail.

use async_trait::async_trait;
use command::Effect;
use operations::{
    AuditEntry, AuditError, AuditEvent, AuditFilter, AuditPage, AuditTrail, EnvironmentName, EventId, ExecutionId,
    LaterChange, RunId,
};

use crate::audit_row::{ENTRY, LATER, cut, entry_of, event_of, insert, later_of};
use crate::query::{Failure, Query, storable};
use crate::{PAGE_ROWS, Store};

/// How many entries a page has where the filter does not say.
const ENTRIES: u32 = 100;
/// How many unfinished intents the sweeper gets at once.
const UNFINISHED: i64 = 1000;
/// How many actions of one execution are read at most.
const ACTIONS: i64 = 10_000;
/// How many of a run's changes are read at most.
const CHANGES: i64 = 1000;
/// How many characters of a searched text count. SQLite refuses patterns over 50,000 bytes.
const SEARCH_CHARACTERS: usize = 512;

impl Store {
    async fn append_event(&self, event: &AuditEvent) -> Result<(), Failure> {
        self.database.write(insert(event)?).await?;
        Ok(())
    }

    async fn audit_page(&self, filter: &AuditFilter) -> Result<AuditPage, Failure> {
        let count = selected(Query::new("SELECT count(*) AS total FROM audit_event event WHERE "), filter);
        let total = self.database.one(count, |row| Ok(row.get("total")?)).await?.unwrap_or(0);
        let (entries, next) = self.audit_entries(filter).await?;
        Ok(AuditPage { entries, total, next })
    }

    async fn audit_entries(&self, filter: &AuditFilter) -> Result<(Vec<AuditEntry>, Option<i64>), Failure> {
        let mut query = selected(Query::new(ENTRY.as_str()), filter);
        if let Some(before) = filter.before {
            query = query.sql(" AND event.sequence < ").bind(before);
        }
        let limit = if filter.limit == 0 { ENTRIES } else { filter.limit.min(PAGE_ROWS) };
        // One more than asked for tells whether there is a next page.
        let query = query.sql(" ORDER BY event.sequence DESC LIMIT ").bind(i64::from(limit) + 1);
        let mut entries = self.database.all(query, entry_of).await?;
        let more = entries.len() > limit as usize;
        entries.truncate(limit as usize);
        let next = entries.last().map(|entry| entry.sequence).filter(|_| more);
        Ok((entries, next))
    }
}

#[async_trait]
impl AuditTrail for Store {
    async fn append(&self, event: &AuditEvent) -> Result<(), AuditError> {
        self.append_event(event).await.map_err(failed("append an event"))
    }

    async fn page(&self, filter: &AuditFilter) -> Result<AuditPage, AuditError> {
        self.audit_page(filter).await.map_err(failed("read a page"))
    }

    async fn entries(&self, filter: &AuditFilter) -> Result<(Vec<AuditEntry>, Option<i64>), AuditError> {
        self.audit_entries(filter).await.map_err(failed("read entries"))
    }

    async fn entry(&self, id: EventId) -> Result<Option<AuditEntry>, AuditError> {
        let query = Query::new(ENTRY.as_str()).sql("event.id = ").bind(id.0);
        self.database.one(query, entry_of).await.map_err(failed("read an entry"))
    }

    async fn unfinished(&self) -> Result<Vec<AuditEvent>, AuditError> {
        let query = Query::new(ENTRY.as_str())
            .sql("event.kind IN ('execution-intent', 'action-intent', 'message-intent') AND completion.id IS NULL")
            .sql(" ORDER BY event.sequence LIMIT ")
            .bind(UNFINISHED);
        self.database.all(query, |row| event_of(row, "")).await.map_err(failed("read unfinished intents"))
    }

    /// At most the first 10,000.
    async fn actions_of(&self, execution: ExecutionId) -> Result<Vec<AuditEntry>, AuditError> {
        let query = Query::new(ENTRY.as_str())
            .sql("event.kind = 'action-intent' AND event.execution = ")
            .bind(execution.0)
            .sql(" ORDER BY event.sequence LIMIT ")
            .bind(ACTIONS);
        self.database.all(query, entry_of).await.map_err(failed("read an execution's actions"))
    }

    async fn changes_of(&self, run: RunId) -> Result<Vec<AuditEntry>, AuditError> {
        let query = Query::new(ENTRY.as_str())
            .sql("event.undo IS NOT NULL AND event.run = ")
            .bind(run.0)
            .sql(" ORDER BY event.sequence DESC LIMIT ")
            .bind(CHANGES);
        let mut changes = self.database.all(query, entry_of).await.map_err(failed("read a run's changes"))?;
        changes.reverse();
        Ok(changes)
    }

    async fn last_place(&self, environment: &EnvironmentName) -> Result<i64, AuditError> {
        let query =
            Query::new("SELECT max(sequence) AS last FROM audit_event WHERE environment = ").bind(cut(&environment.0));
        let last = self.database.one(query, |row| Ok(row.get::<Option<i64>>("last")?)).await;
        Ok(last.map_err(failed("read where the trail ends"))?.flatten().unwrap_or(0))
    }

    async fn changes_after(&self, environment: &EnvironmentName, place: i64) -> Result<Vec<LaterChange>, AuditError> {
        let query = Query::new(LATER)
            .sql("event.kind = 'action-intent' AND event.effect IN ('change', 'destroy') AND event.environment = ")
            .bind(cut(&environment.0))
            .sql(" AND event.sequence > ")
            .bind(place)
            .sql(" ORDER BY event.sequence DESC LIMIT ")
            .bind(i64::try_from(LaterChange::MOST).unwrap_or(i64::MAX));
        let mut later = self.database.all(query, later_of).await.map_err(failed("read what changed since"))?;
        later.reverse();
        Ok(later)
    }
}

fn failed(operation: &'static str) -> impl FnOnce(Failure) -> AuditError {
    move |source| AuditError { operation, source }
}

/// Continues a query behind its `WHERE` with what the filter says, `before` and `limit` aside.
fn selected(query: Query, filter: &AuditFilter) -> Query {
    let mut query = query.sql("event.completes IS NULL");
    if let Some(person) = &filter.person {
        query = query
            .sql(" AND (event.actor_subject = ")
            .bind(cut(person))
            .sql(" OR event.searched_person LIKE ")
            .bind(pattern(person).as_str())
            .sql(" ESCAPE '!')");
    }
    if let Some(runbook) = &filter.runbook {
        query = query.sql(" AND event.runbook = ").bind(cut(runbook.as_str()));
    }
    if let Some(environment) = &filter.environment {
        query = query.sql(" AND event.environment = ").bind(cut(&environment.0));
    }
    if let Some(effect) = filter.effect {
        let enough = [Effect::Read, Effect::Change, Effect::Destroy].into_iter().filter(|other| *other >= effect);
        for (index, word) in enough.map(Effect::word).enumerate() {
            query = query.sql(if index == 0 { " AND event.effect IN (" } else { ", " }).bind(word);
        }
        query = query.sql(")");
    }
    if let Some(run) = filter.run {
        query = query.sql(" AND event.run = ").bind(run.0);
    }
    if let Some(incident) = filter.incident {
        query = query
            .sql(" AND (event.incident = ")
            .bind(incident.0)
            .sql(" OR event.run IN (SELECT id FROM run WHERE incident = ")
            .bind(incident.0)
            .sql("))");
    }
    if let Some(from) = filter.from {
        query = query.sql(" AND event.at >= ").bind(from);
    }
    if let Some(until) = filter.until {
        query = query.sql(" AND event.at < ").bind(until);
    }
    if let Some(text) = &filter.text {
        query = query.sql(" AND event.searched_text LIKE ").bind(pattern(text).as_str()).sql(" ESCAPE '!'");
    }
    query
}

/// What the text filter looks in: the summary, the arguments as one line, each target.
pub(crate) fn searched(event: &AuditEvent) -> String {
    let mut text = format!("{}\n{}", event.summary, event.argv.join(" "));
    for target in &event.targets {
        text.push('\n');
        text.push_str(&target.to_string());
    }
    folded(&text)
}

/// Lower case, letter by letter, by the same rule for what is kept and what is looked for. The databases' own rules
/// differ from each other: SQLite's knows ASCII only.
pub(crate) fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// A `LIKE` pattern for text that holds this one literally, with `!` as its escape character.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in folded(&storable(text)).chars().take(SEARCH_CHARACTERS) {
        if matches!(character, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_escapes_wildcards() {
        assert_eq!(pattern("50%_Off!"), "%50!%!_off!!%");
        assert_eq!(pattern("ÄRGER"), "%ärger%");
        assert!(pattern(&"%".repeat(100_000)).len() < 50_000);
    }
}
