//! Secret values that a person gave: what a command prints, calls and exports is kept without them.

use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// What stands for a secret.
const MASK: &str = "•••";

/// The shortest secret, in bytes: a shorter one would be found everywhere.
pub(crate) const SHORTEST: usize = 4;

/// The secret values of one execution, in every form that they are looked for: as they are, quoted for JSON, URLs and
/// shells, in base64 wherever in an encoded text they may stand, and in hexadecimal. Cheap to clone; shows nothing.
#[derive(Clone, Default)]
pub(crate) struct Secrets {
    forms: Arc<Vec<Vec<u8>>>,
    automaton: Option<Arc<AhoCorasick>>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.forms.len())
    }
}

impl Secrets {
    /// Of these values; those that are too short to be told from other text are left out.
    pub(crate) fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut forms: Vec<Vec<u8>> =
            values.into_iter().filter(|value| value.len() >= SHORTEST).flat_map(forms).collect();
        forms.sort();
        forms.dedup();
        if forms.is_empty() {
            return Self::default();
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&forms)
            .expect("some short values make a small automaton");
        Self { forms: Arc::new(forms), automaton: Some(Arc::new(automaton)) }
    }

    /// Whether a text holds one of them.
    pub(crate) fn are_in(&self, text: &str) -> bool {
        self.automaton.as_ref().is_some_and(|automaton| automaton.is_match(text))
    }

    /// The text without them.
    pub(crate) fn mask(&self, text: &str) -> String {
        match &self.automaton {
            Some(automaton) => automaton.replace_all_with_mask(text),
            None => text.to_owned(),
        }
    }

    /// For a stream of bytes that arrive in pieces.
    pub(crate) fn masker(&self) -> Masker {
        Masker { secrets: self.clone(), held: Vec::new() }
    }

    /// How many bytes at the end of this text may be the beginning of a secret.
    fn begun(&self, bytes: &[u8]) -> usize {
        let longest = self.forms.iter().map(Vec::len).max().unwrap_or(0).saturating_sub(1);
        (1..=longest.min(bytes.len()))
            .rev()
            .find(|length| {
                let end = &bytes[bytes.len() - length..];
                self.forms.iter().any(|form| form.starts_with(end))
            })
            .unwrap_or(0)
    }
}

trait ReplaceAll {
    fn replace_all_with_mask(&self, text: &str) -> String;
}

impl ReplaceAll for AhoCorasick {
    fn replace_all_with_mask(&self, text: &str) -> String {
        let mut masked = String::with_capacity(text.len());
        self.replace_all_with(text, &mut masked, |_, _, masked| {
            masked.push_str(MASK);
            true
        });
        masked
    }
}

/// Masks a stream, also where a secret is cut in two by the pieces that it arrives in.
pub(crate) struct Masker {
    secrets: Secrets,
    held: Vec<u8>,
}

impl Masker {
    /// What may be shown of everything so far and was not given back yet.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        let Some(automaton) = &self.secrets.automaton else { return piece.to_vec() };
        let mut text = std::mem::take(&mut self.held);
        text.extend_from_slice(piece);
        let kept = self.secrets.begun(&text);
        // A secret that is complete may end within what another one has begun.
        let last = automaton.find_iter(&text).last().map_or(0, |found| found.end());
        let cut = (text.len() - kept).max(last);
        self.held = text.split_off(cut);
        self.masked(&text)
    }

    /// The rest, at the end of the stream.
    pub(crate) fn end(&mut self) -> Vec<u8> {
        let rest = std::mem::take(&mut self.held);
        self.masked(&rest)
    }

    fn masked(&self, text: &[u8]) -> Vec<u8> {
        let Some(automaton) = &self.secrets.automaton else { return text.to_vec() };
        let mut masked = Vec::with_capacity(text.len());
        automaton.replace_all_with_bytes(text, &mut masked, |_, _, masked| {
            masked.extend_from_slice(MASK.as_bytes());
            true
        });
        masked
    }
}

