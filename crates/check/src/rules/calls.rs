//! Calls that cannot work as they are written, and calls that do harm.

use command::{Call, Script, placeholder};
use runbook::Language;

use crate::place::Place;
use crate::{Finding, Rule, Severity};

pub(crate) static WRONG: Rule = Rule {
    id: "wrong-call",
    severity: Severity::Error,
    why: "The program's own grammar refuses this call, so the step fails whoever runs it.",
};
pub(crate) static DUPLICATE: Rule = Rule {
    id: "duplicate-option",
    severity: Severity::Error,
    why: "The program takes the last one of them, so what the first one says is lost.",
};
pub(crate) static MISSING: Rule =
    Rule { id: "missing-option", severity: Severity::Error, why: "The program does not do it without this option." };
pub(crate) static REMOVED_RESOURCE: Rule = Rule {
    id: "removed-resource",
    severity: Severity::Error,
    why: "Clusters of today no longer know this kind of object.",
};
pub(crate) static OPEN: Rule = Rule {
    id: "open-to-everybody",
    severity: Severity::Error,
    why: "An ingress rule for 0.0.0.0/0 lets the whole internet in.",
};
pub(crate) static PASSWORD: Rule = Rule {
    id: "password-in-arguments",
    severity: Severity::Warning,
    why: "Arguments are seen by everybody on the machine and stay in its history, and the runbook is read by many.",
};
pub(crate) static NOT_AVAILABLE: Rule = Rule {
    id: "done-by-hand",
    severity: Severity::Note,
    why: "The portal does not run this program: the step is done elsewhere and recorded.",
};

/// Options that `aws` does not do without. Source: the service models of AWS, as in the AWS CLI's own reference.
const REQUIRED: &[(&str, &str, &[&str])] = &[
    ("rds", "create-db-instance", &["--db-instance-identifier", "--db-instance-class", "--engine"]),
    ("rds", "create-db-snapshot", &["--db-instance-identifier", "--db-snapshot-identifier"]),
    ("rds", "create-db-cluster-snapshot", &["--db-cluster-identifier", "--db-cluster-snapshot-identifier"]),
    ("rds", "restore-db-instance-from-db-snapshot", &["--db-instance-identifier"]),
    ("rds", "restore-db-cluster-to-point-in-time", &["--db-cluster-identifier", "--source-db-cluster-identifier"]),
    ("rds", "reboot-db-instance", &["--db-instance-identifier"]),
    ("cloudfront", "update-distribution", &["--id", "--distribution-config", "--if-match"]),
    ("route53", "change-resource-record-sets", &["--hosted-zone-id", "--change-batch"]),
    ("sqs", "purge-queue", &["--queue-url"]),
    ("ec2", "create-snapshot", &["--volume-id"]),
];

/// Kinds of objects that Kubernetes has taken away: names, since when, what stands for them.
const REMOVED: &[(&[&str], &str, &str)] =
    &[(&["psp", "podsecuritypolicy", "podsecuritypolicies"], "1.25", "kubectl get namespaces --show-labels")];

pub(crate) fn check(place: &Place<'_>, found: &mut Vec<Finding>) {
    if place.command.language != Language::Bash {
        return;
    }
    let source = &place.command.source;
    let script = Script::parse(source);
    if script.has_errors {
        return;
    }
    for call in &script.calls {
        wrong(place, call, found);
        match call.program() {
            "aws" => aws(place, call, found),
            "kubectl" => removed(place, call, found),
            _ => {}
        }
        password(place, call, found);
    }
    for program in &place.command.programs {
        if !command::is_sandbox_program(program) && !command::known_to_broker(program) && !program.contains('/') {
            let at = source.find(program.as_str()).unwrap_or(0);
            found.push(place.finding(&NOT_AVAILABLE, at, command::program::not_available(program), None));
        }
    }
}

fn start(call: &Call) -> usize {
    call.words[0].range.start
}

/// What depends on a value cannot be judged before there is one.
fn is_open(text: &str) -> bool {
    text.contains(['$', '`']) || !placeholder::find(text).is_empty()
}

