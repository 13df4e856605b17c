//! Pods: placed on a node, started, made ready, failing as their fault says, and stopped.
//!
//! What happens next to a pod follows from its status alone ([`next_step`]); only the deadline of that step
//! is kept outside the object. So seeded pods and pods that clients change need no special care.

use super::Timers;
use super::pod_status::{container_id, creating, each_status, readiness, start, waiting};
use super::scheduler::{Room, free, schedule};
use crate::cluster::keep;
use crate::events::{self, Voice};
use crate::object::{self, annotation, deleting, hash, list, name, namespace, number, text, uid};
use crate::programs;
use crate::store::Store;
use serde_json::{Value, json};
use std::sync::Arc;

/// The annotation on a pod template that makes its pods fail:
/// `crash-loop`, `bad-image`, `never-ready` or `slow-start`.
pub(crate) const FAULT: &str = "practice.runbook-portal.dev/fault";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    CrashLoop,
    BadImage,
    NeverReady,
    SlowStart,
}

fn fault(pod: &Value) -> Fault {
    let broken = |c: &Value| {
        let image = text(c, "/image");
        image.contains(":bad") || image.contains(":broken")
    };
    if list(pod, "/spec/containers").iter().any(broken) {
        return Fault::BadImage;
    }
    match annotation(pod, FAULT) {
        "crash-loop" => Fault::CrashLoop,
        "bad-image" => Fault::BadImage,
        "never-ready" => Fault::NeverReady,
        "slow-start" => Fault::SlowStart,
        _ => Fault::None,
    }
}

/// Something that happens to a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Schedule,
    Start,
    PullBackOff,
    PullAgain,
    Crash,
    BackOff,
    Restart,
    Ready,
    ProbeFails,
    Complete,
    Stop,
}

impl Step {
    fn key(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Start => "start",
            Self::PullBackOff => "pull-back-off",
            Self::PullAgain => "pull-again",
            Self::Crash => "crash",
            Self::BackOff => "back-off",
            Self::Restart => "restart",
            Self::Ready => "ready",
            Self::ProbeFails => "probe-fails",
            Self::Complete => "complete",
            Self::Stop => "stop",
        }
    }
}

/// What happens next to a pod, and after how many seconds.
fn next_step(pod: &Value) -> Option<(Step, f64)> {
    #[expect(clippy::cast_precision_loss, reason = "a number below a thousand")]
    let jitter = (hash(uid(pod)) % 1_000) as f64 / 1_000.0;
    #[expect(clippy::cast_precision_loss, reason = "grace periods are far below 2^52 seconds")]
    if deleting(pod) {
        let grace = number(pod, "/metadata/deletionGracePeriodSeconds", 30) as f64;
        return Some((Step::Stop, (1.5 + jitter).min(grace)));
    }
    if matches!(text(pod, "/status/phase"), "Succeeded" | "Failed") {
        return None;
    }
    if text(pod, "/spec/nodeName").is_empty() {
        let refused = object::condition(pod, "PodScheduled") == "False";
        return Some((Step::Schedule, if refused { 5.0 } else { 0.2 }));
    }
    let Some(status) = list(pod, "/status/containerStatuses").first() else { return Some((Step::Start, 0.1)) };
    let restarts = number(status, "/restartCount", 0);
    let back_off = 10.0 * f64::from(2_u32.pow(u32::try_from(restarts.clamp(0, 5)).unwrap_or(5)));
    match text(status, "/state/waiting/reason") {
        "CrashLoopBackOff" => return Some((Step::Restart, back_off.min(300.0))),
        "ErrImagePull" => return Some((Step::PullBackOff, 3.0)),
        "ImagePullBackOff" => return Some((Step::PullAgain, 20.0)),
        "" => {}
        _ => return Some((Step::Start, 1.0 + jitter)),
    }
    if status.pointer("/state/terminated").is_some() {
        return Some((Step::BackOff, 1.0));
    }
    match (fault(pod), object::pod_ready(pod), text(pod, "/spec/restartPolicy")) {
        (Fault::CrashLoop, ..) => Some((Step::Crash, 2.5)),
        (Fault::NeverReady, false, _) => Some((Step::ProbeFails, 10.0)),
        (Fault::SlowStart, false, _) => Some((Step::Ready, 40.0)),
        (_, _, "Never" | "OnFailure") => Some((Step::Complete, 4.0 + jitter)),
        (_, false, _) => Some((Step::Ready, 1.5 + jitter)),
        (_, true, _) => None,
    }
}

