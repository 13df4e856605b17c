//! `POST /api/alerts`: what monitoring systems tell. Alertmanager's webhook (version 4) and PagerDuty's (V3), each with a
//! token of its own (of the configuration, or a service token of the portal with the scope `alerts`), and nothing that a
//! browser's session could reach.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use operations::{Access, AlertState, EnvironmentName, Error, IncomingAlert, Operations, Scope, Secret, TokenRefused};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::routes::Problem;
use crate::seats::Seats;

/// The longest body: a thousand alerts with long descriptions. An outage of everything is not refused for its size.
pub const BODY_LIMIT: usize = 16 << 20;
/// The longest body of somebody who is only known by a signature over it.
const SIGNED_LIMIT: usize = 1 << 20;
/// Where PagerDuty signs what it sends (Webhooks V3, "Verifying Signatures").
const SIGNATURE: &str = "x-pagerduty-signature";

/// A monitoring system that may tell of alerts.
#[derive(Clone, Debug)]
pub struct AlertSource {
    /// What pages and the trail call it: `alertmanager`.
    pub name: String,
    /// Its token: sent as a bearer token, or the secret that signs.
    pub token: Secret,
    /// Where its alerts happen, where their labels do not say.
    pub environment: Option<EnvironmentName>,
}

/// How many deliveries are read and taken at once: each may be as long as [`BODY_LIMIT`].
const MOST: usize = 8;
/// The same of one source. What finds no place comes again.
const MOST_OF_ONE: usize = 6;
/// How many bodies are read at once of senders who are only known by a signature, which can be checked once all of it is
/// there.
const MOST_SIGNED: usize = 16;
/// How long such a body may take.
const SIGNED_PATIENCE: Duration = Duration::from_secs(10);
/// How long any other may: it has a place meanwhile.
const PATIENCE: Duration = Duration::from_secs(30);
/// After how many seconds whoever found no place may come again.
const COME_AGAIN: &str = "5";

/// All of them, and the places that their deliveries take.
#[derive(Clone)]
pub(crate) struct AlertSources {
    sources: Arc<[AlertSource]>,
    seats: Seats,
    signed: Seats,
}

impl AlertSources {
    pub(crate) fn new(sources: Vec<AlertSource>) -> Self {
        let (seats, signed) = (Seats::new(MOST, MOST_OF_ONE), Seats::new(MOST_SIGNED, MOST_SIGNED));
        Self { sources: sources.into(), seats, signed }
    }
}

/// What became of what was told.
#[derive(Debug, Serialize)]
struct Taken {
    /// How many alerts were taken.
    alerts: usize,
    /// How many came with them and were too many.
    left_out: usize,
    /// How many of them opened an incident.
    opened: usize,
    /// The incidents that they belong to, each once.
    incidents: Vec<String>,
}

pub(crate) async fn receive(
    State(operations): State<Operations>,
    State(desk): State<AlertSources>,
    request: Request,
) -> Response {
    let headers = request.headers().clone();
    // A body of somebody without a token is read only to check a signature over it.
    let (sender, body, seat) = match known(&operations, &desk.sources, &headers).await {
        Ok(sender) => {
            // Before the body: what is refused takes no memory.
            let Some(seat) = desk.seats.take(&sender.name()) else { return no_place() };
            match whole(request, BODY_LIMIT, PATIENCE).await {
                Ok(body) => (sender, body, seat),
                Err(refused) => return refused,
            }
        }
        Err(_) if headers.contains_key(SIGNATURE) => {
            let Some(_until_it_is_checked) = desk.signed.take(SIGNATURE) else { return no_place() };
            let body = match whole(request, SIGNED_LIMIT, SIGNED_PATIENCE).await {
                Ok(body) => body,
                Err(refused) => return refused,
            };
            let signs = desk.sources.iter().find(|source| signed(source, &headers, &body)).cloned();
            let Some(sender) = signs.map(Sender::Source) else { return unknown_sender(UNKNOWN) };
            let Some(seat) = desk.seats.take(&sender.name()) else { return no_place() };
            (sender, body, seat)
        }
        Err(refused) => return refused,
    };
    let alerts = match read(&body) {
        Ok(alerts) => alerts,
        Err(why) => {
            return Problem::from(Error::Invalid(format!(
                "This is neither Alertmanager's webhook (version 4) nor PagerDuty's (V3): {why}."
            )))
            .into_response();
        }
    };
    drop(body);
    let told = alerts.len();
    // Whoever hangs up leaves the work behind, and with it the place that it takes.
    let taking = tokio::spawn(async move {
        let _seat = seat;
        match sender {
            Sender::Source(source) => {
                operations.receive_alerts(&source.name, source.environment.as_ref(), alerts).await
            }
            Sender::Program(access) => operations.receive_alerts_by_token(&access, alerts).await,
        }
    });
    let received = match taking.await {
        Ok(received) => received,
        Err(ended) => {
            tracing::error!(%ended, "alerts were not taken to the end");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    match received {
        Ok(received) => {
            let mut incidents: Vec<String> =
                received.iter().filter_map(|one| one.incident).map(|id| id.to_string()).collect();
            incidents.sort();
            incidents.dedup();
            let opened = received.iter().filter(|one| one.opened).count();
            let left_out = told - received.len();
            Json(Taken { alerts: received.len(), left_out, opened, incidents }).into_response()
        }
        Err(error) => Problem::from(error).into_response(),
    }
}

/// All of a body, which is at most so long, and takes at most so long.
async fn whole(request: Request, limit: usize, patience: Duration) -> Result<Bytes, Response> {
    match tokio::time::timeout(patience, axum::body::to_bytes(request.into_body(), limit)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => {
            let words =
                format!("The body is longer than {} MiB, or broke off. Send fewer alerts at once.\n", limit >> 20);
            Err((StatusCode::PAYLOAD_TOO_LARGE, words).into_response())
        }
        Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "The body took too long.\n").into_response()),
    }
}

