//! The changing parts of a run's page.

use ::command::expectation::Judgement;
use ::command::{Effect, ParameterKind};
use jiff::Timestamp;
use leptos::prelude::*;
use operations::{
    Caller, CommandView, Environment, Execution, ExecutionId, ExecutionState, Mark, Permission, Question, RunState,
    RunView, StepMark, StepState, StepView,
};
use runbook::{Command, Step, StepId};

use super::Fragment;
use super::undo::undo;
use crate::components::difference::difference;
use crate::components::follow::follow;
use crate::components::text_area::{Need, text_area};
use crate::components::{badge, time};

/// Every fragment of the page.
pub(super) fn all(view: &RunView, caller: &Caller, focus: Option<&StepId>, now: Timestamp) -> Vec<Fragment> {
    let mut fragments =
        vec![Fragment::new("run-status", status(view, now)), Fragment::new("run-steps", steps(view, focus, now))];
    let asks = view.procedure.parameters().iter().any(|one| one.kind != ParameterKind::Secret);
    if asks && view.run.state == RunState::Open && caller.person.role.permits(Permission::Run) {
        fragments.push(Fragment::new("run-given", given(view)));
    }
    if view.run.state == RunState::Open {
        fragments.push(Fragment::new("run-unfinished", unfinished(view)));
    }
    fragments.push(Fragment::new("run-onward", onward(view)));
    if view.incident.is_some() {
        fragments.push(Fragment::new("run-incident", of_incident(view, now)));
    }
    fragments.push(Fragment::new("run-notes", notes("run-notes".to_owned(), &view.notes, caller, now)));
    fragments.push(Fragment::new("run-follow", follow(view)));
    for step in &view.steps {
        fragments.push(Fragment::new(format!("step-{}-claim", step.id), claim(step, caller, now)));
        let id = format!("step-{}-notes", step.id);
        fragments.push(Fragment::new(id.clone(), notes(id, &step.notes, caller, now)));
        for command in &step.commands {
            fragments.push(Fragment::new(format!("command-{}-chosen", command.id), chosen(step, command)));
        }
        fragments.push(Fragment::new(format!("step-{}-state", step.id), step_state(step)));
        if step.commands.is_empty() {
            fragments.push(Fragment::new(format!("step-{}-mark", step.id), step_mark(step, caller, now)));
        }
        for command in &step.commands {
            fragments.push(Fragment::new(format!("command-{}-state", command.id), command_state(command, caller, now)));
            fragments.push(Fragment::new(format!("question-{}", command.id), question(command, caller)));
            fragments.push(Fragment::new(format!("terminal-{}", command.id), terminal(command, caller)));
            fragments.push(Fragment::new(format!("undo-{}", command.id), undo(command, caller)));
            if view.run.state == RunState::Open && caller.person.role.permits(Permission::Run) {
                let text = view.procedure.command(&command.id).map(|(_, text)| text);
                let drawn = text.map(|text| seen(text, command, view.environment.as_deref()));
                fragments.extend(drawn.map(|drawn| Fragment::new(format!("seen-{}", command.id), drawn)));
            }
            if command.execution.is_some() {
                fragments.push(Fragment::new(format!("frame-{}", command.id), frame(command, caller, None)));
            }
        }
    }
    fragments
}

/// How many values are given, and which: the page's fields follow `data-given`.
pub(crate) fn given(view: &RunView) -> AnyView {
    let all = view.procedure.parameters().iter().filter(|one| one.kind != ParameterKind::Secret).count();
    let given = serde_json::to_string(&view.run.given).unwrap_or_default();
    view! { <span id="run-given" data-given=given>{format!("{} of {all} given", view.run.given.len())}</span> }
        .into_any()
}

/// How many steps are neither passed nor skipped.
fn left(view: &RunView) -> usize {
    view.steps.iter().filter(|step| !matches!(step.state, StepState::Passed | StepState::Skipped)).count()
}

