//! Puts the rooms together and serves until somebody says stop.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use identity::{Identity, IdentityConfig, Notice};
use kubernetes::Connection;
use operations::{Adapter, EnvironmentKind, Limits, LiveStatus, Operations, OperationsBuilder, Suggester};
use sandbox::Sandbox;
use store::{Occupancy, Store};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::alerts::AlertSource;
use crate::config::{ChannelConfig, Cluster, Config, EnvironmentConfig};
use crate::folder::Folder;
use crate::links::LinkHosts;
use crate::listen::{self, Bounds};
use crate::reach;
use crate::routes::{self, Portal};
use crate::sign_in_log::TrailLog;

/// How long requests may finish after Stop was said.
const GRACE: Duration = Duration::from_secs(10);
/// How long a portal waits for the one before it to end: a little longer than that one takes.
const SUCCESSION: Duration = Duration::from_secs(45);
/// How often ended sessions are removed.
const SESSION_SWEEP: Duration = Duration::from_secs(15 * 60);

type Failure = Box<dyn std::error::Error>;

/// What a portal is made of, whichever way it was configured.
pub struct Plan {
    /// The folder of Markdown.
    pub runbooks: PathBuf,
    /// The portal's own folder.
    pub data: PathBuf,
    /// The database's address.
    pub database: String,
    /// The built site; beside the binary unless set.
    pub site: Option<PathBuf>,
    /// The shim; beside the binary unless set.
    pub shim: Option<PathBuf>,
    /// Where runs may act.
    pub environments: Vec<EnvironmentConfig>,
    /// What one execution may use.
    pub limits: Limits,
    /// Where people are told of incidents.
    pub channels: Vec<ChannelConfig>,
    /// Programs that the broker runs and the system has nowhere, or elsewhere.
    pub programs: BTreeMap<String, PathBuf>,
    /// How much faster than real the practice cluster moves.
    pub practice_speed: f64,
    /// Monitoring systems that may tell of alerts.
    pub alerts: Vec<AlertSource>,
    /// The host names of links to what calls reach, where there are any.
    pub links: Option<LinkHosts>,
}

/// A portal with every room open, ready to be served.
pub struct Assembled {
    /// The use cases.
    pub operations: Operations,
    store: Store,
    site: PathBuf,
    practice: bool,
    alerts: Vec<AlertSource>,
    links: Option<LinkHosts>,
    /// Kept alive while the portal serves.
    cluster: Option<practice::Practice>,
    /// Held until the end: what runs is known to this process alone.
    place: Occupancy,
}

impl Assembled {
    /// Every address of this portal, for people who sign in as configured. `shutdown` ends its streams.
    ///
    /// # Errors
    /// Where the configuration of sign-in is not usable.
    pub async fn router(
        &self,
        identity: IdentityConfig,
        shutdown: CancellationToken,
    ) -> Result<Router, identity::ConfigError> {
        let identity = Identity::discover(identity, Arc::new(TrailLog(self.operations.clone())))
            .await?
            .with_notice_page(notice_page);
        let (alerts, links) = (self.alerts.clone(), self.links.clone());
        let portal = Portal::new(self.operations.clone(), &self.site, self.practice, alerts, links, shutdown);
        Ok(routes::router(portal, &identity, self.store.clone()))
    }

    /// Stops what runs, writes its outcomes, and ends the practice cluster. Gives back the place at the database: a successor
    /// may begin once it is dropped.
    pub async fn close(self) -> Occupancy {
        self.operations.shutdown().await;
        if let Some(cluster) = self.cluster {
            cluster.shutdown().await;
        }
        self.place
    }
}

/// The plain pages of sign-in in the portal's look.
fn notice_page(notice: &Notice) -> String {
    let (words, address) = notice.action;
    app::message_page(notice.title, &notice.text, Some((address, words)))
}

