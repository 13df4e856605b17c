//! The cells of each object, in the order of its kind's columns.

use crate::object::{age, flag, label, list, name, number, strings, text};
use serde_json::{Value, json};

/// The cells of a custom resource, one for each printer column after the name.
pub(super) fn custom(object: &Value, printers: &[Value]) -> Vec<Value> {
    let mut cells = vec![json!(name(object))];
    for printer in printers {
        let found = at_path(object, text(printer, "/jsonPath"));
        cells.push(match (found, text(printer, "/type")) {
            (Some(Value::String(at)), "date") => json!(age(at)),
            (Some(Value::Object(_) | Value::Array(_)) | None, _) => Value::Null,
            (Some(value), "string") if !value.is_string() => json!(value.to_string()),
            (Some(value), _) => value.clone(),
        });
    }
    if printers.is_empty() {
        cells.push(json!(created(object)));
    }
    cells
}

/// The part of JSONPath that printer columns use: `.a.b`, `.a[0]` and `.a[?(@.key=="value")].b`.
fn at_path<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    let mut here = object;
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(filter) = rest.strip_prefix("[?(@.") {
            let (condition, after) = filter.split_once(")]")?;
            let (key, wanted) = condition.split_once("==")?;
            let wanted = wanted.trim().trim_matches(['"', '\'']);
            here = here
                .as_array()?
                .iter()
                .find(|item| text(item, &format!("/{}", key.trim().replace('.', "/"))) == wanted)?;
            rest = after;
        } else if let Some(index) = rest.strip_prefix('[') {
            let (index, after) = index.split_once(']')?;
            here = here.get(index.parse::<usize>().ok()?)?;
            rest = after;
        } else {
            let tail = rest.strip_prefix('.')?;
            let end = tail.find(['.', '[']).unwrap_or(tail.len());
            here = here.get(&tail[..end])?;
            rest = &tail[end..];
        }
    }
    Some(here)
}

