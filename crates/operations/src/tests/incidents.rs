//! Incidents: from an alert to the post-mortem.

use std::collections::BTreeMap;

use super::fakes::{Bench, bench, person};
use crate::*;

fn alert(fingerprint: &str, name: &str, labels: &[(&str, &str)]) -> IncomingAlert {
    IncomingAlert {
        fingerprint: fingerprint.to_owned(),
        group_key: format!("{{}}:{{alertname=\"{name}\"}}"),
        name: name.to_owned(),
        labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        annotations: BTreeMap::new(),
        started_at: jiff::Timestamp::now() - jiff::SignedDuration::from_secs(60),
        state: AlertState::Fires,
    }
}

async fn tell(bench: &Bench, alert: IncomingAlert) -> Received {
    bench.operations.receive_alerts("alertmanager", None, vec![alert]).await.unwrap().remove(0)
}

async fn opened(bench: &Bench) -> IncidentId {
    let changes = Changes { title: Some("The shop is down".to_owned()), ..Changes::default() };
    bench.operations.open_incident(&person(Role::Operator), changes).await.unwrap()
}

#[tokio::test]
async fn an_alert_opens_one_incident_and_the_same_word_changes_nothing() {
    let bench = bench();
    let first = tell(&bench, alert("a", "HighErrorRate", &[("service", "shop"), ("namespace", "shop")])).await;
    assert!(first.opened);
    let again = tell(&bench, alert("a", "HighErrorRate", &[])).await;
    assert_eq!((again.incident, again.opened), (first.incident, false));
    let other = tell(&bench, alert("b", "HighErrorRate", &[])).await;
    assert_eq!((other.incident, other.opened), (first.incident, false), "its group is the same");
    let elsewhere = tell(&bench, alert("c", "DiskFull", &[])).await;
    assert_ne!(elsewhere.incident, first.incident);
    assert_eq!(
        bench.kinds(),
        [
            EventKind::IncidentOpened,
            EventKind::AlertFired,
            EventKind::AlertFired,
            EventKind::IncidentOpened,
            EventKind::AlertFired
        ]
    );
    let view = bench.operations.view_incident(&person(Role::Viewer), first.incident.unwrap()).await.unwrap();
    assert_eq!(view.incident.affected, "shop in shop");
    assert_eq!(view.incident.environment, Some(EnvironmentName("practice".to_owned())), "there is only one");
    assert_eq!(view.incident.opened_by.1, "Alertmanager");
}

#[tokio::test]
async fn a_cleared_alert_marks_its_incident_and_opens_none() {
    let bench = bench();
    let mut over = alert("a", "HighErrorRate", &[]);
    over.state = AlertState::Over { at: jiff::Timestamp::now() };
    assert_eq!(tell(&bench, over.clone()).await, Received { incident: None, opened: false });
    let mut fires = alert("a", "HighErrorRate", &[("pod", "shop-1")]);
    fires.annotations.insert("summary".to_owned(), "Payments fail".to_owned());
    let incident = tell(&bench, fires.clone()).await.incident.unwrap();
    tell(&bench, over.clone()).await;
    tell(&bench, over).await;
    let view = bench.operations.view_incident(&person(Role::Viewer), incident).await.unwrap();
    assert!(view.alerts[0].cleared_at.is_some());
    assert_eq!((&view.alerts[0].labels, &view.alerts[0].annotations), (&fires.labels, &fires.annotations));
    assert_eq!(view.incident.stage(), Stage::Open, "a person says when it is over");
    assert_eq!(bench.kinds().iter().filter(|kind| **kind == EventKind::AlertCleared).count(), 1);
}

#[tokio::test]
async fn two_alerts_at_the_same_instant_open_one_incident() {
    let bench = bench();
    let tells = (0..20).map(|index| tell(&bench, alert(&index.to_string(), "HighErrorRate", &[])));
    let received = futures::future::join_all(tells).await;
    assert_eq!(received.iter().filter(|one| one.opened).count(), 1);
    assert!(received.iter().all(|one| one.incident == received[0].incident));
}

