//! What programs do inside the containers of a practice cluster: a small simulation over the table in
//! `seed/programs.yaml`. It answers what runbooks ask of pods; nothing runs, and no file is ever changed.

mod talk;
mod web;

pub(crate) use talk::{Heard, Talk};

use crate::object::{self, list, name, namespace, text};
use crate::store::Store;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::OnceLock;

const TABLE: &str = include_str!("../seed/programs.yaml");

/// How deep shells may start shells.
const DEEPEST: u8 = 3;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    programs: Vec<Row>,
    entrypoints: BTreeMap<String, Vec<String>>,
    files: BTreeMap<String, String>,
    responses: Vec<Response>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    images: Vec<String>,
    program: String,
    #[serde(default)]
    when: String,
    #[serde(default)]
    stdout: String,
    #[serde(default)]
    stderr: String,
    #[serde(default)]
    code: u8,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Response {
    path: String,
    body: String,
}

fn table() -> &'static Table {
    static READ: OnceLock<Table> = OnceLock::new();
    READ.get_or_init(|| serde_yaml_ng::from_str(TABLE).expect("a test reads the table"))
}

/// What a program did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: u8,
    /// Seconds of cluster time that it took.
    pub(crate) seconds: u32,
}

impl Outcome {
    fn says(stdout: impl Into<String>) -> Self {
        Self { stdout: stdout.into(), ..Self::default() }
    }

    fn fails(code: u8, stderr: impl Into<String>) -> Self {
        Self { stderr: stderr.into(), code, ..Self::default() }
    }
}

/// One container, as a program in it sees the world.
pub(crate) struct Container<'a> {
    pub(crate) store: &'a Store,
    pub(crate) pod: &'a Value,
    pub(crate) name: &'a str,
}

impl Container<'_> {
    fn spec(&self) -> Option<&Value> {
        list(self.pod, "/spec/containers").iter().find(|spec| text(spec, "/name") == self.name)
    }

    /// The last part of the image's name, without tag and digest.
    fn image(&self) -> &str {
        let image = self.spec().map(|spec| text(spec, "/image")).unwrap_or_default();
        image.rsplit('/').next().unwrap_or_default().split([':', '@']).next().unwrap_or_default()
    }

    /// Runs a program with this on its standard input.
    pub(crate) fn run(&self, argv: &[String], stdin: &str) -> Outcome {
        self.start(argv, stdin, DEEPEST)
    }

    fn start(&self, argv: &[String], stdin: &str, depth: u8) -> Outcome {
        let Some(first) = argv.first() else { return Outcome::fails(126, "no command specified\n") };
        let program = ["/bin/", "/usr/bin/", "/usr/local/bin/", "/sbin/", "/usr/sbin/"]
            .iter()
            .find_map(|folder| first.strip_prefix(folder))
            .unwrap_or(first);
        let arguments = &argv[1..];
        if let Some(outcome) = self.built_in(program, arguments, stdin, depth) {
            return outcome;
        }
        let image = self.image();
        let asked = squeezed(&format!("{} {stdin}", arguments.join(" ")));
        let row = table().programs.iter().find(|row| {
            row.program == program
                && row.images.iter().any(|known| known == "*" || known == image)
                && asked.contains(&squeezed(&row.when))
        });
        match row {
            Some(row) => Outcome { stdout: row.stdout.clone(), stderr: row.stderr.clone(), code: row.code, seconds: 0 },
            None => not_found(first),
        }
    }

    fn built_in(&self, program: &str, arguments: &[String], stdin: &str, depth: u8) -> Option<Outcome> {
        let plain = || arguments.iter().filter(|word| !word.starts_with('-')).map(String::as_str);
        Some(match program {
            "true" => Outcome::default(),
            "false" => Outcome::fails(1, ""),
            "echo" => Outcome::says(arguments.join(" ") + "\n"),
            "hostname" => Outcome::says(format!("{}\n", name(self.pod))),
            "date" => Outcome::says(format!("{}\n", jiff::Timestamp::now().strftime("%a %b %e %H:%M:%S UTC %Y"))),
            "sleep" => {
                let seconds = arguments.first().and_then(|word| word.parse().ok()).unwrap_or(0);
                Outcome { seconds, ..Outcome::default() }
            }
            "env" | "printenv" => match plain().next() {
                None => Outcome::says(
                    self.variables().iter().map(|(key, value)| format!("{key}={value}\n")).collect::<String>(),
                ),
                Some(wanted) => match self.variables().iter().find(|(key, _)| key == wanted) {
                    Some((_, value)) => Outcome::says(format!("{value}\n")),
                    None => Outcome::fails(1, ""),
                },
            },
            "cat" => {
                let mut outcome = Outcome::default();
                if plain().next().is_none() {
                    stdin.clone_into(&mut outcome.stdout);
                }
                for path in plain() {
                    match (path, table().files.get(path)) {
                        ("/etc/hostname", _) => outcome.stdout.push_str(&format!("{}\n", name(self.pod))),
                        (_, Some(file)) => outcome.stdout.push_str(file),
                        (path, None) => {
                            outcome.stderr.push_str(&format!("cat: can't open '{path}': No such file or directory\n"));
                            outcome.code = 1;
                        }
                    }
                }
                outcome
            }
            "sh" | "bash" | "ash" => {
                let script = arguments.iter().position(|word| word == "-c").and_then(|at| arguments.get(at + 1));
                self.script(program, script.map_or(stdin, String::as_str), depth)
            }
            "nslookup" | "getent" => web::look_up(self, program, plain().next_back().unwrap_or_default()),
            "curl" | "wget" => web::fetch(self, program, arguments, &table().responses),
            _ => return None,
        })
    }

    /// Commands after each other; what a real shell would do beyond that is not rehearsed.
    fn script(&self, shell: &str, script: &str, depth: u8) -> Outcome {
        if depth == 0 || script.contains(['|', '>', '<', '$', '`', '(']) {
            return Outcome::fails(2, format!("{shell}: this line is not rehearsed in the practice cluster\n"));
        }
        let mut whole = Outcome::default();
        for line in script.split([';', '\n']) {
            for part in line.split("&&") {
                let argv = words(part);
                if argv.is_empty() {
                    continue;
                }
                let next = self.start(&argv, "", depth - 1);
                whole.stdout.push_str(&next.stdout);
                whole.stderr.push_str(&next.stderr);
                whole.code = next.code;
                whole.seconds += next.seconds;
                if next.code != 0 {
                    break;
                }
            }
        }
        whole
    }

    fn variables(&self) -> Vec<(String, String)> {
        let mut all = vec![
            ("PATH".to_owned(), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned()),
            ("HOSTNAME".to_owned(), name(self.pod).to_owned()),
        ];
        for variable in self.spec().map(|spec| list(spec, "/env")).unwrap_or_default() {
            // What comes from elsewhere is not read: secrets stay where they are.
            if variable.get("valueFrom").is_none() {
                all.push((text(variable, "/name").to_owned(), text(variable, "/value").to_owned()));
            }
        }
        all.push(("KUBERNETES_SERVICE_HOST".to_owned(), "10.96.0.1".to_owned()));
        all.push(("KUBERNETES_SERVICE_PORT".to_owned(), "443".to_owned()));
        all.push(("HOME".to_owned(), "/root".to_owned()));
        all
    }
}

