//! What readers cost the writer: appends to the audit trail of an SQLite file, alone and while eight readers page through
//! it without a pause. `cargo bench -p store`; the last line is the ratio of the two means.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use criterion::Criterion;
use jiff::Timestamp;
use operations::{Actor, AuditEvent, AuditFilter, AuditTrail, EventKind};
use store::Store;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

const READERS: usize = 8;
/// Events that are there before anything is measured.
const SEEDED: u64 = 1000;

/// Measured time and appends, over all samples.
#[derive(Clone, Copy, Default)]
struct Total {
    time: Duration,
    appends: u64,
}

impl Total {
    fn mean(self) -> f64 {
        self.time.as_secs_f64() / self.appends.max(1) as f64
    }
}

fn main() {
    let runtime = Runtime::new().expect("a runtime starts");
    let store = runtime.block_on(Store::connect("sqlite::memory:")).expect("a temporary database opens");
    runtime.block_on(append(&store, SEEDED));
    let mut criterion = Criterion::default().configure_from_args();

    let alone = measure(&mut criterion, &runtime, &store, "append alone");

    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..READERS).map(|_| runtime.spawn(read(store.clone(), Arc::clone(&stop)))).collect();
    let watched = measure(&mut criterion, &runtime, &store, "append with 8 readers");
    stop.store(true, Ordering::Relaxed);
    let pages = runtime.block_on(finish(readers));

    criterion.final_summary();
    if alone.appends > 0 && watched.appends > 0 {
        eprintln!("append with {READERS} readers / alone: {:.2} ({pages} pages read)", watched.mean() / alone.mean());
    }
}

fn measure(criterion: &mut Criterion, runtime: &Runtime, store: &Store, name: &str) -> Total {
    let total = Cell::new(Total::default());
    criterion.bench_function(name, |bencher| {
        bencher.iter_custom(|appends| {
            let start = Instant::now();
            runtime.block_on(append(store, appends));
            let time = start.elapsed();
            let before = total.get();
            total.set(Total { time: before.time + time, appends: before.appends + appends });
            time
        });
    });
    total.get()
}

async fn append(store: &Store, events: u64) {
    for _ in 0..events {
        let event = AuditEvent::new(Timestamp::now(), EventKind::RunStarted, Actor::portal(), "rolling restart");
        AuditTrail::append(store, &event).await.expect("an event is appended");
    }
}

async fn read(store: Store, stop: Arc<AtomicBool>) -> u64 {
    let mut pages = 0;
    while !stop.load(Ordering::Relaxed) {
        let page = store.page(&AuditFilter::default()).await.expect("a page is read");
        assert!(!page.entries.is_empty());
        pages += 1;
    }
    pages
}

async fn finish(readers: Vec<JoinHandle<u64>>) -> u64 {
    let mut pages = 0;
    for reader in readers {
        pages += reader.await.expect("a reader ends");
    }
    pages
}
