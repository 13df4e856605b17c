//! Steps before they have their numbers, and how they get them.

use std::collections::BTreeSet;

use command::{Parameter, Script, parameter, placeholder};

use crate::colour;
use crate::fence::{Part, Unit};
use crate::html;
use crate::model::{Alternatives, Body, Code, Command, CommandId, Language, SafeHtml, Step, StepId};
use crate::passage::Passage;

/// Titles are cut to this many characters.
const LONGEST_TITLE: usize = 140;

/// A step without its number.
#[derive(Clone, Debug)]
pub(crate) struct StepDraft {
    pub(crate) title: String,
    pub(crate) phase: Option<String>,
    pub(crate) prose: SafeHtml,
    pub(crate) notes: Vec<Passage>,
    pub(crate) body: BodyDraft,
}

/// What there is to do in it.
#[derive(Clone, Debug)]
pub(crate) enum BodyDraft {
    Commands(Alternatives, Vec<Part>),
    Yaml(String, String),
    Message(String),
    Manual,
}

impl StepDraft {
    /// The bash texts in it.
    fn sources(&self) -> impl Iterator<Item = &str> {
        let parts = match &self.body {
            BodyDraft::Commands(_, parts) => parts.as_slice(),
            _ => &[],
        };
        parts.iter().filter(|part| part.language == Language::Bash).map(|part| part.source.as_str())
    }
}

/// The variables that these steps set anywhere.
pub(crate) fn assigned<'a>(drafts: impl Iterator<Item = &'a StepDraft>) -> BTreeSet<String> {
    drafts.flat_map(|draft| draft.sources().flat_map(Script::assigned).collect::<Vec<_>>()).collect()
}

/// The step with its number, counted from 1.
pub(crate) fn number(draft: StepDraft, number: usize, assigned: &BTreeSet<String>) -> Step {
    let body = match draft.body {
        BodyDraft::Commands(alternatives, parts) => {
            let several = parts.len() > 1;
            let commands = parts
                .into_iter()
                .enumerate()
                .map(|(at, part)| {
                    let letter = if several { letters(at) } else { String::new() };
                    command(part, CommandId::new(format!("{number}{letter}")), assigned)
                })
                .collect();
            Body::Commands { alternatives, commands }
        }
        BodyDraft::Yaml(source, language) => Body::Yaml(code(source, &language)),
        BodyDraft::Message(source) => {
            let html = colour::text(&source, "", &placeholder::find_in_message(&source));
            Body::Message(Code { parameters: parameter::in_message(&source), html, source })
        }
        BodyDraft::Manual => Body::Manual,
    };
    Step {
        id: StepId::new(number.to_string()),
        title: shortened(&draft.title),
        phase: draft.phase,
        prose: draft.prose,
        notes: draft.notes,
        body,
    }
}

fn command(part: Part, id: CommandId, assigned: &BTreeSet<String>) -> Command {
    let Language::Sql { connection } = &part.language else { return bash(part, id, assigned) };
    let argv = ["psql", "-c", &part.source].map(str::to_owned);
    let action = command::classify(&argv).ok();
    let mut parameters = match connection.as_str() {
        "" => vec![Parameter::database()],
        connection => parameter::in_script(&format!("psql {connection}"), assigned),
    };
    for parameter in parameter::in_text(&part.source) {
        if parameters.iter().all(|known| known.placeholder != parameter.placeholder) {
            parameters.push(parameter);
        }
    }
    let mut html = SafeHtml::default();
    if !connection.is_empty() {
        // As the text has it: the line that says where, then the statements.
        html.append(&colour::bash(&format!("psql {connection}\n\n")));
    }
    html.append(&colour::text(&part.source, "sql", &placeholder::find(&part.source)));
    Command {
        id,
        title: part.title.map(|title| shortened(&title)),
        html,
        effect: command::sql::effect(&part.source),
        opaque: false,
        follows: false,
        parameters,
        expected: part.expected,
        actions: action.into_iter().collect(),
        programs: vec!["psql".to_owned()],
        line: part.line,
        language: part.language,
        source: part.source,
    }
}

fn bash(part: Part, id: CommandId, assigned: &BTreeSet<String>) -> Command {
    let reading = Script::parse(&part.source).reading();
    Command {
        id,
        title: part.title.map(|title| shortened(&title)),
        html: colour::bash(&part.source),
        language: part.language,
        effect: reading.effect,
        opaque: reading.opaque,
        follows: reading.follows,
        parameters: parameter::in_script(&part.source, assigned),
        expected: part.expected,
        actions: reading.actions,
        programs: reading.programs,
        line: part.line,
        source: part.source,
    }
}

fn code(source: String, language: &str) -> Code {
    let html = colour::text(&source, language, &placeholder::find(&source));
    Code { parameters: parameter::in_text(&source), html, source }
}

/// `a`, `b`, … `z`, `aa`, …
fn letters(at: usize) -> String {
    let letter = char::from(b'a' + u8::try_from(at % 26).expect("a remainder of 26 fits a byte"));
    if at < 26 { letter.to_string() } else { format!("{}{letter}", letters(at / 26 - 1)) }
}

/// A title that fits a line or two.
pub(crate) fn shortened(title: &str) -> String {
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    if title.chars().count() <= LONGEST_TITLE {
        return title;
    }
    let cut: String = title.chars().take(LONGEST_TITLE - 1).collect();
    let cut = cut.rsplit_once(' ').map_or(cut.as_str(), |(before, _)| before);
    format!("{cut}…")
}

