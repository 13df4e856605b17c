//! The program calls in a syntax tree, and the calls inside other calls: `xargs kubectl …`, `watch "aws …"`.

use std::ops::Range;

use tree_sitter::Node;

use crate::program;
use crate::syntax::{self, Syntax};

/// How often a call is looked into: `sudo bash -c "watch 'kubectl …'"` is three.
const DEEPEST: u8 = 4;

/// One word of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The text after quote removal where `literal`, else the text as written: `deployment/$svc`.
    pub text: String,
    /// Whether the program receives exactly `text`.
    pub literal: bool,
    /// Where the word stands in the source. Words of a nested script have the range of the string that holds it.
    pub range: Range<usize>,
}

impl Word {
    /// The text as a program gets it, but for what depends on the moment.
    fn unquoted(&self) -> String {
        let inner = || self.text.strip_prefix('"')?.strip_suffix('"');
        match inner().filter(|_| !self.literal) {
            // bash(1), QUOTING: within double quotes a backslash escapes these and nothing else.
            Some(inner) => inner.replace("\\\"", "\"").replace("\\\\", "\\"),
            None => self.text.clone(),
        }
    }
}

/// One call of a program: the first word names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Never empty.
    pub words: Vec<Word>,
    /// Whether `timeout` ends it.
    pub ends_by_itself: bool,
}

impl Call {
    /// The name of the program, without the folder where that is one of the system's.
    #[must_use]
    pub fn program(&self) -> &str {
        program::base_name(&self.words[0].text)
    }

    /// The words as an argument vector; what depends on the moment stands in them as it is written, without the quotes
    /// around it.
    #[must_use]
    pub fn argv(&self) -> Vec<String> {
        let mut argv: Vec<_> = self.words.iter().map(Word::unquoted).collect();
        argv[0] = self.program().to_owned();
        argv
    }
}

impl Call {
    /// Whether it runs what its words do not show.
    pub(crate) fn is_opaque(&self) -> bool {
        let arguments = &self.words[1..];
        let name = self.program();
        match name {
            _ if !self.words[0].literal => true,
            "awk" | "gawk" | "mawk" => arguments.iter().any(|word| word.text == "-f" || awk_starts(&word.text)),
            "eval" => !arguments.iter().all(|word| word.literal),
            "trap" => trapped(arguments).is_some_and(|word| !word.literal),
            "watch" => false,
            // A script of the runbook's own repository, most often.
            _ if name.contains('/') => true,
            _ if program::SHELLS.contains(&name) || name == "su" => {
                let script = script_option(arguments);
                script.is_none_or(|script| !script.literal)
                    && !arguments.iter().any(|word| matches!(word.text.as_str(), "--version" | "--help"))
            }
            _ if program::is_sandbox_program(name) || program::wrapper_options(name).is_some() => {
                program::EVALUATES.contains(&name)
            }
            _ if program::EVALUATES.contains(&name) || program::INTERPRETS.contains(&name) => true,
            // A verb that is not understood may be hidden in a variable.
            _ => !self.words.iter().all(|word| word.literal) && crate::classify(&self.argv()).is_err(),
        }
    }
}

/// Whether a program of awk starts others: `system(…)`, `print | "…"`, `"…" | getline` (POSIX, awk, "Output Statements" and
/// "Input/Output and General Functions").
fn awk_starts(text: &str) -> bool {
    let calls = |at: usize| text[at + "system".len()..].trim_start().starts_with('(');
    let pipes = |at: usize| {
        let (before, after) = (&text[..at], &text[at + 1..]);
        let alone = !before.ends_with('|') && !after.starts_with('|');
        // A bar in quotes of its own is a text that is printed.
        let quoted = before.ends_with('"') && after.starts_with('"');
        let after = after.trim_start().trim_start_matches('&').trim_start();
        alone && !quoted && (after.starts_with('"') || after.starts_with("getline"))
    };
    text.match_indices("system").any(|(at, _)| calls(at)) || text.match_indices('|').any(|(at, _)| pipes(at))
}

/// The script behind `-c`.
fn script_option(arguments: &[Word]) -> Option<&Word> {
    let at = arguments.iter().position(|word| is_short_option(&word.text, 'c'))?;
    arguments.get(at + 1)
}

/// All calls of a text in order: those that bash makes, then those that they make of their arguments.
pub(crate) fn calls(syntax: &Syntax, source: &str) -> Vec<Call> {
    let mut found = Vec::new();
    for node in syntax.nodes() {
        if let Some(words) = words(node, source) {
            add(Call { words, ends_by_itself: false }, DEEPEST, &mut found);
        }
    }
    found
}

/// The words of a command node; `None` for any other node and for one without a program.
pub(crate) fn words(node: Node<'_>, source: &str) -> Option<Vec<Word>> {
    if node.kind() != "command" {
        return None;
    }
    let mut words = Vec::new();
    for child in syntax::children(node) {
        match child.kind() {
            "variable_assignment"
            | "file_redirect"
            | "herestring_redirect"
            | "heredoc_redirect"
            | "comment"
            | "subshell" => continue,
            _ => {}
        }
        let range = child.byte_range();
        let word = match syntax::literal(child, source) {
            Some(text) => Word { text, literal: true, range },
            None => Word { text: syntax::text(source, range.clone()).to_owned(), literal: false, range },
        };
        words.push(word);
    }
    (!words.is_empty()).then_some(words)
}

