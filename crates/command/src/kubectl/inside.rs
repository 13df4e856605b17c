//! `kubectl exec`, `kubectl attach` and `kubectl run`: programs inside pods, and how far those reach.

use std::time::Duration;

use super::commands::{DryRun, Output};
use super::pflag::Arguments;
use super::read::{CHANGE_FORMATS, dry_run, output};
use super::{selection, usage};
use crate::program;
use crate::script::Script;
use crate::{Effect, Refusal};

/// `kubectl exec`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exec {
    /// `TYPE` and `NAME`; a bare name is a pod.
    pub object: (String, String),
    /// The container.
    pub container: Option<String>,
    /// `-i`
    pub stdin: bool,
    /// `-t`: where nobody gives the call a terminal, it only brings a sentence on stderr.
    pub terminal: bool,
    /// `-q`
    pub quiet: bool,
    /// The program and its arguments; never empty.
    pub command: Vec<String>,
    /// How long to wait for a first pod.
    pub pod_timeout: Duration,
}

/// `kubectl run`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The pod's name, and its container's.
    pub name: String,
    /// The image.
    pub image: String,
    /// What stands after the name: arguments of the image's program.
    pub arguments: Vec<String>,
    /// `--command`: the arguments begin with the program itself.
    pub command: bool,
    /// `NAME=value`
    pub env: Vec<(String, String)>,
    /// Labels of the pod; empty for `run=NAME`.
    pub labels: Vec<(String, String)>,
    /// `--annotations`
    pub annotations: Vec<(String, String)>,
    /// The port of its container.
    pub port: Option<i64>,
    /// `Always`, `OnFailure`, `Never`.
    pub restart: String,
    /// `--image-pull-policy`
    pub pull_policy: Option<String>,
    /// `--privileged`
    pub privileged: bool,
    /// `-i`
    pub stdin: bool,
    /// `-t`
    pub terminal: bool,
    /// Whether its output is followed to the end.
    pub attach: bool,
    /// `--rm`: it is deleted afterwards.
    pub remove: bool,
    /// `-q`
    pub quiet: bool,
    /// How long to wait until it runs.
    pub pod_timeout: Duration,
    /// Whether it is only tried.
    pub dry_run: DryRun,
    /// How the result is written; `None` for a sentence.
    pub output: Option<Output>,
}

/// `kubectl port-forward`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// `TYPE` and `NAME`; a bare name is a pod.
    pub object: (String, String),
    /// The ports over there, each a number or a name; never empty. Which ones they would be over here is nobody's matter.
    pub ports: Vec<String>,
    /// How long to wait for a first pod.
    pub pod_timeout: Duration,
}

pub(super) fn forward(given: &Arguments) -> Result<Forward, Refusal> {
    let (object, ports) = match given.words.as_slice() {
        [] | [_] => {
            return Err(usage(
                "error: TYPE/NAME and list of ports are required for port-forward\nSee 'kubectl port-forward -h' for help and examples",
            ));
        }
        [word, ports @ ..] if word.contains('/') => (selection::pair(word)?, ports),
        [word, ports @ ..] => (("pods".to_owned(), word.clone()), ports),
    };
    if given.given("address") {
        return Err(Refusal::not_permitted(
            "kubectl port-forward --address is not permitted: the port is reached by a link of this portal. Leave it out.",
        ));
    }
    let remote = |word: &String| {
        let remote = word.rsplit(':').next().unwrap_or_default();
        let is_name = remote.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        match remote.parse::<u16>() {
            Ok(1..) => Ok(remote.to_owned()),
            Err(_) if is_name && remote.starts_with(|c: char| c.is_ascii_alphabetic()) => Ok(remote.to_owned()),
            _ => Err(usage(format!("error: error parsing remote port '{remote}'"))),
        }
    };
    Ok(Forward { object, ports: ports.iter().map(remote).collect::<Result<_, _>>()?, pod_timeout: pod_timeout(given) })
}

fn pod_timeout(given: &Arguments) -> Duration {
    let nanoseconds = given.nanoseconds("pod-running-timeout").unwrap_or(60_000_000_000);
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(0))
}

