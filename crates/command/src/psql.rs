//! psql's arguments. Source: PostgreSQL 15 documentation, "psql"; getopt_long(3), which permits options behind words,
//! letters in clusters and long names cut short.

mod connection;
mod meta;

use crate::action::{Action, Effect, Refusal, Target};
use crate::sql;

pub use meta::{MetaCommand, refused};

/// One call of psql.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// What the call names its database: `-d`, the first word, or `dbname` of a connection string.
    pub database: Option<String>,
    /// What the call names the server: `-h`, or the host of a connection string.
    pub host: Option<String>,
    /// What it carries out, in order. Empty: a script from standard input.
    pub acts: Vec<Act>,
    /// What it sets before that, in order.
    pub settings: Vec<Setting>,
    /// `-1`: all acts in one transaction.
    pub single_transaction: bool,
    /// `-l`: lists the databases and does nothing else.
    pub lists: bool,
    /// `--version` or `--help`: talks about psql itself and connects to nothing.
    pub about: Option<About>,
    /// The action as the policy sees it.
    pub action: Action,
}

/// What psql can say about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// `--version`
    Version,
    /// `--help`
    Help,
}

/// One thing that a call carries out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// `-c 'SELECT …'`: one request to the server, whatever number of statements it holds.
    Sql(String),
    /// `-c '\d t'`, without the backslash.
    Meta(String),
    /// `-f file`; `-` is standard input.
    File(String),
}

/// A setting that an option makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// A variable: `-v NAME=value`, or `None` to remove it (`-v NAME`).
    Variable(String, Option<String>),
    /// A way of printing, as `\pset` takes it: `format=csv`, `pager`.
    Print(String),
}

/// How an option is spelled: its letter, its long names and whether it takes a value.
const OPTIONS: &[(char, &[&str], bool)] = &[
    ('a', &["echo-all"], false),
    ('A', &["no-align"], false),
    ('b', &["echo-errors"], false),
    ('c', &["command"], true),
    ('d', &["dbname"], true),
    ('e', &["echo-queries"], false),
    ('E', &["echo-hidden"], false),
    ('f', &["file"], true),
    ('F', &["field-separator"], true),
    ('h', &["host"], true),
    ('H', &["html"], false),
    ('l', &["list"], false),
    ('L', &["log-file"], true),
    ('n', &["no-readline"], false),
    ('o', &["output"], true),
    ('p', &["port"], true),
    ('P', &["pset"], true),
    ('q', &["quiet"], false),
    ('R', &["record-separator"], true),
    ('s', &["single-step"], false),
    ('S', &["single-line"], false),
    ('t', &["tuples-only"], false),
    ('T', &["table-attr"], true),
    ('U', &["username"], true),
    ('v', &["set", "variable"], true),
    ('V', &["version"], false),
    ('w', &["no-password"], false),
    ('W', &["password"], false),
    ('x', &["expanded"], false),
    ('X', &["no-psqlrc"], false),
    ('z', &["field-separator-zero"], false),
    ('0', &["record-separator-zero"], false),
    ('1', &["single-transaction"], false),
    ('?', &["help"], false),
    // Letters of our own for options that have none.
    ('C', &["csv"], false),
];

/// Reads the arguments of a call of psql; `argv[0]` is the program.
///
/// # Errors
/// Exit code 126 for what no caller may do here, 1 for what psql itself refuses, in psql's words.
pub fn parse(argv: &[String]) -> Result<Invocation, Refusal> {
    let mut parsed = Invocation {
        database: None,
        host: None,
        acts: Vec::new(),
        settings: Vec::new(),
        single_transaction: false,
        lists: false,
        about: None,
        action: Action {
            tool: "psql".to_owned(),
            verb: String::new(),
            targets: Vec::new(),
            effect: Effect::Read,
            follows: false,
        },
    };
    let mut plain = Vec::new();
    let mut words = argv.iter().skip(1);
    while let Some(word) = words.next() {
        if word == "--" {
            plain.extend(words.by_ref());
        } else if let Some(long) = word.strip_prefix("--") {
            let (name, given) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (long, None),
            };
            let (letter, takes_value) = long_option(name)?;
            let value = match (takes_value, given) {
                (true, None) => Some(
                    words.next().cloned().ok_or_else(|| usage(&format!("option '--{name}' requires an argument")))?,
                ),
                (false, Some(_)) => return Err(usage(&format!("option '--{name}' doesn't allow an argument"))),
                (_, given) => given,
            };
            parsed.option(letter, value.unwrap_or_default())?;
        } else if word.starts_with('-') && word.len() > 1 {
            let mut letters = word[1..].chars();
            while let Some(letter) = letters.next() {
                let known = OPTIONS.iter().find(|(known, ..)| *known == letter && letter != 'C');
                let Some((_, _, takes_value)) = known else {
                    return Err(usage(&format!("invalid option -- '{letter}'")));
                };
                if !takes_value {
                    parsed.option(letter, String::new())?;
                    continue;
                }
                let rest = letters.as_str();
                let value = if rest.is_empty() {
                    words.next().cloned().ok_or_else(|| usage(&format!("option requires an argument -- '{letter}'")))?
                } else {
                    rest.to_owned()
                };
                parsed.option(letter, value)?;
                break;
            }
        } else {
            plain.push(word);
        }
    }
    // The first word is the database unless -d was given, the next one the user.
    let mut plain = plain.into_iter();
    if parsed.database.is_none()
        && let Some(database) = plain.next()
    {
        parsed.database = Some(database.clone());
    }
    if let Some(database) = parsed.database.take() {
        let named = connection::read(&database)?;
        parsed.database = named.database;
        // What a connection string says counts more than -h (PostgreSQL documentation, "psql", -d).
        parsed.host = named.host.or(parsed.host);
    }
    parsed.action = parsed.act()?;
    Ok(parsed)
}

