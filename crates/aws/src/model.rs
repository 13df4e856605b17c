//! What AWS publishes of an API: its operations, their shapes, pages and waiters.
//!
//! The text under `model/` is made by `examples/condense.rs`. The order of members is AWS's own, and so is the order of
//! keys in everything that is printed, as with the real command-line program.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value;

use crate::kebab::kebab;

/// How requests and responses are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// AWS Query: a form in, XML out.
    Query,
    /// AWS JSON 1.1.
    Json,
}

/// One service.
#[derive(Debug)]
pub(crate) struct Service {
    /// As the command line names it: `rds`.
    pub(crate) name: &'static str,
    pub(crate) protocol: Protocol,
    /// The API's version: `2014-10-31`.
    pub(crate) version: &'static str,
    /// In the order of their names.
    pub(crate) operations: Vec<Operation>,
    pub(crate) waiters: Vec<Waiter>,
    structures: HashMap<&'static str, Vec<Member>>,
}

/// One operation of a service.
#[derive(Debug)]
pub(crate) struct Operation {
    /// As the API names it: `DescribeDBInstances`.
    pub(crate) name: &'static str,
    /// As the command line names it: `describe-db-instances`.
    pub(crate) command: String,
    pub(crate) input: &'static str,
    /// `None` where the response holds nothing.
    pub(crate) output: Option<&'static str>,
    /// The element around the output (AWS Query).
    pub(crate) wrapper: Option<&'static str>,
    pub(crate) page: Option<Page>,
}

/// How an operation continues a long list.
#[derive(Debug)]
pub(crate) struct Page {
    /// The output's member that grows from page to page.
    pub(crate) result: &'static str,
    /// The input's member that takes the token.
    pub(crate) input_token: &'static str,
    /// The output's member that gives it.
    pub(crate) output_token: &'static str,
    /// The input's member that bounds a page.
    pub(crate) limit: &'static str,
    /// The output's member that says whether there is more; without one the token says it.
    pub(crate) more: Option<&'static str>,
}

/// One member of a structure.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    pub(crate) kind: Kind,
}

/// What a value is. A number is the least length, or the least value of an integer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Text(u64),
    Integer(u64),
    Float,
    Boolean,
    Timestamp,
    Blob,
    /// Its members stand in [`Service::members`].
    Structure(&'static str),
    List {
        of: Box<Kind>,
        /// What an element is called in a form (AWS Query).
        location: &'static str,
        least: u64,
    },
}

/// How to wait for a state.
#[derive(Debug)]
pub(crate) struct Waiter {
    /// As the API names it: `DBInstanceAvailable`.
    pub(crate) name: &'static str,
    /// As the command line names it: `db-instance-available`.
    pub(crate) command: String,
    pub(crate) operation: &'static str,
    /// Seconds between two looks.
    pub(crate) delay: u64,
    /// Looks, at most.
    pub(crate) attempts: u32,
    pub(crate) acceptors: Vec<Acceptor>,
}

/// One rule of a waiter; the first that matches decides.
#[derive(Debug)]
pub(crate) struct Acceptor {
    pub(crate) state: State,
    pub(crate) matcher: Matcher,
    /// What is compared with.
    pub(crate) expected: Value,
    /// The JMESPath expression looked at, or `-`.
    pub(crate) path: &'static str,
}

/// What a matching rule means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Success,
    Failure,
    Retry,
}

/// What a rule compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Matcher {
    Path,
    PathAll,
    PathAny,
    Error,
}

static SERVICES: LazyLock<[Service; 2]> =
    LazyLock::new(|| [read(include_str!("../model/rds.txt")), read(include_str!("../model/acm.txt"))]);

/// The service of that name, where it is performed natively.
pub(crate) fn service(name: &str) -> Option<&'static Service> {
    SERVICES.iter().find(|service| service.name == name)
}

impl Service {
    /// The operation that the command line calls so.
    pub(crate) fn command(&self, command: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.command == command)
    }

    /// The operation that the API calls so.
    pub(crate) fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.name == name)
    }

    /// The waiter that the command line calls so.
    pub(crate) fn waiter(&self, command: &str) -> Option<&Waiter> {
        self.waiters.iter().find(|waiter| waiter.command == command)
    }

    /// The members of a structure, in AWS's order.
    pub(crate) fn members(&self, structure: &str) -> &[Member] {
        self.structures.get(structure).map_or(&[], Vec::as_slice)
    }
}

