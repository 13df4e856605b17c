//! What the tests of several modules share.

use runbook::{ProcedureId, Runbook, RunbookId};

pub(crate) fn read(text: &str) -> Runbook {
    runbook::parse(RunbookId::new("sample"), text.as_bytes(), None).unwrap()
}

pub(crate) fn id(procedure: &str) -> ProcedureId {
    ProcedureId::new(procedure)
}
