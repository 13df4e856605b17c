//! A throw-away PostgreSQL for the contract tests: its own folder, its own port on 127.0.0.1, its own password.

use std::fs::{self, DirBuilder};
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::process;

const USER: &str = "portal";
const READY: &str = "database system is ready to accept connections";

/// A running server. Dropping it stops the server and removes its folder.
pub(crate) struct Postgres {
    server: Child,
    folder: PathBuf,
    url: String,
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
        let folder = std::env::temp_dir().join(format!("runbook-portal-postgres-{}", std::process::id()));
        // Creating it fails where it exists: nobody else's folder is ever used, or removed.
        DirBuilder::new().mode(0o700).create(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let started = start_in(&folder, &programs, owner);
        if started.is_err() {
            drop(fs::remove_dir_all(&folder));
        }
        let (server, url) = started?;
        Ok(Self { server, folder, url })
    }

    /// How to connect, as a user who may do everything.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGINT is PostgreSQL's fast shutdown: it does not wait for whoever is still connected.
        if let Err(error) = process::end(&mut self.server, "-INT") {
            process::say(format_args!("PostgreSQL was not stopped: {error:#}"));
        }
        drop(fs::remove_dir_all(&self.folder));
    }
}

fn start_in(folder: &Path, programs: &Path, owner: Option<Owner>) -> Result<(Child, String)> {
    let password = random_word()?;
    let password_file = folder.join("password");
    fs::write(&password_file, &password).context("cannot write PostgreSQL's password file")?;
    if let Some(owner) = owner {
        for path in [folder, &password_file] {
            chown(path, Some(owner.user), Some(owner.group))
                .with_context(|| format!("cannot give {} away", path.display()))?;
        }
    }
    let data = folder.join("data");

    let mut initdb = Command::new(programs.join("initdb"));
    run_as(&mut initdb, owner);
    initdb
        .current_dir(folder)
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
    server.current_dir(folder).arg("-D").arg(&data);
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
    let mut server = server.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().context("cannot start postgres")?;
    let url = format!("postgres://{USER}:{password}@127.0.0.1:{port}/postgres");
    match wait_until_ready(&mut server) {
        Ok(()) => Ok((server, url)),
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

/// A port that was free a moment ago.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port on 127.0.0.1")?;
    Ok(listener.local_addr()?.port())
}

/// 128 random bits: whoever else uses this machine cannot connect.
fn random_word() -> Result<String> {
    let mut bytes = [0; 16];
    fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .context("cannot read /dev/urandom")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
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
        let folder = postgres.folder.clone();
        let (_, place) = postgres.url().split_once('@').unwrap();
        let address = place.trim_end_matches("/postgres").to_owned();
        TcpStream::connect(&address).unwrap();
        assert!(folder.is_dir());
        drop(postgres);
        assert!(TcpStream::connect(&address).is_err());
        assert!(!folder.exists());
    }
}
