//! How it went, as a page.

use http::StatusCode;
use operations::{ExecutionState, Mark, Role, RunState, StepMark};

use super::fakes::{Portal, assert_harmless, person, portal};

const PAGE: &str = "/runbooks/shop/restart/statistics";
const OVERVIEW: &str = "/statistics/shop";

impl Portal {
    /// A completed run of `restart` in which the first command ran like this, and the fourth step was skipped.
    pub(super) async fn past(&self, edited: &str, state: ExecutionState) {
        let run = self.start("restart").await;
        if let Some(run) = self.memory.runs.lock().unwrap().last_mut() {
            run.started_at -= jiff::SignedDuration::from_secs(187);
        }
        self.execution(run, "1", state, "x").await;
        if let Some(execution) = self.memory.executions.lock().unwrap().last_mut() {
            (execution.edited, execution.source) = (!edited.is_empty(), edited.to_owned());
        }
        let by = ("olga".to_owned(), "Olga Berg".to_owned());
        let mark = Mark::Skipped { reason: "not now".to_owned() };
        let at = jiff::Timestamp::now();
        self.memory.marks.lock().unwrap().push(StepMark { run, part: "4".to_owned(), mark, by, at });
        self.operations.close_run(&person(Role::Operator), run, RunState::Completed).await.unwrap();
    }
}

#[tokio::test]
async fn a_page_without_runs_says_so() {
    let portal = portal();
    for address in [PAGE, OVERVIEW] {
        let html = portal.get(Role::Operator, address).await.text;
        assert!(html.contains("Nobody has run it from here yet") && !html.contains("<table"), "{html}");
    }
}

#[tokio::test]
async fn a_page_says_what_needs_rewriting() {
    let portal = portal();
    let hostile = "echo '</pre><script>alert(1)</script>'";
    for state in [ExecutionState::Passed, ExecutionState::Failed, ExecutionState::Passed] {
        portal.past(hostile, state).await;
    }
    let html = portal.get(Role::Operator, PAGE).await.text;
    assert_harmless(&html);
    for words in [
        "3 completed, 0 abandoned, 0 open",
        "often failed",
        "always skipped",
        "edited in 3 of 3 runs",
        "100 %",
        "3:07 in the median",
    ] {
        assert!(html.contains(words), "{words} in {html}");
    }
    assert!(html.contains("2 runs ran it like this. The patch has it.") && html.contains("Patch of 1 edit"), "{html}");
    assert!(html.contains("<span class=\"added\">+ echo '&lt;/pre&gt;"), "{html}");
    assert!(html.contains("href=\"/runbooks/shop/restart/edits.patch\""));
    let overview = portal.get(Role::Operator, OVERVIEW).await.text;
    assert_harmless(&overview);
    assert!(overview.contains("href=\"/runbooks/shop/restart/statistics#step-1\""), "the worst step: {overview}");
}

#[tokio::test]
async fn secrets_are_not_on_the_page() {
    let portal = portal();
    portal.past("curl -u admin:hunter2 https://example.com", ExecutionState::Passed).await;
    portal.past("curl -u admin:hunter2 https://example.com", ExecutionState::Passed).await;
    let html = portal.get(Role::Admin, PAGE).await.text;
    assert!(html.contains("It holds a secret") && !html.contains("hunter2"), "{html}");
    assert!(!html.contains("edits.patch\""), "there is nothing to download");
}

#[tokio::test]
async fn viewers_find_no_way_to_it() {
    let portal = portal();
    for address in [PAGE, OVERVIEW] {
        assert_eq!(portal.get(Role::Viewer, address).await.status, StatusCode::FORBIDDEN);
    }
    for (address, link) in [("/runbooks/shop", OVERVIEW), ("/runbooks/shop/restart", PAGE)] {
        let link = format!("href=\"{link}\"");
        assert!(portal.get(Role::Operator, address).await.text.contains(&link), "{address}");
        assert!(!portal.get(Role::Viewer, address).await.text.contains(&link), "{address}");
    }
    for address in ["/runbooks/shop/none/statistics", "/statistics/none"] {
        assert_eq!(portal.get(Role::Operator, address).await.status, StatusCode::NOT_FOUND, "{address}");
    }
}
