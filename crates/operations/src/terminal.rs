//! Terminals: programs that somebody talks to through the portal, for as long as the call lasts.
//!
//! A call opens one, gets what its writer types, and prints to it. Whoever sees the output of the run may look on; whoever
//! pressed Run writes, from one place at a time. What was printed last is kept, so that a page that is loaded again shows it;
//! all of it is recorded with the output of the execution. Keys are not recorded: only what the program echoes.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use crate::secrecy::Masker;
use crate::service::locked;
use crate::{ExecutionId, Person, Stream};

/// How long a terminal stays open while nobody types.
pub const IDLE: Duration = Duration::from_secs(30 * 60);
/// What is said at its end then.
pub const IDLE_WORDS: &str = "\r\nThe portal closed this terminal: nobody typed for 30 minutes.\r\n";
/// What was printed last, for whoever comes later, in bytes; at most twice as much.
const SCREEN: usize = 256 << 10;
/// How much of it is handed on at once, in bytes.
const PIECE: usize = 32 << 10;
/// Keys and sizes that wait for a program that does not read.
const WAITING: usize = 16;
/// The greatest window that anybody has.
const LARGEST: TerminalSize = TerminalSize { columns: 500, rows: 300 };

/// How large a terminal is, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalSize {
    /// Its width.
    pub columns: u16,
    /// Its height.
    pub rows: u16,
}

impl TerminalSize {
    /// What it is until somebody has looked: that of a VT100.
    pub const USUAL: Self = Self { columns: 80, rows: 24 };

    /// A size that a program can be told, whatever was asked for.
    #[must_use]
    pub fn new(columns: u16, rows: u16) -> Self {
        Self { columns: columns.clamp(2, LARGEST.columns), rows: rows.clamp(1, LARGEST.rows) }
    }
}

impl fmt::Display for TerminalSize {
    /// As recordings have it: `80x24`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}x{}", self.columns, self.rows)
    }
}

impl FromStr for TerminalSize {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (columns, rows) = text.split_once('x').unwrap_or((text, ""));
        Ok(Self::new(columns.parse()?, rows.parse()?))
    }
}

/// What comes from a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TerminalInput {
    /// Keys, as the terminal encodes them.
    Typed(Bytes),
    /// Its window has another size now.
    Resized(TerminalSize),
}

/// A terminal that is open while this is held. What is written to [`Stream::Terminal`] appears in it.
pub struct OpenTerminal {
    inputs: mpsc::Receiver<TerminalInput>,
    _held: Box<dyn Send + Sync>,
}

impl OpenTerminal {
    /// A terminal with these inputs, which ends when `held` is dropped.
    pub fn new(inputs: mpsc::Receiver<TerminalInput>, held: impl Send + Sync + 'static) -> Self {
        Self { inputs, _held: Box::new(held) }
    }

    /// What comes next; `None` where nobody has typed for [`IDLE`], and the call is to end.
    pub async fn input(&mut self) -> Option<TerminalInput> {
        match tokio::time::timeout(IDLE, self.inputs.recv()).await {
            Ok(Some(input)) => Some(input),
            Ok(None) => std::future::pending().await,
            Err(_) => None,
        }
    }
}

/// A terminal as pages show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TerminalView {
    /// Names it.
    pub id: String,
    /// What talks there: `pod/web-0: sh`.
    pub title: String,
    /// Who types.
    pub writer: String,
}

/// What happens at a terminal, for somebody who looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TerminalEvent {
    /// What was shown before is not what comes before the next output: it is to be forgotten. That many bytes were printed
    /// before.
    Begin(u64),
    /// The program printed this.
    Output(Bytes),
    /// The window has this size.
    Size(TerminalSize),
    /// Whether what is typed here reaches the program.
    Writes(bool),
}

/// One program's terminal.
pub(crate) struct Terminal {
    view: TerminalView,
    execution: ExecutionId,
    owner: String,
    inputs: mpsc::Sender<TerminalInput>,
    recorder: Recorder,
    state: Mutex<State>,
    changes: watch::Sender<()>,
}

/// What is kept of a terminal goes where the output of its execution goes, for as long as that takes any.
pub(crate) type Recorder = mpsc::WeakSender<(Stream, Bytes)>;

async fn record(recorder: &Recorder, stream: Stream, bytes: Bytes) {
    if let Some(recorder) = recorder.upgrade().filter(|_| !bytes.is_empty())
        && recorder.send((stream, bytes)).await.is_err()
    {
        tracing::error!("a terminal printed after the keeper of its output had ended");
    }
}

