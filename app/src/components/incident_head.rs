//! The head of every page of an incident: which one, how far it is, and its other pages.

use leptos::prelude::*;
use operations::{Error, Incident, IncidentId};

use super::frame::Here;
use super::{badge, incident};
use crate::visit::Visit;

/// The entry of the bar that these pages belong to.
pub(crate) const HERE: Here = Here::Incidents;

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

/// The other pages of an incident.
pub(crate) fn tabs(incident: &Incident, here: Part) -> AnyView {
    let tabs: Vec<_> = Part::ALL
        .into_iter()
        .map(|part| {
            let current = (part == here).then_some("page");
            view! { <a class="button small" href=part.address(incident.id) aria-current=current>{part.words()}</a> }
        })
        .collect();
    view! { <nav class="tabs incident-tabs" aria-label="Of this incident">{tabs}</nav> }.into_any()
}

/// The head.
pub(crate) fn head(incident: &Incident, here: Part) -> AnyView {
    let environment = incident.environment.as_ref().map(|name| badge::environment(&name.0, None));
    view! {
        <p class="crumbs"><a href="/incidents">"Incidents"</a></p>
        <div class="incident-title">
            <h1>{incident.title.clone()}</h1>
            <div class="procedure-head">
                <span class="mono muted">{incident.label()}</span>
                {incident::level(incident)}
                {incident::stage(incident.stage())}
                {environment}
            </div>
        </div>
        {tabs(incident, here)}
    }
    .into_any()
}
