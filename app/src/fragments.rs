//! What changes on a page while somebody looks at it, as HTML: drawn once for the page, and again for its stream.
//!
//! # The stream
//!
//! A page has one stream of server-sent events (HTML Standard, 9.2): `/runs/{run}/events?after={cursor}` on a run's page,
//! `/live?runbook=…&procedure=…&environment=…` on a procedure's, `/incidents/{incident}/events` on an incident's, and so
//! on for lists. Two kinds of event:
//!
//! | event | data (JSON) | id | what the page does |
//! |---|---|---|---|
//! | `fragment` | `{"id", "html"}`: [`Fragment::json`] | none | replaces the element of that id; keeps the focus by element id; leaves it alone where both carry the same `data-key` |
//! | `output` | `{"execution", "html", "lines"}`: [`Output::json`] | [`Output::sequence`] | appends to `#output-{execution}`, keeps the last 5,000 lines, stays at the end where the reader is at the end |
//!
//! Only `output` carries an event id: with `Last-Event-ID` (or `after` on the first connection) the server goes on
//! behind that chunk, and fragments are sent anew on every connection. Fragments go before the output that came with
//! them, because a new execution's output element arrives in one. Forms that a person types in are never inside a
//! fragment.
//!
//! # The ids
//!
//! | id | fragment | from |
//! |---|---|---|
//! | `run-status` | state, clock, who started it | [`run`] |
//! | `run-steps` | the steps on the left with their states | [`run`] |
//! | `step-{step}-state` | the state in a step's head | [`run`] |
//! | `command-{command}-state` | the latest execution or mark of a command, with Stop while it runs | [`run`] |
//! | `step-{step}-mark` | the mark of a step that runs nothing | [`run`] |
//! | `frame-{command}` | where the output of the latest execution stands; `data-key` is the execution | [`run`] |
//! | `terminal-{command}` | the terminal that the running execution has open; `data-key` is the terminal | [`run`] |
//! | `undo-{command}` | what takes the latest execution of a command back; `data-key` is that execution | [`run`] |
//! | `run-follow` | what verifies the run, and what takes it back | [`run`] |
//! | `run-onward` | whether commands run one after the other, or why no longer | [`run`] |
//! | `cards` | live cards | [`cards`] |
//! | `here` | who looks at the page, and where | [`people`] |
//! | `incident-…` | the parts of an incident's page | [`incident()`] |
//! | `needs` | what is open, on the first page | [`needs`] |
//! | `incidents` | the list of incidents | [`incidents`] |
//! | `timeline-…` | durations, picture and entries | [`timeline()`] |
//!
//! For a handler: keep one [`Sent`] and one [`OutputPen`] for each connection; on every change send
//! `sent.fresh(run(…))`, then `pen.write(chunks)`.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;
use leptos::prelude::*;
use operations::{
    Caller, Card, Chunk, ExecutionId, IncidentFilter, IncidentPage, IncidentPlace, IncidentView, RunView, Stream,
    Timeline, WhatIsOpen,
};
use runbook::StepId;
use serde_json::json;

use crate::ansi::Pen;
use crate::components::{badge, card, time};

pub(crate) mod incident;
pub(crate) mod open;
pub(crate) mod run;
pub(crate) mod timeline;
pub(crate) mod undo;

/// An element of a page, drawn again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// The element's id.
    pub id: String,
    /// The whole element.
    pub html: String,
}

impl Fragment {
    /// The data of a `fragment` event.
    #[must_use]
    pub fn json(&self) -> String {
        json!({ "id": self.id, "html": self.html }).to_string()
    }

    fn new(id: impl Into<String>, view: impl RenderHtml) -> Self {
        Self { id: id.into(), html: view.to_html() }
    }
}

/// Everything of a run's page that changes, as this person may see it. `focus` is the step that the page shows alone.
#[must_use]
pub fn run(view: &RunView, caller: &Caller, focus: Option<&StepId>, now: Timestamp) -> Vec<Fragment> {
    run::all(view, caller, focus, now)
}

/// The live cards of a page.
#[must_use]
pub fn cards(cards: &[Card], now: Timestamp) -> Fragment {
    Fragment::new("cards", drawn_cards(cards, now))
}

/// The same for the page itself, with what is not watched and why.
pub(crate) fn cards_view(cards: &[Card], now: Timestamp) -> AnyView {
    view! {
        {drawn_cards(cards, now)}
        {card::refused(cards)}
    }
    .into_any()
}

fn drawn_cards(cards: &[Card], now: Timestamp) -> AnyView {
    view! { <div id="cards" class="cards">{card::cards(cards, now)}</div> }.into_any()
}

/// Everything of an incident's page that changes, as this person may see it. `runs` are its runs, oldest first.
#[must_use]
pub fn incident(view: &IncidentView, runs: &[RunView], timeline: &Timeline, caller: &Caller) -> Vec<Fragment> {
    incident::all(view, runs, timeline, caller)
}

/// How many incidents a page of the list has.
const LISTED: u32 = 200;

/// Which incidents a page of the list has; `before` is the place that the page before it ended at.
#[must_use]
pub fn listed(before: Option<IncidentPlace>) -> IncidentFilter {
    IncidentFilter { open: false, with: None, before, limit: LISTED }
}

/// How many open runs the first page draws with their steps.
pub const OPEN_RUNS: u32 = 6;

