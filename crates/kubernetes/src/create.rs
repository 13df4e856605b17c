//! `kubectl create` and `kubectl replace`.
//!
//! Source: `k8s.io/kubectl/pkg/cmd/create`, `pkg/cmd/replace`, v0.32.

mod data;

use command::kubectl::{Create, Created, DryRun, Output as Format, Replace};
use serde_json::{Value, json};

use crate::api::{AS_JSON, Query};
use crate::apply::annotated;
use crate::change::{self, said};
use crate::discovery;
use crate::failure::Failure;
use crate::manifest::{self, Document};
use crate::output::Output;
use crate::resolve::{Found, Scope, path_segment};
use crate::secret;

pub(crate) async fn run(scope: &Scope<'_>, create: &Create, out: Output<'_>) -> Result<(), Failure> {
    if let Created::Manifests(manifests) = &create.what {
        let documents = manifest::read(scope, manifests, out).await?;
        if documents.is_empty() {
            return Err(Failure::error("no objects passed to create"));
        }
        let mut failures = Vec::new();
        for document in documents {
            let object = match create.save_config {
                true => annotated(&document.object),
                false => document.object.clone(),
            };
            match send(scope, create, &document, object, "kubectl-create").await {
                Ok(object) => tell(create, &document, object, out).await?,
                Err(failure) => failures.push(document.failed("creating", failure)),
            }
        }
        return Failure::of(failures).map_or(Ok(()), Err);
    }
    let mut object = made(scope, &create.what, out).await?;
    if scope.namespace_given && !matches!(create.what, Created::Namespace(_)) {
        object["metadata"]["namespace"] = Value::from(scope.namespace.as_str());
    }
    if create.save_config {
        object = annotated(&object);
    }
    if create.dry_run == DryRun::Client {
        // Nothing is asked of the cluster, not even what it serves.
        let text = match &create.output {
            None | Some(Format::Name) => {
                let tried = if create.output.is_none() { " created (dry run)" } else { "" };
                format!("{}{tried}\n", crate::document::printed_name(&object))
            }
            Some(format) => {
                crate::document::DocumentPrinter::new(format, false, crate::jsonpath::Missing::Allowed, true)?
                    .print(&mut object)?
            }
        };
        return out.out(text).await;
    }
    let document = manifest::at_home(scope, object, "").await?;
    let what = document.mapping.printed_kind();
    let object = send(scope, create, &document, document.object.clone(), "kubectl-create").await.map_err(
        |failure| match failure {
            Failure::Server(mut status) => {
                if matches!(
                    create.what,
                    Created::Secret { .. } | Created::TlsSecret { .. } | Created::RegistrySecret { .. }
                ) {
                    status.message = format!("failed to create secret {}", status.message);
                    return Failure::Error(status.message);
                }
                if matches!(
                    create.what,
                    Created::ConfigMap { .. }
                        | Created::Deployment { .. }
                        | Created::Job { .. }
                        | Created::JobFrom { .. }
                ) {
                    let kind = what.split('.').next().unwrap_or_default();
                    return Failure::Error(format!("failed to create {kind}: {}", status.message));
                }
                Failure::Server(status)
            }
            other => other,
        },
    )?;
    tell(create, &document, object, out).await
}

async fn send(
    scope: &Scope<'_>,
    create: &Create,
    document: &Document,
    object: Value,
    manager: &str,
) -> Result<Value, Failure> {
    if create.dry_run == DryRun::Client {
        return Ok(object);
    }
    let mut query = change::query(create.dry_run, manager);
    query.push(("fieldValidation", create.validation.word().to_owned()));
    scope.api.post(&document.home(), &query, &object).await
}

async fn tell(create: &Create, document: &Document, object: Value, out: Output<'_>) -> Result<(), Failure> {
    let mut found = Found { mapping: document.mapping.clone(), object };
    if create.dry_run != DryRun::Client {
        secret::hide(&found.mapping, &mut found.object);
    }
    out.out(said(create.output.as_ref(), create.dry_run, "created", &mut found)?).await
}

/// `kubectl replace`
pub(crate) async fn replace(scope: &Scope<'_>, replace: &Replace, out: Output<'_>) -> Result<(), Failure> {
    let documents = manifest::read(scope, &replace.manifests, out).await?;
    if documents.is_empty() {
        return Err(Failure::error("no objects passed to replace"));
    }
    let mut failures = Vec::new();
    for document in documents {
        match put(scope, replace, &document).await {
            Ok(object) => {
                let mut found = Found { mapping: document.mapping, object };
                secret::hide(&found.mapping, &mut found.object);
                out.out(said(replace.output.as_ref(), replace.dry_run, "replaced", &mut found)?).await?;
            }
            Err(failure) => failures.push(document.failed("replacing", failure)),
        }
    }
    Failure::of(failures).map_or(Ok(()), Err)
}

