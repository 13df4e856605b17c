//! What a script cannot reach.

use std::fs;
use std::os::unix::fs::symlink;

use operations::{Executor, Exit, RunId};
use sandbox::Sandbox;

use crate::fixture::{place, shim};

#[tokio::test]
async fn there_is_no_network() {
    let Some(mut place) = place() else { return };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let end = place
        .run(&format!(
            "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '; (: < /dev/tcp/127.0.0.1/{port}) && echo reached"
        ))
        .await;
    assert_eq!(end.stdout, "lo\n");
    assert_ne!(end.exit, Exit::Code(0));
}

#[tokio::test]
async fn the_portals_environment_is_not_inside() {
    let Some(mut place) = place() else { return };
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some(), "a variable of this process to look for");
    let end = place.run("env; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n' || true").await;
    let own: Vec<&str> = sandbox::inside::ENVIRONMENT.iter().map(|(name, _)| *name).collect();
    for line in end.stdout.lines() {
        let name = line.split('=').next().unwrap();
        assert!(own.contains(&name) || ["PWD", "OLDPWD", "SHLVL", "_"].contains(&name), "{line}");
    }
    assert!(end.stdout.contains("HOME=/workspace"));
}

#[tokio::test]
async fn only_the_system_can_be_read() {
    let Some(mut place) = place() else { return };
    let other = RunId::new();
    let run = std::mem::replace(&mut place.request.run, other);
    place.run("echo secret > secret").await;
    place.request.run = run;
    let folder = place.folder().display().to_string();
    let secret = place.folder().join("workspaces").join(other.to_string()).join("secret");
    assert!(secret.exists());
    let script = format!(
        "ls /; for path in /home /root /etc/shadow /var/lib /srv /opt /sys /run/runbook/../secrets /proc/1/root/home {folder} {}; do
            if cat $path >/dev/null 2>&1 || ls $path >/dev/null 2>&1; then echo \"read $path\"; fi; done; ls /etc",
        secret.display()
    );
    let end = place.run(&script).await;
    assert_eq!(end.exit, Exit::Code(0), "{}", end.stderr);
    assert!(!end.stdout.contains("read "), "{}", end.stdout);
    assert!(end.stdout.contains("usr\n") && end.stdout.contains("passwd\n") && !end.stdout.contains("shadow"));
    let shown: usize = end.stdout.lines().count();
    assert!(shown < 40, "{}", end.stdout);
}

#[tokio::test]
async fn nothing_but_the_workspace_and_tmp_can_be_written() {
    let Some(mut place) = place() else { return };
    let end = place
        .run("for path in / /usr /usr/bin /etc /dev /run /run/runbook /run/runbook/bin /proc/sys/kernel /var /bin; do
            (: > $path/new) 2>/dev/null && echo \"wrote $path\"; done
            (: >> /usr/bin/env) 2>/dev/null && echo wrote
            for path in /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname /proc/sys/vm/overcommit_memory /proc/sysrq-trigger; do
                # Opened and closed again, nothing is written: this is the machine's if the sandbox fails.
                (: >> $path) 2>/dev/null && echo \"opened $path\"; done
            (: >> /run/runbook/runbook-shim) 2>/dev/null && echo shim
            for path in /tmp /dev/shm /workspace; do (: > $path/new) && echo $path; done")
        .await;
    assert_eq!(end.stdout, "/tmp\n/dev/shm\n/workspace\n", "{}", end.stderr);
}

#[tokio::test]
async fn a_script_has_no_power_and_gains_none() {
    let Some(mut place) = place() else { return };
    let end = place
        .run("grep -E '^Cap(Prm|Eff|Amb)|NoNewPrivs' /proc/self/status; test $(id -u) -ne 0; umount /usr 2>/dev/null && echo umounted
            mount -t tmpfs x /tmp 2>/dev/null && echo mounted
            kill -9 1 2>/dev/null || true; ls /proc/1 >/dev/null && echo alive
            if unshare -Urmn true 2>/dev/null; then unshare -Urm sh -c 'umount /run/runbook; umount /usr/bin/kubectl; umount /proc; ls /run/runbook/bin' | wc -l; fi")
        .await;
    for line in end.stdout.lines().filter(|line| line.starts_with("Cap")) {
        assert!(line.ends_with("0000000000000000"), "{line}");
    }
    assert!(end.stdout.contains("NoNewPrivs:\t1\n") && end.stdout.contains("alive\n"), "{}{}", end.stdout, end.stderr);
    assert!(!end.stdout.contains("mounted") && !end.stdout.ends_with("\n0\n"), "{}", end.stdout);
}

#[tokio::test]
async fn a_workspace_that_is_a_link_is_not_used() {
    let Some(place) = place() else { return };
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("kept"), "x").unwrap();
    let workspace = place.folder().join("workspaces").join(place.request.run.to_string());
    symlink(outside.path(), &workspace).unwrap();
    let refused = place
        .sandbox
        .execute(place.request.clone(), place.broker.clone(), place.sink.clone(), place.stop.clone())
        .await;
    assert!(refused.is_err());
    place.sandbox.remove_workspace(place.request.run).await.unwrap();
    assert!(outside.path().join("kept").exists() && fs::symlink_metadata(&workspace).is_err());
}

#[tokio::test]
async fn links_out_of_the_workspace_lead_nowhere() {
    let Some(mut place) = place() else { return };
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("kept"), "x").unwrap();
    let end =
        place.run(&format!("ln -s {} out; cat out/kept 2>/dev/null || echo nothing", outside.path().display())).await;
    assert_eq!(end.stdout, "nothing\n");
    place.sandbox.remove_workspace(place.request.run).await.unwrap();
    assert!(outside.path().join("kept").exists());
}