/// What is open, on the first page.
#[must_use]
pub fn needs(open: &WhatIsOpen) -> Vec<Fragment> {
    vec![Fragment::new("needs", open::needs(open))]
}

/// A page of the list of incidents that [`listed`] asks for.
#[must_use]
pub fn incidents(page: &IncidentPage, before: Option<IncidentPlace>, now: Timestamp) -> Vec<Fragment> {
    vec![Fragment::new("incidents", open::list(page, before, now))]
}

/// What changes on a timeline's page; `page` is the one that is asked for, counted from 1, else the last one.
#[must_use]
pub fn timeline(view: &IncidentView, timeline: &Timeline, caller: &Caller, page: Option<usize>) -> Vec<Fragment> {
    let (incident, now) = (&view.incident, view.now);
    vec![
        Fragment::new("timeline-durations", timeline::durations(incident, timeline, now)),
        Fragment::new("timeline-picture", timeline::drawn(incident, timeline, now)),
        Fragment::new("timeline-list", timeline::list(incident, timeline, caller, page)),
    ]
}

/// Somebody who looks at a page just now.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Looker {
    /// What they are called.
    pub name: String,
    /// Where they are: `step 4`; empty where that is not known.
    pub place: String,
}

impl Looker {
    /// Somebody at a place.
    #[must_use]
    pub fn at(name: impl Into<String>, place: impl Into<String>) -> Self {
        Self { name: name.into(), place: place.into() }
    }
}

/// Who looks just now, and where; each once, at most twelve drawn.
#[must_use]
pub fn people(lookers: &[Looker]) -> Fragment {
    Fragment::new("here", people_view(lookers))
}

pub(crate) fn people_view(lookers: &[Looker]) -> AnyView {
    let mut lookers: Vec<&Looker> = lookers.iter().collect();
    lookers.sort();
    lookers.dedup();
    let rows: Vec<_> = lookers
        .iter()
        .take(12)
        .map(|looker| {
            let place = (!looker.place.is_empty()).then(|| {
                view! { <span class="muted">{format!(" · {}", looker.place)}</span> }
            });
            view! { <li>{badge::person(&looker.name)}<span>{looker.name.clone()}{place}</span></li> }
        })
        .collect();
    view! { <ul id="here" class="here">{rows}</ul> }.into_any()
}

/// A piece of output for the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The execution that printed it.
    pub execution: ExecutionId,
    /// Markup to append.
    pub html: String,
    /// How many line ends it holds.
    pub lines: usize,
    /// The chunk it ends, for the event's id; `None` where more of the same chunk follows.
    pub sequence: Option<i64>,
}

impl Output {
    /// Says that lines are left out here: more has been printed than a page can follow.
    #[must_use]
    pub fn gap(execution: ExecutionId, sequence: i64) -> Self {
        let html = "<span class=\"piece gap\" data-lines=\"1\">\u{2026} lines are left out here: the download has them all\n</span>";
        Self { execution, html: html.to_owned(), lines: 1, sequence: Some(sequence) }
    }

    /// The data of an `output` event.
    #[must_use]
    pub fn json(&self) -> String {
        json!({ "execution": self.execution.to_string(), "html": self.html, "lines": self.lines }).to_string()
    }
}

/// Draws output; remembers the colours and half characters of each stream in between.
#[derive(Default)]
pub struct OutputPen {
    pens: HashMap<(ExecutionId, Stream), Pen>,
}

impl OutputPen {
    /// A pen that has written nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Draws the next chunks, oldest first.
    pub fn write(&mut self, chunks: &[Chunk]) -> Vec<Output> {
        let mut outputs = Vec::new();
        for chunk in chunks {
            let content = &chunk.content;
            // Of a terminal the text is shown; how large it was is for its recording.
            if content.stream == Stream::Resize {
                continue;
            }
            let pen = self.pens.entry((content.execution, content.stream)).or_insert_with(Pen::new);
            let pieces = pen.write(&content.bytes, content.stream, &time::of_day(content.at));
            let last = pieces.len().saturating_sub(1);
            outputs.extend(pieces.into_iter().enumerate().map(|(index, piece)| Output {
                execution: content.execution,
                html: piece.html,
                lines: piece.lines,
                sequence: (index == last).then_some(chunk.sequence),
            }));
        }
        outputs
    }
}

/// What a connection has been sent, so that it is sent only what is new.
#[derive(Debug, Default)]
pub struct Sent {
    seen: HashMap<String, u64>,
}

impl Sent {
    /// Of these fragments, those that differ from what was sent last under their id.
    pub fn fresh(&mut self, fragments: Vec<Fragment>) -> Vec<Fragment> {
        fragments
            .into_iter()
            .filter(|fragment| {
                let hash = still_hash(&fragment.html);
                self.seen.insert(fragment.id.clone(), hash) != Some(hash)
            })
            .collect()
    }
}

/// The hash of a fragment without the words inside its `<time>` elements: the browser counts those on by itself, and
/// that a second has passed is nothing new.
fn still_hash(html: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut rest = html;
    while let Some((before, from)) = rest.split_once("<time") {
        before.hash(&mut hasher);
        let (tag, words) = from.split_once('>').unwrap_or((from, ""));
        tag.hash(&mut hasher);
        rest = words.split_once("</time>").map_or("", |(_, after)| after);
    }
    rest.hash(&mut hasher);
    hasher.finish()
}
