//! Asking a server of ours on 127.0.0.1 whether it is well: one request, one answer.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

/// How long a server that is well may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// More than any answer that is asked for here.
const MOST_BYTES: u64 = 1 << 20;

/// Connects to a port on 127.0.0.1; neither reading nor writing waits for long.
pub(super) fn connect(port: u16) -> Result<TcpStream> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// The body of the answer, where that is a success; `None` for every other end, as when nobody listens yet.
pub(super) fn get(port: u16, path: &str) -> Option<String> {
    let (status, body) = ask(port, "GET", path, "").ok()?;
    (status == 200).then_some(body)
}

/// Status and body of the answer. HTTP/1.0, so that the answer ends where the connection does.
pub(super) fn ask(port: u16, method: &str, path: &str, body: &str) -> Result<(u16, String)> {
    let mut stream = connect(port)?;
    let length = body.len();
    write!(stream, "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {length}\r\n\r\n{body}")?;
    let mut answer = String::new();
    stream.take(MOST_BYTES).read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("an answer without an end of its head")?;
    let status = head.split(' ').nth(1).context("an answer without a status")?.parse()?;
    Ok((status, body.to_owned()))
}
