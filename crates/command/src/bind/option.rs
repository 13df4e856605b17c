//! A value must not become an option: `--all` where the name of a pod belongs.

use std::ops::Range;

use tree_sitter::Node;

use crate::action::Refusal;
use crate::syntax::{self, Syntax};

/// Kinds of nodes that are parts of one word.
const PARTS: &[&str] = &[
    "word",
    "concatenation",
    "string",
    "string_content",
    "raw_string",
    "simple_expansion",
    "expansion",
    "variable_name",
];

/// Refuses a value that would begin a word with `-`. `range` is where the text leaves the value open.
pub(super) fn check(
    syntax: &Syntax,
    source: &str,
    range: &Range<usize>,
    placeholder: &str,
    value: &str,
) -> Result<(), Refusal> {
    if !has_option(value) {
        return Ok(());
    }
    let Some(leaf) = syntax.root().and_then(|root| root.descendant_for_byte_range(range.start, range.end)) else {
        return Ok(());
    };
    let expands = matches!(leaf.kind(), "simple_expansion" | "expansion") || leaf.kind() == "variable_name";
    let place = Place::of(source, leaf, range);
    let harms = match place.assigned {
        // What is assigned counts where the variable is used.
        // It may also be exported and used by a later step, or by a program that this text starts.
        Some(name) => {
            value.starts_with('-') && place.begins_word
                || uses(syntax, source, &name).iter().any(|place| place.takes(value, Expansion::Variable))
        }
        None => place.takes(value, if expands { Expansion::Variable } else { Expansion::Quoted }),
    };
    match harms {
        false => Ok(()),
        true => Err(refusal(placeholder)),
    }
}

/// Refuses the value of a variable that comes from an earlier step, where the text cuts words out of it that would be
/// options.
pub(super) fn check_variable(syntax: &Syntax, source: &str, name: &str, value: &str) -> Result<(), Refusal> {
    if has_option(value) && uses(syntax, source, name).iter().any(|place| place.takes(value, Expansion::Variable)) {
        return Err(refusal(&format!("${name}")));
    }
    Ok(())
}

/// Only at the beginning or after a blank, where bash cuts an expansion without quotes into words.
fn has_option(value: &str) -> bool {
    value.split([' ', '\t', '\n']).any(|word| word.starts_with('-'))
}

fn refusal(shown: &str) -> Refusal {
    Refusal::not_permitted(format!(
        "The value of `{shown}` begins a word with `-`, which the program would take as an option. Give another value, or \
         have someone who may edit the command write it there."
    ))
}

/// How a value gets into the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expansion {
    /// As a reference in quotes: it stays one word.
    Quoted,
    /// As the text has it: without quotes, bash cuts it into words.
    Variable,
}

/// Where in a word a value stands.
#[derive(Debug)]
struct Place {
    begins_word: bool,
    in_quotes: bool,
    in_word: bool,
    assigned: Option<String>,
}

impl Place {
    fn of(source: &str, leaf: Node<'_>, range: &Range<usize>) -> Self {
        let mut word = leaf;
        let mut in_quotes = false;
        while PARTS.contains(&word.kind()) {
            in_quotes |= matches!(word.kind(), "string" | "raw_string");
            match word.parent().filter(|above| PARTS.contains(&above.kind())) {
                Some(above) => word = above,
                None => break,
            }
        }
        let before = syntax::text(source, word.start_byte()..range.start);
        let bare = before.trim_start_matches(['"', '\'']);
        // An expansion before it may be empty, and `{a,b}` makes words.
        let begins_word = bare.is_empty() || bare.starts_with(['$', '`']) || before.starts_with('{');
        let above = word.parent().and_then(|above| if above.kind() == "array" { above.parent() } else { Some(above) });
        let name = above.and_then(|above| match above.kind() {
            "variable_assignment" => above.child_by_field_name("name"),
            "for_statement" => above.child_by_field_name("variable"),
            _ => None,
        });
        Self {
            begins_word,
            in_quotes,
            in_word: PARTS.contains(&word.kind()),
            assigned: name.map(|name| syntax::text(source, name.byte_range()).to_owned()),
        }
    }

    fn takes(&self, value: &str, expansion: Expansion) -> bool {
        if !self.in_word {
            return false;
        }
        let begins = self.begins_word && value.starts_with('-');
        // A first blank ends the word before it; the first piece is then the one after that blank.
        let cut = !self.in_quotes && expansion == Expansion::Variable;
        begins
            || (cut && value.split([' ', '\t', '\n']).skip(1).any(|word| word.starts_with('-')))
            || (self.assigned.is_some() && self.begins_word)
    }
}

/// Where a text uses a variable.
fn uses(syntax: &Syntax, source: &str, name: &str) -> Vec<Place> {
    syntax
        .nodes()
        .into_iter()
        .filter(|node| matches!(node.kind(), "simple_expansion" | "expansion"))
        .filter(|node| {
            let named =
                syntax::children(*node).into_iter().find(|child| matches!(child.kind(), "variable_name" | "subscript"));
            named.is_some_and(|child| syntax::text(source, child.byte_range()).split('[').next() == Some(name))
        })
        .map(|node| Place::of(source, node, &node.byte_range()))
        .collect()
}
