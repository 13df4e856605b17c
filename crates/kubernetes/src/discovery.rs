//! What a cluster serves: its types with their names, short names and categories.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::api::{AS_JSON, Api, Query, encoded};
use crate::failure::Failure;

/// Types kept of one cluster at most; the largest clusters serve some hundreds.
const LIMIT: usize = 5_000;
/// How long an answer is used without asking again.
const LIFE: Duration = Duration::from_secs(600);
/// How soon a type that is not there is asked for again.
const MISS: Duration = Duration::from_secs(5);

/// One type that a cluster serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) group: String,
    pub(crate) version: String,
    /// The plural: `deployments`.
    pub(crate) resource: String,
    singular: String,
    pub(crate) kind: String,
    pub(crate) namespaced: bool,
    short_names: Vec<String>,
    categories: Vec<String>,
}

impl Mapping {
    /// `apps/v1`, `v1`.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `deployment.apps`, `pod`: the kind as kubectl prints it before a name.
    pub(crate) fn printed_kind(&self) -> String {
        let kind = self.kind.to_lowercase();
        if self.group.is_empty() { kind } else { format!("{kind}.{}", self.group) }
    }

    /// `deployments.apps`, `pods`.
    pub(crate) fn printed_resource(&self) -> String {
        if self.group.is_empty() { self.resource.clone() } else { format!("{}.{}", self.resource, self.group) }
    }

    pub(crate) fn is(&self, group: &str, resource: &str) -> bool {
        self.group == group && self.resource == resource
    }

    /// The path of all objects, or of one, in a namespace or in the cluster.
    pub(crate) fn path(&self, namespace: Option<&str>, name: Option<&str>) -> String {
        let mut path = if self.group.is_empty() {
            format!("/api/{}", self.version)
        } else {
            format!("/apis/{}/{}", encoded(&self.group), self.version)
        };
        if let (true, Some(namespace)) = (self.namespaced, namespace) {
            path = format!("{path}/namespaces/{}", encoded(namespace));
        }
        path = format!("{path}/{}", encoded(&self.resource));
        match name {
            Some(name) => format!("{path}/{}", encoded(name)),
            None => path,
        }
    }
}

/// The types of a cluster, in the order the server prefers them.
#[derive(Debug)]
pub(crate) struct Discovery {
    mappings: Vec<Mapping>,
    at: Instant,
}

impl Discovery {
    fn find(&self, argument: &str) -> Option<&Mapping> {
        let lower = argument.to_lowercase();
        let (word, rest) = lower.split_once('.').unwrap_or((&lower, ""));
        let (version, group_after_version) = rest.split_once('.').unwrap_or((rest, ""));
        let fits = |mapping: &&Mapping| {
            rest.is_empty()
                || mapping.group == rest
                || (mapping.version == version && mapping.group == group_after_version)
        };
        let named = |mapping: &&Mapping| mapping.resource == word || mapping.singular == word;
        let kind = |mapping: &&Mapping| mapping.kind.to_lowercase() == word;
        let short = |mapping: &&Mapping| mapping.short_names.iter().any(|name| *name == word);
        let fitting = || self.mappings.iter().filter(fits);
        fitting().find(named).or_else(|| fitting().find(short)).or_else(|| fitting().find(kind)).or_else(|| {
            // `get app` of a group whose name only begins so, as kubectl's mapper takes it.
            let begins = |mapping: &&Mapping| !rest.is_empty() && mapping.group.starts_with(rest) && named(mapping);
            self.mappings.iter().find(begins)
        })
    }

    fn category(&self, name: &str) -> Vec<Mapping> {
        self.mappings.iter().filter(|mapping| mapping.categories.iter().any(|one| one == name)).cloned().collect()
    }
}

/// The types that an argument names: one, or those of a category such as `all`.
pub(crate) async fn types(api: &Api, argument: &str) -> Result<Vec<Mapping>, Failure> {
    let mut cached = api.cluster.discovery.lock().await;
    for attempt in 0..2 {
        let stale = cached.as_ref().is_none_or(|known| {
            let age = known.at.elapsed();
            age > LIFE || (attempt > 0 && age > MISS)
        });
        if stale {
            *cached = Some(Arc::new(discover(api).await?));
        }
        let Some(known) = cached.as_ref() else { break };
        let category = known.category(argument);
        if !category.is_empty() {
            return Ok(category);
        }
        if let Some(mapping) = known.find(argument) {
            return Ok(vec![mapping.clone()]);
        }
    }
    let word = argument.split('.').next().unwrap_or_default();
    Err(Failure::error(format!("the server doesn't have a resource type {word:?}")))
}

/// The type of an object, by its `apiVersion` and `kind`; `None` where the cluster does not serve it.
pub(crate) async fn of_kind(api: &Api, api_version: &str, kind: &str) -> Result<Option<Mapping>, Failure> {
    let mut cached = api.cluster.discovery.lock().await;
    for attempt in 0..2 {
        let stale = cached.as_ref().is_none_or(|known| {
            let age = known.at.elapsed();
            age > LIFE || (attempt > 0 && age > MISS)
        });
        if stale {
            *cached = Some(Arc::new(discover(api).await?));
        }
        let known = cached.as_ref().map(|known| known.mappings.as_slice()).unwrap_or_default();
        if let Some(mapping) = known.iter().find(|one| one.kind == kind && one.api_version() == api_version) {
            return Ok(Some(mapping.clone()));
        }
    }
    Ok(None)
}

/// The type that an argument names.
pub(crate) async fn one(api: &Api, argument: &str) -> Result<Mapping, Failure> {
    let mut found = types(api, argument).await?;
    Ok(found.swap_remove(0))
}

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
    application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