fn long_option(name: &str) -> Result<(char, bool), Refusal> {
    let all =
        || OPTIONS.iter().flat_map(|(letter, names, value)| names.iter().map(move |long| (*long, *letter, *value)));
    if let Some((_, letter, value)) = all().find(|(long, ..)| *long == name) {
        return Ok((letter, value));
    }
    let mut meant: Vec<_> = all().filter(|(long, ..)| !name.is_empty() && long.starts_with(name)).collect();
    meant.dedup_by_key(|(_, letter, _)| *letter);
    match meant.as_slice() {
        [(_, letter, value)] => Ok((*letter, *value)),
        [] => Err(usage(&format!("unrecognized option '--{name}'"))),
        _ => Err(usage(&format!("option '--{name}' is ambiguous"))),
    }
}

/// What psql says of arguments it does not understand; its exit code is 1.
fn usage(what: &str) -> Refusal {
    Refusal { reason: format!("psql: {what}\npsql: hint: Try \"psql --help\" for more information."), exit_code: 1 }
}

impl Invocation {
    fn option(&mut self, letter: char, value: String) -> Result<(), Refusal> {
        let refuse = |why: &str| Err(Refusal::not_permitted(format!("`psql -{letter}` is not permitted: {why}.")));
        let mut print = |how: String| self.settings.push(Setting::Print(how));
        match letter {
            'A' => print("format=unaligned".to_owned()),
            'C' => print("format=csv".to_owned()),
            'H' => print("format=html".to_owned()),
            'F' => print(format!("fieldsep={value}")),
            'R' => print(format!("recordsep={value}")),
            'z' => print("fieldsep_zero".to_owned()),
            '0' => print("recordsep_zero".to_owned()),
            'T' => print(format!("tableattr={value}")),
            't' => print("tuples_only=on".to_owned()),
            'x' => print("expanded=on".to_owned()),
            'P' => print(value),
            'a' => self.variable("ECHO", "all"),
            'b' => self.variable("ECHO", "errors"),
            'e' => self.variable("ECHO", "queries"),
            'E' => self.variable("ECHO_HIDDEN", "on"),
            'q' => self.variable("QUIET", "on"),
            'S' => self.variable("SINGLELINE", "on"),
            'v' => self.settings.push(match value.split_once('=') {
                Some((name, value)) => Setting::Variable(name.to_owned(), Some(value.to_owned())),
                None => Setting::Variable(value, None),
            }),
            'c' => self.acts.push(match value.strip_prefix('\\') {
                Some(meta) => Act::Meta(meta.to_owned()),
                None => Act::Sql(value),
            }),
            'f' => self.acts.push(Act::File(value)),
            'd' => self.database = Some(value),
            'h' => self.host = Some(value),
            '1' => self.single_transaction = true,
            'l' => self.lists = true,
            'V' => self.about = Some(About::Version),
            '?' => self.about = Some(About::Help),
            'o' | 'L' => {
                return refuse(
                    "psql runs outside the sandbox and writes no files; redirect its output with `>` instead",
                );
            }
            's' => return refuse("it asks at a terminal, and there is none here"),
            // The account and the address are the datasource's; there is no file to read and nobody to ask.
            _ => {}
        }
        Ok(())
    }

    fn variable(&mut self, name: &str, value: &str) {
        self.settings.push(Setting::Variable(name.to_owned(), Some(value.to_owned())));
    }

    /// Whether any act, or standard input, is a script: text that the arguments do not show.
    #[must_use]
    pub fn has_script(&self) -> bool {
        self.about.is_none()
            && !self.lists
            && (self.acts.is_empty() || self.acts.iter().any(|act| matches!(act, Act::File(_))))
    }

    fn act(&self) -> Result<Action, Refusal> {
        let database = self.host.clone().filter(|_| self.database.is_none()).or_else(|| self.database.clone());
        let mut targets = vec![Target { kind: "database".to_owned(), name: database, ..Target::default() }];
        let mut effect = Effect::Read;
        let mut verb = None;
        let mut follows = false;
        for act in &self.acts {
            match act {
                Act::Sql(text) => {
                    if sql::starts_program(text) {
                        return Err(Refusal::not_permitted(
                            "`COPY … PROGRAM` is not permitted: it starts a program on the database's machine. Use SQL alone.",
                        ));
                    }
                    effect = effect.max(sql::effect(text));
                    verb = verb.or_else(|| sql::verb(text));
                    for target in sql::targets(text) {
                        if !targets.contains(&target) {
                            targets.push(target);
                        }
                    }
                }
                Act::Meta(text) => {
                    let meta = MetaCommand::read(text);
                    refused(&meta)?;
                    effect = effect.max(meta.effect());
                    follows |= meta.name == "watch";
                    verb = verb.or_else(|| Some(format!("\\{}", meta.name)));
                }
                Act::File(_) => {}
            }
        }
        if self.lists {
            (effect, verb) = (Effect::Read, Some("list".to_owned()));
        } else if self.about.is_some() {
            (effect, verb) = (Effect::Read, Some("about".to_owned()));
        } else if self.has_script() {
            // Nobody has read it yet: it may do anything.
            effect = Effect::Destroy;
            verb = Some("script".to_owned());
        }
        Ok(Action {
            tool: "psql".to_owned(),
            verb: verb.unwrap_or_else(|| "script".to_owned()),
            targets,
            effect,
            follows,
        })
    }
}

#[cfg(test)]
mod tests;
