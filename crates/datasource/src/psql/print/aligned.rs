//! Aligned tables: columns side by side, and expanded ones with a line for each value.

use super::{PAUSE_AFTER, Style, Table, dashes, lines, spaces};

/// The widths that a table is printed with.
pub(super) struct Layout {
    widths: Vec<usize>,
    /// For expanded tables: of the names, and of all values.
    names: usize,
    values: usize,
}

/// A row that is being printed, and how far.
pub(super) struct Current {
    /// The lines of each value with their widths.
    cells: Vec<Vec<(String, usize)>>,
    /// The next line of it; of an expanded table, the next line of this column.
    line: usize,
    column: usize,
}

impl Table {
    /// Decides on the widths by what is held, and prints the head.
    pub(super) fn settle(&mut self, out: &mut Vec<u8>) {
        if self.layout.is_some() {
            return;
        }
        let width = |text: &str| lines(text).iter().map(|(_, width)| *width).max().unwrap_or(0);
        let names: Vec<usize> = self.heads.iter().map(|head| width(&head.name)).collect();
        let mut widths = names.clone();
        let mut values = 0;
        for row in &self.rows {
            for (known, value) in widths.iter_mut().zip(row) {
                let width = width(value);
                values = values.max(width);
                *known = width.max(*known);
            }
        }
        let layout = Layout { widths, names: names.into_iter().max().unwrap_or(0), values };
        if self.style.expanded {
            if let Some(title) = self.title().filter(|_| !self.rows.is_empty()) {
                out.extend_from_slice(title.as_bytes());
                out.push(b'\n');
            }
        } else {
            self.head(&layout, out);
        }
        self.layout = Some(layout);
    }

    /// Prints rows, a line at a time. `true`: it paused.
    pub(super) fn print_settled(&mut self, out: &mut Vec<u8>) -> bool {
        loop {
            if out.len() >= PAUSE_AFTER {
                return true;
            }
            let Some(layout) = &self.layout else { return false };
            let Some(mut current) = self.current.take() else {
                let Some(row) = self.rows.pop_front() else { return false };
                self.count += 1;
                if self.style.expanded {
                    self.record_head(layout, self.count, out);
                }
                let cells = row.iter().map(|value| lines(value)).collect();
                self.current = Some(Current { cells, line: 0, column: 0 });
                continue;
            };
            let more = if self.style.expanded {
                self.record_line(layout, &mut current, out)
            } else {
                self.row_line(layout, &mut current, out)
            };
            if more {
                self.current = Some(current);
            }
        }
    }

    fn head(&self, layout: &Layout, out: &mut Vec<u8>) {
        if self.style.tuples_only {
            return;
        }
        let (border, columns) = (self.style.border, layout.widths.len());
        if let Some(title) = self.title() {
            let frame = match border {
                0 => columns,
                1 => (columns * 3).saturating_sub(1),
                _ => columns * 3 + 1,
            };
            let total = frame + layout.widths.iter().sum::<usize>();
            let width: usize = lines(title).iter().map(|(_, width)| *width).max().unwrap_or(0);
            spaces(out, total.saturating_sub(width) / 2);
            out.extend_from_slice(title.as_bytes());
            out.push(b'\n');
        }
        if border >= 2 {
            rule(&self.style, layout, out);
        }
        let names: Vec<_> = self.heads.iter().map(|head| lines(&head.name)).collect();
        let most = names.iter().map(Vec::len).max().unwrap_or(0);
        for line in 0..most {
            if border >= 2 {
                out.push(b'|');
            }
            for (at, name) in names.iter().enumerate() {
                if border != 0 {
                    out.push(b' ');
                }
                let width = layout.widths[at];
                match name.get(line) {
                    Some((text, own)) => {
                        let free = width.saturating_sub(*own);
                        spaces(out, free / 2);
                        out.extend_from_slice(text.as_bytes());
                        spaces(out, free.div_ceil(2));
                    }
                    None => spaces(out, width),
                }
                out.push(if line + 1 < name.len() { b'+' } else { b' ' });
                if border != 0 && at + 1 < columns {
                    out.push(b'|');
                }
            }
            if border >= 2 {
                out.push(b'|');
            }
            out.push(b'\n');
        }
        rule(&self.style, layout, out);
    }

    /// The next line of a row; `false` where there is none.
    fn row_line(&self, layout: &Layout, current: &mut Current, out: &mut Vec<u8>) -> bool {
        let (border, columns) = (self.style.border, layout.widths.len());
        let line = current.line;
        if current.cells.iter().all(|cell| line >= cell.len()) {
            return false;
        }
        current.line += 1;
        if border >= 2 {
            out.push(b'|');
        }
        for (at, cell) in current.cells.iter().enumerate() {
            if border != 0 {
                out.push(b' ');
            }
            let last = at + 1 == columns;
            let more = line + 1 < cell.len();
            let width = layout.widths[at];
            match cell.get(line) {
                None => {
                    if border >= 2 || !last {
                        spaces(out, width);
                    }
                }
                Some((text, own)) if self.heads[at].right => {
                    spaces(out, width.saturating_sub(*own));
                    out.extend_from_slice(text.as_bytes());
                }
                Some((text, own)) => {
                    out.extend_from_slice(text.as_bytes());
                    if border >= 2 || !last || more {
                        spaces(out, width.saturating_sub(*own));
                    }
                }
            }
            if more {
                out.push(b'+');
            } else if border >= 2 || !last {
                out.push(b' ');
            }
            if border != 0 && !last {
                out.push(b'|');
            }
        }
        if border >= 2 {
            out.push(b'|');
        }
        out.push(b'\n');
        true
    }

