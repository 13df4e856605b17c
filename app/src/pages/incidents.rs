//! Incidents: open ones first, and the way to open one by hand.

use leptos::prelude::*;
use operations::{Error, Permission};

use crate::components::frame::{Here, Page, connection};
use crate::fragments;
use crate::visit::Visit;

pub(crate) async fn page(visit: Visit) -> Result<Page, Error> {
    let (operations, caller, now) = (&visit.operations, &visit.caller, visit.now);
    let before = visit.asked("before").and_then(|place| place.parse().ok());
    let listed = operations.incidents_page(caller, &fragments::listed(before)).await?;
    let form = match visit.may(Permission::Run) {
        true => Some(open_form(&visit)?),
        false => None,
    };
    let body = view! {
        <main id="main" class="page two-columns">
            <div class="column-main">
                <div class="live-head"><h1>"Incidents"</h1>{connection()}</div>
                {fragments::open::list(&listed, before, now)}
            </div>
            <aside class="column-side" aria-label="Open an incident">{form}</aside>
        </main>
    };
    let stream = match before {
        Some(place) => format!("/incidents/events?before={place}"),
        None => "/incidents/events".to_owned(),
    };
    Ok(Page { stream: Some(stream), ..Page::new(Here::Incidents, "Incidents", body) })
}

fn open_form(visit: &Visit) -> Result<AnyView, Error> {
    let environments: Vec<_> = visit
        .operations
        .environments(&visit.caller)?
        .iter()
        .map(|environment| view! { <option value=environment.name.0.clone()>{environment.name.0.clone()}</option> })
        .collect();
    let shelf = visit.operations.shelf(&visit.caller)?;
    let runbooks: Vec<_> = shelf
        .runbooks
        .iter()
        .map(|runbook| view! { <option value=runbook.id.to_string()>{runbook.title.clone()}</option> })
        .collect();
    let severities: Vec<_> = visit
        .operations
        .severities(&visit.caller, None)?
        .into_iter()
        .map(|name| {
            let words = name.clone();
            view! { <option value=name>{words}</option> }
        })
        .collect();
    let form = view! {
        <h2>"Open an incident"</h2>
        <form class="stacked" method="post" action="/api/open_incident">
            <label>
                "What is wrong"
                <input type="text" name="title" required maxlength="200" autocomplete="off" placeholder="The API is down"/>
            </label>
            <label>
                "Severity"
                <select name="severity">
                    <option value="">"as the runbook says"</option>
                    {severities}
                </select>
            </label>
            <label>"Where"<select name="environment">{environments}</select></label>
            <label>
                "Who or what suffers"
                <input type="text" name="affected" maxlength="400" autocomplete="off"/>
            </label>
            <label>
                "Runbook"
                <select name="runbook">
                    <option value="">"the one that fits best"</option>
                    {runbooks}
                </select>
            </label>
            <button class="button primary" type="submit">"Open it"</button>
        </form>
    };
    Ok(form.into_any())
}
