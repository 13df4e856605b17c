//! Commands that are each right, and wrong in their order.

use runbook::{Alternatives, Body, Command, Procedure};

use command::Effect;

use crate::place::Place;
use crate::{Finding, Rule, Severity};

pub(crate) static ENDLESS: Rule = Rule {
    id: "endless-command",
    severity: Severity::Warning,
    why: "It goes on until somebody stops it, so what stands below it is never reached by whoever pastes the block.",
};
pub(crate) static EVIDENCE: Rule = Rule {
    id: "evidence-after-removal",
    severity: Severity::Warning,
    why: "What is saved after something was removed no longer holds what was there.",
};
pub(crate) static TIME: Rule = Rule {
    id: "name-by-the-second",
    severity: Severity::Error,
    why: "A name made of the time of day is another one a second later: the second command does not find what the first made.",
};

pub(crate) static SEQUENCE: Rule = Rule {
    id: "alternatives-as-sequence",
    severity: Severity::Warning,
    why: "Each puts another state in the place of the one before: whoever pastes the block carries out all of them, one after the other.",
};

/// First words of a comment that says that what follows stands for what was before.
const ALTERNATIVE: &[&str] = &[
    "option",
    "or",
    "alternative",
    "alternatively",
    "otherwise",
    "if",
    "when",
    "method",
    "variant",
    "approach",
    "either",
    "choose",
];

/// Words of a title that says that something is saved.
const SAVES: &[&str] = &["backup", "snapshot", "evidence", "preserve"];

pub(crate) fn check(procedure: &Procedure, lines: &[&str], found: &mut Vec<Finding>) {
    let place = |command| Place::new(procedure, command, lines);
    // Of alternatives nobody carries out all.
    let in_order: Vec<&Command> = procedure
        .steps
        .iter()
        .filter(|step| matches!(step.body, Body::Commands { alternatives: Alternatives::All, .. }))
        .flat_map(runbook::Step::commands)
        .collect();
    for pair in in_order.windows(2) {
        if let [command, next] = pair
            && command.follows
            && is_one_fence(lines, command, next)
        {
            let message = "this goes on until it is stopped, and there are commands below it in the same block";
            let instead = "put it last, or before it: timeout 60".to_owned();
            found.push(place(command).finding(&ENDLESS, 0, message, Some(instead)));
        }
    }
    if let Some(at) = in_order.iter().position(|command| command.effect == Effect::Destroy && !saves(command)) {
        for late in in_order[at + 1..].iter().filter(|command| saves(command) && command.effect != Effect::Destroy) {
            let title = late.title.as_deref().unwrap_or_default();
            let message = format!("“{title}” stands below a command that removes something");
            found.push(place(late).finding(&EVIDENCE, 0, message, Some("save first".to_owned())));
        }
    }
    for step in &procedure.steps {
        if let Body::Commands { alternatives: Alternatives::One, commands } = &step.body
            && let [first, second, ..] = commands.as_slice()
            && !says_alternative(lines, first, commands.last().unwrap_or(second))
        {
            let title = second.title.as_deref().unwrap_or("this");
            let message = format!("“{title}” stands for the command above it, and reads as what comes after it");
            found.push(place(second).finding(&SEQUENCE, 0, message, Some("# Option 1: …, # Option 2: …".to_owned())));
        }
    }
    let mut named: Vec<&str> = Vec::new();
    for command in procedure.commands() {
        for (at, word) in timed(&command.source) {
            if named.contains(&word) {
                let message = format!("`{word}` is another name than in the command above");
                let instead = "NAME=…$(date +%Y%m%d-%H%M%S) once, then \"$NAME\"".to_owned();
                found.push(place(command).finding(&TIME, at, message, Some(instead)));
            }
        }
        named.extend(timed(&command.source).into_iter().map(|(_, word)| word));
    }
}

/// Whether a comment among these commands, or the line that leads them, says that they are alternatives. Without the file
/// nobody can tell.
fn says_alternative(lines: &[&str], first: &Command, last: &Command) -> bool {
    let start = first.line.saturating_sub(4);
    let Some(near) = lines.get(start..last.line.min(lines.len())) else { return true };
    lines.is_empty()
        || near.iter().any(|line| {
            let text = line
                .trim()
                .trim_start_matches(['#', '-', '*', '>', ' '])
                .trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            let word = text.trim_start().split(|c: char| !c.is_alphabetic()).next().unwrap_or_default().to_lowercase();
            let is_text = line.trim_start().starts_with(['#', '-', '*', '>']) || text.ends_with(':');
            is_text && ALTERNATIVE.contains(&word.as_str())
        })
}

/// Whether no fence ends between two commands.
fn is_one_fence(lines: &[&str], one: &Command, other: &Command) -> bool {
    let between = lines.get(one.line.saturating_sub(1)..other.line.saturating_sub(1));
    between.is_some_and(|lines| lines.iter().all(|line| !line.trim_start().starts_with("```")))
}

fn saves(command: &Command) -> bool {
    let title = command.title.as_deref().unwrap_or_default().to_lowercase();
    let others =
        ["check", "delete", "download", "find", "list", "look", "monitor", "restore", "show", "verify", "view"];
    // `Scale back up` saves nothing.
    let saves = title.starts_with("back up ") || SAVES.iter().any(|word| title.contains(word));
    saves && !others.iter().any(|verb| title.contains(verb))
}

/// The longest word that is looked at, in bytes.
const LONGEST: usize = 200;

/// Words that hold a time with seconds: where, and the word. Those that name a file of the workspace are made anew on
/// purpose.
fn timed(source: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    // Word by word, so that a text of nothing but beginnings costs no more than it is long.
    let mut option = "";
    let mut from = 0;
    for word in source.split_inclusive([' ', '\t', '\n', '\r']) {
        let (start, text) = (from, word.trim_end());
        from += word.len();
        // `$(date +%s)` has a blank in it: the word that begins it is joined with the one that ends it.
        let whole = match text.contains("$(date") && !text.contains(')') {
            true => {
                let most = source.floor_char_boundary(source.len().min(start + LONGEST));
                source[start..most].find(')').map_or(text, |end| {
                    let rest = &source[start + end..most];
                    &source[start..start + end + rest.find([' ', '\t', '\n', '\r']).unwrap_or(rest.len())]
                })
            }
            false => text,
        };
        let seconds = ["%S", "%s", "%T"].iter().any(|second| whole.contains(second));
        let name = whole.split('=').next().filter(|name| name.starts_with("--")).unwrap_or(option);
        let names = ["name", "identifier", "-id"].iter().any(|end| name.ends_with(end));
        if whole.contains("$(date") && seconds && names {
            found.push((start, whole));
        }
        if text.starts_with("--") {
            option = text;
        } else if !text.is_empty() && text != "\\" {
            option = "";
        }
    }
    found
}
