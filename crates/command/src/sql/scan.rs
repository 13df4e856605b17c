//! Where a SQL statement ends, by PostgreSQL's own lexical rules.
//!
//! Two programs read SQL: the server, which takes a text as it is, and `psql`, which cuts its input into statements,
//! replaces `:name` by variables and stops at backslash commands. Source of the rules: PostgreSQL documentation, 4.1
//! "Lexical Structure", and `src/fe_utils/psqlscan.l` of PostgreSQL 15, which is the reference where they leave a doubt.
//!
//! Written by hand because a general SQL tokenizer does not serve: it has neither psql's variables and backslashes, nor
//! a state that survives from one line of a script to the next, and it refuses texts that the server would judge itself.

use super::input::{Input, Quoting, continuation, dollar_tag, is_identifier_start, variable};

/// The longest statement that is taken in, in bytes.
pub const LONGEST_STATEMENT: usize = 16 << 20;

/// Why a text is read no further.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// The statement is longer than [`LONGEST_STATEMENT`].
    #[error("a statement is longer than {LONGEST_STATEMENT} bytes")]
    TooLong,
    /// Variables hold each other's names too deep.
    #[error("variables are nested too deep")]
    TooDeep,
}

/// Why [`Scanner::scan`] stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// After a semicolon that ends the statement.
    Semicolon,
    /// After the backslash of a psql command; the command's name is next in the input.
    Backslash,
    /// At the end of the text: more of the statement may follow.
    End,
}

/// Looks a variable up; `None` leaves the text as it stands.
pub type Lookup<'a> = &'a dyn Fn(&str, Quoting) -> Option<String>;

/// One word or sign of a statement, without comments and white space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// A keyword or an identifier without quotes, in lower case.
    Word(String),
    /// An identifier in double quotes.
    Quoted(String),
    /// A string in single quotes or dollars; its text as written, without the quotes.
    Text(String),
    /// Any other sign, one byte: `(`, `,`, `*`, a digit.
    Sign(u8),
}

/// Tokens kept of one statement; a longer one counts as anything it could be.
const MOST_TOKENS: usize = 50_000;

/// Bytes kept of one token's text.
const LONGEST_TOKEN: usize = 4096;

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Plain,
    /// In single quotes; `true` where a backslash escapes.
    String(bool),
    Identifier,
    Dollar(Vec<u8>),
    Comment(u32),
}

/// Whose rules are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    Server,
    Psql,
}

/// A place in a statement that is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    length: usize,
    parentheses: u32,
}

/// Reads statements out of a text or out of line after line.
#[derive(Debug)]
pub struct Scanner {
    reader: Reader,
    state: State,
    /// Whether plain quotes know no backslash (`standard_conforming_strings`).
    standard_strings: bool,
    parentheses: u32,
    /// Open `BEGIN … END` in the body of a `CREATE FUNCTION`.
    begins: u32,
    /// The first letters of the first words, where they are those of `CREATE OR REPLACE FUNCTION`.
    opening: [u8; 4],
    words: usize,
    statement: Vec<u8>,
    tokens: Option<Vec<Token>>,
    text: Vec<u8>,
}

impl Scanner {
    /// Reads as the server does.
    #[must_use]
    pub fn server() -> Self {
        Self::new(Reader::Server)
    }

    /// Reads as psql does: with variables and backslash commands.
    #[must_use]
    pub fn psql() -> Self {
        Self::new(Reader::Psql)
    }

    fn new(reader: Reader) -> Self {
        Self {
            reader,
            state: State::Plain,
            standard_strings: true,
            parentheses: 0,
            begins: 0,
            opening: [0; 4],
            words: 0,
            statement: Vec::new(),
            tokens: None,
            text: Vec::new(),
        }
    }

    /// Keeps the tokens of statements too.
    #[must_use]
    pub fn with_tokens(mut self) -> Self {
        self.tokens = Some(Vec::new());
        self
    }

