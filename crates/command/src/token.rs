//! What each stretch of a bash text is, for its colours.

use std::ops::Range;

use crate::placeholder;
use crate::syntax::{self, Syntax};

/// What a stretch of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// Whatever needs no colour.
    Plain,
    /// `# …`
    Comment,
    /// The name of a program.
    Program,
    /// `--replicas`, `-n`.
    Option,
    /// Quoted text and here-documents.
    Text,
    /// `$x`, `${x}`.
    Variable,
    /// `for`, `do`, `done`, `|`, `>`.
    Keyword,
    /// A value that the text leaves open.
    Placeholder,
}

/// The whole text cut into stretches, in order and without gaps.
#[must_use]
pub fn tokens(source: &str) -> Vec<(Range<usize>, Token)> {
    let syntax = Syntax::parse(source);
    let mut paint = vec![Token::Plain; source.len()];
    let mut fill = |range: Range<usize>, token: Token| {
        if let Some(stretch) = paint.get_mut(range) {
            stretch.fill(token);
        }
    };
    for node in syntax.nodes() {
        let token = match node.kind() {
            "comment" => Token::Comment,
            "command_name" => Token::Program,
            "string" | "raw_string" | "ansi_c_string" | "heredoc_body" | "heredoc_content" => Token::Text,
            "simple_expansion" | "expansion" => Token::Variable,
            "command_substitution" | "process_substitution" => Token::Plain,
            "word" if syntax::text(source, node.byte_range()).starts_with('-') => Token::Option,
            "for" | "in" | "do" | "done" | "while" | "until" | "if" | "then" | "elif" | "else" | "fi" | "case"
            | "esac" | "function" | "export" | "local" | "declare" | "readonly" | "|" | "|&" | "&&" | "||" | ">"
            | ">>" | "<" | "<<" | "<<-" | "<<<" | "&>" => Token::Keyword,
            _ => continue,
        };
        fill(node.byte_range(), token);
    }
    for placeholder in placeholder::find(source) {
        fill(placeholder.range, Token::Placeholder);
    }
    let mut tokens: Vec<(Range<usize>, Token)> = Vec::new();
    for (at, token) in paint.into_iter().enumerate() {
        match tokens.last_mut() {
            Some((range, last)) if *last == token || !source.is_char_boundary(at) => range.end = at + 1,
            _ => tokens.push((at..at + 1, token)),
        }
    }
    tokens
}
