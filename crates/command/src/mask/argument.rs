//! Which arguments of which program are secrets.

use super::script::mask_script;
use super::text::mask_text;
use super::{MASK, is_open, manifest};
use crate::program;

/// Options whose value is a secret, whatever the program.
const SECRET_OPTIONS: &[&str] = &[
    "--token",
    "--password",
    "--secret-string",
    "--secret-binary",
    "--master-user-password",
    "--auth-token",
    "--private-key",
    "--docker-password",
];

/// Options of one program that carry a secret. Sources: curl(1), redis-cli(1), mysql(1), mongosh, openssl-passphrase-options(1).
#[derive(Debug)]
struct Tool {
    names: &'static [&'static str],
    /// A word that must be among the arguments for the options to mean this.
    when: &'static str,
    long: &'static [&'static str],
    /// Short options whose value is a secret, beside them or as the next word.
    secret: &'static str,
    /// Short options whose value is a secret only beside them.
    glued: &'static str,
    /// Other short options with a value, which end a cluster.
    valued: &'static str,
}

const PLAIN: Tool = Tool { names: &[], when: "", long: &[], secret: "", glued: "", valued: "" };

const TOOLS: &[Tool] = &[
    Tool { names: &["kubectl"], valued: "nlofcsp", ..PLAIN },
    Tool { names: &["aws"], when: "put-parameter", long: &["--value"], ..PLAIN },
    Tool { names: &["aws"], ..PLAIN },
    Tool {
        names: &["curl"],
        long: &[
            "--user",
            "--proxy-user",
            "--pass",
            "--proxy-pass",
            "--oauth2-bearer",
            "--cookie",
            "--cert",
            "--tlspassword",
        ],
        secret: "uUbE",
        valued: "AcCdDeFhHKmoPQrtTwxXyYz",
        ..PLAIN
    },
    Tool {
        names: &["wget"],
        long: &["--http-password", "--ftp-password", "--proxy-password"],
        valued: "eoaiOPtTwQUIXARDl",
        ..PLAIN
    },
    Tool { names: &["redis-cli", "valkey-cli"], long: &["--pass"], secret: "a", valued: "hpsnrdixDtu", ..PLAIN },
    Tool {
        names: &["mysql", "mysqldump", "mysqladmin", "mysqlimport", "mariadb", "mariadb-dump", "mariadb-admin"],
        glued: "p",
        valued: "uhPDeS",
        ..PLAIN
    },
    Tool {
        names: &["mongo", "mongosh", "mongodump", "mongorestore", "mongoexport"],
        secret: "p",
        valued: "uhdco",
        ..PLAIN
    },
    Tool { names: &["sshpass"], glued: "p", valued: "fde", ..PLAIN },
    Tool { names: &["ldapsearch", "ldapmodify", "ldapadd", "ldapdelete"], secret: "w", valued: "bDHhps", ..PLAIN },
    Tool {
        names: &["docker", "podman", "nerdctl", "helm", "crane", "skopeo"],
        when: "login",
        secret: "p",
        valued: "u",
        ..PLAIN
    },
    Tool { names: &["openssl"], long: &["-pass", "-passin", "-passout", "-k", "-K"], ..PLAIN },
    Tool { names: &["psql"], valued: "cdfvhpUo", ..PLAIN },
];

/// What the value of an option is.
#[derive(Clone, Copy, Debug)]
enum Value {
    Secret,
    /// `name=secret`
    Literal,
    /// A patch of a Secret.
    Patch,
    Script,
}

