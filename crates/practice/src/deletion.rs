//! What deleting means: grace for pods, finalizers, and what happens to dependents.

use crate::cluster::keep;
use crate::object::{self, list, name, namespace, number, text};
use crate::store::Store;
use serde_json::{Value, json};
use std::sync::Arc;

/// What becomes of the objects that the deleted one owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Propagation {
    /// They are deleted soon after.
    #[default]
    Background,
    /// They are deleted first.
    Foreground,
    /// They stay, without this owner.
    Orphan,
}

/// How an object is to be deleted.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Terms {
    pub(crate) grace: Option<i64>,
    pub(crate) propagation: Propagation,
}

/// The finalizer that keeps an owner until its dependents are gone.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";

/// What came of a deletion.
pub(crate) enum Outcome {
    /// The object is gone; its last form.
    Gone(Arc<Value>),
    /// The object stays for now, marked for deletion.
    Marked(Arc<Value>),
}

/// Deletes an object by the rules of its kind. `None` when it is not there.
pub(crate) fn delete(store: &mut Store, place: &str, ns: &str, named: &str, terms: Terms) -> Option<Outcome> {
    let object = store.get(place, ns, named)?;
    let mut next = Value::clone(&object);
    if terms.propagation == Propagation::Orphan {
        orphan_dependents(store, object::uid(&object));
    }
    if terms.propagation == Propagation::Foreground {
        let mut finalizers = list(&next, "/metadata/finalizers").to_vec();
        if !finalizers.iter().any(|f| f == FOREGROUND) {
            finalizers.push(json!(FOREGROUND));
        }
        next["metadata"]["finalizers"] = Value::Array(finalizers);
    }
    let grace = match place {
        "pods"
            if !text(&object, "/spec/nodeName").is_empty()
                && !matches!(text(&object, "/status/phase"), "Succeeded" | "Failed") =>
        {
            terms.grace.unwrap_or_else(|| number(&object, "/spec/terminationGracePeriodSeconds", 30)).max(0)
        }
        _ => 0,
    };
    let held = !list(&next, "/metadata/finalizers").is_empty() || place == "namespaces";
    if grace == 0 && !held {
        return store.remove(place, ns, named).map(Outcome::Gone);
    }
    let already = object::deleting(&object);
    let shorter = grace < number(&object, "/metadata/deletionGracePeriodSeconds", i64::MAX);
    if !already || shorter {
        let end = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(grace.min(86_400));
        next["metadata"]["deletionTimestamp"] = json!(object::stamp(end));
        next["metadata"]["deletionGracePeriodSeconds"] = json!(grace);
    }
    if place == "namespaces" {
        next["status"]["phase"] = json!("Terminating");
    }
    if next == *object {
        return Some(Outcome::Marked(object));
    }
    keep(store, place, next).map(Outcome::Marked)
}

/// Removes a marked object whose last finalizer has gone; pods wait for their containers instead.
pub(crate) fn finish(store: &mut Store, place: &str, object: &Value) -> bool {
    let done = object::deleting(object)
        && list(object, "/metadata/finalizers").is_empty()
        && place != "namespaces"
        && (place != "pods" || number(object, "/metadata/deletionGracePeriodSeconds", 0) == 0);
    done && store.remove(place, namespace(object), name(object)).is_some()
}

fn orphan_dependents(store: &mut Store, owner: &str) {
    for place in DEPENDENTS {
        for dependent in store.list(place, None) {
            let owners = list(&dependent, "/metadata/ownerReferences");
            if owners.iter().any(|o| text(o, "/uid") == owner) {
                let kept: Vec<Value> = owners.iter().filter(|o| text(o, "/uid") != owner).cloned().collect();
                let mut next = Value::clone(&dependent);
                next["metadata"]["ownerReferences"] = Value::Array(kept);
                keep(store, place, next);
            }
        }
    }
}

/// The places whose objects can be owned, looked at by garbage collection.
pub(crate) const DEPENDENTS: &[&str] = &[
    "pods",
    "replicasets.apps",
    "jobs.batch",
    "endpoints",
    "endpointslices.discovery.k8s.io",
    "configmaps",
    "secrets",
    "services",
    "deployments.apps",
    "statefulsets.apps",
    "persistentvolumeclaims",
    "certificaterequests.cert-manager.io",
];
