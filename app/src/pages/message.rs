//! Telling people: one of the runbook's own texts, or free words, seen before it is sent.

mod compose;

use std::collections::BTreeMap;

use incident::Template;
use leptos::prelude::*;
use operations::{Error, Incident, Permission};

use crate::components::frame::{Page, connection};
use crate::components::incident_head::{HERE, Part, head, incident_id};
use crate::components::messages::messages_list;
use crate::visit::Visit;
use compose::{Draft, compose};

/// How a form names the field of this number.
fn field_name(index: usize) -> String {
    format!("f{index}")
}

pub(crate) async fn page(visit: Visit) -> Result<Page, Error> {
    let id = incident_id(&visit)?;
    let view = visit.operations.view_incident(&visit.caller, id).await?;
    let incident = &view.incident;
    let desk = if visit.may(Permission::Run) {
        let templates = visit.operations.templates(&visit.caller, id).await?;
        let channels = visit.operations.channels(&visit.caller)?;
        let chosen = chosen(&visit, &templates);
        let values = chosen.and_then(|index| Some(values(&visit, incident, templates.get(index)?)));
        let draft = Draft {
            incident,
            template: chosen.and_then(|index| Some((index, templates.get(index)?))),
            values: values.unwrap_or_default(),
            channels: &channels,
        };
        view! {
            <div class="compose">
                {choice(&visit, &templates, chosen)}
                {compose(&draft)}
            </div>
        }
        .into_any()
    } else {
        view! { <p class="note">"Your role may read what was sent, and send nothing."</p> }.into_any()
    };
    let body = view! {
        <main id="main" class="page message-page">
            {head(incident, Part::Message)}
            {desk}
            <div class="live-head"><h2>"Sent so far"</h2>{connection()}</div>
            {messages_list(&visit.caller, &view.messages, view.now)}
        </main>
    };
    let stream = Some(format!("/incidents/{id}/events"));
    Ok(Page { stream, ..Page::new(HERE, format!("Messages of {}", incident.label()), body) })
}

/// Which template is asked for, by its number or by the step that it stands in: the first where none is named; `None` for
/// free words, and where the step has no text.
fn chosen(visit: &Visit, templates: &[Template]) -> Option<usize> {
    if let Some(step) = visit.asked("step") {
        let of = (visit.asked("runbook").unwrap_or_default(), visit.asked("procedure").unwrap_or_default(), step);
        let is = |template: &Template| {
            (template.runbook.as_str(), template.procedure.as_str(), template.step.as_str()) == (&of.0, &of.1, &of.2)
        };
        return templates.iter().position(is);
    }
    let index = match visit.asked("template").as_deref() {
        None => 0,
        Some("free") => return None,
        Some(number) => number.parse().unwrap_or(0),
    };
    (index < templates.len()).then_some(index)
}

/// The values of a template's fields: those that the form gave, else what the incident knows.
fn values(visit: &Visit, incident: &Incident, template: &Template) -> BTreeMap<String, String> {
    let given: Vec<Option<String>> =
        (0..template.fields.len()).map(|index| visit.query.get(&field_name(index))).collect();
    if given.iter().all(Option::is_none) {
        return visit.operations.known(incident, template);
    }
    let fields = template.fields.iter().zip(given);
    // A form sends every line end as CR LF (HTML Standard, 4.10.21.4).
    fields.filter_map(|(field, value)| Some((field.name.clone(), value?.replace("\r\n", "\n")))).collect()
}

/// The texts to choose from.
fn choice(visit: &Visit, templates: &[Template], chosen: Option<usize>) -> AnyView {
    let gone = chosen.is_none() && visit.asked("step").is_some();
    let entry = |address: String, here: bool, words: String, about: String| {
        view! {
            <li>
                <a href=address aria-current=here.then_some("page")>
                    <span>{words}</span>
                    {(!about.is_empty()).then(|| view! { <span class="muted">{about}</span> })}
                </a>
            </li>
        }
    };
    let mut rows: Vec<_> = templates
        .iter()
        .enumerate()
        .map(|(index, template)| {
            let about = [template.channel.map(|hint| compose::kind(hint).word().to_owned()), template.to.clone()];
            let about: Vec<String> = about.into_iter().flatten().collect();
            entry(format!("?template={index}"), chosen == Some(index), template.title.clone(), about.join(" · "))
        })
        .collect();
    rows.push(entry("?template=free".to_owned(), chosen.is_none(), "Free text".to_owned(), String::new()));
    let none = templates.is_empty().then(|| {
        view! { <p class="muted">"The runbooks of this incident have no text to send."</p> }
    });
    let gone = gone.then(|| {
        view! { <p class="note">"That step has no text of its own here, perhaps not any more. Choose one, or write it."</p> }
    });
    view! {
        <nav class="templates" aria-label="Texts of the runbook">
            <h2>"What to say"</h2>
            {none}
            {gone}
            <ul>{rows}</ul>
        </nav>
    }
    .into_any()
}
