//! `redis-cli`: its options (version 7), and how far each command of Redis reaches (Redis command reference, flags
//! `readonly`, `write`, `admin` and `dangerous`).

use crate::action::{Action, Effect, Refusal};
use crate::classify::target;
use crate::external::{Argument, unknown};

/// A call of `redis-cli`, read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// What it does.
    pub action: Action,
    /// Which server the caller means, in its own word: `-h host`, `-u redis://host`, `-u datasource:cache`.
    pub server: Option<String>,
    /// The database's number, where the call names one.
    pub database: Option<u32>,
    /// What the real program is told beside the connection.
    pub arguments: Vec<Argument>,
    /// Whether it reads its standard input.
    pub reads_input: bool,
}

/// The verb of a call that is told nothing to do: its commands come from its standard input, or from somebody at a terminal.
pub(crate) const SCRIPT: &str = "script";

/// Options that stand alone.
const FLAGS: &[&str] = &[
    "-2",
    "-3",
    "-D",
    "-e",
    "--bigkeys",
    "--csv",
    "--hotkeys",
    "--json",
    "--latency",
    "--latency-dist",
    "--latency-history",
    "--memkeys",
    "--no-auth-warning",
    "--no-raw",
    "--pipe",
    "--quoted-input",
    "--quoted-json",
    "--raw",
    "--scan",
    "--show-pushes",
    "--stat",
    "--verbose",
    "-v",
    "--version",
    "--help",
    "-x",
];

/// Options with a value that says nothing about where the call goes.
const VALUES: &[&str] = &[
    "-d",
    "-i",
    "-r",
    "-t",
    "-X",
    "--count",
    "--intrinsic-latency",
    "--memkeys-samples",
    "--pattern",
    "--pipe-timeout",
    "--quoted-pattern",
];

/// Options that are refused, with the reason.
const REFUSED: &[(&[&str], &str)] = &[
    (
        &["-a", "--pass", "--askpass", "--user"],
        "user and password belong to the environment, and a password in a command line is seen by everybody who can \
         list processes",
    ),
    (&["-s"], "the server is that of the environment"),
    (
        &[
            "--tls",
            "--cert",
            "--key",
            "--cacert",
            "--cacertdir",
            "--insecure",
            "--sni",
            "--tls-ciphers",
            "--tls-ciphersuites",
        ],
        "how the connection is encrypted belongs to the environment",
    ),
    (&["-c", "--cluster"], "a cluster's other nodes are not part of the environment"),
    (&["--replica", "--ldb", "--ldb-sync-mode", "--lru-test"], "this portal does not perform it"),
];

/// What samples the whole server, and whether it goes on until it is stopped.
const SAMPLES: &[(&str, bool)] = &[
    ("--bigkeys", false),
    ("--memkeys", false),
    ("--hotkeys", false),
    ("--scan", false),
    ("--rdb", false),
    ("--functions-rdb", false),
    ("--intrinsic-latency", false),
    ("--latency", true),
    ("--latency-history", true),
    ("--latency-dist", true),
    ("--stat", true),
];

/// Commands that leave everything as it was.
const READS: &str = "INFO PING ECHO TIME ROLE LASTSAVE DBSIZE COMMAND LOLWUT MONITOR SUBSCRIBE PSUBSCRIBE SSUBSCRIBE \
    GET MGET GETRANGE SUBSTR STRLEN LCS KEYS SCAN RANDOMKEY TTL PTTL EXPIRETIME PEXPIRETIME EXISTS TYPE OBJECT DUMP \
    LLEN LRANGE LINDEX LPOS HGET HMGET HGETALL HKEYS HVALS HLEN HEXISTS HSCAN HSTRLEN HRANDFIELD SMEMBERS SCARD \
    SISMEMBER SMISMEMBER SRANDMEMBER SSCAN SINTER SINTERCARD SUNION SDIFF ZRANGE ZRANGEBYSCORE ZRANGEBYLEX ZREVRANGE \
    ZREVRANGEBYSCORE ZREVRANGEBYLEX ZCARD ZCOUNT ZLEXCOUNT ZSCORE ZMSCORE ZRANK ZREVRANK ZSCAN ZRANDMEMBER ZINTER \
    ZUNION ZDIFF ZINTERCARD XLEN XRANGE XREVRANGE XREAD XPENDING BITCOUNT BITPOS GETBIT BITFIELD_RO PFCOUNT GEODIST \
    GEOHASH GEOPOS GEOSEARCH GEORADIUS_RO GEORADIUSBYMEMBER_RO SORT_RO EVAL_RO EVALSHA_RO FCALL_RO WAIT WAITAOF HELP";

