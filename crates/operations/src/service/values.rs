//! What a run's parameters are: asked for once, kept for all its commands, suggested from the environment.

use std::collections::BTreeMap;
use std::time::Duration;

use command::ParameterKind;
use futures::future::join_all;
use jiff::Timestamp;
use runbook::Procedure;

use super::{Operations, locked, permit};
use crate::prepared;
use crate::suggestion::{self, Suggestion, Wanted};
use crate::{Caller, Environment, Error, Permission, RunId, RunView};

/// How long a page waits for suggestions: what has not come by then is left out.
const PATIENCE: Duration = Duration::from_millis(800);
/// How long an answer is good for everybody.
const FRESH: Duration = Duration::from_secs(15);

impl Operations {
    /// Gives values for a run's parameters, by name; an empty one takes the value away. Secret ones are not kept: they
    /// are given with the command that needs them.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Invalid`] for a value of the wrong shape, [`Error::Conflict`]
    /// when the run is closed, [`Error::Store`].
    pub async fn give(&self, caller: &Caller, run: RunId, values: BTreeMap<String, String>) -> Result<(), Error> {
        let (this, caller) = (self.clone(), caller.clone());
        self.whole(async move { this.give_whole(&caller, run, values).await }).await
    }

    async fn give_whole(&self, caller: &Caller, id: RunId, values: BTreeMap<String, String>) -> Result<(), Error> {
        self.permit(caller, Permission::Run, "give values").await?;
        let _turn = self.rooms.turn(id).await;
        let run = self.open_run(id).await?;
        let procedure = self.procedure_of(&run).await?;
        let mut given = run.given;
        given.retain(|name, _| values.get(name).is_none_or(|value| !value.is_empty()));
        given.extend(wanted(&procedure, values)?);
        self.rooms.runs.give(id, &given).await?;
        self.rooms.changed(id);
        Ok(())
    }

    /// Keeps what was given with a command for the others of its run. The command runs either way.
    pub(super) async fn remember(
        &self,
        run: RunId,
        mut given: BTreeMap<String, String>,
        kept: BTreeMap<String, String>,
    ) {
        let before = given.clone();
        given.extend(kept);
        if given == before {
            return;
        }
        if let Err(error) = self.rooms.runs.give(run, &given).await {
            tracing::warn!(%run, error = &error as &dyn std::error::Error, "given values were not kept for the next command");
        }
        self.rooms.changed(run);
    }

    /// What the environment has for each parameter of a run, by name. What is slow, forbidden or unreachable is left
    /// out: a suggestion is a help, not an answer.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub async fn suggestions(
        &self,
        caller: &Caller,
        view: &RunView,
    ) -> Result<BTreeMap<String, Vec<Suggestion>>, Error> {
        permit(caller, Permission::Run)?;
        let Some(environment) = &view.environment else { return Ok(BTreeMap::new()) };
        let asked = suggestion::wanted(&view.procedure, environment).into_iter().map(async |wanted| {
            let mut found = suggestion::datasources(environment, &wanted);
            found.extend(self.elsewhere(environment, &wanted).await);
            suggestion::rank(&wanted, &view.run.runbook, &mut found);
            (wanted.name, found)
        });
        Ok(join_all(asked).await.into_iter().filter(|(_, found)| !found.is_empty()).collect())
    }
}

impl Operations {
    /// What the suggesters say, asked once for everybody who looks within some seconds: a page that is loaded again, or a
    /// service that does not answer, costs one question.
    async fn elsewhere(&self, environment: &Environment, wanted: &Wanted) -> Vec<Suggestion> {
        let key = (environment.name.clone(), wanted.kind, wanted.namespace.clone());
        let now = self.rooms.now();
        let is_fresh = |at: &Timestamp| now.duration_since(*at).unsigned_abs() < FRESH;
        if let Some((at, known)) = locked(&self.rooms.suggested).get(&key)
            && is_fresh(at)
            // Pods come and go by themselves.
            && wanted.kind != ParameterKind::Pod
        {
            return known.clone();
        }
        let asked = self.rooms.suggesters.iter().map(|suggester| suggester.suggest(environment, wanted));
        let answers = tokio::time::timeout(PATIENCE, join_all(asked)).await.unwrap_or_default();
        let found: Vec<Suggestion> = answers.into_iter().flatten().collect();
        let mut suggested = locked(&self.rooms.suggested);
        suggested.retain(|_, (at, _)| is_fresh(at));
        suggested.insert(key, (now, found.clone()));
        found
    }
}

/// The values that belong to a procedure's parameters and may be kept.
pub(super) fn wanted(
    procedure: &Procedure,
    mut values: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Error> {
    let mut kept = BTreeMap::new();
    for parameter in procedure.parameters().into_iter().filter(|parameter| parameter.kind != ParameterKind::Secret) {
        if let Some(value) = values.remove(&parameter.name).filter(|value| !value.is_empty()) {
            prepared::check(parameter, &value)?;
            kept.insert(parameter.name.clone(), value);
        }
    }
    Ok(kept)
}
