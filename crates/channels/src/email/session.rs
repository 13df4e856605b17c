//! One conversation with the mail server. What came of a letter depends on how far it went, so the steps are ours and
//! not lettre's `send`.

use lettre::Message;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{Error, response::Response};
use operations::DeliveryError;
use tokio::time::{Duration, Instant, timeout, timeout_at};

use super::{Email, Encryption};
use crate::text::{Broken, cut, first_cause};

/// How long a server may take to say farewell. The letter is delivered by then.
const FAREWELL: Duration = Duration::from_secs(1);

/// The only good answer to `DATA` (RFC 5321, 4.3.2).
const ASKS_FOR_MESSAGE: u16 = 354;

/// A server that waits for the message, and whom it will not give it to.
struct Ready {
    connection: AsyncSmtpConnection,
    left_out: Vec<String>,
}

impl Email {
    /// Sends it once; says what the server called it.
    pub(super) async fn submit(&self, message: &Message) -> Result<String, DeliveryError> {
        let deadline = Instant::now() + self.patience.whole;
        let ready = timeout_at(deadline, self.prepare(message)).await;
        let Ready { mut connection, left_out } = ready.map_err(|_| self.silent())??;
        // From here on the server may have it, whatever it says or does not say.
        let answer = match timeout_at(deadline, connection.message(&message.formatted())).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) if error.is_permanent() || error.is_transient() => {
                return Err(self.judged(&error, "The message"));
            }
            Ok(Err(error)) => return Err(self.unknown(&self.reason(&error))),
            Err(_) => return Err(self.unknown("no answer in time")),
        };
        drop(timeout(FAREWELL, connection.quit()).await);
        Ok(self.taken(&answer, &left_out))
    }

    /// Everything before the message itself: as long as this fails, nothing has arrived.
    async fn prepare(&self, message: &Message) -> Result<Ready, DeliveryError> {
        let mut connection = self.connect().await?;
        let envelope = message.envelope();
        let from = Mail::new(envelope.from().cloned(), Vec::new());
        connection.command(from).await.map_err(|error| self.judged(&error, "The sender (`from`)"))?;
        let (mut taken, mut left_out, mut first) = (0, Vec::new(), None::<Error>);
        for to in envelope.to() {
            match connection.command(Rcpt::new(to.clone(), Vec::new())).await {
                Ok(_) => taken += 1,
                Err(error) if error.is_permanent() || error.is_transient() => {
                    left_out.push(format!("{to} ({})", self.reason(&error)));
                    // Whom the server may take later is the better hope.
                    if first.as_ref().is_none_or(|first| first.is_permanent()) {
                        first = Some(error);
                    }
                }
                Err(error) => return Err(self.judged(&error, "An address in `to`")),
            }
        }
        // One address that is gone does not keep the others from being told.
        if let (0, Some(error)) = (taken, first) {
            return Err(self.judged(&error, "Every address in `to`"));
        }
        let asked = connection.command(Data).await.map_err(|error| self.judged(&error, "The message"))?;
        // Any other answer belongs to another question: somebody has put one among the server's, and from here on none
        // would mean what it says.
        if !asked.has_code(ASKS_FOR_MESSAGE) {
            return Err(DeliveryError::Failed(format!(
                "The mail server {} answers what it was not asked. An administrator has to look who stands before it.",
                self.host
            )));
        }
        Ok(Ready { connection, left_out })
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, DeliveryError> {
        let name = ClientId::default();
        let at_once = self.tls.clone().filter(|_| self.encryption == Encryption::Tls);
        let server = (self.host.as_str(), self.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(self.patience.connect), &name, at_once, None)
                .await
                .map_err(|error| self.judged(&error, "The connection"))?;
        if let (Encryption::StartTls, Some(tls)) = (self.encryption, self.tls.clone()) {
            if !connection.can_starttls() {
                return Err(DeliveryError::Refused(format!(
                    "The mail server {} offers no STARTTLS. An administrator has to look whether `port` and `encryption` are right.",
                    self.host
                )));
            }
            connection.starttls(tls, &name).await.map_err(|error| self.judged(&error, "Encryption"))?;
        }
        if let Some(credentials) = &self.credentials {
            let known = [Mechanism::Plain, Mechanism::Login];
            if connection.server_info().get_auth_mechanism(&known).is_none() {
                return Err(DeliveryError::Refused(format!(
                    "The mail server {} takes no user and password here. An administrator has to look at `port`, `encryption` and `user`.",
                    self.host
                )));
            }
            connection
                .auth(&known, credentials)
                .await
                .map_err(|error| self.judged(&error, "The portal's user and password"))?;
        }
        Ok(connection)
    }

    /// Of an error that came before the message was sent whole, or that is the server's answer to it.
    fn judged(&self, error: &Error, what: &str) -> DeliveryError {
        let (host, reason) = (&self.host, self.reason(error));
        match error {
            _ if error.is_permanent() => DeliveryError::Refused(format!(
                "{what} was refused by the mail server {host} ({reason}). An administrator has to look at this channel's configuration; send the text by hand."
            )),
            _ if error.is_transient() => DeliveryError::Failed(format!(
                "{what} was not taken by the mail server {host} now ({reason}). Send it again in some minutes."
            )),
            _ if error.is_tls() => DeliveryError::Failed(format!(
                "The mail server {host} cannot be trusted ({reason}). An administrator has to look at its certificate and at `authorities`."
            )),
            _ => DeliveryError::Failed(format!("The mail server {host} cannot be reached ({reason}). Send it again.")),
        }
    }

    fn silent(&self) -> DeliveryError {
        DeliveryError::Failed(format!("The mail server {} did not answer in time. Send it again.", self.host))
    }

    fn unknown(&self, reason: &str) -> DeliveryError {
        DeliveryError::Unknown(format!(
            "It was sent, but the mail server {} did not confirm it ({reason}). Ask somebody in `to` before you send it again.",
            self.host
        ))
    }

    /// What the server said, or why there is nothing that it said.
    fn reason(&self, error: &Error) -> String {
        let mut text = first_cause(error);
        if let Some(code) = error.status() {
            text = format!("{code} {text}");
        }
        self.hidden.quote(&text, Broken::Nowhere)
    }

    fn taken(&self, answer: &Response, left_out: &[String]) -> String {
        let said = self.hidden.quote(&answer.message().collect::<Vec<_>>().join(" "), Broken::Nowhere);
        if left_out.is_empty() {
            return said;
        }
        format!("{said}; not for {}", cut(&left_out.join(", "), 500))
    }
}
