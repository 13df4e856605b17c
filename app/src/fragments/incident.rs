//! The changing parts of an incident's page.

use leptos::prelude::*;
use operations::{Caller, Entry, IncidentId, IncidentView, Lane, Permission, RunState, RunView, Stage, Timeline};

use super::Fragment;
use crate::components::messages::messages_list;
use crate::components::{badge, incident, run_row, time};

/// How many entries of the timeline stand on the page of an incident itself.
const LATELY: usize = 40;
/// How many people are named.
const PEOPLE: usize = 12;
/// How many alerts are drawn, those that fire first.
const ALERTS: usize = 50;
/// How many labels of an alert are drawn.
const LABELS: usize = 12;

/// Everything of an incident's page that changes. `runs` are its runs with their steps, oldest first.
pub(super) fn all(view: &IncidentView, runs: &[RunView], timeline: &Timeline, caller: &Caller) -> Vec<Fragment> {
    vec![
        Fragment::new("incident-status", status(view, caller)),
        Fragment::new("incident-alerts", alerts(view)),
        Fragment::new("incident-suggested", suggested(view, caller)),
        Fragment::new("incident-runs", runs_view(view, runs)),
        Fragment::new("incident-messages", messages_list(caller, &view.messages, view.now)),
        Fragment::new("incident-timeline", lately(view.incident.id, timeline)),
    ]
}

/// Severity, stage, clocks, whom to call, who leads. `data-stage` and `data-led` decide what the style sheet offers.
pub(crate) fn status(view: &IncidentView, caller: &Caller) -> AnyView {
    let (incident, now) = (&view.incident, view.now);
    let stage = match incident.stage() {
        Stage::Open => "open",
        Stage::Acknowledged => "acknowledged",
        Stage::Mitigated => "mitigated",
        Stage::Resolved => "resolved",
    };
    let clock = match incident.resolved_at {
        Some(at) => {
            let lasted = at.as_second() - incident.started_at.as_second();
            view! { <span class="clock">{time::clock_words(lasted)}</span> }.into_any()
        }
        None => time::clock(incident.started_at, now),
    };
    let leads = match &incident.commander {
        Some((_, name)) => {
            view! { <p class="leads">{badge::person(name)}<span>{name.clone()}" leads"</span></p> }.into_any()
        }
        None => view! { <p class="leads muted">"Nobody leads yet"</p> }.into_any(),
    };
    let led = match &incident.commander {
        None => "by-nobody",
        Some((subject, _)) if *subject == caller.person.subject => "by-me",
        Some(_) => "by-another",
    };
    let others = view
        .participants
        .iter()
        .filter(|(subject, _)| incident.commander.as_ref().is_none_or(|(leader, _)| leader != subject));
    let rows: Vec<_> = others
        .take(PEOPLE)
        .map(|(_, name)| view! { <li>{badge::person(name)}<span>{name.clone()}</span></li> })
        .collect();
    let took_part = (!rows.is_empty()).then(|| {
        view! { <p class="muted">"Took part"</p><ul class="here">{rows}</ul> }
    });
    let update = (!incident.latest_update.is_empty()).then(|| {
        view! {
            <p class="latest">
                {incident.latest_update.clone()}
                {incident.updated_at.map(|at| view! { <span class="muted">" "{time::ago(at, now)}</span> })}
            </p>
        }
    });
    view! {
        <div
            id="incident-status"
            class="incident-status"
            data-stage=stage
            data-led=led
            data-say=incident::spoken(incident, now)
        >
            <div class="run-status" data-run-state="open">
                {clock}
                <div class="run-status-about">
                    <p>{incident::level(incident)}" "{incident::stage(incident.stage())}</p>
                    <p class="muted">"since "{time::exact(incident.started_at)}</p>
                </div>
            </div>
            {incident::clocks(incident, now)}
            {incident::call(incident, now)}
            {incident::contacts(&view.contacts)}
            {leads}
            {took_part}
            {update}
        </div>
    }
    .into_any()
}

