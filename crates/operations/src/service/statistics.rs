//! How procedures went, for those who write them.

use std::collections::HashSet;

use runbook::{ProcedureId, RunbookId};

use super::{Operations, permit};
use crate::statistics::{self, Texts};
use crate::{Caller, Error, PastRun, Permission, ProcedureStatistics, RunFilter, RunbookStatistics, StoreError};

/// How many of a procedure's runs are looked at.
const RUNS: u32 = 200;
/// How many of a runbook's.
const RUNBOOK_RUNS: u32 = 500;
/// How many older texts of a runbook are read: those of its newest runs. Of a run with another one only the beginning and
/// the end count.
const TEXTS: usize = 12;

impl Operations {
    /// How the newest runs of a procedure went.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Store`].
    pub async fn statistics_of(
        &self,
        caller: &Caller,
        runbook: &RunbookId,
        procedure: &ProcedureId,
    ) -> Result<ProcedureStatistics, Error> {
        permit(caller, Permission::ReadAudit)?;
        let (runbook, procedure) = self.procedure(caller, runbook, procedure)?;
        let filter = RunFilter {
            runbook: Some(runbook.id.clone()),
            procedure: Some(procedure.id.clone()),
            limit: RUNS,
            ..RunFilter::default()
        };
        let mut past = self.rooms.runs.past(&filter).await?;
        past.retain(|past| past.run.runbook == runbook.id && past.run.procedure == procedure.id);
        let texts = self.texts_of(&past).await?;
        let texts = of_procedure(&texts, &procedure.id);
        Ok(statistics::statistics(&runbook, &procedure, &past, &texts))
    }

    /// How the newest runs of a runbook went, procedure by procedure.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Store`].
    pub async fn statistics(&self, caller: &Caller, runbook: &RunbookId) -> Result<RunbookStatistics, Error> {
        permit(caller, Permission::ReadAudit)?;
        let runbook = self.runbook(caller, runbook)?;
        let filter = RunFilter { runbook: Some(runbook.id.clone()), limit: RUNBOOK_RUNS, ..RunFilter::default() };
        let mut past = self.rooms.runs.past(&filter).await?;
        past.retain(|past| past.run.runbook == runbook.id);
        let gone = past.iter().filter(|past| runbook.procedure(&past.run.procedure).is_none()).count();
        let texts = self.texts_of(&past).await?;
        let procedures = runbook
            .procedures
            .iter()
            .map(|procedure| {
                let (own, others) = std::mem::take(&mut past)
                    .into_iter()
                    .partition(|past: &PastRun| past.run.procedure == procedure.id);
                past = others;
                statistics::statistics(&runbook, procedure, &own, &of_procedure(&texts, &procedure.id))
            })
            .collect();
        Ok(RunbookStatistics { runbook, procedures, gone })
    }

    /// What people changed again and again before they ran it, as a patch of the runbook's file. The portal never applies
    /// it.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`] also where nothing is suggested, [`Error::Store`].
    pub async fn edits_patch(
        &self,
        caller: &Caller,
        runbook: &RunbookId,
        procedure: &ProcedureId,
    ) -> Result<String, Error> {
        let statistics = self.statistics_of(caller, runbook, procedure).await?;
        let (library, runbook) = (self.rooms.library.clone(), runbook.clone());
        let patch = move || statistics::patch(&statistics, &library.path(&runbook));
        let made = tokio::task::spawn_blocking(patch).await;
        made.map_err(|error| StoreError { operation: "make a patch", source: error.into() })?
            .ok_or(Error::NotFound("An edit that was made twice"))
    }

    /// The texts that these runs, newest first, were started from.
    async fn texts_of(&self, past: &[PastRun]) -> Result<Vec<std::sync::Arc<runbook::Runbook>>, Error> {
        let mut seen = HashSet::new();
        let mut texts = Vec::new();
        for past in past.iter().filter(|past| seen.insert(&past.run.version.hash)).take(TEXTS) {
            match self.runbook_of(&past.run).await {
                Ok(text) => texts.push(text),
                // A text that is lost says nothing of its steps; that it was run still counts.
                Err(Error::NotFound(_) | Error::Invalid(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(texts)
    }
}

fn of_procedure(texts: &[std::sync::Arc<runbook::Runbook>], id: &ProcedureId) -> Texts {
    let procedure =
        |text: &std::sync::Arc<runbook::Runbook>| Some((text.version.hash.clone(), text.procedure(id)?.clone()));
    texts.iter().filter_map(procedure).collect()
}
