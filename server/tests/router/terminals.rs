//! `kubectl exec -it` from the Run button to the program and back: who types, who looks on, who does neither, and what is left.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use operations::{AuditFilter, Caller, Changes, ExecutionId, ExecutionState, Person, Role, RunId, Scope};
use reqwest::{StatusCode, Upgraded};
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role as Side;

use super::api::Program;
use super::front_door::{Browser, TestApp, location};
use super::main_job::{operator, start};

const TEXT: &str = "\
# Shells

## Talk

```bash
# Look around
echo before; kubectl exec -it deployment/redis -- sh; echo after $?
```
";

/// Longer than anything here takes, so that a hanging test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A browser at a terminal.
struct Window {
    socket: WebSocketStream<Upgraded>,
    shown: String,
    told: Vec<Value>,
}

impl Window {
    async fn open(app: &TestApp, browser: &Browser, path: &str) -> Self {
        let response = browser.web_socket(path, Some(&app.url)).await;
        assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
        let socket = WebSocketStream::from_raw_socket(response.upgrade().await.unwrap(), Side::Client, None).await;
        Self { socket, shown: String::new(), told: Vec::new() }
    }

    async fn types(&mut self, keys: &str) {
        self.socket.send(Message::binary(keys.to_owned())).await.unwrap();
    }

    /// Reads on until this holds.
    async fn until(&mut self, what: impl Fn(&Self) -> bool) {
        while !what(self) {
            let next = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            let next = next.unwrap_or_else(|_| panic!("not in time: {} {:?}", self.shown, self.told));
            match next.unwrap_or_else(|| panic!("it ended: {} {:?}", self.shown, self.told)).unwrap() {
                Message::Binary(bytes) => self.shown.push_str(std::str::from_utf8(&bytes).unwrap()),
                Message::Text(text) => self.told.push(serde_json::from_str(&text).unwrap()),
                _ => {}
            }
        }
    }

    async fn until_shown(&mut self, text: &str) {
        self.until(|window| window.shown.contains(text)).await;
    }
}

