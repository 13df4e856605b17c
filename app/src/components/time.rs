//! Moments and durations. The words are right when the page is sent; an island keeps them right.

use jiff::Timestamp;
use leptos::prelude::*;

/// `2 min ago`, with the exact time on hover.
pub(crate) fn ago(at: Timestamp, now: Timestamp) -> AnyView {
    view! {
        <time datetime=machine(at) title=exact(at) data-ago="">{ago_words(now.as_second() - at.as_second())}</time>
    }
    .into_any()
}

/// How long it has been going on, as `3:07`; an island counts on.
pub(crate) fn clock(since: Timestamp, now: Timestamp) -> AnyView {
    view! {
        <time class="clock" datetime=machine(since) title=exact(since) data-clock="">
            {clock_words(now.as_second() - since.as_second())}
        </time>
    }
    .into_any()
}

/// `2026-11-21 14:02:31 UTC`.
pub(crate) fn exact(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `2026-11-21 14:02:31.407 UTC`, where the order of events within a second counts.
pub(crate) fn precise(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S%.3f UTC").to_string()
}

/// The form that machines read.
pub(crate) fn machine(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `14:02:31`.
pub(crate) fn of_day(at: Timestamp) -> String {
    at.strftime("%H:%M:%S").to_string()
}

/// The words for an age in seconds.
pub(crate) fn ago_words(seconds: i64) -> String {
    match seconds {
        ..5 => "just now".to_owned(),
        5..60 => format!("{seconds} s ago"),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..86_400 => format!("{} h ago", seconds / 3_600),
        86_400..172_800 => "yesterday".to_owned(),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// The words for how long something takes or took, in seconds.
pub(crate) fn clock_words(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{rest:02}") } else { format!("{minutes}:{rest:02}") }
}

/// An age in one unit: `3 h`, `2 days`.
pub(crate) fn age(since: Timestamp, now: Timestamp) -> String {
    match now.as_second() - since.as_second() {
        seconds @ ..60 => format!("{} s", seconds.max(0)),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// A duration in milliseconds: `0.1 s`, `16.2 s`, `3:07`.
pub(crate) fn lasted(milliseconds: i64) -> String {
    match milliseconds {
        ..100 => format!("{} ms", milliseconds.max(0)),
        100..60_000 => format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100),
        _ => clock_words(milliseconds / 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_fit_their_size() {
        assert_eq!(ago_words(-3), "just now");
        assert_eq!(ago_words(59), "59 s ago");
        assert_eq!(ago_words(3_599), "59 min ago");
        assert_eq!(ago_words(90_000), "yesterday");
        assert_eq!(ago_words(200_000), "2 days ago");
        assert_eq!(clock_words(3_787), "1:03:07");
        assert_eq!(lasted(42), "42 ms");
        assert_eq!(lasted(150), "0.1 s");
        assert_eq!(lasted(187_000), "3:07");
    }
}
