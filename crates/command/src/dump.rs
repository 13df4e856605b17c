//! `pg_dump`, `pg_restore` and `pg_isready`: their options by the documentation of PostgreSQL 17, "Client Applications".

use crate::action::{Action, Effect, Refusal};
use crate::classify::target;
use crate::external::{self, Argument, Kind, Known, Part, Style};

/// A call, read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// What it does.
    pub action: Action,
    /// Which database the caller means, in its own word: a name, a reference, an address.
    pub database: Option<String>,
    /// Which server the caller means, in its own word.
    pub host: Option<String>,
    /// Whether the real program connects at all: `pg_restore -l` does not.
    pub connects: bool,
    /// What the real program is told beside the connection.
    pub arguments: Vec<Argument>,
    /// Whether it reads its standard input.
    pub reads_input: bool,
}

const OPTIONS: &[Known] = &[
    ('d', "dbname", Kind::OwnValue),
    ('h', "host", Kind::OwnValue),
    // Those of the datasource are used; what the text names says nothing more.
    ('p', "port", Kind::OwnValue),
    ('U', "username", Kind::OwnValue),
    ('w', "no-password", Kind::Own),
    ('W', "password", Kind::Own),
    ('f', "file", Kind::Output),
    ('F', "format", Kind::Value),
    ('j', "jobs", Kind::Value),
    ('n', "schema", Kind::Value),
    ('N', "exclude-schema", Kind::Value),
    ('S', "superuser", Kind::Value),
    (' ', "section", Kind::Value),
    ('a', "data-only", Kind::Flag),
    ('c', "clean", Kind::Own),
    ('C', "create", Kind::Flag),
    ('O', "no-owner", Kind::Flag),
    ('s', "schema-only", Kind::Flag),
    ('v', "verbose", Kind::Flag),
    ('V', "version", Kind::Own),
    ('x', "no-privileges", Kind::Flag),
    ('?', "help", Kind::Own),
    (' ', "no-acl", Kind::Flag),
    (' ', "disable-triggers", Kind::Flag),
    (' ', "enable-row-security", Kind::Flag),
    (' ', "if-exists", Kind::Flag),
    (' ', "no-comments", Kind::Flag),
    (' ', "no-publications", Kind::Flag),
    (' ', "no-security-labels", Kind::Flag),
    (' ', "no-subscriptions", Kind::Flag),
    (' ', "no-table-access-method", Kind::Flag),
    (' ', "no-tablespaces", Kind::Flag),
    (' ', "strict-names", Kind::Flag),
    (' ', "use-set-session-authorization", Kind::Flag),
    (' ', "role", Kind::Value),
];

const DUMP: &[Known] = &[
    ('b', "large-objects", Kind::Flag),
    (' ', "blobs", Kind::Flag),
    ('B', "no-large-objects", Kind::Flag),
    (' ', "no-blobs", Kind::Flag),
    ('e', "extension", Kind::Value),
    ('E', "encoding", Kind::Value),
    ('t', "table", Kind::Value),
    ('T', "exclude-table", Kind::Value),
    ('Z', "compress", Kind::Value),
    (' ', "attribute-inserts", Kind::Flag),
    (' ', "column-inserts", Kind::Flag),
    (' ', "disable-dollar-quoting", Kind::Flag),
    (' ', "exclude-table-data", Kind::Value),
    (' ', "extra-float-digits", Kind::Value),
    (' ', "inserts", Kind::Flag),
    (' ', "load-via-partition-root", Kind::Flag),
    (' ', "lock-wait-timeout", Kind::Value),
    (' ', "no-sync", Kind::Flag),
    (' ', "no-toast-compression", Kind::Flag),
    (' ', "no-unlogged-table-data", Kind::Flag),
    (' ', "on-conflict-do-nothing", Kind::Flag),
    (' ', "quote-all-identifiers", Kind::Flag),
    (' ', "rows-per-insert", Kind::Value),
    (' ', "serializable-deferrable", Kind::Flag),
    (' ', "snapshot", Kind::Value),
];

const RESTORE: &[Known] = &[
    ('1', "single-transaction", Kind::Flag),
    ('e', "exit-on-error", Kind::Flag),
    ('I', "index", Kind::Value),
    ('l', "list", Kind::Own),
    ('L', "use-list", Kind::Input),
    ('P', "function", Kind::Value),
    ('t', "table", Kind::Value),
    ('T', "trigger", Kind::Value),
    (' ', "no-data-for-failed-tables", Kind::Flag),
];

const READY: &[Known] = &[
    ('d', "dbname", Kind::OwnValue),
    ('h', "host", Kind::OwnValue),
    ('p', "port", Kind::OwnValue),
    ('U', "username", Kind::OwnValue),
    ('q', "quiet", Kind::Flag),
    ('t', "timeout", Kind::Value),
    ('V', "version", Kind::Own),
    ('?', "help", Kind::Own),
];

/// The tables in which a tool's options stand. An option stands in one of a tool's tables only.
fn tables(tool: &str) -> &'static [&'static [Known]] {
    match tool {
        "pg_isready" => &[READY],
        "pg_restore" => &[OPTIONS, RESTORE],
        _ => &[OPTIONS, DUMP],
    }
}

