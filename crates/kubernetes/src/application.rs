//! `argocd app`, as far as the cluster itself can answer: applications are objects, and a sync is asked for by setting
//! their `operation`.
//!
//! Source: `github.com/argoproj/argo-cd/v2/cmd/argocd/commands/app.go`; `pkg/apis/application/v1alpha1/types.go`.

use std::time::Duration;

use async_trait::async_trait;
use command::{Refusal, classify};
use operations::{Adapter, Call, CallIo, Environment, Namespaces};
use serde_json::{Value, json};

use crate::api::{AS_JSON, Api, Query};
use crate::change::{self, MERGE};
use crate::connection::Clusters;
use crate::discovery::{self, Mapping};
use crate::failure::Failure;
use crate::output::{self, Output};
use crate::resolve::{Scope, items, path_segment};
use crate::watch::{Event, Watcher};
use crate::{gotext, yaml};

/// Where Argo CD keeps its applications unless a call says otherwise.
const HOME: &str = "argocd";

/// Answers Argo CD's questions about applications, and syncs them. Cheap to clone.
#[derive(Clone)]
pub struct ArgoCd {
    clusters: Clusters,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Verb {
    List,
    Get,
    History,
    Sync { prune: bool, revision: Option<String>, follow: bool },
}

#[derive(Debug, PartialEq, Eq)]
struct Asked {
    verb: Verb,
    names: Vec<String>,
    namespace: String,
    output: String,
    timeout: Option<Duration>,
}

fn refused(why: impl Into<String>) -> Failure {
    Failure::NotPermitted(why.into())
}

fn asked(environment: &Environment, call: &Call) -> Result<Asked, Failure> {
    classify(&call.argv).map_err(|refusal| refused(refusal.reason))?;
    let known = environment
        .kubernetes
        .as_ref()
        .ok_or_else(|| refused(format!("the environment {} has no Kubernetes cluster", environment.name)))?;
    let (mut words, mut namespace, mut output, mut timeout) = (Vec::new(), HOME.to_owned(), String::new(), None);
    let (mut prune, mut revision, mut follow) = (false, None, true);
    let mut rest = call.argv.iter().skip(1);
    while let Some(word) = rest.next() {
        let (name, glued) = match word.split_once('=') {
            Some((name, value)) if word.starts_with('-') => (name, Some(value.to_owned())),
            _ => (word.as_str(), None),
        };
        let on = glued.as_deref() != Some("false");
        let mut value = || {
            let needed = || Failure::Plain(format!("Error: flag needs an argument: {name}"));
            glued.clone().or_else(|| rest.next().cloned()).ok_or_else(needed)
        };
        match name {
            "-N" | "--app-namespace" => namespace = value()?,
            "-o" | "--output" => output = value()?,
            "--timeout" => {
                let seconds = value()?
                    .parse()
                    .map_err(|_| Failure::Plain("Error: invalid argument for \"--timeout\" flag".to_owned()))?;
                timeout = Some(Duration::from_secs(seconds)).filter(|limit| !limit.is_zero());
            }
            "--revision" => revision = Some(value()?),
            "--prune" => prune = on,
            "--async" => follow = !on,
            "--refresh" | "--grpc-web" => {}
            flag if flag.starts_with('-') => {
                return Err(refused(format!("argocd {flag} is not performed by this portal: leave it out")));
            }
            _ => words.push(word.as_str()),
        }
    }
    let (verb, names) = match words.as_slice() {
        ["app", "list"] => (Verb::List, Vec::new()),
        ["app", "get", name] => (Verb::Get, vec![(*name).to_owned()]),
        ["app", "history", name] => (Verb::History, vec![(*name).to_owned()]),
        ["app", "sync", names @ ..] if !names.is_empty() => {
            (Verb::Sync { prune, revision, follow }, names.iter().map(|name| (*name).to_owned()).collect())
        }
        ["app", "get" | "history" | "sync", ..] => {
            return Err(Failure::Plain(format!("Error: argocd app {} needs the name of an application", words[1])));
        }
        _ => {
            return Err(refused(format!(
                "argocd {} is not performed by this portal, which performs app list, get, history and sync: run it elsewhere \
                 and record it as done by hand",
                words.join(" ")
            )));
        }
    };
    let mut names = names;
    for name in &mut names {
        // `namespace/name`
        if let Some((home, bare)) = name.clone().split_once('/') {
            home.clone_into(&mut namespace);
            bare.clone_into(name);
        }
        path_segment(name)?;
    }
    path_segment(&namespace)?;
    if !known.namespaces.permit(&namespace) {
        return Err(refused(format!(
            "the namespace {namespace} of Argo CD's applications is not part of this environment"
        )));
    }
    if !["", "wide", "json", "yaml", "name", "id"].contains(&output.as_str()) {
        return Err(Failure::Plain(format!("Error: unknown output format: {output}")));
    }
    Ok(Asked { verb, names, namespace, output, timeout })
}

impl ArgoCd {
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
            .map_err(|wrong| Failure::Plain(format!("Unable to connect to the server: {wrong}")))?;
        let scope = Scope {
            api: Api { cluster, timeout: None },
            namespace: asked.namespace.clone(),
            namespace_given: true,
            all_namespaces: false,
            allowed: &Namespaces::All,
        };
        let mapping =
            discovery::one(&scope.api, "applications.argoproj.io").await.map_err(|failure| match failure {
                Failure::Error(_) => refused("this cluster has no Argo CD: it serves no applications.argoproj.io"),
                other => other,
            })?;
        match &asked.verb {
            Verb::List => {
                let mut pages = scope.pages(&mapping, Query::new(), AS_JSON, 500);
                let mut all = Vec::new();
                while let Some(page) = pages.next().await? {
                    all.extend(items(page, &mapping));
                }
                out.out(list(&asked, &all)).await
            }
            Verb::Get => {
                let found = scope.get(&mapping, &asked.names[0], &Query::new(), AS_JSON).await?;
                out.out(match asked.output.as_str() {
                    "json" => gotext::json_indented(&found) + "\n",
                    "yaml" => yaml::document(&found),
                    _ => facts(&found),
                })
                .await
            }
            Verb::History => {
                let found = scope.get(&mapping, &asked.names[0], &Query::new(), AS_JSON).await?;
                out.out(history(&found)).await
            }
            Verb::Sync { .. } => {
                let mut failures = Vec::new();
                for name in &asked.names {
                    match sync(&scope, &mapping, &asked, name, out).await {
                        Err(Failure::Ended) => return Err(Failure::Ended),
                        Err(failure) => failures.push(failure),
                        Ok(()) => {}
                    }
                }
                Failure::of(failures).map_or(Ok(()), Err)
            }
        }
    }
}

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// Sets the application's operation and, unless the call is asynchronous, waits for its end.
async fn sync(scope: &Scope<'_>, mapping: &Mapping, asked: &Asked, name: &str, out: Output<'_>) -> Result<(), Failure> {
    let Verb::Sync { prune, revision, follow } = &asked.verb else { return Ok(()) };
    let before = scope.get(mapping, name, &Query::new(), AS_JSON).await?;
    if before["operation"].is_object() || text(&before, "/status/operationState/phase") == "Running" {
        return Err(Failure::Plain(format!(
            "Error: another operation is already in progress on {name}: wait for its end"
        )));
    }
    let mut operation =
        json!({"initiatedBy": {"username": "runbook-portal"}, "sync": {"prune": prune, "syncStrategy": {"hook": {}}}});
    if let Some(revision) = revision {
        operation["sync"]["revision"] = Value::from(revision.as_str());
    }
    let patch = json!({"metadata": {"resourceVersion": before["metadata"]["resourceVersion"]}, "operation": operation});
    let path = mapping.path(Some(&scope.namespace), Some(name));
    let query = change::query(command::kubectl::DryRun::None, "runbook-portal-argocd");
    let asked_for = scope.api.patch(&path, &query, MERGE, &patch).await?;
    if !follow {
        return Ok(());
    }
    let work = async {
        let mut now = asked_for;
        let mut seen = false;
        loop {
            // The operation is over once the controller has taken it away and its state is final.
            seen |= now["operation"].is_object() || text(&now, "/status/operationState/phase") == "Running";
            let phase = text(&now, "/status/operationState/phase");
            let over = ["Succeeded", "Failed", "Error"].contains(&phase) && !now["operation"].is_object();
            if seen && over {
                return Ok::<Value, Failure>(now);
            }
            let query = vec![("fieldSelector", format!("metadata.name={name}"))];
            let version = text(&now, "/metadata/resourceVersion").to_owned();
            let mut watcher = Watcher::start(scope, mapping, query, &version, AS_JSON).await?;
            now = match watcher.next().await? {
                Event::Change(kind, _) if kind == "DELETED" => {
                    return Err(Failure::Plain(format!("Error: the application {name} was deleted")));
                }
                Event::Change(_, object) => object,
                Event::Closed(_) | Event::Expired => scope.get(mapping, name, &Query::new(), AS_JSON).await?,
            };
        }
    };
    let done = match asked.timeout {
        None => work.await?,
        Some(limit) => tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
            Err(Failure::Plain(format!("Error: timed out ({}s) waiting for the sync of {name}", limit.as_secs())))
        })?,
    };
    out.out(facts(&done)).await?;
    let state = &done["status"]["operationState"];
    out.out(format!(
        "\nOperation:          Sync\nSync Revision:      {}\nPhase:              {}\nStart:              {}\nFinished:           \
         {}\nMessage:            {}\n",
        text(state, "/syncResult/revision"),
        text(state, "/phase"),
        text(state, "/startedAt"),
        text(state, "/finishedAt"),
        text(state, "/message")
    ))
    .await?;
    match text(state, "/phase") {
        "Succeeded" => Ok(()),
        phase => Err(Failure::Exit(1, format!("Error: operation has completed with phase: {phase}"))),
    }
}

