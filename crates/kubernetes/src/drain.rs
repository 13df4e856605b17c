//! `kubectl drain`
//!
//! Source: `k8s.io/kubectl/pkg/drain` and `k8s.io/kubectl/pkg/cmd/drain`, v0.32.

use std::time::Duration;

use command::kubectl::{Cordon, Drain, DryRun, Schedule, Selection};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::api::{AS_JSON, Query};
use crate::change;
use crate::discovery::{self, Mapping};
use crate::failure::Failure;
use crate::output::Output;
use crate::resolve::{Choice, Found, Scope, items};
use crate::watch::{Event, Watcher};

/// How soon an eviction that a budget forbids is tried again.
const AGAIN: Duration = Duration::from_secs(5);
/// How long where nobody says: as good as for ever.
const FOREVER: Duration = Duration::from_secs(168 * 3_600);

pub(crate) async fn run(scope: &Scope<'_>, drain: &Drain, out: Output<'_>) -> Result<(), Failure> {
    let selection = match drain.nodes.as_slice() {
        [] => Selection::Types(vec!["nodes".to_owned()]),
        names => Selection::Names { kind: "nodes".to_owned(), names: names.to_vec() },
    };
    let choice = Choice { selector: drain.selector.as_deref(), ..Choice::default() };
    let wanted = scope.wanted(&selection, choice).await?;
    let (nodes, failures) = scope.objects(&wanted, choice).await?;
    if let Some(failure) = Failure::of(failures) {
        return Err(failure);
    }
    let cordon = Cordon {
        schedule: Schedule::Stop,
        nodes: drain.nodes.clone(),
        selector: drain.selector.clone(),
        dry_run: drain.dry_run,
    };
    change::cordon(scope, &cordon, out).await?;
    let pods = discovery::one(&scope.api, "pods").await?;
    let mut rest: Vec<&Found> = nodes.iter().collect();
    let mut failure = None;
    for node in &nodes {
        match empty(scope, drain, &pods, node.name(), out).await {
            Ok(()) => {
                rest.retain(|other| other.name() != node.name());
                let tried = tried(drain.dry_run);
                out.out(format!("node/{} drained{tried}\n", node.name())).await?;
            }
            Err(Failure::Ended) => return Err(Failure::Ended),
            Err(why) => {
                let text = match &why {
                    Failure::Several(_) => format!("[{}]", why.message()),
                    _ => why.message(),
                };
                out.err(format!(
                    "error: unable to drain node {:?} due to error: {text}, continuing command...\n",
                    node.name()
                ))
                .await?;
                failure = Some(why);
                if nodes.len() > 1 {
                    continue;
                }
            }
        }
    }
    let Some(failure) = failure else { return Ok(()) };
    out.err("There are pending nodes to be drained:\n").await?;
    for node in rest {
        out.err(format!(" {}\n", node.name())).await?;
    }
    Err(failure)
}

fn tried(dry_run: DryRun) -> &'static str {
    match dry_run {
        DryRun::None => "",
        DryRun::Client => " (dry run)",
        DryRun::Server => " (server dry run)",
    }
}

