//! What the runbooks hold, and how much of it this portal can run today.

use std::path::{Path, PathBuf};

use operations::Library;
use runbook::{Command, Runbook};

use crate::folder::Folder;

/// The counts of one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sections that somebody carries out.
    pub procedures: usize,
    /// Things to do in them.
    pub steps: usize,
    /// Presses of Run that they offer.
    pub commands: usize,
    /// Those in which every program is the sandbox's own, or its calls are performed by the broker.
    pub known: usize,
}

impl Counts {
    /// Counts one runbook.
    #[must_use]
    pub fn of(runbook: &Runbook) -> Self {
        let commands: Vec<&Command> = runbook.procedures.iter().flat_map(|procedure| procedure.commands()).collect();
        Self {
            procedures: runbook.procedures.len(),
            steps: runbook.procedures.iter().map(|procedure| procedure.steps.len()).sum(),
            commands: commands.len(),
            known: commands.iter().filter(|command| is_known(command)).count(),
        }
    }
}

/// Every program is the sandbox's own, or its calls are performed. A call that cannot be read off the text counts as
/// refused.
fn is_known(command: &Command) -> bool {
    command.programs.iter().all(|program| {
        let mut calls = command.actions.iter().filter(|action| &action.tool == program).peekable();
        command::is_sandbox_program(program)
            || (command::known_to_broker(program)
                && calls.peek().is_some()
                && calls.all(|action| program != "kubectl" || command::kubectl::performs(&action.verb)))
    })
}

/// Prints a table of every folder.
///
/// # Errors
/// Where a folder cannot be read, or a file in it.
pub fn print(folders: &[PathBuf]) -> Result<(), Box<dyn std::error::Error>> {
    // The table is what this command is for.
    let mut out = std::io::stdout().lock();
    let mut unreadable = 0;
    for folder in folders {
        unreadable += table(&mut out, folder)?;
    }
    if unreadable > 0 {
        return Err(format!("{unreadable} files could not be read").into());
    }
    Ok(())
}

fn table(out: &mut impl std::io::Write, folder: &Path) -> Result<usize, Box<dyn std::error::Error>> {
    let shelf = Folder::open(folder)?.shelf();
    writeln!(out, "{:<28} {:>10} {:>7} {:>9} {:>16}", "runbook", "procedures", "steps", "commands", "known to broker")?;
    for runbook in &shelf.runbooks {
        let Counts { procedures, steps, commands, known } = Counts::of(runbook);
        writeln!(out, "{:<28} {procedures:>10} {steps:>7} {commands:>9} {known:>16}", runbook.id.as_str())?;
    }
    for file in &shelf.unreadable {
        writeln!(out, "{}: {}", file.path, file.reason)?;
    }
    writeln!(out)?;
    out.flush()?;
    Ok(shelf.unreadable.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_known_when_all_of_it_is() {
        let text = "# T\n\n## P\n\n```bash\n# 1. Look\nkubectl get pods | wc -l\n\n# 2. Change\nkubectl edit deployment web\n\n# 3. Ask\naws s3 ls\n\n# 4. Deploy\ndoctl apps list\n```\n";
        let runbook = runbook::parse(runbook::RunbookId::new("t"), text.as_bytes(), None).unwrap();
        assert_eq!(Counts::of(&runbook), Counts { procedures: 1, steps: 4, commands: 4, known: 2 });
    }
}
