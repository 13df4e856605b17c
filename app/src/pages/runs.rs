//! All runs, newest first.

use leptos::prelude::*;
use operations::{Error, RunFilter};
use runbook::RunbookId;

use crate::components::frame::{Here, Page};
use crate::components::run_row;
use crate::visit::Visit;

pub(crate) async fn page(visit: Visit) -> Result<Page, Error> {
    let open = visit.asked("open").is_some();
    let mine = visit.asked("mine").is_some();
    let filter = RunFilter {
        open,
        runbook: visit.asked("runbook").map(RunbookId::new),
        procedure: None,
        incident: None,
        started_by: mine.then(|| visit.caller.person.subject.clone()),
        limit: 200,
        ..RunFilter::default()
    };
    let runs = visit.operations.runs(&visit.caller, &filter).await?;
    let tab = |address: &'static str, words: &'static str, here: bool| {
        view! { <a class="button small" href=address aria-current=here.then_some("page")>{words}</a> }
    };
    let body = view! {
        <main id="main" class="page">
            <h1>"Runs"</h1>
            <nav class="tabs" aria-label="Which runs">
                {tab("/runs", "All", !open && !mine)}
                {tab("/runs?open=1", "Open", open)}
                {tab("/runs?mine=1", "Started by you", mine)}
            </nav>
            {run_row::run_list(&runs, visit.now, "No such run.")}
        </main>
    };
    Ok(Page::new(Here::Runs, "Runs", body))
}
