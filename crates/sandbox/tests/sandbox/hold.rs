//! A portal that is killed leaves nothing behind. Its part is played by a shell, which is killed as hard as can be.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::fixture::{processes, shim, unique_seconds};

const PATIENCE: Duration = Duration::from_secs(10);

/// A portal that holds a program, `$1` and what follows.
fn portal(program: &[&str]) -> Child {
    let mut command = Command::new("/bin/bash");
    command.args(["-c", r#"shim=$1; shift; "$shim" --hold $$ "$@" & wait"#, "portal"]).arg(shim()).args(program);
    command.stdin(Stdio::null()).spawn().unwrap()
}

fn until(what: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !what() {
        assert!(Instant::now() < deadline, "not in time");
        std::thread::yield_now();
    }
}

fn kill(portal: &mut Child) {
    portal.kill().unwrap();
    portal.wait().unwrap();
}

#[test]
fn what_a_killed_portal_held_is_ended_also_what_has_lost_its_parent() {
    let seconds = unique_seconds();
    let script = r#"(setsid sleep "$0" &); sleep "$0" & exec sleep "$0""#;
    let mut portal = portal(&["/bin/bash", "-c", script, &seconds]);
    // The portal and its holder name it, too.
    until(|| processes(&seconds) == 5);
    kill(&mut portal);
    until(|| processes(&seconds) == 0);
}

#[test]
fn a_portal_that_is_killed_while_bubblewrap_starts_leaves_nothing() {
    if !Path::new("/usr/bin/bwrap").exists() {
        println!("skipped: no bubblewrap");
        return;
    }
    let seconds = unique_seconds();
    let sandbox = ["/usr/bin/bwrap", "--die-with-parent", "--unshare-pid", "--ro-bind", "/", "/", "sleep", &seconds];
    for round in 0..30 {
        let mut portal = portal(&sandbox);
        std::thread::sleep(Duration::from_micros(round * 300));
        kill(&mut portal);
        until(|| processes(&seconds) == 0);
    }
}

#[test]
fn for_a_portal_that_has_ended_nothing_is_started() {
    let output = Command::new(shim()).args(["--hold", "1", "/bin/echo", "started"]).output().unwrap();
    assert_eq!(output.status.code(), Some(126));
    assert!(output.stdout.is_empty() && String::from_utf8_lossy(&output.stderr).contains("the portal has ended"));
}

#[test]
fn an_exit_code_is_handed_on() {
    let me = std::process::id().to_string();
    let output = Command::new(shim()).args(["--hold", &me, "/bin/bash", "-c", "echo said; exit 7"]).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(7), b"said\n".as_slice()));
}
