//! Server-side apply: which manager owns which field, and what follows from it.
//!
//! Ownership is kept in `metadata.managedFields` in the `FieldsV1` form. Only applied configurations are
//! tracked; a plain update takes ownership of nothing, so it never conflicts with a later apply.

use crate::object::{self, text};
use crate::patch::merge_key;
use serde_json::{Map, Value, json};

/// Applies `config` for `manager` on top of `live` (`None` when the object does not exist yet).
///
/// # Errors
/// The fields that another manager owns with a different value, as (field, manager), unless `force`.
pub(crate) fn apply(
    live: Option<&Value>,
    config: &Value,
    manager: &str,
    force: Force,
) -> Result<Value, Vec<(String, String)>> {
    let mut config = config.clone();
    for key in ["managedFields", "resourceVersion", "uid", "creationTimestamp", "generation"] {
        object::remove(&mut config, "/metadata", key);
    }
    if let Some(map) = config.as_object_mut() {
        map.shift_remove("status");
    }
    let mut owned = fields_of(&config);
    for key in ["apiVersion", "kind"] {
        owned.shift_remove(&format!("f:{key}"));
    }
    if let Some(Value::Object(metadata)) = owned.get_mut("f:metadata") {
        metadata.shift_remove("f:name");
        metadata.shift_remove("f:namespace");
        if metadata.is_empty() {
            owned.shift_remove("f:metadata");
        }
    }
    let mut result = live.cloned().unwrap_or_else(|| json!({}));
    let mut entries = object::list(&result, "/metadata/managedFields").to_vec();
    let mut conflicts = Vec::new();
    for entry in entries.iter().filter(|entry| text(entry, "/manager") != manager) {
        if let Some(theirs) = entry.get("fieldsV1").and_then(Value::as_object) {
            clashes(&owned, theirs, &config, &result, "", &mut |field| {
                conflicts.push((field, text(entry, "/manager").to_owned()));
            });
        }
    }
    if !conflicts.is_empty() && force == Force::No {
        return Err(conflicts);
    }
    if let Some(before) = entries.iter().find(|entry| text(entry, "/manager") == manager)
        && let Some(before) = before.get("fieldsV1").and_then(Value::as_object)
    {
        let others: Vec<Map<String, Value>> = entries
            .iter()
            .filter(|entry| text(entry, "/manager") != manager)
            .filter_map(|entry| entry.get("fieldsV1").and_then(Value::as_object).cloned())
            .collect();
        drop_fields(&mut result, before, &owned, &others.iter().collect::<Vec<_>>());
    }
    overlay(&mut result, &config, "");
    entries.retain(|entry| text(entry, "/manager") != manager);
    entries.push(json!({
        "manager": manager, "operation": "Apply", "apiVersion": text(&config, "/apiVersion"),
        "time": object::now(), "fieldsType": "FieldsV1", "fieldsV1": owned,
    }));
    result["metadata"]["managedFields"] = Value::Array(entries);
    Ok(result)
}

/// Whether an apply takes over fields that others own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Force {
    Yes,
    No,
}

fn key_of(field: &str, items: &[Value]) -> Option<&'static str> {
    merge_key(field, items).filter(|key| !items.is_empty() && items.iter().all(|item| item.get(*key).is_some()))
}

/// The `FieldsV1` set of a document.
fn fields_of(value: &Value) -> Map<String, Value> {
    let mut fields = Map::new();
    for (key, child) in value.as_object().into_iter().flatten() {
        let set = match child {
            Value::Object(map) if !map.is_empty() => fields_of(child),
            Value::Array(items) => items_of(key, items),
            _ => Map::new(),
        };
        fields.insert(format!("f:{key}"), Value::Object(set));
    }
    fields
}

fn items_of(field: &str, items: &[Value]) -> Map<String, Value> {
    let mut fields = Map::new();
    if let Some(key) = key_of(field, items) {
        for item in items {
            let mut set = fields_of(item);
            set.insert(".".to_owned(), json!({}));
            fields.insert(format!("k:{}", json!({ key: item[key] })), Value::Object(set));
        }
    }
    fields
}

/// The child of `value` that a `FieldsV1` key names, given the field that holds `value`.
fn child<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    if let Some(field) = key.strip_prefix("f:") {
        return value.get(field);
    }
    let wanted: Value = serde_json::from_str(key.strip_prefix("k:")?).ok()?;
    let (name, wanted) = wanted.as_object()?.iter().next()?;
    value.as_array()?.iter().find(|item| item.get(name) == Some(wanted))
}

