//! Values reach programs as data, whatever they hold: run with real bash.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::process::Command;

use command::{Parameter, bind};
use proptest::prelude::*;

/// Defines a `kubectl`, which prints each of its arguments and then its input, ended by NUL; then the text under test.
const SHOW: &str = "kubectl() { printf '%s\\0' \"$@\"; }\nfeed() { printf '%s\\0' \"$@\"; cat; }\n";

fn open(placeholder: &str) -> Parameter {
    let name = placeholder.trim_matches(['<', '>', '$']).to_owned();
    Parameter::named(&name, placeholder)
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
    ("kubectl <pod-name>", |v| vec![v.to_owned()]),
    ("kubectl exec <pod-name> -- ls -l", |v| vec!["exec".into(), v.into(), "--".into(), "ls".into(), "-l".into()]),
    ("kubectl a/<pod-name>/b", |v| vec![format!("a/{v}/b")]),
    ("kubectl --name=<pod-name>", |v| vec![format!("--name={v}")]),
    ("kubectl \"in <pod-name> quotes\"", |v| vec![format!("in {v} quotes")]),
    ("kubectl 'in <pod-name> quotes'", |v| vec![format!("in {v} quotes")]),
    ("kubectl '<pod-name>'", |v| vec![v.to_owned()]),
    ("kubectl '{\"cidr\":[\"<pod-name>/32\"]}'", |v| {
        vec![serde_json::json!({"cidr": [format!("{v}/32")]}).to_string()]
    }),
    ("kubectl \"<pod-name>\"'<pod-name>'<pod-name>", |v| vec![format!("{v}{v}{v}")]),
    ("X=<pod-name>; kubectl \"$X\"", |v| vec![v.to_owned()]),
    ("export X='a <pod-name>'; kubectl \"$X\"", |v| vec![format!("a {v}")]),
    ("for x in <pod-name> b; do kubectl \"$x\"; done", |v| vec![v.into(), "b".into()]),
    ("if true; then kubectl <pod-name> | cat; fi", |v| vec![v.to_owned()]),
    ("kubectl \"$(kubectl <pod-name> | tr -d '\\0')x\"", |v| vec![format!("{}x", v.trim_end_matches('\n'))]),
    ("kubectl a \\\n  <pod-name> \\\n  b", |v| vec!["a".into(), v.into(), "b".into()]),
    ("kubectl YOUR_KEY \"YOUR_KEY\" 'YOUR_KEY'", |v| vec![v.into(), v.into(), v.into()]),
    ("kubectl s3://b/LATEST_BACKUP.gz", |v| vec![format!("s3://b/{v}.gz")]),
    ("a=(<pod-name> c); kubectl \"${a[@]}\"", |v| vec![v.into(), "c".into()]),
    ("kubectl <pod name> # <other>", |v| vec![v.to_owned()]),
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
            let values = [(open(placeholder_of(source)), (*value).to_owned())];
            if value.starts_with('-') && bind(source, &values).is_err() {
                continue;
            }
            assert_eq!(run(source, &values), shown(&expected(value)), "{source} with {value:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn any_value_arrives_unchanged(value in "[^\0]{0,40}", case in 0..CASES.len()) {
        let (source, expected) = CASES[case];
        let values = [(open(placeholder_of(source)), value.clone())];
        if !value.contains('-') || bind(source, &values).is_ok() {
            prop_assert_eq!(run(source, &values), shown(&expected(&value)));
        }
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
fn manifests_hold_values_and_nothing_else() {
    for end in ["EOF", "'EOF'"] {
        let source = format!("cat <<{end}\napiVersion: v1\ndata:\n  a: <pod-name>\n  b: \"<pod-name>\"\nEOF");
        for value in HOSTILE {
            let out = run(&source, &[(open("<pod-name>"), (*value).to_owned())]);
            let read: serde_yaml_ng::Value = serde_yaml_ng::from_slice(&out).unwrap();
            assert_eq!(read["data"].as_mapping().unwrap().len(), 2, "{value:?}");
            assert_eq!(read["data"]["b"].as_str(), Some(*value), "{end}");
            assert_eq!(read["data"]["a"].as_str(), Some(*value), "{end}");
        }
    }
}

/// A quoted here-document says that bash replaces nothing in it: all of it but the value arrives as it stands.
#[test]
fn quoted_here_documents_stay_as_they_are_written() {
    for value in HOSTILE {
        for end in ["'EOF'", "\"EOF\"", "\\EOF"] {
            let source = format!("cat <<{end}\n$HOME `id` \\n \\\\ $(id) '<pod-name>' \\\n<pod-name>\nEOF");
            let out = run(&source, &[(open("<pod-name>"), (*value).to_owned())]);
            let expected = format!("$HOME `id` \\n \\\\ $(id) '{value}' \\\n{value}\n");
            assert_eq!(String::from_utf8_lossy(&out), expected, "{end} {value:?}");
        }
    }
}

#[test]
fn here_documents_lose_the_tabs_that_bash_takes_away() {
    let source = "cat <<-'EOF'\n\t$HOME <pod-name>\n\t\tx\n\tEOF";
    let out = run(source, &[(open("<pod-name>"), "a\n\tb".to_owned())]);
    assert_eq!(String::from_utf8_lossy(&out), "$HOME a\n\tb\nx\n");
}

/// Found by review: quotes of bash around JSON, and variables, have no place where a value could be written otherwise.
#[test]
fn json_and_manifests_stay_whole_wherever_bash_quotes_them() {
    for (source, placeholder, value) in [
        ("curl -d \"{\\\"name\\\": \\\"<x>\\\"}\" https://example.com", "<x>", "x\",\"admin\":\"true"),
        ("cat <<EOF | kubectl apply -f -\napiVersion: v1\nname: $NAME\nEOF", "$NAME", "x\nlabels: y"),
        ("psql <<'EOF'\nDELETE FROM t WHERE id = <x> AND a = 7;\nEOF", "<x>", "id--"),
        ("redis-cli <<'EOF'\nDEL s:<x>\nEOF", "<x>", "a\nFLUSHALL"),
    ] {
        assert!(bind(source, &[(open(placeholder), value.to_owned())]).is_err(), "{source}");
    }
    let bound =
        bind("curl -d \"{\\\"name\\\": \\\"<x>\\\"}\" https://example.com", &[(open("<x>"), "web-1".to_owned())]);
    assert!(bound.is_ok(), "{bound:?}");
}

/// Found by review: no value decides where a statement ends, or becomes a line of psql's own.
#[test]
fn sql_is_cut_before_values_are_in_it() {
    let x = |value: &str| [(open("<x>"), value.to_owned())];
    for (sql, value) in [
        ("\\d \"<x>\"", "x\nDROP TABLE t; --"),
        ("\\echo what's slow\nSELECT * FROM t WHERE id = <x> AND s = 'a';", "1; DROP TABLE t; --"),
        ("SELECT E'it\\'s', <x>, 'y'", "1; DROP TABLE t; --"),
    ] {
        assert!(command::bind_sql("shop", sql, &x(value)).is_err(), "{sql}");
    }
    let bound = command::bind_sql("shop", "INSERT INTO n VALUES ('<x>');\n\\d n", &x("a;\n\\b")).unwrap();
    assert_eq!(bound.source.matches(" -c ").count(), 2);
    assert_eq!(bound.environment[0].1, "INSERT INTO n VALUES ( E'a;\n\\\\b');");
    assert!(command::bind_sql("shop", "SELECT 1 WHERE a LIKE'<x>'", &x("it's")).is_ok());
}

#[test]
fn watch_takes_plain_values_where_they_are_arguments() {
    let queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/payments";
    let source = "watch -n 10 \"aws sqs get-queue-attributes --queue-url <queue-url> --output text\"";
    let with = |value: &str| bind(source, &[(open("<queue-url>"), value.to_owned())]);
    assert!(with(queue).is_ok(), "{:?}", with(queue));
    for value in ["x y", "$(id)", "--endpoint-url=http://evil.example.com", ""] {
        assert!(with(value).is_err(), "{value}");
    }
    assert!(bind("watch \"<tool> x\"", &[(open("<tool>"), "reboot".to_owned())]).is_err());
}

#[test]
fn variables_take_values_through_the_environment() {
    for value in HOSTILE.iter().filter(|value| !value.starts_with('-')) {
        let out = run("kubectl \"$ALB_ARN\"", &[(open("$ALB_ARN"), (*value).to_owned())]);
        assert_eq!(out, shown(&[(*value).to_owned()]), "{value:?}");
    }
}

#[test]
fn several_values_keep_their_places() {
    let values = [(open("<a>"), "1 2".to_owned()), (open("<b>"), "$x".to_owned())];
    assert_eq!(run("kubectl <b> <a> \"<a><b>\"", &values), shown(&["$x".into(), "1 2".into(), "1 2$x".into()]));
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
        "watch <a>",
        "watch \"<a> get pods\"",
        "watch 'kubectl get pods' \"<a>\" | bash",
        "ssh host ls <a>",
        "xargs sh -c 'echo <a>'",
        "echo <a> | bash",
        "bash <<EOF\necho <a>\nEOF",
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
        let parameter = Parameter::named(name, &format!("${name}"));
        assert!(bind("echo hi", &[(parameter, "x".to_owned())]).is_err(), "{name}");
    }
    for source in ["$CMD get pods", "eval \"$CMD\"", "echo $((CMD + $CMD))", "[[ $CMD -eq 1 ]]"] {
        assert!(bind(source, &[(open("$CMD"), "x".to_owned())]).is_err(), "{source}");
    }
}

#[test]
fn m1_a_value_never_becomes_code_through_arithmetic() {
    let hostile = "a[$(touch /tmp/pwned)]".to_owned();
    for place in [
        "echo $((N+1))",
        "echo $[N+1]",
        "((N)) || true",
        "for ((i=N; i<1; i++)); do break; done",
        "[[ $N -gt 3 ]] || true",
        "[[ N -eq 3 ]] || true",
        "[[ -v $N ]] || true",
        "test -v \"$N\" || true",
        "[ -v \"$N\" ] || true",
        "[ -z $N ] || true",
        "x=abc; echo \"${x:N}\"",
        "x=abc; echo \"${x: -N:1}\"",
        "a=(1 2); echo ${a[N]}",
        "a[N]=1",
        "a=([N]=1)",
        "let x=N+1 || true",
        "declare -i x=$N",
        "typeset -i x; x=$N",
        "declare \"$N=1\"",
        "declare -n r=$N; echo $r",
        "printf -v \"$N\" x",
        "read \"$N\" <<<1",
        "unset \"$N\"",
        "M=N; echo ${!M}",
        "echo ${N@P}",
        "cat <<EOF\n$((N))\nEOF",
        "RANDOM=$N",
    ] {
        for source in
            [format!("N=<n>; {place}"), format!("f() {{ {place}\n}}\necho $COUNT"), format!("N=\"a <n>\"\n{place}")]
        {
            let placeholder = if source.contains("<n>") { "<n>" } else { "$COUNT" };
            let values = [(open(placeholder), hostile.clone())];
            let refusal = bind(&source, &values).expect_err(&source);
            assert!(
                refusal.reason.contains("bash could carry out") || refusal.reason.contains("filled in"),
                "{}",
                refusal.reason
            );
        }
        assert!(command::bind::check_variables(place, [("N", hostile.as_str()), ("M", "N")]).is_err(), "{place}");
        assert!(command::bind::check_variables(place, [("OTHER", hostile.as_str())]).is_ok(), "{place}");
    }
    let bound = |value: &str| {
        bind("N=<n>; echo $((N+1)) <arn>", &[(open("<n>"), value.into()), (open("<arn>"), "arn:aws:x/1".into())])
    };
    assert_eq!(run("N=<n>; kubectl $((N+1))", &[(open("<n>"), "41".to_owned())]), shown(&["42".to_owned()]));
    assert!(bound("41").is_ok());
    for value in ["a[0]", "$x", "`id`", "$(id)", "1 2"] {
        assert!(bound(value).is_err(), "{value}");
    }
}

#[test]
fn m1_texts_without_arithmetic_take_any_value() {
    for source in [
        "echo <n>",
        "X=<n>; echo \"${X:-none} ${X:0:8} ${#X} ${X%/*}\"",
        "a=(<n> c); echo \"${a[@]}\" ${a[0]}",
        "while read -r line; do echo \"$line\" <n>; done",
        "X=<n>; if [ -z \"$X\" ]; then echo; fi",
        "X=<n>; [[ \"$X\" == a* ]] || echo",
        "echo '$((1+N))' <n> # ((N))",
        "printf '%s\\n' <n>",
        "export X=<n>",
        "local X=<n>",
    ] {
        let bound = bind(source, &[(open("<n>"), "a[$(id)]".to_owned())]);
        assert!(bound.is_ok(), "{source}: {bound:?}");
    }
}

#[test]
fn m2_a_value_never_becomes_an_option() {
    for (source, placeholder) in [
        ("kubectl delete pod <pod-name>", "<pod-name>"),
        ("kubectl delete pod \"<pod-name>\"", "<pod-name>"),
        ("kubectl delete pod '<pod-name>-x'", "<pod-name>"),
        ("kubectl delete pod \"\"<pod-name>", "<pod-name>"),
        ("kubectl delete pod $POD_NAME", "$POD_NAME"),
        ("kubectl delete pod \"$POD_NAME\"", "$POD_NAME"),
        ("kubectl delete pod ${POD_NAME}-x", "$POD_NAME"),
        ("POD=<pod-name>; kubectl delete pod $POD", "<pod-name>"),
        ("POD=<pod-name>\nkubectl delete pod \"${POD}\"", "<pod-name>"),
        ("for pod in <pod-name>; do kubectl delete pod $pod; done", "<pod-name>"),
        ("echo \"$(kubectl delete pod <pod-name>)\"", "<pod-name>"),
        ("pods=(<pod-name>); kubectl delete pod \"${pods[@]}\"", "<pod-name>"),
    ] {
        for value in ["--all", "-A", "-5", "-"] {
            let refusal = bind(source, &[(open(placeholder), value.to_owned())]).expect_err(source);
            assert!(refusal.reason.contains("edit the command"), "{}", refusal.reason);
        }
        assert!(bind(source, &[(open(placeholder), "web-1".to_owned())]).is_ok(), "{source}");
    }
    for (source, placeholder) in [
        ("kubectl delete pod $POD_NAME", "$POD_NAME"),
        ("kubectl delete pod/$POD_NAME", "$POD_NAME"),
        ("POD=\"<pod-name>\"; kubectl delete pod/$POD", "<pod-name>"),
        ("for pod in \"<pod-name>\"; do kubectl delete pod $pod; done", "<pod-name>"),
        ("pods=(<pod-name>); kubectl delete pod ${pods[@]}", "<pod-name>"),
    ] {
        assert!(bind(source, &[(open(placeholder), "x --all".to_owned())]).is_err(), "{source}");
        assert!(bind(source, &[(open(placeholder), "x".to_owned())]).is_ok(), "{source}");
    }
    for source in [
        "kubectl get pod --selector=<pod-name>",
        "echo \"text <pod-name>\"",
        "cat <<EOF\n<pod-name>\nEOF",
        "kubectl get pod/<pod-name>",
    ] {
        assert!(bind(source, &[(open("<pod-name>"), "--all".to_owned())]).is_ok(), "{source}");
    }
    assert!(bind("M=<m>; echo \"$M x\" y", &[(open("<m>"), "a - b".to_owned())]).is_ok());
}

/// Found by attack: values that reached something which carries out what it is given.
#[test]
fn no_value_is_carried_out_further_down() {
    let hostile = "x; touch /tmp/pwned; $(touch /tmp/pwned)";
    for source in [
        "$SHELL -c \"echo <x>\"",
        "B=bash; $B -c \"echo <x>\"",
        "flock f -c \"<x>\"",
        "python3.11 -c '<x>'",
        "nawk '{ print <x> }'",
        "echo \"print('<x>')\" | python3 -",
        "echo '<x>' | python3.11",
        "echo '{<x>}' > p.awk; echo | awk -f p.awk",
        "cat > fix.sh <<EOF\necho <x>\nEOF\n./fix.sh",
        "cat > run.sh <<EOF\necho <x>\nEOF",
        "printf 'echo ns %s' \"<x>\" > /tmp/q; chmod +x /tmp/q; /tmp/q",
        "echo \"<x>\" | tee run.sh",
        "CMD=<x>; $CMD get pods",
        "kubectl get pod -o json | jq \".items[] | select(.x == \\\"<x>\\\")\"",
        "kubectl exec -i pod -- bash <<EOF\n<x>\nEOF",
        "kubectl exec pod -- su u -c \"<x>\"",
        "echo <x> | awk '{ system($0) }'",
        "echo <x> | sed 's/a/b/e'",
        "echo \"<x>\" | while read -r p; do $p; done",
        "echo <x> | xargs -I{} sh -c {}",
        "find . -name <x> -exec {} \\;",
        "./deploy.sh <x>",
        "psql -c \"SELECT '<x>'\"",
    ] {
        let refused = bind(source, &[(open("<x>"), hostile.to_owned())]);
        assert!(refused.is_err(), "{source} became {refused:?}");
    }
    for source in ["$SHELL -c \"echo <x>\"", "CMD=<x>; $CMD get pods", "flock f -c \"<x>\"", "$(echo <x>) get"] {
        assert!(bind(source, &[(open("<x>"), "reboot".to_owned())]).is_err(), "{source}");
    }
    for source in
        ["./deploy.sh <x>", "K='kubectl -n shop'; $K get pod <x>", "kubectl get pod <x> -o json | jq '.status'"]
    {
        assert!(bind(source, &[(open("<x>"), "web-1".to_owned())]).is_ok(), "{source}");
    }
    for source in [
        "kubectl annotate pod web note=\"<x>\"",
        "cat <<EOF | kubectl apply -f -\nname: <x>\nEOF",
        "curl -s -d \"text=<x>\" https://example.com | jq '.ok'",
        "kubectl logs web | grep \"<x>\" | awk '{print $1}' | sed 's/a/b/g' | head -5",
        "kubectl exec pod -- ls \"<x>\"",
    ] {
        let bound = bind(source, &[(open("<x>"), hostile.to_owned())]);
        assert!(bound.is_ok(), "{source}: {bound:?}");
    }
}

/// Found by attack: what one step exports, the next one must not carry out.
#[test]
fn no_carried_variable_is_carried_out() {
    let check = |source: &str, value: &str| command::bind::check_variables(source, [("NS", value)]);
    let hostile = "default; echo INJECTED";
    for source in [
        "watch \"kubectl get pods -n $NS\"",
        "bash -c \"echo $NS\"",
        "eval \"echo $NS\"",
        "python3 -c \"print('$NS')\"",
        "echo $NS > run.sh",
    ] {
        assert!(check(source, hostile).is_err(), "{source}");
    }
    assert!(check("$NS get pods", "reboot").is_err(), "not even a plain one may name a program");
    assert!(check("bash -c \"$NS\"", "reboot").is_err());
    for source in ["watch \"kubectl get pods -n $NS\"", "kubectl get pods -n $NS", "./deploy.sh $NS"] {
        assert!(check(source, "shop").is_ok(), "{source}");
    }
    assert!(check("for pod in $NS; do kubectl delete pod $pod; done", "web-1 web-2").is_ok());
    for value in ["--all", "x --all", "x\n--all"] {
        assert!(check("kubectl delete pod $NS", value).is_err(), "{value}");
        assert!(check("for pod in $NS; do kubectl delete pod $pod; done", value).is_err(), "{value}");
        assert!(
            check("echo \"$NS\" | while read -r p; do kubectl delete pod $p; done", value).is_err()
                || !value.contains(' '),
            "{value}"
        );
    }
    assert!(check("kubectl get pods", hostile).is_ok(), "it is not mentioned");
    assert!(bind("export NS=<x>", &[(open("<x>"), "--all".to_owned())]).is_err());
}
