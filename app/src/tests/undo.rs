//! Rolling back, as a page offers it.

use http::StatusCode;
use jiff::Timestamp;
use operations::{
    Actor, AuditEvent, EventKind, Execution, ExecutionId, ExecutionState, Outcome, OutcomeResult, Role, RunId, Since,
};

use super::fakes::{Portal, assert_harmless, person, portal};
use crate::fragments;

/// An execution of command 1 that changed something, with what brings it back.
async fn changed(portal: &Portal, run: RunId) -> ExecutionId {
    let execution = portal.execution(run, "1", ExecutionState::Passed, "restarted\n").await;
    let actor = || Actor::from(&person(Role::Operator));
    let mut intent = AuditEvent::new(Timestamp::now(), EventKind::ActionIntent, actor(), "rollout restart");
    (intent.run, intent.execution) = (Some(run), Some(execution));
    let words = "kubectl rollout undo deployment/shop -n shop --to-revision=7 <script>alert(1)</script>";
    intent.undo = vec![words.split(' ').map(str::to_owned).collect()];
    let mut outcome = AuditEvent::new(Timestamp::now(), EventKind::ActionOutcome, actor(), "passed");
    outcome.completes = Some(intent.id);
    outcome.outcome = Some(Outcome {
        result: OutcomeResult::Passed,
        exit_code: Some(0),
        duration_ms: 1,
        output_digest: None,
        output_bytes: 0,
    });
    portal.memory.events.lock().unwrap().extend([intent, outcome]);
    execution
}

#[tokio::test]
async fn what_changed_something_offers_the_way_back_to_those_who_run() {
    let portal = portal();
    let run = portal.start("restart").await;
    let execution = changed(&portal, run).await;
    let html = portal.get(Role::Operator, &format!("/runs/{run}")).await.text;
    assert_harmless(&html);
    assert!(html.contains("action=\"/api/undo\"") && html.contains("Roll back…"), "{html}");
    assert!(
        html.contains("kubectl rollout undo deployment/shop -n shop --to-revision=7 &#x27;&lt;script&gt;")
            || html.contains("kubectl rollout undo deployment/shop -n shop --to-revision=7 '&lt;script&gt;"),
        "{html}"
    );
    assert!(html.contains(&format!("data-key=\"{execution}\"")));
    let viewer = portal.get(Role::Viewer, &format!("/runs/{run}")).await.text;
    assert!(!viewer.contains("/api/undo") && !viewer.contains("to-revision=7"), "{viewer}");

    // While somebody reads it, nothing else changes it.
    let caller = person(Role::Operator);
    let fragment = async || {
        let view = portal.operations.run_page(&caller, run).await.unwrap();
        fragments::run(&view, &caller, None, Timestamp::now()).into_iter().find(|one| one.id == "undo-1").unwrap().html
    };
    let before = fragment().await;
    // What others did since is told in an open form, too: its key is another one.
    let mut view = portal.operations.run_page(&caller, run).await.unwrap();
    let mut drawn = |places: &[i64], more, much| {
        let undo = view.steps[0].commands[0].undo.as_mut().unwrap();
        let (by, verb, call) = ("Otto".to_owned(), "scale".to_owned(), String::new());
        let since = |place: &i64| {
            let (by, verb, call) = (by.clone(), verb.clone(), call.clone());
            Since { place: *place, by, at: Timestamp::now(), verb, call }
        };
        (undo.since, undo.more_since, undo.much_since) = (places.iter().map(since).collect(), more, much);
        let drawn = fragments::run(&view, &caller, None, Timestamp::now());
        drawn.into_iter().find(|one| one.id == "undo-1").unwrap().html
    };
    let key = |html: &str| html.split("data-key=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let five = drawn(&[1, 2, 3, 4, 5], 0, false);
    let six = drawn(&[2, 3, 4, 5, 6], 1, false);
    assert!(!five.contains("more before these") && six.contains("and 1 more before these"), "{six}");
    let much = drawn(&[2, 3, 4, 5, 6], 1, true);
    let keys = [key(&before), key(&five), key(&six), key(&much)];
    assert!(keys.iter().enumerate().all(|(at, key)| !keys[..at].contains(key)), "{keys:?}");
    portal.execution(run, "2", ExecutionState::Running, "").await;
    assert_eq!(fragment().await, before);
    portal.memory.executions.lock().unwrap()[0].state = ExecutionState::Running;
    assert_eq!(fragment().await, "<div id=\"undo-1\" hidden></div>");
}

#[tokio::test]
async fn the_form_rolls_back_once() {
    let portal = portal();
    let run = portal.start("restart").await;
    let execution = changed(&portal, run).await;
    let form = format!("run={run}&command=1&execution={execution}");
    let refused = portal.post(Role::Viewer, "/api/undo", &form).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text);
    let wrong = portal.post(Role::Operator, "/api/undo", &format!("run={run}&execution=x")).await;
    assert_eq!(wrong.status, StatusCode::NOT_FOUND, "{}", wrong.text);

    let done = portal.post(Role::Operator, "/api/undo", &form).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    assert_eq!(done.headers["location"], format!("/runs/{run}?at=1#step-1"));
    portal.operations.shutdown().await;
    let last: Execution = portal.memory.executions.lock().unwrap().last().unwrap().clone();
    assert_eq!((last.undoes, last.state), (Some(execution), ExecutionState::Passed));
    assert!(last.source.starts_with("kubectl rollout undo deployment/shop"), "{}", last.source);
    let twice = portal.post(Role::Operator, "/api/undo", &form).await;
    assert_eq!(twice.status, StatusCode::CONFLICT, "{}", twice.text);
    let page = portal.get(Role::Operator, &format!("/runs/{run}")).await.text;
    assert!(page.contains(">rollback</span>") && page.contains("What ran"), "{page}");
}

#[tokio::test]
async fn what_follows_stands_below_with_what_was_there_before() {
    let portal = portal();
    let run = portal.start("restart").await;
    let html = portal.get(Role::Viewer, &format!("/runs/{run}")).await.text;
    assert_harmless(&html);
    assert!(html.contains("What follows"), "{html}");
    let address = |html: &str| {
        let link = html.split("href=\"/runbooks/shop/rolling-back").nth(1).unwrap();
        link.split('"').next().unwrap().to_owned()
    };
    assert!(address(&html).ends_with("?environment=practice"), "{}", address(&html));
    changed(&portal, run).await;
    let html = portal.get(Role::Viewer, &format!("/runs/{run}")).await.text;
    let address = address(&html).replace("&amp;", "&");
    assert!(address.ends_with("?environment=practice&revision=7"), "{address}");
    let page = portal.get(Role::Operator, &format!("/runbooks/shop/rolling-back{address}")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("name=\"values[revision]\"") && page.text.contains("value=\"7\""), "{}", page.text);
}
