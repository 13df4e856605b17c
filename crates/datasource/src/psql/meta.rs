//! Backslash commands.

mod query;

use command::psql::{MetaCommand, refused};
use command::sql::{Quoting, Scanner};

use super::arguments::{Arguments, Kind};
use super::client::{Branch, Client, Halt, Level};
use super::print::{Format, Style};
use super::pset;
use super::variables::truth;
use crate::report::Verbosity;

/// What follows a backslash command.
pub(super) enum After {
    /// It is done.
    Done,
    /// It failed.
    Failed,
    /// The script ends.
    Quit,
    /// The statement so far is sent, printed this way for once.
    Send(Option<Box<Style>>),
}

/// Commands of psql that are not performed here.
const NOT_PERFORMED: &[&str] =
    &["bind", "crosstabview", "gdesc", "h", "help", "?", "copyright", "sf", "sf+", "sv", "sv+", "lo_list", "s", "z"];

/// The commands of PostgreSQL 15's psql, but for those that begin with `d`.
const OF_PSQL: &[&str] = &[
    "a",
    "C",
    "c",
    "connect",
    "cd",
    "conninfo",
    "copy",
    "copyright",
    "crosstabview",
    "e",
    "edit",
    "ef",
    "ev",
    "echo",
    "qecho",
    "warn",
    "encoding",
    "errverbose",
    "f",
    "g",
    "gx",
    "gdesc",
    "getenv",
    "gexec",
    "gset",
    "h",
    "help",
    "H",
    "html",
    "i",
    "include",
    "ir",
    "include_relative",
    "l",
    "l+",
    "list",
    "list+",
    "lo_export",
    "lo_import",
    "lo_list",
    "lo_unlink",
    "o",
    "out",
    "p",
    "print",
    "password",
    "prompt",
    "pset",
    "q",
    "quit",
    "r",
    "reset",
    "s",
    "set",
    "setenv",
    "sf",
    "sf+",
    "sv",
    "sv+",
    "t",
    "T",
    "timing",
    "unset",
    "w",
    "write",
    "watch",
    "x",
    "z",
    "!",
    "?",
];

