//! Live cards: what a procedure's commands are about, as it is now.

mod reading;
mod sparkline;
mod workload;

use std::collections::BTreeSet;

use jiff::Timestamp;
use leptos::prelude::*;
use operations::{Card, CardState, Content, Snapshot};
use runbook::WidgetFence;
use widget::{Subject, Which};

use super::time;

/// How many cards one page draws; a command that acts on a whole namespace would otherwise fill it.
const MOST_CARDS: usize = 24;

/// All cards of a page, each workload once.
pub(crate) fn cards(all: &[Card], now: Timestamp) -> AnyView {
    let mut drawn = Drawn::default();
    for card in all {
        match &card.content {
            Content::Workloads(snapshot) => drawn.workloads(&card.widget.subject, snapshot, now),
            Content::Gauge(gauge) => match &gauge.state {
                CardState::Fresh | CardState::Stale(_) => {
                    for one in &gauge.readings {
                        let title = card.widget.title.as_deref().filter(|_| gauge.readings.len() == 1);
                        // What a text names alone and among others is one thing.
                        let new = drawn.read.insert((one.name.clone(), one.about.clone()));
                        if !new && title.is_none() {
                            continue;
                        }
                        drawn.add(|| reading::card(one, title, &gauge.state, now));
                    }
                }
                state => {
                    let title = card.widget.title.clone().unwrap_or_else(|| card.widget.subject.title());
                    let view = silent(&title, state);
                    if *state == CardState::Absent { drawn.absent.push(view) } else { drawn.add(|| view) }
                }
            },
            Content::Refused(_) => {}
        }
    }
    drawn.view()
}

/// What has been drawn so far.
#[derive(Default)]
struct Drawn {
    views: Vec<AnyView>,
    workloads: BTreeSet<(String, String)>,
    read: BTreeSet<(String, String)>,
    told: BTreeSet<String>,
    /// What is not there stands behind what is.
    absent: Vec<AnyView>,
    left: usize,
}

impl Drawn {
    fn add(&mut self, draw: impl FnOnce() -> AnyView) {
        if self.views.len() < MOST_CARDS {
            self.views.push(draw());
        } else {
            self.left += 1;
        }
    }

    fn workloads(&mut self, subject: &Subject, snapshot: &Snapshot, now: Timestamp) {
        let Subject::Workloads { namespace, which } = subject else { return };
        let namespace = namespace.clone().unwrap_or_default();
        if !matches!(snapshot.state, CardState::Fresh | CardState::Stale(_)) {
            if self.told.insert(namespace.clone()) {
                self.add(|| silent(&namespace, &snapshot.state));
            }
            return;
        }
        let found = snapshot.select(which);
        if found.is_empty() {
            self.absent.push(absent(&namespace, which));
        }
        for status in found {
            if self.workloads.insert((status.namespace.clone(), status.name.clone())) {
                self.add(|| workload::card(status, &snapshot.state, now));
            }
        }
    }

    fn view(mut self) -> AnyView {
        for view in std::mem::take(&mut self.absent) {
            self.add(|| view);
        }
        let left = self.left;
        view! {
            {self.views}
            {(left > 0).then(|| view! { <p class="muted">{format!("and {left} more")}</p> })}
        }
        .into_any()
    }
}

/// What this environment does not let be asked after, and why. It stays as it is while somebody looks at a page.
pub(crate) fn refused(all: &[Card]) -> AnyView {
    let rows: Vec<_> = all
        .iter()
        .filter_map(|card| match &card.content {
            Content::Refused(reason) => Some((card.widget.subject.title(), reason.clone())),
            _ => None,
        })
        .map(|(title, reason)| view! { <li><strong>{title}</strong><span>{reason}</span></li> })
        .collect();
    if all.is_empty() {
        return view! { <p class="muted">"The commands name nothing to watch."</p> }.into_any();
    }
    if rows.is_empty() {
        return ().into_any();
    }
    view! {
        <details class="cards-refused">
            <summary>{format!("{} not watched here", rows.len())}</summary>
            <ul>{rows}</ul>
        </details>
    }
    .into_any()
}

