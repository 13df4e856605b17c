//! What a runbook says of incidents, read from what teams write anyway: severities with their times, who is called
//! when, which alert means which procedure, what is to be told to whom. It asks no clock: whoever calls gives the time.
//!
//! | module | question |
//! |---|---|
//! | [`severity`] | how bad is it, and how soon must somebody answer? |
//! | [`phase`] | which steps belong to which part of the response, and when? |
//! | [`escalation`] | who is called after whom, and how are they reached? |
//! | [`clock`] | what is due when, and whom to call now? |
//! | [`alert`] | which procedure does an alert mean, and which values does it bring? |
//! | [`message`] | what is to be told to whom? |
//! | [`follow`] | what verifies what a procedure did, and what takes it back? |
//! | [`duration`] | how long is `15 minutes`? |

pub mod alert;
pub mod clock;
pub mod duration;
pub mod escalation;
pub mod follow;
pub mod message;
pub mod phase;
pub mod severity;
#[cfg(test)]
mod tests;
mod words;

pub use alert::{Alert, Candidate};
pub use clock::{Call, Deadline, State, Terms, Times, Tone, What};
pub use duration::Window;
pub use escalation::{Contact, Rung, Until};
pub use follow::{Follow, Why};
pub use message::{Field, Filled, Hint, Known, Meaning, Template};
pub use phase::Phase;
pub use severity::Level;
