//! A database of its own for one test, with a way around the store.

use std::collections::BTreeMap;

use jiff::Timestamp;
use operations::{EnvironmentName, Execution, ExecutionId, ExecutionState, NewRun, Run, RunId, RunStore};
use runbook::{CommandId, ProcedureId, RunbookId, Version};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use store::Store;
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) struct Fixture {
    pub(crate) store: Store,
    pub(crate) url: String,
    place: Place,
}

enum Place {
    Sqlite(TempDir),
    Postgres { schema: String, server: String },
}

impl Fixture {
    pub(crate) async fn sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite://{}/below/portal.db", folder.path().display());
        Self { store: Store::connect(&url).await.unwrap(), url, place: Place::Sqlite(folder) }
    }

    pub(crate) async fn postgres() -> Option<Self> {
        let server = std::env::var("TEST_POSTGRES_URL").ok()?;
        let schema = format!("portal_{}", Uuid::now_v7().simple());
        let mut connection = PgConnection::connect(&server).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).execute(&mut connection).await.unwrap();
        let mark = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{mark}options[search_path]={schema}");
        Some(Self { store: Store::connect(&url).await.unwrap(), url, place: Place::Postgres { schema, server } })
    }

    pub(crate) async fn remove(self) {
        self.store.disconnect().await;
        if let Place::Postgres { schema, server } = &self.place {
            let mut connection = PgConnection::connect(server).await.unwrap();
            sqlx::query(AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE"))).execute(&mut connection).await.unwrap();
        }
    }

    /// The folder of an SQLite file.
    pub(crate) fn folder(&self) -> Option<&TempDir> {
        match &self.place {
            Place::Sqlite(folder) => Some(folder),
            Place::Postgres { .. } => None,
        }
    }

    /// Runs a statement past the store; tells how many rows it touched.
    pub(crate) async fn raw(&self, sql: &str) -> Result<u64, sqlx::Error> {
        match &self.place {
            Place::Sqlite(_) => {
                let mut connection = SqliteConnection::connect(&self.url).await?;
                let done = sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await?;
                Ok(done.rows_affected())
            }
            Place::Postgres { .. } => {
                let mut connection = PgConnection::connect(&self.url).await?;
                let done = sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await?;
                Ok(done.rows_affected())
            }
        }
    }

    /// One number, asked past the store.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        match &self.place {
            Place::Sqlite(_) => {
                let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
                sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await.unwrap()
            }
            Place::Postgres { .. } => {
                let mut connection = PgConnection::connect(&self.url).await.unwrap();
                sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await.unwrap()
            }
        }
    }

    pub(crate) async fn open_run(&self) -> Run {
        self.store.create(new_run()).await.unwrap()
    }

    /// A run with an execution that runs.
    pub(crate) async fn running(&self) -> Execution {
        let run = self.open_run().await;
        let execution = new_execution(run.id, "1");
        assert!(self.store.begin(&execution).await.unwrap());
        execution
    }
}

/// A moment with microseconds: `second` seconds after a fixed one.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_microsecond((1_795_000_000 + second) * 1_000_000 + 123_456).unwrap()
}

pub(crate) fn new_run() -> NewRun {
    NewRun {
        id: RunId::new(),
        runbook: RunbookId::new("payments.on-call"),
        runbook_title: "Payments — on call".to_owned(),
        version: Version { hash: "ab".repeat(32), commit: Some("c0ffee".to_owned()) },
        text: b"# Payments\n\xff\0".as_slice().into(),
        procedure: ProcedureId::new("1-1-rolling-restart"),
        procedure_title: "1.1 Rolling Restart".to_owned(),
        environment: EnvironmentName("practice".to_owned()),
        started_by: ("sub-1".to_owned(), "Olga Ops".to_owned()),
        started_at: at(0),
        given: BTreeMap::new(),
        incident: None,
    }
}

pub(crate) fn new_execution(run: RunId, command: &str) -> Execution {
    Execution {
        id: ExecutionId::new(),
        run,
        command: CommandId::new(command),
        source: "kubectl get pods\n".to_owned(),
        edited: false,
        started_by: ("sub-1".to_owned(), "Olga Ops".to_owned()),
        started_at: at(1),
        state: ExecutionState::Running,
        ended_at: None,
        exit_code: None,
        note: None,
        truncated: false,
        findings: Vec::new(),
        undoes: None,
    }
}

pub(crate) fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
