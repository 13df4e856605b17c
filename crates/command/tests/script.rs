//! Statements stay whole, calls are found wherever they stand, and no text makes the reader panic.

use command::script::Item;
use command::{Effect, Script, classify, parameter};
use proptest::prelude::*;

fn statements(source: &str) -> Vec<String> {
    Script::parse(source).statements().map(|statement| statement.text.clone()).collect()
}

fn programs(source: &str) -> Vec<String> {
    Script::parse(source).reading().programs
}

#[test]
fn statements_stay_whole() {
    for whole in [
        "cat <<EOF | kubectl apply -f -\nname: <x>\n\n# not a comment\nEOF",
        "for s in a b; do\n  # inside\n  kubectl rollout restart deployment/$s\n\n  sleep 30\ndone",
        "aws rds describe-db-instances \\\n  --db-instance-identifier x \\\n  --query 'a[0]'",
        "psql -c \"SELECT a\n\n  FROM b;\n-- c\n\"",
        "kubectl get pods -w  # Wait for restart",
        "f() {\n  kubectl get\n}",
        "a | \\\n  b 2>/dev/null",
    ] {
        assert_eq!(statements(&format!("# lead\n{whole}\n\necho end")), [whole, "echo end"]);
    }
}

#[test]
fn comments_stand_by_themselves() {
    let script = Script::parse("# a\n\n# b\nls\n# c");
    let lines: Vec<_> = script
        .items
        .iter()
        .map(|item| match item {
            Item::Comment(comment) => format!("#{} {} {}", comment.text, comment.line, comment.after_blank),
            Item::Statement(statement) => format!("{} {} {}", statement.text, statement.line, statement.after_blank),
        })
        .collect();
    assert_eq!(lines, ["#a 0 false", "#b 2 true", "ls 3 false", "#c 4 false"]);
}

#[test]
fn text_that_is_not_bash_is_one_statement() {
    let script = Script::parse("echo (\nls\n");
    assert!(script.has_errors);
    assert_eq!(script.statements().count(), 1);
    assert_eq!(script.reading().effect, Effect::Change);
}

#[test]
fn calls_are_found_inside_other_calls() {
    for (source, expected) in [
        ("for s in a; do kubectl get $s | grep x; done", vec!["kubectl", "grep"]),
        ("kubectl get d -o name | xargs -I {} kubectl scale {} --replicas=5", vec!["kubectl", "xargs"]),
        ("watch kubectl get pods", vec!["watch", "kubectl"]),
        ("watch -n 10 \"aws sqs list-queues | jq .\"", vec!["watch", "aws", "jq"]),
        ("sudo -u x env A=b timeout -k 1 5 nohup kubectl get x", vec!["sudo", "env", "timeout", "nohup", "kubectl"]),
        ("time kubectl get", vec!["kubectl"]),
        ("bash -c 'helm list; bash -c \"git log\"'", vec!["bash", "helm", "git"]),
        ("kubectl exec $(kubectl get pods) -- curl localhost", vec!["kubectl"]),
        ("f() { kubectl get; }; f", vec!["kubectl"]),
        ("find . -name x -exec gzip {} \\;", vec!["find", "gzip"]),
        ("echo x; cd y; ./scripts/diagnose.sh", vec!["./scripts/diagnose.sh"]),
        ("/usr/bin/kubectl get x", vec!["kubectl"]),
    ] {
        assert_eq!(programs(source), expected, "{source}");
    }
}

#[test]
fn commands_that_never_end_follow() {
    for (source, follows) in [
        ("watch kubectl get pods", true),
        ("kubectl get pods -w", true),
        ("kubectl logs -f deployment/x", true),
        ("kubectl logs deployment/x -f | head -50", true),
        ("kubectl port-forward svc/x 1:1", true),
        ("kubectl rollout status deployment/x", false),
        ("redis-cli MONITOR", true),
        ("redis-cli INFO", false),
        ("top", true),
        ("top -b -n 1", false),
        ("iostat -x 1", true),
        ("iostat -x 1 5", false),
        ("tail -f x", true),
        ("timeout 5 tail -f x", false),
        ("docker stats", true),
        ("docker stats --no-stream", false),
        ("while true; do date; sleep 1; done", true),
        ("while read x; do echo $x; done", false),
    ] {
        assert_eq!(Script::parse(source).reading().follows, follows, "{source}");
    }
}

