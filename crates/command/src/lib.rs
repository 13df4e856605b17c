//! Bash and argv to [`Action`] and [`Effect`]: what a command would do, decided without doing it.
//!
//! This room is pure: no clock, no network, no async runtime. The broker asks it what a call is before it asks the
//! policy whether the call may happen; the reader asks it the same of the commands it finds in a runbook.

pub mod action;
pub mod adjust;
pub mod bind;
mod call;
pub mod classify;
pub mod cloud;
mod deploy;
pub mod dump;
pub mod expectation;
pub mod external;
pub mod http;
mod kind;
pub mod kubectl;
pub mod mask;
pub mod openssl;
pub mod parameter;
pub mod placeholder;
pub mod program;
pub mod psql;
pub mod redis;
pub mod script;
pub mod sql;
mod syntax;
mod terminal;
pub mod token;
pub mod undo;

pub use action::{ALL_NAMESPACES, Action, Effect, Refusal, Target};
pub use bind::{BoundScript, bind, bind_sql};
pub use call::{Call, Word};
pub use classify::{classify, known_to_broker};
pub use kind::ParameterKind;
pub use parameter::Parameter;
pub use program::is_sandbox_program;
pub use script::{Reading, Script, Statement};
pub use terminal::wants_terminal;
