//! Whatever a file holds, it is read, in time, and what comes out is bounded.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::time::{Duration, Instant};

use incident::{Alert, Terms, alert, escalation, follow, message, phase, severity};
use jiff::SignedDuration;
use proptest::prelude::*;
use runbook::{Runbook, RunbookId};

fn read(name: &str, text: &str) -> Runbook {
    runbook::parse(RunbookId::new(name), text.as_bytes(), None).unwrap()
}

/// Asks everything there is to ask.
fn ask(runbook: &Runbook, alert: &Alert) {
    assert!(severity::levels(runbook).len() <= 50);
    assert!(escalation::ladder(runbook).len() <= escalation::MOST_RUNGS);
    assert!(escalation::contacts(runbook).len() <= 100);
    for template in message::templates(runbook) {
        assert!(!template.to.unwrap_or_default().contains(['\n', '\r']));
        assert!(!template.subject.unwrap_or_default().contains(['\n', '\r']));
    }
    for procedure in &runbook.procedures {
        let steps: usize = phase::phases(procedure).iter().map(|phase| phase.steps.len()).sum();
        assert_eq!(steps, procedure.steps.len());
    }
    for procedure in runbook.procedures.iter().take(3) {
        let terms = Terms::of(runbook, Some(&procedure.id), Some("critical"));
        assert!(terms.ladder.len() <= escalation::MOST_RUNGS);
        let following = follow::after(runbook, &procedure.id);
        assert!(following.len() <= follow::MOST);
        assert!(
            following.iter().all(|one| one.procedure != procedure.id && runbook.procedure(&one.procedure).is_some())
        );
        let known: Vec<_> = procedure.parameters().into_iter().map(|parameter| &parameter.name).collect();
        assert!(alert::prefill(procedure, &alert.labels).keys().all(|name| known.contains(&name)));
    }
    assert!(alert::procedures([runbook], alert).len() <= alert::MOST);
}

fn sample_alert() -> Alert {
    let owned = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    Alert {
        name: "HighErrorRate".to_owned(),
        labels: owned(&[("pod", "web-1"), ("namespace", "web"), ("service", "web"), ("instance", "10.0.0.1:9090")]),
        annotations: owned(&[("runbook_url", "https://x/big.md#p1-down"), ("summary", "errors in the api")]),
    }
}

#[test]
fn our_own_samples() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runbooks");
    let text = std::fs::read_to_string(root.join("incident-response.md")).unwrap();
    let runbook = read("incident-response", &text);
    let levels: Vec<_> =
        severity::levels(&runbook).into_iter().map(|one| (one.name, one.respond_within.unwrap())).collect();
    let expected = [("Severity 1", 5), ("Severity 2", 30), ("Severity 3", 1440)];
    assert_eq!(levels, expected.map(|(name, minutes)| (name.to_owned(), SignedDuration::from_mins(minutes))));
    let down = severity::level_of(&runbook, &runbook.procedures[0].id).unwrap();
    assert_eq!(down.name, "Severity 1", "the one that is answered in the same time");
    assert_eq!(message::templates(&runbook).len(), 3);
    assert_eq!(message::update_every(&runbook), Some(SignedDuration::from_mins(30)));
    let alert = Alert { name: "ErrorBudgetBurn".to_owned(), ..Alert::default() };
    assert_eq!(
        alert::procedures([&runbook], &alert)[0].reasons,
        ["the symptoms name the alert ErrorBudgetBurn", "the heading says “Errors”"]
    );
}

#[test]
fn large_files_are_read_in_time() {
    let lines = |line: &str| line.repeat(200_000 / line.len());
    for (what, text) in [
        ("headings", lines("## P1: down\n\n")),
        ("sub-headings", format!("# a\n\n{}", lines("## x\n\n1. **Response**: 5 minutes\n"))),
        ("bold lines", lines("**P1**\n")),
        ("items", format!("**P1**\n\n{}", lines("- **P1**: 5 minutes\n"))),
        ("one line", format!("## Escalation\n\n{}", lines("P1 → a (5 min) "))),
        ("drawing", format!("## Escalation\n\n```\n{}\n```\n", lines("Level 1 (a)\n→ b → c\n"))),
        ("placeholders", format!("## Message\n\n```\nSubject: x\n{}\n```\n", "[time] P[1-4] HH:MM ".repeat(700))),
        ("contacts", format!("## Contacts\n\n{}", lines("- A: @b #c d@e.f\n"))),
        ("ways back", lines("## Rollback\n\n```bash\nkubectl rollout undo deployment/a\n```\n")),
        ("table", format!("| Role | Contact | Escalation |\n|-|-|-|\n{}", lines("| a | b | 5 min |\n"))),
        ("symptoms", format!("## Error\n\n**Symptoms:**\n{}\n\n1. Go\n", lines("- Alert: HighErrorRates slow pods\n"))),
    ] {
        let runbook = read("big", &text);
        let start = Instant::now();
        ask(&runbook, &sample_alert());
        assert!(start.elapsed() < Duration::from_secs(5), "{what}: {:?}", start.elapsed());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_markdown_is_read(parts in proptest::collection::vec(
        prop_oneof![
            "\\PC{0,12}",
            proptest::sample::select(vec![
                "\n", "\n\n", "# ", "## P1: ", "### Escalation\n\n", "- ", "1. ", "- [ ] ", "   ", "**", "**P2 (High)**: ", "**Symptoms:**\n- ",
                "```\n", "```bash\n", "Level 1 (", ")", "→", "â†“", "| Level | Response | Escalation |\n|-|-|-|\n| P1 | 5 min | Immediate |\n",
                "| Role | Contact |\n|-|-|\n| a | #b |\n", "## Contacts\n\n", "[a/b]", "[High/Low]", "P[1-4]", "Subject: ", "Slack: #x ",
                "Status: A / B\n", "HH:MM", "15 minutes", "0–15 min", "every 30 minutes", "Alert: HighErrorRate", "kubectl delete pod <pod>\n",
                "> ", "---\n", "<b>", "é", "\u{0}", "- alert: HighErrorRate\n", "[x](https://y)", "@z", "\r\n", "\t",
            ]).prop_map(str::to_owned),
        ],
        0..60,
    )) {
        ask(&read("big", &parts.concat()), &sample_alert());
    }
}
