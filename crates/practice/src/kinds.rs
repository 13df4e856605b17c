//! The kinds of object that the practice cluster serves, built in and from CustomResourceDefinitions.

use crate::object::{list, text};
use serde_json::Value;
use std::sync::Arc;

/// One resource in one API version, as discovery shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) short: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) namespaced: bool,
    pub(crate) status: bool,
    pub(crate) scale: bool,
    pub(crate) verbs: &'static [&'static str],
    /// Whether it comes from a CustomResourceDefinition.
    pub(crate) custom: bool,
}

const ALL: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const CREATE: &[&str] = &["create"];
const READ: &[&str] = &["get", "list"];

impl Kind {
    /// `apps/v1`, or `v1` in the core group.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Where objects of this kind are kept: one place for all versions of a resource.
    pub(crate) fn place(&self) -> String {
        place(&self.group, &self.plural)
    }

    /// Whether a `spec` change counts as a new generation.
    pub(crate) fn has_generation(&self) -> bool {
        self.custom
            || matches!(self.group.as_str(), "apps" | "batch" | "networking.k8s.io" | "policy" | "apiextensions.k8s.io")
    }
}

/// The store's name for a resource. Both event APIs show the same events.
pub(crate) fn place(group: &str, plural: &str) -> String {
    match (group, plural) {
        ("" | "events.k8s.io", _) => plural.to_owned(),
        _ => format!("{plural}.{group}"),
    }
}

/// One built-in row: (group, version, Kind, plural, short names, flags). Flags: `n` namespaced, `s` status
/// subresource, `c` scale subresource, `a` member of the category "all", `r` read only, `p` create only.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

const ROWS: &[Row] = &[
    ("", "v1", "ConfigMap", "configmaps", "cm", "n"),
    ("", "v1", "Endpoints", "endpoints", "ep", "n"),
    ("", "v1", "Event", "events", "ev", "n"),
    ("", "v1", "LimitRange", "limitranges", "limits", "n"),
    ("", "v1", "Namespace", "namespaces", "ns", "s"),
    ("", "v1", "Node", "nodes", "no", "s"),
    ("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", "pvc", "ns"),
    ("", "v1", "PersistentVolume", "persistentvolumes", "pv", "s"),
    ("", "v1", "Pod", "pods", "po", "nsa"),
    ("", "v1", "ReplicationController", "replicationcontrollers", "rc", "nsca"),
    ("", "v1", "ResourceQuota", "resourcequotas", "quota", "ns"),
    ("", "v1", "Secret", "secrets", "", "n"),
    ("", "v1", "ServiceAccount", "serviceaccounts", "sa", "n"),
    ("", "v1", "Service", "services", "svc", "nsa"),
    ("apps", "v1", "DaemonSet", "daemonsets", "ds", "nsa"),
    ("apps", "v1", "Deployment", "deployments", "deploy", "nsca"),
    ("apps", "v1", "ReplicaSet", "replicasets", "rs", "nsca"),
    ("apps", "v1", "StatefulSet", "statefulsets", "sts", "nsca"),
    ("events.k8s.io", "v1", "Event", "events", "ev", "n"),
    ("authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", "", "p"),
    ("authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", "", "p"),
    ("authorization.k8s.io", "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", "", "p"),
    ("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", "hpa", "nsa"),
    ("autoscaling", "v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers", "hpa", "nsa"),
    ("batch", "v1", "CronJob", "cronjobs", "cj", "nsa"),
    ("batch", "v1", "Job", "jobs", "", "nsa"),
    ("networking.k8s.io", "v1", "IngressClass", "ingressclasses", "", ""),
    ("networking.k8s.io", "v1", "Ingress", "ingresses", "ing", "ns"),
    ("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", "netpol", "n"),
    ("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", "pdb", "ns"),
    ("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", "", ""),
    ("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", "", ""),
    ("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", "", "n"),
    ("rbac.authorization.k8s.io", "v1", "Role", "roles", "", "n"),
    ("storage.k8s.io", "v1", "StorageClass", "storageclasses", "sc", ""),
    ("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", "crd,crds", "s"),
    ("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", "pc", ""),
    ("coordination.k8s.io", "v1", "Lease", "leases", "", "n"),
    ("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", "", "n"),
    ("metrics.k8s.io", "v1beta1", "NodeMetrics", "nodes", "", "r"),
    ("metrics.k8s.io", "v1beta1", "PodMetrics", "pods", "", "nr"),
];

/// Every built-in kind, in the order discovery lists them.
pub(crate) fn built_in() -> Vec<Arc<Kind>> {
    ROWS.iter()
        .map(|&(group, version, kind, plural, short, flags)| {
            let verbs = if flags.contains('r') {
                READ
            } else if flags.contains('p') {
                CREATE
            } else {
                ALL
            };
            let singular = if flags.contains('r') { String::new() } else { kind.to_lowercase() };
            Arc::new(Kind {
                group: group.to_owned(),
                version: version.to_owned(),
                kind: kind.to_owned(),
                plural: plural.to_owned(),
                singular,
                short: short.split(',').filter(|s| !s.is_empty()).map(str::to_owned).collect(),
                categories: if flags.contains('a') { vec!["all".to_owned()] } else { Vec::new() },
                namespaced: flags.contains('n'),
                status: flags.contains('s'),
                scale: flags.contains('c'),
                verbs,
                custom: false,
            })
        })
        .collect()
}

/// The kinds that one CustomResourceDefinition serves, one for each served version.
pub(crate) fn from_definition(definition: &Value) -> Vec<Arc<Kind>> {
    let words = |pointer: &str| -> Vec<String> {
        list(definition, pointer).iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
    };
    list(definition, "/spec/versions")
        .iter()
        .filter(|version| crate::object::flag(version, "/served"))
        .map(|version| {
            let kind = text(definition, "/spec/names/kind").to_owned();
            let singular = match text(definition, "/spec/names/singular") {
                "" => kind.to_lowercase(),
                given => given.to_owned(),
            };
            Arc::new(Kind {
                group: text(definition, "/spec/group").to_owned(),
                version: text(version, "/name").to_owned(),
                kind,
                plural: text(definition, "/spec/names/plural").to_owned(),
                singular,
                short: words("/spec/names/shortNames"),
                categories: words("/spec/names/categories"),
                namespaced: text(definition, "/spec/scope") != "Cluster",
                status: version.pointer("/subresources/status").is_some(),
                scale: false,
                verbs: ALL,
                custom: true,
            })
        })
        .collect()
}
