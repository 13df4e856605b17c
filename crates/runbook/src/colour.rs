//! Syntax colours as a few classes: `hl-comment`, `hl-program`, `hl-string`, `hl-variable`, `hl-keyword`, `hl-option`,
//! `hl-number`, `hl-name`; and `placeholder` around what the text leaves open.
//!
//! Bash is coloured from the same tree that splits it; every other language by syntect.

use std::ops::Range;
use std::sync::LazyLock;

use command::placeholder::{self, Placeholder};
use command::token::{Token, tokens};
use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxSet};

use crate::model::SafeHtml;

/// Longer texts, and texts with longer lines, stay plain: colouring them would cost more than it tells.
const LONGEST_TEXT: usize = 64 * 1024;
const LONGEST_LINE: usize = 2_000;

static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(SyntaxSet::load_defaults_newlines);

/// Which class a scope gets; the first that fits the innermost scope wins.
static CLASSES: LazyLock<Vec<(Scope, &'static str)>> = LazyLock::new(|| {
    [
        ("comment", "hl-comment"),
        ("string", "hl-string"),
        ("constant.numeric", "hl-number"),
        ("constant", "hl-number"),
        ("keyword.operator", ""),
        ("keyword", "hl-keyword"),
        ("storage", "hl-keyword"),
        ("entity.name.tag", "hl-name"),
        ("entity.name", "hl-name"),
        ("support.function", "hl-program"),
        ("variable.function", "hl-program"),
        ("variable", "hl-variable"),
        ("meta.mapping.key", "hl-name"),
    ]
    .into_iter()
    .filter_map(|(scope, class)| Some((Scope::new(scope).ok()?, class)))
    .collect()
});

/// A bash text with colours.
pub(crate) fn bash(source: &str) -> SafeHtml {
    if source.len() > LONGEST_TEXT {
        return SafeHtml::trusted(escaped(source));
    }
    let mut html = String::with_capacity(source.len() * 2);
    for (range, token) in tokens(source) {
        let class = match token {
            Token::Plain => "",
            Token::Comment => "hl-comment",
            Token::Program => "hl-program",
            Token::Option => "hl-option",
            Token::Text => "hl-string",
            Token::Variable => "hl-variable",
            Token::Keyword => "hl-keyword",
            Token::Placeholder => "placeholder",
        };
        span(&mut html, class, &source[range]);
    }
    SafeHtml::trusted(html)
}

/// A text in another language with colours; plain where the language is not known. `open` are its placeholders.
pub(crate) fn text(source: &str, language: &str, open: &[Placeholder]) -> SafeHtml {
    let mut html = String::with_capacity(source.len() * 2);
    let mut at = 0;
    let stretches = stretches(source, language).unwrap_or_else(|| vec![(0..source.len(), "")]);
    let mut open = open.iter().peekable();
    for (range, class) in stretches {
        at = at.max(range.start);
        while at < range.end {
            while open.peek().is_some_and(|placeholder| placeholder.range.end <= at) {
                open.next();
            }
            match open.peek() {
                Some(placeholder) if placeholder.range.start <= at => {
                    span(&mut html, "placeholder", &source[placeholder.range.start..placeholder.range.end]);
                    at = placeholder.range.end;
                }
                next => {
                    let end = next.map_or(range.end, |placeholder| placeholder.range.start.min(range.end));
                    span(&mut html, class, &source[at..end]);
                    at = end;
                }
            }
        }
    }
    SafeHtml::trusted(html)
}

/// A fence that is only shown.
pub(crate) fn fence(source: &str, language: &str) -> SafeHtml {
    if crate::fence::is_bash(language) { bash(source) } else { text(source, language, &placeholder::find(source)) }
}

/// Plain text as HTML.
pub(crate) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            '\0' => html.push('\u{fffd}'),
            c => html.push(c),
        }
    }
    html
}

fn span(html: &mut String, class: &str, text: &str) {
    if text.is_empty() {
        return;
    }
    if class.is_empty() {
        html.push_str(&escaped(text));
    } else {
        html.push_str(&format!("<span class=\"{class}\">{}</span>", escaped(text)));
    }
}

fn stretches(source: &str, language: &str) -> Option<Vec<(Range<usize>, &'static str)>> {
    if language.is_empty() || source.len() > LONGEST_TEXT || source.lines().any(|line| line.len() > LONGEST_LINE) {
        return None;
    }
    let syntax = SYNTAXES.find_syntax_by_token(language)?;
    let mut state = ParseState::new(syntax);
    let mut stack = ScopeStack::new();
    let mut found: Vec<(Range<usize>, &'static str)> = Vec::new();
    let mut start = 0;
    for line in source.split_inclusive('\n') {
        let mut at = 0;
        for (offset, operation) in state.parse_line(line, &SYNTAXES).ok()? {
            add(&mut found, start + at..start + offset, class(&stack));
            at = offset;
            stack.apply(&operation).ok()?;
        }
        add(&mut found, start + at..start + line.len(), class(&stack));
        start += line.len();
    }
    Some(found)
}

fn add(found: &mut Vec<(Range<usize>, &'static str)>, range: Range<usize>, class: &'static str) {
    match found.last_mut() {
        Some((last, same)) if *same == class => last.end = range.end,
        _ if range.is_empty() => {}
        _ => found.push((range, class)),
    }
}

fn class(stack: &ScopeStack) -> &'static str {
    stack
        .as_slice()
        .iter()
        .rev()
        .find_map(|scope| CLASSES.iter().find(|(prefix, _)| prefix.is_prefix_of(*scope)).map(|(_, class)| *class))
        .unwrap_or_default()
}
