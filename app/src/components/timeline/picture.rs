//! The picture: drawn on the server, by attributes alone, in classes' colours. Its size has a bound, whatever happened.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use command::Effect;
use jiff::Timestamp;
use leptos::prelude::*;
use operations::{Entry, EventKind, Incident, Lane, OutcomeResult, Timeline, span};

use super::axis::{Axis, Tick};
use super::shape::Shape;
use crate::components::time;

/// The height of the head, with the axis in it; `timeline.css` has the same for the names beside it.
const HEAD: f64 = 64.0;
/// The height of a lane; `timeline.css` has the same.
const LANE: f64 = 40.0;
/// How many lanes are drawn; whoever comes later shares the last one.
const MOST_LANES: usize = 24;
/// Marks of one lane that are nearer than this become one.
const NEAR: f64 = 11.0;
/// How many entries a mark names.
const NAMED: usize = 6;
/// How much of an entry's words a mark says, in characters.
const WORDS: usize = 90;
/// How wide the words of a turning point are, about.
const TURN: f64 = 96.0;

/// Marks that stand on one place.
struct Mark<'t> {
    x: f64,
    lane: usize,
    entries: Vec<&'t Entry>,
}

/// What took time, in one lane.
#[derive(Debug, PartialEq)]
struct Bar {
    lane: usize,
    effect: Option<Effect>,
    from: f64,
    until: f64,
    count: usize,
}

/// The picture with the names of its lanes. `now` ends what has not ended.
pub(crate) fn picture(incident: &Incident, timeline: &Timeline, now: Timestamp) -> AnyView {
    let open = incident.resolved_at.is_none();
    let ended = |entry: &Entry| entry.until.unwrap_or(if is_running(entry) { now.max(entry.at) } else { entry.at });
    // While one long command runs, nothing may happen for hours, too: its bar runs through the silence.
    let mut moments: Vec<Timestamp> = timeline.entries.iter().flat_map(|entry| [entry.at, ended(entry)]).collect();
    moments.push(incident.started_at);
    moments.extend(turns(incident).map(|(at, _)| at));
    moments.extend(open.then_some(now));
    let axis = Axis::new(&moments);
    let lanes: Vec<&Lane> = timeline.lanes.iter().take(MOST_LANES).collect();
    let height = HEAD + LANE * lanes.len() as f64 + 4.0;
    let width = axis.width();
    let gaps: Vec<_> = axis.gaps().into_iter().map(|gap| silence(&gap, height)).collect();
    let ticks: Vec<_> = axis.ticks().iter().map(|drawn| tick(drawn, height)).collect();
    let lines = turning_points(incident, now, &axis, height);
    let bars: Vec<_> = bars(timeline, &axis, ended).iter().map(bar).collect();
    let marks: Vec<_> = marks(timeline, &axis).iter().map(mark).collect();
    let (names, grounds): (Vec<_>, Vec<_>) = lanes
        .iter()
        .enumerate()
        .map(|(index, lane)| {
            let shared = index + 1 == MOST_LANES && timeline.lanes.len() > MOST_LANES;
            let name = if shared { "Everybody else".to_owned() } else { lane_name(lane) };
            (view! { <li title=name.clone()>{name.clone()}</li> }, ground(index, &name, width))
        })
        .unzip();
    view! {
        <div class="lanes">
            <ol class="lane-names" aria-hidden="true">{names}</ol>
            <div class="lane-scroll" tabindex="0" role="group" aria-label="Picture of the timeline, scrolls sideways">
                <svg
                    class="lane-picture"
                    viewBox=format!("0 0 {} {}", place(width), place(height))
                    width=place(width)
                    height=place(height)
                    role="img"
                    aria-label=words(incident, timeline)
                >
                    {grounds}
                    {gaps}
                    {lines}
                    {ticks}
                    {bars}
                    {marks}
                </svg>
                // Where the picture is wider than the page, the style sheet begins here: at what is newest.
                <span class="lane-newest"></span>
            </div>
        </div>
        <p class="lane-hint" aria-hidden="true">"← Scroll sideways for what came before"</p>
    }
    .into_any()
}

/// What the shapes of this timeline mean.
pub(crate) fn legend(timeline: &Timeline) -> AnyView {
    let used: BTreeSet<Shape> = timeline.entries.iter().map(Shape::of).collect();
    let rows: Vec<_> =
        used.into_iter().rev().map(|shape| view! { <li>{shape.sign()}<span>{shape.words()}</span></li> }).collect();
    view! { <ul class="legend" aria-label="What the signs mean">{rows}</ul> }.into_any()
}

