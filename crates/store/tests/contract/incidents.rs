//! Incidents, their alerts, messages and attachments.

use incident::Terms;
use jiff::SignedDuration;
use operations::{
    Attachment, AttachmentId, AuditEvent, AuditFilter, AuditTrail, DeliveryState, EnvironmentName, EventKind,
    FiredAlert, Incident, IncidentFilter, IncidentId, IncidentStore, KnownPerson, Message, MessageId, NewIncident,
    NewRun, PagerAction, PersonStore, Role, RunFilter, RunStore,
};
use runbook::RunbookId;

use crate::audit::{append, event};
use crate::fixture::{Fixture, at, new_run, variables};

fn new_incident(title: &str) -> NewIncident {
    NewIncident {
        id: IncidentId::new(),
        title: title.to_owned(),
        severity: Some("P1".to_owned()),
        environment: Some(EnvironmentName("practice".to_owned())),
        affected: "shop".to_owned(),
        terms: Terms { update_every: Some(SignedDuration::from_mins(30)), ..Terms::default() },
        runbook: Some(RunbookId::new("shop")),
        opened_by: ("sub-1".to_owned(), "Olga Ops".to_owned()),
        started_at: at(0),
        worst_said: Some(2),
    }
}

async fn incident(fixture: &Fixture) -> Incident {
    fixture.store.create_incident(new_incident("The shop is down"), &[]).await.unwrap()
}

fn alert(incident: IncidentId, fingerprint: &str, group: &str) -> FiredAlert {
    FiredAlert {
        incident,
        source: "alertmanager".to_owned(),
        fingerprint: fingerprint.to_owned(),
        group_key: group.to_owned(),
        name: "HighErrorRate".to_owned(),
        labels: variables(&[("namespace", "shop\0'\"")]),
        annotations: variables(&[("summary", "Grüße")]),
        started_at: at(1),
        cleared_at: None,
    }
}

fn message(incident: IncidentId) -> Message {
    Message {
        id: MessageId::new(),
        incident,
        channel: "incidents".to_owned(),
        title: "Initial Notification".to_owned(),
        subject: "Down".to_owned(),
        text: "We look at it".to_owned(),
        action: PagerAction::Trigger,
        by: ("sub-1".to_owned(), "Olga Ops".to_owned()),
        at: at(2),
        state: DeliveryState::Sending,
        attempts: 0,
        remark: None,
        ended_at: None,
        again_after: Some(1_800),
    }
}

pub(crate) async fn an_incident_comes_back_as_it_was_changed(fixture: &Fixture) {
    let made = incident(fixture).await;
    assert_eq!((made.number, made.worst_said), (1, Some(2)));
    assert_eq!(made.terms.update_every, Some(SignedDuration::from_mins(30)));
    let changed = Incident {
        title: "Other".to_owned(),
        severity: None,
        environment: None,
        affected: String::new(),
        terms: Terms::default(),
        runbook: None,
        acknowledged_at: Some(at(1)),
        mitigated_at: Some(at(2)),
        resolved_at: Some(at(3)),
        commander: Some(("sub-2".to_owned(), "Otto".to_owned())),
        latest_update: "Better".to_owned(),
        updated_at: Some(at(2)),
        told_at: Some(at(3)),
        worst_said: Some(1),
        post_mortem: Some("# Why\n".to_owned()),
        share_key: Some("ab".repeat(32)),
        ..made.clone()
    };
    fixture.store.change_incident(&changed).await.unwrap();
    assert_eq!(fixture.store.incident(made.id).await.unwrap(), Some(changed.clone()));
    assert_eq!(fixture.store.shared_incident(&"ab".repeat(32)).await.unwrap(), Some(changed));
    assert_eq!(fixture.store.shared_incident(&"cd".repeat(32)).await.unwrap(), None);
    let stranger = Incident { id: IncidentId::new(), ..made };
    assert!(fixture.store.change_incident(&stranger).await.is_err());
}

pub(crate) async fn an_incident_is_kept_with_the_alert_that_opens_it_or_not_at_all(fixture: &Fixture) {
    let new = new_incident("The shop is down");
    let first = alert(new.id, "a", "g");
    let made = fixture.store.create_incident(new, std::slice::from_ref(&first)).await.unwrap();
    assert_eq!(fixture.store.alerts(made.id).await.unwrap(), [first]);
    assert_eq!(fixture.store.incident_of_alert("alertmanager", "a", "g").await.unwrap(), Some(made.id));
    // An alert that cannot be kept: its incident is nowhere.
    let new = new_incident("The shop is down again");
    let (id, stray) = (new.id, alert(IncidentId::new(), "b", "h"));
    assert!(fixture.store.create_incident(new, &[stray]).await.is_err());
    assert_eq!(fixture.store.incident(id).await.unwrap(), None);
}

