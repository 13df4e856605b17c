//! Lines of a script, as they come.

use bytes::BytesMut;
use command::Refusal;
use command::sql::LONGEST_STATEMENT;
use operations::CallIo;
use tokio_util::sync::CancellationToken;

use super::client::Halt;

/// Text that is cut into lines.
#[derive(Default)]
pub(super) struct Lines {
    buffer: BytesMut,
    /// How much of the buffer has no line break.
    searched: usize,
    ended: bool,
}

impl Lines {
    /// Lines of a text that is there.
    pub(super) fn of(text: &[u8]) -> Self {
        Self { buffer: BytesMut::from(text), searched: 0, ended: true }
    }

    /// The next line without its line break. More text is asked for only when it is needed.
    pub(super) async fn next(
        &mut self,
        io: Option<&dyn CallIo>,
        stop: &CancellationToken,
    ) -> Result<Option<Vec<u8>>, Halt> {
        loop {
            if let Some(at) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
                let mut line = self.buffer.split_to(self.searched + at + 1);
                self.searched = 0;
                line.truncate(line.len() - 1);
                return Ok(Some(line.to_vec()));
            }
            self.searched = self.buffer.len();
            if self.searched > LONGEST_STATEMENT {
                return Err(Halt::Refused(Refusal::not_permitted(format!(
                    "psql: a line is longer than {LONGEST_STATEMENT} bytes, the most that this portal reads."
                ))));
            }
            let more = match io {
                Some(io) if !self.ended => tokio::select! {
                    biased;
                    () = stop.cancelled() => return Err(Halt::Left),
                    more = io.read_stdin() => more.map_err(|_| Halt::Left)?,
                },
                _ => None,
            };
            match more {
                Some(more) => self.buffer.extend_from_slice(&more),
                None => {
                    self.ended = true;
                    self.searched = 0;
                    let last = self.buffer.split().to_vec();
                    return Ok((!last.is_empty()).then_some(last));
                }
            }
        }
    }
}
