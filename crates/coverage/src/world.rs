//! What is there, seen from outside the portal: the cluster through its API, AWS through boto3, databases through `psql`,
//! the cache through `redis-cli`, the web by what its server was asked.

mod aws;
mod cluster;
mod databases;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::process::Command;

use aws::Aws;
use cluster::Cluster;
use databases::Databases;

/// A part of the world that is looked at by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Part {
    Cluster,
    Aws,
    Databases,
    Cache,
    Web,
}

impl Part {
    /// The part that calls of a program act on; `None` for those of the sandbox.
    pub(crate) fn of(program: &str) -> Option<Self> {
        match program {
            "kubectl" | "helm" | "argocd" => Some(Self::Cluster),
            "aws" => Some(Self::Aws),
            "psql" | "pg_dump" | "pg_restore" | "createdb" | "dropdb" => Some(Self::Databases),
            "redis-cli" => Some(Self::Cache),
            "curl" | "wget" => Some(Self::Web),
            _ => None,
        }
    }
}

/// What is there: each thing by an address of its own, with what it holds.
pub(crate) type State = BTreeMap<String, Value>;

/// What became of one thing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    pub(crate) part: Part,
    /// The thing's address: `deployments/shop/web`, `rds db-snapshot before-upgrade`, `pms table public.prices`.
    pub(crate) address: String,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
}

/// The observers, and what they saw last.
pub(crate) struct World {
    cluster: Cluster,
    aws: Option<Aws>,
    databases: Databases,
    cache: Option<String>,
    /// What the cache was filled with, as lines for `redis-cli`.
    cache_seed: String,
    /// Whether somebody has changed the cache since.
    cache_changed: bool,
    web: Option<String>,
    seen: BTreeMap<Part, State>,
}

impl World {
    /// Observers of a bench that describes itself, and of a cluster.
    pub(crate) async fn new(bench: &Value, cluster: &practice::Practice) -> Result<Self> {
        let text = |pointer: &str| bench.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        Ok(Self {
            cluster: Cluster::new(cluster).await?,
            aws: Aws::start(bench)?,
            databases: Databases::new(bench)?,
            cache: text("/redis/url"),
            cache_seed: text("/redis/seed").unwrap_or_default(),
            cache_changed: false,
            web: text("/echo/requests"),
            seen: BTreeMap::new(),
        })
    }

    /// The same bench with another cluster.
    pub(crate) async fn move_to(&mut self, cluster: &practice::Practice) -> Result<()> {
        self.cluster = Cluster::new(cluster).await?;
        self.seen.remove(&Part::Cluster);
        Ok(())
    }

    /// Fills the cache again, where somebody has changed it: one `FLUSHDB` must not decide what the next procedure finds.
    pub(crate) async fn refill(&mut self) -> Result<()> {
        if let Some(url) = self.cache.as_ref().filter(|_| self.cache_changed) {
            redis(url, &["FLUSHALL"], "").await?;
            redis(url, &[], &self.cache_seed).await?;
            self.seen.remove(&Part::Cache);
            self.cache_changed = false;
        }
        Ok(())
    }

    /// Looks, so that [`Self::changes`] can tell what happened since. Nobody but the walk changes what is outside the
    /// cluster, so what was seen there last still holds.
    pub(crate) async fn before(&mut self, parts: &BTreeSet<Part>) -> Result<()> {
        for part in parts {
            if *part == Part::Cluster || !self.seen.contains_key(part) {
                let state = self.look(*part).await?;
                self.seen.insert(*part, state);
            }
        }
        Ok(())
    }

    /// What has changed since these parts were looked at last.
    pub(crate) async fn changes(&mut self, parts: &BTreeSet<Part>) -> Result<Vec<Change>> {
        let mut changes = Vec::new();
        for part in parts {
            let after = self.look(*part).await?;
            let before = self.seen.insert(*part, after.clone()).unwrap_or_default();
            let found = differences(*part, &before, &after);
            self.cache_changed |= *part == Part::Cache && !found.is_empty();
            changes.extend(found);
        }
        Ok(changes)
    }