/// Masks secrets in a program's arguments: the values of options that carry one, every `--from-literal`, patches of a
/// Secret, credentials in addresses, headers, and values named like a secret. Looks through programs that start another
/// (`sudo`, `kubectl exec … --`).
#[must_use]
pub fn mask(argv: &[String]) -> Vec<String> {
    let patches_secret = patches_secret(argv);
    let tools: Vec<&Tool> =
        TOOLS.iter().filter(|tool| tool.when.is_empty() || argv.iter().any(|word| word == tool.when)).collect();
    let mut masked = Vec::with_capacity(argv.len());
    // The program whose options these are, once one is known.
    let mut tool: Option<&Tool> = None;
    let mut shell = false;
    let mut next: Option<Value> = None;
    for word in argv {
        if let Some(value) = next.take() {
            masked.push(hide(value, word));
            continue;
        }
        if word == "--" {
            (tool, shell) = (None, false);
            masked.push(word.clone());
            continue;
        }
        let name = word.rsplit('/').next().unwrap_or_default();
        if tool.is_none() && !shell {
            tool = tools.iter().find(|tool| tool.names.contains(&name)).copied();
            shell = program::SHELLS.contains(&name);
            if tool.is_some() || shell {
                masked.push(word.clone());
                continue;
            }
        }
        let kubectl = tool.is_some_and(|tool| tool.names.contains(&"kubectl"));
        if shell && crate::call::is_short_option(word, 'c') {
            next = Some(Value::Script);
            masked.push(word.clone());
        } else if let Some((length, value)) = option(tool, word, kubectl && patches_secret) {
            let (given, rest) = word.split_at(length);
            if rest.is_empty() && !given.ends_with('=') {
                next = Some(value);
                masked.push(word.clone());
            } else {
                masked.push(format!("{given}{}", hide(value, rest)));
            }
        } else {
            masked.push(mask_text(word));
        }
    }
    masked
}

/// Whether this is `kubectl patch secret …`.
fn patches_secret(argv: &[String]) -> bool {
    let secret = |word: &String| {
        let kind = word.split('/').next().unwrap_or_default().split('.').next().unwrap_or_default();
        kind.eq_ignore_ascii_case("secret") || kind.eq_ignore_ascii_case("secrets")
    };
    argv.iter().position(|word| word == "patch").is_some_and(|at| argv[at..].iter().any(secret))
}

/// The option that a word begins with, if its value is a secret: how much of the word comes before the value.
fn option(tool: Option<&Tool>, word: &str, patches_secret: bool) -> Option<(usize, Value)> {
    let (name, length) = match word.find('=') {
        Some(at) => (&word[..at], at + 1),
        None => (word, word.len()),
    };
    if name == "--from-literal" {
        return Some((length, Value::Literal));
    }
    if patches_secret && (name == "--patch" || name == "-p") {
        return Some((length, Value::Patch));
    }
    if patches_secret && word.starts_with("-p") {
        return Some((2, Value::Patch));
    }
    if SECRET_OPTIONS.contains(&name) || tool.is_some_and(|tool| tool.long.contains(&name)) {
        return Some((length, Value::Secret));
    }
    let tool = tool?;
    let letters = word.strip_prefix('-').filter(|letters| !letters.starts_with('-'))?;
    for (at, letter) in letters.char_indices() {
        if !letter.is_ascii_alphanumeric() && letter != '#' || tool.valued.contains(letter) {
            return None;
        }
        let end = 1 + at + 1;
        if tool.secret.contains(letter) || (tool.glued.contains(letter) && end < word.len()) {
            let equals = word[end..].starts_with('=');
            return Some((end + usize::from(equals), Value::Secret));
        }
    }
    None
}

fn hide(value: Value, word: &str) -> String {
    match value {
        Value::Script => mask_script(word),
        Value::Patch => manifest::patch(word),
        Value::Literal => match word.split_once('=') {
            Some((_, secret)) if is_open(secret) => word.to_owned(),
            Some((name, _)) => format!("{name}={MASK}"),
            None => MASK.to_owned(),
        },
        Value::Secret => {
            let password = word.split_once(':').map_or(word, |(_, password)| password);
            if is_open(word) || (password.len() < word.len() && !password.is_empty() && is_open(password)) {
                word.to_owned()
            } else {
                MASK.to_owned()
            }
        }
    }
}
