//! Values inside JSON and YAML that a text holds: there a quote or a line end would be more than data, so the value is
//! written as the language writes it.

use crate::action::Refusal;
use crate::placeholder;

use super::proof;

/// A literal of the text that is JSON as a whole, or a manifest.
pub(super) enum Inside {
    /// JSON (RFC 8259).
    Json,
    /// A Kubernetes manifest in YAML.
    Manifest,
}

/// What a literal is. Placeholders stand for digits, which are right within quotes and without.
pub(super) fn language(literal: &str) -> Option<Inside> {
    let mut text = literal.to_owned();
    for place in placeholder::find(literal).into_iter().rev() {
        text.replace_range(place.range, "1");
    }
    let is_json = |text: &str| {
        text.trim_start().starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
    };
    // A document, or one on each line (Elasticsearch's bulk requests).
    let mut lines = text.lines().filter(|line| !line.trim().is_empty()).peekable();
    if is_json(&text) || (lines.peek().is_some() && lines.all(is_json)) {
        return Some(Inside::Json);
    }
    text.lines().any(|line| line.starts_with("apiVersion:")).then_some(Inside::Manifest)
}

impl Inside {
    /// The value as it is written at this place of the literal.
    ///
    /// # Errors
    /// A [`Refusal`] where it would be more than one value there.
    pub(super) fn written(&self, literal: &str, at: std::ops::Range<usize>, value: &str) -> Result<String, Refusal> {
        let shown = &literal[at.clone()];
        match self {
            Self::Json if in_json_string(&literal[..at.start]) => Ok(escaped(value)),
            Self::Json => match serde_json::from_str::<serde_json::Value>(value) {
                Ok(one) if !one.is_array() && !one.is_object() => Ok(value.to_owned()),
                _ => Err(refused(shown, "JSON", "a number, true, false or null, or a text in double quotes")),
            },
            Self::Manifest => manifest(literal, at, value),
        }
    }
}

fn refused(shown: &str, language: &str, what: &str) -> Refusal {
    Refusal::not_permitted(format!("`{shown}` stands where {language} takes {what}. Give one of these."))
}

/// Whether a string is open where a piece of JSON ends.
fn in_json_string(before: &str) -> bool {
    let mut inside = false;
    let mut escape = false;
    for c in before.chars() {
        match (escape, c) {
            (true, _) => escape = false,
            (false, '\\') => escape = inside,
            (false, '"') => inside = !inside,
            _ => {}
        }
    }
    inside
}

