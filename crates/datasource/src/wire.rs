//! One connection to a server: its start, encryption, sign-in, and messages in both directions.
//!
//! Source: PostgreSQL documentation, chapter 55 "Frontend/Backend Protocol", version 3.0.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use fallible_iterator::FallibleIterator;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::{Header, Message};
use postgres_protocol::message::frontend;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::report::Report;
use crate::settings::{Address, Tls};

/// The largest message that is taken in, in bytes: one row, one piece of a copy.
const LARGEST_MESSAGE: usize = 32 << 20;

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What goes wrong on a connection. No variant holds an address.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    /// Nobody answers.
    #[error("it cannot be reached ({0}): check that it runs and that the portal's network leads there")]
    Unreachable(io::ErrorKind),
    /// The certificate is not what it should be, or the server speaks no TLS.
    #[error("the connection cannot be encrypted: {0}")]
    Tls(String),
    /// The server says why it does not let us in, or why it ends.
    #[error("{}", .0.message)]
    Refused(Box<Report>),
    /// The server wants to know us in a way that this portal does not speak, or would send a password in the clear.
    #[error("the server asks for a sign-in that is not supported: {0}")]
    SignIn(&'static str),
    /// It closed the connection or speaks something else.
    #[error("the server closed the connection")]
    Lost,
    /// A message is larger than is taken in.
    #[error("the server sent a value of more than {LARGEST_MESSAGE} bytes")]
    TooLarge,
}

impl From<io::Error> for WireError {
    fn from(_: io::Error) -> Self {
        Self::Lost
    }
}

/// How a server is reached, prepared once.
#[derive(Clone)]
pub(crate) struct Way {
    address: Arc<Address>,
    tls: Option<Arc<ClientConfig>>,
}

impl Way {
    pub(crate) fn new(address: Address, tls: &Tls) -> Result<Self, WireError> {
        let mut roots = RootCertStore::empty();
        match tls {
            Tls::Disabled => return Ok(Self { address: Arc::new(address), tls: None }),
            Tls::Verified => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
            Tls::VerifiedBy(pem) => {
                for certificate in CertificateDer::pem_slice_iter(&pem.0) {
                    let certificate =
                        certificate.map_err(|_| WireError::Tls("an authority's certificate is not PEM".to_owned()))?;
                    roots.add(certificate).map_err(|error| WireError::Tls(error.to_string()))?;
                }
            }
        }
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| WireError::Tls(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { address: Arc::new(address), tls: Some(Arc::new(config)) })
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    async fn connect(&self) -> Result<Box<dyn Stream>, WireError> {
        let mut stream = TcpStream::connect((self.address.host.as_str(), self.address.port))
            .await
            .map_err(|error| WireError::Unreachable(error.kind()))?;
        stream.set_nodelay(true)?;
        let Some(config) = &self.tls else { return Ok(Box::new(stream)) };
        let mut request = BytesMut::new();
        frontend::ssl_request(&mut request);
        stream.write_all(&request).await?;
        // Exactly one byte: what else came before the handshake would not be encrypted.
        if stream.read_u8().await? != b'S' {
            return Err(WireError::Tls("the server does not offer it".to_owned()));
        }
        let name = ServerName::try_from(self.address.host.clone())
            .map_err(|_| WireError::Tls("the host is not a name that a certificate can be for".to_owned()))?;
        let stream = TlsConnector::from(Arc::clone(config))
            .connect(name, stream)
            .await
            .map_err(|error| WireError::Tls(reason(&error)))?;
        Ok(Box::new(stream))
    }

    /// Asks the server to end what the connection with this key does.
    pub(crate) async fn cancel(&self, key: Key) -> Result<(), WireError> {
        let mut stream = self.connect().await?;
        let mut request = BytesMut::new();
        frontend::cancel_request(key.process, key.secret, &mut request);
        stream.write_all(&request).await?;
        stream.flush().await?;
        // The server closes when it has passed the request on.
        drop(stream.read(&mut [0]).await);
        Ok(())
    }
}

/// A TLS failure without the names in it: a certificate's names are part of the address.
fn reason(error: &io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(
            rustls::CertificateError::Expired | rustls::CertificateError::ExpiredContext { .. },
        )) => "the server's certificate has expired".to_owned(),
        Some(rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer)) => {
            "the server's certificate is from an unknown authority".to_owned()
        }
        Some(rustls::Error::InvalidCertificate(_)) => "the server's certificate is not valid for it".to_owned(),
        _ => "the handshake failed".to_owned(),
    }
}

