//! Which pods and containers are meant where the caller leaves it open.

use std::cmp::{Ordering, Reverse};
use std::time::Duration;

use command::kubectl::Logs;
use serde_json::Value;

use crate::api::AS_JSON;
use crate::discovery::{self, Mapping};
use crate::failure::Failure;
use crate::output::Output;
use crate::resolve::{Choice, Scope, Wanted, Which};
use crate::selector;
use crate::watch::{Event, Watcher};

const DEFAULT: &str = "kubectl.kubernetes.io/default-container";

/// The pod of a workload whose log says most: running, ready, longest ready (`podutils.ByLogging`).
pub(super) async fn pods_of(
    scope: &Scope<'_>,
    mapping: &Mapping,
    object: &Value,
    logs: &Logs,
    out: Output<'_>,
) -> Result<Vec<Value>, Failure> {
    let mut found = pods(scope, mapping, object, logs.pod_timeout, "cannot get the logs from").await?;
    if logs.all_pods || found.len() == 1 {
        return Ok(found);
    }
    let name = found[0]["metadata"]["name"].as_str().unwrap_or_default();
    out.err(format!("Found {} pods, using pod/{name}\n", found.len())).await?;
    found.truncate(1);
    Ok(found)
}

/// The pods of a workload, never none, the one that says most first. `cannot` begins the error's sentence.
pub(crate) async fn pods(
    scope: &Scope<'_>,
    mapping: &Mapping,
    object: &Value,
    timeout: Duration,
    cannot: &str,
) -> Result<Vec<Value>, Failure> {
    let cannot = |why: String| Failure::error(format!("{cannot} *{}: {why}", go_type(mapping)));
    let known = [
        "pods",
        "services",
        "replicationcontrollers",
        "deployments",
        "replicasets",
        "statefulsets",
        "daemonsets",
        "jobs",
    ];
    if !known.contains(&mapping.resource.as_str()) {
        return Err(cannot(format!("selector for *{} not implemented", go_type(mapping))));
    }
    let Some(selector) = selector::of(object) else {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        return Err(cannot(format!("invalid service '{name}': Service is defined without a selector")));
    };
    let pods = discovery::one(&scope.api, "pods").await?;
    let first = async { first_pods(scope, &pods, &selector).await };
    let mut found = tokio::time::timeout(timeout, first)
        .await
        .unwrap_or_else(|_| Err(Failure::error("timed out waiting for the condition")))?;
    found.sort_by(by_logging);
    Ok(found)
}

/// The pods of a selector; waits for a first one.
async fn first_pods(scope: &Scope<'_>, pods: &Mapping, selector: &str) -> Result<Vec<Value>, Failure> {
    let choice = Choice { selector: Some(selector), ..Choice::default() };
    loop {
        let wanted = Wanted { mapping: pods.clone(), which: Which::Chosen };
        let (found, failures) = scope.objects(&[wanted], choice).await?;
        if let Some(failure) = Failure::of(failures) {
            return Err(failure);
        }
        if !found.is_empty() {
            return Ok(found.into_iter().map(|found| found.object).collect());
        }
        let mut page = scope.pages(pods, choice.query(), AS_JSON, 1);
        let page = page.next().await?.unwrap_or_default();
        let version = page["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        let mut watcher = Watcher::start(scope, pods, choice.query(), version, AS_JSON).await?;
        while let Event::Change(kind, object) = watcher.next().await? {
            if kind == "ADDED" || kind == "MODIFIED" {
                return Ok(vec![object]);
            }
        }
    }
}

/// The Go type that kubectl names: its packages are called by their version.
fn go_type(mapping: &Mapping) -> String {
    format!("{}.{}", mapping.version, mapping.kind)
}

fn ready_since(pod: &Value) -> Option<&str> {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    let mut ready = conditions.filter(|condition| condition["type"] == "Ready" && condition["status"] == "True");
    ready.next().map(|condition| condition["lastTransitionTime"].as_str().unwrap_or_default())
}

fn by_logging(left: &Value, right: &Value) -> Ordering {
    let unassigned = |pod: &Value| pod["spec"]["nodeName"].as_str().unwrap_or_default().is_empty();
    let phase = |pod: &Value| match pod["status"]["phase"].as_str() {
        Some("Unknown") => 1,
        Some("Pending") => 2,
        _ => 0,
    };
    let restarts = |pod: &Value| {
        let statuses = pod["status"]["containerStatuses"].as_array().into_iter().flatten();
        Reverse(statuses.filter_map(|status| status["restartCount"].as_i64()).max().unwrap_or(0))
    };
    let created = |pod: &Value| pod["metadata"]["creationTimestamp"].as_str().unwrap_or("9").to_owned();
    let since = match (ready_since(left), ready_since(right)) {
        (Some(left), Some(right)) => left.cmp(right),
        (left, right) => right.is_some().cmp(&left.is_some()),
    };
    unassigned(left)
        .cmp(&unassigned(right))
        .then(phase(left).cmp(&phase(right)))
        .then(since)
        .then(restarts(left).cmp(&restarts(right)))
        .then(created(left).cmp(&created(right)))
}

fn names<'a>(pod: &'a Value, list: &str) -> Vec<&'a str> {
    pod["spec"][list].as_array().into_iter().flatten().filter_map(|container| container["name"].as_str()).collect()
}

