//! Deployments: one ReplicaSet for each template, moved from the old one to the new one within the
//! limits of the strategy. Follows kubernetes `pkg/controller/deployment` (sync.go, rolling.go, recreate.go).

use super::replicasets::PLACE as SETS;
use super::{Timers, replicas};
use crate::cluster::keep;
use crate::events::{self, Voice};
use crate::object::{
    self, annotate, annotation, controlled_by, deleting, entry, flag, list, name, namespace, number, text, uid,
};
use crate::store::Store;
use serde_json::{Value, json};
use std::sync::Arc;

/// Where Deployments are kept.
pub(crate) const PLACE: &str = "deployments.apps";
/// The annotation with the revision of a Deployment and its ReplicaSets.
pub(crate) const REVISION: &str = "deployment.kubernetes.io/revision";
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
const MAX: &str = "deployment.kubernetes.io/max-replicas";
/// The label that tells the pods of one template from those of another.
pub(crate) const HASH: &str = "pod-template-hash";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

pub(super) fn reconcile(store: &mut Store, timers: &mut Timers) {
    for deployment in store.list(PLACE, None) {
        if !deleting(&deployment) {
            sync(store, &deployment, timers);
        }
    }
}

/// The template as it was written, without what the controller adds.
fn bare_template(set: &Value) -> Value {
    let mut template = set["spec"]["template"].clone();
    object::remove(&mut template, "/metadata/labels", HASH);
    template
}

fn same_template(set: &Value, deployment: &Value) -> bool {
    object::same(&bare_template(set), &deployment["spec"]["template"])
}

fn revision(object: &Value) -> i64 {
    annotation(object, REVISION).parse().unwrap_or(0)
}

/// A number or a percentage of the replicas.
fn part(value: Option<&Value>, of: i64, up: Rounding) -> i64 {
    match value {
        Some(Value::String(text)) => {
            let percent: i64 = text.trim_end_matches('%').parse().unwrap_or(25);
            match up {
                Rounding::Up => (percent * of + 99) / 100,
                Rounding::Down => percent * of / 100,
            }
        }
        Some(other) => other.as_i64().unwrap_or(0),
        None => 0,
    }
}

#[derive(Clone, Copy)]
enum Rounding {
    Up,
    Down,
}

/// (surge, unavailable) of a Deployment's strategy; never both zero.
fn limits(deployment: &Value) -> (i64, i64) {
    let wanted = number(deployment, "/spec/replicas", 1);
    let surge = part(deployment.pointer("/spec/strategy/rollingUpdate/maxSurge"), wanted, Rounding::Up);
    let lost = part(deployment.pointer("/spec/strategy/rollingUpdate/maxUnavailable"), wanted, Rounding::Down);
    if surge == 0 && lost == 0 { (0, 1) } else { (surge, lost.min(wanted)) }
}

fn recreates(deployment: &Value) -> bool {
    text(deployment, "/spec/strategy/type") == "Recreate"
}

fn sync(store: &mut Store, deployment: &Arc<Value>, timers: &mut Timers) {
    let mut sets = replicas::owned(store, SETS, deployment);
    sets.sort_by_key(|set| (text(set, "/metadata/creationTimestamp").to_owned(), revision(set)));
    let paused = flag(deployment, "/spec/paused");
    let found = sets.iter().rev().find(|set| same_template(set, deployment)).cloned();
    let current = match found {
        Some(set) => Some(promote(store, deployment, &sets, &set)),
        None if paused => None,
        None => create(store, deployment, &sets),
    };
    let mut sets = replicas::owned(store, SETS, deployment);
    sets.sort_by_key(|set| (text(set, "/metadata/creationTimestamp").to_owned(), revision(set)));
    let current = current.and_then(|current| sets.iter().find(|set| uid(set) == uid(&current)).cloned());
    let old: Vec<Arc<Value>> =
        sets.iter().filter(|set| current.as_ref().is_none_or(|current| uid(current) != uid(set))).cloned().collect();
    match &current {
        None => follow_scale(store, deployment, &old),
        Some(current) if paused => follow_scale(store, deployment, &[&old[..], &[Arc::clone(current)]].concat()),
        Some(current) if recreates(deployment) => recreate(store, deployment, current, &old),
        Some(current) => roll(store, deployment, current, &old),
    }
    tidy(store, deployment, &old);
    report(store, deployment, current.as_deref().map(uid), timers);
}

