//! What a section of a file holds: steps, and what is only to be read.

use pulldown_cmark::{Event, Tag, TagEnd};

use crate::draft::{self, BodyDraft, StepDraft};
use crate::fence;
use crate::html::{self, Footnotes};
use crate::markdown::{Item, Kind, Piece, bold_beginning, plain_text};
use crate::model::{SafeHtml, WidgetFence};
use crate::passage;
use crate::words;

/// Languages of manifests and configuration.
const CONFIGURATION: &[&str] = &["yaml", "yml", "json", "toml", "hcl", "terraform"];

/// Names of fences without a language.
const UNTAGGED: &[&str] = &["", "text", "txt", "plain", "plaintext", "message"];

/// How a text to send begins.
const MESSAGE_STARTS: &[&str] = &["Subject:", "Slack:", "To:", "Email:", "From:", "Dear "];

/// A stretch of a section.
#[derive(Clone, Debug)]
pub(crate) enum Out {
    /// To be read.
    Prose(SafeHtml),
    /// To be done.
    Step(StepDraft),
    /// To be seen live.
    Widget(WidgetFence),
}

/// Reads the pieces below one heading.
pub(crate) struct Reader<'r> {
    footnotes: &'r mut Footnotes,
    heading: String,
    is_reference: bool,
    phase: Option<String>,
    default_phase: Option<String>,
    out: Vec<Out>,
}

impl<'r> Reader<'r> {
    /// Begins a section. `phase` is its own heading where it is part of a larger procedure.
    pub(crate) fn new(heading: &str, phase: Option<String>, footnotes: &'r mut Footnotes) -> Self {
        Self {
            footnotes,
            heading: words::without_section_number(heading).to_owned(),
            is_reference: words::is_reference(heading),
            phase: phase.clone(),
            default_phase: phase,
            out: Vec::new(),
        }
    }

