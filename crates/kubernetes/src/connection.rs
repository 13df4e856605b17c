//! The clusters of the environments, and the credentials for them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kube::config::{KubeConfigOptions, Kubeconfig};
use operations::EnvironmentName;
use tokio::sync::{Mutex, OnceCell};

use crate::discovery::Discovery;

/// How an environment's cluster is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// A kubeconfig file and the context to use in it.
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// The context; `None` for the file's current one.
        context: Option<String>,
    },
    /// The service account of the pod that the portal runs in.
    InCluster,
}

/// A cluster cannot be reached with what is configured. Says nothing of the credentials themselves.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConnectionError(String);

/// One cluster: its client and what it serves.
pub(crate) struct Cluster {
    pub(crate) client: kube::Client,
    /// `host:port`, as kubectl names the server in errors.
    pub(crate) host: String,
    pub(crate) discovery: Mutex<Option<Arc<Discovery>>>,
}

/// The clusters of all environments. Cheap to clone; a client is built at its first use.
#[derive(Clone)]
pub struct Clusters {
    known: Arc<HashMap<EnvironmentName, Known>>,
}

struct Known {
    connection: Connection,
    cluster: OnceCell<Arc<Cluster>>,
}

impl Clusters {
    /// The clusters of these environments. A process-wide rustls provider must be installed before the first call.
    #[must_use]
    pub fn new(connections: impl IntoIterator<Item = (EnvironmentName, Connection)>) -> Self {
        let known = connections
            .into_iter()
            .map(|(name, connection)| (name, Known { connection, cluster: OnceCell::new() }))
            .collect();
        Self { known: Arc::new(known) }
    }

    /// The cluster of an environment; a failed attempt is made again the next time.
    pub(crate) async fn cluster(&self, environment: &EnvironmentName) -> Result<Arc<Cluster>, ConnectionError> {
        let known = self
            .known
            .get(environment)
            .ok_or_else(|| ConnectionError(format!("the environment {environment} has no Kubernetes cluster")))?;
        known.cluster.get_or_try_init(|| connect(&known.connection)).await.cloned()
    }
}

/// The context that a kubeconfig file names as its current one; `None` where it cannot be read or names none.
#[must_use]
pub fn current_context(path: &Path) -> Option<String> {
    Kubeconfig::read_from(path).ok()?.current_context.filter(|name| !name.is_empty())
}

async fn connect(connection: &Connection) -> Result<Arc<Cluster>, ConnectionError> {
    // The causes name files and may quote parts of them, so they stay out of what a caller sees.
    let mut config = match connection {
        Connection::Kubeconfig { path, context } => {
            let file = Kubeconfig::read_from(path).map_err(|_| {
                ConnectionError("the portal cannot read this environment's kubeconfig: ask an administrator".to_owned())
            })?;
            let options = KubeConfigOptions { context: context.clone(), ..KubeConfigOptions::default() };
            kube::Config::from_custom_kubeconfig(file, &options).await.map_err(|_| {
                ConnectionError(
                    "this environment's kubeconfig lacks the configured context, or it is not usable: ask an administrator"
                        .to_owned(),
                )
            })?
        }
        Connection::InCluster => kube::Config::incluster().map_err(|_| {
            ConnectionError("the portal has no service account of a cluster: ask an administrator".to_owned())
        })?,
    };
    // A quiet log stream or watch is not a dead one.
    config.read_timeout = None;
    let host = config.cluster_url.authority().map(ToString::to_string).unwrap_or_default();
    let client = kube::Client::try_from(config).map_err(|_| {
        ConnectionError("this environment's credentials cannot be used: ask an administrator".to_owned())
    })?;
    Ok(Arc::new(Cluster { client, host, discovery: Mutex::new(None) }))
}
