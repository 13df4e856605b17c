//! Where the database is, read from configuration. No error names a value of the address: it may hold a password.

use std::path::PathBuf;

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use url::Url;

/// A database address that was understood.
pub(crate) enum Address {
    /// An SQLite file; it need not exist yet.
    File(PathBuf),
    /// An SQLite file that goes when the store goes.
    Temporary,
    /// A PostgreSQL server.
    Postgres(Box<PgConnectOptions>),
}

/// Why a database address was not understood.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressError {
    #[error("a database address starts with sqlite:// or postgres://")]
    Scheme,
    #[error("an SQLite address is sqlite:///path/to/file.db, without parameters")]
    Sqlite,
    #[error(
        "the PostgreSQL address cannot be read; it is postgres://user:password@host:port/database, and the characters \
         @ / ? # : % of a password are percent-encoded"
    )]
    Postgres,
    #[error("a PostgreSQL address takes no parameter {0:?}")]
    Parameter(String),
}

/// The parameters that sqlx reads. It would log the value of any other one, which may be a mistyped password.
const PARAMETERS: [&str; 17] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

impl Address {
    pub(crate) fn parse(text: &str) -> Result<Self, AddressError> {
        if text == "sqlite::memory:" || text == "sqlite://:memory:" {
            return Ok(Self::Temporary);
        }
        if let Some(path) = text.strip_prefix("sqlite:") {
            return Self::file(text, path);
        }
        if text.starts_with("postgres:") || text.starts_with("postgresql:") {
            return Self::postgres(text);
        }
        Err(AddressError::Scheme)
    }

    fn file(text: &str, path: &str) -> Result<Self, AddressError> {
        if path.trim_start_matches('/').is_empty() || path.contains('?') {
            return Err(AddressError::Sqlite);
        }
        // sqlx knows how `//` and percent signs in a path are meant.
        let options: SqliteConnectOptions = text.parse().map_err(|_| AddressError::Sqlite)?;
        Ok(Self::File(options.get_filename().to_owned()))
    }

    fn postgres(text: &str) -> Result<Self, AddressError> {
        let url = Url::parse(text).map_err(|_| AddressError::Postgres)?;
        // An unescaped `/`, `?` or `#` in the password ends the authority early: the rest of the password would become
        // the database's name or a parameter, and both turn up in messages.
        let beyond = url.path().contains('@') || url.query().is_some_and(|query| query.contains('@'));
        if beyond || url.fragment().is_some() || url.cannot_be_a_base() {
            return Err(AddressError::Postgres);
        }
        let known = |name: &str| PARAMETERS.contains(&name) || (name.starts_with("options[") && name.ends_with(']'));
        if let Some((name, _)) = url.query_pairs().find(|(name, _)| !known(name)) {
            return Err(AddressError::Parameter(name.into_owned()));
        }
        let options = text.parse().map_err(|_| AddressError::Postgres)?;
        Ok(Self::Postgres(Box::new(options)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> Option<AddressError> {
        Address::parse(text).err()
    }

    #[test]
    fn reads_sqlite_paths() {
        for (text, path) in [
            ("sqlite:///var/lib/portal/portal.db", "/var/lib/portal/portal.db"),
            ("sqlite://portal.db", "portal.db"),
            ("sqlite:portal.db", "portal.db"),
            ("sqlite:///srv/two%20words.db", "/srv/two words.db"),
        ] {
            match Address::parse(text) {
                Ok(Address::File(found)) => assert_eq!(found, PathBuf::from(path)),
                _ => panic!("{text} is a file"),
            }
        }
        assert!(matches!(Address::parse("sqlite::memory:"), Ok(Address::Temporary)));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert_eq!(error(""), Some(AddressError::Scheme));
        assert_eq!(error("mysql://localhost/portal"), Some(AddressError::Scheme));
        assert_eq!(error("sqlite://"), Some(AddressError::Sqlite));
        assert_eq!(error("sqlite:///portal.db?mode=ro"), Some(AddressError::Sqlite));
        assert_eq!(error("postgres://localhost/portal?colour=red"), Some(AddressError::Parameter("colour".to_owned())));
    }

    #[test]
    fn no_error_names_a_password() {
        for text in [
            "postgres://portal:hunter2@localhost:port/portal",
            "postgres://portal:hun/hunter2@localhost/portal",
            "postgres://portal:12/hunter2@localhost/portal",
            "postgres://portal:hun?hunter2@localhost/portal",
            "postgres://portal:hun#hunter2@localhost/portal",
            "postgres://portal:hunter2@localhost/portal?sslmode=hunter2",
            "postgres://portal@localhost/portal?passwort=hunter2",
            "postgres:portal:hunter2",
        ] {
            let error = error(text).expect("not an address");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn an_at_sign_in_a_password_is_part_of_it() {
        match Address::parse("postgres://portal:a@b@db.example/portal") {
            Ok(Address::Postgres(options)) => assert_eq!(options.get_host(), "db.example"),
            _ => panic!("it can be read"),
        }
    }
}
