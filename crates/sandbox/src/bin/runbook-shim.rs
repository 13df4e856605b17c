//! What `kubectl` and its like are inside the sandbox: hands its arguments to the broker, its input when asked, and
//! returns what comes back. Small and quick, because a loop in a runbook starts it many times.
//!
//! Under its own name it takes orders of the sandbox: `--launch` sets the limits and becomes bash, `--call` is a call
//! of a program that is not there, `--export` tells the exported variables, `--check` does nothing, `--errand` opens
//! the doors of an errand and becomes its program, `--terminal` does so at a terminal. Outside of it, `--hold` runs
//! bubblewrap for as long as the portal lives.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{FileType, Stat, fstat, makedev};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::stdio::{dup2_stderr, stderr, stdin, stdout};
use sandbox::{frame, hold, inside, kernel};

/// `sysexits.h`: wrong arguments.
const USAGE: u8 = 64;
/// `sysexits.h`: a service is unavailable, here the portal.
const UNAVAILABLE: u8 = 69;
/// POSIX shells: found, but cannot be run.
const CANNOT_RUN: u8 = 126;
/// What a shell reports for a program that SIGPIPE ended: 128 + 13.
const CLOSED_PIPE: u8 = 141;
/// The device `/dev/null` (`null(4)`).
const NULL: (u32, u32) = (1, 3);
/// Open files of one process.
const OPEN_FILES: u64 = 1024;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let program = arguments.next().unwrap_or_default();
    let name = Path::new(&program).file_name().unwrap_or_default().to_owned();
    let rest: Vec<OsString> = arguments.collect();
    let code = if name != inside::SHIM_NAME {
        match local(&name, &rest) {
            Some(program) => become_program(&mut Command::new(program), &name, &rest),
            None => call(&name, &rest),
        }
    } else {
        match rest.split_first() {
            Some((order, rest)) if order == "--launch" => launch(rest),
            Some((order, rest)) if order == "--errand" => errand(rest, || Ok(())),
            Some((order, rest)) if order == "--terminal" => errand(rest, take_terminal),
            Some((order, [portal, program, rest @ ..])) if order == "--hold" => hold::hold(portal, program, rest)
                .unwrap_or_else(|error| {
                    say(&format!("runbook-shim: cannot start {}: {error}", program.to_string_lossy()));
                    CANNOT_RUN
                }),
            Some((order, [name, rest @ ..])) if order == "--call" => call(name, rest),
            Some((order, [])) if order == "--export" => export(),
            Some((order, [])) if order == "--check" => 0,
            _ => {
                say("runbook-shim: this program is started by the portal, inside its sandbox");
                USAGE
            }
        }
    };
    ExitCode::from(code)
}

/// The machine's own program, where this is a command of it that reaches nothing ([`inside::PARTLY`]).
fn local(name: &OsStr, arguments: &[OsString]) -> Option<PathBuf> {
    let (name, calls) = inside::PARTLY.iter().find(|(partly, _)| *partly == name)?;
    if arguments.first().is_some_and(|first| calls.iter().any(|call| *call == first)) {
        return None;
    }
    let folders =
        std::env::split_paths(inside::ENVIRONMENT[0].1).filter(|folder| folder != Path::new(inside::PROGRAMS));
    folders.map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Ends only where the program cannot be started.
fn become_program(command: &mut Command, name: &OsStr, arguments: &[OsString]) -> u8 {
    let error = command.args(arguments).exec();
    say(&format!("runbook-shim: cannot start {}: {error}", name.to_string_lossy()));
    CANNOT_RUN
}

/// One line to standard error, which may well be closed.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn send(socket: &mut UnixStream, kind: frame::Kind, content: &[u8]) -> io::Result<()> {
    socket.write_all(&frame::header(kind, content.len()))?;
    socket.write_all(content)
}

