//! Monitoring that comes with a service token of the portal.

use operations::{Caller, Person, Role, Scope, TokenKind, TokenWish};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

use super::front_door::TestApp;
use super::main_job::operator;

async fn tell(app: &TestApp, token: &str, status: &str) -> Response {
    let alert = json!({
        "status": status, "labels": { "alertname": "HighErrorRate" }, "annotations": {}, "fingerprint": "ab12",
        "startsAt": "2026-11-21T03:00:00Z", "endsAt": "2026-11-21T03:05:00Z",
    });
    let group = json!({ "version": "4", "groupKey": "g", "status": status, "receiver": "portal", "alerts": [alert] });
    let request = Client::new().post(format!("{}/api/alerts", app.url));
    request.bearer_auth(token).body(group.to_string()).send().await.unwrap()
}

fn root() -> Caller {
    let person = Person { subject: "root".to_owned(), name: "Root".to_owned(), email: None, role: Role::Admin };
    Caller { person, address: None }
}

async fn token(app: &TestApp, kind: TokenKind, name: &str, scopes: &[Scope]) -> String {
    let wish = TokenWish { name: name.to_owned(), kind, scopes: scopes.to_vec(), role: Some(Role::Operator), days: 1 };
    app.portal.operations.person_signed_in(&root().person).await.unwrap();
    let made = app.portal.operations.make_token(&root(), wish).await.unwrap();
    made.text.expose().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_service_token_brings_alerts_and_the_next_one_of_its_name_ends_them() {
    let app = TestApp::start("# Shop\n").await;
    let first = token(&app, TokenKind::Service, "prometheus", &[Scope::Alerts]).await;
    let answer = tell(&app, &first, "firing").await;
    assert_eq!(answer.status(), StatusCode::OK);
    let opened: Value = answer.json().await.unwrap();
    assert_eq!((&opened["alerts"], &opened["opened"]), (&json!(1), &json!(1)));
    let incident = opened["incidents"][0].as_str().unwrap().parse().unwrap();
    let view = app.portal.operations.view_incident(&operator(), incident).await.unwrap();
    assert_eq!(
        (view.alerts[0].source.as_str(), view.incident.opened_by.0.as_str()),
        ("token:prometheus", "alerts:token:prometheus")
    );
    assert!(view.participants.is_empty(), "monitoring is nobody: {:?}", view.participants);

    let next = token(&app, TokenKind::Service, "prometheus", &[Scope::Alerts]).await;
    assert_eq!(tell(&app, &next, "resolved").await.status(), StatusCode::OK);
    let view = app.portal.operations.view_incident(&operator(), incident).await.unwrap();
    assert!(view.alerts[0].cleared_at.is_some(), "{view:?}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn other_tokens_bring_no_alerts_and_are_told_what_would() {
    let app = TestApp::start("# Shop\n").await;
    let personal = token(&app, TokenKind::Personal, "mine", &[Scope::Run, Scope::Incidents]).await;
    let service = token(&app, TokenKind::Service, "ci", &[Scope::Incidents]).await;
    for wrong in [&personal, &service] {
        let answer = tell(&app, wrong, "firing").await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        assert!(answer.text().await.unwrap().contains("a service token with the scope alerts"));
    }
    let operations = &app.portal.operations;
    let made = operations.tokens(&root()).await.unwrap().services.remove(0);
    operations.revoke_token(&root(), made.id).await.unwrap();
    for (gone, why) in [(service.as_str(), "was revoked"), ("rbp_nothing", "scope alerts"), ("", "scope alerts")] {
        let answer = tell(&app, gone, "firing").await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{gone}");
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        let text = answer.text().await.unwrap();
        assert!(text.contains(why), "{text}");
    }
    assert!(app.incidents().await.is_empty());
    app.stop().await;
}
