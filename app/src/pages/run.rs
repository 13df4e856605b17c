//! A run: its steps on the left, the work in the middle, what it changes on the right.

use std::collections::{BTreeMap, HashMap};

use ::command::ParameterKind;
use leptos::prelude::*;
use operations::{Error, ExecutionId, Permission, Run, RunId, RunState, RunView, StepState, Suggestion};
use runbook::{Block, Parameter, Step, StepId};

use super::home::notice;
use super::procedure::split_title;
use super::run_step::{Desk, Outputs, known, run_step};
use super::runbook::tagged_heading;
use crate::components::frame::{Here, Page, connection};
use crate::components::text_area::{NOTE_LIMIT, Need, note_area};
use crate::components::{badge, card, follow, script, value};
use crate::fragments::{self, OutputPen};
use crate::visit::Visit;

/// How many of an execution's last chunks a page is made with.
const TAIL_CHUNKS: u32 = 64;
/// How many bytes of an execution's output a page is made with; the rest is a download.
const TAIL_BYTES: usize = 192 * 1024;
/// How often a run is read again because it printed something meanwhile.
const READ_AGAIN: usize = 2;

pub(crate) async fn page(visit: Visit) -> Result<Page, Error> {
    let (operations, caller, now) = (&visit.operations, &visit.caller, visit.now);
    let id: RunId = visit.param("run").parse().map_err(|_| Error::NotFound("This run"))?;
    let (cursor, view) = seen(&visit, id).await?;
    let outputs = outputs(&visit, &view, cursor).await?;
    let cards = visit.cards(operations.cards_of_run(caller, id).await?).await;
    let suggestions = match visit.may(Permission::Run) && view.run.state == RunState::Open {
        true => operations.suggestions(caller, &view).await?,
        false => BTreeMap::new(),
    };
    let run = &view.run;
    let (title, note) = split_title(&run.procedure_title);
    let version = match &run.version.commit {
        Some(_) => format!("commit {}", run.version.short()),
        None => format!("version {}", run.version.short()),
    };
    let busy = view.steps.iter().any(|step| step.state == StepState::Running);
    let can_run = operations.can_run();
    let outdated = view.outdated.then(|| {
        view! {
            <p class="notice">
                "The runbook has changed since this run began. The run keeps the text it was started from. "
                <a href=format!("/runbooks/{}/{}", run.runbook, run.procedure)>"Read it as it is now"</a>
            </p>
        }
    });
    let open = run.state == RunState::Open;
    let focus = focus(&visit, &view);
    let people = if visit.may(Permission::Run) && open { operations.people(caller).await? } else { Vec::new() };
    let told = told(&visit, &view).await?;
    let found = check::in_procedure(&view.procedure);
    let desk = Desk {
        visit: &visit,
        view: &view,
        found: &found,
        outputs: &outputs,
        people: &people,
        told: &told,
        runnable: open && can_run.is_ok(),
    };
    let here = focus.as_ref().map(|step| format!("step {step}")).unwrap_or_default();
    let body = view! {
        <main id="main" class="run-page" data-run="" data-walk=focus.as_ref().map(|_| "")>
            {busy.then(|| without_script(visit.asked("reload").is_some()))}
            <aside class="run-side" tabindex="0" aria-label="Steps">
                <p class="run-name">{run.procedure_title.clone()}</p>
                <p class="muted">
                    <a href=format!("/runbooks/{}", run.runbook)>{run.runbook_title.clone()}</a>
                    {format!(" · {version}")}
                </p>
                {fragments::run::of_incident(&view, now)}
                {fragments::run::status(&view, now)}
                <nav aria-label="Steps of this run">{fragments::run::steps(&view, focus.as_ref(), now)}</nav>
                {mode(&view, focus.is_some())}
                <div class="here-now">
                    <p class="muted">"Here now"</p>
                    {fragments::people_view(&[fragments::Looker::at(&caller.person.name, here)])}
                </div>
                {(open && visit.may(Permission::Run)).then(|| close_form(&view))}
                {visit.may(Permission::ReadAudit).then(|| view! {
                    <p><a href=format!("/history?run={id}")>"What this run did, in the history"</a></p>
                })}
            </aside>
            <div class="run-main">
                <div class="run-title">
                    <h1>{title}{note.map(|note| view! { <span class="title-note">{format!(" {note}")}</span> })}</h1>
                    <p class="keys" aria-hidden="true">
                        <kbd>"j"</kbd><kbd>"k"</kbd>" move "<kbd>"r"</kbd>" run "<kbd>"n"</kbd>" note "<kbd>"?"</kbd>
                    </p>
                </div>
                {outdated}
                {match &can_run {
                    Err(error) if open => notice(error),
                    _ => ().into_any(),
                }}
                {(open && visit.may(Permission::Run)).then(|| values(&view, &suggestions))}
                {(open && can_run.is_ok() && visit.may(Permission::Run)).then(|| run_on(&view))}
                {fragments::run::onward(&view)}
                {match &focus {
                    Some(step) => one_step(&desk, step),
                    None => blocks(&desk).into_any(),
                }}
                {follow::follow(&view)}
                {fragments::run::notes("run-notes".to_owned(), &view.notes, caller, now)}
                {(open && visit.may(Permission::Run)).then(|| note_form(run, None))}
                {(open && visit.may(Permission::SeeOutput)).then(script::terminals)}
            </div>
            <aside class="run-live" tabindex="0" aria-label="Live status">
                <div class="live-head"><h2>"Live"</h2>{connection()}</div>
                {fragments::cards_view(&cards, now)}
            </aside>
        </main>
    };
    let band = badge::band(run, view.environment.as_deref());
    let title = format!("{} · run {}", run.procedure_title, run.number);
    let step = focus.as_ref().map(|step| format!("&step={step}")).unwrap_or_default();
    let stream = format!("/runs/{id}/events?after={cursor}{step}");
    Ok(Page { here: Here::Runs, title, band: Some(band), stream: Some(stream), body: body.into_any() })
}

