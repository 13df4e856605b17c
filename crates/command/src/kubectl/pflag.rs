//! The argument rules of Go's `pflag` library and of `cobra`, which kubectl is built with.
//!
//! Source: github.com/spf13/pflag `flag.go` (`parseLongArg`, `parseSingleShortArg`) and github.com/spf13/cobra
//! `command.go` (`stripFlags`, `Find`), as released with kubectl v1.32.

use super::arguments::{EVERYWHERE, FILES, PRINT, VERBS};
use super::duration;
use crate::Refusal;

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Switch,
    Text,
    Number,
    Duration,
    List,
}

/// One flag that a verb knows.
#[derive(Clone, Debug)]
struct Flag {
    name: &'static str,
    short: Option<char>,
    kind: Kind,
    /// The value of the flag given bare; `None` where the next argument is the value.
    bare: Option<&'static str>,
    /// Whether it belongs to kubectl as a whole rather than to the verb.
    everywhere: bool,
}

/// The parsed arguments of one call.
#[derive(Debug)]
pub(super) struct Arguments {
    flags: Vec<Flag>,
    /// Index into `flags`, and the value, in the order given.
    values: Vec<(usize, String)>,
    /// What is not a flag, without the verb.
    pub(super) words: Vec<String>,
    /// How many of `words` came before `--`, where there was one.
    pub(super) dash_at: Option<usize>,
}

fn flags_of(table: &'static str, everywhere: bool, into: &mut Vec<Flag>) {
    for word in table.split_whitespace() {
        match word {
            "@print" => flags_of(PRINT, everywhere, into),
            "@files" => flags_of(FILES, everywhere, into),
            _ => into.extend(flag(word, everywhere)),
        }
    }
}

fn flag(word: &'static str, everywhere: bool) -> Option<Flag> {
    let end = word.find(['?', '=', '#', '~', '*'])?;
    let (names, rest) = word.split_at(end);
    let (name, short) = match names.split_once(',') {
        Some((name, short)) => (name, short.chars().next()),
        None => (names, None),
    };
    let (kind, bare) = match rest.as_bytes().first()? {
        b'?' => (Kind::Switch, Some("true")),
        b'#' => (Kind::Number, None),
        b'~' => (Kind::Duration, None),
        b'*' => (Kind::List, None),
        _ if rest.len() > 1 => (Kind::Text, Some(&rest[1..])),
        _ => (Kind::Text, None),
    };
    Some(Flag { name, short, kind, bare, everywhere })
}

/// Splits a call into its verb (`rollout restart`) and the rest, as cobra finds commands: flags may stand before and
/// between the words of a verb, and an unknown one is taken to have a value.
///
/// Returns the first word that is no verb as the error.
pub(super) fn find_verb(args: &[String]) -> Result<(&'static str, Vec<String>), Option<String>> {
    let mut global = Vec::new();
    flags_of(EVERYWHERE, true, &mut global);
    let bare = |arg: &str| {
        let long = arg.strip_prefix("--");
        global.iter().any(|flag| match long {
            Some(name) => flag.name == name && flag.bare.is_some(),
            None => flag.short.is_some_and(|short| arg[1..].starts_with(short)) && flag.bare.is_some(),
        })
    };
    let mut verb = String::new();
    let mut rest = Vec::with_capacity(args.len());
    let mut index = 0;
    while index < args.len() {
        let arg = args[index].as_str();
        if arg == "--" {
            break;
        }
        let takes_next = if arg.starts_with("--") {
            !arg.contains('=') && !bare(arg)
        } else {
            arg.starts_with('-') && arg.chars().count() == 2 && !bare(arg)
        };
        if arg.starts_with('-') && arg != "-" {
            rest.push(arg.to_owned());
            if takes_next && let Some(value) = args.get(index + 1) {
                rest.push(value.clone());
                index += 1;
            }
            index += 1;
            continue;
        }
        let longer = if verb.is_empty() { alias("", arg) } else { format!("{verb} {}", alias(&verb, arg)) };
        if VERBS.iter().any(|(known, _)| *known == longer || known.starts_with(&format!("{longer} "))) {
            verb = longer;
            index += 1;
            continue;
        }
        break;
    }
    let next = args.get(index).cloned();
    rest.extend(args[index.min(args.len())..].iter().cloned());
    match VERBS.iter().find(|(known, _)| *known == verb) {
        Some((known, _)) => Ok((known, rest)),
        None if verb.is_empty() => Err(next),
        None => Err(Some(format!("{verb} {}", next.unwrap_or_default()).trim_end().to_owned())),
    }
}

/// The aliases that kubectl's commands declare.
fn alias(parent: &str, word: &str) -> String {
    let known = match (parent, word) {
        ("top", "pods" | "po") => "pod",
        ("top", "nodes" | "no") => "node",
        ("", "clusterinfo") => "cluster-info",
        ("create", "cm") => "configmap",
        ("create", "cj") => "cronjob",
        ("create", "dep" | "deploy") => "deployment",
        ("create", "ing") => "ingress",
        ("create", "ns") => "namespace",
        ("create", "pdb") => "poddisruptionbudget",
        ("create", "pc") => "priorityclass",
        ("create", "resourcequota") => "quota",
        ("create", "sa") | ("set", "sa") => "serviceaccount",
        ("create", "svc") => "service",
        _ => word,
    };
    known.to_owned()
}