#[tokio::test]
async fn long_groups_that_differ_last_are_two_and_an_alert_without_a_fingerprint_is_one() {
    let bench = bench();
    let mut one = alert("", "Down", &[("team", "search")]);
    one.group_key = format!("{}search", "x".repeat(500));
    let mut other = alert("", "Down", &[("team", "payments")]);
    other.group_key = format!("{}payments", "x".repeat(500));
    let (first, second) = (tell(&bench, one.clone()).await, tell(&bench, other).await);
    assert!(first.opened && second.opened && first.incident != second.incident);
    assert!(!tell(&bench, one).await.opened);
    let severe =
        tell(&bench, alert("s", "Unheard of", &[("severity", "critical"), ("password", "hunter2hunter2")])).await;
    let view = bench.operations.view_incident(&person(Role::Viewer), severe.incident.unwrap()).await.unwrap();
    assert_eq!(view.incident.severity.as_deref(), Some("critical"), "its own word where no runbook has one");
    assert!(!format!("{view:?}").contains("hunter2"), "the name says that it is a secret");
}

/// Tells a pager of an incident.
async fn page(bench: &Bench, id: IncidentId) -> MessageId {
    let page = Outgoing {
        key: None,
        channel: "pager".to_owned(),
        title: String::new(),
        subject: "Help".to_owned(),
        text: "Help".to_owned(),
        action: PagerAction::Trigger,
        again_after: None,
    };
    bench.operations.send(&person(Role::Operator), id, page).await.unwrap()
}

#[tokio::test]
async fn whoever_knows_an_incidents_id_neither_acknowledges_it_nor_ends_its_page() {
    let bench = bench();
    let id = opened(&bench).await;
    let mut forged = alert("PGR0VU2", "The shop is down", &[]);
    forged.group_key = format!("pagerduty:runbook-portal-{id}");
    forged.state = AlertState::TakenOn { by: "Mallory".to_owned() };
    let own = tell(&bench, forged.clone()).await;
    assert!(own.opened && own.incident != Some(id), "no pager was told of it: {own:?}");
    let view = bench.operations.view_incident(&person(Role::Viewer), id).await.unwrap();
    assert_eq!(view.incident.stage(), Stage::Open);
    // The incident that came of it is told of under its own key, not under the other one's.
    let told = page(&bench, own.incident.unwrap()).await;
    let mut news = bench.operations.watch_incidents(&person(Role::Viewer)).unwrap();
    while bench.store.message(told).await.unwrap().unwrap().state == DeliveryState::Sending {
        news.changed().await.unwrap();
    }
    let letters = bench.channel.letters.lock().unwrap().clone();
    assert_eq!(letters[0].incident_key, format!("runbook-portal-{}", own.incident.unwrap()));
}

#[tokio::test]
async fn what_the_portal_told_a_pager_comes_back_to_its_own_incident() {
    let bench = bench();
    let id = opened(&bench).await;
    page(&bench, id).await;
    let mut echo = alert("PGR0VU2", "The shop is down", &[]);
    echo.group_key = format!("pagerduty:runbook-portal-{id}");
    assert_eq!(tell(&bench, echo.clone()).await, Received { incident: Some(id), opened: false });
    bench.operations.change_stage(&person(Role::Operator), id, Change::Resolve).await.unwrap();
    let late = IncomingAlert { fingerprint: "late".to_owned(), ..echo.clone() };
    assert_eq!(tell(&bench, late).await, Received { incident: None, opened: false }, "a late word opens nothing");
    echo.state = AlertState::Over { at: jiff::Timestamp::now() };
    assert_eq!(tell(&bench, echo).await, Received { incident: Some(id), opened: false });
}

#[tokio::test]
async fn a_worse_alert_raises_its_incident_and_leaves_what_a_person_said() {
    let bench = bench();
    let label = |word: &'static str| [("severity", word)];
    let id = tell(&bench, alert("a", "HighErrorRate", &label("warning"))).await.incident.unwrap();
    let severity = async || {
        let view = bench.operations.view_incident(&person(Role::Viewer), id).await.unwrap();
        view.incident.severity.unwrap_or_default()
    };
    tell(&bench, alert("b", "HighErrorRate", &label("info"))).await;
    assert_eq!(severity().await, "warning", "a milder one changes nothing");
    tell(&bench, alert("c", "HighErrorRate", &label("critical"))).await;
    assert_eq!(severity().await, "critical");
    tell(&bench, alert("e", "HighErrorRate", &[("service", "worker"), ("namespace", "shop")])).await;
    tell(&bench, alert("f", "HighErrorRate", &[("service", "worker"), ("namespace", "shop")])).await;
    let view = bench.operations.view_incident(&person(Role::Viewer), id).await.unwrap();
    assert_eq!(view.incident.affected, "worker in shop", "what else suffers is said once");
    let changes = Changes { severity: Some("P3".to_owned()), ..Changes::default() };
    bench.operations.change_incident(&person(Role::Operator), id, changes).await.unwrap();
    tell(&bench, alert("d", "HighErrorRate", &label("critical"))).await;
    assert_eq!(severity().await, "P3", "whoever chose it knew of one as bad");
}