/// Every form that a value is looked for in.
fn forms(value: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![value.as_bytes().to_vec()];
    let json = serde_json::Value::from(value).to_string();
    forms.push(json.trim_matches('"').as_bytes().to_vec());
    let url: String = url_encoded(value, "%20");
    forms.push(url_encoded(value, "+").into_bytes());
    forms.push(url.into_bytes());
    forms.push(value.replace('\'', "'\\''").into_bytes());
    // SQL's, with and without backslashes of its own.
    let sql = value.replace('\'', "''");
    forms.push(sql.replace('\\', "\\\\").into_bytes());
    forms.push(sql.into_bytes());
    let hexadecimal = crate::running::hex(value.as_bytes());
    forms.push(hexadecimal.to_uppercase().into_bytes());
    forms.push(hexadecimal.into_bytes());
    for engine in [STANDARD, URL_SAFE] {
        for before in 0..3 {
            forms.extend(inner_base64(value.as_bytes(), before, &engine));
        }
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

/// The characters of base64 that are the same whatever stands around the value, where so many bytes (modulo 3) stand
/// before it.
fn inner_base64(value: &[u8], before: usize, engine: &impl base64::Engine) -> Option<Vec<u8>> {
    let mut padded = vec![0; before];
    padded.extend_from_slice(value);
    let encoded = engine.encode(&padded);
    // The first characters depend on what stands before, the last ones on what follows.
    let start = before * 8 / 6 + usize::from(before > 0);
    let end = padded.len() * 8 / 6;
    let inner = encoded.as_bytes().get(start..end)?;
    (inner.len() >= SHORTEST).then(|| inner.to_vec())
}

fn url_encoded(value: &str, blank: &str) -> String {
    use std::fmt::Write as _;
    value.bytes().fold(String::new(), |mut text, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            b' ' => text.push_str(blank),
            // Writing to a String cannot fail.
            byte => drop(write!(text, "%{byte:02X}")),
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use proptest::prelude::*;

    use super::*;

    fn masked(secret: &str, pieces: &[&[u8]]) -> String {
        let mut masker = Secrets::new([secret]).masker();
        let mut shown: Vec<u8> = pieces.iter().flat_map(|piece| masker.push(piece)).collect();
        shown.extend(masker.end());
        String::from_utf8_lossy(&shown).into_owned()
    }

    #[test]
    fn a_secret_is_found_in_its_forms() {
        let secret = "p\"ss w0rd/ü";
        for text in [
            secret.to_owned(),
            serde_json::Value::from(secret).to_string(),
            "p%22ss%20w0rd%2F%C3%BC".to_owned(),
            "p%22ss+w0rd%2F%C3%BC".to_owned(),
            crate::running::hex(secret.as_bytes()),
        ] {
            let shown = masked(secret, &[b"a ", text.as_bytes(), b" z"]);
            assert!(shown.contains(MASK) && shown.starts_with("a ") && shown.ends_with(" z"), "{text}: {shown}");
            assert!(!shown.contains("w0rd"), "{shown}");
        }
    }

    #[test]
    fn what_only_begins_like_a_secret_comes_at_the_end() {
        assert_eq!(masked("swordfish", &[b"sword", b"play sword"]), "swordplay sword");
        assert_eq!(masked("swordfish", &[b"sword", b"fish"]), MASK);
        assert_eq!(masked("abc", &[b"abc"]), "abc", "too short to be looked for");
    }

    proptest! {
        #[test]
        fn no_cut_and_no_neighbour_shows_it(
            secret in "[a-zA-Z0-9!/+ ]{8,24}", before in "[a-z]{0,7}", after in "[a-z]{0,7}", cuts in prop::collection::vec(1_usize..9, 0..40),
        ) {
            let whole = format!("{before}{secret}{after}");
            for text in [whole.clone(), STANDARD.encode(&whole), URL_SAFE.encode(&whole)] {
                let mut rest = text.as_bytes();
                let mut pieces = Vec::new();
                for cut in &cuts {
                    let (piece, more) = rest.split_at((*cut).min(rest.len()));
                    pieces.push(piece);
                    rest = more;
                }
                pieces.push(rest);
                let shown = masked(&secret, &pieces);
                prop_assert!(shown.contains(MASK), "{}", shown);
                prop_assert!(!shown.contains(&secret));
            }
        }

        #[test]
        fn text_without_secrets_is_as_it_was(text in "[b-z\n]{0,200}", cut in 0_usize..200) {
            let (one, two) = text.as_bytes().split_at(cut.min(text.len()));
            prop_assert_eq!(masked("aaaaaaaa", &[one, two]), text);
        }
    }
}
