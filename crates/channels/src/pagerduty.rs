//! PagerDuty Events API v2 (<https://developer.pagerduty.com/docs/send-alert-event>): one event a letter.

use async_trait::async_trait;
use operations::{Channel, ChannelKind, DeliveryError, Letter, PagerAction, Secret};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::http::{Answer, NoAnswer, Post};
use crate::text::{cut, digest, one_line, plain};
use crate::{Patience, SettingError};

/// Where accounts in the United States send events. Those in the European Union have `events.eu.pagerduty.com`.
const ENDPOINT: &str = "https://events.pagerduty.com/v2/enqueue";

/// PagerDuty's own bounds, in characters.
const LONGEST_SUMMARY: usize = 1024;
const LONGEST_KEY: usize = 255;
/// An event may have 512 KB; nobody reads that much on a phone.
const LONGEST_TEXT: usize = 20_000;

/// One integration of one service.
#[derive(Debug)]
pub struct PagerDuty {
    name: String,
    about: String,
    key: Secret,
    post: Post,
}

impl PagerDuty {
    /// With the integration's key; `endpoint` is the whole address of `enqueue`, where it is not PagerDuty's first one.
    ///
    /// # Errors
    /// Where the endpoint is no address, or one that is not encrypted and not of this machine; where there is no key.
    pub fn new(
        name: impl Into<String>,
        about: impl Into<String>,
        key: Secret,
        endpoint: Option<&str>,
        patience: Patience,
    ) -> Result<Self, SettingError> {
        if key.expose().is_empty() || key.expose().contains(char::is_whitespace) {
            return Err(SettingError::new("key", "an integration key is one word of letters and digits"));
        }
        let post = Post::new("endpoint", &Secret::new(endpoint.unwrap_or(ENDPOINT)), &[key.expose()], patience)?;
        Ok(Self { name: name.into(), about: about.into(), key, post })
    }

    fn event(&self, letter: &Letter, dedup_key: &str) -> Value {
        let mut event = json!({
            "routing_key": self.key.expose(),
            "event_action": letter.action,
            "dedup_key": dedup_key,
        });
        // Only what begins an alert has these: the others find it by its key.
        if letter.action == PagerAction::Trigger {
            event["payload"] = json!({
                "summary": cut(&one_line(&letter.subject), LONGEST_SUMMARY),
                "source": "Runbook Portal",
                "severity": letter.severity,
                "custom_details": { "text": cut(&plain(&letter.text), LONGEST_TEXT) },
            });
            event["client"] = "Runbook Portal".into();
            if let Some(address) = &letter.address {
                event["client_url"] = address.as_str().into();
                event["links"] = json!([{ "href": address, "text": "The incident in the runbook portal" }]);
            }
        }
        event
    }

    fn judge(&self, answer: &Answer, dedup_key: String) -> Result<Option<String>, DeliveryError> {
        let Answer { status, .. } = answer;
        let said = match self.explained(answer) {
            said if said.is_empty() => status.to_string(),
            said => format!("{status}: {said}"),
        };
        match *status {
            StatusCode::ACCEPTED => {
                let told = json(answer)["dedup_key"].as_str().map(|key| self.post.quote(key));
                Ok(Some(told.filter(|key| !key.is_empty()).unwrap_or(dedup_key)))
            }
            StatusCode::TOO_MANY_REQUESTS => {
                let pause = answer.wait.map_or("in a minute".to_owned(), |seconds| format!("after {seconds} s"));
                Err(DeliveryError::Failed(format!("PagerDuty answered {said}. Send it again {pause}.")))
            }
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => {
                Err(DeliveryError::Failed(format!("PagerDuty answered {said}. Send it again.")))
            }
            _ if status.is_server_error() => Err(DeliveryError::Failed(format!(
                "PagerDuty answered {said}. Send it again in a minute; if it is urgent, call who is on call."
            ))),
            StatusCode::BAD_REQUEST => Err(DeliveryError::Refused(format!(
                "PagerDuty answered {said}. An administrator has to look at the integration's key in the configuration."
            ))),
            _ => Err(DeliveryError::Refused(format!(
                "PagerDuty answered {said}. An administrator has to look whether `endpoint` is that of the Events API v2."
            ))),
        }
    }

    /// What PagerDuty says of an event that it did not take; what others say is not of that form.
    fn explained(&self, answer: &Answer) -> String {
        let told = json(answer);
        let errors = told["errors"].as_array().into_iter().flatten();
        let all = told["message"].as_str().into_iter().chain(errors.filter_map(Value::as_str));
        match all.collect::<Vec<_>>().join("; ") {
            nothing if nothing.is_empty() => answer.quote.clone(),
            words => self.post.quote(&words),
        }
    }
}

fn json(answer: &Answer) -> Value {
    serde_json::from_str(&answer.text).unwrap_or_default()
}

/// The incident's key, or where that is too long its digest.
fn dedup_key(incident: &str) -> String {
    if incident.chars().count() <= LONGEST_KEY { incident.to_owned() } else { digest(incident) }
}

#[async_trait]
impl Channel for PagerDuty {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> ChannelKind {
        ChannelKind::PagerDuty
    }

    fn about(&self) -> &str {
        &self.about
    }

    /// By the incident's key: a second event of a kind changes nothing.
    fn knows_letters_again(&self) -> bool {
        true
    }

    async fn deliver(&self, letter: &Letter) -> Result<Option<String>, DeliveryError> {
        let dedup_key = dedup_key(&letter.incident_key);
        match self.post.send(&self.event(letter, &dedup_key)).await {
            Ok(answer) => self.judge(&answer, dedup_key),
            Err(NoAnswer::NotSent(reason)) => Err(DeliveryError::Failed(format!(
                "PagerDuty cannot be reached ({reason}). Send it again; if it is urgent, call who is on call."
            ))),
            Err(NoAnswer::Lost(reason)) => Err(DeliveryError::Failed(format!(
                "PagerDuty did not confirm it ({reason}). Send it again: PagerDuty makes no second incident of it."
            ))),
        }
    }
}
