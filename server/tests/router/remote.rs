//! `runbook-portal run` against a whole portal: what it does by itself, where it stops, and what its exit codes say.

use std::process::{Output, Stdio};

use operations::{ExecutionState, Role, RunFilter, RunState, Scope};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

use super::api::Program;
use super::front_door::TestApp;
use super::main_job::operator;

const TEXT: &str = r#"# Shop

## Restart

```bash
# 1. Look
kubectl get pods -n fintech-banking -l app=auth-service -o name

# 2. Restart it
kubectl rollout restart deployment/auth-service -n fintech-banking

# 3. Say so
printf '\033[2J\033]0;gone\007done: %s\n' <word> >&2
```

## Remove

```bash
# Remove one
kubectl delete pods -l app=auth-service -n fintech-banking
```

## Fail

```bash
# Look at nothing
kubectl get pod nothing -n fintech-banking
```

## Expect

```bash
# Count them
kubectl get pods -n fintech-banking -l app=auth-service -o name | wc -l
# Expected: > 100
```

## Talk

1. **Look**
   ```bash
   kubectl get nodes
   ```

2. **Tell people**
   - Say it in the channel

## Wait

```bash
# Wait long
echo tick; sleep 600
```
"#;

fn program(app: &TestApp, token: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runbook-portal"));
    command.arg("run").args(arguments).env("PORTAL_URL", &app.url).env("PORTAL_TOKEN", token).stdin(Stdio::null());
    command.kill_on_drop(true);
    command
}

