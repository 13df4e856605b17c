//! The contents beside a text.

use leptos::prelude::*;
use runbook::{Block, ProcedureId, Runbook};

/// The headings of a runbook, for its reading page. An island marks the one that is being read.
pub(crate) fn of_runbook(runbook: &Runbook) -> AnyView {
    let entries = runbook
        .blocks
        .iter()
        .enumerate()
        .filter_map(|(index, block)| match block {
            // The title stands above the text, and the contents need not list themselves.
            Block::Heading(heading) if index == 0 && heading.level == 1 => None,
            Block::Heading(heading) if heading.text.to_lowercase().ends_with("contents") => None,
            Block::Heading(heading) if heading.level <= 3 => Some(heading),
            _ => None,
        })
        .map(|heading| {
            view! {
                <li class=format!("level-{}", heading.level)>
                    <a href=format!("#{}", heading.anchor)>{heading.text.clone()}</a>
                </li>
            }
        })
        .collect_view();
    view! {
        <nav class="contents" aria-label="Contents" data-spy="">
            <ul>{entries}</ul>
        </nav>
    }
    .into_any()
}

/// The procedures of a runbook, under the headings they stand below, with one of them marked.
pub(crate) fn of_procedures(runbook: &Runbook, here: &ProcedureId) -> AnyView {
    let mut entries = Vec::new();
    let mut section: Option<&str> = None;
    for procedure in &runbook.procedures {
        let above = procedure.path.first().map(String::as_str);
        if above != section {
            section = above;
            if let Some(title) = above {
                entries.push(view! { <li class="section">{title.to_owned()}</li> }.into_any());
            }
        }
        let current = (&procedure.id == here).then_some("page");
        let class = if above.is_some() { "level-3" } else { "level-2" };
        entries.push(
            view! {
                <li class=class>
                    <a href=address(runbook, &procedure.id) aria-current=current>{procedure.title.clone()}</a>
                </li>
            }
            .into_any(),
        );
    }
    view! { <nav class="contents" aria-label="Procedures"><ul>{entries}</ul></nav> }.into_any()
}

/// Where a procedure's page is.
pub(crate) fn address(runbook: &Runbook, procedure: &ProcedureId) -> String {
    format!("/runbooks/{}/{procedure}", runbook.id)
}