/// Serves as the configuration file says.
///
/// # Errors
/// Where something cannot be set up; the message names the next step.
pub async fn serve(file: &Path) -> Result<(), Failure> {
    let config = Config::read(file)?;
    let listener = bind(config.listen).await?;
    let public_url = match &config.public_url {
        Some(url) => url.clone(),
        None => format!("http://{}", listener.local_addr()?).parse()?,
    };
    let links = LinkHosts::new(public_url.clone(), config.links.domain.clone());
    let identity = config.identity.resolve(public_url, config.trusted_proxies.clone())?;
    let alerts = config.alerts.iter().map(|source| source.resolve(&config.environments)).collect::<Result<_, _>>()?;
    let plan = Plan {
        alerts,
        database: config.database_url(),
        runbooks: config.runbooks,
        data: config.data,
        site: config.site,
        shim: config.shim,
        environments: config.environments,
        limits: config.limits.into(),
        channels: config.channels,
        programs: config.programs,
        practice_speed: 1.0,
        links,
    };
    run(plan, identity, listener).await
}

/// Takes the address; says which one it was when it is taken.
///
/// # Errors
/// Where it is in use or not this machine's.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        format!("cannot listen on {address}: {error}. Choose another address with --listen or `listen`").into()
    })
}

/// Assembles and serves until the process is told to stop.
///
/// # Errors
/// Where something cannot be set up.
pub async fn run(plan: Plan, identity: IdentityConfig, listener: TcpListener) -> Result<(), Failure> {
    let portal = assemble(plan).await?;
    let unfinished = portal.operations.recover().await?;
    if unfinished > 0 {
        tracing::warn!(unfinished, "actions were in flight when the portal ended last: their outcome is unknown now");
    }
    if let Err(reason) = portal.operations.can_run() {
        tracing::warn!("{reason}");
    }
    let shutdown = CancellationToken::new();
    let router = portal.router(identity, shutdown.clone()).await?;
    let sweeper = tokio::spawn(sweep_sessions(portal.store.clone(), shutdown.clone()));
    announce(listener.local_addr()?)?;

    let serving = tokio::spawn(listen::serve(listener, router, Bounds::default(), shutdown.clone()));
    asked_to_stop().await;
    shutdown.cancel();
    tracing::info!("stopping: streams end, commands are stopped, their outcomes are written");
    // Until the last request has ended: what is still written is this process's.
    let place = portal.close().await;
    match tokio::time::timeout(GRACE, serving).await {
        Ok(ended) => ended?,
        Err(_) => tracing::warn!("some requests had not ended after {} s", GRACE.as_secs()),
    }
    sweeper.await?;
    drop(place);
    Ok(())
}

/// The one line that programs wait for.
fn announce(address: SocketAddr) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening on http://{address}")?;
    out.flush()
}

async fn asked_to_stop() {
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(error) => {
                tracing::warn!(%error, "SIGTERM is not heard");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
}

async fn sweep_sessions(store: Store, shutdown: CancellationToken) {
    let mut ticks = tokio::time::interval(SESSION_SWEEP);
    while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
        if let Err(error) = store.delete_expired_sessions().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "ended sessions were not removed");
        }
    }
}

/// Opens every room.
///
/// # Errors
/// Where one cannot be opened.
pub async fn assemble(plan: Plan) -> Result<Assembled, Failure> {
    std::fs::create_dir_all(&plan.data)
        .map_err(|error| format!("the data folder {} cannot be made: {error}", plan.data.display()))?;
    let data = plan.data.canonicalize()?;
    let channels = plan.channels.iter().map(ChannelConfig::open).collect::<Result<Vec<_>, _>>()?;
    let library = Folder::open(&plan.runbooks)?;
    let store = Store::connect(&plan.database).await?;
    // Before anything of an earlier portal is swept: an old one may still be ending.
    let place = store.occupy(SUCCESSION).await?;
    let shim = beside_binary(plan.shim, "runbook-shim")?;
    let site = beside_binary(plan.site, "../site").or_else(|_| beside_binary(None, "site"))?;
    let practice = plan.environments.iter().all(|environment| environment.kind == EnvironmentKind::Practice);
    let Clusters { mut adapters, live, names, environments, cluster } =
        clusters(&plan.environments, &data, plan.practice_speed).await?;
    let sandbox = Sandbox::new(data, shim);
    let beside = reach::open(&plan.environments, &plan.programs, sandbox.errands())?;
    adapters.extend(beside.adapters);
    let operations = OperationsBuilder {
        library: Arc::new(library),
        runs: Arc::new(store.clone()),
        incidents: Arc::new(store.clone()),
        trail: Arc::new(store.clone()),
        outputs: Arc::new(store.clone()),
        people: Arc::new(store.clone()),
        tokens: Arc::new(store.clone()),
        executor: Arc::new(sandbox),
        adapters,
        live,
        links: plan.links.as_ref().map(LinkHosts::portal),
        suggesters: vec![names, beside.resources],
        channels,
        environments,
        limits: plan.limits,
        clock: Arc::new(jiff::Timestamp::now),
    }
    .build();
    Ok(Assembled { operations, store, site, practice, alerts: plan.alerts, links: plan.links, cluster, place })
}

