//! Alertmanager, which tells a portal of alerts. Debian's package has its program and `amtool`.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::http;
use super::server::Server;
use crate::process;
use crate::throwaway::{Folder, free_port, random_word};

/// What it is called: by Debian, and by its project.
const PROGRAMS: [&str; 2] = ["prometheus-alertmanager", "alertmanager"];

/// The file of the token, inside its folder.
const TOKEN: &str = "token";

/// The program, where it is installed.
pub(super) fn program() -> Option<PathBuf> {
    PROGRAMS.into_iter().find_map(process::find)
}

pub(super) struct Alertmanager {
    server: Server,
    port: u16,
    token: String,
}

impl Alertmanager {
    /// `portal` is the port on 127.0.0.1 of the portal that it tells.
    pub(super) fn launch(program: &Path, portal: u16) -> Result<Self> {
        let (port, token) = (free_port()?, random_word()?);
        let folder = Folder::new("alertmanager")?;
        let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.join(TOKEN));
        written.and_then(|mut file| file.write_all(token.as_bytes())).context("cannot write the token of alerts")?;
        let file = folder.join("alertmanager.yml");
        fs::write(&file, settings(portal, &folder.join(TOKEN))).context("cannot write the settings of Alertmanager")?;
        let mut command = process::bare_and_tied_to_us(program);
        command
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            // It is alone: no other one is looked for.
            .arg("--cluster.listen-address=")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.path={}", folder.join("data").display()));
        let server = Server::launch("Alertmanager", folder, &mut command)?;
        Ok(Self { server, port, token })
    }

    pub(super) fn wait(&mut self) -> Result<()> {
        let port = self.port;
        self.server.wait(|_| http::get(port, "/-/ready").map(drop))
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// By which the portal knows it.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// The token in a file that only its owner reads.
    pub(super) fn token_file(&self) -> PathBuf {
        self.server.folder().join(TOKEN)
    }
}

/// Quick: whoever tries it out waits for nothing. Real ones let a group gather for half a minute.
fn settings(portal: u16, token: &Path) -> String {
    let token = token.display();
    format!(
        "route:\n  receiver: portal\n  group_by: [alertname, namespace]\n  group_wait: 1s\n  group_interval: 5s\n  \
         repeat_interval: 1h\nreceivers:\n- name: portal\n  webhook_configs:\n  - \
         url: http://127.0.0.1:{portal}/api/alerts\n    http_config:\n      follow_redirects: false\n      \
         authorization:\n        credentials_file: {token}\n"
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::{Alertmanager, program};
    use crate::bench::{self, http};

    #[test]
    fn it_takes_these_settings_and_is_ready() {
        let Some(program) = program() else {
            return bench::skip("Alertmanager");
        };
        // Nobody listens where the portal would be: that keeps it from nothing.
        let mut alertmanager = Alertmanager::launch(&program, 9).unwrap();
        alertmanager.wait().unwrap();
        let status = http::get(alertmanager.port(), "/api/v2/status").unwrap();
        assert!(status.contains("127.0.0.1:9/api/alerts") && !status.contains(alertmanager.token()), "{status}");
        assert_eq!(alertmanager.token_file().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
