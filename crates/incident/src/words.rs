//! Words of a text, for comparing.

/// Whether a word of the text begins like one of these, whatever its case.
pub(crate) fn has_word(text: &str, beginnings: &[&str]) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|word| {
        beginnings
            .iter()
            .any(|beginning| word.get(..beginning.len()).is_some_and(|head| head.eq_ignore_ascii_case(beginning)))
    })
}

/// The words of a text in lower case.
pub(crate) fn lower_words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// The beginning of a text, so many characters.
pub(crate) fn shortened(text: &str, longest: usize) -> String {
    if text.chars().nth(longest).is_none() {
        return text.to_owned();
    }
    text.chars().take(longest.saturating_sub(1)).chain(['…']).collect()
}

/// Words that say nothing about what is wrong.
const EMPTY: &[&str] = &[
    "a",
    "above",
    "after",
    "alert",
    "an",
    "and",
    "any",
    "are",
    "as",
    "at",
    "be",
    "been",
    "below",
    "by",
    "check",
    "critical",
    "current",
    "currently",
    "detected",
    "due",
    "during",
    "firing",
    "for",
    "from",
    "has",
    "have",
    "in",
    "incident",
    "into",
    "is",
    "issue",
    "it",
    "its",
    "kube",
    "kubernetes",
    "last",
    "less",
    "level",
    "medium",
    "minute",
    "more",
    "most",
    "no",
    "not",
    "of",
    "on",
    "or",
    "out",
    "over",
    "problem",
    "procedure",
    "prod",
    "production",
    "since",
    "some",
    "than",
    "that",
    "the",
    "there",
    "this",
    "to",
    "too",
    "under",
    "value",
    "very",
    "warning",
    "was",
    "when",
    "while",
    "with",
];

/// Words that many alerts share: they tell less.
const COMMON: &[&str] = &[
    "app",
    "application",
    "complete",
    "count",
    "down",
    "failure",
    "fail",
    "full",
    "high",
    "instance",
    "low",
    "many",
    "number",
    "percent",
    "rate",
    "request",
    "server",
    "service",
    "slow",
    "system",
    "target",
    "threshold",
    "time",
    "up",
    "usage",
    "user",
    "utilization",
];

/// Words that mean the same here.
const SAME: &[(&str, &str)] = &[
    ("oom", "memory"),
    ("mem", "memory"),
    ("cert", "certificate"),
    ("db", "database"),
    ("postgres", "database"),
    ("postgresql", "database"),
    ("filesystem", "disk"),
    ("storage", "disk"),
    ("conn", "connection"),
    ("unavailable", "down"),
    ("unreachable", "down"),
    ("outage", "down"),
    ("svc", "service"),
    ("expiry", "expire"),
    ("expiration", "expire"),
    ("expir", "expire"),
    ("failure", "fail"),
    ("exhaustion", "exhaust"),
];

/// A word of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word<'t> {
    /// As it stands there.
    pub(crate) written: &'t str,
    /// In the form that is compared.
    pub(crate) stem: String,
}

impl Word<'_> {
    /// How much it tells.
    pub(crate) fn weight(&self) -> u32 {
        if COMMON.contains(&self.stem.as_str()) { 1 } else { 3 }
    }
}

/// The telling words of a text in order, `HighErrorRate` as three; numbers, names of levels and empty words are left out.
pub(crate) fn telling(text: &str) -> impl Iterator<Item = Word<'_>> {
    parts(text).filter_map(|written| {
        let stem = stem(&written.to_lowercase());
        let tells = stem.chars().count() > 1 && !EMPTY.contains(&stem.as_str());
        tells.then_some(Word { written, stem })
    })
}

/// Runs of letters, cut before a capital that begins a word: `HTTPErrors` is `HTTP` and `Errors`. A class of answers, `5xx`,
/// is a word with its digit.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
            if rest.is_empty() {
                return None;
            }
            let run = rest.find(|c: char| !c.is_alphanumeric()).map_or(rest, |end| &rest[..end]);
            if is_class(run) {
                rest = &rest[run.len()..];
                return Some(run);
            }
            rest = rest.trim_start_matches(|c: char| c.is_alphanumeric() && !c.is_alphabetic());
            let letters = rest.find(|c: char| !c.is_alphabetic()).map_or(rest, |end| &rest[..end]);
            let (part, _) = letters.split_at(boundary(letters));
            rest = &rest[part.len()..];
            if !part.is_empty() {
                return Some(part);
            }
        }
    })
}

/// `5xx`: answers of HTTP by their first digit.
fn is_class(run: &str) -> bool {
    matches!(run.as_bytes(), [b'1'..=b'5', b'x' | b'X', b'x' | b'X'])
}

fn boundary(run: &str) -> usize {
    let mut chars = run.char_indices().peekable();
    let mut before: Option<char> = None;
    while let Some((at, c)) = chars.next() {
        let next_is_small = chars.peek().is_some_and(|(_, next)| next.is_lowercase());
        let begins = match before {
            Some(before) => c.is_uppercase() && (before.is_lowercase() || next_is_small),
            None => false,
        };
        if begins {
            return at;
        }
        before = Some(c);
    }
    run.len()
}

/// A word without its commonest endings, so that `pods` is `pod` and `looping` is `loop`.
fn stem(word: &str) -> String {
    let same = |word: &str| SAME.iter().find(|(one, _)| *one == word).map(|(_, other)| (*other).to_owned());
    if let Some(other) = same(word) {
        return other;
    }
    let longer = |ending: &str| word.strip_suffix(ending).filter(|rest| rest.chars().count() >= 4);
    let rest = ["shes", "ches", "xes", "sses"].iter().find(|ending| word.ends_with(*ending)).and_then(|_| longer("es"));
    let plural = || word.strip_suffix('s').filter(|rest| rest.chars().count() >= 2 && !rest.ends_with(['s', 'u', 'i']));
    let rest = rest.or_else(|| longer("ing")).or_else(|| longer("ed")).or_else(plural).unwrap_or(word);
    same(rest).unwrap_or_else(|| rest.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words() {
        let words = |text: &str| telling(text).map(|word| word.stem).collect::<Vec<_>>().join(" ");
        assert_eq!(words("KubePodCrashLooping"), "pod crash loop");
        assert_eq!(words("HTTPErrors5xx"), "http error 5xx");
        assert_eq!(words("> 1% 5xx in 500 4xx answers"), "5xx 4xx answer");
        assert_eq!(words("P2: High Error Rate (> 0.1%)"), "high error rate");
        assert_eq!(words("OOMKilled pods, crashes"), "memory kill pod crash");
        assert_eq!(words("node_cpu_status"), "node cpu status");
        assert_eq!(words("CertExpiring / certificate expiration"), "certificate expire certificate expire");
        assert_eq!(words("Über ÄrgerNÖ"), "über ärger nö");
    }
}
