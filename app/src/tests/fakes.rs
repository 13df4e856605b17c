//! One small fake for each port, and a router over them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::post;
use http::StatusCode;
use http_body_util::BodyExt;
use jiff::Timestamp;
use leptos::prelude::*;
use leptos_axum::{LeptosRoutes, generate_route_list, handle_server_fns_with_context};
use operations::*;
use runbook::{CommandId, ProcedureId, RunbookId};
use tower::ServiceExt;

use crate::{App, Site, shell};

/// A runbook that tries to break out of every place its words come to, and has every kind of step.
pub(super) const SHOP: &str = r#"
# Shop <script>alert("title")</script>

Text with a [link](#restart) and <img src=x onerror=alert(1)>.

| Level | Who |
|---|---|
| P1 | everybody |

## Restart (Zero Downtime)

```bash
# Restart <b>it</b>
kubectl rollout restart deployment/shop -n shop

# Look at one
kubectl get pod <pod-name> -n shop

# Watch them
kubectl get pods -n shop -w

# Remove it
kubectl delete deployment shop -n shop
```

## Recover

1. **Tell people**
   - Say it in the channel

2. **Recover**
   ```bash
   # Option 1: Restart pods
   kubectl rollout restart deployment/shop -n shop

   # Option 2: Roll back
   kubectl rollout undo deployment/shop -n shop
   ```

## Rolling back <script>alert("back")</script>

```bash
kubectl rollout undo deployment/shop -n shop --to-revision=<revision>
```

## Policies

```bash
# Look at them
kubectl get psp '<script>alert("name")</script>'
```
"#;

#[derive(Default)]
pub(super) struct Memory {
    pub(super) runs: Mutex<Vec<Run>>,
    texts: Mutex<BTreeMap<String, Vec<u8>>>,
    pub(super) executions: Mutex<Vec<Execution>>,
    pub(super) marks: Mutex<Vec<StepMark>>,
    pins: Mutex<Vec<(String, RunbookId, ProcedureId)>>,
    pub(super) incidents: Mutex<Vec<Incident>>,
    pub(super) alerts: Mutex<Vec<FiredAlert>>,
    pub(super) messages: Mutex<Vec<Message>>,
    pub(super) attachments: Mutex<Vec<Attachment>>,
    pub(super) events: Mutex<Vec<AuditEvent>>,
    pub(super) chunks: Mutex<Vec<Chunk>>,
    pub(super) people: Mutex<Vec<KnownPerson>>,
    pub(super) tokens: Mutex<Vec<(Token, TokenDigest)>>,
}

#[async_trait]
impl RunStore for Memory {
    async fn create(&self, new: NewRun) -> Result<Run, StoreError> {
        let mut runs = self.runs.lock().unwrap();
        self.texts.lock().unwrap().insert(new.version.hash.clone(), new.text.to_vec());
        let run = Run {
            id: new.id,
            number: i64::try_from(runs.len()).unwrap() + 1,
            runbook: new.runbook,
            runbook_title: new.runbook_title,
            version: new.version,
            procedure: new.procedure,
            procedure_title: new.procedure_title,
            environment: new.environment,
            started_by: new.started_by,
            started_at: new.started_at,
            state: RunState::Open,
            ended_at: None,
            variables: BTreeMap::new(),
            given: new.given,
            incident: new.incident,
        };
        runs.push(run.clone());
        Ok(run)
    }

    async fn run(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        Ok(self.runs.lock().unwrap().iter().find(|run| run.id == id).cloned())
    }

    async fn runs(&self, filter: &RunFilter) -> Result<Vec<Run>, StoreError> {
        let runs = self.runs.lock().unwrap();
        Ok(runs.iter().rev().filter(|run| !filter.open || run.state == RunState::Open).cloned().collect())
    }

    async fn text(&self, hash: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.texts.lock().unwrap().get(hash).cloned())
    }

    async fn close(&self, id: RunId, state: RunState, at: Timestamp) -> Result<bool, StoreError> {
        let mut runs = self.runs.lock().unwrap();
        let run = runs.iter_mut().find(|run| run.id == id && run.state == RunState::Open);
        Ok(run.is_some_and(|run| {
            (run.state, run.ended_at) = (state, Some(at));
            true
        }))
    }

    async fn carry(&self, _: RunId, _: &BTreeMap<String, String>) -> Result<(), StoreError> {
        Ok(())
    }

    async fn give(&self, id: RunId, given: &BTreeMap<String, String>) -> Result<(), StoreError> {
        let mut runs = self.runs.lock().unwrap();
        if let Some(run) = runs.iter_mut().find(|run| run.id == id) {
            run.given.clone_from(given);
        }
        Ok(())
    }

    async fn begin(&self, execution: &Execution) -> Result<bool, StoreError> {
        self.executions.lock().unwrap().push(execution.clone());
        Ok(true)
    }

    async fn end(&self, execution: &Execution) -> Result<(), StoreError> {
        let mut executions = self.executions.lock().unwrap();
        if let Some(kept) = executions.iter_mut().find(|kept| kept.id == execution.id) {
            *kept = execution.clone();
        }
        Ok(())
    }

    async fn execution(&self, id: ExecutionId) -> Result<Option<Execution>, StoreError> {
        Ok(self.executions.lock().unwrap().iter().find(|execution| execution.id == id).cloned())
    }

    async fn executions(&self, run: RunId) -> Result<Vec<Execution>, StoreError> {
        Ok(self.executions.lock().unwrap().iter().filter(|execution| execution.run == run).cloned().collect())
    }

    async fn running(&self) -> Result<Vec<Execution>, StoreError> {
        Ok(Vec::new())
    }

    async fn mark(&self, mark: &StepMark) -> Result<(), StoreError> {
        self.marks.lock().unwrap().push(mark.clone());
        Ok(())
    }

    async fn pin(
        &self,
        subject: &str,
        runbook: &RunbookId,
        procedure: &ProcedureId,
        _: Timestamp,
    ) -> Result<(), StoreError> {
        self.pins.lock().unwrap().push((subject.to_owned(), runbook.clone(), procedure.clone()));
        Ok(())
    }

    async fn unpin(&self, subject: &str, runbook: &RunbookId, procedure: &ProcedureId) -> Result<(), StoreError> {
        let pin = (subject.to_owned(), runbook.clone(), procedure.clone());
        self.pins.lock().unwrap().retain(|known| *known != pin);
        Ok(())
    }

    async fn pins(&self, subject: &str) -> Result<Vec<(RunbookId, ProcedureId)>, StoreError> {
        let pins = self.pins.lock().unwrap();
        Ok(pins.iter().rev().filter(|pin| pin.0 == subject).map(|pin| (pin.1.clone(), pin.2.clone())).collect())
    }

    async fn marks(&self, run: RunId) -> Result<Vec<StepMark>, StoreError> {
        let marks = self.marks.lock().unwrap();
        let decides = |mark: &&StepMark| mark.run == run && !matches!(mark.mark, Mark::Noted { .. });
        Ok(marks.iter().filter(decides).cloned().collect())
    }

    async fn notes(&self, run: RunId) -> Result<Vec<StepMark>, StoreError> {
        let marks = self.marks.lock().unwrap();
        let is_note = |mark: &&StepMark| mark.run == run && matches!(mark.mark, Mark::Noted { .. });
        Ok(marks.iter().filter(is_note).cloned().collect())
    }
}

