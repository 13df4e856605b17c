//! Runs and executions.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use runbook::{CommandId, StepId};

use super::fakes::{Script, bench, bench_with, person};
use crate::*;

#[tokio::test]
async fn a_press_runs_and_carries_what_was_exported() {
    let bench = bench();
    let run = bench.start("restart").await;
    bench.press(run, "1").await.unwrap();
    let view = bench.settled(run).await;
    assert_eq!(view.steps[0].state, StepState::Passed);
    assert_eq!(view.run.variables["FOUND"], "it");
    assert_eq!(view.next_step().unwrap().id.as_str(), "2");
    let output = bench.operations.output_after(&person(Role::Operator), run, 0, 10).await.unwrap();
    assert_eq!(output[0].content.bytes, "did get\n");
}

#[tokio::test]
async fn two_presses_at_once_start_it_once() {
    let bench = bench();
    *bench.bash.script.lock().unwrap() = Script::Waits;
    let run = bench.start("restart").await;
    let (first, second) = tokio::join!(bench.press(run, "1"), bench.press(run, "1"));
    let (started, refused) = if first.is_ok() { (first, second) } else { (second, first) };
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    bench.operations.stop(&person(Role::Operator), started.unwrap()).await.unwrap();
    assert_eq!(bench.settled(run).await.steps[0].state, StepState::Stopped);
    assert_eq!(bench.bash.requests.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_value_is_asked_for_and_never_becomes_text() {
    let bench = bench();
    let run = bench.start("values").await;
    let missing = bench.press(run, "5").await;
    assert!(matches!(&missing, Err(Error::Invalid(message)) if message.contains("reason")), "{missing:?}");
    let hostile = "x; kubectl remove ns shop #$(id)'\"";
    let values = BTreeMap::from([("reason".to_owned(), hostile.to_owned())]);
    let press = Press { values, ..Press::default() };
    bench.operations.press(&person(Role::Operator), run, &CommandId::new("5"), press).await.unwrap();
    bench.settled(run).await;
    let requests = bench.bash.requests.lock().unwrap();
    assert!(!requests[0].script.contains("remove"), "{}", requests[0].script);
    assert!(requests[0].variables.values().any(|value| value == hostile));
}

#[tokio::test]
async fn what_a_person_types_counts_by_what_it_does_and_removes_nothing_unsaid() {
    let bench = bench();
    let run = bench.start("restart").await;
    let press = |text: &str, confirmed| Press { edited: Some(text.to_owned()), confirmed, ..Press::default() };
    let go = async |text: &str, confirmed| {
        bench.operations.press(&person(Role::Approver), run, &CommandId::new("2"), press(text, confirmed)).await
    };
    let removal = "kubectl delete pod shop-1 -n shop";
    let unsaid = go(removal, None).await;
    assert!(matches!(&unsaid, Err(Error::Invalid(why)) if why.contains("removes something")), "{unsaid:?}");
    assert!(bench.bash.requests.lock().unwrap().is_empty(), "nothing has run");
    go(removal, Some(command::Effect::Destroy)).await.unwrap();
    bench.settled(run).await;
    go("kubectl scale deployment shop --replicas=2 -n shop", None).await.unwrap();
    bench.settled(run).await;
    let events = bench.store.events.lock().unwrap();
    let intents = events.iter().filter(|event| event.kind == EventKind::ExecutionIntent);
    let effects: Vec<_> = intents.map(|event| event.effect.unwrap()).collect();
    assert_eq!(effects, [command::Effect::Destroy, command::Effect::Change]);
}

#[tokio::test]
async fn what_a_person_types_is_kept_without_its_secrets() {
    let bench = bench();
    let run = bench.start("restart").await;
    let typed = "curl -H 'Authorization: Bearer abcdefghijklmnop1234567890' https://example.com";
    let press = Press { edited: Some(typed.to_owned()), ..Press::default() };
    bench.operations.press(&person(Role::Approver), run, &CommandId::new("1"), press).await.unwrap();
    let view = bench.settled(run).await;
    let kept = &view.steps[0].commands[0].execution.as_ref().unwrap().source;
    assert!(kept.starts_with("curl -H") && !kept.contains("abcdefghijklmnop"), "{kept}");
    assert_eq!(bench.bash.requests.lock().unwrap()[0].script, typed, "what runs is what was typed");
}

#[tokio::test]
async fn alternatives_are_never_run_together() {
    let bench = bench();
    *bench.bash.script.lock().unwrap() = Script::Waits;
    let run = bench.start("recover").await;
    let first = bench.press(run, "2a").await.unwrap();
    let second = bench.press(run, "2b").await;
    assert!(matches!(&second, Err(Error::Conflict(message)) if message.contains("lternative")), "{second:?}");
    bench.operations.stop(&person(Role::Operator), first).await.unwrap();
    bench.settled(run).await;
}

#[tokio::test]
async fn alternatives_pressed_at_the_same_instant_start_one() {
    let bench = bench();
    *bench.bash.script.lock().unwrap() = Script::Waits;
    let run = bench.start("recover").await;
    let (first, second) = tokio::join!(bench.press(run, "2a"), bench.press(run, "2b"));
    let (started, refused) = if first.is_ok() { (first, second) } else { (second, first) };
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    bench.operations.stop(&person(Role::Operator), started.unwrap()).await.unwrap();
    bench.settled(run).await;
}

#[tokio::test]
async fn a_press_whose_request_is_dropped_runs_to_its_end() {
    let bench = bench();
    let run = bench.start("restart").await;
    let mut press = Box::pin(bench.press(run, "1"));
    // The browser leaves while the intent is being written.
    assert!(futures::poll!(&mut press).is_pending());
    drop(press);
    let mut changes = bench.operations.watch_run(&person(Role::Viewer), run).await.unwrap();
    while bench.settled(run).await.steps[0].state != StepState::Passed {
        changes.changed().await.unwrap();
    }
}

#[tokio::test]
async fn a_run_is_not_closed_under_a_command() {
    let bench = bench();
    *bench.bash.script.lock().unwrap() = Script::Waits;
    let operator = person(Role::Operator);
    let run = bench.start("restart").await;
    let execution = bench.press(run, "1").await.unwrap();
    let refused = bench.operations.close_run(&operator, run, RunState::Completed).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    let refused = bench.operations.mark(&operator, run, "1", Mark::Skipped { reason: "slow".to_owned() }).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    bench.operations.stop(&operator, execution).await.unwrap();
    let view = bench.settled(run).await;
    let note = view.steps[0].commands[0].execution.as_ref().unwrap().note.clone();
    assert_eq!(note.as_deref(), Some(format!("Stopped by {}.", operator.person.name).as_str()));
    bench.operations.close_run(&operator, run, RunState::Completed).await.unwrap();
}

#[tokio::test]
async fn what_two_commands_export_is_kept_of_both() {
    let bench = bench();
    let run = bench.start("restart").await;
    bench.store.runs.lock().unwrap()[0].variables.insert("ALB_ARN".to_owned(), "arn:first".to_owned());
    bench.press(run, "1").await.unwrap();
    let view = bench.settled(run).await;
    assert_eq!(view.run.variables["ALB_ARN"], "arn:first");
    assert_eq!(view.run.variables["FOUND"], "it");
    assert!(view.run.variables.keys().all(|name| !name.starts_with("RUNBOOK_")), "{:?}", view.run.variables);
}

#[tokio::test]
async fn in_a_choice_one_that_worked_is_enough() {
    let bench = bench();
    let run = bench.start("recover").await;
    *bench.bash.script.lock().unwrap() = Script::Calls(vec![vec!["helm", "rollback"]]);
    bench.press(run, "2a").await.unwrap();
    assert_eq!(bench.settled(run).await.steps[1].state, StepState::Failed);
    *bench.bash.script.lock().unwrap() = Script::Calls(vec![vec!["kubectl", "get", "pods", "-n", "shop"]]);
    bench.operations.choose(&person(Role::Operator), run, &CommandId::new("2b")).await.unwrap();
    bench.press(run, "2b").await.unwrap();
    assert_eq!(bench.settled(run).await.steps[1].state, StepState::Passed);
}

#[tokio::test]
async fn the_way_that_is_pressed_is_the_one_that_was_chosen() {
    let bench = bench();
    let run = bench.start("recover").await;
    bench.press(run, "2a").await.unwrap();
    let view = bench.settled(run).await;
    assert_eq!(view.steps[1].chosen.as_ref().map(CommandId::as_str), Some("2a"));
    let second = bench.press(run, "2b").await;
    assert!(matches!(&second, Err(Error::Conflict(why)) if why.contains("2a was chosen here")), "{second:?}");
    bench.press(run, "2a").await.unwrap();
    bench.settled(run).await;
    let choices = bench.kinds().into_iter().filter(|kind| *kind == EventKind::ChoiceMade).count();
    assert_eq!(choices, 1, "the same way again is no other choice");
}

#[tokio::test]
async fn what_somebody_has_not_seen_is_not_run_again() {
    let bench = bench();
    let run = bench.start("restart").await;
    let press = async |role, seen| {
        let press = Press { again: Again::Seen(seen), ..Press::default() };
        bench.operations.press(&person(role), run, &CommandId::new("1"), press).await
    };
    let first = press(Role::Operator, None).await.unwrap();
    bench.settled(run).await;
    let late = press(Role::Approver, None).await;
    assert!(
        matches!(&late, Err(Error::Conflict(why)) if why.starts_with("Some operator ran this ") && why.contains("look at what it did")),
        "{late:?}"
    );
    let own = press(Role::Operator, None).await;
    assert!(matches!(&own, Err(Error::Conflict(why)) if why.starts_with("You ran this ")), "{own:?}");
    let second = press(Role::Approver, Some(first)).await.unwrap();
    bench.settled(run).await;
    assert!(matches!(press(Role::Operator, Some(first)).await, Err(Error::Conflict(_))));
    press(Role::Operator, Some(second)).await.unwrap();
    assert_eq!(bench.settled(run).await.steps[0].commands[0].executions, 3);
}

#[tokio::test]
async fn a_note_is_short_and_a_run_keeps_so_many() {
    let bench = bench();
    let operator = person(Role::Operator);
    let run = bench.start("recover").await;
    let step = StepId::new("1");
    bench.operations.mark(&operator, run, "1", Mark::Skipped { reason: "not here".to_owned() }).await.unwrap();
    let note = async |word: &str| bench.operations.note(&operator, run, Some(&step), word, None).await;
    let long = note(&"x".repeat(StepMark::NOTE + 1)).await;
    assert!(matches!(&long, Err(Error::Invalid(why)) if why.contains("4097 of at most 4096 bytes")), "{long:?}");

    // As many bytes as all of them may have, in fewer of them.
    let full = StepMark::ALL_NOTES / StepMark::NOTE;
    for _ in 0..full {
        note(&"x".repeat(StepMark::NOTE)).await.unwrap();
    }
    let refused = note("one more").await;
    assert!(matches!(&refused, Err(Error::Invalid(why)) if why.contains("at most 500 notes")), "{refused:?}");
    bench.store.marks.lock().unwrap().retain(|mark| !matches!(mark.mark, Mark::Noted { .. }));
    for _ in 0..StepMark::NOTES {
        note("short").await.unwrap();
    }
    let refused = note("one more").await;
    assert!(matches!(&refused, Err(Error::Invalid(why)) if why.contains("500 notes of")), "{refused:?}");

    bench.store.notes_read.store(0, Ordering::SeqCst);
    let view = bench.operations.view_run(&operator, run).await.unwrap();
    assert_eq!((view.steps[0].state, view.steps[0].notes.len()), (StepState::Skipped, 0));
    bench.operations.what_is_open(&operator, 10).await.unwrap();
    assert_eq!(bench.store.notes_read.load(Ordering::SeqCst), 0, "lists show no notes");
    let page = bench.operations.run_page(&operator, run).await.unwrap();
    assert_eq!((page.steps[0].state, page.steps[0].notes.len()), (StepState::Skipped, StepMark::NOTES));
}

#[tokio::test]
async fn a_note_and_its_tick_are_both_there_or_neither() {
    let bench = bench();
    let operator = person(Role::Operator);
    let run = bench.start("recover").await;
    let step = StepId::new("1");
    let note = |word: &'static str| bench.operations.note_and_tick(&operator, run, &step, word, None);
    let seen = async || {
        let view = bench.operations.run_page(&operator, run).await.unwrap();
        (view.steps[0].notes.len(), view.steps[0].state)
    };
    // It is somebody else's: nothing is kept.
    bench.operations.claim(&person(Role::Approver), run, &step).await.unwrap();
    assert!(matches!(note("told them").await, Err(Error::Conflict(_))));
    assert_eq!(seen().await, (0, StepState::Waiting));
    bench.operations.claim(&operator, run, &step).await.unwrap();

    // The browser leaves, and somebody who wants the step has to wait for both.
    let mut written = Box::pin(note("told them"));
    assert!(futures::poll!(&mut written).is_pending());
    drop(written);
    bench.operations.claim(&person(Role::Approver), run, &step).await.unwrap();
    assert_eq!(seen().await, (1, StepState::Passed));
    let kinds = bench.kinds();
    assert_eq!(kinds[kinds.len() - 3..], [EventKind::NoteWritten, EventKind::StepMarked, EventKind::StepClaimed]);
    bench.operations.close_run(&operator, run, RunState::Completed).await.unwrap();
    assert!(matches!(note("late").await, Err(Error::Conflict(_))));
    assert_eq!(seen().await.0, 1);
}

#[tokio::test]
async fn a_manual_step_is_ticked_skipped_with_a_reason_and_done_by_hand() {
    let bench = bench();
    let operator = person(Role::Operator);
    let run = bench.start("recover").await;
    let state = async |part: &str, mark| {
        bench.operations.mark(&operator, run, part, mark).await?;
        Ok::<_, Error>(bench.settled(run).await.steps[part.starts_with('2') as usize].state)
    };
    assert_eq!(state("1", Mark::Done).await.unwrap(), StepState::Passed);
    let unexplained = state("2", Mark::Skipped { reason: " ".to_owned() }).await;
    assert!(matches!(unexplained, Err(Error::Invalid(_))), "{unexplained:?}");
    assert_eq!(state("2", Mark::Skipped { reason: "not needed".to_owned() }).await.unwrap(), StepState::Skipped);
    assert_eq!(state("2a", Mark::ByHand { result: "done on the host".to_owned() }).await.unwrap(), StepState::Skipped);
    assert!(matches!(state("9", Mark::Done).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn a_closed_run_takes_nothing_more() {
    let bench = bench();
    let operator = person(Role::Operator);
    let run = bench.start("restart").await;
    bench.operations.close_run(&operator, run, RunState::Completed).await.unwrap();
    assert!(matches!(bench.press(run, "1").await, Err(Error::Conflict(_))));
    assert!(matches!(bench.operations.mark(&operator, run, "1", Mark::Done).await, Err(Error::Conflict(_))));
}

#[tokio::test]
async fn output_over_the_limit_is_cut_with_a_mark() {
    let bench = bench();
    let mebibyte = Bytes::from(vec![b'x'; 1 << 20]);
    *bench.bash.script.lock().unwrap() = Script::Prints(mebibyte, 70);
    let run = bench.start("restart").await;
    bench.press(run, "1").await.unwrap();
    let view = bench.settled(run).await;
    assert!(view.steps[0].commands[0].execution.as_ref().unwrap().truncated);
    let chunks = bench.store.chunks.lock().unwrap();
    let kept: usize =
        chunks.iter().filter(|chunk| chunk.content.stream == Stream::Stdout).map(|c| c.content.bytes.len()).sum();
    assert_eq!(kept, 64 << 20);
    assert!(chunks.iter().all(|chunk| chunk.content.bytes.len() <= 64 * 1024));
    let last = chunks.last().unwrap();
    assert_eq!(last.content.stream, Stream::Stderr);
    assert!(String::from_utf8_lossy(&last.content.bytes).contains("64 MiB"));
}

#[tokio::test]
async fn without_a_sandbox_nothing_starts_and_the_reason_is_said() {
    let bench = bench();
    let run = bench.start("restart").await;
    bench.bash.unavailable.store(true, Ordering::SeqCst);
    let refused = bench.press(run, "1").await;
    assert!(matches!(&refused, Err(Error::CannotRun(reason)) if reason.contains("bubblewrap")), "{refused:?}");
    assert!(bench.operations.view_run(&person(Role::Viewer), run).await.is_ok(), "reading goes on");
}

#[tokio::test]
async fn a_run_keeps_the_text_it_was_started_from() {
    let bench = bench();
    let run = bench.start("restart").await;
    bench.store.runs.lock().unwrap()[0].version.hash = "0".repeat(64);
    let lost = bench.operations.view_run(&person(Role::Viewer), run).await;
    assert!(
        matches!(lost, Err(Error::NotFound(_))),
        "the text is taken from the store by its hash, not from the shelf"
    );
}

#[tokio::test]
async fn a_value_is_asked_for_once_and_kept_for_the_run() {
    let bench = bench();
    let operator = person(Role::Operator);
    let run = bench.start("values").await;
    let press = |values: &[(&str, &str)]| Press {
        values: values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        ..Press::default()
    };
    let refused =
        bench.operations.press(&operator, run, &CommandId::new("1"), press(&[("pod-name", "Not A Pod")])).await;
    assert!(matches!(&refused, Err(Error::Invalid(reason)) if reason.contains("Kubernetes object")), "{refused:?}");
    bench.operations.press(&operator, run, &CommandId::new("1"), press(&[("pod-name", "web-1")])).await.unwrap();
    let view = bench.settled(run).await;
    assert_eq!(view.run.given["pod-name"], "web-1");
    bench.operations.press(&operator, run, &CommandId::new("2"), press(&[])).await.unwrap();
    bench.settled(run).await;
    let last = bench.bash.requests.lock().unwrap().last().unwrap().clone();
    assert!(last.variables.values().any(|value| value == "web-1"), "{:?}", last.variables);

    let values = |pairs: &[(&str, &str)]| press(pairs).values;
    bench.operations.give(&operator, run, values(&[("pod-name", "web-2"), ("no-such", "x")])).await.unwrap();
    let given = bench.settled(run).await.run.given;
    assert_eq!((given["pod-name"].as_str(), given.len()), ("web-2", 1));
    bench.operations.give(&operator, run, values(&[("pod-name", "")])).await.unwrap();
    assert!(bench.settled(run).await.run.given.is_empty());
    let refused = bench.operations.give(&person(Role::Viewer), run, values(&[("pod-name", "x")])).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
}

#[tokio::test]
async fn a_secret_value_is_neither_kept_nor_shown() {
    let bench = bench();
    let operator = person(Role::Operator);
    let run = bench.start("values").await;
    let secret = "hunter2-hunter2";
    let press =
        |value: &str| Press { values: [("new-password".to_owned(), value.to_owned())].into(), ..Press::default() };
    let short = bench.operations.press(&operator, run, &CommandId::new("3"), press("abc")).await;
    assert!(matches!(&short, Err(Error::Invalid(reason)) if reason.contains("too short")), "{short:?}");
    *bench.bash.script.lock().unwrap() = Script::Prints(Bytes::from(format!("the password is {secret}.\n")), 1);
    bench.operations.press(&operator, run, &CommandId::new("3"), press(secret)).await.unwrap();
    let view = bench.settled(run).await;
    assert!(view.run.given.is_empty() && !format!("{:?}", view.run.variables).contains(secret));
    let printed: Vec<u8> =
        bench.store.chunks.lock().unwrap().iter().flat_map(|chunk| chunk.content.bytes.to_vec()).collect();
    assert_eq!(String::from_utf8_lossy(&printed), "the password is •••.\n");

    // What calls receive is recorded without it, and so is a value in a place where the text holds a secret.
    *bench.bash.script.lock().unwrap() =
        Script::Calls(vec![vec!["kubectl", "annotate", "pod", "web", "note=hunter2-hunter2"]]);
    bench.operations.press(&operator, run, &CommandId::new("3"), press(secret)).await.unwrap();
    bench.settled(run).await;
    let token = Press { values: [("word".to_owned(), secret.to_owned())].into(), ..Press::default() };
    bench.operations.press(&operator, run, &CommandId::new("4"), token).await.unwrap();
    let view = bench.settled(run).await;
    assert!(view.run.given.is_empty(), "a place that holds a secret makes its value one");
    let events = format!("{:?}", bench.store.events.lock().unwrap());
    assert!(!events.contains(secret) && events.contains("•••"), "{events}");
}

#[tokio::test]
async fn only_so_many_commands_run_at_once() {
    let bench = bench();
    *bench.bash.script.lock().unwrap() = Script::Waits;
    for _ in 0..Limits::default().executions {
        let run = bench.start("restart").await;
        bench.press(run, "1").await.unwrap();
    }
    let run = bench.start("restart").await;
    let refused = bench.press(run, "1").await;
    assert!(matches!(&refused, Err(Error::Conflict(reason)) if reason.contains("at once")), "{refused:?}");
    bench.operations.shutdown().await;
}

#[tokio::test]
async fn what_the_runbook_expects_is_decided_or_asked() {
    let bench = bench();
    let operator = person(Role::Operator);
    let run = bench.start("expect").await;
    let prints = |text: &'static str| *bench.bash.script.lock().unwrap() = Script::Prints(Bytes::from(text), 1);
    let judged = async |command: &str| {
        bench.press(run, command).await.unwrap();
        let view = bench.settled(run).await;
        let step = &view.steps[usize::from(command == "2")];
        (step.state, step.commands[0].execution.as_ref().unwrap().findings[0].clone())
    };
    prints("37\n");
    let (state, finding) = judged("1").await;
    assert_eq!((state, finding.observed.as_str()), (StepState::Unmet, "37"));
    let summaries: Vec<String> = bench.store.events.lock().unwrap().iter().map(|event| event.summary.clone()).collect();
    assert!(summaries.iter().any(|text| text == "passed · expected < 10, seen 37"), "{summaries:?}");
    prints("3\n");
    assert_eq!(judged("1").await.0, StepState::Passed);

    let early = bench.operations.mark(&operator, run, "2", Mark::Judged { met: true }).await;
    assert!(matches!(early, Err(Error::Conflict(_))), "{early:?}");
    let (state, finding) = judged("2").await;
    assert_eq!((state, finding.judgement), (StepState::Passed, command::expectation::Judgement::Open));
    bench.operations.mark(&operator, run, "2", Mark::Judged { met: false }).await.unwrap();
    assert_eq!(bench.settled(run).await.steps[1].state, StepState::Unmet);
}

#[tokio::test]
async fn a_place_that_holds_a_secret_keeps_its_value_out_of_the_run() {
    let bench = bench();
    let run = bench.start("values").await;
    let values = [("word".to_owned(), "hunter2-hunter2".to_owned())].into();
    bench.operations.give(&person(Role::Operator), run, values).await.unwrap();
    assert!(bench.settled(run).await.run.given.is_empty(), "`curl -u admin:<word>` makes `word` a secret everywhere");
}

/// Each statement of SQL is an argument of `psql`, so that the broker knows how far the call reaches.
#[tokio::test]
async fn sql_is_judged_by_what_it_says() {
    let bench = bench();
    let operator = person(Role::Operator);
    let run = bench.start("ask-the-database").await;
    let press =
        Press { values: [("state".to_owned(), "it's; DROP TABLE orders".to_owned())].into(), ..Press::default() };
    bench.operations.press(&operator, run, &CommandId::new("1"), press).await.unwrap();
    bench.settled(run).await;
    bench.press(run, "2").await.unwrap();
    bench.settled(run).await;
    let requests = bench.bash.requests.lock().unwrap().clone();
    let effect = |request: &ExecutionRequest| {
        let texts = (1..).map_while(|at| request.variables.get(&format!("RUNBOOK_SQL{at}")).cloned());
        let argv: Vec<String> =
            std::iter::once("psql".to_owned()).chain(texts.flat_map(|text| ["-c".to_owned(), text])).collect();
        (argv.len(), command::classify(&argv).unwrap().effect)
    };
    assert!(!requests[0].script.contains("DROP"), "{}", requests[0].script);
    assert_eq!(requests[0].script.matches(" -c ").count(), 1);
    assert_eq!(effect(&requests[0]), (3, command::Effect::Read));
    assert_eq!(requests[1].script.matches(" -c ").count(), 2, "VACUUM wants to be alone");
    assert_eq!(effect(&requests[1]), (5, command::Effect::Destroy));
}

/// `kubectl edit` asks on the page of its run; how far the answer reaches is judged for whoever gives it.
#[tokio::test]
async fn a_running_call_asks_and_whoever_answers_must_be_permitted() {
    let bench = bench_with(Policy { destroy: Role::Approver, ..Policy::default() });
    *bench.bash.script.lock().unwrap() = Script::Calls(vec![vec!["kubectl", "edit", "deployment/web", "-n", "shop"]]);
    let run = bench.start("restart").await;
    bench.press(run, "1").await.unwrap();
    let mut changes = bench.operations.watch_run(&person(Role::Viewer), run).await.unwrap();
    let asked = loop {
        let view = bench.operations.view_run(&person(Role::Viewer), run).await.unwrap();
        if let Some(asked) = view.steps[0].commands[0].question.clone() {
            break asked;
        }
        changes.changed().await.unwrap();
    };
    let answer = async |role, answer| bench.operations.answer(&person(role), run, asked.id, answer).await;
    let yes = || Answer::Yes(String::new());
    let elsewhere = bench.operations.answer(&person(Role::Approver), RunId::new(), asked.id, yes()).await;
    assert!(matches!(elsewhere, Err(Error::Conflict(_))), "a question is answered in its own run");
    assert!(matches!(answer(Role::Viewer, Answer::No).await, Err(Error::Forbidden(_))));
    let refused = answer(Role::Operator, yes()).await.unwrap_err().to_string();
    assert!(refused.contains("destroy needs approver"), "{refused}");
    assert!(matches!(answer(Role::Approver, Answer::Yes("x".repeat(1 << 20))).await, Err(Error::Invalid(_))));
    bench.store.trail_is_broken.store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(matches!(answer(Role::Approver, yes()).await, Err(Error::Audit(_))), "nothing happens unrecorded");
    bench.store.trail_is_broken.store(false, std::sync::atomic::Ordering::SeqCst);
    let both = futures::join!(answer(Role::Approver, yes()), answer(Role::Approver, yes()));
    assert!(matches!(both, (Ok(of), Err(Error::Conflict(_))) | (Err(Error::Conflict(_)), Ok(of)) if of == run));
    let view = bench.settled(run).await;
    assert_eq!(view.steps[0].commands[0].execution.as_ref().unwrap().exit_code, Some(0));
    assert!(view.steps[0].commands[0].question.is_none());
    let events = bench.store.events.lock().unwrap();
    let marked: Vec<_> = events.iter().filter(|event| event.kind == EventKind::StepMarked).collect();
    let [marked] = marked[..] else { panic!("one answer, one event: {marked:?}") };
    assert_eq!(
        (marked.original.as_deref(), marked.argv.as_slice()),
        (Some("replicas: 3\n"), &["replicas: 0\n".to_owned()][..])
    );
    assert_eq!(marked.effect, Some(command::Effect::Destroy));
}

#[tokio::test]
async fn stop_takes_the_question_away() {
    let bench = bench();
    *bench.bash.script.lock().unwrap() = Script::Calls(vec![vec!["kubectl", "edit", "deployment/web", "-n", "shop"]]);
    let run = bench.start("restart").await;
    let execution = bench.press(run, "1").await.unwrap();
    let operator = person(Role::Operator);
    let mut changes = bench.operations.watch_run(&operator, run).await.unwrap();
    let question = async |bench: &super::fakes::Bench| {
        bench.operations.view_run(&operator, run).await.unwrap().steps[0].commands[0].question.clone()
    };
    while question(&bench).await.is_none() {
        changes.changed().await.unwrap();
    }
    let asked = question(&bench).await.unwrap();
    bench.operations.stop(&operator, execution).await.unwrap();
    bench.settled(run).await;
    assert!(question(&bench).await.is_none());
    let late = bench.operations.answer(&operator, run, asked.id, Answer::No).await;
    assert!(matches!(late, Err(Error::Conflict(_))), "{late:?}");
}

#[tokio::test]
async fn that_a_run_is_there_is_known_without_reading_it() {
    let bench = bench();
    let run = bench.start("recover").await;
    bench.store.runs.lock().unwrap()[0].procedure = runbook::ProcedureId::new("gone");
    let viewer = person(Role::Viewer);
    assert!(matches!(bench.operations.view_run(&viewer, run).await, Err(Error::NotFound(_))));
    bench.operations.may_see_run(&viewer, run).await.unwrap();
    assert!(matches!(bench.operations.may_see_run(&viewer, RunId::new()).await, Err(Error::NotFound(_))));
    let nothing = bench.operations.may_see_incident(&viewer, IncidentId::new()).await;
    assert!(matches!(nothing, Err(Error::NotFound(_))));
}
