//! What five files of other teams say of incidents. They are not part of the project.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use incident::{Alert, Level, Rung, alert, escalation, follow, message, phase, severity};
use jiff::SignedDuration;
use runbook::{ProcedureId, Runbook, RunbookId, StepId};

const CORPUS: &[&str] =
    &["architect-dashboard", "fintech-banking", "platform-service", "pms-platform", "ulp-backstage"];

#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn corpus() -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("RUNBOOK_CORPUS").map(PathBuf::from) else {
        println!("skipped: no corpus");
        return None;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    Some(if folder.is_absolute() { folder } else { root.join(folder) })
}

fn read(name: &str) -> Option<Runbook> {
    let text = std::fs::read(corpus()?.join(format!("{name}.md"))).unwrap();
    Some(runbook::parse(RunbookId::new(name), &text, None).unwrap())
}

fn minutes(span: Option<SignedDuration>) -> String {
    span.map_or("-".to_owned(), |span| span.as_mins().to_string())
}

fn levels(runbook: &Runbook) -> Vec<String> {
    let one = |level: Level| {
        let (respond, escalate) = (minutes(level.respond_within), minutes(level.escalate_after));
        format!("{} {} {respond} {escalate} {}", level.name, level.rank, level.description)
    };
    severity::levels(runbook).into_iter().map(one).collect()
}

fn ladder(runbook: &Runbook) -> Vec<String> {
    let one = |rung: Rung| {
        let (levels, regardless) = (rung.levels.join(","), rung.regardless.join(","));
        format!("{}|{}|{}|{levels}|{regardless}|{:?}", rung.name, minutes(rung.after), rung.who, rung.until)
    };
    escalation::ladder(runbook).into_iter().map(one).collect()
}

fn level_of(runbook: &Runbook, procedure: &str) -> Option<(String, String)> {
    let level = severity::level_of(runbook, &ProcedureId::new(procedure))?;
    Some((level.name, minutes(level.respond_within)))
}

/// Of each template: procedure, step, channel, to whom, how many fields.
fn templates(runbook: &Runbook) -> Vec<String> {
    let one = |template: message::Template| {
        let channel = template.channel.map_or("-".to_owned(), |channel| format!("{channel:?}"));
        let to = template.to.unwrap_or_default();
        format!("{}/{} {channel} {to} {}", template.procedure, template.step, template.fields.len())
    };
    message::templates(runbook).into_iter().map(one).collect()
}

#[test]
fn ulp_backstage() {
    let Some(runbook) = read("ulp-backstage") else { return };
    let expected = ["P1 1 15 0 Critical -", "P2 2 60 120 High -", "P3 3 240 480 Medium -", "P4 4 1440 2880 Low -"];
    let levels = levels(&runbook);
    assert_eq!(levels.len(), expected.len());
    assert!(levels.iter().zip(expected).all(|(level, expected)| level.starts_with(expected)), "{levels:#?}");
    assert_eq!(
        ladder(&runbook),
        [
            "Primary|-|Platform Team Lead|||Acknowledged",
            "Secondary|-|Senior Platform Engineer|||Acknowledged",
            "Escalation|-|Engineering Manager|||Resolved",
        ]
    );
    let response = runbook.procedure(&ProcedureId::new("incident-response-process")).unwrap();
    let windows: Vec<_> = phase::phases(response)
        .into_iter()
        .map(|phase| (phase.window.map(|window| (window.from.as_mins(), window.until.as_mins())), phase.steps.len()))
        .collect();
    assert_eq!(windows, [(Some((0, 15)), 3), (Some((15, 60)), 3), (Some((60, 240)), 3)]);
    assert_eq!(escalation::contacts(&runbook).len(), 9);
}

#[test]
fn architect_dashboard() {
    let Some(runbook) = read("architect-dashboard") else { return };
    let levels: Vec<_> =
        severity::levels(&runbook).into_iter().map(|one| (one.name, minutes(one.respond_within))).collect();
    let expected = [("P1", "5"), ("P2", "15"), ("P3", "60")].map(|(name, within)| (name.to_owned(), within.to_owned()));
    assert_eq!(levels, expected);
    assert_eq!(level_of(&runbook, "p2-high-error-rate"), Some(expected[1].clone()));
    assert_eq!(level_of(&runbook, "memory-leak"), None);
    assert_eq!(
        ladder(&runbook),
        [
            "Level 1|0|Engineer On-Call|||Acknowledged",
            "Level 2|5|Manager + Lead Engineer||P1,P2|Acknowledged",
            "Level 3|15|Director + VP Engineering|||Resolved",
            "Level 4|30|customers|P1||Resolved",
        ]
    );
    assert_eq!(
        templates(&runbook),
        [
            "p1-api-completely-down/1 Slack @incident-commander 0",
            "complete-service-failure/1 Slack @incident-commander 0",
            "communication-during-incidents/1 -  8",
        ]
    );
    let contacts: Vec<_> = escalation::contacts(&runbook).into_iter().map(|one| one.role).collect();
    assert_eq!(contacts.len(), 8);
    assert_eq!(contacts[..2], ["On-Call Schedule", "Incident Channel"]);
}

#[test]
fn platform_service() {
    let Some(runbook) = read("platform-service") else { return };
    assert_eq!(levels(&runbook), ["P0 0 0 - Critical", "P1 1 30 - High", "P2 2 120 - Medium", "P3 3 1440 - Low"]);
    assert_eq!(ladder(&runbook), ["P0|0|on-call lead|P0||Resolved"]);
    assert_eq!(escalation::contacts(&runbook).len(), 4);
}

