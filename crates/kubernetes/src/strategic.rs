//! The difference of two objects as a patch: strategic for the types that Kubernetes itself serves, a merge patch (RFC
//! 7386) for the others.
//!
//! Source: `k8s.io/apimachinery/pkg/util/strategicpatch/patch.go`, v0.32: `diffMaps`, `CreateThreeWayMergePatch`.

use serde_json::{Map, Value, json};

/// How lists are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// By the keys of Kubernetes' own types.
    Strategic,
    /// Replaced whole.
    Merge,
}

/// The API groups whose types kubectl has built in (`k8s.io/client-go/kubernetes/scheme`).
const BUILT_IN: &[&str] = &[
    "",
    "admissionregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

impl Style {
    /// How objects of an API group are merged.
    pub(crate) fn of(group: &str) -> Self {
        if BUILT_IN.contains(&group) { Self::Strategic } else { Self::Merge }
    }

    /// The content type of the patch.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Strategic => crate::change::STRATEGIC,
            Self::Merge => crate::change::MERGE,
        }
    }
}

/// What makes `before` into `after`; an empty object when nothing does.
pub(crate) fn two_way(style: Style, before: &Value, after: &Value) -> Value {
    three_way(style, before, after, before)
}

/// What makes `live` hold what `wanted` says, and loses what `applied` said and `wanted` does not say any more.
pub(crate) fn three_way(style: Style, applied: &Value, wanted: &Value, live: &Value) -> Value {
    let empty = Map::new();
    let map = |value: &'_ Value| value.as_object().cloned().unwrap_or_else(|| empty.clone());
    let (applied, wanted, live) = (map(applied), map(wanted), map(live));
    let patch = objects(style, &applied, &wanted, &live);
    Value::Object(patch)
}

fn objects(
    style: Style,
    applied: &Map<String, Value>,
    wanted: &Map<String, Value>,
    live: &Map<String, Value>,
) -> Map<String, Value> {
    let mut patch = Map::new();
    for (key, value) in wanted {
        let before = live.get(key);
        match (value, before) {
            (Value::Object(value), Some(Value::Object(before))) => {
                let none = Map::new();
                let applied = applied.get(key).and_then(Value::as_object).unwrap_or(&none);
                let mut inner = objects(style, applied, value, before);
                if !inner.is_empty() {
                    if style == Style::Strategic && key == "strategy" {
                        inner.insert("$retainKeys".to_owned(), keys(value));
                    }
                    patch.insert(key.clone(), Value::Object(inner));
                }
            }
            (Value::Array(value), Some(Value::Array(before))) => {
                let applied = applied.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                lists(style, key, (applied, value, before), &mut patch);
            }
            (value, Some(before)) if same(value, before) => {}
            (Value::Null, None) => {}
            (value, _) => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    for key in applied.keys().filter(|key| !wanted.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    patch
}

/// The lists of one field: applied, wanted and live.
fn lists(
    style: Style,
    field: &str,
    (applied, wanted, live): (&[Value], &[Value], &[Value]),
    patch: &mut Map<String, Value>,
) {
    let keyed = |list: &[Value], key: &str| list.iter().all(|item| item.get(key).is_some());
    let key = match style {
        Style::Strategic => merge_key(field, wanted.first().or(live.first())),
        Style::Merge => None,
    };
    let Some(key) = key.filter(|key| [applied, wanted, live].into_iter().all(|list| keyed(list, key))) else {
        if wanted != live {
            patch.insert(field.to_owned(), Value::Array(wanted.to_vec()));
        }
        return;
    };
    fn find<'a>(list: &'a [Value], key: &str, item: &Value) -> Option<&'a Map<String, Value>> {
        list.iter().find(|other| other.get(key) == item.get(key)).and_then(Value::as_object)
    }
    let mut items = Vec::new();
    let none = Map::new();
    for item in wanted {
        let Some(value) = item.as_object() else { continue };
        let Some(before) = find(live, key, item) else {
            items.push(item.clone());
            continue;
        };
        let mut inner = objects(style, find(applied, key, item).unwrap_or(&none), value, before);
        if !inner.is_empty() {
            inner.insert(key.to_owned(), item[key].clone());
            if field == "volumes" {
                inner.insert("$retainKeys".to_owned(), keys(value));
            }
            items.push(Value::Object(inner));
        }
    }
    for item in applied.iter().filter(|item| find(wanted, key, item).is_none() && find(live, key, item).is_some()) {
        items.push(json!({"$patch": "delete", key: item[key]}));
    }
    if !items.is_empty() {
        let order: Vec<Value> = wanted.iter().map(|item| json!({ key: item[key] })).collect();
        patch.insert(format!("$setElementOrder/{field}"), Value::Array(order));
        patch.insert(field.to_owned(), Value::Array(items));
    }
}

fn keys(map: &Map<String, Value>) -> Value {
    let mut keys: Vec<&String> = map.keys().collect();
    keys.sort();
    json!(keys)
}

/// Numbers are the same whether written `1` or `1.0`.
fn same(left: &Value, right: &Value) -> bool {
    left == right || (left.is_number() && left.as_f64() == right.as_f64())
}

/// The key of the items of a list (`patchMergeKey` in `k8s.io/api`); an item tells the lists called `ports` apart.
fn merge_key(field: &str, item: Option<&Value>) -> Option<&'static str> {
    Some(match field {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "env"
        | "volumes"
        | "imagePullSecrets"
        | "resourceClaims"
        | "secrets"
        | "webhooks" => "name",
        "ports" if item.is_some_and(|item| item.get("containerPort").is_some()) => "containerPort",
        "ports" => "port",
        "volumeMounts" => "mountPath",
        "volumeDevices" => "devicePath",
        "hostAliases" => "ip",
        "topologySpreadConstraints" => "topologyKey",
        "ownerReferences" => "uid",
        "conditions" | "addresses" => "type",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_no_more_goes_and_what_others_set_stays() {
        let container = |env: Value| json!({"spec": {"containers": [{"name": "a", "image": "x", "env": env}]}});
        let applied = container(json!([{"name": "A", "value": "1"}, {"name": "B", "value": "1"}]));
        let wanted = container(json!([{"name": "B", "value": "2"}]));
        let mut live = applied.clone();
        live["spec"]["replicas"] = json!(3);
        live["spec"]["containers"][0]["imagePullPolicy"] = json!("Always");
        assert_eq!(
            three_way(Style::Strategic, &applied, &wanted, &live),
            json!({"spec": {"$setElementOrder/containers": [{"name": "a"}], "containers": [{"name": "a",
                "$setElementOrder/env": [{"name": "B"}],
                "env": [{"name": "B", "value": "2"}, {"$patch": "delete", "name": "A"}]}]}})
        );
        assert_eq!(three_way(Style::Strategic, &applied, &applied, &live), json!({}));
    }

    #[test]
    fn lists_of_other_types_are_replaced_whole() {
        let before = json!({"spec": {"env": [{"name": "A", "value": "1"}], "x": 1}});
        let after = json!({"spec": {"env": [{"name": "A", "value": "2"}]}});
        assert_eq!(
            two_way(Style::Merge, &before, &after),
            json!({"spec": {"env": [{"name": "A", "value": "2"}], "x": null}})
        );
        assert_eq!(Style::of("argoproj.io"), Style::Merge);
        assert_eq!(Style::of("apps"), Style::Strategic);
    }
}
