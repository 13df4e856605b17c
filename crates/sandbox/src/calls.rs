//! Takes the connections of one execution: its start, its calls, and what it exported.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use operations::{Call, CallHandler};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::conversation::{OfExecution, converse, receive, send};
use crate::frame::{self, Kind};
use crate::variables;

/// Connections of one execution at once; further ones are closed.
const CONNECTIONS: usize = 256;
/// Calls of one execution that the broker handles at once; further ones wait in line.
const CALLS: usize = 64;
/// For the first frame, which the shim sends at once.
const FIRST_FRAME: Duration = Duration::from_secs(10);
/// What the shim returns for a call that cannot be read (`sysexits.h`: wrong arguments).
const USAGE: u8 = 64;

/// All connections of one execution.
pub(crate) struct Calls {
    broker: Arc<dyn CallHandler>,
    of_execution: OfExecution,
    ending: CancellationToken,
    tasks: TaskTracker,
    connections: Arc<Semaphore>,
    slots: Semaphore,
    /// The launcher's reports; only the first one is the launcher's.
    started: mpsc::Sender<()>,
    exported: Mutex<Option<BTreeMap<String, String>>>,
}

impl Calls {
    /// `ending` ends every call; one message comes out of the receiver when bash is about to start.
    pub(crate) fn new(
        broker: Arc<dyn CallHandler>,
        of_execution: OfExecution,
        ending: CancellationToken,
    ) -> (Arc<Self>, mpsc::Receiver<()>) {
        let (started, reports) = mpsc::channel(1);
        let calls = Self {
            broker,
            of_execution,
            ending,
            tasks: TaskTracker::new(),
            connections: Arc::new(Semaphore::new(CONNECTIONS)),
            slots: Semaphore::new(CALLS),
            started,
            exported: Mutex::new(None),
        };
        (Arc::new(calls), reports)
    }

    /// Accepts until dropped.
    pub(crate) async fn accept(self: Arc<Self>, listener: UnixListener) {
        loop {
            let socket = match listener.accept().await {
                Ok((socket, _)) => socket,
                Err(error) => {
                    // Out of descriptors, for example: not the fault of this execution, and it passes.
                    tracing::warn!(%error, "a call could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let Ok(permit) = self.connections.clone().try_acquire_owned() else {
                continue;
            };
            let calls = self.clone();
            self.tasks.spawn(async move {
                if let Err(error) = calls.connection(socket).await {
                    tracing::debug!(%error, "a connection from the sandbox ended early");
                }
                drop(permit);
            });
        }
    }

    /// Waits until the broker has done with every call.
    pub(crate) async fn done(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// What the script exported, where it said so.
    pub(crate) fn exported(&self) -> Option<BTreeMap<String, String>> {
        self.exported.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn connection(&self, mut socket: UnixStream) -> io::Result<()> {
        // Also while it ends: a script that cleans up when it is stopped still tells what it exported.
        let first = tokio::time::timeout(FIRST_FRAME, receive(&mut socket)).await??;
        match first {
            (Kind::Started, _) => {
                // A later report is the script's, and says nothing.
                let _ = self.started.try_send(());
                send(&mut socket, Kind::Exit, &[0]).await
            }
            (Kind::Exported, content) => {
                let variables = variables::decode(&content).map_err(io::Error::other)?;
                *self.exported.lock().unwrap_or_else(PoisonError::into_inner) = Some(variables);
                send(&mut socket, Kind::Exit, &[0]).await
            }
            (Kind::Call, content) => match read_call(&content) {
                Ok(call) => {
                    drop(content);
                    self.call(call, socket).await;
                    Ok(())
                }
                Err(reason) => {
                    send(&mut socket, Kind::Stderr, reason.as_bytes()).await?;
                    send(&mut socket, Kind::Exit, &[USAGE]).await
                }
            },
            _ => Err(io::Error::other(frame::Malformed)),
        }
    }

    async fn call(&self, call: Call, socket: UnixStream) {
        let ended = self.ending.child_token();
        let slot = tokio::select! {
            biased;
            () = ended.cancelled() => return,
            slot = self.slots.acquire() => slot,
            () = spoke(&socket) => return,
        };
        converse(call, socket, self.broker.clone(), self.of_execution.clone(), ended).await;
        drop(slot);
    }
}

/// Waits for anything from a caller in line. The shim sends nothing until it is asked, so that this is its end.
async fn spoke(socket: &UnixStream) {
    while socket.readable().await.is_ok() {
        match socket.try_read(&mut [0]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            _ => return,
        }
    }
}

/// The folder, the program and its arguments.
fn read_call(content: &Bytes) -> Result<Call, &'static str> {
    let parts = frame::split(content).map_err(|_| "this call is not complete\n")?;
    let mut texts = parts
        .into_iter()
        .map(|part| std::str::from_utf8(part).map(str::to_owned))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| "the portal takes only arguments that are UTF-8\n")?;
    if texts.len() < 2 || texts[1].is_empty() {
        return Err("this call names no program\n");
    }
    let directory = texts.remove(0);
    if !directory.starts_with('/') {
        return Err("this call comes from no folder\n");
    }
    Ok(Call { argv: texts, directory })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_a_folder_a_program_and_arguments() {
        let content = Bytes::from(frame::join([b"/workspace".as_slice(), b"kubectl", b"", b"get"]));
        let call = read_call(&content).unwrap();
        assert_eq!(
            (call.directory.as_str(), call.argv),
            ("/workspace", vec!["kubectl".into(), String::new(), "get".into()])
        );
        for bad in [&b"/workspace\0"[..], b"/w\0kubectl", b"/w\0\0", b"w\0kubectl\0", b"/w\0kubectl\0\xff\0", b""] {
            assert!(read_call(&Bytes::copy_from_slice(bad)).is_err(), "{bad:?}");
        }
    }
}
