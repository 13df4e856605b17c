//! One event of the audit trail, with everything that is kept of it.

use leptos::prelude::*;
use operations::{AuditEntry, AuditEvent, EnvironmentKind, Error, EventId, EventKind, Run};

use super::history::{decision_words, result, targets, title, tool};
use crate::components::difference::difference;
use crate::components::frame::{Here, Page};
use crate::components::{badge, time};
use crate::fragments::run::replay_link;
use crate::visit::Visit;

pub(crate) async fn page(visit: Visit) -> Result<Page, Error> {
    let id = visit.param("event").parse().map(EventId).map_err(|_| Error::NotFound("This event"))?;
    let (entry, actions) = visit.operations.audit_entry(&visit.caller, id).await?;
    let title = full_title(&entry);
    let kind = entry.event.environment.as_ref().and_then(|name| {
        let environments = visit.operations.environments(&visit.caller).unwrap_or_default();
        environments.iter().find(|one| one.name == *name).map(|one| one.kind)
    });
    let run = match entry.event.run {
        Some(run) => visit.operations.view_run(&visit.caller, run).await.ok().map(|view| view.run),
        None => None,
    };
    let recorded = match entry.event.execution {
        Some(execution) => visit.operations.recording(&visit.caller, execution).await.ok().map(|_| execution),
        None => None,
    };
    let body = view! {
        <main id="main" class="page event">
            <p class="crumbs"><a href="/history">"History"</a></p>
            <h1>{title.clone()}</h1>
            <div class="procedure-head">{entry.event.effect.map(badge::effect)}{result(&entry)}</div>
            {facts(&entry, kind, run.as_ref())}
            {recorded.map(replay_link)}
            {text(&entry.event)}
            {below(&actions)}
        </main>
    };
    Ok(Page::new(Here::History, title, body))
}

fn fact(name: &'static str, value: impl IntoAny) -> AnyView {
    view! { <div class="fact"><dt>{name}</dt><dd>{value.into_any()}</dd></div> }.into_any()
}

fn mono(text: String) -> AnyView {
    view! { <span class="mono">{text}</span> }.into_any()
}

/// As in the trail, where the arguments stand below it; here the program belongs to it.
fn full_title(entry: &AuditEntry) -> String {
    let title = title(entry);
    match tool(&entry.event) {
        Some(tool) if tool != title => format!("{tool} {title}"),
        _ => title,
    }
}

/// The kind of an event in words.
fn kind_words(kind: EventKind) -> &'static str {
    match kind {
        EventKind::SignedIn => "a sign-in",
        EventKind::SignedOut => "a sign-out",
        EventKind::SignInRefused => "a refused sign-in",
        EventKind::AccessRefused => "something the role does not permit",
        EventKind::RunStarted => "the start of a run",
        EventKind::RunEnded => "the end of a run",
        EventKind::StepMarked => "a word on a step",
        EventKind::ExecutionIntent => "a press of Run",
        EventKind::ExecutionOutcome => "the end of a script",
        EventKind::StopRequested => "a press of Stop",
        EventKind::ActionIntent => "a call of a program",
        EventKind::ActionOutcome => "the end of a call",
        EventKind::AlertFired => "an alert",
        EventKind::AlertCleared => "the end of an alert",
        EventKind::IncidentOpened
        | EventKind::IncidentAcknowledged
        | EventKind::IncidentMitigated
        | EventKind::IncidentResolved
        | EventKind::IncidentReopened => "a turn of an incident",
        EventKind::IncidentChanged => "a change of what is said of an incident",
        EventKind::CommandTaken | EventKind::CommandHandedOver => "a change of who leads an incident",
        EventKind::StatusUpdated => "a word on how an incident stands",
        EventKind::StepClaimed | EventKind::StepHandedOver => "a change of who does a step",
        EventKind::ChoiceMade => "a choice",
        EventKind::NoteWritten => "a note",
        EventKind::MessageIntent => "a message",
        EventKind::MessageOutcome => "what became of a message",
        EventKind::PostMortemWritten => "a word on a post-mortem",
        EventKind::TokenMade => "a new access token",
        EventKind::TokenRevoked => "the end of an access token",
    }
}

