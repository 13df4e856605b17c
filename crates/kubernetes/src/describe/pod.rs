//! Pods and pod templates.

use serde_json::Value;

use super::writer::{Writer, or, plain, time};

fn each<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

pub(super) fn draw(pod: &Value, out: &mut Writer) {
    let (metadata, spec, status) = (&pod["metadata"], &pod["spec"], &pod["status"]);
    out.line(0, &format!("Name:\t{}", or(&metadata["name"], "")));
    out.line(0, &format!("Namespace:\t{}", or(&metadata["namespace"], "")));
    if spec["priority"].is_number() {
        out.line(0, &format!("Priority:\t{}", spec["priority"]));
    }
    if !or(&spec["priorityClassName"], "").is_empty() {
        out.line(0, &format!("Priority Class Name:\t{}", or(&spec["priorityClassName"], "")));
    }
    out.line(0, &format!("Service Account:\t{}", or(&spec["serviceAccountName"], "")));
    match spec["nodeName"].as_str().filter(|node| !node.is_empty()) {
        None => out.line(0, "Node:\t<none>"),
        Some(node) => out.line(0, &format!("Node:\t{node}/{}", or(&status["hostIP"], ""))),
    }
    if status["startTime"].is_string() {
        out.line(0, &format!("Start Time:\t{}", time(&status["startTime"])));
    }
    out.pairs(0, "Labels", &metadata["labels"], "=", &[]);
    out.pairs(0, "Annotations", &metadata["annotations"], ": ", &[crate::apply::APPLIED]);
    if metadata["deletionTimestamp"].is_string() {
        let seconds = metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or(0);
        let since = super::writer::age(or(&metadata["deletionTimestamp"], ""));
        out.line(0, &format!("Status:\tTerminating (lasts {since})"));
        out.line(0, &format!("Termination Grace Period:\t{seconds}s"));
    } else {
        out.line(0, &format!("Status:\t{}", or(&status["phase"], "")));
    }
    for (name, key) in [("Reason", "reason"), ("Message", "message")] {
        if !or(&status[key], "").is_empty() {
            out.line(0, &format!("{name}:\t{}", or(&status[key], "")));
        }
    }
    out.line(0, &format!("IP:\t{}", or(&status["podIP"], "")));
    let mut addresses = each(status, "podIPs").peekable();
    if addresses.peek().is_none() {
        out.line(0, "IPs:\t<none>");
    } else {
        out.line(0, "IPs:");
        for address in addresses {
            out.line(1, &format!("IP:\t{}", or(&address["ip"], "")));
        }
    }
    if let Some(owner) = each(metadata, "ownerReferences").find(|owner| owner["controller"] == true) {
        out.line(0, &format!("Controlled By:\t{}/{}", or(&owner["kind"], ""), or(&owner["name"], "")));
    }
    if each(spec, "initContainers").next().is_some() {
        containers("Init Containers", spec, "initContainers", Some((status, "initContainerStatuses")), 0, out);
    }
    containers("Containers", spec, "containers", Some((status, "containerStatuses")), 0, out);
    if each(status, "conditions").next().is_some() {
        out.line(0, "Conditions:\n  Type\tStatus");
        for condition in each(status, "conditions") {
            out.line(1, &format!("{} \t{} ", or(&condition["type"], ""), or(&condition["status"], "")));
        }
    }
    volumes(spec, 0, out);
    out.line(0, &format!("QoS Class:\t{}", or(&status["qosClass"], "")));
    out.pairs(0, "Node-Selectors", &spec["nodeSelector"], "=", &[]);
    tolerations(spec, 0, out);
}