/// A text as it stands between the quotes of JSON.
fn escaped(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// A text as it stands between YAML's double quotes, which take what JSON's do (YAML 1.2, 5.7), but for some characters
/// that YAML takes nowhere as they are (5.1).
fn escaped_in_yaml(value: &str) -> String {
    let special =
        |c: char| matches!(c, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    let mut text = String::with_capacity(value.len() + 8);
    for c in escaped(value).chars() {
        match special(c) {
            true => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            false => text.push(c),
        }
    }
    text
}

fn manifest(literal: &str, at: std::ops::Range<usize>, value: &str) -> Result<String, Refusal> {
    if is_scalar(value) {
        return Ok(value.to_owned());
    }
    let start = literal[..at.start].rfind('\n').map_or(0, |line| line + 1);
    let end = literal[at.end..].find('\n').map_or(literal.len(), |line| at.end + line);
    let (before, after) = (&literal[start..at.start], &literal[at.end..end]);
    let simple = !before.contains('\'') && !in_block(&literal[..start], before);
    // The quote begins the scalar, and is no part of another one.
    let quote = before.find('"').map(|quote| before[..quote].trim_end());
    if simple
        && in_json_string(before)
        && quote.is_some_and(|key| key.is_empty() || key.ends_with([':', '-', ',', '[', '{']))
    {
        return Ok(escaped_in_yaml(value));
    }
    // All of a scalar, and nothing else on its line: it gets quotes of its own.
    let begins = before.ends_with(": ") || before.trim_start() == "- ";
    if simple && begins && after.trim().is_empty() && !before.contains(['"', '\'', '|', '>', '{', '[']) {
        return Ok(format!("\"{}\"", escaped_in_yaml(value)));
    }
    Err(refused(&literal[at], "this manifest", "letters, digits and `_ . : / @ % + = -` only"))
}

/// Whether a line belongs to a block scalar (`|`, `>`), in which nothing is quoted (YAML 1.2, 8.1).
fn in_block(above: &str, line: &str) -> bool {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut depth = indent(line);
    for line in above.lines().rev().filter(|line| !line.trim().is_empty()) {
        if indent(line) >= depth {
            continue;
        }
        depth = indent(line);
        let header = line.split_whitespace().next_back().unwrap_or_default();
        if header.starts_with(['|', '>']) {
            return true;
        }
    }
    false
}

/// Whether a value may stand in a text of this language where nothing can be written otherwise: in bash's double quotes,
/// and for variables.
pub(super) fn permits(text: &str, value: &str) -> bool {
    language(text).is_none() || is_scalar(value)
}

/// Whether a value is one plain scalar wherever YAML takes one, in `{…}` too (YAML 1.2, 7.3.3).
fn is_scalar(value: &str) -> bool {
    proof::is_plain(value)
        && value.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '/' | '.'))
        && !value.ends_with(':')
        && !value.contains(',')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with(literal: &str, value: &str) -> Result<String, Refusal> {
        let place = literal.find("<x>").expect("a placeholder");
        let written = language(literal).expect("a language").written(literal, place..place + 3, value)?;
        Ok(literal.replacen("<x>", &written, 1))
    }

    #[test]
    fn languages_are_told_apart() {
        for json in ["{\"a\": \"<x>\"}", "[1, <x>]", "{\n  \"a\": {\"b\": <x>}\n}"] {
            assert!(matches!(language(json), Some(Inside::Json)), "{json}");
        }
        assert!(matches!(language("apiVersion: v1\nkind: <x>\n"), Some(Inside::Manifest)));
        for neither in ["in <x> quotes", "{<x>", "{a: <x>}", "kind: <x>", ".items[] | <x>"] {
            assert!(language(neither).is_none(), "{neither}");
        }
    }

    #[test]
    fn what_is_no_string_is_one_value_or_refused() {
        assert_eq!(with("{\"a\": <x>}", "-1.5").as_deref(), Ok("{\"a\": -1.5}"));
        for value in ["1, \"b\": 2", "{}", "[1]", "x", ""] {
            assert!(with("{\"a\": <x>}", value).is_err(), "{value}");
        }
        let manifest = "apiVersion: v1\nmetadata: {name: <x>}\n";
        assert!(with(manifest, "web").is_ok());
        assert!(with(manifest, "web, labels: {a: b}").is_err());
        assert!(with("apiVersion: v1\nname: web-<x>\n", "a: b").is_err());
        for line in
            ["args: ['--filter=\"<x>\"']", "note: 'Alert \"<x>\" fired'", "m: |\n    <x>", "m: >-\n    sh: \"<x>\""]
        {
            let manifest = format!("apiVersion: v1\nspec:\n  {line}\n");
            assert!(with(&manifest, "a', '--privileged").is_err(), "{line}");
            assert!(with(&manifest, "web-1").is_ok(), "{line}");
        }
    }

    proptest! {
        #[test]
        fn json_holds_the_value_and_nothing_else(value in "\\PC*|[\\x00-\\x7f]*") {
            let text = with("{\"a\": [\"pre <x> post\"], \"b\": 1}", &value).unwrap();
            let read: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read, serde_json::json!({"a": [format!("pre {value} post")], "b": 1}));
        }

        #[test]
        fn manifests_hold_the_value_and_nothing_else(value in "\\PC*|[ -~\n\t]*", place in 0_usize..3) {
            let line = ["  a: <x>", "  a: \"<x>\"", "  a: <x>  "][place];
            let text = format!("apiVersion: v1\ndata:\n{line}\n  b: c\n");
            if let Ok(text) = with(&text, &value) {
                let read: serde_yaml_ng::Value = serde_yaml_ng::from_str(&text).unwrap();
                let data = read["data"].as_mapping().unwrap();
                prop_assert_eq!(data.len(), 2, "{}", text);
                // A plain `1` or `yes` is what the author would have written.
                if let Some(held) = data["a"].as_str() {
                    prop_assert_eq!(held, &value);
                }
            }
        }
    }
}
