//! A session: one simple query after the other, and what comes back, in order.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::Message;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::report::Report;
use crate::wire::{Connection, Way, WireError};

/// How long a cancelled statement may take to end before the connection is cut.
const CANCEL_WAIT: Duration = Duration::from_secs(5);

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, which need not be unique.
    pub name: String,
    /// The type's number in `pg_type`.
    pub type_oid: u32,
}

impl Column {
    /// Whether psql prints it at the right: numbers and what looks like one (`column_type_alignment` in print.c).
    #[must_use]
    pub fn is_number(&self) -> bool {
        // int8, int2, int4, oid, xid, cid, float4, float8, money, numeric, xid8
        matches!(self.type_oid, 20 | 21 | 23 | 26 | 28 | 29 | 700 | 701 | 790 | 1700 | 5069)
    }
}

/// One row: texts as the server prints them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    buffer: Bytes,
    values: Vec<Option<Range<usize>>>,
}

impl Row {
    /// The values in the order of the columns; `None` is NULL.
    pub fn values(&self) -> impl ExactSizeIterator<Item = Option<&[u8]>> {
        self.values.iter().map(|range| range.clone().map(|range| &self.buffer[range]))
    }

    /// The value of one column as text, with a mark for what is none.
    #[must_use]
    pub fn text(&self, column: usize) -> Option<std::borrow::Cow<'_, str>> {
        let range = self.values.get(column)?.clone()?;
        Some(String::from_utf8_lossy(&self.buffer[range]))
    }

    /// How much it holds, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.buffer.len()
    }
}

/// Where a session is in a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transaction {
    /// In none.
    Idle,
    /// In one.
    Open,
    /// In one that failed: the server refuses everything until it ends.
    Failed,
}

/// What comes back of a query, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A result begins.
    Columns(Arc<[Column]>),
    /// One of its rows.
    Row(Row),
    /// A statement is done, with its tag: `SELECT 3`, `VACUUM`.
    Complete(String),
    /// There was nothing to do.
    Empty,
    /// A statement failed; those behind it in the same request are not carried out.
    Failed(Box<Report>),
    /// A notice or warning.
    Notice(Box<Report>),
    /// Somebody's `NOTIFY`.
    Notified {
        /// The channel.
        channel: String,
        /// The text with it.
        payload: String,
        /// The server process that sent it.
        process: i32,
    },
    /// The server waits for the rows of a `COPY … FROM STDIN`.
    CopyIn,
    /// The rows of a `COPY … TO STDOUT` follow.
    CopyOut,
    /// Some of them.
    CopyData(Bytes),
    /// All of them were sent.
    CopyDone,
    /// The request is done.
    Ready(Transaction),
}

/// Why a session is over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    /// It was stopped; the server has ended the statement, or the connection was cut.
    #[error("stopped")]
    Cancelled,
    /// The connection failed.
    #[error(transparent)]
    Wire(#[from] WireError),
}

/// One connection with its state.
pub(crate) struct Session {
    connection: Option<Connection>,
    way: Way,
    cancel: CancellationToken,
    busy: bool,
    pub(crate) transaction: Transaction,
}

