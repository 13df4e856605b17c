//! The port to live status: what the cards beside a procedure show.

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;
use widget::Which;

use crate::Environment;

/// One pod of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodStatus {
    /// The pod's name.
    pub name: String,
    /// The word in kubectl's STATUS column: `Running`, `CrashLoopBackOff`, `Terminating`.
    pub status: String,
    /// Whether every container is ready.
    pub ready: bool,
    /// Whether it belongs to the workload's newest revision.
    pub newest: bool,
    /// Container restarts.
    pub restarts: i32,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// Where it runs.
    pub node: Option<String>,
}

/// One workload at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadStatus {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Wanted replicas.
    pub desired: i32,
    /// Replicas of the newest revision.
    pub updated: i32,
    /// Ready replicas.
    pub ready: i32,
    /// Container restarts of all its pods.
    pub restarts: i32,
    /// The images of the pod template, without registry and path.
    pub images: Vec<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// What the controller says where something is wrong.
    pub message: Option<String>,
    /// Its pods, newest revision first; at most 100.
    pub pods: Vec<PodStatus>,
    /// How many pods there are beyond those.
    pub more_pods: usize,
}

/// How far a snapshot can be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CardState {
    /// Nothing has been heard yet.
    Loading,
    /// The watch is connected.
    Fresh,
    /// The watch broke; what is shown is from this time.
    Stale(Timestamp),
    /// Whoever was asked refuses to tell.
    Forbidden(String),
    /// There is no such thing.
    Absent,
    /// Nobody answers, and nothing is known.
    Unreachable(String),
}

/// The workloads of one namespace at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// How far to trust it.
    pub state: CardState,
    /// When it was last heard from.
    pub at: Timestamp,
    /// Every deployment of the namespace, by name; at most 200.
    pub workloads: Vec<WorkloadStatus>,
    /// The labels of each workload's pod template in the order of `workloads`, to match selectors.
    pub labels: Vec<Vec<(String, String)>>,
}

/// Live status of one kind of infrastructure.
#[async_trait]
pub trait LiveStatus: Send + Sync {
    /// Follows a namespace. All who follow the same share one watch of the cluster, which ends soon after the last one
    /// drops its receiver.
    async fn follow(&self, environment: &Environment, namespace: &str) -> watch::Receiver<Snapshot>;
}

impl Snapshot {
    /// The workloads of this namespace that a reference names.
    #[must_use]
    pub fn select(&self, which: &Which) -> Vec<&WorkloadStatus> {
        self.workloads
            .iter()
            .enumerate()
            .filter(|(index, workload)| match which {
                Which::Deployment(name) => &workload.name == name,
                Which::Selector(selector) => self.labels.get(*index).is_some_and(|labels| selects(selector, labels)),
                Which::All => true,
            })
            .map(|(_, workload)| workload)
            .collect()
    }
}

/// Equality-based label selectors (`a=b,c!=d,e`); the set-based form selects nothing here.
fn selects(selector: &str, labels: &[(String, String)]) -> bool {
    let value = |key: &str| labels.iter().find(|(name, _)| name == key.trim()).map(|(_, value)| value.as_str());
    selector.split(',').all(|requirement| match requirement.split_once("!=") {
        Some((key, unwanted)) => value(key) != Some(unwanted.trim()),
        None => match requirement.split_once('=') {
            Some((key, wanted)) => value(key) == Some(wanted.trim_start_matches('=').trim()),
            None => value(requirement).is_some(),
        },
    })
}
