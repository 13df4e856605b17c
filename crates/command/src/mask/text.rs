//! Secrets in free text: headers, assignments, objects, addresses, keys.

use std::ops::Range;

use super::{LONGEST_REFERENCE, MASK, is_open, is_secret_name, manifest};

/// Headers whose whole value is a secret (RFC 9110, 11.6.2 and 11.7.2; RFC 6265), by the end of their name.
const SECRET_HEADERS: &[&str] = &["authorization", "cookie"];

/// How the credentials of well-known issuers begin (AWS IAM identifiers; the issuers' own secret scanning pages; RFC 7519).
const ISSUED: &[&str] =
    &["AKIA", "ASIA", "ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "xoxa-", "sk_live_", "eyJ"];

/// The fewest bytes of an issued credential.
const SHORTEST_ISSUED: usize = 16;

/// Masks secrets in one argument: a header, an object, an address, or an assignment, whose whole value goes.
#[must_use]
pub fn mask_text(text: &str) -> String {
    if let Some((name, value)) = text.split_once('=')
        && name.bytes().all(is_name)
        && is_secret_name(name)
    {
        return if is_open(value) { text.to_owned() } else { format!("{name}={MASK}") };
    }
    mask_passages(text)
}

/// Masks secrets in a text of many lines.
pub(super) fn mask_passages(text: &str) -> String {
    named(&addresses(&manifest::secrets(&private_keys(text))))
}

/// Replaces private keys in PEM (RFC 7468).
fn private_keys(text: &str) -> String {
    const BEGIN: &str = "-----BEGIN ";
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    while let Some(start) = text[from..].find(BEGIN).map(|at| from + at) {
        let label = start + BEGIN.len();
        let line = text[label..].bytes().take(80).position(|byte| byte == b'-').map_or(label, |at| label + at);
        out.push_str(&text[from..line]);
        from = line;
        if text[label..line].ends_with("PRIVATE KEY") {
            out.push_str("-----");
            out.push_str(MASK);
            let Some(end) = text[line..].find("-----END").map(|at| line + at) else { return out };
            from = end;
        }
    }
    out.push_str(&text[from..]);
    out
}

/// `scheme://user:password@host` loses the password, `https://token@host` the token.
fn addresses(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut copied, mut from) = (0, 0);
    while let Some(scheme) = text[from..].find("://").map(|at| from + at) {
        let start = scheme + 3;
        let ends = |c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'' | '`');
        let end = text[start..].find(ends).map_or(text.len(), |at| start + at);
        let secret = text[start..end].rfind('@').and_then(|at| {
            let web = text[from..scheme].ends_with("http") || text[from..scheme].ends_with("https");
            match text[start..start + at].find(':') {
                Some(colon) => Some(start + colon + 1..start + at),
                None => web.then_some(start..start + at),
            }
        });
        if let Some(secret) = secret.filter(|secret| !is_open(&text[secret.clone()])) {
            out.push_str(&text[copied..secret.start]);
            out.push_str(MASK);
            copied = secret.end;
        }
        // The colon that ends one authority may begin the next address.
        from = if text[start..end].ends_with(':') { end - 1 } else { end };
    }
    out.push_str(&text[copied..]);
    out
}

/// Replaces what goes by a secret's name, and what is a credential by its own shape.
fn named(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let (mut copied, mut at) = (0, 0);
    let mut before = "";
    // Whether a container's variable with a secret's name waits for its `value:`.
    let mut awaits_value = false;
    while at < bytes.len() {
        if !is_name(bytes[at]) {
            at += 1;
            continue;
        }
        let end = run(bytes, at, is_name);
        let name = &text[at..end];
        let secret = if is_issued(name) {
            let jwt = |byte| is_name(byte) || byte == b'.';
            Some(at..if name.starts_with("eyJ") { run(bytes, end, jwt) } else { end })
        } else if name == "value" && awaits_value {
            awaits_value = false;
            value(text, at, end)
        } else {
            after_name(text, at, end, before)
        };
        if name == "name"
            && let near =
                (end..=text.len().min(end + 128)).rev().find(|&near| text.is_char_boundary(near)).unwrap_or(end)
            && let Some(variable) = value(&text[..near], at, end)
        {
            let variable = &text[variable];
            awaits_value = variable.bytes().all(is_name) && is_secret_name(variable);
        }
        before = name;
        at = end;
        if let Some(secret) = secret {
            if !is_open(&text[secret.clone()]) {
                out.push_str(&text[copied..secret.start]);
                out.push_str(MASK);
                copied = secret.end;
                at = secret.end;
            } else if text[secret.start..].starts_with(MASK) {
                at = secret.start + MASK.len();
            }
        }
    }
    out.push_str(&text[copied..]);
    out
}

/// Where the secret stands that a name announces, if it announces one.
fn after_name(text: &str, start: usize, end: usize, before: &str) -> Option<Range<usize>> {
    let name = &text[start..end];
    let lower = name.get(name.len().saturating_sub(32)..).unwrap_or_default().to_ascii_lowercase();
    if SECRET_HEADERS.iter().any(|header| lower.ends_with(header))
        && let Some(header) = header(text, start, end)
    {
        return Some(header);
    }
    let spaces = run(text.as_bytes(), end, |byte| byte == b' ');
    let quoted = text.as_bytes().get(spaces) == Some(&b'\'') && spaces > end;
    if quoted && (lower == "password" || (lower == "by" && before.eq_ignore_ascii_case("identified"))) {
        return Some(quoted_value(text, spaces));
    }
    if lower == "bearer" && spaces > end {
        let ends = |byte: u8| !(byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b',' | b')' | b'`'));
        return Some(spaces..open_end(text, spaces).unwrap_or_else(|| run(text.as_bytes(), spaces, ends)));
    }
    is_secret_name(name).then(|| value(text, start, end)).flatten()
}

