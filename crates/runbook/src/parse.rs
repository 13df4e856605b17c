//! A file to a [`Runbook`].

use std::fmt::Write;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::anchor::{Anchors, ProcedureIds};
use crate::draft::{self, StepDraft};
use crate::html::Footnotes;
use crate::markdown::{self, Kind, Piece};
use crate::model::{Block, Heading, Procedure, ProcedureId, Runbook, RunbookId, StepId, Version};
use crate::passage;
use crate::section::{Out, Reader};
use crate::title;
use crate::words;

/// The largest file that is read, in bytes.
pub const LARGEST: usize = 2 * 1024 * 1024;

/// Why a file is no runbook.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Some byte is not UTF-8.
    #[error("The file is not UTF-8: byte {offset} does not belong there. Save it as UTF-8.")]
    NotUtf8 {
        /// How many bytes before it are UTF-8.
        offset: usize,
    },
    /// The file is larger than [`LARGEST`].
    #[error("The file has {size} bytes; at most {LARGEST} are read. Split it.")]
    TooLarge {
        /// In bytes.
        size: usize,
    },
}

/// Reads a Markdown file. `commit` is the commit that last held this text, where one does.
///
/// # Errors
/// [`ReadError`] where the bytes are not UTF-8 or too many. Any other text is a runbook, if only one to read.
pub fn parse(id: RunbookId, bytes: &[u8], commit: Option<String>) -> Result<Runbook, ReadError> {
    if bytes.len() > LARGEST {
        return Err(ReadError::TooLarge { size: bytes.len() });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| ReadError::NotUtf8 { offset: error.valid_up_to() })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (pieces, front_matter) = markdown::read(text);
    let mut sections = sections(pieces);
    let own_title = front_title(&front_matter)
        .or_else(|| sections.iter().find_map(|section| section.heading.as_ref().map(|heading| heading.text.clone())));
    let title = title::title(own_title.as_deref(), &id);
    host_phases(&mut sections);
    let (blocks, procedures, hosts) = assemble(&sections, &title);
    let told = sections.iter().zip(hosts).map(|(section, host)| section.told(host)).collect();
    let procedures = procedures.into_iter().map(Arc::new).collect();
    let tables = sections.iter().flat_map(|section| &section.pieces).filter_map(Piece::table).collect();
    let version = Version { hash: hash(bytes), commit };
    Ok(Runbook { id, title, version, text: bytes.into(), blocks, procedures, tables, sections: told })
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `title:` of the front matter.
fn front_title(front_matter: &str) -> Option<String> {
    let value = front_matter.lines().find_map(|line| line.strip_prefix("title:"))?.trim();
    let value = value.trim_matches(['"', '\'']).trim();
    (!value.is_empty()).then(|| value.to_owned())
}

struct Section<'a> {
    /// `None` for what stands before the first heading.
    heading: Option<Heading>,
    parent: Option<usize>,
    /// The section whose procedure this one is part of: itself, or the one above whose phase it is.
    host: usize,
    pieces: Vec<Piece<'a>>,
}

impl Section<'_> {
    fn level(&self) -> u8 {
        self.heading.as_ref().map_or(0, |heading| heading.level)
    }

    fn text(&self) -> &str {
        self.heading.as_ref().map_or("", |heading| &heading.text)
    }

    fn told(&self, procedure: Option<ProcedureId>) -> passage::Section {
        passage::Section {
            title: self.text().to_owned(),
            level: self.level(),
            anchor: self.heading.as_ref().map(|heading| heading.anchor.clone()).unwrap_or_default(),
            above: self.parent,
            procedure,
            passages: passage::passages(&self.pieces),
        }
    }
}

