//! The desk on which a message is written: the fields of its template, how it will leave, and the form that sends it.

use std::collections::BTreeMap;

use incident::{Field, Filled, Hint, Meaning, Template};
use leptos::prelude::*;
use operations::{ChannelKind, ChannelView, Incident};

use super::field_name;
use crate::components::incident_head::Part;
use crate::components::text_area::{Need, text_area};

/// What is being written.
pub(super) struct Draft<'d> {
    pub(super) incident: &'d Incident,
    /// The template with its number; `None` for free words.
    pub(super) template: Option<(usize, &'d Template)>,
    /// What is given for its fields, by their names.
    pub(super) values: BTreeMap<String, String>,
    pub(super) channels: &'d [ChannelView],
}

/// What a runbook's word for a channel means here.
pub(super) fn kind(hint: Hint) -> ChannelKind {
    match hint {
        Hint::Slack => ChannelKind::Slack,
        Hint::Email => ChannelKind::Email,
        Hint::PagerDuty => ChannelKind::PagerDuty,
        Hint::Teams => ChannelKind::Teams,
    }
}

/// The whole desk.
pub(super) fn compose(draft: &Draft<'_>) -> AnyView {
    let filled = draft.template.map(|(_, template)| template.fill(&draft.values)).unwrap_or_default();
    view! {
        <div class="compose-desk">
            {draft.template.map(|(index, template)| fields(draft, index, template))}
            {draft.template.map(|(_, template)| preview(template, &filled))}
            {send(draft, &filled)}
        </div>
    }
    .into_any()
}

/// What the text leaves open. Filling it in is asking for the same page with more in its address: nothing is kept.
fn fields(draft: &Draft<'_>, index: usize, template: &Template) -> AnyView {
    if template.fields.is_empty() {
        return ().into_any();
    }
    let rows: Vec<_> = template.fields.iter().enumerate().map(|(at, field)| one_field(draft, at, field)).collect();
    view! {
        <form class="message-fields" method="get" action=Part::Message.address(draft.incident.id)>
            <h2>"What it leaves open"</h2>
            <input type="hidden" name="template" value=index.to_string()/>
            <div class="field-grid">{rows}</div>
            <button class="button" type="submit">"Fill in and look"</button>
        </form>
    }
    .into_any()
}

fn one_field(draft: &Draft<'_>, at: usize, field: &Field) -> AnyView {
    let value = draft.values.get(&field.name).cloned().unwrap_or_default();
    let name = field_name(at);
    let long = matches!(field.meaning, Some(Meaning::LatestUpdate | Meaning::Impact | Meaning::RootCause));
    let input = if !field.choices.is_empty() {
        let options: Vec<_> = field
            .choices
            .iter()
            .map(|choice| view! { <option value=choice.clone() selected=*choice == value>{choice.clone()}</option> })
            .collect();
        view! { <select name=name><option value="">"choose"</option>{options}</select> }.into_any()
    } else if long || value.contains('\n') {
        text_area(&name, &field.name, 2, &value, "", Need::Optional)
    } else {
        view! {
            <input type="text" name=name value=value.clone() autocomplete="off" maxlength="4096"/>
        }
        .into_any()
    };
    let open = value.trim().is_empty();
    let class = match (open, long) {
        (true, true) => "message-field open wide",
        (true, false) => "message-field open",
        (false, true) => "message-field wide",
        (false, false) => "message-field",
    };
    view! {
        <label class=class>
            <span>{field_words(field)}{open.then_some(" · open")}</span>
            {input}
        </label>
    }
    .into_any()
}

