//! `runbook-portal run`: a procedure of a portal, carried out from a terminal over the portal's API.
//!
//! The portal decides what comes next and what needs somebody; this asks whoever sits at the terminal before anything
//! changes, shows what is printed, and ends where a person is needed. Nothing is done here that the API would not let
//! any other program do.

mod portal;
mod terminal;

use std::collections::BTreeMap;
use std::process::ExitCode;

use tokio::signal::unix::{Signal, SignalKind, signal};

use self::portal::{Failed, Followed, Portal};
use self::terminal::{Asker, Printer, plain, say};
use crate::api::executions::{Execution, ExecutionState};
use crate::api::runs::{Next, RunCommand, RunDetail, What};
use crate::api::words::Effect;
use crate::cli::RunProcedure;

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// Everything passed, or was started as asked.
    Passed,
    /// Something failed.
    Failed,
    /// It could not be started as asked.
    Usage,
    /// It needs a person.
    Person,
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        Self::from(match ending {
            Ending::Passed => 0,
            Ending::Failed => 1,
            Ending::Usage => 2,
            Ending::Person => 3,
        })
    }
}

/// Carries out what the command line says; tells on standard error, prints addresses and output on standard output.
pub async fn run(wanted: &RunProcedure) -> ExitCode {
    let ending = match carry_out(wanted).await {
        Ok(ending) => ending,
        Err(Failed::Asked(text)) => {
            say(&text);
            Ending::Usage
        }
        Err(Failed::Portal(text)) => {
            say(&text);
            Ending::Failed
        }
    };
    ending.into()
}

async fn carry_out(wanted: &RunProcedure) -> Result<Ending, Failed> {
    let portal = Portal::new(wanted)?;
    let values = values(wanted)?;
    let procedure = portal.procedure(&wanted.what).await?;
    let known: Vec<&str> = procedure
        .steps
        .iter()
        .flat_map(|step| &step.commands)
        .flat_map(|command| &command.parameters)
        .map(|parameter| parameter.name.as_str())
        .collect();
    if let Some(name) = values.keys().find(|name| !known.contains(&name.as_str())) {
        let text = format!("The procedure has no parameter `{name}`. It has: {}.", known.join(", "));
        return Err(Failed::Asked(plain(&text)));
    }
    let run = portal.start(&wanted.what, &wanted.environment, &values).await?;
    let page = plain(&run.run.page);
    terminal::print(&page)?;
    if !wanted.follow {
        return Ok(Ending::Passed);
    }
    let interrupts = signal(SignalKind::interrupt()).map_err(|error| Failed::Portal(error.to_string()))?;
    let asker = Asker::new();
    Session { portal, wanted, values, asker, interrupts, page, id: run.run.id.clone() }.follow().await
}

/// What was given for parameters, by name.
fn values(wanted: &RunProcedure) -> Result<BTreeMap<String, String>, Failed> {
    let mut values: BTreeMap<String, String> = wanted.values.iter().cloned().collect();
    for (name, variable) in &wanted.values_from {
        let value = std::env::var(variable)
            .map_err(|_| Failed::Asked(format!("The environment variable {variable} is not set, or is no text.")))?;
        values.insert(name.clone(), value);
    }
    Ok(values)
}

/// A run that is followed.
struct Session<'w> {
    portal: Portal,
    wanted: &'w RunProcedure,
    values: BTreeMap<String, String>,
    asker: Asker,
    interrupts: Signal,
    page: String,
    id: String,
}

