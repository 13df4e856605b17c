//! Names and addresses inside the cluster: what a resolver and an HTTP client in a pod would find.

use super::{Container, Outcome, Response, service};
use crate::object::{list, name, namespace, number, text};

/// Ports whose programs speak no HTTP.
const OTHER_PROTOCOLS: &[i64] = &[5432, 6379, 5672, 3306, 27017, 9092];

/// `nslookup`, `getent hosts`.
pub(super) fn look_up(container: &Container<'_>, program: &str, host: &str) -> Outcome {
    let found = service(container, host);
    let address = found.as_deref().map(|service| text(service, "/spec/clusterIP").to_owned());
    match (program, address, found.as_deref()) {
        ("getent", Some(address), _) => Outcome::says(format!("{address}      {host}\n")),
        ("getent", None, _) => Outcome::fails(2, ""),
        (_, Some(address), Some(found)) => {
            let full = format!("{}.{}.svc.cluster.local", name(found), namespace(found));
            Outcome::says(format!(
                "Server:\t\t10.96.0.10\nAddress:\t10.96.0.10:53\n\nName:\t{full}\nAddress: {address}\n\n"
            ))
        }
        _ => Outcome {
            stdout: format!(
                "Server:\t\t10.96.0.10\nAddress:\t10.96.0.10:53\n\n** server can't find {host}: NXDOMAIN\n\n"
            ),
            code: 1,
            ..Outcome::default()
        },
    }
}

enum Found {
    Body(String),
    NoSuchHost,
    Refused,
    NoHttp,
}

/// `curl`, `wget`: the first address among the arguments.
pub(super) fn fetch(container: &Container<'_>, program: &str, arguments: &[String], known: &[Response]) -> Outcome {
    let values =
        ["-H", "-d", "-X", "-o", "-w", "-m", "-u", "--header", "--data", "--max-time", "--request", "-T", "-O"];
    let mut address = None;
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if values.contains(&word.as_str()) {
            words.next();
        } else if !word.starts_with('-') {
            address = Some(word.as_str());
            break;
        }
    }
    let Some(address) = address else { return Outcome::fails(2, format!("{program}: no URL specified\n")) };
    let bare = address.split_once("://").map_or(address, |(_, rest)| rest);
    let (authority, path) = bare.find('/').map_or((bare, "/"), |at| bare.split_at(at));
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    let port = port.parse().unwrap_or(if address.starts_with("https:") { 443 } else { 80 });
    match (program, ask(container, host, port, path, known)) {
        (_, Found::Body(body)) => Outcome::says(body),
        ("curl", Found::NoSuchHost) => Outcome::fails(6, format!("curl: (6) Could not resolve host: {host}\n")),
        ("curl", Found::Refused) => Outcome::fails(
            7,
            format!("curl: (7) Failed to connect to {host} port {port} after 1 ms: Couldn't connect to server\n"),
        ),
        ("curl", Found::NoHttp) => Outcome::fails(52, "curl: (52) Empty reply from server\n"),
        (_, Found::NoSuchHost) => Outcome::fails(1, format!("wget: bad address '{authority}'\n")),
        (_, Found::Refused) => {
            Outcome::fails(1, format!("wget: can't connect to remote host ({host}): Connection refused\n"))
        }
        (_, Found::NoHttp) => Outcome::fails(1, "wget: error getting response\n"),
    }
}

fn ask(container: &Container<'_>, host: &str, port: i64, path: &str, known: &[Response]) -> Found {
    if matches!(host, "localhost" | "127.0.0.1") {
        let listens = list(container.pod, "/spec/containers")
            .iter()
            .flat_map(|spec| list(spec, "/ports"))
            .any(|open| number(open, "/containerPort", 0) == port);
        return if listens { answer(port, path, known) } else { Found::Refused };
    }
    let Some(service) = service(container, host) else { return Found::NoSuchHost };
    let open = list(&service, "/spec/ports").iter().any(|open| number(open, "/port", 0) == port);
    let endpoints = container.store.get("endpoints", namespace(&service), name(&service));
    let ready = endpoints.is_some_and(|endpoints| {
        list(&endpoints, "/subsets").iter().any(|subset| !list(subset, "/addresses").is_empty())
    });
    if open && ready { answer(port, path, known) } else { Found::Refused }
}

fn answer(port: i64, path: &str, known: &[Response]) -> Found {
    if OTHER_PROTOCOLS.contains(&port) {
        return Found::NoHttp;
    }
    let found = known.iter().find(|response| path.contains(&response.path));
    Found::Body(found.map(|response| response.body.clone()).unwrap_or_default())
}
