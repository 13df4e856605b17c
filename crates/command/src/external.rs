//! Command lines for real programs that the broker runs: read by a table of the options that are known, and written
//! again in one plain form, so that the program reads exactly what was judged here.
//!
//! An option that is not in the table is refused: what nobody has thought about could name a file, a proxy or a key.

use crate::action::Refusal;

/// One word for the real program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// As it stands.
    Plain(String),
    /// Names a file that the program reads: the portal reads it for the caller and gives the program a copy.
    Input {
        /// What stands before the path: `@`, `--post-file=`.
        before: String,
        /// The path as the caller wrote it.
        path: String,
        /// What stands after it: `;type=text/plain`.
        after: String,
    },
    /// Names a file or a folder that the program writes, which must be in the run's workspace.
    Output {
        /// What stands before the path.
        before: String,
        /// The path as the caller wrote it.
        path: String,
    },
}

impl Argument {
    pub(crate) fn plain(word: impl Into<String>) -> Self {
        Self::Plain(word.into())
    }

    pub(crate) fn input(before: impl Into<String>, path: impl Into<String>) -> Self {
        Self::Input { before: before.into(), path: path.into(), after: String::new() }
    }

    /// Refuses a path that is outside of the workspace wherever the call comes from; of the others the portal finds out
    /// when it knows the caller's folder.
    pub(crate) fn output(tool: &str, before: impl Into<String>, path: &str) -> Result<Self, Refusal> {
        let outside = path.starts_with('/') && !path.starts_with("/workspace/") || path.starts_with("/workspace/..");
        if outside {
            return Err(Refusal::not_permitted(format!(
                "`{tool}` may not write `{path}`: a file that a call leaves must be below /workspace. Name one there."
            )));
        }
        Ok(Self::Output { before: before.into(), path: path.to_owned() })
    }
}

/// What an option is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Stands alone and is passed on.
    Flag,
    /// Takes a value and is passed on with it.
    Value,
    /// Takes the path of a file that is read.
    Input,
    /// Takes the path of a file that is written; `-` is standard output.
    Output,
    /// Stands alone; the tool's own code decides.
    Own,
    /// Takes a value; the tool's own code decides.
    OwnValue,
    /// May not stand there, for this reason.
    Refused(&'static str),
}

/// An option: its short letter (a blank for none), its long name, what it is.
pub(crate) type Known = (char, &'static str, Kind);

/// How a tool writes options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// `getopt_long(3)`: `--name=value` and `--name value`.
    Gnu,
    /// curl(1): `--name value` alone.
    Curl,
}

/// A part of a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// An option by its long name, with its value where it takes one.
    Option(&'static str, Kind, &'a str),
    /// `--no-name`, where the tool negates its flags so.
    Negated(&'a str),
    /// A word that is no option.
    Operand(&'a str),
}

/// Reads a command line by a table.
pub(crate) fn read<'a>(
    tool: &str,
    words: &'a [String],
    tables: &[&'static [Known]],
    style: Style,
) -> Result<Vec<Part<'a>>, Refusal> {
    let find = |is: &dyn Fn(&Known) -> bool| tables.iter().flat_map(|table| table.iter()).find(|known| is(known));
    let mut parts = Vec::new();
    let mut words = words.iter();
    let lacks = |name: &str| Refusal { reason: format!("{tool}: option {name} needs a value"), exit_code: 2 };
    while let Some(word) = words.next() {
        if word == "--" {
            parts.extend(words.by_ref().map(|word| Part::Operand(word)));
        } else if let Some(long) = word.strip_prefix("--") {
            let (name, beside) = match long.split_once('=') {
                Some((name, value)) if style == Style::Gnu => (name, Some(value)),
                _ => (long, None),
            };
            let known = find(&|known| known.1 == name);
            let flag = |name: &str| find(&|known| known.1 == name && known.2 == Kind::Flag).is_some();
            match (known, name.strip_prefix("no-")) {
                (Some(known), _) => {
                    let value = match (takes_value(known.2), beside) {
                        (true, Some(value)) => value,
                        (true, None) => words.next().ok_or_else(|| lacks(word))?,
                        (false, None) => "",
                        (false, Some(_)) => return Err(unknown(tool, word)),
                    };
                    parts.push(option(tool, word, known, value)?);
                }
                (None, Some(positive)) if style == Style::Curl && flag(positive) => parts.push(Part::Negated(positive)),
                _ => return Err(unknown(tool, word)),
            }
        } else if let Some(cluster) = word.strip_prefix('-').filter(|cluster| !cluster.is_empty()) {
            for (at, letter) in cluster.char_indices() {
                let rest = &cluster[at + letter.len_utf8()..];
                let given = format!("-{letter}");
                let known = find(&|known| known.0 == letter && letter != ' ').ok_or_else(|| unknown(tool, &given))?;
                if takes_value(known.2) {
                    let value = if rest.is_empty() { words.next().ok_or_else(|| lacks(&given))? } else { rest };
                    parts.push(option(tool, &given, known, value)?);
                    break;
                }
                parts.push(option(tool, &given, known, "")?);
            }
        } else {
            parts.push(Part::Operand(word));
        }
    }
    Ok(parts)
}

