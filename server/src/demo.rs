//! Try it out on one machine: practice cluster, demo identity provider, SQLite.

use std::collections::BTreeMap;

use identity::demo::DemoProvider;
use operations::{EnvironmentKind, Limits, Policy};

use crate::cli::Demo;
use crate::config::{self, Beside, Cluster, EnvironmentConfig, ReachConfig};
use crate::links::LinkHosts;
use crate::portal::{self, Plan};

/// Serves the demo until the process is told to stop.
///
/// # Errors
/// Where something cannot be set up; the demo provider refuses to start when the portal listens beyond this machine.
pub async fn run(demo: Demo) -> Result<(), Box<dyn std::error::Error>> {
    let listener = portal::bind(demo.listen).await?;
    let address = listener.local_addr()?;
    let provider = DemoProvider::start(address, &format!("http://{address}").parse()?).await?;
    let environment = |name: &str, kind, kubernetes| EnvironmentConfig {
        name: name.to_owned(),
        kind,
        kubernetes,
        default_namespace: "default".to_owned(),
        namespaces: None,
        policy: Policy::default(),
        reach: ReachConfig::default(),
    };
    let mut practice = environment("practice", EnvironmentKind::Practice, Some(Cluster::Practice));
    let mut programs = BTreeMap::new();
    let mut sources = Vec::new();
    let mut channels = Vec::new();
    if let Some(file) = &demo.reach {
        let beside = Beside::read(file)?;
        beside.reach.check(&practice.name)?;
        practice.reach = beside.reach;
        programs = beside.programs;
        sources = beside.alerts;
        config::check_channels(&beside.channels)?;
        channels = beside.channels;
    }
    let mut environments = vec![practice];
    if let Some(file) = demo.kubeconfig {
        let own = Cluster::Kubeconfig { file: Some(file), context: None };
        environments.push(environment("own-cluster", EnvironmentKind::Test, Some(own)));
    }
    let alerts = sources.iter().map(|source| source.resolve(&environments)).collect::<Result<_, _>>()?;
    std::fs::create_dir_all(&demo.data)?;
    let identity = provider.identity_config();
    let plan = Plan {
        database: format!("sqlite://{}", demo.data.canonicalize()?.join("portal.db").display()),
        runbooks: demo.runbooks,
        data: demo.data,
        site: demo.site,
        shim: None,
        environments,
        limits: Limits::default(),
        alerts,
        channels,
        programs,
        practice_speed: demo.practice_speed,
        links: LinkHosts::new(identity.public_url.clone(), None),
    };
    portal::run(plan, identity, listener).await
}
