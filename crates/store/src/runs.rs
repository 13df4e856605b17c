//! Runs, executions and marks.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use operations::{
    EnvironmentName, Execution, ExecutionId, ExecutionState, NewRun, PastRun, Run, RunFilter, RunId, RunState,
    RunStore, StepMark, StoreError,
};
use runbook::{CommandId, ProcedureId, RunbookId, Version};

use crate::query::{Failure, Query, Row};
use crate::{PAGE_ROWS, Store, failed};

const RUN: &str = "number, id, runbook, runbook_title, version_hash, version_commit, procedure, procedure_title, \
                   environment, started_by_subject, started_by_name, started_at, state, ended_at, variables, given, incident";
const EXECUTION: &str = "id, run, command, source, edited, started_by_subject, started_by_name, started_at, state, \
                         ended_at, exit_code, note, truncated, findings, undoes";

/// How many runs a list has where the filter does not say.
const RUNS: u32 = 50;
/// How many pinned procedures are read at most.
const PINS: i64 = 50;
/// How many executions of a run are read, those aside that are always read; and how many marks at most.
const PARTS: i64 = 1000;
/// How many notes of a run are read at most, and how many characters of them with what is kept around each.
const NOTES: (usize, usize) = (StepMark::NOTES, 2 * StepMark::ALL_NOTES);
/// A mark's row. Its JSON begins with its kind, of which three letters suffice: `{"mark":"noted"`.
const MARK: &str = "SELECT run, part, mark, by_subject, by_name, at FROM ";

impl Store {
    async fn create_run(&self, new: NewRun) -> Result<Run, Failure> {
        let given = serde_json::to_string(&new.given)?;
        let mut transaction = self.database.begin().await?;
        let text =
            Query::insert("runbook_text", [("hash", new.version.hash.as_str().into()), ("text", (&*new.text).into())])
                .sql(" ON CONFLICT (hash) DO NOTHING");
        transaction.write(text).await?;
        let run = Query::insert(
            "run",
            [
                ("id", new.id.0.into()),
                ("runbook", new.runbook.as_str().into()),
                ("runbook_title", new.runbook_title.as_str().into()),
                ("version_hash", new.version.hash.as_str().into()),
                ("version_commit", new.version.commit.as_deref().into()),
                ("procedure", new.procedure.as_str().into()),
                ("procedure_title", new.procedure_title.as_str().into()),
                ("environment", new.environment.0.as_str().into()),
                ("started_by_subject", new.started_by.0.as_str().into()),
                ("started_by_name", new.started_by.1.as_str().into()),
                ("started_at", new.started_at.into()),
                ("state", RunState::Open.word().into()),
                ("variables", "{}".into()),
                ("given", given.as_str().into()),
                ("incident", new.incident.map(|id| id.0).into()),
            ],
        )
        .sql(" RETURNING ")
        .sql(RUN);
        let run = run_of(&transaction.returning(run).await?)?;
        transaction.commit().await?;
        Ok(run)
    }

    pub(crate) async fn find_runs(&self, filter: &RunFilter) -> Result<Vec<Run>, Failure> {
        self.database.all(newest(Query::new("SELECT ").sql(RUN), filter), run_of).await
    }

    /// The latest executions of a run and, however long ago, the latest of each command: what those take back, and what
    /// those took back before them, and whatever else has tried to take one of these back.
    async fn latest_executions(&self, run: RunId) -> Result<Vec<Execution>, Failure> {
        let query = Query::new("WITH RECURSIVE kept (sequence, id, undoes) AS (")
            .sql("SELECT sequence, id, undoes FROM execution WHERE sequence IN ")
            .sql("(SELECT max(sequence) FROM execution WHERE run = ")
            .bind(run.0)
            .sql(" GROUP BY command) UNION ")
            .sql("SELECT one.sequence, one.id, one.undoes FROM execution one JOIN kept ON one.id = kept.undoes) ")
            .sql("SELECT ")
            .sql(EXECUTION)
            .sql(" FROM execution WHERE run = ")
            .bind(run.0)
            .sql(" AND (sequence IN (SELECT sequence FROM kept) OR undoes IN (SELECT id FROM kept) OR sequence IN ")
            .sql("(SELECT sequence FROM execution WHERE run = ")
            .bind(run.0)
            .sql(" ORDER BY sequence DESC LIMIT ")
            .bind(PARTS)
            .sql(")) ORDER BY sequence");
        self.database.all(query, execution_of).await
    }

