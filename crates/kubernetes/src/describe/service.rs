//! Services and ingresses, with the addresses behind them.

use serde_json::Value;

use super::writer::{Writer, or, plain};
use crate::api::{AS_JSON, Query};
use crate::discovery;
use crate::failure::Failure;
use crate::resolve::{Found, Scope};

fn each<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

fn head(one: &Found, out: &mut Writer) {
    out.line(0, &format!("Name:\t{}", one.name()));
    out.line(0, &format!("Namespace:\t{}", one.namespace().unwrap_or_default()));
    out.pairs(0, "Labels", &one.object["metadata"]["labels"], "=", &[]);
    out.pairs(0, "Annotations", &one.object["metadata"]["annotations"], ": ", &[crate::apply::APPLIED]);
}

/// The ready addresses behind a service's port, a few of them.
async fn endpoints(scope: &Scope<'_>, namespace: &str, service: &str, port: Option<&str>) -> Result<String, Failure> {
    let mapping = discovery::one(&scope.api, "endpoints").await?;
    let path = mapping.path(Some(namespace), Some(service));
    let found = scope.api.get(&path, &Query::new(), AS_JSON).await?;
    let mut list = Vec::new();
    for subset in each(&found, "subsets") {
        for open in each(subset, "ports").filter(|open| port.is_none_or(|port| or(&open["name"], "") == port)) {
            for address in each(subset, "addresses") {
                list.push(format!("{}:{}", or(&address["ip"], ""), plain(&open["port"])));
            }
        }
    }
    let more = list.len().saturating_sub(3);
    list.truncate(3);
    Ok(match (list.len(), more) {
        (0, _) => String::new(),
        (_, 0) => list.join(","),
        _ => format!("{} + {more} more...", list.join(",")),
    })
}

pub(super) async fn service(scope: &Scope<'_>, one: &Found, out: &mut Writer) -> Result<(), Failure> {
    let spec = &one.object["spec"];
    head(one, out);
    let selector: Vec<String> = {
        let mut pairs: Vec<String> = spec["selector"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, value)| format!("{key}={}", plain(value)))
            .collect();
        pairs.sort();
        pairs
    };
    out.line(0, &format!("Selector:\t{}", if selector.is_empty() { "<none>".to_owned() } else { selector.join(",") }));
    out.line(0, &format!("Type:\t{}", or(&spec["type"], "ClusterIP")));
    for (title, key) in [("IP Family Policy", "ipFamilyPolicy")] {
        if spec[key].is_string() {
            out.line(0, &format!("{title}:\t{}", or(&spec[key], "")));
        }
    }
    let joined = |key: &str| each(spec, key).filter_map(Value::as_str).collect::<Vec<_>>().join(",");
    if each(spec, "ipFamilies").next().is_some() {
        out.line(0, &format!("IP Families:\t{}", joined("ipFamilies")));
    }
    out.line(0, &format!("IP:\t{}", or(&spec["clusterIP"], "")));
    out.line(
        0,
        &format!(
            "IPs:\t{}",
            Some(joined("clusterIPs")).filter(|ips| !ips.is_empty()).unwrap_or_else(|| "<none>".to_owned())
        ),
    );
    if each(spec, "externalIPs").next().is_some() {
        out.line(0, &format!("External IPs:\t{}", joined("externalIPs")));
    }
    if spec["externalName"].is_string() {
        out.line(0, &format!("External Name:\t{}", or(&spec["externalName"], "")));
    }
    let ingress: Vec<&str> = each(&one.object["status"]["loadBalancer"], "ingress")
        .map(|entry| entry["ip"].as_str().unwrap_or(or(&entry["hostname"], "")))
        .collect();
    if !ingress.is_empty() {
        out.line(0, &format!("LoadBalancer Ingress:\t{}", ingress.join(", ")));
    }
    for port in each(spec, "ports") {
        let protocol = or(&port["protocol"], "TCP");
        out.line(0, &format!("Port:\t{}\t{}/{protocol}", or(&port["name"], "<unset>"), plain(&port["port"])));
        out.line(0, &format!("TargetPort:\t{}/{protocol}", plain(&port["targetPort"])));
        if port["nodePort"].as_i64().is_some_and(|port| port > 0) {
            out.line(
                0,
                &format!("NodePort:\t{}\t{}/{protocol}", or(&port["name"], "<unset>"), plain(&port["nodePort"])),
            );
        }
        let name = or(&port["name"], "");
        let list =
            endpoints(scope, one.namespace().unwrap_or_default(), one.name(), Some(name)).await.unwrap_or_default();
        out.line(0, &format!("Endpoints:\t{list}"));
    }
    out.line(0, &format!("Session Affinity:\t{}", or(&spec["sessionAffinity"], "None")));
    for (title, key) in
        [("External Traffic Policy", "externalTrafficPolicy"), ("Internal Traffic Policy", "internalTrafficPolicy")]
    {
        if spec[key].is_string() {
            out.line(0, &format!("{title}:\t{}", or(&spec[key], "")));
        }
    }
    Ok(())
}

