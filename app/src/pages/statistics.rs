//! How procedures went: what needs rewriting in a runbook, and the edits that people make again and again.

use ::command::mask::mask_script;
use leptos::prelude::*;
use operations::statistics::{EditedCommand, FrequentEdit, Proposal, Spread, StepStatistics, Tally, Trouble};
use operations::{Error, Permission, ProcedureStatistics};
use runbook::{Command, ProcedureId, RunbookId};

use crate::components::difference::difference;
use crate::components::frame::{Here, Page};
use crate::components::share::{self, Part};
use crate::components::time;
use crate::visit::Visit;

/// What stands where there is nothing to say.
const NOTHING: &str = "–";

/// How one procedure went.
pub(crate) async fn of_procedure(visit: Visit) -> Result<Page, Error> {
    let found = visit.operations.statistics_of(&visit.caller, &visit.runbook_id(), &visit.procedure_id()).await?;
    let (runbook, procedure) = (&found.runbook, &found.procedure);
    let title = format!("How it went: {}", procedure.title);
    let body = view! {
        <main id="main" class="page statistics">
            <p class="crumbs">
                <a href=format!("/runbooks/{}", runbook.id)>{runbook.title.clone()}</a>
                " / "
                <a href=format!("/runbooks/{}/{}", runbook.id, procedure.id)>{procedure.title.clone()}</a>
            </p>
            <h1>"How it went"</h1>
            {if found.runs.all() == 0 { never() } else { told(&found) }}
            <p class="statistics-all"><a href=overview(&runbook.id)>"All procedures of this runbook"</a></p>
        </main>
    };
    Ok(Page::new(Here::Runbooks, title, body))
}

/// How the procedures of a runbook went.
pub(crate) async fn of_runbook(visit: Visit) -> Result<Page, Error> {
    let found = visit.operations.statistics(&visit.caller, &visit.runbook_id()).await?;
    let runbook = &found.runbook;
    let ran = found.procedures.iter().any(|one| one.runs.all() > 0);
    let table = ran.then(|| {
        let rows: Vec<_> = found.procedures.iter().map(overview_row).collect();
        view! {
            <table class="figures">
                <thead>
                    <tr>
                        <th scope="col">"Procedure"</th>
                        <th scope="col" class="number">"Runs"</th>
                        <th scope="col">"Completed"</th>
                        <th scope="col" class="number">"Median"</th>
                        <th scope="col">"Needs a look"</th>
                        <th scope="col" class="number">"Edits"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        }
    });
    let gone = (found.gone > 0).then(|| {
        let runs = runs(found.gone);
        view! { <p class="muted">{format!("{runs} of procedures that this runbook no longer has.")}</p> }
    });
    let body = view! {
        <main id="main" class="page statistics">
            <p class="crumbs"><a href=format!("/runbooks/{}", runbook.id)>{runbook.title.clone()}</a></p>
            <h1>"How it went"</h1>
            {if ran {
                view! { <p class="muted">"The newest runs of this runbook, at most 500."</p> }.into_any()
            } else {
                never()
            }}
            {table}
            {gone}
        </main>
    };
    Ok(Page::new(Here::Runbooks, format!("How it went: {}", runbook.title), body))
}

/// The link on a procedure's page, for those who may follow it.
pub(crate) fn link_of_procedure(visit: &Visit, runbook: &RunbookId, procedure: &ProcedureId) -> Option<AnyView> {
    visit.may(Permission::ReadAudit).then(|| {
        view! { <p class="statistics-link"><a href=format!("/runbooks/{runbook}/{procedure}/statistics")>"How it went"</a></p> }
            .into_any()
    })
}

/// The same on a runbook's page.
pub(crate) fn link_of_runbook(visit: &Visit, runbook: &RunbookId) -> Option<AnyView> {
    visit.may(Permission::ReadAudit).then(|| view! { " · "<a href=overview(runbook)>"How it went"</a> }.into_any())
}

fn overview(runbook: &RunbookId) -> String {
    format!("/statistics/{runbook}")
}

fn runs(count: usize) -> String {
    format!("{count} {}", if count == 1 { "run" } else { "runs" })
}

fn never() -> AnyView {
    view! {
        <p class="empty">
            "Nobody has run it from here yet. After some runs this page says how long its steps take, which of them fail or \
             are left out, and which commands people edit before they run them."
        </p>
    }
    .into_any()
}