fn receive(socket: &mut UnixStream) -> io::Result<(frame::Kind, Vec<u8>)> {
    let mut header = [0; frame::HEADER];
    socket.read_exact(&mut header)?;
    let (kind, length) = frame::parse_header(header).map_err(io::Error::other)?;
    let mut content = vec![0; length];
    socket.read_exact(&mut content)?;
    Ok((kind, content))
}

/// Sends one frame and waits for the portal's answer.
fn tell(kind: frame::Kind, content: &[u8]) -> io::Result<()> {
    let mut socket = UnixStream::connect(inside::SOCKET)?;
    send(&mut socket, kind, content)?;
    receive(&mut socket).map(drop)
}

/// `--launch UID MEMORY PROCESSES FILE_SIZE PROGRAM ARGUMENT…`; a UID of `-` keeps the present one, PROCESSES of `-`
/// sets no limit.
fn launch(arguments: &[OsString]) -> u8 {
    let [user, memory, processes, file_size, program, rest @ ..] = arguments else {
        return USAGE;
    };
    let mut command = Command::new(program);
    match prepare(&mut command, [user, memory, processes, file_size]) {
        Ok(()) => become_program(&mut command, program, rest),
        Err(error) => {
            say(&format!("runbook-shim: cannot start bash: {error}"));
            CANNOT_RUN
        }
    }
}

/// `--errand` or `--terminal UID MEMORY PROCESSES FILE_SIZE FOLDER PORT,… PROGRAM ARGUMENT…`: the first four as for `--launch`.
fn errand(arguments: &[OsString], streams: impl FnOnce() -> io::Result<()>) -> u8 {
    let [user, memory, processes, file_size, directory, ports, program, rest @ ..] = arguments else {
        return USAGE;
    };
    let mut command = Command::new(program);
    let prepared = take_errand(&mut command, ports).and_then(|()| {
        streams()?;
        command.current_dir(directory);
        limited(&mut command, [user, memory, processes, file_size])
    });
    match prepared {
        Ok(()) => become_program(&mut command, program, rest),
        Err(error) => {
            say(&format!("runbook-shim: cannot start {}: {error}", program.to_string_lossy()));
            CANNOT_RUN
        }
    }
}

/// Makes the terminal on standard input the controlling one of a session of the program's own, so that keys such as Ctrl+C
/// reach it (`credentials(7)`), and where its errors go. Until then they went where the portal reads why nothing started.
fn take_terminal() -> io::Result<()> {
    rustix::process::setsid()?;
    rustix::process::ioctl_tiocsctty(stdin())?;
    Ok(dup2_stderr(stdin())?)
}

/// Hands the doors to the portal, and takes variables and files from it.
fn take_errand(command: &mut Command, ports: &OsStr) -> io::Result<()> {
    let ports = ports.to_str().ok_or(io::ErrorKind::InvalidInput)?;
    let doors = ports
        .split_terminator(',')
        .map(|port| {
            let port: u16 = port.parse().map_err(io::Error::other)?;
            TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        })
        .collect::<io::Result<Vec<_>>>()?;
    let mut socket = UnixStream::connect(inside::SOCKET)?;
    let count = [u8::try_from(doors.len()).map_err(io::Error::other)?];
    let fds: Vec<BorrowedFd<'_>> = doors.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(inside::DOORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    sendmsg(&socket, &[io::IoSlice::new(&count)], &mut control, SendFlags::empty())?;
    let mut given = Vec::new();
    socket.read_to_end(&mut given)?;
    let given = frame::split_pieces(&given).map_err(io::Error::other)?;
    let (variables, files) = given.split_first().ok_or(io::ErrorKind::InvalidData)?;
    assign(command, variables)?;
    for file in files.chunks_exact(2) {
        let path = Path::new(inside::FILES).join(OsStr::from_bytes(file[0]));
        std::fs::create_dir_all(path.parent().ok_or(io::ErrorKind::InvalidData)?)?;
        std::fs::write(path, file[1])?;
    }
    Ok(())
}

