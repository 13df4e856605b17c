//! `kubectl rollout undo`

use command::kubectl::{DryRun, Rollout};
use serde_json::{Map, Value, json};

use super::Workload;
use super::history::{Revision, comparable, revisions};
use crate::change::{self, JSON, STRATEGIC, said};
use crate::failure::Failure;
use crate::output::Output;
use crate::resolve::{Found, Scope};

/// Annotations that belong to the deployment and not to one of its revisions.
const KEPT: &[&str] = &[
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/revision",
    "deployment.kubernetes.io/revision-history",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deprecated.deployment.rollback.to",
];

/// Goes back to a revision.
pub(super) async fn back(
    scope: &Scope<'_>,
    rollout: &Rollout,
    one: &mut Found,
    to: i64,
    dry_run: DryRun,
    out: Output<'_>,
) -> Result<(), Failure> {
    if Workload::of(&one.mapping).is_none() {
        return Err(Failure::error(format!("no rollbacker has been implemented for {:?}", one.mapping.kind)));
    }
    if dry_run == DryRun::Client {
        return Err(Failure::NotPermitted(
            "kubectl rollout undo --dry-run=client is not performed by this portal: use --dry-run=server".to_owned(),
        ));
    }
    let known = revisions(scope, one).await?;
    let target = chosen(&known, one, to)?;
    let query = change::query(dry_run, "kubectl-rollout");
    let matches = format!("skipped rollback (current template already matches revision {to})");
    let result = if Workload::of(&one.mapping) == Some(Workload::Deployment) {
        if one.object["spec"]["paused"] == true {
            return Err(Failure::error(
                "you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again",
            ));
        }
        let template = &target.object["spec"]["template"];
        if comparable(template) == comparable(&one.object["spec"]["template"]) {
            Ok(matches)
        } else {
            let patch = deployment_patch(template, &one.object, &target.object);
            scope.api.patch(&one.path(), &query, JSON, &patch).await.map(|_| "rolled back".to_owned())
        }
    } else {
        let data = &target.object["data"];
        if comparable(&data["spec"]["template"]) == comparable(&one.object["spec"]["template"]) {
            Ok(matches)
        } else {
            scope.api.patch(&one.path(), &query, STRATEGIC, data).await.map(|_| "rolled back".to_owned())
        }
    };
    let result =
        result.map_err(|failure| Failure::error(format!("failed restoring revision {to}: {}", failure.message())))?;
    out.out(said(rollout.output.as_ref(), dry_run, &result, one)?).await
}

fn chosen<'a>(known: &'a [Revision], one: &Found, to: i64) -> Result<&'a Revision, Failure> {
    if to != 0 {
        let found = known.iter().find(|revision| revision.number == to);
        return found.ok_or_else(|| Failure::error(format!("unable to find specified revision {to} in history")));
    }
    let before = known.len().checked_sub(2).and_then(|index| known.get(index));
    before.ok_or_else(|| match Workload::of(&one.mapping) {
        Some(Workload::Deployment) => {
            Failure::error(format!("no rollout history found for deployment {:?}", one.name()))
        }
        _ => Failure::error("no last revision to roll back to"),
    })
}

fn deployment_patch(template: &Value, deployment: &Value, replica_set: &Value) -> Value {
    let mut template = template.clone();
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove("pod-template-hash");
    }
    let annotations = |object: &Value| object["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
    let mut wanted = Map::new();
    wanted.extend(annotations(deployment).into_iter().filter(|(key, _)| KEPT.contains(&key.as_str())));
    wanted.extend(annotations(replica_set).into_iter().filter(|(key, _)| !KEPT.contains(&key.as_str())));
    json!([
        {"op": "replace", "path": "/spec/template", "value": template},
        {"op": "replace", "path": "/metadata/annotations", "value": wanted},
    ])
}
