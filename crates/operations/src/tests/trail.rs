//! Intent before effect, outcome after it, unknown when nobody knows.

use std::sync::atomic::Ordering;

use super::fakes::{Script, bench, person};
use crate::*;

#[tokio::test]
async fn every_call_of_a_loop_has_its_intent_and_its_outcome_in_order() {
    let bench = bench();
    *bench.bash.script.lock().unwrap() = Script::Calls(vec![
        vec!["kubectl", "rollout", "restart", "deployment/a", "-n", "shop"],
        vec!["kubectl", "rollout", "status", "deployment/a", "-n", "shop"],
    ]);
    let run = bench.start("restart").await;
    bench.press(run, "1").await.unwrap();
    bench.settled(run).await;
    use EventKind::{ActionIntent, ActionOutcome, ExecutionIntent, ExecutionOutcome, RunStarted};
    assert_eq!(
        bench.kinds(),
        [RunStarted, ExecutionIntent, ActionIntent, ActionOutcome, ActionIntent, ActionOutcome, ExecutionOutcome]
    );
    let events = bench.store.events.lock().unwrap();
    assert_eq!(events[2].targets[0].to_string(), "deployment/a in shop");
    assert_eq!(events[2].effect, Some(command::Effect::Change));
    assert_eq!(events[4].effect, Some(command::Effect::Read));
    assert_eq!(events[3].completes, Some(events[2].id));
    assert_eq!(events[2].parent, Some(events[1].id));
    let outcome = events[3].outcome.as_ref().unwrap();
    assert_eq!((outcome.result, outcome.exit_code, outcome.output_bytes), (OutcomeResult::Passed, Some(0), 12));
}

#[tokio::test]
async fn if_the_trail_cannot_be_written_nothing_runs() {
    let bench = bench();
    let run = bench.start("restart").await;
    bench.store.trail_is_broken.store(true, Ordering::SeqCst);
    let refused = bench.press(run, "1").await;
    assert!(matches!(refused, Err(Error::Audit(_))), "{refused:?}");
    assert!(bench.bash.requests.lock().unwrap().is_empty());
    assert!(bench.kubectl.performed.lock().unwrap().is_empty());
    bench.store.trail_is_broken.store(false, Ordering::SeqCst);
    bench.press(run, "1").await.expect("it may be tried again");
    bench.settled(run).await;
}

#[tokio::test]
async fn a_program_nobody_knows_is_refused_by_name_and_recorded() {
    let bench = bench();
    *bench.bash.script.lock().unwrap() = Script::Calls(vec![vec!["helm", "rollback", "shop"]]);
    let run = bench.start("restart").await;
    bench.press(run, "1").await.unwrap();
    let view = bench.settled(run).await;
    assert_eq!(view.steps[0].commands[0].execution.as_ref().unwrap().exit_code, Some(127));
    let output = bench.store.chunks.lock().unwrap()[0].content.bytes.clone();
    assert!(output.starts_with(b"`helm` is not available to this portal:"), "{output:?}");
    let events = bench.store.events.lock().unwrap();
    let intent = events.iter().find(|event| event.kind == EventKind::ActionIntent).unwrap();
    assert_eq!(intent.argv, ["helm", "rollback", "shop"]);
    assert_eq!(intent.decision.as_ref().unwrap().verdict, Verdict::Refused);
}

#[tokio::test]
async fn a_namespace_outside_the_environment_is_refused() {
    let bench = bench();
    *bench.bash.script.lock().unwrap() = Script::Calls(vec![
        vec!["kubectl", "get", "secrets", "-n", "kube-system"],
        vec!["kubectl", "get", "pods", "-A"],
    ]);
    let run = bench.start("restart").await;
    bench.press(run, "1").await.unwrap();
    bench.settled(run).await;
    assert!(bench.kubectl.performed.lock().unwrap().is_empty());
}

#[tokio::test]
async fn secrets_do_not_reach_the_trail() {
    let bench = bench();
    *bench.bash.script.lock().unwrap() =
        Script::Calls(vec![vec!["kubectl", "create", "secret", "generic", "jwt", "--from-literal=key=hunter2"]]);
    let run = bench.start("restart").await;
    bench.press(run, "1").await.unwrap();
    bench.settled(run).await;
    let events = format!("{:?}", bench.store.events.lock().unwrap());
    assert!(!events.contains("hunter2"), "{events}");
}

#[tokio::test]
async fn what_was_in_flight_when_the_portal_ended_is_unknown_and_settled_by_a_person() {
    let bench = bench();
    *bench.bash.script.lock().unwrap() = Script::Waits;
    let run = bench.start("restart").await;
    bench.press(run, "1").await.unwrap();
    // A new process finds what the old one left.
    assert_eq!(bench.operations.recover().await.unwrap(), 1);
    let known = bench
        .operations
        .mark(&person(Role::Operator), run, "2", Mark::Settled { passed: true, finding: "x".to_owned() })
        .await;
    assert!(matches!(known, Err(Error::Conflict(_))), "only an unknown outcome is settled: {known:?}");
    let operator = person(Role::Operator);
    let view = bench.operations.view_run(&operator, run).await.unwrap();
    assert_eq!(view.steps[0].state, StepState::Unknown);
    let outcome = bench.store.events.lock().unwrap().last().unwrap().clone();
    assert_eq!(outcome.outcome.unwrap().result, OutcomeResult::Unknown);
    let mark = Mark::Settled { passed: true, finding: "all pods are new".to_owned() };
    bench.operations.mark(&operator, run, "1", mark).await.unwrap();
    assert_eq!(bench.operations.view_run(&operator, run).await.unwrap().steps[0].state, StepState::Passed);
}

#[tokio::test]
async fn a_change_that_was_cut_is_unknown_and_a_look_that_was_cut_is_stopped() {
    for (argv, result) in [
        (vec!["kubectl", "get", "pods", "-w", "-n", "shop"], OutcomeResult::Stopped),
        (vec!["kubectl", "rollout", "restart", "deployment/shop", "-n", "shop"], OutcomeResult::Unknown),
    ] {
        let bench = bench();
        bench.kubectl.waits.store(true, Ordering::SeqCst);
        *bench.bash.script.lock().unwrap() = Script::Calls(vec![argv]);
        let run = bench.start("restart").await;
        let mut changes = bench.operations.watch_run(&person(Role::Viewer), run).await.unwrap();
        let execution = bench.press(run, "1").await.unwrap();
        while bench.kubectl.performed.lock().unwrap().is_empty() {
            changes.changed().await.unwrap();
        }
        bench.operations.stop(&person(Role::Operator), execution).await.unwrap();
        bench.settled(run).await;
        let events = bench.store.events.lock().unwrap();
        let outcome = events.iter().find(|event| event.kind == EventKind::ActionOutcome).unwrap();
        assert_eq!(outcome.outcome.as_ref().unwrap().result, result);
    }
}

#[tokio::test]
async fn shutdown_stops_what_runs_and_writes_its_outcome() {
    let bench = bench();
    *bench.bash.script.lock().unwrap() = Script::Waits;
    let run = bench.start("restart").await;
    bench.press(run, "1").await.unwrap();
    bench.operations.shutdown().await;
    assert_eq!(bench.kinds().last(), Some(&EventKind::ExecutionOutcome));
    assert_eq!(bench.settled(run).await.steps[0].state, StepState::Stopped);
}
