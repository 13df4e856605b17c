//! The audit trail.

use command::{Effect, Target};
use operations::{
    Actor, AuditEvent, AuditFilter, AuditTrail, Decision, EnvironmentName, EventId, EventKind, ExecutionId, IncidentId,
    LaterChange, Outcome, OutcomeResult, Place, RunId, Verdict,
};
use runbook::{CommandId, ProcedureId, RunbookId};

use crate::fixture::{Fixture, at};

pub(crate) fn event(kind: EventKind, summary: &str) -> AuditEvent {
    let address = Some("2001:db8::7".parse().unwrap());
    let actor = Actor { subject: "sub-1".to_owned(), name: "Olga Ops".to_owned(), address };
    AuditEvent::new(at(0), kind, actor, summary)
}

pub(crate) fn outcome(intent: &AuditEvent, result: OutcomeResult) -> AuditEvent {
    let kind = match intent.kind {
        EventKind::ExecutionIntent => EventKind::ExecutionOutcome,
        EventKind::MessageIntent => EventKind::MessageOutcome,
        _ => EventKind::ActionOutcome,
    };
    let outcome = Outcome { result, exit_code: None, duration_ms: 12, output_digest: None, output_bytes: 0 };
    AuditEvent { completes: Some(intent.id), outcome: Some(outcome), ..event(kind, "ended") }
}

/// An event with every field filled.
pub(crate) fn full() -> AuditEvent {
    AuditEvent {
        incident: Some(IncidentId::new()),
        run: Some(RunId::new()),
        execution: Some(ExecutionId::new()),
        place: Some(Place {
            runbook: RunbookId::new("payments"),
            hash: "ab".repeat(32),
            commit: Some("c0ffee".to_owned()),
            procedure: ProcedureId::new("restart"),
            part: Some(CommandId::new("4b")),
        }),
        environment: Some(EnvironmentName("practice".to_owned())),
        argv: ["kubectl", "rollout", "restart", "deployment/api"].map(str::to_owned).to_vec(),
        original: Some("kubectl get pods".to_owned()),
        undo: vec![["kubectl", "rollout", "undo", "deployment/api", "--to-revision=7"].map(str::to_owned).to_vec()],
        targets: vec![Target {
            kind: "deployment".to_owned(),
            name: Some("api".to_owned()),
            selector: None,
            namespace: Some("payments".to_owned()),
        }],
        effect: Some(Effect::Change),
        decision: Some(Decision { verdict: Verdict::Allowed, rule: "operators may change".to_owned() }),
        ..event(EventKind::ActionIntent, "rollout restart")
    }
}

pub(crate) async fn append(fixture: &Fixture, events: &[&AuditEvent]) {
    for event in events {
        fixture.store.append(event).await.unwrap();
    }
}

pub(crate) async fn page(fixture: &Fixture, filter: AuditFilter) -> Vec<EventId> {
    let page = fixture.store.page(&filter).await.unwrap();
    page.entries.into_iter().map(|entry| entry.event.id).collect()
}

pub(crate) async fn an_event_comes_back_as_it_was_written(fixture: &Fixture) {
    let parent = event(EventKind::ExecutionIntent, "Restart");
    let intent = AuditEvent { parent: Some(parent.id), ..full() };
    let mut end = outcome(&intent, OutcomeResult::Failed);
    end.outcome = Some(Outcome {
        result: OutcomeResult::Failed,
        exit_code: Some(-1),
        duration_ms: i64::from(u32::MAX) * 5,
        output_digest: Some("cd".repeat(32)),
        output_bytes: i64::from(u32::MAX) * 3,
    });
    append(fixture, &[&parent, &intent, &end]).await;
    let entry = fixture.store.entry(intent.id).await.unwrap().unwrap();
    assert_eq!(entry.event, intent);
    assert_eq!(entry.completion, Some(end.clone()));
    let own = fixture.store.entry(end.id).await.unwrap().unwrap();
    assert_eq!((own.event, own.completion), (end, None));
    assert!(own.sequence > entry.sequence);
    assert_eq!(fixture.store.entry(EventId::new()).await.unwrap(), None);

    // Every word that an event can hold is one that the tables know.
    for kind in EventKind::ALL.into_iter().filter(|kind| !kind.is_outcome()) {
        for verdict in [Verdict::Allowed, Verdict::Denied, Verdict::Refused] {
            let decision = Some(Decision { verdict, rule: "by rule".to_owned() });
            let written = AuditEvent { decision, ..event(kind, kind.word()) };
            append(fixture, &[&written]).await;
            assert_eq!(fixture.store.entry(written.id).await.unwrap().unwrap().event, written);
        }
    }
    for result in [
        OutcomeResult::Passed,
        OutcomeResult::Failed,
        OutcomeResult::Stopped,
        OutcomeResult::Expired,
        OutcomeResult::Refused,
        OutcomeResult::Unknown,
    ] {
        let intent = event(EventKind::ExecutionIntent, "Restart");
        let end = outcome(&intent, result);
        append(fixture, &[&intent, &end]).await;
        assert_eq!(fixture.store.entry(intent.id).await.unwrap().unwrap().completion, Some(end));
    }
}