#[tokio::test]
async fn what_is_too_much_of_an_incident_is_said_once() {
    let bench = bench();
    for batch in 0..3 {
        let many = (batch * 200..batch * 200 + 200).map(|index| alert(&index.to_string(), "x", &[])).collect();
        bench.operations.receive_alerts("alertmanager", None, many).await.unwrap();
    }
    let kinds = bench.kinds();
    let count = |kind| kinds.iter().filter(|one| **one == kind).count();
    assert_eq!((count(EventKind::AlertFired), count(EventKind::NoteWritten)), (500, 1));
}

#[tokio::test]
async fn an_alert_that_is_not_kept_raises_its_incident_once() {
    let bench = bench();
    let many: Vec<_> = (0..500).map(|index| alert(&index.to_string(), "x", &[("severity", "warning")])).collect();
    let id = bench.operations.receive_alerts("alertmanager", None, many).await.unwrap()[0].incident.unwrap();
    let severity = async || {
        let view = bench.operations.view_incident(&person(Role::Viewer), id).await.unwrap();
        view.incident.severity.unwrap_or_default()
    };
    let beyond = alert("beyond", "x", &[("severity", "critical")]);
    tell(&bench, beyond.clone()).await;
    assert_eq!(severity().await, "critical", "it counts, kept or not");
    let changes = Changes { severity: Some("P3".to_owned()), ..Changes::default() };
    bench.operations.change_incident(&person(Role::Operator), id, changes).await.unwrap();
    tell(&bench, beyond).await;
    assert_eq!(severity().await, "P3", "said again, it overrules nobody");
}

#[tokio::test]
async fn one_delivery_opens_twenty_incidents_and_no_alert_is_lost() {
    let bench = bench();
    let alone = |index: i32| IncomingAlert { group_key: String::new(), ..alert(&index.to_string(), "x", &[]) };
    let flood: Vec<_> = (0..50).map(alone).collect();
    let received = bench.operations.receive_alerts("alertmanager", None, flood.clone()).await.unwrap();
    assert_eq!(received.iter().filter(|one| one.opened).count(), 20);
    assert!(received[20..].iter().all(|one| one.incident == received[19].incident), "the rest join the last one");
    let last = received[19].incident.unwrap();
    let view = bench.operations.view_incident(&person(Role::Viewer), last).await.unwrap();
    assert_eq!(view.alerts.len(), 31);
    let notes = || {
        let events = bench.store.events.lock().unwrap();
        let notes = events.iter().filter(|event| event.kind == EventKind::NoteWritten);
        notes.map(|event| (event.incident, event.summary.clone())).collect::<Vec<_>>()
    };
    assert!(notes().len() == 1 && notes()[0].0 == Some(last) && notes()[0].1.starts_with("30 more"), "{:?}", notes());
    let again = bench.operations.receive_alerts("alertmanager", None, flood).await.unwrap();
    assert!(again.iter().all(|one| !one.opened) && notes().len() == 1, "told again, nothing is new");
}

#[tokio::test]
async fn an_answer_at_the_pager_is_an_answer() {
    let bench = bench();
    let fires = alert("a", "HighErrorRate", &[]);
    let id = tell(&bench, fires.clone()).await.incident.unwrap();
    let taken = IncomingAlert { state: AlertState::TakenOn { by: "Ann".to_owned() }, ..fires };
    tell(&bench, taken.clone()).await;
    tell(&bench, taken).await;
    let viewer = person(Role::Viewer);
    let view = bench.operations.view_incident(&viewer, id).await.unwrap();
    assert_eq!((view.incident.stage(), view.incident.commander), (Stage::Acknowledged, None));
    let timeline = bench.operations.timeline(&viewer, id).await.unwrap();
    let said: Vec<_> = timeline.entries.iter().map(|entry| entry.words.as_str()).collect();
    assert_eq!(said[2..], ["Acknowledged in Alertmanager by Ann"]);
}

