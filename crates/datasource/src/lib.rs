//! SQL against the team's own PostgreSQL databases, in one place for the program `psql` and for SQL steps.
//!
//! A run names a datasource; its address and its credentials are here and nowhere else. [`Datasources`] holds them,
//! [`Datasources::query`] runs a text of SQL and gives what comes back as [`Event`]s, and [`Psql`] is the adapter that
//! answers calls of `psql` as the real one would.
//!
//! # Why the simple query protocol is spoken here, and not through a driver
//!
//! psql shows things that drivers hide. `sqlx` (0.9) gives neither notices nor a way to cancel, and its column types
//! come only with prepared statements, which run one statement at a time. `tokio-postgres` (0.7) has both, but its
//! simple query gives columns without their types (psql aligns numbers by type), delivers notices on another channel
//! than the rows between which they stand, and cannot answer a `COPY … FROM STDIN` inside a script, which is what every
//! backup made by `pg_dump` consists of. So the messages are read and written with `postgres-protocol`, the crate below
//! `tokio-postgres`, which also does the arithmetic of SCRAM; the exchange itself is `wire.rs`.
//!
//! # Guards
//!
//! - Sessions of calls that only read are read-only at the server (`default_transaction_read_only`), so that a wrong
//!   guess about a text cannot write. What a read-only transaction permits all the same (ending other sessions, large
//!   objects, reloading the configuration) is recognised by name in `command::sql`.
//! - Settings are given with the connection's start, not by `SET`: a pooler that shares connections refuses them
//!   instead of leaking them to its next client. Such a pooler (PgBouncer in transaction mode) cannot be a datasource.
//! - No address and no password is in any error, log line or `Debug` of this room.

mod datasources;
mod passage;
mod psql;
mod query;
mod report;
mod session;
mod settings;
mod wire;

pub use datasources::{Datasources, OpenError};
pub use passage::Passage;
pub use psql::{Psql, Talk, Talker};
pub use query::{Query, QueryError};
pub use report::{Report, Verbosity};
pub use session::{Column, Event, Row, Transaction};
pub use settings::{Address, AddressError, DatasourceSettings, Limits, Roots, Tls};
