//! The syntax tree of a bash text, and an iterative walk over it: hostile nesting must not become stack depth.

use std::cell::RefCell;
use std::ops::{ControlFlow, Range};

use tree_sitter::{Node, ParseOptions, Parser, Point, Tree};

use crate::placeholder;

/// The longest text that is given to the grammar, in bytes. A longer one is treated as unreadable.
pub(crate) const LONGEST: usize = 64 * 1024;

/// How many progress callbacks (one for each 100 operations) a parse may make before it is abandoned: the bound on time of a
/// room without a clock. Recovery from errors costs the square of the operations; a script of 20 KiB stays far below.
const PATIENCE: u32 = 500;

/// How deep the walk follows the tree.
const DEEPEST: u32 = 400;

thread_local! {
    static PARSER: RefCell<Option<Parser>> = RefCell::new(new_parser());
}

fn new_parser() -> Option<Parser> {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_bash::LANGUAGE.into()).ok()?;
    Some(parser)
}

/// A text and its tree. The tree is of the masked text, which has the same offsets.
#[derive(Clone, Debug)]
pub(crate) struct Syntax {
    tree: Option<Tree>,
}

impl Syntax {
    /// Reads a text. Never fails: a text that cannot be read has no tree and counts as one with errors.
    pub(crate) fn parse(source: &str) -> Self {
        if source.len() > LONGEST {
            return Self { tree: None };
        }
        // The grammar's scanner asks C's `isalpha` and its like of every character, which read beyond their tables for most
        // of Unicode. To bash such a character is an ordinary part of a word, as a full stop is; each byte gets one.
        let mut masked = placeholder::mask(source).into_bytes();
        masked.iter_mut().filter(|byte| !byte.is_ascii()).for_each(|byte| *byte = b'.');
        let tree = PARSER.with_borrow_mut(|parser| {
            let parser = parser.as_mut()?;
            let mut left = PATIENCE;
            let mut progress = |_: &_| {
                left = left.saturating_sub(1);
                if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            let bytes = masked.as_slice();
            let mut read = |offset: usize, _: Point| bytes.get(offset..).unwrap_or_default();
            let options = ParseOptions::new().progress_callback(&mut progress);
            let tree = parser.parse_with_options(&mut read, None, Some(options));
            parser.reset();
            tree
        });
        Self { tree }
    }

    /// Whether the grammar did not understand all of the text.
    pub(crate) fn has_errors(&self) -> bool {
        self.tree.as_ref().is_none_or(|tree| tree.root_node().has_error())
    }

    /// The root; `None` where there is no tree.
    pub(crate) fn root(&self) -> Option<Node<'_>> {
        self.tree.as_ref().map(Tree::root_node)
    }

    /// Every node from the top in the order of the text, as deep as [`DEEPEST`].
    pub(crate) fn nodes(&self) -> Vec<Node<'_>> {
        self.root().map(|root| nodes_below(root)).unwrap_or_default()
    }
}

/// A node and all below it in the order of the text.
pub(crate) fn nodes_below(top: Node<'_>) -> Vec<Node<'_>> {
    let mut nodes = vec![top];
    let mut cursor = top.walk();
    // Counted here: the cursor counts anew each time, through all hidden nodes above it.
    let mut depth = 0;
    loop {
        if depth < DEEPEST && cursor.goto_first_child() {
            depth += 1;
            nodes.push(cursor.node());
            continue;
        }
        loop {
            if cursor.goto_next_sibling() {
                nodes.push(cursor.node());
                break;
            }
            if !cursor.goto_parent() {
                return nodes;
            }
            depth -= 1;
        }
    }
}

/// The direct children of a node.
pub(crate) fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.children(&mut cursor).collect()
}

/// The text that bash makes of a word after quote removal; `None` where it depends on the moment (`$x`, `$(…)`).
pub(crate) fn literal(node: Node<'_>, source: &str) -> Option<String> {
    literal_within(node, source, 4)
}

fn literal_within(node: Node<'_>, source: &str, depth: u8) -> Option<String> {
    let text = text(source, node.byte_range());
    match node.kind() {
        "word" | "number" | "variable_name" | "regex" | "extglob_pattern" | "==" | "=~" | "$" => {
            Some(unescape(text, |_| true))
        }
        "raw_string" => Some(text.get(1..text.len().saturating_sub(1)).unwrap_or_default().to_owned()),
        "string" => {
            let plain = children(node).iter().all(|child| !child.is_named() || child.kind() == "string_content");
            let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
            plain.then(|| unescape(inner, |escaped| matches!(escaped, '"' | '\\' | '$' | '`' | '\n')))
        }
        "concatenation" | "command_name" if depth > 0 => {
            let mut joined = String::new();
            for child in children(node) {
                joined.push_str(&literal_within(child, source, depth - 1)?);
            }
            Some(joined)
        }
        _ => None,
    }
}

/// The slice of `source` at `range`, empty where the range is not within it.
pub(crate) fn text(source: &str, range: Range<usize>) -> &str {
    source.get(range).unwrap_or_default()
}

/// Removes backslashes before the characters that `escapes` names; a backslash before a newline joins the lines.
fn unescape(text: &str, escapes: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('\n') => {}
            Some(next) if escapes(next) => out.push(next),
            Some(next) => out.extend(['\\', next]),
            None => out.push('\\'),
        }
    }
    out
}
