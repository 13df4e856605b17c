//! Bash, read with a real grammar: statements, the comments between them, and the calls in them.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::action::{Action, Effect};
use crate::call::{self, Call};
use crate::classify::classify;
use crate::program;
use crate::syntax::{self, Syntax};

/// A bash text, read. Reading never fails: a text that the grammar does not understand is one statement and says so.
#[derive(Clone, Debug)]
pub struct Script {
    /// Statements and whole-line comments in the order of the text.
    pub items: Vec<Item>,
    /// Whether the grammar did not understand all of the text.
    pub has_errors: bool,
    /// All calls in order: those that bash makes, and those that they make of their arguments.
    pub calls: Vec<Call>,
    functions: BTreeSet<String>,
    endless_loop: bool,
}

/// What stands at the top of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A comment that has its line to itself.
    Comment(Comment),
    /// A statement.
    Statement(Statement),
}

/// A comment that has its line to itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Where it stands, in bytes, from `#` to the end of the line.
    pub range: Range<usize>,
    /// The text without `#` and the space after it.
    pub text: String,
    /// Counted from 0.
    pub line: usize,
    /// Whether a blank line stands before it.
    pub after_blank: bool,
}

/// A statement at the top of a script, whole: a loop, a pipeline, a call with its heredoc.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Where it stands, in bytes, with a comment that ends its last line.
    pub range: Range<usize>,
    /// The exact text.
    pub text: String,
    /// Counted from 0.
    pub line: usize,
    /// Whether a blank line stands before it.
    pub after_blank: bool,
    /// Whether it changes the shell itself (a variable, a function, the folder), so that later statements need it.
    pub changes_shell: bool,
}

/// What a script does, as far as its text tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The greatest effect of its calls; a program nobody knows counts as `Change`.
    pub effect: Effect,
    /// Whether it goes on until it is stopped.
    pub follows: bool,
    /// Whether it calls what its text does not show: a script in a file, `eval` of a variable, a program named by one.
    /// It counts as `Change` at least, and may do anything.
    pub opaque: bool,
    /// The calls that reach infrastructure and could be read; those in a loop once.
    pub actions: Vec<Action>,
    /// Every program called, builtins and the script's own functions aside, in order, each once.
    pub programs: Vec<String>,
}

/// The most different actions that a reading lists; the effect counts all of them.
const MOST_ACTIONS: usize = 256;

/// Statements that change the shell they run in (declaration with `export` carries over anyway).
const SHELL_CHANGERS: &[&str] = &[
    "cd",
    "set",
    "shopt",
    "source",
    ".",
    "alias",
    "trap",
    "read",
    "mapfile",
    "readarray",
    "umask",
    "ulimit",
    "pushd",
    "popd",
];

impl Script {
    /// Reads a text.
    #[must_use]
    pub fn parse(source: &str) -> Self {
        let syntax = Syntax::parse(source);
        let has_errors = syntax.has_errors();
        let items = if has_errors { whole(source) } else { top(&syntax, source) };
        let functions = syntax
            .nodes()
            .into_iter()
            .filter(|node| node.kind() == "function_definition")
            .filter_map(|node| node.child_by_field_name("name"))
            .map(|name| syntax::text(source, name.byte_range()).to_owned())
            .collect();
        let endless_loop = syntax.nodes().into_iter().any(|node| {
            node.kind() == "while_statement"
                && node.child_by_field_name("condition").is_some_and(|condition| {
                    matches!(syntax::text(source, condition.byte_range()).trim(), "true" | ":" | "[ 1 ]")
                })
        });
        Self { items, has_errors, calls: call::calls(&syntax, source), functions, endless_loop }
    }

    /// The statements in order.
    pub fn statements(&self) -> impl Iterator<Item = &Statement> {
        self.items.iter().filter_map(|item| match item {
            Item::Statement(statement) => Some(statement),
            Item::Comment(_) => None,
        })
    }

