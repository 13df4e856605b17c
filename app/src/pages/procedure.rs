//! A procedure: its steps to read, where it can be run, and what it acts on, live.

use ::command::ParameterKind;
use leptos::prelude::*;
use operations::{Environment, Error, Incident, IncidentFilter, Permission, RunFilter};
use runbook::{Block, Procedure, Runbook};
use std::sync::Arc;

use super::home::notice;
use super::runbook::tagged_heading;
use super::statistics;
use crate::components::frame::{Here, Page};
use crate::components::{badge, card, contents, live, run_row, step_card, time};
use crate::visit::Visit;

pub(crate) async fn page(visit: Visit) -> Result<Page, Error> {
    let (operations, caller, now) = (&visit.operations, &visit.caller, visit.now);
    let (runbook, procedure) = operations.procedure(caller, &visit.runbook_id(), &visit.procedure_id())?;
    let environments = operations.environments(caller)?;
    let shown = live::environment(&visit, environments);
    let cards = match &shown {
        Some(environment) => {
            let cards = operations.cards_of_procedure(caller, &runbook.id, &procedure.id, &environment.name).await?;
            visit.cards(cards).await
        }
        None => Vec::new(),
    };
    let filter = RunFilter {
        runbook: Some(runbook.id.clone()),
        procedure: Some(procedure.id.clone()),
        limit: 5,
        ..RunFilter::default()
    };
    let runs = operations.runs(caller, &filter).await?;
    let shown = shown.as_ref().filter(|_| !cards.is_empty());
    let live = shown.map(|environment| live::beside(&cards, environment, now));
    let stream = shown.map(|environment| live::stream(&runbook.id, Some(&procedure.id), environment));
    let (title, note) = split_title(&procedure.title);
    let crumbs = procedure.path.iter().map(|part| format!(" / {part}")).collect::<String>();
    let last = runs.first().map(|run| {
        view! { <span class="muted">{format!("last run by {} ", run.started_by.1)}{time::ago(run.started_at, now)}</span> }
    });
    let can_run = operations.can_run();
    let incidents =
        operations.incidents(caller, &IncidentFilter { open: true, limit: 20, ..IncidentFilter::default() }).await?;
    let start = start(&visit, &runbook, &procedure, environments, &incidents, &can_run);
    let pins = operations.pins(caller).await?;
    let pin = pin(&runbook, &procedure, pins.iter().any(|pin| pin.0.id == runbook.id && pin.1.id == procedure.id));
    let body = view! {
        <main id="main" class="page procedure-page">
            <aside class="column-contents" tabindex="0" aria-label="Contents">
                <details class="contents-fold">
                    <summary>"Procedures"</summary>
                    <p class="contents-title">
                        <a href=format!("/runbooks/{}", runbook.id)>{runbook.title.clone()}</a>
                        <span class="mono muted">{runbook.version.short().to_owned()}</span>
                    </p>
                    {contents::of_procedures(&runbook, &procedure.id)}
                </details>
            </aside>
            <article class="column-text">
                <p class="crumbs">
                    <a href=format!("/runbooks/{}#{}", runbook.id, procedure.anchor)>{runbook.title.clone()}</a>
                    {crumbs}
                </p>
                <h1>{title}{note.map(|note| view! { <span class="title-note">{format!(" {note}")}</span> })}</h1>
                <div class="procedure-head">
                    {start}
                    {pin}
                    {badge::procedure_effect(procedure.effect())}
                    <span class="muted">{step_card::counts(&procedure.steps)}</span>
                    {last}
                </div>
                {blocks(&procedure)}
            </article>
            <aside class="column-live" tabindex="0" aria-label="Live status and runs">
                {live}
                <h2>"Runs"</h2>
                {statistics::link_of_procedure(&visit, &runbook.id, &procedure.id)}
                {run_row::run_list(&runs, now, "Never run from here.")}
            </aside>
        </main>
    };
    let mut page = Page::new(Here::Runbooks, procedure.title.clone(), body);
    page.stream = stream;
    Ok(page)
}

