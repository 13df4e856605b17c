//! Secrets stay in the cluster: their values are replaced before anything is printed, sorted or searched.

use base64::Engine as _;
use serde_json::Value;

use crate::discovery::Mapping;
use crate::failure::Failure;

/// What stands where a value was. Under `data`, whose values are base64, it is encoded, so that a runbook's
/// `… | base64 -d` shows this sentence rather than an error.
const MASK: &str = "hidden by runbook-portal";
const APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Hides the values of a secret, of the secrets of a list, and of those in the rows of a table.
pub(crate) fn hide(mapping: &Mapping, answer: &mut Value) {
    if !mapping.is("", "secrets") {
        return;
    }
    if let Some(items) = answer.get_mut("items").and_then(Value::as_array_mut) {
        items.iter_mut().for_each(hide_one);
    } else if let Some(rows) = answer.get_mut("rows").and_then(Value::as_array_mut) {
        rows.iter_mut().filter_map(|row| row.get_mut("object")).for_each(hide_one);
    } else {
        hide_one(answer);
    }
}

/// Refuses to write back what was hidden: a manifest that was read here would put the mask in the secret's place.
pub(crate) fn written(mapping: &Mapping, object: &Value) -> Result<(), Failure> {
    if mapping.is("", "secrets") && masked(object) {
        return Err(Failure::NotPermitted(format!(
            "the manifest of {}/{} holds values that this portal has hidden: writing it would lose the secret's own. Keep \
             the values in a parameter, or patch only what changes",
            mapping.printed_kind(),
            object["metadata"]["name"].as_str().unwrap_or_default()
        )));
    }
    Ok(())
}

/// Whether a secret, or a patch of one, holds the mask.
pub(crate) fn masked(value: &Value) -> bool {
    let encoded = base64::engine::general_purpose::STANDARD.encode(MASK);
    match value {
        Value::String(text) => *text == encoded || text == MASK,
        Value::Array(items) => items.iter().any(masked),
        Value::Object(map) => map.values().any(masked),
        _ => false,
    }
}

fn hide_one(secret: &mut Value) {
    let encoded = base64::engine::general_purpose::STANDARD.encode(MASK);
    for (field, mask) in [("data", encoded.as_str()), ("stringData", MASK)] {
        if let Some(values) = secret.get_mut(field).and_then(Value::as_object_mut) {
            for (_, value) in values.iter_mut().filter(|(name, value)| !is_certificate(name, value)) {
                *value = Value::from(mask);
            }
        }
    }
    if let Some(applied) = secret.pointer_mut("/metadata/annotations").and_then(|all| all.get_mut(APPLIED)) {
        *applied = Value::from(MASK);
    }
}

/// Whether a value is nothing but certificates, which every client is shown anyway: when one ends is what people look for.
fn is_certificate(name: &str, value: &Value) -> bool {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let Some(text) = value.as_str().filter(|_| ["tls.crt", "ca.crt"].contains(&name)) else { return false };
    let decoded = base64::engine::general_purpose::STANDARD.decode(text).unwrap_or_else(|_| text.into());
    let Ok(pem) = String::from_utf8(decoded) else { return false };
    let mut inside = false;
    let mut any = false;
    for line in pem.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line {
            BEGIN if !inside => inside = true,
            END if inside => (inside, any) = (false, true),
            _ if inside && base64::engine::general_purpose::STANDARD.decode(line).is_ok() => {}
            _ => return false,
        }
    }
    any && !inside
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn certificates_are_shown_and_nothing_else_by_their_name() {
        let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        let certificate = "-----BEGIN CERTIFICATE-----\nMIIB\nAAAA\n-----END CERTIFICATE-----\n";
        let key = certificate.replace("CERTIFICATE", "PRIVATE KEY");
        let shown = |name: &str, text: &str| {
            let mut secret = json!({"data": {name: encode(text)}});
            hide_one(&mut secret);
            secret["data"][name] == encode(text)
        };
        assert!(shown("tls.crt", certificate) && shown("ca.crt", &certificate.repeat(2)));
        for (name, text) in [
            ("tls.key", certificate),
            ("tls.crt", key.as_str()),
            ("tls.crt", &format!("{certificate}{key}")),
            ("tls.crt", &format!("{certificate}password=x")),
            ("tls.crt", &certificate.replace("AAAA", "not base64!")),
            ("tls.crt", "practice-only"),
            ("tls.crt", ""),
        ] {
            assert!(!shown(name, text), "{name} {text}");
        }
    }

    #[test]
    fn no_value_of_a_secret_is_left() {
        let mut secret = json!({
            "metadata": {"name": "s", "annotations": {APPLIED: "{\"data\":{\"k\":\"c2VjcmV0\"}}", "other": "stays"}},
            "data": {"k": "c2VjcmV0"},
            "stringData": {"j": "secret"},
            "type": "Opaque",
        });
        hide_one(&mut secret);
        let text = secret.to_string();
        assert!(!text.contains("c2VjcmV0") && !text.contains("\"secret\""), "{text}");
        assert!(text.contains("stays") && text.contains("Opaque"));
        let decoded = base64::engine::general_purpose::STANDARD
            .decode(secret["data"]["k"].as_str().expect("text"))
            .expect("base64");
        assert_eq!(decoded, MASK.as_bytes());
    }
}