/// The step that is shown alone. A run of an incident walks step by step, any other shows all; the address decides
/// otherwise. `at` is where a form came from: it counts where the run walks.
fn focus(visit: &Visit, view: &RunView) -> Option<StepId> {
    let known = |id: String| view.steps.iter().map(|step| &step.id).find(|step| step.as_str() == id).cloned();
    if let Some(step) = visit.asked("step").and_then(known) {
        return Some(step);
    }
    let walks = view.incident.is_some() && view.run.state == RunState::Open && visit.asked("all").is_none();
    if !walks {
        return None;
    }
    let next = || view.next_step().or_else(|| view.steps.last()).map(|step| step.id.clone());
    visit.asked("at").and_then(known).or_else(next)
}

/// The way from one step to all, and back.
fn mode(view: &RunView, walks: bool) -> AnyView {
    let next = view.next_step().or_else(|| view.steps.last()).map(|step| step.id.to_string()).unwrap_or_default();
    let (address, words) =
        if walks { ("?all=1".to_owned(), "Show all steps") } else { (format!("?step={next}"), "One step at a time") };
    view! { <p class="walk-mode"><a href=address>{words}</a></p> }.into_any()
}

/// One step alone: what its section says, the step, what comes before and after.
fn one_step(desk: &Desk<'_>, id: &StepId) -> AnyView {
    let view = desk.view;
    let steps = &view.procedure.steps;
    let Some(at) = steps.iter().position(|step| step.id == *id) else { return ().into_any() };
    // What stands between the step before and this one is said of this one.
    let blocks = &view.procedure.blocks;
    let is = |block: &Block, step: &StepId| matches!(block, Block::Step(_, id) if id == step);
    let here = blocks.iter().position(|block| is(block, id)).unwrap_or(0);
    let from = match at.checked_sub(1).and_then(|before| steps.get(before)) {
        Some(before) => blocks.iter().position(|block| is(block, &before.id)).map_or(0, |place| place + 1),
        None => 0,
    };
    let prose: Vec<_> = blocks
        .get(from..here)
        .unwrap_or_default()
        .iter()
        .map(|block| match block {
            Block::Heading(heading) => tagged_heading(2, heading.anchor.clone(), heading.text.clone(), ()),
            Block::Prose(html) => view! { <div class="prose" inner_html=html.as_str().to_owned()></div> }.into_any(),
            Block::Widget(fence) => card::note(fence),
            Block::Step(..) => ().into_any(),
        })
        .collect();
    let way = |step: &Step, key: &'static str, word: &'static str| {
        let words = format!("{word} {} {}", step.id, step.title);
        view! { <a class="button" data-way=key href=format!("?step={}", step.id)>{words}</a> }
    };
    let before = at.checked_sub(1).and_then(|at| steps.get(at)).map(|step| way(step, "previous", "← "));
    let after = steps.get(at + 1).map(|step| way(step, "next", "Next: "));
    let last = after.is_none().then(|| {
        let incident = view.incident.as_ref();
        incident.map(|one| view! { <a class="button" href=format!("/incidents/{}", one.id)>"Back to the incident"</a> })
    });
    view! {
        {prose}
        {run_step(desk, &steps[at])}
        <nav class="ways" aria-label="Steps before and after">{before}{after}{last}</nav>
    }
    .into_any()
}