/// The cells of a built-in object, in the order of its kind's columns.
pub(super) fn of(place: &str, o: &Value) -> Vec<Value> {
    let cells = match place {
        "pods" => json!([
            name(o),
            format!("{}/{}", ready_containers(o), list(o, "/spec/containers").len()),
            pod_status(o),
            restarts(o),
            created(o),
            or_none(text(o, "/status/podIP")),
            or_none(text(o, "/spec/nodeName")),
            or_none(text(o, "/status/nominatedNodeName")),
            "<none>",
        ]),
        "deployments.apps" => json!([
            name(o),
            format!("{}/{}", number(o, "/status/readyReplicas", 0), number(o, "/spec/replicas", 1)),
            number(o, "/status/updatedReplicas", 0),
            number(o, "/status/availableReplicas", 0),
            created(o),
            containers(o, "/name"),
            containers(o, "/image"),
            selector(o.pointer("/spec/selector")),
        ]),
        "replicasets.apps" => json!([
            name(o),
            number(o, "/spec/replicas", 1),
            number(o, "/status/replicas", 0),
            number(o, "/status/readyReplicas", 0),
            created(o),
            containers(o, "/name"),
            containers(o, "/image"),
            selector(o.pointer("/spec/selector")),
        ]),
        "statefulsets.apps" => json!([
            name(o),
            format!("{}/{}", number(o, "/status/readyReplicas", 0), number(o, "/spec/replicas", 1)),
            created(o),
            containers(o, "/name"),
            containers(o, "/image"),
        ]),
        "daemonsets.apps" => json!([
            name(o),
            number(o, "/status/desiredNumberScheduled", 0),
            number(o, "/status/currentNumberScheduled", 0),
            number(o, "/status/numberReady", 0),
            number(o, "/status/updatedNumberScheduled", 0),
            number(o, "/status/numberAvailable", 0),
            joined(strings(o.pointer("/spec/template/spec/nodeSelector"))),
            created(o),
            containers(o, "/name"),
            containers(o, "/image"),
            selector(o.pointer("/spec/selector")),
        ]),
        "jobs.batch" => job(o),
        "cronjobs.batch" => json!([
            name(o),
            text(o, "/spec/schedule"),
            or_none(text(o, "/spec/timeZone")),
            if flag(o, "/spec/suspend") { "True" } else { "False" },
            list(o, "/status/active").len(),
            if text(o, "/status/lastScheduleTime").is_empty() {
                "<none>".to_owned()
            } else {
                age(text(o, "/status/lastScheduleTime"))
            },
            created(o),
            list(o, "/spec/jobTemplate/spec/template/spec/containers")
                .iter()
                .map(|c| text(c, "/name"))
                .collect::<Vec<_>>()
                .join(","),
            list(o, "/spec/jobTemplate/spec/template/spec/containers")
                .iter()
                .map(|c| text(c, "/image"))
                .collect::<Vec<_>>()
                .join(","),
            "<none>",
        ]),
        "services" => json!([
            name(o),
            text(o, "/spec/type"),
            or_none(text(o, "/spec/clusterIP")),
            external(o),
            ports(o),
            created(o),
            joined(strings(o.pointer("/spec/selector"))),
        ]),
        "endpoints" => json!([name(o), endpoints(o), created(o)]),
        "endpointslices.discovery.k8s.io" => json!([
            name(o),
            text(o, "/addressType"),
            or_unset(
                &list(o, "/ports").iter().map(|p| number(p, "/port", 0).to_string()).collect::<Vec<_>>().join(",")
            ),
            or_unset(&shortened(list(o, "/endpoints").iter().map(|e| text(e, "/addresses/0").to_owned()).collect())),
            created(o),
        ]),
        "ingresses.networking.k8s.io" => ingress(o),
        "ingressclasses.networking.k8s.io" => json!([name(o), text(o, "/spec/controller"), "<none>", created(o)]),
        "networkpolicies.networking.k8s.io" => json!([name(o), selector(o.pointer("/spec/podSelector")), created(o)]),
        "horizontalpodautoscalers.autoscaling" => json!([
            name(o),
            format!("{}/{}", text(o, "/spec/scaleTargetRef/kind"), text(o, "/spec/scaleTargetRef/name")),
            targets(o),
            number(o, "/spec/minReplicas", 1).to_string(),
            number(o, "/spec/maxReplicas", 0).to_string(),
            number(o, "/status/currentReplicas", 0),
            created(o),
        ]),
        "events" => event(o),
        "nodes" => node(o),
        "namespaces" => json!([name(o), text(o, "/status/phase"), created(o)]),
        "configmaps" => json!([name(o), size(o, "data") + size(o, "binaryData"), created(o)]),
        "secrets" => json!([name(o), text(o, "/type"), size(o, "data"), created(o)]),
        "serviceaccounts" => json!([name(o), list(o, "/secrets").len(), created(o)]),
        "poddisruptionbudgets.policy" => json!([
            name(o),
            plain(o.pointer("/spec/minAvailable")),
            plain(o.pointer("/spec/maxUnavailable")),
            number(o, "/status/disruptionsAllowed", 0),
            created(o),
        ]),
        "persistentvolumeclaims" => json!([
            name(o),
            text(o, "/status/phase"),
            text(o, "/spec/volumeName"),
            text(o, "/status/capacity/storage"),
            list(o, "/spec/accessModes")
                .iter()
                .filter_map(Value::as_str)
                .map(|m| m.chars().filter(char::is_ascii_uppercase).collect::<String>())
                .collect::<Vec<_>>()
                .join(","),
            text(o, "/spec/storageClassName"),
            "<unset>",
            created(o),
            text(o, "/spec/volumeMode"),
        ]),
        "storageclasses.storage.k8s.io" => json!([
            name(o),
            text(o, "/provisioner"),
            text(o, "/reclaimPolicy"),
            text(o, "/volumeBindingMode"),
            flag(o, "/allowVolumeExpansion"),
            created(o),
        ]),
        "leases.coordination.k8s.io" => json!([name(o), text(o, "/spec/holderIdentity"), created(o)]),
        "customresourcedefinitions.apiextensions.k8s.io"
        | "clusterroles.rbac.authorization.k8s.io"
        | "roles.rbac.authorization.k8s.io" => json!([name(o), text(o, "/metadata/creationTimestamp")]),
        "clusterrolebindings.rbac.authorization.k8s.io" | "rolebindings.rbac.authorization.k8s.io" => {
            let of = |kind: &str| {
                let named: Vec<&str> = list(o, "/subjects")
                    .iter()
                    .filter(|s| text(s, "/kind") == kind)
                    .map(|s| text(s, "/name"))
                    .collect();
                named.join(", ")
            };
            json!([
                name(o),
                format!("{}/{}", text(o, "/roleRef/kind"), text(o, "/roleRef/name")),
                created(o),
                of("User"),
                of("Group"),
                of("ServiceAccount")
            ])
        }
        _ => json!([name(o), created(o)]),
    };
    match cells {
        Value::Array(cells) => cells,
        _ => Vec::new(),
    }
}

fn created(o: &Value) -> String {
    age(text(o, "/metadata/creationTimestamp"))
}

