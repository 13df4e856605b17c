//! Small pieces of incidents: levels, clocks, who is called, one line in a list.

use incident::{Deadline, State, Tone, What};
use jiff::{SignedDuration, Timestamp};
use leptos::prelude::*;
use operations::{Incident, Stage};

use super::{badge, time};

/// The level: `P1`. The worst two stand out.
pub(crate) fn level(incident: &Incident) -> AnyView {
    let Some(name) = incident.severity.clone() else {
        return view! { <span class="badge quiet">"no severity"</span> }.into_any();
    };
    let rank = incident.terms.level.as_ref().map_or(9, |level| level.rank);
    let class = match rank {
        0 | 1 => "level worst",
        2 => "level bad",
        _ => "level",
    };
    view! { <span class=format!("badge {class}")>{name}</span> }.into_any()
}

/// How far it has come.
pub(crate) fn stage(stage: Stage) -> AnyView {
    let (class, mark) = match stage {
        Stage::Open => ("failed", "●"),
        Stage::Acknowledged => ("running", "●"),
        Stage::Mitigated => ("passed", "◐"),
        Stage::Resolved => ("passed", "✓"),
    };
    view! { <span class=format!("badge {class}")><span aria-hidden="true">{mark}</span>{stage.word()}</span> }
        .into_any()
}

/// One line: what, how bad, how far, since when.
pub(crate) fn row(incident: &Incident, now: Timestamp) -> AnyView {
    let over = incident.resolved_at.map(|at| {
        view! { <span>"lasted "{operations::span(at.duration_since(incident.started_at))}</span> }.into_any()
    });
    let since = over.unwrap_or_else(|| time::ago(incident.started_at, now));
    view! {
        <li class="incident-row">
            {level(incident)}
            <a class="incident-row-title" href=format!("/incidents/{}", incident.id)>{incident.title.clone()}</a>
            <span class="incident-row-about muted">
                {incident.label()}
                {incident.environment.as_ref().map(|name| format!(" · {name}"))}
                {incident.commander.as_ref().map(|(_, name)| format!(" · led by {name}"))}
            </span>
            {stage(incident.stage())}
            <span class="incident-row-when muted">{since}</span>
        </li>
    }
    .into_any()
}

/// An open incident, large: what it is, what is due, the way in.
pub(crate) fn open(incident: &Incident, now: Timestamp) -> AnyView {
    let deadlines = incident::clock::deadlines(&incident.terms, &incident.times(), now);
    let due = deadlines.into_iter().find(|deadline| is_due(&deadline.state));
    let tone = tone_of(due.as_ref());
    let word = if incident.stage() == Stage::Open { "Look" } else { "Join" };
    view! {
        <article class="open-incident" data-tone=tone>
            <div class="open-run-head">
                {level(incident)}
                <a class="open-run-title" href=format!("/incidents/{}", incident.id)>{incident.title.clone()}</a>
                <span class="muted">{incident.label()}" · "{time::ago(incident.started_at, now)}</span>
                {incident.environment.as_ref().map(|name| badge::environment(&name.0, None))}
                {incident.commander.as_ref().map(|(_, name)| badge::person(name))}
                <a class="button primary" href=format!("/incidents/{}", incident.id)>{word}</a>
            </div>
            <p class="muted">
                {stage(incident.stage())}
                {(!incident.affected.is_empty()).then(|| format!(" {}", incident.affected))}
                {due.map(|due| view! { " · "{what(due.what)}" "{countdown(due.due, now)} })}
            </p>
        </article>
    }
    .into_any()
}

fn is_due(state: &State) -> bool {
    matches!(state, State::Running { .. } | State::Missed { at: None })
}

/// The tone of what is due: the style sheet colours by it.
pub(crate) fn tone_of(deadline: Option<&Deadline>) -> &'static str {
    match deadline.map(|deadline| deadline.state) {
        Some(State::Running { tone: Tone::Calm }) => "calm",
        Some(State::Running { tone: Tone::Amber }) => "amber",
        Some(State::Running { tone: Tone::Red } | State::Missed { at: None }) => "red",
        _ => "none",
    }
}

fn what(what: What) -> &'static str {
    match what {
        What::Respond => "answer within",
        What::Escalate => "escalate in",
        What::Update => "tell people in",
    }
}

