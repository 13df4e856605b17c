//! One fake for each port: as small as the port allows, and able to fail on request.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use runbook::{CommandId, ProcedureId, RunbookId};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::*;

/// What the tests run: a choice, a loop, a parameter, a manual item.
pub(super) const TEXT: &str = "\
# Shop

## Restart

```bash
# Restart it
kubectl rollout restart deployment/shop -n shop

# Look at one
kubectl get pod <pod-name> -n shop
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

## Values

```bash
# 1. Look at one
kubectl get pod <pod-name> -n shop

# 2. Look at the same
kubectl describe pod <pod-name> -n shop

# 3. Change the password
kubectl create secret generic db --from-literal=password=<new-password> -n shop

# 4. Change the token
curl -u admin:<word> https://example.com

# 5. Say why
kubectl annotate pod web reason=<reason> -n shop
```

## Ask the database

```sql
-- Count
SELECT count(*) FROM orders WHERE state = '<state>';

-- Clean up
VACUUM orders;
DELETE FROM orders WHERE state = 'old';
```

## Levels

| Level | Meaning | Response time |
|---|---|---|
| P1 | Service down | 15 minutes |
| P2 | Slow | 1 hour |

## Expect

```bash
# 1. Count errors
kubectl logs -l app=shop | grep ERROR | wc -l
# Expected: < 10

# 2. Look at the counter
kubectl get --raw /metrics | grep total
# Expected: Increasing counter
```

## Scale

```bash
# Scale up
kubectl scale deployment shop --replicas=5 -n shop

