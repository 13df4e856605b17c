//! Objects shown by their fields: configuration maps, secrets with sizes only, and all types that kubectl does not know.

use base64::Engine as _;
use serde_json::{Map, Value};

use super::writer::{Writer, or, plain};

fn head(object: &Value, out: &mut Writer) {
    let metadata = &object["metadata"];
    out.line(0, &format!("Name:\t{}", or(&metadata["name"], "")));
    out.line(0, &format!("Namespace:\t{}", or(&metadata["namespace"], "")));
    out.pairs(0, "Labels", &metadata["labels"], "=", &[]);
    out.pairs(0, "Annotations", &metadata["annotations"], ": ", &[crate::apply::APPLIED]);
}

fn sorted(value: &Value) -> Vec<(&String, &Value)> {
    let mut pairs: Vec<_> = value.as_object().into_iter().flatten().collect();
    pairs.sort_by_key(|(key, _)| *key);
    pairs
}

pub(super) fn config_map(object: &Value, out: &mut Writer) {
    head(object, out);
    out.line(0, "\nData\n====");
    for (key, value) in sorted(&object["data"]) {
        out.line(0, &format!("{key}:\n----\n{}\n", value.as_str().unwrap_or_default()));
    }
    out.line(0, "\nBinaryData\n====");
    for (key, value) in sorted(&object["binaryData"]) {
        out.line(0, &format!("{key}: {} bytes", size(value)));
    }
    out.line(0, "");
}

fn size(value: &Value) -> usize {
    let decoded = base64::engine::general_purpose::STANDARD.decode(value.as_str().unwrap_or_default());
    decoded.map_or(0, |bytes| bytes.len())
}

pub(super) fn secret(object: &Value, out: &mut Writer) {
    head(object, out);
    out.line(0, &format!("\nType:\t{}", or(&object["type"], "")));
    out.line(0, "\nData\n====");
    for (key, value) in sorted(&object["data"]) {
        out.line(0, &format!("{key}:\t{} bytes", size(value)));
    }
}

pub(super) fn generic(object: &Value, out: &mut Writer) {
    head(object, out);
    let mut rest = object.clone();
    let hidden = ["managedFields", "labels", "annotations", "name", "namespace", "selfLink"];
    if let Some(metadata) = rest["metadata"].as_object_mut() {
        metadata.retain(|key, _| !hidden.contains(&key.as_str()));
    }
    if let Some(map) = rest.as_object() {
        fields(map, 0, out);
    }
}

fn fields(map: &Map<String, Value>, level: usize, out: &mut Writer) {
    let mut pairs: Vec<_> = map.iter().collect();
    pairs.sort_by_key(|(key, _)| *key);
    for (key, value) in pairs {
        let label = label(key);
        match value {
            Value::Object(inner) => {
                out.line(level, &format!("{label}:"));
                fields(inner, level + 1, out);
            }
            Value::Array(items) => {
                out.line(level, &format!("{label}:"));
                for item in items {
                    match item {
                        Value::Object(inner) => fields(inner, level + 1, out),
                        other => out.line(level + 1, &plain(other)),
                    }
                }
            }
            other => out.line(level, &format!("{label}:\t{}", plain(other))),
        }
    }
}

/// Words that stay in capitals (`describe.go`, `smartLabelFor`).
const CAPITALS: &[&str] = &["API", "URL", "UID", "OSB", "GUID"];

/// `repoURL` as `Repo URL`.
fn label(field: &str) -> String {
    // What is a path or another name is shown as it is.
    if !field.chars().all(|letter| letter.is_ascii_alphanumeric()) {
        return field.to_owned();
    }
    let letters: Vec<char> = field.chars().collect();
    let mut words: Vec<String> = Vec::new();
    for (index, letter) in letters.iter().enumerate() {
        let class = |letter: &char| match letter {
            letter if letter.is_lowercase() => 0,
            letter if letter.is_uppercase() => 1,
            _ => 2,
        };
        let begins = index == 0
            || (class(&letters[index - 1]) != class(letter)
                && !(class(&letters[index - 1]) == 1 && class(letter) == 0))
            || (class(letter) == 1
                && class(&letters[index - 1]) == 1
                && letters.get(index + 1).is_some_and(|next| next.is_lowercase()));
        if begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(*letter);
        }
    }
    let named: Vec<String> = words
        .iter()
        .map(|word| {
            let upper = word.to_uppercase();
            if CAPITALS.contains(&upper.as_str()) {
                return upper;
            }
            let mut letters = word.chars();
            letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
        })
        .collect();
    named.join(" ")
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn fields_are_named_in_words() {
        for (field, expected) in [
            ("apiVersion", "API Version"),
            ("repoURL", "Repo URL"),
            ("uid", "UID"),
            ("creationTimestamp", "Creation Timestamp"),
            ("targetRevision", "Target Revision"),
            ("kubernetes.io/x", "kubernetes.io/x"),
        ] {
            assert_eq!(label(field), expected);
        }
    }
}
