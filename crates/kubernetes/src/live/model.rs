//! From deployments, replica sets and pods to cards.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use operations::{CardState, PodStatus, Snapshot, WorkloadStatus};
use serde_json::Value;

/// Cards of one namespace at most.
const WORKLOADS: usize = 200;
/// Pods shown on one card at most.
const PODS: usize = 100;

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Deployment,
    ReplicaSet,
    Pod,
}

impl Kind {
    pub(super) fn resource(self) -> &'static str {
        match self {
            Self::Deployment => "deployments.apps",
            Self::ReplicaSet => "replicasets.apps",
            Self::Pod => "pods",
        }
    }

    /// Objects kept in memory at most.
    pub(super) fn limit(self) -> usize {
        match self {
            Self::Deployment => 1_000,
            Self::ReplicaSet => 10_000,
            Self::Pod => 10_000,
        }
    }
}

/// Leaves out what cards do not show, so that a large namespace stays small in memory.
pub(super) fn slim(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.retain(|key, _| key == REVISION);
        }
    }
    for spec in ["/spec", "/spec/template/spec"] {
        let Some(spec) = object.pointer_mut(spec).and_then(Value::as_object_mut) else { continue };
        spec.remove("volumes");
        for list in ["containers", "initContainers"] {
            for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(container) = container.as_object_mut() {
                    container.retain(|key, _| ["name", "image", "restartPolicy"].contains(&key.as_str()));
                }
            }
        }
    }
}

const REVISION: &str = "deployment.kubernetes.io/revision";

type Objects = BTreeMap<String, Value>;

/// Everything known of a namespace.
#[derive(Default)]
pub(super) struct Model {
    deployments: Option<Objects>,
    replica_sets: Option<Objects>,
    pods: Option<Objects>,
}

fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

fn count(value: &Value) -> i32 {
    value.as_i64().and_then(|count| i32::try_from(count).ok()).unwrap_or(0)
}

fn created(object: &Value) -> Option<Timestamp> {
    object["metadata"]["creationTimestamp"].as_str()?.parse().ok()
}

/// The UID of the controller of an object.
fn owner(object: &Value) -> Option<&str> {
    let owners = object["metadata"]["ownerReferences"].as_array()?;
    owners.iter().find(|owner| owner["controller"] == true)?["uid"].as_str()
}

impl Model {
    fn of(&mut self, kind: Kind) -> &mut Option<Objects> {
        match kind {
            Kind::Deployment => &mut self.deployments,
            Kind::ReplicaSet => &mut self.replica_sets,
            Kind::Pod => &mut self.pods,
        }
    }

    pub(super) fn replace(&mut self, kind: Kind, objects: Vec<Value>) {
        *self.of(kind) = Some(objects.into_iter().map(|object| (name(&object), object)).collect());
    }

    pub(super) fn put(&mut self, kind: Kind, mut object: Value) {
        slim(&mut object);
        let objects = self.of(kind).get_or_insert_default();
        let key = name(&object);
        if objects.len() < kind.limit() || objects.contains_key(&key) {
            objects.insert(key, object);
        }
    }

    pub(super) fn remove(&mut self, kind: Kind, object: &Value) {
        if let Some(objects) = self.of(kind) {
            objects.remove(&name(object));
        }
    }

    /// Whether all three kinds have been listed.
    pub(super) fn complete(&self) -> bool {
        self.deployments.is_some() && self.replica_sets.is_some() && self.pods.is_some()
    }

    pub(super) fn snapshot(&self, namespace: &str) -> Snapshot {
        let all = |objects: &'_ Option<Objects>| {
            objects.iter().flatten().map(|(_, object)| object.clone()).collect::<Vec<_>>()
        };
        let replica_sets = all(&self.replica_sets);
        let mut pods_of: HashMap<&str, Vec<&Value>> = HashMap::new();
        for pod in self.pods.iter().flatten().map(|(_, pod)| pod) {
            if let Some(owner) = owner(pod) {
                pods_of.entry(owner).or_default().push(pod);
            }
        }
        let mut sets_of: HashMap<&str, Vec<&Value>> = HashMap::new();
        for set in &replica_sets {
            if let Some(owner) = owner(set) {
                sets_of.entry(owner).or_default().push(set);
            }
        }
        let (mut workloads, mut labels) = (Vec::new(), Vec::new());
        for deployment in self.deployments.iter().flatten().map(|(_, deployment)| deployment).take(WORKLOADS) {
            let sets = deployment["metadata"]["uid"].as_str().and_then(|uid| sets_of.get(uid));
            workloads.push(workload(namespace, deployment, sets.map_or(&[], Vec::as_slice), &pods_of));
            let template = deployment["spec"]["template"]["metadata"]["labels"].as_object();
            let pairs = template.into_iter().flatten();
            labels
                .push(pairs.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect());
        }
        Snapshot { state: CardState::Fresh, at: Timestamp::now(), workloads, labels }
    }
}

