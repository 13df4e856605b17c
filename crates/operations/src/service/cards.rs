//! What a page shows live.

use std::sync::Arc;

use command::Effect;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use runbook::{ProcedureId, Runbook, RunbookId};
use tokio::sync::watch;
use widget::{Subject, Threshold, Widget};

use super::{Operations, permit};
use crate::gauge::{self, Gauge};
use crate::{Caller, CardState, Environment, EnvironmentName, Error, Permission, RunId, Snapshot, Verdict};

/// One card at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// What it is about; its namespace is the one that is meant.
    pub widget: Widget,
    /// What is known of it.
    pub content: Content,
}

/// What is known of a card's subject.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// The deployments of its namespace.
    Workloads(Snapshot),
    /// What was asked last.
    Gauge(Gauge),
    /// This environment does not let it be asked after, and why.
    Refused(String),
}

/// The cards of a page while somebody looks at it.
#[derive(Default)]
pub struct Cards {
    followed: Vec<(Widget, Followed)>,
    thresholds: Vec<Threshold>,
}

enum Followed {
    Namespace(watch::Receiver<Snapshot>),
    Gauge(watch::Receiver<Gauge>),
    Refused(String),
}

impl Operations {
    /// The cards of a procedure, as the folder holds it now.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`].
    pub async fn cards_of_procedure(
        &self,
        caller: &Caller,
        runbook: &RunbookId,
        procedure: &ProcedureId,
        environment: &EnvironmentName,
    ) -> Result<Cards, Error> {
        let (runbook, procedure) = self.procedure(caller, runbook, procedure)?;
        let environment = self.environment(environment)?;
        let widgets = widget::of_procedure(&procedure, &|name| meant(&environment, name));
        Ok(self.cards(caller, &environment, &runbook, widgets).await)
    }

    /// The cards of all that a runbook is about.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`].
    pub async fn cards_of_runbook(
        &self,
        caller: &Caller,
        runbook: &RunbookId,
        environment: &EnvironmentName,
    ) -> Result<Cards, Error> {
        let runbook = self.runbook(caller, runbook)?;
        let environment = self.environment(environment)?;
        let widgets = widget::of_runbook(&runbook, &|name| meant(&environment, name));
        Ok(self.cards(caller, &environment, &runbook, widgets).await)
    }

    /// The cards of a run, with the values that it was given.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Store`].
    pub async fn cards_of_run(&self, caller: &Caller, run: RunId) -> Result<Cards, Error> {
        permit(caller, Permission::View)?;
        let run = self.existing_run(run).await?;
        let runbook = self.runbook_of(&run).await?;
        // An environment that is gone can be read about, and no longer be asked.
        let (Ok(environment), Some(procedure)) =
            (self.environment(&run.environment), runbook.procedure(&run.procedure))
        else {
            return Ok(Cards::default());
        };
        let values = |name: &str| {
            let given = run.given.get(name).map(|value| environment.reference(value).unwrap_or_else(|| value.clone()));
            given.or_else(|| meant(&environment, name))
        };
        let widgets = widget::of_procedure(procedure, &values);
        Ok(self.cards(caller, &environment, &runbook, widgets).await)
    }

    /// The state of workloads is everybody's to see; what is asked after is read, and the environment's policy says who
    /// reads.
    pub(crate) async fn cards(
        &self,
        caller: &Caller,
        environment: &Arc<Environment>,
        runbook: &Runbook,
        widgets: Vec<Widget>,
    ) -> Cards {
        let mut followed = Vec::new();
        for mut widget in widgets {
            let Some(subject) = placed(environment, widget.subject) else { continue };
            widget.subject = subject;
            let by = self.follow(caller, environment, &widget.subject).await;
            followed.push((widget, by));
        }
        Cards { followed, thresholds: widget::threshold::in_tables(&runbook.tables) }
    }

    /// How many subjects are asked after now.
    #[cfg(test)]
    pub(crate) fn gauges(&self) -> usize {
        self.rooms.gauges.watched()
    }

