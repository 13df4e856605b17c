//! A way to a datasource for a real psql at a terminal, without the key to it.
//!
//! Whoever types at psql can make it print what it knows: its environment, its files. So it knows nothing: the portal signs in
//! at the server with the account and the password of its configuration, tells psql that it is in, and from there on passes
//! bytes. Source: PostgreSQL documentation, chapter 55 "Frontend/Backend Protocol", version 3.0.

use std::io;
use std::sync::{Mutex, PoisonError};

use bytes::{BufMut, BytesMut};
use command::Effect;
use operations::EnvironmentName;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::datasources::{Datasources, OpenError, session_settings};
use crate::wire::{Connection, Key, WireError};

/// Codes of what a client may begin with (55.7 "Message Formats": CancelRequest, SSLRequest, GSSENCRequest).
const CANCEL: i32 = 80_877_102;
const TLS: i32 = 80_877_103;
const GSS: i32 = 80_877_104;
/// The major version that is spoken.
const VERSION: i32 = 3;
/// The longest beginning, in bytes: that of the server itself.
const BEGINNING: usize = 10_000;
/// Connections whose statements may be cancelled.
const KEYS: usize = 64;

/// The way to one datasource.
pub struct Passage {
    datasources: Datasources,
    environment: EnvironmentName,
    name: String,
    /// Only what was begun here can be cancelled from here.
    keys: Mutex<Vec<Key>>,
}

impl Passage {
    /// Opens it, and signs in once to see that it leads there.
    ///
    /// # Errors
    /// [`OpenError`], as for a query.
    pub(crate) async fn open(
        datasources: &Datasources,
        environment: &EnvironmentName,
        name: &str,
    ) -> Result<Self, OpenError> {
        let cancel = tokio_util::sync::CancellationToken::new();
        datasources.open(environment, name, Effect::Read, cancel).await?.close().await;
        let (datasources, environment) = (datasources.clone(), environment.clone());
        Ok(Self { datasources, environment, name: name.to_owned(), keys: Mutex::default() })
    }

    /// What psql calls its database: the datasource, whatever it is called at the server.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.name
    }

    /// Serves one connection of psql, which is hostile.
    ///
    /// # Errors
    /// Where it says what no client says, or either side breaks off.
    pub async fn serve(&self, mut program: TcpStream) -> io::Result<()> {
        loop {
            let length = usize::try_from(program.read_i32().await?).unwrap_or(0);
            if !(8..=BEGINNING).contains(&length) {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let code = program.read_i32().await?;
            let mut rest = vec![0; length - 8];
            program.read_exact(&mut rest).await?;
            match code {
                // It talks to the portal on its own machine; the portal's connection is encrypted as configured.
                TLS | GSS => program.write_all(b"N").await?,
                CANCEL => return self.cancel(&rest).await,
                code if code >> 16 == VERSION => return self.pass(program, &rest).await,
                _ => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
    }

    async fn cancel(&self, rest: &[u8]) -> io::Result<()> {
        let key = Key::read(rest).ok_or(io::ErrorKind::InvalidData)?;
        let known = self.datasources.known(&self.environment, &self.name);
        let own = self.keys.lock().unwrap_or_else(PoisonError::into_inner).contains(&key);
        match known {
            Some(known) if own => known.way.cancel(key).await.map_err(io::Error::other),
            _ => Ok(()),
        }
    }

    async fn pass(&self, mut program: TcpStream, startup: &[u8]) -> io::Result<()> {
        let asked = parameter(startup, "database");
        if asked.is_some_and(|asked| asked != self.name) {
            let words = format!("this terminal is for the datasource {} alone", self.name);
            return program.write_all(&refusal("3D000", &words)).await;
        }
        let Some(known) = self.datasources.known(&self.environment, &self.name) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let settings = session_settings(&known.limits, Effect::Change);
        let opened = match timeout(known.limits.connect, Connection::open(&known.way, &settings)).await {
            Ok(opened) => opened,
            Err(_late) => Err(WireError::Unreachable(io::ErrorKind::TimedOut)),
        };
        let connection = match opened {
            Ok(connection) => connection,
            // Not the server's own words: they may name accounts and addresses.
            Err(_) => {
                return program
                    .write_all(&refusal("08001", "the datasource does not let the portal in just now"))
                    .await;
            }
        };
        let (mut server, key, greeting) = connection.hand_over();
        {
            let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
            if keys.len() >= KEYS {
                keys.remove(0);
            }
            keys.push(key);
        }
        program.write_all(&greeting).await?;
        copy_bidirectional(&mut program, &mut server).await.map(drop)
    }
}

/// A parameter of a startup message: names and values, each ended by NUL.
fn parameter<'s>(startup: &'s [u8], name: &str) -> Option<&'s str> {
    let mut texts = startup.split(|byte| *byte == 0);
    while let (Some(key), Some(value)) = (texts.next(), texts.next()) {
        if key == name.as_bytes() {
            return std::str::from_utf8(value).ok();
        }
    }
    None
}

/// An ErrorResponse that ends a connection.
fn refusal(code: &str, words: &str) -> BytesMut {
    let mut fields = BytesMut::new();
    for (field, text) in [(b'S', "FATAL"), (b'V', "FATAL"), (b'C', code), (b'M', words)] {
        fields.put_u8(field);
        fields.put_slice(text.as_bytes());
        fields.put_u8(0);
    }
    fields.put_u8(0);
    let mut message = BytesMut::new();
    message.put_u8(b'E');
    message.put_i32(i32::try_from(fields.len() + 4).expect("words of the portal's own"));
    message.put_slice(&fields);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_found_among_pairs() {
        let startup = b"user\0database\0database\0shop\0\0";
        assert_eq!(parameter(startup, "database"), Some("shop"));
        assert_eq!(parameter(startup, "user"), Some("database"));
        assert_eq!(parameter(b"database", "database"), None);
        assert_eq!(parameter(b"", "database"), None);
    }
}
