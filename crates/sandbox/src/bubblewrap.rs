//! The arguments of bubblewrap: what of the machine is inside, and what is not.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use operations::Limits;

use crate::inside;

/// Size of the private `/tmp`, in bytes; it is memory.
const TMP: u64 = 128 << 20;
/// Size of `/dev/shm`, in bytes; it is memory, too.
const SHARED_MEMORY: u64 = 32 << 20;
/// Size of [`inside::FILES`], in bytes; it is memory.
const FILES: u64 = 64 << 20;
/// Folders of the system beside `/usr`: links into it on a merged system, folders elsewhere.
const BESIDE_USR: [&str; 6] = ["/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32"];
/// What programs need of `/etc`. Nothing of it is secret, and nothing of the portal's is among it.
const ETC: [&str; 14] = [
    "/etc/alternatives",
    "/etc/ca-certificates.conf",
    "/etc/crypto-policies",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/pki/ca-trust/extracted",
    "/etc/pki/tls/certs",
    "/etc/protocols",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/timezone",
];
/// Parts of `/usr` that hold configuration of this machine.
const HIDDEN: [&str; 2] = ["/usr/local/etc", "/usr/etc"];
/// Where programs are.
const PROGRAMS: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
/// Programs that are many in one: covering one of their names would take away all of them.
const MANY_IN_ONE: [&str; 4] = ["busybox", "toybox", "coreutils", "uutils"];

/// How bubblewrap gives up the power that it needs to set up folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Started by root, without a user namespace: the shim changes to a user of the run's own.
    Root {
        /// The first of those users, and how many there are.
        users: (u32, u32),
    },
    /// In a user namespace that maps the portal's own user, and no further ones inside where bubblewrap can do that.
    User {
        /// `--disable-userns`, since bubblewrap 0.8.
        sealed: bool,
    },
}

impl Mode {
    /// The user id inside, of a run whose id ends in these bytes.
    pub(crate) fn user(self, run: u32) -> u32 {
        match self {
            Self::Root { users: (first, count) } => first + run % count,
            Self::User { .. } => 1000,
        }
    }

    /// The user id to give files and pipes to, where it is not the portal's own.
    pub(crate) fn owner(self, run: u32) -> Option<u32> {
        matches!(self, Self::Root { .. }).then(|| self.user(run))
    }
}

/// What one execution binds.
pub(crate) struct Binds<'a> {
    /// Becomes [`inside::FOLDER`].
    pub(crate) folder: &'a Path,
    /// Becomes [`inside::WORKSPACE`].
    pub(crate) workspace: &'a Path,
    /// Becomes [`inside::SHIM`], and stands before each brokered program of the machine.
    pub(crate) shim: &'a Path,
    /// Names of programs that are links to the shim.
    pub(crate) brokered: &'a [String],
}

/// What an errand binds.
pub(crate) struct ErrandBinds<'a> {
    /// Becomes [`inside::FOLDER`].
    pub(crate) folder: &'a Path,
    /// Becomes [`inside::SHIM`].
    pub(crate) shim: &'a Path,
    /// Becomes [`inside::WORKSPACE`], where the program may see it.
    pub(crate) workspace: Option<Workspace<'a>>,
    /// Stay where they are, read-only: programs that are not installed below `/usr`.
    pub(crate) read_only: &'a [PathBuf],
}

/// What an errand's program has for its streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Launcher {
    Pipes,
    /// A terminal, which the launcher makes the program's own.
    Terminal,
}

