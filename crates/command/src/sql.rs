//! SQL: where statements end, how far they reach and on what they act, decided without asking a database.
//!
//! A guess that errs upwards: what it does not know counts as a change. It is not the only guard: whoever runs a text
//! that counts as [`Effect::Read`] runs it in a read-only session.

mod effect;
mod input;
mod scan;
mod target;

use crate::action::{Effect, Target};

pub use input::{Input, Quoting, variable};
pub use scan::{LONGEST_STATEMENT, Lookup, Mark, ScanError, Scanner, Stop, Token};

/// The effect of a text of SQL statements: the greatest of theirs.
#[must_use]
pub fn effect(sql: &str) -> Effect {
    statements(sql).iter().map(Statement::effect).max().unwrap_or(Effect::Read)
}

/// The first keyword of the first statement, in capitals: `SELECT`.
#[must_use]
pub fn verb(sql: &str) -> Option<String> {
    statements(sql).iter().find_map(Statement::verb)
}

/// The tables that the statements name plainly, each once, in order.
#[must_use]
pub fn targets(sql: &str) -> Vec<Target> {
    let mut targets = Vec::new();
    for target in statements(sql).iter().flat_map(|statement| target::tables(statement.known().unwrap_or_default())) {
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    targets
}

/// Whether a statement would start a program on the database's machine: `COPY … FROM PROGRAM`.
#[must_use]
pub fn starts_program(sql: &str) -> bool {
    statements(sql).iter().any(Statement::starts_program)
}

/// One statement of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// As written, with its comments and its semicolon.
    pub text: String,
    /// `None` where it has more than anybody reads.
    tokens: Option<Vec<Token>>,
}

impl Statement {
    /// How far it reaches.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.known().map_or(Effect::Destroy, effect::of)
    }

    /// Its first keyword, in capitals.
    #[must_use]
    pub fn verb(&self) -> Option<String> {
        self.known()?.iter().find_map(|token| match token {
            Token::Word(word) => Some(word.to_uppercase()),
            _ => None,
        })
    }

    /// Whether it would start a program on the database's machine.
    #[must_use]
    pub fn starts_program(&self) -> bool {
        self.known().is_none_or(effect::starts_program)
    }

    fn known(&self) -> Option<&[Token]> {
        self.tokens.as_deref()
    }
}

