//! The portal for programs: who comes in, what they get, and what they are told where they get nothing.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use operations::{
    AuditFilter, Caller, Person, Role, Scope, Scopes, Token, TokenId, TokenKind, TokenOwner, TokenStore, TokenText,
    TokenWish,
};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use super::front_door::TestApp;

const TEXT: &str = r#"# Shop

## Restart

```bash
# 1. Restart it
kubectl rollout restart deployment/auth-service -n fintech-banking

# 2. Say so
echo "done: <pod-name>" >&2

# 3. Watch them
kubectl get pods -n fintech-banking -w
```

## Tell

1. **Tell people**
   - Say it in the channel
"#;

/// What a person's token can be for.
const EVERYTHING: [Scope; 3] = [Scope::Read, Scope::Run, Scope::Incidents];

fn person(role: Role) -> Caller {
    let person = Person { subject: role.word().to_owned(), name: "Ada".to_owned(), email: None, role };
    Caller { person, address: None }
}

/// A program with a token.
pub(crate) struct Program {
    client: Client,
    url: String,
    pub(crate) token: String,
}

impl Program {
    pub(crate) async fn new(app: &TestApp, role: Role, scopes: &[Scope]) -> Self {
        let wish = TokenWish {
            name: "ci".to_owned(),
            kind: TokenKind::Personal,
            scopes: scopes.to_vec(),
            role: None,
            days: 1,
        };
        let maker = person(role);
        app.portal.operations.person_signed_in(&maker.person).await.unwrap();
        let made = app.portal.operations.make_token(&maker, wish).await.unwrap();
        Self { client: Client::new(), url: app.url.clone(), token: made.text.expose().to_owned() }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}/api/v1{path}", self.url)).bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        self.request(Method::POST, path).json(body).send().await.unwrap()
    }

    pub(crate) async fn done(&self, status: StatusCode, path: &str, body: Value) -> Value {
        let response = self.post(path, &body).await;
        let (got, text) = (response.status(), response.text().await.unwrap());
        assert_eq!(got, status, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    pub(crate) async fn start(&self, procedure: &str) -> String {
        let new = json!({"runbook": "shop", "procedure": procedure, "environment": "practice"});
        self.done(StatusCode::CREATED, "/runs", new).await["id"].as_str().unwrap().to_owned()
    }

    /// Follows an execution to its end: what it printed by stream, and the last event's data.
    async fn follow(&self, execution: &str, after: Option<&str>) -> (String, String, Value, Vec<String>) {
        let mut request = self.request(Method::GET, &format!("/executions/{execution}/output"));
        request = request.header("accept", "text/event-stream");
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let (mut stdout, mut stderr, mut ids) = (String::new(), String::new(), Vec::new());
        let mut events = events(response);
        while let Some(event) = events.next().await {
            let event = event.unwrap();
            let Some(name) = event.event else { continue };
            let data: Value = serde_json::from_str(&event.data.unwrap()).unwrap();
            if name == "end" {
                return (stdout, stderr, data, ids);
            }
            assert_eq!(name, "output");
            ids.push(event.id.unwrap());
            let to = if data["stream"] == "stderr" { &mut stderr } else { &mut stdout };
            to.push_str(data["text"].as_str().unwrap());
        }
        panic!("the stream ended without a word");
    }
}

pub(super) type Events = std::pin::Pin<Box<dyn futures::Stream<Item = Result<sse_stream::Sse, sse_stream::Error>>>>;

pub(super) fn events(response: Response) -> Events {
    let chunks = futures::stream::unfold(response, |mut response| async {
        let chunk = response.chunk().await.transpose()?;
        Some((chunk, response))
    });
    Box::pin(sse_stream::SseByteStream::new(Box::pin(chunks)))
}

pub(crate) async fn assert_problem(response: Response, status: StatusCode, about: &str) -> String {
    assert_eq!(response.status(), status, "{about}");
    assert_eq!(response.headers()["content-type"], "application/problem+json", "{about}");
    assert_eq!(response.headers()["cache-control"], "no-store", "{about}");
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["type"], "about:blank", "{about}");
    assert_eq!(problem["status"], status.as_u16(), "{about}");
    assert!(problem["title"].is_string(), "{about}");
    problem["detail"].as_str().unwrap().to_owned()
}

