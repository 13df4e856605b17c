//! A database of its own for one test, and a caller that holds what is printed.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use command::Effect;
use datasource::{Address, DatasourceSettings, Datasources, Event, Limits, Psql, Tls};
use operations::{
    Adapter, Call, CallEnded, CallIo, Datasource, DatasourceKind, Environment, EnvironmentKind, EnvironmentName,
    FileError, Secret, Stream,
};
use tokio_util::sync::CancellationToken;

/// How the server is reached, as its administrator.
#[expect(clippy::print_stdout, reason = "the suite's log says which tests were skipped")]
pub(crate) fn server() -> Option<Address> {
    let url = std::env::var("DATASOURCE_TEST_URL").or_else(|_| std::env::var("TEST_POSTGRES_URL")).ok();
    let Some(url) = url else {
        println!("skipped: no PostgreSQL");
        return None;
    };
    Some(Address::from_url(&Secret::new(url)).unwrap())
}

/// A database that is dropped at the end of the test.
pub(crate) struct Database {
    pub(crate) address: Address,
    administrator: Datasources,
    pub(crate) datasources: Datasources,
    pub(crate) environment: Environment,
}

pub(crate) fn name() -> EnvironmentName {
    EnvironmentName("test".to_owned())
}

fn settings(name: &str, address: Address, limits: Limits) -> DatasourceSettings {
    DatasourceSettings { environment: self::name(), name: name.to_owned(), address, tls: Tls::Disabled, limits }
}

/// Runs statements; panics with the server's message where one fails.
pub(crate) async fn run(datasources: &Datasources, name: &str, sql: &str) {
    let mut query =
        datasources.query(&self::name(), name, sql, Effect::Destroy, CancellationToken::new()).await.unwrap();
    while let Some(event) = query.next().await.unwrap() {
        if let Event::Failed(report) = event {
            panic!("{}", report.text(sql.as_bytes(), datasource::Verbosity::Default));
        }
    }
}

impl Database {
    pub(crate) async fn create(seed: &str) -> Option<Self> {
        Self::create_with(seed, Limits::default()).await
    }

    pub(crate) async fn create_with(seed: &str, limits: Limits) -> Option<Self> {
        let server = server()?;
        let administrator =
            Datasources::new(vec![settings("administrator", server.clone(), Limits::default())]).unwrap();
        let database = format!("datasource_{}", uuid::Uuid::now_v7().simple());
        run(&administrator, "administrator", &format!("CREATE DATABASE {database} TEMPLATE template0")).await;
        let address = Address { database, ..server };
        let datasources = Datasources::new(vec![settings("main", address.clone(), limits)]).unwrap();
        let environment = Environment {
            name: name(),
            kind: EnvironmentKind::Test,
            kubernetes: None,
            aws: None,
            datasources: vec![Datasource {
                name: "main".to_owned(),
                kind: DatasourceKind::Postgres,
                references: ["DATABASE_URL", "rds-endpoint", "$DATABASE_URL", "<rds-endpoint>"]
                    .map(str::to_owned)
                    .to_vec(),
            }],
            given: Vec::new(),
            policy: operations::Policy::default(),
        };
        run(&datasources, "main", seed).await;
        Some(Self { address, administrator, datasources, environment })
    }

    pub(crate) async fn remove(self) {
        run(&self.administrator, "administrator", &format!("DROP DATABASE {} WITH (FORCE)", self.address.database))
            .await;
    }

    /// Calls the adapter.
    pub(crate) async fn psql(&self, arguments: &[String], caller: &Caller) -> Outcome {
        let argv = std::iter::once("psql".to_owned()).chain(arguments.iter().cloned()).collect();
        let call = Call { argv, directory: "/workspace".to_owned() };
        let adapter = Psql::new(self.datasources.clone());
        let code = match adapter.check(&self.environment, &call) {
            Ok(()) => adapter.perform(&self.environment, &call, caller).await,
            Err(refusal) => {
                caller.write(Stream::Stderr, Bytes::from(format!("{}\n", refusal.reason))).await.unwrap();
                refusal.exit_code
            }
        };
        let printed = caller.printed.lock().unwrap();
        Outcome {
            code: i32::from(code),
            out: String::from_utf8_lossy(&printed.0).into_owned(),
            err: String::from_utf8_lossy(&printed.1).into_owned(),
        }
    }

