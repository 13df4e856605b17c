//! Endpoints and EndpointSlices: the ready pods behind each Service.

use crate::cluster::keep;
use crate::object::{self, controlled_by, deleting, list, name, namespace, number, pod_active, pod_ready, same, text};
use crate::selector::Selector;
use crate::store::Store;
use serde_json::{Value, json};
use std::sync::Arc;

const SLICES: &str = "endpointslices.discovery.k8s.io";

pub(super) fn reconcile(store: &mut Store) {
    for service in store.list("services", None) {
        let selector = Selector::from_map(service.pointer("/spec/selector"));
        if deleting(&service) || selector.is_empty() {
            continue;
        }
        let mut pods = store.list("pods", Some(namespace(&service)));
        pods.retain(|pod| selector.matches(pod) && pod_active(pod) && !text(pod, "/status/podIP").is_empty());
        write(store, "endpoints", &endpoints(&service, &pods));
        write(store, SLICES, &slice(&service, &pods));
    }
}

fn write(store: &mut Store, place: &str, wanted: &Value) {
    match store.get(place, namespace(wanted), name(wanted)) {
        None => {
            let mut fresh = wanted.clone();
            fresh["metadata"]["uid"] = json!(object::fresh_uid());
            fresh["metadata"]["creationTimestamp"] = json!(object::now());
            keep(store, place, fresh);
        }
        Some(old) => {
            let mut next = Value::clone(&old);
            for key in ["subsets", "endpoints", "ports"] {
                if let Some(part) = wanted.get(key) {
                    next[key] = part.clone();
                }
            }
            if !same(&next, &old) {
                keep(store, place, next);
            }
        }
    }
}

/// The number that a service's port reaches in a pod; `targetPort` may be the name of a container's port.
fn target(port: &Value, pod: &Value) -> i64 {
    match port.get("targetPort") {
        Some(Value::String(named)) => list(pod, "/spec/containers")
            .iter()
            .flat_map(|container| list(container, "/ports"))
            .find(|p| text(p, "/name") == named)
            .map_or(0, |p| number(p, "/containerPort", 0)),
        Some(other) => other.as_i64().unwrap_or(0),
        None => number(port, "/port", 0),
    }
}

fn reach(service: &Value, pods: &[Arc<Value>]) -> Vec<Value> {
    let any = Value::Null;
    let sample = pods.first().map_or(&any, |pod| &**pod);
    list(service, "/spec/ports")
        .iter()
        .map(|port| {
            let mut shown = json!({"port": target(port, sample), "protocol": text(port, "/protocol")});
            if !text(port, "/name").is_empty() {
                shown["name"] = port["name"].clone();
            }
            shown
        })
        .collect()
}

fn reference(pod: &Value) -> Value {
    json!({"kind": "Pod", "namespace": namespace(pod), "name": name(pod), "uid": object::uid(pod)})
}

fn endpoints(service: &Value, pods: &[Arc<Value>]) -> Value {
    let addresses = |wanted: bool| -> Vec<Value> {
        pods.iter()
            .filter(|pod| pod_ready(pod) == wanted)
            .map(|pod| json!({"ip": text(pod, "/status/podIP"), "nodeName": text(pod, "/spec/nodeName"), "targetRef": reference(pod)}))
            .collect()
    };
    let (ready, waiting) = (addresses(true), addresses(false));
    let mut subsets = Vec::new();
    if !ready.is_empty() || !waiting.is_empty() {
        let mut subset = json!({});
        if !ready.is_empty() {
            subset["addresses"] = json!(ready);
        }
        if !waiting.is_empty() {
            subset["notReadyAddresses"] = json!(waiting);
        }
        subset["ports"] = json!(reach(service, pods));
        subsets.push(subset);
    }
    json!({
        "kind": "Endpoints", "apiVersion": "v1",
        "metadata": {"name": name(service), "namespace": namespace(service), "labels": service["metadata"]["labels"],
            "ownerReferences": controlled_by(service)},
        "subsets": subsets,
    })
}

fn slice(service: &Value, pods: &[Arc<Value>]) -> Value {
    let endpoints: Vec<Value> = pods
        .iter()
        .map(|pod| {
            let ready = pod_ready(pod);
            json!({"addresses": [text(pod, "/status/podIP")], "conditions": {"ready": ready, "serving": ready, "terminating": false},
                "nodeName": text(pod, "/spec/nodeName"), "targetRef": reference(pod)})
        })
        .collect();
    json!({
        "kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1", "addressType": "IPv4",
        "metadata": {
            "name": format!("{}-{}", name(service), object::hashed_ending(object::uid(service), 5)), "namespace": namespace(service),
            "labels": {"kubernetes.io/service-name": name(service),
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"},
            "ownerReferences": controlled_by(service),
        },
        "endpoints": endpoints, "ports": reach(service, pods),
    })
}
