//! Programs inside pods: `exec`, `run`.

use bytes::Bytes;
use operations::{TerminalInput, TerminalSize};
use practice::Practice;

use crate::differential::kubectl_with;
use crate::rig::Rig;

async fn rig() -> Rig {
    Rig::start(Practice::builder().speed(50.0)).await
}

const CALLS: &[(&str, &str)] = &[
    ("exec postgres-pod -- psql -U postgres -c 'SELECT count(*) FROM pg_stat_activity;'", ""),
    ("exec -it postgres-pod -- psql -U postgres -d platform_db -c ANALYZE;", ""),
    ("exec -i postgres-pod -- psql -U postgres platform_db", "CREATE TABLE x (y int);\n"),
    ("exec -i postgres-pod -- cat", "one\ntwo\n"),
    ("exec postgres-pod -- cat /nowhere", ""),
    ("exec postgres-pod -- nothing", ""),
    ("exec postgres-pod -c postgres -- printenv NOTHING", ""),
    ("exec postgres-pod -c other -- true", ""),
    ("exec nobody -- true", ""),
    ("exec postgres-pod", ""),
    ("exec postgres-pod psql", ""),
    ("exec postgres-pod --", ""),
    ("exec deployment/nobody -- true", ""),
    ("exec configmap/platform-config -- true", ""),
    ("exec deployment/pms-analytics -n pms -- curl -s localhost:8080/actuator/health", ""),
    ("run --image=busybox", ""),
    ("run tool --image=busybox --rm", ""),
    ("run tool --image=busybox -t", ""),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn programs_in_pods_are_kubectls() {
    let rig = rig().await;
    if kubectl_with(&rig, "version --client", "").await.is_none() {
        println!("skipped: no kubectl is installed to compare with");
        return;
    }
    let mut different = Vec::new();
    for (line, stdin) in CALLS {
        let theirs = kubectl_with(&rig, line, stdin).await.expect("installed");
        let mine = rig.call_with(&format!("kubectl {line}"), stdin).await;
        if theirs != mine {
            different.push(format!("{line}\n  kubectl: {theirs:?}\n  adapter: {mine:?}"));
        }
    }
    assert!(different.is_empty(), "{} calls differ:\n{}", different.len(), different.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_has_streams_and_an_exit_code() {
    let rig = rig().await;
    let counted = rig.call("kubectl exec -it postgres-pod -- psql -c 'SELECT count(*) FROM pg_stat_activity;'").await;
    assert!(counted.stdout.contains("(1 row)"), "{counted:?}");
    assert!(counted.stderr.starts_with("Unable to use a TTY"), "{counted:?}");
    let copied = rig.call_with("kubectl exec -i postgres-pod -- cat", &"line\n".repeat(30_000)).await;
    assert_eq!((copied.stdout.len(), copied.code), (150_000, 0));
    let failed = rig.call("kubectl exec postgres-pod -- false").await;
    assert_eq!((failed.code, failed.stderr.as_str()), (1, "command terminated with exit code 1\n"));
    let missing = rig.call("kubectl exec postgres-pod -- trivy").await;
    assert_eq!(missing.code, 127, "{missing:?}");
    assert!(missing.stderr.contains("executable file not found in $PATH"), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_runs_once_and_is_gone() {
    let rig = rig().await;
    let line = "kubectl run dns-test -n pms --image=busybox --rm -it -- nslookup pms-analytics.pms.svc.cluster.local";
    let ran = rig.call(line).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("Name:\tpms-analytics.pms.svc.cluster.local"), "{ran:?}");
    assert!(ran.stdout.ends_with("pod \"dns-test\" deleted\n"), "{ran:?}");
    let failed = rig.call("kubectl run once --image=busybox --rm -i --restart=Never -- nslookup nobody").await;
    assert_eq!(failed.code, 1, "{failed:?}");
    assert!(failed.stderr.contains("pod default/once terminated (Error)"), "{failed:?}");
    let piped = rig.call_with("kubectl run once-more --image=busybox --rm -i --restart=Never -- cat", "over\n").await;
    assert!(piped.stdout.starts_with("over\n"), "{piped:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_of_a_caller_that_went_away_is_gone_too() {
    let rig = rig().await;
    let ended = rig.call_until("kubectl run slow --image=busybox --rm -i -- echo hello", Some("hello")).await;
    assert_eq!(ended.code, 141, "{ended:?}");
    let gone = rig.call("kubectl wait --for=delete pod/slow --timeout=20s").await;
    assert_eq!(gone.code, 0, "{gone:?}");
}

/// kubectl evicts all pods at once: only the order of its lines differs from call to call.
fn sorted(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_is_drained() {
    let rig = rig().await;
    for line in [
        "drain practice-node-3 --dry-run=client --ignore-daemonsets --force",
        "drain practice-node-3 --dry-run=server --ignore-daemonsets",
        "drain practice-node-3 --ignore-daemonsets",
    ] {
        let mine = rig.call(&format!("kubectl {line}")).await;
        rig.call("kubectl uncordon practice-node-3").await;
        if let Some(theirs) = kubectl_with(&rig, line, "").await {
            // kubectl gathers its warnings in a map: their order is any.
            let warnings = |text: &str| {
                let mut parts: Vec<String> =
                    text.trim_start_matches("Warning: ").trim_end().split("; ").map(str::to_owned).collect();
                parts.sort();
                parts
            };
            let same = |one: &crate::rig::Outcome| (sorted(&one.stdout), warnings(&one.stderr), one.code);
            assert_eq!(same(&mine), same(&theirs), "{line}");
        }
        rig.call("kubectl uncordon practice-node-3").await;
    }
    let drained = rig.call("kubectl drain practice-node-3 --ignore-daemonsets --force --timeout=50s").await;
    assert_eq!(drained.code, 0, "{drained:?}");
    assert!(drained.stdout.ends_with("node/practice-node-3 drained\n"), "{drained:?}");
    let left = rig.call("kubectl get pods -A --field-selector spec.nodeName=practice-node-3 -o name").await;
    assert!(left.stdout.lines().all(|line| line.starts_with("pod/node-exporter-")), "{left:?}");
    let resting = rig.call("kubectl get node practice-node-3 -o jsonpath='{.spec.unschedulable}'").await;
    assert_eq!(resting.stdout, "true");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_is_reached_by_a_link() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let rig = rig().await;
    let (outcome, links) =
        rig.call_linking("kubectl port-forward svc/grafana 3000:3000 -n monitoring", "-> 3000").await;
    assert!(outcome.stdout.starts_with("Forwarding from http://portal.example/links/x -> 3000"), "{outcome:?}");
    let [(title, tunnel)] = &links[..] else { panic!("one link: {outcome:?}") };
    assert_eq!(title, "service/grafana:3000");
    for path in ["/", "/d/1?x=<y>"] {
        let mut connection = tunnel.connect().await.unwrap();
        connection.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("grafana-"), "{answer}");
        assert!(!answer.contains("<y>"), "{answer}");
    }
    for (line, why) in [
        ("kubectl port-forward svc/grafana 81 -n monitoring", "Service grafana does not have a service port 81"),
        ("kubectl port-forward svc/grafana -n monitoring", "TYPE/NAME and list of ports are required"),
        ("kubectl port-forward svc/grafana 3000 --address 0.0.0.0 -n monitoring", "--address is not permitted"),
        ("kubectl port-forward svc/grafana nope:99999 -n monitoring", "error parsing remote port '99999'"),
        ("kubectl port-forward nobody 80 -n monitoring", "pods \"nobody\" not found"),
    ] {
        let (refused, links) = rig.call_linking(line, "-> ").await;
        assert!(refused.stderr.contains(why) && links.is_empty(), "{line}: {refused:?}");
    }
}

#[tokio::test]
async fn somebody_talks_to_a_program_at_a_terminal() {
    let rig = Rig::start(Practice::builder()).await;
    let keys = |text: &str| TerminalInput::Typed(Bytes::copy_from_slice(text.as_bytes()));
    let size = || TerminalInput::Resized(TerminalSize::new(132, 43));
    let talk = async || {
        let inputs = vec![size(), keys("stty size\r"), keys("exit 3\r")];
        rig.call_talking("kubectl exec -it postgres-pod -- sh", inputs).await
    };
    let (mut talked, title) = talk().await;
    assert_eq!(title.as_deref(), Some("pods/postgres-pod: sh"));
    // Keys and sizes are streams of their own (the protocol has a channel for each): now and then the keys are faster.
    for _ in 0..20 {
        if talked.stdout.contains("43 132") {
            break;
        }
        talked = talk().await.0;
    }
    assert_eq!(talked.stdout, "/ $ stty size\r\n43 132\r\n/ $ exit 3\r\n");
    assert_eq!((talked.stderr.as_str(), talked.code), ("command terminated with exit code 3\n", 3));
    // Without -t, and where nobody gives it one, it has none.
    let (script, title) = rig.call_talking("kubectl exec -i postgres-pod -- sh", Vec::new()).await;
    assert_eq!((script.code, title), (0, None));
    let script = rig.call("kubectl exec -it postgres-pod -- sh").await;
    assert_eq!((script.code, script.stdout.as_str()), (0, ""));
    assert!(script.stderr.contains("Unable to use a TTY"));
}
