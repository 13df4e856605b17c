//! Values reach programs as data, whatever they hold: run with real bash.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::process::Command;

use command::{Parameter, bind};
use proptest::prelude::*;

/// Defines `show`, which prints each of its arguments and then its input, ended by NUL; then the text under test.
const SHOW: &str = "show() { printf '%s\\0' \"$@\"; }\nfeed() { printf '%s\\0' \"$@\"; cat; }\n";

fn open(placeholder: &str) -> Parameter {
    let name = placeholder.trim_matches(['<', '>', '$']).to_owned();
    Parameter { name, placeholder: placeholder.to_owned() }
}

/// What real bash hands to the program.
fn run(source: &str, values: &[(Parameter, String)]) -> Vec<u8> {
    let bound = bind(source, values).unwrap();
    for (parameter, value) in values {
        if value.len() > 8 && !source.contains(value.as_str()) {
            assert!(!bound.source.contains(value.as_str()), "the value of {} is in the text", parameter.name);
        }
    }
    let output = Command::new("bash")
        .args(["--noprofile", "--norc", "-c", &format!("{SHOW}{}", bound.source)])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .envs(bound.environment)
        .current_dir(std::env::temp_dir())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}: {}", bound.source, String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn shown(arguments: &[String]) -> Vec<u8> {
    arguments.iter().flat_map(|argument| argument.bytes().chain([0])).collect()
}

/// Texts with one placeholder, and the arguments they should give (`$(…)` drops newlines at the end, as bash does).
type Case = (&'static str, fn(&str) -> Vec<String>);

const CASES: &[Case] = &[
    ("show <pod-name>", |v| vec![v.to_owned()]),
    ("show exec <pod-name> -- ls -l", |v| vec!["exec".into(), v.into(), "--".into(), "ls".into(), "-l".into()]),
    ("show a/<pod-name>/b", |v| vec![format!("a/{v}/b")]),
    ("show --name=<pod-name>", |v| vec![format!("--name={v}")]),
    ("show \"in <pod-name> quotes\"", |v| vec![format!("in {v} quotes")]),
    ("show 'in <pod-name> quotes'", |v| vec![format!("in {v} quotes")]),
    ("show '<pod-name>'", |v| vec![v.to_owned()]),
    ("show '{\"cidr\":[\"<pod-name>/32\"]}'", |v| vec![format!("{{\"cidr\":[\"{v}/32\"]}}")]),
    ("show \"<pod-name>\"'<pod-name>'<pod-name>", |v| vec![format!("{v}{v}{v}")]),
    ("X=<pod-name>; show \"$X\"", |v| vec![v.to_owned()]),
    ("export X='a <pod-name>'; show \"$X\"", |v| vec![format!("a {v}")]),
    ("for x in <pod-name> b; do show \"$x\"; done", |v| vec![v.into(), "b".into()]),
    ("if true; then show <pod-name> | cat; fi", |v| vec![v.to_owned()]),
    ("show \"$(show <pod-name> | tr -d '\\0')x\"", |v| vec![format!("{}x", v.trim_end_matches('\n'))]),
    ("show a \\\n  <pod-name> \\\n  b", |v| vec!["a".into(), v.into(), "b".into()]),
    ("show YOUR_KEY \"YOUR_KEY\" 'YOUR_KEY'", |v| vec![v.into(), v.into(), v.into()]),
    ("show s3://b/LATEST_BACKUP.gz", |v| vec![format!("s3://b/{v}.gz")]),
    ("a=(<pod-name> c); show \"${a[@]}\"", |v| vec![v.into(), "c".into()]),
    ("show <pod name> # <other>", |v| vec![v.to_owned()]),
];

fn placeholder_of(source: &str) -> &'static str {
    ["<pod-name>", "<pod name>", "YOUR_KEY", "LATEST_BACKUP"]
        .into_iter()
        .find(|placeholder| source.contains(placeholder))
        .unwrap()
}

const HOSTILE: &[&str] = &[
    "",
    " ",
    "a b",
    "$(touch /tmp/pwned)",
    "`id`",
    "'",
    "\"",
    "\\",
    "';id;'",
    "\";id;\"",
    "${HOME}",
    "$RUNBOOK_P1",
    "\n",
    "a\nb",
    "*",
    "~",
    "-rf",
    "--kubeconfig=/x",
    "#",
    "a#b",
    "!",
    "{a,b}",
    "$'\\x41'",
    "%s",
    "&& id",
    "| id",
    "> /tmp/x",
    "<pod-name>",
    "EOF",
    "é\u{202e}",
    "\t",
    "\r\n",
    "x'\"'\"'y",
    "\u{1}\u{7f}",
];

