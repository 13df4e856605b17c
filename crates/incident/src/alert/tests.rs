use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::tests::read;

const SHOP: &str = "# Shop\n\n## Trouble\n\n### High Error Rate\n\n**Symptoms:**\n- Alert: ShopErrors\n- Customers see failed payments\n\n\
    **Fix:**\n```bash\nkubectl rollout undo deployment/shop -n web\n```\n\n### P2: Slow database (> 1 s)\n\n1. Look\n\n\
    ### Memory Issues\n\n**Signs**: OOMKilled pods\n\n```bash\nkubectl delete pod <oom-killed-pod> -n web\n```\n\n\
    ### Rules\n\n```yaml\n- alert: HighErrorRate\n  expr: 1\n```\n";

fn alert(name: &str, labels: &[(&str, &str)], annotations: &[(&str, &str)]) -> Alert {
    let owned =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Alert { name: name.to_owned(), labels: owned(labels), annotations: owned(annotations) }
}

static RUNBOOK: LazyLock<Runbook> = LazyLock::new(|| read(SHOP));

fn told(alert: &Alert) -> Vec<String> {
    procedures([&*RUNBOOK], alert).iter().map(|one| format!("{}: {}", one.procedure, one.reasons.join("; "))).collect()
}

#[test]
fn a_link_names_a_section() {
    for link in [
        "https://wiki.example.com/x/sample.md#memory-issues",
        "https://portal.example.com/runbooks/sample/memory-issues",
        "https://portal.example.com/runbooks/SAMPLE/?a=b#Memory-Issues",
        "sample.md#user-content-memory%2Dissues",
    ] {
        assert_eq!(
            told(&alert("X", &[], &[("runbook_url", link)])),
            ["memory-issues: its runbook_url names this section"],
            "{link}"
        );
    }
    let above = alert("OutOfMemory", &[], &[("runbook_url", "https://x/sample#trouble")]);
    assert_eq!(
        told(&above)[0],
        "memory-issues: its runbook_url names the section above; the heading says “Memory”; the symptoms speak of oom"
    );
    let only = alert("OutOfMemory", &[], &[("runbook_url", "https://x/sample.md")]);
    assert_eq!(
        told(&only)[0],
        "memory-issues: the heading says “Memory”; the symptoms speak of oom; its runbook_url names this runbook"
    );
    for hostile in ["", "#", "://", "https://", "%", "%zz#%", "https://x/%ff%fe/\u{0}#é", "/////#////"] {
        assert!(told(&alert("X", &[], &[("runbook_url", hostile)])).is_empty(), "{hostile}");
    }
}

#[test]
fn a_name_finds_symptoms_rules_and_headings() {
    assert_eq!(
        told(&alert("ShopErrors", &[], &[])),
        ["high-error-rate: the symptoms name the alert ShopErrors; the heading says “Error”"]
    );
    assert_eq!(
        told(&alert("HighErrorRate", &[], &[])),
        [
            "high-error-rate: the heading says “High Error Rate”; the symptoms speak of errors",
            "rules: a rule for the alert HighErrorRate stands in it"
        ]
    );
    assert_eq!(told(&alert("DatabaseSlow", &[], &[])), ["p2-slow-database: the heading says “Slow database”"]);
    assert!(told(&alert("HighRequestCount", &[], &[])).is_empty(), "such words say too little");
    assert!(told(&alert("", &[], &[])).is_empty());
}

#[test]
fn symptoms_share_words_and_labels_add() {
    let spoken = alert(
        "Shop001",
        &[("namespace", "web"), ("pod", "shop-1"), ("service", "sample")],
        &[("summary", "Payments failing, customers angry, alert")],
    );
    assert_eq!(
        told(&spoken),
        ["high-error-rate: the symptoms speak of shop, customers and payments; its commands act on deployment shop; \
          its commands act in namespace web; the runbook is about sample"]
    );
    assert!(told(&alert("X", &[("namespace", "web"), ("deployment", "shop")], &[])).is_empty(), "where is not what");
}

#[test]
fn labels_bring_values() {
    let runbook = read(
        "## Go\n\n```bash\nkubectl delete pod <pod-name> -n $NAMESPACE\nkubectl logs <postgres-pod> -c <container>\nkubectl cordon <node>\n\
         ping <host>\ncurl http://<rds-endpoint>/ <region> <ip>\nredis-cli -a <password> <token>\nkubectl delete pod <oom-killed-pod>\n\
         aws sqs purge-queue --queue-url <queue-url>\nkubectl get deployment <deployment>\n```\n",
    );
    let procedure = &runbook.procedures[0];
    let given = |labels: &[(&str, &str)]| {
        let found = prefill(procedure, &alert("", labels, &[]).labels);
        found.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
    };
    assert_eq!(
        given(&[
            ("pod", "web-1"),
            ("namespace", "shop"),
            ("container", "Not A Name"),
            ("instance", "10.0.0.3:9090"),
            ("region", "eu-west-1"),
            ("password", "x"),
            ("token", "x"),
            ("queue", "orders"),
            ("deployment", "-n"),
        ]),
        [
            "NAMESPACE=shop",
            "host=10.0.0.3",
            "ip=10.0.0.3",
            "oom-killed-pod=web-1",
            "pod-name=web-1",
            "region=eu-west-1",
        ]
    );
    assert_eq!(
        given(&[
            ("pod", "postgres-0"),
            ("instance", "node-a.example.com:9100"),
            ("queue", "https://sqs/1/q"),
            ("container", "db"),
            ("rds_endpoint", "db:5432")
        ]),
        [
            "container=db",
            "host=node-a.example.com",
            "node=node-a.example.com",
            "oom-killed-pod=postgres-0",
            "pod-name=postgres-0",
            "postgres-pod=postgres-0",
            "queue-url=https://sqs/1/q",
            "rds-endpoint=db:5432",
        ]
    );
    assert!(given(&[("pod", "a\nb"), ("namespace", ""), ("instance", "[::1]:9090")]).contains(&"ip=::1".to_owned()));
}

proptest! {
    #[test]
    fn any_alert_is_looked_for(name in r"(?s).{0,20}", link in r"(?s)(.|/|#|%|%[0-9a-f]{2}|sample|\.md|://|é){0,30}", text in r"(?s).{0,60}") {
        let runbook = &*RUNBOOK;
        let alert = alert(&name, &[("pod", &text), ("instance", &link), ("namespace", &name)], &[("runbook_url", &link), ("summary", &text)]);
        prop_assert!(procedures([runbook, runbook], &alert).len() <= MOST);
        for value in prefill(&runbook.procedures[2], &alert.labels).values() {
            prop_assert!(!value.contains(['\n', '\r']));
        }
    }
}
