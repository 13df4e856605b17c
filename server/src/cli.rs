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
    /// Run a procedure of a portal from this terminal.
    ///
    /// Starts a run over the portal's API, prints its address, and with --follow runs its commands one after the other.
    /// Exit code 0 where everything passed, 1 where something failed, 2 where it could not be started as asked, 3 where
    /// the run needs a person: it says at which step, and goes on at the address.
    Run(Box<RunProcedure>),
    /// Try it out on this machine: practice cluster, demo identity provider, SQLite.
    Demo(Demo),
}

/// What to run, and how far without asking.
#[derive(Debug, Args)]
pub struct RunProcedure {
    /// The procedure, by the ids that its page's address has.
    #[arg(value_name = "RUNBOOK#PROCEDURE", value_parser = parse_what)]
    pub what: What,
    /// The environment to act in.
    #[arg(long = "env", value_name = "NAME")]
    pub environment: String,
    /// A value for a parameter of the procedure. Others on this machine can see it: give a secret with --set-from.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_value)]
    pub values: Vec<(String, String)>,
    /// A value for a parameter, from an environment variable.
    #[arg(long = "set-from", value_name = "NAME=VARIABLE", value_parser = parse_value)]
    pub values_from: Vec<(String, String)>,
    /// The portal's address.
    #[arg(long, env = "PORTAL_URL", default_value = "http://127.0.0.1:8080")]
    pub url: url::Url,
    /// The environment variable that holds the access token, with the scopes read and run.
    #[arg(long, value_name = "VARIABLE", default_value = "PORTAL_TOKEN")]
    pub token_env: String,
    /// Run the commands one after the other and show what they print.
    #[arg(long)]
    pub follow: bool,
    /// Do not ask before commands that change something.
    #[arg(long)]
    pub yes: bool,
    /// Do not ask before commands that remove something or interrupt service, either.
    #[arg(long)]
    pub yes_destroy: bool,
}

/// A procedure of a runbook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct What {
    /// The runbook's id.
    pub runbook: String,
    /// The procedure's id.
    pub procedure: String,
}

fn parse_what(text: &str) -> Result<What, String> {
    match text.split_once('#') {
        Some((runbook, procedure)) if !runbook.is_empty() && !procedure.is_empty() => {
            Ok(What { runbook: runbook.to_owned(), procedure: procedure.to_owned() })
        }
        _ => Err("write it as RUNBOOK#PROCEDURE, such as checkout-service#1-1-rolling-restart".to_owned()),
    }
}

fn parse_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=…".to_owned()),
    }
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
