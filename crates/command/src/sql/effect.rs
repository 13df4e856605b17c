//! How far one statement reaches.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::scan::Token;
use crate::action::Effect;

/// PostgreSQL 15's built-in functions that are immutable or stable by its catalogue (`pg_proc.provolatile`), those
/// volatile ones that only look, and a few of the extensions it ships. Those that anybody adds are not known here.
static READING_FUNCTIONS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("reading_functions.txt").split_ascii_whitespace().collect());

/// How often a statement may hold another: `EXPLAIN ANALYZE DECLARE … CURSOR FOR …` is two.
const DEEPEST: u8 = 4;

/// How many words between parentheses are looked through for their end.
const NEAR: usize = 64;

/// Built-in functions that do something which a read-only transaction would permit, or that take something away.
const ACTING_FUNCTIONS: &[(&str, Effect)] = &[
    ("pg_terminate_backend", Effect::Destroy),
    ("pg_drop_replication_slot", Effect::Destroy),
    ("pg_replication_origin_drop", Effect::Destroy),
    ("pg_promote", Effect::Destroy),
    ("lo_unlink", Effect::Destroy),
    ("lo_truncate", Effect::Destroy),
    ("lo_truncate64", Effect::Destroy),
    // These carry out a text.
    ("query_to_xml", Effect::Destroy),
    ("query_to_xml_and_xmlschema", Effect::Destroy),
    ("ts_rewrite", Effect::Destroy),
    ("ts_stat", Effect::Destroy),
];

/// Words before a parenthesis that call nothing: keywords, and types with a length.
const NOT_CALLED: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "between",
    "bit",
    "buffers",
    "by",
    "case",
    "char",
    "character",
    "columns",
    "copy",
    "cross",
    "cube",
    "cycle",
    "dec",
    "decimal",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "explain",
    "fetch",
    "filter",
    "first",
    "float",
    "for",
    "from",
    "full",
    "group",
    "having",
    "ilike",
    "in",
    "inner",
    "intersect",
    "interval",
    "into",
    "is",
    "join",
    "key",
    "lateral",
    "left",
    "like",
    "limit",
    "materialized",
    "next",
    "not",
    "notnull",
    "isnull",
    "numeric",
    "of",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "over",
    "partition",
    "precision",
    "range",
    "returning",
    "right",
    "rollup",
    "row",
    "rows",
    "select",
    "set",
    "sets",
    "similar",
    "some",
    "symmetric",
    "table",
    "tablesample",
    "then",
    "time",
    "timestamp",
    "to",
    "union",
    "update",
    "using",
    "values",
    "varbit",
    "varchar",
    "varying",
    "vacuum",
    "when",
    "where",
    "window",
    "with",
    "within",
    "xor",
    "timestamptz",
    "timetz",
    "bpchar",
    "reindex",
    "system",
    "bernoulli",
];

/// Settings of a session that change nothing outside it and lift no guard.
const HARMLESS_SETTINGS: &[&str] = &[
    "application_name",
    "bytea_output",
    "client_encoding",
    "client_min_messages",
    "constraints",
    "cpu_tuple_cost",
    "datestyle",
    "effective_cache_size",
    "extra_float_digits",
    "from_collapse_limit",
    "geqo",
    "hash_mem_multiplier",
    "idle_in_transaction_session_timeout",
    "intervalstyle",
    "jit",
    "join_collapse_limit",
    "lc_messages",
    "lc_monetary",
    "lc_numeric",
    "lc_time",
    "lock_timeout",
    "maintenance_work_mem",
    "max_parallel_workers",
    "max_parallel_workers_per_gather",
    "names",
    "plan_cache_mode",
    "random_page_cost",
    "row_security",
    "search_path",
    "seed",
    "seq_page_cost",
    "statement_timeout",
    "temp_buffers",
    "time",
    "timezone",
    "track_io_timing",
    "transaction",
    "work_mem",
    "xmloption",
    "characteristics",
];

/// The effect of one statement.
pub(super) fn of(tokens: &[Token]) -> Effect {
    nested(tokens, DEEPEST)
}

fn nested(tokens: &[Token], depth: u8) -> Effect {
    kind(tokens, depth).max(functions(tokens)).max(modifying_parts(tokens))
}