fn beside_binary(configured: Option<PathBuf>, name: &str) -> Result<PathBuf, Failure> {
    let path = match configured {
        Some(path) => path,
        None => std::env::current_exe()?.parent().unwrap_or(Path::new(".")).join(name),
    };
    path.canonicalize()
        .map_err(|error| format!("{} is not there: {error}. Run `cargo xtask build`", path.display()).into())
}

struct Clusters {
    adapters: Vec<Arc<dyn Adapter>>,
    live: Arc<dyn LiveStatus>,
    names: Arc<dyn Suggester>,
    environments: Vec<operations::Environment>,
    cluster: Option<practice::Practice>,
}

/// Connects each environment with its cluster; starts the practice cluster where one asks for it.
async fn clusters(configured: &[EnvironmentConfig], data: &Path, speed: f64) -> Result<Clusters, Failure> {
    let mut cluster = None;
    let mut connections = Vec::new();
    let mut environments = Vec::new();
    for environment in configured {
        let Some(cluster_config) = &environment.kubernetes else {
            environments.push(environment.environment(None));
            continue;
        };
        let (connection, context) = match cluster_config {
            Cluster::Practice => {
                if cluster.is_none() {
                    let started = practice::Practice::builder().speed(speed).start(([127, 0, 0, 1], 0).into()).await?;
                    write_private(&data.join(PRACTICE_KUBECONFIG), &started.kubeconfig())?;
                    cluster = Some(started);
                }
                let path = data.join(PRACTICE_KUBECONFIG);
                (Connection::Kubeconfig { path, context: None }, "practice".to_owned())
            }
            Cluster::Kubeconfig { file, context } => {
                let path = file.clone().or_else(usual_kubeconfig).ok_or_else(|| {
                    format!("environment {}: name the kubeconfig file, or set KUBECONFIG", environment.name)
                })?;
                // The name is settled now: a later switch in the file must not move the environment.
                let context = context.clone().or_else(|| kubernetes::current_context(&path)).ok_or_else(|| {
                    format!("environment {}: {} has no current context, so name one", environment.name, path.display())
                })?;
                (Connection::Kubeconfig { path, context: Some(context.clone()) }, context)
            }
            Cluster::InCluster => (Connection::InCluster, "in-cluster".to_owned()),
        };
        let known = environment.environment(Some(context));
        connections.push((known.name.clone(), connection));
        environments.push(known);
    }
    let all = kubernetes::Clusters::new(connections);
    Ok(Clusters {
        adapters: kubernetes::adapters(&all),
        live: Arc::new(kubernetes::Live::new(all.clone())),
        names: Arc::new(kubernetes::Names::new(all)),
        environments,
        cluster,
    })
}

/// The practice cluster's kubeconfig, in the data folder.
const PRACTICE_KUBECONFIG: &str = "practice.kubeconfig";

fn usual_kubeconfig() -> Option<PathBuf> {
    std::env::var_os("KUBECONFIG")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".kube/config")))
        .filter(|file| file.is_file())
}

/// Writes a file that only the portal's user can read.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    if path.exists() {
        std::fs::remove_file(path)?;
    }
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(text.as_bytes())
}
