//! `helm`, as far as the cluster itself can answer: releases are kept in its Secrets.
//!
//! Source: `helm.sh/helm/v3/pkg/storage/driver/secrets.go` and `util.go`: JSON, gzip, base64.

use std::io::Read as _;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use command::mask::mask_text;
use command::{Refusal, classify};
use operations::{Adapter, Call, CallIo, Environment, KubernetesScope};
use serde_json::{Value, json};

use crate::api::{AS_JSON, Api, Query};
use crate::connection::Clusters;
use crate::failure::Failure;
use crate::output::{self, Output};
use crate::resolve::path_segment;
use crate::{gotext, yaml};

/// Bytes of one unpacked release at most.
const LARGEST: u64 = 16 << 20;

/// Answers Helm's questions from the cluster's release Secrets. It changes nothing: `rollback` and the like are refused.
#[derive(Clone)]
pub struct Helm {
    clusters: Clusters,
}

/// What a call asks for.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    verb: Verb,
    name: Option<String>,
    namespace: String,
    all_namespaces: bool,
    revision: Option<u64>,
    all_values: bool,
    output: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    List,
    History,
    Status,
    Values,
    Manifest,
    Notes,
}

fn refused(why: impl Into<String>) -> Failure {
    Failure::NotPermitted(why.into())
}

fn usage(why: impl Into<String>) -> Failure {
    Failure::Plain(format!("Error: {}", why.into()))
}

fn asked(environment: &Environment, call: &Call) -> Result<Asked, Failure> {
    classify(&call.argv).map_err(|refusal| refused(refusal.reason))?;
    let known = scope(environment)?;
    let mut words = Vec::new();
    let mut asked = Asked {
        verb: Verb::List,
        name: None,
        namespace: known.default_namespace.clone(),
        all_namespaces: false,
        revision: None,
        all_values: false,
        output: "table".to_owned(),
    };
    let mut rest = call.argv.iter().skip(1);
    while let Some(word) = rest.next() {
        let (name, glued) = match word.split_once('=') {
            Some((name, value)) if word.starts_with('-') => (name, Some(value.to_owned())),
            _ => (word.as_str(), None),
        };
        let mut value = || {
            glued
                .clone()
                .or_else(|| rest.next().cloned())
                .ok_or_else(|| usage(format!("flag needs an argument: {name}")))
        };
        match name {
            "-n" | "--namespace" => asked.namespace = value()?,
            "-o" | "--output" => asked.output = value()?,
            "--revision" => {
                let text = value()?;
                asked.revision = Some(
                    text.parse().map_err(|_| usage(format!("invalid argument {text:?} for \"--revision\" flag")))?,
                );
            }
            "--kube-context" => {
                let context = value()?;
                if context != known.context {
                    return Err(refused(format!(
                        "helm --kube-context={context} is not permitted: this environment is {}",
                        known.context
                    )));
                }
            }
            "-A" | "--all-namespaces" => asked.all_namespaces = true,
            "-a" | "--all" => asked.all_values = true,
            "--max" => drop(value()?),
            flag if flag.starts_with('-') => {
                return Err(refused(format!("helm {flag} is not performed by this portal: leave it out")));
            }
            _ => words.push(word.as_str()),
        }
    }
    let (verb, name) = match words.as_slice() {
        ["list" | "ls"] => (Verb::List, None),
        ["history" | "hist", name] => (Verb::History, Some(*name)),
        ["status", name] => (Verb::Status, Some(*name)),
        ["get", "values", name] => (Verb::Values, Some(*name)),
        ["get", "manifest", name] => (Verb::Manifest, Some(*name)),
        ["get", "notes", name] => (Verb::Notes, Some(*name)),
        ["history" | "hist" | "status", ..] | ["get", "values" | "manifest" | "notes", ..] => {
            return Err(usage(format!("\"helm {}\" requires 1 argument", words[0])));
        }
        ["rollback", ..] => {
            return Err(refused(
                "helm rollback is not performed by this portal, which reads releases and writes none: roll the workloads back \
                 with kubectl rollout undo, or run helm elsewhere and record it as done by hand",
            ));
        }
        _ => {
            return Err(refused(format!(
                "helm {} is not performed by this portal, which performs list, history, status and get values|manifest|notes: \
                 run it elsewhere and record it as done by hand",
                words.first().unwrap_or(&"")
            )));
        }
    };
    if !["table", "json", "yaml"].contains(&asked.output.as_str()) {
        return Err(usage(format!(
            "invalid argument {:?} for \"-o, --output\" flag: invalid format type",
            asked.output
        )));
    }
    path_segment(&asked.namespace)?;
    let all_refused = asked.all_namespaces && !matches!(known.namespaces, operations::Namespaces::All);
    if all_refused || !known.namespaces.permit(&asked.namespace) {
        let what = if all_refused { "helm --all-namespaces is" } else { "the namespace is" };
        return Err(refused(format!("{what} not part of this environment: use one of its namespaces, with -n")));
    }
    asked.verb = verb;
    asked.name = name.map(str::to_owned);
    Ok(asked)
}

