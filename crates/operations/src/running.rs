//! One execution, from press to outcome.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use command::Effect;
use command::expectation::{self, Judgement};
use runbook::{Command, Language, Procedure};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::Policy;
use crate::broker::Broker;
use crate::prepared::Prepared;
use crate::secrecy::{Masker, Secrets};
use crate::service::{Rooms, place};
use crate::undo;
use crate::{
    Actor, AuditEvent, Caller, Environment, Error, EventId, EventKind, Execution, ExecutionRequest, ExecutionState,
    Exit, NewChunk, Outcome, OutcomeResult, OutputSink, RepositoryFile, Run, RunId, Stream,
};

/// What one execution may print before the rest is dropped.
const OUTPUT_LIMIT: u64 = 64 << 20;
/// How much of standard output an expectation is judged by.
const BEGINNING: usize = 256 * 1024;
/// The greatest piece of output that is kept as one row.
const CHUNK: usize = 64 * 1024;
/// How much output is gathered before it is written, and how long at most.
const BATCH_BYTES: usize = 1 << 20;
const BATCH_TIME: Duration = Duration::from_millis(100);
/// How many sizes of a terminal are kept.
const SIZES: u32 = 10_000;
/// How the variables begin that the portal sets itself: they are not carried from step to step.
const OWN_PREFIX: &str = "RUNBOOK_";

/// What the workspace of a run that has none yet holds at first.
async fn repository_files(
    rooms: &Arc<Rooms>,
    run: &Run,
    procedure: Arc<Procedure>,
) -> Result<Vec<RepositoryFile>, String> {
    if rooms.executor.has_workspace(run.id) {
        return Ok(Vec::new());
    }
    let (library, version) = (rooms.library.clone(), run.version.clone());
    let read = move || {
        let apart = |c: char| c.is_whitespace() || "\"'`=|&;()<>{}".contains(c);
        let words = procedure.commands().flat_map(|command| command.source.split(apart));
        let named: Vec<String> = words.filter(|word| !word.is_empty()).map(str::to_owned).collect();
        library.files(&version, &named)
    };
    tokio::task::spawn_blocking(read).await.map_err(|error| error.to_string())?
}

/// An execution that is about to begin.
pub(crate) struct Running {
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) caller: Caller,
    pub(crate) run: Run,
    pub(crate) procedure: Arc<Procedure>,
    pub(crate) environment: Arc<Environment>,
    pub(crate) execution: Execution,
    pub(crate) stop: CancellationToken,
    /// How far whoever pressed has said that it may reach, beyond what it shows.
    pub(crate) confirmed: Option<Effect>,
}

impl Running {
    /// Takes the command's place among the running ones and commits the intent.
    pub(crate) async fn begin(mut self, command: &Command, prepared: Prepared) -> Result<Begun, Error> {
        if !self.rooms.runs.begin(&self.execution).await? {
            return Err(Error::Conflict("This command is running already: its output is on the page.".to_owned()));
        }
        let title = command::mask::mask_script(&title(command));
        let (words, effect) = match self.execution.undoes {
            Some(_) => (format!("Roll back: {title}"), undo::effect(&prepared.shown, &self.environment.policy)),
            // What somebody typed reaches as far as it says, whatever the runbook's own text does.
            None if prepared.original.is_some() => {
                (title, edited_effect(command, &prepared.shown, &self.environment.policy))
            }
            None => (title, self.environment.policy.effect_of(command)),
        };
        let mut intent = self.event(EventKind::ExecutionIntent, words);
        intent.argv = vec![command::mask::mask_script(&prepared.shown)];
        intent.argv.extend(prepared.given.iter().cloned());
        intent.original = prepared.original.as_deref().map(command::mask::mask_script);
        intent.effect = Some(effect);
        if let Err(error) = self.rooms.trail.append(&intent).await {
            self.execution.state = ExecutionState::Failed;
            self.execution.ended_at = Some(self.rooms.now());
            self.execution.note = Some("The audit trail could not be written, so nothing was run.".to_owned());
            self.rooms.keep_end(&self.execution).await;
            return Err(error.into());
        }
        self.rooms.changed(self.run.id);
        let ceiling = effect.max(self.confirmed.unwrap_or(effect));
        Ok(Begun { running: self, intent: intent.id, ceiling, prepared })
    }

