//! What forms do without scripts.

use http::StatusCode;
use operations::{EventKind, ExecutionState, Mark, Role, RunState};

use super::fakes::portal;

#[tokio::test]
async fn a_run_is_started_pressed_marked_and_closed_by_plain_forms() {
    let portal = portal();
    let form = "runbook=shop&procedure=restart&environment=practice";
    let started = portal.post(Role::Operator, "/api/start_run", form).await;
    assert_eq!(started.status, StatusCode::SEE_OTHER, "{}", started.text);
    let run = portal.memory.runs.lock().unwrap()[0].id;
    assert_eq!(started.headers["location"], format!("/runs/{run}"));

    let form = format!("run={run}&command=2&values%5Bpod-name%5D=shop-1");
    let pressed = portal.post(Role::Operator, "/api/press", &form).await;
    assert_eq!(pressed.status, StatusCode::SEE_OTHER, "{}", pressed.text);
    assert_eq!(pressed.headers["location"], format!("/runs/{run}?at=2#step-2"));
    portal.operations.shutdown().await;
    assert_eq!(portal.memory.executions.lock().unwrap().len(), 1);

    let page = portal.get(Role::Operator, &format!("/runs/{run}")).await.text;
    let seen = seen(&page, "2");
    assert_eq!(seen, portal.memory.executions.lock().unwrap()[0].id.to_string());
    let wrong = format!("run={run}&command=2&seen={seen}&values%5Bpod-name%5D=shop-1%3B+rm");
    let refused = portal.post(Role::Operator, "/api/press", &wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
    let form = format!("run={run}&values%5Bpod-name%5D=shop-2");
    let given = portal.post(Role::Operator, "/api/give_values", &form).await;
    assert_eq!(given.status, StatusCode::SEE_OTHER, "{}", given.text);
    let page = portal.get(Role::Operator, &format!("/runs/{run}")).await.text;
    assert_eq!(page.matches("value=\"shop-2\"").count(), 2, "in the form of the run and in the command's");

    let marked =
        portal.post(Role::Operator, "/api/mark_step", &format!("run={run}&part=1&mark=skipped&text=a%0D%0Ab")).await;
    assert_eq!(marked.status, StatusCode::SEE_OTHER, "{}", marked.text);
    assert_eq!(portal.memory.marks.lock().unwrap()[0].mark, Mark::Skipped { reason: "a\nb".to_owned() });

    let closed = portal.post(Role::Operator, "/api/close_run", &format!("run={run}&outcome=completed")).await;
    assert_eq!(closed.status, StatusCode::SEE_OTHER, "{}", closed.text);
    assert_eq!(portal.memory.runs.lock().unwrap()[0].state, RunState::Completed);
}

/// The latest execution of a command that a page shows.
fn seen(page: &str, command: &str) -> String {
    let field =
        page.split(&format!("id=\"seen-{command}\"")).nth(1).expect("the form has it").split("</div>").next().unwrap();
    let field = field.split("name=\"seen\"").nth(1).expect("it is sent").split('>').next().unwrap();
    field.split("value=\"").nth(1).unwrap_or_default().split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn what_was_run_since_the_page_was_drawn_is_looked_at_first() {
    let portal = portal();
    let run = portal.start("restart").await;
    let page = async || portal.get(Role::Operator, &format!("/runs/{run}")).await.text;
    assert_eq!(seen(&page().await, "3"), "");
    let ran = portal.execution(run, "3", ExecutionState::Passed, "x").await;
    let press =
        async |seen: &str| portal.post(Role::Operator, "/api/press", &format!("run={run}&command=3&seen={seen}")).await;
    let late = press("").await;
    assert_eq!(late.status, StatusCode::CONFLICT, "{}", late.text);
    assert!(late.text.contains("look at what it did, then press again"), "{}", late.text);
    assert_eq!(portal.memory.executions.lock().unwrap().len(), 1);
    let now = seen(&page().await, "3");
    assert_eq!(now, ran.to_string());
    assert_eq!(press(&now).await.status, StatusCode::SEE_OTHER, "whoever has seen it presses once");
    assert_eq!(portal.memory.executions.lock().unwrap().len(), 2);
    portal.operations.shutdown().await;
}

#[tokio::test]
async fn a_note_on_an_incident_is_short() {
    let portal = portal();
    let form = format!("incident=0199f0c0-0000-7000-8000-000000000000&text={}", "x".repeat(4097));
    let refused = portal.post(Role::Operator, "/api/note_incident", &form).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
    assert!(refused.text.contains("4097 of at most 4096 bytes"), "{}", refused.text);
}

#[tokio::test]
async fn a_token_is_made_shown_once_and_revoked_by_plain_forms() {
    let portal = portal();
    let form = "name=ci&kind=personal&scopes%5Bread%5D=on&scopes%5Brun%5D=on&role=operator&days=30";
    let made = portal.post(Role::Approver, "/api/make_token", form).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.text);
    let address = made.headers["location"].to_str().unwrap().to_owned();
    let others = portal.get(Role::Operator, &address).await.text;
    assert!(!others.contains("rbp_"), "it is shown to its maker");
    let page = portal.get(Role::Approver, &address).await.text;
    let at = page.find("rbp_").expect("the token is shown");
    let text = &page[at..at + 52];
    let access = portal.operations.open_with_token(text, None).await.unwrap();
    assert_eq!(access.caller.person.role, Role::Operator);
    super::fakes::assert_harmless(&page);
    let again = portal.get(Role::Approver, &address).await.text;
    assert!(!again.contains(text) && again.contains("read run") && again.contains("Revoke"), "{again}");

    let id = portal.memory.tokens.lock().unwrap()[0].0.id;
    let refused = portal.post(Role::Operator, "/api/revoke_token", &format!("token={id}")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let revoked = portal.post(Role::Approver, "/api/revoke_token", &format!("token={id}")).await;
    assert_eq!((revoked.status, &revoked.headers["location"]), (StatusCode::SEE_OTHER, &"/tokens".parse().unwrap()));
    assert!(portal.operations.open_with_token(text, None).await.is_err());
}

#[tokio::test]
async fn viewers_make_tokens_that_look_and_no_others() {
    let portal = portal();
    let page = portal.get(Role::Viewer, "/tokens").await.text;
    assert!(
        page.contains("scopes[read]") && !page.contains("scopes[run]") && !page.contains("name=\"kind\""),
        "{page}"
    );
    let refused = portal.post(Role::Viewer, "/api/make_token", "name=x&scopes%5Brun%5D=on&days=7").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
    let refused = portal.post(Role::Viewer, "/api/make_token", "name=x&kind=service&scopes%5Bread%5D=on&days=7").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text);
    let made = portal.post(Role::Viewer, "/api/make_token", "name=x&scopes%5Bread%5D=on&days=7").await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.text);
    for days in ["", "0", "366", "-1", "1.5", "99999999"] {
        let form = format!("name=x&scopes%5Bread%5D=on&days={days}");
        let refused = portal.post(Role::Viewer, "/api/make_token", &form).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{days}");
    }
    let admins = portal.get(Role::Admin, "/tokens").await.text;
    assert!(admins.contains("name=\"kind\"") && admins.contains("Service tokens"), "{admins}");
}

