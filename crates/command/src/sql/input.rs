//! The text that is read, and what can be told of it without knowing what came before.

use super::scan::{LONGEST_STATEMENT, ScanError};

/// How deep variables may hold the names of others.
const DEEPEST_EXPANSION: usize = 64;

/// How a variable's value is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quoting {
    /// `:name`: as it is.
    Plain,
    /// `:'name'`: as a literal.
    Literal,
    /// `:"name"`: as an identifier.
    Identifier,
    /// `:{?name}`: whether there is one, `TRUE` or `FALSE`.
    Test,
}

/// A text that is being read, with the values of variables spliced in where they are used.
#[derive(Debug, Default)]
pub struct Input {
    text: Vec<u8>,
    at: usize,
    /// The variables whose value is being read: the name, and how many bytes are left behind its end.
    expanding: Vec<(String, usize)>,
}

impl Input {
    /// Reads this text.
    #[must_use]
    pub fn new(text: impl Into<Vec<u8>>) -> Self {
        Self { text: text.into(), at: 0, expanding: Vec::new() }
    }

    /// What has not been read.
    #[must_use]
    pub fn rest(&self) -> &[u8] {
        &self.text[self.at..]
    }

    /// Goes on behind this many bytes.
    pub fn advance(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.text.len());
        let left = self.text.len() - self.at;
        self.expanding.retain(|(_, behind)| left > *behind);
    }

    pub(super) fn expand(&mut self, name: &str, length: usize, value: &str) -> Result<(), ScanError> {
        let behind = self.text.len() - self.at - length;
        if self.expanding.len() >= DEEPEST_EXPANSION {
            return Err(ScanError::TooDeep);
        }
        if behind + value.len() > LONGEST_STATEMENT {
            return Err(ScanError::TooLong);
        }
        self.text.splice(..self.at + length, value.bytes());
        self.at = 0;
        self.expanding.push((name.to_owned(), behind));
        Ok(())
    }

    pub(super) fn is_expanding(&self, name: &str) -> bool {
        self.expanding.iter().any(|(other, _)| other == name)
    }
}

pub(super) fn is_identifier_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

/// `$tag$` at the start of a text.
pub(super) fn dollar_tag(text: &[u8]) -> Option<Vec<u8>> {
    let length = 1 + text[1..].iter().position(|&byte| !is_identifier_start(byte) && !byte.is_ascii_digit())?;
    let digit_first = text[1].is_ascii_digit();
    (text[length] == b'$' && !digit_first).then(|| text[..=length].to_vec())
}

/// White space with a line break, then a quote: what joins two strings. Its length with the quote.
pub(super) fn continuation(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    let mut broken = false;
    loop {
        match text.get(at)? {
            b'\n' | b'\r' => (broken, at) = (true, at + 1),
            b' ' | b'\t' | b'\x0c' => at += 1,
            b'-' if text.get(at + 1) == Some(&b'-') => {
                at += text[at..].iter().position(|byte| matches!(byte, b'\n' | b'\r'))?;
            }
            b'\'' if broken => return Some(at + 1),
            _ => return None,
        }
    }
}

/// A variable's name at the start of a text, how it is wanted, and how long that is.
pub fn variable(text: &[u8]) -> Option<(String, Quoting, usize)> {
    let name = |from: usize| {
        let rest = text.get(from..)?;
        let length =
            rest.iter().position(|&byte| !is_identifier_start(byte) && !byte.is_ascii_digit()).unwrap_or(rest.len());
        let name = std::str::from_utf8(&rest[..length]).ok().filter(|name| !name.is_empty())?;
        Some((name.to_owned(), from + length))
    };
    let closed = |from: usize, close: u8, quoting: Quoting| {
        let (name, end) = name(from)?;
        (text.get(end) == Some(&close)).then_some((name, quoting, end + 1))
    };
    match text.get(1)? {
        b'\'' => closed(2, b'\'', Quoting::Literal),
        b'"' => closed(2, b'"', Quoting::Identifier),
        b'{' if text.get(2) == Some(&b'?') => closed(3, b'}', Quoting::Test),
        _ => name(1).map(|(name, end)| (name, Quoting::Plain, end)),
    }
}
