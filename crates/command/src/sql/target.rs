//! Which tables a statement names plainly.

use super::scan::Token;
use crate::action::Target;

/// At most so many are named of one statement.
const MOST: usize = 8;

/// Words behind which a table's name stands.
const BEFORE_TABLE: &[&str] = &["from", "join", "into", "update", "table", "truncate", "copy"];

/// Words between such a word and the name.
const BETWEEN: &[&str] =
    &["only", "table", "if", "exists", "not", "concurrently", "lateral", "verbose", "full", "freeze", "analyze"];

/// Functions with a `FROM` among their arguments.
const WITH_FROM: &[&str] = &["extract", "substring", "trim", "overlay"];

pub(super) fn tables(tokens: &[Token]) -> Vec<Target> {
    let mut found = Vec::new();
    // For each open parenthesis, whether `FROM` inside it belongs to a function.
    let mut open = Vec::new();
    let maintains =
        matches!(tokens.first(), Some(Token::Word(word)) if matches!(word.as_str(), "vacuum" | "analyze" | "cluster"));
    if maintains {
        let at = match (tokens.get(1), tokens.iter().position(|token| *token == Token::Sign(b')'))) {
            (Some(Token::Sign(b'(')), Some(end)) => end + 1,
            _ => 1,
        };
        found.extend(name(tokens, at));
    }
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Sign(b'(') => {
                let before = at.checked_sub(1).and_then(|before| tokens.get(before));
                open.push(matches!(before, Some(Token::Word(word)) if WITH_FROM.contains(&word.as_str())));
            }
            Token::Sign(b')') => {
                open.pop();
            }
            Token::Word(word) if BEFORE_TABLE.contains(&word.as_str()) && open.last() != Some(&true) => {
                found.extend(name(tokens, at + 1));
            }
            _ => {}
        }
    }
    let mut seen = Vec::new();
    found.retain(|target| {
        let new = !seen.contains(target);
        if new {
            seen.push(target.clone());
        }
        new
    });
    found.truncate(MOST);
    found
}

/// The table's name at `at`, unless a function or a subquery stands there.
fn name(tokens: &[Token], mut at: usize) -> Option<Target> {
    while matches!(tokens.get(at), Some(Token::Word(word)) if BETWEEN.contains(&word.as_str())) {
        at += 1;
    }
    let mut parts = Vec::new();
    loop {
        match tokens.get(at)? {
            Token::Word(part) if !matches!(part.as_str(), "select" | "stdin" | "stdout" | "set") => {
                parts.push(part.as_str());
            }
            Token::Quoted(part) => parts.push(part.as_str()),
            _ => return None,
        }
        if tokens.get(at + 1) != Some(&Token::Sign(b'.')) {
            break;
        }
        at += 2;
    }
    let inserts =
        matches!(tokens.first(), Some(Token::Word(word)) if matches!(word.as_str(), "insert" | "create" | "copy"));
    if tokens.get(at + 1) == Some(&Token::Sign(b'(')) && !inserts {
        return None;
    }
    Some(Target { kind: "table".to_owned(), name: Some(parts.join(".")), ..Target::default() })
}
