//! What the server does to an object before it stores it: defaults, and the checks that people run into.

use crate::cluster::subject;
use crate::kinds::Kind;
use crate::object::{self, default_to, entry, list, name, namespace, number, quantity, text};
use crate::selector::Selector;
use crate::status::Refusal;
use base64::Engine;
use serde_json::{Value, json};

/// Fills in the defaults of the real server's types that `kubectl` shows or relies on.
pub(crate) fn fill_defaults(kind: &Kind, object: &mut Value) {
    match kind.place().as_str() {
        "pods" => {
            fill_pod(entry(object, "spec"));
            let service_account = object["spec"]["serviceAccountName"].clone();
            default_to(&mut object["spec"], "serviceAccount", service_account);
            default_to(entry(object, "status"), "phase", json!("Pending"));
            let class = quality_class(object);
            default_to(&mut object["status"], "qosClass", json!(class));
        }
        "deployments.apps" => {
            let spec = entry(object, "spec");
            default_to(spec, "replicas", json!(1));
            default_to(spec, "revisionHistoryLimit", json!(10));
            default_to(spec, "progressDeadlineSeconds", json!(600));
            let strategy = entry(spec, "strategy");
            default_to(strategy, "type", json!("RollingUpdate"));
            if strategy["type"] == "RollingUpdate" {
                let rolling = entry(strategy, "rollingUpdate");
                default_to(rolling, "maxUnavailable", json!("25%"));
                default_to(rolling, "maxSurge", json!("25%"));
            }
            fill_template(spec);
        }
        "replicasets.apps" => {
            let spec = entry(object, "spec");
            default_to(spec, "replicas", json!(1));
            fill_template(spec);
        }
        "statefulsets.apps" => {
            let spec = entry(object, "spec");
            default_to(spec, "replicas", json!(1));
            default_to(spec, "podManagementPolicy", json!("OrderedReady"));
            default_to(spec, "revisionHistoryLimit", json!(10));
            default_to(spec, "updateStrategy", json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}));
            fill_template(spec);
        }
        "daemonsets.apps" => {
            let spec = entry(object, "spec");
            default_to(spec, "revisionHistoryLimit", json!(10));
            default_to(
                spec,
                "updateStrategy",
                json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}),
            );
            fill_template(spec);
        }
        "jobs.batch" => {
            let uid = object["metadata"]["uid"].clone();
            let named = object["metadata"]["name"].clone();
            let spec = entry(object, "spec");
            default_to(spec, "parallelism", json!(1));
            default_to(spec, "completions", json!(1));
            default_to(spec, "backoffLimit", json!(6));
            if spec.get("selector").is_none() {
                spec["selector"] = json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}});
                let labels = entry(entry(entry(spec, "template"), "metadata"), "labels");
                labels["batch.kubernetes.io/controller-uid"] = uid;
                labels["batch.kubernetes.io/job-name"] = named.clone();
                labels["job-name"] = named;
            }
            fill_template(spec);
        }
        "services" => fill_service(object),
        "secrets" => {
            default_to(object, "type", json!("Opaque"));
            if let Some(plain) = object.as_object_mut().and_then(|map| map.shift_remove("stringData")) {
                let data = entry(object, "data");
                for (key, value) in object::strings(Some(&plain)) {
                    data[key] = json!(base64::engine::general_purpose::STANDARD.encode(value));
                }
            }
        }
        "horizontalpodautoscalers.autoscaling" => {
            let spec = entry(object, "spec");
            default_to(spec, "minReplicas", json!(1));
            default_to(
                spec,
                "metrics",
                json!([{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]),
            );
        }
        "namespaces" => {
            let named = object["metadata"]["name"].clone();
            entry(entry(object, "metadata"), "labels")["kubernetes.io/metadata.name"] = named;
            default_to(object, "spec", json!({"finalizers": ["kubernetes"]}));
            default_to(entry(object, "status"), "phase", json!("Active"));
        }
        "networkpolicies.networking.k8s.io" => {
            let spec = entry(object, "spec");
            default_to(spec, "podSelector", json!({}));
            let types = if spec.get("egress").is_some() { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
            default_to(spec, "policyTypes", types);
        }
        "customresourcedefinitions.apiextensions.k8s.io" => {
            let names = object.pointer("/spec/names").cloned().unwrap_or_default();
            let at = object::now();
            let status = entry(object, "status");
            status["acceptedNames"] = names;
            status["conditions"] = json!([
                {"type": "NamesAccepted", "status": "True", "reason": "NoConflicts", "message": "no conflicts found", "lastTransitionTime": at},
                {"type": "Established", "status": "True", "reason": "InitialNamesAccepted",
                    "message": "the initial names have been accepted", "lastTransitionTime": at},
            ]);
        }
        _ => {}
    }
}

