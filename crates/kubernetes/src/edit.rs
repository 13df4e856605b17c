//! `kubectl edit`: the editor is a text area on the page of the run. What somebody left in it is tried on the server
//! first, and what it would change is shown before it is done.
//!
//! Source: `k8s.io/kubectl/pkg/cmd/util/editor/editoptions.go`, v0.32, for what is printed. The object is replaced with
//! the version that was read, where kubectl sends a patch: somebody else's change in between is seen, not lost.

use command::Effect;
use command::kubectl::{DryRun, Edit};
use operations::{Answer, Question};
use serde_json::Value;
use similar::TextDiff;

use crate::api::{AS_JSON, Query};
use crate::change::{query, said};
use crate::failure::Failure;
use crate::output::Output;
use crate::resolve::{Choice, Found, Scope};
use crate::{document, yaml};

/// Who the server says has written the fields.
const MANAGER: &str = "kubectl-edit";
/// The most that the page's editor takes.
const LARGEST: usize = 64 << 10;
/// How often a change that met another one is made again.
const TRIES: usize = 8;
const CANCELLED: &str = "Edit cancelled, no changes made.\n";

pub(crate) async fn run(scope: &Scope<'_>, edit: &Edit, out: Output<'_>) -> Result<(), Failure> {
    let wanted = scope.wanted(&edit.selection, Choice::default()).await?;
    let (found, failures) = scope.objects(&wanted, Choice::default()).await?;
    if let Some(failure) = Failure::of(failures) {
        return Err(failure);
    }
    for one in found {
        edit_one(scope, one, out).await?;
    }
    Ok(())
}

/// What somebody left in the editor, as the server would have it.
struct Draft {
    object: Value,
    after: String,
    effect: Effect,
}

async fn edit_one(scope: &Scope<'_>, mut one: Found, out: Output<'_>) -> Result<(), Failure> {
    if one.mapping.is("", "secrets") {
        return Err(Failure::NotPermitted(format!(
            "the values of {} are not shown here, so it cannot be edited: make it anew with kubectl create secret \
             --dry-run=client -o yaml | kubectl apply -f -",
            one.printed()
        )));
    }
    document::without_managed_fields(&mut one.object);
    let mut before = yaml::document(&one.object);
    let (mut text, mut note) = (before.clone(), None);
    loop {
        if text.len() > LARGEST {
            return Err(Failure::NotPermitted(format!(
                "{} has more than {} KiB: write it to a file of the repository and apply that",
                one.printed(),
                LARGEST >> 10
            )));
        }
        let question = Question {
            title: format!("Edit {}", one.printed()),
            note: note.take(),
            text: Some(text.clone()),
            yes: "Show what would change",
            effect: Effect::Change,
            change: None,
        };
        let Answer::Yes(given) = out.io.ask(question).await? else {
            return out.out(CANCELLED).await;
        };
        text = given;
        if text.trim() == before.trim() {
            return out.out(CANCELLED).await;
        }
        let draft = match tried(scope, &one, &before, &text).await {
            Ok(draft) => draft,
            Err(Failure::Ended) => return Err(Failure::Ended),
            Err(failure) if is_conflict(&failure) => {
                (text, note) = rebased(scope, &mut one, &text, &failure).await?;
                before = yaml::document(&one.object);
                continue;
            }
            Err(failure) => {
                note = Some(failure.message());
                continue;
            }
        };
        if draft.after == before {
            return out.out(CANCELLED).await;
        }
        let difference = difference(&before, &draft.after);
        let question = Question {
            title: format!("Change {}?", one.printed()),
            note: None,
            text: None,
            yes: "Apply this change",
            effect: draft.effect,
            change: Some((before.clone(), draft.after)),
        };
        match out.io.ask(question).await? {
            Answer::Yes(_) => {}
            Answer::Back => continue,
            Answer::No => return out.out(CANCELLED).await,
        }
        match replaced(scope, &one, DryRun::None, draft.object).await {
            Ok(object) => {
                one.object = object;
                // Whoever reads the output later sees what was done, and a pipe only what kubectl prints.
                out.err(difference).await?;
                return out.out(said(None, DryRun::None, "edited", &mut one)?).await;
            }
            Err(Failure::Ended) => return Err(Failure::Ended),
            Err(failure) if is_conflict(&failure) => {
                (text, note) = rebased(scope, &mut one, &text, &failure).await?;
                before = yaml::document(&one.object);
            }
            Err(failure) => note = Some(failure.message()),
        }
    }
}

fn is_conflict(failure: &Failure) -> bool {
    matches!(failure, Failure::Server(status) if status.reason == "Conflict")
}

/// Replaces the object. What only tells how it does changes all the time, and is nobody's edit.
async fn replaced(scope: &Scope<'_>, one: &Found, dry_run: DryRun, mut object: Value) -> Result<Value, Failure> {
    for _ in 0..TRIES {
        let answer = scope.api.put(&one.path(), &query(dry_run, MANAGER), &object).await;
        let Err(failure) = answer else { return answer };
        if !is_conflict(&failure) {
            return Err(failure);
        }
        let fresh = latest(scope, one).await?;
        if wanted(&fresh) != wanted(&one.object) {
            return Err(failure);
        }
        as_read(&mut object, &fresh);
    }
    Err(Failure::error(format!("{} changes faster than it can be written: try again", one.printed())))
}

/// Takes over what nobody edits: how it does, and which version this is about.
fn as_read(object: &mut Value, read: &Value) {
    let Some(object) = object.as_object_mut() else { return };
    match read.get("status") {
        Some(status) => drop(object.insert("status".to_owned(), status.clone())),
        None => drop(object.remove("status")),
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("resourceVersion".to_owned(), read["metadata"]["resourceVersion"].clone());
    }
}

