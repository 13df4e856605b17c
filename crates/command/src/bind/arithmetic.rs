//! Where bash reads the value of a variable as an expression, in which `a[$(cmd)]` runs `cmd`.
//!
//! Source: bash(1), ARITHMETIC EVALUATION, Arrays, CONDITIONAL EXPRESSIONS, and Parameter Expansion. A variable may reach such
//! a place through others, so one place in a text is enough for all its values.

use std::ops::Range;

use tree_sitter::Node;

use crate::action::Refusal;
use crate::call::Call;
use crate::parameter::Parameter;
use crate::syntax::{self, Syntax};

use super::proof::is_plain;

/// Builtins that take names of variables, where a subscript is an expression.
const NAMING: &[&str] =
    &["read", "unset", "mapfile", "readarray", "getopts", "printf", "test", "[", "wait", "export", "readonly"];

/// Builtins that always read their arguments as expressions or code.
const EVALUATING: &[&str] = &["let", "compgen", "complete", "bind", "coproc", "fc", "history", "enable"];

/// Variables whose assignment bash evaluates: those of integer type, and those that it expands later.
const EVALUATED_NAMES: &[&str] = &[
    "BASHPID",
    "BASH_ENV",
    "ENV",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "HISTCMD",
    "LINENO",
    "OPTIND",
    "PPID",
    "PROMPT_COMMAND",
    "PS0",
    "PS1",
    "PS2",
    "PS4",
    "RANDOM",
    "SECONDS",
    "SRANDOM",
    "UID",
];

/// Operators of `[[` that take expressions or names of variables.
const OPERATORS: &[&str] = &["-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-v", "-R"];

/// Refuses a value that a text could evaluate.
pub(super) fn check(
    syntax: &Syntax,
    source: &str,
    calls: &[Call],
    values: &[(Parameter, String)],
) -> Result<(), Refusal> {
    let Some((parameter, _)) = values.iter().find(|(_, value)| !is_plain(value)) else { return Ok(()) };
    match place(syntax, source, calls) {
        None => Ok(()),
        Some(place) => Err(refusal(&parameter.placeholder, place)),
    }
}

/// Refuses the value of a variable that the text mentions, where the text could evaluate it.
pub(super) fn check_variable(
    syntax: &Syntax,
    source: &str,
    calls: &[Call],
    shown: &str,
    value: &str,
) -> Result<(), Refusal> {
    if is_plain(value) {
        return Ok(());
    }
    match place(syntax, source, calls) {
        None => Ok(()),
        Some(place) => Err(refusal(shown, place)),
    }
}

fn refusal(placeholder: &str, place: &str) -> Refusal {
    Refusal::not_permitted(format!(
        "The value of `{placeholder}` holds characters that bash could carry out: this command evaluates variables in {place}. \
         Use only letters, digits and `_ . : / @ % + = , -`, or carry the step out elsewhere and mark it as done by hand."
    ))
}

/// The first place where the text evaluates variables; also where the text cannot be read.
fn place(syntax: &Syntax, source: &str, calls: &[Call]) -> Option<&'static str> {
    if syntax.has_errors() {
        return Some("a way that this portal cannot read");
    }
    let nodes = syntax.nodes();
    let plain: Vec<Range<usize>> = nodes
        .iter()
        .filter(|node| matches!(node.kind(), "raw_string" | "comment"))
        .map(|node| node.byte_range())
        .collect();
    nodes
        .iter()
        .find_map(|node| node_place(*node, source))
        .or_else(|| calls.iter().find_map(call_place))
        .or_else(|| expansion_place(source, &plain))
}

