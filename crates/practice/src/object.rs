//! Reading and building Kubernetes objects that are held as plain JSON.

use serde_json::{Map, Value, json};

/// An instant as Kubernetes writes it: RFC 3339 in UTC, whole seconds.
pub(crate) fn stamp(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The present instant as Kubernetes writes it.
pub(crate) fn now() -> String {
    stamp(jiff::Timestamp::now())
}

/// Reads an instant that an object carries; `None` when it is absent or not RFC 3339.
pub(crate) fn instant(text: &str) -> Option<jiff::Timestamp> {
    text.parse().ok()
}

/// A fresh random uid in the usual hyphenated form.
pub(crate) fn fresh_uid() -> String {
    uuid::Builder::from_random_bytes(rand::random()).into_uuid().to_string()
}

/// The alphabet that Kubernetes draws generated name endings from (no vowels, no look-alikes).
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A random ending for `generateName`, five letters as the real server draws.
pub(crate) fn random_ending() -> String {
    let bytes: [u8; 5] = rand::random();
    bytes.iter().map(|b| char::from(ALPHABET[usize::from(*b) % ALPHABET.len()])).collect()
}

/// A stable ending for a value: the same input gives the same letters on every machine.
pub(crate) fn hashed_ending(text: &str, letters: usize) -> String {
    let mut hash = hash(text);
    let mut out = String::with_capacity(letters);
    for _ in 0..letters {
        let index = usize::try_from(hash % ALPHABET.len() as u64).expect("below the alphabet's length");
        out.push(char::from(ALPHABET[index]));
        hash = mix(hash);
    }
    out
}

/// FNV-1a, 64 bits, finished with a mixing step: stable across runs and platforms.
pub(crate) fn hash(text: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in text.bytes() {
        hash ^= u64::from(byte);
        hash = hash.wrapping_mul(0x0100_0000_01b3);
    }
    mix(hash)
}

/// The finishing step of splitmix64.
pub(crate) fn mix(mut value: u64) -> u64 {
    value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// The text at a JSON pointer, or "" when there is none.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The whole number at a JSON pointer, or the given one when there is none.
pub(crate) fn number(value: &Value, pointer: &str, otherwise: i64) -> i64 {
    value.pointer(pointer).and_then(Value::as_i64).unwrap_or(otherwise)
}

/// The list at a JSON pointer, empty when there is none.
pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Whether the value at a JSON pointer is `true`.
pub(crate) fn flag(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).and_then(Value::as_bool).unwrap_or(false)
}

/// `metadata.name`.
pub(crate) fn name(value: &Value) -> &str {
    text(value, "/metadata/name")
}

/// `metadata.namespace`, "" for cluster-wide objects.
pub(crate) fn namespace(value: &Value) -> &str {
    text(value, "/metadata/namespace")
}

/// `metadata.uid`.
pub(crate) fn uid(value: &Value) -> &str {
    text(value, "/metadata/uid")
}

/// Whether deletion has been asked for.
pub(crate) fn deleting(value: &Value) -> bool {
    value.pointer("/metadata/deletionTimestamp").is_some_and(|v| !v.is_null())
}

/// A label's value, "" when absent.
pub(crate) fn label<'a>(value: &'a Value, key: &str) -> &'a str {
    value.pointer("/metadata/labels").and_then(|l| l.get(key)).and_then(Value::as_str).unwrap_or_default()
}

/// An annotation's value, "" when absent.
pub(crate) fn annotation<'a>(value: &'a Value, key: &str) -> &'a str {
    value.pointer("/metadata/annotations").and_then(|l| l.get(key)).and_then(Value::as_str).unwrap_or_default()
}

/// Sets one annotation, making the map when it is missing.
pub(crate) fn annotate(value: &mut Value, key: &str, to: &str) {
    entry(entry(value, "metadata"), "annotations")[key] = json!(to);
}

/// The object under `key`, made empty when it is missing or not an object.
pub(crate) fn entry<'a>(value: &'a mut Value, key: &str) -> &'a mut Value {
    if !value.is_object() {
        *value = json!({});
    }
    let slot = &mut value[key];
    if !slot.is_object() {
        *slot = json!({});
    }
    slot
}

/// Removes a key from the object at a pointer; nothing happens when either is absent.
pub(crate) fn remove(value: &mut Value, pointer: &str, key: &str) -> Option<Value> {
    value.pointer_mut(pointer).and_then(Value::as_object_mut).and_then(|map| map.shift_remove(key))
}

/// Sets `key` in `map` when nothing (or null) is there.
pub(crate) fn default_to(map: &mut Value, key: &str, to: Value) {
    if map.get(key).is_none_or(Value::is_null) {
        map[key] = to;
    }
}

/// The uid of the controlling owner, "" when there is none.
pub(crate) fn controller_uid(value: &Value) -> &str {
    list(value, "/metadata/ownerReferences")
        .iter()
        .find(|owner| flag(owner, "/controller"))
        .map_or("", |owner| text(owner, "/uid"))
}

