//! Argo CD's Applications: an `operation` is carried out after a moment, and always succeeds.

use super::Timers;
use crate::cluster::keep;
use crate::object::{self, entry, list, text, uid};
use crate::store::Store;
use serde_json::{Value, json};

const PLACE: &str = "applications.argoproj.io";
/// Seconds of cluster time that a sync takes.
const SYNC: f64 = 3.0;
/// Entries of the history (the default of `spec.revisionHistoryLimit`).
const HISTORY: usize = 10;

pub(super) fn reconcile(store: &mut Store, timers: &mut Timers) {
    for application in store.list(PLACE, None) {
        let mut next = Value::clone(&application);
        if let Some(operation) = object::remove(&mut next, "", "operation") {
            entry(&mut next, "status")["operationState"] = json!({
                "operation": operation, "phase": "Running", "message": "one or more tasks are running", "startedAt": object::now(),
            });
            keep(store, PLACE, next);
        } else if text(&application, "/status/operationState/phase") == "Running"
            && timers.due(uid(&application), "sync", SYNC)
        {
            finish(&mut next);
            keep(store, PLACE, next);
        }
    }
}

fn finish(application: &mut Value) {
    let now = object::now();
    let asked = text(application, "/status/operationState/operation/sync/revision").to_owned();
    let known = text(application, "/status/sync/revision").to_owned();
    let revision = if asked.is_empty() { known } else { asked };
    let source = application.pointer("/spec/source").cloned().unwrap_or_default();
    let mut history = list(application, "/status/history").to_vec();
    let id = history.last().map_or(0, |last| object::number(last, "/id", 0) + 1);
    history.push(json!({"id": id, "revision": revision, "deployedAt": now,
        "deployStartedAt": text(application, "/status/operationState/startedAt"), "source": source}));
    history.drain(..history.len().saturating_sub(HISTORY));
    let status = entry(application, "status");
    status["history"] = json!(history);
    status["sync"]["status"] = json!("Synced");
    status["sync"]["revision"] = json!(revision);
    status["health"] = json!({"status": "Healthy"});
    let state = entry(status, "operationState");
    state["phase"] = json!("Succeeded");
    state["message"] = json!("successfully synced (all tasks run)");
    state["finishedAt"] = json!(now);
    state["syncResult"] = json!({"revision": revision, "source": source});
}
