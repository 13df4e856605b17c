//! What is asked before a change, and what brings back what was there.

use serde_json::json;

use super::*;

fn argv(line: &str) -> Vec<String> {
    shlex::split(line).unwrap()
}

fn deployment(name: &str, replicas: u64, revision: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {
            "name": name, "namespace": "shop", "uid": name, "generation": 4,
            "annotations": {"deployment.kubernetes.io/revision": revision},
        },
        "spec": {"replicas": replicas, "template": {}}, "status": {"observedGeneration": 4},
    })
}

fn list(items: &[Value]) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

/// What brings a call back, given the answers to what it asks.
fn back(line: &str, answers: &[Value]) -> Vec<String> {
    let Some(mut change) = Change::of(&argv(line)) else { return vec!["none".to_owned()] };
    let mut answers = answers.iter();
    while let Some(asked) = change.ask() {
        assert_eq!(crate::classify(&asked).unwrap().effect, Effect::Read, "{asked:?}");
        change.hear(&answers.next().unwrap_or(&Value::Null).to_string());
    }
    change.back().iter().map(|call| call.join(" ")).collect()
}

#[test]
fn a_change_of_the_template_goes_back_to_the_revision_before() {
    let undo = "kubectl rollout undo deployment/web -n shop --to-revision=7";
    for line in [
        "kubectl rollout restart deployment/web -n shop",
        "kubectl rollout undo deployment web -n shop --to-revision=2",
        "kubectl set image deployment/web web=web:2 -n shop",
        "kubectl set env deploy/web -n shop MODE=slow",
        "kubectl set resources deployment web -n shop --limits=cpu=1",
        r#"kubectl patch deployment web -n shop -p '{"spec":{"template":{"metadata":{"labels":{"a":"b"}}}}}'"#,
    ] {
        assert_eq!(back(line, &[deployment("web", 3, "7")]), [undo], "{line}");
    }
}

#[test]
fn what_is_asked_is_what_the_call_names() {
    let asked = |line: &str| Change::of(&argv(line)).and_then(|change| change.ask()).unwrap().join(" ");
    assert_eq!(
        asked("kubectl scale deployment/a sts/b --replicas=2 -n shop"),
        "kubectl get deployment/a sts/b --namespace=shop --output=json"
    );
    assert_eq!(
        asked("kubectl rollout restart deployment -l 'app in (a, b)' -n shop"),
        "kubectl get deployment --selector=app in (a, b) --namespace=shop --output=json"
    );
    assert_eq!(asked("kubectl cordon node-1 node-2"), "kubectl get nodes node-1 node-2 --output=json");
}

#[test]
fn several_objects_go_back_each_to_its_own() {
    let both = list(&[deployment("a", 2, "3"), deployment("b", 4, "9")]);
    assert_eq!(
        back("kubectl scale deployment a b --replicas=4 -n shop", std::slice::from_ref(&both)),
        ["kubectl scale deployment/a -n shop --replicas=2"],
        "b is as it is wanted"
    );
    assert_eq!(back("kubectl rollout restart deployment -n shop", &[both]).len(), 2);
}

#[test]
fn a_stateful_set_keeps_its_revisions_beside_it() {
    let mut set = deployment("db", 3, "1");
    set["kind"] = json!("StatefulSet");
    let revision = |owner: &str, number: u64| json!({"metadata": {"ownerReferences": [{"uid": owner, "controller": true}]}, "revision": number});
    let kept = list(&[revision("db", 2), revision("db", 5), revision("other", 9)]);
    let line = "kubectl rollout restart statefulset/db -n shop";
    assert_eq!(back(line, &[set.clone(), kept]), ["kubectl rollout undo statefulset/db -n shop --to-revision=5"]);
    assert_eq!(back(line, &[set, list(&[])]), Vec::<String>::new());
}

#[test]
fn switches_go_back() {
    let mut paused = deployment("web", 3, "7");
    paused["spec"]["paused"] = json!(true);
    let running = deployment("web", 3, "7");
    assert_eq!(
        back("kubectl rollout pause deployment/web -n shop", &[running]),
        ["kubectl rollout resume deployment/web -n shop"]
    );
    assert_eq!(
        back("kubectl rollout resume deployment/web -n shop", std::slice::from_ref(&paused)),
        ["kubectl rollout pause deployment/web -n shop"]
    );
    assert_eq!(back("kubectl set image deployment/web web=web:2 -n shop", &[paused]), Vec::<String>::new());
    let node = |closed: bool| json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}, "spec": {"unschedulable": closed}});
    assert_eq!(back("kubectl cordon node-1", &[node(false)]), ["kubectl uncordon node-1"]);
    assert_eq!(back("kubectl uncordon node-1", &[node(true)]), ["kubectl cordon node-1"]);
    assert_eq!(back("kubectl cordon node-1", &[node(true)]), Vec::<String>::new());
}