#[tokio::test]
async fn a_level_has_the_times_of_the_runbook_that_is_chosen_for_it() {
    let bench = bench();
    let id = opened(&bench).await;
    let operator = person(Role::Operator);
    let nowhere = Changes { runbook: Some("nowhere".to_owned()), ..Changes::default() };
    let refused = bench.operations.change_incident(&operator, id, nowhere).await;
    assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");
    let shelf = bench.operations.shelf(&operator).unwrap();
    let runbook = shelf.runbooks[0].id.to_string();
    let chosen = Changes { severity: Some("P1".to_owned()), runbook: Some(runbook.clone()), ..Changes::default() };
    bench.operations.change_incident(&operator, id, chosen).await.unwrap();
    let view = bench.operations.view_incident(&operator, id).await.unwrap();
    assert_eq!(view.incident.runbook.map(|id| id.to_string()), Some(runbook));
    let due = view.deadlines[0].due.duration_since(view.incident.terms.since.unwrap());
    assert_eq!((view.deadlines[0].what, due), (incident::What::Respond, jiff::SignedDuration::from_mins(15)));
}

#[tokio::test]
async fn whoever_takes_command_has_taken_it_on() {
    let bench = bench();
    let id = opened(&bench).await;
    bench.operations.take_command(&person(Role::Operator), id).await.unwrap();
    let view = bench.operations.view_incident(&person(Role::Viewer), id).await.unwrap();
    assert_eq!(view.incident.stage(), Stage::Acknowledged);
}

#[tokio::test]
async fn an_alert_is_bounded_and_masked() {
    let bench = bench();
    let mut alert = alert("a", &"N".repeat(10_000), &[("password", "password=hunter2hunter2")]);
    for index in 0..1_000 {
        alert.annotations.insert(format!("note{index}"), "x".repeat(100_000));
    }
    let incident = tell(&bench, alert).await.incident.unwrap();
    let view = bench.operations.view_incident(&person(Role::Viewer), incident).await.unwrap();
    let kept = &view.alerts[0];
    assert!(kept.name.len() <= 256 && kept.annotations.len() <= 64);
    assert!(kept.annotations.values().all(|value| value.len() <= 2_100));
    assert!(!format!("{view:?}").contains("hunter2"));
    assert!(!format!("{:?}", bench.store.events.lock().unwrap()).contains("hunter2"));
}

#[tokio::test]
async fn an_outage_of_everything_is_not_refused() {
    let bench = bench();
    let over = AlertState::Over { at: jiff::Timestamp::now() };
    let many = (0..1_200).map(|index| IncomingAlert {
        state: if index < 600 { over.clone() } else { AlertState::Fires },
        ..alert(&index.to_string(), "x", &[])
    });
    let received = bench.operations.receive_alerts("alertmanager", None, many.collect()).await.unwrap();
    assert_eq!(received.len(), 1_000);
    assert!(received[0].opened && received[..600].iter().all(|one| one.incident == received[0].incident));
    let events = bench.store.events.lock().unwrap();
    let notes = events.iter().filter(|event| event.kind == EventKind::NoteWritten);
    let notes: Vec<_> = notes.map(|event| event.summary.as_str()).collect();
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[1].starts_with("200 more alerts"), "{notes:?}");
}

#[tokio::test]
async fn what_is_over_after_its_incident_is_over_there() {
    let bench = bench();
    let fires = alert("a", "HighErrorRate", &[]);
    let id = tell(&bench, fires.clone()).await.incident.unwrap();
    bench.operations.change_stage(&person(Role::Operator), id, Change::Resolve).await.unwrap();
    let over = IncomingAlert { state: AlertState::Over { at: jiff::Timestamp::now() }, ..fires };
    assert_eq!(tell(&bench, over).await, Received { incident: Some(id), opened: false });
    let view = bench.operations.view_incident(&person(Role::Viewer), id).await.unwrap();
    assert!(view.alerts[0].cleared_at.is_some());
    assert_eq!(bench.kinds().last(), Some(&EventKind::AlertCleared));
}

