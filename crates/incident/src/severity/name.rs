//! Names of levels: `P1`, `Sev-2`, `S3`, `Critical`.

/// A level's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    /// In one form: `P1`, `SEV2`.
    pub(crate) text: String,
    /// 0 is the worst there can be.
    pub(crate) rank: u8,
    /// Whether a number makes it one, rather than a word.
    pub(crate) numbered: bool,
}

/// What may stand before the number, and how the name begins in one form. `S` is last: it is also a shop's storage.
const PREFIXES: &[(&str, &str)] = &[
    ("severity", "Severity "),
    ("priority", "P"),
    ("prio", "P"),
    ("level", "Severity "),
    ("sev", "SEV"),
    ("p", "P"),
    ("s", "S"),
];

/// The highest number of a level; `P95` is a percentile.
const HIGHEST: u8 = 5;

/// Words for levels, worst first within a rank. Both scales of words that alerts and tables use.
const WORDS: &[(&str, u8)] = &[
    ("critical", 1),
    ("page", 1),
    ("emergency", 1),
    ("fatal", 1),
    ("disaster", 1),
    ("urgent", 1),
    ("high", 2),
    ("error", 2),
    ("major", 2),
    ("medium", 3),
    ("warning", 3),
    ("warn", 3),
    ("moderate", 3),
    ("average", 3),
    ("minor", 3),
    ("low", 4),
    ("info", 4),
    ("informational", 4),
    ("information", 4),
    ("notice", 4),
    ("trivial", 4),
];

/// How bad a word is.
pub(crate) fn rank_of_word(word: &str) -> Option<u8> {
    WORDS.iter().find(|(known, _)| *known == word).map(|(_, rank)| *rank)
}

/// The name that a text begins with, and what follows it.
pub(crate) fn beginning(text: &str) -> Option<(Name, &str)> {
    let text = text.trim_start();
    let letters = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (word, rest) = text.split_at(letters);
    let (_, form) = PREFIXES.iter().find(|(prefix, _)| word.eq_ignore_ascii_case(prefix))?;
    // A single letter and its number are one word.
    let after = if word.len() == 1 { rest } else { rest.strip_prefix(['-', ' ']).unwrap_or(rest) };
    let digit = after.chars().next().and_then(|c| c.to_digit(10)).and_then(|digit| u8::try_from(digit).ok())?;
    let rest = &after[1..];
    let ends = !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '%')
        && !rest.strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    (digit <= HIGHEST && ends).then(|| (Name { text: format!("{form}{digit}"), rank: digit, numbered: true }, rest))
}

/// A name that is all of a text: in a cell or a label. A bare number and a word are names there, too.
pub(crate) fn whole(text: &str) -> Option<Name> {
    let text = text.trim();
    if let Some((name, "")) = beginning(text) {
        return Some(name);
    }
    if let Some(rank) = text.parse::<u8>().ok().filter(|rank| *rank <= HIGHEST && text.len() == 1) {
        return Some(Name { text: format!("Severity {rank}"), rank, numbered: true });
    }
    let lower = text.to_lowercase();
    rank_of_word(&lower).map(|rank| {
        let text = lower[..1].to_uppercase() + &lower[1..];
        Name { text, rank, numbered: false }
    })
}

/// The name of a level in a table's cell, and what else the cell says: `P1 (Critical)`, `Critical (P1)`, `2`.
pub(crate) fn of_cell(cell: &str) -> Option<(Name, String)> {
    if let Some(name) = whole(cell) {
        return Some((name, String::new()));
    }
    if let Some((name, rest)) = beginning(cell) {
        return Some((name, aside(rest)));
    }
    let (before, after) = cell.split_once(['(', '-', '–', '—', ':', '/'])?;
    match (beginning(after), whole(before)) {
        (Some((name, _)), _) => Some((name, before.trim().to_owned())),
        (None, Some(name)) => Some((name, aside(after))),
        (None, None) => None,
    }
}

/// The numbered names that stand anywhere in a text, in order, each once, except `S1`, which may be anything.
pub(crate) fn mentioned(text: &str) -> Vec<Name> {
    let mut found: Vec<Name> = Vec::new();
    let mut at_word = true;
    for (at, c) in text.char_indices() {
        if at_word && c.is_ascii_alphabetic() {
            let name = beginning(&text[at..]).filter(|(name, _)| is_unmistakable(name));
            if let Some((name, _)) = name.filter(|(name, _)| !found.contains(name)) {
                found.push(name);
            }
        }
        at_word = !(c.is_alphanumeric() || c == '_' || c == '-');
    }
    found
}

/// Whether a name means a level wherever it stands.
pub(crate) fn is_unmistakable(name: &Name) -> bool {
    name.text.starts_with('P') || name.text.starts_with("SEV")
}

/// The words beside a name, without what encloses them.
pub(crate) fn aside(text: &str) -> String {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ':' | '-' | '–' | '—' | '/' | '.'))
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_form() {
        for (text, name) in [
            ("P1", Some("P1")),
            ("p0:", Some("P0")),
            ("SEV-1 outage", Some("SEV1")),
            ("Sev 2", Some("SEV2")),
            ("sev3", Some("SEV3")),
            ("Severity 1", Some("Severity 1")),
            ("Priority 2", Some("P2")),
            ("P95 > 300ms", None),
            ("P1.5", None),
            ("P6", None),
            ("Pods 1", None),
            ("P 1", None),
            ("", None),
        ] {
            assert_eq!(beginning(text).map(|(name, _)| name.text).as_deref(), name, "{text}");
        }
        let cell = |cell: &str| of_cell(cell).map(|(name, rest)| format!("{}|{rest}", name.text));
        assert_eq!(cell("P1 (Critical)").as_deref(), Some("P1|Critical"));
        assert_eq!(cell("Critical (P1)").as_deref(), Some("P1|Critical"));
        assert_eq!(cell("High - users wait").as_deref(), Some("High|users wait"));
        assert_eq!(cell("2").as_deref(), Some("Severity 2|"), "a bare number");
        assert_eq!(cell("CPU usage"), None);
    }

    #[test]
    fn names_are_found_anywhere() {
        let names = |text: &str| mentioned(text).into_iter().map(|name| name.text).collect::<Vec<_>>().join(",");
        assert_eq!(names("No response or P1/P2"), "P1,P2");
        assert_eq!(names("HTTP2 GP1 S3 v-p1 P99, sev-1 (P3)"), "SEV1,P3");
    }
}
