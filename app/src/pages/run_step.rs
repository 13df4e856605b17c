//! A step of a run, with everything a person can do with it. Forms stand outside what the stream replaces.

use std::collections::HashMap;

use ::check::Finding;
use ::command::Effect;
use jiff::Timestamp;
use leptos::prelude::*;
use operations::{Caller, CommandView, Environment, ExecutionId, Permission, Run, RunState, RunView, StepView};
use runbook::{Alternatives, Body, Command, Language, Parameter, Step, StepId};

use super::run::note_form;
use crate::components::text_area::{Need, text_area};
use crate::components::{command, step_card, value};
use crate::fragments::run::{
    chosen, claim, command_state, frame, notes, question, seen, state_of, step_mark, step_state, terminal,
};
use crate::fragments::undo::undo;
use crate::visit::Visit;

/// The drawn end of each execution's output, and whether there is more before it.
pub(crate) type Outputs = HashMap<ExecutionId, (String, bool)>;

/// What a person has before them at every step of a run.
pub(crate) struct Desk<'a> {
    pub(crate) visit: &'a Visit,
    pub(crate) view: &'a RunView,
    /// What is wrong with the procedure's commands.
    pub(crate) found: &'a [Finding],
    pub(crate) outputs: &'a Outputs,
    /// Whom a step can be handed to (subject and name).
    pub(crate) people: &'a [(String, String)],
    /// The steps whose words are told to people from the incident's page.
    pub(crate) told: &'a [StepId],
    /// Whether the run is open and this machine can run commands.
    pub(crate) runnable: bool,
}

/// The card of a step.
pub(crate) fn run_step(desk: &Desk<'_>, step: &Step) -> AnyView {
    let Desk { visit, view, found, outputs, people, told, runnable } = *desk;
    let (caller, now) = (&visit.caller, visit.now);
    let Some(state) = state_of(view, step) else { return ().into_any() };
    let id = format!("step-{}", step.id);
    let single = matches!(step.commands(), [_]);
    let badges = match step.commands() {
        [only] => command::badges(only),
        [] => step_card::kind(&step.body),
        _ => ().into_any(),
    };
    let open = view.run.state == RunState::Open;
    let may = caller.person.role.permits(Permission::Run);
    let desk = CommandDesk {
        step: state,
        one: matches!(&step.body, Body::Commands { alternatives: Alternatives::One, .. }),
        caller,
        found,
        run: &view.run,
        environment: view.environment.as_deref(),
        may: may && open,
        runnable,
        single,
        now,
    };
    let work = match &step.body {
        Body::Commands { alternatives, commands } => {
            let one = *alternatives == Alternatives::One;
            let cards: Vec<_> = commands
                .iter()
                .filter_map(|text| {
                    let state = state.commands.iter().find(|state| state.id == text.id)?;
                    let output = state.execution.as_ref().and_then(|execution| outputs.get(&execution.id)).cloned();
                    Some(desk.command(text, state, output))
                })
                .collect();
            view! {
                {one.then(|| view! { <p class="pick-one">{step_card::PICK_ONE}</p> })}
                <div class=if one { "commands choice" } else { "commands" }>{cards}</div>
            }
            .into_any()
        }
        body => {
            let shown = match body {
                Body::Yaml(code) => command::fence(code, "YAML"),
                Body::Message(code) => command::fence(code, "Message"),
                Body::Manual | Body::Commands { .. } => ().into_any(),
            };
            view! {
                {shown}
                <div class="command manual">
                    {desk.may.then(|| manual(&view.run, step.id.as_str()))}
                    {step_mark(state, caller, now)}
                </div>
            }
            .into_any()
        }
    };
    let tell = view.incident.as_ref().filter(|_| told.contains(&step.id)).map(|incident| {
        let run = &view.run;
        let query = format!("runbook={}&procedure={}&step={}", run.runbook, run.procedure, step.id);
        let address = format!("/incidents/{}/message?{query}", incident.id);
        view! { <p class="tell"><a class="button" href=address>"Fill it in and send it"</a></p> }
    });
    let title_id = format!("{id}-title");
    view! {
        <article class="step run-step" id=id tabindex="-1" aria-labelledby=title_id>
            <header class="step-head">
                <a class="step-number" href=format!("#{id}") aria-label=format!("Link to step {}", step.id)>
                    {step.id.to_string()}
                </a>
                <p class="step-title" id=title_id.clone()>{step.title.clone()}</p>
                <div class="step-badges">{badges}{step_state(state)}</div>
            </header>
            {claim(state, caller, now)}
            {step_card::prose(step)}
            {tell}
            {work}
            {notes(format!("{id}-notes"), &state.notes, caller, now)}
            {(open && may).then(|| together(&view.run, step, people))}
        </article>
    }
    .into_any()
}

