//! What happened in an incident: a picture, and every entry in words.

use leptos::prelude::*;
use operations::Error;

use crate::components::frame::{Page, connection};
use crate::components::incident_head::{HERE, Part, head, incident_id};
use crate::fragments;
use crate::visit::Visit;

pub(crate) async fn page(visit: Visit) -> Result<Page, Error> {
    let id = incident_id(&visit)?;
    let view = visit.operations.view_incident(&visit.caller, id).await?;
    let timeline = visit.operations.timeline(&visit.caller, id).await?;
    let incident = &view.incident;
    let page = visit.asked("page").and_then(|page| page.parse::<usize>().ok());
    let body = view! {
        <main id="main" class="page timeline">
            {head(incident, Part::Timeline)}
            <p class="live-line">{connection()}</p>
            {fragments::timeline::durations(incident, &timeline, view.now)}
            {fragments::timeline::drawn(incident, &timeline, view.now)}
            {fragments::timeline::list(incident, &timeline, &visit.caller, page)}
        </main>
    };
    let page = page.map(|page| format!("?page={page}")).unwrap_or_default();
    let stream = Some(format!("/incidents/{id}/timeline/events{page}"));
    Ok(Page { stream, ..Page::new(HERE, format!("Timeline of {}", incident.label()), body) })
}
