//! What a call of psql holds while it goes on, and how it talks to its caller.

use bytes::Bytes;
use command::Refusal;
use command::sql::Mark;
use operations::{CallIo, Stream};
use tokio_util::sync::CancellationToken;

use super::lines::Lines;
use super::print::Style;
use super::variables::Variables;
use crate::report::Report;
use crate::session::Session;

/// Bytes sent to the caller at once, at most.
const PIECE: usize = 32 << 10;

/// Why a call ends before its work is done.
#[derive(Debug)]
pub(super) enum Halt {
    /// The caller is gone, or it was stopped.
    Left,
    /// The connection is gone.
    Lost,
    /// It asks for something that is not permitted.
    Refused(Refusal),
}

/// The caller's two streams.
pub(super) struct Output<'a> {
    pub(super) io: &'a dyn CallIo,
    ended: CancellationToken,
    /// Standard output that has not been sent.
    pub(super) held: Vec<u8>,
    /// Everything sent so far, in bytes.
    sent: u64,
}

impl<'a> Output<'a> {
    pub(super) fn new(io: &'a dyn CallIo) -> Self {
        Self { io, ended: io.ended(), held: Vec::new(), sent: 0 }
    }

    pub(super) fn out(&mut self, text: &str) {
        self.held.extend_from_slice(text.as_bytes());
    }

    /// Sends what is held once it is worth it.
    pub(super) async fn ease(&mut self) -> Result<(), Halt> {
        if self.held.len() >= PIECE { self.flush().await } else { Ok(()) }
    }

    pub(super) async fn flush(&mut self) -> Result<(), Halt> {
        let mut bytes = Bytes::from(std::mem::take(&mut self.held));
        self.sent += bytes.len() as u64;
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE));
            self.send(Stream::Stdout, piece).await?;
        }
        Ok(())
    }

    pub(super) async fn err(&mut self, text: &str) -> Result<(), Halt> {
        self.flush().await?;
        self.send(Stream::Stderr, Bytes::copy_from_slice(text.as_bytes())).await
    }

    async fn send(&self, stream: Stream, bytes: Bytes) -> Result<(), Halt> {
        tokio::select! {
            biased;
            () = self.ended.cancelled() => Err(Halt::Left),
            sent = self.io.write(stream, bytes) => sent.map_err(|_| Halt::Left),
        }
    }

    /// A place that can be gone back to until something is sent.
    pub(super) fn mark(&self) -> (u64, usize) {
        (self.sent, self.held.len())
    }

    /// Takes back what was printed since, as far as it was not sent.
    pub(super) fn take_back(&mut self, mark: (u64, usize)) {
        if mark.0 == self.sent {
            self.held.truncate(mark.1);
        }
    }

    pub(super) async fn wait(&self, time: std::time::Duration) -> Result<(), Halt> {
        tokio::select! {
            biased;
            () = self.ended.cancelled() => Err(Halt::Left),
            () = tokio::time::sleep(time) => Ok(()),
        }
    }
}

/// Where lines come from.
pub(super) enum Source {
    /// The caller's standard input.
    Input,
    /// A file that was read.
    File(Lines),
}

/// The script that is being read: messages begin with its name and line.
pub(super) struct Place {
    /// As psql calls it; `None` for plain standard input.
    pub(super) file: Option<String>,
    pub(super) line: usize,
}

/// One `\if … \endif`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Branch {
    /// This branch is carried out.
    Active,
    /// A later branch may be.
    Waiting,
    /// One was, or the whole lies in a branch that is not.
    Done,
    /// `\else` was seen; whether its branch is carried out.
    Last { active: bool },
}

impl Branch {
    pub(super) fn is_active(self) -> bool {
        matches!(self, Self::Active | Self::Last { active: true })
    }
}

/// One open `\if`, and what of the statement before it, or of its branch that was carried out, stays.
#[derive(Clone, Copy)]
pub(super) struct Level {
    pub(super) branch: Branch,
    pub(super) kept: Mark,
}

/// A call of psql in progress.
pub(super) struct Client<'a> {
    /// The datasource's name.
    pub(super) name: String,
    pub(super) session: Session,
    pub(super) output: Output<'a>,
    pub(super) variables: Variables,
    pub(super) style: Style,
    pub(super) timing: bool,
    pub(super) input: Lines,
    pub(super) sources: Vec<Source>,
    /// `None` before the first act: messages then begin with the program's name.
    pub(super) place: Option<Place>,
    pub(super) branches: Vec<Level>,
    pub(super) last_error: Option<(Box<Report>, Vec<u8>)>,
}

impl<'a> Client<'a> {
    pub(super) fn new(
        name: String,
        session: Session,
        output: Output<'a>,
        mut variables: Variables,
        style: Style,
    ) -> Self {
        let address = session.way().address();
        variables.keep("DBNAME", &address.database);
        variables.keep("USER", &address.user);
        // Where the server is, is not told.
        variables.keep("HOST", &name);
        variables.keep("ENCODING", "UTF8");
        if let Some(version) = session.parameter("server_version") {
            variables.keep("SERVER_VERSION_NAME", version);
        }
        Self {
            name,
            session,
            output,
            variables,
            style,
            timing: false,
            input: Lines::default(),
            sources: Vec::new(),
            place: None,
            branches: Vec::new(),
            last_error: None,
        }
    }

    /// A message of the server, or a remark.
    pub(super) async fn say(&mut self, text: &str) -> Result<(), Halt> {
        let text = match &self.place {
            None => format!("psql: {text}"),
            Some(Place { file: None, .. }) => text.to_owned(),
            Some(Place { file: Some(file), line }) => format!("psql:{file}:{line}: {text}"),
        };
        self.output.err(&text).await
    }

    /// An error of psql itself.
    pub(super) async fn complain(&mut self, what: &str) -> Result<(), Halt> {
        match &self.place {
            Some(Place { file: None, .. }) => self.output.err(&format!("{what}\n")).await,
            _ => self.say(&format!("error: {what}\n")).await,
        }
    }

    /// The next line of the script, without its end; `None` at the end.
    pub(super) async fn line(&mut self) -> Result<Option<Vec<u8>>, Halt> {
        let line = match self.sources.last_mut() {
            Some(Source::File(lines)) => lines.next(None, &self.output.ended).await,
            Some(Source::Input) | None => self.input.next(Some(self.output.io), &self.output.ended).await,
        }?;
        if line.is_some()
            && let Some(place) = &mut self.place
        {
            place.line += 1;
        }
        Ok(line)
    }

    pub(super) fn is_active(&self) -> bool {
        self.branches.last().is_none_or(|level| level.branch.is_active())
    }
}
