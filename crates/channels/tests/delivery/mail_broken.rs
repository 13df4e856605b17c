//! Mail to servers that break off, each at another step: what counts is whether the message was sent by then.

use channels::{Email, EmailSettings, Encryption, Patience};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use crate::stub::nobody;
use crate::{ENOUGH, SHORT, failure, letter, verdict};

/// What a server does at the step where it stops being one.
#[derive(Clone, Copy)]
enum Then {
    Closes,
    Waits,
}

/// The words that begin what it hears, in order; it answers each of them, but for the last one.
async fn server(heard: &'static [&'static str], then: Then) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut socket = BufReader::new(socket);
        let (last, others) = heard.split_last().unwrap();
        let mut answer = "220 mail.test\r\n";
        for word in others {
            socket.write_all(answer.as_bytes()).await.unwrap();
            hear(&mut socket, word).await;
            // Of a word that is not whole, the answer is wrong.
            answer = if *word == "DATA" { "354 go on\r\n" } else { "250 OK\r\n" };
        }
        if !last.is_empty() {
            socket.write_all(answer.as_bytes()).await.unwrap();
            hear(&mut socket, last).await;
        }
        match then {
            Then::Closes => {}
            Then::Waits => std::future::pending().await,
        }
    });
    port
}

async fn hear(socket: &mut BufReader<tokio::net::TcpStream>, word: &str) {
    let mut line = String::new();
    while !line.starts_with(word) {
        line.clear();
        if socket.read_line(&mut line).await.unwrap() == 0 {
            return;
        }
    }
}

fn email(port: u16, patience: Patience) -> Email {
    Email::new(EmailSettings {
        name: "team".to_owned(),
        host: "127.0.0.1".to_owned(),
        port,
        encryption: Encryption::None,
        authorities: None,
        account: None,
        from: "runbooks@example.com".to_owned(),
        to: vec!["a@example.com".to_owned()],
        patience,
    })
    .unwrap()
}

#[tokio::test]
async fn before_the_message_nothing_has_arrived() {
    let steps: [&[&str]; 5] =
        [&[""], &["EHLO"], &["EHLO", "MAIL"], &["EHLO", "MAIL", "RCPT"], &["EHLO", "MAIL", "RCPT", "DATA"]];
    for heard in steps {
        for (then, patience) in [(Then::Closes, ENOUGH), (Then::Waits, SHORT)] {
            let error = failure(&email(server(heard, then).await, patience), &letter(), &[]).await;
            assert_eq!(verdict(&error), "failed", "{heard:?}: {error}");
        }
    }
    let error = failure(&email(nobody().await, ENOUGH), &letter(), &[]).await;
    assert_eq!(verdict(&error), "failed", "{error}");
}

#[tokio::test]
async fn after_the_message_it_may_have_arrived() {
    let heard = &["EHLO", "MAIL", "RCPT", "DATA", ".\r\n"];
    for (then, patience) in [(Then::Closes, ENOUGH), (Then::Waits, SHORT)] {
        let error = failure(&email(server(heard, then).await, patience), &letter(), &[]).await;
        assert_eq!(verdict(&error), "unknown", "{error}");
    }
}

#[tokio::test]
async fn a_message_is_given_only_to_who_asks_for_it() {
    let port = server(&["EHLO", "MAIL", "RCPT", "DAT", ".\r\n"], Then::Closes).await;
    let error = failure(&email(port, ENOUGH), &letter(), &[]).await;
    assert_eq!(verdict(&error), "failed", "{error}");
}

#[tokio::test]
async fn a_server_that_says_no_farewell_has_the_letter() {
    let port = server(&["EHLO", "MAIL", "RCPT", "DATA", ".\r\n", "QUIT"], Then::Closes).await;
    operations::Channel::deliver(&email(port, ENOUGH), &letter()).await.unwrap();
}
