//! Set-up, demo, test: what CI calls.
//!
//! `cargo xtask demo` and `cargo xtask test` are the two commands a newcomer needs; the others are their parts.
//! Every command installs what it lacks where that is possible, and says each step as it goes.

mod bench;
mod dev;
mod kubectl;
mod postgres;
mod process;
mod programs;
mod python;
mod setup;
mod site;
mod suite;
mod throwaway;
mod wasm;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use programs::Profile;
use workspace::Workspace;

/// The port of the demo, and of the portal that a bench is for.
const PORT: u16 = 8080;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Build, try and test Runbook Portal", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Subcommand)]
enum Subcommands {
    /// Install what building, running and testing the portal needs
    Setup,
    /// Build the programs and the site
    Build {
        /// Optimise the programs (the site always is)
        #[arg(long)]
        release: bool,
    },
    /// Build only the site: WebAssembly, JavaScript, CSS and static files
    Site,
    /// Set up, build, and serve the portal with a practice cluster and three people to sign in as
    Demo(Demo),
    /// Like demo, and rebuild and restart whenever a source changes
    Dev(Demo),
    /// Set up and run every check: format, lints, tests, the site's size, a real browser
    Test,
    /// Run the real-browser tests
    End2end {
        /// Arguments for Playwright, such as a file name or `--grep PATTERN`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        playwright: Vec<String>,
    },
    /// Run every command of the sample runbooks and of those in RUNBOOK_CORPUS on the bench, and report what each one did
    Coverage,
    /// Hold the API of the portal against its own description
    Api,
    /// Start the bench (AWS, PostgreSQL, Redis, Prometheus, Alertmanager, an HTTP and a mail server, all with made-up data)
    /// until Ctrl-C
    BenchUp,
    /// Run the benchmarks
    Bench,
}

/// What `demo` and `dev` serve, and where.
#[derive(Args)]
struct Demo {
    /// Folder of Markdown runbooks [default: the samples in runbooks/]
    #[arg(long, value_name = "DIR")]
    runbooks: Option<PathBuf>,
    /// Act on the clusters of this kubeconfig instead of the practice cluster
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Port on 127.0.0.1
    #[arg(long, default_value_t = PORT)]
    port: u16,
    /// Folder for the database and what runs leave behind [default: data/demo]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Parts of the bench for the portal to use, with made-up data (not with `dev`)
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PART,…")]
    with: Vec<bench::Shown>,
    /// Further arguments for `runbook-portal demo`
    #[arg(last = true)]
    more: Vec<String>,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            process::say(format_args!("xtask: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Subcommands) -> Result<()> {
    let workspace = Workspace::find()?;
    match command {
        Subcommands::Setup => setup::for_tests(&workspace),
        Subcommands::Build { release } => {
            setup::for_building(&workspace)?;
            let profile = if release { Profile::Release } else { Profile::Debug };
            programs::build(&workspace, profile)?;
            site::build(&workspace)?.check()
        }
        Subcommands::Site => {
            setup::for_building(&workspace)?;
            site::build(&workspace)?.check()
        }
        Subcommands::Demo(demo) => {
            setup::for_demo(&workspace)?;
            if demo.with.is_empty() {
                dev::build(&workspace)?;
                return Err(dev::become_portal(&workspace, &demo));
            }
            setup::for_bench(&workspace)?;
            dev::build(&workspace)?;
            bench::demo(&workspace, &demo)
        }
        Subcommands::Dev(demo) => {
            setup::for_demo(&workspace)?;
            dev::watch(&workspace, &demo)
        }
        Subcommands::Test => suite::run(&workspace),
        Subcommands::End2end { playwright } => {
            setup::for_tests(&workspace)?;
            dev::build(&workspace)?;
            suite::playwright(&workspace, &playwright)
        }
        Subcommands::BenchUp => {
            setup::for_bench(&workspace)?;
            bench::up(&workspace)
        }
        Subcommands::Coverage => {
            setup::for_bench(&workspace)?;
            programs::build_coverage(&workspace)?;
            bench::coverage(&workspace)
        }
        Subcommands::Api => {
            bench::set_up(&workspace)?;
            programs::build(&workspace, Profile::Debug)?;
            bench::api::check(&workspace)
        }
        Subcommands::Bench => process::run(workspace.cargo().args(["bench", "--workspace"])),
    }
}
