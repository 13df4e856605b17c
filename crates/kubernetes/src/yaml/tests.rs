//! Documents as `kubectl get -o yaml` writes them.

use serde_json::json;

use super::*;

#[test]
fn an_object_reads_as_kubectls() {
    let value = json!({
        "kind": "ConfigMap", "apiVersion": "v1",
        "metadata": {"name": "web", "creationTimestamp": "2024-01-02T03:04:05Z", "generation": 3,
                     "labels": {"app.kubernetes.io/name": "web", "version": "1.0", "on": "yes", "10": "x", "9": "y"}},
        "data": {"conf": "a: 1\nb: 2\n", "no-end": "x\ny", "empty": "", "star": "*", "colon": "a: b", "quote": "it's", "tab": "a\tb"},
        "list": [{"name": "a", "args": ["-v", "--x=y"]}, {"b": null}, [], {}, [1, [2]]],
        "none": null, "yes": true,
    });
    assert_eq!(
        document(&value),
        r#"apiVersion: v1
data:
  colon: 'a: b'
  conf: |
    a: 1
    b: 2
  empty: ""
  no-end: |-
    x
    y
  quote: it's
  star: '*'
  tab: "a\tb"
kind: ConfigMap
list:
- args:
  - -v
  - --x=y
  name: a
- b: null
- []
- {}
- - 1
  - - 2
metadata:
  creationTimestamp: "2024-01-02T03:04:05Z"
  generation: 3
  labels:
    "9": "y"
    "10": x
    app.kubernetes.io/name: web
    "on": "yes"
    version: "1.0"
  name: web
none: null
"yes": true
"#
    );
}

#[test]
fn long_lines_are_folded_after_column_80() {
    let words = "word ".repeat(30);
    let value = json!({"message": words.trim_end(), "quoted": format!("a: {}", words.trim_end())});
    let text = document(&value);
    for line in text.lines() {
        assert!(line.chars().count() <= 86, "{line}");
    }
    assert!(text.lines().filter(|line| line.starts_with("  word")).count() >= 2, "{text}");
}

#[test]
fn texts_that_look_like_something_else_are_quoted() {
    for text in
        ["1", "1.5", "1e3", "0x1F", "true", "null", "~", "2024-01-02", "1:30", ".5", "-1", "+1", "y", "OFF", "1_000"]
    {
        assert_eq!(document(&json!(text)), format!("\"{text}\"\n"));
    }
    for text in
        ["web", "1.2.3", "100m", "128Mi", "a:b", "a#b", "10.0.0.1", "-x", "2024", "v1"].iter().filter(|t| **t != "2024")
    {
        assert_eq!(document(&json!(text)), format!("{text}\n"));
    }
    for text in ["# x", "a #b", "- x", "@x", "%x", "{x", "x: y", "x:", "'x"] {
        assert_eq!(document(&json!(text)), format!("'{}'\n", text.replace('\'', "''")));
    }
}