    async fn follow(&self, caller: &Caller, environment: &Arc<Environment>, subject: &Subject) -> Followed {
        if let Subject::Workloads { namespace: Some(namespace), .. } = subject {
            let permitted = environment.kubernetes.as_ref().is_some_and(|scope| scope.namespaces.permit(namespace));
            return match permitted {
                true => Followed::Namespace(self.rooms.live.follow(environment, namespace).await),
                false => Followed::Refused(format!("The namespace {namespace} is not part of {}.", environment.name)),
            };
        }
        let decision = environment.policy.decide(&caller.person, Effect::Read);
        if decision.verdict != Verdict::Allowed {
            return Followed::Refused(format!("Your role may not read in {}: {}.", environment.name, decision.rule));
        }
        match gauge::permitted(&self.rooms, environment, subject) {
            Ok(()) => Followed::Gauge(gauge::follow(&self.rooms, environment, subject)),
            Err(reason) => Followed::Refused(reason),
        }
    }
}

/// What a name that a text leaves open means in an environment.
fn meant(environment: &Environment, name: &str) -> Option<String> {
    let database = command::Parameter::database();
    match name == database.name {
        true => environment.meant(&database),
        false => environment.reference(name),
    }
}

/// A subject in its place; `None` where the environment has no such thing at all.
fn placed(environment: &Environment, subject: Subject) -> Option<Subject> {
    let has_aws = environment.aws.is_some();
    let has_redis = environment.datasources.iter().any(|one| one.kind == crate::DatasourceKind::Redis);
    match subject {
        Subject::DbInstances(_)
        | Subject::DbClusters(_)
        | Subject::Certificates(_)
        | Subject::Queues(_)
        | Subject::TargetGroups(_) => has_aws.then_some(subject),
        Subject::Redis(_) | Subject::Length { .. } => has_redis.then_some(subject),
        Subject::Metric { .. } | Subject::Health { .. } | Subject::Database(_) | Subject::Number { .. } => {
            Some(subject)
        }
        Subject::Nodes
        | Subject::Workloads { .. }
        | Subject::Autoscalers(_)
        | Subject::Events(_)
        | Subject::Usage { .. }
        | Subject::Endpoints(_)
        | Subject::Ingresses(_)
        | Subject::Applications(_) => Some(subject.within(&environment.kubernetes.as_ref()?.default_namespace)),
    }
}

impl Cards {
    /// The cards as they are now.
    pub fn now(&mut self) -> Vec<Card> {
        let thresholds = &self.thresholds;
        let card = |(widget, by): &mut (Widget, Followed)| {
            let content = match by {
                Followed::Namespace(receiver) => Content::Workloads(receiver.borrow_and_update().clone()),
                Followed::Gauge(receiver) => {
                    let mut gauge = receiver.borrow_and_update().clone();
                    let judged = gauge.readings.into_iter().map(|one| one.judged(widget.limits.as_ref(), thresholds));
                    gauge.readings = judged.collect();
                    Content::Gauge(gauge)
                }
                Followed::Refused(reason) => Content::Refused(reason.clone()),
            };
            Card { widget: widget.clone(), content }
        };
        self.followed.iter_mut().map(card).collect()
    }

    /// Returns when any of them has news; never where there are none.
    pub async fn changed(&mut self) {
        let mut waiting: FuturesUnordered<_> = self.followed.iter_mut().map(|(_, by)| by.changed()).collect();
        while let Some(is_news) = waiting.next().await {
            // What is gone brings no news; the others still do.
            if is_news {
                return;
            }
        }
        std::future::pending::<()>().await;
    }

    /// Returns when each of them has said a first word.
    pub async fn heard(&mut self) {
        let waiting: FuturesUnordered<_> = self.followed.iter_mut().map(|(_, by)| by.heard()).collect();
        waiting.collect::<Vec<()>>().await;
    }
}

impl Followed {
    async fn changed(&mut self) -> bool {
        match self {
            Self::Namespace(receiver) => receiver.changed().await.is_ok(),
            Self::Gauge(receiver) => receiver.changed().await.is_ok(),
            Self::Refused(_) => false,
        }
    }

    async fn heard(&mut self) {
        // Whoever has ended without a word will not say one.
        match self {
            Self::Namespace(receiver) => drop(receiver.wait_for(|known| known.state != CardState::Loading).await),
            Self::Gauge(receiver) => drop(receiver.wait_for(|known| known.state != CardState::Loading).await),
            Self::Refused(_) => {}
        }
    }
}