# Clean up and scale
kubectl delete pod old -n shop; kubectl scale deployment shop --replicas=4 -n shop
```

## Nodes

```bash
# Look at them
kubectl get nodes
```

## Revert

```bash
kubectl rollout undo deployment/shop -n shop --to-revision=<revision>
```
";

#[derive(Default)]
pub(super) struct FakeStore {
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
    pub(super) trail_is_broken: AtomicBool,
    /// How many times notes were read.
    pub(super) notes_read: AtomicUsize,
    /// How many times what changed since was read.
    pub(super) later_read: AtomicUsize,
}

fn is_note(mark: &StepMark) -> bool {
    matches!(mark.mark, Mark::Noted { .. })
}

#[async_trait]
impl RunStore for FakeStore {
    async fn create(&self, new: NewRun) -> Result<Run, StoreError> {
        let mut runs = self.runs.lock().unwrap();
        self.texts.lock().unwrap().insert(new.version.hash.clone(), new.text.to_vec());
        let run = Run {
            id: new.id,
            number: runs.len() as i64 + 1,
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
        let wanted = |run: &&Run| filter.incident.is_none() || run.incident == filter.incident;
        Ok(runs.iter().rev().filter(wanted).cloned().collect())
    }

    async fn text(&self, hash: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.texts.lock().unwrap().get(hash).cloned())
    }

    async fn close(&self, id: RunId, state: RunState, at: Timestamp) -> Result<bool, StoreError> {
        let mut runs = self.runs.lock().unwrap();
        let run = runs.iter_mut().find(|run| run.id == id && run.state == RunState::Open);
        Ok(run.is_some_and(|run| {
            run.state = state;
            run.ended_at = Some(at);
            true
        }))
    }

    async fn carry(&self, id: RunId, variables: &BTreeMap<String, String>) -> Result<(), StoreError> {
        let mut runs = self.runs.lock().unwrap();
        if let Some(run) = runs.iter_mut().find(|run| run.id == id) {
            run.variables.clone_from(variables);
        }
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
        let mut executions = self.executions.lock().unwrap();
        let running = |other: &Execution| {
            other.run == execution.run && other.command == execution.command && other.state == ExecutionState::Running
        };
        if executions.iter().any(running) {
            return Ok(false);
        }
        executions.push(execution.clone());
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
        let executions = self.executions.lock().unwrap();
        Ok(executions.iter().filter(|execution| execution.state == ExecutionState::Running).cloned().collect())
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
        Ok(marks.iter().filter(|mark| mark.run == run && !is_note(mark)).cloned().collect())
    }

    async fn notes(&self, run: RunId) -> Result<Vec<StepMark>, StoreError> {
        self.notes_read.fetch_add(1, Ordering::SeqCst);
        let marks = self.marks.lock().unwrap();
        Ok(marks.iter().filter(|mark| mark.run == run && is_note(mark)).cloned().collect())
    }
}

#[async_trait]
impl AuditTrail for FakeStore {
    async fn append(&self, event: &AuditEvent) -> Result<(), AuditError> {
        if self.trail_is_broken.load(Ordering::SeqCst) {
            return Err(AuditError { operation: "append", source: "the disk is full".into() });
        }
        self.events.lock().unwrap().push(event.clone());
        Ok(())
    }

    async fn page(&self, filter: &AuditFilter) -> Result<AuditPage, AuditError> {
        let (events, runs) = (self.events.lock().unwrap(), self.runs.lock().unwrap());
        let of_incident = |event: &AuditEvent| {
            let run = runs.iter().find(|run| Some(run.id) == event.run);
            event.incident == filter.incident || run.is_some_and(|run| run.incident == filter.incident)
        };
        let wanted = |event: &AuditEvent| event.completes.is_none() && of_incident(event);
        let entry = |(index, event): (usize, &AuditEvent)| AuditEntry {
            sequence: index as i64 + 1,
            event: event.clone(),
            completion: events.iter().find(|other| other.completes == Some(event.id)).cloned(),
        };
        let entries: Vec<_> = events.iter().enumerate().filter(|(_, event)| wanted(event)).map(entry).rev().collect();
        Ok(AuditPage { total: entries.len() as i64, entries, next: None })
    }

    async fn entry(&self, _: EventId) -> Result<Option<AuditEntry>, AuditError> {
        Ok(None)
    }

    async fn unfinished(&self) -> Result<Vec<AuditEvent>, AuditError> {
        let events = self.events.lock().unwrap();
        let completed: Vec<_> = events.iter().filter_map(|event| event.completes).collect();
        let intent =
            |kind| matches!(kind, EventKind::ExecutionIntent | EventKind::ActionIntent | EventKind::MessageIntent);
        Ok(events.iter().filter(|event| intent(event.kind) && !completed.contains(&event.id)).cloned().collect())
    }

    async fn actions_of(&self, _: ExecutionId) -> Result<Vec<AuditEntry>, AuditError> {
        Ok(Vec::new())
    }

    async fn changes_of(&self, run: RunId) -> Result<Vec<AuditEntry>, AuditError> {
        let events = self.events.lock().unwrap();
        let wanted = |event: &AuditEvent| event.run == Some(run) && !event.undo.is_empty();
        let entry = |(index, event): (usize, &AuditEvent)| AuditEntry {
            sequence: index as i64 + 1,
            event: event.clone(),
            completion: events.iter().find(|other| other.completes == Some(event.id)).cloned(),
        };
        Ok(events.iter().enumerate().filter(|(_, event)| wanted(event)).map(entry).collect())
    }

    async fn last_place(&self, environment: &EnvironmentName) -> Result<i64, AuditError> {
        let events = self.events.lock().unwrap();
        let last = events.iter().rposition(|event| event.environment.as_ref() == Some(environment));
        Ok(last.map_or(0, |index| index as i64 + 1))
    }

    async fn changes_after(&self, environment: &EnvironmentName, place: i64) -> Result<Vec<LaterChange>, AuditError> {
        self.later_read.fetch_add(1, Ordering::SeqCst);
        let events = self.events.lock().unwrap();
        let wanted = |event: &AuditEvent| {
            event.kind == EventKind::ActionIntent
                && event.environment.as_ref() == Some(environment)
                && event.effect > Some(command::Effect::Read)
        };
        let refused = |event: &AuditEvent| {
            let completion = events.iter().find(|other| other.completes == Some(event.id));
            let outcome = completion.and_then(|completion| completion.outcome.as_ref());
            outcome.is_some_and(|outcome| outcome.result == OutcomeResult::Refused)
        };
        let change = |(index, event): (usize, &AuditEvent)| LaterChange {
            sequence: index as i64 + 1,
            execution: event.execution,
            by: event.actor.name.clone(),
            at: event.at,
            verb: event.summary.clone(),
            call: event.argv.clone(),
            targets: event.targets.clone(),
            refused: refused(event),
        };
        let changes = events.iter().enumerate().filter(|(_, event)| wanted(event)).map(change);
        Ok(changes.filter(|one| one.sequence > place).collect())
    }
}

#[async_trait]
impl TokenStore for FakeStore {
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
impl OutputStore for FakeStore {
    async fn append(&self, chunks: Vec<NewChunk>) -> Result<(), StoreError> {
        let mut kept = self.chunks.lock().unwrap();
        for content in chunks {
            let sequence = kept.len() as i64 + 1;
            kept.push(Chunk { sequence, content });
        }
        Ok(())
    }

    async fn after(&self, run: RunId, cursor: i64, _: u32) -> Result<Vec<Chunk>, StoreError> {
        let chunks = self.chunks.lock().unwrap();
        Ok(chunks.iter().filter(|chunk| chunk.content.run == run && chunk.sequence > cursor).cloned().collect())
    }

    async fn tail(&self, execution: ExecutionId, _: u32) -> Result<Vec<Chunk>, StoreError> {
        self.of_execution(execution, 0, 0).await
    }

    async fn of_execution(&self, execution: ExecutionId, cursor: i64, _: u32) -> Result<Vec<Chunk>, StoreError> {
        let chunks = self.chunks.lock().unwrap();
        let wanted = |chunk: &&Chunk| chunk.content.execution == execution && chunk.sequence > cursor;
        Ok(chunks.iter().filter(wanted).cloned().collect())
    }

    async fn recorded(&self, run: RunId) -> Result<Vec<ExecutionId>, StoreError> {
        let chunks = self.chunks.lock().unwrap();
        let sizes = chunks.iter().map(|chunk| &chunk.content);
        let sizes = sizes.filter(|content| content.run == run && content.stream == Stream::Resize);
        Ok(sizes.map(|content| content.execution).collect())
    }

    async fn last(&self, _: RunId) -> Result<i64, StoreError> {
        Ok(self.chunks.lock().unwrap().len() as i64)
    }
}

/// What the fake bash does with a script.
#[derive(Clone, Debug)]
pub(super) enum Script {
    /// Makes these calls, prints what they print, and ends with the last exit code.
    Calls(Vec<Vec<&'static str>>),
    /// Prints this often, then ends well.
    Prints(Bytes, usize),
    /// Waits for Stop.
    Waits,
}

pub(super) struct FakeBash {
    pub(super) script: Mutex<Script>,
    pub(super) requests: Mutex<Vec<ExecutionRequest>>,
    pub(super) unavailable: AtomicBool,
}

struct Printed(Arc<dyn OutputSink>, CancellationToken);

#[async_trait]
impl CallIo for Printed {
    async fn write(&self, stream: Stream, bytes: Bytes) -> Result<(), CallEnded> {
        self.0.write(stream, bytes).await;
        Ok(())
    }

    async fn read_stdin(&self) -> Result<Option<Bytes>, CallEnded> {
        Ok(None)
    }

    async fn read_file(&self, _: &str, _: usize) -> Result<Bytes, FileError> {
        Err(FileError::Unreadable("No such file or directory".to_owned()))
    }

    fn workspace(&self) -> Option<&Path> {
        None
    }

    fn ended(&self) -> CancellationToken {
        self.1.clone()
    }
}

#[async_trait]
impl Executor for FakeBash {
    fn available(&self) -> Result<(), String> {
        if self.unavailable.load(Ordering::SeqCst) { Err("bubblewrap is not installed".to_owned()) } else { Ok(()) }
    }

    async fn execute(
        &self,
        request: ExecutionRequest,
        broker: Arc<dyn CallHandler>,
        output: Arc<dyn OutputSink>,
        stop: CancellationToken,
    ) -> Result<Ended, ExecutorError> {
        self.requests.lock().unwrap().push(request);
        let script = self.script.lock().unwrap().clone();
        let exit = match script {
            Script::Calls(calls) => {
                let mut code = 0;
                for argv in calls {
                    let argv = argv.into_iter().map(str::to_owned).collect();
                    let call = Call { argv, directory: "/workspace".to_owned() };
                    code = broker.handle(call, Arc::new(Printed(output.clone(), stop.clone()))).await;
                }
                Exit::Code(code)
            }
            Script::Prints(bytes, times) => {
                for _ in 0..times {
                    output.write(Stream::Stdout, bytes.clone()).await;
                }
                Exit::Code(0)
            }
            Script::Waits => {
                stop.cancelled().await;
                Exit::Stopped
            }
        };
        Ok(Ended { exit, exported: BTreeMap::from([("FOUND".to_owned(), "it".to_owned())]) })
    }

    fn has_workspace(&self, _: RunId) -> bool {
        true
    }

    async fn remove_workspace(&self, _: RunId) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is there before a change.
#[derive(Clone, Debug, Default)]
pub(super) enum Before {
    /// Nothing that can be read.
    #[default]
    Unknown,
    /// These objects, one after the other; the last one stays.
    Objects(Vec<String>),
    /// Nobody answers.
    Silent,
}

/// A kubectl that says what it was asked.
#[derive(Default)]
pub(super) struct FakeKubectl {
    pub(super) performed: Mutex<Vec<Vec<String>>>,
    /// Does nothing until the caller has ended.
    pub(super) waits: AtomicBool,
    /// What it was asked before a change, and what it answers: an object as JSON, an error without one, or never.
    pub(super) looked: Mutex<Vec<Vec<String>>>,
    pub(super) before: Mutex<Before>,
    /// What it answers to everything, where it is told.
    said: Mutex<Option<(u8, String)>>,
}

impl FakeKubectl {
    /// Tells it what to answer: an exit code, and its output or its error.
    pub(super) fn say(&self, code: u8, text: &str) {
        *self.said.lock().unwrap() = Some((code, text.to_owned()));
    }
}

#[async_trait]
impl Adapter for FakeKubectl {
    fn tool(&self) -> &'static str {
        "kubectl"
    }

    fn check(&self, _: &Environment, _: &Call) -> Result<(), command::Refusal> {
        Ok(())
    }

    async fn perform(&self, _: &Environment, call: &Call, io: &dyn CallIo) -> u8 {
        if call.argv.last().is_some_and(|word| word == "--output=json") {
            self.looked.lock().unwrap().push(call.argv.clone());
            let before = self.before.lock().unwrap().clone();
            let object = match before {
                Before::Unknown => return 1,
                Before::Silent => std::future::pending().await,
                Before::Objects(mut objects) => {
                    let first = if objects.len() > 1 { objects.remove(0) } else { objects[0].clone() };
                    *self.before.lock().unwrap() = Before::Objects(objects);
                    first
                }
            };
            return io.write(Stream::Stdout, object.into()).await.map_or(1, |()| 0);
        }
        self.performed.lock().unwrap().push(call.argv.clone());
        if self.waits.load(Ordering::SeqCst) {
            io.ended().cancelled().await;
            return 141;
        }
        let said = self.said.lock().unwrap().clone();
        if let Some((code, text)) = said {
            let stream = if code == 0 { Stream::Stdout } else { Stream::Stderr };
            return io.write(stream, text.into()).await.map_or(1, |()| code);
        }
        if call.argv[1] == "edit" {
            let question = Question {
                title: "Change deployment.apps/web?".to_owned(),
                note: None,
                text: None,
                yes: "Apply",
                effect: command::Effect::Destroy,
                change: Some(("replicas: 3\n".to_owned(), "replicas: 0\n".to_owned())),
            };
            let Ok(answer) = io.ask(question).await else { return 141 };
            return u8::from(answer != Answer::Yes(String::new()));
        }
        match io.write(Stream::Stdout, Bytes::from(format!("did {}\n", call.argv[1]))).await {
            Ok(()) => 0,
            Err(CallEnded) => 1,
        }
    }
}

struct NoLive;

#[async_trait]
impl LiveStatus for NoLive {
    async fn follow(&self, _: &Environment, _: &str) -> watch::Receiver<Snapshot> {
        let nothing = Snapshot {
            state: CardState::Loading,
            at: Timestamp::UNIX_EPOCH,
            workloads: Vec::new(),
            labels: Vec::new(),
        };
        watch::channel(nothing).1
    }
}

struct OneShelf(Arc<Shelf>);

impl Library for OneShelf {
    fn shelf(&self) -> Arc<Shelf> {
        self.0.clone()
    }

    fn files(&self, _: &runbook::Version, _: &[String]) -> Result<Vec<crate::RepositoryFile>, String> {
        Ok(Vec::new())
    }
}

/// A whole portal of fakes.
pub(super) struct Bench {
    pub(super) operations: Operations,
    pub(super) store: Arc<FakeStore>,
    pub(super) bash: Arc<FakeBash>,
    pub(super) kubectl: Arc<FakeKubectl>,
    pub(super) channel: Arc<FakeChannel>,
}

pub(super) fn bench() -> Bench {
    bench_with(Policy::default())
}

/// Takes every letter.
/// A channel that answers as it is told, then takes everything.
#[derive(Default)]
pub(super) struct FakeChannel {
    pub(super) answers: Mutex<std::collections::VecDeque<Result<Option<String>, DeliveryError>>>,
    pub(super) letters: Mutex<Vec<Letter>>,
}

#[async_trait]
impl Channel for FakeChannel {
    fn name(&self) -> &str {
        "incidents"
    }

    fn kind(&self) -> ChannelKind {
        ChannelKind::Slack
    }

    fn about(&self) -> &str {
        "#incidents"
    }

    fn knows_letters_again(&self) -> bool {
        false
    }

    async fn deliver(&self, letter: &Letter) -> Result<Option<String>, DeliveryError> {
        self.letters.lock().unwrap().push(letter.clone());
        self.answers.lock().unwrap().pop_front().unwrap_or(Ok(None))
    }
}

/// The same as a pager.
struct FakePager(Arc<FakeChannel>);

#[async_trait]
impl Channel for FakePager {
    fn name(&self) -> &str {
        "pager"
    }

    fn kind(&self) -> ChannelKind {
        ChannelKind::PagerDuty
    }

    fn about(&self) -> &str {
        "on call"
    }

    fn knows_letters_again(&self) -> bool {
        true
    }

    async fn deliver(&self, letter: &Letter) -> Result<Option<String>, DeliveryError> {
        self.0.deliver(letter).await
    }
}

pub(super) fn bench_with(policy: Policy) -> Bench {
    built(policy, Arc::new(Timestamp::now))
}

/// A bench with a clock of the test's own.
pub(super) fn bench_at(clock: Clock) -> Bench {
    built(Policy::default(), clock)
}

fn built(policy: Policy, clock: Clock) -> Bench {
    let store = Arc::new(FakeStore::default());
    let channel = Arc::new(FakeChannel::default());
    let bash = Arc::new(FakeBash {
        script: Mutex::new(Script::Calls(vec![vec!["kubectl", "get", "pods", "-n", "shop"]])),
        requests: Mutex::default(),
        unavailable: AtomicBool::new(false),
    });
    let kubectl = Arc::new(FakeKubectl::default());
    let text = runbook::parse(RunbookId::new("shop"), TEXT.as_bytes(), None).unwrap();
    let shelf = Shelf { runbooks: vec![Arc::new(text)], unreadable: Vec::new(), read_at: Timestamp::UNIX_EPOCH };
    let operations = OperationsBuilder {
        library: Arc::new(OneShelf(Arc::new(shelf))),
        runs: store.clone(),
        incidents: store.clone(),
        trail: store.clone(),
        outputs: store.clone(),
        people: store.clone(),
        tokens: store.clone(),
        executor: bash.clone(),
        adapters: vec![kubectl.clone()],
        live: Arc::new(NoLive),
        links: Some("http://portal.example".to_owned()),
        suggesters: Vec::new(),
        channels: vec![channel.clone(), Arc::new(FakePager(channel.clone()))],
        environments: vec![Environment {
            name: EnvironmentName("practice".to_owned()),
            kind: EnvironmentKind::Practice,
            kubernetes: Some(KubernetesScope {
                context: "practice".to_owned(),
                default_namespace: "shop".to_owned(),
                namespaces: Namespaces::Only(vec!["shop".to_owned()]),
            }),
            aws: None,
            datasources: vec![Datasource {
                name: "shop".to_owned(),
                kind: DatasourceKind::Postgres,
                references: Vec::new(),
            }],
            given: Vec::new(),
            policy,
        }],
        limits: Limits::default(),
        clock,
    }
    .build();
    Bench { operations, store, bash, kubectl, channel }
}

pub(super) fn person(role: Role) -> Caller {
    let name = format!("Some {}", role.word());
    Caller { person: Person { subject: role.word().to_owned(), name, email: None, role }, address: None }
}

impl Bench {
    pub(super) async fn start(&self, procedure: &str) -> RunId {
        let environment = EnvironmentName("practice".to_owned());
        self.operations
            .start_run(
                &person(Role::Operator),
                &RunbookId::new("shop"),
                &ProcedureId::new(procedure),
                &environment,
                BTreeMap::new(),
            )
            .await
            .unwrap()
    }

    pub(super) async fn press(&self, run: RunId, command: &str) -> Result<ExecutionId, Error> {
        self.operations.press(&person(Role::Operator), run, &CommandId::new(command), Press::default()).await
    }

    /// Waits until nothing of the run is running any more.
    pub(super) async fn settled(&self, run: RunId) -> RunView {
        let viewer = person(Role::Operator);
        let mut changes = self.operations.watch_run(&viewer, run).await.unwrap();
        loop {
            let view = self.operations.run_page(&viewer, run).await.unwrap();
            let commands = view.steps.iter().flat_map(|step| &step.commands);
            if commands.clone().all(|command| command.state != StepState::Running) {
                return view;
            }
            changes.changed().await.unwrap();
        }
    }

    pub(super) fn kinds(&self) -> Vec<EventKind> {
        self.store.events.lock().unwrap().iter().map(|event| event.kind).collect()
    }
}
