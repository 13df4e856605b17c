//! Live numbers beside a text: what a procedure's commands are about, which calls ask after it, and what the answers say.
//!
//! Nothing here is performed: [`Subject::calls`] says what to ask, in the tools' own words, so that whoever performs it
//! passes the same adapters as the Run button; [`Subject::read`] makes a [`Reading`] of the answers. All calls only look.
//!
//! | where a subject comes from | |
//! |---|---|
//! | [`of_procedure`] | the commands of a procedure, with the values that its run has |
//! | [`fence`] | a `widget` fence: what an author wants to see |
//! | [`threshold`] | the runbook's own tables and alert rules: from where on a number is a warning |

mod aws;
pub mod fence;
mod find;
mod http;
mod kubernetes;
mod reading;
mod redis;
mod sql;
mod subject;
pub mod threshold;

pub use fence::FenceError;
pub use find::{MOST, of_procedure, of_runbook};
pub use reading::{Answer, Fact, Level, Measure, Reading, Unit};
pub use subject::{Named, Subject, Trouble, Which};
pub use threshold::{Limits, Quantity, Threshold};

/// One card: what it is about, and how its author wants it read.
#[derive(Clone, Debug, PartialEq)]
pub struct Widget {
    /// What is asked after.
    pub subject: Subject,
    /// What its author calls it.
    pub title: Option<String>,
    /// From where on its number is a warning, where its author says so.
    pub limits: Option<Limits>,
}