fn node_place(node: Node<'_>, source: &str) -> Option<&'static str> {
    let text = syntax::text(source, node.byte_range());
    match node.kind() {
        "arithmetic_expansion" | "c_style_for_statement" => Some("arithmetic"),
        "subscript" => {
            let index = text.split_once('[').map(|(_, index)| index.trim_end_matches(']')).unwrap_or_default();
            (!is_fixed_index(index)).then_some("a subscript")
        }
        "array" => syntax::children(node)
            .iter()
            .any(|child| syntax::text(source, child.byte_range()).starts_with('['))
            .then_some("a subscript"),
        "test_command" if text.starts_with("[[") => syntax::nodes_below(node)
            .iter()
            .any(|node| OPERATORS.contains(&syntax::text(source, node.byte_range()).trim()))
            .then_some("a comparison of numbers"),
        "test_command" if text.starts_with("((") => Some("arithmetic"),
        "unset_command" => text.contains(['$', '`', '[']).then_some("the names of variables"),
        "test_command" => test_place(node, source),
        "declaration_command" => {
            let word = |child: &Node<'_>| syntax::text(source, child.byte_range());
            let mut children = syntax::children(node).into_iter().skip(1);
            children
                .any(|child| match child.kind() {
                    "variable_assignment" | "variable_name" => false,
                    "word" => word(&child).starts_with(['-', '+']) && word(&child).contains(['a', 'A', 'i', 'n']),
                    _ => true,
                })
                .then_some("a declaration")
        }
        "variable_assignment" | "for_statement" => {
            let name = node.child_by_field_name(if node.kind() == "for_statement" { "variable" } else { "name" });
            name.is_some_and(|name| EVALUATED_NAMES.contains(&syntax::text(source, name.byte_range())))
                .then_some("a variable of its own")
        }
        _ => None,
    }
}

/// `[ … ]` takes names of variables after `-v`; an expansion without quotes, or one that stands for the operator, may be that.
fn test_place(node: Node<'_>, source: &str) -> Option<&'static str> {
    let nodes = syntax::nodes_below(node);
    let operator = nodes.iter().any(|node| matches!(syntax::text(source, node.byte_range()).trim(), "-v" | "-R"));
    let bare = nodes.iter().any(|node| {
        let expands = matches!(node.kind(), "simple_expansion" | "expansion" | "command_substitution");
        expands
            && !super::ancestors(*node)
                .iter()
                .take_while(|above| above.kind() != "test_command")
                .any(|above| above.kind() == "string")
    });
    let first = syntax::text(source, node.byte_range()).trim_start_matches('[').trim_start();
    // Two words alone, the first from outside: `[ "$A" "$B" ]`.
    let unknown =
        first.starts_with("\"$") && !first.contains('=') && !first.contains(" -") && first.matches('"').count() > 2;
    (operator || bare || unknown).then_some("a test of variables")
}

fn call_place(call: &Call) -> Option<&'static str> {
    let program = call.program();
    if EVALUATING.contains(&program) {
        return Some("a builtin that reads expressions");
    }
    if matches!(program, "declare" | "typeset" | "local") {
        return Some("a declaration");
    }
    if !NAMING.contains(&program) {
        return None;
    }
    let arguments = &call.words[1..];
    let dynamic = |word: &crate::Word| !word.literal || word.text.contains('[');
    let names = match program {
        // Only the word after -v is a name; an option may come out of an expansion that begins a word.
        "printf" => {
            let first = arguments.first();
            let option = first.is_some_and(|word| word.text.starts_with("-v"));
            (option && arguments.iter().take(2).any(dynamic))
                || first.is_some_and(|word| !word.literal && word.text.starts_with(['$', '`']))
        }
        "test" | "[" => {
            let bare = |word: &crate::Word| !word.literal && !word.text.starts_with('"');
            let unknown = arguments.len() < 3 && arguments.first().is_some_and(|word| !word.literal);
            unknown || arguments.iter().any(|word| matches!(word.text.as_str(), "-v" | "-R") || bare(word))
        }
        _ => arguments.iter().any(dynamic),
    };
    names.then_some("the names of variables")
}

/// The same by the characters alone, where the grammar shows less (here-documents): `$((`, `((`, `$[`, `${x:n}`, `${x[n]}`,
/// `${!x}`, `${x@P}`.
fn expansion_place(source: &str, plain: &[Range<usize>]) -> Option<&'static str> {
    let bytes = source.as_bytes();
    let mut outside = plain.iter().peekable();
    let mut at = 0;
    while at + 1 < bytes.len() {
        while outside.peek().is_some_and(|range| range.end <= at) {
            outside.next();
        }
        if let Some(range) = outside.peek().filter(|range| range.contains(&at)) {
            at = range.end;
            continue;
        }
        match (bytes[at], bytes[at + 1]) {
            (b'(', b'(') | (b'$', b'[') => return Some("arithmetic"),
            (b'$', b'{') => {
                if let Some(place) = braces_place(&source[at + 2..]) {
                    return Some(place);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// What follows `${`.
fn braces_place(inner: &str) -> Option<&'static str> {
    if inner.starts_with('!') {
        return Some("an indirect expansion");
    }
    let inner = inner.strip_prefix('#').unwrap_or(inner);
    let name =
        inner.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'@' | b'*')).count();
    let (name, mut rest) = inner.split_at(name);
    if name.ends_with(['P', 'A']) && name.contains('@') {
        return Some("a prompt expansion");
    }
    if let Some(subscript) = rest.strip_prefix('[') {
        let (index, after) = subscript.split_once(']').unwrap_or((subscript, ""));
        if !is_fixed_index(index) {
            return Some("a subscript");
        }
        if after.starts_with("@P") || after.starts_with("@A") {
            return Some("a prompt expansion");
        }
        rest = after;
    }
    let cut = rest.strip_prefix(':').filter(|cut| !cut.starts_with(['-', '=', '+', '?']))?;
    let fixed = cut.split('}').next().unwrap_or_default();
    let fixed = fixed.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b' ' | b':' | b'-' | b'(' | b')'));
    (!fixed).then_some("the offset of an expansion")
}

/// `@`, `*` or a number: nothing to evaluate.
fn is_fixed_index(index: &str) -> bool {
    matches!(index, "@" | "*") || (!index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit()))
}