/// A pod template inside a workload.
pub(super) fn template(template: &Value, out: &mut Writer) {
    out.line(0, "Pod Template:");
    let spec = &template["spec"];
    out.pairs(1, "Labels", &template["metadata"]["labels"], "=", &[]);
    if template["metadata"]["annotations"].as_object().is_some_and(|all| !all.is_empty()) {
        out.pairs(1, "Annotations", &template["metadata"]["annotations"], ": ", &[]);
    }
    if !or(&spec["serviceAccountName"], "").is_empty() {
        out.line(1, &format!("Service Account:\t{}", or(&spec["serviceAccountName"], "")));
    }
    if each(spec, "initContainers").next().is_some() {
        containers("Init Containers", spec, "initContainers", None, 1, out);
    }
    containers("Containers", spec, "containers", None, 1, out);
    volumes(spec, 1, out);
    if !or(&spec["priorityClassName"], "").is_empty() {
        out.line(1, &format!("Priority Class Name:\t{}", or(&spec["priorityClassName"], "")));
    }
    out.pairs(1, "Node-Selectors", &spec["nodeSelector"], "=", &[]);
    tolerations(spec, 1, out);
}

fn tolerations(spec: &Value, level: usize, out: &mut Writer) {
    let mut lines: Vec<String> = each(spec, "tolerations")
        .map(|one| {
            let mut text = or(&one["key"], "").to_owned();
            if !or(&one["value"], "").is_empty() {
                text.push_str(&format!("={}", or(&one["value"], "")));
            }
            if !or(&one["effect"], "").is_empty() {
                text.push_str(&format!(":{}", or(&one["effect"], "")));
            }
            if one["operator"] == "Exists" && or(&one["value"], "").is_empty() {
                text.push_str(if or(&one["key"], "").is_empty() && or(&one["effect"], "").is_empty() {
                    "op=Exists"
                } else {
                    " op=Exists"
                });
            }
            if let Some(seconds) = one["tolerationSeconds"].as_i64() {
                text.push_str(&format!(" for {seconds}s"));
            }
            text
        })
        .collect();
    lines.sort();
    if lines.is_empty() {
        return out.line(level, "Tolerations:\t<none>");
    }
    for (index, line) in lines.iter().enumerate() {
        out.line(level, &format!("{}\t{line}", if index == 0 { "Tolerations:" } else { "" }));
    }
}

/// Containers; in a pod with their states. kubectl indents those of a template by one blank more.
fn containers(title: &str, spec: &Value, key: &str, states: Option<(&Value, &str)>, level: usize, out: &mut Writer) {
    out.line(level, &format!("{title}:"));
    let pad = if level == 0 { "  " } else { "   " };
    let inner = if level == 0 { 2 } else { level + 1 };
    for container in each(spec, key) {
        let name = or(&container["name"], "");
        out.line(0, &format!("{pad}{name}:"));
        let state = states.and_then(|(status, key)| each(status, key).find(|state| state["name"] == name));
        if let Some(state) = state {
            out.line(inner, &format!("Container ID:\t{}", or(&state["containerID"], "")));
        }
        out.line(inner, &format!("Image:\t{}", or(&container["image"], "")));
        if let Some(state) = state {
            out.line(inner, &format!("Image ID:\t{}", or(&state["imageID"], "")));
        }
        let ports = |field: &str| -> Vec<String> {
            each(container, "ports")
                .map(|port| format!("{}/{}", port[field].as_i64().unwrap_or(0), or(&port["protocol"], "TCP")))
                .collect()
        };
        for (title, field) in [("Port", "containerPort"), ("Host Port", "hostPort")] {
            let list = ports(field);
            let (plural, text) = match list.len() {
                0 => ("", "<none>".to_owned()),
                1 => ("", list.join("")),
                _ => ("s", list.join(", ")),
            };
            out.line(inner, &format!("{title}{plural}:\t{text}"));
        }
        for (title, field) in [("Command", "command"), ("Args", "args")] {
            if each(container, field).next().is_some() {
                out.line(inner, &format!("{title}:"));
                for word in each(container, field).filter_map(Value::as_str).flat_map(|word| word.split('\n')) {
                    out.line(inner + 1, word);
                }
            }
        }
        if let Some(state) = state {
            self::state("State", &state["state"], inner, out);
            if state["lastState"].get("terminated").is_some() {
                self::state("Last State", &state["lastState"], inner, out);
            }
            let ready = if state["ready"] == true { "True" } else { "False" };
            out.line(inner, &format!("Ready:\t{ready}"));
            out.line(inner, &format!("Restart Count:\t{}", state["restartCount"].as_i64().unwrap_or(0)));
        }
        for (title, field) in [("Limits", "limits"), ("Requests", "requests")] {
            let mut amounts: Vec<(String, String)> = container["resources"][field]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, amount)| (name.clone(), plain(amount)))
                .collect();
            amounts.sort();
            if !amounts.is_empty() {
                out.line(inner, &format!("{title}:"));
            }
            for (name, amount) in amounts {
                out.line(inner + 1, &format!("{name}:\t{amount}"));
            }
        }
        for (title, field) in
            [("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe")]
        {
            if container[field].is_object() {
                out.line(inner, &format!("{title}:\t{}", probe(&container[field])));
            }
        }
        environment(container, inner, out);
        let mut mounts: Vec<String> = each(container, "volumeMounts")
            .map(|mount| {
                let mode = if mount["readOnly"] == true { "ro" } else { "rw" };
                let path = mount["subPath"].as_str().map(|path| format!(",path={path:?}")).unwrap_or_default();
                format!("{} from {} ({mode}{path})", or(&mount["mountPath"], ""), or(&mount["name"], ""))
            })
            .collect();
        mounts.sort();
        if mounts.is_empty() {
            out.line(inner, "Mounts:\t<none>");
        } else {
            out.line(inner, "Mounts:");
            for mount in mounts {
                out.line(inner + 1, &mount);
            }
        }
    }
}

