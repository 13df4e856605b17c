//! Prometheus, looking at itself and at the echo, and at what is worth an alert.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::http;
use super::server::Server;
use crate::process;
use crate::throwaway::{Folder, free_port};

pub(super) const PROGRAM: &str = "prometheus";

/// What is worth an alert, for the samples of runbooks.
const RULES: &str = include_str!("../../bench/rules.yml");

/// How many services have been looked at.
const LOOKED_AT: &str = "/api/v1/query?query=count(up==1)";

pub(super) struct Prometheus {
    server: Server,
    port: u16,
    targets: usize,
}

impl Prometheus {
    /// `others` are ports on 127.0.0.1 with metrics worth keeping beside its own, `alertmanager` the one that it tells of
    /// alerts, where there is one.
    pub(super) fn launch(program: &Path, others: &[u16], alertmanager: Option<u16>) -> Result<Self> {
        let port = free_port()?;
        let folder = Folder::new("prometheus")?;
        let file = folder.join("prometheus.yml");
        let mut text = settings(port, others);
        if let Some(alertmanager) = alertmanager {
            fs::write(folder.join("rules.yml"), RULES).context("cannot write the rules of Prometheus")?;
            text.push_str(&alerting(alertmanager));
        }
        fs::write(&file, text).context("cannot write the settings of Prometheus")?;
        let mut command = process::bare_and_tied_to_us(program);
        command
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg("--storage.tsdb.retention.time=1d");
        let server = Server::launch("Prometheus", folder, &mut command)?;
        Ok(Self { server, port, targets: 1 + others.len() })
    }

    /// Waits until it has looked at all its targets once: from then on queries have answers. It takes five seconds before
    /// it looks at anything, which no setting shortens.
    pub(super) fn wait(&mut self) -> Result<()> {
        let (port, targets) = (self.port, self.targets.to_string());
        self.server.wait(|_| {
            let answer: Value = serde_json::from_str(&http::get(port, LOOKED_AT)?).ok()?;
            let count = answer.pointer("/data/result/0/value/1")?.as_str()?;
            (count == targets).then_some(())
        })
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

fn settings(port: u16, others: &[u16]) -> String {
    let mut settings = format!(
        "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\n  evaluation_interval: 1s\nscrape_configs:\n{}",
        job("prometheus", port)
    );
    for other in others {
        settings.push_str(&job("bench", *other));
    }
    settings
}

fn alerting(port: u16) -> String {
    format!(
        "rule_files: [rules.yml]\nalerting:\n  alertmanagers:\n  - static_configs:\n    - \
         targets: ['127.0.0.1:{port}']\n"
    )
}

fn job(name: &str, port: u16) -> String {
    format!("- job_name: {name}\n  static_configs:\n  - targets: ['127.0.0.1:{port}']\n")
}
