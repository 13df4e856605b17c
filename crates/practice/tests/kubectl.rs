//! The real `kubectl` against a practice cluster. Where none is installed each test says so and passes.

#![expect(clippy::unwrap_used, reason = "a test ends at the first thing that is not as it should be")]
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

use practice::{Builder, Practice};
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

struct Shell {
    practice: Practice,
    home: TempDir,
}

struct Output {
    out: String,
    err: String,
    code: Option<i32>,
}

impl Shell {
    /// A cluster twenty times faster than a real one; `None` where there is no `kubectl`.
    async fn open(builder: Builder) -> Option<Self> {
        let version = Command::new("kubectl")
            .args(["version", "--client"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await;
        if version.is_err() {
            println!("skipped: no kubectl");
            return None;
        }
        let practice = builder.speed(20.0).start(([127, 0, 0, 1], 0).into()).await.unwrap();
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("config"), practice.kubeconfig()).unwrap();
        Some(Self { practice, home })
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new("kubectl");
        command
            .args(line.split_whitespace())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("KUBECONFIG", self.home.path().join("config"))
            .kill_on_drop(true)
            .stdin(Stdio::null());
        command
    }

    async fn run(&self, line: &str) -> Output {
        self.finish(self.command(line)).await
    }

    async fn finish(&self, mut command: Command) -> Output {
        let limit = std::time::Duration::from_secs(60);
        let output =
            tokio::time::timeout(limit, command.output()).await.expect("kubectl ends within a minute").unwrap();
        Output {
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code(),
        }
    }

    /// Runs a command that must succeed and returns what it printed.
    async fn ok(&self, line: &str) -> String {
        let output = self.run(line).await;
        assert_eq!(output.code, Some(0), "kubectl {line}\n{}{}", output.out, output.err);
        output.out
    }

    /// Runs a command that reads its standard input.
    async fn feed(&self, line: &str, input: &str) -> Output {
        let mut command = self.command(line);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        pipe.write_all(input.as_bytes()).await.unwrap();
        drop(pipe);
        let output = child.wait_with_output().await.unwrap();
        Output {
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code(),
        }
    }
}

fn holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
}

#[tokio::test]
async fn reading() {
    let Some(shell) = Shell::open(Practice::builder()).await else { return };
    let pods = shell.ok("get pods -n fintech-banking -o wide").await;
    assert!(pods.starts_with("NAME "), "{pods}");
    holds(&pods, &["READY", "STATUS", "RESTARTS", "NODE", "1/1", "CrashLoopBackOff", "practice-node-1"]);
    holds(&shell.ok("get hpa -A").await, &["auth-service-hpa", "Deployment/auth-service", "/70%"]);
    holds(&shell.ok("get nodes").await, &["practice-node-3", "Ready", "v1.32"]);
    holds(&shell.ok("top nodes").await, &["CPU(cores)", "practice-node-2"]);
    holds(&shell.ok("top pods -n backstage --sort-by=cpu").await, &["MEMORY(bytes)", "postgres-"]);
    holds(&shell.ok("get applications -n argocd").await, &["SYNC STATUS", "backstage-dev", "OutOfSync"]);
    let sorted = shell.ok("get deploy -n pms --sort-by=.metadata.name -o name").await;
    assert_eq!(
        sorted.lines().collect::<Vec<_>>(),
        ["deployment.apps/pms-analytics", "deployment.apps/pms-frontend", "deployment.apps/pms-ingest"]
    );
    let image = shell.ok("get pods -l app=platform-service -o jsonpath={.items[0].spec.containers[0].image}").await;
    assert_eq!(image, "platform-service:v1.0.1");
    holds(&shell.ok("describe nodes").await, &["Allocated resources", "Non-terminated Pods"]);
    holds(
        &shell.ok("describe ingress fintech-ingress -n fintech-banking").await,
        &["api.fintech.example", "/payments", "auth-service:80 (10.244."],
    );
    holds(&shell.ok("describe pod postgres-pod").await, &["Limits:", "postgres:16.3", "Ready             True"]);
    let log = shell.ok("logs deployment/architect-api -n architect-production --all-containers=true --tail=3").await;
    assert_eq!(log.lines().count(), 6);
    holds(&shell.ok("logs -l app=platform-service --tail=50").await, &["responseTimeMs"]);
    let missing = shell.run("get deploy nope").await;
    assert_eq!(
        (missing.code, missing.err.as_str()),
        (Some(1), "Error from server (NotFound): deployments.apps \"nope\" not found\n")
    );
    let unknown = shell.run("get psp").await;
    assert_eq!(unknown.err, "error: the server doesn't have a resource type \"psp\"\n");
    let exec = shell.run("exec deploy/backstage -n backstage -- hostname").await;
    assert!(exec.out.starts_with("backstage-"), "{} {}", exec.out, exec.err);
    let failed = shell.run("exec deploy/backstage -n backstage -- false").await;
    assert_eq!((failed.code, failed.err.as_str()), (Some(1), "command terminated with exit code 1\n"));
    shell.practice.shutdown().await;
}

