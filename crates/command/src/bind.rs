//! Parameter values reach bash as data: through its environment, never as part of its text.
//!
//! A placeholder is replaced by a reference to a variable in the form that its place in the syntax tree asks for. Where a
//! value could become more than data (the name of a program, a nested script, arithmetic) the text is refused.

mod arithmetic;
mod option;
mod proof;
mod query;
mod structured;

use std::ops::Range;

use tree_sitter::Node;

pub use query::bind_query;

use crate::action::Refusal;
use crate::call::{self, Call};
use crate::parameter::{self, Parameter};
use crate::program;
use crate::syntax::{self, Syntax};

/// What the variables are called that stand for placeholders: `RUNBOOK_P1`, `RUNBOOK_P2`, …
const PREFIX: &str = "RUNBOOK_P";

/// The longest value, in bytes. Linux passes at most 128 KiB in one variable (execve(2), MAX_ARG_STRLEN).
const LONGEST_VALUE: usize = 64 * 1024;

/// The most places that one text may leave open.
const MOST_PLACES: usize = 256;

/// Variables that change what bash, the loader or a program's start does (bash(1); ld.so(8)), by name or by beginning.
const DANGEROUS: &[&str] = &[
    "CDPATH",
    "COMP_WORDBREAKS",
    "ENV",
    "EDITOR",
    "FCEDIT",
    "FIGNORE",
    "FUNCNEST",
    "GCONV_PATH",
    "GLOBIGNORE",
    "HISTFILE",
    "HOME",
    "HOSTALIASES",
    "IFS",
    "INPUTRC",
    "KUBECONFIG",
    "LOCPATH",
    "NLSPATH",
    "OPTERR",
    "OPTIND",
    "PAGER",
    "PATH",
    "POSIXLY_CORRECT",
    "PROMPT_COMMAND",
    "PS0",
    "PS1",
    "PS2",
    "PS3",
    "PS4",
    "PSQLRC",
    "RES_OPTIONS",
    "SHELL",
    "SHELLOPTS",
    "TMPDIR",
    "TZDIR",
    "VISUAL",
    "PAGER",
    "LESSOPEN",
    "LESSCLOSE",
    "NODE_OPTIONS",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PERL5LIB",
    "PERL5OPT",
    "RUBYOPT",
    "JAVA_TOOL_OPTIONS",
    "TAR_OPTIONS",
    "GREP_OPTIONS",
    "OPENSSL_CONF",
    "OPENSSL_ENGINES",
    "OPENSSL_MODULES",
];
const DANGEROUS_BEGINNINGS: &[&str] = &[
    "BASH",
    "DYLD_",
    "GIT_",
    "GLIBC_",
    "JAVA_",
    "JDK_",
    "LC_",
    "LD_",
    "MALLOC_",
    "NODE_",
    "PERL",
    "PYTHON",
    "RUBY",
    "RUNBOOK_",
    "__runbook",
];

/// Kinds of nodes that may stand above a place that is data.
const TRANSPARENT: &[&str] = &[
    "program",
    "command",
    "concatenation",
    "string",
    "variable_assignment",
    "variable_assignments",
    "declaration_command",
    "redirected_statement",
    "file_redirect",
    "herestring_redirect",
    "heredoc_redirect",
    "heredoc_body",
    "pipeline",
    "list",
    "for_statement",
    "do_group",
    "while_statement",
    "if_statement",
    "elif_clause",
    "else_clause",
    "case_statement",
    "case_item",
    "compound_statement",
    "subshell",
    "function_definition",
    "command_substitution",
    "process_substitution",
    "negated_command",
    "array",
];

/// A script whose open values are bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundScript {
    /// The bash text to run. It holds no value.
    pub source: String,
    /// The variables to set for it: name and value.
    pub environment: Vec<(String, String)>,
}