async fn discover(api: &Api) -> Result<Discovery, Failure> {
    let mut mappings = Vec::new();
    for root in ["/api", "/apis"] {
        let answer = api.get(root, &Query::new(), AGGREGATED).await?;
        if answer["kind"] == "APIGroupDiscoveryList" {
            for group in list(&answer, "items") {
                aggregated(group, &mut mappings);
            }
        } else {
            one_by_one(api, root, &answer, &mut mappings).await?;
        }
    }
    mappings.truncate(LIMIT);
    Ok(Discovery { mappings, at: Instant::now() })
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value, key: &str) -> Vec<String> {
    list(value, key).filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Every version that is served is kept, the preferred one first, so that `deployments.v1.apps` finds its own.
fn aggregated(group: &Value, into: &mut Vec<Mapping>) {
    let name = text(&group["metadata"], "name");
    for version in list(group, "versions") {
        for resource in list(version, "resources") {
            let kind = text(&resource["responseKind"], "kind");
            let plural = text(resource, "resource");
            let singular = text(resource, "singularResource");
            into.push(Mapping {
                group: name.clone(),
                version: text(version, "version"),
                singular: if singular.is_empty() { kind.to_lowercase() } else { singular },
                kind,
                resource: plural,
                namespaced: resource["scope"] == "Namespaced",
                short_names: texts(resource, "shortNames"),
                categories: texts(resource, "categories"),
            });
        }
    }
}

/// Discovery of servers before aggregated discovery (Kubernetes 1.26): one request for each group version.
async fn one_by_one(api: &Api, root: &str, answer: &Value, into: &mut Vec<Mapping>) -> Result<(), Failure> {
    let mut versions = Vec::new();
    if root == "/api" {
        versions.extend(texts(answer, "versions").into_iter().map(|version| (String::new(), version)));
    }
    for group in list(answer, "groups") {
        let name = text(group, "name");
        let preferred = text(&group["preferredVersion"], "version");
        let mut of_group: Vec<_> = list(group, "versions").map(|version| text(version, "version")).collect();
        of_group.sort_by_key(|version| *version != preferred);
        versions.extend(of_group.into_iter().map(|version| (name.clone(), version)));
    }
    for (group, version) in versions {
        let path = match group.as_str() {
            "" => format!("/api/{version}"),
            group => format!("/apis/{group}/{version}"),
        };
        // One broken aggregated API must not hide all the others.
        let Ok(answer) = api.get(&path, &Query::new(), AS_JSON).await else { continue };
        for resource in list(&answer, "resources") {
            let plural = text(resource, "name");
            if plural.contains('/') {
                continue;
            }
            let kind = text(resource, "kind");
            let singular = text(resource, "singularName");
            into.push(Mapping {
                group: group.clone(),
                version: version.clone(),
                singular: if singular.is_empty() { kind.to_lowercase() } else { singular },
                kind,
                resource: plural,
                namespaced: resource["namespaced"] == true,
                short_names: texts(resource, "shortNames"),
                categories: texts(resource, "categories"),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployments() -> Mapping {
        known().find("deploy").expect("served").clone()
    }

    fn known() -> Discovery {
        let mut mappings = Vec::new();
        let resource = |name: &str, kind: &str, short: &[&str], categories: &[&str]| {
            json!({"resource": name, "responseKind": {"kind": kind}, "scope": "Namespaced",
                   "shortNames": short, "categories": categories, "singularResource": kind.to_lowercase()})
        };
        aggregated(
            &json!({"metadata": {}, "versions": [{"version": "v1", "resources": [
                resource("pods", "Pod", &["po"], &["all"]), resource("events", "Event", &["ev"], &[])]}]}),
            &mut mappings,
        );
        aggregated(
            &json!({"metadata": {"name": "apps"}, "versions": [{"version": "v1", "resources": [
                resource("deployments", "Deployment", &["deploy"], &["all"])]}]}),
            &mut mappings,
        );
        aggregated(
            &json!({"metadata": {"name": "autoscaling"}, "versions": [
                {"version": "v2", "resources": [resource("horizontalpodautoscalers", "HorizontalPodAutoscaler", &["hpa"], &[])]},
                {"version": "v1", "resources": [resource("horizontalpodautoscalers", "HorizontalPodAutoscaler", &["hpa"], &[])]}]}),
            &mut mappings,
        );
        Discovery { mappings, at: Instant::now() }
    }

    #[test]
    fn types_are_found_by_all_their_names() {
        let known = known();
        for (argument, path) in [
            ("po", "/api/v1/namespaces/n/pods"),
            ("Pods", "/api/v1/namespaces/n/pods"),
            ("pod", "/api/v1/namespaces/n/pods"),
            ("deployment.apps", "/apis/apps/v1/namespaces/n/deployments"),
            ("deployments.v1.apps", "/apis/apps/v1/namespaces/n/deployments"),
            ("hpa", "/apis/autoscaling/v2/namespaces/n/horizontalpodautoscalers"),
            ("hpa.v1.autoscaling", "/apis/autoscaling/v1/namespaces/n/horizontalpodautoscalers"),
        ] {
            let mapping = known.find(argument).expect(argument);
            assert_eq!(mapping.path(Some("n"), None), path, "{argument}");
        }
        assert_eq!(known.find("deployments.elsewhere"), None);
        assert_eq!(known.category("all").len(), 2);
        assert_eq!(
            deployments().path(Some("a/b"), Some("..%2f")),
            "/apis/apps/v1/namespaces/a%2Fb/deployments/..%252f"
        );
    }
}
