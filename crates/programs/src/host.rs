//! Which hosts an environment permits.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use operations::Secret;

/// The ports that a pattern without a port permits: those of http and https.
const USUAL: [u16; 2] = [80, 443];

/// A host that calls may reach.
#[derive(Clone, Debug)]
pub struct Host {
    pattern: Pattern,
    /// Where connections really go, as `host:port`: an environment to practise in, a tunnel.
    pub(crate) connect_to: Option<(String, u16)>,
    /// Whether calls may leave its certificate unchecked (`curl -k`).
    pub(crate) insecure: bool,
    /// Headers that are given to it.
    pub(crate) headers: Vec<(String, Secret)>,
}

/// Why a host of the configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// It is no pattern.
    #[error("`{0}` is no host: write `api.example.com`, `*.example.com`, `localhost:6060` or `db.example.com:*`")]
    Pattern(String),
    /// Where connections go is no address.
    #[error("`{0}` is no address: write `host:port`")]
    Address(String),
    /// A header that is none.
    #[error("`{0}` is no header's name, or its value holds a line's end")]
    Header(String),
}

impl Host {
    /// A host by its pattern: `api.example.com`, `*.example.com` (any name below it), `localhost:6060`, `[::1]:8080`,
    /// `metrics.example.com:*` (any port). Without a port it is 80 and 443.
    ///
    /// # Errors
    /// [`HostError::Pattern`].
    pub fn new(pattern: &str) -> Result<Self, HostError> {
        let pattern = pattern.parse()?;
        Ok(Self { pattern, connect_to: None, insecure: false, headers: Vec::new() })
    }

    /// The same; connections go to this `host:port` instead.
    ///
    /// # Errors
    /// [`HostError::Address`].
    pub fn connect_to(self, address: &str) -> Result<Self, HostError> {
        let (host, port) = server(address, None).ok_or_else(|| HostError::Address(address.to_owned()))?;
        Ok(Self { connect_to: Some((host, port)), ..self })
    }

    /// The same; calls may leave its certificate unchecked.
    #[must_use]
    pub fn unchecked(self) -> Self {
        Self { insecure: true, ..self }
    }

    /// The same; calls to it carry this header, whatever they say themselves: `Authorization`, `X-Api-Key`.
    ///
    /// # Errors
    /// [`HostError::Header`].
    pub fn header(mut self, name: &str, value: Secret) -> Result<Self, HostError> {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(token) || value.expose().contains(['\r', '\n', '\0']) {
            return Err(HostError::Header(name.to_owned()));
        }
        self.headers.push((name.to_owned(), value));
        Ok(self)
    }

    /// Whether this server is meant.
    pub(crate) fn permits(&self, host: &str, port: u16) -> bool {
        self.pattern.name_fits(host)
            && match self.pattern.port {
                Ports::Usual => USUAL.contains(&port),
                Ports::One(wanted) => wanted == port,
                Ports::Any => true,
            }
    }

