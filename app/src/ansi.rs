//! What a command printed, as HTML that cannot do anything.
//!
//! Output is hostile: it may hold markup, half characters and every escape sequence a terminal knows. Colours and bold,
//! faint, italic, underlined and inverse text (ECMA-48, SGR) become classes; everything else a sequence could ask for is
//! dropped. Memory is bounded: the parser keeps at most 1 KiB of an unfinished sequence, and the HTML of a piece is at
//! most a small multiple of its bytes.

use operations::Stream;
use vte::{Params, Parser, Perform};

/// How many lines one piece holds at most, so that a page can forget old output piece by piece.
const PIECE_LINES: usize = 250;
/// How many bytes of HTML one piece holds before it ends at the next character.
const PIECE_BYTES: usize = 32 * 1024;

/// A part of the output that can be put into a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// One `<span class="piece">`.
    pub(crate) html: String,
    /// How many line ends it holds.
    pub(crate) lines: usize,
}

/// Turns the bytes of one stream of one execution into pieces; remembers colour and half characters in between.
pub(crate) struct Pen {
    parser: Parser,
    ink: Ink,
    at_line_start: bool,
}

impl Pen {
    pub(crate) fn new() -> Self {
        Self { parser: Parser::new(), ink: Ink::default(), at_line_start: true }
    }

    /// Takes the next bytes. `time` stands beside the first line that begins in them.
    pub(crate) fn write(&mut self, bytes: &[u8], stream: Stream, time: &str) -> Vec<Piece> {
        let mut sheet = Sheet {
            ink: self.ink,
            written: None,
            html: String::with_capacity(bytes.len() + 64),
            line_starts_at: self.at_line_start.then_some(0),
            lines: 0,
            returned: false,
            stream,
            time: self.at_line_start.then(|| time.to_owned()),
            at_line_start: self.at_line_start,
            pieces: Vec::new(),
        };
        self.parser.advance(&mut sheet, bytes);
        sheet.end_piece();
        self.ink = sheet.ink;
        self.at_line_start = sheet.at_line_start;
        sheet.pieces
    }
}

/// How the next character looks. Colours are 0 to 15, in the order of ECMA-48 and then their bright forms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ink {
    foreground: Option<u8>,
    background: Option<u8>,
    bold: bool,
    faint: bool,
    italic: bool,
    underlined: bool,
    inverse: bool,
}

impl Ink {
    fn classes(self) -> String {
        let mut classes = String::new();
        let mut add = |class: &str| {
            if !classes.is_empty() {
                classes.push(' ');
            }
            classes.push_str(class);
        };
        if let Some(colour) = self.foreground {
            add(&format!("fg-{colour}"));
        }
        if let Some(colour) = self.background {
            add(&format!("bg-{colour}"));
        }
        for (set, class) in [
            (self.bold, "bold"),
            (self.faint, "faint"),
            (self.italic, "italic"),
            (self.underlined, "underlined"),
            (self.inverse, "inverse"),
        ] {
            if set {
                add(class);
            }
        }
        classes
    }

    /// Select Graphic Rendition, ECMA-48 8.3.117, and the 256 and 16 million colours of xterm.
    fn select(&mut self, params: &Params) {
        let mut codes = params.iter();
        while let Some(code) = codes.next() {
            match code.first().copied().unwrap_or(0) {
                0 => *self = Self::default(),
                1 => self.bold = true,
                2 => self.faint = true,
                3 => self.italic = true,
                4 => self.underlined = code.get(1) != Some(&0),
                7 => self.inverse = true,
                22 => (self.bold, self.faint) = (false, false),
                23 => self.italic = false,
                24 => self.underlined = false,
                27 => self.inverse = false,
                base @ (30..=37 | 90..=97) => self.foreground = Some(sixteen(base, 30)),
                base @ (40..=47 | 100..=107) => self.background = Some(sixteen(base, 40)),
                39 => self.foreground = None,
                49 => self.background = None,
                38 => self.foreground = extended(code, &mut codes).or(self.foreground),
                48 => self.background = extended(code, &mut codes).or(self.background),
                _ => {}
            }
        }
    }
}

fn sixteen(code: u16, base: u16) -> u8 {
    let offset = code - base;
    let colour = if offset >= 60 { offset - 60 + 8 } else { offset };
    u8::try_from(colour).unwrap_or(7)
}

/// `38;5;n`, `38;2;r;g;b`, and the same with colons.
fn extended<'a>(code: &[u16], rest: &mut impl Iterator<Item = &'a [u16]>) -> Option<u8> {
    let mut next = {
        let mut own = code.iter().skip(1).copied();
        move || own.next().or_else(|| rest.next().and_then(|part| part.first().copied()))
    };
    match next()? {
        5 => Some(nearest_of_256(next()?)),
        2 => {
            let (red, green, blue) = (next()?, next()?, next()?);
            Some(nearest(red, green, blue))
        }
        _ => None,
    }
}