#[tokio::test]
async fn without_the_shim_nothing_runs_and_it_says_so() {
    let Some(place) = place() else { return };
    let folder = tempfile::tempdir().unwrap();
    let broken = Sandbox::new(folder.path().to_owned(), folder.path().join("absent"));
    let reason = broken.available().unwrap_err();
    assert!(reason.contains("runbook-shim"), "{reason}");
    let refused =
        broken.execute(place.request.clone(), place.broker.clone(), place.sink.clone(), place.stop.clone()).await;
    assert!(matches!(refused, Err(operations::ExecutorError::Unavailable(_))));
    // A file that is no program does not pass the trial either.
    let text = folder.path().join("text");
    fs::write(&text, "no program").unwrap();
    assert!(Sandbox::new(folder.path().to_owned(), text).available().unwrap_err().contains("bubblewrap does not work"));
    assert!(Sandbox::new(folder.path().to_owned(), shim()).available().is_ok());
}

#[tokio::test]
async fn a_name_that_is_a_path_is_refused() {
    let Some(mut place) = place() else { return };
    place.request.brokered = vec!["../../x".into()];
    let refused = place
        .sandbox
        .execute(place.request.clone(), place.broker.clone(), place.sink.clone(), place.stop.clone())
        .await;
    assert!(matches!(refused, Err(operations::ExecutorError::Start(_))));
}

/// Found by attack: namespaces of one's own, and memory that no limit counts.
#[tokio::test]
async fn the_kernels_side_doors_are_shut() {
    let Some(mut place) = place() else { return };
    let end = place.run("unshare --user --map-root-user true; unshare --net true; echo done").await;
    assert_ne!(end.exit, Exit::Code(0));
    let end = place.run("unshare --user true || unshare --mount true || echo refused").await;
    assert_eq!(end.stdout, "refused\n", "{}", end.stderr);
    if !cfg!(target_arch = "x86_64") || !std::path::Path::new("/usr/bin/perl").exists() {
        println!("skipped: no perl to make system calls by number");
        return;
    }
    // memfd_create, shmget, io_uring_setup, clone(CLONE_NEWUSER | SIGCHLD), clone3: the numbers of x86_64.
    let calls = "for my $call ([319, 'x', 0], [29, 0, 4096, 0], [425, 1, 0], [56, 0x10000000 | 17, 0], [435, 0, 0]) {
        my ($number, @arguments) = @$call; my $got = syscall($number, @arguments);
        print $got == -1 ? 'refused ' . ($! + 0) : 'open', \"\\n\"; }";
    let end = place.run(&format!("/usr/bin/perl -e '{}'", calls.replace('\'', "'\\''"))).await;
    assert_eq!(end.stdout, "refused 1\nrefused 1\nrefused 1\nrefused 1\nrefused 38\n", "{}", end.stderr);
    let end =
        place.run("(echo a | tr a b) & wait; cat <<< c; timeout 1 echo d; seq 3 | xargs -P 3 -n 1 echo | sort").await;
    assert_eq!((end.exit, end.stdout.as_str()), (Exit::Code(0), "b\nc\nd\n1\n2\n3\n"), "{}", end.stderr);
}
