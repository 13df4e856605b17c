//! What an environment reaches beside its cluster: an AWS account, databases, hosts. Secrets are named, never written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use operations::{AwsScope, Datasource, DatasourceKind, EnvironmentName};
use serde::Deserialize;

use super::ConfigError;

/// What one environment reaches beside its cluster.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReachConfig {
    /// Its AWS account.
    pub aws: Option<AwsConfig>,
    /// Its databases. Of several of a kind, the first one is meant by a call that names none.
    pub datasources: Vec<DatasourceConfig>,
    /// Hosts for `curl`, `wget` and `openssl s_client`. Of several that fit, the first one counts.
    pub hosts: Vec<HostConfig>,
    /// A file of certificates of authorities, in PEM, that HTTP clients and `aws` trust beside the system's.
    pub authorities: Option<PathBuf>,
}

/// A secret by reference: the environment variable or the file that holds it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretConfig {
    /// The environment variable of the portal's process.
    pub env: Option<String>,
    /// The file.
    pub file: Option<PathBuf>,
}

impl SecretConfig {
    /// The secret itself, without blanks around it.
    ///
    /// # Errors
    /// Where neither or both are named, or the variable or file is not there. `what` says what it is for.
    pub fn read(&self, what: &str) -> Result<String, ConfigError> {
        match (&self.env, &self.file) {
            (Some(name), None) => std::env::var(name)
                .map(|text| text.trim().to_owned())
                .map_err(|_| ConfigError::Value(format!("{what}: the environment variable {name} is not set"))),
            (None, Some(file)) => read_file(file).map(|text| text.trim().to_owned()),
            _ => Err(ConfigError::Value(format!("{what}: name either `env` or `file`"))),
        }
    }
}

pub(super) fn read_file(file: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(file).map_err(|source| ConfigError::Read { path: file.display().to_string(), source })
}

/// An AWS account. Without a profile and without keys it is whatever the portal's process finds: its web identity, its
/// container's or machine's role.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsConfig {
    /// The only region that calls go to: `eu-west-1`.
    pub region: String,
    /// What people call the account: `payments-production`.
    pub account: String,
    /// Where requests go instead of AWS's own address.
    pub endpoint: Option<url::Url>,
    /// A profile of the portal's own AWS configuration files.
    pub profile: Option<String>,
    /// A key of its own.
    pub keys: Option<AwsKeysConfig>,
}

/// A key of an AWS account.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsKeysConfig {
    /// Names the key: `AKIA…`.
    pub access_key: SecretConfig,
    /// Signs with it.
    pub secret_key: SecretConfig,
    /// Goes with a temporary key.
    pub session_token: Option<SecretConfig>,
}

/// A database.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasourceConfig {
    /// Its name: `payments`.
    pub name: String,
    /// What it speaks.
    pub kind: DatasourceKind,
    /// Its address with account and password: `postgres://user:password@host:5432/database`, `redis://…`.
    pub url: SecretConfig,
    /// What runbooks call it: `DATABASE_URL`, `rds-endpoint`, a host, a database.
    #[serde(default)]
    pub references: Vec<String>,
    /// Whether the connection is encrypted.
    #[serde(default)]
    pub tls: TlsConfig,
    /// A file of certificates of authorities, in PEM, that may have signed the server's.
    pub authorities: Option<PathBuf>,
}

/// Whether a connection is encrypted. There is no mode that encrypts without knowing for whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsConfig {
    /// With a certificate for that host.
    #[default]
    Verified,
    /// In the clear: for a server on this machine or inside a trusted network.
    Disabled,
}

/// A host that calls may reach.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostConfig {
    /// `api.example.com`, `*.example.com`, `localhost:6060`, `metrics.example.com:*`.
    pub host: String,
    /// Where connections really go, as `host:port`.
    pub connect_to: Option<String>,
    /// Whether calls may leave its certificate unchecked (`curl -k`).
    #[serde(default)]
    pub unchecked: bool,
    /// Headers that every call to it carries.
    #[serde(default)]
    pub headers: BTreeMap<String, SecretConfig>,
    /// The variables that runbooks put into those headers (`API_TOKEN`): nobody is asked for them.
    #[serde(default)]
    pub variables: Vec<String>,
}

