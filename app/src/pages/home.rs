//! Home: what needs me, first.

use std::collections::HashMap;

use command::Effect;
use jiff::Timestamp;
use leptos::prelude::*;
use operations::{Error, Incident, IncidentFilter, Run, RunFilter, Shelf};

use crate::components::frame::{Here, Page};
use crate::components::{badge, incident, run_row, time};
use crate::visit::Visit;

/// How many open incidents are drawn.
const OPEN_INCIDENTS: usize = 12;
/// How many are looked through for those that concern the person most.
const LOOKED_THROUGH: u32 = 200;
/// How many open runs are drawn with their steps.
const OPEN_RUNS: u32 = 6;
/// How many runs are looked through for "last run" and "you ran lately".
const RECENT_RUNS: u32 = 200;

pub(crate) async fn page(visit: Visit) -> Result<Page, Error> {
    let (operations, caller, now) = (&visit.operations, &visit.caller, visit.now);
    let shelf = operations.shelf(caller)?;
    let open = operations.runs(caller, &RunFilter { open: true, limit: OPEN_RUNS, ..RunFilter::default() }).await?;
    let recent = operations.runs(caller, &RunFilter { limit: RECENT_RUNS, ..RunFilter::default() }).await?;
    let mut open_views = Vec::new();
    for run in &open {
        // A run whose text is gone is still listed below; it must not take the page with it.
        if let Ok(view) = operations.view_run(caller, run.id).await {
            open_views.push(run_row::open_run(&view, now));
        }
    }
    let (mine, others) = open_incidents(&visit).await?;
    let nothing_open = mine.is_none() && others.is_none();
    let pinned = pinned(&visit).await?;
    let cannot_run = operations.can_run().err().map(|error| notice(&error));
    let ran: Vec<Run> =
        recent.iter().filter(|run| run.started_by.0 == caller.person.subject).take(6).cloned().collect();
    let lately: Vec<Run> = recent.iter().filter(|run| run.ended_at.is_some()).take(6).cloned().collect();
    let body = view! {
        <main id="main" class="page two-columns">
            <div class="column-main">
                <h1 class="quiet-title">"What needs you"</h1>
                {cannot_run}
                {mine}
                {others}
                {if open_views.is_empty() && nothing_open {
                    view! { <p class="empty">"Nothing is open. Start a run from a procedure."</p> }.into_any()
                } else {
                    view! { <div class="open-runs">{open_views}</div> }.into_any()
                }}
                <div class="section-head">
                    <h2>"Runbooks"</h2>
                    <span class="muted">{summary(&shelf)}" · read "{time::ago(shelf.read_at, now)}</span>
                </div>
                {runbook_rows(&shelf, &recent, now)}
                {(!shelf.unreadable.is_empty()).then(|| view! {
                    <p class="note">
                        {format!("{} cannot be read. ", files(shelf.unreadable.len()))}
                        <a href="/runbooks#unreadable">"See why"</a>
                    </p>
                })}
            </div>
            <aside class="column-side" aria-label="Runs">
                {pinned}
                <h2>"You ran lately"</h2>
                {run_row::run_list(&ran, now, "Nothing yet.")}
                <h2>"Closed lately"</h2>
                {run_row::run_list(&lately, now, "Nothing yet.")}
                <p><a href="/runs">"All runs"</a></p>
            </aside>
        </main>
    };
    Ok(Page::new(Here::Home, "Home", body))
}

/// Open incidents: those that the person leads or took part in, then the others.
async fn open_incidents(visit: &Visit) -> Result<(Option<AnyView>, Option<AnyView>), Error> {
    let filter = IncidentFilter { open: true, limit: LOOKED_THROUGH };
    let mut open = visit.operations.incidents(&visit.caller, &filter).await?;
    open.sort_by_key(|one| one.terms.level.as_ref().map_or(u8::MAX, |level| level.rank));
    let subject = &visit.caller.person.subject;
    let (mut mine, mut others) = (Vec::new(), Vec::new());
    for one in &open {
        let leads = one.commander.as_ref().is_some_and(|(leader, _)| leader == subject);
        let is_mine = leads || visit.operations.took_part(&visit.caller, one.id).await?;
        if is_mine { mine.push(one) } else { others.push(one) }
    }
    let drawn = |incidents: Vec<&Incident>, name: &'static str| {
        let more = incidents.len().saturating_sub(OPEN_INCIDENTS);
        (!incidents.is_empty()).then(|| {
            let cards =
                incidents.into_iter().take(OPEN_INCIDENTS).map(|one| incident::open(one, visit.now)).collect_view();
            let more = (more > 0).then(|| view! { <p><a href="/incidents">{format!("and {more} more")}</a></p> });
            view! { <section class="open-runs" aria-label=name>{cards}{more}</section> }.into_any()
        })
    };
    Ok((drawn(mine, "Incidents with you"), drawn(others, "Open incidents")))
}