    /// The latest mark of each kind of each part, oldest first; no notes.
    async fn latest_marks(&self, run: RunId) -> Result<Vec<StepMark>, Failure> {
        let query = Query::new(MARK)
            .sql("step_mark WHERE sequence IN (SELECT max(sequence) FROM step_mark WHERE run = ")
            .bind(run.0)
            .sql(" AND substr(mark, 1, 12) <> '{\"mark\":\"not' GROUP BY part, substr(mark, 1, 12))")
            .sql(" ORDER BY sequence DESC LIMIT ")
            .bind(PARTS);
        let mut found = self.database.all(query, mark_of).await?;
        found.reverse();
        Ok(found)
    }

    /// The newest notes that fit, oldest first.
    async fn newest_notes(&self, run: RunId) -> Result<Vec<StepMark>, Failure> {
        let (most, length) = NOTES;
        let query = Query::new(MARK)
            .sql("(SELECT *, sum(length(mark)) OVER (ORDER BY sequence DESC) AS so_far FROM step_mark WHERE run = ")
            .bind(run.0)
            .sql(" AND substr(mark, 1, 12) = '{\"mark\":\"not') noted WHERE so_far <= ")
            .bind(i64::try_from(length).unwrap_or(i64::MAX))
            .sql(" ORDER BY sequence DESC LIMIT ")
            .bind(i64::try_from(most).unwrap_or(i64::MAX));
        let mut found = self.database.all(query, mark_of).await?;
        found.reverse();
        Ok(found)
    }

    async fn replace(
        &self,
        id: RunId,
        column: &'static str,
        content: &BTreeMap<String, String>,
    ) -> Result<(), Failure> {
        let content = serde_json::to_string(content)?;
        let query =
            Query::new("UPDATE run SET ").sql(column).sql(" = ").bind(content.as_str()).sql(" WHERE id = ").bind(id.0);
        match self.database.write(query).await? {
            0 => Err("there is no such run".into()),
            _ => Ok(()),
        }
    }

    async fn insert_mark(&self, mark: &StepMark) -> Result<(), Failure> {
        let content = serde_json::to_string(&mark.mark)?;
        let query = Query::insert(
            "step_mark",
            [
                ("run", mark.run.0.into()),
                ("part", mark.part.as_str().into()),
                ("mark", content.as_str().into()),
                ("by_subject", mark.by.0.as_str().into()),
                ("by_name", mark.by.1.as_str().into()),
                ("at", mark.at.into()),
            ],
        );
        self.database.write(query).await?;
        Ok(())
    }
}

#[async_trait]
impl RunStore for Store {
    async fn create(&self, run: NewRun) -> Result<Run, StoreError> {
        self.create_run(run).await.map_err(failed("keep a new run"))
    }

    async fn run(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        let query = Query::new("SELECT ").sql(RUN).sql(" FROM run WHERE id = ").bind(id.0);
        self.database.one(query, run_of).await.map_err(failed("read a run"))
    }

    async fn runs(&self, filter: &RunFilter) -> Result<Vec<Run>, StoreError> {
        self.find_runs(filter).await.map_err(failed("list runs"))
    }

    async fn text(&self, hash: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let query = Query::new("SELECT text FROM runbook_text WHERE hash = ").bind(hash);
        self.database.one(query, |row| Ok(row.get("text")?)).await.map_err(failed("read a runbook's text"))
    }

    async fn close(&self, id: RunId, state: RunState, at: Timestamp) -> Result<bool, StoreError> {
        let query = Query::new("UPDATE run SET state = ")
            .bind(state.word())
            .sql(", ended_at = ")
            .bind(at)
            .sql(" WHERE state = 'open' AND id = ")
            .bind(id.0);
        let changed = self.database.write(query).await.map_err(failed("close a run"))?;
        Ok(changed > 0)
    }

    async fn carry(&self, id: RunId, variables: &BTreeMap<String, String>) -> Result<(), StoreError> {
        self.replace(id, "variables", variables).await.map_err(failed("keep a run's variables"))
    }

