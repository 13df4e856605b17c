//! The `widget` fence: what an author wants to see beside a procedure.
//!
//! ````markdown
//! ```widget
//! title: Failed requests
//! promql: sum(rate(http_requests_total{status=~"5.."}[5m])) / sum(rate(http_requests_total[5m]))
//! warning: 1%
//! critical: 5%
//! ```
//! ````
//!
//! It is YAML. One key says what is looked at; the others say it nearer. Everywhere else the fence is a block of code.
//!
//! | key | its value | goes with |
//! |---|---|---|
//! | `promql` | a query | `prometheus`: the server's address |
//! | `sql` | one `SELECT` that answers one number | `datasource`: which database |
//! | `http` | an address that tells health | |
//! | `workload` | `deployment/web`, a label selector, or `all` | `namespace` |
//! | `autoscaler`, `endpoints`, `ingress`, `application` | a name, or `all` | `namespace` |
//! | `nodes`, `events`, `usage` | `all`, or a label selector for `usage` | `namespace` |
//! | `db-instance`, `db-cluster`, `certificate`, `queue`, `target-group` | an identifier, ARN or URL, or `all` | |
//! | `redis` | `all`, or `LLEN key` and its like | `datasource`: which server |

use serde::Deserialize;

use crate::find::only_looks;
use crate::reading::Unit;
use crate::subject::{Named, Subject, Which};
use crate::threshold::{self, Limits};
use crate::{Widget, http};

/// Where Prometheus is asked where an author does not say: its usual name within a cluster.
pub const PROMETHEUS: &str = "http://prometheus:9090";

/// Why a fence is no widget.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FenceError {
    /// The text is no YAML, or has a key that nobody knows.
    #[error("This widget cannot be read: {0}.")]
    Yaml(String),
    /// Not exactly one key says what is looked at.
    #[error(
        "A widget looks at one thing, this one at {0}: name one of promql, sql, http, workload, autoscaler, nodes, events, usage, endpoints, ingress, application, db-instance, db-cluster, certificate, queue, target-group, redis."
    )]
    Subjects(usize),
    /// A value does not go with its key.
    #[error("`{key}: {value}` is not understood: {why}.")]
    Value {
        /// The key.
        key: &'static str,
        /// What stands behind it.
        value: String,
        /// What would be.
        why: &'static str,
    },
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Fields {
    title: Option<String>,
    warning: Option<Scalar>,
    critical: Option<Scalar>,
    namespace: Option<String>,
    datasource: Option<String>,
    prometheus: Option<String>,
    promql: Option<String>,
    sql: Option<String>,
    http: Option<String>,
    workload: Option<String>,
    autoscaler: Option<String>,
    nodes: Option<String>,
    events: Option<String>,
    usage: Option<String>,
    endpoints: Option<String>,
    ingress: Option<String>,
    application: Option<String>,
    db_instance: Option<String>,
    db_cluster: Option<String>,
    certificate: Option<String>,
    queue: Option<String>,
    target_group: Option<String>,
    redis: Option<String>,
}

/// `5%` is a text in YAML, `5` is a number: both are limits.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Scalar {
    Number(f64),
    Text(String),
}

/// Reads the text of a fence.
///
/// # Errors
/// [`FenceError`], for the author.
pub fn read(text: &str) -> Result<Widget, FenceError> {
    if text.len() > threshold::LONGEST || threshold::has_aliases(text) {
        return Err(FenceError::Yaml("it is too long, or refers to parts of itself with *".to_owned()));
    }
    let fields: Fields = serde_yaml_ng::from_str(text).map_err(|error| FenceError::Yaml(error.to_string()))?;
    let (warning, critical) =
        (limit("warning", fields.warning.as_ref())?, limit("critical", fields.critical.as_ref())?);
    let limits =
        (warning.is_some() || critical.is_some()).then_some(Limits { warning, critical, source: "as its author says" });
    let title = fields.title.clone();
    let mut subjects = fields.subjects()?;
    match subjects.len() {
        1 => Ok(Widget { subject: subjects.remove(0), title, limits }),
        several => Err(FenceError::Subjects(several)),
    }
}

