//! Finding and installing what the portal, its build and its tests need.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::process::{self, say, step};
use crate::workspace::Workspace;
use crate::{bench, kubectl, postgres, wasm};

/// The oldest Node.js that the packages of `end2end/package.json` run on.
const NODE_MAJOR: u32 = 20;

/// Something that the system provides.
pub(crate) struct Part {
    /// What it is for, as a noun: "the sandbox (bubblewrap)".
    pub(crate) what: &'static str,
    /// Debian's packages of it.
    pub(crate) packages: &'static [&'static str],
    /// The services in these packages: their programs are wanted, the services are not.
    pub(crate) services: &'static [&'static str],
    /// Whether it is there.
    pub(crate) present: fn() -> bool,
    /// How to install it where that is not Debian's business.
    pub(crate) otherwise: &'static str,
    /// What is lost without it, where that is bearable.
    pub(crate) without: Option<&'static str>,
}

const SANDBOX: Part = Part {
    what: "the sandbox (bubblewrap)",
    packages: &["bubblewrap"],
    services: &[],
    present: || process::find("bwrap").is_some(),
    otherwise: "install the package bubblewrap (Linux only)",
    without: None,
};

const GIT: Part = Part {
    what: "git",
    packages: &["git"],
    services: &[],
    present: || process::find("git").is_some(),
    otherwise: "install the package git",
    without: None,
};

const NODE: Part = Part {
    what: "Node.js 20 or later, with npm",
    packages: &["nodejs", "npm"],
    services: &[],
    present: node_is_recent,
    otherwise: "install Node.js 20 or later",
    without: None,
};

const CHROMIUM: Part = Part {
    what: "a browser (Chromium)",
    packages: &["chromium"],
    services: &[],
    present: || chromium().is_some(),
    otherwise: "install the package chromium",
    without: None,
};

const POSTGRES: Part = Part {
    what: "PostgreSQL's server programs",
    packages: &["postgresql"],
    services: &["postgresql"],
    present: || postgres::programs().is_some(),
    otherwise: "install the package postgresql (only its programs are used, no running service)",
    without: None,
};

/// All that `cargo xtask test` needs.
pub(crate) fn for_tests(workspace: &Workspace) -> Result<()> {
    install(&[GIT, SANDBOX, NODE, CHROMIUM, POSTGRES])?;
    wasm::set_up(workspace)?;
    node_packages(workspace)?;
    wasm_bindgen(workspace)?;
    bench::set_up(workspace)?;
    compared(workspace)
}

/// The real kubectl, for the tests that compare the portal with it.
fn compared(workspace: &Workspace) -> Result<()> {
    let result = kubectl::set_up(workspace);
    if let Err(error) = &result {
        say(format_args!("missing: kubectl or helm: {error:#}"));
    }
    match kubectl::find(workspace, "kubectl") {
        Some(path) => step(&format!("kubectl: {}, the comparison with it runs", path.display())),
        None if process::in_ci() => return result.context("cannot install kubectl"),
        None => step("kubectl is not installed: the comparison with it is skipped"),
    }
    Ok(())
}

/// What the bench consists of.
pub(crate) fn for_bench(workspace: &Workspace) -> Result<()> {
    install(&[POSTGRES])?;
    bench::set_up(workspace)
}

/// What a person needs to try the portal.
pub(crate) fn for_demo(workspace: &Workspace) -> Result<()> {
    install(&[Part { without: Some("the portal reads, but refuses to run anything"), ..SANDBOX }])?;
    for_building(workspace)
}

/// What a build needs.
pub(crate) fn for_building(workspace: &Workspace) -> Result<()> {
    wasm::set_up(workspace)?;
    if node_is_recent() {
        node_packages(workspace)?;
    } else {
        step("Node.js is not installed: the site is built, but not made as small as it could be");
    }
    wasm_bindgen(workspace).map(drop)
}

/// Installs what is missing among `parts` where that is possible; otherwise says in one line each what to do. An error
/// when something is missing in the end that cannot be done without.
pub(crate) fn install(parts: &[Part]) -> Result<()> {
    let wanted: Vec<&Part> = missing(parts).collect();
    let packages: Vec<&str> = wanted.iter().flat_map(|part| part.packages).copied().collect();
    let can_install = process::is_root() && Path::new("/etc/debian_version").exists();
    if !packages.is_empty() && can_install {
        step(&format!("installing {}", packages.join(", ")));
        let _no_services = NoServices::start();
        if let Err(error) = apt_install(&packages) {
            say(format_args!("{error:#}"));
        }
        disable(wanted.iter().flat_map(|part| part.services).copied());
    }
    require(parts)
}

/// Says what is still missing.
fn require(parts: &[Part]) -> Result<()> {
    let mut needed = Vec::new();
    for part in missing(parts) {
        say(format_args!("missing: {}: {}", part.what, part.otherwise));
        match part.without {
            Some(loss) => say(format_args!("without it: {loss}")),
            None => needed.push(part.what),
        }
    }
    if !needed.is_empty() {
        bail!("not installed: {}. On Debian, `cargo xtask setup` as root installs it", needed.join("; "));
    }
    Ok(())
}