/// What the picture shows, in a sentence.
fn words(incident: &Incident, timeline: &Timeline) -> String {
    let people = timeline.lanes.iter().filter(|lane| **lane != Lane::System).count();
    let entries = counted(timeline.entries.len(), "entry", "entries");
    let people = counted(people, "person", "people");
    let first = timeline.entries.first().map_or(incident.started_at, |entry| entry.at);
    let last = timeline.entries.last().map_or(first, |entry| entry.at);
    format!(
        "Timeline of {} from {} to {}: {entries}, {people}. The list below says the same in words.",
        incident.label(),
        time::exact(first),
        time::exact(last)
    )
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

pub(super) fn lane_name(lane: &Lane) -> String {
    match lane {
        Lane::System => "System".to_owned(),
        Lane::Person(_, name) => name.clone(),
    }
}

/// Whether it takes time and has not ended.
pub(super) fn is_running(entry: &Entry) -> bool {
    entry.until.is_none() && matches!(entry.kind, EventKind::ExecutionIntent | EventKind::MessageIntent)
}

/// When the incident took a turn.
fn turns(incident: &Incident) -> impl Iterator<Item = (Timestamp, &'static str)> {
    let turns = [
        (incident.acknowledged_at, "acknowledged"),
        (incident.mitigated_at, "mitigated"),
        (incident.resolved_at, "resolved"),
    ];
    turns.into_iter().filter_map(|(at, words)| Some((at?, words)))
}

fn turning_points(incident: &Incident, now: Timestamp, axis: &Axis, height: f64) -> Vec<AnyView> {
    let mut free = [f64::MIN; 3];
    let today = incident.resolved_at.is_none().then_some((now, "now"));
    turns(incident)
        .chain(today)
        .map(|(at, words)| {
            let x = axis.x(at);
            let from_right = x + TURN > axis.width();
            let left = if from_right { x - TURN } else { x };
            let row = free.iter().position(|free| left >= *free).unwrap_or(free.len() - 1);
            free[row] = left + TURN;
            let y = 13.0 + 14.0 * row as f64;
            let (anchor, aside) = if from_right { ("end", -4.0) } else { ("start", 4.0) };
            let title = format!("{words} at {}", time::exact(at));
            // The line leaves the axis its words.
            view! {
                <g class=format!("turn {words}")>
                    <title>{title}</title>
                    <line x1=place(x) x2=place(x) y1=place(y - 10.0) y2=place(HEAD - 22.0)></line>
                    <line x1=place(x) x2=place(x) y1=place(HEAD - 4.0) y2=place(height)></line>
                    <text x=place(x + aside) y=place(y) text-anchor=anchor>{words}</text>
                </g>
            }
            .into_any()
        })
        .collect()
}

/// The ground of a lane. Its name is on it for paper, where the names cannot stand beside the picture.
fn ground(lane: usize, name: &str, width: f64) -> AnyView {
    let y = HEAD + LANE * lane as f64;
    let class = if lane.is_multiple_of(2) { "lane-ground" } else { "lane-ground other" };
    view! {
        <rect class=class x="0" y=place(y) width=place(width) height=place(LANE)></rect>
        <text class="lane-own" x="2" y=place(y + LANE - 4.0)>{name.to_owned()}</text>
    }
    .into_any()
}

fn silence(gap: &super::axis::Gap, height: f64) -> AnyView {
    let (left, right, middle) = (gap.x, gap.x + gap.width, gap.x + gap.width / 2.0);
    let lasted = span(gap.lasted);
    let title = format!("{lasted} in which nothing was recorded");
    view! {
        <g class="silence">
            <title>{title}</title>
            <rect x=place(left) y=place(HEAD) width=place(gap.width) height=place(height - HEAD)></rect>
            <line x1=place(left) x2=place(left) y1=place(HEAD) y2=place(height)></line>
            <line x1=place(right) x2=place(right) y1=place(HEAD) y2=place(height)></line>
            <text x=place(middle) y=place(height - 8.0) text-anchor="middle">{lasted}</text>
        </g>
    }
    .into_any()
}

fn tick(tick: &Tick, height: f64) -> AnyView {
    let x = place(tick.x);
    view! {
        <g class="tick">
            <line x1=x.clone() x2=x y1=place(HEAD - 4.0) y2=place(height)></line>
            <text x=place(tick.middle) y=place(HEAD - 9.0) text-anchor="middle">{tick.words.clone()}</text>
        </g>
    }
    .into_any()
}

fn lane_of(timeline: &Timeline, entry: &Entry) -> usize {
    let lane = timeline.lanes.iter().position(|lane| *lane == entry.lane).unwrap_or(0);
    lane.min(MOST_LANES - 1)
}

/// What took time. In one lane, what reaches equally far and follows closely or overlaps is one bar: there are never more
/// than the picture is wide.
fn bars(timeline: &Timeline, axis: &Axis, ended: impl Fn(&Entry) -> Timestamp) -> Vec<Bar> {
    let mut bars: Vec<Bar> = Vec::new();
    for entry in timeline.entries.iter().filter(|entry| entry.kind == EventKind::ExecutionIntent) {
        let (lane, effect) = (lane_of(timeline, entry), entry.effect);
        let (from, until) = (axis.x(entry.at), axis.x(ended(entry)));
        if until - from < 3.0 {
            continue;
        }
        let before = bars.iter_mut().rev().find(|bar| bar.lane == lane && bar.effect == effect);
        match before.filter(|bar| from < bar.until + 1.0) {
            Some(bar) => {
                bar.until = bar.until.max(until);
                bar.count += 1;
            }
            None => bars.push(Bar { lane, effect, from, until, count: 1 }),
        }
    }
    bars
}

fn bar(bar: &Bar) -> AnyView {
    // What reaches further stands higher.
    let (class, row) = match bar.effect {
        Some(Effect::Destroy) => ("destroy", 0.0),
        Some(Effect::Change) => ("change", 1.0),
        Some(Effect::Read) => ("read", 2.0),
        None => ("hollow", 2.0),
    };
    let y = HEAD + LANE * bar.lane as f64 + 25.0 + row * 4.0;
    let title = counted(bar.count, "command running", "commands running");
    view! {
        <rect class=format!("bar {class}") x=place(bar.from) y=place(y) width=place(bar.until - bar.from) height="3">
            <title>{title}</title>
        </rect>
    }
    .into_any()
}

/// The marks: those of one lane that would cover each other become one with a count.
fn marks<'t>(timeline: &'t Timeline, axis: &Axis) -> Vec<Mark<'t>> {
    let mut order: Vec<&Entry> = timeline.entries.iter().collect();
    order.sort_by_key(|entry| entry.at);
    let mut marks: Vec<Mark<'t>> = Vec::new();
    let mut last: Vec<Option<usize>> = vec![None; MOST_LANES];
    for entry in order {
        let (x, lane) = (axis.x(entry.at), lane_of(timeline, entry));
        match last[lane].and_then(|index| marks.get_mut(index)).filter(|mark| x - mark.x < NEAR) {
            Some(mark) => mark.entries.push(entry),
            None => {
                last[lane] = Some(marks.len());
                marks.push(Mark { x, lane, entries: vec![entry] });
            }
        }
    }
    marks
}

