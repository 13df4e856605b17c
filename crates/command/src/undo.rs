//! What a call changes that can be changed back: what has to be asked before it, and the calls that bring back what was
//! there. Only what one plain call brings back whole is here: a rollback that brings back a part would look like all of it.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::Value;

use crate::Effect;
use crate::kubectl::{self, Command, DryRun, PatchKind, PatchText, RolloutVerb, Schedule, Selection};

/// How many objects one call may change to be changed back.
const MOST: usize = 20;

/// One call's change, and what is known so far of what was there before it.
#[derive(Clone, Debug)]
pub struct Change {
    /// Which objects: the words of `kubectl get`.
    words: Vec<String>,
    selector: Option<String>,
    namespace: Option<String>,
    parts: Vec<Part>,
    known: Known,
}

/// A part of an object that a call changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The pods' template: revisions of it are kept.
    Template,
    /// How many there are; the number that is asked for, where the call says it.
    Replicas(Option<u64>),
    /// Whether a deployment's rollouts are held back from now on.
    Paused(bool),
    /// Whether a node is closed to new pods from now on.
    Closed(bool),
}

#[derive(Clone, Debug)]
enum Known {
    Nothing,
    /// All but the revisions that the cluster keeps beside these.
    Objects(Vec<Object>),
    Back(Vec<Vec<String>>),
}

/// What was there before.
#[derive(Clone, Debug)]
struct Object {
    kind: &'static str,
    name: String,
    namespace: String,
    uid: String,
    replicas: Option<u64>,
    /// The template's revision; a deployment says it itself.
    revision: Option<u64>,
    /// Whether an earlier revision can be brought back, and which one runs is certain.
    is_kept: bool,
    is_paused: bool,
    is_closed: bool,
}

/// What a call of [`Change::back`] brings back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brought {
    /// The object's kind: `deployment`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The revision that ran before.
    pub revision: Option<String>,
    /// How many there were before.
    pub replicas: Option<String>,
}

impl Change {
    /// What a call changes, where that can be changed back; `argv[0]` is the program.
    #[must_use]
    pub fn of(argv: &[String]) -> Option<Self> {
        if argv.first().map(String::as_str) != Some("kubectl") {
            return None;
        }
        let call = kubectl::parse(argv).ok()?;
        if call.action.effect == Effect::Read {
            return None;
        }
        let chosen = |all: bool, selector: &Option<String>| all || selector.is_some();
        // A bare type is all of it for some verbs and nothing for others.
        let (selection, selector, takes_all, parts) = match call.command {
            Command::Scale(scale) => {
                let parts = vec![Part::Replicas(Some(scale.replicas.into()))];
                let all = chosen(scale.all, &scale.selector);
                (scale.selection, scale.selector, all, parts)
            }
            Command::Rollout(rollout) => {
                let part = match rollout.verb {
                    RolloutVerb::Restart | RolloutVerb::Undo { dry_run: DryRun::None, .. } => Part::Template,
                    RolloutVerb::Pause => Part::Paused(true),
                    RolloutVerb::Resume => Part::Paused(false),
                    _ => return None,
                };
                (rollout.selection, rollout.selector, true, vec![part])
            }
            Command::Set(set) => {
                let all = chosen(set.all, &set.selector);
                (set.selection, set.selector, all, vec![Part::Template])
            }
            Command::Patch(patch) if patch.subresource.is_none() => {
                (patch.selection, None, false, patched(patch.kind, &patch.patch)?)
            }
            Command::Cordon(cordon) => {
                let part = Part::Closed(cordon.schedule == Schedule::Stop);
                let selection = match cordon.nodes.is_empty() {
                    true => Selection::Types(vec!["nodes".to_owned()]),
                    false => Selection::Names { kind: "nodes".to_owned(), names: cordon.nodes },
                };
                (selection, cordon.selector, true, vec![part])
            }
            _ => return None,
        };
        let words = match selection {
            Selection::Types(_) if !takes_all => return None,
            Selection::Types(types) => vec![types.join(",")],
            Selection::Names { kind, names } => std::iter::once(kind).chain(names).collect(),
            Selection::Pairs(pairs) => pairs.into_iter().map(|(kind, name)| format!("{kind}/{name}")).collect(),
        };
        words.iter().all(|word| is_plain(word)).then_some(Self {
            words,
            selector,
            namespace: call.namespace,
            parts,
            known: Known::Nothing,
        })
    }