/// A card of what has not said anything.
fn silent(title: &str, state: &CardState) -> AnyView {
    let (class, badge, text) = match state {
        CardState::Forbidden(reason) => ("forbidden", "no access", reason.clone()),
        CardState::Unreachable(reason) => ("unreachable", "unreachable", reason.clone()),
        CardState::Absent => ("absent", "not found", "There is no such thing in this environment.".to_owned()),
        _ => ("loading", "loading", "Asking…".to_owned()),
    };
    view! {
        <section class=format!("card {class}") aria-label=format!("{title}: {badge}")>
            <div class="card-head"><p class="card-name">{title.to_owned()}</p><span class="pill">{badge}</span></div>
            <p class="card-about">{text}</p>
        </section>
    }
    .into_any()
}

/// What stands in the text where a card is wanted: what it is, or why it is none.
pub(crate) fn note(fence: &WidgetFence) -> AnyView {
    match widget::fence::read(&fence.source) {
        Ok(widget) => {
            let title = widget.title.unwrap_or_else(|| widget.subject.title());
            view! { <p class="widget-note">"Live: "<span>{title}</span></p> }.into_any()
        }
        Err(error) => view! {
            <div class="widget-note wrong"><p>{error.to_string()}</p><pre class="mono">{fence.source.clone()}</pre></div>
        }
        .into_any(),
    }
}

