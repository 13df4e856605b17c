//! Whether a call did what it says: rules on programs and verbs, on what was seen from outside.

use command::{Effect, Target};
use serde_json::Value;

use crate::world::{Change, Part, State};

/// One call of the trail, with how it ended.
#[derive(Clone, Debug)]
pub(crate) struct Performed {
    pub(crate) tool: String,
    pub(crate) verb: String,
    pub(crate) argv: Vec<String>,
    pub(crate) targets: Vec<Target>,
    pub(crate) effect: Effect,
    pub(crate) exit_code: Option<i32>,
    /// Whether the portal did not perform it.
    pub(crate) refused: bool,
}

impl Performed {
    /// Whether something should be different afterwards.
    pub(crate) fn changes(&self) -> bool {
        self.effect != Effect::Read
    }

    /// Whether it sets anew what an earlier call had set: `scale` down, then up.
    pub(crate) fn undoes(&self, earlier: &Self) -> bool {
        self.exit_code == Some(0)
            && self.verb == earlier.verb
            && self.targets == earlier.targets
            && self.verb == "scale"
    }

    /// The value of an option, as `--name=value` or `--name value`.
    fn option(&self, name: &str) -> Option<&str> {
        let joined = format!("{name}=");
        self.argv.iter().enumerate().find_map(|(at, argument)| match argument.strip_prefix(&joined) {
            Some(value) => Some(value),
            None if argument == name => self.argv.get(at + 1).map(String::as_str),
            None => None,
        })
    }
}

/// How the line begins that tells what answered behind a link.
pub(crate) const ANSWERED: &str = "the link answered: ";

/// What was seen of a call's effect.
///
/// # Errors
/// What should have been seen and was not.
pub(crate) fn proof(call: &Performed, changes: &[Change], now: &State, printed: &str) -> Result<String, String> {
    match (call.tool.as_str(), call.verb.as_str()) {
        // What runs in a container is nothing that the API shows.
        ("kubectl", "port-forward") => {
            let answer = printed.lines().find_map(|line| line.strip_prefix(ANSWERED)).unwrap_or_default();
            match answer.starts_with("HTTP/1.") {
                true => Ok(format!("behind its link answers {answer}")),
                false => Err(format!("nobody answers behind its link: {answer}")),
            }
        }
        ("kubectl", "exec" | "run" | "attach" | "cp" | "debug") => Ok(format!("{} ran to its end", call.verb)),
        ("kubectl", "scale") => {
            let wanted = call.option("--replicas").unwrap_or_default();
            targets(call, now, |address, thing| {
                let is = thing.pointer("/spec/replicas").map(Value::to_string).unwrap_or_default();
                if is == wanted {
                    Ok(format!("{address} has {is} replicas"))
                } else {
                    Err(format!("{address} has {is}"))
                }
            })
        }
        ("kubectl", "cordon" | "drain") => {
            targets(call, now, |address, thing| match thing.pointer("/spec/unschedulable") {
                Some(Value::Bool(true)) => Ok(format!("{address} takes no pods")),
                _ => Err(format!("{address} still takes pods")),
            })
        }
        ("kubectl", "delete") => call.targets.iter().try_fold(String::new(), |proof, target| {
            match changes.iter().find(|change| is_of(&change.address, target) && is_gone(change)) {
                Some(change) => Ok(format!("{proof}{} is gone ", change.address)),
                None => Err(format!("no {target} has gone")),
            }
        }),
        ("kubectl", "apply" | "create" | "replace") => written(now, printed),
        ("kubectl", "rollout undo") if printed.contains("skipped rollback") => Ok("it was so already".to_owned()),
        ("kubectl", "label" | "annotate" | "patch") if is_so(printed) => Ok("it was so already".to_owned()),
        ("kubectl", _) => touched(call, changes, Part::Cluster),
        // Nothing in the account tells that it was done; its answer names what it was done to.
        ("aws", verb) if verb.split(' ').any(|word| word.starts_with("reboot-")) => {
            let named = call.targets.iter().filter_map(|target| target.name.as_deref());
            let mut named = named.filter(|name| printed.contains(name)).peekable();
            let first = named.peek().map(|name| format!("the account answered for {name}"));
            first.ok_or_else(|| "the account did not answer for what it names".to_owned())
        }
        ("aws", verb) => {
            let service = verb.split(' ').next().unwrap_or_default();
            let mut seen = changes.iter().filter(|change| change.part == Part::Aws && is_of_service(change, service));
            seen.find(|change| mentions(call, change))
                .map(describe)
                .ok_or_else(|| format!("nothing of {service} that it names has changed"))
        }
        ("psql", _) if ["(0 rows)", "DELETE 0", "UPDATE 0"].iter().any(|none| printed.contains(none)) => {
            Ok("there was nothing for it to change".to_owned())
        }
        (tool, _) => match Part::of(tool) {
            Some(part) => changes
                .iter()
                .find(|change| change.part == part)
                .map(describe)
                .ok_or_else(|| format!("nothing has changed after {} {}", call.tool, call.verb)),
            None => Ok(format!("{tool} ran to its end")),
        },
    }
}

/// Everything that the call says it has written is there.
fn written(now: &State, printed: &str) -> Result<String, String> {
    let mut proofs = Vec::new();
    for line in printed.lines() {
        let mut words = line.split_whitespace();
        let (Some(thing), Some("created" | "configured" | "unchanged" | "replaced")) = (words.next(), words.next())
        else {
            continue;
        };
        let Some((kind, name)) = thing.split_once('/') else { continue };
        let kind = kind.split('.').next().unwrap_or(kind);
        let mut here = now.keys().filter(|address| {
            address.starts_with(kind.strip_suffix('y').unwrap_or(kind)) && address.rsplit('/').next() == Some(name)
        });
        proofs.push(here.next().map(|address| format!("{address} is there")).ok_or(format!("{thing} is not there"))?);
    }
    if proofs.is_empty() { Err("it says nothing of what it wrote".to_owned()) } else { Ok(proofs.join("; ")) }
}

