//! Whether everything in a text takes its arguments and its input as data.
//!
//! A plain value (letters, digits and a little punctuation) is harmless wherever it stands for an argument: it cannot end
//! a word, begin a substitution or quote anything. Every other value needs a text in which nothing could carry it out:
//! not only where it stands, but also further down a pipe, in a file that is written and run, or in a variable that a
//! program reads later. So the whole text is looked at, and what is not known to be harmless is not.

use tree_sitter::Node;

use crate::action::Refusal;
use crate::call::Call;
use crate::program;
use crate::syntax::{self, Syntax};

/// Builtins and programs of the sandbox that take all their arguments and their input as data, and write no file that
/// their arguments name.
const TAKE_DATA: &[&str] = &[
    ":",
    "[",
    "base64",
    "basename",
    "break",
    "cat",
    "cd",
    "column",
    "comm",
    "continue",
    "cut",
    "date",
    "diff",
    "dirname",
    "echo",
    "egrep",
    "env",
    "exit",
    "expand",
    "export",
    "false",
    "fgrep",
    "fold",
    "grep",
    "head",
    "hostname",
    "join",
    "local",
    "ls",
    "md5sum",
    "mktemp",
    "nice",
    "nl",
    "nohup",
    "od",
    "paste",
    "printenv",
    "printf",
    "pwd",
    "read",
    "readonly",
    "return",
    "rev",
    "seq",
    "set",
    "sha256sum",
    "shift",
    "sleep",
    "stat",
    "tac",
    "tail",
    "test",
    "time",
    "timeout",
    "tr",
    "true",
    "uniq",
    "unset",
    "wait",
    "wc",
    "xargs",
];

/// Programs of the broker whose arguments and input are data to them, or are read by a grammar of the portal's own.
const BROKERED: &[&str] = &["argocd", "aws", "curl", "helm", "kubectl", "redis-cli", "wget"];

/// Programs with a small language of their own: harmless where what they are told is all in the text.
const FIXED: &[&str] = &["awk", "gawk", "jq", "mawk", "sed", "sort", "yq"];

/// Parts of such a language that start programs or write files (gawk and sed manuals; sort(1)).
const NOT_FIXED: &[&str] =
    &["system", "getline", "|&", "print|", "print |", "-f", "--file", "-i", "-o", "--output", "--compress", "-L"];

/// Whether a value is harmless as an argument of anything: it has no blank, no quote, and nothing that a shell, an
/// expression or a pattern takes for its own.
pub(super) fn is_plain(value: &str) -> bool {
    value.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '/' | '@' | '%' | '+' | '=' | ',' | '-'))
}

/// Refuses a text in which a value could become the name of a program: a name that the text makes of variables which it
/// does not set itself, to fixed words only, or of what another program prints.
pub(super) fn check_names(syntax: &Syntax, source: &str, calls: &[Call]) -> Result<(), Refusal> {
    let dynamic = |call: &&Call| !call.words[0].literal && call.words[0].text.contains(['$', '`']);
    for call in calls.iter().filter(dynamic) {
        let range = &call.words[0].range;
        let inside = |node: &Node<'_>| range.start <= node.start_byte() && node.end_byte() <= range.end;
        let open = syntax.nodes().into_iter().filter(inside).any(|node| match node.kind() {
            "simple_expansion" | "expansion" => {
                !variable(node, source).is_some_and(|name| is_settled(syntax, source, name))
            }
            "command_substitution" | "process_substitution" => true,
            _ => false,
        });
        // The words of a nested script have the range of the string that holds it, which says less than they do.
        let nested = syntax::text(source, range.clone()) != call.words[0].text;
        if open || nested {
            return Err(Refusal::not_permitted(format!(
                "`{}` stands where the name of a program does, and a value could decide which one. Carry the step out \
                 elsewhere and mark it as done by hand.",
                call.words[0].text
            )));
        }
    }
    Ok(())
}