fn missing(parts: &[Part]) -> impl Iterator<Item = &Part> {
    parts.iter().filter(|part| !(part.present)())
}

fn apt_install(packages: &[&str]) -> Result<()> {
    let install = || {
        let mut apt = std::process::Command::new("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive")
            .args(["install", "--yes", "--quiet", "--no-install-recommends"])
            .args(packages);
        process::run(&mut apt)
    };
    // A new machine has no package lists, an old one has lists that name packages which are gone.
    install().or_else(|_| {
        process::run(std::process::Command::new("apt-get").args(["update", "--quiet"]))?;
        install()
    })
}

/// Whom Debian's packages ask whether they may start their services (invoke-rc.d(8), Debian Policy 9.3.3).
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Tells them no: 101 is "action forbidden by policy".
const POLICY_TEXT: &str =
    "#!/bin/sh\n# Written by `cargo xtask` while it installs packages. Nobody else needs it.\nexit 101\n";

/// As long as this is kept, packages that are installed start no service.
struct NoServices;

impl NoServices {
    /// `None` where the machine has a policy already, or takes none: that is then its owner's business.
    fn start() -> Option<Self> {
        let left_over = std::fs::read_to_string(POLICY).is_ok_and(|text| text == POLICY_TEXT);
        if left_over {
            return Some(Self);
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o755).open(POLICY).ok()?;
        let policy = Self;
        file.write_all(POLICY_TEXT.as_bytes()).ok()?;
        Some(policy)
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        drop(std::fs::remove_file(POLICY));
    }
}

/// Keeps services that were just installed from starting when the machine does. Where there is no systemd there is
/// nothing to do.
fn disable<'a>(services: impl Iterator<Item = &'a str>) {
    for service in services {
        drop(std::process::Command::new("systemctl").args(["disable", "--quiet", service]).output());
    }
}

/// The browser that the tests drive.
pub(crate) fn chromium() -> Option<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(process::find)
}

/// Whether Node.js is there and new enough, together with npm.
pub(crate) fn node_is_recent() -> bool {
    process::find("npm").is_some()
        && process::version(Path::new("node")).and_then(|text| major(&text)).is_some_and(|major| major >= NODE_MAJOR)
}

/// The 20 of `v20.20.2`.
fn major(version: &str) -> Option<u32> {
    version.trim_start_matches('v').split('.').next()?.parse().ok()
}

/// Installs the packages of `end2end/` as its lockfile names them, unless exactly these are installed.
fn node_packages(workspace: &Workspace) -> Result<()> {
    let folder = workspace.path("end2end");
    let lockfile = std::fs::read(folder.join("package-lock.json")).context("cannot read end2end/package-lock.json")?;
    let installed = folder.join("node_modules/.installed-lock.json");
    if std::fs::read(&installed).is_ok_and(|old| old == lockfile) {
        return Ok(());
    }
    step("installing the packages of end2end/ with npm");
    let mut npm = workspace.program("npm");
    npm.current_dir(&folder).args(["ci", "--no-audit", "--no-fund"]).env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
    process::run(&mut npm)?;
    std::fs::write(&installed, lockfile).with_context(|| format!("cannot write {}", installed.display()))
}

/// The wasm-bindgen program of exactly the version of the crate: the two speak a format that changes with each version.
pub(crate) fn wasm_bindgen(workspace: &Workspace) -> Result<PathBuf> {
    let version = workspace.locked_version("wasm-bindgen")?;
    let wanted = format!("wasm-bindgen {version}");
    let root = workspace.target("tools");
    let ours = root.join("bin/wasm-bindgen");
    let found = [Some(ours.clone()), process::find("wasm-bindgen")]
        .into_iter()
        .flatten()
        .find(|program| process::version(program).as_deref() == Some(&wanted));
    if let Some(program) = found {
        return Ok(program);
    }
    step(&format!("building {wanted} (once, about two minutes on two cores)"));
    let mut cargo = workspace.cargo();
    cargo
        .args(["install", "wasm-bindgen-cli", "--no-default-features"])
        .args(["--version", &version, "--force", "--root"])
        .arg(&root)
        // What a tool is built from shall not lie in the project's target folder: cargo then takes a temporary one.
        .env_remove("CARGO_TARGET_DIR");
    process::run(&mut cargo)?;
    Ok(ours)
}

#[cfg(test)]
mod tests {
    use super::{Part, major, require};

    const ABSENT: Part = Part {
        what: "a thing that no system has",
        packages: &[],
        services: &[],
        present: || false,
        otherwise: "do without",
        without: None,
    };

    #[test]
    fn what_is_needed_and_missing_is_an_error_that_names_it() {
        let error = require(&[ABSENT]).unwrap_err();
        assert!(error.to_string().contains(ABSENT.what), "{error}");
    }

    #[test]
    fn what_can_be_missed_is_no_error() {
        let bearable = Part { without: Some("nothing"), ..ABSENT };
        require(&[bearable]).unwrap();
    }

    #[test]
    fn node_versions_are_read() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("22"), Some(22));
        assert_eq!(major("unknown"), None);
    }
}
