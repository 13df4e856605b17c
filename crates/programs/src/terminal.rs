//! psql at a terminal: the real one, for somebody who talks to a database.

use std::collections::BTreeMap;
use std::sync::Arc;

use command::psql::{Invocation, Setting};
use operations::{Call, CallIo, OpenTerminal};
use sandbox::{Access, Door, Errands, Input, Keeper};

use crate::Settings;
use crate::runner::{Job, Printing, Runner, say};

const TOOL: &str = "psql";
/// The port inside, whatever the server's own is.
const PORT: u16 = 5432;
/// What terminals understand (terminfo(5)); xterm.js is one of these.
pub(crate) const TERM: (&str, &str) = ("TERM", "xterm-256color");

/// Runs the real psql. It is given no account and no password: `keeper` signs in for it.
#[derive(Clone)]
pub struct PsqlTerminal {
    runner: Runner,
}

impl PsqlTerminal {
    /// With these programs.
    #[must_use]
    pub fn new(errands: Errands, settings: Arc<Settings>) -> Self {
        Self { runner: Runner::new(errands, settings) }
    }

    /// Whether the real psql is there.
    ///
    /// # Errors
    /// What to install.
    pub fn available(&self) -> Result<(), command::Refusal> {
        self.runner.installed(TOOL).map(drop)
    }

    /// Lets somebody talk to it until it ends; its exit code. `database` is what it shows its database as.
    pub async fn talk(
        &self,
        call: &Call,
        invocation: &Invocation,
        database: &str,
        keeper: Arc<dyn Keeper>,
        terminal: OpenTerminal,
        io: &dyn CallIo,
    ) -> u8 {
        if let Err(refusal) = self.available() {
            say(io, &refusal.reason).await;
            return refusal.exit_code;
        }
        let job = Job {
            tool: TOOL,
            before: arguments(invocation),
            arguments: &[],
            after: Vec::new(),
            variables: variables(database),
            files: BTreeMap::new(),
            workspace: Access::None,
            input: Input::None,
            doors: vec![Door { port: PORT, keeper }],
            printing: Printing::Own,
            secrets: Vec::new(),
            unreadable: 1,
        };
        self.runner.talk(job, call, terminal, io).await
    }
}

/// What was read of the call, written anew.
fn arguments(invocation: &Invocation) -> Vec<String> {
    let mut arguments = vec!["--no-psqlrc".to_owned()];
    for setting in &invocation.settings {
        arguments.push(match setting {
            Setting::Variable(name, Some(value)) => format!("--set={name}={value}"),
            Setting::Variable(name, None) => format!("--set={name}"),
            Setting::Print(how) => format!("--pset={how}"),
        });
    }
    arguments
}

fn variables(database: &str) -> BTreeMap<String, String> {
    [
        ("PGHOST", "127.0.0.1"),
        ("PGPORT", "5432"),
        ("PGDATABASE", database),
        ("PGUSER", "runbook"),
        ("PGSSLMODE", "disable"),
        ("PGGSSENCMODE", "disable"),
        ("PGCONNECT_TIMEOUT", "10"),
        ("PSQL_HISTORY", "/dev/null"),
        TERM,
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_written_anew_without_its_connection() {
        let argv = "psql -h db -U admin -d shop -p 1 -v x=1 -x -P pager=off -At";
        let argv: Vec<String> = argv.split(' ').map(str::to_owned).collect();
        let invocation = command::psql::parse(&argv).unwrap();
        assert_eq!(
            arguments(&invocation),
            [
                "--no-psqlrc",
                "--set=x=1",
                "--pset=expanded=on",
                "--pset=pager=off",
                "--pset=format=unaligned",
                "--pset=tuples_only=on"
            ]
        );
    }
}
