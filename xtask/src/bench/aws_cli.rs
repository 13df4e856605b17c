//! The real `aws`, to compare the portal with and for the services that the portal leaves to it.
//!
//! Runbooks are written for version 2, which Debian has and PyPI has not; so Debian's is used where it can be had. Where it
//! cannot, version 1 from PyPI stands for it: for what runbooks ask of it the two differ in exit codes and error texts only.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::process;
use crate::python::{self, Requirements};
use crate::workspace::Workspace;

const VERSION_1: Requirements = Requirements { name: "awscli", file: "xtask/bench/awscli.txt" };

/// Where Debian puts it.
const DEBIAN: &str = "/usr/bin/aws";

/// Installs version 1, where there is no version 2.
pub(super) fn set_up(workspace: &Workspace) -> Result<()> {
    if has_version_2() { Ok(()) } else { python::install(workspace, &VERSION_1) }
}

pub(super) fn has_version_2() -> bool {
    version_2().is_some()
}

/// The program to use, version 2 before version 1.
pub(super) fn find(workspace: &Workspace) -> Option<PathBuf> {
    version_2().or_else(|| Some(python::installed(workspace, &VERSION_1)?.with_file_name("aws")))
}

fn version_2() -> Option<PathBuf> {
    // The program takes most of a second to tell its version, Debian's list of packages no time.
    if debian_has_version_2() {
        return Some(DEBIAN.into());
    }
    process::find("aws")
        .filter(|program| process::version(program).is_some_and(|version| version.starts_with("aws-cli/2.")))
}

fn debian_has_version_2() -> bool {
    let listed = Command::new("dpkg-query").args(["--show", "--showformat=${Version}", "awscli"]).output();
    process::is_program(Path::new(DEBIAN)) && listed.is_ok_and(|output| output.stdout.starts_with(b"2."))
}
