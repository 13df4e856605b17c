//! The port that the portal runs scripts through.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use async_trait::async_trait;
use operations::{CallHandler, Ended, ExecutionRequest, Executor, ExecutorError, OutputSink, RunId};
use tokio_util::sync::CancellationToken;

use crate::errand::Errands;
use crate::execution::{self, Ports};
use crate::probe::{self, Found};
use crate::spawner::Spawner;
use crate::{inside, workspace};

/// Bytes that the workspace of one run may hold, unless told otherwise: 1 GiB.
const SPACE: u64 = 1 << 30;

/// Runs bash in bubblewrap. Where that does not work it runs nothing, and says why.
pub struct Sandbox {
    machine: Arc<Result<Machine, String>>,
    space: u64,
}

/// What executions need of this machine.
pub(crate) struct Machine {
    pub(crate) found: Found,
    pub(crate) spawner: Spawner,
    pub(crate) data: PathBuf,
    pub(crate) shim: PathBuf,
}

impl Sandbox {
    /// Tries bubblewrap once, which takes some milliseconds. `root` is the folder for workspaces and for what is left
    /// of executions, made where it is absent; `shim` is the program `runbook-shim` of the same build.
    #[must_use]
    pub fn new(root: PathBuf, shim: PathBuf) -> Self {
        Self { machine: Arc::new(Machine::new(root, shim)), space: SPACE }
    }

    /// The same, with other bytes that the workspace of one run may hold.
    #[must_use]
    pub fn with_workspace_limit(self, bytes: u64) -> Self {
        Self { space: bytes, ..self }
    }

    /// What runs real programs for the broker, on the same machine and over the same workspaces.
    #[must_use]
    pub fn errands(&self) -> Errands {
        Errands::new(self.machine.clone(), self.space)
    }
}

impl Machine {
    fn new(root: PathBuf, shim: PathBuf) -> Result<Self, String> {
        let data = prepare(root).map_err(|error| format!("the folder for workspaces cannot be used: {error}"))?;
        if data.starts_with("/usr") {
            return Err(
                "the folder for workspaces lies in /usr, which every sandbox can read. Choose another one.".into()
            );
        }
        let shim = shim.canonicalize().unwrap_or(shim);
        // What this process inherited from whoever started it would be open inside, too.
        close_fds::set_fds_cloexec(3, &[]);
        let found = probe::probe(&data, &shim)?;
        let spawner = Spawner::start().map_err(|error| format!("no thread for the sandbox: {error}"))?;
        Ok(Self { found, spawner, data, shim })
    }

    /// bubblewrap with these arguments, started by a holder of its own ([`crate::hold`]). Its process 1 keeps the environment
    /// that it was started with, where scripts can read it: none.
    pub(crate) fn command(&self, arguments: Vec<OsString>) -> Command {
        let mut command = Command::new(&self.shim);
        command.arg0(inside::SHIM_NAME).arg("--hold").arg(std::process::id().to_string());
        command.arg(self.found.bubblewrap).args(arguments).env_clear().current_dir("/");
        // What a terminal sends to the portal's group is for the portal: it ends its sandboxes itself.
        command.process_group(0);
        command
    }

    pub(crate) fn workspace(&self, run: RunId) -> PathBuf {
        self.data.join("workspaces").join(run.to_string())
    }
}

/// Makes the folders, closed to others, and removes what a portal that crashed left behind: folders of executions, and
/// workspaces that it had not filled yet.
fn prepare(root: PathBuf) -> io::Result<PathBuf> {
    for folder in ["workspaces", "executions"] {
        DirBuilder::new().recursive(true).mode(0o700).create(root.join(folder))?;
    }
    let data = root.canonicalize().unwrap_or(root);
    for entry in fs::read_dir(data.join("executions"))? {
        fs::remove_dir_all(entry?.path())?;
    }
    for entry in fs::read_dir(data.join("workspaces"))? {
        let path = entry?.path();
        if workspace::is_unfinished(&path) {
            workspace::remove(&path)?;
        }
    }
    Ok(data)
}

#[async_trait]
impl Executor for Sandbox {
    fn available(&self) -> Result<(), String> {
        self.machine.as_ref().as_ref().map(|_| ()).map_err(Clone::clone)
    }

    async fn execute(
        &self,
        request: ExecutionRequest,
        broker: Arc<dyn CallHandler>,
        output: Arc<dyn OutputSink>,
        stop: CancellationToken,
    ) -> Result<Ended, ExecutorError> {
        let machine = self.machine.as_ref().as_ref().map_err(|reason| ExecutorError::Unavailable(reason.clone()))?;
        execution::execute(machine, self.space, request, Ports { broker, output, stop })
            .await
            .map_err(ExecutorError::Start)
    }

    fn has_workspace(&self, run: RunId) -> bool {
        self.machine.as_ref().as_ref().is_ok_and(|machine| machine.workspace(run).is_dir())
    }

    async fn remove_workspace(&self, run: RunId) -> io::Result<()> {
        let Ok(machine) = self.machine.as_ref() else {
            return Ok(());
        };
        let path = machine.workspace(run);
        tokio::task::spawn_blocking(move || workspace::remove(&path)).await.map_err(io::Error::other)?
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_a_crashed_portal_was_filling_is_removed_and_whole_workspaces_stay() {
        let root = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        prepare(root.path().to_owned()).unwrap();
        let (whole, executions) = (RunId::new().to_string(), root.path().join("executions"));
        let workspaces = root.path().join("workspaces");
        for folder in [&whole, &format!("{}.new-7-0", RunId::new())] {
            fs::create_dir_all(workspaces.join(folder).join("scripts")).unwrap();
            symlink(outside.path(), workspaces.join(folder).join("link")).unwrap();
        }
        fs::create_dir(executions.join("left")).unwrap();
        prepare(root.path().to_owned()).unwrap();
        let left: Vec<_> =
            fs::read_dir(&workspaces).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(left, [whole]);
        assert!(fs::read_dir(executions).unwrap().next().is_none());
        assert!(outside.path().exists(), "links are not followed");
    }
}
