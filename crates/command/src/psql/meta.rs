//! psql's backslash commands, as far as their text decides what may happen.

use crate::action::{Effect, Refusal};
use crate::sql;

/// One backslash command: its name, and the rest of its line as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetaCommand {
    /// Without the backslash: `dt+`.
    pub name: String,
    /// What stands behind the name, up to the end of the line.
    pub rest: String,
}

impl MetaCommand {
    /// Reads it, without its backslash.
    #[must_use]
    pub fn read(text: &str) -> Self {
        // A name ends where white space or another backslash begins (psqlscanslash.l).
        let end = text.find(|c: char| c.is_ascii_whitespace() || c == '\\').unwrap_or(text.len());
        // `\!` needs no space behind it.
        let end = if text.starts_with('!') { 1 } else { end };
        Self { name: text[..end].to_owned(), rest: text[end..].to_owned() }
    }

    /// How far it reaches by itself.
    #[must_use]
    pub fn effect(&self) -> Effect {
        match self.name.as_str() {
            // `\copy` is `COPY` with a file of the caller's.
            "copy" => {
                let query = inner_query(&self.rest).map_or(Effect::Read, sql::effect);
                let brings = sql::statements(&outside_parentheses(&self.rest)).iter().any(|statement| {
                    statement.text.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("from"))
                });
                query.max(if brings { Effect::Change } else { Effect::Read })
            }
            "i" | "ir" | "include" | "include_relative" | "gexec" => Effect::Destroy,
            _ => Effect::Read,
        }
    }
}

/// The text in the parentheses that `\copy (…) to` begins with.
fn inner_query(rest: &str) -> Option<&str> {
    let rest = rest.trim_start().strip_prefix('(')?;
    Some(rest.rfind(')').map_or(rest, |end| &rest[..end]))
}

fn outside_parentheses(rest: &str) -> String {
    match (rest.find('('), rest.rfind(')')) {
        (Some(open), Some(close)) if open < close => format!("{} {}", &rest[..open], &rest[close + 1..]),
        _ => rest.to_owned(),
    }
}

/// Refuses a backslash command that starts programs, writes files or leaves the datasource.
///
/// # Errors
/// The reason.
pub fn refused(meta: &MetaCommand) -> Result<(), Refusal> {
    let name = meta.name.as_str();
    let refuse = |why: &str| Err(Refusal::not_permitted(format!("`psql \\{name}` is not permitted: {why}.")));
    let argument = meta.rest.trim_start();
    if meta.rest.contains('`') && name != "copy" {
        return refuse("backquotes start a program, and psql runs outside the sandbox");
    }
    match name {
        "!" => refuse("it starts a program; write the program's call beside psql's instead"),
        "setenv" | "getenv" | "cd" => refuse("psql runs outside the sandbox, where these are the portal's own"),
        "c" | "connect" => refuse("it leaves the datasource that was decided upon; begin another call of psql"),
        "o" | "out" if !argument.is_empty() => {
            refuse("psql writes no files here; redirect its output with `>` or `|` instead")
        }
        "g" | "gx" | "watch" | "w" | "write" if argument.contains('|') => {
            refuse("it starts a program; write `psql … | program` instead")
        }
        "g" | "gx"
            if !argument.trim_end_matches(|c: char| c == ';' || c.is_ascii_whitespace()).is_empty()
                && !argument.starts_with('(')
                && !argument.starts_with('\\') =>
        {
            refuse("psql writes no files here; redirect its output with `>` instead")
        }
        "w" | "write" | "s" | "lo_export" | "lo_import" => refuse("psql reads and writes no files here"),
        "e" | "edit" | "ef" | "ev" => refuse("there is no editor"),
        "password" | "prompt" => refuse("it asks at a terminal, and there is none here"),
        "copy" => {
            let words = sql::statements(&meta.rest);
            let program = words.iter().any(|statement| {
                statement
                    .text
                    .split(|c: char| !c.is_alphanumeric() && c != '_')
                    .any(|word| word.eq_ignore_ascii_case("program"))
            });
            if program { refuse("`program` starts a program; write `program | psql …` instead") } else { Ok(()) }
        }
        _ => Ok(()),
    }
}