    /// Follows the server's `standard_conforming_strings`.
    pub fn follow_standard_strings(&mut self, on: bool) {
        self.standard_strings = on;
    }

    /// What has been read of the statement.
    #[must_use]
    pub fn statement(&self) -> &[u8] {
        &self.statement
    }

    /// Whether the text ended inside quotes, dollars or a comment.
    #[must_use]
    pub fn is_quoting(&self) -> bool {
        self.state != State::Plain
    }

    /// Takes the statement, and begins the next one.
    pub fn take(&mut self) -> Vec<u8> {
        self.state = State::Plain;
        (self.parentheses, self.begins, self.words) = (0, 0, 0);
        self.text.clear();
        if let Some(tokens) = &mut self.tokens {
            tokens.clear();
        }
        std::mem::take(&mut self.statement)
    }

    /// The tokens of the statement, where they are kept; `None` where there are too many.
    #[must_use]
    pub fn tokens(&self) -> Option<&[Token]> {
        self.tokens.as_deref().filter(|tokens| tokens.len() < MOST_TOKENS)
    }

    /// Puts text behind what has been read: the line break between two lines of a script, an earlier statement.
    pub fn append(&mut self, text: &[u8]) {
        self.statement.extend_from_slice(text);
    }

    /// A place in the statement, outside quotes and comments.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark { length: self.statement.len(), parentheses: self.parentheses }
    }

    /// Forgets what was read since.
    pub fn back_to(&mut self, mark: Mark) {
        self.statement.truncate(mark.length);
        self.parentheses = mark.parentheses;
    }

    /// Takes the last byte back.
    pub fn shorten(&mut self) {
        self.statement.pop();
    }

    /// Reads on until something ends.
    ///
    /// # Errors
    /// [`ScanError`]: the statement cannot be taken in.
    pub fn scan(&mut self, input: &mut Input, lookup: Lookup<'_>) -> Result<Stop, ScanError> {
        loop {
            if self.statement.len() > LONGEST_STATEMENT {
                return Err(ScanError::TooLong);
            }
            if input.rest().is_empty() {
                return Ok(Stop::End);
            }
            match &self.state {
                State::Plain => {
                    if let Some(stop) = self.plain(input, lookup)? {
                        return Ok(stop);
                    }
                }
                State::String(escapes) => {
                    let escapes = *escapes;
                    self.string(input, escapes);
                }
                State::Identifier => self.identifier(input),
                State::Dollar(tag) => {
                    let tag = tag.clone();
                    self.dollar(input, &tag);
                }
                State::Comment(depth) => {
                    let depth = *depth;
                    self.comment(input, depth);
                }
            }
        }
    }

    fn emit(&mut self, input: &mut Input, bytes: usize) {
        let bytes = bytes.min(input.rest().len());
        self.statement.extend_from_slice(&input.rest()[..bytes]);
        input.advance(bytes);
    }

    fn token(&mut self, token: impl FnOnce() -> Token) {
        if let Some(tokens) = self.tokens.as_mut().filter(|tokens| tokens.len() < MOST_TOKENS) {
            tokens.push(token());
        }
    }

    fn keep(&mut self, text: &[u8]) {
        if self.tokens.is_some() && self.text.len() < LONGEST_TOKEN {
            self.text.extend_from_slice(&text[..text.len().min(LONGEST_TOKEN)]);
        }
    }

    fn kept(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.text)).into_owned()
    }

    fn plain(&mut self, input: &mut Input, lookup: Lookup<'_>) -> Result<Option<Stop>, ScanError> {
        let rest = input.rest();
        let first = rest[0];
        let second = rest.get(1).copied().unwrap_or(0);
        match (first, second) {
            (b' ' | b'\t' | b'\n' | b'\r' | b'\x0c', _) => {
                // Space before a statement is not part of it: positions in error messages count from its first word.
                if self.statement.is_empty() && self.reader == Reader::Psql {
                    input.advance(1);
                } else {
                    self.emit(input, 1);
                }
            }
            (b'-', b'-') => {
                let length = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
                if self.statement.is_empty() && self.reader == Reader::Psql {
                    input.advance(length);
                } else {
                    self.emit(input, length);
                }
            }
            (b'/', b'*') => {
                self.state = State::Comment(1);
                self.emit(input, 2);
            }
            (b'\'', _) => {
                self.state = State::String(!self.standard_strings);
                self.emit(input, 1);
            }
            (b'e' | b'E', b'\'') => {
                self.state = State::String(true);
                self.emit(input, 2);
            }
            (b'b' | b'B' | b'x' | b'X', b'\'') => {
                self.state = State::String(false);
                self.emit(input, 2);
            }
            (b'u' | b'U', b'&') if rest.get(2) == Some(&b'\'') => {
                self.state = State::String(false);
                self.emit(input, 3);
            }
            (b'u' | b'U', b'&') if rest.get(2) == Some(&b'"') => {
                self.state = State::Identifier;
                // Escapes in it are not decoded: it may be any name. No name has this byte.
                self.keep(b"\0");
                self.emit(input, 3);
            }
            (b'n' | b'N', b'\'') => self.emit(input, 1),
            (b'"', _) => {
                self.state = State::Identifier;
                self.emit(input, 1);
            }
            (b'$', _) => match dollar_tag(rest) {
                Some(tag) => {
                    self.emit(input, tag.len());
                    self.state = State::Dollar(tag);
                }
                None => self.sign(input, 1),
            },
            (b'(', _) => {
                self.parentheses = self.parentheses.saturating_add(1);
                self.sign(input, 1);
            }
            (b')', _) => {
                self.parentheses = self.parentheses.saturating_sub(1);
                self.sign(input, 1);
            }
            (b';', _) => {
                if self.parentheses == 0 && self.begins == 0 {
                    self.emit(input, 1);
                    self.words = 0;
                    return Ok(Some(Stop::Semicolon));
                }
                self.sign(input, 1);
            }
            (b':', b':' | b'=') => self.sign(input, 2),
            (b':', _) if self.reader == Reader::Psql => self.variable(input, lookup)?,
            (b'\\', b';' | b':') if self.reader == Reader::Psql => {
                input.advance(1);
                self.words = if second == b';' { 0 } else { self.words };
                self.sign(input, 1);
            }
            (b'\\', _) if self.reader == Reader::Psql => {
                input.advance(1);
                return Ok(Some(Stop::Backslash));
            }
            _ if is_identifier_start(first) => {
                let length = rest
                    .iter()
                    .position(|&byte| !is_identifier_start(byte) && !byte.is_ascii_digit() && byte != b'$')
                    .unwrap_or(rest.len());
                let word = String::from_utf8_lossy(&rest[..length.min(LONGEST_TOKEN)]).to_lowercase();
                self.word(&word);
                self.token(|| Token::Word(word));
                self.emit(input, length);
            }
            _ => self.sign(input, 1),
        }
        Ok(None)
    }

    fn sign(&mut self, input: &mut Input, bytes: usize) {
        for at in 0..bytes {
            let byte = input.rest()[at];
            self.token(|| Token::Sign(byte));
        }
        self.emit(input, bytes);
    }

    /// Semicolons in a function's body that stands without quotes (`BEGIN ATOMIC`) do not end the statement.
    fn word(&mut self, word: &str) {
        if self.words == 0 {
            self.opening = [0; 4];
        }
        if matches!(word, "create" | "function" | "procedure" | "or" | "replace")
            && let Some(letter) = self.opening.get_mut(self.words)
        {
            *letter = word.as_bytes()[0];
        }
        self.words += 1;
        let creates = matches!(&self.opening, [b'c', b'f' | b'p', ..] | [b'c', b'o', b'r', b'f' | b'p']);
        if creates && self.parentheses == 0 {
            match word {
                "begin" => self.begins = self.begins.saturating_add(1),
                "case" if self.begins > 0 => self.begins = self.begins.saturating_add(1),
                "end" => self.begins = self.begins.saturating_sub(1),
                _ => {}
            }
        }
    }

    fn variable(&mut self, input: &mut Input, lookup: Lookup<'_>) -> Result<(), ScanError> {
        let Some((name, quoting, length)) = variable(input.rest()) else {
            self.sign(input, 1);
            return Ok(());
        };
        match lookup(&name, quoting) {
            None => self.sign(input, 1),
            Some(value) if quoting == Quoting::Plain => {
                if input.is_expanding(&name) {
                    self.sign(input, 1);
                } else {
                    input.expand(&name, length, &value)?;
                }
            }
            Some(value) => {
                // A quoted value is one token: it is not looked into.
                self.statement.extend_from_slice(value.as_bytes());
                let token = match quoting {
                    Quoting::Literal => Token::Text(value),
                    Quoting::Identifier => Token::Quoted(value),
                    Quoting::Plain | Quoting::Test => Token::Word(value),
                };
                self.token(|| token);
                input.advance(length);
            }
        }
        Ok(())
    }

    fn string(&mut self, input: &mut Input, escapes: bool) {
        let rest = input.rest();
        let special = rest.iter().position(|&byte| byte == b'\'' || (escapes && byte == b'\\')).unwrap_or(rest.len());
        if special > 0 {
            let inside = rest[..special].to_vec();
            self.keep(&inside);
            self.emit(input, special);
            return;
        }
        match rest.get(..2) {
            Some([b'\\', _]) => {
                let pair = rest[..2].to_vec();
                self.keep(&pair);
                self.emit(input, 2);
            }
            Some(b"''") => {
                self.keep(b"'");
                self.emit(input, 2);
            }
            _ if rest[0] == b'\\' => self.emit(input, 1),
            _ => {
                self.emit(input, 1);
                // 'a' and 'b' with a line break between them are one string.
                if let Some(length) = continuation(input.rest()) {
                    self.emit(input, length);
                    return;
                }
                self.state = State::Plain;
                let text = self.kept();
                self.token(|| Token::Text(text));
            }
        }
    }

    fn identifier(&mut self, input: &mut Input) {
        let rest = input.rest();
        let length = rest.iter().position(|&byte| byte == b'"').unwrap_or(rest.len());
        if length > 0 {
            let inside = rest[..length].to_vec();
            self.keep(&inside);
            self.emit(input, length);
        } else if rest.get(1) == Some(&b'"') {
            self.keep(b"\"");
            self.emit(input, 2);
        } else {
            self.state = State::Plain;
            let text = self.kept();
            self.token(|| Token::Quoted(text));
            self.emit(input, 1);
        }
    }

    fn dollar(&mut self, input: &mut Input, tag: &[u8]) {
        let rest = input.rest();
        let end = rest.windows(tag.len()).position(|window| window == tag);
        let inside = rest[..end.unwrap_or(rest.len()).min(LONGEST_TOKEN)].to_vec();
        self.keep(&inside);
        let length = end.map_or(rest.len(), |end| end + tag.len());
        self.emit(input, length);
        if end.is_some() {
            self.state = State::Plain;
            let text = self.kept();
            self.token(|| Token::Text(text));
        }
    }

    fn comment(&mut self, input: &mut Input, depth: u32) {
        match input.rest() {
            [b'/', b'*', ..] => {
                self.state = State::Comment(depth.saturating_add(1));
                self.emit(input, 2);
            }
            [b'*', b'/', ..] => {
                self.state = if depth <= 1 { State::Plain } else { State::Comment(depth - 1) };
                self.emit(input, 2);
            }
            rest => {
                let next = rest[1..].iter().position(|byte| matches!(byte, b'*' | b'/'));
                let length = next.map_or(rest.len(), |next| next + 1);
                self.emit(input, length);
            }
        }
    }
}
