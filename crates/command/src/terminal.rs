//! Which calls want somebody to talk to at a terminal, and not only a place to print to.

use crate::call::is_short_option;
use crate::kubectl::{self, Command};
use crate::{program, psql, redis};

/// Interpreters and clients that talk unless an argument says what to do: their options that do.
const TALKERS: &[(&str, &[&str])] = &[
    ("irb", &["-e"]),
    ("mariadb", &["-e", "--execute"]),
    ("mongo", &["--eval"]),
    ("mongosh", &["--eval"]),
    ("mysql", &["-e", "--execute"]),
    ("node", &["-e", "--eval", "-p", "--print"]),
    ("perl", &["-e", "-E"]),
    ("php", &["-r", "-f"]),
    ("python", &["-c", "-m"]),
    ("python3", &["-c", "-m"]),
    ("ruby", &["-e"]),
];

/// Programs that are drawn on the whole screen.
const SCREENS: &[&str] = &["btop", "htop", "less", "more", "nano", "top", "vi", "vim"];

/// Whether a call wants a terminal: `kubectl exec -it` of a program that talks, `psql` and `redis-cli` that are not told what to
/// do. `-it` of a program that only prints wants none: people write it everywhere, and its output stays what it is.
#[must_use]
pub fn wants_terminal(argv: &[String]) -> bool {
    match argv.first().map(String::as_str) {
        Some("kubectl") => match kubectl::parse(argv) {
            Ok(kubectl::Invocation { command: Command::Exec(exec), .. }) => {
                exec.stdin && exec.terminal && talks(&exec.command)
            }
            _ => false,
        },
        Some("psql" | "redis-cli") => talks(argv),
        _ => false,
    }
}

/// Whether a program talks. One that is not known does: `-it` was asked for it.
fn talks(argv: &[String]) -> bool {
    let Some((first, rest)) = argv.split_first() else { return false };
    let name = program::base_name(first);
    let own: Vec<String> = std::iter::once(name.to_owned()).chain(rest.iter().cloned()).collect();
    if SCREENS.contains(&name) {
        return true;
    }
    if program::SHELLS.contains(&name) {
        return rest.iter().all(|word| word.starts_with('-') && !is_short_option(word, 'c'));
    }
    if let Some((_, told)) = TALKERS.iter().find(|(talker, _)| *talker == name) {
        return !rest.iter().any(|word| told.iter().any(|option| word == option || starts_value(word, option)));
    }
    match name {
        "psql" => psql::parse(&own).is_ok_and(|call| call.acts.is_empty() && !call.lists && call.about.is_none()),
        "redis-cli" => redis::parse(&own).is_ok_and(|call| call.action.verb == redis::SCRIPT),
        "env" => {
            let rest: Vec<String> =
                rest.iter().skip_while(|word| word.starts_with('-') || word.contains('=')).cloned().collect();
            talks(&rest)
        }
        _ => !kubectl::only_prints(&own),
    }
}

/// `--execute=SELECT`.
fn starts_value(word: &str, option: &str) -> bool {
    option.starts_with("--") && word.strip_prefix(option).is_some_and(|rest| rest.starts_with('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants(line: &str) -> bool {
        let argv: Vec<String> = line.split(' ').map(str::to_owned).collect();
        wants_terminal(&argv)
    }

    #[test]
    fn who_talks_wants_a_terminal() {
        for line in [
            "kubectl exec -it web-0 -- sh",
            "kubectl exec -ti deploy/web -c app -- /bin/bash -l",
            "kubectl exec -it -n shop postgres-0 -- psql -U postgres shop",
            "kubectl exec --stdin --tty web-0 -- env TERM=xterm bash",
            "kubectl exec -it web-0 -- top",
            "kubectl exec -it web-0 -- python3 manage.py shell",
            "kubectl exec -it redis-0 -- redis-cli -n 1",
            "kubectl exec -it web-0 -- ./console",
            "psql",
            "psql -h db -d shop",
            "redis-cli",
            "redis-cli -h cache -n 2",
        ] {
            assert!(wants(line), "{line}");
        }
    }

    #[test]
    fn who_only_prints_does_not() {
        for line in [
            "kubectl exec -i web-0 -- sh",
            "kubectl exec -t web-0 -- sh",
            "kubectl exec -it web-0 -- sh -c date",
            "kubectl exec -it web-0 -- bash -lc date",
            "kubectl exec -it web-0 -- sh script.sh",
            "kubectl exec -it web-0 -- cat /etc/hosts",
            "kubectl exec -it web-0 -- df -h",
            "kubectl exec -it web-0 -- rm -rf /tmp/x",
            "kubectl exec -it web-0 -- curl http://web",
            "kubectl exec -it postgres-0 -- psql -U postgres -c ANALYZE",
            "kubectl exec -it postgres-0 -- pg_dump shop",
            "kubectl exec -it redis-0 -- redis-cli FLUSHDB",
            "kubectl exec -it web-0 -- node -e 1",
            "kubectl exec -it db-0 -- mysql --execute=SELECT",
            "kubectl exec -it web-0 -- kubectl get pods",
            "kubectl get pods",
            "psql -c ANALYZE",
            "psql -l",
            "psql --version",
            "redis-cli ping",
            "redis-cli --bigkeys",
            "redis-cli --pipe",
            "curl http://web",
            "",
        ] {
            assert!(!wants(line), "{line}");
        }
    }
}
