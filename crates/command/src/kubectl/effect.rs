//! How far each verb reaches, and what it acts on.

use serde_json::Value;

use super::commands::{Command, DryRun, LogsOf, PatchText, TopOf, Watch};
use super::pflag::Arguments;
use super::read::{dry_run, selection_words};
use super::{Selection, inside, kinds};
use crate::action::ALL_NAMESPACES;
use crate::{Action, Effect, Refusal, Target};

/// What the policy sees of a call.
pub(super) fn action(verb: &'static str, arguments: &Arguments, command: &Command) -> Result<Action, Refusal> {
    Ok(Action {
        tool: "kubectl".to_owned(),
        verb: match verb {
            "top pod" => "top pods".to_owned(),
            "top node" => "top nodes".to_owned(),
            _ => verb.to_owned(),
        },
        targets: targets(verb, arguments, command)?,
        effect: effect(verb, arguments, command)?,
        follows: follows(verb, arguments, command),
    })
}

fn effect(verb: &str, arguments: &Arguments, command: &Command) -> Result<Effect, Refusal> {
    let effect = match verb {
        "get" | "logs" | "describe" | "explain" | "events" | "diff" | "wait" | "version" | "kustomize" => Effect::Read,
        "top pod" | "top node" | "rollout status" | "rollout history" => Effect::Read,
        "api-resources" | "api-versions" | "cluster-info" | "cluster-info dump" => Effect::Read,
        "auth can-i" | "auth whoami" | "apply view-last-applied" => Effect::Read,
        "delete" | "drain" => Effect::Destroy,
        "replace" if arguments.on("force") => Effect::Destroy,
        "apply" if arguments.on("prune") || arguments.on("force") => Effect::Destroy,
        // Evicts what already runs.
        "taint" if arguments.words.iter().any(|word| word.ends_with(":NoExecute")) => Effect::Destroy,
        "exec" | "run" => match command {
            Command::Exec(exec) => inside::effect(&exec.command),
            // Making a pod is a change, whatever runs in it.
            Command::Run(run) => inside::effect(&run.arguments).max(Effect::Change),
            _ => Effect::Change,
        },
        // Scaling to nothing interrupts the service; scaling back up does not undo the interruption.
        "patch" => match command {
            Command::Patch(patch) => patched(&patch.patch),
            _ => Effect::Change,
        },
        "scale" if matches!(command, Command::Scale(scale) if scale.replicas == 0) => Effect::Destroy,
        _ => Effect::Change,
    };
    let tried = arguments.given("dry-run") && dry_run(arguments)? != DryRun::None;
    let local = arguments.on("local") || (arguments.on("list") && !matches!(verb, "label" | "annotate"));
    Ok(if tried || local { Effect::Read } else { effect })
}

/// How far a patch reaches: one that removes something, scales to nothing or takes finalizers away cannot be taken back.
/// What cannot be read here (a file, YAML, something too deep) may do any of that.
fn patched(patch: &PatchText) -> Effect {
    let PatchText::Given(text) = patch else { return Effect::Destroy };
    let Ok(json) = serde_json::from_str::<Value>(text) else { return Effect::Destroy };
    let mut waiting = vec![&json];
    while let Some(value) = waiting.pop() {
        match value {
            Value::Null => return Effect::Destroy,
            Value::Object(map) => {
                let text = |key: &str| map.get(key).and_then(Value::as_str).unwrap_or_default();
                let path = text("path");
                let zero = |key: &str| map.get(key).and_then(Value::as_f64) == Some(0.0);
                let removes = text("op") == "remove"
                    || (path.ends_with("/replicas") && zero("value"))
                    || path.contains("/finalizers")
                    || map.contains_key("finalizers")
                    || map.contains_key("$patch")
                    || zero("replicas");
                if removes || map.keys().any(|key| key.starts_with("$deleteFromPrimitiveList")) {
                    return Effect::Destroy;
                }
                waiting.extend(map.values());
            }
            Value::Array(items) => waiting.extend(items),
            _ => {}
        }
    }
    Effect::Change
}

fn follows(verb: &str, arguments: &Arguments, command: &Command) -> bool {
    match command {
        Command::Get(get) => get.watch != Watch::No,
        Command::Logs(logs) => logs.follow,
        Command::Exec(exec) => inside::follows(&exec.command),
        _ => verb == "port-forward" || verb == "attach" || (verb == "events" && arguments.on("watch")),
    }
}

fn targets(verb: &str, arguments: &Arguments, command: &Command) -> Result<Vec<Target>, Refusal> {
    let named = arguments.text("namespace");
    let namespace = if arguments.on("all-namespaces") { Some(ALL_NAMESPACES) } else { named.as_deref() };
    let selector = arguments.text("selector");
    let target = |kind: &str, name: Option<&str>| Target {
        kind: kinds::singular(kind),
        name: name.map(str::to_owned),
        selector: selector.clone(),
        namespace: namespace.map(str::to_owned),
    };
    let all_of = |kind: &str, names: &[String]| match names {
        [] => vec![target(kind, None)],
        _ => names.iter().map(|name| target(kind, Some(name))).collect(),
    };
    let words = arguments.words.as_slice();
    let before_dash = &words[..arguments.dash_at.unwrap_or(words.len()).min(words.len())];
    let file_targets = || -> Vec<Target> {
        let files = arguments.list("filename").into_iter().chain(arguments.text("kustomize"));
        files.map(|file| Target { kind: "file".to_owned(), name: Some(file), ..Target::default() }).collect()
    };
    Ok(match command {
        Command::Logs(logs) => match &logs.of {
            LogsOf::Object(kind, name) => vec![target(kind, Some(name))],
            LogsOf::Selector(_) => vec![target("pod", None)],
        },
        Command::Top(top) => {
            let kind = if matches!(top.of, TopOf::Pods { .. }) { "pod" } else { "node" };
            vec![target(kind, top.name.as_deref())]
        }
        Command::Cordon(cordon) => all_of("node", &cordon.nodes),
        _ => match verb {
            "exec" | "attach" | "port-forward" | "debug" => {
                let object = before_dash.first().map(String::as_str).unwrap_or_default();
                match object.split_once('/') {
                    Some((kind, name)) => vec![target(kind, Some(name))],
                    None => vec![target("pod", Some(object))],
                }
            }
            "run" => vec![target("pod", before_dash.first().map(String::as_str))],
            "drain" => all_of("node", words),
            "certificate approve" | "certificate deny" => all_of("certificatesigningrequest", words),
            "auth can-i" => words.get(1).map(|kind| target(kind, None)).into_iter().collect(),
            "explain" => words.first().map(|kind| target(kind, None)).into_iter().collect(),
            "events" => vec![target("event", None)],
            "version" | "api-resources" | "api-versions" | "cluster-info" | "auth whoami" => Vec::new(),
            "create" => file_targets(),
            _ if verb.starts_with("create ") => {
                let kind = verb.split(' ').nth(1).unwrap_or_default();
                let kind = if kind == "quota" { "resourcequota" } else { kind };
                vec![target(kind, words.first().map(String::as_str))]
            }
            _ => {
                let chosen = Selection::read(selection_words(verb, words))?;
                match chosen {
                    Some(chosen) => chosen.targets(selector.as_deref(), namespace),
                    None => file_targets(),
                }
            }
        },
    })
}