/// Alertmanager and PagerDuty tell again what was answered so.
fn no_place() -> Response {
    let words = "Too many deliveries of alerts are being taken just now. Send this one again.\n";
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, COME_AGAIN)], words).into_response()
}

/// Who tells.
enum Sender {
    /// One of the configuration.
    Source(AlertSource),
    /// One with a service token.
    Program(Box<Access>),
}

impl Sender {
    /// Whose places its deliveries take.
    fn name(&self) -> String {
        match self {
            Self::Source(source) => source.name.clone(),
            Self::Program(access) => access.alert_source().unwrap_or_default(),
        }
    }
}

/// Whoever shows a token that is good here; else why not.
async fn known(operations: &Operations, sources: &[AlertSource], headers: &HeaderMap) -> Result<Sender, Response> {
    let Some(token) = bearer(headers) else { return Err(unknown_sender(UNKNOWN)) };
    if let Some(source) = sources.iter().find(|source| is_token(source, token)) {
        return Ok(Sender::Source(source.clone()));
    }
    let access = match operations.open_with_token(token, None).await {
        Ok(access) => access,
        Err(TokenRefused::Store(error)) => return Err(Problem::from(Error::Store(error)).into_response()),
        Err(TokenRefused::Unknown) => return Err(unknown_sender(UNKNOWN)),
        Err(refused) => return Err(unknown_sender(&format!("{refused}\n"))),
    };
    if access.alert_source().is_some() {
        return Ok(Sender::Program(Box::new(access)));
    }
    match operations.refuse_scope(&access, Scope::Alerts).await {
        Ok(()) => Err((StatusCode::FORBIDDEN, NO_ALERTS).into_response()),
        Err(error) => Err(Problem::from(error).into_response()),
    }
}

const UNKNOWN: &str = "Send the token of a source of alerts: Authorization: Bearer TOKEN. The configuration names it under \
                       alerts, or it is a service token with the scope alerts.\n";
const NO_ALERTS: &str = "This token brings no alerts: that takes a service token with the scope alerts. Administrators make \
                         them on the portal's page /tokens.\n";

fn unknown_sender(words: &str) -> Response {
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], words.to_owned()).into_response()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// Compares digests, so that the time it takes tells nothing of the token, not even its length.
fn is_token(source: &AlertSource, token: &str) -> bool {
    let digest = |text: &str| Sha256::digest(text.as_bytes());
    digest(source.token.expose()).as_slice().ct_eq(digest(token.trim()).as_slice()).into()
}

/// `v1=HEX, v1=HEX`: one of them fits while a secret is exchanged for another.
fn signed(source: &AlertSource, headers: &HeaderMap, body: &[u8]) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(source.token.expose().as_bytes()) else { return false };
    mac.update(body);
    let right = mac.finalize().into_bytes();
    let given = headers.get_all(SIGNATURE).iter().filter_map(|value| value.to_str().ok());
    given.flat_map(|value| value.split(',')).filter_map(|one| one.trim().strip_prefix("v1=")).take(8).any(|hex| {
        let bytes: Option<Vec<u8>> =
            hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
        bytes.is_some_and(|bytes| bytes.as_slice().ct_eq(right.as_slice()).into())
    })
}

