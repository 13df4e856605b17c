//! One portal at a time on one database.
//!
//! A portal holds what it runs in its own process: another one on the same database would take its commands for lost,
//! and people could start them a second time. Until executions have an owner in the database, the second one is refused.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use operations::StoreError;
use sqlx::{Connection, PgConnection};

use crate::database::Database;
use crate::query::Failure;
use crate::{Store, failed};

/// Names this portal among the advisory locks of a PostgreSQL database: `runbook` in ASCII.
const LOCK: i64 = 0x0072_756e_626f_6f6b;
/// How often a place that is taken is looked at again.
const AGAIN: Duration = Duration::from_millis(200);

/// A portal's place at its database; it is given back when this is dropped, and when the process ends.
#[expect(dead_code, reason = "held for what happens when it is dropped")]
pub struct Occupancy(Held);

#[expect(dead_code, reason = "held for what happens when it is dropped")]
enum Held {
    File(File),
    Session(PgConnection),
}

impl Store {
    /// Takes the place of the one portal at this database. Where another portal has it (an old one that is just ending),
    /// waits for it this long.
    ///
    /// # Errors
    /// Where it is still taken then, or the database does not answer.
    pub async fn occupy(&self, patience: Duration) -> Result<Occupancy, StoreError> {
        let taken = || -> Failure { "another portal works on this database: end it first".into() };
        let attempt = async {
            loop {
                if let Some(held) = self.try_occupy().await? {
                    return Ok(Occupancy(held));
                }
                tokio::time::sleep(AGAIN).await;
            }
        };
        let occupied = tokio::time::timeout(patience, attempt).await.unwrap_or_else(|_| Err(taken()));
        occupied.map_err(failed("take the portal's place at its database"))
    }

    async fn try_occupy(&self) -> Result<Option<Held>, Failure> {
        match &self.database {
            Database::Sqlite { path, .. } => {
                let path = path.with_extension("lock");
                tokio::task::spawn_blocking(move || lock(&path)).await?
            }
            Database::Postgres(pool) => {
                // A session of its own: a pool would close it one day, and the lock would go with it.
                let mut session = PgConnection::connect_with(&pool.connect_options()).await?;
                let free: bool =
                    sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(LOCK).fetch_one(&mut session).await?;
                Ok(free.then_some(Held::Session(session)))
            }
        }
    }
}

/// The file is not removed: who would wait for it then would hold another one of the same name.
fn lock(path: &Path) -> Result<Option<Held>, Failure> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Held::File(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}
