//! Follows the page's stream of events; the wire is described in `fragments`.

use std::cell::RefCell;
use std::rc::Rc;

use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, Event, EventSource, HtmlElement, MessageEvent};

use super::browser::{document, listen};
use super::live::Connection;
use super::output::Pending;
use super::values;

/// Opens the stream that the page names, if it names one.
pub(super) fn open(connection: RwSignal<Connection>) {
    let address = document().get_element_by_id("stream").and_then(|stream| stream.get_attribute("data-stream"));
    let Some(source) = address.and_then(|address| EventSource::new(&address).ok()) else { return };
    listen(&source, "open", move |_| connection.set(Connection::Live));
    let watched = source.clone();
    listen(&source, "error", move |_| {
        if watched.ready_state() == EventSource::CLOSED {
            connection.set(Connection::Ended);
        } else if connection.with_untracked(|now| *now == Connection::Live || *now == Connection::Loaded) {
            connection.set(Connection::Stale(time_of_day()));
        }
    });
    listen(&source, "fragment", |event| {
        if let Some((data, id)) = text(&event, "id")
            && let Some(html) = part(&data, "html").as_string()
        {
            replace(&id, &html);
            if id == "run-given" {
                values::follow();
            }
        }
    });
    let pending = Rc::new(RefCell::new(Pending::default()));
    listen(&source, "output", move |event| {
        if let Some((data, execution)) = text(&event, "execution")
            && let Some(html) = part(&data, "html").as_string()
        {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of lines")]
            let lines = part(&data, "lines").as_f64().unwrap_or(0.0) as u32;
            Pending::add(&pending, execution, html, lines);
        }
    });
}

/// Whether events arrive just now.
pub(super) fn is_live() -> bool {
    document()
        .get_element_by_id("connection")
        .and_then(|connection| connection.get_attribute("data-state"))
        .is_some_and(|state| state == "live")
}

/// The data of an event, and one part of it as text.
fn text(event: &Event, name: &str) -> Option<(JsValue, String)> {
    let data = event.dyn_ref::<MessageEvent>()?.data().as_string()?;
    let data = js_sys::JSON::parse(&data).ok()?;
    let text = part(&data, name).as_string()?;
    Some((data, text))
}

fn part(data: &JsValue, name: &str) -> JsValue {
    js_sys::Reflect::get(data, &JsValue::from_str(name)).unwrap_or_default()
}

/// Puts a fragment in the place of the element of its id.
fn replace(id: &str, html: &str) {
    let document = document();
    let Some(old) = document.get_element_by_id(id) else { return };
    let Ok(shell) = document.create_element("div") else { return };
    shell.set_inner_html(html);
    let Some(new) = shell.first_element_child() else { return };
    let key = |element: &Element| element.get_attribute("data-key");
    if key(&old).is_some_and(|old| Some(old) == key(&new)) || old.outer_html() == new.outer_html() {
        return;
    }
    let focused = document.active_element().filter(|active| old.contains(Some(active)));
    let step = focused.as_ref().and_then(|focused| focused.closest(".step").ok().flatten());
    // What somebody has unfolded stays so.
    let unfolded: Vec<String> = below(&old, "details[open][id]").map(|one| one.id()).collect();
    let said = new.get_attribute("data-say").filter(|said| !said.is_empty());
    if let Some(said) = said.filter(|said| old.get_attribute("data-say").as_ref() != Some(said))
        && let Some(place) = document.get_element_by_id("said")
    {
        place.set_text_content(Some(&said));
    }
    let trace = focused.as_ref().map(Trace::of);
    let _ = old.replace_with_with_node_1(&new);
    for details in below(&new, "details[id]").filter(|one| unfolded.contains(&one.id())) {
        let _ = details.set_attribute("open", "");
    }
    if let Some(focused) = focused {
        // A button that is gone, as Stop is at the end, leaves the focus to its step.
        let again = Some(focused.id())
            .filter(|id| !id.is_empty())
            .and_then(|id| document.get_element_by_id(&id))
            .or_else(|| below(&new, &focused.tag_name()).find(|one| trace.as_ref() == Some(&Trace::of(one))))
            .or(step);
        if let Some(again) = again.and_then(|again| again.dyn_into::<HtmlElement>().ok()) {
            let _ = again.focus();
        }
    }
}

/// By what an element without an id is found again: where it leads, or else what it says and where.
#[derive(PartialEq, Eq)]
struct Trace {
    leads: Option<String>,
    says: Option<String>,
    inside: Option<String>,
}

impl Trace {
    fn of(element: &Element) -> Self {
        let leads = element.get_attribute("href");
        let says = element.get_attribute("aria-label").or_else(|| element.text_content());
        let inside = element.closest("[id]").ok().flatten().map(|place| place.id());
        // What a link says may count on; where it leads stays.
        Self { says: says.filter(|_| leads.is_none()), leads, inside }
    }
}

fn below(element: &Element, selector: &str) -> impl Iterator<Item = Element> + use<> {
    let list = element.query_selector_all(selector).ok();
    list.into_iter().flat_map(|list| (0..list.length()).filter_map(move |at| list.item(at)?.dyn_into().ok()))
}

fn time_of_day() -> String {
    let now = js_sys::Date::new_0();
    format!("{:02}:{:02}:{:02}", now.get_hours(), now.get_minutes(), now.get_seconds())
}