#[tokio::test]
async fn stop_leads_back_to_the_step_that_was_stopped() {
    let portal = portal();
    let run = portal.start("restart").await;
    let pressed = portal.post(Role::Operator, "/api/press", &format!("run={run}&command=3")).await;
    assert_eq!(pressed.status, StatusCode::SEE_OTHER, "{}", pressed.text);
    let execution = portal.memory.executions.lock().unwrap()[0].id;
    let stopped = portal.post(Role::Operator, "/api/stop", &format!("execution={execution}")).await;
    assert_eq!(stopped.status, StatusCode::SEE_OTHER, "{}", stopped.text);
    assert_eq!(stopped.headers["location"], format!("/runs/{run}?at=3#step-3"));
    portal.operations.shutdown().await;
}

#[tokio::test]
async fn a_viewer_is_refused_in_words_and_in_the_trail() {
    let portal = portal();
    let run = portal.start("restart").await;
    let forms = [
        ("/api/start_run", "runbook=shop&procedure=restart&environment=practice".to_owned()),
        ("/api/give_values", format!("run={run}&values%5Bpod-name%5D=x")),
        ("/api/press", format!("run={run}&command=1")),
        ("/api/run_on", format!("run={run}")),
        ("/api/mark_step", format!("run={run}&part=1&mark=done")),
        ("/api/close_run", format!("run={run}&outcome=completed")),
        ("/api/stop", "execution=0199f0c0-0000-7000-8000-000000000000".to_owned()),
    ];
    for (address, form) in forms {
        let answer = portal.post(Role::Viewer, address, &form).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{address}");
        assert!(answer.text.contains("Your role may not"), "{address}: {}", answer.text);
        assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8");
    }
    assert!(portal.memory.executions.lock().unwrap().is_empty());
    let refused =
        portal.memory.events.lock().unwrap().iter().filter(|event| event.kind == EventKind::AccessRefused).count();
    assert_eq!(refused, 7);
}

#[tokio::test]
async fn what_cannot_be_done_says_why_with_the_fitting_status() {
    let portal = portal();
    let run = portal.start("restart").await;
    let refusals = [
        ("/api/press", format!("run={run}&command=2"), StatusCode::UNPROCESSABLE_ENTITY),
        ("/api/press", format!("run={run}&command=99"), StatusCode::NOT_FOUND),
        ("/api/press", "run=none&command=1".to_owned(), StatusCode::NOT_FOUND),
        ("/api/press", String::new(), StatusCode::NOT_FOUND),
        ("/api/mark_step", format!("run={run}&part=1&mark=skipped&text="), StatusCode::UNPROCESSABLE_ENTITY),
        ("/api/mark_step", format!("run={run}&part=1&mark=eaten"), StatusCode::UNPROCESSABLE_ENTITY),
        ("/api/stop", "execution=none".to_owned(), StatusCode::NOT_FOUND),
        ("/api/close_run", format!("run={run}&outcome=maybe"), StatusCode::UNPROCESSABLE_ENTITY),
    ];
    for (address, form, status) in refusals {
        let answer = portal.post(Role::Operator, address, &form).await;
        assert_eq!(answer.status, status, "{address} {form}: {}", answer.text);
        assert!(answer.text.contains("class=\"lead\""), "{address} {form}");
    }
    let closed = portal.post(Role::Operator, "/api/close_run", &format!("run={run}&outcome=abandoned")).await;
    assert_eq!(closed.status, StatusCode::SEE_OTHER);
    let late = portal.post(Role::Operator, "/api/press", &format!("run={run}&command=1")).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.text.contains("This run is abandoned"), "{}", late.text);
}
