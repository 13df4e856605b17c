//! A million random and hostile values, in every place where a runbook leaves one open: each program receives exactly the
//! text with the value in place, or the step is refused. Run with real bash, in which every program is a function that
//! writes down what it was given.
//!
//! `VALUES` says how many (1,000,000), `RUNBOOK_CORPUS` names runbooks beside our own samples.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench may panic, and says what it measured")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use command::{BoundScript, Parameter};
use runbook::{Language, RunbookId};

/// What stands for the value under test at first. Plain, so that no place refuses it.
const SENTINEL: &str = "Sentinel4711";

/// What values are made of.
const PIECES: &[&str] = &[
    "web-1",
    "a b",
    "$(touch pwned)",
    "`touch pwned`",
    "'",
    "\"",
    "\\",
    ";touch pwned;",
    "&& touch pwned",
    "| sh",
    "\n",
    "\t",
    "${HOME}",
    "$RUNBOOK_P1",
    "*",
    "~",
    "-rf",
    "--all",
    "#",
    "!",
    "{a,b}",
    "$'\\x41'",
    "%s",
    ">x",
    "<pod-name>",
    "EOF",
    "\u{e9}",
    "\u{202e}",
    "\r\n",
    "\u{1}",
    "\u{7f}",
    "://",
    "=",
    ",",
    "\"}",
    "\": {",
    ": ",
    " #",
    "- ",
    "'; DROP TABLE users; --",
    "$$",
    "((",
    "]]",
];

/// A command with one of its parameters under test.
struct Place {
    file: String,
    line: usize,
    source: String,
    programs: Vec<String>,
    parameters: Vec<Parameter>,
    tested: usize,
}

impl Place {
    fn bind(&self, value: &str) -> Option<BoundScript> {
        let values: Vec<_> = self
            .parameters
            .iter()
            .enumerate()
            .map(|(at, parameter)| {
                let plain = if at == self.tested { value.to_owned() } else { format!("other{at}") };
                (parameter.clone(), plain)
            })
            .collect();
        command::bind(&self.source, &values).ok()
    }
}

fn places() -> Vec<Place> {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runbooks");
    let corpus = std::env::var_os("RUNBOOK_CORPUS").map(PathBuf::from);
    let mut places = Vec::new();
    for folder in corpus.into_iter().chain([samples]) {
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for path in files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "md")) {
            let runbook = runbook::parse(RunbookId::new("bench"), &fs::read(path).unwrap(), None).unwrap();
            for command in runbook.procedures.iter().flat_map(|procedure| procedure.commands()) {
                // What goes on for ever, or leaves the shell, cannot stand in the loop below.
                let loops = ["while", "until", "exit", "watch"].iter().any(|word| command.source.contains(word));
                if command.language != Language::Bash || loops {
                    continue;
                }
                for tested in 0..command.parameters.len() {
                    places.push(Place {
                        file: path.file_name().unwrap().to_string_lossy().into_owned(),
                        line: command.line,
                        source: command.source.clone(),
                        programs: command.programs.clone(),
                        parameters: command.parameters.clone(),
                        tested,
                    });
                }
            }
        }
    }
    places
}

/// Values with what bash finds in its environment for each, by the text that runs and the names of its variables.
type Texts = BTreeMap<(String, Vec<String>), Vec<(String, Vec<String>)>>;

/// Random, and the same each time (xorshift64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % most as u64).unwrap()
    }

    fn value(&mut self) -> String {
        (0..=self.below(4)).map(|_| PIECES[self.below(PIECES.len())]).collect()
    }
}

