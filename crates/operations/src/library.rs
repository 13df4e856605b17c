//! The port to the folder of runbooks.

use std::sync::Arc;

use bytes::Bytes;
use runbook::{Runbook, RunbookId, Version};

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

/// A file of the repository that a runbook is kept in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryFile {
    /// Where, below the repository's root: `scripts/diagnose.sh`.
    pub path: String,
    /// What it holds.
    pub content: Bytes,
    /// Whether it may be started.
    pub executable: bool,
}

/// Gives the runbooks as they are now.
pub trait Library: Send + Sync {
    /// The newest reading; cheap.
    fn shelf(&self) -> Arc<Shelf>;

    /// The files of the repository that holds this version of a runbook: what its commands call as `./scripts/…`. All of
    /// them where the repository is small; of a larger one those that `named` names, and what lies beside them. Nothing
    /// where the text is in no commit. Reads from disk.
    ///
    /// # Errors
    /// One plain sentence, where they cannot be read or are too many.
    fn files(&self, version: &Version, named: &[String]) -> Result<Vec<RepositoryFile>, String>;

    /// Where the file of a runbook is, below the root of the repository that the library lies in, or below the library
    /// where it lies in none: `docs/runbooks/payments.md`. Reads from disk.
    fn path(&self, runbook: &RunbookId) -> String {
        format!("{runbook}.md")
    }
}