/// Commands that remove, or interrupt service.
const DESTROYS: &str = "FLUSHDB FLUSHALL DEL UNLINK GETDEL SHUTDOWN FAILOVER XTRIM LTRIM XDEL HDEL SREM ZREM LREM SPOP \
    ZPOPMIN ZPOPMAX LPOP RPOP ZREMRANGEBYRANK ZREMRANGEBYSCORE ZREMRANGEBYLEX REPLICAOF SLAVEOF MIGRATE DEBUG MODULE \
    RESTORE SWAPDB PSYNC SYNC";

/// Commands with a subcommand that decides: the ones that only look, and the ones that destroy.
const SUBCOMMANDS: &[(&str, &str, &str)] = &[
    ("ACL", "LIST WHOAMI CAT USERS GETUSER LOG DRYRUN GENPASS HELP", "DELUSER"),
    ("CLIENT", "LIST INFO GETNAME ID TRACKINGINFO HELP", "KILL PAUSE"),
    (
        "CLUSTER",
        "INFO NODES SLOTS SHARDS MYID KEYSLOT COUNTKEYSINSLOT GETKEYSINSLOT LINKS REPLICAS HELP",
        "RESET FLUSHSLOTS FAILOVER FORGET",
    ),
    ("CONFIG", "GET HELP", ""),
    ("FUNCTION", "LIST STATS DUMP HELP", "FLUSH DELETE KILL RESTORE"),
    ("LATENCY", "LATEST HISTORY HISTOGRAM DOCTOR GRAPH HELP", ""),
    ("MEMORY", "USAGE STATS DOCTOR MALLOC-STATS HELP", ""),
    ("PUBSUB", "CHANNELS NUMPAT NUMSUB SHARDCHANNELS SHARDNUMSUB HELP", ""),
    ("SCRIPT", "EXISTS HELP", "FLUSH KILL"),
    ("SLOWLOG", "GET LEN HELP", ""),
    ("XGROUP", "HELP", "DESTROY DELCONSUMER"),
    ("XINFO", "STREAM GROUPS CONSUMERS HELP", ""),
];

/// Reads a call; `argv[0]` is the program.
///
/// # Errors
/// A [`Refusal`] for options that leave the environment or its credentials, for those nobody knows, and for `AUTH`.
pub fn parse(argv: &[String]) -> Result<Invocation, Refusal> {
    let mut read = Read::default();
    let mut words = argv.get(1..).unwrap_or_default().iter();
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            // From here on everything belongs to the command, however it looks.
            let command: Vec<&str> = std::iter::once(word).chain(words).map(String::as_str).collect();
            return read.command(&command);
        }
        let mut value = || {
            words
                .next()
                .map(String::as_str)
                .ok_or_else(|| Refusal { reason: format!("redis-cli: option {word} needs a value"), exit_code: 1 })
        };
        match word.as_str() {
            "-h" => read.server = Some(value()?.to_owned()),
            // The port is that of the datasource; one that the text names says nothing more.
            "-p" => drop(value()?),
            "-n" => read.database = Some(number(value()?)?),
            "-u" => read.address(value()?)?,
            "--eval" => {
                read.evaluates = true;
                read.arguments.extend([Argument::plain("--eval"), Argument::input("", value()?)]);
            }
            "--rdb" | "--functions-rdb" => {
                read.samples.get_or_insert((word.trim_start_matches('-').to_owned(), false));
                read.arguments.extend([Argument::plain(word), Argument::output("redis-cli", "", value()?)?]);
            }
            name if FLAGS.contains(&name) => {
                read.flag(name);
                read.arguments.push(Argument::plain(name));
            }
            name if VALUES.contains(&name) => {
                read.flag(name);
                let value = value()?;
                read.endless |= name == "-r" && value == "-1";
                read.arguments.extend([Argument::plain(name), Argument::plain(value)]);
            }
            name => {
                let refused = REFUSED.iter().find(|(names, _)| names.contains(&name));
                return Err(refused.map_or_else(
                    || unknown("redis-cli", name),
                    |(_, why)| {
                        Refusal::not_permitted(format!("`redis-cli {name}` is not permitted: {why}. Leave it out."))
                    },
                ));
            }
        }
    }
    read.command(&[])
}