/// Writing something down, with a picture or text beside it.
pub(crate) fn note_form(run: &Run, step: Option<&Step>) -> AnyView {
    let label = step.map_or_else(|| "Note on the run".to_owned(), |step| format!("Note on step {}", step.id));
    // What a person does and ticks is ticked with what shows it.
    let tick = step.filter(|step| step.commands().is_empty()).map(|_| {
        view! { <label class="tick"><input type="checkbox" name="done"/>"It is done: tick the step with this"</label> }
    });
    view! {
        <details class="say note-form" data-note="">
            <summary class="button small">{if step.is_some() { "Note" } else { "Note on the whole run" }}</summary>
            <form
                method="post"
                action=format!("/runs/{}/notes", run.id)
                enctype="multipart/form-data"
                data-live=""
            >
                {step.map(|step| view! { <input type="hidden" name="step" value=step.id.to_string()/> })}
                <label>{label.clone()}{note_area(&label, 3, Need::Optional)}</label>
                <p class="muted">{NOTE_LIMIT}</p>
                <label class="file">
                    "Picture or text, at most 2 MiB "
                    <input type="file" name="file" accept="image/png,image/jpeg,image/gif,image/webp,text/*,.log,.txt,.json,.yaml"/>
                </label>
                {tick}
                <button class="button" type="submit">"Write it down"</button>
            </form>
        </details>
    }
    .into_any()
}

/// The button that lets the commands run one after the other; nothing where there is only one.
fn run_on(view: &RunView) -> Option<AnyView> {
    view.procedure.commands().nth(1)?;
    let form = view! {
        <form class="run-on" method="post" action="/api/run_on">
            <input type="hidden" name="run" value=view.run.id.to_string()/>
            <button class="button" type="submit"><span aria-hidden="true">"▶▶ "</span>"Run on"</button>
            <span class="muted">"One command after the other, until somebody is needed."</span>
        </form>
    };
    Some(form.into_any())
}

/// Every value that the run's commands leave open, in one form: whoever gives one here gives it to all of them. Secret
/// ones are given with their command, because they are not kept.
fn values(view: &RunView, suggestions: &BTreeMap<String, Vec<Suggestion>>) -> AnyView {
    let environment = view.environment.as_deref();
    let parameters = view.procedure.parameters();
    let lists: Vec<_> = suggestions.iter().map(|(name, found)| value::suggestions(name, found)).collect();
    let kept: Vec<&Parameter> =
        parameters.into_iter().filter(|parameter| parameter.kind != ParameterKind::Secret).collect();
    let form = (!kept.is_empty()).then(|| {
        let fields: Vec<_> = kept
            .iter()
            .enumerate()
            .map(|(index, parameter)| {
                value::field(parameter, format!("given-{index}"), known(&view.run, environment, parameter), false)
            })
            .collect();
        view! {
            <details class="run-values" id="values">
                <summary>
                    "Values "<span class="muted">{fragments::run::given(view)}</span>
                </summary>
                <form method="post" action="/api/give_values">
                    <input type="hidden" name="run" value=view.run.id.to_string()/>
                    <p class="muted">
                        "Each is asked for once: what is given here or with a command is there for all of them."
                    </p>
                    <div class="values">{fields}</div>
                    <button class="button" type="submit">"Keep these values"</button>
                </form>
            </details>
        }
    });
    view! { {form}{lists} }.into_any()
}

/// What stands for the stream in a browser without scripts. Loading again takes what was typed into a form with it: it
/// begins when somebody asks for it.
fn without_script(reload: bool) -> AnyView {
    let words = if reload {
        view! {
            <meta http-equiv="refresh" content="3"/>
            <p class="notice">
                "This page loads again every 3 seconds while a command runs. "<a href="?">"Stay still"</a>
            </p>
        }
        .into_any()
    } else {
        view! {
            <p class="notice">
                "A command is running. "<a href="?reload=on">"Load this page again every 3 seconds"</a>
                ", or by hand: what you have typed into a form is lost each time."
            </p>
        }
        .into_any()
    };
    view! { <noscript>{words}</noscript> }.into_any()
}

