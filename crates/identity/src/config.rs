//! What the portal must be told about its identity provider.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use openidconnect::IssuerUrl;
use operations::{Role, Secret};
use serde::Deserialize;
use url::{Host, Url};

use crate::AddressRange;

/// Sign-in, as configured.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityConfig {
    /// The provider's issuer identifier, character for character as its discovery document says it. `https`, or `http`
    /// on this machine only.
    pub issuer: String,
    /// This portal's name at the provider.
    pub client_id: String,
    /// Its secret there; none for a public client, which PKCE alone protects.
    #[serde(default)]
    pub client_secret: Option<Secret>,
    /// The address under which browsers reach this portal, without a path. At the provider,
    /// `<public_url>/auth/callback` is the redirect address and `<public_url>/auth/signed-out` the one after signing out.
    pub public_url: Url,
    /// What to ask for besides `openid`.
    #[serde(default = "default_scopes")]
    pub scopes: Vec<String>,
    /// The claim that lists a person's groups, in the ID token or else in userinfo. One that starts with `/` is a JSON
    /// pointer (RFC 6901): `/realm_access/roles`.
    #[serde(default = "default_groups_claim")]
    pub groups_claim: String,
    /// Group → role. The greatest role of a person's groups counts; who has none does not get in.
    pub roles: BTreeMap<String, Role>,
    /// A session ends after this long without a request.
    #[serde(default = "default_idle_timeout")]
    pub idle_timeout: SignedDuration,
    /// And after this long in any case.
    #[serde(default = "default_absolute_timeout")]
    pub absolute_timeout: SignedDuration,
    /// Whether cookies are for `https` only and bound to the host (`__Host-`). Off only where `public_url` is `http`.
    #[serde(default = "default_secure_cookies")]
    pub secure_cookies: bool,
    /// Proxies in front of the portal whose `X-Forwarded-For` is believed.
    #[serde(default)]
    pub trusted_proxies: Vec<AddressRange>,
}

fn default_scopes() -> Vec<String> {
    ["profile", "email"].map(str::to_owned).into()
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

fn default_secure_cookies() -> bool {
    true
}

/// What is wrong with the configuration of sign-in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The issuer is not an address.
    #[error("issuer: `{0}` is not an address such as https://id.example.com")]
    Issuer(String),
    /// Tokens would cross a network unprotected.
    #[error("issuer: `{0}` must begin with https:// (http:// is for a provider on this machine only)")]
    IssuerNotHttps(String),
    /// Browsers cannot come back to it.
    #[error("public_url: `{0}` must be http:// or https:// and a host, without path, query or fragment")]
    PublicUrl(String),
    /// Browsers would refuse the cookies, or send them unprotected.
    #[error("secure_cookies: must be true where public_url is https and false where it is http")]
    SecureCookies,
    /// Nobody could sign in.
    #[error("roles: map at least one group to a role, or nobody can sign in")]
    NoRoles,
    /// Sessions would end at once or never.
    #[error(
        "idle_timeout and absolute_timeout: must be at least one minute, and idle_timeout at most absolute_timeout"
    )]
    Timeouts,
    /// The provider would refuse every sign-in.
    #[error("client_id: must not be empty")]
    ClientId,
    /// The client for requests to the provider could not be made.
    #[error("cannot make the HTTP client for the identity provider: {0}")]
    HttpClient(String),
}

impl IdentityConfig {
    /// Looks for mistakes that would only show when somebody signs in.
    ///
    /// # Errors
    /// The first mistake.
    pub fn check(&self) -> Result<(), ConfigError> {
        let issuer = IssuerUrl::new(self.issuer.clone()).map_err(|_| ConfigError::Issuer(self.issuer.clone()))?;
        if !is_protected(issuer.url()) {
            return Err(ConfigError::IssuerNotHttps(self.issuer.clone()));
        }
        let public = &self.public_url;
        let bare = public.path() == "/" && public.query().is_none() && public.fragment().is_none();
        let anonymous = public.username().is_empty() && public.password().is_none();
        if !matches!(public.scheme(), "http" | "https") || !public.has_host() || !bare || !anonymous {
            return Err(ConfigError::PublicUrl(public.to_string()));
        }
        if self.secure_cookies != (public.scheme() == "https") {
            return Err(ConfigError::SecureCookies);
        }
        if self.roles.is_empty() {
            return Err(ConfigError::NoRoles);
        }
        if self.idle_timeout < SignedDuration::from_mins(1) || self.absolute_timeout < self.idle_timeout {
            return Err(ConfigError::Timeouts);
        }
        if self.client_id.is_empty() {
            return Err(ConfigError::ClientId);
        }
        Ok(())
    }