impl Memory {
    fn entries(&self) -> Vec<AuditEntry> {
        let events = self.events.lock().unwrap();
        events
            .iter()
            .enumerate()
            .filter(|(_, event)| !event.kind.is_outcome())
            .map(|(index, event)| AuditEntry {
                sequence: i64::try_from(index).unwrap(),
                event: event.clone(),
                completion: events.iter().find(|other| other.completes == Some(event.id)).cloned(),
            })
            .collect()
    }
}

#[async_trait]
impl AuditTrail for Memory {
    async fn append(&self, event: &AuditEvent) -> Result<(), AuditError> {
        self.events.lock().unwrap().push(event.clone());
        Ok(())
    }

    async fn page(&self, _: &AuditFilter) -> Result<AuditPage, AuditError> {
        let mut entries = self.entries();
        entries.reverse();
        Ok(AuditPage { total: i64::try_from(entries.len()).unwrap(), entries, next: None })
    }

    async fn entry(&self, id: EventId) -> Result<Option<AuditEntry>, AuditError> {
        Ok(self.entries().into_iter().find(|entry| entry.event.id == id))
    }

    async fn unfinished(&self) -> Result<Vec<AuditEvent>, AuditError> {
        Ok(Vec::new())
    }

    async fn actions_of(&self, execution: ExecutionId) -> Result<Vec<AuditEntry>, AuditError> {
        let mine = |entry: &AuditEntry| {
            entry.event.execution == Some(execution) && entry.event.kind == EventKind::ActionIntent
        };
        Ok(self.entries().into_iter().filter(mine).collect())
    }

