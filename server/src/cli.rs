//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// The place where on-call engineers read, run and prove their operational runbooks.
#[derive(Debug, Parser)]
#[command(name = "runbook-portal", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the binary can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the portal as the configuration file says.
    Serve {
        /// The configuration file.
        #[arg(long, env = "RUNBOOK_PORTAL_CONFIG")]
        config: PathBuf,
    },
    /// Try it out on this machine: practice cluster, demo identity provider, SQLite.
    Demo(Demo),
}

/// How to try it out.
#[derive(Debug, Args)]
pub struct Demo {
    /// Where to listen; this machine only.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// The folder of runbooks.
    #[arg(long, default_value = "runbooks")]
    pub runbooks: PathBuf,
    /// A cluster of your own beside the practice cluster.
    #[arg(long)]
    pub kubeconfig: Option<PathBuf>,
    /// A file that says what the practice environment reaches beside its cluster: the table `reach` of an environment, and
    /// `programs`.
    #[arg(long)]
    pub reach: Option<PathBuf>,
    /// Where the demo keeps its database and workspaces.
    #[arg(long, default_value = "data/demo")]
    pub data: PathBuf,
    /// The built site.
    #[arg(long)]
    pub site: Option<PathBuf>,
    /// How much faster than real the practice cluster moves.
    #[arg(long, default_value_t = 1.0)]
    pub practice_speed: f64,
}
