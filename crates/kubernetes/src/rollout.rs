//! `kubectl rollout`
//!
//! Source: `k8s.io/kubectl/pkg/cmd/rollout` and `k8s.io/kubectl/pkg/polymorphichelpers`, v0.32.

mod history;
mod status;
mod undo;

use command::kubectl::{DryRun, Rollout, RolloutVerb};
use serde_json::{Value, json};

use crate::change::{self, STRATEGIC, said};
use crate::discovery::Mapping;
use crate::failure::Failure;
use crate::output::Output;
use crate::resolve::{Choice, Found, Scope};

/// The kinds that rollouts know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Workload {
    Deployment,
    DaemonSet,
    StatefulSet,
}

impl Workload {
    fn of(mapping: &Mapping) -> Option<Self> {
        match (mapping.group.as_str(), mapping.kind.as_str()) {
            ("apps" | "extensions", "Deployment") => Some(Self::Deployment),
            ("apps" | "extensions", "DaemonSet") => Some(Self::DaemonSet),
            ("apps", "StatefulSet") => Some(Self::StatefulSet),
            _ => None,
        }
    }
}

pub(crate) async fn run(scope: &Scope<'_>, rollout: &Rollout, out: Output<'_>) -> Result<(), Failure> {
    let choice = Choice { selector: rollout.selector.as_deref(), field_selector: None, bare_means_all: true };
    let wanted = scope.wanted(&rollout.selection, choice).await?;
    let (found, mut failures) = scope.objects(&wanted, choice).await?;
    if found.is_empty() && failures.is_empty() {
        return out.err(format!("No resources found in {} namespace.\n", scope.namespace)).await;
    }
    for mut one in found {
        let done = match rollout.verb {
            RolloutVerb::Status { watch, timeout, revision } => {
                status::follow(scope, &one, status::Wait { watch, timeout, revision }, out).await
            }
            RolloutVerb::History { revision } => history::show(scope, &one, revision, out).await,
            RolloutVerb::Undo { to_revision, dry_run } => {
                undo::back(scope, rollout, &mut one, to_revision, dry_run, out).await
            }
            RolloutVerb::Restart | RolloutVerb::Pause | RolloutVerb::Resume => {
                change(scope, rollout, &mut one, out).await
            }
        };
        match done {
            Ok(()) => {}
            Err(Failure::Ended) => return Err(Failure::Ended),
            Err(failure) => failures.push(failure),
        }
    }
    Failure::of(failures).map_or(Ok(()), Err)
}

async fn change(scope: &Scope<'_>, rollout: &Rollout, one: &mut Found, out: Output<'_>) -> Result<(), Failure> {
    let workload = Workload::of(&one.mapping);
    let paused = one.object["spec"]["paused"] == true;
    let refused =
        |why: &str| Err(Failure::error(format!("error: {} {:?} {why}", one.mapping.printed_resource(), one.name())));
    let (patch, operation) = match (rollout.verb, workload) {
        (RolloutVerb::Restart, Some(Workload::Deployment)) if paused => {
            return refused("can't restart paused deployment (run rollout resume first)");
        }
        (RolloutVerb::Restart, Some(_)) => {
            let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            let annotations = &one.object["spec"]["template"]["metadata"]["annotations"];
            if annotations[RESTARTED].as_str() == Some(now.as_str()) {
                return Err(Failure::error(format!(
                    "failed to create patch for {}: if restart has already been triggered within the past second, please \
                     wait before attempting to trigger another",
                    one.name()
                )));
            }
            (json!({"spec": {"template": {"metadata": {"annotations": {RESTARTED: now}}}}}), "restarted")
        }
        (RolloutVerb::Restart, None) => return refused("restarting is not supported"),
        (RolloutVerb::Pause, Some(Workload::Deployment)) if paused => return refused("is already paused"),
        (RolloutVerb::Pause, Some(Workload::Deployment)) => (json!({"spec": {"paused": true}}), "paused"),
        (RolloutVerb::Pause, _) => return refused("pausing is not supported"),
        (RolloutVerb::Resume, Some(Workload::Deployment)) if !paused => return refused("is not paused"),
        (RolloutVerb::Resume, Some(Workload::Deployment)) => (json!({"spec": {"paused": null}}), "resumed"),
        _ => return refused("resuming is not supported"),
    };
    let query = change::query(DryRun::None, "kubectl-rollout");
    let object = scope
        .api
        .patch(&one.path(), &query, STRATEGIC, &patch)
        .await
        .map_err(|failure| Failure::error(format!("failed to patch: {}", failure.message())))?;
    one.object = object;
    out.out(said(rollout.output.as_ref(), DryRun::None, operation, one)?).await
}

const RESTARTED: &str = "kubectl.kubernetes.io/restartedAt";

/// Whether an object is controlled by another.
fn controlled_by(object: &Value, owner: &Value) -> bool {
    let owners = object["metadata"]["ownerReferences"].as_array();
    owners.into_iter().flatten().any(|reference| {
        reference["controller"] == true && reference["uid"].is_string() && reference["uid"] == owner["metadata"]["uid"]
    })
}
