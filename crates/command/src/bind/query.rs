//! Values in SQL: quoted as the server reads them, by the place in the text where they stand.
//!
//! A literal that leaves something open is quoted as a whole (`'%<name>%'`), so that it is right also where SQL takes nothing
//! but a literal (`INTERVAL '<n> minutes'`). Quoted as libpq's `PQescapeLiteral` and `PQescapeIdentifier` do, which is right
//! whatever `standard_conforming_strings` says.

use std::ops::Range;

use crate::action::Refusal;
use crate::parameter::Parameter;
use crate::placeholder::{self, Placeholder};

/// Binds values to what SQL leaves open.
///
/// # Errors
/// A [`Refusal`] where a value is missing, holds NUL, or stands where only a number or a plain name may, and is neither.
pub fn bind_query(sql: &str, values: &[(Parameter, String)]) -> Result<String, Refusal> {
    let mut bound = String::with_capacity(sql.len());
    let open = placeholder::find(sql);
    let mut at = 0;
    for piece in pieces(sql) {
        let inside: Vec<&Placeholder> = open
            .iter()
            .filter(|place| piece.range.start <= place.range.start && place.range.end <= piece.range.end)
            .collect();
        let text = &sql[piece.range.clone()];
        bound.push_str(&sql[at..piece.range.start]);
        at = piece.range.end;
        if inside.is_empty() || piece.kind == Kind::Comment {
            bound.push_str(text);
            continue;
        }
        match piece.kind {
            Kind::Literal | Kind::Identifier => {
                let quote = if piece.kind == Kind::Literal { '\'' } else { '"' };
                let content = filled(sql, piece.range.start + 1..piece.range.end - 1, &inside, values, quote)?;
                bound.push_str(&quoted_again(&content, quote));
            }
            Kind::Bare => {
                let mut from = piece.range.start;
                for place in inside {
                    let value = value(sql, place, values)?;
                    // Behind a comparison a name is a column: `user_id = user_id` is true of every row.
                    let compared = sql[..place.range.start].trim_end().ends_with(['=', '<', '>']);
                    if compared && !is_number(value) && !is_constant(value) {
                        return Err(Refusal::not_permitted(format!(
                            "`{}` stands bare behind a comparison, where only a number may. Give one, or let the runbook's \
                             author put it in quotes.",
                            &sql[place.range.clone()]
                        )));
                    }
                    if !is_number(value) && !is_name(value) {
                        return Err(Refusal::not_permitted(format!(
                            "The value of `{}` stands in SQL where only a number or a plain name may. Give one of these, or carry \
                             the step out elsewhere and mark it as done by hand.",
                            &sql[place.range.clone()]
                        )));
                    }
                    bound.push_str(&sql[from..place.range.start]);
                    // `5-<n>` with `-1` would begin a comment.
                    let apart = value.starts_with('-');
                    bound.push_str(&if apart { format!("({value})") } else { value.to_owned() });
                    from = place.range.end;
                }
                bound.push_str(&sql[from..piece.range.end]);
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
    bound.push_str(&sql[at..]);
    Ok(bound)
}

/// A content in its quotes.
fn quoted_again(content: &str, quote: char) -> String {
    let doubled = content.replace(quote, &format!("{quote}{quote}"));
    if quote == '\'' && content.contains('\\') {
        return format!(" E'{}'", doubled.replace('\\', "\\\\"));
    }
    format!("{quote}{doubled}{quote}")
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

fn is_constant(value: &str) -> bool {
    ["true", "false", "null"].iter().any(|constant| value.eq_ignore_ascii_case(constant))
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
                // The letter stands alone: `LIKE'…'` is a plain one.
                let word = sql[..at].rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
                let unicode = sql[..at].ends_with("U&") || sql[..at].ends_with("u&");
                match word.eq_ignore_ascii_case("e") {
                    true => (Kind::Closed, quoted_with_escapes(rest)),
                    false if unicode => (Kind::Closed, quoted(rest, '\'')),
                    false => (Kind::Literal, quoted(rest, '\'')),
                }
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

/// The same for `E'…'`, in which a backslash takes away what the next character means.
fn quoted_with_escapes(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '\'' if chars.next_if(|(_, next)| *next == '\'').is_none() => return at + 1,
            _ => {}
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

    fn bound(sql: &str, value: &str) -> Result<String, Refusal> {
        let values = ["<x>", "<y>"].map(|text| (Parameter::named(&text[1..2], text), value.to_owned()));
        bind_query(sql, &values)
    }

    #[test]
    fn literals_and_names_are_quoted_again() {
        for (sql, value, expected) in [
            ("SELECT '<x>';", "a'b", "SELECT 'a''b';"),
            ("SELECT 'it''s <x>!'", "a'b", "SELECT 'it''s a''b!'"),
            ("SELECT INTERVAL '<x> minutes'", "5", "SELECT INTERVAL '5 minutes'"),
            ("SELECT * FROM \"<x>\"", "a\"b", "SELECT * FROM \"a\"\"b\""),
            ("SELECT '<x>'", "\\'; DROP TABLE t --", "SELECT  E'\\\\''; DROP TABLE t --'"),
            ("-- it's <x>\nSELECT /* ' */ <x>, '<y>' -- '", "users", "-- it's <x>\nSELECT /* ' */ users, 'users' -- '"),
            ("SELECT 5-<x>", "-1", "SELECT 5-(-1)"),
        ] {
            assert_eq!(bound(sql, value).as_deref(), Ok(expected), "{sql}");
        }
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

    #[test]
    fn behind_a_comparison_a_name_is_no_value() {
        for sql in ["DELETE FROM t WHERE user_id = <x>", "SELECT 1 WHERE a >= <x>", "SELECT 1 WHERE a <> <x>;"] {
            assert!(bound(sql, "user_id").is_err(), "{sql}");
            assert!(bound(sql, "42").is_ok() && bound(sql, "TRUE").is_ok(), "{sql}");
        }
        assert!(bound("SELECT count(*) FROM <x>", "users").is_ok());
        assert!(bound("SELECT 1 WHERE a = '<x>'", "user_id").is_ok());
    }

    proptest! {
        #[test]
        fn a_value_changes_no_statement(value in "[^\0]{0,20}", place in 0_usize..6) {
            let sql = ["SELECT '<x>'; SELECT 1", "SELECT \"<x>\"; SELECT 1", "SELECT '%<x>%' || '<x>'; SELECT 1",
                "SELECT <x>; SELECT 1", "SELECT 1-<x>; SELECT 1", "SELECT 'a' '<x>'; SELECT 1"][place];
            if let Ok(text) = bound(sql, &value) {
                let statements = crate::sql::statements(&text);
                prop_assert_eq!(statements.len(), 2, "{}", text);
                prop_assert_eq!(statements[1].text.trim(), "SELECT 1");
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
