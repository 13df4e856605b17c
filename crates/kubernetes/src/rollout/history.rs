//! `kubectl rollout history`, and the revisions that it and `undo` read.

use serde_json::Value;

use super::{Workload, controlled_by};
use crate::api::{AS_JSON, Query};
use crate::discovery;
use crate::failure::Failure;
use crate::output::Output;
use crate::resolve::{Found, Scope, items};
use crate::{gotext, selector, yaml};

/// Revisions kept in memory at most; Kubernetes keeps ten unless told otherwise.
const LIMIT: usize = 2_000;

/// One revision of a workload.
pub(super) struct Revision {
    pub(super) number: i64,
    /// The replica set or controller revision that holds it.
    pub(super) object: Value,
}

/// The revisions of a workload, oldest first.
pub(super) async fn revisions(scope: &Scope<'_>, one: &Found) -> Result<Vec<Revision>, Failure> {
    let kind = match Workload::of(&one.mapping) {
        Some(Workload::Deployment) => "replicasets.apps",
        Some(_) => "controllerrevisions.apps",
        None => {
            return Err(Failure::error(format!("no history viewer has been implemented for {:?}", one.mapping.kind)));
        }
    };
    let mapping = discovery::one(&scope.api, kind).await?;
    let mut query = Query::new();
    if let Some(selector) = selector::of(&one.object) {
        query.push(("labelSelector", selector));
    }
    let mut here = scope.clone();
    here.all_namespaces = false;
    if let Some(namespace) = one.namespace() {
        namespace.clone_into(&mut here.namespace);
    }
    let mut pages = here.pages(&mapping, query, AS_JSON, 500);
    let mut revisions = Vec::new();
    while let Some(page) = pages.next().await? {
        for object in items(page, &mapping).filter(|object| controlled_by(object, &one.object)) {
            let annotation = object["metadata"]["annotations"]["deployment.kubernetes.io/revision"].as_str();
            let number = annotation.and_then(|text| text.parse().ok()).or_else(|| object["revision"].as_i64());
            if let Some(number) = number.filter(|_| revisions.len() < LIMIT) {
                revisions.push(Revision { number, object });
            }
        }
    }
    revisions.sort_by_key(|revision| revision.number);
    Ok(revisions)
}

/// Lists the revisions, or shows one.
pub(super) async fn show(scope: &Scope<'_>, one: &Found, revision: i64, out: Output<'_>) -> Result<(), Failure> {
    let revisions = revisions(scope, one).await?;
    if revision > 0 {
        let Some(wanted) = revisions.iter().find(|known| known.number == revision) else {
            return Err(Failure::error("unable to find the specified revision"));
        };
        return out.out(format!("{} with revision #{revision}\n{}\n", one.printed(), described(wanted))).await;
    }
    let mut text = String::from("No rollout history found.");
    if !revisions.is_empty() {
        text = "REVISION  CHANGE-CAUSE\n".to_owned();
        for known in &revisions {
            let cause = known.object["metadata"]["annotations"]["kubernetes.io/change-cause"].as_str();
            text.push_str(&format!(
                "{:<10}{}\n",
                known.number,
                cause.filter(|cause| !cause.is_empty()).unwrap_or("<none>")
            ));
        }
    }
    out.out(format!("{} \n{text}\n", one.printed())).await
}

/// The pod template of a revision. kubectl draws a description here; the same facts are given as YAML, which can be
/// copied into a manifest.
fn described(revision: &Revision) -> String {
    let object = &revision.object;
    let template = [&object["spec"]["template"], &object["data"]["spec"]["template"]];
    let template = template.into_iter().find(|template| template.is_object()).unwrap_or(&Value::Null);
    format!("Pod Template:\n{}", yaml::document(template))
}

/// A template without what the controller adds, to compare two.
pub(super) fn comparable(template: &Value) -> Value {
    let mut template = template.clone();
    if let Some(metadata) = template.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("creationTimestamp");
        if let Some(labels) = metadata.get_mut("labels").and_then(Value::as_object_mut) {
            labels.remove("pod-template-hash");
        }
    }
    // Sorted, so that the order of keys makes no difference.
    serde_json::from_str(&gotext::json_or_text(&template)).unwrap_or(template)
}
