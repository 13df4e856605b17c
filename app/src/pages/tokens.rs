//! Access tokens: what programs show instead of a session.

use jiff::Timestamp;
use leptos::prelude::*;
use operations::{Caller, Error, Permission, Role, Scope, Token, TokenOwner, TokenState, TokenText};

use crate::components::frame::{Here, Page};
use crate::components::{command, time};
use crate::visit::Visit;

/// For how many days tokens are offered; any number up to a year can be asked for.
const DAYS: [(u16, &str); 5] = [(7, "a week"), (30, "30 days"), (90, "90 days"), (180, "half a year"), (365, "a year")];

pub(crate) async fn page(visit: Visit) -> Result<Page, Error> {
    let tokens = visit.operations.tokens(&visit.caller).await?;
    let all = visit.may(Permission::ManageTokens);
    let made = visit.asked("made").and_then(|id| id.parse().ok());
    let text = made.and_then(|id| visit.operations.show_token(&visit.caller, id));
    let list = |title: &'static str, tokens: &[Token], none: &'static str| {
        let rows: Vec<_> = tokens.iter().map(|token| row(token, visit.now)).collect();
        let list = match rows.is_empty() {
            true => view! { <p class="empty">{none}</p> }.into_any(),
            false => view! { <ul class="rows">{rows}</ul> }.into_any(),
        };
        view! { <div class="section-head"><h2>{title}</h2></div>{list} }
    };
    let body = view! {
        <main id="main" class="page">
            <h1>"Access tokens"</h1>
            <p class="muted">
                "For programs: they send one as "<code>"Authorization: Bearer"</code>" to "
                <a href="/api/v1/openapi.json">"/api/v1"</a>", and "<code>"runbook-portal run"</code>
                " takes it from the environment variable "<code>"PORTAL_TOKEN"</code>". A token does what you may do, within its scopes and no longer than it lasts; the history names it."
            </p>
            {text.map(|text| made_token(&text))}
            <div class="section-head"><h2>"Make a token"</h2></div>
            {form(&visit.caller, all)}
            {list("Your tokens", &tokens.own, "You have no token.")}
            {all.then(|| list("Service tokens", &tokens.services, "No service has a token."))}
            {all.then(|| list("Tokens of other people", &tokens.others, "Nobody else has a token."))}
        </main>
    };
    Ok(Page::new(Here::Elsewhere, "Access tokens", body))
}

/// The only time that a token is shown.
fn made_token(text: &TokenText) -> AnyView {
    view! {
        <section class="made-token" aria-label="The new token">
            <p><strong>"Copy the token now: it is not shown again."</strong></p>
            <p class="muted">"Keep it where your program finds its secrets. Whoever has it can do what it may do."</p>
            {command::once(text.expose())}
        </section>
    }
    .into_any()
}

fn form(caller: &Caller, all: bool) -> AnyView {
    let own = caller.person.role;
    let scopes: Vec<_> = Scope::ALL
        .into_iter()
        .filter(|scope| own.permits(scope.needs()) && (all || *scope != Scope::Alerts))
        .map(|scope| {
            view! {
                <label>
                    <input type="checkbox" name=format!("scopes[{}]", scope.word()) checked=scope == Scope::Read/>
                    " "<strong>{scope.word()}</strong>": "{scope.about()}
                </label>
            }
        })
        .collect();
    let roles: Vec<_> = Role::ALL
        .into_iter()
        .filter(|role| *role <= own)
        .map(|role| view! { <option value=role.word() selected=role == own>{role.word()}</option> })
        .collect();
    let days: Vec<_> = DAYS
        .into_iter()
        .map(|(days, words)| view! { <option value=days.to_string() selected=days == 90>{words}</option> })
        .collect();
    let kind = all.then(|| {
        view! {
            <label>
                "For"
                <select name="kind">
                    <option value="personal">"myself"</option>
                    <option value="service">"a service, of no person"</option>
                </select>
            </label>
        }
    });
    view! {
        <form class="make-token" method="post" action="/api/make_token">
            <div class="make-token-fields">
                <label>
                    "Name"
                    <input
                        type="text"
                        name="name"
                        required
                        maxlength="40"
                        pattern="[A-Za-z0-9._\\-]+"
                        title="Letters, digits, - _ and ."
                        placeholder="ci"
                        autocomplete="off"
                        aria-describedby="token-name-rule"
                    />
                    <small id="token-name-rule">"Letters, digits, - _ and ."</small>
                </label>
                {kind}
                <label>"At most as"<select name="role">{roles}</select></label>
                <label>"Lasts"<select name="days">{days}</select></label>
            </div>
            <fieldset>
                <legend>"What for"</legend>
                {scopes}
            </fieldset>
            <div><button class="button primary" type="submit">"Make the token"</button></div>
        </form>
    }
    .into_any()
}

fn row(token: &Token, now: Timestamp) -> AnyView {
    let state = token.state(now);
    let (words, mark, class) = match state {
        TokenState::Live => ("works", "●", "running"),
        TokenState::Resting => ("rests until its owner signs in", "–", "skipped"),
        TokenState::Expired => ("has expired", "–", "skipped"),
        TokenState::Revoked => ("was revoked", "✕", "failed"),
    };
    let owner = match &token.owner {
        TokenOwner::Person { name, .. } => name.clone(),
        TokenOwner::Service => format!("made by {}", token.made_by.1),
    };
    let used = match token.used_at {
        Some(at) => view! { "used "{time::ago(at, now)} }.into_any(),
        None => "never used".into_any(),
    };
    let ends = format!("until {}", time::exact(token.revoked_at.unwrap_or(token.expires_at)));
    let revoke = matches!(state, TokenState::Live | TokenState::Resting).then(|| {
        view! {
            <form method="post" action="/api/revoke_token">
                <input type="hidden" name="token" value=token.id.to_string()/>
                <details class="really">
                    <summary class="button danger small">"Revoke…"</summary>
                    <p>"Programs that use it are turned away from now on."</p>
                    <button class="button danger solid" type="submit">{format!("Yes, revoke “{}”", token.name)}</button>
                </details>
            </form>
        }
    });
    view! {
        <li class="token-row">
            <div>
                <span class=format!("mark {class}") role="img" aria-label=words>{mark}</span>" "
                <strong>{token.title()}</strong>
                <p class="muted">{owner}</p>
            </div>
            <div>
                <p>{token.scopes.to_string()}</p>
                <p class="muted">{format!("as {}", token.acts_as().word())}</p>
            </div>
            <div>
                <p>{words}</p>
                <p class="muted">{ends}" · "{used}</p>
            </div>
            {revoke}
        </li>
    }
    .into_any()
}