#[test]
fn what_is_not_brought_back_whole_is_not_offered() {
    let job = json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "c", "namespace": "shop"}});
    let both = list(&[deployment("web", 3, "7"), job]);
    assert_eq!(back("kubectl set image deployment/web cronjob/c '*=web:2' -n shop", &[both]), Vec::<String>::new());
    let mut behind = deployment("web", 3, "7");
    behind["metadata"]["generation"] = json!(5);
    let restart = "kubectl rollout restart deployment/web -n shop";
    assert_eq!(back(restart, &[behind]), Vec::<String>::new(), "which revision runs is not certain");
    let mut forgets = deployment("web", 3, "7");
    forgets["spec"]["revisionHistoryLimit"] = json!(0);
    assert_eq!(back(restart, &[forgets]), Vec::<String>::new());
    let many: Vec<Value> = (0..30).map(|index| deployment(&format!("d{index}"), 1, "1")).collect();
    assert_eq!(back("kubectl rollout restart deployment -n shop", &[list(&many)]), Vec::<String>::new());
    for line in [
        "kubectl get pods",
        "kubectl delete deployment web",
        "kubectl scale deployment web --replicas=3 --dry-run=server",
        "kubectl scale deployment --replicas=3",
        "kubectl apply -f web.yaml",
        "kubectl autoscale deployment web --max=3",
        "kubectl label pod web a=b",
        r#"kubectl patch deployment web -p '{"spec":{"replicas":3},"metadata":{"labels":{"a":"b"}}}'"#,
        r#"kubectl patch deployment web --type=json -p '[{"op":"replace","path":"/spec/strategy/type","value":"Recreate"}]'"#,
        "kubectl rollout restart 'deployment/$(x)'",
        "helm rollback shop 3",
        "echo",
    ] {
        assert_eq!(back(line, &[]), ["none"], "{line}");
    }
}

#[test]
fn nothing_of_the_answer_becomes_an_option_or_syntax() {
    for name in ["--all", "a b", "$(reboot)", "a\nb", ""] {
        let line = "kubectl scale deployment web --replicas=9 -n shop";
        assert_eq!(back(line, &[deployment(name, 1, "1")]), Vec::<String>::new(), "{name:?}");
    }
    assert_eq!(back("kubectl scale deployment web --replicas=9", &[json!("no object")]), Vec::<String>::new());
}

#[test]
fn the_first_state_counts_and_the_last_change_goes_back_first() {
    let calls = |lines: &[&str]| lines.iter().map(|line| argv(line)).collect::<Vec<_>>();
    let text = |lines: &[&str]| script(&together(&calls(lines)));
    let (three, none) =
        ("kubectl scale deployment/a -n shop --replicas=3", "kubectl scale deployment/a -n shop --replicas=0");
    assert_eq!(text(&[three, none]).as_deref(), Some(three), "down and up again is no second interruption");
    let undo = "kubectl rollout undo deployment/a -n shop --to-revision=4";
    assert_eq!(text(&[three, undo]), Some(format!("set -e\n{undo}\n{three}")));
    assert_eq!(text(&["kubectl uncordon n", "kubectl cordon n"]), None, "it is as it was");
    assert_eq!(text(&["kubectl uncordon n"]).as_deref(), Some("kubectl uncordon n"));
    assert_eq!(text(&[]), None);
    let hostile = vec![vec!["kubectl".to_owned(), "--$(x)=1".to_owned(), "a;b".to_owned()]];
    assert_eq!(script(&hostile).as_deref(), Some("kubectl '--$(x)=1' 'a;b'"));
}

#[test]
fn what_a_call_brings_back_can_be_told() {
    let brought = Brought::by(&argv("kubectl rollout undo deployment/a -n shop --to-revision=4")).unwrap();
    assert_eq!((brought.kind.as_str(), brought.name.as_str()), ("deployment", "a"));
    assert_eq!((brought.revision.as_deref(), brought.replicas), (Some("4"), None));
    let scaled = Brought::by(&argv("kubectl scale deployment/a -n shop --replicas=3")).unwrap();
    assert_eq!((scaled.namespace.as_str(), scaled.replicas.as_deref()), ("shop", Some("3")));
    assert_eq!(Brought::by(&argv("kubectl uncordon n")), None);
}
