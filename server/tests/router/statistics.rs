//! What people edit again and again, as a patch to download.

use operations::Role;
use reqwest::StatusCode;

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
    app.stop().await;
}
