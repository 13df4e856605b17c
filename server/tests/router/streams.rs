//! Lists and timelines that change while somebody looks at them.

use futures::StreamExt as _;
use operations::{Changes, Role};
use serde_json::Value;

use super::api::{Events, events};
use super::front_door::TestApp;
use super::main_job::operator;

/// Reads until the fragment of this id says so.
async fn until(stream: &mut Events, id: &str, text: &str) {
    while let Some(event) = stream.next().await {
        let Some(data) = event.unwrap().data else { continue };
        let fragment: Value = serde_json::from_str(&data).unwrap();
        if fragment["id"] == id && fragment["html"].as_str().unwrap().contains(text) {
            return;
        }
    }
    panic!("the stream ended without {text:?} in {id:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_others_open_and_say_arrives_by_itself() {
    let app = TestApp::start("# Shop\n\n## Restart\n\n```bash\nkubectl get pods\n```\n").await;
    let viewer = app.signed_in(Role::Viewer).await;
    let mut first = events(viewer.get("/open/events").await);
    let mut list = events(viewer.get("/incidents/events").await);
    until(&mut first, "needs", "Nothing is open").await;
    until(&mut list, "incidents", "No incident is open").await;
    let changes = Changes { title: Some("Payments fail".to_owned()), ..Changes::default() };
    let operations = &app.portal.operations;
    let id = operations.open_incident(&operator(), changes).await.unwrap();
    until(&mut first, "needs", "Payments fail").await;
    until(&mut list, "incidents", "Payments fail").await;
    let mut timeline = events(viewer.get(&format!("/incidents/{id}/timeline/events")).await);
    until(&mut timeline, "timeline-list", "Opened: Payments fail").await;
    operations.note_incident(&operator(), id, "Rolled back by hand").await.unwrap();
    until(&mut timeline, "timeline-list", "Rolled back by hand").await;
    drop((first, list, timeline));
    app.stop().await;
}
