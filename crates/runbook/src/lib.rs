//! Markdown to [`Runbook`], [`Procedure`], [`Step`] and [`Parameter`]; the only maker of [`SafeHtml`].

mod anchor;
mod colour;
mod draft;
mod fence;
mod html;
mod markdown;
pub mod model;
mod parse;
mod passage;
mod section;
mod title;
mod words;

pub use html::document;
pub use model::{
    Alternatives, Block, Body, Code, Command, CommandId, Heading, Language, Parameter, Procedure, ProcedureId, Runbook,
    RunbookId, SafeHtml, Step, StepId, Table, Version, WidgetFence,
};
pub use parse::{LARGEST, ReadError, parse};
pub use passage::{Line, Marker, Passage, PassageKind, Section};
