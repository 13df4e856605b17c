//! Cards of a cluster, from what `kubectl` says.

use jiff::Timestamp;
use serde_json::Value;

use crate::reading::{Answer, Level, Measure, Reading, Unit};
use crate::subject::{EACH, Named, Subject, Trouble, age, first, json, list, number, text, well};
use crate::threshold::{Limits, Quantity};

/// A warning this young is still a matter of now, in seconds.
const RECENT: f64 = 15.0 * 60.0;

/// `kubectl get` of a kind, as JSON.
fn get(kind: &str, name: Option<&str>, namespace: Option<&str>) -> Vec<String> {
    let mut words = vec!["kubectl", "get", kind];
    words.extend(name);
    scoped(words, namespace, &["-o", "json"])
}

fn scoped<'a>(mut words: Vec<&'a str>, namespace: Option<&'a str>, options: &[&'a str]) -> Vec<String> {
    words.extend_from_slice(options);
    match namespace {
        Some(command::ALL_NAMESPACES) => words.push("--all-namespaces"),
        Some(namespace) => words.extend(["--namespace", namespace]),
        None => {}
    }
    words.into_iter().map(str::to_owned).collect()
}

pub(crate) fn calls(subject: &Subject) -> Vec<Vec<String>> {
    let one = |kind: &str, name: &Option<String>, namespace: &Option<String>| {
        vec![get(kind, name.as_deref(), namespace.as_deref())]
    };
    match subject {
        Subject::Autoscalers(Named { namespace, name }) => {
            one("horizontalpodautoscalers.v2.autoscaling", name, namespace)
        }
        Subject::Nodes => {
            vec![get("nodes", None, None), scoped(vec!["kubectl", "top", "nodes"], None, &["--no-headers"])]
        }
        Subject::Events(namespace) => one("events", &None, namespace),
        Subject::Usage { namespace, selector } => {
            let mut words = vec!["kubectl", "top", "pods"];
            words.extend(selector.iter().flat_map(|selector| ["--selector", selector]));
            vec![scoped(words, namespace.as_deref(), &["--no-headers"])]
        }
        Subject::Endpoints(Named { namespace, name }) => one("endpoints", name, namespace),
        Subject::Ingresses(Named { namespace, name }) => one("ingresses.networking.k8s.io", name, namespace),
        Subject::Applications(Named { namespace, name }) => one("applications.argoproj.io", name, namespace),
        _ => Vec::new(),
    }
}

pub(crate) fn read(subject: &Subject, answers: &[Answer], now: Timestamp) -> Result<Vec<Reading>, Trouble> {
    let printed = first(answers)?;
    if let Subject::Usage { namespace, selector } = subject {
        return Ok(vec![usage(printed, namespace.as_deref(), selector.as_deref())]);
    }
    let value = json(printed)?;
    let items = match list(&value, "/items") {
        [] if text(&value, "/kind").ends_with("List") => &[],
        [] => std::slice::from_ref(&value),
        items => items,
    };
    Ok(match subject {
        Subject::Autoscalers(_) => each(items, "Autoscalers", autoscaler),
        Subject::Nodes => vec![nodes(items, answers.get(1).and_then(|answer| well(answer).ok()))],
        Subject::Events(namespace) => vec![events(items, namespace.as_deref(), now)],
        Subject::Endpoints(Named { name, .. }) => several(items, "Endpoints", name.is_some(), endpoints),
        Subject::Ingresses(Named { name, .. }) => several(items, "Ingresses", name.is_some(), ingress),
        Subject::Applications(Named { name, .. }) => several(items, "Applications", name.is_some(), application),
        _ => Vec::new(),
    })
}

fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

/// A card for each, or one that says there is none.
fn each(items: &[Value], title: &str, draw: impl Fn(&Value) -> Reading) -> Vec<Reading> {
    if items.is_empty() {
        return vec![Reading::new(title, "").says(Level::Quiet, "none")];
    }
    items.iter().take(EACH).map(draw).collect()
}

/// One card for the one that was named; else a card with a line for each, the troubled first.
fn several(items: &[Value], title: &str, is_named: bool, draw: impl Fn(&Value) -> Reading) -> Vec<Reading> {
    if is_named || items.len() == 1 {
        return each(items, title, draw);
    }
    let mut readings: Vec<Reading> = items.iter().map(draw).collect();
    readings.sort_by_key(|reading| std::cmp::Reverse(reading.level));
    let troubled = readings.iter().filter(|reading| reading.level >= Level::Moving).count();
    let namespace = items.first().map_or("", |item| text(item, "/metadata/namespace"));
    let worst = readings.first().map_or(Level::Quiet, |reading| reading.level);
    let words = match (readings.len(), troubled) {
        (0, _) => "none".to_owned(),
        (all, 0) => format!("{all} well"),
        (all, some) => format!("{some} of {all} not well"),
    };
    let card = Reading::new(title, namespace).says(worst, words);
    vec![readings.into_iter().fold(card, |card, reading| card.fact(reading.name, reading.words, reading.level))]
}

