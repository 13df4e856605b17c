//! Runs for programs: several at one run, notes with files, rolling back, statistics.

use operations::{Attachment, Person, Role, Scope};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::api::{Program, assert_problem};
use super::front_door::TestApp;

const TEXT: &str = r#"# Shop

## Recover

1. **Tell people**
   - Say it in the channel

2. **Recover**
   ```bash
   # Option 1: Restart pods
   kubectl rollout restart deployment/auth-service -n fintech-banking

   # Option 2: Grow
   kubectl scale deployment/auth-service --replicas=4 -n fintech-banking
   ```
"#;

const NOBODY: &str = "018f0000-0000-7000-8000-000000000000";
const WORKING: [Scope; 2] = [Scope::Read, Scope::Run];
/// A picture of one point.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn programs_and_people_share_a_run() {
    let app = TestApp::start(TEXT).await;
    let (one, other) =
        (Program::new(&app, Role::Operator, &WORKING).await, Program::new(&app, Role::Approver, &WORKING).await);
    let run = one.start("recover").await;
    let at = |path: &str| format!("/runs/{run}/{path}");
    let claimed = one.done(StatusCode::OK, &at("steps/2/claim"), Value::Null).await;
    assert_eq!(claimed["steps"][1]["claimed_by"]["subject"], "operator");
    one.done(StatusCode::CONFLICT, &at("steps/2/claim"), Value::Null).await;
    let theirs = other.done(StatusCode::CONFLICT, &at("commands/2b/choose"), Value::Null).await;
    assert!(theirs["detail"].as_str().unwrap().contains("has claimed this step"), "{theirs}");
    let strangers = json!({ "to": "nobody-knows" });
    one.done(StatusCode::UNPROCESSABLE_ENTITY, &at("steps/2/hand-over"), strangers).await;
    app.signed_in(Role::Approver).await;
    let handed = one.done(StatusCode::OK, &at("steps/2/hand-over"), json!({ "to": "demo-ada" })).await;
    assert_eq!(handed["steps"][1]["claimed_by"]["subject"], "demo-ada");
    let taken = other.done(StatusCode::OK, &at("steps/2/claim"), Value::Null).await;
    assert_eq!(taken["steps"][1]["claimed_by"]["subject"], "approver");
    let given = other.done(StatusCode::OK, &at("steps/2/hand-over"), json!({})).await;
    assert_eq!(given["steps"][1]["claimed_by"], Value::Null);

    let chosen = one.done(StatusCode::OK, &at("commands/2b/choose"), Value::Null).await;
    assert_eq!(chosen["steps"][1]["chosen"], "2b");
    one.done(StatusCode::UNPROCESSABLE_ENTITY, &at("notes"), json!({ "text": " " })).await;
    for path in ["steps/9/claim", "commands/9/choose"] {
        assert_problem(one.post(&at(path), &Value::Null).await, StatusCode::NOT_FOUND, path).await;
    }
    assert_eq!(one.json(&at("presence")).await, json!({ "here": [] }));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_note_has_a_file_beside_it() {
    let app = TestApp::start(TEXT).await;
    let program = Program::new(&app, Role::Operator, &WORKING).await;
    let run = program.start("recover").await;
    let notes = format!("/runs/{run}/notes");
    program.done(StatusCode::OK, &notes, json!({ "text": "The whole of it" })).await;
    let file = json!({ "name": "../graph.png", "base64": PNG });
    let note = json!({ "text": "A hole in the graph", "step": "2", "attachment": file });
    let noted = program.done(StatusCode::OK, &notes, note).await;
    assert_eq!(noted["notes"][0]["text"], "The whole of it");
    let kept = &noted["steps"][1]["notes"][0];
    assert_eq!((&kept["text"], &kept["by"]["name"]), (&json!("A hole in the graph"), &json!("Ada (token ci)")));
    assert_eq!(
        (&kept["attachment"]["name"], &kept["attachment"]["media_type"]),
        (&json!("graph.png"), &json!("image/png"))
    );
    let path = format!("/attachments/{}", kept["attachment"]["id"].as_str().unwrap());
    let found = program.get(&path).await;
    assert_eq!(found.headers()["content-type"], "image/png");
    assert_eq!(found.headers()["content-security-policy"], "default-src 'none'; sandbox");
    assert!(found.bytes().await.unwrap().starts_with(b"\x89PNG"));

    // Files may be longer than other bodies, and not longer than files may be.
    let long = |bytes: usize| json!({ "attachment": { "name": "log.txt", "base64": "YWFh".repeat(bytes / 3) } });
    program.done(StatusCode::OK, &notes, long(1 << 20)).await;
    for (body, status) in [
        (long((2 << 20) + 3_000), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({ "attachment": { "name": "x", "base64": "no base64" } }), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({ "attachment": { "name": "x.exe", "base64": "TVqQAAM=" } }), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({ "text": "x", "step": "9" }), StatusCode::NOT_FOUND),
        (json!({ "text": "x".repeat(4097) }), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        assert_problem(program.post(&notes, &body).await, status, "a note").await;
    }
    // A few bytes more than a note may have: what is much longer is cut while it is still being sent.
    let limit = Attachment::LIMIT / 3 * 4 + 256 * 1024;
    let longer = program.post(&notes, &json!({ "text": "x".repeat(limit) })).await;
    assert_problem(longer, StatusCode::PAYLOAD_TOO_LARGE, "a note").await;
    let viewer = Program::new(&app, Role::Viewer, &[Scope::Read]).await;
    assert_problem(viewer.get(&path).await, StatusCode::FORBIDDEN, "it may show what a command printed").await;
    let nothing = format!("/attachments/{NOBODY}");
    assert_problem(program.get(&nothing).await, StatusCode::NOT_FOUND, &nothing).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_command_changed_is_taken_back_once() {
    let app = TestApp::start(TEXT).await;
    let program = Program::new(&app, Role::Operator, &WORKING).await;
    let run = program.start("recover").await;
    let press = format!("/runs/{run}/commands/2b/press");
    let pressed = program.done(StatusCode::ACCEPTED, &press, json!({})).await;
    app.settled(run.parse().unwrap()).await;
    let undo = format!("/executions/{}/undo", pressed["id"].as_str().unwrap());
    let offered = program.json(&undo).await["undo"].clone();
    let text = offered["text"].as_str().unwrap();
    assert!(text.starts_with("kubectl scale deployment/auth-service -n fintech-banking --replicas="), "{text}");
    assert_eq!((&offered["effect"], &offered["execution"]), (&json!("change"), &pressed["id"]));
    let detail = program.json(&format!("/runs/{run}")).await;
    assert_eq!(detail["steps"][1]["commands"][1]["undo"], offered, "the run says so, too");
    assert_eq!(offered["since"], json!([]));
    // Somebody else has done something to the same thing meanwhile: who takes it back is told.
    let other = program.start("recover").await;
    program.done(StatusCode::ACCEPTED, &format!("/runs/{other}/commands/2b/press"), json!({})).await;
    app.settled(other.parse().unwrap()).await;
    let since = program.json(&undo).await["undo"]["since"].clone();
    assert_eq!((since.as_array().map(Vec::len), &since[0]["by"]), (Some(1), &json!("Ada (token ci)")), "{since}");

    let answer = program.post(&undo, &Value::Null).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    let back: Value = answer.json().await.unwrap();
    assert_eq!(location, format!("/api/v1/executions/{}", back["id"].as_str().unwrap()));
    assert_eq!((&back["undoes"], &back["source"]), (&pressed["id"], &offered["text"]));
    app.settled(run.parse().unwrap()).await;
    assert_eq!(program.json(&undo).await["undo"], Value::Null);
    let twice = assert_problem(program.post(&undo, &Value::Null).await, StatusCode::CONFLICT, &undo).await;
    assert!(twice.contains("rolled back already"), "{twice}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_may_not_changes_no_run_and_what_is_not_there_is_not_found() {
    let app = TestApp::start(TEXT).await;
    let program = Program::new(&app, Role::Operator, &WORKING).await;
    let run = program.start("recover").await;
    let pressed = program.done(StatusCode::ACCEPTED, &format!("/runs/{run}/commands/2a/press"), json!({})).await;
    app.settled(run.parse().unwrap()).await;
    let execution = pressed["id"].as_str().unwrap();
    let changes = [
        ("/runs/ID/steps/2/claim", Value::Null),
        ("/runs/ID/steps/2/hand-over", json!({})),
        ("/runs/ID/commands/2a/choose", Value::Null),
        ("/runs/ID/notes", json!({ "text": "x" })),
        ("/executions/EXECUTION/undo", Value::Null),
    ];
    for (path, body) in &changes {
        let path = path.replace("ID", NOBODY).replace("EXECUTION", NOBODY);
        assert_problem(program.post(&path, body).await, StatusCode::NOT_FOUND, &path).await;
    }
    for path in [
        "/runs/ID/presence",
        "/runs/ID/recordings",
        "/executions/ID/recording",
        "/executions/ID/undo",
        "/attachments/ID",
    ] {
        for id in [NOBODY, "none"] {
            let path = path.replace("ID", id);
            assert_problem(program.get(&path).await, StatusCode::NOT_FOUND, &path).await;
        }
    }
    let no_terminal = format!("/executions/{execution}/recording");
    let detail = assert_problem(program.get(&no_terminal).await, StatusCode::NOT_FOUND, &no_terminal).await;
    assert!(detail.contains("This recording"), "{detail}");

    let operator = Person { subject: "operator".to_owned(), name: "Ada".to_owned(), email: None, role: Role::Viewer };
    app.portal.operations.person_signed_in(&operator).await.unwrap();
    let before = program.json(&format!("/runs/{run}")).await;
    for (path, body) in &changes {
        let path = path.replace("EXECUTION", execution).replace("ID", &run);
        let detail = assert_problem(program.post(&path, body).await, StatusCode::FORBIDDEN, &path).await;
        assert!(detail.contains("Your role may not"), "{path}: {detail}");
    }
    for path in [format!("/runs/{run}/recordings"), no_terminal] {
        assert_problem(program.get(&path).await, StatusCode::FORBIDDEN, &path).await;
    }
    assert_eq!(program.json(&format!("/runs/{run}")).await, before);
    let other = program.request(Method::DELETE, &format!("/runs/{run}/notes")).send().await.unwrap();
    assert_problem(other, StatusCode::METHOD_NOT_ALLOWED, "notes stay").await;
    app.stop().await;
}
