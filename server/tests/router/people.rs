//! People whose role changes while they are here: what becomes of their sessions, and who can be handed something.

use operations::{Person, Role};
use reqwest::{Method, StatusCode};

use super::front_door::{Browser, TestApp, location};
use super::main_job::operator;

const TEXT: &str = "# Shop\n\n## Recover\n\n1. **Tell people**\n   - Say it in the channel\n";

/// The demo person who is an operator, with another role.
fn otto(role: Role) -> Person {
    Person { subject: "demo-otto".to_owned(), name: "Otto Operator".to_owned(), email: None, role }
}

/// A browser whose session has ended is led to sign-in, and nothing is done for it.
async fn assert_signed_out(browser: &Browser) {
    let token = [("name", "ci"), ("kind", "personal"), ("scopes[read]", "on"), ("days", "7")];
    assert_eq!(browser.post("/api/make_token", &token).await.status(), StatusCode::UNAUTHORIZED);
    assert!(location(&browser.get("/runs").await).starts_with("/auth/sign-in"));
    assert_eq!(browser.ask(Method::GET, "/open/events").await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_has_another_role_or_none_is_signed_out_everywhere_at_the_next_request() {
    let app = TestApp::start(TEXT).await;
    let operations = &app.portal.operations;
    let (older, ada) = (app.signed_in(Role::Operator).await, app.signed_in(Role::Approver).await);
    older.text("/runs").await;
    operations.person_signed_in(&otto(Role::Viewer)).await.unwrap();
    assert_signed_out(&older).await;

    let again = app.signed_in(Role::Operator).await;
    assert_signed_out(&older).await;
    again.text("/runs").await;
    operations.person_has_no_role("demo-otto", "Otto Operator").await.unwrap();
    assert_signed_out(&again).await;
    ada.text("/runs").await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn things_are_handed_to_whoever_may_run_procedures() {
    let app = TestApp::start(TEXT).await;
    let (otto, _ada) = (app.signed_in(Role::Operator).await, app.signed_in(Role::Approver).await);
    app.signed_in(Role::Viewer).await;
    let opened = otto.post("/api/open_incident", &[("title", "The shop is down"), ("environment", "practice")]).await;
    let incident = location(&opened);
    let id = incident.rsplit('/').next().unwrap();
    otto.post("/api/take_command", &[("incident", id)]).await;
    let page = otto.text(&incident).await;
    assert!(page.contains("<option value=\"demo-ada\">Ada Approver"), "{page}");
    assert!(!page.contains("demo-vera"), "a viewer cannot lead");

    let hand = async |to: &str| {
        let fields = [("incident", id), ("to", to), ("text", "Watching")];
        otto.post("/api/hand_over", &fields).await.status()
    };
    assert_eq!(hand("demo-vera").await, StatusCode::UNPROCESSABLE_ENTITY);
    app.portal.operations.person_has_no_role("demo-ada", "Ada Approver").await.unwrap();
    assert_eq!(hand("demo-ada").await, StatusCode::UNPROCESSABLE_ENTITY);
    app.signed_in(Role::Approver).await;
    assert_eq!(hand("demo-ada").await, StatusCode::SEE_OTHER);
    let view = app.portal.operations.view_incident(&operator(), id.parse().unwrap()).await.unwrap();
    assert_eq!(view.incident.commander, Some(("demo-ada".to_owned(), "Ada Approver".to_owned())));
    app.stop().await;
}
