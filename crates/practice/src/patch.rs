//! The three ways of patching that are plain functions of two documents: JSON patch (RFC 6902), merge
//! patch (RFC 7396) and Kubernetes' strategic merge patch.

use crate::object::text;
use serde_json::{Map, Value};

/// Why a patch cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PatchError {
    /// The patch itself is malformed.
    #[error("{0}")]
    Malformed(String),
    /// The patch is well formed and does not fit this object (a failed `test`, a missing path).
    #[error("the server rejected our request due to an error in our request")]
    DoesNotFit,
}

/// The most operations in one JSON patch (the limit of k8s.io/apiserver).
const JSON_PATCH_LIMIT: usize = 10_000;

/// How many bytes the `copy` operations of one JSON patch may copy in all: without a limit a short patch
/// that copies a document into itself doubles it with each operation.
const COPY_LIMIT: usize = 3 << 20;

/// Applies a JSON patch.
pub(crate) fn json_patch(target: &mut Value, patch: &Value) -> Result<(), PatchError> {
    let operations = patch
        .as_array()
        .ok_or_else(|| PatchError::Malformed("a JSON patch must be a list of operations".to_owned()))?;
    if operations.len() > JSON_PATCH_LIMIT {
        return Err(PatchError::Malformed(format!("a JSON patch may hold at most {JSON_PATCH_LIMIT} operations")));
    }
    let mut copied_bytes = 0;
    for operation in operations {
        let path = text(operation, "/path");
        let value = || operation.get("value").cloned().unwrap_or(Value::Null);
        match text(operation, "/op") {
            "add" => add(target, path, value())?,
            "replace" => {
                *target.pointer_mut(path).ok_or(PatchError::DoesNotFit)? = value();
            }
            "remove" => {
                take(target, path)?;
            }
            "test" => {
                if target.pointer(path).unwrap_or(&Value::Null) != &value() {
                    return Err(PatchError::DoesNotFit);
                }
            }
            "move" => {
                let from = text(operation, "/from");
                if path.starts_with(&format!("{from}/")) {
                    return Err(PatchError::DoesNotFit);
                }
                let moved = take(target, from)?;
                add(target, path, moved)?;
            }
            "copy" => {
                let copied = target.pointer(text(operation, "/from")).cloned().ok_or(PatchError::DoesNotFit)?;
                copied_bytes += copied.to_string().len();
                if copied_bytes > COPY_LIMIT {
                    return Err(PatchError::Malformed("the patch copies too much".to_owned()));
                }
                add(target, path, copied)?;
            }
            other => return Err(PatchError::Malformed(format!("unexpected kind: {other}"))),
        }
    }
    Ok(())
}

fn split(path: &str) -> Result<(&str, String), PatchError> {
    let (parent, key) = path.rsplit_once('/').ok_or(PatchError::DoesNotFit)?;
    Ok((parent, key.replace("~1", "/").replace("~0", "~")))
}

fn add(target: &mut Value, path: &str, value: Value) -> Result<(), PatchError> {
    if path.is_empty() {
        *target = value;
        return Ok(());
    }
    let (parent, key) = split(path)?;
    match target.pointer_mut(parent) {
        Some(Value::Object(map)) => {
            map.insert(key, value);
            Ok(())
        }
        Some(Value::Array(list)) => {
            let index = if key == "-" { list.len() } else { key.parse().map_err(|_| PatchError::DoesNotFit)? };
            if index > list.len() {
                return Err(PatchError::DoesNotFit);
            }
            list.insert(index, value);
            Ok(())
        }
        _ => Err(PatchError::DoesNotFit),
    }
}

fn take(target: &mut Value, path: &str) -> Result<Value, PatchError> {
    let (parent, key) = split(path)?;
    match target.pointer_mut(parent) {
        Some(Value::Object(map)) => map.shift_remove(&key).ok_or(PatchError::DoesNotFit),
        Some(Value::Array(list)) => {
            let index: usize = key.parse().map_err(|_| PatchError::DoesNotFit)?;
            if index < list.len() { Ok(list.remove(index)) } else { Err(PatchError::DoesNotFit) }
        }
        _ => Err(PatchError::DoesNotFit),
    }
}

