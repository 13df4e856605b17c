//! The broker's side of one call: its frames, once the call itself has been read.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use operations::{Call, CallEnded, CallHandler, CallIo, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use crate::frame::{self, Kind};

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
    ended: CancellationToken,
}

struct Stdin {
    pieces: mpsc::Receiver<Option<Bytes>>,
    /// A piece was asked for and not taken: a reader that gave up waiting has left it to the next one.
    asked: bool,
    over: bool,
}

#[async_trait]
impl CallIo for Caller {
    async fn write(&self, stream: Stream, mut bytes: Bytes) -> Result<(), CallEnded> {
        let kind = match stream {
            Stream::Stdout => Kind::Stdout,
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

    fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }
}

impl Caller {
    async fn frame(&self, kind: Kind, content: Bytes) -> Result<(), CallEnded> {
        tokio::select! {
            biased;
            () = self.ended.cancelled() => Err(CallEnded),
            sent = self.frames.send((kind, content)) => sent.map_err(|_| CallEnded),
        }
    }
}

/// Lets the broker handle a call, and returns when it has, whatever became of the caller.
pub(crate) async fn converse(call: Call, socket: UnixStream, broker: Arc<dyn CallHandler>, ended: CancellationToken) {
    let (reader, writer) = socket.into_split();
    let (frames, outgoing) = mpsc::channel(2);
    let (incoming, pieces) = mpsc::channel(1);
    let owed = Arc::new(AtomicU32::new(0));
    let io = Arc::new(Caller {
        frames: frames.clone(),
        stdin: Mutex::new(Stdin { pieces, asked: false, over: false }),
        owed: owed.clone(),
        ended: ended.clone(),
    });
    let mut writing = tokio::spawn(write_all(writer, outgoing, ended.clone()));
    let reading = tokio::spawn(read_all(reader, incoming, owed, ended.clone()));

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

/// Reads to the connection's end, which is the caller's. What was not asked for ends it at once.
async fn read_all(
    mut socket: OwnedReadHalf,
    pieces: mpsc::Sender<Option<Bytes>>,
    owed: Arc<AtomicU32>,
    ended: CancellationToken,
) {
    loop {
        let piece = match receive(&mut socket).await {
            Ok((Kind::Stdin, bytes)) => Some(bytes),
            Ok((Kind::StdinEnd, _)) => None,
            _ => break,
        };
        if owed.fetch_update(Ordering::AcqRel, Ordering::Acquire, |owed| owed.checked_sub(1)).is_err() {
            break;
        }
        // Never waits: the next piece is asked for when this one has been taken.
        if pieces.try_send(piece).is_err() {
            break;
        }
    }
    ended.cancel();
}
