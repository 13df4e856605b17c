//! Try it out on one machine: practice cluster, demo identity provider, SQLite.

use identity::demo::DemoProvider;
use operations::{EnvironmentKind, Limits, Policy};

use crate::cli::Demo;
use crate::config::{Cluster, EnvironmentConfig};
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
    };
    let mut environments = vec![environment("practice", EnvironmentKind::Practice, Cluster::Practice)];
    if let Some(file) = demo.kubeconfig {
        let own = Cluster::Kubeconfig { file: Some(file), context: None };
        environments.push(environment("own-cluster", EnvironmentKind::Test, own));
    }
    std::fs::create_dir_all(&demo.data)?;
    let plan = Plan {
        database: format!("sqlite://{}", demo.data.canonicalize()?.join("portal.db").display()),
        runbooks: demo.runbooks,
        data: demo.data,
        site: demo.site,
        shim: None,
        environments,
        limits: Limits::default(),
        practice_speed: demo.practice_speed,
    };
    portal::run(plan, provider.identity_config(), listener).await
}
