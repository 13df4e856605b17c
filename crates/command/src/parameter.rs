//! Values that a text leaves open: placeholders, and upper-case variables that nothing in the procedure sets.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use tree_sitter::Node;

use crate::ParameterKind;
use crate::placeholder;
use crate::syntax::{self, Syntax};

/// A value that the text leaves open.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Parameter {
    /// How the form names it: `pod-name`, `ALB_ARN`.
    pub name: String,
    /// How it stands in the text: `<pod-name>`, `$ALB_ARN`, `YOUR_ROUTING_KEY`.
    pub placeholder: String,
}

impl Parameter {
    /// The kind of value that belongs there.
    #[must_use]
    pub fn kind(&self) -> ParameterKind {
        ParameterKind::of(&self.name)
    }

    /// The values of a choice: `[High/Medium/Low]` gives three, `P[1-4]` four. Empty where anything may be given.
    #[must_use]
    pub fn choices(&self) -> Vec<String> {
        let Some(inner) = self.placeholder.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
            return Vec::new();
        };
        let bytes = inner.as_bytes();
        if let [low @ b'0'..=b'9', b'-', high @ b'0'..=b'9'] = bytes {
            return (*low..=*high).map(|digit| char::from(digit).to_string()).collect();
        }
        let words: Vec<&str> = inner.split('/').map(str::trim).collect();
        // `[link/to/ticket]` is a path, `[High/Medium/Low]` a choice: the words of a choice look alike.
        let alike = words.iter().all(|word| word.starts_with(|c: char| c.is_ascii_uppercase()))
            || words.iter().all(|word| word.contains(' '));
        if words.len() > 1 && alike { words.into_iter().map(str::to_owned).collect() } else { Vec::new() }
    }
}

/// Variables that bash or the sandbox sets (bash(1), Shell Variables; environ(7)).
const WELL_KNOWN: &[&str] = &[
    "BASH",
    "BASHPID",
    "BASH_REMATCH",
    "BASH_SOURCE",
    "BASH_VERSION",
    "COLUMNS",
    "DIRSTACK",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "EUID",
    "FUNCNAME",
    "GROUPS",
    "HOME",
    "HOSTNAME",
    "HOSTTYPE",
    "IFS",
    "LANG",
    "LC_ALL",
    "LINENO",
    "LINES",
    "LOGNAME",
    "MACHTYPE",
    "MAPFILE",
    "OLDPWD",
    "OPTARG",
    "OPTIND",
    "OSTYPE",
    "PATH",
    "PIPESTATUS",
    "PPID",
    "PWD",
    "RANDOM",
    "REPLY",
    "SECONDS",
    "SHELL",
    "SHLVL",
    "SRANDOM",
    "TERM",
    "TMPDIR",
    "TZ",
    "UID",
    "USER",
];

/// What a bash text leaves open, in order, each once. `assigned` holds the variables that the procedure sets anywhere.
#[must_use]
pub fn in_script(source: &str, assigned: &BTreeSet<String>) -> Vec<Parameter> {
    let syntax = Syntax::parse(source);
    let mut found: Vec<(usize, Parameter)> = placeholders(&syntax, source)
        .into_iter()
        .map(|placeholder| (placeholder.range.start, parameter(source, placeholder)))
        .collect();
    for (range, name) in variables(&syntax, source) {
        if !assigned.contains(&name) && !WELL_KNOWN.contains(&name.as_str()) {
            found.push((range.start, Parameter { placeholder: format!("${name}"), name }));
        }
    }
    in_order(found)
}

/// What a text in another language leaves open, in order, each once.
#[must_use]
pub fn in_text(text: &str) -> Vec<Parameter> {
    in_order(placeholder::find(text).into_iter().map(|found| (found.range.start, parameter(text, found))).collect())
}

/// What a message to people leaves open, in order, each once: `[describe impact]` too.
#[must_use]
pub fn in_message(text: &str) -> Vec<Parameter> {
    in_order(
        placeholder::find_in_message(text)
            .into_iter()
            .map(|found| (found.range.start, parameter(text, found)))
            .collect(),
    )
}

/// The placeholders of a bash text that stand outside comments.
pub(crate) fn placeholders(syntax: &Syntax, source: &str) -> Vec<placeholder::Placeholder> {
    let comments: Vec<_> =
        syntax.nodes().into_iter().filter(|node| node.kind() == "comment").map(|node| node.byte_range()).collect();
    let mut found = placeholder::find(source);
    found.retain(|placeholder| {
        !comments[..comments.partition_point(|range| range.start <= placeholder.range.start)]
            .last()
            .is_some_and(|range| range.contains(&placeholder.range.start))
    });
    found
}

/// The expansions of an upper-case variable without a default of its own: where, and which.
pub(crate) fn variables(syntax: &Syntax, source: &str) -> Vec<(Range<usize>, String)> {
    syntax
        .nodes()
        .into_iter()
        .filter_map(|node| {
            let name = syntax::text(source, variable(node)?.byte_range());
            let upper = name.starts_with(|c: char| c.is_ascii_uppercase())
                && name.len() > 1
                && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
            upper.then(|| (node.byte_range(), name.to_owned()))
        })
        .collect()
}

fn variable(node: Node<'_>) -> Option<Node<'_>> {
    let name = match node.kind() {
        "simple_expansion" => node.named_child(0),
        "expansion" if node.named_child_count() == 1 => node.named_child(0),
        _ => None,
    };
    name.filter(|name| name.kind() == "variable_name")
}

fn parameter(text: &str, placeholder: placeholder::Placeholder) -> Parameter {
    Parameter { name: placeholder.name, placeholder: syntax::text(text, placeholder.range).to_owned() }
}

fn in_order(mut found: Vec<(usize, Parameter)>) -> Vec<Parameter> {
    found.sort_by_key(|(start, _)| *start);
    let mut seen = BTreeSet::new();
    found
        .into_iter()
        .map(|(_, parameter)| parameter)
        .filter(|parameter| seen.insert(parameter.placeholder.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_can_be_a_choice() {
        let choices = |placeholder: &str| {
            Parameter { name: String::new(), placeholder: placeholder.to_owned() }.choices().join(",")
        };
        assert_eq!(choices("[High/Medium/Low]"), "High,Medium,Low");
        assert_eq!(choices("[1-4]"), "1,2,3,4");
        assert_eq!(choices("[describe impact]"), "");
        assert_eq!(choices("[path/to/file]"), "");
        assert_eq!(choices("<a/b>"), "");
    }
}