/// The run, and the place in its output up to which the page draws. The place is taken first: what comes in between arrives
/// on the stream. Without one a command that ended in between would show its end and not what it printed, so both are taken
/// again then.
async fn seen(visit: &Visit, id: RunId) -> Result<(i64, RunView), Error> {
    let (operations, caller) = (&visit.operations, &visit.caller);
    if !visit.may(Permission::SeeOutput) {
        return Ok((0, operations.run_page(caller, id).await?));
    }
    let mut cursor = operations.output_end(caller, id).await?;
    let mut view = operations.run_page(caller, id).await?;
    for _ in 0..READ_AGAIN {
        let end = operations.output_end(caller, id).await?;
        if end == cursor {
            break;
        }
        (cursor, view) = (end, operations.run_page(caller, id).await?);
    }
    Ok((cursor, view))
}

/// The last output of each command's latest execution, drawn.
async fn outputs(visit: &Visit, view: &RunView, cursor: i64) -> Result<Outputs, Error> {
    let mut outputs = HashMap::new();
    if !visit.may(Permission::SeeOutput) {
        return Ok(outputs);
    }
    let executions = view.steps.iter().flat_map(|step| &step.commands).filter_map(|command| command.execution.as_ref());
    for execution in executions {
        outputs.insert(execution.id, tail(visit, execution.id, cursor).await?);
    }
    Ok(outputs)
}

/// The end of what an execution printed up to the cursor, and whether anything came before it.
async fn tail(visit: &Visit, execution: ExecutionId, cursor: i64) -> Result<(String, bool), Error> {
    let mut chunks = visit.operations.output_tail(&visit.caller, execution, TAIL_CHUNKS).await?;
    chunks.retain(|chunk| chunk.sequence <= cursor);
    let mut earlier = chunks.len() >= TAIL_CHUNKS as usize;
    let mut bytes = 0_usize;
    let kept = chunks
        .iter()
        .rev()
        .take_while(|chunk| {
            bytes += chunk.content.bytes.len();
            bytes <= TAIL_BYTES
        })
        .count();
    if kept < chunks.len() {
        earlier = true;
        // One chunk is drawn even where it is larger than that: it holds at most 64 KiB.
        chunks.drain(..chunks.len() - kept.max(1));
    }
    let html = OutputPen::new().write(&chunks).into_iter().map(|output| output.html).collect();
    Ok((html, earlier))
}

fn close_form(view: &RunView) -> AnyView {
    view! {
        <form class="close-run" method="post" action="/api/close_run">
            <input type="hidden" name="run" value=view.run.id.to_string()/>
            <button class="button finished" type="submit" name="outcome" value="completed">"Complete the run"</button>
            // The style sheet offers this one instead while the status says that steps are left.
            <details class="really unfinished">
                <summary class="button">"Complete the run…"</summary>
                {fragments::run::unfinished(view)}
                <button class="button danger" type="submit" name="outcome" value="completed">"Complete anyway"</button>
            </details>
            <button class="button quiet" type="submit" name="outcome" value="abandoned">"Abandon"</button>
        </form>
    }
    .into_any()
}

/// The steps whose words are told to people from the incident of the run.
async fn told(visit: &Visit, view: &RunView) -> Result<Vec<StepId>, Error> {
    let Some(incident) = view.incident.as_ref().filter(|_| visit.may(Permission::Run)) else { return Ok(Vec::new()) };
    let templates = visit.operations.templates(&visit.caller, incident.id).await?;
    let place = (&view.run.runbook, &view.run.procedure);
    let its = templates.into_iter().filter(|template| (&template.runbook, &template.procedure) == place);
    Ok(its.map(|template| template.step).collect())
}

/// The procedure's text in order, its steps as work.
fn blocks(desk: &Desk<'_>) -> Vec<AnyView> {
    let view = desk.view;
    view.procedure
        .blocks
        .iter()
        .map(|block| match block {
            Block::Heading(heading) => tagged_heading(2, heading.anchor.clone(), heading.text.clone(), ()),
            Block::Prose(html) => view! { <div class="prose" inner_html=html.as_str().to_owned()></div> }.into_any(),
            Block::Widget(fence) => card::note(fence),
            Block::Step(_, id) => view.procedure.step(id).map(|step| run_step(desk, step)).into_any(),
        })
        .collect()
}
