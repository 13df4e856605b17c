//! Results as psql prints them. Reference: `src/fe_utils/print.c` of PostgreSQL 15, by its output.

mod aligned;
mod plain;

pub(super) use plain::html;

use std::borrow::Cow;
use std::collections::VecDeque;

use unicode_width::UnicodeWidthChar;

/// What is kept of an aligned table before its widths are settled, in bytes. psql keeps all of it; here what comes
/// later is printed with the widths known by then, and a wider value moves the rest of its row to the right.
const WIDTHS_AFTER: usize = 4 << 20;

/// `\pset format`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Aligned,
    Unaligned,
    Csv,
    Html,
}

/// How results are printed.
#[derive(Clone, Debug)]
pub(super) struct Style {
    pub(super) format: Format,
    pub(super) expanded: bool,
    pub(super) border: u16,
    pub(super) tuples_only: bool,
    pub(super) footer: bool,
    pub(super) field_separator: String,
    pub(super) record_separator: String,
    pub(super) csv_separator: String,
    pub(super) null: String,
    pub(super) title: Option<String>,
    pub(super) table_attributes: Option<String>,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            format: Format::Aligned,
            expanded: false,
            border: 1,
            tuples_only: false,
            footer: true,
            field_separator: "|".to_owned(),
            record_separator: "\n".to_owned(),
            csv_separator: ",".to_owned(),
            null: String::new(),
            title: None,
            table_attributes: None,
        }
    }
}

/// Printing pauses after about this many bytes, so that they can be sent: one row may be padded to many times what it
/// holds.
const PAUSE_AFTER: usize = 64 << 10;

/// A column's name, and whether it stands at the right.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) name: String,
    pub(super) right: bool,
}

/// What is printed below a table.
#[derive(Clone, Debug)]
pub(super) enum Footer {
    /// `(3 rows)`, where the style wants it.
    Count,
    /// These lines; none leaves the place empty.
    Lines(Vec<String>),
}

/// A table that is being printed.
pub(super) struct Table {
    style: Style,
    heads: Vec<Head>,
    footer: Footer,
    rows: VecDeque<Vec<String>>,
    held: usize,
    count: u64,
    /// What an aligned table has settled on, and the row of it that is being printed.
    layout: Option<aligned::Layout>,
    current: Option<aligned::Current>,
    begun: bool,
}

impl Table {
    pub(super) fn new(style: Style, heads: Vec<Head>, footer: Footer) -> Self {
        Self {
            style,
            heads,
            footer,
            rows: VecDeque::new(),
            held: 0,
            count: 0,
            layout: None,
            current: None,
            begun: false,
        }
    }

    /// Adds a row; `None` is NULL. What can be printed by now is had from [`Table::print`].
    pub(super) fn push<'v>(&mut self, values: impl Iterator<Item = Option<Cow<'v, str>>>, out: &mut Vec<u8>) {
        let row: Vec<String> =
            values.map(|value| value.map_or_else(|| self.style.null.clone(), Cow::into_owned)).collect();
        if self.style.format != Format::Aligned {
            self.begin(out);
            self.plain_row(&row, out);
            self.count += 1;
            return;
        }
        self.held += row.iter().map(|value| value.len() + size_of::<String>()).sum::<usize>();
        self.rows.push_back(row);
        if self.held > WIDTHS_AFTER {
            self.settle(out);
        }
    }

    /// Prints what can be printed. `true`: there is more, once this has been sent.
    pub(super) fn print(&mut self, out: &mut Vec<u8>) -> bool {
        self.layout.is_some() && self.print_settled(out)
    }

    /// No row follows: all that is held can be printed.
    pub(super) fn close(&mut self, out: &mut Vec<u8>) {
        if self.style.format == Format::Aligned {
            self.settle(out);
        } else {
            self.begin(out);
        }
    }

    /// Prints what stands below, when everything else is printed.
    pub(super) fn end(self, out: &mut Vec<u8>) {
        if self.style.format == Format::Aligned {
            self.aligned_end(out);
        } else {
            self.plain_end(out);
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !self.begun {
            self.begun = true;
            self.plain_begin(out);
        }
    }

    /// What stands below, if anything.
    fn footers(&self) -> Vec<String> {
        if self.style.tuples_only {
            return Vec::new();
        }
        match &self.footer {
            Footer::Lines(lines) => lines.clone(),
            Footer::Count if self.style.footer => {
                vec![if self.count == 1 { "(1 row)".to_owned() } else { format!("({} rows)", self.count) }]
            }
            Footer::Count => Vec::new(),
        }
    }

    fn title(&self) -> Option<&str> {
        self.style.title.as_deref().filter(|_| !self.style.tuples_only)
    }
}

/// The lines of a value with their width on a screen, as `pg_wcsformat` of mbprint.c makes them: tabs become spaces,
/// other control characters are written out.
fn lines(text: &str) -> Vec<(String, usize)> {
    let mut lines = Vec::new();
    let (mut line, mut width) = (String::new(), 0);
    for c in text.chars() {
        match c {
            '\n' => {
                lines.push((std::mem::take(&mut line), width));
                width = 0;
            }
            '\r' => {
                line.push_str("\\r");
                width += 2;
            }
            '\t' => loop {
                line.push(' ');
                width += 1;
                if width % 8 == 0 {
                    break;
                }
            },
            c if c.is_ascii_control() => {
                line.push_str(&format!("\\x{:02X}", u32::from(c)));
                width += 4;
            }
            c if c.is_control() => {
                line.push_str(&format!("\\u{:04X}", u32::from(c)));
                width += 6;
            }
            c => {
                line.push(c);
                width += columns(c);
            }
        }
    }
    lines.push((line, width));
    lines
}

/// How many columns a character takes. psql gives the invisible ones that steer a text (category Cf) one, unlike others.
fn columns(c: char) -> usize {
    match c {
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => 1,
        c => c.width().unwrap_or(0),
    }
}

fn spaces(out: &mut Vec<u8>, count: usize) {
    out.resize(out.len() + count, b' ');
}

fn dashes(out: &mut Vec<u8>, count: usize) {
    out.resize(out.len() + count, b'-');
}
