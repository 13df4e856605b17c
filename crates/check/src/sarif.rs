//! Findings as SARIF 2.1.0, which code hosts show beside the lines.
//!
//! Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0".

use serde_json::{Value, json};

use crate::{Finding, RULES};

/// A log of one run: each finding with the path of its file.
#[must_use]
pub fn sarif<'a>(found: impl IntoIterator<Item = (&'a str, &'a Finding)>) -> Value {
    let rules: Vec<Value> = RULES
        .iter()
        .map(|rule| {
            json!({
                "id": rule.id,
                "shortDescription": {"text": rule.why},
                "defaultConfiguration": {"level": rule.severity.word()},
            })
        })
        .collect();
    let results: Vec<Value> = found
        .into_iter()
        .map(|(path, finding)| {
            let text = match &finding.suggestion {
                Some(suggestion) => format!("{}. Write instead: {suggestion}", finding.message.trim_end_matches('.')),
                None => finding.message.clone(),
            };
            json!({
                "ruleId": finding.rule.id,
                "level": finding.rule.severity.word(),
                "message": {"text": text},
                "locations": [{
                    "physicalLocation": {
                        "artifactLocation": {"uri": path},
                        "region": {"startLine": finding.line, "startColumn": finding.column},
                    },
                }],
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "runbook-portal check",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}