/// What several people at one run do with a step: claim it, hand it over, write a note.
fn together(run: &Run, step: &Step, people: &[(String, String)]) -> AnyView {
    let ids = || {
        view! {
            <input type="hidden" name="run" value=run.id.to_string()/>
            <input type="hidden" name="step" value=step.id.to_string()/>
        }
    };
    let options: Vec<_> =
        people.iter().map(|(subject, name)| view! { <option value=subject.clone()>{name.clone()}</option> }).collect();
    view! {
        <div class="together">
            <form class="to-claim" method="post" action="/api/claim_step" data-live="">
                {ids()}
                <button class="button small claim-button" type="submit">"Claim"</button>
            </form>
            <form class="to-take-over" method="post" action="/api/claim_step" data-live="">
                {ids()}
                <button class="button small" type="submit">"Take it over"</button>
            </form>
            <form class="to-give-back" method="post" action="/api/hand_over_step" data-live="">
                {ids()}
                <button class="button small" type="submit">"Give it back"</button>
            </form>
            <details class="say to-hand-over">
                <summary class="button small">"Hand it over"</summary>
                <form method="post" action="/api/hand_over_step" data-live="">
                    {ids()}
                    <label>"To "<select name="to" required>{options}</select></label>
                    <button class="button" type="submit">"Hand it over"</button>
                </form>
            </details>
            {note_form(run, Some(step))}
        </div>
    }
    .into_any()
}

/// What a person has before them at every command of a step.
struct CommandDesk<'a> {
    /// How the step stands.
    step: &'a StepView,
    /// Whether one of its commands is meant, not all.
    one: bool,
    caller: &'a Caller,
    found: &'a [Finding],
    run: &'a Run,
    environment: Option<&'a Environment>,
    /// Whether the run is open and the person's role may act in it.
    may: bool,
    runnable: bool,
    single: bool,
    now: Timestamp,
}