/// What is left to do, for whoever is about to close the run.
pub(crate) fn unfinished(view: &RunView) -> AnyView {
    let words = match left(view) {
        0 => "Every step is done or skipped.".to_owned(),
        1 => "1 step is neither done nor skipped.".to_owned(),
        number => format!("{number} steps are neither done nor skipped."),
    };
    view! { <p id="run-unfinished">{words}</p> }.into_any()
}

/// State, clock, who started it. `data-run-state`, `data-busy` and `data-unfinished` decide what the style sheet offers.
pub(crate) fn status(view: &RunView, now: Timestamp) -> AnyView {
    let run = &view.run;
    let busy = view.steps.iter().any(|step| step.state == StepState::Running);
    let duration = match run.ended_at {
        Some(end) => {
            let seconds = end.as_second() - run.started_at.as_second();
            view! { <span class="clock">{time::clock_words(seconds)}</span> }.into_any()
        }
        None => time::clock(run.started_at, now),
    };
    view! {
        <div
            id="run-status"
            class="run-status"
            data-run-state=run.state.word()
            data-busy=busy.then_some("")
            data-unfinished=(left(view) > 0).then_some("")
        >
            {duration}
            <div class="run-status-about">
                {badge::run_state(run.state)}
                <p class="muted">
                    {format!("started by {} ", run.started_by.1)}
                    {time::ago(run.started_at, now)}
                </p>
            </div>
        </div>
    }
    .into_any()
}

/// Who lets the commands run one after the other, or why they no longer do.
pub(crate) fn onward(view: &RunView) -> AnyView {
    let words = view.onward.as_ref().map(|onward| match &onward.stopped {
        None => format!("{} lets the commands run one after the other. Stop on the one that runs ends it.", onward.by),
        Some(why) => format!("Stopped here: {why}"),
    });
    let going = view.onward.as_ref().is_some_and(|onward| onward.stopped.is_none());
    view! { <p id="run-onward" class="run-onward" data-going=going.then_some("")>{words}</p> }.into_any()
}

/// The steps on the left.
pub(crate) fn steps(view: &RunView, focus: Option<&StepId>, now: Timestamp) -> AnyView {
    // What runs is what everybody looks at, also where an earlier step was left waiting.
    let running = view.steps.iter().find(|step| step.state == StepState::Running);
    let here = focus.or_else(|| running.or_else(|| view.next_step()).map(|step| &step.id));
    let phases = incident::phase::phases(&view.procedure);
    let open = view.run.state == RunState::Open;
    let entries: Vec<_> = view
        .steps
        .iter()
        .map(|state| {
            let title = view.procedure.step(&state.id).map(|step| step.title.clone()).unwrap_or_default();
            let (class, mark) = badge::state_sign(state.state);
            let current = (open && Some(&state.id) == here).then_some("step");
            let (who, took) = last_touch(state, now);
            let address = match focus {
                Some(_) => format!("?step={}", state.id),
                None => format!("#step-{}", state.id),
            };
            view! {
                {phases.iter().find(|phase| phase.steps.first() == Some(&state.id)).and_then(|phase| phase_line(view, phase, now))}
                <li>
                    <a class=format!("step-link {class}") href=address aria-current=current>
                        <span class=format!("mark {class}") role="img" aria-label=state.state.word()>{mark}</span>
                        <span class="step-link-title">{format!("{} {title}", state.id)}</span>
                        <span class="step-link-end">{took}{who}</span>
                    </a>
                </li>
            }
        })
        .collect();
    view! { <ol id="run-steps" class="run-steps">{entries}</ol> }.into_any()
}

