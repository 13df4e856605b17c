//! A practice cluster with the adapter on it, and a caller that remembers what it was told.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use kubernetes::{ArgoCd, Clusters, Connection, Helm, Kubectl};
use operations::{
    Adapter, Answer, Call, CallEnded, CallIo, Environment, EnvironmentKind, EnvironmentName, FileError,
    KubernetesScope, Namespaces, OpenLink, OpenTerminal, Policy, Question, Stream, TerminalInput, Tunnel,
};
use practice::{Builder, Practice};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// What a call did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: u8,
}

/// Remembers output; ends the call once stdout holds what it waits for.
pub(crate) struct Caller {
    streams: Mutex<(Vec<u8>, Vec<u8>)>,
    stdin: Mutex<Option<Bytes>>,
    until: Option<String>,
    answers: Mutex<VecDeque<Reply>>,
    asked: Mutex<Vec<Question>>,
    links: Mutex<Vec<(String, Arc<dyn Tunnel>)>>,
    /// What somebody does at a terminal, and how it is called.
    inputs: Option<Vec<TerminalInput>>,
    terminal: Mutex<Option<String>>,
    ended: CancellationToken,
}

/// What somebody says to a question.
pub(crate) type Reply = Box<dyn Fn(&Question) -> Answer + Send>;

impl Caller {
    fn new(stdin: Option<&str>, until: Option<&str>) -> Self {
        let stdin = stdin.filter(|text| !text.is_empty()).map(|text| Bytes::copy_from_slice(text.as_bytes()));
        Self {
            streams: Mutex::default(),
            stdin: Mutex::new(stdin),
            until: until.map(str::to_owned),
            answers: Mutex::default(),
            asked: Mutex::default(),
            links: Mutex::default(),
            inputs: None,
            terminal: Mutex::default(),
            ended: CancellationToken::new(),
        }
    }
}

#[async_trait]
impl CallIo for Caller {
    async fn write(&self, stream: Stream, bytes: Bytes) -> Result<(), CallEnded> {
        let mut streams = self.streams.lock().expect("not poisoned");
        match stream {
            Stream::Stdout | Stream::Terminal => streams.0.extend_from_slice(&bytes),
            Stream::Resize => {}
            Stream::Stderr => streams.1.extend_from_slice(&bytes),
        }
        if self.until.as_ref().is_some_and(|text| String::from_utf8_lossy(&streams.0).contains(text)) {
            self.ended.cancel();
            return Err(CallEnded);
        }
        Ok(())
    }

    async fn read_stdin(&self) -> Result<Option<Bytes>, CallEnded> {
        Ok(self.stdin.lock().expect("not poisoned").take())
    }

    async fn read_file(&self, path: &str, _: usize) -> Result<Bytes, FileError> {
        std::fs::read(path).map(Bytes::from).map_err(|error| FileError::Unreadable(error.to_string()))
    }

    async fn ask(&self, question: Question) -> Result<Answer, CallEnded> {
        let reply = self.answers.lock().expect("not poisoned").pop_front();
        let answer = reply.map_or(Answer::No, |reply| reply(&question));
        self.asked.lock().expect("not poisoned").push(question);
        Ok(answer)
    }

    fn open_link(&self, title: String, tunnel: Arc<dyn Tunnel>) -> Option<OpenLink> {
        self.links.lock().expect("not poisoned").push((title, tunnel));
        Some(OpenLink::new("http://portal.example/links/x".to_owned(), ()))
    }

    async fn is_at_terminal(&self) -> bool {
        self.inputs.is_some()
    }

    async fn open_terminal(&self, title: String) -> Option<OpenTerminal> {
        *self.terminal.lock().expect("not poisoned") = Some(title);
        let (sender, receiver) = mpsc::channel(64);
        for input in self.inputs.iter().flatten() {
            sender.try_send(input.clone()).expect("there is room");
        }
        Some(OpenTerminal::new(receiver, sender))
    }

    fn workspace(&self) -> Option<&Path> {
        None
    }

    fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }
}

/// A practice cluster with the adapter on it.
pub(crate) struct Rig {
    /// `None` once a test has taken it away.
    pub(crate) practice: Option<Practice>,
    pub(crate) folder: TempDir,
    pub(crate) clusters: Clusters,
    pub(crate) environment: Environment,
    adapter: Kubectl,
}

