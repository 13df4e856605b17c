//! What a runbook's script may rely on.

use operations::Exit;

use crate::fixture::place;

#[tokio::test]
async fn output_and_exit_code_are_bashs() {
    let Some(mut place) = place() else { return };
    let end = place.run("echo out; echo err >&2; exit 7").await;
    assert_eq!((end.exit, end.stdout.as_str(), end.stderr.as_str()), (Exit::Code(7), "out\n", "err\n"));
    let end = place.run("").await;
    assert_eq!((end.exit, end.stdout.as_str(), end.stderr.as_str()), (Exit::Code(0), "", ""));
}

#[tokio::test]
async fn the_first_failing_command_ends_it() {
    let Some(mut place) = place() else { return };
    let end = place.run("echo a\nfalse\necho b").await;
    assert_eq!((end.exit, end.stdout.as_str()), (Exit::Code(1), "a\n"));
    let end = place.run("kubectl exit 3\nkubectl echo never").await;
    assert_eq!(end.exit, Exit::Code(3));
    assert_eq!(place.broker.calls(), ["exit 3"]);
    let end = place.run("if false; then :; fi; false || echo b; yes | head -1; echo ${PIPESTATUS[0]}").await;
    assert_eq!((end.exit, end.stdout.as_str(), end.stderr.as_str()), (Exit::Code(0), "b\ny\n141\n", ""));
    let end = place.run("echo 'never ends").await;
    assert_ne!(end.exit, Exit::Code(0));
    assert!(end.stderr.contains("unexpected EOF"), "{}", end.stderr);
}

#[tokio::test]
async fn standard_input_is_empty() {
    let Some(mut place) = place() else { return };
    let end = place.run("cat; kubectl cat; read -r line || echo none").await;
    assert_eq!((end.exit, end.stdout.as_str()), (Exit::Code(0), "none\n"));
}

#[tokio::test]
async fn values_reach_bash_as_data() {
    let Some(mut place) = place() else { return };
    let value = "$(id) `id` ; exit 9 \" ' \\ \n*";
    place.request.variables = [("POD".to_owned(), value.to_owned())].into();
    let end = place.run("printf %s \"$POD\"").await;
    assert_eq!((end.exit, end.stdout.as_str()), (Exit::Code(0), value));
}

#[tokio::test]
async fn exported_variables_come_back() {
    let Some(mut place) = place() else { return };
    place.request.variables = [("GIVEN".to_owned(), "x".to_owned())].into();
    let all = place.run("export A='1\n2' B=; C=3; export PATH=/evil LD_PRELOAD=evil BASH_ENV=evil; cd /tmp").await;
    assert_eq!(all.exit, Exit::Code(0));
    let expected = [("A", "1\n2"), ("B", ""), ("GIVEN", "x")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(all.exported, expected.into());

    for script in [
        "export A=1; false",
        "export A=1; exit 4",
        "export A=1; trap 'echo bye; exit 5' EXIT",
        "trap 'echo bye' EXIT INT; trap - EXIT; export A=1",
        "(trap 'echo inner' EXIT); export A=1; export GIVEN=",
    ] {
        let end = place.run(script).await;
        assert_eq!(end.exported.get("A").map(String::as_str), Some("1"), "{script}: {}", end.stderr);
    }
    let end = place.run("trap 'echo bye $?' EXIT; exit 6").await;
    assert_eq!((end.exit, end.stdout.as_str()), (Exit::Code(6), "bye 6\n"));
    let end = place.run("(trap 'echo inner' EXIT); echo outer").await;
    assert_eq!(end.stdout, "inner\nouter\n");
    // Without a word, what was there stays.
    let end = place.run("export A=1; exec true").await;
    assert_eq!(end.exported, [("GIVEN".to_owned(), "x".to_owned())].into());
    let end = place.run("export A=$(head -c 100000 /dev/zero | tr '\\0' x)").await;
    assert_eq!(end.exported, [("GIVEN".to_owned(), "x".to_owned())].into());
    assert!(end.stderr.contains("larger than 64 KiB"), "{}", end.stderr);
}

#[tokio::test]
async fn steps_of_a_run_share_the_workspace() {
    let Some(mut place) = place() else { return };
    assert_eq!(place.run("pwd; umask; echo kept > file; mkdir folder; echo x > /tmp/gone").await.exit, Exit::Code(0));
    let end = place.run("cat file; ls /tmp; ls ~").await;
    assert_eq!(end.stdout, "kept\nfile\nfolder\n");
    let run = place.request.run;
    operations::Executor::remove_workspace(&place.sandbox, run).await.unwrap();
    assert_eq!(place.run("ls").await.stdout, "");
}

#[tokio::test]
async fn watch_prints_without_a_terminal() {
    let Some(mut place) = place() else { return };
    for program in ["watch", "/usr/bin/watch"] {
        let script = format!("{program} -e -n 0.1 -d 'kubectl echo round; test $((++n)) -gt 1' || echo code $?");
        let end = place.run(&script).await;
        assert!(end.stdout.starts_with("Every 0.1s: kubectl echo round; test"), "{}{}", end.stdout, end.stderr);
        assert!(end.stdout.ends_with("round\ncode 1\n"), "{}", end.stdout);
    }
    let end = place.run("watch -tgx --interval=0.1 -- date +%N").await;
    assert_eq!(end.exit, Exit::Code(0));
    assert!(end.stdout.lines().filter(|line| line.len() == 9).count() >= 2, "{}", end.stdout);
    assert_eq!(place.run("watch -n x true").await.exit, Exit::Code(1));
}

#[tokio::test]
async fn ordinary_programs_are_there() {
    let Some(mut place) = place() else { return };
    let end = place
        .run("echo b a | tr ' ' '\\n' | sort | head -1; date +%Y >/dev/null; id -un; hostname 2>/dev/null || cat /proc/sys/kernel/hostname; echo x | tee /dev/stderr; ls /etc/ssl/certs >/dev/null")
        .await;
    assert_eq!(
        (end.exit, end.stdout.as_str(), end.stderr.as_str()),
        (Exit::Code(0), "a\nrunbook\nrunbook\nx\n", "x\n")
    );
}