impl Session {
    pub(crate) async fn open(
        way: &Way,
        settings: &[(&str, String)],
        connect: Duration,
        cancel: CancellationToken,
    ) -> Result<Self, SessionError> {
        let connection = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(SessionError::Cancelled),
            opened = tokio::time::timeout(connect, Connection::open(way, settings)) => {
                opened.map_err(|_| WireError::Unreachable(std::io::ErrorKind::TimedOut))??
            }
        };
        Ok(Self { connection: Some(connection), way: way.clone(), cancel, busy: false, transaction: Transaction::Idle })
    }

    pub(crate) fn way(&self) -> &Way {
        &self.way
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.connection.as_ref()?.parameters.get(name).map(String::as_str)
    }

    fn connection(&mut self) -> Result<&mut Connection, SessionError> {
        self.connection.as_mut().ok_or(SessionError::Wire(WireError::Lost))
    }

    /// Sends a request. All its events up to [`Event::Ready`] must be taken before the next one.
    pub(crate) async fn request(&mut self, sql: &[u8]) -> Result<(), SessionError> {
        if self.cancel.is_cancelled() {
            return Err(SessionError::Cancelled);
        }
        self.busy = true;
        let cancel = self.cancel.clone();
        let connection = self.connection()?;
        tokio::select! {
            sent = connection.query(sql) => Ok(sent?),
            // A request cut in its middle leaves nothing to talk about.
            () = cancel.cancelled() => {
                self.connection = None;
                Err(SessionError::Cancelled)
            }
        }
    }

    /// Sends rows of a copy.
    pub(crate) async fn copy_data(&mut self, data: &[u8]) -> Result<(), SessionError> {
        let cancel = self.cancel.clone();
        let connection = self.connection()?;
        tokio::select! {
            sent = connection.copy_data(data) => Ok(sent?),
            () = cancel.cancelled() => {
                self.connection = None;
                Err(SessionError::Cancelled)
            }
        }
    }

    pub(crate) async fn copy_done(&mut self) -> Result<(), SessionError> {
        Ok(self.connection()?.copy_done().await?)
    }

    pub(crate) async fn copy_fail(&mut self, why: &str) -> Result<(), SessionError> {
        Ok(self.connection()?.copy_fail(why).await?)
    }

    /// The next event. When it is stopped, the server is told and what it still says is waited for.
    pub(crate) async fn next(&mut self) -> Result<Event, SessionError> {
        loop {
            let cancel = self.cancel.clone();
            let connection = self.connection()?;
            let message = tokio::select! {
                biased;
                () = cancel.cancelled() => {
                    self.interrupt().await;
                    return Err(SessionError::Cancelled);
                }
                message = connection.receive() => message,
            };
            let message = match message {
                Ok(message) => message,
                Err(error) => {
                    self.connection = None;
                    return Err(error.into());
                }
            };
            if let Some(event) = self.event(message)? {
                return Ok(event);
            }
        }
    }

    fn event(&mut self, message: Message) -> Result<Option<Event>, SessionError> {
        let lost = |_| SessionError::Wire(WireError::Lost);
        Ok(Some(match message {
            Message::RowDescription(body) => {
                let columns: Vec<_> = body
                    .fields()
                    .map(|field| Ok(Column { name: field.name().to_owned(), type_oid: field.type_oid() }))
                    .collect()
                    .map_err(lost)?;
                Event::Columns(columns.into())
            }
            Message::DataRow(body) => {
                Event::Row(Row { values: body.ranges().collect().map_err(lost)?, buffer: body.buffer_bytes().clone() })
            }
            Message::CommandComplete(body) => Event::Complete(body.tag().map_err(lost)?.to_owned()),
            Message::EmptyQueryResponse => Event::Empty,
            Message::ErrorResponse(body) => Event::Failed(Box::new(Report::read(body.fields()))),
            Message::NoticeResponse(body) => Event::Notice(Box::new(Report::read(body.fields()))),
            Message::NotificationResponse(body) => Event::Notified {
                channel: body.channel().map_err(lost)?.to_owned(),
                payload: body.message().map_err(lost)?.to_owned(),
                process: body.process_id(),
            },
            Message::CopyInResponse(_) => Event::CopyIn,
            Message::CopyOutResponse(_) => Event::CopyOut,
            Message::CopyData(body) => Event::CopyData(body.into_bytes()),
            Message::CopyDone => Event::CopyDone,
            Message::ReadyForQuery(body) => {
                self.busy = false;
                self.transaction = match body.status() {
                    b'T' => Transaction::Open,
                    b'E' => Transaction::Failed,
                    _ => Transaction::Idle,
                };
                Event::Ready(self.transaction)
            }
            Message::ParameterStatus(body) => {
                let (name, value) = (body.name().map_err(lost)?.to_owned(), body.value().map_err(lost)?.to_owned());
                self.connection()?.keep(&name, &value);
                return Ok(None);
            }
            _ => return Err(WireError::Lost.into()),
        }))
    }

    /// Has the server end what it does, and waits until it has.
    async fn interrupt(&mut self) {
        if !self.busy {
            return;
        }
        let Some(mut connection) = self.connection.take() else { return };
        let deadline = Instant::now() + CANCEL_WAIT;
        let key = connection.key;
        let way = self.way.clone();
        let ended = tokio::time::timeout_at(deadline, async {
            way.cancel(key).await?;
            loop {
                match connection.receive().await? {
                    Message::ReadyForQuery(_) => return Ok::<_, WireError>(()),
                    // A statement that waits for rows is not ended by a cancel request.
                    Message::CopyInResponse(_) => connection.copy_fail("stopped").await?,
                    _ => {}
                }
            }
        })
        .await;
        match ended {
            Ok(Ok(())) => {
                self.busy = false;
                self.connection = Some(connection);
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "a statement was stopped, and the connection failed before its end was known");
            }
            Err(_) => {
                tracing::warn!(
                    "a statement was stopped, and the server did not end it in time: the connection was cut"
                );
            }
        }
    }

    /// Ends the session. What still runs is cancelled first.
    pub(crate) async fn close(mut self) {
        self.interrupt().await;
        if let Some(connection) = self.connection.take() {
            connection.terminate().await;
        }
    }
}
