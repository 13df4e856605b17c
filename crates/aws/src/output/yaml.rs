//! `--output yaml`, as the program's library writes it (ruamel.yaml's safe type over libyaml): keys sorted, lists not
//! indented, lines broken at a space after column 80.

use serde_json::Value;

const WIDTH: usize = 80;

/// Prints a list or a structure.
pub(super) fn print(value: &Value) -> String {
    let mut out = String::new();
    node(value, 0, &mut out);
    out.push('\n');
    out
}

/// Writes a value where the line has already been indented.
fn node(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Array(list) if list.is_empty() => out.push_str("[]"),
        Value::Object(entries) if entries.is_empty() => out.push_str("{}"),
        Value::Array(list) => {
            for (at, element) in list.iter().enumerate() {
                if at > 0 {
                    line(indent, out);
                }
                out.push_str("- ");
                node(element, indent + 2, out);
            }
        }
        Value::Object(entries) => {
            let mut sorted: Vec<(&String, &Value)> = entries.iter().collect();
            sorted.sort_unstable_by_key(|(key, _)| *key);
            for (at, (key, value)) in sorted.into_iter().enumerate() {
                if at > 0 {
                    line(indent, out);
                }
                text(key, indent, usize::MAX, out);
                out.push(':');
                match value {
                    Value::Array(list) if !list.is_empty() => {
                        line(indent, out);
                        node(value, indent, out);
                    }
                    Value::Object(entries) if !entries.is_empty() => {
                        line(indent + 2, out);
                        node(value, indent + 2, out);
                    }
                    _ => {
                        out.push(' ');
                        node(value, indent + 2, out);
                    }
                }
            }
        }
        Value::String(word) => text(word, indent, WIDTH, out),
        other => out.push_str(&other.to_string()),
    }
}

fn line(indent: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
}

fn text(word: &str, indent: usize, width: usize, out: &mut String) {
    let special = |letter: char| letter != '\n' && (letter.is_control() || "\u{feff}\u{2028}\u{2029}".contains(letter));
    if word.chars().any(special) || word.contains(" \n") || word.contains("\n ") {
        double_quoted(word, out);
    } else if is_plain(word) {
        folded(word, indent, width, false, out);
    } else {
        out.push('\'');
        folded(word, indent, width, true, out);
        out.push('\'');
    }
}

/// Writes letters, with a break in place of a lone space that lies beyond the width.
fn folded(word: &str, indent: usize, width: usize, quoted: bool, out: &mut String) {
    let letters: Vec<char> = word.chars().collect();
    let mut column = out.chars().rev().take_while(|letter| *letter != '\n').count();
    let (mut after_space, mut after_break) = (false, false);
    for (at, letter) in letters.iter().enumerate() {
        let inside = at > 0 && at + 1 < letters.len();
        let lone = !after_space && letters.get(at + 1) != Some(&' ');
        if *letter == ' ' && lone && inside && column > width {
            line(indent, out);
            column = indent;
            after_space = true;
            continue;
        }
        if *letter == '\n' {
            if !after_break {
                out.push('\n');
            }
            out.push('\n');
            after_break = true;
            column = 0;
            continue;
        }
        if after_break {
            out.extend(std::iter::repeat_n(' ', indent));
            column = indent;
            after_break = false;
        }
        if quoted && *letter == '\'' {
            out.push('\'');
            column += 1;
        }
        out.push(*letter);
        column += 1;
        after_space = *letter == ' ';
    }
    if after_break {
        out.extend(std::iter::repeat_n(' ', indent));
    }
}

fn double_quoted(word: &str, out: &mut String) {
    out.push('"');
    for letter in word.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0' => out.push_str("\\0"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\u{1b}' => out.push_str("\\e"),
            '\u{85}' => out.push_str("\\N"),
            '\u{2028}' => out.push_str("\\L"),
            '\u{2029}' => out.push_str("\\P"),
            '\u{feff}' => out.push_str("\\uFEFF"),
            letter if letter.is_control() => out.push_str(&format!("\\x{:02X}", u32::from(letter))),
            letter => out.push(letter),
        }
    }
    out.push('"');
}

/// Whether a text needs no quotes: it is no other type's (YAML 1.2 core schema, and timestamps) and holds nothing that
/// the grammar would read.
fn is_plain(word: &str) -> bool {
    let starts = |letters: &str| word.starts_with(|letter| letters.contains(letter));
    let marker = word.starts_with("---") || word.starts_with("...");
    let indicator = starts("#,[]{}&*!|>'\"%@`")
        || (starts("-?:") && word[1..].chars().next().is_none_or(|next| next == ' '))
        || word.contains(": ")
        || word.ends_with(':')
        || word.contains(" #");
    let edges = word.starts_with(' ') || word.ends_with(' ') || word.contains('\n');
    !word.is_empty() && !marker && !indicator && !edges && !is_another_type(word)
}

fn is_another_type(word: &str) -> bool {
    const WORDS: &[&str] = &[
        "~", "null", "Null", "NULL", "true", "True", "TRUE", "false", "False", "FALSE", "<<", "=", ".inf", ".Inf",
        ".INF", "+.inf", "-.inf", "+.Inf", "-.Inf", "+.INF", "-.INF", ".nan", ".NaN", ".NAN",
    ];
    WORDS.contains(&word) || is_number(word) || is_date(word)
}