fn nearest_of_256(colour: u16) -> u8 {
    match colour {
        0..=15 => u8::try_from(colour).unwrap_or(7),
        16..=231 => {
            let cube = colour - 16;
            nearest(cube / 36 * 51, cube / 6 % 6 * 51, cube % 6 * 51)
        }
        _ => {
            let grey = (colour.min(255) - 232) * 10 + 8;
            nearest(grey, grey, grey)
        }
    }
}

/// The one of the sixteen that comes closest: themes decide how those look, so that text stays readable on both.
fn nearest(red: u16, green: u16, blue: u16) -> u8 {
    let brightest = red.max(green).max(blue);
    let darkest = red.min(green).min(blue);
    if brightest < 48 {
        return 0;
    }
    if brightest - darkest < 32 {
        return if brightest < 128 { 8 } else { 7 };
    }
    let half = u32::from(brightest) * 55 / 100;
    let bit = |part: u16, value: u8| if u32::from(part) > half { value } else { 0 };
    let hue = bit(red, 1) | bit(green, 2) | bit(blue, 4);
    if brightest > 200 && darkest > 60 { hue + 8 } else { hue }
}

struct Sheet {
    ink: Ink,
    /// The ink of the span that is open.
    written: Option<Ink>,
    html: String,
    /// Where the current line starts in `html`, where it does.
    line_starts_at: Option<usize>,
    lines: usize,
    /// A carriage return came, and nothing since.
    returned: bool,
    stream: Stream,
    time: Option<String>,
    at_line_start: bool,
    pieces: Vec<Piece>,
}

impl Sheet {
    fn close_span(&mut self) {
        if self.written.take().is_some() {
            self.html.push_str("</span>");
        }
    }

    fn put(&mut self, character: char) {
        if self.returned {
            self.rewrite_line();
        }
        if self.written.unwrap_or_default() != self.ink {
            self.close_span();
            let classes = self.ink.classes();
            if !classes.is_empty() {
                self.html.push_str("<span class=\"");
                self.html.push_str(&classes);
                self.html.push_str("\">");
                self.written = Some(self.ink);
            }
        }
        match character {
            '<' => self.html.push_str("&lt;"),
            '>' => self.html.push_str("&gt;"),
            '&' => self.html.push_str("&amp;"),
            '"' => self.html.push_str("&quot;"),
            // Text that runs backwards would let a command print what it does not say.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => self.html.push('\u{fffd}'),
            other => self.html.push(other),
        }
        self.at_line_start = false;
        if self.html.len() >= PIECE_BYTES {
            self.end_piece();
        }
    }

    /// What a progress bar does: the line is written again from its start. What is on the page already stays there.
    fn rewrite_line(&mut self) {
        self.returned = false;
        self.close_span();
        match self.line_starts_at {
            Some(start) => self.html.truncate(start),
            None if !self.at_line_start => self.end_line(),
            None => {}
        }
    }

    fn end_line(&mut self) {
        self.returned = false;
        self.close_span();
        self.html.push('\n');
        self.lines += 1;
        self.at_line_start = true;
        self.line_starts_at = Some(self.html.len());
        if self.lines >= PIECE_LINES {
            self.end_piece();
        }
    }

    fn end_piece(&mut self) {
        self.close_span();
        if self.html.is_empty() {
            return;
        }
        let class = match self.stream {
            Stream::Stdout | Stream::Terminal | Stream::Resize => "piece",
            Stream::Stderr => "piece err",
        };
        let time = self.time.take().map(|time| format!(" data-at=\"{time}\"")).unwrap_or_default();
        let html = format!("<span class=\"{class}\" data-lines=\"{}\"{time}>{}</span>", self.lines, self.html);
        self.pieces.push(Piece { html, lines: self.lines });
        self.html.clear();
        self.lines = 0;
        self.line_starts_at = self.at_line_start.then_some(0);
    }
}

