//! The configuration file: TOML, one table a concern. Secrets are named by file or environment variable, never written
//! in it.

mod channels;
mod reach;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use channels::ChannelConfig;
pub(crate) use channels::check as check_channels;
use identity::{AddressRange, IdentityConfig};
use jiff::SignedDuration;
use operations::{
    Environment, EnvironmentKind, EnvironmentName, KubernetesScope, Limits, Namespaces, Policy, Role, Secret,
};
pub use reach::{ReachConfig, SecretConfig};
use serde::Deserialize;

use crate::alerts::AlertSource;

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where to listen.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// The address that people type, without a path: `https://runbooks.example.com`. Left out, it is the listen address.
    pub public_url: Option<url::Url>,
    /// The folder of Markdown.
    pub runbooks: PathBuf,
    /// The portal's own folder: workspaces, and the database unless `database` says otherwise.
    pub data: PathBuf,
    /// `sqlite:///path/portal.db` or `postgres://…`; may also come from the environment variable `DATABASE_URL`.
    pub database: Option<String>,
    /// The built site; beside the binary unless set.
    pub site: Option<PathBuf>,
    /// The shim; beside the binary unless set.
    pub shim: Option<PathBuf>,
    /// Addresses or ranges of proxies whose `X-Forwarded-For` is believed: `10.0.0.0/8`.
    #[serde(default)]
    pub trusted_proxies: Vec<AddressRange>,
    /// Sign-in.
    pub identity: Identity,
    /// Where runs may act.
    pub environments: Vec<EnvironmentConfig>,
    /// What one execution may use.
    #[serde(default)]
    pub limits: LimitsConfig,
    /// Links to what calls reach.
    #[serde(default)]
    pub links: LinksConfig,
    /// Monitoring systems that may tell of alerts.
    #[serde(default)]
    pub alerts: Vec<AlertSourceConfig>,
    /// Where people are told of incidents.
    #[serde(default)]
    pub channels: Vec<ChannelConfig>,
    /// Programs that the broker runs and the system has nowhere, or elsewhere: name and absolute path.
    #[serde(default)]
    pub programs: BTreeMap<String, PathBuf>,
}

/// A monitoring system that may tell of alerts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertSourceConfig {
    /// What pages and the trail call it: `alertmanager`, `pagerduty`.
    pub name: String,
    /// Its token.
    pub token: SecretConfig,
    /// Where its alerts happen, where their labels do not say.
    pub environment: Option<String>,
}

/// The shortest token of a source of alerts.
const SHORTEST_TOKEN: usize = 16;

impl AlertSourceConfig {
    /// The source with its token, for a portal with these environments.
    ///
    /// # Errors
    /// Where the token is not there or short, the name is not plain, or there is no such environment.
    pub fn resolve(&self, environments: &[EnvironmentConfig]) -> Result<AlertSource, ConfigError> {
        let fail = |message: String| Err(ConfigError::Value(message));
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.name.is_empty() || self.name.len() > 32 || !self.name.chars().all(plain) {
            return fail(format!("alerts: {:?} is no name: take up to 32 small letters, digits and dashes", self.name));
        }
        let token = self.token.read(&format!("the token of alerts from {}", self.name))?;
        if token.len() < SHORTEST_TOKEN {
            return fail(format!(
                "the token of alerts from {} is short: take {SHORTEST_TOKEN} characters or more",
                self.name
            ));
        }
        let known = |name: &String| environments.iter().any(|environment| environment.name == *name);
        match &self.environment {
            Some(name) if !known(name) => fail(format!("alerts from {}: there is no environment {name}", self.name)),
            name => Ok(AlertSource {
                name: self.name.clone(),
                token: Secret::new(token),
                environment: name.clone().map(EnvironmentName),
            }),
        }
    }
}

/// Links to what calls reach.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinksConfig {
    /// The domain whose every name leads to this portal: `links.example.net`.
    pub domain: Option<String>,
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8080))
}

/// What the demo reaches beside its practice cluster: a part of the whole file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Beside {
    /// As an environment's.
    pub reach: ReachConfig,
    /// As the whole file's.
    pub alerts: Vec<AlertSourceConfig>,
    /// As the whole file's.
    pub channels: Vec<ChannelConfig>,
    /// As the whole file's.
    pub programs: BTreeMap<String, PathBuf>,
}

impl Beside {
    /// Reads the file.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        read_toml(path)
    }
}

fn read_toml<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: shown.clone(), source })?;
    toml::from_str(&text).map_err(|error| ConfigError::Parse { path: shown, message: error.to_string() })
}

