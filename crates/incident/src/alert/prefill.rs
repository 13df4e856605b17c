//! Values that an alert's labels bring.

use std::collections::BTreeMap;
use std::net::IpAddr;

use command::{Parameter, ParameterKind as Kind};
use runbook::Procedure;

/// Labels that name a thing of a kind, the surest first (kube-state-metrics, cAdvisor, node_exporter, CloudWatch exporters).
const LABELS: &[(Kind, &[&str])] = &[
    (Kind::Pod, &["pod", "pod_name", "kubernetes_pod_name", "exported_pod"]),
    (Kind::Namespace, &["namespace", "kubernetes_namespace", "exported_namespace"]),
    (Kind::Deployment, &["deployment", "kubernetes_deployment_name"]),
    (Kind::Service, &["service", "service_name", "exported_service", "svc"]),
    (Kind::Container, &["container", "container_name", "exported_container"]),
    (Kind::Node, &["node", "node_name", "kubernetes_node", "nodename", "instance"]),
    (Kind::Queue, &["queue_url", "queue"]),
    (Kind::Instance, &["instance_id", "db_instance", "dbinstance_identifier", "instance"]),
    (Kind::Host, &["host", "hostname", "endpoint", "nodename", "instance"]),
    (Kind::Address, &["ip", "address", "pod_ip", "host_ip", "instance"]),
    (Kind::Url, &["url", "target", "instance"]),
    (Kind::Volume, &["volume_id", "volume"]),
    (Kind::Certificate, &["certificate_arn", "cert_arn"]),
    (Kind::LoadBalancer, &["load_balancer_arn", "alb_arn"]),
    (Kind::TargetGroup, &["target_group_arn"]),
];

/// Words in a parameter's name that do not tell which one of its kind is meant; any alert about one is about that one.
const NEUTRAL: &[&str] = &[
    "affected",
    "alerting",
    "arn",
    "bad",
    "broken",
    "crashed",
    "crashing",
    "evicted",
    "failed",
    "failing",
    "faulty",
    "id",
    "ip",
    "killed",
    "my",
    "name",
    "oom",
    "restarting",
    "stuck",
    "target",
    "the",
    "unhealthy",
    "url",
    "your",
];

/// The longest value that is taken over, in bytes.
const LONGEST: usize = 512;

/// Whether a label of this name may fill parameters by what kind of thing it names.
#[must_use]
pub fn may_fill(label: &str) -> bool {
    let label = plain(label);
    LABELS.iter().any(|(_, keys)| keys.contains(&label.as_str()))
}

/// The values that an alert's labels give to what a procedure leaves open, by parameter name: a label of the same name, or
/// one for the same kind of thing. `<postgres-pod>` takes a label's pod only where that one has `postgres` in its name. Never
/// a secret, and only what has the right form for its place.
#[must_use]
pub fn prefill(procedure: &Procedure, labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let labels: BTreeMap<String, &str> =
        labels.iter().map(|(key, value)| (plain(key), value.trim())).filter(|(_, value)| is_value(value)).collect();
    let parameters = procedure.parameters().into_iter();
    parameters.filter_map(|parameter| Some((parameter.name.clone(), value(parameter, &labels)?))).collect()
}

fn value(parameter: &Parameter, labels: &BTreeMap<String, &str>) -> Option<String> {
    if matches!(parameter.kind, Kind::Secret | Kind::Datasource) {
        return None;
    }
    let fits = |key: &str, value: &str| {
        let value = formed(parameter, key, value)?;
        parameter.kind.check(&value).is_ok().then_some(value)
    };
    let name = plain(&parameter.name);
    let short = name.strip_suffix("_name").or_else(|| name.strip_suffix("_id")).unwrap_or(&name);
    let own = [name.as_str(), short].into_iter().find_map(|key| fits(key, labels.get(key)?));
    own.or_else(|| {
        let (_, keys) = LABELS.iter().find(|(kind, _)| *kind == parameter.kind)?;
        let kind = parameter.kind.words().rsplit(' ').next().unwrap_or_default();
        let telling: Vec<&str> =
            name.split('_').filter(|word| *word != kind && !NEUTRAL.contains(word) && !keys.contains(word)).collect();
        keys.iter().find_map(|key| {
            let value = *labels.get(*key)?;
            telling.iter().all(|word| value.to_lowercase().contains(word)).then(|| fits(key, value)).flatten()
        })
    })
}

/// The value in the form that the parameter asks for: a scraped `10.0.0.3:9090` is a machine and a port.
fn formed(parameter: &Parameter, key: &str, value: &str) -> Option<String> {
    let keeps_port = plain(&parameter.name).split('_').any(|word| matches!(word, "endpoint" | "target"));
    match parameter.kind {
        Kind::Host | Kind::Instance | Kind::Address | Kind::Node if !keeps_port => {
            let host = without_port(value);
            // An address is no node's name, and a host no instance's id.
            let is_wrong = key == "instance"
                && match parameter.kind {
                    Kind::Node => host.parse::<IpAddr>().is_ok(),
                    Kind::Instance => plain(&parameter.name).ends_with("_id") && !host.starts_with("i-"),
                    _ => false,
                };
            (!is_wrong).then(|| host.to_owned())
        }
        _ => Some(value.to_owned()),
    }
}

fn without_port(value: &str) -> &str {
    if let Some((host, _)) = value.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return host;
    }
    match value.rsplit_once(':') {
        // More colons are an IPv6 address without a port.
        Some((host, port)) if !host.contains(':') && port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => value,
    }
}

/// Data on one line that no program takes for an option.
fn is_value(value: &str) -> bool {
    !value.is_empty() && value.len() <= LONGEST && !value.starts_with('-') && !value.chars().any(char::is_control)
}

/// Names of labels and parameters in one form: `pod-name` and `Pod_Name` are `pod_name`.
fn plain(name: &str) -> String {
    name.chars().take(LONGEST).map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}