    /// The next call to make before the change. It only looks. `None` once there is nothing left to ask.
    #[must_use]
    pub fn ask(&self) -> Option<Vec<String>> {
        let mut argv = vec!["kubectl".to_owned(), "get".to_owned()];
        match self.known {
            Known::Nothing => {
                argv.extend(self.words.iter().cloned());
                argv.extend(self.selector.as_ref().map(|selector| format!("--selector={selector}")));
            }
            Known::Objects(_) => argv.push("controllerrevisions.apps".to_owned()),
            Known::Back(_) => return None,
        }
        argv.extend(self.namespace.as_ref().map(|namespace| format!("--namespace={namespace}")));
        argv.push("--output=json".to_owned());
        Some(argv)
    }

    /// Takes the standard output of what was asked.
    pub fn hear(&mut self, answer: &str) {
        let answer = serde_json::from_str(answer).unwrap_or(Value::Null);
        let objects = match std::mem::replace(&mut self.known, Known::Back(Vec::new())) {
            Known::Nothing => {
                let items = items(&answer);
                let read = || items.iter().map(|item| Object::read(item)).collect::<Option<Vec<_>>>();
                let Some(objects) = (items.len() <= MOST).then(read).flatten() else { return };
                let asks = |object: &Object| object.is_kept && object.revision.is_none();
                if self.parts.contains(&Part::Template) && objects.iter().any(asks) {
                    self.known = Known::Objects(objects);
                    return;
                }
                objects
            }
            Known::Objects(mut objects) => {
                objects.iter_mut().for_each(|object| object.find_revision(&items(&answer)));
                objects
            }
            Known::Back(_) => return,
        };
        // All of what the call changes, or nothing.
        let calls = objects.iter().flat_map(|object| self.parts.iter().map(|part| object.back(*part)));
        if let Some(calls) = calls.collect::<Option<Vec<_>>>() {
            self.known = Known::Back(calls.into_iter().flatten().collect());
        }
    }

    /// The calls that bring back what was there before; empty where that is not known, or the call changes nothing.
    #[must_use]
    pub fn back(self) -> Vec<Vec<String>> {
        match self.known {
            Known::Back(calls) => calls,
            Known::Nothing | Known::Objects(_) => Vec::new(),
        }
    }
}

impl Object {
    fn read(item: &Value) -> Option<Self> {
        let group = item["apiVersion"].as_str()?.split_once('/').map_or("", |(group, _)| group);
        let kind = match (group, item["kind"].as_str()?) {
            ("apps" | "extensions", "Deployment") => "deployment",
            ("apps", "StatefulSet") => "statefulset",
            ("apps" | "extensions", "DaemonSet") => "daemonset",
            ("apps" | "extensions", "ReplicaSet") => "replicaset",
            ("", "ReplicationController") => "replicationcontroller",
            ("", "Node") => "node",
            _ => return None,
        };
        let (metadata, spec) = (&item["metadata"], &item["spec"]);
        let text = |key: &str| metadata[key].as_str().unwrap_or_default().to_owned();
        let (name, namespace) = (text("name"), text("namespace"));
        if !is_plain(&name) || (kind != "node" && !is_plain(&namespace)) {
            return None;
        }
        let revision = metadata["annotations"]["deployment.kubernetes.io/revision"].as_str();
        // Behind its own specification, the controller has not given the present template its revision yet.
        let is_settled = item["status"]["observedGeneration"].as_i64() >= metadata["generation"].as_i64();
        let is_workload = matches!(kind, "deployment" | "statefulset" | "daemonset");
        let is_paused = spec["paused"] == true;
        Some(Self {
            kind,
            name,
            namespace,
            uid: text("uid"),
            replicas: spec["replicas"].as_u64(),
            revision: revision.filter(|_| kind == "deployment").and_then(|text| text.parse().ok()),
            is_kept: is_workload && is_settled && !is_paused && spec["revisionHistoryLimit"] != 0,
            is_paused,
            is_closed: spec["unschedulable"] == true,
        })
    }

