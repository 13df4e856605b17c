//! Reading the protobuf bodies that `kubectl create` and `kubectl auth` send.
//!
//! Typed clients send built-in objects as protobuf: the four bytes `k8s\0`, then a `runtime.Unknown` with the
//! object. Field numbers are those of the `generated.proto` files in k8s.io/api. Only the messages in
//! [`fields`] are known; a field that is not is refused rather than dropped. Answers are always JSON.

use base64::Engine;
use serde_json::{Map, Value, json};

/// How deep messages may nest; real objects need about ten.
const DEEPEST: usize = 24;

/// How a field is written in JSON.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Texts,
    /// A whole number whose zero means "not given".
    Number,
    /// A whole number whose zero counts.
    Counted,
    Flag,
    One(&'static str),
    Many(&'static str),
    TextMap,
    BytesMap,
    QuantityMap,
    Either,
    Skip,
}

use Kind::{BytesMap, Counted, Either, Flag, Many, Number, One, QuantityMap, Skip, Text, TextMap, Texts};

type Field = (u64, &'static str, Kind);

fn fields(message: &str) -> Option<&'static [Field]> {
    Some(match message {
        "ObjectMeta" => {
            const {
                &[
                    (1, "name", Text),
                    (2, "generateName", Text),
                    (3, "namespace", Text),
                    (4, "selfLink", Skip),
                    (5, "uid", Text),
                    (6, "resourceVersion", Text),
                    (7, "generation", Skip),
                    (8, "creationTimestamp", Skip),
                    (11, "labels", TextMap),
                    (12, "annotations", TextMap),
                    (14, "finalizers", Texts),
                ]
            }
        }
        "Secret" => {
            const {
                &[
                    (1, "metadata", One("ObjectMeta")),
                    (2, "data", BytesMap),
                    (3, "type", Text),
                    (4, "stringData", TextMap),
                    (5, "immutable", Flag),
                ]
            }
        }
        "ConfigMap" => {
            const {
                &[
                    (1, "metadata", One("ObjectMeta")),
                    (2, "data", TextMap),
                    (3, "binaryData", BytesMap),
                    (4, "immutable", Flag),
                ]
            }
        }
        "Namespace" => const { &[(1, "metadata", One("ObjectMeta")), (2, "spec", Skip), (3, "status", Skip)] },
        "ServiceAccount" => const { &[(1, "metadata", One("ObjectMeta"))] },
        "SelfSubjectReview" => const { &[(1, "metadata", One("ObjectMeta")), (2, "status", Skip)] },
        "SelfSubjectRulesReview" => {
            const { &[(1, "metadata", One("ObjectMeta")), (2, "spec", One("RulesReviewSpec")), (3, "status", Skip)] }
        }
        "RulesReviewSpec" => const { &[(1, "namespace", Text)] },
        "SelfSubjectAccessReview" => {
            const { &[(1, "metadata", One("ObjectMeta")), (2, "spec", One("AccessReviewSpec")), (3, "status", Skip)] }
        }
        "AccessReviewSpec" => {
            const {
                &[
                    (1, "resourceAttributes", One("ResourceAttributes")),
                    (2, "nonResourceAttributes", One("NonResourceAttributes")),
                ]
            }
        }
        "ResourceAttributes" => {
            const {
                &[
                    (1, "namespace", Text),
                    (2, "verb", Text),
                    (3, "group", Text),
                    (4, "version", Text),
                    (5, "resource", Text),
                    (6, "subresource", Text),
                    (7, "name", Text),
                ]
            }
        }
        "NonResourceAttributes" => const { &[(1, "path", Text), (2, "verb", Text)] },
        "Deployment" => {
            const { &[(1, "metadata", One("ObjectMeta")), (2, "spec", One("DeploymentSpec")), (3, "status", Skip)] }
        }
        "DeploymentSpec" => {
            const {
                &[
                    (1, "replicas", Counted),
                    (2, "selector", One("LabelSelector")),
                    (3, "template", One("PodTemplateSpec")),
                    (4, "strategy", One("DeploymentStrategy")),
                    (5, "minReadySeconds", Number),
                    (6, "revisionHistoryLimit", Counted),
                    (7, "paused", Flag),
                    (9, "progressDeadlineSeconds", Counted),
                ]
            }
        }
        "DeploymentStrategy" => const { &[(1, "type", Text)] },
        "LabelSelector" => {
            const { &[(1, "matchLabels", TextMap), (2, "matchExpressions", Many("LabelSelectorRequirement"))] }
        }
        "LabelSelectorRequirement" => const { &[(1, "key", Text), (2, "operator", Text), (3, "values", Texts)] },
        "PodTemplateSpec" => const { &[(1, "metadata", One("ObjectMeta")), (2, "spec", One("PodSpec"))] },
        "PodSpec" => {
            const {
                &[
                    (2, "containers", Many("Container")),
                    (3, "restartPolicy", Text),
                    (4, "terminationGracePeriodSeconds", Counted),
                    (6, "dnsPolicy", Text),
                    (7, "nodeSelector", TextMap),
                    (8, "serviceAccountName", Text),
                    (9, "serviceAccount", Text),
                    (10, "nodeName", Text),
                    (11, "hostNetwork", Flag),
                    (12, "hostPID", Flag),
                    (13, "hostIPC", Flag),
                    (16, "hostname", Text),
                    (17, "subdomain", Text),
                    (19, "schedulerName", Text),
                    (20, "initContainers", Many("Container")),
                    (24, "priorityClassName", Text),
                ]
            }
        }
        "Container" => {
            const {
                &[
                    (1, "name", Text),
                    (2, "image", Text),
                    (3, "command", Texts),
                    (4, "args", Texts),
                    (5, "workingDir", Text),
                    (6, "ports", Many("ContainerPort")),
                    (7, "env", Many("EnvVar")),
                    (8, "resources", One("ResourceRequirements")),
                    (13, "terminationMessagePath", Text),
                    (14, "imagePullPolicy", Text),
                    (16, "stdin", Flag),
                    (17, "stdinOnce", Flag),
                    (18, "tty", Flag),
                    (20, "terminationMessagePolicy", Text),
                ]
            }
        }
        "ContainerPort" => {
            const {
                &[
                    (1, "name", Text),
                    (2, "hostPort", Number),
                    (3, "containerPort", Number),
                    (4, "protocol", Text),
                    (5, "hostIP", Text),
                ]
            }
        }
        "EnvVar" => const { &[(1, "name", Text), (2, "value", Text)] },
        "ResourceRequirements" => const { &[(1, "limits", QuantityMap), (2, "requests", QuantityMap)] },
        "Job" => const { &[(1, "metadata", One("ObjectMeta")), (2, "spec", One("JobSpec")), (3, "status", Skip)] },
        "JobSpec" => {
            const {
                &[
                    (1, "parallelism", Counted),
                    (2, "completions", Counted),
                    (6, "template", One("PodTemplateSpec")),
                    (7, "backoffLimit", Counted),
                ]
            }
        }
        "Service" => {
            const { &[(1, "metadata", One("ObjectMeta")), (2, "spec", One("ServiceSpec")), (3, "status", Skip)] }
        }
        "ServiceSpec" => {
            const {
                &[
                    (1, "ports", Many("ServicePort")),
                    (2, "selector", TextMap),
                    (3, "clusterIP", Text),
                    (4, "type", Text),
                    (5, "externalIPs", Texts),
                    (7, "sessionAffinity", Text),
                    (8, "loadBalancerIP", Text),
                    (10, "externalName", Text),
                    (11, "externalTrafficPolicy", Text),
                    (12, "healthCheckNodePort", Number),
                    (13, "publishNotReadyAddresses", Flag),
                ]
            }
        }
        "ServicePort" => {
            const {
                &[
                    (1, "name", Text),
                    (2, "protocol", Text),
                    (3, "port", Number),
                    (4, "targetPort", Either),
                    (5, "nodePort", Number),
                ]
            }
        }
        "PodDisruptionBudget" => {
            const { &[(1, "metadata", One("ObjectMeta")), (2, "spec", One("BudgetSpec")), (3, "status", Skip)] }
        }
        "BudgetSpec" => {
            const { &[(1, "minAvailable", Either), (2, "selector", One("LabelSelector")), (3, "maxUnavailable", Either)] }
        }
        "HorizontalPodAutoscaler" => {
            const { &[(1, "metadata", One("ObjectMeta")), (2, "spec", One("AutoscalerSpec")), (3, "status", Skip)] }
        }
        // Field 4 is a number in autoscaling/v1 and a list in v2: only v1 is read here.
        "AutoscalerSpec" => {
            const {
                &[
                    (1, "scaleTargetRef", One("CrossVersionObjectReference")),
                    (2, "minReplicas", Counted),
                    (3, "maxReplicas", Number),
                    (4, "targetCPUUtilizationPercentage", Counted),
                ]
            }
        }
        "CrossVersionObjectReference" => const { &[(1, "kind", Text), (2, "name", Text), (3, "apiVersion", Text)] },
        "Role" | "ClusterRole" => const { &[(1, "metadata", One("ObjectMeta")), (2, "rules", Many("PolicyRule"))] },
        "PolicyRule" => {
            const {
                &[
                    (1, "verbs", Texts),
                    (2, "apiGroups", Texts),
                    (3, "resources", Texts),
                    (4, "resourceNames", Texts),
                    (5, "nonResourceURLs", Texts),
                ]
            }
        }
        "RoleBinding" | "ClusterRoleBinding" => {
            const { &[(1, "metadata", One("ObjectMeta")), (2, "subjects", Many("Subject")), (3, "roleRef", One("RoleRef"))] }
        }
        "Subject" => const { &[(1, "kind", Text), (2, "apiGroup", Text), (3, "name", Text), (4, "namespace", Text)] },
        "RoleRef" => const { &[(1, "apiGroup", Text), (2, "kind", Text), (3, "name", Text)] },
        _ => return None,
    })
}

/// Why a body cannot be read: it is not such a message, or holds something that is not known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// Reads a body; the result names its kind and apiVersion as the envelope does.
pub(crate) fn read(body: &[u8]) -> Result<Value, Unreadable> {
    let envelope = body.strip_prefix(b"k8s\0").ok_or(Unreadable)?;
    let (mut version, mut kind, mut raw) = (String::new(), String::new(), None);
    for part in parts(envelope)? {
        match part {
            (1, Wire::Bytes(bytes)) => {
                for part in parts(bytes)? {
                    match part {
                        (1, Wire::Bytes(bytes)) => version = utf8(bytes)?,
                        (2, Wire::Bytes(bytes)) => kind = utf8(bytes)?,
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => raw = Some(bytes),
            _ => {}
        }
    }
    let mut object = message(&kind, raw.ok_or(Unreadable)?, 0)?;
    object["kind"] = json!(kind);
    object["apiVersion"] = json!(version);
    Ok(object)
}

enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message (protobuf encoding, wire types 0 and 2: Kubernetes uses no other here).
fn parts(mut bytes: &[u8]) -> Result<Vec<(u64, Wire<'_>)>, Unreadable> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let wire = match key & 7 {
            0 => Wire::Number(varint(&mut bytes)?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).map_err(|_| Unreadable)?;
                let (taken, rest) = bytes.split_at_checked(length).ok_or(Unreadable)?;
                bytes = rest;
                Wire::Bytes(taken)
            }
            _ => return Err(Unreadable),
        };
        found.push((key >> 3, wire));
    }
    Ok(found)
}

fn varint(bytes: &mut &[u8]) -> Result<u64, Unreadable> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first().ok_or(Unreadable)?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Unreadable)
}

