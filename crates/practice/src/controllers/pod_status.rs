//! A pod's status: the states of its containers and its conditions.

use crate::object::{self, hash, list, name, namespace, text, uid};
use serde_json::{Value, json};

pub(super) fn container_id(seed: &str) -> String {
    let (a, b) = (hash(seed), object::mix(hash(seed)));
    format!("containerd://{a:016x}{b:016x}{:016x}{:016x}", object::mix(a), object::mix(b))
}

pub(super) fn creating(pod: &mut Value) {
    let statuses: Vec<Value> = list(pod, "/spec/containers")
        .iter()
        .map(|spec| {
            json!({
                "name": text(spec, "/name"), "image": text(spec, "/image"), "imageID": "", "ready": false, "started": false,
                "restartCount": 0, "state": {"waiting": {"reason": "ContainerCreating"}}, "lastState": {},
            })
        })
        .collect();
    pod["status"]["containerStatuses"] = Value::Array(statuses);
    set_condition(pod, "PodReadyToStartContainers", "False", "", "");
    set_condition(pod, "Initialized", "True", "", "");
    readiness(pod, "False");
    set_condition(pod, "PodScheduled", "True", "", "");
}

pub(super) fn start(pod: &mut Value) {
    let now = object::now();
    run_since(pod, &now);
}

/// Makes all containers of a placed pod run since an instant, not ready yet.
pub(crate) fn run_since(pod: &mut Value, at: &str) {
    pod["status"]["phase"] = json!("Running");
    let seed = uid(pod).to_owned();
    each_status(pod, |status| {
        status["state"] = json!({"running": {"startedAt": at}});
        status["started"] = json!(true);
        let image = text(status, "/image").to_owned();
        status["imageID"] = json!(format!(
            "{}@sha256:{:016x}{:016x}{:016x}{:016x}",
            image.split(':').next().unwrap_or_default(),
            hash(&image),
            hash(&format!("{image}1")),
            hash(&format!("{image}2")),
            hash(&format!("{image}3"))
        ));
        status["containerID"] = json!(container_id(&format!("{seed}/{}", text(status, "/name"))));
    });
    if let Some(init) = pod.pointer("/spec/initContainers").and_then(Value::as_array).cloned() {
        let done: Vec<Value> = init
            .iter()
            .map(|spec| {
                json!({"name": text(spec, "/name"), "image": text(spec, "/image"), "imageID": "", "ready": true, "restartCount": 0,
                    "lastState": {}, "state": {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": at, "finishedAt": at}}})
            })
            .collect();
        pod["status"]["initContainerStatuses"] = Value::Array(done);
    }
    set_condition(pod, "PodReadyToStartContainers", "True", "", "");
}

/// Makes a running pod ready.
pub(crate) fn make_ready(pod: &mut Value) {
    each_status(pod, |status| status["ready"] = json!(true));
    readiness(pod, "True");
}

pub(super) fn waiting(pod: &mut Value, reason: &str, message: &str) {
    each_status(pod, |status| status["state"] = json!({"waiting": {"reason": reason, "message": message}}));
}

pub(super) fn each_status(pod: &mut Value, mut change: impl FnMut(&mut Value)) {
    for status in pod.pointer_mut("/status/containerStatuses").and_then(Value::as_array_mut).into_iter().flatten() {
        change(status);
    }
}

pub(super) fn readiness(pod: &mut Value, state: &str) {
    let names: Vec<String> = list(pod, "/spec/containers").iter().map(|c| text(c, "/name").to_owned()).collect();
    let (reason, message) = if state == "True" {
        ("", String::new())
    } else {
        ("ContainersNotReady", format!("containers with unready status: [{}]", names.join(" ")))
    };
    set_condition(pod, "Ready", state, reason, &message);
    set_condition(pod, "ContainersReady", state, reason, &message);
}

/// Sets one of a pod's conditions; the transition time changes only with the state.
pub(crate) fn set_condition(pod: &mut Value, kind: &str, state: &str, reason: &str, message: &str) {
    let mut all = list(pod, "/status/conditions").to_vec();
    let before = all.iter().position(|c| text(c, "/type") == kind);
    let since = before
        .map(|index| &all[index])
        .filter(|c| text(c, "/status") == state)
        .map_or_else(object::now, |c| text(c, "/lastTransitionTime").to_owned());
    let mut next = json!({"type": kind, "status": state, "lastProbeTime": null, "lastTransitionTime": since});
    if !reason.is_empty() {
        next["reason"] = json!(reason);
    }
    if !message.is_empty() {
        next["message"] = json!(message);
    }
    match before {
        Some(index) => all[index] = next,
        None => all.push(next),
    }
    object::entry(pod, "status")["conditions"] = Value::Array(all);
}

/// Makes a running pod one that keeps crashing; its last run lasted from `started` to `ended`.
pub(crate) fn crash_looping(pod: &mut Value, restarts: i64, started: &str, ended: &str) {
    let message = format!(
        "back-off 5m0s restarting failed container={} pod={}_{}({})",
        text(pod, "/spec/containers/0/name"),
        name(pod),
        namespace(pod),
        uid(pod)
    );
    each_status(pod, |status| {
        status["restartCount"] = json!(restarts);
        status["ready"] = json!(false);
        status["started"] = json!(false);
        status["lastState"] =
            json!({"terminated": {"exitCode": 1, "reason": "Error", "startedAt": started, "finishedAt": ended}});
        status["state"] = json!({"waiting": {"reason": "CrashLoopBackOff", "message": message}});
    });
    readiness(pod, "False");
}
