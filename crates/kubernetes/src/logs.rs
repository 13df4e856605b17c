//! `kubectl logs`
//!
//! Source: `k8s.io/kubectl/pkg/cmd/logs/logs.go` and `polymorphichelpers/logsforobject.go`, v0.32.

pub(crate) mod choose;

use bytes::{Bytes, BytesMut};
use command::kubectl::{Logs, LogsOf};
use futures::future::try_join_all;
use serde_json::Value;

use crate::api::{AS_JSON, Query};
use crate::discovery::{self, Mapping};
use crate::failure::Failure;
use crate::output::Output;
use crate::resolve::{Choice, Scope, Wanted, Which, path_segment};

/// Bytes of short lines that are sent together.
const TOGETHER: usize = 32 << 10;

/// One container's log.
struct Source {
    path: String,
    query: Query,
    prefix: Option<String>,
}

pub(crate) async fn run(scope: &Scope<'_>, logs: &Logs, out: Output<'_>) -> Result<(), Failure> {
    let pods = pods(scope, logs, out).await?;
    let pod_mapping = discovery::one(&scope.api, "pods").await?;
    let mut sources = Vec::new();
    for pod in &pods {
        for container in choose::containers(pod, logs, out).await? {
            sources.push(source(&pod_mapping, pod, &container, logs));
        }
    }
    let together = logs.follow && sources.len() > 1;
    if together && i64::try_from(sources.len()).unwrap_or(i64::MAX) > logs.max_requests {
        return Err(Failure::error(format!(
            "you are attempting to follow {} log streams, but maximum allowed concurrency is {}, use --max-log-requests to \
             increase the limit",
            sources.len(),
            logs.max_requests
        )));
    }
    if together {
        try_join_all(sources.iter().map(|source| read(scope, source, logs, out))).await?;
        return Ok(());
    }
    for source in &sources {
        read(scope, source, logs, out).await?;
    }
    Ok(())
}

async fn pods(scope: &Scope<'_>, logs: &Logs, out: Output<'_>) -> Result<Vec<Value>, Failure> {
    match &logs.of {
        LogsOf::Selector(selector) => {
            let mapping = discovery::one(&scope.api, "pods").await?;
            let choice = Choice { selector: Some(selector), ..Choice::default() };
            let (found, failures) = scope.objects(&[Wanted { mapping, which: Which::Chosen }], choice).await?;
            if let Some(failure) = Failure::of(failures) {
                return Err(failure);
            }
            if found.is_empty() {
                out.err(format!("No resources found in {} namespace.\n", scope.namespace)).await?;
            }
            Ok(found.into_iter().map(|found| found.object).collect())
        }
        LogsOf::Object(kind, name) => {
            let mapping = discovery::one(&scope.api, kind).await?;
            scope.permit(&mapping)?;
            path_segment(name)?;
            let object = match scope.get(&mapping, name, &Query::new(), AS_JSON).await {
                Ok(object) => object,
                Err(failure) if failure.not_found() => {
                    return Err(Failure::error(format!(
                        "error from server (NotFound): {} in namespace {:?}",
                        failure.message(),
                        scope.namespace
                    )));
                }
                Err(failure) => return Err(failure),
            };
            if mapping.is("", "pods") {
                return Ok(vec![object]);
            }
            choose::pods_of(scope, &mapping, &object, logs, out).await
        }
    }
}

fn source(mapping: &Mapping, pod: &Value, container: &str, logs: &Logs) -> Source {
    let text = |key: &str| pod["metadata"][key].as_str().unwrap_or_default();
    let mut query: Query = vec![("container", container.to_owned())];
    let mut switch = |name: &'static str, on: bool| {
        if on {
            query.push((name, "true".to_owned()));
        }
    };
    switch("follow", logs.follow);
    switch("previous", logs.previous);
    switch("timestamps", logs.timestamps);
    let numbers = [("tailLines", logs.tail), ("sinceSeconds", logs.since_seconds), ("limitBytes", logs.limit_bytes)];
    query.extend(numbers.into_iter().filter_map(|(name, value)| value.map(|value| (name, value.to_string()))));
    query.extend(logs.since_time.iter().map(|time| ("sinceTime", time.clone())));
    Source {
        path: format!("{}/log", mapping.path(Some(text("namespace")), Some(text("name")))),
        query,
        prefix: logs.prefix.then(|| format!("[pod/{}/{container}] ", text("name"))),
    }
}

async fn read(scope: &Scope<'_>, source: &Source, logs: &Logs, out: Output<'_>) -> Result<(), Failure> {
    match copy(scope, source, out).await {
        Err(failure) if logs.ignore_errors && failure != Failure::Ended => {
            out.out(format!("error: {}\n", failure.message())).await
        }
        done => done,
    }
}

/// Copies whole lines, so that streams read at once do not cut into each other.
async fn copy(scope: &Scope<'_>, source: &Source, out: Output<'_>) -> Result<(), Failure> {
    let mut lines = scope.api.stream(&source.path, &source.query, "application/json, */*").await?;
    let mut waiting = BytesMut::new();
    while let Some(line) = lines.next().await? {
        if let Some(prefix) = &source.prefix {
            waiting.extend_from_slice(prefix.as_bytes());
        }
        waiting.extend_from_slice(&line);
        if waiting.len() > TOGETHER || !lines.ready() {
            let text: Bytes = waiting.split().freeze();
            out.bytes(text).await?;
        }
    }
    Ok(())
}