fn autoscaler(object: &Value) -> Reading {
    let count = |pointer: &str| number(object, pointer);
    let (least, most) = (count("/spec/minReplicas").unwrap_or(1.0), count("/spec/maxReplicas").unwrap_or(0.0));
    let (current, desired) = (count("/status/currentReplicas").unwrap_or(0.0), count("/status/desiredReplicas"));
    let condition = |kind: &str, status: &str| {
        list(object, "/status/conditions").iter().find(|one| one["type"] == kind && one["status"] == status)
    };
    let inactive = condition("ScalingActive", "False").filter(|one| text(one, "/reason") != "ScalingDisabled");
    let about = format!("Autoscaler · {least}–{most} replicas · {}", text(object, "/metadata/namespace"));
    let (level, words) = match desired {
        _ if inactive.is_some() => (Level::Bad, "cannot scale".to_owned()),
        Some(desired) if desired != current => (Level::Moving, format!("{current} → {desired}")),
        _ if current >= most && most > 0.0 => (Level::Moving, format!("{current}, at its most")),
        _ => (Level::Good, format!("{current} replicas")),
    };
    let mut card = Reading::new(name(object), about).says(level, words);
    for metric in list(object, "/status/currentMetrics") {
        let resource = text(metric, "/resource/name");
        let Some(value) = number(metric, "/resource/current/averageUtilization") else { continue };
        let wanted = list(object, "/spec/metrics").iter().find(|one| text(one, "/resource/name") == resource);
        let wanted = wanted.and_then(|one| number(one, "/resource/target/averageUtilization"));
        let mut measure = Measure::new(resource.to_uppercase(), value / 100.0, Unit::Ratio);
        measure.limits =
            wanted.map(|wanted| Limits { warning: Some(wanted / 100.0), critical: None, source: "its own target" });
        card = card.measure(measure);
    }
    match inactive {
        Some(condition) => card.fact("", text(condition, "/message"), Level::Bad),
        None => card,
    }
}

fn nodes(items: &[Value], top: Option<&str>) -> Reading {
    let holds = |node: &Value, kind: &str, status: &str| {
        list(node, "/status/conditions").iter().any(|one| one["type"] == kind && one["status"] == status)
    };
    let mut troubled = Vec::new();
    for node in items {
        let pressure = ["MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"];
        if !holds(node, "Ready", "True") {
            troubled.push((name(node), "not ready".to_owned(), Level::Bad));
        } else if let Some(pressure) = pressure.iter().find(|kind| holds(node, kind, "True")) {
            troubled.push((name(node), (*pressure).to_owned(), Level::Bad));
        } else if node["spec"]["unschedulable"] == true {
            troubled.push((name(node), "cordoned".to_owned(), Level::Moving));
        }
    }
    let unready = troubled.iter().filter(|(_, _, level)| *level == Level::Bad).count();
    let worst = troubled.iter().map(|(_, _, level)| *level).max().unwrap_or(Level::Good);
    let mut card =
        Reading::new("Nodes", "Cluster").says(worst, format!("{} of {} well", items.len() - unready, items.len()));
    // NAME CPU(cores) CPU% MEMORY(bytes) MEMORY%
    let rows: Vec<Vec<&str>> = top.unwrap_or_default().lines().map(|line| line.split_whitespace().collect()).collect();
    let greatest = |column: usize| {
        let percents = rows.iter().filter_map(|row| row.get(column)?.strip_suffix('%')?.parse::<f64>().ok());
        percents.reduce(f64::max).map(|percent| percent / 100.0)
    };
    for (title, column, quantity) in [("CPU", 2, Quantity::Cpu), ("memory", 4, Quantity::Memory)] {
        if let Some(value) = greatest(column) {
            let title = if rows.len() > 1 { format!("{title}, fullest") } else { title.to_owned() };
            card = card.measure(Measure::new(title, value, Unit::Ratio).of(quantity));
        }
    }
    troubled.into_iter().fold(card, |card, (name, text, level)| card.fact(name, text, level))
}

