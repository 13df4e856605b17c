//! Real command-line programs that the broker runs, by a table, in a sandbox of their own.
//!
//! | program | what it may reach | what it is given | writes the workspace |
//! |---|---|---|---|
//! | `curl`, `wget` | the hosts of the environment ([`Host`]), http and https | headers of that host | for `-o`, `-O` and the like |
//! | `openssl s_client` | the same hosts | nothing | no |
//! | `redis-cli` | one datasource of kind Redis | user, password, authority | for `--rdb` |
//! | `pg_dump`, `pg_restore`, `pg_isready` | one datasource of kind PostgreSQL | user, password, authority | for `-f` |
//! | `psql` at a terminal ([`PsqlTerminal`]) | one datasource of kind PostgreSQL | nothing | no |
//! | `aws` | the account's endpoint, or `*.amazonaws.com` | keys, region, endpoint | for `s3` and where a file is named |
//!
//! Which arguments are refused is the grammar's business (`command::{http, redis, dump, openssl, cloud}`); what was read
//! is written again in one plain form, so that the program reads what was judged. Which server may be reached is decided
//! here, connection by connection: the program has no network but a door behind which [`gate`] stands, so that a
//! redirection, a hole in the program or an argument that nobody foresaw leads nowhere else.
//!
//! At a terminal `redis-cli` and `psql` are the real ones, too, each with its one datasource behind the door. Whoever types there
//! may make them do whatever they can: psql starts programs (`\!`), reads files and tells its environment. So psql is given
//! nothing to tell: the portal signs in for it, and all that those programs find is an empty sandbox. `redis-cli` starts
//! nothing and shows no variable of its own; it keeps its password.
//!
//! # What stays
//! - A permitted host is trusted with what is sent to it: a script may send it anything that it can read itself.
//! - The kernel is shared; what `sandbox::kernel` does not refuse, a program may call.
//! - `redis-cli` checks who signed a server's certificate, but not for which name. The portal chooses the address.
//! - Secrets of less than six bytes are not masked in what a program prints.

mod aws;
mod connection;
mod gate;
mod host;
mod masked;
mod openssl;
mod postgres;
mod proxy;
mod redis;
mod runner;
mod settings;
mod terminal;
mod web;

use std::sync::Arc;

use operations::Adapter;
use sandbox::Errands;

pub use aws::{AwsAccount, AwsKeys, KeySource};
pub use host::{Host, HostError};
pub use settings::{Installed, PostgresServer, PostgresTls, Reach, RedisServer, RedisTls, Settings};

pub use terminal::PsqlTerminal;

use crate::runner::Runner;

/// The adapters for all programs of the table but `aws`.
#[must_use]
pub fn adapters(errands: Errands, settings: Arc<Settings>) -> Vec<Arc<dyn Adapter>> {
    let runner = Runner::new(errands, settings);
    vec![
        Arc::new(web::Web::curl(runner.clone())),
        Arc::new(web::Web::wget(runner.clone())),
        Arc::new(openssl::Client::new(runner.clone())),
        Arc::new(redis::Redis::new(runner.clone())),
        Arc::new(postgres::Postgres::new(runner.clone(), "pg_dump")),
        Arc::new(postgres::Postgres::new(runner.clone(), "pg_restore")),
        Arc::new(postgres::Postgres::new(runner, "pg_isready")),
    ]
}

/// The adapter that performs every call of `aws` through the real program: for those that the portal does not perform
/// itself.
#[must_use]
pub fn aws(errands: Errands, settings: Arc<Settings>) -> Arc<dyn Adapter> {
    Arc::new(aws::Aws::new(Runner::new(errands, settings)))
}
