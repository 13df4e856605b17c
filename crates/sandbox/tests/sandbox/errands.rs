//! A real program that the broker runs: here bash, which does what a program with a hole in it could be made to do.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use operations::{
    Call, CallEnded, CallHandler, CallIo, Executor, Exit, FileError, Limits, OpenTerminal, RunId, Stream,
    TerminalInput, TerminalSize,
};
use sandbox::{Access, Door, Errand, Errands, Input, Keeper};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::fixture::{Outcome, Place, place, processes, unique_seconds};

/// Performs `kubectl CODE` as an errand of bash.
struct Sender {
    errands: Errands,
    access: Access,
    input: Input,
    limits: Limits,
}

/// Answers each connection with what came in.
struct Echo;

#[async_trait]
impl Keeper for Echo {
    async fn serve(&self, mut program: TcpStream) {
        let mut text = [0; 5];
        if program.read_exact(&mut text).await.is_ok() {
            let _ = program.write_all(&text).await;
        }
    }
}

#[async_trait]
impl CallHandler for Sender {
    async fn handle(&self, call: Call, io: Arc<dyn CallIo>) -> u8 {
        let errand = Errand {
            arguments: vec!["-c".into(), call.argv[1].clone()],
            directory: call.directory.clone(),
            workspace: self.access,
            input: self.input,
            limits: self.limits,
            ..errand()
        };
        match self.errands.run(errand, &*io).await {
            Ok(code) => code,
            Err(error) => {
                let _ = io.write(Stream::Stderr, Bytes::from(format!("{error:?}"))).await;
                255
            }
        }
    }
}

/// A caller at a terminal, where somebody types what is given, each when the program has printed something.
struct Typist {
    printed: Mutex<String>,
    changed: watch::Sender<()>,
    ended: CancellationToken,
}

#[async_trait]
impl CallIo for Typist {
    async fn write(&self, stream: Stream, bytes: Bytes) -> Result<(), CallEnded> {
        assert_eq!(stream, Stream::Terminal);
        self.printed.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes));
        self.changed.send_replace(());
        Ok(())
    }

    async fn read_stdin(&self) -> Result<Option<Bytes>, CallEnded> {
        panic!("a program at a terminal reads the terminal")
    }

    async fn read_file(&self, _: &str, _: usize) -> Result<Bytes, FileError> {
        Err(FileError::Ended(CallEnded))
    }

    fn workspace(&self) -> Option<&Path> {
        None
    }

    fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }
}

/// Runs bash at a terminal; each text is typed once what stands before it was printed.
async fn talk(place: &Place, typed: &[(&str, &str)], script: &str) -> (String, u8) {
    let typist = Typist { printed: Mutex::default(), changed: watch::Sender::new(()), ended: CancellationToken::new() };
    let errand = Errand { arguments: vec!["-c".into(), script.to_owned()], ..errand() };
    let (keys, inputs) = mpsc::channel(16);
    let terminal = OpenTerminal::new(inputs, ());
    let errands = place.sandbox.errands();
    let running = tokio::time::timeout(Duration::from_secs(30), errands.talk(errand, terminal, &typist));
    let typing = async {
        let mut changes = typist.changed.subscribe();
        keys.send(TerminalInput::Resized(TerminalSize::new(101, 31))).await.unwrap();
        for (after, text) in typed {
            while !typist.printed.lock().unwrap().contains(after) {
                changes.changed().await.unwrap();
            }
            match *text {
                STOP => typist.ended.cancel(),
                text => keys.send(TerminalInput::Typed(Bytes::copy_from_slice(text.as_bytes()))).await.unwrap(),
            }
        }
        std::future::pending::<()>().await;
    };
    let code = tokio::select! {
        done = running => done.expect("in time").unwrap(),
        () = typing => unreachable!(),
    };
    (typist.printed.into_inner().unwrap(), code)
}

const STOP: &str = "stop";

#[tokio::test]
async fn a_program_has_a_terminal_of_its_own() {
    let Some(place) = place() else { return };
    let script = "tty -s && [ -t 1 ] && [ -t 2 ] && echo all three; echo to errors >&2; until [ \"$(stty size)\" = '31 101' ]; do :; done
        read -rp 'name? ' name; read -rsp 'secret? ' secret; echo; echo \"$name ${#secret} $TERM\"; : >/dev/tty && echo own; exit 5";
    let (printed, code) = talk(&place, &[("name? ", "ada\r"), ("secret? ", "hunter2\r")], script).await;
    assert_eq!(code, 5, "{printed}");
    assert_eq!(printed, "all three\r\nto errors\r\nname? ada\r\nsecret? \r\nada 7 dumb\r\nown\r\n");
}