fn or_none(value: &str) -> &str {
    if value.is_empty() { "<none>" } else { value }
}

fn or_unset(value: &str) -> &str {
    if value.is_empty() { "<unset>" } else { value }
}

fn plain(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "N/A".to_owned(),
    }
}

fn size(o: &Value, key: &str) -> usize {
    o.get(key).and_then(Value::as_object).map_or(0, serde_json::Map::len)
}

fn joined(pairs: Vec<(String, String)>) -> String {
    if pairs.is_empty() {
        return "<none>".to_owned();
    }
    let mut pairs: Vec<String> = pairs.into_iter().map(|(k, v)| format!("{k}={v}")).collect();
    pairs.sort();
    pairs.join(",")
}

fn selector(spec: Option<&Value>) -> String {
    joined(strings(spec.and_then(|s| s.get("matchLabels"))))
}

fn containers(o: &Value, key: &str) -> String {
    list(o, "/spec/template/spec/containers").iter().map(|c| text(c, key)).collect::<Vec<_>>().join(",")
}

fn shortened(mut all: Vec<String>) -> String {
    let more = all.len().saturating_sub(3);
    all.truncate(3);
    let shown = all.join(",");
    if more > 0 { format!("{shown} + {more} more...") } else { shown }
}

fn ready_containers(pod: &Value) -> usize {
    list(pod, "/status/containerStatuses").iter().filter(|s| flag(s, "/ready")).count()
}

/// The STATUS column of a pod: the reason that tells most, as `printPod` picks it.
fn pod_status(pod: &Value) -> String {
    let mut reason = match text(pod, "/status/reason") {
        "" => text(pod, "/status/phase").to_owned(),
        given => given.to_owned(),
    };
    let mut running = false;
    for status in list(pod, "/status/containerStatuses").iter().rev() {
        let waiting = text(status, "/state/waiting/reason");
        let ended = text(status, "/state/terminated/reason");
        if !waiting.is_empty() {
            reason = waiting.to_owned();
        } else if !ended.is_empty() {
            reason = ended.to_owned();
        } else if status.pointer("/state/terminated").is_some() {
            reason = format!("ExitCode:{}", number(status, "/state/terminated/exitCode", 0));
        } else if flag(status, "/ready") && status.pointer("/state/running").is_some() {
            running = true;
        }
    }
    if reason == "Completed" && running {
        reason = if crate::object::pod_ready(pod) { "Running" } else { "NotReady" }.to_owned();
    }
    if crate::object::deleting(pod) && !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed") {
        reason = "Terminating".to_owned();
    }
    reason
}

fn restarts(pod: &Value) -> String {
    let statuses = list(pod, "/status/containerStatuses");
    let count: i64 = statuses.iter().map(|s| number(s, "/restartCount", 0)).sum();
    let last = statuses.iter().map(|s| text(s, "/lastState/terminated/finishedAt")).max().unwrap_or_default();
    if count > 0 && !last.is_empty() { format!("{count} ({} ago)", age(last)) } else { count.to_string() }
}

fn job(o: &Value) -> Value {
    let status = if crate::object::condition(o, "Complete") == "True" {
        "Complete"
    } else if crate::object::condition(o, "Failed") == "True" {
        "Failed"
    } else {
        "Running"
    };
    let started = crate::object::instant(text(o, "/status/startTime"));
    let ended = crate::object::instant(text(o, "/status/completionTime")).unwrap_or_else(jiff::Timestamp::now);
    let lasted = started.map_or(String::new(), |s| crate::object::human_duration(ended.as_second() - s.as_second()));
    json!([
        name(o),
        status,
        format!("{}/{}", number(o, "/status/succeeded", 0), number(o, "/spec/completions", 1)),
        lasted,
        created(o),
        containers(o, "/name"),
        containers(o, "/image"),
        selector(o.pointer("/spec/selector")),
    ])
}

fn external(service: &Value) -> String {
    let kind = text(service, "/spec/type");
    let given: Vec<&str> = list(service, "/status/loadBalancer/ingress")
        .iter()
        .map(|i| if text(i, "/hostname").is_empty() { text(i, "/ip") } else { text(i, "/hostname") })
        .chain(list(service, "/spec/externalIPs").iter().filter_map(Value::as_str))
        .collect();
    match (kind, given.is_empty()) {
        ("ExternalName", _) => text(service, "/spec/externalName").to_owned(),
        ("LoadBalancer", true) => "<pending>".to_owned(),
        (_, true) => "<none>".to_owned(),
        (_, false) => given.join(","),
    }
}

