//! A pseudo-terminal (`pty(7)`): the portal holds one end, a program the other one.

use std::io;
use std::os::fd::OwnedFd;

use bytes::Bytes;
use operations::{CallEnded, CallIo, OpenTerminal, Stream, TerminalInput, TerminalSize};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::io::unix::AsyncFd;

use crate::frame;

/// The portal's end.
pub(crate) struct Pty(AsyncFd<OwnedFd>);

#[expect(deprecated, reason = "its replacement is an unsafe function; an `OwnedFd` keeps what that one asks for")]
fn watch(own: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(own)
}

/// A new one, and the program's end. Neither becomes the controlling terminal of whoever opens it: the launcher makes it the
/// program's.
pub(crate) fn open() -> io::Result<(Pty, OwnedFd)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let own = openpt(flags)?;
    grantpt(&own)?;
    unlockpt(&own)?;
    let programs = ioctl_tiocgptpeer(&own, flags)?;
    fcntl_setfl(&own, fcntl_getfl(&own)? | OFlags::NONBLOCK)?;
    let pty = Pty(watch(own)?);
    pty.resize(TerminalSize::USUAL)?;
    Ok((pty, programs))
}

impl Pty {
    /// Tells the program its window's size.
    fn resize(&self, size: TerminalSize) -> io::Result<()> {
        let size = Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 };
        Ok(tcsetwinsize(self.0.get_ref(), size)?)
    }

    /// Hands on what the program prints, until nobody has its end any more.
    pub(crate) async fn print(&self, io: &dyn CallIo) -> Result<(), CallEnded> {
        let mut buffer = vec![0; frame::PIECE];
        loop {
            let Ok(mut ready) = self.0.readable().await else { return Ok(()) };
            let read = ready.try_io(|own| rustix::io::read(own, buffer.as_mut_slice()).map_err(Into::into));
            match read {
                Err(_not_yet) => {}
                // EIO: nobody has the other end open.
                Ok(Ok(0) | Err(_)) => return Ok(()),
                Ok(Ok(length)) => io.write(Stream::Terminal, Bytes::copy_from_slice(&buffer[..length])).await?,
            }
        }
    }

    /// Hands on what comes from a terminal, until nobody has typed for long.
    pub(crate) async fn feed(&self, mut terminal: OpenTerminal) {
        while let Some(input) = terminal.input().await {
            let done = match input {
                TerminalInput::Typed(keys) => self.write(&keys).await,
                TerminalInput::Resized(size) => self.resize(size),
            };
            if let Err(error) = done {
                tracing::debug!(%error, "a program at a terminal did not take what was typed");
            }
        }
    }

    async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let mut ready = self.0.writable().await?;
            match ready.try_io(|own| rustix::io::write(own, bytes).map_err(Into::into)) {
                Ok(Ok(written)) => bytes = &bytes[written..],
                Ok(Err(error)) if error.raw_os_error() == Some(Errno::INTR.raw_os_error()) => {}
                Ok(Err(error)) => return Err(error),
                Err(_not_yet) => {}
            }
        }
        Ok(())
    }
}
