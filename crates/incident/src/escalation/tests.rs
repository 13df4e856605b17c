use super::*;
use crate::tests::read;

fn told(runbook: &Runbook) -> Vec<String> {
    let one = |rung: &Rung| {
        let after = rung.after.map_or("-".to_owned(), |after| after.as_mins().to_string());
        let (levels, regardless) = (rung.levels.join(","), rung.regardless.join(","));
        format!("{}|{after}|{}|{}|{levels}|{regardless}|{:?}", rung.name, rung.when, rung.who, rung.until)
    };
    ladder(runbook).iter().map(one).collect()
}

#[test]
fn a_drawing_with_levels() {
    let drawing = "## Escalation\n\n```\nLevel 1 (Alert)\n  ↓\nThe engineer on call responds within 10 minutes\n  â†“\n\
        Level 2 (No response or P0)\n  v\nPage lead + manager\n  |\nLevel 3 (Unresolved after 1 hour)\nCall the director\n\
        ---\nLevel 4 (P0 unresolved after 2h)\nDeclare it, notify customers\n```\n";
    assert_eq!(
        told(&read(drawing)),
        [
            "Level 1|0|Alert|The engineer on call|||Acknowledged",
            "Level 2|10|No response or P0|lead + manager||P0|Acknowledged",
            "Level 3|60|Unresolved after 1 hour|the director|||Resolved",
            "Level 4|120|P0 unresolved after 2h|customers|P0||Resolved",
        ]
    );
    let row = "## Escalation path\n\n```text\nOn-call → Team lead (15 min) → Director (1 hour)\n```\n";
    assert_eq!(
        told(&read(row)),
        [
            "On-call|0||On-call|||Acknowledged",
            "Team lead|15|15 min|Team lead|||Resolved",
            "Director|60|1 hour|Director|||Resolved",
        ]
    );
    assert!(told(&read("## Output\n\n```\nLevel 1\nLevel 2\n```\n")).is_empty());
}

#[test]
fn lists() {
    let rotation = "## On-Call Rotation\n\n- **Primary**: Platform lead\n- **Secondary**: Senior engineer\n- **Escalation**: Manager (30 minutes)\n";
    assert_eq!(
        told(&read(rotation)),
        [
            "Primary|-||Platform lead|||Acknowledged",
            "Secondary|-||Senior engineer|||Acknowledged",
            "Escalation|30||Manager|||Resolved",
        ]
    );
    let numbered = "## Escalation\n\n1. On-call engineer\n2. Team lead (after 15 minutes)\n";
    assert_eq!(
        told(&read(numbered)),
        [
            "On-call engineer|0|On-call engineer|On-call engineer|||Acknowledged",
            "Team lead|15|Team lead (after 15 minutes)|Team lead|||Resolved",
        ]
    );
    let levels = "### Escalation\n\n- **P0 (Critical)**: Immediate response, escalate to the lead\n- **P1**: 1 hour\n";
    assert_eq!(told(&read(levels)), ["P0|0|P0 (Critical)|the lead|P0||Resolved"]);
}

#[test]
fn tables() {
    let people = "## Contacts\n\n| Role | Contact | Escalation |\n|-|-|-|\n| On-call engineer | Pager | #ops |\n| Security | s@example.com | Immediate for breaches |\n";
    assert_eq!(
        told(&read(people)),
        [
            "On-call engineer|-|#ops|On-call engineer|||Acknowledged",
            "Security|-|Immediate for breaches|Security|||Decided"
        ]
    );
    let timed =
        "## Escalation\n\n| Level | Who | After |\n|-|-|-|\n| L1 | On-call | Immediate |\n| L2 | Lead | 15 minutes |\n";
    assert_eq!(told(&read(timed)), ["L1|0|Immediate|On-call|||Acknowledged", "L2|15|15 minutes|Lead|||Resolved"]);
    assert!(told(&read("| Level | Response | Escalation |\n|-|-|-|\n| P1 | 1 h | 2 h |\n")).is_empty());
}

#[test]
fn who_can_be_reached() {
    let text = "## Contact Information\n\n**On-Call Schedule**: https://oncall.example.com\n**Incident channel**: #ops on Slack\n\n\
        **People**:\n- Lead: @lead\n- Database: [on the wiki](https://wiki.example.com/db), db@example.com\n- Nobody: [Slack / Phone]\n\
        - [Status page](javascript:alert)\n- Lead: +49 30 123456\n- Lead: 00493012345\n\n---\n\n**Version**: 1.0\n\n### Vendors\n\n- **Cloud**: Support desk\n\n\
        ## Others\n\n- Not: @me\n\n| Team | Contact | Hours |\n|-|-|-|\n| Search | #search | 9 to 5 |\n";
    let told: Vec<String> = contacts(&read(text))
        .iter()
        .map(|contact| format!("{}|{}|{}", contact.role, contact.reach.join(","), contact.note))
        .collect();
    assert_eq!(
        told,
        [
            "On-Call Schedule|https://oncall.example.com|",
            "Incident channel|#ops|#ops on Slack",
            "Lead|@lead,+49 30 123456,00493012345|",
            "Database|db@example.com,https://wiki.example.com/db|on the wiki, db@example.com",
            "Nobody||[Slack / Phone]",
            "Cloud|Support desk|",
            "Search|#search|Hours: 9 to 5",
        ]
    );
}