impl ReachConfig {
    /// The AWS side as everybody may know it.
    #[must_use]
    pub fn aws_scope(&self) -> Option<AwsScope> {
        self.aws.as_ref().map(|aws| AwsScope { region: aws.region.clone(), account: aws.account.clone() })
    }

    /// The databases by name, without their addresses.
    #[must_use]
    pub fn names(&self) -> Vec<Datasource> {
        let name = |one: &DatasourceConfig| Datasource {
            name: one.name.clone(),
            kind: one.kind,
            references: one.references.clone(),
        };
        self.datasources.iter().map(name).collect()
    }

    /// The variables for whose secrets the portal stands in.
    #[must_use]
    pub fn given(&self) -> Vec<String> {
        self.hosts.iter().flat_map(|host| host.variables.iter().cloned()).collect()
    }

    /// Checks what a typed file can still get wrong.
    ///
    /// # Errors
    /// [`ConfigError::Value`].
    pub fn check(&self, environment: &str) -> Result<(), ConfigError> {
        let fail = |text: String| Err(ConfigError::Value(format!("environment {environment}: {text}")));
        let mut words: Vec<(DatasourceKind, &str)> = Vec::new();
        for one in &self.datasources {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            if one.name.is_empty() || !one.name.chars().all(plain) {
                return fail(format!(
                    "the datasource `{}` needs a name of letters, digits, `-`, `_` and `.`",
                    one.name
                ));
            }
            for word in std::iter::once(&one.name).chain(&one.references) {
                if words.contains(&(one.kind, word)) {
                    return fail(format!("two datasources are called `{word}`"));
                }
                words.push((one.kind, word));
            }
        }
        for host in &self.hosts {
            let plain = |name: &String| {
                name.starts_with(|c: char| c.is_ascii_uppercase())
                    && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
            };
            if let Some(name) = host.variables.iter().find(|name| !plain(name)) {
                return fail(format!("`{name}` of {} is no variable: write it like `API_TOKEN`", host.host));
            }
            if !host.variables.is_empty() && host.headers.is_empty() {
                return fail(format!(
                    "{} names variables, and no header that would carry what they stand for",
                    host.host
                ));
            }
        }
        if let Some(AwsConfig { profile: Some(_), keys: Some(_), .. }) = self.aws {
            return fail("name `aws.profile` or `aws.keys`, not both".to_owned());
        }
        Ok(())
    }

    /// The AWS account with its credentials.
    ///
    /// # Errors
    /// Where a secret is not there.
    pub fn aws_account(&self) -> Result<Option<aws::Account>, ConfigError> {
        let Some(config) = &self.aws else { return Ok(None) };
        let credentials = match (&config.profile, &config.keys) {
            (Some(profile), _) => aws::Credentials::Profile(profile.clone()),
            (None, Some(keys)) => aws::Credentials::Keys {
                access_key: keys.access_key.read("aws.keys.access_key")?,
                secret_key: operations::Secret::new(keys.secret_key.read("aws.keys.secret_key")?),
                session_token: match &keys.session_token {
                    Some(token) => Some(operations::Secret::new(token.read("aws.keys.session_token")?)),
                    None => None,
                },
            },
            (None, None) => aws::Credentials::Default,
        };
        Ok(Some(aws::Account {
            region: config.region.clone(),
            label: config.account.clone(),
            endpoint: config.endpoint.clone(),
            credentials,
        }))
    }

