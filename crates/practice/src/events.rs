//! Events as the real controllers write them, counted when they repeat, bounded in each namespace.

use crate::cluster::keep;
use crate::object::{self, name, namespace, text, uid};
use crate::store::Store;
use serde_json::{Value, json};

/// Where events are kept.
pub(crate) const EVENTS: &str = "events";

/// Who says something, and how serious it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Voice {
    Scheduler,
    Kubelet,
    Deployments,
    ReplicaSets,
    Jobs,
    StatefulSets,
    DaemonSets,
    Autoscaler,
}

impl Voice {
    fn component(self) -> &'static str {
        match self {
            Self::Scheduler => "default-scheduler",
            Self::Kubelet => "kubelet",
            Self::Deployments => "deployment-controller",
            Self::ReplicaSets => "replicaset-controller",
            Self::Jobs => "job-controller",
            Self::StatefulSets => "statefulset-controller",
            Self::DaemonSets => "daemonset-controller",
            Self::Autoscaler => "horizontal-pod-autoscaler",
        }
    }
}

/// Reasons that the real components record with type Warning.
fn kind_of(reason: &str) -> &'static str {
    match reason {
        "BackOff"
        | "Failed"
        | "FailedScheduling"
        | "Unhealthy"
        | "FailedGetResourceMetric"
        | "BackoffLimitExceeded" => "Warning",
        _ => "Normal",
    }
}

/// Records that `voice` says `message` about `about`, now.
pub(crate) fn record(store: &mut Store, about: &Value, voice: Voice, reason: &str, message: &str) {
    record_at(store, about, voice, reason, message, &object::now());
}

/// Records an event with a given instant, as seeded history needs.
pub(crate) fn record_at(store: &mut Store, about: &Value, voice: Voice, reason: &str, message: &str, at: &str) {
    let home = match namespace(about) {
        "" => "default",
        given => given,
    }
    .to_owned();
    let here = store.list(EVENTS, Some(&home));
    let same = here.iter().find(|event| {
        text(event, "/involvedObject/uid") == uid(about)
            && text(event, "/reason") == reason
            && text(event, "/message") == message
    });
    if let Some(same) = same {
        let mut again = Value::clone(same);
        again["count"] = json!(object::number(same, "/count", 1) + 1);
        again["lastTimestamp"] = json!(at);
        keep(store, EVENTS, again);
        return;
    }
    let mut involved = json!({
        "kind": text(about, "/kind"), "name": name(about), "uid": uid(about),
        "apiVersion": text(about, "/apiVersion"), "resourceVersion": text(about, "/metadata/resourceVersion"),
    });
    if !namespace(about).is_empty() {
        involved["namespace"] = json!(namespace(about));
    }
    let fresh = object::fresh_uid();
    if matches!(voice, Voice::Kubelet) && text(about, "/kind") == "Pod" {
        let container = text(about, "/spec/containers/0/name");
        if matches!(
            reason,
            "Pulling" | "Pulled" | "Created" | "Started" | "Killing" | "BackOff" | "Unhealthy" | "Failed"
        ) {
            involved["fieldPath"] = json!(format!("spec.containers{{{container}}}"));
        }
    }
    let mut source = json!({"component": voice.component()});
    if matches!(voice, Voice::Kubelet) {
        source["host"] = json!(text(about, "/spec/nodeName"));
    }
    let event = json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": {
            "name": format!("{}.{}", name(about), fresh.replace('-', "").get(..16).unwrap_or("0")),
            "namespace": home, "uid": fresh, "creationTimestamp": at,
        },
        "involvedObject": involved,
        "reason": reason, "message": message, "source": source,
        "firstTimestamp": at, "lastTimestamp": at, "count": 1, "type": kind_of(reason), "eventTime": null,
        "reportingComponent": voice.component(), "reportingInstance": "",
    });
    if here.len() >= store.limits().events_per_namespace
        && let Some(oldest) = here.iter().min_by_key(|event| text(event, "/lastTimestamp"))
    {
        store.remove(EVENTS, &home, name(oldest));
    }
    keep(store, EVENTS, event);
}
