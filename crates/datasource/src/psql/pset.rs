//! `\pset` and `-P`: how results are printed. Source: PostgreSQL 15 documentation, "psql", `\pset`.

use super::print::{Format, Style};
use super::variables::truth;

/// Sets one way of printing; without a value it is switched over, where that makes sense.
pub(super) fn set(style: &mut Style, name: &str, value: Option<&str>) -> Result<(), String> {
    let switched = |now: bool| match value {
        None => Ok(!now),
        Some(value) => {
            truth(value).ok_or_else(|| format!("unrecognized value \"{value}\" for \"{name}\": Boolean expected"))
        }
    };
    match name {
        "format" => {
            let Some(value) = value else { return Ok(()) };
            let formats = [
                ("aligned", Some(Format::Aligned)),
                ("asciidoc", None),
                ("csv", Some(Format::Csv)),
                ("html", Some(Format::Html)),
                ("latex", None),
                ("latex-longtable", None),
                ("troff-ms", None),
                ("unaligned", Some(Format::Unaligned)),
                ("wrapped", Some(Format::Aligned)),
            ];
            let exact: Vec<_> = formats.iter().filter(|(format, _)| *format == value).collect();
            let meant: Vec<_> = if exact.is_empty() {
                formats.iter().filter(|(format, _)| !value.is_empty() && format.starts_with(value)).collect()
            } else {
                exact
            };
            style.format = match meant.as_slice() {
                [(_, Some(format))] => *format,
                [(format, None)] => return Err(format!("\\pset: the format {format} is not performed by this portal")),
                [] => return Err("\\pset: allowed formats are aligned, asciidoc, csv, html, latex, latex-longtable, troff-ms, unaligned, wrapped".to_owned()),
                [(first, _), (second, _), ..] => {
                    return Err(format!("\\pset: ambiguous abbreviation \"{value}\" matches both \"{first}\" and \"{second}\""));
                }
            };
        }
        "border" => style.border = value.map_or(0, |value| value.parse().unwrap_or(0)),
        "x" | "expanded" | "vertical" => {
            style.expanded = if value == Some("auto") {
                // There is no terminal whose width could decide.
                false
            } else {
                match value {
                    Some(text) => truth(text).ok_or_else(|| {
                        format!("unrecognized value \"{text}\" for \"expanded\"\nAvailable values are: on, off, auto.")
                    })?,
                    None => !style.expanded,
                }
            }
        }
        "t" | "tuples_only" => style.tuples_only = switched(style.tuples_only)?,
        "footer" => style.footer = switched(style.footer)?,
        "null" => style.null = value.unwrap_or_default().to_owned(),
        "fieldsep" => value.unwrap_or("|").clone_into(&mut style.field_separator),
        "fieldsep_zero" => "\0".clone_into(&mut style.field_separator),
        "recordsep" => value.unwrap_or("\n").clone_into(&mut style.record_separator),
        "recordsep_zero" => "\0".clone_into(&mut style.record_separator),
        "csv_fieldsep" => {
            let value = value.unwrap_or(",");
            match value.as_bytes() {
                [b'"' | b'\n' | b'\r'] => {
                    return Err(
                        "\\pset: csv_fieldsep cannot be a double quote, a newline, or a carriage return".to_owned()
                    );
                }
                [_] => value.clone_into(&mut style.csv_separator),
                _ => return Err("\\pset: csv_fieldsep must be a single one-byte character".to_owned()),
            }
        }
        "title" | "C" => style.title = value.map(str::to_owned),
        "T" | "tableattr" => style.table_attributes = value.map(str::to_owned),
        "linestyle" if value.is_none_or(|value| value == "ascii") => {}
        "linestyle" => return Err("\\pset: only the line style ascii is performed by this portal".to_owned()),
        // Nothing is paged, wrapped or grouped here.
        "pager"
        | "pager_min_lines"
        | "columns"
        | "numericlocale"
        | "unicode_border_linestyle"
        | "unicode_column_linestyle"
        | "unicode_header_linestyle" => {}
        _ => return Err(format!("\\pset: unknown option: {name}")),
    }
    Ok(())
}

/// What psql says after it: `Output format is aligned.`
pub(super) fn told(style: &Style, name: &str) -> Option<String> {
    let on = |what: &str, on: bool| Some(format!("{what} is {}.\n", if on { "on" } else { "off" }));
    match name {
        "format" => Some(format!(
            "Output format is {}.\n",
            match style.format {
                Format::Aligned => "aligned",
                Format::Unaligned => "unaligned",
                Format::Csv => "csv",
                Format::Html => "html",
            }
        )),
        "border" => Some(format!("Border style is {}.\n", style.border)),
        "x" | "expanded" | "vertical" => on("Expanded display", style.expanded),
        "t" | "tuples_only" => on("Tuples only", style.tuples_only),
        "footer" => on("Default footer", style.footer),
        "null" => Some(format!("Null display is \"{}\".\n", style.null)),
        "fieldsep" | "fieldsep_zero" => Some(match style.field_separator.as_str() {
            "\0" => "Field separator is zero byte.\n".to_owned(),
            separator => format!("Field separator is \"{separator}\".\n"),
        }),
        "recordsep" | "recordsep_zero" => Some(match style.record_separator.as_str() {
            "\0" => "Record separator is zero byte.\n".to_owned(),
            "\n" => "Record separator is <newline>.\n".to_owned(),
            separator => format!("Record separator is \"{separator}\".\n"),
        }),
        "csv_fieldsep" => Some(format!("Field separator for CSV is \"{}\".\n", style.csv_separator)),
        "title" | "C" => Some(
            style
                .title
                .as_ref()
                .map_or_else(|| "Title is unset.\n".to_owned(), |title| format!("Title is \"{title}\".\n")),
        ),
        "T" | "tableattr" => Some(style.table_attributes.as_ref().map_or_else(
            || "Table attributes unset.\n".to_owned(),
            |attributes| format!("Table attributes are \"{attributes}\".\n"),
        )),
        "linestyle" => Some("Line style is ascii.\n".to_owned()),
        "pager" => Some("Pager usage is off.\n".to_owned()),
        _ => None,
    }
}
