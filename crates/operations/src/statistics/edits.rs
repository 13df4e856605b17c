//! Which commands people change before they run them, and into what.

use std::collections::{BTreeMap, HashMap};

use command::ParameterKind;
use runbook::{Command, CommandId, Procedure, Runbook};

use super::patch::{self, File};
use super::steps::{Map, went_wrong};
use super::{EditedCommand, FrequentEdit, PastRun, Proposal};
use crate::Run;

/// The fewest runs that an edit is suggested from.
const SUGGESTED: usize = 2;

/// What became of one command.
#[derive(Default)]
struct Edits {
    ran: usize,
    edited: usize,
    /// The texts that went well, and in how many runs; the newest first.
    texts: Vec<(String, usize)>,
}

/// The commands of today's text that were edited, most often first; and how many edited executions there were of commands
/// that today's text does not have like that. An edit of an older text says nothing of a newer one.
pub(super) fn edits(
    runbook: &Runbook,
    procedure: &Procedure,
    past: &[(&PastRun, &Map)],
) -> (Vec<EditedCommand>, usize) {
    let mut found: HashMap<&CommandId, Edits> = HashMap::new();
    let mut older = 0;
    for (past, map) in past {
        let mut ran: BTreeMap<&CommandId, (bool, Option<String>)> = BTreeMap::new();
        // What takes another one back is the portal's own text.
        for execution in past.executions.iter().filter(|execution| execution.undoes.is_none()) {
            let Some(command) = map.command(&execution.command).and_then(|id| procedure.command(id)) else {
                older += usize::from(execution.edited);
                continue;
            };
            let (_, command) = command;
            let (edited, text) = ran.entry(&command.id).or_default();
            *edited |= execution.edited;
            // What failed is no suggestion; of several that did not, people went on with the last.
            if execution.edited && !execution.source.is_empty() && !went_wrong(execution) {
                *text = Some(opened(&execution.source, command, map.text(), &past.run));
            }
        }
        for (id, (edited, text)) in ran {
            let edits = found.entry(id).or_default();
            edits.ran += 1;
            edits.edited += usize::from(edited);
            let Some(text) = text else { continue };
            match edits.texts.iter_mut().find(|(known, _)| *known == text) {
                Some((_, runs)) => *runs += 1,
                None => edits.texts.push((text, 1)),
            }
        }
    }
    let file = File::new(&runbook.text);
    let mut edits: Vec<EditedCommand> = procedure
        .commands()
        .filter_map(|command| {
            let edits = found.remove(&command.id).filter(|edits| edits.edited > 0)?;
            let frequent = frequent(command, edits.texts, &file);
            Some(EditedCommand { id: command.id.clone(), ran: edits.ran, edited: edits.edited, frequent })
        })
        .collect();
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.edited));
    (edits, older)
}

/// The text that most runs had, of equals the newest, with what becomes of it.
fn frequent(command: &Command, texts: Vec<(String, usize)>, file: &File<'_>) -> Option<FrequentEdit> {
    let own = normalised(&command.source);
    let texts = texts.into_iter().filter(|(text, _)| *text != own && !text.is_empty());
    let (text, runs) = texts.reduce(|most, next| if next.1 > most.1 { next } else { most })?;
    let masked = command::mask::mask_script(&text);
    let proposal = if holds_secret(command, &text, &masked) {
        Proposal::Secret
    } else if file.placed(command, &text).is_none() {
        Proposal::Unplaced
    } else if runs < SUGGESTED {
        Proposal::Once
    } else {
        Proposal::InPatch
    };
    // What was typed in a secret's place looks like any other word: nothing of such a text is shown.
    let shown = if lacks_secret(command, &text) { command::mask::MASK.to_owned() } else { masked };
    let text_for_file = (proposal == Proposal::InPatch).then_some(text);
    Some(FrequentEdit { text: shown, runs, proposal, text_for_file })
}

/// The text without blanks at the ends of its lines, and with what the run was given standing open again. A value is put
/// back only where the runbook's own text does not have that word.
fn opened(source: &str, command: &Command, text: &Procedure, run: &Run) -> String {
    let mut source = normalised(source);
    let mut given: Vec<(&str, &str)> = text
        .parameters()
        .into_iter()
        .filter_map(|parameter| Some((parameter.placeholder.as_str(), run.given.get(&parameter.name)?.as_str())))
        .filter(|(_, value)| value.len() > 1 && places(&command.source, value).next().is_none())
        .collect();
    // A value may hold another one.
    given.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
    for (placeholder, value) in given {
        let found: Vec<usize> = places(&source, value).collect();
        for at in found.into_iter().rev() {
            source.replace_range(at..at + value.len(), placeholder);
        }
    }
    source
}

/// Where a word stands in a text: not as a part of a longer one. In bytes, none within another.
fn places(text: &str, word: &str) -> impl Iterator<Item = usize> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    text.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = text[..*at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

fn normalised(text: &str) -> String {
    let lines: Vec<&str> = patch::lines(text).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

/// Whether a line that the runbook does not have holds a secret, or the text has something else in a secret's place.
fn holds_secret(command: &Command, text: &str, masked: &str) -> bool {
    let own: Vec<&str> = patch::lines(&command.source).collect();
    let same_lines = text.lines().count() == masked.lines().count();
    let shown = |(line, masked): (&str, &str)| line == masked || own.contains(&line);
    lacks_secret(command, text) || !same_lines || !text.lines().zip(masked.lines()).all(shown)
}

/// Whether the runbook leaves a secret open that this text does not: then the secret itself may stand there.
fn lacks_secret(command: &Command, text: &str) -> bool {
    let secret = command.parameters.iter().filter(|parameter| parameter.kind == ParameterKind::Secret);
    secret
        .into_iter()
        .any(|parameter| command.source.contains(&parameter.placeholder) && !text.contains(&parameter.placeholder))
}
