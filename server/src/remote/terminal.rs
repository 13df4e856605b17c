//! What is shown at a terminal, and what is asked there. What programs print and portals say is hostile: no escape sequence
//! of theirs reaches the terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use vte::{Parser, Perform};

use crate::api::output::{OutputPiece, OutputStream};

/// A line for whoever watches.
pub(super) fn say(line: &str) {
    // Where nobody takes it, the exit code says enough.
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// A line on standard output.
pub(super) fn print(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", plain(line))?;
    out.flush()
}

/// A text without anything that moves a terminal's cursor, changes its colours or turns its writing around.
pub(super) fn plain(text: &str) -> String {
    let mut plain = Plain::default();
    Parser::new().advance(&mut plain, text.as_bytes());
    plain.0
}

/// What is left of a text when its escape sequences are gone.
#[derive(Default)]
struct Plain(String);

impl Perform for Plain {
    fn print(&mut self, c: char) {
        if is_plain(c) {
            self.0.push(c);
        }
    }

    fn execute(&mut self, byte: u8) {
        self.print(char::from(byte));
    }
}

fn is_plain(c: char) -> bool {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    matches!(c, '\n' | '\t') || !(c.is_control() || turns)
}

/// Prints what a command prints, each line behind the command's id.
pub(super) struct Printer {
    prefix: String,
    stdout: Pen,
    stderr: Pen,
}

/// One of the two streams.
#[derive(Default)]
struct Pen {
    /// A piece may end within an escape sequence.
    parser: Parser,
    is_within_line: bool,
}

impl Printer {
    pub(super) fn new(command: &str) -> Self {
        Self { prefix: format!("{} │ ", plain(command)), stdout: Pen::default(), stderr: Pen::default() }
    }

    pub(super) fn write(&mut self, piece: &OutputPiece) -> io::Result<()> {
        let (pen, mut out): (_, Box<dyn io::Write>) = match piece.stream {
            OutputStream::Stdout => (&mut self.stdout, Box::new(io::stdout().lock())),
            OutputStream::Stderr => (&mut self.stderr, Box::new(io::stderr().lock())),
        };
        out.write_all(pen.text(&self.prefix, &piece.text).as_bytes())?;
        out.flush()
    }

    /// Ends lines that the command has not ended.
    pub(super) fn end_line(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.stdout.is_within_line) {
            writeln!(io::stdout().lock())?;
        }
        if std::mem::take(&mut self.stderr.is_within_line) {
            writeln!(io::stderr().lock())?;
        }
        Ok(())
    }
}

impl Pen {
    fn text(&mut self, prefix: &str, piece: &str) -> String {
        let mut text = String::with_capacity(piece.len() + prefix.len());
        let within = &mut self.is_within_line;
        let mut plain = Plain::default();
        self.parser.advance(&mut plain, piece.as_bytes());
        for c in plain.0.chars() {
            if !*within {
                text.push_str(prefix);
            }
            text.push(c);
            *within = c != '\n';
        }
        text
    }
}

/// Asks whoever sits at the terminal.
pub(super) struct Asker {
    can_ask: bool,
}

impl Asker {
    pub(super) fn new() -> Self {
        Self { can_ask: io::stdin().is_terminal() && io::stderr().is_terminal() }
    }

    /// Whether anybody sits there.
    pub(super) fn can_ask(&self) -> bool {
        self.can_ask
    }

    /// A line of theirs; `None` where there is none.
    pub(super) async fn ask(&self, question: &str) -> Option<String> {
        let mut err = io::stderr();
        write!(err, "{question}").and_then(|()| err.flush()).ok()?;
        let line = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            io::stdin().lock().read_line(&mut line).map(|_| line)
        });
        Some(line.await.ok()?.ok()?.trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_printed_moves_the_terminal() {
        let hostile = "\u{1b}[2J\u{1b}]0;title\u{7}ok\u{1b}[31m red\u{1b}[0m\r\u{8}\u{9b}1m \u{202e}x\n";
        let shown = plain(hostile);
        assert!(shown.ends_with("x\n") && shown.contains("ok red"), "{shown:?}");
        assert!(shown.chars().all(is_plain), "{shown:?}");
    }

    #[test]
    fn each_line_says_whose_it_is_also_where_pieces_cut_it() {
        let mut pen = Pen::default();
        let text: String =
            ["one", " line\ntwo", "\n", "\u{1b}[3", "1mthree"].map(|piece| pen.text("1 │ ", piece)).concat();
        assert_eq!(text, "1 │ one line\n1 │ two\n1 │ three");
        assert!(pen.is_within_line);
    }
}