fn clashes(
    ours: &Map<String, Value>,
    theirs: &Map<String, Value>,
    config: &Value,
    live: &Value,
    path: &str,
    found: &mut dyn FnMut(String),
) {
    for (key, set) in ours {
        let (Some(Value::Object(other)), Some(set)) = (theirs.get(key), set.as_object()) else { continue };
        let shown = match key.strip_prefix("k:") {
            Some(item) => {
                let wanted: Value = serde_json::from_str(item).unwrap_or_default();
                let parts: Vec<String> =
                    wanted.as_object().into_iter().flatten().map(|(k, v)| format!("{k}={v}")).collect();
                format!("{path}[{}]", parts.join(","))
            }
            None => format!("{path}.{}", key.trim_start_matches("f:")),
        };
        let (Some(config), live) = (child(config, key), child(live, key)) else { continue };
        if set.is_empty() {
            if live.is_some_and(|live| live != config) {
                found(shown);
            }
        } else if let Some(live) = live {
            clashes(set, other, config, live, &shown, found);
        }
    }
}

/// Removes what this manager applied before, applies no longer, and nobody else owns.
fn drop_fields(
    live: &mut Value,
    before: &Map<String, Value>,
    now: &Map<String, Value>,
    others: &[&Map<String, Value>],
) {
    for (key, set) in before {
        if key == "." {
            continue;
        }
        let shared: Vec<&Map<String, Value>> =
            others.iter().filter_map(|other| other.get(key).and_then(Value::as_object)).collect();
        let still = now.get(key).and_then(Value::as_object);
        if still.is_none() && shared.is_empty() {
            if let Some(field) = key.strip_prefix("f:") {
                // A map whose other members were not applied by us stays with those members.
                let deeper = set.as_object().filter(|set| set.keys().any(|k| k.starts_with("f:")));
                match (deeper, live.get_mut(field)) {
                    (Some(deeper), Some(value)) => {
                        drop_fields(value, deeper, &Map::new(), &[]);
                        if value.as_object().is_some_and(Map::is_empty)
                            && let Some(map) = live.as_object_mut()
                        {
                            map.shift_remove(field);
                        }
                    }
                    _ => {
                        if let Some(map) = live.as_object_mut() {
                            map.shift_remove(field);
                        }
                    }
                }
            } else if let Some(position) = position(live, key)
                && let Some(list) = live.as_array_mut()
            {
                list.remove(position);
            }
            continue;
        }
        let (empty, set) = (Map::new(), set.as_object());
        let inner = match key.strip_prefix("f:") {
            Some(field) => live.get_mut(field),
            None => position(live, key).and_then(|index| live.get_mut(index)),
        };
        if let (Some(inner), Some(set)) = (inner, set) {
            drop_fields(inner, set, still.unwrap_or(&empty), &shared);
        }
    }
}

fn position(list: &Value, key: &str) -> Option<usize> {
    let wanted: Value = serde_json::from_str(key.strip_prefix("k:")?).ok()?;
    let (name, wanted) = wanted.as_object()?.iter().next()?;
    list.as_array()?.iter().position(|item| item.get(name) == Some(wanted))
}

fn overlay(live: &mut Value, config: &Value, field: &str) {
    match config {
        Value::Object(map) => {
            if !live.is_object() {
                *live = json!({});
            }
            for (key, value) in map {
                overlay(&mut live[key.as_str()], value, key);
            }
        }
        Value::Array(items) => {
            let Some(key) = key_of(field, items) else {
                *live = config.clone();
                return;
            };
            let mut list = live.as_array().cloned().unwrap_or_default();
            for item in items {
                match list.iter_mut().find(|existing| existing.get(key) == item.get(key)) {
                    Some(existing) => overlay(existing, item, ""),
                    None => list.push(item.clone()),
                }
            }
            *live = Value::Array(list);
        }
        _ => *live = config.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(env: &[&str], image: &str) -> Value {
        let env: Vec<Value> = env.iter().map(|name| json!({"name": name, "value": "1"})).collect();
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"},
            "spec": {"containers": [{"name": "app", "image": image, "env": env}]}})
    }

    #[test]
    fn what_is_no_longer_applied_goes_away() {
        let first = apply(None, &config(&["A", "B"], "x:1"), "me", Force::No).unwrap();
        let second = apply(Some(&first), &config(&["B"], "x:1"), "me", Force::No).unwrap();
        assert_eq!(second["spec"]["containers"][0]["env"], json!([{"name": "B", "value": "1"}]));
    }

    #[test]
    fn another_managers_field_conflicts_unless_forced() {
        let first = apply(None, &config(&["A"], "x:1"), "me", Force::No).unwrap();
        let conflicts = apply(Some(&first), &config(&["A"], "x:2"), "you", Force::No).unwrap_err();
        assert_eq!(conflicts, [(".spec.containers[name=\"app\"].image".to_owned(), "me".to_owned())]);
        let forced = apply(Some(&first), &config(&["A"], "x:2"), "you", Force::Yes).unwrap();
        assert_eq!(forced["spec"]["containers"][0]["image"], "x:2");
        assert_eq!(forced["metadata"]["managedFields"].as_array().unwrap().len(), 2);
    }
}
