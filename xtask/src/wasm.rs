//! The compiler for WebAssembly. Three machines, three ways to one target:
//!
//! - the toolchain in use has the target already: nothing to do;
//! - no rustup, or `WASM_TOOLCHAIN=debian` (a machine that reaches package registries only): Debian's compiler
//!   `rustc-web` builds the standard library from `rust-web-src` along with the site;
//! - otherwise rustup adds the target.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{self, step};
use crate::setup::{self, Part};
use crate::workspace::Workspace;

/// The target of everything that runs in the browser.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's compiler. `/usr/bin` and not PATH: rustup's proxy of the same name usually comes first there.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// Room for the site's own build, beside the native one: neither waits for the other's lock.
const FRONT: &str = "front";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    Installed,
    Debian,
    Rustup,
}

fn route(target_installed: bool, wanted: Option<&str>, rustup_found: bool) -> Route {
    match (target_installed, wanted, rustup_found) {
        (true, _, _) => Route::Installed,
        (false, Some("debian"), _) | (false, _, false) => Route::Debian,
        (false, _, true) => Route::Rustup,
    }
}

fn route_here(workspace: &Workspace) -> Result<Route> {
    let libraries = process::output(workspace.program("rustc").args(["--print", "target-libdir", "--target", TARGET]))?;
    Ok(route(
        Path::new(libraries.trim()).is_dir(),
        env::var("WASM_TOOLCHAIN").ok().as_deref(),
        process::find("rustup").is_some(),
    ))
}

/// Installs what the route of this machine lacks.
pub(crate) fn set_up(workspace: &Workspace) -> Result<()> {
    match route_here(workspace)? {
        Route::Installed => Ok(()),
        Route::Rustup => {
            step(&format!("adding the {TARGET} target with rustup"));
            process::run(workspace.program("rustup").args(["target", "add", TARGET]))
        }
        Route::Debian => setup::install(&[
            Part {
                what: "a compiler for WebAssembly",
                packages: &["rustc-web", "rust-web-src"],
                services: &[],
                present: || debian_sources().is_some(),
                otherwise: "install rustup and run: rustup target add wasm32-unknown-unknown",
                without: None,
            },
            Part {
                what: "a linker for WebAssembly",
                packages: &["lld"],
                services: &[],
                present: || toolchain_linker().is_some() || process::find("wasm-ld").is_some(),
                otherwise: "install LLVM's linker: the package is called lld",
                without: None,
            },
        ]),
    }
}

/// The source of the standard library that Debian's compiler builds from.
fn debian_sources() -> Option<PathBuf> {
    let sysroot = sysroot(Path::new(DEBIAN_RUSTC))?;
    let library = sysroot.join("lib/rustlib/src/rust/library");
    library.join("Cargo.lock").is_file().then_some(library)
}

/// The folder of the `rust-lld` that the toolchain in use brings along.
fn toolchain_linker() -> Option<PathBuf> {
    let host = format!("{}-unknown-linux-gnu", env::consts::ARCH);
    let folder = sysroot(Path::new("rustc"))?.join("lib/rustlib").join(host).join("bin");
    process::is_program(&folder.join("rust-lld")).then_some(folder)
}

fn sysroot(rustc: &Path) -> Option<PathBuf> {
    let output = Command::new(rustc).args(["--print", "sysroot"]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().into())
}

/// Compiles the user interface for the browser; the file that wasm-bindgen reads.
pub(crate) fn compile(workspace: &Workspace) -> Result<PathBuf> {
    let route = route_here(workspace)?;
    let mut cargo = workspace.cargo();
    cargo
        .args(["build", "--package", "app", "--lib"])
        .args(["--target", TARGET, "--profile", "wasm"])
        .args(["--no-default-features", "--features", "hydrate"])
        .arg("--target-dir")
        .arg(workspace.target(FRONT));
    match route {
        Route::Installed => {}
        Route::Rustup => bail!("{TARGET} is not installed: run `cargo xtask setup`"),
        Route::Debian => with_debian_compiler(&mut cargo)?,
    }
    process::run(&mut cargo)?;
    Ok(workspace.target(FRONT).join(TARGET).join("wasm").join("app.wasm"))
}

fn with_debian_compiler(cargo: &mut Command) -> Result<()> {
    cargo
        .env("RUSTC", DEBIAN_RUSTC)
        // -Z build-std is not stable yet, in cargo and in the compiler alike.
        .env("RUSTC_BOOTSTRAP", "1")
        .args(["-Z", "build-std=std,panic_abort"]);
    if let Some(folder) = toolchain_linker() {
        let path = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths(env::split_paths(&path).chain([folder]))
            .context("the toolchain's folder cannot stand on PATH")?;
        cargo.env("PATH", path);
    } else {
        cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Route, route};

    #[test]
    fn an_installed_target_is_used_whatever_is_wanted() {
        assert_eq!(route(true, None, true), Route::Installed);
        assert_eq!(route(true, Some("debian"), false), Route::Installed);
    }

    #[test]
    fn debian_builds_where_rustup_is_absent_or_not_wanted() {
        assert_eq!(route(false, None, false), Route::Debian);
        assert_eq!(route(false, Some("debian"), true), Route::Debian);
    }

    #[test]
    fn rustup_adds_the_target_elsewhere() {
        assert_eq!(route(false, None, true), Route::Rustup);
        assert_eq!(route(false, Some("rustup"), true), Route::Rustup);
    }
}
