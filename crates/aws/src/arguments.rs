//! The options of one operation, as the real program's parser takes them (Python's `argparse`, set up by
//! `awscli/argparser.py` and `awscli/arguments.py`).

use command::cloud::is_option;

use crate::failure::Failure;
use crate::kebab::kebab;
use crate::model::{Kind, Member, Operation, Service};

/// What one option was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Raw {
    /// `--multi-az` or `--no-multi-az`.
    Flag(bool),
    /// One word.
    One(String),
    /// The words of a list.
    Many(Vec<String>),
}

/// The options of a call; values are not yet understood.
#[derive(Debug, Default)]
pub(crate) struct Given {
    /// By the API's names, in the API's order.
    pub(crate) members: Vec<(&'static str, Raw)>,
    /// `--cli-input-json`.
    pub(crate) input: Option<String>,
    pub(crate) paging: Paging,
}

/// How a long list is continued.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Paging {
    pub(crate) starting_token: Option<String>,
    pub(crate) page_size: Option<u64>,
    pub(crate) max_items: Option<u64>,
    /// Whether the call continues it at all.
    pub(crate) off: bool,
}

const STARTING_TOKEN: &str = "starting-token";
const PAGE_SIZE: &str = "page-size";
const MAX_ITEMS: &str = "max-items";
const INPUT: &str = "cli-input-json";

/// What an option is.
#[derive(Clone, Copy)]
enum Meaning<'m> {
    Member(&'m Member),
    Negated(&'m Member),
    Aside(&'static str),
}

/// Reads the words after an operation.
///
/// # Errors
/// Of usage (252): an unknown option, one without its value, a required one missing.
pub(crate) fn read(
    service: &Service,
    operation: &Operation,
    words: &[&str],
    paginates: bool,
) -> Result<Given, Failure> {
    let members = service.members(operation.input);
    let mut given = Given::default();
    given.paging.off = !paginates || operation.page.is_none();
    let mut raws: Vec<Option<Raw>> = vec![None; members.len()];
    let mut unknown: Vec<&str> = Vec::new();
    let mut stray = None;
    let mut words = words.iter().copied().peekable();
    while let Some(word) = words.next() {
        if !is_option(word) {
            // The program's own parser reports the first such word last.
            match stray {
                None => stray = Some(word),
                Some(_) => unknown.push(word),
            }
            continue;
        }
        let (option, inline) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        let Some(meaning) = option.strip_prefix("--").and_then(|name| meaning(members, operation, &given.paging, name))
        else {
            if let Some(whole) = shortened(members, operation, option) {
                return Err(wrong(option, &format!("a shortened option hides what runs: write {whole} out in full")));
            }
            unknown.push(word);
            continue;
        };
        let raw = match (kind(meaning), inline) {
            (Some(Kind::Boolean), None) => Raw::Flag(!matches!(meaning, Meaning::Negated(_))),
            (Some(Kind::Boolean), Some(value)) => {
                return Err(wrong(option, &format!("ignored explicit argument '{value}'")));
            }
            (Some(Kind::List { .. }), Some(value)) => Raw::Many(vec![value.to_owned()]),
            (Some(Kind::List { .. }), None) => {
                let mut many = Vec::new();
                while let Some(value) = words.next_if(|next| !is_option(next)) {
                    many.push(value.to_owned());
                }
                Raw::Many(many)
            }
            (_, Some(value)) => Raw::One(value.to_owned()),
            (_, None) => match words.next_if(|next| !is_option(next)) {
                Some(value) => Raw::One(value.to_owned()),
                None => return Err(wrong(option, "expected one argument")),
            },
        };
        match (meaning, raw) {
            (Meaning::Member(member) | Meaning::Negated(member), raw) => {
                let at = members.iter().position(|known| known.name == member.name).expect("a member of this list");
                raws[at] = Some(raw);
            }
            (Meaning::Aside(name), Raw::One(value)) => aside(&mut given, name, value)?,
            (Meaning::Aside(_), _) => {}
        }
    }
    unknown.extend(stray);
    let missing: Vec<String> = members
        .iter()
        .zip(&raws)
        .filter(|(member, raw)| member.required && raw.is_none() && given.input.is_none())
        .map(|(member, _)| format!("--{}", kebab(member.name)))
        .collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Err(Failure::usage(&format!("aws: error: the following arguments are required: {missing}")));
    }
    if !unknown.is_empty() {
        return Err(Failure::usage(&format!("Unknown options: {}", unknown.join(", "))));
    }
    given.members = members.iter().zip(raws).filter_map(|(member, raw)| Some((member.name, raw?))).collect();
    settle_paging(&mut given, operation, paginates)?;
    Ok(given)
}

fn meaning<'m>(members: &'m [Member], operation: &Operation, paging: &Paging, name: &str) -> Option<Meaning<'m>> {
    if name == INPUT {
        return Some(Meaning::Aside(INPUT));
    }
    let pages = [STARTING_TOKEN, PAGE_SIZE, MAX_ITEMS].into_iter().find(|known| *known == name);
    let member = members.iter().find(|member| kebab(member.name) == name);
    if let Some(known) = pages.filter(|_| operation.page.is_some() && (!paging.off || member.is_none())) {
        return Some(Meaning::Aside(known));
    }
    let negated = || {
        let positive = name.strip_prefix("no-")?;
        members.iter().find(|member| member.kind == Kind::Boolean && kebab(member.name) == positive)
    };
    member.map(Meaning::Member).or_else(|| negated().map(Meaning::Negated))
}

