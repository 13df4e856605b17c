//! What a practice cluster holds when it starts: the tables in `seed/`, turned into objects with a past.

use crate::admission::fill_defaults;
use crate::controllers::deployments::{self, HASH};
use crate::controllers::{kubelet, node_pods, pod_status, replicas, replicasets, scheduler, stateful};
use crate::events::{self, Voice};
use crate::kinds::{self, Kind};
use crate::logs;
use crate::object::{self, annotate, hash, name, text};
use crate::store::Store;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

const NODES: &str = include_str!("../seed/nodes.yaml");
const WORKLOADS: &str = include_str!("../seed/workloads.yaml");
const RELEASES: &str = include_str!("../seed/releases.yaml");
const OBJECTS: &str = include_str!("../seed/objects.yaml");

/// One row of `workloads.yaml`: a Deployment with its history, its pods and its Service.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Workload {
    namespace: String,
    name: String,
    image: String,
    /// Image tags, oldest first: each is a revision.
    tags: Vec<String>,
    replicas: usize,
    port: u16,
    cpu: String,
    memory: String,
    /// Hours since the present revision was rolled out.
    hours: i64,
    #[serde(default)]
    logs: String,
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// Name of a second container, if there is one.
    #[serde(default)]
    sidecar: Option<String>,
    #[serde(default)]
    faulty: Option<Faulty>,
    /// The Service's port, when it is not the container's.
    #[serde(default)]
    service_port: Option<u16>,
}

/// Pods of a workload that fail while the others serve.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Faulty {
    pods: usize,
    fault: String,
    restarts: i64,
}

fn read<T: serde::de::DeserializeOwned>(source: &str) -> io::Result<T> {
    serde_yaml_ng::from_str(source).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn put(store: &mut Store, place: &str, object: Value) -> io::Result<Arc<Value>> {
    store.put(place, object).map_err(|_| io::Error::other("the practice cluster's limits are too small for its seed"))
}

fn ago(hours: i64, seconds: i64) -> String {
    object::stamp(jiff::Timestamp::now() - jiff::SignedDuration::from_secs(hours * 3_600 + seconds))
}

/// Nodes, and the namespaces every cluster has.
pub(crate) fn nodes(store: &mut Store) -> io::Result<()> {
    objects(store, NODES)
}

/// The namespaces, workloads and other objects that the seed tables name.
pub(crate) fn workloads(store: &mut Store) -> io::Result<()> {
    objects(store, OBJECTS)?;
    for workload in read::<Vec<Workload>>(WORKLOADS)? {
        plant(store, &workload)?;
    }
    releases(store)?;
    bare_pods(store)
}

/// One row of `releases.yaml`: a revision of a Helm release.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    namespace: String,
    name: String,
    revision: u32,
    status: String,
    description: String,
    chart: Value,
    /// Hours since it was deployed.
    hours: i64,
    values: Value,
    notes: String,
    manifest: String,
}

/// Keeps releases as Helm's storage driver does: JSON, gzip, base64, and base64 again as a Secret's data is.
fn releases(store: &mut Store) -> io::Result<()> {
    use base64::Engine as _;
    let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    for release in read::<Vec<Release>>(RELEASES)? {
        let deployed = ago(release.hours, 0);
        let whole = json!({
            "name": release.name, "namespace": release.namespace, "version": release.revision,
            "info": {"first_deployed": deployed, "last_deployed": deployed, "deleted": "", "status": release.status,
                "description": release.description, "notes": release.notes},
            "chart": {"metadata": release.chart}, "config": release.values, "manifest": release.manifest,
        });
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        io::Write::write_all(&mut packer, whole.to_string().as_bytes())?;
        let packed = packer.finish()?;
        let secret = json!({
            "kind": "Secret", "apiVersion": "v1", "type": "helm.sh/release.v1",
            "metadata": {"name": format!("sh.helm.release.v1.{}.v{}", release.name, release.revision),
                "namespace": release.namespace, "uid": object::fresh_uid(), "creationTimestamp": deployed,
                "labels": {"owner": "helm", "name": release.name, "status": release.status,
                    "version": release.revision.to_string()}},
            "data": {"release": encode(encode(&packed).as_bytes())},
        });
        put(store, "secrets", secret)?;
    }
    Ok(())
}

