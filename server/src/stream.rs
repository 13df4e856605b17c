//! The event streams: one a page, carrying fragments that `app::fragments` draws.
//!
//! A fragment is sent when its text differs from what this stream sent last, so a lost connection needs no bookkeeping:
//! the next stream sends every fragment once. Output is different: it grows. Its events carry the sequence of the last
//! piece as their id, and the browser says it again in `Last-Event-ID`.

pub(crate) mod incidents;

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::time::Duration;

use app::fragments::{self, Fragment, Looker, Output, OutputPen, Sent};
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{self, KeepAlive};
use identity::CurrentCaller;
use operations::{Caller, Cards, Chunk, EnvironmentName, Error, ExecutionId, Operations, RunId};
use runbook::{ProcedureId, RunbookId, StepId};
use serde::Deserialize;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::presence::{Here, Presence};
use crate::routes::Problem;
use crate::seats::{Seat, Seats};

/// The shortest time between two rounds of one stream: what changes faster is drawn once.
const ROUND: Duration = Duration::from_millis(150);
/// How many times as long as it took to draw a page its stream rests: what is heavy to draw is drawn less often.
const REST: u32 = 10;
/// The longest rest: where the machine is busy drawing takes long, and people wait for the end of what they stopped.
const LONGEST_REST: Duration = Duration::from_secs(2);
/// How long a stream waits for news before it looks by itself: clocks go on, and limits are reached without news.
const LOOK: Duration = Duration::from_secs(2);
/// How long one stream lasts: the browser opens the next one, and with it the session is checked again. So a session
/// that has ended sees at most this much longer what it had open.
pub(crate) const LONGEST: Duration = Duration::from_secs(5 * 60);
/// Pieces of output that are read at once.
const PIECES: u32 = 16;
/// How many pieces one round sends at most: 2 MiB of output in full pieces.
const MOST_PIECES: usize = 32;
/// How many times one round reads: more than the greatest output needs.
const MOST_PAGES: usize = 200;

/// Streams at once in one process.
const MOST: usize = 1_000;
/// Streams at once of one person: more tabs than anybody reads.
const MOST_OF_ONE: usize = 50;

pub(crate) type Events = Sse<axum::response::sse::KeepAliveStream<ReceiverStream<Result<sse::Event, Infallible>>>>;

/// What a page sends along when it opens the stream of a run.
#[derive(Debug, Deserialize)]
pub(crate) struct From {
    /// The cursor of the output that the page already holds.
    after: Option<i64>,
    /// The step that the page shows alone.
    step: Option<StepId>,
}

