//! Opening again, and what opening does to the file.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use jiff::Timestamp;
use operations::{Actor, AuditEvent, AuditTrail, EventKind, NewChunk, OutputStore, RunStore, Stream};
use store::Store;

use crate::fixture::{Fixture, at};

pub(crate) async fn everything_is_there_after_reopening(fixture: &Fixture) {
    let execution = fixture.running().await;
    let output = NewChunk {
        run: execution.run,
        execution: execution.id,
        stream: Stream::Stdout,
        at: at(2),
        bytes: "printed\n".into(),
    };
    OutputStore::append(&fixture.store, vec![output]).await.unwrap();
    let event = AuditEvent::new(at(3), EventKind::RunStarted, Actor::portal(), "begun");
    AuditTrail::append(&fixture.store, &event).await.unwrap();

    fixture.store.disconnect().await;
    assert!(fixture.store.running().await.is_err(), "a closed store does not answer");

    let store = Store::connect(&fixture.url).await.unwrap();
    assert_eq!(store.running().await.unwrap(), std::slice::from_ref(&execution));
    assert_eq!(store.after(execution.run, 0, 10).await.unwrap()[0].content.bytes, "printed\n");
    let entry = store.entry(event.id).await.unwrap().unwrap();
    assert_eq!(entry.event, event);
    // Sequences go on behind the old ones.
    let later = AuditEvent::new(at(4), EventKind::RunEnded, Actor::portal(), "ended");
    AuditTrail::append(&store, &later).await.unwrap();
    assert!(store.entry(later.id).await.unwrap().unwrap().sequence > entry.sequence);
    store.disconnect().await;
}

pub(crate) async fn a_second_connection_migrates_nothing(fixture: &Fixture) {
    let before = fixture.number("SELECT count(*) FROM _sqlx_migrations").await;
    assert!(before > 0);
    let second = Store::connect(&fixture.url).await.unwrap();
    assert_eq!(fixture.number("SELECT count(*) FROM _sqlx_migrations").await, before);
    // Both see what the other writes.
    let run = fixture.open_run().await;
    assert_eq!(second.run(run.id).await.unwrap(), Some(run));
    let event = AuditEvent::new(Timestamp::UNIX_EPOCH, EventKind::SignedIn, Actor::portal(), "hello");
    AuditTrail::append(&second, &event).await.unwrap();
    assert!(fixture.store.entry(event.id).await.unwrap().is_some());
    second.disconnect().await;
}

pub(crate) async fn a_changed_migration_is_refused(fixture: &Fixture) {
    let sql = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
               SELECT 9999, 'from a newer portal', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1";
    assert_eq!(fixture.raw(sql).await.unwrap(), 1);
    let error = Store::connect(&fixture.url).await.unwrap_err();
    assert_eq!(error.operation, "open the database");
    assert!(error.source.to_string().contains("9999"), "{}", error.source);
}

#[tokio::test]
async fn an_sqlite_file_is_private() {
    let fixture = Fixture::sqlite().await;
    fixture.open_run().await;
    let folder = fixture.folder().unwrap().path().join("below");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let mut files = 0;
    for file in std::fs::read_dir(&folder).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        files += 1;
    }
    assert!(files >= 2, "the database and its write-ahead log");
}

#[tokio::test]
async fn a_temporary_database_is_shared_by_clones() {
    let store = Store::connect("sqlite::memory:").await.unwrap();
    let run = store.clone().create(crate::fixture::new_run()).await.unwrap();
    assert_eq!(store.run(run.id).await.unwrap(), Some(run));
    assert_eq!(format!("{store:?}"), "Store(\"SQLite\")");
}

#[tokio::test]
async fn a_wrong_address_does_not_show_its_password() {
    for address in ["postgres://portal:hunter2@localhost:none/portal", "postgres://portal:a/hunter2@localhost/portal"] {
        let error = Store::connect(address).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_as_such_at_once() {
    // Bound and let go: nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("postgres://portal:hunter2@127.0.0.1:{port}/portal");
    let error = Store::connect(&address).await.unwrap_err();
    assert_eq!(error.operation, "open the database");
    assert!(error.source.to_string().contains("refused"), "{}", error.source);
    assert!(!format!("{error} {error:?} {}", error.source).contains("hunter2"));
}

pub(crate) async fn one_portal_at_a_time(fixture: &Fixture) {
    let place = fixture.store.occupy(Duration::from_secs(30)).await.unwrap();
    let second = Store::connect(&fixture.url).await.unwrap();
    let refused = second.occupy(Duration::from_millis(500)).await.map(drop).unwrap_err();
    assert!(refused.source.to_string().contains("another portal"), "{}", refused.source);
    // One that waits gets it as soon as the first one has gone.
    let waiting = tokio::spawn(async move { second.occupy(Duration::from_secs(30)).await.map(drop) });
    drop(place);
    waiting.await.unwrap().unwrap();
}
