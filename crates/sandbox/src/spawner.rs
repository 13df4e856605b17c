//! Starts bubblewrap from one thread that lives as long as the sandbox.
//!
//! `--die-with-parent` is `PR_SET_PDEATHSIG` (`prctl(2)`), and the parent it means is the *thread* that forked. A
//! thread of the runtime may end while the portal lives, and would take the execution with it.

use std::io;
use std::process::{Child, Command};
use std::sync::mpsc;

use tokio::sync::oneshot;

type Order = (Command, oneshot::Sender<io::Result<Child>>);

/// The thread's letter box. The thread ends when it is dropped, and the executions that it started with it.
pub(crate) struct Spawner(mpsc::Sender<Order>);

impl Spawner {
    pub(crate) fn start() -> io::Result<Self> {
        let (sender, orders) = mpsc::channel::<Order>();
        std::thread::Builder::new().name("sandbox-spawner".into()).spawn(move || {
            for (mut command, reply) in orders {
                let spawned = command.spawn();
                // Its ends of the output pipes must be closed here, or the portal would wait for itself.
                drop(command);
                if let Err(Ok(mut child)) = reply.send(spawned) {
                    let _ = child.kill();
                    let _ = child.wait();
                }
            }
        })?;
        Ok(Self(sender))
    }

    pub(crate) async fn spawn(&self, command: Command) -> io::Result<Child> {
        let gone = || io::Error::other("the thread that starts bubblewrap has ended");
        let (sender, reply) = oneshot::channel();
        self.0.send((command, sender)).map_err(|_| gone())?;
        reply.await.map_err(|_| gone())?
    }
}
