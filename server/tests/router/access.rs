//! Every address has an anonymous and a forbidden case. An address that somebody adds and forgets here fails the test.

use std::collections::BTreeSet;

use operations::{Caller, Changes, IncidentId, Person, Role};
use reqwest::StatusCode;
use server::routes;

use super::front_door::{TestApp, location};

const TEXT: &str = "# Shop\n\n## Restart\n\n```bash\n# Restart it\nkubectl rollout restart deployment/auth-service -n fintech-banking\n```\n";

/// What a viewer gets: everything that is read, nothing that runs, no output, no trail.
#[derive(Clone, Copy, Debug, PartialEq)]
enum ForViewer {
    /// A page or stream they may read.
    Reads(&'static str),
    /// Done, and sent on: it changes nothing but what they see themselves.
    Posts(&'static str, &'static [(&'static str, &'static str)]),
    /// Refused, with this address and form.
    Refused(&'static str, &'static [(&'static str, &'static str)]),
}

/// The address as the router knows it, and the case. `RUN`, `STEP`, `INCIDENT` and `EXECUTION` stand for real ids.
const CASES: &[(&str, &str, ForViewer)] = &[
    ("GET", "/", ForViewer::Reads("/")),
    ("GET", "/runbooks", ForViewer::Reads("/runbooks")),
    ("GET", "/runbooks/{runbook}", ForViewer::Reads("/runbooks/shop")),
    ("GET", "/runbooks/{runbook}/{procedure}", ForViewer::Reads("/runbooks/shop/restart")),
    ("GET", "/runbooks/{runbook}/{procedure}/statistics", ForViewer::Refused("/runbooks/shop/restart/statistics", &[])),
    (
        "GET",
        "/runbooks/{runbook}/{procedure}/edits.patch",
        ForViewer::Refused("/runbooks/shop/restart/edits.patch", &[]),
    ),
    ("GET", "/statistics/{runbook}", ForViewer::Refused("/statistics/shop", &[])),
    ("GET", "/runs", ForViewer::Reads("/runs")),
    ("GET", "/runs/{run}", ForViewer::Reads("/runs/RUN")),
    ("GET", "/incidents", ForViewer::Reads("/incidents")),
    ("GET", "/incidents/{incident}", ForViewer::Reads("/incidents/INCIDENT")),
    ("GET", "/incidents/{incident}/events", ForViewer::Reads("/incidents/INCIDENT/events")),
    ("GET", "/incidents/{incident}/timeline/events", ForViewer::Reads("/incidents/INCIDENT/timeline/events?page=1")),
    ("GET", "/incidents/events", ForViewer::Reads("/incidents/events")),
    ("GET", "/open/events", ForViewer::Reads("/open/events")),
    ("GET", "/attachments/{attachment}", ForViewer::Refused("/attachments/EXECUTION", &[])),
    ("POST", "/runs/{run}/notes", ForViewer::Refused("/runs/RUN/notes", &[("text", "x")])),
    ("POST", "/api/open_incident", ForViewer::Refused("/api/open_incident", &[("title", "x")])),
    ("POST", "/api/claim_step", ForViewer::Refused("/api/claim_step", &[("run", "RUN"), ("step", "1")])),
    ("POST", "/api/hand_over_step", ForViewer::Refused("/api/hand_over_step", &[("run", "RUN"), ("step", "1")])),
    ("POST", "/api/choose", ForViewer::Refused("/api/choose", &[("run", "RUN"), ("command", "1")])),
    (
        "POST",
        "/api/change_stage",
        ForViewer::Refused("/api/change_stage", &[("incident", "INCIDENT"), ("change", "acknowledge")]),
    ),
    (
        "POST",
        "/api/change_incident",
        ForViewer::Refused("/api/change_incident", &[("incident", "INCIDENT"), ("title", "x")]),
    ),
    (
        "POST",
        "/api/update_status",
        ForViewer::Refused("/api/update_status", &[("incident", "INCIDENT"), ("text", "x")]),
    ),
    (
        "POST",
        "/api/note_incident",
        ForViewer::Refused("/api/note_incident", &[("incident", "INCIDENT"), ("text", "x")]),
    ),
    ("POST", "/api/take_command", ForViewer::Refused("/api/take_command", &[("incident", "INCIDENT")])),
    (
        "POST",
        "/api/hand_over",
        ForViewer::Refused("/api/hand_over", &[("incident", "INCIDENT"), ("to", "x"), ("text", "x")]),
    ),
    (
        "POST",
        "/api/start_incident_run",
        ForViewer::Refused(
            "/api/start_incident_run",
            &[("incident", "INCIDENT"), ("runbook", "shop"), ("procedure", "restart"), ("environment", "practice")],
        ),
    ),
    ("GET", "/history", ForViewer::Refused("/history", &[])),
    ("GET", "/history/{event}", ForViewer::Refused("/history/EXECUTION", &[])),
    ("GET", "/tokens", ForViewer::Reads("/tokens")),
    ("GET", "/search", ForViewer::Reads("/search?q=restart")),
    ("GET", "/incidents/{incident}/timeline", ForViewer::Reads("/incidents/INCIDENT/timeline")),
    ("GET", "/incidents/{incident}/message", ForViewer::Reads("/incidents/INCIDENT/message")),
    ("GET", "/incidents/{incident}/post-mortem", ForViewer::Reads("/incidents/INCIDENT/post-mortem")),
    ("GET", "/incidents/{incident}/post-mortem.md", ForViewer::Reads("/incidents/INCIDENT/post-mortem.md")),
    ("GET", "/runs/{run}/events", ForViewer::Reads("/runs/RUN/events")),
    ("GET", "/links/{link}", ForViewer::Refused("/links/l0", &[])),
    ("GET", "/live", ForViewer::Reads("/live?runbook=shop&procedure=restart&environment=practice")),
    ("GET", "/executions/{execution}/replay", ForViewer::Refused("/executions/EXECUTION/replay", &[])),
    ("GET", "/executions/{execution}/cast", ForViewer::Refused("/executions/EXECUTION/cast", &[])),
    ("GET", "/terminals/{terminal}", ForViewer::Refused("/terminals/0", &[])),
    ("GET", "/executions/{execution}/output", ForViewer::Refused("/executions/EXECUTION/output", &[])),
    (
        "POST",
        "/api/start_run",
        ForViewer::Refused(
            "/api/start_run",
            &[("runbook", "shop"), ("procedure", "restart"), ("environment", "practice")],
        ),
    ),
    ("POST", "/api/pin", ForViewer::Posts("/api/pin", &[("runbook", "shop"), ("procedure", "restart")])),
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
    (
        "POST",
        "/api/make_token",
        ForViewer::Refused(
            "/api/make_token",
            &[("name", "deploys"), ("kind", "service"), ("scopes[read]", "on"), ("days", "7")],
        ),
    ),
    ("POST", "/api/revoke_token", ForViewer::Refused("/api/revoke_token", &[("token", "EXECUTION")])),
    (
        "POST",
        "/api/send_message",
        ForViewer::Refused("/api/send_message", &[("incident", "INCIDENT"), ("channel", "incidents"), ("text", "x")]),
    ),
    ("POST", "/api/send_message_again", ForViewer::Refused("/api/send_message_again", &[("message", "EXECUTION")])),
    (
        "POST",
        "/api/keep_post_mortem",
        ForViewer::Refused("/api/keep_post_mortem", &[("incident", "INCIDENT"), ("text", "x")]),
    ),
    ("POST", "/api/share_post_mortem", ForViewer::Refused("/api/share_post_mortem", &[("incident", "INCIDENT")])),
    ("POST", "/api/unshare_post_mortem", ForViewer::Refused("/api/unshare_post_mortem", &[("incident", "INCIDENT")])),
    ("POST", "/api/close_run", ForViewer::Refused("/api/close_run", &[("run", "RUN"), ("outcome", "completed")])),
];

fn caller() -> Caller {
    let name = "Otto".to_owned();
    Caller { person: Person { subject: "otto".to_owned(), name, email: None, role: Role::Operator }, address: None }
}

async fn incident(app: &TestApp) -> IncidentId {
    let changes = Changes { title: Some("The shop is down".to_owned()), ..Changes::default() };
    app.portal.operations.open_incident(&caller(), changes).await.unwrap()
}

/// What a test of the sign-in room already covers, and files that are the same for everybody.
fn open() -> BTreeSet<(String, String)> {
    routes::OPEN.iter().map(|(method, path)| ((*method).to_owned(), (*path).to_owned())).collect()
}

fn all() -> BTreeSet<(String, String)> {
    let pages = routes::pages().into_iter().map(|path| ("GET".to_owned(), path));
    pages.chain(routes::server_functions()).chain(routes::streams_and_downloads()).collect()
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
    let opened =
        operator.post("/api/open_incident", &[("title", "The shop is down"), ("environment", "practice")]).await;
    let incident = location(&opened).rsplit('/').next().unwrap().to_owned();
    let real = |text: &str| {
        text.replace("RUN", &run)
            .replace("INCIDENT", &incident)
            .replace("EXECUTION", "018f0000-0000-7000-8000-000000000000")
    };

    let stranger = app.anonymous();
    let viewer = app.signed_in(Role::Viewer).await;
    for (method, path, case) in CASES {
        let (address, fields) = match case {
            ForViewer::Reads(address) => (real(address), Vec::new()),
            ForViewer::Posts(address, fields) | ForViewer::Refused(address, fields) => {
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
            ForViewer::Posts(..) => assert!(got.status().is_redirection(), "a viewer at {method} {path}"),
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

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_post_mortem_is_taken_along_and_read_by_whoever_has_its_link() {
    let app = TestApp::start(TEXT).await;
    let operator = app.signed_in(Role::Operator).await;
    let stranger = app.anonymous();
    let incident = incident(&app).await.to_string();
    let file = app.signed_in(Role::Viewer).await.get(&format!("/incidents/{incident}/post-mortem.md")).await;
    assert_eq!(file.headers()["content-type"], "text/markdown; charset=utf-8");
    assert_eq!(file.headers()["content-disposition"], "attachment; filename=\"INC-1-post-mortem.md\"");
    assert!(file.text().await.unwrap().starts_with("# Post-mortem: The shop is down (INC-1)"));

    // The longest text fits, in the longest form that a browser makes of it.
    let longest = "ü".repeat(32 * 1024);
    let kept = operator.post("/api/keep_post_mortem", &[("incident", &incident), ("text", &longest)]).await;
    assert_eq!(kept.status(), StatusCode::SEE_OTHER);
    let read = operations::version(&longest);
    let fields =
        [("incident", incident.as_str()), ("read", read.as_str()), ("text", "# Ours\n\n![x](https://e.example/x)")];
    assert_eq!(operator.post("/api/keep_post_mortem", &fields).await.status(), StatusCode::SEE_OTHER);

    let made = operator.post("/api/share_post_mortem", &[("incident", &incident)]).await;
    assert_eq!(made.status(), StatusCode::OK);
    assert_eq!(made.headers()["cache-control"], "no-store");
    let page = made.text().await.unwrap();
    let from = page.find("/shared/post-mortems/").expect("the address");
    let address: String = page[from..].chars().take_while(|c| *c != '<').collect();

    let shared = stranger.get(&address).await;
    assert_eq!(shared.status(), StatusCode::OK);
    let headers = shared.headers().clone();
    assert_eq!(headers["referrer-policy"], "no-referrer");
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["x-robots-tag"], "noindex, nofollow, noarchive");
    assert!(headers.get("set-cookie").is_none());
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'self'") && !policy.contains("script"), "{policy}");
    let document = shared.text().await.unwrap();
    assert!(document.contains("<h1>Ours</h1>") && !document.contains("<script") && !document.contains(&incident));

    assert_eq!(
        operator.post("/api/unshare_post_mortem", &[("incident", &incident)]).await.status(),
        StatusCode::SEE_OTHER
    );
    let mut answers = Vec::new();
    for wrong in
        [address.clone(), "/shared/post-mortems/x".to_owned(), format!("/shared/post-mortems/{}", "x".repeat(5_000))]
    {
        let answer = stranger.get(&wrong).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        answers.push(answer.text().await.unwrap());
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "nothing tells a void key from a wrong one");
    app.stop().await;
}
