//! An incident: its clocks on the left, what to do in the middle, what happened on the right.

use leptos::prelude::*;
use operations::{Error, IncidentId, IncidentView, Permission, Stage};

use crate::actions::incident::Was;
use crate::components::badge;
use crate::components::frame::{Here, Page, connection};
use crate::components::incident_head::{Part, tabs};
use crate::components::messages::messages_list;
use crate::components::text_area::{NOTE_LIMIT, Need, note_area, text_area};
use crate::fragments;
use crate::visit::Visit;

pub(crate) async fn page(visit: Visit) -> Result<Page, Error> {
    let (operations, caller) = (&visit.operations, &visit.caller);
    let id: IncidentId = visit.param("incident").parse().map_err(|_| Error::NotFound("This incident"))?;
    let view = operations.view_incident(caller, id).await?;
    let runs = operations.views_of(caller, &view.runs).await?;
    let timeline = operations.lately(caller, id).await?;
    let people = operations.people(caller).await?;
    let may = visit.may(Permission::Run);
    let incident = &view.incident;
    let body = view! {
        <main id="main" class="run-page incident-page" data-run="">
            <aside class="run-side" tabindex="0" aria-label="How it stands">
                <p class="run-name">{incident.title.clone()}</p>
                <p class="muted">
                    {incident.label()}
                    {incident.environment.as_ref().map(|name| view! { " · "{badge::environment(&name.0, None)} })}
                </p>
                {(!incident.affected.is_empty()).then(|| view! { <p class="muted">"Affected: "{incident.affected.clone()}</p> })}
                {fragments::incident::status(&view, caller)}
                {may.then(|| stages(&view))}
                <div class="here-now">
                    <p class="muted">"Here now"</p>
                    {fragments::people_view(&[fragments::Looker::at(&caller.person.name, "")])}
                </div>
            </aside>
            <div class="run-main">
                <div class="run-title">
                    <h1>{incident.title.clone()}</h1>
                    {tabs(incident, Part::Incident)}
                </div>
                <section class="incident-work" aria-label="What to do">
                    {fragments::incident::runs_view(&view, &runs)}
                    {fragments::incident::suggested(&view, caller)}
                </section>
                <section aria-label="Alerts">{fragments::incident::alerts(&view)}</section>
                <section aria-label="Messages">
                    <h2>"Told to people"</h2>
                    {messages_list(caller, &view.messages, view.now)}
                    {may.then(|| view! { <p class="tell"><a class="button" href=format!("/incidents/{id}/message")>"Tell people"</a></p> })}
                </section>
                {may.then(|| words(&view))}
                {may.then(|| changes(&visit, &view)).transpose()?}
                {may.then(|| hand_over(&view, &people))}
            </div>
            <aside class="run-live" tabindex="0" aria-label="What happened">
                <div class="live-head"><h2>"Timeline"</h2>{connection()}</div>
                {fragments::incident::lately(id, &timeline)}
            </aside>
        </main>
    };
    let title = format!("{} · {}", incident.label(), incident.title);
    let stream = format!("/incidents/{id}/events");
    Ok(Page { here: Here::Incidents, title, band: None, stream: Some(stream), body: body.into_any() })
}

/// One button for each step in its life; the style sheet offers what fits the stage.
fn stages(view: &IncidentView) -> AnyView {
    let id = view.incident.id.to_string();
    let button = |change: &'static str, words: &'static str, class: &'static str| {
        view! {
            <button class=format!("button {class}") type="submit" name="change" value=change>{words}</button>
        }
    };
    view! {
        <form class="stages" method="post" action="/api/change_stage">
            <input type="hidden" name="incident" value=id.clone()/>
            {button("acknowledge", "Acknowledge", "primary to-acknowledge")}
            {button("mitigate", "Mark mitigated", "to-mitigate")}
            {button("resolve", "Mark resolved", "to-resolve")}
            {button("reopen", "Reopen", "quiet to-reopen")}
        </form>
        <form class="take-command" method="post" action="/api/take_command">
            <input type="hidden" name="incident" value=id/>
            <button class="button small" type="submit">"Take command"</button>
        </form>
    }
    .into_any()
}

