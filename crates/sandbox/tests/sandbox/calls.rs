//! Calls of brokered programs: by loops, pipes, absolute paths, at once, and from the dead.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use operations::Exit;

use crate::fixture::place;

#[tokio::test]
async fn a_call_is_at_a_terminal_where_nothing_is_piped() {
    let Some(mut place) = place() else { return };
    let script = "kubectl where; (cd /tmp && kubectl where 2>/dev/null); kubectl where | cat; echo x | kubectl where
        kubectl where </workspace; echo \"$(kubectl where)\"; while read -r x; do kubectl where; done <<<x; kubectl where <&-";
    let outcome = place.run(script).await;
    let (terminal, script) = ("at a terminal\n", "in a script\n");
    let expected = [terminal, terminal, script, script, script, script, script, terminal].concat();
    assert_eq!(outcome.stdout, expected, "{}", outcome.stderr);
}

#[tokio::test]
async fn a_call_has_its_arguments_folder_streams_and_code() {
    let Some(mut place) = place() else { return };
    let end = place.run("mkdir -p a; cd a; kubectl echo 'b  c' '' \"d\ne\"; kubectl complain oops || echo $?").await;
    assert_eq!((end.exit, end.stdout.as_str(), end.stderr.as_str()), (Exit::Code(0), "b  c  d\ne\n1\n", "oops\n"));
    let call = &place.broker.whole_calls()[0];
    assert_eq!(call.argv, ["kubectl", "echo", "b  c", "", "d\ne"]);
    assert_eq!(call.directory, "/workspace/a");
}

#[tokio::test]
async fn every_way_to_a_brokered_program_is_the_brokers() {
    let Some(mut place) = place() else { return };
    let mut script =
        String::from("kubectl echo 1; env kubectl echo 2; bash -c 'kubectl echo 3'; echo 4 | xargs kubectl echo\n");
    let mut calls: Vec<String> = (1..=4).map(|number| format!("echo {number}")).collect();
    for folder in ["/usr/bin", "/bin", "/usr/local/bin"] {
        for name in ["kubectl", "psql", "curl"] {
            if std::path::Path::new(folder).join(name).exists() {
                writeln!(script, "{folder}/{name} echo there || true").unwrap();
                calls.push(if name == "kubectl" { "echo there".into() } else { format!("{name} echo there") });
            }
        }
    }
    let end = place.run(&script).await;
    assert_eq!(end.exit, Exit::Code(0), "{}", end.stderr);
    assert_eq!(place.broker.calls(), calls);
}

#[tokio::test]
async fn a_file_is_read_as_the_caller_sees_it() {
    let Some(mut place) = place() else { return };
    let script = "mkdir -p a; cd a; head -c 150000 /dev/zero > big; head -c 200001 /dev/zero > huge; touch empty
        echo x > /tmp/private; ln -s /tmp/private link
        kubectl files big empty link /tmp/private absent . huge big <(echo z) /etc/shadow";
    let end = place.run(script).await;
    assert_eq!(end.exit, Exit::Code(0), "{}", end.stderr);
    let lines: Vec<&str> = end.stdout.lines().collect();
    assert_eq!(lines[..3], ["150000 bytes, first Some(0)", "0 bytes, first None", "2 bytes, first Some(120)"]);
    assert_eq!(lines[3], "2 bytes, first Some(120)");
    assert_eq!(lines[4..6], ["absent: No such file or directory", ".: Is a directory"]);
    assert!(lines[6].starts_with("huge: it is larger than 200000 bytes"), "{}", lines[6]);
    assert_eq!(lines[7], "150000 bytes, first Some(0)", "the answers of one file are not taken for another's");
    assert!(lines.iter().any(|line| line.ends_with("first Some(122)")), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("/etc/shadow: No such file")), "{lines:?}");
}

#[tokio::test]
async fn an_unknown_program_is_told_to_the_broker() {
    let Some(mut place) = place() else { return };
    let end = place.run("helm list -A | cat; bash -c 'argocd app' || true; helm upgrade; echo never").await;
    assert_eq!((end.exit, end.stdout.as_str()), (Exit::Code(127), ""));
    assert_eq!(place.broker.calls(), ["helm list -A", "argocd app", "helm upgrade"]);
    assert_eq!(end.stderr.matches("`helm` is not available to this portal").count(), 2, "{}", end.stderr);
    let end = place.run("echo x | xargs helm || echo $?").await;
    assert_eq!(end.stdout, "127\n");
}