fn scope(environment: &Environment) -> Result<&KubernetesScope, Failure> {
    let none = || refused(format!("the environment {} has no Kubernetes cluster", environment.name));
    environment.kubernetes.as_ref().ok_or_else(none)
}

impl Helm {
    /// The adapter for these clusters.
    #[must_use]
    pub fn new(clusters: Clusters) -> Self {
        Self { clusters }
    }

    async fn call(&self, environment: &Environment, call: &Call, out: Output<'_>) -> Result<(), Failure> {
        let asked = asked(environment, call)?;
        let cluster = self
            .clusters
            .cluster(&environment.name)
            .await
            .map_err(|wrong| Failure::Plain(format!("Error: Kubernetes cluster unreachable: {wrong}")))?;
        let api = Api { cluster, timeout: None };
        let mut releases = read(&api, &asked).await?;
        if asked.verb == Verb::List {
            // The newest revision of each.
            releases.reverse();
            let mut seen: Vec<(Value, Value)> = Vec::new();
            releases.retain(|release| {
                let key = (release["namespace"].clone(), release["name"].clone());
                let fresh = !seen.contains(&key);
                seen.push(key);
                fresh
            });
            releases.sort_by_key(|release| release["name"].as_str().unwrap_or_default().to_owned());
            return out.out(list(&asked, &releases)).await;
        }
        if releases.is_empty() {
            return Err(usage("release: not found"));
        }
        if asked.verb == Verb::History {
            return out.out(history(&asked, &releases)).await;
        }
        let release = match asked.revision {
            Some(revision) => releases.iter().find(|release| release["version"].as_u64() == Some(revision)),
            None => releases.last(),
        };
        let release = release.ok_or_else(|| usage("release: not found"))?;
        out.out(one(&asked, release)).await
    }
}