pub(crate) async fn open_incidents_come_first(fixture: &Fixture) {
    let first = incident(fixture).await;
    let second = incident(fixture).await;
    let over = Incident { resolved_at: Some(at(9)), ..second.clone() };
    fixture.store.change_incident(&over).await.unwrap();
    let all = fixture.store.incidents(&IncidentFilter::default()).await.unwrap();
    assert_eq!(all.iter().map(|one| one.id).collect::<Vec<_>>(), [first.id, second.id]);
    let filter = IncidentFilter { open: true, limit: 1, ..IncidentFilter::default() };
    let open = fixture.store.incidents(&filter).await.unwrap();
    assert_eq!(open, [first]);
}

/// What a page shows is what all pages show together, in one order.
pub(crate) async fn the_worst_comes_before_the_newest_on_every_page(fixture: &Fixture) {
    let mut made = Vec::new();
    for (severity, over) in [
        (Some("P2"), false),
        (Some("P1"), false),
        (None, false),
        (Some("critical"), false),
        (Some("P1"), true),
        (Some("P3"), false),
        (None, true),
        (Some("Weird"), false),
    ] {
        let new = NewIncident { severity: severity.map(str::to_owned), terms: Terms::default(), ..new_incident("x") };
        let one = fixture.store.create_incident(new, &[]).await.unwrap();
        if over {
            fixture.store.change_incident(&Incident { resolved_at: Some(at(9)), ..one.clone() }).await.unwrap();
        }
        made.push(one.number);
    }
    // The third turns out to be bad.
    let third = fixture.store.incidents(&IncidentFilter::default()).await.unwrap();
    let third = third.into_iter().find(|one| one.number == made[2]).unwrap();
    fixture.store.change_incident(&Incident { severity: Some("SEV0".to_owned()), ..third }).await.unwrap();
    for limit in [1, 2, 3, 50] {
        let mut filter = IncidentFilter { limit, ..IncidentFilter::default() };
        let mut listed = Vec::new();
        loop {
            let page = fixture.store.incidents(&filter).await.unwrap();
            assert!(page.iter().map(Incident::place).is_sorted() && page.len() <= limit as usize);
            let Some(last) = page.last() else { break };
            filter.before = Some(last.place());
            listed.extend(page.iter().map(|one| one.number));
        }
        assert_eq!(listed, [3, 4, 2, 1, 6, 8, 7, 5], "{limit} on a page");
    }
}

pub(crate) async fn an_alert_finds_its_open_incident(fixture: &Fixture) {
    let one = incident(fixture).await;
    let other = incident(fixture).await;
    fixture.store.keep_alert(&alert(one.id, "a", "g")).await.unwrap();
    fixture.store.keep_alert(&alert(other.id, "b", "g")).await.unwrap();
    let find = async |source: &str, print: &str, group: &str| {
        fixture.store.incident_of_alert(source, print, group).await.unwrap()
    };
    assert_eq!(find("alertmanager", "a", "g").await, Some(one.id), "the fingerprint counts more than the group");
    assert_eq!(find("alertmanager", "new", "g").await, Some(other.id), "of a group the latest");
    assert_eq!(find("alertmanager", "new", "other").await, None);
    assert_eq!(find("pagerduty", "a", "g").await, None);
    fixture.store.change_incident(&Incident { resolved_at: Some(at(9)), ..one.clone() }).await.unwrap();
    assert_eq!(find("alertmanager", "a", "elsewhere").await, None, "it is over");
    let again = FiredAlert { cleared_at: Some(at(5)), ..alert(one.id, "a", "g") };
    fixture.store.keep_alert(&again).await.unwrap();
    let kept = fixture.store.alerts(one.id).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].cleared_at, Some(at(5)));
    assert_eq!(kept[0].labels["namespace"], "shop\0'\"");
}

pub(crate) async fn runs_and_events_belong_to_an_incident(fixture: &Fixture) {
    let one = incident(fixture).await;
    let run = fixture.store.create(NewRun { incident: Some(one.id), ..new_run() }).await.unwrap();
    fixture.store.create(new_run()).await.unwrap();
    let found = fixture.store.runs(&RunFilter { incident: Some(one.id), ..RunFilter::default() }).await.unwrap();
    assert_eq!(found, std::slice::from_ref(&run));
    let of_incident = AuditEvent { incident: Some(one.id), ..event(EventKind::IncidentOpened, "opened") };
    let mut of_run = event(EventKind::StepMarked, "Done");
    of_run.run = Some(run.id);
    of_run.actor.subject = "sub-2".to_owned();
    of_run.actor.name = "Otto".to_owned();
    let elsewhere = event(EventKind::SignedIn, "in");
    append(fixture, &[&of_incident, &of_run, &elsewhere]).await;
    let page = fixture.store.page(&AuditFilter { incident: Some(one.id), ..AuditFilter::default() }).await.unwrap();
    assert_eq!(page.entries.iter().map(|entry| entry.event.id).collect::<Vec<_>>(), [of_run.id, of_incident.id]);
    assert_eq!(page.entries[1].event, of_incident);
    let people = fixture.store.participants(one.id).await.unwrap();
    let names: Vec<&str> = people.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["Olga Ops", "Otto"]);
    let subjects: Vec<&str> = people.iter().map(|(subject, _)| subject.as_str()).collect();
    let led = Incident { commander: Some(("sub-3".to_owned(), "Lea".to_owned())), ..incident(fixture).await };
    fixture.store.change_incident(&led).await.unwrap();
    let with = async |subject: &str| {
        let filter = IncidentFilter { with: Some(subject.to_owned()), open: true, ..IncidentFilter::default() };
        let found = fixture.store.incidents(&filter).await.unwrap();
        found.into_iter().map(|one| one.id).collect::<Vec<_>>()
    };
    for subject in subjects {
        assert_eq!(with(subject).await, [one.id], "{subject}");
    }
    assert_eq!(with("sub-3").await, [led.id]);
    assert!(with("nobody").await.is_empty());
}

