//! The processes of one execution: the holder, bubblewrap, its process 1 inside, and everything below.

use std::io;
use std::os::fd::OwnedFd;
use std::process::{Child, ExitStatus};

use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::hold;

/// Everything that an execution started. Dropping it ends all of it.
pub(crate) struct Tree {
    child: Child,
    ended: AsyncFd<OwnedFd>,
    /// Process 1 inside, by its id out here; when it has ended, nothing inside is left (`pid_namespaces(7)`).
    first: Option<(Pid, AsyncFd<OwnedFd>)>,
}

impl Tree {
    pub(crate) fn new(child: Child) -> io::Result<Self> {
        match watch(Pid::from_child(&child)) {
            Ok(ended) => Ok(Self { child, ended, first: None }),
            Err(error) => {
                let mut child = child;
                hold::end(&mut child);
                let _ = child.wait();
                Err(error)
            }
        }
    }

    /// Looks for process 1; there once the launcher has reported.
    pub(crate) fn find_first(&mut self) -> io::Result<Pid> {
        let below = |process| children(process).first().copied();
        let bubblewrap = below(Pid::from_child(&self.child));
        let first = bubblewrap.and_then(below).ok_or(io::ErrorKind::NotFound)?;
        self.first = Some((first, watch(first)?));
        Ok(first)
    }

    /// Waits for the holder, which returns what bubblewrap and so bash returned.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        loop {
            let mut ready = self.ended.ready(Interest::READABLE).await?;
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            ready.clear_ready();
        }
    }

    /// Asks bash and its ordinary children to end: bubblewrap's process 1 leads their group and, being a process 1
    /// without a handler, does not take the signal itself.
    pub(crate) fn ask(&self) {
        if let Some((first, _)) = &self.first {
            let _ = kill_process_group(*first, Signal::TERM);
        }
    }

    /// Ends everything.
    pub(crate) fn kill(&mut self) {
        match &self.first {
            Some((_, first)) => {
                let _ = pidfd_send_signal(first, Signal::KILL);
                let _ = self.child.kill();
            }
            None => hold::end(&mut self.child),
        }
    }

    /// Waits until nothing inside is left; bubblewrap has ended before.
    pub(crate) async fn gone(&self) -> io::Result<()> {
        if let Some((_, first)) = &self.first {
            drop(first.ready(Interest::READABLE).await?);
        }
        Ok(())
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.kill();
            let _ = self.child.wait();
        }
    }
}

#[expect(deprecated, reason = "its replacement is an unsafe function; an `OwnedFd` keeps what that one asks for")]
fn watch(process: Pid) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(pidfd_open(process, PidfdFlags::NONBLOCK)?, Interest::READABLE)
}

/// The children of a process, of all its threads (`proc_pid_tid_children(5)`).
pub(crate) fn children(process: Pid) -> Vec<Pid> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{}/task", process.as_raw_pid())) else {
        return Vec::new();
    };
    threads
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("children")).ok())
        .flat_map(|text| {
            text.split_ascii_whitespace().filter_map(|id| Pid::from_raw(id.parse().ok()?)).collect::<Vec<_>>()
        })
        .collect()
}

/// What the processes of an execution use together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// How many there are, at most one more than asked for.
    pub(crate) processes: u64,
    /// Memory that is not a file's, in bytes.
    pub(crate) memory: u64,
}

/// Counts the processes below process 1, and stops counting above `most`.
pub(crate) fn usage(first: Pid, most: u64) -> Usage {
    let mut usage = Usage::default();
    let mut waiting = children(first);
    while let Some(process) = waiting.pop() {
        usage.processes += 1;
        usage.memory = usage.memory.saturating_add(memory(process));
        if usage.processes > most {
            break;
        }
        waiting.extend(children(process));
    }
    usage
}

fn memory(process: Pid) -> u64 {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{}/status", process.as_raw_pid())) else {
        return 0;
    };
    status
        .lines()
        .filter_map(|line| line.strip_prefix("RssAnon:").or_else(|| line.strip_prefix("RssShmem:")))
        .filter_map(|amount| amount.trim().strip_suffix(" kB")?.parse::<u64>().ok())
        .fold(0, |sum, kilobytes| sum.saturating_add(kilobytes << 10))
}