pub(crate) async fn anything_can_be_an_argument(fixture: &Fixture) {
    let argv = vec![
        String::new(),
        "\0".to_owned(),
        "a\0b\u{7f}\u{1b}[31m\r\n".to_owned(),
        "'; DROP TABLE audit_event; --".to_owned(),
        "\u{202e}\u{1f980}\\ \" % _ $1 ?".to_owned(),
        "x".repeat(200_000),
    ];
    let written = AuditEvent {
        argv: argv.clone(),
        targets: vec![Target { kind: "url".to_owned(), name: Some("\0".to_owned()), ..Target::default() }],
        original: Some("ends\0".to_owned()),
        environment: Some(EnvironmentName("e\0".repeat(5000))),
        ..full()
    };
    let mut long = event(EventKind::SignInRefused, "who\0is\0this");
    // Nothing that repeats, so that no compression makes it fit into an index.
    long.actor.subject =
        (0..20_000_u32).map(|i| char::from(b'!' + (i.wrapping_mul(2_654_435_761) >> 25) as u8 % 90)).collect();
    append(fixture, &[&written, &long]).await;

    let kept = fixture.store.entry(written.id).await.unwrap().unwrap().event;
    assert_eq!((kept.argv, &kept.targets), (argv, &written.targets));
    assert_eq!(kept.original.as_deref(), Some("ends\u{2400}"));
    let kept = fixture.store.entry(long.id).await.unwrap().unwrap().event;
    assert_eq!(kept.summary, "who\u{2400}is\u{2400}this");
    assert!(long.actor.subject.starts_with(&kept.actor.subject) && kept.actor.subject.len() == 800);
    // What is looked for meets the same rules as what is kept.
    let by = |person: &str| AuditFilter { person: Some(person.to_owned()), ..AuditFilter::default() };
    assert_eq!(page(fixture, by(&long.actor.subject)).await, [long.id]);
    let place = AuditFilter { environment: written.environment.clone(), ..AuditFilter::default() };
    assert_eq!(page(fixture, place).await, [written.id]);
    let text = AuditFilter { text: Some("WHO\0IS".to_owned()), ..AuditFilter::default() };
    assert_eq!(page(fixture, text).await, [long.id]);
}

pub(crate) async fn an_outcome_completes_its_intent_once(fixture: &Fixture) {
    let intent = event(EventKind::ActionIntent, "get");
    append(fixture, &[&intent]).await;
    let ends: Vec<AuditEvent> = (0..8).map(|_| outcome(&intent, OutcomeResult::Passed)).collect();
    let tries = ends.iter().map(|end| fixture.store.append(end));
    let written = futures::future::join_all(tries).await;
    assert_eq!(written.iter().filter(|result| result.is_ok()).count(), 1);
    let error = written.into_iter().find_map(Result::err).unwrap();
    assert_eq!(error.operation, "append an event");

    // Only an intent of its own kind, and one that is there.
    let press = event(EventKind::ExecutionIntent, "Restart");
    let start = event(EventKind::RunStarted, "begun");
    append(fixture, &[&press, &start]).await;
    for wrong in [&press, &start, &event(EventKind::ActionIntent, "never written")] {
        let end = AuditEvent { kind: EventKind::ActionOutcome, ..outcome(wrong, OutcomeResult::Passed) };
        assert!(fixture.store.append(&end).await.is_err(), "{:?}", wrong.kind);
    }
    let orphan = AuditEvent { parent: Some(EventId::new()), ..event(EventKind::ActionIntent, "get") };
    assert!(fixture.store.append(&orphan).await.is_err(), "an action of no execution");
}

