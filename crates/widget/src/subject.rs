//! What a card is about.

use jiff::Timestamp;
use serde_json::Value;

use crate::reading::{Answer, Reading};
use crate::{aws, http, kubernetes, redis, sql};

/// How a procedure names a workload.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Which {
    /// The deployment of this name.
    Deployment(String),
    /// The deployments whose pods this label selector selects.
    Selector(String),
    /// Every deployment of the namespace.
    All,
}

/// Objects of a kind in a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Named {
    /// The namespace; the environment's own where it is absent, [`command::ALL_NAMESPACES`] for all.
    pub namespace: Option<String>,
    /// The one that is meant; all of the kind where it is absent.
    pub name: Option<String>,
}

/// What is asked after. Names that a text leaves open are absent: all of a kind are meant then. A namespace that is
/// absent is the environment's own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// Deployments with their pods. Watched, not asked after.
    Workloads {
        /// Where they are.
        namespace: Option<String>,
        /// What names them.
        which: Which,
    },
    /// Horizontal pod autoscalers.
    Autoscalers(Named),
    /// The cluster's nodes and what they use.
    Nodes,
    /// What went wrong lately in a namespace, as the cluster's warnings say it.
    Events(Option<String>),
    /// What pods use.
    Usage {
        /// Where they are.
        namespace: Option<String>,
        /// Their labels.
        selector: Option<String>,
    },
    /// The addresses behind services.
    Endpoints(Named),
    /// Ways in from outside.
    Ingresses(Named),
    /// Argo CD's applications.
    Applications(Named),
    /// RDS instances, by identifier.
    DbInstances(Option<String>),
    /// RDS and Aurora clusters, by identifier.
    DbClusters(Option<String>),
    /// ACM certificates, by ARN.
    Certificates(Option<String>),
    /// SQS queues, by URL.
    Queues(Option<String>),
    /// Target groups of load balancers, by ARN.
    TargetGroups(Option<String>),
    /// What Prometheus answers.
    Metric {
        /// Its address: `http://prometheus:9090`.
        server: String,
        /// In PromQL.
        query: String,
    },
    /// An address that says whether something is well.
    Health {
        /// With its scheme, or without as curl takes it.
        url: String,
        /// Whether its certificate is not checked.
        is_insecure: bool,
    },
    /// A PostgreSQL database, by its reference: `datasource:payments`.
    Database(String),
    /// A number that a database says.
    Number {
        /// Its reference.
        connection: String,
        /// One `SELECT` that changes nothing.
        query: String,
    },
    /// A Redis server, by its reference; the environment's own where it is absent.
    Redis(Option<String>),
    /// How long a list, stream or set in Redis is.
    Length {
        /// The server, as for [`Subject::Redis`].
        server: Option<String>,
        /// The database's number, where it is not the server's own.
        database: Option<u32>,
        /// `LLEN`, `XLEN`, `SCARD` or `ZCARD`.
        command: String,
        /// What it is called.
        key: String,
    },
}

/// Why nothing can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Whoever was asked does not let the portal look.
    #[error("{0}")]
    Forbidden(String),
    /// It is not there.
    #[error("{0}")]
    Absent(String),
    /// Nobody answers, or not what was asked.
    #[error("{0}")]
    Unreachable(String),
}

/// How many of one kind get a card of their own.
pub(crate) const EACH: usize = 6;

impl Subject {
    /// The next calls, given what the ones before answered; empty where all has been asked. Each is a program and its
    /// words, and only looks.
    #[must_use]
    pub fn calls(&self, answered: &[Answer], now: Timestamp) -> Vec<Vec<String>> {
        match self {
            Self::Workloads { .. } => Vec::new(),
            Self::Queues(_) | Self::TargetGroups(_) | Self::Certificates(_) => aws::calls(self, answered, now),
            _ if !answered.is_empty() => Vec::new(),
            Self::DbInstances(_) | Self::DbClusters(_) => aws::calls(self, answered, now),
            Self::Metric { server, query } => vec![http::query(server, query, now)],
            Self::Health { url, is_insecure } => vec![http::health(url, *is_insecure)],
            Self::Database(connection) => vec![sql::state(connection)],
            Self::Number { connection, query } => vec![sql::number(connection, query)],
            Self::Redis(server) => vec![redis::info(server.as_deref())],
            Self::Length { server, database, command, key } => {
                vec![redis::length(server.as_deref(), *database, command, key)]
            }
            _ => kubernetes::calls(self),
        }
    }

    /// What the answers say; they stand in the order of the calls.
    ///
    /// # Errors
    /// [`Trouble`] in the words of whoever was asked.
    pub fn read(&self, answers: &[Answer], now: Timestamp) -> Result<Vec<Reading>, Trouble> {
        let mut readings = match self {
            Self::Workloads { .. } => Vec::new(),
            Self::Queues(_)
            | Self::TargetGroups(_)
            | Self::Certificates(_)
            | Self::DbInstances(_)
            | Self::DbClusters(_) => aws::read(self, answers, now)?,
            Self::Metric { server, query } => vec![http::read_query(server, query, first(answers)?)?],
            Self::Health { url, .. } => vec![http::read_health(url, first(answers)?)?],
            Self::Database(connection) => vec![sql::read_state(connection, first(answers)?)?],
            Self::Number { connection, query } => vec![sql::read_number(connection, query, first(answers)?)?],
            Self::Redis(server) => vec![redis::read_info(server.as_deref(), first(answers)?)?],
            Self::Length { server, command, key, .. } => {
                vec![redis::read_length(server.as_deref(), command, key, first(answers)?)?]
            }
            _ => kubernetes::read(self, answers, now)?,
        };
        readings.truncate(EACH);
        Ok(readings)
    }

