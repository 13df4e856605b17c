//! Monitoring systems open incidents: a real Alertmanager, and PagerDuty's webhooks as its documentation has them.

use hmac::{Hmac, KeyInit as _, Mac as _};
use operations::{
    AuditFilter, EnvironmentName, EventKind, Incident, IncidentFilter, IncidentId, IncidentView, Secret, Stage,
};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use server::alerts::{AlertSource, BODY_LIMIT};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::alertmanager::{Alertmanager, PATIENCE};
use super::front_door::{Setup, TestApp};
use super::main_job::operator;

const TEXT: &str = "# Shop

## Too many errors

**Symptoms**: the alert HighErrorRate

```bash
# Look
kubectl get pods -n fintech-banking
```

## Restart one pod

```bash
# Remove it
kubectl delete pod <pod-name> -n <namespace>
```
";

const TOKEN: &str = "a-token-of-alertmanager";
const PAGER_TOKEN: &str = "a-token-of-pagerduty";

fn source(name: &str, token: &str) -> AlertSource {
    AlertSource {
        name: name.to_owned(),
        token: Secret::new(token),
        environment: Some(EnvironmentName("practice".to_owned())),
    }
}

async fn portal() -> TestApp {
    let alerts = vec![source("alertmanager", TOKEN), source("pagerduty", PAGER_TOKEN)];
    TestApp::start_as(TEXT, Setup { alerts, ..Setup::default() }).await
}

impl TestApp {
    /// All incidents.
    pub(crate) async fn incidents(&self) -> Vec<Incident> {
        self.portal.operations.incidents(&operator(), &IncidentFilter::default()).await.unwrap()
    }

