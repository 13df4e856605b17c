//! Looks after what no kernel limit covers: memory and processes of the whole tree, and the size of the workspace.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use operations::Limits;
use rustix::process::Pid;

use crate::{tree, workspace};

/// Between two looks at the processes.
const LOOK: Duration = Duration::from_millis(200);
/// Between two looks at the workspace, which costs more.
const MEASURE: Duration = Duration::from_secs(2);
/// The tree's memory at most, in times that of one process.
const MEMORY_OF_ALL: u64 = 2;

/// What is watched.
pub(crate) struct Watched {
    /// Process 1 inside.
    pub(crate) first: Pid,
    pub(crate) limits: Limits,
    /// What it writes to, where it has one.
    pub(crate) workspace: Option<PathBuf>,
    /// Bytes that the workspace may hold.
    pub(crate) space: u64,
}

/// Returns only when a limit is broken, with a sentence that says which.
pub(crate) async fn watch(watched: Watched) -> String {
    let watched = std::sync::Arc::new(watched);
    let mut measured = Instant::now();
    let mut pause = MEASURE;
    loop {
        tokio::time::sleep(LOOK).await;
        let due = measured.elapsed() >= pause;
        let looking = watched.clone();
        let look = tokio::task::spawn_blocking(move || {
            let start = Instant::now();
            let broken = looking.processes().or_else(|| due.then(|| looking.space()).flatten());
            (broken, start.elapsed())
        });
        let Ok((broken, took)) = look.await else {
            continue;
        };
        if let Some(broken) = broken {
            return format!("the step was ended by the portal: {broken}\n");
        }
        if due {
            measured = Instant::now();
            // However much there is, looking takes a small part of the time.
            pause = MEASURE.max(took * 20);
        }
    }
}

impl Watched {
    fn processes(&self) -> Option<String> {
        let usage = tree::usage(self.first, self.limits.processes);
        let memory = self.limits.memory.saturating_mul(MEMORY_OF_ALL);
        if usage.processes > self.limits.processes {
            Some(format!("it started more than {} processes at once", self.limits.processes))
        } else if usage.memory > memory {
            Some(format!("its processes used more than {} MiB of memory together", memory >> 20))
        } else {
            None
        }
    }

    fn space(&self) -> Option<String> {
        workspace::measure(self.workspace.as_ref()?, self.space).err().map(|error| error.to_string())
    }
}
