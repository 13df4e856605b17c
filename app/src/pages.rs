//! The pages. Each is an async function from a [`Visit`] to a [`Page`]; what can go wrong becomes a page too.

use std::error::Error as _;
use std::future::Future;

use http::StatusCode;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use operations::Error;

use crate::components::frame::{Here, Page, frame};
use crate::visit::Visit;

pub(crate) mod event;
pub(crate) mod history;
pub(crate) mod home;
pub(crate) mod incident;
pub(crate) mod incidents;
pub(crate) mod library;
pub(crate) mod message;
pub(crate) mod post_mortem;
pub(crate) mod procedure;
pub(crate) mod replay;
pub(crate) mod run;
pub(crate) mod run_step;
pub(crate) mod runbook;
pub(crate) mod runs;
pub(crate) mod search;
pub(crate) mod statistics;
pub(crate) mod timeline;
pub(crate) mod tokens;

/// Loads a page and puts it into its frame, or says why not, with the fitting status.
pub(crate) fn answer<Loading>(page: impl FnOnce(Visit) -> Loading) -> AnyView
where
    Loading: Future<Output = Result<Page, Error>> + Send + 'static,
{
    let Some(visit) = Visit::current() else {
        set_status(StatusCode::SERVICE_UNAVAILABLE);
        return stranger("This page could not be made", "The portal lost track of who asks. Load the page again.");
    };
    let loading = page(visit.clone());
    Suspend::new(async move {
        match loading.await {
            Ok(page) => frame(&visit, page),
            Err(error) => {
                set_status(status(&error));
                frame(&visit, failure(&error))
            }
        }
    })
    .into_any()
}

/// What an address that leads nowhere shows.
pub(crate) fn not_found() -> AnyView {
    set_status(StatusCode::NOT_FOUND);
    match Visit::astray() {
        Some(visit) => frame(&visit, failure(&Error::NotFound("This page"))),
        None => stranger("Not found", "This page was not found."),
    }
}

/// The HTTP status that says the same as an error. The text of an error is made to be shown; what caused it is logged.
pub(crate) fn status(error: &Error) -> StatusCode {
    match error {
        Error::Forbidden(_) => StatusCode::FORBIDDEN,
        Error::NotFound(_) => StatusCode::NOT_FOUND,
        Error::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Error::Conflict(_) => StatusCode::CONFLICT,
        Error::CannotRun(_) => StatusCode::SERVICE_UNAVAILABLE,
        Error::Audit(_) | Error::Store(_) => {
            tracing::error!(error = %error, cause = error.source().map(tracing::field::display), "a use case failed");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

/// A short title for an error.
pub(crate) fn title(error: &Error) -> &'static str {
    match error {
        Error::Forbidden(_) => "Not permitted",
        Error::NotFound(_) => "Not found",
        Error::Invalid(_) => "That cannot be done like this",
        Error::Conflict(_) => "Not now",
        Error::CannotRun(_) => "Nothing can be run here",
        Error::Audit(_) | Error::Store(_) => "The portal failed",
    }
}

pub(crate) fn set_status(status: StatusCode) {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(status);
    }
}

fn failure(error: &Error) -> Page {
    let text = match error {
        Error::NotFound(_) => format!("{error} It may have been renamed or removed since the link was made."),
        other => other.to_string(),
    };
    Page::new(
        Here::Elsewhere,
        title(error),
        view! {
            <main id="main" class="message">
                <h1>{title(error)}</h1>
                <p class="lead">{text}</p>
                <p class="message-links">
                    <a class="button primary" href="/runbooks">"All runbooks"</a>
                    <a class="button" href="/">"Home"</a>
                </p>
            </main>
        },
    )
}

fn stranger(title: &'static str, text: &'static str) -> AnyView {
    view! {
        <main class="message">
            <h1>{title}</h1>
            <p class="lead">{text}</p>
            <p><a class="button primary" href="/">"Home"</a></p>
        </main>
    }
    .into_any()
}
