//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

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
    /// Find what is wrong in runbooks: calls that cannot work, dangerous ones, values that nobody can give, dead links.
    ///
    /// Exit code 0 where nothing is worse than a note, 1 where something is, 2 where a file cannot be read.
    Check {
        /// Folders of Markdown, or single files.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// How to tell.
        #[arg(long, value_enum, default_value_t)]
        format: CheckFormat,
    },
    /// Try it out on this machine: practice cluster, demo identity provider, SQLite.
    Demo(Demo),
}

/// How `check` tells what it found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// For people: a line where, and why.
    #[default]
    Human,
    /// For code hosts: SARIF 2.1.0.
    Sarif,
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
