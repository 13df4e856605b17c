//! The Kubernetes adapter: the only room that names `kube`.
//!
//! [`Helm`] and [`ArgoCd`] answer for two more tools what the cluster itself knows.
//!
//! [`Kubectl`] performs kubectl's calls natively: what it writes, on which stream and with which exit code, is what
//! kubectl v1.32 would write. [`Live`] follows the workloads of a namespace for the cards beside a procedure. Both
//! share [`Clusters`], which holds the credentials; nothing else in the portal has them.

mod api;
mod application;
mod apply;
mod change;
mod connection;
mod create;
mod delete;
mod describe;
mod discovery;
mod document;
mod drain;
mod edit;
mod exec;
mod facts;
mod failure;
mod forward;
mod get;
mod gotext;
mod jsonpath;
mod kubectl;
mod live;
mod logs;
mod manifest;
mod mark;
mod output;
mod quantity;
mod release;
mod resolve;
mod rollout;
mod run;
mod scale;
mod secret;
mod selector;
mod set;
mod sort;
mod strategic;
mod suggest;
mod table;
mod tabwriter;
mod top;
mod wait;
mod watch;
mod yaml;

pub use application::ArgoCd;
pub use connection::{Clusters, Connection, ConnectionError, current_context};
pub use kubectl::Kubectl;
pub use live::Live;
pub use release::Helm;
pub use suggest::Names;

/// The adapters of everything that these clusters answer: `kubectl`, `helm`, `argocd`.
#[must_use]
pub fn adapters(clusters: &Clusters) -> Vec<std::sync::Arc<dyn operations::Adapter>> {
    vec![
        std::sync::Arc::new(Kubectl::new(clusters.clone())),
        std::sync::Arc::new(Helm::new(clusters.clone())),
        std::sync::Arc::new(ArgoCd::new(clusters.clone())),
    ]
}