#[tokio::test]
async fn rolling_out_and_back() {
    let Some(shell) = Shell::open(Practice::builder()).await else { return };
    let of = "deployment/auth-service -n fintech-banking";
    assert_eq!(shell.ok(&format!("rollout restart {of}")).await, "deployment.apps/auth-service restarted\n");
    let status = shell.ok(&format!("rollout status {of}")).await;
    holds(&status, &["successfully rolled out"]);
    let history = shell.ok(&format!("rollout history {of}")).await;
    holds(&history, &["REVISION", "7 ", "8 "]);
    shell.ok(&format!("rollout undo {of} --to-revision=2")).await;
    shell.ok(&format!("rollout status {of}")).await;
    let history = shell.ok(&format!("rollout history {of}")).await;
    let revisions: Vec<&str> =
        history.lines().filter_map(|l| l.split_whitespace().next()).filter(|w| w.parse::<u32>().is_ok()).collect();
    assert_eq!(revisions, ["1", "3", "4", "5", "6", "7", "8", "9"], "revision 2 became 9");
    holds(&shell.ok(&format!("get {of} -o jsonpath={{.spec.template.spec.containers[0].image}}")).await, &[":2.12.1"]);
    shell.ok("scale deployment transaction-service --replicas=5 -n fintech-banking").await;
    shell.ok("rollout status deployment/transaction-service -n fintech-banking").await;
    shell.ok("set image deployment/platform-service platform-service=platform-service:v1.1.0").await;
    shell.ok("rollout status deployment/platform-service").await;
    shell.ok("set resources deployment pms-analytics --limits=memory=4Gi -n pms").await;
    shell.ok("set env deployment/pms-analytics JAVA_OPTS=-Xmx3g -n pms").await;
    shell.ok("rollout status deployment/pms-analytics -n pms").await;
    let events = shell.ok("get events -n fintech-banking --sort-by=.lastTimestamp").await;
    holds(
        &events,
        &["ScalingReplicaSet", "Killing", "Stopping container auth-service", "SuccessfulCreate", "Scheduled"],
    );
    shell.ok("set image deployment/backstage backstage=registry.example/backstage:broken -n backstage").await;
    let stuck = shell.run("rollout status deployment/backstage -n backstage --timeout=1s").await;
    assert_eq!((stuck.code, stuck.err.as_str()), (Some(1), "error: timed out waiting for the condition\n"));
    shell.practice.shutdown().await;
}

#[tokio::test]
async fn writing() {
    let Some(shell) = Shell::open(Practice::builder()).await else { return };
    let manifest = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: pms}\nspec:\n  replicas: 1\n  \
                    selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      \
                    containers:\n      - {name: web, image: 'nginx:1.25', env: [{name: A, value: '1'}]}\n";
    assert_eq!(shell.feed("apply -f -", manifest).await.out, "deployment.apps/web created\n");
    assert_eq!(shell.feed("apply -f -", manifest).await.out, "deployment.apps/web unchanged\n");
    let changed = manifest.replace("{name: A, value: '1'}", "{name: B, value: '2'}");
    assert_eq!(shell.feed("apply -f -", &changed).await.out, "deployment.apps/web configured\n");
    let env = shell.ok("get deploy web -n pms -o jsonpath={.spec.template.spec.containers[0].env}").await;
    assert_eq!(env, r#"[{"name":"B","value":"2"}]"#, "client-side apply removes what is no longer applied");
    assert_eq!(shell.feed("apply --server-side -f -", &changed).await.out, "deployment.apps/web serverside-applied\n");
    let other = shell.feed("apply --server-side --field-manager=other -f -", &changed.replace("1.25", "1.26")).await;
    holds(&other.err, &["conflict", "containers[name=\"web\"].image"]);
    let secret = shell.ok("create secret generic jwt-secret --from-literal=secret=abc --dry-run=client -o yaml").await;
    assert_eq!(shell.feed("apply -f -", &secret).await.out, "secret/jwt-secret configured\n");
    assert_eq!(shell.ok("create secret generic fresh --from-literal=a=b").await, "secret/fresh created\n");
    assert_eq!(shell.ok("create namespace spare").await, "namespace/spare created\n");
    assert_eq!(shell.ok("create deployment d -n spare --image=nginx").await, "deployment.apps/d created\n");
    shell.ok("wait deploy/d -n spare --for=condition=Available --timeout=30s").await;
    shell.ok("delete namespace spare").await;
    assert_eq!(shell.run("get namespace spare").await.code, Some(1));
    assert_eq!(shell.ok("auth can-i delete pods").await, "yes\n");
    assert_eq!(shell.ok("delete pod postgres-pod").await, "pod \"postgres-pod\" deleted\n");
    shell.ok("delete deployment web -n pms --cascade=foreground").await;
    assert_eq!(shell.run("get pods -n pms -l app=web -o name").await.out, "");
    shell.practice.shutdown().await;
}

#[tokio::test]
async fn emptying_a_node() {
    let Some(shell) = Shell::open(Practice::builder()).await else { return };
    shell.ok("cordon practice-node-1").await;
    holds(&shell.ok("get nodes").await, &["Ready,SchedulingDisabled"]);
    shell.ok("drain practice-node-1 --ignore-daemonsets --delete-emptydir-data --force --timeout=50s").await;
    let left = shell.ok("get pods -A --field-selector=spec.nodeName=practice-node-1 -o name").await;
    assert!(left.lines().all(|pod| pod.starts_with("pod/node-exporter-")), "{left}");
    shell.ok("uncordon practice-node-1").await;
    shell.practice.shutdown().await;
}

#[tokio::test]
async fn what_is_forbidden_is_refused_in_the_real_words() {
    let builder = Practice::builder().bare().forbid("list", "secrets", "default");
    let Some(shell) = Shell::open(builder).await else { return };
    let refused = shell.run("get secrets").await;
    assert_eq!(refused.code, Some(1));
    assert_eq!(
        refused.err,
        "Error from server (Forbidden): secrets is forbidden: User \"practice\" cannot list resource \"secrets\" in API group \"\" in the namespace \"default\"\n"
    );
    assert_eq!(shell.run("auth can-i list secrets").await.out, "no\n");
}
