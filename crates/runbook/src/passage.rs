//! The text of a section as rules read it: lines, items, fences and tables in plain text, each with where it stands.

use pulldown_cmark::{Event, Tag, TagEnd};

use crate::markdown::{Item, Kind, Piece, bold_beginning};
use crate::model::{ProcedureId, Table};

/// What stands between one heading and the next, as plain text. The first one stands before the first heading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// The heading's text; empty before the first heading.
    pub title: String,
    /// 1 to 6; 0 before the first heading.
    pub level: u8,
    /// The anchor of its heading on the reading page.
    pub anchor: String,
    /// The section that it is part of, by its place in [`crate::Runbook::sections`].
    pub above: Option<usize>,
    /// The procedure that begins here, or of which this is a phase.
    pub procedure: Option<ProcedureId>,
    /// Its text in order.
    pub passages: Vec<Passage>,
}

/// A stretch of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The label that it stands under, without its colon: of `**Symptoms:**` everything up to the next one.
    pub label: Option<String>,
    /// How deep in lists it stands: 0 outside of any, 1 in an item of an outer list.
    pub depth: u8,
    /// What it is.
    pub kind: PassageKind,
}

impl Passage {
    /// Its words, where it has some: a line's or an item's.
    #[must_use]
    pub fn line(&self) -> Option<&Line> {
        match &self.kind {
            PassageKind::Line(line) | PassageKind::Item(_, line) => Some(line),
            PassageKind::Fence { .. } | PassageKind::Table(_) => None,
        }
    }
}

/// What a passage is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PassageKind {
    /// A paragraph, or the part of one from a bold word at the beginning of a line to the next.
    Line(Line),
    /// How an item of a list begins. What else stands in it follows, as deep as the item.
    Item(Marker, Line),
    /// A fence, or indented code.
    Fence {
        /// In lower case; empty where it names none.
        language: String,
        /// Its text.
        source: String,
    },
    /// A table.
    Table(Table),
}

/// What stands before an item of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// `-`
    Bullet,
    /// `1.`
    Number,
    /// `- [ ]`
    Task,
}

/// Words on a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// The bold words that it begins with, without a colon: `Response SLA`.
    pub lead: Option<String>,
    /// All its words, those too.
    pub text: String,
    /// Where its links lead, in order.
    pub links: Vec<String>,
}

impl Line {
    /// The words after the bold beginning and what separates the two; all of them where it has none.
    #[must_use]
    pub fn rest(&self) -> &str {
        let lead = self.lead.as_deref().unwrap_or_default();
        let rest = self.text.strip_prefix(lead).unwrap_or(&self.text);
        if lead.is_empty() { rest } else { rest.trim_start_matches([':', '-', '–', '—', ' ']) }
    }

    fn of(inline: &[Event<'_>]) -> Option<Self> {
        let text = text(inline);
        let lead = bold_beginning(inline).map(|(bold, _)| tidy(&bold).trim_end_matches(':').trim_end().to_owned());
        let links = inline.iter().filter_map(|event| match event {
            Event::Start(Tag::Link { dest_url, .. }) => Some(dest_url.to_string()),
            _ => None,
        });
        let links = links.collect();
        (!text.is_empty()).then(|| Self { lead: lead.filter(|lead| !lead.is_empty()), text, links })
    }
}

/// The passages of the pieces below one heading.
pub(crate) fn passages(pieces: &[Piece<'_>]) -> Vec<Passage> {
    let mut reader = Reader::default();
    reader.pieces(pieces);
    reader.out
}

/// What stands in an item beyond its title: the rest of its first paragraph, and the pieces after it.
pub(crate) fn notes<'p, 'a: 'p>(rest: &[Event<'_>], pieces: impl Iterator<Item = &'p Piece<'a>>) -> Vec<Passage> {
    let mut reader = Reader { depth: 1, ..Reader::default() };
    reader.lines(rest);
    pieces.for_each(|piece| reader.piece(piece));
    reader.out
}

#[derive(Default)]
struct Reader {
    label: Option<String>,
    depth: u8,
    out: Vec<Passage>,
}

