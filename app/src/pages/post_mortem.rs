//! The post-mortem of an incident: read, edited, taken along, shared.

use leptos::prelude::*;
use operations::{Error, Permission, PostMortem, version};

use crate::components::frame::Page;
use crate::components::incident_head::{HERE, Part, head, incident_id};
use crate::components::text_area::{Need, text_area};
use crate::visit::Visit;

pub(crate) async fn page(visit: Visit) -> Result<Page, Error> {
    let id = incident_id(&visit)?;
    let found = visit.operations.post_mortem(&visit.caller, id).await?;
    let may = visit.may(Permission::Run);
    let state = if found.kept {
        "Kept as somebody wrote it. What happens from now on is not added by itself."
    } else {
        "Written from the audit trail, anew each time. Edit and keep it to make it yours."
    };
    let body = view! {
        <main id="main" class="page post-mortem">
            <div class="post-mortem-desk">
                {head(&found.incident, Part::PostMortem)}
                <div class="post-mortem-bar">
                    <p class="muted">{state}</p>
                    <a class="button small" href=format!("/incidents/{id}/post-mortem.md") download="">"Markdown"</a>
                    <p class="muted">"Printing this page prints the document alone."</p>
                </div>
                {may.then(|| desk(&found))}
            </div>
            {document(&found)}
        </main>
    };
    Ok(Page::new(HERE, format!("Post-mortem of {}", found.incident.label()), body))
}

/// The document. Its wide tables scroll: the keyboard comes to them, too.
fn document(found: &PostMortem) -> AnyView {
    let html =
        found.html.as_str().replace("<div class=\"table-scroll\">", "<div class=\"table-scroll\" tabindex=\"0\">");
    view! { <article class="prose document" inner_html=html></article> }.into_any()
}

/// What can be done with it.
fn desk(found: &PostMortem) -> AnyView {
    let id = found.incident.id.to_string();
    // What it began with: where somebody else keeps another text meanwhile, that one stays.
    let read = if found.kept { version(&found.text) } else { String::new() };
    let rewrite = found.kept.then(|| {
        view! {
            <form method="post" action="/api/keep_post_mortem">
                <input type="hidden" name="incident" value=id.clone()/>
                <input type="hidden" name="read" value=read.clone()/>
                <input type="hidden" name="text" value=""/>
                <details class="really">
                    <summary class="button danger">"Write it from the trail again…"</summary>
                    <p>"The text that was kept is gone then. Download it first if it is worth something."</p>
                    <button class="button danger solid" type="submit">"Yes, throw the kept text away"</button>
                </details>
            </form>
        }
    });
    view! {
        <div class="post-mortem-tools">
        <details class="say">
            <summary class="button">"Edit"</summary>
            <form class="post-mortem-edit" method="post" action="/api/keep_post_mortem">
                <input type="hidden" name="incident" value=id.clone()/>
                <input type="hidden" name="read" value=read.clone()/>
                {text_area("text", "Post-mortem in Markdown", 32, &found.text, "mono", Need::Optional)}
                <p class="muted">"Markdown, at most 64 KiB. What looks like a secret is taken out when it is kept. First and last lines of output are in it: once it is kept, everybody who may look at incidents reads them."</p>
                <button class="button primary" type="submit">"Keep"</button>
            </form>
        </details>
        {share(found)}
        {rewrite}
        </div>
    }
    .into_any()
}

/// How others come to read it.
fn share(found: &PostMortem) -> AnyView {
    let id = found.incident.id.to_string();
    if !found.kept {
        return ().into_any();
    }
    let shared = found.incident.share_key.is_some();
    let words = if shared {
        "There is a link: whoever has it reads this without signing in, as it is when they look, later changes too. Only its \
         hash is kept, so it cannot be shown again. A new one makes it void."
    } else {
        "Whoever has the link reads what is kept here, and what is changed in it later, without signing in, until you stop it. \
         First and last lines of output are in it: read it through before you pass it on. The link is shown once."
    };
    let make = if shared { "Make a new link" } else { "Make a link that others may read" };
    let stop = shared.then(|| {
        view! {
            <form method="post" action="/api/unshare_post_mortem">
                <input type="hidden" name="incident" value=id.clone()/>
                <button class="button danger" type="submit">"Stop sharing"</button>
            </form>
        }
    });
    view! {
        <details class="say">
            <summary class="button">{if shared { "Shared by a link" } else { "Share" }}</summary>
            <div class="post-mortem-share">
                <p>{words}</p>
                <div class="start">
                    <form method="post" action="/api/share_post_mortem">
                        <input type="hidden" name="incident" value=id.clone()/>
                        <button class="button" type="submit">{make}</button>
                    </form>
                    {stop}
                </div>
            </div>
        </details>
    }
    .into_any()
}

/// A post-mortem for whoever has its address: the document and nothing of the portal around it. No script, no link back.
#[must_use]
pub fn shared(found: &PostMortem) -> String {
    outside(&found.incident.title, document(found))
}

/// What a wrong address shows, and one that was made void: nothing tells them apart.
#[must_use]
pub fn not_shared() -> String {
    let words = view! {
        <article class="document">
            <h1>"Not found"</h1>
            <p>"There is nothing to read at this address. It may have been mistyped, or is shared no more."</p>
        </article>
    };
    outside("Not found", words)
}

fn outside(title: &str, article: impl IntoView + 'static) -> String {
    let body = view! {
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <meta name="robots" content="noindex, nofollow, noarchive"/>
                <meta name="referrer" content="no-referrer"/>
                <title>{title.to_owned()}</title>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="stylesheet" href="/pkg/runbook-portal.css"/>
            </head>
            <body>
                <main class="shared">{article}</main>
            </body>
        </html>
    };
    format!("<!DOCTYPE html>{}", body.to_html())
}
