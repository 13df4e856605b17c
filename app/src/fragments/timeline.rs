//! The changing parts of a timeline's page.

use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use leptos::prelude::*;
use operations::{Caller, Incident, Permission, Timeline, span};

use crate::components::time;
use crate::components::timeline::{Reader, entries, legend, picture};

/// How many entries one page lists.
const LISTED: usize = 400;

/// The picture. It ends at the next full minute, so that it is drawn anew when something has happened, and not each time.
pub(crate) fn drawn(incident: &Incident, timeline: &Timeline, now: Timestamp) -> AnyView {
    let end = TimestampRound::new().smallest(Unit::Minute).mode(RoundMode::Ceil);
    let now = now.round(end).unwrap_or(now);
    let cut = timeline.cut.then(|| {
        view! { <p class="note">"There is more than fits here: the earlier ones are in the trail."</p> }
    });
    view! {
        <div id="timeline-picture">
            {cut}
            <section class="timeline-picture" aria-label="Picture">
                {picture(incident, timeline, now)}
                {legend(timeline)}
            </section>
        </div>
    }
    .into_any()
}

/// One page of the entries in words: `page` is counted from 1; without it the last one, where what is new arrives.
pub(crate) fn list(incident: &Incident, timeline: &Timeline, caller: &Caller, page: Option<usize>) -> AnyView {
    let reader = if caller.person.role.permits(Permission::ReadAudit) { Reader::OfTheTrail } else { Reader::OfTheList };
    let whole = (reader == Reader::OfTheTrail).then(|| {
        view! { <a href=format!("/history?incident={}", incident.id)>"All rows of the trail"</a> }
    });
    let pages = timeline.entries.len().div_ceil(LISTED).max(1);
    // The newest is what people look for while it goes on.
    let asked = page.unwrap_or(pages).clamp(1, pages);
    let from = (asked - 1) * LISTED;
    let until = (from + LISTED).min(timeline.entries.len());
    let listed = timeline.entries.get(from..until).unwrap_or_default();
    let turn = |to: usize, words: &'static str| {
        (1..=pages).contains(&to).then(|| view! { <a class="button" href=format!("?page={to}#list")>{words}</a> })
    };
    let (earlier, later) = (turn(asked.saturating_sub(1), "Earlier"), turn(asked + 1, "Later"));
    let size = match pages {
        1 => format!("{} entries", timeline.entries.len()),
        _ => format!("entries {} to {until} of {}", from + 1, timeline.entries.len()),
    };
    view! {
        <div id="timeline-list">
            <div class="section-head" id="list">
                <h2>"In words"</h2>
                <span class="muted">{size}", all times UTC"</span>
                {whole}
            </div>
            {entries(listed, reader)}
            <nav class="pages" aria-label="Pages">{earlier}{later}</nav>
        </div>
    }
    .into_any()
}

/// How long it took, or has taken so far.
pub(crate) fn durations(incident: &Incident, timeline: &Timeline, now: Timestamp) -> AnyView {
    let row = |name: &'static str, took: Option<SignedDuration>, at: Option<Timestamp>| {
        let value = match (took, at) {
            (Some(took), Some(at)) => view! {
                <strong>{span(took)}</strong>
                <time class="muted" datetime=time::machine(at)>{time::exact(at)}</time>
            }
            .into_any(),
            _ => view! { <strong class="muted">"not yet"</strong><span class="muted">{time::clock(incident.started_at, now)}" so far"</span> }
                .into_any(),
        };
        view! { <div><dt>{name}</dt><dd>{value}</dd></div> }.into_any()
    };
    view! {
        <dl class="durations" id="timeline-durations">
            <div>
                <dt>"Started"</dt>
                <dd>
                    <strong>{time::of_day(incident.started_at)}</strong>
                    <time class="muted" datetime=time::machine(incident.started_at)>{time::exact(incident.started_at)}</time>
                </dd>
            </div>
            {row("Time to acknowledge", timeline.to_acknowledge, incident.acknowledged_at)}
            {row("Time to mitigate", timeline.to_mitigate, incident.mitigated_at)}
            {row("Time to resolve", timeline.to_resolve, incident.resolved_at)}
        </dl>
    }
    .into_any()
}