fn mark(mark: &Mark<'_>) -> AnyView {
    let shape = mark.entries.iter().map(|entry| Shape::of(entry)).max().unwrap_or(Shape::Other);
    let bad = mark
        .entries
        .iter()
        .filter_map(|entry| entry.result)
        .any(|result| matches!(result, OutcomeResult::Failed | OutcomeResult::Expired | OutcomeResult::Unknown));
    let count = (mark.entries.len() > 1).then(|| mark.entries.len().to_string());
    let beside = match (count, bad) {
        (Some(count), true) => Some(format!("{count} ✗")),
        (None, true) => Some("✗".to_owned()),
        (count, false) => count,
    };
    let beside = beside.map(|words| {
        let class = if bad { "beside bad" } else { "beside" };
        view! { <text class=class x="7" y="-5">{words}</text> }
    });
    let y = HEAD + LANE * mark.lane as f64 + 14.0;
    let title = title(&mark.entries);
    view! {
        <g class="on-lane" transform=format!("translate({} {})", place(mark.x), place(y))>
            <title>{title}</title>
            {shape.draw()}
            {beside}
        </g>
    }
    .into_any()
}

/// What a mark says of itself: a line for each entry, as far as there is room.
fn title(entries: &[&Entry]) -> String {
    let mut title = String::new();
    for entry in entries.iter().take(NAMED) {
        let mut words: String = entry.words.chars().take(WORDS).collect();
        if words.len() < entry.words.len() {
            words.push('…');
        }
        let result = entry.result.map(|result| format!(" — {}", result.word())).unwrap_or_default();
        let _ = writeln!(title, "{} {words}{result}", time::of_day(entry.at));
    }
    if entries.len() > NAMED {
        let _ = writeln!(title, "… and {} more", entries.len() - NAMED);
    }
    title.trim_end().to_owned()
}

