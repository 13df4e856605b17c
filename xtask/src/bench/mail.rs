//! A mail server: aiosmtpd, a Python package from PyPI, in an environment of its own. Tests start their own; beside a
//! portal that somebody tries out there is one that prints what arrives.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Result;

use super::http;
use super::server::Server;
use crate::process;
use crate::python::{self, Requirements};
use crate::throwaway::{Folder, free_port};
use crate::workspace::Workspace;

const REQUIREMENTS: Requirements = Requirements { name: "aiosmtpd", file: "xtask/bench/aiosmtpd.txt" };

/// Installs aiosmtpd, unless exactly the wanted one is there.
pub(super) fn set_up(workspace: &Workspace) -> Result<()> {
    python::install(workspace, &REQUIREMENTS)
}

/// The Python that has aiosmtpd, where that is installed.
pub(super) fn python(workspace: &Workspace) -> Option<PathBuf> {
    python::installed(workspace, &REQUIREMENTS)
}

/// A mail server that takes every letter, and passes none on.
pub(super) struct Mail {
    server: Server,
    port: u16,
}

impl Mail {
    /// `letters` is where it prints them.
    pub(super) fn launch(python: &Path, letters: Stdio) -> Result<Self> {
        let port = free_port()?;
        let mut command = process::bare_and_tied_to_us(python);
        command.args(["-u", "-m", "aiosmtpd", "--nosetuid", "--listen", &format!("127.0.0.1:{port}")]);
        command.args(["--class", "aiosmtpd.handlers.Debugging", "stdout"]);
        let server = Server::launch_printing("the mail server", Folder::new("mail")?, &mut command, letters)?;
        Ok(Self { server, port })
    }

    pub(super) fn wait(&mut self) -> Result<()> {
        let port = self.port;
        self.server.wait(|_| {
            let mut greeting = [0; 4];
            http::connect(port).ok()?.read_exact(&mut greeting).ok()?;
            (greeting == *b"220 ").then_some(())
        })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};

    use super::{Mail, python};
    use crate::bench::{self, http};
    use crate::throwaway::Folder;
    use crate::workspace::Workspace;

    #[test]
    fn it_prints_the_letters_that_it_takes() {
        let Some(python) = python(&Workspace::find().unwrap()) else {
            return bench::skip("aiosmtpd");
        };
        let folder = Folder::new("mail-test").unwrap();
        let letters = folder.join("letters");
        let mut mail = Mail::launch(&python, File::create(&letters).unwrap().into()).unwrap();
        mail.wait().unwrap();
        let mut session = http::connect(mail.port()).unwrap();
        let letter = "HELO us\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n\
                      Subject: The shop is down\r\n\r\nSince ten.\r\n.\r\nQUIT\r\n";
        session.write_all(letter.as_bytes()).unwrap();
        let mut answers = String::new();
        session.read_to_string(&mut answers).unwrap();
        assert!(answers.contains("\n221 "), "{answers}");
        let printed = std::fs::read_to_string(&letters).unwrap();
        assert!(printed.contains("Subject: The shop is down") && printed.contains("Since ten."), "{printed}");
    }
}
