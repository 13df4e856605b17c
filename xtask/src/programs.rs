//! The native programs: the portal and the shim that stands for every tool inside its sandbox.

use std::path::PathBuf;

use anyhow::Result;

use crate::process::{self, step};
use crate::workspace::Workspace;

/// How much time the compiler may take to make programs fast.
#[derive(Clone, Copy)]
pub(crate) enum Profile {
    Debug,
    Release,
}

/// Builds the portal and the shim.
pub(crate) fn build(workspace: &Workspace, profile: Profile) -> Result<()> {
    step("building the portal");
    let mut cargo = workspace.cargo();
    cargo.args(["build", "-p", "server", "-p", "sandbox"]);
    if let Profile::Release = profile {
        cargo.arg("--release");
    }
    process::run(&mut cargo)
}

/// Builds the programs together with all tests, so that both share one build of every dependency.
pub(crate) fn build_with_tests(workspace: &Workspace) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--workspace", "--bins", "--tests"]);
    process::run(&mut cargo)
}

/// The portal's program as a debug build leaves it; the shim lies beside it.
pub(crate) fn portal(workspace: &Workspace) -> PathBuf {
    workspace.target("debug/runbook-portal")
}

/// Builds what walks the runbooks.
pub(crate) fn build_coverage(workspace: &Workspace) -> Result<()> {
    step("building the walk");
    process::run(workspace.cargo().args(["build", "-p", "coverage", "-p", "sandbox"]))
}