    async fn changes_of(&self, run: RunId) -> Result<Vec<AuditEntry>, AuditError> {
        let mine = |entry: &AuditEntry| entry.event.run == Some(run) && !entry.event.undo.is_empty();
        Ok(self.entries().into_iter().filter(mine).collect())
    }

    async fn last_place(&self, _: &EnvironmentName) -> Result<i64, AuditError> {
        Ok(0)
    }

    async fn changes_after(&self, _: &EnvironmentName, _: i64) -> Result<Vec<LaterChange>, AuditError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl TokenStore for Memory {
    async fn keep(&self, token: &Token, digest: &TokenDigest) -> Result<(), StoreError> {
        self.tokens.lock().unwrap().push((token.clone(), digest.clone()));
        Ok(())
    }

    async fn by_digest(&self, digest: &TokenDigest) -> Result<Option<Token>, StoreError> {
        let tokens = self.tokens.lock().unwrap();
        Ok(tokens.iter().find(|(_, known)| known == digest).map(|(token, _)| token.clone()))
    }

    async fn token(&self, id: TokenId) -> Result<Option<Token>, StoreError> {
        let tokens = self.tokens.lock().unwrap();
        Ok(tokens.iter().map(|(token, _)| token).find(|token| token.id == id).cloned())
    }

    async fn tokens(&self, of: &TokensOf) -> Result<Vec<Token>, StoreError> {
        let wanted = |token: &Token| match (&token.owner, of) {
            (TokenOwner::Person { subject, .. }, TokensOf::Person(person)) => subject == person,
            (TokenOwner::Person { .. }, TokensOf::People) | (TokenOwner::Service, TokensOf::Services) => true,
            _ => false,
        };
        let tokens = self.tokens.lock().unwrap();
        Ok(tokens.iter().map(|(token, _)| token).filter(|token| wanted(token)).cloned().collect())
    }

    async fn revoke(&self, id: TokenId, at: Timestamp) -> Result<bool, StoreError> {
        let mut tokens = self.tokens.lock().unwrap();
        let found =
            tokens.iter_mut().map(|(token, _)| token).find(|token| token.id == id && token.revoked_at.is_none());
        Ok(found.is_some_and(|token| token.revoked_at.replace(at).is_none()))
    }

    async fn used(&self, id: TokenId, at: Timestamp) -> Result<(), StoreError> {
        let mut tokens = self.tokens.lock().unwrap();
        if let Some((token, _)) = tokens.iter_mut().find(|(token, _)| token.id == id) {
            token.used_at = Some(at);
        }
        Ok(())
    }

    async fn owner_seen(&self, person: &Person, at: Timestamp) -> Result<(), StoreError> {
        for (token, _) in self.tokens.lock().unwrap().iter_mut() {
            if let TokenOwner::Person { subject, name, role, seen_at } = &mut token.owner
                && *subject == person.subject
            {
                (*name, *role, *seen_at) = (person.name.clone(), person.role, at);
            }
        }
        Ok(())
    }

    async fn forget(&self, before: Timestamp) -> Result<(), StoreError> {
        self.tokens.lock().unwrap().retain(|(token, _)| token.revoked_at.unwrap_or(token.expires_at) >= before);
        Ok(())
    }
}

#[async_trait]
impl OutputStore for Memory {
    async fn append(&self, chunks: Vec<NewChunk>) -> Result<(), StoreError> {
        let mut kept = self.chunks.lock().unwrap();
        for content in chunks {
            let sequence = i64::try_from(kept.len()).unwrap() + 1;
            kept.push(Chunk { sequence, content });
        }
        Ok(())
    }

    async fn after(&self, _: RunId, _: i64, _: u32) -> Result<Vec<Chunk>, StoreError> {
        Ok(Vec::new())
    }

    async fn tail(&self, execution: ExecutionId, _: u32) -> Result<Vec<Chunk>, StoreError> {
        let chunks = self.chunks.lock().unwrap();
        Ok(chunks.iter().filter(|chunk| chunk.content.execution == execution).cloned().collect())
    }

    async fn of_execution(&self, execution: ExecutionId, _: i64, _: u32) -> Result<Vec<Chunk>, StoreError> {
        self.tail(execution, 0).await
    }

