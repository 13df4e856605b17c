//! Every address has an anonymous and a forbidden case. An address that somebody adds and forgets here fails the test.

use std::collections::BTreeSet;

use operations::Role;
use reqwest::StatusCode;
use server::routes;

use super::front_door::{TestApp, location};

const TEXT: &str = "# Shop\n\n## Restart\n\n```bash\n# Restart it\nkubectl rollout restart deployment/auth-service -n fintech-banking\n```\n";

/// What a viewer gets: everything that is read, nothing that runs, no output, no trail.
#[derive(Clone, Copy, Debug, PartialEq)]
enum ForViewer {
    /// A page or stream they may read.
    Reads(&'static str),
    /// Refused, with this address and form.
    Refused(&'static str, &'static [(&'static str, &'static str)]),
}

/// The address as the router knows it, and the case. `RUN`, `STEP` and `EXECUTION` stand for real ids.
const CASES: &[(&str, &str, ForViewer)] = &[
    ("GET", "/", ForViewer::Reads("/")),
    ("GET", "/runbooks", ForViewer::Reads("/runbooks")),
    ("GET", "/runbooks/{runbook}", ForViewer::Reads("/runbooks/shop")),
    ("GET", "/runbooks/{runbook}/{procedure}", ForViewer::Reads("/runbooks/shop/restart")),
    ("GET", "/runs", ForViewer::Reads("/runs")),
    ("GET", "/runs/{run}", ForViewer::Reads("/runs/RUN")),
    ("GET", "/history", ForViewer::Refused("/history", &[])),
    ("GET", "/history/{event}", ForViewer::Refused("/history/EXECUTION", &[])),
    ("GET", "/search", ForViewer::Reads("/search?q=restart")),
    ("GET", "/runs/{run}/events", ForViewer::Reads("/runs/RUN/events")),
    ("GET", "/links/{link}", ForViewer::Refused("/links/l0", &[])),
    ("GET", "/live", ForViewer::Reads("/live?runbook=shop&procedure=restart&environment=practice")),
    ("GET", "/executions/{execution}/output", ForViewer::Refused("/executions/EXECUTION/output", &[])),
    (
        "POST",
        "/api/start_run",
        ForViewer::Refused(
            "/api/start_run",
            &[("runbook", "shop"), ("procedure", "restart"), ("environment", "practice")],
        ),
    ),
    ("POST", "/api/press", ForViewer::Refused("/api/press", &[("run", "RUN"), ("command", "1")])),
    ("POST", "/api/run_on", ForViewer::Refused("/api/run_on", &[("run", "RUN")])),
    ("POST", "/api/give_values", ForViewer::Refused("/api/give_values", &[("run", "RUN"), ("values[pod-name]", "x")])),
    ("POST", "/api/undo", ForViewer::Refused("/api/undo", &[("run", "RUN"), ("execution", "EXECUTION")])),
    ("POST", "/api/stop", ForViewer::Refused("/api/stop", &[("run", "RUN"), ("execution", "EXECUTION")])),
    (
        "POST",
        "/api/answer",
        ForViewer::Refused("/api/answer", &[("run", "RUN"), ("question", "1"), ("answer", "yes"), ("text", "x")]),
    ),
    (
        "POST",
        "/api/mark_step",
        ForViewer::Refused(
            "/api/mark_step",
            &[("run", "RUN"), ("part", "1"), ("mark", "skipped"), ("text", "no need")],
        ),
    ),
    ("POST", "/api/close_run", ForViewer::Refused("/api/close_run", &[("run", "RUN"), ("outcome", "completed")])),
];

/// What a test of the sign-in room already covers, and files that are the same for everybody.
fn open() -> BTreeSet<(String, String)> {
    routes::OPEN.iter().map(|(method, path)| ((*method).to_owned(), (*path).to_owned())).collect()
}

fn all() -> BTreeSet<(String, String)> {
    let pages = routes::pages().into_iter().map(|path| ("GET".to_owned(), path));
    let streams = routes::streams_and_downloads().into_iter().map(|path| ("GET".to_owned(), path));
    pages.chain(routes::server_functions()).chain(streams).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_address_is_closed_to_strangers_and_gives_a_viewer_what_viewers_may_have() {
    let app = TestApp::start(TEXT).await;
    let covered: BTreeSet<_> =
        CASES.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert_eq!(
        all().difference(&covered).collect::<Vec<_>>(),
        Vec::<&(String, String)>::new(),
        "addresses without a case"
    );
    assert_eq!(
        covered.difference(&all()).collect::<Vec<_>>(),
        Vec::<&(String, String)>::new(),
        "cases without an address"
    );
    assert!(open().is_disjoint(&covered));

    let operator = app.signed_in(Role::Operator).await;
    let started = operator
        .post("/api/start_run", &[("runbook", "shop"), ("procedure", "restart"), ("environment", "practice")])
        .await;
    let run = location(&started).rsplit('/').next().unwrap().to_owned();
    let real = |text: &str| text.replace("RUN", &run).replace("EXECUTION", "018f0000-0000-7000-8000-000000000000");

    let stranger = app.anonymous();
    let viewer = app.signed_in(Role::Viewer).await;
    for (method, path, case) in CASES {
        let (address, fields) = match case {
            ForViewer::Reads(address) => (real(address), Vec::new()),
            ForViewer::Refused(address, fields) => {
                (real(address), fields.iter().map(|(name, value)| (*name, real(value))).collect::<Vec<_>>())
            }
        };
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (asked, got) = match *method {
            "GET" => (stranger.get(&address).await, viewer.get(&address).await),
            _ => (stranger.post(&address, &fields).await, viewer.post(&address, &fields).await),
        };
        let turned_away = asked.status() == StatusCode::UNAUTHORIZED
            || (asked.status().is_redirection() && location(&asked).starts_with("/auth/sign-in"));
        assert!(turned_away, "a stranger at {method} {path}: {}", asked.status());
        match case {
            ForViewer::Reads(_) => assert_eq!(got.status(), StatusCode::OK, "a viewer at {method} {path}"),
            ForViewer::Refused(..) => assert_eq!(got.status(), StatusCode::FORBIDDEN, "a viewer at {method} {path}"),
        }
        if *method == "POST" {
            let forged = operator.post_from_elsewhere(&address, &fields).await;
            assert_eq!(forged.status(), StatusCode::FORBIDDEN, "another site at {method} {path}");
        }
    }

    // Nothing of all that did anything: the run is as it was.
    let ada = app.signed_in(Role::Approver).await;
    let history = ada.text("/history").await;
    assert!(!history.contains("rollout restart deployment"), "something was executed");
    assert!(history.contains("Refused to"), "refusals are in the trail");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_needs_no_session_shows_nothing_of_the_content() {
    let app = TestApp::start(TEXT).await;
    let stranger = app.anonymous();
    assert_eq!(stranger.text("/healthz").await, "ok\n");
    assert_eq!(stranger.text("/readyz").await, "ready\n");
    let nowhere = stranger.get("/nowhere").await;
    assert!(location(&nowhere).starts_with("/auth/sign-in?next="), "addresses cannot be told apart without a session");
    let page = app.signed_in(Role::Viewer).await.get("/nowhere").await;
    assert_eq!(page.status(), StatusCode::NOT_FOUND);
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe-inline"), "{policy}");
    assert_eq!(page.headers()["x-content-type-options"], "nosniff");
    app.stop().await;
}
