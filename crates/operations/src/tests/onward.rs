//! Running on stops where a person is needed, and says why.

use std::collections::BTreeMap;

use super::fakes::{Bench, Script, bench, person};
use crate::{Error, EventKind, Mark, Role, RunId, RunView, StepState};

/// Runs on until it has stopped.
async fn on(bench: &Bench, run: RunId) -> (RunView, String) {
    bench.operations.run_on(&person(Role::Operator), run).await.unwrap();
    stopped(bench, run).await
}

async fn stopped(bench: &Bench, run: RunId) -> (RunView, String) {
    let viewer = person(Role::Viewer);
    let mut changes = bench.operations.watch_run(&viewer, run).await.unwrap();
    loop {
        let view = bench.operations.view_run(&viewer, run).await.unwrap();
        if let Some(why) = view.onward.as_ref().and_then(|onward| onward.stopped.clone()) {
            return (view, why);
        }
        changes.changed().await.unwrap();
    }
}

fn passed(view: &RunView) -> usize {
    view.steps.iter().flat_map(|step| &step.commands).filter(|one| one.state == StepState::Passed).count()
}

#[tokio::test]
async fn values_that_are_missing_stop_it_and_it_goes_on_from_there() {
    let bench = bench();
    let run = bench.start("values").await;
    let (view, why) = on(&bench, run).await;
    assert!(why.contains("pod-name") && passed(&view) == 0, "{why}");
    let given = BTreeMap::from([("pod-name".to_owned(), "web-1".to_owned())]);
    bench.operations.give(&person(Role::Operator), run, given).await.unwrap();
    let (view, why) = on(&bench, run).await;
    assert!(why.contains("a value says what") && passed(&view) == 2, "{why}");
    let intents = bench.kinds().into_iter().filter(|kind| *kind == EventKind::ExecutionIntent).count();
    assert_eq!(intents, 2, "each press is in the trail");
}

#[tokio::test]
async fn what_is_for_a_person_stops_it() {
    let bench = bench();
    let operator = person(Role::Operator);
    let run = bench.start("recover").await;
    let (_, why) = on(&bench, run).await;
    assert!(why.contains("is for a person"), "{why}");
    bench.operations.mark(&operator, run, "1", Mark::Done).await.unwrap();
    let (_, why) = on(&bench, run).await;
    assert!(why.contains("is a choice"), "{why}");
    bench.operations.choose(&operator, run, &runbook::CommandId::new("2a")).await.unwrap();
    let (view, why) = on(&bench, run).await;
    assert!(passed(&view) == 1 && why.contains("done or skipped"), "{why}");
    let run = bench.start("ask-the-database").await;
    let given = BTreeMap::from([("state".to_owned(), "old".to_owned())]);
    bench.operations.give(&operator, run, given).await.unwrap();
    let (view, why) = on(&bench, run).await;
    assert!(why.contains("press Run there yourself") && passed(&view) == 1, "{why}");
}

#[tokio::test]
async fn what_is_not_as_expected_stops_it() {
    let bench = bench();
    *bench.bash.script.lock().unwrap() = Script::Prints("12\n".into(), 1);
    let run = bench.start("expect").await;
    let (view, why) = on(&bench, run).await;
    assert!(why.contains("not as expected") && passed(&view) == 0, "{why}");
    *bench.bash.script.lock().unwrap() = Script::Prints("3\n".into(), 1);
    let run = bench.start("expect").await;
    let (view, why) = on(&bench, run).await;
    assert!(why.contains("asks whether the result") && passed(&view) == 2, "{why}");
    bench.operations.mark(&person(Role::Operator), run, "2", Mark::Judged { met: true }).await.unwrap();
    let (_, why) = on(&bench, run).await;
    assert_eq!(why, "Every step is done or skipped.");
}

#[tokio::test]
async fn one_at_a_time_and_stop_ends_it() {
    let bench = bench();
    *bench.bash.script.lock().unwrap() = Script::Waits;
    let operator = person(Role::Operator);
    let run = bench.start("restart").await;
    bench.operations.run_on(&operator, run).await.unwrap();
    assert!(matches!(bench.operations.run_on(&operator, run).await, Err(Error::Conflict(_))));
    assert!(matches!(bench.operations.run_on(&person(Role::Viewer), run).await, Err(Error::Forbidden(_))));
    let mut changes = bench.operations.watch_run(&operator, run).await.unwrap();
    let execution = loop {
        let view = bench.operations.view_run(&operator, run).await.unwrap();
        if let Some(execution) = &view.steps[0].commands[0].execution {
            break execution.id;
        }
        changes.changed().await.unwrap();
    };
    bench.operations.stop(&operator, execution).await.unwrap();
    let (_, why) = stopped(&bench, run).await;
    assert!(why.contains("stopped: look at it first"), "{why}");
}
