//! AWS as moto answers it: a Python program from PyPI, in an environment of its own.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use super::http;
use super::server::Server;
use crate::process;
use crate::python::{self, Requirements};
use crate::throwaway::{Folder, free_port};
use crate::workspace::Workspace;

/// What moto is installed from, inside `xtask/bench`.
const REQUIREMENTS: Requirements = Requirements { name: "moto", file: "xtask/bench/moto.txt" };

const SEED: &str = "xtask/bench/seed_aws.py";

/// The only region that anything is in.
pub(super) const REGION: &str = "us-east-1";

/// moto takes any key. These say what they are to whoever meets them in a log.
pub(super) const ACCESS_KEY_ID: &str = "bench";
pub(super) const SECRET_ACCESS_KEY: &str = "bench";

/// Installs moto, unless exactly the wanted one is there.
pub(super) fn set_up(workspace: &Workspace) -> Result<()> {
    python::install(workspace, &REQUIREMENTS)
}

/// The Python that has moto, where that is installed.
pub(super) fn python(workspace: &Workspace) -> Option<PathBuf> {
    python::installed(workspace, &REQUIREMENTS)
}

pub(super) struct Moto {
    server: Server,
    port: u16,
    python: PathBuf,
}

impl Moto {
    pub(super) fn launch(python: PathBuf) -> Result<Self> {
        let port = free_port()?;
        let mut command = process::bare_and_tied_to_us(&python);
        command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()]);
        let server = Server::launch("moto", Folder::new("moto")?, &mut command)?;
        Ok(Self { server, port, python })
    }

    pub(super) fn wait(&mut self) -> Result<()> {
        let port = self.port;
        self.server.wait(|_| http::get(port, "/moto-api/").map(drop))
    }

    /// The Python that has boto3.
    pub(super) fn python(&self) -> &Path {
        &self.python
    }

    /// What every call of AWS goes to.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Makes what runbooks act on; tells it by the names that they use in placeholders and variables.
    pub(super) fn seed(&self, workspace: &Workspace) -> Result<Map<String, Value>> {
        let mut seed = process::bare(&self.python);
        seed.arg(workspace.path(SEED)).arg(self.url());
        // Where somebody's own settings would be looked for.
        seed.current_dir(self.server.folder().path()).env("HOME", self.server.folder().path());
        serde_json::from_str(&process::output(&mut seed)?).context("the seed of moto tells no JSON")
    }
}