fn is_number(word: &str) -> bool {
    let digits = word.trim_start_matches(['+', '-']);
    if word.len() - digits.len() > 1 {
        return false;
    }
    let all = |text: &str, holds: fn(&char) -> bool| {
        !text.is_empty() && text.chars().all(|letter| holds(&letter) || letter == '_')
    };
    if let Some(hex) = digits.strip_prefix("0x") {
        return all(hex, char::is_ascii_hexdigit);
    }
    if let Some(octal) = digits.strip_prefix("0o") {
        return all(octal, |letter| ('0'..='7').contains(letter));
    }
    if let Some(binary) = digits.strip_prefix("0b") {
        return all(binary, |letter| ('0'..='1').contains(letter));
    }
    let (mantissa, exponent) = match digits.find(['e', 'E']) {
        Some(at) => (&digits[..at], Some(digits[at + 1..].trim_start_matches(['+', '-']))),
        None => (digits, None),
    };
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(whole, rest)| (whole, Some(rest)));
    let number = |text: &str| text.chars().all(|letter| letter.is_ascii_digit() || letter == '_');
    let some_digit = mantissa.contains(|letter: char| letter.is_ascii_digit());
    some_digit
        && (whole.is_empty() || whole.starts_with(|first: char| first.is_ascii_digit()))
        && number(whole)
        && fraction.is_none_or(number)
        && exponent.is_none_or(|exponent| !exponent.is_empty() && exponent.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A date, or one with a time behind it.
fn is_date(word: &str) -> bool {
    let shape: String =
        word.chars().take(40).map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
    if shape == "0000-00-00" {
        return true;
    }
    let Some((date, time)) = shape.split_once(['T', 't', ' ']) else { return false };
    ["0000-00-00", "0000-0-00", "0000-00-0", "0000-0-0"].contains(&date)
        && time.trim_start().get(..2).is_some_and(|hour| hour.starts_with('0'))
        && time.matches(':').count() >= 2
        && time.chars().all(|letter| "0:.+-Zz \t".contains(letter))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::print;

    #[test]
    fn values_as_the_programs_library_writes_them() {
        let value = json!({
            "B": [{"b": [], "a": "x"}, ["y", ["z"]]],
            "A": {"Empty": {}, "No": null, "Port": 5432, "Is": true, "Text": "", "Time": "2026-11-21T06:56:07+00:00"},
            "C": "a\nb\n",
            "D": "x\n\ny",
        });
        assert_eq!(
            print(&value),
            "A:\n  Empty: {}\n  Is: true\n  No: null\n  Port: 5432\n  Text: ''\n  Time: '2026-11-21T06:56:07+00:00'\n\
             B:\n- a: x\n  b: []\n- - y\n  - - z\nC: 'a\n\n  b\n\n  '\nD: 'x\n\n\n  y'\n"
        );
    }

    /// Each line as ruamel.yaml 0.17 wrote it.
    #[test]
    fn texts_are_quoted_only_where_they_must_be() {
        for plain in [
            "yes",
            "no",
            "on",
            "?a",
            ":a",
            "a:b",
            "1:20",
            "13:14-13:44",
            "n",
            "_1",
            "ä",
            "a, b]",
            "1.2.3.4",
            "e5",
            "1e",
            "+-1",
            "a'b",
            "arn:aws:rds:us-east-1:1:db:a",
        ] {
            assert_eq!(print(&json!([plain])), format!("- {plain}\n"));
        }
        for quoted in [
            "012",
            "1_000",
            "0o7",
            "0x1f",
            "1e3",
            "1.5",
            "1.",
            "+1",
            ".5",
            "-",
            "- a",
            "?",
            "a: b",
            "a #b",
            "2026-11-21",
            "2026-11-21 10:00:00",
            "2026-11-21T1:00:00Z",
            "<<",
            "=",
            "~",
            "Null",
            "0b1",
            "1__",
            "@a",
            "%a",
            "`a",
            "0.",
            "--- a",
            "...",
            "-1",
            ".inf",
            ".NaN",
            "  a",
            "a  ",
            "\"a\"",
        ] {
            assert_eq!(print(&json!([quoted])), format!("- '{quoted}'\n"));
        }
        for (escaped, written) in
            [("a\n b", "a\\n b"), ("a \nb", "a \\nb"), ("a\tb", "a\\tb"), ("a\u{85}b", "a\\Nb"), ("\u{7f}", "\\x7F")]
        {
            assert_eq!(print(&json!([escaped])), format!("- \"{written}\"\n"));
        }
    }

    #[test]
    fn long_lines_are_broken_at_a_space() {
        let long = "x".repeat(90);
        assert_eq!(print(&json!([format!("{long} y z")])), format!("- {long}\n  y z\n"));
        let words = "w ".repeat(60);
        let expected = format!("- '{}w\n  {}'\n", "w ".repeat(39), "w ".repeat(20));
        assert_eq!(print(&json!([words])), expected);
    }
}
