//! Live cards: the workloads that a procedure names, as the cluster shows them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use leptos::prelude::*;
use operations::{CardState, PodStatus, Snapshot, WorkloadRef, WorkloadStatus, live::Which};

use super::time;

/// How many cards one page draws; a command that acts on a whole namespace would otherwise fill it.
const MOST_CARDS: usize = 24;
/// How many pods one card draws.
const MOST_PODS: usize = 40;

/// All cards of a page, each workload once.
pub(crate) fn cards(all: &[(WorkloadRef, Snapshot)], now: Timestamp) -> AnyView {
    let mut drawn: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut told: BTreeSet<&str> = BTreeSet::new();
    let mut views = Vec::new();
    let mut left = 0_usize;
    for (workload, snapshot) in all {
        if !matches!(snapshot.state, CardState::Fresh | CardState::Stale(_)) {
            if told.insert(&workload.namespace) {
                views.push(silent(&workload.namespace, &snapshot.state));
            }
            continue;
        }
        let found = snapshot.select(&workload.which);
        if found.is_empty() {
            views.push(absent(workload));
        }
        for status in found {
            if !drawn.insert((&status.namespace, &status.name)) {
                continue;
            }
            if views.len() < MOST_CARDS {
                views.push(card(status, &snapshot.state, now));
            } else {
                left += 1;
            }
        }
    }
    if views.is_empty() {
        return view! { <p class="muted">"The commands name no workload to watch."</p> }.into_any();
    }
    view! {
        {views}
        {(left > 0).then(|| view! { <p class="muted">{format!("and {left} more workloads")}</p> })}
    }
    .into_any()
}

fn silent(namespace: &str, state: &CardState) -> AnyView {
    let (class, badge, text) = match state {
        CardState::Forbidden(reason) => ("forbidden", "no access", reason.clone()),
        CardState::Unreachable(reason) => ("unreachable", "unreachable", reason.clone()),
        _ => ("loading", "loading", "Asking the cluster…".to_owned()),
    };
    view! {
        <section class=format!("card {class}") aria-label=format!("Namespace {namespace}: {badge}")>
            <div class="card-head"><p class="card-name">{namespace.to_owned()}</p><span class="pill">{badge}</span></div>
            <p class="card-about">{text}</p>
        </section>
    }
    .into_any()
}

fn absent(workload: &WorkloadRef) -> AnyView {
    let name = match &workload.which {
        Which::Deployment(name) => name.clone(),
        Which::Selector(selector) => selector.clone(),
        Which::All => "Deployments".to_owned(),
    };
    view! {
        <section class="card absent" aria-label=format!("{name}: not found")>
            <div class="card-head"><p class="card-name">{name.clone()}</p><span class="pill">"not found"</span></div>
            <p class="card-about">{format!("No such deployment in {}", workload.namespace)}</p>
        </section>
    }
    .into_any()
}

/// The pill's class and words.
fn health(status: &WorkloadStatus) -> (&'static str, String) {
    let failing = status.pods.iter().filter(|pod| look(pod, true) == Look::Failed).count();
    let old = status.pods.iter().any(|pod| !pod.newest && pod.status != "Terminating");
    if failing > 0 {
        let looping = status.pods.iter().any(|pod| pod.status == "CrashLoopBackOff");
        let word = if looping { "crash-looping" } else { "failing" };
        return ("bad", format!("{failing} of {} {word}", status.pods.len() + status.more_pods));
    }
    if status.desired == 0 && status.pods.is_empty() {
        return ("quiet", "scaled to 0".to_owned());
    }
    if status.updated < status.desired || old {
        return ("moving", format!("{} of {} updated", status.updated, status.desired));
    }
    if status.ready < status.desired {
        return ("moving", format!("{} of {} ready", status.ready, status.desired));
    }
    ("good", format!("{} / {} ready", status.ready, status.desired))
}

