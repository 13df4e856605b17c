//! The broker's side of one call: its frames, once the call itself has been read.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use operations::{Call, CallEnded, CallHandler, CallIo, FileError, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use crate::frame::{self, Kind, Places};

/// What the broker reports where it broke down itself (`sysexits.h`: internal software error).
const BROKEN: u8 = 70;

/// Reads one frame; a frame that the protocol does not know is an error, before any of its content is read.
pub(crate) async fn receive(socket: &mut (impl AsyncReadExt + Unpin)) -> io::Result<(Kind, Bytes)> {
    let mut header = [0; frame::HEADER];
    socket.read_exact(&mut header).await?;
    let (kind, length) = frame::parse_header(header).map_err(io::Error::other)?;
    let mut content = vec![0; length];
    socket.read_exact(&mut content).await?;
    Ok((kind, content.into()))
}

/// Writes one frame, at once where the socket has room.
pub(crate) async fn send(socket: &mut (impl AsyncWriteExt + Unpin), kind: Kind, content: &[u8]) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(frame::HEADER + content.len());
    bytes.extend_from_slice(&frame::header(kind, content.len()));
    bytes.extend_from_slice(content);
    socket.write_all(&bytes).await
}

/// The caller of one call.
struct Caller {
    /// To the task that writes frames. Whoever drops a write half-way must not tear a frame.
    frames: mpsc::Sender<(Kind, Bytes)>,
    stdin: Mutex<Stdin>,
    /// Pieces of standard input that were asked for and have not come: what the caller may send.
    owed: Arc<AtomicU32>,
    file: Mutex<mpsc::Receiver<FilePiece>>,
    /// The same for pieces of files.
    owed_files: Arc<AtomicU32>,
    places: Mutex<mpsc::Receiver<Places>>,
    owed_places: Arc<AtomicU32>,
    of_execution: OfExecution,
    ended: CancellationToken,
}

/// What all calls of an execution have in common.
#[derive(Clone)]
pub(crate) struct OfExecution {
    pub(crate) workspace: Arc<Path>,
    /// Device and inode of the pipe that the script prints to.
    pub(crate) output: (u64, u64),
}

struct Stdin {
    pieces: mpsc::Receiver<Option<Bytes>>,
    /// A piece was asked for and not taken: a reader that gave up waiting has left it to the next one.
    asked: bool,
    over: bool,
}

/// A piece of a file, its end, or why it cannot be read.
type FilePiece = Result<Option<Bytes>, String>;

#[async_trait]
impl CallIo for Caller {
    async fn write(&self, stream: Stream, mut bytes: Bytes) -> Result<(), CallEnded> {
        let kind = match stream {
            // Where nothing was opened for it, what is printed to a terminal is output like any other.
            Stream::Stdout | Stream::Terminal => Kind::Stdout,
            Stream::Resize => return Ok(()),
            Stream::Stderr => Kind::Stderr,
        };
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(frame::PIECE));
            self.frame(kind, piece).await?;
        }
        if self.ended.is_cancelled() { Err(CallEnded) } else { Ok(()) }
    }

    async fn read_stdin(&self) -> Result<Option<Bytes>, CallEnded> {
        let mut stdin = self.stdin.lock().await;
        if stdin.over {
            return Ok(None);
        }
        if !stdin.asked {
            let room = tokio::select! {
                () = self.ended.cancelled() => return Err(CallEnded),
                room = self.frames.reserve() => room.map_err(|_| CallEnded)?,
            };
            stdin.asked = true;
            self.owed.fetch_add(1, Ordering::AcqRel);
            room.send((Kind::WantStdin, Bytes::new()));
        }
        let piece = tokio::select! {
            () = self.ended.cancelled() => return Err(CallEnded),
            piece = stdin.pieces.recv() => piece.ok_or(CallEnded)?,
        };
        stdin.asked = false;
        stdin.over = piece.is_none();
        Ok(piece)
    }

    async fn read_file(&self, path: &str, most: usize) -> Result<Bytes, FileError> {
        if path.is_empty() || path.len() > frame::NAME {
            return Err(FileError::Unreadable("No such file or directory".to_owned()));
        }
        // One file at a time: the pieces carry no name.
        let mut pieces = self.file.lock().await;
        let mut content = BytesMut::new();
        let mut name = Bytes::copy_from_slice(path.as_bytes());
        loop {
            let piece = self.file_piece(&mut pieces, std::mem::take(&mut name)).await?;
            match piece.map_err(FileError::Unreadable)? {
                None => return Ok(content.freeze()),
                Some(piece) if content.len() + piece.len() > most => return Err(FileError::TooLarge(most)),
                Some(piece) => content.extend_from_slice(&piece),
            }
        }
    }

    async fn is_at_terminal(&self) -> bool {
        // One at a time: the answers carry no name.
        let mut answers = self.places.lock().await;
        let whole = self.ended.clone().drop_guard();
        self.owed_places.fetch_add(1, Ordering::AcqRel);
        if self.frame(Kind::WantPlaces, Bytes::new()).await.is_err() {
            return false;
        }
        let places = tokio::select! {
            () = self.ended.cancelled() => None,
            places = answers.recv() => places,
        };
        whole.disarm();
        places.is_some_and(|places| places.input_is_nothing && places.output == self.of_execution.output)
    }

    fn workspace(&self) -> Option<&Path> {
        Some(&self.of_execution.workspace)
    }

    fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }
}