#[tokio::test]
async fn whoever_acknowledges_first_leads_and_hands_over_with_a_summary() {
    let bench = bench();
    let id = opened(&bench).await;
    let (operator, approver) = (person(Role::Operator), person(Role::Approver));
    bench.operations.change_stage(&operator, id, Change::Acknowledge).await.unwrap();
    let again = bench.operations.change_stage(&approver, id, Change::Acknowledge).await;
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
    let silent = bench.operations.hand_over(&operator, id, "approver", " ").await;
    assert!(matches!(silent, Err(Error::Invalid(_))));
    let stranger = bench.operations.hand_over(&operator, id, "nobody", "All is well").await;
    assert!(matches!(stranger, Err(Error::Invalid(_))));
    // The approver is known once they signed in, whatever they did before.
    bench.operations.note_incident(&approver, id, "I am here").await.unwrap();
    let stranger = bench.operations.hand_over(&operator, id, "approver", "All is well").await;
    assert!(matches!(stranger, Err(Error::Invalid(_))));
    bench.operations.person_signed_in(&approver.person).await.unwrap();
    bench.operations.hand_over(&operator, id, "approver", "Rolled back; watching").await.unwrap();
    let view = bench.operations.view_incident(&operator, id).await.unwrap();
    assert_eq!(view.incident.commander.unwrap().0, "approver");
    let timeline = bench.operations.timeline(&operator, id).await.unwrap();
    let last = timeline.entries.last().unwrap();
    assert_eq!(
        (last.words.as_str(), last.details.as_slice()),
        ("Handed command to Some approver", &["Rolled back; watching".to_owned()][..])
    );
}

#[tokio::test]
async fn what_is_open_is_mine_first_then_the_worst_however_many_are_newer() {
    let bench = bench();
    let operator = person(Role::Operator);
    let tell_of = async |name: &str, severity: &str| {
        tell(&bench, alert(name, name, &[("severity", severity)])).await.incident.unwrap()
    };
    let (led, worked_on) = (tell_of("led", "info").await, tell_of("worked on", "critical").await);
    let (first, mild) = (tell_of("first", "P1").await, tell_of("mild", "warning").await);
    let unknown = tell_of("unknown", "none").await;
    let over = tell_of("over", "critical").await;
    bench.operations.take_command(&operator, led).await.unwrap();
    bench.operations.note_incident(&operator, worked_on, "I look").await.unwrap();
    bench.operations.change_stage(&person(Role::Approver), over, Change::Resolve).await.unwrap();
    let open = bench.operations.what_is_open(&operator, 5).await.unwrap();
    let ids = |incidents: &[Incident]| incidents.iter().map(|one| one.id).collect::<Vec<_>>();
    assert_eq!(ids(&open.mine), [worked_on, led]);
    assert_eq!(ids(&open.others), [first, mild, unknown]);

    let flood = (0..15).flat_map(|batch| (0..20).map(move |index| (batch, index)));
    for (batch, index) in flood {
        tell_of(&format!("flood {batch} {index}"), "warning").await;
    }
    let open = bench.operations.what_is_open(&operator, 5).await.unwrap();
    assert_eq!(ids(&open.mine), [worked_on, led], "the mildest of all, and still there");
    assert_eq!((open.others.len(), open.others[0].id), (200, first), "the oldest, and the worst");
    let page = bench.operations.incidents_page(&operator, &IncidentFilter::default()).await.unwrap();
    assert_eq!((page.incidents.len(), page.incidents[0].id), (50, first));
    let next = IncidentFilter { before: page.next, limit: 400, ..IncidentFilter::default() };
    let next = bench.operations.incidents_page(&operator, &next).await.unwrap();
    assert_eq!((next.incidents.len(), next.next), (256, None));
    assert_eq!(next.incidents.last().unwrap().id, over);
}

#[tokio::test]
async fn viewers_look_and_change_nothing() {
    let bench = bench();
    let id = opened(&bench).await;
    let viewer = person(Role::Viewer);
    assert!(bench.operations.view_incident(&viewer, id).await.is_ok());
    assert!(bench.operations.timeline(&viewer, id).await.is_ok());
    let refused = [
        bench.operations.change_stage(&viewer, id, Change::Resolve).await.err(),
        bench.operations.take_command(&viewer, id).await.err(),
        bench.operations.note_incident(&viewer, id, "x").await.err(),
        bench.operations.update_status(&viewer, id, "x").await.err(),
        bench.operations.change_incident(&viewer, id, Changes::default()).await.err(),
        bench.operations.keep_post_mortem(&viewer, id, "x", "").await.err(),
        bench.operations.share_post_mortem(&viewer, id).await.err(),
        bench.operations.open_incident(&viewer, Changes::default()).await.err(),
    ];
    for error in refused {
        assert!(matches!(error, Some(Error::Forbidden(Permission::Run))), "{error:?}");
    }
}

