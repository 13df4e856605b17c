//! The audit trail: one line an action; an execution folds out into its actions.

use std::collections::{HashMap, HashSet};

use command::Effect;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use leptos::prelude::*;
use operations::{AuditEntry, AuditEvent, AuditFilter, AuditPage, EnvironmentName, Error, EventId, EventKind, Verdict};
use runbook::RunbookId;

use crate::components::command::target_words;
use crate::components::escape::http_part;
use crate::components::frame::{Here, Page};
use crate::components::{badge, time};
use crate::visit::Visit;

/// How many entries one page asks for.
const PAGE: u32 = 100;
/// How many executions of a later page are asked for the actions that the page before it showed.
const CUT: usize = 3;

pub(crate) async fn page(visit: Visit) -> Result<Page, Error> {
    let filter = filter(&visit)?;
    let page = visit.operations.audit_page(&visit.caller, &filter).await?;
    let mut children = children(&page);
    if filter.before.is_some() {
        let executions = page.entries.iter().filter(|entry| entry.event.kind == EventKind::ExecutionIntent).take(CUT);
        for entry in executions {
            let (_, actions) = visit.operations.audit_entry(&visit.caller, entry.event.id).await?;
            children.insert(entry.event.id, actions);
        }
    }
    let parents: HashSet<EventId> = page.entries.iter().map(|entry| entry.event.id).collect();
    let rows: Vec<_> = page
        .entries
        .iter()
        .filter(|entry| entry.event.parent.is_none_or(|parent| !parents.contains(&parent)))
        .map(|entry| match children.get(&entry.event.id) {
            Some(actions) if !actions.is_empty() => fold(entry, actions),
            _ => view! { <li class="trail-row">{cells(entry, None)}</li> }.into_any(),
        })
        .collect();
    let empty = rows.is_empty().then(|| view! { <p class="empty">"No event fits these filters."</p> });
    let next = page.next.map(|before| {
        view! { <a class="button" href=next_address(&visit, before)>"Older"</a> }
    });
    let newest = filter.before.map(|_| view! { <a class="button" href=first_address(&visit)>"Newest"</a> });
    let body = view! {
        <main id="main" class="page history">
            <div class="section-head">
                <h1>"History"</h1>
                <span class="muted">{size(page.total, rows.len())}</span>
            </div>
            {filters(&visit)?}
            <div class="trail-head" aria-hidden="true">
                <span>"Time (UTC)"</span><span>"Person"</span><span>"Action"</span><span>"Target"</span>
                <span>"Effect"</span><span>"Decision"</span><span>"Result"</span><span></span>
            </div>
            <ol class="trail">{rows}</ol>
            {empty}
            <nav class="pages" aria-label="Pages">{newest}{next}</nav>
        </main>
    };
    Ok(Page::new(Here::History, "History", body))
}

/// How much there is: the events that fit, and in how many lines this page folds its own.
fn size(events: i64, lines: usize) -> String {
    let events = format!("{events} {}", if events == 1 { "event" } else { "events" });
    if lines == 0 {
        return events;
    }
    format!("{events}, {lines} {} on this page", if lines == 1 { "line" } else { "lines" })
}

/// The actions of the page by the execution they belong to, oldest first.
fn children(page: &AuditPage) -> HashMap<EventId, Vec<AuditEntry>> {
    let mut children: HashMap<EventId, Vec<AuditEntry>> = HashMap::new();
    for entry in page.entries.iter().rev() {
        if let Some(parent) = entry.event.parent {
            children.entry(parent).or_default().push(entry.clone());
        }
    }
    children
}

fn filter(visit: &Visit) -> Result<AuditFilter, Error> {
    let effect = match visit.asked("effect").as_deref() {
        None => None,
        Some(word) => Some(
            Effect::from_word(word)
                .ok_or_else(|| Error::Invalid("An effect is read, change or destroy.".to_owned()))?,
        ),
    };
    let run = match visit.asked("run") {
        None => None,
        Some(id) => Some(id.parse().map_err(|_| Error::NotFound("This run"))?),
    };
    let incident = match visit.asked("incident") {
        None => None,
        Some(id) => Some(id.parse().map_err(|_| Error::NotFound("This incident"))?),
    };
    Ok(AuditFilter {
        person: visit.asked("person"),
        runbook: visit.asked("runbook").map(RunbookId::new),
        environment: visit.asked("environment").map(EnvironmentName),
        effect,
        run,
        incident,
        from: moment(visit, "from")?,
        until: moment(visit, "until")?,
        text: visit.asked("text"),
        before: visit.asked("before").and_then(|before| before.parse().ok()),
        limit: PAGE,
    })
}