/// The containers of a pod whose logs are meant.
pub(super) async fn containers(pod: &Value, logs: &Logs, out: Output<'_>) -> Result<Vec<String>, Failure> {
    let (init, main, extra) =
        (names(pod, "initContainers"), names(pod, "containers"), names(pod, "ephemeralContainers"));
    if logs.all_containers {
        return Ok(init.into_iter().chain(main).chain(extra).map(str::to_owned).collect());
    }
    let say = (!logs.all_pods).then_some(out);
    container(pod, logs.container.as_deref(), say).await.map(|container| vec![container])
}

/// One container of a pod: the given one, or the default. `say` hears of a choice among several.
pub(crate) async fn container(pod: &Value, given: Option<&str>, say: Option<Output<'_>>) -> Result<String, Failure> {
    let (init, main, extra) =
        (names(pod, "initContainers"), names(pod, "containers"), names(pod, "ephemeralContainers"));
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let exists = |wanted: &str| main.iter().chain(&init).chain(&extra).any(|known| *known == wanted);
    let all = || {
        let extra = extra.iter().map(|name| format!("{name} (ephem)"));
        let init = init.iter().map(|name| format!("{name} (init)"));
        main.iter().map(|name| (*name).to_owned()).chain(extra).chain(init).collect::<Vec<_>>().join(", ")
    };
    let mut chosen = given.map(str::to_owned);
    if let (None, Some(wanted)) = (&chosen, pod["metadata"]["annotations"][DEFAULT].as_str()) {
        if exists(wanted) {
            chosen = Some(wanted.to_owned());
        } else if let (false, Some(out)) = (wanted.is_empty(), say) {
            out.err(format!("Default container name {wanted:?} not found in pod {name}\n")).await?;
        }
    }
    let chosen = match (chosen, main.first()) {
        (Some(chosen), _) => chosen,
        (None, None) => return Err(Failure::error(format!("pod {name} does not have any containers"))),
        (None, Some(first)) => {
            if main.len() + init.len() + extra.len() > 1
                && let Some(out) = say
            {
                out.err(format!("Defaulted container {first:?} out of: {}\n", all())).await?;
            }
            (*first).to_owned()
        }
    };
    if !exists(&chosen) {
        return Err(Failure::error(format!("container {chosen} is not valid for pod {name}")));
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_pod_that_says_most_comes_first() {
        let pod = |name: &str, phase: &str, ready: Option<&str>, node: &str| {
            let conditions =
                ready.map(|since| json!([{"type": "Ready", "status": "True", "lastTransitionTime": since}]));
            json!({"metadata": {"name": name}, "spec": {"nodeName": node}, "status": {"phase": phase, "conditions": conditions}})
        };
        let mut pods = [
            pod("unassigned", "Pending", None, ""),
            pod("pending", "Pending", None, "n"),
            pod("not-ready", "Running", None, "n"),
            pod("young", "Running", Some("2024-01-02T00:00:00Z"), "n"),
            pod("old", "Running", Some("2024-01-01T00:00:00Z"), "n"),
        ];
        pods.sort_by(by_logging);
        let names: Vec<_> = pods.iter().filter_map(|pod| pod["metadata"]["name"].as_str()).collect();
        assert_eq!(names, ["old", "young", "not-ready", "pending", "unassigned"]);
    }
}