#[tokio::test]
async fn keys_that_interrupt_reach_the_program_and_a_stop_ends_it() {
    let Some(place) = place() else { return };
    // Whoever says that it is ready is who will be interrupted: bash itself would begin the next program after that.
    let script =
        "trap 'echo interrupted' INT; sh -c 'echo ready; exec sleep 1000'; echo after; read -r line; echo \"<$line>\"";
    let typed = [("ready", "\u{3}"), ("after", "\u{4}")];
    let (printed, code) = talk(&place, &typed, script).await;
    assert_eq!((printed.as_str(), code), ("ready\r\n^Cinterrupted\r\nafter\r\n<>\r\n", 0));
    let seconds = unique_seconds();
    let (_, code) = talk(&place, &[("ready", STOP)], &format!("echo ready; sleep {seconds} & sleep {seconds}")).await;
    assert_eq!((code, processes(&seconds)), (141, 0));
}

fn errand() -> Errand {
    Errand {
        program: "/bin/bash".into(),
        arguments: Vec::new(),
        directory: "/workspace".into(),
        variables: [("KEY".to_owned(), "a secret".to_owned())].into(),
        files: [("authority/ca.pem".to_owned(), Bytes::from_static(b"certificate\n"))].into(),
        read_only: Vec::new(),
        workspace: Access::None,
        input: Input::None,
        doors: vec![Door { port: 6379, keeper: Arc::new(Echo) }],
        limits: Limits { time: Duration::from_secs(50), ..Limits::default() },
    }
}

impl Sender {
    fn new(place: &Place) -> Self {
        let limits = Limits { time: Duration::from_secs(50), ..Limits::default() };
        Self { errands: place.sandbox.errands(), access: Access::None, input: Input::None, limits }
    }

    /// Runs a script whose `kubectl`s are errands.
    async fn script(self, place: &mut Place, script: &str) -> Outcome {
        place.request.script = script.to_owned();
        place.request.execution = operations::ExecutionId::new();
        place.sink = Arc::default();
        let running =
            place.sandbox.execute(place.request.clone(), Arc::new(self), place.sink.clone(), place.stop.clone());
        let ended = tokio::time::timeout(Duration::from_secs(60), running).await.expect("in time").unwrap();
        assert_eq!(std::fs::read_dir(place.folder().join("executions")).unwrap().count(), 0, "nothing is left over");
        let [stdout, stderr] = [Stream::Stdout, Stream::Stderr].map(|stream| place.sink.text(stream));
        Outcome { exit: ended.exit, exported: BTreeMap::new(), stdout, stderr }
    }
}

#[tokio::test]
async fn the_doors_are_the_only_way_out() {
    let Some(mut place) = place() else { return };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let script = format!(
        "kubectl 'exec 3<>/dev/tcp/127.0.0.1/6379; printf hello >&3; read -rN 5 -u 3 said; echo said $said\n\
         for server in 127.0.0.1/{port} 169.254.169.254/80 8.8.8.8/53 127.0.0.1/22; do\n\
         (: < /dev/tcp/$server) 2>/dev/null && echo reached $server; done; true'"
    );
    let end = Sender::new(&place).script(&mut place, &script).await;
    assert_eq!((end.stdout.as_str(), end.exit), ("said hello\n", Exit::Code(0)), "{}", end.stderr);
}

#[tokio::test]
async fn what_is_given_is_all_there_is() {
    let Some(mut place) = place() else { return };
    let end = Sender::new(&place)
        .script(
            &mut place,
            "kubectl 'echo \"$KEY\"; cat /run/files/authority/ca.pem; compgen -e | sort | tr \"\\n\" \" \"; echo\n\
             ls -A /proc /workspace 2>&1 | head -3; pwd; id -u; ls /run/runbook\n\
             for path in /home /root /etc/shadow /var/lib /srv /sys /run/runbook/step; do cat $path/* $path 2>/dev/null; done\n\
             exec 3<>/dev/tcp/0/0 2>/dev/null; touch /usr/x /etc/x /run/runbook/x /x 2>/dev/null || echo read-only'; id -u",
        )
        .await;
    let lines: Vec<&str> = end.stdout.lines().collect();
    let expected = "HOME KEY LANG LOGNAME OLDPWD PAGER PATH PWD SHLVL TERM TMPDIR USER _ ";
    let inherited: Vec<&str> = lines[2].split(' ').filter(|name| !expected.contains(name)).collect();
    assert_eq!(lines[..2], ["a secret", "certificate"], "{}", end.stderr);
    assert_eq!(inherited, Vec::<&str>::new());
    assert!(
        end.stdout.contains("cannot access '/proc'") && end.stdout.contains("cannot access '/workspace'"),
        "{}",
        end.stdout
    );
    let user = lines.last().unwrap();
    assert!(lines.contains(&"/tmp") && *user != "0", "{}", end.stdout);
    assert_eq!(lines.iter().filter(|line| *line == user).count(), 2, "the run's own user: {}", end.stdout);
    assert!(
        end.stdout.contains("group\nhosts\nnsswitch.conf\npasswd\nrunbook-shim\nsocket\nread-only\n"),
        "{}",
        end.stdout
    );
}