    /// What was seen last.
    pub(crate) fn seen(&self, part: Part) -> &State {
        static NOTHING: State = State::new();
        self.seen.get(&part).unwrap_or(&NOTHING)
    }

    async fn look(&mut self, part: Part) -> Result<State> {
        match part {
            Part::Cluster => self.cluster.look().await.context("cannot look at the cluster"),
            Part::Aws => match &mut self.aws {
                Some(aws) => aws.look().await.context("cannot look at AWS"),
                None => Ok(State::new()),
            },
            Part::Databases => self.databases.look().await.context("cannot look at the databases"),
            Part::Cache => match &self.cache {
                Some(url) => cache(url).await.context("cannot look at the cache"),
                None => Ok(State::new()),
            },
            Part::Web => match &self.web {
                Some(url) => web(url).await.context("cannot look at the web"),
                None => Ok(State::new()),
            },
        }
    }
}

fn differences(part: Part, before: &State, after: &State) -> Vec<Change> {
    let addresses: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    addresses
        .into_iter()
        .filter(|address| before.get(*address) != after.get(*address))
        .map(|address| Change {
            part,
            address: address.clone(),
            before: before.get(address).cloned(),
            after: after.get(address).cloned(),
        })
        .collect()
}

/// Every key with its content, and every setting.
async fn cache(url: &str) -> Result<State> {
    let mut state = State::new();
    let script = "local all = {} for _, key in ipairs(redis.call('KEYS', '*')) do \
                  all[#all + 1] = key all[#all + 1] = redis.sha1hex(redis.call('DUMP', key)) end return all";
    let keys = redis(url, &["EVAL", script, "0"], "").await?;
    let settings = redis(url, &["CONFIG", "GET", "*"], "").await?;
    for (what, lines) in [("key", keys), ("setting", settings)] {
        let lines: Vec<&str> = lines.lines().collect();
        for pair in lines.chunks_exact(2) {
            state.insert(format!("{what} {}", pair[0]), pair[1].into());
        }
    }
    Ok(state)
}

/// What `redis-cli` prints for a call, or for the calls on its input.
async fn redis(url: &str, arguments: &[&str], input: &str) -> Result<String> {
    let url: url::Url = url.parse()?;
    let (host, port) = (url.host_str().unwrap_or_default(), url.port().unwrap_or(6379).to_string());
    let mut command = Command::new("redis-cli");
    command.args(["-h", host, "-p", &port]).args(arguments);
    command.env("REDISCLI_AUTH", url.password().unwrap_or_default());
    if arguments.is_empty() {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("input");
        std::fs::write(&file, input)?;
        return output(command.stdin(std::fs::File::open(file)?)).await;
    }
    output(command.stdin(Stdio::null())).await
}

/// What was sent to it: every request that is more than a question.
async fn web(url: &str) -> Result<State> {
    let requests: Value = reqwest::get(url).await?.error_for_status()?.json().await?;
    let requests = requests.get("requests").unwrap_or(&requests).as_array().cloned().unwrap_or_default();
    let mut state = State::new();
    for (at, request) in requests.into_iter().enumerate() {
        let method = request["method"].as_str().unwrap_or_default().to_owned();
        if !["GET", "HEAD"].contains(&method.as_str()) {
            let path = request["path"].as_str().unwrap_or_default();
            state.insert(format!("{method} {path} #{at}"), request);
        }
    }
    Ok(state)
}

/// What a program prints; an error when it fails.
pub(crate) async fn output(command: &mut Command) -> Result<String> {
    let name = command.as_std().get_program().to_owned();
    let output = command.kill_on_drop(true).output().await;
    let output = output.with_context(|| format!("cannot start {}", OsStr::display(&name)))?;
    if !output.status.success() {
        bail!("{}: {}", name.display(), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
