//! The bench: real servers for what runbooks act on, on free ports of 127.0.0.1, filled with made-up data.
//!
//! PostgreSQL and Redis have passwords, the others have none: whoever else uses this machine reaches them, and finds
//! nothing that is worth anything. No part knows a credential of anything outside the bench.

mod alertmanager;
pub(crate) mod api;
mod aws_cli;
mod description;
mod echo;
mod http;
mod mail;
mod moto;
mod prometheus;
mod reach;
mod redis;
mod server;

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use clap::ValueEnum;
use serde_json::{Map, Value};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::postgres::Postgres;
use crate::process::{self, say, step};
use crate::setup::{self, Part};
use crate::throwaway::Folder;
use crate::workspace::Workspace;
use crate::{Demo, PORT, dev, python, throwaway};

use alertmanager::Alertmanager;
use description::Written;
use echo::Echo;
use mail::Mail;
use moto::Moto;
use prometheus::Prometheus;
pub(crate) use reach::{Reach, Shown};
use redis::Redis;

const SEED_SQL: &str = "xtask/bench/seed.sql";
const SEED_REDIS: &str = "xtask/bench/seed.redis";

/// Where [`up`] tells about itself, inside the target folder.
const DESCRIPTION: &str = "bench.json";

const REDIS: Part = Part {
    what: "Redis",
    packages: &["redis-server", "redis-tools"],
    services: &["redis-server"],
    present: || process::find(redis::PROGRAM).is_some() && process::find("redis-cli").is_some(),
    otherwise: "install the packages redis-server and redis-tools (only their programs are used, no running service)",
    without: None,
};

const PROMETHEUS: Part = Part {
    what: "Prometheus",
    packages: &["prometheus"],
    services: &["prometheus"],
    present: || process::find(prometheus::PROGRAM).is_some(),
    otherwise: "install the package prometheus (only its program is used, no running service)",
    without: None,
};

const ALERTMANAGER: Part = Part {
    what: "Alertmanager",
    packages: &["prometheus-alertmanager"],
    services: &["prometheus-alertmanager"],
    present: || alertmanager::program().is_some(),
    otherwise: "install the package prometheus-alertmanager (only its program is used, no running service)",
    without: None,
};

const PYTHON: Part = Part {
    what: "Python 3.11 or later with venv",
    packages: &["python3", "python3-venv"],
    services: &[],
    present: || python::program().is_some(),
    otherwise: "install the packages python3 and python3-venv",
    without: None,
};

const AWS_CLI: Part = Part {
    what: "the AWS command line, version 2",
    packages: &["awscli"],
    services: &[],
    present: aws_cli::has_version_2,
    otherwise: "install the package awscli",
    without: Some("version 1 from PyPI stands for it"),
};

/// Installs the parts. Outside CI, what cannot be had is said, and its tests are skipped.
pub(crate) fn set_up(workspace: &Workspace) -> Result<()> {
    let bearable = (!process::in_ci()).then_some("its tests are skipped");
    let bear = |part| Part { without: bearable, ..part };
    setup::install(&[bear(REDIS), bear(PROMETHEUS), bear(ALERTMANAGER), bear(PYTHON), AWS_CLI])?;
    let installed = [
        ("moto", moto::set_up(workspace)),
        ("aws", aws_cli::set_up(workspace)),
        ("aiosmtpd", mail::set_up(workspace)),
        ("schemathesis", api::set_up(workspace)),
    ];
    for (what, result) in installed {
        match (result, bearable) {
            (Ok(()), _) => {}
            (Err(error), Some(loss)) => say(format_args!("missing: {what}: {error:#}\nwithout it: {loss}")),
            (Err(error), None) => return Err(error.context(format!("cannot install {what}"))),
        }
    }
    Ok(())
}

/// The programs with which tests start servers of their own, for each has another portal: variables that name those that
/// are installed.
pub(crate) fn programs(workspace: &Workspace) -> Vec<(&'static str, PathBuf)> {
    let known = [("ALERTMANAGER_PROGRAM", alertmanager::program()), ("SMTP_TEST_PYTHON", mail::python(workspace))];
    known.into_iter().filter_map(|(name, program)| Some((name, program?))).collect()
}

/// What of a bench is there for one portal.
#[derive(Default)]
pub(crate) struct ForPortal {
    /// The port on 127.0.0.1 at which it is told of alerts.
    alerts: Option<u16>,
    /// Where the letters are printed that it sends.
    letters: Option<Stdio>,
}

