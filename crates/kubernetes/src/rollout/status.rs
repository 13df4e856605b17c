//! `kubectl rollout status`

use std::time::Duration;

use serde_json::Value;

use super::Workload;
use crate::api::{AS_JSON, Query};
use crate::failure::Failure;
use crate::output::Output;
use crate::resolve::{Found, Scope, items};
use crate::watch::{Event, Watcher};

/// How long to look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    pub(super) watch: bool,
    pub(super) timeout: Option<Duration>,
    pub(super) revision: i64,
}

/// Tells how far the rollout is, until it is done.
pub(super) async fn follow(scope: &Scope<'_>, one: &Found, wait: Wait, out: Output<'_>) -> Result<(), Failure> {
    let Some(workload) = Workload::of(&one.mapping) else {
        let kind = &one.mapping.kind;
        let kind = if one.mapping.group.is_empty() { kind.clone() } else { format!("{kind}.{}", one.mapping.group) };
        return Err(Failure::error(format!("no status viewer has been implemented for {kind}")));
    };
    let work = watch(scope, one, workload, wait, out);
    match wait.timeout {
        None => work.await,
        Some(limit) => tokio::time::timeout(limit, work)
            .await
            .unwrap_or_else(|_| Err(Failure::error("timed out waiting for the condition"))),
    }
}

