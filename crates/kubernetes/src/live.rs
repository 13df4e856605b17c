//! Live status: one watch of a namespace, however many people look.

mod model;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::try_join3;
use jiff::Timestamp;
use operations::{CardState, Environment, EnvironmentName, LiveStatus, Namespaces, Snapshot};
use serde_json::Value;
use tokio::sync::{Mutex, mpsc, watch};

use crate::api::{AS_JSON, Api, Query};
use crate::connection::Clusters;
use crate::discovery;
use crate::failure::Failure;
use crate::resolve::{Scope, items};
use crate::watch::{Event, Watcher};
use model::{Kind, Model};

/// How long a watch outlives the last who looked: a reload of a page does not start it anew.
const LINGER: Duration = Duration::from_secs(5);
/// How often a moving cluster is redrawn at most.
const REDRAW: Duration = Duration::from_millis(250);
/// The first and the longest wait before a broken watch is tried again.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// How long a first answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

type Watches = HashMap<(EnvironmentName, String), watch::Sender<Snapshot>>;

/// Follows the workloads of namespaces. Cheap to clone; all clones share their watches.
#[derive(Clone)]
pub struct Live {
    clusters: Clusters,
    watches: Arc<Mutex<Watches>>,
}

impl Live {
    /// Live status of these clusters.
    #[must_use]
    pub fn new(clusters: Clusters) -> Self {
        Self { clusters, watches: Arc::default() }
    }

    /// How many namespaces are watched now.
    pub async fn watched(&self) -> usize {
        self.watches.lock().await.len()
    }
}

fn snapshot(state: CardState) -> Snapshot {
    Snapshot { state, at: Timestamp::now(), workloads: Vec::new(), labels: Vec::new() }
}

#[async_trait]
impl LiveStatus for Live {
    async fn follow(&self, environment: &Environment, namespace: &str) -> watch::Receiver<Snapshot> {
        let permitted = environment.kubernetes.as_ref().is_some_and(|known| known.namespaces.permit(namespace));
        if !permitted {
            let why = format!("the namespace {namespace} is not part of this environment");
            return watch::channel(snapshot(CardState::Forbidden(why))).1;
        }
        let key = (environment.name.clone(), namespace.to_owned());
        let mut watches = self.watches.lock().await;
        if let Some(known) = watches.get(&key) {
            return known.subscribe();
        }
        let (sender, receiver) = watch::channel(snapshot(CardState::Loading));
        watches.insert(key.clone(), sender.clone());
        tokio::spawn(keep(self.clone(), key, sender));
        receiver
    }
}

/// Watches until nobody has looked for a while.
async fn keep(live: Live, key: (EnvironmentName, String), sender: watch::Sender<Snapshot>) {
    let work = watch_for_ever(&live.clusters, &key, &sender);
    tokio::pin!(work);
    loop {
        tokio::select! {
            () = &mut work => return,
            () = sender.closed() => {}
        }
        tokio::select! {
            () = &mut work => return,
            () = tokio::time::sleep(LINGER) => {}
        }
        // Under the lock, so that nobody can join a watch that is about to end.
        let mut watches = live.watches.lock().await;
        if sender.receiver_count() == 0 {
            watches.remove(&key);
            return;
        }
    }
}

