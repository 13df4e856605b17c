//! `kubectl exec`: a program inside a container, over a WebSocket.
//!
//! Source: `k8s.io/kubectl/pkg/cmd/exec/exec.go`, v0.32; `k8s.io/apimachinery/pkg/util/remotecommand` for exit codes.

use bytes::Bytes;
use command::kubectl::Exec;
use futures::SinkExt as _;
use futures::future::try_join;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status as K8sStatus;
use kube::api::{AttachParams, AttachedProcess, TerminalSize};
use operations::{OpenTerminal, Stream, TerminalInput, terminal};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::api::{AS_JSON, Query};
use crate::discovery;
use crate::failure::{Failure, Status};
use crate::logs::choose;
use crate::output::Output;
use crate::resolve::{Scope, path_segment};

/// Bytes on their way in one direction, at most.
const BUFFER: usize = 32 << 10;

/// What `timeout(1)` returns.
const TIMED_OUT: u8 = 124;

/// What kubectl says where `-t` is given without a terminal.
pub(crate) const NO_TERMINAL: &str = "Unable to use a TTY - input is not a terminal or the right kind of file\n";

pub(crate) async fn run(scope: &Scope<'_>, exec: &Exec, out: Output<'_>) -> Result<(), Failure> {
    let with_terminal = exec.stdin && exec.terminal && out.io.is_at_terminal().await;
    if exec.stdin && exec.terminal && !with_terminal && !exec.quiet {
        out.err(NO_TERMINAL).await?;
    }
    let pod = pod(scope, exec).await?;
    let text = |path: &str| pod.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let phase = text("/status/phase");
    if ["Succeeded", "Failed"].contains(&phase) {
        return Err(Failure::error(format!(
            "cannot exec into a container in a completed pod; current phase is {phase}"
        )));
    }
    let say = (!exec.quiet).then_some(out);
    // A given name is for the server to judge, as kubectl leaves it.
    let container = match &exec.container {
        Some(container) => container.clone(),
        None => choose::container(&pod, None, say).await?,
    };
    let pods: kube::Api<Pod> = kube::Api::namespaced(scope.api.cluster.client.clone(), text("/metadata/namespace"));
    let title = format!("{}/{}: {}", exec.object.0, exec.object.1, exec.command.join(" "));
    let terminal = if with_terminal { out.io.open_terminal(title).await } else { None };
    if let Some(terminal) = terminal {
        let params = AttachParams { tty: true, stderr: false, max_stderr_buf_size: None, ..params(container, true) };
        let process =
            pods.exec(text("/metadata/name"), &exec.command, &params).await.map_err(|error| failed(scope, error))?;
        return talk(process, terminal, out).await;
    }
    let params = params(container, exec.stdin);
    let process =
        pods.exec(text("/metadata/name"), &exec.command, &params).await.map_err(|error| failed(scope, error))?;
    follow(process, None, out).await
}

/// How to attach without a terminal.
pub(crate) fn params(container: String, stdin: bool) -> AttachParams {
    AttachParams {
        container: Some(container),
        stdin,
        stdout: true,
        stderr: true,
        tty: false,
        max_stdin_buf_size: Some(BUFFER),
        max_stdout_buf_size: Some(BUFFER),
        max_stderr_buf_size: Some(BUFFER),
    }
}

async fn pod(scope: &Scope<'_>, exec: &Exec) -> Result<Value, Failure> {
    let (kind, name) = &exec.object;
    let mapping = discovery::one(&scope.api, kind).await?;
    scope.permit(&mapping)?;
    path_segment(name)?;
    let object = scope.get(&mapping, name, &Query::new(), AS_JSON).await?;
    if mapping.is("", "pods") {
        return Ok(object);
    }
    let mut pods = choose::pods(scope, &mapping, &object, exec.pod_timeout, "cannot attach to").await?;
    Ok(pods.swap_remove(0))
}

/// A connection that was refused, without the cause's own words where those may quote credentials.
pub(crate) fn failed(scope: &Scope<'_>, error: kube::Error) -> Failure {
    match error {
        kube::Error::Api(status) => {
            let value = serde_json::to_value(&*status).unwrap_or_default();
            Failure::Server(Box::new(Status::of(&value, 500)))
        }
        kube::Error::UpgradeConnection(_) => Failure::error(
            "unable to upgrade connection: the server, or something between, does not speak WebSocket for this",
        ),
        error => scope.api.unreachable(&error),
    }
}

