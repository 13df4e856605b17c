//! What a cluster has that fits a parameter: pods, nodes, deployments.

use std::time::Duration;

use async_trait::async_trait;
use command::ParameterKind;
use operations::{Environment, Namespaces, Suggester, Suggestion, Wanted};
use serde_json::Value;

use crate::api::{AS_TABLE, Api, Query, encoded};
use crate::connection::Clusters;

/// How long the cluster may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many objects are asked for.
const MOST: &str = "250";

/// Suggests the names of objects, with what kubectl's table says of each.
#[derive(Clone)]
pub struct Names {
    clusters: Clusters,
}

impl Names {
    /// Suggestions from these clusters.
    #[must_use]
    pub fn new(clusters: Clusters) -> Self {
        Self { clusters }
    }
}

#[async_trait]
impl Suggester for Names {
    async fn suggest(&self, environment: &Environment, wanted: &Wanted) -> Vec<Suggestion> {
        let Some(path) = path(environment, wanted) else { return Vec::new() };
        let Ok(cluster) = self.clusters.cluster(&environment.name).await else { return Vec::new() };
        let api = Api { cluster, timeout: Some(PATIENCE) };
        let mut query = Query::from([("limit", MOST.to_owned())]);
        if let Some(selector) = wanted.selector.as_ref().filter(|_| wanted.kind == ParameterKind::Pod) {
            query.push(("labelSelector", selector.clone()));
        }
        match api.get(&path, &query, AS_TABLE).await {
            Ok(table) => rows(&table),
            Err(failure) => {
                tracing::debug!(environment = %environment.name, reason = failure.print().trim_end(), "no suggestions");
                Vec::new()
            }
        }
    }
}

/// Where objects of the wanted kind are listed; `None` where this room has none, or the environment may not look.
fn path(environment: &Environment, wanted: &Wanted) -> Option<String> {
    let scope = environment.kubernetes.as_ref()?;
    let namespace = wanted.namespace.as_deref().unwrap_or(&scope.default_namespace);
    let within = |prefix: &str, resource: &str| {
        scope.namespaces.permit(namespace).then(|| format!("{prefix}/namespaces/{}/{resource}", encoded(namespace)))
    };
    let everywhere = |resource: &str| (scope.namespaces == Namespaces::All).then(|| format!("/api/v1/{resource}"));
    match wanted.kind {
        ParameterKind::Pod => within("/api/v1", "pods"),
        ParameterKind::Service => within("/api/v1", "services"),
        ParameterKind::Deployment => within("/apis/apps/v1", "deployments"),
        ParameterKind::Node => everywhere("nodes"),
        ParameterKind::Namespace => everywhere("namespaces"),
        _ => None,
    }
}

/// The rows of a table as the server draws it: the name, and the cells that say how the object is.
fn rows(table: &Value) -> Vec<Suggestion> {
    let column = |name: &str| {
        table["columnDefinitions"].as_array()?.iter().position(|column| column["name"].as_str() == Some(name))
    };
    let (name, status, ready) = (column("Name"), column("Status"), column("Ready"));
    let cell = |row: &Value, at: Option<usize>| Some(row["cells"].get(at?)?.as_str()?.to_owned());
    table["rows"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|row| {
            let (status, ready) = (cell(row, status), cell(row, ready));
            let well =
                status.as_deref().is_none_or(|text| matches!(text, "Running" | "Completed" | "Ready" | "Active"));
            let whole =
                ready.as_deref().and_then(|text| text.split_once('/')).is_none_or(|(ready, wanted)| ready == wanted);
            Some(Suggestion {
                value: cell(row, name)?,
                about: [status, ready].into_iter().flatten().collect::<Vec<_>>().join(" · "),
                troubled: !well || (!whole && column("Status").is_none()),
            })
        })
        .collect()
}
