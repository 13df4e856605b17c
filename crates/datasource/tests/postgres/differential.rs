//! The same call, made of this room and of the real psql: the same output, messages and exit code.

use std::collections::BTreeMap;
use std::process::Command;

use crate::fixture::{Caller, Database, Outcome};

const SEED: &str = "
CREATE TABLE accounts (id serial PRIMARY KEY, name text NOT NULL DEFAULT 'x', balance numeric(12,2) CHECK (balance >= 0),
    opened date, tags text[], notes text);
CREATE INDEX ON accounts (name);
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account int REFERENCES accounts (id) ON DELETE CASCADE, note varchar(20) UNIQUE);
CREATE UNIQUE INDEX orders_odd ON orders (account, lower(note)) WHERE account > 3;
CREATE VIEW rich AS SELECT * FROM accounts WHERE balance > 10;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM accounts;
CREATE SCHEMA other;
CREATE TABLE other.\"Odd Name\" (\"a b\" int, c boolean, d int GENERATED ALWAYS AS (1 + 1) STORED);
CREATE TABLE parted (a int, b text) PARTITION BY RANGE (a);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (1) TO (10);
CREATE TYPE pair AS (a int, b text);
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'row % comes', NEW.id; RETURN NEW; END $$;
CREATE FUNCTION fails(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1 / n; END $$;
CREATE TRIGGER noted BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION noted();
INSERT INTO accounts (name, balance, opened, tags, notes) VALUES
    ('Ann', 12.5, '2026-01-02', '{a,b}', NULL), ('Bob, Jr. \"B\"', 0, NULL, NULL, E'two\\nlines\\there'),
    ('日本 é', 1000000, '2025-12-31', '{}', '<b>&amp;</b>'), ('  lead', 3, NULL, NULL, E'\\r\\u0007');
";

/// The arguments of a call, its standard input, and the one file that it may read, `script.sql`.
struct Case {
    arguments: &'static [&'static str],
    input: &'static str,
    file: &'static str,
}

const fn call(arguments: &'static [&'static str]) -> Case {
    Case { arguments, input: "", file: "" }
}

const fn script(arguments: &'static [&'static str], input: &'static str) -> Case {
    Case { arguments, input, file: "" }
}

const fn file(arguments: &'static [&'static str], file: &'static str) -> Case {
    Case { arguments, input: "", file }
}

