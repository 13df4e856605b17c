//! An environment on a moto server, and a caller that remembers.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;

use async_trait::async_trait;
use aws::{Account, Aws, Credentials};
use bytes::Bytes;
use operations::{
    Adapter, Call, CallEnded, CallIo, Environment, EnvironmentKind, EnvironmentName, FileError, Policy, Secret, Stream,
};
use serde_json::Value;
use tokio::sync::MutexGuard;
use tokio_util::sync::CancellationToken;

pub(crate) const REGION: &str = "us-east-1";
pub(crate) const ACCESS_KEY: &str = "AKIDEXAMPLE";
pub(crate) const SECRET_KEY: &str = "a-secret-that-nobody-prints";

/// What a call printed, and its exit code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Printed {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: u8,
}

impl Printed {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|wrong| panic!("{wrong}: {self:?}"))
    }
}

/// Remembers output; has some files.
#[derive(Default)]
pub(crate) struct Caller {
    pub(crate) streams: Mutex<(Vec<u8>, Vec<u8>)>,
    pub(crate) files: HashMap<String, String>,
    pub(crate) ended: CancellationToken,
}

#[async_trait]
impl CallIo for Caller {
    async fn write(&self, stream: Stream, bytes: Bytes) -> Result<(), CallEnded> {
        let mut streams = self.streams.lock().expect("not poisoned");
        match stream {
            Stream::Stdout => streams.0.extend_from_slice(&bytes),
            Stream::Terminal | Stream::Resize => {}
            Stream::Stderr => streams.1.extend_from_slice(&bytes),
        }
        Ok(())
    }

    async fn read_stdin(&self) -> Result<Option<Bytes>, CallEnded> {
        Ok(None)
    }

    async fn read_file(&self, path: &str, _: usize) -> Result<Bytes, FileError> {
        let missing = || FileError::Unreadable("No such file or directory".to_owned());
        self.files.get(path).map(|text| Bytes::from(text.clone())).ok_or_else(missing)
    }

    fn workspace(&self) -> Option<&Path> {
        None
    }

    fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }
}

pub(crate) fn account(endpoint: &str) -> Account {
    Account {
        region: REGION.to_owned(),
        label: "test-account".to_owned(),
        endpoint: Some(endpoint.parse().expect("an address")),
        credentials: Credentials::Keys {
            access_key: ACCESS_KEY.to_owned(),
            secret_key: Secret::new(SECRET_KEY),
            session_token: None,
        },
    }
}

pub(crate) fn environment(account: &Account) -> Environment {
    Environment {
        name: EnvironmentName("test".to_owned()),
        kind: EnvironmentKind::Test,
        kubernetes: None,
        aws: Some(account.scope()),
        datasources: Vec::new(),
        given: Vec::new(),
        policy: Policy::default(),
    }
}

pub(crate) fn call(words: &[&str]) -> Call {
    let argv = std::iter::once("aws").chain(words.iter().copied()).map(str::to_owned).collect();
    Call { argv, directory: "/workspace".to_owned() }
}

pub(crate) async fn perform(aws: &Aws, environment: &Environment, words: &[&str], caller: &Caller) -> Printed {
    let code = aws.perform(environment, &call(words), caller).await;
    let (stdout, stderr) = std::mem::take(&mut *caller.streams.lock().expect("not poisoned"));
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let printed = Printed { stdout: text(stdout), stderr: text(stderr), code };
    assert!(!format!("{printed:?}").contains(SECRET_KEY), "{printed:?}");
    printed
}

/// One test at a time has the server, and finds it empty.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// A moto server that is empty, with the adapter on it.
pub(crate) struct Rig {
    pub(crate) url: String,
    pub(crate) environment: Environment,
    pub(crate) aws: Aws,
    _turn: MutexGuard<'static, ()>,
}

impl Rig {
    /// `None` where there is no server; says so.
    pub(crate) async fn start() -> Option<Self> {
        let Ok(url) = std::env::var("MOTO_URL") else {
            eprintln!("skipped: no moto");
            return None;
        };
        let turn = TURN.lock().await;
        // One provider for the process: the first test wins, the others find it there.
        let _already_there = rustls::crypto::ring::default_provider().install_default();
        let reset = format!("{}/moto-api/reset", url.trim_end_matches('/'));
        let answer = reqwest::Client::new().post(reset).send().await.expect("moto answers");
        assert!(answer.status().is_success());
        let account = account(&url);
        let environment = environment(&account);
        let aws = Aws::new([(environment.name.clone(), account)], None);
        Some(Self { url, environment, aws, _turn: turn })
    }

    /// Performs a call; its words are separated by spaces.
    pub(crate) async fn aws(&self, line: &str) -> Printed {
        self.words(&line.split_whitespace().collect::<Vec<_>>()).await
    }

    pub(crate) async fn words(&self, words: &[&str]) -> Printed {
        perform(&self.aws, &self.environment, words, &Caller::default()).await
    }

    /// A call that must succeed.
    pub(crate) async fn done(&self, line: &str) -> Printed {
        let printed = self.aws(line).await;
        assert_eq!((printed.code, printed.stderr.as_str()), (0, ""), "{line}");
        printed
    }

    /// Two instances, three snapshots of one of them, and two certificates.
    pub(crate) async fn seed(&self) -> String {
        for (name, engine) in [("payments-db", "postgres"), ("archive-db", "mysql")] {
            self.done(&format!(
                "rds create-db-instance --db-instance-identifier {name} --db-instance-class db.t3.micro --engine {engine} \
                 --allocated-storage 20 --master-username admin1 --master-user-password not-shown-1 \
                 --tags Key=team,Value=payments Key=tier,Value=one"
            ))
            .await;
        }
        for snapshot in ["before-1", "before-2", "before-3"] {
            self.done(&format!(
                "rds create-db-snapshot --db-instance-identifier payments-db --db-snapshot-identifier {snapshot}"
            ))
            .await;
        }
        let mut arn = String::new();
        for domain in ["pay.example.com", "docs.example.com"] {
            let made =
                self.done(&format!("acm request-certificate --domain-name {domain} --validation-method DNS")).await;
            arn = made.json()["CertificateArn"].as_str().expect("an ARN").to_owned();
        }
        arn
    }
}
