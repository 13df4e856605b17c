//! Text on its way to others: plain, short enough, and without what must not be told.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// Follows a text that was cut.
const NOTE: &str = "… (cut; the whole text is in the portal)";

/// What stands for a secret.
const MASK: &str = "•••";

/// The most of others' words that an error repeats, in characters.
const QUOTED: usize = 200;

/// Below this a part of an address or a key is too common a word to be one.
const SHORTEST: usize = 8;

/// Line ends as `\n`, and nothing that steers a terminal or turns the direction of reading.
pub(crate) fn plain(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars()
        .filter(|c| matches!(c, '\n' | '\t') || !(c.is_control() || turns(*c)))
        .collect::<String>()
        .trim()
        .into()
}

/// Makes what follows read in another direction (Unicode UAX #9).
fn turns(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// The same in one line, with single spaces.
pub(crate) fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").chars().filter(|c| !turns(*c)).collect()
}

/// At most so many characters; the last one then says that there were more.
pub(crate) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    if text.chars().count() <= most {
        return text.into();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// The text with every character written as `write` writes it, and a note where not all of it fits. `most` counts
/// UTF-16 units, by which nobody counts fewer than by characters.
pub(crate) fn written_within(text: &str, most: usize, write: impl Fn(char, &mut String)) -> String {
    let room = most.saturating_sub(units(NOTE));
    let (mut written, mut length, mut keep) = (String::with_capacity(text.len()), 0, 0);
    for c in text.chars() {
        let start = written.len();
        write(c, &mut written);
        length += units(&written[start..]);
        if length <= room {
            keep = written.len();
        }
        if length > most {
            written.truncate(keep);
            written.push_str(NOTE);
            break;
        }
    }
    written
}

pub(crate) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The text, and the page of the incident where the text does not name it.
pub(crate) fn with_address(text: String, address: Option<&str>) -> String {
    match address {
        Some(address) if !text.contains(address) => format!("{text}\n\n{address}"),
        _ => text,
    }
}

/// Stands for a text that is too long to be a key itself: its SHA-256 in hexadecimal.
pub(crate) fn digest(text: &str) -> String {
    Sha256::digest(text).iter().fold(String::new(), |mut digest, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(digest, "{byte:02x}");
        digest
    })
}

/// What an error began with: the outer ones say only that something failed.
pub(crate) fn first_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// What must not be told, in every form that it may come back.
#[derive(Clone)]
pub(crate) struct Hidden(Vec<String>);

impl Hidden {
    pub(crate) fn new(forms: impl IntoIterator<Item = String>) -> Self {
        let mut forms: Vec<String> = forms.into_iter().filter(|form| !form.is_empty()).collect();
        // A form that holds another one goes first, so that nothing of it is left.
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms.dedup();
        Self(forms)
    }

    /// Of an address whose path and query are its key.
    pub(crate) fn of_url(url: &url::Url) -> Self {
        let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        let segments = url.path_segments().into_iter().flatten().flat_map(|part| [part.to_owned(), decoded(part)]);
        let values = url.query_pairs().map(|(_, value)| value.into_owned());
        let raw = url.query().into_iter().flat_map(|query| query.split(['&', '='])).map(str::to_owned);
        let account = [url.username(), url.password().unwrap_or_default()].map(str::to_owned);
        let parts = segments.chain(values).chain(raw).chain(account).filter(|part| part.len() >= SHORTEST);
        let whole = [url.as_str(), url.path(), url.query().unwrap_or_default()];
        Self::new(parts.chain(whole.map(str::to_owned).into_iter().filter(|text| text.len() >= SHORTEST)))
    }

    /// These too.
    pub(crate) fn and(self, forms: impl IntoIterator<Item = String>) -> Self {
        Self::new(self.0.into_iter().chain(forms))
    }

    /// What others said, in one short line and without the secret. Of a text that was `broken_off`, the end may be half
    /// a secret, and goes.
    pub(crate) fn quote(&self, text: &str, broken_off: Broken) -> String {
        let mut text = self.0.iter().fold(text.to_owned(), |text, form| text.replace(form.as_str(), MASK));
        if broken_off == Broken::Off {
            let longest = self.0.first().map_or(0, |form| form.chars().count());
            let keep = text.chars().count().saturating_sub(longest);
            text = text.chars().take(keep).collect();
        }
        cut(&one_line(&text), QUOTED).into_owned()
    }
}

/// Whether a text ends where its author ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// It may go on.
    Off,
    /// It is whole.
    Nowhere,
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hidden")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_controls_are_tamed() {
        assert_eq!(plain("a\r\nb\rc\u{1b}[31m\u{202e}d\n\n"), "a\nb\nc[31md");
        assert_eq!(one_line(" a\r\nBcc: b\u{2028}c\u{0}d "), "a Bcc: b c d");
        assert_eq!(cut("abcd", 3), "ab…");
        assert_eq!(cut("äöü", 3), "äöü");
    }

    #[test]
    fn what_is_written_fits_and_never_ends_inside_an_escape() {
        let write = |c: char, out: &mut String| if c == '&' { out.push_str("&amp;") } else { out.push(c) };
        assert_eq!(written_within("a&b", 7, write), "a&amp;b");
        for most in 45..60 {
            let written = written_within(&"&😀".repeat(40), most, write);
            assert!(units(&written) <= most, "{written}");
            assert!(written.ends_with(NOTE) && !written.replace("&amp;", "").contains('&'), "{written}");
        }
    }

    #[test]
    fn every_part_of_a_secret_address_is_hidden() {
        let url: url::Url =
            "https://h.example/services/T12345678/secret%2Fpart?api-version=2016&sig=a%2Bbcdefgh".parse().unwrap();
        let hidden = Hidden::of_url(&url);
        for told in [url.as_str(), url.path(), "T12345678", "secret/part", "secret%2Fpart", "a+bcdefgh", "a%2Bbcdefgh"]
        {
            assert_eq!(
                hidden.quote(&format!("no {told}!"), Broken::Nowhere).replace('•', "").len(),
                "no !".len(),
                "{told}"
            );
        }
        let half = format!("{} T1234", "x".repeat(20));
        assert!(!hidden.quote(&half, Broken::Off).contains("T1234"));
        assert_eq!(format!("{hidden:?}"), "Hidden");
    }
}
