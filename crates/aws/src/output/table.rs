//! `--output table` (`awscli/formatter.py` and `awscli/table.py`). The caller's output is never a terminal: a table is
//! turned on its side where it is wider than 80 letters, as the program does then.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Map, Value};
use unicode_width::UnicodeWidthChar;

use super::is_scalar;
use crate::python::shown;

const TERMINAL: usize = 80;
const PADDING: usize = 4;
const BORDER: usize = 2;

/// Prints a value under a title.
///
/// # Errors
/// Rows of different lengths in one table, in the program's words.
pub(super) fn print(title: &str, value: &Value, coloured: bool) -> Result<String, String> {
    let mut table = Table { sections: Vec::new(), coloured };
    let printed = table.build(Some(title), value, 0)?;
    Ok(if printed { table.render() } else { String::new() })
}

#[derive(Debug, Default)]
struct Section {
    title: String,
    headers: Vec<String>,
    rows: Vec<Vec<String>>,
    indent: usize,
    columns: Option<usize>,
    widest: Vec<usize>,
}

struct Table {
    sections: Vec<Section>,
    coloured: bool,
}

impl Table {
    fn section(&mut self, title: &str, indent: usize) {
        self.sections.push(Section { title: title.to_owned(), indent, ..Section::default() });
    }

    fn current(&mut self) -> &mut Section {
        if self.sections.is_empty() {
            self.sections.push(Section::default());
        }
        self.sections.last_mut().expect("one was added")
    }

    /// Whether there is anything to print.
    fn build(&mut self, title: Option<&str>, value: &Value, indent: usize) -> Result<bool, String> {
        let empty = match value {
            Value::Null | Value::Bool(false) => true,
            Value::Bool(true) => false,
            Value::Number(number) => number.as_f64() == Some(0.0),
            Value::String(text) => text.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Object(entries) => entries.is_empty(),
        };
        if empty {
            return Ok(false);
        }
        if let Some(title) = title {
            self.section(title, indent);
        }
        match value {
            Value::Array(list) if list[0].is_object() => self.add_list(list, indent, title.unwrap_or_default())?,
            Value::Array(list) => {
                for item in list {
                    match item {
                        Value::Array(row) if row.iter().all(is_scalar) => {
                            self.current().row(row.iter().map(shown).collect())?;
                        }
                        // The program takes a structure among others for the list of its names.
                        Value::Object(entries) => self.current().row(entries.keys().cloned().collect())?,
                        Value::Array(_) => {
                            self.build(None, item, 0)?;
                        }
                        one => self.current().row(vec![shown(one)])?,
                    }
                }
            }
            Value::Object(entries) => self.add_structure(entries, indent)?,
            _ => {}
        }
        Ok(true)
    }

    fn add_structure(&mut self, entries: &Map<String, Value>, indent: usize) -> Result<(), String> {
        let (headers, more) = keys([entries].into_iter());
        match headers.iter().next() {
            Some(only) if headers.len() == 1 => {
                self.current().row(vec![(*only).to_owned(), shown(&entries[*only])])?;
            }
            Some(_) => {
                self.current().header(&headers);
                self.current().row(headers.iter().map(|key| shown(&entries[*key])).collect())?;
            }
            None => {}
        }
        for key in more {
            self.build(Some(key), &entries[key], indent + 1)?;
        }
        Ok(())
    }

    fn add_list(&mut self, list: &[Value], indent: usize, title: &str) -> Result<(), String> {
        let (headers, more) = keys(list.iter().filter_map(Value::as_object));
        self.current().header(&headers);
        for (at, element) in list.iter().filter_map(Value::as_object).enumerate() {
            if at > 0 && !more.is_empty() {
                self.section(title, indent);
                self.current().header(&headers);
            }
            self.current()
                .row(headers.iter().map(|key| element.get(*key).map_or_else(String::new, shown)).collect())?;
            for key in &more {
                if let Some(value) = element.get(*key) {
                    self.build(Some(key), value, indent + 1)?;
                }
            }
        }
        Ok(())
    }

