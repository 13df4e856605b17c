//! The objects, their resource versions, and the bounded history that watches read from.

use crate::object;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;
use tokio::sync::watch;

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    Added,
    Modified,
    Deleted,
}

/// One entry of the history.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) place: Arc<str>,
    pub(crate) deed: Deed,
    pub(crate) object: Arc<Value>,
    /// The object before, so that a watch with a selector can tell what left its view.
    pub(crate) before: Option<Arc<Value>>,
}

/// How much the store may hold. Reaching a limit refuses the write; nothing already stored is lost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Objects of all kinds.
    pub objects: usize,
    /// Bytes of all objects together, measured as JSON.
    pub bytes: usize,
    /// Changes that watches can resume from; older ones answer 410 Gone.
    pub history: usize,
    /// Events kept in one namespace; the oldest makes room.
    pub events_per_namespace: usize,
    /// Bytes in one request body.
    pub request_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { objects: 5_000, bytes: 64 << 20, history: 4_096, events_per_namespace: 300, request_bytes: 2 << 20 }
    }
}

/// The store has no room for the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

/// The history no longer reaches back to the version asked for; `oldest` is the first it can resume from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooOld {
    pub(crate) oldest: u64,
}

type Shelf = BTreeMap<(String, String), Arc<Value>>;

/// Every object of the cluster.
pub(crate) struct Store {
    shelves: HashMap<Arc<str>, Shelf>,
    history: VecDeque<Change>,
    history_bytes: usize,
    version: u64,
    forgotten: u64,
    count: usize,
    bytes: usize,
    limits: Limits,
    news: watch::Sender<u64>,
}

impl Store {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            shelves: HashMap::new(),
            history: VecDeque::new(),
            history_bytes: 0,
            version: 1,
            forgotten: 1,
            count: 0,
            bytes: 0,
            limits,
            news: watch::Sender::new(1),
        }
    }

    /// The version of the latest write.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// Tells of each new version; receivers that fall behind see only the latest, and read the history.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    pub(crate) fn get(&self, place: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.shelves.get(place)?.get(&(namespace.to_owned(), name.to_owned())).cloned()
    }

    /// The objects of a place in key order; `namespace` `None` means all of them.
    pub(crate) fn list(&self, place: &str, namespace: Option<&str>) -> Vec<Arc<Value>> {
        self.list_after(place, namespace, None)
    }

    /// Like [`Self::list`], starting after a key (namespace, name), as a continued list does.
    pub(crate) fn list_after(
        &self,
        place: &str,
        namespace: Option<&str>,
        after: Option<(String, String)>,
    ) -> Vec<Arc<Value>> {
        let Some(shelf) = self.shelves.get(place) else { return Vec::new() };
        let start = match (after, namespace) {
            (Some(key), _) => Bound::Excluded(key),
            (None, Some(namespace)) => Bound::Included((namespace.to_owned(), String::new())),
            (None, None) => Bound::Unbounded,
        };
        shelf
            .range((start, Bound::Unbounded))
            .take_while(|((found, _), _)| namespace.is_none_or(|namespace| found == namespace))
            .map(|(_, object)| Arc::clone(object))
            .collect()
    }

    /// Writes an object under its own namespace and name, and stamps the new resource version on it.
    pub(crate) fn put(&mut self, place: &str, mut object: Value) -> Result<Arc<Value>, Full> {
        let key = (object::namespace(&object).to_owned(), object::name(&object).to_owned());
        let size = size_of(&object);
        let before = self.get(place, &key.0, &key.1);
        let freed = before.as_deref().map_or(0, size_of);
        if self.bytes + size > self.limits.bytes + freed || (before.is_none() && self.count >= self.limits.objects) {
            return Err(Full);
        }
        self.version += 1;
        object["metadata"]["resourceVersion"] = Value::String(self.version.to_string());
        let object = Arc::new(object);
        let place = self.intern(place);
        self.shelves.entry(Arc::clone(&place)).or_default().insert(key, Arc::clone(&object));
        self.bytes = self.bytes + size - freed;
        let deed = if before.is_some() {
            Deed::Modified
        } else {
            self.count += 1;
            Deed::Added
        };
        self.remember(Change { version: self.version, place, deed, object: Arc::clone(&object), before });
        Ok(object)
    }

    /// Removes an object at once; its last form, with the version of the removal, is returned.
    pub(crate) fn remove(&mut self, place: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let place = self.intern(place);
        let before = self.shelves.get_mut(&place)?.remove(&(namespace.to_owned(), name.to_owned()))?;
        self.version += 1;
        self.count -= 1;
        self.bytes -= size_of(&before);
        let mut last = Value::clone(&before);
        last["metadata"]["resourceVersion"] = Value::String(self.version.to_string());
        let object = Arc::new(last);
        self.remember(Change {
            version: self.version,
            place,
            deed: Deed::Deleted,
            object: Arc::clone(&object),
            before: Some(before),
        });
        Some(object)
    }

    /// What happened in a place after `version`.
    pub(crate) fn changes(&self, place: &str, version: u64) -> Result<Vec<Change>, TooOld> {
        if version < self.forgotten {
            return Err(TooOld { oldest: self.forgotten });
        }
        let start = self.history.partition_point(|change| change.version <= version);
        Ok(self.history.range(start..).filter(|change| &*change.place == place).cloned().collect())
    }

    /// Forgets the whole history, as a compaction does: every watch that resumes gets 410 Gone.
    pub(crate) fn compact(&mut self) {
        self.history.clear();
        self.history_bytes = 0;
        self.forgotten = self.version;
    }

    fn intern(&self, place: &str) -> Arc<str> {
        self.shelves.get_key_value(place).map_or_else(|| Arc::from(place), |(known, _)| Arc::clone(known))
    }

    fn remember(&mut self, change: Change) {
        self.history_bytes += size_of(&change.object);
        self.history.push_back(change);
        while self.history.len() > self.limits.history || self.history_bytes > self.limits.bytes {
            let Some(oldest) = self.history.pop_front() else { break };
            self.history_bytes -= size_of(&oldest.object);
            self.forgotten = oldest.version;
        }
        self.news.send_replace(self.version);
    }
}