fn overview_row(found: &ProcedureStatistics) -> AnyView {
    let address = format!("/runbooks/{}/{}/statistics", found.runbook.id, found.procedure.id);
    let edited: usize = found.edits.iter().map(|edit| edit.edited).sum();
    let worst = found.worst().map(|worst| {
        let title = found.procedure.step(&worst.id).map(|step| step.title.clone()).unwrap_or_default();
        view! {
            <a href=format!("{address}#step-{}", worst.id)>{format!("{} {title}", worst.id)}</a>
            " "
            {match worst.trouble() {
                None => view! { <span class="muted">{format!("failed in {} of {}", worst.failed, worst.ran)}</span> }.into_any(),
                some => trouble(some),
            }}
        }
    });
    view! {
        <tr>
            <th scope="row"><a href=address.clone()>{found.procedure.title.clone()}</a></th>
            {number("Runs", found.runs.all().to_string())}
            <td data-label="Completed">{completed(found.runs)}</td>
            {number("Median", found.duration.map_or_else(|| NOTHING.to_owned(), |spread| time::lasted(spread.median)))}
            <td class="worst" data-label="Needs a look">{worst}</td>
            {number("Edits", if edited == 0 { NOTHING.to_owned() } else { edited.to_string() })}
        </tr>
    }
    .into_any()
}

/// A number's cell; on narrow pages its label stands beside it.
fn number(label: &'static str, words: String) -> AnyView {
    view! { <td class="number" data-label=label>{words}</td> }.into_any()
}

/// The share of closed runs that were completed.
fn completed(runs: Tally) -> AnyView {
    let Some(success) = runs.success() else { return NOTHING.into_any() };
    let words = format!("{} completed, {} abandoned", runs.completed, runs.abandoned);
    let parts = [Part::new("good", runs.completed), Part::new("left", runs.abandoned)];
    view! { <span class="with-bar"><span class="figure">{format!("{success} %")}</span>{share::bar(&parts, words)}</span> }
        .into_any()
}

/// Everything that the runs say of a procedure.
fn told(found: &ProcedureStatistics) -> AnyView {
    let since = found.since.map(|since| since.strftime(", since %Y-%m-%d").to_string()).unwrap_or_default();
    view! {
        <p class="muted">{format!("The newest {}{since}. At most 200 are looked at.", runs(found.runs.all()))}</p>
        {facts(found)}
        <h2>"Steps"</h2>
        {steps(found)}
        <h2>"Edited before running"</h2>
        {edits(found)}
    }
    .into_any()
}

fn facts(found: &ProcedureStatistics) -> AnyView {
    let fact = |name: &'static str, value: AnyView| view! { <div class="fact"><dt>{name}</dt><dd>{value}</dd></div> };
    let Tally { open, completed: done, abandoned } = found.runs;
    let words = format!("{done} completed, {abandoned} abandoned, {open} open");
    let lasts = found.duration.map_or_else(
        || "no run is completed yet".to_owned(),
        |Spread { median, p90, of }| {
            let (median, p90, of) = (time::lasted(median), time::lasted(p90), runs(of));
            format!("{median} in the median, 9 of 10 within {p90} ({of})")
        },
    );
    view! {
        <dl class="facts">
            {fact("Runs", words.into_any())}
            {fact("Completed", completed(found.runs))}
            {fact("From start to close", lasts.into_any())}
        </dl>
    }
    .into_any()
}

fn steps(found: &ProcedureStatistics) -> AnyView {
    let longest = found.steps.iter().filter_map(|step| step.duration).map(|spread| spread.p90).max().unwrap_or(0);
    let rows: Vec<_> = found.steps.iter().map(|step| step_row(found, step, longest)).collect();
    view! {
        <table class="figures">
            <thead>
                <tr>
                    <th scope="col">"Step"</th>
                    <th scope="col">"In its runs"</th>
                    <th scope="col" class="number">"Run"</th>
                    <th scope="col" class="number">"Failed"</th>
                    <th scope="col" class="number">"Skipped"</th>
                    <th scope="col" class="number">"By hand"</th>
                    <th scope="col" class="number">"Median"</th>
                    <th scope="col" class="number">"9 of 10"</th>
                    <th scope="col">"Time"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
        {share::legend("In its runs", &[("good", "went well"), ("bad", "failed"), ("left", "skipped")])}
        {share::legend("Time", &[("median", "in the median"), ("beyond", "up to 9 of 10")])}
        <p class="statistics-note">
            "“9 of 10” is the time that nine of ten runs of the step stayed within. Time is from the end of what came before to the step’s own end, reading and waiting included. Skipped is also what \
             a completed run left untouched. Runs of older texts count where the step was in them."
        </p>
    }
    .into_any()
}

