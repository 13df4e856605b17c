//! Label selectors of objects, as the text that the API takes.

use serde_json::Value;

/// `spec.selector` of a workload, or of a service or replication controller, as text; `None` when it selects nothing.
pub(crate) fn of(object: &Value) -> Option<String> {
    let selector = object["spec"]["selector"].as_object()?;
    let structured = selector.contains_key("matchLabels") || selector.contains_key("matchExpressions");
    let mut parts = Vec::new();
    let labels = if structured { selector.get("matchLabels").and_then(Value::as_object) } else { Some(selector) };
    for (key, value) in labels.into_iter().flatten() {
        parts.push(format!("{key}={}", value.as_str()?));
    }
    let expressions = selector.get("matchExpressions").filter(|_| structured).and_then(Value::as_array);
    for expression in expressions.into_iter().flatten() {
        let key = expression["key"].as_str()?;
        let values: Vec<&str> =
            expression["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let values = values.join(",");
        parts.push(match expression["operator"].as_str()? {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            _ => return None,
        });
    }
    parts.sort();
    (!parts.is_empty()).then(|| parts.join(","))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::of;

    #[test]
    fn selectors_are_written_out() {
        let workload = json!({"spec": {"selector": {"matchLabels": {"app": "web"},
            "matchExpressions": [{"key": "tier", "operator": "In", "values": ["a", "b"]}, {"key": "old", "operator": "DoesNotExist"}]}}});
        assert_eq!(of(&workload).as_deref(), Some("!old,app=web,tier in (a,b)"));
        assert_eq!(of(&json!({"spec": {"selector": {"app": "web"}}})).as_deref(), Some("app=web"));
        assert_eq!(of(&json!({"spec": {}})), None);
    }
}