    /// What it does.
    #[must_use]
    pub fn reading(&self) -> Reading {
        let mut reading = Reading {
            effect: Effect::Read,
            follows: self.endless_loop,
            opaque: self.has_errors,
            actions: Vec::new(),
            programs: Vec::new(),
        };
        let mut seen = BTreeSet::new();
        for call in self.calls.iter().filter(|call| !self.functions.contains(call.program())) {
            let name = call.program().to_owned();
            let argv = call.argv();
            reading.opaque |= call.is_opaque();
            if program::is_sandbox_program(&name) && !program::reaches_out(&argv) {
                reading.follows |= program::follows(&argv) && !call.ends_by_itself;
            } else if program::wrapper_options(&name).is_none() {
                match classify(&argv) {
                    Ok(action) => {
                        reading.effect = reading.effect.max(action.effect);
                        reading.follows |= action.follows && !call.ends_by_itself;
                        if reading.actions.len() < MOST_ACTIONS && !reading.actions.contains(&action) {
                            reading.actions.push(action);
                        }
                    }
                    Err(_) => {
                        let local_only = program::follows(&argv);
                        reading.follows |= local_only && !call.ends_by_itself;
                        if !local_only {
                            reading.effect = reading.effect.max(Effect::Change);
                        }
                    }
                }
            }
            if !program::is_builtin(&name) && seen.insert(name.clone()) {
                reading.programs.push(name);
            }
        }
        if reading.opaque {
            reading.effect = reading.effect.max(Effect::Change);
        }
        reading
    }

    /// The names of the variables that the text sets itself.
    #[must_use]
    pub fn assigned(source: &str) -> BTreeSet<String> {
        assigned(&Syntax::parse(source), source)
    }
}

/// The names of the variables that a text sets: assignments, loops, `read`, `mapfile`, `printf -v`, `${x:=…}`.
pub(crate) fn assigned(syntax: &Syntax, source: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut add = |range: Range<usize>| {
        names.insert(syntax::text(source, range).to_owned());
    };
    for node in syntax.nodes() {
        match node.kind() {
            "variable_assignment" => {
                if let Some(name) = node.child_by_field_name("name") {
                    add(name.byte_range());
                }
            }
            "for_statement" => {
                if let Some(name) = node.child_by_field_name("variable") {
                    add(name.byte_range());
                }
            }
            "expansion" => {
                let assigns = node.child_by_field_name("operator").is_some_and(|operator| {
                    matches!(syntax::text(source, operator.byte_range()), "=" | ":=" | ":-" | "-")
                });
                if assigns && let Some(name) = node.named_child(0) {
                    add(name.byte_range());
                }
            }
            "command" => {
                let words = call::words(node, source).unwrap_or_default();
                if words
                    .first()
                    .is_some_and(|word| matches!(word.text.as_str(), "read" | "mapfile" | "readarray" | "printf"))
                {
                    for word in &words[1..] {
                        add(word.range.clone());
                    }
                }
            }
            _ => {}
        }
    }
    names
}

fn whole(source: &str) -> Vec<Item> {
    let text = source.trim();
    if text.is_empty() {
        return Vec::new();
    }
    let start = source.len() - source.trim_start().len();
    let range = start..start + text.len();
    let line = source[..start].matches('\n').count();
    vec![Item::Statement(Statement { range, text: text.to_owned(), line, after_blank: false, changes_shell: true })]
}

fn top(syntax: &Syntax, source: &str) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    let mut end = 0;
    for node in syntax.root().map(syntax::children).unwrap_or_default() {
        let mut range = node.byte_range();
        range.end = range.start + syntax::text(source, range.clone()).trim_end().len();
        let between = syntax::text(source, end..range.start);
        let same_line = !between.contains('\n') && !items.is_empty();
        let after_blank = between.matches('\n').count() > 1 && !items.is_empty();
        let line = node.start_position().row;
        if node.kind() == "comment" {
            if let (true, Some(Item::Statement(statement))) = (same_line, items.last_mut()) {
                statement.range.end = range.end;
                syntax::text(source, statement.range.clone()).clone_into(&mut statement.text);
            } else {
                let text = syntax::text(source, range.clone()).trim_start_matches('#').trim().to_owned();
                items.push(Item::Comment(Comment { range: range.clone(), text, line, after_blank }));
            }
        } else if node.is_named() {
            let text = syntax::text(source, range.clone()).to_owned();
            let changes_shell = changes_shell(node, source);
            items.push(Item::Statement(Statement { range: range.clone(), text, line, after_blank, changes_shell }));
        } else {
            if let (true, Some(Item::Statement(statement))) = (matches!(node.kind(), "&" | ";"), items.last_mut()) {
                statement.range.end = range.end;
                syntax::text(source, statement.range.clone()).clone_into(&mut statement.text);
                end = range.end;
            }
            continue;
        }
        end = range.end;
    }
    items
}

fn changes_shell(node: tree_sitter::Node<'_>, source: &str) -> bool {
    match node.kind() {
        "variable_assignment" | "variable_assignments" | "function_definition" | "unset_command" => true,
        "declaration_command" => !syntax::text(source, node.byte_range()).starts_with("export"),
        "command" => call::words(node, source)
            .and_then(|words| words.first().map(|word| SHELL_CHANGERS.contains(&word.text.as_str())))
            .unwrap_or(false),
        _ => false,
    }
}