impl Caller {
    /// Asks for a piece of a file and waits for it. Whoever gives up half-way ends the call: an answer that nobody took
    /// would be taken for the next file's.
    async fn file_piece(&self, pieces: &mut mpsc::Receiver<FilePiece>, name: Bytes) -> Result<FilePiece, CallEnded> {
        let whole = self.ended.clone().drop_guard();
        self.owed_files.fetch_add(1, Ordering::AcqRel);
        self.frame(Kind::WantFile, name).await?;
        let piece = tokio::select! {
            () = self.ended.cancelled() => Err(CallEnded),
            piece = pieces.recv() => piece.ok_or(CallEnded),
        };
        whole.disarm();
        piece
    }

    async fn frame(&self, kind: Kind, content: Bytes) -> Result<(), CallEnded> {
        tokio::select! {
            biased;
            () = self.ended.cancelled() => Err(CallEnded),
            sent = self.frames.send((kind, content)) => sent.map_err(|_| CallEnded),
        }
    }
}

/// Lets the broker handle a call, and returns when it has, whatever became of the caller.
pub(crate) async fn converse(
    call: Call,
    socket: UnixStream,
    broker: Arc<dyn CallHandler>,
    of_execution: OfExecution,
    ended: CancellationToken,
) {
    let (reader, writer) = socket.into_split();
    let (frames, outgoing) = mpsc::channel(2);
    let (incoming, pieces) = mpsc::channel(1);
    let (incoming_files, file_pieces) = mpsc::channel(1);
    let (incoming_places, places) = mpsc::channel(1);
    let owed = Arc::new(AtomicU32::new(0));
    let (owed_files, owed_places) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let io = Arc::new(Caller {
        frames: frames.clone(),
        stdin: Mutex::new(Stdin { pieces, asked: false, over: false }),
        owed: owed.clone(),
        file: Mutex::new(file_pieces),
        owed_files: owed_files.clone(),
        places: Mutex::new(places),
        owed_places: owed_places.clone(),
        of_execution,
        ended: ended.clone(),
    });
    let mut writing = tokio::spawn(write_all(writer, outgoing, ended.clone()));
    let stdin = Answers { pieces: incoming, owed };
    let files = Answers { pieces: incoming_files, owed: owed_files };
    let places = Answers { pieces: incoming_places, owed: owed_places };
    let reading = tokio::spawn(read_all(reader, stdin, files, places, ended.clone()));

    // A task of its own: a broker that panics must still give the caller an answer.
    let handled = tokio::spawn({
        let io = io.clone();
        async move { broker.handle(call, io).await }
    });
    let code = match handled.await {
        Ok(code) => code,
        Err(error) => {
            tracing::error!(%error, "the broker broke down in a call");
            let _ =
                io.write(Stream::Stderr, Bytes::from_static(b"the portal failed inside; its log says more\n")).await;
            BROKEN
        }
    };
    let _ = io.frame(Kind::Exit, Bytes::copy_from_slice(&[code])).await;
    drop((io, frames));
    tokio::select! {
        _ = &mut writing => {}
        () = ended.cancelled() => writing.abort(),
    }
    reading.abort();
}

async fn write_all(mut socket: OwnedWriteHalf, mut frames: mpsc::Receiver<(Kind, Bytes)>, ended: CancellationToken) {
    while let Some((kind, content)) = frames.recv().await {
        if send(&mut socket, kind, &content).await.is_err() {
            ended.cancel();
            return;
        }
        if kind == Kind::Exit {
            return;
        }
    }
}

/// What the caller sends of one kind: as many pieces as were asked for.
struct Answers<T> {
    pieces: mpsc::Sender<T>,
    owed: Arc<AtomicU32>,
}

impl<T> Answers<T> {
    /// Whether this piece was asked for. Never waits: the next one is asked for when this one has been taken.
    fn take(&self, piece: T) -> bool {
        let asked = self.owed.fetch_update(Ordering::AcqRel, Ordering::Acquire, |owed| owed.checked_sub(1)).is_ok();
        asked && self.pieces.try_send(piece).is_ok()
    }
}

/// Reads to the connection's end, which is the caller's. What was not asked for ends it at once.
async fn read_all(
    mut socket: OwnedReadHalf,
    stdin: Answers<Option<Bytes>>,
    files: Answers<FilePiece>,
    places: Answers<Places>,
    ended: CancellationToken,
) {
    loop {
        let asked = match receive(&mut socket).await {
            Ok((Kind::Stdin, bytes)) => stdin.take(Some(bytes)),
            Ok((Kind::StdinEnd, _)) => stdin.take(None),
            Ok((Kind::File, bytes)) => files.take(Ok(Some(bytes))),
            Ok((Kind::FileEnd, _)) => files.take(Ok(None)),
            Ok((Kind::FileError, words)) => files.take(Err(String::from_utf8_lossy(&words).into_owned())),
            Ok((Kind::Places, bytes)) => Places::read(&bytes).is_ok_and(|said| places.take(said)),
            _ => false,
        };
        if !asked {
            break;
        }
    }
    ended.cancel();
}
