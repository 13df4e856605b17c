//! The columns of each built-in kind.

use super::Column;

const NAME: Column = ("Name", "string", 0);
const AGE: Column = ("Age", "string", 0);

const fn shown(name: &'static str) -> Column {
    (name, "string", 0)
}

const fn counted(name: &'static str) -> Column {
    (name, "integer", 0)
}

const fn wide(name: &'static str) -> Column {
    (name, "string", 1)
}

/// The columns of a built-in kind, by the place its objects are kept in.
pub(super) fn of(place: &str) -> &'static [Column] {
    match place {
        "pods" => {
            const {
                &[
                    NAME,
                    shown("Ready"),
                    shown("Status"),
                    shown("Restarts"),
                    AGE,
                    wide("IP"),
                    wide("Node"),
                    wide("Nominated Node"),
                    wide("Readiness Gates"),
                ]
            }
        }
        "deployments.apps" => {
            const {
                &[
                    NAME,
                    shown("Ready"),
                    counted("Up-to-date"),
                    counted("Available"),
                    AGE,
                    wide("Containers"),
                    wide("Images"),
                    wide("Selector"),
                ]
            }
        }
        "replicasets.apps" => {
            const {
                &[
                    NAME,
                    counted("Desired"),
                    counted("Current"),
                    counted("Ready"),
                    AGE,
                    wide("Containers"),
                    wide("Images"),
                    wide("Selector"),
                ]
            }
        }
        "statefulsets.apps" => const { &[NAME, shown("Ready"), AGE, wide("Containers"), wide("Images")] },
        "daemonsets.apps" => {
            const {
                &[
                    NAME,
                    counted("Desired"),
                    counted("Current"),
                    counted("Ready"),
                    counted("Up-to-date"),
                    counted("Available"),
                    shown("Node Selector"),
                    AGE,
                    wide("Containers"),
                    wide("Images"),
                    wide("Selector"),
                ]
            }
        }
        "jobs.batch" => {
            const {
                &[
                    NAME,
                    shown("Status"),
                    shown("Completions"),
                    shown("Duration"),
                    AGE,
                    wide("Containers"),
                    wide("Images"),
                    wide("Selector"),
                ]
            }
        }
        "cronjobs.batch" => {
            const {
                &[
                    NAME,
                    shown("Schedule"),
                    shown("Timezone"),
                    shown("Suspend"),
                    counted("Active"),
                    shown("Last Schedule"),
                    AGE,
                    wide("Containers"),
                    wide("Images"),
                    wide("Selector"),
                ]
            }
        }
        "services" => {
            const {
                &[
                    NAME,
                    shown("Type"),
                    shown("Cluster-IP"),
                    shown("External-IP"),
                    shown("Port(s)"),
                    AGE,
                    wide("Selector"),
                ]
            }
        }
        "endpoints" => const { &[NAME, shown("Endpoints"), AGE] },
        "endpointslices.discovery.k8s.io" => {
            const { &[NAME, shown("AddressType"), shown("Ports"), shown("Endpoints"), AGE] }
        }
        "ingresses.networking.k8s.io" => {
            const { &[NAME, shown("Class"), shown("Hosts"), shown("Address"), shown("Ports"), AGE] }
        }
        "ingressclasses.networking.k8s.io" => const { &[NAME, shown("Controller"), shown("Parameters"), AGE] },
        "networkpolicies.networking.k8s.io" => const { &[NAME, shown("Pod-Selector"), AGE] },
        "horizontalpodautoscalers.autoscaling" => {
            const {
                &[
                    NAME,
                    shown("Reference"),
                    shown("Targets"),
                    shown("MinPods"),
                    shown("MaxPods"),
                    counted("Replicas"),
                    AGE,
                ]
            }
        }
        "events" => {
            const {
                &[
                    shown("Last Seen"),
                    shown("Type"),
                    shown("Reason"),
                    shown("Object"),
                    wide("Subobject"),
                    wide("Source"),
                    shown("Message"),
                    wide("First Seen"),
                    wide("Count"),
                    ("Name", "string", 1),
                ]
            }
        }
        "nodes" => {
            const {
                &[
                    NAME,
                    shown("Status"),
                    shown("Roles"),
                    AGE,
                    shown("Version"),
                    wide("Internal-IP"),
                    wide("External-IP"),
                    wide("OS-Image"),
                    wide("Kernel-Version"),
                    wide("Container-Runtime"),
                ]
            }
        }
        "namespaces" => const { &[NAME, shown("Status"), AGE] },
        "configmaps" => const { &[NAME, shown("Data"), AGE] },
        "secrets" => const { &[NAME, shown("Type"), counted("Data"), AGE] },
        "serviceaccounts" => const { &[NAME, counted("Secrets"), AGE] },
        "poddisruptionbudgets.policy" => {
            const { &[NAME, shown("Min Available"), shown("Max Unavailable"), counted("Allowed Disruptions"), AGE] }
        }
        "persistentvolumeclaims" => {
            const {
                &[
                    NAME,
                    shown("Status"),
                    shown("Volume"),
                    shown("Capacity"),
                    shown("Access Modes"),
                    shown("StorageClass"),
                    shown("VolumeAttributesClass"),
                    AGE,
                    wide("VolumeMode"),
                ]
            }
        }
        "storageclasses.storage.k8s.io" => {
            const {
                &[
                    NAME,
                    shown("Provisioner"),
                    shown("ReclaimPolicy"),
                    shown("VolumeBindingMode"),
                    shown("AllowVolumeExpansion"),
                    AGE,
                ]
            }
        }
        "leases.coordination.k8s.io" => const { &[NAME, shown("Holder"), AGE] },
        "customresourcedefinitions.apiextensions.k8s.io"
        | "clusterroles.rbac.authorization.k8s.io"
        | "roles.rbac.authorization.k8s.io" => const { &[NAME, ("Created At", "date", 0)] },
        "clusterrolebindings.rbac.authorization.k8s.io" | "rolebindings.rbac.authorization.k8s.io" => {
            const { &[NAME, shown("Role"), AGE, wide("Users"), wide("Groups"), wide("ServiceAccounts")] }
        }
        _ => const { &[NAME, AGE] },
    }
}