const CASES: &[Case] = &[
    call(&["-c", "SELECT pg_terminate_backend(pg_backend_pid())", "-c", "SELECT 1"]),
    script(&[], "SELECT 1;\nSELECT pg_terminate_backend(pg_backend_pid());\nSELECT 2;\n"),
    call(&["-c", "COPY (SELECT 1) TO STDOUT (FORMAT binary)"]),
    call(&["-c", "DO $$ BEGIN EXECUTE 'SELECT 1, nope'; END $$"]),
    script(&[], "SELECT 1;\r\nSELECT 2,\r\n nope;\r\n"),
    call(&[
        "-c",
        "SELECT '\tx' AS tab, U&'e\\0301|' AS combined, '👍한글ｆｕ' AS wide, U&'\\200b|' AS zero, U&'a\\0085|' AS control",
    ]),
    call(&["-c", "SHOW server_version_num", "-c", "SET lock_timeout = 5", "-c", "SHOW nope"]),
    script(
        &[],
        "\\pset footer off\nSELECT 1;\n\\pset footer\n\\t on\nSELECT 2;\n\\t\n\\C 'A title'\nSELECT 3;\n\\pset tuples_only maybe\n\\pset format csv\nSELECT 4, 'a,b';\n\\H\nSELECT 5;\n\\H\n\\pset border 0\nSELECT 6;\n",
    ),
    script(&["-1"], "CREATE TABLE two (a int);\nSELECT nope;\n"),
    call(&["-c", "SELECT 1;"]),
    call(&["-c", "SELECT * FROM accounts ORDER BY id"]),
    call(&["-x", "-c", "SELECT * FROM accounts ORDER BY id"]),
    call(&["-A", "-c", "SELECT * FROM accounts ORDER BY id"]),
    call(&["-Ax", "-c", "SELECT * FROM accounts ORDER BY id"]),
    call(&["-At", "-F", ",", "-c", "SELECT * FROM accounts ORDER BY id"]),
    call(&["-At", "-R", "|", "-c", "SELECT id FROM accounts ORDER BY id"]),
    call(&["-Atz0", "-c", "SELECT id, name FROM accounts ORDER BY id"]),
    call(&["-t", "-c", "SELECT * FROM accounts ORDER BY id"]),
    call(&["-tx", "-c", "SELECT id, name FROM accounts ORDER BY id"]),
    call(&["--csv", "-c", "SELECT * FROM accounts ORDER BY id"]),
    call(&["--csv", "-x", "-c", "SELECT id, name FROM accounts ORDER BY id"]),
    call(&["-P", "csv_fieldsep=;", "--csv", "-t", "-c", "SELECT id, name FROM accounts ORDER BY id"]),
    call(&["--html", "-c", "SELECT * FROM accounts ORDER BY id"]),
    call(&["-Hx", "-c", "SELECT id, notes FROM accounts ORDER BY id"]),
    call(&["-Ht", "-T", "class=x", "-c", "SELECT id FROM accounts ORDER BY id"]),
    call(&["-H", "-c", "CREATE TEMP TABLE a (b int)"]),
    call(&["-P", "border=2", "-c", "SELECT * FROM accounts ORDER BY id"]),
    call(&["-P", "border=0", "-c", "SELECT * FROM accounts ORDER BY id"]),
    call(&["-x", "-P", "border=2", "-c", "SELECT * FROM accounts ORDER BY id"]),
    call(&["-x", "-P", "border=0", "-c", "SELECT id, name FROM accounts ORDER BY id"]),
    call(&[
        "-P",
        "null=(none)",
        "-P",
        "footer=off",
        "-P",
        "title=All of it",
        "-c",
        "SELECT * FROM accounts ORDER BY id",
    ]),
    call(&["-P", "title=T", "-x", "-c", "SELECT id FROM accounts ORDER BY id"]),
    call(&["-A", "-P", "title=T", "-c", "SELECT id FROM accounts ORDER BY id"]),
    call(&["-P", "pager=off", "-c", "SELECT id, name FROM accounts WHERE id < 0"]),
    call(&["-x", "-c", "SELECT id FROM accounts WHERE id < 0"]),
    call(&["-Ax", "-c", "SELECT id FROM accounts WHERE id < 0"]),
    call(&["-A", "-c", "SELECT id FROM accounts WHERE id < 0"]),
    call(&["-At", "-c", "SELECT id FROM accounts WHERE id < 0"]),
    call(&["-Hx", "-c", "SELECT id FROM accounts WHERE id < 0"]),
    call(&["-c", "SELECT"]),
    call(&["-c", "SELECT 1 AS \"a\nlong name\", 2 AS b"]),
    call(&["-c", "SELECT 1; SELECT 'two' AS b; SELECT NULL AS c"]),
    call(&["-c", "SELECT 1/(n-3) FROM generate_series(1, 5) n", "-c", "SELECT 2"]),
    call(&["-At", "-c", "SELECT 1/(n-3) FROM generate_series(1, 5) n"]),
    call(&["-c", "SELECT 2", "-c", "SELECT x"]),
    call(&["-v", "ON_ERROR_STOP=1", "-c", "SELECT x", "-c", "SELECT 2"]),
    call(&["-c", "INSERT INTO orders (account, note) VALUES (1, 'a'), (1, 'b') RETURNING id, note"]),
    call(&["-q", "-c", "INSERT INTO orders (account, note) VALUES (2, 'c')"]),
    call(&[
        "-c",
        "INSERT INTO orders (account, note) VALUES (1, 'd'); SELECT nope; INSERT INTO orders (account) VALUES (1)",
    ]),
    call(&["-c", "SELECT count(*) FROM orders"]),
    call(&["-c", "UPDATE orders SET note = 'z' WHERE note = 'a'", "-c", "DELETE FROM orders WHERE note = 'z'"]),
    call(&["-c", "INSERT INTO orders (account, note) VALUES (99, 'x')"]),
    call(&["-c", "INSERT INTO orders (account, note) VALUES (1, 'b')"]),
    call(&["-c", "SELECT fails(0)"]),
    call(&[
        "-c",
        "SELECT *\n  FROM accounts\n WHERE\tnope = 'a long text that goes on and on and on and on and on' AND balance > 3",
    ]),
    call(&[
        "-c",
        "SELECT 'a long text that goes on and on and on and on and on', id, balance, name, nope FROM accounts WHERE balance > 3",
    ]),
    call(&["-c", "SELECT '日本日本日本', nope"]),
    call(&["-c", "SELEC 1"]),
    call(&["-c", "SELECT 'open"]),
    call(&["-c", "  \\d"]),
    call(&["-c", ""]),
    call(&["-c", "DO $$ BEGIN RAISE WARNING 'careful' USING DETAIL = 'more', HINT = 'less'; END $$"]),
    call(&["-c", "DROP TABLE IF EXISTS nope"]),
    call(&["-v", "VERBOSITY=terse", "-c", "SELECT nope"]),
    call(&["-v", "VERBOSITY=sqlstate", "-c", "SELECT nope"]),
    call(&["-c", "VACUUM accounts"]),
    call(&["-c", "VACUUM accounts; SELECT 1"]),
    call(&["-c", "CREATE INDEX CONCURRENTLY slow ON accounts (opened)"]),
    call(&["-c", "REINDEX INDEX CONCURRENTLY slow", "-c", "DROP INDEX CONCURRENTLY slow"]),
    call(&["-c", "ANALYZE", "-c", "REINDEX TABLE accounts"]),
    call(&["-c", "EXPLAIN (COSTS off) SELECT * FROM accounts WHERE id = 1"]),
    call(&["-c", "COPY accounts TO STDOUT"]),
    call(&["-c", "COPY (SELECT id, name FROM accounts) TO STDOUT WITH (FORMAT csv, HEADER)"]),
    script(&["-c", "COPY accounts (name, balance) FROM STDIN"], "Zoe\t5\nYan\t6\n\\.\n"),
    script(&["-c", "COPY accounts (name, balance) FROM STDIN"], "Zoe\tbad\n"),
    script(&["-c", "\\copy accounts (name, balance) from stdin csv"], "\"Q, R\",7\n"),
    call(&["-c", "\\copy (select id, name from accounts order by id) to stdout with csv header"]),
    file(&["-c", "\\copy accounts (name) from script.sql"], "From a file\nAnd another"),
    call(&["-c", "\\copy accounts from nowhere.csv"]),
    call(&["-c", "\\copy"]),
    script(&[], ""),
    script(&[], "SELECT 1;\n\n-- a comment\nSELECT 2 -- behind\n  AS b;\nSELECT /* in */ 3"),
    script(&[], "SELECT 1\n\n\n , nope;\nSELECT 2;\n"),
    script(&["-v", "ON_ERROR_STOP=1"], "SELECT 1;\nSELECT nope;\nSELECT 2;\n"),
    script(&["-f", "-"], "SELECT 1;\n\nSELECT nope;\n\\nope\nSELECT 2;\n"),
    file(
        &["-f", "script.sql"],
        "\\set who 'Ann'\nSELECT id FROM accounts\nWHERE name = :'who';\nSELECT nope;\nDO $$ BEGIN RAISE NOTICE 'here'; END $$;\n",
    ),
    file(&["-v", "ON_ERROR_STOP=on", "-f", "script.sql", "-c", "SELECT 'not reached'"], "SELECT nope;\n"),
    file(
        &["-1", "-f", "script.sql", "-c", "SELECT count(*) FROM one"],
        "CREATE TABLE one (a int);\nINSERT INTO one VALUES (1);\n",
    ),
    file(&["-1", "-v", "ON_ERROR_STOP=1", "-f", "script.sql"], "INSERT INTO one VALUES (2);\nSELECT nope;\n"),
    call(&["-c", "TABLE one"]),
    call(&["-f", "nope.sql"]),
    script(&[], "BEGIN;\nINSERT INTO one VALUES (3);\nSELECT nope;\nSELECT 1;\nROLLBACK;\nTABLE one;\n"),
    script(&[], "COPY one FROM stdin;\n7\n8\n\\.\nSELECT sum(a) FROM one;\n"),
    script(&[], "COPY one FROM stdin;\n7\nbad\n\\.\nSELECT sum(a) FROM one;\n"),
    script(
        &["-v", "n=3", "-v", "t=accounts", "-v", "w=it's"],
        "SELECT :n + 1, :'w' AS w, 'x:n', :\"t\".id FROM :t AS :\"t\" WHERE id = :n;\nSELECT :nope;\nSELECT a[1:2] FROM (SELECT array[1,2] a) x;\nSELECT '1'::int, :{?n}, :{?m};\n",
    ),
    script(
        &[],
        "\\echo hello   'big world' :DBNAME_NOT\n\\x\nSELECT 1 AS a, 'x' AS b;\n\\x off\n\\t\nSELECT 1;\n\\t off\n\\a\nSELECT 1, 2;\n\\f ;\nSELECT 1, 2;\n\\pset format aligned\n\\pset null N\nSELECT NULL;\n",
    ),
    script(&["-q"], "\\x\n\\pset border 2\nSELECT 1 AS a, 'x' AS b;\n\\q\nSELECT 2;\n"),
    script(
        &[],
        "SELECT 1 AS a, 2 AS b \\gx\nSELECT 5 AS five \\gset\nSELECT :five \\g\n\\g\nSELECT 1 \\; SELECT 2;\nSELECT 'SELECT 1' UNION SELECT 'SELECT 3' ORDER BY 1 \\gexec\n",
    ),
    script(
        &[],
        "\\if true\nSELECT 'a';\n\\elif true\nSELECT 'b';\n\\else\nSELECT 'c';\n\\endif\n\\if false\n\\x\nSELECT 'd';\n\\if true\nSELECT 'e';\n\\endif\n\\else\nSELECT 'f';\n\\endif\n\\endif\n\\if maybe\n\\endif\n\\if true\n",
    ),
    script(&["-e"], "SELECT 1;\nSELECT 2;\n"),
    script(&["-a"], "SELECT 1;\n\n-- note\n\\echo x\nSELECT 2;\n"),
    script(&["-b"], "SELECT nope;\n"),
    script(&["-S"], "SELECT 1\nSELECT 2\n"),
    script(
        &[],
        "CREATE FUNCTION two() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;\nSELECT two();\nCREATE OR REPLACE FUNCTION body() RETURNS int LANGUAGE plpgsql AS $body$\nBEGIN\n\n  RETURN 1; -- ; \nEND $body$;\nSELECT body();\n",
    ),
    script(&[], "SELECT 'a\n\nb' AS c, E'it\\'s; ' || $$;$$ AS d; SELECT (1;\n);\nSELECT 1;\n"),
    script(&[], "/* a /* b; */ ; */ SELECT 1 AS \"x;y\"; -- end"),
    script(
        &[],
        "\\x\\nope\n\\pset nope 1\n\\pset format nope\n\\x maybe\n\\unset\n\\set 1-a b\n\\timing maybe\n\\endif\n\\i\n\\i nope.sql\n\\echo 'open\nSELECT 1;\n",
    ),
    file(&[], "SELECT 'included' AS x;\n"),
    Case {
        arguments: &[],
        input: "SELECT 1\n\\i script.sql\n;\n\\p\n\\r\n\\p\n",
        file: "SELECT 'included' AS x;\n\\echo done\n",
    },
    script(&[], "LISTEN a;\nNOTIFY a, 'b';\nSELECT 1;\n"),
    script(
        &["-v", "AUTOCOMMIT=on", "-v", "x="],
        "SELECT :'x' = '';\n\\errverbose\n\\encoding\n\\warn to err\n\\qecho -n no break\n",
    ),
    script(&[], "PGDMP rubbish\n"),
    call(&["-c", "\\d"]),
    call(&["-c", "\\d accounts"]),
    call(&["-c", "\\d orders"]),
    call(&["-c", "\\d rich"]),
    call(&["-c", "\\d counted"]),
    call(&["-c", "\\d other.*"]),
    call(&["-c", "\\d \"Odd Name\""]),
    call(&["-c", "\\d other.\"Odd Name\""]),
    call(&["-c", "\\d parted"]),
    call(&["-c", "\\d parted_1"]),
    call(&["-c", "\\d pair"]),
    call(&["-c", "\\d accounts_id_seq"]),
    call(&["-c", "\\d orders_id_seq"]),
    call(&["-c", "\\d accounts_pkey"]),
    call(&["-c", "\\d orders_odd"]),
    call(&["-c", "\\d+ accounts"]),
    call(&["-c", "\\d+ rich"]),
    call(&["-c", "\\d nope"]),
    call(&["-c", "\\dt"]),
    call(&["-c", "\\dt+ acc*"]),
    call(&["-c", "\\dt nope"]),
    call(&["-c", "\\dt *.odd*"]),
    call(&["-c", "\\di"]),
    call(&["-c", "\\di+"]),
    call(&["-c", "\\dv"]),
    call(&["-c", "\\dm"]),
    call(&["-c", "\\ds"]),
    call(&["-c", "\\dtv"]),
    call(&["-c", "\\dn"]),
    call(&["-c", "\\dn+"]),
    call(&["-c", "\\df"]),
    call(&["-c", "\\dx"]),
    call(&["-c", "\\du"]),
    call(&["-c", "\\dp"]),
    call(&["-A", "-c", "\\dt"]),
    call(&["-t", "-c", "\\d accounts"]),
    call(&["-x", "-c", "\\dt"]),
    call(&["--csv", "-c", "\\d accounts"]),
    call(&["-c", "\\nope"]),
    call(&["-c", "\\q", "-c", "SELECT 1"]),
    call(&["-c", "\\watch 1"]),
    call(&["-c", "\\echo a", "-c", "\\x", "-c", "SELECT 1 AS a"]),
    call(&["-P", "nope", "-c", "SELECT 1"]),
    call(&["-v", "ON_ERROR_STOP=maybe", "-c", "SELECT 1"]),
];