fn utf8(bytes: &[u8]) -> Result<String, Unreadable> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Unreadable)
}

fn message(named: &str, bytes: &[u8], depth: usize) -> Result<Value, Unreadable> {
    if depth > DEEPEST {
        return Err(Unreadable);
    }
    let known = fields(named).ok_or(Unreadable)?;
    let mut object = Map::new();
    for (number, wire) in parts(bytes)? {
        let known = known.iter().find(|(n, ..)| *n == number);
        let Some((_, key, kind)) = known else {
            // Empty and zero values stand for "not given" in these messages, whatever they are called.
            match wire {
                Wire::Number(0) | Wire::Bytes([]) => continue,
                _ => return Err(Unreadable),
            }
        };
        let slot = |object: &mut Map<String, Value>, value: Value| {
            object.insert((*key).to_owned(), value);
        };
        match (kind, wire) {
            (Skip, _) | (Number, Wire::Number(0)) | (Flag, Wire::Number(0)) | (Text, Wire::Bytes([])) => {}
            (Text, Wire::Bytes(bytes)) => slot(&mut object, json!(utf8(bytes)?)),
            (Flag, Wire::Number(_)) => slot(&mut object, json!(true)),
            (Number | Counted, Wire::Number(value)) => slot(&mut object, json!(value.cast_signed())),
            (One(inner), Wire::Bytes(bytes)) => slot(&mut object, message(inner, bytes, depth + 1)?),
            (Either, Wire::Bytes(bytes)) => slot(&mut object, either(bytes)?),
            (Texts, Wire::Bytes(bytes)) => push(&mut object, key, json!(utf8(bytes)?)),
            (Many(inner), Wire::Bytes(bytes)) => push(&mut object, key, message(inner, bytes, depth + 1)?),
            (TextMap | BytesMap | QuantityMap, Wire::Bytes(bytes)) => {
                let (name, value) = pair(*kind, bytes)?;
                object.entry(*key).or_insert_with(|| json!({}))[name] = value;
            }
            _ => return Err(Unreadable),
        }
    }
    Ok(Value::Object(object))
}

