//! Values in SQL: never as part of its text, always through `psql`'s own variables, which it quotes itself.
//!
//! A literal that leaves something open becomes one variable as a whole (`'%<name>%'` is `:'q1'`, and `q1` holds `%web%`), so
//! that it is right also where SQL takes nothing but a literal (`INTERVAL '<n> minutes'`). Source: PostgreSQL
//! documentation, "psql", SQL Interpolation.

use std::ops::Range;

use crate::action::Refusal;
use crate::parameter::Parameter;
use crate::placeholder::{self, Placeholder};

/// What the variables are called, in `psql` and, in capitals behind `RUNBOOK_`, in the environment.
const PREFIX: &str = "q";

/// SQL whose open values are bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundQuery {
    /// The text. It holds no value.
    pub sql: String,
    /// `psql`'s variables: name and value.
    pub variables: Vec<(String, String)>,
}

impl BoundQuery {
    /// The variables of the environment that carry the values, and the options of `psql` that take them from there.
    pub(crate) fn through_environment(&self) -> (Vec<(String, String)>, String) {
        let name = |name: &str| format!("RUNBOOK_{}", name.to_ascii_uppercase());
        let environment = self.variables.iter().map(|(variable, value)| (name(variable), value.clone())).collect();
        let options: String =
            self.variables.iter().map(|(variable, _)| format!(" -v {variable}=\"${{{}}}\"", name(variable))).collect();
        (environment, options)
    }
}

/// Binds values to what SQL leaves open.
///
/// # Errors
/// A [`Refusal`] where a value is missing, holds NUL, or stands where only a number or a plain name may, and is neither.
pub fn bind_query(sql: &str, values: &[(Parameter, String)]) -> Result<BoundQuery, Refusal> {
    let mut bound = BoundQuery { sql: String::with_capacity(sql.len()), variables: Vec::new() };
    let open = placeholder::find(sql);
    let mut at = 0;
    for piece in pieces(sql) {
        let inside: Vec<&Placeholder> = open
            .iter()
            .filter(|place| piece.range.start <= place.range.start && place.range.end <= piece.range.end)
            .collect();
        let text = &sql[piece.range.clone()];
        bound.sql.push_str(&sql[at..piece.range.start]);
        at = piece.range.end;
        if inside.is_empty() || piece.kind == Kind::Comment {
            bound.sql.push_str(text);
            continue;
        }
        match piece.kind {
            Kind::Literal | Kind::Identifier => {
                let quote = if piece.kind == Kind::Literal { '\'' } else { '"' };
                let content = filled(sql, piece.range.start + 1..piece.range.end - 1, &inside, values, quote)?;
                let name = bound.variable(content);
                bound.sql.push_str(&format!(":{quote}{name}{quote}"));
            }
            Kind::Bare => {
                let mut from = piece.range.start;
                for place in inside {
                    let value = value(sql, place, values)?;
                    if !is_number(value) && !is_name(value) {
                        return Err(Refusal::not_permitted(format!(
                            "The value of `{}` stands in SQL where only a number or a plain name may. Give one of these, or carry \
                             the step out elsewhere and mark it as done by hand.",
                            &sql[place.range.clone()]
                        )));
                    }
                    bound.sql.push_str(&sql[from..place.range.start]);
                    let name = bound.variable(value.to_owned());
                    bound.sql.push_str(&format!(":{name}"));
                    from = place.range.end;
                }
                bound.sql.push_str(&sql[from..piece.range.end]);
            }
            Kind::Closed | Kind::Comment => {
                return Err(Refusal::not_permitted(format!(
                    "`{}` cannot be filled in here: it stands in a quoted block of SQL. Carry the step out elsewhere and \
                     mark it as done by hand.",
                    &sql[inside[0].range.clone()]
                )));
            }
        }
    }
    bound.sql.push_str(&sql[at..]);
    Ok(bound)
}

