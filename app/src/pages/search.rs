//! What was found.

use leptos::prelude::*;
use operations::{Error, Found, Hit};

use super::procedure::http_part;
use crate::components::frame::{Here, Page};
use crate::visit::Visit;

pub(crate) async fn page(visit: Visit) -> Result<Page, Error> {
    let query = visit.asked("q").unwrap_or_default();
    let hits = visit.operations.search(&visit.caller, &query)?;
    let title = if query.is_empty() { "Search".to_owned() } else { format!("“{query}”") };
    let about = match (query.is_empty(), hits.len()) {
        (true, _) => "Titles, headings and commands of every runbook.".to_owned(),
        (false, 0) => "Nothing holds every one of these words. Fewer words find more.".to_owned(),
        (false, 1) => "1 place holds it.".to_owned(),
        (false, number) => format!("{number} places hold it."),
    };
    let rows: Vec<_> = hits.iter().map(row).collect();
    let body = view! {
        <main id="main" class="page">
            <h1>{title.clone()}</h1>
            <p class="muted">{about}</p>
            <ul class="rows hits">{rows}</ul>
        </main>
    };
    Ok(Page::new(Here::Elsewhere, title, body))
}

fn row(hit: &Hit) -> AnyView {
    let kind = match hit.found {
        Found::Title => "Runbook",
        Found::Heading => "Heading",
        Found::Step => "Step",
        Found::Command => "Command",
    };
    let text = if hit.found == Found::Command {
        view! { <code>{hit.text.lines().take(4).collect::<Vec<_>>().join("\n")}</code> }.into_any()
    } else {
        view! { <span>{hit.text.clone()}</span> }.into_any()
    };
    let place = match &hit.procedure_title {
        Some(procedure) => format!("{} / {procedure}", hit.runbook_title),
        None => hit.runbook_title.clone(),
    };
    view! {
        <li class="hit">
            <span class="badge quiet">{kind}</span>
            <a class="hit-text" href=address(hit)>{text}</a>
            <span class="hit-place">{place}</span>
        </li>
    }
    .into_any()
}

/// Steps and commands are on their procedure's page; a heading that begins a procedure leads there too, any other one
/// to its place in the text.
fn address(hit: &Hit) -> String {
    let runbook = http_part(hit.runbook.as_str());
    let anchor = if hit.anchor.is_empty() { String::new() } else { format!("#{}", hit.anchor) };
    match (&hit.procedure, hit.found) {
        (Some(procedure), Found::Heading) => format!("/runbooks/{runbook}/{}", http_part(procedure.as_str())),
        (Some(procedure), _) => format!("/runbooks/{runbook}/{}{anchor}", http_part(procedure.as_str())),
        (None, _) => format!("/runbooks/{runbook}{anchor}"),
    }
}