fn push(object: &mut Map<String, Value>, key: &str, value: Value) {
    if let Some(list) = object.entry(key).or_insert_with(|| json!([])).as_array_mut() {
        list.push(value);
    }
}

fn pair(kind: Kind, bytes: &[u8]) -> Result<(String, Value), Unreadable> {
    let (mut name, mut value) = (String::new(), &[][..]);
    for part in parts(bytes)? {
        match part {
            (1, Wire::Bytes(bytes)) => name = utf8(bytes)?,
            (2, Wire::Bytes(bytes)) => value = bytes,
            _ => return Err(Unreadable),
        }
    }
    let value = match kind {
        BytesMap => json!(base64::engine::general_purpose::STANDARD.encode(value)),
        QuantityMap => match parts(value)?.first() {
            Some((1, Wire::Bytes(bytes))) => json!(utf8(bytes)?),
            _ => return Err(Unreadable),
        },
        _ => json!(utf8(value)?),
    };
    Ok((name, value))
}

/// `intstr.IntOrString`: field 1 tells which of the other two counts.
fn either(bytes: &[u8]) -> Result<Value, Unreadable> {
    let (mut textual, mut number, mut text) = (false, 0, String::new());
    for part in parts(bytes)? {
        match part {
            (1, Wire::Number(kind)) => textual = kind == 1,
            (2, Wire::Number(value)) => number = value.cast_signed(),
            (3, Wire::Bytes(bytes)) => text = utf8(bytes)?,
            _ => return Err(Unreadable),
        }
    }
    Ok(if textual { json!(text) } else { json!(number) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap()];
        out.extend_from_slice(bytes);
        out
    }

    fn envelope(kind: &str, raw: &[u8]) -> Vec<u8> {
        let types = [field(1, b"v1"), field(2, kind.as_bytes())].concat();
        [b"k8s\0".to_vec(), field(1, &types), field(2, raw)].concat()
    }

    #[test]
    fn a_secret_is_read() {
        let metadata = [field(1, b"s"), field(3, b"a")].concat();
        let data = [field(1, b"key"), field(2, b"value")].concat();
        let body = envelope("Secret", &[field(1, &metadata), field(2, &data), field(3, b"Opaque")].concat());
        let expected = json!({"metadata": {"name": "s", "namespace": "a"}, "data": {"key": "dmFsdWU="}, "type": "Opaque",
            "kind": "Secret", "apiVersion": "v1"});
        assert_eq!(read(&body), Ok(expected));
    }

    #[test]
    fn what_is_unknown_or_broken_is_refused() {
        let whole = envelope("Secret", &field(9, b"x"));
        assert_eq!(read(&whole), Err(Unreadable));
        assert_eq!(read(&envelope("Gadget", b"")), Err(Unreadable));
        assert_eq!(read(b"{}"), Err(Unreadable));
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err());
        }
    }
}