/// Copies a program's streams until it ends. `first` goes into its standard input before the caller's own.
pub(crate) async fn follow(mut process: AttachedProcess, first: Option<Bytes>, out: Output<'_>) -> Result<(), Failure> {
    let status = process.take_status();
    let outputs = try_join(copy(process.stdout(), Stream::Stdout, out), copy(process.stderr(), Stream::Stderr, out));
    let input = process.stdin();
    let feeding = async {
        if let Some(input) = input {
            feed(input, first, out).await;
        }
        // The program decides when it is over.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        done = outputs => { done?; }
        () = feeding => {}
    }
    how_it_ended(status).await
}

/// Lets somebody talk to a program until it ends, or until nobody has typed for long.
async fn talk(mut process: AttachedProcess, mut terminal: OpenTerminal, out: Output<'_>) -> Result<(), Failure> {
    let status = process.take_status();
    let (stdin, mut sizes) = (process.stdin(), process.terminal_size());
    let printing = copy(process.stdout(), Stream::Terminal, out);
    let typing = async {
        let mut stdin = stdin;
        while let Some(input) = terminal.input().await {
            match (input, &mut stdin, &mut sizes) {
                (TerminalInput::Typed(keys), Some(stdin), _) => {
                    let _gone = stdin.write_all(&keys).await;
                }
                (TerminalInput::Resized(size), _, Some(sizes)) => {
                    let size = TerminalSize { width: size.columns, height: size.rows };
                    // The program may have ended already.
                    let _gone = sizes.send(size).await;
                }
                _ => {}
            }
        }
    };
    tokio::select! {
        done = printing => done?,
        () = typing => {
            out.send(Stream::Terminal, Bytes::from_static(terminal::IDLE_WORDS.as_bytes())).await?;
            return Err(Failure::Exit(TIMED_OUT, String::new()));
        }
    }
    how_it_ended(status).await
}

async fn how_it_ended(status: Option<impl Future<Output = Option<K8sStatus>>>) -> Result<(), Failure> {
    let status = match status {
        Some(status) => status.await,
        None => None,
    };
    match status {
        Some(status) => ended(&serde_json::to_value(status).unwrap_or_default()),
        None => Err(Failure::error("the connection ended before the command did: how it ended is not known")),
    }
}

/// What a status says of how a program ended.
fn ended(status: &Value) -> Result<(), Failure> {
    if status["status"] == "Success" {
        return Ok(());
    }
    let causes = status["details"]["causes"].as_array();
    let mut codes = causes.into_iter().flatten().filter(|cause| cause["reason"] == "ExitCode");
    let code = codes.next().and_then(|cause| cause["message"].as_str()).and_then(|code| code.parse::<u8>().ok());
    Err(match code {
        Some(code) => Failure::Exit(code, format!("command terminated with exit code {code}")),
        None => Failure::error(status["message"].as_str().unwrap_or("the command could not be started").to_owned()),
    })
}

async fn copy(from: Option<impl AsyncRead + Unpin>, stream: Stream, out: Output<'_>) -> Result<(), Failure> {
    let Some(mut from) = from else { return Ok(()) };
    let mut buffer = vec![0; BUFFER];
    loop {
        // A broken connection ends the stream; the missing status tells of it.
        let read = from.read(&mut buffer).await.unwrap_or(0);
        if read == 0 {
            return Ok(());
        }
        out.send(stream, Bytes::copy_from_slice(&buffer[..read])).await?;
    }
}

async fn feed(mut input: impl AsyncWrite + Unpin, first: Option<Bytes>, out: Output<'_>) {
    let mut next = first;
    loop {
        let piece = match next.take() {
            Some(piece) => Some(piece),
            None => match out.io.read_stdin().await {
                Ok(piece) => piece,
                Err(_) => return,
            },
        };
        let Some(piece) = piece else {
            // The program may have ended already.
            let _gone = input.shutdown().await;
            return;
        };
        if input.write_all(&piece).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn exit_codes_are_read() {
        assert_eq!(ended(&json!({"status": "Success"})), Ok(()));
        let failed = json!({"status": "Failure", "reason": "NonZeroExitCode", "message": "m",
            "details": {"causes": [{"reason": "ExitCode", "message": "3"}]}});
        let failure = ended(&failed).expect_err("three");
        assert_eq!((failure.print().as_str(), failure.exit_code()), ("command terminated with exit code 3\n", 3));
        let failure = ended(&json!({"status": "Failure", "message": "no such container"})).expect_err("failed");
        assert_eq!((failure.print().as_str(), failure.exit_code()), ("error: no such container\n", 1));
    }
}
