//! Programs from PyPI, each in an environment of its own below `target/tools`, with every version pinned.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::process::{self, step};
use crate::workspace::Workspace;

/// Something to install: the name of its environment, and the file in the checkout that pins all it consists of.
pub(crate) struct Requirements {
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
}

/// Ends well where environments can be made with a Python that the pinned versions are for.
const SUITABLE: &str = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))";

/// The Python that environments are made with: of PATH, or else the system's own.
pub(crate) fn program() -> Option<PathBuf> {
    [process::find("python3"), Some("/usr/bin/python3".into())].into_iter().flatten().find(|program| {
        let mut python = process::bare(program);
        python.args(["-c", SUITABLE]).output().is_ok_and(|output| output.status.success())
    })
}

/// The Python of an environment, where that holds exactly what is pinned.
pub(crate) fn installed(workspace: &Workspace, wanted: &Requirements) -> Option<PathBuf> {
    let folder = folder(workspace, wanted);
    let pinned = fs::read(workspace.path(wanted.file)).ok()?;
    let python = folder.join("bin/python");
    (fs::read(stamp(&folder)).is_ok_and(|old| old == pinned) && process::is_program(&python)).then_some(python)
}

/// Makes the environment, unless exactly the wanted one is there.
pub(crate) fn install(workspace: &Workspace, wanted: &Requirements) -> Result<()> {
    if installed(workspace, wanted).is_some() {
        return Ok(());
    }
    step(&format!("installing {} from PyPI", wanted.name));
    let python = program().context("no Python 3.11 or later that has venv")?;
    let folder = folder(workspace, wanted);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    process::run(workspace.program(&python).args(["-m", "venv"]).arg(&folder))?;
    let pinned = workspace.path(wanted.file);
    // Wheels only: building one would run whatever its source says.
    process::run(
        pip(workspace, &folder.join("bin/python"))
            .args(["install", "--quiet", "--no-deps", "--only-binary", ":all:", "--requirement"])
            .arg(&pinned),
    )?;
    process::run(pip(workspace, &folder.join("bin/python")).arg("check").stdout(std::process::Stdio::null()))?;
    fs::copy(&pinned, stamp(&folder)).with_context(|| format!("cannot stamp {}", folder.display())).map(drop)
}

/// pip of a Python. It keeps this environment, which may say by which way PyPI is reached.
pub(crate) fn pip(workspace: &Workspace, python: &Path) -> std::process::Command {
    let mut pip = workspace.program(python);
    pip.args(["-m", "pip", "--disable-pip-version-check", "--no-input"]);
    pip
}

fn folder(workspace: &Workspace, wanted: &Requirements) -> PathBuf {
    workspace.target("tools").join(wanted.name)
}

/// What was installed, written when all of it was.
fn stamp(folder: &Path) -> PathBuf {
    folder.join(".installed.txt")
}
