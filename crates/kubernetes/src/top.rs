//! `kubectl top`
//!
//! Source: `k8s.io/kubectl/pkg/cmd/top` and `k8s.io/kubectl/pkg/metricsutil`, v0.32.

use std::cmp::Reverse;
use std::collections::HashSet;

use command::kubectl::{SortBy, Top, TopOf};
use serde_json::Value;

use crate::discovery::{self, Mapping};
use crate::failure::Failure;
use crate::output::Output;
use crate::quantity;
use crate::resolve::{Choice, Found, Scope, Wanted, Which, path_segment};
use crate::tabwriter::TabWriter;

/// How old a pod may be before missing metrics are an error.
const METRICS_DELAY_SECONDS: i64 = 120;

/// Use of one pod, container or node, in billionths of a core and of a byte.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Usage {
    cpu: i128,
    memory: i128,
}

impl Usage {
    fn of(usage: &Value) -> Self {
        let amount = |key: &str| usage[key].as_str().and_then(quantity::nano).unwrap_or(0);
        Self { cpu: amount("cpu"), memory: amount("memory") }
    }

    fn plus(self, other: Self) -> Self {
        Self { cpu: self.cpu.saturating_add(other.cpu), memory: self.memory.saturating_add(other.memory) }
    }

    fn sum(containers: &Value) -> Self {
        let containers = containers.as_array().into_iter().flatten();
        containers.map(|container| Self::of(&container["usage"])).fold(Self::default(), Self::plus)
    }

    /// What the order compares: greatest first.
    fn key(self, by: SortBy) -> Reverse<i128> {
        Reverse(match by {
            SortBy::Cpu => quantity::milli(self.cpu),
            SortBy::Memory => quantity::units(self.memory),
            SortBy::Name => 0,
        })
    }

    fn cells(self) -> [String; 2] {
        [format!("{}m", quantity::milli(self.cpu)), format!("{}Mi", quantity::units(self.memory) / (1 << 20))]
    }
}

pub(crate) async fn run(scope: &Scope<'_>, top: &Top, out: Output<'_>) -> Result<(), Failure> {
    match top.of {
        TopOf::Pods { containers, sum } => pods(scope, top, containers, sum, out).await,
        TopOf::Nodes { capacity } => nodes(scope, top, capacity, out).await,
    }
}

async fn metrics(scope: &Scope<'_>, top: &Top, resource: &str) -> Result<Vec<Value>, Failure> {
    let mapping =
        discovery::one(&scope.api, &format!("{resource}.metrics.k8s.io")).await.map_err(|failure| match failure {
            Failure::Error(_) => Failure::error("Metrics API not available"),
            other => other,
        })?;
    if let Some(name) = &top.name {
        path_segment(name)?;
    }
    let choice = Choice { selector: top.selector.as_deref(), ..Choice::default() };
    objects(scope, mapping, top.name.clone(), choice).await
}

async fn objects(
    scope: &Scope<'_>,
    mapping: Mapping,
    name: Option<String>,
    choice: Choice<'_>,
) -> Result<Vec<Value>, Failure> {
    let which = name.map_or(Which::Chosen, Which::Named);
    let (found, failures) = scope.objects(&[Wanted { mapping, which }], choice).await?;
    match Failure::of(failures) {
        Some(failure) => Err(failure),
        None => Ok(found.into_iter().map(|found: Found| found.object).collect()),
    }
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object["metadata"][key].as_str().unwrap_or_default()
}

async fn pods(scope: &Scope<'_>, top: &Top, containers: bool, sum: bool, out: Output<'_>) -> Result<(), Failure> {
    let mut measured = metrics(scope, top, "pods").await?;
    let choice = Choice {
        selector: top.selector.as_deref(),
        field_selector: top.field_selector.as_deref(),
        bare_means_all: true,
    };
    if !measured.is_empty() && top.field_selector.is_some() {
        let mapping = discovery::one(&scope.api, "pods").await?;
        let chosen = objects(scope, mapping, None, choice).await?;
        let names: HashSet<(&str, &str)> =
            chosen.iter().map(|pod| (text(pod, "namespace"), text(pod, "name"))).collect();
        measured.retain(|pod| names.contains(&(text(pod, "namespace"), text(pod, "name"))));
    }
    if measured.is_empty() {
        let mapping = discovery::one(&scope.api, "pods").await?;
        let pods = objects(scope, mapping, top.name.clone(), choice).await?;
        if let Some(old) = pods.iter().find_map(too_old) {
            return Err(Failure::error(old));
        }
        if !pods.is_empty() {
            return Err(Failure::error("metrics not available yet"));
        }
        return out
            .err(match scope.all_namespaces {
                true => "No resources found\n".to_owned(),
                false => format!("No resources found in {} namespace.\n", scope.namespace),
            })
            .await;
    }
    out.out(drawn_pods(measured, top, containers, sum, scope.all_namespaces)).await
}