struct State {
    masker: Masker,
    screen: Vec<u8>,
    /// How many bytes were printed before those on the screen.
    before: u64,
    size: TerminalSize,
    /// The attachment that writes, by its number, and how many there were.
    writer: u64,
    attached: u64,
    /// What the masker had held back at the end and nobody has recorded yet.
    rest: Bytes,
    ended: bool,
}

impl State {
    fn show(&mut self, bytes: &[u8]) {
        self.screen.extend_from_slice(bytes);
        // Not at every key: what is left is moved.
        if self.screen.len() > 2 * SCREEN {
            let least = self.screen.len() - SCREEN;
            // Not in the middle of a line, and so rarely of a sequence, where there are lines.
            let line = self.screen[least..].iter().take(PIECE).position(|byte| *byte == b'\n');
            let cut = least + line.map_or(0, |at| at + 1);
            self.screen.drain(..cut);
            self.before += cut as u64;
        }
    }
}

impl Terminal {
    /// Shows and records what the program printed.
    pub(crate) async fn print(&self, bytes: &[u8]) {
        let shown = {
            let mut state = locked(&self.state);
            let shown = state.masker.push(bytes);
            state.show(&shown);
            shown
        };
        self.changes.send_replace(());
        record(&self.recorder, Stream::Terminal, shown.into()).await;
    }

    /// Records what is left, after the end.
    pub(crate) async fn finish(&self) {
        let rest = std::mem::take(&mut locked(&self.state).rest);
        record(&self.recorder, Stream::Terminal, rest).await;
    }

    fn end(&self) {
        {
            let mut state = locked(&self.state);
            let rest = state.masker.end();
            state.show(&rest);
            state.rest = rest.into();
            state.ended = true;
        }
        self.changes.send_replace(());
    }
}

/// Takes a terminal out of the open ones when it is dropped.
struct Held {
    terminals: Arc<Terminals>,
    terminal: Arc<Terminal>,
}

impl Drop for Held {
    fn drop(&mut self) {
        locked(&self.terminals.open).remove(&self.terminal.view.id);
        self.terminal.end();
    }
}

/// All terminals that are open.
#[derive(Default)]
pub(crate) struct Terminals {
    open: Mutex<HashMap<String, Arc<Terminal>>>,
}

/// Whose terminal it is going to be, and what its output passes through.
pub(crate) struct Wanted {
    pub(crate) execution: ExecutionId,
    pub(crate) title: String,
    pub(crate) masker: Masker,
    pub(crate) recorder: Recorder,
}

impl Terminals {
    /// Opens one for this person; `None` where the execution has one already: its recording is one, too.
    pub(crate) async fn open(
        terminals: &Arc<Self>,
        wanted: Wanted,
        person: &Person,
    ) -> Option<(OpenTerminal, Arc<Terminal>)> {
        let (inputs, typed) = mpsc::channel(WAITING);
        let Wanted { execution, title, masker, recorder } = wanted;
        let state = State {
            masker,
            screen: Vec::new(),
            before: 0,
            size: TerminalSize::USUAL,
            writer: 0,
            attached: 0,
            rest: Bytes::new(),
            ended: false,
        };
        let id = Uuid::new_v4().simple().to_string();
        let terminal = Arc::new(Terminal {
            view: TerminalView { id: id.clone(), title, writer: person.name.clone() },
            execution,
            owner: person.subject.clone(),
            inputs,
            recorder,
            state: Mutex::new(state),
            changes: watch::Sender::new(()),
        });
        {
            let mut open = locked(&terminals.open);
            if open.values().any(|other| other.execution == execution) {
                return None;
            }
            open.insert(id, terminal.clone());
        }
        let held = Held { terminals: terminals.clone(), terminal: terminal.clone() };
        record(&terminal.recorder, Stream::Resize, TerminalSize::USUAL.to_string().into()).await;
        Some((OpenTerminal::new(typed, held), terminal))
    }

    /// The one of an execution.
    pub(crate) fn of(&self, execution: ExecutionId) -> Option<TerminalView> {
        let open = locked(&self.open);
        open.values().find(|terminal| terminal.execution == execution).map(|terminal| terminal.view.clone())
    }

    /// Looks at a terminal from where one has seen `seen` bytes of it, and writes where that is whoever pressed Run.
    pub(crate) fn attach(&self, id: &str, person: &Person, may: May, seen: u64) -> Option<Attached> {
        let terminal = locked(&self.open).get(id).cloned()?;
        let writes = may == May::Write && terminal.owner == person.subject;
        let mut changes = terminal.changes.subscribe();
        changes.mark_changed();
        let number = {
            let mut state = locked(&terminal.state);
            state.attached += 1;
            if writes {
                state.writer = state.attached;
            }
            state.attached
        };
        // Whoever wrote from elsewhere is told.
        terminal.changes.send_replace(());
        let seen = Seen { bytes: seen, size: None, writes: None };
        Some(Attached { terminal, number, changes, seen })
    }
}