/// The stream of a run's page: steps, output, live cards.
pub(crate) async fn run_events(
    State(operations): State<Operations>,
    State(streams): State<Streams>,
    CurrentCaller(caller): CurrentCaller,
    Path(run): Path<String>,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Result<Events, Problem> {
    let run: RunId = run.parse().map_err(|_| Error::NotFound("This run"))?;
    let seat = streams.seat(&caller)?;
    let changes = operations.watch_run(&caller, run).await?;
    let cards = operations.cards_of_run(&caller, run).await?;
    let resumed = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    let cursor = resumed.or(from.after).unwrap_or(0);
    let place = from.step.as_ref().map(|step| format!("step {step}")).unwrap_or_default();
    let here = streams.presence.enter(run.0, Looker::at(&caller.person.name, place));
    let focus = from.step;
    Ok(streams.open(seat, |sender| async move {
        let browser = Browser { sender, sent: Sent::default() };
        RunPage { operations, caller, run, focus, cursor, changes, cards, here, pen: OutputPen::new(), browser }
            .follow()
            .await;
    }))
}

/// What the page of a procedure or a runbook sends along when it opens its stream.
#[derive(Debug, Deserialize)]
pub(crate) struct Which {
    runbook: RunbookId,
    /// None on the page of the whole runbook.
    procedure: Option<ProcedureId>,
    environment: EnvironmentName,
}

/// The stream of a page to read: live cards.
pub(crate) async fn live_events(
    State(operations): State<Operations>,
    State(streams): State<Streams>,
    CurrentCaller(caller): CurrentCaller,
    Query(which): Query<Which>,
) -> Result<Events, Problem> {
    let seat = streams.seat(&caller)?;
    let Which { runbook, procedure, environment } = &which;
    let mut cards = match procedure {
        Some(procedure) => operations.cards_of_procedure(&caller, runbook, procedure, environment).await?,
        None => operations.cards_of_runbook(&caller, runbook, environment).await?,
    };
    Ok(streams.open(seat, |sender| async move {
        let mut browser = Browser { sender, sent: Sent::default() };
        loop {
            let begun = Instant::now();
            let drawn = draw(&mut cards, &operations);
            let took = begun.elapsed();
            if browser.fragments(vec![drawn]).await.is_err() {
                return;
            }
            tokio::time::sleep(rest(ROUND, took)).await;
            tokio::select! {
                () = cards.changed() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }))
}

/// What all streams share.
#[derive(Clone)]
pub(crate) struct Streams {
    /// Ends them when the portal stops.
    shutdown: CancellationToken,
    seats: Seats,
    presence: Presence,
}

impl Streams {
    pub(crate) fn new(shutdown: CancellationToken) -> Self {
        Self { shutdown, seats: Seats::new(MOST, MOST_OF_ONE), presence: Presence::default() }
    }

    /// Who has the page of a run or incident open just now.
    pub(crate) fn lookers(&self, page: Uuid) -> Vec<Looker> {
        self.presence.lookers(page)
    }

    /// A place for one more page of a person.
    pub(crate) fn seat(&self, caller: &Caller) -> Result<Seat, Error> {
        self.seats.take(&caller.person.subject).ok_or_else(|| {
            let text = "Too many live pages are open. This one shows what was when it was loaded; close some others.";
            Error::Conflict(text.to_owned())
        })
    }

    /// Cancelled when the portal stops.
    pub(crate) fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Runs a stream's task until who reads it leaves, its time is over, or the portal stops. `held` is kept until then.
    pub(crate) fn open<F>(
        self,
        held: impl Send + 'static,
        task: impl FnOnce(mpsc::Sender<Result<sse::Event, Infallible>>) -> F,
    ) -> Events
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (sender, receiver) = mpsc::channel(16);
        let gone = sender.clone();
        let work = task(sender);
        tokio::spawn(async move {
            let _held = held;
            tokio::select! {
                () = work => {}
                () = gone.closed() => {}
                () = tokio::time::sleep(LONGEST) => {}
                () = self.shutdown.cancelled() => {}
            }
        });
        Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
    }
}

struct RunPage {
    operations: Operations,
    caller: Caller,
    run: RunId,
    focus: Option<StepId>,
    cursor: i64,
    changes: watch::Receiver<u64>,
    cards: Cards,
    here: Here,
    pen: OutputPen,
    browser: Browser,
}

/// The browser has left, or what it looked at cannot be shown any more.
struct Over;

impl RunPage {
    async fn follow(mut self) {
        while let Ok(took) = self.round().await {
            tokio::time::sleep(rest(ROUND, took)).await;
            tokio::select! {
                changed = self.changes.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                () = self.cards.changed() => {}
                () = self.here.changed() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Sends what is new, and says how long it took to draw: not to send, which is the browser's time.
    async fn round(&mut self) -> Result<Duration, Over> {
        self.changes.mark_unchanged();
        let begun = Instant::now();
        let view = self.operations.run_page(&self.caller, self.run).await.map_err(|error| {
            tracing::warn!(run = %self.run, error = &error as &dyn std::error::Error, "a live page ends");
            Over
        })?;
        let mut drawn = fragments::run(&view, &self.caller, self.focus.as_ref(), self.operations.now());
        drawn.push(draw(&mut self.cards, &self.operations));
        let took = begun.elapsed();
        drawn.push(fragments::people(&self.here.lookers()));
        self.browser.fragments(drawn).await?;
        self.output().await?;
        Ok(took)
    }

    /// Sends what was printed since the cursor. A page cannot follow a flood: of what is pending the newest pieces are
    /// sent, and each execution that lost some is told.
    async fn output(&mut self) -> Result<(), Over> {
        let mut newest: VecDeque<Chunk> = VecDeque::new();
        let mut lost: BTreeMap<ExecutionId, i64> = BTreeMap::new();
        for _ in 0..MOST_PAGES {
            let chunks = match self.operations.output_after(&self.caller, self.run, self.cursor, PIECES).await {
                Ok(chunks) => chunks,
                Err(Error::Forbidden(_)) => return Ok(()),
                Err(error) => {
                    tracing::warn!(run = %self.run, error = &error as &dyn std::error::Error, "output could not be read");
                    return Err(Over);
                }
            };
            let more = chunks.len() == PIECES as usize;
            if let Some(last) = chunks.last() {
                self.cursor = last.sequence;
            }
            newest.extend(chunks);
            while newest.len() > MOST_PIECES {
                if let Some(gone) = newest.pop_front() {
                    lost.insert(gone.content.execution, gone.sequence);
                }
            }
            if !more {
                break;
            }
        }
        for (execution, sequence) in lost {
            let gap = Output::gap(execution, sequence);
            self.browser.send("output", gap.json(), gap.sequence).await?;
        }
        for chunk in newest {
            for output in self.pen.write(std::slice::from_ref(&chunk)) {
                self.browser.send("output", output.json(), output.sequence).await?;
            }
        }
        Ok(())
    }
}

/// The far end of a stream, and what it has been sent.
struct Browser {
    sender: mpsc::Sender<Result<sse::Event, Infallible>>,
    sent: Sent,
}

impl Browser {
    /// Sends the fragments that differ from what was sent last.
    async fn fragments(&mut self, drawn: Vec<Fragment>) -> Result<(), Over> {
        for fragment in self.sent.fresh(drawn) {
            self.send("fragment", fragment.json(), None).await?;
        }
        Ok(())
    }

    async fn send(&self, name: &str, data: String, id: Option<i64>) -> Result<(), Over> {
        let mut event = sse::Event::default().event(name).data(data);
        if let Some(id) = id {
            event = event.id(id.to_string());
        }
        self.sender.send(Ok(event)).await.map_err(|_| Over)
    }
}

fn draw(cards: &mut Cards, operations: &Operations) -> Fragment {
    fragments::cards(&cards.now(), operations.now())
}

/// How long a stream rests after a page that took so long to draw.
fn rest(round: Duration, took: Duration) -> Duration {
    round.max((took * REST).min(LONGEST_REST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_long_to_draw_is_drawn_less_often() {
        let milliseconds = Duration::from_millis;
        assert_eq!(rest(ROUND, milliseconds(3)), ROUND);
        assert_eq!(rest(ROUND, milliseconds(80)), milliseconds(800));
        assert_eq!(rest(ROUND, milliseconds(3000)), LONGEST_REST);
    }
}
