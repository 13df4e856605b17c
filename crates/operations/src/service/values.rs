//! What a run's parameters are: asked for once, kept for all its commands, suggested from the environment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use command::ParameterKind;
use futures::future::join_all;
use runbook::Procedure;
use tokio::sync::watch;

use super::{Operations, locked, permit};
use crate::prepared;
use crate::suggestion::{self, Suggestion, Wanted};
use crate::{Caller, Environment, Error, Permission, RunId, RunView};

/// How long a page waits for suggestions: what has not come by then is there for the next.
const PATIENCE: Duration = Duration::from_millis(800);
/// How long the suggesters are waited for at all.
const GIVEN_UP: Duration = Duration::from_secs(10);
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
    /// service that does not answer, costs one question. What comes too late for this page is there for the next.
    async fn elsewhere(&self, environment: &Arc<Environment>, wanted: &Wanted) -> Vec<Suggestion> {
        let key = (environment.name.clone(), wanted.kind, wanted.namespace.clone());
        let now = self.rooms.now();
        let mut answer = {
            let mut suggested = locked(&self.rooms.suggested);
            suggested.retain(|_, (at, _)| now.duration_since(*at).unsigned_abs() < FRESH);
            // Pods come and go by themselves.
            let known = suggested.get(&key).filter(|_| wanted.kind != ParameterKind::Pod);
            match known {
                Some((_, answer)) => answer.clone(),
                None => {
                    let answer = self.ask_suggesters(environment, wanted);
                    suggested.insert(key, (now, answer.clone()));
                    answer
                }
            }
        };
        match tokio::time::timeout(PATIENCE, answer.wait_for(Option::is_some)).await {
            Ok(Ok(found)) => found.clone().unwrap_or_default(),
            Ok(Err(_)) | Err(_) => Vec::new(),
        }
    }

    fn ask_suggesters(
        &self,
        environment: &Arc<Environment>,
        wanted: &Wanted,
    ) -> watch::Receiver<Option<Vec<Suggestion>>> {
        let (sender, receiver) = watch::channel(None);
        let (rooms, environment, wanted) = (self.rooms.clone(), environment.clone(), wanted.clone());
        self.rooms.tasks.spawn(async move {
            let asked = rooms.suggesters.iter().map(|suggester| suggester.suggest(&environment, &wanted));
            let asked = tokio::time::timeout(GIVEN_UP, join_all(asked));
            if let Some(answers) = rooms.shutdown.run_until_cancelled(asked).await {
                let found = answers.unwrap_or_default().into_iter().flatten().collect();
                sender.send_replace(Some(found));
            }
        });
        receiver
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