/// Waits for the terminal of the run's only command.
async fn terminal(app: &TestApp, run: RunId) -> String {
    let mut changes = app.portal.operations.watch_run(&operator(), run).await.unwrap();
    loop {
        let view = app.portal.operations.view_run(&operator(), run).await.unwrap();
        let command = &view.steps[0].commands[0];
        if let Some(terminal) = &command.terminal {
            assert_eq!(terminal.title, "deployment/redis: sh");
            return terminal.id.clone();
        }
        assert!(command.execution.as_ref().is_none_or(|one| one.state == ExecutionState::Running), "{command:?}");
        changes.changed().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn somebody_talks_others_look_on_and_the_recording_stays() {
    let app = TestApp::start(TEXT).await;
    let approver = app.signed_in(Role::Approver).await;
    let changes = Changes { title: Some("Redis is slow".to_owned()), ..Changes::default() };
    let incident = app.portal.operations.open_incident(&operator(), changes).await.unwrap().to_string();
    let fields =
        [("incident", incident.as_str()), ("runbook", "shop"), ("procedure", "talk"), ("environment", "practice")];
    let started = approver.post("/api/start_run", &fields).await;
    let run: RunId = location(&started).rsplit('/').next().unwrap().parse().unwrap();
    approver.post("/api/press", &[("run", &run.to_string()), ("command", "1")]).await;
    let id = terminal(&app, run).await;
    let path = format!("/terminals/{id}");
    let page = approver.text(&format!("/runs/{run}")).await;
    assert!(page.contains(&format!("data-terminal=\"{path}\"")) && page.contains("/pkg/terminal.js"), "{page}");

    // Only its own pages open it, and only for those who see what commands print.
    let looker = app.signed_in(Role::Operator).await;
    for origin in [None, Some("http://evil.example"), Some("null")] {
        assert_eq!(approver.web_socket(&path, origin).await.status(), StatusCode::FORBIDDEN, "{origin:?}");
    }
    assert_eq!(app.anonymous().web_socket(&path, Some(&app.url)).await.status(), StatusCode::UNAUTHORIZED);
    let viewer = app.signed_in(Role::Viewer).await;
    assert_eq!(viewer.web_socket(&path, Some(&app.url)).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(approver.web_socket("/terminals/none", Some(&app.url)).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(approver.get_with_origin(&path, &app.url).await.status(), StatusCode::BAD_REQUEST, "no WebSocket");

    let mut writer = Window::open(&app, &approver, &path).await;
    writer.until_shown("/ $ ").await;
    assert!(writer.told.iter().any(|told| told["writes"] == true), "{:?}", writer.told);
    writer.socket.send(Message::text(json!({"size": [100, 30]}).to_string())).await.unwrap();
    // Sizes and keys go to the container by ways of their own.
    while !writer.shown.contains("30 100\r\n") {
        let lines = writer.shown.matches("\r\n/ $ ").count();
        writer.types("stty size\r").await;
        writer.until(|window| window.shown.matches("\r\n/ $ ").count() > lines).await;
    }

    let mut other = Window::open(&app, &looker, &path).await;
    other.until_shown("30 100").await;
    assert!(other.told.iter().any(|told| told["writes"] == false && told["by"] != ""), "{:?}", other.told);
    other.until(|window| window.told.contains(&json!({"size": [100, 30]}))).await;
    other.types("echo unheard\r").await;
    // Where a browser has seen all but the last bytes, it gets those.
    let seen = writer.shown.len() - 4;
    let mut again = Window::open(&app, &approver, &format!("{path}?after={seen}")).await;
    again.until_shown("/ $ ").await;
    assert_eq!(again.shown, "/ $ ");
    again.types("echo heard\rexit 0\r").await;
    for window in [&mut writer, &mut other, &mut again] {
        window.until(|window| window.told.contains(&json!({"ended": true}))).await;
        assert!(window.shown.contains("heard\r\n") && !window.shown.contains("unheard"), "{}", window.shown);
    }

    assert_eq!(app.settled(run).await, [("1".to_owned(), ExecutionState::Passed, Some(0))]);
    let view = app.portal.operations.run_page(&operator(), run).await.unwrap();
    let command = &view.steps[0].commands[0];
    assert!(command.recorded && command.terminal.is_none());
    let execution = command.execution.as_ref().unwrap().id;
    let cast = looker.text(&format!("/executions/{execution}/cast")).await;
    let lines: Vec<Value> = cast.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["version"], &lines[0]["width"]), (&json!(2), &json!(80)));
    assert!(lines.iter().any(|line| line[1] == "r" && line[2] == "100x30"), "{cast}");
    let printed: String = lines.iter().filter(|line| line[1] == "o").filter_map(|line| line[2].as_str()).collect();
    assert_eq!(printed, writer.shown);
    let text = looker.text(&format!("/executions/{execution}/output")).await;
    assert!(text.starts_with("before\n/ $ stty size\r\n") && text.ends_with("after 0\n"), "{text}");
    let replay = looker.text(&format!("/executions/{execution}/replay")).await;
    assert!(replay.contains(&format!("data-cast=\"/executions/{execution}/cast\"")), "{replay}");
    assert!(looker.text(&format!("/runs/{run}")).await.contains("Replay the terminal"));

    // The same for programs, which find it by its run and by the incident.
    let program = Program::new(&app, Role::Operator, &[Scope::Read]).await;
    let recordings = program.json(&format!("/runs/{run}/recordings")).await;
    let first = &recordings["recordings"][0];
    assert_eq!((&first["execution"], &first["run"]), (&json!(execution.to_string()), &json!(run.to_string())));
    assert!(first["title"].as_str().unwrap().starts_with("Talk 1: echo before"), "{recordings}");
    assert_eq!(program.json(&format!("/incidents/{incident}/recordings")).await, recordings);
    assert_eq!(program.json(&format!("/runs/{run}")).await["steps"][0]["commands"][0]["recorded"], true);
    let answer = program.get(&format!("/executions/{execution}/recording")).await;
    assert_eq!(answer.headers()["content-type"], "application/x-asciicast; charset=utf-8");
    assert_eq!(answer.text().await.unwrap(), cast);

    let filter = AuditFilter { run: Some(run), limit: 50, ..AuditFilter::default() };
    let events = app.portal.operations.audit_page(&operator(), &filter).await.unwrap();
    let call =
        events.entries.iter().find(|entry| entry.event.argv.first().is_some_and(|word| word == "kubectl")).unwrap();
    assert!(call.event.decision.as_ref().unwrap().rule.contains("a terminal can do anything"), "{call:?}");
    assert!(looker.text(&format!("/history/{}", call.event.id)).await.contains("Replay the terminal"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_may_not_type_gets_no_terminal_and_a_stop_ends_one() {
    let app = TestApp::start(TEXT).await;
    let operator_browser = app.signed_in(Role::Operator).await;
    let run = start(&operator_browser, "talk").await;
    operator_browser.post("/api/press", &[("run", &run.to_string()), ("command", "1")]).await;
    app.settled(run).await;
    let view = app.portal.operations.view_run(&operator(), run).await.unwrap();
    let execution = view.steps[0].commands[0].execution.clone().unwrap();
    let text = operator_browser.text(&format!("/executions/{}/output", execution.id)).await;
    assert!(text.contains("your role (operator) may not type at one here"), "{text}");
    assert!(text.contains("Unable to use a TTY") && text.contains("after 0"), "{text}");
    let none = operator_browser.get(&format!("/executions/{}/cast", execution.id)).await;
    assert_eq!(none.status(), StatusCode::NOT_FOUND);

    let approver = app.signed_in(Role::Approver).await;
    let press = async |seen: ExecutionId| {
        let fields = [("run", run.to_string()), ("command", "1".to_owned()), ("seen", seen.to_string())];
        approver.post("/api/press", &fields.each_ref().map(|(name, value)| (*name, value.as_str()))).await
    };
    press(execution.id).await;
    let id = terminal(&app, run).await;
    let mut window = Window::open(&app, &approver, &format!("/terminals/{id}")).await;
    window.until_shown("/ $ ").await;
    let view = app.portal.operations.view_run(&operator(), run).await.unwrap();
    let execution = view.steps[0].commands[0].execution.clone().unwrap();
    let person = Person { subject: "s".to_owned(), name: "S".to_owned(), email: None, role: Role::Operator };
    app.portal.operations.stop(&Caller { person, address: None }, execution.id).await.unwrap();
    window.until(|window| window.told.contains(&json!({"ended": true}))).await;
    assert_eq!(app.settled(run).await[0].1, ExecutionState::Stopped);
    // A portal that stops ends what is open, too.
    press(execution.id).await;
    terminal(&app, run).await;
    app.stop().await;
}
