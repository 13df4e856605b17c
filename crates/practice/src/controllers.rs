//! The controllers: they look at what is wanted and move what is towards it, as the real ones do.
//!
//! All of them run in one task. A round looks at everything, and ends with the instant at which time alone
//! will change something; the next round starts then, or when an object changes. What a controller knows is
//! in the objects; only deadlines are kept beside them.

mod applications;
mod autoscaler;
mod budgets;
pub(crate) mod deployments;
mod endpoints;
mod garbage;
mod jobs;
pub(crate) mod kubelet;
pub(crate) mod node_pods;
pub(crate) mod pod_status;
pub(crate) mod replicas;
pub(crate) mod replicasets;
pub(crate) mod scheduler;
pub(crate) mod stateful;

use crate::cluster::Cluster;
use crate::store::Store;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Writes that come together are answered together.
const GATHER: Duration = Duration::from_millis(8);
/// A round happens at least this often.
const IDLE: Duration = Duration::from_secs(30);

/// Deadlines, each for one object and one thing that is going to happen to it.
pub(crate) struct Timers {
    due: HashMap<(String, &'static str), (Instant, u64)>,
    round: u64,
    now: Instant,
    speed: f64,
}

impl Timers {
    fn new(speed: f64) -> Self {
        Self { due: HashMap::new(), round: 0, now: Instant::now(), speed }
    }

    fn begin(&mut self) {
        self.round += 1;
        self.now = Instant::now();
    }

    /// Whether `what` is due for an object, `seconds` of cluster time after it was first asked about.
    /// Once it was due the clock starts anew.
    pub(crate) fn due(&mut self, uid: &str, what: &'static str, seconds: f64) -> bool {
        let key = (uid.to_owned(), what);
        let wait = Duration::from_secs_f64((seconds / self.speed).clamp(0.0, 86_400.0));
        let (deadline, _) = *self.due.entry(key.clone()).or_insert((self.now + wait, 0));
        if deadline <= self.now {
            self.due.remove(&key);
            return true;
        }
        self.due.insert(key, (deadline, self.round));
        false
    }

    /// How much faster than a real cluster time runs.
    pub(crate) fn speed(&self) -> f64 {
        self.speed
    }

    /// Forgets deadlines that nobody asked about in this round, and returns the next one.
    fn end(&mut self) -> Instant {
        let round = self.round;
        self.due.retain(|_, (_, asked)| *asked == round);
        let next = self.due.values().map(|(deadline, _)| *deadline).min();
        next.unwrap_or(self.now + IDLE).min(self.now + IDLE)
    }
}

/// Runs the controllers until the cluster stops.
pub(crate) async fn run(cluster: Arc<Cluster>) {
    let mut news = cluster.store().subscribe();
    let mut timers = Timers::new(cluster.speed);
    loop {
        news.borrow_and_update();
        let next = {
            let mut store = cluster.store();
            round(&mut store, &mut timers)
        };
        tokio::select! {
            () = cluster.stop.cancelled() => return,
            () = tokio::time::sleep_until(next) => {}
            changed = news.changed() => if changed.is_err() { return },
        }
        tokio::time::sleep(GATHER).await;
    }
}

fn round(store: &mut Store, timers: &mut Timers) -> Instant {
    timers.begin();
    garbage::collect(store, timers);
    deployments::reconcile(store, timers);
    stateful::reconcile(store);
    node_pods::reconcile(store);
    jobs::reconcile(store);
    replicasets::reconcile(store);
    kubelet::reconcile(store, timers);
    endpoints::reconcile(store);
    budgets::reconcile(store);
    autoscaler::reconcile(store, timers);
    applications::reconcile(store, timers);
    timers.end()
}
