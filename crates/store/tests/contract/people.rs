//! Who people are, as their last sign-in told.

use operations::{KnownPerson, PersonStore, Role};

use crate::fixture::{Fixture, at};

fn known(subject: &str, role: Option<Role>, second: i64) -> KnownPerson {
    KnownPerson { subject: subject.to_owned(), name: format!("{subject} \"Berg\""), role, at: at(second) }
}

pub(crate) async fn what_was_known_last_counts(fixture: &Fixture) {
    let store = &fixture.store;
    assert_eq!(store.person("sub-1").await.unwrap(), None);
    store.keep_person(&known("sub-2", Some(Role::Admin), 1)).await.unwrap();
    for role in Role::ALL.map(Some).into_iter().chain([None, Some(Role::Operator)]) {
        let person = known("sub-1", role, 5);
        store.keep_person(&person).await.unwrap();
        assert_eq!(store.person("sub-1").await.unwrap(), Some(person));
    }
    // A clock that was set back hides no news.
    let earlier = KnownPerson { name: "Olga \0 Berg".to_owned(), ..known("sub-1", None, 2) };
    store.keep_person(&earlier).await.unwrap();
    let kept = KnownPerson { name: "Olga \u{2400} Berg".to_owned(), ..earlier };
    assert_eq!(store.person("sub-1").await.unwrap(), Some(kept));
    assert_eq!(
        store.person("sub-2").await.unwrap(),
        Some(known("sub-2", Some(Role::Admin), 1)),
        "nobody else is meant"
    );
    assert_eq!(store.person("SUB-2").await.unwrap(), None);
    assert_eq!(fixture.number("SELECT count(*) FROM person").await, 2);
}

pub(crate) async fn people_are_listed_by_role_and_latest_first(fixture: &Fixture) {
    for (subject, role, second) in [
        ("long-ago", Some(Role::Operator), 9),
        ("first", Some(Role::Operator), 10),
        ("reads", Some(Role::Viewer), 11),
        ("gone", None, 12),
        ("second", Some(Role::Admin), 13),
        ("beside", Some(Role::Approver), 13),
    ] {
        fixture.store.keep_person(&known(subject, role, second)).await.unwrap();
    }
    let list = async |roles: &[Role]| {
        let people = fixture.store.people(roles, at(10)).await.unwrap();
        people.into_iter().map(|person| person.subject).collect::<Vec<_>>()
    };
    assert_eq!(list(&[Role::Operator, Role::Approver, Role::Admin]).await, ["beside", "second", "first"]);
    assert_eq!(list(&[Role::Viewer]).await, ["reads"]);
    assert_eq!(list(&[]).await, [""; 0]);
}

pub(crate) async fn columns_are_tied(fixture: &Fixture) {
    fixture.store.keep_person(&known("sub-1", Some(Role::Admin), 1)).await.unwrap();
    for change in ["role = 'owner'", "role = ''", "name = NULL", "at = NULL", "subject = NULL"] {
        assert!(fixture.raw(&format!("UPDATE person SET {change}")).await.is_err(), "{change}");
    }
}
