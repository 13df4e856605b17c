//! What of a bench the demo's portal uses: a file for `runbook-portal demo --reach`. What its practice environment
//! reaches, who tells it of alerts, and where its messages go.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde_json::{Map, Value, json};

use super::description::DATABASES;
use super::{Bench, moto};
use crate::throwaway::{Folder, random_word};

/// A part of the bench that the demo can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shown {
    /// An AWS account (moto)
    Aws,
    /// The databases that the runbooks name
    Postgres,
    /// A cache
    Redis,
    /// Prometheus, and a web server for every other host
    Prometheus,
    /// Alertmanager, which opens incidents; Prometheus raises alerts where it is there, too
    Alertmanager,
    /// Channels for messages: a chat and a pager that only remember, a mail server that prints
    Messages,
}

/// What runbooks call each database beside its own name.
const CALLED: [(&str, &[&str]); 2] =
    [("architect", &["DATABASE_URL"]), ("fintech_banking_db", &["rds-endpoint", "postgres"])];

/// The file and the secrets that it names, in a folder that goes with this.
pub(crate) struct Reach {
    folder: Folder,
}

impl Reach {
    /// Writes both.
    pub(crate) fn write(bench: &Bench, shown: &[Shown]) -> Result<Self> {
        let reach = Self { folder: Folder::new("reach")? };
        let text = toml::to_string(&reach.describe(bench, shown)?).context("cannot write the reach as TOML")?;
        reach.secret("reach.toml", &text)?;
        Ok(reach)
    }

    /// The file for `--reach`.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join("reach.toml")
    }

    fn describe(&self, bench: &Bench, shown: &[Shown]) -> Result<Value> {
        let shows = |part| shown.contains(&part);
        let mut reach = Map::new();
        let mut programs = Map::new();
        if let (Some(moto), true) = (&bench.moto, shows(Shown::Aws)) {
            let keys = json!({
                "access_key": self.reference("access-key", moto::ACCESS_KEY_ID)?,
                "secret_key": self.reference("secret-key", moto::SECRET_ACCESS_KEY)?,
            });
            let account = json!({ "region": moto::REGION, "account": "bench", "endpoint": moto.url(), "keys": keys });
            reach.insert("aws".into(), account);
            if let Some(program) = &bench.aws_cli {
                programs.insert("aws".into(), program.to_string_lossy().into());
            }
        }
        let mut datasources = Vec::new();
        if shows(Shown::Postgres) {
            for (name, owner) in DATABASES {
                let called = CALLED.iter().find(|(database, _)| *database == name).map_or(&[][..], |(_, words)| words);
                let url = self.reference(&format!("{name}-url"), &bench.postgres.url_for(owner, name))?;
                datasources.push(json!({
                    "name": name, "kind": "postgres", "url": url, "references": called, "tls": "disabled",
                }));
            }
        }
        if let (Some(redis), true) = (&bench.redis, shows(Shown::Redis)) {
            let url = self.reference("redis-url", &redis.url())?;
            datasources.push(json!({
                "name": "cache", "kind": "redis", "url": url, "references": ["redis"], "tls": "disabled",
            }));
        }
        reach.insert("datasources".into(), datasources.into());
        if shows(Shown::Prometheus) {
            let databases = [":6379", ":5432"];
            let hosts: Vec<Value> = bench
                .hosts()
                .iter()
                .filter(|(host, _)| !databases.iter().any(|port| host.ends_with(port)))
                .map(|(host, address)| json!({ "host": host, "connect_to": address, "unchecked": true }))
                .collect();
            reach.insert("hosts".into(), hosts.into());
            if let Some(echo) = &bench.echo {
                reach.insert("authorities".into(), echo.authority().to_string_lossy().into());
            }
        }
        let mut alerts = Vec::new();
        if let (Some(alertmanager), true) = (&bench.alertmanager, shows(Shown::Alertmanager)) {
            let token = json!({ "file": alertmanager.token_file() });
            alerts.push(json!({ "name": "alertmanager", "token": token, "environment": "practice" }));
        }
        let channels = if shows(Shown::Messages) { self.channels(bench)? } else { Vec::new() };
        Ok(json!({ "reach": reach, "alerts": alerts, "channels": channels, "programs": programs }))
    }

    /// Channels that somebody who tries the demo can really send through. Their secrets are secret nowhere, and treated as
    /// if they were.
    fn channels(&self, bench: &Bench) -> Result<Vec<Value>> {
        let mut channels = Vec::new();
        if let Some(echo) = &bench.echo {
            self.secret("slack-webhook", &format!("{}/services/T0BENCH/B0BENCH/{}", echo.url(), random_word()?))?;
            self.secret("pagerduty-key", &random_word()?)?;
            let endpoint = format!("{}/v2/enqueue", echo.url());
            channels.push(json!({
                "by": "slack", "name": "incidents", "about": "#incidents", "url_file": self.folder.join("slack-webhook"),
            }));
            channels.push(json!({
                "by": "pagerduty", "name": "pager", "about": "whoever is on call", "endpoint": endpoint,
                "key_file": self.folder.join("pagerduty-key"),
            }));
        }
        if let Some(mail) = &bench.mail {
            channels.push(json!({
                "by": "email", "name": "stakeholders", "host": "127.0.0.1", "port": mail.port(), "encryption": "none",
                "from": "Runbook Portal <runbooks@example.com>", "to": ["stakeholders@example.com"],
            }));
        }
        Ok(channels)
    }

    /// A secret in a file of its own, and how the configuration names it.
    fn reference(&self, name: &str, secret: &str) -> Result<Value> {
        self.secret(name, secret)?;
        Ok(json!({ "file": self.folder.join(name) }))
    }

    fn secret(&self, name: &str, text: &str) -> Result<()> {
        let path = self.folder.join(name);
        drop(fs::remove_file(&path));
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .with_context(|| format!("cannot write {}", path.display()))
    }
}
