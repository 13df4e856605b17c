//! `kubectl set env|image|resources`
//!
//! Source: `k8s.io/kubectl/pkg/cmd/set`, v0.32.

use command::kubectl::{DryRun, Set, Setting, Variables};
use serde_json::{Map, Value, json};

use crate::api::{AS_JSON, Query};
use crate::change::{self, said};
use crate::discovery::{self, Mapping};
use crate::failure::Failure;
use crate::output::Output;
use crate::resolve::{Choice, Found, Scope, path_segment};
use crate::strategic::{self, Style};

pub(crate) async fn run(scope: &Scope<'_>, set: &Set, out: Output<'_>) -> Result<(), Failure> {
    let choice = Choice { selector: set.selector.as_deref(), field_selector: None, bare_means_all: set.all };
    let wanted = scope.wanted(&set.selection, choice).await?;
    let (found, mut failures) = scope.objects(&wanted, choice).await?;
    if let Some(failure) = Failure::of(std::mem::take(&mut failures)) {
        return Err(failure);
    }
    let manager = match &set.what {
        Setting::Env(_) => "kubectl-set-env",
        Setting::Image(_) => "kubectl-set-image",
        Setting::Resources { .. } => "kubectl-set-resources",
    };
    let from = match &set.what {
        Setting::Env(variables) => source(scope, variables).await?,
        _ => Vec::new(),
    };
    for mut one in found {
        if let Setting::Env(variables) = &set.what
            && variables.list
        {
            out.out(listed(variables, &one)).await?;
            continue;
        }
        let mut changed = one.object.clone();
        if let Err(failure) = change_one(&set.what, &from, &one.mapping, &mut changed) {
            failures.push(failure);
            continue;
        }
        let patch = strategic::two_way(Style::of(&one.mapping.group), &one.object, &changed);
        if patch == json!({}) {
            // kubectl says that variables were updated also where they have that value already.
            if matches!(&set.what, Setting::Env(variables) if !variables.set.is_empty()) {
                out.out(said(set.output.as_ref(), set.dry_run, "env updated", &mut one)?).await?;
            }
            continue;
        }
        one.object = match set.dry_run {
            DryRun::Client => changed,
            dry_run => {
                let query = change::query(dry_run, manager);
                let kind = Style::of(&one.mapping.group).content_type();
                match scope.api.patch(&one.path(), &query, kind, &patch).await {
                    Ok(object) => object,
                    Err(failure) => {
                        let part = match &set.what {
                            Setting::Env(_) => "env update to pod template",
                            Setting::Image(_) => "image update to pod template",
                            Setting::Resources { .. } => "limit update to pod template",
                        };
                        failures.push(Failure::error(format!("failed to patch {part}: {}", failure.message())));
                        continue;
                    }
                }
            }
        };
        let word = match &set.what {
            Setting::Env(_) => "env updated",
            Setting::Image(_) => "image updated",
            Setting::Resources { .. } => "resource requirements updated",
        };
        out.out(said(set.output.as_ref(), set.dry_run, word, &mut one)?).await?;
    }
    Failure::of(failures).map_or(Ok(()), Err)
}

/// Where a kind keeps the specification of its pods.
fn pod_spec(mapping: &Mapping) -> Option<&'static str> {
    Some(match mapping.kind.as_str() {
        "Pod" => "/spec",
        "CronJob" => "/spec/jobTemplate/spec/template/spec",
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "ReplicationController" | "Job" => {
            "/spec/template/spec"
        }
        _ => return None,
    })
}

