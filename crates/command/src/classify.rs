//! One call of a program to an [`Action`]: a table for each tool.

use crate::action::{Action, Effect, Refusal, Target};
use crate::{cloud, deploy, dump, http, kubectl, openssl, program, psql, redis};

/// The tools that the broker performs today. Every other one is refused with exit code 127.
const BROKER: &[&str] = &[
    "argocd",
    "aws",
    "curl",
    "helm",
    "kubectl",
    "openssl",
    "pg_dump",
    "pg_isready",
    "pg_restore",
    "psql",
    "redis-cli",
    "wget",
];

/// Whether the broker can perform calls of this tool.
#[must_use]
pub fn known_to_broker(tool: &str) -> bool {
    BROKER.contains(&tool)
}

/// What a call would do, by its words; `argv[0]` is the program.
///
/// # Errors
/// A [`Refusal`] where the arguments leave the environment or its credentials, or where nobody knows the program.
pub fn classify(argv: &[String]) -> Result<Action, Refusal> {
    let Some(first) = argv.first() else {
        return Err(Refusal::not_available("An empty call names no program."));
    };
    let tool = program::base_name(first);
    let arguments = Arguments { tool, words: &argv[1..] };
    match tool {
        "kubectl" => kubectl::action(argv),
        "aws" => cloud::aws(&arguments),
        "psql" => psql::parse(argv).map(|invocation| invocation.action),
        "pg_dump" | "pg_restore" | "pg_isready" => dump::parse(argv).map(|invocation| invocation.action),
        "redis-cli" => redis::parse(argv).map(|invocation| invocation.action),
        "curl" | "wget" => http::parse(argv).map(|request| request.action),
        "openssl" => openssl::parse(argv).map(|client| client.action),
        "helm" => deploy::helm(&arguments),
        "argocd" => deploy::argocd(&arguments),
        "docker" => Ok(deploy::docker(&arguments)),
        "git" => Ok(deploy::git(&arguments)),
        _ => Err(Refusal::not_available(program::not_available(tool))),
    }
}

/// The words after the program's name.
pub(crate) struct Arguments<'a> {
    /// The program.
    pub(crate) tool: &'a str,
    /// All after it.
    pub(crate) words: &'a [String],
}

impl Arguments<'_> {
    /// The value of an option in either form: `--name value`, `--name=value`.
    pub(crate) fn value(&self, names: &[&str]) -> Option<&str> {
        self.words.iter().enumerate().find_map(|(at, word)| {
            if names.contains(&word.as_str()) {
                return self.words.get(at + 1).map(String::as_str);
            }
            word.split_once('=').filter(|(name, _)| names.contains(name)).map(|(_, value)| value)
        })
    }

    /// Whether an option stands there, with or without a value.
    pub(crate) fn has(&self, names: &[&str]) -> bool {
        self.words.iter().any(|word| {
            names.contains(&word.as_str()) || word.split_once('=').is_some_and(|(name, _)| names.contains(&name))
        })
    }

    /// The words that are neither options nor their values, given the options that take one.
    pub(crate) fn plain(&self, with_value: &[&str]) -> Vec<&str> {
        let mut plain = Vec::new();
        let mut words = self.words.iter();
        while let Some(word) = words.next() {
            if word.starts_with('-') && word.len() > 1 {
                if with_value.contains(&word.as_str()) {
                    words.next();
                }
            } else {
                plain.push(word.as_str());
            }
        }
        plain
    }

    /// Refuses the first of these options that stands there.
    pub(crate) fn refuse(&self, names: &[&str], why: &str) -> Result<(), Refusal> {
        match names.iter().find(|name| self.has(&[name])) {
            Some(name) => {
                Err(Refusal::not_permitted(format!("`{} {name}` is not permitted: {why}. Leave it out.", self.tool)))
            }
            None => Ok(()),
        }
    }

    /// An action of this tool.
    pub(crate) fn action(&self, verb: impl Into<String>, effect: Effect, targets: Vec<Target>) -> Action {
        Action { tool: self.tool.to_owned(), verb: verb.into(), targets, effect, follows: false }
    }
}

/// A target of a kind, with or without a name.
pub(crate) fn target(kind: &str, name: Option<&str>) -> Target {
    Target { kind: kind.to_owned(), name: name.map(str::to_owned), ..Target::default() }
}
