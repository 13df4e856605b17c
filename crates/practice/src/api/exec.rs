//! `pods/exec` and `pods/attach`: a program's streams over a WebSocket.
//!
//! The protocol is `v5.channel.k8s.io` (`v4` without the close signal): each message begins with its channel's number
//! (k8s.io/apimachinery `pkg/util/remotecommand`).

use super::Call;
use super::log_stream::container;
use crate::cluster::Cluster;
use crate::object::{name, namespace, text};
use crate::programs::{self, Container, Heard, Outcome, Talk};
use crate::status::Refusal;
use crate::store::Store;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;
const RESIZE: u8 = 4;
const CLOSE: u8 = 255;

/// Bytes of standard input that a rehearsed program looks at.
const INPUT: usize = 1 << 20;
/// Bytes of one message.
const PIECE: usize = 16 << 10;

/// What is started: a program of its own, or the container's.
#[derive(Debug)]
enum Started {
    Exec(Vec<String>),
    Attach,
}

/// Answers `exec` and `attach`.
pub(crate) fn serve(mut call: Call, sub: &str) -> Result<Response, Refusal> {
    let pod = call.stored()?;
    let container = container(&pod, call.query.get("container"))?;
    if text(&pod, "/status/phase") != "Running" {
        let why = format!(
            "container {container} is not running in pod {}: it is {}",
            name(&pod),
            text(&pod, "/status/phase")
        );
        return Err(Refusal::bad_request(why));
    }
    let started = match sub {
        "exec" => Started::Exec(call.query.all("command")),
        _ => Started::Attach,
    };
    if matches!(&started, Started::Exec(argv) if argv.is_empty()) {
        return Err(Refusal::bad_request("you must specify at least 1 command for the container"));
    }
    let upgrade = call.upgrade.take().ok_or_else(|| Refusal::bad_request("Upgrade request required"))?;
    let session = Session {
        cluster: Arc::clone(&call.cluster),
        pod,
        container,
        started,
        stdin: call.query.on("stdin"),
        terminal: call.query.on("tty"),
    };
    Ok(upgrade.protocols(["v5.channel.k8s.io", "v4.channel.k8s.io"]).on_upgrade(|socket| session.run(socket)))
}

/// The upgrade that a request asks for, kept until the path has said what it is about.
pub(crate) type Upgrade = Option<WebSocketUpgrade>;

struct Session {
    cluster: Arc<Cluster>,
    pod: Arc<Value>,
    container: String,
    started: Started,
    stdin: bool,
    terminal: bool,
}

impl Session {
    async fn run(self, mut socket: WebSocket) {
        let stop = self.cluster.stop.clone();
        tokio::select! {
            () = stop.cancelled() => {}
            // A caller that went away ends it too: there is nobody left to tell.
            _ended = self.play(&mut socket) => {}
        }
    }

    async fn play(&self, socket: &mut WebSocket) -> Result<(), axum::Error> {
        if let (true, true, Started::Exec(argv)) = (self.stdin, self.terminal, &self.started) {
            let talk = Talk::begin(argv, &self.container(&self.cluster.store()));
            if let Some(talk) = talk {
                return self.talk(talk, socket).await;
            }
        }
        let reads = match &self.started {
            Started::Exec(argv) => programs::reads_input(argv),
            Started::Attach => true,
        };
        let input = if self.stdin && reads { input(socket).await } else { String::new() };
        let outcome = {
            let store = self.cluster.store();
            let container = self.container(&store);
            match &self.started {
                Started::Exec(argv) => container.run(argv, &input),
                Started::Attach => programs::attached(&container, &input),
            }
        };
        tracing::debug!(
            namespace = namespace(&self.pod),
            pod = name(&self.pod),
            code = outcome.code,
            "rehearsed a program"
        );
        self.pass(outcome.seconds).await;
        let (stdout, stderr) = match self.terminal {
            true => ((outcome.stdout.clone() + &outcome.stderr).replace('\n', "\r\n"), String::new()),
            false => (outcome.stdout.clone(), outcome.stderr.clone()),
        };
        for (channel, text) in [(STDOUT, stdout), (STDERR, stderr)] {
            for piece in text.as_bytes().chunks(PIECE) {
                socket.send(message(channel, piece)).await?;
            }
        }
        good_bye(socket, &outcome).await
    }

    fn container<'a>(&'a self, store: &'a Store) -> Container<'a> {
        Container { store, pod: &self.pod, name: &self.container }
    }

    /// A program at a terminal, until it ends or nobody is there any more.
    async fn talk(&self, mut talk: Talk, socket: &mut WebSocket) -> Result<(), axum::Error> {
        socket.send(message(STDOUT, &talk.greeting())).await?;
        while let Some(said) = socket.recv().await {
            let Message::Binary(bytes) = said? else { continue };
            let heard = match bytes.split_first() {
                Some((&STDIN, keys)) => talk.typed(keys, &self.container(&self.cluster.store())),
                Some((&RESIZE, size)) => {
                    let size: Value = serde_json::from_slice(size).unwrap_or_default();
                    let side = |name: &str| size[name].as_u64().and_then(|side| u16::try_from(side).ok()).unwrap_or(1);
                    talk.resized(side("Width"), side("Height"));
                    continue;
                }
                Some((&CLOSE, [STDIN])) => Heard { ended: Some(0), ..Heard::default() },
                _ => continue,
            };
            self.pass(heard.seconds).await;
            for piece in heard.shown.chunks(PIECE) {
                socket.send(message(STDOUT, piece)).await?;
            }
            if let Some(code) = heard.ended {
                return good_bye(socket, &Outcome { code, ..Outcome::default() }).await;
            }
        }
        Ok(())
    }

    /// Waits for seconds of cluster time.
    async fn pass(&self, seconds: u32) {
        if seconds > 0 {
            let wait = f64::from(seconds.min(86_400)) / self.cluster.speed;
            tokio::time::sleep(Duration::from_secs_f64(wait)).await;
        }
    }
}

/// Says how a program ended, and waits for the other side's good-bye: until then its last frames are read, so that nothing is
/// cut off.
async fn good_bye(socket: &mut WebSocket, outcome: &Outcome) -> Result<(), axum::Error> {
    socket.send(message(STATUS, status(outcome).to_string().as_bytes())).await?;
    let frame = CloseFrame { code: close_code::NORMAL, reason: "".into() };
    socket.send(Message::Close(Some(frame))).await?;
    while let Some(Ok(_)) = socket.recv().await {}
    Ok(())
}

fn message(channel: u8, bytes: &[u8]) -> Message {
    Message::Binary(Bytes::from([&[channel], bytes].concat()))
}

/// Standard input to its end, as far as it is looked at.
async fn input(socket: &mut WebSocket) -> String {
    let mut whole = Vec::new();
    while let Some(Ok(message)) = socket.recv().await {
        match message {
            Message::Binary(bytes) => match bytes.split_first() {
                Some((&STDIN, piece)) => {
                    let room = INPUT.saturating_sub(whole.len());
                    whole.extend_from_slice(&piece[..piece.len().min(room)]);
                }
                Some((&CLOSE, [STDIN])) => break,
                _ => {}
            },
            Message::Close(_) => break,
            _ => {}
        }
    }
    String::from_utf8_lossy(&whole).into_owned()
}

fn status(outcome: &Outcome) -> Value {
    if outcome.code == 0 {
        return json!({"metadata": {}, "status": "Success"});
    }
    json!({
        "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
        "message": format!("command terminated with non-zero exit code: exit status {}", outcome.code),
        "details": {"causes": [{"reason": "ExitCode", "message": outcome.code.to_string()}]},
    })
}