/// How it stands, and what there is to remember.
fn words(view: &IncidentView) -> AnyView {
    let id = view.incident.id.to_string();
    view! {
        <section class="incident-words" aria-label="Say something">
            <form class="stacked" method="post" action="/api/update_status">
                <h2>"How it stands"</h2>
                <input type="hidden" name="incident" value=id.clone()/>
                {text_area("text", "How it stands, in a sentence or two", 2, "", "", Need::Required)}
                <button class="button" type="submit">"Update the status"</button>
            </form>
            <form class="stacked" method="post" action="/api/note_incident">
                <h2>"Note"</h2>
                <input type="hidden" name="incident" value=id/>
                {note_area("Something to remember", 2, Need::Required)}
                <p class="muted">{NOTE_LIMIT}</p>
                <button class="button" type="submit" id="note">"Write it down"</button>
            </form>
        </section>
    }
    .into_any()
}

/// Title, severity, place and what is affected, folded.
fn changes(visit: &Visit, view: &IncidentView) -> Result<AnyView, Error> {
    let incident = &view.incident;
    let severities = visit.operations.severities(&visit.caller, incident.runbook.as_ref())?;
    let option = |value: String, chosen: Option<&str>| {
        let (selected, words) = (chosen == Some(value.as_str()), value.clone());
        view! { <option value=value selected=selected>{words}</option> }
    };
    // An alert's own word stays, until somebody chooses another.
    let own = incident.severity.clone().filter(|own| !severities.contains(own));
    let severities = own.into_iter().chain(severities);
    let severity: Vec<_> = severities.map(|name| option(name, incident.severity.as_deref())).collect();
    let shelf = visit.operations.shelf(&visit.caller)?;
    let runbooks: Vec<_> = shelf
        .runbooks
        .iter()
        .map(|runbook| {
            let selected = incident.runbook.as_ref() == Some(&runbook.id);
            view! { <option value=runbook.id.to_string() selected=selected>{runbook.title.clone()}</option> }
        })
        .collect();
    let place = incident.environment.as_ref().map(|name| name.0.as_str());
    let environments: Vec<_> = visit
        .operations
        .environments(&visit.caller)?
        .iter()
        .map(|environment| option(environment.name.0.clone(), place))
        .collect();
    let was = Was {
        title: Some(incident.title.clone()),
        severity: Some(incident.severity.clone().unwrap_or_default()),
        environment: Some(place.unwrap_or_default().to_owned()),
        affected: Some(incident.affected.clone()),
        runbook: Some(incident.runbook.as_ref().map(ToString::to_string).unwrap_or_default()),
    };
    let was = serde_json::to_string(&was).unwrap_or_default();
    let form = view! {
        <details class="run-values">
            <summary>"Change what is said of it"</summary>
            <form class="stacked" method="post" action="/api/change_incident">
                <input type="hidden" name="incident" value=incident.id.to_string()/>
                <input type="hidden" name="was" value=was/>
                <label>"Title"<input type="text" name="title" value=incident.title.clone() required maxlength="200"/></label>
                <label>"Severity"<select name="severity"><option value="">"none"</option>{severity}</select></label>
                <label>"Times and ladder from"<select name="runbook"><option value="">"no runbook"</option>{runbooks}</select></label>
                <label>"Where"<select name="environment"><option value="">"not known"</option>{environments}</select></label>
                <label>"Affected"<input type="text" name="affected" value=incident.affected.clone() maxlength="400"/></label>
                <button class="button" type="submit">"Change it"</button>
            </form>
        </details>
    };
    Ok(form.into_any())
}

fn hand_over(view: &IncidentView, people: &[(String, String)]) -> Option<AnyView> {
    if view.incident.stage() == Stage::Resolved {
        return None;
    }
    let options: Vec<_> =
        people.iter().map(|(subject, name)| view! { <option value=subject.clone()>{name.clone()}</option> }).collect();
    let form = view! {
        <details class="run-values" id="hand-over">
            <summary>"Hand over command"</summary>
            <form class="stacked" method="post" action="/api/hand_over">
                <input type="hidden" name="incident" value=view.incident.id.to_string()/>
                <label>"To"<select name="to" required>{options}</select></label>
                <p class="muted">"What do they need to know? What was done, what was ruled out, what is next."</p>
                {text_area("text", "Summary", 4, "", "", Need::Required)}
                <button class="button" type="submit">"Hand over"</button>
            </form>
        </details>
    };
    Some(form.into_any())
}