/// Runs it to its end: exit code, standard output, standard error.
async fn ended(mut command: Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

async fn token(app: &TestApp) -> String {
    Program::new(app, Role::Operator, &[Scope::Read, Scope::Run]).await.token
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_passes_is_shown_and_closed() {
    let app = TestApp::start(TEXT).await;
    let token = token(&app).await;
    let arguments = ["shop#restart", "--env", "practice", "--follow", "--yes", "--set-from", "word=WORD"];
    let mut command = program(&app, &token, &arguments);
    command.env("WORD", "it");
    let (code, stdout, stderr) = ended(command).await;
    assert_eq!(code, 0, "{stdout}{stderr}");
    let mut lines = stdout.lines();
    assert!(lines.next().unwrap().starts_with(&format!("{}/runs/", app.url)), "{stdout}");
    assert!(lines.next().unwrap().starts_with("1 │ pod/auth-service-"), "{stdout}");
    assert!(stdout.contains("\n2 │ deployment.apps/auth-service restarted\n"), "{stdout}");
    // Nothing that a program prints moves the terminal.
    assert!(stderr.contains("3 │ done: it\n") && !stderr.contains('\u{1b}'), "{stderr:?}");
    assert!(!stdout.contains(&token[4..]) && !stderr.contains(&token[4..]));
    let runs = app.portal.operations.runs(&operator(), &RunFilter::default()).await.unwrap();
    assert_eq!((runs.len(), runs[0].state), (1, RunState::Completed));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_following_it_starts_a_run_and_tells_where() {
    let app = TestApp::start(TEXT).await;
    let (code, stdout, _) = ended(program(&app, &token(&app).await, &["shop#fail", "--env", "practice"])).await;
    let runs = app.portal.operations.runs(&operator(), &RunFilter::default()).await.unwrap();
    assert_eq!((code, stdout), (0, format!("{}/runs/{}\n", app.url, runs[0].id)));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_stops_before_what_nobody_has_allowed_and_where_a_person_is_needed() {
    let app = TestApp::start(TEXT).await;
    let token = token(&app).await;
    for (arguments, code, why) in [
        (&["shop#restart", "--set", "word=x"][..], 3, "2 is a command to change, and nobody can be asked here: --yes"),
        (&["shop#restart", "--yes"], 3, "3: "),
        (&["shop#remove", "--yes"], 3, "1 is a command to destroy, and nobody can be asked here: --yes-destroy"),
        (&["shop#remove", "--yes-destroy"], 0, "Every step passed"),
        (&["shop#talk"], 3, "Step 2, “Tell people”, is for a person."),
        (&["shop#fail"], 1, "1 failed, exit code 1."),
        (&["shop#expect"], 1, "is not as expected"),
    ] {
        let mut all = arguments.to_vec();
        all.extend(["--env", "practice", "--follow"]);
        let (got, stdout, stderr) = ended(program(&app, &token, &all)).await;
        assert_eq!(got, code, "{arguments:?}: {stdout}{stderr}");
        assert!(stderr.contains(why), "{arguments:?}: {stderr}");
        if code != 0 {
            assert!(stderr.contains(stdout.lines().next().unwrap()), "it says where it goes on: {stderr}");
        }
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_cannot_be_asked_for_is_said_before_anything_starts() {
    let app = TestApp::start(TEXT).await;
    let good = token(&app).await;
    let reads = Program::new(&app, Role::Operator, &[Scope::Read]).await.token;
    let practice = ["--env", "practice"];
    for (token, what, more, why) in [
        (good.as_str(), "shop#none", &practice[..], "This procedure was not found."),
        (&good, "none#restart", &practice, "This runbook was not found."),
        (&good, "shop#restart", &["--env", "none"], "This environment was not found."),
        (&good, "shop#restart", &["--env", "practice", "--set", "wrod=x"], "no parameter `wrod`. It has: word."),
        (&good, "shop#restart", &["--env", "practice", "--set-from", "word=UNSET_HERE"], "UNSET_HERE is not set"),
        (&good, "shop", &practice, "RUNBOOK#PROCEDURE"),
        (&good, "shop#restart", &[], "--env"),
        (&good, "shop#restart", &["--env", "practice", "--url", "https://me:word@127.0.0.1"], "a name or a password"),
        ("", "shop#restart", &practice, "holds no access token"),
        ("rbp_nothing", "shop#restart", &practice, "no access token of this portal"),
        (&reads, "shop#restart", &practice, "needs `run`"),
    ] {
        let mut all = vec![what];
        all.extend(more);
        let (code, stdout, stderr) = ended(program(&app, token, &all)).await;
        assert_eq!((code, stdout.as_str()), (2, ""), "{all:?}: {stderr}");
        assert!(stderr.contains(why), "{all:?}: {stderr}");
    }
    let mut elsewhere = Command::new(env!("CARGO_BIN_EXE_runbook-portal"));
    elsewhere
        .args(["run", "shop#restart", "--env", "practice", "--url", "http://portal.example"])
        .env("PORTAL_TOKEN", &good);
    let (code, _, stderr) = ended(elsewhere).await;
    assert!(code == 2 && stderr.contains("over https"), "{stderr}");
    let mut nobody = Command::new(env!("CARGO_BIN_EXE_runbook-portal"));
    nobody.args(["run", "shop#restart", "--env", "practice", "--url", "http://127.0.0.1:9"]).env("PORTAL_TOKEN", &good);
    let (code, _, stderr) = ended(nobody).await;
    assert!(code == 1 && stderr.contains("does not answer") && !stderr.contains(&good[4..]), "{stderr}");
    let runs = app.portal.operations.runs(&operator(), &RunFilter::default()).await.unwrap();
    assert!(runs.is_empty(), "nothing was started");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_interrupt_where_nobody_can_be_asked_leaves_it_running_and_says_so() {
    let app = TestApp::start(TEXT).await;
    let mut command = program(&app, &token(&app).await, &["shop#wait", "--env", "practice", "--follow", "--yes"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while lines.next_line().await.unwrap().expect("it ticks") != "1 │ tick" {}
    let id = child.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).await.unwrap();
    assert_eq!(child.wait().await.unwrap().code(), Some(3), "{stderr}");
    assert!(stderr.contains("1 was left running."), "{stderr}");
    let run = app.portal.operations.runs(&operator(), &RunFilter::default()).await.unwrap()[0].id;
    let view = app.portal.operations.view_run(&operator(), run).await.unwrap();
    let execution = view.steps[0].commands[0].execution.clone().unwrap();
    assert_eq!(execution.state, ExecutionState::Running);
    app.portal.operations.stop(&operator(), execution.id).await.unwrap();
    app.settled(run).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_sits_at_the_terminal_is_asked() {
    let app = TestApp::start(TEXT).await;
    let token = token(&app).await;
    for (procedure, answer, code, why) in [
        ("restart", "y\n", 0, "Every step passed"),
        ("restart", "\n", 3, "2 was not run."),
        ("remove", "y\n", 3, "1 was not run."),
        ("remove", "yes\n", 0, "Every step passed"),
    ] {
        let portal = env!("CARGO_BIN_EXE_runbook-portal");
        let values = if procedure == "restart" { "--set word=it" } else { "" };
        let line = format!("{portal} run shop#{procedure} --env practice --follow {values} --url {}", app.url);
        // util-linux's way to a terminal.
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--echo", "never", "--command", &line, "/dev/null"]).kill_on_drop(true);
        let mut child =
            script.env("PORTAL_TOKEN", &token).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut shown = Vec::new();
        let mut answered = false;
        while stdout.read_buf(&mut shown).await.unwrap() > 0 {
            let text = String::from_utf8_lossy(&shown);
            if !answered && (text.contains("[y/N] ") || text.contains("to run it: ")) {
                stdin.write_all(answer.as_bytes()).await.unwrap();
                answered = true;
            }
        }
        let shown = String::from_utf8_lossy(&shown);
        assert_eq!(child.wait().await.unwrap().code(), Some(code), "{procedure} {answer}: {shown}");
        assert!(answered && shown.contains(why) && shown.contains("kubectl"), "{procedure} {answer}: {shown}");
    }
    app.stop().await;
}
