//! What executions printed.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bytes::Bytes;
use operations::{Chunk, ExecutionId, NewChunk, OutputStore, RunId, StoreError, Stream};

use crate::query::{Argument, Failure, Query, Row};
use crate::{PAGE_ROWS, Store, failed};

/// The greatest piece that is kept as one; a greater one is kept as several. In bytes.
const PIECE: usize = 64 * 1024;

const CHUNK: &str = "SELECT sequence, run, execution, stream, terminal, at, bytes FROM output_chunk WHERE ";

impl Store {
    async fn append_chunks(&self, chunks: &[NewChunk]) -> Result<(), Failure> {
        let mut transaction = self.database.begin().await?;
        // In order, so that two appends never wait for each other in a circle.
        let runs: BTreeSet<RunId> = chunks.iter().map(|chunk| chunk.run).collect();
        for run in runs {
            let (high, low) = run.0.as_u64_pair();
            transaction.serialise((high ^ low).cast_signed()).await?;
        }
        for chunk in chunks {
            for piece in chunk.bytes.chunks(PIECE) {
                transaction.write(insert(chunk, piece)).await?;
            }
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn chunks_after(
        &self,
        column: &'static str,
        owner: impl Into<Argument>,
        cursor: i64,
        limit: u32,
    ) -> Result<Vec<Chunk>, Failure> {
        let query = Query::new(CHUNK)
            .sql(column)
            .sql(" = ")
            .bind(owner)
            .sql(" AND sequence > ")
            .bind(cursor)
            .sql(" ORDER BY sequence LIMIT ")
            .bind(i64::from(limit.min(PAGE_ROWS)));
        self.database.all(query, chunk_of).await
    }
}

/// No list is longer than 500 pieces, whatever `limit` says: whoever wants all asks again from the last cursor until
/// nothing comes.
#[async_trait]
impl OutputStore for Store {
    /// Empty pieces are not kept; pieces over 64 KiB are kept as several.
    async fn append(&self, chunks: Vec<NewChunk>) -> Result<(), StoreError> {
        self.append_chunks(&chunks).await.map_err(failed("keep output"))
    }

    async fn after(&self, run: RunId, cursor: i64, limit: u32) -> Result<Vec<Chunk>, StoreError> {
        self.chunks_after("run", run.0, cursor, limit).await.map_err(failed("read a run's output"))
    }

    async fn tail(&self, execution: ExecutionId, limit: u32) -> Result<Vec<Chunk>, StoreError> {
        let query = Query::new(CHUNK)
            .sql("execution = ")
            .bind(execution.0)
            .sql(" ORDER BY sequence DESC LIMIT ")
            .bind(i64::from(limit.min(PAGE_ROWS)));
        let mut chunks =
            self.database.all(query, chunk_of).await.map_err(failed("read the end of an execution's output"))?;
        chunks.reverse();
        Ok(chunks)
    }

    async fn of_execution(&self, execution: ExecutionId, cursor: i64, limit: u32) -> Result<Vec<Chunk>, StoreError> {
        self.chunks_after("execution", execution.0, cursor, limit).await.map_err(failed("read an execution's output"))
    }

    async fn recorded(&self, run: RunId) -> Result<Vec<ExecutionId>, StoreError> {
        let query =
            Query::new("SELECT DISTINCT execution FROM output_chunk WHERE terminal = 'size' AND run = ").bind(run.0);
        let found = self.database.all(query, |row| row.read("execution", |id| id.parse().ok())).await;
        found.map_err(failed("look for recordings"))
    }

    async fn last(&self, run: RunId) -> Result<i64, StoreError> {
        let query = Query::new("SELECT coalesce(max(sequence), 0) AS last FROM output_chunk WHERE run = ").bind(run.0);
        let last = self.database.one(query, |row| Ok(row.get("last")?)).await;
        Ok(last.map_err(failed("read a run's cursor"))?.unwrap_or(0))
    }
}

fn insert(chunk: &NewChunk, piece: &[u8]) -> Query {
    Query::insert(
        "output_chunk",
        [
            ("run", chunk.run.0.into()),
            ("execution", chunk.execution.0.into()),
            ("stream", stream_words(chunk.stream).0.into()),
            ("terminal", stream_words(chunk.stream).1.into()),
            ("at", chunk.at.into()),
            ("bytes", piece.into()),
        ],
    )
}

fn chunk_of(row: &Row) -> Result<Chunk, Failure> {
    Ok(Chunk {
        sequence: row.get("sequence")?,
        content: NewChunk {
            run: row.read("run", |id| id.parse().ok())?,
            execution: row.read("execution", |id| id.parse().ok())?,
            stream: stream_of(row)?,
            at: row.timestamp("at")?,
            bytes: Bytes::from(row.get::<Vec<u8>>("bytes")?),
        },
    })
}

/// The columns `stream` and `terminal` of each kind of output.
fn stream_words(stream: Stream) -> (&'static str, Option<&'static str>) {
    match stream {
        Stream::Stdout => ("stdout", None),
        Stream::Stderr => ("stderr", None),
        Stream::Terminal => ("stdout", Some("printed")),
        Stream::Resize => ("stdout", Some("size")),
    }
}

fn stream_of(row: &Row) -> Result<Stream, Failure> {
    let terminal: Option<String> = row.get("terminal")?;
    let known = [Stream::Stdout, Stream::Stderr, Stream::Terminal, Stream::Resize];
    row.read("stream", |word| known.into_iter().find(|stream| stream_words(*stream) == (word, terminal.as_deref())))
}