/// The size of a value as compact JSON, near enough for a limit and without writing it out.
/// The resource version is left out, so that the size does not depend on when it was taken.
fn size_of(value: &Value) -> usize {
    match value {
        Value::Null => 4,
        Value::Bool(_) => 5,
        Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(list) => 2 + list.iter().map(|v| size_of(v) + 1).sum::<usize>(),
        Value::Object(map) => {
            2 + map
                .iter()
                .filter(|(key, _)| *key != "resourceVersion")
                .map(|(key, v)| key.len() + 4 + size_of(v))
                .sum::<usize>()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn thing(name: &str, value: u32) -> Value {
        json!({"metadata": {"name": name, "namespace": "a"}, "value": value})
    }

    #[test]
    fn history_tells_what_happened_after_a_version() {
        let mut store = Store::new(Limits::default());
        store.put("things", thing("x", 1)).unwrap();
        let seen = store.version();
        store.put("things", thing("x", 2)).unwrap();
        store.put("others", thing("y", 1)).unwrap();
        store.remove("things", "a", "x").unwrap();
        let deeds: Vec<Deed> = store.changes("things", seen).unwrap().iter().map(|c| c.deed).collect();
        assert_eq!(deeds, [Deed::Modified, Deed::Deleted]);
        assert_eq!(store.list("things", None).len(), 0);
    }

    #[test]
    fn history_is_bounded_and_says_so() {
        let mut store = Store::new(Limits { history: 2, ..Limits::default() });
        let start = store.version();
        for value in 0..4 {
            store.put("things", thing("x", value)).unwrap();
        }
        assert_eq!(store.changes("things", start).unwrap_err(), TooOld { oldest: start + 2 });
        assert_eq!(store.changes("things", start + 2).unwrap().len(), 2);
    }

    #[test]
    fn a_full_store_refuses_new_objects_but_not_changes() {
        let mut store = Store::new(Limits { objects: 1, ..Limits::default() });
        store.put("things", thing("x", 1)).unwrap();
        assert_eq!(store.put("things", thing("y", 1)).unwrap_err(), Full);
        store.put("things", thing("x", 2)).unwrap();
        store.remove("things", "a", "x").unwrap();
        store.put("things", thing("y", 1)).unwrap();
        let mut small = Store::new(Limits { bytes: 10, ..Limits::default() });
        assert_eq!(small.put("things", thing("x", 1)).unwrap_err(), Full);
    }
}
