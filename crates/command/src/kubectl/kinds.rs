//! Resource types in kubectl's many spellings, to the singular kind.

/// Plural, singular and short names of the types that Kubernetes itself serves.
const KNOWN: &[&str] = &[
    "pods pod po",
    "deployments deployment deploy",
    "replicasets replicaset rs",
    "statefulsets statefulset sts",
    "daemonsets daemonset ds",
    "replicationcontrollers replicationcontroller rc",
    "jobs job",
    "cronjobs cronjob cj",
    "services service svc",
    "endpoints endpoint ep",
    "endpointslices endpointslice",
    "ingresses ingress ing",
    "ingressclasses ingressclass",
    "networkpolicies networkpolicy netpol",
    "horizontalpodautoscalers hpa horizontalpodautoscaler",
    "poddisruptionbudgets poddisruptionbudget pdb",
    "configmaps configmap cm",
    "secrets secret",
    "serviceaccounts serviceaccount sa",
    "persistentvolumeclaims persistentvolumeclaim pvc",
    "persistentvolumes persistentvolume pv",
    "storageclasses storageclass sc",
    "nodes node no",
    "namespaces namespace ns",
    "events event ev",
    "resourcequotas resourcequota quota",
    "limitranges limitrange limits",
    "roles role",
    "rolebindings rolebinding",
    "clusterroles clusterrole",
    "clusterrolebindings clusterrolebinding",
    "priorityclasses priorityclass pc",
    "customresourcedefinitions customresourcedefinition crd crds",
    "certificatesigningrequests certificatesigningrequest csr",
    "podsecuritypolicies podsecuritypolicy psp",
    "certificates certificate cert certs",
    "certificaterequests certificaterequest cr crs",
    "applications application app apps",
    "prometheusrules prometheusrule promrule",
    "all all",
];

/// The singular kind that a type argument names: `po`, `pods`, `Pod` and `pods.v1.` are all `pod`. The group is left
/// out, so that a rule about `certificate` holds whichever group it is asked for in. An unknown type is lower-cased and
/// loses its plural ending.
pub(super) fn singular(argument: &str) -> String {
    let lower = argument.to_ascii_lowercase();
    let word = lower.split('.').next().unwrap_or_default();
    for line in KNOWN {
        let mut names = line.split(' ');
        let (plural, kind) = (names.next(), names.next().unwrap_or_default());
        if plural == Some(word) || kind == word || names.any(|name| name == word) {
            return kind.to_owned();
        }
    }
    for (ending, instead) in [("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh")] {
        if let Some(stem) = word.strip_suffix(ending) {
            return format!("{stem}{instead}");
        }
    }
    match word.strip_suffix('s') {
        Some(stem) if !stem.ends_with('s') && !stem.is_empty() => stem.to_owned(),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::singular;

    #[test]
    fn every_spelling_is_one_kind() {
        for (argument, kind) in [
            ("po", "pod"),
            ("pods", "pod"),
            ("Pod", "pod"),
            ("deployment.apps", "deployment"),
            ("deployments.v1.apps", "deployment"),
            ("deploy", "deployment"),
            ("svc", "service"),
            ("endpoints", "endpoint"),
            ("hpa", "hpa"),
            ("networkpolicies", "networkpolicy"),
            ("ingress", "ingress"),
            ("widgets.example.org", "widget"),
            ("policies", "policy"),
            ("mesh", "mesh"),
            ("meshes", "mesh"),
            ("all", "all"),
        ] {
            assert_eq!(singular(argument), kind, "{argument}");
        }
    }
}