/// A time as a browser's date-and-time field sends it, taken as UTC.
fn moment(visit: &Visit, name: &str) -> Result<Option<Timestamp>, Error> {
    let Some(text) = visit.asked(name) else { return Ok(None) };
    parse_moment(&text)
        .map(Some)
        .ok_or_else(|| Error::Invalid(format!("“{text}” is not a time. Write it as 2026-11-21T14:00, in UTC.")))
}

fn parse_moment(text: &str) -> Option<Timestamp> {
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp);
    }
    let civil =
        text.parse::<DateTime>().or_else(|_| text.parse::<jiff::civil::Date>().map(|date| date.at(0, 0, 0, 0))).ok()?;
    civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

fn filters(visit: &Visit) -> Result<AnyView, Error> {
    let shelf = visit.operations.shelf(&visit.caller)?;
    let asked = |name: &str| visit.asked(name);
    let option = |value: String, words: String, chosen: &Option<String>| {
        let selected = chosen.as_deref() == Some(value.as_str());
        view! { <option value=value selected=selected>{words}</option> }
    };
    let runbook = asked("runbook");
    let runbooks: Vec<_> =
        shelf.runbooks.iter().map(|one| option(one.id.to_string(), one.title.clone(), &runbook)).collect();
    let environment = asked("environment");
    let environments: Vec<_> = visit
        .operations
        .environments(&visit.caller)?
        .iter()
        .map(|one| option(one.name.0.clone(), one.name.0.clone(), &environment))
        .collect();
    let effect = asked("effect");
    let effects = [("read", "● read and more"), ("change", "◆ change and more"), ("destroy", "▲ destroy only")]
        .map(|(value, words)| option(value.to_owned(), words.to_owned(), &effect))
        .into_iter()
        .collect::<Vec<_>>();
    let run = asked("run").map(|run| {
        view! {
            <input type="hidden" name="run" value=run/>
            <p class="muted">"Of one run only. "<a href="/history">"Show all"</a></p>
        }
    });
    Ok(view! {
        <form class="filters" method="get" action="/history">
            <label>"Person"<input type="text" name="person" value=asked("person") maxlength="200"/></label>
            <label>"Runbook"<select name="runbook"><option value="">"any"</option>{runbooks}</select></label>
            <label>"Environment"<select name="environment"><option value="">"any"</option>{environments}</select></label>
            <label>"Effect"<select name="effect"><option value="">"any"</option>{effects}</select></label>
            <label>"From (UTC)"<input type="datetime-local" name="from" value=asked("from")/></label>
            <label>"Until (UTC)"<input type="datetime-local" name="until" value=asked("until")/></label>
            <label>"Text"<input type="search" name="text" value=asked("text") maxlength="200"/></label>
            <button class="button" type="submit">"Filter"</button>
            {run}
        </form>
    }
    .into_any())
}

/// The filters of this page as a query, without the place in the trail.
fn query(visit: &Visit) -> String {
    ["person", "runbook", "environment", "effect", "run", "from", "until", "text"]
        .into_iter()
        .filter_map(|name| Some(format!("{name}={}", http_part(&visit.asked(name)?))))
        .collect::<Vec<_>>()
        .join("&")
}

fn first_address(visit: &Visit) -> String {
    format!("/history?{}", query(visit))
}

fn next_address(visit: &Visit, before: i64) -> String {
    format!("/history?{}&before={before}", query(visit))
}

