//! Where things are: the checkout, the target folder, and what Cargo.lock pins.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process;

/// The checkout that this program was built from, and the folder its builds go to.
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// Asks cargo, so that `CARGO_TARGET_DIR` and cargo's own configuration count here as everywhere.
    pub(crate) fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("xtask lies in the workspace's folder")?
            .to_path_buf();
        let json = process::output(cargo_in(&root).args(["metadata", "--no-deps", "--format-version", "1"]))?;
        let metadata: serde_json::Value = serde_json::from_str(&json).context("cargo metadata is not JSON")?;
        let target = metadata["target_directory"].as_str().context("cargo metadata names no target_directory")?.into();
        Ok(Self { root, target })
    }

    /// A path inside the checkout.
    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.root.join(inside)
    }

    /// A path inside the target folder.
    pub(crate) fn target(&self, inside: &str) -> PathBuf {
        self.target.join(inside)
    }

    /// Where the built site is served from: `pkg/` inside it holds WebAssembly, JavaScript and CSS.
    pub(crate) fn site(&self) -> PathBuf {
        self.target("site")
    }

    /// cargo in the checkout.
    pub(crate) fn cargo(&self) -> Command {
        cargo_in(&self.root)
    }

    /// A program in the checkout, without what cargo set for xtask itself.
    pub(crate) fn program(&self, program: impl AsRef<Path>) -> Command {
        program_in(&self.root, program.as_ref())
    }

    /// The version of a crate that Cargo.lock pins.
    pub(crate) fn locked_version(&self, name: &str) -> Result<String> {
        let path = self.path("Cargo.lock");
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let lock: toml::Table = text.parse().context("Cargo.lock is not TOML")?;
        version_in(&lock, name).with_context(|| format!("Cargo.lock does not name {name}"))
    }
}

fn version_in(lock: &toml::Table, name: &str) -> Option<String> {
    let packages = lock.get("package")?.as_array()?;
    let package = packages.iter().find(|package| package.get("name").and_then(toml::Value::as_str) == Some(name))?;
    Some(package.get("version")?.as_str()?.to_owned())
}

fn cargo_in(root: &Path) -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = program_in(root, Path::new(&cargo));
    if process::in_ci() {
        // Nothing is edited and built again in CI: incremental files would only cost time and room.
        command.env("CARGO_INCREMENTAL", "0");
    }
    command
}

/// `cargo run` describes xtask in the environment (`CARGO_PKG_*`, `CARGO_MANIFEST_*`, `LD_LIBRARY_PATH`). Build scripts
/// of other crates watch those names, and would run again whenever a build is started from here and then by hand.
fn program_in(root: &Path, program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root);
    for (name, _) in env::vars_os() {
        let Some(text) = name.to_str() else { continue };
        let describes_xtask =
            text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") || text == "LD_LIBRARY_PATH";
        if describes_xtask {
            command.env_remove(&name);
        }
    }
    command
}

#[cfg(test)]
mod tests {
    use super::version_in;

    #[test]
    fn a_version_is_read_from_the_lock() {
        let lock: toml::Table = "[[package]]\nname = \"wasm-bindgen-macro\"\nversion = \"1.0.0\"\n\
             [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n"
            .parse()
            .unwrap();
        assert_eq!(version_in(&lock, "wasm-bindgen").as_deref(), Some("0.2.130"));
        assert_eq!(version_in(&lock, "wasm"), None);
    }
}
