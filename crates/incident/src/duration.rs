//! Times as people write them: `15 minutes`, `1h`, `Immediate`, `(15-60 minutes)`.
//!
//! Only what a clock can count is read: `2 business days` is no time here, and neither is anything beyond [`LONGEST`].

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// Longer times than this are a slip of the pen, and are not read: a year.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);

/// From when to when something happens, counted from the start of an incident. `from` is never after `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// When it begins.
    pub from: SignedDuration,
    /// When it ends.
    pub until: SignedDuration,
}

/// How much of a text is looked at, in characters: a time stands in a cell or a line.
const LONGEST_TEXT: usize = 1000;

/// How far behind a number its unit may stand, in words: `30 business days` has none.
const UNITS: &[(&[&str], i64)] = &[
    (&["s", "sec", "secs", "second", "seconds"], 1),
    (&["m", "min", "mins", "minute", "minutes"], 60),
    (&["h", "hr", "hrs", "hour", "hours"], 3600),
    (&["d", "day", "days"], 86_400),
    (&["w", "wk", "wks", "week", "weeks"], 7 * 86_400),
];

/// Numbers that people write out.
const NUMBERS: &[(&str, u32)] = &[
    ("a", 1),
    ("an", 1),
    ("one", 1),
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("ten", 10),
    ("fifteen", 15),
    ("twenty", 20),
    ("thirty", 30),
];

/// Words for no time at all.
const AT_ONCE: &[&str] = &["immediate", "immediately", "instant", "instantly"];

/// The first time that a text names; `Immediate` is zero. Of `1h 30m` and `1 hour and 30 minutes` it is the whole.
#[must_use]
pub fn span(text: &str) -> Option<SignedDuration> {
    let tokens = tokens(text);
    (0..tokens.len()).find_map(|at| match &tokens[at] {
        Token::Word(word) if AT_ONCE.contains(&word.as_str()) => Some(SignedDuration::ZERO),
        _ => compound(&tokens, at).map(|(span, _)| span),
    })
}

/// The time that a text names and nothing else: of `after 2 hours`, but not of `Immediate for breaches`.
#[must_use]
pub fn only(text: &str) -> Option<SignedDuration> {
    let tokens = tokens(text);
    let start = usize::from(is_word(&tokens, 0, &["after", "within", "in"]));
    match tokens.get(start..)? {
        [Token::Word(word)] if AT_ONCE.contains(&word.as_str()) => Some(SignedDuration::ZERO),
        _ => compound(&tokens, start).filter(|(_, end)| *end == tokens.len()).map(|(span, _)| span),
    }
}

/// How often, where a text says it: `every 30 minutes`, `every hour`.
#[must_use]
pub fn every(text: &str) -> Option<SignedDuration> {
    let tokens = tokens(text);
    (0..tokens.len()).filter(|&at| is_word(&tokens, at, &["every", "each"])).find_map(|at| length(&tokens, at + 1))
}

/// The first range of times that a text names: `0–15 minutes`, `1-4 hours`, `30 min to 2 h`; in the first two the unit
/// counts for both ends. `first 15 minutes` and `within one hour` begin at the start.
#[must_use]
pub fn window(text: &str) -> Option<Window> {
    let tokens = tokens(text);
    (0..tokens.len()).find_map(|at| range(&tokens, at).or_else(|| beginning(&tokens, at)))
}

fn range(tokens: &[Token], at: usize) -> Option<Window> {
    let (low, own_unit, after) = measure(tokens, at)?;
    if !matches!(tokens.get(after)?, Token::Dash) && !is_word(tokens, after, &["to", "until"]) {
        return None;
    }
    let (high, unit, _) = measure(tokens, after + 1)?;
    let until = scaled(high, unit?)?;
    let from = scaled(low, own_unit.or(unit)?)?;
    (from <= until).then_some(Window { from, until })
}

