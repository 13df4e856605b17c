//! Live status on the practice cluster.

use std::time::Duration;

use command::ParameterKind;
use kubernetes::{Live, Names};
use operations::{CardState, LiveStatus, Namespaces, Snapshot, Suggester, Wanted};
use practice::Practice;
use tokio::sync::watch;

use crate::rig::Rig;

async fn until(receiver: &mut watch::Receiver<Snapshot>, what: impl FnMut(&Snapshot) -> bool) -> Snapshot {
    let found = tokio::time::timeout(Duration::from_secs(40), receiver.wait_for(what)).await;
    found.expect("in time").expect("the watch goes on").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_moves_as_the_cluster_moves() {
    let rig = Rig::start(Practice::builder().speed(50.0)).await;
    let live = Live::new(rig.clusters.clone());
    let mut receiver = live.follow(&rig.environment, "backstage").await;
    let card = |snapshot: &Snapshot| snapshot.workloads.iter().find(|card| card.name == "backstage").cloned();
    until(&mut receiver, |snapshot| card(snapshot).is_some_and(|card| card.ready > 0 && !card.pods.is_empty())).await;
    rig.call("kubectl scale deployment/backstage -n backstage --replicas=5").await;
    let moved = until(&mut receiver, |snapshot| card(snapshot).is_some_and(|card| card.ready == 5)).await;
    assert_eq!(moved.state, CardState::Fresh);
    let card = card(&moved).expect("there");
    assert_eq!(card.desired, 5);
    assert!(card.pods.iter().filter(|pod| pod.ready && pod.newest).count() >= 5, "{card:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_who_look_share_one_watch_and_the_last_ends_it() {
    let rig = Rig::start(Practice::builder().speed(50.0)).await;
    let live = Live::new(rig.clusters.clone());
    let mut receivers = Vec::new();
    for _ in 0..20 {
        receivers.push(live.clone().follow(&rig.environment, "backstage").await);
    }
    assert_eq!(live.watched().await, 1);
    until(&mut receivers[7], |snapshot| snapshot.state == CardState::Fresh).await;
    drop(receivers);
    tokio::time::timeout(Duration::from_secs(20), async {
        while live.watched().await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("the watch ends soon after the last who looked");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_seen_is_said() {
    let mut rig = Rig::start(Practice::builder().speed(50.0).forbid("list", "pods", "backstage")).await;
    let live = Live::new(rig.clusters.clone());
    let mut receiver = live.follow(&rig.environment, "backstage").await;
    until(&mut receiver, |snapshot| matches!(&snapshot.state, CardState::Forbidden(why) if why.contains("forbidden")))
        .await;
    let mut other = live.follow(&rig.environment, "default").await;
    until(&mut other, |snapshot| snapshot.state == CardState::Fresh).await;
    rig.practice.take().expect("running").shutdown().await;
    until(&mut other, |snapshot| matches!(snapshot.state, CardState::Stale(_))).await;
    let mut third = Live::new(rig.clusters.clone()).follow(&rig.environment, "default").await;
    until(&mut third, |snapshot| matches!(snapshot.state, CardState::Unreachable(_))).await;
    rig.only(&["default"]);
    let hidden = live.follow(&rig.environment, "kube-system").await;
    assert!(matches!(hidden.borrow().state, CardState::Forbidden(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_suggested_where_the_environment_may_look() {
    let rig = Rig::start(Practice::builder().speed(50.0)).await;
    let names = Names::new(rig.clusters.clone());
    let wanted = |kind, namespace: &str| Wanted {
        name: "x".to_owned(),
        kind,
        namespace: Some(namespace.to_owned()),
        selector: None,
    };
    let pods = names.suggest(&rig.environment, &wanted(ParameterKind::Pod, "fintech-banking")).await;
    assert!(pods.iter().any(|pod| pod.value.starts_with("auth-service-") && pod.about.contains("Running")), "{pods:?}");
    let selected =
        Wanted { selector: Some("app=auth-service".to_owned()), ..wanted(ParameterKind::Pod, "fintech-banking") };
    let selected = names.suggest(&rig.environment, &selected).await;
    assert!(selected.len() == 3 && selected.iter().all(|pod| pod.value.starts_with("auth-service-")), "{selected:?}");
    assert!(!names.suggest(&rig.environment, &wanted(ParameterKind::Node, "")).await.is_empty());
    assert!(names.suggest(&rig.environment, &wanted(ParameterKind::Queue, "")).await.is_empty());

    let mut limited = rig.environment.clone();
    limited.kubernetes.as_mut().expect("there").namespaces = Namespaces::Only(vec!["pms".to_owned()]);
    assert!(names.suggest(&limited, &wanted(ParameterKind::Pod, "fintech-banking")).await.is_empty());
    assert!(names.suggest(&limited, &wanted(ParameterKind::Node, "")).await.is_empty());
    assert!(!names.suggest(&limited, &wanted(ParameterKind::Pod, "pms")).await.is_empty());
}
