//! The streams of what is open, of an incident, and of its timeline.

use std::time::Duration;

use app::fragments::{self, Fragment, Looker, Sent};
use axum::extract::{Path, Query, State};
use identity::CurrentCaller;
use operations::{Caller, Error, IncidentId, Operations};
use serde::Deserialize;
use tokio::time::Instant;

use super::{Browser, Events, Streams, rest};
use crate::presence::Here;
use crate::routes::Problem;

/// The shortest time between two rounds: many runs make news, and a page need not show each piece of it.
const ROUND: Duration = Duration::from_millis(400);
/// How long a stream waits for news before it draws anyway: clocks turn amber by themselves.
const LOOK: Duration = Duration::from_secs(5);

/// What one of these pages shows.
enum Shown {
    /// What is open.
    Open,
    /// The list of incidents.
    List,
    /// One incident.
    Incident(IncidentId),
    /// One page of its timeline; without a number the last one.
    Timeline(IncidentId, Option<usize>),
}

impl Shown {
    async fn draw(&self, operations: &Operations, caller: &Caller) -> Result<Vec<Fragment>, Error> {
        match *self {
            Self::Open => Ok(fragments::needs(&operations.what_is_open(caller, fragments::OPEN_RUNS).await?)),
            Self::List => {
                let incidents = operations.incidents(caller, &fragments::LISTED_INCIDENTS).await?;
                Ok(fragments::incidents(&incidents, operations.now()))
            }
            Self::Incident(id) => {
                let view = operations.view_incident(caller, id).await?;
                let runs = operations.views_of(caller, &view.runs).await;
                let timeline = operations.lately(caller, id).await?;
                Ok(fragments::incident(&view, &runs, &timeline, caller))
            }
            Self::Timeline(id, page) => {
                let view = operations.view_incident(caller, id).await?;
                let timeline = operations.timeline(caller, id).await?;
                Ok(fragments::timeline(&view, &timeline, caller, page))
            }
        }
    }
}

/// The stream of the first page.
pub(crate) async fn open_events(
    State(operations): State<Operations>,
    State(streams): State<Streams>,
    CurrentCaller(caller): CurrentCaller,
) -> Result<Events, Problem> {
    follow(operations, streams, caller, Shown::Open).await
}

/// The stream of the list of incidents.
pub(crate) async fn list_events(
    State(operations): State<Operations>,
    State(streams): State<Streams>,
    CurrentCaller(caller): CurrentCaller,
) -> Result<Events, Problem> {
    follow(operations, streams, caller, Shown::List).await
}

/// The stream of an incident's page: clocks, alerts, procedures that fit, runs, messages, what happened lately.
pub(crate) async fn incident_events(
    State(operations): State<Operations>,
    State(streams): State<Streams>,
    CurrentCaller(caller): CurrentCaller,
    Path(incident): Path<String>,
) -> Result<Events, Problem> {
    let incident = incident_id(&incident)?;
    follow(operations, streams, caller, Shown::Incident(incident)).await
}

/// Which page of the timeline is open.
#[derive(Debug, Deserialize)]
pub(crate) struct Turned {
    page: Option<usize>,
}

/// The stream of a timeline's page.
pub(crate) async fn timeline_events(
    State(operations): State<Operations>,
    State(streams): State<Streams>,
    CurrentCaller(caller): CurrentCaller,
    Path(incident): Path<String>,
    Query(turned): Query<Turned>,
) -> Result<Events, Problem> {
    let incident = incident_id(&incident)?;
    follow(operations, streams, caller, Shown::Timeline(incident, turned.page)).await
}

fn incident_id(text: &str) -> Result<IncidentId, Error> {
    text.parse().map_err(|_| Error::NotFound("This incident"))
}

async fn follow(operations: Operations, streams: Streams, caller: Caller, shown: Shown) -> Result<Events, Problem> {
    let seat = streams.seat(&caller)?;
    // What cannot be shown is answered, not streamed.
    shown.draw(&operations, &caller).await?;
    let mut news = operations.watch_incidents(&caller)?;
    let mut here = match shown {
        Shown::Incident(id) => Some(streams.presence.enter(id.0, Looker::at(&caller.person.name, ""))),
        _ => None,
    };
    Ok(streams.open(seat, move |sender| async move {
        let mut browser = Browser { sender, sent: Sent::default() };
        loop {
            news.mark_unchanged();
            let begun = Instant::now();
            let mut drawn = match shown.draw(&operations, &caller).await {
                Ok(drawn) => drawn,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "a live page ends");
                    return;
                }
            };
            let took = begun.elapsed();
            drawn.extend(here.as_mut().map(|here| fragments::people(&here.lookers())));
            if browser.fragments(drawn).await.is_err() {
                return;
            }
            tokio::time::sleep(rest(ROUND, took)).await;
            tokio::select! {
                changed = news.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                () = coming_and_going(&mut here) => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }))
}

/// Returns when somebody comes or goes; never on a page that does not say who is there.
async fn coming_and_going(here: &mut Option<Here>) {
    match here {
        Some(here) => here.changed().await,
        None => std::future::pending().await,
    }
}
