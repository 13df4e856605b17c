//! The Kubernetes adapter: the only room that names `kube`.
//!
//! [`Kubectl`] performs kubectl's calls natively: what it writes, on which stream and with which exit code, is what
//! kubectl v1.32 would write. [`Live`] follows the workloads of a namespace for the cards beside a procedure. Both
//! share [`Clusters`], which holds the credentials; nothing else in the portal has them.

mod api;
mod change;
mod connection;
mod delete;
mod discovery;
mod document;
mod failure;
mod get;
mod gotext;
mod jsonpath;
mod kubectl;
mod live;
mod logs;
mod output;
mod quantity;
mod resolve;
mod rollout;
mod scale;
mod secret;
mod selector;
mod sort;
mod suggest;
mod table;
mod tabwriter;
mod top;
mod watch;
mod yaml;

pub use connection::{Clusters, Connection, ConnectionError, current_context};
pub use kubectl::Kubectl;
pub use live::Live;
pub use suggest::Names;
