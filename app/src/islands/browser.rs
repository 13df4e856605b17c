//! The few things that are asked of the browser again and again.

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Document, Element, Event, EventTarget, Window};

pub(super) fn window() -> Window {
    web_sys::window().expect("islands run in a window")
}

pub(super) fn document() -> Document {
    window().document().expect("a window of a page has a document")
}

/// Every element that a selector selects now.
pub(super) fn all(selector: &str) -> Vec<Element> {
    let Ok(list) = document().query_selector_all(selector) else { return Vec::new() };
    (0..list.length()).filter_map(|index| list.item(index)?.dyn_into().ok()).collect()
}

/// Listens for as long as the page lives.
pub(super) fn listen(target: &EventTarget, name: &str, listener: impl FnMut(Event) + 'static) {
    let closure = Closure::<dyn FnMut(Event)>::new(listener);
    let _ = target.add_event_listener_with_callback(name, closure.as_ref().unchecked_ref());
    closure.forget();
}

/// Does something again and again for as long as the page lives.
pub(super) fn every(milliseconds: i32, action: impl FnMut() + 'static) {
    let closure = Closure::<dyn FnMut()>::new(action);
    let function = closure.as_ref().unchecked_ref();
    let _ = window().set_interval_with_callback_and_timeout_and_arguments_0(function, milliseconds);
    closure.forget();
}

/// Does something once, later.
pub(super) fn after(milliseconds: i32, action: impl FnOnce() + 'static) {
    let function = Closure::once_into_js(action);
    let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(function.unchecked_ref(), milliseconds);
}

/// Does something once, before the next picture is drawn.
pub(super) fn next_frame(action: impl FnOnce() + 'static) {
    let function = Closure::once_into_js(action);
    let _ = window().request_animation_frame(function.unchecked_ref());
}

/// Seconds since 1970.
#[expect(clippy::cast_possible_truncation, reason = "seconds since 1970 fit")]
pub(super) fn now_seconds() -> i64 {
    (js_sys::Date::now() / 1_000.0) as i64
}