/// An owner reference that makes `owner` the controller.
pub(crate) fn controlled_by(owner: &Value) -> Value {
    json!([{
        "apiVersion": text(owner, "/apiVersion"),
        "kind": text(owner, "/kind"),
        "name": name(owner),
        "uid": uid(owner),
        "controller": true,
        "blockOwnerDeletion": true,
    }])
}

/// The status of one condition ("True", "False", "Unknown" or "" when it is absent).
pub(crate) fn condition<'a>(value: &'a Value, kind: &str) -> &'a str {
    list(value, "/status/conditions").iter().find(|c| text(c, "/type") == kind).map_or("", |c| text(c, "/status"))
}

/// Whether a pod is ready to serve.
pub(crate) fn pod_ready(pod: &Value) -> bool {
    condition(pod, "Ready") == "True"
}

/// Whether a pod still counts for its controller: not finished and not being deleted.
pub(crate) fn pod_active(pod: &Value) -> bool {
    !deleting(pod) && !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// A quantity (`250m`, `512Mi`, `2`) in thousandths of its unit; `None` when it is not one.
pub(crate) fn quantity(value: &Value) -> Option<i64> {
    let owned;
    let text = match value {
        Value::String(text) => text.as_str(),
        Value::Number(number) => {
            owned = number.to_string();
            &owned
        }
        _ => return None,
    };
    let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-')).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let factor = match unit {
        "n" => 1e-6,
        "u" => 1e-3,
        "m" => 1.0,
        "" => 1e3,
        "k" => 1e6,
        "M" => 1e9,
        "G" => 1e12,
        "T" => 1e15,
        "Ki" => 1024e3,
        "Mi" => 1024e3 * 1024.0,
        "Gi" => 1024e3 * 1024.0 * 1024.0,
        "Ti" => 1024e3 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float to integer cast saturates, which is what a huge quantity should do"
    )]
    digits.parse::<f64>().ok().map(|number| (number * factor) as i64)
}

/// The sum of one resource over a pod's containers, in thousandths; `class` is `requests` or `limits`.
pub(crate) fn pod_resource(pod: &Value, class: &str, resource: &str) -> i64 {
    list(pod, "/spec/containers")
        .iter()
        .filter_map(|c| c.pointer(&format!("/resources/{class}/{resource}")).and_then(quantity))
        .sum()
}

/// A map of strings from a JSON object, skipping what is not a string.
pub(crate) fn strings(value: Option<&Value>) -> Vec<(String, String)> {
    value
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(k, v)| v.as_str().map(|v| (k.clone(), v.to_owned())))
        .collect()
}

/// A span as kubectl's AGE column shows it (`duration.HumanDuration` of k8s.io/apimachinery).
pub(crate) fn human_duration(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let pair = |a: i64, unit: &str, b: i64, small: &str| {
        if b == 0 { format!("{a}{unit}") } else { format!("{a}{unit}{b}{small}") }
    };
    match seconds {
        ..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => pair(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => pair(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => pair(days, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => pair(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

/// How long ago an instant in an object was, in the form of the AGE column; `<unknown>` without one.
pub(crate) fn age(text: &str) -> String {
    instant(text).map_or_else(
        || "<unknown>".to_owned(),
        |then| human_duration(jiff::Timestamp::now().as_second() - then.as_second()),
    )
}

/// Whether two values mean the same once nulls and empty maps and lists are left out.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    fn empty(value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Object(map) => map.values().all(empty),
            Value::Array(list) => list.is_empty(),
            _ => false,
        }
    }
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => covers(a, b, empty) && covers(b, a, empty),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        _ => a == b || (empty(a) && empty(b)),
    }
}

fn covers(a: &Map<String, Value>, b: &Map<String, Value>, empty: fn(&Value) -> bool) -> bool {
    a.iter().all(|(key, value)| b.get(key).map_or_else(|| empty(value), |other| same(value, other)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_kubectl_prints_them() {
        for (seconds, shown) in [
            (5, "5s"),
            (119, "119s"),
            (130, "2m10s"),
            (700, "11m"),
            (10_860, "3h1m"),
            (30_000, "8h"),
            (180_000, "2d2h"),
            (864_000, "10d"),
        ] {
            assert_eq!(human_duration(seconds), shown);
        }
    }

    #[test]
    fn quantities_are_thousandths() {
        assert_eq!(quantity(&json!("250m")), Some(250));
        assert_eq!(quantity(&json!("2")), Some(2000));
        assert_eq!(quantity(&json!("1Ki")), Some(1_024_000));
        assert_eq!(quantity(&json!("12x")), None);
    }

    #[test]
    fn empty_parts_make_no_difference() {
        assert!(same(&json!({"a": 1, "b": {}}), &json!({"a": 1, "c": null})));
        assert!(!same(&json!({"a": 1}), &json!({"a": 2})));
    }
}
