//! The broker of one execution: every call of a brokered program passes here, and nowhere else, on its way out.
//!
//! Parse, decide, write the intent, wait for the commit, perform, write the outcome. The caller is known by the socket
//! of its execution: this struct holds who that is, and nothing the call says can change it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use command::{Action, Effect, Refusal, Target};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::link::{Links, OpenLink, Place, Tunnel};
use crate::question::{Answer, Question};
use crate::secrecy::Secrets;
use crate::service::{Rooms, locked, place};
use crate::terminal::{OpenTerminal, Recorder, Terminal, Terminals, Wanted};
use crate::undo;
use crate::{
    Actor, AuditEvent, Call, CallEnded, CallHandler, CallIo, Caller, Decision, Environment, EventId, EventKind,
    Execution, FileError, Outcome, OutcomeResult, Permission, Run, Stream, Verdict,
};

/// What a call's own argv may hold in the trail, in bytes; more is cut with a mark.
const ARGV_LIMIT: usize = 16 * 1024;
/// How many targets of one call the trail names, and how much of each part of one and of a refusal's reason, in bytes.
const TARGETS: usize = 100;
const TARGET_LIMIT: usize = 512;
const RULE_LIMIT: usize = 4 * 1024;
/// The exit code of a call that the trail could not record: EX_TEMPFAIL of sysexits.h.
const NOT_RECORDED: u8 = 75;

pub(crate) struct Broker {
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) caller: Caller,
    pub(crate) run: Run,
    pub(crate) environment: Arc<Environment>,
    pub(crate) execution: Execution,
    /// The execution's own intent.
    pub(crate) parent: EventId,
    /// How far a call may reach: as far as was shown to whoever pressed, or as they said. The text of a script does not
    /// show everything that it calls.
    pub(crate) ceiling: Effect,
    /// Whether a call was refused for that.
    pub(crate) too_far: AtomicBool,
    pub(crate) stop: CancellationToken,
    /// What the trail must not hold.
    pub(crate) secrets: Secrets,
    /// Where a terminal's output is kept.
    pub(crate) recorder: Recorder,
}

/// What a call is, where anybody at all may make it in this environment.
///
/// # Errors
/// The reason, for the caller and the trail.
pub(crate) fn understood(rooms: &Rooms, environment: &Environment, call: &Call) -> Result<Action, Refusal> {
    let tool = call.tool();
    let Some(adapter) = rooms.adapters.get(tool) else {
        return Err(Refusal::not_available(command::program::not_available(tool)));
    };
    let mut action = command::classify(&call.argv)?;
    action.effect = environment.policy.effect(&action);
    adapter.check(environment, call)?;
    if let Some(scope) = &environment.kubernetes {
        let mut namespaces = action.targets.iter().filter_map(|target| target.namespace.as_deref());
        let outside = namespaces.find(|namespace| match *namespace {
            command::ALL_NAMESPACES => scope.namespaces != crate::Namespaces::All,
            namespace => !scope.namespaces.permit(namespace),
        });
        if let Some(namespace) = outside {
            return Err(Refusal::not_permitted(format!(
                "namespace `{namespace}` is outside the environment {}",
                environment.name
            )));
        }
    }
    Ok(action)
}

#[async_trait]
impl CallHandler for Broker {
    async fn handle(&self, call: Call, io: Arc<dyn CallIo>) -> u8 {
        match self.consider(&call) {
            Ok((action, decision)) if decision.verdict == Verdict::Allowed && action.effect > self.ceiling => {
                let reason = format!(
                    "runbook-portal: {} {} is a command to {}, and this was pressed as one to {}. It was not performed: \
                     say at the command that it may, and press again.",
                    action.tool, action.verb, action.effect, self.ceiling
                );
                self.too_far.store(true, Ordering::Relaxed);
                let rule = format!("pressed as a command to {}, and this is one to {}", self.ceiling, action.effect);
                let decision = Decision { verdict: Verdict::Refused, rule };
                self.refuse(&call, Some(action), decision, Refusal::not_permitted(reason), &*io).await
            }
            Ok((action, decision)) if decision.verdict == Verdict::Allowed => {
                let judged = self.at_terminal(&call, action, decision, &*io).await;
                self.perform(&call, judged, &*io).await
            }
            Ok((action, decision)) => {
                let reason = format!(
                    "runbook-portal: {} {} is not permitted in {} for the role {} ({})",
                    action.tool,
                    action.verb,
                    self.environment.name,
                    self.caller.person.role.word(),
                    decision.rule
                );
                self.refuse(&call, Some(action), decision, Refusal::not_permitted(reason), &*io).await
            }
            Err(refusal) => {
                let decision = Decision { verdict: Verdict::Refused, rule: refusal.reason.clone() };
                self.refuse(&call, None, decision, refusal, &*io).await
            }
        }
    }
}