/// What monitoring told; nothing at all of an incident that it never told of.
pub(crate) fn alerts(view: &IncidentView) -> AnyView {
    let mut alerts: Vec<_> = view.alerts.iter().collect();
    alerts.sort_by_key(|alert| alert.cleared_at.is_some());
    let rows: Vec<_> = alerts
        .iter()
        .take(ALERTS)
        .map(|alert| {
            let (class, mark, word) =
                if alert.cleared_at.is_some() { ("passed", "✓", "over") } else { ("failed", "●", "fires") };
            let labels = alert.labels.iter().filter(|(name, _)| *name != "alertname");
            let more = more(labels.clone().count(), LABELS, "label");
            let labels: Vec<_> = labels
                .take(LABELS)
                .map(|(name, value)| view! { <span class="label">{format!("{name}={value}")}</span> })
                .collect();
            let about = ["description", "message"].iter().find_map(|name| alert.annotations.get(*name)).cloned();
            view! {
                <li class="alert">
                    <p>
                        <span class=format!("badge {class}")><span aria-hidden="true">{mark}</span>{word}</span>
                        " "<strong>{alert.name.clone()}</strong>" "
                        <span class="muted">{time::ago(alert.cleared_at.unwrap_or(alert.started_at), view.now)}</span>
                    </p>
                    {about.map(|about| view! { <p class="muted">{about}</p> })}
                    <p class="labels">{labels}{more.map(|words| view! { <span class="muted">{words}</span> })}</p>
                </li>
            }
        })
        .collect();
    let all_over = !view.alerts.is_empty() && view.alerts.iter().all(|alert| alert.cleared_at.is_some());
    let over = (all_over && view.incident.resolved_at.is_none()).then(|| {
        view! { <p class="notice">"Every alert is over. If nobody suffers any more, say so: Mark mitigated, or Mark resolved."</p> }
    });
    let more = more(alerts.len(), ALERTS, "alert").map(|words| view! { <p class="muted">{words}</p> });
    let told = (!rows.is_empty()).then(|| {
        view! { <h2>"Alerts"</h2>{over}<ul class="alerts">{rows}</ul>{more} }
    });
    view! { <div id="incident-alerts">{told}</div> }.into_any()
}

/// How many of something are not drawn: `and 3 more alerts`.
fn more(all: usize, drawn: usize, what: &str) -> Option<String> {
    match all.saturating_sub(drawn) {
        0 => None,
        1 => Some(format!("and one more {what}")),
        more => Some(format!("and {more} more {what}s")),
    }
}

/// The procedures that fit, with the reason, each one press away.
pub(crate) fn suggested(view: &IncidentView, caller: &Caller) -> AnyView {
    let may = caller.person.role.permits(Permission::Run);
    let cards: Vec<_> = view
        .suggested
        .iter()
        .map(|fitting| {
            let candidate = &fitting.candidate;
            let address = format!("/runbooks/{}/{}", candidate.runbook, candidate.procedure);
            let reasons: Vec<_> = candidate.reasons.iter().map(|why| view! { <li>{why.clone()}</li> }).collect();
            let given: Vec<_> = fitting
                .given
                .iter()
                .map(|(name, value)| view! { <span class="label">{format!("{name}={value}")}</span> })
                .collect();
            let started =
                view.runs.iter().any(|run| run.runbook == candidate.runbook && run.procedure == candidate.procedure);
            let start = (may && !started).then(|| start(view, fitting));
            view! {
                <li class="fitting">
                    <div class="fitting-head">
                        <div>
                            <a class="fitting-title" href=address>{fitting.procedure_title.clone()}</a>
                            <p class="muted">{fitting.runbook_title.clone()}</p>
                        </div>
                        {start}
                        {started.then(|| view! { <span class="badge quiet">"begun"</span> })}
                    </div>
                    <ul class="reasons">{reasons}</ul>
                    {(!given.is_empty()).then(|| view! { <p class="labels">{given}</p> })}
                </li>
            }
        })
        .collect();
    // What is over needs no procedure any more.
    let shown = match (cards.is_empty(), view.incident.resolved_at.is_some()) {
        (true, true) => None,
        (true, false) => Some(
            view! {
                <p class="empty">
                    "No procedure fits by its name, its symptoms or the alert's link. "<a href="/runbooks">"Choose one"</a>
                </p>
            }
            .into_any(),
        ),
        (false, _) => Some(view! { <ul class="fittings">{cards}</ul> }.into_any()),
    };
    let shown = shown.map(|shown| view! { <h2>"Procedures that fit"</h2>{shown} });
    view! { <div id="incident-suggested">{shown}</div> }.into_any()
}

