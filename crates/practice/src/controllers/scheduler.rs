//! Which node a pod goes to.

use super::pod_status::{creating, set_condition};
use crate::cluster::keep;
use crate::events::{self, Voice};
use crate::object::{self, flag, hash, list, name, namespace, pod_resource, quantity, text, uid};
use crate::store::Store;
use serde_json::{Value, json};
use std::sync::Arc;

/// What each node can still take: (node, cpu, memory, pods). Computed once a round, when first needed.
pub(super) type Room = Vec<(Arc<Value>, i64, i64, i64)>;

pub(super) fn free(store: &Store) -> Room {
    let mut room: Room = store
        .list("nodes", None)
        .into_iter()
        .map(|node| {
            let allocatable =
                |key: &str| node.pointer(&format!("/status/allocatable/{key}")).and_then(quantity).unwrap_or(0);
            let left = (allocatable("cpu"), allocatable("memory"), allocatable("pods") / 1_000);
            (node, left.0, left.1, left.2)
        })
        .collect();
    for pod in store.list("pods", None) {
        let finished = matches!(text(&pod, "/status/phase"), "Succeeded" | "Failed");
        let here = room.iter_mut().find(|(node, ..)| name(node) == text(&pod, "/spec/nodeName"));
        if let Some(here) = here.filter(|_| !finished) {
            occupy(here, &pod);
        }
    }
    room
}

fn occupy(left: &mut (Arc<Value>, i64, i64, i64), pod: &Value) {
    left.1 -= pod_resource(pod, "requests", "cpu");
    left.2 -= pod_resource(pod, "requests", "memory");
    left.3 -= 1;
}

pub(super) fn schedule(store: &mut Store, pod: &Arc<Value>, room: &mut Room) {
    let asks = (pod_resource(pod, "requests", "cpu"), pod_resource(pod, "requests", "memory"));
    let selector = object::strings(pod.pointer("/spec/nodeSelector"));
    let total = room.len();
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    let mut best: Option<&mut (Arc<Value>, i64, i64, i64)> = None;
    for left in room {
        let node = &left.0;
        let why = if flag(node, "/spec/unschedulable") {
            Some("node(s) were unschedulable")
        } else if object::condition(node, "Ready") != "True" {
            Some("node(s) had untolerated taint {node.kubernetes.io/not-ready: }")
        } else if selector.iter().any(|(key, value)| object::label(node, key) != value) {
            Some("node(s) didn't match Pod's node affinity/selector")
        } else if left.3 < 1 {
            Some("Too many pods")
        } else if left.1 < asks.0 {
            Some("Insufficient cpu")
        } else if left.2 < asks.1 {
            Some("Insufficient memory")
        } else {
            None
        };
        match why {
            Some(why) => match reasons.iter_mut().find(|(known, _)| *known == why) {
                Some((_, count)) => *count += 1,
                None => reasons.push((why, 1)),
            },
            None if best.as_ref().is_none_or(|best| left.1 > best.1) => best = Some(left),
            None => {}
        }
    }
    if let Some(left) = best {
        let node = Arc::clone(&left.0);
        let next = placed(store, pod, &node);
        occupy(left, pod);
        keep(store, "pods", next);
        let message = format!("Successfully assigned {}/{} to {}", namespace(pod), name(pod), name(&node));
        events::record(store, pod, Voice::Scheduler, "Scheduled", &message);
        return;
    }
    let listed: Vec<String> = reasons.iter().map(|(why, count)| format!("{count} {why}")).collect();
    let message = format!(
        "0/{total} nodes are available: {}. preemption: 0/{total} nodes are available: {total} Preemption is not helpful for scheduling.",
        listed.join(", ")
    );
    events::record(store, pod, Voice::Scheduler, "FailedScheduling", &message);
    let mut next = Value::clone(pod);
    set_condition(&mut next, "PodScheduled", "False", "Unschedulable", &message);
    if next != **pod {
        keep(store, "pods", next);
    }
}

/// A pod as it is once a node has been chosen: its containers are being created.
pub(crate) fn placed(store: &Store, pod: &Value, node: &Value) -> Value {
    let mut next = pod.clone();
    next["spec"]["nodeName"] = json!(name(node));
    let address = list(node, "/status/addresses").iter().find(|a| text(a, "/type") == "InternalIP");
    let address = address.map_or("", |a| text(a, "/address")).to_owned();
    let status = object::entry(&mut next, "status");
    status["hostIP"] = json!(address);
    status["hostIPs"] = json!([{"ip": address}]);
    status["startTime"] = json!(object::now());
    let range = text(node, "/spec/podCIDR").rsplit_once('.').map_or("10.244.0", |(range, _)| range).to_owned();
    let pods = store.list("pods", None);
    let used: Vec<&str> = pods.iter().map(|p| text(p, "/status/podIP")).filter(|ip| ip.starts_with(&range)).collect();
    let start = hash(uid(pod)) % 250;
    let free = (0..250).map(|i| format!("{range}.{}", 2 + (start + i) % 250)).find(|ip| !used.contains(&ip.as_str()));
    let address = free.unwrap_or_else(|| format!("{range}.254"));
    let status = object::entry(&mut next, "status");
    status["podIP"] = json!(address);
    status["podIPs"] = json!([{"ip": address}]);
    creating(&mut next);
    next
}
