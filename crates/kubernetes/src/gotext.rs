//! Values as Go prints them.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// `fmt.Sprint` of a JSON value: `map[a:b]`, `[a b]`, `<nil>`.
pub(crate) fn sprint(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(_) | Value::Number(_) => scalar(value),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(sprint).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let pairs: Vec<String> = sorted(map).map(|(key, value)| format!("{key}:{}", sprint(value))).collect();
            format!("map[{}]", pairs.join(" "))
        }
    }
}

/// `fmt.Sprintf("%#v")` of a decoded JSON value, cut where it would flood the terminal.
pub(crate) fn syntax(value: &Value, limit: usize) -> String {
    let mut out = String::new();
    write_syntax(value, limit, &mut out);
    if out.len() > limit {
        let mut end = limit;
        while !out.is_char_boundary(end) {
            end -= 1;
        }
        out.truncate(end);
        out.push_str("...");
    }
    out
}

fn write_syntax(value: &Value, limit: usize, out: &mut String) {
    if out.len() > limit {
        return;
    }
    match value {
        Value::Null => out.push_str("interface {}(nil)"),
        Value::Bool(_) | Value::Number(_) => out.push_str(&scalar(value)),
        Value::String(text) => {
            let _ = write!(out, "{text:?}");
        }
        Value::Array(items) => {
            out.push_str("[]interface {}{");
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                write_syntax(item, limit, out);
            }
            out.push('}');
        }
        Value::Object(map) => {
            out.push_str("map[string]interface {}{");
            for (index, (key, item)) in sorted(map).enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                let _ = write!(out, "{key:?}:");
                write_syntax(item, limit, out);
            }
            out.push('}');
        }
    }
}

/// The Go type of a decoded JSON value.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            // Go prints a whole float without its point.
            Some(real) => format!("{real}"),
            None => number.to_string(),
        },
        other => other.to_string(),
    }
}

fn sorted(map: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    let mut pairs: Vec<_> = map.iter().collect();
    pairs.sort_by(|left, right| left.0.cmp(right.0));
    pairs.into_iter()
}

/// As a JSONPath result is printed: lists and objects as JSON, the rest as text.
pub(crate) fn json_or_text(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => {
            let mut out = String::new();
            write_json(value, None, 0, &mut out);
            out
        }
        Value::Null => "null".to_owned(),
        other => sprint(other),
    }
}

/// `json.MarshalIndent` with four spaces: keys sorted, `<`, `>` and `&` escaped.
pub(crate) fn json_indented(value: &Value) -> String {
    let mut out = String::new();
    write_json(value, Some("    "), 0, &mut out);
    out
}

fn write_json(value: &Value, indent: Option<&str>, level: usize, out: &mut String) {
    let line = |level: usize, out: &mut String| {
        if let Some(indent) = indent {
            out.push('\n');
            out.extend(std::iter::repeat_n(indent, level));
        }
    };
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) if value.is_null() => out.push_str("null"),
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&scalar(value)),
        Value::String(text) => write_json_text(text, out),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Object(map) if map.is_empty() => out.push_str("{}"),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                line(level + 1, out);
                write_json(item, indent, level + 1, out);
            }
            line(level, out);
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (index, (key, item)) in sorted(map).enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                line(level + 1, out);
                write_json_text(key, out);
                out.push_str(if indent.is_some() { ": " } else { ":" });
                write_json(item, indent, level + 1, out);
            }
            line(level, out);
            out.push('}');
        }
    }
}

fn write_json_text(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\x1f' => {
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_read_as_gos() {
        let value = json!({"b": [1, "x", null, true], "a": {"c": 1.5}, "e": {}});
        assert_eq!(sprint(&value), "map[a:map[c:1.5] b:[1 x <nil> true] e:map[]]");
        assert_eq!(
            syntax(&value, 1_000),
            "map[string]interface {}{\"a\":map[string]interface {}{\"c\":1.5}, \"b\":[]interface {}{1, \"x\", interface \
             {}(nil), true}, \"e\":map[string]interface {}{}}"
        );
        assert_eq!(json_or_text(&json!({"b": "<&>", "a": [1, 2]})), r#"{"a":[1,2],"b":"\u003c\u0026\u003e"}"#);
        assert_eq!(json_indented(&json!({"b": [], "a": [1]})), "{\n    \"a\": [\n        1\n    ],\n    \"b\": []\n}");
    }

    #[test]
    fn a_dump_is_cut() {
        assert_eq!(syntax(&json!("x".repeat(100)), 10), format!("\"{}...", "x".repeat(9)));
    }
}
