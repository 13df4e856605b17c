//! The account: what a program of the bench reads with boto3. It is started once, and told to look by a line on its input.

use std::process::Stdio;

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::State;

/// Looks at the account for every line on its input.
const OBSERVER: &str = include_str!("observe_aws.py");

pub(super) struct Aws {
    _child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Aws {
    /// Starts the observer with the bench's Python; `None` where the bench has no account.
    pub(super) fn start(bench: &Value) -> Result<Option<Self>> {
        let Some(account) = bench.get("aws") else { return Ok(None) };
        let text = |name: &str| account[name].as_str().with_context(|| format!("the bench's account has no {name}"));
        let mut child = Command::new(text("python")?)
            .args(["-c", OBSERVER, text("endpoint")?])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start the observer of AWS")?;
        let input = child.stdin.take().context("the observer has no input")?;
        let output = child.stdout.take().context("the observer has no output")?;
        Ok(Some(Self { _child: child, input, lines: BufReader::new(output).lines() }))
    }

    pub(super) async fn look(&mut self) -> Result<State> {
        self.input.write_all(b"look\n").await?;
        let line = self.lines.next_line().await?.context("the observer has ended")?;
        Ok(serde_json::from_str(&line)?)
    }
}
