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
    /// The kind of value that belongs there: by its name, and secret also by the place where it stands
    /// (`--from-literal=password=<value>`).
    pub kind: ParameterKind,
}

impl Parameter {
    /// A parameter whose name alone tells its kind.
    #[must_use]
    pub fn named(name: &str, placeholder: &str) -> Self {
        Self { name: name.to_owned(), placeholder: placeholder.to_owned(), kind: ParameterKind::of(name) }
    }

    /// What SQL leaves open that no line of `psql` precedes: on which database.
    #[must_use]
    pub fn database() -> Self {
        Self { name: "database".to_owned(), placeholder: "<database>".to_owned(), kind: ParameterKind::Datasource }
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
            found.push((range.start, Parameter::named(&name, &format!("${name}"))));
        }
    }
    with_places(source, in_order(found), crate::mask::mask_script)
}

/// What a text in another language leaves open, in order, each once.
#[must_use]
pub fn in_text(text: &str) -> Vec<Parameter> {
    let found = placeholder::find(text).into_iter().map(|found| (found.range.start, parameter(text, found))).collect();
    with_places(text, in_order(found), crate::mask::mask_text)
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
    Parameter::named(&placeholder.name, syntax::text(text, placeholder.range))
}

/// Tells those that stand where the text would hold a secret: the text is masked as if an ordinary word stood in each of
/// their places, and what is masked then is secret.
fn with_places(text: &str, mut found: Vec<Parameter>, mask: impl Fn(&str) -> String) -> Vec<Parameter> {
    // A variable's own name tells what it holds.
    let placed = |parameter: &Parameter| !parameter.placeholder.starts_with('$');
    if !found.iter().any(placed) {
        return found;
    }
    let mark = |at: usize| format!("runbookvalue{at}x");
    let marked = found.iter().enumerate().filter(|(_, parameter)| placed(parameter));
    let marked = marked.fold(text.to_owned(), |text, (at, parameter)| text.replace(&parameter.placeholder, &mark(at)));
    let masked = mask(&marked);
    for (at, parameter) in found.iter_mut().enumerate() {
        if masked.matches(&mark(at)).count() < marked.matches(&mark(at)).count() {
            parameter.kind = ParameterKind::Secret;
        }
    }
    found
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
    fn a_place_can_make_a_value_secret() {
        let kinds = |source: &str| -> Vec<ParameterKind> {
            in_script(source, &BTreeSet::new()).into_iter().map(|parameter| parameter.kind).collect()
        };
        let (secret, text) = (ParameterKind::Secret, ParameterKind::Text);
        assert_eq!(kinds("kubectl create secret generic db --from-literal=password=<value>"), [secret]);
        assert_eq!(kinds("curl -u admin:<word> https://example.com/<word2>"), [secret, text]);
        assert_eq!(kinds("export DB_PASSWORD=<value>"), [secret]);
        assert_eq!(kinds("kubectl get pod <value>"), [text]);
        assert_eq!(kinds("echo <value>; curl -u a:<value> x"), [secret], "one such place is enough");
    }

    #[test]
    fn brackets_can_be_a_choice() {
        let choices = |placeholder: &str| Parameter::named("", placeholder).choices().join(",");
        assert_eq!(choices("[High/Medium/Low]"), "High,Medium,Low");
        assert_eq!(choices("[1-4]"), "1,2,3,4");
        assert_eq!(choices("[describe impact]"), "");
        assert_eq!(choices("[path/to/file]"), "");
        assert_eq!(choices("<a/b>"), "");
    }
}
