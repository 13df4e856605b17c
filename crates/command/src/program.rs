//! Programs by name: what bash has itself, what the sandbox has, what wraps another call. Data, not code.

/// Builtins and keywords of bash (bash(1), SHELL BUILTIN COMMANDS), and the names that tree-sitter reads as commands.
const BUILTINS: &[&str] = &[
    ".",
    ":",
    "[",
    "alias",
    "bg",
    "bind",
    "break",
    "builtin",
    "caller",
    "cd",
    "command",
    "compgen",
    "complete",
    "continue",
    "coproc",
    "declare",
    "dirs",
    "disown",
    "echo",
    "enable",
    "eval",
    "exec",
    "exit",
    "export",
    "false",
    "fc",
    "fg",
    "getopts",
    "hash",
    "help",
    "history",
    "jobs",
    "kill",
    "let",
    "local",
    "logout",
    "mapfile",
    "popd",
    "printf",
    "pushd",
    "pwd",
    "read",
    "readarray",
    "readonly",
    "return",
    "set",
    "shift",
    "shopt",
    "source",
    "suspend",
    "test",
    "time",
    "times",
    "trap",
    "true",
    "type",
    "typeset",
    "ulimit",
    "umask",
    "unalias",
    "unset",
    "wait",
];

/// Programs that a read-only Debian system in the sandbox has: coreutils, findutils, grep, sed, awk, gzip, procps, jq, openssl.
const SANDBOX: &[&str] = &[
    "awk",
    "b2sum",
    "base32",
    "base64",
    "basename",
    "bash",
    "bunzip2",
    "bzcat",
    "bzip2",
    "cat",
    "chmod",
    "cksum",
    "clear",
    "cmp",
    "column",
    "comm",
    "cp",
    "csplit",
    "cut",
    "date",
    "dd",
    "df",
    "diff",
    "dirname",
    "du",
    "egrep",
    "env",
    "expand",
    "expr",
    "factor",
    "fgrep",
    "file",
    "find",
    "fmt",
    "fold",
    "free",
    "gawk",
    "getconf",
    "grep",
    "gunzip",
    "gzip",
    "head",
    "hexdump",
    "hostname",
    "iconv",
    "id",
    "install",
    "join",
    "jq",
    "less",
    "ln",
    "ls",
    "mawk",
    "md5sum",
    "mkdir",
    "mkfifo",
    "mktemp",
    "more",
    "mv",
    "nice",
    "nl",
    "nohup",
    "nproc",
    "numfmt",
    "od",
    "openssl",
    "paste",
    "patch",
    "pgrep",
    "pr",
    "printenv",
    "ps",
    "readlink",
    "realpath",
    "rev",
    "rm",
    "rmdir",
    "sed",
    "seq",
    "setsid",
    "sh",
    "sha1sum",
    "sha256sum",
    "sha512sum",
    "shred",
    "shuf",
    "sleep",
    "sort",
    "split",
    "stat",
    "stdbuf",
    "strings",
    "stty",
    "sum",
    "sync",
    "tac",
    "tail",
    "tar",
    "tee",
    "timeout",
    "top",
    "touch",
    "tr",
    "truncate",
    "tsort",
    "tty",
    "uname",
    "unexpand",
    "uniq",
    "unlink",
    "uptime",
    "vmstat",
    "watch",
    "wc",
    "whoami",
    "xargs",
    "xxd",
    "xz",
    "xzcat",
    "yes",
    "zcat",
    "zgrep",
];

/// Shells: what they read is a script.
pub(crate) const SHELLS: &[&str] = &["bash", "sh", "dash", "zsh", "ksh", "ash"];

/// Programs and builtins that make shell syntax of their arguments or input.
pub(crate) const EVALUATES: &[&str] = &[
    "bash", "sh", "dash", "zsh", "ksh", "ash", "eval", "source", ".", "ssh", "su", "parallel", "watch", "trap",
    "alias", "script", "flock", "at", "batch", "busybox", "chroot", "expect", "make", "nsenter", "screen", "tmux",
    "unshare",
];

/// Programs and builtins that take an argument as code of a language of their own, or as the name of a variable.
pub(crate) const INTERPRETS: &[&str] = &[
    "awk",
    "gawk",
    "mawk",
    "sed",
    "perl",
    "python",
    "python3",
    "ruby",
    "node",
    "php",
    "lua",
    "let",
    "read",
    "unset",
    "test",
    "[",
    "mapfile",
    "readarray",
    "getopts",
    "expr",
    "bc",
    "compgen",
    "complete",
    "bind",
    "coproc",
    "fc",
    "history",
    "enable",
];

/// Programs that only start another: their options that take a value.
const WRAPPERS: &[(&str, &[&str])] = &[
    ("builtin", &[]),
    ("chronic", &[]),
    ("command", &[]),
    ("doas", &["-u"]),
    ("exec", &["-a"]),
    ("ionice", &["-c", "-n"]),
    ("nice", &["-n", "--adjustment"]),
    ("nohup", &[]),
    ("setsid", &[]),
    ("stdbuf", &["-i", "-o", "-e"]),
    ("sudo", &["-u", "-g", "-h", "-p", "-C", "-D", "-R", "-T", "--user", "--group"]),
    ("time", &["-f", "-o"]),
];

