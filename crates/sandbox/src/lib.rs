//! bubblewrap, the shim, and the broker protocol.
//!
//! A step's bash runs where there is nothing to reach: no network, no credential, a read-only system, a private
//! `/tmp`, and the run's own folder at `/workspace`. The programs that reach infrastructure are links to one small
//! program, the **shim** (`runbook-shim`), which hands each call over a Unix socket to the broker. [`Sandbox`]
//! implements the port [`operations::Executor`].
//!
//! # What a script may rely on
//! - The first failing command ends it (`set -e`). `pipefail` is *not* set: `kubectl logs … | head -1` ends the writer
//!   by a closed pipe, which is no failure of the step. A script may set it itself.
//! - Standard input is `/dev/null`.
//! - What it exports is given back, bounded, for the next step of the run.
//! - When bash ends, everything that it started ends too, also what was put in the background with `nohup` or `setsid`.
//! - `watch` is the sandbox's own: it prints instead of drawing, because a script has no terminal; only a call may get one.
//!
//! # Errands
//! A real program that the broker runs is hostile code with a key. It gets a sandbox of the second kind ([`Errands`]):
//! no network either, but **doors**: ports of its own loopback interface behind which the portal stands, which alone
//! connects to the outside. No `/proc`, an empty home, an environment that holds what it is given and nothing else,
//! the real programs of the system read-only, and the run's workspace only where the call needs it.
//!
//! At a terminal ([`Errands::talk`]) its streams are a pseudo-terminal of its own.
//!
//! # Who the script is
//! Started by root, bubblewrap sets up the folders and the shim then gives root up for a user id that belongs to the
//! run alone, so that the kernel counts that run's processes. Started by an ordinary user, a user namespace does the
//! same. Either way the script holds no capability and cannot gain one.

mod bubblewrap;
mod calls;
mod conversation;
mod errand;
mod execution;
mod folder;
pub mod frame;
mod handover;
pub mod hold;
pub mod inside;
pub mod kernel;
mod probe;
mod pty;
mod sandbox;
mod spawner;
mod tree;
mod variables;
mod watchdog;
mod workspace;

pub use errand::{Access, Door, Errand, ErrandError, Errands, Input, Keeper};
pub use sandbox::Sandbox;
