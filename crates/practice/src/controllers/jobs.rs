//! Jobs: pods that run until enough of them have succeeded.

use super::replicas::{self, BURST};
use crate::events::{self, Voice};
use crate::object::{self, deleting, flag, name, number, pod_active, random_ending, text};
use crate::store::Store;
use serde_json::json;

const PLACE: &str = "jobs.batch";

pub(super) fn reconcile(store: &mut Store) {
    for job in store.list(PLACE, None) {
        if deleting(&job) || !object::condition(&job, "Complete").is_empty() || flag(&job, "/spec/suspend") {
            continue;
        }
        let wanted = usize::try_from(number(&job, "/spec/completions", 1)).unwrap_or(0);
        let width = usize::try_from(number(&job, "/spec/parallelism", 1)).unwrap_or(0).min(BURST);
        let pods = replicas::owned(store, "pods", &job);
        let succeeded = pods.iter().filter(|pod| text(pod, "/status/phase") == "Succeeded").count();
        let active = pods.iter().filter(|pod| pod_active(pod)).count();
        for _ in active..width.min(wanted.saturating_sub(succeeded)) {
            let pod = replicas::pod_from(&job, &format!("{}-{}", name(&job), random_ending()));
            replicas::make(store, &job, pod, Voice::Jobs);
        }
        let started = match text(&job, "/status/startTime") {
            "" => object::now(),
            given => given.to_owned(),
        };
        let mut status = json!({"startTime": started, "succeeded": succeeded, "active": active});
        if succeeded >= wanted {
            let now = object::now();
            status = json!({"startTime": started, "completionTime": now, "succeeded": succeeded,
                "conditions": [{"type": "Complete", "status": "True", "lastProbeTime": now, "lastTransitionTime": now,
                    "reason": "CompletionsReached", "message": "Reached expected number of succeeded pods"}]});
            events::record(store, &job, Voice::Jobs, "Completed", "Job completed");
        }
        replicas::set_status(store, PLACE, &job, &status);
    }
}
