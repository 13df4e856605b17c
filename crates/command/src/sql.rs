//! How far SQL reaches, by its keywords. A guess that errs upwards: what it does not know counts as a change.

use crate::action::Effect;

/// Functions that do something although a `SELECT` calls them.
const ACTING_FUNCTIONS: &[(&str, Effect)] = &[
    ("pg_terminate_backend", Effect::Destroy),
    ("pg_drop_replication_slot", Effect::Destroy),
    ("pg_promote", Effect::Destroy),
    ("pg_cancel_backend", Effect::Change),
    ("pg_reload_conf", Effect::Change),
    ("pg_rotate_logfile", Effect::Change),
    ("pg_switch_wal", Effect::Change),
    ("pg_stat_reset", Effect::Change),
    ("pg_stat_statements_reset", Effect::Change),
    ("pg_create_", Effect::Change),
    ("pg_read_file", Effect::Change),
    ("pg_write_file", Effect::Change),
    ("setval", Effect::Change),
    ("nextval", Effect::Change),
    ("set_config", Effect::Change),
    ("lo_import", Effect::Change),
    ("lo_export", Effect::Change),
    ("dblink", Effect::Change),
];

/// The effect of a text of SQL statements: the greatest of theirs.
#[must_use]
pub fn effect(sql: &str) -> Effect {
    statements(sql).iter().map(|words| statement(words)).max().unwrap_or(Effect::Read)
}

/// The first keyword of the first statement, in capitals: `SELECT`.
#[must_use]
pub fn verb(sql: &str) -> Option<String> {
    statements(sql).first().and_then(|words| words.first().cloned()).map(|word| word.to_ascii_uppercase())
}

fn statement(words: &[String]) -> Effect {
    let has = |word: &str| words.iter().any(|other| other.eq_ignore_ascii_case(word));
    let first = words.first().map(|word| word.to_ascii_uppercase()).unwrap_or_default();
    let called = words
        .iter()
        .filter_map(|word| {
            let word = word.to_ascii_lowercase();
            ACTING_FUNCTIONS.iter().find(|(name, _)| word.starts_with(name)).map(|(_, effect)| *effect)
        })
        .max()
        .unwrap_or(Effect::Read);
    let kind = match first.as_str() {
        "" | "SHOW" | "TABLE" | "VALUES" | "BEGIN" | "COMMIT" | "ROLLBACK" | "END" | "DESCRIBE" | "DESC" | "USE" => {
            Effect::Read
        }
        "SELECT" if has("INTO") => Effect::Change,
        "SELECT" => Effect::Read,
        "WITH" | "EXPLAIN" => {
            if first == "EXPLAIN" && !has("ANALYZE") {
                Effect::Read
            } else if has("DELETE") || has("TRUNCATE") {
                Effect::Destroy
            } else if has("INSERT") || has("UPDATE") || has("MERGE") {
                Effect::Change
            } else {
                Effect::Read
            }
        }
        "DROP" | "TRUNCATE" | "DELETE" => Effect::Destroy,
        "ALTER" if has("DROP") => Effect::Destroy,
        _ => Effect::Change,
    };
    kind.max(called)
}

/// The words of each statement, without comments and quoted text.
fn statements(sql: &str) -> Vec<Vec<String>> {
    let mut statements = vec![Vec::new()];
    let mut word = String::new();
    let mut chars = sql.chars().peekable();
    let flush = |word: &mut String, statements: &mut Vec<Vec<String>>| {
        if !word.is_empty()
            && let Some(last) = statements.last_mut()
        {
            last.push(std::mem::take(word));
        }
    };
    while let Some(c) = chars.next() {
        match c {
            '-' if chars.peek() == Some(&'-') => {
                flush(&mut word, &mut statements);
                chars.by_ref().find(|&c| c == '\n');
            }
            '/' if chars.peek() == Some(&'*') => {
                flush(&mut word, &mut statements);
                chars.next();
                let mut last = ' ';
                for c in chars.by_ref() {
                    if last == '*' && c == '/' {
                        break;
                    }
                    last = c;
                }
            }
            '\'' => {
                flush(&mut word, &mut statements);
                chars.by_ref().find(|&c| c == '\'');
            }
            ';' => {
                flush(&mut word, &mut statements);
                statements.push(Vec::new());
            }
            c if c.is_alphanumeric() || c == '_' => word.push(c),
            _ => flush(&mut word, &mut statements),
        }
    }
    flush(&mut word, &mut statements);
    statements.retain(|words| !words.is_empty());
    statements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects() {
        for (sql, expected) in [
            ("SELECT 1;", Effect::Read),
            ("-- drop\nselect 'DELETE; drop' from t", Effect::Read),
            ("ANALYZE;", Effect::Change),
            ("SELECT pg_terminate_backend(pid) FROM x", Effect::Destroy),
            ("SELECT pg_reload_conf();", Effect::Change),
            ("WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d", Effect::Destroy),
            ("EXPLAIN DELETE FROM t", Effect::Read),
            ("EXPLAIN ANALYZE DELETE FROM t", Effect::Destroy),
            ("SELECT 1; DROP TABLE t", Effect::Destroy),
            ("SELECT * INTO a FROM b", Effect::Change),
            ("", Effect::Read),
        ] {
            assert_eq!(effect(sql), expected, "{sql}");
        }
    }
}
