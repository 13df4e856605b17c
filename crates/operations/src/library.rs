//! The port to the folder of runbooks.

use std::sync::Arc;

use runbook::{Runbook, RunbookId};

/// A file that is not readable as a runbook, listed with its error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The path below the library folder.
    pub path: String,
    /// One plain sentence.
    pub reason: String,
}

/// What the library holds at one moment.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    /// The runbooks, by title.
    pub runbooks: Vec<Arc<Runbook>>,
    /// The files that are not readable.
    pub unreadable: Vec<Unreadable>,
    /// When the folder was last read.
    pub read_at: jiff::Timestamp,
}

impl Shelf {
    /// The runbook of this id.
    #[must_use]
    pub fn runbook(&self, id: &RunbookId) -> Option<&Arc<Runbook>> {
        self.runbooks.iter().find(|runbook| &runbook.id == id)
    }
}

/// Gives the runbooks as they are now.
pub trait Library: Send + Sync {
    /// The newest reading; cheap.
    fn shelf(&self) -> Arc<Shelf>;
}