/// Either format, told apart by what it has.
fn read(body: &[u8]) -> Result<Vec<IncomingAlert>, String> {
    let format: Format = parsed(body)?;
    if format.event.is_some() {
        let pager: Pager = parsed(body)?;
        return Ok(pager.event.alert().into_iter().collect());
    }
    let group: Group = parsed(body)?;
    match group.version.as_str() {
        "4" => Ok(group.alerts()),
        other => Err(format!("its version is {:?}", other.chars().take(20).collect::<String>())),
    }
}

fn parsed<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

/// What tells the formats apart; the rest is read over, and nothing of it is kept.
#[derive(Deserialize)]
struct Format {
    event: Option<IgnoredAny>,
}

/// Alertmanager's webhook: <https://prometheus.io/docs/alerting/latest/configuration/#webhook_config>.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    version: String,
    group_key: String,
    alerts: Vec<ManagerAlert>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ManagerAlert {
    status: ManagerStatus,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    starts_at: Timestamp,
    ends_at: Timestamp,
    fingerprint: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ManagerStatus {
    Firing,
    Resolved,
}

impl Group {
    fn alerts(self) -> Vec<IncomingAlert> {
        // As short as it is kept: each alert has it.
        let group_key = IncomingAlert::manager_key(&self.group_key);
        let alert = |alert: ManagerAlert| IncomingAlert {
            fingerprint: alert.fingerprint,
            group_key: group_key.clone(),
            name: alert.labels.get("alertname").cloned().unwrap_or_else(|| "unnamed alert".to_owned()),
            labels: alert.labels,
            annotations: alert.annotations,
            started_at: alert.starts_at,
            state: match alert.status {
                ManagerStatus::Firing => AlertState::Fires,
                ManagerStatus::Resolved => AlertState::Over { at: alert.ends_at },
            },
        };
        self.alerts.into_iter().map(alert).collect()
    }
}

/// PagerDuty's webhook: <https://developer.pagerduty.com/docs/webhooks-overview>, events on incidents.
#[derive(Deserialize)]
struct Pager {
    event: PagerEvent,
}

#[derive(Deserialize)]
struct PagerEvent {
    event_type: String,
    occurred_at: Timestamp,
    agent: Option<Named>,
    data: PagerData,
}

#[derive(Deserialize)]
struct PagerData {
    #[serde(default)]
    id: String,
    #[serde(default)]
    title: String,
    incident_key: Option<String>,
    html_url: Option<String>,
    created_at: Option<Timestamp>,
    urgency: Option<String>,
    priority: Option<Named>,
    service: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    summary: String,
}

impl PagerEvent {
    /// An alert that begins, is taken on or ends; `None` for events of other kinds (`pagey.ping`, notes), which are taken and
    /// change nothing.
    fn alert(self) -> Option<IncomingAlert> {
        let state = match self.event_type.as_str() {
            "incident.triggered" | "incident.reopened" => AlertState::Fires,
            "incident.acknowledged" => {
                AlertState::TakenOn { by: self.agent.map(|agent| agent.summary).unwrap_or_default() }
            }
            "incident.resolved" => AlertState::Over { at: self.occurred_at },
            _ => return None,
        };
        let data = self.data;
        let mut labels = BTreeMap::new();
        let severity = data.priority.map(|priority| priority.summary).filter(|text| !text.is_empty()).or(data.urgency);
        labels.extend(severity.map(|severity| ("severity".to_owned(), severity)));
        labels.extend(data.service.map(|service| ("service".to_owned(), service.summary)));
        let mut annotations = BTreeMap::from([("summary".to_owned(), data.title.clone())]);
        annotations.extend(data.html_url.map(|url| ("pagerduty_url".to_owned(), url)));
        Some(IncomingAlert {
            group_key: format!("{}{}", IncomingAlert::PAGER, data.incident_key.as_ref().unwrap_or(&data.id)),
            fingerprint: data.id,
            name: data.title,
            labels,
            annotations,
            started_at: data.created_at.unwrap_or(self.occurred_at),
            state,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alertmanager_is_read() {
        let body = br#"{"version":"4","groupKey":"{}:{alertname=\"HighErrorRate\"}","status":"firing","receiver":"portal",
            "alerts":[{"status":"firing","labels":{"alertname":"HighErrorRate","severity":"critical"},"annotations":{},
            "startsAt":"2026-11-21T03:00:00.123Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://x","fingerprint":"ab12"},
            {"status":"resolved","labels":{},"startsAt":"2026-11-21T03:00:00Z","endsAt":"2026-11-21T03:05:00Z","fingerprint":"cd"}]}"#;
        let alerts = read(body).unwrap();
        assert_eq!((alerts[0].name.as_str(), &alerts[0].state), ("HighErrorRate", &AlertState::Fires));
        assert_eq!(alerts[0].group_key, "{}:{alertname=\"HighErrorRate\"}");
        assert_eq!(alerts[1].state, AlertState::Over { at: "2026-11-21T03:05:00Z".parse().unwrap() });
    }

    /// The portal tells PagerDuty what is over by the key behind this prefix.
    #[test]
    fn alertmanager_claims_no_key_of_pagerduty() {
        for (group, print) in [("pagerduty:prod-db", "a"), ("pagerduty:", "a"), ("", "pagerduty:prod-db")] {
            let body = format!(
                r#"{{"version":"4","groupKey":"{group}","alerts":[{{"status":"firing","startsAt":"2026-11-21T03:00:00Z",
                "endsAt":"0001-01-01T00:00:00Z","fingerprint":"{print}"}}]}}"#
            );
            let alert = read(body.as_bytes()).unwrap().remove(0);
            assert!(!alert.group_key.starts_with(IncomingAlert::PAGER), "{alert:?}");
        }
        let long = format!("{}x", "pagerduty:".repeat(100));
        assert_eq!(IncomingAlert::manager_key(&long).len(), 64, "as long as a digest, however often it is repeated");
    }

    #[test]
    fn pagerduty_is_read() {
        let event = |kind: &str| {
            format!(
                r#"{{"event":{{"id":"e1","event_type":"{kind}","resource_type":"incident","occurred_at":"2026-11-21T03:05:00.000Z",
                "agent":{{"id":"P1","type":"user_reference","summary":"Ann"}},"data":{{"id":"PGR0VU2","type":"incident","title":"The shop is down","incident_key":"k","created_at":"2026-11-21T03:00:00Z",
                "urgency":"high","priority":{{"summary":"P1"}},"service":{{"summary":"shop"}}}}}}}}"#
            )
        };
        let fired = read(event("incident.triggered").as_bytes()).unwrap().remove(0);
        assert_eq!((fired.fingerprint.as_str(), fired.group_key.as_str()), ("PGR0VU2", "pagerduty:k"));
        assert_eq!(fired.state, AlertState::Fires);
        assert_eq!(fired.labels["severity"], "P1");
        let state = |kind: &str| read(event(kind).as_bytes()).unwrap().remove(0).state;
        assert_eq!(state("incident.resolved"), AlertState::Over { at: "2026-11-21T03:05:00Z".parse().unwrap() });
        assert_eq!(state("incident.acknowledged"), AlertState::TakenOn { by: "Ann".to_owned() });
        assert!(read(event("incident.annotated").as_bytes()).unwrap().is_empty());
        let ping = br#"{"event":{"id":"x","event_type":"pagey.ping","resource_type":"pagey","occurred_at":"2026-11-21T03:05:00Z","agent":null,"client":null,"data":{"message":"Hello","type":"ping"}}}"#;
        assert!(read(ping).unwrap().is_empty());
    }

    #[test]
    fn other_things_are_named() {
        assert!(read(b"{}").unwrap_err().contains("version"));
        assert!(read(br#"{"version":"3","groupKey":"","alerts":[]}"#).unwrap_err().contains('3'));
        assert!(read(b"not json").is_err());
        assert!(read(br#"{"event":{"event_type":7}}"#).unwrap_err().contains("a string"));
    }

    #[test]
    fn a_signature_fits_its_secret_and_body() {
        let source = AlertSource { name: "pagerduty".to_owned(), token: Secret::new("shh"), environment: None };
        let mut mac = Hmac::<Sha256>::new_from_slice(b"shh").unwrap();
        mac.update(b"body");
        let right: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let with = |value: String| {
            HeaderMap::from_iter([(header::HeaderName::from_static(SIGNATURE), value.parse().unwrap())])
        };
        assert!(signed(&source, &with(format!("v1={right}")), b"body"));
        assert!(signed(&source, &with(format!("v1=00ff, v1={right}")), b"body"));
        assert!(!signed(&source, &with(format!("v1={right}")), b"other"));
        assert!(!signed(&source, &with("v1=zz".to_owned()), b"body"));
        assert!(!signed(&source, &with("v1=é".to_owned()), b"body"));
        assert!(is_token(&source, "shh") && !is_token(&source, "shhh") && !is_token(&source, ""));
    }
}