    async fn give(&self, id: RunId, given: &BTreeMap<String, String>) -> Result<(), StoreError> {
        self.replace(id, "given", given).await.map_err(failed("keep a run's values"))
    }

    async fn begin(&self, execution: &Execution) -> Result<bool, StoreError> {
        let query = Query::insert(
            "execution",
            [
                ("id", execution.id.0.into()),
                ("run", execution.run.0.into()),
                ("command", execution.command.as_str().into()),
                ("source", execution.source.as_str().into()),
                ("edited", execution.edited.into()),
                ("started_by_subject", execution.started_by.0.as_str().into()),
                ("started_by_name", execution.started_by.1.as_str().into()),
                ("started_at", execution.started_at.into()),
                ("state", execution.state.word().into()),
                ("ended_at", execution.ended_at.into()),
                ("exit_code", execution.exit_code.map(i64::from).into()),
                ("note", execution.note.as_deref().into()),
                ("truncated", execution.truncated.into()),
                ("undoes", execution.undoes.map(|id| id.0).into()),
            ],
        )
        .sql(" ON CONFLICT (run, command) WHERE state = 'running' DO NOTHING");
        let kept = self.database.write(query).await.map_err(failed("keep a new execution"))?;
        Ok(kept > 0)
    }

    async fn end(&self, execution: &Execution) -> Result<(), StoreError> {
        let findings = serde_json::to_string(&execution.findings).map_err(failed("keep an execution's end"))?;
        let query = Query::new("UPDATE execution SET state = ")
            .bind(execution.state.word())
            .sql(", ended_at = ")
            .bind(execution.ended_at)
            .sql(", exit_code = ")
            .bind(execution.exit_code.map(i64::from))
            .sql(", note = ")
            .bind(execution.note.as_deref())
            .sql(", truncated = ")
            .bind(execution.truncated)
            .sql(", findings = ")
            .bind(findings.as_str())
            .sql(" WHERE state = 'running' AND id = ")
            .bind(execution.id.0);
        self.database.write(query).await.map_err(failed("keep an execution's end"))?;
        Ok(())
    }

    async fn execution(&self, id: ExecutionId) -> Result<Option<Execution>, StoreError> {
        let query = Query::new("SELECT ").sql(EXECUTION).sql(" FROM execution WHERE id = ").bind(id.0);
        self.database.one(query, execution_of).await.map_err(failed("read an execution"))
    }

    async fn executions(&self, run: RunId) -> Result<Vec<Execution>, StoreError> {
        self.latest_executions(run).await.map_err(failed("list executions"))
    }

    async fn running(&self) -> Result<Vec<Execution>, StoreError> {
        let query =
            Query::new("SELECT ").sql(EXECUTION).sql(" FROM execution WHERE state = 'running' ORDER BY sequence");
        self.database.all(query, execution_of).await.map_err(failed("list what is running"))
    }

    async fn mark(&self, mark: &StepMark) -> Result<(), StoreError> {
        self.insert_mark(mark).await.map_err(failed("keep a mark"))
    }

    async fn pin(
        &self,
        subject: &str,
        runbook: &RunbookId,
        procedure: &ProcedureId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let query = Query::insert(
            "pin",
            [
                ("subject", subject.into()),
                ("runbook", runbook.as_str().into()),
                ("procedure", procedure.as_str().into()),
                ("at", at.into()),
            ],
        )
        .sql(" ON CONFLICT (subject, runbook, procedure) DO NOTHING");
        self.database.write(query).await.map_err(failed("pin a procedure"))?;
        Ok(())
    }

    async fn unpin(&self, subject: &str, runbook: &RunbookId, procedure: &ProcedureId) -> Result<(), StoreError> {
        let query = Query::new("DELETE FROM pin WHERE subject = ")
            .bind(subject)
            .sql(" AND runbook = ")
            .bind(runbook.as_str())
            .sql(" AND procedure = ")
            .bind(procedure.as_str());
        self.database.write(query).await.map_err(failed("unpin a procedure"))?;
        Ok(())
    }