async fn put(scope: &Scope<'_>, replace: &Replace, document: &Document) -> Result<Value, Failure> {
    if replace.dry_run == DryRun::Client {
        return Ok(document.object.clone());
    }
    let mut object = document.object.clone();
    if object["metadata"]["resourceVersion"].as_str().is_none_or(str::is_empty) {
        let live = scope.api.get(&document.path(), &Query::new(), AS_JSON).await?;
        object["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
    }
    let mut query = change::query(replace.dry_run, "kubectl-replace");
    query.push(("fieldValidation", replace.validation.word().to_owned()));
    scope.api.put(&document.path(), &query, &object).await
}

/// The object that arguments describe.
async fn made(scope: &Scope<'_>, what: &Created, out: Output<'_>) -> Result<Value, Failure> {
    let metadata = |name: &str| json!({"creationTimestamp": null, "name": name});
    let secret = |name: &str, kind: Option<&str>, data: Value| {
        let mut made = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata(name)});
        if data.as_object().is_some_and(|data| !data.is_empty()) {
            made["data"] = data;
        }
        if let Some(kind) = kind {
            made["type"] = Value::from(kind);
        }
        made
    };
    Ok(match what {
        Created::Manifests(_) => json!({}),
        Created::Namespace(name) => {
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata(name), "spec": {}, "status": {}})
        }
        Created::ConfigMap { name, sources } => {
            let mut made = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(name)});
            let data = data::plain(sources, out).await?;
            if !data.is_empty() {
                made["data"] = Value::Object(data);
            }
            made
        }
        Created::Secret { name, sources, kind } => {
            secret(name, kind.as_deref(), Value::Object(data::encoded(data::plain(sources, out).await?)))
        }
        Created::TlsSecret { name, certificate, key } => {
            secret(name, Some("kubernetes.io/tls"), data::tls(certificate, key, out).await?)
        }
        Created::RegistrySecret { name, server, username, password, email } => {
            secret(name, Some("kubernetes.io/dockerconfigjson"), data::registry(server, username, password, email))
        }
        Created::Deployment { name, images, replicas, port, command } => {
            deployment(name, images, *replicas, *port, command)
        }
        Created::Job { name, image, command } => {
            let mut container = json!({"image": image, "name": name, "resources": {}});
            if !command.is_empty() {
                container["command"] = json!(command);
            }
            json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata(name), "status": {},
                "spec": {"template": {"metadata": {"creationTimestamp": null},
                    "spec": {"containers": [container], "restartPolicy": "Never"}}}})
        }
        Created::JobFrom { name, from } => {
            let Some((kind, cron)) = from.split_once('/') else {
                return Err(Failure::error("arguments in resource/name form must have a single resource and name"));
            };
            let mapping = discovery::one(&scope.api, kind).await?;
            if mapping.kind != "CronJob" {
                return Err(Failure::error(format!("from must be an existing cronjob: {from:?} is none")));
            }
            path_segment(cron)?;
            let cron = scope.get(&mapping, cron, &Query::new(), AS_JSON).await?;
            let template = &cron["spec"]["jobTemplate"];
            let mut annotations = template["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
            annotations.insert("cronjob.kubernetes.io/instantiate".to_owned(), Value::from("manual"));
            let mut metadata = json!({"name": name, "annotations": annotations, "creationTimestamp": null,
                "ownerReferences": [{"apiVersion": "batch/v1", "kind": "CronJob", "name": cron["metadata"]["name"],
                    "uid": cron["metadata"]["uid"], "controller": true}]});
            if template["metadata"]["labels"].is_object() {
                metadata["labels"] = template["metadata"]["labels"].clone();
            }
            json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"], "status": {}})
        }
    })
}

fn deployment(name: &str, images: &[String], replicas: u32, port: Option<i64>, command: &[String]) -> Value {
    let labels = json!({"app": name});
    let containers: Vec<Value> = images
        .iter()
        .map(|image| {
            // The image's own name: without registry, tag and digest.
            let last = image.rsplit('/').next().unwrap_or_default();
            let bare = last.split(['@', ':']).next().unwrap_or_default().replace('_', "-");
            let mut container = json!({"image": image, "name": bare, "resources": {}});
            if !command.is_empty() {
                container["command"] = json!(command);
            }
            if let Some(port) = port {
                container["ports"] = json!([{"containerPort": port}]);
            }
            container
        })
        .collect();
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"creationTimestamp": null, "labels": labels, "name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "strategy": {},
            "template": {"metadata": {"creationTimestamp": null, "labels": labels}, "spec": {"containers": containers}}},
        "status": {}})
}