#[tokio::test]
async fn a_run_of_an_incident_takes_it_on_and_tells_its_timeline() {
    let bench = bench();
    let id = opened(&bench).await;
    let operator = person(Role::Operator);
    let run = bench
        .operations
        .start_incident_run(
            &operator,
            id,
            &runbook::RunbookId::new("shop"),
            &runbook::ProcedureId::new("recover"),
            &EnvironmentName("practice".to_owned()),
            BTreeMap::new(),
        )
        .await
        .unwrap();
    bench.operations.mark(&operator, run, "1", Mark::Skipped { reason: "Everybody knows".to_owned() }).await.unwrap();
    bench.press(run, "2a").await.unwrap();
    bench.settled(run).await;
    bench.operations.change_stage(&operator, id, Change::Resolve).await.unwrap();
    let view = bench.operations.view_incident(&operator, id).await.unwrap();
    assert_eq!((view.runs.len(), view.incident.stage()), (1, Stage::Resolved));
    assert_eq!(view.incident.commander.as_ref().unwrap().0, "operator");
    let timeline = bench.operations.timeline(&operator, id).await.unwrap();
    let words: Vec<&str> = timeline.entries.iter().map(|entry| entry.words.as_str()).collect();
    assert_eq!(
        words,
        [
            "Opened: The shop is down",
            "Began “Recover”",
            "Acknowledged",
            "Took command",
            "Skipped: Tell people (step 1)",
            "Chose: Restart pods (step 2a)",
            "Ran step 2a: Restart pods",
            "Resolved"
        ]
    );
    let ran = &timeline.entries[6];
    assert_eq!(ran.result, Some(OutcomeResult::Passed));
    assert!(ran.details.iter().any(|detail| detail.starts_with("kubectl get pods")), "{:?}", ran.details);
    bench.operations.mark(&operator, run, "2a", Mark::ByHand { result: "rows of customers".to_owned() }).await.unwrap();
    let viewer = bench.operations.view_run(&person(Role::Viewer), run).await.unwrap();
    assert!(!format!("{:?} {:?}", viewer.steps, viewer.notes).contains("rows of customers"));
    let told = bench.operations.timeline(&person(Role::Viewer), id).await.unwrap();
    assert!(!format!("{told:?}").contains("rows of customers"), "what was pasted is output");
    let viewers = bench.operations.timeline(&person(Role::Viewer), id).await.unwrap();
    assert!(viewers.entries[5].details.is_empty(), "what was run may have been typed: it is output's");
    for entry in &timeline.entries {
        let events = bench.store.events.lock().unwrap();
        assert_eq!(events.iter().find(|event| event.id == entry.event).unwrap().at, entry.at);
    }
    let written = bench.operations.post_mortem(&operator, id).await.unwrap();
    assert!(!written.kept);
    for line in [
        "# Post-mortem: The shop is down (INC-1)",
        "- Skipped: Tell people (step 1): Everybody knows",
        "- [ ] Step 1 was skipped",
    ] {
        assert!(written.text.contains(line), "{line} is not in\n{}", written.text);
    }
    bench.operations.mark(&operator, run, "1", Mark::Done).await.unwrap();
    let written = bench.operations.post_mortem(&operator, id).await.unwrap();
    assert!(
        written.text.contains("Nothing was skipped") && !written.text.contains("was skipped: does"),
        "done after all"
    );
}

#[tokio::test]
async fn what_was_written_in_an_editor_is_for_those_who_see_output() {
    let bench = bench();
    let id = opened(&bench).await;
    let mut edit =
        AuditEvent::new(jiff::Timestamp::now(), EventKind::StepMarked, Actor::portal(), "Change deployment/shop");
    edit.incident = Some(id);
    edit.argv = vec!["kind: Deployment".to_owned()];
    AuditTrail::append(&*bench.store, &edit).await.unwrap();
    for (role, seen) in [(Role::Viewer, 0), (Role::Operator, 1)] {
        for timeline in [
            bench.operations.timeline(&person(role), id).await.unwrap(),
            bench.operations.lately(&person(role), id).await.unwrap(),
        ] {
            let last = timeline.entries.last().unwrap();
            assert_eq!((last.words.as_str(), last.details.len()), ("Change deployment/shop", seen));
        }
    }
}