/// Where a phase of the response begins, with the time that the runbook gives it.
fn phase_line(view: &RunView, phase: &incident::Phase, now: Timestamp) -> Option<AnyView> {
    let window = phase.window?;
    let began = view.incident.as_ref().map_or(view.run.started_at, |incident| incident.started_at);
    let done = phase.steps.iter().all(|id| {
        let state = view.steps.iter().find(|step| step.id == *id).map(|step| step.state);
        matches!(state, Some(StepState::Passed | StepState::Skipped))
    });
    let until = began.checked_add(window.until).ok()?;
    let passed = now.duration_since(began);
    let open = view.run.state == RunState::Open && view.incident.as_ref().is_none_or(|one| one.resolved_at.is_none());
    let tone = match () {
        () if done || !open || passed < window.from => "none",
        () if now > until => "red",
        () if until.duration_since(now).as_nanos() * 3 < (window.until - window.from).as_nanos() => "amber",
        () => "calm",
    };
    let left = (open && !done && passed >= window.from).then(|| crate::components::incident::countdown(until, now));
    let words = format!("{}–{}", operations::span(window.from), operations::span(window.until));
    let line = view! {
        <li class="phase" data-tone=tone>
            <span>{phase.title.clone()}</span>
            <span class="phase-time">{words}" "{left}</span>
        </li>
    };
    Some(line.into_any())
}

/// The incident that the run belongs to: its clocks, whom to call, the way to it.
pub(crate) fn of_incident(view: &RunView, now: Timestamp) -> AnyView {
    use crate::components::incident as parts;
    let Some(incident) = &view.incident else {
        return view! { <div id="run-incident" hidden></div> }.into_any();
    };
    view! {
        <div id="run-incident" class="run-incident">
            <p>
                {parts::level(incident)}" "
                <a href=format!("/incidents/{}", incident.id)>{format!("{} {}", incident.label(), incident.title)}</a>
            </p>
            {parts::clocks(incident, now)}
            {parts::call(incident, now)}
        </div>
    }
    .into_any()
}

/// Who means to do a step. `data-claim` decides which press the style sheet offers: none, mine, theirs.
pub(crate) fn claim(step: &StepView, caller: &Caller, now: Timestamp) -> AnyView {
    let whose = match &step.claim {
        None => "none",
        Some(claim) if claim.by.0 == caller.person.subject => "mine",
        Some(_) => "theirs",
    };
    let words = step.claim.as_ref().map(|claim| {
        view! {
            {badge::person(&claim.by.1)}
            <span>
                {if whose == "mine" { "Yours".to_owned() } else { format!("{} does this", claim.by.1) }}
                <span class="muted">" since "{time::ago(claim.at, now)}</span>
            </span>
        }
    });
    view! { <p id=format!("step-{}-claim", step.id) class="claim" data-claim=whose>{words}</p> }.into_any()
}

/// Whether a way was chosen of several; the style sheet lets the others step back.
pub(crate) fn chosen(step: &StepView, command: &CommandView) -> AnyView {
    let is = step.chosen.as_ref() == Some(&command.id);
    view! {
        <span id=format!("command-{}-chosen", command.id) class="chosen" data-chosen=is.then_some("")>
            {is.then_some("chosen")}
        </span>
    }
    .into_any()
}

/// What people wrote down, with pictures for those who see output.
pub(crate) fn notes(id: String, notes: &[StepMark], caller: &Caller, now: Timestamp) -> AnyView {
    let sees = caller.person.role.permits(Permission::SeeOutput);
    let rows: Vec<_> = notes
        .iter()
        .filter_map(|note| {
            let Mark::Noted { text, attachment } = &note.mark else { return None };
            let file = attachment.as_ref().filter(|_| sees).map(|(id, name, kind)| {
                let address = format!("/attachments/{id}");
                let picture = kind.starts_with("image/").then(|| {
                    view! { <img src=address.clone() alt=name.clone() loading="lazy" class="note-picture"/> }
                });
                view! { <a href=address target="_blank" rel="noopener">{picture}<span>{name.clone()}</span></a> }
            });
            Some(view! {
                <li class="noted">
                    <p><strong>{note.by.1.clone()}</strong>" "<span class="muted">{time::ago(note.at, now)}</span></p>
                    <p class="noted-text">{text.clone()}</p>
                    {file}
                </li>
            })
        })
        .collect();
    view! { <ul id=id class="notes">{rows}</ul> }.into_any()
}

