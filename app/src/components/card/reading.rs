//! What was asked after: a name, a word, numbers with their past.

use jiff::Timestamp;
use leptos::prelude::*;
use operations::CardState;
use widget::{Level, Limits, Measure, Reading, Unit};

use super::{sparkline, time};

/// One card. `title` is what its author calls it.
pub(super) fn card(reading: &Reading, title: Option<&str>, state: &CardState, now: Timestamp) -> AnyView {
    let stale = match state {
        CardState::Stale(since) => Some(*since),
        _ => None,
    };
    let name = title.unwrap_or(&reading.name).to_owned();
    // Under a title of its author's the name says what is behind it.
    let below = title.is_some().then(|| view! { <span class="mono">{reading.name.clone()}</span>" · " });
    let level = reading.measures.iter().map(Measure::level).chain([reading.level]).max().unwrap_or_default();
    let pill = (!reading.words.is_empty()).then(|| {
        view! { <span class=format!("pill {}", class(reading.level))>{reading.words.clone()}</span> }
    });
    let facts: Vec<_> = reading
        .facts
        .iter()
        .map(|fact| {
            view! {
                <li class=class(fact.level)><span>{fact.name.clone()}</span><span>{fact.text.clone()}</span></li>
            }
        })
        .collect();
    let label = format!("{name}: {} {}", word(level), reading.words);
    view! {
        <section class=if stale.is_some() { "card stale" } else { "card" } aria-label=label.trim_end().to_owned()>
            <div class="card-head"><p class="card-name">{name}</p>{pill}</div>
            <p class="card-about">{below}{reading.about.clone()}</p>
            {stale.map(|since| view! { <p class="card-stale">"Stale: last heard "{time::ago(since, now)}</p> })}
            {reading.measures.iter().map(measure).collect::<Vec<_>>()}
            {(!facts.is_empty()).then(|| view! { <ul class="card-list">{facts}</ul> })}
        </section>
    }
    .into_any()
}

fn class(level: Level) -> &'static str {
    match level {
        Level::Quiet => "quiet",
        Level::Good => "good",
        Level::Moving => "moving",
        Level::Bad => "bad",
    }
}

/// The level for those who do not see its colour.
fn word(level: Level) -> &'static str {
    match level {
        Level::Quiet => "",
        Level::Good => "well,",
        Level::Moving => "attention,",
        Level::Bad => "not well,",
    }
}

fn measure(measure: &Measure) -> AnyView {
    let level = measure.level();
    let passed = measure.limits.as_ref().and_then(|limits| passed(limits, level, measure.unit));
    let ahead = measure.limits.as_ref().map(|limits| ahead(limits, measure.unit));
    view! {
        <div class=format!("measure {}", class(level)) title=ahead>
            {sparkline::draw(measure)}
            <p class="measure-value"><strong>{measure.print()}</strong><span>{measure.name.clone()}</span></p>
            {passed.map(|note| view! { <p class="measure-note">{note}</p> })}
        </div>
    }
    .into_any()
}

/// The limit that was passed, and who says so.
fn passed(limits: &Limits, level: Level, unit: Unit) -> Option<String> {
    let (word, limit) = match level {
        Level::Bad => ("critical", limits.critical?),
        Level::Moving => ("warning", limits.warning?),
        Level::Quiet | Level::Good => return None,
    };
    Some(format!("{word} from {} · {}", unit.print(limit), limits.source))
}

/// The limits, and who says so.
fn ahead(limits: &Limits, unit: Unit) -> String {
    let at = |word: &str, limit: Option<f64>| limit.map(|limit| format!("{word} from {}", unit.print(limit)));
    let both: Vec<String> =
        [at("warning", limits.warning), at("critical", limits.critical)].into_iter().flatten().collect();
    format!("{} · {}", both.join(", "), limits.source)
}
