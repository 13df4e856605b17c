//! How an execution ends, and that nothing of it stays.

use std::time::{Duration, Instant};

use operations::{Executor, Exit};

use crate::fixture::{place, processes, unique_seconds};

#[tokio::test]
async fn stop_ends_the_whole_tree_and_its_calls() {
    let Some(mut place) = place() else { return };
    let seconds = unique_seconds();
    place.request.script = format!(
        "setsid sleep {seconds} & nohup sleep {seconds} & (trap '' TERM; sleep {seconds}) & sleep {seconds} & disown -a
        kubectl follow & export A=1; sleep {seconds}"
    );
    let stop = async {
        place.sink.until("line\n").await;
        place.broker.until(|broker| broker.calls().len() == 1).await;
        place.stop.cancel();
    };
    let (end, ()) = tokio::join!(place.go(), stop);
    assert_eq!(end.exit, Exit::Stopped);
    assert_eq!(processes(&seconds), 0);
    assert_eq!(place.broker.ended(), 1);
}

#[tokio::test]
async fn a_script_may_clean_up_when_stopped() {
    let Some(mut place) = place() else { return };
    place.request.script = "trap 'echo cleaned; exit 1' TERM; export A=1; echo ready; sleep 1000 & wait".into();
    let stop = async {
        place.sink.until("ready\n").await;
        place.stop.cancel();
    };
    let started = Instant::now();
    let (end, ()) = tokio::join!(place.go(), stop);
    assert_eq!((end.exit, end.stdout.as_str()), (Exit::Stopped, "ready\ncleaned\n"));
    assert_eq!(end.exported.get("A").map(String::as_str), Some("1"));
    assert!(started.elapsed() < Duration::from_secs(2), "no grace is waited for in vain");
}

#[tokio::test]
async fn a_script_that_will_not_end_is_killed() {
    let Some(mut place) = place() else { return };
    place.request.script = "trap '' TERM; echo ready; while :; do :; done".into();
    let stop = async {
        place.sink.until("ready\n").await;
        place.stop.cancel();
    };
    let (end, ()) = tokio::join!(place.go(), stop);
    assert_eq!(end.exit, Exit::Stopped);
}

#[tokio::test]
async fn a_stop_before_the_start_is_a_stop() {
    let Some(place) = place() else { return };
    place.stop.cancel();
    assert_eq!(place.go().await.exit, Exit::Stopped);
}

#[tokio::test]
async fn time_ends_it() {
    let Some(mut place) = place() else { return };
    let seconds = unique_seconds();
    place.request.limits.time = Duration::from_millis(500);
    let end = place.run(&format!("kubectl follow & sleep {seconds}")).await;
    assert_eq!((end.exit, end.stdout.as_str()), (Exit::TimedOut, "line\n"));
    assert_eq!((processes(&seconds), place.broker.ended()), (0, 1));
}

#[tokio::test]
async fn what_is_left_in_the_background_ends_with_bash() {
    let Some(mut place) = place() else { return };
    let seconds = unique_seconds();
    let end =
        place.run(&format!("sleep {seconds} & setsid -f sleep {seconds}; kubectl follow & sleep 0.2; echo done")).await;
    assert_eq!((end.exit, end.stdout.as_str()), (Exit::Code(0), "line\ndone\n"));
    assert_eq!((processes(&seconds), place.broker.ended()), (0, 1));
}

#[tokio::test]
async fn a_bash_that_is_killed_reports_it() {
    let Some(mut place) = place() else { return };
    assert_eq!(place.run("kill -9 $$").await.exit, Exit::Code(137));
    assert_eq!(place.run("kill -SEGV $$").await.exit, Exit::Code(139));
}

#[tokio::test]
async fn giving_up_an_execution_ends_it() {
    let Some(mut place) = place() else { return };
    let seconds = unique_seconds();
    place.request.script = format!("kubectl follow & sleep {seconds}");
    {
        let running =
            place.sandbox.execute(place.request.clone(), place.broker.clone(), place.sink.clone(), place.stop.clone());
        tokio::select! {
            _ = running => panic!("it does not end by itself"),
            () = place.sink.until("line\n") => {}
        }
    }
    place.broker.until(|broker| broker.ended() == 1).await;
    // Process 1 inside is killed by the kernel when bubblewrap ends, which takes it a moment.
    let deadline = Instant::now() + Duration::from_secs(10);
    while processes(&seconds) > 0 {
        assert!(Instant::now() < deadline, "still there");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_stop_while_bubblewrap_sets_up_leaves_nothing() {
    let Some(mut place) = place() else { return };
    for round in 0..40_u64 {
        place.request.execution = operations::ExecutionId::new();
        place.request.script = "sleep 1000".into();
        place.stop = tokio_util::sync::CancellationToken::new();
        let stop = async {
            tokio::time::sleep(Duration::from_micros(round * 400)).await;
            place.stop.cancel();
        };
        let (end, ()) = tokio::join!(place.go(), stop);
        assert_eq!(end.exit, Exit::Stopped);
        let folder = place.folder().join("executions").join(place.request.execution.to_string());
        let deadline = Instant::now() + Duration::from_secs(10);
        // A killed process 1 is gone when the kernel has ended what was inside.
        while processes(&folder.display().to_string()) > 0 {
            assert!(Instant::now() < deadline, "round {round} left something");
            tokio::task::yield_now().await;
        }
    }
}