/// Whether this is `COPY … FROM PROGRAM '…'` or `COPY … TO PROGRAM '…'`.
pub(super) fn starts_program(tokens: &[Token]) -> bool {
    word(tokens, 0) == Some("copy")
        && tokens.windows(3).any(|three| {
            matches!(three, [Token::Word(way), Token::Word(program), Token::Text(_)]
                if matches!(way.as_str(), "from" | "to") && program == "program")
        })
}

fn word(tokens: &[Token], at: usize) -> Option<&str> {
    match tokens.get(at) {
        Some(Token::Word(word)) => Some(word),
        _ => None,
    }
}

fn has(tokens: &[Token], wanted: &[&str]) -> bool {
    tokens.iter().any(|token| matches!(token, Token::Word(word) if wanted.contains(&word.as_str())))
}

fn follows(tokens: &[Token], first: &str, next: &[&str]) -> bool {
    tokens.windows(2).any(|pair| {
        matches!(pair, [Token::Word(word), Token::Word(after)] if word == first && next.contains(&after.as_str()))
    })
}

/// By the first keyword.
fn kind(tokens: &[Token], depth: u8) -> Effect {
    let Some(depth) = depth.checked_sub(1) else { return Effect::Destroy };
    let start = tokens.iter().position(|token| *token != Token::Sign(b'(')).unwrap_or(tokens.len());
    let tokens = &tokens[start..];
    let Some(first) = word(tokens, 0) else {
        return if tokens.is_empty() { Effect::Read } else { Effect::Change };
    };
    let rest = &tokens[1..];
    let writes = follows(rest, "read", &["write"]);
    match first {
        "select" | "with" | "values" | "table" => {
            if has(rest, &["into"]) || follows(rest, "for", &["update", "no", "share", "key"]) {
                Effect::Change
            } else {
                Effect::Read
            }
        }
        "show" | "fetch" | "move" | "close" | "execute" | "deallocate" | "discard" | "reset" | "listen"
        | "unlisten" | "savepoint" | "release" => Effect::Read,
        "begin" | "start" | "commit" | "end" | "rollback" | "abort" => {
            if writes || has(rest, &["prepared"]) {
                Effect::Change
            } else {
                Effect::Read
            }
        }
        "set" => {
            let at = usize::from(matches!(word(rest, 0), Some("local" | "session")));
            let name = word(rest, at).unwrap_or_default();
            let harmless = HARMLESS_SETTINGS.contains(&name) || name.starts_with("enable_");
            if harmless && !writes { Effect::Read } else { Effect::Change }
        }
        "explain" => explained(rest, depth),
        "prepare" if word(rest, 0) == Some("transaction") => Effect::Change,
        "prepare" | "declare" => {
            let at = rest.iter().position(|token| matches!(token, Token::Word(word) if word == "as" || word == "for"));
            at.map_or(Effect::Change, |at| nested(&rest[at + 1..], depth))
        }
        "copy" => {
            if follows(rest, "to", &["stdout"]) {
                Effect::Read
            } else {
                Effect::Change
            }
        }
        "drop" | "truncate" | "delete" => Effect::Destroy,
        "alter" => {
            let drops = rest.iter().zip(rest.iter().skip(1)).any(|(token, next)| {
                *token == Token::Word("drop".to_owned())
                    && !matches!(next, Token::Word(word) if matches!(word.as_str(), "not" | "default" | "identity" | "expression"))
            });
            if drops { Effect::Destroy } else { Effect::Change }
        }
        "do" => {
            let takes_away = rest.iter().any(|token| {
                matches!(token, Token::Text(body) if body
                    .split(|c: char| !c.is_alphanumeric() && c != '_')
                    .any(|word| ["delete", "drop", "truncate", "pg_terminate_backend"].iter().any(|other| word.eq_ignore_ascii_case(other))))
            });
            if takes_away { Effect::Destroy } else { Effect::Change }
        }
        _ => Effect::Change,
    }
}

/// The effect of what stands behind `EXPLAIN`: only `ANALYZE` carries it out.
fn explained(rest: &[Token], depth: u8) -> Effect {
    const STATEMENTS: &[&str] = &[
        "select", "with", "values", "table", "insert", "update", "delete", "merge", "create", "declare", "execute",
        "refresh",
    ];
    let start = rest.iter().position(|token| matches!(token, Token::Word(word) if STATEMENTS.contains(&word.as_str())));
    let (options, statement) = rest.split_at(start.unwrap_or(rest.len()));
    if has(options, &["analyze", "analyse"]) { nested(statement, depth) } else { Effect::Read }
}

