//! The two databases behind one face: opening, migrating, reading, writing.

use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, PgConnection, Postgres, Sqlite};
use tempfile::TempDir;

use crate::address::Address;
use crate::query::{Failure, Query, Row};

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/postgres");

/// How long a statement waits for another process's lock on the SQLite file.
const BUSY: Duration = Duration::from_secs(10);
/// How long a request waits for a connection before it fails.
const ACQUIRE: Duration = Duration::from_secs(15);
const SQLITE_READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 10;
/// The size to which a checkpoint cuts the write-ahead log after a burst of output, in bytes.
const JOURNAL_BYTES: &str = "67108864";

/// An open database. Clones share their connections.
#[derive(Clone)]
pub(crate) enum Database {
    Sqlite {
        /// One connection: SQLite has one writer at a time, and a queue in front of it is fair where its lock is not.
        writer: SqlitePool,
        /// Connections that cannot write. With a write-ahead log they never wait for the writer.
        reader: SqlitePool,
        /// The file.
        path: PathBuf,
        /// Keeps the folder of a temporary database until the last clone goes.
        _folder: Option<Arc<TempDir>>,
    },
    Postgres(PgPool),
}

impl Database {
    /// Opens the database, makes it where it is missing, and brings its tables up to date.
    pub(crate) async fn open(address: Address) -> Result<Self, Failure> {
        match address {
            Address::File(path) => Self::open_sqlite(path, None).await,
            Address::Temporary => {
                let folder = tokio::task::spawn_blocking(TempDir::new).await??;
                let path = folder.path().join("portal.db");
                Self::open_sqlite(path, Some(Arc::new(folder))).await
            }
            Address::Postgres(options) => Self::open_postgres(*options).await,
        }
    }

    async fn open_sqlite(path: PathBuf, folder: Option<Arc<TempDir>>) -> Result<Self, Failure> {
        let file = path.clone();
        tokio::task::spawn_blocking(move || make_private(&file)).await??;
        let options = SqliteConnectOptions::new().filename(&path).foreign_keys(true).busy_timeout(BUSY);
        let pool = || {
            SqlitePoolOptions::new().acquire_timeout(ACQUIRE).idle_timeout(None).max_lifetime(None).min_connections(1)
        };
        // FULL, not NORMAL: with a write-ahead log NORMAL syncs only at checkpoints, and a power cut would take back the
        // last commits. An intent that was promised to be on record before its effect must still be there afterwards.
        let writing = options
            .clone()
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("journal_size_limit", JOURNAL_BYTES);
        let writer = pool().max_connections(1).connect_with(writing).await?;
        SQLITE_MIGRATIONS.run(&writer).await?;
        let reader = pool().max_connections(SQLITE_READERS).connect_with(options.read_only(true)).await?;
        Ok(Self::Sqlite { writer, reader, path, _folder: folder })
    }

    async fn open_postgres(options: PgConnectOptions) -> Result<Self, Failure> {
        // Before there is a pool: a pool tries again until its time is over, and then no longer says what was wrong.
        let mut connection = PgConnection::connect_with(&options).await?;
        POSTGRES_MIGRATIONS.run(&mut connection).await?;
        connection.close().await?;
        let pool = PgPoolOptions::new()
            .acquire_timeout(ACQUIRE)
            .max_connections(POSTGRES_CONNECTIONS)
            .connect_with(options)
            .await?;
        Ok(Self::Postgres(pool))
    }

    /// The database's name for logs.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    /// What a query selects.
    pub(crate) async fn all<T>(&self, query: Query, read: fn(&Row) -> Result<T, Failure>) -> Result<Vec<T>, Failure> {
        self.rows(query).await?.iter().map(read).collect()
    }

    /// The one row that a query selects, if any.
    pub(crate) async fn one<T>(
        &self,
        query: Query,
        read: fn(&Row) -> Result<T, Failure>,
    ) -> Result<Option<T>, Failure> {
        self.rows(query).await?.first().map(read).transpose()
    }

