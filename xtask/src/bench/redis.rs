//! Redis with a password of its own. It keeps nothing: what it holds is gone when it ends.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::http;
use super::server::Server;
use crate::process;
use crate::throwaway::{Folder, free_port, random_word};

pub(super) const PROGRAM: &str = "redis-server";

pub(super) struct Redis {
    server: Server,
    port: u16,
    password: String,
}

impl Redis {
    pub(super) fn launch(program: &Path) -> Result<Self> {
        let (port, password) = (free_port()?, random_word()?);
        let folder = Folder::new("redis")?;
        // A file, for arguments are there for everybody to read.
        let settings = format!(
            "bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave \"\"\nappendonly no\nmaxmemory 64mb\n\
             slowlog-log-slower-than 0\nslowlog-max-len 128\n"
        );
        let file = folder.join("redis.conf");
        fs::write(&file, settings).context("cannot write the settings of Redis")?;
        let mut command = process::bare_and_tied_to_us(program);
        let server = Server::launch("Redis", folder, command.arg(&file))?;
        Ok(Self { server, port, password })
    }

    pub(super) fn wait(&mut self) -> Result<()> {
        let (port, password) = (self.port, self.password.clone());
        self.server.wait(|_| Session::start(port, &password).ok().map(drop))
    }

    /// With the password; database 0.
    pub(super) fn url(&self) -> String {
        format!("redis://:{}@127.0.0.1:{}/0", self.password, self.port)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn password(&self) -> &str {
        &self.password
    }

    /// Carries out the commands of a file, one a line.
    pub(super) fn seed(&self, script: &Path) -> Result<()> {
        let text = fs::read_to_string(script).with_context(|| format!("cannot read {}", script.display()))?;
        let mut session = Session::start(self.port, &self.password)?;
        text.lines().try_for_each(|line| session.run(line).map(drop))
    }
}

/// A connection that may do everything. Redis takes commands as they are typed, beside its protocol proper
/// (<https://redis.io/docs/latest/develop/reference/protocol-spec/#inline-commands>).
struct Session(BufReader<TcpStream>);

impl Session {
    fn start(port: u16, password: &str) -> Result<Self> {
        let mut session = Self(BufReader::new(http::connect(port)?));
        session.run(&format!("AUTH {password}"))?;
        session.run("PING")?;
        Ok(session)
    }

    /// The first line of the answer, where that is no error. Only for commands with a flat answer.
    fn run(&mut self, command: &str) -> Result<String> {
        self.0.get_mut().write_all(format!("{command}\r\n").as_bytes())?;
        let mut answer = String::new();
        self.0.read_line(&mut answer)?;
        let name = command.split(' ').next().unwrap_or_default();
        if answer.is_empty() || answer.starts_with('-') {
            bail!("Redis answers {name} with {:?}", answer.trim_end());
        }
        // A text follows its length; -1 is the length of what is not there.
        if answer.starts_with('$') && answer.trim_end() != "$-1" {
            answer.clear();
            self.0.read_line(&mut answer)?;
        }
        Ok(answer.trim_end().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::{PROGRAM, Redis, Session};
    use crate::process;

    #[test]
    fn redis_answers_who_knows_the_password_and_nobody_else() {
        let Some(program) = process::find(PROGRAM) else {
            return crate::bench::skip("Redis");
        };
        let mut redis = Redis::launch(&program).unwrap();
        redis.wait().unwrap();
        let mut session = Session::start(redis.port, &redis.password).unwrap();
        session.run("SET a b").unwrap();
        assert_eq!(session.run("GET a").unwrap(), "b");
        assert!(Session::start(redis.port, "wrong").is_err());
    }
}
