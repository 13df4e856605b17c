//! The adapter: one call of kubectl, performed.

use async_trait::async_trait;
use command::Refusal;
use command::kubectl::{self, Command, Invocation};
use operations::{Adapter, Call, CallIo, Environment, KubernetesScope};

use crate::api::Api;
use crate::connection::Clusters;
use crate::failure::Failure;
use crate::output::{self, Output};
use crate::resolve::{Scope, path_segment};
use crate::{
    apply, change, create, delete, describe, drain, edit, exec, facts, forward, get, logs, mark, rollout, run, scale,
    set, top, wait,
};

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
            Command::Edit(edit) => edit::run(&scope, edit, out).await,
            Command::Apply(apply) => apply::run(&scope, apply, out).await,
            Command::Create(create) => create::run(&scope, create, out).await,
            Command::Replace(replace) => create::replace(&scope, replace, out).await,
            Command::Set(set) => set::run(&scope, set, out).await,
            Command::Mark(mark) => mark::run(&scope, mark, out).await,
            Command::Exec(exec) => exec::run(&scope, exec, out).await,
            Command::Run(run) => run::run(&scope, run, out).await,
            Command::Forward(forward) => forward::run(&scope, forward, out).await,
            Command::Drain(drain) => drain::run(&scope, drain, out).await,
            Command::Wait(wait) => wait::run(&scope, wait, out).await,
            Command::CanI(asked) => facts::can_i(&scope, asked, out).await,
            Command::Version(version) => facts::version(&scope, version, out).await,
            Command::ClusterInfo => facts::cluster_info(&scope, out).await,
            Command::Describe(describe) => describe::run(&scope, describe, out).await,
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

/// Why a verb that kubectl has is not performed, and what to do instead.
fn not_performed(invocation: &Invocation) -> Failure {
    let verb = invocation.action.verb.as_str();
    let instead = match verb {
        "attach" => "follow the pod with kubectl logs -f, or start a program in it with kubectl exec",
        "autoscale" => "write a HorizontalPodAutoscaler and apply it",
        "expose" => "write a Service and apply it",
        "diff" => "use kubectl apply --dry-run=server -o yaml",
        "events" => "use kubectl get events",
        "api-resources" | "api-versions" | "explain" => "look it up in the documentation of the cluster",
        _ if verb.starts_with("create ") => "write a manifest and apply it",
        _ => "run it elsewhere and record it as done by hand",
    };
    Failure::NotPermitted(format!("kubectl {verb} is not performed by this portal: {instead}"))
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
        understood(environment, call).map(drop).map_err(Refusal::from)
    }

    async fn perform(&self, environment: &Environment, call: &Call, io: &dyn CallIo) -> u8 {
        output::to_the_end(io, self.call(environment, call, Output { io })).await
    }
}
