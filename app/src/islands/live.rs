//! The island of a page with a stream: says how fresh the page is.

use leptos::prelude::*;

/// How the page is connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Connection {
    /// As it was loaded: no script has run yet, or none may.
    Loaded,
    /// Events arrive.
    #[cfg(feature = "hydrate")]
    Live,
    /// The stream broke at this time of day; the browser tries again.
    #[cfg(feature = "hydrate")]
    Stale(String),
    /// The stream ended for good.
    #[cfg(feature = "hydrate")]
    Ended,
}

impl Connection {
    fn class(&self) -> &'static str {
        match self {
            Self::Loaded => "loaded",
            #[cfg(feature = "hydrate")]
            Self::Live => "live",
            #[cfg(feature = "hydrate")]
            Self::Stale(_) => "stale",
            #[cfg(feature = "hydrate")]
            Self::Ended => "ended",
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Loaded => "as loaded".to_owned(),
            #[cfg(feature = "hydrate")]
            Self::Live => "connected".to_owned(),
            #[cfg(feature = "hydrate")]
            Self::Stale(since) => format!("stale since {since}, reconnecting"),
            #[cfg(feature = "hydrate")]
            Self::Ended => "ended, perhaps with your session: load the page again".to_owned(),
        }
    }
}

/// Draws the connection, and opens the stream of the page.
#[island]
pub fn Live() -> impl IntoView {
    let connection = RwSignal::new(Connection::Loaded);
    #[cfg(feature = "hydrate")]
    super::stream::open(connection);
    view! {
        <span id="connection" class="connection" role="status" data-state=move || connection.with(Connection::class)>
            {move || connection.with(Connection::words)}
        </span>
    }
}
