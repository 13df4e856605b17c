//! A Markdown file as pieces: headings, fences, paragraphs, lists with their items.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use crate::html;
use crate::model::Table;

/// How deep lists are looked into for steps; deeper ones are prose.
const DEEPEST: u8 = 4;

/// A piece of a file, with the events that draw it.
#[derive(Clone, Debug)]
pub(crate) struct Piece<'a> {
    pub(crate) kind: Kind<'a>,
    pub(crate) events: Vec<Event<'a>>,
}

/// What a piece is.
#[derive(Clone, Debug)]
pub(crate) enum Kind<'a> {
    /// Level 1 to 6 and its plain text.
    Heading(u8, String),
    /// A fence: its language in lower case, its text, the line its text begins at, counted from 1.
    Code { language: String, text: String, line: usize },
    /// A paragraph without what encloses it.
    Paragraph,
    /// A list and the pieces of each item.
    List { ordered: bool, items: Vec<Item<'a>> },
    /// Whatever else: tables, quotes, HTML, rules.
    Other,
}

/// An item of a list.
#[derive(Clone, Debug)]
pub(crate) struct Item<'a> {
    pub(crate) pieces: Vec<Piece<'a>>,
    /// `- [ ]`
    pub(crate) is_task: bool,
}

type Spanned<'a> = (Event<'a>, Range<usize>);

/// The pieces of a file in order, and the front matter's text.
pub(crate) fn read(text: &str) -> (Vec<Piece<'_>>, String) {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let mut front_matter = String::new();
    let mut in_metadata = false;
    let mut events: Vec<Spanned<'_>> = Vec::new();
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        match event {
            Event::Start(Tag::MetadataBlock(_)) => in_metadata = true,
            Event::End(TagEnd::MetadataBlock(_)) => in_metadata = false,
            Event::Text(text) if in_metadata => front_matter.push_str(&text),
            event => events.push((event, range)),
        }
    }
    let lines: Vec<usize> = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect();
    (pieces(&events, &lines, 0), front_matter)
}

fn pieces<'a>(events: &[Spanned<'a>], lines: &[usize], depth: u8) -> Vec<Piece<'a>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < events.len() {
        let end = if is_inline(&events[at].0) {
            let rest = &events[at..];
            let mut nested = 0_usize;
            let length = rest.iter().position(|(event, _)| {
                let stop = nested == 0 && !is_inline(event);
                match event {
                    Event::Start(_) => nested += 1,
                    Event::End(_) => nested = nested.saturating_sub(1),
                    _ => {}
                }
                stop
            });
            length.map_or(events.len(), |length| at + length)
        } else {
            closing(events, at)
        };
        let end = end.max(at + 1);
        found.push(piece(&events[at..end], lines, depth));
        at = end;
    }
    found
}

/// Where the element that begins at `at` has ended.
fn closing(events: &[Spanned<'_>], at: usize) -> usize {
    let mut nested = 0_usize;
    for (offset, (event, _)) in events[at..].iter().enumerate() {
        match event {
            Event::Start(_) => nested += 1,
            Event::End(_) => nested = nested.saturating_sub(1),
            _ => {}
        }
        if nested == 0 {
            return at + offset + 1;
        }
    }
    events.len()
}

fn is_inline(event: &Event<'_>) -> bool {
    match event {
        Event::Start(tag) => matches!(
            tag,
            Tag::Emphasis
                | Tag::Strong
                | Tag::Strikethrough
                | Tag::Superscript
                | Tag::Subscript
                | Tag::Link { .. }
                | Tag::Image { .. }
        ),
        Event::Rule | Event::Html(_) | Event::End(_) => false,
        _ => true,
    }
}

fn piece<'a>(spanned: &[Spanned<'a>], lines: &[usize], depth: u8) -> Piece<'a> {
    let events: Vec<Event<'a>> = spanned.iter().map(|(event, _)| event.clone()).collect();
    let inner = spanned.get(1..spanned.len().saturating_sub(1)).unwrap_or_default();
    let kind = match &spanned[0].0 {
        Event::Start(Tag::Heading { level, .. }) => Kind::Heading(*level as u8, plain_text(&events).trim().to_owned()),
        Event::Start(Tag::CodeBlock(fence)) => {
            let language = match fence {
                CodeBlockKind::Fenced(info) => html::language(info),
                CodeBlockKind::Indented => String::new(),
            };
            let start = inner.first().map_or(spanned[0].1.start, |(_, range)| range.start);
            Kind::Code {
                language,
                text: plain_text(&events),
                line: lines.partition_point(|&newline| newline < start) + 1,
            }
        }
        Event::Start(Tag::Paragraph) => Kind::Paragraph,
        Event::Start(Tag::List(start)) if depth < DEEPEST => {
            Kind::List { ordered: start.is_some(), items: items(inner, lines, depth + 1) }
        }
        event if is_inline(event) => Kind::Paragraph,
        _ => Kind::Other,
    };
    Piece { kind, events }
}

