//! `kubectl apply`
//!
//! By default kubectl merges itself, with the annotation of what was applied last; so does this, so that people who use
//! kubectl elsewhere and this portal change the same objects without conflicts of ownership. `--server-side` lets the
//! server merge.
//!
//! Source: `k8s.io/kubectl/pkg/cmd/apply/apply.go` and `patcher.go`, v0.32.

use command::kubectl::{Apply, DryRun, Merge, Output as Format};
use serde_json::{Value, json};

use crate::api::{AS_JSON, Query};
use crate::change::said;
use crate::document::{self, DocumentPrinter};
use crate::failure::Failure;
use crate::gotext;
use crate::jsonpath::Missing;
use crate::manifest::{self, Document};
use crate::output::Output;
use crate::resolve::{Found, Scope};
use crate::secret;
use crate::strategic::{self, Style};

/// Where what was applied last is kept.
pub(crate) const APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// The media type of a server-side apply.
const APPLY_PATCH: &str = "application/apply-patch+yaml";
const MANAGER: &str = "kubectl-client-side-apply";

pub(crate) async fn run(scope: &Scope<'_>, apply: &Apply, out: Output<'_>) -> Result<(), Failure> {
    let documents = manifest::read(scope, &apply.manifests, out).await?;
    if documents.is_empty() {
        return Err(Failure::error("no objects passed to apply"));
    }
    let whole = apply.output.as_ref().filter(|format| **format != Format::Name);
    let (mut failures, mut shown) = (Vec::new(), Vec::new());
    for document in documents {
        let done = match &apply.merge {
            Merge::Client { overwrite } => client(scope, apply, *overwrite, &document, out).await,
            Merge::Server { force, manager } => server(scope, apply, *force, manager, &document).await,
        };
        match done {
            Ok((word, object)) => {
                let mut found = Found { mapping: document.mapping, object };
                secret::hide(&found.mapping, &mut found.object);
                if whole.is_some() {
                    shown.push(found.object);
                } else {
                    out.out(said(apply.output.as_ref(), apply.dry_run, word, &mut found)?).await?;
                }
            }
            Err(Failure::Ended) => return Err(Failure::Ended),
            Err(failure) => failures.push(failure),
        }
    }
    if let (Some(format), Some(mut object)) = (whole, together(shown)) {
        out.out(DocumentPrinter::new(format, false, Missing::Allowed, false)?.print(&mut object)?).await?;
    }
    Failure::of(failures).map_or(Ok(()), Err)
}

fn together(mut objects: Vec<Value>) -> Option<Value> {
    match objects.len() {
        0 => None,
        1 => objects.pop(),
        _ => Some(document::list(&objects)),
    }
}

fn query(apply: &Apply, manager: &str) -> Query {
    let mut query = crate::change::query(apply.dry_run, manager);
    query.push(("fieldValidation", apply.validation.word().to_owned()));
    query
}

/// The object with the annotation of itself.
pub(crate) fn annotated(object: &Value) -> Value {
    let mut bare = object.clone();
    if let Some(annotations) = bare.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(APPLIED);
    }
    if !bare["metadata"]["annotations"].is_object() {
        bare["metadata"]["annotations"] = json!({});
    }
    let text = gotext::json_or_text(&bare) + "\n";
    bare["metadata"]["annotations"][APPLIED] = Value::from(text);
    bare
}

