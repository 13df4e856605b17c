//! The document around every page, and the routes.

use http::HeaderValue;
use http::header::CONTENT_SECURITY_POLICY;
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_meta::{MetaTags, provide_meta_context};
use leptos_router::components::{Route, Router, Routes};
use leptos_router::{SsrMode, path};

use crate::components::text_area::{Need, text_area};
use crate::pages;
use crate::visit::Site;

/// What a page may load and do: its own files and nothing else; no inline style, no inline script without this
/// response's nonce, no frame around it (Content Security Policy Level 3). Signing out is a form that may end at the
/// identity provider, and browsers hold redirects of forms to the same rule: `provider` is its origin.
#[must_use]
pub fn content_security_policy(nonce: Option<&str>, provider: Option<&str>) -> String {
    let nonce = nonce.map(|nonce| format!(" 'nonce-{nonce}'")).unwrap_or_default();
    let provider = provider.map(|origin| format!(" {origin}")).unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{nonce}; style-src 'self'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'{provider}; base-uri 'none'; frame-ancestors 'none'"
    )
}

/// The whole document. Sets the policy of [`content_security_policy`] on the response.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    if let Some(response) = use_context::<ResponseOptions>() {
        let provider = use_context::<Site>().and_then(|site| site.provider_origin);
        let policy = content_security_policy(use_nonce().as_deref(), provider.as_deref());
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            response.insert_header(CONTENT_SECURITY_POLICY, policy);
        }
    }
    let style = format!("/{}/{}.css", options.site_pkg_dir, options.output_name);
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="preload" href="/pkg/fonts/inter-latin.woff2" r#as="font" type="font/woff2" crossorigin="anonymous"/>
                <link rel="stylesheet" href=style/>
                <HydrationScripts options islands=true/>
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}

/// The routes. Each page loads what it shows before its view begins, and is sent whole.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Router>
            <Routes fallback=pages::not_found>
                <Route path=path!("/") view=|| pages::answer(pages::home::page) ssr=SsrMode::Async/>
                <Route path=path!("/runbooks") view=|| pages::answer(pages::library::page) ssr=SsrMode::Async/>
                <Route path=path!("/runbooks/:runbook") view=|| pages::answer(pages::runbook::page) ssr=SsrMode::Async/>
                <Route
                    path=path!("/runbooks/:runbook/:procedure")
                    view=|| pages::answer(pages::procedure::page)
                    ssr=SsrMode::Async
                />
                <Route path=path!("/incidents") view=|| pages::answer(pages::incidents::page) ssr=SsrMode::Async/>
                <Route path=path!("/incidents/:incident") view=|| pages::answer(pages::incident::page) ssr=SsrMode::Async/>
                <Route
                    path=path!("/runbooks/:runbook/:procedure/statistics")
                    view=|| pages::answer(pages::statistics::of_procedure)
                    ssr=SsrMode::Async
                />
                // Below `/runbooks/…` it would take the address of a procedure that is called “Statistics”.
                <Route
                    path=path!("/statistics/:runbook")
                    view=|| pages::answer(pages::statistics::of_runbook)
                    ssr=SsrMode::Async
                />
                <Route path=path!("/runs") view=|| pages::answer(pages::runs::page) ssr=SsrMode::Async/>
                <Route path=path!("/runs/:run") view=|| pages::answer(pages::run::page) ssr=SsrMode::Async/>
                <Route
                    path=path!("/incidents/:incident/timeline")
                    view=|| pages::answer(pages::timeline::page)
                    ssr=SsrMode::Async
                />
                <Route
                    path=path!("/incidents/:incident/message")
                    view=|| pages::answer(pages::message::page)
                    ssr=SsrMode::Async
                />
                <Route
                    path=path!("/incidents/:incident/post-mortem")
                    view=|| pages::answer(pages::post_mortem::page)
                    ssr=SsrMode::Async
                />
                <Route
                    path=path!("/executions/:execution/replay")
                    view=|| pages::answer(pages::replay::page)
                    ssr=SsrMode::Async
                />
                <Route path=path!("/history") view=|| pages::answer(pages::history::page) ssr=SsrMode::Async/>
                <Route path=path!("/history/:event") view=|| pages::answer(pages::event::page) ssr=SsrMode::Async/>
                <Route path=path!("/tokens") view=|| pages::answer(pages::tokens::page) ssr=SsrMode::Async/>
                <Route path=path!("/search") view=|| pages::answer(pages::search::page) ssr=SsrMode::Async/>
            </Routes>
        </Router>
    }
}

/// A whole document for somebody who is not signed in, or whom the portal cannot answer otherwise: signed out, sign-in
/// refused, not found, failed. Plain text in, escaped; no script. `action` is a link's address and words.
#[must_use]
pub fn message_page(title: &str, text: &str, action: Option<(&str, &str)>) -> String {
    let link = action.map(|(address, words)| {
        view! { <p><a class="button primary" href=address.to_owned()>{words.to_owned()}</a></p> }
    });
    plain_page(title, view! { <p class="lead">{text.to_owned()}</p>{link} })
}

/// The same for a refusal of something long: what the person wrote stands on it, to be copied.
pub(crate) fn draft_page(title: &str, text: &str, draft: &str, action: (&str, &str)) -> String {
    let (address, words) = action;
    plain_page(
        title,
        view! {
            <p class="lead">{text.to_owned()}</p>
            <p>"What you wrote was not kept. Copy it before you go on:"</p>
            {text_area("draft", "What you wrote", 16, draft, "mono", Need::Optional)}
            <p><a class="button primary" href=address.to_owned()>{words.to_owned()}</a></p>
        },
    )
}

/// A secret that is shown once: an address that opens something for whoever has it.
pub(crate) fn secret_page(title: &str, text: &str, secret: &str, action: (&str, &str)) -> String {
    let (address, words) = action;
    plain_page(
        title,
        view! {
            <p class="lead">{text.to_owned()}</p>
            <p class="secret mono">{secret.to_owned()}</p>
            <p><a class="button primary" href=address.to_owned()>{words.to_owned()}</a></p>
        },
    )
}

fn plain_page(title: &str, rest: impl IntoView + 'static) -> String {
    let body = view! {
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <title>{format!("{title} · Runbook Portal")}</title>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="stylesheet" href="/pkg/runbook-portal.css"/>
            </head>
            <body>
                <main class="message">
                    <p class="brand"><img src="/favicon.svg" alt="" width="20" height="20"/>"Runbook Portal"</p>
                    <h1>{title.to_owned()}</h1>
                    {rest}
                </main>
            </body>
        </html>
    };
    format!("<!DOCTYPE html>{}", body.to_html())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_escaped() {
        let html = message_page("<b>No</b>", "<script>alert(1)</script>", Some(("/\"x", "<i>Home</i>")));
        assert!(html.starts_with("<!DOCTYPE html><html"));
        assert!(!html.contains("<script>") && !html.contains("<i>") && !html.contains("<b>"), "{html}");
        assert!(html.contains("href=\"/&quot;x\""), "{html}");
    }

    #[test]
    fn the_policy_forbids_inline_code() {
        let policy = content_security_policy(Some("abc"), Some("https://id.example.com"));
        assert!(policy.contains("form-action 'self' https://id.example.com;"));
        assert!(policy.contains("'nonce-abc'") && !policy.contains("unsafe-inline"));
        assert!(!content_security_policy(None, None).contains("nonce"));
    }
}