fn start(view: &IncidentView, fitting: &operations::Fitting) -> AnyView {
    let candidate = &fitting.candidate;
    let given: Vec<_> = fitting
        .given
        .iter()
        .map(|(name, value)| view! { <input type="hidden" name=format!("values[{name}]") value=value.clone()/> })
        .collect();
    let environment = view.incident.environment.as_ref().map(|name| name.0.clone());
    let Some(environment) = environment else {
        return view! { <p class="muted">"Say where it happens first."</p> }.into_any();
    };
    view! {
        <form method="post" action="/api/start_incident_run">
            <input type="hidden" name="incident" value=view.incident.id.to_string()/>
            <input type="hidden" name="runbook" value=candidate.runbook.to_string()/>
            <input type="hidden" name="procedure" value=candidate.procedure.to_string()/>
            <input type="hidden" name="environment" value=environment/>
            {given}
            <button
                class="button primary"
                type="submit"
                id=format!("start-{}-{}", candidate.runbook, candidate.procedure)
                aria-label=format!("Start: {}", fitting.procedure_title)
            >
                <span aria-hidden="true">"▶ "</span>"Start"
            </button>
        </form>
    }
    .into_any()
}

/// Its runs with how far they are.
pub(crate) fn runs_view(view: &IncidentView, runs: &[RunView]) -> AnyView {
    let rows: Vec<_> = runs.iter().rev().map(|run| run_row::open_run(run, view.now)).collect();
    let open = runs.iter().filter(|run| run.run.state == RunState::Open).count();
    let left = (open > 0 && view.incident.resolved_at.is_some()).then(|| {
        let words = if open == 1 { "one run is still open".to_owned() } else { format!("{open} runs are still open") };
        view! { <p class="notice">{format!("The incident is over, and {words}. Complete or abandon what nobody goes on with.")}</p> }
    });
    let drawn = runs.iter().filter(|run| run.run.state != RunState::Open).count();
    let closed = view.runs.iter().filter(|run| run.state != RunState::Open).count();
    let more = closed.saturating_sub(drawn);
    let more = (more > 0).then(|| {
        view! { <p class="muted">{format!("{more} more are closed. ")}<a href="/runs">"All runs"</a></p> }
    });
    view! { <div id="incident-runs" class="open-runs">{left}{rows}{more}</div> }.into_any()
}

/// The latest entries, newest first.
pub(crate) fn lately(incident: IncidentId, timeline: &Timeline) -> AnyView {
    let rows: Vec<_> = timeline.entries.iter().rev().take(LATELY).map(line).collect();
    let more = timeline.cut || timeline.entries.len() > LATELY;
    view! {
        <div id="incident-timeline">
            <ol class="lately">{rows}</ol>
            {more.then(|| view! { <p class="muted"><a href=format!("/incidents/{incident}/timeline")>"All of it"</a></p> })}
        </div>
    }
    .into_any()
}

fn line(entry: &Entry) -> AnyView {
    let who = match &entry.lane {
        Lane::System => ().into_any(),
        Lane::Person(_, name) => view! { <span class="muted">{format!(" · {name}")}</span> }.into_any(),
    };
    let effect = entry.effect.filter(|effect| *effect > ::command::Effect::Read).map(badge::effect);
    let result = entry.result.map(|result| badge::outcome(result, None));
    view! {
        <li>
            <time datetime=time::machine(entry.at) title=time::exact(entry.at)>{time::of_day(entry.at)}</time>
            <p>{entry.words.clone()}{who}" "{effect}{result}</p>
        </li>
    }
    .into_any()
}