/// The value of a header: to the quote that stands before its name, else to the end of the line.
fn header(text: &str, start: usize, end: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    if bytes.get(end) != Some(&b':') {
        return None;
    }
    let first = run(bytes, end + 1, |byte| byte == b' ');
    let quote = start.checked_sub(1).map(|at| bytes[at]).filter(|byte| matches!(byte, b'"' | b'\''));
    let last = run(bytes, first, |byte| byte != b'\n' && Some(byte) != quote);
    if text[first..].starts_with(MASK) {
        return Some(first..first + MASK.len());
    }
    if last - first > LONGEST_REFERENCE {
        return Some(first..last);
    }
    let (scheme, credential) = text[first..last].split_once(' ').unwrap_or(("", &text[first..last]));
    let ends = credential.find(['"', '\'']).unwrap_or(credential.len());
    let open = scheme.bytes().all(is_name) && (is_open(credential) || is_open(&credential[..ends]));
    (!open).then_some(first..last)
}

/// The value after a name and `=` or `:`: in quotes, as a block of YAML, or one word.
fn value(text: &str, start: usize, end: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let quotes = run(&bytes[..bytes.len().min(end + 4)], end, |byte| matches!(byte, b'"' | b'\'' | b'\\'));
    let separator = run(bytes, quotes, |byte| byte == b' ' || byte == b'\t');
    if !matches!(bytes.get(separator), Some(b':' | b'=')) {
        return None;
    }
    // `${TOKEN:0:8}` cuts, it sets nothing.
    if text[..start].ends_with("${") && !matches!(bytes.get(separator + 1), Some(b'-' | b'=' | b'+')) {
        return None;
    }
    let again = run(&bytes[..bytes.len().min(separator + 3)], separator + 1, |byte| byte == b'=');
    let first = run(bytes, again, |byte| byte == b' ' || byte == b'\t');
    match bytes.get(first)? {
        b'"' | b'\'' => return Some(quoted_value(text, first)),
        b'\\' if matches!(bytes.get(first + 1), Some(b'"')) => return Some(quoted_value(text, first)),
        b'|' | b'>' => {
            let line = run(bytes, first, |byte| byte != b'\n');
            let key = text[..start].rfind('\n').map_or(0, |at| at + 1);
            let indent = run(bytes, key, |byte| byte == b' ') - key;
            let block = manifest::block_end(text, line, indent);
            return (line < block).then_some(line + 1..block);
        }
        b'{' | b'[' | b'\n' => return None,
        _ => {}
    }
    if let Some(end) = open_end(text, first) {
        return Some(first..end);
    }
    let mut last = first;
    while let Some(&byte) = bytes.get(last) {
        match byte {
            b'\\' if !matches!(bytes.get(last + 1), Some(b'"' | b'\'' | b'\n')) => last += 1,
            b'"' | b'\'' | b',' | b'}' | b'&' | b';' | b'\\' | b')' => break,
            byte if byte.is_ascii_whitespace() => break,
            _ => {}
        }
        last += 1;
    }
    let last = (last.min(text.len())..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len());
    (first < last).then_some(first..last)
}

/// The end of a reference or placeholder that may hold spaces: `$(cat key)`, `${KEY}`, `<new password>`.
fn open_end(text: &str, start: usize) -> Option<usize> {
    let close = match text.as_bytes().get(start..start + 2)? {
        b"$(" => b')',
        b"${" => b'}',
        [b'<', _] => b'>',
        _ => return None,
    };
    let within = text.as_bytes()[start..].iter().take(256).position(|&byte| byte == close || byte == b'\n')?;
    let end = start + within + 1;
    let delimited =
        text.as_bytes().get(end).is_none_or(|&byte| byte.is_ascii_whitespace() || b"\"',}&;)\\@".contains(&byte));
    (text.as_bytes()[end - 1] == close && delimited && is_open(&text[start..end])).then_some(end)
}

/// What stands within the quote that begins at `start`, which may have a backslash before it.
fn quoted_value(text: &str, start: usize) -> Range<usize> {
    let bytes = text.as_bytes();
    let escaped = bytes[start] == b'\\';
    let quote = bytes[start + usize::from(escaped)];
    let first = start + 1 + usize::from(escaped);
    let mut at = first;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if escaped && bytes.get(at + 1) == Some(&quote) => return first..at,
            b'\\' if quote == b'"' => at += 1,
            byte if byte == quote => return first..at,
            _ => {}
        }
        at += 1;
    }
    first..text.len()
}

fn is_issued(word: &str) -> bool {
    word.len() >= SHORTEST_ISSUED && ISSUED.iter().any(|beginning| word.starts_with(beginning))
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// Where the run of such bytes ends that begins at `start`.
fn run(bytes: &[u8], start: usize, holds: impl Fn(u8) -> bool) -> usize {
    let start = start.min(bytes.len());
    bytes[start..].iter().position(|&byte| !holds(byte)).map_or(bytes.len(), |offset| start + offset)
}
