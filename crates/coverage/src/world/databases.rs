//! The databases of the bench's PostgreSQL, seen by its superuser through `psql`.

use anyhow::{Context, Result};
use futures::future::try_join_all;
use serde_json::Value;
use tokio::process::Command;
use url::Url;

use super::{State, output};

/// Tells two columns: what, and what it holds.
const LOOK: &str = include_str!("look.sql");

pub(super) struct Databases {
    /// Each database's name, and where it is.
    urls: Vec<(String, Url)>,
}

impl Databases {
    pub(super) fn new(bench: &Value) -> Result<Self> {
        let superuser: Url = bench
            .pointer("/postgres/superuser_url")
            .and_then(Value::as_str)
            .context("the bench has no PostgreSQL")?
            .parse()?;
        let names = bench.pointer("/postgres/databases").and_then(Value::as_object);
        let urls = names.into_iter().flatten().map(|(name, _)| {
            let mut url = superuser.clone();
            url.set_path(name);
            (name.clone(), url)
        });
        Ok(Self { urls: urls.collect() })
    }

    pub(super) async fn look(&self) -> Result<State> {
        let looks = try_join_all(self.urls.iter().map(async |(name, url)| {
            let mut psql = Command::new("psql");
            psql.args(["-X", "-A", "-t", "-F", "\t", "-q", "-v", "ON_ERROR_STOP=1", "-c", LOOK, url.as_str()]);
            anyhow::Ok((name, output(&mut psql).await?))
        }));
        let mut state = State::new();
        for (name, lines) in looks.await? {
            for (what, holds) in lines.lines().filter_map(|line| line.split_once('\t')) {
                state.insert(format!("{name} {what}"), holds.into());
            }
        }
        Ok(state)
    }
}
