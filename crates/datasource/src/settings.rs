//! How a datasource is reached: what the configuration says, typed.

use std::fmt;
use std::time::Duration;

use operations::{EnvironmentName, Secret};
use url::Url;

/// Where a database is and as whom it is entered.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// A name or an IP address.
    pub host: String,
    /// 5432 where nothing is said.
    pub port: u16,
    /// The database's own name on its server.
    pub database: String,
    /// The account.
    pub user: String,
    /// Its password; `None` where the server asks for none.
    pub password: Option<Secret>,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(••••••)")
    }
}

/// Why an address cannot be read. Never repeats any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is no URL.
    #[error("the address is not a URL like postgres://user:password@host:5432/database")]
    NotUrl,
    /// It begins with something else than `postgres:`.
    #[error("the address does not begin with postgres:// or postgresql://")]
    Scheme,
    /// A part is missing.
    #[error("the address lacks {0}")]
    Missing(&'static str),
    /// A part holds bytes that are no text.
    #[error("{0} in the address cannot be decoded")]
    Undecodable(&'static str),
    /// There are parameters behind `?`.
    #[error("the address has parameters behind `?`: encryption and limits are settings of their own")]
    Parameters,
}

impl Address {
    /// Reads `postgres://user:password@host:port/database`.
    ///
    /// # Errors
    /// [`AddressError`], which repeats nothing of the text.
    pub fn from_url(text: &Secret) -> Result<Self, AddressError> {
        let url = Url::parse(text.expose()).map_err(|_| AddressError::NotUrl)?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(AddressError::Scheme);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(AddressError::Parameters);
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(AddressError::Missing("a host"))?;
        let user = decoded(url.username(), "the user")?;
        let database = decoded(url.path().trim_start_matches('/'), "the database")?;
        if user.is_empty() {
            return Err(AddressError::Missing("a user"));
        }
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(5432),
            database: if database.is_empty() { user.clone() } else { database },
            user,
            password: url.password().map(|password| decoded(password, "the password").map(Secret::new)).transpose()?,
        })
    }
}

/// Text with `%2F` and the like read (RFC 3986, 2.1).
fn decoded(text: &str, what: &'static str) -> Result<String, AddressError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.filter(|_| first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).map_err(|_| AddressError::Undecodable(what))
}

/// Whether the connection is encrypted. There is no mode that encrypts without knowing for whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// Encrypted, with a certificate for this host: `sslmode=verify-full`.
    #[default]
    Verified,
    /// The same, trusting these authorities.
    VerifiedBy(Roots),
    /// In the clear: for a server on this machine or inside a trusted network.
    Disabled,
}

/// Certificates of authorities, in PEM: for Amazon RDS, the bundle of its region.
#[derive(Clone, PartialEq, Eq)]
pub struct Roots(pub Vec<u8>);

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Roots({} bytes)", self.0.len())
    }
}

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For a connection, with its handshakes.
    pub connect: Duration,
    /// For one statement (`statement_timeout`); `None` leaves it to the server.
    pub statement: Option<Duration>,
    /// For a lock that somebody else holds (`lock_timeout`): a statement that waits blocks those behind it.
    pub lock: Option<Duration>,
    /// For a transaction in which nothing happens.
    pub idle_in_transaction: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            statement: Some(Duration::from_secs(15 * 60)),
            lock: Some(Duration::from_secs(10)),
            idle_in_transaction: Some(Duration::from_secs(60)),
        }
    }
}

/// One datasource of one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasourceSettings {
    /// Whose it is.
    pub environment: EnvironmentName,
    /// Its name, as in [`operations::Datasource::name`].
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// Whether the connection is encrypted.
    pub tls: Tls,
    /// How long things may take.
    pub limits: Limits,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_never_shown() {
        let address = Address::from_url(&Secret::new("postgres://app:p%40ss@db.example.com/pay")).unwrap();
        assert_eq!((address.host.as_str(), address.port, address.database.as_str()), ("db.example.com", 5432, "pay"));
        assert_eq!(address.password, Some(Secret::new("p@ss")));
        let shown = format!("{address:?} {:?}", address.password);
        assert!(!shown.contains("p@ss") && !shown.contains("example"), "{shown}");
        for text in
            ["hunter2", "mysql://a:hunter2@b/c", "postgres://:hunter2@b/c", "postgres://a:hunter2@b/c?sslmode=disable"]
        {
            let error = Address::from_url(&Secret::new(text)).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
