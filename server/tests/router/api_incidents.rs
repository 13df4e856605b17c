//! Incidents for programs: from opening one to sharing what was learnt, and whoever may not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::http::StatusCode as Answered;
use operations::{DeliveryState, EventKind, Person, Role, Scope};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use server::config::ChannelConfig;
use tokio::net::TcpListener;

use super::api::{Program, assert_problem};
use super::front_door::{Setup, TestApp};

const TEXT: &str = r#"# Shop

| Severity | Description | Response Time | Escalation |
|---|---|---|---|
| P1 | Service down | 15 minutes | Immediate |
| P2 | Degraded | 30 minutes | 1 hour |

## Restart

```bash
# Restart it
kubectl rollout restart deployment/auth-service -n fintech-banking
```

## Templates

**First message:**

```
Subject: Trouble with [service]

Since [time], [who is affected] wait.
Impact: [describe impact]

We will provide updates every 45 minutes.
```
"#;

/// What names nothing.
const NOBODY: &str = "018f0000-0000-7000-8000-000000000000";
const WORKING: [Scope; 3] = [Scope::Read, Scope::Run, Scope::Incidents];

/// A Slack that does not know the channel at first, and does from then on.
async fn slack(secrets: &std::path::Path) -> Vec<ChannelConfig> {
    let known = Arc::new(AtomicBool::new(false));
    let router = Router::new().fallback(async move || match known.swap(true, Ordering::SeqCst) {
        false => (Answered::NOT_FOUND, "no_service"),
        true => (Answered::OK, "ok"),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = secrets.join("url");
    std::fs::write(&url, format!("http://{}/services/T1/B1/x", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    #[derive(Deserialize)]
    struct File {
        channels: Vec<ChannelConfig>,
    }
    let channel = json!({ "by": "slack", "name": "incidents", "about": "#incidents", "url_file": url });
    serde_json::from_value::<File>(json!({ "channels": [channel] })).unwrap().channels
}

struct Scene {
    app: TestApp,
    program: Program,
    incident: String,
    _secrets: tempfile::TempDir,
}

impl Scene {
    /// A portal with a channel, a program, and an incident that it has opened.
    async fn new() -> Self {
        let secrets = tempfile::tempdir().unwrap();
        let channels = slack(secrets.path()).await;
        let app = TestApp::start_as(TEXT, Setup { channels, ..Setup::default() }).await;
        let program = Program::new(&app, Role::Operator, &WORKING).await;
        let new = json!({ "title": "The shop is down", "environment": "practice", "runbook": "shop" });
        let opened = program.done(StatusCode::CREATED, "/incidents", new).await;
        let incident = opened["summary"]["id"].as_str().unwrap().to_owned();
        Self { app, program, incident, _secrets: secrets }
    }

    async fn post(&self, status: StatusCode, path: &str, body: Value) -> Value {
        self.program.done(status, &format!("/incidents/{}/{path}", self.incident), body).await
    }

    async fn send(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let path = format!("/incidents/{}{path}", self.incident);
        let response = self.program.request(method, &path).json(&body).send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    async fn get(&self, path: &str) -> Value {
        self.program.json(&format!("/incidents/{}{path}", self.incident)).await
    }

    /// Waits until the only message is no longer on its way.
    async fn delivered(&self, state: DeliveryState) {
        let id = self.incident.parse().unwrap();
        self.app.until(id, |view| view.messages.last().is_some_and(|last| last.state == state)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_incident_is_opened_worked_on_and_ended_by_a_program() {
    let scene = Scene::new().await;
    let fresh = scene.get("").await;
    assert_eq!((&fresh["summary"]["stage"], &fresh["levels"]), (&json!("open"), &json!(["P1", "P2"])));
    assert_eq!(fresh["summary"]["runbook"], "shop");
    let (status, changed) =
        scene.send(Method::PATCH, "", json!({ "severity": "P1", "affected": "Everybody", "title": null })).await;
    assert_eq!((status, &changed["summary"]["severity"]), (StatusCode::OK, &json!("P1")));
    assert_eq!(
        (&changed["summary"]["title"], &changed["summary"]["affected"]),
        (&json!("The shop is down"), &json!("Everybody"))
    );
    assert_eq!(changed["deadlines"][0]["what"], "escalate", "at once");
    let (status, refused) = scene.send(Method::PATCH, "", json!({ "severity": "P9" })).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused["detail"].as_str().unwrap().contains("P1, P2"), "{refused}");
    let (status, _) = scene.send(Method::PATCH, "", json!({ "stage": "resolved" })).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "nothing is left out in silence");
    let (_, changed) = scene.send(Method::PATCH, "", json!({ "environment": "" })).await;
    assert_eq!(changed["summary"]["environment"], Value::Null);

    let run = json!({ "runbook": "shop", "procedure": "restart", "environment": "practice" });
    let started = scene.post(StatusCode::CREATED, "runs", run).await;
    let run = scene.program.json(&format!("/runs/{}", started["run"].as_str().unwrap())).await;
    assert_eq!(run["incident"], scene.incident.as_str());

    for (path, body, status) in [
        ("stage", json!({ "change": "acknowledge" }), StatusCode::CONFLICT),
        ("status", json!({ "text": "We look at it" }), StatusCode::OK),
        ("notes", json!({ "text": "The graph has a hole" }), StatusCode::OK),
        ("notes", json!({ "text": " " }), StatusCode::UNPROCESSABLE_ENTITY),
        ("command/take", Value::Null, StatusCode::CONFLICT),
        ("command/hand-over", json!({ "to": "demo-ada", "summary": "x" }), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        scene.post(status, path, body).await;
    }
    // Whoever has been here can be handed the lead, and is told how it stands.
    scene.app.signed_in(Role::Approver).await;
    let people = scene.program.json("/people").await;
    assert!(people["people"].as_array().unwrap().iter().any(|one| one["subject"] == "demo-ada"), "{people}");
    scene
        .post(StatusCode::UNPROCESSABLE_ENTITY, "command/hand-over", json!({ "to": "demo-ada", "summary": " " }))
        .await;
    let handed = json!({ "to": "demo-ada", "summary": "Pods restart, errors fall" });
    let handed = scene.post(StatusCode::OK, "command/hand-over", handed).await;
    assert_eq!(handed["summary"]["commander"]["subject"], "demo-ada");
    let mine = json!({ "to": "demo-ada", "summary": "x" });
    scene.post(StatusCode::CONFLICT, "command/hand-over", mine).await;
    let taken = scene.post(StatusCode::OK, "command/take", Value::Null).await;
    assert_eq!(taken["summary"]["commander"]["subject"], "operator");
    assert_eq!(scene.get("/presence").await, json!({ "here": [] }), "a program looks at no page");
    assert_eq!(scene.get("/recordings").await, json!({ "recordings": [] }));
    scene.post(StatusCode::OK, "stage", json!({ "change": "resolve" })).await;

    let timeline = scene.get("/timeline").await;
    let words: Vec<&str> =
        timeline["entries"].as_array().unwrap().iter().filter_map(|one| one["words"].as_str()).collect();
    assert!(words.contains(&"Status: We look at it") && words.contains(&"Resolved"), "{words:?}");
    let kinds = scene.app.kinds(scene.incident.parse().unwrap()).await;
    for kind in [EventKind::IncidentChanged, EventKind::CommandHandedOver, EventKind::CommandTaken] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    scene.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn incidents_are_read_page_by_page_the_worst_first() {
    let scene = Scene::new().await;
    for (title, severity) in [("Bad", "P1"), ("Milder", "P4"), ("Worse than that", "P2")] {
        let new = json!({ "title": title, "environment": "practice", "severity": severity });
        scene.program.done(StatusCode::CREATED, "/incidents", new).await;
    }
    scene.post(StatusCode::OK, "stage", json!({ "change": "resolve" })).await;
    let mut titles = Vec::new();
    let mut path = "/incidents?limit=1".to_owned();
    loop {
        let page = scene.program.json(&path).await;
        titles.push(page["incidents"][0]["title"].as_str().unwrap().to_owned());
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/incidents?limit=1&cursor={next}");
    }
    assert_eq!(titles, ["Bad", "Worse than that", "Milder", "The shop is down"]);
    let wrong = scene.program.request(Method::GET, "/incidents?cursor=x").send().await.unwrap();
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
    scene.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_run_for_an_incident_needs_the_scope_to_run() {
    let scene = Scene::new().await;
    let run = json!({ "runbook": "shop", "procedure": "restart", "environment": "practice" });
    let path = format!("/incidents/{}/runs", scene.incident);
    for (scopes, missing) in
        [([Scope::Read, Scope::Incidents], "needs `run`"), ([Scope::Read, Scope::Run], "needs `incidents`")]
    {
        let program = Program::new(&scene.app, Role::Operator, &scopes).await;
        let detail = assert_problem(program.post(&path, &run).await, StatusCode::FORBIDDEN, missing).await;
        assert!(detail.contains(missing), "{detail}");
    }
    assert_eq!(scene.program.json("/runs").await["runs"], json!([]));
    scene.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn people_are_told_in_the_runbooks_words_and_once_a_request() {
    let scene = Scene::new().await;
    let channels = scene.program.json("/channels").await;
    assert_eq!(channels["channels"], json!([{ "name": "incidents", "kind": "slack", "about": "#incidents" }]));
    let templates = scene.get("/templates").await;
    let first = &templates["templates"][0];
    assert_eq!((&first["title"], &first["again_minutes"]), (&json!("First message"), &json!(45)));
    let names: Vec<&str> =
        first["fields"].as_array().unwrap().iter().map(|field| field["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["service", "time", "who is affected", "describe impact"]);

    let wish =
        json!({ "template": first["id"], "values": { "service": "the shop", "describe impact": "password=hunter2" } });
    let preview = scene.post(StatusCode::OK, "messages/preview", wish).await;
    assert_eq!(preview["subject"], "Trouble with the shop");
    let text = preview["text"].as_str().unwrap();
    assert!(text.contains("[who is affected]") && !text.contains("[time]") && !text.contains("hunter2"), "{text}");
    assert_eq!(preview["missing"], json!(["who is affected"]));
    let unknown = json!({ "template": "0000000000000000" });
    scene.post(StatusCode::NOT_FOUND, "messages/preview", unknown).await;
    assert_eq!(scene.get("").await["messages"], json!([]), "looking sends nothing");

    let message = json!({ "channel": "incidents", "title": first["title"], "subject": preview["subject"], "text": "Nobody can pay" });
    let nowhere = json!({ "channel": "nowhere", "text": "x" });
    scene.post(StatusCode::UNPROCESSABLE_ENTITY, "messages", nowhere).await;
    let path = format!("/incidents/{}/messages", scene.incident);
    let send = || scene.program.request(Method::POST, &path).header("idempotency-key", "first").json(&message);
    let mut sent = Vec::new();
    for _ in 0..2 {
        let answer = send().send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        sent.push(answer.json::<Value>().await.unwrap());
    }
    assert_eq!(sent[0], sent[1], "the same request is the same message");
    scene.delivered(DeliveryState::Failed).await;
    let told = scene.get("").await["messages"].clone();
    assert_eq!(told.as_array().unwrap().len(), 1);
    assert_eq!((&told[0]["state"], &told[0]["text"]), (&json!("failed"), &json!("Nobody can pay")));

    let again = format!("/messages/{}/send-again", sent[0]["message"].as_str().unwrap());
    let repeated = scene.program.done(StatusCode::ACCEPTED, &again, Value::Null).await;
    assert_eq!(repeated, sent[0]);
    scene.delivered(DeliveryState::Delivered).await;
    scene.program.done(StatusCode::CONFLICT, &again, Value::Null).await;
    scene.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_post_mortem_is_kept_and_shared_until_it_is_not() {
    let scene = Scene::new().await;
    let path = "/post-mortem";
    let written = scene.get(path).await;
    assert!(written["text"].as_str().unwrap().starts_with("# Post-mortem: The shop is down"), "{written}");
    assert_eq!((&written["kept"], &written["version"]), (&json!(false), &Value::Null));
    scene.post(StatusCode::CONFLICT, "post-mortem/share", Value::Null).await;

    let (status, kept) = scene.send(Method::PUT, path, json!({ "text": "# What we learnt\n" })).await;
    assert_eq!((status, &kept["kept"], &kept["shared"]), (StatusCode::OK, &json!(true), &json!(false)));
    let (status, _) = scene.send(Method::PUT, path, json!({ "text": "# Another\n" })).await;
    assert_eq!(status, StatusCode::CONFLICT, "it began with no text that was kept");
    let next = json!({ "text": "# What we learnt\n\nMuch.\n", "version": kept["version"] });
    let (status, kept) = scene.send(Method::PUT, path, next).await;
    assert_eq!(status, StatusCode::OK);
    let (status, _) =
        scene.send(Method::PUT, path, json!({ "text": "x".repeat(65 * 1024), "version": kept["version"] })).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);

    let shared = scene.post(StatusCode::CREATED, "post-mortem/share", Value::Null).await;
    let url = shared["url"].as_str().unwrap();
    assert!(url.starts_with(&format!("{}/shared/post-mortems/", scene.app.url)), "{url}");
    let page = reqwest::get(url).await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    assert!(page.text().await.unwrap().contains("Much."));
    assert_eq!(scene.get(path).await["shared"], true);
    assert!(!scene.get(path).await.to_string().contains(url.rsplit('/').next().unwrap()), "it is told once");
    let (status, _) = scene.send(Method::DELETE, "/post-mortem/share", Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(reqwest::get(url).await.unwrap().status(), StatusCode::NOT_FOUND);

    let (_, again) = scene.send(Method::PUT, path, json!({ "text": "", "version": kept["version"] })).await;
    assert_eq!(again["kept"], false, "from the trail again");
    scene.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_may_not_changes_no_incident_and_what_is_not_there_is_not_found() {
    let scene = Scene::new().await;
    let message = json!({ "channel": "incidents", "text": "Nobody can pay" });
    let sent = scene.post(StatusCode::ACCEPTED, "messages", message.clone()).await;
    scene.delivered(DeliveryState::Failed).await;
    let run = json!({ "runbook": "shop", "procedure": "restart", "environment": "practice" });
    let changes = [
        (Method::PATCH, "/incidents/ID", json!({ "title": "x" })),
        (Method::POST, "/incidents/ID/stage", json!({ "change": "resolve" })),
        (Method::POST, "/incidents/ID/status", json!({ "text": "x" })),
        (Method::POST, "/incidents/ID/notes", json!({ "text": "x" })),
        (Method::POST, "/incidents/ID/command/take", Value::Null),
        (Method::POST, "/incidents/ID/command/hand-over", json!({ "to": "operator", "summary": "x" })),
        (Method::POST, "/incidents/ID/runs", run),
        (Method::POST, "/incidents/ID/messages", message),
        (Method::POST, "/messages/MESSAGE/send-again", Value::Null),
        (Method::PUT, "/incidents/ID/post-mortem", json!({ "text": "x" })),
        (Method::POST, "/incidents/ID/post-mortem/share", Value::Null),
        (Method::DELETE, "/incidents/ID/post-mortem/share", Value::Null),
    ];
    let ask = async |method: &Method, path: &str, body: &Value| {
        scene.program.request(method.clone(), path).json(body).send().await.unwrap()
    };
    for (method, path, body) in &changes {
        let path = path.replace("ID", NOBODY).replace("MESSAGE", NOBODY);
        assert_problem(ask(method, &path, body).await, StatusCode::NOT_FOUND, &path).await;
    }
    for path in ["", "/templates", "/timeline", "/post-mortem", "/presence", "/recordings"] {
        for id in [NOBODY, "none"] {
            let path = format!("/incidents/{id}{path}");
            assert_problem(scene.program.get(&path).await, StatusCode::NOT_FOUND, &path).await;
        }
    }
    // Somebody who has become a viewer: their token has the scopes and acts as one.
    let operator = Person { subject: "operator".to_owned(), name: "Ada".to_owned(), email: None, role: Role::Viewer };
    scene.app.portal.operations.person_signed_in(&operator).await.unwrap();
    let before = scene.get("").await;
    for (method, path, body) in &changes {
        let path = path.replace("ID", &scene.incident).replace("MESSAGE", sent["message"].as_str().unwrap());
        let detail = assert_problem(ask(method, &path, body).await, StatusCode::FORBIDDEN, &path).await;
        assert!(detail.contains("Your role may not"), "{path}: {detail}");
    }
    let output = format!("/incidents/{}/recordings", scene.incident);
    assert_problem(scene.program.get(&output).await, StatusCode::FORBIDDEN, &output).await;
    assert_eq!(scene.get("").await, before);
    scene.app.stop().await;
}
