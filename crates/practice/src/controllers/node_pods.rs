//! DaemonSets: one pod on every node.

use super::replicas;
use crate::events::Voice;
use crate::object::{self, deleting, label, name, number, pod_active, pod_ready, random_ending, text};
use crate::store::Store;
use serde_json::{Value, json};

/// Where DaemonSets are kept.
pub(crate) const PLACE: &str = "daemonsets.apps";
const REVISION: &str = "controller-revision-hash";

pub(super) fn reconcile(store: &mut Store) {
    for set in store.list(PLACE, None) {
        if !deleting(&set) {
            sync(store, &set);
        }
    }
}

/// The pod of a set for one node. Such pods are not scheduled: they belong to their node.
pub(crate) fn pod(store: &Store, set: &Value, node: &Value) -> Value {
    let mut pod = replicas::pod_from(set, &format!("{}-{}", name(set), random_ending()));
    pod["metadata"]["labels"][REVISION] = json!(revision(set));
    super::scheduler::placed(store, &pod, node)
}

fn revision(set: &Value) -> String {
    object::hashed_ending(&set["spec"]["template"].to_string(), 10)
}

fn sync(store: &mut Store, set: &Value) {
    let nodes = store.list("nodes", None);
    let current = revision(set);
    for node in &nodes {
        let pods = replicas::owned(store, "pods", set);
        if !pods.iter().any(|pod| text(pod, "/spec/nodeName") == name(node)) {
            let pod = pod(store, set, node);
            replicas::make(store, set, pod, Voice::DaemonSets);
        }
    }
    let pods = replicas::owned(store, "pods", set);
    let settled = pods.iter().all(|pod| pod_active(pod) && pod_ready(pod));
    let stale =
        pods.iter().find(|pod| label(pod, REVISION) != current && !deleting(pod) && (settled || !pod_ready(pod)));
    if let Some(pod) = stale {
        replicas::unmake(store, set, pod, Voice::DaemonSets);
    }
    let (count, ready) = replicas::count(&pods);
    let updated = pods.iter().filter(|pod| label(pod, REVISION) == current).count();
    let status = json!({
        "currentNumberScheduled": count, "desiredNumberScheduled": nodes.len(), "numberReady": ready, "numberAvailable": ready,
        "numberMisscheduled": 0, "updatedNumberScheduled": updated, "observedGeneration": number(set, "/metadata/generation", 1),
    });
    replicas::set_status(store, PLACE, set, &status);
}