fn events(items: &[Value], namespace: Option<&str>, now: Timestamp) -> Reading {
    let when = |event: &Value| {
        let times = ["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"];
        times.iter().find_map(|pointer| age(text(event, pointer), now))
    };
    let mut warnings: Vec<(f64, &Value)> = items
        .iter()
        .filter(|event| event["type"] == "Warning")
        .filter_map(|event| Some((when(event)?, event)))
        .collect();
    warnings.sort_by(|left, right| left.0.total_cmp(&right.0));
    let recent = warnings.iter().filter(|(age, _)| *age < RECENT).count();
    let (level, words) = match recent {
        0 => (Level::Good, "none of late".to_owned()),
        1 => (Level::Moving, "1 in 15 min".to_owned()),
        some => (Level::Moving, format!("{some} in 15 min")),
    };
    let place = match namespace {
        Some(command::ALL_NAMESPACES) => "all namespaces",
        Some(namespace) => namespace,
        None => items.first().map_or("", |event| text(event, "/metadata/namespace")),
    };
    let card = Reading::new("Warnings", format!("Events · {place}")).says(level, words);
    warnings.into_iter().take(4).fold(card, |card, (age, event)| {
        let about = format!("{} {}", text(event, "/reason"), text(event, "/involvedObject/name"));
        let level = if age < RECENT { Level::Moving } else { Level::Quiet };
        card.fact(about.trim(), format!("{} ago", Unit::Seconds.print(age.max(0.0).round())), level)
    })
}

/// `120m`, `2`, `340Mi` as cores or bytes.
fn quantity(text: &str) -> Option<f64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let value: f64 = text[..end].parse().ok()?;
    let factor = match &text[end..] {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        _ => return None,
    };
    Some(value * factor)
}

fn usage(printed: &str, namespace: Option<&str>, selector: Option<&str>) -> Reading {
    // Over all namespaces each line begins with the namespace.
    let mut pods: Vec<(&str, f64, f64)> = printed
        .lines()
        .filter_map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
            [.., pod, cpu, memory] => Some((pod, quantity(cpu)?, quantity(memory)?)),
            _ => None,
        })
        .collect();
    let place = match namespace {
        Some(command::ALL_NAMESPACES) => "all namespaces",
        place => place.unwrap_or("the cluster"),
    };
    let words = if pods.len() == 1 { "1 pod".to_owned() } else { format!("{} pods", pods.len()) };
    let total = |of: fn(&(&str, f64, f64)) -> f64| pods.iter().map(of).sum::<f64>();
    let about = selector.map_or_else(|| place.to_owned(), |selector| format!("{place} · {selector}"));
    let card = Reading::new("Use of pods", about)
        .says(Level::Quiet, words)
        .measure(Measure::new("CPU", total(|pod| pod.1), Unit::Cores))
        .measure(Measure::new("memory", total(|pod| pod.2), Unit::Bytes));
    pods.sort_by(|left, right| right.1.total_cmp(&left.1));
    pods.into_iter().take(3).fold(card, |card, (pod, cpu, memory)| {
        card.fact(pod, format!("{} · {}", Unit::Cores.print(cpu), Unit::Bytes.print(memory)), Level::Quiet)
    })
}

fn endpoints(object: &Value) -> Reading {
    let count = |key: &str| list(object, "/subsets").iter().map(|set| list(set, key).len()).sum::<usize>();
    let (ready, waiting) = (count("/addresses"), count("/notReadyAddresses"));
    let (level, words) = match (ready, waiting) {
        (0, _) => (Level::Bad, "nothing behind it".to_owned()),
        (ready, 0) => (Level::Good, format!("{ready} ready")),
        (ready, waiting) => (Level::Moving, format!("{ready} ready, {waiting} not")),
    };
    Reading::new(name(object), format!("Endpoints · {}", text(object, "/metadata/namespace"))).says(level, words)
}

fn ingress(object: &Value) -> Reading {
    let addresses = list(object, "/status/loadBalancer/ingress");
    let (level, words) = match addresses.first() {
        None => (Level::Moving, "no address yet".to_owned()),
        Some(first) => {
            let host = text(first, "/hostname");
            (Level::Good, (if host.is_empty() { text(first, "/ip") } else { host }).to_owned())
        }
    };
    let card =
        Reading::new(name(object), format!("Ingress · {}", text(object, "/metadata/namespace"))).says(level, words);
    list(object, "/spec/rules").iter().fold(card, |card, rule| {
        let paths = list(rule, "/http/paths").iter().map(|path| text(path, "/backend/service/name"));
        let mut services: Vec<&str> = paths.filter(|service| !service.is_empty()).collect();
        services.dedup();
        card.fact(text(rule, "/host"), services.join(", "), Level::Quiet)
    })
}