impl ForPortal {
    fn at(port: u16) -> Self {
        Self { alerts: Some(port), letters: Some(Stdio::inherit()) }
    }

    /// What a demo shows of it.
    fn of(demo: &Demo) -> Self {
        let Self { alerts, letters } = Self::at(demo.port);
        let shows = |part| demo.with.contains(&part);
        Self {
            alerts: alerts.filter(|_| shows(Shown::Alertmanager)),
            letters: letters.filter(|_| shows(Shown::Messages)),
        }
    }
}

/// The running parts: those that are installed. Dropping it ends them, in this order, and leaves nothing behind.
pub(crate) struct Bench {
    prometheus: Option<Prometheus>,
    /// Tells the portal that the bench is for.
    alertmanager: Option<Alertmanager>,
    /// Takes the letters of the portal that the bench is for.
    mail: Option<Mail>,
    echo: Option<Echo>,
    redis: Option<Redis>,
    moto: Option<Moto>,
    postgres: Postgres,
    aws_cli: Option<PathBuf>,
    /// What tests start servers of their own with.
    programs: Vec<(&'static str, PathBuf)>,
    /// What the seed of AWS made, by the names that runbooks use.
    aws_values: Map<String, Value>,
    launched: Instant,
}

impl Bench {
    /// Starts all parts, empty, and waits until each is well. An error when an installed part does not start.
    pub(crate) fn start(workspace: &Workspace) -> Result<Self> {
        let mut bench = Self::launch(workspace, ForPortal::default())?;
        bench.wait_for_prometheus()?;
        Ok(bench)
    }

    /// The same, filled with what runbooks act on.
    pub(crate) fn filled(workspace: &Workspace, portal: ForPortal) -> Result<Self> {
        let mut bench = Self::launch(workspace, portal)?;
        let (moto, redis, postgres) = (&bench.moto, &bench.redis, &bench.postgres);
        let (aws, others) = thread::scope(|scope| {
            let aws = moto.as_ref().map(|moto| scope.spawn(|| moto.seed(workspace)));
            let others = postgres.seed(&workspace.path(SEED_SQL)).context("cannot fill PostgreSQL").and_then(|()| {
                let script = workspace.path(SEED_REDIS);
                redis.as_ref().map_or(Ok(()), |redis| redis.seed(&script)).context("cannot fill Redis")
            });
            let aws = aws.map(|seed| seed.join().unwrap_or_else(|_| Err(anyhow!("the seed panicked")))).transpose();
            (aws, others)
        });
        others?;
        bench.aws_values = aws.context("cannot fill moto")?.unwrap_or_default();
        bench.say_ready("all filled", "");
        bench.wait_for_prometheus()?;
        Ok(bench)
    }

    /// All parts, well and empty, but for Prometheus, which takes some seconds to look at anything.
    fn launch(workspace: &Workspace, portal: ForPortal) -> Result<Self> {
        let launched = Instant::now();
        throwaway::sweep();
        // All of them come up at the same time, so that the slowest one alone is waited for.
        let python = moto::python(workspace);
        let moto = python.clone().map(Moto::launch).transpose()?;
        let redis = process::find(redis::PROGRAM).map(|program| Redis::launch(&program)).transpose()?;
        let echo = python.map(|python| Echo::start(workspace, &python)).transpose()?;
        let alertmanager = portal.alerts.zip(alertmanager::program());
        let alertmanager = alertmanager.map(|(portal, program)| Alertmanager::launch(&program, portal)).transpose()?;
        let mail = portal.letters.zip(mail::python(workspace));
        let mail = mail.map(|(letters, python)| Mail::launch(&python, letters)).transpose()?;
        let others: Vec<u16> = echo.iter().map(Echo::port).collect();
        let told = alertmanager.as_ref().map(Alertmanager::port);
        let prometheus = process::find(prometheus::PROGRAM)
            .map(|program| Prometheus::launch(&program, &others, told))
            .transpose()?;
        let postgres = Postgres::start()?;
        let aws_cli = aws_cli::find(workspace);
        let aws_values = Map::new();
        let mut bench = Self {
            prometheus,
            alertmanager,
            mail,
            echo,
            redis,
            moto,
            postgres,
            aws_cli,
            programs: programs(workspace),
            aws_values,
            launched,
        };
        bench.say_ready("PostgreSQL", &format!("127.0.0.1:{}", bench.postgres.port()));
        if let Some(echo) = &bench.echo {
            bench.say_ready("echo", &format!("{} and {}", echo.url(), echo.secure_url()));
        }
        if let Some(redis) = &mut bench.redis {
            redis.wait()?;
            let address = format!("127.0.0.1:{}", redis.port());
            bench.say_ready("Redis", &address);
        }
        if let Some(alertmanager) = &mut bench.alertmanager {
            alertmanager.wait()?;
            let address = alertmanager.url();
            bench.say_ready("Alertmanager", &address);
        }
        if let Some(mail) = &mut bench.mail {
            mail.wait()?;
            let address = format!("127.0.0.1:{}, prints every letter here", mail.port());
            bench.say_ready("mail", &address);
        }
        if let Some(moto) = &mut bench.moto {
            moto.wait()?;
            let address = moto.url();
            bench.say_ready("moto", &address);
        }
        Ok(bench)
    }

