//! A sandbox with a broker and a sink that remember.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use operations::{
    Call, CallHandler, CallIo, Ended, ExecutionId, ExecutionRequest, Executor, Exit, Limits, OutputSink, RunId, Stream,
};
use sandbox::Sandbox;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes, so that a hanging test fails.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn shim() -> std::path::PathBuf {
    env!("CARGO_BIN_EXE_runbook-shim").into()
}

/// A broker whose `kubectl` has verbs to test with, and who knows no other program.
#[derive(Default)]
pub(crate) struct Broker {
    calls: Mutex<Vec<Call>>,
    running: AtomicUsize,
    /// The most calls at once.
    pub(crate) most: AtomicUsize,
    /// Grows with each event; what waits looks at the rest again.
    changed: watch::Sender<u64>,
    /// Calls that saw their caller end.
    ended: AtomicUsize,
}

impl Broker {
    /// The arguments of each call, in order, without the program's name where it is `kubectl`.
    pub(crate) fn calls(&self) -> Vec<String> {
        let calls = self.calls.lock().unwrap();
        calls.iter().map(|call| call.argv.join(" ").trim_start_matches("kubectl ").to_owned()).collect()
    }

    pub(crate) fn whole_calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    pub(crate) fn ended(&self) -> usize {
        self.ended.load(Ordering::SeqCst)
    }

    pub(crate) async fn until(&self, what: impl Fn(&Self) -> bool) {
        let mut changes = self.changed.subscribe();
        tokio::time::timeout(PATIENCE, changes.wait_for(|_| what(self))).await.expect("in time").unwrap();
    }

    fn change(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    async fn answer(&self, call: &Call, io: &dyn CallIo) -> u8 {
        let words: Vec<&str> = call.argv.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["kubectl", "echo", rest @ ..] => {
                let _ = io.write(Stream::Stdout, Bytes::from(format!("{}\n", rest.join(" ")))).await;
                0
            }
            ["kubectl", "complain", rest @ ..] => {
                let _ = io.write(Stream::Stderr, Bytes::from(format!("{}\n", rest.join(" ")))).await;
                1
            }
            ["kubectl", "exit", code] => code.parse().unwrap(),
            ["kubectl", "get", ..] => 0,
            ["kubectl", "cat"] => {
                while let Ok(Some(piece)) = io.read_stdin().await {
                    if io.write(Stream::Stdout, piece).await.is_err() {
                        return 1;
                    }
                }
                0
            }
            ["kubectl", "count"] => {
                let mut count = 0;
                while let Ok(Some(piece)) = io.read_stdin().await {
                    // Half of the readers give up at once and ask again: no piece may be lost by that.
                    let _ = tokio::time::timeout(Duration::ZERO, io.read_stdin()).await.map(|next| {
                        count += next.ok().flatten().map_or(0, |piece| piece.len());
                    });
                    count += piece.len();
                }
                let _ = io.write(Stream::Stdout, Bytes::from(format!("{count}\n"))).await;
                0
            }
            ["kubectl", "follow"] => {
                let _ = io.write(Stream::Stdout, Bytes::from_static(b"line\n")).await;
                io.ended().cancelled().await;
                self.ended.fetch_add(1, Ordering::SeqCst);
                0
            }
            ["kubectl", "flood"] => {
                while io.write(Stream::Stdout, Bytes::from(vec![b'x'; 100_000])).await.is_ok() {}
                self.ended.fetch_add(1, Ordering::SeqCst);
                0
            }
            ["kubectl", "big", size] => {
                let _ = io.write(Stream::Stdout, Bytes::from(vec![b'y'; size.parse().unwrap()])).await;
                0
            }
            ["kubectl", "meet", guests] => {
                let guests: usize = guests.parse().unwrap();
                self.until(|broker| broker.most.load(Ordering::SeqCst) >= guests).await;
                0
            }
            ["kubectl", "files", paths @ ..] => {
                for path in paths {
                    let said = match io.read_file(path, 200_000).await {
                        Ok(content) => format!("{} bytes, first {:?}\n", content.len(), content.first()),
                        Err(error) => format!("{path}: {error}\n"),
                    };
                    let _ = io.write(Stream::Stdout, Bytes::from(said)).await;
                }
                0
            }
            ["kubectl", "where"] => {
                let said = if io.is_at_terminal().await { "at a terminal\n" } else { "in a script\n" };
                let _ = io.write(Stream::Stdout, Bytes::from(said)).await;
                0
            }
            ["kubectl", "panic"] => panic!("a broker that breaks down"),
            _ => {
                let text = format!("`{}` is not available to this portal\n", call.tool());
                let _ = io.write(Stream::Stderr, Bytes::from(text)).await;
                127
            }
        }
    }
}

