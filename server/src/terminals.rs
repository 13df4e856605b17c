//! Terminals over WebSocket (RFC 6455), and their recordings.
//!
//! `/terminals/{id}?after=N` begins behind the first N bytes that the program printed. Binary messages are bytes: keys on the way
//! there, output on the way back. Text messages are JSON:
//!
//! | from | message | meaning |
//! |---|---|---|
//! | browser | `{"size": [columns, rows]}` | the window has this size |
//! | portal | `{"writes": true, "by": "Ada"}` | whether keys from here are heard; who types |
//! | portal | `{"size": [columns, rows]}` | the program draws for this size |
//! | portal | `{"begin": N}` | forget what is shown; the next output begins behind N bytes |
//! | portal | `{"ended": true}` | the last message |
//!
//! A connection lasts some minutes and is then made again, so that the session is looked at anew.

use std::time::Duration;

use axum::body::Body;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream::SplitSink;
use futures::{SinkExt as _, StreamExt as _};
use identity::CurrentCaller;
use identity::csrf::PublicOrigin;
use operations::cast::Cast;
use operations::{Attached, Caller, Error, ExecutionId, Keyboard, Operations, TerminalEvent, TerminalSize};
use serde::Deserialize;
use serde_json::json;

use crate::routes::Problem;
use crate::stream::{LONGEST, Streams};

/// The greatest message of a browser: a pasted text.
const TYPED: usize = 64 << 10;
/// Between two signs of life: what stands between cuts connections that are silent for a minute.
const PING: Duration = Duration::from_secs(30);
/// Pieces of output that are read at once for a recording.
const PIECES: u32 = 64;

#[derive(Debug, Deserialize)]
pub(crate) struct From {
    /// How many bytes of the output the browser has.
    after: Option<u64>,
}

/// What a terminal is opened with.
pub(crate) type Desk = (Operations, Streams, Option<PublicOrigin>);

/// Attaches a browser to a terminal.
pub(crate) async fn attach(
    State((operations, streams, origin)): State<Desk>,
    CurrentCaller(caller): CurrentCaller,
    Path(terminal): Path<String>,
    Query(from): Query<From>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    // No form and no `fetch`: browsers let every site open one, with the cookies, and say only here which it was.
    let mut said = headers.get_all(header::ORIGIN).iter();
    let own = origin.as_ref().is_some_and(|own| said.next().is_some_and(|said| said == own.as_str()));
    if !own || said.next().is_some() {
        let words = "A terminal is opened by the page of its run, at the portal's public address.\n";
        return Ok((StatusCode::FORBIDDEN, words).into_response());
    }
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(refused) => return Ok(refused.into_response()),
    };
    let seat = streams.seat(&caller)?;
    let attachment = operations.attach_terminal(&caller, &terminal, from.after.unwrap_or(0)).await?;
    let shutdown = streams.shutdown();
    Ok(upgrade.max_message_size(TYPED).on_upgrade(|socket| async move {
        let _seat = seat;
        let keyboard = attachment.keyboard();
        let (mut sink, messages) = socket.split();
        let why = tokio::select! {
            () = shutdown.cancelled() => close_code::RESTART,
            () = tokio::time::sleep(LONGEST) => close_code::RESTART,
            _left = listen(messages, keyboard) => return,
            told = tell(&mut sink, attachment) => match told {
                Ok(()) => close_code::NORMAL,
                Err(_) => return,
            },
        };
        let close = Message::Close(Some(CloseFrame { code: why, reason: "".into() }));
        if let Err(error) = sink.send(close).await {
            tracing::debug!(%error, "a browser had left its terminal");
        }
    }))
}

/// What a browser says in words.
#[derive(Deserialize)]
struct Said {
    size: (u16, u16),
}

/// Hears a browser until it leaves.
async fn listen(mut messages: futures::stream::SplitStream<WebSocket>, keyboard: Keyboard) {
    while let Some(Ok(message)) = messages.next().await {
        match message {
            Message::Binary(keys) => keyboard.typed(keys).await,
            Message::Text(text) => {
                if let Ok(Said { size: (columns, rows) }) = serde_json::from_str(&text) {
                    keyboard.resize(TerminalSize::new(columns, rows)).await;
                }
            }
            Message::Close(_) => return,
            Message::Ping(_) | Message::Pong(_) => {}
        }
    }
}

/// Tells a browser what happens until the terminal has ended.
async fn tell(sink: &mut SplitSink<WebSocket, Message>, mut attachment: Attached) -> Result<(), axum::Error> {
    let by = attachment.view().writer.clone();
    loop {
        let message = match tokio::time::timeout(PING, attachment.next()).await {
            Err(_) => Message::Ping(Bytes::new()),
            Ok(Some(TerminalEvent::Output(bytes))) => Message::Binary(bytes),
            Ok(Some(TerminalEvent::Begin(before))) => text(&json!({"begin": before})),
            Ok(Some(TerminalEvent::Size(size))) => text(&json!({"size": [size.columns, size.rows]})),
            Ok(Some(TerminalEvent::Writes(writes))) => text(&json!({"writes": writes, "by": by})),
            Ok(None) => return sink.send(text(&json!({"ended": true}))).await,
        };
        sink.send(message).await?;
    }
}

fn text(value: &serde_json::Value) -> Message {
    Message::text(value.to_string())
}

/// What a recording is: lines of JSON in UTF-8.
pub(crate) const CAST_TYPE: &str = "application/x-asciicast; charset=utf-8";

/// The recording of an execution's terminal.
pub(crate) async fn cast(
    State(operations): State<Operations>,
    CurrentCaller(caller): CurrentCaller,
    Path(execution): Path<String>,
) -> Result<Response, Problem> {
    let execution: ExecutionId = execution.parse().map_err(|_| Error::NotFound("This recording"))?;
    let lines = recorded(operations, caller, execution).await?;
    let name = format!("attachment; filename=\"execution-{execution}.cast\"");
    let headers = [(header::CONTENT_TYPE, CAST_TYPE.to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, Body::from_stream(lines)).into_response())
}

/// The lines of a recording, read as they are sent.
pub(crate) async fn recorded(
    operations: Operations,
    caller: Caller,
    execution: ExecutionId,
) -> Result<impl futures::Stream<Item = Result<String, std::io::Error>> + Send + 'static, Error> {
    let title = operations.recording(&caller, execution).await?;
    let lines = futures::stream::unfold(Some((operations, caller, 0, Cast::new(title))), move |state| async move {
        let (operations, caller, cursor, mut cast) = state?;
        match operations.output_of(&caller, execution, cursor, PIECES).await {
            Ok(chunks) => match chunks.last() {
                Some(last) => {
                    let lines = cast.write(&chunks);
                    Some((Ok(lines), Some((operations, caller, last.sequence, cast))))
                }
                None => Some((Ok(cast.end()), None)),
            },
            Err(error) => Some((Err(std::io::Error::other(error)), None)),
        }
    });
    // The compressor asks once more after the end.
    Ok(lines.fuse())
}