impl Broker {
    /// What the call is, and whether it may happen.
    fn consider(&self, call: &Call) -> Result<(Action, Decision), Refusal> {
        let action = understood(&self.rooms, &self.environment, call)?;
        let decision = self.environment.policy.decide(&self.caller.person, action.effect);
        Ok((action, decision))
    }

    /// Whether a permitted call gets a terminal. What is typed at one cannot be judged: it counts as the worst there
    /// is, and where this person may not do that, the call runs as it does without a terminal.
    async fn at_terminal(&self, call: &Call, action: Action, decision: Decision, io: &dyn CallIo) -> Judged {
        let without = Judged { terminal: Access::None, action, decision };
        if !command::wants_terminal(&call.argv) || !io.is_at_terminal().await {
            return without;
        }
        let effect = Effect::Destroy;
        let mut decision = self.environment.policy.decide(&self.caller.person, effect);
        if !self.caller.person.role.permits(Permission::Terminal) || decision.verdict != Verdict::Allowed {
            let role = self.caller.person.role.word();
            say(io, &format!("runbook-portal: without a terminal: your role ({role}) may not type at one here")).await;
            return without;
        }
        decision.rule.push_str("; a terminal can do anything");
        Judged { terminal: Access::Typed, action: Action { effect, ..without.action }, decision }
    }

    async fn perform(&self, call: &Call, judged: Judged, io: &dyn CallIo) -> u8 {
        let Judged { terminal, action, decision } = judged;
        let mut intent = self.intent(call, Some(&action), &decision);
        intent.undo = self.before(call, &io.ended()).await;
        if let Err(error) = self.rooms.trail.append(&intent).await {
            tracing::error!(execution = %self.execution.id, error = &error as &dyn std::error::Error, "an action was not performed: its intent could not be written");
            say(io, "runbook-portal: the audit trail could not be written, so this was not performed").await;
            return NOT_RECORDED;
        }
        self.rooms.changed(self.run.id);
        let metered = Metered::new(io, self, action.effect, terminal);
        let adapter = &self.rooms.adapters[call.tool()];
        let code = adapter.perform(&self.environment, call, &metered).await;
        let cut = self.stop.is_cancelled() || io.ended().is_cancelled() || metered.caller_left.load(Ordering::Relaxed);
        let result = match (code, cut, action.effect) {
            (0, ..) => OutcomeResult::Passed,
            (_, true, Effect::Read) => OutcomeResult::Stopped,
            // It was cut on its way: the cluster may have done it or not.
            (_, true, _) => OutcomeResult::Unknown,
            (_, false, _) => OutcomeResult::Failed,
        };
        let (digest, bytes) = metered.finish().await;
        self.rooms.changed(self.run.id);
        self.complete(&intent, result, Some(code), Some(digest), bytes).await;
        code
    }

    async fn refuse(
        &self,
        call: &Call,
        action: Option<Action>,
        decision: Decision,
        refusal: Refusal,
        io: &dyn CallIo,
    ) -> u8 {
        let intent = self.intent(call, action.as_ref(), &decision);
        match self.rooms.trail.append(&intent).await {
            Ok(()) => self.complete(&intent, OutcomeResult::Refused, Some(refusal.exit_code), None, 0).await,
            Err(error) => {
                tracing::error!(execution = %self.execution.id, error = &error as &dyn std::error::Error, "a refusal could not be written to the trail");
            }
        }
        say(io, &refusal.reason).await;
        refusal.exit_code
    }

    /// The calls that bring back what is there now, before a call changes it. Nothing of this hinders the call.
    async fn before(&self, call: &Call, stop: &CancellationToken) -> Vec<Vec<String>> {
        let back = undo::before(&self.rooms, &self.environment, &self.caller.person, call, stop).await;
        let secret = |word: &String| self.secrets.are_in(word);
        if back.iter().flatten().any(secret) { Vec::new() } else { back }
    }