    /// Reads the pieces to their end.
    pub(crate) fn read(mut self, pieces: &[Piece<'_>]) -> Vec<Out> {
        for piece in pieces {
            self.piece(piece);
        }
        self.out
    }

    fn piece(&mut self, piece: &Piece<'_>) {
        match &piece.kind {
            Kind::Code { language, text, line } => {
                let (language, text, line) = (language.clone(), text.clone(), *line);
                self.fence(piece, &language, &text, line);
            }
            Kind::List { ordered, items } if self.is_steps(*ordered, items) => {
                for item in items {
                    let steps = self.item(item, 0);
                    self.out.extend(steps.into_iter().map(Out::Step));
                }
            }
            _ => {
                if let Some(label) = piece.label() {
                    self.phase = Some(label);
                } else if matches!(piece.events.first(), Some(Event::Rule)) {
                    self.phase.clone_from(&self.default_phase);
                }
                self.prose(&piece.events);
            }
        }
    }

    fn prose(&mut self, events: &[Event<'_>]) {
        let html = html::render(events, self.footnotes);
        if html.is_empty() {
            return;
        }
        match self.out.last_mut() {
            Some(Out::Prose(last)) => last.append(&html),
            _ => self.out.push(Out::Prose(html)),
        }
    }

    fn fence(&mut self, piece: &Piece<'_>, language: &str, text: &str, line: usize) {
        let phase = self.phase.clone();
        let kind = fence_kind(language, text);
        let is_message = self.phase.as_deref().is_some_and(words::is_message_heading)
            || words::is_message_heading(&self.heading)
            || MESSAGE_STARTS.iter().any(|start| text.trim_start().starts_with(start))
            || !command::parameter::in_message(text).is_empty();
        let named = |text: &str| phase.clone().or_else(|| first_comment(text)).unwrap_or_else(|| self.heading.clone());
        let body = match kind {
            FenceKind::Bash | FenceKind::Sql => {
                let units = if kind == FenceKind::Sql { fence::sql_units(text) } else { fence::units(text) };
                for step in draft::steps(units, line, phase.as_deref(), &self.heading) {
                    match step {
                        Ok(step) => self.out.push(Out::Step(step)),
                        Err(note) => self.out.push(Out::Prose(note)),
                    }
                }
                return;
            }
            FenceKind::Configuration => (named(text), BodyDraft::Yaml(text.to_owned(), language.to_owned())),
            FenceKind::Untagged if is_message && !self.is_reference => {
                (phase.clone().unwrap_or_else(|| self.heading.clone()), BodyDraft::Message(text.to_owned()))
            }
            FenceKind::Widget => {
                self.out.push(Out::Widget(WidgetFence { source: text.to_owned(), line }));
                return;
            }
            FenceKind::Untagged | FenceKind::Other => {
                self.prose(&piece.events);
                return;
            }
        };
        let (title, body) = body;
        self.out.push(Out::Step(StepDraft { title, phase, prose: SafeHtml::default(), notes: Vec::new(), body }));
    }

    /// Whether a list is something to do: numbered items, tasks, items with commands, or bullets that read as actions.
    fn is_steps(&self, ordered: bool, items: &[Item<'_>]) -> bool {
        if items.is_empty() || items.iter().all(is_link_alone) {
            return false;
        }
        if items.iter().any(|item| has_fence(item, 0)) {
            return true;
        }
        if self.is_reference {
            return false;
        }
        if ordered || items.iter().all(|item| item.is_task) {
            return true;
        }
        let Some(label) = self.phase.as_deref().filter(|_| self.phase != self.default_phase) else { return false };
        if words::is_telling_label(label) {
            return false;
        }
        let actions = items.iter().filter(|item| words::is_action(&item_text(item))).count();
        actions == items.len() || (words::is_action_label(label) && actions * 2 >= items.len())
    }

    fn item(&mut self, item: &Item<'_>, depth: u8) -> Vec<StepDraft> {
        let first = item.pieces.first().filter(|piece| matches!(piece.kind, Kind::Paragraph));
        let (title, mut prose) = first.map_or((String::new(), Vec::new()), |piece| item_title(piece.inline()));
        let phase = self.phase.clone();
        let rest = prose.clone();
        let mut told = Vec::new();
        let mut units = Vec::new();
        let mut others: Vec<StepDraft> = Vec::new();
        let mut nested = Vec::new();
        for piece in item.pieces.iter().skip(usize::from(first.is_some())) {
            match &piece.kind {
                Kind::Code { language, text, line } => {
                    let kind = fence_kind(language, text);
                    let body = match kind {
                        FenceKind::Bash => {
                            units.extend(fence::units(text).into_iter().map(|unit| (unit, *line)));
                            continue;
                        }
                        FenceKind::Sql => {
                            units.extend(fence::sql_units(text).into_iter().map(|unit| (unit, *line)));
                            continue;
                        }
                        FenceKind::Configuration => BodyDraft::Yaml(text.clone(), language.clone()),
                        FenceKind::Untagged => BodyDraft::Message(text.clone()),
                        FenceKind::Widget => {
                            self.out.push(Out::Widget(WidgetFence { source: text.clone(), line: *line }));
                            continue;
                        }
                        FenceKind::Other => {
                            prose.extend(piece.events.iter().cloned());
                            continue;
                        }
                    };
                    others.push(StepDraft {
                        title: title.clone(),
                        phase: phase.clone(),
                        prose: SafeHtml::default(),
                        notes: Vec::new(),
                        body,
                    });
                }
                Kind::List { items, .. } if depth < 3 && items.iter().any(|item| has_fence(item, 0)) => {
                    let outer = self.phase.replace(title.clone());
                    for item in items {
                        nested.extend(self.item(item, depth + 1));
                    }
                    self.phase = outer;
                }
                _ => {
                    told.push(piece);
                    prose.extend(piece.events.iter().cloned());
                }
            }
        }
        let notes = passage::notes(&rest, told.into_iter());
        let prose = if prose.is_empty() { SafeHtml::default() } else { html::render(&prose, self.footnotes) };
        let mut steps = if !units.is_empty() {
            draft::item_steps(units, &title, &prose, phase.as_deref())
        } else if let Some(first) = others.first_mut() {
            first.prose = prose;
            std::mem::take(&mut others)
        } else if nested.is_empty() || !prose.is_empty() {
            vec![StepDraft { title, phase, prose, notes: Vec::new(), body: BodyDraft::Manual }]
        } else {
            Vec::new()
        };
        if let Some(first) = steps.first_mut() {
            first.notes = notes;
        }
        steps.append(&mut others);
        steps.append(&mut nested);
        steps
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum FenceKind {
    Bash,
    Sql,
    Configuration,
    Widget,
    Untagged,
    Other,
}

fn fence_kind(language: &str, text: &str) -> FenceKind {
    if text.trim().is_empty() {
        FenceKind::Other
    } else if fence::is_bash(language) && !fence::looks_like_sql(text)
        || (language.is_empty() && fence::looks_like_bash(text))
    {
        FenceKind::Bash
    } else if language == "sql" || language == "postgresql" || language == "psql" || fence::is_bash(language) {
        FenceKind::Sql
    } else if CONFIGURATION.contains(&language) {
        FenceKind::Configuration
    } else if language == "widget" {
        FenceKind::Widget
    } else if UNTAGGED.contains(&language) {
        FenceKind::Untagged
    } else {
        FenceKind::Other
    }
}

fn has_fence(item: &Item<'_>, depth: u8) -> bool {
    item.pieces.iter().any(|piece| match &piece.kind {
        Kind::Code { language, text, .. } => matches!(fence_kind(language, text), FenceKind::Bash | FenceKind::Sql),
        Kind::List { items, .. } if depth < 3 => items.iter().any(|item| has_fence(item, depth + 1)),
        _ => false,
    })
}

/// An item of a table of contents.
fn is_link_alone(item: &Item<'_>) -> bool {
    item.pieces.iter().all(|piece| match &piece.kind {
        Kind::Paragraph => {
            let inline = piece.inline();
            matches!(inline.first(), Some(Event::Start(Tag::Link { .. })))
                && matches!(inline.last(), Some(Event::End(TagEnd::Link)))
        }
        Kind::List { items, .. } => items.iter().all(is_link_alone),
        _ => false,
    })
}

fn item_text(item: &Item<'_>) -> String {
    item.pieces.first().map(|piece| plain_text(&piece.events)).unwrap_or_default()
}

/// The title of an item, and what its first paragraph says beyond that. A bold beginning that a colon or dash ends is the
/// title; otherwise the whole paragraph is, while it is short.
fn item_title<'a>(inline: &[Event<'a>]) -> (String, Vec<Event<'a>>) {
    let whole = plain_text(inline).trim().to_owned();
    let rich = inline
        .iter()
        .any(|event| matches!(event, Event::Start(Tag::Link { .. } | Tag::Image { .. }) | Event::FootnoteReference(_)));
    if let Some((bold, rest)) = bold_beginning(inline) {
        let after = plain_text(rest);
        let separators = [':', '-', '–', '—', ' ', '.'];
        let ends = bold.trim_end().ends_with(':')
            || after.trim_start().starts_with([':', '-', '–', '—'])
            || after.trim().is_empty();
        if ends {
            let mut rest = rest.to_vec();
            if let Some(Event::Text(text)) = rest.first_mut() {
                *text = text.trim_start_matches(separators).to_owned().into();
            }
            let rest = if plain_text(&rest).trim().is_empty() && !rich { Vec::new() } else { paragraph(rest) };
            return (bold.trim().trim_end_matches(':').trim().to_owned(), rest);
        }
    }
    let title = draft::shortened(whole.trim_end_matches(':'));
    let rest = if rich || title.ends_with('…') { paragraph(inline.to_vec()) } else { Vec::new() };
    (title, rest)
}

fn paragraph(inline: Vec<Event<'_>>) -> Vec<Event<'_>> {
    std::iter::once(Event::Start(Tag::Paragraph)).chain(inline).chain([Event::End(TagEnd::Paragraph)]).collect()
}

/// What the first line of a manifest or of SQL says about it.
fn first_comment(text: &str) -> Option<String> {
    let first = text.lines().find(|line| !line.trim().is_empty())?.trim();
    let comment = first.strip_prefix('#').or_else(|| first.strip_prefix("--"))?.trim();
    (!comment.is_empty() && !comment.ends_with(".yaml") && !comment.ends_with(".yml")).then(|| comment.to_owned())
}
