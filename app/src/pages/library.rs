//! The library: every runbook, and every file that could not be read.

use leptos::prelude::*;
use operations::{Error, RunFilter};

use super::home::{runbook_rows, summary};
use crate::components::frame::{Here, Page};
use crate::components::time;
use crate::visit::Visit;

pub(crate) async fn page(visit: Visit) -> Result<Page, Error> {
    let shelf = visit.operations.shelf(&visit.caller)?;
    let recent = visit.operations.runs(&visit.caller, &RunFilter { limit: 200, ..RunFilter::default() }).await?;
    let unreadable: Vec<_> = shelf
        .unreadable
        .iter()
        .map(|file| {
            view! {
                <li class="unreadable-row">
                    <span class="mark failed" role="img" aria-label="not readable">"✗"</span>
                    <span class="mono">{file.path.clone()}</span>
                    <span>{file.reason.clone()}</span>
                </li>
            }
        })
        .collect();
    let body = view! {
        <main id="main" class="page">
            <h1>"Runbooks"</h1>
            <p class="muted">{summary(&shelf)}" · read "{time::ago(shelf.read_at, visit.now)}</p>
            {runbook_rows(&shelf, &recent, visit.now)}
            {(!unreadable.is_empty()).then(|| view! {
                <h2 id="unreadable">"Not readable"</h2>
                <ul class="rows">{unreadable}</ul>
            })}
        </main>
    };
    Ok(Page::new(Here::Runbooks, "Runbooks", body))
}
