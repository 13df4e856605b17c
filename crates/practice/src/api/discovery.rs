//! What the server serves: versions, groups, resources and the part of OpenAPI that `kubectl` asks for.

use crate::cluster::Cluster;
use crate::kinds::Kind;
use crate::status::Refusal;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::{Value, json};
use std::sync::Arc;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// Answers a discovery path; `None` when the path is something else.
pub(crate) fn answer(cluster: &Cluster, path: &str, accept: &str) -> Option<Response> {
    let kinds = cluster.kinds();
    let path = path.trim_end_matches('/');
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let aggregated = accept.contains("as=APIGroupDiscoveryList") && accept.contains("v=v2;") | accept.contains("v=v2,");
    let body = match parts.as_slice() {
        [] => json!({"paths": ["/api", "/apis", "/healthz", "/livez", "/openapi/v3", "/readyz", "/version"]}),
        ["healthz" | "livez" | "readyz", ..] => return Some("ok".into_response()),
        ["version"] => json!({
            "major": "1", "minor": "32", "gitVersion": "v1.32.4", "gitCommit": "0000000000000000000000000000000000000000",
            "gitTreeState": "clean", "buildDate": "2025-04-22T00:00:00Z", "goVersion": "go1.23.6",
            "compiler": "gc", "platform": "linux/amd64",
        }),
        ["api"] if aggregated => return Some(typed(AGGREGATED, &aggregate(&kinds, |group| group.is_empty()))),
        ["apis"] if aggregated => return Some(typed(AGGREGATED, &aggregate(&kinds, |group| !group.is_empty()))),
        ["api"] => json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}),
        ["apis"] => {
            let groups: Vec<Value> =
                groups(&kinds).into_iter().filter(|g| !g.is_empty()).map(|g| group(&kinds, &g)).collect();
            json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        }
        ["api", version] => resources(&kinds, "", version)?,
        ["apis", name] => {
            if !kinds.iter().any(|k| k.group == *name) {
                return Some(Refusal::no_such_path().into_response());
            }
            let mut body = group(&kinds, name);
            body["kind"] = json!("APIGroup");
            body["apiVersion"] = json!("v1");
            body
        }
        ["apis", name, version] => match resources(&kinds, name, version) {
            Some(body) => body,
            None => return Some(Refusal::no_such_path().into_response()),
        },
        ["openapi", "v3"] => openapi_index(&kinds),
        ["openapi", "v3", "api", version] => openapi(&kinds, "", version),
        ["openapi", "v3", "apis", name, version] => openapi(&kinds, name, version),
        ["openapi", ..] => return Some(Refusal::no_such_path().into_response()),
        _ => return None,
    };
    Some(typed("application/json", &body))
}

fn typed(kind: &'static str, body: &Value) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, kind)], body.to_string()).into_response()
}

/// The groups in the order they first appear.
fn groups(kinds: &[Arc<Kind>]) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for kind in kinds {
        if !seen.contains(&kind.group) {
            seen.push(kind.group.clone());
        }
    }
    seen
}

fn versions(kinds: &[Arc<Kind>], group: &str) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for kind in kinds.iter().filter(|k| k.group == group) {
        if !seen.contains(&kind.version) {
            seen.push(kind.version.clone());
        }
    }
    seen
}

fn group(kinds: &[Arc<Kind>], name: &str) -> Value {
    let versions: Vec<Value> = versions(kinds, name)
        .into_iter()
        .map(|version| json!({"groupVersion": format!("{name}/{version}"), "version": version}))
        .collect();
    let preferred = versions.first().cloned().unwrap_or_default();
    json!({"name": name, "versions": versions, "preferredVersion": preferred})
}

