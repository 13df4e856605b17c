//! Modules of JavaScript beside the islands, for pages that need them.

use leptos::prelude::*;

/// What wakes terminals and recordings. Small: xterm.js is loaded once there is one to show.
pub(crate) fn terminals() -> AnyView {
    view! { <script type="module" src="/pkg/terminal.js"></script> }.into_any()
}