/// Parses what follows a verb.
///
/// # Errors
/// kubectl's own usage error, exit code 1.
pub(super) fn parse(verb: &'static str, args: &[String]) -> Result<Arguments, Refusal> {
    let mut flags = Vec::new();
    if let Some((_, own)) = VERBS.iter().find(|(known, _)| *known == verb) {
        flags_of(own, false, &mut flags);
    }
    flags_of(EVERYWHERE, true, &mut flags);
    let mut parsed = Arguments { flags, values: Vec::new(), words: Vec::new(), dash_at: None };
    let usage = |text: String| Refusal {
        reason: format!("error: {text}\nSee 'kubectl {verb} --help' for usage."),
        exit_code: 1,
    };
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        if arg == "--" {
            parsed.dash_at = Some(parsed.words.len());
            parsed.words.extend(rest.by_ref().cloned());
        } else if let Some(long) = arg.strip_prefix("--") {
            parsed.long(long, arg, &mut rest).map_err(usage)?;
        } else if arg.len() > 1 && arg.starts_with('-') {
            parsed.short(&arg[1..], &mut rest).map_err(usage)?;
        } else {
            parsed.words.push(arg.clone());
        }
    }
    Ok(parsed)
}

impl Arguments {
    fn long<'a>(&mut self, text: &str, arg: &str, rest: &mut impl Iterator<Item = &'a String>) -> Result<(), String> {
        if text.starts_with(['-', '=']) {
            return Err(format!("bad flag syntax: {arg}"));
        }
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        let Some(index) = self.flags.iter().position(|flag| flag.name == name) else {
            return Err(format!("unknown flag: --{name}"));
        };
        let value = match (value, self.flags[index].bare) {
            (Some(value), _) => value,
            (None, Some(bare)) => bare.to_owned(),
            (None, None) => rest.next().cloned().ok_or_else(|| format!("flag needs an argument: --{name}"))?,
        };
        self.set(index, value)
    }

    fn short<'a>(&mut self, text: &str, rest: &mut impl Iterator<Item = &'a String>) -> Result<(), String> {
        let mut left = text;
        while let Some(letter) = left.chars().next() {
            let after = &left[letter.len_utf8()..];
            let Some(index) = self.flags.iter().position(|flag| flag.short == Some(letter)) else {
                return Err(format!("unknown shorthand flag: '{letter}' in -{left}"));
            };
            if let Some(value) = after.strip_prefix('=') {
                return self.set(index, value.to_owned());
            }
            if let Some(bare) = self.flags[index].bare {
                self.set(index, bare.to_owned())?;
                left = after;
                continue;
            }
            if !after.is_empty() {
                return self.set(index, after.to_owned());
            }
            let value = rest.next().cloned().ok_or_else(|| format!("flag needs an argument: '{letter}' in -{left}"))?;
            return self.set(index, value);
        }
        Ok(())
    }

    fn set(&mut self, index: usize, value: String) -> Result<(), String> {
        let flag = &self.flags[index];
        let wrong = match flag.kind {
            Kind::Text | Kind::List => None,
            Kind::Switch => boolean(&value).err(),
            Kind::Number => number(&value).err(),
            Kind::Duration => duration::parse(&value).err(),
        };
        if let Some(wrong) = wrong {
            let name = match flag.short {
                Some(short) => format!("-{short}, --{}", flag.name),
                None => format!("--{}", flag.name),
            };
            return Err(format!("invalid argument {value:?} for {name:?} flag: {wrong}"));
        }
        self.values.push((index, value));
        Ok(())
    }

    fn last(&self, name: &str) -> Option<&str> {
        let index = self.flags.iter().position(|flag| flag.name == name)?;
        self.values.iter().rev().find(|(at, _)| *at == index).map(|(_, value)| value.as_str())
    }

    /// Whether the caller gave it.
    pub(super) fn given(&self, name: &str) -> bool {
        self.last(name).is_some()
    }

    /// The names of the given flags that belong to kubectl as a whole (`true`) or to the verb.
    pub(super) fn names(&self) -> impl Iterator<Item = (&'static str, bool)> + '_ {
        self.values.iter().map(|(index, _)| (self.flags[*index].name, self.flags[*index].everywhere))
    }

    /// Its last value; an empty one counts as not given, as kubectl's commands treat it.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.last(name).filter(|value| !value.is_empty()).map(str::to_owned)
    }

    /// Every value of a list, with comma lists taken apart.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let index = self.flags.iter().position(|flag| flag.name == name);
        self.values
            .iter()
            .filter(|(at, _)| Some(*at) == index)
            .flat_map(|(_, value)| value.split(','))
            .filter(|value| !value.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// Every value given, whole: of arguments whose values may hold commas.
    pub(super) fn every(&self, name: &str) -> Vec<String> {
        let index = self.flags.iter().position(|flag| flag.name == name);
        self.values.iter().filter(|(at, _)| Some(*at) == index).map(|(_, value)| value.clone()).collect()
    }

    /// Whether a switch that is off by default is on.
    pub(super) fn on(&self, name: &str) -> bool {
        self.last(name).is_some_and(|value| boolean(value) == Ok(true))
    }

    /// Whether a switch that is on by default was turned off.
    pub(super) fn off(&self, name: &str) -> bool {
        self.last(name).is_some_and(|value| boolean(value) == Ok(false))
    }

    /// A whole number.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.last(name).and_then(|value| number(value).ok())
    }

    /// A duration in nanoseconds; may be negative.
    pub(super) fn nanoseconds(&self, name: &str) -> Option<i64> {
        self.last(name).and_then(|value| duration::parse(value).ok())
    }
}

/// `strconv.ParseBool`.
fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("strconv.ParseBool: parsing {text:?}: invalid syntax")),
    }
}

/// `strconv.ParseInt` with base 0, for decimal numbers.
fn number(text: &str) -> Result<i64, String> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let decimal = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !decimal || (digits.len() > 1 && digits.starts_with('0')) {
        return Err(format!("strconv.ParseInt: parsing {text:?}: invalid syntax"));
    }
    text.parse().map_err(|_| format!("strconv.ParseInt: parsing {text:?}: value out of range"))
}
