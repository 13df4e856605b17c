//! `helm` and `argocd`, from what the cluster itself holds.

use practice::Practice;

use crate::rig::Rig;

#[tokio::test(flavor = "multi_thread")]
async fn releases_are_read_and_not_written() {
    let rig = Rig::start(Practice::builder().speed(50.0)).await;
    let history = rig.call("helm history pms-platform -n pms").await;
    assert_eq!((history.code, history.stdout.lines().count()), (0, 4), "{history:?}");
    assert!(history.stdout.contains("\tsuperseded\tpms-platform-0.9.0\t"), "{history:?}");
    let values = rig.call("helm get values pms-platform -n pms").await;
    assert!(values.stdout.starts_with("USER-SUPPLIED VALUES:\nanalytics:\n"), "{values:?}");
    assert!(values.stdout.contains("tag: 1.5.2") && !values.stdout.contains("practice-only"), "{values:?}");
    let older = rig.call("helm get values pms-platform -n pms --revision 1 -o json").await;
    assert!(older.stdout.contains("\"tag\":\"1.3.0\""), "{older:?}");
    let listed = rig.call("helm list -A").await;
    assert_eq!(listed.stdout.matches("pms-platform\t").count(), 1, "{listed:?}");
    assert!(rig.call("helm status pms-platform -n pms").await.stdout.contains("STATUS: deployed\nREVISION: 3\n"));
    assert!(rig.call("helm get manifest pms-platform -n pms").await.stdout.contains("kind: ConfigMap"));
    let missing = rig.call("helm history nobody -n pms").await;
    assert_eq!((missing.code, missing.stderr.as_str()), (1, "Error: release: not found\n"));
    for line in [
        "helm rollback pms-platform 1 -n pms",
        "helm upgrade x y",
        "helm uninstall x",
        "helm list --kube-context other",
    ] {
        assert_eq!(rig.call(line).await.code, 126, "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_is_synced() {
    let mut rig = Rig::start(Practice::builder().speed(50.0)).await;
    let before = rig.call("argocd app get backstage-dev").await;
    assert!(before.stdout.contains("Sync Status:        OutOfSync (77ab0d3)"), "{before:?}");
    let synced = rig.call("argocd app sync backstage-dev --prune").await;
    assert_eq!(synced.code, 0, "{synced:?}");
    assert!(synced.stdout.contains("Phase:              Succeeded"), "{synced:?}");
    let again = rig.call("argocd app sync backstage-dev").await;
    assert_eq!(again.code, 0, "{again:?}");
    let history = rig.call("argocd app history backstage-dev").await;
    assert_eq!(history.stdout.lines().count(), 3, "{history:?}");
    let status = rig.call("kubectl get application backstage-dev -n argocd -o jsonpath='{.status.sync.status}'").await;
    assert_eq!(status.stdout, "Synced");
    assert_eq!(rig.call("argocd app list").await.stdout.lines().count(), 4);
    assert_eq!(rig.call("argocd app sync nobody").await.code, 1);
    for line in ["argocd app delete x", "argocd login x", "argocd app sync", "argocd app get x --server=y"] {
        assert_ne!(rig.call(line).await.code, 0, "{line}");
    }
    rig.only(&["default"]);
    assert_eq!(rig.call("argocd app sync backstage-dev").await.code, 126);
    assert_eq!(rig.call("helm history pms-platform -n pms").await.code, 126);
}