/// What the programs were given, by bash itself: a record for each set of variables.
fn given(place: &Place, source: &str, names: &[&str], records: &[Vec<&str>]) -> Vec<Vec<Vec<String>>> {
    let folder = tempfile::tempdir().unwrap();
    let values: String = records.iter().flatten().map(|value| format!("{value}\0")).collect();
    fs::write(folder.path().join("values"), values).unwrap();
    let calls = folder.path().join("calls");
    fs::create_dir(&calls).unwrap();
    let mut script = "exec 8<values; record=-1; calls=0\n".to_owned();
    for program in place.programs.iter().map(String::as_str).chain(["cat", "date", "sleep"]) {
        if program.contains('/') {
            continue;
        }
        // A file each: the programs of a pipeline run at the same time.
        let reads = if program == "cat" { "local x; IFS= read -r -d '' x; set -- \"$@\" \"$x\";" } else { "" };
        script.push_str(&format!(
            "{program}() {{ {reads} printf '%s\\0' {program} \"$@\" > \"$calls_at/$record.$BASHPID.$((calls++))\"; }}\n"
        ));
    }
    let read: Vec<_> = names.iter().map(|name| format!("IFS= read -r -d '' {name} <&8")).collect();
    script.push_str(&format!("while {}; do\n(( ++record ))\n{{\n{source}\n}} </dev/null\ndone\n", read.join(" && ")));
    fs::write(folder.path().join("script"), script).unwrap();
    let output = Command::new("/bin/bash")
        .args(["--noprofile", "--norc", "script"])
        .env_clear()
        .env("PATH", "/nowhere")
        .env("LC_ALL", "C.UTF-8")
        .env("calls_at", &calls)
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(!folder.path().join("pwned").exists(), "{}:{}: a value was carried out", place.file, place.line);
    let mut given: Vec<Vec<Vec<String>>> = vec![Vec::new(); records.len()];
    for entry in fs::read_dir(calls).unwrap() {
        let path = entry.unwrap().path();
        let record: usize = path.file_name().unwrap().to_string_lossy().split('.').next().unwrap().parse().unwrap();
        let call = String::from_utf8(fs::read(path).unwrap()).unwrap();
        given[record].push(call.split('\0').map(str::to_owned).collect());
    }
    given.iter_mut().for_each(|calls| calls.sort());
    assert!(output.status.code().is_some(), "{}: {output:?}", place.file);
    given
}

fn main() {
    // `cargo test` builds and starts benches, too.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let wanted: usize = std::env::var("VALUES").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let places = places();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let (mut bound, mut refused, mut took) = (0_usize, 0_usize, std::time::Duration::ZERO);
    let started = Instant::now();
    for (at, place) in places.iter().enumerate() {
        let share = wanted / places.len() + usize::from(at < wanted % places.len());
        let Some(plain) = place.bind(SENTINEL) else {
            refused += share;
            continue;
        };
        let names: Vec<&str> = plain.environment.iter().map(|(name, _)| name.as_str()).collect();
        let record = plain.environment.iter().map(|(_, value)| value.as_str()).collect();
        let expected = given(place, &plain.source, &names, &[record]).remove(0);
        // Values share a text with each other: it depends on the place, not on them.
        let mut texts = Texts::new();
        for _ in 0..share {
            let value = dice.value();
            let begun = Instant::now();
            let script = place.bind(&value);
            took += begun.elapsed();
            let Some(script) = script else {
                refused += 1;
                continue;
            };
            bound += 1;
            let (names, values) = script.environment.into_iter().unzip();
            texts.entry((script.source, names)).or_default().push((value, values));
        }
        assert!(texts.len() <= 4, "{}:{}: a text for each value", place.file, place.line);
        for ((source, names), values) in &texts {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            for part in values.chunks(2_000) {
                let records: Vec<Vec<&str>> =
                    part.iter().map(|(_, values)| values.iter().map(String::as_str).collect()).collect();
                for ((value, _), given) in part.iter().zip(given(place, source, &names, &records)) {
                    let quoted = serde_json::Value::from(value.as_str()).to_string();
                    let written = [value.as_str(), &quoted[1..quoted.len() - 1]];
                    let right = written.iter().any(|value| {
                        let with = |call: &Vec<String>| -> Vec<String> {
                            call.iter().map(|word| word.replace(SENTINEL, value)).collect()
                        };
                        let mut calls: Vec<Vec<String>> = expected.iter().map(with).collect();
                        calls.sort();
                        calls == given
                    });
                    assert!(right, "{}:{}: {value:?} gave {given:?}", place.file, place.line);
                }
            }
        }
    }
    let each = took.as_secs_f64() * 1e6 / (bound + refused) as f64;
    println!(
        "{} places, {bound} values passed on unchanged, {refused} refused, none escaped; {each:.0} µs to bind one, {:.0} s in all",
        places.len(),
        started.elapsed().as_secs_f64()
    );
}
