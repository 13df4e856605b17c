//! The portal's API against its own description: schemathesis asks a portal of its own whatever the description permits, and
//! much that it does not, and holds every answer against it.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::server::Server;
use crate::process::{self, say, step};
use crate::programs;
use crate::python::{self, Requirements};
use crate::throwaway::Folder;
use crate::workspace::Workspace;

/// What schemathesis is installed from.
const REQUIREMENTS: Requirements = Requirements { name: "schemathesis", file: "xtask/bench/schemathesis.txt" };
/// Signs in, makes a token, opens an incident, starts a run.
const PREPARE: &str = "xtask/bench/prepare_api.py";
/// What is held against the description. That hostile input is refused is left to the router's own tests: they know what
/// the answer should be.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
/// How many requests are made up for each operation in each phase; some thousand in all.
const EXAMPLES: &str = "30";
/// The same requests every time.
const SEED: &str = "1";

/// Installs schemathesis, unless exactly the wanted one is there.
pub(super) fn set_up(workspace: &Workspace) -> Result<()> {
    python::install(workspace, &REQUIREMENTS)
}

/// Holds the API of the portal as it is built against its description: once with ids that name nothing or are none, and once
/// with ids of what there is.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let Some(python) = python::installed(workspace, &REQUIREMENTS) else {
        if process::in_ci() {
            bail!("schemathesis is not installed");
        }
        say(format_args!("skipped: schemathesis is not installed"));
        return Ok(());
    };
    step("starting a portal");
    let folder = Folder::new("api")?;
    let site = folder.join("site");
    fs::create_dir_all(site.join("pkg")).context("cannot make the folder of a site")?;
    let mut command = process::bare_and_tied_to_us(&programs::portal(workspace));
    command.args(["demo", "--listen", "127.0.0.1:0", "--practice-speed", "20", "--runbooks"]);
    command.arg(workspace.path("runbooks")).arg("--data").arg(folder.join("data")).arg("--site").arg(&site);
    let mut portal = Server::launch("the portal", folder, &mut command)?;
    let url = portal.wait(|folder| address(&fs::read_to_string(folder.join(super::server::LOG)).ok()?))?;

    let mut prepare = process::bare(&python);
    let prepared = process::output(prepare.arg(workspace.path(PREPARE)).arg(&url))?;
    let prepared: Value = serde_json::from_str(&prepared).context("the preparation tells no JSON")?;
    let authorization = format!("Authorization: Bearer {}", prepared["token"].as_str().context("no token")?);
    for parameters in [None, prepared["parameters"].as_object()] {
        // A token that is not taken would have everything refused as it should be.
        let mut settings = String::from("[warnings]\nfail-on = [\"missing_auth\"]\n\n[parameters]\n");
        for (name, value) in parameters.into_iter().flatten() {
            // Ids of our own: JSON writes them as TOML does.
            writeln!(settings, "{name} = {value}")?;
        }
        let file = portal.folder().join("schemathesis.toml");
        fs::write(&file, settings).with_context(|| format!("cannot write {}", file.display()))?;
        let mut run = process::bare(&schemathesis(&python)?);
        run.current_dir(portal.folder().path()).env("HOME", portal.folder().path()).env("PYTHONIOENCODING", "utf-8");
        run.arg("--config-file").arg(&file).args(["run", &format!("{url}/api/v1/openapi.json")]);
        run.args(["--header", &authorization, "--checks", CHECKS, "--max-examples", EXAMPLES, "--seed", SEED]);
        // One at a time: the order is then the same too, and Python 3.11's ast is not made for threads
        // (https://github.com/python/cpython/issues/106905).
        run.args(["--generation-database", "none", "--workers", "1", "--no-color"]);
        process::quietly(&mut run)?;
    }
    Ok(())
}

/// The address that a portal says when it listens.
fn address(log: &str) -> Option<String> {
    let line = log.lines().find_map(|line| line.strip_prefix("listening on "))?;
    Some(line.trim().to_owned())
}

/// The program beside its Python.
fn schemathesis(python: &std::path::Path) -> Result<PathBuf> {
    let folder = python.parent().context("a Python without a folder")?;
    Ok(folder.join("schemathesis"))
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn the_address_is_read_from_among_other_lines() {
        let log = "WARN something\nlistening on http://127.0.0.1:4711\n";
        assert_eq!(address(log).as_deref(), Some("http://127.0.0.1:4711"));
        assert_eq!(address("WARN something\n"), None);
    }
}
