//! The column of live cards beside a text.

use std::sync::Arc;

use jiff::Timestamp;
use leptos::prelude::*;
use operations::{Card, Environment};
use runbook::{ProcedureId, RunbookId};

use super::escape::http_part;
use super::frame::connection;
use crate::fragments;
use crate::visit::Visit;

/// The environment that the cards show: the one asked for, else the first.
pub(crate) fn environment(visit: &Visit, environments: &[Arc<Environment>]) -> Option<Arc<Environment>> {
    let asked = visit.asked("environment");
    environments
        .iter()
        .find(|environment| Some(&environment.name.0) == asked.as_ref())
        .or_else(|| environments.first())
        .cloned()
}

/// The head and the cards.
pub(crate) fn beside(cards: &[Card], environment: &Environment, now: Timestamp) -> AnyView {
    view! {
        <div class="live-head">
            <h2>"Live"</h2>
            {connection()}
            <span class="muted">{environment.name.0.clone()}</span>
        </div>
        {fragments::cards_view(cards, now)}
    }
    .into_any()
}

/// The address of the stream that keeps them live: of a procedure, or of a whole runbook.
pub(crate) fn stream(runbook: &RunbookId, procedure: Option<&ProcedureId>, environment: &Environment) -> String {
    let procedure = procedure.map(|id| format!("&procedure={}", http_part(id.as_str()))).unwrap_or_default();
    let (runbook, environment) = (http_part(runbook.as_str()), http_part(&environment.name.0));
    format!("/live?runbook={runbook}{procedure}&environment={environment}")
}
