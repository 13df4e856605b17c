//! `kubectl wait`
//!
//! Source: `k8s.io/kubectl/pkg/cmd/wait`, v0.32.

use std::time::Duration;

use command::kubectl::{Wait, WaitFor};
use serde_json::Value;
use tokio::time::Instant;

use crate::api::{AS_JSON, Query};
use crate::change::said;
use crate::failure::Failure;
use crate::gotext;
use crate::jsonpath::{Missing, Template};
use crate::output::Output;
use crate::resolve::{Choice, Found, Scope, Wanted, Which};
use crate::watch::{Event, Watcher};

/// How often an object that is not there yet is looked for.
const AGAIN: Duration = Duration::from_millis(500);

pub(crate) async fn run(scope: &Scope<'_>, wait: &Wait, out: Output<'_>) -> Result<(), Failure> {
    let choice = Choice {
        selector: wait.selector.as_deref(),
        field_selector: wait.field_selector.as_deref(),
        bare_means_all: wait.all,
    };
    let path = match &wait.condition {
        WaitFor::Path { path, .. } => Some(
            Template::parse(path).map_err(|wrong| Failure::error(format!("error parsing jsonpath {path}, {wrong}")))?,
        ),
        _ => None,
    };
    let end = wait.timeout.map(|timeout| Instant::now() + timeout);
    let wanted = scope.wanted(&wait.selection, choice).await?;
    let (found, mut failures) = scope.objects(&wanted, choice).await?;
    match wait.condition {
        WaitFor::Delete => {
            failures.retain(|failure| !failure.not_found());
            if found.is_empty() && failures.is_empty() {
                return Ok(());
            }
        }
        WaitFor::Create => {
            let named = wanted.iter().filter(|one| matches!(one.which, Which::Named(_)));
            failures.clear();
            for one in named {
                let mut made = created(scope, one, end).await?;
                out.out(said(wait.output.as_ref(), command::kubectl::DryRun::None, "condition met", &mut made)?)
                    .await?;
            }
            return Ok(());
        }
        _ => {}
    }
    if let Some(failure) = Failure::of(failures) {
        return Err(failure);
    }
    if found.is_empty() {
        return Err(Failure::error("no matching resources found"));
    }
    let mut failures = Vec::new();
    for mut one in found {
        match until(scope, wait, path.as_ref(), &mut one, end).await {
            Ok(()) => {
                out.out(said(wait.output.as_ref(), command::kubectl::DryRun::None, "condition met", &mut one)?).await?;
            }
            Err(failure) => failures.push(failure),
        }
    }
    Failure::of(failures).map_or(Ok(()), Err)
}

async fn created(scope: &Scope<'_>, wanted: &Wanted, end: Option<Instant>) -> Result<Found, Failure> {
    let Which::Named(name) = &wanted.which else { return Err(Failure::error("no matching resources found")) };
    loop {
        match scope.get(&wanted.mapping, name, &Query::new(), AS_JSON).await {
            Ok(object) => return Ok(Found { mapping: wanted.mapping.clone(), object }),
            Err(failure) if failure.not_found() && end.is_some_and(|end| Instant::now() < end) => {
                tokio::time::sleep(AGAIN).await;
            }
            Err(failure) => return Err(failure),
        }
    }
}

fn holds(wait: &Wait, path: Option<&Template>, object: &Value) -> bool {
    match &wait.condition {
        WaitFor::Condition { kind, status } => {
            let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
            let mut named =
                conditions.filter(|one| one["type"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(kind)));
            named.any(|one| {
                let observed = one["observedGeneration"].as_i64();
                let old = observed
                    .is_some_and(|seen| object["metadata"]["generation"].as_i64().is_some_and(|now| seen < now));
                !old && one["status"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(status))
            })
        }
        WaitFor::Path { value, .. } => {
            let found = path.and_then(|path| path.find(object, Missing::Allowed).ok()).unwrap_or_default();
            let mut values = found.iter().flatten();
            match value {
                None => values.next().is_some(),
                Some(wanted) => values.any(|value| gotext::sprint(value) == *wanted),
            }
        }
        WaitFor::Delete | WaitFor::Create => false,
    }
}

async fn until(
    scope: &Scope<'_>,
    wait: &Wait,
    path: Option<&Template>,
    one: &mut Found,
    end: Option<Instant>,
) -> Result<(), Failure> {
    let named = format!("{}/{}", one.mapping.resource, one.name());
    let late = Failure::error(format!("timed out waiting for the condition on {named}"));
    let unmet = Failure::error(format!("condition not met for {named}"));
    let place = one.path();
    let deleting = wait.condition == WaitFor::Delete;
    let uid = one.object["metadata"]["uid"].clone();
    let mut here = scope.clone();
    here.all_namespaces = false;
    if let Some(namespace) = one.namespace() {
        namespace.clone_into(&mut here.namespace);
    }
    let query = vec![("fieldSelector", format!("metadata.name={}", one.name()))];
    let work = async {
        loop {
            match scope.api.get(&place, &Query::new(), AS_JSON).await {
                Ok(object) if deleting && object["metadata"]["uid"] != uid => return Ok(()),
                Ok(object) => {
                    one.object = object;
                    crate::secret::hide(&one.mapping, &mut one.object);
                }
                Err(failure) if deleting && failure.not_found() => return Ok(()),
                Err(failure) => return Err(failure),
            }
            if holds(wait, path, &one.object) {
                return Ok(());
            }
            if end.is_none() {
                return Err(Failure::Ended);
            }
            let version = one.object["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
            let mut watcher = Watcher::start(&here, &one.mapping, query.clone(), &version, AS_JSON).await?;
            loop {
                match watcher.next().await? {
                    Event::Change(kind, _) if kind == "DELETED" => {
                        if deleting {
                            return Ok(());
                        }
                        break;
                    }
                    Event::Change(_, object) => {
                        one.object = object;
                        if holds(wait, path, &one.object) {
                            return Ok(());
                        }
                    }
                    Event::Closed(_) | Event::Expired => break,
                }
            }
        }
    };
    match end {
        Some(end) => tokio::time::timeout_at(end, work).await.unwrap_or_else(|_| Err(late)),
        // Looked at once.
        None => work.await.map_err(|failure| if failure == Failure::Ended { unmet } else { failure }),
    }
}
