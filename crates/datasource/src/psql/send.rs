//! A request to the server, and its results on the caller's screen.

use std::sync::Arc;
use std::time::{Duration, Instant};

use command::Refusal;

use super::client::{Client, Halt};
use super::print::{Footer, Head, Style, Table, html};
use super::variables::Echo;
use crate::report::{Report, Verbosity};
use crate::session::{Column, Event, SessionError};
use crate::wire::WireError;

/// The most that is kept of a query of psql's own (`\d`, `\gset`): rows, and bytes.
const MOST_ROWS: usize = 100_000;
const MOST_BYTES: usize = 16 << 20;

/// What libpq says of a connection that ends in the middle.
const CLOSED: &str = "server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally\n\tbefore or while processing the request.\n";

/// Rows as texts.
pub(super) type Rows = Vec<Vec<Option<String>>>;

impl Client<'_> {
    /// Carries out what the caller wrote. `false`: the server reported an error.
    pub(super) async fn send(&mut self, query: &[u8]) -> Result<bool, Halt> {
        self.send_styled(query, None).await
    }

    /// The same with a way of printing for this once.
    pub(super) async fn send_styled(&mut self, query: &[u8], style: Option<Style>) -> Result<bool, Halt> {
        let starts_program = query.windows(7).any(|word| word.eq_ignore_ascii_case(b"program"))
            && command::sql::starts_program(&String::from_utf8_lossy(query));
        if starts_program {
            return Err(Halt::Refused(Refusal::not_permitted(
                "`COPY … PROGRAM` is not permitted: it starts a program on the database's machine. Use SQL alone.",
            )));
        }
        if self.variables.echo == Echo::Statements {
            self.output.out(&format!("{}\n", String::from_utf8_lossy(query)));
        }
        self.output.flush().await?;
        let start = Instant::now();
        let style = style.unwrap_or_else(|| self.style.clone());
        let done = self.exchange(query, &style).await?;
        if self.timing {
            self.output.out(&timing(start.elapsed()));
        }
        Ok(done)
    }

    async fn exchange(&mut self, query: &[u8], style: &Style) -> Result<bool, Halt> {
        if let Err(error) = self.session.request(query).await {
            return Err(self.over(error, None).await);
        }
        let mut done = true;
        let mut table: Option<Table> = None;
        let mut mark = self.output.mark();
        let mut copied = false;
        let mut notified = Vec::new();
        let mut fatal = None;
        loop {
            let event = match self.session.next().await {
                Ok(event) => event,
                Err(error) => return Err(self.over(error, fatal).await),
            };
            match event {
                Event::Columns(columns) => {
                    mark = self.output.mark();
                    table = Some(Table::new(style.clone(), heads(&columns), Footer::Count));
                }
                Event::Row(row) => {
                    if let Some(table) = &mut table {
                        let values = row.values().map(|value| value.map(String::from_utf8_lossy));
                        table.push(values, &mut self.output.held);
                        while table.print(&mut self.output.held) {
                            self.output.flush().await?;
                        }
                        self.output.ease().await?;
                    }
                }
                Event::Complete(tag) => {
                    let returns = ["INSERT", "UPDATE", "DELETE", "MERGE"].iter().any(|verb| tag.starts_with(verb));
                    match table.take() {
                        Some(mut table) => {
                            table.close(&mut self.output.held);
                            while table.print(&mut self.output.held) {
                                self.output.flush().await?;
                            }
                            table.end(&mut self.output.held);
                            if returns {
                                self.status(&tag, style);
                            }
                        }
                        None if copied => {}
                        None => self.status(&tag, style),
                    }
                    copied = false;
                    let count = tag.rsplit(' ').next().filter(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
                    self.variables.keep("ROW_COUNT", count.unwrap_or("0"));
                    self.variables.keep("ERROR", "false");
                    self.variables.keep("SQLSTATE", "00000");
                    self.output.ease().await?;
                }
                Event::Failed(report) => {
                    done = false;
                    // Rows of a statement that fails are not shown, unless some are on their way already.
                    if table.take().is_some() {
                        self.output.take_back(mark);
                    }
                    if report.kind == "FATAL" || report.kind == "PANIC" {
                        fatal = Some(report);
                        continue;
                    }
                    self.failed(report, query).await?;
                }
                Event::Notice(report) => {
                    let text = report.text(query, self.variables.verbosity);
                    self.say(&text).await?;
                }
                Event::Notified { channel, payload, process } => notified.push((channel, payload, process)),
                Event::CopyIn => {
                    if let Err(error) = self.copy_in().await? {
                        return Err(self.over(error, None).await);
                    }
                }
                Event::CopyOut => copied = true,
                Event::CopyData(data) => {
                    self.output.held.extend_from_slice(&data);
                    self.output.ease().await?;
                }
                Event::Empty | Event::CopyDone => {}
                Event::Ready(_) => break,
            }
        }
        for (channel, payload, process) in notified {
            let payload = if payload.is_empty() { String::new() } else { format!(" with payload \"{payload}\"") };
            self.output.out(&format!(
                "Asynchronous notification \"{channel}\"{payload} received from server process with PID {process}.\n"
            ));
        }
        Ok(done)
    }

    fn status(&mut self, tag: &str, style: &Style) {
        if self.variables.quiet {
            return;
        }
        if style.format == super::print::Format::Html {
            self.output.out("<p>");
            html(tag, &mut self.output.held);
            self.output.out("</p>\n");
        } else {
            self.output.out(&format!("{tag}\n"));
        }
    }

    /// Tells of an error of the server, and remembers it.
    pub(super) async fn failed(&mut self, report: Box<Report>, query: &[u8]) -> Result<(), Halt> {
        let text = report.text(query, self.variables.verbosity);
        self.say(&text).await?;
        if self.variables.echo == Echo::Failures {
            let statement = format!("STATEMENT:  {}\n", String::from_utf8_lossy(query));
            self.say(&statement).await?;
        }
        self.variables.keep("ERROR", "true");
        self.variables.keep("SQLSTATE", &report.code);
        self.variables.keep("ROW_COUNT", "0");
        self.variables.keep("LAST_ERROR_SQLSTATE", &report.code);
        self.variables.keep("LAST_ERROR_MESSAGE", &report.message);
        self.last_error = Some((report, query.to_vec()));
        Ok(())
    }

    /// Tells why the session is over.
    async fn over(&mut self, error: SessionError, fatal: Option<Box<Report>>) -> Halt {
        let text = match error {
            SessionError::Cancelled => return Halt::Left,
            SessionError::Wire(WireError::TooLarge) => format!("{}\n", WireError::TooLarge),
            SessionError::Wire(_) => {
                let last = fatal.map(|report| report.text(b"", Verbosity::Default)).unwrap_or_default();
                format!("{last}{CLOSED}")
            }
        };
        let told = match self.say(&text).await {
            Ok(()) => self.complain("connection to server was lost").await,
            Err(halt) => Err(halt),
        };
        told.err().unwrap_or(Halt::Lost)
    }

    /// A query of psql's own: its rows, or `None` where the server reported an error, which is told.
    pub(super) async fn ask(&mut self, query: &str) -> Result<Option<Rows>, Halt> {
        if self.variables.echo_hidden {
            self.output.out(&format!("********* QUERY **********\n{query}\n**************************\n\n"));
        }
        Ok(self.collect(query.as_bytes()).await?.map(|(_, rows)| rows))
    }

    /// Columns and rows of a query whose result is not printed.
    pub(super) async fn collect(&mut self, query: &[u8]) -> Result<Option<(Arc<[Column]>, Rows)>, Halt> {
        if let Err(error) = self.session.request(query).await {
            return Err(self.over(error, None).await);
        }
        let mut rows = Some(Rows::new());
        let mut columns: Arc<[Column]> = Arc::new([]);
        let mut held = 0;
        loop {
            match self.session.next().await {
                Err(error) => return Err(self.over(error, None).await),
                Ok(Event::Ready(_)) => return Ok(rows.map(|rows| (columns, rows))),
                Ok(Event::Columns(found)) => columns = found,
                Ok(Event::Row(row)) => {
                    held += row.size();
                    if let Some(rows) = rows.as_mut().filter(|rows| rows.len() < MOST_ROWS && held < MOST_BYTES) {
                        rows.push(
                            row.values()
                                .map(|value| value.map(|value| String::from_utf8_lossy(value).into_owned()))
                                .collect(),
                        );
                    }
                }
                Ok(Event::Failed(report)) => {
                    rows = None;
                    self.failed(report, query).await?;
                }
                Ok(Event::Notice(report)) => {
                    let text = report.text(query, self.variables.verbosity);
                    self.say(&text).await?;
                }
                Ok(_) => {}
            }
        }
    }
}

pub(super) fn heads(columns: &[Column]) -> Vec<Head> {
    columns.iter().map(|column| Head { name: column.name.clone(), right: column.is_number() }).collect()
}

/// `Time: 12.345 ms`, with hours and minutes from one second on.
fn timing(elapsed: Duration) -> String {
    let milliseconds = elapsed.as_secs_f64() * 1000.0;
    if milliseconds < 1000.0 {
        return format!("Time: {milliseconds:.3} ms\n");
    }
    let minutes = elapsed.as_secs() / 60;
    let seconds = milliseconds / 1000.0 - (minutes * 60) as f64;
    if minutes < 60 {
        return format!("Time: {milliseconds:.3} ms ({minutes:02}:{seconds:06.3})\n");
    }
    format!("Time: {milliseconds:.3} ms ({:02}:{:02}:{seconds:06.3})\n", minutes / 60, minutes % 60)
}
