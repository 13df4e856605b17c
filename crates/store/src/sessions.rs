//! Sessions of signed-in browsers.

use async_trait::async_trait;
use jiff::Timestamp;
use operations::StoreError;
use sha2::{Digest, Sha256};
use tower_sessions::cookie::time::OffsetDateTime;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{self, SessionStore};

use crate::query::{Argument, Failure, Query};
use crate::{Store, failed};

impl Store {
    /// Deletes the sessions whose time is over; tells how many. Until then they are there, but never loaded.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn delete_expired_sessions(&self) -> Result<u64, StoreError> {
        let query = Query::new("DELETE FROM session WHERE expires_at <= ").bind(Timestamp::now());
        self.database.write(query).await.map_err(failed("delete expired sessions"))
    }

    /// Keeps a session under its id; `false` where that id is taken.
    async fn insert_session(&self, record: &Record) -> Result<bool, Failure> {
        let query = Query::insert(
            "session",
            [
                ("key", key(&record.id)),
                ("data", serde_json::to_string(&record.data)?.as_str().into()),
                ("expires_at", micros(record.expiry_date)?.into()),
            ],
        )
        .sql(" ON CONFLICT (key) DO NOTHING");
        Ok(self.database.write(query).await? > 0)
    }

    async fn update_session(&self, record: &Record) -> Result<(), Failure> {
        let query = Query::new("UPDATE session SET data = ")
            .bind(serde_json::to_string(&record.data)?.as_str())
            .sql(", expires_at = ")
            .bind(micros(record.expiry_date)?)
            .sql(" WHERE key = ")
            .bind(key(&record.id));
        self.database.write(query).await?;
        Ok(())
    }

    async fn load_session(&self, id: Id) -> Result<Option<Record>, Failure> {
        let query = Query::new("SELECT data, expires_at FROM session WHERE key = ")
            .bind(key(&id))
            .sql(" AND expires_at > ")
            .bind(Timestamp::now());
        let found = self.database.one(query, |row| {
            let data = row.read("data", |json| serde_json::from_str(json).ok())?;
            let expires = i128::from(row.get::<i64>("expires_at")?) * 1000;
            Ok((data, OffsetDateTime::from_unix_timestamp_nanos(expires)?))
        });
        Ok(found.await?.map(|(data, expiry_date)| Record { id, data, expiry_date }))
    }
}

#[async_trait]
impl SessionStore for Store {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        while !self.insert_session(record).await.map_err(backend("keep a new session"))? {
            record.id = Id::default();
        }
        Ok(())
    }

    /// Changes a session that is there. One that is gone stays gone: a slow request that ends after its person signed out
    /// must not bring the session back.
    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.update_session(record).await.map_err(backend("keep a session"))
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        self.load_session(*id).await.map_err(backend("read a session"))
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        let query = Query::new("DELETE FROM session WHERE key = ").bind(key(id));
        self.database.write(query).await.map_err(|error| backend("delete a session")(error.into()))?;
        Ok(())
    }
}

/// What a session is kept under: the SHA-256 of its id, so that the table holds nothing that opens a session.
fn key(id: &Id) -> Argument {
    let digest = Sha256::digest(id.0.to_le_bytes());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    hex.as_str().into()
}

fn micros(at: OffsetDateTime) -> Result<i64, Failure> {
    Ok(i64::try_from(at.unix_timestamp_nanos() / 1000)?)
}

/// `tower-sessions` logs this error and has no place for a source, so the cause is part of the text.
fn backend(operation: &'static str) -> impl FnOnce(Failure) -> session_store::Error {
    move |source| session_store::Error::Backend(format!("{operation}: {source}"))
}