impl Reader {
    fn pieces(&mut self, pieces: &[Piece<'_>]) {
        for piece in pieces {
            self.piece(piece);
        }
    }

    fn push(&mut self, kind: PassageKind) {
        self.out.push(Passage { label: self.label.clone(), depth: self.depth, kind });
    }

    fn piece(&mut self, piece: &Piece<'_>) {
        match &piece.kind {
            Kind::Heading(..) => {}
            Kind::Code { language, text, .. } => {
                self.push(PassageKind::Fence { language: language.clone(), source: text.clone() });
            }
            Kind::List { ordered, items } => {
                self.depth += 1;
                for item in items {
                    self.item(item, *ordered);
                }
                self.depth -= 1;
            }
            Kind::Paragraph => {
                if let Some(label) = piece.label() {
                    self.label = None;
                    self.lines(piece.inline());
                    self.label = Some(label);
                } else {
                    self.lines(piece.inline());
                }
            }
            Kind::Other => {
                if matches!(piece.events.first(), Some(Event::Rule)) {
                    self.label = None;
                } else if let Some(table) = piece.table() {
                    self.push(PassageKind::Table(table));
                } else {
                    self.lines(&piece.events);
                }
            }
        }
    }

    fn item(&mut self, item: &Item<'_>, ordered: bool) {
        let marker = match (item.is_task, ordered) {
            (true, _) => Marker::Task,
            (false, true) => Marker::Number,
            (false, false) => Marker::Bullet,
        };
        let first = item.pieces.first().filter(|piece| matches!(piece.kind, Kind::Paragraph));
        let line = first.and_then(|piece| Line::of(piece.inline()));
        self.push(PassageKind::Item(marker, line.unwrap_or_default()));
        // A label inside an item is the item's own.
        let label = self.label.clone();
        for piece in item.pieces.iter().skip(usize::from(first.is_some())) {
            self.piece(piece);
        }
        self.label = label;
    }

    /// A paragraph; what begins bold on a line of its own is one more, for that is how lists of facts are written.
    fn lines(&mut self, inline: &[Event<'_>]) {
        let mut start = 0;
        for at in 0..inline.len() {
            let ends = match &inline[at] {
                Event::HardBreak => true,
                Event::SoftBreak => matches!(inline.get(at + 1), Some(Event::Start(Tag::Strong))),
                _ => false,
            };
            if ends {
                self.line(&inline[start..at]);
                start = at + 1;
            }
        }
        self.line(&inline[start..]);
    }

    fn line(&mut self, inline: &[Event<'_>]) {
        if let Some(line) = Line::of(inline) {
            self.push(PassageKind::Line(line));
        }
    }
}

/// What the events say, with one blank where a line, a paragraph or an item ends.
fn text(events: &[Event<'_>]) -> String {
    let mut text = String::new();
    for event in events {
        match event {
            Event::Text(more) | Event::Code(more) => text.push_str(more),
            Event::SoftBreak
            | Event::HardBreak
            | Event::End(TagEnd::Paragraph | TagEnd::Item | TagEnd::CodeBlock | TagEnd::TableCell) => text.push(' '),
            _ => {}
        }
    }
    tidy(&text)
}

fn tidy(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RunbookId, parse};

    fn told(text: &str) -> Vec<String> {
        let runbook = parse(RunbookId::new("x"), text.as_bytes(), None).unwrap();
        let mut out = Vec::new();
        for section in &runbook.sections {
            let procedure = section.procedure.as_ref().map_or("-", ProcedureId::as_str);
            out.push(format!("{}{} ({procedure})", "#".repeat(section.level.into()), section.title));
            for passage in &section.passages {
                let label = passage.label.as_deref().unwrap_or("-");
                let what = match &passage.kind {
                    PassageKind::Line(line) => format!("{}|{}", line.lead.as_deref().unwrap_or_default(), line.rest()),
                    PassageKind::Item(marker, line) => format!("{marker:?} {}", line.text),
                    PassageKind::Fence { language, source } => format!("`{language}` {}", source.trim_end()),
                    PassageKind::Table(table) => format!("table of {}", table.rows.len()),
                };
                out.push(format!("{} {label}: {what}", passage.depth));
            }
        }
        out
    }

    #[test]
    fn a_section_is_told_in_plain_text() {
        let text = "before\n\n# File\n\n## Slow answers\n\n**Signs**: waits,\nmostly\n**Within**: 5 minutes\n\n**Do:**\n\n\
            1. **Look**\n   ```bash\n   uptime\n   ```\n   - [x] a [link](https://x.example)\n\n---\n\nend\n\n| a | b |\n|-|-|\n| 1 | 2 |\n";
        assert_eq!(
            told(text),
            [
                " (-)",
                "0 -: |before",
                "#File (-)",
                "##Slow answers (slow-answers)",
                "0 -: Signs|waits, mostly",
                "0 -: Within|5 minutes",
                "0 -: Do|",
                "1 Do: Number Look",
                "1 Do: `bash` uptime",
                "2 Do: Task a link",
                "0 -: |end",
                "0 -: table of 1",
            ]
        );
    }

    #[test]
    fn a_phase_is_part_of_its_procedure() {
        let told = told("# F\n\n## Answer\n\n### 1. First (0-15 minutes)\n\n1. Look\n\n### 2. Then\n\n1. Mend\n");
        let headings: Vec<_> = told.iter().filter(|line| line.starts_with("##")).map(String::as_str).collect();
        assert_eq!(headings, ["##Answer (answer)", "###1. First (0-15 minutes) (answer)", "###2. Then (answer)"]);
    }

    #[test]
    fn a_step_keeps_what_its_item_says() {
        let text =
            "# F\n\n## Tell\n\n1. **Notify people:** soon\n   - Chat: #ops\n   - Mail: ops@example.com\n2. Wait\n";
        let runbook = parse(RunbookId::new("x"), text.as_bytes(), None).unwrap();
        let notes: Vec<_> = runbook.procedures[0].steps[0].notes.iter().filter_map(Passage::line).collect();
        let notes: Vec<_> = notes.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(notes, ["soon", "Chat: #ops", "Mail: ops@example.com"]);
        assert!(runbook.procedures[0].steps[1].notes.is_empty());
    }
}