    /// The PostgreSQL databases with their addresses.
    ///
    /// # Errors
    /// Where a secret is not there, or an address cannot be read; no message repeats any of it.
    pub fn postgres(&self, environment: &EnvironmentName) -> Result<Vec<datasource::DatasourceSettings>, ConfigError> {
        self.of_kind(DatasourceKind::Postgres)
            .map(|one| {
                let tls = match (one.tls, &one.authorities) {
                    (TlsConfig::Disabled, _) => datasource::Tls::Disabled,
                    (TlsConfig::Verified, None) => datasource::Tls::Verified,
                    (TlsConfig::Verified, Some(file)) => {
                        datasource::Tls::VerifiedBy(datasource::Roots(read_file(file)?.into_bytes()))
                    }
                };
                Ok(datasource::DatasourceSettings {
                    environment: environment.clone(),
                    name: one.name.clone(),
                    address: one.address()?,
                    tls,
                    limits: datasource::Limits::default(),
                })
            })
            .collect()
    }

    fn of_kind(&self, kind: DatasourceKind) -> impl Iterator<Item = &DatasourceConfig> {
        self.datasources.iter().filter(move |one| one.kind == kind)
    }

    /// What real programs reach.
    ///
    /// # Errors
    /// Where a secret is not there, or a host or an address cannot be read.
    pub fn programs(&self) -> Result<programs::Reach, ConfigError> {
        let mut reach = programs::Reach::default();
        if let Some(file) = &self.authorities {
            reach.authorities = read_file(file)?.into_bytes();
        }
        for one in &self.hosts {
            let wrong = |error: programs::HostError| ConfigError::Value(error.to_string());
            let mut host = programs::Host::new(&one.host).map_err(wrong)?;
            if let Some(address) = &one.connect_to {
                host = host.connect_to(address).map_err(wrong)?;
            }
            if one.unchecked {
                host = host.unchecked();
            }
            for (name, value) in &one.headers {
                let value = operations::Secret::new(value.read(&format!("the header {name} of {}", one.host))?);
                host = host.header(name, value).map_err(wrong)?;
            }
            reach.hosts.push(host);
        }
        for one in self.of_kind(DatasourceKind::Postgres) {
            let address = one.address()?;
            let tls = match (one.tls, &one.authorities) {
                (TlsConfig::Disabled, _) => programs::PostgresTls::Disabled,
                (TlsConfig::Verified, None) => programs::PostgresTls::System,
                (TlsConfig::Verified, Some(file)) => programs::PostgresTls::By(read_file(file)?.into_bytes()),
            };
            let server = programs::PostgresServer {
                host: address.host,
                port: address.port,
                user: address.user,
                password: address.password,
                database: address.database,
                tls,
            };
            reach.postgres.insert(one.name.clone(), server);
        }
        for one in self.of_kind(DatasourceKind::Redis) {
            reach.redis.insert(one.name.clone(), one.redis()?);
        }
        Ok(reach)
    }
}

impl DatasourceConfig {
    fn wrong(&self, why: &str) -> ConfigError {
        ConfigError::Value(format!("datasource {}: {why}", self.name))
    }

    fn address(&self) -> Result<datasource::Address, ConfigError> {
        let url = operations::Secret::new(self.url.read(&format!("datasource {}", self.name))?);
        datasource::Address::from_url(&url).map_err(|error| self.wrong(&error.to_string()))
    }

    fn redis(&self) -> Result<programs::RedisServer, ConfigError> {
        let text = self.url.read(&format!("datasource {}", self.name))?;
        // The error would repeat the address.
        let url: url::Url =
            text.parse().map_err(|_| self.wrong("the address is not a URL like redis://:password@host:6379/0"))?;
        let encrypted = match url.scheme() {
            "redis" => false,
            "rediss" => true,
            _ => return Err(self.wrong("the address does not begin with redis:// or rediss://")),
        };
        if encrypted != (self.tls == TlsConfig::Verified) {
            return Err(self.wrong("rediss:// is for encrypted connections; for redis:// say `tls = \"disabled\"`"));
        }
        let decoded =
            |text: &str| percent_decoded(text).ok_or_else(|| self.wrong("the address holds what is no UTF-8"));
        let database = url.path().trim_start_matches('/');
        Ok(programs::RedisServer {
            host: url.host_str().ok_or_else(|| self.wrong("the address names no host"))?.to_owned(),
            port: url.port().unwrap_or(6379),
            user: Some(decoded(url.username())?).filter(|user| !user.is_empty()),
            password: url.password().map(decoded).transpose()?.map(operations::Secret::new),
            database: match database {
                "" => 0,
                number => number.parse().map_err(|_| self.wrong("the database behind the last `/` is no number"))?,
            },
            tls: match (encrypted, &self.authorities) {
                (false, _) => programs::RedisTls::Disabled,
                (true, None) => programs::RedisTls::System,
                (true, Some(file)) => programs::RedisTls::By(read_file(file)?.into_bytes()),
            },
        })
    }
}