pub(crate) async fn who_took_part_is_called_as_their_last_sign_in_told(fixture: &Fixture) {
    let one = incident(fixture).await;
    let did = |subject: &str, name: &str| {
        let mut event = AuditEvent { incident: Some(one.id), ..event(EventKind::NoteWritten, "x") };
        (event.actor.subject, event.actor.name) = (subject.to_owned(), name.to_owned());
        event
    };
    let events = [
        did("sub-1", "Ann (token ci)"),
        did("sub-2", "Bea Berg"),
        did("sub-2", "Bea Appel (token ci)"),
        did("sub-1", "Ann"),
        did("token:ci:1f3a09bc", "ci:1f3a09bc (service token)"),
        did("sub-3", "Zoe"),
        did("sub-3", "Ada"),
        did("portal", "The portal"),
        did("alerts:x", "x"),
    ];
    append(fixture, &events.each_ref()).await;
    let names = async || {
        let people = fixture.store.participants(one.id).await.unwrap();
        people.into_iter().map(|(_, name)| name).collect::<Vec<_>>()
    };
    assert_eq!(names().await, ["Ann", "Bea Appel", "ci:1f3a09bc (service token)", "Ada"]);
    let known = |subject: &str, name: &str, role| KnownPerson {
        subject: subject.to_owned(),
        name: name.to_owned(),
        role,
        at: at(5),
    };
    fixture.store.keep_person(&known("sub-1", "Ann Appel", Some(Role::Viewer))).await.unwrap();
    fixture.store.keep_person(&known("sub-3", "Zoe Ziegler", None)).await.unwrap();
    fixture.store.keep_person(&known("sub-9", "Somebody else", None)).await.unwrap();
    assert_eq!(names().await, ["Ann Appel", "Bea Appel", "ci:1f3a09bc (service token)", "Zoe Ziegler"]);
}

pub(crate) async fn messages_and_attachments_come_back(fixture: &Fixture) {
    let one = incident(fixture).await;
    let sent = message(one.id);
    fixture.store.keep_message(&sent).await.unwrap();
    assert_eq!(fixture.store.sending().await.unwrap(), std::slice::from_ref(&sent));
    let delivered = Message {
        state: DeliveryState::Delivered,
        attempts: 2,
        remark: Some("ok".to_owned()),
        ended_at: Some(at(3)),
        ..sent
    };
    fixture.store.keep_message(&delivered).await.unwrap();
    assert!(fixture.store.sending().await.unwrap().is_empty());
    assert_eq!(fixture.store.message(delivered.id).await.unwrap(), Some(delivered.clone()));
    assert_eq!(fixture.store.messages(one.id).await.unwrap(), [delivered]);

    let run = fixture.open_run().await;
    let attachment = Attachment {
        id: AttachmentId::new(),
        run: run.id,
        name: "graph.png".to_owned(),
        media_type: "image/png".to_owned(),
        bytes: b"\x89PNG\0\xff".to_vec(),
        by: ("sub-1".to_owned(), "Olga Ops".to_owned()),
        at: at(4),
    };
    assert_eq!(fixture.store.attached(run.id).await.unwrap(), 0);
    fixture.store.attach(&attachment).await.unwrap();
    assert_eq!(fixture.store.attached(run.id).await.unwrap(), 6);
    assert_eq!(fixture.store.attachment(attachment.id).await.unwrap(), Some(attachment.clone()));
    let large = Attachment { id: AttachmentId::new(), bytes: vec![1; Attachment::LIMIT + 1], ..attachment };
    assert!(fixture.store.attach(&large).await.is_err(), "the table has the limit, too");
}

pub(crate) async fn every_kind_of_event_is_known_to_the_database(fixture: &Fixture) {
    for kind in EventKind::ALL.into_iter().filter(|kind| !kind.is_outcome()) {
        append(fixture, &[&event(kind, kind.word())]).await;
    }
    let kinds = fixture.number("SELECT count(*) FROM audit_kind").await;
    assert_eq!(kinds, EventKind::ALL.len() as i64);
}