fn assign(command: &mut Command, variables: &[u8]) -> io::Result<()> {
    for assignment in frame::split(variables).map_err(io::Error::other)? {
        let at = assignment.iter().position(|byte| *byte == b'=').ok_or(io::ErrorKind::InvalidData)?;
        command.env(OsStr::from_bytes(&assignment[..at]), OsStr::from_bytes(&assignment[at + 1..]));
    }
    Ok(())
}

fn prepare(command: &mut Command, [user, memory, processes, file_size]: [&OsStr; 4]) -> io::Result<()> {
    assign(command, &std::fs::read(inside::VARIABLES)?)?;
    tell(frame::Kind::Started, &[])?;
    // Standard library: entered as the user who owns it, which root without capabilities could not do.
    command.current_dir(inside::WORKSPACE);
    limited(command, [user, memory, processes, file_size])
}

/// The user and the limits of what comes next.
fn limited(command: &mut Command, [user, memory, processes, file_size]: [&OsStr; 4]) -> io::Result<()> {
    if user != "-" {
        let user = u32::try_from(number(user)?).map_err(io::Error::other)?;
        // Standard library: also gives up all supplementary groups. The kernel then takes the capabilities away.
        command.gid(user).uid(user);
    }
    limit(Resource::Core, 0)?;
    limit(Resource::Nofile, OPEN_FILES)?;
    limit(Resource::Fsize, number(file_size)?)?;
    if processes != "-" {
        limit(Resource::Nproc, number(processes)?)?;
    }
    limit(Resource::As, number(memory)?)?;
    kernel::narrow()
}

fn number(text: &OsStr) -> io::Result<u64> {
    text.to_str().and_then(|text| text.parse().ok()).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

/// Both limits, or the hard one that is already lower.
fn limit(resource: Resource, value: u64) -> io::Result<()> {
    let value = rustix::process::getrlimit(resource).maximum.map_or(value, |hard| hard.min(value));
    Ok(setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })?)
}

fn export() -> u8 {
    let assignments: Vec<Vec<u8>> =
        std::env::vars_os().map(|(name, value)| [name.as_bytes(), b"=", value.as_bytes()].concat()).collect();
    let content = frame::join(assignments.iter().map(Vec::as_slice));
    if content.len() > frame::EXPORTED {
        say("the exported variables are larger than 64 KiB together and are not kept for the next step");
        return 1;
    }
    u8::from(tell(frame::Kind::Exported, &content).is_err())
}

fn call(name: &OsStr, arguments: &[OsString]) -> u8 {
    let directory =
        std::env::current_dir().map_or_else(|_| inside::WORKSPACE.into(), |path| path.into_os_string().into_vec());
    let words = [directory.as_slice(), name.as_bytes()].into_iter().chain(arguments.iter().map(|word| word.as_bytes()));
    let content = frame::join(words);
    let name = name.to_string_lossy();
    if content.len() > frame::CALL {
        say(&format!(
            "{name}: the arguments are too long for the portal: {} bytes, at most {}",
            content.len(),
            frame::CALL
        ));
        return CANNOT_RUN;
    }
    match converse(&content) {
        Ok(code) => code,
        Err(_) => {
            say(&format!("{name}: the portal does not answer, so nothing more is known of this call"));
            UNAVAILABLE
        }
    }
}

/// Sends what was asked for. A portal that has ended the call meanwhile takes nothing more, and what it said last is still
/// to be read.
fn answer(socket: &mut UnixStream, kind: frame::Kind, content: &[u8]) -> io::Result<()> {
    match send(socket, kind, content) {
        Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => Ok(()),
        sent => sent,
    }
}