    /// Takes the newest of the revisions that it controls.
    fn find_revision(&mut self, revisions: &[&Value]) {
        let is_own = |revision: &&&Value| {
            let owners = revision["metadata"]["ownerReferences"].as_array();
            owners.into_iter().flatten().any(|owner| owner["controller"] == true && owner["uid"] == self.uid.as_str())
        };
        let newest = revisions.iter().filter(is_own).filter_map(|revision| revision["revision"].as_u64()).max();
        self.revision = self.revision.or(newest);
    }

    /// The call that brings a part back; nothing in it where the call changes nothing. `None` where none does.
    fn back(&self, part: Part) -> Option<Option<Vec<String>>> {
        let target = format!("{}/{}", self.kind, self.name);
        let here = ["-n", &self.namespace];
        let call = |verb: &[&str], rest: &[&str]| {
            let words = ["kubectl"].iter().chain(verb).chain(rest);
            Some(Some(words.map(|word| (*word).to_owned()).collect()))
        };
        match part {
            Part::Template => {
                let revision = format!("--to-revision={}", self.revision.filter(|_| self.is_kept)?);
                call(&["rollout", "undo", &target], &[here[0], here[1], &revision])
            }
            Part::Replicas(wanted) => {
                let before = self.replicas.filter(|_| !matches!(self.kind, "daemonset" | "node"))?;
                if wanted == Some(before) {
                    return Some(None);
                }
                call(&["scale", &target], &[here[0], here[1], &format!("--replicas={before}")])
            }
            Part::Paused(now) => match (self.kind, now) {
                ("deployment", now) if now == self.is_paused => Some(None),
                ("deployment", true) => call(&["rollout", "resume", &target], &here),
                ("deployment", false) => call(&["rollout", "pause", &target], &here),
                _ => None,
            },
            Part::Closed(now) => match (self.kind, now) {
                ("node", now) if now == self.is_closed => Some(None),
                ("node", true) => call(&["uncordon", &self.name], &[]),
                ("node", false) => call(&["cordon", &self.name], &[]),
                _ => None,
            },
        }
    }
}

/// The parts that a patch changes, where it changes no other. What is no JSON is not looked into.
fn patched(kind: PatchKind, patch: &PatchText) -> Option<Vec<Part>> {
    let PatchText::Given(text) = patch else { return None };
    let json: Value = serde_json::from_str(text).ok()?;
    let part = |name: &str| match name {
        "template" => Some(Part::Template),
        "replicas" => Some(Part::Replicas(None)),
        _ => None,
    };
    let parts = match kind {
        PatchKind::Json => {
            let path = |step: &Value| part(step["path"].as_str()?.strip_prefix("/spec/")?.split('/').next()?);
            json.as_array()?.iter().map(path).collect::<Option<Vec<_>>>()?
        }
        PatchKind::Merge | PatchKind::Strategic => {
            let top = json.as_object()?;
            let spec = top.get("spec").filter(|_| top.len() == 1)?.as_object()?;
            spec.keys().map(|key| part(key)).collect::<Option<Vec<_>>>()?
        }
    };
    let mut different: Vec<Part> = Vec::new();
    parts.into_iter().for_each(|part| {
        if !different.contains(&part) {
            different.push(part);
        }
    });
    (!different.is_empty()).then_some(different)
}

