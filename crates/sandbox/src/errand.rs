//! The second kind of sandbox: one real program, run by the broker with this environment's credentials.
//!
//! Such a program is hostile code with a key. A hostile argument may have found a hole in it, so nothing here relies on
//! what it was told to do: it has no network but the doors of its errand, sees no `/proc`, and of the disk only the
//! read-only system and, where its call needs it, the run's workspace. Links in the workspace lead nowhere else,
//! because nothing else is there.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use operations::{CallEnded, CallIo, ExecutionId, Limits, OpenTerminal, Stream, terminal};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::bubblewrap::{self, ErrandBinds, Launcher, Workspace};
use crate::execution::{not_started, pipe};
use crate::folder::Folder;
use crate::pty::{self, Pty};
use crate::sandbox::Machine;
use crate::tree::Tree;
use crate::watchdog::{Watched, watch};
use crate::{frame, handover, inside};

/// Connections through one door at once; further ones wait to be accepted.
const CONNECTIONS: usize = 64;
/// For bubblewrap and the launcher.
const START: Duration = Duration::from_secs(30);
/// For output that is still in the pipes when a program was ended.
const LAST_OUTPUT: Duration = Duration::from_secs(2);
/// Files given to one errand, in bytes together: they are memory.
const FILES: usize = 48 << 20;
/// What `timeout(1)` returns.
const TIMED_OUT: u8 = 124;
/// 128 + 9: ended by the portal's limits.
const KILLED: u8 = 137;
/// 128 + 13: nobody reads any more.
const CLOSED_PIPE: u8 = 141;

/// What of the run's workspace a program sees at `/workspace`. A call that belongs to no run has none to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing; it starts in an empty folder.
    None,
    /// All of it, read-only.
    Read,
    /// All of it. Only for calls that write files.
    Write,
}

/// What a program finds on its standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// `/dev/null`: for calls that do not read it, so that a `while read` loop around them keeps its lines.
    None,
    /// The caller's, piece by piece as the program takes it.
    Caller,
}

/// Stands behind a door, in the portal.
#[async_trait]
pub trait Keeper: Send + Sync {
    /// Serves one connection that the program made. It is hostile: who may be reached is decided here. Dropped when the
    /// program ends.
    async fn serve(&self, program: TcpStream);
}

/// A port of the program's own loopback interface behind which the portal stands.
#[derive(Clone)]
pub struct Door {
    /// From 1024 on; the program reaches it at `127.0.0.1`.
    pub port: u16,
    /// Who answers.
    pub keeper: Arc<dyn Keeper>,
}

/// One program to run. It has no `Debug`: variables and files are secret.
pub struct Errand {
    /// The program's absolute path, below `/usr` or one of `read_only`.
    pub program: PathBuf,
    /// Its arguments, the name not among them.
    pub arguments: Vec<String>,
    /// Where it starts: a path below `/workspace`. Without access to that it starts in an empty folder.
    pub directory: String,
    /// Its environment beside [`inside::ERRAND_ENVIRONMENT`], which these override.
    pub variables: BTreeMap<String, String>,
    /// Files below [`inside::FILES`], by relative path.
    pub files: BTreeMap<String, Bytes>,
    /// Folders and files of this machine that it needs beside the system, such as a virtual environment. At the same
    /// place inside, read-only.
    pub read_only: Vec<PathBuf>,
    /// The run's workspace.
    pub workspace: Access,
    /// Standard input.
    pub input: Input,
    /// Its only ways out, at most [`inside::DOORS`].
    pub doors: Vec<Door>,
    /// What it may use.
    pub limits: Limits,
}