    fn event(&self, kind: EventKind, summary: String) -> AuditEvent {
        let mut event = AuditEvent::new(self.rooms.now(), kind, Actor::from(&self.caller), summary);
        event.run = Some(self.run.id);
        event.execution = Some(self.execution.id);
        event.environment = Some(self.environment.name.clone());
        event.place = Some(place(&self.run, Some(self.execution.command.clone())));
        event
    }
}

/// How far a command's text reaches as somebody has changed it.
pub(crate) fn edited_effect(command: &Command, text: &str, policy: &Policy) -> Effect {
    match command.language {
        Language::Bash => undo::effect(text, policy),
        Language::Sql { .. } => {
            let action = command::classify(&["psql", "-c", text].map(str::to_owned));
            action.map_or(Effect::Read, |action| policy.effect(&action)).max(command::sql::effect(text))
        }
    }
}

/// What a command is called, in a line.
pub(crate) fn title(command: &Command) -> String {
    command.title.clone().unwrap_or_else(|| command.source.lines().next().unwrap_or_default().to_owned())
}

/// An execution whose intent is committed.
pub(crate) struct Begun {
    running: Running,
    intent: EventId,
    /// How far its calls may reach: as far as was shown, or said.
    ceiling: Effect,
    prepared: Prepared,
}

impl Begun {
    /// Runs bash to its end and writes what came of it.
    pub(crate) async fn finish(self) {
        let Self { running, intent, ceiling, prepared } = self;
        let Running { rooms, run, procedure, environment, mut execution, stop, caller, confirmed } = running;
        let started = rooms.now();
        let secrets = prepared.secrets;
        let (collector, keeper) = collect(rooms.clone(), &execution, &secrets);
        let given = prepared.variables.clone();
        let broker = Arc::new(Broker {
            rooms: rooms.clone(),
            caller: caller.clone(),
            run: run.clone(),
            environment: environment.clone(),
            execution: execution.clone(),
            parent: intent,
            ceiling,
            too_far: AtomicBool::new(false),
            stop: stop.clone(),
            secrets: secrets.clone(),
            recorder: collector.pieces.downgrade(),
        });
        let files = match repository_files(&rooms, &run, procedure.clone()).await {
            Ok(files) => files,
            Err(reason) => {
                execution.note = Some(format!("Without the files of the repository: {reason}"));
                Vec::new()
            }
        };
        let request = ExecutionRequest {
            execution: execution.id,
            run: run.id,
            script: prepared.script,
            variables: prepared.variables,
            brokered: crate::reach::BROKERED.iter().map(|&name| name.to_owned()).collect(),
            files,
            limits: rooms.limits,
        };
        let ended = rooms.executor.execute(request, broker.clone(), Arc::new(collector), stop).await;
        let kept = keeper.await.unwrap_or_else(|error| {
            tracing::error!(execution = %execution.id, %error, "the keeper of an output ended early");
            Kept::default()
        });

        let result = match ended {
            Ok(ended) => {
                carry(&rooms, run.id, &given, ended.exported, &secrets).await;
                let stopped_by = rooms.stopped_by(execution.id);
                settle(&mut execution, ended.exit, stopped_by.as_deref())
            }
            Err(error) => {
                tracing::error!(execution = %execution.id, error = &error as &dyn std::error::Error, "an execution did not start");
                execution.state = ExecutionState::Failed;
                execution.note = Some(error.to_string());
                OutcomeResult::Failed
            }
        };
        if broker.too_far.load(Ordering::Relaxed) {
            execution.note = Some(Execution::TOO_FAR.to_owned());
        }
        execution.truncated = kept.truncated;
        if let Some(code) = execution.exit_code {
            let printed = String::from_utf8_lossy(&kept.beginning);
            let whole = kept.beginning.len() < BEGINNING && !kept.truncated;
            execution.findings = expectation::judge(&prepared.expected, &printed, code, whole);
        }
        execution.ended_at = Some(rooms.now());

        let running = Running {
            rooms: rooms.clone(),
            caller,
            run,
            procedure,
            environment,
            execution,
            stop: CancellationToken::new(),
            confirmed,
        };
        let mut outcome = running.event(EventKind::ExecutionOutcome, summary(result, &running.execution));
        outcome.completes = Some(intent);
        outcome.outcome = Some(Outcome {
            result,
            exit_code: running.execution.exit_code,
            duration_ms: outcome.at.duration_since(started).as_millis().try_into().unwrap_or(i64::MAX),
            output_digest: Some(kept.digest),
            output_bytes: kept.bytes.try_into().unwrap_or(i64::MAX),
        });
        if let Err(error) = rooms.trail.append(&outcome).await {
            tracing::error!(execution = %running.execution.id, error = &error as &dyn std::error::Error, "an outcome could not be written to the trail");
        }
        rooms.keep_end(&running.execution).await;
        rooms.changed(running.run.id);
    }
}