impl CommandDesk<'_> {
    fn command(&self, text: &Command, state: &CommandView, output: Option<(String, bool)>) -> AnyView {
        let head = (!self.single).then(|| {
            let title = text.title.clone().unwrap_or_else(|| "Command".to_owned());
            view! {
                <div class="command-head">
                    <span class="command-letter">{text.id.to_string()}</span>
                    <p class="command-title">{title}</p>
                    <div class="step-badges">{self.one.then(|| self.choice(text, state))}{command::badges(text)}</div>
                </div>
            }
        });
        view! {
            <div class="command" id=format!("command-{}", text.id)>
                {head}
                {command::code(&text.html, format!("Command {}", text.id))}
                {command::faults(text, self.found)}
                {command::reading(text)}
                {self.may.then(|| self.actions(text, state))}
                {command_state(state, self.caller, self.now)}
                {question(state, self.caller)}
                {terminal(state, self.caller)}
                {undo(state, self.caller)}
                {frame(state, self.caller, output)}
            </div>
        }
        .into_any()
    }

    /// Which of several ways was chosen, and the press that chooses this one.
    fn choice(&self, text: &Command, state: &CommandView) -> AnyView {
        let name = text.title.clone().unwrap_or_else(|| format!("command {}", text.id));
        let form = self.may.then(|| {
            view! {
                <form class="to-choose" method="post" action="/api/choose" data-live="">
                    <input type="hidden" name="run" value=self.run.id.to_string()/>
                    <input type="hidden" name="command" value=text.id.to_string()/>
                    <button class="button small" type="submit" aria-label=format!("Choose: {name}")>"Choose"</button>
                </form>
            }
        });
        view! { {chosen(self.step, state)}{form} }.into_any()
    }

    fn actions(&self, text: &Command, state: &CommandView) -> AnyView {
        view! {
            <div class="act">
                {self.runnable.then(|| self.press(text, state))}
                <div class="act-more">
                    {said(self.run, text.id.as_str(), "by-hand", "Done by hand", "Record as done by hand", "What came of it, pasted")}
                    {said(self.run, text.id.as_str(), "skipped", "Skip", "Skip it", "Why is it left out?")}
                    {settle(self.run, text.id.as_str())}
                </div>
            </div>
        }
        .into_any()
    }

    /// The form of Run: the values that the text leaves open, the edited text for those who may, the button.
    fn press(&self, text: &Command, state: &CommandView) -> AnyView {
        let values: Vec<_> = text.parameters.iter().map(|parameter| self.value(text, parameter)).collect();
        // What this environment takes for more than its text says.
        let effect = self.environment.map_or(text.effect, |environment| environment.policy.effect_of(text));
        let edit = self.caller.person.role.permits(Permission::RunEdited).then(|| {
            let label = format!("Command {}, edited", text.id);
            let rows = u16::try_from(text.source.lines().count().clamp(2, 16)).unwrap_or(16);
            view! {
                <details class="edit">
                    <summary class="button small">"Edit first"</summary>
                    <p class="muted">"The trail keeps both texts and the difference."</p>
                    {text_area("edited", &label, rows, &text.source, "mono", Need::Optional)}
                    <label class="tick">
                        <input type="checkbox" name="confirmed[edited]" value="destroy"/>
                        "It may remove something, or interrupt service"
                    </label>
                </details>
            }
        });
        let word = if text.follows { "Follow" } else { "Run" };
        let name = text.title.clone().unwrap_or_else(|| format!("command {}", text.id));
        let button = match effect {
            Effect::Destroy => view! {
                <details class="really">
                    <summary class="button danger" id=format!("run-{}", text.id) data-run-button="">
                        <span aria-hidden="true">"▲ "</span>{format!("{word}…")}
                    </summary>
                    <p>"This removes something, or interrupts service in a way that cannot be taken back."</p>
                    <button class="button danger solid" type="submit">{format!("Yes, really run “{name}”")}</button>
                </details>
            }
            .into_any(),
            Effect::Read | Effect::Change => view! {
                <button
                    class="button primary"
                    id=format!("run-{}", text.id)
                    type="submit"
                    data-run-button=""
                    aria-label=format!("{word}: {name}")
                >
                    <span aria-hidden="true">"▶ "</span>{word}
                </button>
            }
            .into_any(),
        };
        view! {
            <form class="press" method="post" action="/api/press">
                <input type="hidden" name="run" value=self.run.id.to_string()/>
                <input type="hidden" name="command" value=text.id.to_string()/>
                {seen(text, state, self.environment)}
                {(!values.is_empty()).then(|| view! { <div class="values">{values}</div> })}
                <div class="press-row">{button}{adjust(text)}{edit}</div>
            </form>
        }
        .into_any()
    }

    fn value(&self, text: &Command, parameter: &Parameter) -> AnyView {
        let id = format!("value-{}-{}", text.id, parameter.name);
        // Who may edit the text first may leave out what the runbook's own asks for.
        let required = !self.caller.person.role.permits(Permission::RunEdited);
        value::field(parameter, id, known(self.run, self.environment, parameter), required)
    }
}