/// Who touched the step last, and how long it took or has been going on.
fn last_touch(step: &StepView, now: Timestamp) -> (Option<AnyView>, Option<AnyView>) {
    let latest = step.commands.iter().filter_map(|command| command.execution.as_ref()).max_by_key(|one| one.started_at);
    let Some(execution) = latest else {
        return (step.mark.as_ref().map(|mark| badge::person(&mark.by.1)), None);
    };
    (Some(badge::person(&execution.started_by.1)), Some(lasted(execution, now)))
}

/// How long an execution took, or a clock while it goes on.
fn lasted(execution: &Execution, now: Timestamp) -> AnyView {
    let Some(end) = execution.ended_at else { return time::clock(execution.started_at, now) };
    let milliseconds = end.duration_since(execution.started_at).as_millis().try_into().unwrap_or(i64::MAX);
    view! { <span class="mono">{time::lasted(milliseconds)}</span> }.into_any()
}

/// The state in a step's head.
pub(crate) fn step_state(step: &StepView) -> AnyView {
    view! {
        <span id=format!("step-{}-state", step.id) data-state=badge::state_sign(step.state).0>
            {badge::state(step.state)}
        </span>
    }
    .into_any()
}

/// What was said of a step that runs nothing.
pub(crate) fn step_mark(step: &StepView, caller: &Caller, now: Timestamp) -> AnyView {
    let class = badge::state_sign(step.state).0;
    view! {
        <div id=format!("step-{}-mark", step.id) class="command-state" data-state=class>
            {step.mark.as_ref().map(|mark| marked(mark, caller, now))}
        </div>
    }
    .into_any()
}

/// The latest execution or mark of a command. While it runs: Stop, for those who may.
pub(crate) fn command_state(command: &CommandView, caller: &Caller, now: Timestamp) -> AnyView {
    let class = badge::state_sign(command.state).0;
    let stop = command
        .execution
        .as_ref()
        .filter(|execution| execution.state == ExecutionState::Running)
        .filter(|_| caller.person.role.permits(Permission::Stop))
        .map(stop_form);
    view! {
        <div id=format!("command-{}-state", command.id) class="command-state" data-state=class>
            {command.execution.as_ref().map(|execution| executed(execution, command.executions, caller, now))}
            {findings(command, caller)}
            {links(command, caller, now)}
            {recording(command, caller)}
            {stop}
            {command.mark.as_ref().map(|mark| marked(mark, caller, now))}
        </div>
    }
    .into_any()
}

/// The latest execution that whoever presses Run has before them: what was run since, by somebody else, is shown before it
/// is run again. Browsers that fill in forms again after a reload leave it as it is drawn.
pub(crate) fn seen(text: &Command, command: &CommandView, environment: Option<&Environment>) -> AnyView {
    let latest = command.execution.as_ref().map(|execution| execution.id.to_string()).unwrap_or_default();
    // What this environment takes for more than its text says.
    let effect = environment.map_or(text.effect, |environment| environment.policy.effect_of(text));
    let went_too_far = command.execution.as_ref().is_some_and(Execution::reached_too_far);
    let words = match effect {
        Effect::Destroy => None,
        _ if went_too_far => Some("It may reach further than is shown, and remove something or interrupt service"),
        _ if text.opaque => Some("It calls what is not shown here, and may remove something or interrupt service"),
        _ => None,
    };
    let tick = words.map(|words| {
        view! {
            <label class="tick"><input type="checkbox" name="confirmed[shown]" value="destroy" autocomplete="off"/>{words}</label>
        }
    });
    view! {
        <div id=format!("seen-{}", command.id)>
            <input type="hidden" name="seen" value=latest autocomplete="off"/>
            {tick}
        </div>
    }
    .into_any()
}

