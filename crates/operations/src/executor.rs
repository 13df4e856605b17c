//! The port to the sandbox: runs bash where nothing can be reached but the broker.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::{CallHandler, ExecutionId, OutputSink, RepositoryFile, RunId};

/// What an execution may use at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Wall-clock time, after which the whole process tree is ended.
    pub time: Duration,
    /// Processes and threads at once.
    pub processes: u64,
    /// Address space of each process, in bytes.
    pub memory: u64,
    /// Size of one file, in bytes.
    pub file_size: u64,
    /// Executions of the whole portal at once.
    pub executions: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(30 * 60),
            processes: 256,
            memory: 1 << 30,
            file_size: 256 << 20,
            executions: 32,
        }
    }
}

/// One press of Run, ready for bash.
#[derive(Clone, Debug)]
pub struct ExecutionRequest {
    /// This execution.
    pub execution: ExecutionId,
    /// The run whose workspace folder it shares.
    pub run: RunId,
    /// The bash text. Parameter values are not in it: they are in `variables`.
    pub script: String,
    /// Environment variables: parameter values, and what earlier steps exported.
    pub variables: BTreeMap<String, String>,
    /// Programs that are links to the shim: `kubectl`, and those that are refused by name.
    pub brokered: Vec<String>,
    /// What a workspace that is made for this execution holds at first.
    pub files: Vec<RepositoryFile>,
    /// What it may use.
    pub limits: Limits,
}

/// How bash ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code.
    Code(u8),
    /// By a signal that nobody here sent.
    Signal(i32),
    /// Because somebody pressed Stop.
    Stopped,
    /// Because its time was over.
    TimedOut,
}

/// What is left of an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How it ended.
    pub exit: Exit,
    /// The exported variables at its end, without those the sandbox sets itself; bounded by the sandbox.
    pub exported: BTreeMap<String, String>,
}

/// Why nothing ran at all.
#[derive(Debug, thiserror::Error)]
pub enum ExecutorError {
    /// The machine has no way to sandbox. The text says what to install.
    #[error("{0}")]
    Unavailable(String),
    /// The sandbox could not be set up.
    #[error("the sandbox could not be started: {0}")]
    Start(#[source] std::io::Error),
}

/// Runs bash in a sandbox.
#[async_trait]
pub trait Executor: Send + Sync {
    /// Whether executions are possible on this machine.
    ///
    /// # Errors
    /// The plain reason, with the next step, where they are not.
    fn available(&self) -> Result<(), String>;

    /// Runs the script to its end. The first failing command ends it. Output goes to `output` as it comes, waiting
    /// when the sink does; calls of brokered programs go to `broker`; `stop` ends the whole process tree and every
    /// call under way.
    ///
    /// # Errors
    /// [`ExecutorError`] when bash never started.
    async fn execute(
        &self,
        request: ExecutionRequest,
        broker: Arc<dyn CallHandler>,
        output: Arc<dyn OutputSink>,
        stop: CancellationToken,
    ) -> Result<Ended, ExecutorError>;

    /// Whether a run has its workspace folder already.
    fn has_workspace(&self, run: RunId) -> bool;

    /// Removes a run's workspace folder.
    ///
    /// # Errors
    /// Where the file system refuses.
    async fn remove_workspace(&self, run: RunId) -> std::io::Result<()>;
}