fn beginning(tokens: &[Token], at: usize) -> Option<Window> {
    if !is_word(tokens, at, &["first", "within"]) {
        return None;
    }
    Some(Window { from: SignedDuration::ZERO, until: length(tokens, at + 1)? })
}

/// A time at this place; a unit alone is one of it.
fn length(tokens: &[Token], at: usize) -> Option<SignedDuration> {
    match unit_at(tokens, at) {
        Some(seconds) => scaled(Number { thousandths: 1000 }, seconds),
        None => compound(tokens, at).map(|(span, _)| span),
    }
}

/// A number with its unit at this place, and what follows in smaller units: the time, and where it ends.
fn compound(tokens: &[Token], at: usize) -> Option<(SignedDuration, usize)> {
    let (number, seconds, mut end) = measure(tokens, at)?;
    let mut smallest = seconds?;
    let mut whole = scaled(number, smallest)?;
    loop {
        let next = end + usize::from(is_word(tokens, end, &["and"]));
        let Some((number, Some(seconds), after)) = measure(tokens, next) else { break };
        if seconds >= smallest {
            break;
        }
        whole = whole.checked_add(scaled(number, seconds)?).filter(|whole| *whole <= LONGEST)?;
        smallest = seconds;
        end = after;
    }
    Some((whole, end))
}

/// A number, its unit in seconds where one follows, and where the two end.
fn measure(tokens: &[Token], at: usize) -> Option<(Number, Option<i64>, usize)> {
    let number = match tokens.get(at)? {
        Token::Number(number) => *number,
        Token::Word(word) => {
            let (_, number) = NUMBERS.iter().find(|(name, _)| name == word)?;
            Number { thousandths: i64::from(*number) * 1000 }
        }
        Token::Dash | Token::Other => return None,
    };
    // `15-minute` is one word to its writer.
    let after =
        at + 1 + usize::from(matches!(tokens.get(at + 1), Some(Token::Dash)) && unit_at(tokens, at + 2).is_some());
    match unit_at(tokens, after) {
        Some(seconds) => Some((number, Some(seconds), after + 1)),
        None => Some((number, None, at + 1)),
    }
}

fn unit_at(tokens: &[Token], at: usize) -> Option<i64> {
    match tokens.get(at)? {
        Token::Word(word) => unit(word),
        _ => None,
    }
}

fn unit(word: &str) -> Option<i64> {
    UNITS.iter().find(|(names, _)| names.contains(&word)).map(|(_, seconds)| *seconds)
}

fn is_word(tokens: &[Token], at: usize, words: &[&str]) -> bool {
    matches!(tokens.get(at), Some(Token::Word(word)) if words.contains(&word.as_str()))
}

/// A number to three places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Number {
    thousandths: i64,
}

fn scaled(number: Number, seconds: i64) -> Option<SignedDuration> {
    let span = SignedDuration::from_millis(number.thousandths.checked_mul(seconds)?);
    (span <= LONGEST).then_some(span)
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Number(Number),
    /// In lower case.
    Word(String),
    /// Of any length.
    Dash,
    /// Anything that separates.
    Other,
}

fn tokens(text: &str) -> Vec<Token> {
    let text: Vec<char> = text.chars().take(LONGEST_TEXT).collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let c = text[at];
        let run = |test: fn(char) -> bool| text[at..].iter().take_while(|&&c| test(c)).count();
        let length = if c.is_ascii_digit() {
            let length = run(|c| c.is_ascii_digit() || c == '.');
            let written: String = text[at..at + length].iter().collect();
            tokens.push(number(written.trim_end_matches('.')).map_or(Token::Other, Token::Number));
            length
        } else if c.is_alphabetic() {
            let length = run(char::is_alphabetic);
            let word: String = text[at..at + length].iter().collect::<String>().to_lowercase();
            // The digit of `P1` counts nothing; that of `1h30m` does.
            let name = text.get(at + length).is_some_and(char::is_ascii_digit)
                && !text[..at].last().is_some_and(char::is_ascii_digit);
            tokens.push(if name { Token::Other } else { Token::Word(word) });
            length + if name { text[at + length..].iter().take_while(|c| c.is_alphanumeric()).count() } else { 0 }
        } else if is_dash(c) {
            tokens.push(Token::Dash);
            run(is_dash)
        } else {
            if !c.is_whitespace() {
                tokens.push(Token::Other);
            }
            1
        };
        at += length;
    }
    tokens
}

