//! Search over titles, headings and commands.

use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use runbook::{Block, ProcedureId, RunbookId};

use crate::Shelf;

/// The most that one search answers.
const LIMIT: usize = 50;
/// The longest query that is looked at, in characters.
const LONGEST_QUERY: usize = 200;

/// What a hit was found in; in the order in which equal matches are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Found {
    /// A runbook's title.
    Title,
    /// A procedure's title, or another heading.
    Heading,
    /// A step's title.
    Step,
    /// A command's text.
    Command,
}

/// One thing found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// In which runbook.
    pub runbook: RunbookId,
    /// Its title.
    pub runbook_title: String,
    /// In which procedure, where it is in one.
    pub procedure: Option<ProcedureId>,
    /// The procedure's title.
    pub procedure_title: Option<String>,
    /// What of it.
    pub found: Found,
    /// The text that matched: a title, or a command's text.
    pub text: String,
    /// Where to jump: the part of the address after `#`; empty for a whole page.
    pub anchor: String,
}

/// Everything that holds each word of the query, the best first.
pub(crate) fn search(shelf: &Shelf, query: &str) -> Vec<Hit> {
    let query: String = query.trim().chars().take(LONGEST_QUERY).collect();
    if query.is_empty() {
        return Vec::new();
    }
    let pattern = Pattern::new(&query, CaseMatching::Ignore, Normalization::Smart, AtomKind::Substring);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut hits = Vec::new();
    let mut consider = |hit: Hit| {
        // What a person types may name the file, the section and the command at once.
        let title = hit.procedure_title.as_deref().unwrap_or("");
        let haystack = match hit.found {
            Found::Title => hit.text.clone(),
            Found::Heading => format!("{} {}", hit.text, hit.runbook_title),
            Found::Step | Found::Command => format!("{} {title} {}", hit.text, hit.runbook_title),
        };
        let score = pattern.score(Utf32Str::new(&haystack, &mut buffer), &mut matcher);
        // Where only the surroundings match, the surroundings are the better hit.
        let own = pattern
            .atoms
            .iter()
            .any(|atom| atom.score(Utf32Str::new(&hit.text, &mut Vec::new()), &mut matcher).is_some());
        if let Some(score) = score.filter(|_| own) {
            hits.push((hit.found, std::cmp::Reverse(score), hit));
        }
    };
    for runbook in &shelf.runbooks {
        let hit = |found, text: &str, anchor: &str| Hit {
            runbook: runbook.id.clone(),
            runbook_title: runbook.title.clone(),
            procedure: None,
            procedure_title: None,
            found,
            text: text.to_owned(),
            anchor: anchor.to_owned(),
        };
        consider(hit(Found::Title, &runbook.title, ""));
        for block in &runbook.blocks {
            if let Block::Heading(heading) = block {
                consider(Hit {
                    procedure: heading.procedure.clone(),
                    ..hit(Found::Heading, &heading.text, &heading.anchor)
                });
            }
        }
        for procedure in &runbook.procedures {
            for step in &procedure.steps {
                let within = |found, text: &str| Hit {
                    procedure: Some(procedure.id.clone()),
                    procedure_title: Some(procedure.title.clone()),
                    ..hit(found, text, &format!("step-{}", step.id))
                };
                consider(within(Found::Step, &step.title));
                for command in step.commands() {
                    consider(within(Found::Command, &command.source));
                }
            }
        }
    }
    hits.sort_by_key(|(found, score, _)| (*found, *score));
    hits.truncate(LIMIT);
    hits.into_iter().map(|(_, _, hit)| hit).collect()
}
