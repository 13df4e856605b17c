//! One execution from its folder to its last byte.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::fchown;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use operations::{CallHandler, Ended, ExecutionRequest, Exit, OutputSink, RunId, Stream};
use tokio::io::AsyncReadExt;
use tokio::net::UnixListener;
use tokio::net::unix::pipe::Receiver;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::bubblewrap::{self, Binds};
use crate::calls::Calls;
use crate::conversation::OfExecution;
use crate::folder::{Content, Folder};
use crate::sandbox::Machine;
use crate::tree::Tree;
use crate::watchdog::{Watched, watch};
use crate::{frame, workspace};

/// Between the request to end and the end.
const GRACE: Duration = Duration::from_secs(2);
/// After a stop: for output that is still in the pipes.
const LAST_OUTPUT: Duration = Duration::from_secs(5);
/// For the broker to end its calls, whose callers are gone.
const LAST_CALLS: Duration = Duration::from_secs(30);
/// Of what bubblewrap says where it cannot start, in bytes.
const WORDS: usize = 2048;
/// A script that was ended by the portal's limits returns what a killed one does: 128 + 9.
const KILLED: u8 = 137;

/// The portal's sides of an execution.
pub(crate) struct Ports {
    pub(crate) broker: Arc<dyn CallHandler>,
    pub(crate) output: Arc<dyn OutputSink>,
    pub(crate) stop: CancellationToken,
}

/// Why the script ended.
enum End {
    Itself(ExitStatus),
    Stopped,
    TimedOut,
    /// A limit was broken; the sentence is for the output.
    Limited(String),
}

pub(crate) async fn execute(
    machine: &Machine,
    space: u64,
    request: ExecutionRequest,
    ports: Ports,
) -> io::Result<Ended> {
    let deadline = Instant::now() + request.limits.time;
    let (request, prepared) = prepare(machine, request).await?;
    let Prepared { folder, listener, command, stdout, stderr } = prepared;

    let ending = CancellationToken::new();
    // However this function ends, also when its caller gives up: every call ends, and then the tree (its `Drop`).
    let _end_calls = ending.clone().drop_guard();
    let place = rustix::fs::fstat(&stdout)?;
    let of_execution =
        OfExecution { workspace: machine.workspace(request.run).into(), output: (place.st_dev, place.st_ino) };
    let (calls, mut started) = Calls::new(ports.broker, of_execution, ending.clone());
    let mut tasks = JoinSet::new();
    tasks.spawn(calls.clone().accept(listener));
    let mut tree = Tree::new(machine.spawner.spawn(command).await?)?;

    let over = async {
        tokio::select! {
            () = ports.stop.cancelled() => End::Stopped,
            () = sleep_until(deadline) => End::TimedOut,
        }
    };
    tokio::pin!(over);
    let early = tokio::select! {
        biased;
        Some(()) = started.recv() => None,
        status = tree.wait() => Some(End::Itself(status?)),
        end = &mut over => Some(end),
    };
    let mut pumps = JoinSet::new();
    let end = match early {
        Some(End::Itself(status)) => return Err(not_started(status, stderr).await),
        Some(end) => {
            tree.kill();
            tree.wait().await?;
            end
        }
        None => {
            pumps.spawn(pump(stdout, Stream::Stdout, ports.output.clone()));
            pumps.spawn(pump(stderr, Stream::Stderr, ports.output.clone()));
            let first = tree.find_first();
            let watched = async {
                match first {
                    Ok(first) => {
                        let workspace = machine.workspace(request.run);
                        watch(Watched { first, limits: request.limits, workspace: Some(workspace), space }).await
                    }
                    // It has ended already.
                    Err(_) => std::future::pending().await,
                }
            };
            let end = tokio::select! {
                status = tree.wait() => End::Itself(status?),
                end = &mut over => end,
                sentence = watched => End::Limited(sentence),
            };
            if !matches!(end, End::Itself(_)) {
                tree.ask();
                ending.cancel();
                let _ = timeout(GRACE, tree.wait()).await;
                tree.kill();
                tree.wait().await?;
            }
            end
        }
    };
    ending.cancel();
    let _ = timeout(GRACE, tree.gone()).await;
    drain(pumps, &ports.stop, deadline).await;
    if let End::Limited(sentence) = &end {
        ports.output.write(Stream::Stderr, Bytes::copy_from_slice(sentence.as_bytes())).await;
    }
    tasks.abort_all();
    if timeout(LAST_CALLS, calls.done()).await.is_err() {
        tracing::warn!(execution = %request.execution, "a call has not ended with its execution; it goes on alone");
    }
    tokio::task::spawn_blocking(move || drop(folder)).await.map_err(io::Error::other)?;

    let exported = calls.exported().unwrap_or_else(|| crate::variables::kept(request.variables));
    let exit = match end {
        End::Itself(status) => exit(status),
        End::Stopped => Exit::Stopped,
        End::TimedOut => Exit::TimedOut,
        End::Limited(_) => Exit::Code(KILLED),
    };
    Ok(Ended { exit, exported })
}

