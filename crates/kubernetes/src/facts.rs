//! `kubectl version`, `cluster-info` and `auth can-i`.

use command::kubectl::{CanI, DryRun, Version};
use serde_json::json;

use crate::api::{AS_JSON, Query};
use crate::discovery;
use crate::document::DocumentPrinter;
use crate::failure::Failure;
use crate::jsonpath::Missing;
use crate::output::Output;
use crate::resolve::Scope;

/// The version of kubectl whose words this portal uses.
const CLIENT: &str = "v1.32.0";

/// `kubectl version`
pub(crate) async fn version(scope: &Scope<'_>, version: &Version, out: Output<'_>) -> Result<(), Failure> {
    let server = match version.client_only {
        true => None,
        false => Some(scope.api.get("/version", &Query::new(), AS_JSON).await?),
    };
    if let Some(format) = &version.output {
        let mut all = json!({"clientVersion": {"gitVersion": CLIENT, "platform": "runbook-portal"}});
        if let Some(server) = server {
            all["serverVersion"] = server;
        }
        return out.out(DocumentPrinter::new(format, false, Missing::Allowed, true)?.print(&mut all)?).await;
    }
    out.out(format!("Client Version: {CLIENT} (runbook-portal)\n")).await?;
    match server {
        Some(server) => {
            out.out(format!("Server Version: {}\n", server["gitVersion"].as_str().unwrap_or("unknown"))).await
        }
        None => Ok(()),
    }
}

/// `kubectl cluster-info`
pub(crate) async fn cluster_info(scope: &Scope<'_>, out: Output<'_>) -> Result<(), Failure> {
    // That it answers is the information; its address may carry a key and stays here.
    scope.api.get("/version", &Query::new(), AS_JSON).await?;
    out.out(format!("Kubernetes control plane is running at {}\n", scope.api.cluster.host)).await
}

/// `kubectl auth can-i`
pub(crate) async fn can_i(scope: &Scope<'_>, asked: &CanI, out: Output<'_>) -> Result<(), Failure> {
    let (group, resource) = match asked.kind.as_str() {
        "*" => ("*".to_owned(), "*".to_owned()),
        kind => match discovery::one(&scope.api, kind).await {
            Ok(mapping) => {
                if !mapping.namespaced {
                    out.err(format!(
                        "Warning: resource '{}' is not namespace scoped{}\n\n",
                        mapping.resource,
                        if mapping.group.is_empty() { String::new() } else { format!(" in group '{}'", mapping.group) }
                    ))
                    .await?;
                }
                (mapping.group, mapping.resource)
            }
            Err(Failure::Error(_)) => {
                out.err(format!("Warning: the server doesn't have a resource type '{kind}'\n\n")).await?;
                (String::new(), kind.to_owned())
            }
            Err(failure) => return Err(failure),
        },
    };
    let namespace = if scope.all_namespaces { "" } else { scope.namespace.as_str() };
    let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"namespace": namespace, "verb": asked.verb, "group": group,
            "resource": resource, "subresource": asked.subresource, "name": asked.name.clone().unwrap_or_default()}}});
    let answer = scope
        .api
        .post(
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            &crate::change::query(DryRun::None, "kubectl"),
            &review,
        )
        .await?;
    let allowed = answer["status"]["allowed"] == true;
    if !asked.quiet {
        out.out(if allowed { "yes\n" } else { "no\n" }).await?;
    }
    if allowed { Ok(()) } else { Err(Failure::Exit(1, String::new())) }
}
