//! What a use case can fail with. The text may be shown to the person; causes go to the log.

use crate::{AuditError, Permission, StoreError};

/// Why a use case did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The person's role does not permit it.
    #[error("Your role may not {}. Ask an administrator of this portal for another role.", .0.phrase())]
    Forbidden(Permission),
    /// There is no such thing, or not any more.
    #[error("{0} was not found.")]
    NotFound(&'static str),
    /// What was asked cannot be done as asked; the text names the next step.
    #[error("{0}")]
    Invalid(String),
    /// Somebody was faster, or the state does not permit it now; the text says what is.
    #[error("{0}")]
    Conflict(String),
    /// This portal cannot run anything, and says why.
    #[error("Nothing can be run here: {0}")]
    CannotRun(String),
    /// The trail could not be written, so nothing ran.
    #[error(
        "The audit trail could not be written, so nothing was run. Try again; if it stays so, tell whoever runs this portal."
    )]
    Audit(#[from] AuditError),
    /// The database failed.
    #[error(
        "The portal's database did not answer. Nothing was run. Try again; if it stays so, tell whoever runs this portal."
    )]
    Store(#[from] StoreError),
}
