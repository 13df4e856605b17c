//! YAML as kubectl writes it.
//!
//! Source: `sigs.k8s.io/yaml/goyaml.v2` (`encode.go`, `emitterc.go`, `resolve.go`, `sorter.go`): keys in natural order,
//! sequences at their key's column, plain scalars where they cannot be mistaken, folded after column 80.

mod scalar;

use std::cmp::Ordering;

use serde_json::{Map, Value};

/// A document, with a line end.
pub(crate) fn document(value: &Value) -> String {
    let mut out = Emitter { out: String::new() };
    match value {
        Value::Object(map) if !map.is_empty() => out.mapping(map, 0, false),
        Value::Array(items) if !items.is_empty() => out.sequence(items, 0, false),
        other => out.scalar(other, 0),
    }
    if !out.out.ends_with('\n') {
        out.out.push('\n');
    }
    out.out
}

/// Objects nested in each other at most; the server sends far fewer.
const DEPTH: usize = 400;

struct Emitter {
    out: String,
}

impl Emitter {
    fn line(&mut self, indent: usize) {
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    /// `inline`: the first key follows a `- ` on its line.
    fn mapping(&mut self, map: &Map<String, Value>, indent: usize, mut inline: bool) {
        let mut keys: Vec<_> = map.iter().collect();
        keys.sort_by(|left, right| natural(left.0, right.0));
        for (key, value) in keys {
            if !std::mem::take(&mut inline) {
                self.line(indent);
            }
            scalar::key(key, &mut self.out);
            self.out.push(':');
            match value {
                Value::Object(map) if !map.is_empty() && indent < DEPTH => self.mapping(map, indent + 2, false),
                Value::Array(items) if !items.is_empty() && indent < DEPTH => self.sequence(items, indent, false),
                other => {
                    self.out.push(' ');
                    self.scalar(other, indent + 2);
                }
            }
        }
    }

    fn sequence(&mut self, items: &[Value], indent: usize, mut inline: bool) {
        for item in items {
            if !std::mem::take(&mut inline) {
                self.line(indent);
            }
            self.out.push_str("- ");
            match item {
                Value::Object(map) if !map.is_empty() && indent < DEPTH => self.mapping(map, indent + 2, true),
                Value::Array(items) if !items.is_empty() && indent < DEPTH => self.sequence(items, indent + 2, true),
                other => self.scalar(other, indent + 2),
            }
        }
    }

    fn scalar(&mut self, value: &Value, indent: usize) {
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Bool(_) | Value::Number(_) => self.out.push_str(&crate::gotext::sprint(value)),
            Value::String(text) => scalar::text(text, indent, &mut self.out),
            Value::Array(_) => self.out.push_str("[]"),
            Value::Object(_) => self.out.push_str("{}"),
        }
    }
}

/// go-yaml's order of keys: letters by code, numbers by value, letters after everything else.
fn natural(left: &str, right: &str) -> Ordering {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    for at in 0..left.len().min(right.len()) {
        let (a, b) = (left[at], right[at]);
        if a == b {
            continue;
        }
        match (a.is_alphabetic(), b.is_alphabetic()) {
            (true, true) => return a.cmp(&b),
            (true, false) => return Ordering::Greater,
            (false, true) => return Ordering::Less,
            (false, false) => {}
        }
        // A digit after a non-zero digit is part of one number, so a leading zero does not shorten it.
        let mut start = 0;
        if a == '0' || b == '0' {
            let before = left[..at].iter().rev().take_while(|letter| letter.is_ascii_digit());
            start = u64::from(before.into_iter().any(|digit| *digit != '0'));
        }
        let (an, a_end) = number(&left, at, start);
        let (bn, b_end) = number(&right, at, start);
        return an.cmp(&bn).then(a_end.cmp(&b_end)).then(a.cmp(&b));
    }
    left.len().cmp(&right.len())
}

fn number(letters: &[char], from: usize, start: u64) -> (u64, usize) {
    let mut value = start;
    let mut at = from;
    while let Some(digit) = letters.get(at).and_then(|letter| letter.to_digit(10)) {
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    (value, at)
}

#[cfg(test)]
mod tests;