fn card(status: &WorkloadStatus, state: &CardState, now: Timestamp) -> AnyView {
    let (class, words) = health(status);
    let rolling = status.pods.iter().any(|pod| !pod.newest);
    let stale = match state {
        CardState::Stale(since) => Some(*since),
        _ => None,
    };
    let images = status.images.join(", ");
    let looks: BTreeSet<Look> = status.pods.iter().map(|pod| look(pod, rolling)).collect();
    let pods: Vec<_> = status.pods.iter().take(MOST_PODS).map(|pod| cell(pod, rolling)).collect();
    let more = status.pods.len().saturating_sub(MOST_PODS) + status.more_pods;
    let legend = (looks.len() > 1 || looks.iter().any(|look| *look != Look::Ready)).then(|| {
        let entries: Vec<_> = looks
            .iter()
            .map(|look| view! { <li><span class=format!("pod {}", look.class()) aria-hidden="true"></span>{look.word()}</li> })
            .collect();
        view! { <ul class="legend" aria-hidden="true">{entries}</ul> }
    });
    let restarts = match status.restarts {
        1 => "1 restart".to_owned(),
        number => format!("{number} restarts"),
    };
    let age = status.created.map(|created| format!(" · {} old", time::age(created, now)));
    view! {
        <section class=if stale.is_some() { "card stale" } else { "card" } aria-label=format!("{}: {words}", status.name)>
            <div class="card-head">
                <p class="card-name">{status.name.clone()}</p>
                <span class=format!("pill {class}")>{words.clone()}</span>
            </div>
            <p class="card-about">
                {format!("Deployment · {} · ", status.namespace)}<span class="mono">{images}</span>
            </p>
            {stale.map(|since| view! { <p class="card-stale">"Stale: last heard "{time::ago(since, now)}</p> })}
            {status.message.clone().map(|message| view! { <p class="card-message">{message}</p> })}
            <div class="card-foot">
                <ul class="pods" aria-label="Pods">{pods}</ul>
                {(more > 0).then(|| view! { <span class="muted">{format!("+{more}")}</span> })}
                <span class="card-facts">{restarts}{age}</span>
            </div>
            {legend}
        </section>
    }
    .into_any()
}

/// How a pod is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Look {
    New,
    Starting,
    Old,
    Ready,
    Ending,
    Failed,
}

impl Look {
    fn class(self) -> &'static str {
        match self {
            Self::New => "pod-new",
            Self::Starting => "pod-starting",
            Self::Old => "pod-old",
            Self::Ready => "pod-ready",
            Self::Ending => "pod-ending",
            Self::Failed => "pod-failed",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Starting => "starting",
            Self::Old => "old",
            Self::Ready => "ready",
            Self::Ending => "ending",
            Self::Failed => "failing",
        }
    }
}

/// `rolling` tells whether two revisions stand side by side: only then is there anything new or old.
fn look(pod: &PodStatus, rolling: bool) -> Look {
    let failing = ["BackOff", "Err", "Invalid", "OOMKilled", "Evicted", "Failed", "Unknown", "CreateContainerConfig"];
    match pod.status.as_str() {
        "Terminating" => Look::Ending,
        status if failing.iter().any(|word| status.contains(word)) => Look::Failed,
        _ if !pod.newest => Look::Old,
        _ if !pod.ready => Look::Starting,
        _ if rolling => Look::New,
        _ => Look::Ready,
    }
}

fn cell(pod: &PodStatus, rolling: bool) -> AnyView {
    let look = look(pod, rolling);
    let restarts = match pod.restarts {
        0 => String::new(),
        1 => ", 1 restart".to_owned(),
        number => format!(", {number} restarts"),
    };
    let node = pod.node.as_ref().map(|node| format!(", on {node}")).unwrap_or_default();
    let words = format!("{}: {} ({}){restarts}{node}", pod.name, pod.status, look.word());
    view! { <li><span class=format!("pod {}", look.class()) role="img" title=words.clone() aria-label=words></span></li> }
        .into_any()
}

#[cfg(test)]
mod tests {
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
        cards(&[(WorkloadRef { namespace: "banking".to_owned(), which }, snapshot)], now).to_html()
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
        let named = |which| (WorkloadRef { namespace: "banking".to_owned(), which }, snapshot.clone());
        let html =
            cards(&[named(Which::Deployment("auth".to_owned())), named(Which::Selector("app=auth".to_owned()))], now);
        assert_eq!(html.to_html().matches("class=\"card\"").count(), 1);
    }
}
