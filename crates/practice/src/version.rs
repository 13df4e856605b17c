//! Between the version that an object is stored in and the version that a client speaks.
//!
//! Two resources are served in two versions: events (`v1` and `events.k8s.io/v1`) and autoscalers
//! (`autoscaling/v2` and `v1`). The first of each is the stored one.

use crate::kinds::Kind;
use crate::object::{self, entry, list, text};
use serde_json::{Value, json};

/// An object as clients of `kind`'s version see it.
pub(crate) fn shown(kind: &Kind, object: &Value) -> Value {
    let mut out = object.clone();
    match (kind.group.as_str(), kind.version.as_str(), kind.plural.as_str()) {
        ("events.k8s.io", ..) => {
            rename(&mut out, "involvedObject", "regarding");
            rename(&mut out, "message", "note");
            rename(&mut out, "reportingComponent", "reportingController");
            rename(&mut out, "source", "deprecatedSource");
            rename(&mut out, "firstTimestamp", "deprecatedFirstTimestamp");
            rename(&mut out, "lastTimestamp", "deprecatedLastTimestamp");
            rename(&mut out, "count", "deprecatedCount");
        }
        ("autoscaling", "v1", _) => {
            let target = cpu_target(&out);
            object::remove(&mut out, "/spec", "metrics");
            if let Some(target) = target {
                out["spec"]["targetCPUUtilizationPercentage"] = target;
            }
            let current = list(object, "/status/currentMetrics")
                .iter()
                .find(|m| text(m, "/resource/name") == "cpu")
                .and_then(|m| m.pointer("/resource/current/averageUtilization"))
                .cloned();
            object::remove(&mut out, "/status", "currentMetrics");
            object::remove(&mut out, "/status", "conditions");
            if let Some(current) = current {
                entry(&mut out, "status")["currentCPUUtilizationPercentage"] = current;
            }
        }
        _ => {}
    }
    let typed = json!({"kind": kind.kind, "apiVersion": kind.api_version()});
    let mut ordered = typed;
    if let (Some(ordered), Value::Object(rest)) = (ordered.as_object_mut(), out) {
        for (key, value) in rest {
            if key != "kind" && key != "apiVersion" {
                ordered.insert(key, value);
            }
        }
    }
    ordered
}

/// An object that a client of `kind`'s version sent, as it is stored.
pub(crate) fn stored(kind: &Kind, mut object: Value) -> Value {
    object["kind"] = json!(kind.kind);
    object["apiVersion"] = json!(kind.api_version());
    match (kind.group.as_str(), kind.version.as_str(), kind.plural.as_str()) {
        ("events.k8s.io", ..) => {
            rename(&mut object, "regarding", "involvedObject");
            rename(&mut object, "note", "message");
            rename(&mut object, "reportingController", "reportingComponent");
            rename(&mut object, "deprecatedSource", "source");
            rename(&mut object, "deprecatedFirstTimestamp", "firstTimestamp");
            rename(&mut object, "deprecatedLastTimestamp", "lastTimestamp");
            rename(&mut object, "deprecatedCount", "count");
            object["apiVersion"] = json!("v1");
        }
        ("autoscaling", "v1", _) => {
            object["apiVersion"] = json!("autoscaling/v2");
            let target = object::remove(&mut object, "/spec", "targetCPUUtilizationPercentage");
            object::remove(&mut object, "/status", "currentCPUUtilizationPercentage");
            if let Some(target) = target {
                object["spec"]["metrics"] = json!([{"type": "Resource", "resource": {"name": "cpu",
                    "target": {"type": "Utilization", "averageUtilization": target}}}]);
            }
        }
        _ => {}
    }
    object
}

fn cpu_target(object: &Value) -> Option<Value> {
    list(object, "/spec/metrics")
        .iter()
        .find(|m| text(m, "/resource/name") == "cpu")?
        .pointer("/resource/target/averageUtilization")
        .cloned()
}

fn rename(object: &mut Value, from: &str, to: &str) {
    if let Some(map) = object.as_object_mut()
        && let Some(value) = map.shift_remove(from)
    {
        map.insert(to.to_owned(), value);
    }
}