/// The values that the text names itself, to run it with others.
fn adjust(text: &Command) -> Option<AnyView> {
    let known = match text.language {
        Language::Bash => ::command::adjust::adjustable(&text.source),
        Language::Sql { .. } => Vec::new(),
    };
    if known.is_empty() {
        return None;
    }
    let options: Vec<String> = known.iter().map(|one| one.option.trim_start_matches('-').to_owned()).collect();
    let fields: Vec<_> = known
        .into_iter()
        .enumerate()
        .map(|(number, one)| {
            view! {
                <label class="adjusted">
                    <span class="mono">{one.option}</span>
                    <input
                        class="mono"
                        type="text"
                        id=format!("adjust-{}-{number}", text.id)
                        name=format!("adjusted[{number}]")
                        value=one.value
                        autocomplete="off"
                        spellcheck="false"
                    />
                </label>
            }
        })
        .collect();
    let view = view! {
        <details class="edit adjust">
            <summary class="button small" aria-label=format!("Adjust {}", options.join(", "))>"Adjust"</summary>
            <p class="muted">"The trail keeps the text as it is and as it ran."</p>
            <div class="values">{fields}</div>
        </details>
    };
    Some(view.into_any())
}

/// The value that a field starts with: what somebody gave before, what an earlier command of this run exported under that
/// name, or what the environment means by it.
pub(crate) fn known(run: &Run, environment: Option<&Environment>, parameter: &Parameter) -> Option<String> {
    let name = &parameter.name;
    let meant = || environment.and_then(|environment| environment.meant(parameter));
    run.given.get(name).or_else(|| run.variables.get(name)).cloned().or_else(meant)
}

/// What a person can say of a step that runs nothing.
fn manual(run: &Run, part: &str) -> AnyView {
    view! {
        <div class="act">
            <form class="press" method="post" action="/api/mark_step">
                {hidden(run, part, "done")}
                <button class="button primary" id=format!("run-{part}") type="submit" data-run-button="">
                    <span aria-hidden="true">"✓ "</span>"Done"
                </button>
            </form>
            <div class="act-more">
                {said(run, part, "by-hand", "Done, with a result", "Record it", "What came of it, pasted")}
                {said(run, part, "skipped", "Skip", "Skip it", "Why is it left out?")}
            </div>
        </div>
    }
    .into_any()
}

fn hidden(run: &Run, part: &str, mark: &'static str) -> AnyView {
    view! {
        <input type="hidden" name="run" value=run.id.to_string()/>
        <input type="hidden" name="part" value=part.to_owned()/>
        <input type="hidden" name="mark" value=mark/>
    }
    .into_any()
}

/// A mark that needs words: folded until it is wanted.
fn said(
    run: &Run,
    part: &str,
    mark: &'static str,
    fold: &'static str,
    button: &'static str,
    ask: &'static str,
) -> AnyView {
    // A command can well print nothing; why it was left out is always to be said.
    let (class, need) = if mark == "by-hand" { ("mono", Need::Optional) } else { ("", Need::Required) };
    view! {
        <details class="say" name=format!("say-{part}")>
            <summary class="button small">{fold}</summary>
            <form method="post" action="/api/mark_step">
                {hidden(run, part, mark)}
                <p class="muted">{ask}</p>
                {text_area("text", ask, 3, "", class, need)}
                <button class="button" type="submit">{button}</button>
            </form>
        </details>
    }
    .into_any()
}

/// Settling an outcome that nobody knows; the style sheet shows it while the command's state is unknown.
fn settle(run: &Run, part: &str) -> AnyView {
    view! {
        <details class="say settle" name=format!("say-{part}")>
            <summary class="button small">"? Settle the outcome"</summary>
            <form method="post" action="/api/mark_step">
                <input type="hidden" name="run" value=run.id.to_string()/>
                <input type="hidden" name="part" value=part.to_owned()/>
                <p class="muted">"The portal ended while this ran. Look at the target, then say what you found."</p>
                {text_area("text", "What you found", 3, "", "", Need::Required)}
                <button class="button" type="submit" name="mark" value="settled-passed">"It had worked"</button>
                <button class="button" type="submit" name="mark" value="settled-failed">"It had not worked"</button>
            </form>
        </details>
    }
    .into_any()
}
