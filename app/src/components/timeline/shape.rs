//! What a kind of event looks like on a timeline. Colour is never the only difference: each has a shape of its own.

use command::Effect;
use leptos::prelude::*;
use operations::{Entry, EventKind};

/// A shape; the later, the more it matters where several fall on one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Shape {
    Other,
    Step,
    Run,
    Person,
    Note,
    Read,
    ByHand,
    Message,
    Cleared,
    Stop,
    Change,
    Destroy,
    Alert,
    Stage,
}

impl Shape {
    /// Of an entry.
    pub(super) fn of(entry: &Entry) -> Self {
        match entry.kind {
            EventKind::ExecutionIntent | EventKind::ActionIntent => match entry.effect {
                Some(Effect::Read) => Self::Read,
                Some(Effect::Change) => Self::Change,
                Some(Effect::Destroy) => Self::Destroy,
                None => Self::ByHand,
            },
            EventKind::AlertFired => Self::Alert,
            EventKind::AlertCleared => Self::Cleared,
            EventKind::IncidentOpened
            | EventKind::IncidentAcknowledged
            | EventKind::IncidentMitigated
            | EventKind::IncidentResolved
            | EventKind::IncidentReopened => Self::Stage,
            EventKind::MessageIntent | EventKind::MessageOutcome | EventKind::StatusUpdated => Self::Message,
            EventKind::CommandTaken
            | EventKind::CommandHandedOver
            | EventKind::StepClaimed
            | EventKind::StepHandedOver => Self::Person,
            EventKind::NoteWritten | EventKind::PostMortemWritten | EventKind::IncidentChanged => Self::Note,
            EventKind::StepMarked | EventKind::ChoiceMade => Self::Step,
            EventKind::RunStarted | EventKind::RunEnded => Self::Run,
            EventKind::StopRequested => Self::Stop,
            _ => Self::Other,
        }
    }

    /// The class of its colour.
    fn class(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Change => "change",
            Self::Destroy => "destroy",
            Self::Alert => "alert",
            Self::Cleared => "cleared",
            Self::Message => "told",
            Self::Stage => "stage",
            Self::Step => "step-line",
            Self::Run | Self::ByHand => "hollow",
            Self::Person | Self::Note | Self::Stop | Self::Other => "plain-mark",
        }
    }

    /// What it stands for.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Read => "command that reads",
            Self::Change => "command that changes",
            Self::Destroy => "command that destroys",
            Self::ByHand => "command",
            Self::Alert => "alert",
            Self::Cleared => "alert is over",
            Self::Message => "message or status",
            Self::Stage => "opened, acknowledged, mitigated, resolved",
            Self::Step => "step marked or chosen",
            Self::Run => "run begun or closed",
            Self::Person => "who leads, who does what",
            Self::Note => "note",
            Self::Stop => "stopped",
            Self::Other => "something else",
        }
    }

    /// Its outline around 0, 0 in a picture's units.
    fn outline(self) -> &'static str {
        const BELL: &str = "M-5.5 3.5c1.6-1.2 1.9-2.8 1.9-4.7a3.6 3.6 0 0 1 7.2 0c0 1.9.3 3.5 1.9 4.7zM-1.8 5h3.6a1.8 1.8 0 0 1-3.6 0z";
        match self {
            Self::Read => "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0z",
            Self::ByHand => "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
            Self::Change => "M0-6L6 0L0 6L-6 0z",
            Self::Destroy => "M0-6L6.5 5.5H-6.5z",
            Self::Alert | Self::Cleared => BELL,
            Self::Message => "M-6-5h12v8h-5.5l-3.5 3v-3h-3z",
            Self::Stage => "M-4-7h1.5v1h8l-2.5 3l2.5 3h-8v7h-1.5z",
            Self::Step => "M-5 0l3.5 4L5-4.5",
            Self::Run => "M-4-5L5 0L-4 5z",
            Self::Person => "M0-6.5a2.8 2.8 0 1 1 0 5.6a2.8 2.8 0 1 1 0-5.6zM-5 6c0-3.7 2.2-5.7 5-5.7s5 2 5 5.7z",
            Self::Note => "M-4.5-6h6l3 3v9h-9z",
            Self::Stop => "M-4.5-4.5h9v9h-9z",
            Self::Other => "M-2.5 0a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0z",
        }
    }

    /// The shape itself, to be put into a picture.
    pub(super) fn draw(self) -> AnyView {
        view! { <path class=format!("shape {}", self.class()) d=self.outline()></path> }.into_any()
    }

    /// The shape as a small picture of its own, beside words.
    pub(super) fn sign(self) -> AnyView {
        view! {
            <svg class="sign" viewBox="-8 -8 16 16" width="16" height="16" aria-hidden="true">{self.draw()}</svg>
        }
        .into_any()
    }
}