    /// Calls the real psql, where there is one.
    pub(crate) fn real_psql(&self, arguments: &[String], input: &str, folder: &Path) -> Outcome {
        let input_file = folder.join("standard-input");
        std::fs::write(&input_file, input).unwrap();
        let output = Command::new("psql")
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap_or_default())
            .env("LC_ALL", "C.UTF-8")
            .env("PSQLRC", "/nonexistent")
            .env("PGHOST", &self.address.host)
            .env("PGPORT", self.address.port.to_string())
            .env("PGUSER", &self.address.user)
            .env("PGPASSWORD", password(&self.address))
            .env("PGDATABASE", &self.address.database)
            .current_dir(folder)
            .stdin(Stdio::from(std::fs::File::open(&input_file).unwrap()))
            .output()
            .unwrap();
        Outcome {
            code: output.status.code().unwrap(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The password of the test server, which only its address in the environment has in the clear.
fn password(address: &Address) -> String {
    let url = std::env::var("DATASOURCE_TEST_URL").or_else(|_| std::env::var("TEST_POSTGRES_URL")).unwrap();
    let (_, rest) = url.split_once("://").unwrap();
    let account = rest.rsplit_once('@').unwrap().0;
    assert!(address.password.is_some());
    account.split_once(':').map_or_else(String::new, |(_, password)| password.to_owned())
}

/// What a call printed, and its exit code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A caller that is sent more than this leaves, in bytes.
const MOST_PRINTED: usize = 64 << 20;

/// A caller with input, files and an end.
#[derive(Default)]
pub(crate) struct Caller {
    pub(crate) input: Mutex<VecDeque<Bytes>>,
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) ended: CancellationToken,
    pub(crate) printed: Mutex<(Vec<u8>, Vec<u8>)>,
    /// Whether input that is used up stays open, as a terminal's would.
    pub(crate) stays_open: bool,
}

impl Caller {
    pub(crate) fn with_input(text: &str) -> Self {
        // Small pieces, so that lines come apart.
        let input = text.as_bytes().chunks(7).map(Bytes::copy_from_slice).collect();
        Self { input: Mutex::new(input), ..Self::default() }
    }
}

#[async_trait]
impl CallIo for Caller {
    async fn write(&self, stream: Stream, bytes: Bytes) -> Result<(), CallEnded> {
        // As with a real pipe, others have their turn while somebody writes.
        tokio::task::yield_now().await;
        let mut printed = self.printed.lock().unwrap();
        if printed.0.len() > MOST_PRINTED {
            return Err(CallEnded);
        }
        match stream {
            Stream::Stdout => printed.0.extend_from_slice(&bytes),
            Stream::Terminal | Stream::Resize => {}
            Stream::Stderr => printed.1.extend_from_slice(&bytes),
        }
        Ok(())
    }

    async fn read_stdin(&self) -> Result<Option<Bytes>, CallEnded> {
        let next = self.input.lock().unwrap().pop_front();
        if next.is_none() && self.stays_open {
            std::future::pending::<()>().await;
        }
        Ok(next)
    }

    async fn read_file(&self, path: &str, most: usize) -> Result<Bytes, FileError> {
        match self.files.get(path) {
            Some(text) if text.len() > most => Err(FileError::TooLarge(most)),
            Some(text) => Ok(Bytes::from(text.clone())),
            None => Err(FileError::Unreadable("No such file or directory".to_owned())),
        }
    }

    fn workspace(&self) -> Option<&Path> {
        None
    }

    fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }
}

/// Waits until a query gives `t`; the test's own limit ends it.
pub(crate) async fn until(datasources: &Datasources, sql: &str) {
    let waited = async {
        loop {
            let mut query =
                datasources.query(&name(), "main", sql, Effect::Read, CancellationToken::new()).await.unwrap();
            let mut holds = false;
            while let Some(event) = query.next().await.unwrap() {
                if let Event::Row(row) = event {
                    holds |= row.text(0).as_deref() == Some("t");
                }
            }
            if holds {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waited).await.unwrap();
}
