//! Messages from the portal to what takes them: a real mail server, and the interfaces of Slack and PagerDuty. How far
//! each came is known, and no secret of a channel is anywhere.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{StatusCode, Uri};
use operations::{Changes, DeliveryState, EventKind, IncidentId, IncidentView, Message, Outgoing, PagerAction, Role};
use serde::Deserialize;
use serde_json::{Value, json};
use server::config::ChannelConfig;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdout, Command};

use super::alertmanager::PATIENCE;
use super::front_door::{Setup, TestApp};
use super::log;
use super::main_job::operator;

/// What nobody but its channel and the other side may see.
const WEBHOOK_KEY: &str = "s3cr3tWebhookPath";
const GONE_KEY: &str = "s3cr3tPathOfAGoneWebhook";
const ROUTING_KEY: &str = "s3cr3tR0utingKey";
const WRONG_ROUTING_KEY: &str = "s3cr3tButWrongKey";
const PASSWORD: &str = "s3cr3tPassw0rd";
const WRONG_PASSWORD: &str = "s3cr3tButWrongPassw0rd";
const SECRETS: [&str; 6] = [WEBHOOK_KEY, GONE_KEY, ROUTING_KEY, WRONG_ROUTING_KEY, PASSWORD, WRONG_PASSWORD];

/// Slack and PagerDuty. Slack is overloaded at first; both repeat what they do not like, with the key in it.
struct Others {
    url: String,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Others {
    async fn start() -> Self {
        let asked: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
        let seen = asked.clone();
        let router = Router::new().fallback(async move |uri: Uri, body: String| {
            let path = uri.path().to_owned();
            let body: Value = serde_json::from_str(&body).unwrap();
            let mut seen = seen.lock().unwrap();
            let is_first = seen.iter().all(|(known, _)| *known != path);
            seen.push((path.clone(), body.clone()));
            if path == "/v2/enqueue" {
                let known = body["routing_key"] == ROUTING_KEY;
                let wrong = format!("no integration has the key {}", body["routing_key"]);
                let taken =
                    json!({ "status": "success", "message": "Event processed", "dedup_key": body["dedup_key"] });
                let refused = json!({ "status": "invalid event", "message": wrong, "errors": [] });
                return match known {
                    true => (StatusCode::ACCEPTED, taken.to_string()),
                    false => (StatusCode::BAD_REQUEST, refused.to_string()),
                };
            }
            match (path.ends_with(WEBHOOK_KEY), is_first) {
                (false, _) => (StatusCode::NOT_FOUND, format!("no_service at {path}")),
                (true, true) => (StatusCode::SERVICE_UNAVAILABLE, format!("{path} is overloaded")),
                (true, false) => (StatusCode::OK, "ok".to_owned()),
            }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, asked }
    }

    /// The bodies that arrived at addresses that end like this.
    fn told(&self, end: &str) -> Vec<Value> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|(path, _)| path.ends_with(end)).map(|(_, body)| body.clone()).collect()
    }
}