/// What somebody may do at a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum May {
    Look,
    Write,
}

/// One place from which somebody looks at a terminal.
pub struct Attached {
    terminal: Arc<Terminal>,
    number: u64,
    changes: watch::Receiver<()>,
    seen: Seen,
}

struct Seen {
    bytes: u64,
    size: Option<TerminalSize>,
    writes: Option<bool>,
}

impl Attached {
    /// The terminal.
    #[must_use]
    pub fn view(&self) -> &TerminalView {
        &self.terminal.view
    }

    /// What happens next; `None` when it has ended and everything was told. May be dropped half-way: nothing is lost.
    pub async fn next(&mut self) -> Option<TerminalEvent> {
        loop {
            if let Some(told) = self.news() {
                return told;
            }
            if self.changes.changed().await.is_err() {
                return None;
            }
        }
    }

    /// What is new: `Some(None)` where it has ended, `None` where nothing is.
    fn news(&mut self) -> Option<Option<TerminalEvent>> {
        let state = locked(&self.terminal.state);
        let writes = state.writer == self.number;
        if self.seen.writes.replace(writes) != Some(writes) {
            return Some(Some(TerminalEvent::Writes(writes)));
        }
        if self.seen.size.replace(state.size) != Some(state.size) {
            return Some(Some(TerminalEvent::Size(state.size)));
        }
        let end = state.before + state.screen.len() as u64;
        if !(state.before..=end).contains(&self.seen.bytes) {
            self.seen.bytes = state.before;
            return Some(Some(TerminalEvent::Begin(state.before)));
        }
        let at = usize::try_from(self.seen.bytes - state.before).unwrap_or(usize::MAX);
        let rest = state.screen.get(at..).unwrap_or_default();
        if !rest.is_empty() {
            let piece = Bytes::copy_from_slice(&rest[..rest.len().min(PIECE)]);
            self.seen.bytes += piece.len() as u64;
            return Some(Some(TerminalEvent::Output(piece)));
        }
        state.ended.then_some(None)
    }

    /// The keyboard there.
    #[must_use]
    pub fn keyboard(&self) -> Keyboard {
        Keyboard { terminal: self.terminal.clone(), number: self.number }
    }
}

/// The keyboard and the window of one place from which somebody looks at a terminal.
pub struct Keyboard {
    terminal: Arc<Terminal>,
    number: u64,
}

impl Keyboard {
    fn writes(&self) -> bool {
        locked(&self.terminal.state).writer == self.number
    }

    /// Hands keys to the program; waits while it does not read. Whoever only looks on is not heard.
    pub async fn typed(&self, keys: Bytes) {
        if self.writes() {
            // The program may have ended just now.
            let _ = self.terminal.inputs.send(TerminalInput::Typed(keys)).await;
        }
    }