fn fill_template(spec: &mut Value) {
    fill_pod(entry(entry(spec, "template"), "spec"));
}

fn fill_pod(spec: &mut Value) {
    default_to(spec, "restartPolicy", json!("Always"));
    default_to(spec, "terminationGracePeriodSeconds", json!(30));
    default_to(spec, "dnsPolicy", json!("ClusterFirst"));
    default_to(spec, "serviceAccountName", json!("default"));
    default_to(spec, "securityContext", json!({}));
    default_to(spec, "schedulerName", json!("default-scheduler"));
    for group in ["containers", "initContainers"] {
        for container in spec.get_mut(group).and_then(Value::as_array_mut).into_iter().flatten() {
            let image = text(container, "/image");
            let policy = if image.ends_with(":latest") || !image.rsplit('/').next().unwrap_or_default().contains(':') {
                "Always"
            } else {
                "IfNotPresent"
            };
            default_to(container, "resources", json!({}));
            default_to(container, "terminationMessagePath", json!("/dev/termination-log"));
            default_to(container, "terminationMessagePolicy", json!("File"));
            default_to(container, "imagePullPolicy", json!(policy));
            for port in container.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
                default_to(port, "protocol", json!("TCP"));
            }
            for class in ["requests", "limits"] {
                for (_, amount) in
                    container["resources"].get_mut(class).and_then(Value::as_object_mut).into_iter().flatten()
                {
                    *amount = canonical(amount);
                }
            }
            for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
                if let Some(probe) = container.get_mut(probe).filter(|probe| probe.is_object()) {
                    default_to(probe, "timeoutSeconds", json!(1));
                    default_to(probe, "periodSeconds", json!(10));
                    default_to(probe, "successThreshold", json!(1));
                    default_to(probe, "failureThreshold", json!(3));
                    if let Some(get) = probe.get_mut("httpGet").filter(|get| get.is_object()) {
                        default_to(get, "scheme", json!("HTTP"));
                    }
                }
            }
            if let Some(resources) = container.get_mut("resources")
                && let Some(limits) = resources.get("limits").cloned()
            {
                for (resource, limit) in limits.as_object().into_iter().flatten() {
                    default_to(entry(resources, "requests"), resource, limit.clone());
                }
            }
        }
    }
}

/// A quantity in the form that the real server stores: the largest unit that keeps it whole.
fn canonical(value: &Value) -> Value {
    let Some(milli) = quantity(value) else { return value.clone() };
    let written = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if written.ends_with('i') && milli % 1_000 == 0 && milli > 0 {
        let (mut number, mut unit) = (milli / 1_000, 0);
        while number % 1_024 == 0 && unit < 4 {
            number /= 1_024;
            unit += 1;
        }
        return json!(format!("{number}{}", ["", "Ki", "Mi", "Gi", "Ti"][unit]));
    }
    let plain = written.chars().all(|c| c.is_ascii_digit() || c == '.') || written.ends_with('m');
    match (plain, milli % 1_000) {
        (true, 0) => json!((milli / 1_000).to_string()),
        (true, _) => json!(format!("{milli}m")),
        (false, _) => json!(written),
    }
}

