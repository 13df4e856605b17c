//! Sends the forms of a run without leaving the page, while its stream is live: what came of it arrives there. Without
//! the stream, and without this code, the browser sends them itself and the page is loaded again.

use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Element, Event, FormData, HtmlFormElement, RequestInit, Response, SubmitEvent, UrlSearchParams};

use super::browser::{document, listen, window};
use super::stream::is_live;

/// The forms whose outcome the stream shows, beside those that say so themselves.
const LIVE: [&str; 13] = [
    "/api/press",
    "/api/answer",
    "/api/stop",
    "/api/mark_step",
    "/api/close_run",
    "/api/give_values",
    "/api/change_stage",
    "/api/take_command",
    "/api/hand_over",
    "/api/update_status",
    "/api/note_incident",
    "/api/run_on",
    "/api/undo",
];

/// Listens for forms of a run's page.
pub(super) fn wake() {
    if document().query_selector("[data-run]").ok().flatten().is_some() {
        listen(&document(), "submit", |event| {
            let _ = submitted(&event);
        });
    }
}

fn submitted(event: &Event) -> Option<()> {
    let form: HtmlFormElement = event.target()?.dyn_into().ok()?;
    let is_live_form = |address: &String| LIVE.contains(&address.as_str()) || form.has_attribute("data-live");
    let address = form.get_attribute("action").filter(is_live_form)?;
    if !is_live() {
        return None;
    }
    let submitter = event.dyn_ref::<SubmitEvent>().and_then(SubmitEvent::submitter);
    let data = FormData::new_with_form(&form).ok()?;
    // A button that says something says it itself: which of the two ways to close a run, how an outcome is settled.
    if let Some(button) = &submitter
        && let (Some(name), Some(value)) = (button.get_attribute("name"), button.get_attribute("value"))
    {
        data.append_with_str(&name, &value).ok()?;
    }
    let init = RequestInit::new();
    init.set_method("POST");
    // What holds a file goes as it is.
    if form.enctype() == "multipart/form-data" {
        init.set_body(data.as_ref());
    } else {
        init.set_body(UrlSearchParams::new_with_str_sequence_sequence(data.as_ref()).ok()?.as_ref());
    }
    event.prevent_default();
    // A disabled button would lose the focus; a form that is under way is not sent twice either way.
    if form.has_attribute("data-sending") {
        return None;
    }
    let _ = form.set_attribute("data-sending", "");
    spawn_local(async move {
        let said = answer(&address, &init).await;
        let _ = form.remove_attribute("data-sending");
        match said {
            None => {
                // What was given stays in the fields.
                if !["/api/press", "/api/give_values", "/api/answer"].contains(&address.as_str()) {
                    form.reset();
                }
                fold(&form);
                say(&form, None);
            }
            Some(refusal) => say(&form, Some(&refusal)),
        }
    });
    Some(())
}

/// What the portal refused with; nothing where it did what was asked.
async fn answer(address: &str, init: &RequestInit) -> Option<String> {
    const LOST: &str = "The portal did not answer. Whether it did this is not known: look at the state above.";
    let Ok(response) = JsFuture::from(window().fetch_with_str_and_init(address, init)).await else {
        return Some(LOST.to_owned());
    };
    let response: Response = response.dyn_into().ok()?;
    if response.redirected() {
        // Signed out in between: the browser was sent to another page.
        let _ = window().location().reload();
        return None;
    }
    if response.ok() {
        return None;
    }
    let text = JsFuture::from(response.text().ok()?).await.ok().and_then(|text| text.as_string());
    Some(text.filter(|text| !text.is_empty()).unwrap_or_else(|| LOST.to_owned()))
}

/// Closes what was folded out for this form.
fn fold(form: &Element) {
    let outer = form.parent_element().filter(|parent| parent.class_list().contains("say"));
    let inner = form.query_selector("details.really").ok().flatten();
    for details in outer.into_iter().chain(inner) {
        let _ = details.remove_attribute("open");
    }
}

/// Says a refusal where the form stands, or takes the last one away.
fn say(form: &Element, refusal: Option<&str>) {
    if let Ok(Some(old)) = form.query_selector(".refusal") {
        old.remove();
    }
    let Some(refusal) = refusal else { return };
    let Ok(note) = document().create_element("p") else { return };
    note.set_class_name("refusal note");
    let _ = note.set_attribute("role", "alert");
    note.set_text_content(Some(refusal));
    let _ = form.append_child(&note);
}
