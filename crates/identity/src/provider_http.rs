//! Requests to the identity provider: bounded in time and size, and never led elsewhere.

use std::{pin::Pin, time::Duration};

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use url::Url;

use crate::config::{ConfigError, is_loopback};

/// No discovery document, key set or token is longer.
const LONGEST_ANSWER: usize = 1 << 20;

/// Speaks to one provider.
#[derive(Clone, Debug)]
pub(crate) struct ProviderHttp(reqwest::Client);

/// A request to the provider failed. The text names neither address nor body.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProviderHttpError {
    /// No connection, no answer in time, or broken off.
    #[error("the identity provider did not answer")]
    NoAnswer(#[source] reqwest::Error),
    /// More than anybody needs.
    #[error("the identity provider's answer is longer than {LONGEST_ANSWER} bytes")]
    TooLong,
    /// The answer makes no HTTP response.
    #[error("the identity provider's answer cannot be read")]
    Unreadable(#[from] axum::http::Error),
}

impl ProviderHttp {
    /// A client for the provider at `issuer`.
    pub(crate) fn new(issuer: &Url) -> Result<Self, ConfigError> {
        // reqwest speaks TLS through the provider of the process. Where one was chosen already, that one stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            // A redirect could carry the code and the secret to somebody else.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(10));
        if is_loopback(issuer) {
            builder = builder.no_proxy();
        }
        builder.build().map(Self).map_err(|error| ConfigError::HttpClient(error.to_string()))
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, ProviderHttpError> {
        // The address may carry a code or a secret in its query, so no error keeps it.
        let no_answer = |error: reqwest::Error| ProviderHttpError::NoAnswer(error.without_url());
        let request = reqwest::Request::try_from(request).map_err(no_answer)?;
        let mut answer = self.0.execute(request).await.map_err(no_answer)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(no_answer)? {
            if body.len() + chunk.len() > LONGEST_ANSWER {
                return Err(ProviderHttpError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = axum::http::Response::builder().status(answer.status()).body(body)?;
        *response.headers_mut() = answer.headers().clone();
        Ok(response)
    }
}

impl<'c> AsyncHttpClient<'c> for ProviderHttp {
    type Error = ProviderHttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Self::Error>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}