fn sections(pieces: Vec<Piece<'_>>) -> Vec<Section<'_>> {
    let mut anchors = Anchors::default();
    let mut sections = vec![Section { heading: None, parent: None, host: 0, pieces: Vec::new() }];
    let mut above: Vec<usize> = Vec::new();
    for piece in pieces {
        if let Kind::Heading(level, text) = &piece.kind {
            let at = sections.len();
            above.retain(|&section| sections[section].level() < *level);
            let heading = Heading { level: *level, text: text.clone(), anchor: anchors.next(text), procedure: None };
            sections.push(Section {
                heading: Some(heading),
                parent: above.last().copied(),
                host: at,
                pieces: Vec::new(),
            });
            above.push(at);
        } else if let Some(section) = sections.last_mut() {
            section.pieces.push(piece);
        }
    }
    sections
}

/// Sub-headings that only count (`1. Initial Response`, `2. Investigation`) are phases of the procedure above them.
fn host_phases(sections: &mut [Section<'_>]) {
    let mut below: Vec<Vec<usize>> = vec![Vec::new(); sections.len()];
    for (at, section) in sections.iter().enumerate() {
        if let Some(parent) = section.parent {
            below[parent].push(at);
        }
    }
    for (above, phases) in below.iter().enumerate() {
        let counted = phases.len() > 1
            && sections[above].level() >= 2
            && phases.iter().all(|&at| words::without_number(sections[at].text()).1 && below[at].is_empty());
        if counted {
            for &at in phases {
                sections[at].host = above;
            }
        }
    }
}

/// The blocks of the reading page, the procedures, and for each section the procedure that it is part of.
fn assemble(sections: &[Section<'_>], runbook_title: &str) -> (Vec<Block>, Vec<Procedure>, Vec<Option<ProcedureId>>) {
    let mut footnotes = Footnotes::default();
    let outs: Vec<Vec<Out>> = sections
        .iter()
        .enumerate()
        .map(|(at, section)| {
            let phase = (section.host != at).then(|| section.text().to_owned());
            let heading = if section.heading.is_some() { section.text() } else { runbook_title };
            Reader::new(heading, phase, &mut footnotes).read(&section.pieces)
        })
        .collect();

    let mut holds = vec![false; sections.len()];
    let mut drafts: Vec<Vec<&StepDraft>> = vec![Vec::new(); sections.len()];
    for (section, outs) in sections.iter().zip(&outs) {
        let steps = outs.iter().filter_map(step_of);
        drafts[section.host].extend(steps);
        holds[section.host] |= !drafts[section.host].is_empty();
    }
    let assigned: Vec<_> = drafts.into_iter().map(|drafts| draft::assigned(drafts.into_iter())).collect();

    let mut ids = ProcedureIds::default();
    let mut places: Vec<Option<usize>> = vec![None; sections.len()];
    let mut procedures: Vec<Procedure> = Vec::new();
    for (at, section) in sections.iter().enumerate().filter(|(at, _)| holds[*at]) {
        let title = section.heading.as_ref().map_or_else(|| runbook_title.to_owned(), |heading| heading.text.clone());
        places[at] = Some(procedures.len());
        procedures.push(Procedure {
            id: ProcedureId::new(ids.next(&title)),
            title,
            anchor: section.heading.as_ref().map(|heading| heading.anchor.clone()).unwrap_or_default(),
            path: path(sections, at),
            blocks: Vec::new(),
            steps: Vec::new(),
        });
    }

    let mut blocks = Vec::new();
    for (at, (section, outs)) in sections.iter().zip(outs).enumerate() {
        let place = places[section.host];
        if let Some(heading) = &section.heading {
            let begins = place.filter(|_| section.host == at).map(|place| procedures[place].id.clone());
            blocks.push(Block::Heading(Heading { procedure: begins, ..heading.clone() }));
            if let Some(place) = place.filter(|_| section.host != at) {
                procedures[place].blocks.push(Block::Heading(heading.clone()));
            }
        }
        for out in outs {
            let block = match (out, place) {
                (Out::Prose(html), _) => Block::Prose(html),
                (Out::Widget(fence), _) => Block::Widget(fence),
                (Out::Step(step), Some(place)) => {
                    let procedure = &mut procedures[place];
                    let step = draft::number(step, procedure.steps.len() + 1, &assigned[section.host]);
                    let id: StepId = step.id.clone();
                    procedure.steps.push(step);
                    Block::Step(procedure.id.clone(), id)
                }
                (Out::Step(_), None) => continue,
            };
            if let Some(place) = place {
                procedures[place].blocks.push(block.clone());
            }
            blocks.push(block);
        }
    }
    procedures.iter_mut().for_each(Procedure::agree_on_secrets);
    let host = |section: &Section<'_>| places[section.host].map(|place| procedures[place].id.clone());
    let hosts = sections.iter().map(host).collect();
    (blocks, procedures, hosts)
}

fn step_of(out: &Out) -> Option<&StepDraft> {
    match out {
        Out::Step(step) => Some(step),
        Out::Prose(_) | Out::Widget(_) => None,
    }
}

/// The titles above a section, without the file's own.
fn path(sections: &[Section<'_>], at: usize) -> Vec<String> {
    let first = sections.iter().position(|section| section.heading.is_some());
    let mut path = Vec::new();
    let mut above = sections[at].parent;
    while let Some(section) = above {
        if !(Some(section) == first && sections[section].level() == 1) {
            path.push(sections[section].text().to_owned());
        }
        above = sections[section].parent;
    }
    path.reverse();
    path
}
