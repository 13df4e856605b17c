//! What is asked before a change, and what brings it back: against the practice cluster.

use command::undo::Change;
use practice::Practice;

use crate::rig::{Rig, words};

async fn rig() -> Rig {
    let rig = Rig::start(Practice::builder().speed(50.0)).await;
    rolled_out(&rig).await;
    rig
}

async fn rolled_out(rig: &Rig) {
    let status = rig.call("kubectl rollout status deployment/backstage -n backstage --timeout=50s").await;
    assert_eq!(status.code, 0, "{status:?}");
}

/// Makes a change, after what is asked before it; the calls that bring back what was there.
async fn changed(rig: &Rig, line: &str) -> Vec<String> {
    let mut change = Change::of(&words(line)).expect("it can be changed back");
    while let Some(asked) = change.ask() {
        let answer = rig.call(&asked.join(" ")).await;
        assert_eq!(answer.code, 0, "{asked:?}: {answer:?}");
        change.hear(&answer.stdout);
    }
    let done = rig.call(line).await;
    assert_eq!(done.code, 0, "{line}: {done:?}");
    change.back().iter().map(|call| call.join(" ")).collect()
}

async fn back(rig: &Rig, calls: &[String]) {
    assert!(!calls.is_empty(), "nothing brings it back");
    for call in calls {
        let done = rig.call(call).await;
        assert_eq!(done.code, 0, "{call}: {done:?}");
    }
}

async fn seen(rig: &Rig, kind: &str, path: &str) -> String {
    rig.call(&format!("kubectl get {kind} -n backstage -o jsonpath='{{{path}}}'")).await.stdout
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scale_goes_back_to_the_number_before() {
    let rig = rig().await;
    rig.call("kubectl scale deployment backstage --replicas=3 -n backstage").await;
    let calls = changed(&rig, "kubectl scale deployment backstage --replicas=5 -n backstage").await;
    assert_eq!(calls, ["kubectl scale deployment/backstage -n backstage --replicas=3"]);
    assert_eq!(seen(&rig, "deployment backstage", ".spec.replicas").await, "5");
    back(&rig, &calls).await;
    assert_eq!(seen(&rig, "deployment backstage", ".spec.replicas").await, "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_goes_back_to_the_one_before() {
    let rig = rig().await;
    let image = ".spec.template.spec.containers[0].image";
    let before = seen(&rig, "deployment backstage", image).await;
    let calls = changed(&rig, "kubectl set image deployment/backstage '*=backstage:broken' -n backstage").await;
    assert_eq!(seen(&rig, "deployment backstage", image).await, "backstage:broken");
    back(&rig, &calls).await;
    assert_eq!(seen(&rig, "deployment backstage", image).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_and_an_undo_go_back_and_forth() {
    let rig = rig().await;
    let restarted = ".spec.template.metadata.annotations.kubectl\\.kubernetes\\.io/restartedAt";
    let calls = changed(&rig, "kubectl rollout restart deployment/backstage -n backstage").await;
    rolled_out(&rig).await;
    let at = seen(&rig, "deployment backstage", restarted).await;
    assert!(!at.is_empty());
    let again = changed(&rig, &calls[0]).await;
    assert_eq!(seen(&rig, "deployment backstage", restarted).await, "");
    rolled_out(&rig).await;
    back(&rig, &again).await;
    assert_eq!(seen(&rig, "deployment backstage", restarted).await, at, "rolling back can be rolled back");
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_and_rollouts_are_let_go_again() {
    let rig = rig().await;
    for (line, kind, path) in [
        ("kubectl cordon practice-node-1", "node practice-node-1", ".spec.unschedulable"),
        ("kubectl rollout pause deployment/backstage -n backstage", "deployment backstage", ".spec.paused"),
    ] {
        let calls = changed(&rig, line).await;
        assert_eq!(seen(&rig, kind, path).await, "true");
        back(&rig, &calls).await;
        assert_ne!(seen(&rig, kind, path).await, "true");
    }
}
