//! `kubectl describe`
//!
//! Source: `k8s.io/kubectl/pkg/describe/describe.go`, v0.32. Pods, workloads, nodes, services, ingresses, autoscalers,
//! configuration maps and secrets are drawn as kubectl draws them; every other type as it draws types that it does not
//! know: all of their fields.

mod fields;
mod node;
mod pod;
mod service;
mod workload;
mod writer;

use command::kubectl::Describe;
use serde_json::Value;

use crate::api::{AS_JSON, Query};
use crate::discovery;
use crate::failure::Failure;
use crate::output::Output;
use crate::resolve::{Choice, Found, Scope, Wanted, Which, items};
use writer::Writer;

pub(crate) async fn run(scope: &Scope<'_>, describe: &Describe, out: Output<'_>) -> Result<(), Failure> {
    let choice = Choice { selector: describe.selector.as_deref(), field_selector: None, bare_means_all: true };
    let wanted = scope.wanted(&describe.selection, choice).await?;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    let mut begun_any = false;
    for one in &wanted {
        let (some, wrong) = scope.objects(std::slice::from_ref(one), choice).await?;
        match (&one.which, wrong.first()) {
            // A name that is none may begin one.
            (Which::Named(prefix), Some(failure)) if failure.not_found() => {
                let begun = beginning(scope, one, prefix).await?;
                if begun.is_empty() {
                    failures.extend(wrong);
                }
                for one in begun {
                    out.out(text(scope, describe, &one).await? + "\n").await?;
                    begun_any = true;
                }
            }
            _ => failures.extend(wrong),
        }
        found.extend(some);
    }
    if found.is_empty() && failures.is_empty() && !begun_any {
        return out
            .err(match scope.all_namespaces || wanted.iter().any(|one| !one.mapping.namespaced) {
                true => "No resources found\n".to_owned(),
                false => format!("No resources found in {} namespace.\n", scope.namespace),
            })
            .await;
    }
    for (index, one) in found.iter().enumerate() {
        if index > 0 {
            out.out("\n\n").await?;
        }
        out.out(text(scope, describe, one).await?).await?;
    }
    Failure::of(failures).map_or(Ok(()), Err)
}

async fn beginning(scope: &Scope<'_>, one: &Wanted, prefix: &str) -> Result<Vec<Found>, Failure> {
    let all = Wanted { mapping: one.mapping.clone(), which: Which::Chosen };
    let (mut found, _) = scope.objects(&[all], Choice::default()).await?;
    found.retain(|found| found.name().starts_with(prefix));
    Ok(found)
}

async fn text(scope: &Scope<'_>, describe: &Describe, one: &Found) -> Result<String, Failure> {
    let mut writer = Writer::default();
    let mut events = describe.events;
    match (one.mapping.group.as_str(), one.mapping.kind.as_str()) {
        ("", "Pod") => pod::draw(&one.object, &mut writer),
        ("", "Node") => node::draw(scope, one, &mut writer).await?,
        ("", "Service") => service::service(scope, one, &mut writer).await?,
        ("networking.k8s.io", "Ingress") => service::ingress(scope, one, &mut writer).await?,
        ("apps", "Deployment") => workload::deployment(scope, one, &mut writer).await?,
        ("autoscaling", "HorizontalPodAutoscaler") => workload::autoscaler(&one.object, &mut writer),
        ("", "ConfigMap") => fields::config_map(&one.object, &mut writer),
        ("", "Secret") => {
            // Only the sizes leave this place.
            let object = scope.api.get(&one.path(), &Query::new(), AS_JSON).await?;
            fields::secret(&object, &mut writer);
            events = false;
        }
        _ => fields::generic(&one.object, &mut writer),
    }
    if events {
        draw_events(scope, one, &mut writer).await;
    }
    Ok(writer.finish())
}

/// The events of an object; who may not see them sees the rest all the same.
async fn draw_events(scope: &Scope<'_>, one: &Found, writer: &mut Writer) {
    let Ok(mapping) = discovery::one(&scope.api, "events").await else { return };
    let mut here = scope.clone();
    here.all_namespaces = one.namespace().is_none();
    if let Some(namespace) = one.namespace() {
        namespace.clone_into(&mut here.namespace);
    }
    let mut selector = format!("involvedObject.name={},involvedObject.kind={}", one.name(), one.mapping.kind);
    if one.mapping.kind != "Node"
        && let Some(uid) = one.object["metadata"]["uid"].as_str()
    {
        selector.push_str(&format!(",involvedObject.uid={uid}"));
    }
    let mut pages = here.pages(&mapping, vec![("fieldSelector", selector)], AS_JSON, 500);
    let mut events: Vec<Value> = Vec::new();
    while let Ok(Some(page)) = pages.next().await {
        events.extend(items(page, &mapping));
    }
    if events.is_empty() {
        writer.line(0, "Events:\t<none>");
        return;
    }
    let last = |event: &Value| {
        let time = event["lastTimestamp"].as_str().or(event["eventTime"].as_str());
        time.unwrap_or_default().to_owned()
    };
    events.sort_by_key(last);
    writer.line(0, "Events:\n  Type\tReason\tAge\tFrom\tMessage");
    writer.line(1, "----\t------\t----\t----\t-------");
    for event in &events {
        let text = |key: &str| event[key].as_str().unwrap_or_default();
        let count = event["count"].as_i64().unwrap_or(1);
        let age = match count > 1 {
            true => format!("{} (x{count} over {})", writer::age(&last(event)), writer::age(text("firstTimestamp"))),
            false => writer::age(&last(event)),
        };
        let from =
            event["source"]["component"].as_str().filter(|from| !from.is_empty()).unwrap_or(text("reportingComponent"));
        writer.line(1, &format!("{}\t{}\t{age}\t{from}\t{}", text("type"), text("reason"), text("message").trim()));
    }
}