async fn watch_for_ever(clusters: &Clusters, key: &(EnvironmentName, String), sender: &watch::Sender<Snapshot>) {
    let mut wait = BACK_OFF.0;
    loop {
        let started = tokio::time::Instant::now();
        let failure = match watch_once(clusters, key, sender).await {
            Err(failure) => failure,
            Ok(never) => match never {},
        };
        let forbidden = matches!(&failure, Failure::Server(status) if status.code == 403 || status.code == 401);
        let known =
            !matches!(sender.borrow().state, CardState::Loading | CardState::Unreachable(_) | CardState::Forbidden(_));
        let text = failure.print().trim_end().to_owned();
        sender.send_modify(|snapshot| match (&snapshot.state, known) {
            _ if forbidden => {
                *snapshot = self::snapshot(CardState::Forbidden(text));
            }
            (CardState::Stale(_), _) => {}
            (_, true) => snapshot.state = CardState::Stale(snapshot.at),
            (_, false) => snapshot.state = CardState::Unreachable(text),
        });
        // A watch that held for a while earns a quick new start.
        if started.elapsed() > BACK_OFF.1 {
            wait = BACK_OFF.0;
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(BACK_OFF.1);
    }
}

enum Never {}

/// What the three watches report.
enum Report {
    Listed(Kind, Vec<Value>),
    Changed(Kind, Value),
    Gone(Kind, Value),
}

async fn watch_once(
    clusters: &Clusters,
    (environment, namespace): &(EnvironmentName, String),
    sender: &watch::Sender<Snapshot>,
) -> Result<Never, Failure> {
    let cluster = clusters.cluster(environment).await.map_err(|wrong| Failure::Plain(wrong.to_string()))?;
    let scope = Scope {
        api: Api { cluster, timeout: Some(PATIENCE) },
        namespace: namespace.clone(),
        namespace_given: true,
        all_namespaces: false,
        allowed: &Namespaces::All,
    };
    let (reports, inbox) = mpsc::channel(64);
    let watch = |kind: Kind| follow(&scope, kind, reports.clone());
    let watches = try_join3(watch(Kind::Deployment), watch(Kind::ReplicaSet), watch(Kind::Pod));
    tokio::select! {
        failed = watches => match failed {
            Err(failure) => Err(failure),
            Ok((never, _, _)) => match never {},
        },
        never = draw(inbox, namespace, sender) => match never {},
    }
}

/// Lists, then watches one kind, for as long as that goes well.
async fn follow(scope: &Scope<'_>, kind: Kind, reports: mpsc::Sender<Report>) -> Result<Never, Failure> {
    let gone = |_| Failure::Ended;
    let mapping = discovery::one(&scope.api, kind.resource()).await?;
    loop {
        let mut pages = scope.pages(&mapping, Query::new(), AS_JSON, 500);
        let mut listed = Vec::new();
        let mut version = String::new();
        while let Some(page) = pages.next().await? {
            version = page["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
            listed.extend(items(page, &mapping).take(kind.limit().saturating_sub(listed.len())).map(|mut object| {
                model::slim(&mut object);
                object
            }));
        }
        reports.send(Report::Listed(kind, listed)).await.map_err(gone)?;
        'watch: loop {
            let mut watcher = Watcher::start(scope, &mapping, Query::new(), &version, AS_JSON).await?;
            loop {
                let report = match watcher.next().await? {
                    Event::Change(event, object) if event == "DELETED" => Report::Gone(kind, object),
                    Event::Change(_, object) => Report::Changed(kind, object),
                    Event::Closed(next) => {
                        version = next;
                        continue 'watch;
                    }
                    Event::Expired => break 'watch,
                };
                reports.send(report).await.map_err(gone)?;
            }
        }
    }
}

/// Keeps the model and redraws it, not too often.
async fn draw(mut inbox: mpsc::Receiver<Report>, namespace: &str, sender: &watch::Sender<Snapshot>) -> Never {
    let mut model = Model::default();
    let mut dirty = false;
    let mut next = tokio::time::Instant::now();
    loop {
        tokio::select! {
            report = inbox.recv() => match report {
                Some(Report::Listed(kind, objects)) => {
                    model.replace(kind, objects);
                    dirty = true;
                }
                Some(Report::Changed(kind, object)) => {
                    model.put(kind, object);
                    dirty = true;
                }
                Some(Report::Gone(kind, object)) => {
                    model.remove(kind, &object);
                    dirty = true;
                }
                // The watches have ended; whoever holds this decides what follows.
                None => std::future::pending().await,
            },
            () = tokio::time::sleep_until(next), if dirty && model.complete() => {
                dirty = false;
                next = tokio::time::Instant::now() + REDRAW;
                sender.send_replace(model.snapshot(namespace));
            }
        }
    }
}
