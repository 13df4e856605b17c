//! `kubectl port-forward`: a port of a pod, by a link of the portal.
//!
//! Source: `k8s.io/kubectl/pkg/cmd/portforward/portforward.go`, v0.32, for which port of a service is which of its pods.

use std::sync::Arc;

use async_trait::async_trait;
use command::kubectl::Forward;
use k8s_openapi::api::core::v1::Pod;
use operations::{Duplex, OpenLink, Tunnel, link};
use serde_json::Value;

use crate::api::{AS_JSON, Query};
use crate::discovery;
use crate::failure::Failure;
use crate::logs::choose;
use crate::output::Output;
use crate::resolve::{Scope, path_segment};

pub(crate) async fn run(scope: &Scope<'_>, forward: &Forward, out: Output<'_>) -> Result<(), Failure> {
    let (kind, name) = &forward.object;
    let mapping = discovery::one(&scope.api, kind).await?;
    scope.permit(&mapping)?;
    path_segment(name)?;
    let object = scope.get(&mapping, name, &Query::new(), AS_JSON).await?;
    let pod = match mapping.is("", "pods") {
        true => object.clone(),
        false => {
            let found = choose::pods(scope, &mapping, &object, forward.pod_timeout, "cannot attach to").await?;
            found.into_iter().next().unwrap_or_default()
        }
    };
    let text = |path: &str| pod.pointer(path).and_then(Value::as_str).unwrap_or_default();
    if text("/status/phase") != "Running" {
        let phase = text("/status/phase");
        return Err(Failure::error(format!(
            "unable to forward port because pod is not running. Current status={phase}"
        )));
    }
    let pods: kube::Api<Pod> = kube::Api::namespaced(scope.api.cluster.client.clone(), text("/metadata/namespace"));
    // Held until this returns or is dropped: the links end with the call.
    let mut open: Vec<OpenLink> = Vec::new();
    for port in &forward.ports {
        let target = match mapping.is("", "services") {
            true => of_service(&object, &pod, port)?,
            false => of_pod(&pod, port)?,
        };
        let tunnel = Arc::new(PodPort { pods: pods.clone(), pod: text("/metadata/name").to_owned(), port: target });
        let title = format!("{}/{name}:{port}", mapping.printed_kind());
        let Some(link) = out.io.open_link(title, tunnel) else {
            return Err(Failure::NotPermitted(
                "kubectl port-forward needs links, and this portal has none: whoever runs it can set `links.domain`"
                    .to_owned(),
            ));
        };
        out.out(format!("Forwarding from {} -> {target}\n", link.address)).await?;
        open.push(link);
    }
    let minutes = link::LONGEST.as_secs() / 60;
    out.err(format!("The link ends with this command, and after {minutes} minutes.\n")).await?;
    tokio::time::sleep(link::LONGEST).await;
    out.err("The time of the link is over.\n").await
}

/// The port of a pod that a port of its service means.
fn of_service(service: &Value, pod: &Value, port: &str) -> Result<u16, Failure> {
    let name = service["metadata"]["name"].as_str().unwrap_or_default();
    let ports = service["spec"]["ports"].as_array().map_or(&[][..], Vec::as_slice);
    let number = port.parse::<i64>().ok();
    let found = ports.iter().find(|one| match number {
        Some(number) => one["port"].as_i64() == Some(number),
        None => one["name"].as_str() == Some(port),
    });
    let Some(found) = found else {
        return Err(Failure::error(format!("Service {name} does not have a service port {port}")));
    };
    let own = found["port"].as_i64().and_then(|port| u16::try_from(port).ok()).unwrap_or(0);
    // Without an address of its own nothing translates on the way.
    if service["spec"]["clusterIP"] == "None" {
        return Ok(own);
    }
    match &found["targetPort"] {
        Value::Number(target) => Ok(target.as_u64().and_then(|target| u16::try_from(target).ok()).unwrap_or(own)),
        Value::String(target) => of_pod(pod, target),
        _ => Ok(own),
    }
}

/// A port of a pod, by its number or its name.
fn of_pod(pod: &Value, port: &str) -> Result<u16, Failure> {
    if let Ok(number) = port.parse() {
        return Ok(number);
    }
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let mut ports = containers.filter_map(|container| container["ports"].as_array()).flatten();
    let found = ports.find(|one| one["name"].as_str() == Some(port)).and_then(|one| one["containerPort"].as_u64());
    found.and_then(|found| u16::try_from(found).ok()).ok_or_else(|| {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        Failure::error(format!("Pod '{name}' does not have a named port '{port}'"))
    })
}

/// One port of one pod.
struct PodPort {
    pods: kube::Api<Pod>,
    pod: String,
    port: u16,
}

#[async_trait]
impl Tunnel for PodPort {
    async fn connect(&self) -> std::io::Result<Box<dyn Duplex>> {
        // Not the cause's own words: they may quote the cluster's address or credentials.
        let refused = |_| std::io::Error::other(format!("the pod {} does not take a connection", self.pod));
        let mut forwarder = self.pods.portforward(&self.pod, &[self.port]).await.map_err(refused)?;
        let stream = forwarder.take_stream(self.port);
        stream.map(|stream| Box::new(stream) as Box<dyn Duplex>).ok_or_else(|| std::io::Error::other("no such port"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_services_port_is_that_of_its_pod() {
        let pod = json!({"metadata": {"name": "web-1"}, "spec": {"containers": [{"ports": [{"name": "http", "containerPort": 8080}]}]}});
        let service = |target: Value| json!({"metadata": {"name": "web"}, "spec": {"ports": [{"name": "main", "port": 80, "targetPort": target}]}});
        let of =
            |target: Value, port: &str| of_service(&service(target), &pod, port).map_err(|failure| failure.message());
        assert_eq!(of(json!(9090), "80"), Ok(9090));
        assert_eq!(of(json!("http"), "80"), Ok(8080));
        assert_eq!(of(json!("http"), "main"), Ok(8080));
        assert_eq!(of(Value::Null, "80"), Ok(80));
        assert!(of(json!("admin"), "80").unwrap_err().contains("named port 'admin'"));
        assert!(of(json!(1), "81").unwrap_err().contains("does not have a service port 81"));
        let mut headless = service(json!(9090));
        headless["spec"]["clusterIP"] = json!("None");
        assert_eq!(of_service(&headless, &pod, "80").ok(), Some(80));
        assert_eq!((of_pod(&pod, "http").ok(), of_pod(&pod, "7").ok()), (Some(8080), Some(7)));
    }
}
