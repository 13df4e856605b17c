//! The list: every entry in words, with exact times, and where there is more of it.

use jiff::Timestamp;
use leptos::prelude::*;
use operations::{Entry, EventKind, Lane, span};

use super::picture::is_running;
use super::shape::Shape;
use crate::components::{badge, time};

/// How much may be said beside an entry before it is folded, in characters.
const SAID: usize = 280;

/// Who reads the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Somebody who may open the trail's own rows.
    OfTheTrail,
    /// Somebody who may not.
    OfTheList,
}

/// Entries in their order, with the days and the long silences between them.
pub(crate) fn entries(entries: &[Entry], reader: Reader) -> AnyView {
    let mut rows: Vec<AnyView> = Vec::with_capacity(entries.len() + 8);
    let mut day: Option<String> = None;
    for entry in entries {
        if let Some(silence) = entry.silence {
            let words = format!("{} in which nothing was recorded", span(silence));
            rows.push(view! { <li class="entry-silence">{words}</li> }.into_any());
        }
        let today = entry.at.strftime("%A, %-d %B %Y").to_string();
        if day.as_ref() != Some(&today) {
            rows.push(view! { <li class="entry-day">{today.clone()}</li> }.into_any());
            day = Some(today);
        }
        rows.push(row(entry, reader));
    }
    view! { <ol class="entries">{rows}</ol> }.into_any()
}

fn row(entry: &Entry, reader: Reader) -> AnyView {
    let who = match &entry.lane {
        Lane::System => view! { <span class="muted">"System"</span> }.into_any(),
        Lane::Person(_, name) => view! { {badge::person(name)}<span>{name.clone()}</span> }.into_any(),
    };
    let run = entry.run.map(|(run, number)| match &entry.part {
        Some(part) => {
            let step: String = part.chars().take_while(char::is_ascii_digit).collect();
            view! { <a href=format!("/runs/{run}?at={step}#step-{step}")>{format!("run {number}, step {part}")}</a> }
                .into_any()
        }
        None => view! { <a href=format!("/runs/{run}")>{format!("run {number}")}</a> }.into_any(),
    });
    let trail = (reader == Reader::OfTheTrail)
        .then(|| view! { <a href=format!("/history/{}", entry.event)>"in the trail"</a> });
    view! {
        <li class="entry" id=format!("entry-{}", entry.event)>
            <time class="entry-time mono" datetime=time::machine(entry.at) title=time::exact(entry.at)>
                {time::of_day(entry.at)}
            </time>
            <span class="entry-who">{who}</span>
            <div class="entry-what">
                <p class="entry-words">
                    {Shape::of(entry).sign()}
                    <span class="entry-line"><span>{entry.words.clone()}</span>" "{result(entry)}</span>
                </p>
                <div class="entry-below">{details(entry)}{printed(entry)}</div>
            </div>
            <span class="entry-links">{run}{trail}</span>
        </li>
    }
    .into_any()
}

/// How far it reached, how it ended and how long it took.
fn result(entry: &Entry) -> AnyView {
    let took = |until: Timestamp| until.duration_since(entry.at).as_millis().try_into().unwrap_or(i64::MAX);
    let ended = match entry.result {
        Some(result) => {
            let took = entry.until.map(|until| view! { <span class="mono muted">{time::lasted(took(until))}</span> });
            Some(view! { {badge::outcome(result, None)}{took} }.into_any())
        }
        None if is_running(entry) => {
            Some(view! { <span class="badge running"><span aria-hidden="true">"●"</span>"in flight"</span> }.into_any())
        }
        None => None,
    };
    view! { {entry.effect.map(badge::effect)}{ended} }.into_any()
}

/// What there is to say beyond the line: at once where it is short, else folded.
fn details(entry: &Entry) -> AnyView {
    let Some(first) = entry.details.first() else { return ().into_any() };
    let ran = entry.kind == EventKind::ExecutionIntent;
    let length: usize = entry.details.iter().map(|line| line.chars().count()).sum();
    let short = !ran && length <= SAID && entry.details.iter().all(|line| !line.contains('\n'));
    if short {
        let lines: Vec<_> =
            entry.details.iter().map(|line| view! { <p class="entry-said">{line.clone()}</p> }).collect();
        return lines.into_any();
    }
    if !ran {
        return folded(entry, "More", &entry.details.join("\n\n"), &[]);
    }
    let words = match entry.details.len() - 1 {
        0 => "What ran".to_owned(),
        1 => "What ran, and its call".to_owned(),
        calls => format!("What ran, and its {calls} calls"),
    };
    folded(entry, &words, first, &entry.details[1..])
}

fn folded(entry: &Entry, words: &str, text: &str, below: &[String]) -> AnyView {
    let below: Vec<_> = below.iter().map(|line| view! { <li>{line.clone()}</li> }).collect();
    view! {
        <details class="entry-more" id=format!("more-{}", entry.event)>
            <summary>{words.to_owned()}</summary>
            <pre class="plain" tabindex="0">{text.to_owned()}</pre>
            {(!below.is_empty()).then(|| view! { <ul class="mono entry-calls">{below}</ul> })}
        </details>
    }
    .into_any()
}

/// The first and the last line that was printed.
fn printed(entry: &Entry) -> AnyView {
    let Some((first, last)) = &entry.printed else { return ().into_any() };
    let more = (first != last).then(|| view! { <span>"… "{last.clone()}</span> });
    view! { <p class="entry-printed mono"><span class="first">{first.clone()}</span>{more}</p> }.into_any()
}