/// The facts that are known. `run` is the event's, where it can still be read.
fn facts(entry: &AuditEntry, kind: Option<EnvironmentKind>, run: Option<&Run>) -> AnyView {
    let event = &entry.event;
    let outcome = entry.completion.as_ref().and_then(|event| event.outcome.as_ref()).or(event.outcome.as_ref());
    let mut facts = vec![
        fact("Time", time::precise(event.at)),
        fact("Person", format!("{} ({})", event.actor.name, event.actor.subject)),
    ];
    let mut add = |name, value: Option<AnyView>| {
        if let Some(value) = value {
            facts.push(fact(name, value));
        }
    };
    add("From address", event.actor.address.map(|address| mono(address.to_string())));
    add("Kind", Some(kind_words(event.kind).into_any()));
    add("Environment", event.environment.as_ref().map(|name| badge::environment(&name.0, kind)));
    let run_words =
        run.map_or_else(|| "the run".to_owned(), |run| format!("run {} of {}", run.number, run.procedure_title));
    add("Run", event.run.map(|id| view! { <a href=format!("/runs/{id}")>{run_words}</a> }.into_any()));
    if let Some(place) = &event.place {
        let part = place.part.as_ref().map(|part| format!(" · step {part}")).unwrap_or_default();
        let address = format!("/runbooks/{}/{}", place.runbook, place.procedure);
        add(
            "Procedure",
            Some(view! { <a href=address>{format!("{} / {}", place.runbook, place.procedure)}</a>{part} }.into_any()),
        );
        add("Commit", place.commit.clone().map(mono));
        add("Version", Some(mono(place.hash.clone())));
    }
    let targets: Vec<_> = targets(event).collect();
    add("Targets", (!targets.is_empty()).then(|| targets.join(", ").into_any()));
    add("Decision", event.decision.as_ref().map(|decision| decision_words(decision.verdict, Some(&decision.rule))));
    add("Way back", ::command::undo::script(&event.undo).map(mono));
    if let Some(outcome) = outcome {
        add("Exit code", outcome.exit_code.map(|code| mono(code.to_string())));
        add("Duration", Some(time::lasted(outcome.duration_ms).into_any()));
        add("Printed", Some(format!("{} bytes", outcome.output_bytes).into_any()));
        add("Output digest", outcome.output_digest.clone().map(|digest| mono(format!("SHA-256 {digest}"))));
    }
    if let Some(completion) = &entry.completion {
        add("Ended", Some(time::precise(completion.at).into_any()));
        add("Outcome", (completion.summary != event.summary).then(|| completion.summary.clone().into_any()));
    }
    add(
        "Part of",
        event.parent.map(|parent| view! { <a href=format!("/history/{parent}")>"its execution"</a> }.into_any()),
    );
    add("Event", Some(mono(format!("{} · {}", entry.sequence, event.id))));
    view! { <dl class="facts">{facts}</dl> }.into_any()
}

/// What ran, or was said. Of an edited command both texts, as their difference.
fn text(event: &AuditEvent) -> AnyView {
    let ran = event.argv.join(if event.kind == EventKind::ActionIntent { " " } else { "\n" });
    match &event.original {
        Some(original) => {
            let (now, before) = match event.kind {
                EventKind::StepMarked => ("What it was changed to", "What it was"),
                _ => ("What ran", "As the runbook has it"),
            };
            view! {
                <h2>"What was edited"</h2>
                {difference(original, &ran)}
                <h2>{now}</h2>
                <pre class="plain" tabindex="0">{ran}</pre>
                <h2>{before}</h2>
                <pre class="plain" tabindex="0">{original.clone()}</pre>
            }
            .into_any()
        }
        None if ran.is_empty() => ().into_any(),
        None => {
            let heading = match event.kind {
                EventKind::StepMarked => "What was said",
                EventKind::ActionIntent => "The call",
                _ => "What ran",
            };
            view! { <h2>{heading}</h2><pre class="plain" tabindex="0">{ran}</pre> }.into_any()
        }
    }
}

fn below(actions: &[AuditEntry]) -> AnyView {
    if actions.is_empty() {
        return ().into_any();
    }
    let rows: Vec<_> = actions
        .iter()
        .map(|action| {
            let targets = targets(&action.event).collect::<Vec<_>>().join(", ");
            view! {
                <li class="event-action">
                    <a href=format!("/history/{}", action.event.id)>{full_title(action)}</a>
                    <span>{targets}</span>
                    {action.event.effect.map(badge::effect)}
                    <span class="trail-result">{result(action)}</span>
                    <span class="mono argv">{action.event.argv.join(" ")}</span>
                </li>
            }
        })
        .collect();
    view! { <h2>{format!("Its actions ({})", actions.len())}</h2><ol class="rows">{rows}</ol> }.into_any()
}

#[cfg(test)]
mod tests {
    use operations::Actor;

    use super::*;

    #[test]
    fn a_call_is_named_with_its_program() {
        let mut event = AuditEvent::new(jiff::Timestamp::UNIX_EPOCH, EventKind::ActionIntent, Actor::portal(), "get");
        event.argv = vec!["/bin/kubectl".to_owned(), "get".to_owned(), "pods".to_owned()];
        let mut entry = AuditEntry { sequence: 1, event, completion: None };
        assert_eq!(full_title(&entry), "kubectl get");
        entry.event.summary = "kubectl".to_owned();
        assert_eq!(full_title(&entry), "kubectl", "what was refused unread has no verb");
        entry.event.kind = EventKind::StopRequested;
        assert_eq!(full_title(&entry), "Stop pressed");
    }
}
