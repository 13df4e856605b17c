//! The data of secrets and configuration maps, from arguments and the caller's files.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use command::kubectl::Sources;
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::manifest;
use crate::output::Output;

/// Keys and texts of all sources; each key once.
pub(super) async fn plain(sources: &Sources, out: Output<'_>) -> Result<Map<String, Value>, Failure> {
    let mut data = Map::new();
    for path in &sources.files {
        let (key, path) = match path.split_once('=') {
            Some((key, path)) if !key.is_empty() && !path.is_empty() => (key, path),
            Some(("", _)) => return Err(Failure::error(format!("key name for file path {path} missing"))),
            Some((key, _)) => return Err(Failure::error(format!("file path for key name {key} missing"))),
            None => (path.rsplit('/').next().unwrap_or_default(), path.as_str()),
        };
        let text = manifest::file(out, path, |why| format!("error reading {path}: {why}")).await?;
        add(&mut data, key, text)?;
    }
    for literal in &sources.literals {
        let (key, value) = literal.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
            // The whole word may be a secret: only that it is wrong is said.
            Failure::error("invalid literal source, expected key=value")
        })?;
        // As from a shell, one pair of quotes around the value goes.
        let bare = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
        add(&mut data, key, bare.unwrap_or(value).to_owned())?;
    }
    for path in &sources.env_files {
        let text = manifest::file(out, path, |why| format!("error reading {path}: {why}")).await?;
        for line in text.lines() {
            let line = line.trim_start();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            // A name alone takes its value from kubectl's own environment, which is the portal's: there is none.
            let Some((key, value)) = line.split_once('=') else { continue };
            add(&mut data, key, value.to_owned())?;
        }
    }
    Ok(data)
}

fn add(data: &mut Map<String, Value>, key: &str, value: String) -> Result<(), Failure> {
    // `validation.IsConfigMapKey`
    let fits = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if !fits || key.is_empty() || key.len() > 253 || key == "." || key.starts_with("..") {
        return Err(Failure::error(format!(
            "{key:?} is not valid key name: a valid config key must consist of alphanumeric characters, '-', '_' or '.' \
             (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
        )));
    }
    match data.insert(key.to_owned(), Value::from(value)) {
        None => Ok(()),
        Some(_) => Err(Failure::error(format!("cannot add key {key}, another key by that name already exists"))),
    }
}

/// The values as a secret holds them.
pub(super) fn encoded(mut data: Map<String, Value>) -> Map<String, Value> {
    for value in data.values_mut() {
        *value = Value::from(STANDARD.encode(value.as_str().unwrap_or_default()));
    }
    data
}

/// A certificate and its key. kubectl also checks that the two belong together; here the server's users find out.
pub(super) async fn tls(certificate: &str, key: &str, out: Output<'_>) -> Result<Value, Failure> {
    let open = |path: &str| {
        let path = path.to_owned();
        move |why: &str| format!("Cannot read file {path}, open {path}: {why}")
    };
    let certificate = manifest::file(out, certificate, open(certificate)).await?;
    let key = manifest::file(out, key, open(key)).await?;
    for (text, begin, what) in [(&certificate, "-----BEGIN CERTIFICATE", "certificate"), (&key, "-----BEGIN ", "key")] {
        if !text.contains(begin) {
            return Err(Failure::error(format!("tls: failed to find any PEM data in {what} input")));
        }
    }
    Ok(json!({"tls.crt": STANDARD.encode(certificate), "tls.key": STANDARD.encode(key)}))
}

/// The configuration that image pulls read.
pub(super) fn registry(server: &str, username: &str, password: &str, email: &str) -> Value {
    let mut entry = json!({"username": username, "password": password});
    if !email.is_empty() {
        entry["email"] = Value::from(email);
    }
    entry["auth"] = Value::from(STANDARD.encode(format!("{username}:{password}")));
    // In the order of kubectl's own fields.
    let fields: Vec<String> = ["username", "password", "email", "auth"]
        .iter()
        .filter_map(|key| entry.get(*key).map(|value| format!("{key:?}:{value}")))
        .collect();
    let text = format!("{{\"auths\":{{{}:{{{}}}}}}}", Value::from(server), fields.join(","));
    json!({".dockerconfigjson": STANDARD.encode(text)})
}