fn step_row(found: &ProcedureStatistics, step: &StepStatistics, longest: i64) -> AnyView {
    let title = found.procedure.step(&step.id).map(|step| step.title.clone()).unwrap_or_default();
    let address = format!("/runbooks/{}/{}#step-{}", found.runbook.id, found.procedure.id, step.id);
    let well = step.seen.saturating_sub(step.failed + step.skipped);
    let words = format!("{} of {} failed, {} skipped", step.failed, runs(step.seen), step.skipped);
    let parts = [Part::new("good", well), Part::new("bad", step.failed), Part::new("left", step.skipped)];
    let count = |count: usize| if count == 0 { NOTHING.to_owned() } else { count.to_string() };
    let lasted = |of: fn(Spread) -> i64| step.duration.map_or_else(|| NOTHING.to_owned(), |one| time::lasted(of(one)));
    view! {
        <tr id=format!("step-{}", step.id)>
            <th scope="row">
                <a href=address>{format!("{} {title}", step.id)}</a>
                " "
                {trouble(step.trouble())}
            </th>
            <td data-label="In its runs">{share::bar(&parts, words)}</td>
            {number("Run", count(step.ran))}
            {number("Failed", count(step.failed))}
            {number("Skipped", count(step.skipped))}
            {number("By hand", count(step.by_hand))}
            {number("Median", lasted(|spread| spread.median))}
            {number("9 of 10", lasted(|spread| spread.p90))}
            <td class="time-bar" data-label="Time">
                {step.duration.map(|spread| share::extent(spread.median, spread.p90, longest))}
            </td>
        </tr>
    }
    .into_any()
}

fn trouble(trouble: Option<Trouble>) -> AnyView {
    let (class, mark, words) = match trouble {
        None => return ().into_any(),
        Some(Trouble::OftenFailed) => ("failed", "✗", "often failed"),
        Some(Trouble::AlwaysSkipped) => ("waiting", "–", "always skipped"),
    };
    view! { <span class=format!("badge {class}")><span aria-hidden="true">{mark}</span>{words}</span> }.into_any()
}

fn edits(found: &ProcedureStatistics) -> AnyView {
    let older = (found.older_edits > 0).then(|| {
        let words = format!(
            "Edits of what the text no longer has like that: {}. They are not suggested against the text of today.",
            found.older_edits
        );
        view! { <p class="statistics-note">{words}</p> }
    });
    if found.edits.is_empty() {
        return view! { <p class="empty">"No command of today’s text was edited before it ran."</p>{older} }.into_any();
    }
    let patch = match found.proposed() {
        0 => ().into_any(),
        count => {
            let address = format!("/runbooks/{}/{}/edits.patch", found.runbook.id, found.procedure.id);
            let words = if count == 1 { "Patch of 1 edit".to_owned() } else { format!("Patch of {count} edits") };
            view! {
                <p class="patch">
                    <a class="button primary" href=address download="edits.patch">{words}</a>
                    <span class="muted">
                        "What two runs or more agree on, against the file as it is now. Read it, then "
                        <code>"git apply edits.patch"</code>
                        ": the portal changes no file."
                    </span>
                </p>
            }
            .into_any()
        }
    };
    let list: Vec<_> = found
        .edits
        .iter()
        .filter_map(|edit| found.procedure.command(&edit.id).map(|(_, command)| edited(edit, command)))
        .collect();
    view! { {patch}<div class="edits">{list}</div>{older} }.into_any()
}

fn edited(edit: &EditedCommand, command: &Command) -> AnyView {
    let first = || command.source.lines().next().unwrap_or_default().to_owned();
    let title = command.title.clone().unwrap_or_else(first);
    let words = format!("edited in {} of {}", edit.edited, runs(edit.ran));
    let frequent = match &edit.frequent {
        Some(frequent) => view! {
            <p class="muted">{proposal(frequent)}</p>
            {difference(&mask_script(&command.source), &frequent.text)}
        }
        .into_any(),
        None => view! { <p class="muted">"No edit of it went well, or only its values were typed in."</p> }.into_any(),
    };
    let parts = [Part::new("edited", edit.edited), Part::new("left", edit.ran.saturating_sub(edit.edited))];
    view! {
        <article class="edit-made">
            <header class="edit-head">
                <span class="command-letter">{edit.id.to_string()}</span>
                <h3>{title}</h3>
                <span class="with-bar muted"><span>{words.clone()}</span>{share::bar(&parts, words)}</span>
            </header>
            {frequent}
        </article>
    }
    .into_any()
}

/// How many ran it like this, and whether it is suggested.
fn proposal(edit: &FrequentEdit) -> String {
    let ran = format!("{} ran it like this", runs(edit.runs));
    match edit.proposal {
        Proposal::InPatch => format!("{ran}. The patch has it."),
        Proposal::Once => format!("{ran}. It is suggested when a second one does."),
        Proposal::Secret => format!("{ran}. It holds a secret, or may, and is not suggested."),
        Proposal::Unplaced => format!("{ran}. It does not fit the file line by line, so the patch is without it."),
    }
}