/// Programs that this portal does not run, with the reason and the next step.
const NOT_AVAILABLE: &[(&[&str], &str)] = &[
    (
        &["docker", "podman", "nerdctl", "crictl", "docker-compose"],
        "whoever speaks to a container engine is root on its machine. Build and push images in the pipeline, look at \
         containers with `kubectl`, and mark this step as done by hand",
    ),
    (
        &["git", "gh"],
        "the portal holds no credentials for a repository, and runbooks are read from it already. Do it in your own \
         clone, and mark this step as done by hand",
    ),
    (
        &["npm", "npx", "node", "go", "yarn", "pnpm"],
        "it is not installed where the portal runs scripts, and it would have no network there. Do it in the \
         repository's own clone or its pipeline, and mark this step as done by hand",
    ),
    (
        &["python", "python3", "pip", "pip3", "ruby", "php", "java"],
        "it is not installed where the portal runs scripts. Install it on the portal's machine (it runs without network \
         and credentials there), or mark this step as done by hand",
    ),
    (
        &["ssh", "scp", "sftp", "rsync", "ansible", "ansible-playbook"],
        "a shell on another machine would be outside of permission and trail. Use `kubectl exec` where it is a \
         container; otherwise mark this step as done by hand",
    ),
    (
        &["nslookup", "dig", "host", "drill", "getent"],
        "scripts have no network, name servers included. Look from where the program that fails runs: `kubectl run … \
         -- nslookup NAME`, `kubectl exec … -- nslookup NAME`",
    ),
    (
        &["ping", "traceroute", "tracepath", "mtr", "nc", "ncat", "netcat", "telnet", "nmap", "socat"],
        "scripts have no network. Try the connection from where it fails (`kubectl exec … -- nc -zv HOST PORT`), or \
         with `curl` to a host that the environment permits",
    ),
    (&["http", "https", "xh", "httpie"], "the portal reads `curl` and `wget`. Write the request with one of them"),
    (
        &["pg_dumpall", "mysql", "mysqldump", "mongosh", "mongo", "rabbitmqctl", "nats"],
        "the portal has no client for it. Use `pg_dump` or an SQL step where it is PostgreSQL; otherwise mark this step \
         as done by hand",
    ),
    (
        &["terraform", "tofu", "eksctl", "gcloud", "az", "gsutil", "vault", "flux", "velero", "istioctl", "k9s"],
        "the portal has no credentials for it. Do it where you have them, and mark this step as done by hand",
    ),
    (
        &["systemctl", "service", "journalctl", "iptables", "apt", "apt-get", "yum"],
        "the portal acts on no machine, its own least of all. Mark this step as done by hand",
    ),
];

/// Why a program cannot be used here, with the next step: one sentence for the caller and the trail.
#[must_use]
pub fn not_available(name: &str) -> String {
    let why = NOT_AVAILABLE.iter().find(|(names, _)| names.contains(&name)).map_or(
        "it is neither in the sandbox nor known to the broker. Carry this step out elsewhere and mark it as done by hand",
        |(_, why)| why,
    );
    format!("`{name}` is not available to this portal: {why}.")
}

/// Folders whose programs are meant by their bare name too.
const SYSTEM_FOLDERS: &[&str] = &["/usr/local/bin/", "/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/"];

/// The bare name of a program where its folder is one of the system's; a path of one's own stays as it is.
#[must_use]
pub fn base_name(program: &str) -> &str {
    SYSTEM_FOLDERS
        .iter()
        .find_map(|folder| program.strip_prefix(folder))
        .filter(|name| !name.is_empty() && !name.contains('/'))
        .unwrap_or(program)
}

/// Whether bash does this itself.
#[must_use]
pub fn is_builtin(name: &str) -> bool {
    BUILTINS.contains(&name)
}

/// Whether real bash in the sandbox has this program or builtin itself, so that it reaches no infrastructure.
#[must_use]
pub fn is_sandbox_program(name: &str) -> bool {
    let name = base_name(name);
    is_builtin(name) || SANDBOX.contains(&name)
}

/// Whether this call of a program of the sandbox is one for the broker all the same: `openssl s_client`.
pub(crate) fn reaches_out(argv: &[String]) -> bool {
    matches!(argv, [name, command, ..] if base_name(name) == "openssl" && matches!(command.as_str(), "s_client" | "s_time"))
}

/// For a program that only starts another: which of its options take a value.
pub(crate) fn wrapper_options(name: &str) -> Option<&'static [&'static str]> {
    WRAPPERS.iter().find(|(wrapper, _)| *wrapper == name).map(|(_, options)| *options)
}

/// Whether a program of the sandbox goes on until it is stopped, by its arguments (`argv[0]` is its name).
pub(crate) fn follows(argv: &[String]) -> bool {
    let arguments = &argv[1..];
    let has = |options: &[&str]| arguments.iter().any(|argument| options.contains(&argument.as_str()));
    let short = |letter| arguments.iter().any(|argument| crate::call::is_short_option(argument, letter));
    match argv[0].as_str() {
        "watch" | "htop" | "yes" => true,
        "top" => !(short('n') || short('b') && has(&["-n1"])),
        "tail" => short('f') || short('F') || has(&["--follow"]),
        "journalctl" => short('f') || has(&["--follow"]),
        "ping" => !short('c'),
        "iostat" | "vmstat" | "mpstat" | "pidstat" | "sar" => {
            arguments.iter().filter(|argument| argument.parse::<u64>().is_ok()).count() == 1
        }
        "sleep" => has(&["infinity", "inf"]),
        _ => false,
    }
}
