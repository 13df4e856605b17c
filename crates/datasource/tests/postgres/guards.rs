//! What keeps a call inside its datasource, its effect and its time.

use std::time::Duration;

use datasource::Limits;

use crate::fixture::{Caller, Database, until};

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[tokio::test]
async fn a_datasource_is_called_by_its_references() {
    let Some(database) = Database::create("").await else { return };
    let own = database.address.database.clone();
    for arguments in [
        &["datasource:main", "-Atc", "SELECT 1"][..],
        &["DATABASE_URL", "-Atc", "SELECT 1"],
        &["-h", "rds-endpoint", "-U", "whoever", "-d", &own, "-Atc", "SELECT 1"],
        &["postgres://me@rds-endpoint/main", "-Atc", "SELECT 1"],
        &["-Atc", "SELECT 1"],
    ] {
        let outcome = database.psql(&words(arguments), &Caller::default()).await;
        assert_eq!((outcome.code, outcome.out.as_str()), (0, "1\n"), "{arguments:?} {}", outcome.err);
    }
    for arguments in [
        &["other", "-c", "SELECT 1"][..],
        &["-h", "10.0.0.1", "-c", "SELECT 1"],
        &["-h", "rds-endpoint", "-d", "other", "-c", "SELECT 1"],
    ] {
        let outcome = database.psql(&words(arguments), &Caller::default()).await;
        assert_eq!(outcome.code, 126, "{arguments:?}");
        assert!(outcome.err.contains("It has: main."), "{}", outcome.err);
    }
    database.remove().await;
}

#[tokio::test]
async fn a_call_that_reads_cannot_write_whatever_it_was_taken_for() {
    // `lower` counts as a function that only looks; here it is one of the caller's own.
    let seed = "CREATE TABLE t (a int); CREATE FUNCTION lower(int) RETURNS int LANGUAGE sql AS 'INSERT INTO t VALUES (1) RETURNING a'";
    let Some(database) = Database::create(seed).await else { return };
    let outcome = database.psql(&words(&["-c", "SELECT lower(1)"]), &Caller::default()).await;
    assert_eq!(outcome.code, 1);
    assert!(outcome.err.starts_with("ERROR:  cannot execute INSERT in a read-only transaction"), "{}", outcome.err);
    let outcome = database.psql(&words(&["-Atc", "INSERT INTO t VALUES (2) RETURNING a"]), &Caller::default()).await;
    assert_eq!(outcome.out, "2\nINSERT 0 1\n");
    database.remove().await;
}

#[tokio::test]
async fn stop_ends_the_statement_at_the_server() {
    let Some(database) = Database::create("").await else { return };
    let caller = Caller::default();
    let running = "SELECT count(*) = 1 FROM pg_stat_activity WHERE state = 'active' AND query = 'SELECT pg_sleep(601)' AND application_name = 'runbook-portal' AND datname = current_database()";
    let arguments = words(&["-c", "SELECT pg_sleep(601)"]);
    let (outcome, ()) = tokio::join!(database.psql(&arguments, &caller), async {
        until(&database.datasources, running).await;
        caller.ended.cancel();
    });
    assert_eq!(outcome.code, 141);
    until(&database.datasources, &running.replace("= 1", "= 0")).await;
    database.remove().await;
}