/// Binds values to what a script leaves open.
///
/// # Errors
/// A [`Refusal`] where a value is missing, cannot be passed (it holds NUL or is too long), or would stand in a place where it
/// is not data.
pub fn bind(source: &str, values: &[(Parameter, String)]) -> Result<BoundScript, Refusal> {
    let syntax = Syntax::parse(source);
    let mut binder = Binder {
        source,
        calls: call::calls(&syntax, source),
        replacements: Vec::new(),
        environment: Vec::new(),
        documents: Vec::new(),
    };
    let occurrences = parameter::placeholders(&syntax, source);
    let variables = parameter::variables(&syntax, source);
    if occurrences.len() + variables.len() > MOST_PLACES {
        return Err(Refusal::not_permitted(format!("The text leaves more than {MOST_PLACES} places open. Split it.")));
    }
    if !values.is_empty() {
        proof::check_names(&syntax, source, &binder.calls)?;
    }
    arithmetic::check(&syntax, source, &binder.calls, values)?;
    for (parameter, value) in values {
        check_value(parameter, value)?;
        check_proof(&syntax, source, &binder.calls, &parameter.placeholder, value)?;
        let used = variables.iter().filter(|(_, name)| parameter.placeholder.strip_prefix('$') == Some(name));
        for (range, _) in used {
            binder.check(&syntax, range, &parameter.placeholder, value)?;
            check_whole(&syntax, range, &parameter.placeholder, value)?;
            check_literal(&syntax, source, range, &parameter.placeholder, value)?;
            option::check(&syntax, source, range, &parameter.placeholder, value)?;
        }
        if let Some(name) = parameter.placeholder.strip_prefix('$') {
            check_name(name)?;
            binder.environment.push((name.to_owned(), value.clone()));
        }
    }
    let mut names: Vec<(&str, String)> = Vec::new();
    for occurrence in &occurrences {
        let text = syntax::text(source, occurrence.range.clone());
        let Some((_, value)) = values.iter().find(|(parameter, _)| parameter.placeholder == text) else {
            return Err(Refusal::not_permitted(format!("`{text}` has no value yet. Fill it in first.")));
        };
        if source.contains(PREFIX) {
            return Err(Refusal::not_permitted(format!(
                "The text uses a name that begins with `{PREFIX}`, which is the portal's own."
            )));
        }
        let name = if let Some((_, name)) = names.iter().find(|(placeholder, _)| *placeholder == text) {
            name.clone()
        } else {
            let name = format!("{PREFIX}{}", names.len() + 1);
            binder.environment.push((name.clone(), value.clone()));
            names.push((text, name.clone()));
            name
        };
        option::check(&syntax, source, &occurrence.range, text, value)?;
        check_literal(&syntax, source, &occurrence.range, text, value)?;
        binder.replace(&syntax, &occurrence.range, text, value, &name)?;
    }
    binder.finish()
}

/// Binds values to a `psql` call and the SQL that it carries out: `connection` is what stands behind `psql` on its line, with
/// placeholders of its own; an empty one is [`Parameter::database`]. Each statement is an argument, so that the broker knows how far the call reaches and PostgreSQL
/// carries out `VACUUM` and its like, which want to be alone. The call ends at the first statement that fails.
///
/// # Errors
/// As [`bind`] and [`bind_query`].
pub fn bind_sql(connection: &str, sql: &str, values: &[(Parameter, String)]) -> Result<BoundScript, Refusal> {
    let database = Parameter::database().placeholder;
    let call = format!("psql {}", if connection.is_empty() { &database } else { connection });
    // What stands in the SQL alone never meets bash.
    let of_connection: Vec<_> =
        values.iter().filter(|(parameter, _)| call.contains(&parameter.placeholder)).cloned().collect();
    let call = bind(&call, &of_connection)?;
    let (mut source, mut environment) = (format!("{} -X -v ON_ERROR_STOP=1", call.source), call.environment);
    // Cut first: no value decides where a statement ends, or what is a line of psql's own.
    for (at, text) in commands(sql).into_iter().enumerate() {
        let text = if text.starts_with('\\') { bind_line(&text, values)? } else { bind_statement(&text, values)? };
        if text.len() > LONGEST_VALUE {
            return Err(Refusal::not_permitted("A statement is too long with its values in place. Split it."));
        }
        let name = format!("RUNBOOK_SQL{}", at + 1);
        source.push_str(&format!(" -c \"${{{name}}}\""));
        environment.push((name, text));
    }
    Ok(BoundScript { source, environment })
}

