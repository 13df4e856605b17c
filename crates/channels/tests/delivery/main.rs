//! Letters to receivers on this machine: HTTP stubs for webhooks and PagerDuty, a real SMTP server for mail.

#![expect(clippy::unwrap_used, reason = "what a test reads is there, or the test fails")]

mod mail;
mod mail_broken;
mod pager;
mod stub;
mod webhooks;

use std::time::Duration;

use channels::Patience;
use operations::{Channel, DeliveryError, Letter, PagerAction};

/// Long enough for this machine on a bad day.
const ENOUGH: Patience = Patience { connect: Duration::from_secs(10), whole: Duration::from_secs(20) };

/// For a test that waits until it is over.
const SHORT: Patience = Patience { connect: Duration::from_millis(500), whole: Duration::from_millis(500) };

fn letter() -> Letter {
    Letter {
        key: "0199-letter".to_owned(),
        incident_key: "0199-incident".to_owned(),
        subject: "Checkout is slow".to_owned(),
        text: "Since 10:00.\nWe look into it.".to_owned(),
        action: PagerAction::Trigger,
        severity: "critical",
        address: Some("https://runbooks.example.com/incidents/1".to_owned()),
    }
}

/// Delivers a letter that does not arrive. Nothing about that tells one of the secrets.
async fn failure(channel: &(impl Channel + std::fmt::Debug), letter: &Letter, secrets: &[&str]) -> DeliveryError {
    let error = channel.deliver(letter).await.unwrap_err();
    let told = format!("{error} {error:?} {channel:?} {} {}", channel.name(), channel.about());
    for secret in secrets {
        assert!(!told.contains(secret), "{told} tells {secret}");
    }
    let (DeliveryError::Refused(text) | DeliveryError::Failed(text) | DeliveryError::Unknown(text)) = &error;
    assert!(text.ends_with('.') && !text.contains('\n') && text.chars().count() < 600, "{text}");
    error
}

/// The first word of it, and the text.
fn verdict(error: &DeliveryError) -> &'static str {
    match error {
        DeliveryError::Refused(_) => "refused",
        DeliveryError::Failed(_) => "failed",
        DeliveryError::Unknown(_) => "unknown",
    }
}
