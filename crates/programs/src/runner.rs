//! What all programs have in common: finding them, their files, their errand, and what is said when it fails.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use command::Refusal;
use command::external::Argument;
use operations::{Call, CallIo, Environment, FileError, OpenTerminal, Stream};
use sandbox::{Access, Door, Errand, ErrandError, Errands, Input, inside};

use crate::masked::Masked;
use crate::{Installed, Reach, Settings};

/// Where the system has programs.
const FOLDERS: [&str; 3] = ["/usr/local/bin", "/usr/bin", "/bin"];
/// Where Debian has the clients of PostgreSQL themselves; those in `/usr/bin` are a script that chooses one.
const POSTGRES: &str = "/usr/lib/postgresql";
/// The system's authorities, as Debian and what descends from it keep them.
pub(crate) const SYSTEM_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Those and the environment's own.
const AUTHORITIES: &str = "authorities/all.pem";
/// Makes C programs print line by line.
const STDBUF: &str = "/usr/bin/stdbuf";
/// A file that a call reads, in bytes: it is copied.
const FILE: usize = 16 << 20;
/// Where nothing ran: EX_UNAVAILABLE of sysexits.h.
const UNAVAILABLE: u8 = 69;

/// Programs of the table, the Debian package of each.
const PACKAGES: [(&str, &str); 9] = [
    ("aws", "awscli"),
    ("curl", "curl"),
    ("openssl", "openssl"),
    ("pg_dump", "postgresql-client"),
    ("pg_isready", "postgresql-client"),
    ("pg_restore", "postgresql-client"),
    ("psql", "postgresql-client"),
    ("redis-cli", "redis-tools"),
    ("wget", "wget"),
];

/// One call of a program, ready but for its files.
pub(crate) struct Job<'a> {
    pub(crate) tool: &'static str,
    /// What the portal says itself, before the caller's words.
    pub(crate) before: Vec<String>,
    pub(crate) arguments: &'a [Argument],
    /// What comes last.
    pub(crate) after: Vec<String>,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) files: BTreeMap<String, Bytes>,
    pub(crate) workspace: Access,
    pub(crate) input: Input,
    pub(crate) doors: Vec<Door>,
    /// How it prints.
    pub(crate) printing: Printing,
    /// Masked in what it prints.
    pub(crate) secrets: Vec<String>,
    /// What the program itself returns where it cannot read a file.
    pub(crate) unreadable: u8,
}

/// How a program prints into a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Printing {
    /// As it likes: C programs fill a buffer first.
    Own,
    /// Line by line, for somebody who watches (`stdbuf(1)`).
    Lines,
}

/// Runs calls. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Runner {
    errands: Errands,
    settings: Arc<Settings>,
}

impl Runner {
    pub(crate) fn new(errands: Errands, settings: Arc<Settings>) -> Self {
        Self { errands, settings }
    }

    /// What this environment reaches, where anything is configured for it.
    pub(crate) fn reach(&self, environment: &Environment) -> Option<&Reach> {
        self.settings.environments.get(&environment.name)
    }

    /// The program, where it is installed.
    pub(crate) fn installed(&self, tool: &str) -> Result<Installed, Refusal> {
        let told = self.settings.installed.get(tool).cloned();
        let found = told.clone().or_else(|| find(tool).map(|path| Installed { path, read_only: Vec::new() }));
        found.filter(|installed| installed.path.is_file()).ok_or_else(|| {
            let package = PACKAGES.iter().find(|(name, _)| *name == tool).map_or(tool, |(_, package)| package);
            let where_to = told.map_or_else(String::new, |told| format!(" (looked for at {})", told.path.display()));
            Refusal::not_available(format!(
                "`{tool}` is not installed on the portal's machine{where_to}: install it there (Debian: `apt-get install \
                 {package}`) or tell the portal's configuration where it is."
            ))
        })
    }

    /// Lets a call trust the environment's own authorities beside the system's, where it has any: returns their file.
    pub(crate) fn trust(&self, environment: &Environment, job: &mut Job<'_>) -> Option<String> {
        let own = self.reach(environment).map(|reach| &reach.authorities).filter(|own| !own.is_empty())?;
        let mut all = std::fs::read(SYSTEM_AUTHORITIES).unwrap_or_default();
        all.extend_from_slice(own);
        job.files.insert(AUTHORITIES.to_owned(), all.into());
        let path = format!("{}/{AUTHORITIES}", inside::FILES);
        // curl, OpenSSL, aws
        for name in ["CURL_CA_BUNDLE", "SSL_CERT_FILE", "AWS_CA_BUNDLE"] {
            job.variables.insert(name.to_owned(), path.clone());
        }
        Some(path)
    }

    /// Runs a call to its end.
    pub(crate) async fn run(&self, job: Job<'_>, call: &Call, io: &dyn CallIo) -> u8 {
        self.start(job, call, None, io).await
    }

    /// The same for somebody at a terminal.
    pub(crate) async fn talk(&self, job: Job<'_>, call: &Call, terminal: OpenTerminal, io: &dyn CallIo) -> u8 {
        self.start(job, call, Some(terminal), io).await
    }

