//! Formats that need no widths: unaligned, CSV, HTML. They are printed as the rows come.

use super::{Format, Table};

impl Table {
    pub(super) fn plain_begin(&self, out: &mut Vec<u8>) {
        match self.style.format {
            Format::Unaligned => {
                if let Some(title) = self.title() {
                    out.extend_from_slice(title.as_bytes());
                    out.extend_from_slice(self.style.record_separator.as_bytes());
                }
                if !self.style.tuples_only && !self.style.expanded {
                    let names: Vec<_> = self.heads.iter().map(|head| head.name.as_str()).collect();
                    out.extend_from_slice(names.join(&self.style.field_separator).as_bytes());
                    out.extend_from_slice(self.style.record_separator.as_bytes());
                }
            }
            Format::Csv => {
                if !self.style.tuples_only && !self.style.expanded {
                    let names: Vec<_> = self.heads.iter().map(|head| head.name.clone()).collect();
                    self.csv_line(&names, out);
                }
            }
            Format::Html => self.html_begin(out),
            Format::Aligned => {}
        }
    }

    pub(super) fn plain_row(&self, row: &[String], out: &mut Vec<u8>) {
        match self.style.format {
            Format::Unaligned if self.style.expanded => {
                let (field, record) = (&self.style.field_separator, &self.style.record_separator);
                if self.count > 0 {
                    out.extend_from_slice(record.as_bytes());
                    out.extend_from_slice(record.as_bytes());
                }
                let pairs: Vec<_> =
                    self.heads.iter().zip(row).map(|(head, value)| format!("{}{field}{value}", head.name)).collect();
                out.extend_from_slice(pairs.join(record).as_bytes());
            }
            Format::Unaligned => {
                if self.count > 0 {
                    out.extend_from_slice(self.style.record_separator.as_bytes());
                }
                out.extend_from_slice(row.join(&self.style.field_separator).as_bytes());
            }
            Format::Csv if self.style.expanded => {
                for (head, value) in self.heads.iter().zip(row) {
                    self.csv_line(&[head.name.clone(), value.clone()], out);
                }
            }
            Format::Csv => self.csv_line(row, out),
            Format::Html => self.html_row(row, out),
            Format::Aligned => {}
        }
    }

    pub(super) fn plain_end(&self, out: &mut Vec<u8>) {
        match self.style.format {
            Format::Unaligned => {
                let record = &self.style.record_separator;
                let footers = match &self.footer {
                    super::Footer::Count if self.style.expanded => Vec::new(),
                    _ => self.footers(),
                };
                let mut open = self.count > 0;
                if self.style.expanded && open && !footers.is_empty() {
                    out.extend_from_slice(record.as_bytes());
                }
                for footer in footers {
                    if open {
                        out.extend_from_slice(record.as_bytes());
                    }
                    out.extend_from_slice(footer.as_bytes());
                    open = true;
                }
                // Records that end in a zero byte end in one, all others in a line break (print.c).
                if open {
                    out.push(if record == "\0" { 0 } else { b'\n' });
                }
            }
            Format::Html => {
                out.extend_from_slice(b"</table>\n");
                let footers = match &self.footer {
                    super::Footer::Count if self.style.expanded => Vec::new(),
                    _ => self.footers(),
                };
                if !footers.is_empty() {
                    out.extend_from_slice(b"<p>");
                    for footer in footers {
                        html(&footer, out);
                        out.extend_from_slice(b"<br />\n");
                    }
                    out.extend_from_slice(b"</p>");
                }
                out.push(b'\n');
            }
            Format::Csv | Format::Aligned => {}
        }
    }

    fn csv_line(&self, values: &[String], out: &mut Vec<u8>) {
        let separator = &self.style.csv_separator;
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                out.extend_from_slice(separator.as_bytes());
            }
            let quoted = value.contains(separator.as_str()) || value.contains(['"', '\r', '\n']) || value == "\\.";
            if quoted {
                out.push(b'"');
                out.extend_from_slice(value.replace('"', "\"\"").as_bytes());
                out.push(b'"');
            } else {
                out.extend_from_slice(value.as_bytes());
            }
        }
        out.push(b'\n');
    }

    fn html_begin(&self, out: &mut Vec<u8>) {
        let attributes =
            self.style.table_attributes.as_ref().map(|attributes| format!(" {attributes}")).unwrap_or_default();
        out.extend_from_slice(format!("<table border=\"{}\"{attributes}>\n", self.style.border).as_bytes());
        if let Some(title) = self.title() {
            out.extend_from_slice(b"  <caption>");
            html(title, out);
            out.extend_from_slice(b"</caption>\n");
        }
        if !self.style.tuples_only && !self.style.expanded {
            out.extend_from_slice(b"  <tr>\n");
            for head in &self.heads {
                out.extend_from_slice(b"    <th align=\"center\">");
                html(&head.name, out);
                out.extend_from_slice(b"</th>\n");
            }
            out.extend_from_slice(b"  </tr>\n");
        }
    }

    fn html_row(&self, row: &[String], out: &mut Vec<u8>) {
        let value = |value: &String, right: bool, out: &mut Vec<u8>| {
            let side = if right { "right" } else { "left" };
            out.extend_from_slice(format!("    <td align=\"{side}\">").as_bytes());
            if value.chars().all(|c| matches!(c, ' ' | '\t')) {
                out.extend_from_slice(b"&nbsp; ");
            } else {
                html(value, out);
            }
            out.extend_from_slice(b"</td>\n");
        };
        if !self.style.expanded {
            out.extend_from_slice(b"  <tr valign=\"top\">\n");
            for (head, text) in self.heads.iter().zip(row) {
                value(text, head.right, out);
            }
            out.extend_from_slice(b"  </tr>\n");
            return;
        }
        if self.style.tuples_only {
            out.extend_from_slice(b"\n  <tr><td colspan=\"2\">&nbsp;</td></tr>\n");
        } else {
            out.extend_from_slice(
                format!("\n  <tr><td colspan=\"2\" align=\"center\">Record {}</td></tr>\n", self.count + 1).as_bytes(),
            );
        }
        for (head, text) in self.heads.iter().zip(row) {
            out.extend_from_slice(b"  <tr valign=\"top\">\n    <th>");
            html(&head.name, out);
            out.extend_from_slice(b"</th>\n");
            value(text, head.right, out);
            out.extend_from_slice(b"  </tr>\n");
        }
    }
}

/// Text for HTML; spaces at its start are kept.
pub(in crate::psql) fn html(text: &str, out: &mut Vec<u8>) {
    let mut leading = true;
    for c in text.chars() {
        match c {
            '&' => out.extend_from_slice(b"&amp;"),
            '<' => out.extend_from_slice(b"&lt;"),
            '>' => out.extend_from_slice(b"&gt;"),
            '"' => out.extend_from_slice(b"&quot;"),
            '\n' => out.extend_from_slice(b"<br />\n"),
            ' ' if leading => out.extend_from_slice(b"&nbsp;"),
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        leading &= c == ' ';
    }
}