fn wrong(place: &Place<'_>, call: &Call, found: &mut Vec<Finding>) {
    let argv = call.argv();
    if argv.iter().any(|word| is_open(word)) {
        return;
    }
    // 126 and 127 are the portal's own: what it does not do may be right elsewhere.
    if let Err(refusal) = command::classify(&argv)
        && ![126, 127].contains(&refusal.exit_code)
    {
        let reason = refusal.reason.lines().next().unwrap_or_default().trim_start_matches("error: ");
        found.push(place.finding(&WRONG, start(call), format!("{}: {reason}", call.program()), None));
    }
}

fn aws(place: &Place<'_>, call: &Call, found: &mut Vec<Finding>) {
    let words: Vec<&str> = call.words.iter().skip(1).map(|word| word.text.as_str()).collect();
    let mut plain = words.iter().copied().filter(|word| !word.starts_with('-'));
    let (Some(service), Some(operation)) = (plain.next(), plain.next()) else { return };
    let mut seen: Vec<&str> = Vec::new();
    for word in call.words.iter().filter(|word| word.text.starts_with("--")) {
        let name = word.text.split('=').next().unwrap_or_default();
        // `s3` takes its filters in order, as often as they come.
        if seen.contains(&name) && service != "s3" {
            let message = format!("`{name}` stands twice in this call of aws {service} {operation}");
            let source = (name == "--db-cluster-identifier" && operation.starts_with("restore-"))
                .then(|| "--source-db-cluster-identifier for the one to restore from".to_owned());
            found.push(place.finding(&DUPLICATE, word.range.start, message, source));
        }
        seen.push(name);
    }
    // Where all of it comes from a file or a variable, the options are in there.
    let elsewhere =
        words.iter().any(|word| word.starts_with("--cli-input-") || *word == "help" || word.contains("[@]"));
    if !elsewhere {
        let required = REQUIRED.iter().find(|(home, name, _)| (*home, *name) == (service, operation));
        for name in required.iter().flat_map(|(.., names)| *names).filter(|name| !seen.contains(name)) {
            let message = format!("aws {service} {operation} needs `{name}`");
            found.push(place.finding(&MISSING, start(call), message, Some(format!("add {name}"))));
        }
    }
    let everybody = call.words.iter().find(|word| word.text.contains("0.0.0.0/0") || word.text.contains("::/0"));
    if let (true, Some(word)) = (operation == "authorize-security-group-ingress", everybody) {
        let said = format!("{} {}", place.procedure.title, place.command.title.as_deref().unwrap_or_default());
        let blocks = ["block", "isolate", "restrict", "close", "deny", "revoke"];
        let message = if blocks.iter().any(|verb| said.to_lowercase().contains(verb)) {
            "this lets everybody in, where its title says that it keeps somebody out"
        } else {
            "this lets everybody in"
        };
        let instead = "aws ec2 revoke-security-group-ingress takes a rule away";
        found.push(place.finding(&OPEN, word.range.start, message, Some(instead.to_owned())));
    }
}

fn removed(place: &Place<'_>, call: &Call, found: &mut Vec<Finding>) {
    let looks = call.words.iter().position(|word| ["get", "describe"].contains(&word.text.as_str()));
    let Some(word) = looks.and_then(|at| call.words.get(at + 1)) else { return };
    let kind = word.text.split('/').next().unwrap_or_default();
    if let Some((_, since, instead)) = REMOVED.iter().find(|(names, ..)| names.contains(&kind)) {
        let message = format!("Kubernetes has no `{kind}` since {since}");
        found.push(place.finding(&REMOVED_RESOURCE, word.range.start, message, Some((*instead).to_owned())));
    }
}

fn password(place: &Place<'_>, call: &Call, found: &mut Vec<Finding>) {
    let argv = call.argv();
    let masked = command::mask::mask(&argv);
    let hidden = argv.iter().zip(&masked).position(|(word, masked)| word != masked && !is_open(word));
    if let Some(word) = hidden.and_then(|at| call.words.get(at)) {
        let message = format!("a password or key stands in the arguments of {}", call.program());
        let instead = "a placeholder such as <password>, or a reference that the environment resolves";
        found.push(place.finding(&PASSWORD, word.range.start, message, Some(instead.to_owned())));
    }
}
