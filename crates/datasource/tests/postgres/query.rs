//! Steps that are SQL.

use command::Effect;
use datasource::{Event, QueryError};
use tokio_util::sync::CancellationToken;

use crate::fixture::{Database, name, until};

#[tokio::test]
async fn statements_run_one_after_the_other_with_their_rows() {
    let Some(database) = Database::create("CREATE TABLE t (a int, b text)").await else { return };
    let sql = "INSERT INTO t VALUES (1, 'x'), (2, NULL); VACUUM t; SELECT * FROM t; DO $$ BEGIN RAISE NOTICE 'hi'; END $$; SELECT nope; SELECT 1";
    let mut query =
        database.datasources.query(&name(), "main", sql, Effect::Destroy, CancellationToken::new()).await.unwrap();
    let mut seen = Vec::new();
    while let Some(event) = query.next().await.unwrap() {
        seen.push(match event {
            Event::Columns(columns) => columns
                .iter()
                .map(|column| format!("{}:{}", column.name, column.is_number()))
                .collect::<Vec<_>>()
                .join(" "),
            Event::Row(row) => (0..2)
                .map(|at| row.text(at).map_or("-".to_owned(), |text| text.into_owned()))
                .collect::<Vec<_>>()
                .join(" "),
            Event::Complete(tag) => tag,
            Event::Notice(report) => format!("{} {}", report.severity, report.message),
            Event::Failed(report) => format!("{} at {:?} in {:?}", report.code, report.position, query.statement()),
            Event::Ready(state) => format!("{state:?}"),
            other => format!("{other:?}"),
        });
    }
    assert_eq!(
        seen,
        [
            "INSERT 0 2",
            "Idle",
            "VACUUM",
            "Idle",
            "a:true b:false",
            "1 x",
            "2 -",
            "SELECT 2",
            "Idle",
            "NOTICE hi",
            "DO",
            "Idle",
            "42703 at Some(9) in Some(\" SELECT nope;\")",
            "Idle"
        ]
    );
    database.remove().await;
}

#[tokio::test]
async fn a_stopped_statement_ends_at_the_server() {
    let Some(database) = Database::create("").await else { return };
    let cancel = CancellationToken::new();
    let sql = "SELECT pg_sleep(600) AS unique_to_this_test";
    let mut query = database.datasources.query(&name(), "main", sql, Effect::Read, cancel.clone()).await.unwrap();
    let running = "SELECT count(*) = 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep(600) AS unique%' AND datname = current_database()";
    let (ended, ()) = tokio::join!(
        async {
            while let Some(event) = query.next().await? {
                drop(event);
            }
            Ok(())
        },
        async {
            until(&database.datasources, running).await;
            cancel.cancel();
        }
    );
    assert_eq!(ended, Err(QueryError::Cancelled));
    until(&database.datasources, &running.replace("= 1", "= 0")).await;
    database.remove().await;
}

#[tokio::test]
async fn a_step_that_reads_cannot_write() {
    let Some(database) = Database::create("CREATE TABLE t (a int)").await else { return };
    let sql = "INSERT INTO t VALUES (1)";
    let mut query =
        database.datasources.query(&name(), "main", sql, Effect::Read, CancellationToken::new()).await.unwrap();
    let mut code = None;
    while let Some(event) = query.next().await.unwrap() {
        if let Event::Failed(report) = event {
            code = Some(report.code);
        }
    }
    // read_only_sql_transaction
    assert_eq!(code.as_deref(), Some("25006"));
    database.remove().await;
}
