//! The order of things: the acts of a call, and the lines of a script. Reference: `startup.c` and `mainloop.c` of
//! PostgreSQL 15's psql, by their behaviour.

use command::Refusal;
use command::psql::{Act, Invocation};
use command::sql::{Input, Scanner, Stop};

use super::client::{Client, Halt, Place, Source};
use super::lines::Lines;
use super::meta::After;
use super::variables::Echo;
use super::{FATAL, SCRIPT_ERROR};

/// The largest file that is read, in bytes. Larger ones come through standard input, line by line.
pub(super) const LARGEST_FILE: usize = 64 << 20;

/// How deep scripts may include others.
const DEEPEST: usize = 16;

impl Client<'_> {
    /// Carries out all acts of a call; the exit code.
    pub(super) async fn run(&mut self, invocation: &Invocation) -> Result<u8, Halt> {
        if invocation.lists {
            return Ok(if self.describe("l", None).await? { 0 } else { FATAL });
        }
        if invocation.acts.is_empty() && !invocation.single_transaction {
            return self.file(None).await;
        }
        if invocation.single_transaction && !self.silently("BEGIN").await? && self.variables.on_error_stop {
            return Ok(SCRIPT_ERROR);
        }
        let mut code = 0;
        if invocation.acts.is_empty() {
            code = self.file(None).await?;
        }
        for act in &invocation.acts {
            code = match act {
                Act::Sql(text) => {
                    self.place = Some(Place { file: None, line: 0 });
                    self.echo(text);
                    if self.send(text.as_bytes()).await? { 0 } else { FATAL }
                }
                Act::Meta(text) => {
                    self.place = Some(Place { file: None, line: 0 });
                    self.echo(text);
                    let (_, after) = self.meta(text, &mut Scanner::psql(), &mut Vec::new()).await?;
                    if matches!(after, After::Failed) { FATAL } else { 0 }
                }
                Act::File(name) => self.file(Some(name)).await?,
            };
            if code != 0 && self.variables.on_error_stop {
                break;
            }
        }
        if invocation.single_transaction {
            let end = if code != 0 && self.variables.on_error_stop { "ROLLBACK" } else { "COMMIT" };
            if !self.silently(end).await? && self.variables.on_error_stop {
                return Ok(SCRIPT_ERROR);
            }
        }
        Ok(code)
    }

    fn echo(&mut self, text: &str) {
        if self.variables.echo == Echo::Lines {
            self.output.out(&format!("{text}\n"));
        }
    }

    /// A statement of psql's own whose tag is not shown.
    async fn silently(&mut self, statement: &str) -> Result<bool, Halt> {
        Ok(self.ask(statement).await?.is_some())
    }

    /// Carries out a script: standard input without a name, `-` for it with one, or a file of the caller's.
    pub(super) async fn file(&mut self, name: Option<&str>) -> Result<u8, Halt> {
        if self.sources.len() >= DEEPEST {
            self.complain("scripts are included too deep").await?;
            return Ok(FATAL);
        }
        let (source, file) = match name {
            None => (Source::Input, None),
            Some("-") => (Source::Input, Some("<stdin>".to_owned())),
            Some(name) => match self.read(name).await? {
                Some(lines) => (Source::File(lines), Some(name.to_owned())),
                None => return Ok(FATAL),
            },
        };
        let outer = self.place.replace(Place { file, line: 0 });
        self.sources.push(source);
        let code = Box::pin(self.script()).await;
        self.sources.pop();
        self.place = outer;
        code
    }

    /// A file of the caller's; `None` where it cannot be read, which is told.
    pub(super) async fn read(&mut self, name: &str) -> Result<Option<Lines>, Halt> {
        match self.output.io.read_file(name, LARGEST_FILE).await {
            Ok(bytes) => Ok(Some(Lines::of(&bytes))),
            Err(operations::FileError::Ended(_)) => Err(Halt::Left),
            Err(error @ operations::FileError::TooLarge(_)) => {
                self.complain(&format!("{name}: {error}; give it as standard input: psql … < {name}")).await?;
                Ok(None)
            }
            Err(error) => {
                self.complain(&format!("{name}: {error}")).await?;
                Ok(None)
            }
        }
    }

    async fn script(&mut self) -> Result<u8, Halt> {
        let mut scanner = Scanner::psql();
        let mut previous = Vec::new();
        let outer_branches = self.branches.len();
        let mut code = 0;
        let mut first = true;
        while let Some(mut line) = self.line().await? {
            if std::mem::take(&mut first) {
                if line.starts_with(b"PGDMP") {
                    self.output.out("The input is a PostgreSQL custom-format dump.\nUse the pg_restore command-line client to restore this dump to a database.\n\n");
                    return Ok(FATAL);
                }
                if line.starts_with(b"\xef\xbb\xbf") {
                    line.drain(..3);
                }
            }
            // psql drops empty lines, so that the lines of error messages are counted without them.
            if line.is_empty() && !scanner.is_quoting() {
                continue;
            }
            if self.variables.echo == Echo::Lines {
                self.output.held.extend_from_slice(&line);
                self.output.out("\n");
            }
            let stops = self.variables.on_error_stop;
            match self.carry_out(line, &mut scanner, &mut previous, stops).await? {
                After::Quit => return Ok(0),
                After::Failed if stops => {
                    code = SCRIPT_ERROR;
                    break;
                }
                _ => {}
            }
        }
        if code == 0 && !scanner.statement().is_empty() && self.is_active() {
            // A script's last statement needs no semicolon.
            let query = scanner.take();
            if !self.send(&query).await? && self.variables.on_error_stop {
                code = SCRIPT_ERROR;
            }
        }
        if code == 0 && self.branches.len() > outer_branches {
            self.complain("reached EOF without finding closing \\endif(s)").await?;
            if self.variables.on_error_stop {
                code = SCRIPT_ERROR;
            }
        }
        self.branches.truncate(outer_branches);
        Ok(code)
    }

    /// One line of a script. [`After::Failed`]: what was done last in it failed.
    async fn carry_out(
        &mut self,
        line: Vec<u8>,
        scanner: &mut Scanner,
        previous: &mut Vec<u8>,
        stops: bool,
    ) -> Result<After, Halt> {
        let mut broken_at = None;
        if !scanner.statement().is_empty() {
            scanner.append(b"\n");
            broken_at = Some(scanner.statement().len());
        }
        let mut input = Input::new(line);
        let mut done = true;
        while done || !stops {
            scanner.follow_standard_strings(self.session.parameter("standard_conforming_strings") != Some("off"));
            let variables = &self.variables;
            let active = self.is_active();
            let stop = scanner
                .scan(&mut input, &|name, quoting| active.then(|| variables.text(name, quoting)).flatten())
                .map_err(|error| Halt::Refused(Refusal::not_permitted(format!("psql: {error}."))))?;
            match stop {
                Stop::Semicolon => {
                    broken_at = None;
                    match self.branches.last().filter(|level| !level.branch.is_active()) {
                        // Of a branch that is not carried out nothing stays.
                        Some(level) => {
                            scanner.back_to(level.kept);
                            done = true;
                        }
                        None => {
                            let query = scanner.take();
                            done = self.send(&query).await?;
                            *previous = query;
                        }
                    }
                }
                Stop::Backslash => {
                    // A line that holds a command alone adds no line to the statement.
                    if broken_at.take() == Some(scanner.statement().len()) {
                        scanner.shorten();
                    }
                    let rest = String::from_utf8_lossy(input.rest()).into_owned();
                    let (used, after) = self.meta(&rest, scanner, previous).await?;
                    // Bytes that are no text were replaced by longer ones: such a line is the command's alone.
                    input.advance(if rest.len() == input.rest().len() { used } else { rest.len() });
                    match after {
                        After::Done => done = true,
                        After::Failed => done = false,
                        After::Quit => return Ok(After::Quit),
                        After::Send(style) => {
                            let query = match scanner.take() {
                                empty if empty.is_empty() => previous.clone(),
                                query => query,
                            };
                            done = query.is_empty() || self.send_styled(&query, style.map(|style| *style)).await?;
                            *previous = query;
                        }
                    }
                }
                Stop::End => {
                    if self.variables.single_line
                        && !scanner.is_quoting()
                        && !scanner.statement().is_empty()
                        && self.is_active()
                    {
                        let query = scanner.take();
                        done = self.send(&query).await?;
                        *previous = query;
                    }
                    break;
                }
            }
        }
        Ok(if done { After::Done } else { After::Failed })
    }
}