/// Why a program did not run.
#[derive(Debug, thiserror::Error)]
pub enum ErrandError {
    /// The machine has no way to sandbox. The text says what to install.
    #[error("{0}")]
    Unavailable(String),
    /// It was set up wrongly, in a sentence for the log.
    #[error("{0}")]
    Wrong(&'static str),
    /// The system failed.
    #[error("the sandbox for a real program could not be started")]
    Start(#[from] io::Error),
}

/// Runs real programs. Cheap to clone.
#[derive(Clone)]
pub struct Errands {
    machine: Arc<Result<Machine, String>>,
    space: u64,
}

impl Errands {
    pub(crate) fn new(machine: Arc<Result<Machine, String>>, space: u64) -> Self {
        Self { machine, space }
    }

    /// Runs a program to its end over the caller's workspace, hands its output to the caller, and returns its exit code
    /// (128 + the signal where one ended it). Ends it with everything that it started when the caller is gone, its time
    /// is over or it takes too much; of the last two the caller's standard error tells.
    ///
    /// # Errors
    /// [`ErrandError`] where it did not start at all.
    pub async fn run(&self, errand: Errand, io: &dyn CallIo) -> Result<u8, ErrandError> {
        self.start(errand, None, io).await
    }

    /// The same at a terminal: what is typed there is the program's input, and what it prints is written to
    /// [`Stream::Terminal`]. It ends where nobody types for long, too. [`Errand::input`] says nothing here.
    ///
    /// # Errors
    /// [`ErrandError`] where it did not start at all.
    pub async fn talk(&self, errand: Errand, terminal: OpenTerminal, io: &dyn CallIo) -> Result<u8, ErrandError> {
        self.start(errand, Some(terminal), io).await
    }

    async fn start(&self, errand: Errand, terminal: Option<OpenTerminal>, io: &dyn CallIo) -> Result<u8, ErrandError> {
        let machine = self.machine.as_ref().as_ref().map_err(|reason| ErrandError::Unavailable(reason.clone()))?;
        let deadline = Instant::now() + errand.limits.time;
        let launcher = if terminal.is_some() { Launcher::Terminal } else { Launcher::Pipes };
        let prepared = prepare(machine, &errand, launcher, io.workspace()).await?;
        let Prepared { folder, listener, command, streams, stderr } = prepared;
        let mut tree = Tree::new(machine.spawner.spawn(command).await?)?;

        let expected = errand.doors.len();
        let handed = async {
            let (socket, doors) = handover::doors(listener, expected).await?;
            handover::give(socket, &errand.variables, &errand.files).await?;
            io::Result::Ok(doors)
        };
        let early = tokio::select! {
            biased;
            handed = timeout(START, handed) => Ok(handed.map_err(io::Error::from).and_then(|handed| handed)?),
            status = tree.wait() => Err(status?),
        };
        let doors = match early {
            Ok(doors) => doors,
            Err(status) => return Err(not_started(status, stderr).await.into()),
        };
        let mut kept = JoinSet::new();
        for (listener, door) in doors.into_iter().zip(&errand.doors) {
            kept.spawn(keep(listener, door.keeper.clone()));
        }
        let first = tree.find_first();
        let watched = async {
            match first {
                Ok(first) => {
                    let workspace = io.workspace().map(Path::to_owned);
                    watch(Watched { first, limits: errand.limits, workspace, space: self.space }).await
                }
                // It has ended already.
                Err(_) => std::future::pending().await,
            }
        };
        let code = match (streams, terminal) {
            (Streams::Terminal(pty), Some(terminal)) => {
                let feeding = async {
                    pty.feed(terminal).await;
                    Fed::Idle
                };
                attend(&mut tree, feeding, pty.print(io), Stream::Terminal, io, watched, deadline).await?
            }
            (Streams::Terminal(_), None) => return Err(ErrandError::Wrong("a terminal that nobody has opened")),
            (Streams::Pipes(stdin, stdout), _) => {
                let feeding = async {
                    feed(stdin, io).await;
                    Fed::All
                };
                let printing = async {
                    let both = tokio::try_join!(print(stdout, Stream::Stdout, io), print(stderr, Stream::Stderr, io));
                    both.map(drop)
                };
                attend(&mut tree, feeding, printing, Stream::Stderr, io, watched, deadline).await?
            }
        };
        drop(kept);
        tokio::task::spawn_blocking(move || drop(folder)).await.map_err(io::Error::other)?;
        Ok(code)
    }
}

/// All that must be there before bubblewrap is.
struct Prepared {
    folder: Folder,
    listener: UnixListener,
    command: Command,
    streams: Streams,
    /// At a terminal only what is said before the program starts.
    stderr: Receiver,
}

/// The portal's ends of a program's streams.
enum Streams {
    /// Standard input, where it has one, and output.
    Pipes(Option<Sender>, Receiver),
    Terminal(Pty),
}

/// What is wrong with an errand, if anything is.
fn wrong(errand: &Errand, data: &Path) -> Option<&'static str> {
    let inner = |name: &String| {
        let plain = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains('\0');
        name.split('/').all(plain)
    };
    let outside = |path: &PathBuf| {
        !path.is_absolute() || path.components().count() < 2 || data.starts_with(path) || path.starts_with(data)
    };
    let variable =
        |(name, value): (&String, &String)| !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0');
    if errand.doors.len() > inside::DOORS || errand.doors.iter().any(|door| door.port < 1024) {
        Some("an errand has too many doors, or one that needs privileges")
    } else if !errand.files.keys().all(inner) || errand.files.values().map(Bytes::len).sum::<usize>() > FILES {
        Some("the files of an errand are too large, or not below their folder")
    } else if !errand.variables.iter().all(variable) {
        Some("a variable of an errand is none")
    } else if errand.read_only.iter().any(outside) {
        Some("a folder for a program's errands is not absolute, or holds the portal's own data")
    } else {
        None
    }
}

async fn prepare(
    machine: &Machine,
    errand: &Errand,
    launcher: Launcher,
    workspace: Option<&Path>,
) -> Result<Prepared, ErrandError> {
    if let Some(wrong) = wrong(errand, &machine.data) {
        return Err(ErrandError::Wrong(wrong));
    }
    if workspace.is_some_and(|workspace| workspace.parent() != Some(&machine.data.join("workspaces"))) {
        return Err(ErrandError::Wrong("a workspace that is not of this sandbox"));
    }
    let mode = machine.found.mode;
    // The user that the run's scripts have, so that either can read what the other wrote.
    let of_run = workspace.filter(|_| mode.owner(0).is_some());
    let owner = of_run.map(|workspace| std::fs::symlink_metadata(workspace).map(|found| found.uid())).transpose()?;
    let owner = owner.or_else(|| mode.owner(0));
    if owner == Some(0) {
        return Err(ErrandError::Wrong("the workspace belongs to root"));
    }
    let path = machine.data.join("executions").join(format!("errand-{}", ExecutionId::new()));
    let user = owner.unwrap_or_else(|| mode.user(0));
    let (folder, listener) =
        tokio::task::spawn_blocking(move || Folder::for_errand(path, user)).await.map_err(io::Error::other)??;
    let binds = ErrandBinds {
        folder: folder.path(),
        shim: &machine.shim,
        workspace: match errand.workspace {
            Access::None => None,
            Access::Read => workspace.map(Workspace::Read),
            Access::Write => workspace.map(Workspace::Write),
        },
        read_only: &errand.read_only,
    };
    let directory = match (errand.workspace, workspace) {
        (Access::None, _) | (_, None) => "/tmp",
        (Access::Read | Access::Write, Some(_)) => errand.directory.as_str(),
    };
    let ports: Vec<u16> = errand.doors.iter().map(|door| door.port).collect();
    let mut arguments = bubblewrap::errand(mode, &binds);
    arguments.extend(bubblewrap::launch_errand(launcher, owner, &errand.limits, directory, &ports));
    arguments.push(errand.program.clone().into());
    arguments.extend(errand.arguments.iter().map(Into::into));

    let (stderr, err) = pipe(owner)?;
    let mut command = machine.command(arguments);
    command.stderr(err);
    let streams = match launcher {
        Launcher::Terminal => {
            let (pty, programs) = pty::open()?;
            command.stdin(programs.try_clone()?).stdout(programs);
            Streams::Terminal(pty)
        }
        Launcher::Pipes => {
            let (stdout, out) = pipe(owner)?;
            command.stdout(out);
            let stdin = match errand.input {
                Input::None => {
                    command.stdin(Stdio::null());
                    None
                }
                Input::Caller => {
                    let (reader, writer) = io::pipe()?;
                    command.stdin(reader);
                    Some(Sender::from_owned_fd(writer.into())?)
                }
            };
            Streams::Pipes(stdin, stdout)
        }
    };
    let listener = UnixListener::from_std(listener)?;
    Ok(Prepared { folder, listener, command, streams, stderr })
}

/// Lets the program in, as often as it comes, until dropped.
async fn keep(listener: TcpListener, keeper: Arc<dyn Keeper>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut served = JoinSet::new();
    while let Ok(permit) = room.clone().acquire_owned().await {
        let Ok((program, _)) = listener.accept().await else {
            return;
        };
        while served.try_join_next().is_some() {}
        let keeper = keeper.clone();
        served.spawn(async move {
            keeper.serve(program).await;
            drop(permit);
        });
    }
}

/// Why a program is given nothing more.
enum Fed {
    /// It has everything, or wants no more.
    All,
    /// Nobody has typed for long.
    Idle,
}

enum End {
    Itself(ExitStatus),
    /// Nobody is listening any more.
    Left,
    TimedOut,
    /// Nobody has typed for long.
    Idle,
    Limited(String),
}

/// Carries bytes both ways until the program has ended or must.
async fn attend(
    tree: &mut Tree,
    feeding: impl Future<Output = Fed>,
    printing: impl Future<Output = Result<(), CallEnded>>,
    words_to: Stream,
    io: &dyn CallIo,
    watched: impl Future<Output = String>,
    deadline: Instant,
) -> io::Result<u8> {
    let ended = io.ended();
    tokio::pin!(feeding, printing, watched);
    let (mut fed, mut printed) = (false, false);
    let end = loop {
        tokio::select! {
            biased;
            () = ended.cancelled() => break End::Left,
            () = sleep_until(deadline) => break End::TimedOut,
            sentence = &mut watched => break End::Limited(sentence),
            done = &mut printing, if !printed => {
                printed = true;
                if done.is_err() {
                    break End::Left;
                }
            }
            done = &mut feeding, if !fed => {
                fed = true;
                if matches!(done, Fed::Idle) {
                    break End::Idle;
                }
            }
            status = tree.wait() => break End::Itself(status?),
        }
    };
    if !matches!(end, End::Itself(_)) {
        tree.kill();
        tree.wait().await?;
    }
    let _ = timeout(LAST_OUTPUT, tree.gone()).await;
    match end {
        End::Itself(status) => {
            // A slow reader gets all of it, as long as there is one and there is time.
            let all = async { if printed { true } else { printing.await.is_ok() } };
            tokio::select! {
                () = ended.cancelled() => Ok(CLOSED_PIPE),
                all = all => Ok(if all { code(status) } else { CLOSED_PIPE }),
                () = sleep_until(deadline) => Ok(TIMED_OUT),
            }
        }
        End::Left => Ok(CLOSED_PIPE),
        End::TimedOut | End::Idle | End::Limited(_) => {
            if !printed {
                let _ = timeout(LAST_OUTPUT, printing).await;
            }
            let (sentence, code) = match end {
                End::Limited(sentence) => (sentence, KILLED),
                End::Idle => (terminal::IDLE_WORDS.to_owned(), TIMED_OUT),
                _ => ("the program was ended by the portal: its time was over\n".to_owned(), TIMED_OUT),
            };
            let _ = io.write(words_to, Bytes::from(sentence)).await;
            Ok(code)
        }
    }
}

fn code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

/// The caller's input, asked for only when the last piece has gone into the program's pipe.
async fn feed(stdin: Option<Sender>, io: &dyn CallIo) {
    let Some(mut stdin) = stdin else { return };
    while let Ok(Some(piece)) = io.read_stdin().await {
        // Closed by the program: it has enough.
        if stdin.write_all(&piece).await.is_err() {
            return;
        }
    }
}

async fn print(mut pipe: Receiver, stream: Stream, io: &dyn CallIo) -> Result<(), CallEnded> {
    let mut buffer = vec![0; frame::PIECE];
    loop {
        match pipe.read(&mut buffer).await {
            Ok(0) | Err(_) => return Ok(()),
            Ok(length) => io.write(stream, Bytes::copy_from_slice(&buffer[..length])).await?,
        }
    }
}