/// Hyphens and dashes (Unicode 16, Dash_Punctuation, those in use), and the minus sign.
fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}')
}

fn number(written: &str) -> Option<Number> {
    let (whole, part) = written.split_once('.').unwrap_or((written, ""));
    if part.contains('.') || whole.len() > 9 {
        return None;
    }
    let part: String = part.chars().chain("000".chars()).take(3).collect();
    let thousandths = whole.parse::<i64>().ok()? * 1000 + part.parse::<i64>().ok()?;
    Some(Number { thousandths })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_as_people_write_them() {
        for (text, minutes) in [
            ("15 minutes", Some(15)),
            ("Response within 30 minutes", Some(30)),
            ("1 hour", Some(60)),
            ("1h", Some(60)),
            ("1h30m", Some(90)),
            ("1 hour and 30 minutes", Some(90)),
            ("1.5 hours", Some(90)),
            ("30 min", Some(30)),
            ("15-minute", Some(15)),
            ("Immediate", Some(0)),
            ("Reply immediately.", Some(0)),
            ("24 hours", Some(1440)),
            ("one day", Some(1440)),
            ("P1 within 5 mins", Some(5)),
            ("2 business days", None),
            ("next business day", None),
            ("99.95 %", None),
            ("999999999999999999999 hours", None),
            ("9999999 hours", None),
            ("1.2.3 hours", None),
            ("P1", None),
            ("", None),
        ] {
            assert_eq!(span(text), minutes.map(SignedDuration::from_mins), "{text}");
        }
    }

    #[test]
    fn ranges_as_people_write_them() {
        for (text, minutes) in [
            ("1. Initial Response (0-15 minutes)", Some((0, 15))),
            ("2. Investigation (15–60 minutes)", Some((15, 60))),
            ("3. Resolution (1 — 4 hours)", Some((60, 240))),
            ("30 min to 2 h", Some((30, 120))),
            ("30min-2h", Some((30, 120))),
            ("1. Answer (first 15 minutes)", Some((0, 15))),
            ("2. Mend (first hour)", Some((0, 60))),
            ("3. Learn (within three days)", Some((0, 4320))),
            ("60-15 minutes", None),
            ("2-3 replicas", None),
            ("15 minutes", None),
            ("2024-01-15", None),
        ] {
            let expected = minutes.map(|(from, until)| Window {
                from: SignedDuration::from_mins(from),
                until: SignedDuration::from_mins(until),
            });
            assert_eq!(window(text), expected, "{text}");
        }
    }

    #[test]
    fn times_alone_and_again() {
        for (text, minutes) in [
            ("after 2 hours", Some(120)),
            ("Immediate", Some(0)),
            ("Immediate for breaches", None),
            ("5 min, then", None),
        ] {
            assert_eq!(only(text), minutes.map(SignedDuration::from_mins), "{text}");
        }
        for (text, minutes) in [
            ("We write every 30 minutes.", Some(30)),
            ("updates every hour", Some(60)),
            ("every request in 5 minutes", None),
        ] {
            assert_eq!(every(text), minutes.map(SignedDuration::from_mins), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_stays_in_bounds(text in r"(?s)(.|[0-9]{1,25}|[-– .]|min|hours|d|to|within|P1){0,40}") {
            if let Some(span) = span(&text) {
                prop_assert!(SignedDuration::ZERO <= span && span <= LONGEST);
            }
            if let Some(window) = window(&text) {
                prop_assert!(SignedDuration::ZERO <= window.from);
                prop_assert!(window.from <= window.until && window.until <= LONGEST);
            }
        }
    }
}