    fn intent(&self, call: &Call, action: Option<&Action>, decision: &Decision) -> AuditEvent {
        let summary = action.map_or_else(|| call.tool().to_owned(), |action| action.verb.clone());
        let mut event = self.event(EventKind::ActionIntent, summary);
        event.argv =
            bounded(command::mask::mask(&call.argv).into_iter().map(|word| self.secrets.mask(&word)).collect());
        // A refusal quotes what it refuses.
        let rule = self.secrets.mask(&command::mask::mask_text(&decision.rule));
        event.decision = Some(Decision { rule: cut(rule, RULE_LIMIT), verdict: decision.verdict });
        if let Some(action) = action {
            event.targets = self.targets(&action.targets);
            event.effect = Some(action.effect);
        }
        event
    }

    /// The first targets without secrets. A call can name thousands, and each one costs.
    fn targets(&self, targets: &[Target]) -> Vec<Target> {
        let shown = |text: &Option<String>| text.as_deref().map(|text| cut(self.secrets.mask(text), TARGET_LIMIT));
        let mut kept: Vec<Target> = targets
            .iter()
            .take(TARGETS)
            .map(|target| Target {
                kind: cut(target.kind.clone(), TARGET_LIMIT),
                name: shown(&target.name),
                selector: shown(&target.selector),
                namespace: shown(&target.namespace),
            })
            .collect();
        if targets.len() > TARGETS {
            let more = format!("… and {} more", targets.len() - TARGETS);
            kept.push(Target { kind: "target".to_owned(), name: Some(more), ..Target::default() });
        }
        kept
    }

    async fn complete(
        &self,
        intent: &AuditEvent,
        result: OutcomeResult,
        code: Option<u8>,
        digest: Option<String>,
        bytes: i64,
    ) {
        let mut event = self.event(EventKind::ActionOutcome, result.word().to_owned());
        event.completes = Some(intent.id);
        event.effect = intent.effect;
        event.outcome = Some(Outcome {
            result,
            exit_code: code.map(i32::from),
            duration_ms: event.at.duration_since(intent.at).as_millis().try_into().unwrap_or(i64::MAX),
            output_digest: digest,
            output_bytes: bytes,
        });
        if let Err(error) = self.rooms.trail.append(&event).await {
            // The intent stands; the sweeper will call its outcome unknown.
            tracing::error!(execution = %self.execution.id, error = &error as &dyn std::error::Error, "an outcome could not be written to the trail");
        }
        self.rooms.changed(self.run.id);
    }

    fn event(&self, kind: EventKind, summary: String) -> AuditEvent {
        let mut event = AuditEvent::new(self.rooms.now(), kind, Actor::from(&self.caller), summary);
        event.parent = Some(self.parent);
        event.run = Some(self.run.id);
        event.execution = Some(self.execution.id);
        event.environment = Some(self.environment.name.clone());
        event.place = Some(place(&self.run, Some(self.execution.command.clone())));
        event
    }
}

/// One line on the caller's standard error. Nobody may be listening: that is no failure of ours.
async fn say(io: &dyn CallIo, line: &str) {
    if io.write(Stream::Stderr, Bytes::from(format!("{line}\n"))).await.is_err() {
        tracing::debug!("a caller left before it was told: {line}");
    }
}

fn bounded(argv: Vec<String>) -> Vec<String> {
    let mut left = ARGV_LIMIT;
    let mut kept = Vec::new();
    for word in argv {
        if word.len() > left {
            kept.push(cut(word, left));
            break;
        }
        left -= word.len();
        kept.push(word);
    }
    kept
}

/// The beginning of a text that is too long, and how long it was.
fn cut(text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    format!("{}… ({} bytes)", &text[..text.floor_char_boundary(most)], text.len())
}

/// What was decided of a call.
struct Judged {
    terminal: Access,
    action: Action,
    decision: Decision,
}

/// Whether a call may open a terminal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    None,
    Typed,
}

/// Counts and digests what an adapter writes.
struct Metered<'a> {
    io: &'a dyn CallIo,
    broker: &'a Broker,
    /// How far the call reaches here.
    effect: Effect,
    seen: Mutex<(Sha256, i64)>,
    caller_left: AtomicBool,
    access: Access,
    /// The last terminal that was opened.
    terminal: std::sync::Mutex<Option<Arc<Terminal>>>,
}

