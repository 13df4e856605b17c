//! What follows a run: what the runbook has for verifying it, and for taking it back.

use incident::Why;
use leptos::prelude::*;
use operations::{Following, RunView};

use super::escape::http_part;

/// What stands below the last step of a run.
pub(crate) fn follow(view: &RunView) -> AnyView {
    if view.following.is_empty() {
        return view! { <section id="run-follow" hidden></section> }.into_any();
    }
    let entries: Vec<_> = view.following.iter().map(|one| entry(view, one)).collect();
    view! {
        <section id="run-follow" class="follow" aria-labelledby="run-follow-title">
            <h2 id="run-follow-title">"What follows"</h2>
            <ul>{entries}</ul>
        </section>
    }
    .into_any()
}

fn entry(view: &RunView, one: &Following) -> AnyView {
    let word = match one.why {
        Why::Verify => "Verify",
        Why::Rollback => "Roll back",
    };
    let values = one.values.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ");
    let values = (!values.is_empty()).then(|| view! { <span class="muted mono">{format!(" {values}")}</span> });
    view! {
        <li>
            <span class="badge quiet">{word}</span>" "
            <a href=address(view, one)>{one.title.clone()}</a>
            {values}
        </li>
    }
    .into_any()
}

/// Where a section stands: on this page, or on its own with what is known of its parameters.
fn address(view: &RunView, one: &Following) -> String {
    let run = &view.run;
    let place = one.step.as_ref().map(|step| format!("#step-{step}")).unwrap_or_default();
    if one.procedure == run.procedure {
        // A run of an incident shows one step at a time.
        return match (&one.step, &view.incident) {
            (Some(step), Some(_)) => format!("?step={step}"),
            _ => place,
        };
    }
    let incident = view.incident.as_ref().map(|incident| format!("&incident={}", incident.id)).unwrap_or_default();
    // Parameters of these names would be lost: what the address says of environment and incident comes first.
    let known = one.values.iter().filter(|(name, _)| !["environment", "incident"].contains(&name.as_str()));
    let known: String = known.map(|(name, value)| format!("&{}={}", http_part(name), http_part(value))).collect();
    let environment = http_part(&run.environment.0);
    format!("/runbooks/{}/{}?environment={environment}{incident}{known}{place}", run.runbook, one.procedure)
}
