//! A step as it is read, on the pages of a runbook and of a procedure.

use check::Finding;
use leptos::prelude::*;
use runbook::{Alternatives, Body, Step};

use super::command;

/// What stands over alternatives.
pub(crate) const PICK_ONE: &str = "Pick one. These are alternatives and never run together.";

/// The card of a step. `id` is the element's: `step-3` on a procedure's page, longer where several procedures share one; `found`
/// is what is wrong in its procedure.
pub(crate) fn step_card(step: &Step, id: &str, found: &[Finding]) -> AnyView {
    let single = matches!(step.commands(), [_]);
    let badges = match step.commands() {
        [only] => command::badges(only),
        [] => kind(&step.body),
        _ => ().into_any(),
    };
    let title_id = format!("{id}-title");
    view! {
        <article class="step" id=id.to_owned() aria-labelledby=title_id>
            <header class="step-head">
                <a class="step-number" href=format!("#{id}") aria-label=format!("Link to step {}", step.id)>
                    {step.id.to_string()}
                </a>
                <p class="step-title" id=title_id.clone()>{step.title.clone()}</p>
                <div class="step-badges">{badges}</div>
            </header>
            {prose(step)}
            {body(&step.body, single, found)}
        </article>
    }
    .into_any()
}

/// What the text says about the step.
pub(crate) fn prose(step: &Step) -> AnyView {
    (!step.prose.is_empty())
        .then(|| view! { <div class="step-prose prose" inner_html=step.prose.as_str().to_owned()></div> })
        .into_any()
}

/// The sign of a step that runs nothing.
pub(crate) fn kind(body: &Body) -> AnyView {
    let words = match body {
        Body::Commands { .. } => return ().into_any(),
        Body::Yaml(_) => "YAML",
        Body::Message(_) => "message",
        Body::Manual => "by hand",
    };
    view! { <span class="badge quiet">{words}</span> }.into_any()
}

fn body(body: &Body, single: bool, found: &[Finding]) -> AnyView {
    match body {
        Body::Commands { alternatives, commands } => {
            let one = *alternatives == Alternatives::One;
            let commands: Vec<_> = commands
                .iter()
                .map(|text| {
                    let head = (!single).then(|| {
                        let title = text.title.clone().unwrap_or_else(|| "Command".to_owned());
                        view! {
                            <div class="command-head">
                                <span class="command-letter">{text.id.to_string()}</span>
                                <p class="command-title">{title}</p>
                                <div class="step-badges">{command::badges(text)}</div>
                            </div>
                        }
                    });
                    view! {
                        <div class="command">
                            {head}
                            {command::code(&text.html, format!("Command {}", text.id))}
                            {command::faults(text, found)}
                            {command::reading(text)}
                        </div>
                    }
                })
                .collect();
            let class = if one { "commands choice" } else { "commands" };
            view! {
                {one.then(|| view! { <p class="pick-one">{PICK_ONE}</p> })}
                <div class=class>{commands}</div>
            }
            .into_any()
        }
        Body::Yaml(code) => command::fence(code, "YAML"),
        Body::Message(code) => command::fence(code, "Message"),
        Body::Manual => ().into_any(),
    }
}

/// `3 commands`, `1 command and 2 things by hand`.
pub(crate) fn counts(steps: &[Step]) -> String {
    let commands: usize = steps.iter().map(|step| step.commands().len()).sum();
    let others = steps.iter().filter(|step| step.commands().is_empty()).count();
    let plural = |number: usize, one: &str, many: &str| format!("{number} {}", if number == 1 { one } else { many });
    match (commands, others) {
        (0, 0) => "nothing to run".to_owned(),
        (_, 0) => plural(commands, "command", "commands"),
        (0, _) => plural(others, "step by hand", "steps by hand"),
        _ => format!("{} · {} by hand", plural(commands, "command", "commands"), others),
    }
}
