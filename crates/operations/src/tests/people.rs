//! Who people are now: what that means for sessions, and for whom something can be handed to.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};

use super::fakes::{bench, bench_at, person};
use crate::*;

#[tokio::test]
async fn a_session_holds_as_long_as_its_role() {
    let bench = bench();
    let operations = &bench.operations;
    let ada = person(Role::Approver).person;
    assert!(operations.is_still(&ada).await.unwrap(), "nothing else is known");
    operations.person_signed_in(&ada).await.unwrap();
    assert!(operations.is_still(&Person { name: "Ada".to_owned(), ..ada.clone() }).await.unwrap(), "a name is no role");
    for other in [Role::Operator, Role::Admin] {
        operations.person_signed_in(&Person { role: other, ..ada.clone() }).await.unwrap();
        assert!(!operations.is_still(&ada).await.unwrap(), "{other:?}");
    }
    operations.person_signed_in(&ada).await.unwrap();
    assert!(operations.is_still(&ada).await.unwrap());
    operations.person_has_no_role(&ada.subject, &ada.name).await.unwrap();
    for role in Role::ALL {
        assert!(!operations.is_still(&Person { role, ..ada.clone() }).await.unwrap(), "{role:?}");
    }
    assert!(operations.is_still(&person(Role::Operator).person).await.unwrap(), "nobody else is meant");
}

#[tokio::test]
async fn things_are_handed_to_whoever_can_go_on_with_them() {
    let now = Arc::new(Mutex::new(Timestamp::from_second(1_800_000_000).unwrap()));
    let clock = now.clone();
    let bench = bench_at(Arc::new(move || *clock.lock().unwrap()));
    let operations = &bench.operations;
    let (viewer, operator, approver) = (person(Role::Viewer), person(Role::Operator), person(Role::Approver));
    let run = bench.start("recover").await;
    let step = runbook::StepId::new("2");
    operations.claim(&operator, run, &step).await.unwrap();
    for one in [&viewer, &operator, &approver] {
        operations.person_signed_in(&one.person).await.unwrap();
    }
    let offered = async || {
        let people = operations.people(&viewer).await.unwrap();
        people.into_iter().map(|(subject, _)| subject).collect::<Vec<_>>()
    };
    let refused = async |to: &str, why: &str| {
        let refused = operations.hand_over_step(&operator, run, &step, Some(to)).await;
        assert!(matches!(&refused, Err(Error::Invalid(text)) if text.contains(why)), "{to}: {refused:?}");
    };
    assert_eq!(offered().await, ["approver", "operator"]);
    refused("viewer", "Some viewer may not run procedures").await;
    refused("admin", "signed in to this portal lately").await;

    operations.person_has_no_role("approver", "Ada").await.unwrap();
    assert_eq!(offered().await, ["operator"]);
    refused("approver", "Ada may not run procedures").await;

    operations.person_signed_in(&approver.person).await.unwrap();
    *now.lock().unwrap() += SignedDuration::from_hours(24 * 30);
    assert_eq!(offered().await.len(), 2);
    *now.lock().unwrap() += SignedDuration::from_secs(1);
    assert_eq!(offered().await, [""; 0]);
    refused("approver", "signed in to this portal lately").await;

    operations.person_signed_in(&approver.person).await.unwrap();
    operations.hand_over_step(&operator, run, &step, Some("approver")).await.unwrap();
    let view = operations.view_run(&operator, run).await.unwrap();
    let claim = view.steps.iter().find(|view| view.id == step).unwrap().claim.as_ref().unwrap();
    assert_eq!(claim.by, ("approver".to_owned(), "Some approver".to_owned()));
}

#[test]
fn a_person_is_called_without_their_token() {
    for (actor, name) in [
        ("Ann (token ci)", "Ann"),
        ("Ann", "Ann"),
        ("Ann (the first)", "Ann (the first)"),
        ("Ann (token a b)", "Ann (token a b)"),
        ("Ann (token x) (token ci)", "Ann (token x)"),
        ("ci:1f3a09bc (service token)", "ci:1f3a09bc (service token)"),
    ] {
        assert_eq!(token::owner_name(actor), name, "{actor}");
    }
}
