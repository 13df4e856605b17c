//! The grammar, call by call.

use super::*;
use crate::Effect;

fn argv(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

fn refused(line: &str) -> Refusal {
    parse(&argv(line)).expect_err(line)
}

#[test]
fn every_verb_has_an_effect_and_targets() {
    for (line, verb, effect, targets) in [
        ("kubectl get pods", "get", Effect::Read, "pod"),
        ("kubectl -n prod get po web-1", "get", Effect::Read, "pod/web-1 in prod"),
        ("kubectl get deploy/web svc/web -nprod", "get", Effect::Read, "deployment/web in prod,service/web in prod"),
        ("kubectl get pods,svc -l app=web", "get", Effect::Read, "pod (app=web),service (app=web)"),
        ("kubectl get pods,svc web", "get", Effect::Read, "pod/web,service/web"),
        ("kubectl get prometheusrules -n m", "get", Effect::Read, "prometheusrule in m"),
        ("kubectl describe pod web-1", "describe", Effect::Read, "pod/web-1"),
        ("kubectl top pods -l app=web", "top pods", Effect::Read, "pod (app=web)"),
        ("kubectl top po web-1", "top pods", Effect::Read, "pod/web-1"),
        ("kubectl top nodes", "top nodes", Effect::Read, "node"),
        ("kubectl logs web-1 -c app", "logs", Effect::Read, "pod/web-1"),
        ("kubectl logs -f deployment/web -n=prod", "logs", Effect::Read, "deployment/web in prod"),
        ("kubectl logs -l app=web", "logs", Effect::Read, "pod (app=web)"),
        ("kubectl scale deployment web --replicas=3", "scale", Effect::Change, "deployment/web"),
        ("kubectl scale --replicas 0 deployment/web", "scale", Effect::Destroy, "deployment/web"),
        ("kubectl scale --replicas 0 deployment/web --dry-run=server", "scale", Effect::Read, "deployment/web"),
        ("kubectl rollout restart deployment -n prod", "rollout restart", Effect::Change, "deployment in prod"),
        ("kubectl rollout -n prod status deploy/web", "rollout status", Effect::Read, "deployment/web in prod"),
        ("kubectl rollout history deploy web", "rollout history", Effect::Read, "deployment/web"),
        ("kubectl rollout undo deploy/web --to-revision=2", "rollout undo", Effect::Change, "deployment/web"),
        ("kubectl rollout undo deploy/web --dry-run=client", "rollout undo", Effect::Read, "deployment/web"),
        ("kubectl delete pod a b", "delete", Effect::Destroy, "pod/a,pod/b"),
        ("kubectl delete pod a --dry-run=none", "delete", Effect::Destroy, "pod/a"),
        ("kubectl drain node-1 --ignore-daemonsets", "drain", Effect::Destroy, "node/node-1"),
        ("kubectl cordon node-1", "cordon", Effect::Change, "node/node-1"),
        ("kubectl edit hpa web-hpa", "edit", Effect::Change, "hpa/web-hpa"),
        ("kubectl replace -f pod.yaml", "replace", Effect::Change, "file/pod.yaml"),
        ("kubectl delete -f pod.yaml", "delete", Effect::Destroy, "file/pod.yaml"),
        ("kubectl apply -f -", "apply", Effect::Change, "file/-"),
        ("kubectl apply --dry-run=server -f a.yaml", "apply", Effect::Read, "file/a.yaml"),
        ("kubectl diff -f a.yaml", "diff", Effect::Read, "file/a.yaml"),
        ("kubectl set image deployment/web app=web:2", "set image", Effect::Change, "deployment/web"),
        ("kubectl set env deployment/web DEBUG=1 -n p", "set env", Effect::Change, "deployment/web in p"),
        ("kubectl set env deployment/web --list", "set env", Effect::Read, "deployment/web"),
        ("kubectl set resources deployment web --limits=cpu=1", "set resources", Effect::Change, "deployment/web"),
        ("kubectl label pod web-1 tier=front --overwrite", "label", Effect::Change, "pod/web-1"),
        ("kubectl annotate pod web-1 note-", "annotate", Effect::Change, "pod/web-1"),
        ("kubectl taint nodes node-1 a=b:NoExecute", "taint", Effect::Destroy, "node/node-1"),
        ("kubectl patch deploy web -p {}", "patch", Effect::Change, "deployment/web"),
        ("kubectl create secret generic web --from-literal=a=b", "create secret generic", Effect::Change, "secret/web"),
        ("kubectl create deployment web --image=web:1", "create deployment", Effect::Change, "deployment/web"),
        ("kubectl exec -it web-1 -- psql -U me -c x", "exec", Effect::Change, "pod/web-1"),
        ("kubectl exec -i deploy/web -- sh", "exec", Effect::Change, "deployment/web"),
        ("kubectl run dns --image=busybox --rm -it -- nslookup x", "run", Effect::Change, "pod/dns"),
        ("kubectl port-forward svc/web 80:80", "port-forward", Effect::Change, "service/web"),
        ("kubectl auth can-i delete pods", "auth can-i", Effect::Read, "pod"),
        ("kubectl version --client", "version", Effect::Read, ""),
        ("kubectl api-resources", "api-resources", Effect::Read, ""),
        ("kubectl wait --for=condition=ready pod -l app=web", "wait", Effect::Read, "pod (app=web)"),
    ] {
        let action = action(&argv(line)).expect(line);
        assert_eq!(action.verb, verb, "{line}");
        assert_eq!(action.effect, effect, "{line}");
        let said: Vec<_> = action.targets.iter().map(ToString::to_string).collect();
        assert_eq!(said.join(","), targets, "{line}");
    }
}

#[test]
fn a_program_inside_a_pod_reaches_as_far_as_it_does_anywhere() {
    let of = |words: &[&str]| {
        let call: Vec<String> =
            ["kubectl", "exec", "-i", "p", "--"].iter().chain(words).map(|w| (*w).to_owned()).collect();
        action(&call).expect("understood").effect
    };
    for (words, effect) in [
        (&["cat", "/etc/hosts"][..], Effect::Read),
        (&["env"], Effect::Read),
        (&["env", "A=b", "rm", "x"], Effect::Destroy),
        (&["df", "-h"], Effect::Read),
        (&["find", "/app/logs", "-type", "f"], Effect::Read),
        (&["find", "/app/logs", "-type", "f", "-delete"], Effect::Destroy),
        (&["/bin/rm", "-rf", "/tmp/x"], Effect::Destroy),
        (&["redis-cli", "FLUSHDB"], Effect::Destroy),
        (&["redis-cli", "info"], Effect::Read),
        (&["psql", "-c", "SELECT 1"], Effect::Read),
        (&["psql", "-c", "DELETE FROM users"], Effect::Destroy),
        (&["psql", "-U", "me", "db"], Effect::Destroy),
        (&["curl", "-s", "localhost:8080/health"], Effect::Read),
        (&["curl", "-X", "POST", "localhost:8080/x"], Effect::Change),
        (&["wget", "-qO-", "http://web/health"], Effect::Read),
        (&["wget", "http://web/file"], Effect::Change),
        (&["rabbitmqctl", "list_queues"], Effect::Read),
        (&["rabbitmqctl", "purge_queue", "x"], Effect::Destroy),
        (&["sh", "-c", "ls /tmp && cat /etc/hosts"], Effect::Read),
        (&["sh", "-c", "cat x > y"], Effect::Change),
        (&["sh", "-c", "ls; rm -rf /data"], Effect::Destroy),
        (&["sh"], Effect::Change),
        (&["node", "-e", "x"], Effect::Change),
        (&["jstack", "1"], Effect::Read),
        (&["jmap", "-dump:format=b,file=/tmp/x", "1"], Effect::Change),
        (&["kubectl", "get", "pods"], Effect::Change),
    ] {
        assert_eq!(of(words), effect, "{words:?}");
    }
    assert!(action(&argv("kubectl exec p -- tail -f /var/log/x")).expect("understood").follows);
    assert_eq!(action(&argv("kubectl run x --image=y -- rm z")).expect("understood").effect, Effect::Destroy);
    assert_eq!(
        action(&argv("kubectl run x --image=y --dry-run=client -- cat")).expect("understood").effect,
        Effect::Read
    );
}

#[test]
fn what_is_not_performed_is_refused_with_a_reason() {
    for line in [
        "kubectl apply -k overlays/x",
        "kubectl apply -f x --prune",
        "kubectl replace --force -f x",
        "kubectl set env deployment/web --resolve --list",
        "kubectl run x --image=y --overrides={}",
        "kubectl auth can-i --list",
        "kubectl edit deployment/web --output-patch",
    ] {
        assert_eq!(refused(line).exit_code, 126, "{line}");
    }
}

#[test]
fn what_never_ends_follows() {
    for (line, follows) in [
        ("kubectl get pods -w", true),
        ("kubectl get pods --watch=false", false),
        ("kubectl get hpa --watch-only", true),
        ("kubectl logs -f web", true),
        ("kubectl logs web", false),
        ("kubectl logs -fp web", true),
        ("kubectl rollout status deploy/web", false),
        ("kubectl port-forward pod/web 80", true),
    ] {
        assert_eq!(action(&argv(line)).expect(line).follows, follows, "{line}");
    }
}

#[test]
fn unknown_arguments_are_kubectls_own_errors() {
    for (line, reason) in [
        ("kubectl get pods --foo", "error: unknown flag: --foo\nSee 'kubectl get --help' for usage."),
        ("kubectl get pods --foo=1", "error: unknown flag: --foo\nSee 'kubectl get --help' for usage."),
        ("kubectl get pods -Z", "error: unknown shorthand flag: 'Z' in -Z\nSee 'kubectl get --help' for usage."),
        ("kubectl get pods -wZ", "error: unknown shorthand flag: 'Z' in -Z\nSee 'kubectl get --help' for usage."),
        ("kubectl get pods -n", "error: flag needs an argument: 'n' in -n\nSee 'kubectl get --help' for usage."),
        (
            "kubectl get pods --namespace",
            "error: flag needs an argument: --namespace\nSee 'kubectl get --help' for usage.",
        ),
        (
            "kubectl get pods --watch=maybe",
            "error: invalid argument \"maybe\" for \"-w, --watch\" flag: strconv.ParseBool: parsing \"maybe\": invalid \
             syntax\nSee 'kubectl get --help' for usage.",
        ),
        (
            "kubectl scale deploy x --replicas=abc",
            "error: invalid argument \"abc\" for \"--replicas\" flag: strconv.ParseInt: parsing \"abc\": invalid \
             syntax\nSee 'kubectl scale --help' for usage.",
        ),
        (
            "kubectl logs x --since=5",
            "error: invalid argument \"5\" for \"--since\" flag: time: missing unit in duration \"5\"\nSee 'kubectl logs \
             --help' for usage.",
        ),
        ("kubectl get pods ---x", "error: bad flag syntax: ---x\nSee 'kubectl get --help' for usage."),
        ("kubectl foo", "error: unknown command \"foo\" for \"kubectl\""),
        ("kubectl rollout foo", "error: unknown command \"foo\"\nSee 'kubectl rollout -h' for help and examples"),
        ("kubectl scale deploy x", "error: required flag(s) \"replicas\" not set"),
        ("kubectl rollout restart", "error: required resource not specified"),
        ("kubectl delete", selection::NOTHING_NAMED),
        (
            "kubectl delete pod x --dry-run=foo",
            "error: Invalid dry-run value (foo). Must be \"none\", \"server\", or \"client\".",
        ),
        ("kubectl top pods --sort-by=disk", "error: --sort-by accepts only cpu or memory"),
        ("kubectl get a/b/c", "error: arguments in resource/name form may not have more than one slash"),
    ] {
        let refusal = refused(line);
        assert_eq!(refusal.reason, reason, "{line}");
        assert_eq!(refusal.exit_code, 1, "{line}");
    }
}

#[test]
fn what_leaves_the_environment_is_refused() {
    for line in [
        "kubectl get pods --server=https://elsewhere",
        "kubectl -s https://elsewhere get pods",
        "kubectl get pods -shttps://elsewhere",
        "kubectl get pods --kubeconfig /tmp/mine",
        "kubectl --kubeconfig=/tmp/mine get pods",
        "kubectl get pods --token abc",
        "kubectl get pods --as=admin",
        "kubectl get pods --as-group=system:masters",
        "kubectl get pods --as-uid=1",
        "kubectl get pods --user=admin",
        "kubectl get pods --cluster=other",
        "kubectl get pods --certificate-authority=ca",
        "kubectl get pods --client-key=k",
        "kubectl get pods --client-certificate=c",
        "kubectl get pods --insecure-skip-tls-verify",
        "kubectl get pods --tls-server-name=x",
        "kubectl get pods --username=x",
        "kubectl get pods --password=x",
        "kubectl get pods --cache-dir=/tmp",
        "kubectl get pods --profile=cpu",
        "kubectl get pods --profile-output=/etc/x",
        "kubectl get --raw /api/v1/secrets",
        "kubectl delete --raw=/api/v1/namespaces/x",
        "kubectl logs web --insecure-skip-tls-verify-backend",
        "kubectl apply -f https://elsewhere/x.yaml",
        "kubectl apply -k git@elsewhere:x",
        "kubectl get pods -o jsonpath-file=/etc/passwd",
        "kubectl get pods -o go-template-file=/etc/passwd",
        "kubectl get pods -o custom-columns-file=/etc/passwd",
        "kubectl get pods -o go-template={{.x}}",
        "kubectl proxy",
        "kubectl -n x config view",
        "kubectl config view --raw",
        "kubectl plugin list",
        "kubectl cp a:/x y",
        "kubectl edit -f web.yaml",
        "kubectl edit deploy/web --subresource=status",
        "kubectl edit deploy/web -o json",
        "kubectl create -f x.yaml --edit",
        "kubectl apply edit-last-applied deploy/x",
        "kubectl delete pod x -i",
        "kubectl get pods --help",
        "kubectl kustomize --enable-helm .",
    ] {
        assert_eq!(refused(line).exit_code, 126, "{line}");
    }
}

#[test]
fn a_verbs_own_argument_of_the_same_name_is_its_own() {
    for line in
        ["kubectl create rolebinding x --role=r --user=me", "kubectl debug web --profile=general --image=busybox"]
    {
        parse(&argv(line)).expect(line);
    }
}

#[test]
fn arguments_after_two_dashes_are_the_commands() {
    let call = parse(&argv("kubectl exec web -n prod -- sh --server=x --token y")).expect("permitted");
    assert_eq!(call.namespace.as_deref(), Some("prod"));
    assert_eq!(call.action.targets[0].name.as_deref(), Some("web"));
}

#[test]
fn logs_defaults_are_kubectls() {
    let logs = |line: &str| match parse(&argv(line)).expect(line).command {
        Command::Logs(logs) => logs,
        other => panic!("{other:?}"),
    };
    assert_eq!(logs("kubectl logs -l app=web").tail, Some(10));
    assert_eq!(logs("kubectl logs -l app=web --tail=-1").tail, None);
    assert_eq!(logs("kubectl logs web").tail, None);
    assert_eq!(logs("kubectl logs web --tail 5").tail, Some(5));
    assert_eq!(logs("kubectl logs web --since=1m30s").since_seconds, Some(90));
    assert_eq!(logs("kubectl logs web app").container.as_deref(), Some("app"));
    assert!(logs("kubectl logs web --all-containers").all_containers);
    assert!(!logs("kubectl logs web --all-containers=false").all_containers);
}

#[test]
fn a_deletion_knows_its_grace() {
    let grace = |line: &str| match parse(&argv(line)).expect(line).command {
        Command::Delete(delete) => (delete.grace_seconds, delete.force, delete.wait),
        other => panic!("{other:?}"),
    };
    assert_eq!(grace("kubectl delete pod a"), (None, false, true));
    assert_eq!(grace("kubectl delete pod a --now"), (Some(1), false, true));
    assert_eq!(grace("kubectl delete pod a --grace-period=0"), (Some(1), false, true));
    assert_eq!(grace("kubectl delete pod a --grace-period=0 --force"), (Some(0), true, true));
    assert_eq!(grace("kubectl delete pod a --force --wait=false"), (Some(0), true, false));
}

#[test]
fn outputs_are_told_apart() {
    let output = |line: &str| match parse(&argv(line)).expect(line).command {
        Command::Get(get) => get.output,
        other => panic!("{other:?}"),
    };
    assert_eq!(output("kubectl get pods"), Output::Table);
    assert_eq!(output("kubectl get pods -owide"), Output::Wide);
    assert_eq!(output("kubectl get pods -o=json"), Output::Json);
    assert_eq!(output("kubectl get pods -o jsonpath={.items[0]}"), Output::JsonPath("{.items[0]}".into()));
    assert_eq!(
        output("kubectl get pods -o custom-columns=N:.metadata.name"),
        Output::CustomColumns("N:.metadata.name".into())
    );
    assert!(refused("kubectl get pods -o table").reason.contains("allowed formats are: custom-columns,"));
}

/// Found by attack: a short call that names millions, and patches that reach further than a change.
#[test]
fn a_call_names_only_so_much_and_a_patch_is_read() {
    let many = |count: usize| vec!["p"; count];
    let line = format!("kubectl get {} {}", many(100).join(","), many(100).join(" "));
    assert!(refused(&line).reason.contains("more than 1000 objects"));
    assert!(parse(&argv(&format!("kubectl get pod {}", many(900).join(" ")))).is_ok());
    let effect = |patch: &str| {
        let call = ["kubectl", "patch", "deployment", "web", "-p", patch].map(str::to_owned);
        parse(&call).expect(patch).action.effect
    };
    for patch in [
        r#"{"spec":{"replicas":0}}"#,
        r#"{"metadata":{"finalizers":null}}"#,
        r#"{"metadata":{"finalizers":[]}}"#,
        r#"[{"op":"remove","path":"/spec/template"}]"#,
        r#"[{"op":"replace","path":"/spec/replicas","value":0}]"#,
        r#"{"spec":{"template":{"spec":{"nodeSelector":null}}}}"#,
        "spec: {replicas: 0}",
    ] {
        assert_eq!(effect(patch), Effect::Destroy, "{patch}");
    }
    for patch in [
        r#"{"spec":{"replicas":3}}"#,
        r#"[{"op":"add","path":"/spec/template/spec/containers/0/env/-","value":{"name":"A","value":"0"}}]"#,
    ] {
        assert_eq!(effect(patch), Effect::Change, "{patch}");
    }
}

proptest::proptest! {
    #[test]
    fn no_call_makes_the_grammar_panic(words in proptest::collection::vec("[-a-z=/,.:]{0,12}", 0..6)) {
        let mut call = vec!["kubectl".to_owned()];
        call.extend(words);
        let _ = parse(&call);
        call.insert(1, "get".to_owned());
        let _ = parse(&call);
        call[1] = "set".to_owned();
        let _ = parse(&call);
    }
}
