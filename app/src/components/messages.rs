//! What people were told, and how far it came.

use jiff::Timestamp;
use leptos::prelude::*;
use operations::{Caller, DeliveryState, Message, Permission};

use super::time;

/// The id of the list: it is a fragment of an incident's page.
pub(crate) const ID: &str = "incident-messages";

/// The messages of an incident, the newest first. Whoever may act can repeat what did not arrive.
pub(crate) fn messages_list(caller: &Caller, messages: &[Message], now: Timestamp) -> AnyView {
    let may = caller.person.role.permits(Permission::Run);
    let rows: Vec<_> = messages.iter().rev().map(|message| row(message, may, now)).collect();
    let empty = rows.is_empty().then(|| view! { <p class="empty">"Nobody was told yet."</p> });
    let list = (!rows.is_empty()).then(|| view! { <ol class="rows">{rows}</ol> });
    view! { <div id=ID class="messages">{list}{empty}</div> }.into_any()
}

fn row(message: &Message, may: bool, now: Timestamp) -> AnyView {
    let title = if message.title.is_empty() { message.subject.clone() } else { message.title.clone() };
    let title = if title.is_empty() { "Message".to_owned() } else { title };
    let attempts = (message.attempts > 1).then(|| format!("{} attempts", message.attempts));
    // Who took it speaks for themselves; where nobody did, the words are the portal's own.
    let theirs =
        (message.state == DeliveryState::Delivered).then(|| view! { <span class="muted">"The other side: "</span> });
    let remark = message.remark.clone().map(|remark| view! { <p class="message-remark">{theirs}{remark}</p> });
    let doubtful = matches!(message.state, DeliveryState::Failed | DeliveryState::Unknown);
    let again = (may && doubtful).then(|| {
        let look = (message.state == DeliveryState::Unknown)
            .then(|| view! { <span class="muted">"It may have arrived. Look there first: it would be sent twice."</span> });
        view! {
            <form class="start" method="post" action="/api/send_message_again">
                <input type="hidden" name="message" value=message.id.to_string()/>
                <button class="button small" type="submit" aria-label=format!("Send again: {title}")>"Send again"</button>
                {look}
            </form>
        }
    });
    let subject =
        (!message.subject.is_empty()).then(|| view! { <p class="message-subject">{message.subject.clone()}</p> });
    let promised = message.again_after.map(|seconds| format!("next update promised within {} min", seconds / 60));
    let about: Vec<String> = [Some(message.by.1.clone()), attempts, promised].into_iter().flatten().collect();
    view! {
        <li class="message-row">
            <div class="message-head">
                {state(message.state)}
                <strong>{title.clone()}</strong>
                <span class="muted">"to "{message.channel.clone()}</span>
                <span class="message-when">{time::ago(message.at, now)}</span>
            </div>
            <p class="muted message-about">{about.join(" · ")}</p>
            {remark}
            {again}
            <details class="message-text" id=format!("message-{}", message.id)>
                <summary>"What was sent"</summary>
                {subject}
                <pre class="plain" tabindex="0">{message.text.clone()}</pre>
            </details>
        </li>
    }
    .into_any()
}

/// How far it came.
fn state(state: DeliveryState) -> AnyView {
    let (class, mark, words) = match state {
        DeliveryState::Sending => ("running", "●", "being sent"),
        DeliveryState::Delivered => ("passed", "✓", "delivered"),
        DeliveryState::Failed => ("failed", "✗", "not delivered"),
        DeliveryState::Unknown => ("unknown", "?", "perhaps delivered"),
    };
    view! { <span class=format!("badge {class}")><span aria-hidden="true">{mark}</span>{words}</span> }.into_any()
}