fn limit(key: &'static str, given: Option<&Scalar>) -> Result<Option<f64>, FenceError> {
    let text = match given {
        None => return Ok(None),
        Some(Scalar::Number(value)) => return Ok(Some(*value)),
        Some(Scalar::Text(text)) => text,
    };
    let why = "write a number, a percentage (5%), a time (500ms, 1s, 5min, 2h) or a size (10Mi, 2Gi)";
    let word = text.trim().trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | ' '));
    let unit = match word {
        "" => Some(Unit::Plain),
        "%" => Some(Unit::Ratio),
        "ms" | "s" | "min" | "h" => Some(Unit::Seconds),
        "Ki" | "Mi" | "Gi" => Some(Unit::Bytes),
        _ => None,
    };
    let value = unit.and_then(|unit| threshold::number(text, unit));
    value.map(Some).ok_or_else(|| FenceError::Value { key, value: text.clone(), why })
}

impl Fields {
    fn subjects(self) -> Result<Vec<Subject>, FenceError> {
        let Self { namespace, datasource, prometheus, .. } = self;
        let one = |name: String| Some(name).filter(|name| name != "all");
        let place = |namespace: &Option<String>| namespace.clone();
        let connection = || format!("datasource:{}", datasource.as_deref().unwrap_or_default());
        let mut found = Vec::new();
        if let Some(query) = self.promql {
            let server = prometheus.unwrap_or_else(|| PROMETHEUS.to_owned());
            if !http::is_plain(&server) {
                let why = "write http:// or https://, a host, and at most a path";
                return Err(FenceError::Value { key: "prometheus", value: server, why });
            }
            found.push(Subject::Metric { server, query });
        }
        if let Some(query) = self.sql {
            if !only_looks(&query) {
                let why = "a widget takes one SELECT that changes nothing";
                return Err(FenceError::Value { key: "sql", value: query, why });
            }
            if datasource.is_none() {
                let why = "say `datasource:` with the name of the database";
                return Err(FenceError::Value { key: "sql", value: query, why });
            }
            found.push(Subject::Number { connection: connection(), query });
        }
        if let Some(url) = self.http {
            if !http::is_plain(&url) || !http::is_health(&url) {
                let why = "it is asked again and again: write http:// or https://, a host, and a path that tells health (/health, /ready, \
                           /status, /ping), without a query";
                return Err(FenceError::Value { key: "http", value: url, why });
            }
            found.push(Subject::Health { url, is_insecure: false });
        }
        if let Some(name) = self.workload {
            let which = match name.strip_prefix("deployment/") {
                Some(name) => Which::Deployment(name.to_owned()),
                None if name == "all" => Which::All,
                None if name.contains('=') => Which::Selector(name),
                None => {
                    let why = "write deployment/NAME, a label selector, or all";
                    return Err(FenceError::Value { key: "workload", value: name, why });
                }
            };
            found.push(Subject::Workloads { namespace: place(&namespace), which });
        }
        if let Some(name) = self.redis {
            let server = datasource.is_some().then(connection);
            found.push(
                match crate::redis::asked_length(&name.split_whitespace().map(str::to_owned).collect::<Vec<_>>()) {
                    Some((command, key)) => Subject::Length { server, database: None, command, key },
                    None if name == "all" => Subject::Redis(server),
                    None => {
                        let why = "write all, or LLEN, XLEN, SCARD or ZCARD and a key";
                        return Err(FenceError::Value { key: "redis", value: name, why });
                    }
                },
            );
        }
        found.extend(
            self.autoscaler.map(|name| Subject::Autoscalers(Named { namespace: place(&namespace), name: one(name) })),
        );
        found.extend(self.nodes.map(|_| Subject::Nodes));
        found.extend(self.events.map(|_| Subject::Events(place(&namespace))));
        found.extend(self.usage.map(|which| Subject::Usage { namespace: place(&namespace), selector: one(which) }));
        found.extend(
            self.endpoints.map(|name| Subject::Endpoints(Named { namespace: place(&namespace), name: one(name) })),
        );
        found.extend(
            self.ingress.map(|name| Subject::Ingresses(Named { namespace: place(&namespace), name: one(name) })),
        );
        found.extend(
            self.application.map(|name| Subject::Applications(Named { namespace: place(&namespace), name: one(name) })),
        );
        found.extend(self.db_instance.map(|name| Subject::DbInstances(one(name))));
        found.extend(self.db_cluster.map(|name| Subject::DbClusters(one(name))));
        found.extend(self.certificate.map(|arn| Subject::Certificates(one(arn))));
        found.extend(self.queue.map(|url| Subject::Queues(one(url))));
        found.extend(self.target_group.map(|arn| Subject::TargetGroups(one(arn))));
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_says_what_to_look_at() {
        let widget = read("title: Failed\npromql: a / b\nwarning: 1%\ncritical: 0.05\n").unwrap();
        assert_eq!(widget.title.as_deref(), Some("Failed"));
        assert_eq!(widget.subject, Subject::Metric { server: PROMETHEUS.to_owned(), query: "a / b".to_owned() });
        let limits = widget.limits.unwrap();
        assert_eq!((limits.warning, limits.critical), (Some(0.01), Some(0.05)));
        let slow = read("http: https://a/health\nwarning: 500ms\ncritical: 2min\n").unwrap().limits.unwrap();
        assert_eq!((slow.warning, slow.critical), (Some(0.5), Some(120.0)));
        for (text, expected) in [
            ("queue: all", Subject::Queues(None)),
            ("db-instance: shop", Subject::DbInstances(Some("shop".to_owned()))),
            (
                "redis: LLEN jobs\ndatasource: cache",
                Subject::Length {
                    server: Some("datasource:cache".to_owned()),
                    database: None,
                    command: "LLEN".to_owned(),
                    key: "jobs".to_owned(),
                },
            ),
            (
                "workload: deployment/web\nnamespace: shop",
                Subject::Workloads { namespace: Some("shop".to_owned()), which: Which::Deployment("web".to_owned()) },
            ),
            (
                "sql: SELECT count(*) FROM jobs\ndatasource: shop",
                Subject::Number {
                    connection: "datasource:shop".to_owned(),
                    query: "SELECT count(*) FROM jobs".to_owned(),
                },
            ),
        ] {
            assert_eq!(read(text).unwrap().subject, expected, "{text}");
        }
    }

    #[test]
    fn a_fence_that_is_wrong_says_what_would_be_right() {
        for (text, expected) in [
            ("title: x", "this one at 0"),
            ("nodes: all\nqueue: all", "this one at 2"),
            ("promql: a\ncolour: red", "unknown field `colour`"),
            ("sql: DELETE FROM jobs\ndatasource: shop", "changes nothing"),
            ("sql: SELECT 1; SELECT 2\ndatasource: shop", "one SELECT"),
            ("sql: SELECT 1", "datasource"),
            ("http: file:///etc/passwd", "http://"),
            ("http: https://ci/job/deploy/build", "tells health"),
            ("http: https://a/health?token=x", "without a query"),
            ("http: http://a/health[1-9999]", "tells health"),
            ("promql: x\nprometheus: https://a/any?x=", "at most a path"),
            ("promql: a\nwarning: 5m", "5min"),
            ("promql: &a x\ntitle: *a", "refers to parts of itself"),
            ("workload: web", "deployment/NAME"),
            ("redis: FLUSHALL", "LLEN"),
            ("promql: a\nwarning: soon", "a number"),
            ("[", "cannot be read"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