fn change_one(what: &Setting, from: &[Value], mapping: &Mapping, object: &mut Value) -> Result<(), Failure> {
    let kind = format!("{}/{}", mapping.resource, object["metadata"]["name"].as_str().unwrap_or_default());
    let spec = pod_spec(mapping)
        .and_then(|path| object.pointer_mut(path))
        .ok_or_else(|| Failure::error(format!("{kind} the object is not a pod or does not have a pod template")))?;
    match what {
        Setting::Env(variables) => {
            for container in chosen(spec, &variables.containers, &["initContainers", "containers"]) {
                variables_of(container, variables, from).map_err(|wrong| Failure::error(format!("{kind} {wrong}")))?;
            }
        }
        Setting::Image(images) => {
            for (name, image) in images {
                let mut any = false;
                for list in ["initContainers", "containers"] {
                    for container in chosen(spec, name, &[list]) {
                        container["image"] = Value::from(image.as_str());
                        any = true;
                    }
                }
                if !any {
                    return Err(Failure::error(format!("unable to find container named {name:?}")));
                }
            }
        }
        Setting::Resources { containers, limits, requests } => {
            let list = chosen(spec, containers, &["containers"]);
            if list.is_empty() {
                return Err(Failure::error(format!("unable to find container named {containers}")));
            }
            for container in list {
                for (field, amounts) in [("limits", limits), ("requests", requests)] {
                    for (name, amount) in amounts {
                        if crate::quantity::nano(amount).is_none() {
                            return Err(Failure::error(
                                "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
                            ));
                        }
                        let known = &container["resources"][field][name];
                        let same = known.as_str().is_some_and(|known| {
                            crate::quantity::compare(known, amount) == Some(std::cmp::Ordering::Equal)
                        });
                        if !same {
                            entry(entry(container, "resources"), field)[name] = Value::from(amount.as_str());
                        }
                    }
                }
            }
        }
    }
    Ok(())
}

fn entry<'a>(value: &'a mut Value, key: &str) -> &'a mut Value {
    let slot = &mut value[key];
    if !slot.is_object() {
        *slot = json!({});
    }
    slot
}

/// The containers of a pod's specification whose name fits a pattern with `*`.
fn chosen<'a>(spec: &'a mut Value, pattern: &str, lists: &[&str]) -> Vec<&'a mut Value> {
    let Some(map) = spec.as_object_mut() else { return Vec::new() };
    map.iter_mut()
        .filter(|(key, _)| lists.contains(&key.as_str()))
        .filter_map(|(_, list)| list.as_array_mut())
        .flatten()
        .filter(|container| fits(pattern, container["name"].as_str().unwrap_or_default()))
        .collect()
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, end)) => name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end),
    }
}

fn variables_of(container: &mut Value, variables: &Variables, from: &[Value]) -> Result<(), String> {
    let mut list = container["env"].as_array().cloned().unwrap_or_default();
    let given = variables.set.iter().map(|(name, value)| json!({"name": name, "value": value}));
    for wanted in from.iter().cloned().chain(given) {
        let name = wanted["name"].clone();
        match list.iter_mut().find(|known| known["name"] == name) {
            Some(known) if !variables.overwrite && *known != wanted => {
                return Err(format!(
                    "'{}' already has a value ({}), and --overwrite is false",
                    name.as_str().unwrap_or_default(),
                    known["value"].as_str().unwrap_or_default()
                ));
            }
            Some(known) => *known = wanted,
            None => list.push(wanted),
        }
    }
    list.retain(|known| !variables.removed.iter().any(|name| known["name"].as_str() == Some(name)));
    if !list.is_empty() || container.get("env").is_some() {
        container["env"] = Value::Array(list);
    }
    Ok(())
}