impl Session<'_> {
    async fn follow(mut self) -> Result<Ending, Failed> {
        loop {
            let run = self.portal.run(&self.id).await?;
            let Next { what, reason, command, .. } = &run.next;
            let reason = reason.clone().unwrap_or_default();
            let ended = match (what, command.as_deref().and_then(|id| command_of(&run, id))) {
                (What::Press | What::ConfirmValues | What::ConfirmDestroy, Some(command)) => {
                    // What its text does not show may be the worst.
                    let effect = command.command.effect;
                    let reach = if *what == What::ConfirmDestroy { Effect::Destroy } else { effect };
                    self.press(command, reach).await?
                }
                (What::Nothing, _) => return self.close().await,
                (What::Wait, _) => match running(&run) {
                    Some((command, execution)) => self.watch(&command.command.id, &execution.id).await?,
                    None => Some(self.person("Somebody else has run it meanwhile.")),
                },
                (What::Look, _) => {
                    say(&format!("{} {}", plain(&reason), self.page));
                    return Ok(Ending::Failed);
                }
                _ => return Ok(self.person(&reason)),
            };
            if let Some(ending) = ended {
                return Ok(ending);
            }
        }
    }

    /// Everything passed: what this started needs nobody any more.
    async fn close(&self) -> Result<Ending, Failed> {
        self.portal.close(&self.id).await?;
        say("Every step passed. The run is closed.");
        Ok(Ending::Passed)
    }

    fn person(&self, reason: &str) -> Ending {
        say(&format!("{} It goes on at {}", plain(reason), self.page));
        Ending::Person
    }

    /// Presses Run, if it may, and follows; nothing where the next command may come.
    async fn press(&mut self, command: &RunCommand, reach: Effect) -> Result<Option<Ending>, Failed> {
        let (id, title) = (&command.command.id, command.command.title.as_deref().unwrap_or("command"));
        say(&format!("── {id}  {}  ({})", plain(title), word(command.command.effect)));
        let values: BTreeMap<String, String> = command
            .command
            .parameters
            .iter()
            .filter_map(|parameter| Some((parameter.name.clone(), self.values.get(&parameter.name)?.clone())))
            .collect();
        if let Some(refusal) = self.consent(command, reach, &values).await {
            return Ok(Some(self.person(&refusal)));
        }
        // Who lets everything go lets go what only shows itself while it runs.
        let reach = if self.wanted.yes_destroy { Effect::Destroy } else { reach };
        let execution = match self.portal.press(&self.id, id, &values, reach).await? {
            Ok(execution) => execution,
            // A value is missing, or somebody was faster.
            Err(detail) => return Ok(Some(self.person(&format!("{id}: {detail}")))),
        };
        self.watch(id, &execution.id).await
    }

    /// Whether somebody lets the command run; if not, why.
    async fn consent(
        &mut self,
        command: &RunCommand,
        reach: Effect,
        values: &BTreeMap<String, String>,
    ) -> Option<String> {
        let id = &command.command.id;
        let (said, flag, question) = match reach {
            Effect::Read => return None,
            Effect::Change => (self.wanted.yes, "--yes", "It changes something. Run it? [y/N] "),
            Effect::Destroy => (
                self.wanted.yes_destroy,
                "--yes-destroy",
                match command.command.opaque {
                    true => "It calls what its text does not show, and may remove something. Type `yes` to run it: ",
                    false => "It removes something or interrupts service. Type `yes` to run it: ",
                },
            ),
        };
        if said {
            return None;
        }
        if !self.asker.can_ask() {
            return Some(format!(
                "{id} is a command to {}, and nobody can be asked here: {flag} lets it run.",
                word(reach)
            ));
        }
        for line in plain(&command.command.source).lines() {
            say(&format!("   {line}"));
        }
        for parameter in command.command.parameters.iter().filter(|parameter| !parameter.secret) {
            let value = values.get(&parameter.name).map_or("(as the run knows it)", String::as_str);
            say(&format!("   {} = {}", plain(&parameter.name), plain(value)));
        }
        let answer = tokio::select! {
            answer = self.asker.ask(question) => answer,
            _ = self.interrupts.recv() => None,
        };
        let answer = answer.unwrap_or_default().to_ascii_lowercase();
        let yes = match reach {
            Effect::Destroy => answer == "yes",
            Effect::Read | Effect::Change => matches!(answer.as_str(), "y" | "yes"),
        };
        (!yes).then(|| format!("{id} was not run."))
    }

    /// Shows what an execution prints until it ends; nothing where the next command may come.
    async fn watch(&mut self, command: &str, execution: &str) -> Result<Option<Ending>, Failed> {
        let mut printer = Printer::new(command);
        let mut following = self.portal.follow(&self.id, execution);
        loop {
            let followed = tokio::select! {
                followed = following.next() => Some(followed?),
                _ = self.interrupts.recv() => None,
            };
            match followed {
                Some(Followed::Piece(piece)) => printer.write(&piece)?,
                Some(Followed::Asks(title)) => {
                    printer.end_line()?;
                    return Ok(Some(self.person(&format!("{command} asks: {title}."))));
                }
                Some(Followed::Ended(execution)) => {
                    printer.end_line()?;
                    return Ok(self.ended(command, &execution));
                }
                None => {
                    printer.end_line()?;
                    let answer = match self.asker.can_ask() {
                        false => None,
                        true => tokio::select! {
                            answer = self.asker.ask("Stop the command that runs? [y/N, c to go on watching] ") => answer,
                            _ = self.interrupts.recv() => None,
                        },
                    };
                    match answer.unwrap_or_default().to_ascii_lowercase().as_str() {
                        "y" | "yes" => self.portal.stop(execution).await?,
                        "c" => {}
                        _ => return Ok(Some(self.person(&format!("{command} was left running.")))),
                    }
                }
            }
        }
    }

    fn ended(&self, command: &str, execution: &Execution) -> Option<Ending> {
        if execution.state == ExecutionState::Passed {
            // Whether it is as the runbook expects is said by what comes next.
            return None;
        }
        let code = execution.exit_code.map(|code| format!(", exit code {code}")).unwrap_or_default();
        let note = execution.note.as_deref().map(|note| format!(" {}", plain(note))).unwrap_or_default();
        let state = match execution.state {
            ExecutionState::Stopped => "was stopped",
            ExecutionState::Expired => "took too long",
            ExecutionState::Unknown => "has an unknown outcome",
            ExecutionState::Running | ExecutionState::Passed | ExecutionState::Failed => "failed",
        };
        say(&format!("{command} {state}{code}.{note} {}", self.page));
        Some(Ending::Failed)
    }
}

fn word(effect: Effect) -> &'static str {
    command::Effect::from(effect).word()
}

fn command_of<'r>(run: &'r RunDetail, id: &str) -> Option<&'r RunCommand> {
    run.steps.iter().flat_map(|step| &step.commands).find(|command| command.command.id == id)
}

/// A command that runs, whoever pressed it.
fn running(run: &RunDetail) -> Option<(&RunCommand, &Execution)> {
    let commands = run.steps.iter().flat_map(|step| &step.commands);
    commands
        .filter_map(|command| Some((command, command.execution.as_ref()?)))
        .find(|(_, execution)| execution.state == ExecutionState::Running)
}
