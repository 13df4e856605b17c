//! What strangers can take from a portal: nothing for long.

use std::time::Duration;

use operations::Role;
use reqwest::StatusCode;
use server::listen::Bounds;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::front_door::TestApp;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn half_a_request_is_not_waited_for() {
    let bounds = Bounds { connections: 4, head: Duration::from_millis(300) };
    let app = TestApp::start_with("# Shop\n", bounds).await;
    let address = app.url.trim_start_matches("http://").to_owned();
    let mut halves = Vec::new();
    for _ in 0..bounds.connections {
        let mut socket = TcpStream::connect(&address).await.unwrap();
        socket.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").await.unwrap();
        halves.push(socket);
    }
    // All places are taken; whoever asks in full is served as soon as the halves have been sent away.
    let answer = reqwest::get(format!("{}/healthz", app.url)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    for mut socket in halves {
        let mut rest = Vec::new();
        // Closed, with or without an answer that says so.
        let _ = socket.read_to_end(&mut rest).await;
        assert!(!String::from_utf8_lossy(&rest).contains("200 OK"));
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_body_that_is_too_long_is_refused_as_such() {
    let app = TestApp::start("# Shop\n").await;
    let browser = app.signed_in(Role::Operator).await;
    let long = "x".repeat(300 * 1024);
    let answer = browser.post("/api/mark_step", &[("run", "x"), ("text", &long)]).await;
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    app.stop().await;
}