/// Text with `%2F` and the like read (RFC 3986, 2.1).
fn percent_decoded(text: &str) -> Option<String> {
    percent_encoding::percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(text: &str) -> ReachConfig {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_whole_table_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let (postgres, redis, token) = (
            file("pg", "postgres://app:hunter1@db:5433/pay\n"),
            file("redis", "redis://:hunter2@cache/3"),
            file("token", "Bearer hunter3"),
        );
        let config = reach(&format!(
            r#"
            aws = {{ region = "eu-west-1", account = "payments", profile = "pay" }}
            [[datasources]]
            name = "payments"
            kind = "postgres"
            url = {{ file = "{postgres}" }}
            references = ["DATABASE_URL"]
            [[datasources]]
            name = "cache"
            kind = "redis"
            url = {{ file = "{redis}" }}
            tls = "disabled"
            [[hosts]]
            host = "*.example.com"
            connect_to = "127.0.0.1:8443"
            headers = {{ Authorization = {{ file = "{token}" }} }}
            variables = ["API_TOKEN"]
            "#
        ));
        config.check("test").unwrap();
        assert_eq!(config.given(), ["API_TOKEN"]);
        let known = config.postgres(&EnvironmentName("test".to_owned())).unwrap();
        assert_eq!((known[0].address.host.as_str(), known[0].address.port), ("db", 5433));
        let programs = config.programs().unwrap();
        assert_eq!((programs.redis["cache"].host.as_str(), programs.redis["cache"].database), ("cache", 3));
        assert_eq!(programs.postgres["payments"].database, "pay");
        let shown = format!("{config:?} {known:?} {programs:?} {:?}", config.aws_account().unwrap());
        assert!(!shown.contains("hunter"), "{shown}");
    }

    #[test]
    fn mistakes_are_named_and_secrets_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("url");
        std::fs::write(&path, "mysql://app:hunter1@db/pay").unwrap();
        let config = reach(&format!(
            "[[datasources]]\nname = \"a\"\nkind = \"postgres\"\nurl = {{ file = \"{}\" }}",
            path.display()
        ));
        let error = config.postgres(&EnvironmentName("test".to_owned())).unwrap_err().to_string();
        assert!(error.contains("datasource a") && !error.contains("hunter1"), "{error}");
        let twice = "[[datasources]]\nname = \"a\"\nkind = \"redis\"\nurl = { env = \"X\" }\n";
        assert!(reach(&twice.repeat(2)).check("test").unwrap_err().to_string().contains("two datasources"));
        let both = reach("[[datasources]]\nname = \"a\"\nkind = \"redis\"\nurl = { env = \"X\", file = \"y\" }");
        assert!(both.programs().unwrap_err().to_string().contains("either `env` or `file`"));
        for wrong in ["variables = [\"API_TOKEN\"]", "variables = [\"x y\"]\nheaders = { A = { env = \"X\" } }"] {
            assert!(reach(&format!("[[hosts]]\nhost = \"a\"\n{wrong}")).check("test").is_err(), "{wrong}");
        }
        assert!(reach("[[hosts]]\nhost = \"*\"").programs().unwrap_err().to_string().contains("is no host"));
    }
}