    fn wait_for_prometheus(&mut self) -> Result<()> {
        if let Some(prometheus) = &mut self.prometheus {
            prometheus.wait()?;
            let address = prometheus.url();
            self.say_ready("Prometheus", &address);
        }
        Ok(())
    }

    fn say_ready(&self, what: &str, address: &str) {
        say(format_args!("{what:<12} {address} ({:.1} s)", self.launched.elapsed().as_secs_f32()));
    }
}

/// Starts and fills a bench, and keeps it until Ctrl-C.
pub(crate) fn up(workspace: &Workspace) -> Result<()> {
    // From here on these are asked for below, so that every part is ended and every folder removed. A part that starts
    // meanwhile may end by itself of Ctrl-C: then starting fails, which ends the others.
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot listen to signals")?;
    step("starting the bench");
    let bench = Bench::filled(workspace, ForPortal::at(PORT))?;
    let written = Written::new(workspace.target(DESCRIPTION), &bench.describe())?;
    say(format_args!("\nFor another terminal (all of it is in {}):\n", written.path().display()));
    for (name, value) in by_hand(&bench) {
        say(format_args!("export {name}='{value}'"));
    }
    // Of Debian's aws no variable says where to call.
    say(format_args!("\nCall AWS as: \"$AWS_CLI\" --endpoint-url \"$MOTO_URL\" …\nCtrl-C ends the bench."));
    signals.forever().next();
    step("ending the bench");
    Ok(())
}

/// Serves the demo with parts of the bench, until Ctrl-C or until the portal ends.
pub(crate) fn demo(workspace: &Workspace, demo: &Demo) -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGCHLD]).context("cannot listen to signals")?;
    step("starting the bench");
    let bench = Bench::filled(workspace, ForPortal::of(demo))?;
    let reach = Reach::write(&bench, &demo.with)?;
    hint(&bench);
    let mut portal = dev::portal(workspace, demo, &reach.file())?;
    for signal in signals.forever() {
        if signal != SIGCHLD {
            step("ending the portal and the bench");
            return process::end(&mut portal, "-TERM");
        }
        if let Some(status) = portal.try_wait().context("cannot ask for the portal's end")? {
            return Err(anyhow!("the portal ended with {status}"));
        }
    }
    Ok(())
}

/// Walks every command of the runbooks at hand on a bench of its own. The report goes to the target folder.
pub(crate) fn coverage(workspace: &Workspace) -> Result<()> {
    let mut folders = vec![workspace.path("runbooks")];
    match env::var_os("RUNBOOK_CORPUS") {
        Some(corpus) => folders.push(corpus.into()),
        None => say(format_args!("RUNBOOK_CORPUS is not set: only the sample runbooks are walked")),
    }
    step("starting the bench");
    let bench = Bench::filled(workspace, ForPortal::default())?;
    let reach = Reach::write(&bench, Shown::value_variants())?;
    let folder = Folder::new("coverage")?;
    let written = Written::new(folder.join(DESCRIPTION), &bench.describe())?;
    step("walking the runbooks");
    let mut walk = Command::new(workspace.target("debug/coverage"));
    for folder in folders {
        walk.arg("--runbooks").arg(folder);
    }
    walk.arg("--bench").arg(written.path()).arg("--reach").arg(reach.file());
    walk.arg("--report").arg(workspace.target("coverage.json"));
    process::run(&mut walk)
}