/// The time that is left as `4:12`, or by how much it is over as `−1:05`; an island counts on.
pub(crate) fn countdown(due: Timestamp, now: Timestamp) -> AnyView {
    let left = due.as_second() - now.as_second();
    view! {
        <time class="clock" datetime=time::machine(due) title=time::exact(due) data-until="">{left_words(left)}</time>
    }
    .into_any()
}

/// `4:12`, `−1:05`.
fn left_words(seconds: i64) -> String {
    if seconds < 0 { format!("−{}", time::clock_words(-seconds)) } else { time::clock_words(seconds) }
}

/// Everything that is due, was met or missed, one line each.
pub(crate) fn clocks(incident: &Incident, now: Timestamp) -> AnyView {
    let started = incident.started_at;
    let deadlines = incident::clock::deadlines(&incident.terms, &incident.times(), now);
    let lines: Vec<_> = deadlines
        .iter()
        .map(|deadline| {
            let span = operations::span(deadline.due.duration_since(started));
            let (name, promise) = match deadline.what {
                What::Respond if deadline.due <= started => ("Response", "promised at once".to_owned()),
                What::Respond => ("Response", format!("promised within {span}")),
                What::Escalate if deadline.due <= started => ("Escalation", "at once".to_owned()),
                What::Escalate => ("Escalation", format!("unless mitigated within {span}")),
                What::Update => {
                    let every = incident.terms.update_every.unwrap_or(SignedDuration::ZERO);
                    ("Next update", format!("promised every {}", operations::span(every)))
                }
            };
            let state = match deadline.state {
                State::Running { .. } | State::Missed { at: None } => {
                    let over = matches!(deadline.state, State::Missed { .. }).then_some(" over");
                    view! { <span class="sla-time">{countdown(deadline.due, now)}{over}</span> }.into_any()
                }
                State::Met { at } => {
                    let after = operations::span(at.duration_since(started));
                    view! { <span class="sla-done">{format!("✓ after {after}")}</span> }.into_any()
                }
                State::Missed { at: Some(at) } => {
                    let late = operations::span(at.duration_since(deadline.due));
                    view! { <span class="sla-done">{format!("✗ {late} late")}</span> }.into_any()
                }
            };
            let missed = matches!(deadline.state, State::Missed { .. });
            // People wait for a word: where time runs out, the way to say it stands beside the clock.
            let is_late = matches!(
                deadline.state,
                State::Running { tone: Tone::Amber | Tone::Red } | State::Missed { at: None }
            );
            let tell = (deadline.what == What::Update && is_late).then(|| {
                view! { <a class="button small" href=format!("/incidents/{}/message", incident.id)>"Tell people now"</a> }
            });
            view! {
                <li class="sla" data-tone=tone_of(Some(deadline)) data-missed=missed.then_some("")>
                    <span class="sla-name">{name}</span>
                    {state}
                    <span class="sla-promise">{promise}</span>
                    {tell}
                </li>
            }
        })
        .collect();
    view! { <ul class="slas">{lines}</ul> }.into_any()
}

/// Whom to call now, and who is next.
pub(crate) fn call(incident: &Incident, now: Timestamp) -> Option<AnyView> {
    let call = incident::clock::call(&incident.terms, &incident.times(), now);
    let words = |rung: &incident::Rung| {
        let action = if rung.action.is_empty() { rung.who.clone() } else { rung.action.clone() };
        view! { <strong>{action}</strong><span class="muted">{format!(" {}", rung.name)}</span> }.into_any()
    };
    let current = call.now.map(|rung| view! { <p class="call-now"><span>"Call now: "</span>{words(rung)}</p> });
    let next = call.next.map(|(rung, at)| {
        view! { <p class="call-next"><span>"Then in "</span>{countdown(at, now)}": "{words(rung)}</p> }
    });
    if current.is_none() && next.is_none() {
        return None;
    }
    Some(view! { <div class="call" role="note" aria-label="Escalation">{current}{next}</div> }.into_any())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_is_negative() {
        assert_eq!(left_words(252), "4:12");
        assert_eq!(left_words(-65), "−1:05");
        assert_eq!(left_words(0), "0:00");
    }
}
