//! Mail to aiosmtpd: without encryption, with STARTTLS, with TLS; with an account and without.

use std::process::Stdio;

use channels::{Account, Email, EmailSettings, Encryption};
use operations::{Channel, ChannelKind, Letter, Secret};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::{ENOUGH, failure, letter, verdict};

const PASSWORD: &str = "p4ssw0rd-0f-the-portal";

/// aiosmtpd as `receiver.py` starts it. It ends with the test.
struct Receiver {
    port: u16,
    lines: Lines<BufReader<ChildStdout>>,
    certificate: String,
    _child: Child,
    _folder: TempDir,
}

impl Receiver {
    /// `None` where it is not installed; says so.
    async fn start(encryption: Encryption, mut plan: Value) -> Option<Self> {
        let Some(python) = std::env::var_os("SMTP_TEST_PYTHON") else {
            eprintln!("skipped: no aiosmtpd");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(folder.path().join("certificate"), own.cert.pem()).unwrap();
        std::fs::write(folder.path().join("key"), own.signing_key.serialize_pem()).unwrap();
        plan["encryption"] = match encryption {
            Encryption::None => "none",
            Encryption::StartTls => "starttls",
            Encryption::Tls => "tls",
        }
        .into();
        plan["certificate"] = folder.path().join("certificate").to_str().unwrap().into();
        plan["key"] = folder.path().join("key").to_str().unwrap().into();
        let mut child = Command::new(python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/delivery/receiver.py"))
            .arg(plan.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut receiver = Self { port: 0, lines, certificate: own.cert.pem(), _child: child, _folder: folder };
        receiver.port = receiver.line().await["port"].as_u64().unwrap().try_into().unwrap();
        Some(receiver)
    }

    /// The next thing that it tells: a mail.
    async fn line(&mut self) -> Value {
        serde_json::from_str(&self.lines.next_line().await.unwrap().unwrap()).unwrap()
    }

    /// How this server is reached.
    fn settings(&self, encryption: Encryption) -> EmailSettings {
        EmailSettings {
            name: "team".to_owned(),
            host: "localhost".to_owned(),
            port: self.port,
            encryption,
            authorities: Some(self.certificate.clone().into_bytes()),
            account: None,
            from: "Runbook Portal <runbooks@example.com>".to_owned(),
            to: vec!["a@example.com".to_owned(), "b@example.com".to_owned()],
            patience: ENOUGH,
        }
    }
}

fn account(password: &str) -> Account {
    Account { user: "portal".to_owned(), password: Secret::new(password) }
}

#[tokio::test]
async fn a_letter_arrives_as_it_was_written() {
    let Some(mut receiver) = Receiver::start(Encryption::None, json!({})).await else { return };
    let email = Email::new(receiver.settings(Encryption::None)).unwrap();
    assert_eq!(email.kind(), ChannelKind::Email);
    let subject = "Checkout is slow\r\nBcc: evil@example.com – über".to_owned();
    let text = "Since 10:00.\n.\n.hidden\nünder\r\nQUIT".to_owned();
    let sent = email.deliver(&Letter { subject, text, ..letter() }).await.unwrap();
    assert_eq!(sent.as_deref(), Some("2.0.0 queued as 4711"));
    let mail = receiver.line().await;
    assert_eq!(mail["from"], "runbooks@example.com");
    assert_eq!(mail["to"], json!(["a@example.com", "b@example.com"]));
    let data = mail["data"].as_str().unwrap();
    let (head, body) = data.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("Message-ID: <letter.0199-letter@example.com>"), "{head}");
    assert!(head.contains("In-Reply-To: <incident.0199-incident@example.com>"), "{head}");
    assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
    assert!(head.contains("Content-Transfer-Encoding: quoted-printable"), "{head}");
    let body = body.replace("=\r\n", "").replace("=C3=BC", "ü");
    assert_eq!(
        body.trim_end(),
        "Since 10:00.\r\n.\r\n.hidden\r\nünder\r\nQUIT\r\n\r\nhttps://runbooks.example.com/incidents/1"
    );
}

#[tokio::test]
async fn letters_and_passwords_are_encrypted_either_way() {
    for encryption in [Encryption::StartTls, Encryption::Tls] {
        let plan = json!({ "account": ["portal", PASSWORD] });
        let Some(mut receiver) = Receiver::start(encryption, plan).await else { return };
        let settings = EmailSettings { account: Some(account(PASSWORD)), ..receiver.settings(encryption) };
        Email::new(settings).unwrap().deliver(&letter()).await.unwrap();
        let mail = receiver.line().await;
        assert_eq!(mail["encrypted"], true);
        assert_eq!(mail["account"], true);
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_not_told() {
    let plan = json!({ "account": ["portal", "another"] });
    let Some(receiver) = Receiver::start(Encryption::StartTls, plan).await else { return };
    let settings = EmailSettings { account: Some(account(PASSWORD)), ..receiver.settings(Encryption::StartTls) };
    let error = failure(&Email::new(settings).unwrap(), &letter(), &[PASSWORD]).await;
    assert_eq!(verdict(&error), "refused", "{error}");
    assert!(error.to_string().contains("no portal with •••"), "{error}");
}

#[tokio::test]
async fn a_server_that_wants_an_account_refuses_nobody_in_particular() {
    let plan = json!({ "account": ["portal", PASSWORD] });
    let Some(receiver) = Receiver::start(Encryption::Tls, plan).await else { return };
    let error = failure(&Email::new(receiver.settings(Encryption::Tls)).unwrap(), &letter(), &[]).await;
    assert_eq!(verdict(&error), "refused", "{error}");
}

#[tokio::test]
async fn a_server_that_takes_no_account_is_told_none() {
    let Some(receiver) = Receiver::start(Encryption::Tls, json!({})).await else { return };
    let settings = EmailSettings { account: Some(account(PASSWORD)), ..receiver.settings(Encryption::Tls) };
    let error = failure(&Email::new(settings).unwrap(), &letter(), &[PASSWORD]).await;
    assert_eq!(verdict(&error), "refused", "{error}");
}

#[tokio::test]
async fn starttls_is_required() {
    let Some(receiver) = Receiver::start(Encryption::None, json!({})).await else { return };
    let error = failure(&Email::new(receiver.settings(Encryption::StartTls)).unwrap(), &letter(), &[]).await;
    assert_eq!(verdict(&error), "refused", "{error}");
    assert!(error.to_string().contains("STARTTLS"), "{error}");
}

#[tokio::test]
async fn a_stranger_is_not_trusted() {
    for encryption in [Encryption::StartTls, Encryption::Tls] {
        let Some(receiver) = Receiver::start(encryption, json!({})).await else { return };
        let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem().into_bytes();
        for settings in [
            EmailSettings { authorities: None, ..receiver.settings(encryption) },
            EmailSettings { authorities: Some(other), ..receiver.settings(encryption) },
            // The right certificate, but of another host.
            EmailSettings { host: "127.0.0.1".to_owned(), ..receiver.settings(encryption) },
        ] {
            let error = failure(&Email::new(settings).unwrap(), &letter(), &[]).await;
            assert_eq!(verdict(&error), "failed", "{error}");
            assert!(error.to_string().contains("certificate"), "{error}");
        }
    }
}

#[tokio::test]
async fn one_address_that_is_gone_keeps_nobody_else_from_being_told() {
    let plan = json!({ "rcpt": { "b@example.com": "550 5.1.1 no such user" } });
    let Some(mut receiver) = Receiver::start(Encryption::None, plan).await else { return };
    let sent = Email::new(receiver.settings(Encryption::None)).unwrap().deliver(&letter()).await.unwrap().unwrap();
    assert_eq!(sent, "2.0.0 queued as 4711; not for b@example.com (550 5.1.1 no such user)");
    assert_eq!(receiver.line().await["to"], json!(["a@example.com"]));
}

#[tokio::test]
async fn every_answer_is_judged() {
    let both = |a: &str, b: &str| json!({ "rcpt": { "a@example.com": a, "b@example.com": b } });
    for (plan, expected, said) in [
        (json!({ "mail": "550 5.7.1 not from you" }), "refused", "550 5.7.1 not from you"),
        (json!({ "mail": "451 4.3.0 later" }), "failed", "451 4.3.0 later"),
        (both("550 gone", "550 gone"), "refused", "gone"),
        (both("550 gone", "450 greylisted"), "failed", "greylisted"),
        (both("450 greylisted", "550 gone"), "failed", "greylisted"),
        (json!({ "data": "552 5.3.4 too big" }), "refused", "too big"),
        (json!({ "data": "452 4.2.2 full" }), "failed", "full"),
        (json!({ "data": "421 4.3.2 closing" }), "failed", "closing"),
    ] {
        let Some(receiver) = Receiver::start(Encryption::None, plan.clone()).await else { return };
        let error = failure(&Email::new(receiver.settings(Encryption::None)).unwrap(), &letter(), &[]).await;
        assert_eq!(verdict(&error), expected, "{plan}: {error}");
        assert!(error.to_string().contains(said), "{plan}: {error}");
    }
}