/// A length in a picture, to a tenth.
fn place(length: f64) -> String {
    format!("{length:.1}")
}

#[cfg(test)]
mod tests {
    use operations::EventId;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).expect("a time")
    }

    fn entry(seconds: i64, took: i64, who: usize, effect: Effect) -> Entry {
        Entry {
            event: EventId::new(),
            at: at(seconds),
            until: Some(at(seconds + took)),
            lane: Lane::Person(format!("p{who}"), format!("</title><script>alert({who})</script>")),
            kind: EventKind::ExecutionIntent,
            words: "Ran step 1: <b>it</b>".to_owned(),
            details: Vec::new(),
            result: Some(OutcomeResult::Failed),
            effect: Some(effect),
            run: None,
            part: None,
            printed: None,
            silence: None,
        }
    }

    fn timeline(entries: Vec<Entry>) -> Timeline {
        let mut lanes: Vec<Lane> = Vec::new();
        for entry in &entries {
            if !lanes.contains(&entry.lane) {
                lanes.push(entry.lane.clone());
            }
        }
        Timeline { entries, lanes, ..Timeline::default() }
    }

    fn incident() -> Incident {
        Incident {
            id: operations::IncidentId::new(),
            number: 31,
            title: "<b>Down</b>".to_owned(),
            severity: None,
            environment: None,
            affected: String::new(),
            terms: incident::Terms::default(),
            runbook: None,
            opened_by: ("a".to_owned(), "A".to_owned()),
            started_at: at(0),
            acknowledged_at: Some(at(1)),
            mitigated_at: Some(at(2)),
            resolved_at: Some(at(3)),
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
    fn hostile_names_and_words_stay_text() {
        let drawn = picture(&incident(), &timeline(vec![entry(0, 60, 1, Effect::Read)]), at(60)).to_html();
        assert!(!drawn.contains("<script>") && !drawn.contains("<b>"), "{drawn}");
        assert!(!drawn.contains("style=") && !drawn.contains("onclick"), "{drawn}");
        for words in ["acknowledged", "mitigated", "resolved"] {
            assert!(drawn.contains(&format!("class=\"turn {words}\"")), "{words} in {drawn}");
        }
    }

    #[test]
    fn thousands_of_entries_are_a_bounded_picture() {
        let entries: Vec<_> = (0..5_000)
            .map(|index| entry(index * 7, 5_000, usize::try_from(index % 60).expect("small"), Effect::Change))
            .collect();
        let timeline = timeline(entries);
        let drawn = picture(&incident(), &timeline, at(60)).to_html();
        assert!(drawn.len() < 2_500_000, "{} bytes", drawn.len());
        assert!(drawn.contains("Everybody else"));
        let moments: Vec<_> = timeline.entries.iter().map(|entry| entry.at).collect();
        let marks = marks(&timeline, &Axis::new(&moments));
        assert_eq!(marks.iter().map(|mark| mark.entries.len()).sum::<usize>(), 5_000, "none is lost");
    }

    #[test]
    fn marks_on_one_place_are_one_with_the_gravest_shape() {
        let timeline = timeline(vec![
            entry(0, 0, 1, Effect::Read),
            entry(1, 0, 1, Effect::Destroy),
            entry(1, 0, 2, Effect::Read),
            entry(500, 0, 1, Effect::Read),
        ]);
        let moments: Vec<_> = timeline.entries.iter().map(|entry| entry.at).collect();
        let marks = marks(&timeline, &Axis::new(&moments));
        assert_eq!(
            marks.iter().map(|mark| (mark.lane, mark.entries.len())).collect::<Vec<_>>(),
            [(0, 2), (1, 1), (0, 1)]
        );
        let drawn = mark(&marks[0]).to_html();
        assert!(drawn.contains("class=\"shape destroy\"") && drawn.contains("2 ✗"), "{drawn}");
    }

    #[test]
    fn bars_of_one_reach_that_overlap_are_one() {
        let timeline = timeline(vec![
            entry(0, 300, 1, Effect::Read),
            entry(60, 600, 1, Effect::Read),
            entry(90, 300, 1, Effect::Change),
            entry(1_000, 300, 1, Effect::Read),
        ]);
        let moments: Vec<_> = (0..=1_300).step_by(100).map(at).collect();
        let bars = bars(&timeline, &Axis::new(&moments), |entry| entry.until.unwrap_or(entry.at));
        assert_eq!(
            bars.iter().map(|bar| (bar.effect, bar.count)).collect::<Vec<_>>(),
            [(Some(Effect::Read), 2), (Some(Effect::Change), 1), (Some(Effect::Read), 1),]
        );
    }
}