impl Client<'_> {
    /// Carries out the command at the start of `line`, without its backslash. Tells how much of the line it used.
    pub(super) async fn meta(
        &mut self,
        line: &str,
        scanner: &mut Scanner,
        previous: &mut Vec<u8>,
    ) -> Result<(usize, After), Halt> {
        let command = MetaCommand::read(line);
        let start = line.len() - command.rest.len();
        let branches = matches!(command.name.as_str(), "if" | "elif" | "else" | "endif");
        if !self.is_active() && !branches {
            if !command.name.starts_with('d') && !OF_PSQL.contains(&command.name.as_str()) {
                self.complain(&format!("invalid command \\{}", command.name)).await?;
                return Ok((line.len(), After::Failed));
            }
            // What is not carried out is not judged either; its arguments are skipped.
            let mut arguments = Arguments::new(&line[start..]);
            let skipped = arguments.all(Kind::Plain, &|_, _| None).is_ok();
            return Ok((if skipped { start + arguments.end() } else { line.len() }, After::Done));
        }
        refused(&command).map_err(Halt::Refused)?;
        let mut arguments = Arguments::new(&line[start..]);
        let done = match self.one(&command.name, &mut arguments, scanner, previous).await? {
            Ok(after) => after,
            Err(wrong) => {
                self.complain(&wrong).await?;
                After::Failed
            }
        };
        if let After::Failed = done {
            // psql skips the rest of the line behind a command that failed.
            return Ok((line.len(), done));
        }
        let lookup = |_: &str, _: Quoting| None;
        while let Ok(Some(extra)) = arguments.next(Kind::Plain, &lookup) {
            self.say(&format!("warning: \\{}: extra argument \"{extra}\" ignored\n", command.name)).await?;
        }
        Ok((start + arguments.end(), done))
    }

    async fn one(
        &mut self,
        name: &str,
        arguments: &mut Arguments<'_>,
        scanner: &mut Scanner,
        previous: &mut Vec<u8>,
    ) -> Result<Result<After, String>, Halt> {
        let variables = self.variables.clone();
        let lookup = |name: &str, quoting: Quoting| variables.text(name, quoting);
        macro_rules! argument {
            ($kind:expr) => {
                match arguments.next($kind, &lookup) {
                    Ok(argument) => argument,
                    // psql tells and goes on as if nothing stood there.
                    Err(wrong) => {
                        self.complain(&wrong).await?;
                        None
                    }
                }
            };
        }
        macro_rules! all {
            () => {
                match arguments.all(Kind::Plain, &lookup) {
                    Ok(all) => all,
                    Err(wrong) => {
                        self.complain(&wrong).await?;
                        Vec::new()
                    }
                }
            };
        }
        let required = || Ok(Err(format!("\\{name}: missing required argument")));
        Ok(match name {
            "q" | "quit" => Ok(After::Quit),
            "if" | "elif" | "else" | "endif" => {
                let condition = if matches!(name, "if" | "elif") { Some(all!().join(" ")) } else { None };
                if let Some(text) = condition.as_ref().filter(|text| truth(text).is_none() || text.is_empty()) {
                    self.complain(&format!(
                        "unrecognized value \"{text}\" for \"\\{name} expression\": Boolean expected"
                    ))
                    .await?;
                }
                let holds = condition.is_some_and(|text| !text.is_empty() && truth(&text) == Some(true));
                self.branch(name, holds, scanner)
            }
            "echo" | "qecho" | "warn" => {
                let mut words = all!();
                let breaks = words.first().is_none_or(|word| word != "-n");
                if !breaks {
                    words.remove(0);
                }
                let text = format!("{}{}", words.join(" "), if breaks { "\n" } else { "" });
                if name == "warn" {
                    self.output.err(&text).await?;
                } else {
                    self.output.out(&text);
                }
                Ok(After::Done)
            }
            "set" => match argument!(Kind::Plain) {
                None => {
                    let text: String =
                        self.variables.all().map(|(name, value)| format!("{name} = '{value}'\n")).collect();
                    self.output.out(&text);
                    Ok(After::Done)
                }
                Some(variable) => {
                    let value = all!().concat();
                    self.variables.set(&variable, &value).map(|()| After::Done)
                }
            },
            "unset" => match argument!(Kind::Plain) {
                None => return required(),
                Some(variable) => self.variables.unset(&variable).map(|()| After::Done),
            },
            "x" | "t" | "a" | "H" | "html" | "C" | "f" | "T" | "pset" => {
                let first = argument!(Kind::Plain);
                let (what, value) = match name {
                    "pset" => match first {
                        None => {
                            let all = [
                                "border",
                                "csv_fieldsep",
                                "expanded",
                                "fieldsep",
                                "footer",
                                "format",
                                "null",
                                "recordsep",
                                "title",
                                "tuples_only",
                            ];
                            let text: String = all.iter().filter_map(|name| pset::told(&self.style, name)).collect();
                            self.output.out(&text);
                            return Ok(Ok(After::Done));
                        }
                        Some(what) => (what, argument!(Kind::Plain)),
                    },
                    "a" => ("format".to_owned(), Some(self.other_format(Format::Unaligned, "unaligned"))),
                    "H" | "html" => ("format".to_owned(), Some(self.other_format(Format::Html, "html"))),
                    "f" => ("fieldsep".to_owned(), first),
                    other => (other.to_owned(), first),
                };
                let asks = name == "pset"
                    && value.is_none()
                    && matches!(what.as_str(), "border" | "format" | "linestyle" | "csv_fieldsep")
                    || name == "f" && value.is_none();
                let set = if asks { Ok(()) } else { pset::set(&mut self.style, &what, value.as_deref()) };
                // psql 15 says nothing of these when they are given a value.
                let silent = name != "pset" && name != "t"
                    || !matches!(what.as_str(), "t" | "tuples_only" | "footer" | "numericlocale");
                if set.is_ok() && !self.variables.quiet && (silent || value.is_none()) {
                    self.output.out(&pset::told(&self.style, &what).unwrap_or_default());
                }
                set.map(|()| After::Done)
            }
            "timing" => {
                let on = match argument!(Kind::Plain) {
                    None => !self.timing,
                    Some(text) => match truth(&text) {
                        Some(on) => on,
                        None => {
                            self.complain(&format!("unrecognized value \"{text}\" for \"\\timing\": Boolean expected"))
                                .await?;
                            self.timing
                        }
                    },
                };
                self.timing = on;
                if !self.variables.quiet {
                    self.output.out(if on { "Timing is on.\n" } else { "Timing is off.\n" });
                }
                Ok(After::Done)
            }
            "conninfo" => {
                let address = self.session.way().address();
                let text = format!(
                    "You are connected to database \"{}\" as user \"{}\" through the datasource \"{}\".\n",
                    address.database, address.user, self.name
                );
                self.output.out(&text);
                Ok(After::Done)
            }
            "encoding" => {
                let encoding = self.session.parameter("client_encoding").unwrap_or("UTF8").to_owned();
                match argument!(Kind::Plain) {
                    Some(wanted) if wanted.to_ascii_uppercase().replace('-', "") != "UTF8" => {
                        Err(format!("{wanted}: invalid encoding name or conversion procedure not found"))
                    }
                    Some(_) => Ok(After::Done),
                    None => {
                        self.output.out(&format!("{encoding}\n"));
                        Ok(After::Done)
                    }
                }
            }
            "errverbose" => {
                let text = match &self.last_error {
                    Some((report, query)) => report.text(query, Verbosity::Verbose),
                    None => "There is no previous error.\n".to_owned(),
                };
                if self.last_error.is_some() {
                    self.say(&text).await?;
                } else {
                    self.output.out(&text);
                }
                Ok(After::Done)
            }
            "r" | "reset" => {
                scanner.take();
                if !self.variables.quiet {
                    self.output.out("Query buffer reset (cleared).\n");
                }
                Ok(After::Done)
            }
            "p" | "print" => {
                let query =
                    if scanner.statement().is_empty() { previous.clone() } else { scanner.statement().to_vec() };
                if query.is_empty() {
                    if !self.variables.quiet {
                        self.output.out("Query buffer is empty.\n");
                    }
                } else {
                    self.output.held.extend_from_slice(&query);
                    self.output.out("\n");
                }
                Ok(After::Done)
            }
            "o" | "out" => Ok(After::Done),
            "g" | "gx" => {
                let mut style = self.style.clone();
                style.expanded |= name == "gx";
                let options = arguments.whole();
                if let Some(options) = options.strip_prefix('(') {
                    for pair in options.trim_end_matches(')').split_ascii_whitespace() {
                        let (what, value) =
                            pair.split_once('=').map_or((pair, None), |(what, value)| (what, Some(value)));
                        if let Err(wrong) = pset::set(&mut style, what, value) {
                            return Ok(Err(wrong));
                        }
                    }
                }
                Ok(After::Send(Some(Box::new(style))))
            }
            "gset" => {
                let prefix = argument!(Kind::Plain).unwrap_or_default();
                return self.gset(&prefix, scanner, previous).await;
            }
            "gexec" => return self.gexec(scanner, previous).await,
            "watch" => {
                // What is no number of seconds is one second, as psql 15 has it.
                let pause = argument!(Kind::Plain).map_or(2.0, |text| {
                    text.parse::<f64>().ok().filter(|pause| pause.is_finite() && *pause > 0.0).unwrap_or(1.0)
                });
                let query = match scanner.take() {
                    empty if empty.is_empty() => previous.clone(),
                    query => query,
                };
                *previous = query.clone();
                return self.watch(&query, pause).await;
            }
            "i" | "include" | "ir" | "include_relative" => match argument!(Kind::Plain) {
                None => return required(),
                Some(file) => {
                    let code = self.file(Some(&file)).await?;
                    // The line of the script that includes goes on.
                    Ok(if code == 0 { After::Done } else { After::Failed })
                }
            },
            "copy" => {
                let text = arguments.whole();
                Ok(if self.copy(text).await? { After::Done } else { After::Failed })
            }
            "l" | "l+" | "list" | "list+" => {
                let pattern = argument!(Kind::Plain);
                Ok(if self.describe(name, pattern.as_deref()).await? { After::Done } else { After::Failed })
            }
            _ if name.starts_with('d') && super::describe::knows(name) => {
                let mut patterns = all!();
                let pattern = if patterns.is_empty() { None } else { Some(patterns.remove(0)) };
                Ok(if self.describe(name, pattern.as_deref()).await? { After::Done } else { After::Failed })
            }
            _ if NOT_PERFORMED.contains(&name) || name.starts_with('d') && name.len() <= 4 => {
                Err(format!("\\{name} is not performed by this portal"))
            }
            _ => Err(format!("invalid command \\{name}")),
        })
    }

    fn other_format(&self, format: Format, name: &str) -> String {
        if self.style.format == format { "aligned".to_owned() } else { name.to_owned() }
    }

    fn branch(&mut self, name: &str, holds: bool, scanner: &mut Scanner) -> Result<After, String> {
        if name == "if" {
            let branch = if !self.is_active() {
                Branch::Done
            } else if holds {
                Branch::Active
            } else {
                Branch::Waiting
            };
            self.branches.push(Level { branch, kept: scanner.mark() });
            return Ok(After::Done);
        }
        let Some(mut level) = self.branches.pop() else { return Err(format!("\\{name}: no matching \\if")) };
        if name != "endif" && matches!(level.branch, Branch::Last { .. }) {
            self.branches.push(level);
            return Err(format!("\\{name}: cannot occur after \\else"));
        }
        if level.branch.is_active() {
            level.kept = scanner.mark();
        } else {
            scanner.back_to(level.kept);
        }
        if name == "endif" {
            return Ok(After::Done);
        }
        let free = level.branch == Branch::Waiting && self.is_active();
        level.branch = match (name, free) {
            ("else", active) => Branch::Last { active },
            (_, true) if holds => Branch::Active,
            (_, true) => Branch::Waiting,
            (_, false) => Branch::Done,
        };
        self.branches.push(level);
        Ok(After::Done)
    }
}