fn takes_value(kind: Kind) -> bool {
    matches!(kind, Kind::Value | Kind::Input | Kind::Output | Kind::OwnValue)
}

fn option<'a>(tool: &str, given: &str, known: &'static Known, value: &'a str) -> Result<Part<'a>, Refusal> {
    match known.2 {
        Kind::Refused(why) => {
            Err(Refusal::not_permitted(format!("`{tool} {given}` is not permitted: {why}. Leave it out.")))
        }
        kind => Ok(Part::Option(known.1, kind, value)),
    }
}

/// The refusal of an option that is in no table.
pub(crate) fn unknown(tool: &str, option: &str) -> Refusal {
    // The value may be a secret.
    let option = option.split('=').next().unwrap_or_default();
    Refusal::not_permitted(format!(
        "`{tool} {option}` is not permitted: this portal does not know the option, so it cannot tell what it would \
         reach. Leave it out, or do this step elsewhere and mark it as done by hand."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Known] = &[
        ('s', "silent", Kind::Flag),
        ('o', "output", Kind::Output),
        (' ', "header", Kind::Value),
        ('K', "config", Kind::Refused("it reads options")),
    ];

    fn parts(words: &str, style: Style) -> Result<String, Refusal> {
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        let parts = read("tool", &words, &[TABLE], style)?;
        let text = |part: &Part<'_>| match part {
            Part::Option(name, _, "") => (*name).to_owned(),
            Part::Option(name, _, value) => format!("{name}={value}"),
            Part::Negated(name) => format!("no {name}"),
            Part::Operand(word) => format!("({word})"),
        };
        Ok(parts.iter().map(text).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn options_are_read_as_the_tools_read_them() {
        for (words, style, expected) in [
            ("-so f x", Style::Curl, "silent output=f (x)"),
            ("-sof x", Style::Gnu, "silent output=f (x)"),
            ("--header a=b -", Style::Curl, "header=a=b (-)"),
            ("--header=a=b", Style::Gnu, "header=a=b"),
            ("--header -s", Style::Gnu, "header=-s"),
            ("--no-silent -- -s", Style::Curl, "no silent (-s)"),
        ] {
            assert_eq!(parts(words, style).as_deref(), Ok(expected), "{words}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for (words, style) in [
            ("--header=a", Style::Curl),
            ("--no-silent", Style::Gnu),
            ("--silent=1", Style::Gnu),
            ("--sil", Style::Gnu),
            ("-sK x", Style::Curl),
            ("-x", Style::Gnu),
            ("-o", Style::Gnu),
        ] {
            let read = parts(words, style);
            assert!(read.is_err(), "{words}: {read:?}");
        }
        assert!(!parts("--token=hunter2", Style::Gnu).unwrap_err().reason.contains("hunter2"));
    }
}