fn facts(app: &Value) -> String {
    let sync = match (text(app, "/status/sync/status"), text(app, "/status/sync/revision")) {
        ("", _) => "Unknown".to_owned(),
        (status, "") => status.to_owned(),
        (status, revision) => format!("{status} ({})", revision.chars().take(7).collect::<String>()),
    };
    let lines = [
        ("Name:", format!("{}/{}", text(app, "/metadata/namespace"), text(app, "/metadata/name"))),
        ("Project:", text(app, "/spec/project").to_owned()),
        ("Server:", text(app, "/spec/destination/server").to_owned()),
        ("Namespace:", text(app, "/spec/destination/namespace").to_owned()),
        ("Repo:", text(app, "/spec/source/repoURL").to_owned()),
        ("Target:", text(app, "/spec/source/targetRevision").to_owned()),
        ("Path:", text(app, "/spec/source/path").to_owned()),
        ("Sync Status:", sync),
        ("Health Status:", text(app, "/status/health/status").to_owned()),
    ];
    lines.iter().map(|(name, value)| format!("{name:<20}{value}\n")).collect()
}

fn columns(rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = (0..rows.first().map_or(0, Vec::len))
        .map(|column| rows.iter().map(|row| row[column].chars().count() + 2).max().unwrap_or(0))
        .collect();
    rows.iter()
        .map(|row| {
            let line: String = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            line.trim_end().to_owned() + "\n"
        })
        .collect()
}