#[async_trait]
impl CallHandler for Broker {
    async fn handle(&self, call: Call, io: Arc<dyn CallIo>) -> u8 {
        self.calls.lock().unwrap().push(call.clone());
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        self.change();
        let code = self.answer(&call, io.as_ref()).await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        self.change();
        code
    }
}

/// Remembers the first megabytes.
#[derive(Default)]
pub(crate) struct Sink {
    texts: Mutex<[Vec<u8>; 2]>,
    pub(crate) bytes: AtomicUsize,
    changed: watch::Sender<u64>,
}

impl Sink {
    pub(crate) fn text(&self, stream: Stream) -> String {
        String::from_utf8_lossy(&self.texts.lock().unwrap()[usize::from(stream == Stream::Stderr)]).into_owned()
    }

    pub(crate) async fn until(&self, text: &str) {
        let mut changes = self.changed.subscribe();
        let seen = changes.wait_for(|_| self.text(Stream::Stdout).contains(text));
        tokio::time::timeout(PATIENCE, seen).await.expect("in time").unwrap();
    }
}

#[async_trait]
impl OutputSink for Sink {
    async fn write(&self, stream: Stream, bytes: Bytes) {
        assert!(bytes.len() <= 64 << 10, "a piece of {} bytes", bytes.len());
        self.bytes.fetch_add(bytes.len(), Ordering::SeqCst);
        {
            let mut texts = self.texts.lock().unwrap();
            let text = &mut texts[usize::from(stream == Stream::Stderr)];
            if text.len() < 4 << 20 {
                text.extend_from_slice(&bytes);
            }
        }
        self.changed.send_modify(|count| *count += 1);
    }
}

/// One sandbox, one run.
pub(crate) struct Place {
    folder: TempDir,
    pub(crate) sandbox: Sandbox,
    pub(crate) broker: Arc<Broker>,
    pub(crate) sink: Arc<Sink>,
    pub(crate) stop: CancellationToken,
    pub(crate) request: ExecutionRequest,
}

/// What came out.
pub(crate) struct Outcome {
    pub(crate) exit: Exit,
    pub(crate) exported: BTreeMap<String, String>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A place, or nothing and a printed line where bubblewrap is not installed.
pub(crate) fn place() -> Option<Place> {
    if !["/usr/bin/bwrap", "/usr/local/bin/bwrap", "/bin/bwrap"].iter().any(|path| Path::new(path).exists()) {
        println!("skipped: no bubblewrap");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::new(folder.path().to_owned(), shim());
    assert_eq!(sandbox.available(), Ok(()));
    let request = ExecutionRequest {
        execution: ExecutionId::new(),
        run: RunId::new(),
        script: String::new(),
        variables: BTreeMap::new(),
        brokered: ["kubectl", "psql", "curl"].map(str::to_owned).to_vec(),
        files: Vec::new(),
        limits: Limits { time: PATIENCE, ..Limits::default() },
    };
    Some(Place {
        folder,
        sandbox,
        broker: Arc::default(),
        sink: Arc::default(),
        stop: CancellationToken::new(),
        request,
    })
}

impl Place {
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a script to its end.
    pub(crate) async fn run(&mut self, script: &str) -> Outcome {
        self.request.script = script.to_owned();
        self.request.execution = ExecutionId::new();
        self.sink = Arc::default();
        self.go().await
    }

    /// Runs what is in the request.
    pub(crate) async fn go(&self) -> Outcome {
        let running =
            self.sandbox.execute(self.request.clone(), self.broker.clone(), self.sink.clone(), self.stop.clone());
        let Ended { exit, exported } = tokio::time::timeout(PATIENCE * 2, running).await.expect("in time").unwrap();
        assert_eq!(std::fs::read_dir(self.folder().join("executions")).unwrap().count(), 0, "nothing is left over");
        let [stdout, stderr] = [Stream::Stdout, Stream::Stderr].map(|stream| self.sink.text(stream));
        Outcome { exit, exported, stdout, stderr }
    }
}

/// How many processes of this machine have all these words in their command line.
pub(crate) fn processes(word: &str) -> usize {
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok())
        .filter(|line| String::from_utf8_lossy(line).split('\0').any(|argument| argument == word))
        .count()
}

/// A number of seconds to sleep that no other process of this machine sleeps.
pub(crate) fn unique_seconds() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("{}.{}", 100_000_000 + std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst))
}