/// Stores the plain objects of a seed file, with the defaults and the identity that the server would give.
fn objects(store: &mut Store, source: &str) -> io::Result<()> {
    let mut known = kinds::built_in();
    for mut object in read::<Vec<Value>>(source)? {
        let (version, kind) = (text(&object, "/apiVersion").to_owned(), text(&object, "/kind").to_owned());
        let found = known.iter().find(|k| k.kind == kind && k.api_version() == version).cloned();
        let found =
            found.ok_or_else(|| io::Error::other(format!("the seed names an unknown kind {version} {kind}")))?;
        let hours = object::remove(&mut object, "", "hours").and_then(|h| h.as_i64()).unwrap_or(24 * 90);
        object["metadata"]["uid"] = json!(object::fresh_uid());
        object["metadata"]["creationTimestamp"] = json!(ago(hours, 0));
        if found.has_generation() {
            object["metadata"]["generation"] = json!(1);
        }
        fill_defaults(&found, &mut object);
        if kind == "CustomResourceDefinition" {
            known.extend(kinds::from_definition(&object));
        }
        put(store, &found.place(), object)?;
    }
    Ok(())
}

fn kind_named(kind: &str) -> io::Result<Arc<Kind>> {
    kinds::built_in()
        .into_iter()
        .find(|k| k.kind == kind)
        .ok_or_else(|| io::Error::other(format!("unknown kind {kind}")))
}

fn deployment(workload: &Workload, tag: &str, created: &str) -> io::Result<Value> {
    let labels = json!({"app": workload.name});
    let env: Vec<Value> = workload.env.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    let mut main = json!({
        "name": workload.name, "image": format!("{}:{tag}", workload.image),
        "ports": [{"name": "http", "containerPort": workload.port}],
        "resources": {"requests": {"cpu": workload.cpu, "memory": workload.memory},
            "limits": {"cpu": doubled(&workload.cpu), "memory": doubled(&workload.memory)}},
        "readinessProbe": {"httpGet": {"path": "/health", "port": workload.port}, "periodSeconds": 10, "initialDelaySeconds": 2},
    });
    if !env.is_empty() {
        main["env"] = json!(env);
    }
    let mut containers = vec![main];
    if let Some(sidecar) = &workload.sidecar {
        containers.push(json!({"name": sidecar, "image": format!("registry.example/{sidecar}:1.8.2"),
            "resources": {"requests": {"cpu": "20m", "memory": "32Mi"}}}));
    }
    let mut template = json!({"metadata": {"labels": labels}, "spec": {"containers": containers}});
    if !workload.logs.is_empty() {
        template["metadata"]["annotations"] = json!({ logs::STYLE: workload.logs });
    }
    let mut made = json!({
        "kind": "Deployment", "apiVersion": "apps/v1",
        "metadata": {"name": workload.name, "namespace": workload.namespace, "labels": labels, "uid": object::fresh_uid(),
            "creationTimestamp": created, "generation": workload.tags.len(),
            "annotations": {"kubernetes.io/change-cause": format!("deploy {}:{tag}", workload.name)}},
        "spec": {"replicas": workload.replicas, "selector": {"matchLabels": labels}, "template": template},
    });
    fill_defaults(&*kind_named("Deployment")?, &mut made);
    Ok(made)
}

/// Twice a quantity with a unit, as limits usually stand to requests.
fn doubled(quantity: &str) -> String {
    let split = quantity.find(|c: char| !c.is_ascii_digit()).unwrap_or(quantity.len());
    let number: i64 = quantity[..split].parse().unwrap_or(1);
    format!("{}{}", number * 2, &quantity[split..])
}