fn add(call: Call, depth: u8, found: &mut Vec<Call>) {
    let inner = if depth == 0 { Vec::new() } else { inside(&call) };
    found.push(call);
    for call in inner {
        add(call, depth - 1, found);
    }
}

/// The calls that a call makes of its arguments.
fn inside(call: &Call) -> Vec<Call> {
    let words = &call.words;
    let arguments = &words[1..];
    let name = call.program();
    let ends = call.ends_by_itself || name == "timeout";
    let wrap =
        |words: Vec<Word>| if words.is_empty() { Vec::new() } else { vec![Call { words, ends_by_itself: ends }] };
    if program::SHELLS.contains(&name) || name == "su" {
        return script_option(arguments).map(|word| nested(word, ends)).unwrap_or_default();
    }
    match name {
        "eval" => match arguments {
            [word] => nested(word, ends),
            // It puts its words together to one script.
            [first, ..] => {
                let text = arguments.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
                let literal = arguments.iter().all(|word| word.literal);
                nested(&Word { text, literal, range: first.range.clone() }, ends)
            }
            [] => Vec::new(),
        },
        "trap" => trapped(arguments).map(|word| nested(word, ends)).unwrap_or_default(),
        "watch" => {
            let rest = after_options(arguments, &["-n", "--interval", "-q", "--equexit"]);
            if let [word] = rest { nested(word, ends) } else { wrap(rest.to_vec()) }
        }
        "xargs" => {
            let values = [
                "-I",
                "-n",
                "-P",
                "-L",
                "-d",
                "-s",
                "-E",
                "-a",
                "--max-args",
                "--max-procs",
                "--delimiter",
                "--arg-file",
            ];
            let mut rest = after_options(arguments, &values).to_vec();
            let replace = arguments.iter().position(|word| word.text == "-I").and_then(|at| arguments.get(at + 1));
            match (replace, rest.first().cloned()) {
                (Some(replace), _) => {
                    for word in &mut rest {
                        word.literal &= !word.text.contains(&replace.text);
                    }
                }
                (None, Some(first)) => rest.push(Word { text: "{}".to_owned(), literal: false, range: first.range }),
                (None, None) => {}
            }
            wrap(rest)
        }
        "find" => {
            let start = arguments.iter().position(|word| matches!(word.text.as_str(), "-exec" | "-execdir" | "-ok"));
            let rest = start.map(|at| &arguments[at + 1..]).unwrap_or_default();
            let end = rest.iter().position(|word| matches!(word.text.as_str(), ";" | "+")).unwrap_or(rest.len());
            wrap(rest[..end].to_vec())
        }
        "env" => {
            let rest = after_options(arguments, &["-u", "-C", "--unset", "--chdir"]);
            let start = rest.iter().position(|word| !is_assignment(&word.text)).unwrap_or(rest.len());
            wrap(rest[start..].to_vec())
        }
        "timeout" => {
            let rest = after_options(arguments, &["-k", "-s", "--kill-after", "--signal"]);
            wrap(rest.get(1..).unwrap_or_default().to_vec())
        }
        _ => match program::wrapper_options(name) {
            Some(values) => wrap(after_options(arguments, values).to_vec()),
            None => Vec::new(),
        },
    }
}

/// The script of a `trap`: not where it resets signals (`trap - EXIT`, `trap EXIT`) or lists them (`trap -p`).
fn trapped(arguments: &[Word]) -> Option<&Word> {
    let rest = if arguments.first().is_some_and(|word| word.text == "--") { &arguments[1..] } else { arguments };
    let (script, signals) = rest.split_first()?;
    (!signals.is_empty() && !script.text.starts_with('-')).then_some(script)
}

/// The calls of a script that stands in one word. Their words carry the range of that word.
fn nested(word: &Word, ends_by_itself: bool) -> Vec<Call> {
    // A string that depends on the moment stands as it is written, in its quotes.
    let quoted = || word.text.strip_prefix('"')?.strip_suffix('"');
    let script = if word.literal { None } else { quoted() }.unwrap_or(&word.text);
    let syntax = Syntax::parse(script);
    let mut found = Vec::new();
    for node in syntax.nodes() {
        if let Some(mut words) = words(node, script) {
            for inner in &mut words {
                inner.range = word.range.clone();
                inner.literal &= word.literal;
            }
            found.push(Call { words, ends_by_itself });
        }
    }
    found
}

/// What follows the options, given those that take the next word as their value.
fn after_options<'a>(words: &'a [Word], with_value: &[&str]) -> &'a [Word] {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        if word.text == "--" {
            return &words[at + 1..];
        }
        if !word.text.starts_with('-') || word.text == "-" {
            break;
        }
        at += if with_value.contains(&word.text.as_str()) { 2 } else { 1 };
    }
    words.get(at..).unwrap_or_default()
}

/// Whether a word is a cluster of short options that holds this one: `-c`, `-lc`.
pub(crate) fn is_short_option(word: &str, option: char) -> bool {
    word.strip_prefix('-').is_some_and(|letters| !letters.starts_with('-') && letters.contains(option))
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}