/// The ways to what the running command has reached, for those who may go there.
fn links(command: &CommandView, caller: &Caller, now: Timestamp) -> Option<AnyView> {
    if command.links.is_empty() || !caller.person.role.permits(Permission::Run) {
        return None;
    }
    let entries: Vec<_> = command
        .links
        .iter()
        .map(|link| {
            let minutes = ((link.until.as_second() - now.as_second()).max(0) + 59) / 60;
            view! {
                <li>
                    <a class="button" href=format!("/links/{}", link.token) target="_blank" rel="noopener noreferrer">
                        {format!("Open {}", link.title)}
                    </a>
                    <span class="muted">{format!("for {minutes} more minutes at most")}</span>
                </li>
            }
        })
        .collect();
    Some(view! { <ul class="links">{entries}</ul> }.into_any())
}

/// The way to the recording of the latest execution, where it had a terminal.
fn recording(command: &CommandView, caller: &Caller) -> Option<AnyView> {
    let execution = command.execution.as_ref().filter(|_| command.recorded && command.terminal.is_none())?;
    caller.person.role.permits(Permission::SeeOutput).then(|| replay_link(execution.id))
}

/// The way to an execution's recording.
pub(crate) fn replay_link(execution: ExecutionId) -> AnyView {
    view! {
        <p class="links">
            <a class="button small" href=format!("/executions/{execution}/replay")>"Replay the terminal"</a>
        </p>
    }
    .into_any()
}

/// The terminal that the running execution has open. A script of the page fills it; the key keeps what it has put there.
pub(crate) fn terminal(command: &CommandView, caller: &Caller) -> AnyView {
    let id = format!("terminal-{}", command.id);
    let sees = caller.person.role.permits(Permission::SeeOutput);
    let Some(open) = command.terminal.as_ref().filter(|_| sees) else {
        return view! { <div id=id hidden></div> }.into_any();
    };
    view! {
        <section
            id=id
            class="terminal-frame"
            data-key=open.id.clone()
            data-terminal=format!("/terminals/{}", open.id)
            data-leave=LEAVE
            aria-label=format!("Terminal: {}", open.title)
        >
            <div class="terminal-bar">
                <span class="output-title">{format!("Terminal · {}", open.title)}</span>
                <span class="terminal-status" role="status" data-terminal-status="">
                    "The terminal needs JavaScript. Stop ends it; what it prints stands below."
                </span>
            </div>
            <div class="terminal-screen" data-terminal-screen=""></div>
            <p class="terminal-foot muted">
                "What is typed here cannot be judged line by line: it counts as removing something, and what the program prints is recorded. "
                {LEAVE}" "
                <a data-terminal-leave="" href=format!("#command-{}", command.id)>"To the top of this command"</a>
            </p>
        </section>
    }
    .into_any()
}

/// How to get out of a terminal by keyboard: every other key is the program's.
const LEAVE: &str = "Ctrl+Shift+↑ leaves the terminal.";