fn quality_class(pod: &Value) -> &'static str {
    let containers = list(pod, "/spec/containers");
    let none = containers
        .iter()
        .all(|c| c.pointer("/resources/requests").is_none() && c.pointer("/resources/limits").is_none());
    let guaranteed = containers.iter().all(|c| {
        ["cpu", "memory"].iter().all(|r| {
            let limit = c.pointer(&format!("/resources/limits/{r}")).and_then(quantity);
            limit.is_some() && limit == c.pointer(&format!("/resources/requests/{r}")).and_then(quantity)
        })
    });
    match (none, guaranteed) {
        (true, _) => "BestEffort",
        (false, true) => "Guaranteed",
        (false, false) => "Burstable",
    }
}

fn fill_service(object: &mut Value) {
    let seed = object::hash(&format!("{}/{}", namespace(object), name(object)));
    let spec = entry(object, "spec");
    default_to(spec, "type", json!("ClusterIP"));
    default_to(spec, "sessionAffinity", json!("None"));
    default_to(spec, "internalTrafficPolicy", json!("Cluster"));
    if spec["type"] != "ExternalName" {
        let address = format!("10.96.{}.{}", (seed >> 8) & 0xff, 1 + seed % 254);
        default_to(spec, "clusterIP", json!(address));
        let address = spec["clusterIP"].clone();
        default_to(spec, "clusterIPs", json!([address]));
        default_to(spec, "ipFamilies", json!(["IPv4"]));
        default_to(spec, "ipFamilyPolicy", json!("SingleStack"));
    }
    let open = spec["type"] == "NodePort" || spec["type"] == "LoadBalancer";
    for (index, port) in (0_u64..).zip(spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten()) {
        default_to(port, "protocol", json!("TCP"));
        let number = port["port"].clone();
        default_to(port, "targetPort", number);
        if open {
            default_to(port, "nodePort", json!(30_000 + (seed + index) % 2_768));
        }
    }
    default_to(entry(object, "status"), "loadBalancer", json!({}));
}

/// Checks a new or changed object. `old` is what is stored now, if anything.
pub(crate) fn validate(kind: &Kind, object: &Value, old: Option<&Value>) -> Result<(), Refusal> {
    let named = name(object);
    let invalid = |field: &str, problem: &str| Err(Refusal::invalid(subject(kind, named), field, problem));
    if named.is_empty() {
        return invalid("metadata.name", "Required value: name or generateName is required");
    }
    let loose = kind.group == "rbac.authorization.k8s.io";
    if !loose && !subdomain(named) {
        return invalid(
            "metadata.name",
            &format!(
                "Invalid value: \"{named}\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
            ),
        );
    }
    for (key, value) in object::strings(object.pointer("/metadata/labels")) {
        if value.len() > 63 || !value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
            return invalid(
                "metadata.labels",
                &format!(
                    "Invalid value: \"{value}\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (label \"{key}\")"
                ),
            );
        }
    }
    match kind.place().as_str() {
        "pods" => {
            if let Some((field, problem)) = pod_problem(object.get("spec"), "spec") {
                return invalid(&field, &problem);
            }
            if let Some(old) = old
                && pod_shape(old) != pod_shape(object)
            {
                return invalid(
                    "spec",
                    "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
                );
            }
        }
        "deployments.apps" | "replicasets.apps" | "statefulsets.apps" | "daemonsets.apps" => {
            let replicas = number(object, "/spec/replicas", 1);
            if replicas < 0 {
                return invalid(
                    "spec.replicas",
                    &format!("Invalid value: {replicas}: must be greater than or equal to 0"),
                );
            }
            let selector = object.pointer("/spec/selector");
            let parsed = Selector::from_spec(selector);
            if parsed.is_empty() {
                return invalid("spec.selector", "Required value");
            }
            let labels = object.pointer("/spec/template/metadata/labels");
            if !parsed.matches_label_map(labels) {
                let shown = labels.cloned().unwrap_or_else(|| json!({}));
                return invalid(
                    "spec.template.metadata.labels",
                    &format!("Invalid value: {shown}: `selector` does not match template `labels`"),
                );
            }
            if let Some(old) = old
                && !object::same(
                    old.pointer("/spec/selector").unwrap_or(&Value::Null),
                    selector.unwrap_or(&Value::Null),
                )
            {
                let shown = selector.cloned().unwrap_or_default();
                return invalid("spec.selector", &format!("Invalid value: {shown}: field is immutable"));
            }
            if let Some((field, problem)) = pod_problem(object.pointer("/spec/template/spec"), "spec.template.spec") {
                return invalid(&field, &problem);
            }
        }
        "jobs.batch" => {
            if let Some((field, problem)) = pod_problem(object.pointer("/spec/template/spec"), "spec.template.spec") {
                return invalid(&field, &problem);
            }
        }
        "services"
            if list(object, "/spec/ports").is_empty()
                && text(object, "/spec/type") != "ExternalName"
                && text(object, "/spec/clusterIP") != "None" =>
        {
            return invalid("spec.ports", "Required value");
        }
        "horizontalpodautoscalers.autoscaling" => {
            let (min, max) = (number(object, "/spec/minReplicas", 1), number(object, "/spec/maxReplicas", 0));
            if max < 1 {
                return invalid("spec.maxReplicas", &format!("Invalid value: {max}: must be greater than 0"));
            }
            if max < min {
                return invalid(
                    "spec.maxReplicas",
                    &format!("Invalid value: {max}: must be greater than or equal to `minReplicas`"),
                );
            }
        }
        _ => {}
    }
    Ok(())
}