fn environment(container: &Value, level: usize, out: &mut Writer) {
    for from in each(container, "envFrom") {
        let map = [("ConfigMap", "configMapRef"), ("Secret", "secretRef")];
        for (kind, field) in map.into_iter().filter(|(_, field)| from[*field].is_object()) {
            let optional = from[field]["optional"] == true;
            out.line(
                level,
                &format!(
                    "Environment Variables from:\n    {}\t{kind}\tOptional: {optional}",
                    or(&from[field]["name"], "")
                ),
            );
        }
    }
    let mut any = false;
    for variable in each(container, "env") {
        if !std::mem::replace(&mut any, true) {
            out.line(level, "Environment:");
        }
        let name = or(&variable["name"], "");
        let from = &variable["valueFrom"];
        let field = |key: &str| or(&from[key]["name"], "").to_owned();
        if let Some(kind) = ["secretKeyRef", "configMapKeyRef"].into_iter().find(|kind| from[*kind].is_object()) {
            let what = if kind == "secretKeyRef" { "in secret" } else { "of config map" };
            let optional = from[kind]["optional"] == true;
            let text = format!("<set to the key '{}' {what} '{}'>", or(&from[kind]["key"], ""), field(kind));
            out.line(level + 1, &format!("{name}:\t{text}\tOptional: {optional}"));
        } else if from.is_object() {
            out.line(level + 1, &format!("{name}:\t({})", crate::set::reference(from)));
        } else {
            let mut lines = or(&variable["value"], "").split('\n');
            out.line(level + 1, &format!("{name}:\t{}", lines.next().unwrap_or_default()));
            for line in lines {
                out.line(level + 1, &format!("\t{line}"));
            }
        }
    }
    if !any {
        out.line(level, "Environment:\t<none>");
    }
}

fn state(title: &str, state: &Value, level: usize, out: &mut Writer) {
    if state["running"].is_object() {
        out.line(level, &format!("{title}:\tRunning"));
        out.line(level + 1, &format!("Started:\t{}", time(&state["running"]["startedAt"])));
    } else if state["terminated"].is_object() {
        let ended = &state["terminated"];
        out.line(level, &format!("{title}:\tTerminated"));
        for (name, key) in [("Reason", "reason"), ("Message", "message")] {
            if !or(&ended[key], "").is_empty() {
                out.line(level + 1, &format!("{name}:\t{}", or(&ended[key], "")));
            }
        }
        out.line(level + 1, &format!("Exit Code:\t{}", ended["exitCode"].as_i64().unwrap_or(0)));
        if let Some(signal) = ended["signal"].as_i64().filter(|signal| *signal > 0) {
            out.line(level + 1, &format!("Signal:\t{signal}"));
        }
        out.line(level + 1, &format!("Started:\t{}", time(&ended["startedAt"])));
        out.line(level + 1, &format!("Finished:\t{}", time(&ended["finishedAt"])));
    } else {
        out.line(level, &format!("{title}:\tWaiting"));
        if !or(&state["waiting"]["reason"], "").is_empty() {
            out.line(level + 1, &format!("Reason:\t{}", or(&state["waiting"]["reason"], "")));
        }
    }
}