/// Whether a program waits for its standard input to end.
pub(crate) fn reads_input(argv: &[String]) -> bool {
    let program = argv.first().map(|first| first.rsplit('/').next().unwrap_or_default()).unwrap_or_default();
    let has = |word: &str| argv.iter().any(|argument| argument == word);
    match program {
        "cat" => argv.len() == 1,
        "sh" | "bash" | "ash" => !has("-c"),
        "psql" => !has("-c") && !argv.iter().any(|word| word.starts_with("--command")),
        "redis-cli" => argv.len() == 1,
        "pg_restore" | "tee" | "mysql" => true,
        _ => false,
    }
}

/// What the program of a pod's only container has written, where the pod says which program that is. A failure is only
/// held against a pod that somebody made by hand: the Jobs of a practice cluster succeed.
pub(crate) fn of_pod(store: &Store, pod: &Value) -> Option<Outcome> {
    let [spec] = list(pod, "/spec/containers") else { return None };
    let words = |field: &str| -> Vec<String> {
        list(spec, field).iter().filter_map(|word| word.as_str().map(str::to_owned)).collect()
    };
    let container = Container { store, pod, name: text(spec, "/name") };
    let mut argv = match words("/command") {
        command if !command.is_empty() => command,
        _ => table().entrypoints.get(container.image()).cloned().unwrap_or_default(),
    };
    argv.extend(words("/args"));
    if argv.is_empty() || reads_input(&argv) && object::flag(spec, "/stdin") {
        return None;
    }
    let outcome = container.run(&argv, "");
    let held = outcome.code == 0 || object::controller_uid(pod).is_empty();
    held.then_some(outcome)
}