fn plant(store: &mut Store, workload: &Workload) -> io::Result<()> {
    let count = i64::try_from(workload.tags.len()).unwrap_or(1);
    let mut live = Value::Null;
    let mut first_uid = Value::Null;
    for (revision, tag) in (1..).zip(&workload.tags) {
        let hours = workload.hours + (count - revision) * 24 * 9;
        let mut made = deployment(workload, tag, &ago(workload.hours + count * 24 * 9, 0))?;
        if first_uid.is_null() {
            first_uid = made["metadata"]["uid"].clone();
        }
        made["metadata"]["uid"] = first_uid.clone();
        let wanted = if revision == count { i64::try_from(workload.replicas).unwrap_or(0) } else { 0 };
        let mut set = deployments::set_for(&made, revision, wanted);
        set["metadata"]["creationTimestamp"] = json!(ago(hours, 0));
        annotate(&mut made, deployments::REVISION, &revision.to_string());
        let set = put(store, replicasets::PLACE, set)?;
        if revision == count {
            for index in 0..workload.replicas {
                pod(store, workload, &set, index)?;
            }
        }
        live = made;
    }
    put(store, deployments::PLACE, live)?;
    let mut service = json!({
        "kind": "Service", "apiVersion": "v1",
        "metadata": {"name": workload.name, "namespace": workload.namespace, "labels": {"app": workload.name},
            "uid": object::fresh_uid(), "creationTimestamp": ago(workload.hours + count * 24 * 9, 0)},
        "spec": {"selector": {"app": workload.name},
            "ports": [{"name": "http", "port": workload.service_port.unwrap_or(workload.port), "targetPort": workload.port}]},
    });
    fill_defaults(&*kind_named("Service")?, &mut service);
    put(store, "services", service)?;
    Ok(())
}

fn pod(store: &mut Store, workload: &Workload, set: &Value, index: usize) -> io::Result<()> {
    let nodes = store.list("nodes", None);
    let seed = hash(&format!("{}/{}/{index}", workload.namespace, workload.name));
    let ending = object::hashed_ending(&format!("{seed}"), 5);
    let mut made = replicas::pod_from(set, &format!("{}-{ending}", name(set)));
    let since = ago(workload.hours, -i64::try_from(index).unwrap_or(0) * 21);
    made["metadata"]["creationTimestamp"] = json!(since);
    let faulty = workload.faulty.as_ref().filter(|faulty| index < faulty.pods);
    if let Some(faulty) = faulty {
        annotate(&mut made, kubelet::FAULT, &faulty.fault);
    }
    let start = usize::try_from(hash(&workload.name) % 3).unwrap_or(0);
    let node =
        nodes.get((start + index) % nodes.len().max(1)).ok_or_else(|| io::Error::other("the seed has no nodes"))?;
    let mut made = scheduler::placed(store, &made, node);
    settle(&mut made, &since);
    if let Some(faulty) = faulty {
        pod_status::crash_looping(&mut made, faulty.restarts, &ago(0, 42), &ago(0, 40));
    }
    let pod = put(store, "pods", made)?;
    debug_assert!(!object::label(&pod, HASH).is_empty(), "a ReplicaSet's pods carry its hash");
    if faulty.is_some() {
        let said = format!(
            "Back-off restarting failed container {} in pod {}_{}({})",
            workload.name,
            name(&pod),
            workload.namespace,
            object::uid(&pod)
        );
        events::record_at(store, &pod, Voice::Kubelet, "BackOff", &said, &ago(0, 40));
    }
    Ok(())
}

/// Running pods for what the object table holds besides Deployments: DaemonSets, StatefulSets, bare pods.
fn bare_pods(store: &mut Store) -> io::Result<()> {
    let nodes = store.list("nodes", None);
    for set in store.list(node_pods::PLACE, None) {
        for node in &nodes {
            let mut pod = node_pods::pod(store, &set, node);
            settle(&mut pod, &ago(640, 0));
            put(store, "pods", pod)?;
        }
    }
    for set in store.list(stateful::PLACE, None) {
        for ordinal in 0..object::number(&set, "/spec/replicas", 1) {
            let mut pod = stateful::pod(&set, ordinal);
            pod["metadata"]["creationTimestamp"] = json!(ago(640, 0));
            put(store, "pods", pod)?;
        }
    }
    for pod in store.list("pods", None) {
        if text(&pod, "/spec/nodeName").is_empty()
            // The last one, so that the first can be drained: a pod that nothing would make anew stands in the way.
            && let Some(node) = store.list("nodes", None).last()
        {
            let since = text(&pod, "/metadata/creationTimestamp").to_owned();
            let mut placed = scheduler::placed(store, &pod, node);
            settle(&mut placed, &since);
            put(store, "pods", placed)?;
        }
    }
    Ok(())
}

/// Makes a placed pod one that has been serving since an instant.
fn settle(pod: &mut Value, since: &str) {
    pod["metadata"]["creationTimestamp"] = json!(since);
    pod["status"]["startTime"] = json!(since);
    pod_status::run_since(pod, since);
    pod_status::make_ready(pod);
    for condition in pod["status"]["conditions"].as_array_mut().into_iter().flatten() {
        condition["lastTransitionTime"] = json!(since);
    }
}