/// Every operation of the description: method, path, scopes.
fn operations() -> Vec<(Method, String, Vec<Scope>)> {
    let document: Value = serde_json::from_str(&server::api::document()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters") {
            let scopes = operation["security"][0]["token"].as_array().unwrap().iter();
            let scopes = scopes.map(|scope| Scope::from_word(scope.as_str().unwrap()).unwrap()).collect();
            let path = path.strip_prefix("/api/v1").unwrap().to_owned();
            found.push((method.to_uppercase().parse().unwrap(), path, scopes));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_operation_needs_a_token_that_works_and_has_its_scope() {
    let app = TestApp::start(TEXT).await;
    let all = Program::new(&app, Role::Operator, &EVERYTHING).await;
    // For each scope a token that has every other one.
    let mut without = BTreeMap::new();
    for scope in EVERYTHING {
        let others: Vec<_> = EVERYTHING.into_iter().filter(|other| *other != scope).collect();
        without.insert(scope, Program::new(&app, Role::Operator, &others).await);
    }
    let browser = app.signed_in(Role::Admin).await;
    let now = Timestamp::now();
    let expired = TokenText::random();
    let hour = SignedDuration::from_hours(1);
    let owner =
        TokenOwner::Person { subject: "olga".to_owned(), name: "Olga".to_owned(), role: Role::Admin, seen_at: now };
    let token = Token {
        id: TokenId(uuid::Uuid::now_v7()),
        name: "old".to_owned(),
        owner,
        scopes: Scopes::new(Scope::ALL).unwrap(),
        role: Role::Admin,
        made_by: ("olga".to_owned(), "Olga".to_owned()),
        made_at: now - hour - hour,
        expires_at: now - hour,
        revoked_at: None,
        used_at: None,
    };
    let store = app.store().await;
    store.keep(&token, &expired.digest()).await.unwrap();
    let revoked = TokenText::random();
    let token = Token { id: TokenId(uuid::Uuid::now_v7()), expires_at: now + hour, revoked_at: Some(now), ..token };
    store.keep(&token, &revoked.digest()).await.unwrap();

    let run = all.start("restart").await;
    let operations = operations();
    assert!(operations.len() >= 50, "{operations:?}");
    let changing = operations.iter().filter(|(method, ..)| *method != Method::GET);
    let changing: usize = changing.map(|(_, _, scopes)| scopes.len()).sum();
    for (method, path, scopes) in operations {
        let about = format!("{method} {path}");
        let path = path.replace("{run}", &run).replace("{execution}", &run).replace("{runbook}", "shop");
        let path = path.replace("{procedure}", "restart").replace("{command}", "1").replace("{part}", "1");
        let path = path.replace("{incident}", &run).replace("{message}", &run).replace("{attachment}", &run);
        let path = path.replace("{step}", "1");
        assert!(!path.contains('{'), "{path}");
        let address = format!("{}/api/v1{path}", app.url);
        let ask = || Client::new().request(method.clone(), &address);
        let strangers = [
            (ask(), "Make one on"),
            (ask().header("authorization", "Basic b2xnYTpvbGdh"), "Make one on"),
            (ask().header("authorization", "Bearer"), "Make one on"),
            (ask().bearer_auth(&all.token).header("authorization", "Bearer x"), "Make one on"),
            (ask().header("authorization", b"Bearer \xff".as_slice()), "Make one on"),
            (ask().bearer_auth("rbp_nothing"), "no access token of this portal"),
            (ask().bearer_auth(TokenText::random().expose()), "no access token of this portal"),
            (ask().bearer_auth(expired.expose()), "has expired"),
            (ask().bearer_auth(revoked.expose()), "was revoked"),
        ];
        for (request, why) in strangers {
            let response = request.send().await.unwrap();
            assert!(response.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"), "{about}");
            let detail = assert_problem(response, StatusCode::UNAUTHORIZED, &about).await;
            assert!(detail.contains(why), "{about}: {detail}");
        }
        // Whoever signed in with a browser is nobody here, however much they may do there.
        let response = browser.ask(method.clone(), &format!("/api/v1{path}")).await;
        assert_problem(response, StatusCode::UNAUTHORIZED, &about).await;

        for scope in scopes {
            let request = without[&scope].request(method.clone(), &path);
            let response = request.header("content-type", "application/json").body("{}").send().await.unwrap();
            let detail = assert_problem(response, StatusCode::FORBIDDEN, &about).await;
            assert!(detail.contains(&format!("needs `{}`", scope.word())), "{about}: {detail}");
        }
    }
    let filter = AuditFilter { text: Some("no scope".to_owned()), ..AuditFilter::default() };
    let refusals = app.portal.operations.audit_page(&person(Role::Operator), &filter).await.unwrap();
    assert_eq!(usize::try_from(refusals.total), Ok(changing), "what would have changed something is in the trail");
    assert!(refusals.entries.iter().all(|entry| entry.event.actor.name == "Ada (token ci)"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_role_bounds_what_a_scope_opens() {
    let app = TestApp::start(TEXT).await;
    let run = Program::new(&app, Role::Operator, &[Scope::Run]).await.start("restart").await;
    let viewer = Program::new(&app, Role::Viewer, &[Scope::Read]).await;
    assert_eq!(viewer.json(&format!("/runs/{run}")).await["state"], "open");
    for path in ["/history", "/executions/018f0000-0000-7000-8000-000000000000/output"] {
        let detail = assert_problem(viewer.get(path).await, StatusCode::FORBIDDEN, path).await;
        assert!(detail.contains("Your role may not"), "{detail}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_program_runs_a_procedure_and_the_trail_says_whose_token_it_was() {
    let app = TestApp::start(TEXT).await;
    let ci = Program::new(&app, Role::Operator, &[Scope::Read, Scope::Run]).await;
    let known = ci.json("/runbooks").await;
    assert_eq!(known["runbooks"][0]["id"], "shop");
    assert_eq!(ci.json("/runbooks/shop").await["procedures"][0]["effect"], "change");
    let procedure = ci.json("/runbooks/shop/procedures/restart").await;
    assert_eq!(procedure["steps"][1]["commands"][0]["parameters"][0]["name"], "pod-name");
    assert_eq!(ci.json("/environments").await["environments"][0]["kind"], "practice");

    let new =
        json!({"runbook": "shop", "procedure": "restart", "environment": "practice", "values": {"pod-name": "web"}});
    let keyed = || ci.request(Method::POST, "/runs").header("idempotency-key", "nightly").json(&new);
    let first = keyed().send().await.unwrap();
    assert_eq!(first.status(), StatusCode::CREATED);
    let location = first.headers()["location"].to_str().unwrap().to_owned();
    let started: Value = first.json().await.unwrap();
    let run = started["id"].as_str().unwrap().to_owned();
    assert_eq!(location, format!("/api/v1/runs/{run}"));
    assert_eq!(started["page"], format!("{}/runs/{run}", app.url));
    assert_eq!(started["started_by"]["name"], "Ada (token ci)");
    assert_eq!((&started["next"]["what"], &started["next"]["command"]), (&json!("press"), &json!("1")));
    let again = keyed().send().await.unwrap();
    assert_eq!(again.status(), StatusCode::OK);
    assert_eq!(again.json::<Value>().await.unwrap()["id"], run.as_str());

    let pressed = ci.done(StatusCode::ACCEPTED, &format!("/runs/{run}/commands/1/press"), json!({})).await;
    let execution = pressed["id"].as_str().unwrap();
    let (stdout, _, end, ids) = ci.follow(execution, None).await;
    assert_eq!((&end["state"], &end["exit_code"]), (&json!("passed"), &json!(0)));
    assert!(stdout.contains("deployment.apps/auth-service restarted"), "{stdout}");
    let (rest, _, _, _) = ci.follow(execution, ids.last().map(String::as_str)).await;
    assert_eq!(rest, "", "what was seen is not sent again");
    let whole = ci.get(&format!("/executions/{execution}/output")).await;
    assert_eq!(whole.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(whole.text().await.unwrap(), stdout);

    // The value was given with the run.
    let press = json!({"again": "refused"});
    let pressed = ci.done(StatusCode::ACCEPTED, &format!("/runs/{run}/commands/2/press"), press.clone()).await;
    let (stdout, stderr, _, _) = ci.follow(pressed["id"].as_str().unwrap(), None).await;
    assert_eq!((stdout.as_str(), stderr.as_str()), ("", "done: web\n"));
    let refused = ci.post(&format!("/runs/{run}/commands/2/press"), &press).await;
    assert_problem(refused, StatusCode::CONFLICT, "again").await;

    let detail = ci.json(&format!("/runs/{run}")).await;
    assert_eq!(detail["next"]["what"], "follow");
    let pressed = ci.done(StatusCode::ACCEPTED, &format!("/runs/{run}/commands/3/press"), json!({})).await;
    let execution = pressed["id"].as_str().unwrap();
    ci.done(StatusCode::ACCEPTED, &format!("/executions/{execution}/stop"), Value::Null).await;
    let (_, _, end, _) = ci.follow(execution, None).await;
    assert_eq!(end["state"], "stopped");
    assert_eq!(ci.json(&format!("/executions/{execution}")).await["note"], "Stopped by Ada (token ci).");
    let mark = json!({"mark": "skipped", "text": "seen enough"});
    let marked = ci.done(StatusCode::OK, &format!("/runs/{run}/parts/3/mark"), mark).await;
    assert_eq!(marked["next"]["what"], "nothing");
    assert_eq!(marked["steps"][2]["commands"][0]["mark"]["by"]["name"], "Ada (token ci)");
    let closed = ci.done(StatusCode::OK, &format!("/runs/{run}/close"), json!({"outcome": "completed"})).await;
    assert_eq!(closed["state"], "completed");

    let history = ci.json(&format!("/history?run={run}&limit=3")).await;
    assert_eq!(history["events"].as_array().unwrap().len(), 3);
    let mut kinds = Vec::new();
    let mut next = Some(format!("/history?run={run}&limit=3"));
    while let Some(path) = next {
        let page = ci.json(&path).await;
        for event in page["events"].as_array().unwrap() {
            assert_eq!(event["actor"]["name"], "Ada (token ci)", "{event}");
            assert_eq!(event["actor"]["subject"], "operator");
            kinds.push(event["kind"].as_str().unwrap().to_owned());
        }
        next = page["next"].as_str().map(|cursor| format!("/history?run={run}&limit=3&cursor={cursor}"));
    }
    kinds.reverse();
    let restart = ["run-started", "execution-intent", "action-intent"];
    assert_eq!(kinds[..3], restart, "{kinds:?}");
    assert_eq!(kinds.last().unwrap(), "run-ended");
    let restarts = ci.json("/history?effect=change&text=restart&environment=practice").await;
    assert_eq!(restarts["events"][0]["outcome"]["result"], "passed");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn running_on_goes_as_far_as_nobody_is_needed() {
    let app = TestApp::start(TEXT).await;
    let ci = Program::new(&app, Role::Operator, &[Scope::Read, Scope::Run]).await;
    let run = ci.start("restart").await;
    ci.done(StatusCode::ACCEPTED, &format!("/runs/{run}/onward"), Value::Null).await;
    let id = run.parse().unwrap();
    let mut changes = app.portal.operations.watch_run(&person(Role::Operator), id).await.unwrap();
    let stopped = loop {
        let onward = ci.json(&format!("/runs/{run}")).await["onward"].clone();
        if let Some(why) = onward["stopped"].as_str() {
            break why.to_owned();
        }
        changes.changed().await.unwrap();
    };
    assert!(stopped.contains("pod-name"), "{stopped}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn lists_go_on_where_they_ended() {
    let app = TestApp::start(TEXT).await;
    let ci = Program::new(&app, Role::Operator, &[Scope::Read, Scope::Run]).await;
    let mut started = Vec::new();
    for procedure in ["restart", "tell", "restart", "tell", "restart"] {
        started.insert(0, ci.start(procedure).await);
    }
    let mut seen = Vec::new();
    let mut next = Some(String::new());
    while let Some(cursor) = next {
        let page = ci.json(&format!("/runs?limit=2{cursor}")).await;
        let runs = page["runs"].as_array().unwrap();
        seen.extend(runs.iter().map(|run| run["id"].as_str().unwrap().to_owned()));
        next = page["next"].as_str().map(|cursor| format!("&cursor={cursor}"));
    }
    assert_eq!(seen, started);
    ci.done(StatusCode::OK, &format!("/runs/{}/close", started[0]), json!({"outcome": "abandoned"})).await;
    let open = ci.json("/runs?state=open&procedure=restart&started_by=operator").await;
    assert_eq!((open["runs"].as_array().unwrap().len(), &open["next"]), (2, &Value::Null));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_makes_no_sense_is_a_problem_that_says_what_would() {
    let app = TestApp::start(TEXT).await;
    let ci = Program::new(&app, Role::Operator, &[Scope::Read, Scope::Run]).await;
    let long = "x".repeat(3_000);
    let hostile = ["..", "%2e%2e", "%00", "'%20OR%201=1--", "%F0%9F%94%A5", "%FF", "%3Cscript%3E", "-1", &long];
    for id in hostile {
        for path in
            ["/runbooks/ID", "/runbooks/shop/procedures/ID", "/runs/ID", "/executions/ID", "/executions/ID/output"]
        {
            // As it stands: a client would tidy it up.
            let path = path.replace("ID", id);
            if id != ".." {
                assert_problem(ci.get(&path).await, StatusCode::NOT_FOUND, &path).await;
            }
        }
    }
    let run = ci.start("restart").await;
    for path in [
        "/nowhere".to_owned(),
        String::new(),
        "/runbooks/shop/procedures".to_owned(),
        "/runs/018f0000-0000-7000-8000-000000000000".to_owned(),
        "/history?run=none".to_owned(),
    ] {
        assert_problem(ci.get(&path).await, StatusCode::NOT_FOUND, &path).await;
    }
    for path in [
        "/runs?limit=0",
        "/runs?limit=201",
        "/runs?limit=many",
        "/runs?cursor=x",
        "/runs?state=closed",
        "/history?effect=delete",
        "/history?from=yesterday",
        "/history?cursor=99999999999999999999",
    ] {
        assert_problem(ci.get(path).await, StatusCode::UNPROCESSABLE_ENTITY, path).await;
    }
    let press = format!("/runs/{run}/commands/2/press");
    let nothing = json!({"runbook": "shop", "procedure": "none", "environment": "practice"});
    for (path, body, status, why) in [
        ("/runs", nothing, StatusCode::NOT_FOUND, "This procedure"),
        ("/runs", json!({"runbook": "shop"}), StatusCode::UNPROCESSABLE_ENTITY, "missing field"),
        ("/runs", json!([]), StatusCode::UNPROCESSABLE_ENTITY, "openapi.json"),
        (&press, json!({}), StatusCode::UNPROCESSABLE_ENTITY, "pod-name"),
        (&press, json!({"edited": "rm -rf /"}), StatusCode::UNPROCESSABLE_ENTITY, "unknown field"),
        (&press, json!({"adjusted": {"first": "x"}}), StatusCode::UNPROCESSABLE_ENTITY, "by its number"),
    ] {
        let detail = assert_problem(ci.post(path, &body).await, status, path).await;
        assert!(detail.contains(why), "{path}: {detail}");
    }
    let raw =
        |kind: &'static str, body: String| ci.request(Method::POST, "/runs").header("content-type", kind).body(body);
    for (request, status) in [
        (raw("application/json", "{".to_owned()), StatusCode::BAD_REQUEST),
        (raw("text/plain", "{}".to_owned()), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (raw("application/json", format!("\"{}\"", "x".repeat(300 * 1024))), StatusCode::PAYLOAD_TOO_LARGE),
        (
            ci.request(Method::POST, "/runs")
                .header("idempotency-key", "")
                .json(&json!({"runbook": "shop", "procedure": "restart", "environment": "practice"})),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
    ] {
        assert_problem(request.send().await.unwrap(), status, "a body").await;
    }
    let other = ci.request(Method::DELETE, "/runs").send().await.unwrap();
    assert_eq!(other.headers()["allow"], "GET,HEAD,POST");
    assert_problem(other, StatusCode::METHOD_NOT_ALLOWED, "DELETE").await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_token_takes_only_so_many_places_and_gives_them_back() {
    let app = TestApp::start(TEXT).await;
    let ci = Program::new(&app, Role::Operator, &[Scope::Read, Scope::Run]).await;
    let other = Program::new(&app, Role::Operator, &[Scope::Read]).await;
    let run = ci.start("restart").await;
    let pressed = ci.done(StatusCode::ACCEPTED, &format!("/runs/{run}/commands/3/press"), json!({})).await;
    let execution = pressed["id"].as_str().unwrap();
    let path = format!("/executions/{execution}/output");
    let mut streams = Vec::new();
    for _ in 0..16 {
        let response = ci.request(Method::GET, &path).header("accept", "text/event-stream").send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        streams.push(response);
    }
    let full = ci.get("/runs").await;
    assert_eq!(full.headers()["retry-after"], "1");
    assert_problem(full, StatusCode::TOO_MANY_REQUESTS, "the seventeenth").await;
    assert_eq!(other.get("/runs").await.status(), StatusCode::OK, "that is nobody else's loss");
    drop(streams.pop());
    // The portal hears of it when the connection ends.
    while ci.get("/runs").await.status() != StatusCode::OK {
        tokio::task::yield_now().await;
    }
    drop(streams);
    app.portal.operations.stop(&person(Role::Operator), execution.parse().unwrap()).await.unwrap();
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_description_is_for_everybody_and_names_each_operation_once() {
    let app = TestApp::start(TEXT).await;
    let response = reqwest::get(format!("{}/api/v1/openapi.json", app.url)).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let document: Value = response.json().await.unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path}");
            assert!(operation["responses"]["401"].is_object(), "{method} {path}");
        }
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_token_is_ever_in_the_log_or_in_an_answer() {
    let log = super::log::captured();
    let app = TestApp::start(TEXT).await;
    let ci = Program::new(&app, Role::Operator, &[Scope::Read, Scope::Run]).await;
    let run = ci.start("restart").await;
    let text = ci.get(&format!("/runs/{run}")).await.text().await.unwrap();
    let history = ci.get("/history").await.text().await.unwrap();
    let wrong = TokenText::random();
    let address = format!("{}/api/v1/runs", app.url);
    let refused = Client::new().get(&address).bearer_auth(wrong.expose()).send().await.unwrap().text().await.unwrap();
    app.stop().await;
    let log = log.text();
    assert!(log.contains("/api/v1/runs"), "the log was seen: {log}");
    for secret in [&ci.token[4..], &wrong.expose()[4..], wrong.digest().as_str()] {
        for told in [&text, &history, &refused, &log] {
            assert!(!told.contains(secret), "{told}");
        }
    }
}
