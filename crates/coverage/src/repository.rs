//! The repository that runbooks are kept in, as their commands mean it: the runbooks of a folder, unchanged, beside the
//! scripts and manifests that they call.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;
use tokio::process::Command;

use crate::world;

/// What is laid beside the runbooks.
const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/repository");

/// A copy of a folder of runbooks in a git repository of its own, which goes with this.
pub(crate) struct Repository(TempDir);

impl Repository {
    pub(crate) async fn new(runbooks: &Path) -> Result<Self> {
        let folder = TempDir::new()?;
        copy(Path::new(FILES), folder.path())?;
        copy(runbooks, folder.path())?;
        for arguments in [&["init", "-q"][..], &["add", "--all", "--force"], &["commit", "-q", "-m", "All of it"]] {
            let mut git = Command::new("git");
            git.current_dir(folder.path()).args(["-c", "user.name=walk", "-c", "user.email=walk@example.com"]);
            world::output(git.args(arguments)).await?;
        }
        Ok(Self(folder))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let list = fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?;
    for entry in list {
        let entry = entry?;
        let target: PathBuf = to.join(entry.file_name());
        if entry.file_name() == ".git" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&target)?;
            copy(&entry.path(), &target)?;
        } else if entry.file_type()?.is_file() {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
