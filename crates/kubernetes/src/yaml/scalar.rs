//! One string: plain, quoted, or as a block.

use std::fmt::Write as _;

/// The column after which a space becomes a line break.
const WIDTH: usize = 80;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

/// A mapping's key: on one line, whatever its length.
pub(super) fn key(text: &str, out: &mut String) {
    let analysis = analyse(text);
    let style = match () {
        () if text.contains('\n') => Style::Double,
        () if resolves_to_something_else(text) => Style::Double,
        () if analysis.plain && !text.is_empty() => Style::Plain,
        () if analysis.single => Style::Single,
        () => Style::Double,
    };
    write(text, style, None, out);
}

/// A value whose further lines start at `indent`.
pub(super) fn text(text: &str, indent: usize, out: &mut String) {
    let analysis = analyse(text);
    let style = match () {
        () if text.contains('\n') && analysis.block => Style::Literal,
        () if text.contains('\n') || resolves_to_something_else(text) => Style::Double,
        () if analysis.plain => Style::Plain,
        () if analysis.single => Style::Single,
        () => Style::Double,
    };
    write(text, style, Some(indent), out);
}

struct Analysis {
    plain: bool,
    single: bool,
    block: bool,
}

fn is_break(letter: char) -> bool {
    matches!(letter, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_blank_or_end(letter: Option<char>) -> bool {
    letter.is_none_or(|letter| letter == ' ' || letter == '\t' || is_break(letter))
}

fn is_printable(letter: char) -> bool {
    matches!(letter, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}') && letter != '\u{feff}'
}

/// `yaml_emitter_analyze_scalar`.
fn analyse(text: &str) -> Analysis {
    if text.is_empty() {
        return Analysis { plain: true, single: true, block: false };
    }
    let mut indicator = text.starts_with("---") || text.starts_with("...");
    let (mut special, mut line_breaks) = (false, false);
    let (mut leading, mut trailing, mut trailing_space) = (false, false, false);
    let (mut break_space, mut space_break) = (false, false);
    let (mut after_space, mut after_break) = (false, false);
    let mut after_blank = true;
    let letters: Vec<char> = text.chars().collect();
    for (at, &letter) in letters.iter().enumerate() {
        let before_blank = is_blank_or_end(letters.get(at + 1).copied());
        indicator |= match letter {
            '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`'
                if at == 0 =>
            {
                true
            }
            '?' | ':' | '-' if at == 0 => before_blank,
            ':' => before_blank,
            '#' => after_blank,
            _ => false,
        };
        special |= !is_printable(letter);
        let last = at + 1 == letters.len();
        if letter == ' ' {
            leading |= at == 0;
            trailing_space |= last;
            break_space |= after_break;
            (after_space, after_break) = (true, false);
        } else if is_break(letter) {
            line_breaks = true;
            leading |= at == 0;
            trailing |= last;
            space_break |= after_space;
            (after_space, after_break) = (false, true);
        } else {
            (after_space, after_break) = (false, false);
        }
        after_blank = is_blank_or_end(Some(letter));
    }
    let spoiled = space_break || special;
    Analysis {
        plain: !(indicator || leading || trailing || trailing_space || break_space || spoiled || line_breaks),
        single: !(break_space || spoiled),
        block: !(trailing_space || spoiled),
    }
}

/// Whether a plain scalar would be read as something else than this text: a number, a truth value, nothing, a time.
fn resolves_to_something_else(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "", "~", "null", "Null", "NULL", "<<", ".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf",
        "+.INF", "-.inf", "-.Inf", "-.INF", "y", "Y", "yes", "Yes", "YES", "n", "N", "no", "No", "NO", "true", "True",
        "TRUE", "false", "False", "FALSE", "on", "On", "ON", "off", "Off", "OFF",
    ];
    WORDS.contains(&text) || number(text) || timestamp(text) || sexagesimal(text)
}

fn number(text: &str) -> bool {
    let plain = text.replace('_', "");
    let unsigned = plain.strip_prefix(['-', '+']).unwrap_or(&plain);
    if !text.starts_with(|letter: char| letter.is_ascii_digit() || "+-.".contains(letter)) {
        return false;
    }
    for (prefix, radix) in [("0x", 16), ("0X", 16), ("0b", 2), ("0B", 2), ("0o", 8), ("0O", 8)] {
        if let Some(digits) = unsigned.strip_prefix(prefix) {
            return !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
        }
    }
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(m, e)| (m, Some(e)));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa = match mantissa.split_once('.') {
        Some((whole, part)) => digits(whole) && digits(part) && !(whole.is_empty() && part.is_empty()),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    let exponent = exponent.is_none_or(|text| {
        let text = text.strip_prefix(['-', '+']).unwrap_or(text);
        !text.is_empty() && digits(text)
    });
    mantissa && exponent
}

/// YAML 1.1's numbers to base 60, which old readers still take for numbers: `1:30`.
fn sexagesimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut parts = unsigned.split(':');
    let first = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    let Some((last, middle)) = rest.split_last() else { return false };
    let minute = |part: &str| matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
    let last = last.split_once('.').map_or(*last, |(whole, _)| whole);
    first.starts_with(|letter: char| letter.is_ascii_digit())
        && first.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
        && middle.iter().all(|part| minute(part))
        && minute(last)
}

