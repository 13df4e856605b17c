//! What a server says when something went wrong or is worth knowing, and how psql prints it.

use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::ErrorFields;
use unicode_width::UnicodeWidthChar;

/// The most columns that are shown of the line in which an error is, and how much stays visible behind the place
/// (libpq, `reportErrorPosition`).
const SHOWN: usize = 60;
const BEHIND: usize = 10;

/// An error, a warning or a notice. Fields: PostgreSQL documentation, 55.8 "Error and Notice Message Fields".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// `ERROR`, `FATAL`, `NOTICE`, in the server's language.
    pub severity: String,
    /// The same, never translated.
    pub kind: String,
    /// SQLSTATE, five letters.
    pub code: String,
    /// The primary message.
    pub message: String,
    /// More about it.
    pub detail: Option<String>,
    /// What to do.
    pub hint: Option<String>,
    /// The character of the statement where it is, from 1.
    pub position: Option<usize>,
    /// The same in a statement that the server made itself.
    pub internal: Option<(usize, String)>,
    /// Where in which function.
    pub context: Option<String>,
    /// Where in the server's source: function, file, line.
    pub source: Option<(String, String, String)>,
}

/// How much of a report is printed (psql's `VERBOSITY`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verbosity {
    /// One line.
    Terse,
    /// With the place, detail, hint and context.
    #[default]
    Default,
    /// With everything.
    Verbose,
    /// The SQLSTATE alone.
    Code,
}

impl Report {
    pub(crate) fn read(fields: ErrorFields<'_>) -> Self {
        let mut report = Self::default();
        let mut source = (String::new(), String::new(), String::new());
        let mut internal = (None, None);
        let mut fields = fields;
        while let Ok(Some(field)) = fields.next() {
            let text = String::from_utf8_lossy(field.value_bytes()).into_owned();
            match field.type_() {
                b'S' => report.severity = text,
                b'V' => report.kind = text,
                b'C' => report.code = text,
                b'M' => report.message = text,
                b'D' => report.detail = Some(text),
                b'H' => report.hint = Some(text),
                b'P' => report.position = text.parse().ok(),
                b'p' => internal.0 = text.parse().ok(),
                b'q' => internal.1 = Some(text),
                b'W' => report.context = Some(text),
                b'R' => source.0 = text,
                b'F' => source.1 = text,
                b'L' => source.2 = text,
                _ => {}
            }
        }
        if report.kind.is_empty() {
            report.kind.clone_from(&report.severity);
        }
        if let (Some(position), Some(query)) = internal {
            report.internal = Some((position, query));
        }
        report.source = Some(source).filter(|(function, ..)| !function.is_empty());
        report
    }

    /// Whether it ended the statement.
    #[must_use]
    pub fn is_error(&self) -> bool {
        matches!(self.kind.as_str(), "ERROR" | "FATAL" | "PANIC")
    }

    /// As psql prints it, with a line break at its end. `query` is the text that was sent.
    #[must_use]
    pub fn text(&self, query: &[u8], verbosity: Verbosity) -> String {
        let mut text = format!("{}:  ", self.severity);
        match verbosity {
            Verbosity::Code => {
                text.push_str(&self.code);
                text.push('\n');
                return text;
            }
            Verbosity::Verbose => {
                text.push_str(&self.code);
                text.push_str(": ");
            }
            Verbosity::Terse | Verbosity::Default => {}
        }
        text.push_str(&self.message);
        let query = String::from_utf8_lossy(query);
        let place = match (self.position, &self.internal) {
            (Some(position), _) => Some((position, query.as_ref())),
            (None, Some((position, query))) => Some((*position, query.as_str())),
            (None, None) => None,
        };
        if verbosity == Verbosity::Terse {
            if let Some((position, _)) = place {
                text.push_str(&format!(" at character {position}"));
            }
            text.push('\n');
            return text;
        }
        text.push('\n');
        if let Some((position, query)) = place {
            text.push_str(&pointed(query, position).unwrap_or_default());
        }
        let mut line = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                text.push_str(&format!("{name}:  {value}\n"));
            }
        };
        line("DETAIL", self.detail.as_deref());
        line("HINT", self.hint.as_deref());
        line("QUERY", self.internal.as_ref().map(|(_, query)| query.as_str()));
        line("CONTEXT", self.context.as_deref().filter(|_| self.is_error()));
        if verbosity == Verbosity::Verbose
            && let Some((function, file, number)) = &self.source
        {
            text.push_str(&format!("LOCATION:  {function}, {file}:{number}\n"));
        }
        text
    }
}

/// The line of the statement in which the character is, cut to what fits, and a mark below it.
fn pointed(query: &str, position: usize) -> Option<String> {
    let place = position.checked_sub(1)?;
    let (mut line, mut first, mut end) = (1, 0, None);
    // Each character with its column on a screen.
    let mut chars: Vec<(char, usize)> = Vec::new();
    let mut column = 0;
    for (at, c) in query.chars().enumerate() {
        if c == '\n' || c == '\r' {
            if at >= place {
                end = Some(at);
                break;
            }
            if c == '\r' || at == 0 || chars[at - 1].0 != '\r' {
                line += 1;
            }
            first = at + 1;
        }
        chars.push((if c == '\t' { ' ' } else { c }, column));
        column += c.width().unwrap_or(0).max(1);
    }
    let mut end = end.unwrap_or(chars.len());
    if place > chars.len() {
        return None;
    }
    let at = |index: usize| chars.get(index).map_or(column, |(_, column)| *column);
    let (mut cut_before, mut cut_behind) = ("", "");
    if at(end) - at(first) > SHOWN {
        if at(first) + SHOWN >= at(place) + BEHIND {
            while at(end) - at(first) > SHOWN {
                end -= 1;
            }
            cut_behind = "...";
        } else {
            while at(place) + BEHIND < at(end) {
                end -= 1;
                cut_behind = "...";
            }
            while at(end) - at(first) > SHOWN {
                first += 1;
                cut_before = "...";
            }
        }
    }
    let prefix = format!("LINE {line}: {cut_before}");
    let shown: String = chars[first..end].iter().map(|(c, _)| *c).collect();
    let indent = prefix.len() + at(place) - at(first);
    Some(format!("{prefix}{shown}{cut_behind}\n{:indent$}^\n", ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_pointed_at() {
        assert_eq!(pointed("select x", 8).as_deref(), Some("LINE 1: select x\n               ^\n"));
        assert_eq!(pointed("select\n\tx\nfrom y", 9).as_deref(), Some("LINE 2:  x\n         ^\n"));
        let long = format!("select {}x", "1, ".repeat(40));
        let text = pointed(&long, 128).unwrap();
        let (line, mark) = text.trim_end().split_once('\n').unwrap();
        assert!(line.starts_with("LINE 1: ...") && line.len() == mark.len() && line.ends_with('x'), "{text}");
        assert_eq!(pointed("x", 9), None);
    }
}