#[test]
fn effects_by_tool() {
    let (read, change, destroy) = (Effect::Read, Effect::Change, Effect::Destroy);
    for (source, effect) in [
        ("aws rds describe-db-instances --db-instance-identifier x", read),
        ("aws --region eu-west-1 acm list-certificates", read),
        ("aws logs filter-log-events --log-group-name x", read),
        ("aws cloudtrail lookup-events", read),
        ("aws sqs purge-queue --queue-url x", destroy),
        ("aws rds reboot-db-instance --db-instance-identifier x", destroy),
        ("aws rds modify-db-instance --db-instance-identifier x", change),
        ("aws s3 ls s3://x", read),
        ("aws s3 cp a s3://x", change),
        ("aws s3 cp s3://x/a .", read),
        ("aws s3 rm s3://x", destroy),
        ("psql -c 'ANALYZE;'", change),
        ("psql -h x -c \"SELECT 1\"", read),
        ("psql -c \"SELECT pg_terminate_backend(1)\"", destroy),
        ("psql $X < dump.sql", destroy),
        ("pg_dump $X | gzip > y.gz", read),
        ("redis-cli FLUSHDB", destroy),
        ("redis-cli --bigkeys", read),
        ("redis-cli -h x SLOWLOG GET 10", read),
        ("redis-cli SET a b", change),
        ("curl https://x/health", read),
        ("curl -I https://x", read),
        ("curl -sX POST https://x", change),
        ("curl -d x https://x", change),
        ("curl -X DELETE https://x", destroy),
        ("curl http://p:9090/api/v1/query --data-urlencode 'query=up'", read),
        ("curl -G https://x -d a=b", read),
        ("helm rollback x 1 -n y", change),
        ("helm history x", read),
        ("helm uninstall x", destroy),
        ("argocd app sync x", change),
        ("argocd app get x", read),
        ("docker build -t x .", change),
        ("docker stats", read),
        ("git status", read),
        ("git push --force", destroy),
        ("sleep 5; rm -rf x; echo", read),
        ("./scripts/diagnose.sh", change),
        ("npm run backup:db", change),
    ] {
        assert_eq!(Script::parse(source).reading().effect, effect, "{source}");
    }
}

#[test]
fn arguments_that_leave_the_environment_are_refused() {
    for call in [
        "aws --endpoint-url http://x s3 ls",
        "aws s3 ls --profile=x",
        "aws configure set x y",
        "curl -K x https://y",
        "curl -sKx https://y",
        "curl file:///etc/passwd",
        "curl -o /etc/x https://y",
        "helm list --kubeconfig x",
        "helm template x --post-renderer=y",
        "argocd app list --server x",
        "psql -c \\!id",
        "terraform apply",
    ] {
        let argv: Vec<String> = call.split(' ').map(str::to_owned).collect();
        assert!(classify(&argv).is_err(), "{call}");
    }
}

#[test]
fn actions_name_their_targets_without_secrets() {
    let target = |call: &str| {
        let argv: Vec<String> = call.split(' ').map(str::to_owned).collect();
        classify(&argv).unwrap().targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    };
    assert_eq!(
        target("aws rds create-db-snapshot --db-instance-identifier a --db-snapshot-identifier b"),
        "db-snapshot/b"
    );
    assert_eq!(target("aws sqs purge-queue --queue-url https://q/x"), "queue/https://q/x");
    assert_eq!(target("curl https://me:secret@x/y?token=z#f"), "url/https://x/y");
    assert_eq!(target("helm rollback r 1 -n y"), "release/r in y");
    assert_eq!(target("psql postgres://x/y -c select"), "database/y");
}

#[test]
fn parameters_are_what_the_procedure_leaves_open() {
    let found = |source: &str, assigned: &[&str]| -> Vec<String> {
        let assigned = assigned.iter().map(|&name| name.to_owned()).collect();
        parameter::in_script(source, &assigned).into_iter().map(|parameter| parameter.placeholder).collect()
    };
    assert_eq!(found("a --arn $ALB_ARN <x> ${WAF} $ALB_ARN # <not> $NOT", &[]), ["$ALB_ARN", "<x>", "$WAF"]);
    assert_eq!(found("a $HOME $RANDOM $svc ${X:-1} '$Y' $DONE", &["DONE"]), Vec::<String>::new());
    assert!(
        Script::assigned("A=1; export B=2; read C; for D in x; do :; done")
            .is_superset(&["A", "B", "C", "D"].map(str::to_owned).into())
    );
}