/// The variable that an expansion names.
fn variable<'a>(expansion: Node<'_>, source: &'a str) -> Option<&'a str> {
    let named = syntax::children(expansion)
        .into_iter()
        .find(|child| matches!(child.kind(), "variable_name" | "subscript" | "special_variable_name"))?;
    syntax::text(source, named.byte_range()).split('[').next()
}

/// Whether a text sets a variable itself, and to nothing but fixed words.
fn is_settled(syntax: &Syntax, source: &str, name: &str) -> bool {
    let mut set = false;
    for node in syntax.nodes() {
        let field = match node.kind() {
            "variable_assignment" => "name",
            "for_statement" => "variable",
            // `read X` and its like name variables without an assignment.
            "command" if mentions(syntax::text(source, node.byte_range()), name) => {
                let reads = syntax::text(source, node.byte_range());
                if ["read", "mapfile", "readarray", "getopts"].iter().any(|builtin| reads.starts_with(builtin)) {
                    return false;
                }
                continue;
            }
            _ => continue,
        };
        if node.child_by_field_name(field).map(|node| syntax::text(source, node.byte_range())) != Some(name) {
            continue;
        }
        let fixed = node.kind() == "variable_assignment"
            && node.child_by_field_name("value").is_none_or(|value| {
                let text = syntax::text(source, value.byte_range());
                syntax::literal(value, source).is_some() && crate::placeholder::find(text).is_empty()
            });
        if !fixed {
            return false;
        }
        set = true;
    }
    set
}

/// The first thing in a text that could carry out a value; `None` where all of it takes data.
pub(super) fn doubt(syntax: &Syntax, source: &str, calls: &[Call], value: &str) -> Option<String> {
    if syntax.has_errors() {
        return Some("the command is not bash that this portal can read".to_owned());
    }
    // A function of the text's own is as harmless as what it calls, which stands in the text, too.
    let own: Vec<&str> = syntax
        .nodes()
        .into_iter()
        .filter(|node| node.kind() == "function_definition")
        .filter_map(|node| node.child_by_field_name("name").map(|name| syntax::text(source, name.byte_range())))
        .collect();
    if let Some(call) =
        calls.iter().find(|call| !takes_data(call, source) && !own.contains(&call.words[0].text.as_str()))
    {
        return Some(format!("`{}` may carry out what it is given", call.program()));
    }
    for node in syntax.nodes() {
        let text = syntax::text(source, node.byte_range());
        match node.kind() {
            "file_redirect" if writes_file(text) => return Some("it writes a file, which may be run later".to_owned()),
            // Blanks and line ends make words here, of which one may be an option.
            "command_substitution" | "for_statement" | "while_statement" | "array" if makes_options(value) => {
                return Some("a part of the value begins with `-`, and the command cuts values into words".to_owned());
            }
            _ => {}
        }
    }
    let cuts = |call: &&Call| matches!(call.program(), "xargs" | "read" | "set");
    if makes_options(value) && calls.iter().any(|call| cuts(&call)) {
        return Some("a part of the value begins with `-`, and the command cuts values into words".to_owned());
    }
    None
}

fn takes_data(call: &Call, source: &str) -> bool {
    let name = call.program();
    if !call.words[0].literal {
        return false;
    }
    let arguments = &call.words[1..];
    if FIXED.contains(&name) {
        return arguments.iter().all(|word| {
            word.literal
                && crate::placeholder::find(syntax::text(source, word.range.clone())).is_empty()
                && !NOT_FIXED.iter().any(|part| word.text.contains(part))
                && !(name == "sed" && sed_executes(&word.text))
        });
    }
    if BROKERED.contains(&name) {
        // `kubectl exec POD -- PROGRAM …`: the program inside must take data, too.
        let inner = arguments.iter().position(|word| word.text == "--").and_then(|at| arguments.get(at + 1..));
        let inside = inner.is_none_or(|inner| {
            inner.is_empty() || takes_data(&Call { words: inner.to_vec(), ends_by_itself: call.ends_by_itself }, source)
        });
        let shell = arguments.iter().any(|word| is_interpreter(program::base_name(&word.text)));
        return inside && !shell;
    }
    match name {
        "printf" => !arguments.first().is_some_and(|word| word.text.starts_with("-v")),
        "env" => !arguments.iter().any(|word| word.text.starts_with("-S") || word.text.starts_with("--split")),
        _ => TAKE_DATA.contains(&name),
    }
}