/// What the person keeps at hand.
async fn pinned(visit: &Visit) -> Result<Option<AnyView>, Error> {
    let pins = visit.operations.pins(&visit.caller).await?;
    if pins.is_empty() {
        return Ok(None);
    }
    let rows: Vec<_> = pins
        .iter()
        .map(|(runbook, procedure)| {
            view! {
                <li class="run-row">
                    <span class="mark" aria-hidden="true">"★"</span>
                    <a class="run-row-title" href=format!("/runbooks/{}/{}", runbook.id, procedure.id)>
                        {procedure.title.clone()}
                    </a>
                    <span class="run-row-about">{runbook.title.clone()}</span>
                </li>
            }
        })
        .collect();
    Ok(Some(view! { <h2>"Pinned"</h2><ul class="rows">{rows}</ul> }.into_any()))
}

/// Why nothing can be run, where that is so.
pub(crate) fn notice(error: &Error) -> AnyView {
    view! { <p class="notice" role="note">{error.to_string()}</p> }.into_any()
}

/// `5 files · 143 procedures`.
pub(crate) fn summary(shelf: &Shelf) -> String {
    let procedures: usize = shelf.runbooks.iter().map(|runbook| runbook.procedures.len()).sum();
    format!("{} · {procedures} procedures", files(shelf.runbooks.len()))
}

fn files(number: usize) -> String {
    if number == 1 { "1 file".to_owned() } else { format!("{number} files") }
}

/// The runbooks as a table, with when each was run last.
pub(crate) fn runbook_rows(shelf: &Shelf, recent: &[Run], now: Timestamp) -> AnyView {
    if shelf.runbooks.is_empty() {
        return view! { <p class="empty">"The folder of runbooks holds no Markdown file that can be read."</p> }
            .into_any();
    }
    let mut last: HashMap<&str, &Run> = HashMap::new();
    for run in recent {
        last.entry(run.runbook.as_str()).or_insert(run);
    }
    let rows: Vec<_> = shelf
        .runbooks
        .iter()
        .map(|runbook| {
            let sections = sections(runbook);
            let run = match last.get(runbook.id.as_str()) {
                Some(run) => view! { <span>"run "{time::ago(run.started_at, now)}</span> }.into_any(),
                None => view! { <span class="muted">"never run"</span> }.into_any(),
            };
            let number = runbook.procedures.len();
            view! {
                <li class="shelf-row">
                    <div class="shelf-name">
                        <a href=format!("/runbooks/{}", runbook.id)>{runbook.title.clone()}</a>
                        <p class="muted">{sections}</p>
                    </div>
                    <span class="shelf-count">
                        {format!("{number} {}", if number == 1 { "procedure" } else { "procedures" })}
                    </span>
                    <span class="shelf-effect">{tally(runbook)}</span>
                    <span class="shelf-run">{run}</span>
                </li>
            }
        })
        .collect();
    view! { <ul class="rows shelf">{rows}</ul> }.into_any()
}

/// How many commands of each effect a runbook holds.
fn tally(runbook: &runbook::Runbook) -> AnyView {
    let count = |effect| {
        let number = runbook.procedures.iter().flat_map(|procedure| procedure.commands());
        let number = number.filter(|command| command.effect == effect).count();
        let (class, mark) = badge::effect_sign(effect);
        let words = format!("{number} commands that {}", effect.word());
        (number > 0).then(|| {
            view! {
                <span role="img" aria-label=words.clone() title=words>
                    <span class=format!("mark {class}")>{mark}</span>
                    {format!(" {number}")}
                </span>
            }
        })
    };
    view! { <span class="tally">{count(Effect::Read)}{count(Effect::Change)}{count(Effect::Destroy)}</span> }.into_any()
}

/// What a runbook is about: its sections, in a line.
fn sections(runbook: &runbook::Runbook) -> String {
    let mut names: Vec<&str> = Vec::new();
    for procedure in &runbook.procedures {
        let name = procedure.path.first().unwrap_or(&procedure.title).as_str();
        let name = name.trim_start_matches(|mark: char| mark.is_ascii_digit() || mark == '.' || mark == ' ');
        if names.last() != Some(&name) && !name.is_empty() {
            names.push(name);
        }
    }
    let more = names.len() > 4;
    names.truncate(4);
    let line = names.join(", ");
    if more { format!("{line}, …") } else { line }
}