/// The releases that a call means, oldest first.
async fn read(api: &Api, asked: &Asked) -> Result<Vec<Value>, Failure> {
    let path = match asked.all_namespaces {
        true => "/api/v1/secrets".to_owned(),
        false => format!("/api/v1/namespaces/{}/secrets", asked.namespace),
    };
    let mut selector = "owner=helm".to_owned();
    if let Some(name) = &asked.name {
        path_segment(name)?;
        selector.push_str(&format!(",name={name}"));
    }
    let query: Query = vec![("labelSelector", selector)];
    let answer = api.get(&path, &query, AS_JSON).await.map_err(|failure| usage(failure.message()))?;
    let mut releases: Vec<Value> = answer["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|secret| unpacked(secret["data"]["release"].as_str()?))
        .collect();
    releases.sort_by_key(|release| release["version"].as_u64().unwrap_or(0));
    Ok(releases)
}

/// A release as it is stored; `None` where it is none.
fn unpacked(text: &str) -> Option<Value> {
    let inner = STANDARD.decode(text).ok()?;
    let packed = STANDARD.decode(inner).ok()?;
    if !packed.starts_with(&[0x1f, 0x8b, 0x08]) {
        return serde_json::from_slice(&packed).ok();
    }
    let mut whole = Vec::new();
    flate2::read::GzDecoder::new(packed.as_slice()).take(LARGEST).read_to_end(&mut whole).ok()?;
    serde_json::from_slice(&whole).ok()
}

fn when(release: &Value) -> Option<jiff::Timestamp> {
    release["info"]["last_deployed"].as_str()?.parse().ok()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn chart(release: &Value) -> String {
    let chart = &release["chart"]["metadata"];
    format!("{}-{}", text(chart, "name"), text(chart, "version"))
}

/// Cells padded to their column and kept apart by tabs, as Helm's table library does.
fn table(rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = (0..rows.first().map_or(0, Vec::len))
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    rows.iter()
        .map(|row| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            cells.collect::<Vec<_>>().join("\t") + "\n"
        })
        .collect()
}

fn written(asked: &Asked, value: &Value) -> String {
    let text = if asked.output == "json" { gotext::json_or_text(value) + "\n" } else { yaml::document(value) };
    mask_text(&text)
}

fn strings<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

fn list(asked: &Asked, releases: &[Value]) -> String {
    let updated = |release: &Value| {
        when(release).map(|at| at.strftime("%Y-%m-%d %H:%M:%S +0000 UTC").to_string()).unwrap_or_default()
    };
    let mut rows = vec![strings(["NAME", "NAMESPACE", "REVISION", "UPDATED", "STATUS", "CHART", "APP VERSION"])];
    for release in releases {
        rows.push(vec![
            text(release, "name").to_owned(),
            text(release, "namespace").to_owned(),
            release["version"].to_string(),
            updated(release),
            text(&release["info"], "status").to_owned(),
            chart(release),
            text(&release["chart"]["metadata"], "appVersion").to_owned(),
        ]);
    }
    if asked.output == "table" {
        return table(&rows);
    }
    let keys = ["name", "namespace", "revision", "updated", "status", "chart", "app_version"];
    written(asked, &objects(&keys, &rows))
}

fn objects(keys: &[&str], rows: &[Vec<String>]) -> Value {
    let object = |row: &Vec<String>| {
        Value::Object(keys.iter().zip(row).map(|(key, cell)| ((*key).to_owned(), Value::from(cell.as_str()))).collect())
    };
    Value::Array(rows.iter().skip(1).map(object).collect())
}

fn history(asked: &Asked, releases: &[Value]) -> String {
    let mut rows = vec![strings(["REVISION", "UPDATED", "STATUS", "CHART", "APP VERSION", "DESCRIPTION"])];
    for release in releases {
        let updated = when(release).map(|at| at.strftime("%a %b %e %H:%M:%S %Y").to_string()).unwrap_or_default();
        rows.push(vec![
            release["version"].to_string(),
            updated,
            text(&release["info"], "status").to_owned(),
            chart(release),
            text(&release["chart"]["metadata"], "appVersion").to_owned(),
            mask_text(text(&release["info"], "description")),
        ]);
    }
    if asked.output == "table" {
        return table(&rows);
    }
    let keys = ["revision", "updated", "status", "chart", "app_version", "description"];
    written(asked, &objects(&keys, &rows))
}

fn one(asked: &Asked, release: &Value) -> String {
    let info = &release["info"];
    match asked.verb {
        Verb::Values => {
            let mut values = if asked.all_values { release["chart"]["values"].clone() } else { json!({}) };
            merge(&mut values, &release["config"]);
            let values = if values.as_object().is_some_and(serde_json::Map::is_empty) { Value::Null } else { values };
            let head = match (asked.output.as_str(), asked.all_values) {
                ("table", true) => "COMPUTED VALUES:\n",
                ("table", false) => "USER-SUPPLIED VALUES:\n",
                _ => "",
            };
            format!("{head}{}", written(asked, &values))
        }
        Verb::Manifest => mask_text(text(release, "manifest")),
        Verb::Notes => format!("NOTES:\n{}\n", mask_text(text(info, "notes"))),
        Verb::Status | Verb::List | Verb::History => {
            let deployed = when(release).map(|at| at.strftime("%a %b %e %H:%M:%S %Y").to_string()).unwrap_or_default();
            let notes = mask_text(text(info, "notes"));
            format!(
                "NAME: {}\nLAST DEPLOYED: {deployed}\nNAMESPACE: {}\nSTATUS: {}\nREVISION: {}\nTEST SUITE: None\n{}",
                text(release, "name"),
                text(release, "namespace"),
                text(info, "status"),
                release["version"],
                if notes.is_empty() { String::new() } else { format!("NOTES:\n{notes}") }
            )
        }
    }
}

/// Values given win over the chart's own.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (_, Value::Null) => {}
        (into, from) => *into = from.clone(),
    }
}

#[async_trait]
impl Adapter for Helm {
    fn tool(&self) -> &'static str {
        "helm"
    }

    fn check(&self, environment: &Environment, call: &Call) -> Result<(), Refusal> {
        asked(environment, call).map(drop).map_err(Refusal::from)
    }

    async fn perform(&self, environment: &Environment, call: &Call, io: &dyn CallIo) -> u8 {
        output::to_the_end(io, self.call(environment, call, Output { io })).await
    }
}
