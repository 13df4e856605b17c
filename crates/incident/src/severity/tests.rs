use super::*;
use crate::tests::{id, read};

fn told(levels: &[Level]) -> Vec<String> {
    let minutes = |span: Option<SignedDuration>| span.map_or("-".to_owned(), |span| span.as_mins().to_string());
    let one = |level: &Level| {
        let (respond, escalate) = (minutes(level.respond_within), minutes(level.escalate_after));
        format!("{} {} {respond} {escalate} {}", level.name, level.rank, level.description)
    };
    levels.iter().map(one).collect()
}

#[test]
fn a_table_is_a_scale() {
    let runbook = read(
        "| Severity | Means | Response | Escalate after |\n|-|-|-|-|\n| SEV-2 (major) | slow | 1 h | next day |\n\
         | Sev-1 | down | 15 min | Immediately |\n| n/a | x | 1 h | 2 h |\n",
    );
    assert_eq!(told(&levels(&runbook)), ["SEV1 1 15 0 down", "SEV2 2 60 - major - slow"]);
    let words = read("| Priority | Response |\n|-|-|\n| Low | 1 day |\n| Critical | 5 min |\n");
    assert_eq!(told(&levels(&words)), ["Critical 1 5 - ", "Low 4 1440 - "]);
    let numbers = read("| Level | Means | Answer within |\n|-|-|-|\n| 1 | nobody works | 5 minutes |\n");
    assert_eq!(told(&levels(&numbers)), ["Severity 1 1 5 - nobody works"]);
    for none in [
        "| Metric | Warning | Critical |\n|-|-|-|\n| P1 | 1 h | 2 h |\n",
        "| Level | Meaning |\n|-|-|\n| 1 | beginners |\n",
    ] {
        assert_eq!(levels(&read(none)), [], "{none}");
    }
}

#[test]
fn a_list_is_a_scale() {
    let runbook = read(
        "## Handing on\n\n- **P0 (Critical)**: Immediate response, escalate to the lead\n\
         - **P1 (High)**: respond within 30 minutes and escalate after 1 hour and 30 minutes\n\
         - P2: 4 hours\n- **P3**: cosmetic\n- P95 is slow\n- S3: 1 hour\n",
    );
    assert_eq!(told(&levels(&runbook)), ["P0 0 0 - Critical", "P1 1 30 90 High", "P2 2 240 - ", "P3 3 - - cosmetic"]);
}

#[test]
fn headings_and_bold_lines_name_levels() {
    let runbook = read(
        "## P2: Slow answers\n\n**Response SLA**: 15 minutes\n\n1. Look\n\n## 3.1 Queue stands (SEV1)\n\n\
         **Answer within**: 5 min\n**Escalation**: after 20 min\n\n1. Look\n\n## Other\n\n**P1 - Nobody can pay**\n\n1. Look\n",
    );
    let all = ["SEV1 1 5 20 ", "P1 1 - - Nobody can pay", "P2 2 15 - Slow answers"];
    let mut levels = told(&levels(&runbook));
    levels.sort();
    let mut all = all.map(str::to_owned);
    all.sort();
    assert_eq!(levels, all);
    let level = |procedure: &str| level_of(&runbook, &id(procedure)).map(|level| level.name);
    assert_eq!(level("p2-slow-answers").as_deref(), Some("P2"));
    assert_eq!(level("3-1-queue-stands").as_deref(), Some("SEV1"));
    assert_eq!(level("other").as_deref(), Some("P1"));
    assert_eq!(level("missing"), None);
}

#[test]
fn a_procedures_own_time_counts_first() {
    let runbook = read(
        "## Levels\n\n| Level | Response time | Escalation |\n|-|-|-|\n| P1 | 15 min | 1 h |\n| P2 | 1 h | 2 h |\n\n\
         ## P1 incidents\n\n### Database down\n\n**SLA**: 5 minutes\n\n1. Look\n\n### Cache down\n\n1. Look\n\n\
         ## Slow\n\n**Answer within**: 1 hour\n\n1. Look\n",
    );
    let level = |procedure: &str| {
        level_of(&runbook, &id(procedure))
            .as_slice()
            .iter()
            .flat_map(|one| told(std::slice::from_ref(one)))
            .collect::<String>()
    };
    assert_eq!(level("database-down"), "P1 1 5 60 ");
    assert_eq!(level("cache-down"), "P1 1 15 60 ");
    assert_eq!(level("slow"), "P2 2 60 120 ", "the level with the same time");
}

#[test]
fn labels_of_alerts_mean_levels() {
    let named = read(
        "| Level | Description | Response |\n|-|-|-|\n| P1 | Critical | 1 h |\n| P2 | High | 1 h |\n| P3 | Medium | 1 h |\n| P4 | Low | 1 h |\n",
    );
    let worse = read("- **P0 (Critical)**: 1 h\n- **P1 (High)**: 1 h\n- **P2**: 2 h\n");
    let bare = read("- **SEV0**: 1 h\n- **SEV2**: 2 h\n");
    let name = |runbook: &Runbook, label: &str| for_label(&levels(runbook), label).map(|level| level.name.clone());
    for (runbook, label, expected) in [
        (&named, "critical", Some("P1")),
        (&named, "Page", Some("P1")),
        (&named, "p2", Some("P2")),
        (&named, "sev2", Some("P2")),
        (&named, "error", Some("P2")),
        (&named, "warning", Some("P3")),
        (&named, "info", Some("P4")),
        (&named, "none", None),
        (&named, "", None),
        (&worse, "critical", Some("P0")),
        (&worse, "page", Some("P1")),
        (&worse, "info", Some("P2")),
        (&worse, "P4", None),
        (&bare, "critical", Some("SEV0")),
        (&bare, "P2", Some("SEV2")),
    ] {
        assert_eq!(name(runbook, label).as_deref(), expected, "{label}");
    }
    assert_eq!(for_label(&[], "critical"), None);
}
