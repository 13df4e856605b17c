//! The text of a token: made to be found by scanners for leaked secrets, and to be kept nowhere.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// How every token begins: a word that scanners for secrets can look for.
const PREFIX: &str = "rbp_";
/// Bytes that nobody guesses.
const RANDOM: usize = 32;
/// Bytes behind them that tell a token from a text that only looks like one: without asking the database.
const CHECK: usize = 4;

/// A token as it is shown once: `rbp_` and 48 characters (`rbp_[A-Za-z0-9_-]{48}`). Never in logs, errors or `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenText(String);

impl TokenText {
    /// A new one, from the operating system's randomness.
    #[must_use]
    pub fn random() -> Self {
        Self::of(rand::random())
    }

    fn of(secret: [u8; RANDOM]) -> Self {
        let mut bytes = secret.to_vec();
        bytes.extend(check(&secret));
        Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The text, for the one page that shows it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        TokenDigest(hex(&Sha256::digest(&self.0)))
    }
}

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenText(rbp_•••)")
    }
}

/// The SHA-256 of a token's text, lower-case hex, 64 characters. The text holds 256 bits that nobody guesses, so a slow
/// hash would add nothing, and looking one up by an index tells nothing about any text.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenDigest(String);

impl TokenDigest {
    /// The digest of a text that somebody shows; `None` where that is no token by its form.
    #[must_use]
    pub fn of_shown(text: &str) -> Option<Self> {
        let encoded = text.strip_prefix(PREFIX)?;
        let bytes = URL_SAFE_NO_PAD.decode(encoded).ok()?;
        let (secret, given) = bytes.split_at_checked(RANDOM)?;
        (given == check(secret)).then(|| Self(hex(&Sha256::digest(text))))
    }

    /// The hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(•••)")
    }
}

fn check(secret: &[u8]) -> [u8; CHECK] {
    let digest = Sha256::new().chain_update(PREFIX).chain_update(secret).finalize();
    let mut check = [0; CHECK];
    check.copy_from_slice(&digest[..CHECK]);
    check
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_form_and_shown_nowhere() {
        let text = TokenText::random();
        let shown = text.expose();
        assert_eq!(shown.len(), 52);
        assert!(shown[4..].bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')), "{shown}");
        assert_eq!(TokenDigest::of_shown(shown), Some(text.digest()));
        assert_ne!(TokenText::random(), text);
        let told = format!("{text:?} {:?}", text.digest());
        assert!(!told.contains(&shown[4..]) && !told.contains(text.digest().as_str()), "{told}");
    }

    #[test]
    fn what_only_looks_like_one_is_none() {
        let good = TokenText::of([7; RANDOM]);
        let good = good.expose();
        assert!(TokenDigest::of_shown(good).is_some());
        let mut wrong = good.to_owned();
        wrong.replace_range(9..10, if &good[9..10] == "A" { "B" } else { "A" });
        for text in
            ["", "rbp_", &wrong, &good[..51], &good[4..], &format!("{good}A"), &format!("{good} "), "rbp_ä", "RBP_x"]
        {
            assert_eq!(TokenDigest::of_shown(text), None, "{text}");
        }
    }
}