    async fn pins(&self, subject: &str) -> Result<Vec<(RunbookId, ProcedureId)>, StoreError> {
        let query = Query::new("SELECT runbook, procedure FROM pin WHERE subject = ")
            .bind(subject)
            .sql(" ORDER BY at DESC, runbook, procedure LIMIT ")
            .bind(PINS);
        let read = |row: &Row| {
            Ok((RunbookId::new(row.get::<String>("runbook")?), ProcedureId::new(row.get::<String>("procedure")?)))
        };
        self.database.all(query, read).await.map_err(failed("list pinned procedures"))
    }

    async fn marks(&self, run: RunId) -> Result<Vec<StepMark>, StoreError> {
        self.latest_marks(run).await.map_err(failed("list marks"))
    }

    async fn notes(&self, run: RunId) -> Result<Vec<StepMark>, StoreError> {
        self.newest_notes(run).await.map_err(failed("list notes"))
    }

    async fn past(&self, filter: &RunFilter) -> Result<Vec<PastRun>, StoreError> {
        self.past_runs(filter).await.map_err(failed("read what became of runs"))
    }
}

/// Goes on with the runs that fit, newest first.
pub(crate) fn newest(query: Query, filter: &RunFilter) -> Query {
    let mut query = query.sql(" FROM run WHERE 1 = 1");
    if filter.open {
        query = query.sql(" AND state = 'open'");
    }
    if let Some(runbook) = &filter.runbook {
        query = query.sql(" AND runbook = ").bind(runbook.as_str());
    }
    if let Some(procedure) = &filter.procedure {
        query = query.sql(" AND procedure = ").bind(procedure.as_str());
    }
    if let Some(subject) = &filter.started_by {
        query = query.sql(" AND started_by_subject = ").bind(subject.as_str());
    }
    if let Some(incident) = filter.incident {
        query = query.sql(" AND incident = ").bind(incident.0);
    }
    if let Some(before) = filter.before {
        query = query.sql(" AND number < ").bind(before);
    }
    let limit = if filter.limit == 0 { RUNS } else { filter.limit.min(PAGE_ROWS) };
    query.sql(" ORDER BY number DESC LIMIT ").bind(i64::from(limit))
}

fn run_of(row: &Row) -> Result<Run, Failure> {
    Ok(Run {
        id: row.read("id", |id| id.parse().ok())?,
        number: row.get("number")?,
        runbook: RunbookId::new(row.get::<String>("runbook")?),
        runbook_title: row.get("runbook_title")?,
        version: Version { hash: row.get("version_hash")?, commit: row.get("version_commit")? },
        procedure: ProcedureId::new(row.get::<String>("procedure")?),
        procedure_title: row.get("procedure_title")?,
        environment: EnvironmentName(row.get("environment")?),
        started_by: (row.get("started_by_subject")?, row.get("started_by_name")?),
        started_at: row.timestamp("started_at")?,
        state: row.read("state", RunState::from_word)?,
        ended_at: row.optional_timestamp("ended_at")?,
        variables: row.read("variables", |json| serde_json::from_str(json).ok())?,
        given: row.read("given", |json| serde_json::from_str(json).ok())?,
        incident: row.read_optional("incident", |id| id.parse().ok())?,
    })
}

pub(crate) fn execution_of(row: &Row) -> Result<Execution, Failure> {
    Ok(Execution {
        id: row.read("id", |id| id.parse().ok())?,
        run: row.read("run", |id| id.parse().ok())?,
        command: CommandId::new(row.get::<String>("command")?),
        source: row.get("source")?,
        edited: row.flag("edited")?,
        started_by: (row.get("started_by_subject")?, row.get("started_by_name")?),
        started_at: row.timestamp("started_at")?,
        state: row.read("state", ExecutionState::from_word)?,
        ended_at: row.optional_timestamp("ended_at")?,
        exit_code: row.exit_code("exit_code")?,
        note: row.get("note")?,
        truncated: row.flag("truncated")?,
        findings: row.read("findings", |json| serde_json::from_str(json).ok())?,
        undoes: row.read_optional("undoes", |id| id.parse().ok())?,
    })
}

fn mark_of(row: &Row) -> Result<StepMark, Failure> {
    Ok(StepMark {
        run: row.read("run", |id| id.parse().ok())?,
        part: row.get("part")?,
        mark: row.read("mark", |json| serde_json::from_str(json).ok())?,
        by: (row.get("by_subject")?, row.get("by_name")?),
        at: row.timestamp("at")?,
    })
}