fn too_old(pod: &Value) -> Option<String> {
    let created: jiff::Timestamp = text(pod, "creationTimestamp").parse().ok()?;
    let seconds = jiff::Timestamp::now().duration_since(created).as_secs();
    (seconds > METRICS_DELAY_SECONDS).then(|| {
        let (name, namespace) = (text(pod, "name"), text(pod, "namespace"));
        format!(
            "Metrics not available for pod {namespace}/{name}, age: {}h{}m{}s",
            seconds / 3_600,
            seconds / 60 % 60,
            seconds % 60
        )
    })
}

fn drawn_pods(mut measured: Vec<Value>, top: &Top, containers: bool, sum: bool, namespaces: bool) -> String {
    match top.sort_by {
        SortBy::Name if namespaces => {
            measured
                .sort_by(|a, b| (text(a, "namespace"), text(a, "name")).cmp(&(text(b, "namespace"), text(b, "name"))));
        }
        SortBy::Name => measured.sort_by(|a, b| text(a, "name").cmp(text(b, "name"))),
        by => measured.sort_by_key(|pod| Usage::sum(&pod["containers"]).key(by)),
    }
    let mut writer = TabWriter::default();
    let mut line = |namespace: &str, pod: &str, container: &str, cells: [String; 2]| {
        let mut row = Vec::new();
        if namespaces {
            row.push(namespace.to_owned());
        }
        row.push(pod.to_owned());
        if containers {
            row.push(container.to_owned());
        }
        row.extend(cells);
        row.push(String::new());
        writer.row(row);
    };
    let titles = ["CPU(cores)".to_owned(), "MEMORY(bytes)".to_owned()];
    if !top.no_headers {
        line("NAMESPACE", if containers { "POD" } else { "NAME" }, "NAME", titles);
    }
    let mut total = Usage::default();
    for pod in &measured {
        let usage = Usage::sum(&pod["containers"]);
        total = total.plus(usage);
        if !containers {
            line(text(pod, "namespace"), text(pod, "name"), "", usage.cells());
            continue;
        }
        let mut parts: Vec<(&str, Usage)> = pod["containers"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|container| (container["name"].as_str().unwrap_or_default(), Usage::of(&container["usage"])))
            .collect();
        match top.sort_by {
            SortBy::Name => parts.sort_by_key(|(name, _)| *name),
            by => parts.sort_by_key(|(_, usage)| usage.key(by)),
        }
        for (name, usage) in parts {
            line(text(pod, "namespace"), text(pod, "name"), name, usage.cells());
        }
    }
    if sum {
        let rule = "________".to_owned();
        line("", "", "", [rule.clone(), rule]);
        line("", "", "", total.cells());
    }
    writer.flush()
}

async fn nodes(scope: &Scope<'_>, top: &Top, capacity: bool, out: Output<'_>) -> Result<(), Failure> {
    if !matches!(scope.allowed, operations::Namespaces::All) {
        return Err(Failure::NotPermitted(
            "nodes belong to the whole cluster, and this environment is limited to some of its namespaces".to_owned(),
        ));
    }
    let measured = metrics(scope, top, "nodes").await?;
    if measured.is_empty() {
        return Err(Failure::error("metrics not available yet"));
    }
    let mapping = discovery::one(&scope.api, "nodes").await?;
    let choice = Choice { selector: top.selector.as_deref(), ..Choice::default() };
    let nodes = objects(scope, mapping, top.name.clone(), choice).await?;
    out.out(drawn_nodes(measured, &nodes, top, capacity)).await
}

