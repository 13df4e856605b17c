//! The caller's two streams.

use bytes::Bytes;
use operations::{CallIo, Stream};

use crate::failure::Failure;

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
