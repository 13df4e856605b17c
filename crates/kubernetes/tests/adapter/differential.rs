//! The same arguments through a real kubectl and through the adapter, on the same API.
//!
//! Where no kubectl is installed, the test says so and passes.

use std::process::Stdio;

use practice::Practice;
use tokio::io::AsyncWriteExt as _;

use crate::rig::{Outcome, Rig, words};

/// Calls that only look: asked of kubectl before and after, since ages move on.
const READS: &[&str] = &[
    "get pods",
    "get nodes",
    "get nodes -o wide",
    "get ns",
    "get all -n backstage",
    "get pods -n backstage",
    "get pods -n backstage -o wide",
    "get po -n backstage --no-headers",
    "get pods -n backstage --show-labels",
    "get pods -n backstage -L app,pod-template-hash",
    "get pods -A",
    "get pods --all-namespaces -o name",
    "get deployments -n backstage",
    "get deploy -n backstage -o wide",
    "get deploy,svc -n backstage",
    "get deploy,pods,svc -A",
    "get rs -n backstage",
    "get svc -n backstage -o wide",
    "get endpoints -n backstage",
    "get ingress -n backstage",
    "get hpa -A",
    "get cm,secret -n backstage",
    "get events -n backstage --sort-by=.metadata.creationTimestamp",
    "get pods -n backstage --sort-by=.metadata.name",
    "get pods -n backstage --sort-by='{.metadata.name}' -o name",
    "get pods -n backstage --sort-by=.nothing",
    "get deployment backstage -n backstage",
    "get deployment/backstage -n backstage -o json",
    "get deployment/backstage -n backstage -o yaml",
    "get deploy -n backstage -o yaml",
    "get deploy,svc -n backstage -o json",
    "get svc -n backstage -o yaml",
    "get cm -A -o yaml",
    "get nodes -o yaml",
    "get nodes -o json",
    "get deploy -n backstage -o jsonpath='{.items[*].metadata.name}'",
    "get deploy -n backstage -o jsonpath='{range .items[*]}{.metadata.name}{\"\\t\"}{.spec.replicas}{\"\\n\"}{end}'",
    "get deploy -n backstage -o jsonpath='{.items[0].spec.template.spec.containers[0].image}'",
    "get deploy -n backstage -o jsonpath='{.items[0].spec.selector}'",
    "get deploy -n backstage -o jsonpath='{..image}'",
    "get deploy -n backstage -o jsonpath='{.items[?(@.metadata.name==\"backstage\")].spec.replicas}'",
    "get deploy -n backstage -o jsonpath-as-json='{.items[*].metadata.name}'",
    "get deploy -n backstage -o jsonpath='{.items'",
    "get pods -l app=nobody -o jsonpath='{.items[0].metadata.name}'",
    "get deploy -n backstage -o custom-columns=NAME:.metadata.name,WANT:.spec.replicas,LABELS:.metadata.labels,NO:.nothing",
    "get deploy backstage -n backstage -o custom-columns=NAME:metadata.name --no-headers",
    "get deploy -n backstage -o name",
    "get pods -n backstage -l app=backstage -o name",
    "get pods -n backstage --field-selector=status.phase=Running -o name",
    "get pods -n backstage -l app=nobody",
    "get pods -A -l app=nobody",
    "get pods -n backstage -l app=nobody -o json",
    "get all -A",
    "get deploy -A -o yaml",
    "get pods -A -o yaml",
    "get pods -A -o json",
    "get events -A -o yaml",
    "get events -n fintech-banking --sort-by='.lastTimestamp'",
    "get applications -n argocd",
    "get applications -n argocd -o yaml",
    "get prometheusrules -n monitoring",
    "get networkpolicies -n backstage",
    "get secrets -A",
    "get crd",
    "get crd -o yaml",
    "get rs,deploy -n backstage -o wide --show-labels",
    "get hpa,ing -A -o yaml",
    "get deploy -A -o jsonpath='{.items[*].status}'",
    "get deploy,sts,ds -A",
    "get pods -A -o custom-columns=NAME:.metadata.name,C:.spec.containers[*].name,S:.status.conditions",
    "get pods -A --sort-by=.metadata.uid",
    "get pods -A --sort-by=.metadata.uid -o name",
    "get nodes --show-kind",
    "get deploy backstage -n backstage --subresource=status",
    "get deployment.v1.apps backstage -n backstage",
    "get Deployment -n backstage",
    "get pods -n backstage --chunk-size=1",
    "top nodes",
    "top nodes --no-headers",
    "top pods -n backstage",
    "top pods -A",
    "top pods -n backstage --containers",
    "top pods -n pms --sort-by=memory --no-headers --containers -l app=nobody",
    "top pods -n backstage --sum",
    "top pods -n backstage -l app=nobody",
    "top pod nobody",
    "get pods -n nowhere",
    "get pod nobody",
    "get pod nobody -o yaml",
    "get pod nobody somebody",
    "get pod nobody somebody -o yaml",
    "get pod nobody --ignore-not-found",
    "get pod/nobody deployment/nobody",
    "get deployment backstage nobody -n backstage",
    "get deployment backstage nobody -n backstage -o name",
    "get nothings",
    "get nothings.example.org",
    "get pods,nothings",
    "get psp",
    "get",
    "get pods --foo",
    "get pods -Z",
    "get pods -o table",
    "get pods -o jsonpath",
    "get pods x -l app=web",
    "get pod/x -l app=web",
    "get pods x -A",
    "get pod/x pods",
    "get pods ..",
    "get pods -n backstage --show-labels -o json",
    "rollout status deployment/backstage -n backstage",
    "rollout status deployment/backstage -n backstage --watch=false",
    "rollout status deployment/nobody -n backstage",
    "rollout status pod/nobody -n backstage",
    "rollout status deployment/backstage -n backstage --revision=99",
    "rollout history deployment/backstage -n backstage",
    "rollout history deployment -n backstage",
    "rollout history deployment/backstage -n backstage --revision=99",
    "rollout restart",
    "rollout nothing",
    "rollout undo deployment/backstage -n backstage --to-revision=99",
    "rollout restart deployment/nobody -n backstage",
    "rollout restart service/backstage -n backstage",
    "rollout pause service/backstage -n backstage",
    "rollout resume deployment/backstage -n backstage",
    "rollout restart deployment -n nowhere",
    "scale deployment nobody --replicas=2",
    "scale deployment nobody somebody --replicas=2",
    "scale --replicas=1",
    "scale deployment backstage -n backstage --replicas=2 --current-replicas=77",
    "scale deployment/backstage -n backstage --replicas=5 --dry-run=client",
    "scale deployment/backstage -n backstage --replicas=5 --dry-run=server",
    "scale deployment/backstage -n backstage --replicas=5 --dry-run=client -o name",
    "scale deployment/backstage -n backstage --replicas=abc",
    "scale deployment -l app=nobody --replicas=1",
    "logs",
    "logs nobody",
    "logs nobody -n backstage",
    "logs deployment/nobody",
    "logs -l app=nobody -n backstage",
    "logs a b c",
    "logs nobody --since=5",
    "logs deployment/backstage -n backstage -c nothing",
    "logs cm/nobody",
    "delete",
    "delete pods",
    "delete pod nobody",
    "delete pod nobody --ignore-not-found",
    "delete pod nobody --force --grace-period=5",
    "delete pod nobody --cascade=sideways",
    "delete deployment backstage -n backstage --dry-run=client",
    "delete deployment backstage -n backstage --dry-run=server",
    "delete deployment/backstage -n backstage --dry-run=server -o name",
    "delete pods -l app=nobody",
    "delete pods --all -l app=nobody",
    "delete nothings x",
    "top pods -n nowhere",
    "top pods x -l app=web",
    "top pods --sort-by=disk",
    "top pods a b",
    "top nothing",
    "patch deployment backstage -n backstage -p '{\"spec\":{\"paused\":false}}' --dry-run=server",
    "patch deployment nobody -p '{}'",
    "patch deployment nobody",
    "cordon nobody",
    "auth can-i delete pods",
    "auth can-i get deployments/backstage -n backstage",
    "auth can-i delete nodes -q",
    "auth can-i delete",
    "auth can-i delete nothings",
    "wait --for=condition=available deployment/backstage -n backstage --timeout=5s",
    "wait --for=condition=Available=false deployment/backstage -n backstage --timeout=0",
    "wait --for=jsonpath='{.metadata.name}'=backstage deployment/backstage -n backstage",
    "wait --for=condition=ready pod nobody",
    "wait --for=condition=ready pod -l app=nobody",
    "wait --for=delete pod/nobody",
    "wait --for=nonsense pod/x",
    "wait pod/x",
    "drain",
    "drain nobody",
    "describe pods -n pms",
    "describe pods -n fintech-banking -l app=payment-service",
    "describe deployment pms-analytics -n pms",
    "describe deploy -n backstage",
    "describe nodes",
    "describe svc -n backstage",
    "describe ingress -A",
    "describe hpa -n fintech-banking",
    "describe cm -n backstage",
    "describe secret platform-secrets",
    "describe application pms-platform -n argocd",
    "describe deployment back -n backstage",
    "describe psp restricted",
    "describe pod nobody",
    "describe pods -l app=nobody",
    "describe",
];

