//! `redis-cli` and the clients of PostgreSQL, against real servers.

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use operations::{CallEnded, CallIo, Exit, FileError, OpenTerminal, Secret, Stream, TerminalInput};
use programs::{PostgresServer, PostgresTls, Reach, RedisServer, RedisTls};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::place::{Place, installed, place};

fn server(variable: &str, what: &str) -> Option<Url> {
    let Ok(url) = std::env::var(variable) else {
        println!("skipped: no {what}");
        return None;
    };
    Some(url.parse().unwrap())
}

fn redis(url: &Url) -> RedisServer {
    RedisServer {
        host: url.host_str().unwrap().to_owned(),
        port: url.port().unwrap_or(6379),
        user: Some(url.username().to_owned()).filter(|user| !user.is_empty()),
        password: url.password().map(Secret::new),
        database: 9,
        tls: RedisTls::Disabled,
    }
}

fn redis_place(server: RedisServer) -> Option<Place> {
    place(Reach { redis: [("sessions".to_owned(), server)].into(), ..Reach::default() })
}

#[tokio::test]
async fn redis_is_reached_by_any_of_its_names() {
    let Some(url) = server("REDIS_TEST_URL", "redis") else { return };
    if !installed(&["redis-cli"]) {
        return;
    }
    let Some(place) = redis_place(redis(&url)) else { return };
    let printed = place
        .run(
            "redis-cli ping; redis-cli -h cache.example.com -p 1 set portal:test 1; redis-cli -u datasource:sessions \
             exists portal:test; redis-cli -u redis://redis:6379/8 exists portal:test\n\
             printf 'a\\nb\\n' | while read -r word; do redis-cli append portal:test $word; done\n\
             echo in | redis-cli -x set portal:test; redis-cli get portal:test\n\
             printf 'get portal:test\\ndel portal:test\\n' | redis-cli\n\
             echo \"return redis.call('dbsize') >= 0\" > s.lua; redis-cli --eval s.lua; redis-cli info server | head -1",
        )
        .await
        .good();
    assert_eq!(printed, "PONG\nOK\n1\n0\n2\n3\nOK\nin\n\nin\n\n1\n1\n# Server\r\n");
}

#[tokio::test]
async fn redis_follows_until_it_is_stopped() {
    let Some(url) = server("REDIS_TEST_URL", "redis") else { return };
    if !installed(&["redis-cli"]) {
        return;
    }
    let Some(place) = redis_place(redis(&url)) else { return };
    let end = place.run_until("redis-cli MONITOR", |text| text.starts_with("OK\n")).await;
    assert_eq!(end.exit, Exit::Stopped, "{}", end.stderr);
    let other = redis_place(redis(&url)).unwrap();
    assert_eq!(other.run("redis-cli --stat | head -1 | wc -l").await.good(), "1\n");
}

#[tokio::test]
async fn redis_elsewhere_is_refused_or_told() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    if !installed(&["redis-cli"]) {
        return;
    }
    let down = format!("redis://:hunter2hunter2@127.0.0.1:{closed}");
    let Some(place) = redis_place(redis(&down.parse().unwrap())) else { return };
    let end = place.run("redis-cli ping").await;
    assert_eq!(end.exit, Exit::Code(1));
    assert!(end.stderr.contains("datasource sessions cannot be reached"), "{}", end.stderr);
    for (call, words) in [
        ("redis-cli -h evil.example.org ping", "means no Redis datasource"),
        ("redis-cli -a hunter3 ping", "belong to the environment"),
        ("redis-cli -s /tmp/x ping", "not permitted"),
        ("redis-cli --rdb /etc/x", "below /workspace"),
    ] {
        let end = place.run(call).await;
        assert_eq!(end.exit, Exit::Code(126), "{call}: {}", end.stderr);
        assert!(end.stderr.contains(words) && !end.stderr.contains("hunter"), "{call}: {}", end.stderr);
    }
    let unconfigured = crate::place::place(Reach::default()).unwrap();
    let end = unconfigured.run("redis-cli ping").await;
    assert!(end.stderr.contains("has no address for the datasource sessions"), "{}", end.stderr);
}

