//! Where an environment's calls go, and as whom.

use std::fmt;
use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials as Keys;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_types::timeout::TimeoutConfig;
use operations::{AwsScope, Secret};
use tokio::sync::OnceCell;
use url::Url;

/// How often a request that only looks is sent, at most: the real program's standard mode.
pub(crate) const ATTEMPTS: u32 = 3;
const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(60);

/// As whom an environment's calls are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// A key of its own.
    Keys {
        /// Names the key: `AKIA…`.
        access_key: String,
        /// Signs with it.
        secret_key: Secret,
        /// Goes with a temporary key.
        session_token: Option<Secret>,
    },
    /// A profile of the portal's own AWS configuration files, roles that it assumes included.
    Profile(String),
    /// Whatever the portal's process finds: its variables, its web identity, its container's or machine's role.
    Default,
}

/// The AWS side of an environment, with its credentials. `Debug` shows none of them, nor the endpoint.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The only region that calls go to: `eu-west-1`.
    pub region: String,
    /// What people call the account: `payments-production`.
    pub label: String,
    /// Where requests go instead of AWS's own address: a private endpoint, a stand-in for tests.
    pub endpoint: Option<Url>,
    /// As whom.
    pub credentials: Credentials,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { region, label, endpoint: _, credentials } = self;
        let mut shown = f.debug_struct("Account");
        shown.field("region", region).field("label", label).field("credentials", credentials).finish_non_exhaustive()
    }
}

impl Account {
    /// What everybody may know of it.
    #[must_use]
    pub fn scope(&self) -> AwsScope {
        AwsScope { region: self.region.clone(), account: self.label.clone() }
    }
}

/// Keys for one call, resolved: a role's are temporary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedKeys {
    /// Names the key.
    pub access_key: String,
    /// Signs with it.
    pub secret_key: Secret,
    /// Goes with a temporary key.
    pub session_token: Option<Secret>,
}

impl Account {
    /// The keys that a call would be signed with now, for a program that signs by itself.
    ///
    /// # Errors
    /// A sentence for people, without any part of the credentials.
    pub async fn keys(&self) -> Result<ResolvedKeys, String> {
        let config = configuration(self).await;
        let provider = config
            .credentials_provider()
            .ok_or_else(|| format!("The account {} has no credentials: ask an administrator.", self.label))?;
        let keys = provider.provide_credentials().await.map_err(|_| {
            format!("The credentials of the account {} could not be had: ask an administrator.", self.label)
        })?;
        Ok(ResolvedKeys {
            access_key: keys.access_key_id().to_owned(),
            secret_key: Secret::new(keys.secret_access_key()),
            session_token: keys.session_token().map(Secret::new),
        })
    }
}

/// The SDK's clients of one account, made at the first call: a profile's files are read then.
pub(crate) struct Clients {
    pub(crate) account: Account,
    made: OnceCell<Made>,
}

pub(crate) struct Made {
    pub(crate) rds: aws_sdk_rds::Client,
    pub(crate) acm: aws_sdk_acm::Client,
}

impl Clients {
    pub(crate) fn new(account: Account) -> Self {
        Self { account, made: OnceCell::new() }
    }

    pub(crate) async fn get(&self) -> &Made {
        self.made
            .get_or_init(|| async {
                let config = configuration(&self.account).await;
                Made { rds: aws_sdk_rds::Client::new(&config), acm: aws_sdk_acm::Client::new(&config) }
            })
            .await
    }
}

/// TLS is rustls with ring, as everywhere in the portal, and the system's own certificates.
async fn configuration(account: &Account) -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let region = Region::new(account.region.clone());
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .app_name(AppName::new("runbook-portal").expect("letters and a dash"))
        .region(region.clone())
        .http_client(http.clone())
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(ANSWER).build());
    if let Some(endpoint) = &account.endpoint {
        loader = loader.endpoint_url(endpoint.as_str().trim_end_matches('/'));
    }
    loader = match &account.credentials {
        Credentials::Keys { access_key, secret_key, session_token } => {
            let token = session_token.as_ref().map(|token| token.expose().to_owned());
            let keys = Keys::new(access_key, secret_key.expose(), token, None, "configuration");
            loader.credentials_provider(SharedCredentialsProvider::new(keys))
        }
        // The default chain would prefer the process's own variables to the profile that the environment names.
        Credentials::Profile(name) => {
            let how = ProviderConfig::without_region().with_region(Some(region)).with_http_client(http);
            let profile = ProfileFileCredentialsProvider::builder().configure(&how).profile_name(name).build();
            loader.credentials_provider(SharedCredentialsProvider::new(profile))
        }
        Credentials::Default => loader,
    };
    loader.load().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_credential_is_shown() {
        let account = Account {
            region: "eu-west-1".to_owned(),
            label: "test".to_owned(),
            endpoint: "http://user:hunter1@127.0.0.1".parse().ok(),
            credentials: Credentials::Keys {
                access_key: "AKIDEXAMPLE".to_owned(),
                secret_key: Secret::new("hunter2"),
                session_token: Some(Secret::new("hunter3")),
            },
        };
        let shown = format!("{account:?} {account:#?}");
        assert!(!shown.contains("hunter"), "{shown}");
    }
}