    pub(super) fn aligned_end(&self, out: &mut Vec<u8>) {
        if self.style.expanded {
            let footers = match &self.footer {
                // Of records, only that there are none is said.
                super::Footer::Count if self.count > 0 => Vec::new(),
                _ => self.footers(),
            };
            if self.count > 0 {
                if self.style.border >= 2
                    && let Some(layout) = &self.layout
                {
                    self.record_rule(layout, None, out);
                }
                if !footers.is_empty() {
                    out.push(b'\n');
                }
            }
            for footer in footers {
                out.extend_from_slice(footer.as_bytes());
                out.push(b'\n');
            }
            out.push(b'\n');
            return;
        }
        if self.style.border >= 2
            && let Some(layout) = &self.layout
        {
            rule(&self.style, layout, out);
        }
        for footer in self.footers() {
            out.extend_from_slice(footer.as_bytes());
            out.push(b'\n');
        }
        out.push(b'\n');
    }

    fn record_rule(&self, layout: &Layout, number: Option<u64>, out: &mut Vec<u8>) {
        let border = self.style.border;
        match border {
            0 => {}
            1 => out.push(b'-'),
            _ => out.extend_from_slice(b"+-"),
        }
        let text = match (number, border) {
            (None, _) => String::new(),
            (Some(number), 0) => format!("* Record {number}"),
            (Some(number), _) => format!("[ RECORD {number} ]"),
        };
        out.extend_from_slice(text.as_bytes());
        let fill = if border > 0 { b'-' } else { b' ' };
        // How much of the line is taken already, counted from the first place of a name.
        let mut taken = text.len() + usize::from(border != 2);
        if border == 0 && number.is_none() {
            taken = 1;
        }
        while taken < layout.names {
            out.push(fill);
            taken += 1;
        }
        let mut over = taken - layout.names;
        let mut next = |byte: u8, out: &mut Vec<u8>| {
            if over == 0 {
                out.push(byte);
            } else {
                over -= 1;
            }
        };
        if border > 0 {
            next(b'-', out);
            next(b'+', out);
            next(b'-', out);
        } else {
            next(b' ', out);
        }
        for _ in over..layout.values {
            out.push(fill);
        }
        if border >= 2 {
            out.extend_from_slice(b"-+");
        }
        out.push(b'\n');
    }

    fn record_head(&self, layout: &Layout, number: u64, out: &mut Vec<u8>) {
        if !self.style.tuples_only {
            self.record_rule(layout, Some(number), out);
        } else if number > 1 || self.style.border >= 2 {
            self.record_rule(layout, None, out);
        }
    }

    /// The next line of a record; `false` where there is none.
    fn record_line(&self, layout: &Layout, current: &mut Current, out: &mut Vec<u8>) -> bool {
        let border = self.style.border;
        let (Some(head), Some(values)) = (self.heads.get(current.column), current.cells.get(current.column)) else {
            return false;
        };
        let names = lines(&head.name);
        let line = current.line;
        if line + 1 < names.len().max(values.len()) {
            current.line += 1;
        } else {
            (current.column, current.line) = (current.column + 1, 0);
        }
        if border >= 2 {
            out.extend_from_slice(b"| ");
        }
        match names.get(line) {
            Some((name, own)) => {
                out.extend_from_slice(name.as_bytes());
                spaces(out, layout.names.saturating_sub(*own));
                out.push(if line + 1 < names.len() { b'+' } else { b' ' });
            }
            None => spaces(out, layout.names + 1),
        }
        if border > 0 {
            out.push(b'|');
        }
        if let Some((text, own)) = values.get(line) {
            if border > 0 {
                out.push(b' ');
            }
            out.extend_from_slice(text.as_bytes());
            let more = line + 1 < values.len();
            if more || border >= 2 {
                spaces(out, layout.values.saturating_sub(*own));
            }
            if more {
                out.push(b'+');
            } else if border >= 2 {
                out.push(b' ');
            }
        }
        if border >= 2 {
            out.push(b'|');
        }
        out.push(b'\n');
        true
    }
}

fn rule(style: &Style, layout: &Layout, out: &mut Vec<u8>) {
    let columns = layout.widths.len();
    match style.border {
        0 => {}
        1 => out.push(b'-'),
        _ => out.extend_from_slice(b"+-"),
    }
    for (at, width) in layout.widths.iter().enumerate() {
        dashes(out, *width);
        if at + 1 < columns {
            out.extend_from_slice(if style.border == 0 { b" " } else { b"-+-" });
        }
    }
    match style.border {
        0 => {}
        1 => out.push(b'-'),
        _ => out.extend_from_slice(b"-+"),
    }
    out.push(b'\n');
}
