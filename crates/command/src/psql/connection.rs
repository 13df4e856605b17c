//! What stands where psql takes a database: a name, a URL or `key=value` pairs. Source: PostgreSQL documentation,
//! 34.1.1 "Connection Strings". Only names are taken from it: the address and the account are the datasource's.

use crate::action::Refusal;

/// The names in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) host: Option<String>,
    pub(super) database: Option<String>,
}

/// Keys that say nothing a datasource does not know better, and lead nowhere else.
const IGNORED: &[&str] =
    &["user", "port", "application_name", "fallback_application_name", "connect_timeout", "client_encoding"];

pub(super) fn read(text: &str) -> Result<Named, Refusal> {
    if let Some(rest) = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://")) {
        return url(rest);
    }
    if text.contains('=') {
        return pairs(text);
    }
    Ok(Named { host: None, database: Some(text.to_owned()) })
}

fn password() -> Refusal {
    Refusal::not_permitted(
        "A password in a call of psql is not permitted: it would be kept with the command. Name a datasource instead; the portal has its credentials.",
    )
}

fn unread() -> Refusal {
    Refusal::not_permitted(
        "This connection string cannot be read. Name a datasource instead, as in `psql datasource:NAME`.",
    )
}

fn key(named: &mut Named, key: &str, value: String) -> Result<(), Refusal> {
    match key {
        "host" => named.host = Some(value),
        "dbname" => named.database = Some(value),
        "password" | "sslpassword" | "passfile" => return Err(password()),
        ignored if IGNORED.contains(&ignored) => {}
        other => {
            // It may be a mistyped password: only a plain key is repeated.
            let plain = other.len() <= 40 && other.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            return Err(if plain {
                Refusal::not_permitted(format!(
                    "`{other}` in a connection string is not permitted: how a datasource is reached is the portal's to know. Leave it out."
                ))
            } else {
                unread()
            });
        }
    }
    Ok(())
}

fn url(rest: &str) -> Result<Named, Refusal> {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (account, place) = authority.rsplit_once('@').unwrap_or(("", authority));
    if account.contains(':') {
        return Err(password());
    }
    let mut named = Named::default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or_else(unread)?;
        key(&mut named, &decoded(name)?, decoded(value)?)?;
    }
    let host = place.split_once(':').map_or(place, |(host, _)| host);
    if !host.is_empty() {
        named.host = Some(decoded(host)?);
    }
    if !database.is_empty() {
        named.database = Some(decoded(database)?);
    }
    Ok(named)
}

/// Text with `%20` and the like read.
fn decoded(text: &str) -> Result<String, Refusal> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first == b'%' {
            let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok()).ok_or_else(unread)?;
            bytes.push(u8::from_str_radix(digits, 16).map_err(|_| unread())?);
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8(bytes).map_err(|_| unread())
}

fn pairs(text: &str) -> Result<Named, Refusal> {
    let mut named = Named::default();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or_else(unread)?;
        let mut chars = after.trim_start().chars();
        let mut value = String::new();
        let quoted = chars.as_str().starts_with('\'');
        if quoted {
            chars.next();
        }
        let mut closed = !quoted;
        while let Some(c) = chars.next() {
            match c {
                '\\' => value.extend(chars.next()),
                '\'' if quoted => {
                    closed = true;
                    break;
                }
                c if !quoted && c.is_ascii_whitespace() => break,
                c => value.push(c),
            }
        }
        if !closed {
            return Err(unread());
        }
        key(&mut named, name.trim(), value)?;
        rest = chars.as_str().trim_start();
    }
    Ok(named)
}
