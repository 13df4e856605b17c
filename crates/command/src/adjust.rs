//! Values that a command names itself and that people change without changing the command: how many replicas, which
//! revision, the namespace, a snapshot's name, a time.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::kind::ParameterKind as Kind;
use crate::script::Script;

/// The longest value, in bytes: a name in DNS.
const LONGEST: usize = 253;

/// The options whose values may be adjusted, by program, and what belongs there. Each with all its spellings.
const OPTIONS: &[(&str, &[&str], Kind)] = &[
    ("kubectl", &["--replicas"], Kind::Integer),
    ("kubectl", &["--to-revision"], Kind::Integer),
    ("kubectl", &["--min"], Kind::Integer),
    ("kubectl", &["--max"], Kind::Integer),
    ("kubectl", &["--cpu-percent"], Kind::Integer),
    ("kubectl", &["--tail"], Kind::Integer),
    ("kubectl", &["--since"], Kind::Time),
    ("kubectl", &["--timeout"], Kind::Time),
    ("kubectl", &["-n", "--namespace"], Kind::Namespace),
    ("aws", &["--db-snapshot-identifier"], Kind::Snapshot),
    ("aws", &["--db-cluster-snapshot-identifier"], Kind::Snapshot),
    ("aws", &["--restore-time"], Kind::Time),
    ("aws", &["--restore-to-time"], Kind::Time),
    ("aws", &["--start-time"], Kind::Time),
    ("aws", &["--end-time"], Kind::Time),
    ("aws", &["--desired-capacity"], Kind::Integer),
];

/// A value that may be adjusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjustable {
    /// The option as the text spells it: `--replicas`, `-n`.
    pub option: String,
    /// The value as the text has it.
    pub value: String,
    /// What belongs there.
    pub kind: Kind,
    /// Where it stands, in bytes: a value that the text repeats is one.
    places: Vec<Range<usize>>,
}

/// The values of a bash text that may be adjusted, in its order. What stands in quotes, in an expansion or in a command
/// for somewhere else is left alone.
#[must_use]
pub fn adjustable(source: &str) -> Vec<Adjustable> {
    let mut found: Vec<Adjustable> = Vec::new();
    for call in Script::parse(source).calls {
        let mut words = call.words.iter().skip(1).take_while(|word| word.text != "--").peekable();
        while let Some(word) = words.next() {
            let (option, inline) = match word.text.split_once('=') {
                Some((option, value)) if option.starts_with("--") => (option, Some(value)),
                _ => (word.text.as_str(), None),
            };
            let known =
                OPTIONS.iter().find(|(program, names, _)| *program == call.program() && names.contains(&option));
            let Some((_, _, kind)) = known else { continue };
            let (value, place) = match (inline, words.peek()) {
                (Some(value), _) => (value, word.range.end.saturating_sub(value.len())..word.range.end),
                (None, Some(next)) => (next.text.as_str(), next.range.clone()),
                (None, None) => continue,
            };
            let is_value = is_plain(value) && kind.check(value).is_ok();
            if !(is_value || is_made(value, *kind)) || source.get(place.clone()) != Some(value) {
                continue;
            }
            match found.iter_mut().find(|one| one.option == option && one.value == value) {
                Some(one) => one.places.push(place),
                None => {
                    let (option, value) = (option.to_owned(), value.to_owned());
                    found.push(Adjustable { option, value, kind: *kind, places: vec![place] });
                }
            }
        }
    }
    found
}

/// The same text with other values: `changes` by the place in [`adjustable`]'s list. An empty one leaves the text's own.
///
/// # Errors
/// What is wrong with a value, for whoever gave it.
pub fn adjusted(source: &str, changes: &BTreeMap<usize, String>) -> Result<String, String> {
    let known = adjustable(source);
    let mut edits: Vec<(Range<usize>, &str)> = Vec::new();
    for (at, value) in changes {
        let value = value.trim();
        let Some(one) = known.get(*at) else {
            return Err("This value is not in the command any more: load the page again.".to_owned());
        };
        if value.is_empty() || value == one.value {
            continue;
        }
        if !is_plain(value) {
            return Err(format!(
                "The value for {} may hold letters, digits and `._:/+-` only, and begins with a letter or digit.",
                one.option
            ));
        }
        if let Err(expected) = one.kind.check(value) {
            return Err(format!("The value for {} does not look right: give {expected}.", one.option));
        }
        edits.extend(one.places.iter().map(|place| (place.clone(), value)));
    }
    edits.sort_by_key(|(place, _)| std::cmp::Reverse(place.start));
    let mut text = source.to_owned();
    for (place, value) in edits {
        text.replace_range(place, value);
    }
    Ok(text)
}