pub(super) fn reconcile(store: &mut Store, timers: &mut Timers) {
    let mut room: Option<Room> = None;
    for pod in store.list("pods", None) {
        if deleting(&pod) && text(&pod, "/status/phase") == "Running" && object::condition(&pod, "Ready") == "True" {
            stopping(store, &pod);
            continue;
        }
        if let Some((step, seconds)) = next_step(&pod)
            && timers.due(uid(&pod), step.key(), seconds)
        {
            if step == Step::Schedule {
                let room = room.get_or_insert_with(|| free(store));
                schedule(store, &pod, room);
            } else {
                take(store, &pod, step);
            }
        }
    }
}

fn take(store: &mut Store, pod: &Arc<Value>, step: Step) {
    let say =
        |store: &mut Store, reason: &str, message: &str| events::record(store, pod, Voice::Kubelet, reason, message);
    let container = text(pod, "/spec/containers/0/name").to_owned();
    let image = text(pod, "/spec/containers/0/image").to_owned();
    let mut next = Value::clone(pod);
    match step {
        Step::Schedule => return,
        Step::Start => {
            if fault(pod) == Fault::BadImage {
                return pull_fails(store, pod);
            }
            if text(pod, "/status/containerStatuses/0/state/waiting/reason").is_empty() {
                creating(&mut next);
            } else {
                start(&mut next);
            }
            if text(&next, "/status/phase") == "Running" {
                for spec in list(pod, "/spec/containers") {
                    let image = text(spec, "/image");
                    if text(spec, "/imagePullPolicy") != "Always" && present(store, pod, image) {
                        say(store, "Pulled", &format!("Container image \"{image}\" already present on machine"));
                    } else {
                        let took = 300 + hash(image) % 700;
                        say(store, "Pulling", &format!("Pulling image \"{image}\""));
                        let pulled = format!(
                            "Successfully pulled image \"{image}\" in {took}ms ({took}ms including waiting). Image size: {} bytes.",
                            20_000_000 + hash(image) % 180_000_000
                        );
                        say(store, "Pulled", &pulled);
                    }
                    let named = text(spec, "/name");
                    say(store, "Created", &format!("Created container: {named}"));
                    say(store, "Started", &format!("Started container {named}"));
                }
            }
        }
        Step::PullAgain => return pull_fails(store, pod),
        Step::PullBackOff => {
            let message = format!("Back-off pulling image \"{image}\"");
            waiting(&mut next, "ImagePullBackOff", &message);
            say(store, "BackOff", &message);
            say(store, "Failed", "Error: ImagePullBackOff");
        }
        Step::Crash => {
            let now = object::now();
            each_status(&mut next, |status| {
                let started = text(status, "/state/running/startedAt").to_owned();
                status["state"] = json!({"terminated": {"exitCode": 1, "reason": "Error", "startedAt": started, "finishedAt": now,
                    "containerID": status["containerID"]}});
                status["ready"] = json!(false);
                status["started"] = json!(false);
            });
            readiness(&mut next, "False");
        }
        Step::BackOff => {
            let restarts = number(pod, "/status/containerStatuses/0/restartCount", 0);
            let seconds = (10 * 2_i64.pow(u32::try_from(restarts.clamp(0, 5)).unwrap_or(5))).min(300);
            let message = format!(
                "back-off {}restarting failed container={container} pod={}_{}({})",
                if seconds >= 300 {
                    "5m0s ".to_owned()
                } else if seconds >= 60 {
                    format!("{}m{}s ", seconds / 60, seconds % 60)
                } else {
                    format!("{seconds}s ")
                },
                name(pod),
                namespace(pod),
                uid(pod)
            );
            each_status(&mut next, |status| {
                status["lastState"] = json!({"terminated": status["state"]["terminated"]});
                status["state"] = json!({"waiting": {"reason": "CrashLoopBackOff", "message": message}});
            });
            let said = format!(
                "Back-off restarting failed container {container} in pod {}_{}({})",
                name(pod),
                namespace(pod),
                uid(pod)
            );
            say(store, "BackOff", &said);
        }
        Step::Restart => {
            let now = object::now();
            each_status(&mut next, |status| {
                status["restartCount"] = json!(number(status, "/restartCount", 0) + 1);
                status["state"] = json!({"running": {"startedAt": now}});
                status["started"] = json!(true);
                status["containerID"] = json!(container_id(&object::fresh_uid()));
            });
            // Without a readiness probe a container counts as ready as soon as it runs.
            each_status(&mut next, |status| status["ready"] = json!(true));
            readiness(&mut next, "True");
            say(store, "Pulled", &format!("Container image \"{image}\" already present on machine"));
            say(store, "Created", &format!("Created container: {container}"));
            say(store, "Started", &format!("Started container {container}"));
        }
        Step::Ready => {
            each_status(&mut next, |status| status["ready"] = json!(true));
            readiness(&mut next, "True");
        }
        Step::ProbeFails => {
            return say(store, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503");
        }
        Step::Complete => {
            let now = object::now();
            let code = programs::of_pod(store, pod).map_or(0, |outcome| outcome.code);
            let reason = if code == 0 { "Completed" } else { "Error" };
            each_status(&mut next, |status| {
                let started = text(status, "/state/running/startedAt").to_owned();
                status["state"] = json!({"terminated": {"exitCode": code, "reason": reason, "startedAt": started, "finishedAt": now}});
                status["ready"] = json!(false);
                status["started"] = json!(false);
            });
            readiness(&mut next, "False");
            next["status"]["phase"] = json!(if code == 0 { "Succeeded" } else { "Failed" });
        }
        Step::Stop => {
            if list(pod, "/metadata/finalizers").is_empty() {
                store.remove("pods", namespace(pod), name(pod));
                return;
            }
            // Held by a finalizer: the containers are gone, the object waits.
            if text(pod, "/status/phase") == "Succeeded" {
                return;
            }
            next["status"]["phase"] = json!("Succeeded");
            next["metadata"]["deletionGracePeriodSeconds"] = json!(0);
        }
    }
    keep(store, "pods", next);
}

fn pull_fails(store: &mut Store, pod: &Arc<Value>) {
    let image = text(pod, "/spec/containers/0/image");
    let why = format!(
        "rpc error: code = NotFound desc = failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": {image}: not found"
    );
    let mut next = Value::clone(pod);
    if list(pod, "/status/containerStatuses").is_empty() {
        creating(&mut next);
    }
    waiting(&mut next, "ErrImagePull", &why);
    events::record(store, pod, Voice::Kubelet, "Pulling", &format!("Pulling image \"{image}\""));
    events::record(store, pod, Voice::Kubelet, "Failed", &format!("Failed to pull image \"{image}\": {why}"));
    events::record(store, pod, Voice::Kubelet, "Failed", "Error: ErrImagePull");
    keep(store, "pods", next);
}

/// The first thing that happens when a running pod is deleted: it serves no longer, and its containers are told.
fn stopping(store: &mut Store, pod: &Value) {
    for spec in list(pod, "/spec/containers") {
        events::record(store, pod, Voice::Kubelet, "Killing", &format!("Stopping container {}", text(spec, "/name")));
    }
    let mut next = pod.clone();
    each_status(&mut next, |status| status["ready"] = json!(false));
    readiness(&mut next, "False");
    keep(store, "pods", next);
}

/// Whether another container on the pod's node already uses an image.
fn present(store: &Store, pod: &Value, image: &str) -> bool {
    store.list("pods", None).iter().any(|other| {
        text(other, "/spec/nodeName") == text(pod, "/spec/nodeName")
            && uid(other) != uid(pod)
            && text(other, "/status/phase") == "Running"
            && list(other, "/spec/containers").iter().any(|c| text(c, "/image") == image)
    })
}
