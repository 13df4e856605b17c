//! What a link to a runbook names: the file, and the section in it. The link is hostile text: nothing is fetched.

use runbook::{Procedure, Runbook};

/// Annotations that hold such a link (kubernetes-monitoring mixins, Grafana, and what people call it).
const KEYS: &[&str] =
    &["runbook_url", "runbook", "runbookUrl", "runbookURL", "runbook_link", "playbook_url", "playbook"];

/// The longest link that is read, in bytes.
const LONGEST: usize = 2048;

/// The most parts of a path that are looked at.
const DEEPEST: usize = 32;

/// What stands before an anchor on GitHub's own pages.
const GITHUB: &str = "user-content-";

/// A link's parts in lower case.
#[derive(Debug)]
pub(super) struct Address {
    path: Vec<String>,
    fragment: Option<String>,
}

/// How much of a procedure a link names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// Its runbook and its section.
    Section,
    /// Its runbook and the section above it.
    SectionAbove,
    /// Its section, by the anchor alone.
    Anchor,
    /// Only its runbook.
    Runbook,
}

impl Address {
    /// The first link in these annotations.
    pub(super) fn of(annotations: &std::collections::BTreeMap<String, String>) -> Option<Self> {
        KEYS.iter().find_map(|key| annotations.get(*key)).and_then(|link| Self::read(link))
    }

    fn read(link: &str) -> Option<Self> {
        let link = link.trim();
        if link.is_empty() || link.len() > LONGEST {
            return None;
        }
        let (rest, fragment) = link.split_once('#').map_or((link, None), |(rest, fragment)| (rest, Some(fragment)));
        let rest = rest.split('?').next().unwrap_or_default();
        let path = rest.split_once("://").map_or(rest, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
        let mut path: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decoded).collect();
        // The end of a path names most.
        path.drain(..path.len().saturating_sub(DEEPEST));
        let fragment = fragment.map(decoded).map(|one| one.strip_prefix(GITHUB).unwrap_or(&one).to_owned());
        Some(Self { path, fragment: fragment.filter(|one| !one.is_empty()) })
    }

    /// Where in the path the runbook is named: the place behind it.
    pub(super) fn runbook(&self, runbook: &Runbook) -> Option<usize> {
        let id = runbook.id.as_str();
        let name = id.rsplit('.').next().unwrap_or(id);
        let own = |part: &str| slug(part.strip_suffix(".md").or_else(|| part.strip_suffix(".html")).unwrap_or(part));
        self.path.iter().rposition(|part| own(part) == name || part == id).map(|at| at + 1)
    }

    /// What it names of a procedure, whose sections stand at these places. `behind` is where its runbook is named in the path.
    pub(super) fn names(
        &self,
        runbook: &Runbook,
        procedure: &Procedure,
        places: &[usize],
        behind: Option<usize>,
    ) -> Option<Names> {
        let below = behind.map_or(&[][..], |behind| &self.path[behind..]);
        let Some(name) = self.fragment.as_deref().or_else(|| below.last().map(String::as_str)) else {
            return behind.map(|_| Names::Runbook);
        };
        let is_own = name == procedure.id.as_str() || name == procedure.anchor.to_lowercase();
        let is_part = || places.iter().any(|&at| runbook.sections[at].anchor.to_lowercase() == name);
        match behind {
            None => is_own.then_some(Names::Anchor),
            Some(_) if is_own || is_part() => Some(Names::Section),
            Some(_) if is_above(runbook, places, name) => Some(Names::SectionAbove),
            Some(_) => Some(Names::Runbook),
        }
    }
}

/// Whether a heading above these sections has this anchor.
fn is_above(runbook: &Runbook, places: &[usize], anchor: &str) -> bool {
    let mut above = places.first().and_then(|&at| runbook.sections[at].above);
    while let Some(section) = above.and_then(|at| runbook.sections.get(at)) {
        if section.level > 1 && section.anchor.to_lowercase() == anchor {
            return true;
        }
        above = section.above;
    }
    false
}

/// As ids of runbooks are made of file names.
fn slug(part: &str) -> String {
    part.chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '-' }).collect()
}

/// `%20` and its like, lower case. What is no UTF-8 then names nothing.
fn decoded(part: &str) -> String {
    let bytes = part.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        let byte = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).to_lowercase()
}