/// Whether a program reads code of its own or a shell's: by name, and by name with a version (`python3.11`).
pub(super) fn is_interpreter(name: &str) -> bool {
    let unversioned = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let known = |name: &str| {
        program::SHELLS.contains(&name) || ["perl", "python", "ruby", "lua", "php", "node", "tclsh"].contains(&name)
    };
    known(name) || known(unversioned) || (name.ends_with("awk") && !name.contains('/'))
}

/// GNU sed: the command `e`, the flag `e`, and `w`, which writes a file.
fn sed_executes(script: &str) -> bool {
    if script.starts_with('-') {
        return false;
    }
    // Printing and deleting by line, and one substitution with harmless flags, are what runbooks use.
    let addresses =
        |text: &str| text.chars().all(|c| c.is_ascii_digit() || matches!(c, ',' | '$' | 'p' | 'd' | 'q' | ';' | ' '));
    if addresses(script) {
        return false;
    }
    let mut chars = script.chars();
    let (Some('s'), Some(delimiter)) = (chars.next(), chars.next()) else { return true };
    let parts: Vec<&str> = script[1 + delimiter.len_utf8()..].split(delimiter).collect();
    match parts.as_slice() {
        [_, _, flags] => !flags.chars().all(|c| c.is_ascii_digit() || matches!(c, 'g' | 'i' | 'I' | 'p')),
        _ => true,
    }
}

/// Whether a redirection writes a file: not to another descriptor, and not to `/dev/null`.
fn writes_file(redirect: &str) -> bool {
    let Some((_, target)) = redirect.split_once('>') else { return false };
    let target = target.trim_start_matches(['>', '|']).trim();
    !(target.starts_with('&') || matches!(target, "/dev/null" | "/dev/stderr" | "/dev/stdout"))
}

/// Whether a word after the first begins with `-`, once the value is cut at blanks.
fn makes_options(value: &str) -> bool {
    value.split_whitespace().any(|word| word.starts_with('-'))
}

/// Whether a text holds a variable's name as a whole word.
pub(super) fn mentions(text: &str, name: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let bytes = text.as_bytes();
    text.match_indices(name).any(|(at, name)| {
        at.checked_sub(1).is_none_or(|before| !word(bytes[before]))
            && bytes.get(at + name.len()).is_none_or(|&after| !word(after))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sed_scripts_are_told_apart() {
        for harmless in ["1,5p", "$d", "s/a/b/", "s|a|b|g", "-n", "-E"] {
            assert!(!sed_executes(harmless), "{harmless}");
        }
        for acting in ["s/a/b/e", "e", "1e date", "s/a/b/w x", "w x", "r x", "s/a"] {
            assert!(sed_executes(acting), "{acting}");
        }
    }

    #[test]
    fn interpreters_have_versions() {
        for name in ["python3.11", "perl5.36.0", "nawk", "bash", "ruby3.1", "node"] {
            assert!(is_interpreter(name), "{name}");
        }
        for name in ["kubectl", "jq", "awks"] {
            assert!(!is_interpreter(name), "{name}");
        }
    }

    #[test]
    fn redirections_that_write() {
        for writes in ["> x", ">> x", "2> x", "&> x", ">| x", "> /tmp/x"] {
            assert!(writes_file(writes), "{writes}");
        }
        for other in ["< x", "2>&1", "> /dev/null", "2>/dev/null", ">&2"] {
            assert!(!writes_file(other), "{other}");
        }
    }
}
