//! The ports on both sides of the broker: calls come in from the sandbox, and go out to an adapter.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use command::Refusal;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::Environment;
use crate::link::{OpenLink, Tunnel};
use crate::question::{Answer, Question};
use crate::terminal::OpenTerminal;

/// What a piece of output is: of one of a program's two output streams, or of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// What a program printed to its terminal, escape sequences and all.
    Terminal,
    /// The terminal's size from here on: [`crate::TerminalSize`], as text.
    Resize,
}

/// One call of a brokered program, as the shim handed it over. All of it is the caller's word and hostile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The program's name and its arguments; never empty.
    pub argv: Vec<String>,
    /// The caller's working directory inside the sandbox, an absolute path there.
    pub directory: String,
}

impl Call {
    /// The program's name.
    #[must_use]
    pub fn tool(&self) -> &str {
        self.argv.first().map_or("", String::as_str)
    }
}

/// The caller is gone: its pipe closed, it was killed, or the execution was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the caller has ended")]
pub struct CallEnded;

/// Why a caller's file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// The caller is gone.
    #[error(transparent)]
    Ended(#[from] CallEnded),
    /// It cannot be opened or read, in the system's words: `No such file or directory`.
    #[error("{0}")]
    Unreadable(String),
    /// It holds more than was permitted, in bytes.
    #[error("it is larger than {0} bytes, the most that this portal reads")]
    TooLarge(usize),
}

/// The caller's end of one call: where output goes and standard input comes from.
#[async_trait]
pub trait CallIo: Send + Sync {
    /// Sends bytes to the caller's stream; waits while the caller does not read (back-pressure).
    ///
    /// # Errors
    /// [`CallEnded`] when nobody reads any more.
    async fn write(&self, stream: Stream, bytes: Bytes) -> Result<(), CallEnded>;

    /// Asks for the next piece of the caller's standard input; `None` at its end. The shim reads its input only when
    /// this is called, so that a `while read` loop around the call keeps its lines.
    ///
    /// # Errors
    /// [`CallEnded`] when the caller is gone.
    async fn read_stdin(&self) -> Result<Option<Bytes>, CallEnded>;

    /// Reads one of the caller's files as the caller itself sees it: relative to its working directory, or absolute
    /// inside the sandbox, its private `/tmp` and `<(…)` included. The shim opens it, so that no link leads out. Longer
    /// files than `most` bytes are refused, not cut.
    ///
    /// # Errors
    /// [`FileError`].
    async fn read_file(&self, path: &str, most: usize) -> Result<Bytes, FileError>;

    /// Asks the people at the caller's run, and waits for the first answer; [`Answer::No`] where nobody can be asked.
    ///
    /// # Errors
    /// [`CallEnded`] when the caller is gone before anybody answered.
    async fn ask(&self, question: Question) -> Result<Answer, CallEnded> {
        let _ = question;
        Ok(Answer::No)
    }

    /// Opens a link of the portal to something that the call reaches, for people who may run commands; it ends when what
    /// is returned is dropped. `None` where this portal has no links.
    fn open_link(&self, title: String, tunnel: Arc<dyn Tunnel>) -> Option<OpenLink> {
        let _ = (title, tunnel);
        None
    }

    /// Whether the caller would be at a terminal if somebody typed its script into one: nothing is piped into it, and its
    /// output goes where the script's goes.
    async fn is_at_terminal(&self) -> bool {
        false
    }

    /// Opens a terminal on the pages of the caller's run for whoever pressed Run; it ends when what is returned is dropped,
    /// and what is written to [`Stream::Terminal`] meanwhile appears there. `None` where the call has none: nobody wants
    /// one, or the person may not have one.
    async fn open_terminal(&self, title: String) -> Option<OpenTerminal> {
        let _ = title;
        None
    }

    /// The workspace of the caller's run, where it lies on this machine; inside the sandbox it is `/workspace`. Only
    /// for a real program that runs over it in a sandbox of its own: what is in it is hostile, links above all. `None`
    /// where the call belongs to no run.
    fn workspace(&self) -> Option<&Path>;

    /// Cancelled when the caller's pipe closed, it was killed, or the execution was stopped or timed out. Whatever
    /// waits or streams must wait for this too, and end the remote call.
    fn ended(&self) -> CancellationToken;
}

/// What the sandbox hands calls to: the broker of one execution.
#[async_trait]
pub trait CallHandler: Send + Sync {
    /// Permits, audits and performs one call; the returned exit code is the caller's.
    async fn handle(&self, call: Call, io: Arc<dyn CallIo>) -> u8;
}

/// Performs the calls of one program natively, in one kind of infrastructure.
#[async_trait]
pub trait Adapter: Send + Sync {
    /// The program it stands for: `kubectl`.
    fn tool(&self) -> &'static str;

    /// Whether it performs this call in this environment at all, as far as the arguments tell: asked before the policy,
    /// so that the trail says *refused* of what nobody here may do.
    ///
    /// # Errors
    /// The reason, for the caller and the trail.
    fn check(&self, environment: &Environment, call: &Call) -> Result<(), Refusal>;

    /// Performs a call that the policy has permitted and the trail has recorded. Writes what the real program would
    /// write and returns its exit code. Must end soon after `io.ended()`.
    async fn perform(&self, environment: &Environment, call: &Call, io: &dyn CallIo) -> u8;
}