/// The option that the real program would take a shortened one for: the policy would not see what it names.
fn shortened(members: &[Member], operation: &Operation, option: &str) -> Option<String> {
    let pages = [STARTING_TOKEN, PAGE_SIZE, MAX_ITEMS].into_iter().filter(|_| operation.page.is_some());
    let names = members.iter().flat_map(|member| {
        let name = kebab(member.name);
        let negated = (member.kind == Kind::Boolean).then(|| format!("no-{name}"));
        std::iter::once(name).chain(negated)
    });
    let mut whole = names
        .chain(pages.map(str::to_owned))
        .map(|name| format!("--{name}"))
        .filter(|name| option.len() > 2 && name.starts_with(option));
    whole.next().filter(|_| whole.next().is_none())
}

fn kind(meaning: Meaning<'_>) -> Option<&Kind> {
    match meaning {
        Meaning::Member(member) | Meaning::Negated(member) => Some(&member.kind),
        Meaning::Aside(_) => None,
    }
}

fn aside(given: &mut Given, name: &'static str, value: String) -> Result<(), Failure> {
    let number = || {
        let wrong = || wrong(&format!("--{name}"), &format!("invalid int value: '{value}'"));
        value.trim().parse::<u64>().map_err(|_| wrong())
    };
    match name {
        PAGE_SIZE => given.paging.page_size = Some(number()?),
        MAX_ITEMS => given.paging.max_items = Some(number()?),
        STARTING_TOKEN => given.paging.starting_token = Some(value),
        _ => given.input = Some(value),
    }
    Ok(())
}

/// Whoever gives the API's own paging parameters turns the program's paging off.
fn settle_paging(given: &mut Given, operation: &Operation, paginates: bool) -> Result<(), Failure> {
    let Some(page) = &operation.page else { return Ok(()) };
    let own = given.members.iter().any(|(name, _)| *name == page.input_token || *name == page.limit);
    given.paging.off = !paginates || own;
    let used = [
        (STARTING_TOKEN, given.paging.starting_token.is_some()),
        (PAGE_SIZE, given.paging.page_size.is_some()),
        (MAX_ITEMS, given.paging.max_items.is_some()),
    ];
    let used: Vec<String> = used.iter().filter(|(_, used)| *used).map(|(name, _)| format!("--{name}")).collect();
    if given.paging.off && !used.is_empty() {
        let used = used.join(", ");
        return Err(Failure::invalid(format!("Cannot specify --no-paginate along with pagination arguments: {used}")));
    }
    Ok(())
}

fn wrong(option: &str, what: &str) -> Failure {
    Failure::usage(&format!("aws: error: argument {option}: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::service;

    fn given(name: &str, line: &str) -> Result<Given, Failure> {
        let service = service("rds").or_else(|| service("acm")).expect("a model");
        let operation = service.command(name).expect("an operation");
        let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
        read(service, operation, &words, true)
    }

    fn text(result: Result<Given, Failure>) -> String {
        let Err(Failure::Failed(text, 252)) = result else { panic!("{result:?}") };
        text.trim().lines().last().unwrap_or_default().to_owned()
    }

    #[test]
    fn options_are_the_real_programs() {
        let found = given(
            "modify-db-instance",
            "--db-instance-identifier=a --multi-az --apply-immediately --no-multi-az --allocated-storage 30 \
             --vpc-security-group-ids sg-1 sg-2",
        )
        .expect("a good line");
        let one = |value: &str| Raw::One(value.to_owned());
        assert_eq!(
            found.members,
            [
                ("DBInstanceIdentifier", one("a")),
                ("AllocatedStorage", one("30")),
                ("VpcSecurityGroupIds", Raw::Many(vec!["sg-1".into(), "sg-2".into()])),
                ("ApplyImmediately", Raw::Flag(true)),
                ("MultiAZ", Raw::Flag(false)),
            ]
        );
    }

    #[test]
    fn usage_is_told_in_the_programs_words() {
        for (name, line, told) in [
            ("describe-db-instances", "--foo bar baz", "Unknown options: --foo, baz, bar"),
            ("describe-db-instances", "extra", "Unknown options: extra"),
            (
                "describe-db-instances",
                "--db-instance-identifier",
                "aws: error: argument --db-instance-identifier: expected one argument",
            ),
            ("reboot-db-instance", "", "aws: error: the following arguments are required: --db-instance-identifier"),
            ("describe-db-instances", "--max-items x", "aws: error: argument --max-items: invalid int value: 'x'"),
            (
                "describe-db-instances",
                "--marker x --max-items 1",
                "Cannot specify --no-paginate along with pagination arguments: --max-items",
            ),
            (
                "describe-db-snapshots",
                "--include-shared=true",
                "aws: error: argument --include-shared: ignored explicit argument 'true'",
            ),
            (
                "describe-db-instances",
                "--db-instance-id x",
                "aws: error: argument --db-instance-id: a shortened option hides what runs: write \
                 --db-instance-identifier out in full",
            ),
        ] {
            assert_eq!(text(given(name, line)), told);
        }
    }

    #[test]
    fn paging_is_the_programs_unless_the_apis_own_is_used() {
        let found = given("describe-db-instances", "--max-items 3 --page-size=20 --starting-token t").expect("good");
        let paging =
            Paging { starting_token: Some("t".to_owned()), page_size: Some(20), max_items: Some(3), off: false };
        assert_eq!(found.paging, paging);
        assert!(given("describe-db-instances", "--max-records 20").expect("good").paging.off);
    }
}