#[tokio::test]
async fn the_workspace_is_there_as_far_as_it_is_needed() {
    let Some(mut place) = place() else { return };
    let other = RunId::new();
    let run = std::mem::replace(&mut place.request.run, other);
    place.run("echo others > secret").await;
    place.request.run = run;
    let secret = place.folder().join("workspaces").join(other.to_string()).join("secret");
    let script = format!(
        "mkdir -p d; cd d; echo in > file; ln -sf {} others; ln -sf /etc/shadow shadow; ln -sf /home out\n\
         kubectl 'pwd; cat file; cat others shadow 2>/dev/null; ls out/ 2>/dev/null; echo new > made' || true; cat made || true",
        secret.display()
    );
    let reading = Sender { access: Access::Read, ..Sender::new(&place) };
    let end = reading.script(&mut place, &script).await;
    assert_eq!(end.stdout, "/workspace/d\nin\n", "{}", end.stderr);
    let writing = Sender { access: Access::Write, ..Sender::new(&place) };
    let end = writing.script(&mut place, &format!("{script}; echo more >> made")).await;
    assert_eq!((end.stdout.as_str(), end.exit), ("/workspace/d\nin\nnew\n", Exit::Code(0)), "{}", end.stderr);
}

#[tokio::test]
async fn exit_codes_and_signals_come_back() {
    let Some(mut place) = place() else { return };
    let script = "kubectl 'exit 7' || echo $?; kubectl 'kill -9 $$' || echo $?; kubectl 'kill -TERM $$' || echo $?";
    let end = Sender::new(&place).script(&mut place, script).await;
    assert_eq!(end.stdout, "7\n137\n143\n", "{}", end.stderr);
}

#[tokio::test]
async fn input_is_the_callers_only_where_it_is_asked_for() {
    let Some(mut place) = place() else { return };
    let lines = "printf 'a\\nb\\nc\\n' | while read -r line; do echo loop $line; kubectl 'cat'; done";
    let end = Sender::new(&place).script(&mut place, lines).await;
    assert_eq!(end.stdout, "loop a\nloop b\nloop c\n", "{}", end.stderr);
    let taking = Sender { input: Input::Caller, ..Sender::new(&place) };
    let end = taking.script(&mut place, lines).await;
    assert_eq!(end.stdout, "loop a\nb\nc\n", "{}", end.stderr);
    let taking = Sender { input: Input::Caller, ..Sender::new(&place) };
    let end = taking.script(&mut place, "head -c 3000000 /dev/zero | kubectl 'wc -c'; yes | kubectl 'head -1'").await;
    assert_eq!(end.stdout, "3000000\ny\n", "{}", end.stderr);
}

#[tokio::test]
async fn output_streams_and_a_closed_pipe_ends_the_writer() {
    let Some(mut place) = place() else { return };
    let seconds = unique_seconds();
    let script = format!("kubectl 'head -c 30000000 /dev/zero' | wc -c; kubectl 'sleep {seconds} & yes' | head -1");
    let end = Sender::new(&place).script(&mut place, &script).await;
    assert_eq!((end.stdout.as_str(), end.exit), ("30000000\ny\n", Exit::Code(0)), "{}", end.stderr);
    assert_eq!(processes(&seconds), 0);
}

#[tokio::test]
async fn stop_ends_it_with_all_that_it_started() {
    let Some(mut place) = place() else { return };
    let seconds = unique_seconds();
    let (sink_stop, script) =
        (place.stop.clone(), format!("kubectl 'setsid sleep {seconds} & echo begun; sleep {seconds}'"));
    let sender = Sender::new(&place);
    place.request.script = script;
    let running = place.sandbox.execute(place.request.clone(), Arc::new(sender), place.sink.clone(), sink_stop.clone());
    let stopping = async {
        place.sink.until("begun").await;
        sink_stop.cancel();
    };
    let (ended, ()) = tokio::join!(tokio::time::timeout(Duration::from_secs(60), running), stopping);
    assert_eq!(ended.expect("in time").unwrap().exit, Exit::Stopped);
    assert_eq!(processes(&seconds), 0);
}

#[tokio::test]
async fn time_and_memory_are_bounded() {
    let Some(mut place) = place() else { return };
    let seconds = unique_seconds();
    let mut sender = Sender::new(&place);
    sender.limits.time = Duration::from_secs(1);
    let end = sender.script(&mut place, &format!("kubectl 'echo before; sleep {seconds}' || echo $?")).await;
    assert_eq!(end.stdout, "before\n124\n");
    assert!(end.stderr.contains("its time was over"), "{}", end.stderr);
    assert_eq!(processes(&seconds), 0);
    let mut sender = Sender::new(&place);
    sender.limits.memory = 256 << 20;
    let end =
        sender.script(&mut place, "kubectl 'head -c 400M /dev/zero | tail -n 1 | wc -c' || true; echo after").await;
    assert!(!end.stdout.contains("419430400") && end.stdout.ends_with("after\n"), "{} {}", end.stdout, end.stderr);
}
