//! psql's variables, and those that steer psql itself.

use std::collections::BTreeMap;

use command::sql::Quoting;

use crate::report::Verbosity;

/// What `ECHO` prints before it is carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Echo {
    #[default]
    Nothing,
    /// `all`: every line.
    Lines,
    /// `queries`: every statement.
    Statements,
    /// `errors`: statements that fail, on standard error.
    Failures,
}

/// The most that all variables hold, in bytes.
const MOST: usize = 4 << 20;

/// What psql begins with.
const AT_START: &[(&str, &str)] = &[
    ("AUTOCOMMIT", "on"),
    ("ECHO", "none"),
    ("ECHO_HIDDEN", "off"),
    ("FETCH_COUNT", "0"),
    ("LAST_ERROR_MESSAGE", ""),
    ("LAST_ERROR_SQLSTATE", "00000"),
    ("ON_ERROR_ROLLBACK", "off"),
    ("ON_ERROR_STOP", "off"),
    ("QUIET", "off"),
    ("SHOW_ALL_RESULTS", "on"),
    ("SHOW_CONTEXT", "errors"),
    ("SINGLELINE", "off"),
    ("SINGLESTEP", "off"),
    ("VERBOSITY", "default"),
];

#[derive(Clone, Debug)]
pub(super) struct Variables {
    values: BTreeMap<String, String>,
    pub(super) on_error_stop: bool,
    pub(super) quiet: bool,
    pub(super) single_line: bool,
    pub(super) echo: Echo,
    pub(super) echo_hidden: bool,
    pub(super) verbosity: Verbosity,
}

impl Default for Variables {
    fn default() -> Self {
        Self {
            values: AT_START.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            on_error_stop: false,
            quiet: false,
            single_line: false,
            echo: Echo::default(),
            echo_hidden: false,
            verbosity: Verbosity::default(),
        }
    }
}

impl Variables {
    /// `\set`, `-v`.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let valid =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80);
        if !valid {
            return Err(format!("invalid variable name: \"{name}\""));
        }
        let held: usize = self.values.iter().map(|(name, value)| name.len() + value.len()).sum();
        if held + name.len() + value.len() > MOST {
            return Err("variables hold too much".to_owned());
        }
        let boolean =
            || truth(value).ok_or_else(|| format!("unrecognized value \"{value}\" for \"{name}\": Boolean expected"));
        let choice = |all: &str| format!("unrecognized value \"{value}\" for \"{name}\"\nAvailable values are: {all}.");
        match name {
            "ON_ERROR_STOP" => self.on_error_stop = boolean()?,
            "QUIET" => self.quiet = boolean()?,
            "SINGLELINE" => self.single_line = boolean()?,
            "AUTOCOMMIT" if !boolean()? => {
                return Err("AUTOCOMMIT off is not performed by this portal: write BEGIN and COMMIT".to_owned());
            }
            "ON_ERROR_ROLLBACK" if truth(value) != Some(false) => {
                return Err("ON_ERROR_ROLLBACK is not performed by this portal: write SAVEPOINT".to_owned());
            }
            "SINGLESTEP" if boolean()? => {
                return Err("SINGLESTEP asks at a terminal, and there is none here".to_owned());
            }
            "ECHO_HIDDEN" => self.echo_hidden = value == "noexec" || boolean()?,
            "ECHO" => {
                self.echo = match value {
                    "none" | "" => Echo::Nothing,
                    "all" => Echo::Lines,
                    "queries" => Echo::Statements,
                    "errors" => Echo::Failures,
                    _ => return Err(choice("none, errors, queries, all")),
                }
            }
            "VERBOSITY" => {
                self.verbosity = match value {
                    "default" | "" => Verbosity::Default,
                    "terse" => Verbosity::Terse,
                    "verbose" => Verbosity::Verbose,
                    "sqlstate" => Verbosity::Code,
                    _ => return Err(choice("default, verbose, terse, sqlstate")),
                }
            }
            _ => {}
        }
        // A steering variable that is set to nothing is on (psql's bool_substitute_hook).
        let on = value.is_empty() && matches!(name, "ON_ERROR_STOP" | "QUIET" | "SINGLELINE" | "ECHO_HIDDEN");
        self.values.insert(name.to_owned(), if on { "on".to_owned() } else { value.to_owned() });
        Ok(())
    }

    /// `\unset`, `-v NAME` without a value.
    pub(super) fn unset(&mut self, name: &str) -> Result<(), String> {
        match name {
            "ON_ERROR_STOP" | "QUIET" | "SINGLELINE" | "ECHO_HIDDEN" => self.set(name, "off"),
            "ECHO" => self.set(name, "none"),
            "VERBOSITY" => self.set(name, "default"),
            _ => {
                self.values.remove(name);
                Ok(())
            }
        }
    }

    /// A value of psql's own.
    pub(super) fn keep(&mut self, name: &str, value: &str) {
        let cut = value.floor_char_boundary(MOST / 64);
        self.values.insert(name.to_owned(), value[..cut].to_owned());
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// What stands for `:name` and its relatives.
    pub(super) fn text(&self, name: &str, quoting: Quoting) -> Option<String> {
        let value = self.values.get(name);
        match quoting {
            Quoting::Test => Some(if value.is_some() { "TRUE" } else { "FALSE" }.to_owned()),
            Quoting::Plain => value.cloned(),
            Quoting::Literal => value.map(|value| literal(value)),
            Quoting::Identifier => value.map(|value| identifier(value)),
        }
    }
}

/// A text as a literal, as `PQescapeLiteral` writes it.
pub(super) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    // Doubled backslashes mean the same whatever `standard_conforming_strings` says.
    if quoted.contains('\\') { format!(" E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

/// A name as a quoted identifier.
pub(super) fn identifier(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// psql's Boolean words, which may be cut short (`ParseVariableBool`).
pub(super) fn truth(text: &str) -> Option<bool> {
    let text = text.to_ascii_lowercase();
    let is = |word: &str, least: usize| text.len() >= least && word.starts_with(&text);
    if text.is_empty() || is("true", 1) || is("yes", 1) || text == "on" || text == "1" {
        Some(true)
    } else if is("false", 1) || is("no", 1) || is("off", 2) || text == "0" {
        Some(false)
    } else {
        None
    }
}
