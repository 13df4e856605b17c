//! The scale subresource.

use super::{Call, json};
use crate::cluster::{no_room, subject};
use crate::object::{self, number, text};
use crate::patch;
use crate::status::Refusal;
use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json as value};

/// Reads or changes the number of replicas of a workload.
pub(crate) fn serve(call: &Call, verb: &str) -> Result<Response, Refusal> {
    let old = call.stored()?;
    let mut scale = shown(&old);
    match verb {
        "get" => return Ok(json(StatusCode::OK, &scale)),
        "update" => scale = call.document()?,
        "patch" => match call.content.split(';').next().unwrap_or_default().trim() {
            "application/json-patch+json" => {
                patch::json_patch(&mut scale, &call.document()?)
                    .map_err(|error| Refusal::bad_request(error.to_string()))?;
            }
            _ => patch::merge_patch(&mut scale, &call.document()?),
        },
        _ => return Err(Refusal::method_not_allowed()),
    }
    let replicas = number(&scale, "/spec/replicas", 0);
    if !(0..=10_000).contains(&replicas) {
        return Err(Refusal::invalid(
            crate::status::Subject { group: "autoscaling", resource: "scales", kind: "Scale", name: &call.target.name },
            "spec.replicas",
            &format!("Invalid value: {replicas}: must be greater than or equal to 0 and at most 10000 in practice"),
        ));
    }
    let asked = text(&scale, "/metadata/resourceVersion").to_owned();
    let mut store = call.cluster.store();
    let old = store
        .get(&call.kind.place(), call.target.home(), &call.target.name)
        .ok_or_else(|| Refusal::not_found(subject(&call.kind, &call.target.name)))?;
    if verb == "update" && !asked.is_empty() && asked != text(&old, "/metadata/resourceVersion") {
        return Err(Refusal::conflict(
            subject(&call.kind, &call.target.name),
            "the object has been modified; please apply your changes to the latest version and try again",
        ));
    }
    let mut next = Value::clone(&old);
    if number(&old, "/spec/replicas", 1) != replicas {
        next["spec"]["replicas"] = value!(replicas);
        next["metadata"]["generation"] = value!(number(&old, "/metadata/generation", 1) + 1);
        if !call.rehearsal() {
            next = Value::clone(
                &*store.put(&call.kind.place(), next).map_err(|full| no_room(full, &call.kind, &call.target.name))?,
            );
        }
    }
    Ok(json(StatusCode::OK, &shown(&next)))
}

fn shown(workload: &Value) -> Value {
    let labels: Vec<String> = object::strings(workload.pointer("/spec/selector/matchLabels"))
        .into_iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    value!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": object::name(workload), "namespace": object::namespace(workload), "uid": object::uid(workload),
            "resourceVersion": text(workload, "/metadata/resourceVersion"),
            "creationTimestamp": text(workload, "/metadata/creationTimestamp"),
        },
        "spec": {"replicas": number(workload, "/spec/replicas", 1)},
        "status": {"replicas": number(workload, "/status/replicas", 0), "selector": labels.join(",")},
    })
}