/// Found by chance: the grammar's scanner read outside of C's tables for characters beyond the first 256.
#[test]
fn characters_of_all_planes_are_words() {
    for character in ['é', '→', '\u{3000}', '\u{1f600}', '\u{e0100}', '\u{10ffff}'] {
        let source = format!("kubectl {character}a \"{character}\" <<< '{character}' # {character}");
        for _ in 0..50 {
            let script = Script::parse(&source);
            assert_eq!(script.reading().programs, ["kubectl"], "{source}");
        }
    }
}

proptest! {
    #[test]
    fn reading_never_panics(source in "\\PC{0,200}") {
        let script = Script::parse(&source);
        let _ = script.reading();
        let _ = parameter::in_script(&source, &Default::default());
    }

    #[test]
    fn shell_like_text_never_panics(source in "[-a-z<> \"'$(){}\\\\`|;&#\n=\\[\\]A-Z_!*é]{0,120}") {
        let script = Script::parse(&source);
        let _ = script.reading();
        for statement in script.statements() {
            prop_assert_eq!(&source[statement.range.clone()], &statement.text);
        }
        let tokens = command::token::tokens(&source);
        let joined: String = tokens.into_iter().map(|(range, _)| &source[range]).collect();
        prop_assert_eq!(joined, source);
    }
}

#[test]
fn hostile_nesting_is_bounded() {
    for (piece, times) in [
        ("$(", 20_000),
        ("{ ", 20_000),
        ("((", 20_000),
        ("\"$(", 10_000),
        ("<<A\n", 5_000),
        ("a|", 30_000),
        ("`", 20_000),
        ("if a; then ", 5_000),
    ] {
        let start = std::time::Instant::now();
        let _ = Script::parse(&piece.repeat(times)).reading();
        assert!(start.elapsed().as_secs() < 20, "{piece:?} took {:?}", start.elapsed());
    }
}

#[test]
fn what_a_text_does_not_show_may_be_anything() {
    let (read, change, destroy) = (Effect::Read, Effect::Change, Effect::Destroy);
    for (source, effect, opaque) in [
        ("kubectl get pods | awk '{print $1}'", read, false),
        ("awk -F'|' '{print \"a\", $2}' x", read, false),
        ("kubectl get pods -A | awk '/kube-system/'", read, false),
        ("kubectl get pods -A | awk '$3==\"Error\" || $3==\"Pending\" {print $1 \"|\" $2}'", read, false),
        ("awk -F\"|\" '/a|b/ {print $2}' x", read, false),
        ("trap - EXIT; trap -p; trap EXIT", read, false),
        ("watch 'kubectl get pods'", read, false),
        ("bash -c 'kubectl get pods'", read, false),
        ("bash --version", read, false),
        ("trap 'rm -f x' EXIT; kubectl get pods", read, false),
        // What can be looked into is.
        ("trap 'kubectl delete deploy/x' EXIT\nkubectl get pods", destroy, false),
        ("trap -- 'kubectl delete deploy/x' EXIT", destroy, false),
        ("eval kubectl delete deploy/x", destroy, false),
        // Also with values in them.
        ("aws s3 cp dump.gz \"s3://$BUCKET/x\"", change, false),
        ("psql \"$DB\" -c \"DELETE FROM s WHERE id=$ID\"", destroy, false),
        ("psql \"$DB\" -c \"SELECT pg_terminate_backend($PID)\"", destroy, false),
        ("kubectl exec \"$P\" -- sh -c \"rm -rf /data/$D\"", destroy, false),
        ("eval 'kubectl delete' deploy/x", destroy, false),
        // What cannot is a change at least.
        ("kubectl $VERB deploy/x", change, true),
        ("kubectl get --raw /metrics", change, false),
        ("python3 clean.py", change, true),
        ("bash scripts/clean.sh", change, true),
        ("./scripts/clean.sh", change, true),
        ("source ./env.sh", change, true),
        (". ./env.sh", change, true),
        ("bash <<'E'\nkubectl delete ns x\nE", change, true),
        ("bash -c \"$SCRIPT\"", change, true),
        ("eval \"$SCRIPT\"", change, true),
        ("trap \"$SCRIPT\" EXIT", change, true),
        ("K=kubectl; $K delete deploy/x", change, true),
        ("awk 'BEGIN { system(\"kubectl delete deploy/x\") }'", change, true),
        ("awk 'BEGIN { print | \"kubectl delete deploy/x\" }'", change, true),
        ("awk 'BEGIN { \"kubectl delete deploy/x\" | getline }'", change, true),
        ("awk 'BEGIN { system (\"kubectl delete deploy/x\") }'", change, true),
    ] {
        let reading = Script::parse(source).reading();
        assert_eq!((reading.effect, reading.opaque), (effect, opaque), "{source}");
    }
}