/// What a field asks for: the runbook's own words, and, where those are a pattern, what they stand for.
fn field_words(field: &Field) -> String {
    let meaning = match field.meaning {
        Some(Meaning::Severity) => "Severity",
        Some(Meaning::Started) => "Started",
        Some(Meaning::Affected) => "Affected",
        Some(Meaning::LatestUpdate) => "Latest update",
        Some(Meaning::Status) => "Status",
        Some(Meaning::Impact) => "Impact",
        Some(Meaning::Estimate) => "Expected end",
        Some(Meaning::RootCause) => "Root cause",
        Some(Meaning::Duration) => "Duration",
        Some(Meaning::Time) => "Time",
        Some(Meaning::Title) => "Title",
        Some(Meaning::Customers) => "Customers",
        None => return field.name.clone(),
    };
    match field.name.to_lowercase().contains(&meaning.to_lowercase()) {
        true => field.name.clone(),
        false => format!("{meaning} · {}", field.name),
    }
}

/// What leaves, as whoever gets it will read it: what looks like a secret is taken out, as it is when it is sent.
fn preview(template: &Template, filled: &Filled) -> AnyView {
    let whom = template.to.clone().map(|to| view! { <p class="muted">{format!("The runbook says: to {to}")}</p> });
    if filled.text.trim().is_empty() {
        return view! {
            <section class="message-preview">
                <h2>"As it will leave"</h2>
                {whom}
                <p class="note">"The runbook says whom to tell, and not in which words. Write them below."</p>
            </section>
        }
        .into_any();
    }
    let missing: Vec<_> = template
        .fields
        .iter()
        .filter(|field| filled.missing.contains(&field.name))
        .map(|field| {
            let more = (!field.source.contains(&field.name)).then(|| format!(" {}", field.name));
            view! { <li><span class="placeholder">{field.source.clone()}</span>{more}</li> }
        })
        .collect();
    let missing = (!missing.is_empty()).then(|| {
        view! {
            <div class="notice">
                <p><strong>{open_words(missing.len())}</strong></p>
                <ul class="missing">{missing}</ul>
            </div>
        }
    });
    let subject = filled.subject.as_deref().map(|subject| {
        view! { <p class="preview-subject"><span class="muted">"Subject "</span>{command::mask::mask_text(subject)}</p> }
    });
    view! {
        <section class="message-preview">
            <h2>"As it will leave"</h2>
            {whom}
            {missing}
            <div class="fence">
                <div class="fence-bar">
                    {subject}
                    <button type="button" class="button small copy" data-copy="" hidden>"Copy"</button>
                </div>
                <div class="code">
                    <pre tabindex="0" aria-label="The text"><code>{command::mask::mask_text(&filled.text)}</code></pre>
                </div>
            </div>
        </section>
    }
    .into_any()
}

fn open_words(count: usize) -> String {
    match count {
        1 => "One place is still open:".to_owned(),
        count => format!("{count} places are still open:"),
    }
}

