//! The adapters for what environments reach beside their clusters, with the credentials that the configuration names.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use operations::{Adapter, CallIo, EnvironmentName, OpenTerminal, Suggester};
use programs::Installed;
use sandbox::Errands;

use crate::config::{ConfigError, EnvironmentConfig};

/// What answers for everything beside the clusters.
pub(crate) struct Beside {
    /// Perform calls, one for each tool.
    pub(crate) adapters: Vec<Arc<dyn Adapter>>,
    /// Knows the resources of the AWS accounts.
    pub(crate) resources: Arc<dyn Suggester>,
}

/// Opens all of it.
///
/// # Errors
/// Where a secret that the configuration names is not there, or something in it cannot be used.
pub(crate) fn open(
    environments: &[EnvironmentConfig],
    installed: &BTreeMap<String, PathBuf>,
    errands: Errands,
) -> Result<Beside, ConfigError> {
    let unusable = |what: &str, error: &dyn std::fmt::Display| ConfigError::Value(format!("{what}: {error}"));
    let mut settings = programs::Settings::default();
    for (name, path) in installed {
        let program = Installed::at(path.clone())
            .map_err(|error| unusable(&format!("programs.{name}: {}", path.display()), &error))?;
        settings.installed.insert(name.clone(), program);
    }
    let (mut accounts, mut databases) = (Vec::new(), Vec::new());
    for environment in environments {
        let name = EnvironmentName(environment.name.clone());
        let mut reach = environment.reach.programs()?;
        if let Some(account) = environment.reach.aws_account()? {
            reach.aws = Some(programs::AwsAccount {
                region: account.region.clone(),
                endpoint: account.endpoint.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned()),
                keys: Arc::new(Keys(account.clone())),
            });
            accounts.push((name.clone(), account));
        }
        databases.extend(environment.reach.postgres(&name)?);
        settings.environments.insert(name, reach);
    }
    let settings = Arc::new(settings);
    let mut adapters = programs::adapters(errands.clone(), settings.clone());
    let talker = Talker(programs::PsqlTerminal::new(errands.clone(), settings.clone()));
    let aws = Arc::new(aws::Aws::new(accounts, Some(programs::aws(errands, settings))));
    adapters.push(aws.clone());
    let databases = datasource::Datasources::new(databases).map_err(|error| unusable("datasources", &error))?;
    adapters.push(Arc::new(datasource::Psql::new(databases).with_talker(Arc::new(talker))));
    Ok(Beside { adapters, resources: aws })
}

/// The real psql, and the passage behind its door.
struct Talker(programs::PsqlTerminal);

#[async_trait::async_trait]
impl datasource::Talker for Talker {
    fn available(&self) -> Result<(), command::Refusal> {
        self.0.available()
    }

    async fn talk(&self, talk: datasource::Talk<'_>, terminal: OpenTerminal, io: &dyn CallIo) -> u8 {
        let datasource::Talk { call, invocation, passage } = talk;
        let database = passage.database().to_owned();
        self.0.talk(call, invocation, &database, Arc::new(Behind(passage)), terminal, io).await
    }
}

struct Behind(datasource::Passage);

#[async_trait::async_trait]
impl sandbox::Keeper for Behind {
    async fn serve(&self, program: tokio::net::TcpStream) {
        // A closed connection tells the program enough, and it says so itself.
        if let Err(error) = self.0.serve(program).await {
            tracing::debug!(%error, "a connection to a datasource ended early");
        }
    }
}

/// The keys of an account for the real `aws`: resolved for each call, because a role's are temporary.
struct Keys(aws::Account);

#[async_trait::async_trait]
impl programs::KeySource for Keys {
    async fn keys(&self) -> Result<programs::AwsKeys, String> {
        let keys = self.0.keys().await?;
        Ok(programs::AwsKeys {
            access_key: keys.access_key,
            secret_key: keys.secret_key,
            session_token: keys.session_token,
        })
    }
}
