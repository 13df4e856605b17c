//! Where a run acts.

use serde::{Deserialize, Serialize};

/// The short name of an environment, as configured: `practice`, `production`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EnvironmentName(pub String);

impl std::fmt::Display for EnvironmentName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// How serious an environment is: it chooses the band across the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EnvironmentKind {
    /// The portal's own practice cluster: nothing here is real.
    Practice,
    /// A test system.
    Test,
    /// What customers use.
    Production,
}

/// Which namespaces an environment may touch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Namespaces {
    /// All, and cluster-wide objects.
    All,
    /// These only.
    Only(Vec<String>),
}

impl Namespaces {
    /// Whether a call may name this namespace.
    #[must_use]
    pub fn permit(&self, namespace: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|name| name == namespace),
        }
    }
}

/// The Kubernetes side of an environment. Credentials are the adapter's: they are not here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubernetesScope {
    /// The context's name, as `--context` would say it and as pages show it.
    pub context: String,
    /// The namespace of a call that names none.
    pub default_namespace: String,
    /// Which namespaces calls may name.
    pub namespaces: Namespaces,
}

/// Where a run acts, without any credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Names it in configuration, addresses and the trail.
    pub name: EnvironmentName,
    /// How serious it is.
    pub kind: EnvironmentKind,
    /// The Kubernetes cluster, where it has one.
    pub kubernetes: Option<KubernetesScope>,
    /// Who may do what here, beyond the permission grid.
    pub policy: crate::Policy,
}
