//! From a place in a command to a place in its file.

use runbook::{Command, Procedure, Runbook};

use crate::{Finding, Rule};

/// A command, and where it stands.
pub(crate) struct Place<'a> {
    pub(crate) procedure: &'a Procedure,
    pub(crate) command: &'a Command,
    lines: &'a [&'a str],
}

impl<'a> Place<'a> {
    pub(crate) fn new(procedure: &'a Procedure, command: &'a Command, lines: &'a [&'a str]) -> Self {
        Self { procedure, command, lines }
    }

    /// A finding at an offset of the command's text.
    pub(crate) fn finding(
        &self,
        rule: &'static Rule,
        offset: usize,
        message: impl Into<String>,
        suggestion: Option<String>,
    ) -> Finding {
        let (line, column) = self.locate(offset);
        let place = Some((self.procedure.id.clone(), self.command.id.clone()));
        Finding { rule, line, column, message: message.into(), suggestion, place }
    }

    /// Line and character in the file. A fence in a list is indented there, and in the command it is not.
    fn locate(&self, offset: usize) -> (usize, usize) {
        let source = &self.command.source;
        let offset = source.floor_char_boundary(offset);
        let start = source[..offset].rfind('\n').map_or(0, |at| at + 1);
        let line = source[start..].lines().next().unwrap_or_default();
        let before = source[start..offset].chars().count();
        // The first line at or below where the command starts that holds this one.
        let first = self.command.line + source[..start].matches('\n').count();
        let found = (first..first + 3).find_map(|number| {
            let text = self.lines.get(number.checked_sub(1)?)?;
            let at = text.find(line.trim_end()).filter(|_| !line.trim().is_empty())?;
            Some((number, text[..at].chars().count() + before + 1))
        });
        found.unwrap_or((first, before + 1))
    }
}

/// A finding at a byte of a line of the file.
pub(crate) fn in_text(
    rule: &'static Rule,
    line: usize,
    text: &str,
    at: usize,
    message: impl Into<String>,
    suggestion: Option<String>,
) -> Finding {
    let column = text[..text.floor_char_boundary(at)].chars().count() + 1;
    Finding { rule, line, column, message: message.into(), suggestion, place: None }
}

/// The lines of a runbook's file.
pub(crate) fn lines(runbook: &Runbook) -> Vec<&str> {
    std::str::from_utf8(&runbook.text).unwrap_or_default().lines().collect()
}
