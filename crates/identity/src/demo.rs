//! A small OpenID Connect provider to try the portal out with: people to choose from, and no passwords.
//!
//! It listens on `127.0.0.1` only and refuses to start for a portal that others can reach. The portal signs in through it
//! exactly as through any other provider.

mod endpoints;
mod key;
mod page;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
};

use jiff::SignedDuration;
use operations::Role;
use tokio::{net::TcpListener, task::JoinHandle};
use url::Url;

use operations::Secret;

use crate::{IdentityConfig, config::is_loopback};

/// The portal's name at this provider.
const CLIENT_ID: &str = "runbook-portal-demo";

/// Somebody to sign in as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DemoPerson {
    /// What the button sends, and the subject of the token.
    pub subject: &'static str,
    /// Their name.
    pub name: &'static str,
    /// What they do, under the name.
    pub about: &'static str,
    /// Their only group.
    pub group: &'static str,
    /// The role that the group is mapped to.
    pub role: Role,
}

/// Everybody whom the demo provider knows.
pub const DEMO_PEOPLE: [DemoPerson; 4] = [
    DemoPerson {
        subject: "demo-vera",
        name: "Vera Viewer",
        about: "Reads runbooks, runs and live status",
        group: "viewers",
        role: Role::Viewer,
    },
    DemoPerson {
        subject: "demo-otto",
        name: "Otto Operator",
        about: "On call: runs procedures and reads the audit trail",
        group: "operators",
        role: Role::Operator,
    },
    DemoPerson {
        subject: "demo-ada",
        name: "Ada Approver",
        about: "Runs procedures and approves what others may not do alone",
        group: "approvers",
        role: Role::Approver,
    },
    DemoPerson {
        subject: "demo-anton",
        name: "Anton Admin",
        about: "May do everything",
        group: "admins",
        role: Role::Admin,
    },
];

/// Why the demo provider does not start.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Anybody who reaches the portal could choose to be its administrator.
    #[error(
        "the demo identity provider asks for no password, so it starts only for a portal that listens on this machine \
         alone; this one listens on {0}. Configure a real identity provider, or listen on 127.0.0.1"
    )]
    NotLoopback(SocketAddr),
    /// The same, seen from the browser's side.
    #[error("the demo identity provider serves only a portal whose public address is this machine, and {0} is not")]
    PublicNotLoopback(Url),
    /// No port, or no random numbers.
    #[error("the demo identity provider cannot start: {0}")]
    Start(String),
}

/// A running demo provider. It stops when dropped.
#[derive(Debug)]
pub struct DemoProvider {
    address: SocketAddr,
    secret: Secret,
    public_url: Url,
    serving: JoinHandle<()>,
}

impl DemoProvider {
    /// Starts a provider for the portal that listens on `portal` and that browsers know as `public_url`, on a free port of
    /// `127.0.0.1`, with a new key and a new client secret.
    ///
    /// # Errors
    /// The portal can be reached from elsewhere, or there is no port.
    pub async fn start(portal: SocketAddr, public_url: &Url) -> Result<Self, DemoError> {
        if !portal.ip().to_canonical().is_loopback() {
            return Err(DemoError::NotLoopback(portal));
        }
        if !is_loopback(public_url) {
            return Err(DemoError::PublicNotLoopback(public_url.clone()));
        }
        let start = |error: std::io::Error| DemoError::Start(error.to_string());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(start)?;
        let address = listener.local_addr().map_err(start)?;
        let secret = Secret::new(key::random_token());
        let routes = endpoints::routes(address, public_url, secret.clone()).map_err(DemoError::Start)?;
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, routes).await {
                tracing::error!(%error, "the demo identity provider stopped");
            }
        });
        Ok(Self { address, secret, public_url: public_url.clone(), serving })
    }

    /// Its issuer identifier.
    #[must_use]
    pub fn issuer(&self) -> String {
        endpoints::issuer(self.address)
    }

    /// The configuration of a portal that signs in with it.
    #[must_use]
    pub fn identity_config(&self) -> IdentityConfig {
        IdentityConfig {
            issuer: self.issuer(),
            client_id: CLIENT_ID.to_owned(),
            client_secret: Some(self.secret.clone()),
            public_url: self.public_url.clone(),
            scopes: ["profile", "email", "groups"].map(str::to_owned).into(),
            groups_claim: "groups".to_owned(),
            roles: DEMO_PEOPLE.iter().map(|person| (person.group.to_owned(), person.role)).collect::<BTreeMap<_, _>>(),
            idle_timeout: SignedDuration::from_hours(2),
            absolute_timeout: SignedDuration::from_hours(12),
            secure_cookies: self.public_url.scheme() == "https",
            trusted_proxies: Vec::new(),
        }
    }
}

impl Drop for DemoProvider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