/// One call from its first frame to its exit code. An error means that the portal is gone.
fn converse(content: &[u8]) -> io::Result<u8> {
    let mut socket = UnixStream::connect(inside::SOCKET)?;
    send(&mut socket, frame::Kind::Call, content)?;
    let mut wanted = false;
    let mut file = None;
    let mut piece = vec![0; frame::PIECE];
    loop {
        let ready = wait(&socket, wanted)?;
        if ready.closed {
            return Ok(CLOSED_PIPE);
        }
        if ready.socket {
            match receive(&mut socket)? {
                (frame::Kind::Stdout, bytes) => {
                    if write(stdout(), &bytes).is_err() {
                        return Ok(CLOSED_PIPE);
                    }
                }
                // As every program: a closed standard error loses the message, and nothing else.
                (frame::Kind::Stderr, bytes) => drop(write(stderr(), &bytes)),
                (frame::Kind::WantStdin, _) => wanted = true,
                (frame::Kind::WantPlaces, _) => answer(&mut socket, frame::Kind::Places, &places().bytes())?,
                (frame::Kind::WantFile, name) => give_file(&mut socket, &mut file, &name, &mut piece)?,
                (frame::Kind::Exit, code) => return Ok(code[0]),
                _ => return Err(io::Error::other(frame::Malformed)),
            }
        } else if ready.stdin {
            // An input that cannot be read (a folder) is at its end.
            match rustix::io::read(stdin(), piece.as_mut_slice()) {
                Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => continue,
                Ok(0) | Err(_) => answer(&mut socket, frame::Kind::StdinEnd, &[])?,
                Ok(length) => answer(&mut socket, frame::Kind::Stdin, &piece[..length])?,
            }
            wanted = false;
        }
    }
}

/// Where standard input and output lead.
fn places() -> frame::Places {
    let is_nothing = |stat: &Stat| {
        FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == makedev(NULL.0, NULL.1)
    };
    let output = fstat(stdout()).map_or((0, 0), |stat| (stat.st_dev, stat.st_ino));
    frame::Places { input_is_nothing: fstat(stdin()).as_ref().map_or(true, is_nothing), output }
}

/// Answers with the next piece of a file: of the one of that name, or, without a name, of the one that is open.
fn give_file(
    socket: &mut UnixStream,
    open: &mut Option<std::fs::File>,
    name: &[u8],
    piece: &mut [u8],
) -> io::Result<()> {
    let read = |open: &mut Option<std::fs::File>, piece: &mut [u8]| {
        if !name.is_empty() {
            *open = Some(std::fs::File::open(OsStr::from_bytes(name))?);
        }
        open.as_mut().map_or(Ok(0), |file| file.read(piece))
    };
    match read(open, piece) {
        Ok(0) => answer(socket, frame::Kind::FileEnd, &[]),
        Ok(length) => answer(socket, frame::Kind::File, &piece[..length]),
        Err(error) => {
            // As C programs say it, without Rust's `(os error 2)`.
            let words = error.to_string();
            let words = words.split(" (os error").next().unwrap_or_default();
            answer(socket, frame::Kind::FileError, &words.as_bytes()[..words.len().min(frame::NAME)])
        }
    }
}

/// What can go on.
struct Ready {
    /// A frame, or the connection's end.
    socket: bool,
    /// Standard input, where it is wanted.
    stdin: bool,
    /// Nobody reads standard output any more.
    closed: bool,
}

fn wait(socket: &UnixStream, wanted: bool) -> io::Result<Ready> {
    let (input, output) = (stdin(), stdout());
    let mut fds = vec![PollFd::new(socket, PollFlags::IN), PollFd::new(&output, PollFlags::empty())];
    if wanted {
        fds.push(PollFd::new(&input, PollFlags::IN));
    }
    while let Err(error) = poll(&mut fds, None) {
        if error != rustix::io::Errno::INTR {
            return Err(error.into());
        }
    }
    Ok(Ready {
        socket: !fds[0].revents().is_empty(),
        closed: fds[1].revents().intersects(PollFlags::ERR | PollFlags::HUP),
        stdin: fds.get(2).is_some_and(|fd| !fd.revents().is_empty()),
    })
}

/// All of it, also to a pipe that somebody made non-blocking.
fn write(to: BorrowedFd<'_>, mut bytes: &[u8]) -> rustix::io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(to, bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => {
                poll(&mut [PollFd::new(&to, PollFlags::OUT)], None)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
