//! `openssl`: in the sandbox where it computes, through the door where it asks a server.

use std::process::{Child, Command, Stdio};

use operations::Exit;
use programs::{Host, Reach};

use crate::place::{installed, place};

/// Ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_servers_certificate_is_read() {
    if !installed(&["openssl", "curl", "wget"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (key, certificate) = (folder.path().join("key.pem"), folder.path().join("certificate.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "12"])
        .args(["-subj", "/CN=shop.example.com", "-addext", "subjectAltName=DNS:shop.example.com", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(made.success());
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server = Command::new("openssl")
        .args(["s_server", "-www", "-accept", &format!("127.0.0.1:{port}"), "-cert"])
        .arg(&certificate)
        .arg("-key")
        .arg(&key)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It says ACCEPT when it listens.
    std::io::Read::read_exact(server.stdout.as_mut().unwrap(), &mut [0; 6]).unwrap();
    let _server = Server(server);
    let host = Host::new("shop.example.com").unwrap().connect_to(&format!("127.0.0.1:{port}")).unwrap();
    let authorities = std::fs::read(&certificate).unwrap();
    let Some(place) = place(Reach { hosts: vec![host], authorities, ..Reach::default() }) else { return };
    let printed = place
        .run(
            "echo | openssl s_client -servername shop.example.com -connect shop.example.com:443 2>/dev/null | \
             openssl x509 -noout -subject -enddate\n\
             echo | timeout 20 openssl s_client -connect shop.example.com:443 2>/dev/null | grep 'Verify return code'\n\
             printf hello | openssl dgst -sha256 -r\n\
             curl -sS -o /dev/null -w '%{http_code}\\n' https://shop.example.com/\n\
             wget -qO- https://shop.example.com/ | grep -c s_server",
        )
        .await
        .good();
    assert!(printed.starts_with("subject=CN = shop.example.com\nnotAfter="), "{printed}");
    assert!(printed.contains("Verify return code: 0 (ok)"), "{printed}");
    assert!(
        printed.contains("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824 *stdin\n200\n"),
        "{printed}"
    );
    let end = place.run("echo | openssl s_client -connect evil.example.org:443").await;
    assert_eq!(end.exit, Exit::Code(126), "{}", end.stderr);
}
