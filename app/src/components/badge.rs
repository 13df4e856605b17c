//! Small labelled signs. Colour is never the only difference: each has a mark and a word.

use command::Effect;
use leptos::prelude::*;
use operations::{Environment, EnvironmentKind, ExecutionState, OutcomeResult, Run, RunState, StepState, Verdict};

/// `◆ change`.
pub(crate) fn effect(effect: Effect) -> AnyView {
    let (class, mark) = effect_sign(effect);
    view! { <span class=format!("badge {class}")><span aria-hidden="true">{mark}</span>{effect.word()}</span> }
        .into_any()
}

/// What a whole procedure does, in words.
pub(crate) fn procedure_effect(effect: Option<Effect>) -> AnyView {
    let Some(effect) = effect else {
        return view! { <span class="badge quiet">"by hand"</span> }.into_any();
    };
    let (class, mark) = effect_sign(effect);
    let words = match effect {
        Effect::Read => "only reads",
        Effect::Change => "changes things",
        Effect::Destroy => "destroys things",
    };
    view! { <span class=format!("badge {class}")><span aria-hidden="true">{mark}</span>{words}</span> }.into_any()
}

/// The class and the mark of an effect.
pub(crate) fn effect_sign(effect: Effect) -> (&'static str, &'static str) {
    match effect {
        Effect::Read => ("read", "●"),
        Effect::Change => ("change", "◆"),
        Effect::Destroy => ("destroy", "▲"),
    }
}

/// A command that goes on until it is stopped.
pub(crate) fn follows() -> AnyView {
    view! { <span class="badge quiet"><span aria-hidden="true">"∞"</span>"follows until stopped"</span> }.into_any()
}

/// The class and the mark of a step's state.
pub(crate) fn state_sign(state: StepState) -> (&'static str, &'static str) {
    match state {
        StepState::Waiting => ("waiting", "○"),
        StepState::Running => ("running", "●"),
        StepState::Passed => ("passed", "✓"),
        StepState::Failed => ("failed", "✗"),
        StepState::Unmet => ("unmet", "≠"),
        StepState::Stopped => ("stopped", "■"),
        StepState::Skipped => ("skipped", "–"),
        StepState::Unknown => ("unknown", "?"),
    }
}

/// `✓ passed`.
pub(crate) fn state(state: StepState) -> AnyView {
    let (class, mark) = state_sign(state);
    view! { <span class=format!("badge {class}")><span aria-hidden="true">{mark}</span>{state.word()}</span> }
        .into_any()
}

/// How an execution stands, with its exit code where it failed.
pub(crate) fn execution(state: ExecutionState, exit_code: Option<i32>) -> AnyView {
    let (class, mark, word) = match state {
        ExecutionState::Running => ("running", "●", "running"),
        ExecutionState::Passed => ("passed", "✓", "passed"),
        ExecutionState::Failed => ("failed", "✗", "failed"),
        ExecutionState::Stopped => ("stopped", "■", "stopped"),
        ExecutionState::Expired => ("stopped", "■", "timed out"),
        ExecutionState::Unknown => ("unknown", "?", "outcome unknown"),
    };
    let code = exit_code.filter(|_| state == ExecutionState::Failed).map(|code| format!(" · exit {code}"));
    view! { <span class=format!("badge {class}")><span aria-hidden="true">{mark}</span>{word}{code}</span> }.into_any()
}

/// How an event of the trail ended.
pub(crate) fn outcome(result: OutcomeResult, exit_code: Option<i32>) -> AnyView {
    let (class, mark) = match result {
        OutcomeResult::Passed => ("passed", "✓"),
        OutcomeResult::Failed => ("failed", "✗"),
        OutcomeResult::Stopped | OutcomeResult::Expired => ("stopped", "■"),
        OutcomeResult::Refused => ("quiet", "–"),
        OutcomeResult::Unknown => ("unknown", "?"),
    };
    let words = match (result, exit_code) {
        (OutcomeResult::Passed, Some(0)) => "passed".to_owned(),
        (result, Some(code)) => format!("{} · exit {code}", result.word()),
        (result, None) => result.word().to_owned(),
    };
    view! { <span class=format!("badge {class}")><span aria-hidden="true">{mark}</span>{words}</span> }.into_any()
}

/// The class and the word of a verdict.
pub(crate) fn verdict(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Allowed => ("allowed", "allowed"),
        Verdict::Denied => ("denied", "denied"),
        Verdict::Refused => ("denied", "refused"),
    }
}

/// Where a run stands.
pub(crate) fn run_state(state: RunState) -> AnyView {
    let (class, mark) = match state {
        RunState::Open => ("running", "●"),
        RunState::Completed => ("passed", "✓"),
        RunState::Abandoned => ("skipped", "–"),
    };
    view! { <span class=format!("badge {class}")><span aria-hidden="true">{mark}</span>{state.word()}</span> }
        .into_any()
}

/// A person's round badge: two letters on one of six grounds, always the same for one name.
pub(crate) fn person(name: &str) -> AnyView {
    let initials: String = {
        let mut words = name.split_whitespace().filter_map(|word| word.chars().find(|letter| letter.is_alphanumeric()));
        let first = words.next().unwrap_or('?');
        first.to_uppercase().chain(words.next().into_iter().flat_map(char::to_uppercase)).collect()
    };
    let ground = name.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte))) % 6;
    view! { <span class=format!("person person-{ground}") title=name.to_owned() aria-hidden="true">{initials}</span> }
        .into_any()
}

/// The class of an environment's band.
pub(crate) fn environment_class(kind: Option<EnvironmentKind>) -> &'static str {
    match kind {
        Some(EnvironmentKind::Practice) => "practice",
        Some(EnvironmentKind::Test) => "test",
        Some(EnvironmentKind::Production) => "production",
        None => "gone",
    }
}

/// The environment's name in its own colour.
pub(crate) fn environment(name: &str, kind: Option<EnvironmentKind>) -> AnyView {
    view! { <span class=format!("badge env {}", environment_class(kind))>{name.to_owned()}</span> }.into_any()
}

/// The band across the page of a run: where it acts, and on what.
pub(crate) fn band(run: &Run, environment: Option<&Environment>) -> AnyView {
    let kind = environment.map(|environment| environment.kind);
    let class = environment_class(kind);
    let where_to = environment.map_or_else(
        || "no longer configured: this run can only be read".to_owned(),
        |environment| {
            environment.kubernetes.as_ref().map_or_else(
                || "no cluster".to_owned(),
                |scope| format!("{} · namespace {} unless named", scope.context, scope.default_namespace),
            )
        },
    );
    view! {
        <section class=format!("band {class}") aria-label="Environment">
            <strong><span aria-hidden="true">"■ "</span>{run.environment.0.clone()}</strong>
            <span>{where_to}</span>
            <span class="band-end">{format!("run {}", run.number)}</span>
        </section>
    }
    .into_any()
}
