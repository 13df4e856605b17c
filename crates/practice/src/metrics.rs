//! What pods and nodes use: computed from their requests, the time and whether they run.

use crate::object::{self, hash, list, name, namespace, pod_resource, quantity, text, uid};
use crate::store::Store;
use serde_json::{Value, json};
use std::f64::consts::TAU;

/// Thousandths of a core that a container without a request uses.
const IDLE_CPU: f64 = 12.0;
/// Bytes that a container without a request uses.
const IDLE_MEMORY: f64 = 48.0 * 1024.0 * 1024.0;
/// What a node uses for itself.
const NODE_CPU: f64 = 180.0;
const NODE_MEMORY: f64 = 900.0 * 1024.0 * 1024.0;

/// The share of its request that a pod uses now: a slow wave with a small ripple, different for each pod.
pub(crate) fn load(pod: &Value, speed: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a phase and a clock need no more than 52 bits")]
    let (phase, clock) =
        ((hash(uid(pod)) % 1_000) as f64 / 1_000.0, jiff::Timestamp::now().as_millisecond() as f64 / 1_000.0);
    let slow = (clock * speed / 600.0 + phase).fract() * TAU;
    let quick = (clock * speed / 47.0 + phase * 3.0).fract() * TAU;
    0.60 + 0.10 * slow.sin() + 0.04 * quick.sin()
}

#[expect(clippy::cast_precision_loss, reason = "usage is an estimate")]
fn usage(pod: &Value, container: &Value, speed: f64) -> (f64, f64) {
    let request = |resource: &str| container.pointer(&format!("/resources/requests/{resource}")).and_then(quantity);
    let load = load(pod, speed);
    let cpu = request("cpu").map_or(IDLE_CPU, |milli| milli as f64) * load;
    let memory = request("memory").map_or(IDLE_MEMORY, |milli| milli as f64 / 1_000.0) * (0.62 + load * 0.25);
    (cpu, memory)
}

#[expect(clippy::cast_possible_truncation, reason = "a float to integer cast saturates")]
fn shown((cpu, memory): (f64, f64)) -> Value {
    json!({"cpu": format!("{}n", (cpu * 1e6) as i64), "memory": format!("{}Ki", (memory / 1024.0) as i64)})
}

fn stamped(kind: &str, of: &Value) -> Value {
    let mut metadata = json!({"name": name(of), "creationTimestamp": object::now()});
    if !namespace(of).is_empty() {
        metadata["namespace"] = json!(namespace(of));
    }
    if let Some(labels) = of.pointer("/metadata/labels") {
        metadata["labels"] = labels.clone();
    }
    json!({"kind": kind, "apiVersion": "metrics.k8s.io/v1beta1", "metadata": metadata, "timestamp": object::now(), "window": "15s"})
}

/// `PodMetrics` of every running pod.
pub(crate) fn pods(store: &Store, namespace: Option<&str>, speed: f64) -> Vec<Value> {
    let running = store.list("pods", namespace).into_iter().filter(|pod| text(pod, "/status/phase") == "Running");
    running
        .map(|pod| {
            let containers: Vec<Value> = list(&pod, "/spec/containers")
                .iter()
                .map(|container| json!({"name": text(container, "/name"), "usage": shown(usage(&pod, container, speed))}))
                .collect();
            let mut metrics = stamped("PodMetrics", &pod);
            metrics["containers"] = json!(containers);
            metrics
        })
        .collect()
}

/// `NodeMetrics` of every node.
pub(crate) fn nodes(store: &Store, speed: f64) -> Vec<Value> {
    let pods = store.list("pods", None);
    store
        .list("nodes", None)
        .into_iter()
        .map(|node| {
            let mut sum = (NODE_CPU, NODE_MEMORY);
            for pod in pods
                .iter()
                .filter(|p| text(p, "/spec/nodeName") == name(&node) && text(p, "/status/phase") == "Running")
            {
                for container in list(pod, "/spec/containers") {
                    let (cpu, memory) = usage(pod, container, speed);
                    sum = (sum.0 + cpu, sum.1 + memory);
                }
            }
            let mut metrics = stamped("NodeMetrics", &node);
            metrics["usage"] = shown(sum);
            metrics
        })
        .collect()
}

/// The mean CPU use of pods as a percentage of what they request; `None` when none of them requests any.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a percentage for people; the cast saturates"
)]
pub(crate) fn utilization(pods: &[&Value], resource: &str, speed: f64) -> Option<(i64, i64)> {
    let (mut used, mut asked) = (0.0, 0.0);
    for pod in pods {
        asked += pod_resource(pod, "requests", resource) as f64;
        for container in list(pod, "/spec/containers") {
            let (cpu, memory) = usage(pod, container, speed);
            used += if resource == "cpu" { cpu } else { memory * 1_000.0 };
        }
    }
    (asked > 0.0 && !pods.is_empty())
        .then(|| ((used / asked * 100.0).round() as i64, (used / pods.len() as f64) as i64))
}
