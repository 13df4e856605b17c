//! A throw-away PostgreSQL for tests: its own folder, its own port on 127.0.0.1, its own password.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::process;
use crate::throwaway::{Folder, free_port, random_word};

const USER: &str = "portal";
const READY: &str = "database system is ready to accept connections";

/// Counts statements and their times. It comes with PostgreSQL, but has to be loaded when the server starts.
const STATEMENTS: &str = "pg_stat_statements";

/// A running server. Dropping it stops the server and removes its folder.
pub(crate) struct Postgres {
    server: Child,
    programs: PathBuf,
    port: u16,
    password: String,
    /// Removed when the server has stopped: fields go after what [`Drop`] says.
    folder: Folder,
}

/// The folder of `initdb` and `postgres`: Debian keeps it off PATH, one for each major version.
pub(crate) fn programs() -> Option<PathBuf> {
    let on_path = process::find("postgres")
        .and_then(|path| path.canonicalize().ok())
        .and_then(|path| Some(path.parent()?.to_path_buf()));
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let of_debian = versions
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .max()
        .map(|(_, folder)| folder);
    [of_debian, on_path]
        .into_iter()
        .flatten()
        .find(|folder| ["initdb", "postgres"].iter().all(|name| process::is_program(&folder.join(name))))
}

impl Postgres {
    /// Starts a server, and waits until it takes connections.
    pub(crate) fn start() -> Result<Self> {
        let programs = programs().context("PostgreSQL's programs are not installed")?;
        let owner = Owner::for_server()?;
        let folder = Folder::new("postgres")?;
        let password = random_word()?;
        let (server, port) = start_in(&folder, &programs, owner, &password)?;
        Ok(Self { server, programs, port, password, folder })
    }

    /// How to connect, as a user who may do everything.
    pub(crate) fn url(&self) -> String {
        self.url_for(USER, "postgres")
    }

    /// How to connect as a role to a database. The roles that [`Self::seed`] makes all have one password.
    pub(crate) fn url_for(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    /// The port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The password of every role.
    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    /// Runs a script of psql, as a user who may do everything.
    pub(crate) fn seed(&self, script: &Path) -> Result<()> {
        let mut psql = process::bare(&self.programs.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--file"])
            .arg(script)
            .arg("--dbname")
            .arg(format!("host=127.0.0.1 port={} user={USER} dbname=postgres", self.port))
            // Nobody's own settings and history.
            .env("HOME", self.folder.path())
            // Not as arguments: those are there for everybody to read.
            .env("PGPASSWORD", &self.password)
            .env("BENCH_PASSWORD", &self.password)
            .stdout(Stdio::null());
        process::run(&mut psql)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGINT is PostgreSQL's fast shutdown: it does not wait for whoever is still connected.
        if let Err(error) = process::end(&mut self.server, "-INT") {
            process::say(format_args!("PostgreSQL was not stopped: {error:#}"));
        }
    }
}

fn start_in(folder: &Folder, programs: &Path, owner: Option<Owner>, password: &str) -> Result<(Child, u16)> {
    let password_file = folder.join("password");
    fs::write(&password_file, password).context("cannot write PostgreSQL's password file")?;
    if let Some(owner) = owner {
        for path in [folder.path(), &password_file] {
            chown(path, Some(owner.user), Some(owner.group))
                .with_context(|| format!("cannot give {} away", path.display()))?;
        }
    }
    let data = folder.join("data");

    let mut initdb = Command::new(programs.join("initdb"));
    run_as(&mut initdb, owner);
    initdb
        .current_dir(folder.path())
        .arg("--pgdata")
        .arg(&data)
        .arg("--pwfile")
        .arg(&password_file)
        .args(["--username", USER, "--auth=scram-sha-256"])
        .args(["--encoding=UTF8", "--locale=C", "--no-sync"])
        .stdout(Stdio::null());
    process::run(&mut initdb)?;

    let port = free_port()?;
    let mut server = process::tied_to_us(&programs.join("postgres"));
    run_as(&mut server, owner);
    server.current_dir(folder.path()).arg("-D").arg(&data);
    for setting in [
        "listen_addresses=127.0.0.1",
        &format!("port={port}"),
        "unix_socket_directories=",
        "max_connections=200",
        // The data is thrown away: nothing is lost when it does not survive a power cut.
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        // Tests provoke errors on purpose. To PostgreSQL `log` ranks above `error`, and being ready is a `log`.
        "log_min_messages=log",
    ] {
        server.args(["-c", setting]);
    }
    // Debian keeps what can be loaded beside `bin`.
    if programs.join("../lib").join(STATEMENTS).with_extension("so").is_file() {
        server.args(["-c", &format!("shared_preload_libraries={STATEMENTS}")]);
    }
    let mut server = server.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().context("cannot start postgres")?;
    match wait_until_ready(&mut server) {
        Ok(()) => Ok((server, port)),
        Err(error) => {
            drop(process::end(&mut server, "-INT"));
            Err(error)
        }
    }
}

/// Reads the server's log until it says that it is ready; the rest is read and forgotten, so that it never blocks.
fn wait_until_ready(server: &mut Child) -> Result<()> {
    let log = server.stderr.take().context("postgres has no log")?;
    let mut log = BufReader::new(log);
    let mut seen = String::new();
    loop {
        let start = seen.len();
        if log.read_line(&mut seen).context("cannot read postgres' log")? == 0 {
            bail!("postgres ended before it was ready:\n{seen}");
        }
        if seen[start..].contains(READY) {
            break;
        }
    }
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    Ok(())
}

/// Whom the server runs as: PostgreSQL refuses to be root.
#[derive(Clone, Copy)]
struct Owner {
    user: u32,
    group: u32,
}

impl Owner {
    fn for_server() -> Result<Option<Self>> {
        if !process::is_root() {
            return Ok(None);
        }
        ["postgres", "nobody"]
            .into_iter()
            .find_map(Self::named)
            .map(Some)
            .context("neither the user postgres nor nobody exists")
    }

    fn named(name: &str) -> Option<Self> {
        let id = |what| {
            let output = Command::new("id").args([what, name]).output().ok()?;
            String::from_utf8(output.stdout).ok()?.trim().parse().ok()
        };
        Some(Self { user: id("-u")?, group: id("-g")? })
    }
}

fn run_as(command: &mut Command, owner: Option<Owner>) {
    if let Some(owner) = owner {
        command.uid(owner.user).gid(owner.group);
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::{Postgres, programs};

    #[test]
    fn a_server_takes_connections_and_leaves_nothing_behind() {
        if programs().is_none() {
            println!("skipped: no PostgreSQL");
            return;
        }
        let postgres = Postgres::start().unwrap();
        let folder = postgres.folder.path().to_path_buf();
        let address = ("127.0.0.1", postgres.port());
        TcpStream::connect(address).unwrap();
        assert!(folder.is_dir());
        drop(postgres);
        assert!(TcpStream::connect(address).is_err());
        assert!(!folder.exists());
    }
}
