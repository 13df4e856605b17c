//! `kubectl scale`
//!
//! Source: `k8s.io/kubectl/pkg/cmd/scale` and `k8s.io/kubectl/pkg/scale`, v0.32.

use std::time::Duration;

use command::kubectl::{DryRun, Scale};
use serde_json::{Value, json};

use crate::api::{AS_JSON, Query};
use crate::change::{self, MERGE, said};
use crate::failure::Failure;
use crate::output::Output;
use crate::resolve::{Choice, Found, Scope};

const EVERY: Duration = Duration::from_secs(1);
/// How often a change that met another is made again: kubectl tries for five minutes.
const CONFLICTS: u32 = 300;

pub(crate) async fn run(scope: &Scope<'_>, scale: &Scale, out: Output<'_>) -> Result<(), Failure> {
    let choice = Choice { selector: scale.selector.as_deref(), field_selector: None, bare_means_all: scale.all };
    let wanted = scope.wanted(&scale.selection, choice).await?;
    let (found, failures) = scope.objects(&wanted, choice).await?;
    let failure = Failure::of(failures);
    if found.is_empty() {
        return Err(Failure::error(match failure {
            Some(Failure::Several(many)) => {
                let texts: Vec<String> = many.iter().map(Failure::message).collect();
                format!("no objects passed to scale [{}]", texts.join(", "))
            }
            Some(one) => format!("no objects passed to scale {}", one.message()),
            None => "no objects passed to scale".to_owned(),
        }));
    }
    if scale.resource_version.is_some() && found.len() > 1 {
        return Err(Failure::error("cannot use --resource-version with multiple resources"));
    }
    for mut one in found {
        if scale.dry_run != DryRun::Client {
            resize(scope, scale, &one).await?;
        }
        out.out(said(scale.output.as_ref(), scale.dry_run, "scaled", &mut one)?).await?;
    }
    failure.map_or(Ok(()), Err)
}

async fn resize(scope: &Scope<'_>, scale: &Scale, one: &Found) -> Result<(), Failure> {
    let path = format!("{}/scale", one.path());
    let mut tries = 0;
    while let Err(failure) = once(scope, scale, &path).await {
        tries += 1;
        let conflict = matches!(&failure, Failure::Server(status) if status.reason == "Conflict");
        if !conflict || tries > CONFLICTS {
            return Err(failure);
        }
        tokio::time::sleep(EVERY).await;
    }
    let Some(limit) = scale.timeout.filter(|_| scale.dry_run == DryRun::None) else { return Ok(()) };
    let reached = async {
        loop {
            let now = scope.api.get(&path, &Query::new(), AS_JSON).await?;
            let wanted = now["spec"]["replicas"].as_u64().unwrap_or(0);
            if wanted != u64::from(scale.replicas) || now["status"]["replicas"].as_u64().unwrap_or(0) == wanted {
                return Ok(());
            }
            tokio::time::sleep(EVERY).await;
        }
    };
    tokio::time::timeout(limit, reached)
        .await
        .unwrap_or_else(|_| Err(Failure::error(format!("timed out waiting for {:?} to be synced", one.name()))))
}

async fn once(scope: &Scope<'_>, scale: &Scale, path: &str) -> Result<Value, Failure> {
    let query = change::query(scale.dry_run, "kubectl-scale");
    if scale.current_replicas.is_none() && scale.resource_version.is_none() {
        return scope.api.patch(path, &query, MERGE, &json!({"spec": {"replicas": scale.replicas}})).await;
    }
    let mut now = scope.api.get(path, &Query::new(), AS_JSON).await?;
    let replicas = now["spec"]["replicas"].as_i64().unwrap_or(0);
    if let Some(expected) = scale.current_replicas.filter(|expected| *expected != replicas) {
        return Err(Failure::error(format!("Expected replicas to be {expected}, was {replicas}")));
    }
    let version = now["metadata"]["resourceVersion"].as_str().unwrap_or_default();
    if let Some(expected) = scale.resource_version.as_ref().filter(|expected| *expected != version) {
        return Err(Failure::error(format!("Expected resource version to be {expected}, was {version}")));
    }
    now["spec"]["replicas"] = Value::from(scale.replicas);
    scope.api.put(path, &query, &now).await
}
