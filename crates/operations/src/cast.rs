//! Recordings of terminals, as asciicast v2 (<https://docs.asciinema.org/manual/asciicast/v2/>): lines of JSON, first a header,
//! then what was printed and when.

use jiff::Timestamp;
use serde_json::json;

use crate::{Chunk, Stream, TerminalSize};

/// Writes a recording from the pieces of an execution's output, in order. What was not printed at a terminal is left out.
pub struct Cast {
    title: String,
    began: Option<Timestamp>,
    /// The beginning of a character whose rest is in the next piece.
    held: Vec<u8>,
    last: f64,
}

impl Cast {
    /// An empty recording of this title.
    #[must_use]
    pub fn new(title: String) -> Self {
        Self { title, began: None, held: Vec::new(), last: 0.0 }
    }

    /// The next lines.
    pub fn write(&mut self, chunks: &[Chunk]) -> String {
        let mut lines = String::new();
        for chunk in chunks.iter().map(|chunk| &chunk.content) {
            match chunk.stream {
                Stream::Stdout | Stream::Stderr => {}
                Stream::Terminal => {
                    let time = self.begin(chunk.at, TerminalSize::USUAL, &mut lines);
                    let text = self.text(&chunk.bytes);
                    if !text.is_empty() {
                        line(&mut lines, &json!([time, "o", text]));
                    }
                }
                Stream::Resize => {
                    let size = std::str::from_utf8(&chunk.bytes).ok().and_then(|text| text.parse().ok());
                    let Some(size) = size else { continue };
                    let is_first = self.began.is_none();
                    let time = self.begin(chunk.at, size, &mut lines);
                    if !is_first {
                        line(&mut lines, &json!([time, "r", size.to_string()]));
                    }
                }
            }
        }
        lines
    }

    /// What is left at the end: a character that never became whole.
    pub fn end(self) -> String {
        let mut lines = String::new();
        if !self.held.is_empty() {
            line(&mut lines, &json!([self.last, "o", char::REPLACEMENT_CHARACTER]));
        }
        lines
    }

    /// Seconds since the beginning, which this is where nothing was written yet. Time never runs backwards in a recording.
    fn begin(&mut self, at: Timestamp, size: TerminalSize, lines: &mut String) -> f64 {
        let began = *self.began.get_or_insert_with(|| {
            let header = json!({
                "version": 2, "width": size.columns, "height": size.rows, "timestamp": at.as_second(),
                "title": self.title, "env": {"TERM": "xterm-256color"},
            });
            line(lines, &header);
            at
        });
        self.last = self.last.max(at.duration_since(began).as_secs_f64());
        self.last
    }

    /// Whole characters; what is none becomes the sign for that (Unicode, U+FFFD).
    fn text(&mut self, bytes: &[u8]) -> String {
        let mut waiting = std::mem::take(&mut self.held);
        waiting.extend_from_slice(bytes);
        let mut text = String::with_capacity(waiting.len());
        let mut rest = waiting.as_slice();
        loop {
            match std::str::from_utf8(rest) {
                Ok(valid) => {
                    text.push_str(valid);
                    return text;
                }
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    text.push_str(std::str::from_utf8(valid).expect("it is valid up to here"));
                    let Some(length) = error.error_len() else {
                        self.held = after.to_vec();
                        return text;
                    };
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = &after[length..];
                }
            }
        }
    }
}

fn line(lines: &mut String, value: &serde_json::Value) {
    lines.push_str(&value.to_string());
    lines.push('\n');
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::{ExecutionId, NewChunk, RunId};

    fn chunk(stream: Stream, milliseconds: i64, bytes: &[u8]) -> Chunk {
        let at = Timestamp::from_millisecond(1_700_000_000_000 + milliseconds).unwrap();
        let bytes = Bytes::copy_from_slice(bytes);
        Chunk { sequence: 1, content: NewChunk { run: RunId::new(), execution: ExecutionId::new(), stream, at, bytes } }
    }

    fn read(chunks: &[Chunk]) -> Vec<Value> {
        let mut cast = Cast::new("pod/web: \"sh\"".to_owned());
        let mut lines: String = chunks.iter().map(|chunk| cast.write(std::slice::from_ref(chunk))).collect();
        lines.push_str(&cast.end());
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_recording_has_sizes_and_what_was_printed_at_the_terminal() {
        let lines = read(&[
            chunk(Stream::Stdout, 0, b"before"),
            chunk(Stream::Resize, 1000, b"80x24"),
            chunk(Stream::Terminal, 1000, b"\x1b[1m$ "),
            chunk(Stream::Resize, 1250, b"120x40"),
            chunk(Stream::Resize, 1250, b"nothing"),
            chunk(Stream::Terminal, 1100, b"late"),
            chunk(Stream::Terminal, 3500, b"\xe2\x82"),
        ]);
        assert_eq!(
            lines,
            [
                json!({"version": 2, "width": 80, "height": 24, "timestamp": 1_700_000_001, "title": "pod/web: \"sh\"",
                    "env": {"TERM": "xterm-256color"}}),
                json!([0.0, "o", "\u{1b}[1m$ "]),
                json!([0.25, "r", "120x40"]),
                json!([0.25, "o", "late"]),
                json!([2.5, "o", "\u{fffd}"]),
            ]
        );
        assert_eq!(read(&[chunk(Stream::Stdout, 0, b"no terminal")]), [] as [Value; 0]);
    }

    proptest! {
        #[test]
        fn no_cut_breaks_a_character(
            text in "[a-zäé€漢🦀\r\n\u{1b}]{0,60}",
            noise in prop::collection::vec(any::<u8>(), 0..6),
            cuts in prop::collection::vec(1_usize..7, 0..60),
        ) {
            let whole = [text.as_bytes(), &noise, text.as_bytes()].concat();
            let mut rest = whole.as_slice();
            let mut chunks = Vec::new();
            for cut in cuts {
                let (piece, more) = rest.split_at(cut.min(rest.len()));
                chunks.push(chunk(Stream::Terminal, 0, piece));
                rest = more;
            }
            chunks.push(chunk(Stream::Terminal, 0, rest));
            let printed: String = read(&chunks).iter().skip(1).map(|event| event[2].as_str().unwrap()).collect();
            prop_assert_eq!(printed, String::from_utf8_lossy(&whole));
        }
    }
}