    async fn recorded(&self, _: RunId) -> Result<Vec<ExecutionId>, StoreError> {
        let chunks = self.chunks.lock().unwrap();
        let sizes = chunks.iter().filter(|chunk| chunk.content.stream == Stream::Resize);
        Ok(sizes.map(|chunk| chunk.content.execution).collect())
    }

    async fn last(&self, _: RunId) -> Result<i64, StoreError> {
        Ok(i64::try_from(self.chunks.lock().unwrap().len()).unwrap())
    }
}

/// A bash that prints one line and ends well; what follows goes on until it is stopped.
struct Printer;

#[async_trait]
impl Executor for Printer {
    fn available(&self) -> Result<(), String> {
        Ok(())
    }

    async fn execute(
        &self,
        request: ExecutionRequest,
        _: Arc<dyn CallHandler>,
        output: Arc<dyn OutputSink>,
        stop: tokio_util::sync::CancellationToken,
    ) -> Result<Ended, ExecutorError> {
        if request.script.contains("pods -n shop -w") {
            stop.cancelled().await;
            return Ok(Ended { exit: Exit::Stopped, exported: BTreeMap::new() });
        }
        output.write(Stream::Stdout, "\u{1b}[32m<b>done</b>\u{1b}[0m\n".into()).await;
        Ok(Ended { exit: Exit::Code(0), exported: BTreeMap::new() })
    }

    fn has_workspace(&self, _: RunId) -> bool {
        true
    }

    async fn remove_workspace(&self, _: RunId) -> std::io::Result<()> {
        Ok(())
    }
}

/// A cluster in the middle of a rollout.
struct Rolling;

#[async_trait]
impl LiveStatus for Rolling {
    async fn follow(&self, _: &Environment, namespace: &str) -> tokio::sync::watch::Receiver<Snapshot> {
        let now = Timestamp::now();
        let pod = |status: &str, ready, newest| PodStatus {
            name: format!("shop-{status}"),
            status: status.to_owned(),
            ready,
            newest,
            restarts: 0,
            created: Some(now),
            node: None,
        };
        let workload = WorkloadStatus {
            namespace: namespace.to_owned(),
            name: "shop".to_owned(),
            desired: 3,
            updated: 2,
            ready: 3,
            restarts: 1,
            images: vec!["shop:2.14.2".to_owned()],
            created: Some(now),
            message: None,
            pods: vec![
                pod("Running", true, true),
                pod("Pending", false, true),
                pod("Running", true, false),
                pod("Terminating", false, false),
            ],
            more_pods: 0,
        };
        let snapshot =
            Snapshot { state: CardState::Fresh, at: now, workloads: vec![workload], labels: vec![Vec::new()] };
        tokio::sync::watch::channel(snapshot).1
    }
}

struct OneShelf(Arc<Shelf>);

impl Library for OneShelf {
    fn shelf(&self) -> Arc<Shelf> {
        self.0.clone()
    }

    fn files(&self, _: &runbook::Version, _: &[String]) -> Result<Vec<operations::RepositoryFile>, String> {
        Ok(Vec::new())
    }
}

/// A portal of fakes.
pub(super) struct Portal {
    pub(super) operations: Operations,
    pub(super) memory: Arc<Memory>,
}

pub(super) fn portal() -> Portal {
    portal_of(SHOP, Vec::new())
}

/// The same with another text for its runbook, and with channels.
pub(super) fn portal_of(text: &str, channels: Vec<Arc<dyn Channel>>) -> Portal {
    let memory = Arc::new(Memory::default());
    let known = |role| {
        let Person { subject, name, .. } = person(role).person;
        KnownPerson { subject, name, role: Some(role), at: Timestamp::now() }
    };
    *memory.people.lock().unwrap() = Role::ALL.map(known).into();
    let shop = runbook::parse(RunbookId::new("shop"), text.as_bytes(), None).unwrap();
    let shelf = Shelf {
        runbooks: vec![Arc::new(shop)],
        unreadable: vec![Unreadable { path: "<old>.md".to_owned(), reason: "The file is not UTF-8.".to_owned() }],
        read_at: Timestamp::now(),
    };
    let operations = OperationsBuilder {
        library: Arc::new(OneShelf(Arc::new(shelf))),
        runs: memory.clone(),
        incidents: memory.clone(),
        channels,
        trail: memory.clone(),
        outputs: memory.clone(),
        people: memory.clone(),
        tokens: memory.clone(),
        executor: Arc::new(Printer),
        adapters: Vec::new(),
        live: Arc::new(Rolling),
        links: Some("http://portal.example".to_owned()),
        suggesters: Vec::new(),
        environments: vec![Environment {
            name: EnvironmentName("practice".to_owned()),
            kind: EnvironmentKind::Practice,
            kubernetes: Some(KubernetesScope {
                context: "practice".to_owned(),
                default_namespace: "shop".to_owned(),
                namespaces: Namespaces::All,
            }),
            aws: None,
            datasources: Vec::new(),
            given: Vec::new(),
            policy: Policy::default(),
        }],
        limits: Limits::default(),
        clock: Arc::new(Timestamp::now),
    }
    .build();
    Portal { operations, memory }
}

pub(super) fn person(role: Role) -> Caller {
    let person = Person { subject: role.word().to_owned(), name: "Olga <i>Berg</i>".to_owned(), email: None, role };
    Caller { person, address: None }
}

/// An answer, whole.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: http::HeaderMap,
    pub(super) text: String,
}

