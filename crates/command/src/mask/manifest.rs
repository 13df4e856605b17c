//! What objects of kind `Secret` hold (Kubernetes API, Secret v1: `data` and `stringData`), in YAML and JSON.

use std::ops::Range;

use super::{MASK, is_open};

/// Fields of a patch that say where, not what (RFC 6902; Kubernetes API conventions).
const STRUCTURE: &[&str] = &["op", "path", "from", "kind", "apiVersion", "name", "namespace", "type"];

/// Masks what a text's manifests of kind `Secret` hold. Documents are told apart by `---`.
pub(super) fn secrets(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut document = 0;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_end() == "---" {
            out.push_str(&document_masked(&text[document..at]));
            document = at;
        }
        at += line.len();
    }
    out.push_str(&document_masked(&text[document..]));
    out
}

fn document_masked(document: &str) -> String {
    if !is_secret(document) {
        return document.to_owned();
    }
    let mut out = String::with_capacity(document.len());
    let mut at = 0;
    while let Some(held) = next_held(document, at) {
        out.push_str(&document[at..held.start]);
        out.push_str(&values(&document[held.clone()], &[]));
        at = held.end;
    }
    out.push_str(&document[at..]);
    out
}

/// Whether a document says `kind: Secret`.
fn is_secret(document: &str) -> bool {
    document.match_indices("kind").any(|(at, word)| {
        let quote = |c: char| matches!(c, '"' | '\'' | ' ' | '\\');
        // A few bytes decide: the text is not trimmed again and again.
        let rest = &document[at + word.len()..];
        let near = (0..=24.min(rest.len())).rev().find(|&end| rest.is_char_boundary(end)).unwrap_or(0);
        let value = rest[..near].trim_start_matches(quote).strip_prefix(':').map(|rest| rest.trim_start_matches(quote));
        value
            .and_then(|value| value.strip_prefix("Secret"))
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
    })
}

/// What the next `data` or `stringData` at or after `from` holds.
fn next_held(text: &str, from: usize) -> Option<Range<usize>> {
    let mut search = from;
    loop {
        let bytes = text.as_bytes();
        let end = search + text[search..].find("ata")? + 3;
        search = end;
        let Some(word) = ["stringData", "data"].into_iter().find(|word| text[..end].ends_with(word)) else { continue };
        let at = end - word.len();
        let mut colon = end;
        let alone = at.checked_sub(1).is_none_or(|before| !bytes[before].is_ascii_alphanumeric());
        while colon < end + 4 && matches!(bytes.get(colon), Some(b'"' | b'\'' | b'\\' | b' ')) {
            colon += 1;
        }
        if !alone || bytes.get(colon) != Some(&b':') {
            continue;
        }
        let first = bytes[colon + 1..].iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\r'));
        let first = first.map_or(text.len(), |offset| colon + 1 + offset);
        let held_end = match bytes.get(first) {
            Some(b'{') => balanced_end(text, first),
            Some(b'\n') => {
                let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
                block_end(text, first, text[line..at].len())
            }
            _ => continue,
        };
        return Some(first..held_end);
    }
}

/// Where the object ends that opens at `start`.
fn balanced_end(text: &str, start: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, byte) in text.as_bytes()[start..].iter().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth <= 1 => return start + offset + 1,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

/// The end of the lines after the newline at `newline` that are blank or indented by more than `indent`.
pub(super) fn block_end(text: &str, newline: usize, indent: usize) -> usize {
    let mut end = (newline + 1).min(text.len());
    for line in text[end..].split_inclusive('\n') {
        let indented = line.len() - line.trim_start_matches(' ').len();
        if !line.trim().is_empty() && indented <= indent {
            break;
        }
        end += line.len();
    }
    end.max(newline.min(text.len()))
}

/// Masks the values of a patch of a Secret: all but those that say where.
pub(super) fn patch(text: &str) -> String {
    if is_open(text) { text.to_owned() } else { values(text, STRUCTURE) }
}

/// Masks all values of an object in YAML or JSON, but those of the fields in `kept`.
fn values(text: &str, mut kept: &[&str]) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let (mut key, mut at, mut line) = ("", 0, 0);
    let hide = |value: &str, key: &str, kept: &[&str]| match kept.contains(&key) || is_open(value) {
        true => value.to_owned(),
        false => MASK.to_owned(),
    };
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'"' | b'\'') => {
                let end = string_end(bytes, at + 1, quote);
                let inner = text[at + 1..end].trim_end_matches('\\');
                let after = bytes[(end + 1).min(bytes.len())..].iter().find(|byte| **byte != b' ');
                out.push(char::from(quote));
                if after == Some(&b':') {
                    key = inner;
                    out.push_str(&text[at + 1..end]);
                } else {
                    out.push_str(&hide(&text[at + 1..end], key, kept));
                }
                out.extend(text[end..].chars().next());
                at = (end + 1).min(bytes.len());
            }
            b':' => {
                if matches!(key, "data" | "stringData") {
                    kept = &[];
                }
                let first =
                    at + 1 + bytes[at + 1..].iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\\')).count();
                out.push_str(&text[at..first]);
                at = first;
                if matches!(bytes.get(at), None | Some(b'"' | b'\'' | b'{' | b'[' | b'\n' | b'\r')) {
                    continue;
                }
                let ends = |c: char| matches!(c, '\n' | ',' | '}' | ']');
                let mut end = text[at..].find(ends).map_or(text.len(), |offset| at + offset);
                if text[at..].starts_with(['|', '>']) {
                    let indent = bytes[line..].iter().take_while(|byte| **byte == b' ').count();
                    out.push_str(&text[at..end]);
                    let block = block_end(text, end, indent);
                    if end < block {
                        out.push('\n');
                        out.push_str(&" ".repeat(indent.min(64) + 2));
                        out.push_str(MASK);
                        out.push('\n');
                        line = block;
                    }
                    end = block;
                } else {
                    out.push_str(&hide(&text[at..end], key, kept));
                }
                at = end;
            }
            b'\n' => {
                out.push('\n');
                at += 1;
                line = at;
            }
            byte if byte.is_ascii_alphanumeric() => {
                let length =
                    bytes[at..].iter().take_while(|byte| !matches!(byte, b':' | b'"' | b'\'' | b',' | b'}' | b'\n'));
                let end = at + length.count();
                let is_key = bytes.get(end) == Some(&b':');
                if is_key {
                    key = text[at..end].trim_end();
                    out.push_str(&text[at..end]);
                } else {
                    // A line that continues the value above it.
                    out.push_str(&hide(&text[at..end], key, kept));
                }
                at = end;
            }
            _ => {
                let end = (at + 1..=bytes.len()).find(|&end| text.is_char_boundary(end)).unwrap_or(bytes.len());
                out.push_str(&text[at..end]);
                at = end;
            }
        }
    }
    out
}

/// Where the string ends whose first byte is at `from`: at its quote, or at the end of the text.
fn string_end(bytes: &[u8], from: usize, quote: u8) -> usize {
    let mut at = from;
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' && quote == b'"' && bytes.get(at + 1) != Some(&b'"') { 2 } else { 1 };
    }
    at.min(bytes.len())
}