#[tokio::test]
async fn a_loop_keeps_its_lines() {
    let Some(mut place) = place() else { return };
    let end = place
        .run("printf 'a\\nb\\nc\\n' > list; while read -r line; do kubectl get $line; done < list; kubectl cat < list | tail -1")
        .await;
    assert_eq!((end.exit, end.stdout.as_str()), (Exit::Code(0), "c\n"));
    assert_eq!(place.broker.calls(), ["get a", "get b", "get c", "cat"]);
}

#[tokio::test]
async fn input_streams_both_ways() {
    let Some(mut place) = place() else { return };
    let end = place
        .run("head -c 5000000 /dev/zero | kubectl cat | wc -c; head -c 3000001 /dev/zero | kubectl count; kubectl cat <<< here")
        .await;
    assert_eq!((end.exit, end.stdout.as_str()), (Exit::Code(0), "5000000\n3000001\nhere\n"));
    let end = place.run("kubectl big 20000000 | wc -c").await;
    assert_eq!(end.stdout, "20000000\n");
}

#[tokio::test]
async fn a_closed_pipe_ends_the_call() {
    let Some(mut place) = place() else { return };
    let end = place.run("kubectl follow | head -1; echo ${PIPESTATUS[0]}; kubectl flood | head -c 3").await;
    assert_eq!((end.exit, end.stdout.as_str(), end.stderr.as_str()), (Exit::Code(0), "line\n141\nxxx", ""));
    assert_eq!(place.broker.ended(), 2);
}

#[tokio::test]
async fn a_killed_caller_ends_the_call() {
    let Some(mut place) = place() else { return };
    let end = place.run("timeout 0.2 kubectl follow || echo $?; kubectl follow > /dev/null & sleep 0.2; kill -9 $!; wait $! || echo $?").await;
    assert_eq!(end.stdout, "line\n124\n137\n");
    assert_eq!(place.broker.ended(), 2);
}

#[tokio::test]
async fn several_at_once() {
    let Some(mut place) = place() else { return };
    let end = place.run("seq 8 | xargs -P 8 -I{} kubectl meet 8").await;
    assert_eq!(end.exit, Exit::Code(0));
    assert_eq!(place.broker.most.load(Ordering::SeqCst), 8);
    let end =
        place.run("for i in $(seq 100); do kubectl echo $i & done | sort -n | md5sum; wait; seq 100 | md5sum").await;
    let sums: Vec<&str> = end.stdout.lines().collect();
    assert_eq!((sums.len(), sums[0]), (2, sums[1]));
    assert!(place.broker.most.load(Ordering::SeqCst) <= 64);
}

#[tokio::test]
async fn more_calls_than_the_cap_wait_in_line() {
    let Some(mut place) = place() else { return };
    // 64 calls that never end by themselves, and one more that only begins when one of them has.
    let script = "for i in $(seq 64); do kubectl follow & pids+=($!); done > lines
        until [ $(wc -l < lines) = 64 ]; do sleep 0.05; done
        kubectl echo last & last=$!; kill ${pids[0]}; wait $last";
    let end = place.run(script).await;
    assert_eq!((end.exit, end.stdout.as_str()), (Exit::Code(0), "last\n"), "{}", end.stderr);
    assert_eq!(place.broker.most.load(Ordering::SeqCst), 64);
    assert_eq!(place.broker.ended(), 64);
}

#[tokio::test]
async fn a_call_that_cannot_be_read_is_refused_plainly() {
    let Some(mut place) = place() else { return };
    let end = place
        .run("kubectl get $'\\xff' || echo $?; big=$(head -c 100000 /dev/zero | tr '\\0' x); kubectl get $big $big $big || echo $?")
        .await;
    assert_eq!(end.stdout, "64\n126\n");
    assert!(end.stderr.contains("UTF-8") && end.stderr.contains("too long"), "{}", end.stderr);
    assert_eq!(place.broker.calls().len(), 0);
}

#[tokio::test]
async fn a_broker_that_breaks_down_still_answers() {
    let Some(mut place) = place() else { return };
    let end = place.run("kubectl panic || echo $?; kubectl echo on").await;
    assert_eq!(end.stdout, "70\non\n");
    assert!(end.stderr.contains("the portal failed inside"), "{}", end.stderr);
}