/// Gives the set of the present template the newest revision, and the deployment the same.
fn promote(store: &mut Store, deployment: &Value, sets: &[Arc<Value>], set: &Arc<Value>) -> Arc<Value> {
    let newest = sets.iter().filter(|other| uid(other) != uid(set)).map(|other| revision(other)).max().unwrap_or(0);
    let mut promoted = Arc::clone(set);
    let mut next = Value::clone(set);
    if revision(set) <= newest {
        let before = annotation(set, REVISION).to_owned();
        let history = annotation(set, "deployment.kubernetes.io/revision-history").to_owned();
        let history = if history.is_empty() { before } else { format!("{history},{before}") };
        annotate(&mut next, REVISION, &(newest + 1).to_string());
        annotate(&mut next, "deployment.kubernetes.io/revision-history", &history);
    }
    copy_annotations(deployment, &mut next);
    if next != **set
        && let Some(kept) = keep(store, SETS, next)
    {
        promoted = kept;
    }
    adopt_revision(store, deployment, revision(&promoted));
    promoted
}

fn adopt_revision(store: &mut Store, deployment: &Value, to: i64) {
    if revision(deployment) != to
        && let Some(fresh) = store.get(PLACE, namespace(deployment), name(deployment))
    {
        let mut next = Value::clone(&fresh);
        annotate(&mut next, REVISION, &to.to_string());
        keep(store, PLACE, next);
    }
}

fn copy_annotations(deployment: &Value, set: &mut Value) {
    for (key, value) in object::strings(deployment.pointer("/metadata/annotations")) {
        if key != REVISION && key != LAST_APPLIED && annotation(set, &key) != value {
            annotate(set, &key, &value);
        }
    }
}

/// A ReplicaSet for the present template, with `wanted` replicas.
pub(crate) fn set_for(deployment: &Value, at_revision: i64, wanted: i64) -> Value {
    let template = &deployment["spec"]["template"];
    let collisions = number(deployment, "/status/collisionCount", 0);
    let hash =
        object::hashed_ending(&format!("{}/{}/{template}/{collisions}", namespace(deployment), name(deployment)), 10);
    let mut metadata = json!({
        "name": format!("{}-{hash}", name(deployment)),
        "namespace": namespace(deployment),
        "uid": object::fresh_uid(),
        "creationTimestamp": object::now(),
        "generation": 1,
        "labels": template.pointer("/metadata/labels").cloned().unwrap_or_else(|| json!({})),
        "ownerReferences": controlled_by(deployment),
    });
    metadata["labels"][HASH] = json!(hash);
    let mut selector = deployment["spec"]["selector"].clone();
    entry(&mut selector, "matchLabels")[HASH] = json!(hash);
    let mut template = template.clone();
    entry(entry(&mut template, "metadata"), "labels")[HASH] = json!(hash);
    let mut set = json!({
        "kind": "ReplicaSet", "apiVersion": "apps/v1", "metadata": metadata,
        "spec": {"replicas": wanted, "selector": selector, "template": template},
        "status": {"replicas": 0},
    });
    copy_annotations(deployment, &mut set);
    annotate(&mut set, REVISION, &at_revision.to_string());
    note_scale(deployment, &mut set);
    set
}

fn note_scale(deployment: &Value, set: &mut Value) {
    let wanted = number(deployment, "/spec/replicas", 1);
    let (surge, _) = limits(deployment);
    annotate(set, DESIRED, &wanted.to_string());
    annotate(set, MAX, &(wanted + if recreates(deployment) { 0 } else { surge }).to_string());
}

fn create(store: &mut Store, deployment: &Value, sets: &[Arc<Value>]) -> Option<Arc<Value>> {
    let newest = sets.iter().map(|set| revision(set)).max().unwrap_or(0);
    let mut set = set_for(deployment, newest + 1, 0);
    if store.get(SETS, namespace(deployment), name(&set)).is_some() {
        // Another owner's set has the name: the collision count changes the hash, as in the real controller.
        let mut next = deployment.clone();
        next["status"]["collisionCount"] = json!(number(deployment, "/status/collisionCount", 0) + 1);
        set = set_for(&next, newest + 1, 0);
        keep(store, PLACE, next);
    }
    let kept = keep(store, SETS, set)?;
    adopt_revision(store, deployment, newest + 1);
    Some(kept)
}

/// Changes the replicas of a set and says so.
fn scale(store: &mut Store, deployment: &Value, set: &Value, to: i64) {
    let from = number(set, "/spec/replicas", 0);
    let Some(fresh) = store.get(SETS, namespace(set), name(set)) else { return };
    let mut next = Value::clone(&fresh);
    note_scale(deployment, &mut next);
    if from != to {
        next["spec"]["replicas"] = json!(to);
        next["metadata"]["generation"] = json!(number(&fresh, "/metadata/generation", 1) + 1);
    }
    if next == *fresh || keep(store, SETS, next).is_none() || from == to {
        return;
    }
    let direction = if to > from { "up" } else { "down" };
    let message = format!("Scaled {direction} replica set {} from {from} to {to}", name(set));
    events::record(store, deployment, Voice::Deployments, "ScalingReplicaSet", &message);
}

