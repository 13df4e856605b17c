//! What an execution printed: whole, or followed.

use std::time::Duration;

use axum::body::Body;
use axum::response::sse;
use operations::{Caller, Chunk, Error, ExecutionId, ExecutionState, Operations, Stream};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use utoipa::ToSchema;

use super::executions::Execution;
use crate::routes;
use crate::stream::{Events, Streams};

/// Pieces that are read at once.
const PIECES: u32 = 16;
/// How long to wait for news before looking.
const LOOK: Duration = Duration::from_secs(2);

/// A piece of output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct OutputPiece {
    /// Which stream it was printed to.
    pub(crate) stream: OutputStream,
    /// What was printed; what is no UTF-8 is replaced.
    pub(crate) text: String,
}

/// A stream of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Everything that was kept until now, as plain text.
pub(super) async fn whole(operations: Operations, caller: Caller, id: ExecutionId) -> Result<Body, Error> {
    Ok(Body::from_stream(routes::printed(operations, caller, id).await?))
}

/// Everything behind a cursor, and what comes after it until the execution ends.
pub(super) async fn follow(
    operations: Operations,
    streams: Streams,
    caller: Caller,
    id: ExecutionId,
    cursor: i64,
) -> Result<Events, Error> {
    let (run, _) = operations.execution(&caller, id).await?;
    // Who may not see output is told so here, and not by a stream that says nothing.
    operations.output_of(&caller, id, i64::MAX, 1).await?;
    let mut changes = operations.watch_run(&caller, run.id).await?;
    Ok(streams.open((), move |sender| async move {
        let mut follower = Follower { operations, caller, id, cursor, pen: Pen::default(), sender };
        loop {
            changes.mark_unchanged();
            match follower.round().await {
                Round::Goes => {}
                Round::Over => return,
            }
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }))
}

struct Follower {
    operations: Operations,
    caller: Caller,
    id: ExecutionId,
    cursor: i64,
    pen: Pen,
    sender: mpsc::Sender<Result<sse::Event, std::convert::Infallible>>,
}

/// What a look at the execution came to.
enum Round {
    /// There may be more.
    Goes,
    /// It has ended, or nobody listens any more.
    Over,
}

impl Follower {
    async fn round(&mut self) -> Round {
        // Looked at before its output is read: what it printed is kept before its end is.
        let execution = match self.operations.execution(&self.caller, self.id).await {
            Ok((_, execution)) => execution,
            Err(error) => return self.failed(&error),
        };
        loop {
            let chunks = match self.operations.output_of(&self.caller, self.id, self.cursor, PIECES).await {
                Ok(chunks) => chunks,
                Err(error) => return self.failed(&error),
            };
            let Some(last) = chunks.last() else { break };
            self.cursor = last.sequence;
            for chunk in &chunks {
                let Some(piece) = self.pen.read(chunk) else { continue };
                let event = sse::Event::default().event("output").id(chunk.sequence.to_string());
                if self.send(event.json_data(piece)).await.is_err() {
                    return Round::Over;
                }
            }
        }
        if execution.state == ExecutionState::Running {
            return Round::Goes;
        }
        let event = sse::Event::default().event("end").json_data(Execution::from(&execution));
        // Whether somebody still hears it: this is the end.
        let _ = self.send(event).await;
        Round::Over
    }

    async fn send(&self, event: Result<sse::Event, axum::Error>) -> Result<(), mpsc::error::SendError<()>> {
        let event = event.expect("a struct of texts and numbers is JSON");
        self.sender.send(Ok(event)).await.map_err(|_| mpsc::error::SendError(()))
    }

    fn failed(&self, error: &Error) -> Round {
        tracing::warn!(execution = %self.id, error = error as &dyn std::error::Error, "a followed execution is lost");
        Round::Over
    }
}

/// Puts characters together that pieces have cut.
#[derive(Default)]
struct Pen {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Pen {
    /// The text of a piece; `None` where it holds no whole character.
    fn read(&mut self, chunk: &Chunk) -> Option<OutputPiece> {
        let (stream, kept) = match chunk.content.stream {
            // A terminal has one stream.
            Stream::Stdout | Stream::Terminal => (OutputStream::Stdout, &mut self.stdout),
            Stream::Stderr => (OutputStream::Stderr, &mut self.stderr),
            Stream::Resize => return None,
        };
        kept.extend_from_slice(&chunk.content.bytes);
        let cut = match kept.utf8_chunks().last().map(|last| last.invalid()) {
            // A character's beginning, which the next piece may end; anything else is none.
            Some(rest) if std::str::from_utf8(rest).is_err_and(|error| error.error_len().is_none()) => {
                kept.len() - rest.len()
            }
            _ => kept.len(),
        };
        let rest = kept.split_off(cut);
        let text = String::from_utf8_lossy(&std::mem::replace(kept, rest)).into_owned();
        (!text.is_empty()).then_some(OutputPiece { stream, text })
    }
}

#[cfg(test)]
mod tests {
    use operations::{NewChunk, RunId};

    use super::*;

    #[test]
    fn a_character_that_is_cut_comes_whole() {
        let mut pen = Pen::default();
        let mut read = |stream, bytes: &[u8]| {
            let content = NewChunk {
                run: RunId::new(),
                execution: ExecutionId::new(),
                stream,
                at: jiff::Timestamp::UNIX_EPOCH,
                bytes: bytes.to_vec().into(),
            };
            pen.read(&Chunk { sequence: 1, content }).map(|piece| piece.text)
        };
        assert_eq!(read(Stream::Stdout, "a€".as_bytes()).as_deref(), Some("a€"));
        assert_eq!(read(Stream::Stdout, b"b\xe2\x82").as_deref(), Some("b"));
        assert_eq!(read(Stream::Stderr, b"c").as_deref(), Some("c"), "the streams are apart");
        assert_eq!(read(Stream::Stdout, b"\xac!").as_deref(), Some("€!"));
        assert_eq!(read(Stream::Stdout, b"\xe2"), None);
        assert_eq!(read(Stream::Stdout, b"x\xff\xffy").as_deref(), Some("\u{fffd}x\u{fffd}\u{fffd}y"));
    }
}