/// A run's folder, for a program that only reads it or also writes into it.
pub(crate) enum Workspace<'a> {
    Read(&'a Path),
    Write(&'a Path),
}

/// The arguments of an errand up to the command inside: as a step's, but the real programs and no `/proc`, which would
/// show the environment that holds the credentials.
pub(crate) fn errand(mode: Mode, binds: &ErrandBinds<'_>) -> Vec<OsString> {
    let mut list = Arguments::default();
    confine(&mut list, mode);
    for (name, value) in inside::ERRAND_ENVIRONMENT {
        list.words(&["--setenv", name, value]);
    }
    system(&mut list);
    list.words(&["--dev", "/dev", "--remount-ro", "/dev"]);
    memory(&mut list);
    list.words(&["--perms", "0755", "--size", &FILES.to_string(), "--tmpfs", inside::FILES]);
    match binds.workspace {
        Some(Workspace::Read(path)) => list.bind("--ro-bind", path, Path::new(inside::WORKSPACE)),
        Some(Workspace::Write(path)) => list.bind("--bind", path, Path::new(inside::WORKSPACE)),
        None => {}
    }
    for path in binds.read_only.iter().filter(|path| !path.starts_with("/usr")) {
        let above: Vec<&Path> = path.ancestors().skip(1).filter(|folder| *folder != Path::new("/")).collect();
        for folder in above.into_iter().rev() {
            list.words(&["--dir"]);
            list.0.push(folder.into());
        }
        list.bind("--ro-bind", path, path);
    }
    list.bind("--ro-bind", binds.folder, Path::new(inside::FOLDER));
    list.bind("--ro-bind", binds.shim, Path::new(inside::SHIM));
    list.words(&["--remount-ro", "/", "--chdir", "/", "--"]);
    list.0
}

/// Nothing of the machine's but its files, and those only as far as they are bound afterwards.
fn confine(list: &mut Arguments, mode: Mode) {
    match mode {
        Mode::Root { .. } => {
            list.words(&["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]);
            list.words(&["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]);
        }
        Mode::User { sealed } => {
            list.words(&["--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"]);
            if sealed {
                list.words(&["--disable-userns"]);
            }
        }
    }
    list.words(&["--die-with-parent", "--new-session", "--hostname", "runbook", "--clearenv"]);
}

/// Folders that are memory.
fn memory(list: &mut Arguments) {
    for (size, folder) in [(SHARED_MEMORY, "/dev/shm"), (TMP, "/tmp")] {
        list.words(&["--perms", "1777", "--size", &size.to_string(), "--tmpfs", folder]);
    }
    list.words(&["--symlink", "/tmp", "/var/tmp"]);
}

/// The arguments of a step up to the command inside.
pub(crate) fn arguments(mode: Mode, binds: &Binds<'_>) -> Vec<OsString> {
    let mut list = Arguments::default();
    confine(&mut list, mode);
    for (name, value) in inside::ENVIRONMENT {
        list.words(&["--setenv", name, value]);
    }
    system(&mut list);
    // Read-only, too: bubblewrap leaves the settings in `/proc/sys` to the rights of their files, and to root they
    // would be open.
    list.words(&["--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]);
    memory(&mut list);
    list.bind("--bind", binds.workspace, Path::new(inside::WORKSPACE));
    list.bind("--ro-bind", binds.folder, Path::new(inside::FOLDER));
    list.bind("--ro-bind", binds.shim, Path::new(inside::SHIM));
    let watch = binds.folder.join("bin/watch");
    // Of those that are calls only in part, the shim starts the machine's own.
    let whole = |name: &&str| !inside::PARTLY.iter().any(|(partly, _)| partly == name);
    for program in covered(binds.brokered.iter().map(String::as_str).filter(whole)) {
        list.bind("--ro-bind", binds.shim, &program);
    }
    for program in covered(["watch"].into_iter().filter(|name| !binds.brokered.iter().any(|brokered| brokered == name)))
    {
        list.bind("--ro-bind", &watch, &program);
    }
    list.words(&["--remount-ro", "/", "--chdir", "/", "--"]);
    list.0
}

/// The command inside: the shim sets the limits and becomes the rest.
pub(crate) fn launch(mode: Mode, run: u32, limits: &Limits) -> Vec<OsString> {
    let mut list = Arguments::default();
    order(&mut list, "--launch", mode.owner(run), limits);
    list.words(&["/bin/bash", "--noprofile", "--norc", inside::START]);
    list.0
}

/// The command inside, of an errand: the shim opens the doors, takes what is given, sets the limits and becomes the
/// program.
pub(crate) fn launch_errand(
    launcher: Launcher,
    user: Option<u32>,
    limits: &Limits,
    directory: &str,
    ports: &[u16],
) -> Vec<OsString> {
    let mut list = Arguments::default();
    let order_word = match launcher {
        Launcher::Pipes => "--errand",
        Launcher::Terminal => "--terminal",
    };
    order(&mut list, order_word, user, limits);
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    list.words(&[directory, &ports.join(",")]);
    list.0
}

fn order(list: &mut Arguments, order: &str, user: Option<u32>, limits: &Limits) {
    let user = user.map_or_else(|| "-".to_owned(), |user| user.to_string());
    let processes = if counts_by_namespace() { limits.processes.saturating_add(1).to_string() } else { "-".to_owned() };
    list.words(&[inside::SHIM, order, &user, &limits.memory.to_string(), &processes, &limits.file_size.to_string()]);
}

/// Whether the kernel counts `RLIMIT_NPROC` within a user namespace (Linux 5.14); before, it would count everything
/// that the portal's user runs on the machine. The watchdog counts, too.
fn counts_by_namespace() -> bool {
    let Ok(release) = std::fs::read_to_string("/proc/sys/kernel/osrelease") else {
        return false;
    };
    let mut numbers = release.split(['.', '-']).map_while(|number| number.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(5), Some(14))
}

/// The read-only system.
fn system(list: &mut Arguments) {
    list.words(&["--ro-bind", "/usr", "/usr"]);
    // Folders that bubblewrap makes on the way to a bind are closed to everybody but root.
    list.words(&["--dir", "/etc", "--dir", "/run", "--dir", "/var"]);
    for folder in ["/etc/ssl", "/etc/pki", "/etc/pki/ca-trust", "/etc/pki/tls"] {
        if Path::new(folder).is_dir() {
            list.words(&["--dir", folder]);
        }
    }
    for folder in BESIDE_USR.map(Path::new) {
        match std::fs::read_link(folder) {
            Ok(target) => list.bind("--symlink", &target, folder),
            Err(_) if folder.is_dir() => list.bind("--ro-bind", folder, folder),
            Err(_) => {}
        }
    }
    for path in ETC.map(Path::new).into_iter().filter(|path| path.exists()) {
        list.bind("--ro-bind", path, path);
    }
    for name in ["passwd", "group", "hosts", "nsswitch.conf"] {
        list.words(&["--symlink", &format!("{}/{name}", inside::FOLDER), &format!("/etc/{name}")]);
    }
    for folder in HIDDEN.into_iter().filter(|folder| Path::new(folder).is_dir()) {
        list.words(&["--tmpfs", folder, "--remount-ro", folder]);
    }
}

/// The files of the machine that have these names, links followed: a bind must not go through a link.
fn covered<'a>(names: impl Iterator<Item = &'a str>) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = names
        .flat_map(|name| PROGRAMS.iter().map(move |folder| Path::new(folder).join(name)))
        .filter_map(|path| path.canonicalize().ok())
        .filter(|path| path.starts_with("/usr") || BESIDE_USR.iter().any(|folder| path.starts_with(folder)))
        .filter(|path| path.is_file() && !MANY_IN_ONE.iter().any(|name| path.ends_with(name)))
        .collect();
    files.sort_unstable();
    files.dedup();
    files
}

/// Arguments of a program.
#[derive(Default)]
struct Arguments(Vec<OsString>);

impl Arguments {
    fn words(&mut self, words: &[&str]) {
        self.0.extend(words.iter().map(OsString::from));
    }

    fn bind(&mut self, option: &str, from: &Path, to: &Path) {
        self.0.extend([option.into(), from.into(), to.into()]);
    }
}