/// An execution with its actions below it.
fn fold(entry: &AuditEntry, actions: &[AuditEntry]) -> AnyView {
    let rows: Vec<_> =
        actions.iter().map(|action| view! { <li class="trail-row child">{cells(action, None)}</li> }).collect();
    view! {
        <li class="trail-fold">
            <details>
                // A summary is a button: the links of its line stand below it.
                <summary class="trail-row">{cells(entry, Some(actions))}</summary>
                <p class="trail-links">
                    <a href=format!("/history/{}", entry.event.id)>"The script and its decision"</a>
                    {entry.event.run.map(|run| view! { <a href=format!("/runs/{run}")>"The run"</a> })}
                </p>
                <ol class="trail">{rows}</ol>
            </details>
        </li>
    }
    .into_any()
}

/// The cells of a line.
fn cells(entry: &AuditEntry, actions: Option<&[AuditEntry]>) -> AnyView {
    let event = &entry.event;
    let all = targets(event).collect::<Vec<_>>().join(", ");
    let all = match actions {
        Some(actions) if all.is_empty() => {
            let mut names: Vec<_> = actions.iter().flat_map(|one| targets(&one.event)).collect();
            names.sort();
            names.dedup();
            if names.len() > 2 { format!("{} targets", names.len()) } else { names.join(", ") }
        }
        _ => all,
    };
    let argv = match event.kind {
        EventKind::ExecutionIntent | EventKind::StepMarked => String::new(),
        _ => event.argv.join(" "),
    };
    let about = match actions {
        Some([_]) => Some("1 execution, 1 action".to_owned()),
        Some(actions) => Some(format!("1 execution, {} actions", actions.len())),
        None => None,
    };
    let decision = match (&event.decision, actions) {
        (None, Some(actions)) => whole_decision(actions),
        (own, _) => own.as_ref().map(|own| (own.verdict, Some(own.rule.as_str()))),
    };
    let decision = decision.map(|(verdict, rule)| decision_words(verdict, rule));
    let linked = actions.is_none();
    let run = event.run.filter(|_| linked).map(|run| view! { <a href=format!("/runs/{run}")>"run"</a> });
    let moment = view! {
        <time datetime=time::machine(event.at) title=time::exact(event.at)>
            <span class="date">{event.at.strftime("%Y-%m-%d ").to_string()}</span>
            {event.at.strftime("%H:%M:%S%.3f").to_string()}
        </time>
    };
    let moment = match linked {
        true => view! { <a href=format!("/history/{}", event.id)>{moment}</a> }.into_any(),
        false => moment.into_any(),
    };
    view! {
        <span class="trail-time">{moment}</span>
        <span class="trail-person">{event.actor.name.clone()}</span>
        <span class="trail-action">
            <strong>{title(entry)}</strong>
            {(!argv.is_empty()).then(|| view! { <span class="mono argv">{argv}</span> })}
            {about.map(|about| view! { <span class="muted">{about}</span> })}
        </span>
        <span class="trail-target">{all}</span>
        <span class="trail-effect">{event.effect.map(badge::effect)}</span>
        <span class="trail-decision">{decision}</span>
        <span class="trail-result">{result(entry)}</span>
        <span class="trail-run">{run}</span>
    }
    .into_any()
}

/// What was decided of a whole script: its most severe decision, with the rule where that stood in the way.
fn whole_decision(actions: &[AuditEntry]) -> Option<(Verdict, Option<&str>)> {
    let severity = |verdict| match verdict {
        Verdict::Allowed => 0,
        Verdict::Denied => 1,
        Verdict::Refused => 2,
    };
    let decisions = actions.iter().filter_map(|action| action.event.decision.as_ref());
    let worst = decisions.max_by_key(|decision| severity(decision.verdict))?;
    Some((worst.verdict, Some(worst.rule.as_str()).filter(|_| worst.verdict != Verdict::Allowed)))
}

/// A verdict in its colour, with its rule where there is one to be named.
pub(crate) fn decision_words(verdict: Verdict, rule: Option<&str>) -> AnyView {
    let (class, word) = badge::verdict(verdict);
    let words = rule.map_or_else(|| word.to_owned(), |rule| format!("{word}: {rule}"));
    view! { <span class=format!("decision {class}")>{words}</span> }.into_any()
}

/// What an event acts on, each in words.
pub(crate) fn targets(event: &AuditEvent) -> impl Iterator<Item = String> {
    let tool = tool(event).unwrap_or_default();
    event.targets.iter().map(move |target| target_words(tool, target))
}

