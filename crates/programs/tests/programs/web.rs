//! What `curl` and `wget` do.

use operations::Exit;
use operations::Secret;
use programs::{Host, Reach};

use crate::peer::Peer;
use crate::place::{Place, installed, place};

pub(crate) fn host(pattern: &str, peer: &Peer) -> Host {
    Host::new(pattern).unwrap().connect_to(&format!("127.0.0.1:{}", peer.port)).unwrap()
}

/// A peer that is called `api.example.com`, `shop.test` and, with a key, `keyed.example.com`.
pub(crate) async fn rig(programs: &[&str]) -> Option<(Peer, Place)> {
    if !installed(programs) {
        return None;
    }
    let peer = Peer::start().await;
    let keyed = host("keyed.example.com", &peer).header("Authorization", Secret::new("Bearer hunter2hunter2")).unwrap();
    let hosts = vec![host("api.example.com", &peer), host("shop.test:8080", &peer), keyed];
    let place = place(Reach { hosts, ..Reach::default() })?;
    Some((peer, place))
}

#[tokio::test]
async fn a_request_is_made_as_written() {
    let Some((peer, place)) = rig(&["curl"]).await else { return };
    let printed = place
        .run(
            "curl -s http://api.example.com/health\n\
             curl -sX PUT 'http://shop.test:8080/a?b=c' -H 'X-Team: ops' -d '{\"a\":1}'\n\
             curl -s -o /dev/null -w '%{http_code}\\n' http://api.example.com/missing",
        )
        .await
        .good();
    assert!(printed.contains("GET /health HTTP/1.1\nHost: api.example.com\n"), "{printed}");
    assert!(
        printed.contains("PUT /a?b=c HTTP/1.1\nHost: shop.test:8080\n") && printed.contains("{\"a\":1}"),
        "{printed}"
    );
    assert!(printed.ends_with("404\n"), "{printed}");
    assert_eq!(peer.asked().len(), 3);
}

#[tokio::test]
async fn this_machine_is_reached_where_the_environment_names_it() {
    if !installed(&["curl", "wget"]) {
        return;
    }
    let peer = Peer::start().await;
    let here = Host::new(&format!("localhost:{}", peer.port)).unwrap();
    let elsewhere = host("localhost:6060", &peer);
    let Some(place) = place(Reach { hosts: vec![here, elsewhere], ..Reach::default() }) else { return };
    let port = peer.port;
    let printed = place
        .run(&format!(
            "curl -s http://localhost:6060/debug/pprof/heap > heap.prof; head -n 1 heap.prof\n\
             curl -s localhost:{port}/health | head -n 1; wget -qO- http://localhost:6060/x | head -n 1"
        ))
        .await
        .good();
    assert_eq!(printed, "GET /debug/pprof/heap HTTP/1.1\nGET /health HTTP/1.1\nGET /x HTTP/1.1\n");
}

#[tokio::test]
async fn exit_codes_are_the_programs_own() {
    let Some((_peer, place)) = rig(&["curl"]).await else { return };
    let end = place.run("curl -sf http://api.example.com/missing").await;
    assert_eq!(end.exit, Exit::Code(22), "{}", end.stderr);
    let end = place.run("curl -s --no-such http://api.example.com/").await;
    assert_eq!(end.exit, Exit::Code(126));
    assert!(end.stderr.contains("--no-such"), "{}", end.stderr);
}

#[tokio::test]
async fn bodies_come_from_files_and_input() {
    let Some((_peer, place)) = rig(&["curl"]).await else { return };
    let url = "http://api.example.com/x";
    let printed = place
        .run(&format!(
            "mkdir -p sub && echo from-file > sub/body && echo from-tmp > /tmp/body\n\
             curl -s {url} -d @sub/body; cd sub; curl -s {url} -d @body; curl -s {url} --data-binary @/tmp/body\n\
             curl -s {url} -d @<(echo from-process)\n\
             curl -s {url} -d @- <<EOF\nfrom-heredoc\nEOF\n\
             echo from-pipe | curl -sT - {url}\n\
             curl -s {url} -F 'part=@body;type=text/x-mine'"
        ))
        .await
        .good();
    for expected in ["from-tmp", "from-process", "from-heredoc", "from-pipe", "filename=\"body\"", "text/x-mine"] {
        assert!(printed.contains(expected), "{expected}: {printed}");
    }
    assert_eq!(printed.matches("from-file").count(), 3, "{printed}");
    let end = place.run(&format!("curl -s {url} -d @absent")).await;
    assert_eq!((end.exit, end.stderr.as_str()), (Exit::Code(26), "curl: absent: No such file or directory\n"));
}