/// The output without the number of a server process.
fn without_process(mut outcome: Outcome) -> Outcome {
    if let Some((before, behind)) = outcome.out.split_once("with PID ") {
        outcome.out = format!("{before}{}", behind.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    outcome
}

/// Whether the real program is here, in the version whose output is compared.
fn is_psql_here() -> bool {
    let version = Command::new("psql").arg("--version").output();
    version.is_ok_and(|output| output.stdout.starts_with(b"psql (PostgreSQL) 15"))
}

#[tokio::test]
async fn calls_do_what_the_real_psql_does() {
    if !is_psql_here() {
        println!("skipped: no psql 15");
        return;
    }
    // One database for each of the two: what a call changes is there for the next one.
    let (Some(ours), Some(theirs)) = (Database::create(SEED).await, Database::create(SEED).await) else { return };
    let folder = tempfile::TempDir::new().unwrap();
    let mut different = Vec::new();
    for case in CASES {
        let arguments: Vec<String> = case.arguments.iter().map(|argument| (*argument).to_owned()).collect();
        std::fs::write(folder.path().join("script.sql"), case.file).unwrap();
        let mut caller = Caller::with_input(case.input);
        caller.files = BTreeMap::from([("script.sql".to_owned(), case.file.to_owned())]);
        let ours = ours.psql(&arguments, &caller).await;
        let theirs = theirs.real_psql(&arguments, case.input, folder.path());
        let (ours, theirs) = (without_process(ours), without_process(theirs));
        if ours != theirs {
            different.push(format!(
                "=== {:?} < {:?}\n--- psql: {}\n{}{}--- ours: {}\n{}{}",
                case.arguments, case.input, theirs.code, theirs.out, theirs.err, ours.code, ours.out, ours.err
            ));
        }
    }
    ours.remove().await;
    theirs.remove().await;
    assert!(different.is_empty(), "{} of {} calls differ:\n{}", different.len(), CASES.len(), different.join("\n"));
}

#[tokio::test]
async fn the_lists_of_databases_have_the_same_columns() {
    if !is_psql_here() {
        println!("skipped: no psql 15");
        return;
    }
    let Some(database) = Database::create("").await else { return };
    let folder = tempfile::TempDir::new().unwrap();
    for arguments in [&["-l", "-t"][..], &["-Atc", "\\l+ template*"], &["-c", "\\l template*"]] {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let ours = database.psql(&arguments, &Caller::default()).await;
        let theirs = database.real_psql(&arguments, "", folder.path());
        // Other tests make databases meanwhile: only those that stay are compared.
        let kept = |text: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| line.contains("template") || line.contains("Name"));
            lines.map(|line| line.split_ascii_whitespace().collect::<Vec<_>>().join(" ")).collect()
        };
        assert_eq!((ours.code, kept(&ours.out)), (theirs.code, kept(&theirs.out)), "{arguments:?}");
    }
    database.remove().await;
}

