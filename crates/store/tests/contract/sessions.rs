//! Sessions of signed-in browsers.

use std::collections::HashMap;

use serde_json::json;
use tower_sessions::SessionStore;
use tower_sessions::cookie::time::{Duration, OffsetDateTime};
use tower_sessions::session::{Id, Record};

use crate::fixture::Fixture;

/// A session that ends in so many minutes.
fn record(minutes: i64) -> Record {
    let now = OffsetDateTime::now_utc();
    let whole = now.replace_microsecond(now.microsecond()).expect("it was one");
    let data = HashMap::from([("person".to_owned(), json!({ "name": "Olga \0 Ops", "groups": ["a", "b"] }))]);
    Record { id: Id::default(), data, expiry_date: whole + Duration::minutes(minutes) }
}

pub(crate) async fn a_session_goes_round(fixture: &Fixture) {
    let store = &fixture.store;
    let mut session = record(5);
    let id = session.id;
    SessionStore::create(store, &mut session).await.unwrap();
    assert_eq!(session.id, id);
    assert_eq!(store.load(&id).await.unwrap(), Some(session.clone()));
    session.data.insert("next".to_owned(), json!("/runs"));
    session.expiry_date += Duration::minutes(5);
    store.save(&session).await.unwrap();
    assert_eq!(store.load(&id).await.unwrap(), Some(session));
    assert_eq!(store.load(&Id::default()).await.unwrap(), None);
}

pub(crate) async fn a_taken_id_is_replaced(fixture: &Fixture) {
    let mut first = record(5);
    SessionStore::create(&fixture.store, &mut first).await.unwrap();
    let mut second = Record { id: first.id, data: HashMap::new(), ..record(5) };
    SessionStore::create(&fixture.store, &mut second).await.unwrap();
    assert_ne!(second.id, first.id);
    assert_eq!(fixture.store.load(&first.id).await.unwrap(), Some(first));
    assert_eq!(fixture.store.load(&second.id).await.unwrap(), Some(second));
}

pub(crate) async fn expired_sessions_are_gone(fixture: &Fixture) {
    let (mut old, mut new) = (record(-1), record(5));
    SessionStore::create(&fixture.store, &mut old).await.unwrap();
    SessionStore::create(&fixture.store, &mut new).await.unwrap();
    assert_eq!(fixture.store.load(&old.id).await.unwrap(), None);
    assert_eq!(fixture.store.delete_expired_sessions().await.unwrap(), 1);
    assert_eq!(fixture.store.delete_expired_sessions().await.unwrap(), 0);
    assert_eq!(fixture.store.load(&new.id).await.unwrap(), Some(new));
}

pub(crate) async fn a_deleted_session_stays_gone(fixture: &Fixture) {
    let mut session = record(5);
    SessionStore::create(&fixture.store, &mut session).await.unwrap();
    SessionStore::delete(&fixture.store, &session.id).await.unwrap();
    assert_eq!(fixture.store.load(&session.id).await.unwrap(), None);
    // A request that began before the person signed out ends now.
    fixture.store.save(&session).await.unwrap();
    assert_eq!(fixture.store.load(&session.id).await.unwrap(), None);
    SessionStore::delete(&fixture.store, &session.id).await.unwrap();
}

pub(crate) async fn ids_are_not_in_the_table(fixture: &Fixture) {
    let mut session = record(5);
    SessionStore::create(&fixture.store, &mut session).await.unwrap();
    assert_eq!(fixture.number("SELECT count(*) FROM session").await, 1);
    let id = session.id;
    let sql = format!("SELECT count(*) FROM session WHERE key LIKE '%{id}%' OR data LIKE '%{id}%'");
    assert_eq!(fixture.number(&sql).await, 0);
}
