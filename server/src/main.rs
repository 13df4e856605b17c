//! The `runbook-portal` binary.

use std::process::ExitCode;

use clap::Parser;
use server::cli::{Cli, Command, RunProcedure};

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Command::Check { paths, format } = &cli.command {
        return server::check::print(paths, *format).unwrap_or(ExitCode::from(2));
    }
    if let Command::Run(wanted) = cli.command {
        return run_procedure(&wanted);
    }
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&*error);
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,sqlx=warn,hyper=warn,kube=warn")),
        )
        .with_writer(std::io::stderr)
        .init();
    choose_tls()?;
    // Pages are streamed while they are drawn: on one or two cores the default number of workers could stall.
    let workers = std::thread::available_parallelism().map_or(4, std::num::NonZero::get).max(4);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    runtime.block_on(async {
        match cli.command {
            Command::Serve { config } => server::portal::serve(&config).await,
            Command::Demo(demo) => server::demo::run(demo).await,
            // Done already.
            Command::Check { .. } | Command::Run(_) => Ok(()),
        }
    })
}

/// A client needs no log, and says by its exit code how it went.
fn run_procedure(wanted: &RunProcedure) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match choose_tls().and_then(|()| Ok(runtime?)) {
        Ok(runtime) => runtime,
        Err(error) => {
            report(&*error);
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(server::remote::run(wanted));
    // A question that nobody has answered must not keep the process.
    runtime.shutdown_background();
    code
}

/// Two providers of TLS meet in the dependencies; without a choice the first connection would panic.
fn choose_tls() -> Result<(), Box<dyn std::error::Error>> {
    let chosen = rustls::crypto::ring::default_provider().install_default();
    chosen.map_err(|_| "a TLS provider was installed before ours".into())
}

/// The error and its causes, a line each.
fn report(error: &dyn std::error::Error) {
    let mut text = format!("runbook-portal: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!("\n  because {error}"));
        cause = error.source();
    }
    tracing::error!("{text}");
}
