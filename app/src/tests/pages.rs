//! What pages show, and to whom.

use http::StatusCode;
use operations::{ExecutionState, Mark, Role, StepMark};

use super::fakes::{assert_harmless, person, portal};

#[tokio::test]
async fn every_page_is_whole_and_harmless() {
    let portal = portal();
    let run = portal.start("restart").await;
    portal.execution(run, "1", ExecutionState::Passed, "\u{1b}[32m<b>done</b>\n").await;
    let event = portal.memory.events.lock().unwrap()[0].id;
    let addresses = [
        "/".to_owned(),
        "/runbooks".to_owned(),
        "/runbooks/shop".to_owned(),
        "/runbooks/shop/restart".to_owned(),
        "/runbooks/shop/recover".to_owned(),
        "/runbooks/shop/restart/statistics".to_owned(),
        "/statistics/shop".to_owned(),
        "/runs".to_owned(),
        format!("/runs/{run}"),
        "/history?person=%3Cb%3E&from=2026-11-21T10:00".to_owned(),
        format!("/history/{event}"),
        "/search?q=restart".to_owned(),
        "/tokens".to_owned(),
        "/search?q=%3C%2Ftitle%3E%3Cscript%3Ealert(1)".to_owned(),
    ];
    for address in addresses {
        let answer = portal.get(Role::Approver, &address).await;
        assert_eq!(answer.status, StatusCode::OK, "{address}");
        assert_harmless(&answer.text);
        assert!(answer.text.contains("</html>"), "{address}");
        assert!(answer.text.contains("Practice cluster: nothing here is real"), "{address}");
        assert!(answer.text.contains("<title>"), "{address}");
        let policy = answer.headers.get("content-security-policy").expect("a policy").to_str().unwrap();
        assert!(policy.contains("'nonce-") && !policy.contains("unsafe-inline"), "{policy}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_404() {
    let portal = portal();
    for address in ["/runbooks/none", "/runbooks/shop/none", "/runs/none", "/history/none", "/nowhere"] {
        let answer = portal.get(Role::Admin, address).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{address}");
        assert!(answer.text.contains("Not found"), "{address}");
    }
    let answer = portal.get(Role::Admin, "/history?from=yesterday").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_viewer_sees_nothing_to_press() {
    let portal = portal();
    let run = portal.start("restart").await;
    portal.execution(run, "1", ExecutionState::Running, "secret output\n").await;
    let address = format!("/runs/{run}");
    let operator = portal.get(Role::Operator, &address).await.text;
    let viewer = portal.get(Role::Viewer, &address).await.text;
    for offered in ["/api/press", "/api/stop", "/api/mark_step", "/api/close_run", "secret output"] {
        assert!(operator.contains(offered), "{offered}");
        assert!(!viewer.contains(offered), "{offered}");
    }
    assert!(!operator.contains("name=\"edited\""), "only some may edit a command");
    assert!(portal.get(Role::Approver, &address).await.text.contains("name=\"edited\""));
    let procedure = portal.get(Role::Viewer, "/runbooks/shop/restart").await.text;
    assert!(!procedure.contains("/api/start_run") && !procedure.contains("href=\"/history\""));
    assert_eq!(portal.get(Role::Viewer, "/history").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_run_page_shows_what_can_be_done_and_what_became_of_it() {
    let portal = portal();
    let run = portal.start("restart").await;
    portal.execution(run, "1", ExecutionState::Failed, "no such deployment\n").await;
    let running = portal.execution(run, "3", ExecutionState::Running, "shop-1 Running\n").await;
    portal.execution(run, "4", ExecutionState::Unknown, "").await;
    let html = portal.get(Role::Operator, &format!("/runs/{run}")).await.text;
    assert!(html.contains("id=\"step-1\"") && html.contains("id=\"step-4\""));
    assert!(html.contains("failed · exit 1") || html.contains("failed<!> · exit 1"), "{html}");
    assert!(html.contains("no such deployment"));
    assert!(html.contains("name=\"values[pod-name]\"") && html.contains("required"), "a parameter is asked for");
    assert!(html.contains(&format!("value=\"{running}\"")), "Stop names the execution");
    let refresh = "http-equiv=\"refresh\"";
    assert!(html.contains("href=\"?reload=on\"") && !html.contains(refresh), "what is typed is lost to nobody unasked");
    let again = portal.get(Role::Operator, &format!("/runs/{run}?reload=on")).await.text;
    assert!(again.contains(refresh), "without scripts the page loads again for those who ask");
    assert!(html.contains("Yes, really run"), "what destroys is confirmed");
    assert!(html.contains("settled-passed"));
    assert!(html.contains(&format!("data-stream=\"/runs/{run}/events?after=3\"")), "{html}");
    assert!(html.contains("pod-starting") && html.contains("2 of 3 updated"));
}

#[tokio::test]
async fn alternatives_are_a_choice_and_marks_are_shown() {
    let portal = portal();
    let run = portal.start("recover").await;
    let by = ("olga".to_owned(), person(Role::Operator).person.name);
    let result = "</pre><script>alert(1)</script>".to_owned();
    let mark = StepMark { run, part: "1".to_owned(), mark: Mark::ByHand { result }, by, at: jiff::Timestamp::now() };
    portal.memory.marks.lock().unwrap().push(mark);
    let html = portal.get(Role::Operator, &format!("/runs/{run}")).await.text;
    assert_harmless(&html);
    assert!(html.contains("never run together"));
    assert!(html.contains("id=\"command-2a\"") && html.contains("id=\"command-2b\""));
    assert!(html.contains("Done by hand") && html.contains("&lt;/pre&gt;"));
}

#[tokio::test]
async fn what_is_wrong_in_a_command_stands_beside_it() {
    let portal = portal();
    let run = portal.start("policies").await;
    for address in ["/runbooks/shop".to_owned(), "/runbooks/shop/policies".to_owned(), format!("/runs/{run}")] {
        let answer = portal.get(Role::Operator, &address).await;
        assert_harmless(&answer.text);
        assert_eq!(answer.text.matches("Kubernetes has no `psp` since 1.25").count(), 1, "{address}");
    }
    let right = portal.get(Role::Operator, "/runbooks/shop/restart").await;
    assert!(!right.text.contains("class=\"findings faults\""), "{}", right.text);
}
