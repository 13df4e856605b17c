//! Mail over SMTP (RFC 5321), submitted to a server that knows the portal.

mod message;
mod session;

use std::fmt;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, TlsParameters};
use operations::{Channel, ChannelKind, DeliveryError, Letter, Secret};

use crate::text::Hidden;
use crate::{Patience, SettingError};

/// More people than this have a mailing list.
const MOST_RECIPIENTS: usize = 50;

/// How the connection is encrypted. There is no mode that encrypts where the server lets it: such a server, or whoever
/// stands between, could choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// By STARTTLS, before anything is told; a server without it is left.
    StartTls,
    /// From the first byte.
    Tls,
    /// Not at all.
    None,
}

/// Who the portal is at the server.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its name.
    pub user: String,
    /// Its password.
    pub password: Secret,
}

/// What a mail channel is made of.
#[derive(Clone, Debug)]
pub struct EmailSettings {
    /// What it is called.
    pub name: String,
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub encryption: Encryption,
    /// Certificates of authorities, in PEM, that alone may have signed the server's; without them, the system's.
    pub authorities: Option<Vec<u8>>,
    /// Who the portal is there, where it has to say so.
    pub account: Option<Account>,
    /// `Runbook Portal <runbooks@example.com>`.
    pub from: String,
    /// Whom the letters go to.
    pub to: Vec<String>,
    /// How long an attempt may take.
    pub patience: Patience,
}

/// Letters by mail.
pub struct Email {
    name: String,
    about: String,
    host: String,
    port: u16,
    encryption: Encryption,
    tls: Option<TlsParameters>,
    credentials: Option<Credentials>,
    from: Mailbox,
    to: Vec<Mailbox>,
    patience: Patience,
    hidden: Hidden,
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Email")
            .field("name", &self.name)
            .field("about", &self.about)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("encryption", &self.encryption)
            .finish_non_exhaustive()
    }
}

impl Email {
    /// Checks the settings; connects to nobody yet.
    ///
    /// # Errors
    /// Where an address cannot be read, there are none or too many, the authorities are no certificates, or a password
    /// would cross a network in the clear.
    pub fn new(settings: EmailSettings) -> Result<Self, SettingError> {
        let EmailSettings { name, host, port, encryption, authorities, account, from, to, patience } = settings;
        if encryption == Encryption::None && account.is_some() && !is_loopback(&host) {
            return Err(SettingError::new(
                "encryption",
                "a password is not sent in the clear: choose `starttls` or `tls`, or leave `user` out",
            ));
        }
        if to.is_empty() || to.len() > MOST_RECIPIENTS {
            return Err(SettingError::new("to", format!("name 1 to {MOST_RECIPIENTS} addresses")));
        }
        let from = mailbox("from", &from)?;
        let to = to.iter().map(|address| mailbox("to", address)).collect::<Result<Vec<_>, _>>()?;
        let tls = match encryption {
            Encryption::None => None,
            Encryption::StartTls | Encryption::Tls => Some(tls(&host, authorities.as_deref())?),
        };
        let hidden = account.as_ref().map_or_else(|| Hidden::new([]), forms);
        let credentials = account.map(|account| Credentials::new(account.user, account.password.expose().to_owned()));
        let about = to.iter().map(|mailbox| mailbox.email.to_string()).collect::<Vec<_>>().join(", ");
        Ok(Self { name, about, host, port, encryption, tls, credentials, from, to, patience, hidden })
    }
}

fn mailbox(field: &'static str, text: &str) -> Result<Mailbox, SettingError> {
    let mailbox: Mailbox =
        text.parse().map_err(|error| SettingError::new(field, format!("{text} is no mail address: {error}")))?;
    if mailbox.email.to_string().is_ascii() {
        Ok(mailbox)
    } else {
        // Servers need not take others (RFC 6531), and one finds that out when it is too late.
        Err(SettingError::new(field, format!("{text} is not in ASCII: write the domain as `xn--…`")))
    }
}

fn tls(host: &str, authorities: Option<&[u8]>) -> Result<TlsParameters, SettingError> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(pem) = authorities {
        let no_certificates = || SettingError::new("authorities", "the file holds no certificate in PEM");
        if !String::from_utf8_lossy(pem).contains("-----BEGIN CERTIFICATE-----") {
            return Err(no_certificates());
        }
        let certificates = Certificate::from_pem(pem).map_err(|_| no_certificates())?;
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(certificates);
    }
    builder.build().map_err(|error| SettingError::new("authorities", error.to_string()))
}

/// The password, and what SMTP makes of it (RFC 4954).
fn forms(account: &Account) -> Hidden {
    let password = account.password.expose();
    let plain = format!("\0{}\0{password}", account.user);
    Hidden::new([STANDARD.encode(plain), STANDARD.encode(password), password.to_owned()])
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

#[async_trait]
impl Channel for Email {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> ChannelKind {
        ChannelKind::Email
    }

    fn about(&self) -> &str {
        &self.about
    }

    /// A second one has the same `Message-ID`, by which people's programs may know it; the server does not.
    fn knows_letters_again(&self) -> bool {
        false
    }

    async fn deliver(&self, letter: &Letter) -> Result<Option<String>, DeliveryError> {
        let message = message::write(letter, &self.from, &self.to).map_err(|error| {
            DeliveryError::Refused(format!("It cannot be written as a mail ({error}). Send the text by hand."))
        })?;
        self.submit(&message).await.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> EmailSettings {
        EmailSettings {
            name: "team".to_owned(),
            host: "mail.example.com".to_owned(),
            port: 587,
            encryption: Encryption::StartTls,
            authorities: None,
            account: Some(Account { user: "portal".to_owned(), password: Secret::new("p4ssw0rd") }),
            from: "Runbook Portal <runbooks@example.com>".to_owned(),
            to: vec!["a@example.com".to_owned(), "B <b@example.com>".to_owned()],
            patience: Patience::default(),
        }
    }

    #[test]
    fn a_channel_tells_whom_it_reaches_and_no_password() {
        let email = Email::new(settings()).unwrap();
        assert_eq!(email.about(), "a@example.com, b@example.com");
        assert!(!format!("{email:?} {:?}", settings()).contains("p4ssw0rd"));
    }

    #[test]
    fn mistakes_are_named_by_field() {
        let field = |change: fn(&mut EmailSettings)| {
            let mut settings = settings();
            change(&mut settings);
            Email::new(settings).unwrap_err().field
        };
        assert_eq!(field(|settings| settings.from = "nobody".to_owned()), "from");
        assert_eq!(field(|settings| settings.to.clear()), "to");
        assert_eq!(field(|settings| settings.to = vec!["a@example.com\r\nBcc: b@example.com".to_owned()]), "to");
        assert_eq!(field(|settings| settings.to = vec!["ä@example.com".to_owned()]), "to");
        assert_eq!(field(|settings| settings.to = vec!["a@example.com".to_owned(); 51]), "to");
        assert_eq!(field(|settings| settings.authorities = Some(b"nothing".to_vec())), "authorities");
        assert_eq!(field(|settings| settings.encryption = Encryption::None), "encryption");
    }

    #[test]
    fn in_the_clear_a_password_stays_on_this_machine() {
        let local = EmailSettings { host: "127.0.0.1".to_owned(), encryption: Encryption::None, ..settings() };
        Email::new(local).unwrap();
        let nobody = EmailSettings { account: None, encryption: Encryption::None, ..settings() };
        Email::new(nobody).unwrap();
    }
}
