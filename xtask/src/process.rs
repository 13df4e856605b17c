//! Running other programs, and saying what happens.

use std::env;
use std::fmt::Arguments;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// One line for whoever watches. A closed standard output is no reason to stop a build.
pub(crate) fn say(line: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    drop(writeln!(out, "{line}"));
    drop(out.flush());
}

/// A step that may take long enough to wonder about.
pub(crate) fn step(line: &str) {
    say(format_args!("==> {line}"));
}

/// Runs a program with this terminal as its own; an error when it cannot start or does not succeed.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", name_of(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", line_of(command));
    }
    Ok(())
}

/// Runs a program and shows what it says only where it does not succeed; else its last line.
pub(crate) fn quietly(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot start {}", name_of(command)))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        say(format_args!("{}", text.trim_end().lines().next_back().unwrap_or_default()));
        return Ok(());
    }
    say(format_args!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    // Not with its arguments: one of them may be a token.
    bail!("{} ended with {}", name_of(command), output.status);
}

/// What a program prints on standard output; its standard error goes to this terminal.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {}", name_of(command)))?;
    if !output.status.success() {
        bail!("{} ended with {}", line_of(command), output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("{} is not UTF-8", line_of(command)))
}

/// What a program prints when asked for its version; `None` when it is absent or broken.
pub(crate) fn version(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Finds a program on PATH.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| is_program(path))
}

/// Whether this is a file that somebody may execute.
pub(crate) fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// A command that the kernel ends with SIGTERM when xtask dies, however xtask dies: nothing that a test started may
/// outlive it. Where `setpriv` (util-linux) is missing, the command is started as it is.
pub(crate) fn tied_to_us(program: &Path) -> Command {
    let Some(setpriv) = find("setpriv") else {
        return Command::new(program);
    };
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", "TERM", "--"]).arg(program);
    command
}

/// A command that is told nothing of this environment but where programs are: no credential, no proxy, no setting of
/// whoever runs xtask reaches it.
pub(crate) fn bare(program: &Path) -> Command {
    without_environment(Command::new(program))
}

/// The same, tied to us.
pub(crate) fn bare_and_tied_to_us(program: &Path) -> Command {
    without_environment(tied_to_us(program))
}

fn without_environment(mut command: Command) -> Command {
    command.env_clear();
    if let Some(path) = env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// Asks a child to end, and waits until it has.
pub(crate) fn end(child: &mut std::process::Child, signal: &str) -> Result<()> {
    if child.try_wait()?.is_none() {
        let pid = child.id().to_string();
        // The child may end by itself in between: then kill has nobody to ask, which is what was wanted.
        drop(Command::new("kill").args([signal, &pid]).status());
    }
    child.wait().context("cannot wait for a child")?;
    Ok(())
}

/// Whether this process may do everything: /proc/self belongs to the effective user.
pub(crate) fn is_root() -> bool {
    Path::new("/proc/self").metadata().is_ok_and(|data| data.uid() == 0)
}

/// Whether a CI machine runs this, by the variable that all of them set.
pub(crate) fn in_ci() -> bool {
    env::var_os("CI").is_some_and(|value| value == "true")
}

fn name_of(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

fn line_of(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{find, output, run};

    #[test]
    fn a_failing_program_is_an_error_that_names_it() {
        let error = run(Command::new("sh").args(["-c", "exit 3"])).unwrap_err();
        assert!(error.to_string().contains("sh -c exit 3"), "{error}");
        let error = run(&mut Command::new("no-such-program-at-all")).unwrap_err();
        assert!(error.to_string().contains("no-such-program-at-all"), "{error}");
    }

    #[test]
    fn output_is_what_was_printed() {
        let text = output(Command::new("sh").args(["-c", "echo one"])).unwrap();
        assert_eq!(text, "one\n");
    }

    #[test]
    fn programs_are_found_on_path_only() {
        assert!(find("sh").is_some());
        assert!(find("no-such-program-at-all").is_none());
    }
}
