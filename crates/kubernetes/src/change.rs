//! `kubectl patch`, `cordon` and `uncordon`, and the sentence that follows a change.

use command::kubectl::{Cordon, DryRun, Output as Format, Patch, PatchKind, PatchText, Schedule, Selection};
use serde_json::{Value, json};

use crate::api::Query;
use crate::document::DocumentPrinter;
use crate::failure::Failure;
use crate::jsonpath::Missing;
use crate::manifest;
use crate::output::Output;
use crate::resolve::{Choice, Found, Scope};
use crate::secret;

/// RFC 7386.
pub(crate) const MERGE: &str = "application/merge-patch+json";
/// Kubernetes' own.
pub(crate) const STRATEGIC: &str = "application/strategic-merge-patch+json";
/// RFC 6902.
pub(crate) const JSON: &str = "application/json-patch+json";

/// The parameters of a change.
pub(crate) fn query(dry_run: DryRun, manager: &str) -> Query {
    let mut query = vec![("fieldManager", manager.to_owned())];
    if dry_run == DryRun::Server {
        query.push(("dryRun", "All".to_owned()));
    }
    query
}

/// What is printed after an object was changed: `deployment.apps/web scaled`.
pub(crate) fn said(
    format: Option<&Format>,
    dry_run: DryRun,
    operation: &str,
    found: &mut Found,
) -> Result<String, Failure> {
    let tried = match dry_run {
        DryRun::None => "",
        DryRun::Client => " (dry run)",
        DryRun::Server => " (server dry run)",
    };
    match format {
        None => Ok(format!("{} {operation}{tried}\n", found.printed())),
        Some(Format::Name) => Ok(format!("{}\n", found.printed())),
        Some(format) => DocumentPrinter::new(format, false, Missing::Allowed, false)?.print(&mut found.object),
    }
}

/// `kubectl patch`. Its sentence does not say when it was only tried; neither does kubectl's.
pub(crate) async fn patch(scope: &Scope<'_>, patch: &Patch, out: Output<'_>) -> Result<(), Failure> {
    let text = match &patch.patch {
        PatchText::Given(text) => text.clone(),
        PatchText::File(path) if path == "-" => manifest::stdin(out).await?,
        PatchText::File(path) => {
            manifest::file(out, path, |why| format!("unable to read patch file: open {path}: {why}")).await?
        }
    };
    let change: Value =
        serde_yaml_ng::from_str(&text).map_err(|wrong| Failure::error(format!("unable to parse {text:?}: {wrong}")))?;
    let wanted = scope.wanted(&patch.selection, Choice::default()).await?;
    let (found, mut failures) = scope.objects(&wanted, Choice::default()).await?;
    for mut one in found {
        if one.mapping.is("", "secrets") && secret::masked(&change) {
            return Err(Failure::NotPermitted(
                "the patch holds a value that this portal has hidden: writing it would lose the secret's own"
                    .to_owned(),
            ));
        }
        if patch.dry_run == DryRun::Client {
            out.out(said(patch.output.as_ref(), DryRun::None, "patched", &mut one)?).await?;
            continue;
        }
        let kind = match patch.kind {
            PatchKind::Json => JSON,
            PatchKind::Merge => MERGE,
            PatchKind::Strategic => STRATEGIC,
        };
        let path = match &patch.subresource {
            Some(subresource) if ["status", "scale"].contains(&subresource.as_str()) => {
                format!("{}/{subresource}", one.path())
            }
            Some(other) => {
                return Err(Failure::NotPermitted(format!(
                    "kubectl patch --subresource={other} is not performed by this portal: status and scale are"
                )));
            }
            None => one.path(),
        };
        match scope.api.patch(&path, &query(patch.dry_run, "kubectl-patch"), kind, &change).await {
            Ok(mut object) => {
                secret::hide(&one.mapping, &mut object);
                let operation = if object == one.object { "patched (no change)" } else { "patched" };
                one.object = object;
                out.out(said(patch.output.as_ref(), DryRun::None, operation, &mut one)?).await?;
            }
            Err(failure) => failures.push(failure),
        }
    }
    Failure::of(failures).map_or(Ok(()), Err)
}

/// `kubectl cordon`, `kubectl uncordon`
pub(crate) async fn cordon(scope: &Scope<'_>, cordon: &Cordon, out: Output<'_>) -> Result<(), Failure> {
    let selection = match cordon.nodes.as_slice() {
        [] => Selection::Types(vec!["nodes".to_owned()]),
        names => Selection::Names { kind: "nodes".to_owned(), names: names.to_vec() },
    };
    let choice = Choice { selector: cordon.selector.as_deref(), ..Choice::default() };
    let wanted = scope.wanted(&selection, choice).await?;
    let (found, mut failures) = scope.objects(&wanted, choice).await?;
    let stop = cordon.schedule == Schedule::Stop;
    let (done, already) = if stop { ("cordoned", "already cordoned") } else { ("uncordoned", "already uncordoned") };
    for mut node in found {
        if (node.object["spec"]["unschedulable"] == true) == stop {
            out.out(said(None, cordon.dry_run, already, &mut node)?).await?;
            continue;
        }
        if cordon.dry_run != DryRun::Client {
            let change =
                if stop { json!({"spec": {"unschedulable": true}}) } else { json!({"spec": {"unschedulable": null}}) };
            if let Err(failure) =
                scope.api.patch(&node.path(), &query(cordon.dry_run, "kubectl-cordon"), STRATEGIC, &change).await
            {
                failures.push(failure);
                continue;
            }
        }
        out.out(said(None, cordon.dry_run, done, &mut node)?).await?;
    }
    Failure::of(failures).map_or(Ok(()), Err)
}