/// Says what to try.
fn hint(bench: &Bench) {
    let echo = bench.echo.as_ref().map(Echo::url);
    if let Some(alertmanager) = &bench.alertmanager {
        say(format_args!(
            "\nAn alert opens an incident:\n  amtool --alertmanager.url={} alert add ErrorBudgetBurn \\\n    \
             severity=critical namespace=fintech-banking --annotation=summary='Payments fail'",
            alertmanager.url()
        ));
        if let Some(echo) = echo.as_ref().filter(|_| bench.prometheus.is_some()) {
            say(format_args!("So do requests that fail, by Prometheus:\n  for i in 1 2 3; do curl {echo}/error; done"));
        }
    }
    if let (Some(_), Some(echo)) = (&bench.mail, &echo) {
        say(format_args!(
            "\nLetters are printed here. What the chat and the pager were told:\n  curl {echo}{}",
            echo::REQUESTS
        ));
    }
}

/// What tests read, and what the tools themselves do. All of it is our own, without a quote in it; paths are the only
/// thing that may have one, and then a shell says so.
fn by_hand(bench: &Bench) -> Vec<(&'static str, String)> {
    let mut variables: Vec<(&'static str, String)> =
        bench.environment().into_iter().map(|(name, value)| (name, value.to_string_lossy().into_owned())).collect();
    if let Some(redis) = &bench.redis {
        variables.push(("REDISCLI_AUTH", redis.password().to_owned()));
    }
    if bench.moto.is_some() {
        variables.push(("AWS_ACCESS_KEY_ID", moto::ACCESS_KEY_ID.to_owned()));
        variables.push(("AWS_SECRET_ACCESS_KEY", moto::SECRET_ACCESS_KEY.to_owned()));
        variables.push(("AWS_DEFAULT_REGION", moto::REGION.to_owned()));
    }
    variables
}

/// A test whose part is not installed. In CI that is a failure: there a set-up that lacks something would hide it.
#[cfg(test)]
pub(crate) fn skip(what: &str) {
    assert!(!process::in_ci(), "no {what}");
    println!("skipped: no {what}");
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::{Bench, ForPortal, http};
    use crate::workspace::Workspace;
    use crate::{bench, postgres};

    #[test]
    fn a_bench_starts_is_filled_answers_and_ends() {
        let workspace = Workspace::find().unwrap();
        if postgres::programs().is_none() {
            return bench::skip("PostgreSQL");
        }
        // Nobody listens where the portal would be.
        let bench = Bench::filled(&workspace, ForPortal::at(9)).unwrap();
        let description = bench.describe();
        let mut ports = vec![bench.postgres.port()];

        if let Some(echo) = &bench.echo {
            ports.extend([echo.port(), echo.secure_port()]);
            assert!(http::get(echo.port(), "/health").unwrap().contains("healthy"));
            assert!(http::get(echo.port(), "/__requests").unwrap().contains("\"path\": \"/health\""));
            assert!(http::get(echo.port(), "/no/such/page").is_none());
        }
        if let Some(prometheus) = &bench.prometheus {
            ports.push(prometheus.port());
        }
        if let Some(redis) = &bench.redis {
            ports.push(redis.port());
        }
        if let Some(mail) = &bench.mail {
            ports.push(mail.port());
        }
        if let Some(alertmanager) = &bench.alertmanager {
            ports.push(alertmanager.port());
            assert_eq!(description["alertmanager"]["token"], alertmanager.token());
        }
        if let (Some(prometheus), Some(alertmanager)) = (&bench.prometheus, &bench.alertmanager) {
            let told = http::get(prometheus.port(), "/api/v1/alertmanagers").unwrap();
            assert!(told.contains(&alertmanager.url()), "{told}");
            let rules = http::get(prometheus.port(), "/api/v1/rules").unwrap();
            assert!(rules.contains("ErrorBudgetBurn"), "{rules}");
        }
        match &bench.moto {
            Some(_) => {
                assert_eq!(description["values"]["db-instance"], "fintech-banking-db");
                assert_eq!(description["environment"]["MOTO_URL"], description["aws"]["endpoint"]);
            }
            None => bench::skip("moto"),
        }

        drop(bench);
        for port in ports {
            assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "{port} still answers");
        }
    }
}
