//! An HTTP server that tells what it was asked.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Ends when dropped.
pub(crate) struct Peer {
    pub(crate) port: u16,
    /// What was asked, whole.
    requests: watch::Receiver<Vec<String>>,
    _tasks: JoinSet<()>,
}

impl Peer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, requests) = watch::channel(Vec::new());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(answer(stream, seen.clone()));
            }
        });
        Self { port, requests, _tasks: tasks }
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.requests.borrow().clone()
    }

    /// Waits for the first request.
    pub(crate) async fn was_asked(&self) {
        self.requests.clone().wait_for(|asked| !asked.is_empty()).await.unwrap();
    }
}

async fn answer(mut stream: TcpStream, requests: watch::Sender<Vec<String>>) {
    let mut read = Vec::new();
    let (head, mut body) = loop {
        // The first byte of TLS.
        if read.first() == Some(&22) {
            return;
        }
        if let Some(at) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&read[..at]).replace("\r\n", "\n");
            break (head, read.split_off(at + 4));
        }
        if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
            return;
        }
    };
    let header = |name: &str| {
        head.lines().filter_map(|line| line.split_once(": ")).find(|(found, _)| found.eq_ignore_ascii_case(name))
    };
    let length: usize = header("content-length").map_or(0, |(_, length)| length.parse().unwrap());
    if header("expect").is_some() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
    }
    let chunked = header("transfer-encoding").is_some();
    while body.len() < length || (chunked && !body.ends_with(b"0\r\n\r\n")) {
        if stream.read_buf(&mut body).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let asked = format!("{head}\n\n{}", String::from_utf8_lossy(&body));
    requests.send_modify(|requests| requests.push(asked.clone()));
    let target = head.split(' ').nth(1).unwrap_or_default();
    let (status, extra, text) = match target.split_once("?to=") {
        Some((_, to)) => ("302 Found", format!("Location: {to}\r\n"), String::new()),
        None if target == "/missing" => ("404 Not Found", String::new(), "no\n".to_owned()),
        None if target == "/hang" => {
            let _ = stream.read(&mut [0]).await;
            return;
        }
        None if target.starts_with("/big") => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").await;
            let piece = vec![b'x'; 1 << 20];
            for _ in 0..40 {
                if stream.write_all(&piece).await.is_err() {
                    return;
                }
            }
            return;
        }
        None => ("200 OK", String::new(), format!("{asked}\n")),
    };
    let length = text.len();
    let answer = format!("HTTP/1.1 {status}\r\n{extra}Content-Length: {length}\r\nConnection: close\r\n\r\n{text}");
    let _ = stream.write_all(answer.as_bytes()).await;
}