fn number(text: &str) -> Result<u32, Refusal> {
    text.parse().map_err(|_| Refusal { reason: "redis-cli: a database is a number".to_owned(), exit_code: 1 })
}

#[derive(Default)]
struct Read {
    server: Option<String>,
    database: Option<u32>,
    arguments: Vec<Argument>,
    samples: Option<(String, bool)>,
    reads_input: bool,
    pipe: bool,
    evaluates: bool,
    tells: bool,
    endless: bool,
}

impl Read {
    fn flag(&mut self, name: &str) {
        match name {
            "-x" | "-X" => self.reads_input = true,
            "--pipe" => (self.reads_input, self.pipe) = (true, true),
            "--version" | "-v" | "--help" => self.tells = true,
            _ => {}
        }
        if let Some((name, follows)) = SAMPLES.iter().find(|(sample, _)| *sample == name) {
            self.samples = Some((name.trim_start_matches('-').to_owned(), *follows));
        }
    }

    /// `-u redis://host:port/database`, or the word that stands for a datasource inside the sandbox.
    fn address(&mut self, address: &str) -> Result<(), Refusal> {
        let rest = address.strip_prefix("redis://").or_else(|| address.strip_prefix("rediss://"));
        let Some(rest) = rest else {
            self.server = Some(address.to_owned());
            return Ok(());
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.contains('@') {
            return Err(Refusal::not_permitted(
                "`redis-cli -u` with a user or a password is not permitted: they belong to the environment. Name the \
                 host alone, or leave `-u` out.",
            ));
        }
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        self.server = Some(host.to_owned());
        let path = path.split('?').next().unwrap_or_default();
        if !path.is_empty() {
            self.database = Some(number(path)?);
        }
        Ok(())
    }

    fn command(mut self, words: &[&str]) -> Result<Invocation, Refusal> {
        let word = |at: usize| words.get(at).map(|word| word.to_ascii_uppercase()).unwrap_or_default();
        let (command, subcommand) = (word(0), word(1));
        let names_user = command == "HELLO" && words.iter().any(|word| word.eq_ignore_ascii_case("auth"));
        if command == "AUTH" || names_user {
            return Err(Refusal::not_permitted(format!(
                "`redis-cli {command}` is not permitted: user and password belong to the environment. Leave it out."
            )));
        }
        let (verb, effect, follows) = if self.tells {
            ("help".to_owned(), Effect::Read, false)
        } else if self.pipe {
            ("pipe".to_owned(), Effect::Change, false)
        } else if self.evaluates {
            ("EVAL".to_owned(), Effect::Change, false)
        } else if let Some((sample, follows)) = self.samples.take() {
            (sample, Effect::Read, follows)
        } else if command.is_empty() {
            self.reads_input = true;
            (SCRIPT.to_owned(), Effect::Change, false)
        } else {
            let (verb, effect) = effect(&command, &subcommand, words);
            let follows = matches!(command.as_str(), "MONITOR" | "SUBSCRIBE" | "PSUBSCRIBE" | "SSUBSCRIBE");
            (verb, effect, follows || self.endless)
        };
        self.arguments.extend(words.iter().copied().map(Argument::plain));
        let targets = vec![target("cache", self.server.as_deref())];
        let action = Action { tool: "redis-cli".to_owned(), verb, targets, effect, follows };
        Ok(Invocation {
            action,
            server: self.server,
            database: self.database,
            arguments: self.arguments,
            reads_input: self.reads_input,
        })
    }
}

fn effect(command: &str, subcommand: &str, words: &[&str]) -> (String, Effect) {
    let among = |list: &str, word: &str| list.split_ascii_whitespace().any(|other| other == word);
    if let Some((_, reads, destroys)) = SUBCOMMANDS.iter().find(|(name, ..)| *name == command) {
        let effect = match subcommand {
            word if among(reads, word) => Effect::Read,
            word if among(destroys, word) => Effect::Destroy,
            _ => Effect::Change,
        };
        return (format!("{command} {subcommand}").trim_end().to_owned(), effect);
    }
    let stores = || words.iter().any(|word| word.eq_ignore_ascii_case("store"));
    let effect = match command {
        word if among(READS, word) => Effect::Read,
        "SORT" | "GEORADIUS" | "GEORADIUSBYMEMBER" if !stores() => Effect::Read,
        word if among(DESTROYS, word) => Effect::Destroy,
        _ => Effect::Change,
    };
    (command.to_owned(), effect)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(call: &str) -> Result<Invocation, Refusal> {
        parse(&call.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn the_server_is_a_word_of_the_environment() {
        for (call, server, database) in [
            ("redis-cli ping", None, None),
            ("redis-cli -h cache -p 6380 -n 2 ping", Some("cache"), Some(2)),
            ("redis-cli -u redis://cache:6379/3 ping", Some("cache"), Some(3)),
            ("redis-cli -u datasource:cache ping", Some("datasource:cache"), None),
        ] {
            let read = read(call).unwrap();
            assert_eq!((read.server.as_deref(), read.database), (server, database), "{call}");
            assert_eq!(read.arguments, [Argument::plain("ping")], "{call}");
        }
    }

    #[test]
    fn credentials_and_other_servers_are_refused() {
        for call in [
            "redis-cli -a hunter2 ping",
            "redis-cli --user me ping",
            "redis-cli -u redis://me:hunter2@cache ping",
            "redis-cli -s /tmp/socket ping",
            "redis-cli --tls ping",
            "redis-cli --cluster info x",
            "redis-cli AUTH hunter2",
            "redis-cli HELLO 3 AUTH a hunter2",
            "redis-cli --unheard-of",
        ] {
            let refusal = read(call).unwrap_err();
            assert!(!refusal.reason.contains("hunter2"), "{}", refusal.reason);
        }
    }

    #[test]
    fn each_command_has_its_effect() {
        for (call, verb, effect) in [
            ("info stats", "INFO", Effect::Read),
            ("SLOWLOG GET 10", "SLOWLOG GET", Effect::Read),
            ("slowlog reset", "SLOWLOG RESET", Effect::Change),
            ("CLIENT KILL TYPE normal", "CLIENT KILL", Effect::Destroy),
            ("SORT k", "SORT", Effect::Read),
            ("SORT k STORE d", "SORT", Effect::Change),
            ("GETDEL k", "GETDEL", Effect::Destroy),
            ("REPLICAOF evil 6379", "REPLICAOF", Effect::Destroy),
            ("SET k -a", "SET", Effect::Change),
            ("EVAL x 0", "EVAL", Effect::Change),
            ("--bigkeys", "bigkeys", Effect::Read),
            ("--scan --pattern a*", "scan", Effect::Read),
            ("--pipe", "pipe", Effect::Change),
            ("-n 1", "script", Effect::Change),
            ("--eval x.lua k , a", "EVAL", Effect::Change),
        ] {
            let action = read(&format!("redis-cli {call}")).unwrap().action;
            assert_eq!((action.verb.as_str(), action.effect), (verb, effect), "{call}");
        }
    }

    #[test]
    fn what_goes_on_and_what_reads_is_seen() {
        for call in ["MONITOR", "--stat", "--latency", "-r -1 ping", "subscribe c"] {
            assert!(read(&format!("redis-cli {call}")).unwrap().action.follows, "{call}");
        }
        for (call, reads) in [("-x SET k", true), ("-n 0", true), ("SET k v", false), ("MONITOR", false)] {
            assert_eq!(read(&format!("redis-cli {call}")).unwrap().reads_input, reads, "{call}");
        }
    }
}
