//! What stands around every page: the bar on top, the practice banner, the band of a run, the page itself.

use leptos::prelude::*;
use leptos_meta::Title;
use operations::{Permission, Person};

use super::badge;
use super::escape::escape;
use crate::islands::{Desk, Live};
use crate::visit::{Site, Visit};

/// Which entry of the bar a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Here {
    Home,
    Runbooks,
    Incidents,
    Runs,
    History,
    Elsewhere,
}

/// A page, loaded and ready to be sent.
pub(crate) struct Page {
    pub(crate) here: Here,
    /// For the browser's tab.
    pub(crate) title: String,
    /// The band of a run.
    pub(crate) band: Option<AnyView>,
    /// The address of its stream of events, where it has one.
    pub(crate) stream: Option<String>,
    pub(crate) body: AnyView,
}

impl Page {
    /// A page without a band and without a stream.
    pub(crate) fn new(here: Here, title: impl Into<String>, body: impl IntoAny) -> Self {
        Self { here, title: title.into(), band: None, stream: None, body: body.into_any() }
    }
}

/// The page with everything around it.
pub(crate) fn frame(visit: &Visit, page: Page) -> AnyView {
    let query = if page.here == Here::Elsewhere { visit.asked("q") } else { None };
    let top = bar(&visit.caller.person, &visit.site, page.here, query);
    let banner = visit.site.practice.then(|| {
        view! { <section class="practice-banner" aria-label="Practice">"Practice cluster: nothing here is real"</section> }
    });
    // The title is sent as it is given: a heading that holds `</title>` would end it.
    let title = escape(&format!("{} · Runbook Portal", page.title));
    view! {
        <Title text=title/>
        <a class="skip" href="#main">"Skip to the page"</a>
        {top}
        {banner}
        {page.band}
        <div id="stream" hidden data-stream=page.stream></div>
        // What a live page says aloud: it stands here from the beginning, so that what is put into it is heard.
        <p id="said" class="heard" role="status"></p>
        {page.body}
        <Desk/>
    }
    .into_any()
}

/// The connection of a page's stream; drawn where the page wants it.
pub(crate) fn connection() -> AnyView {
    view! { <Live/> }.into_any()
}

fn bar(person: &Person, site: &Site, here: Here, query: Option<String>) -> AnyView {
    let entry = |to: Here, address: &'static str, words: &'static str| {
        let current = (to == here).then_some("page");
        view! { <a href=address aria-current=current>{words}</a> }
    };
    let history = person.role.permits(Permission::ReadAudit).then(|| entry(Here::History, "/history", "History"));
    view! {
        <header class="top">
            <a class="brand" href="/">
                <img src="/favicon.svg" alt="" width="20" height="20"/>
                <span>"Runbook Portal"</span>
                {site.label.clone().map(|label| view! { <span class="muted">{label}</span> })}
            </a>
            <nav aria-label="Main">
                {entry(Here::Home, "/", "Home")}
                {entry(Here::Runbooks, "/runbooks", "Runbooks")}
                {entry(Here::Incidents, "/incidents", "Incidents")}
                {entry(Here::Runs, "/runs", "Runs")}
                {history}
            </nav>
            <form class="search" action="/search" method="get" role="search">
                <input
                    id="search"
                    type="search"
                    name="q"
                    value=query
                    placeholder="Search runbooks and commands"
                    aria-label="Search runbooks and commands"
                    maxlength="200"
                />
                <kbd aria-hidden="true">"Ctrl K"</kbd>
            </form>
            <details class="menu">
                <summary aria-label=format!("{}, {}: account", person.name, person.role.word())>
                    {badge::person(&person.name)}
                </summary>
                <div class="menu-sheet">
                    <p><strong>{person.name.clone()}</strong></p>
                    {person.email.clone().map(|email| view! { <p class="muted">{email}</p> })}
                    <p class="muted">{format!("Role: {}", person.role.word())}</p>
                    <p><a href="/tokens">"Access tokens"</a></p>
                    <form method="post" action="/auth/sign-out">
                        <button class="button" type="submit">"Sign out"</button>
                    </form>
                </div>
            </details>
        </header>
    }
    .into_any()
}