/// How it ended, in the words of the trail: also where it worked and the result is not what the runbook expects.
fn summary(result: OutcomeResult, execution: &Execution) -> String {
    let unmet = execution.findings.iter().filter(|finding| finding.judgement == Judgement::Unmet);
    unmet.fold(result.word().to_owned(), |words, finding| {
        format!("{words} · expected {}, seen {}", finding.expected, finding.observed)
    })
}

/// Keeps what the script exported for the next ones: what it set itself, beside what others exported meanwhile. What holds
/// a secret is not kept: the next step asks for it again.
async fn carry(
    rooms: &Rooms,
    run: RunId,
    given: &BTreeMap<String, String>,
    exported: BTreeMap<String, String>,
    secrets: &Secrets,
) {
    let set: BTreeMap<_, _> = exported
        .into_iter()
        .filter(|(name, value)| !name.starts_with(OWN_PREFIX) && given.get(name) != Some(value))
        .filter(|(_, value)| !secrets.are_in(value))
        .collect();
    if set.is_empty() {
        return;
    }
    let _turn = rooms.turn(run).await;
    let kept = async {
        let mut variables = rooms.runs.run(run).await?.map(|run| run.variables).unwrap_or_default();
        variables.extend(set);
        rooms.runs.carry(run, &variables).await
    };
    if let Err(error) = kept.await {
        tracing::error!(%run, error = &error as &dyn std::error::Error, "exported variables were lost");
    }
}

fn settle(execution: &mut Execution, exit: Exit, stopped_by: Option<&str>) -> OutcomeResult {
    let (state, code, note, result) = match exit {
        Exit::Code(0) => (ExecutionState::Passed, Some(0), None, OutcomeResult::Passed),
        Exit::Code(code) => (ExecutionState::Failed, Some(i32::from(code)), None, OutcomeResult::Failed),
        Exit::Signal(signal) => (
            ExecutionState::Failed,
            Some(128 + signal),
            Some(format!("Ended by signal {signal}: over its memory or file limit, or killed from within.")),
            OutcomeResult::Failed,
        ),
        Exit::Stopped => (
            ExecutionState::Stopped,
            None,
            Some(match stopped_by {
                Some(name) => format!("Stopped by {name}."),
                None => "Stopped because the portal was ending.".to_owned(),
            }),
            OutcomeResult::Stopped,
        ),
        Exit::TimedOut => (
            ExecutionState::Expired,
            None,
            Some("Its time was over. Actions that it had begun may have had their effect.".to_owned()),
            OutcomeResult::Expired,
        ),
    };
    execution.state = state;
    execution.exit_code = code;
    execution.note = note.or(execution.note.take());
    result
}

/// What is known of an output once it has ended.
struct Kept {
    /// The beginning of standard output, to judge it by.
    beginning: Vec<u8>,
    digest: String,
    bytes: u64,
    truncated: bool,
}

impl Default for Kept {
    fn default() -> Self {
        Self { beginning: Vec::new(), digest: hex(&Sha256::digest([])), bytes: 0, truncated: false }
    }
}

/// The sink that the sandbox writes to; the keeper behind it writes to the store. A bounded channel between them makes
/// bash wait for the database rather than memory grow.
struct Collector {
    pieces: mpsc::Sender<(Stream, Bytes)>,
}

#[async_trait]
impl OutputSink for Collector {
    async fn write(&self, stream: Stream, bytes: Bytes) {
        if self.pieces.send((stream, bytes)).await.is_err() {
            tracing::error!("output came after its keeper had ended");
        }
    }
}

