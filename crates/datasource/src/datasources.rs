//! The datasources of all environments.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use command::Effect;
use operations::{DatasourceKind, Environment, EnvironmentName};
use tokio_util::sync::CancellationToken;

use crate::query::Query;
use crate::report::Report;
use crate::session::{Session, SessionError};
use crate::settings::{DatasourceSettings, Limits};
use crate::wire::{Way, WireError};

/// Why there is no session. No variant holds an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The environment has no such datasource, or the portal has no address for it.
    #[error("the datasource {0} is not configured for this environment")]
    Unknown(String),
    /// The server refuses: a wrong password, no such database, too many connections.
    #[error("the datasource {0} does not let the portal in: {1}")]
    Refused(String, String),
    /// It cannot be reached, or not safely.
    #[error("the datasource {0} cannot be used: {1}")]
    Unusable(String, String),
    /// It was stopped before there was a session.
    #[error("stopped")]
    Cancelled,
}

pub(crate) struct Known {
    pub(crate) way: Way,
    pub(crate) limits: Limits,
}

/// The addresses and credentials of all datasources. Cheap to clone; `Debug` shows names only.
#[derive(Clone)]
pub struct Datasources {
    known: Arc<BTreeMap<(EnvironmentName, String), Known>>,
}

impl fmt::Debug for Datasources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.known.keys().map(|(environment, name)| format!("{environment}/{name}"))).finish()
    }
}

impl Datasources {
    /// Keeps these. Connects to none of them.
    ///
    /// # Errors
    /// Certificates of authorities that cannot be read, with the datasource's name.
    pub fn new(settings: Vec<DatasourceSettings>) -> Result<Self, OpenError> {
        let mut known = BTreeMap::new();
        for one in settings {
            let way = Way::new(one.address, &one.tls)
                .map_err(|error| OpenError::Unusable(one.name.clone(), error.to_string()))?;
            known.insert((one.environment, one.name), Known { way, limits: one.limits });
        }
        Ok(Self { known: Arc::new(known) })
    }

    pub(crate) fn known(&self, environment: &EnvironmentName, name: &str) -> Option<&Known> {
        self.known.get(&(environment.clone(), name.to_owned()))
    }

    /// Runs the statements of a text one after the other, each by itself as PostgreSQL demands it of `VACUUM` and its
    /// like, and stops at the first that fails. With [`Effect::Read`] the session is read-only. When `cancel` is
    /// cancelled, the server ends the statement.
    ///
    /// # Errors
    /// [`OpenError`]: nothing was carried out.
    pub async fn query(
        &self,
        environment: &EnvironmentName,
        name: &str,
        sql: &str,
        effect: Effect,
        cancel: CancellationToken,
    ) -> Result<Query, OpenError> {
        let session = self.open(environment, name, effect, cancel).await?;
        Ok(Query::new(session, command::sql::statements(sql)))
    }

    pub(crate) async fn open(
        &self,
        environment: &EnvironmentName,
        name: &str,
        effect: Effect,
        cancel: CancellationToken,
    ) -> Result<Session, OpenError> {
        let known = self.known(environment, name).ok_or_else(|| OpenError::Unknown(name.to_owned()))?;
        let settings = session_settings(&known.limits, effect);
        Session::open(&known.way, &settings, known.limits.connect, cancel).await.map_err(|error| match error {
            SessionError::Cancelled => OpenError::Cancelled,
            SessionError::Wire(WireError::Refused(report)) => OpenError::Refused(name.to_owned(), refusal(&report)),
            SessionError::Wire(error) => OpenError::Unusable(name.to_owned(), error.to_string()),
        })
    }
}

/// Why a server lets nobody in, by its SQLSTATE (PostgreSQL documentation, appendix A): its own words name accounts and
/// addresses.
fn refusal(report: &Report) -> String {
    let why = match report.code.as_str() {
        "28P01" | "28000" => "it does not accept the account or the password: have the portal's configuration checked",
        "3D000" => "its database does not exist: have the portal's configuration checked",
        "42501" => "the account may not connect: have it granted CONNECT",
        "53300" => "it has no connection left: try again, or have its limit raised",
        "57P03" => "it is starting or stopping: try again in a moment",
        "08P01" | "22023" => {
            "it refuses the session's settings: a pooler that shares connections cannot be a datasource"
        }
        code => return format!("it refuses the connection (SQLSTATE {code})"),
    };
    why.to_owned()
}

/// What a session begins with.
pub(crate) fn session_settings(limits: &Limits, effect: Effect) -> Vec<(&'static str, String)> {
    let milliseconds = |limit: Duration| format!("{}ms", limit.as_millis().clamp(1, i32::MAX as u128));
    let mut settings = vec![
        ("application_name", "runbook-portal".to_owned()),
        ("client_encoding", "UTF8".to_owned()),
        // Texts were read with this on: the server must not read them otherwise.
        ("standard_conforming_strings", "on".to_owned()),
    ];
    let limited = [
        ("statement_timeout", limits.statement),
        ("lock_timeout", limits.lock),
        ("idle_in_transaction_session_timeout", limits.idle_in_transaction),
    ];
    settings.extend(limited.into_iter().filter_map(|(name, limit)| Some((name, milliseconds(limit?)))));
    if effect == Effect::Read {
        settings.push(("default_transaction_read_only", "on".to_owned()));
    }
    settings
}

/// The names of an environment's databases, for a refusal.
pub(crate) fn names(environment: &Environment) -> String {
    let names: Vec<_> = environment
        .datasources
        .iter()
        .filter(|datasource| datasource.kind == DatasourceKind::Postgres)
        .map(|datasource| datasource.name.as_str())
        .collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