/// Names a connection to the server, to cancel what it does.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Key {
    process: i32,
    secret: i32,
}

impl Key {
    /// As a CancelRequest has it.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (process, secret) = bytes.split_at_checked(4)?;
        let number = |bytes: &[u8]| Some(i32::from_be_bytes(bytes.try_into().ok()?));
        Some(Self { process: number(process)?, secret: number(secret)? })
    }
}

/// A connection that is signed in.
pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    incoming: BytesMut,
    pub(crate) key: Key,
    /// What the server reports of its settings: `server_version`, `standard_conforming_strings`.
    pub(crate) parameters: BTreeMap<String, String>,
}

impl Connection {
    /// Connects and signs in, with these settings for the session.
    pub(crate) async fn open(way: &Way, settings: &[(&str, String)]) -> Result<Self, WireError> {
        let mut connection = Self {
            stream: way.connect().await?,
            incoming: BytesMut::with_capacity(16 << 10),
            key: Key::default(),
            parameters: BTreeMap::new(),
        };
        let address = way.address();
        let own = [("user", address.user.as_str()), ("database", address.database.as_str())];
        let all = own.into_iter().chain(settings.iter().map(|(name, value)| (*name, value.as_str())));
        let mut out = BytesMut::new();
        frontend::startup_message(all, &mut out)?;
        connection.send(&out).await?;
        connection.sign_in(address, way.tls.is_some()).await?;
        loop {
            match connection.receive().await? {
                Message::ParameterStatus(status) => connection.keep(status.name()?, status.value()?),
                Message::BackendKeyData(key) => {
                    connection.key = Key { process: key.process_id(), secret: key.secret_key() };
                }
                Message::ReadyForQuery(_) => return Ok(connection),
                Message::ErrorResponse(error) => return Err(refused(error.fields())),
                Message::NoticeResponse(_) => {}
                _ => return Err(WireError::Lost),
            }
        }
    }

