//! Keeps the fields of one value alike: what is given in one place is in all of them.

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlInputElement, HtmlSelectElement};

use super::browser::{all, document, listen};

/// Listens for values that a person gives.
pub(super) fn wake() {
    listen(&document(), "change", |event| {
        let changed = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        if let Some((name, value)) = changed.as_ref().and_then(|field| Some((name(field)?, read(field)?))) {
            // A secret belongs to its command alone.
            if changed.is_some_and(|field| field.get_attribute("type").as_deref() != Some("password")) {
                spread(&name, &value, |_| true);
            }
        }
    });
}

/// Takes over what the run knows by now, from whoever gave it. What somebody has typed here stays: it must not become
/// another pod under the hand that is about to press Run.
pub(super) fn follow() {
    let given = document().get_element_by_id("run-given").and_then(|given| given.get_attribute("data-given"));
    let Some(given) = given.and_then(|given| js_sys::JSON::parse(&given).ok()) else { return };
    for entry in js_sys::Object::entries(given.unchecked_ref()).iter() {
        let entry: js_sys::Array = entry.unchecked_into();
        if let (Some(name), Some(value)) = (entry.get(0).as_string(), entry.get(1).as_string()) {
            spread(&format!("values[{name}]"), &value, |field| {
                is_untouched(field) && field.set_attribute(KNOWN, &value).is_ok()
            });
        }
    }
}

/// Writes a value into the fields of that name that may take it, but for the one that somebody is typing in.
fn spread(name: &str, value: &str, may: impl Fn(&Element) -> bool) {
    let active = document().active_element();
    for field in all("[name^='values[']") {
        if self::name(&field).as_deref() == Some(name) && active.as_ref() != Some(&field) && may(&field) {
            write(&field, value);
        }
    }
}

/// Whether a field still holds what the page or the run put there.
fn is_untouched(field: &Element) -> bool {
    read(field).is_some_and(|value| {
        value.is_empty() || Some(value) == field.get_attribute(KNOWN).or_else(|| field.get_attribute("value"))
    })
}

/// What the run last put into a field.
const KNOWN: &str = "data-known";

fn name(field: &Element) -> Option<String> {
    field.get_attribute("name").filter(|name| name.starts_with("values["))
}

fn read(field: &Element) -> Option<String> {
    match field.dyn_ref::<HtmlInputElement>() {
        Some(input) => Some(input.value()),
        None => field.dyn_ref::<HtmlSelectElement>().map(HtmlSelectElement::value),
    }
}

fn write(field: &Element, value: &str) {
    if let Some(input) = field.dyn_ref::<HtmlInputElement>() {
        input.set_value(value);
    } else if let Some(select) = field.dyn_ref::<HtmlSelectElement>() {
        select.set_value(value);
    }
}
