//! Addresses inside a runbook: GitHub's anchors for headings, and our own ids for procedures.

use std::collections::HashMap;

/// Beginnings of ids that the page itself uses; an anchor that would begin so gets [`SECTION`] before it.
const RESERVED: &[&str] = &["step-", "portal-", "footnote-"];
const SECTION: &str = "section-";

/// The longest procedure id, in characters: an alert annotation must have room for it.
const LONGEST_ID: usize = 60;

/// Hands out GitHub's anchors: each once in a file, a repeated one with `-1`, `-2` (npm `github-slugger`, the rule of
/// GitHub's own pages).
#[derive(Default)]
pub(crate) struct Anchors {
    seen: HashMap<String, usize>,
}

impl Anchors {
    /// The anchor of the next heading with this text.
    pub(crate) fn next(&mut self, text: &str) -> String {
        let slug = slug(text);
        let mut anchor = slug.clone();
        while self.seen.contains_key(&anchor) {
            let count = self.seen.entry(slug.clone()).or_default();
            *count += 1;
            anchor = format!("{slug}-{count}");
        }
        self.seen.insert(anchor.clone(), 0);
        own(&anchor)
    }
}

/// The anchor as it stands on the page, clear of the page's own ids. Links inside the document go through it too.
pub(crate) fn own(anchor: &str) -> String {
    if RESERVED.iter().any(|beginning| anchor.starts_with(beginning)) {
        format!("{SECTION}{anchor}")
    } else {
        anchor.to_owned()
    }
}

/// GitHub's slug: lower case, letters, digits, `_` and `-` kept, spaces become `-`, the rest dropped.
fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            ' ' => slug.push('-'),
            '-' | '_' => slug.push(c),
            c if c.is_alphanumeric() || is_mark(c) => slug.push(c),
            _ => {}
        }
    }
    slug
}

/// Combining marks belong to the letter before them.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}'
        | '\u{900}'..='\u{903}' | '\u{93a}'..='\u{94f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}')
}

/// Hands out procedure ids: the title in lower case, words joined by `-`, without what stands in parentheses; a repeated
/// one gets `-2`, `-3`.
#[derive(Default)]
pub(crate) struct ProcedureIds {
    seen: HashMap<String, usize>,
}

impl ProcedureIds {
    /// The id of the next procedure with this title.
    pub(crate) fn next(&mut self, title: &str) -> String {
        let base = plain_id(title);
        let mut id = base.clone();
        while self.seen.contains_key(&id) {
            let count = self.seen.entry(base.clone()).or_insert(1);
            *count += 1;
            id = format!("{base}-{count}");
        }
        self.seen.insert(id.clone(), 1);
        id
    }
}

fn plain_id(title: &str) -> String {
    let mut id = String::new();
    let mut depth = 0_usize;
    for c in title.chars().flat_map(char::to_lowercase) {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            c if c.is_alphanumeric() => id.push(c),
            '\'' | '’' => {}
            _ if !id.is_empty() && !id.ends_with('-') => id.push('-'),
            _ => {}
        }
        if id.chars().count() >= LONGEST_ID {
            break;
        }
    }
    let id = id.trim_end_matches('-');
    if id.is_empty() { "procedure".to_owned() } else { id.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_githubs() {
        let mut anchors = Anchors::default();
        for (text, expected) in [
            ("7. Backup & Restore", "7-backup--restore"),
            ("1.1 Rolling Restart (Zero Downtime)", "11-rolling-restart-zero-downtime"),
            ("P2: High Error Rate (> 0.1%)", "p2-high-error-rate--01"),
            ("Über uns", "über-uns"),
            ("foo", "foo"),
            ("foo", "foo-1"),
            ("foo-1", "foo-1-1"),
            ("foo", "foo-2"),
            ("Step 1", "section-step-1"),
            ("🚨 Alarm", "-alarm"),
        ] {
            assert_eq!(anchors.next(text), expected);
        }
    }

    #[test]
    fn procedure_ids_are_short_and_once() {
        let mut ids = ProcedureIds::default();
        assert_eq!(ids.next("1.1 Rolling Restart (Zero Downtime)"), "1-1-rolling-restart");
        assert_eq!(ids.next("Memory Issues"), "memory-issues");
        assert_eq!(ids.next("Memory issues!"), "memory-issues-2");
        assert_eq!(ids.next("(…)"), "procedure");
        assert!(ids.next(&"long ".repeat(100)).len() <= 60);
    }
}