/// Sign-in with OpenID Connect.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The provider's issuer address.
    pub issuer: String,
    /// This portal's client id there.
    pub client_id: String,
    /// The environment variable that holds the client secret.
    pub client_secret_env: Option<String>,
    /// The file that holds the client secret.
    pub client_secret_file: Option<PathBuf>,
    /// Asked for beyond `openid`.
    #[serde(default = "default_scopes")]
    pub scopes: Vec<String>,
    /// The claim that lists a person's groups; one that starts with `/` is a JSON pointer.
    #[serde(default = "default_groups_claim")]
    pub groups_claim: String,
    /// Group to role; the greatest of a person's roles counts, and nobody without one gets in.
    pub roles: BTreeMap<String, Role>,
    /// How long a session lasts without a request: `"1h"`.
    #[serde(default = "default_idle_timeout")]
    pub idle_timeout: SignedDuration,
    /// How long a session lasts in any case: `"12h"`.
    #[serde(default = "default_absolute_timeout")]
    pub absolute_timeout: SignedDuration,
}

fn default_scopes() -> Vec<String> {
    ["profile", "email"].map(str::to_owned).to_vec()
}

fn default_groups_claim() -> String {
    "groups".to_owned()
}

fn default_idle_timeout() -> SignedDuration {
    SignedDuration::from_hours(2)
}

fn default_absolute_timeout() -> SignedDuration {
    SignedDuration::from_hours(12)
}

/// One environment.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentConfig {
    /// Its short name.
    pub name: String,
    /// How serious it is.
    pub kind: EnvironmentKind,
    /// Its cluster, where it has one.
    pub kubernetes: Option<Cluster>,
    /// The namespace of a call that names none.
    #[serde(default = "default_namespace")]
    pub default_namespace: String,
    /// Which namespaces may be touched; left out, all.
    pub namespaces: Option<Vec<String>>,
    /// The least role for each effect.
    #[serde(default)]
    pub policy: Policy,
    /// What it reaches beside its cluster.
    #[serde(default)]
    pub reach: ReachConfig,
}

fn default_namespace() -> String {
    "default".to_owned()
}

/// How a cluster is reached.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Cluster {
    /// The practice cluster inside the portal.
    Practice,
    /// A kubeconfig file.
    Kubeconfig {
        /// The file; left out, `KUBECONFIG` or the usual place.
        file: Option<PathBuf>,
        /// The context; left out, the file's current one.
        context: Option<String>,
    },
    /// The service account of the pod that the portal runs in.
    InCluster,
}

/// What one execution may use, and how many there may be.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Minutes.
    pub minutes: u64,
    /// Processes and threads.
    pub processes: u64,
    /// MiB of address space for each process.
    pub memory_mib: u64,
    /// MiB for each file.
    pub file_mib: u64,
    /// Executions of the whole portal at once.
    pub executions: usize,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            minutes: limits.time.as_secs() / 60,
            processes: limits.processes,
            memory_mib: limits.memory >> 20,
            file_mib: limits.file_size >> 20,
            executions: limits.executions,
        }
    }
}

impl From<LimitsConfig> for Limits {
    fn from(config: LimitsConfig) -> Self {
        Self {
            time: Duration::from_secs(config.minutes.saturating_mul(60)),
            processes: config.processes,
            memory: config.memory_mib.saturating_mul(1 << 20),
            file_size: config.file_mib.saturating_mul(1 << 20),
            executions: config.executions,
        }
    }
}

/// Why the configuration is not usable.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration file {path} cannot be read")]
    Read {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is not what it should be; the message says line and field.
    #[error("the configuration file {path} is not valid: {message}")]
    Parse {
        /// The file.
        path: String,
        /// Line, field and reason.
        message: String,
    },
    /// A value makes no sense.
    #[error("the configuration is not usable: {0}")]
    Value(String),
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let config: Self = read_toml(path)?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let fail = |message: &str| Err(ConfigError::Value(message.to_owned()));
        if self.environments.is_empty() {
            return fail("name at least one [[environments]]");
        }
        let mut names: Vec<_> = self.environments.iter().map(|environment| &environment.name).collect();
        names.sort();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return fail("two environments have the same name");
        }
        let outside = self.environments.iter().find(|environment| {
            environment.namespaces.as_ref().is_some_and(|names| !names.contains(&environment.default_namespace))
        });
        if let Some(EnvironmentConfig { name, default_namespace, .. }) = outside {
            return fail(&format!(
                "environment {name}: default_namespace is {default_namespace}, which is not one of its namespaces"
            ));
        }
        for environment in &self.environments {
            environment.reach.check(&environment.name)?;
        }
        channels::check(&self.channels)?;
        for (name, value, most) in [
            ("minutes", self.limits.minutes, 24 * 60),
            ("processes", self.limits.processes, 1 << 16),
            ("memory_mib", self.limits.memory_mib, 1 << 20),
            ("file_mib", self.limits.file_mib, 1 << 20),
            ("executions", self.limits.executions as u64, 1 << 10),
        ] {
            if !(1..=most).contains(&value) {
                return fail(&format!("limits.{name} is {value}: choose 1 to {most}"));
            }
        }
        Ok(())
    }

    /// Where the database is.
    #[must_use]
    pub fn database_url(&self) -> String {
        self.database
            .clone()
            .or_else(|| std::env::var("DATABASE_URL").ok())
            .unwrap_or_else(|| format!("sqlite://{}", self.data.join("portal.db").display()))
    }
}