pub(crate) async fn unfinished_intents_are_found(fixture: &Fixture) {
    let first = event(EventKind::ExecutionIntent, "first");
    let second = AuditEvent { parent: Some(first.id), ..event(EventKind::ActionIntent, "second") };
    let third = event(EventKind::ActionIntent, "third");
    let other = event(EventKind::StepMarked, "no intent");
    append(fixture, &[&first, &second, &third, &other]).await;
    assert_eq!(fixture.store.unfinished().await.unwrap(), [first.clone(), second.clone(), third.clone()]);
    append(fixture, &[&outcome(&second, OutcomeResult::Unknown)]).await;
    assert_eq!(fixture.store.unfinished().await.unwrap(), [first.clone(), third.clone()]);
    append(fixture, &[&outcome(&first, OutcomeResult::Passed), &outcome(&third, OutcomeResult::Refused)]).await;
    assert_eq!(fixture.store.unfinished().await.unwrap(), []);
}

pub(crate) async fn actions_of_an_execution_in_order(fixture: &Fixture) {
    let id = ExecutionId::new();
    let execution = Some(id);
    let press = AuditEvent { execution, ..event(EventKind::ExecutionIntent, "Restart all") };
    let actions: Vec<AuditEvent> = (0..5)
        .map(|index| AuditEvent {
            execution,
            parent: Some(press.id),
            // The clock may go back: the order is that of writing.
            at: at(-index),
            ..event(EventKind::ActionIntent, &format!("rollout restart {index}"))
        })
        .collect();
    let end = AuditEvent { execution, ..outcome(&actions[1], OutcomeResult::Passed) };
    append(fixture, &[&press]).await;
    append(fixture, &actions.iter().collect::<Vec<_>>()).await;
    append(fixture, &[&end, &full()]).await;
    let found = fixture.store.actions_of(id).await.unwrap();
    assert_eq!(found.iter().map(|entry| entry.event.clone()).collect::<Vec<_>>(), actions);
    assert_eq!(found[1].completion, Some(end));
    assert_eq!(found[0].completion, None);
    assert_eq!(fixture.store.actions_of(ExecutionId::new()).await.unwrap(), []);
}

pub(crate) async fn changes_of_a_run_in_order(fixture: &Fixture) {
    let id = RunId::new();
    let run = Some(id);
    let changes: Vec<AuditEvent> = (0..3).map(|index| AuditEvent { run, at: at(-index), ..full() }).collect();
    let look = AuditEvent { run, undo: Vec::new(), ..full() };
    let end = AuditEvent { run, ..outcome(&changes[1], OutcomeResult::Passed) };
    append(fixture, &[&changes[0], &look, &changes[1], &changes[2], &end, &full()]).await;
    let found = fixture.store.changes_of(id).await.unwrap();
    assert_eq!(found.iter().map(|entry| entry.event.clone()).collect::<Vec<_>>(), changes);
    assert_eq!((&found[1].completion, &found[0].completion), (&Some(end), &None));
    assert_eq!(fixture.store.changes_of(RunId::new()).await.unwrap(), []);
    let environment = EnvironmentName("elsewhere".to_owned());
    let change = |seconds, effect| AuditEvent {
        at: at(seconds),
        environment: Some(environment.clone()),
        effect: Some(effect),
        ..event(EventKind::ActionIntent, "scale")
    };
    let (early, look, late) = (change(1, Effect::Change), change(6, Effect::Read), change(7, Effect::Destroy));
    append(fixture, &[&early, &look, &late]).await;
    let all = fixture.store.changes_after(&environment, 0).await.unwrap();
    let told = |changes: &[LaterChange]| changes.iter().map(|one| (one.at, one.refused)).collect::<Vec<_>>();
    assert_eq!(told(&all), [(at(1), false), (at(7), false)]);
    let place = all[0].sequence;
    assert_eq!(told(&fixture.store.changes_after(&environment, place).await.unwrap()), [(at(7), false)]);
    assert_eq!(fixture.store.last_place(&environment).await.unwrap(), all[1].sequence);
    assert_eq!(fixture.store.last_place(&EnvironmentName("nowhere".to_owned())).await.unwrap(), 0);
    let end = AuditEvent { environment: Some(environment.clone()), ..outcome(&late, OutcomeResult::Refused) };
    append(fixture, &[&end]).await;
    assert_eq!(told(&fixture.store.changes_after(&environment, place).await.unwrap()), [(at(7), true)]);
    assert!(fixture.store.last_place(&environment).await.unwrap() > all[1].sequence, "an outcome is news, too");
    let many: Vec<AuditEvent> = (0..LaterChange::MOST).map(|_| change(9, Effect::Change)).collect();
    append(fixture, &many.iter().collect::<Vec<_>>()).await;
    let newest = fixture.store.changes_after(&environment, 0).await.unwrap();
    assert_eq!((newest.len(), newest[0].at), (LaterChange::MOST, at(9)), "of many the newest");
    // Only an action has a way back.
    let wrong = AuditEvent { kind: EventKind::ExecutionIntent, ..full() };
    assert!(fixture.store.append(&wrong).await.is_err());
}

