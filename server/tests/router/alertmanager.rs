//! A real Alertmanager that tells a test's portal.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// Longer than anything takes that is waited for here.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Where Alertmanager counts what it told.
const TOLD: &str = "alertmanager_notifications_total";
/// Where it counts what of that was not taken.
const NOT_TAKEN: &str = "alertmanager_notifications_failed_total";

/// It ends with the test.
pub(crate) struct Alertmanager {
    url: String,
    client: reqwest::Client,
    _child: Child,
    _folder: TempDir,
}

impl Alertmanager {
    /// One that tells the portal at this address by this token; `None` where it is not installed.
    pub(crate) async fn start(portal: &str, token: &str) -> Option<Self> {
        let Some(program) = program() else {
            // `cargo xtask test` installs it.
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "no Alertmanager");
            eprintln!("skipped: no Alertmanager");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), token).unwrap();
        let settings = folder.path().join("alertmanager.yml");
        std::fs::write(&settings, configuration(portal, &folder.path().join("token"))).unwrap();
        let mut child = Command::new(program)
            .args(["--web.listen-address=127.0.0.1:0", "--cluster.listen-address="])
            .arg(format!("--config.file={}", settings.display()))
            .arg(format!("--storage.path={}", folder.path().join("data").display()))
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let listening = async {
            loop {
                let line = lines.next_line().await.unwrap().expect("Alertmanager listens before it ends");
                if line.contains("msg=\"Listening on\"") {
                    break line.rsplit_once("address=").unwrap().1.to_owned();
                }
            }
        };
        let address = tokio::time::timeout(PATIENCE, listening).await.unwrap();
        // Read on: a full pipe would stop it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let url = format!("http://{address}");
        Some(Self { url, client: reqwest::Client::new(), _child: child, _folder: folder })
    }

    /// Tells it of alerts, as Prometheus would (API v2, `postableAlerts`).
    pub(crate) async fn post(&self, alerts: Value) {
        let sent = self.client.post(format!("{}/api/v2/alerts", self.url)).json(&alerts).send().await.unwrap();
        assert_eq!(sent.status(), 200, "{}", sent.text().await.unwrap());
    }

    /// Waits until it has told the portal once more, as often as this, of what is unchanged.
    pub(crate) async fn repeated(&self, times: u64) {
        let before = self.count(TOLD).await;
        self.until(TOLD, before + times).await;
        assert_eq!(self.count(NOT_TAKEN).await, 0);
    }

    /// Waits until something that it told was not taken.
    pub(crate) async fn refused(&self) {
        self.until(NOT_TAKEN, 1).await;
    }

    async fn until(&self, name: &str, least: u64) {
        let reached = async {
            // It has nobody to ask but itself how far it is.
            let mut ticks = tokio::time::interval(Duration::from_millis(25));
            while self.count(name).await < least {
                ticks.tick().await;
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("{name} did not reach {least}"));
    }

    /// A counter of its webhooks.
    async fn count(&self, name: &str) -> u64 {
        let metrics = self.client.get(format!("{}/metrics", self.url)).send().await.unwrap().text().await.unwrap();
        let start = format!("{name}{{integration=\"webhook\"");
        let line = metrics.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("no {name}"));
        line.rsplit_once(' ').unwrap().1.parse().unwrap()
    }
}

/// As `cargo xtask test` says, or of PATH.
fn program() -> Option<PathBuf> {
    let told = std::env::var_os("ALERTMANAGER_PROGRAM").map(PathBuf::from);
    told.or_else(|| {
        let path = std::env::var_os("PATH")?;
        let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        let named = ["prometheus-alertmanager", "alertmanager"];
        named.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|file| file.is_file())
    })
}

/// Groups are told at once, and again as soon as it may be.
fn configuration(portal: &str, token: &Path) -> String {
    json!({
        "route": {
            "receiver": "portal", "group_by": ["alertname", "namespace"],
            "group_wait": "50ms", "group_interval": "200ms", "repeat_interval": "200ms",
        },
        "receivers": [{
            "name": "portal",
            "webhook_configs": [{
                "url": format!("{portal}/api/alerts"),
                "http_config": { "authorization": { "credentials_file": token } },
            }],
        }],
    })
    // JSON is YAML.
    .to_string()
}