impl Identity {
    /// What the identity room needs: this table, the secret that it names, and where the portal is.
    ///
    /// # Errors
    /// Where the named file or variable is not there.
    pub fn resolve(
        &self,
        public_url: url::Url,
        trusted_proxies: Vec<AddressRange>,
    ) -> Result<IdentityConfig, ConfigError> {
        let secure_cookies = public_url.scheme() == "https";
        Ok(IdentityConfig {
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            client_secret: self.client_secret()?,
            public_url,
            scopes: self.scopes.clone(),
            groups_claim: self.groups_claim.clone(),
            roles: self.roles.clone(),
            idle_timeout: self.idle_timeout,
            absolute_timeout: self.absolute_timeout,
            secure_cookies,
            trusted_proxies,
        })
    }

    fn client_secret(&self) -> Result<Option<Secret>, ConfigError> {
        let secret = match (&self.client_secret_env, &self.client_secret_file) {
            (Some(_), Some(_)) => {
                return Err(ConfigError::Value("name client_secret_env or client_secret_file, not both".to_owned()));
            }
            (Some(name), None) => std::env::var(name).map_err(|_| {
                ConfigError::Value(format!("the environment variable {name} (client_secret_env) is not set"))
            })?,
            (None, Some(file)) => std::fs::read_to_string(file)
                .map_err(|source| ConfigError::Read { path: file.display().to_string(), source })?,
            (None, None) => return Ok(None),
        };
        Ok(Some(Secret::new(secret.trim())))
    }
}

impl EnvironmentConfig {
    /// The environment as the use cases know it: without any credential. `context` is its cluster's.
    #[must_use]
    pub fn environment(&self, context: Option<String>) -> Environment {
        Environment {
            name: EnvironmentName(self.name.clone()),
            kind: self.kind,
            kubernetes: context.map(|context| KubernetesScope {
                context,
                default_namespace: self.default_namespace.clone(),
                namespaces: self.namespaces.clone().map_or(Namespaces::All, Namespaces::Only),
            }),
            aws: self.reach.aws_scope(),
            datasources: self.reach.names(),
            given: self.reach.given(),
            policy: self.policy.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#"
        runbooks = "runbooks"
        data = "data"
        public_url = "https://runbooks.example.com"

        [identity]
        issuer = "https://id.example.com"
        client_id = "portal"
        roles = { oncall = "operator", staff = "viewer" }

        [[environments]]
        name = "production"
        kind = "production"
        kubernetes = { by = "kubeconfig", context = "eks" }
        default_namespace = "shop"
        namespaces = ["shop"]
        policy = { destroy = "approver" }
    "#;

    #[test]
    fn a_whole_file_is_read() {
        let config: Config = toml::from_str(FULL).unwrap();
        config.check().unwrap();
        let environment = config.environments[0].environment(Some("eks".to_owned()));
        assert_eq!(environment.policy.destroy, Role::Approver);
        assert!(!environment.kubernetes.unwrap().namespaces.permit("kube-system"));
        assert_eq!(config.database_url(), "sqlite://data/portal.db");
    }

    #[test]
    fn mistakes_are_named() {
        for (from, to, expected) in [
            ("client_id", "clientid", "clientid"),
            ("destroy = \"approver\"", "destroy = \"boss\"", "boss"),
            ("kind = \"production\"", "kind = \"prod\"", "prod"),
        ] {
            let error = toml::from_str::<Config>(&FULL.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let astray: Config = toml::from_str(&FULL.replace("default_namespace = \"shop\"", "")).unwrap();
        assert!(astray.check().unwrap_err().to_string().contains("default_namespace is default"));
        let endless: Config = toml::from_str(&format!("{FULL}\n[limits]\nminutes = 0")).unwrap();
        assert!(endless.check().unwrap_err().to_string().contains("limits.minutes"));
        let twice = format!(
            "{FULL}\n[[environments]]\nname = \"production\"\nkind = \"test\"\nkubernetes = {{ by = \"practice\" }}"
        );
        let config: Config = toml::from_str(&twice).unwrap();
        assert!(config.check().unwrap_err().to_string().contains("same name"));
    }
}
