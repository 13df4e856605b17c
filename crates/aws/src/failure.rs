//! What goes wrong in a call, in the words and with the exit codes of version 2 of the command-line program.
//!
//! Source: `awscli/errorhandler.py` and `awscli/constants.py`, 2.9.

use command::Refusal;
use operations::{CallEnded, FileError};

/// The exit code of a call whose caller is gone: 128 + SIGPIPE, as a program that writes to a closed pipe has.
pub(crate) const ENDED: u8 = 141;
/// The command line was invalid.
pub(crate) const INVALID: u8 = 252;
/// Something is not configured.
const CONFIGURATION: u8 = 253;
/// The service refused the request.
const SERVICE: u8 = 254;
/// Anything else.
const GENERAL: u8 = 255;

/// Why a call did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The caller is gone; there is nobody to tell.
    Ended,
    /// This portal refuses.
    Refused(Refusal),
    /// A text for standard error, and the exit code.
    Failed(String, u8),
}

impl From<CallEnded> for Failure {
    fn from(_: CallEnded) -> Self {
        Self::Ended
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Failure {
    /// The command line is not one of the program's, with the text on how it is used.
    pub(crate) fn usage(wrong: &str) -> Self {
        let refusal = command::cloud::usage(wrong);
        Self::Failed(refusal.reason + "\n", refusal.exit_code)
    }

    /// A parameter has a value that the API does not take.
    pub(crate) fn invalid(wrong: impl Into<String>) -> Self {
        Self::Failed(wrong.into(), INVALID)
    }

    /// A parameter cannot be understood.
    pub(crate) fn parsing(option: &str, wrong: &str) -> Self {
        Self::invalid(format!("Error parsing parameter '{option}': {wrong}"))
    }

    /// The portal's own configuration is not enough.
    pub(crate) fn configuration(wrong: impl Into<String>) -> Self {
        Self::Failed(wrong.into(), CONFIGURATION)
    }

    /// The service refused the request.
    pub(crate) fn service(wrong: impl Into<String>) -> Self {
        Self::Failed(wrong.into(), SERVICE)
    }

    /// Anything else.
    pub(crate) fn general(wrong: impl Into<String>) -> Self {
        Self::Failed(wrong.into(), GENERAL)
    }

    /// One of the caller's files cannot be read.
    pub(crate) fn file(option: &str, path: &str, error: FileError) -> Self {
        match error {
            FileError::Ended(_) => Self::Ended,
            wrong => Self::parsing(option, &format!("Unable to load paramfile {path}: {wrong}")),
        }
    }

    /// What the caller reads on standard error; empty when there is nobody to tell.
    pub(crate) fn print(&self) -> String {
        match self {
            Self::Ended => String::new(),
            Self::Refused(refusal) => format!("{}\n", refusal.reason),
            Self::Failed(text, _) => format!("\n{text}\n"),
        }
    }

    /// The exit code of the call.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Ended => ENDED,
            Self::Refused(refusal) => refusal.exit_code,
            Self::Failed(_, code) => *code,
        }
    }

    /// As a refusal before anything is done.
    pub(crate) fn into_refusal(self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal,
            other => Refusal { reason: other.print().trim().to_owned(), exit_code: other.exit_code() },
        }
    }
}
