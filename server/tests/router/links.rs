//! `kubectl port-forward` from the Run button to the page behind the port: who gets through, and until when.

use operations::{AuditFilter, ExecutionState, Role};
use reqwest::{Client, Response, StatusCode, redirect};

use super::front_door::{TestApp, location};
use super::main_job::{operator, start};

const TEXT: &str = "\
# Dashboards

## Look

```bash
# Reach Grafana
kubectl port-forward svc/grafana 3000:3000 -n monitoring
```
";

/// Asks a link's own host, as a browser that found the name on this machine.
async fn ask(app: &TestApp, host: &str, path: &str, cookie: Option<&str>) -> Response {
    let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
    let request = client.get(format!("{}{path}", app.url)).header("host", host).header("x-forwarded-for", "10.0.0.1");
    match cookie {
        Some(cookie) => request.header("cookie", format!("theirs=1; {cookie}")),
        None => request,
    }
    .send()
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_link_leads_to_the_port_for_those_let_in_while_the_command_runs() {
    let app = TestApp::start(TEXT).await;
    let browser = app.signed_in(Role::Operator).await;
    let run = start(&browser, "look").await;
    browser.post("/api/press", &[("run", &run.to_string()), ("command", "1")]).await;
    let mut changes = app.portal.operations.watch_run(&operator(), run).await.unwrap();
    let (link, execution) = loop {
        let view = app.portal.operations.view_run(&operator(), run).await.unwrap();
        let command = &view.steps[0].commands[0];
        if let Some(link) = command.links.first() {
            break (link.clone(), command.execution.clone().unwrap());
        }
        assert!(command.execution.as_ref().is_none_or(|one| one.state == ExecutionState::Running), "{command:?}");
        changes.changed().await.unwrap();
    };
    assert_eq!(link.title, "service/grafana:3000");
    let page = browser.text(&format!("/runs/{run}")).await;
    assert!(page.contains(&format!("/links/{}", link.token)) && page.contains("Open service/grafana:3000"), "{page}");

    let viewer = app.signed_in(Role::Viewer).await;
    assert_eq!(viewer.get(&format!("/links/{}", link.token)).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(browser.get("/links/l0123").await.status(), StatusCode::NOT_FOUND);
    let host = format!("{}.localhost:{}", link.token, app.url.rsplit(':').next().unwrap());
    assert_eq!(ask(&app, &host, "/", None).await.status(), StatusCode::FORBIDDEN, "nobody was let in");
    assert_eq!(ask(&app, "lnone.localhost", "/", None).await.status(), StatusCode::FORBIDDEN);

    let from_elsewhere = browser.get_from_elsewhere(&format!("/links/{}", link.token)).await;
    assert_eq!(from_elsewhere.status(), StatusCode::UNPROCESSABLE_ENTITY, "what answers behind it opens nothing");
    let entry = location(&browser.get(&format!("/links/{}", link.token)).await);
    let ticket = entry.strip_prefix(&format!("http://{host}")).unwrap_or_else(|| panic!("{entry} is not on {host}"));
    let entered = ask(&app, &host, ticket, None).await;
    assert_eq!((entered.status(), location(&entered).as_str()), (StatusCode::SEE_OTHER, "/"));
    let cookie = entered.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && !cookie.to_ascii_lowercase().contains("domain"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(ask(&app, &host, ticket, None).await.status(), StatusCode::FORBIDDEN, "a ticket is good once");

    let answer = ask(&app, &host, "/d/1?a=b", Some(cookie)).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.headers().get("content-security-policy").is_none(), "it is not the portal that answers");
    let text = answer.text().await.unwrap();
    assert!(text.contains("grafana-") && text.contains("GET /d/1?a=b on port 3000"), "{text}");
    // The key of one link opens no other, and nothing of the portal.
    assert_eq!(ask(&app, "lnone.localhost", "/", Some(cookie)).await.status(), StatusCode::FORBIDDEN);
    let portal = ask(&app, "127.0.0.1", "/runs", Some(cookie)).await;
    assert_eq!(portal.status(), StatusCode::UNAUTHORIZED);

    browser.post("/api/stop", &[("run", &run.to_string()), ("execution", &execution.id.to_string())]).await;
    app.settled(run).await;
    assert_eq!(ask(&app, &host, "/", Some(cookie)).await.status(), StatusCode::FORBIDDEN, "it ends with its command");
    let filter = AuditFilter { run: Some(run), limit: 50, ..AuditFilter::default() };
    let events = app.portal.operations.audit_page(&operator(), &filter).await.unwrap();
    let opened =
        events.entries.iter().filter(|entry| entry.event.summary.contains("Opened the link to service/grafana:3000"));
    assert_eq!(opened.count(), 1);
    app.stop().await;
}
