//! `--output text`: a line for each structure, its scalars separated by tabs in the order of their names
//! (`awscli/text.py`).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::is_scalar;
use crate::python::shown;

/// Prints a value.
pub(super) fn print(value: &Value) -> String {
    let mut out = String::new();
    any(value, None, None, &mut out);
    out
}

fn any(value: &Value, name: Option<&str>, keys: Option<&BTreeSet<&str>>, out: &mut String) {
    match value {
        Value::Object(entries) => structure(entries, name, keys, out),
        Value::Array(elements) => list(elements, name, out),
        one => line(&[shown(one)], out),
    }
}

fn list(elements: &[Value], name: Option<&str>, out: &mut String) {
    if elements.iter().any(Value::is_object) {
        let entries = elements.iter().filter_map(Value::as_object).flatten();
        let keys: BTreeSet<&str> = entries.filter(|(_, value)| is_scalar(value)).map(|(key, _)| key.as_str()).collect();
        for element in elements {
            any(element, name, Some(&keys), out);
        }
        return;
    }
    let (scalars, others): (Vec<&Value>, Vec<&Value>) = elements.iter().partition(|value| is_scalar(value));
    let scalars: Vec<String> = scalars.into_iter().map(shown).collect();
    match name {
        Some(name) => scalars.into_iter().for_each(|value| line(&[name.to_uppercase(), value], out)),
        None if !scalars.is_empty() => line(&scalars, out),
        None => {}
    }
    for other in others {
        any(other, name, None, out);
    }
}

fn structure(entries: &Map<String, Value>, name: Option<&str>, keys: Option<&BTreeSet<&str>>, out: &mut String) {
    let mut sorted: Vec<(&String, &Value)> = entries.iter().collect();
    sorted.sort_unstable_by_key(|(key, _)| *key);
    let mut scalars: Vec<String> = match keys {
        Some(keys) => keys.iter().map(|key| entries.get(*key).map_or_else(String::new, shown)).collect(),
        None => sorted.iter().filter(|(_, value)| is_scalar(value)).map(|(_, value)| shown(value)).collect(),
    };
    if !scalars.is_empty() {
        if let Some(name) = name {
            scalars.insert(0, name.to_uppercase());
        }
        line(&scalars, out);
    }
    let apart = |key: &str, value: &Value| keys.map_or(!is_scalar(value), |keys| !keys.contains(key));
    for (key, value) in sorted.into_iter().filter(|(key, value)| apart(key, value)) {
        any(value, Some(key), None, out);
    }
}

fn line(words: &[String], out: &mut String) {
    out.push_str(&words.join("\t"));
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::print;

    #[test]
    fn structures_and_lists_become_lines() {
        for (value, printed) in [
            (json!([["a", "b"], ["c", null]]), "a\tb\nc\tNone\n"),
            (json!("available"), "available\n"),
            (json!(null), "None\n"),
            (json!([]), ""),
            (json!(["a", "b"]), "a\tb\n"),
            (json!({"B": 1, "A": true, "L": [], "N": ["x", "y"]}), "True\t1\nN\tx\nN\ty\n"),
            (
                json!({"DBInstances": [{"Id": "a", "Endpoint": {"Port": 1, "Address": "h"}}, {"Id": "b", "Class": "c"}]}),
                "DBINSTANCES\t\ta\nENDPOINT\th\t1\nDBINSTANCES\tc\tb\n",
            ),
            (json!(["s", ["t", "u"]]), "s\nt\tu\n"),
        ] {
            assert_eq!(print(&value), printed, "{value}");
        }
    }
}
