use super::*;

fn call(arguments: &[&str]) -> Result<Invocation, Refusal> {
    let argv: Vec<String> = std::iter::once("psql").chain(arguments.iter().copied()).map(str::to_owned).collect();
    parse(&argv)
}

#[test]
fn options_come_in_every_form() {
    let parsed =
        call(&["-Atc", "SELECT 1", "--command=\\dt", "-qXw", "-v", "a=b=c", "--set", "n", "pay", "me"]).unwrap();
    assert_eq!(parsed.acts, [Act::Sql("SELECT 1".to_owned()), Act::Meta("dt".to_owned())]);
    assert_eq!(parsed.database.as_deref(), Some("pay"));
    assert_eq!(
        parsed.settings,
        [
            Setting::Print("format=unaligned".to_owned()),
            Setting::Print("tuples_only=on".to_owned()),
            Setting::Variable("QUIET".to_owned(), Some("on".to_owned())),
            Setting::Variable("a".to_owned(), Some("b=c".to_owned())),
            Setting::Variable("n".to_owned(), None),
        ]
    );
    assert_eq!(call(&["pay", "--comm", "select 1", "-hdb"]).unwrap().host.as_deref(), Some("db"));
    assert_eq!(call(&["-d", "pay", "--tup"]).unwrap().settings.len(), 1);
}

#[test]
fn what_psql_does_not_know_is_a_usage_error() {
    for (arguments, reason) in [
        (&["--nope"][..], "psql: unrecognized option '--nope'"),
        (&["-Z"], "psql: invalid option -- 'Z'"),
        (&["-C"], "psql: invalid option -- 'C'"),
        (&["-c"], "psql: option requires an argument -- 'c'"),
        (&["--command"], "psql: option '--command' requires an argument"),
        (&["--csv=1"], "psql: option '--csv' doesn't allow an argument"),
        (&["--no"], "psql: option '--no' is ambiguous"),
    ] {
        let refusal = call(arguments).unwrap_err();
        assert_eq!((refusal.reason.lines().next(), refusal.exit_code), (Some(reason), 1));
    }
}

#[test]
fn effects_and_verbs() {
    for (arguments, verb, effect) in [
        (&["-c", "SELECT 1;"][..], "SELECT", Effect::Read),
        (&["-c", "SELECT 1;", "-c", "DROP TABLE t"], "SELECT", Effect::Destroy),
        (&["-c", "ANALYZE;"], "ANALYZE", Effect::Change),
        (&["-c", "\\d t"], "\\d", Effect::Read),
        (&["-c", "\\copy t from 'f'"], "\\copy", Effect::Change),
        (&["-c", "\\copy (delete from t returning *) to stdout"], "\\copy", Effect::Destroy),
        (&["-l"], "list", Effect::Read),
        (&["datasource:payments"], "script", Effect::Destroy),
        (&["-f", "x.sql"], "script", Effect::Destroy),
    ] {
        let action = call(arguments).unwrap().action;
        assert_eq!((action.verb.as_str(), action.effect), (verb, effect), "{arguments:?}");
    }
}

#[test]
fn programs_files_and_other_servers_are_refused() {
    for arguments in [
        &["-c", "\\! id"][..],
        &["-c", "COPY t FROM PROGRAM 'id'"],
        &["-c", "copy t to program 'id'"],
        &["-c", "\\copy t from program 'id'"],
        &["-c", "\\o |cat"],
        &["-c", "\\g |cat"],
        &["-c", "\\setenv A b"],
        &["-c", "\\c other"],
        &["-c", "\\echo `id`"],
        &["-o", "file"],
        &["-L", "file"],
        &["-s"],
        &["service=prod"],
        &["host=db options='-c x=y'"],
        &["postgres://db/pay?sslmode=disable"],
    ] {
        assert_eq!(call(arguments).unwrap_err().exit_code, 126, "{arguments:?}");
    }
}

#[test]
fn a_password_is_refused_and_not_repeated() {
    for text in [
        "postgres://app:hunter2@db/pay",
        "postgresql://db/pay?password=hunter2",
        "host=db password=hunter2",
        "host=db password = 'hunter2'",
        "postgres://app:hunter2@%%%",
    ] {
        let refusal = call(&["-d", text, "-c", "SELECT 1"]).unwrap_err();
        assert_eq!(refusal.exit_code, 126);
        assert!(!refusal.reason.contains("hunter2"), "{}", refusal.reason);
    }
}

#[test]
fn connection_strings_name_a_host_and_a_database() {
    for (text, host, database) in [
        ("datasource:pay", None, Some("datasource:pay")),
        ("postgres://db.example.com:5432/pay", Some("db.example.com"), Some("pay")),
        ("postgresql://app@db/pay", Some("db"), Some("pay")),
        ("host=db dbname='pay' user=app", Some("db"), Some("pay")),
        ("pay", None, Some("pay")),
    ] {
        let parsed = call(&[text]).unwrap();
        assert_eq!((parsed.host.as_deref(), parsed.database.as_deref()), (host, database), "{text}");
    }
}
