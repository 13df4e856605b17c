//! Rolling back: what was there is asked before a change, kept with its intent, and brought back at one press.

use std::sync::atomic::Ordering;

use super::fakes::{Before, Bench, Script, bench, bench_with, person};
use crate::*;

const RESTART: [&str; 6] = ["kubectl", "rollout", "restart", "deployment/shop", "-n", "shop"];
const BACK: &str = "kubectl rollout undo deployment/shop -n shop --to-revision=7";

/// A deployment as the cluster has it.
fn deployment(name: &str, replicas: u32, revision: u32) -> String {
    format!(
        r#"{{"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {{"name": "{name}", "namespace": "shop", "uid": "{name}", "generation": 1,
                "annotations": {{"deployment.kubernetes.io/revision": "{revision}"}}}},
            "spec": {{"replicas": {replicas}}}, "status": {{"observedGeneration": 1}}}}"#
    )
}

/// Runs these calls as command 1 of a new run, with these objects there before each of them.
async fn ran(bench: &Bench, calls: &[&[&'static str]], objects: &[String]) -> (RunId, ExecutionId) {
    *bench.kubectl.before.lock().unwrap() = Before::Objects(objects.to_vec());
    *bench.bash.script.lock().unwrap() = Script::Calls(calls.iter().map(|call| call.to_vec()).collect());
    let run = bench.start("restart").await;
    let execution = bench.press(run, "1").await.unwrap();
    bench.settled(run).await;
    (run, execution)
}

async fn text(bench: &Bench, execution: ExecutionId) -> Option<String> {
    bench.operations.undo_of(&person(Role::Viewer), execution).await.unwrap().map(|undo| undo.text)
}

async fn undo(bench: &Bench, run: RunId, execution: ExecutionId) -> Result<ExecutionId, Error> {
    bench.operations.undo(&person(Role::Operator), run, execution).await
}

#[tokio::test]
async fn what_others_did_since_is_told_before_it_is_undone() {
    let bench = bench();
    let (run, execution) = ran(&bench, &[&RESTART], &[deployment("shop", 3, 7)]).await;
    let operator = person(Role::Operator);
    let undo = |execution| bench.operations.undo_of(&operator, execution);
    assert_eq!(undo(execution).await.unwrap().unwrap().since, []);
    let other: &[&'static str] = &["kubectl", "rollout", "restart", "deployment/other", "-n", "shop"];
    ran(&bench, &[other, &RESTART], &[deployment("shop", 3, 8)]).await;
    let since = undo(execution).await.unwrap().unwrap().since;
    assert_eq!(since.iter().map(|since| since.call.as_str()).collect::<Vec<_>>(), [RESTART.join(" ")]);
    let view = bench.operations.run_page(&operator, run).await.unwrap();
    assert_eq!(view.steps[0].commands[0].undo.as_ref().unwrap().since, since, "in another run");
    let told = bench.operations.undo_of(&person(Role::Viewer), execution).await.unwrap().unwrap().since;
    assert_eq!((told[0].verb.as_str(), told[0].call.as_str()), ("rollout restart", ""), "what was typed is output's");
}

#[tokio::test]
async fn of_much_that_others_did_since_the_newest_is_told() {
    let bench = bench();
    let (run, _) = ran(&bench, &[&RESTART], &[deployment("shop", 3, 7)]).await;
    let calls: Vec<&[&'static str]> = vec![&RESTART; 7];
    ran(&bench, &calls, &[deployment("shop", 3, 8)]).await;
    let operator = person(Role::Operator);
    let undo = bench.operations.run_page(&operator, run).await.unwrap().steps[0].commands[0].undo.clone().unwrap();
    assert_eq!((undo.since.len(), undo.more_since, undo.much_since), (5, 2, false));
    let last = bench.store.changes_after(&EnvironmentName("practice".to_owned()), 0).await.unwrap();
    let newest: Vec<i64> = last[last.len() - 5..].iter().map(|change| change.sequence).collect();
    assert_eq!(undo.since.iter().map(|since| since.place).collect::<Vec<_>>(), newest);
}

#[tokio::test]
async fn what_was_done_since_is_read_for_the_page_alone_and_once() {
    let bench = bench();
    let (run, _) = ran(&bench, &[&RESTART], &[deployment("shop", 3, 7)]).await;
    ran(&bench, &[&RESTART], &[deployment("shop", 3, 8)]).await;
    let operator = person(Role::Operator);
    let read = || bench.store.later_read.swap(0, Ordering::SeqCst);
    read();
    assert_eq!(bench.operations.view_run(&operator, run).await.unwrap().steps[0].commands[0].undo, None);
    bench.operations.what_is_open(&operator, 10).await.unwrap();
    bench.operations.run_page(&person(Role::Viewer), run).await.unwrap();
    assert_eq!(read(), 0, "nobody is shown it there");
    for _ in 0..3 {
        let view = bench.operations.run_page(&operator, run).await.unwrap();
        assert_eq!(view.steps[0].commands[0].undo.as_ref().unwrap().since.len(), 1);
    }
    assert_eq!(read(), 1, "once for all who look");
    ran(&bench, &[&RESTART], &[deployment("shop", 3, 9)]).await;
    read();
    for _ in 0..3 {
        let view = bench.operations.run_page(&operator, run).await.unwrap();
        assert_eq!(view.steps[0].commands[0].undo.as_ref().unwrap().since.len(), 2);
    }
    assert_eq!(read(), 1, "the trail has grown");
}

#[tokio::test]
async fn a_restart_goes_back_to_the_revision_before() {
    let bench = bench();
    let (run, execution) = ran(&bench, &[&RESTART], &[deployment("shop", 3, 7)]).await;
    let asked = bench.kubectl.looked.lock().unwrap().clone();
    assert_eq!(asked, [["kubectl", "get", "deployment/shop", "--namespace=shop", "--output=json"]]);
    assert_eq!(text(&bench, execution).await.as_deref(), Some(BACK));
    let view = bench.operations.run_page(&person(Role::Viewer), run).await.unwrap();
    assert_eq!(view.steps[0].commands[0].undo.as_ref().unwrap().text, BACK);

    let words: Vec<&'static str> = BACK.split(' ').collect();
    *bench.kubectl.before.lock().unwrap() = Before::Objects(vec![deployment("shop", 3, 8)]);
    *bench.bash.script.lock().unwrap() = Script::Calls(vec![words.clone()]);
    let back = undo(&bench, run, execution).await.unwrap();
    let view = bench.settled(run).await;
    assert_eq!(bench.bash.requests.lock().unwrap().last().unwrap().script, BACK);
    assert_eq!(*bench.kubectl.performed.lock().unwrap().last().unwrap(), words);
    let command = &view.steps[0].commands[0];
    assert_eq!(command.state, StepState::Waiting, "what was rolled back is to be done");
    let shown = command.execution.as_ref().unwrap();
    assert_eq!((shown.id, shown.undoes, shown.findings.len()), (back, Some(execution), 0));
    assert_eq!(
        command.undo.as_ref().unwrap().text,
        "kubectl rollout undo deployment/shop -n shop --to-revision=8",
        "what was rolled back can be done again"
    );

    use EventKind::{ActionIntent, ActionOutcome, ExecutionIntent, ExecutionOutcome, RunStarted};
    let press = [ExecutionIntent, ActionIntent, ActionOutcome, ExecutionOutcome];
    assert_eq!(bench.kinds(), [[RunStarted].as_slice(), &press, &press].concat(), "looking leaves no row");
    let events = bench.store.events.lock().unwrap();
    assert_eq!(events[2].undo, [words]);
    let intent = &events[5];
    assert_eq!(intent.summary, "Roll back: Restart it");
    assert_eq!(intent.argv, [BACK]);
    assert_eq!(intent.original.as_deref(), Some("kubectl rollout restart deployment/shop -n shop"));
    assert_eq!(intent.effect, Some(command::Effect::Change));
}

#[tokio::test]
async fn it_is_not_taken_back_twice_unless_that_failed() {
    let bench = bench();
    let calls: [&[&str]; 2] =
        [&["kubectl", "scale", "deployment", "shop", "--replicas=5", "-n", "shop"], &["kubectl", "cordon", "n"]];
    let node = r#"{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "spec": {}}"#.to_owned();
    let closed = node.replace("{}}", r#"{"unschedulable": true}}"#);
    let (run, execution) = ran(&bench, &calls, &[deployment("shop", 3, 7), node, closed]).await;
    let (first, second) = ("kubectl uncordon n", "kubectl scale deployment/shop -n shop --replicas=3");
    assert_eq!(text(&bench, execution).await, Some(format!("set -e\n{first}\n{second}")), "the last one goes first");

    // The first half works, then the portal is told no.
    let words = |line: &'static str| line.split(' ').collect::<Vec<_>>();
    *bench.bash.script.lock().unwrap() = Script::Calls(vec![words(first), words("kubectl nonsense")]);
    undo(&bench, run, execution).await.unwrap();
    assert_eq!(bench.settled(run).await.steps[0].state, StepState::Failed);
    assert_eq!(text(&bench, execution).await.as_deref(), Some(second), "what is back is not brought back again");
    let view = bench.operations.run_page(&person(Role::Viewer), run).await.unwrap();
    let offered = view.steps[0].commands[0].undo.clone().unwrap();
    assert_eq!((offered.of, offered.text.as_str()), (execution, second), "the rest of it comes first");

    *bench.bash.script.lock().unwrap() = Script::Calls(vec![words(second)]);
    undo(&bench, run, execution).await.unwrap();
    bench.settled(run).await;
    assert_eq!(text(&bench, execution).await, None);
    assert!(matches!(undo(&bench, run, execution).await, Err(Error::Conflict(_))));
}

#[tokio::test]
async fn a_rollback_is_taken_back_too() {
    let bench = bench();
    let (run, mut last) = ran(&bench, &[&RESTART], &[deployment("shop", 3, 7)]).await;
    for state in [StepState::Waiting, StepState::Passed, StepState::Waiting] {
        last = undo(&bench, run, last).await.unwrap();
        assert_eq!(bench.settled(run).await.steps[0].state, state);
    }
}

#[tokio::test]
async fn only_what_worked_changed_something_and_has_ended_is_taken_back() {
    let bench = bench();
    let there = deployment("shop", 3, 7);
    let (run, read) = ran(&bench, &[&["kubectl", "get", "pods", "-n", "shop"]], std::slice::from_ref(&there)).await;
    assert_eq!(text(&bench, read).await, None);
    assert!(matches!(undo(&bench, run, read).await, Err(Error::Invalid(_))));
    assert!(bench.kubectl.looked.lock().unwrap().is_empty(), "a look asks nothing before it");

    bench.kubectl.say(1, "Error from server (Forbidden)");
    let (_, failed) = ran(&bench, &[&RESTART], std::slice::from_ref(&there)).await;
    assert_eq!(text(&bench, failed).await, None);

    *bench.bash.script.lock().unwrap() = Script::Waits;
    let run = bench.start("restart").await;
    let running = bench.press(run, "1").await.unwrap();
    assert_eq!(text(&bench, running).await, None);
    assert!(matches!(undo(&bench, run, running).await, Err(Error::Conflict(_))));
    bench.operations.stop(&person(Role::Operator), running).await.unwrap();
    bench.settled(run).await;
    assert!(matches!(undo(&bench, run, read).await, Err(Error::NotFound(_))), "it is another run's");
}

#[tokio::test(start_paused = true)]
async fn a_look_that_fails_leaves_the_change_alone() {
    for before in [Before::Unknown, Before::Silent, Before::Objects(vec!["no JSON".to_owned()])] {
        let bench = bench();
        *bench.kubectl.before.lock().unwrap() = before.clone();
        *bench.bash.script.lock().unwrap() = Script::Calls(vec![RESTART.to_vec()]);
        let run = bench.start("restart").await;
        let execution = bench.press(run, "1").await.unwrap();
        assert_eq!(bench.settled(run).await.steps[0].commands[0].state, StepState::Passed, "{before:?}");
        assert_eq!(*bench.kubectl.performed.lock().unwrap(), [RESTART]);
        assert_eq!(text(&bench, execution).await, None);
    }
}

#[tokio::test]
async fn it_needs_what_a_press_needs() {
    let bench = bench();
    let (run, execution) = ran(&bench, &[&RESTART], &[deployment("shop", 3, 7)]).await;
    let viewer = person(Role::Viewer);
    assert!(matches!(bench.operations.undo(&viewer, run, execution).await, Err(Error::Forbidden(_))));
    assert_eq!(bench.kinds().last(), Some(&EventKind::AccessRefused));

    let step = runbook::StepId::new("1");
    bench.operations.claim(&person(Role::Approver), run, &step).await.unwrap();
    assert!(matches!(undo(&bench, run, execution).await, Err(Error::Conflict(_))), "the step is somebody else's");
    bench.operations.hand_over_step(&person(Role::Approver), run, &step, None).await.unwrap();

    bench.store.trail_is_broken.store(true, Ordering::SeqCst);
    assert!(matches!(undo(&bench, run, execution).await, Err(Error::Audit(_))));
    bench.store.trail_is_broken.store(false, Ordering::SeqCst);
    assert!(text(&bench, execution).await.is_some(), "nothing ran, so it may be tried again");

    bench.operations.close_run(&person(Role::Operator), run, RunState::Completed).await.unwrap();
    assert!(matches!(undo(&bench, run, execution).await, Err(Error::Conflict(_))));
    assert_eq!(text(&bench, execution).await, None);
}

#[tokio::test]
async fn who_may_not_look_is_told_nothing() {
    let bench = bench_with(Policy { read: Role::Admin, ..Policy::default() });
    let (_, execution) = ran(&bench, &[&RESTART], &[deployment("shop", 3, 7)]).await;
    assert_eq!(bench.kubectl.performed.lock().unwrap().len(), 1);
    assert!(bench.kubectl.looked.lock().unwrap().is_empty());
    assert_eq!(text(&bench, execution).await, None);
}

#[tokio::test]
async fn running_on_stops_at_what_was_rolled_back() {
    let bench = bench();
    let (run, execution) = ran(&bench, &[&RESTART], &[deployment("shop", 3, 7)]).await;
    undo(&bench, run, execution).await.unwrap();
    bench.settled(run).await;
    let operator = person(Role::Operator);
    let mut changes = bench.operations.watch_run(&operator, run).await.unwrap();
    bench.operations.run_on(&operator, run).await.unwrap();
    loop {
        let view = bench.operations.view_run(&operator, run).await.unwrap();
        if let Some(why) = view.onward.and_then(|onward| onward.stopped) {
            assert!(why.contains("was rolled back"), "{why}");
            break;
        }
        changes.changed().await.unwrap();
    }
}

#[tokio::test]
async fn what_follows_is_filled_with_what_was_there_before() {
    let bench = bench();
    let following = async |run| bench.operations.run_page(&person(Role::Viewer), run).await.unwrap().following;
    let run = bench.start("restart").await;
    let before = following(run).await;
    assert_eq!((before.len(), before[0].title.as_str(), before[0].values.len()), (1, "Revert", 0));
    let (run, execution) = ran(&bench, &[&RESTART], &[deployment("shop", 3, 7)]).await;
    let after = following(run).await;
    let values: Vec<_> = after[0].values.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(values, ["revision=7"]);
    undo(&bench, run, execution).await.unwrap();
    bench.settled(run).await;
    assert!(following(run).await[0].values.is_empty(), "it is as it was");
}
