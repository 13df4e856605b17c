//! Pages of the audit trail: what they select, and in which order.

use command::Effect;
use operations::{AuditEvent, AuditFilter, AuditTrail, EnvironmentName, EventKind, OutcomeResult, Place};
use runbook::RunbookId;

use crate::audit::{append, event, full, outcome, page};
use crate::fixture::{Fixture, at};

pub(crate) async fn many_appends_all_land(fixture: &Fixture) {
    const TASKS: usize = 16;
    const EACH: usize = 20;
    let tasks = (0..TASKS).map(|_| {
        let store = fixture.store.clone();
        tokio::spawn(async move {
            let mut before = 0;
            for _ in 0..EACH {
                let written = event(EventKind::SignedIn, "hello");
                store.append(&written).await.unwrap();
                let sequence = store.entry(written.id).await.unwrap().expect("what was committed is there").sequence;
                assert!(sequence > before);
                before = sequence;
            }
        })
    });
    for task in futures::future::join_all(tasks).await {
        task.unwrap();
    }
    let page = fixture.store.page(&AuditFilter { limit: u32::MAX, ..AuditFilter::default() }).await.unwrap();
    assert_eq!((page.entries.len(), page.total, page.next), (TASKS * EACH, 320, None));
    assert!(page.entries.is_sorted_by(|newer, older| newer.sequence > older.sequence));
}

pub(crate) async fn filters_select(fixture: &Fixture) {
    let mut signed = AuditEvent { at: at(10), ..event(EventKind::SignedIn, "signed in") };
    signed.actor.name = "Ágnes Élő".to_owned();
    signed.actor.subject = "sub-2".to_owned();
    let read = AuditEvent { at: at(20), effect: Some(Effect::Read), ..full() };
    let change = AuditEvent { at: at(30), ..full() };
    let destroy = AuditEvent {
        at: at(40),
        effect: Some(Effect::Destroy),
        environment: Some(EnvironmentName("production".to_owned())),
        place: full().place.map(|place| Place { runbook: RunbookId::new("banking"), ..place }),
        ..full()
    };
    append(fixture, &[&signed, &read, &change, &destroy, &outcome(&change, OutcomeResult::Passed)]).await;
    let (s, r, c, d) = (signed.id, read.id, change.id, destroy.id);
    let all = AuditFilter::default;

    assert_eq!(page(fixture, all()).await, [d, c, r, s], "an outcome is no entry of its own");
    for (person, found) in
        [("olga", vec![d, c, r]), ("ÉLŐ", vec![s]), ("sub-2", vec![s]), ("sub", vec![]), ("SUB-2", vec![])]
    {
        assert_eq!(page(fixture, AuditFilter { person: Some(person.to_owned()), ..all() }).await, found, "{person}");
    }
    assert_eq!(page(fixture, AuditFilter { runbook: Some(RunbookId::new("banking")), ..all() }).await, [d]);
    let environment = Some(EnvironmentName("practice".to_owned()));
    assert_eq!(page(fixture, AuditFilter { environment, ..all() }).await, [c, r]);
    for (effect, found) in [(Effect::Read, vec![d, c, r]), (Effect::Change, vec![d, c]), (Effect::Destroy, vec![d])] {
        assert_eq!(page(fixture, AuditFilter { effect: Some(effect), ..all() }).await, found, "{effect}");
    }
    assert_eq!(page(fixture, AuditFilter { run: change.run, ..all() }).await, [c]);
    assert_eq!(page(fixture, AuditFilter { from: Some(at(20)), until: Some(at(40)), ..all() }).await, [c, r]);
    let everything = AuditFilter {
        person: Some("Olga".to_owned()),
        runbook: Some(RunbookId::new("payments")),
        environment: Some(EnvironmentName("practice".to_owned())),
        effect: Some(Effect::Change),
        run: change.run,
        incident: None,
        from: Some(at(30)),
        until: Some(at(31)),
        text: Some("restart".to_owned()),
        before: None,
        limit: 5,
    };
    let found = fixture.store.page(&everything).await.unwrap();
    assert_eq!((found.entries.len(), found.total, found.next), (1, 1, None));
    assert_eq!(found.entries[0].event, change);
    assert!(found.entries[0].completion.is_some());
    assert_eq!(page(fixture, AuditFilter { effect: Some(Effect::Destroy), ..everything }).await, []);
}

pub(crate) async fn text_is_taken_literally(fixture: &Fixture) {
    let percent = event(EventKind::StepMarked, "CPU at 100% — Größe_1!");
    let quoted = AuditEvent { argv: vec!["psql".into(), "-c".into(), "select \"a\\b\"\n".into()], ..full() };
    append(fixture, &[&percent, &quoted]).await;
    for (text, found) in [
        ("100%", vec![percent.id]),
        ("%", vec![percent.id]),
        ("_", vec![percent.id]),
        ("!", vec![percent.id]),
        ("GRÖSSE", vec![]),
        ("grÖße_1", vec![percent.id]),
        ("gr__e", vec![]),
        ("SELECT \"a\\b\"", vec![quoted.id]),
        ("psql -c", vec![quoted.id]),
        ("Deployment/API in payments", vec![quoted.id]),
        ("' OR '1'='1", vec![]),
        ("", vec![quoted.id, percent.id]),
    ] {
        assert_eq!(
            page(fixture, AuditFilter { text: Some(text.to_owned()), ..AuditFilter::default() }).await,
            found,
            "{text}"
        );
    }
    let endless = AuditFilter { text: Some("%".repeat(1_000_000)), ..AuditFilter::default() };
    assert_eq!(page(fixture, endless).await, []);
}

pub(crate) async fn pages_follow_each_other(fixture: &Fixture) {
    for index in 0..105 {
        append(fixture, &[&event(EventKind::SignedIn, &index.to_string())]).await;
    }
    let first = fixture.store.page(&AuditFilter::default()).await.unwrap();
    assert_eq!((first.entries.len(), first.total), (100, 105));
    assert_eq!(first.entries[0].event.summary, "104");
    assert_eq!(first.next, Some(first.entries[99].sequence));
    let rest = AuditFilter { before: first.next, ..AuditFilter::default() };
    let second = fixture.store.page(&rest).await.unwrap();
    let summaries: Vec<&str> = second.entries.iter().map(|entry| entry.event.summary.as_str()).collect();
    assert_eq!(summaries, ["4", "3", "2", "1", "0"]);
    assert_eq!((second.total, second.next), (105, None), "the total does not depend on the page");
    let exact = fixture.store.page(&AuditFilter { limit: 105, ..AuditFilter::default() }).await.unwrap();
    assert_eq!((exact.entries.len(), exact.next), (105, None));
}