/// Reads a model. It is part of this program and read by every test, so a fault in it is a fault of the program.
fn read(text: &'static str) -> Service {
    let mut service = Service {
        name: "",
        protocol: Protocol::Query,
        version: "",
        operations: Vec::new(),
        waiters: Vec::new(),
        structures: HashMap::new(),
    };
    let mut structure = "";
    let mut waiting = false;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some(inner) = line.strip_prefix(' ') {
            if waiting {
                let waiter = service.waiters.last_mut().expect("an acceptor follows its waiter");
                waiter.acceptors.push(acceptor(inner));
            } else {
                service.structures.entry(structure).or_default().push(member(inner));
            }
            continue;
        }
        let words: Vec<&'static str> = line.split(' ').collect();
        waiting = words[0] == "waiter";
        match words[..] {
            ["service", name, protocol, version] => {
                service.name = name;
                service.protocol = if protocol == "json" { Protocol::Json } else { Protocol::Query };
                service.version = version;
            }
            ["operation", name, input, output, wrapper] => service.operations.push(Operation {
                name,
                command: kebab(name),
                input,
                output: given(output),
                wrapper: given(wrapper),
                page: None,
            }),
            ["page", result, ref rest @ ..] => {
                let of = |key: &str| {
                    rest.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('=')).expect("a page has all keys")
                };
                let operation = service.operations.last_mut().expect("a page follows its operation");
                operation.page = Some(Page {
                    result,
                    input_token: of("in"),
                    output_token: of("out"),
                    limit: of("limit"),
                    more: given(of("more")),
                });
            }
            ["waiter", name, operation, delay, attempts] => service.waiters.push(Waiter {
                name,
                command: kebab(name),
                operation,
                delay: delay.parse().expect("seconds"),
                attempts: attempts.parse().expect("a number of looks"),
                acceptors: Vec::new(),
            }),
            ["structure", name] => {
                structure = name;
                service.structures.entry(name).or_default();
            }
            _ => unreachable!("the model has no such line: {line}"),
        }
    }
    service
}

fn given(word: &'static str) -> Option<&'static str> {
    (word != "-").then_some(word)
}

fn member(line: &'static str) -> Member {
    let (name, of) = line.split_once(' ').expect("a member has a name and a kind");
    let required = name.ends_with('!');
    Member { name: name.trim_end_matches('!'), required, kind: kind(of) }
}

fn kind(word: &'static str) -> Kind {
    let (word, least) = match word.rsplit_once(">=").filter(|(_, least)| !least.contains(']')) {
        Some((word, least)) => (word, least.parse().expect("a length")),
        None => (word, 0),
    };
    if let Some(inner) = word.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let (of, location) = inner.rsplit_once('/').expect("a list names its elements");
        return Kind::List { of: Box::new(kind(of)), location, least };
    }
    match word {
        "string" => Kind::Text(least),
        "integer" | "long" => Kind::Integer(least),
        "float" | "double" => Kind::Float,
        "boolean" => Kind::Boolean,
        "timestamp" => Kind::Timestamp,
        "blob" => Kind::Blob,
        structure => Kind::Structure(structure),
    }
}

fn acceptor(line: &'static str) -> Acceptor {
    let words: Vec<&'static str> = line.splitn(4, ' ').collect();
    let [state, matcher, expected, path] = words[..] else { unreachable!("an acceptor has four words: {line}") };
    Acceptor {
        state: match state {
            "success" => State::Success,
            "failure" => State::Failure,
            _ => State::Retry,
        },
        matcher: match matcher {
            "path" => Matcher::Path,
            "pathAll" => Matcher::PathAll,
            "pathAny" => Matcher::PathAny,
            _ => Matcher::Error,
        },
        expected: serde_json::from_str(expected).expect("what is expected is JSON"),
        path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_that_is_named_is_there() {
        for service in SERVICES.iter() {
            for operation in &service.operations {
                let input = Some(operation.input).filter(|input| *input != "-");
                for name in [input, operation.output].into_iter().flatten() {
                    complete(service, &Kind::Structure(name), 0);
                }
            }
            for waiter in &service.waiters {
                assert!(service.operation(waiter.operation).is_some(), "{}", waiter.name);
                assert!(!waiter.acceptors.is_empty(), "{}", waiter.name);
            }
        }
    }

    fn complete(service: &Service, kind: &Kind, depth: usize) {
        assert!(depth < 12, "a shape holds itself");
        match kind {
            Kind::Structure(name) => {
                assert!(service.structures.contains_key(name), "{name}");
                for member in service.members(name) {
                    complete(service, &member.kind, depth + 1);
                }
            }
            Kind::List { of, .. } => complete(service, of, depth + 1),
            _ => {}
        }
    }

    #[test]
    fn what_the_model_performs_is_what_the_grammar_calls_native() {
        for service in SERVICES.iter() {
            let mut here: Vec<&str> = service.operations.iter().map(|operation| operation.command.as_str()).collect();
            here.sort_unstable();
            assert_eq!(here, command::cloud::native_operations(service.name), "{}", service.name);
            assert!(service.waiters.iter().all(|waiter| command::cloud::native(service.name, "wait", &waiter.command)));
        }
    }
}