/// Calls that change something, each with what is made between kubectl's turn and the adapter's.
const CHANGES: &[(&str, &str)] = &[
    ("scale deployment backstage -n backstage --replicas=2", ""),
    ("scale deployment/backstage -n backstage --replicas=3 --timeout=30s", ""),
    ("scale deployment --all -n backstage --replicas=2", ""),
    ("scale deployment/backstage -n backstage --replicas=2 -o name", ""),
    ("rollout pause deployment/backstage -n backstage", "rollout resume deployment/backstage -n backstage"),
    ("rollout pause deployment/backstage -n backstage", ""),
    ("rollout restart deployment/backstage -n backstage", ""),
    ("rollout undo deployment/backstage -n backstage", ""),
    ("rollout resume deployment/backstage -n backstage", "rollout pause deployment/backstage -n backstage"),
    (
        "patch deployment backstage -n backstage -p '{\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"a\":\"b\"}}}}}'",
        "patch deployment backstage -n backstage -p '{\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"a\":\"c\"}}}}}'",
    ),
    (
        "patch deployment backstage -n backstage --type=merge -p '{\"metadata\":{\"labels\":{\"c\":\"d\"}}}'",
        "patch deployment backstage -n backstage --type=merge -p '{\"metadata\":{\"labels\":{\"c\":\"e\"}}}'",
    ),
    ("rollout status deployment/backstage -n backstage --timeout=50s", ""),
    (
        "rollout undo deployment/backstage -n backstage",
        "rollout status deployment/backstage -n backstage --timeout=50s",
    ),
    ("delete pods -n backstage -l app=backstage --wait=false --dry-run=server", ""),
    ("cordon -l kubernetes.io/os=linux", "uncordon -l kubernetes.io/os=linux"),
    ("uncordon -l kubernetes.io/os=linux", "cordon -l kubernetes.io/os=linux"),
    ("uncordon -l kubernetes.io/os=linux", ""),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn kubectl_and_the_adapter_say_the_same() {
    let rig = Rig::start(Practice::builder().speed(50.0)).await;
    if kubectl(&rig, "version --client").await.is_none() {
        println!("skipped: no kubectl is installed to compare with");
        return;
    }
    assert_eq!(rig.call("kubectl rollout status deployment/backstage -n backstage --timeout=50s").await.code, 0);
    let mut different = Vec::new();
    for line in READS {
        if let Some(difference) = difference(&rig, line).await {
            different.push(difference);
        }
    }
    for (line, between) in CHANGES {
        let theirs = kubectl(&rig, line).await;
        if !between.is_empty() {
            let _whatever_it_says = kubectl(&rig, between).await;
        }
        let mine = rig.call(&format!("kubectl {line}")).await;
        // How often a rollout is told to be waiting depends on when one looks.
        let last = |outcome: &Outcome| {
            (outcome.stdout.lines().last().map(str::to_owned), outcome.stderr.clone(), outcome.code)
        };
        let same = match line.starts_with("rollout status") {
            true => theirs.as_ref().map(last) == Some(last(&mine)),
            false => theirs.as_ref() == Some(&mine),
        };
        if !same {
            different.push(format!("{line}\n  kubectl: {theirs:?}\n  adapter: {mine:?}"));
        }
    }
    assert!(different.is_empty(), "{} calls differ:\n{}", different.len(), different.join("\n"));
}

/// How the two differ. Time passes and the cluster moves between them: one answer of the adapter that is the same as
/// kubectl's just before or just after is enough.
async fn difference(rig: &Rig, line: &str) -> Option<String> {
    let mut theirs = kubectl(rig, line).await.map(settled);
    let mut mine = settled(rig.call(&format!("kubectl {line}")).await);
    for _ in 0..4 {
        if theirs.as_ref() == Some(&mine) {
            return None;
        }
        theirs = kubectl(rig, line).await.map(settled);
        if theirs.as_ref() == Some(&mine) {
            return None;
        }
        mine = settled(rig.call(&format!("kubectl {line}")).await);
    }
    Some(format!("{line}\n  kubectl: {theirs:?}\n  adapter: {mine:?}"))
}

/// An outcome without what never holds still: measured numbers, and the padding that follows their width.
fn settled(mut outcome: Outcome) -> Outcome {
    let measured = |word: &str| {
        let number = word.split('/').next().unwrap_or_default();
        number.strip_suffix(['m', 'i', '%']).is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()))
    };
    if outcome.code == 0 && (outcome.stdout.contains('%') || outcome.stdout.contains("CPU(cores)")) {
        let words = |row: &str| {
            let words = row.split_whitespace().map(|word| match measured(word) {
                true => word.rsplit_once('/').map_or("measured", |(_, target)| target),
                false => word,
            });
            words.collect::<Vec<_>>().join(" ")
        };
        outcome.stdout = outcome.stdout.lines().map(words).collect::<Vec<_>>().join("\n");
    }
    outcome
}

async fn kubectl(rig: &Rig, line: &str) -> Option<Outcome> {
    kubectl_with(rig, line, "").await
}

/// The real kubectl with a text on standard input; `None` where none is installed.
pub(crate) async fn kubectl_with(rig: &Rig, line: &str, stdin: &str) -> Option<Outcome> {
    let program = std::env::var("KUBECTL").unwrap_or_else(|_| "kubectl".to_owned());
    let mut child = tokio::process::Command::new(program)
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap_or_default())
        .env("HOME", rig.folder.path())
        .env("KUBECONFIG", rig.folder.path().join("kubeconfig"))
        .args(words(line))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let mut input = child.stdin.take().expect("piped");
    // One that does not read its input may be gone already.
    let _unread = input.write_all(stdin.as_bytes()).await;
    drop(input);
    let output = child.wait_with_output().await.ok()?;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let mut stderr = text(output.stderr);
    // Some distributions of kubectl begin usage errors with a capital.
    if stderr.starts_with("Error: ") {
        stderr = stderr.replacen("Error: ", "error: ", 1);
    }
    Some(Outcome {
        stdout: text(output.stdout),
        stderr,
        code: u8::try_from(output.status.code().unwrap_or(1)).unwrap_or(1),
    })
}