fn collect(rooms: Arc<Rooms>, execution: &Execution, secrets: &Secrets) -> (Collector, tokio::task::JoinHandle<Kept>) {
    let (pieces, receiver) = mpsc::channel(16);
    let blank = NewChunk {
        run: execution.run,
        execution: execution.id,
        stream: Stream::Stdout,
        at: rooms.now(),
        bytes: Bytes::new(),
    };
    let maskers = [secrets.masker(), secrets.masker()];
    (Collector { pieces }, tokio::spawn(keep(rooms, receiver, blank, maskers)))
}

async fn keep(
    rooms: Arc<Rooms>,
    mut pieces: mpsc::Receiver<(Stream, Bytes)>,
    blank: NewChunk,
    mut maskers: [Masker; 2],
) -> Kept {
    let mut digest = Sha256::new();
    let mut kept = Kept::default();
    let mut marked = false;
    let mut sizes = 0_u32;
    let mut over = false;
    while !over {
        let mut batch = Vec::new();
        over = gather(&mut pieces, &mut batch).await;
        for (stream, bytes) in &mut batch {
            match stream {
                Stream::Stdout => *bytes = maskers[0].push(bytes).into(),
                Stream::Stderr => *bytes = maskers[1].push(bytes).into(),
                // Masked before anybody saw it.
                Stream::Terminal | Stream::Resize => {}
            }
        }
        if over {
            let rest = [Stream::Stdout, Stream::Stderr].into_iter().zip(&mut maskers);
            batch.extend(rest.map(|(stream, masker)| (stream, masker.end().into())));
        }
        let at = rooms.now();
        let mut rows: Vec<(Stream, BytesMut)> = Vec::new();
        for (stream, bytes) in batch {
            digest.update(&bytes);
            // Each is a word of its own.
            if stream == Stream::Resize {
                sizes += 1;
                if sizes <= SIZES {
                    rows.push((stream, BytesMut::from(bytes.as_ref())));
                }
                continue;
            }
            if stream == Stream::Stdout {
                let room = BEGINNING - kept.beginning.len();
                kept.beginning.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
            let room = usize::try_from(OUTPUT_LIMIT.saturating_sub(kept.bytes)).unwrap_or(usize::MAX);
            kept.bytes += bytes.len() as u64;
            push(&mut rows, stream, &bytes[..bytes.len().min(room)]);
            if bytes.len() > room && !marked {
                marked = true;
                let mark = format!("\n[output over {} MiB is not kept]\n", OUTPUT_LIMIT >> 20);
                push(&mut rows, Stream::Stderr, mark.as_bytes());
            }
        }
        if rows.is_empty() {
            continue;
        }
        let rows =
            rows.into_iter().map(|(stream, bytes)| NewChunk { stream, at, bytes: bytes.freeze(), ..blank.clone() });
        if let Err(error) = rooms.outputs.append(rows.collect()).await {
            tracing::error!(execution = %blank.execution, error = &error as &dyn std::error::Error, "output could not be kept");
            kept.truncated = true;
        }
        rooms.changed(blank.run);
    }
    kept.truncated |= marked;
    kept.digest = hex(&digest.finalize());
    kept
}

/// Waits for output and gathers what comes soon after it; whether that was all.
async fn gather(pieces: &mut mpsc::Receiver<(Stream, Bytes)>, batch: &mut Vec<(Stream, Bytes)>) -> bool {
    let Some(first) = pieces.recv().await else { return true };
    let mut size = first.1.len();
    batch.push(first);
    let deadline = tokio::time::Instant::now() + BATCH_TIME;
    while size < BATCH_BYTES {
        match tokio::time::timeout_at(deadline, pieces.recv()).await {
            Ok(Some(piece)) => {
                size += piece.1.len();
                batch.push(piece);
            }
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
    false
}

/// Adds bytes to the last row where it is of the same stream and has room, else as rows of their own.
fn push(rows: &mut Vec<(Stream, BytesMut)>, stream: Stream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let room = rows.last().filter(|(last, _)| *last == stream).map_or(0, |(_, row)| CHUNK - row.len());
        if room == 0 {
            rows.push((stream, BytesMut::new()));
            continue;
        }
        let (piece, rest) = bytes.split_at(bytes.len().min(room));
        if let Some((_, row)) = rows.last_mut() {
            row.extend_from_slice(piece);
        }
        bytes = rest;
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
