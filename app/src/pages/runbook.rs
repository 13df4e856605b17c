//! A runbook as text: contents beside it, steps as cards where they stand.

use std::collections::HashMap;

use leptos::prelude::*;
use operations::Error;
use runbook::{Block, Heading, ProcedureId, Runbook};

use super::statistics;
use crate::components::frame::{Here, Page};
use crate::components::{card, contents, live, step_card};
use crate::visit::Visit;

pub(crate) async fn page(visit: Visit) -> Result<Page, Error> {
    let runbook = visit.operations.runbook(&visit.caller, &visit.runbook_id())?;
    let version = match &runbook.version.commit {
        Some(_) => format!("commit {}", runbook.version.short()),
        None => format!("version {}", runbook.version.short()),
    };
    let first_anchor = match runbook.blocks.first() {
        Some(Block::Heading(heading)) if heading.level == 1 => Some(heading.anchor.clone()),
        _ => None,
    };
    let skip = usize::from(first_anchor.is_some());
    let environments = visit.operations.environments(&visit.caller)?;
    let shown = live::environment(&visit, environments);
    let cards = match &shown {
        Some(environment) => {
            visit.cards(visit.operations.cards_of_runbook(&visit.caller, &runbook.id, &environment.name).await?).await
        }
        None => Vec::new(),
    };
    let shown = shown.as_ref().filter(|_| !cards.is_empty());
    let beside = shown.map(|environment| {
        view! { <aside class="column-live" tabindex="0" aria-label="Live status">{live::beside(&cards, environment, visit.now)}</aside> }
    });
    let stream = shown.map(|environment| live::stream(&runbook.id, None, environment));
    let body = view! {
        <main id="main" class="page reading-page">
            <aside class="column-contents" tabindex="0" aria-label="Contents">
                <details class="contents-fold">
                    <summary>"Contents"</summary>
                    {contents::of_runbook(&runbook)}
                </details>
            </aside>
            <article class="column-text prose-page">
                <p class="crumbs"><a href="/runbooks">"Runbooks"</a></p>
                <h1 id=first_anchor>{runbook.title.clone()}</h1>
                <p class="muted">
                    {match runbook.procedures.len() {
                        1 => format!("1 procedure · {version}"),
                        many => format!("{many} procedures · {version}"),
                    }}
                    {statistics::link_of_runbook(&visit, &runbook.id)}
                </p>
                {blocks(&runbook, &runbook.blocks[skip..])}
            </article>
            {beside}
        </main>
    };
    let mut page = Page::new(Here::Runbooks, runbook.title.clone(), body);
    page.stream = stream;
    Ok(page)
}

fn blocks(runbook: &Runbook, blocks: &[Block]) -> Vec<AnyView> {
    let found: HashMap<&ProcedureId, Vec<check::Finding>> =
        runbook.procedures.iter().map(|procedure| (&procedure.id, check::in_procedure(procedure))).collect();
    blocks
        .iter()
        .map(|block| match block {
            Block::Heading(heading) => self::heading(runbook, heading),
            Block::Prose(html) => view! { <div class="prose" inner_html=html.as_str().to_owned()></div> }.into_any(),
            Block::Widget(fence) => card::note(fence),
            Block::Step(procedure, id) => {
                let Some(step) = runbook.procedure(procedure).and_then(|procedure| procedure.step(id)) else {
                    return ().into_any();
                };
                let id = format!("{procedure}--step-{id}");
                step_card::step_card(step, &id, found.get(procedure).map(Vec::as_slice).unwrap_or_default())
            }
        })
        .collect()
}

fn heading(runbook: &Runbook, heading: &Heading) -> AnyView {
    let link = view! {
        <a class="anchor" href=format!("#{}", heading.anchor) aria-label=format!("Link to {}", heading.text)>"#"</a>
    };
    let open = heading.procedure.as_ref().map(|procedure| {
        view! { <a class="button small" href=contents::address(runbook, procedure)>"Open procedure"</a> }
    });
    let text = heading.text.clone();
    let title = tagged_heading(heading.level, heading.anchor.clone(), text, link);
    view! { <div class="heading">{title}{open}</div> }.into_any()
}

/// A heading of the text. The page's own title is the only first-level one.
pub(crate) fn tagged_heading(level: u8, anchor: String, text: String, link: impl IntoAny) -> AnyView {
    let link = link.into_any();
    match level {
        0..=2 => view! { <h2 id=anchor>{text}{link}</h2> }.into_any(),
        3 => view! { <h3 id=anchor>{text}{link}</h3> }.into_any(),
        4 => view! { <h4 id=anchor>{text}{link}</h4> }.into_any(),
        5 => view! { <h5 id=anchor>{text}{link}</h5> }.into_any(),
        _ => view! { <h6 id=anchor>{text}{link}</h6> }.into_any(),
    }
}
