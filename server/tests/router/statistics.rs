//! What people edit again and again, as a patch to download.

use operations::{Role, Scope};
use reqwest::StatusCode;
use serde_json::json;

use super::api::{Program, assert_problem};
use super::front_door::TestApp;
use super::main_job::start;

const TEXT: &str = "# Shop\n\n## Look\n\n1. Look\n   ```bash\n   echo one\n   ```\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_two_runs_edited_can_be_downloaded() {
    let app = TestApp::start(TEXT).await;
    let approver = app.signed_in(Role::Approver).await;
    let address = "/runbooks/shop/look/edits.patch";
    assert_eq!(approver.get(address).await.status(), StatusCode::NOT_FOUND);
    for _ in 0..2 {
        let run = start(&approver, "look").await;
        let fields = [("run", run.to_string()), ("command", "1".to_owned()), ("edited", "echo one two\r\n".to_owned())];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        approver.post("/api/press", &fields).await;
        app.settled(run).await;
    }
    let operator = app.signed_in(Role::Operator).await;
    let answer = operator.get(address).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "text/x-diff; charset=utf-8");
    assert_eq!(answer.headers()["content-disposition"], "attachment; filename=\"edits.patch\"");
    let patch = answer.text().await.unwrap();
    assert_eq!(
        patch,
        "--- a/shop.md\n+++ b/shop.md\n@@ -4,5 +4,5 @@\n \n 1. Look\n    ```bash\n-   echo one\n+   echo one two\n    ```\n"
    );
    let page = operator.text("/runbooks/shop/look/statistics").await;
    assert!(page.contains("2 runs ran it like this"), "{page}");

    let program = Program::new(&app, Role::Operator, &[Scope::Read]).await;
    let procedure = "/runbooks/shop/procedures/look";
    let found = program.json(&format!("{procedure}/statistics")).await;
    assert_eq!((&found["open"], &found["success_percent"], &found["proposed"]), (&json!(2), &json!(null), &json!(1)));
    assert_eq!((&found["steps"][0]["ran"], &found["steps"][0]["title"]), (&json!(2), &json!("Look")));
    let edit = json!({
        "command": "1", "ran": 2, "edited": 2,
        "frequent": { "text": "echo one two", "runs": 2, "proposal": "in_patch" },
    });
    assert_eq!(found["edits"], json!([edit]));
    let whole = program.json("/runbooks/shop/statistics").await;
    assert_eq!((&whole["procedures"], &whole["runs_of_gone"]), (&json!([found]), &json!(0)));
    let answer = program.get(&format!("{procedure}/edits.patch")).await;
    assert_eq!(answer.headers()["content-type"], "text/x-diff; charset=utf-8");
    assert_eq!(answer.text().await.unwrap(), patch);
    let viewer = Program::new(&app, Role::Viewer, &[Scope::Read]).await;
    for path in
        [format!("{procedure}/statistics"), format!("{procedure}/edits.patch"), "/runbooks/shop/statistics".to_owned()]
    {
        assert_problem(viewer.get(&path).await, StatusCode::FORBIDDEN, &path).await;
        let nowhere = path.replace("shop", "nowhere");
        assert_problem(program.get(&nowhere).await, StatusCode::NOT_FOUND, &nowhere).await;
    }
    app.stop().await;
}