/// The variables that `--from` brings: references, never values.
async fn source(scope: &Scope<'_>, variables: &Variables) -> Result<Vec<Value>, Failure> {
    let Some(from) = &variables.from else { return Ok(Vec::new()) };
    let Some((kind, name)) = from.split_once('/') else {
        return Err(Failure::error("arguments in resource/name form must have a single resource and name"));
    };
    let mapping = discovery::one(&scope.api, kind).await?;
    let reference = match (mapping.group.as_str(), mapping.resource.as_str()) {
        ("", "configmaps") => "configMapKeyRef",
        ("", "secrets") => "secretKeyRef",
        _ => return Err(Failure::error(format!("unsupported resource specified in --from: {from}"))),
    };
    path_segment(name)?;
    let object = scope.get(&mapping, name, &Query::new(), AS_JSON).await?;
    let none = Map::new();
    let mut keys: Vec<&String> = object["data"].as_object().unwrap_or(&none).keys().collect();
    keys.retain(|key| variables.keys.is_empty() || variables.keys.contains(key));
    keys.sort();
    Ok(keys
        .iter()
        .map(|key| {
            let variable: String =
                key.chars()
                    .map(|letter| {
                        if letter.is_ascii_alphanumeric() || letter == '_' { letter.to_ascii_uppercase() } else { '_' }
                    })
                    .collect();
            json!({"name": format!("{}{variable}", variables.prefix),
                "valueFrom": {reference: {"key": key, "name": name}}})
        })
        .collect())
}

/// `--list`
fn listed(variables: &Variables, one: &Found) -> String {
    use std::fmt::Write as _;
    let mut spec = pod_spec(&one.mapping).and_then(|path| one.object.pointer(path)).cloned().unwrap_or_default();
    let mut text = String::new();
    for container in chosen(&mut spec, &variables.containers, &["initContainers", "containers"]) {
        let name = container["name"].as_str().unwrap_or_default();
        let _ = writeln!(text, "# {} {}, container {name}", one.mapping.kind, one.name());
        for variable in container["env"].as_array().into_iter().flatten() {
            let name = variable["name"].as_str().unwrap_or_default();
            let from = &variable["valueFrom"];
            let _ = if from.is_null() {
                writeln!(text, "{name}={}", variable["value"].as_str().unwrap_or_default())
            } else {
                writeln!(text, "# {name} from {}", reference(from))
            };
        }
    }
    text
}

/// Where a variable's value comes from, as kubectl says it (`resourcehelper.GetEnvVarRefString`).
pub(crate) fn reference(from: &Value) -> String {
    let text = |path: &str| from.pointer(path).and_then(Value::as_str).unwrap_or_default();
    if from.get("configMapKeyRef").is_some() {
        return format!("configmap {}, key {}", text("/configMapKeyRef/name"), text("/configMapKeyRef/key"));
    }
    if from.get("secretKeyRef").is_some() {
        return format!("secret {}, key {}", text("/secretKeyRef/name"), text("/secretKeyRef/key"));
    }
    if from.get("resourceFieldRef").is_some() {
        return format!("resource field {}", text("/resourceFieldRef/resource"));
    }
    if from.get("fieldRef").is_some() {
        return format!("field path {}", text("/fieldRef/fieldPath"));
    }
    "invalid valueFrom".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_set_in_place_and_taken_away() {
        let variables = Variables {
            containers: "*".to_owned(),
            set: vec![("B".to_owned(), "2".to_owned()), ("C".to_owned(), "a b".to_owned())],
            removed: vec!["A".to_owned()],
            list: false,
            from: None,
            prefix: String::new(),
            keys: Vec::new(),
            overwrite: true,
        };
        let mut container = json!({"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}]});
        variables_of(&mut container, &variables, &[]).expect("set");
        assert_eq!(container["env"], json!([{"name": "B", "value": "2"}, {"name": "C", "value": "a b"}]));
        let keep = Variables { overwrite: false, ..variables };
        let wrong = variables_of(&mut json!({"env": [{"name": "B", "value": "1"}]}), &keep, &[]).expect_err("kept");
        assert_eq!(wrong, "'B' already has a value (1), and --overwrite is false");
    }

    #[test]
    fn patterns_choose_containers() {
        for (pattern, name, expected) in
            [("*", "web", true), ("w*", "web", true), ("web", "web", true), ("w*x", "web", false)]
        {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