impl BoundQuery {
    fn variable(&mut self, value: String) -> String {
        if let Some((name, _)) = self.variables.iter().find(|(_, known)| *known == value) {
            return name.clone();
        }
        let name = format!("{PREFIX}{}", self.variables.len() + 1);
        self.variables.push((name.clone(), value));
        name
    }
}

/// The content of a quoted piece with its values in place, without the quotes that SQL doubles.
fn filled(
    sql: &str,
    inner: Range<usize>,
    places: &[&Placeholder],
    values: &[(Parameter, String)],
    quote: char,
) -> Result<String, Refusal> {
    let doubled = format!("{quote}{quote}");
    let plain = |range: Range<usize>| sql[range].replace(&doubled, &quote.to_string());
    let mut content = String::new();
    let mut at = inner.start;
    for place in places {
        content.push_str(&plain(at..place.range.start));
        content.push_str(value(sql, place, values)?);
        at = place.range.end;
    }
    content.push_str(&plain(at..inner.end));
    Ok(content)
}

fn value<'v>(sql: &str, place: &Placeholder, values: &'v [(Parameter, String)]) -> Result<&'v str, Refusal> {
    let text = &sql[place.range.clone()];
    match values.iter().find(|(parameter, _)| parameter.placeholder == text) {
        Some((_, value)) if value.contains('\0') => {
            Err(Refusal::not_permitted(format!("The value of `{text}` holds a NUL character, which SQL cannot hold.")))
        }
        Some((_, value)) => Ok(value),
        None => Err(Refusal::not_permitted(format!("`{text}` has no value yet. Fill it in first."))),
    }
}

