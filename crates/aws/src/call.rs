//! One operation, asked of one account.

use serde_json::{Map, Value};

use crate::account::Clients;
use crate::failure::Failure;
use crate::model::{Operation, Service};
use crate::sdk::{self, Trouble};
use crate::wire;

/// Asks for one operation.
pub(crate) struct Caller<'a> {
    pub(crate) clients: &'a Clients,
    pub(crate) service: &'a Service,
    pub(crate) operation: &'a Operation,
}

/// What the service answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    Output(Map<String, Value>),
    Refused { code: String, message: String },
}

/// What a refusal has to do with the portal itself.
const EXPIRED: &[&str] = &["ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"];
const NOT_ACCEPTED: &[&str] = &[
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "IncompleteSignature",
    "AuthFailure",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
];
const DENIED: &[&str] =
    &["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized", "AuthorizationError"];

impl Caller<'_> {
    /// The output of a call and the bytes it came in.
    ///
    /// # Errors
    /// As the real program tells them; what is the portal's own business is said in one more line.
    pub(crate) async fn call(&self, parameters: &Map<String, Value>) -> Result<(Map<String, Value>, usize), Failure> {
        match self.send(parameters).await {
            Ok(answered) => Ok(answered),
            Err(Trouble::Service { code, message, attempts }) => Err(self.refused(&code, &message, attempts)),
            Err(trouble) => Err(self.unanswered(&trouble)),
        }
    }

    /// The output, or that the service refused.
    ///
    /// # Errors
    /// Where there was no answer.
    pub(crate) async fn answer(&self, parameters: &Map<String, Value>) -> Result<Answer, Failure> {
        match self.send(parameters).await {
            Ok((output, _)) => Ok(Answer::Output(output)),
            Err(Trouble::Service { code, message, .. }) => Ok(Answer::Refused { code, message }),
            Err(trouble) => Err(self.unanswered(&trouble)),
        }
    }

    async fn send(&self, parameters: &Map<String, Value>) -> Result<(Map<String, Value>, usize), Trouble> {
        let clients = self.clients.get().await;
        let body = wire::body(self.service, self.operation, parameters);
        let body = sdk::send(clients, self.service, self.operation, body).await?;
        let output = wire::response(self.service, self.operation, &body).map_err(|wrong| {
            tracing::warn!(operation = self.operation.name, wrong, "an answer of AWS cannot be read");
            Trouble::Unintelligible
        })?;
        Ok((output, body.len()))
    }

    fn refused(&self, code: &str, message: &str, attempts: u32) -> Failure {
        let operation = self.operation.name;
        let retried = match attempts {
            0 | 1 => String::new(),
            attempts => format!(" (reached max retries: {})", attempts - 1),
        };
        let told = format!("An error occurred ({code}) when calling the {operation} operation{retried}: {message}");
        let account = &self.clients.account.label;
        let next = if EXPIRED.contains(&code) {
            format!("The portal's credentials for {account} have expired: ask whoever runs the portal to renew them.")
        } else if NOT_ACCEPTED.contains(&code) {
            format!(
                "AWS does not accept the portal's credentials for {account}: ask whoever runs the portal to replace them."
            )
        } else if DENIED.contains(&code) {
            let service = self.service.name;
            format!(
                "The portal itself may not do this in {account}: ask for the permission {service}:{operation} for its role."
            )
        } else {
            return Failure::service(told);
        };
        Failure::service(format!("{told}\n{next}"))
    }

    fn unanswered(&self, trouble: &Trouble) -> Failure {
        let (service, operation) = (self.service.name, self.operation.name);
        let account = &self.clients.account;
        let (region, label) = (&account.region, &account.label);
        let known = if sdk::looks(self.operation) {
            String::new()
        } else {
            format!(" Nobody knows whether {operation} was carried out: look before you try again.")
        };
        match trouble {
            Trouble::NoCredentials => Failure::configuration(format!(
                "Unable to locate credentials: the portal has none for {label}. Ask whoever runs it to configure them \
                 for this environment."
            )),
            Trouble::Unintelligible => Failure::general(format!(
                "The answer of {service} in {region} ({label}) is none of AWS's: what stands at this environment's \
                 endpoint?{known}"
            )),
            _ => Failure::general(format!(
                "Could not connect to the endpoint of {service} in {region} ({label}): check the environment's endpoint \
                 and the portal's network, then try again.{known}"
            )),
        }
    }
}