/// Without a rollout only the size follows: the newest set that has pods takes the difference.
fn follow_scale(store: &mut Store, deployment: &Value, sets: &[Arc<Value>]) {
    let wanted = number(deployment, "/spec/replicas", 1);
    let active: Vec<&Arc<Value>> = sets.iter().filter(|set| number(set, "/spec/replicas", 0) > 0).collect();
    match active.as_slice() {
        [] => {
            if let Some(newest) = sets.iter().max_by_key(|set| revision(set)) {
                scale(store, deployment, newest, wanted);
            }
        }
        [only] => scale(store, deployment, only, wanted),
        several => {
            let asked: i64 = annotation(several[0], DESIRED).parse().unwrap_or(wanted);
            if asked != wanted
                && let Some(newest) = several.iter().max_by_key(|set| revision(set))
            {
                let to = (number(newest, "/spec/replicas", 0) + wanted - asked).max(0);
                scale(store, deployment, newest, to);
            }
        }
    }
}

fn recreate(store: &mut Store, deployment: &Value, current: &Value, old: &[Arc<Value>]) {
    for set in old.iter().filter(|set| number(set, "/spec/replicas", 0) > 0) {
        scale(store, deployment, set, 0);
    }
    if old.iter().all(|set| replicas::owned(store, "pods", set).is_empty()) {
        scale(store, deployment, current, number(deployment, "/spec/replicas", 1));
    }
}

fn roll(store: &mut Store, deployment: &Value, current: &Value, old: &[Arc<Value>]) {
    let wanted = number(deployment, "/spec/replicas", 1);
    let (surge, lost) = limits(deployment);
    let size = |set: &Value| number(set, "/spec/replicas", 0);
    let have = size(current);
    let old_total: i64 = old.iter().map(|set| size(set)).sum();
    if have > wanted {
        scale(store, deployment, current, wanted);
    } else if have < wanted {
        let room = wanted + surge - (have + old_total);
        scale(store, deployment, current, have + room.clamp(0, wanted - have));
    } else {
        scale(store, deployment, current, have);
    }
    let have = have.min(wanted);
    if old_total == 0 {
        return;
    }
    let available = |set: &Value| number(set, "/status/availableReplicas", 0).min(number(set, "/spec/replicas", 0));
    let least = wanted - lost;
    let unavailable_new = (have - number(current, "/status/availableReplicas", 0)).max(0);
    let mut budget = have + old_total - least - unavailable_new;
    if budget <= 0 {
        return;
    }
    // Old pods that serve nobody go first: taking them away costs nothing.
    let mut left: Vec<(Arc<Value>, i64)> = Vec::new();
    for set in old {
        let broken = (size(set) - available(set)).min(budget).max(0);
        budget -= broken;
        left.push((Arc::clone(set), size(set) - broken));
    }
    let serving = number(current, "/status/availableReplicas", 0) + old.iter().map(|set| available(set)).sum::<i64>();
    let mut spare = (serving - least).max(0).min(budget);
    for (set, size_left) in &mut left {
        let take = spare.min(*size_left);
        spare -= take;
        *size_left -= take;
        if *size_left != size(set) {
            scale(store, deployment, set, *size_left);
        }
    }
}

/// Old sets beyond the history limit go away.
fn tidy(store: &mut Store, deployment: &Value, old: &[Arc<Value>]) {
    let limit = usize::try_from(number(deployment, "/spec/revisionHistoryLimit", 10)).unwrap_or(10);
    let mut empty: Vec<&Arc<Value>> = old
        .iter()
        .filter(|set| {
            number(set, "/spec/replicas", 0) == 0 && number(set, "/status/replicas", 0) == 0 && !deleting(set)
        })
        .collect();
    empty.sort_by_key(|set| revision(set));
    for set in &empty[..empty.len().saturating_sub(limit)] {
        store.remove(SETS, namespace(set), name(set));
    }
}