fn is_number(value: &str) -> bool {
    let digits = value.strip_prefix('-').unwrap_or(value);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    [whole, part].iter().all(|text| (1..=30).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_name(value: &str) -> bool {
    (1..=128).contains(&value.len())
        && value.split('.').all(|part| {
            part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bare,
    /// `'…'`
    Literal,
    /// `"…"`
    Identifier,
    /// `E'…'` and `$tag$…$tag$`, whose content `psql` does not make of a variable.
    Closed,
    Comment,
}

#[derive(Clone, Debug)]
struct Piece {
    kind: Kind,
    range: Range<usize>,
}

/// SQL in pieces, of which none is cut: PostgreSQL documentation, 4.1 Lexical Structure.
fn pieces(sql: &str) -> Vec<Piece> {
    let bytes = sql.as_bytes();
    let mut found = Vec::new();
    let (mut at, mut bare) = (0, 0);
    while at < bytes.len() {
        let rest = &sql[at..];
        let (kind, length) = match bytes[at] {
            b'\'' => {
                // `E'` and its like: backslashes mean something inside.
                let escapes = at > 0 && matches!(bytes[at - 1], b'E' | b'e' | b'U' | b'&' | b'u');
                (if escapes { Kind::Closed } else { Kind::Literal }, quoted(rest, '\''))
            }
            b'"' => (Kind::Identifier, quoted(rest, '"')),
            b'-' if rest.starts_with("--") => (Kind::Comment, rest.find('\n').unwrap_or(rest.len())),
            b'/' if rest.starts_with("/*") => (Kind::Comment, block_comment(rest)),
            b'$' => match dollar(rest) {
                Some(length) => (Kind::Closed, length),
                None => {
                    at += 1;
                    continue;
                }
            },
            _ => {
                at += rest.chars().next().map_or(1, char::len_utf8);
                continue;
            }
        };
        if bare < at {
            found.push(Piece { kind: Kind::Bare, range: bare..at });
        }
        found.push(Piece { kind, range: at..at + length });
        at += length;
        bare = at;
    }
    if bare < bytes.len() {
        found.push(Piece { kind: Kind::Bare, range: bare..bytes.len() });
    }
    // A literal that never ends has no inner part; its values are refused.
    for piece in &mut found {
        let text = &sql[piece.range.clone()];
        let quote = if piece.kind == Kind::Literal { '\'' } else { '"' };
        if matches!(piece.kind, Kind::Literal | Kind::Identifier) && (text.len() < 2 || !text.ends_with(quote)) {
            piece.kind = Kind::Closed;
        }
    }
    found
}

/// How long a quoted piece is, its quotes included; a doubled quote does not end it.
fn quoted(text: &str, quote: char) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return at + 1;
        }
    }
    text.len()
}

/// How long a block comment is; they nest.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_u32, 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// How long a dollar-quoted piece is; `None` where `$` begins none.
fn dollar(text: &str) -> Option<usize> {
    let end = text[1..].find('$')? + 1;
    let tag = &text[..=end];
    let plain = tag[1..end].chars().all(|c| c.is_alphanumeric() || c == '_')
        && !tag[1..end].starts_with(|c: char| c.is_ascii_digit());
    if !plain {
        return None;
    }
    Some(text[tag.len()..].find(tag).map_or(text.len(), |close| tag.len() + close + tag.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bound(sql: &str, value: &str) -> Result<BoundQuery, Refusal> {
        let values = ["<x>", "<y>"]
            .map(|text| (Parameter { name: text[1..2].to_owned(), placeholder: text.to_owned() }, value.to_owned()));
        bind_query(sql, &values)
    }

    #[test]
    fn literals_and_names_become_variables() {
        for (sql, expected, content) in [
            ("SELECT '<x>';", "SELECT :'q1';", "a'b"),
            ("SELECT 'it''s <x>!'", "SELECT :'q1'", "it's a'b!"),
            ("SELECT INTERVAL '<x> minutes'", "SELECT INTERVAL :'q1'", "a'b minutes"),
            ("SELECT * FROM \"<x>\"", "SELECT * FROM :\"q1\"", "a'b"),
        ] {
            let query = bound(sql, "a'b").unwrap();
            assert_eq!((query.sql.as_str(), query.variables[0].1.as_str()), (expected, content));
        }
        let query = bound("-- it's <x>\nSELECT /* ' */ <x>, '<y>' -- '", "users").unwrap();
        assert_eq!(query.sql, "-- it's <x>\nSELECT /* ' */ :q1, :'q1' -- '");
    }

    #[test]
    fn a_bare_place_takes_numbers_and_plain_names() {
        for right in ["42", "-1.5", "users", "public.users", "_a1"] {
            assert!(bound("SELECT <x>", right).is_ok(), "{right}");
        }
        for wrong in ["", "1; DROP TABLE t", "a b", "'x'", "1--", "a.", ".5", "x()", "\"x\""] {
            assert!(bound("SELECT <x>", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn other_places_are_refused() {
        for sql in ["DO $$ BEGIN PERFORM <x>; END $$", "SELECT E'<x>'", "SELECT $a$<x>$a$", "SELECT '<x>"] {
            assert!(bound(sql, "v").is_err(), "{sql}");
        }
        assert!(bound("SELECT '<z>'", "v").unwrap_err().reason.contains("<z>"));
        assert!(bound("SELECT '<x>'", "a\0b").is_err());
    }

    proptest! {
        #[test]
        fn the_text_never_holds_a_value(sql in "[a-z '\"$;<>x/*\\-\n]{0,60}", value in "[^\0]{1,20}") {
            if let Ok(query) = bound(&sql, &value) {
                // Whatever is in it came from the text: without the variables it is no longer than that.
                prop_assert!(query.sql.len() <= sql.len() + 8 * query.variables.len() * 4);
                if value.len() > 3 && !sql.contains(&value) && !query.sql.contains(":q") {
                    prop_assert!(!query.sql.contains(&value));
                }
            }
        }

        #[test]
        fn pieces_cover_the_text(sql in "\\PC{0,60}") {
            let mut at = 0;
            for piece in pieces(&sql) {
                prop_assert_eq!(piece.range.start, at);
                at = piece.range.end;
            }
            prop_assert_eq!(at, sql.len());
        }
    }
}
