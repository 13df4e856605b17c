//! Evicting a pod within its disruption budget, and binding one to a node.

use super::{Call, json};
use crate::cluster::{no_room, subject};
use crate::deletion::{self, Terms};
use crate::object::{list, name, pod_active, pod_ready, text};
use crate::selector::Selector;
use crate::status::Refusal;
use crate::store::Store;
use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json as value};

/// Evicts a pod, or answers 429 when a budget does not allow it now.
pub(crate) fn serve(call: &Call) -> Result<Response, Refusal> {
    let eviction = call.document()?;
    let grace = eviction.pointer("/deleteOptions/gracePeriodSeconds").and_then(Value::as_i64);
    let rehearsal = call.rehearsal() || list(&eviction, "/deleteOptions/dryRun").iter().any(|d| d == "All");
    let mut store = call.cluster.store();
    let pod = store
        .get("pods", call.target.home(), &call.target.name)
        .ok_or_else(|| Refusal::not_found(subject(&call.kind, &call.target.name)))?;
    if pod_active(&pod) && pod_ready(&pod) {
        for budget in store.list("poddisruptionbudgets.policy", Some(call.target.home())) {
            if Selector::from_spec(budget.pointer("/spec/selector")).matches(&pod) && !room(&store, &budget) {
                return Err(Refusal::disruption_budget(name(&budget)));
            }
        }
    }
    if !rehearsal {
        let terms = Terms { grace, ..Terms::default() };
        deletion::delete(&mut store, "pods", call.target.home(), &call.target.name, terms);
    }
    Ok(json(
        StatusCode::CREATED,
        &value!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}),
    ))
}

/// How many pods a budget covers, how many of them are healthy, and how many must stay so.
pub(crate) fn budget_state(store: &Store, budget: &Value) -> (i64, i64, i64) {
    let selector = Selector::from_spec(budget.pointer("/spec/selector"));
    let pods = store.list("pods", Some(crate::object::namespace(budget)));
    let covered: Vec<_> = pods.iter().filter(|pod| selector.matches(pod) && pod_active(pod)).collect();
    let expected = i64::try_from(covered.len()).unwrap_or(i64::MAX);
    let healthy = i64::try_from(covered.iter().filter(|pod| pod_ready(pod)).count()).unwrap_or(i64::MAX);
    let desired = match (budget.pointer("/spec/minAvailable"), budget.pointer("/spec/maxUnavailable")) {
        (Some(least), _) => share(least, expected),
        (None, Some(most)) => expected - share(most, expected),
        (None, None) => 0,
    };
    (expected, healthy, desired.max(0))
}

fn room(store: &Store, budget: &Value) -> bool {
    let (_, healthy, desired) = budget_state(store, budget);
    healthy > desired
}

/// A number or a percentage of `of`, rounded up.
fn share(value: &Value, of: i64) -> i64 {
    match value {
        Value::String(text) => {
            text.trim_end_matches('%').parse::<i64>().map_or(0, |percent| (percent.clamp(0, 100) * of + 99) / 100)
        }
        _ => value.as_i64().unwrap_or(0),
    }
}

/// Puts an unscheduled pod on the node that the caller names.
pub(crate) fn bind(call: &Call) -> Result<Response, Refusal> {
    let binding = call.document()?;
    let node = text(&binding, "/target/name");
    let mut store = call.cluster.store();
    let pod = store
        .get("pods", call.target.home(), &call.target.name)
        .ok_or_else(|| Refusal::not_found(subject(&call.kind, &call.target.name)))?;
    if !text(&pod, "/spec/nodeName").is_empty() {
        let why = format!("pod {} is already assigned to node \"{}\"", name(&pod), text(&pod, "/spec/nodeName"));
        return Err(Refusal::conflict(subject(&call.kind, &call.target.name), &why));
    }
    let node = store.get("nodes", "", node).ok_or_else(|| {
        Refusal::not_found(crate::status::Subject { group: "", resource: "nodes", kind: "Node", name: node })
    })?;
    let next = crate::controllers::scheduler::placed(&store, &pod, &node);
    store.put("pods", next).map_err(|full| no_room(full, &call.kind, &call.target.name))?;
    Ok(json(
        StatusCode::CREATED,
        &value!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}),
    ))
}
