//! Between the portal and bubblewrap: a process that ends a sandbox when the portal has ended, however it ended.
//!
//! `--die-with-parent` is `PR_SET_PDEATHSIG` (`prctl(2)`), which bubblewrap sets for itself once it runs. A portal that is
//! killed just before that is not noticed; and where bubblewrap is killed between setting it and telling the process that it
//! has cloned to go on, that process waits for ever for a word that nobody can give any more. So bubblewrap is started by a
//! holder: it has no moment at which it does not know whether the portal lives, and whatever loses its parent becomes its child.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitOptions, getpid, getppid, kill_process, pidfd_open,
    pidfd_send_signal, set_child_subreaper, wait, waitid,
};

use crate::tree::children;

/// What a holder does: runs a program to its end, returns its exit code, and ends everything below it when it or `portal`, the
/// parent's process id, has ended.
///
/// # Errors
/// Where the portal has ended already, or the program cannot be started.
pub fn hold(portal: &OsStr, program: &OsStr, arguments: &[OsString]) -> io::Result<u8> {
    let portal = portal.to_str().and_then(|id| Pid::from_raw(id.parse().ok()?)).ok_or(io::ErrorKind::InvalidInput)?;
    let me = getpid();
    set_child_subreaper(Some(me))?;
    let living = pidfd_open(portal, PidfdFlags::empty())?;
    // Still the parent after the descriptor was opened: so the descriptor is the parent's, and not a later process's.
    if getppid() != Some(portal) {
        return Err(io::Error::other("the portal has ended"));
    }
    let mut child = Command::new(program).args(arguments).spawn()?;
    let running = pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?;
    let mut both = [PollFd::new(&running, PollFlags::IN), PollFd::new(&living, PollFlags::IN)];
    while let Err(error) = poll(&mut both, None) {
        if error != Errno::INTR {
            return Err(error.into());
        }
    }
    let status = if both[0].revents().is_empty() { None } else { Some(child.wait()?) };
    end_children(me);
    Ok(status.map_or(u8::MAX, code))
}

/// Kills and reaps until there is nobody left. What a killed one had started comes next.
fn end_children(me: Pid) {
    loop {
        for child in children(me) {
            let _ = kill_process(child, Signal::KILL);
        }
        if let Err(Errno::CHILD) = wait(WaitOptions::empty()) {
            return;
        }
    }
}

/// The exit code; ends by the same signal where one ended the program.
fn code(status: ExitStatus) -> u8 {
    if let Some(signal) = status.signal().and_then(Signal::from_named_raw) {
        let _ = kill_process(getpid(), signal);
    }
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

/// Ends a holder that may not have come far, and what it has started. Killing only the holder would kill bubblewrap, perhaps
/// in the very moment that this is about.
pub(crate) fn end(child: &mut Child) {
    let holder = Pid::from_child(child);
    let held = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    // A stopped holder starts nothing more, and still takes what loses its parent.
    if kill_process(holder, Signal::STOP).is_ok() && waitid(WaitId::Pid(holder), held).is_ok() {
        let mut ended = Vec::new();
        while let Some(next) = children(holder).into_iter().find(|child| !ended.contains(child)) {
            if let Ok(process) = pidfd_open(next, PidfdFlags::empty()) {
                end_process(&process);
            }
            ended.push(next);
        }
    }
    let _ = child.kill();
}

/// Kills a process and waits until it has ended; its children have another parent then.
fn end_process(process: &OwnedFd) {
    let _ = pidfd_send_signal(process, Signal::KILL);
    while let Err(Errno::INTR) = poll(&mut [PollFd::new(process, PollFlags::IN)], None) {}
}