fn timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || !bytes[..4].iter().all(u8::is_ascii_digit) || bytes[4] != b'-' {
        return false;
    }
    let digits = |text: &str, longest: usize| {
        !text.is_empty() && text.len() <= longest && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let parts: Vec<&str> = date.split('-').collect();
    let in_range =
        |text: &str, most: u8| digits(text, 2) && text.parse::<u8>().is_ok_and(|value| (1..=most).contains(&value));
    let dated =
        matches!(parts.as_slice(), [year, month, day] if digits(year, 4) && in_range(month, 12) && in_range(day, 31));
    let Some(time) = time else { return dated };
    let zone = time.find(['Z', '+', '-']);
    let spaced = text.as_bytes()[date.len()] == b' ';
    // With a `T` the zone is needed, with a space it is not allowed.
    let clock = match (zone, spaced) {
        (Some(at), false) => &time[..at],
        (None, true) => time,
        _ => return false,
    };
    let clock: Vec<&str> = clock.split(':').collect();
    let seconds = |text: &str| {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        digits(whole, 2) && digits(part, 9)
    };
    dated && matches!(clock.as_slice(), [h, m, s] if digits(h, 2) && digits(m, 2) && seconds(s))
}

fn write(text: &str, style: Style, indent: Option<usize>, out: &mut String) {
    match style {
        Style::Plain => folded(text, indent, true, out),
        Style::Single => {
            out.push('\'');
            folded(&text.replace('\'', "''"), indent, false, out);
            out.push('\'');
        }
        Style::Double => double(text, indent, out),
        Style::Literal => literal(text, indent.unwrap_or_default(), out),
    }
}

fn column(out: &str) -> usize {
    out.chars().rev().take_while(|letter| *letter != '\n').count()
}

fn break_line(indent: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
}

fn folded(text: &str, indent: Option<usize>, ends: bool, out: &mut String) {
    let letters: Vec<char> = text.chars().collect();
    let mut at_column = column(out);
    let mut after_space = false;
    for (at, &letter) in letters.iter().enumerate() {
        let inside = ends || (at > 0 && at + 1 < letters.len());
        let next_is_space = letters.get(at + 1) == Some(&' ');
        match indent {
            Some(indent) if letter == ' ' && !after_space && at_column > WIDTH && inside && !next_is_space => {
                break_line(indent, out);
                at_column = indent;
            }
            _ => {
                out.push(letter);
                at_column += 1;
            }
        }
        after_space = letter == ' ';
    }
}

fn double(text: &str, indent: Option<usize>, out: &mut String) {
    out.push('"');
    let letters: Vec<char> = text.chars().collect();
    let mut at_column = column(out);
    let mut after_space = false;
    for (at, &letter) in letters.iter().enumerate() {
        let before = out.len();
        if !is_printable(letter) || is_break(letter) || letter == '"' || letter == '\\' {
            escape(letter, out);
            after_space = false;
        } else if letter == ' ' {
            let inside = at > 0 && at + 1 < letters.len();
            match indent {
                Some(indent) if !after_space && at_column > WIDTH && inside => {
                    break_line(indent, out);
                    at_column = indent;
                    if letters.get(at + 1) == Some(&' ') {
                        out.push('\\');
                        at_column += 1;
                    }
                    after_space = true;
                    continue;
                }
                _ => out.push(' '),
            }
            after_space = true;
        } else {
            out.push(letter);
            after_space = false;
        }
        at_column += out[before..].chars().count();
    }
    out.push('"');
}

fn escape(letter: char, out: &mut String) {
    let short = match letter {
        '\0' => "\\0",
        '\x07' => "\\a",
        '\x08' => "\\b",
        '\t' => "\\t",
        '\n' => "\\n",
        '\x0b' => "\\v",
        '\x0c' => "\\f",
        '\r' => "\\r",
        '\x1b' => "\\e",
        '"' => "\\\"",
        '\\' => "\\\\",
        '\u{85}' => "\\N",
        '\u{a0}' => "\\_",
        '\u{2028}' => "\\L",
        '\u{2029}' => "\\P",
        _ => "",
    };
    let code = u32::from(letter);
    let _ = match code {
        _ if !short.is_empty() => out.write_str(short),
        0..=0xff => write!(out, "\\x{code:02X}"),
        0x100..=0xffff => write!(out, "\\u{code:04X}"),
        _ => write!(out, "\\U{code:08X}"),
    };
}

fn literal(text: &str, indent: usize, out: &mut String) {
    out.push('|');
    if text.starts_with([' ', '\n']) {
        out.push('2');
    }
    if !text.ends_with('\n') {
        out.push('-');
    } else if text == "\n" || text.ends_with("\n\n") {
        out.push('+');
    }
    out.push('\n');
    let body = text.strip_suffix('\n').unwrap_or(text);
    for (at, line) in body.split('\n').enumerate() {
        if at > 0 {
            out.push('\n');
        }
        if !line.is_empty() {
            out.extend(std::iter::repeat_n(' ', indent));
            out.push_str(line);
        }
    }
    if text.ends_with('\n') {
        out.push('\n');
    }
}