/// Whether a name or a time is made of the moment, and of nothing that is asked for: `backup-$(date +%F)`.
fn is_made(text: &str, kind: Kind) -> bool {
    let rest: String = text
        .split("$(")
        .enumerate()
        .map(|(at, part)| match at {
            0 => part,
            _ => part.split_once(')').map_or("$", |(_, after)| after),
        })
        .collect();
    text.contains("$(date ") && matches!(kind, Kind::Snapshot | Kind::Time) && (rest.is_empty() || is_plain(&rest))
}

/// Whether bash takes a text for one word as it stands, and no program takes it for an option.
fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/+-".contains(&byte);
    text.len() <= LONGEST && text.bytes().all(plain) && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(source: &str) -> Vec<(String, String)> {
        adjustable(source).into_iter().map(|one| (one.option, one.value)).collect()
    }

    fn changed(source: &str, changes: &[(usize, &str)]) -> Result<String, String> {
        adjusted(source, &changes.iter().map(|(at, value)| (*at, (*value).to_owned())).collect())
    }

    #[test]
    fn what_people_change_is_found() {
        let pairs =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>();
        for (source, expected) in [
            ("kubectl scale deployment web --replicas=5 -n shop", pairs(&[("--replicas", "5"), ("-n", "shop")])),
            ("kubectl rollout undo deployment/web --to-revision 2", pairs(&[("--to-revision", "2")])),
            ("kubectl get pods -n $NS --tail=\"5\"", pairs(&[])),
            ("kubectl exec web -- tool -n 5 --replicas=2", pairs(&[])),
            ("echo --replicas=5", pairs(&[])),
            ("kubectl scale deployment web --replicas=<count>", pairs(&[])),
            (
                "aws rds create-db-snapshot --db-instance-identifier a --db-snapshot-identifier before-change",
                pairs(&[("--db-snapshot-identifier", "before-change")]),
            ),
            (
                "aws rds create-db-snapshot --db-snapshot-identifier s-$(date +%F)",
                pairs(&[("--db-snapshot-identifier", "s-$(date +%F)")]),
            ),
            ("aws rds create-db-snapshot --db-snapshot-identifier s-$(date +%F)-$NAME", pairs(&[])),
            ("aws rds create-db-snapshot --db-snapshot-identifier s-$(id)", pairs(&[])),
            ("aws rds create-db-snapshot --db-snapshot-identifier \"s-$(date +%F)\"", pairs(&[])),
            ("watch 'kubectl get pods -n shop'", pairs(&[])),
        ] {
            assert_eq!(found(source), expected, "{source}");
        }
    }

    #[test]
    fn a_value_that_repeats_is_one() {
        let source = "kubectl scale deployment a --replicas=0 -n shop\nkubectl scale deployment b --replicas=0 -n shop";
        assert_eq!(found(source).len(), 2);
        let text = changed(source, &[(0, "3"), (1, "bank")]).unwrap();
        assert_eq!(text, source.replace("=0", "=3").replace("shop", "bank"));
    }

    #[test]
    fn a_name_made_of_the_moment_is_given_another() {
        let source = "aws rds create-db-snapshot --db-snapshot-identifier s-$(date +%F) --db-instance-identifier a";
        assert_eq!(changed(source, &[(0, "before-x")]).unwrap(), source.replace("s-$(date +%F)", "before-x"));
        assert!(changed(source, &[(0, "s-$(id)")]).is_err());
        assert_eq!(changed(source, &[(0, "s-$(date +%F)")]).unwrap(), source);
    }

    #[test]
    fn a_wrong_value_says_what_would_be_right() {
        let source = "kubectl scale deployment web --replicas=5 -n shop";
        assert_eq!(changed(source, &[(0, ""), (1, "shop")]).unwrap(), source);
        for (at, value) in [(0, "many"), (0, "5; reboot"), (0, "-1"), (1, "$(id)"), (1, "UPPER"), (7, "1")] {
            assert!(changed(source, &[(at, value)]).is_err(), "{value}");
        }
    }

    proptest! {
        /// Whatever is given, the text keeps its words: only the adjusted one differs.
        #[test]
        fn no_value_becomes_syntax(value in "\\PC{0,12}") {
            let source = "kubectl scale deployment web --replicas=5 -n shop | cat";
            if let Ok(text) = changed(source, &[(1, &value)]) {
                let words = |text: &str| Script::parse(text).calls.iter().map(|call| call.words.len()).collect::<Vec<_>>();
                prop_assert_eq!(words(&text), words(source));
                prop_assert!(!Script::parse(&text).has_errors);
            }
        }
    }
}