/// The object as it is now, as the editor shows it.
async fn latest(scope: &Scope<'_>, one: &Found) -> Result<Value, Failure> {
    let mut object = scope.api.get(&one.path(), &Query::new(), AS_JSON).await?;
    document::without_managed_fields(&mut object);
    Ok(object)
}

/// An object without what the server and its controllers write by themselves.
fn wanted(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(object) = object.as_object_mut() {
        object.remove("status");
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("resourceVersion");
            metadata.remove("generation");
        }
    }
    object
}

/// Somebody else has changed the object meanwhile: their change with this one on top, to be looked at again. Where the two
/// do not go together the text stays as it was left.
async fn rebased(
    scope: &Scope<'_>,
    one: &mut Found,
    text: &str,
    failure: &Failure,
) -> Result<(String, Option<String>), Failure> {
    let fresh = latest(scope, one).await?;
    let merged = serde_yaml_ng::from_str::<Value>(text).ok().and_then(|left| {
        let (base, mut merged) = (wanted(&one.object), wanted(&fresh));
        let change = json_patch::diff(&base, &wanted(&left));
        // Places in a list are numbers: in another list they are other things.
        let lists_stay = change.0.iter().all(|operation| {
            let path = operation.path().to_string();
            path.match_indices('/').map(|(at, _)| &path[..at]).all(|above| {
                !base.pointer(above).is_some_and(Value::is_array) || base.pointer(above) == merged.pointer(above)
            })
        });
        lists_stay.then_some(())?;
        json_patch::patch(&mut merged, &change).ok()?;
        let metadata = merged.get_mut("metadata")?.as_object_mut()?;
        for place in ["resourceVersion", "generation"] {
            metadata.insert(place.to_owned(), fresh["metadata"][place].clone());
        }
        if let (Some(merged), Some(status)) = (merged.as_object_mut(), fresh.get("status")) {
            merged.insert("status".to_owned(), status.clone());
        }
        Some(yaml::document(&merged))
    });
    one.object = fresh;
    Ok(match merged {
        Some(merged) => (
            merged,
            Some(
                "Somebody else has changed this meanwhile. Your change is on top of theirs: look at it again."
                    .to_owned(),
            ),
        ),
        None => {
            let why = failure.message();
            let note = format!(
                "{why}. The two changes do not go together by themselves: applying this text now undoes theirs. Take over \
                 what they changed first, or go back and edit anew."
            );
            (text.to_owned(), Some(note))
        }
    })
}

/// Asks the server what would become of a text, without doing it.
async fn tried(scope: &Scope<'_>, one: &Found, before: &str, text: &str) -> Result<Draft, Failure> {
    let mut object: Value =
        serde_yaml_ng::from_str(text).map_err(|wrong| Failure::error(format!("this is no YAML: {wrong}")))?;
    for place in ["/apiVersion", "/kind", "/metadata/name", "/metadata/namespace", "/metadata/uid"] {
        if object.pointer(place) != one.object.pointer(place) {
            let name = place.trim_start_matches('/').replace('/', ".");
            return Err(Failure::error(format!("{name} may not be changed: it says which object this is")));
        }
    }
    as_read(&mut object, &one.object);
    let mut after = replaced(scope, one, DryRun::Server, object.clone()).await?;
    document::without_managed_fields(&mut after);
    // These the server counts up by itself, also when it is only asked.
    for place in ["generation", "resourceVersion"] {
        if let (Some(metadata), Some(value)) =
            (after.get_mut("metadata").and_then(Value::as_object_mut), one.object["metadata"].get(place))
        {
            metadata.insert(place.to_owned(), value.clone());
        }
    }
    // Its status is how it does now, and nobody's edit.
    if let (Some(after), Some(status)) = (after.as_object_mut(), one.object.get("status")) {
        after.insert("status".to_owned(), status.clone());
    }
    let effect = effect(&one.object, &after);
    let after = if after == one.object { before.to_owned() } else { yaml::document(&after) };
    Ok(Draft { object, after, effect })
}

/// How far a change reaches, by the rules for patches.
fn effect(before: &Value, after: &Value) -> Effect {
    let patch = serde_json::to_string(&json_patch::diff(before, after)).unwrap_or_default();
    let argv = ["kubectl", "patch", "object/name", "--type=json", "-p", &patch].map(str::to_owned);
    command::classify(&argv).map_or(Effect::Destroy, |action| action.effect)
}

/// The lines that differ, with some around them.
fn difference(before: &str, after: &str) -> String {
    TextDiff::from_lines(before, after).unified_diff().context_radius(3).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_reaches_as_far_as_its_patch() {
        let before = json!({"spec": {"replicas": 3, "template": {"a": 1, "b": [1, 2]}}});
        let after = |change: fn(&mut Value)| {
            let mut after = before.clone();
            change(&mut after);
            effect(&before, &after)
        };
        assert_eq!(after(|object| object["spec"]["replicas"] = json!(5)), Effect::Change);
        assert_eq!(after(|object| object["spec"]["template"]["c"] = json!("x")), Effect::Change);
        assert_eq!(after(|object| object["spec"]["replicas"] = json!(0)), Effect::Destroy);
        assert_eq!(after(|object| object["spec"]["template"]["b"] = json!([1])), Effect::Destroy);
        assert_eq!(
            after(|object| object["metadata"] = json!({"finalizers": ["x"]})),
            Effect::Destroy,
            "what keeps an object from going"
        );
    }
}