/// One statement with its values, which is still one.
fn bind_statement(text: &str, values: &[(Parameter, String)]) -> Result<String, Refusal> {
    let bound = bind_query(text, values)?;
    if bound != text && crate::sql::statements(&bound).len() != 1 {
        return Err(Refusal::not_permitted(
            "The values cannot be passed to this statement as data. Carry it out elsewhere and mark it as done by hand.",
        ));
    }
    Ok(bound)
}

/// A line of `psql`'s own, whose words are not SQL's: it takes plain values only.
fn bind_line(text: &str, values: &[(Parameter, String)]) -> Result<String, Refusal> {
    let mut bound = text.to_owned();
    for place in crate::placeholder::find(text).into_iter().rev() {
        let shown = &text[place.range.clone()];
        let value =
            values.iter().find(|(parameter, _)| parameter.placeholder == shown).map(|(_, value)| value.as_str());
        match value {
            Some(value) if proof::is_plain(value) && !value.is_empty() => bound.replace_range(place.range, value),
            Some(_) => {
                return Err(Refusal::not_permitted(format!(
                    "`{shown}` stands in a line of psql's own, which takes letters, digits and `_ . : / @ % + = , -` only."
                )));
            }
            None => return Err(Refusal::not_permitted(format!("`{shown}` has no value yet. Fill it in first."))),
        }
    }
    Ok(bound)
}

/// What `psql` takes with one `-c` each: a statement, or a line of `psql`'s own.
fn commands(sql: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut statements = String::new();
    let flush = |statements: &mut String, found: &mut Vec<String>| {
        found.extend(crate::sql::statements(statements).into_iter().map(|statement| statement.text.trim().to_owned()));
        statements.clear();
    };
    for line in sql.lines() {
        // Between statements only: within one a backslash is the statement's.
        if line.trim_start().starts_with('\\') && (statements.trim().is_empty() || statements.trim_end().ends_with(';'))
        {
            flush(&mut statements, &mut found);
            found.push(line.trim().to_owned());
        } else {
            statements.push_str(line);
            statements.push('\n');
        }
    }
    flush(&mut statements, &mut found);
    found
}

/// Checks the variables that a run carries from command to command against the next text, which [`bind`] does not see:
/// name and value of each. They were made of values and of what programs printed.
///
/// # Errors
/// A [`Refusal`] where the text mentions a variable whose value could become more than data in it.
pub fn check_variables<'a>(
    source: &str,
    variables: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<(), Refusal> {
    let mentioned: Vec<_> =
        variables.into_iter().filter(|(name, _)| !name.is_empty() && proof::mentions(source, name)).collect();
    if mentioned.is_empty() {
        return Ok(());
    }
    let syntax = Syntax::parse(source);
    let calls = call::calls(&syntax, source);
    proof::check_names(&syntax, source, &calls)?;
    for (name, value) in mentioned {
        let shown = format!("${name}");
        arithmetic::check_variable(&syntax, source, &calls, &shown, value)?;
        check_proof(&syntax, source, &calls, &shown, value)?;
        option::check_variable(&syntax, source, name, value)?;
    }
    Ok(())
}

/// A value that is not plain needs a text in which everything takes data.
fn check_proof(syntax: &Syntax, source: &str, calls: &[Call], shown: &str, value: &str) -> Result<(), Refusal> {
    if proof::is_plain(value) {
        return Ok(());
    }
    match proof::doubt(syntax, source, calls, value) {
        None => Ok(()),
        Some(doubt) => Err(Refusal::not_permitted(format!(
            "The value of `{shown}` holds characters that could act as more than text here: {doubt}. Use only letters, \
             digits and `_ . : / @ % + = , -`, or carry the step out elsewhere and mark it as done by hand."
        ))),
    }
}