/// The form that sends it. What it sends is what stands in its own fields.
fn send(draft: &Draft<'_>, filled: &Filled) -> AnyView {
    let subject = filled.subject.clone().unwrap_or_default();
    let title = draft.template.map(|(_, template)| template.title.clone()).unwrap_or_default();
    let unwritten = filled.text.trim().is_empty();
    // A text of the runbook is there already, and its field folded: the browser could not show what it misses.
    let need = if draft.template.is_none() { Need::Required } else { Need::Optional };
    let words = view! {
        <label class="message-field wide">
            <span>"Subject"</span>
            // Without one the incident's title is sent.
            <input
                type="text"
                name="subject"
                value=subject
                placeholder=draft.incident.title.clone()
                maxlength="256"
                autocomplete="off"
            />
        </label>
        <label class="message-field wide">
            <span>"Text"</span>
            {text_area("text", "Text", 12, &filled.text, "mono message-words", need)}
        </label>
    };
    let words = if draft.template.is_none() {
        words.into_any()
    } else {
        view! {
            <details class="message-edit" open=unwritten>
                <summary>"Change the words before it leaves"</summary>
                {words}
            </details>
        }
        .into_any()
    };
    if draft.channels.is_empty() {
        return view! {
            <section class="send-form">
                <h2>"Send"</h2>
                <p class="note">
                    "No channel is configured, so nothing can be sent from here. Copy the text and send it yourself. Whoever runs this portal adds one with "
                    <code>"[[channels]]"</code>" in its configuration (README, Channels): Slack, Mattermost, Teams, PagerDuty or mail."
                </p>
            </section>
        }
        .into_any();
    }
    let preset = preset(draft);
    let options: Vec<_> = draft
        .channels
        .iter()
        .enumerate()
        .map(|(index, channel)| {
            let shown = match channel.about.as_str() {
                "" => format!("{} · {}", channel.name, channel.kind.word()),
                about => format!("{} · {} · {about}", channel.name, channel.kind.word()),
            };
            let pager = (channel.kind == ChannelKind::PagerDuty).then_some("");
            view! { <option value=channel.name.clone() selected=index == preset data-pager=pager>{shown}</option> }
        })
        .collect();
    let button = match filled.missing.len() {
        0 => view! { <button class="button primary" type="submit">"Send"</button> }.into_any(),
        open => view! {
            <button class="button" type="submit">{format!("Send with {open} open")}</button>
        }
        .into_any(),
    };
    view! {
        <form class="send-form" method="post" action="/api/send_message">
            <h2>"Send"</h2>
            <input type="hidden" name="incident" value=draft.incident.id.to_string()/>
            <input type="hidden" name="title" value=title/>
            // The same form sent twice is one message.
            <input type="hidden" name="key" value=operations::MessageId::new().to_string()/>
            {words}
            <div class="send-row">
                <label class="message-field">
                    <span>"Channel"</span>
                    <select name="channel">{options}</select>
                </label>
                {pager(draft)}
                <label class="message-field">
                    <span>"Promise the next update in (minutes)"</span>
                    <input type="number" name="again" min="1" max="1440" value=every(draft) placeholder="no promise"/>
                </label>
                {button}
            </div>
        </form>
    }
    .into_any()
}

/// The channel that the runbook means: one that reaches whom it names, else one of its kind, else the first.
fn preset(draft: &Draft<'_>) -> usize {
    let Some((_, template)) = draft.template else { return 0 };
    let same = |channel: &ChannelView| template.to.as_ref().is_some_and(|to| *to == channel.about);
    let of_kind = |channel: &ChannelView| template.channel.is_some_and(|hint| kind(hint) == channel.kind);
    let place = |fits: &dyn Fn(&ChannelView) -> bool| draft.channels.iter().position(fits);
    place(&|channel| same(channel) && (template.channel.is_none() || of_kind(channel)))
        .or_else(|| place(&of_kind))
        .unwrap_or(0)
}

/// After how many minutes people are told again, as far as the runbook or the incident says.
fn every(draft: &Draft<'_>) -> Option<String> {
    let every = draft.template.and_then(|(_, template)| template.every).or(draft.incident.terms.update_every)?;
    let minutes = every.as_mins();
    (1..=1_440).contains(&minutes).then(|| minutes.to_string())
}

/// What a pager is told. The style sheet shows it where a pager is chosen.
fn pager(draft: &Draft<'_>) -> AnyView {
    if draft.channels.iter().all(|channel| channel.kind != ChannelKind::PagerDuty) {
        return ().into_any();
    }
    let stage = draft.incident.stage();
    let actions = [
        ("trigger", "Trigger: call somebody", operations::Stage::Open),
        ("acknowledge", "Acknowledge: we are on it", operations::Stage::Acknowledged),
        ("resolve", "Resolve: it is over", operations::Stage::Resolved),
    ];
    let likely = match stage {
        operations::Stage::Mitigated => operations::Stage::Acknowledged,
        other => other,
    };
    let options: Vec<_> = actions
        .into_iter()
        .map(|(value, words, when)| view! { <option value=value selected=when == likely>{words}</option> })
        .collect();
    view! {
        <label class="message-field pager-action">
            <span>"What the pager does"</span>
            <select name="action">{options}</select>
        </label>
    }
    .into_any()
}
