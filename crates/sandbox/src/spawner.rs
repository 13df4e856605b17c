//! Starts what holds a sandbox from a thread of its own: starting a process blocks, and whoever gives up while it does must
//! not leave one behind.

use std::io;
use std::process::{Child, Command};
use std::sync::mpsc;

use tokio::sync::oneshot;

use crate::hold;

type Order = (Command, oneshot::Sender<io::Result<Child>>);

/// The thread's letter box. The thread ends when it is dropped.
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
                    hold::end(&mut child);
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
