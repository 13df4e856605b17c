//! An in-process Kubernetes API to try, rehearse and test against.
//!
//! [`Practice`] serves the Kubernetes HTTP API on a loopback address, well enough that an unmodified
//! `kubectl` and the `kube` crate work against it, with controllers that turn a changed Deployment into
//! ReplicaSets and Pods over seconds. Nothing leaves the process: containers, logs and metrics are rehearsed.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! let practice = practice::Practice::builder().start(([127, 0, 0, 1], 0).into()).await?;
//! std::fs::write("kubeconfig", practice.kubeconfig())?;
//! practice.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Faults to rehearse
//! The annotation `practice.runbook-portal.dev/fault` on a pod template makes its pods fail: `crash-loop`,
//! `bad-image`, `never-ready` or `slow-start`. An image whose tag starts with `bad` or `broken` cannot be
//! pulled. `practice.runbook-portal.dev/logs` picks the style of the log: `json`, `text`, `postgres`, `nginx`.
//!
//! # Programs in containers
//! `kubectl exec` and `kubectl run` meet a small simulation: `seed/programs.yaml` says which image has which program
//! and what it answers; names and addresses are those of the cluster's own Services. What nobody rehearsed is not
//! found, with the container runtime's own words and exit code 127.

mod admission;
mod api;
mod apply;
mod cluster;
mod controllers;
mod deletion;
mod events;
mod kinds;
mod logs;
mod metrics;
mod object;
mod patch;
mod programs;
mod protobuf;
mod seed;
mod selector;
mod status;
mod store;
mod table;
mod version;

pub use store::Limits;

use cluster::{Cluster, Prohibition};
use std::net::SocketAddr;
use std::sync::Arc;
use store::Store;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A running practice cluster. It ends with [`Practice::shutdown`], or when it is dropped.
pub struct Practice {
    cluster: Arc<Cluster>,
    address: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
}

/// What a practice cluster is to be like.
#[derive(Debug, Clone)]
pub struct Builder {
    speed: f64,
    limits: Limits,
    contents: Contents,
    prohibitions: Vec<Prohibition>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contents {
    Seeded,
    Bare,
}

impl Practice {
    /// A seeded cluster at the speed of a real one, in which nothing is forbidden.
    #[must_use]
    pub fn builder() -> Builder {
        Builder { speed: 1.0, limits: Limits::default(), contents: Contents::Seeded, prohibitions: Vec::new() }
    }

    /// The address of the API. Requests need the token: as a bearer token, or in the path (see [`Self::kubeconfig`]).
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The bearer token that every request must carry. It is drawn anew at each start.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.cluster.token
    }

    /// A kubeconfig (YAML) with one context named `practice`.
    ///
    /// The server address carries the token as `/key/TOKEN`, because `kubectl` sends no bearer token over
    /// plain HTTP; clients that do send one are served as well. Treat the whole text as a secret.
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        let (url, token) = (self.url(), self.token());
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: practice\nclusters:\n- name: practice\n  cluster:\n    \
             server: {url}/key/{token}\nusers:\n- name: practice\n  user:\n    token: {token}\ncontexts:\n- name: \
             practice\n  context:\n    cluster: practice\n    user: practice\n    namespace: default\n"
        )
    }

    /// Forgets the history that watches resume from, as an etcd compaction does: they get 410 Gone.
    pub fn compact(&self) {
        self.cluster.store().compact();
    }

    /// Ends every stream and the controllers, and waits until the port is free.
    pub async fn shutdown(mut self) {
        self.cluster.stop.cancel();
        for task in self.tasks.drain(..) {
            // A task that panicked has ended too, which is all that is asked here.
            let _ended = task.await;
        }
    }
}

impl Drop for Practice {
    fn drop(&mut self) {
        self.cluster.stop.cancel();
    }
}

impl Builder {
    /// How many times faster than a real cluster pods start, fail, stop and write logs (1 is real time).
    /// Values outside 0.01 to 1000 are taken as the nearest of them.
    #[must_use]
    pub fn speed(mut self, times: f64) -> Self {
        self.speed = if times.is_finite() { times.clamp(0.01, 1_000.0) } else { 1.0 };
        self
    }

    /// How much the cluster may hold.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Starts with nodes and the usual namespaces only, without the seeded workloads.
    #[must_use]
    pub fn bare(mut self) -> Self {
        self.contents = Contents::Bare;
        self
    }

    /// Forbids a verb on a resource (`deployments`, `deployments/scale`) in a namespace; `*` stands for any.
    #[must_use]
    pub fn forbid(mut self, verb: &str, resource: &str, namespace: &str) -> Self {
        self.prohibitions.push(Prohibition {
            verb: verb.to_owned(),
            resource: resource.to_owned(),
            namespace: namespace.to_owned(),
        });
        self
    }

    /// Starts the cluster at an address; port 0 picks a free one.
    ///
    /// # Errors
    /// When the address is not a loopback one (the API is plain HTTP), or cannot be listened on.
    pub async fn start(self, address: SocketAddr) -> std::io::Result<Practice> {
        if !address.ip().is_loopback() {
            return Err(std::io::Error::new(
                std::io::ErrorKind::InvalidInput,
                "the practice cluster serves plain HTTP and listens on loopback addresses only",
            ));
        }
        let mut store = Store::new(self.limits);
        seed::nodes(&mut store)?;
        if self.contents == Contents::Seeded {
            seed::workloads(&mut store)?;
        }
        let token: [u8; 24] = rand::random();
        let token = token.iter().map(|byte| format!("{byte:02x}")).collect();
        let cluster = Arc::new(Cluster::new(store, self.prohibitions, token, self.speed));
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let router = api::router(Arc::clone(&cluster));
        let stop = cluster.stop.clone();
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await {
                tracing::error!(%error, "the practice cluster stopped serving");
            }
        });
        let controllers = tokio::spawn(controllers::run(Arc::clone(&cluster)));
        Ok(Practice { cluster, address, tasks: vec![server, controllers] })
    }
}
