//! StatefulSets: numbered pods, one after another.

use super::replicas;
use crate::events::Voice;
use crate::object::{self, deleting, label, name, number, pod_ready, text};
use crate::store::Store;
use serde_json::{Value, json};

/// Where StatefulSets are kept.
pub(crate) const PLACE: &str = "statefulsets.apps";
/// The label with the template's revision.
const REVISION: &str = "controller-revision-hash";

pub(super) fn reconcile(store: &mut Store) {
    for set in store.list(PLACE, None) {
        if !deleting(&set) {
            sync(store, &set);
        }
    }
}

/// The name of the revision of a set's template.
pub(crate) fn revision(set: &Value) -> String {
    format!("{}-{}", name(set), object::hashed_ending(&set["spec"]["template"].to_string(), 10))
}

/// The pod of a set with a number.
pub(crate) fn pod(set: &Value, ordinal: i64) -> Value {
    let named = format!("{}-{ordinal}", name(set));
    let mut pod = replicas::pod_from(set, &named);
    pod["metadata"]["labels"][REVISION] = json!(revision(set));
    pod["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] = json!(named);
    pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"] = json!(ordinal.to_string());
    pod
}

fn sync(store: &mut Store, set: &Value) {
    let wanted = number(set, "/spec/replicas", 1);
    let current = revision(set);
    let pods = replicas::owned(store, "pods", set);
    let ordinal =
        |pod: &Value| text(pod, "/metadata/name").rsplit('-').next().and_then(|n| n.parse::<i64>().ok()).unwrap_or(-1);
    let settled = pods.iter().all(|pod| pod_ready(pod) && !deleting(pod));
    let missing = (0..wanted).find(|index| !pods.iter().any(|pod| ordinal(pod) == *index));
    let extra = pods.iter().filter(|pod| ordinal(pod) >= wanted && !deleting(pod)).max_by_key(|pod| ordinal(pod));
    let stale =
        pods.iter().filter(|pod| label(pod, REVISION) != current && !deleting(pod)).max_by_key(|pod| ordinal(pod));
    let broken = stale.filter(|pod| !pod_ready(pod));
    if let (true, Some(index)) = (settled, missing) {
        replicas::make(store, set, pod(set, index), Voice::StatefulSets);
    } else if let Some(pod) = extra {
        replicas::unmake(store, set, pod, Voice::StatefulSets);
    } else if let Some(pod) = if settled { stale } else { broken } {
        replicas::unmake(store, set, pod, Voice::StatefulSets);
    }
    let pods = replicas::owned(store, "pods", set);
    let (count, ready) = replicas::count(&pods);
    let updated = pods.iter().filter(|pod| label(pod, REVISION) == current && !deleting(pod)).count();
    let updated = i64::try_from(updated).unwrap_or(i64::MAX);
    let settled = updated == wanted && ready == wanted;
    let before = text(set, "/status/currentRevision").to_owned();
    let status = json!({
        "replicas": count, "readyReplicas": ready, "availableReplicas": ready, "updatedReplicas": updated,
        "currentReplicas": if settled { count } else { count - updated },
        "currentRevision": if settled || before.is_empty() { current.clone() } else { before },
        "updateRevision": current, "collisionCount": 0, "observedGeneration": number(set, "/metadata/generation", 1),
    });
    replicas::set_status(store, PLACE, set, &status);
}
