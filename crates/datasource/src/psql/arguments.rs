//! The arguments of a backslash command. Reference: `psqlscanslash.l` of PostgreSQL 15.

use command::sql::{Lookup, Quoting, variable};

/// How an argument is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Quotes are taken off single-quoted parts.
    Plain,
    /// A name: in lower case, unless in double quotes, which are taken off.
    Name,
}

/// What is left of a command's line.
pub(super) struct Arguments<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Arguments<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// The rest as it is, without the space around it.
    pub(super) fn whole(&mut self) -> &'t str {
        let rest = self.text[self.at..].trim();
        self.at = self.text.len();
        rest
    }

    /// How much of the line belongs to this command, with the `\\` that may end it.
    pub(super) fn end(&mut self) -> usize {
        self.skip_space();
        if self.text[self.at..].starts_with("\\\\") {
            self.at += 2;
        }
        self.at
    }

    fn skip_space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_whitespace()).len();
    }

    /// All that are left.
    pub(super) fn all(&mut self, kind: Kind, lookup: Lookup<'_>) -> Result<Vec<String>, String> {
        let mut all = Vec::new();
        while let Some(next) = self.next(kind, lookup)? {
            all.push(next);
        }
        Ok(all)
    }

    /// The next one; `None` at the end of the command.
    pub(super) fn next(&mut self, kind: Kind, lookup: Lookup<'_>) -> Result<Option<String>, String> {
        self.skip_space();
        if matches!(self.text[self.at..].chars().next(), None | Some('\\')) {
            return Ok(None);
        }
        let mut value = String::new();
        let mut quoted = false;
        while let Some(c) = self.text[self.at..].chars().next() {
            match c {
                c if c.is_ascii_whitespace() && !quoted => break,
                '\\' if !quoted => break,
                '\'' if !quoted => value.push_str(&self.single_quoted()?),
                '"' => {
                    quoted = !quoted;
                    self.at += 1;
                    if kind == Kind::Plain {
                        value.push('"');
                    } else if quoted && self.text[..self.at - 1].ends_with('"') && !value.is_empty() {
                        // Two in a row inside quotes are one.
                        value.push('"');
                    }
                }
                ':' if !quoted => match variable(&self.text.as_bytes()[self.at..]) {
                    Some((name, quoting, length)) => {
                        let text = lookup(&name, quoting)
                            .filter(|_| quoting != Quoting::Plain || !name.is_empty())
                            .unwrap_or_else(|| self.text[self.at..self.at + length].to_owned());
                        value.push_str(&text);
                        self.at += length;
                    }
                    None => {
                        value.push(':');
                        self.at += 1;
                    }
                },
                c => {
                    if kind == Kind::Name && !quoted {
                        value.push(c.to_ascii_lowercase());
                    } else {
                        value.push(c);
                    }
                    self.at += c.len_utf8();
                }
            }
        }
        if quoted { Err("unterminated quoted string".to_owned()) } else { Ok(Some(value)) }
    }

    fn single_quoted(&mut self) -> Result<String, String> {
        self.at += 1;
        let mut value = String::new();
        let mut chars = self.text[self.at..].char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            match c {
                '\'' => {
                    if chars.next_if(|(_, next)| *next == '\'').is_some() {
                        value.push('\'');
                        continue;
                    }
                    self.at += at + 1;
                    return Ok(value);
                }
                '\\' => match chars.next().map(|(_, c)| c) {
                    Some('n') => value.push('\n'),
                    Some('t') => value.push('\t'),
                    Some('b') => value.push('\u{8}'),
                    Some('r') => value.push('\r'),
                    Some('f') => value.push('\u{c}'),
                    Some(digit @ '0'..='7') => {
                        let mut code = u32::from(digit) - u32::from('0');
                        for _ in 0..2 {
                            if let Some((_, digit)) = chars.next_if(|(_, c)| matches!(c, '0'..='7')) {
                                code = code * 8 + u32::from(digit) - u32::from('0');
                            }
                        }
                        value.extend(char::from_u32(code & 0xff));
                    }
                    Some('x') => {
                        let mut code = None;
                        for _ in 0..2 {
                            if let Some((_, digit)) = chars.next_if(|(_, c)| c.is_ascii_hexdigit()) {
                                code = Some(code.unwrap_or(0) * 16 + digit.to_digit(16).unwrap_or(0));
                            }
                        }
                        match code {
                            Some(code) => value.extend(char::from_u32(code)),
                            None => value.push('x'),
                        }
                    }
                    Some(c) => value.push(c),
                    None => break,
                },
                c => value.push(c),
            }
        }
        self.at = self.text.len();
        Err("unterminated quoted string".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_as_psql_reads_them() {
        let lookup = |name: &str, quoting| match (name, quoting) {
            ("v", Quoting::Plain) => Some("a b".to_owned()),
            ("v", Quoting::Literal) => Some("'a b'".to_owned()),
            _ => None,
        };
        for (text, kind, expected, end) in [
            (" a 'b c' d\\\\ select", Kind::Plain, &["a", "b c", "d"][..], 12),
            ("'it''s\\n\\x41\\101'", Kind::Plain, &["it's\nAA"], 17),
            (" :v x:'v':w", Kind::Plain, &["a b", "x'a b':w"], 11),
            (" Foo.\"Bar Baz\"", Kind::Plain, &["Foo.\"Bar Baz\""], 14),
            (" Foo.\"Bar Baz\"", Kind::Name, &["foo.Bar Baz"], 14),
            ("\\dt", Kind::Plain, &[], 0),
        ] {
            let mut arguments = Arguments::new(text);
            assert_eq!(arguments.all(kind, &lookup).unwrap(), expected, "{text}");
            assert_eq!(arguments.end(), end, "{text}");
        }
        assert!(Arguments::new(" 'a").all(Kind::Plain, &lookup).is_err());
    }
}