/// A subresource: name, (group, version, kind) of what it speaks, verbs.
type Part = (&'static str, (String, String, String), &'static [&'static str]);

fn parts(kind: &Kind) -> Vec<Part> {
    let own = (kind.group.clone(), kind.version.clone(), kind.kind.clone());
    let of = |group: &str, version: &str, kind: &str| (group.to_owned(), version.to_owned(), kind.to_owned());
    let mut found: Vec<Part> = Vec::new();
    if kind.status {
        found.push(("status", own.clone(), &["get", "patch", "update"]));
    }
    if kind.scale {
        found.push(("scale", of("autoscaling", "v1", "Scale"), &["get", "patch", "update"]));
    }
    if kind.plural == "pods" && kind.group.is_empty() {
        found.push(("log", own, &["get"]));
        found.push(("exec", of("", "v1", "PodExecOptions"), &["create", "get"]));
        found.push(("attach", of("", "v1", "PodAttachOptions"), &["create", "get"]));
        found.push(("portforward", of("", "v1", "PodPortForwardOptions"), &["create", "get"]));
        found.push(("eviction", of("policy", "v1", "Eviction"), &["create"]));
        found.push(("binding", of("", "v1", "Binding"), &["create"]));
    }
    found
}

fn resources(kinds: &[Arc<Kind>], group: &str, version: &str) -> Option<Value> {
    let mut listed = Vec::new();
    for kind in kinds.iter().filter(|k| k.group == group && k.version == version) {
        let mut row = json!({
            "name": kind.plural, "singularName": kind.singular, "namespaced": kind.namespaced,
            "kind": kind.kind, "verbs": kind.verbs,
        });
        if !kind.short.is_empty() {
            row["shortNames"] = json!(kind.short);
        }
        if !kind.categories.is_empty() {
            row["categories"] = json!(kind.categories);
        }
        listed.push(row);
        for (name, (group, version, spoken), verbs) in parts(kind) {
            listed.push(json!({
                "name": format!("{}/{name}", kind.plural), "singularName": "", "namespaced": kind.namespaced,
                "group": group, "version": version, "kind": spoken, "verbs": verbs,
            }));
        }
    }
    let name = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    (!listed.is_empty())
        .then(|| json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": listed}))
}

fn aggregate(kinds: &[Arc<Kind>], wanted: fn(&str) -> bool) -> Value {
    let items: Vec<Value> = groups(kinds)
        .into_iter()
        .filter(|group| wanted(group))
        .map(|group| {
            let versions: Vec<Value> = versions(kinds, &group)
                .into_iter()
                .map(|version| {
                    let resources: Vec<Value> = kinds
                        .iter()
                        .filter(|k| k.group == group && k.version == version)
                        .map(|kind| aggregated_resource(kind))
                        .collect();
                    json!({"version": version, "resources": resources, "freshness": "Current"})
                })
                .collect();
            json!({"metadata": {"name": group, "creationTimestamp": null}, "versions": versions})
        })
        .collect();
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items})
}

fn aggregated_resource(kind: &Kind) -> Value {
    let mut row = json!({
        "resource": kind.plural,
        "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": kind.singular,
        "verbs": kind.verbs,
    });
    if !kind.short.is_empty() {
        row["shortNames"] = json!(kind.short);
    }
    if !kind.categories.is_empty() {
        row["categories"] = json!(kind.categories);
    }
    let parts: Vec<Value> = parts(kind)
        .into_iter()
        .map(|(name, (group, version, spoken), verbs)| {
            json!({"subresource": name, "responseKind": {"group": group, "version": version, "kind": spoken}, "verbs": verbs})
        })
        .collect();
    if !parts.is_empty() {
        row["subresources"] = json!(parts);
    }
    row
}

fn openapi_index(kinds: &[Arc<Kind>]) -> Value {
    let mut paths = serde_json::Map::new();
    for kind in kinds {
        let path = if kind.group.is_empty() {
            format!("api/{}", kind.version)
        } else {
            format!("apis/{}/{}", kind.group, kind.version)
        };
        // The kinds are part of the address, so that a client's cache notices a changed set of kinds.
        let names: Vec<&str> = kinds
            .iter()
            .filter(|k| k.group == kind.group && k.version == kind.version)
            .map(|k| k.kind.as_str())
            .collect();
        let hash = crate::object::hashed_ending(&names.join(","), 12);
        paths.insert(path.clone(), json!({"serverRelativeURL": format!("/openapi/v3/{path}?hash={hash}")}));
    }
    json!({"paths": paths})
}

/// Only what `kubectl` needs to know before it writes: that each kind accepts `dryRun` and
/// `fieldValidation`. Schemas are left out, so `kubectl` uses its built-in types.
fn openapi(kinds: &[Arc<Kind>], group: &str, version: &str) -> Value {
    let parameter =
        |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}});
    let parameters =
        json!([parameter("dryRun"), parameter("fieldManager"), parameter("fieldValidation"), parameter("force")]);
    let mut paths = serde_json::Map::new();
    for kind in kinds.iter().filter(|k| k.group == group && k.version == version && k.verbs.contains(&"patch")) {
        let root = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        let scope = if kind.namespaced { "/namespaces/{namespace}" } else { "" };
        let named = json!({"group": kind.group, "version": kind.version, "kind": kind.kind});
        let operation = |action: &str| {
            json!({"operationId": format!("{action}{}", kind.kind), "parameters": parameters,
                "responses": {"200": {"description": "OK"}},
                "x-kubernetes-action": action, "x-kubernetes-group-version-kind": named})
        };
        paths.insert(format!("{root}{scope}/{}", kind.plural), json!({"post": operation("post")}));
        paths.insert(
            format!("{root}{scope}/{}/{{name}}", kind.plural),
            json!({"patch": operation("patch"), "put": operation("put"), "delete": operation("delete")}),
        );
    }
    json!({"openapi": "3.0.0", "info": {"title": "Practice cluster", "version": "v1.32.4"}, "paths": paths, "components": {"schemas": {}}})
}
