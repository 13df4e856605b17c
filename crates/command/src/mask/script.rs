//! Secrets in a whole bash text.

use std::ops::Range;

use super::argument::mask;
use super::text::mask_passages;
use super::{MASK, is_open, is_secret_name};
use crate::call::{self, Word};
use crate::syntax::{self, Syntax};

/// Masks secrets in a bash text: those of each call's arguments, of assignments, and of the text around them.
#[must_use]
pub fn mask_script(text: &str) -> String {
    let syntax = Syntax::parse(text);
    let mut replacements = Vec::new();
    if syntax.has_errors() {
        for words in plain_calls(text) {
            call_masked(text, &words, &mut replacements);
        }
    }
    for node in syntax.nodes() {
        if node.kind() == "variable_assignment" {
            let name = node.child_by_field_name("name").map(|name| syntax::text(text, name.byte_range()));
            let value = node.child_by_field_name("value").map(|value| value.byte_range());
            if let (Some(name), Some(value)) = (name, value)
                && is_secret_name(name)
                && !is_open(syntax::text(text, value.clone()))
            {
                replacements.push((value, MASK.to_owned()));
            }
        } else if let Some(words) = call::words(node, text) {
            call_masked(text, &words, &mut replacements);
        }
    }
    // Of two that overlap, the outer one hides more.
    replacements.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (range, instead) in replacements {
        if range.start >= at {
            out.push_str(syntax::text(text, at..range.start));
            out.push_str(&instead);
            at = range.end;
        }
    }
    out.push_str(syntax::text(text, at..text.len()));
    mask_passages(&out)
}

fn call_masked(text: &str, words: &[Word], replacements: &mut Vec<(Range<usize>, String)>) {
    // What a substitution holds is a call of its own and masked there: each byte is looked at in one call only.
    let argv: Vec<String> = words
        .iter()
        .map(|word| match (word.literal, word.text.find("$(").or_else(|| word.text.find('`'))) {
            (false, Some(at)) => format!("{}$(…)", &word.text[..at]),
            _ => word.text.clone(),
        })
        .collect();
    for ((word, given), masked) in words.iter().zip(&argv).zip(mask(&argv)) {
        // A word that goes on beyond a substitution is replaced only where its value goes whole.
        let whole = given == &word.text || !masked.contains("$(…)");
        if masked != *given && whole {
            replacements
                .push((word.range.clone(), quoted(syntax::text(text, word.range.clone()), masked, word.literal)));
        }
    }
}

/// The masked word in the quotes that the word had.
fn quoted(written: &str, masked: String, literal: bool) -> String {
    match written.chars().next() {
        Some(quote @ ('"' | '\'')) if literal => format!("{quote}{masked}{quote}"),
        _ if literal && masked.contains(char::is_whitespace) => format!("'{masked}'"),
        _ => masked,
    }
}

/// The calls of a text that the grammar does not understand: words between blanks, quotes kept together.
fn plain_calls(text: &str) -> Vec<Vec<Word>> {
    let mut calls = Vec::new();
    let mut words: Vec<Word> = Vec::new();
    let mut quote = None;
    let mut start = None;
    let mut bare = String::new();
    let mut chars = text.char_indices().peekable();
    let end_word = |start: &mut Option<usize>, end: usize, bare: &mut String, words: &mut Vec<Word>| {
        if let Some(start) = start.take() {
            words.push(Word { text: std::mem::take(bare), literal: true, range: start..end });
        }
    };
    while let Some((at, c)) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('\''), c) => bare.push(c),
            (_, '\\') => {
                let escaped = chars.next().map(|(_, c)| c);
                if escaped != Some('\n') {
                    start.get_or_insert(at);
                    bare.extend(escaped);
                }
            }
            (Some(_), c) => bare.push(c),
            (None, '"' | '\'') => {
                start.get_or_insert(at);
                quote = Some(c);
            }
            (None, ' ' | '\t') => end_word(&mut start, at, &mut bare, &mut words),
            (None, '\n' | ';' | '|' | '&' | '(' | ')' | '`') => {
                end_word(&mut start, at, &mut bare, &mut words);
                calls.push(std::mem::take(&mut words));
            }
            (None, c) => {
                start.get_or_insert(at);
                bare.push(c);
            }
        }
    }
    end_word(&mut start, text.len(), &mut bare, &mut words);
    calls.push(words);
    calls.retain(|words| !words.is_empty());
    calls
}