fn list(asked: &Asked, apps: &[Value]) -> String {
    match asked.output.as_str() {
        "json" => return gotext::json_indented(&Value::Array(apps.to_vec())) + "\n",
        "yaml" => return yaml::document(&Value::Array(apps.to_vec())),
        "name" => {
            let name = |app: &Value| format!("{}/{}\n", text(app, "/metadata/namespace"), text(app, "/metadata/name"));
            return apps.iter().map(name).collect();
        }
        _ => {}
    }
    let head = ["NAME", "CLUSTER", "NAMESPACE", "PROJECT", "STATUS", "HEALTH", "REPO", "PATH", "TARGET"];
    let mut rows = vec![head.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>()];
    for app in apps {
        let paths = [
            "/spec/destination/server",
            "/spec/destination/namespace",
            "/spec/project",
            "/status/sync/status",
            "/status/health/status",
            "/spec/source/repoURL",
            "/spec/source/path",
            "/spec/source/targetRevision",
        ];
        let name = format!("{}/{}", text(app, "/metadata/namespace"), text(app, "/metadata/name"));
        rows.push(std::iter::once(name).chain(paths.iter().map(|path| text(app, path).to_owned())).collect());
    }
    columns(&rows)
}

fn history(app: &Value) -> String {
    let mut rows = vec![vec!["ID".to_owned(), "DATE".to_owned(), "REVISION".to_owned()]];
    for entry in app["status"]["history"].as_array().into_iter().flatten() {
        let target = text(entry, "/source/targetRevision");
        let revision: String = text(entry, "/revision").chars().take(7).collect();
        rows.push(vec![
            entry["id"].to_string(),
            text(entry, "/deployedAt").to_owned(),
            format!("{target} ({revision})"),
        ]);
    }
    columns(&rows)
}

#[async_trait]
impl Adapter for ArgoCd {
    fn tool(&self) -> &'static str {
        "argocd"
    }

    fn check(&self, environment: &Environment, call: &Call) -> Result<(), Refusal> {
        asked(environment, call).map(drop).map_err(Refusal::from)
    }

    async fn perform(&self, environment: &Environment, call: &Call, io: &dyn CallIo) -> u8 {
        output::to_the_end(io, self.call(environment, call, Output { io })).await
    }
}