    /// The connection itself, and what a client is told once it is let in: the messages from AuthenticationOk to
    /// ReadyForQuery, and whatever has come since.
    pub(crate) fn hand_over(self) -> (Box<dyn Stream>, Key, BytesMut) {
        let mut greeting = BytesMut::new();
        let mut message = |kind: u8, content: &[u8]| {
            greeting.put_u8(kind);
            greeting.put_i32(i32::try_from(content.len() + 4).expect("what a server says of itself is short"));
            greeting.put_slice(content);
        };
        message(b'R', &[0; 4]);
        for (name, value) in &self.parameters {
            message(b'S', &[name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat());
        }
        let Key { process, secret } = self.key;
        message(b'K', &[process.to_be_bytes(), secret.to_be_bytes()].concat());
        message(b'Z', b"I");
        greeting.put_slice(&self.incoming);
        (self.stream, self.key, greeting)
    }

    async fn sign_in(&mut self, address: &Address, encrypted: bool) -> Result<(), WireError> {
        let password = address.password.as_ref().map_or(b"".as_slice(), |password| password.expose().as_bytes());
        let mut out = BytesMut::new();
        loop {
            match self.receive().await? {
                Message::AuthenticationOk => return Ok(()),
                Message::AuthenticationCleartextPassword if encrypted => {
                    frontend::password_message(password, &mut out)?;
                }
                Message::AuthenticationCleartextPassword => return Err(WireError::SignIn("a password in the clear")),
                Message::AuthenticationMd5Password(body) => {
                    let hash = md5_hash(address.user.as_bytes(), password, body.salt());
                    frontend::password_message(hash.as_bytes(), &mut out)?;
                }
                Message::AuthenticationSasl(body) => {
                    let known = body.mechanisms().any(|mechanism| Ok(mechanism == SCRAM_SHA_256))?;
                    if !known {
                        return Err(WireError::SignIn("SASL without SCRAM-SHA-256"));
                    }
                    return self.scram(password).await;
                }
                Message::ErrorResponse(error) => return Err(refused(error.fields())),
                _ => return Err(WireError::SignIn("GSSAPI, Kerberos or SSPI")),
            }
            self.send(&out.split()).await?;
        }
    }

    async fn scram(&mut self, password: &[u8]) -> Result<(), WireError> {
        let mut scram = ScramSha256::new(password, ChannelBinding::unsupported());
        let mut out = BytesMut::new();
        frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), &mut out)?;
        self.send(&out.split()).await?;
        loop {
            match self.receive().await? {
                Message::AuthenticationSaslContinue(body) => {
                    scram.update(body.data())?;
                    frontend::sasl_response(scram.message(), &mut out)?;
                    self.send(&out.split()).await?;
                }
                Message::AuthenticationSaslFinal(body) => scram.finish(body.data())?,
                Message::AuthenticationOk => return Ok(()),
                Message::ErrorResponse(error) => return Err(refused(error.fields())),
                _ => return Err(WireError::SignIn("SASL")),
            }
        }
    }

    /// Sends a simple query. A text with a zero byte ends there, as in C.
    pub(crate) async fn query(&mut self, sql: &[u8]) -> Result<(), WireError> {
        let sql = sql.split(|byte| *byte == 0).next().unwrap_or_default();
        let length = i32::try_from(sql.len() + 5).map_err(|_| WireError::TooLarge)?;
        let mut out = BytesMut::with_capacity(sql.len() + 6);
        out.put_u8(b'Q');
        out.put_i32(length);
        out.put_slice(sql);
        out.put_u8(0);
        self.send(&out).await
    }

    pub(crate) async fn copy_data(&mut self, data: &[u8]) -> Result<(), WireError> {
        let mut out = BytesMut::with_capacity(data.len() + 5);
        frontend::CopyData::new(data)?.write(&mut out);
        self.send(&out).await
    }

    pub(crate) async fn copy_done(&mut self) -> Result<(), WireError> {
        let mut out = BytesMut::new();
        frontend::copy_done(&mut out);
        self.send(&out).await
    }

    pub(crate) async fn copy_fail(&mut self, why: &str) -> Result<(), WireError> {
        let mut out = BytesMut::new();
        frontend::copy_fail(why, &mut out)?;
        self.send(&out).await
    }

    pub(crate) async fn terminate(mut self) {
        let mut out = BytesMut::new();
        frontend::terminate(&mut out);
        // It ends either way.
        drop(self.send(&out).await);
        drop(self.stream.shutdown().await);
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await?;
        Ok(())
    }

    /// The next message. May be dropped while it waits: nothing is lost.
    pub(crate) async fn receive(&mut self) -> Result<Message, WireError> {
        loop {
            if let Some(header) = Header::parse(&self.incoming)?
                && usize::try_from(header.len()).map_or(true, |length| length > LARGEST_MESSAGE)
            {
                return Err(WireError::TooLarge);
            }
            if let Some(message) = Message::parse(&mut self.incoming)? {
                return Ok(message);
            }
            if self.incoming.capacity() - self.incoming.len() < 4096 {
                self.incoming.reserve(16 << 10);
            }
            if self.stream.read_buf(&mut self.incoming).await? == 0 {
                return Err(WireError::Lost);
            }
        }
    }

    pub(crate) fn keep(&mut self, name: &str, value: &str) {
        self.parameters.insert(name.to_owned(), value.to_owned());
    }
}

fn refused(fields: postgres_protocol::message::backend::ErrorFields<'_>) -> WireError {
    WireError::Refused(Box::new(Report::read(fields)))
}