impl Portal {
    fn router(&self, role: Role) -> Router {
        let options = LeptosOptions::builder().output_name("runbook-portal").build();
        let operations = self.operations.clone();
        let context = move || {
            provide_context(operations.clone());
            provide_context(person(role));
            provide_context(Site { practice: true, ..Site::default() });
        };
        let document = {
            let options = options.clone();
            move || shell(options.clone())
        };
        Router::new()
            .route(
                "/api/{*function}",
                post({
                    let context = context.clone();
                    move |request: Request| handle_server_fns_with_context(context, request)
                }),
            )
            .leptos_routes_with_context(&options, generate_route_list(App), context.clone(), document.clone())
            .fallback(leptos_axum::render_app_async_with_context(context, document))
            .with_state(options)
    }

    async fn send(&self, role: Role, request: Request) -> Answer {
        let response = self.router(role).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    pub(super) async fn get(&self, role: Role, address: &str) -> Answer {
        self.send(role, Request::get(address).body(Body::empty()).unwrap()).await
    }

    /// A form as a browser without scripts sends it.
    pub(super) async fn post(&self, role: Role, address: &str, form: &str) -> Answer {
        let request = Request::post(address)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "text/html,*/*;q=0.8")
            .header("referer", "http://127.0.0.1/runs")
            .body(Body::from(form.to_owned()));
        self.send(role, request.unwrap()).await
    }

    pub(super) async fn start(&self, procedure: &str) -> RunId {
        let environment = EnvironmentName("practice".to_owned());
        let (runbook, procedure) = (RunbookId::new("shop"), ProcedureId::new(procedure));
        self.operations
            .start_run(&person(Role::Operator), &runbook, &procedure, &environment, BTreeMap::new())
            .await
            .unwrap()
    }

    /// Keeps an execution of a command as it stands in this state, with what it printed.
    pub(super) async fn execution(
        &self,
        run: RunId,
        command: &str,
        state: ExecutionState,
        printed: &str,
    ) -> ExecutionId {
        let now = Timestamp::now();
        let running = state == ExecutionState::Running;
        let execution = Execution {
            id: ExecutionId::new(),
            run,
            command: CommandId::new(command),
            source: String::new(),
            edited: false,
            started_by: ("otto".to_owned(), "Otto Operator".to_owned()),
            started_at: now,
            state,
            ended_at: (!running).then_some(now),
            exit_code: match state {
                ExecutionState::Passed => Some(0),
                ExecutionState::Failed => Some(1),
                _ => None,
            },
            note: None,
            truncated: false,
            findings: Vec::new(),
            undoes: None,
        };
        self.memory.begin(&execution).await.unwrap();
        let chunk = NewChunk {
            run,
            execution: execution.id,
            stream: Stream::Stdout,
            at: now,
            bytes: printed.to_owned().into(),
        };
        OutputStore::append(&*self.memory, vec![chunk]).await.unwrap();
        execution.id
    }
}

/// Nothing of the hostile runbook, person or output came through as markup.
pub(super) fn assert_harmless(html: &str) {
    for bad in ["<script>alert", "onerror=", "<b>it</b>", "<i>Berg", "<b>done", "style=\"", "onclick="] {
        assert!(!html.contains(bad), "{bad} in {html}");
    }
}