fn is_so(printed: &str) -> bool {
    printed.contains("unchanged") || printed.contains("(no change)") || printed.contains("not labeled")
}

/// Every target that has a name is there, and as it should be.
fn targets(
    call: &Performed,
    now: &State,
    check: impl Fn(&str, &Value) -> Result<String, String>,
) -> Result<String, String> {
    let mut proofs = Vec::new();
    for target in &call.targets {
        let mut found = now.iter().filter(|(address, _)| is_of(address, target)).peekable();
        if found.peek().is_none() {
            return Err(format!("{target} is not there"));
        }
        for (address, thing) in found {
            proofs.push(check(address, thing)?);
        }
    }
    if proofs.is_empty() { Err("it names nothing".to_owned()) } else { Ok(proofs.join("; ")) }
}

/// Something that the call names is different now.
fn touched(call: &Performed, changes: &[Change], part: Part) -> Result<String, String> {
    let mut proofs = Vec::new();
    for target in &call.targets {
        let change = changes.iter().find(|change| change.part == part && is_of(&change.address, target));
        match change {
            Some(change) => proofs.push(describe(change)),
            None => return Err(format!("{target} is as it was after {}", call.verb)),
        }
    }
    if proofs.is_empty() {
        let any = changes.iter().find(|change| change.part == part && !is_by_itself(change));
        return any.map(describe).ok_or_else(|| format!("nothing has changed after {}", call.verb));
    }
    Ok(proofs.join("; "))
}

/// Whether an address of the cluster is what a target names: `deployments/shop/web` and `deployment/web in shop`.
fn is_of(address: &str, target: &Target) -> bool {
    let parts: Vec<&str> = address.split('/').collect();
    let (resource, namespace, name) = match parts.as_slice() {
        [resource, name] => (*resource, None, *name),
        [resource, namespace, name] => (*resource, Some(*namespace), *name),
        _ => return false,
    };
    let kind = match target.kind.as_str() {
        "hpa" => "horizontalpodautoscaler",
        kind => kind,
    };
    let stem = kind.strip_suffix('y').unwrap_or(kind);
    resource.starts_with(stem)
        && target.name.as_deref().is_none_or(|wanted| wanted == name)
        && (namespace.is_none() || namespace == Some(target.namespace.as_deref().unwrap_or("default")))
}

/// Whether a thing is away, or another one has its name.
fn is_gone(change: &Change) -> bool {
    let uid = |thing: &Option<Value>| thing.as_ref().and_then(|thing| thing.pointer("/metadata/uid").cloned());
    change.before.is_some()
        && (change.after.is_none()
            || uid(&change.before) != uid(&change.after)
            || change.after.as_ref().is_some_and(|after| after.pointer("/metadata/deletionTimestamp").is_some()))
}

fn is_of_service(change: &Change, service: &str) -> bool {
    let home = change.address.split(' ').next().unwrap_or_default();
    home == service || (home == "s3" && service.starts_with("s3"))
}

/// Whether a change has to do with what a call names.
fn mentions(call: &Performed, change: &Change) -> bool {
    let text = format!("{} {:?} {:?}", change.address, change.before, change.after);
    call.argv.iter().skip(3).filter(|argument| !argument.starts_with("--")).any(|argument| {
        argument.split(['=', ',', '/', '{', '}', '"', ' ', '\n']).any(|word| word.len() >= 4 && text.contains(word))
    })
}

/// Whether the cluster's controllers do such a thing without being asked.
pub(crate) fn is_by_itself(change: &Change) -> bool {
    let without_replicas = |thing: &Option<Value>| {
        let mut thing = thing.clone()?;
        thing.pointer_mut("/spec")?.as_object_mut()?.remove("replicas");
        Some(thing)
    };
    change.part == Part::Cluster
        && change.before.is_some()
        && without_replicas(&change.before).is_some_and(|before| Some(before) == without_replicas(&change.after))
        || change.part == Part::Cluster
            && ["pods/", "replicasets/", "jobs/", "cronjobs/"]
                .iter()
                .any(|resource| change.address.starts_with(resource))
        || change.part == Part::Databases && change.address.contains(" session ")
}

/// A change in a few words.
pub(crate) fn describe(change: &Change) -> String {
    let address = &change.address;
    match (&change.before, &change.after) {
        (None, Some(_)) => format!("{address} is there"),
        (Some(_), None) => format!("{address} is gone"),
        (Some(before), Some(after)) => match first_difference("", before, after) {
            Some((path, before, after)) => format!("{address} {path}: {before} → {after}"),
            None => format!("{address} has changed"),
        },
        (None, None) => address.clone(),
    }
}

fn first_difference(path: &str, before: &Value, after: &Value) -> Option<(String, String, String)> {
    if let (Value::Object(before), Value::Object(after)) = (before, after) {
        let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
        return names.into_iter().find_map(|name| {
            let none = Value::Null;
            first_difference(
                &format!("{path}.{name}"),
                before.get(name).unwrap_or(&none),
                after.get(name).unwrap_or(&none),
            )
        });
    }
    let short = |value: &Value| {
        let text = value.to_string();
        if text.chars().count() > 60 { text.chars().take(57).chain("…".chars()).collect() } else { text }
    };
    (before != after).then(|| (path.trim_start_matches('.').to_owned(), short(before), short(after)))
}