/// What becomes of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Goes,
    Stays,
    /// It stays, and that is worth a warning with this sentence.
    Warned(&'static str),
    /// It goes, with a warning.
    GoesWarned(&'static str),
    /// Nothing goes because of it, for this reason.
    Forbidden(&'static str),
}

const DAEMON_FATAL: &str = "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)";
const DAEMON_WARNING: &str = "ignoring DaemonSet-managed Pods";
const LOCAL_FATAL: &str = "cannot delete Pods with local storage (use --delete-emptydir-data to override)";
const LOCAL_WARNING: &str = "deleting Pods with local storage";
/// kubectl itself says it twice.
const ALONE_FATAL: &str = "cannot delete cannot delete Pods that declare no controller (use --force to override)";
const ALONE_WARNING: &str = "deleting Pods that declare no controller";

/// The filters of kubectl, in their order.
fn fate(drain: &Drain, pod: &Value) -> Fate {
    let finished = ["Succeeded", "Failed"].contains(&pod["status"]["phase"].as_str().unwrap_or_default());
    let owners = pod["metadata"]["ownerReferences"].as_array();
    let controller = owners.into_iter().flatten().find(|owner| owner["controller"] == true);
    if controller.is_some_and(|owner| owner["kind"] == "DaemonSet") && !finished {
        return if drain.ignore_daemon_sets { Fate::Warned(DAEMON_WARNING) } else { Fate::Forbidden(DAEMON_FATAL) };
    }
    if pod["metadata"]["annotations"].get("kubernetes.io/config.mirror").is_some() {
        return Fate::Stays;
    }
    let mut volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    let local = volumes.any(|volume| volume.get("emptyDir").is_some()) && !finished;
    if local && !drain.delete_local_data {
        return Fate::Forbidden(LOCAL_FATAL);
    }
    if controller.is_none() && !finished {
        return if drain.force { Fate::GoesWarned(ALONE_WARNING) } else { Fate::Forbidden(ALONE_FATAL) };
    }
    if local { Fate::GoesWarned(LOCAL_WARNING) } else { Fate::Goes }
}

async fn empty(scope: &Scope<'_>, drain: &Drain, pods: &Mapping, node: &str, out: Output<'_>) -> Result<(), Failure> {
    let mut everywhere = scope.clone();
    everywhere.all_namespaces = true;
    let mut query = vec![("fieldSelector", format!("spec.nodeName={node}"))];
    if let Some(selector) = &drain.pod_selector {
        query.push(("labelSelector", selector.clone()));
    }
    let mut pages = everywhere.pages(pods, query, AS_JSON, 500);
    let mut going = Vec::new();
    let mut forbidden: Vec<(&str, Vec<String>)> = Vec::new();
    let mut warnings: Vec<(&str, Vec<String>)> = Vec::new();
    let add = |list: &mut Vec<(&'static str, Vec<String>)>, why: &'static str, name: String| match list
        .iter_mut()
        .find(|(known, _)| *known == why)
    {
        Some((_, names)) => names.push(name),
        None => list.push((why, vec![name])),
    };
    while let Some(page) = pages.next().await? {
        for pod in items(page, pods) {
            let text = |key: &str| pod["metadata"][key].as_str().unwrap_or_default().to_owned();
            let name = format!("{}/{}", text("namespace"), text("name"));
            match fate(drain, &pod) {
                Fate::Stays => {}
                Fate::Goes => going.push(pod),
                Fate::Warned(why) => add(&mut warnings, why, name),
                Fate::GoesWarned(why) => {
                    add(&mut warnings, why, name);
                    going.push(pod);
                }
                Fate::Forbidden(why) => add(&mut forbidden, why, name),
            }
        }
    }
    let sentences = |mut list: Vec<(&str, Vec<String>)>| {
        list.sort();
        list.into_iter().map(|(why, names)| format!("{why}: {}", names.join(", "))).collect::<Vec<_>>()
    };
    if let Some(failure) = Failure::of(sentences(forbidden).into_iter().map(Failure::Plain).collect()) {
        return Err(failure);
    }
    if !warnings.is_empty() {
        out.err(format!("Warning: {}\n", sentences(warnings).join("; "))).await?;
    }
    let end = Instant::now() + drain.timeout.unwrap_or(FOREVER);
    let (word, done) = if drain.disable_eviction { ("deleting", "deleted") } else { ("evicting", "evicted") };
    let evictions = going.iter().map(|pod| async move {
        let text = |key: &str| pod["metadata"][key].as_str().unwrap_or_default();
        let (namespace, name) = (text("namespace"), text("name"));
        if drain.dry_run == DryRun::Client {
            return out.out(format!("{word} pod {namespace}/{name} (dry run)\n")).await;
        }
        let tried = tried(drain.dry_run);
        out.out(format!("{word} pod {namespace}/{name}{tried}\n")).await?;
        let gone = go(scope, drain, pods, pod);
        tokio::time::timeout_at(end, gone).await.unwrap_or_else(|_| {
            Err(Failure::error(format!(
                "error when {word} pods/{name:?} -n {namespace:?}: global timeout reached: {}s",
                drain.timeout.unwrap_or(FOREVER).as_secs()
            )))
        })?;
        if drain.dry_run == DryRun::None { out.out(format!("pod/{name} {done}\n")).await } else { Ok(()) }
    });
    let results = futures::future::join_all(evictions).await;
    Failure::of(results.into_iter().filter_map(Result::err).collect()).map_or(Ok(()), Err)
}

/// Evicts a pod, as often as a budget has to be asked, and waits until it is gone.
async fn go(scope: &Scope<'_>, drain: &Drain, pods: &Mapping, pod: &Value) -> Result<(), Failure> {
    let text = |key: &str| pod["metadata"][key].as_str().unwrap_or_default();
    let (namespace, name) = (text("namespace"), text("name"));
    let path = pods.path(Some(namespace), Some(name));
    let mut options = json!({});
    if let Some(seconds) = drain.grace_seconds {
        options["gracePeriodSeconds"] = Value::from(seconds);
    }
    if drain.dry_run == DryRun::Server {
        options["dryRun"] = json!(["All"]);
    }
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction",
        "metadata": {"name": name, "namespace": namespace}, "deleteOptions": options});
    loop {
        let asked = match drain.disable_eviction {
            true => scope.api.delete(&path, &Query::new(), &options).await,
            false => scope.api.post(&format!("{path}/eviction"), &Query::new(), &eviction).await,
        };
        match asked {
            Ok(_) => break,
            Err(failure) if failure.not_found() => return Ok(()),
            Err(Failure::Server(status)) if status.code == 429 => tokio::time::sleep(AGAIN).await,
            Err(failure) => {
                return Err(Failure::error(format!(
                    "error when evicting pods/{name:?} -n {namespace:?}: {}",
                    failure.message()
                )));
            }
        }
    }
    if drain.dry_run != DryRun::None {
        return Ok(());
    }
    let mut here = scope.clone();
    here.all_namespaces = false;
    namespace.clone_into(&mut here.namespace);
    loop {
        let now = match scope.api.get(&path, &Query::new(), AS_JSON).await {
            Ok(now) if now["metadata"]["uid"] != pod["metadata"]["uid"] => return Ok(()),
            Ok(now) => now,
            Err(failure) if failure.not_found() => return Ok(()),
            Err(failure) => return Err(failure),
        };
        let query = vec![("fieldSelector", format!("metadata.name={name}"))];
        let version = now["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        let mut watcher = Watcher::start(&here, pods, query, version, AS_JSON).await?;
        loop {
            match watcher.next().await? {
                Event::Change(kind, _) if kind == "DELETED" => return Ok(()),
                Event::Change(..) => {}
                Event::Closed(_) | Event::Expired => break,
            }
        }
    }
}
