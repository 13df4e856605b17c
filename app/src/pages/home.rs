//! Home: what needs me, first.

use std::collections::HashMap;

use command::Effect;
use jiff::Timestamp;
use leptos::prelude::*;
use operations::{Error, Run, RunFilter, Shelf};

use crate::components::frame::{Here, Page, connection};
use crate::components::{badge, run_row, time};
use crate::fragments;
use crate::visit::Visit;

/// How many runs are looked through for "last run" and "you ran lately".
const RECENT_RUNS: u32 = 200;

pub(crate) async fn page(visit: Visit) -> Result<Page, Error> {
    let (operations, caller, now) = (&visit.operations, &visit.caller, visit.now);
    let shelf = operations.shelf(caller)?;
    let open = operations.what_is_open(caller, fragments::OPEN_RUNS).await?;
    let recent = operations.runs(caller, &RunFilter { limit: RECENT_RUNS, ..RunFilter::default() }).await?;
    let pinned = pinned(&visit).await?;
    let cannot_run = operations.can_run().err().map(|error| notice(&error));
    let ran: Vec<Run> =
        recent.iter().filter(|run| run.started_by.0 == caller.person.subject).take(6).cloned().collect();
    let lately: Vec<Run> = recent.iter().filter(|run| run.ended_at.is_some()).take(6).cloned().collect();
    let body = view! {
        <main id="main" class="page two-columns">
            <div class="column-main">
                <div class="live-head"><h1 class="quiet-title">"What needs you"</h1>{connection()}</div>
                {cannot_run}
                {fragments::open::needs(&open)}
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
    Ok(Page { stream: Some("/open/events".to_owned()), ..Page::new(Here::Home, "Home", body) })
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