/// Statements inside the statement: `WITH x AS (DELETE …)`, `WITH … UPDATE …`.
fn modifying_parts(tokens: &[Token]) -> Effect {
    if word(tokens, 0) == Some("explain") && !has(tokens, &["analyze", "analyse"]) {
        return Effect::Read;
    }
    let parts = tokens.windows(2).filter_map(|pair| match pair {
        [Token::Sign(b'(' | b')'), Token::Word(word)] => Some(word.as_str()),
        _ => None,
    });
    parts
        .map(|word| match word {
            "delete" => Effect::Destroy,
            "insert" | "update" | "merge" => Effect::Change,
            _ => Effect::Read,
        })
        .max()
        .unwrap_or(Effect::Read)
}

/// The greatest effect of the functions that are called.
fn functions(tokens: &[Token]) -> Effect {
    const EXECUTING: &[&str] = &["select", "with", "values", "execute", "declare", "prepare", "copy", "set", "fetch"];
    let first = tokens.iter().find_map(|token| match token {
        Token::Word(word) => Some(word.as_str()),
        _ => None,
    });
    let explains = first == Some("explain") && has(tokens, &["analyze", "analyse"]);
    // Elsewhere a word before a parenthesis is a table with columns as often as a function.
    let only_known = !explains && !first.is_some_and(|first| EXECUTING.contains(&first));
    if first == Some("explain") && !explains {
        return Effect::Read;
    }
    (1..tokens.len())
        .filter(|&at| tokens[at] == Token::Sign(b'('))
        .filter_map(|at| called(tokens, at - 1))
        .map(|effect| if only_known && effect == Effect::Change { Effect::Read } else { effect })
        .max()
        .unwrap_or(Effect::Read)
}

/// The effect of the function whose name stands at `at`, before a parenthesis; `None` where that is no function.
fn called(tokens: &[Token], at: usize) -> Option<Effect> {
    let (name, quoted) = match &tokens[at] {
        Token::Word(word) => (word.as_str(), false),
        Token::Quoted(name) => (name.as_str(), true),
        _ => return None,
    };
    if !quoted && NOT_CALLED.contains(&name) {
        return None;
    }
    let before = at.checked_sub(1).map(|before| &tokens[before]);
    let qualified = before == Some(&Token::Sign(b'.'));
    let of_system = qualified
        && matches!(at.checked_sub(2).map(|schema| &tokens[schema]),
            Some(Token::Word(schema) | Token::Quoted(schema)) if schema == "pg_catalog");
    // An alias or the name of a common table expression, with its columns.
    let names_columns = match before {
        Some(Token::Word(word)) => matches!(word.as_str(), "as" | "with" | "recursive"),
        Some(Token::Sign(b')')) => true,
        Some(Token::Sign(b',')) => {
            closing(tokens, at + 1)
                .is_some_and(|end| matches!(tokens.get(end + 1), Some(Token::Word(word)) if word == "as"))
                && matches!(closing(tokens, at + 1).and_then(|end| tokens.get(end + 2)), Some(Token::Sign(b'(')))
        }
        _ => false,
    };
    if names_columns && !qualified {
        return None;
    }
    if let Some((_, effect)) = ACTING_FUNCTIONS.iter().find(|(acting, _)| *acting == name) {
        return Some(*effect);
    }
    if name.starts_with("dblink") || name.starts_with('\0') {
        return Some(Effect::Destroy);
    }
    let reads = READING_FUNCTIONS.contains(name) || name.starts_with("pg_stat_get_") || name.starts_with("pg_ls_");
    Some(if reads && (!qualified || of_system) { Effect::Read } else { Effect::Change })
}

/// Where the parenthesis that opens at `at` closes.
fn closing(tokens: &[Token], at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    tokens.iter().enumerate().skip(at).take(NEAR).find_map(|(at, token)| {
        match token {
            Token::Sign(b'(') => depth += 1,
            Token::Sign(b')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        (depth == 0).then_some(at)
    })
}