#[test]
fn hostile_values_arrive_unchanged() {
    for (source, expected) in CASES {
        for value in HOSTILE {
            let out = run(source, &[(open(placeholder_of(source)), (*value).to_owned())]);
            assert_eq!(out, shown(&expected(value)), "{source} with {value:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn any_value_arrives_unchanged(value in "[^\0]{0,40}", case in 0..CASES.len()) {
        let (source, expected) = CASES[case];
        let out = run(source, &[(open(placeholder_of(source)), value.clone())]);
        prop_assert_eq!(out, shown(&expected(&value)));
    }

    #[test]
    fn binding_never_panics(source in "[-a-z<> \"'$(){}\\\\`|;&#\n=\\[\\]A-Z_!*]{0,80}", value in "\\PC{0,20}") {
        let values = [(open("<a>"), value.clone()), (open("YOUR_KEY"), value.clone()), (open("$AB"), value)];
        let _ = bind(&source, &values);
    }
}

#[test]
fn here_documents_take_values_as_text() {
    for value in HOSTILE {
        let out = run("cat <<EOF\nname: <pod-name>\nEOF", &[(open("<pod-name>"), (*value).to_owned())]);
        assert_eq!(out, format!("name: {value}\n").into_bytes(), "{value:?}");
    }
}

#[test]
fn variables_take_values_through_the_environment() {
    for value in HOSTILE {
        let out = run("show \"$ALB_ARN\"", &[(open("$ALB_ARN"), (*value).to_owned())]);
        assert_eq!(out, shown(&[(*value).to_owned()]), "{value:?}");
    }
}

#[test]
fn several_values_keep_their_places() {
    let values = [(open("<a>"), "1 2".to_owned()), (open("<b>"), "$x".to_owned())];
    assert_eq!(run("show <b> <a> \"<a><b>\"", &values), shown(&["$x".into(), "1 2".into(), "1 2$x".into()]));
}

#[test]
fn refuses_places_that_are_not_data() {
    for source in [
        "<a> get pods",
        "sudo <a> get",
        "timeout 5 <a>",
        "env <a> x",
        "PATH=<a> ls",
        "LD_PRELOAD=<a> ls",
        "export PATH=<a>",
        "declare <a>=1",
        "declare -i x=<a>",
        "bash -c 'echo <a>'",
        "bash -c \"echo <a>\"",
        "kubectl exec p -- sh -c \"ls <a>\"",
        "eval \"echo <a>\"",
        "watch -n 10 \"aws sqs get-queue-attributes --queue-url <a>\"",
        "watch kubectl get pod <a>",
        "ssh host ls <a>",
        "xargs sh -c 'echo <a>'",
        "echo <a> | bash",
        "bash <<EOF\necho <a>\nEOF",
        "cat <<'EOF'\n<a>\nEOF",
        "python3 -c 'print(<a>)'",
        "python3 <<EOF\nprint(<a>)\nEOF",
        "awk '{print <a>}'",
        "sed 's/<a>/b/'",
        "echo $((1 + <a>))",
        "[[ <a> -eq 1 ]]",
        "[ <a> -eq 1 ]",
        "test -v <a>",
        "read <a>",
        "printf -v <a> x",
        "echo ${x:-<a>}",
        "echo `ls <a>`",
        "echo \\<a>",
        "echo \"$<a>\"",
        "echo $'<a>'",
        "case x in <a>) ls;; esac",
        "trap <a> EXIT",
        "echo <a> (",
    ] {
        let refused = bind(source, &[(open("<a>"), "v".to_owned())]);
        assert!(refused.is_err(), "{source} became {refused:?}");
    }
}

#[test]
fn refuses_values_and_names_that_cannot_pass() {
    assert!(bind("echo <a>", &[(open("<a>"), "a\0b".to_owned())]).is_err());
    assert!(bind("echo <a>", &[(open("<a>"), "x".repeat(100_000))]).is_err());
    assert!(bind("echo <a> <b>", &[(open("<a>"), "x".to_owned())]).unwrap_err().reason.contains("<b>"));
    assert!(bind("echo RUNBOOK_P1 <a>", &[(open("<a>"), "x".to_owned())]).is_err());
    for name in [
        "PATH",
        "IFS",
        "LD_PRELOAD",
        "BASH_ENV",
        "PS4",
        "ENV",
        "PROMPT_COMMAND",
        "SHELLOPTS",
        "KUBECONFIG",
        "A-B",
        "RUNBOOK_P1",
    ] {
        let parameter = Parameter { name: name.to_owned(), placeholder: format!("${name}") };
        assert!(bind("echo hi", &[(parameter, "x".to_owned())]).is_err(), "{name}");
    }
    for source in ["$CMD get pods", "eval \"$CMD\"", "echo $((CMD + $CMD))", "[[ $CMD -eq 1 ]]"] {
        assert!(bind(source, &[(open("$CMD"), "x".to_owned())]).is_err(), "{source}");
    }
}
