//! One POST of JSON to an address that nobody may learn: bounded in time and size, and never led elsewhere.

use std::fmt;

use operations::Secret;
use reqwest::{Client, Response, StatusCode, header, redirect};
use serde_json::Value;
use url::{Host, Url};

use crate::text::{Broken, Hidden, first_cause};
use crate::{Patience, SettingError};

/// The most of an answer that is read, in bytes.
const LONGEST_ANSWER: usize = 4096;
/// Nobody asks to wait longer than a day; whoever seems to is not understood.
const LONGEST_WAIT: u64 = 24 * 60 * 60;

/// Posts to one address.
pub(crate) struct Post {
    client: Client,
    url: Url,
    hidden: Hidden,
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Post(•••)")
    }
}

/// What the other side said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// The seconds after which it wants to be asked again.
    pub(crate) wait: Option<u64>,
    /// The beginning of what it said.
    pub(crate) text: String,
    /// What it said for people: one line, without the address; empty where it said nothing.
    pub(crate) quote: String,
}

/// Why there is no answer, in words for people.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// There was no connection: nothing was sent.
    NotSent(String),
    /// The request was on its way.
    Lost(String),
}

impl Post {
    /// To an address that must be encrypted, unless it is this machine's. `keys` are what must not be told beside it.
    pub(crate) fn new(
        field: &'static str,
        url: &Secret,
        keys: &[&str],
        patience: Patience,
    ) -> Result<Self, SettingError> {
        let url: Url = url
            .expose()
            .trim()
            .parse()
            .map_err(|error| SettingError::new(field, format!("not an address: {error}")))?;
        let local = is_loopback(&url);
        match url.scheme() {
            "https" => {}
            "http" if local => {}
            _ => return Err(SettingError::new(field, "the address must begin with https://")),
        }
        // reqwest speaks TLS through the provider of the process. Where one was chosen already, that one stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            // A redirect would carry the text, and perhaps the key, to somebody else.
            .redirect(redirect::Policy::none())
            .user_agent("runbook-portal")
            .connect_timeout(patience.connect)
            .timeout(patience.whole)
            // On a connection of the last letter one cannot tell whether this one was read before it closed.
            .pool_max_idle_per_host(0);
        if local {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| {
            SettingError::new(field, format!("no HTTP client: {}", first_cause(&error.without_url())))
        })?;
        let forms = keys.iter().map(|key| (*key).to_owned());
        let hidden = Hidden::of_url(&url).and(forms);
        Ok(Self { client, url, hidden })
    }

    /// Sends it once.
    pub(crate) async fn send(&self, body: &Value) -> Result<Answer, NoAnswer> {
        let sent = self.client.post(self.url.clone()).json(body).send().await;
        let answer = sent.map_err(|error| self.no_answer(error))?;
        let status = answer.status();
        let seconds = answer.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let wait = seconds.filter(|seconds| (1..=LONGEST_WAIT).contains(seconds));
        let (text, ended) = read(answer).await;
        let broken_off = match ended {
            Ok(broken_off) => broken_off,
            // Whoever refused has refused, whatever else there was to say. What was taken has to be said whole.
            Err(error) if status.is_success() => return Err(self.no_answer(error)),
            Err(_) => Broken::Off,
        };
        let quote = self.hidden.quote(&text, broken_off);
        Ok(Answer { status, wait, text, quote })
    }

    /// What others said, without the address and the keys.
    pub(crate) fn quote(&self, text: &str) -> String {
        self.hidden.quote(text, Broken::Nowhere)
    }

    fn no_answer(&self, error: reqwest::Error) -> NoAnswer {
        let (connecting, timeout) = (error.is_connect() || error.is_builder(), error.is_timeout());
        let reason = self.hidden.quote(&first_cause(&error.without_url()), Broken::Nowhere);
        match (connecting, timeout) {
            (true, true) => NoAnswer::NotSent("nobody answered in time".to_owned()),
            (true, false) => NoAnswer::NotSent(reason),
            (false, true) => NoAnswer::Lost("no answer in time".to_owned()),
            (false, false) => NoAnswer::Lost(reason),
        }
    }
}

/// The beginning of the body; then whether it went on, or why it broke.
async fn read(mut answer: Response) -> (String, Result<Broken, reqwest::Error>) {
    let mut body = Vec::new();
    let ended = loop {
        match answer.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > LONGEST_ANSWER => {
                body.extend_from_slice(&chunk[..LONGEST_ANSWER - body.len()]);
                break Ok(Broken::Off);
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break Ok(Broken::Nowhere),
            Err(error) => break Err(error),
        }
    };
    (String::from_utf8_lossy(&body).into_owned(), ended)
}

/// Whether the address is on this machine.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_encrypted_or_here() {
        let made = |url: &str| Post::new("url", &Secret::new(url), &[], Patience::default());
        for good in ["https://hooks.example.com/a", "http://127.0.0.1:1/a", "http://[::1]/a", "http://localhost/a\n"] {
            made(good).unwrap();
        }
        for bad in ["http://hooks.example.com/secret-path", "ftp://127.0.0.1/secret-path", "secret-path", ""] {
            let error = made(bad).unwrap_err().to_string();
            assert!(error.starts_with("`url`: ") && !error.contains("secret-path"), "{error}");
        }
    }
}
