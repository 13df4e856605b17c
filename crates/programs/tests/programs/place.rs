//! One run in one environment: bash in the sandbox, and behind it the adapters as the broker would ask them.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use operations::{
    Adapter, AwsScope, Call, CallHandler, CallIo, Datasource, DatasourceKind, Ended, Environment, EnvironmentKind,
    EnvironmentName, ExecutionId, ExecutionRequest, Executor, Exit, Limits, OutputSink, RunId, Stream,
};
use programs::{Reach, Settings};
use sandbox::Sandbox;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes, so that a hanging test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Place {
    folder: TempDir,
    pub(crate) sandbox: Sandbox,
    adapters: Arc<Adapters>,
    pub(crate) run: RunId,
    pub(crate) stop: CancellationToken,
}

struct Adapters {
    adapters: HashMap<&'static str, Arc<dyn Adapter>>,
    environment: Environment,
}

pub(crate) struct Outcome {
    pub(crate) exit: Exit,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// What was printed by a script that must have succeeded.
    pub(crate) fn good(self) -> String {
        assert_eq!(self.exit, Exit::Code(0), "{}\n{}", self.stdout, self.stderr);
        self.stdout
    }
}

/// The shim that `cargo test --workspace` builds beside the test binaries.
fn shim() -> std::path::PathBuf {
    let deps = std::env::current_exe().unwrap();
    deps.parent().and_then(|deps| deps.parent()).unwrap().join("runbook-shim")
}

pub(crate) fn environment() -> Environment {
    let datasource = |name: &str, kind, references: &[&str]| Datasource {
        name: name.to_owned(),
        kind,
        references: references.iter().map(|word| (*word).to_owned()).collect(),
    };
    Environment {
        name: EnvironmentName("test".to_owned()),
        kind: EnvironmentKind::Test,
        kubernetes: None,
        aws: Some(AwsScope { region: "eu-west-1".to_owned(), account: "test".to_owned() }),
        datasources: vec![
            datasource("sessions", DatasourceKind::Redis, &["redis", "cache.example.com"]),
            datasource("shop", DatasourceKind::Postgres, &["DATABASE_URL", "rds-endpoint"]),
        ],
        given: Vec::new(),
        policy: operations::Policy::default(),
    }
}

/// Whether the programs of a test are here; where not, it says so.
pub(crate) fn installed(programs: &[&str]) -> bool {
    let missing = programs.iter().find(|name| {
        !["/usr/bin", "/usr/local/bin", "/bin"].iter().any(|folder| Path::new(folder).join(name).exists())
    });
    if let Some(missing) = missing {
        println!("skipped: no {missing}");
    }
    missing.is_none()
}

/// A place, or nothing where this machine cannot have one.
pub(crate) fn place(reach: Reach) -> Option<Place> {
    place_with(Settings { environments: [(EnvironmentName("test".to_owned()), reach)].into(), ..Settings::default() })
}

pub(crate) fn place_with(settings: Settings) -> Option<Place> {
    if !installed(&["bwrap"]) {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::new(folder.path().to_owned(), shim());
    assert_eq!(sandbox.available(), Ok(()));
    let settings = Arc::new(settings);
    let mut all = programs::adapters(sandbox.errands(), settings.clone());
    all.push(programs::aws(sandbox.errands(), settings));
    let adapters = all.into_iter().map(|adapter| (adapter.tool(), adapter)).collect();
    let adapters = Arc::new(Adapters { adapters, environment: environment() });
    Some(Place { folder, sandbox, adapters, run: RunId::new(), stop: CancellationToken::new() })
}

impl Place {
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Performs one call for this caller.
    pub(crate) async fn perform(&self, line: &str, io: &dyn CallIo) -> u8 {
        let argv: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let adapter = self.adapters.adapters.get(argv[0].as_str()).unwrap();
        let call = Call { argv, directory: "/workspace".to_owned() };
        adapter.check(&self.adapters.environment, &call).unwrap();
        adapter.perform(&self.adapters.environment, &call, io).await
    }

    pub(crate) async fn run(&self, script: &str) -> Outcome {
        self.run_until(script, |_| false).await
    }

    /// Runs a script; stops it when what it has printed is enough.
    pub(crate) async fn run_until(
        &self,
        script: &str,
        enough: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Outcome {
        let request = ExecutionRequest {
            execution: ExecutionId::new(),
            run: self.run,
            script: script.to_owned(),
            variables: BTreeMap::new(),
            brokered: self.adapters.adapters.keys().map(|name| (*name).to_owned()).collect(),
            files: Vec::new(),
            limits: Limits { time: PATIENCE, ..Limits::default() },
        };
        let sink = Arc::new(Sink { texts: Mutex::default(), enough: Box::new(enough), stop: self.stop.clone() });
        let running = self.sandbox.execute(request, self.adapters.clone(), sink.clone(), self.stop.clone());
        let Ended { exit, .. } = tokio::time::timeout(PATIENCE * 2, running).await.expect("in time").unwrap();
        assert_eq!(std::fs::read_dir(self.folder().join("executions")).unwrap().count(), 0, "nothing is left over");
        let texts = sink.texts.lock().unwrap();
        let [stdout, stderr] = [0, 1].map(|at: usize| String::from_utf8_lossy(&texts[at]).into_owned());
        Outcome { exit, stdout, stderr }
    }
}

#[async_trait]
impl CallHandler for Adapters {
    async fn handle(&self, call: Call, io: Arc<dyn CallIo>) -> u8 {
        let adapter = self.adapters.get(call.tool());
        let judged = command::classify(&call.argv).and_then(|_| match adapter {
            Some(adapter) => adapter.check(&self.environment, &call).map(|()| adapter),
            None => Err(command::Refusal::not_available("no adapter")),
        });
        match judged {
            Ok(adapter) => adapter.perform(&self.environment, &call, &*io).await,
            Err(refusal) => {
                let _ = io.write(Stream::Stderr, Bytes::from(format!("{}\n", refusal.reason))).await;
                refusal.exit_code
            }
        }
    }
}

struct Sink {
    texts: Mutex<[Vec<u8>; 2]>,
    enough: Box<dyn Fn(&str) -> bool + Send + Sync>,
    stop: CancellationToken,
}

#[async_trait]
impl OutputSink for Sink {
    async fn write(&self, stream: Stream, bytes: Bytes) {
        let mut texts = self.texts.lock().unwrap();
        texts[usize::from(stream == Stream::Stderr)].extend_from_slice(&bytes);
        if (self.enough)(&String::from_utf8_lossy(&texts[0])) {
            self.stop.cancel();
        }
    }
}
