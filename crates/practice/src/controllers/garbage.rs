//! Garbage collection by owner references, foreground deletion, and the emptying of deleted namespaces.

use super::Timers;
use crate::cluster::keep;
use crate::deletion::{self, DEPENDENTS, FOREGROUND, Propagation, Terms};
use crate::kinds;
use crate::object::{deleting, list, name, namespace, text, uid};
use crate::store::Store;
use serde_json::{Value, json};
use std::collections::HashSet;

pub(super) fn collect(store: &mut Store, timers: &mut Timers) {
    empty_namespaces(store, timers);
    let mut alive: HashSet<String> = HashSet::new();
    let mut leaving: Vec<(String, Value)> = Vec::new();
    for place in places(store) {
        for object in store.list(&place, None) {
            if deleting(&object) && list(&object, "/metadata/finalizers").iter().any(|f| f == FOREGROUND) {
                leaving.push((place.clone(), Value::clone(&object)));
            }
            alive.insert(uid(&object).to_owned());
        }
    }
    let going: HashSet<&str> = leaving.iter().map(|(_, object)| uid(object)).collect();
    let mut held: HashSet<String> = HashSet::new();
    for place in DEPENDENTS {
        for object in store.list(place, None) {
            let owners = list(&object, "/metadata/ownerReferences");
            if owners.is_empty() {
                continue;
            }
            let orphaned =
                owners.iter().all(|owner| !alive.contains(text(owner, "/uid")) || going.contains(text(owner, "/uid")));
            if !orphaned {
                continue;
            }
            if !deleting(&object) {
                // What is deleted in the foreground takes its dependents along in the foreground.
                let ahead = owners.iter().any(|owner| going.contains(text(owner, "/uid"))) && place != &"pods";
                let propagation = if ahead { Propagation::Foreground } else { Propagation::Background };
                deletion::delete(store, place, namespace(&object), name(&object), Terms { grace: None, propagation });
            }
            if store.get(place, namespace(&object), name(&object)).is_some() {
                held.extend(owners.iter().map(|owner| text(owner, "/uid").to_owned()));
            }
        }
    }
    for (place, owner) in &leaving {
        if !held.contains(uid(owner)) {
            let mut next = owner.clone();
            let kept: Vec<Value> =
                list(owner, "/metadata/finalizers").iter().filter(|f| *f != FOREGROUND).cloned().collect();
            next["metadata"]["finalizers"] = json!(kept);
            if let Some(next) = keep(store, place, next) {
                deletion::finish(store, place, &next);
            }
        }
    }
}

/// Every place that holds objects: those of the built-in kinds and those of the definitions.
fn places(store: &Store) -> Vec<String> {
    let mut all: Vec<String> =
        kinds::built_in().iter().filter(|k| k.group != "metrics.k8s.io").map(|k| k.place()).collect();
    for definition in store.list("customresourcedefinitions.apiextensions.k8s.io", None) {
        all.extend(kinds::from_definition(&definition).iter().map(|k| k.place()));
    }
    all.sort();
    all.dedup();
    all
}

fn empty_namespaces(store: &mut Store, timers: &mut Timers) {
    for space in store.list("namespaces", None) {
        if !deleting(&space) {
            continue;
        }
        let mut left = 0;
        for place in places(store) {
            for object in store.list(&place, Some(name(&space))) {
                if !deleting(&object) {
                    deletion::delete(store, &place, name(&space), name(&object), Terms::default());
                }
                left += usize::from(store.get(&place, name(&space), name(&object)).is_some());
            }
        }
        if left == 0 && timers.due(uid(&space), "namespace", 1.0) {
            store.remove("namespaces", "", name(&space));
        }
    }
}