/// What the container's program does with this on its standard input.
pub(crate) fn attached(container: &Container<'_>, stdin: &str) -> Outcome {
    let Some(spec) = container.spec() else { return Outcome::default() };
    let words = |field: &str| -> Vec<String> {
        list(spec, field).iter().filter_map(|word| word.as_str().map(str::to_owned)).collect()
    };
    let argv: Vec<String> = words("/command").into_iter().chain(words("/args")).collect();
    if argv.is_empty() { container.run(&["sh".to_owned()], stdin) } else { container.run(&argv, stdin) }
}

fn not_found(program: &str) -> Outcome {
    let why = if program.contains('/') {
        format!("stat {program}: no such file or directory")
    } else {
        "executable file not found in $PATH".to_owned()
    };
    Outcome::fails(
        127,
        format!(
            "OCI runtime exec failed: exec failed: unable to start container process: exec: \"{program}\": {why}: unknown\n"
        ),
    )
}

/// Without case and white space.
fn squeezed(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// The words of a command line: quotes kept together.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (Some(_), letter) => word.get_or_insert_default().push(letter),
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, letter) if letter.is_whitespace() => words.extend(word.take()),
            (None, letter) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

/// Where a name leads inside the cluster: the Service, by `name`, `name.namespace` or its full name.
fn service<'a>(container: &Container<'a>, host: &str) -> Option<std::sync::Arc<Value>> {
    let host = host.strip_suffix(".cluster.local").unwrap_or(host);
    let host = host.strip_suffix(".svc").unwrap_or(host);
    let (service, home) = host.split_once('.').unwrap_or((host, namespace(container.pod)));
    container.store.get("services", home, service)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Limits;
    use serde_json::json;

    fn run(image: &str, line: &str, stdin: &str) -> Outcome {
        let mut store = Store::new(Limits::default());
        let web = json!({"metadata": {"name": "web", "namespace": "shop"},
            "spec": {"clusterIP": "10.96.1.1", "ports": [{"port": 80}]}});
        store.put("services", web).unwrap();
        let ready = json!({"metadata": {"name": "web", "namespace": "shop"},
            "subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 8080}]}]});
        store.put("endpoints", ready).unwrap();
        let pod = json!({"metadata": {"name": "p", "namespace": "shop"}, "spec": {"containers": [
            {"name": "c", "image": image, "env": [{"name": "A", "value": "b"}], "ports": [{"containerPort": 8080}]}]}});
        Container { store: &store, pod: &pod, name: "c" }.run(&words(line), stdin)
    }

    #[test]
    fn the_table_is_read_and_its_rows_are_reached() {
        assert!(table().programs.len() > 20);
        for row in &table().programs {
            assert!(!row.images.is_empty(), "{row:?}");
        }
    }

    #[test]
    fn programs_answer_by_image_and_arguments() {
        let counted = run("postgres:15", "psql -U x -c 'SELECT  count(*) FROM pg_stat_activity;'", "");
        assert!(counted.stdout.contains("17"), "{counted:?}");
        assert_eq!(
            run("postgres:15", "psql -U x x", "CREATE TABLE a (b int);").stdout,
            "SET\nCREATE TABLE\nCOPY 18204\n"
        );
        assert_eq!(run("nginx", "psql -c x", "").code, 127);
        assert_eq!(run("redis:7", "redis-cli FLUSHDB", "").stdout, "OK\n");
        assert_eq!(run("x", "cat", "over").stdout, "over");
        assert_eq!(run("x", "printenv A", "").stdout, "b\n");
        assert_eq!(run("x", "sh -c 'echo a && false && echo b'", "").stdout, "a\n");
        assert_eq!(run("x", "sh -c 'echo a | cat'", "").code, 2);
        let unknown = run("x", "nothing", "");
        assert!(unknown.stderr.contains("exec: \"nothing\": executable file not found in $PATH"), "{unknown:?}");
    }

    #[test]
    fn the_network_is_that_of_the_cluster() {
        assert_eq!(run("x", "curl -s http://web/health", "").stdout, "{\"status\":\"healthy\"}");
        assert_eq!(run("x", "wget -qO- http://web.shop.svc.cluster.local:80/health", "").code, 0);
        assert_eq!(run("x", "curl localhost:8080/actuator/health", "").stdout, "{\"status\":\"UP\"}");
        assert_eq!(run("x", "curl http://localhost:9/x", "").code, 7);
        assert_eq!(run("x", "curl http://nobody/x", "").code, 6);
        assert!(run("busybox", "nslookup web.shop.svc.cluster.local", "").stdout.contains("10.96.1.1"));
        assert_eq!(run("busybox", "nslookup nobody", "").code, 1);
    }
}
