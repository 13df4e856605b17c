//! The caller's two streams.

use bytes::Bytes;
use operations::{CallIo, Stream};

use crate::failure::{ENDED, Failure};

/// Bytes sent to the caller at once, at most.
const PIECE: usize = 32 << 10;

/// Where a call writes.
#[derive(Clone, Copy)]
pub(crate) struct Output<'a> {
    pub(crate) io: &'a dyn CallIo,
}

impl Output<'_> {
    pub(crate) async fn out(self, text: impl Into<String>) -> Result<(), Failure> {
        self.send(Stream::Stdout, Bytes::from(text.into())).await
    }

    pub(crate) async fn err(self, text: impl Into<String>) -> Result<(), Failure> {
        self.send(Stream::Stderr, Bytes::from(text.into())).await
    }

    pub(crate) async fn bytes(self, bytes: Bytes) -> Result<(), Failure> {
        self.send(Stream::Stdout, bytes).await
    }

    /// Sends bytes to one of the streams, in pieces.
    pub(crate) async fn send(self, stream: Stream, mut bytes: Bytes) -> Result<(), Failure> {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE));
            self.io.write(stream, piece).await?;
        }
        Ok(())
    }
}

/// Does the work of a call unless its caller goes first, says its failure, and gives its exit code. Dropping the work closes
/// its connections, which ends a log stream or a watch at the server too.
pub(crate) async fn to_the_end(io: &dyn CallIo, work: impl Future<Output = Result<(), Failure>>) -> u8 {
    let ended = io.ended();
    let done = tokio::select! {
        biased;
        () = ended.cancelled() => return ENDED,
        done = work => done,
    };
    let Err(failure) = done else { return 0 };
    match (Output { io }).err(failure.print()).await {
        Ok(()) => failure.exit_code(),
        Err(_) => ENDED,
    }
}