    /// The same in this namespace, where its text names none.
    #[must_use]
    pub fn within(mut self, namespace: &str) -> Self {
        match &mut self {
            Self::Workloads { namespace: own, .. } | Self::Events(own) | Self::Usage { namespace: own, .. } => {
                Some(own)
            }
            Self::Autoscalers(named) | Self::Endpoints(named) | Self::Ingresses(named) | Self::Applications(named) => {
                Some(&mut named.namespace)
            }
            _ => None,
        }
        .map(|own| own.get_or_insert_with(|| namespace.to_owned()));
        self
    }

    /// What a card is called before anything has answered, and where nothing does.
    #[must_use]
    pub fn title(&self) -> String {
        let named = |kind: &str, name: &Option<String>| name.clone().unwrap_or_else(|| kind.to_owned());
        match self {
            Self::Workloads { which: Which::Deployment(name), .. } => name.clone(),
            Self::Workloads { which: Which::Selector(selector), .. } => selector.clone(),
            Self::Workloads { which: Which::All, .. } => "Deployments".to_owned(),
            Self::Autoscalers(Named { name, .. }) => named("Autoscalers", name),
            Self::Nodes => "Nodes".to_owned(),
            Self::Events(_) => "Warnings".to_owned(),
            Self::Usage { .. } => "Use of pods".to_owned(),
            Self::Endpoints(Named { name, .. }) => named("Endpoints", name),
            Self::Ingresses(Named { name, .. }) => named("Ingresses", name),
            Self::Applications(Named { name, .. }) => named("Applications", name),
            Self::DbInstances(name) => named("RDS instances", name),
            Self::DbClusters(name) => named("RDS clusters", name),
            Self::Certificates(arn) => named("Certificates", &arn.as_deref().map(aws::last)),
            Self::Queues(url) => named("Queues", &url.as_deref().map(aws::last)),
            Self::TargetGroups(arn) => named("Target groups", arn),
            Self::Metric { query, .. } => query.clone(),
            Self::Health { url, .. } => url.clone(),
            Self::Database(connection) | Self::Number { connection, .. } => sql::name(connection).to_owned(),
            Self::Redis(server) => server.as_deref().map_or("Redis", sql::name).to_owned(),
            Self::Length { key, .. } => key.clone(),
        }
    }

    /// How many seconds lie between two looks while all is well. What costs a process of its own or changes slowly is
    /// asked less often.
    #[must_use]
    pub fn seconds_between(&self) -> u64 {
        match self {
            Self::Autoscalers(_) | Self::Nodes | Self::Usage { .. } | Self::Endpoints(_) => 5,
            Self::Events(_) | Self::Applications(_) | Self::Database(_) | Self::Number { .. } => 10,
            Self::Health { .. } | Self::Metric { .. } | Self::Redis(_) | Self::Length { .. } => 10,
            Self::DbInstances(_) | Self::DbClusters(_) | Self::Ingresses(_) => 15,
            Self::Queues(_) | Self::TargetGroups(_) => 20,
            Self::Certificates(_) => 120,
            Self::Workloads { .. } => 0,
        }
    }
}

/// The one answer to the one call.
pub(crate) fn first(answers: &[Answer]) -> Result<&str, Trouble> {
    well(answers.first().ok_or_else(|| Trouble::Unreachable("Nothing was asked.".to_owned()))?)
}

/// What a call that went well printed.
pub(crate) fn well(answer: &Answer) -> Result<&str, Trouble> {
    if answer.code == 0 {
        return Ok(&answer.stdout);
    }
    let said = answer.stderr.lines().map(str::trim).find(|line| !line.is_empty());
    let said: String = said.unwrap_or("It failed and said nothing.").chars().take(300).collect();
    let lower = said.to_ascii_lowercase();
    let holds = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    Err(
        if holds(&[
            "forbidden",
            "accessdenied",
            "access denied",
            "unauthorized",
            "not authorized",
            "permission denied",
            "not permitted",
            "noperm",
            "noauth",
        ]) {
            Trouble::Forbidden(said)
        } else if holds(&["notfound", "not found", "nonexistent", "does not exist"]) {
            Trouble::Absent(said)
        } else {
            Trouble::Unreachable(said)
        },
    )
}

/// The JSON that a call printed.
pub(crate) fn json(text: &str) -> Result<Value, Trouble> {
    serde_json::from_str(text).map_err(|_| Trouble::Unreachable("The answer is not what was asked for.".to_owned()))
}

/// A text in JSON, empty where there is none.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A number in JSON, as such or in quotes.
pub(crate) fn number(value: &Value, pointer: &str) -> Option<f64> {
    let found = value.pointer(pointer)?;
    found.as_f64().or_else(|| found.as_str()?.parse().ok())
}

/// The items of a list in JSON.
pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Words as a call.
pub(crate) fn call(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// How long ago something was, in seconds; `None` where the text is no time.
pub(crate) fn age(text: &str, now: Timestamp) -> Option<f64> {
    let then: Timestamp = text.parse().ok()?;
    Some((now.as_second() - then.as_second()) as f64)
}
