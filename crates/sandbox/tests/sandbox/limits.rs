//! What a script may use at most.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use operations::{Executor, Exit, OutputSink, Stream};

use crate::fixture::{Broker, place, processes, unique_seconds};

#[tokio::test]
async fn processes_are_bounded() {
    let Some(mut place) = place() else { return };
    let seconds = unique_seconds();
    place.request.limits.processes = 30;
    place.request.limits.time = Duration::from_secs(3);
    place.request.script = format!("for i in $(seq 200); do sleep {seconds} & done; wait");
    let most = async {
        let mut most = 0;
        loop {
            most = most.max(processes(&seconds));
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
                () = place.stop.cancelled() => return most,
            }
        }
    };
    let run = async {
        let end = place.go().await;
        place.stop.cancel();
        end
    };
    let (end, most) = tokio::join!(run, most);
    assert_ne!(end.exit, Exit::Code(0));
    assert!((10..=30).contains(&most), "{most} at once");
    assert_eq!(processes(&seconds), 0);
}

#[tokio::test]
async fn a_fork_bomb_ends_with_its_time() {
    let Some(mut place) = place() else { return };
    place.request.limits.processes = 60;
    place.request.limits.time = Duration::from_secs(3);
    let started = Instant::now();
    let end = place.run("bomb() { bomb | bomb & }; bomb; while :; do sleep 1; done").await;
    assert!(!matches!(end.exit, Exit::Code(0)), "{:?}", end.exit);
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    // The machine still works.
    place.request.limits.time = Duration::from_secs(60);
    assert_eq!(place.run("echo fine").await.stdout, "fine\n");
}

#[tokio::test]
async fn memory_and_files_are_bounded() {
    let Some(mut place) = place() else { return };
    place.request.limits.memory = 256 << 20;
    place.request.limits.file_size = 1 << 20;
    let end = place.run("head -c 400000000 /dev/zero | tail -c 400000000 | wc -c").await;
    assert_eq!(end.stdout, "0\n", "{}", end.stderr);
    let end = place
        .run("trap '' XFSZ; head -c 3000000 /dev/zero > file || true; stat -c %s file; ulimit -c; ulimit -n")
        .await;
    assert_eq!(end.stdout, "1048576\n0\n1024\n", "{}", end.stderr);
    let end = place.run("for i in $(seq 400); do head -c 1000000 /dev/zero > /tmp/$i || break; done 2>/dev/null; du -sm /tmp | cut -f1").await;
    let used: u64 = end.stdout.trim().parse().unwrap();
    assert!((100..=130).contains(&used), "{used} MiB in /tmp");
}

#[tokio::test]
async fn the_memory_of_all_is_bounded() {
    let Some(mut place) = place() else { return };
    place.request.limits.memory = 128 << 20;
    // Each holds 30 MB, which is allowed; together they hold 300 MB, which is not.
    let end = place
        .run(
            // A `tail` holds the end of what it reads until its writer ends; bash itself would take minutes to hold as much.
            "for i in 1 2 3 4 5 6 7 8 9 10; do (head -c 30000000 /dev/zero; sleep 1000) | tail -c 30000000 > /dev/null & done; wait",
        )
        .await;
    assert_eq!(end.exit, Exit::Code(137));
    assert!(end.stderr.contains("more than 256 MiB of memory"), "{}", end.stderr);
}

#[tokio::test]
async fn the_workspace_is_bounded() {
    let Some(mut place) = place() else { return };
    place.sandbox = place.sandbox.with_workspace_limit(5 << 20);
    let end = place.run("for i in $(seq 10); do head -c 1000000 /dev/zero > $i; done; sleep 1000").await;
    assert_eq!(end.exit, Exit::Code(137));
    assert!(end.stderr.contains("larger than 5 MiB"), "{}", end.stderr);
}

/// Compares what has arrived with what the script has done.
struct Slow {
    broker: Arc<Broker>,
    before: AtomicUsize,
    all: AtomicUsize,
}

#[async_trait]
impl OutputSink for Slow {
    async fn write(&self, _: Stream, bytes: Bytes) {
        tokio::task::yield_now().await;
        self.all.fetch_add(bytes.len(), Ordering::SeqCst);
        if self.broker.calls().is_empty() {
            self.before.fetch_add(bytes.len(), Ordering::SeqCst);
        }
    }
}

#[tokio::test]
async fn a_flood_waits_for_its_sink() {
    let Some(mut place) = place() else { return };
    let sink = Arc::new(Slow { broker: place.broker.clone(), before: AtomicUsize::new(0), all: AtomicUsize::new(0) });
    place.request.script = "head -c 30000000 /dev/zero; kubectl get pods".into();
    let end =
        place.sandbox.execute(place.request.clone(), place.broker.clone(), sink.clone(), place.stop.clone()).await;
    assert_eq!(end.unwrap().exit, Exit::Code(0));
    assert_eq!(sink.all.load(Ordering::SeqCst), 30_000_000);
    // When the call came, at most a full pipe and one piece had not arrived.
    let before = sink.before.load(Ordering::SeqCst);
    assert!(before >= 30_000_000 - 3 * (64 << 10), "{before}");
}

/// Takes nothing, ever.
struct Stuck;

#[async_trait]
impl OutputSink for Stuck {
    async fn write(&self, _: Stream, _: Bytes) {
        std::future::pending::<()>().await;
    }
}

#[tokio::test]
async fn a_stuck_sink_does_not_stop_the_stop() {
    let Some(mut place) = place() else { return };
    let seconds = unique_seconds();
    place.request.script = format!("kubectl get; yes {seconds}");
    let stop = async {
        place.broker.until(|broker| !broker.calls().is_empty()).await;
        place.stop.cancel();
    };
    let running =
        place.sandbox.execute(place.request.clone(), place.broker.clone(), Arc::new(Stuck), place.stop.clone());
    let (end, ()) = tokio::join!(running, stop);
    assert_eq!(end.unwrap().exit, Exit::Stopped);
    assert_eq!(processes(&seconds), 0);
}
