//! Words that people leave open in a text: `<pod-name>`, `YOUR_ROUTING_KEY`, `LATEST_BACKUP`, `correlation-id-here`.
//!
//! To bash `<pod-name>` is two redirections, so the text is masked before the grammar sees it. The mask keeps every byte
//! offset.

use std::ops::Range;

/// The longest placeholder that is recognised, in bytes.
const LONGEST: usize = 64;

/// How far a closing tag is looked for that makes `<b>` markup, in bytes.
const MARKUP_WINDOW: usize = 512;

/// Upper-case words that begin like this stand for a value of the reader's own.
const OPEN_PREFIXES: &[&str] = &["YOUR_", "MY_", "LATEST_", "REPLACE_", "INSERT_", "ENTER_", "CHANGE_ME", "CHANGEME"];

/// One placeholder in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholder {
    /// Where it stands, in bytes.
    pub range: Range<usize>,
    /// How a form names it: `pod-name`.
    pub name: String,
}

/// All placeholders of a text in order, whatever language it is in. They never overlap.
#[must_use]
pub fn find(text: &str) -> Vec<Placeholder> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'<' => angle(text, at),
            byte if byte.is_ascii_alphanumeric() && starts_word(bytes, at) => {
                let end = word_end(bytes, at);
                if open_word(text, at, end) {
                    Some(end)
                } else {
                    at = end;
                    continue;
                }
            }
            _ => None,
        };
        if let Some(end) = end {
            let name = text[at..end].trim_start_matches('<').trim_end_matches('>').to_owned();
            found.push(Placeholder { range: at..end, name });
            at = end;
        } else {
            at += 1;
        }
    }
    found
}

/// The placeholders of a message to people, where `[describe impact]` is one too.
#[must_use]
pub fn find_in_message(text: &str) -> Vec<Placeholder> {
    let mut found = find(text);
    let angles = found.len();
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(open) = text[at..].find('[').map(|offset| at + offset) {
        at = open + 1;
        let Some(close) = text[at..].bytes().take(LONGEST * 2).position(|byte| byte == b']').map(|offset| at + offset)
        else {
            continue;
        };
        let inner = &text[at..close];
        let plain = inner.chars().next().is_some_and(char::is_alphanumeric)
            && !inner.contains(['[', '\n', '<', '"'])
            && bytes.get(close + 1) != Some(&b'(');
        let next = found[..angles].partition_point(|other| other.range.end <= open);
        if plain && (next == angles || found[next].range.start > close) {
            found.push(Placeholder { range: open..close + 1, name: inner.to_owned() });
        }
        at = close + 1;
    }
    found.sort_by_key(|placeholder| placeholder.range.start);
    found
}

/// The same text with each `<…>` replaced by characters that are an ordinary part of a word to bash: same length, same offsets.
#[must_use]
pub(crate) fn mask(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for placeholder in find(text) {
        for byte in &mut bytes[placeholder.range] {
            if matches!(byte, b'<' | b'>' | b' ') {
                *byte = b'.';
            }
        }
    }
    String::from_utf8(bytes).expect("only ASCII bytes were replaced by ASCII bytes")
}

/// The end of `<name>` that begins at `start`. Names are words of letters, digits, `_`, `-` and `/`, joined by single spaces,
/// each beginning with a letter; so neither `<<EOF`, `<(…)`, `< in > out` nor `done <list 2>err` is one.
fn angle(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    if start > 0 && matches!(bytes[start - 1], b'<' | b'?') {
        return None;
    }
    let mut word_start = true;
    for (offset, &byte) in bytes[start + 1..].iter().enumerate().take(LONGEST) {
        match byte {
            b'>' if !word_start => {
                let end = start + 1 + offset + 1;
                let markup = format!("</{}", &text[start + 1..end]);
                let near = &bytes[end..bytes.len().min(end + MARKUP_WINDOW)];
                let closes = near.windows(markup.len()).any(|window| window == markup.as_bytes());
                return (!closes).then_some(end);
            }
            b' ' if !word_start => word_start = true,
            byte if byte.is_ascii_alphabetic() => word_start = false,
            byte if !word_start && (byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'/')) => {}
            _ => return None,
        }
    }
    None
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

fn starts_word(bytes: &[u8], at: usize) -> bool {
    at == 0 || !(is_word(bytes[at - 1]) || matches!(bytes[at - 1], b'$' | b'{' | b'\\' | b'%') || bytes[at - 1] >= 0x80)
}

fn word_end(bytes: &[u8], start: usize) -> usize {
    bytes[start..].iter().position(|&byte| !is_word(byte)).map_or(bytes.len(), |offset| start + offset)
}

/// Whether the word says by its shape that it stands for something else.
fn open_word(text: &str, start: usize, end: usize) -> bool {
    let word = &text[start..end];
    if word.len() < 4 || word.len() > LONGEST || text.as_bytes().get(end) == Some(&b'=') {
        return false;
    }
    let upper = word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    let lower = word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    (upper && OPEN_PREFIXES.iter().any(|prefix| word.starts_with(prefix)))
        || (lower && word.starts_with("your-") && word.len() > 5)
        || (lower && word.ends_with("-here") && word.len() > 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        find(text).into_iter().map(|placeholder| placeholder.name).collect()
    }

    #[test]
    fn finds_what_people_leave_open() {
        assert_eq!(names("kubectl exec <pod-name> -- x <POD_2>"), ["pod-name", "POD_2"]);
        assert_eq!(names(r#"{"routing_key": "YOUR_ROUTING_KEY"}"#), ["YOUR_ROUTING_KEY"]);
        assert_eq!(names("aws s3 cp s3://b/LATEST_BACKUP.sql.gz ."), ["LATEST_BACKUP"]);
        assert_eq!(names("grep \"correlation-id-here\" <your pod name>"), ["correlation-id-here", "your pod name"]);
    }

    #[test]
    fn leaves_bash_and_markup_alone() {
        for text in [
            "cat <<EOF",
            "cat <<'EOF' >x",
            "diff <(a) <(b)",
            "sort < in > out",
            "done <list.txt 2>err",
            "grep -P '(?<year>x)'",
            "<b>bold</b>",
            "echo $YOUR_KEY ${YOUR_KEY}",
            "YOUR_KEY=1",
            "a <b",
            "for f in here; do",
        ] {
            assert_eq!(names(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn mask_keeps_length() {
        let text = "é <pod name> <b";
        assert_eq!(mask(text), "é .pod.name. <b");
    }

    #[test]
    fn messages_have_brackets() {
        let names: Vec<_> =
            find_in_message("P[1-4] [describe impact] [link](x) <who> [ ]").into_iter().map(|p| p.name).collect();
        assert_eq!(names, ["1-4", "describe impact", "who"]);
    }
}
