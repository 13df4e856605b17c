//! What is open: on the first page, and in the list of incidents.

use jiff::Timestamp;
use leptos::prelude::*;
use operations::{Incident, IncidentPage, IncidentPlace, Stage, WhatIsOpen};

use crate::components::{incident, run_row};

/// How many open incidents of one kind the first page draws.
const DRAWN: usize = 12;

/// What needs a person.
pub(crate) fn needs(open: &WhatIsOpen) -> AnyView {
    let section = |incidents: &[Incident], name: &'static str| {
        let more = incidents.len().saturating_sub(DRAWN);
        (!incidents.is_empty()).then(|| {
            let cards = incidents.iter().take(DRAWN).map(|one| incident::open(one, open.now)).collect_view();
            let more = (more > 0).then(|| view! { <p><a href="/incidents">{format!("and {more} more")}</a></p> });
            view! { <section class="open-runs" aria-label=name>{cards}{more}</section> }
        })
    };
    let nothing = open.mine.is_empty() && open.others.is_empty() && open.runs.is_empty();
    let runs = open.runs.iter().map(|run| run_row::open_run(run, open.now)).collect_view();
    let said: Vec<_> =
        open.mine.iter().chain(&open.others).take(DRAWN).map(|one| format!("{} {}", one.label(), one.title)).collect();
    let said = if said.is_empty() { String::new() } else { format!("Open: {}", said.join(", ")) };
    view! {
        <div id="needs" data-say=said>
            {section(&open.mine, "Incidents with you")}
            {section(&open.others, "Open incidents")}
            {nothing.then(|| view! { <p class="empty">"Nothing is open. Start a run from a procedure."</p> })}
            {(!open.runs.is_empty()).then(|| view! { <div class="open-runs">{runs}</div> })}
        </div>
    }
    .into_any()
}

/// A page of the list of incidents: open ones large, others one line each. `before` is where the page before it ended.
pub(crate) fn list(page: &IncidentPage, before: Option<IncidentPlace>, now: Timestamp) -> AnyView {
    let (open, over): (Vec<_>, Vec<_>) = page.incidents.iter().partition(|one| one.stage() != Stage::Resolved);
    let earlier =
        page.next.map(|next| view! { <a class="button" href=format!("/incidents?before={next}")>"Earlier"</a> });
    let latest = before.map(|_| view! { <a class="button" href="/incidents">"Latest"</a> });
    view! {
        <div id="incidents">
            {if !open.is_empty() {
                let cards = open.iter().map(|one| incident::open(one, now)).collect_view();
                Some(view! { <div class="open-runs">{cards}</div> }.into_any())
            } else {
                before.is_none().then(|| view! { <p class="empty">"No incident is open."</p> }.into_any())
            }}
            <h2>"Over"</h2>
            {if over.is_empty() {
                let words = if page.next.is_some() { "They come after those that are open: see Earlier." } else { "None yet." };
                view! { <p class="empty">{words}</p> }.into_any()
            } else {
                view! { <ul class="rows">{over.iter().map(|one| incident::row(one, now)).collect_view()}</ul> }.into_any()
            }}
            <nav class="pages" aria-label="Pages">{latest}{earlier}</nav>
        </div>
    }
    .into_any()
}
