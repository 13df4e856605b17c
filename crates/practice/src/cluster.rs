//! What every part of one practice cluster shares.

use crate::kinds::{self, Kind};
use crate::object::{self, text};
use crate::status::{Refusal, Subject};
use crate::store::{Full, Store};
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use tokio_util::sync::CancellationToken;

/// The user that every request with the right token acts as.
pub(crate) const USER: &str = "practice";

/// What a caller may not do; `*` stands for anything.
#[derive(Debug, Clone)]
pub(crate) struct Prohibition {
    pub(crate) verb: String,
    pub(crate) resource: String,
    pub(crate) namespace: String,
}

/// One running cluster.
pub(crate) struct Cluster {
    store: Mutex<Store>,
    kinds: RwLock<Arc<Vec<Arc<Kind>>>>,
    pub(crate) prohibitions: Vec<Prohibition>,
    pub(crate) token: String,
    pub(crate) speed: f64,
    pub(crate) stop: CancellationToken,
}

impl Cluster {
    pub(crate) fn new(store: Store, prohibitions: Vec<Prohibition>, token: String, speed: f64) -> Self {
        let cluster = Self {
            store: Mutex::new(store),
            kinds: RwLock::new(Arc::new(kinds::built_in())),
            prohibitions,
            token,
            speed,
            stop: CancellationToken::new(),
        };
        cluster.learn_kinds();
        cluster
    }

    /// The objects. Held only for short, synchronous work; a panic elsewhere does not lock everybody out.
    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn kinds(&self) -> Arc<Vec<Arc<Kind>>> {
        Arc::clone(&self.kinds.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the CustomResourceDefinitions again after one changed.
    pub(crate) fn learn_kinds(&self) {
        let mut all = kinds::built_in();
        for definition in self.store().list("customresourcedefinitions.apiextensions.k8s.io", None) {
            if !object::deleting(&definition) {
                all.extend(kinds::from_definition(&definition));
            }
        }
        *self.kinds.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(all);
    }

    /// The kind served at a group, version and resource name.
    pub(crate) fn kind(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Kind>> {
        self.kinds().iter().find(|k| k.group == group && k.version == version && k.plural == plural).cloned()
    }

    /// Whether a rule forbids this.
    pub(crate) fn forbids(&self, verb: &str, resource: &str, namespace: &str) -> bool {
        let fits = |rule: &str, asked: &str| rule == "*" || rule == asked;
        self.prohibitions
            .iter()
            .any(|p| fits(&p.verb, verb) && fits(&p.resource, resource) && fits(&p.namespace, namespace))
    }

    /// Refuses what a rule forbids, in the sentence of the RBAC authorizer.
    pub(crate) fn permit(
        &self,
        verb: &str,
        kind: &Kind,
        sub: &str,
        namespace: &str,
        name: &str,
    ) -> Result<(), Refusal> {
        let resource = if sub.is_empty() { kind.plural.clone() } else { format!("{}/{sub}", kind.plural) };
        if !self.forbids(verb, &resource, namespace) {
            return Ok(());
        }
        let scope = if namespace.is_empty() {
            "at the cluster scope".to_owned()
        } else {
            format!("in the namespace \"{namespace}\"")
        };
        let why =
            format!("User \"{USER}\" cannot {verb} resource \"{resource}\" in API group \"{}\" {scope}", kind.group);
        Err(Refusal::forbidden(Subject { group: &kind.group, resource: &kind.plural, kind: &kind.kind, name }, &why))
    }
}

/// The refusal for a store that has no room.
pub(crate) fn no_room(_: Full, kind: &Kind, name: &str) -> Refusal {
    let subject = Subject { group: &kind.group, resource: &kind.plural, kind: &kind.kind, name };
    Refusal::forbidden(subject, "exceeded quota: the practice cluster holds as much as it is allowed to")
}

/// What a kind and a name are called in a refusal.
pub(crate) fn subject<'a>(kind: &'a Kind, name: &'a str) -> Subject<'a> {
    Subject { group: &kind.group, resource: &kind.plural, kind: &kind.kind, name }
}

/// Stores a controller's change of an object. A full store drops it: the next round tries again.
pub(crate) fn keep(store: &mut Store, place: &str, object: Value) -> Option<Arc<Value>> {
    let named = text(&object, "/metadata/name").to_owned();
    let kept = store.put(place, object);
    if kept.is_err() {
        tracing::warn!(place, object = named, "the practice cluster is full; a controller could not write");
    }
    kept.ok()
}
