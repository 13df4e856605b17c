//! Clients of databases and caches: `psql` and its kin, `redis-cli`.

use crate::action::{Action, Effect, Refusal};
use crate::classify::{Arguments, target};
use crate::sql;

/// Options of the PostgreSQL clients that take a value (PostgreSQL documentation, "psql", "pg_dump").
const PSQL_VALUES: &[&str] = &[
    "-c",
    "--command",
    "-d",
    "--dbname",
    "-f",
    "--file",
    "-h",
    "--host",
    "-p",
    "--port",
    "-U",
    "--username",
    "-v",
    "--set",
    "-F",
    "-P",
    "-R",
    "-T",
    "-o",
    "-L",
    "-t",
    "-n",
    "-N",
    "-E",
    "-j",
    "-Z",
];

/// `redis-cli` options that take a value.
const REDIS_VALUES: &[&str] =
    &["-h", "-p", "-a", "-n", "-u", "-i", "-r", "--user", "--pass", "--cacert", "--cert", "--key"];

/// Redis commands that leave everything as it was (Redis commands reference, flag `readonly` and the introspective ones).
const REDIS_READS: &[&str] = &[
    "INFO",
    "PING",
    "GET",
    "MGET",
    "KEYS",
    "SCAN",
    "TTL",
    "PTTL",
    "EXISTS",
    "TYPE",
    "STRLEN",
    "LLEN",
    "LRANGE",
    "HGET",
    "HGETALL",
    "HLEN",
    "SMEMBERS",
    "SCARD",
    "ZRANGE",
    "ZCARD",
    "XLEN",
    "XINFO",
    "XRANGE",
    "DBSIZE",
    "MONITOR",
    "ROLE",
    "TIME",
    "OBJECT",
    "MEMORY",
    "ECHO",
    "COMMAND",
    "LASTSAVE",
    "SUBSCRIBE",
    "PSUBSCRIBE",
];
const REDIS_DESTROYS: &[&str] = &["FLUSHDB", "FLUSHALL", "DEL", "UNLINK", "SHUTDOWN", "FAILOVER", "XTRIM", "LTRIM"];

/// Commands with a subcommand that decides, and the subcommands that only look.
const REDIS_SUBCOMMANDS: &[(&str, &[&str])] = &[
    ("SLOWLOG", &["GET", "LEN", "HELP"]),
    ("CONFIG", &["GET", "HELP"]),
    ("CLIENT", &["LIST", "INFO", "GETNAME", "ID", "HELP"]),
    ("CLUSTER", &["INFO", "NODES", "SLOTS", "SHARDS", "HELP"]),
    ("LATENCY", &["LATEST", "HISTORY", "DOCTOR", "GRAPH", "HELP"]),
    ("ACL", &["LIST", "WHOAMI", "CAT", "USERS", "HELP"]),
];

pub(crate) fn psql(arguments: &Arguments<'_>) -> Result<Action, Refusal> {
    let commands: Vec<&str> = arguments
        .words
        .windows(2)
        .filter(|pair| pair[0] == "-c" || pair[0] == "--command")
        .map(|pair| pair[1].as_str())
        .chain(arguments.words.iter().filter_map(|word| word.strip_prefix("--command=")))
        .collect();
    for text in &commands {
        let lower = text.to_ascii_lowercase();
        if lower.contains("\\!") || (lower.contains("copy") && lower.contains("program")) {
            return Err(Refusal::not_permitted(
                "`psql` may not start programs (`\\!`, `COPY … PROGRAM`). Use SQL alone.",
            ));
        }
    }
    let plain = arguments.plain(PSQL_VALUES);
    let database = arguments.value(&["-d", "--dbname"]).or(plain.first().copied()).filter(|name| !name.contains("://"));
    let lists = arguments.has(&["-l", "--list", "--version", "--help"]);
    let (verb, effect) = if lists {
        ("list".to_owned(), Effect::Read)
    } else if commands.is_empty() || arguments.has(&["-f", "--file"]) {
        ("script".to_owned(), Effect::Change)
    } else {
        let meta = |text: &&str| text.trim_start().starts_with('\\');
        let effect =
            commands.iter().filter(|text| !meta(text)).map(|text| sql::effect(text)).max().unwrap_or(Effect::Read);
        (commands.first().and_then(|text| sql::verb(text)).unwrap_or_else(|| "meta".to_owned()), effect)
    };
    Ok(arguments.action(verb, effect, vec![target("database", database)]))
}

pub(crate) fn dump(arguments: &Arguments<'_>) -> Action {
    let plain = arguments.plain(PSQL_VALUES);
    let database = arguments.value(&["-d", "--dbname"]).or(plain.first().copied()).filter(|name| !name.contains("://"));
    arguments.action("dump", Effect::Read, vec![target("database", database)])
}

pub(crate) fn redis(arguments: &Arguments<'_>) -> Action {
    let samples = ["--bigkeys", "--memkeys", "--hotkeys", "--latency", "--latency-history", "--stat", "--scan"];
    let plain = arguments.plain(REDIS_VALUES);
    let targets = vec![target("cache", arguments.value(&["-h"]))];
    if let Some(sample) = samples.iter().find(|option| arguments.has(&[option])) {
        let mut action = arguments.action(sample.trim_start_matches('-'), Effect::Read, targets);
        action.follows = matches!(*sample, "--latency" | "--latency-history" | "--stat");
        return action;
    }
    let Some(command) = plain.first().map(|word| word.to_ascii_uppercase()) else {
        return arguments.action("script", Effect::Change, targets);
    };
    let subcommand = plain.get(1).map(|word| word.to_ascii_uppercase()).unwrap_or_default();
    let (verb, effect) = match REDIS_SUBCOMMANDS.iter().find(|(name, _)| *name == command) {
        Some((_, reads)) if reads.contains(&subcommand.as_str()) => (format!("{command} {subcommand}"), Effect::Read),
        Some(_) if subcommand == "KILL" => (format!("{command} {subcommand}"), Effect::Destroy),
        Some(_) => (format!("{command} {subcommand}"), Effect::Change),
        None if REDIS_READS.contains(&command.as_str()) => (command.clone(), Effect::Read),
        None if REDIS_DESTROYS.contains(&command.as_str()) => (command.clone(), Effect::Destroy),
        None => (command.clone(), Effect::Change),
    };
    let mut action = arguments.action(verb.trim_end(), effect, targets);
    action.follows = matches!(command.as_str(), "MONITOR" | "SUBSCRIBE" | "PSUBSCRIBE");
    action
}