/// All that must be there before bubblewrap is.
struct Prepared {
    folder: Folder,
    listener: UnixListener,
    command: Command,
    stdout: Receiver,
    stderr: Receiver,
}

async fn prepare(machine: &Machine, request: ExecutionRequest) -> io::Result<(ExecutionRequest, Prepared)> {
    let mode = machine.found.mode;
    let run = number(request.run);
    let workspace = machine.workspace(request.run);
    let path = machine.data.join("executions").join(request.execution.to_string());
    let shim = machine.shim.clone();
    let (request, folder, listener, arguments) = tokio::task::spawn_blocking(move || {
        workspace::open(&workspace, mode.owner(run), &request.files)?;
        let content = Content {
            script: &request.script,
            variables: &request.variables,
            brokered: &request.brokered,
            user: mode.user(run),
        };
        let (folder, listener) = Folder::create(path, &content)?;
        let binds = Binds { folder: folder.path(), workspace: &workspace, shim: &shim, brokered: &request.brokered };
        let mut arguments = bubblewrap::arguments(mode, &binds);
        arguments.extend(bubblewrap::launch(mode, run, &request.limits));
        io::Result::Ok((request, folder, listener, arguments))
    })
    .await
    .map_err(io::Error::other)??;

    let (stdout, out) = pipe(mode.owner(run))?;
    let (stderr, err) = pipe(mode.owner(run))?;
    let mut command = machine.command(arguments);
    command.stdin(Stdio::null()).stdout(out).stderr(err);
    let listener = UnixListener::from_std(listener)?;
    Ok((request, Prepared { folder, listener, command, stdout, stderr }))
}

/// A number of the run that two runs rarely share: the last bytes of its id are random (RFC 9562, version 7).
pub(crate) fn number(run: RunId) -> u32 {
    let bytes = run.0.as_bytes();
    u32::from_be_bytes([bytes[12], bytes[13], bytes[14], bytes[15]])
}

/// A pipe whose writing end the script's user may open again, as `/dev/stderr`.
pub(crate) fn pipe(owner: Option<u32>) -> io::Result<(Receiver, OwnedFd)> {
    let (reader, writer) = io::pipe()?;
    if let Some(owner) = owner {
        fchown(&writer, Some(owner), Some(owner))?;
    }
    Ok((Receiver::from_owned_fd(reader.into())?, writer.into()))
}

/// Hands on what comes until the last writer has closed; waits while the sink does.
async fn pump(mut pipe: Receiver, stream: Stream, output: Arc<dyn OutputSink>) {
    let mut buffer = vec![0; frame::PIECE];
    loop {
        match pipe.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(length) => {
                let piece = Bytes::copy_from_slice(&buffer[..length]);
                output.write(stream, piece).await;
            }
        }
    }
}

/// Waits for the last output, which a slow sink may take long for; a stop shortens that.
async fn drain(mut pumps: JoinSet<()>, stop: &CancellationToken, deadline: Instant) {
    let cut = async {
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep_until(deadline) => {}
        }
        sleep(LAST_OUTPUT).await;
    };
    tokio::select! {
        () = async { while pumps.join_next().await.is_some() {} } => {}
        () = cut => pumps.abort_all(),
    }
}

fn exit(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(u8::try_from(code).unwrap_or(u8::MAX)),
        (None, signal) => Exit::Signal(signal.unwrap_or_default()),
    }
}

/// What bubblewrap or the launcher said.
pub(crate) async fn not_started(status: ExitStatus, mut stderr: Receiver) -> io::Error {
    let mut words = vec![0; WORDS];
    let length = timeout(GRACE, stderr.read(&mut words)).await.map_or(0, |read| read.unwrap_or(0));
    io::Error::other(format!("{} ({})", last_words(&words[..length]), exit_text(status)))
}

fn exit_text(status: ExitStatus) -> String {
    match exit(status) {
        Exit::Signal(signal) => format!("signal {signal}"),
        _ => format!("exit code {}", status.code().unwrap_or_default()),
    }
}

/// The last line of a program's standard error.
pub(crate) fn last_words(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let line = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("nothing");
    line.chars().take(300).collect()
}
