//! What an execution printed, kept in pieces.

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use crate::{ExecutionId, RunId, StoreError, Stream};

/// Where the sandbox writes a script's output to.
#[async_trait]
pub trait OutputSink: Send + Sync {
    /// Takes the next bytes; waits while it cannot take more.
    async fn write(&self, stream: Stream, bytes: Bytes);
}

/// A piece of output to keep.
#[derive(Clone, Debug)]
pub struct NewChunk {
    /// The run it belongs to.
    pub run: RunId,
    /// The execution that printed it.
    pub execution: ExecutionId,
    /// Which stream.
    pub stream: Stream,
    /// When its first byte came.
    pub at: Timestamp,
    /// What was printed; at most 64 KiB, and whole lines where they come in time.
    pub bytes: Bytes,
}

/// A piece of output that is kept.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Grows over the whole portal; the cursor of the page's stream.
    pub sequence: i64,
    /// The piece.
    pub content: NewChunk,
}

/// Keeps output.
#[async_trait]
pub trait OutputStore: Send + Sync {
    /// Appends pieces, in order, in one transaction.
    async fn append(&self, chunks: Vec<NewChunk>) -> Result<(), StoreError>;

    /// The pieces of a run after a cursor, oldest first, at most `limit`.
    async fn after(&self, run: RunId, cursor: i64, limit: u32) -> Result<Vec<Chunk>, StoreError>;

    /// The last pieces of an execution, oldest first, at most `limit`.
    async fn tail(&self, execution: ExecutionId, limit: u32) -> Result<Vec<Chunk>, StoreError>;

    /// The pieces of an execution after a cursor, oldest first, at most `limit`; for the download.
    async fn of_execution(&self, execution: ExecutionId, cursor: i64, limit: u32) -> Result<Vec<Chunk>, StoreError>;

    /// The executions of a run that had a terminal.
    async fn recorded(&self, run: RunId) -> Result<Vec<ExecutionId>, StoreError>;

    /// The greatest cursor of a run, 0 where it printed nothing yet.
    async fn last(&self, run: RunId) -> Result<i64, StoreError>;
}