fn application(object: &Value) -> Reading {
    let (sync, health) = (text(object, "/status/sync/status"), text(object, "/status/health/status"));
    let running = text(object, "/status/operationState/phase") == "Running" || object["operation"].is_object();
    let level = match (sync, health) {
        (_, "Degraded" | "Missing") => Level::Bad,
        ("Synced", "Healthy") if !running => Level::Good,
        ("", "") => Level::Quiet,
        _ => Level::Moving,
    };
    let said: Vec<&str> = [sync, health].into_iter().filter(|word| !word.is_empty()).collect();
    let words = if said.is_empty() { "no status yet".to_owned() } else { said.join(" · ") };
    let revision: String = text(object, "/status/sync/revision").chars().take(7).collect();
    let about = ["Application", text(object, "/metadata/namespace"), &revision];
    let about: Vec<&str> = about.into_iter().filter(|part| !part.is_empty()).collect();
    Reading::new(name(object), about.join(" · ")).says(level, words)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(stdout: &impl ToString) -> Answer {
        Answer { stdout: stdout.to_string(), ..Answer::default() }
    }

    fn one(subject: &Subject, answers: &[Answer]) -> Reading {
        let now = "2026-01-01T12:00:00Z".parse().unwrap();
        read(subject, answers, now).unwrap().remove(0)
    }

    #[test]
    fn an_autoscaler_moves_towards_its_target() {
        let subject = Subject::Autoscalers(Named { namespace: None, name: Some("web".to_owned()) });
        let mut object = json!({"kind": "HorizontalPodAutoscaler", "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"minReplicas": 2, "maxReplicas": 10, "metrics": [{"resource": {"name": "cpu", "target": {"averageUtilization": 70}}}]},
            "status": {"currentReplicas": 3, "desiredReplicas": 3, "currentMetrics": [{"resource": {"name": "cpu", "current": {"averageUtilization": 84}}}]}});
        let card = one(&subject, &[answer(&object)]);
        assert_eq!((card.level, card.words.as_str()), (Level::Good, "3 replicas"));
        assert_eq!((card.measures[0].print().as_str(), card.measures[0].level()), ("84 %", Level::Moving));
        object["status"]["desiredReplicas"] = json!(5);
        assert_eq!(one(&subject, &[answer(&object)]).words, "3 → 5");
        object["status"]["conditions"] = json!([{"type": "ScalingActive", "status": "False", "message": "no metrics"}]);
        assert_eq!(one(&subject, &[answer(&object)]).level, Level::Bad);
        let none = one(&subject, &[answer(&json!({"kind": "List", "items": []}))]);
        assert_eq!(none.words, "none");
    }

    #[test]
    fn nodes_are_counted_and_the_fullest_is_told() {
        let node = |name: &str, ready: &str| json!({"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": ready}]}});
        let list = json!({"kind": "List", "items": [node("a", "True"), node("b", "Unknown")]});
        let card = one(&Subject::Nodes, &[answer(&list), answer(&"a 250m 12% 1Gi 40%\nb 1 50% 2Gi 80%\n")]);
        assert_eq!((card.level, card.words.as_str()), (Level::Bad, "1 of 2 well"));
        let told: Vec<String> = card.measures.iter().map(Measure::print).collect();
        assert_eq!(told, ["50 %", "80 %"]);
        assert_eq!(card.facts[0].name, "b");
    }

    #[test]
    fn only_warnings_are_events_to_show() {
        let event = |kind: &str, reason: &str, at: &str| json!({"type": kind, "reason": reason, "lastTimestamp": at, "involvedObject": {"name": "web"}});
        let list = json!({"kind": "List", "items": [event("Normal", "Pulled", "2026-01-01T11:59:00Z"),
            event("Warning", "BackOff", "2026-01-01T11:58:00Z"), event("Warning", "Old", "2026-01-01T01:00:00Z")]});
        let card = one(&Subject::Events(None), &[answer(&list)]);
        assert_eq!(card.words, "1 in 15 min");
        assert_eq!((card.facts[0].name.as_str(), card.facts[0].text.as_str()), ("BackOff web", "2 min ago"));
    }

    #[test]
    fn what_pods_use_is_summed() {
        let card = usage("web-1 120m 340Mi\nweb-2 1 1Gi\n", Some("shop"), Some("app=web"));
        let told: Vec<String> = card.measures.iter().map(Measure::print).collect();
        assert_eq!(told, ["1.12 cores", "1.33 GiB"]);
        assert_eq!(card.facts[0].name, "web-2");
    }

    #[test]
    fn a_service_without_addresses_is_in_trouble() {
        let object =
            json!({"kind": "Endpoints", "metadata": {"name": "web"}, "subsets": [{"notReadyAddresses": [{}]}]});
        let subject = Subject::Endpoints(Named { namespace: None, name: Some("web".to_owned()) });
        assert_eq!(one(&subject, &[answer(&object)]).level, Level::Bad);
        let all = Subject::Endpoints(Named { namespace: None, name: None });
        let well = json!({"kind": "Endpoints", "metadata": {"name": "api"}, "subsets": [{"addresses": [{}, {}]}]});
        let card = one(&all, &[answer(&json!({"kind": "List", "items": [well, object]}))]);
        assert_eq!((card.words.as_str(), card.facts[0].name.as_str()), ("1 of 2 not well", "web"));
    }
}