/// A pod's spec without what may change after creation.
fn pod_shape(pod: &Value) -> Value {
    let mut spec = pod.get("spec").cloned().unwrap_or_default();
    for group in ["containers", "initContainers"] {
        for container in spec.get_mut(group).and_then(Value::as_array_mut).into_iter().flatten() {
            container["image"] = Value::Null;
        }
    }
    for key in ["tolerations", "activeDeadlineSeconds", "nodeName", "ephemeralContainers"] {
        spec[key] = Value::Null;
    }
    spec
}

fn pod_problem(spec: Option<&Value>, path: &str) -> Option<(String, String)> {
    let containers = spec.map(|spec| list(spec, "/containers")).unwrap_or_default();
    if containers.is_empty() {
        return Some((format!("{path}.containers"), "Required value".to_owned()));
    }
    let mut seen = Vec::new();
    for (index, container) in containers.iter().enumerate() {
        let here = format!("{path}.containers[{index}]");
        let named = text(container, "/name");
        if named.is_empty() {
            return Some((format!("{here}.name"), "Required value".to_owned()));
        }
        if seen.contains(&named) {
            return Some((format!("{here}.name"), format!("Duplicate value: \"{named}\"")));
        }
        seen.push(named);
        if text(container, "/image").is_empty() {
            return Some((format!("{here}.image"), "Required value".to_owned()));
        }
        for class in ["requests", "limits"] {
            for (resource, value) in
                container.pointer(&format!("/resources/{class}")).and_then(Value::as_object).into_iter().flatten()
            {
                let field = format!("{here}.resources.{class}.{resource}");
                let Some(amount) = quantity(value) else {
                    return Some((
                        field,
                        format!(
                            "Invalid value: {value}: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
                        ),
                    ));
                };
                let limit = container.pointer(&format!("/resources/limits/{resource}")).and_then(quantity);
                if class == "requests" && limit.is_some_and(|limit| amount > limit) {
                    let shown = value.as_str().map_or_else(|| value.to_string(), |v| format!("\"{v}\""));
                    return Some((
                        format!("{here}.resources.requests"),
                        format!(
                            "Invalid value: {shown}: must be less than or equal to {resource} limit of {}",
                            text(container, &format!("/resources/limits/{resource}"))
                        ),
                    ));
                }
            }
        }
    }
    None
}

/// Whether a name is an RFC 1123 subdomain of at most 253 letters.
pub(crate) fn subdomain(name: &str) -> bool {
    name.len() <= 253
        && name.split('.').all(|part| {
            !part.is_empty()
                && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
                && !part.starts_with('-')
                && !part.ends_with('-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_take_the_form_the_server_stores() {
        for (given, stored) in
            [("1024Mi", "1Gi"), ("1000m", "1"), ("0.5", "500m"), ("250m", "250m"), ("1.5Gi", "1536Mi"), ("2", "2")]
        {
            assert_eq!(canonical(&json!(given)), stored);
        }
    }
}