async fn client(
    scope: &Scope<'_>,
    apply: &Apply,
    overwrite: bool,
    document: &Document,
    out: Output<'_>,
) -> Result<(&'static str, Value), Failure> {
    if document.name().is_empty() {
        return Err(
            document.failed("retrieving current configuration of", Failure::error("resource name may not be empty"))
        );
    }
    let wanted = annotated(&document.object);
    // Not through `Scope::get`: a secret's values must be compared as they are. They are hidden before anything is shown.
    let live = match scope.api.get(&document.path(), &Query::new(), AS_JSON).await {
        Ok(live) => live,
        Err(failure) if failure.not_found() => {
            if apply.dry_run == DryRun::Client {
                return Ok(("created", wanted));
            }
            let made = scope.api.post(&document.home(), &query(apply, MANAGER), &wanted).await;
            return made.map(|object| ("created", object)).map_err(|failure| document.failed("creating", failure));
        }
        Err(failure) => return Err(document.failed("retrieving current configuration of", failure)),
    };
    if apply.dry_run == DryRun::Client {
        return Ok(("configured", live));
    }
    let before = live["metadata"]["annotations"][APPLIED].as_str();
    if before.is_none() {
        out.err(format!(
            "Warning: resource {}/{} is missing the {APPLIED} annotation which is required by kubectl apply. kubectl apply \
             should only be used on resources created declaratively by either kubectl create --save-config or kubectl \
             apply. The missing annotation will be patched automatically.\n",
            document.mapping.resource,
            document.name()
        ))
        .await?;
    }
    let before: Value = before.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let style = Style::of(&document.mapping.group);
    let patch = strategic::three_way(style, &before, &wanted, &live);
    if !overwrite && conflicts(&before, &patch, &live) {
        return Err(Failure::error(format!(
            "error when applying patch:\nto:\nfor: {:?}: the live object was changed by others since it was applied last: \
             apply with --overwrite, or change the manifest",
            document.source
        )));
    }
    if patch == json!({}) {
        return Ok(("unchanged", live));
    }
    let changed = scope.api.patch(&document.path(), &query(apply, MANAGER), style.content_type(), &patch).await;
    changed.map(|object| ("configured", object)).map_err(|failure| document.failed("patching", failure))
}

/// Whether a patch sets something that was changed since it was applied last.
fn conflicts(applied: &Value, patch: &Value, live: &Value) -> bool {
    match patch {
        Value::Object(patch) => patch.iter().any(|(key, value)| {
            key != "annotations" && !key.starts_with('$') && conflicts(&applied[key], value, &live[key])
        }),
        Value::Array(_) => false,
        _ => applied != live && !applied.is_null(),
    }
}

async fn server(
    scope: &Scope<'_>,
    apply: &Apply,
    force: bool,
    manager: &str,
    document: &Document,
) -> Result<(&'static str, Value), Failure> {
    if document.name().is_empty() {
        return Err(Failure::error("metadata.name is required for a server-side apply"));
    }
    let mut query = query(apply, manager);
    query.push(("force", force.to_string()));
    let applied = scope.api.patch(&document.path(), &query, APPLY_PATCH, &document.object).await;
    applied.map(|object| ("serverside-applied", object)).map_err(|failure| match failure {
        Failure::Server(status) if status.reason == "Conflict" => Failure::Error(format!(
            "{}\nPlease review the fields above--they currently have other managers. Here\nare the ways you can resolve this \
             warning:\n* If you intend to manage all of these fields, please re-run the apply\n  command with the \
             `--force-conflicts` flag.\n* If you do not intend to manage all of the fields, please edit your\n  manifest to \
             remove references to the fields that should keep their\n  current managers.\n* You may co-own fields by updating \
             your manifest to match the existing\n  value; in this case, you'll become the manager if the other manager(s)\n  \
             stop managing the field (remove it from their configuration).\nSee \
             https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts",
            status.message
        )),
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_annotation_holds_the_object_without_itself() {
        let object = json!({"kind": "A", "metadata": {"name": "x", "annotations": {APPLIED: "old", "k": "v"}}});
        let text = "{\"kind\":\"A\",\"metadata\":{\"annotations\":{\"k\":\"v\"},\"name\":\"x\"}}\n";
        assert_eq!(annotated(&object)["metadata"]["annotations"][APPLIED], text);
        assert_eq!(annotated(&annotated(&object)), annotated(&object));
    }
}
