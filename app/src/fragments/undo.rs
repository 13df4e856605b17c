//! Rolling a command back: the text that will run, folded, and the button.

use ::command::Effect;
use leptos::prelude::*;
use operations::{Caller, CommandView, Permission, StepState};

use crate::components::time;

/// What takes the latest execution of a command back, for those who may run it. The key keeps it open while somebody reads
/// and the rest of the page moves on.
pub(crate) fn undo(command: &CommandView, caller: &Caller) -> AnyView {
    let id = format!("undo-{}", command.id);
    let offered = command.undo.as_ref().zip(command.execution.as_ref());
    let Some((undo, latest)) = offered.filter(|_| caller.person.role.permits(Permission::Run)) else {
        return view! { <div id=id hidden></div> }.into_any();
    };
    let (fold, button) = match command.state {
        _ if latest.id != undo.of => ("Try the rest again…", "Run the rest"),
        StepState::Waiting => ("Undo the rollback…", "Undo the rollback"),
        _ => ("Roll back…", "Roll back"),
    };
    let (class, warning) = match undo.effect {
        Effect::Destroy => ("button danger solid", " It removes something, or interrupts service."),
        Effect::Read | Effect::Change => ("button", ""),
    };
    let since = (!undo.since.is_empty() || undo.much_since).then(|| {
        let much = undo.much_since.then(|| {
            view! { <p>"So much was changed here since that not all of it was looked through: look at the history first."</p> }
        });
        let told = (!undo.since.is_empty()).then(|| {
            view! { <p>"Since then something else was done to the same. Rolling back undoes that, too:"</p> }
        });
        let rows: Vec<_> = undo
            .since
            .iter()
            .map(|since| {
                let what = if since.call.is_empty() { since.verb.clone() } else { since.call.clone() };
                view! { <li><time datetime=time::machine(since.at)>{time::of_day(since.at)}</time>{format!(" {}: ", since.by)}<code>{what}</code></li> }
            })
            .collect();
        let more = (undo.more_since > 0).then(|| view! { <li>{format!("and {} more before these", undo.more_since)}</li> });
        view! {
            <div class="notice">
                {told}
                <ul>{more}{rows}</ul>
                {much}
            </div>
        }
    });
    // Whoever reads it keeps it open, until there is more to know before pressing.
    let last = undo.since.last().map_or(0, |since| since.place);
    let much = if undo.much_since { "-much" } else { "" };
    let key = format!("{}-{last}{much}", latest.id);
    view! {
        <div id=id class="undo" data-key=key>
            <details class="say" name=format!("say-{}", command.id)>
                <summary class="button small"><span aria-hidden="true">"↶ "</span>{fold}</summary>
                <form method="post" action="/api/undo">
                    <input type="hidden" name="run" value=latest.run.to_string()/>
                    <input type="hidden" name="command" value=command.id.to_string()/>
                    <input type="hidden" name="execution" value=undo.of.to_string()/>
                    {since}
                    <p class="muted">{format!("This brings back what was there before, and runs as it stands here.{warning}")}</p>
                    <pre class="pasted" tabindex="0" aria-label=format!("What rolls command {} back", command.id)>
                        {undo.text.clone()}
                    </pre>
                    <button class=class type="submit">{button}</button>
                </form>
            </details>
        </div>
    }
    .into_any()
}
