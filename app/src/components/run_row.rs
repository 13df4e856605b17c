//! A run in a list.

use jiff::Timestamp;
use leptos::prelude::*;
use operations::{Run, RunState, StepState};

use super::{badge, time};

/// One line: what, where, who, when.
pub(crate) fn run_row(run: &Run, now: Timestamp) -> AnyView {
    let (mark, class) = match run.state {
        RunState::Open => ("●", "running"),
        RunState::Completed => ("✓", "passed"),
        RunState::Abandoned => ("–", "skipped"),
    };
    view! {
        <li class="run-row">
            <span class=format!("mark {class}") role="img" aria-label=run.state.word()>{mark}</span>
            <a class="run-row-title" href=format!("/runs/{}", run.id)>{run.procedure_title.clone()}</a>
            <span class="run-row-about">
                {format!("{} · run {} · {} · {}", run.runbook_title, run.number, run.environment, run.started_by.1)}
            </span>
            <span class="run-row-when">{time::ago(run.started_at, now)}</span>
        </li>
    }
    .into_any()
}

/// A list of runs; says so where there is none.
pub(crate) fn run_list(runs: &[Run], now: Timestamp, none: &'static str) -> AnyView {
    if runs.is_empty() {
        return view! { <p class="empty">{none}</p> }.into_any();
    }
    view! { <ul class="rows">{runs.iter().map(|run| run_row(run, now)).collect_view()}</ul> }.into_any()
}

/// An open run with how far it is: one segment for each step.
pub(crate) fn open_run(view: &operations::RunView, now: Timestamp) -> AnyView {
    let run = &view.run;
    let progress = progress(view.steps.iter().map(|step| step.state));
    let segments: Vec<_> = view
        .steps
        .iter()
        .map(|step| {
            let (class, _) = badge::state_sign(step.state);
            view! { <span class=format!("segment {class}")></span> }
        })
        .collect();
    let next = view.next_step().and_then(|next| view.procedure.step(&next.id)).map(|step| step.title.clone());
    let kind = view.environment.as_ref().map(|environment| environment.kind);
    view! {
        <article class="open-run">
            <div class="open-run-head">
                <a class="open-run-title" href=format!("/runs/{}", run.id)>{run.procedure_title.clone()}</a>
                <span class="muted">{format!("{} · run {}", run.runbook_title, run.number)}</span>
                {badge::environment(&run.environment.0, kind)}
                {badge::person(&run.started_by.1)}
                <a class="button primary" href=format!("/runs/{}", run.id)>"Join"</a>
            </div>
            <div class="segments" role="img" aria-label=progress.clone()>{segments}</div>
            <p class="muted">
                {progress}
                {next.map(|title| format!(" · next: {title}"))}
                {format!(" · started by {} ", run.started_by.1)}
                {time::ago(run.started_at, now)}
            </p>
        </article>
    }
    .into_any()
}

/// `3 passed, 1 skipped of 5 steps`.
fn progress(states: impl Iterator<Item = StepState>) -> String {
    let (mut passed, mut skipped, mut all) = (0, 0, 0);
    for state in states {
        all += 1;
        match state {
            StepState::Passed => passed += 1,
            StepState::Skipped => skipped += 1,
            _ => {}
        }
    }
    let skipped = if skipped == 0 { String::new() } else { format!(", {skipped} skipped") };
    format!("{passed} passed{skipped} of {all} {}", if all == 1 { "step" } else { "steps" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_skipped_counts_too() {
        use StepState::{Failed, Passed, Skipped, Waiting};
        assert_eq!(progress([Passed, Skipped, Passed, Failed, Waiting].into_iter()), "2 passed, 1 skipped of 5 steps");
        assert_eq!(progress([Waiting].into_iter()), "0 passed of 1 step");
    }
}
