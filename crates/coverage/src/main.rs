//! Walks every command of runbooks through the portal on the bench, looks at what each one did, and reports.
//!
//! Every command is pressed as a person presses it: `Operations::press`, bash in the sandbox, the broker, the adapters. What
//! it did is looked at from outside the portal, before and after, by the servers' own means ([`world`]); whether that is
//! what the call says is judged by rules on tools and verbs ([`effect`], [`verdict`]), never by file or line.

mod cards;
mod effect;
mod report;
mod repository;
mod values;
mod verdict;
mod walk;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use serde_json::Value;

/// What to walk, and where.
#[derive(Parser)]
#[command(name = "coverage")]
struct Cli {
    /// Folders of Markdown
    #[arg(long = "runbooks", value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,
    /// What the bench tells about itself
    #[arg(long, value_name = "FILE")]
    bench: PathBuf,
    /// What of the bench the practice environment reaches: the file for `runbook-portal demo --reach`
    #[arg(long, value_name = "FILE")]
    reach: PathBuf,
    /// Where the rows go, as JSON
    #[arg(long, value_name = "FILE")]
    report: PathBuf,
    /// How many of a hundred commands that are right in themselves have to run
    #[arg(long, default_value_t = 95)]
    goal: usize,
    /// Only runbooks or procedures whose id holds this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            report::say(format_args!("coverage: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether the goal is met.
async fn run(cli: Cli) -> Result<bool> {
    rustls::crypto::ring::default_provider().install_default().ok();
    let text = std::fs::read(&cli.bench).with_context(|| format!("cannot read {}", cli.bench.display()))?;
    let bench: Value = serde_json::from_slice(&text).context("the bench's description is not JSON")?;
    let cards = cards::look(&cli.folders, &cli.reach, cli.only.as_deref()).await?;
    let rows = walk::walk(&cli.folders, &bench, &cli.reach, cli.only.as_deref()).await?;
    report::write(&cli.report, &rows)?;
    Ok(report::print(&rows, cli.goal) && cards)
}