fn drawn_nodes(mut measured: Vec<Value>, nodes: &[Value], top: &Top, capacity: bool) -> String {
    match top.sort_by {
        SortBy::Name => measured.sort_by(|a, b| text(a, "name").cmp(text(b, "name"))),
        by => measured.sort_by_key(|node| Usage::of(&node["usage"]).key(by)),
    }
    let mut writer = TabWriter::default();
    if !top.no_headers {
        let titles = ["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)", ""];
        writer.row(titles.map(str::to_owned).to_vec());
    }
    for measure in &measured {
        let name = text(measure, "name");
        let node = nodes.iter().find(|node| text(node, "name") == name).unwrap_or(&Value::Null);
        let of = Usage::of(&node["status"][if capacity { "capacity" } else { "allocatable" }]);
        let usage = Usage::of(&measure["usage"]);
        let [cpu, memory] = usage.cells();
        let mut row = vec![name.to_owned(), cpu];
        row.extend(node.is_object().then(|| percent(usage.cpu, of.cpu)));
        row.push(memory);
        row.extend(node.is_object().then(|| percent(usage.memory, of.memory)));
        row.push(String::new());
        writer.row(row);
    }
    let mut missing: Vec<&str> = nodes.iter().map(|node| text(node, "name")).collect();
    missing.retain(|name| !measured.iter().any(|measure| text(measure, "name") == *name));
    missing.sort_unstable();
    for name in missing {
        let unknown = std::iter::repeat_n("<unknown>".to_owned(), 4);
        writer.row(std::iter::once(name.to_owned()).chain(unknown).chain([String::new()]).collect());
    }
    writer.flush()
}

fn percent(used: i128, of: i128) -> String {
    format!("{}%", if of == 0 { 0 } else { used.saturating_mul(100) / of })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(sort_by: SortBy) -> Top {
        let of = TopOf::Pods { containers: false, sum: false };
        Top { of, name: None, selector: None, field_selector: None, sort_by, no_headers: false }
    }

    fn measured() -> Vec<Value> {
        let pod = |name: &str, cpu: &str, memory: &str| {
            json!({"metadata": {"name": name, "namespace": "prod"}, "containers": [
                {"name": "app", "usage": {"cpu": cpu, "memory": memory}}, {"name": "log", "usage": {"cpu": "500000n", "memory": "1Mi"}}]})
        };
        vec![pod("web-b", "2m", "64Mi"), pod("web-a", "1500000n", "128Mi")]
    }

    #[test]
    fn pods_are_drawn_as_kubectl_draws_them() {
        assert_eq!(
            drawn_pods(measured(), &asked(SortBy::Name), false, false, false),
            "NAME    CPU(cores)   MEMORY(bytes)   \nweb-a   2m           129Mi           \nweb-b   3m           65Mi            \n"
        );
        assert!(drawn_pods(measured(), &asked(SortBy::Cpu), false, false, false).contains("\nweb-b   3m"));
        let both = drawn_pods(measured(), &asked(SortBy::Memory), true, true, true);
        assert_eq!(
            both,
            "NAMESPACE   POD     NAME   CPU(cores)   MEMORY(bytes)   \n\
             prod        web-a   app    2m           128Mi           \n\
             prod        web-a   log    1m           1Mi             \n\
             prod        web-b   app    2m           64Mi            \n\
             prod        web-b   log    1m           1Mi             \n\
             \x20                          ________     ________        \n\
             \x20                          5m           194Mi           \n"
        );
    }

    #[test]
    fn nodes_are_drawn_with_their_share() {
        let measures = vec![json!({"metadata": {"name": "n1"}, "usage": {"cpu": "500m", "memory": "1Gi"}})];
        let nodes = [
            json!({"metadata": {"name": "n1"}, "status": {"allocatable": {"cpu": "2", "memory": "3Gi"}}}),
            json!({"metadata": {"name": "n2"}, "status": {}}),
        ];
        assert_eq!(
            drawn_nodes(measures, &nodes, &asked(SortBy::Name), false),
            "NAME   CPU(cores)   CPU(%)      MEMORY(bytes)   MEMORY(%)   \n\
             n1     500m         25%         1024Mi          33%         \n\
             n2     <unknown>    <unknown>   <unknown>       <unknown>   \n"
        );
    }
}