/// Lines of scripts, whole and broken.
const LINES: &[&str] = &[
    "SELECT 1;",
    "SELECT 1",
    "  , 2 AS b",
    ";",
    "",
    "-- note ; '",
    "/* ; ' /* */",
    "*/",
    "SELECT 'it''s; \\ ",
    "';",
    "SELECT $a$ ; $b$ '",
    "$a$, $$x$$;",
    "SELECT E'\\'; ' AS e;",
    "SELECT \"a;b\" FROM (SELECT 1 AS \"a;b\") x;",
    "SELECT (1;",
    ");",
    "SELECT :v, :'v', :\"v\", :w, ':v';",
    "\\set v 7",
    "\\set v 'a; b'",
    "\\set w ':v'",
    "\\echo :v :'v' 'x'  y",
    "SELECT 3 \\; SELECT 4;",
    "SELECT 5 \\g",
    "SELECT 6 AS six \\gset",
    "SELECT :six;",
    "\\p",
    "\\r",
    "\\if :{?v}",
    "\\else",
    "\\endif",
    "SELECT 1; SELECT nope; SELECT 2;",
    "BEGIN;",
    "SELECT 1/0;",
    "COMMIT;",
    "\\x",
    "\\t",
    "SELECT 1 AS a \\\\ SELECT 2 AS b;",
    "\\echo a \\\\ SELECT 8;",
    "SELECT 1::int, 'a':: text;",
    "SELECT 'a'",
    "'b';",
    "SELECT U&'d\\0061t' , x'1F', b'01', n'x';",
    "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; END;",
];