fn items<'a>(events: &[Spanned<'a>], lines: &[usize], depth: u8) -> Vec<Item<'a>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < events.len() {
        let end = closing(events, at).max(at + 1);
        let inner = events.get(at + 1..end.saturating_sub(1)).unwrap_or_default();
        let is_task = inner.iter().take(2).any(|(event, _)| matches!(event, Event::TaskListMarker(_)));
        found.push(Item { pieces: pieces(inner, lines, depth), is_task });
        at = end;
    }
    found
}

/// What the events say without their form.
pub(crate) fn plain_text(events: &[Event<'_>]) -> String {
    let mut text = String::new();
    for event in events {
        match event {
            Event::Text(more) | Event::Code(more) => text.push_str(more),
            Event::SoftBreak | Event::HardBreak => text.push(' '),
            _ => {}
        }
    }
    text
}

impl<'a> Piece<'a> {
    /// The inline events of a paragraph, without what encloses it.
    pub(crate) fn inline(&self) -> &[Event<'a>] {
        match self.events.first() {
            Some(Event::Start(Tag::Paragraph)) => {
                self.events.get(1..self.events.len().saturating_sub(1)).unwrap_or_default()
            }
            _ => &self.events,
        }
    }

    /// A table's cells as plain text, where it is one.
    pub(crate) fn table(&self) -> Option<Table> {
        if !matches!(self.events.first(), Some(Event::Start(Tag::Table(_)))) {
            return None;
        }
        let mut rows: Vec<Vec<String>> = Vec::new();
        let mut cell = 0;
        for (at, event) in self.events.iter().enumerate() {
            match event {
                Event::Start(Tag::TableHead | Tag::TableRow) => rows.push(Vec::new()),
                Event::Start(Tag::TableCell) => cell = at,
                Event::End(TagEnd::TableCell) => {
                    if let Some(row) = rows.last_mut() {
                        row.push(plain_text(&self.events[cell..at]).trim().to_owned());
                    }
                }
                _ => {}
            }
        }
        let mut rows = rows.into_iter();
        Some(Table { header: rows.next()?, rows: rows.collect() })
    }

    /// A paragraph of one bold text alone, with or without a colon: `**Diagnosis:**`, `**Check**:`.
    pub(crate) fn label(&self) -> Option<String> {
        if !matches!(self.kind, Kind::Paragraph) {
            return None;
        }
        let (bold, rest) = bold_beginning(self.inline())?;
        let rest = plain_text(rest);
        let label = bold.trim().trim_end_matches(':').trim().to_owned();
        (matches!(rest.trim(), "" | ":") && !label.is_empty()).then_some(label)
    }
}

/// The bold text that inline events begin with, and the events after it.
pub(crate) fn bold_beginning<'e, 'a>(inline: &'e [Event<'a>]) -> Option<(String, &'e [Event<'a>])> {
    let skip = usize::from(matches!(inline.first(), Some(Event::TaskListMarker(_))));
    let inline = &inline[skip..];
    if !matches!(inline.first(), Some(Event::Start(Tag::Strong))) {
        return None;
    }
    let end = inline.iter().position(|event| matches!(event, Event::End(TagEnd::Strong)))?;
    Some((plain_text(&inline[1..end]), &inline[end + 1..]))
}
