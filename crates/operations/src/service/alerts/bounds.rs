//! How much of an alert is kept: it comes from outside, and is drawn on every look at its incident.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::{AlertState, IncomingAlert};
use crate::running::hex;

/// How much is kept of all labels and annotations of one alert, with their names, in bytes.
const WHOLE: usize = 15 * 1024;
/// How many labels or annotations of an alert are kept, each.
const PAIRS: usize = 64;
/// How many labels and annotations are looked at whether they fit.
const LOOKED_AT: usize = 8 * PAIRS;
/// How much of a label's or annotation's value is kept, in bytes.
const VALUE: usize = 2_048;
/// How much of a name is kept, in bytes. An alert has four, and so stays below 16 KiB with all that it is.
pub(super) const NAME: usize = 256;

/// What a person needs first: these are kept before all others, in this order.
const FIRST: [&str; 5] = ["alertname", "severity", "summary", "description", "runbook_url"];
/// What says where it happens and what suffers.
const PLACES: [&str; 6] = ["environment", "env", "cluster", "stage", "app", "job"];

/// The beginning of a text, at most so many bytes of whole characters.
pub(super) fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// A name that tells things apart: where it is too long to keep, its digest, so that what differs last still counts.
pub(super) fn key(text: &str) -> String {
    if text.len() <= NAME { text.to_owned() } else { hex(&Sha256::digest(text.as_bytes())) }
}

/// A value without secrets: a name before it may say that it is one.
fn masked(name: &str, value: &str) -> String {
    let value = cut(value, VALUE);
    let told = command::mask::mask_text(&format!("{name}={value}"));
    let told = told.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')).unwrap_or(&told);
    cut(told, VALUE).to_owned()
}

/// Which pairs are kept first: a person's first look, what fills parameters, then the other labels, then the other
/// annotations.
fn place(is_label: bool, name: &str) -> usize {
    let after = FIRST.len();
    match FIRST.iter().position(|first| *first == name) {
        Some(first) => first,
        None if is_label && (PLACES.contains(&name) || incident::alert::may_fill(name)) => after,
        None if is_label => after + 1,
        None => after + 2,
    }
}

/// What is kept of the labels and of the annotations. What does not fit is left out; something smaller after it may fit.
fn pairs(
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let labels = labels.into_iter().map(|(name, value)| (true, name, value));
    let annotations = annotations.into_iter().map(|(name, value)| (false, name, value));
    let mut all: Vec<_> = labels.chain(annotations).collect();
    all.sort_by_cached_key(|(is_label, name, _)| place(*is_label, name));
    let (mut kept, mut about) = (BTreeMap::new(), BTreeMap::new());
    let mut left = WHOLE;
    for (is_label, name, value) in all.into_iter().take(LOOKED_AT) {
        let pairs = if is_label { &mut kept } else { &mut about };
        let name = cut(&name, NAME);
        if pairs.len() >= PAIRS || pairs.contains_key(name) || left < name.len() {
            continue;
        }
        let value = masked(name, &value);
        if let Some(rest) = left.checked_sub(name.len() + value.len()) {
            left = rest;
            pairs.insert(name.to_owned(), value);
        }
    }
    (kept, about)
}

/// An alert without more than anybody would write on purpose, and without secrets.
pub(super) fn bounded(alert: IncomingAlert) -> IncomingAlert {
    let name = cut(&command::mask::mask_text(cut(&alert.name, NAME)), NAME).to_owned();
    // Without a name of its own an alert is told from others by what it is called and how it is labelled.
    let fingerprint = match alert.fingerprint.as_str() {
        "" => hex(&Sha256::digest(format!("{name} {:?}", alert.labels).as_bytes())),
        given => key(given),
    };
    let group_key = match alert.group_key.as_str() {
        // A fingerprint is anybody's own word, too.
        "" => IncomingAlert::manager_key(&fingerprint),
        given => key(given),
    };
    let state = match alert.state {
        AlertState::TakenOn { by } => {
            AlertState::TakenOn { by: cut(&command::mask::mask_text(cut(&by, NAME)), NAME).to_owned() }
        }
        state => state,
    };
    let (labels, annotations) = pairs(alert.labels, alert.annotations);
    IncomingAlert { fingerprint, group_key, name, labels, annotations, state, ..alert }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(labels: &[(&str, String)], annotations: &[(&str, String)]) -> IncomingAlert {
        let pairs = |pairs: &[(&str, String)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect::<BTreeMap<_, _>>()
        };
        IncomingAlert {
            fingerprint: "f".repeat(10_000),
            group_key: "g".repeat(10_000),
            name: "N".repeat(10_000),
            labels: pairs(labels),
            annotations: pairs(annotations),
            started_at: jiff::Timestamp::UNIX_EPOCH,
            state: AlertState::Fires,
        }
    }

    #[test]
    fn a_whole_alert_is_bounded_and_keeps_what_a_person_needs() {
        let long = "ü".repeat(5_000);
        let names: Vec<String> = (0..200).map(|index| format!("a{index:03}")).collect();
        let mut labels: Vec<_> = names.iter().map(|name| (name.as_str(), long.clone())).collect();
        let mut annotations = labels.clone();
        labels.extend([("alertname", "Down".to_owned()), ("severity", "P1".to_owned()), ("zone", "b".to_owned())]);
        labels.extend([("pod", "shop-1".to_owned()), ("namespace", "shop".to_owned()), ("env", "prod".to_owned())]);
        annotations.extend([("summary", long.clone()), ("description", long.clone()), ("runbook_url", long.clone())]);
        let kept = bounded(with(&labels, &annotations));
        let size: usize =
            kept.labels.iter().chain(&kept.annotations).map(|(name, value)| name.len() + value.len()).sum();
        assert!(size + kept.name.len() + kept.fingerprint.len() + kept.group_key.len() <= 16 * 1024, "{size}");
        for name in ["alertname", "severity", "pod", "namespace", "env"] {
            assert!(kept.labels.contains_key(name), "{name}");
        }
        for name in ["summary", "description", "runbook_url"] {
            assert_eq!(kept.annotations[name], "ü".repeat(1_024), "whole characters");
        }
        assert_eq!(kept.labels.get("zone").map(String::as_str), Some("b"), "what is small still fits");
    }
}
