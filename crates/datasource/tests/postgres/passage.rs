//! The real psql through a passage: it is let in without knowing an account or a password, and into one database alone.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use command::Refusal;
use datasource::{Datasources, Psql, Talk, Talker};
use operations::{Adapter, Call, CallEnded, CallIo, FileError, OpenTerminal, Stream};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::fixture::{Database, until};

/// Somebody at a terminal; of what they type nothing is looked at here.
#[derive(Default)]
struct Typist {
    errors: Mutex<String>,
    ended: CancellationToken,
}

#[async_trait]
impl CallIo for Typist {
    async fn write(&self, _: Stream, bytes: Bytes) -> Result<(), CallEnded> {
        self.errors.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes));
        Ok(())
    }

    async fn read_stdin(&self) -> Result<Option<Bytes>, CallEnded> {
        Ok(None)
    }

    async fn read_file(&self, _: &str, _: usize) -> Result<Bytes, FileError> {
        Err(FileError::Ended(CallEnded))
    }

    async fn is_at_terminal(&self) -> bool {
        true
    }

    async fn open_terminal(&self, title: String) -> Option<OpenTerminal> {
        assert_eq!(title, "psql: main");
        Some(OpenTerminal::new(tokio::sync::mpsc::channel(1).1, ()))
    }

    fn workspace(&self) -> Option<&Path> {
        None
    }

    fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }
}

/// Serves the passage to a psql of this machine, and keeps what that said.
struct Real {
    /// Tells when the server is at work.
    datasources: Datasources,
    said: Mutex<Vec<String>>,
}

#[async_trait]
impl Talker for Real {
    fn available(&self) -> Result<(), Refusal> {
        Ok(())
    }

    async fn talk(&self, talk: Talk<'_>, _: OpenTerminal, _: &dyn CallIo) -> u8 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let passage = Arc::new(talk.passage);
        assert_eq!(passage.database(), "main");
        let serving = tokio::spawn(async move {
            loop {
                let (program, _) = listener.accept().await.unwrap();
                let passage = passage.clone();
                tokio::spawn(async move { passage.serve(program).await });
            }
        });
        let psql = |database: &str| {
            let mut command = Command::new("psql");
            command.env_clear().env("PATH", std::env::var("PATH").unwrap());
            for (name, value) in
                [("PGHOST", "127.0.0.1"), ("PGPORT", port.as_str()), ("PGUSER", "x"), ("PGDATABASE", database)]
            {
                command.env(name, value);
            }
            command.args(["-XAtq", "-v", "ON_ERROR_STOP=1"]).kill_on_drop(true);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            command
        };
        for (database, script) in [
            (
                "main",
                "\\echo :DBNAME\nSELECT count(*) FROM things;\nSHOW application_name;\n\\getenv secret PGPASSWORD\n\\echo :secret\n",
            ),
            ("postgres", "SELECT 1;\n"),
        ] {
            let mut child = psql(database).spawn().unwrap();
            // One that is not let in may be gone before it is written to; what it says shows which of them this was.
            drop(child.stdin.take().unwrap().write_all(script.as_bytes()).await);
            let output = child.wait_with_output().await.unwrap();
            let both = [output.stdout, output.stderr].concat();
            self.said.lock().unwrap().push(String::from_utf8(both).unwrap());
        }
        // Ctrl+C: psql asks the server to cancel, by a connection of its own.
        let mut child = psql("main").spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"SELECT 'sleeps';\nSELECT pg_sleep(1000);\n").await.unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("sleeps"));
        // Between two statements there is nothing to cancel at the server.
        let sleeps = "SELECT count(*) = 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep(1000)%' AND datname = current_database()";
        until(&self.datasources, sleeps).await;
        let id = child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
        let output = child.wait_with_output().await.unwrap();
        self.said.lock().unwrap().push(String::from_utf8(output.stderr).unwrap());
        serving.abort();
        7
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_psql_is_let_in_and_knows_nothing() {
    let Some(database) = Database::create("CREATE TABLE things (id int); INSERT INTO things VALUES (1), (2);").await
    else {
        return;
    };
    if std::process::Command::new("psql").arg("--version").output().is_err() {
        println!("skipped: no psql");
        return;
    }
    let real = Arc::new(Real { datasources: database.datasources.clone(), said: Mutex::default() });
    let adapter = Psql::new(database.datasources.clone()).with_talker(real.clone());
    let call =
        |line: &str| Call { argv: line.split(' ').map(str::to_owned).collect(), directory: "/workspace".to_owned() };
    let typist = Typist::default();
    let bare = call("psql");
    let talking = adapter.perform(&database.environment, &bare, &typist);
    let code = tokio::time::timeout(std::time::Duration::from_secs(30), talking).await.expect("in time");
    assert_eq!(code, 7, "{}", typist.errors.lock().unwrap());
    let said = real.said.lock().unwrap().clone();
    assert_eq!(said[0], "main\n2\nrunbook-portal\n:secret\n");
    assert!(said[1].contains("this terminal is for the datasource main alone"), "{said:?}");
    assert!(said[2].contains("canceling statement due to user request"), "{said:?}");
    // Told what to do, it needs no terminal.
    assert_eq!(adapter.perform(&database.environment, &call("psql -c \\q"), &typist).await, 0);
    assert_eq!(real.said.lock().unwrap().len(), 3);
    database.remove().await;
}