pub(crate) async fn rows_never_change(fixture: &Fixture) {
    let intent = full();
    let end = outcome(&intent, OutcomeResult::Failed);
    append(fixture, &[&intent, &end]).await;
    let id = intent.id;
    let mut statements = vec![
        "UPDATE audit_event SET summary = 'nothing happened'".to_owned(),
        format!("UPDATE audit_event SET result = 'passed' WHERE completes = '{id}'"),
        "DELETE FROM audit_event".to_owned(),
        format!("DELETE FROM audit_event WHERE completes = '{id}'"),
        format!(
            "INSERT INTO audit_event \
             (id, at, kind, actor_subject, actor_name, summary, argv, targets, searched_person, searched_text) \
             VALUES ('{id}', 0, 'signed-in', 's', 'n', 'x', '[]', '[]', 'n', 'x') \
             ON CONFLICT (id) DO UPDATE SET summary = 'x'"
        ),
    ];
    if fixture.folder().is_some() {
        for replaced in ["id", "sequence"] {
            let (columns, values) = match replaced {
                "id" => ("id", format!("'{id}'")),
                _ => ("id, sequence", "'another', 1".to_owned()),
            };
            statements.push(format!(
                "INSERT OR REPLACE INTO audit_event \
                 ({columns}, at, kind, actor_subject, actor_name, summary, argv, targets, searched_person, searched_text) \
                 VALUES ({values}, 0, 'signed-in', 's', 'n', 'x', '[]', '[]', 'n', 'x')"
            ));
        }
    } else {
        statements.push("TRUNCATE audit_event".to_owned());
        statements.push("TRUNCATE audit_event CASCADE".to_owned());
    }
    for statement in statements {
        let error = fixture.raw(&statement).await.expect_err(&statement);
        assert!(error.to_string().contains("audit events never change"), "{statement}: {error}");
    }
    let entry = fixture.store.entry(id).await.unwrap().unwrap();
    assert_eq!((entry.event, entry.completion), (intent, Some(end)));
    assert_eq!(fixture.number("SELECT count(*) FROM audit_event").await, 2);
}

pub(crate) async fn columns_are_tied(fixture: &Fixture) {
    let intent = event(EventKind::ActionIntent, "get");
    append(fixture, &[&intent]).await;
    let good = outcome(&intent, OutcomeResult::Passed);
    for (wrong, why) in [
        (AuditEvent { completes: None, ..good.clone() }, "an outcome of nothing"),
        (AuditEvent { outcome: None, ..good.clone() }, "an outcome without a result"),
        (AuditEvent { kind: EventKind::ActionIntent, ..good.clone() }, "an intent with an outcome"),
        (AuditEvent { kind: EventKind::RunEnded, outcome: None, ..good.clone() }, "an event that completes another"),
        (AuditEvent { id: intent.id, ..event(EventKind::SignedIn, "again") }, "an id that is taken"),
    ] {
        assert!(fixture.store.append(&wrong).await.is_err(), "{why}");
    }
    let columns = "at, actor_subject, actor_name, summary, argv, targets, searched_person, searched_text";
    let values = "0, 's', 'n', 'x', '[]', '[]', 'n', 'x'";
    for (more, words) in [
        ("kind", "'something-else'"),
        ("kind, effect", "'signed-in', 'boom'"),
        ("kind, verdict, rule", "'signed-in', 'maybe', 'r'"),
        ("kind, verdict", "'signed-in', 'allowed'"),
        ("kind, rule", "'signed-in', 'r'"),
        ("kind, exit_code", "'signed-in', 0"),
        ("kind, duration_ms", "'signed-in', 0"),
        ("kind, output_digest", "'signed-in', 'd'"),
        ("kind, runbook", "'signed-in', 'r'"),
        ("kind, part", "'signed-in', '1'"),
    ] {
        let sql = format!("INSERT INTO audit_event (id, {columns}, {more}) VALUES ('raw', {values}, {words})");
        assert!(fixture.raw(&sql).await.is_err(), "{sql}");
    }
    append(fixture, &[&good]).await;
    let sql = format!("INSERT INTO audit_event (id, {columns}, kind) VALUES ('raw', {values}, 'signed-in')");
    assert_eq!(fixture.raw(&sql).await.unwrap(), 1, "the statement is refused for what is wrong in it alone");
}