pub(super) fn exec(given: &Arguments) -> Result<Exec, Refusal> {
    if given.given("filename") {
        return Err(Refusal::not_permitted("kubectl exec -f is not performed by this portal: name the pod instead"));
    }
    let Some(end) = given.dash_at else {
        return Err(usage(if given.words.len() < 2 {
            "error: you must specify at least one command for the container"
        } else {
            "error: exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead\nSee 'kubectl exec \
             -h' for help and examples"
        }));
    };
    let command = given.words[end..].to_vec();
    let object = match &given.words[..end] {
        [] => return Err(usage("error: pod, type/name or --filename must be specified")),
        [word] if word.contains('/') => selection::pair(word)?,
        [word] => ("pods".to_owned(), word.clone()),
        _ => {
            return Err(usage(
                "error: exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead\nSee 'kubectl \
                 exec -h' for help and examples",
            ));
        }
    };
    if command.is_empty() {
        return Err(usage("error: you must specify at least one command for the container"));
    }
    Ok(Exec {
        object,
        container: given.text("container"),
        stdin: given.on("stdin"),
        terminal: given.on("tty"),
        quiet: given.on("quiet"),
        command,
        pod_timeout: pod_timeout(given),
    })
}

pub(super) fn run(given: &Arguments) -> Result<Run, Refusal> {
    for name in ["overrides", "expose", "filename", "kustomize"] {
        if given.given(name) {
            return Err(Refusal::not_permitted(format!(
                "kubectl run --{name} is not performed by this portal: write a manifest and apply it"
            )));
        }
    }
    let Some((name, arguments)) = given.words.split_first() else {
        return Err(usage("error: NAME is required for run\nSee 'kubectl run -h' for help and examples"));
    };
    let Some(image) = given.text("image") else {
        return Err(usage("error: required flag(s) \"image\" not set"));
    };
    if given.dash_at == Some(0) {
        return Err(usage("error: NAME is required for run\nSee 'kubectl run -h' for help and examples"));
    }
    let restart = given.text("restart").unwrap_or_else(|| "Always".to_owned());
    if !["Always", "OnFailure", "Never"].contains(&restart.as_str()) {
        return Err(usage(format!("error: invalid restart policy: {restart}")));
    }
    let stdin = given.on("stdin");
    let terminal = given.on("tty");
    if terminal && !stdin {
        return Err(usage(
            "error: -i/--stdin is required for containers with -t/--tty=true\nSee 'kubectl run -h' for help and examples",
        ));
    }
    let dry_run = dry_run(given)?;
    let attach = given.on("attach") || (stdin && !given.off("attach"));
    let remove = given.on("rm");
    if remove && !attach {
        return Err(usage(
            "error: --rm should only be used for attached containers\nSee 'kubectl run -h' for help and examples",
        ));
    }
    if attach && dry_run != DryRun::None {
        return Err(usage(
            "error: --dry-run=[server|client] can't be used with attached containers options (--attach, --stdin, or --tty)",
        ));
    }
    let pairs = |values: Vec<String>, what: &str| -> Result<Vec<(String, String)>, Refusal> {
        values
            .iter()
            .map(|value| {
                let pair = value.split_once('=').filter(|(name, _)| !name.is_empty());
                let (name, value) = pair.ok_or_else(|| usage(format!("error: invalid {what}: {value}")))?;
                Ok((name.to_owned(), value.to_owned()))
            })
            .collect()
    };
    Ok(Run {
        name: name.clone(),
        image,
        arguments: arguments.to_vec(),
        command: given.on("command"),
        env: pairs(given.every("env"), "env")?,
        labels: pairs(given.list("labels"), "label spec")?,
        annotations: pairs(given.every("annotations"), "annotation")?,
        port: given.text("port").and_then(|port| port.parse().ok()),
        restart,
        pull_policy: given.text("image-pull-policy"),
        privileged: given.on("privileged"),
        stdin,
        terminal,
        attach,
        remove,
        quiet: given.on("quiet"),
        pod_timeout: pod_timeout(given),
        dry_run,
        output: output(given, CHANGE_FORMATS)?,
    })
}

/// Programs that only look, whatever their arguments say, and where they write it is their own output.
const LOOKS: &[&str] = &[
    "arch",
    "base64",
    "basename",
    "cal",
    "cat",
    "cksum",
    "cut",
    "date",
    "df",
    "dig",
    "dirname",
    "dmesg",
    "du",
    "echo",
    "egrep",
    "false",
    "fgrep",
    "free",
    "getent",
    "grep",
    "groups",
    "head",
    "host",
    "hostname",
    "id",
    "ifstat",
    "jps",
    "jstack",
    "jstat",
    "ls",
    "lscpu",
    "lsof",
    "md5sum",
    "netstat",
    "nproc",
    "nslookup",
    "pg_isready",
    "ping",
    "pgrep",
    "printenv",
    "printf",
    "ps",
    "pwd",
    "readlink",
    "realpath",
    "sha1sum",
    "sha256sum",
    "sleep",
    "ss",
    "stat",
    "tail",
    "test",
    "top",
    "tr",
    "tracepath",
    "traceroute",
    "true",
    "tty",
    "uname",
    "uptime",
    "vmstat",
    "wc",
    "whoami",
];