/// A title for a choice: its options' titles while they fit, else `fallback`.
pub(crate) fn choice_title(parts: &[Part], fallback: &str) -> String {
    let titles: Vec<&str> = parts.iter().filter_map(|part| part.title.as_deref()).collect();
    let conditions = titles.iter().any(|title| title.starts_with("If "));
    let joined = titles
        .iter()
        .enumerate()
        .map(|(at, title)| if at == 0 { (*title).to_owned() } else { lowered(title) })
        .collect::<Vec<_>>()
        .join(" or ");
    if titles.len() == parts.len() && !conditions && joined.chars().count() <= 80 {
        joined
    } else {
        fallback.to_owned()
    }
}

/// The same with a small first letter, unless the first word is a name or an abbreviation.
fn lowered(title: &str) -> String {
    let word = title.split(' ').next().unwrap_or_default();
    let ordinary = word.chars().skip(1).all(|c| c.is_lowercase() || c == '-');
    let mut chars = title.chars();
    match chars.next() {
        Some(first) if ordinary => first.to_lowercase().chain(chars).collect(),
        _ => title.to_owned(),
    }
}

/// A title for a command that nobody named: what it does, or its first line.
pub(crate) fn described(source: &str) -> String {
    let reading = Script::parse(source).reading();
    if let [action] = reading.actions.as_slice() {
        let target = action.targets.first().and_then(|target| target.name.as_deref()).unwrap_or_default();
        return shortened(format!("{} {} {target}", action.tool, action.verb).trim());
    }
    shortened(source.lines().find(|line| !line.trim().is_empty()).unwrap_or_default())
}

/// The steps of a fence that stands by itself; notes go to the step before them. `heading` names a step that nothing else
/// names.
pub(crate) fn steps(
    units: Vec<Unit>,
    line: usize,
    phase: Option<&str>,
    heading: &str,
) -> Vec<Result<StepDraft, SafeHtml>> {
    let commands = units.iter().filter(|unit| matches!(unit, Unit::Commands { .. } | Unit::Choice(_))).count();
    let fallback = |source: &str| match phase {
        _ if commands > 1 => described(source),
        Some(phase) => phase.to_owned(),
        None if heading.is_empty() => described(source),
        None => heading.to_owned(),
    };
    let step = |title: String, prose: SafeHtml, body: BodyDraft| StepDraft {
        title,
        phase: phase.map(str::to_owned),
        prose,
        notes: Vec::new(),
        body,
    };
    let mut found: Vec<Result<StepDraft, SafeHtml>> = Vec::new();
    for unit in units {
        match unit {
            Unit::Commands { title, remarks, parts } => {
                let parts = placed(parts, line);
                let title = title.unwrap_or_else(|| fallback(&parts[0].source));
                found.push(Ok(step(title, html::comments(&remarks), BodyDraft::Commands(Alternatives::All, parts))));
            }
            Unit::Choice(parts) => {
                let parts = placed(parts, line);
                let title = choice_title(&parts, phase.unwrap_or(heading));
                found.push(Ok(step(title, SafeHtml::default(), BodyDraft::Commands(Alternatives::One, parts))));
            }
            Unit::Manual { title, remarks } => found.push(Ok(step(title, html::comments(&remarks), BodyDraft::Manual))),
            Unit::Note(lines) => match found.last_mut() {
                Some(Ok(last)) => last.prose.append(&html::comments(&lines)),
                _ => found.push(Err(html::comments(&lines))),
            },
        }
    }
    found
}

/// The steps of the fences in one numbered item. All plain commands are one step under the item's title; a choice beside
/// them is a step of its own.
pub(crate) fn item_steps(
    units: Vec<(Unit, usize)>,
    title: &str,
    prose: &SafeHtml,
    phase: Option<&str>,
) -> Vec<StepDraft> {
    let step = |title: String, prose: SafeHtml, body: BodyDraft| StepDraft {
        title,
        phase: phase.map(str::to_owned),
        prose,
        notes: Vec::new(),
        body,
    };
    let mut found: Vec<StepDraft> = Vec::new();
    let mut told = prose.clone();
    for (unit, line) in units {
        match unit {
            Unit::Commands { title: own, remarks, parts } => {
                let parts = placed(parts, line);
                let remarks = html::comments(&remarks);
                match found.last_mut() {
                    Some(StepDraft { body: BodyDraft::Commands(Alternatives::All, before), prose, .. }) => {
                        before.extend(parts);
                        prose.append(&remarks);
                    }
                    last => {
                        let title = if last.is_none() {
                            title.to_owned()
                        } else {
                            own.unwrap_or_else(|| described(&parts[0].source))
                        };
                        let mut prose = std::mem::take(&mut told);
                        prose.append(&remarks);
                        found.push(step(title, prose, BodyDraft::Commands(Alternatives::All, parts)));
                    }
                }
            }
            Unit::Choice(parts) => {
                let parts = placed(parts, line);
                let title = if found.is_empty() { title.to_owned() } else { choice_title(&parts, title) };
                found.push(step(title, std::mem::take(&mut told), BodyDraft::Commands(Alternatives::One, parts)));
            }
            Unit::Manual { title, remarks } => {
                let lines: Vec<String> = std::iter::once(title).chain(remarks).collect();
                tell(&mut found, &mut told, &lines);
            }
            Unit::Note(lines) => tell(&mut found, &mut told, &lines),
        }
    }
    if found.is_empty() {
        found.push(step(title.to_owned(), told, BodyDraft::Manual));
    }
    found
}

fn tell(found: &mut [StepDraft], told: &mut SafeHtml, lines: &[String]) {
    let more = html::comments(lines);
    match found.last_mut() {
        Some(step) => step.prose.append(&more),
        None => told.append(&more),
    }
}

/// Parts with their line in the file instead of the fence.
fn placed(mut parts: Vec<Part>, line: usize) -> Vec<Part> {
    for part in &mut parts {
        part.line += line;
    }
    parts
}