/// Applies a merge patch.
pub(crate) fn merge_patch(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(map) = target.as_object_mut() else { return };
    for (key, value) in patch {
        if value.is_null() {
            map.shift_remove(key);
        } else {
            merge_patch(map.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

/// The key that identifies the items of a list field, or `None` when the list is replaced whole
/// (`patchMergeKey` in k8s.io/api types). `items` tells the two lists called `ports` apart.
pub(crate) fn merge_key(field: &str, items: &[Value]) -> Option<&'static str> {
    Some(match field {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "env"
        | "volumes"
        | "imagePullSecrets"
        | "resourceClaims"
        | "secrets" => "name",
        "ports" => {
            if items.iter().any(|item| item.get("containerPort").is_some()) {
                "containerPort"
            } else {
                "port"
            }
        }
        "volumeMounts" => "mountPath",
        "volumeDevices" => "devicePath",
        "hostAliases" => "ip",
        "topologySpreadConstraints" => "topologyKey",
        "ownerReferences" => "uid",
        "conditions" | "addresses" => "type",
        _ => return None,
    })
}

/// List fields of plain values that are merged as sets.
fn merged_set(field: &str) -> bool {
    matches!(field, "finalizers" | "podCIDRs")
}

/// Applies a strategic merge patch to a built-in object.
pub(crate) fn strategic_patch(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    match patch.get("$patch").and_then(Value::as_str) {
        Some("replace") => {
            let mut whole = patch.clone();
            whole.shift_remove("$patch");
            *target = Value::Object(whole);
            return;
        }
        Some("delete") => {
            *target = Value::Object(Map::new());
            return;
        }
        _ => {}
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(map) = target.as_object_mut() else { return };
    if let Some(keep) = patch.get("$retainKeys").and_then(Value::as_array) {
        map.retain(|key, _| keep.iter().any(|k| k == key));
    }
    for (key, value) in patch {
        if let Some(field) = key.strip_prefix("$deleteFromPrimitiveList/") {
            if let (Some(Value::Array(list)), Some(gone)) = (map.get_mut(field), value.as_array()) {
                list.retain(|item| !gone.contains(item));
            }
        } else if key.starts_with('$') {
            // Directives that were read above, and orders, which are carried out below.
        } else if value.is_null() {
            map.shift_remove(key);
        } else if let Value::Array(items) = value {
            strategic_list(map.entry(key.clone()).or_insert(Value::Null), key, items);
        } else if value.is_object() {
            strategic_patch(map.entry(key.clone()).or_insert(Value::Null), value);
        } else {
            map.insert(key.clone(), value.clone());
        }
    }
    for (key, order) in patch {
        if let (Some(field), Some(order)) = (key.strip_prefix("$setElementOrder/"), order.as_array())
            && let Some(Value::Array(list)) = map.get_mut(field)
        {
            set_order(list, field, order);
        }
    }
}

fn strategic_list(target: &mut Value, field: &str, patch: &[Value]) {
    if patch.iter().any(|item| text(item, "/$patch") == "replace") {
        *target = Value::Array(patch.iter().filter(|item| item.get("$patch").is_none()).cloned().collect());
        return;
    }
    if merged_set(field) {
        let mut list = target.as_array().cloned().unwrap_or_default();
        for item in patch {
            if !list.contains(item) {
                list.push(item.clone());
            }
        }
        *target = Value::Array(list);
        return;
    }
    let mut list = target.as_array().cloned().unwrap_or_default();
    let key = merge_key(field, patch).filter(|key| patch.iter().all(|item| item.get(*key).is_some()));
    let Some(key) = key else {
        *target = Value::Array(patch.to_vec());
        return;
    };
    for item in patch {
        let found = list.iter().position(|existing| existing.get(key) == item.get(key));
        match (text(item, "/$patch"), found) {
            ("delete", Some(index)) => {
                list.remove(index);
            }
            ("delete", None) => {}
            (_, Some(index)) => strategic_patch(&mut list[index], item),
            (_, None) => {
                let mut fresh = Value::Null;
                strategic_patch(&mut fresh, item);
                list.push(fresh);
            }
        }
    }
    *target = Value::Array(list);
}

/// Items named in `order` come in that order; the others keep their place after them.
fn set_order(list: &mut [Value], field: &str, order: &[Value]) {
    let key = merge_key(field, order);
    let rank = |item: &Value| {
        order
            .iter()
            .position(|wanted| key.map_or(wanted == item, |key| wanted.get(key) == item.get(key)))
            .unwrap_or(order.len())
    };
    list.sort_by_key(rank);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_patch_does_all_six_operations() {
        let mut target = json!({"a": {"b": [1, 2]}, "c": "x"});
        json_patch(
            &mut target,
            &json!([
                {"op": "test", "path": "/c", "value": "x"},
                {"op": "add", "path": "/a/b/-", "value": 3},
                {"op": "add", "path": "/a/b/0", "value": 0},
                {"op": "replace", "path": "/c", "value": "y"},
                {"op": "copy", "from": "/c", "path": "/d~1e"},
                {"op": "move", "from": "/c", "path": "/f"},
                {"op": "remove", "path": "/a/b/1"},
            ]),
        )
        .unwrap();
        assert_eq!(target, json!({"a": {"b": [0, 2, 3]}, "d/e": "y", "f": "y"}));
        let fails = json!([{"op": "test", "path": "/f", "value": "z"}]);
        assert_eq!(json_patch(&mut target, &fails), Err(PatchError::DoesNotFit));
        assert!(matches!(json_patch(&mut target, &json!({})), Err(PatchError::Malformed(_))));
    }

    #[test]
    fn a_patch_cannot_double_a_document_without_end() {
        let copy = |index: usize| json!({"op": "copy", "from": "", "path": format!("/c{index}")});
        let patch = Value::Array((0..64).map(copy).collect());
        let mut target = json!({"a": "x".repeat(100)});
        assert!(matches!(json_patch(&mut target, &patch), Err(PatchError::Malformed(_))));
    }

    #[test]
    fn merge_patch_removes_nulls_and_replaces_lists() {
        let mut target = json!({"a": 1, "b": {"c": [1, 2], "d": 1}});
        merge_patch(&mut target, &json!({"a": null, "b": {"c": [3]}}));
        assert_eq!(target, json!({"b": {"c": [3], "d": 1}}));
    }

    #[test]
    fn strategic_patch_merges_containers_env_and_ports_by_their_keys() {
        let mut target = json!({"spec": {"containers": [
            {"name": "app", "image": "a:1", "env": [{"name": "X", "value": "1"}], "ports": [{"containerPort": 80}]},
            {"name": "side", "image": "s:1"},
        ], "tolerations": [{"key": "a"}]}});
        strategic_patch(
            &mut target,
            &json!({"spec": {
                "$setElementOrder/containers": [{"name": "side"}, {"name": "app"}],
                "containers": [{"name": "app", "image": "a:2", "env": [{"name": "Y", "value": "2"}, {"name": "X", "$patch": "delete"}],
                    "ports": [{"containerPort": 81}]}],
                "tolerations": [{"key": "b"}],
            }}),
        );
        assert_eq!(
            target,
            json!({"spec": {"containers": [
                {"name": "side", "image": "s:1"},
                {"name": "app", "image": "a:2", "env": [{"name": "Y", "value": "2"}],
                    "ports": [{"containerPort": 80}, {"containerPort": 81}]},
            ], "tolerations": [{"key": "b"}]}})
        );
    }

    #[test]
    fn strategic_patch_obeys_replace_and_delete_directives() {
        let mut target = json!({"a": {"x": 1, "y": 2}, "finalizers": ["p", "q"]});
        strategic_patch(
            &mut target,
            &json!({"a": {"$patch": "replace", "z": 3}, "$deleteFromPrimitiveList/finalizers": ["p"], "finalizers": ["r"]}),
        );
        assert_eq!(target["a"], json!({"z": 3}));
        assert_eq!(target["finalizers"], json!(["q", "r"]));
    }
}
