//! A server of the bench: a child process with a folder, which ends when it is dropped.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::process;
use crate::throwaway::Folder;

/// How long a server may take to be well. On a busy machine that is long; a server that ended is noticed at once.
const PATIENCE: Duration = Duration::from_secs(90);

/// How often it is asked meanwhile.
const PAUSE: Duration = Duration::from_millis(10);

/// How much of a log is worth reading when its server did not start.
const LOG_LINES: usize = 20;

/// What a server prints, inside its folder.
pub(super) const LOG: &str = "log";

pub(super) struct Server {
    what: &'static str,
    child: Child,
    /// Removed when the server has ended: fields go after what [`Drop`] says.
    folder: Folder,
}

impl Server {
    /// Starts it, and does not wait. To be called on the thread that lives as long as the server shall: the kernel ends
    /// what is tied to us when that thread ends.
    pub(super) fn launch(what: &'static str, folder: Folder, command: &mut Command) -> Result<Self> {
        let log = File::options().append(true).create(true).open(folder.join(LOG));
        let log = log.with_context(|| format!("cannot write the log of {what}"))?;
        Self::launch_printing(what, folder, command, log.into())
    }

    /// The same where somebody wants to read what it prints on standard output; its standard error is its log.
    pub(super) fn launch_printing(
        what: &'static str,
        folder: Folder,
        command: &mut Command,
        printed: Stdio,
    ) -> Result<Self> {
        let log = File::options().append(true).create(true).open(folder.join(LOG));
        let child = command
            .current_dir(folder.path())
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(printed)
            .stderr(log.with_context(|| format!("cannot write the log of {what}"))?)
            .spawn()
            .with_context(|| format!("cannot start {what}"))?;
        Ok(Self { what, child, folder })
    }

    /// Waits until `check` finds that it is well, and tells what it found.
    pub(super) fn wait<T>(&mut self, mut check: impl FnMut(&Folder) -> Option<T>) -> Result<T> {
        let start = Instant::now();
        loop {
            if let Some(found) = check(&self.folder) {
                return Ok(found);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status} before it was ready:\n{}", self.what, self.log());
            }
            if start.elapsed() > PATIENCE {
                bail!("{} was not ready after {} s:\n{}", self.what, PATIENCE.as_secs(), self.log());
            }
            // Not to wait for something to be done, but to leave the processor to those who do it.
            thread::sleep(PAUSE);
        }
    }

    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The end of what it printed.
    fn log(&self) -> String {
        let bytes = fs::read(self.folder.join(LOG)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = process::end(&mut self.child, "-TERM") {
            process::say(format_args!("{} was not stopped: {error:#}", self.what));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Server;
    use crate::process;
    use crate::throwaway::Folder;

    fn sh(script: &str) -> Server {
        let mut command = process::bare_and_tied_to_us(Path::new("sh"));
        Server::launch("a test", Folder::new("server-test").unwrap(), command.args(["-c", script])).unwrap()
    }

    #[test]
    fn a_server_that_ends_too_early_is_an_error_with_what_it_said() {
        let error = sh("echo the port is taken >&2; exit 3").wait(|_| None::<()>).unwrap_err().to_string();
        assert!(error.contains("a test ended with exit status: 3"), "{error}");
        assert!(error.contains("the port is taken"), "{error}");
    }

    #[test]
    fn a_server_ends_with_its_owner_and_leaves_nothing_behind() {
        let mut server = sh("echo $$ > pid; exec tail -f /dev/null");
        let pid =
            server.wait(|folder| std::fs::read_to_string(folder.join("pid")).ok().filter(|pid| pid.ends_with('\n')));
        let process = Path::new("/proc").join(pid.unwrap().trim());
        let folder = server.folder().path().to_path_buf();
        assert!(process.exists());
        drop(server);
        assert!(!process.exists());
        assert!(!folder.exists());
    }

    #[test]
    fn nothing_of_our_environment_reaches_a_server() {
        let mut server = sh("env > environment.new; mv environment.new environment; exec tail -f /dev/null");
        let seen = server.wait(|folder| std::fs::read_to_string(folder.join("environment")).ok()).unwrap();
        assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
        assert!(!seen.contains("CARGO_MANIFEST_DIR"), "{seen}");
    }
}
