//! Calls as runbooks make them.

use practice::Practice;

use crate::rig::Rig;

async fn rig() -> Rig {
    Rig::start(Practice::builder().speed(50.0)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_are_listed() {
    let rig = rig().await;
    let listed = rig.call("kubectl get pods -n backstage").await;
    assert_eq!((listed.code, listed.stderr.as_str()), (0, ""));
    assert!(listed.stdout.starts_with("NAME "), "{}", listed.stdout);
    assert!(listed.stdout.lines().count() > 1, "{}", listed.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_is_followed_to_its_end() {
    let rig = rig().await;
    let restarted = rig.call("kubectl rollout restart deployment/backstage -n backstage").await;
    assert_eq!(restarted.stdout, "deployment.apps/backstage restarted\n", "{restarted:?}");
    let status = rig.call("kubectl rollout status deployment/backstage -n backstage --timeout=50s").await;
    assert!(status.stdout.ends_with("deployment \"backstage\" successfully rolled out\n"), "{status:?}");
    assert_eq!(status.code, 0);
    let history = rig.call("kubectl rollout history deployment/backstage -n backstage").await;
    assert!(history.stdout.contains("REVISION  CHANGE-CAUSE\n"), "{history:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_ends_with_its_caller() {
    let rig = rig().await;
    let watched = rig.call_until("kubectl get pods -n backstage -w", Some("backstage-")).await;
    assert_eq!(watched.code, 141);
    assert!(watched.stdout.starts_with("NAME "), "{watched:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_sees_what_changes() {
    let rig = rig().await;
    rig.call("kubectl rollout status deployment/backstage -n backstage --timeout=50s").await;
    let (watched, scaled) = tokio::join!(
        rig.call_until("kubectl get deployment backstage -n backstage -w", Some("/7 ")),
        rig.call("kubectl scale deployment backstage -n backstage --replicas=7"),
    );
    assert_eq!(scaled.stdout, "deployment.apps/backstage scaled\n");
    assert!(watched.stdout.contains("/7 "), "{watched:?}");
    assert_eq!(watched.stdout.matches("NAME ").count(), 1, "{watched:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_followed_until_the_caller_goes() {
    let rig = rig().await;
    rig.call("kubectl rollout status deployment/backstage -n backstage --timeout=50s").await;
    let all = rig.call("kubectl logs -l app=backstage -n backstage --prefix").await;
    assert_eq!(all.code, 0, "{all:?}");
    assert!(all.stdout.lines().all(|line| line.starts_with("[pod/backstage-")), "{all:?}");
    let followed = rig.call_until("kubectl logs -f deployment/backstage -n backstage --tail=5", Some("\n")).await;
    assert_eq!(followed.code, 141, "{followed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_pod_is_gone_when_the_call_returns() {
    let rig = rig().await;
    rig.call("kubectl rollout status deployment/backstage -n backstage --timeout=50s").await;
    let name = rig.call("kubectl get pods -n backstage -l app=backstage -o jsonpath='{.items[0].metadata.name}'").await;
    let deleted = rig.call(&format!("kubectl delete pod {} -n backstage", name.stdout)).await;
    assert_eq!(deleted.stdout, format!("pod \"{}\" deleted\n", name.stdout), "{deleted:?}");
    let gone = rig.call(&format!("kubectl get pod {} -n backstage", name.stdout)).await;
    assert_eq!(gone.code, 1, "{gone:?}");
    assert!(gone.stderr.contains("(NotFound)"), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_value_leaves_the_adapter() {
    let rig = rig().await;
    const MASK: &str = "aGlkZGVuIGJ5IHJ1bmJvb2stcG9ydGFs";
    let all = rig.call("kubectl get secrets -A -o json").await;
    let all: serde_json::Value = serde_json::from_str(&all.stdout).expect("JSON");
    let secrets = all["items"].as_array().expect("a list");
    let values: Vec<_> = secrets.iter().flat_map(|secret| secret["data"].as_object().into_iter().flatten()).collect();
    assert!(!values.is_empty(), "the seed has secrets");
    // A certificate is public, and the only thing that is shown.
    let certificate = |name: &str, value: &serde_json::Value| {
        let encoded = value.as_str().is_some_and(|text| text.starts_with("LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"));
        name == "tls.crt" && encoded
    };
    assert!(values.iter().all(|(name, value)| *value == MASK || certificate(name, value)), "{values:?}");
    for format in ["yaml", "jsonpath='{..data}'", "custom-columns=D:.data"] {
        let shown = rig.call(&format!("kubectl get secrets -A -o {format}")).await;
        assert_eq!(shown.code, 0, "{shown:?}");
        assert!(shown.stdout.contains(MASK), "{shown:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_keeps_to_its_namespaces() {
    let mut rig = rig().await;
    rig.only(&["backstage", "default"]);
    assert_eq!(rig.call("kubectl get pods -n backstage").await.code, 0);
    for line in [
        "kubectl get pods -n kube-system",
        "kubectl get pods -A",
        "kubectl get nodes",
        "kubectl get namespace backstage",
        "kubectl top nodes",
        "kubectl cordon node-1",
        "kubectl --context=other get pods",
        "kubectl get pods --server=http://127.0.0.1:1",
        "kubectl port-forward svc/web 80 -n kube-system",
        "kubectl edit deployment/backstage -n kube-system",
        "kubectl describe nodes",
        "kubectl drain practice-node-1",
        "kubectl exec -n kube-system x -- true",
        "kubectl run x -n kube-system --image=busybox",
    ] {
        let refused = rig.call(line).await;
        assert_eq!(refused.code, 126, "{line}: {refused:?}");
        assert_eq!(refused.stdout, "", "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_cluster_forbids_is_said() {
    let rig = Rig::start(Practice::builder().speed(50.0).forbid("list", "pods", "backstage")).await;
    let refused = rig.call("kubectl get pods -n backstage").await;
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.starts_with("Error from server (Forbidden): pods is forbidden"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_away_is_said_without_its_key() {
    let mut rig = rig().await;
    let practice = rig.practice.take().expect("running");
    let token = practice.token().to_owned();
    practice.shutdown().await;
    let gone = rig.call("kubectl get pods").await;
    assert_eq!(gone.code, 1);
    assert!(gone.stderr.contains("did you specify the right host or port?"), "{gone:?}");
    assert!(!gone.stderr.contains(&token), "{gone:?}");
}
