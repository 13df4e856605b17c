//! Rolling a command back: the text that will run, folded, and the button.

use ::command::Effect;
use leptos::prelude::*;
use operations::{Caller, CommandView, Permission, StepState};

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
    view! {
        <div id=id class="undo" data-key=latest.id.to_string()>
            <details class="say" name=format!("say-{}", command.id)>
                <summary class="button small"><span aria-hidden="true">"↶ "</span>{fold}</summary>
                <form method="post" action="/api/undo">
                    <input type="hidden" name="run" value=latest.run.to_string()/>
                    <input type="hidden" name="command" value=command.id.to_string()/>
                    <input type="hidden" name="execution" value=undo.of.to_string()/>
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
