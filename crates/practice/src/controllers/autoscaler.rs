//! Autoscalers: they report the load and keep a workload within their bounds.
//!
//! The load of a practice workload follows its pods, so within the bounds the present size is always the
//! right one; a size outside of them is corrected, as a real autoscaler does.

use super::Timers;
use super::replicas::set_status;
use crate::cluster::keep;
use crate::events::{self, Voice};
use crate::metrics;
use crate::object::{self, list, namespace, number, pod_active, text, uid};
use crate::selector::Selector;
use crate::store::Store;
use serde_json::{Value, json};
use std::sync::Arc;

const PLACE: &str = "horizontalpodautoscalers.autoscaling";
/// How often an autoscaler looks (the default of `--horizontal-pod-autoscaler-sync-period`).
const PERIOD: f64 = 15.0;

pub(super) fn reconcile(store: &mut Store, timers: &mut Timers) {
    for scaler in store.list(PLACE, None) {
        let fresh = scaler.get("status").is_none_or(|s| s.get("conditions").is_none());
        if timers.due(uid(&scaler), "autoscale", PERIOD) || fresh {
            look(store, &scaler, timers.speed());
        }
    }
}

fn look(store: &mut Store, scaler: &Arc<Value>, speed: f64) {
    let place = match text(scaler, "/spec/scaleTargetRef/kind") {
        "Deployment" => "deployments.apps",
        "StatefulSet" => "statefulsets.apps",
        "ReplicaSet" => "replicasets.apps",
        _ => return,
    };
    let target = text(scaler, "/spec/scaleTargetRef/name");
    let Some(workload) = store.get(place, namespace(scaler), target) else {
        let why =
            format!("the HPA controller was unable to get the target's current scale: {place} \"{target}\" not found");
        let conditions = json!([condition(scaler, "AbleToScale", "False", "FailedGetScale", &why)]);
        return set_status(
            store,
            PLACE,
            scaler,
            &json!({"currentReplicas": 0, "desiredReplicas": 0, "conditions": conditions}),
        );
    };
    let replicas = number(&workload, "/spec/replicas", 1);
    let (min, max) = (number(scaler, "/spec/minReplicas", 1), number(scaler, "/spec/maxReplicas", 1));
    let wanted = if replicas == 0 { 0 } else { replicas.clamp(min, max.max(min)) };
    if wanted != replicas {
        let why = if replicas < min {
            "Current number of replicas below Spec.MinReplicas"
        } else {
            "Current number of replicas above Spec.MaxReplicas"
        };
        let mut next = Value::clone(&workload);
        next["spec"]["replicas"] = json!(wanted);
        next["metadata"]["generation"] = json!(number(&workload, "/metadata/generation", 1) + 1);
        keep(store, place, next);
        events::record(
            store,
            scaler,
            Voice::Autoscaler,
            "SuccessfulRescale",
            &format!("New size: {wanted}; reason: {why}"),
        );
    }
    let selector = Selector::from_spec(workload.pointer("/spec/selector"));
    let pods = store.list("pods", Some(namespace(scaler)));
    let pods: Vec<&Value> = pods
        .iter()
        .filter(|pod| selector.matches(pod) && pod_active(pod) && text(pod, "/status/phase") == "Running")
        .map(|pod| &**pod)
        .collect();
    let mut current = Vec::new();
    for metric in list(scaler, "/spec/metrics") {
        let resource = text(metric, "/resource/name");
        if let Some((percent, mean)) = metrics::utilization(&pods, resource, speed) {
            let average = if resource == "cpu" { format!("{mean}m") } else { (mean / 1_000).to_string() };
            current.push(json!({"type": "Resource", "resource": {"name": resource,
                "current": {"averageUtilization": percent, "averageValue": average}}}));
        }
    }
    let active = if replicas == 0 {
        condition(
            scaler,
            "ScalingActive",
            "False",
            "ScalingDisabled",
            "scaling is disabled since the replica count of the target is zero",
        )
    } else {
        condition(
            scaler,
            "ScalingActive",
            "True",
            "ValidMetricFound",
            "the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)",
        )
    };
    let limited = if wanted == replicas {
        condition(
            scaler,
            "ScalingLimited",
            "False",
            "DesiredWithinRange",
            "the desired count is within the acceptable range",
        )
    } else {
        condition(
            scaler,
            "ScalingLimited",
            "True",
            "TooFewReplicas",
            "the desired replica count is outside the acceptable range",
        )
    };
    let mut status = json!({
        "currentReplicas": number(&workload, "/status/replicas", replicas), "desiredReplicas": wanted,
        "currentMetrics": current,
        "conditions": [
            condition(scaler, "AbleToScale", "True", "ReadyForNewScale", "recommended size matches current size"), active, limited,
        ],
    });
    let last = if wanted == replicas { text(scaler, "/status/lastScaleTime").to_owned() } else { object::now() };
    if !last.is_empty() {
        status["lastScaleTime"] = json!(last);
    }
    set_status(store, PLACE, scaler, &status);
}

fn condition(scaler: &Value, kind: &str, state: &str, reason: &str, message: &str) -> Value {
    let before =
        list(scaler, "/status/conditions").iter().find(|c| text(c, "/type") == kind && text(c, "/status") == state);
    let since = before.map_or_else(object::now, |c| text(c, "/lastTransitionTime").to_owned());
    json!({"type": kind, "status": state, "lastTransitionTime": since, "reason": reason, "message": message})
}