    fn render(mut self) -> String {
        let mut width = self.width();
        if width > TERMINAL {
            self.sections.iter_mut().for_each(Section::turn);
            width = self.width();
        }
        let mut out = format!("{}\n", "-".repeat(width));
        for section in &self.sections {
            let edge = if self.coloured { "\u{1b}[2m\u{1b}[33m|\u{1b}[0m" } else { "|" };
            let edge = edge.repeat(section.indent);
            for line in section.render(width - section.indent * 2, self.coloured) {
                let _ = writeln!(out, "{edge}{line}{edge}");
            }
        }
        out
    }

    fn width(&self) -> usize {
        self.sections.iter().map(Section::width).max().unwrap_or_default()
    }
}

/// The names of scalars and of what is none, each sorted.
fn keys<'a>(structures: impl Iterator<Item = &'a Map<String, Value>>) -> (BTreeSet<&'a str>, BTreeSet<&'a str>) {
    let (mut headers, mut more) = (BTreeSet::new(), BTreeSet::new());
    for (key, value) in structures.flatten() {
        if is_scalar(value) {
            headers.insert(key.as_str())
        } else {
            more.insert(key.as_str())
        };
    }
    (headers, more)
}

impl Section {
    fn header(&mut self, headers: &BTreeSet<&str>) {
        self.headers = headers.iter().map(|header| (*header).to_owned()).collect();
        self.columns.get_or_insert(headers.len());
        widen(&mut self.widest, &self.headers);
    }

    fn row(&mut self, row: Vec<String>) -> Result<(), String> {
        let columns = *self.columns.get_or_insert(row.len());
        if row.len() != columns {
            return Err(format!("Row should have {columns} elements, instead it has {}", row.len()));
        }
        widen(&mut self.widest, &row);
        self.rows.push(row);
        Ok(())
    }

    /// A lone row becomes a column of names and one of values.
    fn turn(&mut self) {
        if self.rows.len() != 1 || self.headers.is_empty() {
            return;
        }
        let mut turned = Self { title: std::mem::take(&mut self.title), indent: self.indent, ..Self::default() };
        for pair in self.headers.drain(..).zip(self.rows.remove(0)) {
            let row = vec![pair.0, pair.1];
            widen(&mut turned.widest, &row);
            turned.rows.push(row);
        }
        *self = turned;
    }

    fn width(&self) -> usize {
        let outer = self.indent * 2;
        let columns: usize = self.widest.iter().map(|width| width + PADDING).sum();
        (length(&self.title) + BORDER + outer).max(columns + BORDER + outer)
    }

    /// The columns' widths, which fill the table exactly.
    fn widths(&self, whole: usize) -> Vec<usize> {
        let unscaled: Vec<usize> = self.widest.iter().map(|width| width + PADDING).collect();
        let sum: usize = unscaled.iter().sum();
        if sum == 0 {
            return unscaled;
        }
        #[expect(clippy::cast_precision_loss, reason = "widths of text are small")]
        let factor = whole as f64 / sum as f64;
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "widths of text are small and not negative"
        )]
        let mut scaled: Vec<usize> =
            unscaled.iter().map(|width| (factor * *width as f64).round_ties_even() as usize).collect();
        let mut filled: usize = scaled.iter().sum();
        while filled > whole {
            for width in &mut scaled {
                if filled > whole {
                    *width -= 1;
                    filled -= 1;
                }
            }
        }
        while filled < whole {
            for width in scaled.iter_mut().rev() {
                if filled < whole {
                    *width += 1;
                    filled += 1;
                }
            }
        }
        scaled
    }

    fn render(&self, width: usize, coloured: bool) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.title.is_empty() {
            lines.push(centred(&self.title, width, "|"));
            if self.headers.is_empty() && self.rows.is_empty() {
                lines.push(format!("+{}+", "-".repeat(width.saturating_sub(2))));
            }
        }
        let widths = self.widths(width);
        if !self.headers.is_empty() {
            lines.push(rule(&widths));
            let cells = self.headers.iter().zip(&widths).enumerate();
            lines.push(cells.map(|(at, (header, width))| centred(header, *width, edge(at))).collect());
        }
        if !self.rows.is_empty() && !widths.is_empty() {
            lines.push(rule(&widths));
            for row in &self.rows {
                let cells = row.iter().zip(&widths).enumerate();
                lines.push(cells.map(|(at, (cell, width))| left(cell, *width, edge(at), coloured)).collect());
            }
            lines.push(rule(&widths));
        }
        lines
    }
}