/// The statements of a text, as the server cuts it. What holds nothing but comments and space is left out.
#[must_use]
pub fn statements(sql: &str) -> Vec<Statement> {
    let mut scanner = Scanner::server().with_tokens();
    let mut input = Input::new(sql);
    let mut statements = Vec::new();
    loop {
        let stop = scanner.scan(&mut input, &|_, _| None);
        let tokens = scanner.tokens().map(<[Token]>::to_vec);
        let quoting = scanner.is_quoting();
        let text = String::from_utf8_lossy(&scanner.take()).into_owned();
        if stop.is_err() {
            // Too long to be read: what follows may be anything.
            statements.push(Statement { text, tokens: None });
            return statements;
        }
        if quoting || tokens.as_ref().is_none_or(|tokens| !tokens.is_empty()) {
            statements.push(Statement { text, tokens });
        }
        if stop != Ok(Stop::Semicolon) {
            return statements;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn effects() {
        use Effect::{Change, Destroy, Read};
        for (sql, expected) in [
            ("SELECT 1;", Read),
            ("", Read),
            ("-- drop\nselect 'DELETE; drop' from t", Read),
            ("select /* a /* nested */ drop */ 1", Read),
            ("select $x$ ; drop table t $x$", Read),
            ("select \"drop\".\"delete\" from t", Read),
            ("table t", Read),
            ("(select 1) union (select 2)", Read),
            ("show all", Read),
            ("select count(*), max(x) filter (where (a) in (1)) over (partition by (b)) from t", Read),
            ("SELECT pg_size_pretty(pg_total_relation_size(schemaname||'.'||tablename)) FROM pg_tables", Read),
            ("SELECT now() - pg_last_xact_replay_timestamp() AS replication_lag;", Read),
            ("select * from unnest(array[1]) as t(a), generate_series(1, 2) g(b)", Read),
            ("with a(x) as (select 1) select x::numeric(12, 2), cast(x as varchar(3)) from a", Read),
            ("ANALYZE;", Change),
            ("VACUUM (VERBOSE, ANALYZE) transactions;", Change),
            ("REINDEX TABLE transactions;", Change),
            ("SELECT pg_terminate_backend(pid) FROM x", Destroy),
            ("SELECT pg_catalog.pg_terminate_backend(1)", Destroy),
            ("SELECT \"pg_terminate_backend\"(1)", Destroy),
            ("SELECT pg_terminate_backend /* x */ (1)", Destroy),
            ("SELECT U&\"\\0070g_terminate_backend\"(1)", Destroy),
            ("SELECT pg_reload_conf();", Change),
            ("SELECT nextval('s')", Change),
            ("SELECT our_own(1)", Change),
            ("SELECT public.lower('x')", Change),
            ("SELECT pg_catalog.lower('x')", Read),
            ("SELECT lo_unlink(1)", Destroy),
            ("WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d", Destroy),
            ("WITH d AS (SELECT 1) DELETE FROM t", Destroy),
            ("WITH d AS (UPDATE t SET a = 1 RETURNING *) SELECT * FROM d", Change),
            ("SELECT * FROM t FOR UPDATE", Change),
            ("SELECT * FROM t FOR NO KEY UPDATE", Change),
            ("EXPLAIN DELETE FROM t", Read),
            ("EXPLAIN (VERBOSE, COSTS off) DELETE FROM t", Read),
            ("EXPLAIN ANALYZE DELETE FROM t", Destroy),
            ("EXPLAIN (ANALYZE, BUFFERS) UPDATE t SET a = 1", Change),
            ("EXPLAIN ANALYZE SELECT 1", Read),
            ("SELECT 1; DROP TABLE t", Destroy),
            ("SELECT * INTO a FROM b", Change),
            ("ALTER TABLE t DROP COLUMN c", Destroy),
            ("ALTER TABLE t ALTER c DROP NOT NULL", Change),
            ("ALTER SYSTEM SET log_min_duration_statement = 1000", Change),
            ("COPY t TO STDOUT", Read),
            ("COPY (DELETE FROM t RETURNING *) TO STDOUT", Destroy),
            ("COPY t TO '/tmp/x'", Change),
            ("COPY t FROM STDIN", Change),
            ("DO $$ begin perform 1; end $$", Change),
            ("DO $$ begin drop table t; end $$", Destroy),
            ("CALL p()", Change),
            ("SET search_path = a", Read),
            ("SET LOCAL statement_timeout = 0", Read),
            ("SET SESSION work_mem = '1GB'", Read),
            ("SET default_transaction_read_only = off", Change),
            ("SET role = x", Change),
            ("BEGIN; SELECT 1; COMMIT", Read),
            ("BEGIN READ WRITE", Change),
            ("SET TRANSACTION READ WRITE", Change),
            ("PREPARE x AS DELETE FROM t", Destroy),
            ("DECLARE c CURSOR FOR SELECT 1", Read),
            ("LOCK TABLE t", Change),
            ("SELECT e'\\'; DROP TABLE t; --'", Read),
            ("SELECT '\\'; DROP TABLE t; --'", Destroy),
            ("something new", Change),
            ("SELECT set_config('a', 'b', false)", Change),
        ] {
            assert_eq!(effect(sql), expected, "{sql}");
        }
    }

    #[test]
    fn tables_are_targets() {
        for (sql, expected) in [
            ("SELECT * FROM a JOIN b.c ON true, d", "a b.c"),
            ("DELETE FROM \"Odd one\" WHERE x", "Odd one"),
            ("UPDATE ONLY t SET a = 1", "t"),
            ("INSERT INTO t (a) SELECT extract(epoch from now()) FROM u", "t u"),
            ("VACUUM (VERBOSE, ANALYZE) transactions;", "transactions"),
            ("VACUUM ANALYZE", ""),
            ("REINDEX TABLE CONCURRENTLY transactions;", "transactions"),
            ("DROP TABLE IF EXISTS a", "a"),
            ("SELECT * FROM pg_stat_get_activity(1)", ""),
            ("TRUNCATE t", "t"),
        ] {
            let names: Vec<_> = targets(sql).into_iter().filter_map(|target| target.name).collect();
            assert_eq!(names.join(" "), expected, "{sql}");
        }
    }

    #[test]
    fn programs_are_seen() {
        assert!(starts_program("select 1; copy t from /* x */ program 'id'"));
        assert!(starts_program("COPY (select 1) TO PROGRAM $$id$$"));
        assert!(!starts_program("copy program to stdout; select program from t"));
    }

    #[test]
    fn an_enormous_statement_counts_as_anything() {
        let sql = format!("select 1{}", ", 1".repeat(60_000));
        assert_eq!(effect(&sql), Effect::Destroy);
    }

    #[test]
    fn statements_inside_statements_end() {
        assert_eq!(effect(&"prepare a as ".repeat(10_000)), Effect::Destroy);
        assert_eq!(effect(&"explain analyze declare c cursor for ".repeat(6_000)), Effect::Destroy);
        assert_eq!(effect(&format!("select {}1", "a, f (".repeat(10_000))), Effect::Change);
    }

    /// Pieces of SQL that are whole in themselves, with as many statement ends as the number says.
    fn piece() -> impl Strategy<Value = (String, usize)> {
        prop_oneof![
            Just(("select 1 ".to_owned(), 0)),
            Just(("; ".to_owned(), 1)),
            Just(("a$b$;".to_owned(), 1)),
            Just(("(1;2) ".to_owned(), 0)),
            "[^'\\\\]{0,12}".prop_map(|text| (format!("'{text}' "), 0)),
            "[^'\\\\]{0,12}".prop_map(|text| (format!("E'{text}\\'' "), 0)),
            "[^\"]{0,12}".prop_map(|text| (format!("\"{text}\" "), 0)),
            "[^$]{0,12}".prop_map(|text| (format!("$x${text}$$;$x$ "), 0)),
            "[^*/]{0,12}".prop_map(|text| (format!("/*{text}/* ; */;*/ "), 0)),
            "[^\r\n]{0,12}".prop_map(|text| (format!("--{text}\n"), 0)),
        ]
    }

    proptest! {
        #[test]
        fn only_bare_semicolons_end_statements(pieces in proptest::collection::vec(piece(), 0..20)) {
            let text: String = pieces.iter().map(|(text, _)| text.as_str()).collect();
            let ends: usize = pieces.iter().map(|(_, ends)| ends).sum();
            let mut scanner = Scanner::server();
            let mut input = Input::new(text.clone());
            let mut found = 0;
            let mut whole = Vec::new();
            while scanner.scan(&mut input, &|_, _| None) == Ok(Stop::Semicolon) {
                found += 1;
                whole.extend(scanner.take());
            }
            prop_assert!(!scanner.is_quoting());
            whole.extend(scanner.take());
            prop_assert_eq!(found, ends);
            prop_assert_eq!(whole, text.into_bytes());
        }

        #[test]
        fn nothing_is_lost_of_any_text(text in any::<String>()) {
            let mut scanner = Scanner::server();
            let mut input = Input::new(text.clone());
            while scanner.scan(&mut input, &|_, _| None) == Ok(Stop::Semicolon) {}
            prop_assert_eq!(scanner.take(), text.into_bytes());
        }

        #[test]
        fn a_quoted_value_is_never_syntax(value in any::<String>()) {
            let literal = format!("'{}'", value.replace('\'', "''"));
            let mut scanner = Scanner::psql().with_tokens();
            let mut input = Input::new("select :'v';");
            let stop = scanner.scan(&mut input, &|_, quoting| (quoting == Quoting::Literal).then(|| literal.clone()));
            prop_assert_eq!(stop, Ok(Stop::Semicolon));
            prop_assert_eq!(scanner.tokens().map(<[Token]>::len), Some(2));
        }

        #[test]
        fn any_text_has_an_effect(text in "[a-z$'\"/*;()\\\\ \n-]{0,80}") {
            prop_assert!(effect(&text) >= Effect::Read);
            prop_assert!(targets(&text).len() <= 80);
        }
    }

    #[test]
    fn variables_that_hold_each_other_end() {
        let values = |name: &str, _| Some(if name == "a" { ":b:b".to_owned() } else { ":a".to_owned() });
        let mut scanner = Scanner::psql();
        scanner.scan(&mut Input::new("select :a;"), &values).unwrap();
        assert_eq!(scanner.take(), b"select :a:a;");
    }
}