impl<'a> Metered<'a> {
    fn new(io: &'a dyn CallIo, broker: &'a Broker, effect: Effect, access: Access) -> Self {
        let seen = Mutex::new((Sha256::new(), 0));
        Self { io, broker, effect, seen, caller_left: AtomicBool::new(false), access, terminal: Default::default() }
    }

    async fn finish(self) -> (String, i64) {
        let terminal = locked(&self.terminal).take();
        if let Some(terminal) = terminal {
            terminal.finish().await;
        }
        let (digest, bytes) = self.seen.into_inner();
        (crate::running::hex(&digest.finalize()), bytes)
    }
}

#[async_trait]
impl CallIo for Metered<'_> {
    async fn write(&self, stream: Stream, bytes: Bytes) -> Result<(), CallEnded> {
        let mut seen = self.seen.lock().await;
        let terminal = locked(&self.terminal).clone();
        let written = match (stream, terminal) {
            (Stream::Terminal, Some(terminal)) => {
                terminal.print(&bytes).await;
                if self.io.ended().is_cancelled() { Err(CallEnded) } else { Ok(()) }
            }
            _ => self.io.write(stream, bytes.clone()).await,
        };
        match written {
            Ok(()) => {
                seen.0.update(&bytes);
                seen.1 += i64::try_from(bytes.len()).unwrap_or(i64::MAX);
            }
            Err(CallEnded) => self.caller_left.store(true, Ordering::Relaxed),
        }
        written
    }

    async fn read_stdin(&self) -> Result<Option<Bytes>, CallEnded> {
        self.io.read_stdin().await
    }

    async fn read_file(&self, path: &str, most: usize) -> Result<Bytes, FileError> {
        self.io.read_file(path, most).await
    }

    async fn ask(&self, question: Question) -> Result<Answer, CallEnded> {
        let rooms = &self.broker.rooms;
        let secrets = &self.broker.secrets;
        // A text with a mask in it would be written back with the mask.
        if question.text.as_ref().is_some_and(|text| secrets.mask(text) != *text) {
            say(self.io, "runbook-portal: this holds a secret that this run was given, and is not shown for editing")
                .await;
            return Ok(Answer::No);
        }
        let hidden = |text: String| secrets.mask(&command::mask::mask_text(&text));
        let question = Question {
            note: question.note.map(hidden),
            change: question.change.map(|(before, after)| (hidden(before), hidden(after))),
            // What the environment takes for more than its grammar says is so for whoever answers, too.
            effect: question.effect.max(self.effect),
            ..question
        };
        let (id, answer) = locked(&rooms.questions).ask(self.broker.run.id, self.broker.execution.id, question);
        rooms.changed(self.broker.run.id);
        let ended = self.io.ended();
        let answer = tokio::select! {
            answer = answer => answer.map_err(|_| CallEnded),
            () = ended.cancelled() => Err(CallEnded),
        };
        drop(locked(&rooms.questions).take(id));
        rooms.changed(self.broker.run.id);
        answer
    }

    fn open_link(&self, title: String, tunnel: Arc<dyn Tunnel>) -> Option<OpenLink> {
        let broker = self.broker;
        let place = Place { run: broker.run.id, execution: broker.execution.id, effect: self.effect };
        let link = Links::open(&broker.rooms.links, place, title, tunnel, broker.rooms.now())?;
        broker.rooms.changed(broker.run.id);
        Some(link)
    }

    async fn is_at_terminal(&self) -> bool {
        self.access == Access::Typed
    }

    async fn open_terminal(&self, title: String) -> Option<OpenTerminal> {
        if self.access == Access::None {
            return None;
        }
        let broker = self.broker;
        let wanted = Wanted {
            execution: broker.execution.id,
            title: broker.secrets.mask(&command::mask::mask_text(&title)),
            masker: broker.secrets.masker(),
            recorder: broker.recorder.clone(),
        };
        let (open, terminal) = Terminals::open(&broker.rooms.terminals, wanted, &broker.caller.person).await?;
        *locked(&self.terminal) = Some(terminal);
        broker.rooms.changed(broker.run.id);
        Some(open)
    }

    fn workspace(&self) -> Option<&Path> {
        self.io.workspace()
    }

    fn ended(&self) -> CancellationToken {
        self.io.ended()
    }
}
