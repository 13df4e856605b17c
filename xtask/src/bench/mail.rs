//! A mail server for tests: aiosmtpd, a Python package from PyPI, in an environment of its own. Each test starts one.

use std::path::PathBuf;

use anyhow::Result;

use crate::python::{self, Requirements};
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