    /// Tells the program the size of the writer's window.
    pub async fn resize(&self, size: TerminalSize) {
        let changed = self.writes() && std::mem::replace(&mut locked(&self.terminal.state).size, size) != size;
        if !changed {
            return;
        }
        self.terminal.changes.send_replace(());
        record(&self.terminal.recorder, Stream::Resize, size.to_string().into()).await;
        let _ = self.terminal.inputs.send(TerminalInput::Resized(size)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;
    use crate::secrecy::Secrets;

    fn person(name: &str) -> Person {
        Person { subject: name.to_owned(), name: name.to_owned(), email: None, role: Role::Approver }
    }

    struct Place {
        terminals: Arc<Terminals>,
        open: OpenTerminal,
        terminal: Arc<Terminal>,
        id: String,
        recorded: mpsc::Receiver<(Stream, Bytes)>,
        _recorder: mpsc::Sender<(Stream, Bytes)>,
    }

    async fn place() -> Place {
        let terminals = Arc::new(Terminals::default());
        let (recorder, recorded) = mpsc::channel(64);
        let wanted = || Wanted {
            execution: ExecutionId(Uuid::nil()),
            title: "pod/web: sh".to_owned(),
            masker: Secrets::new(["swordfish"]).masker(),
            recorder: recorder.downgrade(),
        };
        let (open, terminal) = Terminals::open(&terminals, wanted(), &person("ada")).await.unwrap();
        assert!(Terminals::open(&terminals, wanted(), &person("ada")).await.is_none(), "one for each execution");
        let id = terminals.of(ExecutionId(Uuid::nil())).unwrap().id;
        Place { terminals, open, terminal, id, recorded, _recorder: recorder }
    }

    async fn until_output(attachment: &mut Attached) -> (Vec<TerminalEvent>, String) {
        let mut before = Vec::new();
        loop {
            match attachment.next().await.expect("it is open") {
                TerminalEvent::Output(bytes) => return (before, String::from_utf8(bytes.to_vec()).unwrap()),
                other => before.push(other),
            }
        }
    }

    #[tokio::test]
    async fn one_writes_others_look_on_and_all_see_the_same_without_secrets() {
        let mut place = place().await;
        let ada = person("ada");
        let mut writer = place.terminals.attach(&place.id, &ada, May::Write, 0).unwrap();
        let mut other = place.terminals.attach(&place.id, &person("bob"), May::Write, 0).unwrap();
        place.terminal.print(b"a sword").await;
        place.terminal.print(b"fish $ ").await;
        let usual = TerminalEvent::Size(TerminalSize::USUAL);
        let (before, text) = until_output(&mut writer).await;
        assert_eq!((before, text.starts_with("a ")), (vec![TerminalEvent::Writes(true), usual.clone()], true));
        assert!(!text.contains("sword"), "{text}");
        assert_eq!(until_output(&mut other).await, (vec![TerminalEvent::Writes(false), usual], text.clone()));

        other.keyboard().typed(Bytes::from_static(b"rm -rf /\r")).await;
        other.keyboard().resize(TerminalSize::new(9, 9)).await;
        writer.keyboard().resize(TerminalSize::new(0, 9999)).await;
        writer.keyboard().typed(Bytes::from_static(b"ls\r")).await;
        assert_eq!(place.open.input().await, Some(TerminalInput::Resized(TerminalSize { columns: 2, rows: 300 })));
        assert_eq!(place.open.input().await, Some(TerminalInput::Typed(Bytes::from_static(b"ls\r"))));
        assert_eq!(other.next().await, Some(TerminalEvent::Size(TerminalSize { columns: 2, rows: 300 })));

        // The same person from elsewhere takes over; who looks but may not write never does.
        let mut again = place.terminals.attach(&place.id, &ada, May::Write, text.len() as u64).unwrap();
        let mut looks = place.terminals.attach(&place.id, &ada, May::Look, 0).unwrap();
        assert_eq!(again.next().await, Some(TerminalEvent::Writes(true)));
        assert_eq!(looks.next().await, Some(TerminalEvent::Writes(false)));
        assert_eq!(writer.next().await, Some(TerminalEvent::Writes(false)));
        assert_eq!(writer.next().await, Some(TerminalEvent::Size(TerminalSize { columns: 2, rows: 300 })));

        place.terminal.print(b"the end s").await;
        drop(place.open);
        assert!(place.terminals.of(ExecutionId(Uuid::nil())).is_none());
        assert_eq!(until_output(&mut again).await.1, "the end s");
        assert_eq!(again.next().await, None);
        place.terminal.finish().await;
        let mut recorded = Vec::new();
        while let Ok((stream, bytes)) = place.recorded.try_recv() {
            recorded.push((stream, String::from_utf8(bytes.to_vec()).unwrap()));
        }
        assert_eq!(recorded.first(), Some(&(Stream::Resize, "80x24".to_owned())));
        let printed: String =
            recorded.iter().filter(|(stream, _)| *stream == Stream::Terminal).map(|(_, text)| text.as_str()).collect();
        assert_eq!(printed, format!("{text}the end s"));
        assert!(recorded.contains(&(Stream::Resize, "2x300".to_owned())));
    }

    #[tokio::test]
    async fn a_screen_is_bounded_and_whoever_was_away_too_long_begins_anew() {
        let mut place = place().await;
        // Nobody records any more.
        place.recorded.close();
        let mut slow = place.terminals.attach(&place.id, &person("bob"), May::Look, 0).unwrap();
        for number in 0..100_000 {
            place.terminal.print(format!("line {number}\r\n").as_bytes()).await;
        }
        assert!(locked(&place.terminal.state).screen.len() <= 2 * SCREEN);
        let (before, text) = until_output(&mut slow).await;
        assert!(matches!(before.last(), Some(TerminalEvent::Begin(1..))), "{before:?}");
        assert!(text.starts_with("line "), "whole lines: {}", &text[..20]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_terminal_at_which_nobody_types_ends() {
        let mut place = place().await;
        assert_eq!(place.open.input().await, None);
    }

    #[test]
    fn a_size_is_read_as_it_is_written() {
        assert_eq!("120x40".parse(), Ok(TerminalSize { columns: 120, rows: 40 }));
        assert_eq!(TerminalSize { columns: 120, rows: 40 }.to_string(), "120x40");
        assert!("120".parse::<TerminalSize>().is_err() && "x".parse::<TerminalSize>().is_err());
    }
}