#[tokio::test]
async fn a_post_mortem_is_kept_shared_and_never_lost() {
    let bench = bench();
    let id = opened(&bench).await;
    let operator = person(Role::Operator);
    let operations = &bench.operations;
    assert!(matches!(operations.share_post_mortem(&operator, id).await, Err(Error::Conflict(_))), "nobody has read it");
    operations.keep_post_mortem(&operator, id, "# Mine\n", "").await.unwrap();
    let lost = operations.keep_post_mortem(&person(Role::Approver), id, "# Theirs\n", "").await;
    assert!(matches!(lost, Err(Error::Conflict(_))), "the other one has not been read");
    operations.keep_post_mortem(&person(Role::Approver), id, "# Ours\n", &version("# Mine\n")).await.unwrap();
    let key = operations.share_post_mortem(&operator, id).await.unwrap();
    assert_eq!(operations.shared_post_mortem(&key).await.unwrap().text, "# Ours\n");
    assert!(!format!("{:?}", bench.store.incidents.lock().unwrap()).contains(&key), "only its hash is kept");
    operations.unshare_post_mortem(&operator, id).await.unwrap();
    assert!(matches!(operations.shared_post_mortem(&key).await, Err(Error::NotFound(_))));
    assert!(matches!(operations.shared_post_mortem("").await, Err(Error::NotFound(_))));
    let key = operations.share_post_mortem(&operator, id).await.unwrap();
    operations.keep_post_mortem(&operator, id, "", &version("# Ours\n")).await.unwrap();
    operations.keep_post_mortem(&operator, id, "# For us alone\n", "").await.unwrap();
    assert!(matches!(operations.shared_post_mortem(&key).await, Err(Error::NotFound(_))), "nobody has shared this one");
}

async fn run_for(bench: &Bench, id: IncidentId, procedure: &str) -> RunId {
    let (runbook, procedure) = (runbook::RunbookId::new("shop"), runbook::ProcedureId::new(procedure));
    let (operator, environment) = (person(Role::Operator), EnvironmentName("practice".to_owned()));
    let started =
        bench.operations.start_incident_run(&operator, id, &runbook, &procedure, &environment, BTreeMap::new());
    started.await.unwrap()
}

#[tokio::test]
async fn what_a_runbook_promises_counts_from_when_it_is_run() {
    let bench = bench();
    let changes = Changes { title: Some("Down".to_owned()), severity: Some("P1".to_owned()), ..Changes::default() };
    let id = bench.operations.open_incident(&person(Role::Operator), changes).await.unwrap();
    let promised = jiff::SignedDuration::from_mins(30);
    bench.store.incidents.lock().unwrap()[0].terms.update_every = Some(promised);
    run_for(&bench, id, "recover").await;
    let incident = bench.operations.view_incident(&person(Role::Operator), id).await.unwrap().incident;
    let level = incident.terms.level.as_ref().unwrap();
    assert_eq!((level.name.as_str(), level.respond_within), ("P1", Some(jiff::SignedDuration::from_mins(15))));
    assert!(incident.terms.since.is_some_and(|since| since >= incident.started_at));
    assert_eq!(incident.terms.update_every, Some(promised), "what people were promised stays promised");
}

#[tokio::test]
async fn a_timeline_tells_what_was_called_and_not_what_a_text_had_shown() {
    let bench = bench();
    let id = opened(&bench).await;
    let run = run_for(&bench, id, "restart").await;
    let calls = vec![vec!["kubectl", "delete", "deployment", "shop", "-n", "shop"]];
    *bench.bash.script.lock().unwrap() = super::fakes::Script::Calls(calls);
    let operator = person(Role::Operator);
    let effect = async |confirmed| {
        let press = Press { confirmed, ..Press::default() };
        bench.operations.press(&operator, run, &runbook::CommandId::new("1"), press).await.unwrap();
        bench.settled(run).await;
        let timeline = bench.operations.timeline(&operator, id).await.unwrap();
        let mut ran = timeline.entries.into_iter().filter(|entry| entry.kind == EventKind::ExecutionIntent);
        ran.next_back().unwrap().effect
    };
    assert_eq!(effect(None).await, Some(command::Effect::Change), "what was refused did nothing");
    assert_eq!(effect(Some(command::Effect::Destroy)).await, Some(command::Effect::Destroy));
}