    /// Waits until this holds of an incident, and gives it.
    pub(crate) async fn until(&self, id: IncidentId, holds: impl Fn(&IncidentView) -> bool) -> IncidentView {
        let mut news = self.portal.operations.watch_incidents(&operator()).unwrap();
        let reached = async {
            loop {
                news.mark_unchanged();
                let view = self.portal.operations.view_incident(&operator(), id).await.unwrap();
                if holds(&view) {
                    return view;
                }
                news.changed().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.unwrap()
    }

    /// What the trail says of an incident, oldest first.
    pub(crate) async fn kinds(&self, incident: IncidentId) -> Vec<EventKind> {
        let filter = AuditFilter { incident: Some(incident), ..AuditFilter::default() };
        let page = self.portal.operations.audit_page(&operator(), &filter).await.unwrap();
        page.entries.iter().rev().map(|entry| entry.event.kind).collect()
    }

    /// Waits until there is an incident, and gives it: the only one.
    async fn first_incident(&self) -> IncidentId {
        let mut news = self.portal.operations.watch_incidents(&operator()).unwrap();
        let opened = async {
            loop {
                news.mark_unchanged();
                match self.incidents().await.as_slice() {
                    [] => news.changed().await.unwrap(),
                    [one] => return one.id,
                    several => panic!("{several:?}"),
                }
            }
        };
        tokio::time::timeout(PATIENCE, opened).await.unwrap()
    }

    async fn tell(&self, header: (&str, String), body: String) -> Response {
        let request = reqwest::Client::new().post(format!("{}/api/alerts", self.url));
        request.header(header.0, header.1).body(body).send().await.unwrap()
    }
}

fn high_error_rate(pod: &str) -> Value {
    json!({
        "labels": {
            "alertname": "HighErrorRate", "severity": "critical", "namespace": "fintech-banking", "pod": pod,
        },
        "annotations": {
            "summary": "Payments fail",
            "runbook_url": "https://git.example.com/ops/runbooks/shop.md#restart-one-pod",
        },
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn alertmanager_opens_one_incident_for_a_group_and_tells_when_an_alert_is_over() {
    let app = portal().await;
    let Some(alertmanager) = Alertmanager::start(&app.url, TOKEN).await else { return app.stop().await };
    let (one, two) = (high_error_rate("payment-service-1"), high_error_rate("payment-service-2"));
    alertmanager.post(json!([one, two])).await;

    let incident = app.first_incident().await;
    let view = app.until(incident, |view| view.alerts.len() == 2).await;
    assert_eq!(view.incident.title, "Payments fail");
    assert_eq!(view.incident.environment, Some(EnvironmentName("practice".to_owned())));
    assert_eq!(view.incident.affected, "fintech-banking");
    assert_eq!(view.incident.opened_by.1, "Alertmanager");
    let mut pods: Vec<_> = view.alerts.iter().map(|alert| alert.labels["pod"].as_str()).collect();
    pods.sort_unstable();
    assert_eq!(pods, ["payment-service-1", "payment-service-2"]);

    // The address says more than the name, which another procedure has.
    let suggested: Vec<_> = view.suggested.iter().map(|fitting| fitting.procedure_title.as_str()).collect();
    assert_eq!(suggested, ["Restart one pod", "Too many errors"]);
    assert_eq!(view.suggested[0].candidate.reasons[0], "its runbook_url names this section");
    let given = &view.suggested[0].given;
    assert_eq!(given["namespace"], "fintech-banking");
    assert!(pods.contains(&given["pod-name"].as_str()), "{given:?}");

    alertmanager.repeated(3).await;
    assert_eq!(app.incidents().await.len(), 1);
    assert_eq!(app.kinds(incident).await, [EventKind::IncidentOpened, EventKind::AlertFired, EventKind::AlertFired]);

    // As amtool says it: without what it was about.
    alertmanager.post(json!([{ "labels": two["labels"], "endsAt": jiff::Timestamp::now().to_string() }])).await;
    let cleared = |view: &IncidentView| view.alerts.iter().any(|alert| alert.cleared_at.is_some());
    let view = app.until(incident, cleared).await;
    let open: Vec<_> = view.alerts.iter().filter(|alert| alert.cleared_at.is_none()).collect();
    assert_eq!(open.iter().map(|alert| alert.labels["pod"].as_str()).collect::<Vec<_>>(), ["payment-service-1"]);
    assert_eq!(view.incident.stage(), Stage::Open, "a person says when it is over");
    assert!(view.alerts.iter().all(|alert| alert.annotations["summary"] == "Payments fail"));
    alertmanager.repeated(2).await;
    assert_eq!(app.incidents().await.len(), 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn alertmanager_with_a_wrong_token_opens_nothing() {
    let app = portal().await;
    let Some(alertmanager) = Alertmanager::start(&app.url, "a-token-of-somebody-else").await else {
        return app.stop().await;
    };
    alertmanager.post(json!([high_error_rate("payment-service-1")])).await;
    alertmanager.refused().await;
    assert!(app.incidents().await.is_empty());
    app.stop().await;
}

/// Alertmanager's webhook, version 4.
fn group() -> String {
    json!({
        "version": "4", "groupKey": "{}:{alertname=\"DiskFull\"}", "status": "firing", "receiver": "portal",
        "alerts": [{
            "status": "firing", "labels": { "alertname": "DiskFull" }, "annotations": {}, "fingerprint": "ab12",
            "startsAt": "2026-11-21T03:00:00Z", "endsAt": "0001-01-01T00:00:00Z",
        }],
    })
    .to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_has_no_token_is_not_heard() {
    let app = portal().await;
    for header in [
        ("authorization", "Bearer wrong".to_owned()),
        ("authorization", format!("Basic {TOKEN}")),
        ("authorization", format!("Bearer {TOKEN}x")),
        ("x-pagerduty-signature", format!("v1={}", "00".repeat(32))),
        ("accept", "*/*".to_owned()),
    ] {
        let answer = app.tell(header.clone(), group()).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{header:?}");
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        assert!(!answer.text().await.unwrap().contains(TOKEN));
    }
    assert!(app.incidents().await.is_empty());
    let heard = app.tell(("authorization", format!("Bearer {TOKEN}")), group()).await;
    assert_eq!(heard.json::<Value>().await.unwrap()["opened"], 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_body_over_the_limit_is_refused_however_it_is_sent() {
    let app = portal().await;
    let head = format!("POST /api/alerts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n");
    let long = " ".repeat(BODY_LIMIT);
    for request in [
        // It says so: nothing of it is awaited.
        format!("{head}Content-Length: {}\r\n\r\n", BODY_LIMIT + 1),
        format!("{head}Transfer-Encoding: chunked\r\n\r\n{BODY_LIMIT:x}\r\n{long}\r\n1\r\n \r\n"),
    ] {
        let mut socket = TcpStream::connect(app.url.trim_start_matches("http://")).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut status = [0; 12];
        socket.read_exact(&mut status).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&status), "HTTP/1.1 413");
    }
    assert!(app.incidents().await.is_empty());
    app.stop().await;
}

/// PagerDuty's webhook, V3.
fn page(incident: &str, kind: &str) -> String {
    json!({
        "event": {
            "id": format!("event-{incident}-{kind}"), "event_type": format!("incident.{kind}"),
            "resource_type": "incident", "occurred_at": "2026-11-21T03:05:00.000Z",
            "data": {
                "id": incident, "type": "incident", "title": "HighErrorRate in the shop",
                "incident_key": format!("key-{incident}"), "created_at": "2026-11-21T03:00:00Z", "urgency": "high",
                "html_url": format!("https://example.pagerduty.com/incidents/{incident}"),
                "service": { "id": "PS1", "summary": "shop" },
            },
        },
    })
    .to_string()
}

fn by_token(_: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {PAGER_TOKEN}"))
}

fn by_signature(body: &str) -> (&'static str, String) {
    let mut mac = Hmac::<Sha256>::new_from_slice(PAGER_TOKEN.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    ("x-pagerduty-signature", format!("v1={hex}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pagerduty_opens_and_clears_by_token_and_by_signature() {
    let app = portal().await;
    for (incident, header) in [("PTOKEN", by_token as fn(&str) -> _), ("PSIGNED", by_signature)] {
        let tell = async |kind: &str| {
            let body = page(incident, kind);
            let answer = app.tell(header(&body), body).await;
            assert_eq!(answer.status(), StatusCode::OK);
            answer.json::<Value>().await.unwrap()
        };
        let opened = tell("triggered").await;
        assert_eq!((&opened["alerts"], &opened["opened"]), (&json!(1), &json!(1)));
        let again = tell("triggered").await;
        assert_eq!((&again["opened"], &again["incidents"]), (&json!(0), &opened["incidents"]));
        assert_eq!(tell("annotated").await["alerts"], 0);
        assert_eq!(tell("resolved").await["incidents"], opened["incidents"]);

        let id: IncidentId = opened["incidents"][0].as_str().unwrap().parse().unwrap();
        let view = app.until(id, |view| view.alerts[0].cleared_at.is_some()).await;
        assert_eq!((view.alerts.len(), view.alerts[0].fingerprint.as_str()), (1, incident));
        assert_eq!((view.incident.opened_by.1.as_str(), view.incident.stage()), ("PagerDuty", Stage::Open));
    }
    assert_eq!(app.incidents().await.len(), 2);
    // The signature is of another body.
    let forged = app.tell(by_signature(&page("PSIGNED", "resolved")), page("PFORGED", "triggered")).await;
    assert_eq!(forged.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(app.incidents().await.len(), 2);
    app.stop().await;
}

/// Begins a delivery and leaves its body open; returns once the portal has asked for the body.
async fn begun(app: &TestApp, token: &str) -> TcpStream {
    let head = format!(
        "POST /api/alerts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 2\r\nExpect: \
         100-continue\r\n\r\n"
    );
    let mut socket = TcpStream::connect(app.url.trim_start_matches("http://")).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut status = [0; 25];
    socket.read_exact(&mut status).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&status), "HTTP/1.1 100 Continue\r\n\r\n");
    socket
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_source_takes_six_places_and_is_told_to_come_again() {
    let app = portal().await;
    let mut under_way = Vec::new();
    for _ in 0..6 {
        under_way.push(begun(&app, TOKEN).await);
    }
    let header = || ("authorization", format!("Bearer {TOKEN}"));
    let refused = app.tell(header(), group()).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after"));
    let other = app.tell(by_token(""), page("POTHER", "triggered")).await;
    assert_eq!(other.status(), StatusCode::OK, "another source has places of its own");
    drop(under_way.pop());
    // Until the portal has seen that it is gone.
    let taken = async {
        while app.tell(header(), group()).await.status() != StatusCode::OK {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, taken).await.unwrap();
    drop(under_way);
    app.stop().await;
}