/// The form that starts a run, or why there is none.
fn start(
    visit: &Visit,
    runbook: &Runbook,
    procedure: &Procedure,
    environments: &[Arc<Environment>],
    incidents: &[Incident],
    can_run: &Result<(), Error>,
) -> AnyView {
    if procedure.steps.is_empty() {
        return ().into_any();
    }
    if !visit.may(Permission::Run) {
        return view! { <p class="muted">{format!("Your role ({}) reads; operators run.", visit.caller.person.role.word())}</p> }
            .into_any();
    }
    if let Err(error) = can_run {
        return notice(error);
    }
    let asked = visit.asked("environment");
    let choice = match environments {
        [] => return view! { <p class="notice">"No environment is configured, so nothing can be run."</p> }.into_any(),
        [only] => view! {
            <input type="hidden" name="environment" value=only.name.0.clone()/>
            <span class="muted">"in "</span>
            {badge::environment(&only.name.0, Some(only.kind))}
        }
        .into_any(),
        several => {
            let options: Vec<_> = several
                .iter()
                .map(|environment| {
                    let name = environment.name.0.clone();
                    let selected = asked.as_ref() == Some(&name);
                    view! { <option value=name selected=selected>{name.clone()}</option> }
                })
                .collect();
            view! { <label class="inline">"in "<select name="environment">{options}</select></label> }.into_any()
        }
    };
    // Whoever leads an incident starts what they start for it, unless they say otherwise.
    let led = incidents
        .iter()
        .find(|incident| incident.commander.as_ref().is_some_and(|(leader, _)| *leader == visit.caller.person.subject));
    let for_which = visit.asked("incident").or_else(|| led.map(|incident| incident.id.to_string()));
    let incident = (!incidents.is_empty()).then(|| {
        let options: Vec<_> = incidents
            .iter()
            .map(|incident| {
                let id = incident.id.to_string();
                let selected = for_which.as_ref() == Some(&id);
                let words = format!("{} {}", incident.label(), incident.title);
                view! { <option value=id selected=selected>{words}</option> }
            })
            .collect();
        view! {
            <label class="inline">
                "for "<select name="incident"><option value="">"no incident"</option>{options}</select>
            </label>
        }
    });
    // A link, from an alert for example, can say what is known: `?pod-name=web-1`.
    let known: Vec<_> = procedure
        .parameters()
        .into_iter()
        .filter(|parameter| parameter.kind != ParameterKind::Secret)
        .filter_map(|parameter| {
            let value = visit.asked(&parameter.name)?;
            Some(view! {
                <input type="hidden" name=format!("values[{}]", parameter.name) value=value.clone()/>
                <span class="known"><span class="placeholder">{parameter.placeholder.clone()}</span>" "<code>{value}</code></span>
            })
        })
        .collect();
    view! {
        <form class="start" method="post" action="/api/start_run">
            <input type="hidden" name="runbook" value=runbook.id.to_string()/>
            <input type="hidden" name="procedure" value=procedure.id.to_string()/>
            <button class="button primary" type="submit"><span aria-hidden="true">"▶ "</span>"Start a run"</button>
            {choice}
            {incident}
            {known}
        </form>
    }
    .into_any()
}

/// Keeps the procedure at hand on the home page, or no more.
fn pin(runbook: &Runbook, procedure: &Procedure, pinned: bool) -> AnyView {
    let (mark, words) = if pinned { ("★ ", "Pinned") } else { ("☆ ", "Pin") };
    view! {
        <form method="post" action="/api/pin">
            <input type="hidden" name="runbook" value=runbook.id.to_string()/>
            <input type="hidden" name="procedure" value=procedure.id.to_string()/>
            <button class="button small" type="submit" aria-pressed=pinned.to_string()>
                <span aria-hidden="true">{mark}</span>{words}
            </button>
        </form>
    }
    .into_any()
}

/// The procedure's text and steps in order.
fn blocks(procedure: &Procedure) -> Vec<AnyView> {
    let top = procedure
        .blocks
        .iter()
        .filter_map(|block| match block {
            Block::Heading(heading) => Some(heading.level),
            _ => None,
        })
        .min()
        .unwrap_or(2);
    let found = check::in_procedure(procedure);
    procedure
        .blocks
        .iter()
        .map(|block| match block {
            Block::Heading(heading) => {
                tagged_heading(heading.level - top + 2, heading.anchor.clone(), heading.text.clone(), ())
            }
            Block::Prose(html) => view! { <div class="prose" inner_html=html.as_str().to_owned()></div> }.into_any(),
            Block::Widget(fence) => card::note(fence),
            Block::Step(_, id) => {
                let Some(step) = procedure.step(id) else { return ().into_any() };
                step_card::step_card(step, &format!("step-{id}"), &found)
            }
        })
        .collect()
}

/// `1.1 Rolling Restart (Zero Downtime)` as title and note.
pub(crate) fn split_title(title: &str) -> (String, Option<String>) {
    match title.strip_suffix(')').and_then(|rest| rest.rsplit_once(" (")) {
        Some((title, note)) => (title.to_owned(), Some(note.to_lowercase())),
        None => (title.to_owned(), None),
    }
}