/// The program that a call calls.
pub(crate) fn tool(event: &AuditEvent) -> Option<&str> {
    let program = event.argv.first().filter(|_| event.kind == EventKind::ActionIntent)?;
    program.rsplit('/').next()
}

/// What happened, in a few words.
pub(crate) fn title(entry: &AuditEntry) -> String {
    let event = &entry.event;
    match event.kind {
        EventKind::SignedIn => "Signed in".to_owned(),
        EventKind::SignedOut => "Signed out".to_owned(),
        EventKind::SignInRefused => format!("Sign-in refused: {}", event.summary),
        EventKind::AccessRefused | EventKind::ActionIntent | EventKind::ActionOutcome => event.summary.clone(),
        EventKind::RunStarted => format!("Run started: {}", event.summary),
        EventKind::RunEnded => format!("Run closed: {}", event.summary),
        EventKind::StepMarked => match event.place.as_ref().and_then(|place| place.part.as_ref()) {
            Some(part) => format!("Step {part}: {}", event.summary),
            None => event.summary.clone(),
        },
        EventKind::ExecutionIntent | EventKind::ExecutionOutcome => format!("Script {}", event.summary),
        EventKind::StopRequested => "Stop pressed".to_owned(),
        EventKind::TokenMade => format!("Access token made: {}", event.summary),
        EventKind::TokenRevoked => format!("Access token revoked: {}", event.summary),
        _ => operations::told(entry),
    }
}

/// How it ended, and how long it took.
pub(crate) fn result(entry: &AuditEntry) -> Option<AnyView> {
    let outcome = entry.completion.as_ref().and_then(|event| event.outcome.as_ref()).or(entry.event.outcome.as_ref());
    match outcome {
        Some(outcome) => Some(
            view! {
                {badge::outcome(outcome.result, outcome.exit_code)}
                <span class="mono muted">{time::lasted(outcome.duration_ms)}</span>
            }
            .into_any(),
        ),
        None if matches!(
            entry.event.kind,
            EventKind::ExecutionIntent | EventKind::ActionIntent | EventKind::MessageIntent
        ) =>
        {
            Some(view! { <span class="badge running"><span aria-hidden="true">"●"</span>"in flight"</span> }.into_any())
        }
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use operations::{Actor, Decision};

    use super::*;

    #[test]
    fn times_are_taken_as_utc() {
        let expected: Timestamp = "2026-11-21T14:00:00Z".parse().expect("a time");
        assert_eq!(parse_moment("2026-11-21T14:00"), Some(expected));
        assert_eq!(parse_moment("2026-11-21T14:00:00Z"), Some(expected));
        assert_eq!(parse_moment("2026-11-21"), Some("2026-11-21T00:00:00Z".parse().expect("a time")));
        assert_eq!(parse_moment("yesterday"), None);
    }

    #[test]
    fn a_script_shows_its_most_severe_decision() {
        let action = |verdict: Option<Verdict>, rule: &str| {
            let mut event = AuditEvent::new(Timestamp::UNIX_EPOCH, EventKind::ActionIntent, Actor::portal(), "get");
            event.decision = verdict.map(|verdict| Decision { verdict, rule: rule.to_owned() });
            AuditEntry { sequence: 1, event, completion: None }
        };
        let allowed = action(Some(Verdict::Allowed), "everybody reads");
        let denied = action(Some(Verdict::Denied), "only approvers");
        let refused = action(Some(Verdict::Refused), "--kubeconfig");
        assert_eq!(whole_decision(&[action(None, "")]), None);
        assert_eq!(whole_decision(&[allowed.clone(), allowed.clone()]), Some((Verdict::Allowed, None)));
        let one_denied = [allowed.clone(), denied.clone(), allowed.clone()];
        assert_eq!(whole_decision(&one_denied), Some((Verdict::Denied, Some("only approvers"))));
        assert_eq!(whole_decision(&[refused, denied, allowed]), Some((Verdict::Refused, Some("--kubeconfig"))));
    }

    #[test]
    fn events_and_lines_are_counted_apart() {
        assert_eq!(size(38, 12), "38 events, 12 lines on this page");
        assert_eq!(size(1, 1), "1 event, 1 line on this page");
        assert_eq!(size(0, 0), "0 events");
    }
}
