//! `pods/portforward`: a connection to a port over a WebSocket, one message a piece.
//!
//! Each message begins with its channel's number: two channels a port, for data and for an error; the first message of
//! each is the port, two bytes, the low one first (k8s.io/kubelet `pkg/cri/streaming/portforward/websocket.go`). What answers
//! is rehearsed: a page that says where it is.

use super::Call;
use crate::object::{list, name, namespace, number, text};
use crate::status::Refusal;
use axum::extract::ws::{Message, WebSocket};
use axum::response::Response;
use bytes::Bytes;
use serde_json::Value;
use std::sync::Arc;

const DATA: u8 = 0;
const ERROR: u8 = 1;
/// Bytes of a request's head.
const HEAD: usize = 64 << 10;

/// Answers `portforward`, for one port.
pub(crate) fn serve(mut call: Call) -> Result<Response, Refusal> {
    let pod = call.stored()?;
    if text(&pod, "/status/phase") != "Running" {
        return Err(Refusal::bad_request(format!("pod {} is not running", name(&pod))));
    }
    let ports = call.query.all("ports").join(",");
    let Ok(port) = ports.parse::<u16>() else {
        return Err(Refusal::bad_request("the practice cluster forwards one port a connection: name it in `ports`"));
    };
    let upgrade = call.upgrade.take().ok_or_else(|| Refusal::bad_request("Upgrade request required"))?;
    let stop = call.cluster.stop.clone();
    let upgrade = upgrade.protocols(["v5.channel.k8s.io", "v4.channel.k8s.io"]);
    Ok(upgrade.on_upgrade(move |mut socket| async move {
        tokio::select! {
            () = stop.cancelled() => {}
            _ended = play(&mut socket, &pod, port) => {}
        }
    }))
}

fn message(channel: u8, bytes: &[u8]) -> Message {
    Message::Binary(Bytes::from([&[channel], bytes].concat()))
}

async fn play(socket: &mut WebSocket, pod: &Arc<Value>, port: u16) -> Result<(), axum::Error> {
    for channel in [DATA, ERROR] {
        socket.send(message(channel, &port.to_le_bytes())).await?;
    }
    let mut ports = list(pod, "/spec/containers").iter().flat_map(|container| list(container, "/ports"));
    if ports.all(|open| number(open, "/containerPort", 0) != i64::from(port)) {
        let why = format!("failed to connect to localhost:{port} inside the pod: connection refused");
        socket.send(message(ERROR, why.as_bytes())).await?;
        return socket.send(Message::Close(None)).await;
    }
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < HEAD {
        match socket.recv().await {
            Some(Ok(Message::Binary(bytes))) => match bytes.split_first() {
                Some((&DATA, piece)) => head.extend_from_slice(piece),
                _ => continue,
            },
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(()),
            Some(Ok(_)) => {}
        }
    }
    let head = String::from_utf8_lossy(&head);
    let request = head.lines().next().unwrap_or_default().rsplit_once(' ').map_or("", |(request, _)| request);
    let escaped = request.replace('&', "&amp;").replace('<', "&lt;");
    let body = format!(
        "<!doctype html><html lang=\"en\"><title>{pod}</title><h1>{pod}</h1><p>{escaped} on port {port} in {place}. Nothing here is \
         real.</p></html>\n",
        pod = name(pod),
        place = namespace(pod),
    );
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    socket.send(message(DATA, answer.as_bytes())).await?;
    socket.send(Message::Close(None)).await?;
    // The other side says good-bye; until then its last frames are read, so that nothing is cut off.
    while let Some(Ok(_)) = socket.recv().await {}
    Ok(())
}
