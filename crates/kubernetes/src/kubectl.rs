//! The adapter: one call of kubectl, performed.

use async_trait::async_trait;
use command::Refusal;
use command::kubectl::{self, Command, Invocation};
use operations::{Adapter, Call, CallIo, Environment, KubernetesScope};

use crate::api::Api;
use crate::connection::Clusters;
use crate::failure::{ENDED, Failure};
use crate::output::Output;
use crate::resolve::{Scope, path_segment};
use crate::{change, delete, get, logs, rollout, scale, top};

/// Performs kubectl's calls natively. Cheap to clone.
#[derive(Clone)]
pub struct Kubectl {
    clusters: Clusters,
}

impl Kubectl {
    /// The adapter for these clusters.
    #[must_use]
    pub fn new(clusters: Clusters) -> Self {
        Self { clusters }
    }

    async fn call(&self, environment: &Environment, call: &Call, out: Output<'_>) -> Result<(), Failure> {
        let (invocation, known, namespace) = understood(environment, call)?;
        let cluster = self
            .clusters
            .cluster(&environment.name)
            .await
            .map_err(|wrong| Failure::Plain(format!("Unable to connect to the server: {wrong}")))?;
        let scope = Scope {
            api: Api { cluster, timeout: invocation.request_timeout },
            namespace,
            namespace_given: invocation.namespace.is_some(),
            all_namespaces: invocation.all_namespaces,
            allowed: &known.namespaces,
        };
        match &invocation.command {
            Command::Get(get) => get::run(&scope, get, out).await,
            Command::Scale(scale) => scale::run(&scope, scale, out).await,
            Command::Rollout(rollout) => rollout::run(&scope, rollout, out).await,
            Command::Logs(logs) => logs::run(&scope, logs, out).await,
            Command::Delete(delete) => delete::run(&scope, delete, out).await,
            Command::Top(top) => top::run(&scope, top, out).await,
            Command::Patch(patch) => change::patch(&scope, patch, out).await,
            Command::Cordon(cordon) => change::cordon(&scope, cordon, out).await,
            Command::Other => Err(not_performed(&invocation)),
        }
    }
}

/// What a call asks for and in which namespace, where the environment has a cluster and permits it.
fn understood<'e>(
    environment: &'e Environment,
    call: &Call,
) -> Result<(Invocation, &'e KubernetesScope, String), Failure> {
    let invocation = kubectl::parse(&call.argv).map_err(|refusal| match refusal.exit_code {
        126 => Failure::NotPermitted(refusal.reason),
        _ => Failure::Plain(refusal.reason),
    })?;
    let known = environment.kubernetes.as_ref().ok_or_else(|| {
        Failure::NotPermitted(format!("the environment {} has no Kubernetes cluster", environment.name))
    })?;
    let namespace = permitted(&invocation, known)?;
    if invocation.command == Command::Other {
        return Err(not_performed(&invocation));
    }
    Ok((invocation, known, namespace))
}

fn not_performed(invocation: &Invocation) -> Failure {
    Failure::NotPermitted(format!(
        "kubectl {} is not performed by this portal, which performs get, logs, top, scale, rollout, patch, delete, \
         cordon and uncordon: run it elsewhere and record it as done by hand",
        invocation.action.verb
    ))
}

/// The namespace of a call, where the environment permits it.
fn permitted(invocation: &Invocation, known: &KubernetesScope) -> Result<String, Failure> {
    if let Some(context) = invocation.context.as_ref().filter(|context| **context != known.context) {
        return Err(Failure::NotPermitted(format!(
            "kubectl --context={context} is not permitted: this environment is {}",
            known.context
        )));
    }
    if invocation.all_namespaces && !matches!(known.namespaces, operations::Namespaces::All) {
        return Err(Failure::NotPermitted(
            "kubectl --all-namespaces is not permitted: this environment is limited to some namespaces".to_owned(),
        ));
    }
    let namespace = invocation.namespace.clone().unwrap_or_else(|| known.default_namespace.clone());
    path_segment(&namespace)?;
    if !known.namespaces.permit(&namespace) {
        return Err(Failure::NotPermitted(format!(
            "the namespace {namespace} is not part of this environment: use one that is, with -n"
        )));
    }
    Ok(namespace)
}

#[async_trait]
impl Adapter for Kubectl {
    fn tool(&self) -> &'static str {
        "kubectl"
    }

    fn check(&self, environment: &Environment, call: &Call) -> Result<(), Refusal> {
        understood(environment, call).map(drop).map_err(|failure| Refusal {
            reason: failure.print().trim_end().to_owned(),
            exit_code: failure.exit_code(),
        })
    }

    async fn perform(&self, environment: &Environment, call: &Call, io: &dyn CallIo) -> u8 {
        let ended = io.ended();
        let out = Output { io };
        // Dropping the work closes its connections, which ends a log stream or a watch at the server too.
        let done = tokio::select! {
            biased;
            () = ended.cancelled() => return ENDED,
            done = self.call(environment, call, out) => done,
        };
        let Err(failure) = done else { return 0 };
        match out.err(failure.print()).await {
            Ok(()) => failure.exit_code(),
            Err(_) => ENDED,
        }
    }
}
