//! Rolling back through the front door: real bash, the broker, the practice cluster.

use operations::{AuditFilter, EventKind, ExecutionId, ExecutionState, Role, RunId};

use super::front_door::TestApp;
use super::main_job::{operator, start};

const TEXT: &str = r#"# Shop

## Grow

```bash
for svc in auth-service account-service; do
  kubectl scale deployment $svc --replicas=4 -n fintech-banking
done
```

## Look

```bash
kubectl get deployment auth-service account-service -n fintech-banking -o jsonpath='{.items[*].spec.replicas}'
```
"#;

/// The latest execution of command 1, once nothing runs.
async fn latest(app: &TestApp, run: RunId) -> (ExecutionId, ExecutionState) {
    app.settled(run).await;
    let view = app.portal.operations.view_run(&operator(), run).await.unwrap();
    let execution = view.steps[0].commands[0].execution.clone().unwrap();
    (execution.id, execution.state)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_loop_of_scales_goes_back_at_one_press() {
    let app = TestApp::start(TEXT).await;
    let browser = app.signed_in(Role::Operator).await;
    let sizes = async || {
        let run = start(&browser, "look").await;
        browser.post("/api/press", &[("run", &run.to_string()), ("command", "1")]).await;
        assert_eq!(latest(&app, run).await.1, ExecutionState::Passed);
        let chunks = app.portal.operations.output_after(&operator(), run, 0, 9).await.unwrap();
        String::from_utf8_lossy(&chunks[0].content.bytes).into_owned()
    };
    let before = sizes().await;
    assert_ne!(before, "4 4");

    let run = start(&browser, "grow").await;
    let id = run.to_string();
    browser.post("/api/press", &[("run", &id), ("command", "1")]).await;
    let (execution, state) = latest(&app, run).await;
    assert_eq!((state, sizes().await.as_str()), (ExecutionState::Passed, "4 4"));
    let undo = app.portal.operations.undo_of(&operator(), execution).await.unwrap().unwrap();
    let old: Vec<&str> = before.split(' ').collect();
    let line = |name, size| format!("kubectl scale deployment/{name} -n fintech-banking --replicas={size}");
    let expected = format!("set -e\n{}\n{}", line("account-service", old[1]), line("auth-service", old[0]));
    assert_eq!(undo.text, expected);

    browser.post("/api/undo", &[("run", &id), ("command", "1"), ("execution", &execution.to_string())]).await;
    let (back, state) = latest(&app, run).await;
    assert_ne!(back, execution);
    assert_eq!((state, sizes().await), (ExecutionState::Passed, before));
    let filter = AuditFilter { run: Some(run), ..AuditFilter::default() };
    let page = app.portal.operations.audit_page(&operator(), &filter).await.unwrap();
    let kinds: Vec<_> = page.entries.iter().rev().map(|entry| entry.event.kind).collect();
    use EventKind::{ActionIntent, ExecutionIntent, RunStarted};
    let press = [ExecutionIntent, ActionIntent, ActionIntent];
    assert_eq!(kinds, [[RunStarted].as_slice(), &press, &press].concat(), "looking leaves no row");
    app.stop().await;
}