/// What the runbook expects of the latest execution, and what was seen. What nobody but a person can tell is asked.
fn findings(command: &CommandView, caller: &Caller) -> Option<AnyView> {
    let execution = command.execution.as_ref()?;
    if execution.findings.is_empty() {
        return None;
    }
    let may = caller.person.role.permits(Permission::Run);
    let ask = may && command.mark.is_none() && execution.state == ExecutionState::Passed;
    let sees = caller.person.role.permits(Permission::SeeOutput);
    let lines: Vec<_> = execution
        .findings
        .iter()
        .map(|finding| {
            let (class, mark, words) = match finding.judgement {
                Judgement::Met => ("passed", "✓", "met"),
                Judgement::Unmet => ("failed", "✗", "not met"),
                Judgement::Open => ("unknown", "?", "to be judged"),
            };
            // What was seen is a piece of the output.
            let observed = (sees && !finding.observed.is_empty()).then(|| format!(" — {}", finding.observed));
            view! {
                <li>
                    <span class=format!("mark {class}") role="img" aria-label=words>{mark}</span>
                    <span>"Expected: "{finding.expected.clone()}{observed}</span>
                </li>
            }
        })
        .collect();
    let open = execution.findings.iter().any(|finding| finding.judgement == Judgement::Open);
    let question = (ask && open).then(|| {
        view! {
            <form method="post" action="/api/mark_step" class="judge">
                <input type="hidden" name="run" value=execution.run.to_string()/>
                <input type="hidden" name="part" value=execution.command.to_string()/>
                <button class="button small" type="submit" name="mark" value="as-expected">"✓ As expected"</button>
                <button class="button small" type="submit" name="mark" value="not-as-expected">"✗ Not so"</button>
            </form>
        }
    });
    Some(view! { <div class="findings"><ul>{lines}</ul>{question}</div> }.into_any())
}

/// What the running execution asks. The key keeps what somebody is typing while the rest of the page moves on.
pub(crate) fn question(command: &CommandView, caller: &Caller) -> AnyView {
    let id = format!("question-{}", command.id);
    let Some(asked) = &command.question else {
        return view! { <div id=id hidden></div> }.into_any();
    };
    let Question { title, note, text, yes, change, .. } = &asked.question;
    let may = caller.person.role.permits(Permission::Run);
    let sees = caller.person.role.permits(Permission::SeeOutput);
    let note = note.as_ref().filter(|_| sees).map(|note| view! { <p class="note">{note.clone()}</p> });
    let change = change.as_ref().filter(|_| sees).map(|(before, after)| difference(before, after));
    let form = may.then(|| {
        let rows = text.as_ref().map_or(0, |text| text.lines().count().clamp(8, 28));
        let area = text
            .as_ref()
            .map(|text| text_area("text", title, u16::try_from(rows).unwrap_or(28), text, "mono", Need::Optional));
        let back = text.is_none().then(|| {
            view! { <button class="button" type="submit" name="answer" value="back">"Back to the text"</button> }
        });
        view! {
            <form method="post" action="/api/answer">
                <input type="hidden" name="run" value=asked.run.to_string()/>
                <input type="hidden" name="question" value=asked.id.to_string()/>
                {area}
                <div class="press-row">
                    <button class="button primary" type="submit" name="answer" value="yes">{*yes}</button>
                    {back}
                    <button class="button" type="submit" name="answer" value="no">"Leave it as it is"</button>
                </div>
            </form>
        }
    });
    let waits =
        (!may).then(|| view! { <p class="muted">"It waits for the answer of somebody who may run commands here."</p> });
    view! {
        <section id=id class="question" data-key=asked.id.to_string() aria-label=title.clone()>
            <p class="question-title">{title.clone()}</p>
            {note}
            {change}
            {form}
            {waits}
        </section>
    }
    .into_any()
}

fn stop_form(execution: &Execution) -> AnyView {
    view! {
        <form method="post" action="/api/stop" class="stop">
            <input type="hidden" name="execution" value=execution.id.to_string()/>
            <button id=format!("stop-{}", execution.command) class="button danger" type="submit">
                <span aria-hidden="true">"■ "</span>"Stop"
            </button>
        </form>
    }
    .into_any()
}

