//! A text of SQL on its way, for steps that are SQL.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use command::sql::Statement;

use crate::session::{Event, Session, SessionError};

/// Why a query ended early.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// It was stopped, and the server has ended the statement.
    #[error("stopped")]
    Cancelled,
    /// The connection failed. A statement that was on its way may have been carried out or not.
    #[error("the connection to the database failed: {0}")]
    Lost(String),
}

/// The statements of a text, carried out one after the other.
pub struct Query {
    session: Option<Session>,
    waiting: VecDeque<Statement>,
    running: Option<(Statement, Instant)>,
    failed: bool,
}

impl Query {
    pub(crate) fn new(session: Session, statements: Vec<Statement>) -> Self {
        Self { session: Some(session), waiting: statements.into(), running: None, failed: false }
    }

    /// The statement that runs, as written.
    #[must_use]
    pub fn statement(&self) -> Option<&str> {
        self.running.as_ref().map(|(statement, _)| statement.text.as_str())
    }

    /// How long it has been running.
    #[must_use]
    pub fn elapsed(&self) -> Option<Duration> {
        self.running.as_ref().map(|(_, since)| since.elapsed())
    }

    /// The next event, `None` when all is done. [`Event::Ready`] comes after each statement; until then
    /// [`Query::statement`] is the one it belongs to. Rows come as the server sends them: not reading makes it wait.
    ///
    /// # Errors
    /// [`QueryError`]; nothing comes behind it.
    pub async fn next(&mut self) -> Result<Option<Event>, QueryError> {
        let Some(session) = &mut self.session else { return Ok(None) };
        let next = step(session, &mut self.waiting, &mut self.running, &mut self.failed).await;
        if let Ok(Some(_)) = next {
            return next;
        }
        if let Some(session) = self.session.take() {
            session.close().await;
        }
        next
    }

    /// Ends it. What still runs is cancelled at the server.
    pub async fn close(mut self) {
        if let Some(session) = self.session.take() {
            session.close().await;
        }
    }
}

async fn step(
    session: &mut Session,
    waiting: &mut VecDeque<Statement>,
    running: &mut Option<(Statement, Instant)>,
    failed: &mut bool,
) -> Result<Option<Event>, QueryError> {
    let told = |error| match error {
        SessionError::Cancelled => QueryError::Cancelled,
        SessionError::Wire(error) => QueryError::Lost(error.to_string()),
    };
    if running.is_none() {
        let Some(statement) = waiting.pop_front().filter(|_| !*failed) else { return Ok(None) };
        session.request(statement.text.as_bytes()).await.map_err(told)?;
        *running = Some((statement, Instant::now()));
    }
    let event = session.next().await.map_err(told)?;
    match &event {
        Event::Failed(_) => *failed = true,
        Event::Ready(_) => *running = None,
        // There is nobody to send rows: the server reports it as a failure of the statement.
        Event::CopyIn => session.copy_fail("a step has no rows to send").await.map_err(told)?,
        _ => {}
    }
    Ok(Some(event))
}
