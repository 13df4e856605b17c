//! The practice cluster: everything that its API lists.

use anyhow::{Context, Result};
use futures::future::try_join_all;
use serde_json::Value;

use super::State;

/// Kinds that the cluster's own controllers write all the time.
const BUSY: [&str; 5] = ["events", "leases", "endpoints", "endpointslices", "controllerrevisions"];

pub(super) struct Cluster {
    http: reqwest::Client,
    url: String,
    token: String,
    /// The address of each list, and what its things are called.
    lists: Vec<(String, String)>,
}

impl Cluster {
    /// Asks the cluster what it has.
    pub(super) async fn new(practice: &practice::Practice) -> Result<Self> {
        let mut cluster = Self {
            http: reqwest::Client::new(),
            url: practice.url(),
            token: practice.token().to_owned(),
            lists: Vec::new(),
        };
        let groups = cluster.get("/apis").await?;
        let mut versions = vec!["/api/v1".to_owned()];
        for group in groups["groups"].as_array().into_iter().flatten() {
            versions
                .extend(group["preferredVersion"]["groupVersion"].as_str().map(|version| format!("/apis/{version}")));
        }
        for version in versions {
            let resources = cluster.get(&version).await?;
            for resource in resources["resources"].as_array().into_iter().flatten() {
                let name = resource["name"].as_str().unwrap_or_default();
                let lists = resource["verbs"].as_array().is_some_and(|verbs| verbs.iter().any(|verb| verb == "list"));
                if lists && !name.contains('/') && !BUSY.contains(&name) && !version.contains("metrics.k8s.io") {
                    cluster.lists.push((format!("{version}/{name}"), name.to_owned()));
                }
            }
        }
        Ok(cluster)
    }

    /// Everything, without what tells how it does.
    pub(super) async fn look(&self) -> Result<State> {
        let lists = try_join_all(self.lists.iter().map(async |(address, name)| {
            let list = self.get(address).await?;
            anyhow::Ok((name, list))
        }));
        let mut state = State::new();
        for (name, list) in lists.await? {
            for item in list["items"].as_array().into_iter().flatten() {
                let text = |pointer: &str| item.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
                let address = match text("/metadata/namespace") {
                    "" => format!("{name}/{}", text("/metadata/name")),
                    namespace => format!("{name}/{namespace}/{}", text("/metadata/name")),
                };
                state.insert(address, wanted(item.clone()));
            }
        }
        Ok(state)
    }

    async fn get(&self, path: &str) -> Result<Value> {
        let request = self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.token);
        let answer = request.send().await.and_then(reqwest::Response::error_for_status);
        answer.with_context(|| format!("cannot get {path}"))?.json().await.context("no JSON")
    }
}

/// A thing as somebody wants it: without its status, and without what every write changes. What became of an operation
/// that somebody asked for (Argo CD) stays.
fn wanted(mut item: Value) -> Value {
    if let Some(item) = item.as_object_mut() {
        let operation = item.remove("status").and_then(|status| status.get("operationState").cloned());
        item.extend(operation.map(|operation| ("operationState".to_owned(), operation)));
        if let Some(metadata) = item.get_mut("metadata").and_then(Value::as_object_mut) {
            for own in ["resourceVersion", "managedFields", "generation", "creationTimestamp"] {
                metadata.remove(own);
            }
            if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
                annotations.remove("deployment.kubernetes.io/revision");
            }
        }
    }
    item
}
