//! Rows for `COPY … FROM STDIN`, and `\copy`.

use command::Refusal;

use super::client::{Client, Halt, Source};
use crate::session::SessionError;

/// Rows are sent to the server in pieces of about this many bytes.
const PIECE: usize = 64 << 10;

/// What `\copy` is made of.
#[derive(Debug, PartialEq, Eq)]
struct Copy {
    /// A table with its columns, or a query in parentheses.
    what: String,
    brings: bool,
    place: Place,
    options: String,
}

#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// The script itself, or standard output.
    Own,
    /// psql's standard input, whatever script is being read.
    Standard,
    File(String),
}

impl Client<'_> {
    /// Sends rows from where the script comes from, up to `\.` or the end.
    pub(super) async fn copy_in(&mut self) -> Result<Result<(), SessionError>, Halt> {
        let mut piece = Vec::with_capacity(PIECE + 4096);
        while let Some(line) = self.line().await? {
            if line == b"\\." || line == b"\\.\r" {
                break;
            }
            piece.extend_from_slice(&line);
            piece.push(b'\n');
            if piece.len() >= PIECE {
                if let Err(error) = self.session.copy_data(&piece).await {
                    return Ok(Err(error));
                }
                piece.clear();
            }
        }
        if !piece.is_empty()
            && let Err(error) = self.session.copy_data(&piece).await
        {
            return Ok(Err(error));
        }
        Ok(self.session.copy_done().await)
    }

    /// `\copy`; `false` where it failed.
    pub(super) async fn copy(&mut self, text: &str) -> Result<bool, Halt> {
        let copy = match parse(text) {
            Ok(copy) => copy,
            Err(wrong) => {
                self.complain(&format!("\\copy: {wrong}")).await?;
                return Ok(false);
            }
        };
        let Copy { what, brings, place, options } = copy;
        if !brings {
            if let Place::File(_) = place {
                return Err(Halt::Refused(Refusal::not_permitted(
                    "`psql \\copy … to 'file'` is not permitted: psql writes no files here. Write `\\copy … to stdout` and redirect the output with `>`.",
                )));
            }
            return self.send(format!("COPY {what} TO STDOUT{options}").as_bytes()).await;
        }
        let source = match place {
            Place::Own => None,
            Place::Standard => Some(Source::Input),
            Place::File(name) => match self.read(&name).await? {
                Some(lines) => Some(Source::File(lines)),
                None => return Ok(false),
            },
        };
        let statement = format!("COPY {what} FROM STDIN{options}");
        let Some(source) = source else { return self.send(statement.as_bytes()).await };
        self.sources.push(source);
        let line = self.place.as_ref().map(|place| place.line);
        let sent = self.send(statement.as_bytes()).await;
        self.sources.pop();
        // Lines of the file are not lines of the script.
        if let (Some(place), Some(line)) = (&mut self.place, line) {
            place.line = line;
        }
        sent
    }
}

fn parse(text: &str) -> Result<Copy, String> {
    let wrong = |at: &str| match at.split_ascii_whitespace().next() {
        Some(word) => format!("parse error at \"{word}\""),
        None => "parse error at end of line".to_owned(),
    };
    let text = text.trim();
    if text.is_empty() {
        return Err("arguments required".to_owned());
    }
    let (at, end, brings) = direction(text).ok_or_else(|| wrong(""))?;
    let what = text[..at].trim().to_owned();
    let rest = text[end..].trim_start();
    let (place, after) = if let Some(quoted) = rest.strip_prefix('\'') {
        let mut name = String::new();
        let mut chars = quoted.char_indices().peekable();
        let close = loop {
            match chars.next() {
                Some((_, '\'')) if chars.peek().is_some_and(|(_, c)| *c == '\'') => {
                    chars.next();
                    name.push('\'');
                }
                Some((at, '\'')) => break at,
                Some((_, c)) => name.push(c),
                None => return Err(wrong("")),
            }
        };
        (Place::File(name), &quoted[close + 1..])
    } else {
        let length = rest.find(|c: char| c.is_ascii_whitespace()).unwrap_or(rest.len());
        let place = match rest[..length].to_ascii_lowercase().trim_end_matches(';') {
            "" => return Err(wrong("")),
            "stdin" | "stdout" => Place::Own,
            "pstdin" | "pstdout" => Place::Standard,
            _ => Place::File(rest[..length].to_owned()),
        };
        (place, &rest[length..])
    };
    let options = match after.trim() {
        "" => String::new(),
        options => format!(" {options}"),
    };
    Ok(Copy { what, brings, place, options })
}

/// Where `from` or `to` stands outside quotes and parentheses: its start, its end, and whether it is `from`.
fn direction(text: &str) -> Option<(usize, usize, bool)> {
    let (mut depth, mut quote, mut start) = (0_u32, None, 0);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        let inside = c.is_alphanumeric() || matches!(c, '_' | '"' | '\'' | '.');
        if !inside {
            start = at + c.len_utf8();
            continue;
        }
        let end = at + c.len_utf8();
        let ends = text[end..].chars().next().is_none_or(char::is_whitespace);
        if depth == 0 && quote.is_none() && ends && start > 0 {
            let word = &text[start..end];
            if word.eq_ignore_ascii_case("from") || word.eq_ignore_ascii_case("to") {
                return Some((start, end, word.len() == 4));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_read() {
        let copy = |what: &str, brings, place, options: &str| {
            Ok(Copy { what: what.to_owned(), brings, place, options: options.to_owned() })
        };
        assert_eq!(parse(" t from stdin"), copy("t", true, Place::Own, ""));
        assert_eq!(
            parse("(select a from \"to x\") to stdout with csv header"),
            copy("(select a from \"to x\")", false, Place::Own, " with csv header")
        );
        assert_eq!(
            parse("s.t(a, b) FROM 'it''s' csv"),
            copy("s.t(a, b)", true, Place::File("it's".to_owned()), " csv")
        );
        assert_eq!(parse("t to pstdout"), copy("t", false, Place::Standard, ""));
        assert_eq!(parse("x"), Err("parse error at end of line".to_owned()));
    }
}