fn report(store: &mut Store, deployment: &Value, current: Option<&str>, timers: &mut Timers) {
    let Some(deployment) = store.get(PLACE, namespace(deployment), name(deployment)) else { return };
    let sets = replicas::owned(store, SETS, &deployment);
    let sum = |key: &str| sets.iter().map(|set| number(set, key, 0)).sum::<i64>();
    let set = current.and_then(|current| sets.iter().find(|set| uid(set) == current));
    let updated = set.map_or(0, |set| number(set, "/status/replicas", 0));
    let (total, ready, available) =
        (sum("/status/replicas"), sum("/status/readyReplicas"), sum("/status/availableReplicas"));
    let wanted = number(&deployment, "/spec/replicas", 1);
    let (_, lost) = limits(&deployment);
    let lost = if recreates(&deployment) { wanted } else { lost };
    let mut status = json!({"observedGeneration": number(&deployment, "/metadata/generation", 1)});
    for (key, count) in [
        ("replicas", total),
        ("updatedReplicas", updated),
        ("readyReplicas", ready),
        ("availableReplicas", available),
        ("unavailableReplicas", (total.max(wanted) - available).max(0)),
        ("collisionCount", number(&deployment, "/status/collisionCount", 0)),
    ] {
        if count != 0 {
            status[key] = json!(count);
        }
    }
    let old = list(&deployment, "/status/conditions");
    let serves = available >= wanted - lost;
    let availability = if serves {
        ("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.".to_owned())
    } else {
        (
            "Available",
            "False",
            "MinimumReplicasUnavailable",
            "Deployment does not have minimum availability.".to_owned(),
        )
    };
    let complete = set.is_some() && updated == wanted && total == wanted && available == wanted;
    let said = set.map_or("", |set| name(set));
    let before = old.iter().find(|c| text(c, "/type") == "Progressing");
    let moved = ["updatedReplicas", "readyReplicas", "replicas", "observedGeneration"]
        .iter()
        .any(|key| number(&deployment, &format!("/status/{key}"), 0) != number(&status, &format!("/{key}"), 0));
    let patience = number(&deployment, "/spec/progressDeadlineSeconds", 600);
    #[expect(clippy::cast_precision_loss, reason = "a deadline in seconds is far below 2^52")]
    let late = !complete && !moved && set.is_some() && {
        // The clock is keyed by what has been reached, so that each bit of progress starts it anew.
        let reached = format!("{}/{said}/{updated}/{ready}/{total}", uid(&deployment));
        let already = before
            .is_some_and(|c| text(c, "/reason") == "ProgressDeadlineExceeded" && text(c, "/message").contains(said));
        already || timers.due(&reached, "progress", patience as f64)
    };
    let progress = if flag(&deployment, "/spec/paused") && !complete {
        ("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused".to_owned())
    } else if complete {
        ("Progressing", "True", "NewReplicaSetAvailable", format!("ReplicaSet \"{said}\" has successfully progressed."))
    } else if late {
        (
            "Progressing",
            "False",
            "ProgressDeadlineExceeded",
            format!("ReplicaSet \"{said}\" has timed out progressing."),
        )
    } else if before.is_none() {
        ("Progressing", "True", "NewReplicaSetCreated", format!("Created new replica set \"{said}\""))
    } else {
        ("Progressing", "True", "ReplicaSetUpdated", format!("ReplicaSet \"{said}\" is progressing."))
    };
    let conditions: Vec<Value> = [availability, progress]
        .into_iter()
        .map(|(kind, state, reason, message)| condition(old, kind, state, reason, &message, Touch::from(moved)))
        .collect();
    status["conditions"] = json!(conditions);
    replicas::set_status(store, PLACE, &deployment, &status);
}

/// Whether something moved, which renews a condition's update time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Touch {
    Renew,
    Leave,
}

impl From<bool> for Touch {
    fn from(moved: bool) -> Self {
        if moved { Self::Renew } else { Self::Leave }
    }
}

fn condition(old: &[Value], kind: &str, state: &str, reason: &str, message: &str, touch: Touch) -> Value {
    let before = old.iter().find(|c| text(c, "/type") == kind);
    let now = object::now();
    let same = before
        .is_some_and(|c| text(c, "/status") == state && text(c, "/reason") == reason && text(c, "/message") == message);
    let renewed = !same || (touch == Touch::Renew && kind == "Progressing");
    let update = before.filter(|_| !renewed).map_or_else(|| now.clone(), |c| text(c, "/lastUpdateTime").to_owned());
    let transition =
        before.filter(|c| text(c, "/status") == state).map_or(now, |c| text(c, "/lastTransitionTime").to_owned());
    json!({
        "type": kind, "status": state, "lastUpdateTime": update, "lastTransitionTime": transition,
        "reason": reason, "message": message,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_round_as_the_real_controller_rounds() {
        let deployment = |surge: Value, lost: Value| json!({"spec": {"replicas": 3, "strategy": {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": lost}}}});
        assert_eq!(limits(&deployment(json!("25%"), json!("25%"))), (1, 0));
        assert_eq!(limits(&deployment(json!(0), json!("25%"))), (0, 1));
        assert_eq!(limits(&deployment(json!(2), json!(1))), (2, 1));
    }
}
