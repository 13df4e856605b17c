//! The streams of what is open, of an incident, and of its timeline.

use std::time::Duration;

use app::fragments::{self, Fragment, Looker, Sent};
use axum::extract::{Path, Query, State};
use identity::CurrentCaller;
use operations::{Caller, Error, IncidentId, IncidentPlace, Operations};
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
    /// A page of the list of incidents, behind this place.
    List(Option<IncidentPlace>),
    /// One incident.
    Incident(IncidentId),
    /// One page of its timeline; without a number the last one.
    Timeline(IncidentId, Option<usize>),
}

impl Shown {
    /// Whether it changes while nothing happens: clocks run out. A timeline is what the trail says.
    fn tells_time(&self) -> bool {
        !matches!(self, Self::Timeline(..))
    }

    async fn draw(&self, operations: &Operations, caller: &Caller) -> Result<Vec<Fragment>, Error> {
        match *self {
            Self::Open => Ok(fragments::needs(&operations.what_is_open(caller, fragments::OPEN_RUNS).await?)),
            Self::List(before) => {
                let page = operations.incidents_page(caller, &fragments::listed(before)).await?;
                Ok(fragments::incidents(&page, before, operations.now()))
            }
            Self::Incident(id) => {
                let view = operations.view_incident(caller, id).await?;
                let runs = operations.views_of(caller, &view.runs).await?;
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

/// Which page of the list of incidents is open.
#[derive(Debug, Deserialize)]
pub(crate) struct Listed {
    before: Option<String>,
}

/// The stream of the list of incidents.
pub(crate) async fn list_events(
    State(operations): State<Operations>,
    State(streams): State<Streams>,
    CurrentCaller(caller): CurrentCaller,
    Query(listed): Query<Listed>,
) -> Result<Events, Problem> {
    let before = listed.before.and_then(|place| place.parse().ok());
    follow(operations, streams, caller, Shown::List(before)).await
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
    let mut news = operations.watch_incidents(&caller)?;
    let begun = Instant::now();
    let mut first = Some((shown.draw(&operations, &caller).await?, begun.elapsed()));
    let mut here = match shown {
        Shown::Incident(id) => Some(streams.presence.enter(id.0, Looker::at(&caller.person.name, ""))),
        _ => None,
    };
    Ok(streams.open(seat, move |sender| async move {
        let mut browser = Browser { sender, sent: Sent::default() };
        loop {
            let (mut drawn, took) = match first.take() {
                Some(first) => first,
                None => {
                    news.mark_unchanged();
                    let begun = Instant::now();
                    match shown.draw(&operations, &caller).await {
                        Ok(drawn) => (drawn, begun.elapsed()),
                        Err(error) => {
                            tracing::warn!(error = &error as &dyn std::error::Error, "a live page ends");
                            return;
                        }
                    }
                }
            };
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
                () = tokio::time::sleep(LOOK), if shown.tells_time() => {}
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