#[tokio::test]
async fn stop_ends_a_call_that_waits_for_input_and_one_that_watches() {
    let Some(database) = Database::create("").await else { return };
    for input in ["BEGIN;\n", "SELECT 1\n\\watch 0.1\n"] {
        let mut caller = Caller::with_input(input);
        caller.stays_open = true;
        let connected = "SELECT count(*) > 1 FROM pg_stat_activity WHERE datname = current_database() AND query <> ''";
        let (outcome, ()) = tokio::join!(database.psql(&[], &caller), async {
            until(&database.datasources, connected).await;
            // The server has the first query before its answer is printed.
            let printed = || String::from_utf8_lossy(&caller.printed.lock().unwrap().0).contains("?column?");
            let shown = async {
                while input.contains("watch") && !printed() {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(20), shown).await.unwrap();
            caller.ended.cancel();
        });
        assert_eq!(outcome.code, 141, "{input}");
        assert_eq!(outcome.out.contains(" (every 0.1s)\n\n ?column? \n"), input.contains("watch"), "{}", outcome.out);
    }
    database.remove().await;
}

#[tokio::test]
async fn a_statement_and_a_lock_have_their_time() {
    let limits = Limits {
        statement: Some(Duration::from_millis(300)),
        lock: Some(Duration::from_millis(100)),
        ..Limits::default()
    };
    let Some(database) = Database::create_with("CREATE TABLE t (a int)", limits).await else { return };
    let outcome = database.psql(&words(&["-c", "SELECT pg_sleep(60)"]), &Caller::default()).await;
    assert_eq!((outcome.code, outcome.err.as_str()), (1, "ERROR:  canceling statement due to statement timeout\n"));
    let holder = {
        let mut caller = Caller::with_input("BEGIN; LOCK TABLE t;\n");
        caller.stays_open = true;
        caller
    };
    let held =
        "SELECT count(*) > 0 FROM pg_locks WHERE relation = 't'::regclass AND mode = 'AccessExclusiveLock' AND granted";
    let waiter = Caller::default();
    let (_, outcome) = tokio::join!(database.psql(&[], &holder), async {
        until(&database.datasources, held).await;
        let outcome = database.psql(&words(&["-c", "SELECT * FROM t"]), &waiter).await;
        holder.ended.cancel();
        outcome
    });
    assert_eq!(outcome.err.lines().next(), Some("ERROR:  canceling statement due to lock timeout"));
    database.remove().await;
}

#[tokio::test]
async fn programs_files_and_other_servers_are_refused_inside_scripts_too() {
    let Some(database) = Database::create("").await else { return };
    for script in [
        "SELECT 1;\n\\! id\nSELECT 2;\n",
        "SELECT 1;\nCOPY (SELECT 1) TO PROGRAM 'id';\nSELECT 2;\n",
        "SELECT 1;\nSELECT 1 \\; COPY (SELECT 1) TO PROGRAM 'id';\nSELECT 2;\n",
        "SELECT 1;\n\\set p program\nCOPY (SELECT 1) TO :p 'id';\nSELECT 2;\n",
        "SELECT 1;\nSELECT 'COPY (SELECT 1) TO PROGRAM ''id''' \\gexec\nSELECT 2;\n",
        "SELECT 1;\n\\copy (select 1) to program 'id'\nSELECT 2;\n",
        "SELECT 1;\n\\copy (select 1) to 'file'\nSELECT 2;\n",
        "SELECT 1;\n\\o |cat\nSELECT 2;\n",
        "SELECT 1;\nSELECT 2 \\g |cat\nSELECT 2;\n",
        "SELECT 1;\n\\c postgres\nSELECT 2;\n",
        "SELECT 1;\n\\echo `id`\nSELECT 2;\n",
        "SELECT 1;\n\\setenv A b\nSELECT 2;\n",
    ] {
        let outcome = database.psql(&words(&["-At"]), &Caller::with_input(script)).await;
        assert_eq!((outcome.code, outcome.out.as_str()), (126, "1\n"), "{script}{}", outcome.err);
    }
    database.remove().await;
}

#[tokio::test]
async fn nothing_that_is_printed_tells_where_the_server_is() {
    let Some(database) = Database::create("").await else { return };
    let mut wrong = database.address.clone();
    wrong.password = Some(operations::Secret::new("hunter2"));
    let shown = format!("{:?} {wrong:?} {:?}", database.datasources, operations::Secret::new("hunter2"));
    assert!(!shown.contains("hunter2") && !shown.contains(&wrong.host) && !shown.contains(&wrong.user), "{shown}");
    let outcome = database.psql(&[], &Caller::with_input("\\conninfo\n\\echo :HOST :PORT\n")).await;
    assert!(!outcome.out.contains(&wrong.host) && !outcome.out.contains(&wrong.port.to_string()), "{}", outcome.out);
    let settings = |address| datasource::DatasourceSettings {
        environment: crate::fixture::name(),
        name: "main".to_owned(),
        address,
        tls: datasource::Tls::Disabled,
        limits: Limits::default(),
    };
    let nobody = datasource::Address { port: 1, ..wrong.clone() };
    let mut database = database;
    let own = database.datasources.clone();
    for address in [wrong, nobody] {
        database.datasources = datasource::Datasources::new(vec![settings(address.clone())]).unwrap();
        let outcome = database.psql(&words(&["-c", "SELECT 1"]), &Caller::default()).await;
        assert_eq!(outcome.code, 2);
        assert!(!outcome.err.contains("hunter2") && !outcome.err.contains(&address.host), "{}", outcome.err);
    }
    database.datasources = own;
    database.remove().await;
}

#[tokio::test]
async fn a_large_result_is_streamed() {
    let Some(database) = Database::create("").await else { return };
    let sql = "SELECT n, repeat('x', 100) AS filler FROM generate_series(1, 100000) n";
    let outcome = database.psql(&words(&["-c", sql]), &Caller::default()).await;
    assert_eq!(outcome.code, 0);
    assert_eq!(outcome.out.lines().count(), 100_000 + 4);
    assert!(outcome.out.ends_with("(100000 rows)\n\n"));
    // Padded as psql pads it, this would be a hundred times what the server sent.
    let caller = Caller::default();
    let sql = "SELECT repeat('x', 1000000), repeat(E'a\\n', 1000000)";
    let arguments = words(&["-c", sql]);
    let stopped = async {
        while caller.printed.lock().unwrap().0.len() < 10_000_000 {
            tokio::task::yield_now().await;
        }
        caller.ended.cancel();
    };
    let (outcome, ()) = tokio::join!(database.psql(&arguments, &caller), stopped);
    assert_eq!(outcome.code, 141);
    database.remove().await;
}

#[tokio::test]
async fn a_server_without_encryption_is_not_talked_to_in_the_clear() {
    let Some(mut database) = Database::create("").await else { return };
    let encrypted = datasource::DatasourceSettings {
        environment: crate::fixture::name(),
        name: "main".to_owned(),
        address: database.address.clone(),
        tls: datasource::Tls::Verified,
        limits: Limits::default(),
    };
    let own = std::mem::replace(&mut database.datasources, datasource::Datasources::new(vec![encrypted]).unwrap());
    let outcome = database.psql(&words(&["-c", "SELECT 1"]), &Caller::default()).await;
    assert_eq!((outcome.code, outcome.out.as_str()), (2, ""));
    assert!(outcome.err.contains("the connection cannot be encrypted"), "{}", outcome.err);
    database.datasources = own;
    database.remove().await;
}

#[tokio::test]
async fn timing_is_told_behind_each_statement() {
    let Some(database) = Database::create("").await else { return };
    let outcome = database.psql(&words(&["-At"]), &Caller::with_input("\\timing\nSELECT 1;\nSELECT 2;\n")).await;
    let lines: Vec<_> = outcome.out.lines().map(|line| line.split(' ').next().unwrap_or_default()).collect();
    assert_eq!(lines, ["Timing", "1", "Time:", "2", "Time:"]);
    database.remove().await;
}