/// Refuses a value that bash would take apart: a variable without quotes is split at blanks and compared with the names of
/// files. The list of a loop is meant to be.
fn check_whole(syntax: &Syntax, range: &Range<usize>, shown: &str, value: &str) -> Result<(), Refusal> {
    if !value.contains(|c: char| c.is_whitespace() || "*?[\\".contains(c)) && !value.is_empty() {
        return Ok(());
    }
    let leaf = syntax.root().and_then(|root| root.descendant_for_byte_range(range.start, range.end));
    for node in leaf.into_iter().flat_map(ancestors) {
        match node.kind() {
            "string" | "heredoc_body" | "herestring_redirect" | "variable_assignment" | "for_statement" => {
                return Ok(());
            }
            "command" | "file_redirect" => {
                return Err(Refusal::not_permitted(format!(
                    "`{shown}` stands without quotes, so bash would take this value apart. Give one without blanks, `*`, `?`, \
                     `[` and `\\`, or let the runbook's author write \"{shown}\"."
                )));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Refuses a value that would be more than one where it stands in JSON or a manifest and cannot be written otherwise: in
/// bash's double quotes, and where a variable stands for it.
fn check_literal(syntax: &Syntax, source: &str, range: &Range<usize>, shown: &str, value: &str) -> Result<(), Refusal> {
    let Some(leaf) = syntax.root().and_then(|root| root.descendant_for_byte_range(range.start, range.end)) else {
        return Ok(());
    };
    let variable = shown.starts_with('$');
    let literal = std::iter::once(leaf).chain(ancestors(leaf)).find(|node| match node.kind() {
        "string" => true,
        "heredoc_body" => variable,
        _ => false,
    });
    let Some(literal) = literal else { return Ok(()) };
    let mut text = syntax::text(source, literal.byte_range()).to_owned();
    if variable {
        let name = shown.trim_start_matches('$');
        text = text.replace(&format!("${{{name}}}"), "1").replace(shown, "1");
    }
    if literal.kind() == "string" {
        let inner = text.trim_matches('"');
        text = inner.replace("\\\"", "\"").replace("\\\\", "\\");
    }
    if structured::permits(&text, value) {
        return Ok(());
    }
    Err(Refusal::not_permitted(format!(
        "`{shown}` stands inside JSON or a manifest, where this value would be more than one. Use only letters, digits and \
         `_ . : / @ % + = -`."
    )))
}

fn check_value(parameter: &Parameter, value: &str) -> Result<(), Refusal> {
    if value.contains('\0') {
        return Err(Refusal::not_permitted(format!(
            "The value of `{}` holds a NUL character, which no program can receive.",
            parameter.name
        )));
    }
    if value.len() > LONGEST_VALUE {
        return Err(Refusal::not_permitted(format!(
            "The value of `{}` is longer than {LONGEST_VALUE} bytes.",
            parameter.name
        )));
    }
    Ok(())
}

/// Whether a variable of this name may be set from outside, or carried from one step to the next: a POSIX name that does
/// not change how a shell, the loader, or an interpreter starts.
#[must_use]
pub fn may_set(name: &str) -> bool {
    let shape = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    shape && !DANGEROUS.contains(&name) && !DANGEROUS_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

fn check_name(name: &str) -> Result<(), Refusal> {
    if may_set(name) {
        return Ok(());
    }
    Err(Refusal::not_permitted(format!("`{name}` may not be set: it changes how the shell or its programs start.")))
}

/// A quoted here-document with values in it.
struct Document {
    body: Range<usize>,
    /// `<<-`
    strips_tabs: bool,
    values: Vec<(Range<usize>, String)>,
}

struct Binder<'a> {
    source: &'a str,
    calls: Vec<Call>,
    replacements: Vec<(Range<usize>, String)>,
    environment: Vec<(String, String)>,
    documents: Vec<Document>,
}

impl Binder<'_> {
    /// Plans the replacement of one placeholder.
    fn replace(
        &mut self,
        syntax: &Syntax,
        range: &Range<usize>,
        text: &str,
        value: &str,
        name: &str,
    ) -> Result<(), Refusal> {
        self.check(syntax, range, text, value)?;
        let refuse = |why: &str| Err(refusal(text, why));
        let Some(leaf) = syntax.root().and_then(|root| root.descendant_for_byte_range(range.start, range.end)) else {
            return refuse("its place in the text cannot be read");
        };
        if matches!(self.source.as_bytes().get(range.start.wrapping_sub(1)), Some(b'\\' | b'$'))
            && leaf.kind() != "raw_string"
        {
            return refuse("a `\\` or `$` stands directly before it");
        }
        let name = &self.structured(leaf, range, value, name)?;
        let reference = match leaf.kind() {
            "word" => format!("\"${{{name}}}\""),
            "string" | "string_content" => format!("${{{name}}}"),
            "raw_string" => format!("'\"${{{name}}}\"'"),
            "heredoc_body" | "heredoc_content" => {
                let redirect = ancestors(leaf).into_iter().find(|node| node.kind() == "heredoc_redirect");
                let start = redirect
                    .and_then(|node| syntax::children(node).into_iter().find(|child| child.kind() == "heredoc_start"));
                let (Some(redirect), Some(start)) = (redirect, start) else {
                    return refuse("its place in the text cannot be read");
                };
                if syntax::text(self.source, start.byte_range()).contains(['\'', '"', '\\']) {
                    let written = self.environment.iter().rfind(|(known, _)| known == name);
                    let written = written.map_or_else(|| value.to_owned(), |(_, written)| written.clone());
                    return self.replace_quoted(redirect, start, range, &written);
                }
                format!("${{{name}}}")
            }
            _ => return refuse("it stands where a value would not be data"),
        };
        self.replacements.push((range.clone(), reference));
        Ok(())
    }

    /// The variable for a place inside JSON or a manifest: where the value is written otherwise there than it was given, it
    /// has one of its own.
    fn structured(&mut self, leaf: Node<'_>, range: &Range<usize>, value: &str, name: &str) -> Result<String, Refusal> {
        let literal = match leaf.kind() {
            "raw_string" => leaf.start_byte() + 1..leaf.end_byte() - 1,
            "heredoc_content" => {
                let body = ancestors(leaf).into_iter().find(|node| node.kind() == "heredoc_body");
                body.unwrap_or(leaf).byte_range()
            }
            "heredoc_body" => leaf.byte_range(),
            _ => return Ok(name.to_owned()),
        };
        let text = syntax::text(self.source, literal.clone());
        let Some(inside) = structured::language(text) else { return Ok(name.to_owned()) };
        let written = inside.written(text, range.start - literal.start..range.end - literal.start, value)?;
        if written == value {
            return Ok(name.to_owned());
        }
        let own = format!("{name}_{}", self.environment.len());
        self.environment.push((own.clone(), written));
        Ok(own)
    }

    /// Puts a value into a quoted here-document: bash replaces nothing in it, so all of its text becomes one variable.
    fn replace_quoted(
        &mut self,
        redirect: Node<'_>,
        start: Node<'_>,
        range: &Range<usize>,
        value: &str,
    ) -> Result<(), Refusal> {
        let word = syntax::text(self.source, start.byte_range());
        let bare: String = word.chars().filter(|c| !matches!(c, '\'' | '"' | '\\')).collect();
        let plain = !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let body = syntax::children(redirect).into_iter().find(|child| child.kind() == "heredoc_body");
        let (Some(body), true) = (body, plain) else {
            return Err(refusal(word, "it ends a here-document that this portal cannot read"));
        };
        let known = self.documents.iter_mut().find(|document| document.body == body.byte_range());
        match known {
            Some(document) => document.values.push((range.clone(), value.to_owned())),
            None => {
                self.replacements.push((start.byte_range(), bare));
                self.documents.push(Document {
                    body: body.byte_range(),
                    strips_tabs: syntax::text(self.source, redirect.byte_range()).starts_with("<<-"),
                    values: vec![(range.clone(), value.to_owned())],
                });
            }
        }
        Ok(())
    }

    /// The here-documents of [`Self::replace_quoted`], with their values in place.
    fn finish_documents(&mut self) -> Result<(), Refusal> {
        for (at, document) in std::mem::take(&mut self.documents).into_iter().enumerate() {
            let mut text = String::new();
            let mut from = document.body.start;
            let add = |text: &mut String, piece: &str| {
                for (at, line) in piece.split_inclusive('\n').enumerate() {
                    let begins = at > 0 || text.is_empty();
                    text.push_str(if document.strips_tabs && begins { line.trim_start_matches('\t') } else { line });
                }
            };
            for (range, value) in &document.values {
                add(&mut text, syntax::text(self.source, from..range.start));
                text.push_str(value);
                from = range.end;
            }
            add(&mut text, syntax::text(self.source, from..document.body.end));
            if text.len() > LONGEST_VALUE {
                return Err(Refusal::not_permitted("A here-document is too long with its values in place. Split it."));
            }
            let ended = text.strip_suffix('\n').map(str::to_owned);
            let name = format!("{PREFIX}H{}", at + 1);
            let end = if ended.is_some() { "\n" } else { "" };
            // The tabs before the first line are outside the body that the grammar sees.
            let line = self.source[..document.body.start].rfind('\n').map_or(0, |at| at + 1);
            self.replacements.push((line..document.body.end, format!("${{{name}}}{end}")));
            self.environment.push((name, ended.unwrap_or(text)));
        }
        Ok(())
    }

    /// Refuses a place where a value would be more than data.
    fn check(&self, syntax: &Syntax, range: &Range<usize>, text: &str, value: &str) -> Result<(), Refusal> {
        let refuse = |why: &str| Err(refusal(text, why));
        if syntax.has_errors() {
            return refuse("the command is not bash that this portal can read");
        }
        // Their input and arguments are a language of their own.
        let speaks = |names: &[&str]| self.calls.iter().any(|call| names.contains(&call.program()));
        if speaks(&["psql"]) && ["--", "/*", ";", "'", "\"", "\n"].iter().any(|part| value.contains(part)) {
            return refuse("`psql` would read this value as more than one; put the statement into a block of SQL");
        }
        if speaks(&["redis-cli"]) && value.contains(['\n', '\r']) {
            return refuse("`redis-cli` takes a line end for the end of a command");
        }
        // What `watch` runs again and again is read by a shell each time: a plain value is one word to it, too.
        let plain = proof::is_plain(value) && !value.is_empty() && !value.starts_with('-');
        let harmless = |call: &Call| call.program() == "watch" && plain;
        let evaluates = |call: &&Call| program::EVALUATES.contains(&call.program()) && !harmless(call);
        if let Some(call) = self.calls.iter().find(evaluates) {
            return refuse(&format!("`{}` would read the value as shell text", call.program()));
        }
        let Some(leaf) = syntax.root().and_then(|root| root.descendant_for_byte_range(range.start, range.end)) else {
            return refuse("its place in the text cannot be read");
        };
        let mut below = leaf;
        for node in ancestors(leaf) {
            self.check_ancestor(node, below, range, text)?;
            below = node;
        }
        for call in &self.calls {
            self.check_call(call, range, text)?;
        }
        Ok(())
    }

    fn check_ancestor(&self, node: Node<'_>, below: Node<'_>, range: &Range<usize>, text: &str) -> Result<(), Refusal> {
        let refuse = |why: &str| Err(refusal(text, why));
        let kind = node.kind();
        if kind == "command_name" {
            return refuse("it stands where the name of a program does");
        }
        if matches!(kind, "simple_expansion" | "expansion") && node.byte_range() == *range {
            return Ok(());
        }
        if !TRANSPARENT.contains(&kind) {
            return refuse("it stands where a value would not be data");
        }
        let source = syntax::text(self.source, node.byte_range());
        match kind {
            "command_substitution" if source.starts_with('`') => {
                refuse("it stands between back quotes; `$(…)` would do")
            }
            "case_item" if node.child_by_field_name("value") == Some(below) => refuse("it stands in a pattern"),
            "function_definition" if node.child_by_field_name("name") == Some(below) => {
                refuse("it stands where a name does")
            }
            "variable_assignment" => {
                let name = node.child_by_field_name("name");
                if name == Some(below) {
                    return refuse("it stands where the name of a variable does");
                }
                check_name(name.map(|name| syntax::text(self.source, name.byte_range())).unwrap_or_default())
            }
            "declaration_command" => {
                let assigns = below.kind() == "variable_assignment";
                let plain = syntax::children(node)
                    .iter()
                    .all(|child| !syntax::text(self.source, child.byte_range()).starts_with('-'));
                if assigns && plain { Ok(()) } else { refuse("it stands where the name of a variable does") }
            }
            "redirected_statement" | "heredoc_redirect" => {
                let interprets = self.calls.iter().find(|call| {
                    (program::INTERPRETS.contains(&call.program()) || proof::is_interpreter(call.program()))
                        && call
                            .words
                            .iter()
                            .any(|word| node.start_byte() <= word.range.start && word.range.end <= node.end_byte())
                        && matches!(below.kind(), "heredoc_body" | "heredoc_redirect" | "herestring_redirect")
                });
                match interprets {
                    Some(call) => refuse(&format!("`{}` would read the value as code", call.program())),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn check_call(&self, call: &Call, range: &Range<usize>, text: &str) -> Result<(), Refusal> {
        let holds = |word: &crate::Word| word.range.start <= range.start && range.end <= word.range.end;
        let Some(mut at) = call.words.iter().position(holds) else { return Ok(()) };
        let program = call.program();
        // All words of a nested script have the range of the string that holds it.
        if syntax::text(self.source, call.words[0].range.clone()) != call.words[0].text {
            let Some(inner) = call.words.iter().position(|word| word.text.contains(text)) else { return Ok(()) };
            at = inner;
        }
        if at == 0 {
            return Err(refusal(text, "it stands where the name of a program does"));
        }
        let names_a_variable = program == "printf" && call.words.iter().any(|word| word.text.starts_with("-v"));
        if program::INTERPRETS.contains(&program) || proof::is_interpreter(program) || names_a_variable {
            return Err(refusal(text, &format!("`{program}` would read the value as code")));
        }
        if program == "env"
            && syntax::text(self.source, call.words[at].range.clone())
                .split('=')
                .next()
                .is_some_and(|name| check_name(name).is_err())
        {
            return Err(refusal(text, "it stands where `env` takes the name of a variable"));
        }
        let shell = call.words[..at].iter().position(|word| {
            let name = word.text.rsplit('/').next().unwrap_or_default();
            proof::is_interpreter(name) || program::INTERPRETS.contains(&name) || program::EVALUATES.contains(&name)
        });
        let script = shell.is_some_and(|shell| {
            call.words[shell..at]
                .iter()
                .any(|word| call::is_short_option(&word.text, 'c') || call::is_short_option(&word.text, 'e'))
        });
        if script {
            return Err(refusal(text, "it stands in a script for another shell or interpreter"));
        }
        Ok(())
    }

    fn finish(mut self) -> Result<BoundScript, Refusal> {
        self.finish_documents()?;
        self.replacements.sort_by_key(|(range, _)| range.start);
        let mut source = String::with_capacity(self.source.len() + 32 * self.replacements.len());
        let mut at = 0;
        for (range, reference) in &self.replacements {
            source.push_str(syntax::text(self.source, at..range.start));
            source.push_str(reference);
            at = range.end;
        }
        source.push_str(syntax::text(self.source, at..self.source.len()));
        if !self.replacements.is_empty() {
            let after = Syntax::parse(&source);
            let references = after.nodes().into_iter().filter(|node| {
                node.kind() == "expansion"
                    && syntax::text(&source, node.byte_range()).starts_with(&format!("${{{PREFIX}"))
            });
            let wanted = self.replacements.iter().filter(|(_, text)| text.contains(&format!("${{{PREFIX}"))).count();
            if after.has_errors() || references.count() != wanted {
                return Err(Refusal::not_permitted(
                    "The values cannot be passed to this text as data. Carry it out elsewhere and mark it as done by hand.",
                ));
            }
        }
        Ok(BoundScript { source, environment: self.environment })
    }
}

fn refusal(text: &str, why: &str) -> Refusal {
    Refusal::not_permitted(format!(
        "`{text}` cannot be filled in here: {why}. Carry the step out elsewhere and mark it as done by hand."
    ))
}

fn ancestors(node: Node<'_>) -> Vec<Node<'_>> {
    let mut found = Vec::new();
    let mut above = node.parent();
    while let Some(node) = above {
        found.push(node);
        above = node.parent();
    }
    found
}
