//! What an errand's launcher and the portal tell each other, once: the launcher gives the doors that it opened in its
//! network (`SCM_RIGHTS`, `unix(7)`), the portal gives variables and files. None of it is ever on the disk or in an
//! argument.

use std::collections::BTreeMap;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::TcpListener as StdListener;

use bytes::Bytes;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, recvmsg};
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::{TcpListener, UnixListener, UnixStream};

use crate::{frame, inside};

/// Waits for the launcher and takes the doors, in the order of their ports. Whoever connects later finds nobody: the
/// listener is closed.
pub(crate) async fn doors(listener: UnixListener, expected: usize) -> io::Result<(UnixStream, Vec<TcpListener>)> {
    let (socket, _) = listener.accept().await?;
    drop(listener);
    let doors = socket.async_io(Interest::READABLE, || receive(&socket)).await?;
    if doors.len() != expected {
        return Err(io::Error::other("the launcher opened other doors than it was told to"));
    }
    Ok((socket, doors))
}

fn receive(socket: &UnixStream) -> io::Result<Vec<TcpListener>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(inside::DOORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut count = [0];
    let message = recvmsg(socket, &mut [IoSliceMut::new(&mut count)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    if message.bytes != 1 || message.flags.contains(ReturnFlags::CTRUNC) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut doors = Vec::new();
    for rights in control.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = rights {
            for fd in fds {
                let door = StdListener::from(fd);
                door.set_nonblocking(true)?;
                doors.push(TcpListener::from_std(door)?);
            }
        }
    }
    Ok(doors)
}

/// Gives the rest and closes the connection, after which the launcher becomes the program.
pub(crate) async fn give(
    mut socket: UnixStream,
    variables: &BTreeMap<String, String>,
    files: &BTreeMap<String, Bytes>,
) -> io::Result<()> {
    let assignments: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let variables = frame::join(assignments.iter().map(String::as_bytes));
    let files = files.iter().flat_map(|(name, content)| [name.as_bytes(), content]);
    socket.write_all(&frame::join_pieces([variables.as_slice()].into_iter().chain(files))).await?;
    socket.shutdown().await
}