fn ports(service: &Value) -> String {
    let ports: Vec<String> = list(service, "/spec/ports")
        .iter()
        .map(|port| {
            let node = number(port, "/nodePort", 0);
            let middle = if node > 0 { format!(":{node}") } else { String::new() };
            format!("{}{middle}/{}", number(port, "/port", 0), text(port, "/protocol"))
        })
        .collect();
    if ports.is_empty() { "<none>".to_owned() } else { ports.join(",") }
}

fn endpoints(o: &Value) -> String {
    let mut all = Vec::new();
    for subset in list(o, "/subsets") {
        for address in list(subset, "/addresses") {
            for port in list(subset, "/ports") {
                all.push(format!("{}:{}", text(address, "/ip"), number(port, "/port", 0)));
            }
        }
    }
    if all.is_empty() { "<none>".to_owned() } else { shortened(all) }
}

fn ingress(o: &Value) -> Value {
    let hosts: Vec<&str> = list(o, "/spec/rules").iter().map(|r| text(r, "/host")).filter(|h| !h.is_empty()).collect();
    let address: Vec<&str> = list(o, "/status/loadBalancer/ingress")
        .iter()
        .map(|i| if text(i, "/hostname").is_empty() { text(i, "/ip") } else { text(i, "/hostname") })
        .collect();
    json!([
        name(o),
        or_none(text(o, "/spec/ingressClassName")),
        if hosts.is_empty() { "*".to_owned() } else { hosts.join(",") },
        address.join(","),
        if list(o, "/spec/tls").is_empty() { "80" } else { "80, 443" },
        created(o),
    ])
}

fn targets(o: &Value) -> String {
    let shown: Vec<String> = list(o, "/spec/metrics")
        .iter()
        .map(|metric| {
            let resource = text(metric, "/resource/name");
            let current = list(o, "/status/currentMetrics").iter().find(|m| text(m, "/resource/name") == resource);
            let percent =
                current.and_then(|m| m.pointer("/resource/current/averageUtilization")).and_then(Value::as_i64);
            let current = percent.map_or_else(|| "<unknown>".to_owned(), |p| format!("{p}%"));
            format!("{resource}: {current}/{}%", number(metric, "/resource/target/averageUtilization", 0))
        })
        .collect();
    if shown.is_empty() { "<none>".to_owned() } else { shown.join(", ") }
}

fn event(o: &Value) -> Value {
    let last = [text(o, "/lastTimestamp"), text(o, "/eventTime"), text(o, "/firstTimestamp")];
    let last = last.into_iter().find(|t| !t.is_empty()).unwrap_or_default();
    let first = if text(o, "/firstTimestamp").is_empty() { last } else { text(o, "/firstTimestamp") };
    let (component, host) = (text(o, "/source/component"), text(o, "/source/host"));
    let source = if host.is_empty() { component.to_owned() } else { format!("{component}, {host}") };
    json!([
        age(last),
        text(o, "/type"),
        text(o, "/reason"),
        format!("{}/{}", text(o, "/involvedObject/kind").to_lowercase(), text(o, "/involvedObject/name")),
        text(o, "/involvedObject/fieldPath"),
        source,
        text(o, "/message").trim(),
        age(first),
        number(o, "/count", 1).to_string(),
        name(o),
    ])
}

fn node(o: &Value) -> Value {
    let mut status = match crate::object::condition(o, "Ready") {
        "True" => "Ready".to_owned(),
        "" => "Unknown".to_owned(),
        _ => "NotReady".to_owned(),
    };
    if flag(o, "/spec/unschedulable") {
        status.push_str(",SchedulingDisabled");
    }
    let prefix = "node-role.kubernetes.io/";
    let roles: Vec<String> = strings(o.pointer("/metadata/labels"))
        .into_iter()
        .filter_map(|(key, _)| key.strip_prefix(prefix).map(str::to_owned))
        .collect();
    let address = |kind: &str| {
        let found = list(o, "/status/addresses").iter().find(|a| text(a, "/type") == kind);
        or_none(found.map_or("", |a| text(a, "/address"))).to_owned()
    };
    let roles = if roles.is_empty() { label(o, "kubernetes.io/role").to_owned() } else { roles.join(",") };
    json!([
        name(o),
        status,
        or_none(&roles),
        created(o),
        text(o, "/status/nodeInfo/kubeletVersion"),
        address("InternalIP"),
        address("ExternalIP"),
        text(o, "/status/nodeInfo/osImage"),
        text(o, "/status/nodeInfo/kernelVersion"),
        text(o, "/status/nodeInfo/containerRuntimeVersion"),
    ])
}