impl Rig {
    pub(crate) async fn start(builder: Builder) -> Self {
        // One provider for the process: the first test wins, the others find it there.
        let _already_there = rustls::crypto::ring::default_provider().install_default();
        let practice = builder.start(([127, 0, 0, 1], 0).into()).await.expect("a free port");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("kubeconfig");
        std::fs::write(&path, practice.kubeconfig()).expect("written");
        let name = EnvironmentName("practice".to_owned());
        let connection = Connection::Kubeconfig { path, context: Some("practice".to_owned()) };
        let clusters = Clusters::new([(name.clone(), connection)]);
        let environment = Environment {
            name,
            kind: EnvironmentKind::Practice,
            kubernetes: Some(KubernetesScope {
                context: "practice".to_owned(),
                default_namespace: "default".to_owned(),
                namespaces: Namespaces::All,
            }),
            aws: None,
            datasources: Vec::new(),
            given: Vec::new(),
            policy: Policy::default(),
        };
        Self { practice: Some(practice), folder, adapter: Kubectl::new(clusters.clone()), clusters, environment }
    }

    /// Limits the environment to these namespaces.
    pub(crate) fn only(&mut self, namespaces: &[&str]) {
        let known = self.environment.kubernetes.as_mut().expect("set at the start");
        known.namespaces = Namespaces::Only(namespaces.iter().map(|name| (*name).to_owned()).collect());
    }

    pub(crate) async fn call(&self, line: &str) -> Outcome {
        self.call_until(line, None).await
    }

    /// Calls, and goes away once stdout holds a text.
    pub(crate) async fn call_until(&self, line: &str, until: Option<&str>) -> Outcome {
        self.call_as(line, Caller::new(None, until)).await
    }

    /// Calls with a text on standard input.
    pub(crate) async fn call_with(&self, line: &str, stdin: &str) -> Outcome {
        self.call_as(line, Caller::new(Some(stdin), None)).await
    }

    /// Calls, and answers what is asked, in order; then nobody says yes any more. Gives what was asked, too.
    pub(crate) async fn call_answering(&self, line: &str, replies: Vec<Reply>) -> (Outcome, Vec<Question>) {
        let mut caller = Caller::new(None, None);
        *caller.answers.get_mut().expect("not poisoned") = replies.into();
        let caller = Arc::new(caller);
        let outcome = self.perform(line, &caller).await;
        let asked = std::mem::take(&mut *caller.asked.lock().expect("not poisoned"));
        (outcome, asked)
    }

    /// Calls until stdout holds `until`. Gives the links that were opened, too.
    pub(crate) async fn call_linking(&self, line: &str, until: &str) -> (Outcome, Vec<(String, Arc<dyn Tunnel>)>) {
        let caller = Caller::new(None, Some(until));
        let outcome = self.perform(line, &caller).await;
        let links = std::mem::take(&mut *caller.links.lock().expect("not poisoned"));
        (outcome, links)
    }

    /// Calls from a terminal, where somebody does this. Gives what the terminal is called, too.
    pub(crate) async fn call_talking(&self, line: &str, inputs: Vec<TerminalInput>) -> (Outcome, Option<String>) {
        let caller = Caller { inputs: Some(inputs), ..Caller::new(None, None) };
        let outcome = self.perform(line, &caller).await;
        (outcome, caller.terminal.into_inner().expect("not poisoned"))
    }

    async fn call_as(&self, line: &str, caller: Caller) -> Outcome {
        self.perform(line, &caller).await
    }

    async fn perform(&self, line: &str, caller: &Caller) -> Outcome {
        let call = Call { argv: words(line), directory: "/workspace".to_owned() };
        let (helm, argocd) = (Helm::new(self.clusters.clone()), ArgoCd::new(self.clusters.clone()));
        let adapter: &dyn Adapter = match call.tool() {
            "helm" => &helm,
            "argocd" => &argocd,
            _ => &self.adapter,
        };
        let work = adapter.perform(&self.environment, &call, caller);
        let code = tokio::time::timeout(std::time::Duration::from_secs(60), work)
            .await
            .unwrap_or_else(|_| panic!("{line} does not end: {:?}", caller.streams));
        let (stdout, stderr) = std::mem::take(&mut *caller.streams.lock().expect("not poisoned"));
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Outcome { stdout: text(stdout), stderr: text(stderr), code }
    }
}

/// Splits a line as a shell would: at spaces, outside single quotes.
pub(crate) fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().expect("never empty").push(other),
        }
    }
    words
}
