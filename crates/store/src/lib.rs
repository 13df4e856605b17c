//! The portal's own database: SQLite by default, PostgreSQL for several replicas.
//!
//! One [`Store`] implements the ports of `operations` that keep something ([`operations::RunStore`], [`operations::IncidentStore`],
//! [`operations::OutputStore`], [`operations::AuditTrail`], [`operations::PersonStore`], [`operations::TokenStore`]) and the
//! sessions of signed-in browsers ([`tower_sessions::SessionStore`]). Every statement is written once, for both databases; only opening, transactions
//! and the migrations (`migrations/sqlite`, `migrations/postgres`) differ.

mod address;
mod audit;
mod audit_row;
mod database;
mod incidents;
mod occupancy;
mod output;
mod past;
mod people;
mod query;
mod runs;
mod sessions;
mod tokens;

use std::fmt;

pub use occupancy::Occupancy;
use operations::StoreError;

use crate::address::Address;
use crate::database::Database;
use crate::query::Failure;

/// How many rows a page has at most, whatever is asked for.
const PAGE_ROWS: u32 = 500;

/// The portal's database. Clones share their connections.
#[derive(Clone)]
pub struct Store {
    database: Database,
}

impl Store {
    /// Opens a database, makes it where it is missing, and brings its tables up to date.
    ///
    /// | address | what it opens |
    /// |---|---|
    /// | `sqlite:///path/file.db` | a file (mode 0600), and the folders above it where they are missing |
    /// | `sqlite::memory:` | a temporary file that goes with the last clone: for tests |
    /// | `postgres://user:password@host:port/database` | a PostgreSQL database, which must exist |
    ///
    /// # Errors
    ///
    /// When the address is not understood, the database does not answer, or its tables are newer than this portal. No
    /// message of the error or its sources holds the password.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let address = Address::parse(url).map_err(failed("read the database address"))?;
        let database = Database::open(address).await.map_err(failed("open the database"))?;
        Ok(Self { database })
    }

    /// Waits for what is under way and closes every connection; later calls on any clone fail.
    pub async fn disconnect(&self) {
        self.database.close().await;
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.database.name()).finish()
    }
}

/// Says what was tried when it failed.
fn failed<E: Into<Failure>>(operation: &'static str) -> impl FnOnce(E) -> StoreError {
    move |source| StoreError { operation, source: source.into() }
}
