//! The adapter: calls of `psql`, performed. Reference: PostgreSQL 15's own psql, by its documentation and its output.

mod arguments;
mod client;
mod copy;
mod describe;
mod lines;
mod meta;
mod print;
mod pset;
mod resolve;
mod script;
mod send;
mod variables;

use std::sync::Arc;

use async_trait::async_trait;
use command::Refusal;
use command::psql::{self, About, Invocation};
use operations::{Adapter, Call, CallIo, Environment, OpenTerminal};

use crate::datasources::{Datasources, OpenError};
use crate::passage::Passage;
use client::{Client, Halt, Output};

/// The exit code of a call whose caller is gone: 128 + SIGPIPE, as a program that writes to a closed pipe has.
const ENDED: u8 = 141;

/// psql's exit codes (PostgreSQL documentation, "psql", "Exit Status").
const FATAL: u8 = 1;
const NO_CONNECTION: u8 = 2;
const SCRIPT_ERROR: u8 = 3;

/// Performs psql's calls natively. Cheap to clone.
#[derive(Clone)]
pub struct Psql {
    datasources: Datasources,
    talker: Option<Arc<dyn Talker>>,
}

/// Runs the real psql for somebody at a terminal.
#[async_trait]
pub trait Talker: Send + Sync {
    /// Whether it can.
    ///
    /// # Errors
    /// What to install.
    fn available(&self) -> Result<(), Refusal>;

    /// Lets somebody talk to it until it ends; its exit code. The passage is its only way out.
    async fn talk(&self, talk: Talk<'_>, terminal: OpenTerminal, io: &dyn CallIo) -> u8;
}

/// One call of psql at a terminal.
pub struct Talk<'a> {
    /// The call.
    pub call: &'a Call,
    /// The same, read.
    pub invocation: &'a Invocation,
    /// The way to its datasource.
    pub passage: Passage,
}

impl Psql {
    /// The adapter for these datasources.
    #[must_use]
    pub fn new(datasources: Datasources) -> Self {
        Self { datasources, talker: None }
    }

    /// The same, with somebody who runs the real psql at terminals.
    #[must_use]
    pub fn with_talker(self, talker: Arc<dyn Talker>) -> Self {
        Self { talker: Some(talker), ..self }
    }

    /// A call at a terminal; `None` where it gets none after all, and is performed as in a script.
    async fn at_terminal(&self, environment: &Environment, call: &Call, io: &dyn CallIo) -> Option<Result<u8, Halt>> {
        if !command::wants_terminal(&call.argv) || !io.is_at_terminal().await {
            return None;
        }
        let talker = self.talker.as_ref()?;
        let talk = async {
            talker.available().map_err(Halt::Refused)?;
            let invocation = psql::parse(&call.argv).map_err(Halt::Refused)?;
            let name = resolve::datasource(environment, &self.datasources, &invocation).map_err(Halt::Refused)?;
            let ended = io.ended();
            let opened = tokio::select! {
                () = ended.cancelled() => return Err(Halt::Left),
                opened = Passage::open(&self.datasources, &environment.name, &name) => opened,
            };
            let passage = opened.map_err(|error| {
                Halt::Refused(Refusal { reason: format!("psql: error: {error}"), exit_code: NO_CONNECTION })
            })?;
            let Some(terminal) = io.open_terminal(format!("psql: {name}")).await else { return Ok(None) };
            let talk = Talk { call, invocation: &invocation, passage };
            Ok(Some(talker.talk(talk, terminal, io).await))
        };
        talk.await.transpose()
    }

    async fn call(&self, environment: &Environment, call: &Call, io: &dyn CallIo) -> Result<u8, Halt> {
        let mut output = Output::new(io);
        let invocation = psql::parse(&call.argv).map_err(Halt::Refused)?;
        if let Some(about) = invocation.about {
            output.out(match about {
                About::Version => "psql (PostgreSQL) 15, performed by runbook-portal\n",
                About::Help => HELP,
            });
            output.flush().await?;
            return Ok(0);
        }
        let name = resolve::datasource(environment, &self.datasources, &invocation).map_err(Halt::Refused)?;
        let mut variables = variables::Variables::default();
        let mut style = print::Style::default();
        if let Err(wrong) = settle(&invocation, &mut variables, &mut style) {
            output.err(&format!("psql: error: {wrong}\n")).await?;
            return Ok(FATAL);
        }
        let opened = self.datasources.open(&environment.name, &name, invocation.action.effect, io.ended()).await;
        let session = match opened {
            Ok(session) => session,
            Err(OpenError::Cancelled) => return Err(Halt::Left),
            Err(error) => {
                let text = format!("psql: error: {error}\n");
                output.err(&text).await?;
                return Ok(NO_CONNECTION);
            }
        };
        let mut client = Client::new(name, session, output, variables, style);
        let result = client.run(&invocation).await;
        let result = match result {
            Ok(code) => client.output.flush().await.map(|()| code),
            Err(Halt::Lost) => client.output.flush().await.map(|()| NO_CONNECTION),
            Err(halt @ Halt::Refused(_)) => client.output.flush().await.and(Err(halt)),
            Err(halt) => Err(halt),
        };
        // Whatever still runs is cancelled at the server before the call ends.
        client.session.close().await;
        result
    }
}

/// What a call sets with `-v`, `-P` and their short forms.
fn settle(
    invocation: &Invocation,
    variables: &mut variables::Variables,
    style: &mut print::Style,
) -> Result<(), String> {
    for setting in &invocation.settings {
        match setting {
            psql::Setting::Variable(name, Some(value)) => variables.set(name, value)?,
            psql::Setting::Variable(name, None) => variables.unset(name)?,
            psql::Setting::Print(how) => {
                let (name, value) = match how.split_once('=') {
                    Some((name, value)) => (name, Some(value)),
                    None => (how.as_str(), None),
                };
                pset::set(style, name, value)
                    .map_err(|wrong| format!("{wrong}\npsql: error: could not set printing parameter \"{name}\""))?;
            }
        }
    }
    Ok(())
}

const HELP: &str = "\
psql, performed by runbook-portal against the datasources of this environment.

Usage:
  psql [OPTION]... [datasource:NAME]

Options as of PostgreSQL 15, but for those that write files (-o, -L) or ask at a terminal (-s).
The address, the account and the password are the datasource's: -h and -d only name one, -p, -U and -W are ignored.
";

#[async_trait]
impl Adapter for Psql {
    fn tool(&self) -> &'static str {
        "psql"
    }

    fn check(&self, environment: &Environment, call: &Call) -> Result<(), Refusal> {
        let invocation = psql::parse(&call.argv)?;
        if invocation.about.is_some() {
            return Ok(());
        }
        resolve::datasource(environment, &self.datasources, &invocation).map(drop)
    }

    async fn perform(&self, environment: &Environment, call: &Call, io: &dyn CallIo) -> u8 {
        let done = match self.at_terminal(environment, call, io).await {
            Some(done) => done,
            None => self.call(environment, call, io).await,
        };
        match done {
            Ok(code) => code,
            Err(Halt::Left) => ENDED,
            Err(Halt::Lost) => NO_CONNECTION,
            Err(Halt::Refused(refusal)) => {
                let mut output = Output::new(io);
                match output.err(&format!("{}\n", refusal.reason)).await {
                    Ok(()) => refusal.exit_code,
                    Err(_) => ENDED,
                }
            }
        }
    }
}