/// aiosmtpd; it ends with the test.
struct Mail {
    port: u64,
    lines: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Mail {
    /// One that knows the portal by its password; `None` where it is not installed.
    async fn start() -> Option<Self> {
        let Some(python) = std::env::var_os("SMTP_TEST_PYTHON") else {
            // `cargo xtask test` installs it.
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "no aiosmtpd");
            eprintln!("skipped: no aiosmtpd");
            return None;
        };
        let mut child = Command::new(python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/channels/tests/delivery/receiver.py"))
            .arg(json!({ "encryption": "none", "account": ["portal", PASSWORD] }).to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut mail = Self { port: 0, lines, _child: child };
        mail.port = mail.line().await["port"].as_u64().unwrap();
        Some(mail)
    }

    /// The next thing that it tells: a letter.
    async fn line(&mut self) -> Value {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await.unwrap();
        serde_json::from_str(&line.unwrap().unwrap()).unwrap()
    }
}

/// The channels as a configuration names them, each with a twin whose secret is wrong.
fn channels(secrets: &Path, others: &str, mail: u64) -> Vec<ChannelConfig> {
    #[derive(Deserialize)]
    struct File {
        channels: Vec<ChannelConfig>,
    }
    let file = |name: &str, text: &str| {
        std::fs::write(secrets.join(name), text).unwrap();
        secrets.join(name)
    };
    let webhook = |name: &str, key: &str| {
        let url = file(name, &format!("{others}/services/T1/B1/{key}\n"));
        json!({ "by": "slack", "name": name, "about": "#incidents", "url_file": url })
    };
    let pager = |name: &str, key: &str| {
        json!({
            "by": "pagerduty", "name": name, "key_file": file(name, key), "endpoint": format!("{others}/v2/enqueue"),
        })
    };
    let email = |name: &str, password: &str| {
        json!({
            "by": "email", "name": name, "host": "127.0.0.1", "port": mail, "encryption": "none", "user": "portal",
            "password_file": file(name, password), "from": "Runbook Portal <runbooks@example.com>",
            "to": ["stakeholders@example.com"],
        })
    };
    let all = json!({ "channels": [
        webhook("incidents", WEBHOOK_KEY), webhook("gone", GONE_KEY),
        pager("pager", ROUTING_KEY), pager("wrong-pager", WRONG_ROUTING_KEY),
        email("stakeholders", PASSWORD), email("wrong-mail", WRONG_PASSWORD),
    ] });
    serde_json::from_value::<File>(all).unwrap().channels
}

fn message(channel: &str, action: PagerAction) -> Outgoing {
    Outgoing {
        key: None,
        channel: channel.to_owned(),
        title: "Initial Notification".to_owned(),
        subject: "Payments fail".to_owned(),
        text: "Nobody can pay since 10:00.".to_owned(),
        action,
        again_after: Some(30),
    }
}

impl TestApp {
    /// Sends a message and waits until it is known how far it came.
    async fn sent(&self, incident: IncidentId, outgoing: Outgoing) -> Message {
        let id = self.portal.operations.send(&operator(), incident, outgoing).await.unwrap();
        let of = |view: &IncidentView| view.messages.iter().find(|message| message.id == id).cloned();
        let is_known = |view: &IncidentView| of(view).is_some_and(|message| message.state != DeliveryState::Sending);
        of(&self.until(incident, is_known).await).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn messages_arrive_or_say_why_not_and_no_secret_is_anywhere() {
    let log = log::captured();
    let Some(mut mail) = Mail::start().await else { return };
    let others = Others::start().await;
    let secrets = tempfile::tempdir().unwrap();
    let channels = channels(secrets.path(), &others.url, mail.port);
    let app = TestApp::start_as("# Shop\n", Setup { channels, ..Setup::default() }).await;
    let changes = Changes { title: Some("Payments fail".to_owned()), ..Changes::default() };
    let incident = app.portal.operations.open_incident(&operator(), changes).await.unwrap();

    // Slack takes it at the second attempt.
    let sent = app.sent(incident, message("incidents", PagerAction::Trigger)).await;
    assert_eq!((sent.state, sent.attempts), (DeliveryState::Delivered, 2), "{sent:?}");
    let told = others.told(WEBHOOK_KEY);
    assert_eq!(told.len(), 2);
    assert_eq!(told[0], told[1]);
    assert!(told[1]["text"].as_str().unwrap().contains("Nobody can pay since 10:00."), "{told:?}");

    // PagerDuty knows one incident by one key, however often it is told.
    for action in [PagerAction::Trigger, PagerAction::Acknowledge, PagerAction::Resolve] {
        let sent = app.sent(incident, message("pager", action)).await;
        assert_eq!((sent.state, sent.attempts), (DeliveryState::Delivered, 1), "{sent:?}");
    }
    let told = others.told("/v2/enqueue");
    let actions: Vec<_> = told.iter().map(|event| event["event_action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["trigger", "acknowledge", "resolve"]);
    let key = format!("runbook-portal-{incident}");
    assert!(told.iter().all(|event| event["dedup_key"] == key && event["routing_key"] == ROUTING_KEY), "{told:?}");

    let sent = app.sent(incident, message("stakeholders", PagerAction::Trigger)).await;
    assert_eq!((sent.state, sent.attempts), (DeliveryState::Delivered, 1), "{sent:?}");
    assert_eq!(sent.remark.as_deref(), Some("2.0.0 queued as 4711"));
    let letter = mail.line().await;
    assert_eq!((&letter["to"], &letter["account"]), (&json!(["stakeholders@example.com"]), &json!(true)));
    let data = letter["data"].as_str().unwrap();
    assert!(data.contains("Subject: Payments fail") && data.contains("Nobody can pay since 10:00."), "{data}");

    // What is refused is not repeated, and the other side's words stand without the key that it put into them.
    for (channel, words) in
        [("gone", "no_service"), ("wrong-pager", "no integration has the key"), ("wrong-mail", "no portal with")]
    {
        let sent = app.sent(incident, message(channel, PagerAction::Trigger)).await;
        assert_eq!((sent.state, sent.attempts), (DeliveryState::Failed, 1), "{sent:?}");
        assert!(sent.remark.as_ref().unwrap().contains(words), "{sent:?}");
    }

    let kinds = app.kinds(incident).await;
    assert_eq!(kinds.iter().filter(|kind| **kind == EventKind::MessageIntent).count(), 8, "{kinds:?}");
    no_secrets(&app, incident, &log.text()).await;
    app.stop().await;
}

/// Looks for the channels' secrets in all that the portal keeps, says and shows.
async fn no_secrets(app: &TestApp, incident: IncidentId, log: &str) {
    let view = app.portal.operations.view_incident(&operator(), incident).await.unwrap();
    let timeline = app.portal.operations.timeline(&operator(), incident).await.unwrap();
    let mut places = vec![
        ("what is kept", String::from_utf8_lossy(&app.kept()).into_owned(), "Nobody can pay"),
        ("the log", log.to_owned(), "a message is tried again"),
        ("the incident", format!("{view:?}"), "no_service"),
        ("the timeline", format!("{timeline:?}"), "no_service"),
    ];
    let browser = app.signed_in(Role::Admin).await;
    let of_incident = format!("/incidents/{incident}");
    for path in ["/history", "/incidents", &of_incident] {
        places.push(("a page", browser.text(path).await, "Payments fail"));
    }
    for (place, text, there) in places {
        assert!(text.contains(there), "{place} is not what it should be: {text}");
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret} stands in {place}");
        }
    }
}