    async fn start(&self, job: Job<'_>, call: &Call, terminal: Option<OpenTerminal>, io: &dyn CallIo) -> u8 {
        let ended = io.ended();
        let errand = tokio::select! {
            biased;
            () = ended.cancelled() => return 1,
            errand = self.errand(&job, call, io) => errand,
        };
        let errand = match errand {
            Ok(errand) => errand,
            Err(refusal) => {
                say(io, &refusal.reason).await;
                return refusal.exit_code;
            }
        };
        let masked = Masked::new(io, &job.secrets);
        let done = match terminal {
            Some(terminal) => self.errands.talk(errand, terminal, &masked).await,
            None => self.errands.run(errand, &masked).await,
        };
        masked.finish().await;
        match done {
            Ok(code) => code,
            Err(error) => {
                if !matches!(error, ErrandError::Unavailable(_)) {
                    tracing::error!(
                        tool = job.tool,
                        error = &error as &dyn std::error::Error,
                        "a real program could not be started"
                    );
                }
                say(io, &format!("runbook-portal: {} was not started: {error}", job.tool)).await;
                UNAVAILABLE
            }
        }
    }

    async fn errand(&self, job: &Job<'_>, call: &Call, io: &dyn CallIo) -> Result<Errand, Refusal> {
        let Installed { path, mut read_only } = self.installed(job.tool)?;
        if !path.starts_with("/usr") && !read_only.iter().any(|folder| path.starts_with(folder)) {
            read_only.push(path.clone());
        }
        let (mut arguments, mut files) = (Vec::new(), job.files.clone());
        let program = match job.printing {
            Printing::Lines if Path::new(STDBUF).is_file() => {
                arguments.extend(["-oL".to_owned(), path.to_string_lossy().into_owned()]);
                STDBUF.into()
            }
            _ => path,
        };
        arguments.extend_from_slice(&job.before);
        for (at, argument) in job.arguments.iter().enumerate() {
            arguments.push(match argument {
                Argument::Plain(word) => word.clone(),
                Argument::Output { before, path } => format!("{before}{}", output(call, path)?),
                Argument::Input { before, path, after } => {
                    let content = io.read_file(path, FILE).await.map_err(|error| unreadable(job, path, &error))?;
                    let name = Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or("file");
                    let name = format!("{at}/{name}");
                    let given = format!("{before}{}/{name}{after}", inside::FILES);
                    files.insert(name, content);
                    given
                }
            });
        }
        arguments.extend_from_slice(&job.after);
        let directory = if in_workspace(&call.directory) { &call.directory } else { inside::WORKSPACE };
        Ok(Errand {
            program,
            arguments,
            directory: directory.to_owned(),
            variables: job.variables.clone(),
            files,
            read_only,
            workspace: job.workspace,
            input: job.input,
            doors: job.doors.clone(),
            limits: self.settings.limits,
        })
    }
}

fn unreadable(job: &Job<'_>, path: &str, error: &FileError) -> Refusal {
    Refusal { reason: format!("{}: {path}: {error}", job.tool), exit_code: job.unreadable }
}

/// Whether a call's folder is the run's, where what it writes stays.
pub(crate) fn in_workspace(directory: &str) -> bool {
    Path::new(directory).starts_with(inside::WORKSPACE)
}

/// The absolute path of a file that a call writes, where that is in the workspace.
pub(crate) fn output(call: &Call, path: &str) -> Result<String, Refusal> {
    let mut parts: Vec<&str> = Vec::new();
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", call.directory) };
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let clean = format!("/{}", parts.join("/"));
    if in_workspace(&clean) && clean != inside::WORKSPACE {
        return Ok(clean);
    }
    Err(Refusal::not_permitted(format!(
        "`{}` may not write `{path}`: a file that a call leaves must be below /workspace. Name one there.",
        call.tool()
    )))
}

/// Whether all files that a call writes may be written.
pub(crate) fn outputs(call: &Call, arguments: &[Argument]) -> Result<(), Refusal> {
    arguments.iter().try_for_each(|argument| match argument {
        Argument::Output { path, .. } => output(call, path).map(drop),
        _ => Ok(()),
    })
}

/// One line on the caller's standard error.
pub(crate) async fn say(io: &dyn CallIo, line: &str) {
    if io.write(Stream::Stderr, Bytes::from(format!("{line}\n"))).await.is_err() {
        tracing::debug!("a caller left before it was told: {line}");
    }
}

fn find(tool: &str) -> Option<PathBuf> {
    let newest = || {
        let versions = std::fs::read_dir(POSTGRES).ok()?;
        let versions = versions.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
        let mut versions: Vec<u32> = versions.collect();
        versions.sort_unstable();
        let paths = versions.into_iter().rev().map(|version| PathBuf::from(format!("{POSTGRES}/{version}/bin/{tool}")));
        paths.into_iter().find(|path| path.is_file())
    };
    let own = if tool.starts_with("pg_") || tool == "psql" { newest() } else { None };
    own.or_else(|| FOLDERS.iter().map(|folder| Path::new(folder).join(tool)).find(|path| path.is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_written_below_the_workspace_only() {
        let call = |directory: &str| Call { argv: vec!["curl".into()], directory: directory.into() };
        for (directory, path, expected) in [
            ("/workspace", "x", Some("/workspace/x")),
            ("/workspace/a", "../x", Some("/workspace/x")),
            ("/tmp", "/workspace/x", Some("/workspace/x")),
            ("/workspace", "../x", None),
            ("/workspace", "/workspace/../etc/x", None),
            ("/workspace", "/workspacex/y", None),
            ("/tmp", "x", None),
            ("/workspace", ".", None),
            ("/workspace", "/run/files/x", None),
        ] {
            assert_eq!(output(&call(directory), path).ok().as_deref(), expected, "{directory} {path}");
        }
    }
}