async fn watch(scope: &Scope<'_>, one: &Found, workload: Workload, wait: Wait, out: Output<'_>) -> Result<(), Failure> {
    let mut here = scope.clone();
    here.all_namespaces = false;
    if let Some(namespace) = one.namespace() {
        namespace.clone_into(&mut here.namespace);
    }
    let query: Query = vec![("fieldSelector", format!("metadata.name={}", one.name()))];
    loop {
        let mut pages = here.pages(&one.mapping, query.clone(), AS_JSON, 1);
        let page = pages.next().await?.unwrap_or_default();
        let mut version = page["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
        let Some(object) = items(page, &one.mapping).next() else {
            return Err(Failure::error("object has been deleted"));
        };
        if tell(&object, workload, wait, out).await? {
            return Ok(());
        }
        loop {
            let mut watcher = Watcher::start(&here, &one.mapping, query.clone(), &version, AS_JSON).await?;
            let next = loop {
                match watcher.next().await? {
                    Event::Change(kind, _) if kind == "DELETED" => {
                        return Err(Failure::error("object has been deleted"));
                    }
                    Event::Change(_, object) => {
                        if tell(&object, workload, wait, out).await? {
                            return Ok(());
                        }
                    }
                    Event::Closed(version) => break Some(version),
                    Event::Expired => break None,
                }
            };
            match next {
                Some(next) => version = next,
                None => break,
            }
        }
    }
}

async fn tell(object: &Value, workload: Workload, wait: Wait, out: Output<'_>) -> Result<bool, Failure> {
    let (text, done) = match workload {
        Workload::Deployment => deployment(object, wait.revision)?,
        Workload::DaemonSet => daemon_set(object)?,
        Workload::StatefulSet => stateful_set(object)?,
    };
    out.out(text).await?;
    Ok(done || !wait.watch)
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

fn deployment(object: &Value, revision: i64) -> Result<(String, bool), Failure> {
    let (spec, status, metadata) = (&object["spec"], &object["status"], &object["metadata"]);
    let name = metadata["name"].as_str().unwrap_or_default();
    if revision > 0 {
        let running = metadata["annotations"]["deployment.kubernetes.io/revision"].as_str();
        let running = running.and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
        if running != revision {
            return Err(Failure::error(format!(
                "desired revision ({revision}) is different from the running revision ({running})"
            )));
        }
    }
    if number(&metadata["generation"]) > number(&status["observedGeneration"]) {
        return Ok(("Waiting for deployment spec update to be observed...\n".to_owned(), false));
    }
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let late =
        |condition: &Value| condition["type"] == "Progressing" && condition["reason"] == "ProgressDeadlineExceeded";
    if conditions.into_iter().any(late) {
        return Err(Failure::error(format!("deployment {name:?} exceeded its progress deadline")));
    }
    let (wanted, updated) = (spec["replicas"].as_i64(), number(&status["updatedReplicas"]));
    let (all, available) = (number(&status["replicas"]), number(&status["availableReplicas"]));
    let waiting = |what: String| Ok((format!("Waiting for deployment {name:?} rollout to finish: {what}...\n"), false));
    if let Some(wanted) = wanted.filter(|wanted| updated < *wanted) {
        return waiting(format!("{updated} out of {wanted} new replicas have been updated"));
    }
    if all > updated {
        return waiting(format!("{} old replicas are pending termination", all - updated));
    }
    if available < updated {
        return waiting(format!("{available} of {updated} updated replicas are available"));
    }
    Ok((format!("deployment {name:?} successfully rolled out\n"), true))
}

fn rolling(object: &Value) -> Result<(), Failure> {
    let kind = object["spec"]["updateStrategy"]["type"].as_str();
    if kind.is_some_and(|kind| kind != "RollingUpdate") {
        return Err(Failure::error("rollout status is only available for RollingUpdate strategy type"));
    }
    Ok(())
}

fn daemon_set(object: &Value) -> Result<(String, bool), Failure> {
    rolling(object)?;
    let (status, metadata) = (&object["status"], &object["metadata"]);
    let name = metadata["name"].as_str().unwrap_or_default();
    if number(&metadata["generation"]) > number(&status["observedGeneration"]) {
        return Ok(("Waiting for daemon set spec update to be observed...\n".to_owned(), false));
    }
    let wanted = number(&status["desiredNumberScheduled"]);
    let (updated, available) = (number(&status["updatedNumberScheduled"]), number(&status["numberAvailable"]));
    let waiting = |what: String| Ok((format!("Waiting for daemon set {name:?} rollout to finish: {what}...\n"), false));
    if updated < wanted {
        return waiting(format!("{updated} out of {wanted} new pods have been updated"));
    }
    if available < wanted {
        return waiting(format!("{available} of {wanted} updated pods are available"));
    }
    Ok((format!("daemon set {name:?} successfully rolled out\n"), true))
}

fn stateful_set(object: &Value) -> Result<(String, bool), Failure> {
    rolling(object)?;
    let (spec, status) = (&object["spec"], &object["status"]);
    let observed = number(&status["observedGeneration"]);
    if observed == 0 || number(&object["metadata"]["generation"]) > observed {
        return Ok(("Waiting for statefulset spec update to be observed...\n".to_owned(), false));
    }
    let wanted = spec["replicas"].as_i64();
    let ready = number(&status["readyReplicas"]);
    if let Some(wanted) = wanted.filter(|wanted| ready < *wanted) {
        return Ok((format!("Waiting for {} pods to be ready...\n", wanted - ready), false));
    }
    let updated = number(&status["updatedReplicas"]);
    let rolling_update = &spec["updateStrategy"]["rollingUpdate"];
    if rolling_update.is_object() {
        if let (Some(wanted), Some(partition)) = (wanted, rolling_update["partition"].as_i64())
            && updated < wanted - partition
        {
            return Ok((
                format!(
                    "Waiting for partitioned roll out to finish: {updated} out of {} new pods have been updated...\n",
                    wanted - partition
                ),
                false,
            ));
        }
        return Ok((format!("partitioned roll out complete: {updated} new pods have been updated...\n"), true));
    }
    let text = |key: &str| status[key].as_str().unwrap_or_default();
    if text("updateRevision") != text("currentRevision") {
        return Ok((
            format!(
                "waiting for statefulset rolling update to complete {updated} pods at revision {}...\n",
                text("updateRevision")
            ),
            false,
        ));
    }
    let current = number(&status["currentReplicas"]);
    Ok((
        format!("statefulset rolling update complete {current} pods at revision {}...\n", text("currentRevision")),
        true,
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_deployment_tells_how_far_it_is() {
        let object = |updated: i64, all: i64, available: i64| {
            json!({"metadata": {"name": "web", "generation": 2}, "spec": {"replicas": 3},
                   "status": {"observedGeneration": 2, "updatedReplicas": updated, "replicas": all, "availableReplicas": available}})
        };
        for ((updated, all, available), text, finished) in [
            (
                (1, 4, 3),
                "Waiting for deployment \"web\" rollout to finish: 1 out of 3 new replicas have been updated...\n",
                false,
            ),
            (
                (3, 4, 3),
                "Waiting for deployment \"web\" rollout to finish: 1 old replicas are pending termination...\n",
                false,
            ),
            (
                (3, 3, 2),
                "Waiting for deployment \"web\" rollout to finish: 2 of 3 updated replicas are available...\n",
                false,
            ),
            ((3, 3, 3), "deployment \"web\" successfully rolled out\n", true),
        ] {
            assert_eq!(deployment(&object(updated, all, available), 0), Ok((text.to_owned(), finished)));
        }
        let mut late = object(1, 1, 1);
        late["metadata"]["generation"] = json!(3);
        assert_eq!(deployment(&late, 0).expect("waiting").0, "Waiting for deployment spec update to be observed...\n");
        late["metadata"]["generation"] = json!(2);
        late["status"]["conditions"] = json!([{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]);
        assert_eq!(
            deployment(&late, 0).expect_err("late").print(),
            "error: deployment \"web\" exceeded its progress deadline\n"
        );
        assert!(deployment(&object(3, 3, 3), 7).is_err());
    }

    #[test]
    fn other_workloads_tell_it_their_way() {
        let set = json!({"metadata": {"name": "db", "generation": 1}, "spec": {"replicas": 2, "updateStrategy": {"type": "RollingUpdate",
            "rollingUpdate": {"partition": 0}}}, "status": {"observedGeneration": 1, "readyReplicas": 2, "updatedReplicas": 2}});
        assert_eq!(
            stateful_set(&set),
            Ok(("partitioned roll out complete: 2 new pods have been updated...\n".to_owned(), true))
        );
        let daemon = json!({"metadata": {"name": "agent", "generation": 1}, "spec": {},
            "status": {"observedGeneration": 1, "desiredNumberScheduled": 3, "updatedNumberScheduled": 1}});
        assert_eq!(
            daemon_set(&daemon).expect("waiting").0,
            "Waiting for daemon set \"agent\" rollout to finish: 1 out of 3 new pods have been updated...\n"
        );
        let on_delete = json!({"spec": {"updateStrategy": {"type": "OnDelete"}}});
        assert!(daemon_set(&on_delete).is_err());
    }
}
