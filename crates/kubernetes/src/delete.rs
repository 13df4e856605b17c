//! `kubectl delete`
//!
//! Source: `k8s.io/kubectl/pkg/cmd/delete/delete.go` and `k8s.io/kubectl/pkg/cmd/wait/delete.go`, v0.32.

use std::time::Duration;

use command::kubectl::{Cascade, Delete, DeleteOf, DryRun};
use serde_json::{Value, json};

use crate::api::{AS_JSON, Query};
use crate::discovery::Mapping;
use crate::failure::Failure;
use crate::manifest;
use crate::output::Output;
use crate::resolve::{Choice, Found, Scope, Which};
use crate::watch::{Event, Watcher};

/// How long kubectl waits where nobody says: a week.
const FOREVER: Duration = Duration::from_secs(168 * 3_600);

/// One object that was told to go.
struct Gone {
    mapping: Mapping,
    namespace: Option<String>,
    name: String,
    uid: String,
}

pub(crate) async fn run(scope: &Scope<'_>, delete: &Delete, out: Output<'_>) -> Result<(), Failure> {
    if delete.force && delete.grace_seconds == Some(0) {
        out.err(
            "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The \
             resource may continue to run on the cluster indefinitely.\n",
        )
        .await?;
    }
    let choice = Choice {
        selector: delete.selector.as_deref(),
        field_selector: delete.field_selector.as_deref(),
        bare_means_all: delete.all,
    };
    let (mut gone, mut failures) = (Vec::new(), Vec::new());
    let mut victims: Vec<(Mapping, Option<String>, String, Option<String>)> = Vec::new();
    match &delete.of {
        DeleteOf::Manifests(manifests) => {
            for document in manifest::read(scope, manifests, out).await? {
                let name = document.name().to_owned();
                victims.push((document.mapping, document.namespace, name, Some(document.source)));
            }
        }
        DeleteOf::Words(selection) => {
            let wanted = scope.wanted(selection, choice).await?;
            for one in &wanted {
                let mapping = &one.mapping;
                match &one.which {
                    Which::Named(name) => {
                        let namespace = scope.namespace_of(mapping).map(str::to_owned);
                        victims.push((mapping.clone(), namespace, name.clone(), None));
                    }
                    Which::Chosen => {
                        let (found, wrong) = scope.objects(std::slice::from_ref(one), choice).await?;
                        failures.extend(wrong);
                        victims.extend(found.iter().map(|found: &Found| {
                            let namespace = found.namespace().map(str::to_owned);
                            (mapping.clone(), namespace, found.name().to_owned(), None)
                        }));
                    }
                }
            }
        }
    }
    let tried = !victims.is_empty();
    let mut warned: Option<Mapping> = None;
    for (mapping, namespace, name, source) in victims {
        if scope.namespace_given && !mapping.namespaced && !scope.all_namespaces && warned.as_ref() != Some(&mapping) {
            out.err("Warning: deleting cluster-scoped resources, not scoped to the provided namespace\n").await?;
            warned = Some(mapping.clone());
        }
        match remove(scope, delete, &mapping, namespace.as_deref(), &name).await {
            Ok(uid) => {
                out.out(said(delete, &mapping, &name)).await?;
                gone.push(Gone { mapping, namespace, name, uid });
            }
            Err(failure) if delete.ignore_not_found && failure.not_found() => {}
            Err(Failure::Server(mut status)) if source.is_some() => {
                let source = source.unwrap_or_default();
                status.message = format!("error when deleting {source:?}: {}", status.message);
                failures.push(Failure::Server(status));
            }
            Err(failure) => failures.push(failure),
        }
    }
    if let Some(failure) = Failure::of(failures) {
        return Err(failure);
    }
    if !tried {
        return out.out("No resources found\n").await;
    }
    if !delete.wait || delete.dry_run != DryRun::None {
        return Ok(());
    }
    for one in &gone {
        let waited = tokio::time::timeout(delete.timeout.unwrap_or(FOREVER), until_gone(scope, one)).await;
        match waited {
            Err(_) => {
                let resource = &one.mapping.resource;
                return Err(Failure::error(format!("timed out waiting for the condition on {resource}/{}", one.name)));
            }
            // Who may not look cannot wait; the deletion itself is done.
            Ok(Err(Failure::Server(status))) if ["Forbidden", "MethodNotAllowed"].contains(&status.reason.as_str()) => {
            }
            Ok(done) => done?,
        }
    }
    Ok(())
}

fn said(delete: &Delete, mapping: &Mapping, name: &str) -> String {
    let kind = mapping.printed_kind();
    if delete.name_only {
        return format!("{kind}/{name}\n");
    }
    let operation = if delete.grace_seconds == Some(0) { "force deleted" } else { "deleted" };
    let tried = match delete.dry_run {
        DryRun::None => "",
        DryRun::Client => " (dry run)",
        DryRun::Server => " (server dry run)",
    };
    format!("{kind} {name:?} {operation}{tried}\n")
}

/// Asks for the deletion; the answer is the object's UID.
async fn remove(
    scope: &Scope<'_>,
    delete: &Delete,
    mapping: &Mapping,
    namespace: Option<&str>,
    name: &str,
) -> Result<String, Failure> {
    if delete.dry_run == DryRun::Client {
        return Ok(String::new());
    }
    let policy = match delete.cascade {
        Cascade::Background => "Background",
        Cascade::Foreground => "Foreground",
        Cascade::Orphan => "Orphan",
    };
    let mut options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": policy});
    if let Some(seconds) = delete.grace_seconds {
        options["gracePeriodSeconds"] = Value::from(seconds);
    }
    if delete.dry_run == DryRun::Server {
        options["dryRun"] = json!(["All"]);
    }
    let answer = scope.api.delete(&mapping.path(namespace, Some(name)), &Query::new(), &options).await?;
    let uid = [&answer["details"]["uid"], &answer["metadata"]["uid"]];
    Ok(uid.into_iter().find_map(Value::as_str).unwrap_or_default().to_owned())
}

async fn until_gone(scope: &Scope<'_>, one: &Gone) -> Result<(), Failure> {
    let path = one.mapping.path(one.namespace.as_deref(), Some(&one.name));
    let mut here = scope.clone();
    here.all_namespaces = false;
    if let Some(namespace) = &one.namespace {
        here.namespace.clone_from(namespace);
    }
    loop {
        let object = match scope.api.get(&path, &Query::new(), AS_JSON).await {
            Ok(object) => object,
            Err(failure) if failure.not_found() => return Ok(()),
            Err(failure) => return Err(failure),
        };
        // Another object of the same name: a stateful set's pod, for one.
        if !one.uid.is_empty() && object["metadata"]["uid"].as_str() != Some(one.uid.as_str()) {
            return Ok(());
        }
        let query = vec![("fieldSelector", format!("metadata.name={}", one.name))];
        let version = object["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        let mut watcher = Watcher::start(&here, &one.mapping, query, version, AS_JSON).await?;
        loop {
            match watcher.next().await? {
                Event::Change(kind, _) if kind == "DELETED" => return Ok(()),
                Event::Change(..) => {}
                Event::Closed(_) | Event::Expired => break,
            }
        }
    }
}
