//! What the portal does, said without naming any technology: use cases, policy, audit, and the ports they need.
//!
//! [`Operations`] is the front door: pages, server functions and streams call it with a [`Caller`] and get data or an
//! [`Error`] that may be shown. Behind it stand the ports that other rooms implement: [`Library`], [`RunStore`],
//! [`AuditTrail`], [`OutputStore`], [`Executor`], [`Adapter`] and [`LiveStatus`].

pub mod adapter;
pub mod audit;
mod broker;
pub mod cast;
pub mod channel;
pub mod environment;
pub mod error;
pub mod executor;
mod gauge;
pub mod incident_list;
mod incidents;
pub mod library;
pub mod link;
pub mod live;
mod look;
pub mod output;
pub mod people;
pub mod person;
pub mod policy;
mod prepared;
pub mod question;
pub mod reach;
pub mod run;
mod running;
pub mod search;
mod secrecy;
mod secret;
mod service;
pub mod statistics;
pub mod suggestion;
pub mod terminal;
#[cfg(test)]
mod tests;
pub mod token;
pub mod undo;
mod views;

pub use adapter::{Adapter, Call, CallEnded, CallHandler, CallIo, FileError, Stream};
pub use audit::{
    Actor, AuditEntry, AuditError, AuditEvent, AuditFilter, AuditPage, AuditTrail, Decision, EventId, EventKind,
    LaterChange, Outcome, OutcomeResult, Place, Verdict,
};
pub use channel::{Channel, ChannelKind, ChannelView, DeliveryError, Letter, PagerAction};
pub use environment::{
    AwsScope, Datasource, DatasourceKind, Environment, EnvironmentKind, EnvironmentName, KubernetesScope, Namespaces,
};
pub use error::Error;
pub use executor::{Ended, ExecutionRequest, Executor, ExecutorError, Exit, Limits};
pub use gauge::Gauge;
pub use incident_list::{IncidentFilter, IncidentPage, IncidentPlace, NoPlace};
pub use incidents::{
    Attachment, AttachmentId, DeliveryState, FiredAlert, Incident, IncidentId, IncidentStore, Message, MessageId,
    NewIncident, Stage,
};
pub use library::{Library, RepositoryFile, Shelf, Unreadable};
pub use link::{Duplex, LinkView, OpenLink, Tunnel, Way};
pub use live::{CardState, LiveStatus, PodStatus, Snapshot, WorkloadStatus};
pub use look::look;
pub use output::{Chunk, NewChunk, OutputSink, OutputStore};
pub use people::{KnownPerson, PersonStore};
pub use person::{Caller, Permission, Person, Role, is_reserved};
pub use policy::{EffectRule, Policy};
pub use question::{Answer, Asked, Question};
pub use run::{
    Claim, CommandView, Execution, ExecutionId, ExecutionState, Mark, NewRun, Onward, Run, RunFilter, RunId, RunState,
    RunStore, RunView, StepMark, StepState, StepView, StoreError,
};
pub use search::{Found, Hit};
pub use secret::Secret;
pub use service::{
    Again, AlertState, Card, Cards, Change, Changes, Clock, Content, Draft, Entry, Fitting, IncidentView,
    IncomingAlert, Lane, Needed, Next, OnceKey, Operations, OperationsBuilder, Outgoing, PostMortem, Press, Received,
    Recording, Started, Timeline, Tokens, WhatIsOpen, Why, span, told, version,
};
pub use statistics::{PastRun, ProcedureStatistics, RunbookStatistics};
pub use suggestion::{Suggester, Suggestion, Wanted};
pub use terminal::{Attached, Keyboard, OpenTerminal, TerminalEvent, TerminalInput, TerminalSize, TerminalView};
pub use token::{
    Access, MadeToken, Scope, Scopes, Token, TokenDigest, TokenId, TokenKind, TokenOwner, TokenRefused, TokenState,
    TokenStore, TokenText, TokenWish, TokensOf,
};
pub use undo::{Following, Since, Undo};
