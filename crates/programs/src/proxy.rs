//! What stands behind the door of an HTTP client: a proxy that speaks SOCKS 5 (RFC 1928) and HTTP (RFC 9110, 9.3.6;
//! RFC 9112, 3.2.2), just enough of both. Where a connection leads is decided once, by the [`Gate`]; what flows then is
//! between the program and that server.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sandbox::Keeper;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::gate::{Closed, Gate};
use crate::host;

/// The port inside.
pub(crate) const PORT: u16 = 3128;
/// A request's line and headers, at most.
const HEAD: usize = 64 << 10;
/// For a program to say where it wants to go.
const GREETING: Duration = Duration::from_secs(30);
/// The headers between a client and its proxy (RFC 9110, 7.6.1), in small letters.
const HOP: [&str; 4] = ["connection", "proxy-connection", "proxy-authorization", "keep-alive"];

pub(crate) struct Proxy(pub(crate) Arc<Gate>);

#[async_trait]
impl Keeper for Proxy {
    async fn serve(&self, mut program: TcpStream) {
        let asked = timeout(GREETING, ask(&mut program)).await;
        let Ok(Ok(asked)) = asked else {
            tracing::debug!("a program asked for a connection in no form that is known");
            return;
        };
        let (host, port) = asked.server();
        let done = match self.0.connect(host, port).await {
            Ok(server) => pass(&asked, program, server).await,
            Err(closed) => program.write_all(&asked.refusal(&closed)).await,
        };
        if let Err(error) = done {
            // Either side may end at any time.
            tracing::debug!(%error, "a connection of a program ended early");
        }
    }
}

async fn pass(asked: &Asked, mut program: TcpStream, mut server: TcpStream) -> io::Result<()> {
    match asked {
        Asked::Socks(..) => program.write_all(&socks_reply(0)).await?,
        Asked::Connect(..) => program.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?,
        Asked::Forward { head, .. } => server.write_all(head).await?,
    }
    copy_bidirectional(&mut program, &mut server).await.map(drop)
}

/// Where a program wants to go.
enum Asked {
    Socks(String, u16),
    Connect(String, u16),
    /// A whole request of plain HTTP, with the head for the server.
    Forward {
        host: String,
        port: u16,
        head: Vec<u8>,
    },
}

impl Asked {
    fn server(&self) -> (&str, u16) {
        match self {
            Self::Socks(host, port) | Self::Connect(host, port) | Self::Forward { host, port, .. } => (host, *port),
        }
    }

    fn refusal(&self, closed: &Closed) -> Vec<u8> {
        if let Self::Socks(..) = self {
            return socks_reply(match closed {
                Closed::NotPermitted(_) | Closed::Forbidden(_) => 2,
                Closed::NoAddress(_) => 4,
                Closed::Unreachable(..) => 5,
            });
        }
        let status = match closed {
            Closed::NotPermitted(_) | Closed::Forbidden(_) => "403 Forbidden",
            Closed::NoAddress(_) | Closed::Unreachable(..) => "502 Bad Gateway",
        };
        let text = format!("{closed}\n");
        let length = text.len();
        format!("HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}")
            .into_bytes()
    }
}

fn malformed() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

async fn ask(program: &mut TcpStream) -> io::Result<Asked> {
    let first = program.read_u8().await?;
    if first == 5 { socks(program).await } else { http(program, first).await }
}

async fn socks(program: &mut TcpStream) -> io::Result<Asked> {
    let methods = program.read_u8().await?;
    let mut offered = vec![0; usize::from(methods)];
    program.read_exact(&mut offered).await?;
    if !offered.contains(&0) {
        program.write_all(&[5, 0xff]).await?;
        return Err(malformed());
    }
    program.write_all(&[5, 0]).await?;
    let mut request = [0; 4];
    program.read_exact(&mut request).await?;
    let [5, 1, _, kind] = request else {
        return Err(malformed());
    };
    let host = match kind {
        1 => Ipv4Addr::from_bits(program.read_u32().await?).to_string(),
        3 => {
            let mut name = vec![0; usize::from(program.read_u8().await?)];
            program.read_exact(&mut name).await?;
            String::from_utf8(name).map_err(|_| malformed())?
        }
        4 => Ipv6Addr::from_bits(program.read_u128().await?).to_string(),
        _ => return Err(malformed()),
    };
    let port = program.read_u16().await?;
    let (host, port) =
        host::server(&if host.contains(':') { format!("[{host}]") } else { host }, Some(port)).ok_or_else(malformed)?;
    Ok(Asked::Socks(host, port))
}

fn socks_reply(code: u8) -> Vec<u8> {
    vec![5, code, 0, 1, 0, 0, 0, 0, 0, 0]
}

async fn http(program: &mut TcpStream, first: u8) -> io::Result<Asked> {
    let mut read = vec![first];
    let end = loop {
        if let Some(at) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break at;
        }
        if read.len() >= HEAD || program.read_buf(&mut read).await? == 0 {
            return Err(malformed());
        }
    };
    let head = std::str::from_utf8(&read[..end]).map_err(|_| malformed())?;
    let (line, headers) = head.split_once("\r\n").unwrap_or((head, ""));
    let [method, target, version] = line.split(' ').collect::<Vec<_>>()[..] else {
        return Err(malformed());
    };
    if method == "CONNECT" {
        let (host, port) = host::server(target, None).ok_or_else(malformed)?;
        return Ok(Asked::Connect(host, port));
    }
    let rest = target.strip_prefix("http://").ok_or_else(malformed)?;
    let (host, port) = host::of_url(target).ok_or_else(malformed)?;
    let path = rest.find(['/', '?']).map_or("/", |at| &rest[at..]);
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut forwarded = format!("{method} {slash}{path} {version}\r\n");
    for header in headers.split("\r\n").filter(|header| !header.is_empty()) {
        let name = header.split(':').next().unwrap_or_default().to_ascii_lowercase();
        if !HOP.contains(&name.as_str()) {
            forwarded.push_str(header);
            forwarded.push_str("\r\n");
        }
    }
    // One request a connection: the next one may lead elsewhere.
    forwarded.push_str("Connection: close\r\n\r\n");
    let mut head = forwarded.into_bytes();
    head.extend_from_slice(&read[end + 4..]);
    Ok(Asked::Forward { host, port, head })
}