    async fn rows(&self, query: Query) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            Self::Sqlite { reader, .. } => {
                let rows = query.ready::<Sqlite>().fetch_all(reader).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Self::Postgres(pool) => {
                let rows = query.ready::<Postgres>().fetch_all(pool).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// Performs and commits one statement; tells how many rows it touched. A single statement takes SQLite's write lock
    /// as its first act, so it needs no `BEGIN IMMEDIATE`.
    pub(crate) async fn write(&self, query: Query) -> Result<u64, sqlx::Error> {
        match self {
            Self::Sqlite { writer, .. } => Ok(query.ready::<Sqlite>().execute(writer).await?.rows_affected()),
            Self::Postgres(pool) => Ok(query.ready::<Postgres>().execute(pool).await?.rows_affected()),
        }
    }

    /// Begins several statements that happen together or not at all.
    pub(crate) async fn begin(&self) -> Result<Transaction, sqlx::Error> {
        match self {
            Self::Sqlite { writer, .. } => Ok(Transaction::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?)),
            Self::Postgres(pool) => Ok(Transaction::Postgres(pool.begin().await?)),
        }
    }

    /// Waits for what is under way and lets go of every connection.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { writer, reader, .. } => {
                reader.close().await;
                // Last, so that it can move the write-ahead log into the file.
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// Statements that happen together. Dropped without [`Transaction::commit`], they never happened.
pub(crate) enum Transaction {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Transaction {
    pub(crate) async fn write(&mut self, query: Query) -> Result<u64, sqlx::Error> {
        match self {
            Self::Sqlite(transaction) => Ok(query.ready::<Sqlite>().execute(&mut **transaction).await?.rows_affected()),
            Self::Postgres(transaction) => {
                Ok(query.ready::<Postgres>().execute(&mut **transaction).await?.rows_affected())
            }
        }
    }

    /// Performs a statement that returns exactly one row.
    pub(crate) async fn returning(&mut self, query: Query) -> Result<Row, sqlx::Error> {
        match self {
            Self::Sqlite(transaction) => Ok(Row::Sqlite(query.ready::<Sqlite>().fetch_one(&mut **transaction).await?)),
            Self::Postgres(transaction) => {
                Ok(Row::Postgres(query.ready::<Postgres>().fetch_one(&mut **transaction).await?))
            }
        }
    }

    /// Waits until no other transaction of this key is open, so that sequence numbers are given in the order in which
    /// they become visible. A cursor over them then skips nothing.
    pub(crate) async fn serialise(&mut self, key: i64) -> Result<(), sqlx::Error> {
        match self {
            // There is one writer.
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(_) => {
                self.write(Query::new("SELECT pg_advisory_xact_lock(").bind(key).sql(")")).await?;
                Ok(())
            }
        }
    }

    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await,
            Self::Postgres(transaction) => transaction.commit().await,
        }
    }
}

/// Makes the database file, and the folders above it, for this account's eyes only. SQLite gives the files beside it
/// (`-wal`, `-shm`) the same mode.
fn make_private(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_databases_have_the_same_migrations() {
        let names = |migrator: &Migrator| {
            migrator.iter().map(|migration| (migration.version, migration.description.clone())).collect::<Vec<_>>()
        };
        assert!(!names(&SQLITE_MIGRATIONS).is_empty());
        assert_eq!(names(&SQLITE_MIGRATIONS), names(&POSTGRES_MIGRATIONS));
    }

    /// A database remembers what was applied to it: a portal whose migration reads otherwise does not start.
    #[test]
    fn migrations_never_change() {
        let line = |kind, one: &sqlx::migrate::Migration| {
            let sum: String = one.checksum.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            format!("{sum} {kind}/{:04}", one.version)
        };
        let all = SQLITE_MIGRATIONS.iter().map(|one| line("sqlite", one));
        let all: Vec<_> = all.chain(POSTGRES_MIGRATIONS.iter().map(|one| line("postgres", one))).collect();
        let kept: Vec<_> = include_str!("../../../migrations/checksums").lines().collect();
        assert_eq!(all, kept, "a new migration adds a line to migrations/checksums; no line changes");
    }

    /// The rows of the trail move to a new table in the sixth migration.
    #[tokio::test]
    async fn the_trail_survives_the_change_of_its_table() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("portal.db");
        let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true).foreign_keys(true);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
        let before = Migrator {
            migrations: SQLITE_MIGRATIONS.iter().filter(|one| one.version < 6).cloned().collect(),
            ..Migrator::DEFAULT
        };
        before.run(&pool).await.unwrap();
        for row in [
            "'a', 'action-intent', NULL, NULL, NULL, NULL",
            "'b', 'action-outcome', 'a', 'passed', 1, 1",
            "'c', 'signed-in', NULL, NULL, NULL, NULL",
        ] {
            let sql = format!(
                "INSERT INTO audit_event (id, kind, completes, result, duration_ms, output_bytes, at, actor_subject, \
                 actor_name, summary, argv, targets, searched_person, searched_text) \
                 VALUES ({row}, 1, 's', 'n', 'x', '[]', '[]', '', '')"
            );
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&pool).await.unwrap();
        }
        pool.close().await;
        let Database::Sqlite { writer, .. } = &Database::open_sqlite(path, None).await.unwrap() else {
            panic!("it is SQLite");
        };
        let kept: Vec<(i64, String, Option<String>)> =
            sqlx::query_as("SELECT sequence, id, completes FROM audit_event ORDER BY sequence")
                .fetch_all(writer)
                .await
                .unwrap();
        let row = |sequence, id: &str, completes: Option<&str>| (sequence, id.to_owned(), completes.map(str::to_owned));
        assert_eq!(kept, [row(1, "a", None), row(2, "b", Some("a")), row(3, "c", None)]);
        for sql in ["DELETE FROM audit_event", "UPDATE audit_event SET summary = 'y'"] {
            assert!(sqlx::query(sql).execute(writer).await.is_err(), "{sql}");
        }
    }

    /// What was opened before there was a rank is listed by it, too.
    #[tokio::test]
    async fn incidents_of_before_have_a_rank() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("portal.db");
        let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true).foreign_keys(true);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
        let before = Migrator {
            migrations: SQLITE_MIGRATIONS.iter().filter(|one| one.version < 14).cloned().collect(),
            ..Migrator::DEFAULT
        };
        before.run(&pool).await.unwrap();
        for (id, severity, terms) in [
            ("a", "'Red'", r#"{"level":{"name":"Red","rank":2,"description":""},"ladder":[]}"#),
            ("b", "'Critical'", r#"{"level":null,"own":{"name":"x","rank":3}}"#),
            ("c", "'Sev-3'", "{}"),
            ("d", "NULL", "not JSON"),
            ("e", "'P 1'", "{}"),
            ("f", "' severity 0 '", "{}"),
        ] {
            let sql = format!(
                "INSERT INTO incident (id, title, severity, affected, terms, opened_by_subject, opened_by_name, \
                 started_at, latest_update) VALUES ('{id}', 't', {severity}, '', '{terms}', 's', 'n', 1, '')"
            );
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&pool).await.unwrap();
        }
        pool.close().await;
        let Database::Sqlite { writer, .. } = &Database::open_sqlite(path, None).await.unwrap() else {
            panic!("it is SQLite");
        };
        let ranks: Vec<i64> =
            sqlx::query_scalar("SELECT rank FROM incident ORDER BY id").fetch_all(writer).await.unwrap();
        assert_eq!(ranks, [2, 1, 3, 255, 255, 0], "as `Incident::rank` says");
    }

    #[tokio::test]
    async fn sqlite_syncs_each_commit_and_readers_cannot_write() {
        let Database::Sqlite { writer, reader, .. } = &Database::open(Address::Temporary).await.unwrap() else {
            panic!("it is SQLite");
        };
        let pragma = async |sql: &'static str| -> i64 { sqlx::query_scalar(sql).fetch_one(writer).await.unwrap() };
        assert_eq!(pragma("PRAGMA synchronous").await, 2, "FULL");
        assert_eq!(pragma("PRAGMA foreign_keys").await, 1);
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(writer).await.unwrap();
        assert_eq!(mode, "wal");
        assert!(sqlx::query("DELETE FROM session").execute(reader).await.is_err());
    }
}