pub(super) async fn ingress(scope: &Scope<'_>, one: &Found, out: &mut Writer) -> Result<(), Failure> {
    let (spec, status) = (&one.object["spec"], &one.object["status"]);
    let namespace = one.namespace().unwrap_or_default();
    out.line(0, &format!("Name:\t{}", one.name()));
    out.pairs(0, "Labels", &one.object["metadata"]["labels"], "=", &[]);
    out.line(0, &format!("Namespace:\t{namespace}"));
    let addresses: Vec<&str> = each(&status["loadBalancer"], "ingress")
        .map(|entry| entry["ip"].as_str().unwrap_or(or(&entry["hostname"], "")))
        .collect();
    out.line(0, &format!("Address:\t{}", addresses.join(",")));
    out.line(0, &format!("Ingress Class:\t{}", or(&spec["ingressClassName"], "<none>")));
    match spec["defaultBackend"].is_object() {
        false => out.line(0, "Default backend:\t<default>"),
        true => {
            let text = backend(scope, namespace, &spec["defaultBackend"]).await;
            out.line(0, &format!("Default backend:\t{text}"));
        }
    }
    if each(spec, "tls").next().is_some() {
        out.line(0, "TLS:");
        for entry in each(spec, "tls") {
            let hosts = each(entry, "hosts").filter_map(Value::as_str).collect::<Vec<_>>().join(",");
            match entry["secretName"].as_str().filter(|name| !name.is_empty()) {
                Some(secret) => out.line(1, &format!("{secret} terminates {hosts}")),
                None => out.line(1, &format!("SNI routes {hosts}")),
            }
        }
    }
    out.line(0, "Rules:\n  Host\tPath\tBackends");
    out.line(1, "----\t----\t--------");
    let mut any = false;
    for rule in each(spec, "rules").filter(|rule| rule["http"].is_object()) {
        any = true;
        out.line(1, &format!("{}\t", or(&rule["host"], "*")));
        for path in each(&rule["http"], "paths") {
            let text = backend(scope, namespace, &path["backend"]).await;
            out.line(1, &format!("\t{} \t{text}", or(&path["path"], "")));
        }
    }
    if !any {
        let text = match spec["defaultBackend"].is_object() {
            true => backend(scope, namespace, &spec["defaultBackend"]).await,
            false => "<default>".to_owned(),
        };
        out.line(1, &format!("*\t*\t{text}"));
    }
    out.pairs(0, "Annotations", &one.object["metadata"]["annotations"], ": ", &[crate::apply::APPLIED]);
    Ok(())
}

async fn backend(scope: &Scope<'_>, namespace: &str, backend: &Value) -> String {
    let service = &backend["service"];
    if !service.is_object() {
        return format!(
            "APIGroup: {}, Kind: {}, Name: {}",
            plain(&backend["resource"]["apiGroup"]),
            plain(&backend["resource"]["kind"]),
            plain(&backend["resource"]["name"])
        );
    }
    let name = or(&service["name"], "");
    let port =
        [&service["port"]["number"], &service["port"]["name"]].into_iter().map(plain).find(|port| !port.is_empty());
    let port = port.unwrap_or_default();
    let behind = async {
        let mapping = discovery::one(&scope.api, "services").await?;
        let found = scope.api.get(&mapping.path(Some(namespace), Some(name)), &Query::new(), AS_JSON).await?;
        let known = each(&found["spec"], "ports")
            .find(|open| plain(&open["port"]) == port || or(&open["name"], "") == port)
            .map(|open| or(&open["name"], "").to_owned());
        endpoints(scope, namespace, name, known.as_deref()).await
    };
    match behind.await {
        Ok(list) => format!("{name}:{port} ({list})"),
        Err(failure) => format!("{name}:{port} (<error: {}>)", failure.message()),
    }
}