/// Programs that remove things or end processes.
const DESTROYS: &[&str] = &[
    "dropdb", "halt", "kill", "killall", "mkfs", "pg_ctl", "pkill", "poweroff", "reboot", "rm", "rmdir", "shred",
    "shutdown", "truncate", "unlink",
];

/// How far a program inside a pod reaches. One that is not known to be harmless counts as a change.
pub(super) fn effect(argv: &[String]) -> Effect {
    let Some(first) = argv.first() else { return Effect::Change };
    let name = program::base_name(first);
    let has = |words: &[&str]| argv.iter().any(|word| words.contains(&word.as_str()));
    if DESTROYS.contains(&name) {
        return Effect::Destroy;
    }
    if LOOKS.contains(&name) {
        return Effect::Read;
    }
    if program::SHELLS.contains(&name) {
        let script = argv.iter().position(|word| crate::call::is_short_option(word, 'c'));
        return script.and_then(|at| argv.get(at + 1)).map_or(Effect::Change, |text| of_script(text));
    }
    match name {
        "env" => {
            let rest: Vec<String> =
                argv[1..].iter().skip_while(|word| word.starts_with('-') || word.contains('=')).cloned().collect();
            if rest.is_empty() { Effect::Read } else { effect(&rest) }
        }
        "find" if has(&["-delete"]) => Effect::Destroy,
        "find" if has(&["-exec", "-execdir", "-ok", "-okdir", "-fprint", "-fprintf", "-fls"]) => Effect::Change,
        "find" => Effect::Read,
        // Whatever the answer holds goes to its output: no file is written.
        "wget" => {
            let quiet = argv.iter().any(|word| word == "--spider" || word == "-O-" || word == "-qO-" || word == "-")
                && !argv.iter().any(|word| word.starts_with("--post") || word.starts_with("--method"));
            if quiet { Effect::Read } else { Effect::Change }
        }
        "rabbitmqctl" | "rabbitmq-diagnostics" => match argv[1..].iter().find(|word| !word.starts_with('-')) {
            Some(verb) if verb.starts_with("list_") || verb.contains("status") || verb == "ping" => Effect::Read,
            Some(verb) if ["purge_queue", "delete_queue", "stop", "reset", "force_reset"].contains(&verb.as_str()) => {
                Effect::Destroy
            }
            _ => Effect::Change,
        },
        // What a cluster's own tool does from inside a pod, it does with the pod's credentials.
        "kubectl" | "aws" => Effect::Change.max(known(argv)),
        _ => known(argv),
    }
}

/// Whether a program inside a pod is known to say what it has to say, and to ask nothing.
pub(crate) fn only_prints(argv: &[String]) -> bool {
    let name = argv.first().map_or("", |first| program::base_name(first));
    LOOKS.contains(&name)
        || DESTROYS.contains(&name)
        || ["find", "rabbitmq-diagnostics", "rabbitmqctl", "wget"].contains(&name)
        || crate::known_to_broker(name)
        || program::is_sandbox_program(name)
}

/// A text that writes to a file, or that the grammar does not understand, changes something.
fn of_script(text: &str) -> Effect {
    let script = Script::parse(text);
    let writes = text.replace("2>&1", "").replace("2>/dev/null", "").replace(">/dev/null", "").contains('>');
    let least = if script.has_errors || writes || text.contains("$(") || text.contains('`') {
        Effect::Change
    } else {
        Effect::Read
    };
    script.calls.iter().map(|call| effect(&call.argv())).max().unwrap_or(Effect::Change).max(least)
}

fn known(argv: &[String]) -> Effect {
    let mut argv = argv.to_vec();
    argv[0] = program::base_name(&argv[0]).to_owned();
    // `kubectl exec … -- kubectl exec …` is not followed for ever.
    if argv[0] == "kubectl" {
        return Effect::Change;
    }
    crate::classify(&argv).map_or(Effect::Change, |action| action.effect)
}

/// Whether a program inside a pod goes on until it is stopped.
pub(super) fn follows(argv: &[String]) -> bool {
    let mut argv = argv.to_vec();
    let Some(first) = argv.first_mut() else { return false };
    *first = program::base_name(first).to_owned();
    program::follows(&argv)
}