impl Perform for Sheet {
    fn print(&mut self, character: char) {
        // C1 controls can come as characters too.
        if !character.is_control() {
            self.put(character);
        }
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\n' => self.end_line(),
            b'\r' => self.returned = true,
            b'\t' => self.put('\t'),
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: char) {
        if action == 'm' && intermediates.is_empty() && !ignore {
            self.ink.select(params);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(parts: &[&[u8]]) -> String {
        let mut pen = Pen::new();
        parts.iter().flat_map(|part| pen.write(part, Stream::Stdout, "10:00:00")).map(|piece| piece.html).collect()
    }

    #[test]
    fn markup_is_text() {
        let html = written(&[b"<script>alert(\"1\")</script> & 'x'\n"]);
        assert_eq!(
            html,
            "<span class=\"piece\" data-lines=\"1\" data-at=\"10:00:00\">\
             &lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; 'x'\n</span>"
        );
    }

    #[test]
    fn colours_are_classes_and_carry_over() {
        let html = written(&[b"\x1b[1;31mred", b" still\x1b[0m plain"]);
        assert!(html.contains("<span class=\"fg-1 bold\">red</span>"), "{html}");
        assert!(html.contains("<span class=\"fg-1 bold\"> still</span> plain"), "{html}");
    }

    #[test]
    fn the_time_stands_where_a_line_begins() {
        let mut pen = Pen::new();
        let first = pen.write(b"half", Stream::Stdout, "10:00:00");
        let second = pen.write(b" line\n", Stream::Stdout, "10:00:01");
        let third = pen.write(b"next", Stream::Stderr, "10:00:02");
        assert!(first[0].html.contains("data-at=\"10:00:00\""));
        assert!(!second[0].html.contains("data-at"));
        assert!(third[0].html.contains("class=\"piece err\""));
        assert!(third[0].html.contains("data-at=\"10:00:02\""));
    }

    #[test]
    fn many_colours_are_sixteen() {
        assert!(written(&[b"\x1b[38;5;196mx"]).contains("fg-1"));
        assert!(written(&[b"\x1b[38;2;0;200;0mx"]).contains("fg-2"));
        assert!(written(&[b"\x1b[48:2:0:0:255mx"]).contains("bg-4"));
        assert!(written(&[b"\x1b[38;5;244mx"]).contains("fg-"));
        assert!(written(&[b"\x1b[94mx"]).contains("fg-12"));
    }

    #[test]
    fn a_character_split_over_chunks_is_whole() {
        let text = "größe ✓".as_bytes();
        for cut in 0..text.len() {
            let html = written(&[&text[..cut], &text[cut..]]);
            let plain = html
                .replace("<span class=\"piece\" data-lines=\"0\" data-at=\"10:00:00\">", "")
                .replace("<span class=\"piece\" data-lines=\"0\">", "")
                .replace("</span>", "");
            assert_eq!(plain, "größe ✓", "cut at {cut}");
        }
    }

    #[test]
    fn hostile_sequences_leave_only_text() {
        let hostile: [&[u8]; 8] = [
            b"\x1b]0;<b>title</b>\x07ok",
            b"\x1b]8;;javascript:alert(1)\x1b\\ok\x1b]8;;\x1b\\",
            b"\x1bP<img src=x>\x1b\\ok",
            b"\x1b[2J\x1b[H\x1b[999Aok",
            b"\x1b[?1049hok",
            b"\x1b_<svg>\x1b\\ok",
            b"\x00\x08\x7f\x1b[6nok",
            b"\x1b[38;5mok",
        ];
        for bytes in hostile {
            let html = written(&[bytes]);
            let inner = html.split_once('>').expect("a piece").1;
            assert_eq!(inner.replace("</span>", ""), "ok", "{bytes:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert!(written(&[b"\xff\xfe ok"]).contains("\u{fffd}"));
        assert!(!written(&["\u{202e}abc".as_bytes()]).contains('\u{202e}'));
    }

    #[test]
    fn an_endless_sequence_keeps_nothing() {
        let mut pen = Pen::new();
        let flood = vec![b'x'; 64 * 1024];
        assert_eq!(pen.write(b"\x1b]0;", Stream::Stdout, ""), []);
        for _ in 0..64 {
            assert_eq!(pen.write(&flood, Stream::Stdout, ""), []);
        }
        let after = pen.write(b"\x07seen", Stream::Stdout, "");
        assert!(after[0].html.contains("seen"));
    }

    #[test]
    fn html_stays_in_proportion() {
        let newlines = vec![b'\n'; 64 * 1024];
        let mut flicker = Vec::new();
        while flicker.len() < 64 * 1024 {
            flicker.extend_from_slice(b"\x1b[1;3;4;7;97;107mx\x1b[mx");
        }
        for bytes in [newlines, flicker, vec![b'&'; 64 * 1024]] {
            let pieces = Pen::new().write(&bytes, Stream::Stderr, "10:00:00");
            let size: usize = pieces.iter().map(|piece| piece.html.len()).sum();
            assert!(size < bytes.len() * 8, "{size}");
            assert!(pieces.iter().all(|piece| piece.lines <= PIECE_LINES));
            assert!(pieces.iter().all(|piece| piece.html.len() < PIECE_BYTES + 1024));
        }
    }

    #[test]
    fn a_progress_bar_shows_its_last_state() {
        let html = written(&[b"start\n 10 %\r 55 %\r100 %\r\ndone\n"]);
        assert!(html.contains("start\n100 %\ndone\n"), "{html}");
    }
}
