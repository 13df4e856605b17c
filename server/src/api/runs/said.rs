//! What people say of a run and its steps: marks and notes.

use jiff::Timestamp;
use operations::{Mark, StepMark};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::words::Who;

/// What somebody said of a step or command.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct MarkSaid {
    /// What.
    pub(crate) mark: MarkKind,
    /// The result, the reason or the finding.
    pub(crate) text: Option<String>,
    /// Who.
    pub(crate) by: Who,
    /// When.
    pub(crate) at: Timestamp,
}

/// What can be said of a step or command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MarkKind {
    /// A manual step is done.
    Done,
    /// It was carried out elsewhere; the text is what came of it.
    ByHand,
    /// It is left out; the text says why.
    Skipped,
    /// The result is as the runbook expects.
    AsExpected,
    /// It is not.
    NotAsExpected,
    /// An unknown outcome was looked at, and it had worked; the text is what was found.
    SettledPassed,
    /// The same, and it had not.
    SettledFailed,
}

/// Something that somebody wrote down.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Note {
    /// What; empty where there is a picture or text beside it alone.
    pub(crate) text: String,
    /// A picture or text beside it.
    pub(crate) attachment: Option<NoteAttachment>,
    /// Who.
    pub(crate) by: Who,
    /// When.
    pub(crate) at: Timestamp,
}

/// A picture or text beside a note.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct NoteAttachment {
    /// Names it: see `/attachments/{attachment}`.
    #[schema(format = "uuid")]
    pub(crate) id: String,
    /// What the file was called.
    pub(crate) name: String,
    /// What it was found to be.
    #[schema(example = "image/png")]
    pub(crate) media_type: String,
}

impl MarkSaid {
    /// What somebody said of how it came out; claims, choices and notes are told elsewhere.
    pub(super) fn told(mark: &StepMark) -> Option<Self> {
        let (kind, text) = match &mark.mark {
            Mark::Done => (MarkKind::Done, None),
            Mark::ByHand { result } => (MarkKind::ByHand, Some(result)),
            Mark::Skipped { reason } => (MarkKind::Skipped, Some(reason)),
            Mark::Judged { met: true } => (MarkKind::AsExpected, None),
            Mark::Judged { met: false } => (MarkKind::NotAsExpected, None),
            Mark::Settled { passed: true, finding } => (MarkKind::SettledPassed, Some(finding)),
            Mark::Settled { passed: false, finding } => (MarkKind::SettledFailed, Some(finding)),
            Mark::Chosen | Mark::Claimed { .. } | Mark::Released | Mark::Noted { .. } => return None,
        };
        Some(Self { mark: kind, text: text.cloned(), by: (&mark.by).into(), at: mark.at })
    }
}

impl Note {
    pub(super) fn told(mark: &StepMark) -> Option<Self> {
        let Mark::Noted { text, attachment } = &mark.mark else { return None };
        let attachment = attachment.as_ref().map(|(id, name, media_type)| NoteAttachment {
            id: id.to_string(),
            name: name.clone(),
            media_type: media_type.clone(),
        });
        Some(Self { text: text.clone(), attachment, by: (&mark.by).into(), at: mark.at })
    }
}
