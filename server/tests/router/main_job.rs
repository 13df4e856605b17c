//! The main job without a browser: press Run, bash in the sandbox, the broker, the practice cluster, the trail.

use operations::{AuditFilter, Caller, EventKind, ExecutionState, OutcomeResult, Person, Role, RunId};

use super::front_door::{Browser, TestApp, location};

const TEXT: &str = r#"# Shop

## Restart two

```bash
# Rolling restart
for svc in auth-service account-service; do
  echo "Restarting $svc..."
  kubectl rollout restart deployment/$svc -n fintech-banking
  kubectl rollout status deployment/$svc -n fintech-banking --timeout=120s
done
```

## Look

```bash
# Count them
kubectl get pods -n fintech-banking -l app=auth-service -o name | wc -l

# Look at one
kubectl get pod <thing> -n fintech-banking

# Something else
doctl apps list

# Watch them
kubectl get pods -n fintech-banking -w
```
"#;

pub(crate) async fn start(browser: &Browser, procedure: &str) -> RunId {
    let fields = [("runbook", "shop"), ("procedure", procedure), ("environment", "practice")];
    let started = browser.post("/api/start_run", &fields).await;
    location(&started).rsplit('/').next().unwrap().parse().unwrap()
}

pub(crate) fn operator() -> Caller {
    let person = Person { subject: "test".to_owned(), name: "Test".to_owned(), email: None, role: Role::Operator };
    Caller { person, address: None }
}

impl TestApp {
    /// Waits until no command of the run is running any more, and gives its executions' states and exit codes.
    pub(crate) async fn settled(&self, run: RunId) -> Vec<(String, ExecutionState, Option<i32>)> {
        let mut changes = self.portal.operations.watch_run(&operator(), run).await.unwrap();
        loop {
            let view = self.portal.operations.view_run(&operator(), run).await.unwrap();
            let executions: Vec<_> = view
                .steps
                .iter()
                .flat_map(|step| &step.commands)
                .filter_map(|command| command.execution.clone())
                .map(|execution| (execution.command.to_string(), execution.state, execution.exit_code))
                .collect();
            if executions.iter().all(|(_, state, _)| *state != ExecutionState::Running) {
                return executions;
            }
            changes.changed().await.unwrap();
        }
    }

    async fn printed(&self, run: RunId) -> String {
        let chunks = self.portal.operations.output_after(&operator(), run, 0, 500).await.unwrap();
        chunks.iter().map(|chunk| String::from_utf8_lossy(&chunk.content.bytes).into_owned()).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_loop_yields_one_audit_event_for_each_call_in_order() {
    let app = TestApp::start(TEXT).await;
    let browser = app.signed_in(Role::Operator).await;
    let run = start(&browser, "restart-two").await;
    browser.post("/api/press", &[("run", &run.to_string()), ("command", "1")]).await;
    assert_eq!(
        app.settled(run).await,
        [("1".to_owned(), ExecutionState::Passed, Some(0))],
        "{}",
        app.printed(run).await
    );
    let filter = AuditFilter { run: Some(run), ..AuditFilter::default() };
    let page = app.portal.operations.audit_page(&operator(), &filter).await.unwrap();
    let actions: Vec<_> = page
        .entries
        .iter()
        .rev()
        .filter(|entry| entry.event.kind == EventKind::ActionIntent)
        .map(|entry| {
            let outcome = entry.completion.as_ref().unwrap().outcome.as_ref().unwrap();
            assert_eq!((outcome.result, outcome.exit_code), (OutcomeResult::Passed, Some(0)));
            (entry.event.summary.as_str(), entry.event.targets[0].name.clone().unwrap())
        })
        .collect();
    let expected: Vec<_> = ["auth-service", "account-service"]
        .into_iter()
        .flat_map(|name| [("rollout restart", name.to_owned()), ("rollout status", name.to_owned())])
        .collect();
    assert_eq!(actions, expected);
    assert!(app.printed(run).await.contains("successfully rolled out"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pipes_parameters_refusals_and_stop_do_what_they_say() {
    let app = TestApp::start(TEXT).await;
    let browser = app.signed_in(Role::Operator).await;
    let run = start(&browser, "look").await;
    let id = run.to_string();

    browser.post("/api/press", &[("run", &id), ("command", "1")]).await;
    app.settled(run).await;
    assert_eq!(app.printed(run).await.trim(), "3");

    browser.post("/api/press", &[("run", &id), ("command", "2"), ("values[thing]", "$(touch x); echo no")]).await;
    let executions = app.settled(run).await;
    assert_eq!(executions[1].2, Some(1), "{}", app.printed(run).await);
    assert!(app.printed(run).await.contains("$(touch x); echo no"), "{}", app.printed(run).await);

    browser.post("/api/press", &[("run", &id), ("command", "3")]).await;
    let executions = app.settled(run).await;
    assert_eq!(executions[2].2, Some(127));
    assert!(app.printed(run).await.contains("`doctl` is not available to this portal:"));

    browser.post("/api/press", &[("run", &id), ("command", "4")]).await;
    let mut changes = app.portal.operations.watch_run(&operator(), run).await.unwrap();
    while !app.printed(run).await.contains("RESTARTS") {
        changes.changed().await.unwrap();
    }
    let view = app.portal.operations.view_run(&operator(), run).await.unwrap();
    let execution = view.steps[3].commands[0].execution.as_ref().unwrap().id.to_string();
    browser.post("/api/stop", &[("run", &id), ("execution", &execution)]).await;
    assert_eq!(app.settled(run).await[3].1, ExecutionState::Stopped);
    app.stop().await;
}