#[tokio::test]
async fn a_database_is_dumped_and_restored() {
    let Some(url) = server("DATASOURCE_TEST_URL", "postgres") else { return };
    if !installed(&["pg_dump"]) {
        return;
    }
    let server = PostgresServer {
        host: url.host_str().unwrap().to_owned(),
        port: url.port().unwrap_or(5432),
        user: url.username().to_owned(),
        password: url.password().map(Secret::new),
        database: url.path().trim_start_matches('/').to_owned(),
        tls: PostgresTls::Disabled,
    };
    let reach = Reach { postgres: [("shop".to_owned(), server)].into(), ..Reach::default() };
    let Some(place) = place(reach) else { return };
    let printed = place
        .run(
            "pg_isready -q -h rds-endpoint && echo ready; pg_dump datasource:shop --schema-only | gzip > dump.sql.gz\n\
             gunzip -c dump.sql.gz | grep -c 'PostgreSQL database dump complete'\n\
             pg_dump -h rds-endpoint -U somebody -Fc -f dump.custom DATABASE_URL; pg_restore -l dump.custom | head -2 | tail -1\n\
             pg_restore -d DATABASE_URL --schema=portal_test_none < dump.custom && echo restored",
        )
        .await;
    assert_eq!(printed.exit, Exit::Code(0), "{}", printed.stderr);
    assert!(printed.stdout.starts_with("ready\n1\n; Archive created"), "{}{}", printed.stdout, printed.stderr);
    assert!(printed.stdout.ends_with("restored\n"), "{}{}", printed.stdout, printed.stderr);
    for call in ["pg_dump -h evil x", "pg_dump postgres://me:hunter2@rds-endpoint/x", "pg_dump DATABASE_URL -f /etc/x"]
    {
        let end = place.run(call).await;
        assert_eq!(end.exit, Exit::Code(126), "{call}: {}", end.stderr);
    }
}

/// Somebody at a terminal who types the next line when what stands before it was printed.
struct Typist {
    printed: Mutex<String>,
    changed: watch::Sender<()>,
    keys: mpsc::Sender<TerminalInput>,
    terminal: Mutex<Option<OpenTerminal>>,
    ended: CancellationToken,
}

#[async_trait]
impl CallIo for Typist {
    async fn write(&self, _: Stream, bytes: Bytes) -> Result<(), CallEnded> {
        self.printed.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes));
        self.changed.send_replace(());
        Ok(())
    }

    async fn read_stdin(&self) -> Result<Option<Bytes>, CallEnded> {
        panic!("a program at a terminal reads the terminal")
    }

    async fn read_file(&self, _: &str, _: usize) -> Result<Bytes, FileError> {
        Err(FileError::Ended(CallEnded))
    }

    async fn is_at_terminal(&self) -> bool {
        true
    }

    async fn open_terminal(&self, title: String) -> Option<OpenTerminal> {
        assert_eq!(title, "redis-cli: sessions");
        self.terminal.lock().unwrap().take()
    }

    fn workspace(&self) -> Option<&Path> {
        None
    }

    fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }
}

#[tokio::test]
async fn somebody_talks_to_redis_at_a_terminal() {
    let Some(url) = server("REDIS_TEST_URL", "redis") else { return };
    if !installed(&["redis-cli"]) {
        return;
    }
    let Some(place) = redis_place(redis(&url)) else { return };
    let (keys, inputs) = mpsc::channel(16);
    let typist = Typist {
        printed: Mutex::default(),
        changed: watch::Sender::new(()),
        keys,
        terminal: Mutex::new(Some(OpenTerminal::new(inputs, ()))),
        ended: CancellationToken::new(),
    };
    let typing = async {
        let mut changes = typist.changed.subscribe();
        // It throws away what was typed before its prompt stands there (linenoise sets the terminal with TCSAFLUSH).
        let asks = |printed: &str, after: &str| printed.split_once(after).is_some_and(|(_, rest)| rest.contains("> "));
        for (after, line) in [("", "PING\r"), ("PONG", "ECHO hi\r"), ("\"hi\"", "exit\r")] {
            while !asks(&typist.printed.lock().unwrap(), after) {
                changes.changed().await.unwrap();
            }
            typist.keys.send(TerminalInput::Typed(Bytes::from_static(line.as_bytes()))).await.unwrap();
        }
        std::future::pending::<()>().await;
    };
    let code = tokio::select! {
        code = tokio::time::timeout(Duration::from_secs(20), place.perform("redis-cli", &typist)) => code.expect("in time"),
        () = typing => unreachable!(),
    };
    let printed = typist.printed.lock().unwrap().clone();
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("127.0.0.1:6379") && !printed.contains("hunter"), "{printed}");
}