    /// The greatest role that one of the groups is mapped to.
    #[must_use]
    pub fn role(&self, groups: &[String]) -> Option<Role> {
        groups.iter().filter_map(|group| self.roles.get(group)).max().copied()
    }

    /// A path of this portal as browsers know it.
    pub(crate) fn public(&self, path: &str) -> Url {
        self.public_url.join(path).expect("a constant path joins every public_url that passed check")
    }
}

/// Whether what is sent there stays secret on its way.
pub(crate) fn is_protected(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => is_loopback(url),
        _ => false,
    }
}

/// Whether the address is this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn with(name: &str, value: Value) -> IdentityConfig {
        let mut settings = json!({
            "issuer": "https://id.example.com",
            "client_id": "portal",
            "client_secret": "hunter2",
            "public_url": "https://portal.example",
            "roles": {"sre": "operator", "leads": "approver", "everybody": "viewer"},
        });
        settings[name] = value;
        serde_json::from_value(settings).unwrap()
    }

    #[test]
    fn defaults_pass() {
        let config = with("idle_timeout", json!("30m"));
        assert_eq!(config.check(), Ok(()));
        assert_eq!(config.idle_timeout, SignedDuration::from_mins(30));
        assert!(config.secure_cookies);
        assert_eq!(config.public("/auth/callback").as_str(), "https://portal.example/auth/callback");
    }

    #[test]
    fn mistakes_are_named() {
        for (name, value, word) in [
            ("issuer", json!("no address"), "issuer"),
            ("issuer", json!("http://id.example.com"), "https"),
            ("public_url", json!("https://portal.example/portal"), "public_url"),
            ("public_url", json!("https://portal.example/?a=b"), "public_url"),
            ("public_url", json!("ftp://portal.example/"), "public_url"),
            ("public_url", json!("https://user@portal.example/"), "public_url"),
            ("public_url", json!("http://portal.example/"), "secure_cookies"),
            ("secure_cookies", json!(false), "secure_cookies"),
            ("roles", json!({}), "roles"),
            ("idle_timeout", json!("0s"), "idle_timeout"),
            ("idle_timeout", json!("13h"), "idle_timeout"),
            ("client_id", json!(""), "client_id"),
        ] {
            let error = with(name, value.clone()).check().expect_err(&format!("{name} {value}"));
            assert!(error.to_string().contains(word), "{name} {value}: {error}");
        }
    }

    #[test]
    fn a_provider_on_this_machine_needs_no_https() {
        for issuer in ["http://127.0.0.1:9000/idp", "http://localhost:9000", "http://[::1]:9000"] {
            assert_eq!(with("issuer", json!(issuer)).check(), Ok(()), "{issuer}");
        }
    }

    #[test]
    fn the_greatest_role_counts() {
        let config = with("client_id", json!("portal"));
        let role = |groups: &[&str]| config.role(&groups.iter().map(|group| (*group).to_owned()).collect::<Vec<_>>());
        assert_eq!(role(&["everybody", "leads", "sre", "unknown"]), Some(Role::Approver));
        assert_eq!(role(&["everybody"]), Some(Role::Viewer));
        assert_eq!(role(&["SRE", "sre ", "unknown"]), None, "groups match exactly");
        assert_eq!(role(&[]), None);
    }

    #[test]
    fn secrets_do_not_show() {
        let shown = format!("{:?}", with("client_id", json!("portal")));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