/// One object, or those of a list.
fn items(answer: &Value) -> Vec<&Value> {
    match answer["items"].as_array() {
        Some(items) => items.iter().collect(),
        None if answer.is_object() => vec![answer],
        None => Vec::new(),
    }
}

/// Whether a word is a name or several of them: no option, and nothing that a shell reads.
fn is_plain(word: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-./,:_".contains(&byte);
    !word.is_empty() && !word.starts_with('-') && word.bytes().all(plain)
}

/// The calls that bring back what was there before several changes, given what brings back each of them in the order in
/// which they were made. The last change goes back first; of several changes of one thing only what was there before the
/// first one counts, because what was there in between is nobody's aim: scaled to nothing and up again, a service is not
/// interrupted a second time.
#[must_use]
pub fn together(calls: &[Vec<String>]) -> Vec<Vec<String>> {
    let mut order: Vec<&[String]> = Vec::new();
    let mut last: HashMap<_, &[String]> = HashMap::new();
    for call in calls {
        if last.insert(thing(call), call).is_none() {
            order.push(call);
        }
    }
    // A switch that was put back is as it was: two different calls of one switch stand for there and back.
    let is_as_it_was = |first: &[String]| {
        let (what, _) = thing(first);
        what == SWITCH && last.get(&thing(first)).is_some_and(|last| *last != first)
    };
    order.into_iter().rev().filter(|first| !is_as_it_was(first)).map(<[String]>::to_vec).collect()
}

/// What has two states.
const SWITCH: &str = "switch";

/// What a call brings back, whatever it brings it back to.
fn thing(call: &[String]) -> (&'static str, Vec<&str>) {
    let words: Vec<&str> = call.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["kubectl", "scale", object @ .., _] => ("replicas", object.to_vec()),
        ["kubectl", "rollout", "undo", object @ .., _] => ("template", object.to_vec()),
        ["kubectl", "rollout", "pause" | "resume", object @ ..] => (SWITCH, object.to_vec()),
        ["kubectl", "cordon" | "uncordon", object @ ..] => (SWITCH, object.to_vec()),
        _ => ("", words),
    }
}

/// The calls as a text for bash: one a line, and none after one that failed. `None` where there is nothing to call, or a
/// word cannot stand in a text.
#[must_use]
pub fn script(calls: &[Vec<String>]) -> Option<String> {
    // An option's `=` needs no quotes; it is read more easily without them.
    let is_option = |word: &str| word.strip_prefix("--").is_some_and(|rest| rest.split('=').all(is_plain));
    let quoted = |word: &String| match is_option(word) {
        true => Some(word.clone()),
        false => shlex::try_quote(word).ok().map(Cow::into_owned),
    };
    let line = |call: &Vec<String>| Some(call.iter().map(quoted).collect::<Option<Vec<_>>>()?.join(" "));
    let lines: Vec<String> = calls.iter().map(line).collect::<Option<_>>()?;
    match lines.as_slice() {
        [] => None,
        [only] => Some(only.clone()),
        several => Some(format!("set -e\n{}", several.join("\n"))),
    }
}

impl Brought {
    /// What one of the calls brings back.
    #[must_use]
    pub fn by(call: &[String]) -> Option<Self> {
        let words: Vec<&str> = call.iter().map(String::as_str).collect();
        let (object, rest) = match words.as_slice() {
            ["kubectl", "scale", object, rest @ ..] | ["kubectl", "rollout", _, object, rest @ ..] => (object, rest),
            _ => return None,
        };
        let (kind, name) = object.split_once('/')?;
        let ["-n", namespace, rest @ ..] = rest else { return None };
        let value = |option: &str| rest.iter().find_map(|word| word.strip_prefix(option)).map(str::to_owned);
        Some(Self {
            kind: kind.to_owned(),
            name: name.to_owned(),
            namespace: (*namespace).to_owned(),
            revision: value("--to-revision="),
            replicas: value("--replicas="),
        })
    }
}

#[cfg(test)]
mod tests;
