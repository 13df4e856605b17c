//! The head of every page of an incident: which one, how far it is, and its other pages.

use leptos::prelude::*;
use operations::{Error, Incident, IncidentId, Stage};

use super::badge;
use super::frame::Here;
use crate::visit::Visit;

/// The entry of the bar that these pages belong to.
pub(crate) const HERE: Here = Here::Elsewhere;

/// Which page of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Incident,
    Timeline,
    Message,
    PostMortem,
}

impl Part {
    const ALL: [Self; 4] = [Self::Incident, Self::Timeline, Self::Message, Self::PostMortem];

    fn words(self) -> &'static str {
        match self {
            Self::Incident => "Incident",
            Self::Timeline => "Timeline",
            Self::Message => "Messages",
            Self::PostMortem => "Post-mortem",
        }
    }

    /// Where it is.
    pub(crate) fn address(self, id: IncidentId) -> String {
        let rest = match self {
            Self::Incident => "",
            Self::Timeline => "/timeline",
            Self::Message => "/message",
            Self::PostMortem => "/post-mortem",
        };
        format!("/incidents/{id}{rest}")
    }
}

/// The incident that the address names.
pub(crate) fn incident_id(visit: &Visit) -> Result<IncidentId, Error> {
    visit.param("incident").parse().map_err(|_| Error::NotFound("This incident"))
}

/// The head.
pub(crate) fn head(incident: &Incident, here: Part) -> AnyView {
    let tabs: Vec<_> = Part::ALL
        .into_iter()
        .map(|part| {
            let current = (part == here).then_some("page");
            view! { <a class="button small" href=part.address(incident.id) aria-current=current>{part.words()}</a> }
        })
        .collect();
    let severity = incident.severity.clone();
    let environment = incident.environment.as_ref().map(|name| badge::environment(&name.0, None));
    view! {
        <p class="crumbs"><a href="/incidents">"Incidents"</a></p>
        <div class="incident-title">
            <h1>{incident.title.clone()}</h1>
            <div class="procedure-head">
                <span class="mono muted">{incident.label()}</span>
                {severity.map(|level| view! { <span class="badge quiet">{level}</span> })}
                {stage(incident.stage())}
                {environment}
            </div>
        </div>
        <nav class="tabs incident-tabs" aria-label="Of this incident">{tabs}</nav>
    }
    .into_any()
}

/// How far it is.
fn stage(stage: Stage) -> AnyView {
    let (class, mark) = match stage {
        Stage::Open => ("failed", "!"),
        Stage::Acknowledged => ("running", "●"),
        Stage::Mitigated => ("change", "◆"),
        Stage::Resolved => ("passed", "✓"),
    };
    view! { <span class=format!("badge {class}")><span aria-hidden="true">{mark}</span>{stage.word()}</span> }
        .into_any()
}