fn absent(namespace: &str, which: &Which) -> AnyView {
    let name = match which {
        Which::Deployment(name) => name.clone(),
        Which::Selector(selector) => selector.clone(),
        Which::All => "Deployments".to_owned(),
    };
    view! {
        <section class="card absent" aria-label=format!("{name}: not found")>
            <div class="card-head"><p class="card-name">{name.clone()}</p><span class="pill">"not found"</span></div>
            <p class="card-about">{format!("No such deployment in {namespace}")}</p>
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use operations::{Gauge, PodStatus, WorkloadStatus};
    use widget::{Level, Limits, Measure, Reading, Unit, Widget};

    use super::*;

    fn pod(status: &str, ready: bool, newest: bool) -> PodStatus {
        PodStatus {
            name: "auth-7d9".to_owned(),
            status: status.to_owned(),
            ready,
            newest,
            restarts: 0,
            created: None,
            node: None,
        }
    }

    fn workload(name: &str, desired: i32, updated: i32, ready: i32, pods: Vec<PodStatus>) -> WorkloadStatus {
        WorkloadStatus {
            namespace: "banking".to_owned(),
            name: name.to_owned(),
            desired,
            updated,
            ready,
            restarts: 0,
            images: vec!["auth:<2>".to_owned()],
            created: None,
            message: None,
            pods,
            more_pods: 0,
        }
    }

    fn drawn(state: CardState, workloads: Vec<WorkloadStatus>, which: Which) -> String {
        let now = Timestamp::UNIX_EPOCH;
        let labels = vec![Vec::new(); workloads.len()];
        let snapshot = Snapshot { state, at: now, workloads, labels };
        cards(&[of(which, snapshot)], now).to_html()
    }

    fn of(which: Which, snapshot: Snapshot) -> Card {
        let subject = Subject::Workloads { namespace: Some("banking".to_owned()), which };
        Card { widget: Widget { subject, title: None, limits: None }, content: Content::Workloads(snapshot) }
    }

    fn gauge(state: CardState, readings: Vec<Reading>) -> String {
        let widget = Widget { subject: Subject::Nodes, title: None, limits: None };
        cards(&[Card { widget, content: Content::Gauge(Gauge { state, readings }) }], Timestamp::UNIX_EPOCH).to_html()
    }

    #[test]
    fn a_number_beyond_its_limit_says_so_in_words() {
        let mut measure = Measure::new("<CPU>", 0.95, Unit::Ratio);
        measure.limits = Some(Limits { warning: Some(0.7), critical: Some(0.9), source: "from the table" });
        measure.series = vec![0.5, 0.7, 0.95];
        let reading = Reading {
            name: "<node>".to_owned(),
            level: Level::Good,
            words: "1 well".to_owned(),
            measures: vec![measure],
            ..Reading::default()
        };
        let html = gauge(CardState::Fresh, vec![reading.clone()]);
        for part in ["&lt;node&gt;", "&lt;CPU&gt;", "95 %", "critical from 90 %", "<polyline", "measure bad"] {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(gauge(CardState::Stale(Timestamp::UNIX_EPOCH), vec![reading]).contains("card stale"));
        assert!(gauge(CardState::Loading, vec![]).contains("loading"));
        assert!(gauge(CardState::Absent, vec![]).contains("not found"));
        assert!(gauge(CardState::Forbidden("<no>".to_owned()), vec![]).contains("&lt;no&gt;"));
    }

    #[test]
    fn what_an_environment_does_not_let_be_asked_is_told_below() {
        let widget = Widget { subject: Subject::Nodes, title: None, limits: None };
        let html = refused(&[Card { widget, content: Content::Refused("<why>".to_owned()) }]).to_html();
        assert!(html.contains("1 not watched here") && html.contains("&lt;why&gt;"), "{html}");
    }

    #[test]
    fn a_rollout_shows_old_and_new() {
        let pods = vec![
            pod("Running", true, true),
            pod("Running", false, true),
            pod("Running", true, false),
            pod("Terminating", true, false),
        ];
        let html = drawn(CardState::Fresh, vec![workload("auth", 3, 2, 3, pods)], Which::All);
        for class in ["pod-new", "pod-starting", "pod-old", "pod-ending"] {
            assert!(html.contains(class), "{class} in {html}");
        }
        assert!(html.contains("2 of 3 updated"));
        assert!(html.contains("auth:&lt;2&gt;"), "{html}");
    }

    #[test]
    fn every_state_is_drawn() {
        let one = || Which::Deployment("auth".to_owned());
        assert!(drawn(CardState::Loading, vec![], one()).contains("loading"));
        assert!(drawn(CardState::Forbidden("<no>".to_owned()), vec![], one()).contains("&lt;no&gt;"));
        assert!(drawn(CardState::Unreachable("gone".to_owned()), vec![], one()).contains("unreachable"));
        assert!(drawn(CardState::Fresh, vec![], one()).contains("not found"));
        let steady = vec![workload("auth", 1, 1, 1, vec![pod("Running", true, true)])];
        let html = drawn(CardState::Fresh, steady.clone(), one());
        assert!(html.contains("1 / 1 ready") && html.contains("pod-ready") && !html.contains("legend"));
        assert!(drawn(CardState::Stale(Timestamp::UNIX_EPOCH), steady, one()).contains("card stale"));
        let broken = vec![workload("auth", 1, 1, 0, vec![pod("CrashLoopBackOff", false, true)])];
        assert!(drawn(CardState::Fresh, broken, one()).contains("1 of 1 crash-looping"));
    }

    #[test]
    fn a_workload_named_twice_is_one_card() {
        let now = Timestamp::UNIX_EPOCH;
        let snapshot = Snapshot {
            state: CardState::Fresh,
            at: now,
            workloads: vec![workload("auth", 1, 1, 1, vec![])],
            labels: vec![vec![("app".to_owned(), "auth".to_owned())]],
        };
        let named = |which| of(which, snapshot.clone());
        let html =
            cards(&[named(Which::Deployment("auth".to_owned())), named(Which::Selector("app=auth".to_owned()))], now);
        assert_eq!(html.to_html().matches("class=\"card\"").count(), 1);
    }
}