#[tokio::test]
async fn a_loop_around_calls_keeps_its_lines() {
    let Some((peer, place)) = rig(&["curl", "wget"]).await else { return };
    let printed = place
        .run(
            "printf '%s\\n' one two three | while read -r word; do curl -s -o /dev/null http://api.example.com/$word;\n\
             wget -qO- http://api.example.com/w-$word > /dev/null; echo $word; done",
        )
        .await
        .good();
    assert_eq!(printed, "one\ntwo\nthree\n");
    assert_eq!(peer.asked().len(), 6);
}

#[tokio::test]
async fn files_are_left_in_the_workspace() {
    let Some((_peer, place)) = rig(&["curl", "wget"]).await else { return };
    let printed = place
        .run(
            "curl -s -o got http://api.example.com/one; mkdir d; cd d; curl -sO http://api.example.com/two\n\
             wget -q http://api.example.com/three; wget -q -P ../e http://api.example.com/four; cd ..\n\
             echo more >> got; head -qn 1 got d/two d/three e/four; tail -n 1 got",
        )
        .await
        .good();
    assert_eq!(printed, "GET /one HTTP/1.1\nGET /two HTTP/1.1\nGET /three HTTP/1.1\nGET /four HTTP/1.1\nmore\n");
}

#[tokio::test]
async fn wget_does_what_it_is_told() {
    let Some((_peer, place)) = rig(&["wget"]).await else { return };
    let printed =
        place.run("wget --timeout=5 -qO- http://shop.test:8080/actuator/health --header='X-Team: ops'").await.good();
    assert!(printed.starts_with("GET /actuator/health HTTP/1.1\n") && printed.contains("X-Team: ops"), "{printed}");
    let end = place.run("wget -qO- http://api.example.com/missing").await;
    assert_eq!(end.exit, Exit::Code(8), "{}", end.stderr);
}

#[tokio::test]
async fn a_host_gets_its_header_and_nobody_sees_it() {
    let Some((peer, place)) = rig(&["curl", "wget"]).await else { return };
    let end = place
        .run(
            "curl -sv -H 'authorization: Bearer TOKEN' http://keyed.example.com/a; wget -qO- http://keyed.example.com/b\n\
             find / -xdev -type f -newer /run/runbook/step 2>/dev/null | xargs grep -l hunter2 2>/dev/null || true",
        )
        .await;
    assert_eq!(end.exit, Exit::Code(0), "{}", end.stderr);
    let asked = peer.asked();
    assert!(asked.len() == 2 && asked.iter().all(|asked| asked.contains("Authorization: Bearer hunter2hunter2")));
    assert!(!asked[0].contains("TOKEN"), "{}", asked[0]);
    // The peer repeats what it was asked.
    assert!(end.stdout.contains("Authorization: ••••••"), "{}", end.stdout);
    assert!(!end.stdout.contains("hunter2") && !end.stderr.contains("hunter2"), "{}{}", end.stdout, end.stderr);
    let end = place.run("curl -sL 'http://keyed.example.com/r?to=http://api.example.com/steal'").await;
    assert_ne!(end.exit, Exit::Code(0));
    let end = place.run("curl -s http://keyed.example.com/ http://api.example.com/").await;
    assert_eq!(end.exit, Exit::Code(126), "{}", end.stderr);
    assert_eq!(peer.asked().len(), 3);
}

#[tokio::test]
async fn big_answers_stream_and_ends_end_them() {
    let Some((_peer, place)) = rig(&["curl"]).await else { return };
    let printed = place.run("curl -s http://api.example.com/big | wc -c").await.good();
    assert_eq!(printed.trim(), (40 << 20).to_string());
    let printed = place.run("curl -s http://api.example.com/big | head -c 3").await.good();
    assert_eq!(printed, "xxx");
}

#[tokio::test]
async fn stop_ends_a_request_that_hangs() {
    let Some((peer, place)) = rig(&["curl"]).await else { return };
    let stopping = async {
        peer.was_asked().await;
        place.stop.cancel();
    };
    let (end, ()) = tokio::join!(place.run("curl -s http://api.example.com/hang"), stopping);
    assert_eq!(end.exit, Exit::Stopped);
}
