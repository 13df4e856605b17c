//! Nodes, with what is placed on them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::writer::{Writer, age, or, plain, time};
use crate::api::{AS_JSON, Query};
use crate::discovery;
use crate::failure::Failure;
use crate::quantity;
use crate::resolve::{Found, Scope, items};

pub(super) async fn draw(scope: &Scope<'_>, one: &Found, out: &mut Writer) -> Result<(), Failure> {
    let node = &one.object;
    let (metadata, spec, status) = (&node["metadata"], &node["spec"], &node["status"]);
    out.line(0, &format!("Name:\t{}", one.name()));
    let mut roles: Vec<&str> = metadata["labels"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| {
            key.strip_prefix("node-role.kubernetes.io/")
                .or_else(|| value.as_str().filter(|_| key == "kubernetes.io/role"))
        })
        .filter(|role| !role.is_empty())
        .collect();
    roles.sort_unstable();
    out.line(0, &format!("Roles:\t{}", if roles.is_empty() { "<none>".to_owned() } else { roles.join(",") }));
    out.pairs(0, "Labels", &metadata["labels"], "=", &[]);
    out.pairs(0, "Annotations", &metadata["annotations"], ": ", &[]);
    out.line(0, &format!("CreationTimestamp:\t{}", time(&metadata["creationTimestamp"])));
    let taints: Vec<String> = spec["taints"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|taint| {
            let value = taint["value"].as_str().filter(|value| !value.is_empty());
            let value = value.map(|value| format!("={value}")).unwrap_or_default();
            format!("{}{value}:{}", or(&taint["key"], ""), or(&taint["effect"], ""))
        })
        .collect();
    if taints.is_empty() {
        out.line(0, "Taints:\t<none>");
    }
    for (index, taint) in taints.iter().enumerate() {
        out.line(0, &format!("{}\t{taint}", if index == 0 { "Taints:" } else { "" }));
    }
    out.line(0, &format!("Unschedulable:\t{}", spec["unschedulable"] == true));
    lease(scope, one, out).await;
    let conditions = status["conditions"].as_array().into_iter().flatten();
    out.line(0, "Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage");
    out.line(1, "----\t------\t-----------------\t------------------\t------\t-------");
    for condition in conditions {
        let text = |key: &str| or(&condition[key], "").to_owned();
        out.line(
            1,
            &format!(
                "{} \t{} \t{} \t{} \t{} \t{}",
                text("type"),
                text("status"),
                time(&condition["lastHeartbeatTime"]),
                time(&condition["lastTransitionTime"]),
                text("reason"),
                text("message")
            ),
        );
    }
    out.line(0, "Addresses:");
    for address in status["addresses"].as_array().into_iter().flatten() {
        out.line(1, &format!("{}:\t{}", or(&address["type"], ""), or(&address["address"], "")));
    }
    for (title, key) in [("Capacity", "capacity"), ("Allocatable", "allocatable")] {
        let Some(map) = status[key].as_object() else { continue };
        out.line(0, &format!("{title}:"));
        let sorted: BTreeMap<&String, &Value> = map.iter().collect();
        for (name, amount) in sorted {
            out.line(1, &format!("{name}:\t{}", plain(amount)));
        }
    }
    out.line(0, "System Info:");
    for (title, key) in [
        ("Machine ID", "machineID"),
        ("System UUID", "systemUUID"),
        ("Boot ID", "bootID"),
        ("Kernel Version", "kernelVersion"),
        ("OS Image", "osImage"),
        ("Operating System", "operatingSystem"),
        ("Architecture", "architecture"),
        ("Container Runtime Version", "containerRuntimeVersion"),
        ("Kubelet Version", "kubeletVersion"),
        ("Kube-Proxy Version", "kubeProxyVersion"),
    ] {
        out.line(1, &format!("{title}:\t{}", or(&status["nodeInfo"][key], "")));
    }
    if !or(&spec["podCIDR"], "").is_empty() {
        out.line(0, &format!("PodCIDR:\t{}", or(&spec["podCIDR"], "")));
    }
    let ranges: Vec<&str> = spec["podCIDRs"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !ranges.is_empty() {
        out.line(0, &format!("PodCIDRs:\t{}", ranges.join(",")));
    }
    if !or(&spec["providerID"], "").is_empty() {
        out.line(0, &format!("ProviderID:\t{}", or(&spec["providerID"], "")));
    }
    pods(scope, one, out).await
}

async fn lease(scope: &Scope<'_>, one: &Found, out: &mut Writer) {
    let Ok(mapping) = discovery::one(&scope.api, "leases.coordination.k8s.io").await else { return };
    let path = mapping.path(Some("kube-node-lease"), Some(one.name()));
    match scope.api.get(&path, &Query::new(), AS_JSON).await {
        Ok(lease) => {
            out.line(0, "Lease:");
            out.line(1, &format!("HolderIdentity:\t{}", or(&lease["spec"]["holderIdentity"], "<unset>")));
            out.line(1, &format!("AcquireTime:\t{}", time(&lease["spec"]["acquireTime"])));
            out.line(1, &format!("RenewTime:\t{}", time(&lease["spec"]["renewTime"])));
        }
        Err(failure) => out.line(0, &format!("Lease:\tFailed to get lease: {}", failure.message())),
    }
}

/// The four sums of a pod or of all, in billionths: requests and limits of processor and memory.
type Sums = [i128; 4];

fn add(sums: &mut Sums, container: &Value) {
    let fields = [("requests", "cpu"), ("limits", "cpu"), ("requests", "memory"), ("limits", "memory")];
    for (sum, (class, name)) in sums.iter_mut().zip(fields) {
        let amount = container["resources"][class][name].as_str().and_then(quantity::nano);
        *sum = sum.saturating_add(amount.unwrap_or(0));
    }
}

fn percent(part: i128, of: &Value, scale: fn(i128) -> i128) -> i128 {
    let whole = of.as_str().and_then(quantity::nano).map_or(0, scale);
    if whole == 0 { 0 } else { scale(part).saturating_mul(100) / whole }
}

fn processor(nano: i128) -> String {
    let milli = quantity::milli(nano);
    if milli % 1_000 == 0 { (milli / 1_000).to_string() } else { format!("{milli}m") }
}

fn memory(nano: i128) -> String {
    let bytes = quantity::units(nano);
    let units = [("Ei", 60), ("Pi", 50), ("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10)];
    let unit = units.into_iter().find(|(_, shift)| bytes > 0 && bytes % (1_i128 << shift) == 0);
    unit.map_or_else(|| bytes.to_string(), |(name, shift)| format!("{}{name}", bytes >> shift))
}

async fn pods(scope: &Scope<'_>, one: &Found, out: &mut Writer) -> Result<(), Failure> {
    let mapping = discovery::one(&scope.api, "pods").await?;
    let mut everywhere = scope.clone();
    everywhere.all_namespaces = true;
    let selector = format!("spec.nodeName={},status.phase!=Succeeded,status.phase!=Failed", one.name());
    let mut pages = everywhere.pages(&mapping, vec![("fieldSelector", selector)], AS_JSON, 500);
    let mut lines = Vec::new();
    let mut all: Sums = [0; 4];
    let allocatable = &one.object["status"]["allocatable"];
    while let Some(page) = pages.next().await? {
        for pod in items(page, &mapping) {
            let mut sums: Sums = [0; 4];
            for container in pod["spec"]["containers"].as_array().into_iter().flatten() {
                add(&mut sums, container);
            }
            for (whole, part) in all.iter_mut().zip(sums) {
                *whole = whole.saturating_add(part);
            }
            let text = |key: &str| or(&pod["metadata"][key], "").to_owned();
            lines.push(format!(
                "{}\t{}\t{} ({}%)\t{} ({}%)\t{} ({}%)\t{} ({}%)\t{}",
                text("namespace"),
                text("name"),
                processor(sums[0]),
                percent(sums[0], &allocatable["cpu"], quantity::milli),
                processor(sums[1]),
                percent(sums[1], &allocatable["cpu"], quantity::milli),
                memory(sums[2]),
                percent(sums[2], &allocatable["memory"], quantity::units),
                memory(sums[3]),
                percent(sums[3], &allocatable["memory"], quantity::units),
                age(&text("creationTimestamp"))
            ));
        }
    }
    out.line(0, &format!("Non-terminated Pods:\t({} in total)", lines.len()));
    out.line(1, "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge");
    out.line(1, "---------\t----\t\t------------\t----------\t---------------\t-------------\t---");
    for line in lines {
        let mut cells = line.splitn(3, '\t');
        let (home, name, rest) = (cells.next(), cells.next(), cells.next());
        let cell = |text: Option<&str>| text.unwrap_or_default().to_owned();
        out.line(1, &format!("{}\t{}\t\t{}", cell(home), cell(name), cell(rest)));
    }
    out.line(0, "Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)");
    out.line(1, "Resource\tRequests\tLimits");
    out.line(1, "--------\t--------\t------");
    let of = |index: usize, name: &str, scale: fn(i128) -> i128| percent(all[index], &allocatable[name], scale);
    out.line(
        1,
        &format!(
            "cpu\t{} ({}%)\t{} ({}%)",
            processor(all[0]),
            of(0, "cpu", quantity::milli),
            processor(all[1]),
            of(1, "cpu", quantity::milli)
        ),
    );
    out.line(
        1,
        &format!(
            "memory\t{} ({}%)\t{} ({}%)",
            memory(all[2]),
            of(2, "memory", quantity::units),
            memory(all[3]),
            of(3, "memory", quantity::units)
        ),
    );
    if allocatable["ephemeral-storage"].is_string() {
        out.line(1, "ephemeral-storage\t0 (0%)\t0 (0%)");
    }
    Ok(())
}
