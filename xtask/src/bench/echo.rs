//! The HTTP server that stands for health checks, PagerDuty, Slack and Elasticsearch: it answers, and remembers.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use super::http;
use super::server::Server;
use crate::process;
use crate::throwaway::Folder;
use crate::workspace::Workspace;

const PROGRAM: &str = "xtask/bench/echo.py";
const ANSWERS: &str = "xtask/bench/echo.json";

/// Where it tells what it was asked.
pub(super) const REQUESTS: &str = "/__requests";

pub(super) struct Echo {
    server: Server,
    plain: u16,
    secure: u16,
    names: Vec<String>,
}

impl Echo {
    /// Starts it and waits: others want to know its ports. `python` has the packages of moto.
    pub(super) fn start(workspace: &Workspace, python: &Path) -> Result<Self> {
        let names = names(&workspace.path(ANSWERS))?;
        let folder = Folder::new("echo")?;
        let mut command = process::bare_and_tied_to_us(python);
        command.arg(workspace.path(PROGRAM)).arg(workspace.path(ANSWERS)).arg(folder.path());
        let mut server = Server::launch("the echo", folder, &mut command)?;
        let (plain, secure) = server.wait(|folder| {
            let ports: Value = serde_json::from_slice(&fs::read(folder.join("ports.json")).ok()?).ok()?;
            let port = |name: &str| u16::try_from(ports[name].as_u64()?).ok();
            let (plain, secure) = (port("http")?, port("https")?);
            http::get(plain, "/health").map(|_| (plain, secure))
        })?;
        Ok(Self { server, plain, secure, names })
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.plain)
    }

    pub(super) fn secure_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.secure)
    }

    pub(super) fn port(&self) -> u16 {
        self.plain
    }

    pub(super) fn secure_port(&self) -> u16 {
        self.secure
    }

    /// The certificate of the authority to believe, in PEM.
    pub(super) fn authority(&self) -> PathBuf {
        self.server.folder().join("ca.pem")
    }

    /// The hosts that its certificate is for.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }
}

fn names(answers: &Path) -> Result<Vec<String>> {
    let text = fs::read(answers).with_context(|| format!("cannot read {}", answers.display()))?;
    let table: Value = serde_json::from_slice(&text).with_context(|| format!("{} is not JSON", answers.display()))?;
    let names = table["names"].as_array().with_context(|| format!("{} has no names", answers.display()))?;
    Ok(names.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{Echo, REQUESTS};
    use crate::bench::{self, http, moto};
    use crate::workspace::Workspace;

    #[test]
    fn it_answers_by_its_table_and_remembers() {
        let workspace = Workspace::find().unwrap();
        let Some(python) = moto::python(&workspace) else {
            return bench::skip("moto");
        };
        let echo = Echo::start(&workspace, &python).unwrap();
        let ask = |method, path, body| http::ask(echo.port(), method, path, body).unwrap();
        assert_eq!(ask("DELETE", REQUESTS, "").0, 200);

        assert_eq!(ask("GET", "/health?deep=1", "").1, "{\"status\": \"healthy\"}\n");
        assert_eq!(ask("POST", "/v2/enqueue", "{\"routing_key\":\"k\",\"event_action\":\"trigger\"}").0, 202);
        assert_eq!(ask("POST", "/v2/enqueue", "{\"event_action\":\"trigger\"}").0, 400);
        assert_eq!(ask("PUT", "/_snapshot/repository/snapshot_1", "").0, 200);
        assert_eq!(ask("PUT", "/_snapshot//snapshot_1", "").0, 404);

        let requests: Value = serde_json::from_str(&http::get(echo.port(), REQUESTS).unwrap()).unwrap();
        let statuses: Vec<u64> =
            requests.as_array().unwrap().iter().filter_map(|request| request["status"].as_u64()).collect();
        assert_eq!(statuses, [200, 202, 400, 200, 404]);
        assert_eq!(requests[0]["query"][0][0], "deep");
        assert_eq!(requests[1]["body"], "{\"routing_key\":\"k\",\"event_action\":\"trigger\"}");
        assert!(http::get(echo.port(), "/metrics").unwrap().contains("method=\"POST\",status=\"202\"} 1.0"));
    }
}