    /// Whether the configuration names this machine itself.
    pub(crate) fn is_loopback(&self) -> bool {
        let name = self.pattern.name.as_str();
        name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pattern.below {
            f.write_str("*.")?;
        }
        f.write_str(&self.pattern.name)?;
        match self.pattern.port {
            Ports::Usual => Ok(()),
            Ports::One(port) => write!(f, ":{port}"),
            Ports::Any => f.write_str(":*"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    /// In small letters, without a last dot.
    name: String,
    /// Names below it are meant, not itself.
    below: bool,
    port: Ports,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ports {
    Usual,
    One(u16),
    Any,
}

impl Pattern {
    fn name_fits(&self, host: &str) -> bool {
        let host = plain_name(host);
        if self.below {
            host.strip_suffix(&self.name)
                .and_then(|above| above.strip_suffix('.'))
                .is_some_and(|above| !above.is_empty())
        } else {
            host == self.name
        }
    }
}

impl FromStr for Pattern {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        let wrong = || HostError::Pattern(text.to_owned());
        let (below, rest) = text.strip_prefix("*.").map_or((false, text), |rest| (true, rest));
        let (name, port) = match rest.strip_suffix(":*") {
            Some(name) => (name, Ports::Any),
            None if has_port(rest) => {
                let (name, port) = server(rest, None).ok_or_else(wrong)?;
                return Ok(Self { name, below, port: Ports::One(port) }).and_then(|pattern| pattern.checked(text));
            }
            None => (rest, Ports::Usual),
        };
        Self { name: plain_name(name.trim_matches(['[', ']'])), below, port }.checked(text)
    }
}

impl Pattern {
    fn checked(self, text: &str) -> Result<Self, HostError> {
        let name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let is_address = self.name.parse::<IpAddr>().is_ok();
        let good = !self.name.is_empty() && (is_address && !self.below || self.name.bytes().all(name));
        // All of a top-level domain is a mistake.
        let too_wide = self.below && !self.name.contains('.');
        if good && !too_wide { Ok(self) } else { Err(HostError::Pattern(text.to_owned())) }
    }
}

fn has_port(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(before, _)| !before.contains(':') || before.ends_with(']'))
}

fn plain_name(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// Host and port of `host:port`, `[::1]:80`, or a host alone where there is a port by default.
pub(crate) fn server(text: &str, default: Option<u16>) -> Option<(String, u16)> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if has_port(text) => (host, Some(port.parse().ok()?)),
        _ => (text, default),
    };
    let host = plain_name(host.trim_start_matches('[').trim_end_matches(']'));
    let plain = !host.is_empty() && !host.contains(|letter: char| "[]{}/@\\?#%'\"".contains(letter) || letter <= ' ');
    Some((host, port?)).filter(|_| plain)
}

/// Host and port of a URL as a script writes it; without a scheme it is http.
pub(crate) fn of_url(url: &str) -> Option<(String, u16)> {
    let scheme = url.split_once("://").filter(|(scheme, _)| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let (scheme, rest) = scheme.unwrap_or(("http", url));
    let port = if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 };
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    server(host, Some(port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_permit_what_they_say() {
        for (pattern, host, port, permitted) in [
            ("api.example.com", "api.example.com", 443, true),
            ("api.example.com", "API.Example.COM.", 80, true),
            ("api.example.com", "api.example.com", 8080, false),
            ("api.example.com", "evil-api.example.com", 443, false),
            ("api.example.com", "api.example.com.evil.org", 443, false),
            ("*.example.com", "a.b.example.com", 443, true),
            ("*.example.com", "example.com", 443, false),
            ("*.example.com", "evilexample.com", 443, false),
            ("localhost:6060", "localhost", 6060, true),
            ("localhost:6060", "localhost", 80, false),
            ("prometheus:*", "prometheus", 9090, true),
            ("[::1]:80", "::1", 80, true),
            ("10.0.0.1", "10.0.0.1", 80, true),
        ] {
            assert_eq!(Host::new(pattern).unwrap().permits(host, port), permitted, "{pattern} {host} {port}");
        }
    }

    #[test]
    fn wrong_patterns_are_told() {
        for pattern in ["", "*", "*.", "*.com", "a b", "http://a", "a:x", "a:99999", "a*.b", "*.10.0.0.1:x"] {
            assert!(Host::new(pattern).is_err(), "{pattern}");
        }
        let host = Host::new("a").unwrap();
        assert!(host.clone().connect_to("b").is_err() && host.clone().header("a b", Secret::new("x")).is_err());
        assert!(host.header("A", Secret::new("hunter2\r\nB: c")).is_err());
    }

    #[test]
    fn hosts_of_addresses_are_read() {
        for (url, expected) in [
            ("https://a/x", Some(("a", 443))),
            ("a:8080/x?y=http://b", Some(("a", 8080))),
            ("http://user:pw@a:81", Some(("a", 81))),
            ("http://a#@b/", Some(("a", 80))),
            ("http://[::1]:9090/x", Some(("::1", 9090))),
            ("http://a\\@b/", Some(("a", 80))),
            ("http://{a,b}/", None),
            ("http://a[1-3].com/", None),
            ("http:///x", None),
        ] {
            assert_eq!(of_url(url), expected.map(|(host, port)| (host.to_owned(), port)), "{url}");
        }
    }
}
