//! `kubectl label`, `kubectl annotate`
//!
//! Source: `k8s.io/kubectl/pkg/cmd/label`, `pkg/cmd/annotate`, v0.32.

use command::kubectl::{DryRun, Mark, MarkPlace};
use serde_json::{Map, Value, json};

use crate::change::{self, MERGE, said};
use crate::failure::Failure;
use crate::output::Output;
use crate::resolve::{Choice, Found, Scope};

pub(crate) async fn run(scope: &Scope<'_>, mark: &Mark, out: Output<'_>) -> Result<(), Failure> {
    let choice = Choice {
        selector: mark.selector.as_deref(),
        field_selector: mark.field_selector.as_deref(),
        bare_means_all: mark.all,
    };
    let wanted = scope.wanted(&mark.selection, choice).await?;
    let (found, mut failures) = scope.objects(&wanted, choice).await?;
    if mark.list {
        for one in &found {
            out.out(listed(mark.place, one, found.len())).await?;
        }
        return Failure::of(failures).map_or(Ok(()), Err);
    }
    for mut one in found {
        match change_one(scope, mark, &mut one, out).await {
            Ok(word) => out.out(said(mark.output.as_ref(), mark.dry_run, word, &mut one)?).await?,
            Err(Failure::Ended) => return Err(Failure::Ended),
            Err(failure) => failures.push(failure),
        }
    }
    Failure::of(failures).map_or(Ok(()), Err)
}

fn field(place: MarkPlace) -> &'static str {
    match place {
        MarkPlace::Labels => "labels",
        MarkPlace::Annotations => "annotations",
    }
}

fn marks(place: MarkPlace, one: &Found) -> Map<String, Value> {
    one.object["metadata"][field(place)].as_object().cloned().unwrap_or_default()
}

fn listed(place: MarkPlace, one: &Found, of: usize) -> String {
    let mut lines: Vec<String> =
        marks(place, one).iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    lines.sort();
    let head = (of > 1).then(|| format!("Listing {} for {}/{}:", field(place), one.mapping.kind, one.name()));
    let indent = if of > 1 { " " } else { "" };
    head.into_iter().chain(lines.into_iter().map(|line| format!("{indent}{line}"))).map(|line| line + "\n").collect()
}

async fn change_one(scope: &Scope<'_>, mark: &Mark, one: &mut Found, out: Output<'_>) -> Result<&'static str, Failure> {
    let before = marks(mark.place, one);
    if !mark.overwrite {
        let taken: Vec<String> = mark
            .set
            .iter()
            .filter_map(|(key, value)| {
                let known = before.get(key)?.as_str()?;
                (known != value).then(|| format!("'{key}' already has a value ({known})"))
            })
            .collect();
        match (mark.place, taken.as_slice()) {
            (_, []) => {}
            (MarkPlace::Annotations, many) => {
                return Err(Failure::error(format!(
                    "--overwrite is false but found the following declared annotation(s): {}",
                    many.join("; ")
                )));
            }
            (MarkPlace::Labels, [one]) => return Err(Failure::error(format!("{one}, and --overwrite is false"))),
            (MarkPlace::Labels, many) => {
                let each: Vec<String> = many.iter().map(|one| format!("{one}, and --overwrite is false")).collect();
                return Err(Failure::error(format!("[{}]", each.join(", "))));
            }
        }
    }
    let mut change = Map::new();
    for key in &mark.removed {
        if !before.contains_key(key) && mark.place == MarkPlace::Labels {
            out.out(format!("label {key:?} not found.\n")).await?;
        }
        if before.contains_key(key) {
            change.insert(key.clone(), Value::Null);
        }
    }
    for (key, value) in mark.set.iter().filter(|(key, value)| before.get(key).and_then(Value::as_str) != Some(value)) {
        change.insert(key.clone(), Value::from(value.as_str()));
    }
    let word = match (mark.place, change.is_empty()) {
        (MarkPlace::Annotations, _) => "annotated",
        (MarkPlace::Labels, true) => "not labeled",
        (MarkPlace::Labels, false) if !mark.overwrite && change.values().all(Value::is_null) => "unlabeled",
        (MarkPlace::Labels, false) => "labeled",
    };
    if change.is_empty() || mark.dry_run == DryRun::Client {
        let target = &mut one.object["metadata"][field(mark.place)];
        for (key, value) in change {
            if let (true, Some(map)) = (value.is_null(), target.as_object_mut()) {
                map.remove(&key);
            } else {
                target[key] = value;
            }
        }
        return Ok(word);
    }
    let mut patch = json!({"metadata": {field(mark.place): change}});
    if let Some(version) = &mark.resource_version {
        patch["metadata"]["resourceVersion"] = Value::from(version.as_str());
    }
    let manager = match mark.place {
        MarkPlace::Labels => "kubectl-label",
        MarkPlace::Annotations => "kubectl-annotate",
    };
    one.object = scope.api.patch(&one.path(), &change::query(mark.dry_run, manager), MERGE, &patch).await?;
    crate::secret::hide(&one.mapping, &mut one.object);
    Ok(word)
}
