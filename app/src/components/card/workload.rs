//! A deployment: its replicas as cells, old and new apart.

use std::collections::BTreeSet;

use jiff::Timestamp;
use leptos::prelude::*;
use operations::{CardState, PodStatus, WorkloadStatus};

use super::time;

/// How many pods one card draws.
const MOST_PODS: usize = 40;

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

pub(super) fn card(status: &WorkloadStatus, state: &CardState, now: Timestamp) -> AnyView {
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
