//! ReplicaSets: as many pods as wanted.

use super::replicas::{self, BURST};
use crate::events::Voice;
use crate::object::{deleting, name, number, pod_active, random_ending};
use crate::store::Store;
use serde_json::json;

/// Where ReplicaSets are kept.
pub(crate) const PLACE: &str = "replicasets.apps";

pub(super) fn reconcile(store: &mut Store) {
    for set in store.list(PLACE, None) {
        if !deleting(&set) {
            let wanted = usize::try_from(number(&set, "/spec/replicas", 1)).unwrap_or(0);
            let mut pods = replicas::owned(store, "pods", &set);
            pods.retain(|pod| pod_active(pod));
            for _ in pods.len()..wanted.min(pods.len() + BURST) {
                let pod = replicas::pod_from(&set, &format!("{}-{}", name(&set), random_ending()));
                replicas::make(store, &set, pod, Voice::ReplicaSets);
            }
            if pods.len() > wanted {
                pods.sort_by_cached_key(|pod| replicas::expendable(pod));
                for pod in &pods[..pods.len() - wanted] {
                    replicas::unmake(store, &set, pod, Voice::ReplicaSets);
                }
            }
        }
        let pods = replicas::owned(store, "pods", &set);
        let (count, ready) = replicas::count(&pods);
        let status = json!({
            "replicas": count, "fullyLabeledReplicas": count, "readyReplicas": ready, "availableReplicas": ready,
            "observedGeneration": number(&set, "/metadata/generation", 1),
        });
        replicas::set_status(store, PLACE, &set, &status);
    }
}
