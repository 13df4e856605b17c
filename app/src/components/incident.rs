//! Small pieces of incidents: levels, clocks, who is called, one line in a list.

use incident::{Contact, Deadline, State, Tone, What};
use jiff::Timestamp;
use leptos::prelude::*;
use operations::{Incident, Stage};

use super::{badge, time};

/// How many contacts are shown.
const CONTACTS: usize = 20;

/// The level: `P1`. The worst two stand out.
pub(crate) fn level(incident: &Incident) -> AnyView {
    let Some(name) = incident.severity.clone() else {
        return view! { <span class="badge quiet">"no severity"</span> }.into_any();
    };
    let class = match incident.rank() {
        Some(0 | 1) => "level worst",
        Some(2) => "level bad",
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
    let remind = due.as_ref().filter(|due| is_late_word(due)).map(|_| "");
    view! {
        <article class="open-incident" data-tone=tone data-remind=remind>
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
                {due.map(|due| due_words(&due, now))}
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

/// Whether people wait for a word, and little time is left to say it.
fn is_late_word(deadline: &Deadline) -> bool {
    let is_late =
        matches!(deadline.state, State::Running { tone: Tone::Amber | Tone::Red } | State::Missed { at: None });
    deadline.what == What::Update && is_late
}

/// ` · answer within 4:12`, ` · answer overdue by 0:58`.
fn due_words(due: &Deadline, now: Timestamp) -> AnyView {
    let (soon, late) = match due.what {
        What::Respond => ("answer within", "answer overdue by"),
        What::Escalate => ("escalate in", "escalation overdue by"),
        What::Update => ("tell people in", "word to people overdue by"),
    };
    match due.state {
        State::Missed { .. } => view! { " · "{late}" "{time::clock(due.due, now)} }.into_any(),
        _ => view! { " · "{soon}" "{countdown(due.due, now)} }.into_any(),
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
    let deadlines = incident::clock::deadlines(&incident.terms, &incident.times(), now);
    let lines: Vec<_> = deadlines
        .iter()
        .map(|deadline| {
            let span = operations::span(deadline.within);
            let (name, promise) = match deadline.what {
                What::Respond if deadline.within.is_zero() => ("Response", "promised at once".to_owned()),
                What::Respond => ("Response", format!("promised within {span}")),
                What::Escalate if deadline.within.is_zero() => ("Escalation", "at once".to_owned()),
                What::Escalate => ("Escalation", format!("unless mitigated within {span}")),
                What::Update => ("Next update", format!("promised every {span}")),
            };
            let state = match deadline.state {
                State::Running { .. } => view! { <span class="sla-time">{countdown(deadline.due, now)}</span> }.into_any(),
                State::Missed { at: None } => {
                    view! { <span class="sla-time">{time::clock(deadline.due, now)}" over"</span> }.into_any()
                }
                State::Met { at } => {
                    // From when it counts, as the promise does: a level may have been set since.
                    let after = deadline.within - deadline.due.duration_since(at);
                    let words = match after.is_negative() {
                        true => "✓ before it counted".to_owned(),
                        false => format!("✓ after {}", operations::span(after)),
                    };
                    view! { <span class="sla-done">{words}</span> }.into_any()
                }
                State::Missed { at: Some(at) } => {
                    let late = operations::span(at.duration_since(deadline.due));
                    view! { <span class="sla-done">{format!("✗ {late} late")}</span> }.into_any()
                }
            };
            let missed = matches!(deadline.state, State::Missed { .. });
            // People wait for a word: where time runs out, the way to say it stands beside the clock.
            let remind = is_late_word(deadline).then_some("");
            let tell = remind.map(|_| {
                view! { <a class="button small" href=format!("/incidents/{}/message", incident.id)>"Tell people now"</a> }
            });
            view! {
                <li
                    class="sla"
                    data-tone=tone_of(Some(deadline))
                    data-missed=missed.then_some("")
                    data-remind=remind
                >
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

/// How an incident stands in a sentence, for those who hear the page: its stage, whom to call, what is late.
pub(crate) fn spoken(incident: &Incident, now: Timestamp) -> String {
    let mut words = vec![incident.stage().word().to_owned()];
    let call = incident::clock::call(&incident.terms, &incident.times(), now);
    for rung in &call.reached {
        words.push(format!("Call now: {}", if rung.who.is_empty() { &rung.action } else { &rung.who }));
    }
    for deadline in incident::clock::deadlines(&incident.terms, &incident.times(), now) {
        if deadline.state == (State::Missed { at: None }) {
            words.push(match deadline.what {
                What::Respond => "The response is late".to_owned(),
                What::Escalate => "The time to escalate is over".to_owned(),
                What::Update => "People wait for an update".to_owned(),
            });
        }
    }
    words.join(". ")
}

/// Whom to call now, each who is reached in the order of the ladder, and who is next.
pub(crate) fn call(incident: &Incident, now: Timestamp) -> Option<AnyView> {
    let call = incident::clock::call(&incident.terms, &incident.times(), now);
    let words = |rung: &incident::Rung| {
        let who = if rung.who.is_empty() { rung.action.clone() } else { rung.who.clone() };
        let said = (!rung.who.is_empty() && !rung.action.is_empty() && rung.action != rung.who)
            .then(|| view! { <span class="muted">{format!(" · {}", rung.action)}</span> });
        view! { <strong>{who}</strong><span class="muted">{format!(" {}", rung.name)}</span>{said} }.into_any()
    };
    let current: Vec<_> = call
        .reached
        .iter()
        .map(|rung| view! { <p class="call-now"><span>"Call now: "</span>{words(rung)}</p> })
        .collect();
    let next = call.next.map(|(rung, at)| {
        view! { <p class="call-next"><span>"Then in "</span>{countdown(at, now)}": "{words(rung)}</p> }
    });
    if current.is_empty() && next.is_none() {
        return None;
    }
    Some(view! { <div class="call" role="note" aria-label="Escalation">{current}{next}</div> }.into_any())
}

/// Who can be reached and how, folded.
pub(crate) fn contacts(contacts: &[Contact]) -> Option<AnyView> {
    if contacts.is_empty() {
        return None;
    }
    let rows: Vec<_> = contacts
        .iter()
        .take(CONTACTS)
        .map(|contact| {
            let note = (!contact.note.is_empty()).then(|| view! { <p class="muted">{contact.note.clone()}</p> });
            view! { <dt>{contact.role.clone()}</dt><dd>{contact.reach.join(", ")}{note}</dd> }
        })
        .collect();
    let view = view! {
        <details class="contacts" id="contacts">
            <summary>"Contacts"</summary>
            <dl>{rows}</dl>
        </details>
    };
    Some(view.into_any())
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn what_is_over_is_negative() {
        assert_eq!(left_words(252), "4:12");
        assert_eq!(left_words(-65), "−1:05");
        assert_eq!(left_words(0), "0:00");
    }

    fn incident(terms: incident::Terms, started: Timestamp) -> Incident {
        Incident {
            id: operations::IncidentId::new(),
            number: 31,
            title: "Down".to_owned(),
            severity: None,
            environment: None,
            affected: String::new(),
            terms,
            runbook: None,
            opened_by: ("a".to_owned(), "A".to_owned()),
            started_at: started,
            acknowledged_at: None,
            mitigated_at: None,
            resolved_at: None,
            commander: None,
            latest_update: String::new(),
            updated_at: None,
            told_at: None,
            worst_said: None,
            post_mortem: None,
            share_key: None,
        }
    }

    #[test]
    fn whoever_promised_a_word_is_reminded_when_little_time_is_left() {
        let told: Timestamp = "2026-11-21T03:00:00Z".parse().unwrap();
        let every = Some(SignedDuration::from_mins(30));
        let terms = incident::Terms { update_every: every, ..incident::Terms::default() };
        let incident = Incident { acknowledged_at: Some(told), told_at: Some(told), ..incident(terms, told) };
        let reminded = |minutes: i64| {
            let html = clocks(&incident, told + SignedDuration::from_mins(minutes)).to_html();
            assert_eq!(html.contains("data-remind"), html.contains("Tell people now"), "{html}");
            html.contains("Tell people now")
        };
        assert_eq!([5, 25, 31].map(reminded), [false, true, true]);
    }

    #[test]
    fn a_promise_counts_from_when_its_level_was_set() {
        let started: Timestamp = "2026-11-21T03:00:00Z".parse().unwrap();
        let at = |minute| started + SignedDuration::from_mins(minute);
        let level = incident::Level {
            name: "P1".to_owned(),
            rank: 1,
            description: String::new(),
            respond_within: Some(SignedDuration::from_mins(15)),
            escalate_after: Some(SignedDuration::ZERO),
        };
        let terms = incident::Terms { level: Some(level), since: Some(at(40)), ..incident::Terms::default() };
        let open = incident(terms, started);
        let html = clocks(&open, at(41)).to_html();
        assert!(html.contains("promised within 15 min") && html.contains(">at once<"), "{html}");
        let answered = |minute| {
            let incident = Incident { acknowledged_at: Some(at(minute)), ..open.clone() };
            clocks(&incident, at(60)).to_html()
        };
        assert!(answered(45).contains("✓ after 5 min"), "{}", answered(45));
        assert!(answered(10).contains("✓ before it counted"), "{}", answered(10));
    }
}
