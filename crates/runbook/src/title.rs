//! What a runbook is called.

use crate::model::RunbookId;

/// Headings of these words alone say nothing about which runbook it is.
const GENERIC: &[&str] = &[
    "operational",
    "operations",
    "ops",
    "runbook",
    "runbooks",
    "playbook",
    "playbooks",
    "readme",
    "index",
    "guide",
    "manual",
    "procedures",
    "documentation",
    "docs",
    "the",
    "and",
    "our",
    "&",
    "sop",
    "sops",
    "on-call",
    "oncall",
];

/// Short names that are spoken letter by letter although they could be words.
const ACRONYMS: &[&str] = &[
    "ulp", "api", "aws", "eks", "ecs", "rds", "iam", "ci", "cd", "ui", "db", "ip", "io", "id", "ai", "sla", "slo",
    "acm", "eu", "us", "uk", "qa", "ha", "vpc", "alb", "elb", "sqs", "sns", "erp", "cms", "etl", "iot", "oidc",
    "oauth",
];

/// The title of a runbook: what it calls itself, or its file's name where that says only "Runbook".
pub(crate) fn title(own: Option<&str>, id: &RunbookId) -> String {
    let own = own.map(str::trim).filter(|title| !title.is_empty());
    match own {
        Some(title) if !is_generic(title) => title.to_owned(),
        _ => id
            .as_str()
            .rsplit('.')
            .map(humanised)
            .find(|name| !is_generic(name))
            .or_else(|| own.map(str::to_owned))
            .unwrap_or_else(|| humanised(id.as_str())),
    }
}

fn is_generic(title: &str) -> bool {
    title
        .split_whitespace()
        .all(|word| GENERIC.contains(&word.to_lowercase().trim_matches(|c: char| !c.is_alphanumeric())))
}

/// `pms-platform` is `PMS platform`.
fn humanised(stem: &str) -> String {
    let words = stem.split(['-', '_', '.', ' ']).filter(|word| !word.is_empty());
    let words: Vec<String> = words
        .enumerate()
        .map(|(at, word)| {
            let lower = word.to_lowercase();
            let no_vowels = word.len() <= 4
                && word.len() > 1
                && !lower.contains(['a', 'e', 'i', 'o', 'u', 'y'])
                && lower.chars().all(char::is_alphabetic);
            if no_vowels || ACRONYMS.contains(&lower.as_str()) {
                lower.to_uppercase()
            } else if at == 0 {
                capitalised(&lower)
            } else {
                lower
            }
        })
        .collect();
    words.join(" ")
}

/// The same with a capital at its beginning.
pub(crate) fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generic_headings_take_the_files_name() {
        for (own, id, expected) in [
            (Some("Operational Runbook"), "fintech-banking", "Fintech banking"),
            (Some("Runbooks"), "pms-platform", "PMS platform"),
            (Some("Operational Runbooks"), "ulp-backstage", "ULP backstage"),
            (Some("Payments on call"), "x", "Payments on call"),
            (None, "payments.readme", "Payments"),
            (Some("Runbook"), "readme", "Runbook"),
        ] {
            assert_eq!(title(own, &RunbookId::new(id)), expected);
        }
    }
}