#[tokio::test]
async fn a_claimed_step_is_left_alone_until_it_is_taken_over() {
    let bench = bench();
    let run = bench.start("recover").await;
    let (operator, approver) = (person(Role::Operator), person(Role::Approver));
    let step = runbook::StepId::new("2");
    bench.operations.claim(&approver, run, &step).await.unwrap();
    let refused = bench.press(run, "2a").await;
    assert!(matches!(&refused, Err(Error::Conflict(why)) if why.contains("Some approver")), "{refused:?}");
    let refused = bench.operations.mark(&operator, run, "2a", Mark::Skipped { reason: "x".to_owned() }).await;
    assert!(matches!(refused, Err(Error::Conflict(_))));
    let theirs = bench.operations.hand_over_step(&operator, run, &step, None).await;
    assert!(matches!(theirs, Err(Error::Conflict(_))), "it is not theirs to give");
    bench.operations.claim(&operator, run, &step).await.unwrap();
    bench.operations.choose(&operator, run, &runbook::CommandId::new("2b")).await.unwrap();
    let other = bench.press(run, "2a").await;
    assert!(matches!(&other, Err(Error::Conflict(why)) if why.contains("2b was chosen")), "{other:?}");
    bench.press(run, "2b").await.unwrap();
    let view = bench.settled(run).await;
    let view = view.steps.iter().find(|view| view.id == step).unwrap();
    assert_eq!(view.claim.as_ref().unwrap().by.0, "operator");
    assert_eq!(view.chosen, Some(runbook::CommandId::new("2b")));
    assert_eq!(view.state, StepState::Passed);
    bench.operations.hand_over_step(&operator, run, &step, None).await.unwrap();
    let view = bench.operations.view_run(&operator, run).await.unwrap();
    assert!(view.steps.iter().all(|step| step.claim.is_none()));
}

#[tokio::test]
async fn a_note_takes_a_picture_or_a_text_and_nothing_else() {
    let bench = bench();
    let run = bench.start("recover").await;
    let operator = person(Role::Operator);
    let step = runbook::StepId::new("1");
    let picture = ("../graph.png".to_owned(), b"\x89PNG\r\n\x1a\n....".to_vec());
    bench.operations.note(&operator, run, Some(&step), "Look at the spike", Some(picture)).await.unwrap();
    for bytes in [b"MZ\x90\0\x03\0\0\0".to_vec(), Vec::new(), vec![b'x'; Attachment::LIMIT + 1]] {
        let refused = bench.operations.note(&operator, run, None, "x", Some(("a.png".to_owned(), bytes))).await;
        assert!(matches!(refused, Err(Error::Invalid(_))));
    }
    assert!(matches!(bench.operations.note(&operator, run, None, "  ", None).await, Err(Error::Invalid(_))));
    bench.operations.note(&operator, run, None, "It is the cache", None).await.unwrap();
    let view = bench.operations.run_page(&operator, run).await.unwrap();
    assert_eq!(view.notes.len(), 1);
    let Mark::Noted { text, attachment: Some((id, name, kind)) } = &view.steps[0].notes[0].mark else {
        panic!("a note with a picture");
    };
    assert_eq!((text.as_str(), name.as_str(), kind.as_str()), ("Look at the spike", "graph.png", "image/png"));
    assert_eq!(bench.operations.attachment(&operator, *id).await.unwrap().bytes.len(), 12);
    let refused = bench.operations.attachment(&person(Role::Viewer), *id).await;
    assert!(matches!(refused, Err(Error::Forbidden(Permission::SeeOutput))));
    assert_eq!(view.steps[0].state, StepState::Waiting, "a note says nothing of how far a step is");
}

#[tokio::test]
async fn a_timeline_of_long_words_leaves_the_earlier_ones_to_the_trail() {
    let bench = bench();
    let operator = person(Role::Operator);
    let id = opened(&bench).await;
    for index in 0..100 {
        let text = format!("{index} {}", "x".repeat(60_000));
        bench.store.events.lock().unwrap().push({
            let mut event =
                AuditEvent::new(bench.operations.now(), EventKind::StatusUpdated, Actor::from(&operator), text);
            event.incident = Some(id);
            event
        });
    }
    for timeline in [bench.operations.timeline(&operator, id).await, bench.operations.lately(&operator, id).await] {
        let timeline = timeline.unwrap();
        let words: usize = timeline.entries.iter().map(|entry| entry.words.len()).sum();
        assert!(timeline.cut && words < 5 << 20, "{words}");
        assert!(timeline.entries.last().unwrap().words.starts_with("Status: 99 "), "the newest are there");
    }
}