#[test]
fn pms_platform() {
    let Some(runbook) = read("pms-platform") else { return };
    assert!(levels(&runbook).is_empty() && ladder(&runbook).is_empty() && escalation::contacts(&runbook).is_empty());
    assert_eq!(
        templates(&runbook),
        [
            "emergency-service-restart/2 Slack #platform-alerts 0",
            "emergency-service-restart/2 Email platform-team@pms-platform.com 0",
            "emergency-service-restart/2 PagerDuty  0",
            "communication-templates/1 Email  3",
            "communication-templates/2 Email  6",
        ]
    );
    assert_eq!(message::update_every(&runbook), Some(SignedDuration::from_mins(30)));
}

#[test]
fn fintech_banking() {
    let Some(runbook) = read("fintech-banking") else { return };
    assert_eq!(levels(&runbook), ["P1 1 - - Service Down"]);
    assert_eq!(level_of(&runbook, "3-1-high-severity-incident-checklist"), Some(("P1".to_owned(), "-".to_owned())));
    let rungs = ladder(&runbook);
    assert_eq!(rungs.len(), 4);
    assert_eq!(
        rungs[..2],
        ["On-Call Engineer|-|On-Call Engineer|||Acknowledged", "Database Admin|-|Database Admin|||Decided"]
    );
    assert_eq!(escalation::contacts(&runbook).len(), 4);
}

#[test]
fn alerts_find_their_procedures() {
    let all: Vec<Runbook> = CORPUS.iter().filter_map(|name| read(name)).collect();
    if all.is_empty() {
        return;
    }
    let named = |name: &str| Alert { name: name.to_owned(), labels: BTreeMap::new(), annotations: BTreeMap::new() };
    let found = |alert: &Alert| -> Vec<String> {
        alert::procedures(&all, alert).iter().map(|one| format!("{}/{}", one.runbook, one.procedure)).collect()
    };
    for (name, expected) in [
        ("HighErrorRate", &["platform-service/high-error-rate", "architect-dashboard/p2-high-error-rate"][..]),
        ("HighLatency", &["platform-service/high-latency", "architect-dashboard/p3-high-latency"]),
        (
            "HighMemoryUsage",
            &["platform-service/memory-issues", "architect-dashboard/memory-leak", "pms-platform/memory-issues"],
        ),
        ("KubePodCrashLooping", &["architect-dashboard/pods-not-starting"]),
        ("ApiDown", &["architect-dashboard/p1-api-completely-down", "fintech-banking/3-3-api-gateway-emergency"]),
        ("Watchdog", &[]),
    ] {
        let found = found(&named(name));
        assert_eq!(found[..expected.len().min(found.len())], *expected, "{name}");
    }
    let linked = Alert {
        annotations: [(
            "runbook_url".to_owned(),
            "https://wiki.example.com/ops/pms-platform.md#memory-issues".to_owned(),
        )]
        .into(),
        ..named("HighMemoryUsage")
    };
    assert_eq!(found(&linked)[0], "pms-platform/memory-issues");
    let labelled = Alert {
        labels: [("namespace", "pms"), ("deployment", "pms-analytics")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        ..named("HighCPUUsage")
    };
    let best = &alert::procedures(&all, &labelled)[0];
    assert_eq!(best.procedure.as_str(), "high-cpu-usage");
    assert_eq!(
        best.reasons,
        [
            "the heading says “High CPU Usage”",
            "its commands act on deployment pms-analytics",
            "its commands act in namespace pms"
        ]
    );
}

#[test]
fn what_follows_a_change() {
    let follows = |name: &str, procedure: &str| -> Option<Vec<String>> {
        let one = |follow: follow::Follow| {
            let step = follow.step.map(|step| format!("/{step}")).unwrap_or_default();
            format!("{:?} {}{step}", follow.why, follow.procedure)
        };
        Some(follow::after(&read(name)?, &ProcedureId::new(procedure)).into_iter().map(one).collect())
    };
    for (name, procedure, expected) in [
        ("fintech-banking", "1-1-rolling-restart", &["Rollback 1-4-rollback-deployment"][..]),
        ("fintech-banking", "1-3-restart-all-services", &["Rollback 1-4-rollback-deployment"]),
        ("fintech-banking", "2-1-manual-horizontal-scaling", &["Rollback 1-4-rollback-deployment"]),
        ("fintech-banking", "1-4-rollback-deployment", &[]),
        ("fintech-banking", "4-2-table-maintenance", &[]),
        ("fintech-banking", "5-3-purge-queue", &[]),
        ("ulp-backstage", "standard-deployment", &["Rollback quick-rollback", "Rollback specific-version-rollback"]),
        ("ulp-backstage", "service-unavailable", &["Rollback quick-rollback", "Rollback specific-version-rollback"]),
        ("ulp-backstage", "database-connection-issues", &[]),
        ("ulp-backstage", "monitoring-commands", &[]),
        ("pms-platform", "rolling-restart", &["Rollback recovery-procedures/3"]),
        ("pms-platform", "emergency-service-restart", &["Rollback recovery-procedures/3"]),
        ("pms-platform", "weekly-maintenance", &[]),
        ("pms-platform", "manual-backup", &[]),
        ("architect-dashboard", "scaling", &[]),
        ("platform-service", "rolling-updates", &[]),
    ] {
        let Some(found) = follows(name, procedure) else { return };
        assert_eq!(found, expected, "{name}/{procedure}");
    }
    let Some(pms) = read("pms-platform") else { return };
    let restart = pms.procedure(&ProcedureId::new("emergency-service-restart")).unwrap();
    let verifies = follow::verifies(restart, &StepId::new("4")).map(|step| step.title.as_str());
    assert_eq!(verifies, Some("Verify Health"));
}
