//! Deployments and autoscalers.

use serde_json::Value;

use super::pod;
use super::writer::{Writer, or, plain, time};
use crate::api::AS_JSON;
use crate::discovery;
use crate::failure::Failure;
use crate::resolve::{Found, Scope, items};
use crate::selector;

fn each<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

const REVISION: &str = "deployment.kubernetes.io/revision";

pub(super) async fn deployment(scope: &Scope<'_>, one: &Found, out: &mut Writer) -> Result<(), Failure> {
    let (metadata, spec, status) = (&one.object["metadata"], &one.object["spec"], &one.object["status"]);
    let number = |value: &Value| value.as_i64().unwrap_or(0);
    out.line(0, &format!("Name:\t{}", one.name()));
    out.line(0, &format!("Namespace:\t{}", one.namespace().unwrap_or_default()));
    out.line(0, &format!("CreationTimestamp:\t{}", time(&metadata["creationTimestamp"])));
    out.pairs(0, "Labels", &metadata["labels"], "=", &[]);
    out.pairs(0, "Annotations", &metadata["annotations"], ": ", &[crate::apply::APPLIED]);
    out.line(0, &format!("Selector:\t{}", selector::of(&one.object).unwrap_or_default()));
    out.line(
        0,
        &format!(
            "Replicas:\t{} desired | {} updated | {} total | {} available | {} unavailable",
            number(&spec["replicas"]),
            number(&status["updatedReplicas"]),
            number(&status["replicas"]),
            number(&status["availableReplicas"]),
            number(&status["unavailableReplicas"])
        ),
    );
    out.line(0, &format!("StrategyType:\t{}", or(&spec["strategy"]["type"], "")));
    out.line(0, &format!("MinReadySeconds:\t{}", number(&spec["minReadySeconds"])));
    if spec["strategy"]["rollingUpdate"].is_object() {
        let rolling = &spec["strategy"]["rollingUpdate"];
        out.line(
            0,
            &format!(
                "RollingUpdateStrategy:\t{} max unavailable, {} max surge",
                plain(&rolling["maxUnavailable"]),
                plain(&rolling["maxSurge"])
            ),
        );
    }
    pod::template(&spec["template"], out);
    if each(status, "conditions").next().is_some() {
        out.line(0, "Conditions:\n  Type\tStatus\tReason\n  ----\t------\t------");
        for condition in each(status, "conditions") {
            let text = |key: &str| or(&condition[key], "").to_owned();
            out.line(1, &format!("{} \t{}\t{}", text("type"), text("status"), text("reason")));
        }
    }
    let mapping = discovery::one(&scope.api, "replicasets.apps").await?;
    let mut here = scope.clone();
    here.all_namespaces = false;
    one.namespace().unwrap_or_default().clone_into(&mut here.namespace);
    let query = selector::of(&one.object).map(|selector| ("labelSelector", selector)).into_iter().collect();
    let mut pages = here.pages(&mapping, query, AS_JSON, 500);
    let (mut old, mut new) = (Vec::new(), Vec::new());
    let revision = &metadata["annotations"][REVISION];
    while let Some(page) = pages.next().await? {
        for set in items(page, &mapping) {
            let mut owners = each(&set["metadata"], "ownerReferences");
            if !owners.any(|owner| owner["uid"] == metadata["uid"]) {
                continue;
            }
            let text = format!(
                "{} ({}/{} replicas created)",
                or(&set["metadata"]["name"], ""),
                number(&set["status"]["replicas"]),
                number(&set["spec"]["replicas"])
            );
            let created = or(&set["metadata"]["creationTimestamp"], "").to_owned();
            let newest = set["metadata"]["annotations"][REVISION] == *revision;
            if newest { &mut new } else { &mut old }.push((created, text));
        }
    }
    old.sort();
    let joined = |sets: Vec<(String, String)>| {
        let texts: Vec<String> = sets.into_iter().map(|(_, text)| text).collect();
        if texts.is_empty() { "<none>".to_owned() } else { texts.join(", ") }
    };
    out.line(0, &format!("OldReplicaSets:\t{}", joined(old)));
    out.line(0, &format!("NewReplicaSet:\t{}", joined(new)));
    Ok(())
}

pub(super) fn autoscaler(scaler: &Value, out: &mut Writer) {
    let (metadata, spec, status) = (&scaler["metadata"], &scaler["spec"], &scaler["status"]);
    out.line(0, &format!("Name:\t{}", or(&metadata["name"], "")));
    out.line(0, &format!("Namespace:\t{}", or(&metadata["namespace"], "")));
    out.pairs(0, "Labels", &metadata["labels"], "=", &[]);
    out.pairs(0, "Annotations", &metadata["annotations"], ": ", &[crate::apply::APPLIED]);
    out.line(0, &format!("CreationTimestamp:\t{}", time(&metadata["creationTimestamp"])));
    let kind = or(&spec["scaleTargetRef"]["kind"], "");
    out.line(0, &format!("Reference:\t{kind}/{}", or(&spec["scaleTargetRef"]["name"], "")));
    out.line(0, "Metrics:\t( current / target )");
    for (index, metric) in each(spec, "metrics").enumerate() {
        let current = &status["currentMetrics"][index]["resource"]["current"];
        let resource = &metric["resource"];
        match (resource.is_object(), resource["target"]["averageUtilization"].as_i64()) {
            (true, Some(target)) => {
                let now = match current["averageUtilization"].as_i64() {
                    Some(percent) => format!("{percent}% ({})", plain(&current["averageValue"])),
                    None => "<unknown>".to_owned(),
                };
                let name = or(&resource["name"], "");
                out.line(1, &format!("resource {name} on pods  (as a percentage of request):\t{now} / {target}%"));
            }
            (true, None) => {
                let now = or(&current["averageValue"], "<unknown>");
                let target = plain(&resource["target"]["averageValue"]);
                out.line(1, &format!("resource {} on pods:\t{now} / {target}", or(&resource["name"], "")));
            }
            (false, _) => out.line(1, &format!("{}:\tsee kubectl get hpa -o yaml", or(&metric["type"], "metric"))),
        }
    }
    let minimum = spec["minReplicas"].as_i64().map_or("<unset>".to_owned(), |count| count.to_string());
    out.line(0, &format!("Min replicas:\t{minimum}"));
    out.line(0, &format!("Max replicas:\t{}", plain(&spec["maxReplicas"])));
    out.line(
        0,
        &format!(
            "{kind} pods:\t{} current / {} desired",
            status["currentReplicas"].as_i64().unwrap_or(0),
            status["desiredReplicas"].as_i64().unwrap_or(0)
        ),
    );
    if each(status, "conditions").next().is_some() {
        out.line(0, "Conditions:");
        out.line(1, "Type\tStatus\tReason\tMessage");
        out.line(1, "----\t------\t------\t-------");
        for condition in each(status, "conditions") {
            let text = |key: &str| or(&condition[key], "").to_owned();
            out.line(1, &format!("{}\t{}\t{}\t{}", text("type"), text("status"), text("reason"), text("message")));
        }
    }
}
