//! Edits of commands as a patch of the runbook's file, in the unified format that `git apply` and `patch` read.

use std::ops::Range;
use std::time::{Duration, Instant};

use runbook::Command;
use similar::{Algorithm, DiffTag, TextDiff, capture_diff_slices_deadline};

use super::ProcedureStatistics;

/// Lines that stay, around those that change: as many as git has.
const AROUND: usize = 3;
/// How long a difference may take: after that it is right, but longer than need be.
const PATIENCE: Duration = Duration::from_secs(1);

/// The lines of a text without blanks at their ends.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').map(str::trim_end)
}

/// The lines of a runbook's file, each with its end.
pub(super) struct File<'a> {
    lines: Vec<&'a str>,
}

/// New lines in the place of others.
pub(super) struct Replacement {
    lines: Range<usize>,
    instead: Vec<String>,
}

impl<'a> File<'a> {
    /// Of this text, which is UTF-8: it was read as a runbook.
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { lines: std::str::from_utf8(text).unwrap_or_default().split_inclusive('\n').collect() }
    }

    /// The lines of a command with another text in its place; `None` where the file has it otherwise than the page (two
    /// commands in one line, a comment put together from several), or where the text does not belong into a fence.
    pub(super) fn placed(&self, command: &Command, text: &str) -> Option<Replacement> {
        let site = self.site(command)?;
        let (before, after): (Vec<&str>, Vec<&str>) = (lines(&command.source).collect(), lines(text).collect());
        let mut instead: Vec<String> = Vec::new();
        let deadline = Some(Instant::now() + PATIENCE);
        for part in capture_diff_slices_deadline(Algorithm::Myers, &before, &after, deadline) {
            if part.tag() == DiffTag::Equal {
                let kept = &self.lines[site.lines.clone()][part.old_range()];
                instead.extend(kept.iter().map(|line| (*line).to_owned()));
                continue;
            }
            for at in part.new_range() {
                let line = after[at];
                if !belongs(line) {
                    return None;
                }
                let margin = if at == 0 { site.first } else { site.margin };
                instead.push(format!("{}{}", format!("{margin}{line}").trim_end(), site.end));
            }
        }
        // Where the file ends without a line break it still does, and nowhere else.
        let count = instead.len();
        for (at, line) in instead.iter_mut().enumerate() {
            let bare = line.trim_end_matches(['\r', '\n']).len();
            if at + 1 == count && site.open {
                line.truncate(bare);
            } else if bare == line.len() {
                line.push_str(site.end);
            }
        }
        Some(Replacement { lines: site.lines, instead })
    }

    /// Where a command stands, if the file has it line by line.
    fn site(&self, command: &Command) -> Option<Site<'a>> {
        let source: Vec<&str> = command.source.split('\n').collect();
        let start = command.line.checked_sub(1)?;
        let lines = start..start.checked_add(source.len())?;
        let found = self.lines.get(lines.clone())?;
        let (mut first, mut margin) = ("", None);
        for (at, (line, source)) in found.iter().zip(&source).enumerate() {
            let line = line.trim_end_matches(['\r', '\n']);
            let (before, behind) = around(line, source)?;
            if !behind.trim().is_empty() {
                return None;
            }
            if at == 0 {
                first = before;
            } else if !source.trim().is_empty() && *margin.get_or_insert(before) != before {
                return None;
            }
        }
        let margin = margin.unwrap_or(first);
        let end = if found.first()?.ends_with("\r\n") { "\r\n" } else { "\n" };
        let open = !found.last()?.ends_with('\n');
        first.starts_with(margin).then_some(Site { lines, first, margin, end, open })
    }
}

/// A command in a file.
struct Site<'a> {
    /// Its lines, counted from 0.
    lines: Range<usize>,
    /// What stands before its first line, and before the others: the indentation of a list's item.
    first: &'a str,
    margin: &'a str,
    /// How its lines end.
    end: &'static str,
    /// Whether its last line is the file's, and has no end.
    open: bool,
}

/// What stands before and behind a source's line in the file's.
fn around<'a>(line: &'a str, source: &str) -> Option<(&'a str, &'a str)> {
    let is_margin = |c: char| matches!(c, ' ' | '\t');
    if source.trim().is_empty() {
        return line.chars().all(is_margin).then_some((line, ""));
    }
    let starts = line.char_indices().map(|(at, _)| at).take_while(|at| line[..*at].chars().all(is_margin));
    starts.filter_map(|at| Some((&line[..at], line[at..].strip_prefix(source)?))).last()
}

/// Whether a line may stand in a fence: it does not end it, and shows all that it is.
fn belongs(line: &str) -> bool {
    let invisible = |c: char| {
        (c.is_control() && c != '\t')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let line = line.trim_start();
    !line.starts_with("```") && !line.starts_with("~~~") && !line.contains(invisible)
}

/// The suggested edits of a procedure as a patch of its runbook's file at `path`; `None` where nothing is suggested.
pub(crate) fn patch(statistics: &ProcedureStatistics, path: &str) -> Option<String> {
    let file = File::new(&statistics.runbook.text);
    let mut replacements: Vec<Replacement> = statistics
        .proposals()
        .filter_map(|(id, text)| file.placed(statistics.procedure.command(id)?.1, text))
        .collect();
    replacements.sort_by_key(|replacement| replacement.lines.start);
    let mut after: Vec<&str> = Vec::with_capacity(file.lines.len());
    let mut at = 0;
    for replacement in replacements.iter().filter(|replacement| !replacement.lines.is_empty()) {
        if replacement.lines.start < at {
            continue;
        }
        after.extend(&file.lines[at..replacement.lines.start]);
        after.extend(replacement.instead.iter().map(String::as_str));
        at = replacement.lines.end;
    }
    after.extend(&file.lines[at..]);
    if after == file.lines {
        return None;
    }
    let difference = TextDiff::configure().newline_terminated(true).timeout(PATIENCE).diff_slices(&file.lines, &after);
    let hunks = difference.unified_diff().context_radius(AROUND).to_string();
    Some(format!("--- {}\n+++ {}\n{hunks}", named("a/", path), named("b/", path)))
}

/// A path as git writes it: in quotes where it holds what would end it, and with a tab behind it where it holds a blank.
fn named(side: &str, path: &str) -> String {
    let path = format!("{side}{path}");
    if path.contains(|c: char| c.is_control() || c == '"' || c == '\\') {
        let quoted: String = path
            .chars()
            .map(|c| match c {
                '"' | '\\' => format!("\\{c}"),
                c if c.is_ascii_control() => format!("\\{:03o}", u32::from(c)),
                c => c.to_string(),
            })
            .collect();
        return format!("\"{quoted}\"");
    }
    let end = if path.contains(' ') { "\t" } else { "" };
    format!("{path}{end}")
}
