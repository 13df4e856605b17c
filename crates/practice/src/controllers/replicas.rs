//! What the controllers that own pods share: making pods from a template, and counting them.

use crate::cluster::keep;
use crate::deletion::{self, Terms};
use crate::events::{self, Voice};
use crate::object::{self, controlled_by, controller_uid, name, namespace, pod_active, pod_ready, text, uid};
use crate::store::Store;
use serde_json::{Value, json};
use std::sync::Arc;

/// The most pods that one owner makes in a round, so that a huge scale-up stays a stream of small steps.
pub(crate) const BURST: usize = 100;

/// The pods that `owner` controls.
pub(crate) fn owned(store: &Store, place: &str, owner: &Value) -> Vec<Arc<Value>> {
    let mut found = store.list(place, Some(namespace(owner)));
    found.retain(|object| controller_uid(object) == uid(owner));
    found
}

/// A pod from the template of `owner`.
pub(crate) fn pod_from(owner: &Value, pod_name: &str) -> Value {
    let template = &owner["spec"]["template"];
    let mut metadata = template.get("metadata").cloned().unwrap_or_else(|| json!({}));
    metadata["name"] = json!(pod_name);
    metadata["namespace"] = json!(namespace(owner));
    metadata["uid"] = json!(object::fresh_uid());
    metadata["creationTimestamp"] = json!(object::now());
    metadata["ownerReferences"] = controlled_by(owner);
    let mut pod = json!({"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": template["spec"]});
    let kinds = crate::kinds::built_in();
    if let Some(kind) = kinds.iter().find(|k| k.kind == "Pod") {
        crate::admission::fill_defaults(kind, &mut pod);
    }
    pod
}

/// Makes a pod and says so.
pub(crate) fn make(store: &mut Store, owner: &Value, pod: Value, voice: Voice) {
    let made = name(&pod).to_owned();
    if keep(store, "pods", pod).is_some() {
        events::record(store, owner, voice, "SuccessfulCreate", &format!("Created pod: {made}"));
    }
}

/// Deletes a pod and says so.
pub(crate) fn unmake(store: &mut Store, owner: &Value, pod: &Value, voice: Voice) {
    if deletion::delete(store, "pods", namespace(pod), name(pod), Terms::default()).is_some() {
        events::record(store, owner, voice, "SuccessfulDelete", &format!("Deleted pod: {}", name(pod)));
    }
}

/// How many of the active pods there are, are ready, and are available.
pub(crate) fn count(pods: &[Arc<Value>]) -> (i64, i64) {
    let active = pods.iter().filter(|pod| pod_active(pod));
    let ready = active.clone().filter(|pod| pod_ready(pod)).count();
    (i64::try_from(active.count()).unwrap_or(i64::MAX), i64::try_from(ready).unwrap_or(i64::MAX))
}

/// Which pod to give up first: not scheduled, not running, not ready, most restarts, youngest.
pub(crate) fn expendable(pod: &Value) -> (bool, bool, bool, i64, String) {
    let restarts: i64 =
        object::list(pod, "/status/containerStatuses").iter().map(|s| object::number(s, "/restartCount", 0)).sum();
    (
        !text(pod, "/spec/nodeName").is_empty(),
        text(pod, "/status/phase") == "Running",
        pod_ready(pod),
        -restarts,
        // Later creation sorts first: the digits of the instant are turned round.
        text(pod, "/metadata/creationTimestamp")
            .chars()
            .map(|c| if c.is_ascii_digit() { char::from(b'0' + b'9' - c as u8) } else { c })
            .collect(),
    )
}

/// Writes a status when it differs from the one that is there.
pub(crate) fn set_status(store: &mut Store, place: &str, object: &Value, status: &Value) {
    if object.get("status").is_none_or(|old| !object::same(old, status)) {
        let mut next = object.clone();
        next["status"] = status.clone();
        keep(store, place, next);
    }
}
