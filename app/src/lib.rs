//! The Leptos user interface.
//!
//! Pages are plain HTML made on the server ([`shell`], `pages`, `components`): they read, and their forms work, with
//! JavaScript and WebAssembly switched off. Three small [`islands`] make them live. What changes while somebody looks is
//! drawn by [`fragments`], for the page and for its stream of events alike, so there is one renderer.
//!
//! Of the room's features, `ssr` makes the server's half and `hydrate` the browser's: no page code reaches the browser.

#[cfg(feature = "ssr")]
#[expect(missing_docs, reason = "the macro makes a struct of each function's arguments; the function describes them")]
pub mod actions;
#[cfg(feature = "ssr")]
mod ansi;
#[cfg(feature = "ssr")]
mod components;
#[cfg(feature = "ssr")]
pub mod document;
#[cfg(feature = "ssr")]
pub mod fragments;
pub mod islands;
#[cfg(feature = "ssr")]
mod pages;
#[cfg(feature = "ssr")]
mod visit;

#[cfg(feature = "ssr")]
pub use document::{App, content_security_policy, message_page, shell};
#[cfg(feature = "ssr")]
pub use pages::post_mortem::{not_shared, shared as shared_post_mortem};
#[cfg(feature = "ssr")]
pub use visit::Site;

/// The browser's entry: wakes the islands of the page.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_islands();
}

#[cfg(feature = "ssr")]
#[cfg(test)]
mod tests;