fn workload(
    namespace: &str,
    deployment: &Value,
    sets: &[&Value],
    pods_of: &HashMap<&str, Vec<&Value>>,
) -> WorkloadStatus {
    let revision = |set: &Value| {
        let text = set["metadata"]["annotations"][REVISION].as_str();
        text.and_then(|text| text.parse::<i64>().ok()).unwrap_or(0)
    };
    let newest = sets.iter().map(|set| revision(set)).max();
    let mut pods = Vec::new();
    for set in sets {
        let is_newest = Some(revision(set)) == newest;
        let uid = set["metadata"]["uid"].as_str().unwrap_or_default();
        pods.extend(pods_of.get(uid).into_iter().flatten().map(|object| pod(object, is_newest)));
    }
    pods.sort_by(|left, right| {
        right.newest.cmp(&left.newest).then(left.created.cmp(&right.created)).then_with(|| left.name.cmp(&right.name))
    });
    let restarts = pods.iter().map(|pod| pod.restarts).fold(0, i32::saturating_add);
    let more_pods = pods.len().saturating_sub(PODS);
    pods.truncate(PODS);
    let (spec, status) = (&deployment["spec"], &deployment["status"]);
    let containers = spec["template"]["spec"]["containers"].as_array().into_iter().flatten();
    WorkloadStatus {
        namespace: namespace.to_owned(),
        name: name(deployment),
        desired: spec["replicas"].as_i64().map_or(1, |_| count(&spec["replicas"])),
        updated: count(&status["updatedReplicas"]),
        ready: count(&status["readyReplicas"]),
        restarts,
        images: containers.filter_map(|container| container["image"].as_str()).map(short_image).collect(),
        created: created(deployment),
        message: message(deployment),
        pods,
        more_pods,
    }
}

/// The image without registry and path; a digest is cut short.
fn short_image(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    match last.split_once("@sha256:") {
        Some((name, digest)) => format!("{name}@{}", digest.chars().take(12).collect::<String>()),
        None => last.to_owned(),
    }
}

/// What the controller says where something is wrong.
fn message(deployment: &Value) -> Option<String> {
    let conditions = deployment["status"]["conditions"].as_array()?;
    let wrong = |kind: &str, status: &str| {
        conditions.iter().find(|condition| condition["type"] == kind && condition["status"] == status)
    };
    let found = wrong("ReplicaFailure", "True")
        .or_else(|| wrong("Progressing", "False"))
        .or_else(|| wrong("Available", "False"))?;
    let text = found["message"].as_str().or_else(|| found["reason"].as_str())?;
    Some(text.chars().take(500).collect())
}

fn pod(object: &Value, newest: bool) -> PodStatus {
    let statuses = object["status"]["containerStatuses"].as_array();
    let wanted = object["spec"]["containers"].as_array().map_or(0, Vec::len);
    let ready = statuses.into_iter().flatten().filter(|status| status["ready"] == true).count();
    let restarts =
        statuses.into_iter().flatten().map(|status| count(&status["restartCount"])).fold(0, i32::saturating_add);
    PodStatus {
        name: name(object),
        status: word(object),
        ready: wanted > 0 && ready == wanted,
        newest,
        restarts,
        created: created(object),
        node: object["spec"]["nodeName"].as_str().filter(|node| !node.is_empty()).map(str::to_owned),
    }
}

/// The word in kubectl's STATUS column (`printPod` in `k8s.io/kubernetes/pkg/printers/internalversion`).
fn word(pod: &Value) -> String {
    let (status, spec) = (&pod["status"], &pod["spec"]);
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let mut word = text(&status["reason"]).or_else(|| text(&status["phase"])).unwrap_or_else(|| "Unknown".to_owned());
    let condition =
        |kind: &str| status["conditions"].as_array().into_iter().flatten().find(|condition| condition["type"] == kind);
    if condition("PodScheduled").is_some_and(|condition| condition["reason"] == "SchedulingGated") {
        "SchedulingGated".clone_into(&mut word);
    }
    let init = spec["initContainers"].as_array().map_or(0, Vec::len);
    let mut initializing = false;
    for (at, container) in status["initContainerStatuses"].as_array().into_iter().flatten().enumerate() {
        let state = &container["state"];
        if state["terminated"]["exitCode"] == 0 || (container["started"] == true && container["ready"] == true) {
            continue;
        }
        word = if state["terminated"].is_object() {
            format!("Init:{}", ended(&state["terminated"]))
        } else {
            match text(&state["waiting"]["reason"]) {
                Some(reason) if reason != "PodInitializing" => format!("Init:{reason}"),
                _ => format!("Init:{at}/{init}"),
            }
        };
        initializing = true;
        break;
    }
    if !initializing || condition("Initialized").is_some_and(|condition| condition["status"] == "True") {
        let mut running = false;
        for container in status["containerStatuses"].as_array().into_iter().flatten().rev() {
            let state = &container["state"];
            if let Some(reason) = text(&state["waiting"]["reason"]) {
                word = reason;
            } else if state["terminated"].is_object() {
                word = ended(&state["terminated"]);
            } else if container["ready"] == true && state["running"].is_object() {
                running = true;
            }
        }
        if word == "Completed" && running {
            let ready = condition("Ready").is_some_and(|condition| condition["status"] == "True");
            (if ready { "Running" } else { "NotReady" }).clone_into(&mut word);
        }
    }
    if pod["metadata"]["deletionTimestamp"].is_string() {
        let finished = matches!(status["phase"].as_str(), Some("Succeeded" | "Failed"));
        if status["reason"] == "NodeLost" {
            "Unknown".clone_into(&mut word);
        } else if !finished {
            "Terminating".clone_into(&mut word);
        }
    }
    word
}