/// Reads a call; `argv[0]` is the program.
///
/// # Errors
/// A [`Refusal`] for options nobody knows, and for an address that carries a user or a password.
pub fn parse(argv: &[String]) -> Result<Invocation, Refusal> {
    let Some((tool, words)) = argv.split_first() else {
        return Err(Refusal::not_available("An empty call names no program."));
    };
    let (mut database, mut host, mut operand) = (None, None, None);
    let (mut clean, mut list, mut tells, mut writes) = (false, false, false, false);
    let mut arguments = Vec::new();
    for part in external::read(tool, words, tables(tool), Style::Gnu)? {
        let (name, kind, value) = match part {
            Part::Option(name, kind, value) => (name, kind, value),
            Part::Operand(word) | Part::Negated(word) if operand.is_none() => {
                operand = Some(word.to_owned());
                continue;
            }
            Part::Operand(_) | Part::Negated(_) => {
                return Err(Refusal { reason: format!("{tool}: too many command-line arguments"), exit_code: 1 });
            }
        };
        match name {
            "dbname" => database = Some(value.to_owned()),
            "host" => host = Some(value.to_owned()),
            "clean" => clean = true,
            "list" => list = true,
            "version" | "help" => tells = true,
            "file" => writes = true,
            _ => {}
        }
        let before = format!("--{name}=");
        arguments.push(match kind {
            Kind::Own if matches!(name, "no-password" | "password") => continue,
            Kind::OwnValue => continue,
            Kind::Flag | Kind::Own => Argument::plain(format!("--{name}")),
            Kind::Input => Argument::input(before, value),
            Kind::Output if value == "-" => Argument::plain(format!("{before}-")),
            Kind::Output => Argument::output(tool, before, value)?,
            _ => Argument::plain(format!("{before}{value}")),
        });
    }
    let restores = tool == "pg_restore";
    let connects = !tells && (!restores || database.is_some() || (!list && !writes));
    let reads_input = restores && !tells && operand.is_none();
    match operand {
        Some(file) if restores => arguments.push(Argument::input("", file)),
        Some(name) if database.is_none() => database = Some(name),
        Some(_) => return Err(Refusal { reason: format!("{tool}: too many command-line arguments"), exit_code: 1 }),
        None => {}
    }
    if [&database, &host].into_iter().flatten().any(|word| word.contains(['@', '='])) {
        return Err(Refusal::not_permitted(format!(
            "`{tool}` with an address that carries more than a name is not permitted: user and password belong to the \
             environment. Name the database alone."
        )));
    }
    if let Some((server, name)) = database.as_deref().and_then(address) {
        (host, database) = (host.or(server), name);
    }
    let (verb, effect) = match (tool.as_str(), connects) {
        (_, false) => ("list", Effect::Read),
        ("pg_isready", true) => ("isready", Effect::Read),
        ("pg_restore", true) if clean => ("restore", Effect::Destroy),
        ("pg_restore", true) => ("restore", Effect::Change),
        _ => ("dump", Effect::Read),
    };
    let action = Action {
        tool: tool.clone(),
        verb: verb.to_owned(),
        targets: vec![target("database", database.as_deref())],
        effect,
        follows: false,
    };
    Ok(Invocation { action, database, host, connects, arguments, reads_input })
}

/// The server and the database of `postgres://server:port/database?options`.
fn address(word: &str) -> Option<(Option<String>, Option<String>)> {
    let rest = word.strip_prefix("postgres://").or_else(|| word.strip_prefix("postgresql://"))?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let server = authority.rsplit_once(':').map_or(authority, |(server, _)| server);
    let name = path.split('?').next().unwrap_or_default();
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Some((some(server), some(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(call: &str) -> Result<Invocation, Refusal> {
        parse(&call.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn the_connection_is_taken_out() {
        let dump = read("pg_dump -h rds -U me -p 5433 -W -Fc -t orders shop -f out").unwrap();
        assert_eq!((dump.host.as_deref(), dump.database.as_deref()), (Some("rds"), Some("shop")));
        let [format, table, file] = dump.arguments.as_slice() else { panic!("{:?}", dump.arguments) };
        assert_eq!((format, table), (&Argument::plain("--format=c"), &Argument::plain("--table=orders")));
        assert_eq!(file, &Argument::output("pg_dump", "--file=", "out").unwrap());
        let dump = read("pg_dump postgres://rds:5432/shop").unwrap();
        assert_eq!((dump.host.as_deref(), dump.database.as_deref()), (Some("rds"), Some("shop")));
        assert_eq!(read("pg_dump datasource:shop").unwrap().database.as_deref(), Some("datasource:shop"));
    }

    #[test]
    fn restoring_changes_and_cleaning_destroys() {
        for (call, effect, connects) in [
            ("pg_dump x", Effect::Read, true),
            ("pg_restore -l f", Effect::Read, false),
            ("pg_restore -f - f", Effect::Read, false),
            ("pg_restore -d x f", Effect::Change, true),
            ("pg_restore -c -d x f", Effect::Destroy, true),
            ("pg_isready -h x", Effect::Read, true),
            ("pg_dump --version", Effect::Read, false),
        ] {
            let read = read(call).unwrap();
            assert_eq!((read.action.effect, read.connects), (effect, connects), "{call}");
        }
        assert!(read("pg_restore -d x").unwrap().reads_input && !read("pg_restore -d x f").unwrap().reads_input);
    }

    #[test]
    fn addresses_with_credentials_are_refused() {
        for call in [
            "pg_dump postgres://me:hunter2@h/x",
            "pg_dump -d host=h password=hunter2",
            "pg_restore -d user=me f",
            "pg_dump --unheard-of",
            "pg_dump a b",
        ] {
            assert!(read(call).is_err(), "{call}");
        }
    }
}