fn probe(probe: &Value) -> String {
    let number = |key: &str, default: i64| probe[key].as_i64().unwrap_or(default);
    let attributes = format!(
        "delay={}s timeout={}s period={}s #success={} #failure={}",
        number("initialDelaySeconds", 0),
        number("timeoutSeconds", 1),
        number("periodSeconds", 10),
        number("successThreshold", 1),
        number("failureThreshold", 3)
    );
    if let Some(get) = probe["httpGet"].as_object() {
        let text = |key: &str| get.get(key).map(plain).unwrap_or_default();
        let scheme = text("scheme").to_lowercase();
        let scheme = if scheme.is_empty() { "http".to_owned() } else { scheme };
        return format!("http-get {scheme}://{}:{}{} {attributes}", text("host"), text("port"), text("path"));
    }
    if probe["tcpSocket"].is_object() {
        return format!(
            "tcp-socket {}:{} {attributes}",
            plain(&probe["tcpSocket"]["host"]),
            plain(&probe["tcpSocket"]["port"])
        );
    }
    if probe["exec"].is_object() {
        return format!("exec {} {attributes}", plain(&probe["exec"]["command"]));
    }
    if probe["grpc"].is_object() {
        return format!(
            "grpc <pod>:{} {} {attributes}",
            plain(&probe["grpc"]["port"]),
            plain(&probe["grpc"]["service"])
        );
    }
    format!("unknown {attributes}")
}

fn volumes(spec: &Value, level: usize, out: &mut Writer) {
    if each(spec, "volumes").next().is_none() {
        return out.line(level, "Volumes:\t<none>");
    }
    out.line(level, "Volumes:");
    let pad = if level == 0 { "  " } else { "   " };
    for volume in each(spec, "volumes") {
        out.line(0, &format!("{pad}{}:", or(&volume["name"], "")));
        let inner = if level == 0 { 2 } else { level + 1 };
        let (kind, source) = volume
            .as_object()
            .into_iter()
            .flatten()
            .find(|(key, _)| *key != "name")
            .map_or(("<unknown>", &Value::Null), |(key, value)| (key.as_str(), value));
        let (title, facts): (&str, &[(&str, &str)]) = match kind {
            "emptyDir" => (
                "EmptyDir (a temporary directory that shares a pod's lifetime)",
                &[("Medium", "medium"), ("SizeLimit", "sizeLimit")],
            ),
            "configMap" => {
                ("ConfigMap (a volume populated by a ConfigMap)", &[("Name", "name"), ("Optional", "optional")])
            }
            "secret" => {
                ("Secret (a volume populated by a Secret)", &[("SecretName", "secretName"), ("Optional", "optional")])
            }
            "persistentVolumeClaim" => (
                "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
                &[("ClaimName", "claimName"), ("ReadOnly", "readOnly")],
            ),
            "hostPath" => ("HostPath (bare host directory volume)", &[("Path", "path"), ("HostPathType", "type")]),
            "projected" => ("Projected (a volume that contains injected data from multiple sources)", &[]),
            other => (other, &[]),
        };
        out.line(inner, &format!("Type:\t{title}"));
        for (name, key) in facts {
            let value = match (source.get(*key), *key) {
                (None, "sizeLimit") => "<unset>".to_owned(),
                (None, "optional" | "readOnly") => "false".to_owned(),
                (value, _) => value.map(plain).unwrap_or_default(),
            };
            out.line(inner, &format!("{name}:\t{value}"));
        }
    }
}