#[tokio::test]
async fn scripts_of_any_lines_are_cut_as_psql_cuts_them() {
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::test_runner::{Config, TestRunner};

    if !is_psql_here() {
        println!("skipped: no psql 15");
        return;
    }
    let Some(database) = Database::create("").await else { return };
    let folder = tempfile::TempDir::new().unwrap();
    let scripts = proptest::collection::vec(proptest::sample::select(LINES), 1..12);
    // The same scripts each time, unless somebody searches for others.
    let searched = std::env::var("PROPTEST_CASES").ok().and_then(|count| count.parse().ok());
    let count = searched.unwrap_or(30);
    let mut runner = if searched.is_some() { TestRunner::new(Config::default()) } else { TestRunner::deterministic() };
    let mut different = None;
    for _ in 0..count {
        if different.is_some() {
            break;
        }
        let script = scripts.new_tree(&mut runner).unwrap().current().join("\n");
        for arguments in [&["-X"][..], &["-Xv", "ON_ERROR_STOP=1", "-f", "-"]] {
            let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
            let ours = database.psql(&arguments, &Caller::with_input(&script)).await;
            let theirs = database.real_psql(&arguments, &script, folder.path());
            if ours != theirs {
                different = Some(format!(
                    "=== {arguments:?}\n{script}\n--- psql: {}\n{}{}--- ours: {}\n{}{}",
                    theirs.code, theirs.out, theirs.err, ours.code, ours.out, ours.err
                ));
            }
        }
    }
    database.remove().await;
    assert!(different.is_none(), "one of the scripts that differ:\n{}", different.unwrap_or_default());
}
