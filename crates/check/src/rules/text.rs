//! The prose around the commands.

use std::collections::BTreeSet;

use runbook::{Block, Runbook};

use crate::place::in_text;
use crate::{Finding, Rule, Severity};

pub(crate) static LINK: Rule = Rule {
    id: "dead-link",
    severity: Severity::Warning,
    why: "The link leads to a heading that this file does not have.",
};
pub(crate) static CREDENTIALS: Rule = Rule {
    id: "default-credentials",
    severity: Severity::Warning,
    why: "Credentials that everybody knows are an open door, and a runbook that names them says that it is.",
};
pub(crate) static DECODED: Rule = Rule {
    id: "mis-decoded",
    severity: Severity::Warning,
    why: "The text was once read in the wrong encoding and written back: what stands here is not what was meant.",
};

pub(crate) static WIDGET: Rule = Rule {
    id: "unreadable-widget",
    severity: Severity::Error,
    why: "Nobody sees what this was meant to show: a widget that cannot be read is shown as its text.",
};

/// What UTF-8 looks like after it was read as Windows-1252: a dash, quotes, an accent, the beginning of an emoji.
const BROKEN: &[&str] = &["â€™", "â€œ", "â€", "Ã©", "Ã¨", "Ã¼", "Ã¶", "Ã¤", "ðŸ", "\u{fffd}"];

const KNOWN: &[&str] = &["admin/admin", "admin / admin", "admin:admin", "root:root", "password: changeme"];

pub(crate) fn check(runbook: &Runbook, lines: &[&str]) -> Vec<Finding> {
    let mut anchors: BTreeSet<&str> = BTreeSet::new();
    for block in &runbook.blocks {
        if let Block::Heading(heading) = block {
            anchors.insert(&heading.anchor);
        }
    }
    let explicit: BTreeSet<&str> = lines.iter().flat_map(|line| explicit(line)).collect();
    let mut found = Vec::new();
    for fence in runbook.widgets() {
        if let Err(wrong) = widget::fence::read(&fence.source) {
            let text = lines.get(fence.line.saturating_sub(1)).copied().unwrap_or_default();
            found.push(in_text(&WIDGET, fence.line, text, 0, wrong.to_string(), None));
        }
    }
    let mut fenced = false;
    for (number, text) in (1..).zip(lines) {
        if text.trim_start().starts_with("```") || text.trim_start().starts_with("~~~") {
            fenced = !fenced;
        }
        if let Some((at, broken)) = BROKEN.iter().find_map(|broken| Some((text.find(broken)?, broken))) {
            found.push(in_text(&DECODED, number, text, at, format!("“{broken}” was another character once"), None));
        }
        let lower = text.to_lowercase();
        // `chown root:root` is nobody's password.
        let owners = ["chown", "--user", "--group", "install "].iter().any(|word| lower.contains(word));
        if let Some(at) = KNOWN.iter().find_map(|known| lower.find(known)).filter(|_| !owners) {
            let at = if lower.len() == text.len() { at } else { 0 };
            found.push(in_text(&CREDENTIALS, number, text, at, "these credentials are everybody's", None));
        }
        if fenced {
            continue;
        }
        for (at, _) in text.match_indices("](#") {
            let anchor = text[at + 3..].split([')', ' ']).next().unwrap_or_default();
            // GitHub takes any case in links, and an explicit anchor is HTML that we do not look for.
            let known = anchors.iter().any(|known| known.eq_ignore_ascii_case(anchor));
            if !known && !anchor.is_empty() && !explicit.contains(anchor) {
                let nearest = anchors.iter().find(|known| similar(known, anchor)).map(|known| format!("#{known}"));
                let message = format!("there is no heading for #{anchor}");
                found.push(in_text(&LINK, number, text, at + 2, message, nearest));
            }
        }
    }
    found
}

/// The anchors that a line sets itself: `<a id="…">`, `<a name="…">`.
fn explicit(line: &str) -> impl Iterator<Item = &str> {
    let after = |name: &'static str| {
        line.match_indices(name).filter_map(move |(at, _)| line[at + name.len()..].split('"').next())
    };
    after("id=\"").chain(after("name=\""))
}

/// The same words, whatever stands between them.
fn similar(one: &str, other: &str) -> bool {
    let letters =
        |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    letters(one) == letters(other)
}