fn ended(terminated: &Value) -> String {
    match (
        terminated["reason"].as_str().filter(|reason| !reason.is_empty()),
        terminated["signal"].as_i64().unwrap_or(0),
    ) {
        (Some(reason), _) => reason.to_owned(),
        (None, 0) => format!("ExitCode:{}", terminated["exitCode"].as_i64().unwrap_or(0)),
        (None, signal) => format!("Signal:{signal}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pods_word_is_kubectls() {
        let pod = |status: Value| json!({"metadata": {}, "spec": {"containers": [{}], "initContainers": [{}, {}]}, "status": status});
        let container = |state: Value| json!({"phase": "Running", "containerStatuses": [{"state": state}]});
        for (status, expected) in [
            (json!({"phase": "Pending"}), "Pending"),
            (json!({"phase": "Failed", "reason": "Evicted"}), "Evicted"),
            (container(json!({"waiting": {"reason": "CrashLoopBackOff"}})), "CrashLoopBackOff"),
            (container(json!({"terminated": {"exitCode": 3}})), "ExitCode:3"),
            (container(json!({"terminated": {"exitCode": 137, "signal": 9}})), "Signal:9"),
            (json!({"phase": "Pending", "initContainerStatuses": [{"state": {"running": {}}}]}), "Init:0/2"),
            (
                json!({"phase": "Pending", "initContainerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull"}}}]}),
                "Init:ErrImagePull",
            ),
        ] {
            assert_eq!(word(&pod(status.clone())), expected, "{status}");
        }
        let mut going = pod(json!({"phase": "Running"}));
        going["metadata"]["deletionTimestamp"] = json!("2024-01-01T00:00:00Z");
        assert_eq!(word(&going), "Terminating");
    }

    #[test]
    fn a_card_tells_new_pods_from_old() {
        let owned = |name: &str, uid: &str, owner: &str, extra: Value| {
            let mut object = json!({"metadata": {"name": name, "uid": uid, "ownerReferences": [{"controller": true, "uid": owner}],
                "creationTimestamp": "2024-01-01T00:00:00Z"}, "spec": {"containers": [{}]}, "status": {"phase": "Running",
                "containerStatuses": [{"ready": true, "restartCount": 2, "state": {"running": {}}}]}});
            object["metadata"]["annotations"] = extra;
            object
        };
        let mut model = Model::default();
        assert!(!model.complete());
        model.replace(Kind::Deployment, vec![json!({"metadata": {"name": "web", "uid": "d"}, "spec": {"replicas": 2,
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"image": "registry.example.org/team/web:2"}]}}},
            "status": {"updatedReplicas": 1, "readyReplicas": 2}})]);
        model.replace(
            Kind::ReplicaSet,
            vec![owned("web-1", "r1", "d", json!({REVISION: "1"})), owned("web-2", "r2", "d", json!({REVISION: "2"}))],
        );
        model
            .replace(Kind::Pod, vec![owned("web-1-a", "p1", "r1", json!({})), owned("web-2-b", "p2", "r2", json!({}))]);
        assert!(model.complete());
        let snapshot = model.snapshot("prod");
        let card = &snapshot.workloads[0];
        assert_eq!((card.desired, card.updated, card.ready, card.restarts), (2, 1, 2, 4));
        assert_eq!(card.images, ["web:2"]);
        let pods: Vec<_> = card.pods.iter().map(|pod| (pod.name.as_str(), pod.newest, pod.ready)).collect();
        assert_eq!(pods, [("web-2-b", true, true), ("web-1-a", false, true)]);
        assert_eq!(snapshot.labels[0], [("app".to_owned(), "web".to_owned())]);
        model.remove(Kind::Pod, &json!({"metadata": {"name": "web-1-a"}}));
        assert_eq!(model.snapshot("prod").workloads[0].pods.len(), 1);
    }
}