/// Only the first cell of a line has a left edge.
fn edge(at: usize) -> &'static str {
    if at == 0 { "|" } else { "" }
}

fn rule(widths: &[usize]) -> String {
    let pieces = widths.iter().enumerate();
    pieces
        .map(|(at, width)| match at {
            0 => format!("+{}+", "-".repeat(width.saturating_sub(2))),
            _ => format!("{}+", "-".repeat(width.saturating_sub(1))),
        })
        .collect()
}

fn centred(text: &str, width: usize, edge: &str) -> String {
    let length = length(text);
    // What does not fit begins at the edge; the program counts the missing place against the right side.
    let start = (width / 2).checked_sub(length / 2 + 1);
    let before = start.unwrap_or_default();
    let right = (width + usize::from(start.is_none())).saturating_sub(1 + edge.len() + before + length);
    format!("{edge}{}{text}{}|", " ".repeat(before), " ".repeat(right))
}

fn left(text: &str, width: usize, edge: &str, coloured: bool) -> String {
    let length = length(text);
    let padding = if length + 2 + edge.len() < width { 2 } else { 0 };
    let after = width.saturating_sub(edge.len() + padding + length + 1);
    let text = if coloured { format!("\u{1b}[1m\u{1b}[34m{text}\u{1b}[0m") } else { text.to_owned() };
    format!("{edge}{}{text}{}|", " ".repeat(padding), " ".repeat(after))
}

fn widen(widest: &mut Vec<usize>, row: &[String]) {
    widest.resize(widest.len().max(row.len()), 0);
    for (width, cell) in widest.iter_mut().zip(row) {
        *width = (*width).max(length(cell));
    }
}

/// Ambiguous letters of Annex 11 that `unicode-width` takes for narrow, because they are a letter and an accent.
const ACCENTED: &str = "àáèéêìíòóùúüāēěīńňōūǎǐǒǔǖǘǚǜ";

/// Wide, full-width and ambiguous letters (Unicode Standard Annex 11) are two columns, every other one is one.
fn length(text: &str) -> usize {
    let width = |letter: char| if ACCENTED.contains(letter) { 2 } else { letter.width_cjk().unwrap_or(1).max(1) };
    text.chars().map(width).sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::print;

    #[test]
    fn a_list_of_rows() {
        let value = json!([["a.example", "ISSUED"], ["b", null]]);
        assert_eq!(
            print("ListCertificates", &value, false).expect("a table"),
            "-------------------------\n\
             |   ListCertificates    |\n\
             +------------+----------+\n\
             |  a.example |  ISSUED  |\n\
             |  b         |  None    |\n\
             +------------+----------+\n"
        );
        assert_eq!(
            print("ListCertificates", &json!("x"), false).expect("a title"),
            "------------------\n|ListCertificates|\n+----------------+\n"
        );
        assert_eq!(
            print("X", &json!([["a"], ["b", "c"]]), false).unwrap_err(),
            "Row should have 1 elements, instead it has 2"
        );
        assert_eq!(print("X", &json!([]), false).expect("nothing"), "");
    }

    #[test]
    fn what_is_too_wide_is_turned() {
        let value = json!({"A": [{"Name": "n".repeat(60), "Other": "o".repeat(30), "In": {"K": "v"}}]});
        let table = print("Op", &value, false).expect("a table");
        assert!(table.contains("||  Name "), "{table}");
        assert!(table.lines().all(|line| line.len() == table.lines().next().map_or(0, str::len)), "{table}");
    }
}
