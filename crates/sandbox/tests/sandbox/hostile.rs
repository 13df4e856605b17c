//! A script that speaks to the socket itself.

use operations::Exit;

use crate::fixture::{Place, place};

/// Perl that opens connections and sends what it is told to; `Debian` systems always have it.
const CLIENT: &str = r#"
use Socket; use strict;
sub open_one { socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die; connect($s, sockaddr_un("/run/runbook/socket")) or die "connect: $!"; $s }
sub frame { my ($kind, $text) = @_; pack("CNa*", $kind, length $text, $text) }
sub say_all { my $s = open_one(); $SIG{PIPE} = "IGNORE"; syswrite($s, join("", @_)); $s }
sub take { my ($s, $many) = @_; my $all = ""; while (length $all < $many && sysread($s, my $piece, $many - length $all)) { $all .= $piece } $all }
sub answer { my $s = shift; my $all = ""; while (sysread($s, my $piece, 4096)) { $all .= $piece } $all }
"#;

async fn perl(place: &mut Place, program: &str) -> Option<String> {
    if !std::path::Path::new("/usr/bin/perl").exists() {
        println!("skipped: no perl");
        return None;
    }
    let script =
        format!("cat > client <<'PERL'\n{CLIENT}\n{program}\nPERL\n/usr/bin/perl client\nkubectl echo still here");
    let end = place.run(&script).await;
    assert_eq!(end.exit, Exit::Code(0), "{}{}", end.stdout, end.stderr);
    assert!(end.stdout.ends_with("still here\n"), "{}", end.stdout);
    Some(end.stdout)
}

#[tokio::test]
async fn malformed_frames_end_their_connection_only() {
    let Some(mut place) = place() else { return };
    let program = r#"
        my $good = open_one();
        for my $bytes ("\x00" x 100, "GET / HTTP/1.1\r\n\r\n", pack("CN", 2, 0xffffffff), pack("CN", 3, 5) . "hello",
                pack("CN", 4, 0), pack("CN", 16, 1) . "x", pack("CN", 19, 1) . "x", pack("CN", 2, 0), pack("CN", 5, 70000)) {
            my $s = say_all($bytes); shutdown($s, 1);
            my $answer = answer($s); print length($answer), "\n";
        }
        syswrite($good, frame(2, "/workspace\0kubectl\0echo\0patient\0")); print substr(answer($good), 5, 8);
    "#;
    let Some(stdout) = perl(&mut place, program).await else {
        return;
    };
    assert_eq!(stdout, format!("{}patient\nstill here\n", "0\n".repeat(9)));
    assert_eq!(place.broker.calls(), ["echo patient", "echo still here"]);
}

#[tokio::test]
async fn calls_that_are_none_are_refused() {
    let Some(mut place) = place() else { return };
    let program = r#"
        for my $call ("/w\0", "/w\0\0", "w\0kubectl\0", "/w\0kubectl", "/w\0kubectl\0\xff\0", "\0\0\0") {
            print answer(say_all(frame(2, $call))) =~ /\x13\x00\x00\x00\x01\x40$/ ? "refused\n" : "?\n";
        }
    "#;
    let Some(stdout) = perl(&mut place, program).await else {
        return;
    };
    assert_eq!(stdout, format!("{}still here\n", "refused\n".repeat(6)));
    assert_eq!(place.broker.calls(), ["echo still here"]);
}

#[tokio::test]
async fn input_that_nobody_asked_for_ends_the_call() {
    let Some(mut place) = place() else { return };
    let program = r#"
        my $s = say_all(frame(2, "/workspace\0kubectl\0follow\0"));
        print substr(take($s, 10), 5);
        syswrite($s, frame(3, "unasked")); print length(answer($s)), "\n";
    "#;
    let Some(stdout) = perl(&mut place, program).await else {
        return;
    };
    assert_eq!(stdout, "line\n0\nstill here\n");
    assert_eq!(place.broker.ended(), 1);
}

#[tokio::test]
async fn idle_and_many_connections_take_nothing_away() {
    let Some(mut place) = place() else { return };
    let program = r#"
        my @idle = map { open_one() } 1 .. 200;
        syswrite($_, pack("CN", 2, 262144)) for @idle;
        print "opened ", scalar(@idle), "\n";
    "#;
    let Some(stdout) = perl(&mut place, program).await else {
        return;
    };
    assert_eq!(stdout, "opened 200\nstill here\n");
}

#[tokio::test]
async fn a_false_start_and_false_exports_are_harmless() {
    let Some(mut place) = place() else { return };
    let program = r#"
        print length(answer(say_all(frame(1, "")))), "\n" for 1 .. 3;
        print length(answer(say_all(frame(5, "PATH=/evil\0LD_PRELOAD=x\0A=1\0=\0\xff=2\0B")))), "\n";
        print length(answer(say_all(frame(5, "PATH=/evil\0LD_PRELOAD=x\0A=1\0=\0\xff=2\0")))), "\n";
        exec "/run/runbook/runbook-shim", "--launch", "0", "1", "1", "1", "/bin/true" if !fork; wait;
    "#;
    let Some(stdout) = perl(&mut place, program).await else {
        return;
    };
    assert_eq!(stdout, "6\n6\n6\n0\n6\nstill here\n");
}

#[tokio::test]
async fn the_socket_of_another_execution_is_not_there() {
    let Some(place) = place() else { return };
    let mut other = crate::fixture::place().unwrap();
    other.request.run = place.request.run;
    other.request.script =
        "ls -A /run /run/runbook | sort; find / -xdev -type s 2>/dev/null; kubectl echo whose".into();
    let end = other.go().await;
    assert_eq!(end.stdout.matches("socket").count(), 1, "{}", end.stdout);
    assert_eq!((place.broker.calls().len(), other.broker.calls()), (0, vec!["echo whose".to_owned()]));
}
