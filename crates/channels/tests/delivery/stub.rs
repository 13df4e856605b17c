//! An HTTP server that answers each request in one way and remembers what it was asked.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) struct Stub {
    pub(crate) port: u16,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Stub {
    /// Answers with what `answer` makes of the address and the body of a request.
    pub(crate) async fn start(answer: impl Fn(&str, &str) -> Response + Clone + Send + Sync + 'static) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        let router = Router::new().fallback(async move |uri: Uri, headers: HeaderMap, body: Bytes| {
            assert_eq!(headers["content-type"], "application/json");
            let text = String::from_utf8(body.to_vec()).unwrap();
            seen.lock().unwrap().push((uri.to_string(), serde_json::from_str(&text).unwrap()));
            answer(&uri.to_string(), &text)
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, asked }
    }

    pub(crate) async fn says(status: u16, text: &'static str) -> Self {
        Self::start(move |_, _| (StatusCode::from_u16(status).unwrap(), text).into_response()).await
    }

    pub(crate) fn asked(&self) -> Vec<(String, Value)> {
        self.asked.lock().unwrap().clone()
    }
}

/// Reads one request whole, then writes this much of an answer and closes, or waits for ever.
pub(crate) async fn broken(answer: Option<&'static str>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_request(&mut socket).await;
        match answer {
            Some(text) => socket.write_all(text.as_bytes()).await.unwrap(),
            None => std::future::pending().await,
        }
    });
    port
}

/// Until as much has come as the head says.
async fn read_request(socket: &mut TcpStream) {
    let mut request = Vec::new();
    loop {
        socket.read_buf(&mut request).await.unwrap();
        let Some(head) = request.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(&request[..head]).to_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if request.len() >= head + 4 + length.parse::<usize>().unwrap() {
            return;
        }
    }
}

/// A port that nobody listens at.
pub(crate) async fn nobody() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}