fn executed(execution: &Execution, times: usize, caller: &Caller, now: Timestamp) -> AnyView {
    let again = (times > 1).then(|| format!(" · pressed {times} times"));
    let words =
        if execution.undoes.is_some() { ["rollback", "What ran"] } else { ["edited", "The edited text that ran"] };
    let edited = execution.edited.then(|| view! { <span class="badge quiet">{words[0]}</span> });
    // Above stands the runbook's text. What a person typed can hold what only those who see output should see.
    let ran = (execution.edited && caller.person.role.permits(Permission::SeeOutput)).then(|| {
        view! {
            <details class="ran">
                <summary>{words[1]}</summary>
                <pre class="pasted" tabindex="0">{execution.source.clone()}</pre>
            </details>
        }
    });
    let note = execution.note.clone().map(|note| view! { <p class="note">{note}</p> });
    let cut =
        execution.truncated.then(|| view! { <p class="note">"The output went over the limit and was cut there."</p> });
    view! {
        <div class="execution">
            {badge::execution(execution.state, execution.exit_code)}
            {edited}
            <span class="execution-about">
                {format!("{} ", execution.started_by.1)}
                {time::ago(execution.started_at, now)}
                {again}
            </span>
            {lasted(execution, now)}
        </div>
        {ran}
        {note}
        {cut}
    }
    .into_any()
}

fn marked(mark: &StepMark, caller: &Caller, now: Timestamp) -> AnyView {
    let (words, text) = match &mark.mark {
        Mark::Done => ("Done", None),
        // A pasted result is output, whoever carried the step out.
        Mark::ByHand { result } => {
            ("Done by hand", Some(result.clone()).filter(|_| caller.person.role.permits(Permission::SeeOutput)))
        }
        Mark::Skipped { reason } => ("Skipped", Some(reason.clone())),
        Mark::Settled { passed: true, finding } => ("Settled: it had worked", Some(finding.clone())),
        Mark::Settled { passed: false, finding } => ("Settled: it had not worked", Some(finding.clone())),
        Mark::Judged { met: true } => ("As expected", None),
        Mark::Judged { met: false } => ("Not as expected", None),
        Mark::Chosen => ("Chosen", None),
        Mark::Claimed { .. } => ("Claimed", None),
        Mark::Released => ("Given back", None),
        Mark::Noted { text, .. } => ("Note", Some(text.clone())),
    };
    let text =
        text.filter(|text| !text.trim().is_empty()).map(|text| view! { <pre class="pasted" tabindex="0">{text}</pre> });
    view! {
        <div class="marked">
            <p><strong>{words}</strong>{format!(" · {} ", mark.by.1)}{time::ago(mark.at, now)}</p>
            {text}
        </div>
    }
    .into_any()
}

/// Where the output of the latest execution stands. `output` is what is there when the page is made; on the stream it
/// arrives by itself.
pub(crate) fn frame(command: &CommandView, caller: &Caller, output: Option<(String, bool)>) -> AnyView {
    let id = format!("frame-{}", command.id);
    let Some(execution) = &command.execution else {
        return view! { <div id=id class="output-frame" hidden></div> }.into_any();
    };
    if !caller.person.role.permits(Permission::SeeOutput) {
        return view! {
            <div id=id class="output-frame" data-key=execution.id.to_string()>
                <p class="muted">"Your role does not see what commands print."</p>
            </div>
        }
        .into_any();
    }
    let (html, earlier) = output.unwrap_or_default();
    let address = format!("/executions/{}/output", execution.id);
    view! {
        <div id=id class="output-frame" data-key=execution.id.to_string()>
            <div class="output-bar">
                <span class="output-title">"Output"</span>
                <label class="wrap"><input type="checkbox" class="wrap-toggle"/>"Wrap"</label>
                <a class="button small" href=address.clone() download="">"Download"</a>
            </div>
            <p class="dropped" hidden=!earlier>
                <span>"Earlier lines are not shown here."</span>" "<a href=address>"Download everything"</a>
            </p>
            <pre
                class="output"
                id=format!("output-{}", execution.id)
                tabindex="0"
                role="log"
                aria-label=format!("Output of command {}", command.id)
                inner_html=html
            ></pre>
        </div>
    }
    .into_any()
}

/// The state that a step's card starts with, as a class.
pub(crate) fn state_of<'a>(view: &'a RunView, step: &Step) -> Option<&'a StepView> {
    view.steps.iter().find(|state| state.id == step.id)
}
